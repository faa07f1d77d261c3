"""ICE and ICANS by ASTCT 2019: bands and their edges, causes that do not count, and what is not known."""

from dataclasses import fields, replace

import pytest

from handrail.rules.events import IcansAssessed, IceAssessed
from handrail.rules.grading import IcansInputs, IceInputs, grade_icans, icans_inputs, ice_inputs, ice_score
from handrail.rules.terms import Status, UnusableInput
from tests.support.grading import ICE_FULL, icans, icans_case, missing


@pytest.mark.parametrize(
    ("ice", "grade"), [(10, 0), (9, 1), (8, 1), (7, 1), (6, 2), (5, 2), (4, 2), (3, 2), (2, 3), (1, 3), (0, 3)]
)
def test_every_ice_score_has_one_band(ice, grade):
    assert icans(ice=ice).grade == grade


@pytest.mark.parametrize(
    ("loc", "grade"),
    [("alert", 0), ("spontaneous", 1), ("voice", 2), ("tactile", 3), ("vigorous", 4), ("unarousable", 4)],
)
def test_consciousness(loc, grade):
    assert icans(loc=loc).grade == grade
    assert icans(loc=loc, loc_other=True).grade == 0


@pytest.mark.parametrize(
    ("changes", "grade"),
    [
        ({"seizure": "brief"}, 3),
        ({"seizure": "prolonged"}, 4),
        ({"seizure": "repetitive"}, 4),
        ({"motor": True}, 4),
        ({"edema": "focal"}, 3),
        ({"edema": "diffuse"}, 4),
        ({"edema": "diffuse", "ich": True}, 0),
        ({"icp_signs": True}, 4),
        ({"icp_signs": True, "ich": True}, 4),  # only the oedema of a bleeding is taken out
    ],
)
def test_other_findings(changes, grade):
    assert icans(**changes).grade == grade


@pytest.mark.parametrize(
    ("changes", "at_least", "suspected", "lacks"),
    [
        ({"ice": None}, 0, False, ["ice"]),
        ({"ice": 9, "loc": None}, 1, True, ["loc"]),
        ({"loc": "voice", "loc_other": None}, 0, True, ["loc_other"]),
        ({"ice": None, "loc": "unarousable", "loc_other": None}, 0, True, ["ice", "loc_other"]),
        ({"ice": None, "loc": "unarousable", "loc_other": True}, 0, False, ["ice"]),
        ({"ice": 0, "loc": None}, 3, True, ["loc"]),
        ({"seizure": None}, 0, False, ["seizure"]),
        ({"seizure": "brief", "motor": None}, 3, True, ["motor"]),
        ({"edema": "focal", "ich": None}, 0, True, ["ich"]),
        ({"edema": None, "ich": None}, 0, False, ["edema", "ich"]),
        ({"ice": 8, "icp_signs": None}, 1, True, ["icp_signs"]),
    ],
)
def test_a_missing_fact_that_could_change_the_grade_is_named(changes, at_least, suspected, lacks):
    answer = icans(**changes)
    assert (answer.grade, answer.at_least, answer.suspected) == (None, at_least, suspected)
    assert missing(answer) == lacks


@pytest.mark.parametrize(
    ("changes", "grade"),
    [
        ({"ice": None, "loc": "unarousable"}, 4),
        ({"ice": None, "loc": "vigorous", "seizure": None, "motor": None, "edema": None, "icp_signs": None}, 4),
        ({"motor": True, "loc": None, "ice": None}, 4),
        ({"ice": 1, "edema": "focal", "ich": None}, 3),
        ({"loc_other": None}, 0),
        ({"ich": None}, 0),
        ({"edema": None, "ich": True}, 0),
        ({"loc": None, "loc_other": True}, 0),
    ],
)
def test_a_missing_fact_that_cannot_change_the_grade_is_not_asked_for(changes, grade):
    answer = icans(**changes)
    assert (answer.grade, missing(answer)) == (grade, [])


def test_nothing_known_is_not_known():
    answer = grade_icans(IcansInputs())
    assert (answer.grade, answer.at_least, answer.suspected, len(missing(answer))) == (None, 0, False, 8)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"ice": 8}, Status.SOURCED),
        ({"seizure": "repetitive"}, Status.UNVERIFIED),
        ({"icp_signs": True}, Status.UNVERIFIED),
        ({"loc": "voice", "loc_other": True}, Status.SOURCED),
    ],
)
def test_the_status_is_the_weakest_of_the_rows_used(changes, status):
    assert icans(**changes).status is status


