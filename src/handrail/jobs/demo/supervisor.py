"""`handrail demo`: a folder, a mail server, the pages and the watcher, looked after until ctrl-C."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any, Final

from handrail import clock
from handrail.jobs.demo.children import (
    HANDRAIL,
    HOST,
    Child,
    Folder,
    any_port,
    environment,
    free_port,
    new_password,
    run_once,
    wait_until_it_answers,
)
from handrail.jobs.demo.mailbox import Mailbox
from handrail.jobs.demo.people import sign_ins
from handrail.jobs.serve import web_command

LOOK_SECONDS: Final = 0.2
STALE: Final = timedelta(hours=12)
FEVER: Final = "fever"


def say(line: str = "") -> None:
    """One line for the person at the terminal, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run(directory: Path, *, port: int, fresh: bool) -> int:
    """Run the demonstration until ctrl-C."""
    folder = Folder(directory)
    found = free_port(port)
    if found != port:
        say(f"Port {port} is taken: using {found}.")
    told = None if fresh else folder.told()
    if told is None:
        folder.empty()
        told = {"password": new_password(), "secret_key": secrets.token_urlsafe(48)}
        folder.write(told)
        say(f"Telling a dozen synthetic courses in {folder.path} …")
    else:
        say(f"Using what is in {folder.path}, told at {_when(told)}; --fresh tells it anew, relative to now.")
        if clock.now() - datetime.fromisoformat(told["seeded_at"]) > STALE:
            say("It is old by now: checks that nobody answered have become pages. --fresh starts again.")
    with ending_on_signals(), contextlib.ExitStack() as stack:
        mailbox = Mailbox(folder.path / "mail", any_port(), _tell_mail)
        mailbox.start()
        stack.callback(mailbox.stop)
        variables = environment(folder, port=found, mail_port=mailbox.port, secret_key=told["secret_key"])
        run_once(["migrate", "--verbosity", "0"], variables, folder)
        if not told.get("seeded_at"):
            run_once(["demo", "seed", "--dir", str(folder.path)], variables, folder)
            told = folder.told() or told
        children = start_children(folder, found, variables, stack)
        wait_until_it_answers(children[0], found)
        _introduce(folder, found, told)
        night = FeverButton(folder, found)
        stack.callback(night.stop)
        look_after(children, night)
    return 0


def start_children(
    folder: Folder, port: int, variables: dict[str, str], stack: contextlib.ExitStack
) -> tuple[Child, Child]:
    """Start the pages and the watcher; both are stopped at the end."""
    web = Child(name="web", command=web_command(HOST, port), variables=variables, folder=folder)
    watcher = Child(name="watcher", command=[*HANDRAIL, "watch"], variables=variables, folder=folder)
    for child in (web, watcher):
        stack.callback(child.stop)
        child.start()
    return web, watcher


def look_after(children: tuple[Child, ...], night: FeverButton | None = None) -> None:
    """Start dead processes again and honour the button, until a signal ends it."""
    while True:
        look_once(children)
        if night is not None:
            night.look()
        time.sleep(LOOK_SECONDS)


def look_once(children: tuple[Child, ...]) -> None:
    """Start again what has died since the last look, and say so."""
    for child in children:
        if child.look_after():
            say(f"The {child.name} process had ended and was started again; see {child.log}.")


class FeverButton:
    """Honours the button of the board: it touches `play-fever`, and the address appears in `fever-address`."""

    def __init__(self, folder: Folder, port: int) -> None:
        self.folder = folder
        self.port = port
        self.asked = folder.path / "play-fever"
        self.address = folder.path / "fever-address"
        self.child: Child | None = None
        for left in (self.asked, self.address):
            left.unlink(missing_ok=True)

    def look(self) -> None:
        """Start the night when it is asked for; while one is running, asking again changes nothing."""
        if not self.asked.exists():
            self._forget_if_over()
            self._publish()
            return
        self.asked.unlink(missing_ok=True)
        if self.child is not None and self.child.alive() and not self._over():
            return
        self.stop()
        port = free_port(self.port + 1)
        night = self.folder.path / FEVER
        words = ["demo", FEVER, "--dir", str(night), "--port", str(port), "--like", str(self.folder.path)]
        self.child = Child(
            name=FEVER, command=[*HANDRAIL, *words], variables=inherited(), folder=self.folder, restarts=False
        )
        self.child.start()
        say(f"The fever night starts, with the same password; what it says goes to {self.child.log}.")

    def _forget_if_over(self) -> None:
        if self.child is not None and not self.child.alive():
            say(f"The fever night has ended: {self.child.last_words()}")
            self.address.unlink(missing_ok=True)
            self.child = None

    def _publish(self) -> None:
        """The address, once the pages of the night answer."""
        own = self.folder.path / FEVER / "address"
        if self.child is not None and not self.address.exists() and own.exists():
            self.address.write_text(own.read_text(encoding="utf-8"), encoding="utf-8")

    def _over(self) -> bool:
        return (self.folder.path / FEVER / "fever-night.json").exists()

    def stop(self) -> None:
        """End the night."""
        if self.child is not None:
            self.child.stop()
            self.child = None
        self.address.unlink(missing_ok=True)


def inherited() -> dict[str, str]:
    """The environment of this process: the fever night makes its own for its children."""
    return {**os.environ, "PYTHONUNBUFFERED": "1"}


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the block in order; what was entered in it is undone.

    A second one is no news: it would cut the undoing short, and leave pages and a watcher behind that nobody looks after.
    """
    heard = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) is not signal.SIG_IGN]

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        for each in heard:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    former = {each: signal.signal(each, stop) for each in heard}
    try:
        yield
    except KeyboardInterrupt:
        say("\nStopped.")
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)


def _introduce(folder: Folder, port: int, told: dict[str, Any]) -> None:
    address = f"http://{HOST}:{port}"
    say()
    say("Handrail demonstration: every person in it is synthetic.")
    say(f"  board               {address}/")
    say(f"  patient's check-in  {checkin_address(address, str(told['checkin_token']))}")
    say(f"  mails (pages)       {folder.path / 'mail'}")
    say("  the fever night     the button on the board, or `handrail demo fever`")
    say()
    former = ""
    for organisation, email, _ in sign_ins(""):
        if organisation != former:
            say(f"  {organisation}")
            former = organisation
        say(f"    {email}")
    say()
    say(f"  password of all of them: {told['password']}")
    say("  ctrl-C stops everything.")
    say()


def checkin_address(address: str, token: str) -> str:
    """The full address of a check-in link."""
    return f"{address}/c/{token}"


def _when(told: dict[str, Any]) -> str:
    return f"{datetime.fromisoformat(told['seeded_at']):%Y-%m-%d %H:%M} UTC"


def _tell_mail(count: int, to: str, subject: str) -> None:
    say(f"mail {count}: to {to}: {subject}")
