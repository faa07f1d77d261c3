"""The board of many courses: whoever needs somebody is on every page of it, the others a page at a time, and nobody is on none."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from handrail import clock
from handrail.actions.facts import record_event
from handrail.actions.upkeep import reassess, verify_cache
from handrail.alerts.models import Alert
from handrail.people import secrets
from handrail.people.models import Site
from handrail.people.scope import everything
from handrail.records.models import Course
from handrail.web import board_page
from tests.support.courses import instant
from tests.support.factories import CHICAGO, World, event
from tests.support.gate_world import write
from tests.support.resting import AT, resting

pytestmark = pytest.mark.django_db
NOW = instant(AT)
STARTED = NOW - timedelta(days=40)


@pytest.fixture
def world(db, monkeypatch):
    monkeypatch.setattr(board_page, "PER_PAGE", 2)
    with clock.use(clock.FrozenClock(NOW)):
        yield World()


@pytest.fixture
def nurse(client, world):
    client.force_login(world.alice.nurse)
    return client


def rest(world: World, **fields: Any) -> Course:
    """A course that needs nobody: the facts of `resting`."""
    course = world.make_course(product="teclistamab", now=STARTED, prior_doses_known=True, **fields)
    write(course, resting())
    judge(course)
    return course


def judge(course: Course, now: datetime = NOW) -> Course:
    with everything():
        reassess(course.pk, now=now)
        return Course.objects.get(pk=course.pk)


def page(client, query: str = "", **headers: Any) -> str:
    answer = client.get(f"/{query}", **headers)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def quiet(text: str) -> str:
    return text.split('id="b-quiet"')[1]


def walk(client, query: str = "") -> list[str]:
    """Every page, as its links lead on."""
    pages = [page(client, query)]
    while found := re.search(r'<a href="/(\?[^"]*)#b-quiet">The next page', quiet(pages[-1])):
        pages.append(page(client, found[1].replace("&amp;", "&")))
        assert len(pages) < 20
    return pages


def test_those_who_need_nothing_now_follow_page_by_page_with_their_number(nurse, world):
    courses = [rest(world) for _ in range(5)]
    assert all(judge(each).quiet_until for each in courses)
    pages = walk(nurse)
    assert len(pages) == 3
    for place, share in enumerate(("1 to 2 of 5", "3 to 4 of 5", "5 to 5 of 5")):
        assert "Later, nothing needed now (5)" in pages[place]
        assert f"Rows {share}" in pages[place]
    seen = [each for text in pages for each in courses if str(each.pk) in quiet(text)]
    assert sorted(each.pk for each in seen) == sorted(each.pk for each in courses), "each once"
    assert "3 to 4" in page(nurse, "?page=2")
    assert "5 to 5" in page(nurse, "?page=9"), "the nearest"
    assert "1 to 2" in page(nurse, "?page=no")


NEEDS = {
    "a fever": ("vitals_measured", {"temperature_c": "38.6"}),
    "a plan for today": ("dose_planned", {"step": "treatment", "on": "2026-02-03", "setting": "outpatient"}),
    "a plan without a day": ("dose_planned", {"step": "treatment", "on": None}),
    "a weight that is not known": ("weight_measured", {"weight_kg": None}),
    "a hold": ("hold_started", {"because": "synthetic"}),
}


@pytest.mark.parametrize(("kind", "body"), NEEDS.values(), ids=NEEDS)
def test_nobody_who_needs_somebody_is_on_a_further_page(nurse, world, kind, body):
    courses = [rest(world) for _ in range(5)]
    last = [each for each in courses if str(each.pk) in quiet(page(nurse, "?page=3"))]
    assert len(last) == 1
    record_event(last[0].pk, event(kind, at=NOW, **body), by=world.actor("alice", "oncologist"), now=NOW)
    for text in walk(nurse):
        before, after = text.split('id="b-quiet"')
        assert str(last[0].pk) in before, "on every page, above those who need nothing"
        assert str(last[0].pk) not in after
        assert "Later, nothing needed now (4)" in text


def test_an_answer_that_may_be_another_by_now_is_on_the_first_page(nurse, world):
    courses = [rest(world) for _ in range(5)]
    course = next(each for each in courses if str(each.pk) in quiet(page(nurse, "?page=3")))
    was = judge(course)

    def stands(**fields: Any) -> bool:
        with everything():
            Course.objects.filter(pk=course.pk).update(**fields)
        above = str(course.pk) in page(nurse).split('id="b-quiet"')[0]
        with everything():
            Course.objects.filter(pk=course.pk).update(**{name: getattr(was, name) for name in fields})
        return above

    assert not stands(quiet_until=was.quiet_until)
    assert stands(quiet_until=None), "not known"
    assert stands(quiet_until=NOW)
    assert stands(look_again_at=NOW), "the watcher is to look, and has not"
    assert stands(look_again_at=None)
    assert stands(assessed_at=NOW + timedelta(minutes=1)), "judged ahead of a clock that was set back"
    assert stands(assessed_at=None)


def test_when_the_dose_comes_near_it_moves_up_by_itself_though_nobody_watches(nurse, world):
    courses = [rest(world) for _ in range(5)]
    near = judge(courses[0]).quiet_until
    assert near is not None
    with clock.use(clock.FrozenClock(near - timedelta(seconds=1))):
        assert "Later, nothing needed now (5)" in page(nurse)
    with clock.use(clock.FrozenClock(near)):
        text = page(nurse)
        assert "Later, nothing needed now (0)" in text
        assert all(str(each.pk) in text.split('id="b-doses"')[1].split("</section>")[0] for each in courses)


def test_an_open_alert_of_any_urgency_keeps_a_course_above(nurse, world):
    courses = [rest(world) for _ in range(3)]
    course = courses[2]
    with everything():
        Alert.objects.create(
            organisation=course.organisation, course=course, key="synthetic", urgency="today", ladder="GREEN",
            what="Synthetic", steps=[], opened_at=NOW,
        )  # fmt: skip
    for text in walk(nurse):
        assert str(course.pk) in text.split('id="b-quiet"')[0]


def test_by_site_only_those_who_need_nothing_are_left_out(nurse, world):
    with everything():
        site = Site.objects.create(
            organisation=world.alice.organisation, name="Synthetic Branch", code="branch", time_zone=CHICAGO
        )
    here = [rest(world, site=site) for _ in range(3)]
    there = [rest(world) for _ in range(2)]
    record_event(
        there[0].pk, event("hold_started", at=NOW, because="synthetic"), by=world.actor("alice", "oncologist"), now=NOW
    )
    first = page(nurse)
    assert "Synthetic Branch (3)" in quiet(first)
    pages = walk(nurse, f"?site={site.pk}")
    assert len(pages) == 2
    for text in pages:
        above, below = text.split('id="b-quiet"')
        assert str(there[0].pk) in above, "who needs somebody stands under every choice"
        assert "Only Synthetic Branch; 1 elsewhere." in below
        assert str(there[1].pk) not in below
    assert all(any(str(each.pk) in quiet(text) for text in pages) for each in here)
    assert "Later, nothing needed now (4)" in page(nurse, f"?site={world.bob.site.pk}"), "another's site says nothing"
    assert "0 to" not in page(nurse, f"?site={world.bob.site.pk}")
    assert page(nurse, "?site=no-such-site").count("Only ") == 0


def test_the_page_that_asks_again_by_itself_stays_where_it_is(nurse, world):
    for _ in range(3):
        rest(world)
    text = page(nurse, "?page=2")
    address = re.search(r'hx-get="/(\?[^"]*)"', text)
    assert address is not None
    again = page(nurse, address[1].replace("&amp;", "&"), HTTP_X_HANDRAIL_BACKGROUND="1")
    assert "Rows 3 to 3 of 3" in again
    tags = {nurse.get(f"/{query}")["ETag"] for query in ("", "?page=2", f"?site={world.alice.site.pk}")}
    assert len(tags) == 3


def test_only_names_that_are_shown_are_decrypted(nurse, world, monkeypatch):
    for _ in range(6):
        rest(world)
    opened: list[bytes] = []
    before = secrets.decrypt
    monkeypatch.setattr(secrets, "decrypt", lambda data: opened.append(data) or before(data))
    page(nurse)
    few = len(opened)
    for _ in range(6):
        rest(world)
    opened.clear()
    page(nurse)
    assert 0 < len(opened) == few


def test_many_courses_ask_the_database_no_more(nurse, world, django_assert_max_num_queries):
    def asked() -> int:
        page(nurse)
        with CaptureQueriesContext(connection) as found:
            page(nurse)
        return sum("django_session" not in each["sql"] for each in found)

    for _ in range(3):
        rest(world)
    few = asked()
    for _ in range(4):
        rest(world)
    assert asked() == few
    with django_assert_max_num_queries(40):
        page(nurse)


def test_the_search_finds_whoever_is_on_a_further_page(nurse, world):
    courses = [rest(world) for _ in range(5)]
    text = nurse.post("/courses/", {"q": "synthia"}).content.decode()
    assert all(str(each.pk) in text for each in courses)


def test_the_nightly_comparison_finds_a_course_that_is_said_to_be_quiet_for_longer(world):
    course = rest(world)
    with everything():
        assert [each for each in verify_cache() if each.course_id == course.pk] == []
        Course.objects.filter(pk=course.pk).update(quiet_until=NOW + timedelta(days=300))
        (found,) = [each for each in verify_cache() if each.course_id == course.pk]
    assert found.what == "differs in quiet_until"
