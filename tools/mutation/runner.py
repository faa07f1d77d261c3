"""Run the tests against each mutant: everything is imported once, then one forked process a mutant stops at the first failure.

pytest collects as usual; this plugin takes over where it would run the tests. What a child changes ends with the child.
"""

from __future__ import annotations

import gc
import hashlib
import os
import pickle
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tools.mutation import code, data
from tools.mutation.code import CodeMutant
from tools.mutation.data import DataMutant
from tools.mutation.shipped import LOADERS, loaded, noticed, read_again

ROOT = Path(__file__).resolve().parents[2]
Mutant = CodeMutant | DataMutant

# Tables of behaviour, and nothing else. A test that compares a published document, a rendering or a checksum with the data would
# notice every change and prove nothing, so none of those is here.
TABLES = ["tests/spec", "tests/protocols", "tests/rules/test_forgotten_facts.py"]


MOST_SECONDS = 8.0
"""Of tests for one mutant, as measured under trace: some three seconds without."""

LEARNED_FROM = [
    f"{top}/{name}"
    for top, names in (("src/handrail", "rules protocols"), ("tests", "spec protocols rules support"))
    for name in names.split()
]

CONTROLS = 40
"""Tests that are run against a mutant that changes nothing, for each file of the data and once for the rules."""

