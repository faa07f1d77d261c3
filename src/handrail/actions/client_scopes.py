"""What a system may be allowed: a closed list of SMART scopes, in the form of version 2 (`.rs`) and, to read, of version 1 (`.read`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

SEND: Final = "system/Observation.c"
READ_PATIENT: Final = "system/Patient.r"
FIND_PATIENT: Final = "system/Patient.s"
READ_BUNDLE: Final = "system/Bundle.r"
EXPORT: Final = "system/Export.r"
FIND_AUDIT: Final = "system/AuditEvent.s"
FIND_PROVENANCE: Final = "system/Provenance.s"
READ_TASK: Final = "system/Task.r"
FIND_TASK: Final = "system/Task.s"
READABLE: Final = ("Patient", "Bundle", "AuditEvent", "Provenance", "Task")
SCOPES: Final = (SEND, EXPORT, *(f"system/{kind}.{may}" for kind in READABLE for may in ("r", "s", "rs", "read")))
"""Every scope that a client can have. There is no wildcard: each is named when the client is registered.

To read one patient after the other never means to take all of them at once: `EXPORT` stands for itself.
"""
_VERSION_1: Final = {"read": "rs"}


def allows(held: Iterable[str], wanted: str) -> bool:
    """Whether one of the scopes that are held covers the wanted one; a scope that is not here covers nothing and is never covered."""
    if wanted not in SCOPES:
        return False
    kind, letters = _parts(wanted)
    return any(each in SCOPES and _parts(each)[0] == kind and letters <= _parts(each)[1] for each in held)


def _parts(scope: str) -> tuple[str, frozenset[str]]:
    kind, _dot, may = scope.partition(".")
    return kind, frozenset(_VERSION_1.get(may, may))
