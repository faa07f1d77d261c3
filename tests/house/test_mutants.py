"""The mutation testing itself: what is changed, what counts as killed, and a planted survivor that makes it fail."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.house.tree import ROOT
from tools import mutants
from tools.mutation import choosing, code, data, memory, shipped
from tools.mutation.code import CodeMutant
from tools.mutation.data import DataMutant
from tools.mutation.runner import STANDING, TABLES, Verdict

ELRA = "products/elranatamab_us_2023-08.toml"


def edge(file: str = "rules/redosing.py", change: str = "days < 0 -> days <= 0") -> CodeMutant:
    was, becomes = change.split(" -> ")
    return CodeMutant(file, "redosing", "edge", was, becomes, 1, (1,), 0, 0)


# --- what is changed ------------------------------------------------------------------------------------------------


def test_every_comparison_of_a_file_has_its_mutant():
    changes = {(m.function, m.kind, m.change) for m in code.mutants_of("rules/redosing.py")}
    assert ("redosing", "edge", "days < 0 -> days <= 0") in changes
    assert ("redosing", "edge", "days > limit -> days >= limit") in changes
    assert ("_covers", "edge", "row.from_day <= days -> row.from_day < days") in changes
    assert ("_covers", "edge", "days <= row.to_day -> days < row.to_day") in changes
    assert ("redosing", "opposite", "cause == ADVERSE_REACTION -> cause != ADVERSE_REACTION") in changes


def test_two_equal_changes_in_one_function_have_two_names():
    every = [m for file in code.files() for m in code.mutants_of(file)]
    assert len({(m.where, m.change) for m in every}) == len(every)


def test_a_changed_value_of_a_module_is_asked_of_the_tests_that_run_what_uses_it():
    (mutant,) = [m for m in code.mutants_of("rules/assess.py") if "number=13" in m.change and "number=14" in m.change]
    used = [
        number
        for number, line in enumerate((code.SOURCE / "handrail" / mutant.file).read_text().splitlines(), start=1)
        if "_HANDED[" in line  # which holds the changed `_SENT`
    ]
    assert used and set(used) < set(mutant.lines)


def test_a_changed_value_changes_what_the_module_makes_of_it():
    (mutant,) = [m for m in code.mutants_of("rules/assess.py") if "number=13" in m.change and "number=14" in m.change]
    planted = (
        "from tools.mutation import code; from handrail.rules import assess\n"
        f"code.plant([m for m in code.mutants_of({mutant.file!r}) if m.change == {mutant.change!r}][0])\n"
        "print([state.number for state in assess._HANDED.values()])"
    )
    said = subprocess.run([sys.executable, "-c", planted], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[14, 14, 14, 15, 16]"


def test_the_files_that_decide_are_all_there_and_the_ones_that_only_show_are_not():
    assert {"rules/redosing.py", "rules/nextdose.py", "rules/triage.py", "rules/grading_crs.py"} <= set(code.files())
    assert "rules/label_book.py" not in code.files()
    assert all((code.RULES / f"{name}.py").exists() for name in code.SHOWN)


def test_what_may_harm_most_is_judged_first():
    kinds_and_files = [
        ("logic", "rules/packet.py"),
        ("logic", "rules/redosing.py"),
        ("number", "products/elranatamab_us_2023-08.toml"),
        ("edge", "rules/texting.py"),
        ("edge", "rules/nextdose.py"),
    ]
    every = [CodeMutant(file, "f", kind, "a", "b", 1, (1,), 0, 0) for kind, file in kinds_and_files]
    assert [(m.kind, m.file) for m in sorted(every, key=mutants.harm)] == kinds_and_files[::-1]
    assert [name for name in code.FIRST if f"rules/{name}.py" not in code.files()] == []


def test_each_number_of_a_file_goes_up_and_down_by_one():
    changes = {m.change for m in data.mutants_of(ELRA)}
    assert {"gap.L1.to_day 14 -> 15", "gap.L1.to_day 14 -> 13"} <= changes  # days
    assert {"step.STEP-2.mg 32 -> 33", "step.STEP-2.ml 0.8 -> 0.7"} <= changes  # a decimal by its last digit
    assert {"monitoring.MON-1.hours 48 -> 47", "after_toxicity.ANC.below 0.5 -> 0.6"} <= changes
    assert {
        "interval_change.Q2W.min_weeks_since_first_dose 24 -> 25",
        "after_toxicity.CRS-4.grades.0 4 -> 3",
    } <= changes
    assert not any(".date" in change or "revision" in change for change in changes)
    policy = {m.change for m in data.mutants_of("policies/default-1.toml")}
    assert "watch.phase.risk_window.times.1 08:00 -> 08:01" in policy
    billing = {m.change for m in data.mutants_of("codes/billing.toml")}
    assert "unit.talquetamab.since 2024-04-01 -> 2024-04-02" in billing


def test_a_boundary_moves_every_row_that_meets_there():
    moved = {m.place: m for m in data.mutants_of(ELRA) if m.kind == "boundary" and m.becomes == "43"}
    (mutant,) = moved.values()
    assert mutant.place == "gap.L6+L6-Q2W|L7"  # weekly and every two weeks share the row that begins on day 43
    assert sorted(value for _, value in mutant.nudges) == [43, 43, 44]


def test_a_nudged_file_is_read_nudged_and_only_while_it_is_planted():
    (mutant,) = [m for m in data.mutants_of(ELRA) if m.change == "gap.L2.from_day 15 -> 16"]
    text = (data.PROTOCOLS / ELRA).read_text()
    before = data.document_of(ELRA)
    try:
        with data.planted(mutant):
            assert next(row for row in data.tomllib.loads(text)["gap"] if row["id"] == "L2")["from_day"] == 16
            assert data.tomllib.loads("a = 1") == {"a": 1}
        assert next(row for row in data.tomllib.loads(text)["gap"] if row["id"] == "L2")["from_day"] == 15
    finally:
        data.document_of.cache_clear()
    assert data.document_of(ELRA) != before


def test_an_object_that_tests_hold_says_what_the_new_one_says():
    from handrail.rules.protocol import load_text

    text = (data.PROTOCOLS / ELRA).read_text()
    old, new = (
        load_text(text),
        load_text(text.replace("from_day = 85", "from_day = 86").replace("to_day = 84", "to_day = 85")),
    )
    row = old.gap_rows("treatment", "weekly")[-1]
    data.overwrite(old, new)
    assert row.from_day == 86 and old.gap_rows("treatment", "weekly")[-1] is row


@pytest.mark.parametrize("file", data.files())
def test_every_file_of_the_data_is_read_as_the_rules_read_it(file: str):
    assert type(shipped.loaded(file)) is type(shipped.read_again(file))


# --- what counts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # who noticed | listed as equal | complete run | words of the problem
    ("by", "listed", "complete", "problem"),
    [
        ("tests/spec/test_x.py::test_y", None, True, None),
        (None, None, True, "a edge survives: rules/redosing.py redosing: days < 0 -> days <= 0"),
        (None, "days < 0 -> days <= 0", True, None),
        ("loader", "days < 0 -> days <= 0", True, "listed as equal, yet loader notices it"),
        ("loader", "days < 0 -> *", True, None),
        ("loader", "gone -> away", True, "yet there is no such mutant"),
        ("loader", "gone -> away", False, None),
    ],
)
def test_what_fails_a_run(by: str | None, listed: str | None, complete: bool, problem: str | None):
    rows = (
        [mutants.Listed("rules/redosing.py redosing", listed, "no date lies before itself, so both agree")]
        if listed
        else []
    )
    found = mutants.problems([Verdict(edge(), by, 0.1)], rows, complete=complete)
    assert len(found) == (1 if problem else 0)
    assert all(str(problem) in line for line in found)


def test_the_score_leaves_out_what_is_listed_and_not_what_merely_survives():
    verdicts = [Verdict(edge(change=f"a < {n} -> a <= {n}"), "x" if n > 2 else None, 0.1) for n in range(10)]
    listed = [mutants.Listed("rules/*", "a < 0 -> a <= 0", "a is never zero in any file that loads")]
    result = mutants.score(verdicts, listed)
    assert (result.killed, len(result.survived), result.equivalent) == (7, 2, 1)
    assert str(result) == "7 of 9 killed, 77.8 %; 1 listed as equal"


def test_a_row_of_the_list_has_its_proof(tmp_path: Path):
    file = tmp_path / "list.toml"
    file.write_text('[[equivalent]]\nwhere = "a"\nchange = "b"\nproof = "trust me"\n')
    with pytest.raises(ValueError, match="the proof is missing"):
        mutants.read_list(file)


def test_every_row_of_the_shipped_list_is_about_a_mutant_that_exists():
    every: list[CodeMutant | DataMutant] = [m for file in code.files() for m in code.mutants_of(file)]
    every += [m for file in data.files() for m in data.mutants_of(file)]
    assert [row for row in mutants.read_list() if not any(row.fits(mutant) for mutant in every)] == []


def test_no_test_of_a_rendering_counts():
    assert [table for table in TABLES if "book" in table or "cli" in table or "grid" in table] == []


# --- what a run leaves for the next one -------------------------------------------------------------------------------


def item(path: Path, name: str, **given: str) -> Any:
    return SimpleNamespace(nodeid=f"{path.name}::{name}", path=path, callspec=SimpleNamespace(params=given))


@pytest.mark.parametrize(
    # who noticed | seconds it had to survive, then and now | the file of that test is as it was | the verdict stands
    ("by", "then", "now", "unchanged", "stands"),
    [
        ("test_a.py::test_x", 8, 8, True, True),
        ("test_a.py::test_x", 1, 8, True, True),
        ("test_a.py::test_x", 8, 8, False, False),
        ("test_gone.py::test_x", 8, 8, True, False),
        ("loader", 8, 8, False, True),  # no test was needed
        (None, 8, 8, True, True),
        (None, 8, 8, False, False),  # the new row may be the one that notices it
        (None, 1, 8, True, False),
        (None, 8, 1, True, True),
    ],
)
def test_a_verdict_stands_while_everything_that_decided_it_is_as_it_was(
    tmp_path: Path, by: str | None, then: float, now: float, unchanged: bool, stands: bool
):
    tests, ledger = tmp_path / "test_a.py", tmp_path / "ledger.jsonl"
    tests.write_text("def test_x(): ...")
    row = {"mutant": memory.identity(edge()), "by": "loader", "mark": "another time", "seconds": 8}
    ledger.write_text(json.dumps(row) + "\n")
    memory.Ledger(ledger, [item(tests, "test_x")], then).keep(edge(), by)  # the later line counts
    memory.test_mark.cache_clear()
    if not unchanged:
        tests.write_text("def test_x(): assert True")
    kept = memory.Ledger(ledger, [item(tests, "test_x")], now).kept(edge())
    assert kept is not None and (kept.by, kept.stands) == (by, stands)


def test_what_was_caught_late_is_asked_first_of_whoever_starts_anew(tmp_path: Path):
    tests, file = tmp_path / "test_a.py", tmp_path / "late.tsv"
    tests.write_text("def test_x(): ...")
    file.write_text("gone: edge: a -> b\ttest_a.py::test_x\n")
    late, soon = edge(), edge(change="days > limit -> days >= limit")
    ledger = memory.Ledger(tmp_path / "ledger.jsonl", [item(tests, "test_x"), item(tests, "test_y")], 8)
    ledger.keep(late, "test_a.py::test_x", late=True)
    ledger.keep(late, "test_a.py::test_x")  # asked first, it was quick
    ledger.keep(soon, "test_a.py::test_x", late=True)
    ledger.keep(soon, "test_a.py::test_y")  # another test is quick by itself
    assert memory.note_late(ledger.late(), [memory.identity(late), memory.identity(soon)], file) == 1
    assert memory.late_hints(file) == {memory.identity(late): "test_a.py::test_x"}
    assert memory.late_hints(tmp_path / "nothing") == {}


def test_a_mutant_that_nobody_judged_has_no_verdict(tmp_path: Path):
    assert memory.Ledger(tmp_path / "ledger.jsonl", [], 8).kept(edge()) is None


# --- what a test reaches ----------------------------------------------------------------------------------------------


MARKED_AND_TRACED = """
import sys
from datetime import date
from tools.mutation import code
from tools.mutation.marks import Marks
from handrail.rules import protocol, redosing
label = protocol.load("elranatamab/US/2023-08")
def work():
    protocol._named.cache_clear()
    for name in (label.key, "nobody/US/2000"):
        try:
            redosing.redosing(protocol.load(name), last_step="step_up_1", schedule="weekly", last_on=date(2026, 1, 5),
                              today=date(2026, 2, 15), cause=None)
        except ValueError:
            pass
