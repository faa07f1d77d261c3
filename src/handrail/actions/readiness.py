"""The gate of a dose, gathered: the record of the course, the tables beside it, and the desks, each for the lines that it answers.

One registry says who answers which line. Several answers to one line count together, and the most cautious decides. A list of courses is
gathered with a constant number of queries; what a desk looks up for one course is asked on the page of that course alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Final
from uuid import UUID

from handrail.actions.capacity import rescue_for_all
from handrail.actions.emergency import opens_page
from handrail.actions.gate_signatures import Signed, signed_of
from handrail.actions.payer_gate import evidence_of, rescue_of
from handrail.actions.rems_look import evidence_of as rems_evidence_of
from handrail.actions.setting_desk import around_of
from handrail.actions.site_bookings import signs_levels, site_evidence, site_of_plan
from handrail.people import coverage, scope
from handrail.people.coverage import Hole, hole_words
from handrail.people.models import EmergencyCard, EmergencyDestination, Organisation, RemsRecord, Site
from handrail.people.rota import only_site
from handrail.records import wire
from handrail.records.accountability import partners_hours
from handrail.records.models import Course, Event
from handrail.rules.access_data import TOCILIZUMAB
from handrail.rules.answering import AFTER_HOURS, EMERGENCY
from handrail.rules.assess import assess
from handrail.rules.events import SHELL_KINDS
from handrail.rules.events import Event as Fact
from handrail.rules.evidence import Evidence, all_met
from handrail.rules.gate_evidence import NO_WINDOW, TREATMENT, Answered, Known, known, told
from handrail.rules.gate_home import HOME, confirmed, interval_in_doubt, rescue_in_doubt, setting_of, wanted
from handrail.rules.history import History
from handrail.rules.pinned import policy_for, protocol_for
from handrail.rules.readiness import Gate, gate_data, readiness
from handrail.rules.setting_evidence import SettingLook, caregiver_evidence, setting_evidence
from handrail.rules.terms import UnusableInput, say_instant

MOST_HOLES: Final = 3
IN_THE_WINDOW: Final = (EMERGENCY, AFTER_HOURS)
"""The tasks for which somebody is called at any hour of a watched window."""
ASK: Final = "Ask the prescriber before a dose is given, and ask your site manager to have this put right."


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What the tables hold for a list of courses, by course; the holes of the rota by organisation and site."""

    cards: Mapping[UUID, Sequence[EmergencyCard]] = field(default_factory=dict)
    destinations: Mapping[UUID, EmergencyDestination] = field(default_factory=dict)
    holes: Mapping[tuple[UUID, UUID | None], Sequence[Hole]] = field(default_factory=dict)
    signed: Mapping[UUID, Signed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """The gate of one course. `read` None: no dose is ahead, or the course cannot be judged, and `trouble` says which.

    `whole` False: the desks were not asked, so that more may stand open than is shown. `signed`: what was signed under its lines.
    """

    course: Course
    gate: Gate
    read: Known | None
    signed: Signed = field(default_factory=Signed)
    trouble: str = ""
    whole: bool = True


def gate_of(course: Course, now: datetime) -> Gated:
    """The gate of one course, every desk asked: for whoever reaches the course, and whatever else they reach.

    A desk whose rows this person does not see would say nothing, and what nobody says against a dose must not look like a yes.
    """
    with scope.everything():
        return _gated([course], now, whole=True)[0]


def gates_of(courses: Sequence[Course], now: datetime) -> list[Gated]:
    """The gates of a list, in its order, from the record and the tables. Constant number of queries for the courses of one site."""
    with scope.everything():
        return _gated(courses, now, whole=False)


def _gated(courses: Sequence[Course], now: datetime, *, whole: bool) -> list[Gated]:
    facts = _facts(courses)
    read = {course.pk: _read(course, facts[course.pk], now) for course in courses}
    ahead = {course: each for course in courses if isinstance(each := read[course.pk], Known)}
    shelf = _shelf(ahead, now)
    return [_one(course, read[course.pk], shelf, now, whole=whole) for course in courses]


def _facts(courses: Iterable[Course]) -> dict[UUID, list[Fact]]:
    found: dict[UUID, list[Fact]] = defaultdict(list)
    rows = Event.objects.filter(course__in=list(courses)).exclude(kind__in=SHELL_KINDS).order_by(*Event.ORDER)
    for row in rows:
        found[row.course_id].append(wire.to_fact(row))
    return found


def _read(course: Course, facts: Sequence[Fact], now: datetime) -> Known | str:
    """The course as the gate reads it, or why it has no dose ahead."""
    try:
        first = History.build(wire.header(course), facts)
        policy = policy_for(first, now)
        history = History.build(first.course, first.recorded, policy.plausible)
        protocol = protocol_for(history, now)
        answer = assess(protocol, policy, history, now)
        return known(history, protocol, policy, answer, now) or "No dose is ahead: none is planned, and none is due."
    except UnusableInput as error:
        return f"Handrail cannot judge this course: {error.message} {ASK}"


def _shelf(ahead: Mapping[Course, Known], now: datetime) -> Shelf:
    courses = list(ahead)
    cards: dict[UUID, list[EmergencyCard]] = defaultdict(list)
    rows = EmergencyCard.objects.filter(course__in=courses, kind=EmergencyCard.Kind.WALLET).select_related("link")
    for card in rows.order_by("link__issued_at", "id"):
        cards[card.course_id].append(card)
    chosen = EmergencyDestination.objects.filter(course__in=courses).select_related("place").order_by("chosen_at", "id")
    return Shelf(
        cards=cards,
        destinations={each.course_id: each for each in chosen},
        holes=_holes(ahead),
        signed=signed_of(courses, now),
    )


def _holes(ahead: Mapping[Course, Known]) -> dict[tuple[UUID, UUID | None], Sequence[Hole]]:
    """The holes of each rota over the widest span that a window of its courses takes."""
    spans: dict[tuple[UUID, UUID | None], tuple[Course, datetime, datetime]] = {}
    for course, read in ahead.items():
        if read.dose.window_ends is None:
            continue
        begins, ends = read.dose.time.earliest, read.dose.window_ends
        key = (course.organisation_id, course.site_id)
        if key in spans:
            begins, ends = min(begins, spans[key][1]), max(ends, spans[key][2])
        spans[key] = (course, begins, ends)
    return {key: coverage.holes(one.organisation, one.site, begins, ends) for key, (one, begins, ends) in spans.items()}


def _one(course: Course, read: Known | str, shelf: Shelf, now: datetime, *, whole: bool) -> Gated:
    rows = [row for row in gate_data().line if whole or row.id not in INSTEAD]
    if isinstance(read, str):
        return Gated(course=course, gate=readiness((), {}, None, now), read=None, trouble=read, whole=whole)
    look = cache(lambda: _look(course, read))  # two lines ask for it, and it gathers more than all the others together
    answers = {row.id: _answer(row.id, course, read, shelf, look, whole=whole) for row in rows}
    signed = shelf.signed.get(course.pk, Signed())
    gate = readiness(
        rows,
        {line: each.evidence for line, each in answers.items()},
        read.dose.time,
        now,
        barred={line: each.bar for line, each in answers.items() if each.bar is not None},
        overrides=signed.overrides(read),
    )
    return Gated(course=course, gate=gate, read=read, signed=signed, whole=whole)


def _answer(line: str, course: Course, read: Known, shelf: Shelf, look: Look, *, whole: bool) -> Answered:
    """Everything that is said of a line, as one: what a desk says takes the place of the record, or stands beside it."""
    asked = [desk(course, read, look) for desk in DESKS.get(line, ())] if whole else []
    found = [each for each in asked if each is not None]
    latest = max(read.now, read.dose.time.latest)
    holds = [each.met is True and (each.until is None or latest < each.until) for each in found]
    parts = [
        Answered(evidence=each, bar=None if good else BARS.get(line)) for each, good in zip(found, holds, strict=True)
    ]
    if line not in INSTEAD or not parts:
        parts += [each(read) for each in RECORD.get(line, ())]
    elif line == "tocilizumab":
        parts += [part for each in read.every for part in (*rescue_in_doubt(each), *interval_in_doubt(each))]
    if whole:
        parts += [
            Answered(evidence=each) for desk in BESIDE.get(line, ()) if (each := desk(course, read, look)) is not None
        ]
    parts += [each(course, read, shelf) for each in TABLES.get(line, ())]
    bars = "; ".join(each.bar for each in parts if each.bar is not None)
    return Answered(evidence=all_met(each.evidence for each in parts), bar=bars or None)


# --- what the tables say ---------------------------------------------------------------------------------------------------


def identity(course: Course) -> Answered:
    """The patient has a name, a day of birth and a number of the record: two of them are compared at the chair."""
    patient = course.patient
    words = (
        ("the name", patient.family_name),
        ("the day of birth", patient.birth_date_text),
        ("the record number", patient.mrn),
    )
    missing = [name for name, value in words if not value]
    if missing:
        because = f"the patient's identity is not recorded: {', '.join(missing)}"
        return Answered(evidence=told("order", None, because, "record who the patient is"), bar=because)
    return Answered(evidence=told("order", True, "the patient is known by name, day of birth and record number"))


def card(course: Course, read: Known, shelf: Shelf) -> Answered:
    """A wallet card that was handed over opens the packet to the end of the window, and counts to its last day."""
    handed = [each for each in shelf.cards.get(course.pk, ()) if each.handed_over_at is not None]
    if not handed:
        made = shelf.cards.get(course.pk)
        because = (
            "a card was made, and nobody recorded that it was handed over" if made else "no emergency card was made"
        )
        return Answered(evidence=told("card", None, because, "print the card, and hand it over"))
    good = [each for each in handed if opens_page(each, read.now)]
    if not good:
        because = "the card in the patient's hands opens nothing any more"
        return Answered(evidence=told("card", False, because, "print a new card, and hand it over"))
    until = max(each.link.expires_at for each in good)
    needed = read.dose.window_ends or read.dose.time.latest
    if until <= needed:
        because = f"the card opens the packet only until {say_instant(until, read.dose.zone)}"
        return Answered(evidence=told("card", False, because, "print a new card, and hand it over"))
    because = f"the card was handed over, and opens the packet until {say_instant(until, read.dose.zone)}"
    return Answered(evidence=told("card", True, because, "print a new card", until=until))


def rota(course: Course, read: Known, shelf: Shelf) -> Answered:
    """Every hour from the dose to the end of the window has trained people on every step that must be filled."""
    ends, begins = read.dose.window_ends, read.dose.time.earliest
    if ends is None:
        return Answered(evidence=told("rota", True, NO_WINDOW))
    found = shelf.holes.get((course.organisation_id, course.site_id), ())
    open_ = [hole for hole in found if hole.begins < ends and hole.ends > begins]
    if open_:
        zone = coverage.zone_of(course.organisation, course.site)
        words = "; ".join(hole_words(hole, zone) for hole in open_[:MOST_HOLES])
        more = f"; and {len(open_) - MOST_HOLES} more" if len(open_) > MOST_HOLES else ""
        return Answered(evidence=told("rota", False, f"{words}{more}", "fill these hours with trained people"))
    until = say_instant(ends, read.dose.zone)
    return Answered(evidence=told("rota", True, f"trained people are on call for every hour until {until}"))


def emergency(course: Course, read: Known, shelf: Shelf) -> Answered:
    """The plan names a department that is in use, and since then somebody confirmed that it was told and accepts."""
    if read.dose.window_ends is None:
        return Answered(evidence=told("emergency", True, NO_WINDOW))
    chosen = shelf.destinations.get(course.pk)
    place = chosen.place if chosen is not None else None
    if chosen is None or place is None or place.ended_at is not None:
        because = "the plan names no emergency department that is in use"
        return Answered(evidence=told("emergency", False, because, "choose the emergency department of the plan"))
    named = told("emergency", True, f"the plan names {place.name}, {place.number}")
    return Answered(evidence=all_met([named, *(_accepts(each, chosen) for each in read.every)]))


def _accepts(read: Known, chosen: EmergencyDestination) -> Evidence:
    """What was said last of the department: that it was told and accepts, since it was chosen."""
    said = confirmed("emergency", read, "emergency_department")
    events = [e for e in read.history.of("readiness_confirmed") if e.body.item == "emergency_department"]
    if said.met is True and events[-1].at < chosen.chosen_at:
        name = chosen.place.name if chosen.place is not None else "the department"
        because = f"{name} was chosen after somebody was told: nobody has confirmed that it accepts"
        return told("emergency", None, because, "tell it, and confirm that it accepts")
    return said


# --- what the desks say ------------------------------------------------------------------------------------------------------

Look = Callable[[], SettingLook | None]
"""The setting of the dose; the first who asks waits for it, and the next has it."""
Desk = Callable[[Course, Known, Look], Evidence | None]
"""None: the desk knows nothing of this course, and the record of the course answers alone."""


def _payer_bispecific(course: Course, read: Known, _ask: Look) -> Evidence | None:
    """The access desk, where it holds a request for the drug of this course."""
    return _payer(course, read, course.product, 6)


def _payer_tocilizumab(course: Course, read: Known, _ask: Look) -> Evidence | None:
    """The access desk, where it holds a request for tocilizumab."""
    return _payer(course, read, TOCILIZUMAB, 7)


def _rescue(course: Course, read: Known, _ask: Look) -> Evidence | None:
    """The count of rescue doses, also where nobody asked a payer for tocilizumab: a recorded yes hides no empty shelf.

    The shelf is for everybody whom the site watches in that window, and what was given since the count is gone from it.
    """
    ends = read.dose.window_ends
    if ends is None:
        return None
    counted = rescue_of(course, read.dose.on, now=read.now)
    site = _site_of(course, read)
    if site is None or (counted is not None and counted.met is not True):
        return counted
    shelf = rescue_for_all(site, course, read.dose.time.earliest, ends, read.now)
    found = [each for each in (counted, shelf) if each is not None]
    return all_met(found) if found else None


def _rems(course: Course, read: Known, _ask: Look) -> Evidence | None:
    """The REMS desk, where the organisation keeps papers on it."""
    if not RemsRecord.objects.filter(organisation=course.organisation_id).exists():
        return None
    return rems_evidence_of(course, read.now, read.dose.on)


def _site(course: Course, read: Known, _ask: Look) -> Evidence | None:
    """The level of the site that the plan names, where its organisation signs levels."""
    site = _site_of(course, read)
    if not signs_levels(site.organisation_id if site is not None else course.organisation_id):
        return None
    return site_evidence(course, site, course.product, read.dose.on, now=read.now)


def _site_of(course: Course, read: Known) -> Site | None:
    """The site that the plan names; without a plan that of the course."""
    return site_of_plan(course, read.dose.plan.body, read.now) if read.dose.plan is not None else course.site


def _setting(_course: Course, _read: Known, ask: Look) -> Evidence | None:
    """The decision of the setting, against what the rules say of this very dose now."""
    look = ask()
    return setting_evidence(look) if look is not None else _unjudged("consent")


def _caregiver(_course: Course, read: Known, ask: Look) -> Evidence | None:
    """The roster over the whole span of the setting rules; not asked where no window follows, or a plan in hospital is all there is."""
    if read.dose.window_ends is None:
        return None
    look = ask()
    if look is None:
        return _unjudged("caregiver")
    return None if read.dose.inpatient and not look.in_force else caregiver_evidence(look)


def _look(course: Course, read: Known) -> SettingLook | None:
    """The setting of the dose, with what the programme knows beside the course."""
    dose = wanted(read)
    return setting_of(read, around_of(course, read.history, dose, read.now)) if dose is not None else None


def _unjudged(line: str) -> Evidence:
    because = "the setting rules cannot judge this dose: its step is not known, or the record contradicts itself"
    return told(line, None, because, "plan the dose, mend the record, then decide its setting")


def _partners_rota(course: Course, read: Known, _ask: Look) -> Evidence | None:
    """The hours of the window in which an agreement has a partner's people called, against the rota of that partner."""
    begins, ends = read.dose.time.earliest, read.dose.window_ends
    if ends is None:
        return None
    words = []
    for key, hours in partners_hours(course, IN_THE_WINDOW, begins, ends).items():
        partner = Organisation.objects.get(pk=key)
        for hole in coverage.holes(partner, only_site(key), begins, ends):
            cut = [(max(hole.begins, start), min(hole.ends, end)) for start, end in sorted(set(hours))]
            open_ = [replace(hole, begins=start, ends=end) for start, end in cut if start < end]
            words += [f"{partner.name}: {hole_words(each, partner.time_zone)}" for each in open_]
    words = list(dict.fromkeys(words))
    if not words:
        return None
    more = f"; and {len(words) - MOST_HOLES} more" if len(words) > MOST_HOLES else ""
    because = "; ".join(words[:MOST_HOLES]) + more
    return told("rota", False, because, "ask the partner to fill these hours with trained people")


def _payer(course: Course, read: Known, drug: str, number: int) -> Evidence | None:
    if not course.payer_requests.filter(drug=drug).exists():
        return None
    return evidence_of(course, read.dose.on, now=read.now)[number]


# --- the registry --------------------------------------------------------------------------------------------------------------

RECORD: Final[Mapping[str, tuple[Callable[[Known], Answered], ...]]] = {
    line: (answer,) for line, answer in {**TREATMENT, **HOME}.items()
}
"""By the id of the line, what the record of the course says."""
TABLES: Final[Mapping[str, tuple[Callable[[Course, Known, Shelf], Answered], ...]]] = {
    "order": (lambda course, _read, _shelf: identity(course),),
    "card": (card,),
    "rota": (rota,),
    "emergency": (emergency,),
}
"""What tables say that are read for a whole list at once."""
DESKS: Final[Mapping[str, tuple[Desk, ...]]] = {
    "authorisation": (_payer_bispecific,),
    "tocilizumab": (_payer_tocilizumab,),
    "rems": (_rems,),
    "consent": (_site, _setting),
    "caregiver": (_caregiver,),
}
"""What a desk says that is asked course by course."""
BESIDE: Final[Mapping[str, tuple[Desk, ...]]] = {"tocilizumab": (_rescue,), "rota": (_partners_rota,)}
"""What a desk says beside all others, whether or not another desk takes the place of the record."""
BARS: Final = {"rems": "a REMS is in force and not met"}
"""Desks whose open answer nobody overrides, with the reason."""
INSTEAD: Final = frozenset({"authorisation", "tocilizumab"})
"""Lines of which the desk knows what the record knows: it takes the place of the record, but for a recorded no to rescue doses and for
the hour at which tocilizumab was given."""
