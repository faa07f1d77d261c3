"""The trace rows of the voice at every hour: each performs its own acceptance column through pages, with the watcher between."""

import html
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.emergency import issue_card
from handrail.actions.links import issue_checkin_link
from handrail.alerts.models import Alert, Page
from handrail.jobs.watcher import Watcher
from handrail.people.models import DummyCall, Site
from handrail.people.scope import everything
from handrail.records.accountability import accountable_for
from tests.support.agreements import NIGHTS, agreed_between
from tests.support.factories import MONDAY_0900, World

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=17)
"""Tuesday 2:00 by the clock of the site."""


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        world = World()
        world.time = frozen
        yield world


def words(answer) -> str:
    text = answer.content.decode().partition("<main")[2]
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", text).split()))


def asks(world) -> Client:
    """An emergency department that scanned the card, typed its code and asked to be called back."""
    card = issue_card(world.course.pk, by=world.actor("alice"))
    browser = Client()
    browser.get(f"/e/{card.key}")
    browser.post("/e/", {"code": card.code})
    sent = browser.post(reverse("emergency_call_back"), {"who": "ed_physician", "number": "555 010 0142"})
    assert sent.status_code == 302
    return browser


def test_t59_a_call_back_is_measured_and_one_later_than_ten_minutes_is_an_incident(world, client):
    ed, watcher = asks(world), Watcher()
    watcher.look()
    with everything():
        first = Alert.objects.get(key__startswith="call_back:", closed_at__isnull=True)
        assert {page.user for page in Page.objects.filter(alert=first)} == {world.alice.on_call}
    client.force_login(world.alice.on_call)
    client.post(reverse("have_page", args=[first.pk]))
    world.time.set(NOW + timedelta(minutes=10))
    watcher.look()
    assert "NOT called back by Tue 3 Mar 02:10 CST, as was promised: this is an incident" in words(ed.get("/e/"))
    with everything():
        late = Alert.objects.get(key__endswith=":late", closed_at__isnull=True)
        assert Page.objects.filter(alert=late).exists()
    assert "was promised a call back by" in words(client.get(reverse("course", args=[world.course.pk])))
    world.time.set(NOW + timedelta(minutes=13))
    made = reverse("call_back_made", args=[world.course.pk, first.key.split(":")[1]])
    said = words(client.post(made, {"reached": "yes"}, follow=True))
    assert "Called back Tue 3 Mar 02:13 CST, later than promised (Tue 3 Mar 02:10 CST)." in said
    with everything():
        assert not Alert.objects.filter(key__startswith="call_back:", closed_at__isnull=True).exists()
    assert "Called back Tue 3 Mar 02:13 CST" in words(ed.get("/e/"))
    measured = words(client.get(reverse("expert_line")))
    assert "Every site 1 0 of 1 (0.0 %) 1 0 0 13.0 min 13.0 min" in measured
    assert "called back Tue 3 Mar 02:13 CST, after 13.0 min" in measured


def test_t59_a_call_back_within_ten_minutes_is_measured_and_no_incident(world, client):
    """Removing `self.made.at > self.due if self.made is not None` from `Ask.late` makes it fail: then whoever was called in time is late."""
    ed, watcher = asks(world), Watcher()
    watcher.look()
    world.time.set(NOW + timedelta(minutes=9, seconds=59))
    client.force_login(world.alice.on_call)
    with everything():
        first = Alert.objects.get(key__startswith="call_back:", closed_at__isnull=True)
    made = reverse("call_back_made", args=[world.course.pk, first.key.split(":")[1]])
    client.post(made, {"reached": "yes"})
    world.time.set(NOW + timedelta(hours=2))
    watcher.look()
    with everything():
        assert not Alert.objects.filter(key__endswith=":late").exists()
    assert "this is an incident" not in words(ed.get("/e/"))
    measured = words(client.get(reverse("expert_line")))
    assert "Every site 1 1 of 1 (100.0 %) 0 0 0 10.0 min 10.0 min" in measured


def dials(world, client, **typed: str) -> str:
    """Somebody dials the number of the site and writes down what happened."""
    client.force_login(world.alice.nurse)
    fresh = {"site": str(world.alice.site.pk), "at": "2026-03-03T01:58", "as_rostered": "yes", "who": "fellow"}
    return words(client.post(reverse("expert_line"), {**fresh, **typed}, follow=True))


