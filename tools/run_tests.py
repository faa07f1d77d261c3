"""Run the checks and the tests, and end with one honest line: `N passed, N failed, N skipped`.

usage: python tools/run_tests.py quick   # `make check`: checks, the tables of the rules, the house's own tests, and what the change touches
       python tools/run_tests.py fast    # `make fast`: checks, and every test without a browser, a server or a killed process
       python tools/run_tests.py all     # `make test`: all of it, and the tests that touch a database again on PostgreSQL

The exit status is 0 only when every check and every test passed and at least one test ran.
"""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # started as a file, Python looks beside it only

from tools.touched import ALWAYS, changed, touched

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
NOTHING_COLLECTED = 5  # pytest's exit status when no test was selected
# Every process of a run reads what the first one compiled, also where the machine is told to leave no compiled files beside the sources.
COMPILED = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(ROOT / ".venv" / "compiled")}
FAST = "not (browser or postgres or drill or slow)"
BOTH_CORES = ["-n", "2", "--dist", "loadscope"]
HURRIED = ["tests/jobs", "tests/drills"]  # they measure time: nothing else runs beside them
ON_SQLITE, ON_POSTGRES = {"HANDRAIL_TEST_DATABASE": "sqlite"}, {"HANDRAIL_TEST_DATABASE": "postgres"}
PROPERTIES = "properties"
Command = list[str]
Run = tuple[str, list[str], dict[str, str]]
"""Its name, what pytest is told, and the environment."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many tests ended how."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)


def templates() -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / "src").glob("**/templates/**/*.html"))


def checks(*, everything: bool) -> dict[str, Command]:
    """What is read instead of run: name and command."""
    found = {
        "ruff check": [str(BIN / "ruff"), "check", "--quiet", "."],
        "ruff format": [str(BIN / "ruff"), "format", "--check", "--quiet", "."],
        "clock": [sys.executable, "tools/check_clock.py"],
        "fence": [str(BIN / "lint-imports"), "--no-cache"],
        "mypy": [str(BIN / "mypy")],
        "migrations": [sys.executable, "-m", "handrail.config.manage", "makemigrations", "--check", "--dry-run"],
    }
    if pages := templates():
        found["djade"] = [str(BIN / "djade"), "--check", "--target-version", "5.2", *pages]
    if everything:
        found["docs"] = [str(BIN / "zensical"), "build", "--clean", "--strict"]
    return found


def run_checks(commands: dict[str, Command]) -> list[tuple[str, float, str]]:
    """Run each check; return name, seconds and, for one that failed, what it printed."""
    results = []
    with tempfile.TemporaryDirectory(prefix="handrail-checks-") as folder:
        # Checks that load Django must neither find nor leave a database in the project.
        address = f"sqlite:///{Path(folder) / 'handrail.db'}"
        environment = {**os.environ, **COMPILED, "HANDRAIL_MODE": "test", "HANDRAIL_DATABASE_URL": address}
        for name, command in commands.items():
            started = time.monotonic()
            finished = subprocess.run(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            said = (finished.stdout + finished.stderr).strip() or f"exit status {finished.returncode}"
            results.append((name, time.monotonic() - started, said if finished.returncode else ""))
    return results


def run_tests(name: str, options: list[str], environment: dict[str, str] | None = None) -> tuple[Count, bool]:
    """Run pytest once; return its count and whether the run itself went well."""
    print(f"\n=== {name}", flush=True)
    with tempfile.TemporaryDirectory(prefix="handrail-report-") as folder:
        report = Path(folder) / "report.xml"
        finished = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", f"--junit-xml={report}", *options],
            cwd=ROOT,
            env={**os.environ, **COMPILED, **(environment or {})},
            stdin=subprocess.DEVNULL,
            check=False,
        )
        count = read_report(report)
    return count, finished.returncode in (0, NOTHING_COLLECTED)


def read_report(report: Path) -> Count:
    if not report.exists():
        return Count()
    passed = failed = skipped = 0
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        total, wrong, left = (
            int(suite.get("tests", 0)),
            int(suite.get("failures", 0)) + int(suite.get("errors", 0)),
            int(suite.get("skipped", 0)),
        )
        passed, failed, skipped = passed + total - wrong - left, failed + wrong, skipped + left
    return Count(passed, failed, skipped)


def runs_of(*, everything: bool) -> list[Run]:
    """Every test without a browser, a server or a killed process; with `everything` also the others, and PostgreSQL."""
    # One process prints what the properties reached; the drills and the hurried nights measure time and have both cores.
    runs: list[Run] = [
        ("fast tests, on both cores", [*BOTH_CORES, "--ignore=tests/properties", "-m", FAST], ON_SQLITE),
        (PROPERTIES, ["tests/properties", "-m", FAST], ON_SQLITE),
    ]
    if everything:
        runs += [
            (
                "browser journeys and slow tests, on both cores",
                [*BOTH_CORES, *(f"--ignore={folder}" for folder in HURRIED), "-m", f"not postgres and not ({FAST})"],
                ON_SQLITE,
            ),
            (
                "drills and hurried nights",
                [*HURRIED, "-m", f"not postgres and not ({FAST})", "--durations=10"],
                ON_SQLITE,
            ),
            ("tests that touch a database, on PostgreSQL, on both cores", BOTH_CORES, ON_POSTGRES),
        ]
    return runs


def quick_runs() -> tuple[list[Run], str]:
    """The tables of the rules, the house's own tests and what the change touches; and the sentence that says what was left."""
    found = touched(ROOT, changed(ROOT))
    if found is None:
        said = (
            "The change touches what every test rests on, or git shows no change: every fast test ran, and no other. "
            "Before you offer the change: make test."
        )
        return runs_of(everything=False), said
    folders = [f"tests/{name}" for name in ALWAYS]
    name = f"the rules as tables, the house's own tests and {len(found.files)} files that the change touches, on both cores"
    said = (
        f"Only {', '.join(ALWAYS)} and {len(found.files)} test files that the change touches ran, "
        f"and of these nothing that is marked browser, postgres, drill or slow; {found.left} other files did not. "
        "Before you offer the change: make test."
    )
    return [(name, [*BOTH_CORES, *folders, *found.files, "-m", FAST], ON_SQLITE)], said


