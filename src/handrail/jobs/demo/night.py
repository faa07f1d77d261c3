"""The fever night, told through the verbs: 38.4 °C at 02:14, nobody answers the first page, and what follows until the morning.

`prepare` tells the day before; `play` then lives through the night under the hurried clock of its environment. It does what the
patient and the people on call do, and waits for the watcher like they would: nothing here makes an alert or a page.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from handrail import clock
from handrail.actions.actor import Actor, person
from handrail.actions.answering import acknowledge
from handrail.actions.emergency import OPENED, card_in_force, hand_over_card, issue_card, show_card
from handrail.actions.facts import record_event
from handrail.alerts.models import Alert, EdPacket, Page
from handrail.alerts.places import emergency_link
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
from handrail.rules.emergency import emergency_data
from handrail.rules.telling import sentence
from handrail.rules.terms import UnusableInput, civil_date

FILE: Final = "fever-night.json"
TRIES: Final = 30
POLL_SECONDS: Final = 0.03
PATIENCE: Final = timedelta(minutes=90)
"""How long, on the hurried clock, the second on call may have to wait for a page before the story has failed."""

REACHED: Final[dict[str, Any]] = {"with": "patient", "reached": True, "outcome": "sent_to_ed", "channel": "phone"}
CALLED_BACK: Final[dict[str, Any]] = {"with": "ed", "reached": True, "outcome": "none", "channel": "phone"}

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
    card = issue_card(story.course_id, by=story.by("nurse"), now=given)
    hand_over_card(story.course_id, card.pk, by=story.by("nurse"), now=given)
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
        mails=folder.path / "mail",
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


def open_emergency_page(link: str, code: str, *, who: str) -> tuple[str, str]:
    """What a browser without an account is shown: the page that a link leads to, and the one behind the code."""
    browser = build_opener(HTTPCookieProcessor())
    with browser.open(link, timeout=20) as answer:
        address, form = answer.url, answer.read().decode()
    secret = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
    typed = urlencode({"code": code, "who": who, "csrfmiddlewaretoken": secret.group(1) if secret else ""})
    with browser.open(Request(address, data=typed.encode()), timeout=20) as answer:  # noqa: S310 (our own address)
        return form, answer.read().decode()


def _print(at: datetime, words: str) -> None:
    sys.stdout.write(f"  {at.astimezone(ZoneInfo(ZONE)):%H:%M}  {words}\n")
    sys.stdout.flush()


class Night:
    """The patient, the second on call and the morning's nurse practitioner, each at their time."""

    def __init__(
        self, *, course_id: UUID, morning: date, token: str, mails: Path, second: User, app: User, say: Say
    ) -> None:
        self.course_id = course_id
        self.mails = mails
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
        self._department_reads_packet(self._department_has_mail())
        self._answer_page(Alert.objects.get(course_id=self.course_id, key=OPENED, closed_at=None).pk)
        self._wait_until("02:58")
        self._tell(self.second, "home_status", location="ed")
        self._triage_scans_card()
        self._wait_until("03:02")
        self._say(clock.now(), "the department calls back")
        self._tell(self.second, "contact_made", **CALLED_BACK)
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
        self._wait_until("07:40")
        self._tell(self.second, "home_status", location="home")
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

    def _department_has_mail(self) -> str:
        """The link in the mail to the emergency department, once the record says that the packet was sent."""
        give_up = clock.now() + PATIENCE
        while clock.now() < give_up:
            self._listen()
            sent = EdPacket.objects.filter(course_id=self.course_id, state=EdPacket.State.SENT).exists()
            for path in sorted(self.mails.glob("*.eml")) if sent else ():
                mail = message_from_bytes(path.read_bytes(), policy=default)
                found = re.search(rf"{re.escape(emergency_link(''))}\S+", str(mail.get_content()))
                if found is not None:
                    self._say(clock.now(), f"the emergency department has mail: {mail['Subject']}")
                    return found.group()
            time.sleep(POLL_SECONDS)
        raise UnusableInput("no_packet", "The emergency department got no mail: is the watcher running?")

    def _department_reads_packet(self, link: str) -> None:
        """The link of the mail, and the code that the clinician on call reads out by phone."""
        packet = EdPacket.objects.select_related("card").get(course_id=self.course_id, state=EdPacket.State.SENT)
        assert packet.card is not None  # a packet that was sent has a link
        self._opens(link, packet.card.code, "Charge nurse, synthetic")
        self._say(clock.now(), "the department types the code that on call reads out, and reads the patient's page")

    def _triage_scans_card(self) -> None:
        """What the QR code on the patient's card holds, opened without an account, and the short code beside it."""
        card = card_in_force(Course.objects.get(pk=self.course_id), clock.now())
        if card is None:
            raise UnusableInput("no_card", "The patient has no card that opens the emergency page.")
        shown = show_card(card)
        self._opens(emergency_link(shown.address_key), shown.code, "Triage, synthetic")
        self._say(
            clock.now(), "the patient arrives; triage scans the card, types its code and has the page: no account"
        )

    def _opens(self, address: str, code: str, who: str) -> None:
        before, after = open_emergency_page(address, code, who=who)
        name, general = Course.objects.get(pk=self.course_id).patient.name, emergency_data().general
        if general.words not in before or name in before or general.title not in after or name not in after:
            raise UnusableInput("not_opened", "The emergency page did not open as it must.")
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
    elif event.kind in ("contact_made", "ed_packet_noted"):
        yield sentence(wire.to_fact(event))
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
    "ice_assessed": "ICE score {total_0_10}",
    "icans_assessed": "ICANS is assessed",
    "vitals_measured": "vital signs: {temperature_c} °C",
    "medicine_given": "{agent} {dose_mg} mg",
    "toxicity_resolved": "the CRS is recorded as resolved",
}