LEARNED = ROOT / ".mutants" / "learned"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant; `by` names the test, `loader` or `check` that noticed it, None for a survivor."""

    mutant: Mutant
    by: str | None
    seconds: float


@dataclass(slots=True)
class Reach:
    """What one test runs: lines of the rules, labels that it loads, and how long it takes."""

    lines: dict[str, set[int]] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    seconds: float = 0.0


class Campaign:
    """The plugin: learns what each test reaches, then judges the mutants."""

    def __init__(
        self, mutants: Sequence[Mutant], workers: int, say: Callable[[str], None], *, whole: bool = True
    ) -> None:
        self.mutants, self.workers, self.say, self.whole = mutants, workers, say, whole
        self.verdicts: list[Verdict] = []
        self.broken: list[str] = []
        self.trouble: str | None = None
        self.failed: str | None = None
        self.killers: dict[str, list[int]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.failed is None:
            self.failed = report.nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("the tests could not be collected")
        self.session, self.items = session, session.items
        self.lines = any(isinstance(mutant, CodeMutant) for mutant in self.mutants)
        for file in sorted({mutant.file for mutant in self.mutants if isinstance(mutant, DataMutant)}):
            loaded(file)
            read_again(file)
            noticed(file)  # imports once what every child needs
        gc.collect()
        gc.freeze()
        self.rows = row_numbers(self.items)
        try:
            self.reach = self._known() or self._learn()
            self._judge_all()
        except RuntimeError as error:  # pytest would print it where nobody looks
            self.trouble = str(error)
        return True

    # --- what each test reaches ---

    def _known(self) -> list[Reach] | None:
        """What the last run learned, when neither the code nor the tests nor the data have changed since."""
        self.mark = fingerprint()
        if not LEARNED.exists():
            return None
        mark, known = pickle.loads(LEARNED.read_bytes())
        reach = [known.get(item.nodeid) for item in self.items]
        return reach if mark == self.mark and all(reach) else None

    def _learn(self) -> list[Reach]:
        """Every test once without a change, in as many processes as there are workers."""
        self.say(f"{len(self.items)} tests once without a change")
        with tempfile.TemporaryDirectory(prefix="handrail-mutants-") as folder:
            children = []
            for worker in range(self.workers):
                file = Path(folder) / str(worker)
                child = fork(lambda file=file, worker=worker: file.write_bytes(pickle.dumps(self._trace(worker))))  # type: ignore[misc]
                children.append((child, file))
            reach = [Reach() for _ in self.items]
            for child, file in children:
                os.waitpid(child, 0)
                if not file.exists():
                    raise RuntimeError("the run without a change did not end")
                found, broken = pickle.loads(file.read_bytes())
                self.broken += broken
                for number, what in found.items():
                    reach[number] = what
        self.broken = [nodeid for nodeid in self.broken if not self._passes_untraced(nodeid)]
        if self.broken:
            raise RuntimeError(f"the tests do not run without a change: {', '.join(self.broken)}")
        if self.whole and self.lines:
            LEARNED.parent.mkdir(exist_ok=True)
            known = {item.nodeid: what for item, what in zip(self.items, reach, strict=True)}
            LEARNED.write_bytes(pickle.dumps((self.mark, known)))
        return reach

    def _passes_untraced(self, nodeid: str) -> bool:
        """A test that only tracing breaks, for one that measures time: it is not asked about any mutant."""
        number = next(n for n, item in enumerate(self.items) if item.nodeid == nodeid)
        read, write = os.pipe()
        child = fork(lambda: (quiet(), os.write(write, self._first_failure([number]).encode())))
        os.close(write)
        os.waitpid(child, 0)
        said = os.read(read, 4000).decode()
        os.close(read)
        return said == "-"

    def _trace(self, worker: int) -> tuple[dict[int, Reach], list[str]]:
        quiet()
        names = {str(code.SOURCE / "handrail" / file): file for file in code.files()}
        found: dict[int, Reach] = {}
        broken = []
        mine = range(worker, len(self.items), self.workers)
        for place, number in enumerate(mine):
            reach = found[number] = Reach()
            item = self.items[number]
            following = self.items[mine[place + 1]] if place + 1 < len(mine) else None
            reach.labels |= labels_in(item)
            self.failed, started = None, time.process_time()
            sys.settrace(tracer(names, reach, lines=self.lines))
            try:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            finally:
                sys.settrace(None)
            reach.seconds = time.process_time() - started
            reach.lines = {file: lines for file, lines in reach.lines.items() if lines}
            if self.failed:
                broken.append(item.nodeid)
                found[number] = Reach()
        return found, broken

    # --- the mutants ---

    def _judge_all(self) -> None:
        self._control()
        waiting = iter(self.mutants)
        running: dict[int, tuple[Mutant, int, float]] = {}
        done, started = 0, time.monotonic()
        while True:
            while len(running) < self.workers and (mutant := next(waiting, None)) is not None:
                order = self.order(mutant)
                read, write = os.pipe()
                child = fork(lambda m=mutant, o=order, w=write: os.write(w, self._judge(m, o).encode()))  # type: ignore[misc]
                os.close(write)
                running[child] = (mutant, read, time.monotonic())
            if not running:
                break
            child, status = os.wait()
            if child not in running:
                continue
            mutant, read, began = running.pop(child)
            said = os.read(read, 4000).decode()
            os.close(read)
            if not said and not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF):
                raise RuntimeError(f"the process of a mutant ended without a word: {mutant.where}: {mutant.change}")
            by = None if said == "-" else said or "time"
            self._remember(mutant, by)
            self.verdicts.append(Verdict(mutant, by, time.monotonic() - began))
            done += 1
            if by is None:
                self.say(f"survived: {mutant.where}: {mutant.kind}: {mutant.change}")
            if done % 200 == 0:
                self.say(f"{done} of {len(self.mutants)} after {time.monotonic() - started:.0f} s")

    def _control(self) -> None:
        """Mutants that change nothing must survive: else it is the machinery that the tests notice.

        Raises:
            RuntimeError: a test fails although nothing was changed.
        """
        files = sorted({mutant.file for mutant in self.mutants if isinstance(mutant, DataMutant)})
        for file in [*files, None]:
            nothing = DataMutant(file, "nothing", "number", "", "", ()) if file else None
            order = (self.order(nothing) if nothing else list(range(len(self.items)))[::-1])[:CONTROLS]
            read, write = os.pipe()
            work = (
                (lambda m=nothing, o=order: self._judge(m, o)) if nothing else (lambda o=order: self._first_failure(o))
            )
            child = fork(lambda work=work, write=write: os.write(write, (quiet() or work()).encode()))  # type: ignore[misc]
            os.close(write)
            os.waitpid(child, 0)
            said = os.read(read, 4000).decode()
            os.close(read)
            if said != "-":
                raise RuntimeError(f"nothing was changed in {file or 'the rules'}, and yet: {said or 'no word'}")

    def order(self, mutant: Mutant) -> list[int]:
        """The tests that can notice the mutant: those that noticed its neighbours first."""
        if isinstance(mutant, CodeMutant):
            wanted = set(mutant.lines)
            chosen = [
                n for n, reach in enumerate(self.reach) if not wanted.isdisjoint(reach.lines.get(mutant.file, ()))
            ]
            if mutant.function == "(module)" or not chosen:
                chosen = [n for n, reach in enumerate(self.reach) if mutant.file in reach.lines] or list(
                    range(len(self.items))
                )
            name = Path(mutant.file).stem
        else:
            chosen = [n for n, reach in enumerate(self.reach) if touches(mutant.file, reach)]
            name = Path(mutant.file).stem.split("_")[0]
        recent = {number: rank for rank, number in enumerate(self.killers[group(mutant)])}

        def rank(number: int) -> tuple[float, ...]:
            # The first rows of every table before the second rows: neighbours in a table tend to notice the same.
            further = 0 if name in self.items[number].nodeid else 3
            return recent.get(number, 1000), self.rows[number] + further, self.reach[number].seconds

        return self._affordable(sorted(chosen, key=rank))

    def _affordable(self, order: list[int]) -> list[int]:
        """So many of them as may be run against one mutant; one that needs more to be noticed counts as a survivor."""
        spent = 0.0
        for place, number in enumerate(order):
            spent += self.reach[number].seconds
            if spent > MOST_SECONDS:
                return order[: place + 1]
        return order

    def _remember(self, mutant: Mutant, by: str | None) -> None:
        number = next((n for n, item in enumerate(self.items) if item.nodeid == by), None)
        if number is not None:
            known = self.killers[group(mutant)]
            if number in known:
                known.remove(number)
            known.insert(0, number)
            del known[20:]

    def _judge(self, mutant: Mutant, order: list[int]) -> str:
        """In the child: plant the change and run the tests; who noticed it, or `-`."""
        quiet()
        forget()
        expected = sum(self.reach[number].seconds for number in order)
        # Seconds of work, not of waiting: a busy machine kills no mutant.
        signal.setitimer(signal.ITIMER_PROF, 10 + 3 * expected)
        if isinstance(mutant, CodeMutant):
            try:
                code.plant(mutant)
            except LookupError:  # it has no place in the running module: nothing can notice it
                return "-"
            except (TypeError, ValueError):
                return "import"
            return self._first_failure(order)
        with data.planted(mutant):
            return refused(mutant) or self._first_failure(order)

    def _first_failure(self, order: list[int]) -> str:
        self.failed = None
        for place, number in enumerate(order):
            item = self.items[number]
            following = self.items[order[place + 1]] if place + 1 < len(order) else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed is not None:
                return self.failed
        return "-"


def fingerprint() -> str:
    """A checksum of everything that decides what a test reaches."""
    digest = hashlib.sha256()
    for folder in LEARNED_FROM:
        for path in sorted((ROOT / folder).rglob("*.*")):
            if path.suffix in (".py", ".toml", ".json"):
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def row_numbers(items: Sequence[pytest.Item]) -> list[int]:
    """For each test which row of its table it is."""
    seen: Counter[str] = Counter()
    numbers = []
    for item in items:
        function = item.nodeid.split("[")[0]
        numbers.append(seen[function])
        seen[function] += 1
    return numbers


def group(mutant: Mutant) -> str:
    """Mutants that the same tests tend to notice."""
    if isinstance(mutant, CodeMutant):
        return mutant.where
    return f"{mutant.file} {mutant.place.split('.')[0]} {mutant.place.rsplit('.', 1)[-1]}"


def fork(work: Callable[[], Any]) -> int:
    """Do the work in a child that then ends without cleaning up after the parent; returns its number."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    except Exception as error:  # noqa: BLE001 - said, and seen by the parent as a process that ended without a word
        print(f"{type(error).__name__}: {error}", file=sys.__stderr__)
    finally:
        os._exit(status)