def main(arguments: list[str]) -> int:
    if arguments not in (["quick"], ["fast"], ["all"]):
        print(__doc__, file=sys.stderr)
        return 2
    everything = arguments == ["all"]
    runs, said = quick_runs() if arguments == ["quick"] else (runs_of(everything=everything), "")

    started = time.monotonic()
    total, well = Count(), True
    # The checks use the second core while the properties run on the first one; where no properties run, they share both with the tests.
    beside = next((run for run in runs if run[0] == PROPERTIES), runs[0])
    with ThreadPoolExecutor(max_workers=1) as second_core:
        for run in runs:
            if run is beside:
                reading = second_core.submit(run_checks, checks(everything=everything))
            count, went_well = run_tests(*run)
            total, well = total + count, well and went_well
        results = reading.result()

    print("\n=== checks")
    for name, seconds, wrong in results:
        print(f"{'FAILED' if wrong else 'ok':>6}  {name} ({seconds:.1f} s)")
    for name, _, wrong in results:
        if wrong:
            print(f"\n--- {name}\n{wrong}")
    if said:
        print(f"\n{said}")
    bad_checks = [name for name, _, wrong in results if wrong]
    print(f"\n{time.monotonic() - started:.0f} s", end="")
    print(f"; checks failed: {', '.join(bad_checks)}" if bad_checks else f"; all {len(results)} checks passed")
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped", flush=True)
    return 0 if well and not bad_checks and not total.failed and total.passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
