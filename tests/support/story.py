"""What happens before a drill begins, told through the verbs in a process of its own: `python -m tests.support.story STORY`.

It prints one line of JSON that says whom and what it made. Everything is synthetic.
"""

import json
import os
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import django

DEVICES = "https://devices.example/patients"
STEPS = ("first_on_call", "second_on_call", "attending")


def overdue(courses: int = 1) -> dict[str, Any]:
    """Courses whose first dose was ten hours ago and of whom nothing was heard since: at least one check is hours late."""
    from handrail import clock

    world, told = _house()
    ids = [_dosed(world, clock.now() - timedelta(hours=10)) for _ in range(courses)]
    return {**told, "courses": ids}


def quiet() -> dict[str, Any]:
    """A course with a dose half an hour ago and nothing wrong, and the link of its patient."""
    from handrail import clock
    from handrail.actions.links import issue_checkin_link

    world, told = _house()
    course = _dosed(world, clock.now() - timedelta(minutes=30))
    issued = issue_checkin_link(course, by=world.actor("alice"), now=clock.now())
    return {**told, "courses": [course], "link": str(issued.link.pk), "token": issued.token}


def ward(courses: int = 12, watched: int = 2) -> dict[str, Any]:
    """Courses with the links of their patients: the first few are watched since a dose, the others are long past their watch.

    Somebody has watched them: what was due is looked at, and paged on the screens.
    """
    from handrail import clock
    from handrail.actions.links import issue_checkin_link
    from handrail.jobs.watcher import Watcher

    world, told = _house()
    ids, tokens = [], []
    for number in range(courses):
        ago = timedelta(minutes=30) if number < watched else timedelta(days=40)
        ids.append(_dosed(world, clock.now() - ago))
        tokens.append(issue_checkin_link(ids[-1], by=world.actor("alice"), now=clock.now()).token)
    Watcher().look()
    return {**told, "courses": ids, "tokens": tokens}


def reachable_ward(courses: int = 12) -> dict[str, Any]:
    """The same, and everybody on the ladder has a phone that takes text messages and calls."""
    from handrail import clock
    from handrail.people.models import ContactPoint

    told = ward(courses)
    for number, user in enumerate(told["people"].values()):
        for order, channel in enumerate(("sms", "voice"), start=1):
            ContactPoint.objects.create(
                user_id=user, channel=channel, address=f"+1555010010{number}", order=order, verified_at=clock.now()
            )
    return told


def crowd(courses: int, reporters: int) -> dict[str, Any]:
    """Many active courses, of which some have a phone: these through the verbs, the others as copies of one of them.

    All of them have been looked at. Each copy is due for its next look once within the day to come, evenly spread.
    """
    from uuid import uuid4

    from handrail import clock
    from handrail.records.models import Course, Event

    told = ward(reporters, 0)
    template = Course.objects.get(pk=told["courses"][0])
    events = list(template.events.all())
    left = max(0, courses - reporters)
    for start in range(0, left, 250):
        copies = []
        for number in range(start, min(start + 250, left)):
            due = clock.now() + timedelta(days=1) * (number + 1) / left
            copies.append(Course(**{**_fields(template), "id": uuid4(), "look_again_at": due}))
        Course.objects.bulk_create(copies)
        Event.objects.bulk_create(
            [Event(**{**_fields(event), "id": uuid4(), "course_id": copy.pk}) for copy in copies for event in events]
        )
    return told


def devices(courses: int, key: str) -> dict[str, Any]:
    """Courses in step-up that are watched since a dose, each tied under `D-<number>` to a system whose key is this point of P-384 (x.y), which may do everything."""
    from handrail import clock
    from handrail.actions.client_scopes import SCOPES
    from handrail.actions.clients import register_client, tie_device

    world, told = _house()
    by, nurse = world.actor("alice", "director"), world.actor("alice")
    x, y = key.split(".")
    jwks = {"keys": [{"kty": "EC", "crv": "P-384", "kid": "bench", "x": x, "y": y}]}
    client = register_client(world.alice.organisation, "Thermometers", jwks, scopes=SCOPES, by=by)
    ids = [_dosed(world, clock.now() - timedelta(minutes=30)) for _ in range(courses)]
    for number, course in enumerate(ids):
        tie_device(course, client.pk, DEVICES, f"D-{number}", by=nurse)
    return {**told, "courses": ids, "client": str(client.pk)}


def _fields(row: Any) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if field.name != "pk"}


