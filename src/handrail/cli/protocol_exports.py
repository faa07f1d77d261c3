"""`handrail protocols export` and `grid`: the label data in forms that need none of this code."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from handrail.rules.grid import grid_csv
from handrail.rules.protocol import Protocol, catalogue, load
from handrail.rules.protocol_export import export_of
from handrail.rules.terms import UnusableInput

FORMS = ("fhir", "json")


def export_text(key: str, form: str) -> str:
    """One protocol as a FHIR R4 Bundle or as `handrail-protocol-export/1`.

    Raises:
        UnusableInput: no such protocol, or no such form.
    """
    if form not in FORMS:
        raise UnusableInput("unknown_word", f"The form is one of: {', '.join(FORMS)}.", "--as")
    protocol = load(key)
    return json.dumps(_writer(form)(protocol), indent=2, ensure_ascii=False)


def _writer(form: str) -> Callable[[Protocol], dict[str, Any]]:
    if form == "json":
        return export_of
    from handrail.fhir.plan_definition import bundle_of

    return bundle_of


def grid_text(key: str | None) -> str:
    """The grid of one protocol as CSV, or of all of them under one heading.

    Raises:
        UnusableInput: no such protocol.
    """
    protocols = catalogue() if key is None else (load(key),)
    first, *others = (grid_csv(protocol) for protocol in protocols)
    return first + "".join(text.partition("\n")[2] for text in others)
