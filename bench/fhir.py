"""The FHIR door under load: `make bench` or `python bench/fhir.py --help`.

Real processes on a real database, and a system with keys of its own that sends and reads over HTTP: Observations one by one and in
Bundles of 100, the summary of a course with its p95; a file of 1 MB read and everything exported, each by a command; and beside them
what the same processes answer where nothing is asked of the database (`/fhir/metadata`), so that runs on different machines can be
compared by their ratios. On SQLite and on PostgreSQL. Nothing here is a test: a slow machine is no fault.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.night import answers
from tests.support.bundles import bundle
from tests.support.bundles import observation as observation_of_partner
from tests.support.installation import Installation, Prepared, wait_until
from tests.support.mail import free_port
from tests.support.postgres import temporary_postgres
from tests.support.story import DEVICES

FHIR = "application/fhir+json"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SCOPES = "system/Observation.c system/Patient.rs"
TOKEN_LASTS = 200
"""Seconds after which the next token is asked for; one lasts five minutes."""
IN_A_BUNDLE = 100
WARM_UP = 8
MEGABYTE = 1_000_000
TIMES = 3
"""How often a command is run."""
DIRECTOR = """
    SELECT member.organisation_id, people_user.email FROM people_membership member
    JOIN people_user ON people_user.id = member.user_id
    WHERE member.role = 'director' AND member.organisation_id IN (SELECT organisation_id FROM records_course)
