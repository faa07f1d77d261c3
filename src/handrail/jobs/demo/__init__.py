"""`handrail demo`: a synthetic programme on this machine, and `handrail demo fever`: one night of it, hurried.

Everything is told through the verbs and found by the watcher; hurried means that the clock runs faster, never that an alert was
made beforehand.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demonstration until ctrl-C; `seed` and `play` are its own steps, in processes of their own."""
    chosen = _parser().parse_args(arguments)
    directory = (chosen.dir or Path("demo-fever" if chosen.what.startswith("fever") else "demo-data")).absolute()
    if chosen.what == "seed":
        from handrail.jobs.demo import seed

        return seed.run(directory)
    if chosen.what in ("fever", "fever-seed", "fever-play"):
        from handrail.jobs.demo import fever, night

        if chosen.what == "fever":
            return fever.run(
                directory,
                port=chosen.port,
                factor=chosen.factor,
                start=chosen.start,
                leave=chosen.leave,
                like=chosen.like,
            )
        return night.prepare(directory) if chosen.what == "fever-seed" else night.play(directory)
    from handrail.jobs.demo import supervisor

    return supervisor.run(directory, port=chosen.port, fresh=chosen.fresh)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="handrail demo", description="A synthetic programme on this machine.")
    parser.add_argument(
        "what", nargs="?", choices=("run", "fever", "seed", "fever-seed", "fever-play"), default="run",
        help="run (the default) or fever; the others are steps that these start themselves",
    )  # fmt: skip
    parser.add_argument("--dir", type=Path, help="where it is kept (default: ./demo-data, fever: ./demo-fever)")
    parser.add_argument("--port", type=int, default=8000, help="port of the pages; taken: the next free one")
    parser.add_argument("--fresh", action="store_true", help="run: tell the courses anew, relative to now")
    parser.add_argument("--factor", type=float, default=60.0, help="fever: how many times as fast (default: 60)")
    parser.add_argument(
        "--start",
        default="01:45",
        metavar="HH:MM",
        help="fever: where the night begins, between 20:15 and 02:00 (default: 01:45)",
    )
    parser.add_argument("--leave", action="store_true", help="fever: stop when the story is over")
    parser.add_argument("--like", type=Path, help="fever: with the password of the demonstration in this folder")
    return parser
