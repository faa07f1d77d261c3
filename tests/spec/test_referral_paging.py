"""Whom a referral pages and from when, as tables: the hours of a working day, who reads it, and the director once a clock has run out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from handrail.rules.caredata import FOLDER
from handrail.rules.referral import Progress, referral_data, referral_from_toml, standing
from handrail.rules.referral_paging import Calls, calls, working_moment
from handrail.rules.strict import ProtocolDataError

ZONE = "America/Chicago"
DATA = referral_data()
THANKSGIVING = frozenset({date(2026, 11, 26)})


def at(day: int, hour: int = 9, minute: int = 0) -> datetime:
    """An instant of November 2026 by the clock of Chicago, 6 hours behind; the 2nd is a Monday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC) + timedelta(hours=6)


def found(progress: Progress, now: datetime, holidays: frozenset[date] = frozenset()) -> Calls:
    stands = standing(DATA, progress, now, zone=ZONE, holidays=holidays)
    urgency = "urgent" if progress.urgent else "routine"
    return calls(DATA, "K7QXAB", urgency, progress, stands, now, zone=ZONE, holidays=holidays)


def about(progress: Progress, now: datetime, holidays: frozenset[date] = frozenset()) -> dict[str, str]:
    return {each.about: each.ladder.value for each in found(progress, now, holidays).wanted}


MOMENTS = [
    # from | holidays | the first moment of the hours of a working day (8 to 17)
    (at(2, 9), (), at(2, 9)), (at(2, 8), (), at(2, 8)), (at(2, 7, 59), (), at(2, 8)), (at(2, 0), (), at(2, 8)),
    (at(2, 16, 59), (), at(2, 16, 59)), (at(2, 17), (), at(3, 8)), (at(2, 23, 59), (), at(3, 8)),
    (at(6, 17), (), at(9, 8)), (at(7, 12), (), at(9, 8)), (at(8, 3), (), at(9, 8)),
    (at(26, 9), THANKSGIVING, at(27, 8)), (at(26, 9), (), at(26, 9)), (at(25, 18), THANKSGIVING, at(27, 8)),
]  # fmt: skip


@pytest.mark.parametrize(("after", "holidays", "moment"), MOMENTS)
def test_paging_begins_in_the_hours_of_a_working_day(after, holidays, moment):
    assert working_moment(after, DATA.hours, ZONE, holidays) == moment


def test_the_hours_are_those_of_the_day_of_a_clock_change():
    sunday = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)  # the clock went forward in the night
    assert working_moment(sunday, DATA.hours, ZONE, ()) == datetime(2026, 3, 9, 13, 0, tzinfo=UTC)


URGENT, ROUTINE = Progress(received_at=at(2), urgent=True), Progress(received_at=at(2), urgent=False)
READ, KEPT = {"read_at": at(2, 10)}, {"acknowledged_at": at(2, 10), "complete_or_query_at": at(2, 10)}
FULL = {**READ, **KEPT, "contacted_at": at(3), "decided_at": at(4), "told_at": at(4)}

WANTED = [
    # progress | now | holidays | what pages, and on which ladder
    (URGENT, at(2), (), {"unread": "AMBER"}),
    (ROUTINE, at(2), (), {"unread": "GREEN"}),
    (replace(URGENT, received_at=at(7)), at(7), (), {}),
    (replace(URGENT, received_at=at(7)), at(9, 8), (), {"unread": "AMBER"}),
    (replace(URGENT, **READ), at(2, 10), (), {}),
    (replace(URGENT, contact_planned_on=date(2026, 11, 3)), at(2, 10), (), {}),
    # the acknowledgement was due on Tuesday: from Wednesday at 8 it is late
    (URGENT, at(4, 7, 59), (), {"unread": "AMBER"}),
    (URGENT, at(4, 8), (), {"unread": "AMBER", "late:acknowledge": "AMBER"}),
    (ROUTINE, at(4, 8), (), {"unread": "GREEN", "late:acknowledge": "GREEN"}),
    (replace(URGENT, **READ, **KEPT), at(4, 23), (), {}),
    (replace(URGENT, **READ, **KEPT), at(5, 7, 59), (), {}),
    (replace(URGENT, **READ, **KEPT), at(5, 8), (), {"late:first_contact": "AMBER"}),
    (replace(URGENT, **READ, **KEPT), at(5, 8), frozenset({date(2026, 11, 3)}), {}),
    (replace(ROUTINE, **READ, **KEPT), at(9, 17), (), {}),
    (replace(ROUTINE, **READ, **KEPT), at(10, 8), (), {"late:first_contact": "AMBER"}),  # without contact it is red
    (replace(URGENT, **{**FULL, "told_at": None}), at(9, 8), (), {"late:decision": "AMBER"}),
    (replace(ROUTINE, **{**FULL, "told_at": None}), at(9, 8), (), {"late:decision": "GREEN"}),
    (replace(URGENT, **FULL), at(20), (), {}),
    (replace(URGENT, closed_at=at(3)), at(20), (), {}),
]  # fmt: skip


