"""The picture of a course: temperature with doses, grades and medicines over days, as SVG made on the server.

No script draws it, it prints, and the same facts stand in a table for people who listen to the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from handrail.rules.history import History
from handrail.rules.policy import Policy
from handrail.rules.protocol import Protocol
from handrail.rules.stays import risk_windows
from handrail.rules.terms import STEP_UP_STEPS, STEP_WORDS, civil_date, day_start
from handrail.web.words import local_time

WIDTH, HEIGHT = 1000, 250
LEFT, RIGHT, TOP, BOTTOM = 44, 14, 46, 40
LOW, HIGH = Decimal("35.5"), Decimal(41)
MOST_DAYS: Final = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One thing that happened: `at`, a short label, a longer sentence."""

    at: datetime
    label: str
    sentence: str
    value: Decimal | None = None
    grade: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The facts of the picture, in time order."""

    begins: datetime
    ends: datetime
    zone: str
    temperatures: tuple[Mark, ...]
    doses: tuple[Mark, ...]
    grades: tuple[Mark, ...]
    medicines: tuple[Mark, ...]
    windows: tuple[tuple[datetime, datetime], ...]
    fever_c: Decimal
    now: datetime


def picture_of(history: History, protocol: Protocol, policy: Policy, now: datetime) -> Picture | None:
    """The picture of the last four weeks at the most; None when there is nothing to draw."""
    zone = history.course.time_zone
    since = now - timedelta(days=MOST_DAYS)
    temperatures = tuple(
        Mark(at=e.at, label=f"{e.body.temperature_c}", sentence=_temperature_words(e, zone), value=e.body.temperature_c)
        for e in history.of("checkin_received", "vitals_measured")
        if e.body.temperature_c is not None and e.at >= since
    )
    doses = tuple(
        Mark(at=e.body.started_at or e.at, label=_dose_label(e.body.step), sentence=_dose_words(e, zone))
        for e in history.of("dose_given")
        if e.at >= since
    )
    if not temperatures and not doses:
        return None
    from handrail.rules.assessed import clinical_grade, crs_grade

    grades = []
    for event in history.of("crs_assessed"):
        if event.at >= since:
            grade = clinical_grade(event, crs_grade(event, episode_open=False))
            if grade:
                sentence = f"CRS grade {grade}, {local_time(event.at, zone)}"
                grades.append(Mark(at=event.at, label=f"CRS {grade}", sentence=sentence, grade=grade))
    medicines = tuple(
        Mark(at=e.at, label=(e.body.agent or "medicine")[:16], sentence=f"{e.body.agent}, {local_time(e.at, zone)}")
        for e in history.of("medicine_given")
        if e.at >= since
    )
    first = min([m.at for m in (*temperatures, *doses)])
    windows = tuple(each for each in risk_windows(history.until(now), protocol, policy) if each[0] >= since)
    return Picture(
        begins=first - timedelta(hours=4),
        ends=now + timedelta(hours=4),
        zone=zone,
        temperatures=temperatures,
        doses=doses,
        grades=tuple(grades),
        medicines=medicines,
        windows=windows,
        fever_c=policy.triage.fever_c,
        now=now,
    )


def _dose_label(step: str | None) -> str:
    return STEP_WORDS[step].replace(" dose", "").capitalize() if step in STEP_UP_STEPS else "Treatment"


def _dose_words(event: Any, zone: str) -> str:
    return f"{STEP_WORDS.get(event.body.step, 'dose of an unknown step')} given {local_time(event.at, zone)}"


def _temperature_words(event: Any, zone: str) -> str:
    where = "from home" if event.kind == "checkin_received" else "by staff"
    return f"{event.body.temperature_c} °C {where}, {local_time(event.at, zone)}"


def svg(picture: Picture) -> SafeString:
    """The picture as inline SVG with a title, a description and a table of the same facts."""
    return format_html(
        '<div class="picture" tabindex="0" role="group" aria-label="Timeline of temperature and doses; scrolls sideways">'
        '<svg viewBox="0 0 {} {}" role="img" aria-labelledby="tl-title tl-desc">'
        '<title id="tl-title">Temperature, doses, grades and medicines</title><desc id="tl-desc">{}</desc>'
        "{}{}{}{}{}{}{}{}</svg></div>{}",
        WIDTH,
        HEIGHT,
        _description(picture),
        _bands(picture),
        _grid(picture),
        _line(picture),
        _dots(picture),
        _doses(picture),
        _grades(picture),
        _medicines(picture),
        _now(picture),
        _table(picture),
    )


def _x(picture: Picture, at: datetime) -> str:
    span = (picture.ends - picture.begins).total_seconds()
    share = (at - picture.begins).total_seconds() / span
    return f"{LEFT + min(max(share, 0), 1) * (WIDTH - LEFT - RIGHT):.1f}"


def _y(value: Decimal) -> str:
    share = float((min(max(value, LOW), HIGH) - LOW) / (HIGH - LOW))
    return f"{HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM):.1f}"


def _description(picture: Picture) -> str:
    highest = max((m.value for m in picture.temperatures if m.value is not None), default=None)
    return (
        f"{len(picture.temperatures)} temperatures, highest {highest if highest is not None else 'not known'} °C; "
        f"{len(picture.doses)} doses; {len(picture.grades)} graded CRS assessments; {len(picture.medicines)} medicines."
    )


def _bands(picture: Picture) -> SafeString:
    rows = [
        ("t-window", _x(picture, begins), _width(picture, begins, ends), TOP, HEIGHT - TOP - BOTTOM)
        for begins, ends in picture.windows
    ]
    return format_html_join("", '<rect class="{}" x="{}" width="{}" y="{}" height="{}"></rect>', rows)


def _width(picture: Picture, begins: datetime, ends: datetime) -> str:
    return f"{max(0.0, float(_x(picture, ends)) - float(_x(picture, begins))):.1f}"


def _grid(picture: Picture) -> SafeString:
    lines = format_html_join(
        "",
        '<line class="t-grid" x1="{}" x2="{}" y1="{}" y2="{}"></line>'
        '<text class="t-quiet" x="{}" y="{}" text-anchor="end">{}</text>',
        [
            (LEFT, WIDTH - RIGHT, y, y, LEFT - 6, float(y) + 4, n)
            for n in (36, 37, 38, 39, 40)
            for y in [_y(Decimal(n))]
        ],
    )
    limit = _y(picture.fever_c)
    fever = format_html(
        '<line class="t-limit" x1="{}" x2="{}" y1="{}" y2="{}"></line>'
        '<text class="t-quiet" x="{}" y="{}">fever {} °C</text>',
        LEFT,
        WIDTH - RIGHT,
        limit,
        limit,
        LEFT + 6,
        float(limit) - 5,
        picture.fever_c,
    )
    return lines + fever + _days(picture)


def _days(picture: Picture) -> SafeString:
    day = civil_date(picture.begins, picture.zone) + timedelta(days=1)
    total = max(1, (picture.ends - picture.begins).days)
    step = max(1, total // 10)
    rows = []
    count = 0
    while (at := day_start(day, picture.zone)) < picture.ends:
        if count % step == 0:
            x = _x(picture, at)
            rows.append((x, x, TOP, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 16, f"{day:%a} {day.day}"))
        day += timedelta(days=1)
        count += 1
    return format_html_join(
        "",
        '<line class="t-grid" x1="{}" x2="{}" y1="{}" y2="{}"></line><text class="t-quiet" x="{}" y="{}">{}</text>',
        rows,
    )


def _line(picture: Picture) -> SafeString:
    points = " ".join(f"{_x(picture, m.at)},{_y(m.value)}" for m in picture.temperatures if m.value is not None)
    return format_html('<polyline class="t-line" points="{}"></polyline>', points)


def _dots(picture: Picture) -> SafeString:
    rows = [
        ("t-dot fever" if m.value >= picture.fever_c else "t-dot", _x(picture, m.at), _y(m.value), m.sentence)
        for m in picture.temperatures
        if m.value is not None
    ]
    return format_html_join("", '<circle class="{}" cx="{}" cy="{}" r="4"><title>{}</title></circle>', rows)


def _doses(picture: Picture) -> SafeString:
    rows = []
    free = {0: -1.0, 1: -1.0}
    for mark in picture.doses:
        x = float(_x(picture, mark.at))
        row = 0 if x >= free[0] else 1
        free[row] = x + 72
        anchor = "end" if x > WIDTH - 80 else "start"
        rows.append(
            (
                f"{x:.1f}",
                f"{x:.1f}",
                TOP - 4,
                HEIGHT - BOTTOM,
                mark.sentence,
                f"{x:.1f}",
                14 + row * 16,
                anchor,
                mark.label,
            )
        )
    return format_html_join(
        "",
        '<line class="t-dose" x1="{}" x2="{}" y1="{}" y2="{}"><title>{}</title></line>'
        '<text class="t-text" x="{}" y="{}" text-anchor="{}">▼ {}</text>',
        rows,
    )


def _grades(picture: Picture) -> SafeString:
    rows = [
        (
            "t-grade high" if (m.grade or 0) >= 3 else "t-grade",
            float(_x(picture, m.at)) - 24,
            TOP + 2,
            float(_x(picture, m.at)),
            TOP + 15,
            m.label,
        )
        for m in picture.grades
    ]
    return format_html_join(
        "",
        '<rect class="{}" x="{}" y="{}" width="48" height="18" rx="4"></rect>'
        '<text class="t-text" x="{}" y="{}" text-anchor="middle">{}</text>',
        rows,
    )


def _medicines(picture: Picture) -> SafeString:
    y = HEIGHT - 12
    rows = [(_x(picture, m.at), y - 10, m.sentence, _x(picture, m.at), y, m.label) for m in picture.medicines]
    return format_html_join(
        "",
        '<rect class="t-medicine" x="{}" y="{}" width="4" height="10"><title>{}</title></rect>'
        '<text class="t-quiet" x="{}" y="{}" dx="7">{}</text>',
        rows,
    )


def _now(picture: Picture) -> SafeString:
    x = _x(picture, picture.now)
    return format_html('<line class="t-now" x1="{}" x2="{}" y1="{}" y2="{}"></line>', x, x, TOP - 4, HEIGHT - BOTTOM)


def _table(picture: Picture) -> SafeString:
    marks = sorted((*picture.temperatures, *picture.doses, *picture.grades, *picture.medicines), key=lambda m: m.at)
    body = format_html_join("", "<tr><td>{}</td></tr>", [(m.sentence,) for m in marks])
    return format_html(
        '<div class="hidden-table"><table><caption>The same facts in words</caption><tbody>{}</tbody></table></div>',
        body,
    )
