"""Who gets a token: a system that signs with a registered key, once. Everybody else gets one and the same refusal."""

import json
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from joserfc.jwk import ECKey, OctKey

from handrail.actions.clients import LONGEST_TEXT, caller_of, end_client, grant_token, register_client
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.clock import SystemClock
from handrail.fhir.oauth import token_address
from handrail.people.models import AccessToken, ClientAssertion, ServiceClient
from handrail.people.scope import everything
from tests.support.clients import SCOPE, ask_token, assertion, key, public, registered
from tests.support.factories import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db):
    return World()


@pytest.mark.parametrize(("kind", "alg"), [("EC", "ES384"), ("RSA", "RS384")])
def test_a_signed_request_gives_a_token_for_minutes(world, kind, alg):
    client = registered(world, kind=kind)
    answer = ask_token(assertion(client, alg=alg))
    body = answer.json()
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("bearer", 300, SCOPE)
    assert caller_of(body["access_token"]).client == client
    with everything():
        kept = AccessToken.objects.get()
    assert body["access_token"] not in json.dumps([kept.token_hash, str(kept), repr(kept)])
    assert caller_of(body["access_token"], now=SystemClock().now() + timedelta(seconds=301)) is None


READING = {
    f"system/{kind}.{may}"
    for kind in ("Patient", "Bundle", "AuditEvent", "Provenance", "Task")
    for may in ("r", "s", "rs", "read")
}
HELD = [
    # the client has                          | it asks                | and is given it
    (["system/Patient.rs"], "system/Patient.r", True),
    (["system/Patient.rs"], "system/Patient.s", True),
    (["system/Patient.rs"], "system/Patient.read", True),
    (["system/Patient.read"], "system/Patient.rs", True),
    (["system/Patient.read"], "system/Patient.r", True),
    (["system/Patient.r"], "system/Patient.rs", False),
    (["system/Patient.r"], "system/Patient.read", False),
    (["system/Patient.s"], "system/Patient.r", False),
    (["system/Patient.rs"], "system/AuditEvent.s", False),
    (["system/Patient.rs"], "system/Bundle.r", False),
    (["system/Bundle.read"], "system/Bundle.r", True),
    (["system/Patient.rs"], SCOPE, False),
    ([SCOPE], "system/Observation.r", False),
    (["system/Patient.rs"], "system/Patient.cruds", False),
    (["system/Patient.rs"], "system/Patient.", False),
    (["system/Patient.rs"], "system/*.r", False),
    (["system/Patient.rs"], "user/Patient.r", False),
]


@pytest.mark.parametrize(("has", "asked", "given"), HELD)
def test_a_scope_is_given_whole_to_who_has_it_in_either_form(world, has, asked, given):
    client = registered(world, scopes=has)
    answer = ask_token(assertion(client), asked)
    assert (answer.status_code, answer.json().get("scope")) == ((200, asked) if given else (400, None))


@pytest.mark.parametrize("scopes", [[], ["system/*.read"], ["system/Patient.cruds"], [SCOPE, "patient/Patient.r"]])
def test_nobody_is_registered_for_what_is_not_here(world, scopes):
    with pytest.raises(RefusedError):
        registered(world, scopes=scopes)


def stranger(client):
    return ECKey.import_key(ECKey.generate_key("P-384").as_dict(private=True) | {"kid": key().kid})


BAD = {
    "wrong signature": lambda client: assertion(client, sign=stranger(client)),
    "unknown key": lambda client: assertion(client, header={"kid": "no-such"}),
    "no key named": lambda client: assertion(client, header={"kid": None}),
    "shared secret": lambda client: assertion(
        client, alg="HS256", sign=OctKey.import_key("0123456789abcdef0123456789abcdef", {"kid": key().kid})
    ),
    "wrong audience": lambda client: assertion(client, aud="https://elsewhere.example/token"),
    "no audience": lambda client: assertion(client, aud=None),
    "expired": lambda client: assertion(client, exp=int(time.time()) - 60),
    "too long": lambda client: assertion(client, exp=int(time.time()) + 3600),
    "no end": lambda client: assertion(client, exp=None),
    "an end in words": lambda client: assertion(client, exp="soon"),
    "an end that is no number": lambda client: assertion(client, exp=True),
    "not yet": lambda client: assertion(client, nbf=int(time.time()) + 3600),
    "no id": lambda client: assertion(client, jti=None),
    "unknown client": lambda client: assertion(client, iss=str(uuid4()), sub=str(uuid4())),
    "no client": lambda client: assertion(client, iss="thermometers", sub="thermometers"),
    "issuer is not subject": lambda client: assertion(client, sub=str(uuid4())),
    "nothing": lambda client: "",
    "no JWT": lambda client: "a.b.c",
    "not ASCII": lambda client: "ä.ö.ü",
    "deep": lambda client: "e30." + "W1tbW1tb" * 800 + ".e30",
    "too large": lambda client: assertion(client, x="y" * LONGEST_TEXT),
}


