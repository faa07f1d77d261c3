"""CRS by ASTCT 2019: edges on both sides, what is not known, contradictions, and how well the answer is known."""

from decimal import Decimal

import pytest

from handrail.rules.events import CrsAssessed
from handrail.rules.grading import CrsInputs, crs_inputs, grade_crs
from handrail.rules.terms import Status, UnusableInput
from tests.support.grading import crs, missing


@pytest.mark.parametrize(
    ("tmax_c", "grade"),
    [("30", 0), ("37.99", 0), ("38", 1), ("38.00", 1), ("38.01", 1), ("43", 1)],
)
def test_fever_is_38_0_or_more_and_its_height_never_raises_the_grade(tmax_c, grade):
    assert crs(tmax_c=tmax_c).grade == grade


@pytest.mark.parametrize(
    # device         | flow   | grade
    ("o2", "flow", "grade"),
    [
        ("nasal_cannula", "0", 2),
        ("nasal_cannula", "5.9", 2),
        ("nasal_cannula", "6.0", 2),
        ("nasal_cannula", "6.01", 3),
        ("blow_by", "15", 2),
        ("venturi", "2", 3),
        ("cpap", "2", 4),
    ],
)
def test_flow_decides_only_for_the_nasal_cannula(o2, flow, grade):
    assert crs(tmax_c="38.5", o2=o2, flow=flow).grade == grade


@pytest.mark.parametrize(
    ("pressors", "grade"),
    [
        ([], 2),
        (["phenylephrine"], 3),
        (["Norepinephrine", " noradrenaline "], 3),  # two names of one medicine
        (["epinephrine", "adrenaline", "vasopressin"], 3),
        (["norepinephrine", "phenylephrine"], 4),
        (["norepinephrine", "phenylephrine", "dopamine"], 4),
        (["argipressin"], 3),
    ],
)
def test_vasopressors_are_counted_by_medicine_and_vasopressin_only_when_alone(pressors, grade):
    assert crs(tmax_c="38.5", hypotension=True, pressors=pressors).grade == grade


@pytest.mark.parametrize(
    # what differs from a patient with nothing wrong     | at least | suspected | what is missing
    ("changes", "at_least", "suspected", "lacks"),
    [
        ({"tmax_c": None}, 0, False, ["tmax_c"]),
        ({"tmax_c": "38.5", "fever_other": None}, 0, True, ["fever_other"]),
        ({"tmax_c": "38.0", "fever_other": None}, 0, True, ["fever_other"]),
        ({"tmax_c": "38.5", "hypotension": None}, 1, True, ["hypotension"]),
        ({"tmax_c": "38.5", "hypotension": True, "pressors": None}, 2, True, ["pressors"]),
        ({"tmax_c": "38.5", "hypotension": True, "hypotension_other": None}, 1, True, ["hypotension_other"]),
        ({"tmax_c": "38.5", "hypotension": False, "pressors": None}, 1, True, ["pressors"]),
        ({"tmax_c": "38.5", "o2": "nasal_cannula", "flow": None}, 2, True, ["flow_l_per_min"]),
        ({"tmax_c": "38.5", "o2": None}, 1, True, ["o2"]),
        ({"tmax_c": "38.5", "o2": None, "flow": None}, 1, True, ["o2", "flow_l_per_min"]),
        ({"tmax_c": "38.5", "o2": "hfnc", "flow": "30", "hypoxia_other": None}, 1, True, ["hypoxia_other"]),
        ({"tmax_c": "36.9", "hypotension": True, "episode_open": None}, 0, True, ["episode_open"]),
        ({"tmax_c": "36.9", "episode_open": True, "masked": None}, 0, True, ["masked"]),
        ({"tmax_c": "36.9", "hypotension": True, "premed_masking": None}, 0, True, ["premed_masking"]),
        ({"tmax_c": "36.9", "hypotension": None, "premed_masking": True}, 0, True, ["hypotension"]),
        ({"tmax_c": "36.9", "hypotension": None, "episode_open": True}, 0, True, ["hypotension"]),
        ({"died_of_crs": None}, 0, False, ["died_of_crs"]),
        ({"tmax_c": "38.5", "died_of_crs": None}, 1, True, ["died_of_crs"]),
    ],
)
def test_a_missing_fact_that_could_change_the_grade_is_named(changes, at_least, suspected, lacks):
    answer = crs(**changes)
    assert (answer.grade, answer.at_least, answer.suspected) == (None, at_least, suspected)
    assert missing(answer) == lacks
    assert all(item.why_it_matters.endswith(".") for item in answer.cannot_say)


