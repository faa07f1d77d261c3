"""Whom an owed report pages, and when: before its end, at its end, and of what grade nobody knows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from handrail.rules.rems_data import FOLDER, desk_from_toml, desk_rules
from handrail.rules.rems_doses import Reaction, Report
from handrail.rules.rems_paging import report_calls
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Ladder
from tests.support.rems import CHICAGO

RULES = desk_rules()
DUE = datetime(2026, 3, 11, 5, 0, tzinfo=UTC)
"""The end of Tuesday 10 March in Chicago."""
SOON = DUE - timedelta(hours=8)
SECOND = timedelta(seconds=1)


def owed(*, due: datetime = DUE, unsure: bool = False, event: str = "e1") -> Report:
    at = due - timedelta(hours=38)
    grade = None if unsure else 2
    told = Reaction(course="c", label="C", toxicity="crs", grade=grade, at=at, zone=CHICAGO, event=event)
    return Report(reaction=told, due_at=due, unsure=unsure, words="CRS, grade 2")


@pytest.mark.parametrize(
    ("now", "ladder", "again_at"),
    [
        # now          | ladder       | the next instant at which time alone changes it
        (SOON - SECOND, None,          SOON),
        (SOON,          Ladder.GREEN,  DUE),
        (DUE - SECOND,  Ladder.GREEN,  DUE),
        (DUE,           Ladder.AMBER,  None),
        (DUE + timedelta(days=400), Ladder.AMBER, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("unsure", [False, True])
def test_eight_hours_before_the_end_and_at_the_end(now, ladder, again_at, unsure):
    found = report_calls([owed(unsure=unsure)], RULES, now)
    assert [each.ladder for each in found.wanted] == ([ladder] if ladder else [])
    assert found.look_again_at == again_at


@pytest.mark.parametrize("now", [SOON, DUE])
def test_the_site_manager_comes_first_and_then_the_director(now):
    (call,) = report_calls([owed()], RULES, now).wanted
    assert [step.who for step in call.steps] == ["site_manager", "director"]
    assert all(step.wait_minutes > 0 for step in call.steps)


@pytest.mark.parametrize(
    ("unsure", "now", "what"),
    [
        (False, SOON, "A REMS report is owed: course C"),
        (False, DUE, "A REMS report is overdue: course C"),
        (True, SOON, "Whether a REMS report is owed is not decided: course C"),
        (True, DUE, "Whether a REMS report is owed is overdue to be decided: course C"),
    ],
)
def test_the_words_say_what_is_missing_by_when_and_neither_grade_nor_reaction(unsure, now, what):
    (call,) = report_calls([owed(unsure=unsure)], RULES, now).wanted
    assert call.what == what
    assert "by the end of Tue 10 Mar 2026" in call.because
    assert ("grade of a reaction is not known" in call.because) is unsure
    assert [word for word in ("CRS", "ICANS", "grade 2") if word in f"{call.what} {call.because}"] == []


def test_each_report_is_a_page_of_its_own_and_is_the_same_one_after_its_end():
    later = owed(due=DUE + timedelta(days=1), event="e2")
    found = report_calls([owed(), later], RULES, DUE)
    assert [each.about for each in found.wanted] == ["c:e1"]
    assert found.look_again_at == DUE + timedelta(days=1, hours=-8)
    assert report_calls([owed()], RULES, SOON).wanted[0].about == "c:e1"
    assert report_calls([], RULES, DUE).wanted == ()


def test_how_long_before_is_a_number_of_the_data():
    sooner = replace(RULES, report=replace(RULES.report, page_hours_before=24))
    assert report_calls([owed()], sooner, DUE - timedelta(hours=24)).wanted
    assert not report_calls([owed()], sooner, DUE - timedelta(hours=24, seconds=1)).wanted


@pytest.mark.parametrize(
    ("was", "becomes", "code"),
    [
        ("page_hours_before = 8 ", "page_hours_before = 0 ", "bad_number"),
        ("page_hours_before = 8 ", "# ", "missing_key"),
        ("wait_minutes = 480", "wait_minutes = 0", "bad_number"),
        ('about = "late"', 'about = "soon"', "quiet_ladder"),
        ('about = "soon"', 'about = "late"', "quiet_ladder"),
        ('who = "director"', 'who = "nobody"', "unknown_word"),
        ('id = "soon_director"', 'id = "soon_manager"', "duplicate_id"),
        ('wait_minutes = 240\nsource = ["HANDRAIL"]', 'wait_minutes = 240\nsource = ["X"]', "missing_source"),
    ],
)
def test_data_that_would_page_nobody_or_never_are_refused(was, becomes, code):
    text = (FOLDER / "desk.toml").read_text(encoding="utf-8")
    assert was in text
    with pytest.raises(ProtocolDataError) as refused:
        desk_from_toml(text.replace(was, becomes))
    assert refused.value.code == code
