"""The rota as iCalendar: what is written can be read again, and what is read is reviewed line by line before it counts."""

import itertools
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from icalendar import Calendar

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, RefusedError
from handrail.actions.rota_calendar import apply_calendar, calendar_of, review_calendar
from handrail.people.models import Shift
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, make_member, make_shift, make_site

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900
HOURS_8 = timedelta(hours=8)


@pytest.fixture
def world():
    with clock.use(clock.FrozenClock(NOW)), everything():
        world = World()
        Shift.objects.all().delete()
        yield world


@pytest.fixture
def director(world):
    return person(world.alice.director)


def event(world, **fields) -> str:
    """An event of its own name, unless one is given."""
    given = {
        "UID": f"{uuid4()}@elsewhere",
        "DTSTART;TZID=America/Chicago": "20260307T190000",
        "DTEND;TZID=America/Chicago": "20260308T070000",
        "SUMMARY": "Nurse: night",
        "CATEGORIES": "nurse",
        "ATTENDEE;CN=Somebody": f"mailto:{world.alice.nurse.email.upper()}",
        **fields,
    }
    lines = [f"{name}:{value}" for name, value in given.items() if value is not None]
    return "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT"])


def file(*events: str) -> bytes:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//", *events, "END:VCALENDAR", ""]).encode()


def test_what_is_written_is_read_again_in_the_zone_of_the_site_and_is_read_again_as_the_same(world, director):
    shift = make_shift(
        world.alice.organisation,
        "first_on_call",
        world.alice.on_call,
        site=world.alice.site,
        starts_at=NOW + timedelta(days=5, hours=10),
        ends_at=NOW + timedelta(days=5, hours=21),
    )
    data = calendar_of([shift], NOW)
    (written,) = Calendar.from_ical(data).events
    assert written["UID"] == f"{shift.pk}@handrail"
    assert written["DTSTART"].params["TZID"] == "America/Chicago"
    assert (written.start, written.end) == (shift.starts_at, shift.ends_at)
    assert b"BEGIN:VTIMEZONE" in data
    again = review_calendar(world.alice.id, data, by=director, site_id=world.alice.site.pk)
    assert [row.problem for row in again.rows] == ["it is on the rota already"]
    shift.delete()
    (row,) = review_calendar(world.alice.id, data, by=director, site_id=world.alice.site.pk).rows
    assert (row.user, row.step, row.starts_at, row.problem) == (
        world.alice.on_call,
        "first_on_call",
        shift.starts_at,
        "",
    )
    assert row.note == "the clock goes forward in this shift: it lasts 11 h"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ATTENDEE;CN=Somebody": "mailto:stranger@example.org"}, "nobody here has the address stranger@example.org"),
        ({"ATTENDEE;CN=Somebody": None}, "names no person by address"),
        ({"RRULE": "FREQ=WEEKLY"}, "it repeats: make a repeating plan"),
        ({"STATUS": "CANCELLED"}, "it is cancelled"),
        ({"CATEGORIES": "party", "SUMMARY": "Lunch"}, "names a step of the ladder"),
        ({"DTEND;TZID=America/Chicago": "20260307T180000"}, "ends before it begins"),
        ({"DTEND;TZID=America/Chicago": None}, "has no beginning and end"),
        ({"DTEND;TZID=America/Chicago": "20260507T180000"}, "longer than 31 days"),
        (
            {"DTSTART;TZID=America/Chicago": "20260201T190000", "DTEND;TZID=America/Chicago": "20260202T070000"},
            "it is over already",
        ),
        (
            {
                "DTSTART;TZID=America/Chicago": None,
                "DTEND;TZID=America/Chicago": None,
                "DTSTART;VALUE=DATE": "20260307",
                "DTEND;VALUE=DATE": "20260308",
            },
            "it is a whole day",
        ),
        (
            {
                "DTSTART;TZID=America/Chicago": None,
                "DTEND;TZID=America/Chicago": None,
                "DTSTART;TZID=Nowhere/Land": "20260307T190000",
                "DTEND;TZID=Nowhere/Land": "20260308T070000",
            },
            "time zone is not known here",
        ),
    ],
)
def test_what_is_not_understood_is_refused_by_line(world, director, fields, words):
    rows = review_calendar(world.alice.id, file(event(world), event(world, **fields)), by=director).rows
    assert [bool(row.problem) for row in rows] == [False, True]
    assert words in rows[1].problem
    assert (rows[0].line, rows[1].line > rows[0].line) == (4, True)


