"""How people at home, and others who are no staff here, read an instant: in the language in use, and never a bare clock time."""

from __future__ import annotations

from datetime import datetime

from django.utils.formats import date_format

from handrail.rules.terms import zone_named


def home_time(at: datetime, zone: str, *, clock_24h: bool, year: bool = False) -> str:
    """`Tuesday, March 3, 2:14 AM CST`; with the year for what is kept long: `Tuesday, March 3, 2026, 2:14 AM CST`.

    Always whole, also today: a page stays open on a phone over midnight, a message is read the next morning, and a
    patient may sleep in another zone than the site. The rule is in `docs/decisions/0024-instants-said-whole.md`.

    Raises:
        UnusableInput: `unknown_zone`.
    """
    local = at.astimezone(zone_named(zone))
    day = date_format(local, "DATE_FORMAT" if year else "MONTH_DAY_FORMAT")
    clock = date_format(local, "H:i" if clock_24h else "g:i A")
    return f"{date_format(local, 'l')}, {day}, {clock} {local:%Z}"
