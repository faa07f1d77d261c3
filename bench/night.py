"""A night in which many report at once: `make bench` or `python bench/night.py --help`.

Real processes on a real database: web pages by Granian, watchers, and phones that send a fever through the check-in door at a
steady pace. Prints reports per second, and the time from commit to first page of what is RED (written for the screen, by the
clock of the database): median and p99, for 1,000 and for 10,000 active courses, on PostgreSQL with two watchers and on SQLite
with one. The people on call have their pages open on a screen; with `--nobody` none has, and every alert climbs its whole ladder
at once. Nothing here is a test: a slow machine is no fault.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import median
from uuid import UUID, uuid4

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.drills.judging import LOG_SQL
from tests.support.installation import Installation, Prepared, wait_until
from tests.support.mail import free_port
from tests.support.postgres import temporary_postgres

WARM_UP = 40
"""Reports that are sent first and not counted: every process has read its labels by then."""
LOOKS_EVERY_SECONDS = 15


def report(door: str, token: str) -> bool:
    """One Send of 38.4 °C."""
    body = {
        "id": str(uuid4()), "temperature": "38.4", "unit": "C", "antipyretic": "no", "none_of_these": True,
        "caregiver_present": True, "judged_by": "caregiver", "sure": True,
        "home_neuro": dict.fromkeys(("year", "month", "city", "sentence"), "right"),
    }  # fmt: skip
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(door, data=json.dumps(body).encode(), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bool(answer.status == 201)
    except OSError:
        return False


def send(doors: list[str], tokens: list[str], pace: float, phones: int) -> tuple[int, float]:
    """Every token reports once, so many a second at the most; returns how many were taken, and the seconds."""
    began, taken, lock = time.monotonic(), 0, threading.Lock()

    def one(number: int) -> None:
        nonlocal taken
        time.sleep(max(0.0, began + number / pace - time.monotonic()))
        good = report(doors[number % len(doors)], tokens[number])
        with lock:
            taken += good

    with ThreadPoolExecutor(max_workers=phones) as pool:
        list(pool.map(one, range(len(tokens))))
    return taken, time.monotonic() - began


@contextmanager
def screens_open(place: Installation) -> Iterator[None]:
    """The people on the ladder look at their pages: a sign of it every few seconds, as a browser gives."""
    over = threading.Event()

    def looks() -> None:
        if place.database_url.startswith("sqlite"):
            with closing(sqlite3.connect(place.database_url.removeprefix("sqlite:///"), timeout=5)) as writer, writer:
                writer.execute("UPDATE people_presence SET looked_at = datetime('now')")
        else:
            place.rows("UPDATE people_presence SET looked_at = now()")

    def look() -> None:
        while not over.wait(LOOKS_EVERY_SECONDS):
            looks()

    looks()
    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()


def measure(place: Installation, database: str, courses: int, pace: float, phones: int) -> str:
    """One night on a prepared installation."""
    for statement in LOG_SQL[database]:
        place.rows(statement)
    watchers = 2 if database == "postgres" else 1
    alive = "SELECT 1 FROM alerts_heartbeat WHERE watcher LIKE '%:%:%'"
    before = len(place.rows(alive))
    for _ in range(watchers):
        place.start("watch")
    ports = [free_port(), free_port()]
    for port in ports:
        place.start("serve", "--port", str(port), "--workers", "1")
    wait_until(lambda: len(place.rows(alive)) >= before + watchers, "all watch", seconds=120)
    for port in ports:
        wait_until(lambda port=port: answers(port), "the pages answer", seconds=60)
    doors = [f"http://127.0.0.1:{port}/api/checkins" for port in ports]
    tokens = place.told["tokens"]
    send(doors, tokens[:WARM_UP], 20, 4)
    wait_until(lambda: called(place), "everybody who warmed up is called", seconds=120)
    began = time.time()
    taken, seconds = send(doors, tokens[WARM_UP:], pace, phones)
    wait_until(lambda: called(place), "everybody is called", seconds=300)
    waits = sorted(lags(place, began))
    p99 = waits[min(len(waits) - 1, int(len(waits) * 0.99))]
    return (
        f"{database:>8}, {courses:>6} courses, {watchers} watcher{'s' if watchers > 1 else ' '}: {taken} reports taken at "
        f"{taken / seconds:5.1f}/s (asked {pace:g}/s); commit to first page of {len(waits)} alerts: "
        f"median {median(waits) * 1000:6.0f} ms, p99 {p99 * 1000:6.0f} ms"
    )


def answers(port: int) -> bool:
    """Whether the pages answer."""
    try:
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2).status == 200)
    except OSError:
        return False


def called(place: Installation) -> bool:
    """Whether every alert that pages has had its first page."""
    time.sleep(0.2)  # asking all the time would take from the machine what is measured
    return not place.rows(
        "SELECT 1 FROM alerts_alert WHERE next_page_at IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM alerts_page p WHERE p.alert_id = alerts_alert.id) LIMIT 1"
    )


def lags(place: Installation, began: float) -> list[float]:
    """Seconds from the row of each RED alert since `began` to the row of its first page, by the clock of the database."""
    came = {(kind, UUID(str(name)).hex): at for kind, name, at in place.rows("SELECT kind, id, at FROM drill_log")}
    red = {UUID(str(name)).hex for (name,) in place.rows("SELECT id FROM alerts_alert WHERE urgency = 'now'")}
    first: dict[str, float] = {}
    for name, alert in place.rows("SELECT id, alert_id FROM alerts_page WHERE channel = 'on_screen' AND attempt = 0"):
        key, at = UUID(str(alert)).hex, came.get(("page", UUID(str(name)).hex))
        if at is not None:
            first[key] = min(first.get(key, at), at)
    opened = {alert: came["alert", alert] for alert in first if alert in red and ("alert", alert) in came}
    return [first[alert] - at for alert, at in opened.items() if at >= began]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="night", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--reports", type=int, default=400, help="how many report, one each")
    parser.add_argument("--pace", type=float, default=100, help="reports a second")
    parser.add_argument("--phones", type=int, default=16, help="how many send at the same time")
    parser.add_argument("--courses", type=int, nargs="*", default=[1_000, 10_000])
    parser.add_argument("--databases", nargs="*", default=["postgres", "sqlite"], choices=["postgres", "sqlite"])
    parser.add_argument("--nobody", action="store_true", help="nobody who is on call has a screen open")
    chosen = parser.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="handrail-night-")))
        server = stack.enter_context(temporary_postgres(fsync=True)) if "postgres" in chosen.databases else None
        prepared = Prepared(folder, lambda: server)
        for courses in chosen.courses:
            for database in chosen.databases:
                own = folder / f"{database}-{courses}"
                own.mkdir()
                story = ("crowd", str(courses), str(chosen.reports + WARM_UP))
                with ExitStack() as night:
                    place = night.enter_context(prepared.installation(database, own, *story))
                    if not chosen.nobody:
                        night.enter_context(screens_open(place))
                    print(measure(place, database, courses, chosen.pace, chosen.phones), flush=True)


if __name__ == "__main__":
    main()
