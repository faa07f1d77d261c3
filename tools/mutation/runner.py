"""Run the tests against each mutant: everything is imported once, then one forked process a mutant stops at the first failure.

pytest collects as usual; this plugin takes over where it would run the tests. What a child changes ends with the child.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tools.mutation import code, data
from tools.mutation.choosing import Chooser
from tools.mutation.code import CodeMutant
from tools.mutation.data import DataMutant
from tools.mutation.marks import Marks
from tools.mutation.memory import FOLDER, ROOT, Ledger, Mutant, Reach, identity, keep_reach, known_reach, late_hints
from tools.mutation.shipped import LOADERS, loaded, noticed, read_again

# Tables of behaviour, and nothing else. A test that compares a published document, a rendering or a checksum with the data would
# notice every change and prove nothing, so none of those is here.
TABLES = ["tests/spec", "tests/protocols", "tests/rules/test_forgotten_facts.py"]


FIRST_SECONDS = 2.0
"""Of tests for one mutant at the first look, as measured while what they reach was noted."""

MOST_SECONDS = 60.0
"""Of tests for a mutant that came through the first look: every one that reaches it takes less."""

CONTROLS = 40
"""Tests that are run against a mutant that changes nothing, for each file of the data and once for the rules."""

FIRST_TESTS = 3
"""Tests that are asked before `protocols check`, which takes longer than they do."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant; `by` names the test, `loader` or `check` that noticed it, None for a survivor."""

    mutant: Mutant
    by: str | None
    seconds: float


