"""The order of many referrals: by the instants that end their clocks it comes out as by each referral's own clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from handrail.rules.referral import (
    Progress,
    how_late,
    in_time_since,
    referral_data,
    standing,
    working_days_since,
)
from handrail.rules.terms import civil_date

NOW = datetime(2026, 3, 9, 15, 30, tzinfo=UTC)
ZONES = st.sampled_from(("America/Chicago", "America/New_York", "Asia/Kolkata", "UTC"))
DAYS = st.frozensets(st.dates(date(2026, 1, 20), date(2026, 3, 20)), max_size=8)
PAST = st.datetimes(datetime(2026, 1, 20), datetime(2026, 3, 9, 15, 30), timezones=st.just(UTC))
STEP = st.none() | PAST
PROGRESS = st.builds(
    Progress,
    received_at=PAST,
    urgent=st.booleans(),
    read_at=STEP,
    acknowledged_at=STEP,
    complete_or_query_at=STEP,
    contacted_at=STEP,
    decided_at=STEP,
    told_at=STEP,
)


@given(progress=PROGRESS, zone=ZONES, holidays=DAYS)
def test_what_is_red_and_what_is_late_is_what_its_clocks_say(progress, zone, holidays):
    said = standing(referral_data(), progress, NOW, zone=zone, holidays=holidays)
    since = in_time_since(referral_data(), NOW, zone, holidays)
    assert how_late(referral_data(), progress, since) == (said.red, said.late)


@given(start=PAST, zone=ZONES, holidays=DAYS)
def test_the_working_days_gone_by_are_counted_as_one_by_one(start, zone, holidays):
    first, today = civil_date(start, zone), civil_date(NOW, zone)
    days = [first + timedelta(days=number) for number in range(1, (today - first).days)]
    one_by_one = sum(day.weekday() < 5 and day not in holidays for day in days)
    assert working_days_since(start, NOW, zone, holidays) == one_by_one
