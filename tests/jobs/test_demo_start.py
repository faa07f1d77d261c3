"""The demonstration as a whole: at any hour, its folder, its mail server, its processes, and what it refuses."""

import contextlib
import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from handrail.jobs.demo.children import Child, Folder, any_port, environment, free_port
from handrail.jobs.demo.mailbox import Mailbox
from handrail.jobs.demo.seed import Seeded, seed
from handrail.jobs.demo.supervisor import FeverButton, checkin_address, ending_on_signals
from handrail.people.models import Organisation
from handrail.rules.terms import UnusableInput
from tests.jobs.test_demo import PASSWORD, PROMISED, TUESDAY_1450

# --- at any hour ------------------------------------------------------------------------------------------------------


def actions(told: Seeded) -> dict[str, str]:
    found = {name: story.course.assessment for name, story in told.stories.items()}
    return {name: said["next_dose"]["action"] for name, said in found.items() if said is not None}


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("hour", [3, 9, 23])
def test_the_promise_holds_at_any_hour(hour):
    told = seed(TUESDAY_1450.replace(hour=hour, minute=7), PASSWORD)
    found = actions(told)
    assert found == {name: action for name, (action, *_) in PROMISED.items()}


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("day", [datetime(2026, 3, 8, 15, tzinfo=UTC), datetime(2026, 11, 1, 15, tzinfo=UTC)])
def test_the_promise_holds_when_the_clocks_have_just_changed(day):
    told = seed(day, PASSWORD)
    found = actions(told)
    assert found == {name: action for name, (action, *_) in PROMISED.items()}


# --- what it refuses --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_live_installation_is_left_alone():
    with override_settings(HANDRAIL_MODE="live"), pytest.raises(UnusableInput, match="live"):
        seed(TUESDAY_1450, PASSWORD)
    assert Organisation.objects.count() == 0


# --- the folder, the port, the mail server ----------------------------------------------------------------------------


def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path):
    precious = tmp_path / "thesis.txt"
    precious.write_text("years of work")
    with pytest.raises(UnusableInput, match="another folder"):
        Folder(tmp_path).empty()
    assert precious.read_text() == "years of work"


def test_the_fever_night_never_takes_the_folder_of_the_demonstration(tmp_path):
    folder = Folder(tmp_path / "d")
    folder.empty()
    folder.write({"seeded_at": "2026-03-02T00:00:00+00:00"})
    with pytest.raises(UnusableInput, match="not this demonstration's"):
        Folder(tmp_path / "d", "fever").empty()
    assert folder.file.exists()
    folder.empty()
    assert not folder.file.exists()


def test_what_is_told_once_is_for_its_owner_only(tmp_path):
    folder = Folder(tmp_path / "d")
    folder.empty()
    folder.write({"password": "x"})
    assert folder.file.stat().st_mode & 0o077 == 0
    assert folder.told() is None  # not finished: the next start tells it anew


def test_a_taken_port_gives_the_next_free_one():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < free_port(port) <= port + 50


def test_nothing_of_the_operator_s_own_installation_reaches_the_demonstration(tmp_path, monkeypatch):
    monkeypatch.setenv("HANDRAIL_DATABASE_URL", "postgresql://precious")
    monkeypatch.setenv("HANDRAIL_DATABASE_ROLE", "precious")
    monkeypatch.setenv("HANDRAIL_CLOCK", "fast:60|x|y")
    found = environment(Folder(tmp_path), port=1, mail_port=2, secret_key="s")
    assert found["HANDRAIL_DATABASE_URL"] == f"sqlite:///{tmp_path}/demo.db"
    assert "HANDRAIL_DATABASE_ROLE" not in found and "HANDRAIL_CLOCK" not in found
    assert found["HANDRAIL_MODE"] == "demo"


def test_every_mail_is_a_file(tmp_path):
    heard: list[tuple[int, str, str]] = []
    box = Mailbox(tmp_path / "mail", any_port(), lambda *mail: heard.append(mail))
    box.start()
    try:
        for number in (1, 2):
            mail = EmailMessage()
            mail["Subject"], mail["From"], mail["To"] = f"page {number}", "handrail@localhost", "on-call@hub.example"
            mail.set_content("no reading here")
            with smtplib.SMTP("127.0.0.1", box.port) as server:
                server.send_message(mail)
    finally:
        box.stop()
    assert heard == [(1, "on-call@hub.example", "page 1"), (2, "on-call@hub.example", "page 2")]
    assert "no reading here" in (tmp_path / "mail" / "0002.eml").read_text()
    assert Mailbox(tmp_path / "mail", any_port()).count == 2  # a second start goes on counting


# --- the processes ----------------------------------------------------------------------------------------------------


def wait_for(what: Any, seconds: float = 20.0) -> Any:
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.05)
    return found


