"""The check-in behind a link: what the page needs to know, and what the person is told after sending."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError
from django.utils import translation
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from handrail import clock
from handrail.actions.actor import through_link
from handrail.actions.checkin_answers import Answers
from handrail.actions.doors import doors_of
from handrail.actions.errors import ConflictError, NotVisibleError, TooManyError
from handrail.actions.facts import receive_checkin
from handrail.actions.home_medicines import Instruction, instructions_after
from handrail.actions.links import link_id_of_cookie
from handrail.actions.recording import CANNOT_ASSESS, Recorded
from handrail.actions.truth import (
    ask_again_after,
    cannot_wait,
    nobody_has_it,
    number_of,
    number_to_call,
    open_alerts,
    truth_about,
)
from handrail.actions.words_doors import department_lines, door_lines
from handrail.actions.words_times import home_time
from handrail.people import scope
from handrail.people.models import Contact, LinkToken, Organisation
from handrail.records import wire
from handrail.records.models import Course, Event
from handrail.rules.events import CheckinReceived
from handrail.rules.history import History
from handrail.rules.policy import Policy, load_policy
from handrail.rules.terms import Disposition, Ladder, UnusableInput, Urgency
from handrail.rules.watch import patient_zone

COOKIE: Final = "handrail_checkin"
"""The cookie that a link is exchanged for; the same for the page and for the API."""
LANGUAGE_COOKIE: Final = "handrail_checkin_language"
KIND: Final = "checkin_received"
PURPOSE: Final = LinkToken.Purpose.CHECKIN.value
MOST_AN_HOUR: Final = 60
"""So many checks through one link are taken within an hour. Whatever may be urgent is always taken."""
LONGEST_WAIT: Final = timedelta(days=7)
"""A check that waited longer on a phone counts as written this long ago: its clock cannot be right."""

WORDS_OF_THE_POLICY: Final = (
    gettext_lazy("Call 911 now."),
    gettext_lazy("Go to the emergency department now. Do not drive yourself."),
    gettext_lazy("Call the number below now. You must be seen within the hour."),
    gettext_lazy("Call the number below now."),
    gettext_lazy("A nurse calls you back within 30 minutes. Not called? Use the number below."),
    gettext_lazy("Thank you. Nothing more to do now."),
    gettext_lazy("short of breath"),
    gettext_lazy("chest pain"),
    gettext_lazy("fainted"),
    gettext_lazy("seizure"),
    gettext_lazy("hard to wake"),
    gettext_lazy("confused, cannot write or find words"),
    gettext_lazy("new weakness"),
    gettext_lazy("bad headache"),
    gettext_lazy("cannot drink"),
    gettext_lazy("shaking chills"),
    gettext_lazy("dizzy"),
    gettext_lazy("vomiting"),
    gettext_lazy("rash"),
    gettext_lazy("mild headache"),
    gettext_lazy("cough"),
    gettext_lazy("burning urine"),
    gettext_lazy("diarrhoea"),
    gettext_lazy("fever, or very hot"),
    gettext_lazy("something else is wrong"),
    gettext_lazy("I am worried"),
)
"""The words of the shipped policy that a patient reads, here so that they are found for translation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What the check-in page of a link shows."""

    link: LinkToken
    course: Course
    policy: Policy
    zone: str
    at: datetime
    due: datetime | None
    demo: bool
    tag: str
    """Names the course to nobody: a check written for one course is refused under the link of another."""
    contact: Contact | None = None
    """The caregiver whose own link it is."""

    @property
    def of_caregiver(self) -> bool:
        """Whether whoever cares for the patient holds the link."""
        return self.link.holder == "caregiver"

    @property
    def call(self) -> str:
        """The number to call; looked up when it is asked for."""
        with scope.acting_for(self.link.organisation_id):
            return number_to_call(self.course, self.at)

    @property
    def language(self) -> str:
        """The language of the patient, or of the caregiver whose own link it is."""
        return self.contact.language if self.contact is not None else self.course.patient.language

    @property
    def next_check(self) -> str:
        """When the next check is due, by the patient's clock and in the language in use; empty when none is."""
        return _clock_words(self.due, self.zone, self.course)

    @property
    def unit(self) -> str:
        """The unit in which the patient reads the thermometer."""
        return self.course.patient.temperature_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the person is told after sending. `tone` is `now`, `soon` or `good`."""

    id: str
    truth: str
    instructions: tuple[str, ...]
    call: str
    next_check: str
    tone: str
    again: bool
    ask_again_after: int | None
    """After how many seconds the page asks again what is true; None when nothing is waited for."""
    take: Instruction | None = None
    """What the button says was taken: of several medicines the first that is still to take."""
    doors: tuple[str, ...] = ()
    """Where to go, line by line: of somebody who cannot wait, the emergency department and nothing else."""

    def to_json(self) -> dict[str, Any]:
        """The answer of the API."""
        return {
            "id": self.id,
            "truth": self.truth,
            "instructions": list(self.instructions),
            "call": self.call,
            "next_check": self.next_check,
            "tone": self.tone,
            "ask_again_after": self.ask_again_after,
            "take": {"authorisation": self.take.authorisation, "taken": self.take.taken} if self.take else None,
            "doors": list(self.doors),
        }


@contextmanager
def _seen_by(link: LinkToken) -> Iterator[Course]:
    with scope.acting_for(link.organisation_id):
        related = ("organisation", "patient", "site")
        course = Course.objects.select_related(*related).filter(links=link).first()
        if course is None:
            raise NotVisibleError("There is no such course.")
        yield course


def sheet_for(link: LinkToken, *, now: datetime | None = None) -> Sheet:
    """The check-in page of a link that is good."""
    now = now or clock.now()
    with _seen_by(link) as course:
        history, policy = _read(course, now)
        due = ((course.assessment or {}).get("watch") or {}).get("next_check_due")
        return Sheet(
            link=link,
            course=course,
            policy=policy,
            zone=patient_zone(history) if history else course.time_zone,
            at=now,
            due=datetime.fromisoformat(due) if due else None,
            demo=course.organisation.mode == Organisation.Mode.DEMO,
            tag=tag_of(link),
            contact=course.patient.contacts.filter(pk=link.contact_id).first() if link.contact_id else None,
        )


def tag_of(link: LinkToken) -> str:
    """What a form carries to say for which course it was written."""
    return salted_hmac("handrail.checkin.course", str(link.course_id)).hexdigest()[:16]


def number_behind(*, token: str = "", cookie: str = "", now: datetime | None = None) -> str:
    """The number to call for somebody whose link is over; empty when the link never was."""
    now = now or clock.now()
    link_id = link_id_of_cookie(cookie, PURPOSE) if cookie else None
    with scope.everything():
        links = LinkToken.objects.select_related("course__site", "course__organisation").filter(purpose=PURPOSE)
        found = links.filter(pk=link_id) if link_id else links.filter(token_hash=LinkToken.hash_of(token))
        link = found.first()
        return number_to_call(link.course, now) if link and link.course else ""


def language_for(sheet: Sheet, cookie: str) -> str:
    """The language chosen on this phone, else that of the patient, else the one of the installation."""
    spoken = {code for code, _name in settings.LANGUAGES}
    return next((code for code in (cookie, sheet.language[:2]) if code in spoken), str(settings.LANGUAGE_CODE))


def receive(
    sheet: Sheet,
    answers: Answers,
    *,
    written_at: datetime | None = None,
    waited: timedelta | None = None,
    now: datetime | None = None,
) -> Receipt:
    """Record a check and say what is true now.

    Args:
        sheet: the page that was answered, of a link that is good.
        answers: what was answered.
        written_at: when, by the phone's clock; never later than now.
        waited: how long the phone held the check, which needs no right clock on the phone and therefore wins.
        now: the instant of receiving.

    Raises:
        RefusedError, ConflictError, NotVisibleError, TooManyError: nothing was saved.
    """
    now = now or clock.now()
    if waited is not None:
        written_at = now - min(max(waited, timedelta()), LONGEST_WAIT) * clock.speed()
    link, course = sheet.link, sheet.course
    former = _former(course, answers)
    if former is None and answers.is_quiet(sheet.policy) and _too_many(link):
        message = _(
            "Too many checks came through this link within an hour: this one is not saved. If you feel unwell, do not wait."
        )
        raise TooManyError(message)
    for last in (False, True):
        data = _wire(answers, former, course, written_at, now)
        try:
            recorded = receive_checkin(course.pk, data, by=through_link(link), now=now)
        except ConflictError:
            if last or former is not None:
                raise
            former = _former(course, answers)  # the same check arrived twice at once: now its first instant is known
            continue
        with scope.acting_for(link.organisation_id):
            course.refresh_from_db(fields=["assessment"])  # all else of it was read for the page
            return receipt_for(course, recorded.event, recorded.truth, now, again=recorded.again, just=recorded)
    raise AssertionError("the second turn answers or raises")


def _too_many(link: LinkToken) -> bool:
    """Count a check of this link; whether it is more than an hour's worth. A cache that does not answer holds nobody up."""
    hour = int(clock.SystemClock().now().timestamp() // 3600)  # of the wall clock: a demonstration hurries
    key = f"handrail.checkins.{link.pk}.{hour}"
    try:
        count = cache.get(key, 0) + 1
        cache.set(key, count, timeout=3600)
    except DatabaseError:
        return False
    return count > MOST_AN_HOUR


def receipt_of(link: LinkToken, check_id: UUID, *, now: datetime | None = None) -> Receipt:
    """What became of a check that was sent before, as it is true now.

    Raises:
        NotVisibleError: the course of this link has no such check.
    """
    now = now or clock.now()
    with _seen_by(link) as course:
        event = course.events.filter(organisation_id=course.organisation_id, id=check_id, kind=KIND).first()
        if event is None:
            raise NotVisibleError("There is no such check.")
        return receipt_for(course, event, truth_about(course, now, saved_at=event.recorded_at), now, again=True)


def receipt_that_waits(link: LinkToken, *, taken_too: bool = False, now: datetime | None = None) -> Receipt | None:
    """What is true of the last check while something urgent is open that nobody has taken: whoever opens the link reads it first.

    `taken_too`: also while somebody has it, for a page that is opened to learn who does.
    """
    now = now or clock.now()
    with _seen_by(link) as course:
        alerts = open_alerts(course)
        if not (nobody_has_it(alerts) or (taken_too and ask_again_after(alerts) is not None)):
            return None
        sent = course.events.filter(organisation_id=course.organisation_id, kind=KIND).order_by("-recorded_at", "-id")
        event = sent.first()
        if event is None:
            return None
        return receipt_for(course, event, truth_about(course, now, saved_at=event.recorded_at), now, again=True)


def _former(course: Course, answers: Answers) -> Event | None:
    with scope.acting_for(course.organisation_id):
        return course.events.filter(organisation_id=course.organisation_id, id=answers.id, kind=KIND).first()


def _wire(
    answers: Answers, former: Event | None, course: Course, written_at: datetime | None, now: datetime
) -> dict[str, Any]:
    """The event: neither later than now nor before the course. The same check sent again happened when it first did."""
    data = answers.to_wire()
    if former is not None:
        data["at"] = former.occurred_at.isoformat()
        if "written_at" in former.payload:
            data["written_at"] = former.payload["written_at"]
        return data
    data["at"] = max(min(written_at or now, now), course.started_at).isoformat()
    if written_at is not None:
        data["written_at"] = written_at.isoformat()
    return data


def receipt_for(
    course: Course,
    event: Event,
    truth: str,
    now: datetime,
    *,
    again: bool = False,
    by_text: bool = False,
    just: Recorded | None = None,
) -> Receipt:
    """What the person is told after a check, in the language in use. The caller sees the course.

    `by_text`: it leaves the machine, and names no medicine. `just`: the check as it was recorded just now, with what was read for it.
    """
    read = just.read if just is not None else None
    history, policy = (read.history, read.policy) if read is not None else _read(course, now)
    judged = course.assessment or {}
    alerts = open_alerts(course)
    failed = any(alert.key == CANNOT_ASSESS for alert in alerts)
    triage = judged.get("triage") or {}
    ladder = Ladder(triage["ladder"]) if triage.get("ladder") else None
    disposition = Disposition(triage.get("disposition") or "none")
    known = not failed and bool(judged)
    told = history if known and not by_text else None
    takes = instructions_after(told, policy, event, disposition, now) if told else ()
    due = (judged.get("watch") or {}).get("next_check_due") if known else None
    zone = patient_zone(history) if history else course.time_zone
    waits = not known or cannot_wait(alerts) or disposition is Disposition.ED_NOW
    return Receipt(
        id=str(event.id),
        truth=truth,
        instructions=tuple(_instructions(event, ladder, disposition, policy, takes, known=known)),
        call=number_of(course, just.party) if just is not None and just.party else number_to_call(course, now),
        next_check=_clock_words(datetime.fromisoformat(due) if due else None, zone, course),
        tone=_tone(ladder, known=known),
        again=again,
        ask_again_after=ask_again_after(alerts),
        take=takes[0] if takes else None,
        doors=() if by_text else _doors(course, now, zone, ladder, only_ed=waits),
    )


def _doors(course: Course, now: datetime, zone: str, ladder: Ladder | None, *, only_ed: bool) -> tuple[str, ...]:
    """Who calls 911 reads no address, and whoever cannot wait reads none but that of the emergency department."""
    if ladder is not None and ladder.calls_911:
        return ()
    if only_ed or (ladder is not None and ladder.urgency is Urgency.NOW):
        return department_lines(doors_of(course, now, only_ed=True))
    return door_lines(doors_of(course, now), now, zone, clock_24h=course.patient.clock_24h)


def _instructions(
    event: Event,
    ladder: Ladder | None,
    disposition: Disposition,
    policy: Policy,
    takes: Sequence[Instruction],
    *,
    known: bool,
) -> Iterator[str]:
    if not known:
        yield _("We could not judge this check. Call the number below.")
    elif disposition is Disposition.RECHECK and ladder in (None, Ladder.GREEN):
        minutes = policy.triage.recheck_after_minutes
        yield _("Measure your temperature again in %(minutes)d minutes and send another check.") % {"minutes": minutes}
    else:
        yield what_to_do(policy, ladder or Ladder.GREEN)
        if disposition is Disposition.ED_NOW and ladder not in (Ladder.RED_1, Ladder.RED_2):
            yield what_to_do(policy, Ladder.RED_2)
    body = wire.to_fact(event).body
    assert isinstance(body, CheckinReceived)
    if body.alarm and (body.temperature_c is None or "temperature_c" in body.implausible):
        yield _("The alarm is no check: when you can, measure the temperature and send a check. Calling comes first.")
    elif body.temperature_c is None or "temperature_c" in body.implausible:
        yield _("Without a temperature this check does not count. Measure it and send another check.")
    elif body.temperature_c >= policy.triage.fever_c:
        for take in takes:
            yield take.words
        yield _("Take fever medicine only if your team told you to.")
        yield _("Do not stay alone.")


def what_to_do(policy: Policy, ladder: Ladder) -> str:
    """What the patient does, in the language in use: in the policy's own words, where it has that language."""
    return said(policy.patient_words(ladder, translation.get_language() or ""))


def said(words: str) -> str:
    """Words of a policy in the language in use: a site's own words that nobody has translated stay as they are."""
    return _(words) if words else ""


def _tone(ladder: Ladder | None, *, known: bool) -> str:
    if not known:
        return "soon"
    return {Urgency.NOW: "now", Urgency.SOON: "soon"}.get((ladder or Ladder.GREEN).urgency, "good")


def _read(course: Course, now: datetime) -> tuple[History | None, Policy]:
    """The history and the policy in force; no history and the shipped policy for a course that cannot be read."""
    try:
        return wire.history_of(course, now)
    except UnusableInput:
        return None, load_policy()


def _clock_words(at: datetime | None, zone: str, course: Course) -> str:
    """When, by the patient's clock and in the language in use; nothing for never."""
    return home_time(at, zone, clock_24h=course.patient.clock_24h) if at is not None else ""