def send_fever(course: str, link: str, mark: str) -> dict[str, Any]:
    """The patient's Send of 38.4 °C as the web process takes it; then stand still, to be killed just after the commit."""
    from handrail import clock
    from handrail.actions.actor import through_link
    from handrail.actions.facts import receive_checkin
    from handrail.people.models import LinkToken
    from tests.support.factories import checkin

    now = clock.now()
    by = through_link(LinkToken.objects.get(pk=link))
    receive_checkin(course, checkin(at=now, temperature_c="38.4"), by=by, now=now)
    Path(mark).write_text(str(os.getpid()), encoding="ascii")
    time.sleep(60)
    return {}


def stands_still(course: str, mark: str) -> dict[str, Any]:
    """A process in the middle of a report that goes no further: its machine is paused, or its network broke."""
    from django.db import transaction

    from handrail.records.models import Course

    with transaction.atomic():
        held = Course.objects.select_for_update().get(pk=course)
        list(held.alerts.select_for_update())
        Path(mark).write_text(str(os.getpid()), encoding="ascii")
        time.sleep(60)
    return {}


def answer(alert: str, email: str) -> dict[str, Any]:
    """Somebody says "I have it"."""
    from handrail.actions.actor import person
    from handrail.actions.answering import acknowledge
    from handrail.people.models import User

    done = acknowledge(alert, by=person(User.objects.get(email=email)))
    return {"mine": done.mine}


def _house() -> tuple[Any, dict[str, Any]]:
    """Alice's house with three different people on the ladder, now and for a year."""
    from handrail import clock
    from handrail.people.models import Shift
    from tests.support.factories import World, make_member, make_shift

    world, now = World(), clock.now()
    Shift.objects.all().delete()
    people = {}
    for step in STEPS:
        user = make_member(
            world.alice.organisation, "on_call", f"Synthetic {step}", valid_from=now - timedelta(days=365)
        )
        type(user).objects.filter(pk=user.pk).update(email=f"{step}@example.org")
        span = {"starts_at": now - timedelta(days=2), "ends_at": now + timedelta(days=365)}
        make_shift(world.alice.organisation, step, user, **span)
        people[step] = str(user.pk)
    return world, {"people": people, "site": world.alice.site.code}


def _dosed(world: Any, at: datetime) -> str:
    from handrail.actions.facts import record_event
    from tests.support.factories import dose

    course = world.make_course(now=at)
    record_event(course.pk, dose("step_up_1", at=at, mg="4.2"), by=world.actor("alice"), now=at)
    return str(course.pk)


def exporting(courses: int = 2) -> dict[str, Any]:
    """Courses that are tied to a system, an export of them that it asked for, and nothing else that is due."""
    from handrail import clock
    from handrail.actions.bulk_exports import ask_for_export
    from handrail.actions.client_scopes import EXPORT
    from handrail.actions.clients import Caller
    from handrail.jobs.watcher import Watcher
    from handrail.records.models import Course
    from tests.support.clients import registered, tied

    world, told = _house()
    client = registered(world, scopes=[EXPORT])
    for number in range(courses):
        course = Course.objects.get(pk=_dosed(world, clock.now() - timedelta(minutes=30)))
        tied(world, client, f"N-{number}", course)
    Watcher().look()
    job = ask_for_export(Caller(client=client, scopes=(EXPORT,)), "$export")
    return {**told, "job": str(job.pk), "courses": job.courses}


def programme(sites: int) -> dict[str, Any]:
    """One organisation with so many sites, forty staff and two hundred courses for each, as it stands on a Monday in March 2026."""
    from handrail import clock
    from tests.support.programme import NOW, Programme, size
    from tests.support.programme_pages import told_of

    many, staff, courses = size(sites)
    with clock.use(clock.FrozenClock(NOW)):
        made = Programme()
        made.grow(sites=many, staff=staff, courses=courses)
        return {**told_of(made), "sites": many, "staff": staff, "courses": courses}


STORIES = {
    "overdue": overdue,
    "quiet": quiet,
    "ward": ward,
    "reachable_ward": reachable_ward,
    "crowd": crowd,
    "devices": devices,
    "send_fever": send_fever,
    "stands_still": stands_still,
    "answer": answer,
    "exporting": exporting,
    "programme": programme,
}


def main() -> None:
    """Tell one story: its name, then its arguments."""
    django.setup()
    from handrail.people import scope

    scope.see_everything_by_default()
    name, *words = sys.argv[1:]
    print(json.dumps(STORIES[name](*[int(word) if word.isdigit() else word for word in words])))


if __name__ == "__main__":
    main()
