"""What a report and its page cost: each question to the database is time that somebody with a fever waits when many report at once."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection

from handrail import clock
from handrail.actions.facts import record_event
from handrail.actions.links import issue_checkin_link
from handrail.alerts.models import Page
from handrail.jobs.watcher import Watcher
from handrail.people.models import Site
from handrail.records.models import Course
from tests.support.factories import MONDAY_0900, World, closes_inbox, dose

pytestmark = pytest.mark.django_db
MOST = {"sqlite": (34, 21, 48), "postgresql": (53, 21, 73)}
"""Questions of a report, of a first page, and of a report that reaches nobody: every step of the ladder is looked at. PostgreSQL is also told each time whose rows may be seen, and by which role."""
FEVER_AT = MONDAY_0900 + timedelta(hours=2)


@pytest.fixture
def sent(client):
    """Send 38.4 °C through the door of the phones, at a house whose people are on and whose watcher looks."""
    with clock.use(clock.FrozenClock(MONDAY_0900)) as time:
        world = World()
        record_event(
            world.course.pk, dose("step_up_1", at=MONDAY_0900, mg="4.2"), by=world.actor("alice"), now=MONDAY_0900
        )
        token = issue_checkin_link(world.course.pk, by=world.actor("alice"), now=MONDAY_0900).token
        time.set(FEVER_AT)

        def send() -> int:
            body = {
                "id": str(uuid4()), "temperature": "38.4", "unit": "C", "antipyretic": "no", "none_of_these": True,
                "caregiver_present": True, "judged_by": "caregiver", "sure": True,
                "home_neuro": dict.fromkeys(("year", "month", "city", "sentence"), "right"),
            }  # fmt: skip
            headers = {"Authorization": f"Bearer {token}"}
            return client.post("/api/checkins", json.dumps(body), "application/json", headers=headers).status_code

        yield send


def test_a_report_asks_the_database_no_more_often_than_it_did(sent, django_assert_max_num_queries):
    with django_assert_max_num_queries(MOST[connection.vendor][0]):
        assert sent() == 201


def test_a_report_that_reaches_nobody_asks_once_who_answers_for_the_patient(sent, django_assert_max_num_queries):
    closes_inbox()
    with django_assert_max_num_queries(MOST[connection.vendor][2]):
        assert sent() == 201


def test_a_first_page_asks_the_database_no_more_often_than_it_did(sent, django_assert_max_num_queries):
    assert sent() == 201
    Course.objects.update(look_again_at=None)
    Site.objects.update(rota_look_at=None)
    with django_assert_max_num_queries(MOST[connection.vendor][1]):
        assert Watcher()._write_one(urgent=True)
    assert Page.objects.filter(channel="on_screen", attempt=0).exists()
