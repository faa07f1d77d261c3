"""What holds for every grade, whatever the patient: forgetting never calms, and the worst finding decides."""

from dataclasses import fields, replace
from decimal import Decimal
from itertools import product
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from handrail.rules.grading import CrsInputs, Grade, IcansInputs, IceInputs, grade_crs, grade_icans, ice_score
from handrail.rules.scales import DEVICES, ICE_ITEMS, SIGNS
from tests.support.grading import crs_case, icans_case, missing

yes_no = st.booleans()
CRS_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "tmax_c": st.sampled_from([Decimal(t) for t in ("29", "36.8", "37.9", "38.0", "39.6", "384")]),
    "fever_other": yes_no,
    "episode_open": yes_no,
    "masked": yes_no,
    "premed_masking": yes_no,
    "hypotension": yes_no,
    "hypotension_other": yes_no,
    "pressors": st.sampled_from([(), ("vasopressin",), ("norepinephrine",), ("norepinephrine", "dopamine"), ("none",)]),
    "o2": st.sampled_from(DEVICES),
    "flow_l_per_min": st.sampled_from([Decimal(f) for f in ("0", "2", "6", "6.1", "30")]),
    "hypoxia_other": yes_no,
    "died_of_crs": st.sampled_from([False, False, False, True]),
}
ICANS_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "ice": st.integers(0, 10),
    **{name: st.sampled_from(words) if words[0] != "no" else yes_no for name, words in SIGNS.items()},
    "loc_other": yes_no,
    "ich": yes_no,
}


def cases(cls: Any, values: dict[str, st.SearchStrategy[Any]], *, whole: bool = False) -> st.SearchStrategy[Any]:
    """Inputs with every fact known, or with some not known."""
    return st.builds(cls, **{name: value if whole else st.none() | value for name, value in values.items()})


def never_calmer(before: Grade, after: Grade) -> None:
    """The same grade, or none; never less than was certain to be possible, and a suspicion of CRS without grade stays."""
    assert after.grade in (before.grade, None)
    assert after.at_least <= before.at_least
    if before.grade is None:
        assert after.cannot_say
    if after.grade is None:
        assert after.cannot_say


@settings(max_examples=80, deadline=None)
@given(cases(CrsInputs, CRS_VALUES), st.sampled_from(sorted(CRS_VALUES)))
@example(crs_case(tmax_c="38.5", hypotension=False, pressors=["norepinephrine"]), "pressors")
@example(crs_case(tmax_c="37.2", hypotension=True, premed_masking=True), "premed_masking")
def test_forgetting_a_fact_never_lowers_a_crs_grade(inputs: CrsInputs, name: str):
    before, after = grade_crs(inputs), grade_crs(replace(inputs, **{name: None}))
    never_calmer(before, after)
    if after.grade != before.grade:
        assert name in missing(after)


@settings(max_examples=80, deadline=None)
@given(cases(IcansInputs, ICANS_VALUES), st.sampled_from(sorted(ICANS_VALUES)))
def test_forgetting_a_fact_never_lowers_an_icans_grade(inputs: IcansInputs, name: str):
    before, after = grade_icans(inputs), grade_icans(replace(inputs, **{name: None}))
    never_calmer(before, after)
    if after.grade != before.grade:
        assert name in missing(after)


@settings(max_examples=100, deadline=None)
@given(cases(CrsInputs, CRS_VALUES, whole=True), st.sampled_from(sorted(CRS_VALUES)))
def test_a_suspicion_without_grade_outlives_any_one_fact(inputs: CrsInputs, name: str):
    if grade_crs(inputs).flags[:1] == ("PREMED_MASKING",):
        assert grade_crs(replace(inputs, **{name: None})).suspected


CRS_EVERY: dict[str, list[Any]] = {
    "tmax_c": [Decimal("36.8"), Decimal("38.5")],
    "pressors": [(), ("norepinephrine",), ("norepinephrine", "dopamine")],
    "o2": ["none", "blow_by", "nasal_cannula", "hfnc", "cpap"],
    "flow_l_per_min": [Decimal(6), Decimal("6.1")],
}
ICANS_EVERY: dict[str, list[Any]] = {
    "ice": list(range(11)),
    **{name: [False, True] if words[0] == "no" else list(words) for name, words in SIGNS.items()},
}


def completions(inputs: Any, every: dict[str, list[Any]], free: list[str]) -> list[dict[str, Any]]:
    """Every way of filling in the facts named in `free`."""
    return [dict(zip(free, values, strict=True)) for values in product(*(every.get(n, [False, True]) for n in free))]


