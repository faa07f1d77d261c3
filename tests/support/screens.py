"""The screens on which a journey is seen: sizes, contexts of a browser, and the tables of a test that is seen on several."""

from typing import Any

import pytest

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
ON_PHONE: dict[str, Any] = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
"""Of a browser context: a phone, touched."""
AT_DESK: dict[str, Any] = {"viewport": DESKTOP}

each_size = pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
each_scheme = pytest.mark.parametrize("scheme", ["light", "dark"])
each_language = pytest.mark.parametrize("language", ["en", "es"])
each_look = pytest.mark.parametrize(
    ("size", "scheme"),
    [(PHONE, "light"), (PHONE, "dark"), (DESKTOP, "light"), (DESKTOP, "dark")],
    ids=["phone-light", "phone-dark", "desk-light", "desk-dark"],
)
two_looks = pytest.mark.parametrize(
    ("size", "scheme"), [(PHONE, "dark"), (DESKTOP, "light")], ids=["phone-dark", "desk-light"]
)
"""For a long journey: a dark phone and a light desk, so that each size and each scheme is seen once."""


def size_word(size: dict[str, int]) -> str:
    """The word for a size in the name of a picture."""
    return "phone" if size is PHONE else "desktop"
