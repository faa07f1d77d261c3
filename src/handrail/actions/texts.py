"""A text message from somebody at home: kept as it came, read by the rules, recorded as a check, and answered with the truth.

What is not understood calls the nurse. A number that is not believable, or a phone that several patients share, is kept, marked and
asked again, and counts as no check. STOP ends text messages and nothing else: the overdue clocks run on, and somebody has to find
another way to reach the patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from handrail import clock
from handrail.actions.actor import Actor, service
from handrail.actions.checkins import receipt_for
from handrail.actions.errors import ActionError, RefusedError
from handrail.actions.facts import receive_checkin
from handrail.actions.recording import locked, note_closed, note_going_on
from handrail.actions.truth import number_to_call, truth_about
from handrail.alerts import ledger
from handrail.alerts.ledger import Wanted
from handrail.alerts.lines import Sender, senders, set_line
from handrail.alerts.models import TextReceived
from handrail.people import scope
from handrail.records import wire
from handrail.records.models import Course
from handrail.rules.paging import Step
from handrail.rules.policy import Policy, load_policy
from handrail.rules.terms import Ladder, UnusableInput
from handrail.rules.texting import TextRead, read_text

SOURCE: Final = "text message"
LONGEST: Final = 1600
NOT_UNDERSTOOD: Final = f"{ledger.SHELL}text_not_understood"
STOPPED: Final = f"{ledger.SHELL}text_stopped"
_NAMESPACE: Final = UUID("6b1f0f0e-58c2-5d5e-9c1e-3f6f0d1a7c55")
Outcome = TextReceived.Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What is sent back; empty: nothing."""

    words: str

    def __repr__(self) -> str:
        return "Answered()"


def receive_text(
    *, provider_id: str, sender: str, body: str, provider_stops: bool = False, now: datetime | None = None
) -> Answered:
    """Take a text message.

    Args:
        provider_id: the provider's name for the message; one that comes twice is answered like the first time.
        sender: the number that it came from.
        body: as it came.
        provider_stops: the provider itself answers STOP and START, so that nothing is sent back to them.
    """
    now = now or clock.now()
    body = body.replace("\x00", "")[:LONGEST]
    with scope.everything():
        taken = list(TextReceived.objects.filter(provider_id=provider_id).order_by("received_at", "id"))
        behind = senders(sender)
    done = {row.course_id for row in taken}
    left = [
        each for each in behind if each.course.pk not in done
    ]  # of several: those it did not come to before it broke off
    if taken and not left:
        return Answered(words=taken[0].answer)
    if not behind:
        return Answered(words=_("NOT saved: we do not know this phone. Call your team, or 911 if it cannot wait."))
    policies = [_policy(each.course, now) for each in behind]
    limits = policies[0].plausible["temperature_c"]
    read = read_text(body, limits, {row.symptom for row in policies[0].triage.symptom})
    with translation.override(behind[0].language[:2]):
        if read.command:
            words = "" if provider_stops else _command_words(read.command, behind, now)
            for each in left:
                _obey(each, read.command, sender, provider_id, body, words, now)
        elif len(behind) > 1:
            words = _shared(behind, left, read, policies[0], provider_id, body, now)
        else:
            words = _from_one(behind[0], read, provider_id, body, now)
    return Answered(words=words)


# --- one patient --------------------------------------------------------------------------------------------------------


def _from_one(who: Sender, read: TextRead, provider_id: str, body: str, now: datetime) -> str:
    course = who.course
    event_id = uuid5(_NAMESPACE, f"{course.pk}:{provider_id}")
    lines: list[str] = []
    saved = False
    if read.says_anything:
        try:
            recorded = receive_checkin(course.pk, _wire(read, event_id, course, now), by=_actor(who), now=now)
        except ActionError:
            read = TextRead(understood=False)  # nothing is lost: the text is kept, and somebody is called
        else:
            saved = True
            with scope.everything():
                course.refresh_from_db()
                receipt = receipt_for(course, recorded.event, recorded.truth, now, by_text=True)
            if not read.implausible:
                lines = [receipt.truth, *receipt.instructions]
    outcome = _outcome(read)
    if outcome in (Outcome.NOT_UNDERSTOOD, Outcome.UNWELL):
        _call_nurse(course, NOT_UNDERSTOOD, _WHAT[outcome], now)
        with scope.everything():
            lines = lines or [truth_about(course, now, saved_at=now)]
        if outcome == Outcome.NOT_UNDERSTOOD:
            lines.append(_("We did not understand your message."))
        lines.append(_("Do not wait for an answer here: call %(number)s.") % {"number": _number(course, now)})
    elif outcome == Outcome.ASKED_AGAIN:
        lines = [_("This does not look like a temperature. Measure again and send only the number, like 98.6 or 37.0.")]
        lines.append(_("If you feel unwell call %(number)s.") % {"number": _number(course, now)})
    else:
        lines.append(_number(course, now))
        if not read.symptoms and not read.none_of_these:
            lines.append(_("Do you feel unwell? Answer YES or NO."))
    words = " ".join(line for line in lines if line)
    _keep(course, provider_id, body, words, outcome, event_id if saved else None, now)
    return words


def _outcome(read: TextRead) -> TextReceived.Outcome:
    if not read.understood:
        return Outcome.NOT_UNDERSTOOD
    if read.unwell:
        return Outcome.UNWELL
    return Outcome.ASKED_AGAIN if read.implausible else Outcome.RECORDED


