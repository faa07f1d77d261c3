"""The letter and appeal pack: the case as the record tells it, each fact present or "not known", and what may be cited, with its day.

It is a draft for a prescriber to read and sign. Nothing in it is a quotation, and no sentence of it was written by a payer or a guideline.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from handrail.actions.payer_gate import Planned, held_of, planned_of
from handrail.actions.payer_papers import papers_of
from handrail.actions.payer_requests import cautions_of, drugs, zone_of
from handrail.records import wire
from handrail.records.models import Course, PayerRequest
from handrail.rules.access import urgency_of
from handrail.rules.access_data import SUPPLY_WORDS, TOCILIZUMAB, evidence_file, sources_of
from handrail.rules.billing import units_of
from handrail.rules.caredata import tocilizumab
from handrail.rules.eligibility import Before
from handrail.rules.interchange import label_on
from handrail.rules.nextdose import latest_weighing
from handrail.rules.terms import Status, UnusableInput, civil_date, say_date, say_instant
from handrail.web.payers import pack
from handrail.web.payers.forms import product_choices
from handrail.web.payers.reading import billing_rows


def letter_context(row: PayerRequest, course: Course, now: datetime) -> dict[str, Any]:
    """What the template of the letter takes."""
    zone = zone_of(course)
    held = next(each for each in held_of(course) if each.row.pk == row.pk)
    today = civil_date(now, zone)
    papers = papers_of(course.organisation_id)
    appeal = held.standing.state in pack.APPEALS
    # The standing leaves out what was taken back or fits nowhere: that is no denial to argue against.
    denied = held.standing.answer if appeal else None
    before = pack.earlier(course, now)
    planned = planned_of(course, now)
    facts = _facts(row, course, before, planned, urgency_of(held.request, held.standing), now)
    prevention = row.drug == TOCILIZUMAB
    return {
        "title": "Appeal" if appeal else "Letter of medical necessity",
        "payer": row.payer,
        "organisation": course.organisation.name,
        "made": say_instant(now, zone),
        "drug": drugs().get(row.drug, row.drug),
        "facts": facts,
        "not_judged": planned.trouble,
        "missing": [name for name, value in facts if value is None],
        "not_held": pack.not_held(before),
        "plan": _plan(row, course, now),
        "denied": {"reason": denied.reason, "at": say_instant(denied.at, zone)} if denied else None,
        "went": pack.course_of_request(held, zone, appeal=appeal),
        "card": pack.card_against(papers, row, civil_date(denied.at, zone) if denied else None, today),
        "course_label": None if prevention else pack.label_of(course, now),
        "cautions": cautions_of(course, row, now),
        "prevention": prevention,
        **(_prevention(row, course, today) if prevention else {}),
    }  # fmt: skip


def _plan(row: PayerRequest, course: Course, now: datetime) -> dict[str, Any]:
    """What is asked for: every dose of the step-up, or the tocilizumab product that was chosen; all of them where none is chosen yet."""
    plan = billing_rows(course, now)
    chosen = dict(product_choices()).get(row.product)
    plan["prevention"] = [each for each in plan["prevention"] or () if chosen in (None, each["product"])]
    return plan


def _facts(
    row: PayerRequest, course: Course, before: Before, planned: Planned, urgency: str | None, now: datetime
) -> list[tuple[str, str | None]]:
    """The facts of the case, in the order in which a reviewer looks for them. None: not known."""
    patient, known, zone = course.patient, course.facts, zone_of(course)
    weight = _weight(course, now)
    code = None if row.drug == TOCILIZUMAB else units_of(course.product, Decimal(1), civil_date(now, zone)).code
    if row.drug == TOCILIZUMAB and row.product:
        product = next((each for each in tocilizumab().product if each.id == row.product), None)
        agent = f"{TOCILIZUMAB}{product.suffix or ''}" if product is not None else TOCILIZUMAB
        code = units_of(agent, Decimal(1), civil_date(now, zone)).code
    ecog = known.get("ecog_0_4")
    return [
        ("Patient", patient.name or None),
        ("Date of birth", patient.birth_date_text or None),
        ("Record number", patient.mrn or None),
        ("Weight", weight),
        ("Performance status (ECOG)", None if ecog is None else str(ecog)),
        *pack.earlier_rows(before),
        ("Drug of the course", course.product),
        ("Product asked for", dict(product_choices()).get(row.product) if row.drug == TOCILIZUMAB else course.product),
        ("Billing code", code),
        ("Planned for", say_date(planned.on) if planned.on else None),
        ("Where the step-up is planned", row.setting or None),
        ("Site", course.site.name if course.site else None),
        ("Supply", SUPPLY_WORDS.get(row.supply) if row.supply else None),
        ("Urgency", urgency),
    ]


def _weight(course: Course, now: datetime) -> str | None:
    try:
        history, _ = wire.history_of(course, now)
    except UnusableInput:
        return None
    said = latest_weighing(history)
    if said is None or said.body.weight_kg is None:
        return None
    return f"{said.body.weight_kg} kg on {say_date(civil_date(said.at, said.zone))}"


def _prevention(row: PayerRequest, course: Course, today: date) -> dict[str, Any]:
    """What may be cited for tocilizumab before step-up; each study names the drugs that it is about."""
    data, sources = evidence_file(), sources_of("evidence-1")
    edition = papers_of(course.organisation_id).guideline(today)
    studies = [
        {
            "id": each.id,
            "title": each.title,
            "published": each.published,
            "setting": f"{', '.join(each.drugs)}: {each.setting}",
            "with": f"{each.crs_with} of {each.patients}",
            "without": f"{each.crs_without} of {each.without_patients}"
            if each.without_patients is not None
            else "none",
            "words": each.words,
            "unread": each.status is Status.UNVERIFIED,
            "sources": [sources[key] for key in each.source],
        }
        for each in data.study
    ]
    label = label_on(row.product, "iv", today) if row.product else None
    return {
        "studies": studies,
        "together": data.together.words,
        "off_label": data.off_label.words,
        "edition": edition and {
            "name": edition.payload.get("name", edition.key),
            "version": edition.payload.get("version", ""),
            "on": say_date(edition.since),
            "words": edition.payload.get("words", ""),
        },
        "guideline": {
            "name": data.guideline.name,
            "words": data.guideline.words,
            "sources": [sources[key] for key in data.guideline.source],
        },
        "label": label.because if label is not None else None,
    }  # fmt: skip
