"""Systems that speak to the FHIR door: registered with their public keys, given a token for minutes, tied to courses by a person.

SMART Backend Services (SMART App Launch 2.2): the client signs a request with its own key, and no secret is ever shared. What
expires here expires by the wall clock: a demonstration hurries, a client's clock does not.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from handrail import clock
from handrail.actions.actor import Actor, service
from handrail.actions.client_scopes import SCOPES, allows
from handrail.actions.errors import ActionError, NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import record_event, record_events
from handrail.actions.recording import Recorded, locked
from handrail.people import permissions, scope
from handrail.people.models import AccessToken, ClientAssertion, DeviceLink, Organisation, Role, ServiceClient
from handrail.people.secrets import keyed_hash, keyed_hashes
from handrail.records.models import Event

ALGORITHMS: Final = ("RS384", "ES384")
TOKEN_LASTS: Final = timedelta(minutes=5)
LONGEST_ASSERTION: Final = timedelta(minutes=5)
DIRECTOR: Final = "Only a director of the organisation lets systems in."
LONGEST_TEXT: Final = 8_000
LEAST_BITS: Final = 2048
PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
AS_SENT: Final = "x_measured_at_as_sent"
_PURPOSE: Final = "device link"
_wall: Final = clock.SystemClock()


class ClientError(ActionError):
    """A client that is not believed: one sentence, whatever was wrong."""

    code = "invalid_client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A new token, shown once and kept nowhere."""

    token: str
    scopes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Granted(scopes={self.scopes})"  # a token never reaches a log


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A client that showed a good token, and what it may do with it."""

    client: ServiceClient
    scopes: tuple[str, ...]

    @property
    def actor(self) -> Actor:
        """As whom it writes: by the id of the client, from a device."""
        return service(str(self.client.pk), source="device")


def register_client(
    organisation: Organisation,
    name: str,
    jwks: Any,
    *,
    scopes: Sequence[str],
    by: Actor,
    now: datetime | None = None,
) -> ServiceClient:
    """Let a system in, by its public keys.

    Raises:
        NotAllowedError: only a director of the organisation may. RefusedError: no name, a scope that is not here, or keys that
            cannot be used.
    """
    now = now or clock.now()
    refuse_all_but_directors(organisation.pk, by, now, DIRECTOR)
    if not name.strip():
        raise RefusedError("A client needs a name.", code="missing_key", path="name")
    for each in scopes:
        if each not in SCOPES:
            raise RefusedError(f"A scope is one of {', '.join(SCOPES)}.", code="unknown_word", path="scopes")
    if not scopes:
        raise RefusedError("Name what the client may do.", code="missing_key", path="scopes")
    keys = _public_keys(jwks)
    with scope.acting_for(organisation.pk):
        return ServiceClient.objects.create(
            organisation=organisation,
            name=name.strip()[:80],
            jwks=keys,
            scopes=list(dict.fromkeys(scopes)),
            registered_at=now,
        )


def end_client(client_id: UUID, *, by: Actor, now: datetime | None = None) -> ServiceClient:
    """Let a system in no more; the tokens that it holds open nothing from now on.

    Raises:
        NotVisibleError: no such client. NotAllowedError: only a director of its organisation may.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        client = ServiceClient.objects.select_for_update().filter(pk=client_id).first()
        if client is None or client.organisation_id not in by.organisations(now):
            raise NotVisibleError("There is no such client.")
        refuse_all_but_directors(client.organisation_id, by, now, DIRECTOR)
        if client.ended_at is None:
            client.ended_at = now
            client.save(update_fields=["ended_at"])
        return client


def tie_device(
    course_id: UUID, client_id: UUID, system: str, value: str, *, by: Actor, now: datetime | None = None
) -> DeviceLink:
    """Say that the patient whom a client calls by an identifier is the one of this course.

    The same tie once more is the first again. Names and birth dates tie nobody.

    Raises:
        NotVisibleError, NotAllowedError: not for this actor. RefusedError: half an identifier, a client that is over or of another
            organisation, or an identifier that means another course.
    """
    now = now or clock.now()
    if not system.strip() or not value.strip() or by.user is None:
        raise RefusedError("A person names the identifier by its system and its value.", code="missing_key")
    with locked(course_id, by, now) as course:
        by.role_for("issue_link", course, now)
        if course.organisation_id not in by.organisations(now):
            raise NotAllowedError("Only a member of the organisation of the course ties an identifier to it.")
        client = ServiceClient.objects.filter(
            pk=client_id, organisation_id=course.organisation_id, ended_at__isnull=True
        ).first()
        if client is None:
            raise RefusedError("The organisation of the course has no such client.", code="not_found", path="client")
        found = _link_of(client, system, value)
        if found is not None:
            if found.course_id != course.pk:
                raise RefusedError("That identifier means another course: end that tie first.", code="duplicate_id")
            return found
        return DeviceLink.objects.create(
            organisation_id=course.organisation_id,
            client=client,
            course=course,
            value_hash=keyed_hash(_pair(system, value), purpose=_PURPOSE),
            made_by=by.user,
            made_at=now,
        )


