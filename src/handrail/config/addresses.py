"""Addresses given in the environment: the database's and the mail server's, read strictly and said no to in one sentence."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

SQLITE_SECONDS_TO_WAIT = 20
POSTGRES_SECONDS_TO_STAND_STILL = 3
"""A transaction may wait so long for its own process: then the server ends it, and what it held is free for others."""
POSTGRES_GONE = {
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
"""A server whose machine or network went away without a word is given up after some ten seconds, not after hours."""
SQLITE_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"


def database_settings(address: str, *, role: str = "") -> dict[str, Any]:
    """Django's settings for the database at an address.

    Args:
        address: `sqlite:////absolute/path.db`, `sqlite:///relative.db` or `postgresql://user:password@host:port/name`;
            query parameters of a PostgreSQL address are passed on to the driver (`?sslmode=verify-full`) and come before
            what is set here.
        role: PostgreSQL only: the role that every connection takes on, so that row-level security holds.

    Raises:
        ImproperlyConfigured: another kind of database, or a part is missing. The sentence never repeats the password.
    """
    parts = _split(address, "HANDRAIL_DATABASE_URL")
    if parts.scheme == "sqlite":
        return _sqlite(parts)
    if parts.scheme in ("postgresql", "postgres"):
        return _postgresql(parts, role)
    raise ImproperlyConfigured(
        f"HANDRAIL_DATABASE_URL starts with sqlite:// or postgresql://, not with {parts.scheme or 'nothing'!r}."
    )


def _sqlite(parts: SplitResult) -> dict[str, Any]:
    path = unquote(parts.path)
    if parts.netloc or not path.strip("/"):
        raise ImproperlyConfigured("A SQLite address is sqlite:////absolute/path.db or sqlite:///path.db.")
    # One slash belongs to the address: `sqlite:///a.db` is relative, `sqlite:////srv/a.db` is absolute.
    file = Path(path.removeprefix("/")).absolute()
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(file),
        "TEST": {"NAME": f"{file}.test"},  # a file like the real one: a database in memory has other locks
        "ATOMIC_REQUESTS": False,
        "OPTIONS": {
            # A transaction that begins as a reader and then writes loses against another writer; this one never does.
            "transaction_mode": "IMMEDIATE",
            "timeout": SQLITE_SECONDS_TO_WAIT,
            "init_command": SQLITE_PRAGMAS,
        },
    }


def _postgresql(parts: SplitResult, role: str) -> dict[str, Any]:
    name = unquote(parts.path.removeprefix("/"))
    if not name or not parts.hostname:
        raise ImproperlyConfigured("A PostgreSQL address is postgresql://user:password@host:port/name.")
    given = dict(parse_qsl(parts.query))
    # A process that stands still in the middle of a transaction (a machine that is paused, a network that breaks) would keep
    # the course that it holds from every report and every page.
    patience = f"-c idle_in_transaction_session_timeout={POSTGRES_SECONDS_TO_STAND_STILL}s"
    options: dict[str, Any] = {**POSTGRES_GONE, **given, "options": f"{patience} {given.get('options', '')}".strip()}
    if role:
        options["assume_role"] = role
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname,
        "PORT": str(_port(parts, "HANDRAIL_DATABASE_URL") or 5432),
        "ATOMIC_REQUESTS": False,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


def email_settings(address: str) -> dict[str, Any]:
    """Django's settings for a mail server, or for none.

    Args:
        address: `smtp://user:password@host:port`, `smtp+tls://` (STARTTLS), `smtps://` (TLS at once), or empty:
            nothing is sent, and the e-mail channel says "not configured" instead of pretending.
    """
    if not address:
        return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend", "HANDRAIL_EMAIL_CONFIGURED": False}
    parts = _split(address, "HANDRAIL_EMAIL_URL")
    if parts.scheme not in ("smtp", "smtp+tls", "smtps") or not parts.hostname:
        raise ImproperlyConfigured(
            "HANDRAIL_EMAIL_URL is smtp://, smtp+tls:// or smtps:// and user:password@host:port."
        )
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": _port(parts, "HANDRAIL_EMAIL_URL") or {"smtp": 25, "smtp+tls": 587, "smtps": 465}[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 10,
        "HANDRAIL_EMAIL_CONFIGURED": True,
    }


def phone_settings(address: str, sender: str) -> dict[str, str] | None:
    """Who sends text messages and calls, or None for nobody.

    Args:
        address: `https://account:token@host`, the base of an interface like Twilio's; or empty.
        sender: the number that messages and calls come from, as `+15550100`.

    Raises:
        ImproperlyConfigured: a part is missing. The sentence never repeats the token.
    """
    if not address:
        return None
    parts = _split(address, "HANDRAIL_PHONE_URL")
    if parts.scheme not in ("https", "http") or not parts.hostname or not parts.username or not parts.password:
        raise ImproperlyConfigured("HANDRAIL_PHONE_URL is https://account:token@host.")
    if not re.fullmatch(r"\+[0-9]{6,15}", sender):
        raise ImproperlyConfigured("HANDRAIL_PHONE_FROM is a number with + and the country: +15550100.")
    port = _port(parts, "HANDRAIL_PHONE_URL")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return {
        "base": f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}",
        "account": unquote(parts.username),
        "token": unquote(parts.password),
        "sender": sender,
    }


def _split(address: str, name: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is not an address that can be read.") from None


def _port(parts: SplitResult, name: str) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise ImproperlyConfigured(f"{name} has a port that is not a number from 0 to 65535.") from None
