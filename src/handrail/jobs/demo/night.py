"""The fever night, told through the verbs: 38.4 °C at 02:14, nobody answers the first page, and what follows until the morning.

`prepare` tells the day before; `play` then lives through the night under the hurried clock of its environment. It does what the
patient and the people on call do, and waits for the watcher like they would: nothing here makes an alert or a page.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from handrail import clock
from handrail.actions.actor import Actor, person
from handrail.actions.answering import acknowledge
from handrail.actions.facts import record_event
from handrail.alerts.models import Page
from handrail.jobs.demo.children import Folder
from handrail.jobs.demo.courses import ELR
from handrail.jobs.demo.people import ZONE
from handrail.jobs.demo.seed import empty_houses
from handrail.jobs.demo.storyteller import (
    CONFUSION_ITEMS,
    CRS_GRADE_1,
    FULL_ICE,
    NO_CRS,
    NO_ICANS,
    NORMAL_VITALS,
    Story,
    local,
)
from handrail.people import scope
from handrail.people.models import User
from handrail.records import wire
from handrail.records.models import Course, Event
from handrail.rules.terms import UnusableInput, civil_date

FILE: Final = "fever-night.json"
TRIES: Final = 30
POLL_SECONDS: Final = 0.03
PATIENCE: Final = timedelta(minutes=90)
"""How long, on the hurried clock, the second on call may have to wait for a page before the story has failed."""

REACHED: Final[dict[str, Any]] = {"with": "patient", "reached": True, "outcome": "coming_in", "channel": "phone"}

Say = Callable[[datetime, str], None]


# --- the day before -------------------------------------------------------------------------------------------------


def night_before(now: datetime) -> date:
    """Today, or the latest day before it whose night changes no clock."""
    day = civil_date(now, ZONE)
    while local(day, "12:00") - local(day - timedelta(days=1), "12:00") != timedelta(days=1):
        day -= timedelta(days=1)
    return day


def tell_day_before(morning: date, password: str) -> Story:
    """One elranatamab course at the hub: the first step-up dose at 10:00, and every check of the day answered."""
    day = morning - timedelta(days=1)
    houses = empty_houses(local(day, "00:00"), password)
    story = Story(house=houses["hub"], number=14, product=ELR[0], protocol_key=ELR[1], started=local(day, "08:00"))
    story.begin()
    given = local(day, "10:00")
    story.clear_visit(given - timedelta(minutes=30)).dose(given, "step_up_1", dose_mg="12")
    return story.checks_until(local(day, "20:10"))


def prepare(directory: Path) -> int:
    """`handrail demo fever-seed`: a step of `handrail demo fever`."""
    scope.see_everything_by_default()
    folder = Folder(directory, "fever")
    said = folder.said()
    morning = night_before(clock.now())
    with transaction.atomic():
        story = tell_day_before(morning, str(said["password"]))
    assert story.link is not None
    folder.write(
        {
            **said,
            "seeded_at": clock.now().isoformat(),
            "morning": morning.isoformat(),
            "course": str(story.course_id),
            "checkin_token": story.link.token,
            "second_on_call": story.house.second_on_call.email,
            "app": story.house.people["app"].email,
        }
    )
    return 0


# --- the night ------------------------------------------------------------------------------------------------------


def play(directory: Path) -> int:
    """`handrail demo fever-play`: live through the night and write the course file."""
    scope.see_everything_by_default()
    folder = Folder(directory, "fever")
    said = folder.told()
    if said is None:
        raise UnusableInput("folder", "The night has not been prepared.")
    night = Night(
        course_id=UUID(said["course"]),
        morning=date.fromisoformat(said["morning"]),
        token=said["checkin_token"],
        second=User.objects.get(email=said["second_on_call"]),
        app=User.objects.get(email=said["app"]),
        say=_print,
    )
    night.live()
    file = wire.course_file(Course.objects.get(pk=night.course_id))
    (directory / FILE).write_text(json.dumps(file, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def post(address: str, token: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send one check as the holder of the link.

    Raises:
        UnusableInput: the check was refused; the sentence says why.
        URLError: nobody answers, or with an error of the server's own.
    """
    request = Request(  # noqa: S310 (our own address)
        address,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    try:
        with urlopen(request, timeout=20) as answer:  # noqa: S310
            found = json.load(answer)
    except HTTPError as error:
        with error:
            if error.code >= 500:
                raise
            raise UnusableInput(
                "refused", f"The check-in was refused: {error.read(300).decode(errors='replace')}"
            ) from error
    assert isinstance(found, dict)
    return found


def _print(at: datetime, words: str) -> None:
    sys.stdout.write(f"  {at.astimezone(ZoneInfo(ZONE)):%H:%M}  {words}\n")
    sys.stdout.flush()


class Night:
    """The patient, the second on call and the morning's nurse practitioner, each at their time."""

    def __init__(self, *, course_id: UUID, morning: date, token: str, second: User, app: User, say: Say) -> None:
        self.course_id = course_id
        self.morning = morning
        self.token = token
        self.second = person(second)
        self.app = person(app)
        self._say = say
        self._seen: set[UUID] = set(self._events().values_list("id", flat=True))
        self._said: dict[str, str] = {}

    def live(self) -> None:
        """From before the check of 02:00 to the morning visit."""
        self._listen()
        self._wait_until("02:00")
        self._say(clock.now(), "the 02:00 check is due; nothing comes")
        self._wait_until("02:14")
        self._checkin("101.1", "F", symptoms=["shaking_chills"], none_of_these=False)
        self._answer_page(self._second_is_paged())
        self._pause(timedelta(minutes=3))
        self._tell(self.second, "contact_made", **REACHED)
        self._wait_until("03:04")
        self._visit(
            self.second,
            crs_assessed=CRS_GRADE_1,
            ice_assessed=FULL_ICE,
            icans_assessed=NO_ICANS,
            vitals_measured={**NORMAL_VITALS, "temperature_c": "38.2", "pulse_per_min": 96},
            condition_noted={"what": "infection", "active": False},
        )
        self._wait_until("03:10")
        self._tell(
            self.second, "medicine_given", agent="acetaminophen", dose_mg="650", route="oral", purpose="treatment"
        )
        self._wait_until("08:04")
        self._checkin("98.4", "F", antipyretic="yes")
        self._wait_until("10:10")
        self._visit(
            self.app,
            vitals_measured=NORMAL_VITALS,
            toxicity_resolved={"toxicity": "crs", "resolved_at": clock.now().isoformat(), "confirmed_by": "app"},
            crs_assessed=NO_CRS,
        )
        self._listen()

    # --- what people do -----------------------------------------------------------------------------------------

    def _tell(self, by: Actor, kind: str, at: datetime | None = None, **body: Any) -> None:
        """Record one fact; what belongs to one visit has one time."""
        now = clock.now()
        data = {"id": str(uuid4()), "kind": kind, "at": (at or now).isoformat(), "zone": ZONE, **body}
        record_event(self.course_id, data, by=by, now=now)
        self._listen()

    def _visit(self, by: Actor, **facts: dict[str, Any]) -> None:
        at = clock.now()
        for kind, body in facts.items():
            self._tell(by, kind, at, **body)

    def _checkin(self, temperature: str, unit: str, **answers: Any) -> None:
        """Send a check like the phone does: over HTTP, under one id, again until it is taken."""
        check = {
            "id": str(uuid4()),
            "temperature": temperature,
            "unit": unit,
            "antipyretic": "no",
            "none_of_these": True,
            "home_neuro": dict.fromkeys(CONFUSION_ITEMS, "right"),
            "judged_by": "caregiver",
            "caregiver_present": True,
            **answers,
        }
        receipt = self._send(check)
        self._listen()
        self._say(clock.now(), f"the phone says: {' '.join([receipt['truth'], *receipt['instructions']])}")

    def _send(self, check: dict[str, Any]) -> dict[str, Any]:
        for _ in range(TRIES):
            try:
                return post(f"{settings.HANDRAIL_BASE_URL}/api/checkins", self.token, check)
            except (URLError, TimeoutError, ConnectionError):
                time.sleep(1)
        raise UnusableInput("not_sent", "The check-in could not be sent: the pages do not answer.")

    def _second_is_paged(self) -> UUID:
        """The alert of the page that reached the second on call."""
        give_up = clock.now() + PATIENCE
        while clock.now() < give_up:
            self._listen()
            page = Page.objects.filter(
                course_id=self.course_id, who="second_on_call", channel="email", state=Page.State.SENT
            ).first()
            if page is not None:
                return page.alert_id
            time.sleep(POLL_SECONDS)
        raise UnusableInput("not_paged", "The second on call was never paged: is the watcher running?")

    def _answer_page(self, alert_id: UUID) -> None:
        self._pause(timedelta(minutes=1))
        acknowledge(alert_id, by=self.second, now=clock.now())
        self._listen()

    # --- time ---------------------------------------------------------------------------------------------------

    def _wait_until(self, hhmm: str) -> None:
        instant = local(self.morning, hhmm)
        while (left := clock.real_seconds_until(instant)) > 0:
            self._listen()
            time.sleep(min(left, POLL_SECONDS * 5))

    def _pause(self, span: timedelta) -> None:
        time.sleep(clock.real_seconds_until(clock.now() + span))

    # --- what is heard ------------------------------------------------------------------------------------------

    def _events(self) -> Any:
        return Event.objects.filter(course_id=self.course_id).order_by("recorded_at", "occurred_at")

    def _listen(self) -> None:
        """Say what was recorded since the last time, by whomever, and when the answer is another one."""
        for event in self._events().exclude(id__in=self._seen):
            self._seen.add(event.id)
            for words in _words(event):
                self._say(event.recorded_at, words)
        answer = Course.objects.get(pk=self.course_id).assessment or {}
        self._say_if_new("crs", _crs(answer.get("toxicity", {}).get("crs", {})))
        following = answer.get("next_dose", {})
        self._say_if_new("next dose", f"next dose: {following.get('action')}; {following.get('because')}")

    def _say_if_new(self, what: str, words: str) -> None:
        if self._said.get(what) != words:
            self._said[what] = words
            self._say(clock.now(), words)


def _words(event: Event) -> Iterator[str]:
    told = event.payload
    if event.kind == "checkin_received":
        symptoms = ", ".join(word.replace("_", " ") for word in told.get("symptoms", []))
        yield f"the patient reports {told.get('temperature_c')} °C{f', {symptoms}' if symptoms else ''}"
    elif event.kind == "page_sent":
        if told.get("channel") != "on_screen":
            yield f"page to {_who(told.get('to_role'))} by {told.get('channel')} ({told.get('ladder')})"
    elif event.kind == "page_failed":
        yield f"a page to {_who(told.get('to_role'))} failed: {told.get('why')}"
    elif event.kind == "page_acknowledged":
        yield "“I have it”: the paging stops"
    elif event.kind == "alert_closed":
        yield f"an alert closes: {told.get('because')}"
    elif event.kind in _PLAIN:
        yield _PLAIN[event.kind].format(**{**_BLANK, **told})


def _crs(found: dict[str, Any]) -> str:
    if found.get("suspected"):
        return "CRS suspected, not graded"
    return f"CRS grade {found.get('grade')}{', not resolved' if found.get('open') else ''}"


def _who(role: Any) -> str:
    return f"the {str(role).replace('_', ' ')}"


_BLANK: Final = {"temperature_c": "not known", "agent": "", "dose_mg": "", "total_0_10": "not known"}
_PLAIN: Final = {
    "contact_made": "the patient is called, reached, and comes in",
    "ice_assessed": "ICE score {total_0_10}",
    "icans_assessed": "ICANS is assessed",
    "vitals_measured": "vital signs: {temperature_c} °C",
    "medicine_given": "{agent} {dose_mg} mg",
    "toxicity_resolved": "the CRS is recorded as resolved",
}