def quiet() -> None:
    """Nothing that a test prints reaches the report."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)


def forget() -> None:
    """What the rules remember from before the change; the loaded data stay, since they are changed where they lie."""
    for name, module in list(sys.modules.items()):
        if name.startswith("handrail.rules."):
            for key, value in list(vars(module).items()):
                if key not in LOADERS and hasattr(value, "cache_clear"):
                    value.cache_clear()


def tracer(names: dict[str, str], reach: Reach, *, lines: bool) -> Callable[..., Any]:
    """A trace function that notes the lines of the rules (or only their functions) and the labels that are asked for."""
    inside: dict[str, Callable[..., Any]] = {}
    for path, file in names.items():
        add = reach.lines.setdefault(file, set()).add

        def local(frame: FrameType, _event: str, _arg: Any, add: Callable[[int], None] = add) -> Any:
            add(frame.f_lineno)
            return inside[frame.f_code.co_filename]

        inside[path] = local

    def entered(frame: FrameType, event: str, argument: Any) -> Any:
        found = inside.get(frame.f_code.co_filename)
        if found is None:
            return None
        if frame.f_code.co_name == "load" and "jurisdiction" in frame.f_locals:
            reach.labels.add(str(frame.f_locals["key"]))
        local = found(frame, event, argument)
        return local if lines else None

    return entered


def labels_in(item: pytest.Item) -> set[str]:
    """The labels among a test's own arguments, or `*` where its module goes through all of them."""
    from handrail.rules.protocol import Protocol

    module = getattr(item, "module", None)
    found = {"*"} if hasattr(module, "catalogue") or hasattr(module, "PROTOCOLS") else set()
    given = getattr(getattr(item, "callspec", None), "params", {})
    return found | {value.key for value in given.values() if isinstance(value, Protocol)}


