"""Mutation testing of the rules and of the label data: change one thing at a time and see that a test notices.

usage: python tools/mutants.py [code] [data] [--only WORD ...] [--kind KIND ...] [--word WORD ...] [--tests FILE ...] [--sample N]
       [--seed N] [--workers N] [--again] [--seconds N] [--note]

  code        every comparison, number and word of logic of the files of `rules/` that decide
  data        every number of the label data, up and down by one, and every boundary between two rows moved
  --only      files whose name contains one of these: `redosing`, `talquetamab_us`
  --kind      mutants of these kinds: `edge`, `boundary`, `number`, `opposite`, `logic`, `sign`, `choice`, `truth`
  --word      changes that contain one of these: `gap.`, `<=`
  --tests     these instead of the tables of behaviour: to see what one of them notices
  --sample    only so many mutants of each, chosen by the seed (0)
  --again     judge every mutant anew; otherwise verdicts of earlier runs (.mutants/ledger.jsonl) stand while the rules, the data
              and the tests that they rest on are unchanged, so that a run that was stopped goes on where it was
  --seconds   of tests that a mutant has to survive (60: all that reach it); 2 for a first look
  --note      write the mutants that were caught late, each with the test that did, to tests/mutants/late.tsv: a run that has no
              verdicts of earlier ones asks that test first, and need not try all of them again

A mutant is killed by the loader, by `protocols check`, or by a test of behaviour; documents and renderings do not count.
A survivor that no input can show is listed with its proof in tests/mutants/equivalent.toml.
The exit status is 1 when a comparison or a number survives that is not listed, when a listed one does not survive, or when fewer
than 95 % are killed; 2 when the tests fail without a change.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tools.mutation import code, data, runner  # noqa: E402
from tools.mutation.memory import identity, note_late  # noqa: E402
from tools.mutation.runner import Mutant, Verdict  # noqa: E402

LISTED = ROOT / "tests" / "mutants" / "equivalent.toml"
ENOUGH_PERCENT = 95
KINDS = (
    "edge",
    "boundary",
    "number",
    "opposite",
    "logic",
    "sign",
    "choice",
    "truth",
)  # what may harm most is judged first


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of the list: mutants that no input can tell from the original, and why. `*` stands for anything."""

    where: str
    change: str
    proof: str

    def fits(self, mutant: Mutant) -> bool:
        return _fits(mutant.where, self.where) and _fits(mutant.change, self.change)


def _fits(text: str, pattern: str) -> bool:
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def read_list(file: Path = LISTED) -> list[Listed]:
    """The reviewed list.

    Raises:
        ValueError: a row without a proof.
    """
    rows = [Listed(**row) for row in tomllib.loads(file.read_text(encoding="utf-8")).get("equivalent", [])]
    for row in rows:
        if len(row.proof.split()) < 5:
            raise ValueError(f"{row.where}: {row.change}: the proof is missing")
    return rows


@dataclass(frozen=True, slots=True)
class Score:
    """How a run ended for the mutants of one kind: killed of those that can be told from the original."""

    killed: int
    survived: tuple[Mutant, ...]
    equivalent: int

    @property
    def percent(self) -> float:
        told = self.killed + len(self.survived)
        return 100 * self.killed / told if told else 100.0

    def __str__(self) -> str:
        told = self.killed + len(self.survived)
        return f"{self.killed} of {told} killed, {self.percent:.1f} %; {self.equivalent} listed as equal"


def score(verdicts: Sequence[Verdict], listed: Sequence[Listed]) -> Score:
    alive = [verdict.mutant for verdict in verdicts if verdict.by is None]
    equal = [mutant for mutant in alive if any(row.fits(mutant) for row in listed)]
    return Score(
        killed=len(verdicts) - len(alive),
        survived=tuple(mutant for mutant in alive if mutant not in equal),
        equivalent=len(equal),
    )


