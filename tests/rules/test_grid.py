"""The grid is complete, says what the file says, and says what a patient would be told."""

import csv
import io
import tomllib
from pathlib import Path
from typing import Any

import pytest

from handrail.rules import protocol as protocols
from handrail.rules.grid import LAST_DAY, Run, grid_csv, runs
from handrail.rules.protocol import Protocol, catalogue
from tests.support.courses import Told, well

pytestmark = pytest.mark.slow

PROTOCOLS = [pytest.param(protocol, id=protocol.key) for protocol in catalogue()]
BY_KEY: dict[str, dict[str, Any]] = {}
for _file in Path(protocols.FOLDER).glob("*.toml"):
    _document = tomllib.loads(_file.read_text())
    BY_KEY[_document["product"]["key"]] = _document


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_day_after_every_step_stands_there_once(protocol: Protocol):
    days: dict[tuple[str, str], list[int]] = {}
    for run in runs(protocol):
        days.setdefault((run.schedule, run.last_dose), []).extend(range(run.from_day, run.to_day + 1))
    wanted = {(schedule, step) for schedule in protocol.schedules for step in protocol.steps_of(schedule)}
    assert set(days) == wanted
    assert all(found == list(range(LAST_DAY + 1)) for found in days.values())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_it_says_what_the_file_says(protocol: Protocol):
    """Read from the TOML itself, without the loader."""
    gap = BY_KEY[protocol.key]["gap"]
    for run in runs(protocol):
        for day in (run.from_day, run.to_day):
            (row,) = [row for row in gap if fits(row, run, day)]
            assert (run.row, run.status, run.source) == (row["id"], row["status"], " ".join(row["source"]))
            if row["status"] == "unverified":
                assert (run.action, run.step) == ("ask", "")
                assert run.would_be.split()[0] == row["action"]
                assert (run.withheld == "yes") == (row["action"] not in ("give", "continue"))
            else:
                assert (run.action, run.step, run.would_be) == (row["action"], step_of(row, run), "")


def step_of(row: dict[str, Any], run: Run) -> str:
    """The step that a row names; `next` is the one that follows in the file, and the last follows itself."""
    named: str = row.get("step", "")
    if named != "next":
        return named
    rows = [step for step in BY_KEY[run.protocol]["step"] if run.schedule in step.get("schedules", [run.schedule])]
    steps = [step["step"] for step in rows]
    return str([*steps, steps[-1]][steps.index(run.last_dose) + 1])


def fits(row: dict[str, Any], run: Run, day: int) -> bool:
    in_place = run.last_dose in row["last"] and run.schedule in row.get("schedules", [run.schedule])
    return in_place and row["from_day"] <= day <= row.get("to_day", LAST_DAY)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_csv_is_the_runs(protocol: Protocol):
    read = list(csv.DictReader(io.StringIO(grid_csv(protocol))))
    assert [(r["row"], r["from_day"], r["to_day"]) for r in read] == [
        (run.row, str(run.from_day), str(run.to_day)) for run in runs(protocol)
    ]
    assert len(grid_csv(protocol)) < 40_000


@pytest.mark.parametrize("protocol", [p for p in PROTOCOLS if "teclistamab/US/2026-03/mono" in p.id])
def test_a_patient_is_told_the_same_on_the_first_and_last_day_of_each_run(protocol: Protocol):
    """The same rows, through a course file and the whole of the rules."""
    from datetime import date, timedelta

    told = 0
    for run in runs(protocol):
        if run.last_dose != "step_up_1":
            continue
        for day in {run.from_day, min(run.to_day, 60)}:
            visit = date(2026, 3, 2) + timedelta(days=day)
            course = Told(protocol.key, schedule=run.schedule)
            course.dose("step_up_1", "2026-03-02 07:00")
            well(course, f"{visit} 08:00")
            answer = course.assess(f"{visit} 09:00").next_dose
            assert (answer.action.value, answer.step or "", answer.row) == (run.action, run.step, run.row), (day, run)
            told += 1
    assert told > 8
