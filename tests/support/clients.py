"""A system with keys of its own, for tests of the FHIR door. The keys are made once: an RSA key takes a while."""

import time
from functools import cache
from uuid import uuid4

from django.conf import settings
from django.test import Client
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from handrail.actions.clients import TOKEN_LASTS, register_client, tie_device
from handrail.clock import SystemClock
from handrail.fhir.oauth import ASSERTION_TYPE
from handrail.people.models import AccessToken
from handrail.people.scope import everything

SYSTEM = "https://devices.example/patients"
NUMBER = "D-17"
SCOPE = "system/Observation.c"


@cache
def key(kind: str = "EC", name: str = "one"):
    made = RSAKey.generate_key(2048) if kind == "RSA" else ECKey.generate_key("P-384")
    return type(made).import_key(made.as_dict(private=True) | {"kid": f"{kind}-{name}"})


def public(*keys):
    return {"keys": [each.as_dict(private=False) for each in keys]}


def registered(world, *, who="alice", kind="EC", scopes=(SCOPE,)):
    """A client of an organisation that may send observations, unless told otherwise."""
    owner = getattr(world, who)
    with everything():
        by = world.actor(who, "director")
        return register_client(owner.organisation, "Thermometers", public(key(kind)), scopes=scopes, by=by)


def tied(world, client, value=NUMBER, course=None):
    return tie_device((course or world.course).pk, client.pk, SYSTEM, value, by=world.actor("alice"))


def assertion(client, *, alg="ES384", sign=None, header=None, **claims):
    body = {
        "iss": str(client.pk),
        "sub": str(client.pk),
        "aud": f"{settings.HANDRAIL_BASE_URL}/fhir/token",
        "exp": int(time.time()) + 240,
        "jti": str(uuid4()),
    } | claims
    chosen = sign or key("RSA" if alg.startswith("RS") else "EC")
    head = {"alg": alg, "typ": "JWT", "kid": chosen.kid} | (header or {})
    head = {name: value for name, value in head.items() if value is not None}
    return jwt.encode(
        head, {name: value for name, value in body.items() if value is not None}, chosen, algorithms=[alg]
    )


def ask_token(signed, scope=SCOPE, **form):
    data = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed,
        "scope": scope,
    } | form
    return Client().post("/fhir/token", data)


def token_of(client, scope=SCOPE):
    return ask_token(assertion(client), scope).json()["access_token"]


def fresh_tokens():
    """Every token is as if given just now: it lasts minutes by the wall clock, and a file of tests may last longer."""
    with everything():
        AccessToken.objects.update(expires_at=SystemClock().now() + TOKEN_LASTS)
