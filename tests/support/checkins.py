"""A course with a patient's link, and the answers of a quiet check: what the tests of the check-in share."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.test import Client

from handrail.actions.checkins import tag_of
from handrail.actions.facts import record_event
from handrail.actions.links import IssuedLink, issue_checkin_link
from handrail.people.models import Patient
from handrail.people.scope import everything
from handrail.records.models import Course, Event
from tests.support.factories import MONDAY_0900, World, dose

EVENING = MONDAY_0900 + timedelta(hours=10, minutes=30)
"""19:30 in Chicago, half an hour after the dose."""
NEURO = ("year", "month", "city", "sentence")


@dataclass
class Home:
    """A synthetic patient at home, hours after the first step-up dose, with a link on the phone."""

    world: World
    course: Course
    issued: IssuedLink

    @property
    def token(self) -> str:
        return self.issued.token

    @property
    def tag(self) -> str:
        return tag_of(self.issued.link)

    def checks(self) -> list[Event]:
        """The checks on record, oldest first."""
        with everything():
            return list(self.course.events.filter(kind="checkin_received").order_by("recorded_at"))

    def alerts(self) -> list[str]:
        """The ladders of the open alerts."""
        with everything():
            return [alert.ladder for alert in self.course.alerts.filter(closed_at__isnull=True)]

    def set_patient(self, **fields: Any) -> None:
        with everything():
            Patient.objects.filter(pk=self.course.patient_id).update(**fields)


def make_home(world: World | None = None, *, holder: str = "patient", dosed: bool = True) -> Home:
    """The course starts on Monday 9:00 in Chicago and the dose is given at 19:00."""
    world = world or World()
    course = world.make_course()
    at = MONDAY_0900 + timedelta(hours=10)
    if dosed:
        record_event(course.pk, dose("step_up_1", at=at, mg="4.2"), by=world.actor("alice", "oncologist"), now=at)
    issued = issue_checkin_link(course.pk, by=world.actor("alice"), holder=holder, now=at)
    return Home(world, course, issued)


def quiet_form(home: Home, **changes: Any) -> dict[str, Any]:
    """A quiet check as the form sends it: 98.2 °F and nothing felt."""
    form: dict[str, Any] = {
        "id": str(uuid4()),
        "for": home.tag,
        "temperature": "98.2",
        "unit": "F",
        "antipyretic": "no",
        "none_of_these": "yes",
        "caregiver_present": "yes",
        **{f"neuro_{item}": "right" for item in NEURO},
    }
    form |= changes
    return {name: value for name, value in form.items() if value is not None}


def quiet_json(home: Home, **changes: Any) -> dict[str, Any]:
    """The same as JSON."""
    body: dict[str, Any] = {
        "id": str(uuid4()),
        "for": home.tag,
        "temperature": "98.2",
        "unit": "F",
        "antipyretic": "no",
        "symptoms": [],
        "none_of_these": True,
        "home_neuro": dict.fromkeys(NEURO, "right"),
        "caregiver_present": True,
    }
    return body | changes


def phone_of(home: Home) -> Client:
    """A phone that has opened the link."""
    client = Client()
    assert client.get(f"/c/{home.token}").status_code == 302
    return client


def send(phone: Client, home: Home, **changes: Any) -> Any:
    """What the page answers to a quiet check, changed, sent by its form."""
    return phone.post("/c/", quiet_form(home, **changes))


def text(response: Any) -> str:
    """A page as it was sent."""
    return str(response.content.decode())
