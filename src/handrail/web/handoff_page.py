"""What the pages of a hand-off show, as plain strings made once: the dose clock, where it stands, who took part, and what is chased."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from handrail.actions.moves import loops_of
from handrail.actions.truth import number_to_call
from handrail.alerts.models import Alert
from handrail.people.models import Organisation, User
from handrail.records import wire
from handrail.records.accountability import accountable_for, context_of, responsible_for
from handrail.records.models import Course, HandoffPerson
from handrail.rules.answer import Assessment, DoseClock, Handoff
from handrail.rules.assess import assess
from handrail.rules.coursefile import event_from_json
from handrail.rules.events import Event
from handrail.rules.handoff import chases, say_row
from handrail.rules.handoff_loop import Loop, Stage
from handrail.rules.history import History
from handrail.rules.pinned import protocol_for
from handrail.rules.policy import Policy
from handrail.rules.telling import role_words
from handrail.rules.terms import UnusableInput, civil_date, say_date
from handrail.web.presenters import Allowed, patient_words
from handrail.web.words import local_time, parse, since_words, step_words

STAGE_WORDS: Final = {
    "offered": "Offered: nobody has read it",
    "delivered": "Delivered by a machine: nobody has read it",
    "read": "Read, not accepted",
    "accepted": "Accepted, first dose to come",
    "first_dose_confirmed": "First dose given, to be closed",
    "closed": "Closed",
    "declined": "Declined",
    "withdrawn": "Withdrawn",
}
KIND_WORDS: Final = {
    "simple": "Simple",
    "complicated": "Complicated",
    "not_known": "Not known: handle it as complicated",
}
CHANNEL_WORDS: Final = {"on_screen": "in Handrail", "link": "by the link", "fax": "by fax", "email": "by e-mail"}
HOW_WORDS: Final = {"signed_in": "signed in", "link": "by the link", "fax_code": "code read back by phone"}
NOT_KNOWN: Final = "not known"
OVER_SHOWN: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A course as the rules see it now; `answer` None: they cannot, and `trouble` says why."""

    history: History | None = None
    policy: Policy | None = None
    answer: Assessment | None = None
    trouble: str = ""

    @property
    def clock(self) -> DoseClock | None:
        """The days of the next dose."""
        return self.answer.dose_clock if self.answer is not None else None

    def told(self, handoff: str) -> Handoff | None:
        """One hand-off of the answer."""
        found = self.answer.handoffs if self.answer is not None else ()
        return next((each for each in found if each.id == handoff), None)


def judged(course: Course, now: datetime, *more: dict[str, Any]) -> Judged:
    """The course judged now, with facts beside the recorded ones that nobody has recorded yet."""
    try:
        history, policy = wire.history_of(course, now)
        if more:
            extra = [event_from_json(each, zone=course.time_zone) for each in more]
            history = History.build(history.course, [*history.recorded, *extra], policy.plausible)
        answer = assess(protocol_for(history, now), policy, history, now, context=context_of(course, now))
    except UnusableInput as error:
        return Judged(trouble=error.message)
    return Judged(history=history, policy=policy, answer=answer)


# --- the dose clock ---------------------------------------------------------------------------------------------------


def clock_rows(clock: DoseClock | None, now: datetime) -> list[dict[str, str]]:
    """The four days that both sites count by, each with what it means; a day that is not known says so."""
    if clock is None:
        return []
    after, restart = say_row(clock.after_give_by), say_row(clock.after_restart)
    same = clock.give_by is not None and clock.give_by == clock.restart_if_after
    return [
        _day("Next dose due", clock.due_on, now, clock.zone, step_words(clock.step)),
        _day("Earliest", clock.earliest_on, now, clock.zone, "not before"),
        _day("Give by", clock.give_by, now, clock.zone, f"after that: {after}", key="give_by", left=True),
        _day(
            "Restart if after",
            clock.restart_if_after,
            now,
            clock.zone,
            "the same day: see give by" if same else f"after that: {restart}",
        ),
    ]


