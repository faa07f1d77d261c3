"""The harness: a clinic with fake phones and a clock that jumps; the verbs, the rules and the watcher are the real ones.

    def test_fever_at_night(clinic):
        patient = clinic.patient_after("step_up_1", at="Tue 10:00")
        patient.reports(celsius="38.4", at="Wed 02:13")
        clinic.phone("first on call").expects_page("fever in the window")   # no reading in the text
        clinic.fast_forward(minutes=11)
        clinic.phone("second on call").expects_page("not acknowledged")

A page that no test expected fails it at the end. A patient sends a quiet check shortly before each one is due, until told to fall
silent. Time moves from one due row to the next, as the watcher would sleep, so that weeks take a moment.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.mail import EmailMessage
from django.test import override_settings

from handrail import clock
from handrail.actions.actor import Actor, person, through_link
from handrail.actions.answering import Acknowledged, acknowledge
from handrail.actions.courses import start_course
from handrail.actions.facts import receive_checkin, record_event
from handrail.actions.links import issue_checkin_link
from handrail.actions.recording import Recorded
from handrail.alerts import heartbeat
from handrail.alerts.models import Alert, Heartbeat, Page
from handrail.jobs.watcher import Watcher
from handrail.people.models import LinkToken, Shift, User
from handrail.people.scope import everything
from handrail.records.models import Course
from tests.support import fake_smtp
from tests.support.factories import (
    CHICAGO,
    MONDAY_0900,
    House,
    checkin,
    dose,
    event,
    make_house,
    make_member,
    make_patient,
    make_shift,
)

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MG = {"step_up_1": "4.2", "step_up_2": "21", "first_treatment": "105", "treatment": "105"}
"""Teclistamab for the 70 kg of every patient of the clinic."""
ORDER = tuple(MG)
BEFORE_IT_IS_DUE = timedelta(minutes=5)
MOST_TURNS = 200
"""So many looks at one instant are a watcher that runs in circles."""


@dataclass(eq=False)
class Arrived:
    """A page as a person has it: on screen, and whatever left for the phone."""

    page: Page
    alert: Alert
    words: str
    at: datetime
    expected: bool = False

    def __str__(self) -> str:
        return (
            f"{self.at.astimezone(ZoneInfo(CHICAGO)):%a %d %H:%M:%S}  {self.page.who}: {self.alert.ladder} {self.words}"
        )


@dataclass
class Phone:
    """The phone and the inbox of whoever answers as one step of the ladder."""

    clinic: Clinic
    user: User
    arrived: list[Arrived] = field(default_factory=list)
    dead: bool = False
    """A provider that does not answer for this phone."""

    def expects_page(self, words: str, *, at: str | datetime | None = None, ladder: str = "") -> Arrived:
        """The next page with these words that nobody expected yet; what left for the phone says nothing of the patient."""
        self.clinic.collect()
        waiting = [page for page in self.arrived if not page.expected and words in page.words]
        assert waiting, f"no page {words!r} for {self.user.name}\n{self.clinic.told()}"
        page = waiting[0]
        assert at is None or page.at == self.clinic.instant(at, near=page.at), f"expected at {at}: {page}"
        assert ladder in ("", page.alert.ladder), f"expected {ladder}: {page}"
        if not self.dead:
            self._says_nothing_of_the_patient(page)
        page.expected = True
        return page

    def expects_nothing(self) -> None:
        """Every page so far was expected."""
        self.clinic.collect()
        assert not (left := [page for page in self.arrived if not page.expected]), "\n".join(map(str, left))

    def says_i_have_it(self) -> Acknowledged:
        """ "I have it", to the newest page."""
        assert self.arrived, "nothing to acknowledge"
        return acknowledge(self.arrived[-1].alert.pk, by=person(self.user), now=self.clinic.now)

    def dies(self) -> None:
        """From now on the provider does not answer for it; the inbox on screen still shows every page."""
        self.dead = True

    def _says_nothing_of_the_patient(self, page: Arrived) -> None:
        texts = [
            f"{message.subject} {message.body}".lower()
            for message in fake_smtp.taken
            if self.user.email in message.to and page.alert.code in message.body
        ]
        assert texts, f"nothing left for the phone: {page}"
        for text in texts:
            for private in self.clinic.private:
                assert private.lower() not in text, f"{private!r} left Handrail: {text}"


@dataclass
class AtHome:
    """A patient at home with a link on the phone: reports, falls silent, is assessed by staff."""

    clinic: Clinic
    course_id: UUID
    link: LinkToken
    silent: bool = False
    screen: str = ""
    """What stood on the patient's screen after the last report."""

    @property
    def course(self) -> Course:
        return Course.objects.get(pk=self.course_id)

    def reports(self, *, celsius: str | None = "36.8", at: str | datetime | None = None, **fields: Any) -> Recorded:
        """The patient's Send at a time to come (now, when none is named), and the watcher's look just after it."""
        if at is not None:
            self.clinic.until(at)
        if celsius is not None:
            self.clinic.private.add(celsius)
        fields.setdefault("none_of_these", not fields.get("symptoms"))
        self.clinic.beat()
        sent = self._sends(celsius, **fields)
        self.clinic.look()
        return sent

    def falls_silent(self) -> None:
        """No check comes any more."""
        self.silent = True

    def speaks_again(self) -> None:
        self.silent = False

    def is_given(self, step: str, *, at: str | datetime | None = None) -> Recorded:
        """A visit: seen and well, then the dose."""
        if at is not None:
            self.clinic.until(at)
        self.is_assessed()
        return self._staff(dose(step, at=self.clinic.now, mg=MG[step]), "oncologist")

    def is_assessed(self, *, celsius: str = "36.7", at: str | datetime | None = None, **crs: Any) -> None:
        """Vital signs, CRS inputs, ICE score and ICANS inputs, all well unless told otherwise."""
        if at is not None:
            self.clinic.until(at)
        now = self.clinic.now
        clear = {"hypotension": False, "pressors": [], "o2": "none", "fever_other": False, "episode_open": False}
        score = event("ice_assessed", at=now, total_0_10=10)
        alert = {"loc": "alert", "seizure": "none", "motor": False, "edema": "none", "icp_signs": False, "ich": False}
        self._staff(
            event("vitals_measured", at=now, temperature_c=celsius, systolic_mmhg=124, spo2_percent=97), "nurse"
        )
        self._staff(event("crs_assessed", at=now, tmax_c=celsius, **{**clear, **crs}), "oncologist")
        self._staff(score, "oncologist")
        self._staff(event("icans_assessed", at=now, ice_event=score["id"], **alert), "oncologist")
        self._staff(event("condition_noted", at=now, what="infection", active=False), "oncologist")

    def is_reached(self, *, outcome: str, at: str | datetime | None = None, **fields: Any) -> Recorded:
        """Somebody spoke with the patient."""
        if at is not None:
            self.clinic.until(at)
        told = {"with": "patient", "channel": "phone", "reached": True, "outcome": outcome, **fields}
        return self._staff(event("contact_made", at=self.clinic.now, **told), "nurse")

    def open_alerts(self) -> list[str]:
        """The ladders of the open alerts, the most urgent first."""
        return sorted(Alert.objects.filter(course_id=self.course_id, closed_at=None).values_list("ladder", flat=True))

    # --- what the clinic calls ----------------------------------------------------------------------------------------

    def next_send(self, now: datetime) -> datetime | None:
        """When the next quiet check leaves the phone."""
        if self.silent:
            return None
        asked = Course.objects.filter(pk=self.course_id).values_list("assessment__watch__next_check_due", flat=True)
        due = asked.get()
        return max(now, datetime.fromisoformat(due) - BEFORE_IT_IS_DUE) if due else None

    def _sends(self, celsius: str | None, **fields: Any) -> Recorded:
        now = self.clinic.now
        quiet = {"home_neuro": dict.fromkeys(("year", "month", "city", "sentence"), "right"), "caregiver_present": True}
        body = checkin(at=now, temperature_c=celsius, **{**quiet, **fields})
        recorded = receive_checkin(self.course_id, body, by=through_link(self.link), now=now)
        self.screen = recorded.truth
        return recorded

    def _staff(self, fact: dict[str, Any], who: str) -> Recorded:
        return record_event(self.course_id, fact, by=self.clinic.actor(who), now=self.clinic.now)


