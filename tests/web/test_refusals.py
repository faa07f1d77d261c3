"""A form that could not be taken says so where it is read: the words stand in view when the page comes back, however far down the form is."""

import re
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).resolve().parents[2] / "src" / "handrail" / "web" / "templates"
WORDS = r"Nothing (?:is|was) |Not signed\.|Not done\.|Not proposed\.|No link was made|\{\{ (?:error|refused|refused\.message|trouble) "
REFUSED = re.compile(rf'<[^>]+role="alert"[^>]*>(?=(?:<p[^>]*>)?(?:<strong>)?(?:{WORDS}))')


def out_of_view(text: str) -> list[str]:
    """The alerts of a refused form that a browser does not bring into view."""
    return [mark for mark in REFUSED.findall(text) if 'tabindex="-1" autofocus' not in mark]


def test_every_refusal_is_brought_into_view():
    pages = {each.name: each.read_text(encoding="utf-8") for each in sorted(TEMPLATES.rglob("*.html"))}
    assert sum(len(REFUSED.findall(text)) for text in pages.values()) >= 40
    assert {name: found for name, text in pages.items() if (found := out_of_view(text))} == {}


@pytest.mark.parametrize("said", ["Nothing is saved yet.", "<strong>Nothing was written down.</strong>", "{{ error }}"])
def test_a_planted_refusal_at_the_end_of_a_page_is_found(said: str):
    planted = f'<div class="care now" role="alert"><p>{said}</p></div>'
    assert out_of_view(planted) == ['<div class="care now" role="alert">']
    assert out_of_view(planted.replace('role="alert"', 'role="alert" tabindex="-1" autofocus')) == []
