"""The grid that the documents publish is what `handrail assess --lines` answers, for every label, step and run of days."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from handrail.rules.protocol import Protocol, catalogue
from tests.support.courses import instant, well
from tests.support.label_courses import on_their_days

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
GRID = ROOT / "docs" / "reference" / "grid"
LABELS = ROOT / "docs" / "labels"


def published(protocol: Protocol) -> list[dict[str, str]]:
    """The lines of the CSV in the documents."""
    with (GRID / f"{protocol.key.replace('/', '_').lower()}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def asked(protocol: Protocol, lines: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
    """One line for `assess` on the first and the last day of each run: every dose on its day, and everything else normal."""
    for number, line in enumerate(lines):
        for day in sorted({int(line["from_day"]), int(line["to_day"])}):
            told, on = on_their_days(protocol, line["schedule"], line["last_dose"])
            visit = on + timedelta(days=day)
            well(told, f"{visit} 10:00")
            yield {
                "id": f"{number} day {day}",
                "course": told.file(),
                "at": instant(f"{visit} 11:00").isoformat(),
            }


def answered(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the real command prints for these lines."""
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    run = subprocess.run(
        [sys.executable, "-m", "handrail.cli", "assess", "--lines"],
        input=text, capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    return [json.loads(line) for line in run.stdout.splitlines()]


@pytest.mark.parametrize("protocol", catalogue(), ids=lambda protocol: protocol.key)
def test_the_published_grid_is_what_the_command_answers(protocol: Protocol):
    lines = published(protocol)
    questions = list(asked(protocol, lines))
    answers = answered(questions)
    assert [answer["id"] for answer in answers] == [question["id"] for question in questions]
    for answer in answers:
        line, dose = lines[int(answer["id"].split()[0])], answer["next_dose"]
        would = dose["would_be"] or {}
        words = " ".join(filter(None, (would.get("action"), would.get("step"))))
        said = (dose["action"], dose["step"] or "", dose["row"], dose["status"], words)
        assert said == (line["action"], line["step"], line["row"], line["status"], line["would_be"]), answer["id"]


def test_every_label_has_its_grid_and_the_documents_lead_to_it():
    names = {protocol.key.replace("/", "_").lower() for protocol in catalogue()}
    assert {file.stem for file in GRID.glob("*.csv")} == names
    index = (LABELS / "index.md").read_text()
    for name in names:
        assert f"(../reference/grid/{name}.csv)" in index
        assert f"(../reference/grid/{name}.csv)" in (LABELS / f"{name}.md").read_text()


@pytest.mark.parametrize("protocol", catalogue(), ids=lambda protocol: protocol.key)
def test_the_published_grid_has_every_day_of_every_step_on_every_schedule(protocol: Protocol):
    days: dict[tuple[str, str], list[int]] = {}
    for line in published(protocol):
        place = days.setdefault((line["schedule"], line["last_dose"]), [])
        place.extend(range(int(line["from_day"]), int(line["to_day"]) + 1))
        assert line["protocol"] == protocol.key
    assert set(days) == {(schedule, step) for schedule in protocol.schedules for step in protocol.steps_of(schedule)}
    assert all(found == list(range(401)) for found in days.values())