def test_a_child_that_dies_is_started_again_and_one_that_is_stopped_is_not(tmp_path):
    command = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)"]
    child = Child(name="sleeper", command=command, variables=dict(os.environ), folder=Folder(tmp_path))
    child.start()
    assert child.process is not None
    first = child.process.pid
    os.kill(first, signal.SIGKILL)
    child.process.wait()
    wait_for(child.look_after)
    assert child.alive() and child.process.pid != first
    wait_for(lambda: child.last_words() == "here")
    child.stop()
    assert not child.alive() and not child.look_after()


def test_the_button_starts_one_night_and_shows_its_address(tmp_path, monkeypatch):
    """The night itself has its own test; here a stand-in writes the address that it would write."""
    folder = Folder(tmp_path)
    stand_in = (
        "import pathlib, sys, time; d = pathlib.Path(sys.argv[sys.argv.index('--dir') + 1]); d.mkdir(exist_ok=True);"
        "(d / 'address').write_text('http://127.0.0.1:' + sys.argv[sys.argv.index('--port') + 1] + '/'); time.sleep(60)"
    )
    monkeypatch.setattr("handrail.jobs.demo.supervisor.HANDRAIL", (sys.executable, "-c", stand_in))
    (tmp_path / "fever-address").write_text("left from yesterday")
    button = FeverButton(folder, any_port())
    assert not (tmp_path / "fever-address").exists()
    button.look()
    assert button.child is None
    (tmp_path / "play-fever").touch()
    button.look()
    assert button.child is not None and button.child.alive() and not (tmp_path / "play-fever").exists()
    running = button.child
    try:

        def shown() -> bool:
            button.look()
            return (tmp_path / "fever-address").exists()

        wait_for(shown)
        assert (tmp_path / "fever-address").read_text().startswith("http://127.0.0.1:")
        (tmp_path / "play-fever").touch()
        button.look()
        assert button.child is running  # asking again while it runs changes nothing
    finally:
        button.stop()
    assert not running.alive() and not (tmp_path / "fever-address").exists()


def test_a_second_signal_cuts_no_ending_short():
    """`make` and the terminal may both send one, and people press ctrl-C twice."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    undone = []

    def undo() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        undone.append("to its end")

    with ending_on_signals(), contextlib.ExitStack() as stack:
        stack.callback(undo)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
    assert undone == ["to its end"]
    assert {each: signal.getsignal(each) for each in before} == before


@pytest.mark.slow
@pytest.mark.drill
def test_the_demonstration_from_an_empty_folder(tmp_path):
    """Pages, watcher and mail server by one command; a watcher that is killed is started again; ctrl-C ends all of it."""
    directory = tmp_path / "demo data"  # with a space: somebody's folder has one
    port = any_port()
    process = _start(directory, port)
    try:
        said = _until(process, "ctrl-C stops everything.")
        address = f"http://127.0.0.1:{port}"
        told = json.loads((directory / "demo.json").read_text())
        assert checkin_address(address, told["checkin_token"]) in said
        assert told["password"] in said and "oncologist@lakeside.example" in said
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())  # the link becomes a cookie
        with browser.open(checkin_address(address, told["checkin_token"])) as page:
            assert page.status == 200 and page.url == f"{address}/c/"
        wait_for(lambda: len(list((directory / "mail").glob("*.eml"))) >= 2)  # fever, silence: the watcher called
        watcher = _watcher_of(process.pid)
        os.kill(watcher, signal.SIGKILL)
        assert "watcher process had ended and was started again" in _until(process, "was started again")
        wait_for(lambda: _watcher_of(process.pid) not in (None, watcher))
    finally:
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=30)[0]
    assert process.returncode == 0 and "Stopped." in rest
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{address}/healthz", timeout=2)

    again = _start(directory, port)
    try:
        said = _until(again, "ctrl-C stops everything.")
        assert "Using what is in" in said and told["checkin_token"] in said
    finally:
        again.send_signal(signal.SIGTERM)
        rest = again.communicate(timeout=30)[0]
    assert again.returncode == 0, rest


def _start(directory: Path, port: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "handrail.cli", "demo", "--dir", str(directory), "--port", str(port)]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("HANDRAIL_")}
    return subprocess.Popen(
        words,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_as_at_a_terminal,
    )


def _as_at_a_terminal() -> None:
    """Whoever runs the tests in the background of a shell ignores ctrl-C, and so would everything started here."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _until(process: subprocess.Popen[str], words: str) -> str:
    said = ""
    assert process.stdout is not None
    while words not in said:
        line = process.stdout.readline()
        assert line, f"it ended without saying {words!r}:\n{said}"
        said += line
    return said


def _watcher_of(supervisor: int) -> int | None:
    """The watcher among the children of the supervisor."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    for child in children:
        if "watch" in Path(f"/proc/{child}/cmdline").read_text().split("\0"):
            return int(child)
    return None
