"""The line that is answered at every hour: dummy calls, their limit and their due day, and what its file is refused for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from handrail.rules.caredata import FOLDER
from handrail.rules.expert_line import DummyCall, expert_line, expert_line_from_toml, line_standing
from handrail.rules.paging import Step
from handrail.rules.strict import ProtocolDataError

TEXT = (FOLDER / "care" / "expert_line.toml").read_text(encoding="utf-8")
ROW = expert_line().dummy
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def call(ago: timedelta, seconds: int | None = 41, *, answered: bool = True) -> DummyCall:
    return DummyCall(at=NOW - ago, answered=answered, seconds=seconds)


@pytest.mark.parametrize(
    # calls                                                    | passed, overdue, incident | because
    ("calls", "stands", "because"),
    [
        ([], (None, True, False), "no dummy call is on record"),
        ([call(DAY)], (True, False, False), "a human after 41 s, at most 120"),
        ([call(DAY, 120)], (True, False, False), "a human after 120 s, at most 120"),
        ([call(DAY, 121)], (False, True, True), "a human after 121 s, at most 120"),
        ([call(DAY, None)], (False, True, True), "answered, and nobody counted the seconds"),
        ([call(DAY, None, answered=False)], (False, True, True), "nobody answered"),
        ([call(DAY, 5, answered=False)], (False, True, True), "nobody answered"),
        ([call(31 * DAY)], (True, False, False), "a human after 41 s"),
        ([call(32 * DAY)], (True, True, False), "a human after 41 s"),
        ([call(9 * DAY), call(DAY, 500)], (False, False, True), "a human after 500 s"),  # one failed since
        ([call(DAY), call(9 * DAY, 500)], (True, False, False), "a human after 41 s"),  # one passed since
        ([call(-DAY)], (None, True, False), "no dummy call is on record"),  # still to come
    ],
)
def test_a_dummy_call_passes_when_a_human_spoke_in_time(calls, stands, because):
    found = line_standing(calls, ROW, NOW, "America/Chicago")
    assert (found.passed, found.overdue, found.incident) == stands
    assert because in found.because
    assert found.holds == (stands == (True, False, False))


def test_the_next_one_is_due_so_many_days_after_the_last_that_passed_by_the_calendar_of_the_site():
    late = DummyCall(
        at=datetime(2026, 3, 3, 3, 0, tzinfo=UTC), answered=True, seconds=9
    )  # the evening before in Chicago
    found = line_standing([late, call(-DAY, 900)], ROW, NOW + 9 * DAY, "America/Chicago")
    assert found.due_on is not None and found.due_on.isoformat() == "2026-04-02"


def test_the_shipped_numbers():
    line = expert_line()
    assert (line.ask.most_open, line.ask.most_per_hour, ROW.every_days, ROW.most_seconds, ROW.owner) == (
        (3, 8, 31, 120, "site_manager")
    )
    assert line.steps == (Step(who="site_manager", wait_minutes=60), Step(who="director", wait_minutes=60))
    assert line.figures.days == 92


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("most_open = 3", "most_open = 0", "Limits, days and waits are more than none"),
        ("most_per_hour = 8", "most_per_hour = 0", "Limits, days and waits are more than none"),
        ("every_days = 31", "every_days = 0", "Limits, days and waits are more than none"),
        ("most_seconds = 120", "most_seconds = -1", "Limits, days and waits are more than none"),
        ("days = 92", "days = 0", "Limits, days and waits are more than none"),
        ("wait_minutes = 60", "wait_minutes = 0", "Limits, days and waits are more than none"),
        ('source = ["HANDRAIL"]', 'source = ["NOBODY"]', "names no known source"),
        ("owner = ", "owners = ", "owners"),
        ("handrail-expert-line/1", "handrail-expert-line/2", "The format is"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_one_sentence(good, bad, said):
    with pytest.raises(ProtocolDataError) as caught:
        expert_line_from_toml(TEXT.replace(good, bad, 1))
    assert said in f"{caught.value.message} {caught.value.path}"