def untie_device(course_id: UUID, link_id: UUID, *, by: Actor, now: datetime | None = None) -> DeviceLink:
    """From now on the identifier means nobody.

    Raises:
        NotVisibleError: the course has no such tie. NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for("revoke_link", course, now)
        link = course.device_links.filter(pk=link_id).first()
        if link is None:
            raise NotVisibleError("There is no such tie.")
        if link.ended_at is None:
            link.ended_at = now
            link.save(update_fields=["ended_at"])
        return link


def course_behind(client: ServiceClient, system: str, value: str) -> UUID | None:
    """The course that a client's identifier means; None when nobody tied it."""
    with scope.acting_for(client.organisation_id):
        link = _link_of(client, system, value)
        return None if link is None else link.course_id


def record_reading(
    caller: Caller, course_id: UUID, event: Mapping[str, Any], *, now: datetime | None = None
) -> Recorded:
    """Record what a device measured, as a check-in is recorded: a clock that is ahead measured now, at the latest.

    The same once more happened when it first did.

    Raises:
        RefusedError, ConflictError, NotVisibleError: nothing was changed.
    """
    now = now or clock.now()
    [data] = _not_ahead(caller, [event], now)
    return record_event(course_id, data, by=caller.actor, now=now)


def record_readings(
    caller: Caller, course_id: UUID, events: Sequence[Mapping[str, Any]], *, now: datetime | None = None
) -> list[Recorded]:
    """Record what devices measured of one patient, all or none; the course is judged once, with all of it.

    Raises:
        ActionError: as `record_reading`; `fact` says which of them. Nothing was changed.
    """
    now = now or clock.now()
    return record_events(course_id, _not_ahead(caller, events, now), by=caller.actor, now=now)


def _not_ahead(caller: Caller, events: Sequence[Mapping[str, Any]], now: datetime) -> list[dict[str, Any]]:
    with scope.acting_for(caller.client.organisation_id):
        ids = [event["id"] for event in events]
        mine = Event.objects.filter(organisation_id=caller.client.organisation_id, id__in=ids)
        former = {str(row.id): row for row in mine}
    found = []
    for event in events:
        said = str(event["at"])
        data = dict(event)
        if datetime.fromisoformat(said) > now:
            data |= {"at": now.isoformat(), AS_SENT: said}
        row = former.get(str(data["id"]))
        if row is not None and row.payload.get(AS_SENT) == said:
            data |= {"at": row.occurred_at.isoformat(), AS_SENT: said}
        found.append(data)
    return found


def _link_of(client: ServiceClient, system: str, value: str) -> DeviceLink | None:
    hashes = keyed_hashes(_pair(system, value), purpose=_PURPOSE)
    return DeviceLink.objects.filter(client=client, value_hash__in=hashes, ended_at__isnull=True).first()


def _pair(system: str, value: str) -> str:
    return json.dumps([system.strip(), value.strip()])


def refuse_all_but_directors(organisation_id: UUID, by: Actor, now: datetime, words: str) -> None:
    """Refuse whoever is no director of an organisation, in these words.

    Raises:
        NotAllowedError: somebody else.
    """
    memberships = permissions.memberships(by.user, now) if by.user is not None else []
    if not any(each.organisation_id == organisation_id and each.role == Role.DIRECTOR for each in memberships):
        raise NotAllowedError(words)


def _public_keys(jwks: Any) -> dict[str, Any]:
    """The key set, when every key of it is public, named and strong enough."""
    rows = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise RefusedError("The keys are a JSON Web Key Set: {'keys': […]}.", code="wrong_type", path="jwks")
    names = [row.get("kid") for row in rows]
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) != len(names):
        raise RefusedError("Every key needs a 'kid' of its own.", code="missing_key", path="jwks")
    if any(PRIVATE & set(row) for row in rows):
        message = "A private or shared key is among them: send the public keys only, and make new ones."
        raise RefusedError(message, code="private_key", path="jwks")
    try:
        with warnings.catch_warnings(action="ignore"):  # a weak key is refused below, with a sentence
            keys = KeySet.import_key_set({"keys": rows}).keys
    except (JoseError, ValueError, TypeError, KeyError):
        raise RefusedError("A key of the set cannot be read.", code="wrong_type", path="jwks") from None
    for key in keys:
        strong = (isinstance(key, RSAKey) and key.public_key.key_size >= LEAST_BITS) or (
            isinstance(key, ECKey) and key.curve_name == "P-384"
        )
        if not strong:
            message = f"A key is RSA of at least {LEAST_BITS} bits (RS384) or of the curve P-384 (ES384)."
            raise RefusedError(message, code="weak_key", path="jwks")
    return {"keys": rows}


