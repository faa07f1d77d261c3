"""A page with several forms for one organisation: the one that was sent is read and done, and what was typed stays where it was wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from handrail.actions.errors import NotAllowedError, RefusedError
from handrail.people.models import Organisation
from handrail.web.forms import Filled, Form, fill

Doing = Callable[[HttpRequest, Organisation, dict[str, Any]], str]
"""Do what a form asks; returns what is said about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The forms of a page, and what became of the one that was sent: `saved`, or something is wrong with status 422."""

    filled: Mapping[str, Filled]
    saved: bool = False
    status: int = 200


def send(
    request: HttpRequest, forms: Mapping[str, Form], house: Organisation | None, doing: Mapping[str, Doing]
) -> Sent:
    """The forms as they are shown, after the one that was sent was done.

    Args:
        house: the organisation that this person may change; None: none, and then nothing is taken.

    Raises:
        NotAllowedError: something was sent by somebody who may change nothing here.
    """
    filled = {key: Filled(form=form, typed={}) for key, form in forms.items()}
    if request.method != "POST":
        return Sent(filled=filled)
    if house is None:
        raise NotAllowedError("Your role does not allow that here.")
    key = request.POST.get("form", "")
    if key in forms:
        filled[key] = fill(forms[key], dict(request.POST.lists()), house.time_zone)
        if not filled[key].errors and _done(request, house, doing[key], filled[key]):
            return Sent(filled=filled, saved=True)
    return Sent(filled=filled, status=422)


def _done(request: HttpRequest, house: Organisation, doing: Doing, filled: Filled) -> bool:
    try:
        messages.success(request, doing(request, house, filled.values))
    except RefusedError as error:
        blame(filled, error.path, error.message)
        return False
    return True


def blame(filled: Filled, path: str, message: str) -> None:
    """Write what was refused beside the field that it is about; beside the first where it is about none."""
    named = {field.name for field in filled.form.fields}
    filled.errors[path if path in named else filled.form.fields[0].name] = message


def shown(filled: Mapping[str, Filled]) -> list[dict[str, Any]]:
    """Each form as the template shows it."""
    return [
        {"key": key, "title": each.form.title, "intro": each.form.intro, "rows": each.rows(), "errors": each.errors}
        for key, each in filled.items()
    ]