@pytest.mark.parametrize("name", BAD)
def test_every_bad_request_is_answered_the_same_and_fills_no_log(world, name, caplog):
    client = registered(world)
    first = ask_token(BAD["wrong audience"](client))
    answer = ask_token(BAD[name](client))
    assert (answer.status_code, answer.content) == (401, first.content)
    assert answer.json()["error"] == "invalid_client"
    assert caplog.records == []
    with everything():
        assert not AccessToken.objects.exists()
        assert not ClientAssertion.objects.exists()


def test_the_same_request_twice_is_refused_like_any_other_bad_one(world, caplog):
    client = registered(world)
    signed = assertion(client)
    assert ask_token(signed).status_code == 200
    again = ask_token(signed)
    assert (again.status_code, again.content) == (401, ask_token("").content)
    assert caplog.records == []


def test_the_id_of_one_client_is_free_for_another(world):
    one, two = registered(world), registered(world, who="bob")
    assert ask_token(assertion(one, jti="same")).status_code == 200
    assert ask_token(assertion(two, jti="same")).status_code == 200


def test_what_is_over_is_cleared_when_the_next_token_is_given(world):
    client = registered(world)
    ask_token(assertion(client))
    later = SystemClock().now() + timedelta(minutes=10)
    signed = assertion(client, exp=int(later.timestamp()) + 60)
    grant_token(signed, SCOPE, audience=token_address(), now=later)
    with everything():
        assert (AccessToken.objects.count(), ClientAssertion.objects.count()) == (1, 1)


@pytest.mark.parametrize("asked", ["", "system/Patient.r", "system/*.*", "system/Observation.cruds"])
def test_a_scope_that_the_client_has_not_is_said_and_the_request_is_used(world, asked):
    client = registered(world)
    signed = assertion(client)
    answer = ask_token(signed, asked)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    assert SCOPE in answer.json()["error_description"]
    assert ask_token(signed).status_code == 401


def test_less_than_asked_is_granted_and_said(world):
    answer = ask_token(assertion(registered(world)), f"system/Patient.r {SCOPE}")
    assert answer.json()["scope"] == SCOPE


@pytest.mark.parametrize(
    ("form", "error"),
    [({"grant_type": "password"}, "unsupported_grant_type"), ({"client_assertion_type": "secret"}, "invalid_request")],
)
def test_other_ways_are_refused_by_name(world, form, error):
    answer = ask_token("", **form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_client_that_is_over_gets_no_token_and_its_tokens_open_nothing(world):
    client = registered(world)
    token = ask_token(assertion(client)).json()["access_token"]
    end_client(client.pk, by=world.actor("alice", "director"))
    assert caller_of(token) is None
    assert ask_token(assertion(client)).status_code == 401


def test_only_a_director_of_the_organisation_lets_systems_in_and_out(world):
    organisation = world.alice.organisation
    for by in (world.actor("alice", "nurse"), world.actor("bob", "director")):
        with pytest.raises(NotAllowedError):
            register_client(organisation, "Thermometers", public(key()), scopes=[SCOPE], by=by)
    client = registered(world)
    with pytest.raises(NotAllowedError):
        end_client(client.pk, by=world.actor("alice", "nurse"))
    with pytest.raises(NotVisibleError):
        end_client(client.pk, by=world.actor("charlie", "director"))


KEYS = {
    "not a set": [],
    "empty": {"keys": []},
    "private": {"keys": [key().as_dict(private=True)]},
    "shared": {"keys": [{"kty": "oct", "kid": "a", "k": "c2VjcmV0"}]},
    "no kid": {"keys": [{k: v for k, v in key().as_dict(private=False).items() if k != "kid"}]},
    "one kid twice": {"keys": [key().as_dict(private=False)] * 2},
    "short": {"keys": [{"kty": "RSA", "kid": "a", "e": "AQAB", "n": "_" * 171}]},
    "other curve": {"keys": [ECKey.generate_key("P-256", private=False).as_dict() | {"kid": "a"}]},
    "broken": {"keys": [{"kty": "EC", "kid": "a", "crv": "P-384", "x": "!", "y": "!"}]},
    "unknown kind": {"keys": [{"kty": "XX", "kid": "a"}]},
}


@pytest.mark.parametrize("name", KEYS)
def test_keys_that_cannot_be_used_are_refused(world, name):
    by = world.actor("alice", "director")
    with pytest.raises(RefusedError):
        register_client(world.alice.organisation, "Thermometers", KEYS[name], scopes=[SCOPE], by=by)
    with everything():
        assert not ServiceClient.objects.exists()


def test_the_configuration_says_what_is_there(client):
    body = client.get("/fhir/.well-known/smart-configuration").json()
    assert body["token_endpoint"] == token_address()
    assert body["grant_types_supported"] == ["client_credentials"]
    assert body["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]
    assert set(body["scopes_supported"]) == {SCOPE, "system/Export.r", *READING}
    assert Client().get("/fhir/token").status_code == 405
