"""May a product be dispensed at a site on a day, by what the REMS asks: setting, dispenser, representative, prescribers, code?

Papers count on the day they are asked about. Nothing recorded is not met; a paper whose end nobody wrote down is not known. Neither is
ever green. Requirements and the days on which they are in force stand in `protocols/rems/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from handrail.rules.evidence import Evidence, all_met
from handrail.rules.rems_data import PaperKind, Programme, RequirementRow, programme_for
from handrail.rules.rems_doses import Dispense, check_of
from handrail.rules.terms import day_start, say_date

PARTICIPANTS: Final = ("setting", "dispenser", "prescriber")
"""The three sides of the matrix; whoever represents the site counts for its setting."""
KIND_WORDS: Final[dict[str, str]] = {
    "prescriber": "certificate of a prescriber",
    "setting": "certificate of the setting",
    "dispenser": "certificate of the dispenser",
    "representative": "authorised representative",
    "deputy": "deputy of the representative",
    "training": "training record",
}
OF_A_PERSON: Final = ("prescriber", "representative", "deputy", "training")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody, by id and by name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One record: a certificate, a representative, a training.

    Attributes:
        product: None: for every product of the programme.
        site: None: wherever the person works.
        until: its last day; None with `no_end` True: it does not run out; None otherwise: not known.
        version: of the training material. licence: under which licence a site dispenses.
        left: a representative or deputy who belongs to the organisation no more, and so represents nobody.
    """

    kind: PaperKind
    programme: str
    from_on: date
    until: date | None = None
    no_end: bool | None = None
    product: str | None = None
    site: str | None = None
    who: Person | None = None
    reference: str = ""
    version: str = ""
    licence: str = ""
    id: str = ""
    left: bool = False

    def holds(self, day: date) -> bool | None:
        """Whether it counts on a day; None: its end is not known."""
        if self.left or day < self.from_on:
            return False
        if self.until is not None:
            return day <= self.until
        return True if self.no_end else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A site as the matrix asks about it. `menders`: who may put it right, by name; `prescribers`, `staff`: who works there."""

    id: str
    name: str
    zone: str
    menders: tuple[str, ...] = ()
    prescribers: tuple[Person, ...] = ()
    staff: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One requirement, answered. `blocks`: a dose waits for it; `who`: the names of those who lack it."""

    row: RequirementRow
    answer: Evidence
    who: tuple[str, ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether the dose waits for it."""
        return self.row.effect == "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A product at a site on a day. `ended`: why nothing is asked; `empty`: nobody has recorded anything of this very site yet."""

    product: str
    programme: Programme | None
    parts: tuple[Part, ...] = ()
    ended: str = ""
    empty: bool = False

    def side(self, participant: str) -> Evidence | None:
        """One side of the matrix: what blocks there, as one answer; None: nothing is asked of it."""
        names = ("setting", "representative") if participant == "setting" else (participant,)
        told = [part.answer for part in self.parts if part.blocks and part.row.participant in names]
        return all_met(told) if told else None

    @property
    def untrained(self) -> tuple[str, ...]:
        """Prescribers who are certified and were not trained, by name: a certificate is no competence."""
        lacking = {part.row.paper: part.who for part in self.parts if part.row.participant == "prescriber"}
        return tuple(name for name in lacking.get("training", ()) if name not in lacking.get("prescriber", ()))

    @property
    def warnings(self) -> tuple[Part, ...]:
        """What is open and holds no dose back."""
        return tuple(part for part in self.parts if not part.blocks and part.answer.met is not True)


def ended_words(programme: Programme, product: str, day: date) -> str:
    """That the programme has ended for a product, and who confirmed that; empty while it has not."""
    ended = programme.ended(product, day)
    if ended is None:
        return ""
    last, who, on = ended
    return f"the {programme.name} ended on {say_date(last)}: confirmed by {who} on {say_date(on)}"


def cell(
    product: str, jurisdiction: str, place: Place, papers: Iterable[Paper], day: date, *, known: Iterable[Programme] | None = None
) -> Cell:  # fmt: skip
    """The matrix cell of a product at a site on a day.

    Args:
        papers: every record of the organisation; those of other programmes, sites and people are left aside.
        known: the programmes; None: the shipped ones.
    """
    programme = programme_for(product, jurisdiction, known)
    if programme is None:
        return Cell(product=product, programme=None)
    words = ended_words(programme, product, day)
    if words:
        return Cell(product=product, programme=programme, ended=words)
    held = [each for each in papers if each.programme == programme.id and each.site in (None, place.id)]
    parts = []
    for row in programme.asked(product, day):
        if row.paper is None:
            continue
        fitting = [each for each in held if each.kind == row.paper and _fits(each, row, product)]
        parts.append(_part(row, place, fitting, day))
    return Cell(
        product=product, programme=programme, parts=tuple(parts), empty=not any(each.site == place.id for each in held)
    )


def _fits(paper: Paper, row: RequirementRow, product: str) -> bool:
    """A record of another product of the programme counts only where one record counts for all of them."""
    return paper.product == product or (row.per == "programme" and paper.product is None)


def _part(row: RequirementRow, place: Place, papers: Sequence[Paper], day: date) -> Part:
    if row.paper == "prescriber":
        return _people(row, place, place.prescribers, papers, day, any_is_enough=True)
    if row.paper == "training":
        people = place.prescribers if row.participant == "prescriber" else place.staff
        return _people(row, place, people, papers, day, any_is_enough=False)
    return Part(row=row, answer=_standing(row, place, [p for p in papers if p.site == place.id], day))


def _standing(row: RequirementRow, place: Place, papers: Sequence[Paper], day: date, name: str = "") -> Evidence:
    """One requirement by the papers that may show it: the one that holds longest, else why none does."""
    about = KIND_WORDS[row.paper or "training"]
    subject = f"{name or place.name}: {about}"
    holding = [each for each in papers if each.holds(day)]
    if holding:
        best = max(holding, key=lambda each: each.until or date.max)
        who = f" {best.who.name}" if best.who is not None and not name else ""
        if row.paper == "dispenser" and not best.licence:
            return _open(row, place, f"{subject}: under which licence the site dispenses is not known", None)
        words = f"until {say_date(best.until)}" if best.until else "does not run out"
        return Evidence(
            met=True,
            because=f"{subject}{who}, {words}{_read(row)}",
            owner=row.owner,
            evidence=best.reference or None,
            until=_after(best.until, place.zone),
        )
    unknown = [each for each in papers if each.holds(day) is None]
    if unknown:
        return _open(row, place, f"{subject}: until when it holds is not known", None)
    gone = [each for each in papers if each.left and replace(each, left=False).holds(day) is not False]
    if gone:
        whose = gone[-1].who
        named = f" {whose.name}" if whose is not None and not name else ""
        return _open(row, place, f"{subject}{named}: belongs to the organisation no more", False)
    later = [each for each in papers if each.from_on > day]
    if later:
        first = min(later, key=lambda each: each.from_on)
        return _open(row, place, f"{subject}: begins on {say_date(first.from_on)}", False)
    over = [each for each in papers if each.until is not None]
    if over:
        last = max(over, key=lambda each: each.until or date.min)
        assert last.until is not None
        who = f" {last.who.name}" if last.who is not None and not name else ""
        return _open(row, place, f"{subject}{who}: ended on {say_date(last.until)}", False)
    return _open(row, place, f"{subject}: nothing is recorded", False)


def _people(
    row: RequirementRow, place: Place, people: Sequence[Person], papers: Sequence[Paper], day: date, *, any_is_enough: bool
) -> Part:  # fmt: skip
    """One requirement of several people: all of them, or at least one; whoever lacks it is named."""
    if not people:
        return Part(row=row, answer=_open(row, place, f"{place.name}: nobody is recorded who it is asked of", None))
    told = {each: standing_of(row, place, each, papers, day) for each in people}
    lacking = tuple(each.name for each, answer in told.items() if answer.met is not True)
    met = [answer for answer in told.values() if answer.met is True]
    if not lacking or (any_is_enough and met):
        until = max((a.until for a in met if a.until is not None), default=None)
        longest = None if any(a.until is None for a in met) else until
        soonest = min((a.until for a in met if a.until is not None), default=None)
        missing = f"; not {', '.join(lacking)}" if lacking else ""
        answer = Evidence(
            met=True,
            because=f"{KIND_WORDS[row.paper or 'training']}: {len(met)} of {len(people)}{missing}{_read(row)}",
            owner=row.owner,
            until=longest if any_is_enough else soonest,
        )
        return Part(row=row, answer=answer, who=lacking)
    none_false = all(answer.met is None for answer in told.values() if answer.met is not True)
    words = "; ".join(answer.because for answer in told.values() if answer.met is not True)
    return Part(row=row, answer=_open(row, place, words, None if none_false else False), who=lacking)


def standing_of(row: RequirementRow, place: Place, person: Person, papers: Sequence[Paper], day: date) -> Evidence:
    """Whether one person shows what a requirement asks on a day."""
    mine = [each for each in papers if each.who is not None and each.who.id == person.id]
    return _standing(row, place, mine, day, person.name)


def _open(row: RequirementRow, place: Place, because: str, met: bool | None) -> Evidence:
    menders = ", ".join(place.menders) or "nobody at this site: tell the programme director"
    return Evidence(met=met, because=f"{because}{_read(row)}", owner=row.owner, next_step=f"record it: {menders}")


def _read(row: RequirementRow) -> str:
    return " (a row not verified)" if row.status == "unverified" else ""


def _after(last: date | None, zone: str) -> datetime | None:
    return None if last is None else day_start(last + timedelta(days=1), zone)


# --- line 8 of the gate ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One dose: which product, where, on which day, by whom, and what was recorded of its dispensing.

    Attributes:
        prescriber: None: not known.
        dispenses: what stands recorded for this dose, corrections applied.
        ended: words of an end that the organisation itself signed; empty: none.
    """

    product: str
    jurisdiction: str
    place: Place | None
    on: date
    prescriber: Person | None
    papers: tuple[Paper, ...]
    dispenses: tuple[Dispense, ...] = ()
    ended: str = ""


def gate_evidence(ask: Ask, *, known: Iterable[Programme] | None = None) -> Evidence:
    """Line 8 of the readiness gate: prescriber, dispenser and setting certified for this product, and the dose's code captured.

    A country without a REMS and a programme that ended ask nothing; a product that no programme names is not known.
    """
    owner = "authorised representative"
    if ask.ended:
        return Evidence(met=True, because=ask.ended, owner=owner)
    if ask.jurisdiction != "US":
        return Evidence(
            met=True, because=f"a REMS is a rule of the United States, not of {ask.jurisdiction}", owner=owner
        )
    programme = programme_for(ask.product, ask.jurisdiction, known)
    if programme is None:
        return Evidence(
            met=None,
            because=f"no REMS on file names {ask.product}",
            owner="pharmacist",
            next_step="look at the FDA's REMS page whether one applies",
        )
    words = ended_words(programme, ask.product, ask.on)
    if words:
        return Evidence(met=True, because=words, owner=owner)
    if ask.place is None:
        step = "plan the dose at a site"
        return Evidence(
            met=None, because="at which site the dose is given is not known", owner="coordinator", next_step=step
        )
    found = cell(ask.product, ask.jurisdiction, ask.place, ask.papers, ask.on, known=(programme,))
    told = [part.answer for part in found.parts if part.blocks and part.row.paper != "prescriber"]
    for row in programme.asked(ask.product, ask.on):
        if row.effect != "block":
            continue
        if row.paper == "prescriber":
            told.append(_prescriber(row, ask, programme, ask.place))
        elif row.frequency == "every_dose":
            told.append(check_of(ask.dispenses, ask.on, row, ask.place.menders))
    if not told:
        return Evidence(met=True, because=f"the {programme.name} asks nothing on {say_date(ask.on)}", owner=owner)
    return all_met(told)


def sides(ask: Ask, *, known: Iterable[Programme] | None = None) -> dict[str, Evidence]:
    """What the desk says of prescriber, dispenser and setting for a dose, each by itself and without its code.

    Nothing of a side that the programme does not ask for, of a REMS that ended or a product without one, of a dose without a site, and of
    a site of which nobody has recorded anything yet. Who prescribes is named by the plan or by a dispense record; else it is not known.
    """
    programme = programme_for(ask.product, ask.jurisdiction, known)
    if programme is None or ask.place is None or ask.ended:
        return {}
    found = cell(ask.product, ask.jurisdiction, ask.place, ask.papers, ask.on, known=(programme,))
    if found.ended or found.empty:
        return {}
    told = {name: found.side(name) for name in ("dispenser", "setting")}
    rows = [part.row for part in found.parts if part.blocks and part.row.paper == "prescriber"]
    if rows:
        told["prescriber"] = all_met([_prescriber(row, ask, programme, ask.place) for row in rows])
    return {name: answer for name, answer in told.items() if answer is not None}


def _certificates(row: RequirementRow, ask: Ask, programme: Programme) -> list[Paper]:
    """The papers that may show that a prescriber is certified."""
    return [
        each
        for each in ask.papers
        if each.kind == "prescriber" and each.programme == programme.id and _fits(each, row, ask.product)
    ]


def _prescriber(row: RequirementRow, ask: Ask, programme: Programme, place: Place) -> Evidence:
    if ask.prescriber is None:
        because = "REMS: who prescribes this dose is not known"
        return Evidence(
            met=None, because=because, owner="pharmacist", next_step="name the prescriber in the dispense record"
        )
    answer = standing_of(row, place, ask.prescriber, _certificates(row, ask, programme), ask.on)
    if answer.met is True:
        return answer
    step = f"{ask.prescriber.name} certifies with the {programme.name}, or another prescriber takes the order"
    return Evidence(met=answer.met, because=answer.because, owner="prescriber", next_step=step)


# --- what runs out ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """A paper that runs out within `within` days, or ran out (`days_left` below zero) and was not renewed."""

    paper: Paper
    days_left: int
    within: int


def expiries(papers: Sequence[Paper], day: date, warn_days: Sequence[int]) -> tuple[Expiry, ...]:
    """What runs out soon, or ran out as long ago, the first to end first. A paper that another one carries on is not named."""
    alike: dict[tuple[object, ...], list[Paper]] = {}
    for each in papers:
        alike.setdefault(_about(each), []).append(each)
    found = []
    for each in papers:
        if each.until is None:
            continue
        left = (each.until - day).days
        within = next((days for days in sorted(warn_days) if abs(left) <= days), None)
        carried = within is not None and any(_carries_on(other, each, day) for other in alike[_about(each)])
        if within is not None and each.from_on <= day and not carried:
            found.append(Expiry(paper=each, days_left=left, within=within))
    return tuple(sorted(found, key=lambda e: (e.days_left, e.paper.kind, e.paper.id)))


def _about(paper: Paper) -> tuple[object, ...]:
    """What another paper has to be about to carry this one on; a representative may be another person."""
    who = None if paper.kind in ("representative", "deputy") else paper.who
    return paper.kind, paper.programme, paper.product, paper.site, who


def _carries_on(other: Paper, paper: Paper, day: date) -> bool:
    """Whether one paper carries on another that is about the same: without a gap, or after one that is over.

    Whoever belongs to the organisation no more carries on nothing.
    """
    assert paper.until is not None
    longer = (other.until is None and bool(other.no_end)) or (other.until is not None and other.until > paper.until)
    return (
        other is not paper and not other.left and longer and other.from_on <= max(paper.until + timedelta(days=1), day)
    )