def test_the_sentence_has_the_score_and_every_finding():
    answer = icans(ice=6, seizure="prolonged", loc="voice")
    for words in ("ICANS grade 4", "ICE 6 of 10", "wakes to voice, grade 2", "more than 5 minutes"):
        assert words in answer.because
    assert "another cause" not in answer.because


@pytest.mark.parametrize(
    # field | word | may another cause excuse it
    ("field", "word", "excusable"),
    [("seizure", "brief", False), ("motor", True, False), ("icp_signs", True, False), ("loc", "voice", True)],
)
def test_only_what_another_cause_may_excuse_speaks_of_one(field: str, word: object, excusable: bool):
    answer = icans(**{field: word, "loc_other": None})
    assert ("whether from another cause is not known" in answer.because) is excusable
    assert "it does not count" not in answer.because


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"ice": 11}, "ice"),
        ({"ice": -1}, "ice"),
        ({"loc": "sleepy"}, "loc"),
        ({"seizure": "long"}, "seizure"),
        ({"edema": "some"}, "edema"),
    ],
)
def test_unusable_input_is_refused_with_its_place(wrong, path):
    with pytest.raises(UnusableInput) as caught:
        IcansInputs(**wrong)
    assert caught.value.path == path


# --- the ICE score -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "total"),
    [({}, 10), ({"year": 0}, 9), ({"naming_0_3": 1}, 8), ({"naming_0_3": 0, "writing_0_1": 0, "attention_0_1": 0}, 5)],
)
def test_the_score_is_the_sum_of_its_items(changes, total):
    score = ice_score(replace(ICE_FULL, **changes))
    assert (score.total, score.lowest, score.highest, score.cannot_say) == (total, total, total, ())


def test_a_missing_item_is_not_a_point():
    score = ice_score(replace(ICE_FULL, naming_0_3=None, year=0))
    assert (score.total, score.lowest, score.highest) == (None, 6, 9)
    assert [item.missing for item in score.cannot_say] == ["naming_0_3"]


def test_a_total_by_itself_stands():
    score = ice_score(IceInputs(total_0_10=7))
    assert (score.total, score.lowest, score.highest) == (7, 7, 7)


@pytest.mark.parametrize(
    ("inputs", "total", "flags"),
    [
        (replace(ICE_FULL, total_0_10=10), 10, ()),
        (replace(ICE_FULL, year=0, total_0_10=10), 9, ("TOTAL_DISAGREES",)),
        (replace(ICE_FULL, total_0_10=4), 10, ("TOTAL_DISAGREES",)),
        (replace(ICE_FULL, year=None, total_0_10=10), None, ()),
        (replace(ICE_FULL, year=None, total_0_10=3), None, ("TOTAL_DISAGREES",)),
    ],
)
def test_the_items_are_the_score_and_the_total_is_compared(inputs, total, flags):
    score = ice_score(inputs)
    assert (score.total, score.flags) == (total, flags)


def test_no_item_and_no_total_is_not_known():
    score = ice_score(IceInputs())
    assert (score.total, score.lowest, score.highest, len(score.cannot_say)) == (None, 0, 10, 8)


@pytest.mark.parametrize("wrong", [{"year": 2}, {"naming_0_3": 4}, {"naming_0_3": -1}, {"total_0_10": 11}])
def test_more_points_than_an_item_has_are_refused(wrong):
    with pytest.raises(UnusableInput) as caught:
        IceInputs(**wrong)
    assert (caught.value.code, caught.value.path) == ("out_of_range", next(iter(wrong)))


def test_points_that_are_lost_count_although_the_score_is_not_complete():
    score = ice_score(replace(ICE_FULL, naming_0_3=None, year=0, month=0))
    answer = grade_icans(icans_case(ice=None), score=score)
    assert (answer.grade, answer.at_least, answer.suspected, missing(answer)) == (None, 1, True, ["ice"])


def test_an_incomplete_score_within_one_band_gives_the_grade():
    score = ice_score(replace(ICE_FULL, year=None, month=0, city=0))
    assert (score.lowest, score.highest) == (7, 8)
    assert grade_icans(icans_case(ice=None), score=score).grade == 1


def test_the_inputs_of_events_are_their_own():
    event = IcansAssessed(loc="voice", seizure="none", clinician_grade=1)
    assert icans_inputs(event, 8) == IcansInputs(ice=8, loc="voice", seizure="none")
    items = ice_inputs(IceAssessed(year=1, naming_0_3=2, baseline=True))
    assert {f.name: getattr(items, f.name) for f in fields(items) if getattr(items, f.name) is not None} == {
        "year": 1,
        "naming_0_3": 2,
    }
