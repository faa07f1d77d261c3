"""Sign-in: by address and password, no sign-up, lock-out, idle log-off, a second factor where required."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from allauth.mfa.adapter import get_adapter as second_factors
from django.contrib.auth import authenticate
from django.http import HttpResponse
from django.test import Client, RequestFactory

from handrail import clock
from handrail.people import middleware, signin
from tests.support.factories import make_member, make_organisation

pytestmark = pytest.mark.django_db
PASSWORD = "a long synthetic password"


@pytest.fixture
def nurse(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # argon2 takes a tenth of a second
    user = make_member(make_organisation("Alice"), "nurse")
    user.set_password(PASSWORD)
    user.save()
    return user


def sign_in(client: Client, email: str, password: str) -> HttpResponse:
    return client.post("/accounts/login/", {"login": email, "password": password})


def test_the_right_password_signs_in(client, nurse):
    answer = sign_in(client, nurse.email.upper(), PASSWORD)
    assert answer.status_code == 302
    assert client.session["_auth_user_id"] == str(nurse.pk)


@pytest.mark.parametrize("path", ["signup/", "signup/passkey/", "email/", "confirm-email/", "confirm-email/abc/"])
def test_nobody_signs_up_or_changes_an_address(client, path: str):
    assert client.get(f"/accounts/{path}").status_code == 404


def test_argon2_is_used(settings):
    assert settings.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]


def test_wrong_passwords_lock_the_address_and_say_so(client, nurse, settings):
    for _ in range(settings.HANDRAIL_SIGN_IN_FAILURES - 1):
        assert b"locked" not in sign_in(client, nurse.email, "wrong").content
    assert b"is locked for 15 minutes" in sign_in(client, nurse.email, "wrong").content
    answer = sign_in(client, nurse.email, PASSWORD)
    assert answer.status_code == 200
    assert b"is locked for" in answer.content
    assert "_auth_user_id" not in client.session


def test_an_unknown_address_locks_just_the_same(client, settings):
    for _ in range(settings.HANDRAIL_SIGN_IN_FAILURES):
        answer = sign_in(client, "nobody@example.org", "wrong")
    assert b"is locked for 15 minutes" in answer.content


def test_a_right_password_ends_the_count(client, nurse, settings):
    for _ in range(settings.HANDRAIL_SIGN_IN_FAILURES - 1):
        sign_in(client, nurse.email, "wrong")
    sign_in(client, nurse.email, PASSWORD)
    client.post("/accounts/logout/")
    assert b"locked" not in sign_in(client, nurse.email, "wrong").content


def test_a_lock_opens_by_the_wall_clock_alone(nurse, monkeypatch, settings):
    wall = clock.FrozenClock(clock.SystemClock().now())
    monkeypatch.setattr(signin, "_wall", wall)
    for _ in range(settings.HANDRAIL_SIGN_IN_FAILURES):
        signin.note_failure(nurse.email)
    with clock.use(clock.FrozenClock(wall.now() + timedelta(days=1))):
        assert signin.locked_until(nurse.email) is not None
    wall.advance(minutes=settings.HANDRAIL_LOCK_MINUTES)
    assert signin.locked_until(nurse.email) is None


def test_somebody_inactive_does_not_sign_in(nurse):
    nurse.is_active = False
    nurse.save()
    assert authenticate(None, email=nurse.email, password=PASSWORD) is None


def test_an_idle_session_ends_and_background_requests_do_not_keep_it(client, nurse, monkeypatch, settings):
    wall = clock.FrozenClock(clock.SystemClock().now())
    monkeypatch.setattr(middleware, "_wall", wall)
    sign_in(client, nurse.email, PASSWORD)
    client.get("/accounts/password/change/")
    wall.advance(minutes=settings.HANDRAIL_IDLE_MINUTES - 1)
    client.get("/accounts/password/change/", headers={"X-Handrail-Background": "1"})
    assert "_auth_user_id" in client.session
    wall.advance(minutes=2)
    assert client.get("/accounts/password/change/").status_code == 302
    assert "_auth_user_id" not in client.session


def test_a_session_in_use_goes_on(client, nurse, monkeypatch, settings):
    wall = clock.FrozenClock(clock.SystemClock().now())
    monkeypatch.setattr(middleware, "_wall", wall)
    sign_in(client, nurse.email, PASSWORD)
    for _ in range(4):
        wall.advance(minutes=settings.HANDRAIL_IDLE_MINUTES - 1)
        assert client.get("/accounts/password/change/").status_code == 200


def test_a_second_factor_is_required_where_the_organisation_says_so(nurse):
    organisation = nurse.memberships.get().organisation
    request = RequestFactory().get("/")
    request.user, request._messages = nurse, SimpleNamespace(add=lambda *_: None)
    door = middleware.SecondFactorWhereRequired(lambda _: HttpResponse("in"))
    assert door(request).content == b"in"
    organisation.require_second_factor = True
    organisation.save()
    assert door(request).status_code == 302
    request.path = "/accounts/2fa/"
    assert door(request).content == b"in"


def test_keys_of_one_time_codes_are_stored_encrypted():
    sealed = second_factors().encrypt("JBSWY3DPEHPK3PXP")
    assert "JBSWY3DP" not in sealed
    assert second_factors().decrypt(sealed) == "JBSWY3DPEHPK3PXP"


def test_pages_carry_the_policy_of_content_and_frames(client):
    headers = client.get("/accounts/login/").headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
