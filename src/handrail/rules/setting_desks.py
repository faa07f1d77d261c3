"""What the REMS desk and the access desk say to the setting of a dose, and where the record of the course says otherwise.

A desk that keeps something about the dose is believed, also where it cannot say: then the fact is not known, and a word in the record does
not stand in for it. A word against a desk is shown beside it and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from handrail.rules.access import ANY, Entry, Request, Standing, State
from handrail.rules.access_gate import Asked, covers_dose
from handrail.rules.evidence import Evidence
from handrail.rules.setting_facts import Paper, Payer, SettingFacts
from handrail.rules.terms import STEPS, civil_date, say_date

SIDES: Final = {"rems_prescriber": "prescriber", "rems_dispenser": "dispenser", "rems_setting": "setting"}
"""For each fact of the REMS the side of the desk's matrix that answers it."""


def rems_papers(sides: Mapping[str, Evidence], zone: str) -> dict[str, Paper]:
    """The papers of the three sides, as the desk finds them for a dose.

    Args:
        sides: by side; one that is not there is not kept at the desk.
        zone: of the site, by whose days the papers end.
    """
    return {fact: paper_of(sides[side], zone) for fact, side in SIDES.items() if side in sides}


def paper_of(answer: Evidence, zone: str) -> Paper:
    """A line of a desk as a paper: what is met holds until its end, or has none; what the desk cannot say is not known."""
    if not answer.met:
        return Paper(held=answer.met)
    if answer.until is None:
        return Paper(held=True, no_end=True)
    return Paper(held=True, until=civil_date(answer.until - timedelta.resolution, zone))


def authorisation_of(requests: Sequence[tuple[Request, Standing]], asked: Asked) -> Paper | None:
    """The payer's word on the drug for the day, site and code of a dose, wherever it is given. None: no request is written down.

    Of several requests one that covers the dose is enough; one of which something is not known comes before one that does not.
    """
    papers = [_authorised(request, standing, asked) for request, standing in requests]
    for held in (True, None, False):
        for each in papers:
            if each.holds(asked.on) is held:
                return each
    return None


def _authorised(request: Request, standing: Standing, asked: Asked) -> Paper:
    answer = standing.answer
    if answer is None or standing.state not in (State.APPROVED, State.NOT_REQUIRED):
        return Paper(held=False)
    covers = covers_dose(request, answer, asked, approved=standing.state is State.APPROVED)
    if covers is False and answer.valid_until is not None and answer.valid_until < asked.on:
        return Paper(held=True, until=answer.valid_until)  # it ended: the day is said
    return Paper(held=covers, until=answer.valid_until if covers else None)


def site_of_care(requests: Sequence[tuple[Request, Standing]], asked: Asked) -> Payer | None:
    """Where the payer pays for a dose, by what it approved for its day and site. None: no approval says, and a noted policy counts.

    An approval for some doses in hospital and others not (hybrid) does not say which.
    """
    about = [
        (request, standing.answer)
        for request, standing in requests
        if standing.state is State.APPROVED
        and standing.answer is not None
        and _is_about(request, standing.answer, asked)
    ]
    anywhere = [
        answer
        for request, answer in about
        if answer.setting in (ANY, "outpatient") and covers_dose(request, answer, asked, approved=True)
    ]
    if anywhere:
        return Payer(inpatient_steps=(), policy=_named(about, anywhere[0], asked.zone))
    told = [answer for _, answer in about if answer.setting != "hybrid"]
    if not told:
        return None
    if all(answer.setting == "inpatient" for answer in told):
        return Payer(inpatient_steps=STEPS, waiver=Paper(held=False), policy=_named(about, told[0], asked.zone))
    return Payer(policy=_named(about, told[0], asked.zone))  # what it covers is not written down whole


def _is_about(request: Request, answer: Entry, asked: Asked) -> bool:
    """Whether an approval may be for the dose: nothing that is known of it speaks against that."""
    return covers_dose(request, answer, asked, approved=True) is not False


def _named(about: Sequence[tuple[Request, Entry]], answer: Entry, zone: str) -> str:
    payer = next(request.payer for request, each in about if each is answer)
    number = f" {answer.number}" if answer.number else ""
    return f"{payer}: approval{number} of {say_date(civil_date(answer.at, zone))}"


# --- the record against a desk -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """The record says otherwise than the desk, whose word counts. `fact`: its name; `desk`, `record`: both in words."""

    fact: str
    desk: str
    record: str


def against_desks(told: SettingFacts, alone: SettingFacts) -> tuple[Against, ...]:
    """Where the record of the course says otherwise than a desk.

    Args:
        told: the facts with what the desks know.
        alone: those of the record alone. What it does not know speaks against nobody.
    """
    return tuple(_against(told, alone))


def _against(told: SettingFacts, alone: SettingFacts) -> Iterator[Against]:
    papers = {name: (getattr(told, name), getattr(alone, name)) for name in (*SIDES, "authorisation")}
    papers["hospital_agreement"] = (told.site.hospital_agreement, alone.site.hospital_agreement)
    for name, (desk, record) in papers.items():
        known = record.holds(told.day)
        if known is not None and desk.holds(told.day) is not known:
            yield Against(fact=name, desk=_paper_words(desk, told), record=_paper_words(record, told))
    values: dict[str, tuple[Any, Any]] = {
        "site_level": (told.site.level, alone.site.level),
        "follows_label_strictly": (told.site.follows_label_strictly, alone.site.follows_label_strictly),
        "first_patient_at_site": (told.first_patient_at_site, alone.first_patient_at_site),
        "payer": (_in_hospital(told), _in_hospital(alone)),
    }
    for name, (desk_word, record_word) in values.items():
        if record_word is not None and desk_word != record_word:
            yield Against(fact=name, desk=_word(name, desk_word), record=_word(name, record_word))


def _in_hospital(facts: SettingFacts) -> bool | None:
    steps = facts.payer.inpatient_steps
    return None if steps is None else facts.step in steps


def _paper_words(paper: Paper, facts: SettingFacts) -> str:
    holds = paper.holds(facts.day)
    if holds is None:
        return "not known"
    if holds:
        return f"there, until {say_date(paper.until)}" if paper.until is not None else "there, without an end"
    return f"ended on {say_date(paper.until)}" if paper.held and paper.until is not None else "not there"


def _word(name: str, value: Any) -> str:
    if value is None:
        return "not known"
    if name == "site_level":
        return f"level {value}"
    if name == "payer":
        return "this dose is paid in hospital only" if value else "this dose is paid in any setting"
    return "yes" if value else "no"