def _day(
    label: str, day: date | None, now: datetime, zone: str, note: str, *, key: str = "", left: bool = False
) -> dict[str, str]:
    days = (day - civil_date(now, zone)).days if day is not None else None
    return {
        "label": label,
        "key": key,
        "day": say_date(day) if day is not None else "",
        "left": _left(days) if left and days is not None else "",
        "over": "yes" if left and days is not None and days < 0 else "",
        "note": note if day is not None else "ask the prescriber",
    }


def _left(days: int) -> str:
    if days < 0:
        return f"PASSED {-days} day{'s' * (days != -1)} ago"
    return "today is the last day" if days == 0 else f"{days} day{'s' * (days != 1)} left"


def zone_note(clock: DoseClock | None, receiver: Organisation | None) -> str:
    """Whose days these are, and whether the other side's clock differs."""
    if clock is None:
        return ""
    if receiver is None or receiver.time_zone == clock.zone:
        return f"Both sites count the same days, by the clock of {clock.zone}."
    return f"Both sites count these days by the clock of {clock.zone}; {receiver.name} has the clock of {receiver.time_zone}."


def kind_rows(told: Handoff) -> dict[str, Any]:
    """Simple or complicated, with every reason, and what would have to be known."""
    return {
        "key": told.kind,
        "words": KIND_WORDS[told.kind],
        "because": told.because,
        "missing": told.missing,
        "still_open": told.still_open,
    }


# --- one hand-off -------------------------------------------------------------------------------------------------------


def organisation_of(party: str | None) -> Organisation | None:
    """The organisation that a party of a fact is."""
    try:
        return Organisation.objects.filter(pk=UUID(party or "")).first()
    except ValueError:
        return None


def names_of(course: Course, handoff: str, history: History) -> dict[str, str]:
    """The names behind the ids that stand in the facts of a hand-off, with the organisation of who had no account."""
    named = HandoffPerson.objects.filter(course=course, handoff=UUID(handoff)).select_related("of_organisation")
    found = {str(each.pk): f"{each.name}, {each.role} ({each.of_organisation.name})" for each in named}
    ids = {e.by.id for e in history.events if e.by is not None and e.by.id}
    ids |= {e.body.reader for e in history.of("handoff_read")} | {e.body.accepted_by for e in history.of(MOVED)}
    users = User.objects.filter(pk__in=[each for text in ids if (each := _uuid(text)) is not None])
    return {**{str(user.pk): user.name for user in users}, **found}


MOVED: Final = "accountability_moved"


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def steps(course: Course, loop: Loop, history: History, now: datetime, names: dict[str, str]) -> list[dict[str, Any]]:
    """The loop as it stands: each step with its words, when it happened, and who did it."""
    zone = course.time_zone
    offered, accepted = loop.offered, loop.accepted
    rows = [_step("Offered", offered.at, zone, _by(offered, names))]
    channel = CHANNEL_WORDS.get((loop.delivered.body.channel if loop.delivered else "") or "", "")
    machine = f"{channel}: a machine, not a reader" if channel else "by a machine, not a reader"
    rows.append(_step("Delivered", loop.delivered.at if loop.delivered else None, zone, machine))
    readers = _readers(loop, history, zone, names)
    rows.append(_step("Read by a person", loop.read_at, zone, *(readers or ["accepted without a note of reading"])))
    if loop.ended is not None and accepted is None:
        how = STAGE_WORDS[loop.stage.value]
        who = names.get(loop.ended.body.ended_by or "", "") or _by(loop.ended, names)
        rows.append(_step(how, loop.ended.at, zone, who, f"because: {loop.ended.body.because or NOT_KNOWN}"))
        return rows
    begins = loop.begins
    if accepted is not None and begins is not None:
        who = names.get(accepted.body.accepted_by or "", "a named person")
        verb = "answers since" if begins <= now else "answers from"
        rows.append(_step("Accepted", accepted.at, zone, f"by {who}", f"{verb} {local_time(begins, zone)}"))
    else:
        rows.append(_step("Accepted", None, zone))
    rows.append(_step("First dose there", loop.first_dose_at, zone))
    closed = loop.ended.at if loop.ended is not None else None
    rows.append(_step("Closed", closed, zone, _by(loop.ended, names) if loop.ended else ""))
    following = next((row for row in rows if not row["done"]), None)
    if following is not None:
        following["next"] = True
    return rows


