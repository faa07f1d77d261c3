"""The page of settings names every variable that Handrail reads, and none that it does not."""

import re
from pathlib import Path

import handrail

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "settings.md"


def read_by_the_source() -> set[str]:
    root = Path(handrail.__file__).parent
    text = "\n".join(file.read_text(encoding="utf-8") for file in root.rglob("*.py"))
    named = set(re.findall(r"HANDRAIL_[A-Z_]*[A-Z]", "\n".join(re.findall(r"environ[^\n]*", text))))
    environment = (root / "config" / "environment.py").read_text(encoding="utf-8")
    asked = re.findall(r'(?:text|several|number)\("([A-Z_]+)"', environment)
    return named | {f"HANDRAIL_{name}" for name in asked} | {"HANDRAIL_CLOCK"}


def test_every_setting_stands_on_the_page():
    documented = set(re.findall(r"`(HANDRAIL_[A-Z_]+)`", PAGE.read_text(encoding="utf-8")))
    assert documented == read_by_the_source()