def problems(verdicts: Sequence[Verdict], listed: Sequence[Listed], *, complete: bool) -> list[str]:
    """Why the run fails, one line each."""
    found = [
        f"a {mutant.kind} survives: {mutant.where}: {mutant.change}"
        for mutant in score(verdicts, listed).survived
        if mutant.clinical
    ]
    for row in listed:
        killed = next((v for v in verdicts if v.by is not None and row.fits(v.mutant)), None)
        if killed is not None and "*" not in row.where + row.change:
            found.append(f"listed as equal, yet {killed.by} notices it: {row.where}: {row.change}")
        if complete and not any(row.fits(v.mutant) for v in verdicts):
            found.append(f"listed as equal, yet there is no such mutant: {row.where}: {row.change}")
    return found


def chosen(mutants: list[Mutant], sample: int | None, seed: int) -> list[Mutant]:
    """All of them, or so many as the seed picks."""
    if sample is None or sample >= len(mutants):
        return mutants
    return random.Random(seed).sample(mutants, sample)


def harm(mutant: Mutant) -> tuple[int, int]:
    """What may harm most comes first: comparisons and numbers before words of logic, the dose before the packet."""
    stem = Path(mutant.file).stem
    return KINDS.index(mutant.kind), code.FIRST.index(stem) if stem in code.FIRST else len(code.FIRST)


def _wanted(text: str, words: Sequence[str]) -> bool:
    return not words or any(word in text for word in words)


def report(verdicts: Sequence[Verdict], listed: Sequence[Listed]) -> None:
    for file, of_file in runner.chunks(verdicts):
        print(f"  {file:44} {score(of_file, listed)}")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(usage=(__doc__ or "").split("usage: ")[1], add_help=False)
    parser.add_argument("kinds", nargs="*", choices=[[], "code", "data"])
    parser.add_argument("--only", default=[], nargs="+")
    parser.add_argument("--kind", default=[], nargs="+", choices=[[], *KINDS])
    parser.add_argument("--sample", type=int)
    parser.add_argument("--word", default=[], nargs="+")
    parser.add_argument("--tests", nargs="+")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--note", action="store_true")
    parser.add_argument("--seconds", type=float, default=runner.MOST_SECONDS)
    asked = parser.parse_args(arguments)
    kinds = asked.kinds or ["code", "data"]
    started = time.monotonic()
    listed = read_list()
    mutants: list[Mutant] = []
    for kind, maker in (("code", code), ("data", data)):
        if kind in kinds:
            every = [m for file in maker.files() if _wanted(file, asked.only) for m in maker.mutants_of(file)]
            every = [m for m in every if _wanted(m.change, asked.word) and (not asked.kind or m.kind in asked.kind)]
            mutants += chosen(every, asked.sample, asked.seed)
    mutants.sort(key=harm)
    print(f"{len(mutants)} mutants", flush=True)
    try:
        tests = asked.tests or runner.TABLES
        campaign = runner.run(
            mutants,
            tests,
            asked.workers,
            again=asked.again,
            seconds=asked.seconds,
            listed=lambda mutant: any(row.fits(mutant) for row in listed),
        )
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    if asked.note and campaign.ledger is not None:
        every = {identity(m) for maker in (code, data) for file in maker.files() for m in maker.mutants_of(file)}
        print(f"{note_late(campaign.ledger.late(), every)} mutants that are caught late are listed with their test")
    return conclude(
        campaign.verdicts,
        listed,
        complete=not (asked.only or asked.word or asked.kind) and asked.sample is None and len(kinds) == 2,
        began=started,
    )


def conclude(verdicts: Sequence[Verdict], listed: Sequence[Listed], *, complete: bool, began: float) -> int:
    """Print the scores; the exit status."""
    report(verdicts, listed)
    found = problems(verdicts, listed, complete=complete)
    for line in found:
        print(line)
    low = False
    for name, kind in (("rules", code.CodeMutant), ("label data", data.DataMutant)):
        of_kind = [verdict for verdict in verdicts if isinstance(verdict.mutant, kind)]
        if of_kind:
            result = score(of_kind, listed)
            low |= complete and result.percent < ENOUGH_PERCENT
            print(f"{name}: {result}")
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if found or low else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