def _step(words: str, at: datetime | None, zone: str, *more: str) -> dict[str, Any]:
    done = at is not None
    return {
        "words": words,
        "done": done,
        "next": False,
        "at": local_time(at, zone) if at is not None else "",
        "more": [each for each in more if each] if done else [],
    }


def _by(event: Event, names: dict[str, str]) -> str:
    if event.by is None:
        return ""
    return f"by {names.get(event.by.id or '', '') or role_words(event.by.role)}"


def _readers(loop: Loop, history: History, zone: str, names: dict[str, str]) -> list[str]:
    found = [e for e in history.of("handoff_read") if e.body.handoff == loop.id and e.body.reader is not None]
    return [
        f"{names.get(e.body.reader, 'a named person')}, {HOW_WORDS.get(e.body.how or '', NOT_KNOWN)}, {local_time(e.at, zone)}"
        for e in found
    ]


def questions(loop: Loop, zone: str, names: dict[str, str]) -> list[dict[str, Any]]:
    """Every question with its answer, the oldest first."""
    return [
        {
            "id": each.asked.id,
            "words": each.asked.body.question,
            "who": names.get(each.asked.body.asked_by or "", "") or _by(each.asked, names).removeprefix("by "),
            "at": local_time(each.asked.at, zone),
            "answer": each.answer.body.answer if each.answer else "",
            "answered": f"{_by(each.answer, names).removeprefix('by ')}, {local_time(each.answer.at, zone)}"
            if each.answer
            else "",
        }
        for each in loop.questions
    ]


def chased(course: Course, handoff: str, judgement: Judged, now: datetime, *, pages: bool) -> dict[str, Any]:
    """What was chased so far, as far as this person may see pages, and what happens by itself next."""
    told, zone = judgement.told(handoff), course.time_zone
    coming: list[dict[str, str]] = []
    if told is not None and judgement.policy is not None:
        ahead: dict[str, list[str]] = {}
        for each in chases(told, judgement.clock, judgement.policy, zone):
            if each.at > now:
                ahead.setdefault(local_time(each.at, zone), []).append(each.what)
        coming = [{"at": at, "what": "; ".join(what)} for at, what in ahead.items()]
    return {"coming": coming, "so_far": _pages(course, handoff, now) if pages else None}


def _pages(course: Course, handoff: str, now: datetime) -> list[dict[str, Any]]:
    alerts = Alert.objects.filter(course=course, key__startswith="handoff:", key__endswith=handoff)
    zone = course.time_zone
    return [
        {
            "id": alert.pk,
            "at": local_time(alert.opened_at, zone),
            "what": alert.what,
            "state": f"{alert.acknowledged_by.name} has it"
            if alert.acknowledged_by is not None
            else f"over since {local_time(alert.closed_at, zone)}"
            if alert.closed_at is not None
            else f"open for {since_words(alert.opened_at, now)}: nobody has it",
        }
        for alert in alerts.select_related("acknowledged_by").order_by("opened_at", "key")
    ]


