"""The setting of a course's next dose: looked at, decided, and answered to the readiness gate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final
from uuid import UUID, uuid4

from handrail.actions.actor import Actor
from handrail.actions.errors import RefusedError
from handrail.actions.facts import record_event
from handrail.actions.payer_gate import around_payer
from handrail.actions.recording import Recorded
from handrail.actions.rems_look import sides_of
from handrail.actions.site_around import around_site
from handrail.records import wire
from handrail.records.models import Course
from handrail.records.policies import in_force
from handrail.rules.assess import assess
from handrail.rules.doses import given_doses
from handrail.rules.evidence import Evidence
from handrail.rules.history import History
from handrail.rules.pinned import protocol_for
from handrail.rules.policy import Policy
from handrail.rules.protocol import Protocol
from handrail.rules.setting_course import Around, dose_wanted
from handrail.rules.setting_desks import rems_papers
from handrail.rules.setting_evidence import (
    OPENNESS,
    SettingLook,
    caregiver_evidence,
    look_at_setting,
    setting_evidence,
    travel_evidence,
)
from handrail.rules.setting_record import DoseWanted
from handrail.rules.setting_rules import load_setting_rules
from handrail.rules.terms import UnusableInput
from handrail.rules.upcoming import open_plan

WITHHELD: Final = "withheld"
NO_DOSE: Final = "No dose is planned, and the schedule names none: plan the dose first."
YEAR: Final = len("2000")
OVER: Final = "The rules cannot judge this setting: "
LABEL_STRICT: Final = (
    "This site follows the label strictly, and the label asks for hospital after this dose: "
    "outside hospital is not offered here."
)
LABEL_UNSAID: Final = (
    "This site follows the label strictly, and whether the label asks for hospital after this dose cannot be said: "
    "outside hospital is not offered here. Not known: "
)
ASK: Final = "Ask the prescriber where this dose is given, and ask your site manager to have this put right."


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The setting of the next dose, or in one sentence why there is none to judge."""

    look: SettingLook | None
    history: History | None
    protocol: Protocol | None
    trouble: str = ""


def desk_of(course: Course, now: datetime) -> Desk:
    """The setting of the dose that comes next in a course, from everything that is on record."""
    try:
        history, policy = wire.history_of(course, now)
        protocol = protocol_for(history, now)
        look = _look(course, history, protocol, policy, now)
    except UnusableInput as error:
        return Desk(look=None, history=None, protocol=None, trouble=f"{OVER}{error.message} {ASK}")
    return Desk(look=look, history=history, protocol=protocol, trouble="" if look is not None else NO_DOSE)


def _look(course: Course, history: History, protocol: Protocol, policy: Policy, now: datetime) -> SettingLook | None:
    present = history.until(now)
    if _plans_differ(present):
        raise UnusableInput(
            "rival_plans",
            "Corrections of the plan stand side by side and do not name the same day, step, setting and site: plan the dose anew.",
            "dose_planned",
        )
    dose = dose_wanted(present, None, None, now)
    if dose is None:
        next_dose = assess(protocol, policy, history, now).next_dose
        meant = next_dose.would_be if next_dose.step is None and next_dose.would_be is not None else next_dose
        dose = dose_wanted(present, meant.step, next_dose.due_on, now)
    if dose is None:
        return None
    return look_at_setting(
        history, protocol, policy, load_setting_rules(), dose, now, around_of(course, present, dose, now)
    )


def _plans_differ(history: History) -> bool:
    """Whether corrections that stand side by side leave open which dose is planned, where and for which day."""
    if not history.conflicts:
        return False
    ways = history.ways()
    plans = [open_plan(each, given_doses(each)) for each in ways]
    return len({each and (each.body.step, each.body.on, each.body.setting, each.body.at_site) for each in plans}) > 1


def around_of(course: Course, history: History, dose: DoseWanted, now: datetime) -> Around:
    """What the programme knows beside the course: the year of birth, and what the desks of sites, REMS and access say of the dose."""
    open_ = open_plan(history, given_doses(history))
    plan = open_.body if open_ is not None else None
    year = course.patient.birth_date_text[:YEAR]
    sites = around_site(course, dose.on, now, at_site=plan.at_site if plan is not None else None)
    papers = rems_papers(sides_of(course, dose.on, now), dose.zone)
    payer = around_payer(course, plan, dose.on)
    return replace(
        sites,
        birth_year=int(year) if len(year) == YEAR and year.isdecimal() else None,
        site_name=sites.site_name or (course.site.name if course.site is not None else None),
        rems_prescriber=papers.get("rems_prescriber"),
        rems_dispenser=papers.get("rems_dispenser"),
        rems_setting=papers.get("rems_setting"),
        authorisation=payer.authorisation,
        payer=payer.payer,
        caregiver_until_day=_caregiver_until_day(course),
    )


