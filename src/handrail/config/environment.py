"""What the environment may say, and what is used when it says nothing. One line a setting; the documentation lists them."""

import base64
import os
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

MODES = ("demo", "live", "test")

# Known to everybody who reads this file, and therefore refused in live mode.
DEMO_SECRET = "handrail-demonstration-only-secret-key-that-everybody-knows-0123456789"  # noqa: S105
DEMO_FIELD_KEY = "aGFuZHJhaWwtZGVtby1rZXktbm90LWEtc2VjcmV0ISE="


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The settings of one installation, as its environment gives them."""

    mode: str
    debug: bool
    secret_key: str
    field_keys: tuple[str, ...]
    database_url: str
    database_role: str
    email_url: str
    email_from: str
    phone_url: str
    phone_from: str
    webhook_hosts: tuple[str, ...]
    push_key: str
    push_hosts: tuple[str, ...]
    base_url: str
    allowed_hosts: tuple[str, ...]
    idle_minutes: int
    log_level: str
    demo_dir: str
    metrics_token: str
    digest_after_minutes: int
    labels_dir: str


def read(variables: "os._Environ[str] | dict[str, str]" = os.environ) -> Environment:
    """The environment, checked.

    Raises:
        ImproperlyConfigured: an unknown mode, a number that is none, or, in live mode, a secret that everybody knows.
    """

    def text(name: str, default: str = "") -> str:
        return variables.get(f"HANDRAIL_{name}", default).strip()

    def several(name: str, default: str = "") -> tuple[str, ...]:
        return tuple(part.strip() for part in text(name, default).split(",") if part.strip())

    def number(name: str, default: int) -> int:
        try:
            return int(text(name, str(default)))
        except ValueError:
            raise ImproperlyConfigured(f"HANDRAIL_{name} is a whole number.") from None

    mode = text("MODE", "demo") or "demo"
    if mode not in MODES:
        raise ImproperlyConfigured(f"HANDRAIL_MODE is one of {', '.join(MODES)}, not {mode!r}.")
    base_url = text("BASE_URL", "http://127.0.0.1:8000").rstrip("/")
    found = Environment(
        mode=mode,
        debug=text("DEBUG", "0").lower() in ("1", "true", "yes"),
        secret_key=text("SECRET_KEY") or DEMO_SECRET,
        field_keys=several("FIELD_KEYS") or (DEMO_FIELD_KEY,),
        database_url=text("DATABASE_URL") or f"sqlite:///{Path.cwd() / 'handrail.db'}",
        database_role=text("DATABASE_ROLE"),
        email_url=text("EMAIL_URL"),
        email_from=text("EMAIL_FROM", "handrail@localhost"),
        phone_url=text("PHONE_URL"),
        phone_from=text("PHONE_FROM"),
        webhook_hosts=several("WEBHOOK_HOSTS"),
        push_key=text("PUSH_KEY"),
        push_hosts=several("PUSH_HOSTS"),
        base_url=base_url,
        allowed_hosts=several("ALLOWED_HOSTS"),
        idle_minutes=number("IDLE_MINUTES", 15),
        log_level=text("LOG_LEVEL", "INFO").upper(),
        demo_dir=text("DEMO_DIR"),
        metrics_token=text("METRICS_TOKEN"),
        digest_after_minutes=number("DIGEST_AFTER_MINUTES", 10),
        labels_dir=text("LABELS_DIR"),
    )
    _check_push_key(found.push_key)
    if mode == "live":
        _refuse_unsafe(found)
    return found


def _check_push_key(key: str) -> None:
    try:
        length = len(base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)))
    except ValueError:
        length = -1
    if key and length != 32:
        raise ImproperlyConfigured("HANDRAIL_PUSH_KEY is 32 random bytes in url-safe base64.")


def _refuse_unsafe(found: Environment) -> None:
    """Live mode does not start with what a demonstration may do."""
    if found.secret_key == DEMO_SECRET:
        raise ImproperlyConfigured("Live mode needs HANDRAIL_SECRET_KEY: a long random text of its own.")
    if DEMO_FIELD_KEY in found.field_keys:
        raise ImproperlyConfigured("Live mode needs HANDRAIL_FIELD_KEYS: Fernet keys of its own, newest first.")
    if found.debug:
        raise ImproperlyConfigured("Live mode does not run with HANDRAIL_DEBUG: error pages would show patients' data.")
    if found.phone_url.startswith("http://"):
        raise ImproperlyConfigured("Live mode needs HANDRAIL_PHONE_URL to start with https://.")
    if not found.base_url.startswith("https://"):
        raise ImproperlyConfigured("Live mode needs HANDRAIL_BASE_URL to start with https://.")