def test_t79_a_dummy_call_reaches_a_human_within_two_minutes_and_is_logged(world, client):
    machine = dials(world, client, answered="no", seconds="", who="", as_rostered="", at="2026-03-03T01:57")
    assert "NOT passed. nobody answered" in machine, "a machine is no human, however fast"
    assert "NOT passed. a human after 121 s" in dials(world, client, answered="yes", seconds="121")
    Watcher().look()
    with everything():
        incident = Alert.objects.get(key__startswith="place:dummy_call:", closed_at__isnull=True)
        assert Page.objects.filter(alert=incident).exists(), "longer than two minutes is an incident that pages"
    said = dials(world, client, answered="yes", seconds="120", at="2026-03-03T01:59")
    assert "Saved: passed. a human after 120 s, at most 120." in said
    with everything():
        incident.refresh_from_db()
        assert incident.closed_at is not None
        logged = DummyCall.objects.get(seconds=120)
    assert (logged.site, logged.by, logged.rostered) == (world.alice.site, world.alice.nurse, world.alice.on_call)
    assert f"{world.alice.on_call.name} was on by the rota, and answered" in said


def test_t48_the_first_contact_is_dialled_every_month_and_the_patients_screen_shows_the_number_of_the_roster(
    world, client
):
    assert "no dummy call is on record" in words(client_of(world, client).get(reverse("programme")))
    said = dials(world, client, answered="yes", seconds="20")
    number = re.search(r"dialled ([0-9-]+)", said)
    token = issue_checkin_link(world.course.pk, by=world.actor("alice")).token
    phone = Client()
    phone.get(f"/c/{token}")
    assert number is not None and number[1] in phone.get("/c/").content.decode()
    with everything():
        answers = accountable_for(world.course, NOW)
    assert answers.on_duty("first_on_call", NOW).user == world.alice.on_call
    assert f"{world.alice.on_call.name} was on by the rota" in said
    assert "answered at every hour" not in words(client.get(reverse("programme")))
    world.time.advance(days=31)
    assert "the next dummy call was due" not in words(client.get(reverse("programme")))
    world.time.advance(days=1)
    assert "the next dummy call was due" in words(client.get(reverse("programme")))


def test_t48_a_line_that_nobody_dials_for_a_month_pages_until_somebody_does(world, client):
    """Removing `look_at_line` from the watcher's look at a rota makes it fail."""
    dials(world, client, answered="yes", seconds="20")

    def overdue() -> list[Alert]:
        with everything():
            Site.objects.filter(pk=world.alice.site.pk).update(rota_look_at=clock.now())
            Watcher().look()
            return list(Alert.objects.filter(key__startswith="place:dummy_call:", closed_at__isnull=True))

    world.time.set(NOW + timedelta(days=31, hours=20))  # the last hour of the day on which it is due
    assert overdue() == []
    world.time.advance(hours=2)
    (alert,) = overdue()
    assert alert.what == f"The line of {world.alice.site.name} was to be dialled by Fri 3 Apr 2026"
    with everything():
        assert Page.objects.filter(alert=alert).exists()
    dials(world, client, answered="yes", seconds="20", at="2026-04-04T00:30")
    assert overdue() == []


def test_t48_the_patients_screen_shows_the_number_and_the_rota_the_person_of_whoever_answers_at_each_hour(
    world, client
):
    """Removing the look at who answers from `truth.number_to_call`, or the hours of the agreement from it, makes it fail."""
    tasks = ("candidacy", "gate_and_dose", "maintenance_doses", "after_hours_contact", "emergency_until_ed")
    shared = dict.fromkeys((*tasks, "daily_assessment_dosing_day", "daily_assessment_other_days"), NIGHTS)
    course = world.course
    agreed_between(world.alice, world.bob, tasks=shared)
    token = issue_checkin_link(course.pk, by=world.actor("alice")).token
    phone = Client()
    phone.get(f"/c/{token}")
    for hours, number, who in (
        (0, "555-0100", world.alice.on_call),  # Tuesday, 2:00
        (7, "555-0120", world.bob.on_call),
        (14, "555-0120", world.bob.on_call),
        (15, "555-0100", world.alice.on_call),  # 17:00
        (4 * 24 + 8, "555-0100", world.alice.on_call),  # Saturday, 10:00
    ):
        world.time.set(NOW + timedelta(hours=hours))
        roster = words(client_of(world, client).get(reverse("contacts", args=[course.pk])))
        assert f"{who.name} (first on call) Call {number}" in roster, (hours, roster[:300])
        screen = phone.get("/c/").content.decode()
        assert re.findall(r'class="btn-hr danger" href="tel:(\d+)"', screen)[:2] == ["911", number.replace("-", "")], (
            hours
        )
        assert f'Call: <strong class="nowrap">{number}</strong>' in screen, hours


def client_of(world, client) -> Client:
    client.force_login(world.alice.nurse)
    return client