@pytest.mark.parametrize(("progress", "now", "holidays", "wanted"), WANTED)
def test_who_is_paged_and_from_when(progress, now, holidays, wanted):
    assert about(progress, now, frozenset(holidays)) == wanted


@pytest.mark.parametrize("progress", [URGENT, ROUTINE, replace(URGENT, **READ), replace(URGENT, received_at=at(7))])
def test_until_the_next_look_nothing_changes_and_at_it_something_does(progress):
    now = at(1)
    for _ in range(12):
        answer = found(progress, now)
        if answer.look_again_at is None:
            return
        assert answer.look_again_at > now
        before = found(progress, answer.look_again_at - timedelta(microseconds=1))
        assert [each.about for each in before.wanted] == [each.about for each in answer.wanted]
        now = answer.look_again_at
    raise AssertionError("looked at without end")


def test_what_is_not_done_is_never_quieter_than_what_is():
    """A fact that is missing pages as much as one that is there, or more."""
    for name in FULL:
        for day in range(2, 15):
            less = replace(URGENT, **{**FULL, name: None})
            assert about(replace(URGENT, **FULL), at(day)).keys() <= about(less, at(day)).keys()


def test_the_words_say_the_code_the_day_and_who_does_what_and_nothing_of_a_person():
    (unread,) = found(URGENT, at(2)).wanted
    assert unread.what == "An urgent referral has been read by nobody: K7QXAB"
    assert "Acknowledge it to the sender until Tue 3 Nov 2026 (intake nurse)" in unread.because
    assert [step.who for step in unread.steps] == ["intake", "director"]
    stands = standing(DATA, URGENT, at(2), zone=ZONE)
    (nobody_said,) = calls(DATA, "K7QXAB", None, URGENT, stands, at(2), zone=ZONE).wanted
    assert nobody_said.what == "A referral whose urgency is not known has been read by nobody: K7QXAB"
    late = {each.about: each for each in found(URGENT, at(5, 8)).wanted}["late:first_contact"]
    assert late.what == "Referral K7QXAB is late: First contact with the patient"
    assert late.because.startswith("it was due by Wed 4 Nov 2026; myeloma specialist: reach the patient")
    assert late.steps[0].who == "director"


BROKEN = [
    ("opens = 8 ", "opens = 17 ", "hours"),
    ("closes = 17 ", "closes = 24 ", "hours"),
    ('about = "unread"', 'about = "late"', "page.unread"),
    ('about = "late"', 'about = "unread"', "page.late"),
    ("wait_minutes = 240", "wait_minutes = 0", "page.wait_minutes"),
    ('who = "director"', 'who = "anybody"', "page[1].who"),
]


@pytest.mark.parametrize(("text", "broken", "path"), BROKEN)
def test_a_file_that_would_page_nobody_is_refused(text, broken, path):
    whole = (FOLDER / "care" / "referral.toml").read_text(encoding="utf-8")
    assert text in whole
    with pytest.raises(ProtocolDataError) as refused:
        referral_from_toml(whole.replace(text, broken))
    assert refused.value.path == path
