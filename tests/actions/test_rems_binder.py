"""The REMS binder has every line that a plain look through every fact and every record finds, of its days, its site and its product."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from handrail import clock
from handrail.actions.rems_binder import Line, binder
from handrail.people.models import RemsAct, RemsMode, RemsRecord, RemsReport
from handrail.people.scope import everything
from handrail.records.models import CourseAccess, Event
from handrail.rules.terms import civil_date
from tests.support.factories import CHICAGO
from tests.support.rems_histories import NOW, History, Plain, doses, lent, opened

pytestmark = pytest.mark.django_db


@pytest.fixture
def history(db: Any) -> Iterator[History]:
    with clock.use(clock.FrozenClock(NOW)):
        yield opened()


SPAN = (date(2026, 1, 5), date(2026, 3, 8))


def lines(history: History, **asked: Any) -> dict[str, tuple[Line, ...]]:
    """What the binder has of a span of days, by part."""
    with everything():
        found = binder(history.world.alice.organisation, *SPAN, NOW, **asked)
    assert [each.count for each in found] == [len(each.lines) for each in found]
    return {each.name: each.lines for each in found}


def test_the_binder_names_the_same_doses_as_a_plain_look(history):
    doses(history)
    history.save()
    lent(history)
    plain = Plain(history, datetime(2025, 1, 1, tzinfo=UTC))
    assert {each.organisation_id for each in plain.courses} > {history.world.alice.organisation.pk}
    wrong = [each for each in plain.troubles(None) if SPAN[0] <= each.dose.on <= SPAN[1]]
    said = sorted((each.row, each.what) for each in lines(history)["dose without a whole record"])
    assert said == sorted((each.dose.event, f"course {each.dose.label}: {each.kind}: {each.words}") for each in wrong)
    assert len(said) > 50


def papers(history: History) -> None:
    """Papers, modes, acts and reports of two sites, two products and of none, before, in and after the span."""
    by = {"organisation": history.world.alice.organisation, "by": history.manager}
    days = [datetime(2025, 12, 30, tzinfo=UTC) + timedelta(days=7 * number) for number in range(12)]
    given = history.made[Event][0]
    with everything():
        for number, (at, site, product) in enumerate(
            itertools.product(
                days, (history.world.alice.site, history.berlin, None), ("", "teclistamab", "talquetamab")
            )
        ):
            until = [None, at.date(), at.date() + timedelta(days=9)][number % 3]
            RemsRecord.objects.create(
                **by, kind="setting", programme="tecvayli_talvey", product=product, site=site, at=at,
                from_on=at.date() - timedelta(days=number % 5), until=until,
            )  # fmt: skip
            RemsAct.objects.create(**by, what="begun", programme="tecvayli_talvey", product=product, site=site, at=at)
            if site is not None:
                RemsMode.objects.create(**by, site=site, mode="local", from_at=at + timedelta(hours=number), at=at)
            RemsReport.objects.create(
                **by, course=given.course, event=given.id, toxicity="crs", owed=False, reason="mild", at=at
            )


def test_the_page_of_the_binder_shows_the_first_lines_of_the_file_and_counts_all(history):
    doses(history)
    history.save()
    papers(history)
    every = lines(history)
    assert list(every) == ["paper", "mode", "dispense record", "dose without a whole record", "report", "set-up"]
    for name, all_of_it in every.items():
        assert list(all_of_it) == sorted(
            all_of_it, key=lambda each: (each.day, datetime.fromisoformat(each.written_at))
        )
        assert len(all_of_it) > 7, name
    with everything():
        shown = binder(history.world.alice.organisation, *SPAN, NOW, shown=7)
    assert {each.name: each.count for each in shown} == {name: len(found) for name, found in every.items()}
    assert {each.name: each.lines for each in shown} == {name: found[:7] for name, found in every.items()}


def test_the_binder_of_a_site_or_a_product_has_its_lines_and_those_of_none(history):
    doses(history)
    history.save()
    papers(history)
    site = history.world.alice.site
    every = lines(history)
    for asked in ({"site": site}, {"product": "teclistamab"}, {"site": site, "product": "talquetamab"}):
        told = lines(history, **asked)
        for name, found in every.items():
            kept = [
                each
                for each in found
                if ("site" not in asked or each.site in ("", site.name))
                and ("product" not in asked or each.product in ("", asked["product"]))
            ]
            assert list(told.get(name, ())) == kept, (asked, name)


def test_the_binder_of_whoever_gives_a_dose_of_a_lent_course_has_its_record(history):
    """The site that dispenses answers for it: the record lay on the binder of the course's owner alone."""
    site, bobs = history.world.alice.site, history.world.bob.site
    here, there, never = history.course("bob"), history.course("bob"), history.course("bob")
    rows = [
        history.record(history.given(course, NOW - timedelta(days=20), zone=CHICAGO, site=code))
        for course, code in ((here, site.code), (there, bobs.code), (never, site.code))
    ]
    planned = history.course("bob")
    day = civil_date(NOW - timedelta(days=20), CHICAGO)
    history.fact(planned, "dose_planned", NOW - timedelta(days=25), on=day.isoformat(), at_site=site.code)
    rows.append(history.record(history.given(planned, NOW - timedelta(days=20), zone=CHICAGO)))
    history.save()
    with everything():
        CourseAccess.objects.bulk_create(
            CourseAccess(
                organisation=history.world.bob.organisation, course=course, purpose="co_management",
                to_organisation=history.world.alice.organisation, valid_from=NOW - timedelta(days=200),
            )
            for course in (here, there, planned)
        )  # fmt: skip
    found = lines(history)["dispense record"]
    assert {(each.row, each.site) for each in found} == {(str(rows[0].pk), site.name), (str(rows[3].pk), site.name)}


