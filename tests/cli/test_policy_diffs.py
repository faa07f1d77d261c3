"""`handrail protocols diff` for two policies: a shipped one by its id, a site's own as a file."""

import json
from pathlib import Path

import pytest

from handrail.cli import main
from handrail.rules.policy import FOLDER, shipped_document

SHIPPED = (FOLDER / "default-1.toml").read_text(encoding="utf-8")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    text = SHIPPED
    for old, new in (
        ('fever_c = "38.0"', 'fever_c = "37.9"'),
        ("page_after_minutes = 60", "page_after_minutes = 75"),
        ('cap_mg = "800"', 'cap_mg = "700"'),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    file = tmp_path / "own.toml"
    file.write_text(text, encoding="utf-8")
    return file


def diff(capsys: pytest.CaptureFixture[str], *names: object) -> tuple[int, str, str]:
    status = main(["protocols", "diff", *map(str, names)])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_each_change_is_said_with_both_values_and_what_it_does(own: Path, capsys: pytest.CaptureFixture[str]):
    status, out, _ = diff(capsys, "default", own)
    assert status == 0
    assert "1 tighter, 1 looser, 1 neither comparable" in out
    for line in (
        "tighter: triage.fever_c (lower is more careful)\n      - 38.0\n      + 37.9",
        "LOOSER: watch.phase.risk_window.page_after_minutes (lower is more careful)\n      - 60\n      + 75",
        "NEITHER COMPARABLE: tocilizumab.cap_mg",
    ):
        assert line in out


def test_as_json_and_the_other_way_round(own: Path, capsys: pytest.CaptureFixture[str]):
    status, out, _ = diff(capsys, own, "default", "--json")
    said = json.loads(out)
    assert (status, said["format"]) == (0, "handrail-policy-diff/1")
    assert {(each["row"], each["field"], each["verdict"]) for each in said["changes"]} == {
        ("triage", "fever_c", "looser"),
        ("watch.phase.risk_window", "page_after_minutes", "tighter"),
        ("tocilizumab", "cap_mg", "neither comparable"),
    }


def test_a_policy_as_json_says_why_it_departs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    document = shipped_document()
    document["triage"]["fever_c"] = "38.3"
    departure = {"row": "triage", "field": "fever_c", "verdict": "looser", "before": "38.0", "after": "38.3"}
    document["departure"] = [{**departure, "reason": "a synthetic reason", "review_on": "2027-03-01"}]
    file = tmp_path / "own.json"
    file.write_text(json.dumps(document, default=str), encoding="utf-8")
    status, out, _ = diff(capsys, "default", file)
    assert status == 0 and "because: a synthetic reason; review on 2027-03-01" in out


def test_nothing_differs(capsys: pytest.CaptureFixture[str]):
    assert diff(capsys, "default", "default")[1].endswith("No value differs.\n")


@pytest.mark.parametrize("other", ["teclistamab/US/2026-03/mono", "no-such-policy", "nowhere.toml"])
def test_a_policy_is_compared_with_a_policy_only(other: str, capsys: pytest.CaptureFixture[str]):
    status, out, err = diff(capsys, "default", other)
    assert (status, out) == (2, "") and "is no policy" in err


def test_a_policy_that_cannot_be_loaded_is_refused(own: Path, capsys: pytest.CaptureFixture[str]):
    own.write_text(own.read_text().replace('"triage.fever_c" = "lower"', ""), encoding="utf-8")
    status, out, err = diff(capsys, "default", own)
    assert (status, out) == (2, "") and "no direction" in err