def test_all_that_is_written_is_read_again_as_the_same_whatever_the_clock_does(world, director):
    """Every hour around both clock changes as a beginning and an end, planned and instead of whoever is planned."""
    hours = [
        datetime(2026, month, day, 5, 30, tzinfo=UTC) + timedelta(hours=n)
        for month, day in ((3, 8), (11, 1))
        for n in range(5)
    ]
    wanted = [
        make_shift(
            world.alice.organisation,
            "first_on_call",
            world.alice.on_call,
            site=world.alice.site,
            starts_at=start,
            ends_at=end,
            is_override=start.month == 3,
        )
        for start, end in itertools.combinations(hours, 2)
        if start.month == end.month
    ]
    data = calendar_of(wanted, NOW)
    before = [(each.user, each.step, each.starts_at, each.ends_at, each.is_override) for each in wanted]
    again = review_calendar(world.alice.id, data, by=director, site_id=world.alice.site.pk)
    assert {row.problem for row in again.rows} == {"it is on the rota already"}
    Shift.objects.all().delete()
    review = review_calendar(world.alice.id, data, by=director, site_id=world.alice.site.pk)
    made = apply_calendar(world.alice.id, data, reviewed=review.sha256, by=director, site_id=world.alice.site.pk)
    assert [(each.user, each.step, each.starts_at, each.ends_at, each.is_override) for each in made] == before


def test_a_shift_of_every_site_is_not_put_on_again_for_one_site_and_no_shift_of_a_site_for_another(world, director):
    """The copy would answer at the site after the other was swapped or taken off."""
    house = world.alice
    other = make_site(house.organisation, name="Synthetic East", code="synthetic-east")
    hours = {"starts_at": NOW, "ends_at": NOW + HOURS_8}
    everywhere = make_shift(house.organisation, "nurse", house.nurse, **hours)
    here = make_shift(house.organisation, "attending", house.oncologist, site=house.site, **hours)
    data = calendar_of([everywhere, here], NOW)
    for chosen, wanted in (
        (house.site.pk, ["it is on the rota already"] * 2),
        (other.pk, ["it is on the rota already", f"its place is {house.site.code}"]),
        (None, ["it is on the rota already", f"its place is {house.site.code}"]),
    ):
        found = review_calendar(house.id, data, by=director, site_id=chosen).rows
        assert all(words in row.problem for row, words in zip(found, wanted, strict=True))


def test_a_shift_that_was_moved_in_a_calendar_is_not_put_on_beside_itself(world, director):
    shift = make_shift(world.alice.organisation, "nurse", world.alice.nurse, starts_at=NOW, ends_at=NOW + HOURS_8)
    moved = file(event(world, UID=f"{shift.pk}@handrail"))
    (row,) = review_calendar(world.alice.id, moved, by=director).rows
    assert "on the rota with another person or other hours" in row.problem
    shift.delete()
    (row,) = review_calendar(world.alice.id, moved, by=director).rows
    assert row.problem == ""


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ({}, {"DTEND;TZID=America/Chicago": "20260308T080000", "SEQUENCE": "1"}, "more than once, and not the same"),
        ({}, {"STATUS": "CANCELLED", "SEQUENCE": "1"}, "more than once, and not the same"),
        ({}, {}, "it stands in this calendar twice"),
        ({}, {"UID": "another@elsewhere"}, "it stands in this calendar twice"),
        ({}, {"UID": "another@elsewhere", "DTEND;TZID=America/Chicago": "20260308T080000"}, ""),
    ],
)
def test_of_two_events_of_one_name_nobody_knows_which_counts(world, director, first, second, words):
    sent = [event(world, **{"UID": "a@elsewhere", **fields}) for fields in (first, second)]
    rows = review_calendar(world.alice.id, file(*sent), by=director).rows
    unused = [row.problem for row in rows if row.problem]
    assert words in "; ".join(unused)
    assert len(unused) == (0 if not words else 1 if "twice" in words else 2)


@pytest.mark.parametrize(
    ("start", "lasts", "ends", "words"),
    [
        ("20260307T200000", "PT12H", datetime(2026, 3, 8, 14, tzinfo=UTC), "goes forward"),
        ("20261031T200000", "PT12H", datetime(2026, 11, 1, 13, tzinfo=UTC), "goes back"),
        ("20260309T200000", "P1D", datetime(2026, 3, 11, 1, tzinfo=UTC), ""),
        ("20260307T200000", "P1D", None, "write down when it ends"),
        (
            "20261101T013000",
            "PT8H",
            datetime(2026, 11, 1, 14, 30, tzinfo=UTC),
            "its beginning occurs twice, the first is meant",
        ),
        ("20260308T023000", "PT8H", datetime(2026, 3, 8, 16, 30, tzinfo=UTC), "its beginning does not exist"),
    ],
)
def test_hours_last_as_many_hours_also_in_a_night_in_which_the_clock_changes(
    world, director, start, lasts, ends, words
):
    given = {"DTSTART;TZID=America/Chicago": start, "DTEND;TZID=America/Chicago": None, "DURATION": lasts}
    (row,) = review_calendar(world.alice.id, file(event(world, **given)), by=director).rows
    assert (row.ends_at, bool(row.problem)) == (ends, ends is None)
    assert words in row.note + row.problem


