"""What the environment may say, and what live mode refuses."""

import os
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from handrail.config.environment import DEMO_FIELD_KEY, DEMO_SECRET, read

SAFE = {
    "HANDRAIL_MODE": "live",
    "HANDRAIL_SECRET_KEY": "x" * 60,
    "HANDRAIL_FIELD_KEYS": Fernet.generate_key().decode(),
    "HANDRAIL_BASE_URL": "https://handrail.example",
}


def test_nothing_said_is_the_demonstration():
    found = read({})
    assert (found.mode, found.debug, found.secret_key, found.field_keys) == (
        "demo",
        False,
        DEMO_SECRET,
        (DEMO_FIELD_KEY,),
    )


def test_live_with_its_own_secrets_starts():
    assert read(SAFE).mode == "live"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"HANDRAIL_SECRET_KEY": ""}, "HANDRAIL_SECRET_KEY"),
        ({"HANDRAIL_SECRET_KEY": DEMO_SECRET}, "HANDRAIL_SECRET_KEY"),
        ({"HANDRAIL_FIELD_KEYS": ""}, "HANDRAIL_FIELD_KEYS"),
        ({"HANDRAIL_FIELD_KEYS": f"{SAFE['HANDRAIL_FIELD_KEYS']},{DEMO_FIELD_KEY}"}, "HANDRAIL_FIELD_KEYS"),
        ({"HANDRAIL_DEBUG": "true"}, "HANDRAIL_DEBUG"),
        ({"HANDRAIL_BASE_URL": "http://handrail.example"}, "HANDRAIL_BASE_URL"),
        ({"HANDRAIL_PHONE_URL": "http://a:t@phones.example"}, "HANDRAIL_PHONE_URL"),
    ],
)
def test_live_refuses_what_a_demonstration_may_do(change: dict[str, str], named: str):
    with pytest.raises(ImproperlyConfigured, match=named):
        read({**SAFE, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"HANDRAIL_MODE": "production"},
        {"HANDRAIL_IDLE_MINUTES": "soon"},
        {"HANDRAIL_PUSH_KEY": "c2hvcnQ="},
        {"HANDRAIL_PUSH_KEY": "é"},
    ],
)
def test_a_word_or_number_that_cannot_be_read_is_refused(change: dict[str, str]):
    with pytest.raises(ImproperlyConfigured):
        read(change)


def test_the_web_server_does_not_start_live_on_public_secrets():
    finished = subprocess.run(
        [sys.executable, "-c", "import handrail.config.wsgi"],
        env={"PATH": os.environ["PATH"], "HANDRAIL_MODE": "live", "HANDRAIL_DATABASE_URL": "sqlite:////tmp/none.db"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode != 0
    assert "HANDRAIL_SECRET_KEY" in finished.stderr
