"""Who a FHIR Patient resource is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from handrail.fhir.bundle import Entry
from handrail.fhir.record import Identity, Name
from handrail.fhir.times import Precision, parse_when
from handrail.fhir.values import codings, items, objects, text

GENDERS: Final = ("male", "female", "other")
LANGUAGE_TAGS: Final = "urn:ietf:bcp:47"
_NAME_ORDER: Final = ("official", "usual", None, "nickname", "temp", "anonymous", "maiden", "old")


def read_identity(entry: Entry) -> tuple[Identity, list[str]]:
    """The identity that a Patient resource gives, and what was there and could not be read (field names only)."""
    patient = entry.resource
    unreadable: list[str] = []
    born = parse_when(patient.get("birthDate"))
    if born is not None and born.precision is Precision.INSTANT:
        born = None
    if born is None and "birthDate" in patient:
        unreadable.append("birth date")
    gender = patient.get("gender")
    if gender is not None and gender not in (*GENDERS, "unknown"):
        unreadable.append("sex")
    died = parse_when(patient.get("deceasedDateTime"))
    identity = Identity(
        reference=entry.reference,
        names=_names(patient),
        identifiers=tuple(
            (text(item.get("system")) or "", value)
            for item in objects(patient.get("identifier"))
            if item.get("use") != "old" and (value := text(item.get("value"))) is not None
        ),
        birth_date=born.text if born else None,
        gender=gender if gender in GENDERS else None,
        phones=_phones(patient),
        addresses=tuple(_address(item) for item in objects(patient.get("address")) if item.get("use") != "old"),
        language=_language(patient),
        deceased=_deceased(patient),
        deceased_on=died.text if died else None,
    )
    return identity, unreadable


def _names(patient: Mapping[str, Any]) -> tuple[Name, ...]:
    found = [
        Name(
            use=use if (use := text(item.get("use"))) in _NAME_ORDER else None,
            given=_joined(items(item.get("given"))),
            family=text(item.get("family")) or "",
            text=text(item.get("text")) or "",
        )
        for item in objects(patient.get("name"))
    ]
    return tuple(sorted((name for name in found if name.full), key=lambda name: _NAME_ORDER.index(name.use)))


def _phones(patient: Mapping[str, Any]) -> tuple[str, ...]:
    usable = [
        item
        for item in objects(patient.get("telecom"))
        if item.get("system") in ("phone", "sms") and item.get("use") != "old"
    ]
    ranked = sorted(usable, key=lambda item: rank if isinstance(rank := item.get("rank"), int) else len(usable) + 1)
    return tuple(value for item in ranked if (value := text(item.get("value"))) is not None)


def _address(item: Mapping[str, Any]) -> str:
    parts = (item.get(name) for name in ("city", "state", "postalCode", "country"))
    return _joined([*items(item.get("line")), *parts], ", ") or text(item.get("text")) or ""


def _joined(parts: Iterable[Any], between: str = " ") -> str:
    return between.join(words for part in parts if (words := text(part)) is not None)


def _language(patient: Mapping[str, Any]) -> str | None:
    spoken = sorted(objects(patient.get("communication")), key=lambda item: item.get("preferred") is not True)
    tags = (code for item in spoken for code in codings(item.get("language")))
    return next((code.code for code in tags if code.code and code.system in ("", LANGUAGE_TAGS)), None)


def _deceased(patient: Mapping[str, Any]) -> bool | None:
    """Any date, a readable one or not, says that the person has died."""
    if "deceasedDateTime" in patient or patient.get("deceasedBoolean") is True:
        return True
    return False if patient.get("deceasedBoolean") is False else None
