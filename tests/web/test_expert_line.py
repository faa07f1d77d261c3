"""The page of the expert line: dummy calls and when the next is due, the figures of calls back, and the CSV of the director."""

import csv
import html
import io
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse

from handrail import clock
from handrail.actions.call_backs import Wish, ask_for_call_back, record_call_back
from handrail.actions.expert_line import Tried, record_dummy_call
from handrail.alerts.models import Alert
from handrail.people.models import DummyCall, Site
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, make_site

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=17)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        world = World()
        world.time = frozen
        yield world


@pytest.fixture
def nurse(client, world):
    client.force_login(world.alice.nurse)
    return client


def words(answer) -> str:
    main = answer.content.decode().partition("<main")[2]
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", main).split()))


def dial(browser, world, **typed: str):
    fresh = {"site": str(world.alice.site.pk), "at": "2026-03-03T01:55", "answered": "yes", "seconds": "41"}
    return browser.post(reverse("expert_line"), {**fresh, **typed}, follow=True)


def asked(world, minutes: int | None, at=NOW) -> None:
    course = world.make_course()
    wish = Wish(who="nurse", number="555 010 0142")
    done = ask_for_call_back(course.pk, wish, event_id=uuid4(), by=world.actor("alice"), now=at)
    if minutes is not None:
        then = at + minutes * MINUTE
        arguments = {"reached": True, "called_at": then, "event_id": uuid4(), "now": then}
        record_call_back(course.pk, done.event.payload["ask"], by=world.actor("alice", "on_call"), **arguments)


def test_before_the_first_dummy_call_the_line_is_overdue_here_and_on_the_programme(world, nurse):
    said = words(nurse.get(reverse("expert_line")))
    assert "no dummy call is on record" in said and "dial 555-0111" in said
    assert "overdue: none has passed yet" in said
    programme = nurse.get(reverse("programme"))
    assert "no dummy call is on record" in words(programme)
    assert f'href="{reverse("expert_line")}">Dial it, and write the call down' in programme.content.decode()


def test_a_call_that_passed_is_shown_with_its_seconds_the_rota_and_the_next_day(world, nurse):
    said = words(dial(nurse, world, as_rostered="yes", who="fellow"))
    assert "Saved: passed. a human after 41 s, at most 120." in said
    assert "Tue 3 Mar 01:55" in said and "(dialled 555-0111)" in said
    assert f"{world.alice.on_call.name} was on by the rota, and answered; answered by: fellow" in said
    assert "due Fri 3 Apr 2026" in said and "overdue" not in said
    assert "The line that is answered" not in words(nurse.get(reverse("programme")))
    world.time.advance(days=32)
    assert "due Fri 3 Apr 2026 (overdue)" in words(nurse.get(reverse("expert_line")))
    assert "the next dummy call was due Fri 3 Apr 2026" in words(nurse.get(reverse("programme")))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"seconds": "121"}, "NOT passed. a human after 121 s, at most 120. This is an incident"),
        ({"answered": "no", "seconds": ""}, "NOT passed. nobody answered. This is an incident"),
        ({"seconds": ""}, "NOT passed. answered, and nobody counted the seconds. This is an incident"),
    ],
)
def test_a_call_that_did_not_pass_is_an_incident_that_is_paged(world, nurse, typed, said):
    assert said in words(dial(nurse, world, **typed))
    with everything():
        alert = Alert.objects.get(key__startswith="place:dummy_call:")
    assert alert.closed_at is None and alert.next_page_at == NOW
    assert "Incident" in words(nurse.get(reverse("programme")))
    page = nurse.get(reverse("page", args=[alert.pk])).content.decode().partition("<main")[2]
    assert f'href="{reverse("expert_line")}">Dial it, and write the call down' in page
    assert "Open the rota" not in page, "what ends it is a call that passes"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"site": ""}, "Where: please answer."),
        ({"site": str(uuid4())}, "Where: choose one of the answers."),
        ({"at": "2026-03-03T03:00"}, "A call is written down once it was made."),
        ({"answered": "no"}, "Seconds until a human spoke; none where nobody answered."),
        ({"seconds": "soon"}, "type a number, in s."),
    ],
)
def test_what_cannot_be_taken_says_so(world, nurse, typed, said):
    answer = dial(nurse, world, **typed)
    assert answer.status_code == 422 and said in words(answer)
    with everything():
        assert not DummyCall.objects.exists()


def test_who_manages_the_rota_takes_a_call_back(world, client):
    tried = Tried(at=NOW, answered=True, seconds=900)
    row = record_dummy_call(world.alice.id, world.alice.site.pk, tried, by=world.actor("alice"), now=NOW)
    client.force_login(world.alice.nurse)
    assert "Take back" not in words(client.get(reverse("expert_line")))
    client.force_login(world.alice.director)
    assert "Take back" in words(client.get(reverse("expert_line")))
    back = reverse("take_back_dummy_call", args=[row.pk])
    assert "Say why." in client.post(back, {"reason": ""}, follow=True).content.decode()
    assert "no dummy call is on record" in words(client.post(back, {"reason": "typed wrong"}, follow=True))


def test_the_figures_stand_beside_it_and_leave_as_csv_with_the_director_alone(world, client):
    for minutes in (3, 9, 25, None):
        asked(world, minutes)
    world.time.advance(minutes=40)
    client.force_login(world.alice.nurse)
    said = words(client.get(reverse("expert_line")))
    assert "Every site 4 2 of 4 (50.0 %) 2 1 0 9.0 min not called yet" in said
    assert "after 25.0 min" in said and "NOT called back" in said
    assert client.get(reverse("expert_line_csv")).status_code == 403
    client.force_login(world.alice.director)
    answer = client.get(reverse("expert_line_csv"))
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert sorted((row["minutes"], row["within_promise"]) for row in rows) == [
        ("", "no"),
        ("25.0", "no"),
        ("3.0", "yes"),
        ("9.0", "yes"),
    ]
    assert {row["who"] for row in rows} == {"nurse"}
    for secret in ("0142", "Synthia", world.alice.on_call.name):
        assert secret not in answer.content.decode()


def test_another_organisation_sees_neither_calls_nor_figures(world, client):
    asked(world, 25)
    record_dummy_call(
        world.alice.id,
        world.alice.site.pk,
        Tried(at=NOW, answered=True, seconds=41),
        by=world.actor("alice"),
        now=NOW,
    )
    client.force_login(world.charlie.director)
    said = words(client.get(reverse("expert_line")))
    assert "41 s" not in said and "Every site 0 none yet" in said
    assert len(client.get(reverse("expert_line_csv")).content.decode().splitlines()) == 1


def test_the_page_asks_no_more_for_more_sites_and_more_calls(world, nurse, django_assert_max_num_queries):
    def count() -> int:
        with django_assert_max_num_queries(60) as asked_for:
            nurse.get(reverse("expert_line"))
        return len(asked_for)

    asked(world, 25)
    dial(nurse, world)
    before = count()
    with everything():
        for number in range(4):
            make_site(world.alice.organisation, name=f"Synthetic Site {number}")
        assert Site.objects.filter(organisation=world.alice.organisation).count() == 5
    for _ in range(3):
        asked(world, 25)
        dial(nurse, world)
    assert count() <= before
