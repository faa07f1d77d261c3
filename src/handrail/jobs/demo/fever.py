"""`handrail demo fever`: the fever night in an instance of its own, under a clock that all of its processes share."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import sys
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from handrail import clock
from handrail.jobs.demo.children import (
    HANDRAIL,
    Folder,
    any_port,
    environment,
    free_port,
    new_password,
    run_once,
    wait_until_it_answers,
)
from handrail.jobs.demo.mailbox import Mailbox
from handrail.jobs.demo.storyteller import local
from handrail.jobs.demo.supervisor import (
    LOOK_SECONDS,
    checkin_address,
    ending_on_signals,
    look_after,
    look_once,
    say,
    start_children,
)
from handrail.rules.terms import UnusableInput

NAME: Final = "localhost"
"""Cookies belong to a host and not to a port: under another name, nobody is signed out of the demonstration beside it."""
LEAD_SECONDS: Final = 6.0
"""The clock starts so long before the start of the night: the processes need a moment, and on a busy machine a longer one."""
EARLIEST: Final = "20:15"
LATEST: Final = "02:00"
FILE: Final = "fever-night.json"


def run(directory: Path, *, port: int, factor: float, start: str, leave: bool, like: Path | None = None) -> int:
    """Play the night and show it; then stay, at the pace of a real clock, until ctrl-C.

    Args:
        like: the folder of a demonstration whose password is taken over.

    Raises:
        UnusableInput: a folder, port, factor or start that cannot be used; or the night did not end as it must.
    """
    _refuse(factor, start)
    folder = Folder(directory, "fever")
    folder.empty()
    password = Folder(like).said().get("password") if like else None
    told: dict[str, Any] = {"password": password or new_password(), "secret_key": secrets.token_urlsafe(48)}
    folder.write(told)
    found = free_port(port)
    if found != port:
        say(f"Port {port} is taken: using {found}.")
    with ending_on_signals(), contextlib.ExitStack() as stack:
        mailbox = Mailbox(
            folder.path / "mail", any_port(), lambda _, to, subject: say(f"         mail to {to}: {subject}")
        )
        mailbox.start()
        stack.callback(mailbox.stop)

        def variables(shown: clock.Clock | None = None) -> dict[str, str]:
            shared = shown.to_environment() if isinstance(shown, clock.FastClock) else ""
            return environment(
                folder,
                port=found,
                mail_port=mailbox.port,
                secret_key=told["secret_key"],
                host=NAME,
                clock=shared,
                show_button=False,
            )

        run_once(["migrate", "--verbosity", "0"], variables(), folder)
        seeding = clock.SystemClock().now()
        run_once(["demo", "fever-seed", "--dir", str(folder.path)], variables(), folder)
        took = (clock.SystemClock().now() - seeding).total_seconds()
        said = folder.told() or told
        hurried = clock.FastClock(factor, _begin(said["morning"], start), _wall_in(lead(factor, start, took)))
        with contextlib.ExitStack() as running:
            children = start_children(folder, found, variables(hurried), running)
            wait_until_it_answers(children[0], found)
            _introduce(folder, found, said, factor)
            _play(folder, variables(hurried), children)
        _replay(folder, variables())
        if leave:
            return 0
        calm = clock.FastClock(1.0, hurried.now(), _wall_in(0.0))
        children = start_children(folder, found, variables(calm), stack)
        wait_until_it_answers(children[0], found)
        say(f"The story is over. The pages stay at http://{NAME}:{found}/, from here on at the pace of a real clock.")
        say("ctrl-C stops everything.")
        look_after(children)
    return 0


def _refuse(factor: float, start: str) -> None:
    if not 1 <= factor <= 2000:
        raise UnusableInput("factor", "The factor is a number from 1 to 2000.")
    try:
        begin = _begin("2026-01-02", start)
    except ValueError:
        raise UnusableInput("start", "The start is a time of day such as 21:50.") from None
    if begin > _begin("2026-01-02", LATEST):
        raise UnusableInput("start", f"The night begins between {EARLIEST} and {LATEST}.")
    if begin - timedelta(seconds=LEAD_SECONDS * factor) < _begin("2026-01-02", EARLIEST):
        raise UnusableInput(
            "start", "At that pace the night would begin before the evening check: start later, or slower."
        )


def _begin(morning: str, hhmm: str) -> datetime:
    """The instant of a time of the night: times from 12:00 on belong to the evening before."""
    day = date.fromisoformat(morning)
    return local(day - timedelta(days=1) if hhmm >= "12:00" else day, hhmm)


def lead(factor: float, start: str, took: float) -> float:
    """Seconds before the start of the night at which the clock begins: a machine that was slow so far needs longer.

    Args:
        took: seconds that telling the day before has taken here.
    """
    room = (_begin("2026-01-02", start) - _begin("2026-01-02", EARLIEST)).total_seconds() / factor
    return min(max(LEAD_SECONDS, 3 * took), room)


def _wall_in(seconds: float) -> datetime:
    return clock.SystemClock().now() + timedelta(seconds=seconds)


def _play(folder: Folder, variables: dict[str, str], children: tuple[Any, ...]) -> None:
    """Live through the night; what happens is said as it happens.

    Raises:
        UnusableInput: the night did not end as it must; the last line that it wrote.
    """
    words = ["demo", "fever-play", "--dir", str(folder.path)]
    player = subprocess.Popen([*HANDRAIL, *words], env=variables, cwd=folder.path, start_new_session=True)
    try:
        while player.poll() is None:
            look_once(children)
            time.sleep(LOOK_SECONDS)
    finally:
        if player.poll() is None:
            player.terminate()
            player.wait(timeout=5)
    if player.returncode or not (folder.path / FILE).exists():
        raise UnusableInput("fever", "The night did not end as it must; the last lines above say where.")


def _replay(folder: Folder, variables: dict[str, str]) -> None:
    """Show the course file as `handrail replay` tells it: nothing but the file is needed."""
    file = folder.path / FILE
    say()
    say(f"handrail replay {file}")
    done = subprocess.run([*HANDRAIL, "replay", str(file)], env=variables, capture_output=True, text=True, check=False)
    sys.stdout.write(done.stdout)
    if done.returncode:
        say(f"The replay failed: {(done.stderr.splitlines() or ['it says nothing'])[-1]}")
    say()


def _introduce(folder: Folder, port: int, said: dict[str, Any], factor: float) -> None:
    address = f"http://{NAME}:{port}"
    (folder.path / "address").write_text(f"{address}/\n", encoding="utf-8")
    say()
    say(f"The fever night, {factor:g} times as fast. Everybody in it is synthetic; nothing is made beforehand.")
    say(f"  watch it at         {address}/  as {said['second_on_call']}, password {said['password']}")
    say(f"  the course          {address}/courses/{said['course']}/")
    say(f"  patient's check-in  {checkin_address(address, str(said['checkin_token']))}")
    say(f"  mails (pages)       {folder.path / 'mail'}")
    say()