class Campaign:
    """The plugin: learns what each test reaches, then judges the mutants."""

    def __init__(
        self,
        mutants: Sequence[Mutant],
        workers: int,
        say: Callable[[str], None],
        *,
        whole: bool = True,
        again: bool = False,
        seconds: float = MOST_SECONDS,
        listed: Callable[[Mutant], bool] = lambda _: False,
    ) -> None:
        self.listed = listed
        self.mutants, self.workers, self.say, self.whole, self.again = mutants, workers, say, whole, again
        self.seconds = seconds
        self.verdicts: list[Verdict] = []
        self.broken: list[str] = []
        self.trouble: str | None = None
        self.failed: str | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.failed is None:
            self.failed = report.nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("the tests could not be collected")
        self.session, self.items = session, session.items
        self.ledger = Ledger(FOLDER / "ledger.jsonl", self.items, self.seconds) if self.whole else None
        self._take_over()
        if not self.waiting:
            return True
        for file in sorted({mutant.file for mutant in self.waiting if isinstance(mutant, DataMutant)}):
            loaded(file)
            read_again(file)
            noticed(file)  # imports once what every child needs
        _memories()
        gc.collect()
        gc.freeze()
        try:
            self.chooser = Chooser(self.items, self._learn())
            self._judge_all()
        except RuntimeError as error:  # pytest would print it where nobody looks
            self.trouble = str(error)
        return True

    def _take_over(self) -> None:
        """The verdicts that an earlier run left and that still stand; the other mutants wait."""
        self.waiting: list[Mutant] = []
        self.hints = late_hints()
        for mutant in self.mutants:
            kept = self.ledger.kept(mutant) if self.ledger and not self.again else None
            if kept is not None and kept.stands:
                self.verdicts.append(Verdict(mutant, kept.by, 0.0))
            else:
                self.waiting.append(mutant)
            if kept is not None and kept.by is not None:
                self.hints[identity(mutant)] = kept.by
        self.number_of = {item.nodeid: number for number, item in enumerate(self.items)}
        if self.verdicts:
            self.say(f"{len(self.verdicts)} verdicts of earlier runs stand, {len(self.waiting)} mutants wait")

    # --- what each test reaches ---

    def _learn(self) -> list[Reach]:
        """Every test once without a change, unless an earlier run knows it, in as many processes as there are workers."""
        known = known_reach(self.items, FOLDER / "reached") if self.whole else {}
        new = [number for number in range(len(self.items)) if number not in known]
        if not new:
            return [known[number] for number in range(len(self.items))]
        self.say(f"{len(new)} tests once without a change")
        with tempfile.TemporaryDirectory(prefix="handrail-mutants-") as folder:
            children = []
            for worker in range(self.workers):
                file, mine = Path(folder) / str(worker), new[worker :: self.workers]
                child = fork(lambda file=file, mine=mine: file.write_bytes(pickle.dumps(self._learned(mine))))
                children.append((child, file))
            for child, file in children:
                os.waitpid(child, 0)
                if not file.exists():
                    raise RuntimeError("the run without a change did not end")
                found, broken = pickle.loads(file.read_bytes())
                self.broken += broken
                known |= found
        reach = [known[number] for number in range(len(self.items))]
        self.broken = [nodeid for nodeid in self.broken if not self._passes(nodeid)]
        if self.broken:
            raise RuntimeError(f"the tests do not run without a change: {', '.join(self.broken)}")
        if self.whole:
            keep_reach(self.items, reach, FOLDER / "reached")
        return reach

    def _passes(self, nodeid: str) -> bool:
        """Whether a test passes where nothing is noted: one that only the marks break is not asked about any mutant."""
        number = self.number_of[nodeid]
        read, write = os.pipe()
        child = fork(lambda: (quiet(), os.write(write, self._first_failure([number]).encode())))
        os.close(write)
        os.waitpid(child, 0)
        said = os.read(read, 4000).decode()
        os.close(read)
        return said == "-"

    def _learned(self, mine: Sequence[int]) -> tuple[dict[int, Reach], list[str]]:
        """In a child: what each of these tests reaches, and the tests that failed."""
        quiet()
        marks = Marks(code.files())
        found: dict[int, Reach] = {}
        broken = []
        for place, number in enumerate(mine):
            item = self.items[number]
            following = self.items[mine[place + 1]] if place + 1 < len(mine) else None
            forget()  # else only the first test that asks for something is seen to reach it
            marks.clear()
            self.failed, started = None, time.process_time()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            found[number] = Reach(
                lines=marks.lines(),
                labels=labels_in(item) | set(marks.labels),
                seconds=time.process_time() - started,
            )
            if self.failed:
                broken.append(item.nodeid)
                found[number] = Reach()
        return found, broken

    # --- the mutants ---

    def _judge_all(self) -> None:
        """A first look at every mutant; then every test that is left, for those that came through it and are not listed."""
        self._control()
        left = self._judge_some(self.waiting, min(FIRST_SECONDS, self.seconds))
        patience = self.seconds > FIRST_SECONDS
        last = [mutant for mutant in left if patience and not self.listed(mutant)]
        for mutant in left:
            if mutant not in last:
                self._conclude(mutant, None, 0.0)
        if last:
            self.say(f"{len(last)} came through the tests that were asked first: now the others that reach them")
            for mutant in self._judge_some(last, self.seconds, late=True):
                self._conclude(mutant, None, 0.0)

    def _judge_some(self, mutants: Sequence[Mutant], seconds: float, *, late: bool = False) -> list[Mutant]:
        """Run tests of so many seconds against each; the mutants that no test noticed. The others are concluded."""
        waiting = iter(mutants)
        running: dict[int, tuple[Mutant, int, float]] = {}
        left: list[Mutant] = []
        done, started = 0, time.monotonic()
        while True:
            while len(running) < self.workers and (mutant := next(waiting, None)) is not None:
                order = self.chooser.order(mutant, seconds, self.hints.get(identity(mutant)))
                if isinstance(mutant, CodeMutant):
                    code.parsed(mutant.file)
                read, write = os.pipe()
                child = fork(lambda m=mutant, o=order, w=write: os.write(w, self._judge(m, o).encode()))
                os.close(write)
                running[child] = (mutant, read, time.monotonic())
            if not running:
                return left
            child, status = os.wait()
            if child not in running:
                continue
            mutant, read, began = running.pop(child)
            said = os.read(read, 4000).decode()
            os.close(read)
            if not said and not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF):
                raise RuntimeError(f"the process of a mutant ended without a word: {mutant.where}: {mutant.change}")
            if said == "-":
                left.append(mutant)
            else:
                self._conclude(mutant, said or "time", time.monotonic() - began, late=late)
            done += 1
            if done % 200 == 0:
                self.say(f"{done} of {len(mutants)} after {time.monotonic() - started:.0f} s, {len(left)} left")

    def _conclude(self, mutant: Mutant, by: str | None, seconds: float, *, late: bool = False) -> None:
        self.chooser.remember(mutant, by)
        if self.ledger:
            self.ledger.keep(mutant, by, late=late)
        self.verdicts.append(Verdict(mutant, by, seconds))
        if by is None:
            self.say(f"survived: {mutant.where}: {mutant.kind}: {mutant.change}")

    def _control(self) -> None:
        """Mutants that change nothing must survive: else it is the machinery that the tests notice.

        Raises:
            RuntimeError: a test fails although nothing was changed.
        """
        files = sorted({mutant.file for mutant in self.waiting if isinstance(mutant, DataMutant)})
        for file in [*files, None]:
            nothing = DataMutant(file, "nothing", "number", "", "", ()) if file else None
            order = (self.chooser.order(nothing, FIRST_SECONDS) if nothing else list(range(len(self.items)))[::-1])[
                :CONTROLS
            ]
            read, write = os.pipe()
            work = (
                (lambda m=nothing, o=order: self._judge(m, o)) if nothing else (lambda o=order: self._first_failure(o))
            )
            child = fork(lambda work=work, write=write: os.write(write, (quiet() or work()).encode()))
            os.close(write)
            os.waitpid(child, 0)
            said = os.read(read, 4000).decode()
            os.close(read)
            if said != "-":
                raise RuntimeError(f"nothing was changed in {file or 'the rules'}, and yet: {said or 'no word'}")

    def _judge(self, mutant: Mutant, order: list[int]) -> str:
        """In the child: plant the change and run the tests; who noticed it, or `-`."""
        quiet()
        forget()
        expected = sum(self.chooser.reach[number].seconds for number in order)
        # Seconds of work, not of waiting: a busy machine kills no mutant.
        signal.setitimer(signal.ITIMER_PROF, 5 + 3 * expected)
        if isinstance(mutant, CodeMutant):
            try:
                code.plant(mutant)
            except LookupError:  # it has no place in the running module: nothing can notice it
                return "-"
            except (TypeError, ValueError):
                return "import"
            return self._first_failure(order)
        with data.planted(mutant):
            by = unreadable(mutant) or self._first_failure(order[:FIRST_TESTS])
            if by == "-" and noticed(mutant.file):
                return "protocols check"
            return by if by != "-" else self._first_failure(order[FIRST_TESTS:])

    def _first_failure(self, order: list[int]) -> str:
        self.failed = None
        for place, number in enumerate(order):
            item = self.items[number]
            following = self.items[order[place + 1]] if place + 1 < len(order) else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed is not None:
                return self.failed
        return "-"


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


