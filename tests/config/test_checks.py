"""Start-up checks speak up, with an id and a hint."""

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from handrail.config import checks
from handrail.config.environment import DEMO_FIELD_KEY, DEMO_SECRET
from tests.support.database import as_owner


def ids(messages) -> set[str]:
    assert all(message.hint for message in messages)
    return {message.id for message in messages}


@pytest.mark.django_db
def test_live_with_public_secrets_debug_and_no_encryption(settings):
    settings.HANDRAIL_MODE = "live"
    settings.SECRET_KEY, settings.HANDRAIL_FIELD_KEYS = DEMO_SECRET, [DEMO_FIELD_KEY]
    settings.DEBUG, settings.SESSION_COOKIE_SECURE = True, False
    assert ids(checks.secrets_are_secret(None)) == {f"handrail.E00{n}" for n in (2, 3, 4, 5)}
    with pytest.raises(ImproperlyConfigured, match="handrail"):
        checks.refuse_unsafe_start()


def test_a_key_that_is_none_is_an_error_in_every_mode(settings):
    settings.HANDRAIL_FIELD_KEYS = ["short"]
    assert ids(checks.secrets_are_secret(None)) == {"handrail.E001"}


def test_a_demonstration_may_use_public_secrets(settings):
    settings.HANDRAIL_FIELD_KEYS = [DEMO_FIELD_KEY]
    assert checks.secrets_are_secret(None) == []
    checks.refuse_unsafe_start()


def test_live_without_mail_is_warned(settings):
    settings.HANDRAIL_MODE, settings.HANDRAIL_EMAIL_CONFIGURED = "live", False
    assert ids(checks.pages_can_leave(None)) == {"handrail.W001"}


@pytest.mark.django_db
def test_the_database_has_all_its_guards():
    assert checks.database_guards_stand(None, databases=["default"]) == []


@pytest.mark.django_db
def test_a_guard_that_is_taken_away_is_missed():
    drop = {
        "sqlite": "DROP TRIGGER guard_records_event_no_update",
        "postgresql": "DROP TRIGGER guard_records_event_append_only ON records_event",
    }[connection.vendor]
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(drop)
    found = checks.database_guards_stand(None, databases=["default"])
    assert ids(found) == {"handrail.W010"}
    assert "guard_records_event" in found[0].msg


@pytest.mark.django_db
def test_an_owner_who_passes_row_level_security_may_not_run_live(settings):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no roles")
    settings.HANDRAIL_MODE, settings.SECRET_KEY = "live", "x" * 60
    settings.HANDRAIL_FIELD_KEYS, settings.SESSION_COOKIE_SECURE = [Fernet.generate_key().decode()], True
    checks.refuse_unsafe_start()
    with as_owner():
        assert ids(checks.database_guards_stand(None, databases=["default"])) == {"handrail.W011"}
        with pytest.raises(ImproperlyConfigured, match=r"handrail\.W011.*HANDRAIL_DATABASE_ROLE"):
            checks.refuse_unsafe_start()