def who_answers(course: Course, loop: Loop, now: datetime) -> dict[str, Any]:
    """Who answers for the patient now and since when, whom the patient calls, and what changes when."""
    party, zone = accountable_for(course, now), course.time_zone
    holder = Organisation.objects.filter(pk=responsible_for(course, now)).first()
    begins = loop.begins
    ahead = begins is not None and begins > now
    return {
        "holder": holder.name if holder is not None else NOT_KNOWN,
        "task": party.answer.task_name,
        "since": local_time(party.since, zone),
        "number": number_to_call(course, now),
        "then": local_time(begins, zone) if begins is not None and ahead else "",
    }


# --- the list -----------------------------------------------------------------------------------------------------------


def lists(
    courses: Iterable[Course], houses: Iterable[UUID], may: Allowed, now: datetime
) -> dict[str, list[dict[str, Any]]]:
    """The hand-offs of courses: for this person to accept, accepted by nobody, taken over, and over; what is late comes first.

    Args:
        houses: the organisations that the person belongs to.
    """
    mine = {str(each) for each in houses}
    names = {str(pk): name for pk, name in Organisation.objects.values_list("pk", "name")}
    found: dict[str, list[dict[str, Any]]] = {"to_accept": [], "unaccepted": [], "taken": [], "over": []}
    for course in courses:
        who = patient_words(course, names=course.pk in may.names)
        for told in (course.assessment or {}).get("handoffs") or []:
            stage, row = Stage(told["stage"]), listed(course, told, names, now, who=who)
            if course.ended_at is not None or not stage.open:
                found["over"].append(row)
            elif stage.waits:
                found["to_accept" if told["to_party"] in mine else "unaccepted"].append(row)
            else:
                found["taken"].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: row["order"])
    found["over"] = sorted(found["over"], key=lambda row: row["order"][2], reverse=True)[:OVER_SHOWN]
    return found


def listed(course: Course, told: dict[str, Any], names: dict[str, str], now: datetime, *, who: str) -> dict[str, Any]:
    """One line of the inbox, from the stored answer."""
    zone = course.time_zone
    clock = (course.assessment or {}).get("dose_clock") or {}
    give_by = date.fromisoformat(clock["give_by"]) if clock.get("give_by") else None
    due = parse(told["accept_due"])
    days = (give_by - civil_date(now, clock["zone"])).days if give_by is not None else None
    late = due is not None and due <= now
    waits = Stage(told["stage"]).waits
    return {
        "course": course.pk,
        "id": told["id"],
        "who": who,
        "from": names.get(told["from_party"] or "", NOT_KNOWN),
        "to": names.get(told["to_party"] or "", NOT_KNOWN),
        "returns": told["returns"],
        "kind": KIND_WORDS[told["kind"]],
        "stage": STAGE_WORDS[told["stage"]],
        "late": late,
        "mark": ("soon", "Overdue") if late else ("today", "Waits") if waits else ("routine", "Taken over"),
        "due": local_time(due, zone) if due is not None else "",
        "offered": since_words(datetime.fromisoformat(told["offered_at"]), now),
        "give_by": say_date(give_by) if give_by is not None else "",
        "left": _left(days) if days is not None else "",
        "questions": sum(1 for each in told["questions"] if each["answered_at"] is None),
        "order": (not late, give_by or date.max, told["offered_at"]),
    }


def loop_of(course: Course, handoff: UUID, now: datetime) -> Loop | None:
    """One hand-off of a course; a corrected offer is found by its newest id only."""
    return next((each for each in loops_of(course, now) if each.id == str(handoff)), None)


def days_of(course: Course, loop: Loop, now: datetime) -> dict[str, str]:
    """Today by the clock of the course, and the day from which they would answer: as it was proposed, unless that is past."""
    today = civil_date(now, course.time_zone)
    proposed = loop.offered.body.take_over_on
    return {"today": today.isoformat(), "starts": max(today, proposed or today).isoformat()}


def day_or_none(text: str) -> date | None:
    """A day that was typed; None for nothing.

    Raises:
        ValueError: something that is no day.
    """
    return date.fromisoformat(text.strip()) if text.strip() else None