def _wire(read: TextRead, event_id: UUID, course: Course, now: datetime) -> dict[str, Any]:
    """The check as the course file has it. What a text message never asked stays absent."""
    data: dict[str, Any] = {"id": str(event_id), "at": max(now, course.started_at).isoformat()}
    if read.temperature:
        data["temperature_c"] = None if read.celsius is None else str(read.celsius)
        data["temperature_as_typed"] = read.temperature
        data["unit_as_typed"] = read.unit
        if read.implausible:
            data["implausible"] = ["temperature_c"]
    if read.symptoms or read.none_of_these:
        data["symptoms"], data["none_of_these"] = list(read.symptoms), read.none_of_these
    data["x_by_text_message"] = True
    return data


def _actor(who: Sender) -> Actor:
    person = who.contact.pk if who.contact is not None else who.course.patient_id
    return Actor(source=who.role, name=SOURCE, on_behalf_of=str(person))


# --- several patients, STOP and START -----------------------------------------------------------------------------------


def _shared(
    behind: Sequence[Sender],
    left: Sequence[Sender],
    read: TextRead,
    policy: Policy,
    provider_id: str,
    body: str,
    now: datetime,
) -> str:
    """Nobody can say about whom it is: kept at each of them, counted at none, and whatever may be urgent calls the nurse.

    `left`: those of them at whom it is not yet kept.
    """
    number = _number(behind[0].course, now)
    words = _(
        "NOT saved as a check: this phone belongs to more than one patient. Use the link of each patient, or call %(number)s."
    ) % {"number": number}
    for each in left:
        if not read.is_quiet(policy.triage.fever_c):
            _call_nurse(each.course, NOT_UNDERSTOOD, _WHAT[Outcome.SHARED], now)
        _keep(each.course, provider_id, body, words, Outcome.SHARED, None, now)
    return words


def _command_words(command: str, behind: Sequence[Sender], now: datetime) -> str:
    number = {"number": _number(behind[0].course, now)}
    if command == "stop":
        return _("You get no more text messages. Your checks go on: use your link, or call %(number)s.") % number
    return _("You get text messages again. Send your temperature as a number, or call %(number)s.") % number


def _obey(who: Sender, command: str, phone: str, provider_id: str, body: str, words: str, now: datetime) -> None:
    course = who.course
    with transaction.atomic(), scope.everything():
        if command == "stop":
            set_line(course.organisation_id, phone, stopped_at=now)
        else:
            set_line(course.organisation_id, phone, stopped_at=None)
            for alert in course.alerts.filter(key=STOPPED, closed_at__isnull=True):
                note_closed(course, ledger.close(alert, "text messages are on again", now), now)
    if command == "stop":
        _call_nurse(course, STOPPED, _WHAT[Outcome.STOPPED], now)
    _keep(course, provider_id, body, words, Outcome.STOPPED if command == "stop" else Outcome.STARTED, None, now)


def note_stop(course_id: UUID, phone: str, now: datetime) -> None:
    """The provider says that the owner of a number wants no text messages: like STOP."""
    with transaction.atomic(), scope.everything():
        course = Course.objects.get(pk=course_id)
        set_line(course.organisation_id, phone, stopped_at=now)
    _call_nurse(course, STOPPED, _WHAT[Outcome.STOPPED], now)


def agree(course_id: UUID, *, by: Actor, agreed: bool, now: datetime | None = None) -> None:
    """Write down that the patient and the caregivers agreed to text messages, or do not any more.

    Raises:
        RefusedError: there is no phone to text.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for("issue_link", course, now)
        contacts = course.patient.contacts.filter(is_caregiver=True)
        phones = [each for each in (course.patient.phone, *(contact.phone for contact in contacts)) if each]
        if not phones:
            raise RefusedError("There is no phone number on record.", code="missing_key", path="phone")
        for phone in phones:
            set_line(course.organisation_id, phone, agreed_at=now if agreed else None)


# --- what all of them need -----------------------------------------------------------------------------------------------

_WHAT: Final = {
    Outcome.NOT_UNDERSTOOD: "A text message from home was not understood: call the patient",
    Outcome.UNWELL: "A text message from home says unwell: call the patient",
    Outcome.SHARED: "A text message from a phone that patients share may be urgent: call each of them",
    Outcome.STOPPED: "Text messages were stopped: agree on another way to reach the patient",
}


def _call_nurse(course: Course, key: str, what: str, now: datetime) -> None:
    """Call somebody, the nurse first. "I have it" about an earlier message does not count for this one."""
    ladder = load_policy().ladders[Ladder.AMBER]
    wait = ladder.steps[0].wait_minutes
    want = Wanted(
        key=key,
        urgency=Ladder.AMBER.urgency.value,
        ladder=Ladder.AMBER.value,
        what=what,
        because="the text messages stand on the patient's page, as they came",
        steps=(Step(who="nurse", wait_minutes=wait), *ladder.steps),
    )
    with locked(course.pk, service(SOURCE), now) as held:
        had = held.alerts.filter(key=key, closed_at__isnull=True, acknowledged_at__isnull=False)
        for alert in had.select_for_update():
            note_closed(held, ledger.close(alert, "another message came", now), now)
        note_going_on(held, ledger.reconcile(held, [want], now, close_others=False), now)


def _keep(
    course: Course, provider_id: str, body: str, words: str, outcome: str, event_id: UUID | None, now: datetime
) -> None:
    with scope.everything():
        TextReceived.objects.get_or_create(
            organisation_id=course.organisation_id,
            course=course,
            provider_id=provider_id,
            defaults={
                "body": body,
                "answer": words,
                "outcome": outcome,
                "event_id": event_id,
                "received_at": now,
            },
        )


def _number(course: Course, now: datetime) -> str:
    with scope.everything():
        return number_to_call(course, now) or "911"


def _policy(course: Course, now: datetime) -> Policy:
    with scope.everything():
        try:
            return wire.policy_of(course, now)
        except UnusableInput:
            return load_policy()
