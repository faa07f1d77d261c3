"""The twenty sections of a packet, each written by one function from the facts and the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Final

from handrail.rules.answer import NextDose
from handrail.rules.caredata import is_tocilizumab
from handrail.rules.doses import Given
from handrail.rules.episodes import Course, Episode
from handrail.rules.events import Event
from handrail.rules.packet_care import (
    care_limits,
    emergency_visits,
    laboratory,
    prophylaxis,
    questions,
    target_toxicities,
)
from handrail.rules.packet_parts import Line, Origin
from handrail.rules.packet_telling import ASKED, NEVER_RECORDED, Telling, number, origin_of
from handrail.rules.switching import schedule_at
from handrail.rules.terms import STEP_WORDS, Action, civil_date, say_date

COURSE: Final = Origin(kind="course")
PEOPLE: Final = Origin(kind="people")
PLACES: Final = {"hospital": "in hospital", "ed": "emergency department"}
NUMBER_UNKNOWN: Final = "(number not known)"
NO_OFFER: Final = "nobody: no offer waits"
NO_EPISODE: Final = "–"
TREATED_BY: Final = ("treatment", "home")
ACTION_WORDS: Final = {
    Action.GIVE: "give",
    Action.WAIT: "wait until the day",
    Action.REPEAT: "repeat a step",
    Action.RESTART: "restart the step-up",
    Action.CONTINUE: "continue",
    Action.HOLD: "hold: do not give",
    Action.STOP: "stop: do not give again",
    Action.ASK: "ask the prescriber: not ready",
}


# --- 1 to 3: the person, the disease, the treatment ----------------------------------------------------------------


def _person(t: Telling) -> None:
    who = t.who
    t.add("person.name", "Name", who.name, PEOPLE)
    t.add("person.birth_date", "Born", who.birth_date, PEOPLE)
    t.add("person.sex", "Sex", who.sex, PEOPLE)
    t.add("person.record_number", "Record number", who.record_number, PEOPLE)
    t.add("person.phone", "Phone", who.phone, PEOPLE)
    t.add("person.language", "Language", who.language or t.history.course.facts.language, PEOPLE)
    for place, each in enumerate(who.contacts, start=1):
        role = "caregiver" if each.caregiver else "contact"
        words = ", ".join(part for part in (each.name, each.relationship, each.phone) if part)
        t.add(f"person.contact.{place}", f"{role.capitalize()} {place}", words, PEOPLE)
    if not any(each.caregiver for each in who.contacts):
        t.add("person.caregiver", "Caregiver", None, PEOPLE)


def _disease(t: Telling) -> None:
    facts = t.history.course.facts
    myeloma = [e for e in t.history.of("condition_noted") if "myeloma" in (e.body.what or "").lower()]
    if myeloma and myeloma[-1].body.active is not False:
        words = str(myeloma[-1].body.what).replace("_", " ")
        words += "" if myeloma[-1].body.active else " (whether it is active is not known)"
        t.add("disease.diagnosis", "Diagnosis", words, origin_of(myeloma[-1]))
    else:
        t.add("disease.diagnosis", "Diagnosis", None)
    lines = facts.lines_prior
    t.add("disease.lines", "Earlier lines of therapy", str(lines) if lines is not None else None, COURSE)
    t.add("disease.targets", "Targets of earlier drugs", None)
    t.add("disease.burden", "Disease burden at the start", None)
    ecog = facts.ecog_0_4
    t.add("disease.ecog", "ECOG performance status", str(ecog) if ecog is not None else None, COURSE)


def _treatment(t: Telling) -> None:
    product = t.protocol.product
    label = Origin(kind="label", row=product.id, status=product.status)
    t.add("treatment.product", "Product", f"{product.brand} ({product.inn})", label)
    t.add("treatment.protocol", "Label revision that the course follows", t.protocol.key, COURSE)
    t.add("treatment.policy", "Site policy", f"{t.policy.ref.id} version {t.policy.ref.version}", Origin(kind="policy"))
    columns = ("dose", "when", "mg", "mg/kg", "weight kg", "lot", "site", "premedication")
    t.table("treatment.doses", "Doses given", columns, (_dose_line(t, dose) for dose in t.doses))
    toci = [e for e in t.history.of("medicine_given") if is_tocilizumab(e.body.agent)]
    lines = (
        Line(
            key=f"treatment.tocilizumab.{e.id}",
            cells=(t.say(e.at), _text(e.body.dose_mg), e.body.purpose, e.body.agent),
            origin=origin_of(e),
        )
        for e in toci
    )
    t.table("treatment.tocilizumab", "Tocilizumab given", ("when", "mg", "purpose", "product as recorded"), lines)


def _dose_line(t: Telling, dose: Given) -> Line:
    body = dose.body
    before = [
        f"{e.body.agent} {_text(e.body.dose_mg) or 'amount not known'} mg"
        for e in t.history.of("medicine_given")
        if e.body.purpose == "premedication" and e.body.agent and _before(e, dose)
    ]
    return Line(
        key=f"treatment.dose.{dose.event.id}",
        cells=(
            STEP_WORDS[dose.step] if dose.step else None,
            t.say(dose.at),
            _text(body.dose_mg),
            _text(body.dose_mg_per_kg),
            _text(body.weight_kg),
            body.lot,
            dose.event.site,
            ", ".join(before) or None,
        ),
        origin=origin_of(dose.event),
    )


def _before(event: Event, dose: Given) -> bool:
    """Whether a premedication belongs to a dose: named for its step, or given earlier on its day."""
    if dose.at is None or event.at > dose.at:
        return False
    same_day = civil_date(event.at, dose.event.zone) == dose.on
    return same_day and event.body.for_step in (None, dose.step)


# --- 4 and 5: what happened ------------------------------------------------------------------------------------------


def _toxicity(t: Telling) -> None:
    columns = ("after", "what", "grade", "began, hours after the dose", "lasted, hours", "treated with", "where")
    t.table("toxicity.by_dose", "CRS and ICANS after each dose", columns, _by_dose(t), "no dose is recorded")
    states = (("crs", t.answer.toxicity.crs), ("icans", t.answer.toxicity.icans))
    for name, state in states:
        label = f"{name.upper()} as it stands"
        known = state.open is not None
        t.add(f"toxicity.{name}", label, state.because if known else None, Origin(kind="rule"), state.because)


def _by_dose(t: Telling) -> Iterator[Line]:
    for place, dose in enumerate(t.doses):
        ends = t.doses[place + 1].at if place + 1 < len(t.doses) else None
        for name, course, kind in (
            ("CRS", t.toxicity.crs, "crs_assessed"),
            ("ICANS", t.toxicity.icans, "icans_assessed"),
        ):
            found = list(_after(dose, ends, course))
            for number_, episode in enumerate(found, start=1):
                yield _episode_line(t, dose, name, episode, number_)
            if not found:
                assessed = any(
                    dose.at is not None and e.at > dose.at and (ends is None or e.at <= ends)
                    for e in t.history.of(kind)
                )
                yield Line(
                    key=f"toxicity.{name.lower()}.{dose.event.id}.none",
                    cells=(_step(dose), name, "none: assessed" if assessed else None, *[NO_EPISODE] * 4),
                    origin=origin_of(dose.event),
                )


def _after(dose: Given, ends: datetime | None, course: Course) -> Iterator[Episode]:
    for episode in course.episodes:
        begun = dose.at is not None and episode.opened_at >= dose.at
        if begun and (ends is None or episode.opened_at < ends):
            yield episode


def _episode_line(t: Telling, dose: Given, name: str, episode: Episode, place: int) -> Line:
    assert dose.at is not None
    grade = _grade(episode)
    if episode.grade is None and episode.suspected:
        grade = "suspected: no grade recorded"
    lasted = None if episode.closed_at is None else _hours(episode.opened_at, episode.closed_at)
    given = [e for e in t.history.of("medicine_given") if e.body.purpose in TREATED_BY and _during(e.at, episode)]
    return Line(
        key=f"toxicity.{name.lower()}.{dose.event.id}.{place}",
        cells=(
            _step(dose),
            name,
            grade,
            _hours(dose.at, episode.opened_at),
            lasted or ("open" if episode.closed_at is None else None),
            ", ".join(f"{e.body.agent} {_text(e.body.dose_mg) or 'amount not known'} mg" for e in given if e.body.agent)
            or "nothing recorded",
            _places(t, episode),
        ),
        origin=Origin(kind="rule", event=dose.event.id, at=episode.opened_at),
    )


def _grade(episode: Episode) -> str | None:
    """The worst grade; nothing where one was reached that nobody knows."""
    return None if episode.grade_unknown else _text(episode.grade)


def _places(t: Telling, episode: Episode) -> str | None:
    """Where the patient was when it began and until it ended, as far as that is recorded."""
    said = [e for e in t.history.of("home_status") if e.body.location is not None]
    before = [e for e in said if e.at <= episode.opened_at][-1:]
    during = [e for e in said if e.at > episode.opened_at and _during(e.at, episode)]
    return ", then ".join(place for place, _ in groupby(str(e.body.location) for e in (*before, *during))) or None


def _during(at: datetime, episode: Episode) -> bool:
    return at >= episode.opened_at and (episode.closed_at is None or at <= episode.closed_at)


def _hours(begin: datetime, end: datetime) -> str:
    return f"{(end - begin).total_seconds() / 3600:.0f}"


def _step(dose: Given) -> str | None:
    return STEP_WORDS[dose.step] if dose.step else None


def _events(t: Telling) -> None:
    lines = [
        Line(
            key=f"events.infection.{place}",
            cells=(t.say(each.opened_at), t.say(each.closed_at) or "open", _grade(each)),
            origin=Origin(kind="rule", at=each.opened_at),
        )
        for place, each in enumerate(t.toxicity.infection.episodes, start=1)
    ]
    t.table("events.infections", "Infections, suspected ones too", ("from", "until", "grade"), lines)
    state = t.answer.toxicity.infection
    known = state.open is not None
    t.add(
        "events.infection",
        "Infection as it stands",
        state.because if known else None,
        Origin(kind="rule"),
        state.because,
    )
    stays = [e for e in t.history.of("home_status") if e.body.location in PLACES]
    t.table(
        "events.stays",
        "Hospital and emergency department",
        ("from", "where", "site"),
        (
            Line(
                key=f"events.stay.{e.id}",
                cells=(t.say(e.at), PLACES[str(e.body.location)], e.site),
                origin=origin_of(e),
            )
            for e in stays
        ),
    )
    emergency_visits(t)
    t.add("events.transfusions", "Transfusions", None)


# --- 6 and 7: the next dose and the plan ------------------------------------------------------------------------------


def _next_dose(t: Telling) -> None:
    dose = t.answer.next_dose
    last = t.doses[-1].event if t.doses else None
    origin = Origin(
        kind="rule",
        event=last.id if last else None,
        at=last.at if last else None,
        row=dose.row,
        status=dose.status,
    )
    named = dose.action.gives or dose.action is Action.WAIT
    why = "the label data names none for this dose" if named else dose.because
    would = dose.would_be
    step = dose.step or (would.step if would is not None else None)
    t.add("next_dose.action", "What to do", f"{ACTION_WORDS[dose.action]}: {dose.because}", origin)
    t.add("next_dose.step", "Which dose", STEP_WORDS[step] if step else None, origin, why)
    t.add("next_dose.product", "Drug", t.protocol.product.inn, Origin(kind="label", row=t.protocol.product.id))
    t.add("next_dose.amount", "Amount", _amount(dose), origin, why)
    weighed = [e for e in t.history.of("weight_measured", "dose_given") if e.body.weight_kg is not None]
    weight = f"{number(weighed[-1].body.weight_kg)} kg ({t.say(weighed[-1].at)})" if weighed else None
    t.add("next_dose.weight", "Weight used", weight, origin_of(weighed[-1]) if weighed else None)
    for key, label, day in (
        ("due_on", "Due on", dose.due_on),
        ("earliest_on", "Not before", dose.earliest_on),
        ("give_by", "Give by: last day without a repeat or restart", dose.give_by),
        ("restart_if_after", "Restart the step-up if given after", dose.restart_if_after),
    ):
        t.add(f"next_dose.{key}", label, say_date(day) if day is not None else None, origin, why)
    later = "; ".join(
        f"from {say_date(each.from_day)}: {ACTION_WORDS[each.action]}"
        f"{' at ' + STEP_WORDS[each.step] if each.step else ''} (row {each.row})"
        for each in dose.after_that
    )
    t.add("next_dose.after_that", "If it is later", later, origin, why)
    premedication = "; ".join(f"{each.agent} {each.dose} {each.route}" for each in dose.premedication)
    t.add("next_dose.premedication", "Premedication before it", premedication, origin, why)
    if would is not None:
        t.add("next_dose.would_be", "Not verified, never acted on", would.words or (would.row or ""), origin)


def _amount(dose: NextDose) -> str | None:
    amount = dose.amount
    if amount is None or amount.mg is None:
        return None
    ml = f" = {number(amount.ml)} mL" if amount.ml is not None else ""
    return f"{number(amount.mg)} mg{ml} ({amount.basis})" if amount.basis else f"{number(amount.mg)} mg{ml}"


def _plan(t: Telling) -> None:
    schedule = schedule_at(t.history, t.protocol)
    t.add("plan.interval", "Interval now", schedule.replace("_", " ") if schedule else None, COURSE)
    rows = [row for row in t.protocol.interval_change if row.from_schedule == schedule]
    words = "; ".join(row.words for row in rows)
    origin = Origin(kind="label", row=rows[0].id, status=rows[0].status) if rows else None
    t.add("plan.longer", "When the label lets it grow", words, origin, "the label data has no row from this interval")
    said = [finding.what for finding in t.answer.findings if finding.rule == "interval"]
    t.add("plan.longer_now", "What that says now", "; ".join(said) or "nothing is due", Origin(kind="rule"))
    t.add("plan.review_on", "Review of the interval on", None)


# --- 11 to 20: what goes on --------------------------------------------------------------------------------------------


def _monitoring(t: Telling) -> None:
    watch = t.answer.watch
    window = "open" if watch.in_window else "not open"
    ends = f", until {t.say(watch.window_ends)}" if watch.in_window and watch.window_ends else ""
    t.add("monitoring.window", "Watched window after the last dose", f"{window}{ends}", Origin(kind="rule"))
    asked = t.answer.next_dose.monitoring
    words = None
    if asked is not None:
        hours = f"{asked.hours} hours" if asked.hours is not None else "a time that is not known"
        words = f"{asked.setting.replace('_', ' ')} for {hours} from {asked.anchor.replace('_', ' ')}"
        words += f" ({asked.because})" if asked.because else ""
    origin = Origin(kind="label", row=asked.row, status=asked.status) if asked is not None else None
    t.add(
        "monitoring.next_dose", "After the next dose", words, origin, "the label data asks for none, or it is not known"
    )


def _fever(t: Telling) -> None:
    around = t.around
    t.add("fever.number", "Call now", around.number, PEOPLE)
    calls = "; ".join(
        f"from {t.say(each.from_at)}: {each.party} {each.number or NUMBER_UNKNOWN}" for each in around.calls
    )
    t.add("fever.calls", "Whom to call, by hour", calls, PEOPLE)
    numbers = sorted({f"{each.party} {each.number or NUMBER_UNKNOWN}" for each in around.calls})
    t.add("fever.numbers", "Every number of these days", "; ".join(numbers), PEOPLE)
    t.add("fever.ed", "Emergency department near home", around.emergency_department, PEOPLE)
    fever = (
        f"fever from {number(t.policy.triage.fever_c)} °C on: call the number before anything else is taken or given"
    )
    t.add("fever.what", "What the patient does", fever, Origin(kind="policy"))


def _rems(t: Telling) -> None:
    for row in t.protocol.rems:
        found = [e for e in t.history.of("rems_met") if e.body.requirement == row.requirement]
        met = found[-1] if found else None
        words = None
        if met is not None and met.body.met is not None:
            until = f", until {say_date(met.body.valid_until)}" if met.body.valid_until else ""
            words = f"{'met' if met.body.met else 'NOT met'}{until} ({t.say(met.at)})"
        origin = origin_of(met, row=row.id) if met is not None else Origin(kind="label", row=row.id, status=row.status)
        t.add(f"rems.{row.requirement}", row.words, words, origin, ASKED if met is not None else NEVER_RECORDED)
    if not t.protocol.rems:
        t.add("rems.none", "REMS", "this label data has no requirement", Origin(kind="label"))
    for key, label in (("prescriber", "prescriber"), ("setting", "site"), ("dispenser", "pharmacy")):
        t.add(f"rems.receiving_{key}", f"Receiving {label} certified", None, why="the receiving side says it")


def _authorisation(t: Telling) -> None:
    latest = {e.body.subject or "": e for e in t.history.of("authorisation_set")}
    lines = (
        Line(
            key=f"authorisation.{e.id}",
            cells=(e.body.subject, e.body.number, _day(e.body.valid_from), _day(e.body.valid_until), e.body.status),
            origin=origin_of(e),
        )
        for e in latest.values()
    )
    columns = ("for", "number", "from", "until", "status")
    t.table("authorisation.rows", "Authorisations", columns, lines)
    for key, label in (
        ("site", "Site and NPI on the authorisation"),
        ("units", "Units authorised"),
        ("renewal", "Renewal due"),
        ("immunoglobulin", "Immunoglobulin authorised"),
        ("growth_factor", "Growth factor authorised"),
    ):
        t.add(f"authorisation.{key}", label, None)


def _duties(t: Telling) -> None:
    around = t.around
    t.add("duties.from", "In force from", t.say(around.duties_from), Origin(kind="agreement"))
    t.add("duties.agreement", "Agreement", around.agreement, Origin(kind="agreement"))
    t.add("duties.responsible", "Has accepted the patient", around.from_party, Origin(kind="agreement"))
    offered = around.to_party or (NO_OFFER if around.offer_waits is False else None)
    t.add("duties.to", "The patient is offered to", offered, Origin(kind="agreement"))
    t.add("duties.now", "Answers for the patient at this hour", around.answers, Origin(kind="rule"))
    lines = (
        Line(key=f"duties.{place}", cells=(task, party or None), origin=Origin(kind="agreement"))
        for place, (task, party) in enumerate(around.duties, start=1)
    )
    t.table("duties.rows", "Who answers for what", ("task", "answers"), lines, "not known: no agreement is in force")


def _response(t: Telling) -> None:
    t.of_event("response.last", "Last response", "response_assessed", "response")
    for key, label in (("on", "Next assessment on"), ("tests", "Tests"), ("who", "Who does it")):
        t.add(f"response.{key}", label, None)


def _goals(t: Telling) -> None:
    for key, label in (("goals", "Goals of care"), ("code_status", "Code status"), ("psychosocial", "Psychosocial")):
        t.add(f"goals.{key}", label, None)
    for name, label in (
        ("travel_min_typical", "Travel, minutes, typical"),
        ("travel_min_night", "Travel, minutes, at night"),
        ("travel_min_worst", "Travel, minutes, at worst"),
        ("caregiver_count", "Caregivers at home"),
        ("location", "Where the patient is"),
    ):
        t.of_event(f"goals.{name}", label, "home_status", name)


def _tasks(t: Telling) -> None:
    lines = (
        Line(
            key=f"tasks.{task.who}.{task.what}",
            cells=(task.what, task.who.replace("_", " "), t.say(task.by) or "no time set"),
            origin=Origin(kind="rule", at=task.by),
        )
        for task in t.answer.tasks
    )
    t.table("tasks.rows", "Open tasks", ("what", "who", "by"), lines, "none open")


def _day(day: object) -> str | None:
    return None if day is None else number(day)


def _text(value: object) -> str | None:
    return None if value is None else number(value)


SECTIONS: Final[tuple[tuple[str, str, Callable[[Telling], None]], ...]] = (
    ("person", "Person and contacts", _person),
    ("disease", "Disease", _disease),
    ("treatment", "Treatment and doses", _treatment),
    ("toxicity", "CRS and ICANS", _toxicity),
    ("events", "Infections, transfusions, admissions", _events),
    ("next_dose", "The next dose", _next_dose),
    ("plan", "Interval plan", _plan),
    ("laboratory", "Laboratory and vital signs", laboratory),
    ("prophylaxis", "Prophylaxis and vaccines", prophylaxis),
    ("target", "Toxicities of the target", target_toxicities),
    ("monitoring", "Monitoring still required", _monitoring),
    ("fever", "If there is fever", _fever),
    ("rems", "REMS", _rems),
    ("authorisation", "Authorisations", _authorisation),
    ("duties", "Who answers for what", _duties),
    ("returns", "When the patient returns", care_limits),
    ("response", "Response assessment", _response),
    ("goals", "Goals, home and travel", _goals),
    ("tasks", "Open tasks", _tasks),
    ("questions", "Questions to the receiving side", questions),
)
"""Key, title and writer of every section, in their order."""