"""


@dataclass(slots=True)
class System:
    """A system that signs its requests, and the doors that it speaks to."""

    ports: list[int]
    client: str
    key: ECKey
    courses: int
    token: str = ""
    token_until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)
    local: threading.local = field(default_factory=threading.local)

    def shown(self) -> str:
        """A token that is good for minutes."""
        with self.lock:
            if time.monotonic() > self.token_until:
                now = int(time.time())
                audience = f"http://127.0.0.1:{self.ports[0]}/fhir/token"
                claims = {
                    "iss": self.client,
                    "sub": self.client,
                    "aud": audience,
                    "exp": now + 240,
                    "jti": str(uuid4()),
                }
                signed = jwt.encode({"alg": "ES384", "kid": "bench"}, claims, self.key, algorithms=["ES384"])
                form = {
                    "grant_type": "client_credentials", "scope": SCOPES,
                    "client_assertion_type": ASSERTION, "client_assertion": signed,
                }  # fmt: skip
                status, body = self._ask(
                    0, "POST", "/fhir/token", urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"}
                )
                assert status == 200, body
                self.token, self.token_until = json.loads(body)["access_token"], time.monotonic() + TOKEN_LASTS
            return self.token

    def ask(self, number: int, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        """One request, over a connection that this thread keeps."""
        return self._ask(number, method, path, body, {"Authorization": f"Bearer {self.shown()}", "Content-Type": FHIR})

    def _ask(self, number: int, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[int, bytes]:
        port = self.ports[number % len(self.ports)]
        kept = self.local.__dict__.setdefault("kept", {})
        for last in (False, True):
            wire = kept.setdefault(port, http.client.HTTPConnection("127.0.0.1", port, timeout=120))
            try:
                wire.request(method, path, body, headers)
                answer = wire.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, OSError):
                kept.pop(port).close()  # the server had closed it: once more on a new one
                if last:
                    raise
        raise AssertionError


def observation(course: int, number: int, at: datetime) -> dict[str, Any]:
    """A quiet temperature, pulse or saturation of one patient, with an identifier of its own."""
    loinc, value, unit = (
        ("8310-5", 36.5 + number % 7 / 10, "Cel"),
        ("8867-4", 66 + number % 9, "/min"),
        ("59408-5", 97, "%"),
    )[number % 3]
    return {
        "resourceType": "Observation", "status": "final",
        "identifier": [{"system": "https://devices.example/readings", "value": str(uuid4())}],
        "code": {"coding": [{"system": "http://loinc.org", "code": loinc}]},
        "subject": {"identifier": {"system": DEVICES, "value": f"D-{course}"}},
        "effectiveDateTime": (at - timedelta(seconds=number)).isoformat(),
        "valueQuantity": {"value": round(value, 1), "system": "http://unitsofmeasure.org", "code": unit},
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figures:
    """What one measurement gave: so many a second, and how long one took."""

    each: float
    middle_ms: float
    p95_ms: float

    def __str__(self) -> str:
        return f"{self.each:8.1f}/s   median {self.middle_ms:7.1f} ms   p95 {self.p95_ms:7.1f} ms"


def timed(work: Callable[[int], bool], count: int, hands: int, worth: int = 1) -> Figures:
    """Do it so often, with so many hands; each time is worth so many. Every one of them must be taken."""
    took: list[float] = []

    def once(number: int) -> None:
        began = time.monotonic()
        assert work(number), f"number {number} was refused"
        took.append(time.monotonic() - began)

    with ThreadPoolExecutor(max_workers=hands) as pool:
        list(pool.map(once, range(WARM_UP)))
        took.clear()
        began = time.monotonic()
        list(pool.map(once, range(WARM_UP, WARM_UP + count)))
        seconds = time.monotonic() - began
    took.sort()
    p95 = took[min(len(took) - 1, int(len(took) * 0.95))]
    return Figures(count * worth / seconds, median(took) * 1000, p95 * 1000)


# --- what is measured: a function of the system, and its name ----------------------------------------------------------------


def metadata(system: System, chosen: argparse.Namespace, _place: Installation) -> Figures:
    """The yardstick: the same processes, and no question to the database."""
    return timed(lambda n: system.ask(n, "GET", "/fhir/metadata")[0] == 200, chosen.count, chosen.hands)


def single(system: System, chosen: argparse.Namespace, _place: Installation) -> Figures:
    """Observations one by one, spread over the courses."""

    def send(number: int) -> bool:
        one = observation(number % system.courses, number, datetime.now(UTC))
        return system.ask(number, "POST", "/fhir/Observation", json.dumps(one))[0] == 201

    return timed(send, chosen.count, chosen.hands)


def bundles(system: System, chosen: argparse.Namespace, _place: Installation) -> Figures:
    """Transactions of 100 Observations of one course each; counted are Observations."""

    def send(number: int) -> bool:
        course, now = number % system.courses, datetime.now(UTC)
        entries = [
            {"resource": observation(course, each, now), "request": {"method": "POST", "url": "Observation"}}
            for each in range(IN_A_BUNDLE)
        ]
        body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})
        return system.ask(number, "POST", "/fhir", body)[0] == 200

    return timed(send, chosen.bundles, chosen.hands, IN_A_BUNDLE)


def summaries(system: System, chosen: argparse.Namespace, place: Installation) -> Figures:
    """The course as it stands, as a document, with a look written for each."""
    patients = [str(row[0]) for row in place.rows("SELECT patient_id FROM records_course ORDER BY id")]
    return timed(
        lambda n: system.ask(n, "GET", f"/fhir/Patient/{patients[n % len(patients)]}/$summary")[0] == 200,
        chosen.count, chosen.hands,
    )  # fmt: skip


def commands(place: Installation, count: int, worth: Callable[[int], int], *words: str) -> Figures:
    """A command from its start to its end, so often and one after the other; `{n}` in its words is the number of the time."""
    took, done = [], 0
    for number in range(count):
        began = time.monotonic()
        process = place.start(*(word.replace("{n}", str(number)) for word in words))
        assert process.wait(timeout=600) == 0, f"{words[0]} {words[1]} failed: see the log"
        took.append(time.monotonic() - began)
        done += worth(number)
    return Figures(done / sum(took), median(took) * 1000, max(took) * 1000)


def imports(_system: System, _chosen: argparse.Namespace, place: Installation) -> Figures:
    """A Bundle of 1 MB, read and shown by a command from its start to its end; the slowest stands as p95."""
    file, resources = place.folder / "big.json", []
    while len(resources) * 300 < MEGABYTE or len(json.dumps(bundle(*resources))) < MEGABYTE:
        at = f"2026-02-{len(resources) % 28 + 1:02d}T{len(resources) % 24:02d}:00:00Z"
        resources += [observation_of_partner("8310-5", round(36 + number / 100, 2), "Cel", at) for number in range(100)]
    file.write_text(json.dumps(bundle(*resources)), encoding="utf-8")
    return commands(place, TIMES, lambda _number: 1, "import", "fhir", str(file), "--show")


def ndjson(_system: System, _chosen: argparse.Namespace, place: Installation) -> Figures:
    """Everything of the organisation, by a command from its start to its end; counted are lines, and the slowest stands as p95."""
    [(organisation, email), *_] = place.rows(DIRECTOR)

    def lines(number: int) -> int:
        files = (place.folder / f"export-{number}").rglob("*.ndjson")
        return sum(len(file.read_bytes().splitlines()) for file in files)

    words = ("export", "ndjson", str(place.folder / "export-{n}"), "--organisation", str(organisation), "--by", email)
    return commands(place, TIMES, lines, *words)


MEASURED: dict[str, Callable[[System, argparse.Namespace, Installation], Figures]] = {
    "metadata (yardstick)": metadata,
    "$summary": summaries,
    "Observation, one by one": single,
    f"Observation, {IN_A_BUNDLE} in a Bundle": bundles,
    "import of 1 MB": imports,
    "NDJSON, lines": ndjson,
}
"""In this order: the summaries of courses with few facts first, since Bundles make them long. A health link's manifest is not measured."""