STANDING = {"_hints", "zone_named", "say_date"}
"""Functions that remember what follows from Python's own alone: no change of the rules or of the data reaches them."""


@cache
def _memories() -> list[Any]:
    """Every function of the rules that remembers and that a change may reach."""
    rules = [import_module(f"handrail.rules.{path.stem}") for path in code.RULES.glob("*.py")]
    found = [(key, value) for module in rules for key, value in vars(module).items() if hasattr(value, "cache_clear")]
    return list({id(value): value for key, value in found if key not in LOADERS | STANDING}.values())


def forget() -> None:
    """What the rules remember from before the change; the loaded data stay, since they are changed where they lie."""
    for memory in _memories():
        memory.cache_clear()


def labels_in(item: pytest.Item) -> set[str]:
    """The labels among a test's own arguments, or `*` where its module goes through all of them."""
    from handrail.rules.protocol import Protocol

    module = getattr(item, "module", None)
    found = {"*"} if hasattr(module, "catalogue") or hasattr(module, "PROTOCOLS") else set()
    given = getattr(getattr(item, "callspec", None), "params", {})
    return found | {value.key for value in given.values() if isinstance(value, Protocol)}


# --- a run ----------------------------------------------------------------------------------------------------


def unreadable(mutant: DataMutant) -> str:
    """`loader` where it refuses the nudged file; else the file is what everybody now sees."""
    from handrail.rules.terms import UnusableInput

    try:
        new = read_again(mutant.file)
    except UnusableInput:
        return "loader"
    data.overwrite(loaded(mutant.file), new)
    return ""


def say_on(out: int, text: str) -> None:
    os.write(out, f"{text}\n".encode())


def run(
    mutants: Sequence[Mutant],
    tests: Iterable[str],
    workers: int,
    *,
    again: bool = False,
    seconds: float = MOST_SECONDS,
    listed: Callable[[Mutant], bool] = lambda _: False,
) -> Campaign:
    """Judge the mutants with these tests; with `again` also those of which an earlier run left a verdict that stands.

    Args:
        seconds: of tests that a mutant has to survive, as measured while what they reach was noted.
        listed: whether the list says that no input shows a mutant: it gets the first look alone.

    Raises:
        RuntimeError: the tests cannot be collected, or fail without any change.
    """
    settings.register_profile(
        "mutants", derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    settings.load_profile("mutants")  # a slow machine is no finding
    sys.stdout.flush()
    out = os.dup(1)
    whole = list(tests) == TABLES
    campaign = Campaign(
        mutants, workers, lambda text: say_on(out, text), whole=whole, again=again, seconds=seconds, listed=listed
    )
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