def agrees_with_brute_force(inputs: Any, grade: Any, every: dict[str, list[Any]]) -> None:
    """The answer is what all completions say, and it lacks exactly the facts that move one of them."""
    free = [f.name for f in fields(inputs) if getattr(inputs, f.name) is None]
    table = {tuple(way.values()): grade(replace(inputs, **way)) for way in completions(inputs, every, free)}
    outcomes = {values: (answer.grade, answer.suspected) for values, answer in table.items()}
    possible = {outcome for outcome, _ in outcomes.values()}
    answer = grade(inputs)
    assert answer.grade == (possible.pop() if len(possible) == 1 else None)
    assert answer.at_least == min(answer.at_least for answer in table.values())
    moving = [
        name
        for place, name in enumerate(free)
        if any(
            outcomes[one] != outcomes[other]
            for one in outcomes
            for other in outcomes
            if one[:place] == other[:place] and one[place + 1 :] == other[place + 1 :]
        )
    ]
    if free:
        assert [name for name in missing(answer) if name != "clinician_judgement"] == moving


@settings(max_examples=60, deadline=None)
@given(
    cases(
        CrsInputs,
        {
            **CRS_VALUES,
            "tmax_c": st.sampled_from(CRS_EVERY["tmax_c"]),
            "pressors": st.sampled_from(CRS_EVERY["pressors"]),
        },
        whole=True,
    ),
    st.sets(st.sampled_from(sorted(CRS_VALUES)), max_size=3),
)
def test_a_crs_answer_is_what_all_completions_say(inputs: CrsInputs, forgotten: set[str]):
    agrees_with_brute_force(replace(inputs, **dict.fromkeys(forgotten)), grade_crs, CRS_EVERY)


@settings(max_examples=60, deadline=None)
@given(cases(IcansInputs, ICANS_VALUES, whole=True), st.sets(st.sampled_from(sorted(ICANS_VALUES)), max_size=2))
def test_an_icans_answer_is_what_all_completions_say(inputs: IcansInputs, forgotten: set[str]):
    agrees_with_brute_force(replace(inputs, **dict.fromkeys(forgotten)), grade_icans, ICANS_EVERY)


def by_the_definition(case: CrsInputs) -> int | None:
    """The published definition written down once more, for facts that are all known and believable."""
    assert case.tmax_c is not None
    assert case.flow_l_per_min is not None
    pressors = set(case.pressors or ())
    low = 0
    if not case.hypotension_other and (case.hypotension or pressors):
        low = {0: 2, 1: 3}.get(len(pressors - {"vasopressin"}) or len(pressors), 4)
    oxygen = {"none": 0, "blow_by": 2, "cpap": 4, "bipap": 4, "ventilator": 4}.get(case.o2 or "none", 3)
    if case.o2 == "nasal_cannula" and case.flow_l_per_min <= 6:
        oxygen = 2
    if case.hypoxia_other:
        oxygen = 0
    worst = max(low, oxygen)
    if case.died_of_crs:
        return 5
    if (case.tmax_c >= 38 and not case.fever_other) or (case.episode_open and (case.masked or worst)):
        return max(1, worst)
    return None if worst and case.premed_masking else 0


@settings(max_examples=100, deadline=None)
@given(
    cases(
        CrsInputs,
        {
            **CRS_VALUES,
            "tmax_c": st.decimals("30", "43", places=1),
            "pressors": st.sampled_from(
                [(), ("vasopressin",), ("dopamine",), ("dopamine", "vasopressin"), ("dopamine", "x")]
            ),
        },
        whole=True,
    )
)
def test_with_everything_known_the_grade_is_the_definition(inputs: CrsInputs):
    answer = grade_crs(inputs)
    assert answer.grade == by_the_definition(inputs)
    assert answer.suspected == (answer.grade is None)


@settings(max_examples=80, deadline=None)
@given(cases(IcansInputs, ICANS_VALUES, whole=True))
def test_the_worst_icans_finding_decides(inputs: IcansInputs):
    alone = [
        grade_icans(icans_case(ice=inputs.ice)),
        grade_icans(icans_case(loc=inputs.loc, loc_other=inputs.loc_other)),
        grade_icans(icans_case(edema=inputs.edema, ich=inputs.ich)),
        *(grade_icans(icans_case(**{name: getattr(inputs, name)})) for name in ("seizure", "motor", "icp_signs")),
    ]
    assert grade_icans(inputs).grade == max(answer.grade for answer in alone if answer.grade is not None)


@settings(max_examples=80, deadline=None)
@given(st.builds(IceInputs, **{name: st.none() | st.integers(0, most) for name, most in ICE_ITEMS.items()}))
def test_an_ice_score_lies_between_its_bounds(inputs: IceInputs):
    score = ice_score(inputs)
    known = [getattr(inputs, name) for name in ICE_ITEMS]
    assert score.lowest == sum(points or 0 for points in known)
    assert (score.total is None) == (None in known) == bool(score.cannot_say)
    for lost in (name for name in ICE_ITEMS if getattr(inputs, name)):
        less = ice_score(replace(inputs, **{lost: 0}))
        assert less.highest < score.highest
