"""What holds for every site: forgetting what it can take, or taking some of it away, never lets a start through."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.rules.capacity import SiteCan, Span, load_capacity, start
from tests.support.courses import CHICAGO, instant

RULES = load_capacity()
TODAY = date(2026, 11, 16)
BEGIN = instant("2026-11-14 00:00")


@st.composite
def spans(draw: st.DrawFn) -> Span:
    begins = BEGIN + timedelta(hours=draw(st.integers(0, 24 * 16)))
    return Span(begins=begins, ends=begins + timedelta(hours=draw(st.integers(1, 24 * 20))))


@st.composite
def sites(draw: st.DrawFn) -> SiteCan:
    always = Span(begins=BEGIN, ends=BEGIN + timedelta(days=40))
    return SiteCan(
        zone=CHICAGO,
        on_call=draw(st.sampled_from([(always,), (always,), None])) or tuple(draw(st.lists(spans(), max_size=3))),
        assessments=tuple(draw(st.sampled_from([2, 3, 3, None])) for _ in range(7)),
        closed=frozenset(draw(st.sets(st.sampled_from([TODAY + timedelta(days=n) for n in range(12)]), max_size=1))),
        beds=draw(st.sampled_from([1, 2, 5, None])),
        rescue_doses=draw(st.sampled_from([2, 4, 10, None])),
        starts_a_day=draw(st.sampled_from([1, 2, None])),
        watched=tuple(draw(st.lists(spans(), max_size=2))),
        starts=tuple(draw(st.lists(st.sampled_from([TODAY, TODAY + timedelta(days=1)]), max_size=2))),
    )


@settings(max_examples=150, deadline=None)
@given(sites(), st.integers(1, 9), st.data())
def test_less_known_or_less_there_never_covers_a_start(site: SiteCan, days: int, data: st.DataObject):
    worse: dict[str, Any] = data.draw(
        st.sampled_from(
            [
                {"on_call": None},
                {"on_call": (site.on_call or ())[1:]},
                {"assessments": (None, *site.assessments[1:])},
                {"assessments": tuple(None if each is None else each - 1 for each in site.assessments)},
                {"closed": site.closed | {TODAY}},
                {"beds": None},
                {"beds": (site.beds or 1) - 1},
                {"rescue_doses": None},
                {"starts_a_day": None},
                {"watched": (*site.watched, data.draw(spans()))},
                {"starts": (*site.starts, TODAY)},
            ]
        )
    )
    if worse == {"beds": 0} and site.beds is None:
        worse = {"beds": None}
    before = start(site, TODAY, days, TODAY, RULES)
    after = start(replace(site, **worse), TODAY, days, TODAY, RULES)
    assert before.covered is True or after.covered is not True
    if after.first_on is not None:
        assert before.first_on is not None
        assert before.first_on <= after.first_on


@settings(max_examples=100, deadline=None)
@given(sites(), st.integers(1, 9))
def test_the_first_day_that_is_offered_is_covered_itself(site: SiteCan, days: int):
    answer = start(site, TODAY, days, TODAY, RULES)
    if answer.first_on is not None:
        assert start(site, answer.first_on, days, TODAY, RULES).covered is True
    assert (answer.covered is True) == (answer.against == ())
