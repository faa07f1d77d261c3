"""What holds for all training: forgetting a value, or letting something run out, never makes an answer greener."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.rules.curriculum import Completed, load_curriculum, standing
from handrail.rules.drills import Run, judge, load_drills, site_evidence
from handrail.rules.history import History
from handrail.rules.policy import load_policy
from handrail.rules.teachback import PEOPLE, gate_evidence, load_teach_back, teach_back
from tests.support.courses import CHICAGO, Told, instant
from tests.support.training import ALWAYS, TEC, TODAY, newer, staff

BOOK, DRILLS, POLICY = load_curriculum(), load_drills(), load_policy()
DAYS = st.integers(-500, 20).map(lambda days: TODAY + timedelta(days=days))


@st.composite
def completions(draw: st.DrawFn) -> Completed:
    version = draw(st.sampled_from(["1", "2", None]))
    on = draw(st.none() | DAYS)
    return Completed(person="a", module="ice", version=version, on=on, product=draw(st.sampled_from([None, TEC])))


@settings(max_examples=150, deadline=None)
@given(st.lists(completions(), min_size=1, max_size=4), st.booleans(), st.data())
def test_forgetting_a_day_or_a_version_trains_nobody(held: list[Completed], newer_one: bool, data: st.DataObject):
    row = BOOK.of("ice")
    assert row is not None
    out = (newer("ice", "2", TODAY - timedelta(days=3), TODAY + timedelta(days=11)),) if newer_one else ()
    number = data.draw(st.integers(0, len(held) - 1))
    gone: dict[str, Any] = data.draw(st.sampled_from([{"on": None}, {"version": None}]))
    after = [*held[:number], replace(held[number], **gone), *held[number + 1 :]]
    before = standing(row, "a", None, staff(*held, brought_out=out), TODAY)
    assert before.current is True or standing(row, "a", None, staff(*after, brought_out=out), TODAY).current is not True


@settings(max_examples=100, deadline=None)
@given(st.lists(completions(), max_size=3), st.integers(1, 800), st.booleans())
def test_time_alone_trains_nobody_who_has_passed_nothing_since(held: list[Completed], days: int, newer_one: bool):
    row = BOOK.of("ice")
    assert row is not None
    past = [each for each in held if each.on is None or each.on <= TODAY]
    out = (newer("ice", "2", TODAY + timedelta(days=5)),) if newer_one else ()
    known = staff(*(each for each in past if not newer_one or each.version != "2"), brought_out=out)
    before = standing(row, "a", None, known, TODAY).current is True
    later = standing(row, "a", None, known, TODAY + timedelta(days=days)).current is True
    assert before or not later
    if before:
        until = standing(row, "a", None, known, TODAY).until
        assert until is not None
        assert standing(row, "a", None, known, until + timedelta(days=1)).state != "current"


@st.composite
def runs(draw: st.DrawFn) -> Run:
    minutes = {row.id: draw(st.sampled_from([Decimal(1), Decimal(row.minutes), Decimal(row.minutes + 1), None])) for row in DRILLS.limit}  # fmt: skip
    return Run(
        kind=draw(st.sampled_from(["phone_after_hours", "ed_without_record"])),
        on=draw(st.sampled_from([TODAY, TODAY - timedelta(days=1), TODAY - timedelta(days=190), None])),
        minutes=minutes,
        correct_grade=draw(st.sampled_from([True, True, False, None])),
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(runs(), min_size=1, max_size=4), st.data())
def test_forgetting_a_time_a_grade_or_a_day_passes_no_drill(held: list[Run], data: st.DataObject):
    number = data.draw(st.integers(0, len(held) - 1))
    run = held[number]
    limit = data.draw(st.sampled_from([row.id for row in DRILLS.limit]))
    gone: Any = data.draw(
        st.sampled_from([{"on": None}, {"correct_grade": None}, {"minutes": {**run.minutes, limit: None}}])
    )
    after = [*held[:number], replace(run, **gone), *held[number + 1 :]]
    assert judge(run, DRILLS).passed is True or judge(after[number], DRILLS).passed is not True
    before = site_evidence(held, DRILLS, None, TODAY, CHICAGO)
    assert before.met is True or site_evidence(after, DRILLS, None, TODAY, CHICAGO).met is not True
    later = site_evidence(held, DRILLS, None, TODAY + timedelta(days=30), CHICAGO)
    assert before.met is True or later.met is not True


HOURS = st.integers(0, 24 * 9).map(lambda hours: instant("2026-03-01 09:00") + timedelta(hours=hours))


@st.composite
def histories(draw: st.DrawFn) -> Told:
    told = Told()
    for at in sorted(draw(st.lists(HOURS, min_size=1, max_size=7))):
        kind = draw(st.sampled_from(["taught", "taught", "taught", "dose", "fever", "moved", "infection"]))
        if kind == "taught":
            said = draw(st.sampled_from(["passed", "passed", "passed", "repeat", "not_done"]))
            items = {**dict.fromkeys(ALWAYS, "passed"), draw(st.sampled_from(ALWAYS)): said}
            who = draw(st.sampled_from(PEOPLE))
            told.tell("teach_back_done", at.isoformat(), who=who, items=items, own_language=draw(st.sampled_from([True, True, False])))  # fmt: skip
        elif kind == "dose":
            told.dose("step_up_1", at.isoformat(), dose_mg="4.2")
        elif kind == "fever":
            told.tell("vitals_measured", at.isoformat(), temperature_c=draw(st.sampled_from(["36.8", "38.6"])))
        elif kind == "infection":
            told.tell("condition_noted", at.isoformat(), what="infection", active=draw(st.booleans()))
        else:
            told.tell("accountability_moved", at.isoformat(), to_party="clinic", from_at=at.isoformat())
    return told


@settings(max_examples=120, deadline=None)
@given(histories(), st.data())
def test_forgetting_a_value_of_the_course_passes_no_teach_back(told: Told, data: st.DataObject):
    number = data.draw(st.integers(1, len(told.events) - 1))
    own = sorted(set(told.events[number]) - {"id", "kind", "at", "step"})
    name = data.draw(st.sampled_from(own))
    after = Told()
    after.events = [dict(event) for event in told.events]
    after.events[number][name] = None
    now = instant("2026-03-12 09:00")

    def green(course: Told) -> list[bool]:
        history = History.build(course.course(), plausible=POLICY.plausible)
        said = teach_back(history, load_teach_back(), POLICY, now)
        return [gate_evidence(line, said).met is True for line in (10, 12)]

    assert all(was or not is_now for was, is_now in zip(green(told), green(after), strict=True))
