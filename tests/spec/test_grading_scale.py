"""A scale file is refused when a key is unknown, a source is missing, or a table overlaps or leaves a hole."""

from decimal import Decimal

import pytest

from handrail.rules.scales import DEVICES, FOLDER, SIGNS, load_scale, read_scale
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Status

GOOD = (FOLDER / "astct-2019.toml").read_text(encoding="utf-8")


def planted(old: str, new: str) -> str:
    """The good file with the first `old` replaced."""
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def refusal(text: str) -> ProtocolDataError:
    with pytest.raises(ProtocolDataError) as caught:
        read_scale(text)
    return caught.value


def test_the_shipped_scale_loads_once():
    scale = load_scale("astct-2019")
    assert scale is load_scale("astct-2019")
    assert scale.crs.fever.from_c == Decimal("38.0")
    assert scale.crs.fever.status is Status.SOURCED
    assert [scale.sources[key].address for key in scale.crs.fever.source] == [
        "https://pmc.ncbi.nlm.nih.gov/articles/PMC9327779/table/t0002",
        "https://eguideline.guidelinecentral.com/i/1475467/5",
    ]


@pytest.mark.parametrize("scale_id", ["astct-2099", "../policies/default", "ASTCT-2019", ""])
def test_a_scale_that_is_not_shipped_is_refused(scale_id):
    with pytest.raises(ProtocolDataError) as caught:
        load_scale(scale_id)
    assert caught.value.code == "unknown_scale"


def test_a_table_of_every_row_with_its_status():
    scale = load_scale("astct-2019")
    recalled = [
        row.id for row in (*scale.rules.values(), *scale.icans.sign, scale.crs.death) if row.status == "unverified"
    ]
    assert recalled == ["CRS-G2", "CRS-G4", "CRS-G5", "ICANS-SEIZURE-4-REPETITIVE", "ICANS-ICP-4", "CRS-DEATH"]


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        pytest.param("id = ", "not_toml", "", id="not TOML"),
        pytest.param(planted("handrail-scale/1", "handrail-scale/9"), "unknown_format", "format", id="format"),
        pytest.param("colour = 1\n" + GOOD, "unknown_key", "colour", id="key at the top"),
        pytest.param(
            planted("from_c = 38.0", "from_c = 38.0\nto_c = 40"), "unknown_key", "crs.fever.to_c", id="key of a row"
        ),
        pytest.param(planted("[crs.death]", "[crs.birth]\nx = 1\n[crs.death]"), "unknown_key", "crs.birth", id="table"),
        pytest.param(planted("edition =", "year ="), "unknown_key", "year", id="key of the header"),
        pytest.param(planted('source = ["OTT22", "ASCO21"]\n', ""), "missing_key", "crs.fever", id="no source"),
        pytest.param(
            planted('source = ["OTT22", "ASCO21"]', "source = []"),
            "missing_source",
            "crs.fever.source",
            id="empty source",
        ),
        pytest.param(
            planted('source = ["OTT22", "ASCO21"]', 'source = ["OTT99"]'),
            "unknown_source",
            "crs.fever.source",
            id="unknown source",
        ),
        pytest.param(
            planted('definition = "LEE19"', 'definition = "LEE20"'), "unknown_source", "definition", id="definition"
        ),
        pytest.param(
            planted("[sources.LUNS]\ndocument", "[sources.LUNS]\ntitle"),
            "unknown_key",
            "sources.LUNS.title",
            id="key of a source",
        ),
        pytest.param(
            planted('status = "site-choice"', 'status = "guess"'),
            "unknown_word",
            "plausible.tmax_c.status",
            id="status",
        ),
        pytest.param(planted("grade = 1\n", ""), "missing_key", "crs.fever", id="no grade"),
        pytest.param(planted("grade = 5", "grade = 6"), "bad_number", "crs.death.grade", id="grade above 5"),
        pytest.param(planted("from_c = 38.0", "from_c = -38.0"), "bad_number", "crs.fever.from_c", id="below zero"),
        pytest.param(planted("from_c = 38.0", 'from_c = "warm"'), "wrong_type", "crs.fever.from_c", id="no number"),
        pytest.param(planted("lowest = 30", "lowest = 43"), "bad_number", "plausible.tmax_c", id="limits"),
        pytest.param(
            planted("pressors_to = 1", "pressors_to = 2"), "overlap", "crs.hypotension", id="vasopressors overlap"
        ),
        pytest.param(
            planted("pressors_from = 2", "pressors_from = 3"), "hole", "crs.hypotension", id="vasopressors hole"
        ),
        pytest.param(
            planted("pressors_from = 2", "pressors_from = 2\npressors_to = 5"),
            "hole",
            "crs.hypotension",
            id="vasopressors end",
        ),
        pytest.param(planted("to_score = 9", "to_score = 10"), "overlap", "icans.ice", id="ICE overlap"),
        pytest.param(planted("from_score = 3", "from_score = 4"), "hole", "icans.ice", id="ICE hole"),
        pytest.param(
            planted("flow_above_l_per_min = 6", "flow_above_l_per_min = 5"), "overlap", "crs.hypoxia", id="flow overlap"
        ),
        pytest.param(
            planted("flow_above_l_per_min = 6", "flow_above_l_per_min = 7"), "overlap", "crs.hypoxia", id="flow hole"
        ),
        pytest.param(
            planted("flow_above_l_per_min = 6", "flow_above_l_per_min = 6\nflow_to_l_per_min = 8"),
            "overlap",
            "crs.hypoxia",
            id="upper flow ends",
        ),
        pytest.param(
            planted("flow_to_l_per_min = 6", "flow_to_l_per_min = 6\nflow_above_l_per_min = 2"),
            "overlap",
            "crs.hypoxia",
            id="lower flow begins late",
        ),
        pytest.param(planted('"cpap", ', ""), "hole", "crs.hypoxia", id="device hole"),
        pytest.param(planted('["cpap", ', '["cpap", "hfnc", '), "overlap", "crs.hypoxia", id="device twice"),
        pytest.param(planted('["cpap", ', '["cpap", "snorkel", '), "unknown_word", "crs.hypoxia", id="device unknown"),
        pytest.param(planted('value = "tactile"', 'value = "voice"'), "hole", "icans.sign", id="finding twice"),
        pytest.param(planted('value = "tactile"', 'value = "sleepy"'), "hole", "icans.sign", id="finding unknown"),
        pytest.param(planted("points = 3", "points = 2"), "hole", "ice.item", id="ICE points"),
        pytest.param(planted('id = "CRS-G5"', 'id = "CRS-G55"'), "hole", "crs.rule", id="rule"),
    ],
)
def test_a_planted_fault_is_refused_with_its_place(text, code, path):
    error = refusal(text)
    assert (error.code, error.path) == (code, path)
    assert error.message


def test_the_words_of_events_and_of_the_scale_are_the_same():
    scale = load_scale("astct-2019")
    assert {device for row in scale.crs.hypoxia for device in row.devices} == set(DEVICES)
    assert {(row.field, row.value) for row in scale.icans.sign} == {(f, w) for f, words in SIGNS.items() for w in words}
