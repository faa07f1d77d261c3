"""What a file is, told from its content and never from its name."""

PDF, PNG, JPEG, TEXT = "application/pdf", "image/png", "image/jpeg", "text/plain"
ALLOWED = (PDF, PNG, JPEG, TEXT)

_BEGINNINGS = ((b"%PDF-", PDF), (b"\x89PNG\r\n\x1a\n", PNG), (b"\xff\xd8\xff", JPEG))


def sniff(content: bytes) -> str | None:
    """The media type of a PDF, PNG, JPEG or plain text; None for everything else, an HTML page in text's clothes included."""
    for beginning, media_type in _BEGINNINGS:
        if content.startswith(beginning):
            return media_type
    return TEXT if _is_plain_text(content) else None


def _is_plain_text(content: bytes) -> bool:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    if any(ord(sign) < 32 and sign not in "\t\n\r\f" for sign in text):
        return False
    start = text.lstrip("\ufeff \t\r\n").lower()
    return not start.startswith(("<!doctype", "<html", "<svg", "<?xml", "<script"))
