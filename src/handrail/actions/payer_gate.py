"""What the access desk tells the readiness gate about a course and a day: lines 6 (authorisation) and 7 (tocilizumab)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from handrail import clock
from handrail.actions.payer_papers import papers_of
from handrail.actions.payer_requests import holidays_of, request_of, standing_of, zone_of
from handrail.records import wire
from handrail.records.models import Course, PayerEntry, PayerRequest
from handrail.rules.access import Request, Standing
from handrail.rules.access_data import TOCILIZUMAB, access_rules
from handrail.rules.access_gate import Asked, gate_evidence_bispecific, gate_evidence_tocilizumab, rescue_evidence
from handrail.rules.billing import units_of
from handrail.rules.doses import given_doses
from handrail.rules.events import DosePlanned
from handrail.rules.evidence import Evidence
from handrail.rules.pinned import protocol_for
from handrail.rules.setting_course import Around
from handrail.rules.setting_desks import authorisation_of, site_of_care
from handrail.rules.terms import UnusableInput
from handrail.rules.upcoming import open_plan

ASK: Final = (
    "What is written down of its requests, and their clocks, count all the same. Ask the prescriber for the day and the dose, "
    "and ask your site manager to have this put right."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A request with its entries, and where it stands."""

    row: PayerRequest
    entries: tuple[PayerEntry, ...]
    request: Request
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The day of the dose that comes next; None: none is planned, or `trouble` says in whole sentences why nobody can tell."""

    on: date | None
    trouble: str = ""


def held_of(course: Course) -> list[Held]:
    """The requests of a course, the latest first. Three queries."""
    holidays = holidays_of(course.organisation_id)
    rows = (
        course.payer_requests.prefetch_related("entries__by").select_related("opened_by").order_by("-opened_at", "id")
    )
    return [held(course, row, tuple(row.entries.all()), holidays) for row in rows]


def held(course: Course, row: PayerRequest, entries: tuple[PayerEntry, ...], holidays: frozenset[date]) -> Held:
    """One request that was read. No query."""
    return Held(row=row, entries=entries, request=request_of(row), standing=standing_of(course, row, entries, holidays))


def evidence_of(course: Course, on: date, *, now: datetime | None = None) -> dict[int, Evidence]:
    """Lines 6 and 7 for a dose of a course on a day.

    Args:
        on: the civil day of the dose at the site.
        now: what of the record is read; the papers count on `on`.

    Raises:
        UnusableInput: the course cannot be judged.
    """
    now = now or clock.now()
    found = held_of(course)
    asked, papers = asked_on(course, on, now), papers_of(course.organisation_id)
    rules = access_rules()
    drug = [(each.request, each.standing) for each in found if each.request.drug == course.product]
    prevention = [(each.request, each.standing) for each in found if each.request.drug == TOCILIZUMAB]
    return {
        6: gate_evidence_bispecific(drug, asked, rules),
        7: gate_evidence_tocilizumab(prevention, asked, papers.stock(asked.site, on), rules),
    }


def around_payer(course: Course, plan: DosePlanned | None, on: date) -> Around:
    """The part of `Around` that the access desk knows: the authorisation of the drug for a day, and where the payer pays for it.

    Args:
        plan: of the dose that comes next; None: nobody planned it.
    """
    drug = course.payer_requests.filter(drug=course.product)
    if not drug.exists():
        return Around()
    found = [(each.request, each.standing) for each in held_of(course) if each.request.drug == course.product]
    asked = _asked(course, plan, on)
    return Around(authorisation=authorisation_of(found, asked), payer=site_of_care(found, asked))


def rescue_of(course: Course, on: date, *, now: datetime) -> Evidence | None:
    """What the latest count of rescue doses at the site of the dose says for its day; None: nobody has counted there."""
    asked = asked_on(course, on, now)
    stock = papers_of(course.organisation_id).stock(asked.site, on)
    return rescue_evidence(stock, asked, access_rules()) if stock.counted_on is not None else None


def asked_on(course: Course, on: date, now: datetime) -> Asked:
    """The dose of that day as far as the record tells it: what nobody planned for the day, or for one before it, is not known."""
    return _asked(course, _plan(course, now), on)


def _asked(course: Course, plan: DosePlanned | None, on: date) -> Asked:
    # A plan whose day is over is of the dose that comes next: its site is asked for, and not that of the course.
    body = plan if plan is not None and plan.on is not None and plan.on <= on else None
    site = (body.at_site if body is not None else None) or (course.site.code if course.site else None)
    return Asked(
        on=on,
        zone=zone_of(course),
        step=body.step if body is not None else None,
        site=site,
        setting=body.setting if body is not None else None,
        code=units_of(course.product, Decimal(1), on).code,
    )


def planned_of(course: Course, now: datetime) -> Planned:
    """The day of the dose that is planned and not yet given; of a course that cannot be judged, why that cannot be said."""
    try:
        history, _ = wire.history_of(course, now)
        protocol_for(history, now)  # what will be billed is read there, and the gate judges nothing without it
    except UnusableInput as error:
        return Planned(on=None, trouble=f"Handrail cannot judge this course: {error.message} {ASK}")
    plan = open_plan(history, given_doses(history))
    return Planned(on=plan.body.on if plan is not None else None)


def _plan(course: Course, now: datetime) -> Any:
    history, _ = wire.history_of(course, now)
    plan = open_plan(history, given_doses(history))
    return plan.body if plan is not None else None