@pytest.mark.parametrize(
    ("changes", "grade"),
    [
        ({"fever_other": None}, 0),  # no fever: its cause does not matter
        ({"hypotension_other": None, "hypoxia_other": None}, 0),
        ({"premed_masking": None, "masked": None}, 0),
        ({"hypotension": None}, 0),  # without fever, an open episode or premedication, hypotension is not CRS
        ({"tmax_c": "38.5", "episode_open": None, "masked": None, "premed_masking": None}, 1),
        ({"tmax_c": "38.5", "flow": None}, 1),
        ({"tmax_c": "38.5", "o2": "hfnc", "flow": None}, 3),
        ({"tmax_c": "38.5", "o2": "bipap", "hypotension": None, "pressors": None, "hypotension_other": None}, 4),
        ({"tmax_c": "38.5", "hypotension": None, "pressors": ["norepinephrine"]}, 3),
        ({"tmax_c": None, "episode_open": True, "masked": True, "hypotension": True}, 2),
        ({"died_of_crs": True, "tmax_c": None, "o2": None, "hypotension": None}, 5),
    ],
)
def test_a_missing_fact_that_cannot_change_the_grade_is_not_asked_for(changes, grade):
    answer = crs(**changes)
    assert (answer.grade, answer.at_least, missing(answer)) == (grade, grade, [])


def test_nothing_known_is_not_known_and_not_suspected():
    answer = grade_crs(CrsInputs())
    assert (answer.grade, answer.at_least, answer.suspected) == (None, 0, False)
    assert len(missing(answer)) == 12


def test_fever_alone_among_unknowns_is_suspected():
    assert grade_crs(CrsInputs(tmax_c=Decimal("38.4"))).suspected


@pytest.mark.parametrize("tmax_c", ["29.9", "43.1", "384", "101.3"])
def test_a_temperature_nobody_has_counts_as_not_known_and_is_marked(tmax_c):
    answer = crs(tmax_c=tmax_c, hypotension=True)
    assert (answer.grade, answer.suspected, answer.flags) == (None, True, ("IMPLAUSIBLE",))
    assert missing(answer) == ["tmax_c"]
    assert tmax_c not in answer.because


def test_a_word_that_is_no_medicine_leaves_the_vasopressors_not_known():
    answer = crs(tmax_c="38.5", hypotension=True, pressors=["none"])
    assert (answer.grade, answer.at_least, answer.flags) == (None, 2, ("IMPLAUSIBLE",))
    assert missing(answer) == ["pressors"]


def test_a_running_vasopressor_counts_beside_the_words_no_hypotension():
    answer = crs(tmax_c="38.5", hypotension=False, pressors=["norepinephrine"])
    assert (answer.grade, answer.flags) == (3, ("PRESSOR_WITHOUT_HYPOTENSION",))


def test_a_flow_without_a_device_is_marked():
    answer = crs(tmax_c="38.5", o2="none", flow="4")
    assert (answer.grade, answer.flags) == (1, ("FLOW_WITHOUT_OXYGEN",))


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({"o2": "facemask", "flow": "8"}, ("SAME_DAY_REVIEW",)),
        ({"tmax_c": "38.9", "fever_other": True, "hypotension": True}, ("SAME_DAY_REVIEW",)),
        ({"hypotension": True, "hypotension_other": True}, ()),
        ({"o2": "nasal_cannula", "flow": "2", "hypoxia_other": True}, ()),
    ],
)
def test_not_crs_and_still_unwell_is_a_review_today(changes, flags):
    answer = crs(**changes)
    assert (answer.grade, answer.flags) == (0, flags)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"tmax_c": "38.5"}, Status.SOURCED),
        ({"tmax_c": "38.5", "o2": "hfnc"}, Status.SOURCED),
        ({"tmax_c": "38.5", "hypotension": True, "pressors": ["vasopressin"]}, Status.SITE_CHOICE),
        ({"tmax_c": "37.2", "hypotension": True, "premed_masking": True}, Status.SITE_CHOICE),
        ({"tmax_c": "36.9", "episode_open": True, "masked": True}, Status.UNVERIFIED),
        ({"tmax_c": "38.5", "hypotension": True, "o2": "hfnc"}, Status.UNVERIFIED),
        ({"tmax_c": "38.5", "hypotension": True, "hypotension_other": True}, Status.UNVERIFIED),
        ({"died_of_crs": True}, Status.UNVERIFIED),
    ],
)
def test_the_status_is_the_weakest_of_the_rows_used(changes, status):
    assert crs(**changes).status is status