def test_a_calendar_that_takes_events_back_and_an_event_of_several_steps_put_nobody_on(world, director):
    with pytest.raises(RefusedError, match="takes events back"):
        review_calendar(world.alice.id, file("METHOD:CANCEL", event(world)), by=director)
    both = file(event(world, CATEGORIES="first_on_call,second_on_call"))
    (row,) = review_calendar(world.alice.id, both, by=director).rows
    assert "several steps" in row.problem


def test_somebody_untrained_is_refused_by_line(world, director):
    untrained = make_member(world.alice.organisation, "nurse", "Synthetic Untrained", trained=False)
    sent = file(event(world, **{"ATTENDEE;CN=Somebody": f"mailto:{untrained.email}"}))
    (row,) = review_calendar(world.alice.id, sent, by=director).rows
    assert "Synthetic Untrained is not trained for this" in row.problem


@pytest.mark.parametrize(
    ("start", "end", "begins", "note"),
    [
        ("DTSTART:20260307T190000", "DTEND:20260308T070000", (8, 1), "no time zone in the file: read by the clock of"),
        ("DTSTART:20260308T010000Z", "DTEND:20260308T120000Z", (8, 1), "the clock goes forward"),
        ("DTSTART;TZID=America/Chicago:20260307T190000", "DURATION:PT11H", (8, 1), "the clock goes forward"),
        ("DTSTART;TZID=Europe/Berlin:20260308T020000", "DURATION:PT2H", (8, 1), ""),
    ],
)
def test_times_in_utc_in_a_zone_floating_and_with_a_duration(world, director, start, end, begins, note):
    given = {"DTSTART;TZID=America/Chicago": None, "DTEND;TZID=America/Chicago": None}
    sent = event(world, **given).replace("UID:", f"{start}\r\n{end}\r\nUID:")
    (row,) = review_calendar(world.alice.id, file(sent), by=director).rows
    assert (row.problem, row.starts_at) == ("", datetime(2026, 3, *begins, tzinfo=UTC))
    assert note in row.note


def test_nothing_is_applied_without_a_person_and_only_what_was_reviewed(world, director):
    sent = file(event(world), event(world, SUMMARY="Lunch", CATEGORIES=None))
    review = review_calendar(world.alice.id, sent, by=director)
    assert (len(review.good), Shift.objects.count()) == (1, 0)
    with pytest.raises(RefusedError, match="not the calendar that was reviewed"):
        apply_calendar(world.alice.id, file(event(world)), reviewed=review.sha256, by=director)
    (made,) = apply_calendar(world.alice.id, sent, reviewed=review.sha256, by=director)
    assert (made.user, made.step) == (world.alice.nurse, "nurse")
    with pytest.raises(RefusedError, match="Nothing in this calendar"):
        apply_calendar(world.alice.id, sent, reviewed=review.sha256, by=director)
    with pytest.raises(NotAllowedError):
        review_calendar(world.alice.id, sent, by=person(world.alice.nurse))


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\xff\xfe\x00", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", b"x" * 1_000_001]
)
def test_what_is_no_calendar_is_said(world, director, data):
    with pytest.raises(RefusedError, match="calendar"):
        review_calendar(world.alice.id, data, by=director)


def test_on_the_page_a_file_is_reviewed_and_then_put_on(world, client):
    client.force_login(world.alice.director)
    sent = SimpleUploadedFile("rota.ics", file(event(world), event(world, RRULE="FREQ=DAILY")), "text/calendar")
    answer = client.post(reverse("calendar"), {"calendar": sent})
    text = answer.content.decode()
    for words in ("1 of 2 can be put on the rota. Nothing is on it yet.", "nurse: Alice Nurse", "it repeats"):
        assert words in text, words
    assert Shift.objects.count() == 0
    shown = answer.context
    put = {"reviewed": shown["reviewed"], "text": shown["text"], "site": ""}
    assert "1 shifts are on the rota." in client.post(reverse("calendar"), put, follow=True).content.decode()
    assert Shift.objects.get().user == world.alice.nurse
    assert client.post(reverse("calendar"), {"text": "nonsense"}).status_code == 422


def test_a_person_takes_away_the_own_shifts_or_those_of_a_site_and_no_others(world, client):
    for house in (world.alice, world.charlie):
        make_shift(house.organisation, "nurse", house.nurse)
        make_shift(house.organisation, "attending", house.oncologist)
    client.force_login(world.alice.nurse)
    mine = Calendar.from_ical(client.get(reverse("calendar_file")).content)
    assert [str(each["SUMMARY"]) for each in mine.events] == ["nurse: Alice Nurse"]
    site = client.get(reverse("calendar_file"), {"site": str(world.alice.site.pk)})
    assert len(Calendar.from_ical(site.content).events) == 2
    foreign = client.get(reverse("calendar_file"), {"site": str(world.charlie.site.pk)})
    assert len(Calendar.from_ical(foreign.content).events) == 0