ran = {"rules/redosing.py": set(), "rules/protocol.py": set()}
def trace(frame, event, argument):
    file = "rules/" + frame.f_code.co_filename.rsplit("/", 1)[-1]
    if file in ran:
        ran[file].add(frame.f_lineno)
    return trace
sys.settrace(trace)
work()
sys.settrace(None)
marks = Marks(ran)
work()
found, labels = marks.lines(), list(marks.labels)
marks.clear()
print(labels, marks.lines(), marks.labels)
for file in ran:
    of_trace = {m for m in code.mutants_of(file) if ran[file] & set(m.lines)}
    of_marks = {m for m in code.mutants_of(file) if found[file] & set(m.lines)}
    print(len(of_trace) > 10, sorted(m.change for m in of_trace ^ of_marks))
"""


def test_marks_say_of_every_mutant_what_a_trace_says():
    command = [sys.executable, "-c", MARKED_AND_TRACED]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said == ["['elranatamab/US/2023-08', 'nobody/US/2000'] {} []", "True []", "True []"]


def test_what_is_not_forgotten_before_a_mutant_holds_nothing_that_could_be_one():
    found = [
        (file, node.name)
        for file in code.files()
        for node in ast.walk(ast.parse((code.SOURCE / "handrail" / file).read_text()))
        if isinstance(node, ast.FunctionDef) and node.name in STANDING
    ]
    assert {name for _, name in found} == STANDING
    assert [m for file, name in found for m in code.mutants_of(file) if m.function == name] == []


def chooser(tmp_path: Path, *names: tuple[str, str]) -> choosing.Chooser:
    path = tmp_path / "test_a.py"
    path.write_text("")
    reach = [memory.Reach(lines={"rules/redosing.py": {1}}, labels={"*"}, seconds=1.0) for _ in names]
    return choosing.Chooser([item(path, name, line=given) for name, given in names], reach)


def test_the_test_that_speaks_of_the_changed_row_is_asked_first_and_no_more_than_there_is_time_for(tmp_path: Path):
    (moved,) = [m for m in data.mutants_of(ELRA) if m.change == "gap.L2.from_day 15 -> 16"]
    asked = chooser(tmp_path, ("test_x[0]", "L4"), ("test_x[1]", "L3"), ("test_x[2]", "from L2 on"), ("test_y", ""))
    assert asked.order(moved, 2.5)[0] == 2
    assert len(asked.order(moved, 2.5)) == 3


def test_the_test_that_noticed_it_last_time_comes_before_those_that_noticed_its_neighbours(tmp_path: Path):
    asked = chooser(tmp_path, ("test_x", ""), ("test_y", ""), ("test_z", ""))
    asked.remember(edge(), "test_a.py::test_z")
    assert asked.order(edge(), 2.5)[0] == 2
    assert asked.order(edge(), 2.5, "test_a.py::test_y")[:2] == [1, 2]


# --- a run ----------------------------------------------------------------------------------------------------------


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "tools/mutants.py", *options, "--workers", "1"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.slow
def test_a_small_sample_is_killed():
    tables = [
        f"tests/spec/{name}.py" for name in ("test_next_dose_elranatamab", "test_label_days", "test_label_amounts")
    ]
    finished = run("data", "--only", "elranatamab_us_2023", "--sample", "1000", "--tests", *tables, "--word", "gap.L")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "label data: " in finished.stdout and " 100.0 %" in finished.stdout


@pytest.mark.slow
def test_a_planted_survivor_fails_the_run(tmp_path: Path):
    weak = tmp_path / "test_weak.py"
    weak.write_text(
        "from datetime import date\n"
        "from handrail.rules.protocol import load\n"
        "from handrail.rules.redosing import redosing\n"
        "def test_day_ten():\n"
        "    last, today = date(2026, 1, 5), date(2026, 1, 15)\n"
        "    answer = redosing(load('elranatamab/US/2023-08'), last_step='step_up_1', schedule='weekly',\n"
        "                      last_on=last, today=today, cause=None)\n"
        "    assert answer.row.id == 'L1'\n"
    )
    finished = run(
        "code", "data", "--only", "redosing", "elranatamab_us_2023", "--tests", str(weak), "--word", "days", "L1|L2"
    )
    assert finished.returncode == 1, finished.stdout + finished.stderr
    assert "a edge survives: rules/redosing.py _covers: days <= row.to_day -> days < row.to_day" in finished.stdout
    assert "a boundary survives: products/elranatamab_us_2023-08.toml: gap.L1|L2 14 -> 15" in finished.stdout


@pytest.mark.slow
def test_tests_that_fail_without_a_change_stop_the_run(tmp_path: Path):
    broken = tmp_path / "test_broken.py"
    broken.write_text("def test_it():\n    assert False\n")
    finished = run("data", "--only", "elranatamab_us_2023", "--sample", "1", "--tests", str(broken))
    assert finished.returncode == 2
    assert "without a change" in finished.stderr