class Clinic:
    """One organisation, somebody on every step of its ladder, and one watcher on a clock that jumps."""

    def __init__(self, time: clock.FrozenClock) -> None:
        self.time = time
        self.house: House = make_house("Clinic", rota=False)
        self.phones: dict[str, Phone] = {}
        self.patients: list[AtHome] = []
        self.private: set[str] = {"Synthia", "Example", "teclistamab", "fever"}
        self.watcher: Watcher | None = Watcher()
        self._seen: set[UUID] = set()
        self._people = {"nurse": self.house.nurse, "director": self.house.director}
        self._people |= {
            step: make_member(self.house.organisation, "on_call", f"Synthetic {step.replace('_', ' ')}")
            for step in ("first_on_call", "second_on_call", "attending")
        }
        self._people["site_manager"] = make_member(self.house.organisation, "site_manager", "Synthetic site manager")
        for step, user in self._people.items():
            make_shift(self.house.organisation, step, user)
            self.phones[step] = Phone(self, user)
        self.beat()

    # --- time -----------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.time.now()

    def instant(self, at: str | datetime, *, near: datetime | None = None) -> datetime:
        """`Wed 02:13` is the next one from now (or that of the week of `near`), on the clock of Chicago; ISO times are themselves."""
        if isinstance(at, datetime):
            return at
        name, _, hour = at.partition(" ")
        if name not in DAYS:
            found = datetime.fromisoformat(at)
            return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(CHICAGO))).astimezone(UTC)
        base = (near or self.now).astimezone(ZoneInfo(CHICAGO))
        day: date = base.date() + timedelta(days=(DAYS.index(name) - base.weekday()) % 7)
        found = datetime.fromisoformat(f"{day} {hour}").replace(tzinfo=ZoneInfo(CHICAGO))
        late = near is None and found < base
        return (found + timedelta(days=7 if late else 0)).astimezone(UTC)

    def fast_forward(self, **parts: float) -> None:
        """Let so much time pass, in the words of `timedelta`; everything that falls due on the way happens on the way."""
        self.until(self.now + timedelta(**parts))

    def until(self, at: str | datetime) -> None:
        """Let time pass until an instant: from one due row, or one quiet check, to the next."""
        end = self.instant(at)
        assert end >= self.now, f"{at} is over"
        turns: dict[datetime, int] = {}
        self.look()
        while True:
            sends = [(when, patient) for patient in self.patients if (when := patient.next_send(self.now)) is not None]
            send_at, sender = min(sends, key=lambda each: each[0], default=(None, None))
            due = self.watcher.next_due() if self.watcher is not None else None
            times = [when for when in (send_at, due) if when is not None and when <= end]
            if not times:
                break
            self.time.set(max(self.now, min(times)))
            turns[self.now] = turns.get(self.now, 0) + 1
            assert turns[self.now] < MOST_TURNS, f"the watcher runs in circles\n{self.told()}"
            if sender is not None and send_at is not None and send_at <= self.now:
                sender._sends("36.8")
            else:
                self.look()
        self.time.set(end)
        self.look()

    # --- the watcher ----------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """One look of the watcher at everything that is due."""
        if self.watcher is not None:
            # A real one has looked within the last seconds, however far the clock jumps here.
            Heartbeat.objects.filter(watcher=self.watcher.name).update(looked_at=self.now)
            self.watcher.look()

    def beat(self) -> None:
        """The watcher's sign of life, which a real one writes every other second."""
        if self.watcher is not None:
            heartbeat.beat(self.watcher.name, self.now)

    def loses_its_watcher(self) -> None:
        """Nobody looks any more, until `gets_a_watcher`."""
        self.watcher = None

    def gets_a_watcher(self) -> None:
        """A new watcher starts, and looks at everything that fell due meanwhile."""
        self.watcher = Watcher()
        self.look()
        self.beat()

    # --- people ---------------------------------------------------------------------------------------------------------

    def patient_after(self, step: str, *, at: str | datetime, **course: Any) -> AtHome:
        """A patient who was given this step at `at`, and the steps before it three days apart; watched at home since."""
        steps = ORDER[: ORDER.index(step) + 1]
        given = self.instant(at) if len(steps) == 1 or isinstance(at, datetime) else self._day_of(at, len(steps))
        first = given - timedelta(days=3) * (len(steps) - 1)
        if first > self.now:
            self.until(first)
        patient = self._new_patient(**course)
        for number, each in enumerate(steps):
            patient.is_given(each, at=first + timedelta(days=3) * number)
        return patient

    def _day_of(self, at: str, steps: int) -> datetime:
        """The first such day that leaves time for the steps before it."""
        found = self.instant(at)
        while found - timedelta(days=3) * (steps - 1) < self.now:
            found += timedelta(days=7)
        return found

    def _new_patient(self, **fields: Any) -> AtHome:
        with everything():
            patient = make_patient(self.house.organisation)
        defaults = {"product": "teclistamab", "site": self.house.site, "now": self.now}
        started = start_course(patient, by=self.actor("oncologist"), **{**defaults, **fields})
        course_id = started.event.course_id
        measured = event("weight_measured", at=self.now, weight_kg="70")
        record_event(course_id, measured, by=self.actor("nurse"), now=self.now)
        counted = event("lab_resulted", at=self.now, code="anc", value="2.4", unit="10*9/L")
        record_event(course_id, counted, by=self.actor("nurse"), now=self.now)
        issued = issue_checkin_link(course_id, by=self.actor("nurse"), lasts=timedelta(days=60), now=self.now)
        found = AtHome(self, course_id, issued.link)
        self.patients.append(found)
        return found

    def phone(self, name: str) -> Phone:
        """The phone of a step of the ladder: `first on call`, `second on call`, `attending`, `nurse`, `site manager`, `director`."""
        return self.phones[name.replace(" ", "_")]

    def actor(self, who: str) -> Actor:
        """Somebody of the house, by role or by step of the ladder."""
        return person(self._people.get(who) or getattr(self.house, who))

    def nobody_is(self, *names: str) -> None:
        """A hole in the rota: nobody on as any of these steps from now on; all of them when none is named."""
        steps = [name.replace(" ", "_") for name in names] or list(self.phones)
        Shift.objects.filter(organisation=self.house.organisation, step__in=steps).delete()

    # --- what arrived ---------------------------------------------------------------------------------------------------

    def collect(self) -> None:
        """Hand every page that was delivered since to the phone of its person."""
        rows = Page.objects.filter(channel="on_screen", state="sent").exclude(pk__in=self._seen)
        by_user = {phone.user.pk: phone for phone in self.phones.values()}
        for page in rows.select_related("alert").order_by("created_at", "attempt"):
            self._seen.add(page.pk)
            words = page.alert.what
            if page.alert.pages.filter(attempt__lt=page.attempt, state="sent").exists():
                words += ", not acknowledged"
            by_user[page.user_id].arrived.append(Arrived(page, page.alert, words, page.created_at))

    def told(self) -> str:
        """Every page so far, in order, the expected ones marked: for the eye of whoever reads a failure."""
        self.collect()
        pages = sorted(
            itertools.chain.from_iterable(phone.arrived for phone in self.phones.values()), key=lambda a: a.at
        )
        return "\n".join(f"{'   ' if page.expected else ' ! '}{page}" for page in pages) or "   no page at all"

    def close(self) -> None:
        """Fail on a page that no test expected."""
        self.collect()
        left = [page for phone in self.phones.values() for page in phone.arrived if not page.expected]
        assert not left, f"unexpected pages, marked with !\n{self.told()}"

    def provider(self, message: EmailMessage) -> None:
        """What the provider does with a message: it does not answer for a phone that is dead."""
        if any(phone.dead and phone.user.email in message.to for phone in self.phones.values()):
            raise ConnectionRefusedError


@contextmanager
def open_clinic() -> Iterator[Clinic]:
    """A clinic on a Monday at 9:00 in Chicago; at the end every page must have been expected."""
    fake_smtp.taken.clear()
    with (
        clock.use(clock.FrozenClock(MONDAY_0900)) as time,
        override_settings(EMAIL_BACKEND=fake_smtp.BACKEND, EMAIL_HOST="phones"),
    ):
        clinic = Clinic(time)
        fake_smtp.trouble.append(clinic.provider)
        try:
            yield clinic
        finally:
            fake_smtp.trouble.clear()
        clinic.close()