def test_the_sentence_has_the_numbers_the_medicine_and_the_grade():
    answer = crs(tmax_c="38.5", hypotension=True, pressors=["norepinephrine"])
    for words in ("CRS grade 3", "38.5 °C", "38.0 °C or more", "norepinephrine", "grade 3"):
        assert words in answer.because
    assert (answer.scale, answer.source.id) == ("astct-2019", "LEE19")
    assert answer.rows == ("CRS-FEVER", "CRS-BP-3")


@pytest.mark.parametrize(
    ("wrong", "code", "path"),
    [
        ({"o2": "snorkel"}, "unknown_word", "o2"),
        ({"flow_l_per_min": Decimal("-0.1")}, "out_of_range", "flow_l_per_min"),
        ({"flow_l_per_min": Decimal("Infinity")}, "wrong_type", "flow_l_per_min"),
        ({"tmax_c": Decimal("NaN")}, "wrong_type", "tmax_c"),
        ({"pressors": ("norepinephrine", " ")}, "empty", "pressors"),
    ],
)
def test_unusable_input_is_one_sentence_with_its_place(wrong, code, path):
    with pytest.raises(UnusableInput) as caught:
        CrsInputs(**wrong)
    assert (caught.value.code, caught.value.path) == (code, path)
    assert caught.value.message.count(".") == 1


def test_the_inputs_of_an_event_are_its_own():
    event = CrsAssessed(tmax_c=Decimal("38.2"), hypotension=True, pressors=("dopamine",), o2="cpap", clinician_grade=2)
    inputs = crs_inputs(event)
    assert (inputs.tmax_c, inputs.hypotension, inputs.pressors, inputs.o2) == (
        Decimal("38.2"),
        True,
        ("dopamine",),
        "cpap",
    )
    assert inputs.masked is None


def test_equal_numbers_written_differently_keep_their_own_words():
    """38.4 and 38.40 are the same number: a grade that is kept for later must not lend one the words of the other."""
    calm = {"fever_other": False, "hypotension": False, "pressors": (), "o2": "none", "died_of_crs": False}
    said = [grade_crs(CrsInputs(tmax_c=Decimal(written), **calm)).because for written in ("38.4", "38.40", "38.4")]
    assert "38.40" in said[1]
    assert "38.40" not in said[0]
    assert said[0] == said[2]


@pytest.mark.parametrize(
    # facts | words of the reason
    ("changes", "words"),
    [
        ({"tmax_c": "38.0"}, "the highest temperature is 38.0 °C, fever (38.0 °C or more)"),
        ({"tmax_c": "37.9"}, "the highest temperature is 37.9 °C, no fever (fever is 38.0 °C or more)"),
        ({"tmax_c": "38.5", "o2": "nasal_cannula", "flow": None}, "oxygen by nasal cannula, the flow is not known"),
        ({"tmax_c": "38.5", "o2": "cpap", "flow": None}, "oxygen by cpap, positive pressure, grade 4"),
        ({"tmax_c": "38.5", "o2": "none", "flow": None}, "no oxygen"),
    ],
)
def test_the_words_of_a_reason_on_a_limit(changes, words):
    assert words in crs(**changes).because


@pytest.mark.parametrize(
    # device | flow | rows of the scale that the answer rests on
    ("o2", "flow", "rows"),
    [
        ("cpap", None, ["CRS-O2-4"]),
        ("nasal_cannula", None, ["CRS-O2-2-CANNULA", "CRS-O2-3-CANNULA"]),
        ("nasal_cannula", "4", ["CRS-O2-2-CANNULA"]),
    ],
)
def test_oxygen_names_the_rows_of_its_device(o2, flow, rows):
    assert [row for row in crs(tmax_c="38.5", o2=o2, flow=flow).rows if row.startswith("CRS-O2")] == rows