# --- tokens -----------------------------------------------------------------------------------------------------------


def grant_token(assertion: str, asked: str, *, audience: str, now: datetime | None = None) -> Granted:
    """A token for a request that a client signed.

    Args:
        assertion: the JWT: `iss` and `sub` the client's id, `aud` this door, `exp` at most five minutes away, `jti` never used.
        asked: scopes, with spaces between them.
        audience: the address of the token endpoint.
        now: by the wall clock.

    Raises:
        ClientError: not believed, for whatever reason. RefusedError: a scope that the client has not.
    """
    now = now or _wall.now()
    with transaction.atomic(), scope.everything():
        client, jti, until = _believed(assertion, audience, now)
        ClientAssertion.objects.filter(client=client, expires_at__lte=now).delete()
        AccessToken.objects.filter(client=client, expires_at__lte=now).delete()
        try:
            with transaction.atomic():
                ClientAssertion.objects.create(
                    organisation_id=client.organisation_id, client=client, jti_hash=_hash(jti), expires_at=until
                )
        except IntegrityError:
            raise _not_believed() from None
        wanted = tuple(dict.fromkeys(asked.split()))
        granted = tuple(each for each in wanted if allows(client.scopes, each))
        if granted:
            token = secrets.token_urlsafe(32)
            AccessToken.objects.create(
                organisation_id=client.organisation_id,
                client=client,
                token_hash=_hash(token),
                scopes=list(granted),
                expires_at=now + TOKEN_LASTS,
            )
            return Granted(token=token, scopes=granted)
    # outside of the transaction: a request that was refused for its scopes is used all the same
    raise RefusedError(f"Ask for scopes that the client has: {' '.join(client.scopes)}.", code="invalid_scope")


def caller_of(token: str, *, now: datetime | None = None) -> Caller | None:
    """Who shows a token; None for one that opens nothing (any more)."""
    now = now or _wall.now()
    with scope.everything():
        found = AccessToken.objects.select_related("client").filter(token_hash=_hash(token), expires_at__gt=now).first()
    if found is None or found.client.ended_at is not None:
        return None
    return Caller(client=found.client, scopes=tuple(found.scopes))


def _believed(assertion: str, audience: str, now: datetime) -> tuple[ServiceClient, str, datetime]:
    """The client, the request's own id, and until when it could be sent again."""
    try:
        claims = json.loads(_part(assertion, 1))
        client = _client(claims.get("iss"))
        if not isinstance(json.loads(_part(assertion, 0)).get("kid"), str):
            raise _not_believed()
        keys = KeySet.import_key_set(client.jwks)
        claims = jwt.decode(assertion, keys, algorithms=list(ALGORITHMS)).claims
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _not_believed() from None
    until, jti, aud = claims.get("exp"), claims.get("jti"), claims.get("aud")
    if isinstance(until, bool) or not isinstance(until, (int, float)) or not isinstance(jti, str) or not jti:
        raise _not_believed()
    seconds = until - now.timestamp()
    begins = claims.get("nbf", 0)
    if not (
        claims.get("iss") == claims.get("sub") == str(client.pk)
        and audience in (aud if isinstance(aud, list) else [aud])
        and 0 < seconds <= LONGEST_ASSERTION.total_seconds()
        and isinstance(begins, (int, float))
        and begins <= now.timestamp()
    ):
        raise _not_believed()
    return client, jti, datetime.fromtimestamp(until, UTC)


def _client(named: Any) -> ServiceClient:
    client = ServiceClient.objects.select_for_update().filter(pk=UUID(named), ended_at__isnull=True).first()
    if client is None:
        raise _not_believed()
    return client


def _part(assertion: str, number: int) -> bytes:
    parts = assertion.split(".")
    if len(assertion) > LONGEST_TEXT or len(parts) != 3:
        raise _not_believed()
    part = parts[number]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _not_believed() -> ClientError:
    return ClientError(
        "The signed request is not accepted. Check client_id, key, algorithm (RS384 or ES384), audience, exp (at most 5 minutes away) "
        "and that jti is new; then sign a new one."
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
