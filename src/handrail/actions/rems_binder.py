"""The audit binder: everything the REMS desk keeps of a span of days, one line a row, each with the id of what it was read from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date, datetime, timedelta
from typing import Final

from handrail.actions import spreadsheet
from handrail.actions.rems import LICENCES, ends_words
from handrail.actions.rems_desk import troubles_of
from handrail.actions.rems_doses import HOWS, RECEIVERS
from handrail.actions.rems_look import house_of
from handrail.people.models import Organisation, RemsAct, RemsDispense, RemsMode, RemsRecord, RemsReport, Site
from handrail.records.models import Course
from handrail.rules.rems_data import programme_name
from handrail.rules.terms import civil_date, day_start, say_date, zone_named

ORDER: Final = ("paper", "mode", "dispense record", "dose without a whole record", "report", "set-up")
EDGE: Final = timedelta(days=2)
"""So long before and after the days of the organisation the same days last in some other zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line. `row`: the id of the row it was read from; a patient stands in it only by the course."""

    part: str
    day: str
    site: str
    product: str
    what: str
    who: str
    reference: str
    written_by: str
    written_at: str
    row: str
    replaces: str


def binder(
    organisation: Organisation, first: date, last: date, now: datetime, *, site: Site | None = None, product: str = ""
) -> tuple[Line, ...]:
    """The lines of a span of days, both included: what held or was written in it, corrections and what they replaced included.

    Args:
        site, product: only of these; papers that are for every site or product stay.
    """
    span = (day_start(first, organisation.time_zone), day_start(last + timedelta(days=1), organisation.time_zone))
    lines = [*_papers(organisation, first, last, span), *_modes(organisation, span), *_acts(organisation, span)]
    lines += _dispenses(organisation, first, last)
    lines += _gaps(organisation, first, last, span, now)
    lines += _reports(organisation, span)
    kept = [each for each in lines if _is_of(each, site, product)]
    return tuple(sorted(kept, key=lambda each: (ORDER.index(each.part), each.day, each.written_at, each.row)))


def as_csv(lines: Sequence[Line]) -> bytes:
    """The lines as CSV, with a heading; no cell begins like a formula."""
    return spreadsheet.as_csv([field.name for field in fields(Line)], (astuple(line) for line in lines))


def _is_of(line: Line, site: Site | None, product: str) -> bool:
    at_site = site is None or line.site in ("", site.name)
    return at_site and (not product or line.product in ("", product))


def _at(at: datetime, organisation: Organisation) -> str:
    return at.astimezone(zone_named(organisation.time_zone)).isoformat(timespec="seconds")


def _papers(organisation: Organisation, first: date, last: date, span: tuple[datetime, datetime]) -> Iterator[Line]:
    for row in RemsRecord.objects.filter(organisation=organisation).select_related("user", "site", "by"):
        held = row.from_on <= last and (row.until is None or row.until >= first)
        if not held and not span[0] <= row.at < span[1]:
            continue
        parts = [
            f"{RemsRecord.Kind(row.kind).label}, {programme_name(row.programme)}, from {say_date(row.from_on)}, {ends_words(row)}"
        ]
        parts += [f"material version {row.version}"] if row.version else []
        parts += [LICENCES[row.licence]] if row.licence else []
        parts += ["taken back"] if row.withdrawn else []
        parts += [f"because: {row.reason}"] if row.reason else []
        yield Line(
            part="paper",
            day=row.from_on.isoformat(),
            site=row.site.name if row.site is not None else "",
            product=row.product,
            what="; ".join(parts),
            who=row.user.name if row.user is not None else "",
            reference=row.reference,
            written_by=row.by.name,
            written_at=_at(row.at, organisation),
            row=str(row.pk),
            replaces=str(row.supersedes_id or ""),
        )


def _modes(organisation: Organisation, span: tuple[datetime, datetime]) -> Iterator[Line]:
    rows = RemsMode.objects.filter(organisation=organisation, from_at__lt=span[1])
    for row in rows.select_related("site", "central", "local", "by"):
        sides = {"centre": row.central, "site": row.local}
        named = ", ".join(f"{side}: {user.name}" for side, user in sides.items() if user is not None)
        yield Line(
            part="mode",
            day=civil_date(row.from_at, row.site.time_zone).isoformat(),
            site=row.site.name,
            product="",
            what=_mode_words(row),
            who=named,
            reference="",
            written_by=row.by.name,
            written_at=_at(row.at, organisation),
            row=str(row.pk),
            replaces="",
        )


def _mode_words(row: RemsMode) -> str:
    label = RemsMode.Mode(row.mode).label
    return f"{label}; hours of the centre, Monday first: {' | '.join(row.week)}" if row.week else label


def _acts(organisation: Organisation, span: tuple[datetime, datetime]) -> Iterator[Line]:
    rows = RemsAct.objects.filter(organisation=organisation, at__gte=span[0], at__lt=span[1])
    for row in rows.select_related("site", "user", "by"):
        yield Line(
            part="set-up",
            day=civil_date(row.at, organisation.time_zone).isoformat(),
            site=row.site.name if row.site is not None else "",
            product=row.product,
            what=f"{row.what}{f': {row.task}' if row.task else ''}, {programme_name(row.programme)}",
            who=row.user.name if row.user is not None else "",
            reference="",
            written_by=row.by.name,
            written_at=_at(row.at, organisation),
            row=str(row.pk),
            replaces="",
        )


def _dispenses(organisation: Organisation, first: date, last: date) -> Iterator[Line]:
    rows = RemsDispense.objects.filter(organisation=organisation, on__gte=first, on__lte=last)
    checks = {True: "prescriber checked", False: "prescriber found not certified", None: "whether checked is not known"}
    # The longest part by far: of the course and of the people only what stands in a line is read.
    around = ("prescriber__name", "by__name", "course__site__name")
    named = {pk: names for pk, *names in rows.values_list("pk", *around)}
    for row in rows:
        prescriber, by, site = named[row.pk]
        got = f", obtained {_at(row.obtained_at, organisation)}" if row.obtained_at is not None else ""
        how = f" {HOWS[row.how]}" if row.how else ""
        because = f"; because: {row.reason}" if row.reason else ""
        yield Line(
            part="dispense record",
            day=row.on.isoformat(),
            site=site or "",
            product=row.product,
            what=f"course {str(row.course_id)[:8]}: {checks[row.checked]}{got}{how}{because}",
            who=prescriber or "prescriber not known",
            reference=row.code or "no code",
            written_by=by,
            written_at=_at(row.at, organisation),
            row=str(row.pk),
            replaces=str(row.supersedes_id or ""),
        )


def _gaps(
    organisation: Organisation, first: date, last: date, span: tuple[datetime, datetime], now: datetime
) -> Iterator[Line]:
    """The doses of the span whose record is missing, late, double or unchecked: a binder that hid them would be worth nothing."""
    house = house_of(organisation, now)
    names = {str(site.pk): site.name for site in house.sites}
    since, until = span[0] - EDGE, span[1] + EDGE
    for each in troubles_of(Course.objects.filter(organisation=organisation), since, until, house):
        if not first <= each.dose.on <= last:
            continue
        yield Line(
            part="dose without a whole record",
            day=each.dose.on.isoformat(),
            site=names.get(each.dose.site, ""),
            product=each.dose.product,
            what=f"course {each.dose.label}: {each.kind}: {each.words}",
            who="",
            reference="",
            written_by="",
            written_at=_at(each.dose.recorded_at, organisation),
            row=each.dose.event,
            replaces="",
        )


def _reports(organisation: Organisation, span: tuple[datetime, datetime]) -> Iterator[Line]:
    rows = RemsReport.objects.filter(organisation=organisation, at__gte=span[0], at__lt=span[1])
    for row in rows.select_related("by", "course__site"):
        told = f"reported to {RECEIVERS[row.to]}" if row.owed else f"not serious: {row.reason}"
        yield Line(
            part="report",
            day=civil_date(row.at, organisation.time_zone).isoformat(),
            site=row.course.site.name if row.course.site is not None else "",
            product=row.course.product,
            what=f"course {str(row.course_id)[:8]}: {row.toxicity.upper()}, assessment {row.event}: {told}",
            who="",
            reference=row.reference,
            written_by=row.by.name,
            written_at=_at(row.at, organisation),
            row=str(row.pk),
            replaces="",
        )
