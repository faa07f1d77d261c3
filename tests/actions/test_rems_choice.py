"""What the database chooses for the REMS desk is what a plain look through every fact and every record finds, to the row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from handrail import clock
from handrail.actions import rems_choice, rems_desk
from handrail.actions.rems_desk import desk_of
from handrail.people.scope import everything
from handrail.rules.rems_data import desk_rules
from tests.support.factories import CHICAGO
from tests.support.rems_histories import NOW, History, Plain, doses, lent, opened, plans

pytestmark = pytest.mark.django_db


@pytest.fixture
def history(db: Any) -> Iterator[History]:
    with clock.use(clock.FrozenClock(NOW)):
        yield opened()


def test_the_desk_is_to_the_row_what_a_plain_look_through_everything_finds(history, monkeypatch):
    monkeypatch.setattr(rems_desk, "PER_PAGE", 40)
    doses(history)
    plans(history)
    history.save()
    lent(history)
    since = NOW - timedelta(days=desk_rules().code.missed_days_back)
    plain = Plain(history, since)
    with everything():
        wrong = plain.troubles((since - timedelta(days=1)).date())
        first = desk_of(history.manager, history.world.alice.organisation, NOW)
        pages = [first, *(desk_of(history.manager, first.house.organisation, NOW, page=n) for n in range(2, first.pages + 1))]  # fmt: skip
    assert first.pages > 3
    assert [each.trouble for page in pages for each in page.wrong] == list(wrong)
    assert {each.kind for each in wrong} == {"missing", "late", "duplicate", "unchecked"}
    assert {page.wrong_total for page in pages} == {len(wrong)}
    ahead = plain.plans()
    told = [(each.on, str(each.course.pk), each.site.pk if each.site else None, each.step) for page in pages for each in page.planned]  # fmt: skip
    assert told == ahead
    assert {page.planned_total for page in pages} == {len(ahead)}
    assert len(ahead) > 100


def test_the_record_of_an_evening_dose_of_the_oldest_day_is_read(history):
    """Of two doses of the first hour that is looked at, it is the evening before in Chicago: one has its record, one has none."""
    now = NOW.replace(hour=3)
    first = now - timedelta(days=desk_rules().code.missed_days_back)
    whole, bare = (
        history.given(history.course(), first + timedelta(minutes=minutes), zone=CHICAGO) for minutes in (10, 20)
    )
    history.record(whole)
    history.save()
    with everything(), clock.use(clock.FrozenClock(now)):
        wrong = desk_of(history.manager, history.world.alice.organisation, now).wrong
    assert [(each.trouble.kind, each.trouble.dose.event) for each in wrong] == [("missing", str(bare.id))]


def test_a_dose_whose_day_is_corrected_to_one_before_the_span_is_owed_no_more(history):
    """Two doses of sixty days ago without a record: one is corrected to a day long ago. Looking for corrections since then alone fails."""
    wrong, bare = (history.given(history.course(), NOW - timedelta(days=60), zone=CHICAGO) for _ in range(2))
    history.given(wrong.course, NOW - timedelta(days=95), zone=CHICAGO, supersedes=wrong.id)
    reaction = {"tmax_c": "39.0", "hypotension": True, "pressors": ["norepinephrine"], "clinician_grade": 3}
    said = [history.fact(each.course, "crs_assessed", NOW - timedelta(days=59), **reaction) for each in (wrong, bare)]
    history.fact(wrong.course, "crs_assessed", NOW - timedelta(days=94), supersedes=said[0].id, **reaction)
    history.save()
    with everything():
        desk = desk_of(history.manager, history.world.alice.organisation, NOW)
    assert [each.trouble.dose.event for each in desk.wrong] == [str(bare.id)]
    assert [each.report.reaction.event for each in desk.due] == [str(said[1].id)]


def test_too_many_courses_to_name_are_all_read_and_say_the_same(history, monkeypatch):
    doses(history)
    plans(history)
    history.save()
    with everything():
        few = desk_of(history.manager, history.world.alice.organisation, NOW)
        monkeypatch.setattr(rems_choice, "MANY", 3)
        all_of_them = desk_of(history.manager, history.world.alice.organisation, NOW)
    assert (few.wrong, few.planned, few.wrong_total, few.planned_total) == (
        all_of_them.wrong, all_of_them.planned, all_of_them.wrong_total, all_of_them.planned_total,
    )  # fmt: skip


def test_of_courses_with_nothing_open_none_is_read(history, monkeypatch):
    for _ in range(3):
        course = history.course()
        for days in (10, 20, 30):
            history.record(history.given(course, NOW - timedelta(days=days), zone=CHICAGO))
        history.plan(course, 4, at=NOW - timedelta(days=1))
    open_ = history.course()
    history.given(open_, NOW - timedelta(days=10), zone=CHICAGO)
    history.save()
    read: list[set[UUID]] = []
    narrowed = rems_choice.narrowed
    monkeypatch.setattr(rems_desk, "narrowed", lambda courses, chosen: read.append(set(chosen)) or narrowed(courses, chosen))  # fmt: skip
    with everything():
        found = desk_of(history.manager, history.world.alice.organisation, NOW)
    assert read == [{open_.pk}, set()], "of doses and plans, and of reactions"
    assert (found.wrong_total, found.planned_total) == (1, 3)
