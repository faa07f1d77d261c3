"""What happened: corrections, withdrawals, facts that come late, twice or out of order, and what was known when."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from handrail.rules.answer import Assessment
from handrail.rules.assess import assess
from handrail.rules.coursefile import Course, CourseFileError
from handrail.rules.doses import given_doses
from handrail.rules.history import History
from handrail.rules.policy import load_policy
from handrail.rules.protocol import load
from handrail.rules.terms import Action
from handrail.rules.upcoming import open_plan
from tests.support.courses import TEC, Told, instant, well

DOSE = "2026-03-02 09:00"
NOW = "2026-03-05 09:00"


def ready() -> Told:
    """Step-up dose 1 given, and everything normal on the morning of day 3."""
    told = Told()
    well(told, "2026-03-02 08:00")
    told.dose("step_up_1", DOSE)
    well(told, "2026-03-05 08:00")
    return told


def weights(history: History) -> list[str]:
    return [str(event.body.weight_kg) for event in history.of("weight_measured")]


def reading(told: Told, temperature_c: str | None, at: str = "2026-03-05 08:30", **fields: Any) -> str:
    return told.tell("vitals_measured", at, temperature_c=temperature_c, **fields)


# --- corrections and withdrawals ----------------------------------------------------------------------------------


def test_a_correction_replaces_the_whole_fact():
    told = ready()
    wrong = reading(told, "38.4", systolic_mmhg=80)
    assert told.assess(NOW).next_dose.action is Action.HOLD
    reading(told, "36.8", supersedes=wrong, reason="typed into the wrong chart")
    answer = told.assess(NOW)
    assert answer.next_dose.action is Action.GIVE and answer.triage.ladder is None
    kept = [event.body.systolic_mmhg for event in told.history().recorded if event.id == wrong]
    assert kept == [80], "the corrected fact stays on record"


def test_the_last_of_a_chain_of_corrections_counts():
    told = Told()
    first = told.tell("weight_measured", "2026-03-02 08:00", weight_kg="70")
    second = told.tell("weight_measured", "2026-03-02 08:00", weight_kg="71", supersedes=first, reason="shoes on")
    told.tell("weight_measured", "2026-03-02 08:00", weight_kg="69", supersedes=second, reason="scales")
    history = told.history()
    assert weights(history) == ["69"] and history.conflicts == ()
    assert sorted(str(e.body.weight_kg) for e in history.recorded if e.kind == "weight_measured") == ["69", "70", "71"]


def test_a_correction_may_move_the_fact_in_time():
    told = Told()
    wrong = told.dose("step_up_1", "2026-03-03 09:00")
    told.dose("step_up_1", "2026-03-02 09:00", supersedes=wrong, reason="the day was wrong")
    assert str(told.assess("2026-03-04 09:00").next_dose.give_by) == "2026-03-09"


def test_a_withdrawn_fact_never_was():
    told = ready()
    wrong = reading(told, "38.4")
    told.tell("fact_withdrawn", "2026-03-05 08:40", supersedes=wrong, reason="another patient's reading")
    history = told.history()
    assert told.assess(NOW).next_dose.action is Action.GIVE
    assert not history.of("fact_withdrawn") and wrong in [event.id for event in history.recorded]


def test_a_withdrawn_dose_takes_its_watch_with_it():
    told = Told()
    wrong = told.dose("step_up_1", DOSE)
    told.tell("fact_withdrawn", "2026-03-02 10:00", supersedes=wrong, reason="not given after all")
    answer = told.assess("2026-03-02 13:00")
    assert (answer.watch.phase, answer.pages, answer.next_dose.step) == ("none", (), None)


def test_a_withdrawn_correction_does_not_bring_the_corrected_fact_back():
    told = Told()
    first = told.tell("weight_measured", "2026-03-02 08:00", weight_kg="70")
    second = told.tell("weight_measured", "2026-03-02 08:00", weight_kg="99", supersedes=first, reason="typo")
    told.tell("fact_withdrawn", "2026-03-02 09:00", supersedes=second, reason="typo too")
    assert weights(told.history()) == []


def test_a_correction_of_a_fact_that_has_not_arrived_stands_alone_until_it_does():
    told = Told()
    first = told.tell("weight_measured", "2026-03-02 08:00", weight_kg="70")
    told.tell("weight_measured", "2026-03-02 08:00", weight_kg="71", supersedes=first, reason="shoes on")
    course = told.course()
    alone = History.build(course, [event for event in course.events if event.id != first])
    assert weights(alone) == ["71"] == weights(History.build(course))


def test_beside_another_correction_too():
    told = Told()
    first = told.tell("weight_measured", "2026-03-02 08:00", weight_kg="70")
    told.tell("weight_measured", "2026-03-02 08:00", weight_kg="71", supersedes=first, reason="shoes on")
    other = reading(told, "38.4", "2026-03-02 09:00")
    reading(told, "36.8", "2026-03-02 09:00", supersedes=other, reason="typed into the wrong chart")
    course = told.course()
    alone = History.build(course, [event for event in course.events if event.id != first])
    assert weights(alone) == ["71"]


def test_a_course_of_which_nothing_is_known_is_asked_about():
    told = Told()
    told.events.clear()
    answer = told.assess(NOW)
    assert answer.next_dose.action is Action.ASK and "not on record" in answer.next_dose.because


@pytest.mark.parametrize("length", [2, 3])
def test_corrections_in_a_circle_are_refused(length: int):
    told = Told()
    ids = [f"00000000-0000-0000-0000-0000000000f{n}" for n in range(length)]
    for number, name in enumerate(ids):
        told.tell("note_added", "2026-03-02 08:00", id=name, text="a", supersedes=ids[number - 1])
    with pytest.raises(CourseFileError) as caught:
        told.history()
    assert caught.value.code == "circular_correction"


# --- two heads of one chain ---------------------------------------------------------------------------------------


def two_heads(one: str | None, other: str | None) -> tuple[Told, Assessment]:
    told = ready()
    wrong = reading(told, "37.0")
    reading(told, one, supersedes=wrong, reason="nurse")
    reading(told, other, at="2026-03-05 08:31", supersedes=wrong, reason="doctor")
    return told, told.assess(NOW)


@pytest.mark.parametrize(
    # one correction | the other | next dose | ladder
    ("one", "other", "action", "ladder"),
    [
        ("36.8", "36.9", "give", None),
        ("36.8", "38.4", "hold", "RED-3"),
        ("38.4", "36.8", "hold", "RED-3"),
        ("36.8", "37.9", "give", "GREEN"),
        ("38.4", None, "hold", "RED-3"),
        ("36.8", None, "ask", None),
    ],
)
def test_two_corrections_of_one_fact_the_more_cautious_is_used_and_both_are_shown(
    one: str | None, other: str | None, action: str, ladder: str | None
):
    told, answer = two_heads(one, other)
    assert answer.next_dose.action.value == action
    assert (answer.triage.ladder and answer.triage.ladder.value) == ladder
    (finding,) = [f for f in answer.findings if f.rule == "history"]
    assert "side by side: the more cautious is used" in finding.what and finding.urgency.value == "today"
    (group,) = told.history().conflicts
    assert [event.reason for event in group] == ["nurse", "doctor"]


def test_a_correction_against_a_withdrawal_is_a_conflict_too():
    told = ready()
    fever = reading(told, "38.4")
    told.tell("fact_withdrawn", "2026-03-05 08:40", supersedes=fever, reason="another patient")
    reading(told, "38.5", supersedes=fever, reason="a digit")
    answer = told.assess(NOW)
    assert answer.next_dose.action is Action.HOLD
    assert [f.rule for f in answer.findings].count("history") == 1


def test_a_third_correction_of_each_head_ends_the_conflict():
    told = ready()
    wrong = reading(told, "37.0")
    nurse = reading(told, "36.8", supersedes=wrong, reason="nurse")
    doctor = reading(told, "38.4", supersedes=wrong, reason="doctor")
    told.tell("fact_withdrawn", "2026-03-05 08:45", supersedes=doctor, reason="the nurse is right")
    assert len(told.history().conflicts) == 1, "a withdrawn head is still a second head"
    reading(told, "36.8", supersedes=nurse, reason="settled")
    assert told.assess(NOW).next_dose.action is Action.GIVE


def test_a_head_dated_later_than_now_is_not_yet_a_conflict():
    told = ready()
    wrong = reading(told, "37.0")
    reading(told, "36.8", supersedes=wrong, reason="nurse")
    reading(told, "38.4", at="2026-03-05 10:00", supersedes=wrong, reason="doctor")
    assert told.assess(NOW).next_dose.action is Action.GIVE
    later = told.assess("2026-03-05 10:00")
    assert later.next_dose.action is Action.HOLD
    assert [f.rule for f in later.findings].count("history") == 1


def test_more_conflicts_than_can_be_weighed_are_asked_about():
    told = ready()
    for number in range(5):
        wrong = reading(told, "36.8", at=f"2026-03-05 08:4{number}")
        for word in ("36.7", "36.9"):
            reading(told, word, at=f"2026-03-05 08:4{number}", supersedes=wrong, reason="again")
    dose = told.assess(NOW).next_dose
    assert (dose.action, dose.step, dose.amount, dose.withheld) == (Action.ASK, None, None, True)


def test_too_many_conflicts_hide_no_fever():
    told = ready()
    for number in range(5):
        wrong = reading(told, "36.8", at=f"2026-03-05 08:4{number}")
        for word in ("36.7", "38.6"):
            reading(told, word, at=f"2026-03-05 08:4{number}", supersedes=wrong, reason="again")
    answer = told.assess(NOW)
    assert answer.triage.ladder is not None and answer.triage.ladder.value == "RED-3"


def test_the_worst_ladder_and_the_worst_disposition_of_two_corrections():
    told = ready()
    told.tell("lab_resulted", "2026-03-05 08:00", code="anc", value="0.9", unit="10*9/L")
    first = told.tell("checkin_received", "2026-03-12 08:00", temperature_c="36.8")
    told.tell("checkin_received", "2026-03-12 08:00", temperature_c="38.4", supersedes=first, reason="RED-4, ED now")
    told.tell(
        "checkin_received", "2026-03-12 08:00", symptoms=["shaking_chills"], supersedes=first, reason="RED-3, call"
    )
    sorted_out = told.assess("2026-03-12 09:00").triage
    assert sorted_out.ladder is not None
    assert (sorted_out.ladder.value, sorted_out.disposition.value) == ("RED-3", "ed_now")


# --- late, twice, out of order ------------------------------------------------------------------------------------


def test_the_order_of_arrival_is_irrelevant():
    told = Told()
    told.dose("step_up_1", DOSE)
    told.tell("checkin_received", "2026-03-02 12:10", temperature_c="36.8")
    wrong = reading(told, "38.4", at="2026-03-02 15:00")
    reading(told, "38.2", at="2026-03-02 15:00", supersedes=wrong, reason="a digit")
    told.tell("contact_made", "2026-03-02 15:20", reached=True, outcome="coming_in")
    course = told.course()
    start, *others = course.events
    answers = {repr(answer_of(course, [*order, start]).to_json()) for order in permutations(others)}
    answers.add(repr(answer_of(course, course.events).to_json()))
    assert len(answers) == 1


def answer_of(course: Course, events: Any, at: str = "2026-03-02 17:00") -> Assessment:
    policy = load_policy()
    history = History.build(course, events, plausible=policy.plausible)
    return assess(load(TEC), policy, history, instant(at))


def test_a_fact_that_comes_twice_counts_once():
    told = Told()
    told.dose("step_up_1", DOSE)
    told.tell("medicine_given", "2026-03-02 10:00", agent="tocilizumab", purpose="treatment")
    course = told.course()
    twice = History.build(course, [*course.events, *course.events])
    assert len(twice.of("medicine_given")) == len(twice.of("dose_given")) == 1
    assert len(twice.recorded) == len(course.events)


def test_the_same_fact_recorded_again_later_is_the_same_fact():
    told = Told()
    told.tell("weight_measured", "2026-03-02 08:00", weight_kg="70", recorded_at="2026-03-02 08:05")
    again = dict(told.events[-1], recorded_at="2026-03-09T08:05:00Z")
    told.events.append(again)
    assert weights(told.history()) == ["70"]


@pytest.mark.parametrize(
    "change",
    [{"weight_kg": "71"}, {"at": "2026-03-02T14:00:01Z"}, {"reason": "b"}, {"weight_kg": None}, {"x_note": "b"}],
)
def test_one_id_with_two_contents_is_refused(change: dict[str, Any]):
    told = Told()
    told.tell("weight_measured", "2026-03-02 08:00", weight_kg="70")
    told.events.append({**told.events[-1], **change})
    with pytest.raises(CourseFileError) as caught:
        told.history()
    assert (caught.value.code, caught.value.path) == ("duplicate_id", "events")


def test_a_fact_that_comes_late_counts_from_when_it_happened():
    told = ready()
    assert told.assess(NOW).next_dose.action is Action.GIVE
    told.tell("condition_noted", "2026-03-05 08:10", what="pneumonia", active=True, recorded_at="2026-03-05 08:59")
    assert told.assess(NOW).next_dose.action is Action.HOLD


def test_a_fact_dated_later_than_now_does_not_count_yet_and_is_looked_at_again():
    told = ready()
    reading(told, "38.4", at="2026-03-05 09:10")
    answer = told.assess(NOW)
    assert answer.next_dose.action is Action.GIVE
    assert answer.look_again_at == instant("2026-03-05 09:10")


# --- what was known when ------------------------------------------------------------------------------------------


def test_as_known_at_replays_what_was_recorded_by_then():
    told = Told()
    first = told.tell("weight_measured", "2026-03-02 08:00", weight_kg="70", recorded_at="2026-03-02 08:30")
    fix = {"supersedes": first, "reason": "scales"}
    told.tell("weight_measured", "2026-03-02 08:00", weight_kg="71", recorded_at="2026-03-04 10:00", **fix)
    history = told.history()
    known = {at: weights(history.as_known_at(instant(at))) for at in ("2026-03-02 08:29", "2026-03-02 08:30")}
    assert known == {"2026-03-02 08:29": [], "2026-03-02 08:30": ["70"]}
    assert weights(history.as_known_at(instant("2026-03-04 09:59"))) == ["70"]
    assert weights(history.as_known_at(instant("2026-03-04 10:00"))) == ["71"]


def test_as_known_at_keeps_the_limits_of_plausible_readings():
    told = Told()
    told.tell("weight_measured", "2026-03-02 08:00", weight_kg="7")
    assert weights(told.history().as_known_at(instant(NOW))) == ["None"]


def test_until_is_about_when_it_happened_not_about_when_we_learned_it():
    told = Told()
    told.tell("weight_measured", "2026-03-02 08:00", weight_kg="70", recorded_at="2026-03-09 08:00")
    assert weights(told.history().until(instant("2026-03-02 08:00"))) == ["70"]
    assert weights(told.history().until(instant("2026-03-02 07:59"))) == []


# --- readings that nobody has -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # reading          | kept as known | marked
    ("weight_kg", "marked"),
    [("29.9", True), ("30", False), ("250", False), ("250.1", True), ("7", True)],
)
def test_an_implausible_weight_is_kept_marked_and_not_known(weight_kg: str, marked: bool):
    told = Told()
    told.tell("weight_measured", "2026-03-02 08:00", weight_kg=weight_kg)
    history = told.history()
    (event,) = history.of("weight_measured")
    assert event.body.implausible == (("weight_kg",) if marked else ())
    assert (event.body.weight_kg is None) == marked == ("weight_kg" in event.nulls)
    kept = [e for e in history.recorded if e.kind == "weight_measured"]
    assert str(kept[0].body.weight_kg) == weight_kg, "the record keeps what was written"


def test_a_reading_marked_implausible_by_the_door_is_not_known_even_inside_the_limits():
    told = ready()
    reading(told, "36.6", implausible=["temperature_c"])
    answer = told.assess(NOW)
    assert answer.next_dose.action is Action.ASK
    assert "vitals_measured.temperature_c" in [item.missing for item in answer.cannot_say]


def test_what_the_shell_wrote_about_its_pages_changes_no_answer():
    told = ready()
    before = told.assess(NOW)
    told.tell("page_sent", "2026-03-05 08:50", key="report:x", ladder="RED-3", step=0)
    told.tell("page_acknowledged", "2026-03-05 08:51", key="report:x")
    told.tell("page_failed", "2026-03-05 08:52", key="report:x")
    told.tell("alert_closed", "2026-03-05 08:53", key="report:x")
    assert told.assess(NOW).to_json() == before.to_json()


# --- facts of one minute ------------------------------------------------------------------------------------------


TWO_IDS = [f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2)]


@pytest.mark.parametrize("ids", list(permutations(TWO_IDS)))
@pytest.mark.parametrize("arrives", ["as written down", "the other way round"])
def test_of_two_plans_of_one_minute_the_one_written_down_later_holds_whatever_their_ids(ids, arrives):
    told = Told()
    for number, (name, on) in enumerate(zip(ids, ("2026-03-04", "2026-03-06"), strict=True)):
        told.tell("dose_planned", DOSE, id=name, step="step_up_1", on=on, recorded_at=f"2026-03-02 09:0{number + 1}")
    events = told.course().events if arrives == "as written down" else tuple(reversed(told.course().events))
    history = History.build(told.course(), events)
    plan = history.last("dose_planned")
    assert plan is not None and str(plan.body.on) == "2026-03-06"
    assert [each.id for each in history.recorded if each.kind == "dose_planned"] == list(ids)


@pytest.mark.parametrize(
    ("put_off", "planned", "stands"),
    [("09:01", "09:02", True), ("09:02", "09:01", False), ("09:01", "09:01", False)],
    ids=["put off, then planned anew", "planned, then put off", "nobody knows which came first"],
)
def test_a_dose_put_off_and_planned_anew_in_one_minute_is_planned_by_what_was_written_down_last(
    put_off, planned, stands
):
    told = Told()
    told.tell("dose_planned", DOSE, step="step_up_1", on="2026-03-06", recorded_at=f"2026-03-02 {planned}")
    told.tell("dose_not_given", DOSE, step="step_up_1", because="logistics", recorded_at=f"2026-03-02 {put_off}")
    history = told.history()
    assert (open_plan(history, given_doses(history)) is not None) is stands


def test_a_fact_that_was_sent_again_later_keeps_its_place_among_those_of_its_minute():
    told = Told()
    for name, on, written in (("2", "2026-03-04", "09:01"), ("1", "2026-03-06", "09:02")):
        told.tell("dose_planned", DOSE, id=TWO_IDS[int(name) - 1], step="step_up_1", on=on, recorded_at=f"2026-03-02 {written}")  # fmt: skip
    again = {**told.events[0], "recorded_at": "2026-03-09T08:05:00Z"}
    for events in ([*told.events, again], [again, *told.events]):
        told.events = events
        plan = told.history().last("dose_planned")
        assert plan is not None and str(plan.body.on) == "2026-03-06"
