"""True of every desk: a value that becomes not known never makes a setting greener, and no word in the record moves what a desk says."""

from dataclasses import fields, replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.rules.access import Entry, standing
from handrail.rules.rems_desk import sides
from handrail.rules.setting_course import Around
from handrail.rules.setting_desks import authorisation_of, site_of_care
from handrail.rules.setting_facts import Paper, Payer
from handrail.rules.terms import STEPS
from tests.properties.test_rems_desk import ASKS, worse
from tests.properties.test_setting_course import HOME, answered, never_greener
from tests.spec.test_access_gate import ASKED, CHICAGO, GRANTED, ON, RULES, SENT, TEC
from tests.support.setting_courses import facts_of_v1, looked

YES, NO, UNKNOWN = Paper(held=True, no_end=True), Paper(held=False), Paper()
DESKS: dict[str, tuple[Any, ...]] = {
    "rems_prescriber": (YES, NO, UNKNOWN),
    "rems_dispenser": (YES, NO, UNKNOWN),
    "rems_setting": (YES, NO, UNKNOWN),
    "authorisation": (YES, NO, UNKNOWN),
    "payer": (Payer(inpatient_steps=()), Payer(inpatient_steps=STEPS, waiver=NO), Payer()),
}
"""What each desk may say, "not known" last."""
RECORD: dict[str, dict[str, Any]] = {
    "rems_prescriber": {"rems_prescriber": ({"held": True, "no_end": True}, {"held": False}, None)},
    "rems_dispenser": {"rems_dispenser": ({"held": True, "no_end": True}, {"held": False}, None)},
    "rems_setting": {"rems_setting": ({"held": True, "no_end": True}, {"held": False}, None)},
    "payer": {"payer_inpatient_steps": ([], ["step_up_1"], None)},
}  # fmt: skip
"""What somebody may have noted of the same."""


@pytest.mark.parametrize("name", DESKS)
def test_what_a_desk_cannot_say_is_never_greener_than_anything_it_says(name):
    *known, unknown = DESKS[name]
    after = looked(facts_of_v1(), around=Around(**{name: unknown})).answer
    for word in known:
        never_greener(looked(facts_of_v1(), around=Around(**{name: word})).answer, after, f"{name} {word}")


@pytest.mark.parametrize("name", RECORD)
def test_no_word_in_the_record_moves_what_a_desk_says(name):
    """The desk's answer wins, and a word that is better than it makes nothing greener; a worse one is shown."""
    for word in DESKS[name]:
        around = Around(**{name: word})
        said = {
            looked(facts_of_v1(**{field: value}), around=around).answer.recommendation
            for field, values in RECORD[name].items()
            for value in values
        }
        assert len(said) == 1, (name, word, said)


def test_a_desk_that_keeps_nothing_leaves_every_setting_as_it_was():
    for changes in ({}, {"rems_setting": None}, {"payer_inpatient_steps": ["step_up_1"]}):
        told = facts_of_v1(**changes)
        found = looked(told, around=Around())
        assert found.answer == answered(told, {})
        assert (found.against, found.desks) == ((), frozenset())


def test_several_desks_are_never_greener_than_the_worst_of_them():
    names = ("rems_setting", "authorisation", "payer")
    told = facts_of_v1()
    alone = {
        (n, i): looked(told, around=Around(**{n: DESKS[n][i]})).answer.recommendation for n in names for i in range(3)
    }
    for chosen in product(range(3), repeat=len(names)):
        picked = dict(zip(names, chosen, strict=True))
        found = looked(told, around=Around(**{n: DESKS[n][i] for n, i in picked.items()})).answer.recommendation
        assert HOME[found] <= min(HOME[alone[n, i]] for n, i in picked.items()), picked


VALUES = {
    "setting": ("any", "outpatient", "inpatient", "hybrid", None),
    "site": ("any", "site", "another", None),
    "code": ("J9380", "J0000", None),
    "valid_from": (ON, None),
    "valid_until": (GRANTED.valid_until, None),
}


@st.composite
def approvals(draw: st.DrawFn) -> Entry:
    return replace(GRANTED, **{name: draw(st.sampled_from(values)) for name, values in VALUES.items()})


@given(approvals())
def test_an_approval_that_forgets_a_value_authorises_nothing_more_and_opens_no_place(approval):
    def desk(entry: Entry) -> tuple[bool, bool, bool]:
        held = [(TEC, standing(TEC, [SENT, entry], RULES, CHICAGO))]
        paper, payer = authorisation_of(held, ASKED), site_of_care(held, ASKED)
        assert paper is not None
        steps = payer.inpatient_steps if payer is not None else None
        return paper.holds(ON) is True, payer is None, steps == ()

    authorised, noted_counts, anywhere = desk(approval)
    for item in fields(Entry):
        if item.name not in VALUES:
            continue
        after = desk(replace(approval, **{item.name: None}))
        assert after[0] <= authorised, item.name
        assert after[2] <= anywhere, item.name
        # what was noted in the course may only count where it did before, or where nothing is authorised any more
        assert not after[1] or noted_counts, item.name


@given(ASKS)
def test_a_side_of_the_rems_that_is_not_green_stays_so_when_something_is_forgotten(asked):
    before = {name for name, answer in sides(asked).items() if answer.met is True}
    for less in worse(asked):
        after = {name for name, answer in sides(less).items() if answer.met is True}
        assert after <= before, less
