"""`handrail protocols diff A B`: what a newer revision adds, removes and changes, and on which days it answers differently."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from handrail.cli import main
from handrail.cli.protocols import SHIPPED
from handrail.rules.protocol import catalogue, load_text
from handrail.rules.protocol_diff import diff_of

pytestmark = pytest.mark.slow

OLD, NEW = "elranatamab/US/2023-08", "elranatamab/US/2025-07"
FILE = SHIPPED / "products" / "elranatamab_us_2023-08.toml"


def edited(*changes: tuple[str, str]) -> Any:
    """What differs after these changes of the text of one label."""
    text = FILE.read_text()
    after = text
    for old, new in changes:
        assert old in after
        after = after.replace(old, new, 1)
    return diff_of(load_text(text), load_text(after))


@pytest.mark.parametrize("protocol", catalogue(), ids=lambda protocol: protocol.key)
def test_a_revision_does_not_differ_from_itself(protocol: Any) -> None:
    assert diff_of(protocol, protocol).same


def test_a_changed_value_is_named_with_both_values_and_its_days() -> None:
    diff = edited(
        ("from_day = 29\naction", "from_day = 30\naction"),
        ("from_day = 15\nto_day = 28", "from_day = 15\nto_day = 29"),
    )
    assert [(c.kind, c.table, c.row_id, dict(c.fields), c.value) for c in diff.rows] == [
        ("changed", "gap", "L4", {"to_day": (28, 29)}, True),
        ("changed", "gap", "L5", {"from_day": (29, 30)}, True),
    ]
    repeat = "repeat step-up dose 2 (then first treatment dose 7 days later, premedicate)"
    [weekly, _] = diff.days
    assert (weekly.step, weekly.schedule, weekly.from_day, weekly.to_day) == ("step_up_2", "weekly", 29, 29)
    assert (weekly.before, weekly.after) == ("restart step-up dose 1 (premedicate)", repeat)


def test_a_status_and_a_source_are_told_apart_from_values() -> None:
    rows = 'words = "more than 14 days after step-up dose 1: restart at step-up dose 1"\nsource = ["S21"]\nstatus = "sourced"'
    diff = edited((rows, rows.replace('"S21"', '"S25"').replace("sourced", "unverified")))
    [change] = diff.rows
    assert (change.row_id, sorted(change.fields), change.value, change.raised) == (
        "L2",
        ["source", "status"],
        False,
        False,
    )
    assert [(day.from_day, day.to_day, day.after) for day in diff.days][:1] == [
        (15, None, "ask (not verified: restart step-up dose 1 (premedicate))")
    ]
    back = diff_of(diff.after, diff.before)
    assert [change.raised for change in back.rows] == [True]


def test_rows_are_added_and_removed() -> None:
    text = FILE.read_text()
    start = text.index('[[warning]]\nid = "W-PREG"')
    without = text[:start] + text[text.index("[[", start + 5) :] if "[[" in text[start + 5 :] else text[:start]
    other = (
        without
        + '[[warning]]\nid = "W-NEW"\ncheck = "made_up"\nwords = "made up"\nsource = ["S21"]\nstatus = "secondary"\n'
    )
    before, after = load_text(text), load_text(other)
    assert [(c.kind, c.row_id) for c in diff_of(before, after).rows if c.table == "warning"] == [
        ("removed", "W-PREG"),
        ("added", "W-NEW"),
    ]
    assert diff_of(before, after).days == ()


def test_a_row_with_another_id_is_found_at_its_place() -> None:
    [change] = edited(('id = "L5"', 'id = "RESTART"')).rows
    assert (change.kind, change.row_id, dict(change.fields)) == ("changed", "RESTART", {"id": ("L5", "RESTART")})


def test_a_changed_source_is_named() -> None:
    diff = edited(('date = "2024-01-08"', 'date = "2024-02-08"'))
    [(kind, key, before, after)] = diff.sources
    assert (kind, key) == ("changed", "S21")
    assert "2024-01-08" in (before or "") and "2024-02-08" in (after or "")
    assert diff.rows == () and not diff.same


def test_the_text_shows_both_revisions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "diff", OLD, NEW]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"before: {OLD} ") and lines[1].startswith(f"after:  {NEW} ")
    assert lines[2] == "4 added, 5 removed, 6 changed; 0 with a higher status"
    first = lines.index("  days 4 to 14 after step-up dose 1 (weekly), step-up dose 1 (every 2 weeks):")
    assert lines[first + 1].startswith("      - give step-up dose 2") and lines[first + 2] == "      + ask"
    assert "- L2: more than 14 days after step-up dose 1: restart at step-up dose 1  [S21; sourced]" in lines
    status = lines.index("      status:")
    assert lines[status + 1 : status + 3] == ["        - sourced", "        + unverified"]


def test_json_holds_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "diff", OLD, NEW, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["format"], found["before"]["key"], found["after"]["key"]) == ("handrail-protocol-diff/1", OLD, NEW)
    kinds = [row["kind"] for row in found["rows"]]
    assert [kinds.count(kind) for kind in ("added", "removed", "changed")] == [4, 5, 6]
    late = next(row for row in found["rows"] if row["id"] == "SUD1-LATE")
    assert late["fields"]["status"] == {"before": "sourced", "after": "unverified"}
    assert late["fields"]["then"]["before"] == {"step": "first_treatment", "after_days": 4}
    assert (late["value_changed"], late["status_raised"]) == (True, False)
    gone = next(row for row in found["rows"] if row["id"] == "L5")
    assert gone["before"]["from_day"] == 29 and "after" not in gone
    assert {name: found["days"][1][name] for name in ("step", "schedule", "from_day", "to_day")} == {
        "step": "step_up_1",
        "schedule": "weekly",
        "from_day": 15,
        "to_day": None,
    }


@pytest.mark.parametrize("product", sorted({protocol.product.product for protocol in catalogue()}))
def test_every_two_labels_of_a_product_can_be_compared(product: str, capsys: pytest.CaptureFixture[str]) -> None:
    labels = [protocol.key for protocol in catalogue() if protocol.product.product == product]
    for one, other in pairwise([*labels, labels[0]]):
        assert main(["protocols", "diff", one, other]) == 0
        assert main(["protocols", "diff", one, other, "--json"]) == 0
    assert capsys.readouterr().out.count("before: ") == len(labels)


def test_a_file_can_be_compared_with_what_is_shipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "mine.toml"
    copy.write_text(FILE.read_text().replace('mg = "32"', 'mg = "31"'))
    assert main(["protocols", "diff", OLD, str(copy)]) == 0
    assert "        - 32\n        + 31\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([OLD], "Name two protocols to compare; `handrail protocols list` names them."),
        ([OLD, NEW, OLD], "Name two protocols to compare; `handrail protocols list` names them."),
        ([OLD, "examplamab/US/2026"], "There is no protocol 'examplamab/US/2026' (at protocol_key)."),
        ([OLD, "gone.toml"], "The file cannot be read: No such file or directory (at gone.toml)."),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    names: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["protocols", "diff", *names]) == 2
    assert capsys.readouterr().err == sentence + "\n"
