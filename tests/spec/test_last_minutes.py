"""The last minute that still counts and the first that does not, for facts that other tables do not look at so closely."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from handrail.rules.assess import assess
from handrail.rules.contact import contact
from handrail.rules.daily import daily
from handrail.rules.doses import given_doses
from handrail.rules.episodes import episodes
from handrail.rules.overlays import row_sha256
from handrail.rules.policy import load_policy, policy_from_document, shipped_document
from handrail.rules.policy_changes import Verdict, changes_of
from handrail.rules.protocol import load, newest_active
from handrail.rules.responsibility import minutes_of
from handrail.rules.responsibility_lines import say_days
from handrail.rules.rota import Pattern, planned_shifts
from handrail.rules.strict import LARGEST, ProtocolDataError, read_value
from handrail.rules.triage import triage
from handrail.rules.upcoming import open_plan
from tests.support.agreements import CLINIC, HUB, context, document
from tests.support.courses import TEC, Told, instant, well
from tests.support.reactions import crs
from tests.support.triage import stepping_up

SUD1, FTD = "step_up_1", "first_treatment"
NORMAL = {"loc_other": False, "seizure": "none", "motor": False, "edema": "none", "icp_signs": False, "ich": False}


def said(told: Told, at: str, words: str) -> list[str]:
    return [each.what for each in told.assess(at).findings if words in each.what]


# --- facts beside a dose, a start, a choice ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    # a negative pregnancy test beside the start of the course at 09:00 on 2 January | not verified
    ("at", "asked"),
    [("2026-01-02 08:59", True), ("2026-01-02 09:00", False)],
)
def test_a_pregnancy_test_counts_from_the_minute_in_which_the_course_began(at: str, asked: bool):
    told = Told(TEC, facts={"sex": "female"})
    told.tell("lab_resulted", at, code="pregnancy_test", result="negative")
    well(told, "2026-03-02 08:30")
    assert bool(said(told, "2026-03-02 09:00", "Pregnancy status is not verified")) is asked


@pytest.mark.parametrize(
    # in hospital since 07:00, at home from, beside the dose at 09:00 | left hospital early
    ("home", "early"),
    [("2026-03-02 08:59", False), ("2026-03-02 09:00", False), ("2026-03-02 09:01", True)],
)
def test_who_is_at_home_at_the_minute_of_the_dose_has_not_left_hospital_after_it(home: str, early: bool):
    told = Told(TEC)
    told.tell("home_status", "2026-03-02 07:00", location="hospital")
    told.dose(SUD1, "2026-03-02 09:00")
    told.tell("home_status", home, location="home")
    assert bool(said(told, "2026-03-02 09:30", "Watched for")) is early


@pytest.mark.parametrize(
    # the tenth later dose, beside the choice of every two weeks at 09:00 | one dose is wanting
    ("last", "wanting"),
    [("2026-06-08 08:59", False), ("2026-06-08 09:00", False), ("2026-06-08 09:01", True)],
)
def test_a_dose_at_the_minute_of_the_choice_of_an_interval_is_one_of_the_doses_before_it(last: str, wanting: bool):
    told = Told("linvoseltamab/EU/2025")
    doses = [(SUD1, 0), ("step_up_2", 7), (FTD, 14), *(("treatment", 21 + 7 * number) for number in range(9))]
    for step, day in doses:
        told.dose(step, f"{date(2026, 3, 2) + timedelta(days=day)} 09:00")
    told.dose("treatment", last)
    told.tell("schedule_changed", "2026-06-08 09:00", schedule="every_2_weeks")
    assert bool(said(told, "2026-06-08 10:00", "9 of at least 10 doses")) is wanting


@pytest.mark.parametrize(
    # the dose, or the word that it was not given, beside the plan made at 09:00 on the 1st for the 3rd | the plan is open
    ("kind", "at", "open_"),
    [
        ("dose_given", "2026-03-02 23:59", True),
        ("dose_given", "2026-03-03 00:00", False),
        ("dose_not_given", "2026-03-01 08:59", True),
        ("dose_not_given", "2026-03-01 09:00", False),
    ],
)
def test_a_plan_is_open_until_its_day_or_a_word_about_it(kind: str, at: str, open_: bool):
    told = Told(TEC)
    told.tell("dose_planned", "2026-03-01 09:00", step=SUD1, on="2026-03-03")
    told.tell(kind, at, step=SUD1, **({} if kind == "dose_given" else {"because": "logistics"}))
    history = told.history()
    assert (open_plan(history, given_doses(history)) is not None) is open_


# --- who answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # the clinic had accepted the patient, and the hub gave the dose at 09:00; asked at | who answers
    ("at", "who"),
    [("2026-03-09 09:00", HUB), ("2026-03-11 08:59", HUB), ("2026-03-11 09:00", CLINIC)],
)
def test_the_site_that_gave_the_dose_answers_from_the_minute_of_the_dose_to_the_last_of_its_window(at: str, who: str):
    told = Told(TEC)
    told.dose(FTD, "2026-03-09 09:00", site="hub")
    told.tell("accountability_moved", "2026-03-08 09:00", to_party=CLINIC, accepted_by="somebody")
    known = context(agreement=document(zone=told.zone))
    answer = assess(load(TEC), load_policy(), told.history(), instant(at), context=known)
    assert answer.accountable == who


# --- reports, calls and episodes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # the ICANS inputs after a lost ICE score, beside the call at 15:10 | the patient who comes in is still waited for
    ("at", "waits"),
    [("2026-03-06 15:09", True), ("2026-03-06 15:10", False)],
)
def test_the_icans_inputs_of_the_minute_of_a_call_answer_the_report_of_an_ice_score(at: str, waits: bool):
    told = stepping_up()
    told.tell("ice_assessed", "2026-03-06 15:00", total_0_10=6)
    told.tell("contact_made", "2026-03-06 15:10", reached=True, outcome="coming_in", **{"with": "patient"})
    told.tell("icans_assessed", at, loc="alert", **NORMAL)
    history, policy = told.history(), load_policy()
    doses, now = given_doses(history), instant("2026-03-06 15:30")
    found = contact(history, doses, episodes(history, doses, policy), triage(history, doses, policy, now), policy, now)
    assert any("comes in" in task.what for task in found.tasks) is waits


@pytest.mark.parametrize(
    # the call that let the patient stay, beside the assessment at 15:20 that opened CRS | a next check is agreed
    ("at", "agreed"),
    [("2026-03-06 15:19", False), ("2026-03-06 15:20", True)],
)
def test_a_call_of_the_minute_in_which_crs_began_speaks_of_it(at: str, agreed: bool):
    body = shipped_document()
    body["contact"]["admission"] = "grade_1_may_stay"
    told = stepping_up()
    crs(told, "2026-03-06 15:20", 1)
    later = instant("2026-03-06 17:20").isoformat()
    told.tell("contact_made", at, reached=True, outcome="staying_home", next_check_at=later, **{"with": "patient"})
    answer = told.assess("2026-03-06 15:30", policy=policy_from_document(body, "0" * 64))
    (found,) = [each.because for each in answer.findings if "is not known to be in hospital" in each.what]
    assert ("no next check is agreed" not in found) is agreed


@pytest.mark.parametrize(
    # temperature | ladder | what the patient does
    ("temperature", "ladder", "does"),
    [
        ("37.7", None, "none"),
        ("37.8", "GREEN", "recheck"),
        ("37.9", "GREEN", "recheck"),
        ("38.0", "RED-3", "call_and_come_in"),
    ],
)
def test_a_temperature_is_measured_again_from_37_8_and_a_fever_from_38(temperature: str, ladder: str | None, does: str):
    limits = load_policy().triage
    assert (str(limits.recheck_c), str(limits.fever_c)) == ("37.8", "38.0")
    told = stepping_up()
    told.tell("checkin_received", "2026-03-06 15:00", temperature_c=temperature, symptoms=[], caregiver_present=True)
    answer = told.assess("2026-03-06 15:00").triage
    assert (answer.ladder and answer.ladder.value, answer.disposition.value) == (ladder, does)


# --- the days of the window -------------------------------------------------------------------------------------------


def tasks_of(told: Told, at: str) -> list[tuple[str, datetime | None]]:
    history = told.history()
    found = daily(history, given_doses(history), load_policy(), instant(at))
    return [(task.what.split(",")[0], task.by) for task in found.tasks]


@pytest.mark.parametrize(
    # looked at | the booked assessment of 10:00 is due by
    ("at", "by"),
    [
        ("2026-03-03 09:59", "2026-03-03 10:00"),
        ("2026-03-03 10:00", "2026-03-04 00:00"),
        ("2026-03-03 10:01", "2026-03-04 00:00"),
    ],
)
def test_a_booked_assessment_is_due_at_its_time_and_from_then_on_by_midnight(at: str, by: str):
    told = Told()
    told.dose(SUD1, "2026-03-02 09:00")
    starts = instant("2026-03-03 10:00").isoformat()
    told.tell(
        "visit_planned", "2026-03-02 08:00", on="2026-03-03", who_role="nurse", contact="in_person", starts_at=starts
    )
    assert ("assessment of Tue 3 Mar 2026", instant(by)) in tasks_of(told, at)


@pytest.mark.parametrize(
    # in hospital under a unit since Monday; looked at | midnight changes something
    ("at", "changes"),
    [("2026-03-03 12:00", True), ("2026-03-04 12:00", True), ("2026-03-05 12:00", False)],
)
def test_until_the_last_day_of_the_window_midnight_is_looked_at(at: str, changes: bool):
    told = Told()
    told.dose(SUD1, "2026-03-02 09:00")
    told.tell("home_status", "2026-03-02 10:00", location="hospital", site="unit-7")
    history = told.history()
    found = daily(history, given_doses(history), load_policy(), instant(at))
    midnight = instant(f"{at[:10]} 00:00") + timedelta(days=1)
    assert (midnight in found.changes_at) is changes


# --- readings of one history ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rivals", "too_many"), [(1, False), (16, False), (17, True)])
def test_so_many_readings_can_be_weighed(rivals: int, too_many: bool):
    told = Told(TEC)
    first = told.tell("weight_measured", "2026-03-01 08:00", weight_kg="70")
    for number in range(rivals):
        told.tell("weight_measured", "2026-03-01 08:00", weight_kg=f"{71 + number}", supersedes=first, reason="typed")
    assert told.history().too_many_alternatives() is too_many


@pytest.mark.parametrize(
    # one of two rival corrections says that the fact is of 08:00; looked at | both readings are there
    ("at", "readings"),
    [("2026-03-01 07:59", 1), ("2026-03-01 08:00", 2), ("2026-03-01 08:01", 2)],
)
def test_a_rival_correction_counts_from_its_own_minute(at: str, readings: int):
    told = Told(TEC)
    first = told.tell("weight_measured", "2026-02-01 08:00", weight_kg="70")
    told.tell("weight_measured", "2026-03-01 08:00", weight_kg="71", supersedes=first, reason="typed")
    told.tell("weight_measured", "2026-03-01 08:00", weight_kg="72", supersedes=first, reason="typed")
    told.tell("note_added", "2026-03-05 08:00", text="later")
    present = told.history().until(instant(at))
    assert len(present.conflicts) == (1 if readings > 1 else 0)
    found = {event.body.weight_kg for each in present.alternatives() for event in each.of("weight_measured")}
    assert len(found) == (readings if readings > 1 else 0)


# --- hand-back --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # the call; handed back by 20:00, and the night begins at 21:00 | by
    ("ends", "by", "at", "due"),
    [
        ("07:00", "07:00", "2026-03-10 23:00", "2026-03-11 07:00"),
        ("07:00", "07:00", "2026-03-11 06:59", "2026-03-11 07:00"),
    ],
)
def test_the_hand_back_may_be_due_at_the_minute_in_which_the_night_ends(ends: str, by: str, at: str, due: str):
    body = shipped_document()
    body["night"] |= {"ends": ends, "hand_back_by": by}
    told = stepping_up()
    told.tell("contact_made", at, reached=True, outcome="none")
    answer = told.assess(at, policy=policy_from_document(body, "0" * 64))
    assert [task.by for task in answer.tasks if "hand back" in task.what] == [instant(due)]


# --- limits of the files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "fits"), [(LARGEST, True), (LARGEST + 1, False), (-LARGEST, True), (-LARGEST - 1, False)]
)
def test_a_whole_number_of_a_file_is_at_most_a_million(value: int, fits: bool):
    if fits:
        assert read_value(int, value, "here") == value
    else:
        with pytest.raises(ProtocolDataError):
            read_value(int, value, "here")


@pytest.mark.parametrize("text", ["08:60", "08:61", "24:01"])
def test_sixty_minutes_are_an_hour(text: str):
    with pytest.raises(ValueError, match=text):
        minutes_of(text)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (("sat", "sun"), "Sat,Sun"),
        (("fri", "sat", "sun"), "Fri-Sun"),
        (("mon",), "Mon"),
        (("mon", "wed", "thu"), "Mon,Wed,Thu"),
        (("mon", "tue", "wed", "sun"), "Mon-Wed,Sun"),
    ],
)
def test_three_days_that_follow_one_another_are_said_as_a_span(days: Any, words: str):
    assert say_days(days) == words


def test_a_shift_within_the_hour_that_a_clock_change_leaves_out_is_none():
    plan = Pattern(weekdays=frozenset(range(7)), first_day=date(2026, 3, 8), starts=time(2, 0), ends=time(3, 0))
    assert planned_shifts(plan, "America/Chicago", date(2026, 3, 8), date(2026, 3, 8), ()) == []
    (next_day,) = planned_shifts(plan, "America/Chicago", date(2026, 3, 9), date(2026, 3, 9), ())
    assert next_day.starts_at == datetime(2026, 3, 9, 7, tzinfo=UTC)


def test_a_requirement_may_end_on_the_day_on_which_it_began():
    row = next(row for row in load(TEC).rems if row.in_force_from is not None)
    begins = row.in_force_from
    assert begins is not None

    def ends(day: date) -> dict[str, Any]:
        item = {"id": row.id, "citation": "a synthetic notice", "sha256": row_sha256(row)}
        item |= {"in_force_to": day.isoformat(), "confirmed_on": "2026-02-20"}
        return {"protocol_key": TEC, "signed_by": "Synthetic Centre", "rows": [item]}

    assert load(TEC).with_overlays([ends(begins)])
    with pytest.raises(ProtocolDataError, match="before it begins"):
        load(TEC).with_overlays([ends(begins - timedelta(days=1))])


def test_a_product_of_one_regimen_that_is_no_monotherapy_is_taken():
    """Only several ways to give it make somebody name one."""
    assert newest_active("tarlatamab", "US").product.product == "tarlatamab"


@pytest.mark.parametrize(
    # the same conditions of an infection in another order | verdict
    "reverse",
    [True, False],
)
def test_a_list_in_another_order_is_neither_tighter_nor_looser(reverse: bool):
    base, proposed = shipped_document(), shipped_document()
    if reverse:
        proposed["infection"]["conditions"] = proposed["infection"]["conditions"][::-1]
    found = changes_of(base, proposed, load_policy().caution)
    assert [change.verdict for change in found] == ([Verdict.NEITHER] if reverse else [])


@pytest.mark.parametrize(
    # given at, so that the window ends at that time two days later | the check of that very minute belongs to the phase
    ("given", "phase"),
    [("2026-03-02 08:00", "step_up"), ("2026-03-02 08:01", "risk_window")],
)
def test_a_check_at_the_minute_in_which_the_window_ends_belongs_to_what_follows(given: str, phase: str):
    told = Told(TEC)
    told.dose(SUD1, given)
    told.tell("checkin_received", "2026-03-04 02:00", temperature_c="36.8", symptoms=[], caregiver_present=True)
    watch = told.assess("2026-03-04 02:01").watch
    assert watch.next_check_due == instant("2026-03-04 08:00")
    due = told.assess("2026-03-04 08:00").watch
    words = load_policy().watch.named(phase).words
    assert words in due.because
