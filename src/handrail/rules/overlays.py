"""The rows of a protocol that an organisation signed, as one document: how a row is recognised again, and what it covers.

A signature is for a row as it was read. `row_sha256` names that content; when a later file says something else under the same id,
the signature no longer covers it and the row is what its status says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import date
from typing import TYPE_CHECKING, Any, Final, NewType

from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Status

if TYPE_CHECKING:
    from handrail.rules.protocol_rows import Row

FORMAT: Final = "handrail-overlay/1"
OVERLAY_KEYS: Final[dict[str, type]] = {"protocol_key": str, "signed_by": str, "rows": list}
"""What every such document has at least."""

Overlay = NewType("Overlay", Mapping[str, Any])
"""A document of signed rows, as a course or an event carries it."""

PolicyDocument = NewType("PolicyDocument", Mapping[str, Any])
"""A whole policy, as an event carries it when it is an organisation's own."""

TO_CONFIRM: Final = (Status.SECONDARY, Status.UNVERIFIED)
"""Rows of these statuses are decided by the organisation that signs; every other row is only shown."""


def row_sha256(row: Row) -> str:
    """A hash of everything a row says. Values left at their default do not count: a new optional column changes no hash."""
    said = {
        item.name: getattr(row, item.name)
        for item in fields(row)
        if item.name != "signed_by" and (item.default is MISSING or getattr(row, item.name) != item.default)
    }
    return sha256_of({"table": type(row).__name__, **said})


def sha256_of(value: Any) -> str:
    """A hash of plain data, the same whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return {item.name: getattr(value, item.name) for item in fields(value)}
    return str(value)


def signed_rows(key: str, rows: Mapping[str, Row], overlays: Sequence[Any]) -> dict[str, str]:
    """Who signed which row, for the protocol of that key; overlays for other keys are passed over.

    Args:
        key: the protocol's key.
        rows: the shipped rows by id.
        overlays: the documents of a course.

    Raises:
        ProtocolDataError: an overlay of another shape, or naming a row that does not exist.
    """
    signed: dict[str, str] = {}
    for number, overlay in enumerate(overlays):
        path = f"overlays[{number}]"
        if not isinstance(overlay, Mapping) or not isinstance(overlay.get("rows"), (list, tuple)):
            raise ProtocolDataError("wrong_type", "An overlay names its protocol_key, signed_by and rows.", path)
        if overlay.get("protocol_key") != key:
            continue
        who = overlay.get("signed_by")
        if not isinstance(who, str) or not who:
            raise ProtocolDataError("missing_key", "An overlay says who signed it.", f"{path}.signed_by")
        for place, item in enumerate(overlay["rows"]):
            if not isinstance(item, Mapping) or not item.get("citation"):
                raise ProtocolDataError("missing_source", "A signed row has its own citation.", f"{path}.rows[{place}]")
            row = rows.get(str(item.get("id")))
            if row is None:
                raise ProtocolDataError("unknown_row", f"{key} has no row {item.get('id')!r}.", f"{path}.rows[{place}]")
            if item.get("sha256") in (None, row_sha256(row)):
                signed[row.id] = who
    return signed


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The last day on which a requirement is in force, by whom and when that was confirmed."""

    in_force_to: date
    confirmed_by: str
    confirmed_on: date


def ended_rows(key: str, rows: Mapping[str, Row], overlays: Sequence[Any]) -> dict[str, End]:
    """The requirements that an organisation signed as ended, for the protocol of that key; `signed_rows` has judged the rest.

    Raises:
        ProtocolDataError: an end of something that is no requirement, that is no day, or that lies before its beginning.
    """
    ended: dict[str, End] = {}
    for number, overlay in enumerate(overlays):
        if overlay.get("protocol_key") != key:
            continue
        for place, item in enumerate(overlay["rows"]):
            row = rows[str(item["id"])]
            if item.get("sha256") not in (None, row_sha256(row)):
                continue
            ended.pop(row.id, None)
            if item.get("in_force_to") is None:
                continue
            path = f"overlays[{number}].rows[{place}].in_force_to"
            if not hasattr(row, "requirement"):
                raise ProtocolDataError("wrong_value", "Only a REMS requirement ends on a day.", path)
            try:
                day, on = date.fromisoformat(item["in_force_to"]), date.fromisoformat(item["confirmed_on"])
            except (KeyError, TypeError, ValueError) as error:
                raise ProtocolDataError(
                    "wrong_value", "An end has its day and the day it was confirmed.", path
                ) from error
            begins: date | None = getattr(row, "in_force_from", None)
            if begins is not None and day < begins:
                raise ProtocolDataError("wrong_value", "The requirement ends before it begins.", path)
            ended[row.id] = End(in_force_to=day, confirmed_by=overlay["signed_by"], confirmed_on=on)
    return ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What an organisation decided about one row: confirmed with a citation, or left as it is (no citation).

    A REMS requirement may be confirmed as ended: `in_force_to` is its last day, `confirmed_on` the day of the decision.
    """

    row_id: str
    row_sha256: str
    citation: str | None
    in_force_to: date | None = None
    confirmed_on: date | None = None
    number: int
    """Grows with every decision of the set, so that a change back to an earlier decision is a change too."""


def digest_of(protocol_key: str, protocol_sha256: str, decided: Sequence[Decided]) -> str:
    """The hash that a person signs: the file that was read and every decision about its rows."""
    rows = [
        [each.row_id, each.row_sha256, each.citation, each.number, *sorted(_end_of(each).items())] for each in decided
    ]
    return sha256_of({"format": FORMAT, "key": protocol_key, "sha256": protocol_sha256, "rows": sorted(rows)})


def document_of(
    protocol_key: str,
    protocol_sha256: str,
    decided: Sequence[Decided],
    *,
    number: int,
    organisation: str,
    signatures: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    """The document that courses carry: it stands in `overlays` of a course file.

    Args:
        protocol_key: the protocol that was read; protocol_sha256: its file.
        decided: the newest decision about each row.
        number: of the set.
        organisation: its name.
        signatures: part, id of the person and instant of each signature.
    """
    return {
        "format": FORMAT,
        "protocol_key": protocol_key,
        "protocol_sha256": protocol_sha256,
        "number": number,
        "signed_by": f"{organisation}, set {number}",
        "signatures": [dict(each) for each in signatures],
        "digest": digest_of(protocol_key, protocol_sha256, decided),
        "rows": [
            {"id": each.row_id, "citation": each.citation, "sha256": each.row_sha256, **_end_of(each)}
            for each in decided
            if each.citation is not None
        ],
        "left": [each.row_id for each in decided if each.citation is None],
    }


def _end_of(decided: Decided) -> dict[str, str]:
    """The end of a requirement, as the document says it; nothing where none was decided."""
    if decided.in_force_to is None or decided.confirmed_on is None:
        return {}
    return {"in_force_to": decided.in_force_to.isoformat(), "confirmed_on": decided.confirmed_on.isoformat()}
