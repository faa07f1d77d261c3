"""A storm of faults on a real installation: real pages, two real watchers, a real mail server and a real database.

    python -m tests.drills.storm --faults 10000 --database postgres --seed 7

Phones report through the check-in door the whole time and send again until they have an answer, as the page on the phone does. Meanwhile
processes are killed, the database is restarted, the mail server and the phone provider refuse, stall and lose, clocks are set wrong by two
hours, checks come late and twice. A nurse answers and grades. At the end `judging` counts what was lost, late and doubled. Every random choice follows the seed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, cast
from uuid import UUID

from handrail.clock import SteppedClock
from tests.drills.judging import LOG_SQL, Figures, Judge
from tests.drills.provider import BADLY, BadMail, BadProvider
from tests.support.installation import Installation, Prepared, wait_until
from tests.support.mail import free_port, mail_server
from tests.support.outage import away
from tests.support.postgres import Server, temporary_postgres
from tests.support.twilio import PhoneProvider, phone_provider

WEIGHTS = {
    "twice": 24,  # a check that was answered is sent again
    "at once": 8,  # the same check through both doors at the same time
    "late": 22,  # the phone held it for minutes or hours
    "refused": 18,  # the mail server answers 4xx or 5xx
    "stalled": 4,  # the mail server does not answer in time
    "provider": 10,  # the phone provider answers 429 or 5xx, does not answer in time, loses its answer or a receipt
    "clock": 8,  # every clock is set two hours wrong, or right again
    "watcher": 6,  # SIGKILL: its start takes a second of a processor
    "web": 5,  # SIGKILL: its start takes two
    "frozen": 1,  # a watcher stands still for longer than its lease, and goes on
}
"""How often each fault comes; the database is restarted once in two hundred."""
RESTART_EVERY = 200
PACE_SECONDS = 0.25  # ten thousand faults take most of an hour; denser, and two cores do not keep up
"""Between two faults, on a machine that keeps up: where it does not, the faults wait for the reports."""
PHONES = 6
STEP_SECONDS = 7200
LEASES = {"HANDRAIL_LEASE_SECONDS": "2", "HANDRAIL_SEND_LEASE_SECONDS": "10"}


@dataclass(eq=False)
class Part:
    """A process of the installation that is started again whenever it is dead, as systemd would."""

    storm: Storm
    words: tuple[str, ...]
    more: dict[str, str]
    ready: Callable[[Part], bool]
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0

    def run(self) -> None:
        """Start it, or start it again."""
        if self.process is not None:
            self.storm.place.started.remove(self.process)
            self.process.wait()
            self.deaths += 1
        self.process = self.storm.place.start(*self.words, **self.more)

    def kill(self) -> bool:
        """SIGKILL to it and everything that it started; False while it is still coming up."""
        if self.process is None or self.process.poll() is not None or not self.ready(self):
            return False
        os.killpg(self.process.pid, signal.SIGKILL)
        self.run()
        return True


class Storm:
    """One run."""

    def __init__(self, place: Installation, seed: int, server: Server | None, phone: PhoneProvider) -> None:
        self.place = place
        self.dice = random.Random(seed)
        self.server = server
        self.clock_file = str(place.folder / "clock")
        SteppedClock.set(self.clock_file, 0)
        place.more["HANDRAIL_CLOCK"] = f"stepped:{self.clock_file}"
        self.done: Counter[str] = Counter()
        self.answered: dict[str, tuple[int, dict[str, Any]]] = {}
        """Checks that a phone has an answer to: whose they are and what was sent."""
        self.outages: list[tuple[float, float]] = []
        self.unwatched: list[float] = []
        """When the last watcher that stood was killed, or stopped: from then on nobody watched until one had started."""
        self.complaints: list[str] = []
        self.said: list[tuple[float, str]] = []
        """Every fault and its instant by the real clock."""
        self.waited = 0.0
        """Seconds for which the faults waited for the reports."""
        self.began = self.ended = time.time()
        self.overbooked = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        self.work: SimpleQueue[tuple[int, dict[str, Any]]] = SimpleQueue()
        self.busy = 0
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.offset = 0
        self.frozen: dict[Part, float] = {}
        ports = [free_port(), free_port()]
        self.doors = [f"http://127.0.0.1:{port}/api/checkins" for port in ports]
        self.provider = BadProvider(phone, [f"http://127.0.0.1:{port}" for port in ports], self.over)
        place.more.update(self.provider.environment)
        watchers = 1 if server is None else 2
        self.watchers = [Part(self, ("watch",), {}, self._beats) for _ in range(watchers)]
        self.webs = [Part(self, ("serve", "--port", str(port), "--workers", "1"), {}, self._answers) for port in ports]

    # --- parts ----------------------------------------------------------------------------------------------------------

    def _beats(self, part: Part) -> bool:
        assert part.process is not None
        with contextlib.suppress(Exception):
            return bool(self.place.rows(f"SELECT 1 FROM alerts_heartbeat WHERE watcher LIKE '%:{part.process.pid}:%'"))
        return False

    def _answers(self, part: Part) -> bool:
        with contextlib.suppress(OSError):
            address = self.doors[self.webs.index(part)].replace("/api/checkins", "/healthz")
            return bool(urllib.request.urlopen(address, timeout=2).status == 200)
        return False

    def begin(self) -> None:
        """Everything runs, and nothing is wrong yet."""
        for part in (*self.watchers, *self.webs):
            part.run()
        for part in (*self.watchers, *self.webs):
            wait_until(
                lambda part=part: part.ready(part), f"{part.words} is up\n{self.place.log()[-2000:]}", seconds=60
            )
        self.threads = [threading.Thread(target=self._phone, args=(number,)) for number in range(PHONES)]
        self.threads += [threading.Thread(target=self._nurse), self.provider.thread]
        for thread in self.threads:
            thread.start()

    def revive(self) -> None:
        """Start again what died by itself, and thaw what has stood still for long enough."""
        for part in (*self.watchers, *self.webs):
            if part.process is not None and part.process.poll() is not None:
                self.complaints.append(f"{part.words[0]} ended by itself with {part.process.returncode}")
                part.run()
        for part, until in list(self.frozen.items()):
            if time.monotonic() >= until:
                del self.frozen[part]
                assert part.process is not None
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(part.process.pid, signal.SIGCONT)

    # --- phones ---------------------------------------------------------------------------------------------------------

    def check(self) -> dict[str, Any]:
        """What somebody reports: mostly a fever, sometimes a symptom, sometimes nothing."""
        warm = self.dice.choice(["38.4", "39.2", "36.8", "38.1"])
        symptoms = self.dice.choice([[], [], ["dizzy"], ["confused"], ["shaking_chills"]])
        return {
            "id": str(UUID(int=self.dice.getrandbits(128), version=4)),
            "temperature": warm,
            "unit": "C",
            "antipyretic": "no",
            "symptoms": symptoms,
            "none_of_these": not symptoms,
            "caregiver_present": True,
            "judged_by": "caregiver",
            "home_neuro": dict.fromkeys(("year", "month", "city", "sentence"), "right"),
            "sure": True,
        }

    def report(self, body: dict[str, Any], patient: int | None = None) -> None:
        """Put a check on a phone, which sends it until it is answered."""
        with self.lock:
            self.busy += 1
        self.work.put((self.dice.randrange(len(self.place.told["tokens"])) if patient is None else patient, body))

    def _phone(self, number: int) -> None:
        while not self.over.is_set() or not self.work.empty():
            try:
                patient, body = self.work.get(timeout=0.2)
            except Empty:
                continue
            tries = number
            while not self._send(patient, body, self.doors[tries % 2]):
                tries += 1
                time.sleep(0.1)
            with self.lock:
                self.busy -= 1

    def _send(self, patient: int, body: dict[str, Any], door: str) -> bool:
        request = urllib.request.Request(
            door,
            data=json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {self.place.told['tokens'][patient]}",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 429:
                self.done["too many"] += 1
                return True  # refused, and the phone says so
            if error.code < 500:
                self.complaints.append(f"a check was refused with {error.code}: {error.read()[:200]!r}")
                return True
            return False
        except OSError:
            return False
        except ValueError:
            return False
        if said["id"] != body["id"]:
            self.complaints.append("the answer is about another check")
        self.answered[body["id"]] = (patient, body)
        return True

    # --- the nurse ------------------------------------------------------------------------------------------------------

    def _nurse(self) -> None:
        """Grades whoever was paged about; one in twenty waits for six minutes, and the ladder is climbed."""
        process = self.place.start_piped("tests.support.staff")
        left: dict[str, float] = {}
        while not self.over.is_set():
            time.sleep(0.5)
            try:
                rows = self.place.rows(
                    "SELECT DISTINCT a.course_id FROM alerts_alert a JOIN alerts_page p ON p.alert_id = a.id "
                    "WHERE a.closed_at IS NULL AND p.channel = 'on_screen' AND a.ladder LIKE 'RED%' AND NOT EXISTS "
                    "(SELECT 1 FROM alerts_alert b WHERE b.course_id = a.course_id AND b.closed_at IS NULL "
                    "AND NOT EXISTS (SELECT 1 FROM alerts_page q WHERE q.alert_id = b.id))"
                )
            except Exception:  # noqa: BLE001 (the database is being restarted)
                continue
            for (found,) in rows:
                course = str(UUID(str(found)))
                if course not in left:
                    wait = 400.0 if hash((course, len(left))) % 20 == 0 else (hash(course) % 40) / 10
                    left[course] = time.monotonic() + wait
                if left[course] > time.monotonic():
                    continue
                del left[course]
                for what in ("answer", "assess"):
                    assert process.stdin is not None and process.stdout is not None
                    process.stdin.write(json.dumps({what: course}).encode() + b"\n")
                    process.stdin.flush()
                    said = json.loads(process.stdout.readline() or b'{"failed": "the nurse ended"}')
                    if "failed" in said:
                        self.complaints.append(f"nurse: {said}")
                        process.stdout.readline()

    # --- faults ---------------------------------------------------------------------------------------------------------

    def run(self, faults: int, say: Callable[[str], None] = lambda line: None) -> float:
        """So many faults; returns the seconds."""
        began, names = time.monotonic(), list(WEIGHTS)
        weights = list(WEIGHTS.values())
        count = 0
        while count < faults:
            turn = time.monotonic()
            self.revive()
            if self.work.qsize() > 4 * PHONES:
                time.sleep(PACE_SECONDS)  # the machine does not keep up: faults wait for the reports
                self.waited += PACE_SECONDS
                continue
            if self.work.qsize() < PHONES:
                self.report(self.check())
            restart = self.server is not None and count % RESTART_EVERY == RESTART_EVERY // 4
            name = "database" if restart and self.done["database"] * RESTART_EVERY <= count else ""
            name = name or self.dice.choices(names, weights)[0]
            at = time.time()
            if not getattr(self, "_" + name.replace(" ", "_") + "_fault")():
                time.sleep(PACE_SECONDS / 10)  # it could not be done just now: another one
                continue
            self.done[name] += 1
            self.said.append((at, f"{name} {self.offset}" if name == "clock" else name))
            count += 1
            if count % 500 == 0:
                say(
                    f"{count} faults, {len(self.answered)} checks, {time.monotonic() - began:.0f} s, {self.waited:.0f} s of them waited"
                )
            time.sleep(max(0.0, PACE_SECONDS - (time.monotonic() - turn)))
        return time.monotonic() - began

    def end(self) -> None:
        """Everything is right again; wait until every check is answered and nothing is left to do."""
        self._set_clock(0)
        for part in list(self.frozen):
            self.frozen[part] = 0.0
        self.revive()
        wait_until(lambda: self.revive() or self.busy == 0, "every phone has its answer", seconds=180)
        self.ended = time.time()
        self.over.set()
        for thread in self.threads:
            thread.join(timeout=60)
        try:
            wait_until(
                lambda: self.revive() or self._settled(),
                "everybody is called and nothing waits to be sent",
                seconds=180,
            )
        except AssertionError as error:
            raise AssertionError(f"{error}: {'; '.join(self.left()) or 'it was just done'}") from None

    def _settled(self) -> bool:
        """Nothing from before the end is on its way; the ladders of what nobody answers go on for ever."""
        sending = {
            UUID(str(name)).hex for (name,) in self.place.rows("SELECT id FROM alerts_page WHERE state = 'sending'")
        }
        if sending:
            before = self.place.rows(f"SELECT id FROM drill_log WHERE kind = 'page' AND at < {self.ended}")
            sending &= {UUID(str(name)).hex for (name,) in before}
        return not sending and not self.place.rows(
            "SELECT 1 FROM alerts_alert a WHERE a.closed_at IS NULL AND a.acknowledged_at IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM alerts_page p WHERE p.alert_id = a.id) LIMIT 1"
        )

    def left(self) -> list[str]:
        """What is not settled, in words: channel, attempt, tries, and when it was to be sent and is let go, in seconds from now."""
        now = time.time()
        pages = self.place.rows(
            "SELECT id, channel, attempt, tries, send_at, lease_until, created_at FROM alerts_page WHERE state = 'sending'"
        )
        old = {
            UUID(str(name)).hex
            for (name,) in self.place.rows(f"SELECT id FROM drill_log WHERE kind = 'page' AND at < {self.ended}")
        }
        waiting = [page for page in pages if UUID(str(page[0])).hex in old]
        unpaged = self.place.rows(
            "SELECT a.key, a.next_page_at, a.lease_until, a.opened_at FROM alerts_alert a WHERE a.closed_at IS NULL "
            "AND a.acknowledged_at IS NULL AND NOT EXISTS (SELECT 1 FROM alerts_page p WHERE p.alert_id = a.id)"
        )
        said = [
            f"{len(waiting)} of {len(pages)} pages wait to be sent, {len(unpaged)} alerts have none (now {now:.0f})"
        ]
        return said + [" ".join(str(value) for value in row) for row in [*waiting[:10], *unpaged[:10]]]

    def _twice_fault(self) -> bool:
        if not self.answered:
            return False
        patient, body = self.answered[self.dice.choice(list(self.answered)[-200:])]
        self.report(body, patient)
        return True

    def _at_once_fault(self) -> bool:
        body, patient = self.check(), self.dice.randrange(len(self.place.told["tokens"]))
        for _ in self.doors:
            self.report(body, patient)
        return True

    def _late_fault(self) -> bool:
        self.report({**self.check(), "waited_seconds": self.dice.choice([60, 900, 7200, 40000])})
        return True

    def _refused_fault(self) -> bool:
        return self._mail(self.dice.choice(["450", "451", "421", "550"]))

    def _stalled_fault(self) -> bool:
        return self._mail("stalled")

    def _provider_fault(self) -> bool:
        return self.provider.trouble(self.dice.choice(BADLY))

    def _mail(self, what: str) -> bool:
        mail = self.place.mail
        assert isinstance(mail, BadMail)
        if mail.trouble.qsize() > 5:
            return False  # those handed out before come first
        mail.trouble.put(what)
        return True

    def _clock_fault(self) -> bool:
        self._set_clock(0 if self.offset else self.dice.choice([STEP_SECONDS, -STEP_SECONDS]))
        return True

    def _set_clock(self, seconds: int) -> None:
        self.offset = seconds
        SteppedClock.set(self.clock_file, seconds)

    def _watcher_fault(self) -> bool:
        part = self.dice.choice(self.watchers)
        alone, at = self._alone(part), time.time()
        if part in self.frozen or not part.kill():
            return False
        if alone:
            self.unwatched.append(at)
        return True

    def _alone(self, part: Part) -> bool:
        """Whether no other watcher is at work: each of them still starts, or stands still."""
        return not any(each is not part and each not in self.frozen and self._beats(each) for each in self.watchers)

    def _web_fault(self) -> bool:
        return self.dice.choice(self.webs).kill()

    def _frozen_fault(self) -> bool:
        part = self.dice.choice(self.watchers)
        if len(self.watchers) < 2 or self.frozen or not self._beats(part):
            return False
        assert part.process is not None
        if self._alone(part):
            self.unwatched.append(time.time())
        os.killpg(part.process.pid, signal.SIGSTOP)
        self.frozen[part] = time.monotonic() + 4
        return True

    def _database_fault(self) -> bool:
        assert self.server is not None
        began = time.time()
        with away(self.server, self.dice.choice([signal.SIGINT, signal.SIGQUIT])):
            time.sleep(self.dice.uniform(0, 1))
        self.outages.append((began, time.time()))
        return True


@contextmanager
def stormy(
    database: str, folder: Path, courses: int, seed: int, *, prepared: Prepared | None = None
) -> Iterator[Storm]:
    """An installation for a storm, with its courses and their patients; the server of PostgreSQL is its own, to be killed."""
    with ExitStack() as stack:
        mail, phone = stack.enter_context(mail_server(BadMail)), stack.enter_context(phone_provider())
        server = None
        if database == "postgres":
            server = stack.enter_context(temporary_postgres(fsync=True))  # what was answered must outlive a crash
        made = folder / "made"
        made.mkdir()
        prepared = prepared or Prepared(made, lambda: cast("Server", server))  # asked for with PostgreSQL only
        story = ("reachable_ward", str(courses))
        place = stack.enter_context(prepared.installation(database, folder, *story, mail=mail, **LEASES))
        for statement in LOG_SQL[database]:
            place.rows(statement)
        storm = Storm(place, seed, server, phone)
        stack.callback(storm.over.set)
        yield storm


def main() -> int:
    """The full size, with its figures; ends with 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="storm", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--faults", type=int, default=10_000)
    parser.add_argument("--database", choices=["postgres", "sqlite"], default="postgres")
    parser.add_argument("--courses", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument(
        "--busy", action="store_true", help="others use this machine: give the recovery that much longer"
    )
    chosen = parser.parse_args()
    print(f"{chosen.faults} faults on {chosen.database}, {chosen.courses} courses, seed {chosen.seed}", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="handrail-storm-") as folder,
        stormy(chosen.database, Path(folder), chosen.courses, chosen.seed) as storm,
    ):
        if not chosen.busy:
            storm.overbooked = 1.0
        storm.begin()
        seconds = storm.run(chosen.faults, lambda line: print(line, flush=True))
        try:
            storm.end()
        except AssertionError as error:  # the figures say more about it
            storm.complaints.append(str(error))
        figures = Judge(storm).figures(seconds)
        if not figures.good:
            Path("storm.log").write_text(storm.place.log())
    print(figures)
    return 0 if figures.good else 1


if __name__ == "__main__":
    sys.exit(main())


__all__ = ["Figures", "Storm", "stormy"]
