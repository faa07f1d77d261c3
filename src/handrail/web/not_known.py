"""What the pages show of the empty fields of a packet: the list with its tick, and who said that they leave as not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import HttpRequest

from handrail.actions.not_known import PATH, Standing
from handrail.people.models import User
from handrail.rules.events import Event
from handrail.rules.not_known import labelled
from handrail.rules.packet_parts import Field
from handrail.rules.telling import role_words
from handrail.web.words import local_time


def keys_said(request: HttpRequest) -> frozenset[str]:
    """The keys of the empty fields as they stood beside the tick; none where it was not set."""
    return frozenset(each for each in request.POST.get(PATH, "").split(",") if each)


def asked_of(empty: Sequence[Field], error: str = "") -> dict[str, Any]:
    """The list of what is empty, and its tick (`not_known_field.html`)."""
    return {"empty": empty, "empty_keys": ",".join(each.key for each in empty), "empty_error": error}


def said_rows(said: Iterable[Event], names: Mapping[str, str], zone: str) -> list[dict[str, str]]:
    """Who said of which fields that they leave as not known, and when.

    Args:
        names: the names behind the ids of the record.
    """
    return [
        {
            "fields": ", ".join(label for _, label in labelled(each)),
            "who": _who(each, names),
            "at": local_time(each.at, zone),
        }
        for each in said
    ]


def looked_at(standing: Standing, zone: str) -> dict[str, Any]:
    """What the page and the paper of a sealed version say of its empty fields (`packet_body.html`)."""
    ids = {each.by.id for each in standing.said if each.by is not None and each.by.id}
    people = User.objects.filter(pk__in=ids) if ids else ()
    names = {str(each.pk): each.name for each in people}
    return {
        "said": said_rows(standing.said, names, zone),
        "unsaid": ", ".join(each.label for each in standing.unsaid),
    }


def _who(event: Event, names: Mapping[str, str]) -> str:
    if event.by is None:
        return "not known who"
    name, role = names.get(event.by.id or "", ""), role_words(event.by.role)
    return f"{name}, {role}" if name else role