def test_the_binder_of_a_site_has_the_doses_it_gave_and_not_those_of_courses_that_are_its_own_today(history):
    """A patient of one site gets a dose at another, or moves: the record stays with who dispensed."""
    site, berlin = history.world.alice.site, history.berlin
    course = history.course()
    away = history.record(history.given(course, NOW - timedelta(days=20), zone=CHICAGO, site=berlin.code))
    home = history.record(history.given(course, NOW - timedelta(days=12), zone=CHICAGO))
    history.save()
    for asked, row in ((berlin, away), (site, home)):
        (found,) = lines(history, site=asked)["dispense record"]
        assert (found.row, found.site) == (str(row.pk), asked.name)
    assert len(lines(history)["dispense record"]) == 2


def test_a_correction_to_a_day_of_another_quarter_stands_beside_what_it_corrects(history):
    course = history.course()
    given = history.given(course, NOW - timedelta(days=5), zone=CHICAGO)
    first = history.record(given, on=SPAN[1])
    second = history.record(given, on=SPAN[1] + timedelta(days=1), supersedes=first, reason="the day was wrong")
    history.save()
    assert [each.row for each in lines(history)["dispense record"]] == [str(first.pk), str(second.pk)]


def test_a_paper_that_was_ended_is_not_shown_as_one_that_holds(history):
    """The binder of a later quarter showed the first row, which does not run out, and left the row out that had ended it."""
    by = {"organisation": history.world.alice.organisation, "by": history.manager, "site": history.world.alice.site}
    usual = {"kind": "setting", "programme": "tecvayli_talvey", "from_on": date(2025, 1, 1)}
    before, after = datetime(2025, 11, 20, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    with everything():
        first = RemsRecord.objects.create(**by, **usual, no_end=True, at=datetime(2025, 1, 1, tzinfo=UTC))
        ended = RemsRecord.objects.create(
            **by, **usual, until=date(2025, 12, 1), supersedes=first, reason="sold", at=before
        )
        whole = RemsRecord.objects.create(**by, **usual, no_end=True, at=datetime(2025, 1, 1, tzinfo=UTC))
        found_out = RemsRecord.objects.create(
            **by, **usual, until=date(2025, 12, 1), supersedes=whole, reason="late", at=after
        )
        again = RemsRecord.objects.create(
            **by, **usual, withdrawn=True, supersedes=found_out, reason="never", at=after + timedelta(hours=1)
        )
    told = [each.row for each in lines(history)["paper"]]
    assert not {str(first.pk), str(ended.pk)} & set(told), "it had ended before these days"
    assert told == [str(whole.pk), str(found_out.pk), str(again.pk)], "what was found out later stands beside it"


def test_a_report_that_nobody_made_is_in_the_binder(history):
    course = history.course()
    at = NOW - timedelta(days=20)
    reaction = {"tmax_c": "39.0", "hypotension": True, "pressors": [], "o2": "nasal_cannula", "flow_l_per_min": "2"}
    fact = history.fact(course, "crs_assessed", at, zone=CHICAGO, clinician_grade=2, **reaction)
    history.save()
    (line,) = lines(history)["report that is owed"]
    assert (line.row, line.site) == (str(fact.id), history.world.alice.site.name)
    assert "CRS, grade 2" in line.what and "nobody has reported it, overdue since the end of" in line.what
    with everything():
        RemsReport.objects.create(
            organisation=course.organisation, course=course, by=history.manager, event=fact.id, toxicity="crs", owed=True,
            to="rems", reported_at=at + timedelta(hours=5), at=NOW,
        )  # fmt: skip
    told = lines(history)
    assert "report that is owed" not in told
    reported = (at + timedelta(hours=5)).astimezone(ZoneInfo(CHICAGO)).isoformat(timespec="seconds")
    with everything():
        made = binder(history.world.alice.organisation, SPAN[0], civil_date(NOW, CHICAGO), NOW)
    (report,) = next(each.lines for each in made if each.name == "report")
    assert f"reported to the REMS at {reported}" in report.what, "when, and not only when it was written down"
