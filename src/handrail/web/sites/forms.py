"""The forms of a site's page: record an item, except one, sign a level or that the label is followed strictly, write down a way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from handrail.actions.site_facts import Gathered
from handrail.people.models import Site
from handrail.rules.setting_facts import LEVELS
from handrail.rules.site_levels import ItemRow, SiteLevel, load_site_levels
from handrail.web.forms import YES_NO, Field, Form

YEAR: Final = timedelta(days=364)
"""A starting value for the last day of a signature; the director writes what holds."""


NAMES: Final[dict[str, dict[str, str]]] = {
    "item": {},
    "except": {"item": "waived", "until_on": "waived_until", "evidence": "waived_evidence"},
    "level": {"until_on": "level_until", "evidence": "looked_at"},
    "strict": {"from_on": "strict_from", "reason": "strict_reason"},
    "way": {"evidence": "way_evidence"},
}
"""By form, what a field is called here where its verb's own word would stand twice on the page."""


STRICT: Final = (("yes", "Yes: where the label asks for hospital, nothing else is offered"), ("no", "No"))


def item_form(known: Gathered, level: SiteLevel, item: str) -> Form:
    """Record how an item was found."""
    levels = load_site_levels()
    rows = levels.rows_for(level.licence)
    licences = tuple((row.id, f"{row.words.capitalize()} (for dispensing answers {row.dispenser})") for row in levels.licence)  # fmt: skip
    fields = (
        Field(name="item", label="Item", kind="choice", required=True, choices=_items(rows), start=item),
        Field(name="met", label="Is it met?", kind="yes_no", required=True, choices=YES_NO),
        Field(name="checked_on", label="Checked on", kind="date", required=True, start=known.today.isoformat()),
        Field(name="evidence", label="What shows it", kind="text", hint="A number or a place; not the paper itself."),
        Field(name="until", label="Last day of the evidence", kind="date"),
        Field(name="no_end", label="Or", kind="choices", choices=(("yes", "It has no last day"),)),
        Field(name="licence", label="For SITE-05: type of licence", kind="choice", choices=licences),
        Field(name="dispenser", label="For SITE-05: who answers for dispensing", kind="text"),
    )
    return _form("item", "Record an item", "record_site_item", fields)


def except_form(level: SiteLevel, item: str) -> Form:
    """Except an item until a day."""
    rows = [row for row in load_site_levels().rows_for(level.licence) if row.exception]
    fields = (
        Field(name="waived", label="Item", kind="choice", required=True, choices=_items(rows), start=item),
        Field(name="waived_until", label="Until and with", kind="date", required=True),
        Field(name="reason", label="Why it may wait", kind="text", required=True),
        Field(name="waived_evidence", label="What was looked at", kind="text"),
    )
    return _form("except", "Except an item until a day", "except_site_item", fields)


def level_form(known: Gathered, level: SiteLevel) -> Form:
    """Sign a level."""
    words = load_site_levels().words
    choices = tuple((each, f"Level {each}: {words(each)}") for each in LEVELS)
    fields = (
        Field(
            name="level", label="Level", kind="choice", required=True, choices=choices, start=level.next_level or "H"
        ),
        Field(
            name="level_until",
            label="Until and with",
            kind="date",
            required=True,
            start=(known.today + YEAR).isoformat(),
        ),
        Field(name="looked_at", label="What you looked at", kind="text", hint="A visit, minutes, the items above."),
        Field(name="why", label="Why, if a condition is not met", kind="text"),
    )
    intro = (
        "Every item up to the level must hold. A lower level, or 0, can be signed at any time and counts from today."
    )
    return _form("level", "Sign a level", "grant_site_level", fields, intro)


def strict_form() -> Form:
    """Sign that the site follows the label strictly, or no more."""
    fields = (
        Field(name="strict", label="Does this site follow the label strictly?", kind="choice", choices=STRICT, required=True),
        Field(name="strict_from", label="For doses from this day on", kind="date", hint="Left open: from today."),
        Field(name="strict_reason", label="Because", kind="text", required=True),
    )  # fmt: skip
    intro = (
        "A strict site offers no dose outside hospital where the label asks for hospital, whoever signs a departure. "
        "It counts for every product and every course here; a course may be stricter than its site, and never less strict."
    )
    return _form("strict", "Sign whether the label is followed strictly", "grant_site_level", fields, intro)


def way_form(others: Sequence[Site]) -> Form:
    """Write down how far another site is."""
    choices = tuple((str(each.pk), f"{each.name} ({each.organisation.name})") for each in others)
    fields = (
        Field(name="other", label="To", kind="choice", required=True, choices=choices),
        Field(name="minutes", label="Worst case", kind="whole", unit="minutes", required=True),
        Field(name="way_evidence", label="From where you know it", kind="text"),
    )
    intro = "Patients and planners who cannot be served here read the nearest site that can first."
    return _form("way", "Write down how far another site is", "record_site_item", fields, intro)


def _items(rows: Sequence[ItemRow]) -> tuple[tuple[str, str], ...]:
    return tuple((row.id, f"{row.id}: {row.criterion}") for row in rows)


def _form(key: str, title: str, verb: str, fields: tuple[Field, ...], intro: str = "") -> Form:
    return Form(key=key, title=title, verb=verb, fields=fields, intro=intro, events=lambda values: [dict(values)])