def touches(file: str, reach: Reach) -> bool:
    """Whether a test can see a file of the data."""
    if file.startswith("products/"):
        product = loaded(file).product
        return not reach.labels.isdisjoint({"*", product.key, *product.aliases})
    if file.startswith("scales/"):
        return any(
            reach.lines.get(name) for name in ("rules/grading_crs.py", "rules/grading_icans.py", "rules/scales.py")
        )
    if file.startswith("policies/"):
        return bool(reach.lines.get("rules/policy.py") or reach.lines.get("rules/assess.py"))
    return True


# --- a run ----------------------------------------------------------------------------------------------------


def refused(mutant: DataMutant) -> str:
    """Who notices the nudged file before any test; when nobody does, the file is what everybody now sees."""
    from handrail.rules.terms import UnusableInput

    if noticed(mutant.file):
        return "protocols check"
    try:
        new = read_again(mutant.file)
    except UnusableInput:
        return "loader"
    data.overwrite(loaded(mutant.file), new)
    return ""


def say_on(out: int, text: str) -> None:
    os.write(out, f"{text}\n".encode())


def run(mutants: Sequence[Mutant], tests: Iterable[str], workers: int) -> Campaign:
    """Judge the mutants with these tests.

    Raises:
        RuntimeError: the tests cannot be collected, or fail without any change.
    """
    settings.register_profile(
        "mutants", derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    settings.load_profile("mutants")  # a slow machine is no finding
    sys.stdout.flush()
    out = os.dup(1)
    campaign = Campaign(mutants, workers, lambda text: say_on(out, text), whole=list(tests) == TABLES)
    options = ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:faulthandler", "--assert=plain"]
    chosen = ["-m", "not (browser or postgres or drill)"]
    quiet()
    try:
        status = pytest.main([*options, *chosen, *(str(ROOT / test) for test in tests)], plugins=[campaign])
        sys.stdout.flush()
    finally:
        os.dup2(out, 1)
        os.close(out)
    if campaign.trouble:
        raise RuntimeError(campaign.trouble)
    if status != pytest.ExitCode.OK:
        raise RuntimeError(f"the tests cannot be collected, or do not run without a change: {status}")
    return campaign


def chunks(verdicts: Iterable[Verdict]) -> Iterator[tuple[str, list[Verdict]]]:
    """The verdicts file by file."""
    by_file: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        by_file[verdict.mutant.file].append(verdict)
    yield from sorted(by_file.items())