def _caregiver_until_day(course: Course) -> int | None:
    """As the organisation's own policy in force says it: a longer span waits for nobody to move the running courses to it."""
    own = in_force(course.organisation_id)
    found = own.document["watch"].get("caregiver_until_day") if own is not None else None
    return int(found) if found is not None else None


def decide_setting(
    course_id: UUID,
    course: Course,
    *,
    recommendation: str,
    step: str,
    on: date,
    because: str,
    by: Actor,
    now: datetime,
    event_id: UUID | None = None,
) -> Recorded:
    """Record where a dose will be given and watched. It stands as long as the rules say, and for this dose alone.

    Args:
        step, on: the dose as the person saw it.
        event_id: of the event that is recorded, made by the sender; the same one twice is recorded once.
        because: needed when the decision leaves hospital further than the rules recommend; it is recorded all the same.

    Raises:
        RefusedError: another dose is next by now, a word that is none, no reason where one is needed, or outside hospital at a site that
            follows the label strictly, where that asks for hospital after this dose or nobody can say whether it does.
    """
    desk = desk_of(course, now)
    if desk.look is None:
        raise RefusedError(desk.trouble, code="no_dose", path="step")
    if (desk.look.dose.step, desk.look.dose.on) != (step, on):
        raise RefusedError("Another dose is next by now: look again, then decide.", code="other_dose", path="step")
    if recommendation not in OPENNESS:
        raise RefusedError("Choose where this dose is given and watched.", code="unknown_word", path="recommendation")
    answer = desk.look.answer
    if recommendation not in desk.look.offered:
        unsaid = desk.look.strict_unsaid
        words = f"{LABEL_UNSAID}{'; '.join(unsaid)}." if unsaid else LABEL_STRICT
        raise RefusedError(words, code="label_strict", path="recommendation")
    if more_open(recommendation, answer.recommendation) and not because.strip():
        raise RefusedError(
            "This leaves hospital further than the rules recommend: say why.", code="missing_key", path="because"
        )
    body = {
        "id": str(event_id or uuid4()),
        "kind": "setting_decided",
        "at": now.isoformat(),
        "zone": desk.look.dose.zone,
        "recommendation": recommendation,
        "step": step,
        "on": on.isoformat(),
        "valid_until": answer.valid_until.isoformat(),
        "advised": answer.recommendation or WITHHELD,
        **({"because": because.strip()} if because.strip() else {}),
    }
    return record_event(course_id, body, by=by, now=now)


def more_open(decided: str, advised: str | None) -> bool:
    """Whether a decision leaves hospital further than what the rules recommend; nothing recommended is hospital at the most."""
    allowed = OPENNESS["INPATIENT"] if advised is None else OPENNESS[advised]
    return OPENNESS[decided] > allowed


# --- the readiness gate ------------------------------------------------------------------------------------------------------


def gate_evidence(course: Course, now: datetime) -> dict[int, Evidence]:
    """The lines of the readiness gate that the setting answers: 10 caregiver, 11 way, 17 consent and decision."""
    desk = desk_of(course, now)
    if desk.look is None:
        open_ = Evidence(
            met=None, because=desk.trouble, owner="prescriber", next_step="plan the dose, then decide its setting"
        )
        return {10: open_, 11: open_, 17: open_}
    return {10: caregiver_evidence(desk.look), 11: travel_evidence(desk.look), 17: setting_evidence(desk.look)}


def setting_evidence_of(course: Course, now: datetime) -> Evidence:
    """Line 17 for the next dose of a course."""
    return gate_evidence(course, now)[17]


def caregiver_evidence_of(course: Course, now: datetime) -> Evidence:
    """Line 10 for the next dose of a course: the roster. Who was taught, and who answers, other desks say."""
    return gate_evidence(course, now)[10]


def travel_evidence_of(course: Course, now: datetime) -> Evidence:
    """Line 11 for the next dose of a course."""
    return gate_evidence(course, now)[11]
