"""The pages of a programme at two sizes: `make bench` or `python bench/pages.py --help`.

A programme on PostgreSQL, met under the role of the application with every guard in place, with 5 sites, 200 staff and 1,000 courses, and
one ten times as large. Each page is rendered through the whole of the application by somebody who sees all of it, and printed with the
number of its queries and the server time (median and p95) at both sizes, and their ratio. Nothing here is a test: a slow machine is no
fault. That the number of queries stays the same is one (tests/web/test_pages_stay_fast.py).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support.installation import Installation, Prepared
from tests.support.postgres import temporary_postgres

SITES = (5, 50)
AIM_MS = 300
"""Above this, at the larger size, a line is marked."""
Figures = dict[str, dict[str, Any]]


def look(told: dict[str, str], times: int, only: str) -> Figures:
    """Every page, so many times, in this process on its own database."""
    import django

    django.setup()
    from handrail import clock
    from tests.support.programme import NOW
    from tests.support.programme_pages import PAGES, Onlookers

    found: Figures = {}
    with clock.use(clock.FrozenClock(NOW)):
        people = Onlookers(told)
        for page in PAGES:
            if only and only not in page.name:
                continue
            text, asked = people.look(page)  # labels, policies and templates are read by now
            took = []
            for _ in range(times):
                began = time.perf_counter()
                text, asked = people.look(page)
                took.append((time.perf_counter() - began) * 1000)
            took.sort()
            p95 = took[min(len(took) - 1, int(len(took) * 0.95))]
            found[page.name] = {"queries": len(asked), "ms": median(took), "p95": p95, "kb": len(text) / 1024}
            print(f"{page.name}: {median(took):.0f} ms", file=sys.stderr, flush=True)
    return found


def measured(place: Installation, chosen: argparse.Namespace) -> Figures:
    """The same in a process that knows this database alone."""
    words = ["--inside", json.dumps(place.told), "--times", str(chosen.times), "--only", chosen.only]
    command = [sys.executable, __file__, *words]
    done = subprocess.run(command, env=place.environment(), stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def table(sizes: list[tuple[str, Figures]]) -> list[str]:
    """One line a page."""
    heads = "".join(f"{name:>34}" for name, _ in sizes)
    lines = [
        f"{'':<26}{heads}",
        f"{'':<26}" + f"{'queries':>8}{'median':>9}{'p95':>9}{'page':>8}" * len(sizes) + f"{'ratio':>8}",
    ]
    first, last = sizes[0][1], sizes[-1][1]
    for name in first:
        cells = "".join(
            f"{row['queries']:>8}{row['ms']:>6.0f} ms{row['p95']:>6.0f} ms{row['kb']:>5.0f} kB"
            for row in (found[name] for _, found in sizes)
        )
        ratio = last[name]["ms"] / first[name]["ms"]
        more = "  more queries" if last[name]["queries"] != first[name]["queries"] else ""
        slow = f"  above {AIM_MS} ms" if last[name]["ms"] > AIM_MS else ""
        lines.append(f"{name:<26}{cells}{ratio:>8.1f}{more}{slow}")
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="pages", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--sites", type=int, nargs="*", default=list(SITES), help="40 staff and 200 courses come with each"
    )
    parser.add_argument("--times", type=int, default=20, help="how often each page is rendered")
    parser.add_argument("--only", default="", help="pages whose name has this")
    parser.add_argument("--inside", default="", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.inside:
        print(json.dumps(look(json.loads(chosen.inside), chosen.times, chosen.only)))
        return
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    sizes = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="handrail-pages-")))
        server = stack.enter_context(temporary_postgres(fsync=True))
        prepared = Prepared(folder, lambda: server)
        for sites in chosen.sites:
            own = folder / str(sites)
            own.mkdir()
            began = time.monotonic()
            with prepared.installation("postgres", own, "programme", str(sites)) as place:
                made = f"{place.told['sites']} sites, {place.told['courses']} courses"
                print(f"{made}: made in {time.monotonic() - began:.0f} s", flush=True)
                server.psql("ANALYZE", database=place.database_url.rsplit("/", 1)[1])
                sizes.append((made, measured(place, chosen)))
    for line in table(sizes):
        print(line, flush=True)


if __name__ == "__main__":
    main()
