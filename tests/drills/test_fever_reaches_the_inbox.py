"""From the patient's Send to the person on call: real pages, a real watcher, a real mail server, default settings."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from handrail import clock
from tests.support.installation import DATABASES, Installation, wait_until
from tests.support.mail import free_port

pytestmark = pytest.mark.drill
PROMISED = 5.0
"""Seconds from Send to the inbox and the mail."""


def serve(place: Installation) -> tuple[str, subprocess.Popen[bytes]]:
    """Start the web pages and wait until they answer."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    process = place.start("serve", "--port", str(port), "--workers", "1", HANDRAIL_BASE_URL=address)

    def answers() -> bool:
        assert process.poll() is None, place.log()
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=2) as found:
                return bool(found.status == 200)
        except OSError:
            return False

    wait_until(answers, "the pages answer", seconds=20)
    return address, process


def watch(place: Installation) -> None:
    """Start a watcher and wait for its sign of life."""
    process = place.start("watch")

    def beats() -> bool:
        assert process.poll() is None, place.log()
        return bool(place.rows("SELECT 1 FROM alerts_heartbeat"))

    wait_until(beats, "somebody watches", seconds=20)


def send(address: str, token: str) -> dict[str, Any]:
    """The patient's Send: 38.4 °C, nothing else."""
    body = {
        "id": str(uuid4()), "temperature": "38.4", "unit": "C", "antipyretic": "no", "none_of_these": True,
        "caregiver_present": True, "judged_by": "caregiver",
        "home_neuro": dict.fromkeys(("year", "month", "city", "sentence"), "right"),
    }  # fmt: skip
    request = urllib.request.Request(
        f"{address}/api/checkins",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 201
        return dict(json.load(answer))


def inbox(place: Installation) -> list[tuple[Any, ...]]:
    """What stands in the inboxes: who, state and instant."""
    return place.rows(
        "SELECT p.who, p.state, p.created_at, a.opened_at FROM alerts_page p JOIN alerts_alert a ON a.id = p.alert_id "
        "WHERE p.channel = 'on_screen' AND a.ladder = 'RED-3' ORDER BY p.attempt"
    )


def assert_reached_in_time(place: Installation, sent: float) -> None:
    """The person on call has it in the inbox and in the mail, and the mail says nothing about the patient."""
    assert place.mail is not None
    wait_until(lambda: inbox(place), "the page stands in the inbox", seconds=10)
    seen = time.monotonic() - sent
    (taken,) = place.mail.wait_for(1)
    assert seen < PROMISED and taken.at - sent < PROMISED, (seen, taken.at - sent)
    assert [row[:2] for row in inbox(place)] == [("first_on_call", "sent")]
    assert taken.to == ("first_on_call@example.org",)
    assert f"Site {place.told['site']}" in taken.body
    # The address is drawn by chance and may hold any two digits.
    words = re.sub(r"http\S+", "", taken.body.replace(place.told["site"], "")).lower()
    assert not re.search(r"\b38([.,]\d)?\b|fever|°", words)


@pytest.mark.parametrize("database", DATABASES)
def test_a_fever_reaches_the_person_on_call(prepared, mail, tmp_path, database):
    with prepared.installation(database, tmp_path, "quiet", mail=mail) as place:
        watch(place)
        address, _ = serve(place)
        sent = time.monotonic()
        answer = send(address, place.told["token"])
        assert_reached_in_time(place, sent)
        assert place.told["token"] not in place.log()
        assert answer["tone"] == "now" and "is being called" in answer["truth"], "what the patient reads"


@pytest.mark.parametrize("database", DATABASES)
def test_it_arrives_although_the_pages_are_killed_just_after_send(prepared, mail, tmp_path, database):
    """The watcher starts only when the pages are dead: nothing that they began can have helped."""
    with prepared.installation(database, tmp_path, "quiet", mail=mail) as place:
        address, pages = serve(place)
        send(address, place.told["token"])
        os.killpg(pages.pid, signal.SIGKILL)
        assert pages.wait() == -signal.SIGKILL
        assert inbox(place) == [] and mail.arrived == []
        place.start("watch")
        assert_reached_in_time(place, time.monotonic())


@pytest.mark.parametrize("database", DATABASES)
def test_it_arrives_although_nobody_lived_to_answer_the_phone(prepared, mail, tmp_path, database):
    """Killed between the commit and the answer: the phone saw an error, and somebody is called all the same."""
    with prepared.installation(database, tmp_path, "quiet", mail=mail) as place:
        watch(place)
        mark = tmp_path / "committed"
        (course,) = place.told["courses"]
        taking = place.start("send_fever", course, place.told["link"], str(mark), module="tests.support.story")
        wait_until(mark.exists, "the check is committed")
        os.kill(taking.pid, signal.SIGKILL)
        assert_reached_in_time(place, time.monotonic())


def test_nobody_answers_and_the_second_person_is_called_on_time(prepared, mail, tmp_path):
    """A night hurried a hundredfold; what is judged is the time of that night. "I have it" ends it."""
    hurried = clock.FastClock(100, datetime(2026, 3, 2, 15, 30, tzinfo=UTC), clock.SystemClock().now())
    late = timedelta(seconds=90)  # nine tenths of a second of ours
    with prepared.installation("sqlite", tmp_path, mail=mail, HANDRAIL_CLOCK=hurried.to_environment()) as place:
        told = place.told = place.tell("quiet")
        watch(place)
        address, _ = serve(place)
        send(address, told["token"])
        wait_until(lambda: len(inbox(place)) == 3, "three pages", seconds=20)
        due = [("first_on_call", 0), ("first_on_call", 5), ("second_on_call", 10)]
        for (who, minutes), (paged, state, at, opened) in zip(due, inbox(place), strict=True):
            waited = _instant(at) - _instant(opened)
            assert (paged, state) == (who, "sent")
            assert timedelta(minutes=minutes) <= waited <= timedelta(minutes=minutes) + late, waited
        assert [taken.to[0] for taken in mail.wait_for(3)] == [f"{who}@example.org" for who, _ in due]
        ((alert,),) = place.rows("SELECT id FROM alerts_alert WHERE ladder = 'RED-3'")
        assert place.tell("answer", alert, "second_on_call@example.org")["mine"]
        answered = hurried.now()
        wait_until(lambda: hurried.now() > answered + timedelta(minutes=12), "the time of the next step")
        paged = [row for row in place.rows("SELECT alert_id, channel FROM alerts_page") if row == (alert, "on_screen")]
        assert len(paged) == 3, "nobody is paged again for what somebody has"
        # "I have it" is not yet a call: the clock of the contact runs on, and pages for itself.
        keys = [key.split(":")[0] for (key,) in place.rows("SELECT key FROM alerts_alert ORDER BY opened_at")]
        assert [key for key in keys if key in ("report", "contact")] == ["report", "contact"]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
