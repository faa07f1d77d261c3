"""The check-in form as it is sent: read without trust, kept as it was typed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from django.http import QueryDict

from handrail.actions.checkin_answers import NEURO_ANSWERS, NEURO_ITEMS, UNITS, VITALS, Answers

LONGEST_TEXT = 20
MOST_SYMPTOMS = 40
YES_NO = {"yes": True, "no": False}


def answers_from(form: QueryDict, known_symptoms: Sequence[str]) -> Answers:
    """The answers of a form. A word that no button of the page sends is left out; an id that cannot be read is made anew."""
    unit = form.get("unit", "")
    judged_by = form.get("judged_by", "")
    vitals = {name: form.get(name, "").strip()[:LONGEST_TEXT].replace("\x00", "") for name in VITALS}
    return Answers(
        id=_id(form.get("id", "")),
        temperature=form.get("temperature", "").strip()[:LONGEST_TEXT].replace("\x00", ""),
        unit=unit if unit in UNITS else "",
        antipyretic=form.get("antipyretic", ""),
        symptoms=tuple(word for word in known_symptoms if word in form.getlist("symptoms")[:MOST_SYMPTOMS]),
        none_of_these=form.get("none_of_these") == "yes",
        home_neuro={item: word for item in NEURO_ITEMS if (word := form.get(f"neuro_{item}", "")) in NEURO_ANSWERS},
        judged_by=judged_by if judged_by in ("caregiver", "patient") else "",
        caregiver_present=YES_NO.get(form.get("caregiver_present", "")),
        vitals={name: int(text) for name, text in vitals.items() if _whole(text)},
        vitals_unread={name: text for name, text in vitals.items() if text and not _whole(text)},
        medicine_pack_at_hand=YES_NO.get(form.get("medicine_pack_at_hand", "")),
    )


def alarm_from(form: QueryDict, known_signs: Sequence[str]) -> Answers:
    """The alarm of a form: signs and a temperature, whatever else is sent along."""
    unit = form.get("unit", "")
    return Answers(
        id=_id(form.get("id", "")),
        temperature=form.get("temperature", "").strip()[:LONGEST_TEXT].replace("\x00", ""),
        unit=unit if unit in UNITS else "",
        symptoms=tuple(word for word in known_signs if word in form.getlist("symptoms")[:MOST_SYMPTOMS]),
        alarm=True,
    )


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return uuid4()


def instant_from(text: str) -> datetime | None:
    """An instant with an offset, or None."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None
