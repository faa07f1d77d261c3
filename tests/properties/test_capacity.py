"""What holds for every site: forgetting what it can take, or taking some of it away, never lets a start through."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.rules.capacity import start
from handrail.rules.capacity_data import NUMBERS, Said, SiteCan, Span, Told, Wanted, load_capacity
from tests.support.courses import CHICAGO, instant

RULES = load_capacity()
TODAY = date(2026, 11, 16)
BEGIN = instant("2026-11-14 00:00")


@st.composite
def spans(draw: st.DrawFn) -> Span:
    begins = BEGIN + timedelta(hours=draw(st.integers(0, 24 * 16)))
    return Span(begins=begins, ends=begins + timedelta(hours=draw(st.integers(1, 24 * 20))))


EARLIER = TODAY - timedelta(days=30)
SOMETIMES = st.sampled_from([1, 2, 3, 5, None])


@st.composite
def sites(draw: st.DrawFn) -> SiteCan:
    always = Span(begins=BEGIN, ends=BEGIN + timedelta(days=40))
    watched = tuple(draw(st.lists(spans(), max_size=2)))
    days = st.sampled_from([TODAY + timedelta(days=number) for number in range(12)])
    words = [Said(what=what, number=draw(SOMETIMES), from_on=EARLIER) for what in NUMBERS if draw(st.booleans())]
    words += [Said(what=what, number=draw(SOMETIMES), from_on=draw(days)) for what in draw(st.lists(NAMES, max_size=2))]
    return SiteCan(
        zone=CHICAGO,
        said=tuple(words),
        on_call=draw(st.sampled_from([(always,), (always,), None])) or tuple(draw(st.lists(spans(), max_size=3))),
        holidays=frozenset(draw(st.sets(days, max_size=1))),
        rescue=Told(there=draw(st.sampled_from([2, 4, 10, None])), last=draw(st.sampled_from([2, 4, None]))),
        watched=watched,
        seen=tuple(draw(st.lists(days, max_size=6))),
        doses=tuple(draw(st.lists(days, max_size=4))),
        starts=tuple(draw(st.lists(days, max_size=2))),
    )


NAMES = st.sampled_from(list(NUMBERS))
ORDER = {False: 0, None: 1, True: 2}
"""Refused, not known, covered."""
WANTED = st.sampled_from(
    [Wanted.whole(1), Wanted.whole(9, (0, 3, 6)), Wanted(watched=(0, 1, 2, 7, 8, 9), dosing=(0, 7))]
)


@settings(max_examples=200, deadline=None)
@given(sites(), WANTED, st.data())
def test_a_number_that_is_not_known_any_more_never_makes_a_start_more_possible(
    site: SiteCan, wanted: Wanted, data: st.DataObject
):
    what = data.draw(NAMES)
    last = max((each.from_on for each in site.said if each.what == what), default=TODAY)
    later = replace(site, said=(*site.said, Said(what=what, number=None, from_on=last)))
    if what == "patients_each" and not any(each.what == what for each in site.said):
        return  # the shipped limit held before, and a site that says "not known" is asked for its own
    before, after = start(site, wanted, TODAY, TODAY, RULES), start(later, wanted, TODAY, TODAY, RULES)
    assert ORDER[after.covered] <= ORDER[before.covered]


@settings(max_examples=200, deadline=None)
@given(sites(), WANTED, st.data())
def test_less_known_or_less_there_never_covers_a_start(site: SiteCan, wanted: Wanted, data: st.DataObject):
    what = data.draw(NAMES)
    fewer = tuple(replace(each, number=max(0, each.number - 1) if each.number else each.number) for each in site.said)
    worse: dict[str, Any] = data.draw(
        st.sampled_from(
            [
                {"on_call": None},
                {"on_call": (site.on_call or ())[1:]},
                {"said": tuple(replace(each, number=None) if each.what == what else each for each in site.said)},
                {"said": tuple(each for each in site.said if each.what != what or what == "patients_each")},
                {"said": fewer},
                {"rescue": Told()},
                {"rescue": Told(last=site.rescue.there)},
                {"watched": (*site.watched, data.draw(spans()))},
                {"seen": (*site.seen, TODAY)},
                {"doses": (*site.doses, TODAY)},
                {"starts": (*site.starts, TODAY)},
            ]
        )
    )
    before = start(site, wanted, TODAY, TODAY, RULES)
    after = start(replace(site, **worse), wanted, TODAY, TODAY, RULES)
    assert before.covered is True or after.covered is not True
    if after.first_on is not None and "said" not in worse:
        assert before.first_on is not None
        assert before.first_on <= after.first_on


@settings(max_examples=150, deadline=None)
@given(sites(), WANTED)
def test_a_window_is_covered_only_if_each_of_its_days_is_by_itself(site: SiteCan, wanted: Wanted):
    """By the numbers of that very day: one that begins within the window counts from its day on."""
    if start(site, wanted, TODAY, TODAY, RULES).covered is not True:
        return
    for number in wanted.watched or ():
        alone = replace(wanted, watched=(number,), dosing=tuple({number} & set(wanted.dosing)))
        assert start(site, alone, TODAY, TODAY, RULES).covered is True


@settings(max_examples=100, deadline=None)
@given(sites(), WANTED)
def test_who_cannot_say_how_long_the_window_lasts_is_covered_on_no_day(site: SiteCan, wanted: Wanted):
    answer = start(site, replace(wanted, watched=None), TODAY, TODAY, RULES)
    assert answer.covered is not True
    assert answer.first_on is None


@settings(max_examples=100, deadline=None)
@given(sites(), WANTED)
def test_the_first_day_that_is_offered_is_covered_itself(site: SiteCan, wanted: Wanted):
    answer = start(site, wanted, TODAY, TODAY, RULES)
    if answer.first_on is not None:
        assert start(site, wanted, answer.first_on, TODAY, RULES).covered is True
    if answer.first_open is not None:
        assert start(site, wanted, answer.first_open, TODAY, RULES).covered is not False
    assert (answer.covered is True) == (answer.against == ())
