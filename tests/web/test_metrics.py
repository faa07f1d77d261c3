"""/metrics: behind a token, readable by Prometheus, true, and about no patient."""

import re
from datetime import timedelta

import pytest
from django.test import Client

from handrail.actions.answering import acknowledge
from handrail.actions.facts import receive_checkin
from handrail.alerts import heartbeat
from handrail.alerts.models import Alert, Heartbeat, Page
from handrail.jobs.watcher import Watcher
from handrail.people.models import Shift
from handrail.records.models import Course
from tests.support.factories import MONDAY_0900, World, checkin

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-this-test"
LINE = re.compile(r'^(handrail_[a-z_]+)(?:\{([a-z_]+)="([A-Za-z0-9_-]+)"\})? (\+Inf|[0-9.e+-]+)$')


def ask(settings, token: str = TOKEN, header: str = f"Bearer {TOKEN}"):
    settings.HANDRAIL_METRICS_TOKEN = token
    return Client().get("/metrics", headers={"Authorization": header} if header else {})


def read(settings) -> dict[str, float]:
    """Every line of the exposition; each must be one that Prometheus reads, after its HELP and TYPE."""
    answer = ask(settings)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "no-store" in answer["Cache-Control"]
    found: dict[str, float] = {}
    told: set[str] = set()
    for line in answer.content.decode().splitlines():
        if line.startswith("# "):
            told.add(line.split()[2])
            continue
        matched = LINE.match(line)
        assert matched and matched[1] in told, line
        found[matched[1] + (f":{matched[3]}" if matched[3] else "")] = float(matched[4])
    return found


@pytest.mark.parametrize(
    ("token", "header", "status"),
    [
        (TOKEN, f"Bearer {TOKEN}", 200),
        (TOKEN, f"bearer {TOKEN} ", 200),
        (TOKEN, "Bearer another", 404),
        (TOKEN, f"Basic {TOKEN}", 404),
        (TOKEN, "", 404),
        ("", "Bearer ", 404),
        ("", "", 404),
    ],
)
def test_without_the_token_there_is_no_such_page(settings, time, token, header, status):
    assert ask(settings, token, header).status_code == status


def test_an_empty_house_says_that_nobody_watches(settings, time):
    found = read(settings)
    assert found["handrail_heartbeat_age_seconds"] == float("inf")
    assert found["handrail_watchers"] == 0
    assert {value for name, value in found.items() if name != "handrail_heartbeat_age_seconds"} == {0.0}


def test_a_fever_that_nobody_looks_at_and_then_nobody_answers(settings, time):
    world = World(watched=False)
    Shift.objects.filter(step="first_on_call").delete()
    receive_checkin(world.course.pk, checkin(at=MONDAY_0900, temperature_c="38.9"), by=world.actor("alice"))
    time.advance(seconds=42)
    found = read(settings)
    assert found["handrail_page_lag_seconds"] == 42
    assert found["handrail_pages_due:written"] == 1
    assert found["handrail_unacknowledged:RED-4"] == 1
    assert found["handrail_oldest_unacknowledged_seconds:RED-4"] == 42
    watcher = Watcher()
    watcher.look()
    heartbeat.beat(watcher.name, time.now())
    time.advance(seconds=8)
    found = read(settings)
    assert (found["handrail_heartbeat_age_seconds"], found["handrail_watchers"]) == (8, 1)
    assert (found["handrail_page_lag_seconds"], found["handrail_pages_due:written"]) == (0, 0)
    assert found["handrail_undelivered:nobody_on"] > 0
    for alert in Alert.objects.all():
        acknowledge(alert.pk, by=world.actor("alice", "on_call"))
    found = read(settings)
    assert found["handrail_unacknowledged:RED-4"] == found["handrail_undelivered:nobody_on"] == 0


def test_a_course_that_is_overdue_and_a_mail_that_waits(settings, time):
    world = World()
    Course.objects.filter(pk=world.course.pk).update(look_again_at=MONDAY_0900 - timedelta(seconds=90))
    receive_checkin(world.course.pk, checkin(at=MONDAY_0900, temperature_c="38.9"), by=world.actor("alice"))
    Watcher().look()
    Course.objects.filter(pk=world.course.pk).update(look_again_at=MONDAY_0900 - timedelta(seconds=90))
    Page.objects.filter(channel="email").update(
        state="sending", send_at=MONDAY_0900 - timedelta(seconds=7), sent_at=None
    )
    found = read(settings)
    assert (found["handrail_look_lag_seconds"], found["handrail_looks_due"]) == (90, 1)
    assert (found["handrail_page_lag_seconds"], found["handrail_pages_due:sent"]) == (7, 1)


def test_a_watcher_that_fell_silent_is_not_counted(settings, time):
    heartbeat.beat("one", MONDAY_0900 - timedelta(seconds=31))
    heartbeat.beat("from a clock that ran ahead", MONDAY_0900 + timedelta(hours=2))
    found = read(settings)
    assert (found["handrail_heartbeat_age_seconds"], found["handrail_watchers"]) == (31, 0)
    assert Heartbeat.objects.count() == 2


def test_nothing_in_it_is_about_one_patient(settings, time):
    world = World()
    receive_checkin(world.course.pk, checkin(at=MONDAY_0900, temperature_c="38.9"), by=world.actor("alice"))
    Watcher().look()
    text = ask(settings).content.decode().lower()
    patient = world.course.patient
    for private in (
        patient.given_name,
        patient.family_name,
        str(world.course.pk),
        Alert.objects.get().code,
        "38.9",
        "site-",
    ):
        assert private.lower() not in text
