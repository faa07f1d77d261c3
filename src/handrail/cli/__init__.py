"""The `handrail` command. Needs Django only in commands that need a database.

Exit status: 0 answered, whatever the answer; 1 a failed check; 2 unusable input, with one clear sentence on standard error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path

from handrail.rules.protocol import read_beside
from handrail.rules.terms import UnusableInput

UNUSABLE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    from handrail.cli import commands

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a sign that this terminal lacks stops no answer
    try:
        folder = os.environ.get("HANDRAIL_LABELS_DIR", "").strip()
        if folder and words[:2] != [
            "protocols",
            "check",
        ]:  # which says what is wrong with a file, also with one of these
            read_beside(Path(folder))
        return commands.run(words)
    except UnusableInput as error:
        sys.stderr.write(f"{sentence_of(error)}\n")
        return UNUSABLE
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (the reader has gone: nothing more can be said)
        return 0
    except KeyboardInterrupt:
        return 130


def sentence_of(error: UnusableInput) -> str:
    """What is wrong, and where, as one sentence."""
    message = error.message.rstrip(".")
    return f"{message} (at {error.path})." if error.path else f"{message}."


def with_django(command: Callable[[list[str]], int], words: list[str]) -> int:
    """Run a command that needs the database.

    Settings that cannot be used are one sentence, not a traceback.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "handrail.config.settings")
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.db import DatabaseError

    try:
        django.setup()
    except ImproperlyConfigured as error:
        raise UnusableInput("settings", str(error)) from error
    try:
        return command(words)
    except DatabaseError as error:
        reason = "The database cannot be used as it is; run `handrail migrate` and look at its address."
        raise UnusableInput("database", f"{reason} ({type(error).__name__})") from error
