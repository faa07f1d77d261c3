"""Addresses of the environment: what they become, and what is refused."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from handrail.config.addresses import database_settings, email_settings, phone_settings


def test_sqlite_is_absolute_with_four_slashes_and_relative_with_three():
    assert database_settings("sqlite:////srv/handrail.db")["NAME"] == "/srv/handrail.db"
    assert database_settings("sqlite:///handrail.db")["NAME"] == str(Path.cwd() / "handrail.db")


def test_sqlite_never_loses_a_write():
    options = database_settings("sqlite:////srv/handrail.db")["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert options["timeout"] == 20
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        assert pragma in options["init_command"]


def test_postgresql_takes_its_parts_apart_and_takes_on_the_role():
    found = database_settings(
        "postgresql://u%40x:p%2Fw@db.example:6543/handrail?sslmode=verify-full", role="handrail_app"
    )
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"], found["NAME"]) == (
        "u@x",
        "p/w",
        "db.example",
        "6543",
        "handrail",
    )
    assert (found["OPTIONS"]["sslmode"], found["OPTIONS"]["assume_role"]) == ("verify-full", "handrail_app")


@pytest.mark.parametrize(
    ("query", "options", "idle"),
    [
        ("", "-c idle_in_transaction_session_timeout=3s", "5"),
        ("?keepalives_idle=60&connect_timeout=3", "-c idle_in_transaction_session_timeout=3s", "60"),
        (
            "?options=-c%20idle_in_transaction_session_timeout%3D0",
            "-c idle_in_transaction_session_timeout=3s -c idle_in_transaction_session_timeout=0",
            "5",
        ),
    ],
    ids=["by itself", "what the address says comes first", "of two the server takes the last"],
)
def test_postgresql_waits_neither_for_a_process_that_stands_still_nor_for_a_server_that_is_gone(query, options, idle):
    found = database_settings(f"postgresql://db.example/handrail{query}")["OPTIONS"]
    assert (found["options"], found["keepalives_idle"], found["tcp_user_timeout"]) == (options, idle, "10000")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "mysql://a/b",
        "postgresql:///nohost",
        "postgresql://host/",
        "postgresql://u:secret@h:port/db",
        "sqlite://",
        "http://[x",
    ],
)
def test_an_unusable_address_is_refused_in_a_sentence_without_its_password(address: str):
    with pytest.raises(ImproperlyConfigured) as refused:
        database_settings(address)
    assert str(refused.value).endswith(".")
    assert "secret" not in str(refused.value)


def test_mail():
    assert email_settings("")["HANDRAIL_EMAIL_CONFIGURED"] is False
    found = email_settings("smtp+tls://user:p%40ss@mail.example")
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"], found["EMAIL_USE_TLS"], found["EMAIL_HOST_PASSWORD"]) == (
        "mail.example",
        587,
        True,
        "p@ss",
    )
    assert email_settings("smtp://127.0.0.1:2525")["EMAIL_PORT"] == 2525
    with pytest.raises(ImproperlyConfigured):
        email_settings("imap://mail.example")


def test_a_phone_provider():
    found = phone_settings("https://AC1:to%40ken@api.example.com:8443/base/", "+15550100000")
    assert found == {
        "base": "https://api.example.com:8443/base",
        "account": "AC1",
        "token": "to@ken",
        "sender": "+15550100000",
    }
    assert phone_settings("", "") is None


@pytest.mark.parametrize(
    ("address", "sender"),
    [
        ("https://api.example.com", "+15550100000"),
        ("https://AC1@api.example.com", "+15550100000"),
        ("ftp://AC1:hidden@api.example.com", "+15550100000"),
        ("https://AC1:hidden@api.example.com:x", "+15550100000"),
        ("https://AC1:hidden@api.example.com", ""),
        ("https://AC1:hidden@api.example.com", "5550100000"),
    ],
)
def test_a_phone_provider_that_cannot_be_used_is_refused_without_its_token(address, sender):
    with pytest.raises(ImproperlyConfigured) as error:
        phone_settings(address, sender)
    assert "hidden" not in str(error.value)
