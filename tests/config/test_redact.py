"""Tokens and rows never reach a log line."""

import logging
import secrets
import sys
from uuid import uuid4

import pytest

from handrail.config.redact import MASK, MaskingFormatter, mask


def test_a_token_in_a_path_is_masked_and_the_rest_stays():
    token = secrets.token_urlsafe(32)
    assert mask(f'"GET /c/{token}/?next=1 HTTP/1.1" 200') == f'"GET /c/{MASK}/?next=1 HTTP/1.1" 200'
    assert token not in mask(f"?token={token}&a=b")


def test_a_uuid_stays_readable():
    course = uuid4()
    assert mask(f"course {course} could not be assessed") == f"course {course} could not be assessed"


def test_the_row_that_postgresql_quotes_is_masked():
    said = "null value in column\nDETAIL:  Failing row contains (Synthia, Example, 38.4).\n"
    assert "Synthia" not in mask(said)
    assert "null value in column" in mask(said)


@pytest.mark.parametrize("level", [logging.INFO, logging.ERROR])
def test_every_handler_of_the_settings_masks(settings, level: int):
    token = secrets.token_urlsafe(32)
    handlers = settings.LOGGING["handlers"].values()
    assert {settings.LOGGING["formatters"][each["formatter"]]["()"] for each in handlers} == {
        "handrail.config.redact.MaskingFormatter"
    }
    record = logging.LogRecord("django.request", level, __file__, 1, "Not Found: %s", (f"/c/{token}",), None)
    assert token not in MaskingFormatter("{message}", style="{").format(record)


def test_a_traceback_is_masked_too():
    token = secrets.token_urlsafe(32)
    try:
        raise ValueError(f"no link {token}")
    except ValueError:
        record = logging.LogRecord("handrail", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())
    said = MaskingFormatter("{message}", style="{").format(record)
    assert token not in said
    assert "ValueError" in said