def measure(place: Installation, database: str, key: ECKey, chosen: argparse.Namespace) -> dict[str, Figures]:
    """Everything on one prepared installation."""
    ports = [free_port(), free_port()]
    for port in ports:
        base = f"http://127.0.0.1:{ports[0]}"
        place.start("serve", "--port", str(port), "--workers", "1", HANDRAIL_BASE_URL=base)
    for port in ports:
        wait_until(partial(answers, port), "the pages answer", seconds=120)
    system = System(ports, place.told["client"], key, chosen.courses)
    found = {}
    for name, work in MEASURED.items():
        found[name] = work(system, chosen, place)
        print(f"{database:>8}  {name:<28} {found[name]}", flush=True)
    return found


def ratios(found: dict[str, dict[str, Figures]]) -> Iterator[str]:
    """What stays the same on a faster machine."""
    yardstick, one, many = "metadata (yardstick)", "Observation, one by one", f"Observation, {IN_A_BUNDLE} in a Bundle"
    for database, figures in found.items():
        yield f"{database:>8}  in a Bundle to one by one: {figures[many].each / figures[one].each:.1f}"
        for name, row in figures.items():
            if name != yardstick:
                yield f"{database:>8}  {name} to the yardstick: {row.each / figures[yardstick].each:.4f}"
    if {"postgres", "sqlite"} <= set(found):
        for name in MEASURED:
            yield f"postgres to sqlite, {name}: {found['postgres'][name].each / found['sqlite'][name].each:.2f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="fhir", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=400, help="requests of each kind")
    parser.add_argument("--bundles", type=int, default=24, help="Bundles of 100")
    parser.add_argument("--hands", type=int, default=4, help="how many ask at the same time")
    parser.add_argument("--courses", type=int, default=40)
    parser.add_argument("--databases", nargs="*", default=["sqlite", "postgres"], choices=["postgres", "sqlite"])
    chosen = parser.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    made = ECKey.generate_key("P-384")
    key = ECKey.import_key(made.as_dict(private=True) | {"kid": "bench"})
    public = key.as_dict(private=False)
    point = f"{public['x']}.{public['y']}"
    found = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="handrail-fhir-")))
        server = stack.enter_context(temporary_postgres(fsync=True)) if "postgres" in chosen.databases else None
        prepared = Prepared(folder, lambda: server)
        for database in chosen.databases:
            own = folder / database
            own.mkdir()
            with prepared.installation(database, own, "devices", str(chosen.courses), point) as place:
                found[database] = measure(place, database, key, chosen)
    for line in ratios(found):
        print(line, flush=True)


if __name__ == "__main__":
    main()
