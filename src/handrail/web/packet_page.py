"""What the page of a packet and its PDF show, as plain strings: both are made from the same written-out packet.

Page one holds what must not be missed; behind it stand the twenty sections, each field with its value or as not known, and its source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from django.http import HttpResponse

from handrail.actions.packets import Sealed
from handrail.rules.packet_parts import NOT_KNOWN, Change
from handrail.rules.telling import role_words
from handrail.rules.terms import STEP_WORDS
from handrail.web.pdf import Paper, as_file, pdf_of
from handrail.web.words import STATUS_WORDS, local_time, parse

SOURCE_WORDS: Final = {
    "event": "recorded",
    "rule": "worked out by rule",
    "label": "label",
    "policy": "site policy",
    "course": "course",
    "people": "patient record",
    "agreement": "agreement",
    "data": "programme data",
}
DOUBTFUL: Final = ("secondary", "unverified")
"""Statuses that stand beside the value."""

FIRST: Final = (
    ("The next dose", ("action", "step", "product", "amount", "weight"), "next_dose"),
    ("Its days", ("due_on", "earliest_on", "give_by", "restart_if_after", "after_that"), "next_dose"),
    ("Reactions", ("crs", "icans"), "toxicity"),
    ("Infection", ("infection",), "events"),
    ("Still watched", ("window", "next_dose"), "monitoring"),
    ("If there is fever", ("number", "numbers", "ed", "what"), "fever"),
    ("Who answers", ("responsible", "to", "now"), "duties"),
    ("The person", ("birth_date", "record_number", "phone", "language", "contact.1"), "person"),
)
"""The groups of page one: heading, fields and the section that holds them."""
ALLERGIES: Final = "Allergies, anticoagulants and code status are not known to Handrail: ask."


def shown(body: dict[str, Any], sealed: Sealed | None) -> dict[str, Any]:
    """The packet as its template takes it.

    Args:
        body: the packet, written out (`Packet.to_json`).
        sealed: the version that this is; None: made now, and kept nowhere.
    """
    zone = body["time_zone"]
    fields = {each["key"]: each for section in body["sections"] for each in section["fields"]}
    return {
        "product": body["product_words"],
        "synthetic": body["synthetic"],
        "who": fields["person.name"]["words"] or "",
        "made": _time(body["made_at"], zone),
        "number": sealed.row.number if sealed is not None else None,
        "version": sealed.row.pk if sealed is not None else None,
        "digest": sealed.row.sha256 if sealed is not None else "",
        "notes": body["notes"],
        "last_dose": _last_dose(body, zone),
        "first": [_group(title, names, section, fields, zone) for title, names, section in FIRST],
        "missing": sum(each["words"] is None for each in fields.values()),
        "of": len(fields),
        "allergies": ALLERGIES,
        "sections": [_section(each, zone) for each in body["sections"]],
    }


def printed(sealed: Sealed, paper: Paper, looked: dict[str, Any]) -> HttpResponse:
    """A sealed version as PDF, served as an attachment.

    Args:
        looked: who said what of its empty fields (`not_known.looked_at`).

    Raises:
        PdfUnavailable: what makes PDFs is not installed.
    """
    course_id, number = sealed.row.course_id, sealed.row.number
    context = {"packet": shown(sealed.body, sealed), "course_id": course_id, "looked": looked}
    made = pdf_of("handrail/packet_pdf.html", context, paper=paper, style="packet.css")
    return as_file(made, f"packet-{str(course_id)[:8]}-version-{number}-{paper}.pdf")


def change_rows(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """What changed, a row each; a line that was not there before is new."""
    return [
        {
            "section": each.section,
            "title": each.title,
            "label": each.label,
            "before": each.before if each.before is not None else "not there",
            "after": each.after if each.after is not None else "no longer there",
        }
        for each in changes
    ]


def _last_dose(body: dict[str, Any], zone: str) -> str:
    if not body["doses"]:
        return "no dose on record"
    last = body["doses"][-1]
    step = STEP_WORDS.get(last["step"] or "", f"which dose is {NOT_KNOWN}")
    at = _time(last["at"], zone) or f"time {NOT_KNOWN}"
    mg = f"{last['mg']} mg" if last["mg"] is not None else f"amount {NOT_KNOWN}"
    return f"{step}, {mg}, {at}"


def _group(title: str, names: Iterable[str], section: str, fields: dict[str, Any], zone: str) -> dict[str, Any]:
    keys = [f"{section}.{name}" for name in names]
    return {"title": title, "fields": [_field(fields[key], zone) for key in keys if key in fields]}


def _section(section: dict[str, Any], zone: str) -> dict[str, Any]:
    return {
        "number": section["number"],
        "key": section["key"],
        "title": section["title"],
        "fields": [_field(each, zone) for each in section["fields"]],
        "tables": [_table(each, zone) for each in section["tables"]],
    }


def _field(field: dict[str, Any], zone: str) -> dict[str, Any]:
    return {
        "key": field["key"],
        "label": field["label"],
        "words": field["words"] or "",
        "why": field["why"],
        "source": _source(field["origin"], zone) if field["words"] else "",
    }


def _table(table: dict[str, Any], zone: str) -> dict[str, Any]:
    return {
        "key": table["key"],
        "title": table["title"],
        "columns": table["columns"],
        "none": table["none"],
        "lines": [{"cells": line["cells"], "source": _source(line["origin"], zone)} for line in table["lines"]],
    }


def _source(origin: dict[str, Any] | None, zone: str) -> str:
    """Where it comes from: `recorded by nurse, Mon 2 Mar 10:00 CST · not read in the label itself`."""
    return ", ".join(_source_parts(origin, zone)) if origin is not None else ""


def _source_parts(origin: dict[str, Any], zone: str) -> Iterator[str]:
    by = f" by {role_words(origin['by'])}" if origin["by"] else ""
    yield f"{SOURCE_WORDS[origin['kind']]}{by}"
    if origin["kind"] == "event" and origin["at"]:
        yield _time(origin["at"], zone)
    if origin["row"]:
        yield f"row {origin['row']}"
    if origin["status"] in DOUBTFUL:
        yield STATUS_WORDS[origin["status"]]


def _time(text: str | None, zone: str) -> str:
    at: datetime | None = parse(text)
    return local_time(at, zone) if at is not None else ""
