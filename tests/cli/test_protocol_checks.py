"""`handrail protocols check`: each check of amounts, spans, dates, caution and units names the failure that is planted for it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from handrail.cli import care_checks, protocol_checks, protocols, setting_checks
from handrail.rules import protocol as rules
from handrail.rules.protocol import load_text
from tests.support.planted_care import PLANTED_CARE
from tests.support.planted_labels import PLANTED_LABELS
from tests.support.planted_setting import PLANTED_SETTING

pytestmark = pytest.mark.slow

ELRA, SCALE = "products/elranatamab_us_2023-08.toml", "scales/astct-2019.toml"

# The file, what is changed in a copy of it, the problems: words of the sentence and the place.
PLANTED = [
    *PLANTED_LABELS,
    *PLANTED_CARE,
    *PLANTED_SETTING,
    # the edition of a scale
    (SCALE, 'edition = "2019"', 'edition = "first"', ["The edition is the year of the definition (at edition)"]),
    (SCALE, 'edition = "2019"', 'edition = "2018"', ["The id ends with the edition (at id)"]),
]


def planted(file: str, before: str, after: str, folder: Path) -> Path:
    text = (protocols.SHIPPED / file).read_text()
    assert before in text
    copy = folder / "planted.toml"
    copy.write_text(text.replace(before, after, 1))
    return copy


@pytest.mark.parametrize(("file", "before", "after", "expected"), PLANTED)
def test_a_planted_failure_is_named_with_its_place(
    file: str, before: str, after: str, expected: list[str], tmp_path: Path
) -> None:
    problems = protocols.check([planted(file, before, after, tmp_path)])
    assert len(problems) == len(expected), problems
    for problem, words in zip(problems, expected, strict=True):
        sentence, _, place = words.partition(" (at ")
        assert sentence in problem
        assert not place or f"(at {place.removesuffix(')')})" in problem


@pytest.mark.parametrize("file", sorted({file for file, *_ in PLANTED}))
def test_the_file_as_shipped_has_none_of_them(file: str) -> None:
    assert protocols.check([protocols.SHIPPED / file]) == []


def test_every_sentence_of_the_checks_has_its_planted_failure(tmp_path: Path) -> None:
    said = " ".join(p for row in PLANTED for p in protocols.check([planted(*row[:3], tmp_path)]))
    said += " ".join(protocols.check([undated(tmp_path)]))
    patterns = [
        ".*?".join(re.escape(str(part.value)) for part in parts if isinstance(part, ast.Constant))
        for module in (protocol_checks, care_checks, setting_checks)
        for node in ast.walk(ast.parse(Path(module.__file__ or "").read_text()))
        if isinstance(node, ast.Yield) and isinstance(node.value, (ast.Constant, ast.JoinedStr))
        for parts in [node.value.values if isinstance(node.value, ast.JoinedStr) else [node.value]]
    ]
    assert len(patterns) > 40
    assert [pattern for pattern in patterns if not re.search(pattern, said)] == []


def undated(folder: Path) -> Path:
    """A copy of a label none of whose sources says which edition was read."""
    text = (protocols.SHIPPED / ELRA).read_text()
    copy = folder / "undated.toml"
    head, _, rest = text.partition("[sources.")
    copy.write_text(head + "[sources." + re.sub(r'^(date|revision) = ".*"\n', "", rest, flags=re.MULTILINE))
    return copy


def test_an_edition_is_named(tmp_path: Path) -> None:
    [problem] = protocols.check([undated(tmp_path)])
    assert "No row that may act names an edition" in problem and "(at sources)" in problem


def test_all_days_are_answered_by_one_row_and_steps_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loader refuses holes, overlaps and unknown steps; the command looks at every day again by itself."""
    protocol = load_text((protocols.SHIPPED / ELRA).read_bytes())
    key = ("step_up_2", "weekly")
    rows = protocol.gap_rows(*key)
    for found, number in ((rows[:-1], 0), ((*rows, rows[-1]), 2)):
        protocol._gaps[key] = found  # type: ignore[index]
        day = rows[-1].from_day
        assert protocols._check_protocol(protocol) == [
            f"After step_up_2, weekly: {number} rows for day {day} (at gap)."
        ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {'superseded_by = "elranatamab/US/2025-07"': 'superseded_by = "elranatamab/US/2099"'},
            "there is no successor",
        ),
        ({'superseded_by = "elranatamab/US/2025-07"': 'superseded_by = "elranatamab/US/2023-08"'}, "is not newer"),
        ({'superseded_by = "elranatamab/US/2025-07"': 'superseded_by = "elranatamab/EU/2024"'}, "of something else"),
        ({"2023-08": "2023-09"}, "no file is called after product, jurisdiction and revision"),
        ({"aliases = [": 'aliases = ["elranatamab/US/2025-07", '}, "Two protocols are called elranatamab/US/2025-07"),
    ],
)
def test_the_shipped_files_fit_together(
    changes: dict[str, str], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in (protocols.SHIPPED / "products").glob("elranatamab*.toml"):
        text = file.read_text()
        if file.name == "elranatamab_us_2023-08.toml":
            for before, after in changes.items():
                assert before in text
                text = text.replace(before, after)
        (tmp_path / file.name).write_text(text)
    monkeypatch.setattr(rules, "FOLDER", tmp_path)
    monkeypatch.setattr(protocols, "FOLDER", tmp_path)
    rules.catalogue.cache_clear()
    try:
        [found] = protocols._check_catalogue()
    finally:
        rules.catalogue.cache_clear()
    assert problem in found
