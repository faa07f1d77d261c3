"""What holds for every site: forgetting a word, or letting one run out, never raises its level."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.rules.setting_facts import LEVELS
from handrail.rules.site_levels import SiteFacts
from tests.support.sites import TODAY, excepted, granted, level_of, shown, site

DAYS = st.integers(-400, 30).map(lambda days: TODAY + timedelta(days=days))
ITEMS = {"SITE-05": None, "SITE-16": None, "SITE-11": None, "SITE-31": "teclistamab"}


@st.composite
def words(draw: st.DrawFn) -> Any:
    item = draw(st.sampled_from(sorted(ITEMS)))
    told = {
        "met": draw(st.sampled_from([True, True, False, None])),
        "checked_on": draw(st.none() | DAYS),
        "evidence": draw(st.sampled_from(["seen", None])),
        "until": draw(st.none() | DAYS),
    }
    return shown(
        item, ITEMS[item], **told, no_end=draw(st.sampled_from([True, None])) if told["until"] is None else None
    )


@st.composite
def sites(draw: st.DrawFn) -> SiteFacts:
    whole = site("4")
    more = draw(st.lists(words(), max_size=4))
    dropped = draw(st.sets(st.sampled_from(sorted(ITEMS))))
    waived = [excepted(item, until_on=TODAY + timedelta(days=draw(st.integers(0, 5)))) for item in draw(st.sets(st.sampled_from(sorted(ITEMS))))]  # fmt: skip
    signed = [granted(draw(st.sampled_from(LEVELS)), from_on=TODAY - timedelta(days=n)) for n in range(draw(st.integers(0, 3)))]  # fmt: skip
    kept = tuple(each for each in whole.shown if each.item not in dropped)
    return replace(whole, shown=(*kept, *more), excepted=tuple(waived), granted=tuple(signed) or whole.granted)


def rank(facts: SiteFacts) -> int:
    return LEVELS.index(level_of(facts).level)


@settings(max_examples=80, deadline=None)
@given(sites(), st.data())
def test_forgetting_or_ending_something_never_raises_a_level(facts: SiteFacts, data: st.DataObject):
    before = rank(facts)
    number = data.draw(st.integers(0, len(facts.shown) - 1))
    told = facts.shown[number]
    yesterday = TODAY - timedelta(days=1)
    for change in (
        {"met": None},
        {"checked_on": None},
        {"evidence": None},
        {"until": None},
        {"no_end": None},
        {"until": yesterday, "no_end": None},
    ):
        less = replace(told, **change)
        shorter = replace(facts, shown=(*facts.shown[:number], less, *facts.shown[number + 1 :]))
        assert rank(shorter) <= before, change
    for place, waived in enumerate(facts.excepted):
        ended = replace(waived, from_on=yesterday, until_on=yesterday)
        rest = (*facts.excepted[:place], ended, *facts.excepted[place + 1 :])
        assert rank(replace(facts, excepted=rest)) <= before
    for place, signed in enumerate(facts.granted):
        ended_level = replace(signed, until_on=max(yesterday, signed.from_on))
        rest_of = (*facts.granted[:place], ended_level, *facts.granted[place + 1 :])
        assert rank(replace(facts, granted=rest_of)) <= before
    assert rank(replace(facts, patients_at_level=None, serious_events_not_reviewed=None)) == before


@settings(max_examples=60, deadline=None)
@given(sites())
def test_every_item_up_to_the_level_holds_and_every_other_has_a_next_step(facts: SiteFacts):
    answer = level_of(facts)
    up_to = [line for line in answer.lines if LEVELS.index(line.from_level) <= LEVELS.index(answer.level)]
    assert {line.state for line in up_to} <= {"shown", "excepted"}
    assert all(line.next_step for line in answer.separates)
