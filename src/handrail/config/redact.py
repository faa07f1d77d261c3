"""What a log line may not hold: link tokens, and the rows that a database quotes in its errors."""

import logging
import re

MASK = "[masked]"

# A token is one path segment or parameter of 32 or more url-safe signs with no dash pattern of a UUID.
_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_TOKEN = re.compile(rf"(?<![A-Za-z0-9_\-])(?!{_UUID}(?![A-Za-z0-9_\-]))[A-Za-z0-9_\-]{{32,}}(?![A-Za-z0-9_\-])")
# PostgreSQL repeats the values of the failing row in these two lines.
_ROW = re.compile(r"^(\s*)(DETAIL|CONTEXT):.*$", re.MULTILINE)


def mask(text: str) -> str:
    """The text without tokens and without quoted rows."""
    return _TOKEN.sub(MASK, _ROW.sub(rf"\1\2: {MASK}", text))


class MaskingFormatter(logging.Formatter):
    """Masks the finished line, its traceback included, so that no way of logging gets around it."""

    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))
