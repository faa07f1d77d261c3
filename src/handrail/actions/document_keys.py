"""The keys of an organisation for its documents: made, rotated, withdrawn, published; and a signature made and checked with them.

A signature is a detached JWS (RFC 7515, appendix F) over the exact bytes of a document: JSON has no other form that two programs agree
on. It says who vouches for the bytes, never that what stands in them is right.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet
from joserfc.jws import JWSRegistry

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.clients import refuse_all_but_directors
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.people import scope
from handrail.people.models import DocumentKey, Organisation
from handrail.people.secrets import UndecryptableError

ALGORITHM: Final = "ES384"
CURVE: Final = "P-384"
MOST_BYTES: Final = 8 * 1024 * 1024
"""Of a document that is signed or checked; one has some ten thousand."""
DIRECTOR: Final = "Only a director of the organisation makes and ends its keys."
_AT: Final = "iat"


class _Registry(JWSRegistry):
    """The library's own limits are less than a document has."""

    max_payload_length = MOST_BYTES
    max_header_length = 1024


class Verdict(StrEnum):
    """What a signature says of a file."""

    GOOD = "good"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"
    UNKNOWN_KEY = "unknown_key"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """A public key, and whose it is."""

    public: Mapping[str, Any]
    owner: str
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A verdict in one sentence. `at`: when the signer says that it was signed, of a good signature."""

    verdict: Verdict
    words: str
    kid: str = ""
    owner: str = ""
    at: datetime | None = None


# --- keys -------------------------------------------------------------------------------------------------------------


def make_key(organisation: Organisation, *, by: Actor, now: datetime | None = None) -> DocumentKey:
    """Make the first key of an organisation, or one after all were withdrawn.

    Raises:
        NotAllowedError: only a director of the organisation may. RefusedError: a key is in force.
    """
    now = now or clock.now()
    refuse_all_but_directors(organisation.pk, by, now, DIRECTOR)
    with transaction.atomic(), scope.acting_for(organisation.pk):
        if _in_force(organisation.pk) is not None:
            raise RefusedError("A key is in force: rotate it to have a new one.", code="key_in_force")
        return _made(organisation.pk, by, now)


def rotate_key(organisation: Organisation, *, by: Actor, now: datetime | None = None) -> DocumentKey:
    """Make a new key; the one in force signs no more, its private half is thrown away, what it signed stays good.

    Raises:
        NotAllowedError: only a director of the organisation may. RefusedError: there is none in force.
    """
    now = now or clock.now()
    refuse_all_but_directors(organisation.pk, by, now, DIRECTOR)
    with transaction.atomic(), scope.acting_for(organisation.pk):
        former = _in_force(organisation.pk)
        if former is None:
            raise RefusedError("No key is in force: make one first.", code="no_key")
        _end(former, now)
        return _made(organisation.pk, by, now)


def withdraw_key(organisation: Organisation, kid: str, *, by: Actor, now: datetime | None = None) -> DocumentKey:
    """Vouch for nothing any more that a key signed, and publish it no more: somebody else may have had it.

    Raises:
        NotAllowedError: only a director of the organisation may. NotVisibleError: it has no such key.
    """
    now = now or clock.now()
    refuse_all_but_directors(organisation.pk, by, now, DIRECTOR)
    with transaction.atomic(), scope.acting_for(organisation.pk):
        found = _rows().select_for_update().filter(organisation=organisation, kid=kid).first()
        if found is None:
            raise NotVisibleError("The organisation has no such key.")
        if found.withdrawn_at is None:
            found.withdrawn_at = now
            _end(found, now)
        return found


def published(organisation_id: UUID) -> dict[str, Any]:
    """The public keys of an organisation as a JSON Web Key Set; none for an organisation that is not here."""
    with scope.everything():
        rows = _rows().filter(organisation_id=organisation_id, withdrawn_at=None).order_by("-made_at", "kid")
        return {"keys": [row.public for row in rows]}


def known_keys(organisation_id: UUID | None = None) -> dict[str, KnownKey]:
    """Every key that was ever made here, or by one organisation, by its kid; withdrawn ones too."""
    with scope.everything():
        rows = _rows().select_related("organisation").order_by("made_at", "kid")
        if organisation_id is not None:
            rows = rows.filter(organisation_id=organisation_id)
        return {
            row.kid: KnownKey(public=row.public, owner=row.organisation.name, withdrawn_at=row.withdrawn_at)
            for row in rows
        }


def keys_address(organisation_id: UUID) -> str:
    """Where the public keys of an organisation are read."""
    return f"{settings.HANDRAIL_BASE_URL}/fhir/keys/{organisation_id}/jwks.json"


def _in_force(organisation_id: UUID) -> DocumentKey | None:
    """Two that make a key at the same time do so one after the other."""
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation_id)
    return _rows().filter(organisation_id=organisation_id, ended_at=None).first()


def _rows() -> models.QuerySet[DocumentKey]:
    """Without the private half, which only signing decrypts: a key that nobody can decrypt any more is still published and ended."""
    return DocumentKey.objects.defer("private")


def _made(organisation_id: UUID, by: Actor, now: datetime) -> DocumentKey:
    made = ECKey.generate_key(CURVE, private=True)
    kid = made.thumbprint()
    about = {"kid": kid, "use": "sig", "alg": ALGORITHM}
    return DocumentKey.objects.create(
        organisation_id=organisation_id,
        kid=kid,
        public={**made.as_dict(private=False), **about},
        private=json.dumps({**made.as_dict(private=True), **about}),
        made_at=now,
        made_by=by.user,
    )


def _end(key: DocumentKey, now: datetime) -> None:
    key.private = ""
    key.ended_at = key.ended_at or now
    key.save(update_fields=["private", "ended_at", "withdrawn_at"])


# --- signatures -------------------------------------------------------------------------------------------------------


def sign(organisation_id: UUID, content: bytes, *, now: datetime) -> tuple[str, str] | None:
    """The kid and a detached JWS over the bytes, with the key in force; None for an organisation without one.

    Raises:
        RefusedError: the key in force cannot be decrypted. Nothing leaves unsigned that ought to be signed.
    """
    # Whoever reads a document of another organisation does not see its keys, and it is signed all the same.
    try:
        with scope.everything():
            row = DocumentKey.objects.filter(organisation_id=organisation_id, ended_at=None).first()
    except UndecryptableError:
        raise RefusedError(
            "The file cannot be signed, since the organisation's key cannot be decrypted: its director makes a new one with "
            "`handrail keys rotate`.",
            code="key_unreadable",
        ) from None
    if row is None:
        return None
    protected = {"alg": ALGORITHM, "kid": row.kid, "jku": keys_address(organisation_id), _AT: int(now.timestamp())}
    key = ECKey.import_key(json.loads(row.private))
    return row.kid, jws.detach_content(jws.serialize_compact(protected, content, key, registry=_registry()))


def keys_of_set(text: bytes, owner: str) -> dict[str, KnownKey]:
    """The keys of a JSON Web Key Set that somebody fetched.

    Raises:
        RefusedError: it is none.
    """
    try:
        rows = json.loads(text)["keys"]
        return {row["kid"]: KnownKey(public=row, owner=owner) for row in rows}
    except (ValueError, TypeError, KeyError, RecursionError):
        raise RefusedError("The keys are a JSON Web Key Set: {'keys': […]}.", code="wrong_type", path="keys") from None


def check(content: bytes, signature: str, known: Mapping[str, KnownKey]) -> Checked:
    """Whether the bytes are those that were signed, by whom, in one sentence."""
    header = _header(signature)
    if header is None:
        return Checked(
            verdict=Verdict.UNREADABLE,
            words="CANNOT SAY: this is no detached signature; ask the sender for the file and its signature again.",
        )
    kid = header["kid"]
    key = known.get(kid)
    if key is None:
        return Checked(
            verdict=Verdict.UNKNOWN_KEY,
            kid=kid,
            words=f"CANNOT SAY: the key {kid} is not known here; read the sender's keys at an address that you know to be theirs.",
        )
    if key.withdrawn_at is not None:
        return Checked(
            verdict=Verdict.WITHDRAWN,
            kid=kid,
            owner=key.owner,
            words=f"NOT GOOD: {key.owner} withdrew the key {kid} on {_day(key.withdrawn_at)}; ask for a new signature.",
        )
    keys = _usable(key)
    if keys is None:
        return Checked(
            verdict=Verdict.UNKNOWN_KEY,
            kid=kid,
            words=f"CANNOT SAY: what stands here as the key {kid} makes no such signature; read the sender's keys again.",
        )
    if not _fits(content, signature, keys):
        return Checked(
            verdict=Verdict.CHANGED,
            kid=kid,
            owner=key.owner,
            words="NOT GOOD: the file is not the one that was signed; do not rely on it, ask the sender for both again.",
        )
    at = datetime.fromtimestamp(header[_AT], tz=UTC)
    return Checked(
        verdict=Verdict.GOOD,
        kid=kid,
        owner=key.owner,
        at=at,
        words=f"Good: not a byte has changed since {key.owner} signed it on {_day(at)} (key {kid}).",
    )


def _header(signature: str) -> dict[str, Any] | None:
    """What stands in the head of a detached signature of ours; None where it is none."""
    try:
        head, payload, _signed = signature.strip().split(".")
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
        kid, at = header["kid"], header[_AT]
        datetime.fromtimestamp(at, tz=UTC)
    except (ValueError, TypeError, KeyError, binascii.Error, OverflowError, OSError, RecursionError):
        return None
    readable = (
        isinstance(kid, str) and kid.isascii() and kid.replace("-", "").replace("_", "").isalnum() and len(kid) <= 64
    )
    whole = isinstance(at, int) and not isinstance(at, bool)
    return header if readable and whole and not payload else None


def _usable(key: KnownKey) -> KeySet | None:
    """The key, alone; None for one that is broken or of another kind: of the file that says nothing."""
    try:
        keys = KeySet.import_key_set({"keys": [dict(key.public)]})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return keys if all(isinstance(each, ECKey) and each.curve_name == CURVE for each in keys) else None


def _fits(content: bytes, signature: str, keys: KeySet) -> bool:
    try:
        jws.deserialize_compact(signature.strip(), keys, registry=_registry(), payload=content)
    except (JoseError, ValueError, TypeError, KeyError):
        return False
    return True


def _registry() -> JWSRegistry:
    return _Registry(
        algorithms=[ALGORITHM], strict_check_header=False
    )  # the hour stands in the head, which JOSE has no name for


def _day(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
