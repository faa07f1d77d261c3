"""A dose that was given after a reaction: its watch, its daily contacts and its place follow the stay that the label wants."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from handrail.rules.doses import Given, given_doses
from handrail.rules.episodes import episodes
from handrail.rules.policy import load_policy
from handrail.rules.protocol import load
from handrail.rules.schedule import early_discharge_finding
from handrail.rules.stays import window_ends, with_stays
from handrail.rules.watch import watch
from tests.spec.test_label_reactions import ALL
from tests.support.courses import TEC, Told, civil, instant
from tests.support.label_courses import on_their_days
from tests.support.reactions import crs, icans, resolved

ELR, TEC_EU = ALL["ELR"], ALL["TEC-EU"]
TICK = timedelta(microseconds=1)
UNGRADED = {"tmax_c": None, "hypotension": None, "pressors": None, "o2": None}


def given(told: Told, key: str = TEC) -> tuple[Given, ...]:
    """The doses with their stays, as everything else reads them."""
    rules, history = load_policy(), told.history()
    doses = given_doses(history)
    return with_stays(doses, history, episodes(history, doses, rules), load(key), rules)


def reacted(key: str, toxicity: str, grade: int | None) -> tuple[Told, date]:
    """A course with that reaction between its last two doses, and the day of the last one, given at 09:00."""
    told, before = on_their_days(load(key), "weekly", "treatment")
    if toxicity == "icans" and grade is not None:
        icans(told, f"{before} 18:00", grade)
    elif toxicity == "crs":
        crs(told, f"{before} 18:00", grade or 2, **({} if grade else UNGRADED))
    if toxicity != "-":
        resolved(told, toxicity, f"{before + timedelta(days=1)} 09:00")
    on = before + timedelta(days=7)
    told.dose("treatment", f"{on} 09:00", schedule="weekly")
    return told, on


def at(on: date, days: int, time: str) -> str:
    return f"{on + timedelta(days=days)} {time}"


def said(told: Told, when: str) -> list[str]:
    """What the findings about the stay say."""
    marks = ("in hospital after", "Watched for", "Cannot say which stay")
    return [found.what for found in told.assess(when).findings if any(mark in found.what for mark in marks)]


STAYS = [
    # label | the reaction after the dose before | what the label wants with this dose
    (TEC, "-", None, []),
    (TEC, "icans", 1, []),
    (TEC, "icans", 2, [("hospital", 48, "ICANS-2")]),
    (TEC, "crs", 1, []),
    (TEC, "crs", 2, [("hospital", 48, "CRS-2")]),  # a row that nobody verified never shortens, and is never left out
    (TEC, "crs", 3, [("hospital", 48, "CRS-3-FIRST")]),
    (ELR, "crs", 2, [("near_facility", 48, "CRS-2")]),
    (ELR, "crs", 3, [("hospital", 48, "CRS-3-FIRST")]),
    (TEC_EU, "icans", 1, []),
]


@pytest.mark.parametrize(("key", "toxicity", "grade", "wanted"), STAYS)
def test_the_dose_after_a_reaction_has_the_stay_of_its_row_and_a_window(key, toxicity, grade, wanted):
    told, on = reacted(key, toxicity, grade)
    last = given(told, key)[-1]
    assert [(stay.setting, stay.hours, stay.row) for stay in last.stays] == wanted
    assert (last.watched, last.watched_by_step, last.reaction_unknown) == (bool(wanted), False, None)
    for when, inside in ((at(on, 0, "09:00"), True), (at(on, 2, "08:59"), True), (at(on, 2, "09:00"), False)):
        found = told.assess(when).watch
        assert found.in_window == (inside and bool(wanted)), when
        if wanted:
            assert civil(found.window_ends) == at(on, 2, "09:00")


def test_checks_are_asked_and_silence_is_noticed_as_after_every_watched_dose():
    told, on = reacted(TEC, "icans", 2)
    assert civil(told.assess(at(on, 0, "09:00")).watch.next_check_due) == at(on, 0, "12:00")
    silent = told.assess(at(on, 0, "13:00"))
    assert silent.watch.overdue_stage == "paged" and silent.state.name == "WATCH"
    assert [page.key.split(":")[0] for page in silent.pages] == ["overdue"]
    assert "; here after a treatment dose, for a reaction before it" in silent.watch.because
    assert [day.on for day in silent.daily][-3:] == [on + timedelta(days=days) for days in (0, 1, 2)]
    quiet, on = reacted(TEC, "icans", 1)
    answer = quiet.assess(at(on, 0, "13:00"))
    assert (answer.watch.in_window, answer.watch.phase) == (False, "none")
    assert on not in [day.on for day in answer.daily]


def test_after_its_window_the_checks_go_on_as_after_the_first_treatment_dose():
    told, on = reacted(TEC, "icans", 2)
    told.tell("checkin_received", at(on, 2, "08:30"), temperature_c="36.8")
    found = told.assess(at(on, 2, "09:00")).watch
    assert (found.phase, civil(found.next_check_due)) == ("after_first_treatment", at(on, 3, "08:00"))
    told.tell("checkin_received", at(on, 14, "08:00"), temperature_c="36.8")
    assert told.assess(at(on, 14, "09:00")).watch.phase == "none"


def test_without_a_first_treatment_dose_on_record_the_checks_go_on_by_the_step_that_asked_last():
    for steps, phase in ((["step_up_2"], "step_up"), ([], "after_first_treatment"), ([None], "step_up")):
        told = Told()
        for step in steps:
            told.dose(step, "2026-03-02 09:00")
        icans(told, "2026-03-03 09:00", 2)
        resolved(told, "icans", "2026-03-04 09:00")
        told.dose("treatment", "2026-03-09 09:00")
        told.tell("checkin_received", "2026-03-11 08:30", temperature_c="36.8")
        assert told.assess("2026-03-11 09:00").watch.phase == phase, steps


WHEN = [
    # ICANS of grade 2 opened | over | counts for the dose (the dose before was given at 09:00 seven days earlier)
    ((-7, "08:59"), (-7, "08:59"), False),
    ((-7, "08:58"), (-7, "09:01"), False),  # it was over when this dose was given, and had begun before the one before
    ((-7, "09:00"), (-6, "09:00"), True),
    ((-7, "09:00"), (-7, "09:00"), True),  # all of it in the very minute of the dose before
    ((0, "08:59"), None, True),
    ((0, "09:00"), None, True),  # at the very minute nobody knows which came first
    ((0, "09:01"), None, False),
    ((-10, "09:00"), (-9, "09:00"), False),
    ((-10, "09:00"), None, True),  # it still lasts
    ((-10, "09:00"), (0, "09:01"), True),
]


@pytest.mark.parametrize(("opened", "over", "counts"), WHEN)
def test_what_counts_lies_between_the_dose_before_and_this_one(opened, over, counts):
    told, on = reacted(TEC, "-", None)
    icans(told, at(on, *opened), 2)
    if over is not None:
        resolved(told, "icans", at(on, *over))
    assert bool(given(told)[-1].stays) == counts
    assert all(dose.reaction_unknown is None for dose in given(told))


def test_the_grade_that_counts_is_the_worst_when_the_dose_was_given():
    for earlier, later, counts in ((2, 1, True), (1, 2, False)):
        told, on = reacted(TEC, "-", None)
        icans(told, at(on, -1, "09:00"), earlier)
        icans(told, at(on, 0, "09:30"), later)
        assert bool(given(told)[-1].stays) == counts


def test_a_reaction_that_is_written_down_late_or_corrected_changes_the_window():
    told, on = reacted(TEC, "-", None)
    when = at(on, 0, "13:00")
    assert not told.assess(when).watch.in_window
    icans(told, at(on, -6, "18:00"), 2)
    resolved(told, "icans", at(on, -5, "09:00"))
    told.events[-3]["recorded_at"] = told.events[-2]["recorded_at"] = instant(at(on, 0, "12:30")).isoformat()
    assert told.assess(when).watch.in_window
    scored = told.events[-3]
    told.tell("ice_assessed", at(on, -6, "18:00"), total_0_10=8, supersedes=scored["id"], reason="read the wrong line")
    told.events[-3]["ice_event"] = told.events[-1]["id"]
    assert not told.assess(when).watch.in_window and given(told)[-1].stays == ()


@pytest.mark.parametrize("how", ["assessed", "suspected", "over"])
def test_a_reaction_without_a_known_grade_keeps_the_window_open_and_is_said(how: str):
    told, on = reacted(TEC, "crs", None) if how == "assessed" else reacted(TEC, "-", None)
    if how != "assessed":
        told.tell("checkin_received", at(on, -1, "09:00"), temperature_c="38.4")
    if how == "over":
        resolved(told, "crs", at(on, -1, "20:00"))
    last, unknown = given(told)[-1], "the grade of the CRS episode is not known"
    assert last.reaction_unknown == unknown
    assert {(stay.setting, stay.hours) for stay in last.stays} == {("hospital", 48)}
    told.tell("home_status", at(on, 0, "11:00"), location="home")
    words = f"Cannot say which stay this label wants after {last.words()}: {unknown}"
    assert said(told, at(on, 2, "08:59")) == [
        "At home, while this label may ask for 48 h in hospital after treatment dose",
        words,
    ]
    assert said(told, at(on, 2, "09:00")) == []


def test_no_grade_of_an_earlier_reaction_opens_every_later_window():
    told, on = reacted(TEC, "crs", None)
    told.dose("treatment", at(on, 7, "09:00"), schedule="weekly")
    last = given(told)[-1]
    assert (last.stays, last.reaction_unknown, last.watched) == ((), None, False)


def test_a_suspicion_that_was_nothing_brings_no_stay():
    told, on = reacted(TEC, "-", None)
    told.tell("checkin_received", at(on, -1, "09:00"), temperature_c="38.4")
    crs(told, at(on, -1, "12:00"), 0)
    assert not given(told)[-1].watched


def test_a_label_without_a_row_for_the_reaction_keeps_the_window_open():
    told, _ = reacted(TEC, "icans", 1)
    bare = replace(load(TEC), after_toxicity=())
    rules, history = load_policy(), told.history()
    doses = given_doses(history)
    last = with_stays(doses, history, episodes(history, doses, rules), bare, rules)[-1]
    assert (last.stays, last.reaction_unknown) == ((), "this label has no rule for the dose after ICANS grade 1")
    assert last.watched and window_ends(last, rules) == last.event.at + timedelta(hours=48)


HOME = [
    # ICANS grade | at home after | departure signed at | said then
    (2, "11:00", None, ["At home, while this label asks for 48 h in hospital after treatment dose"]),
    (
        2,
        "11:00",
        -8,
        ["At home, while this label asks for 48 h in hospital after treatment dose"],
    ),  # before the reaction
    (2, "11:00", -1, []),
    (1, "11:00", None, []),
    (2, None, None, []),
]


@pytest.mark.parametrize(("grade", "home", "signed", "wanted"), HOME)
def test_at_home_against_the_stay_after_a_reaction_is_a_finding_until_a_departure_is_signed(
    grade, home, signed, wanted
):
    told, on = reacted(TEC, "icans", grade)
    if signed is not None:
        told.tell("departure_signed", at(on, signed, "08:00"), rule="setting", reason="home", approver="synthetic")
    if home is not None:
        told.tell("home_status", at(on, 0, home), location="home")
    assert said(told, at(on, 2, "08:59")) == wanted
    assert said(told, at(on, 2, "09:00")) == []


LEFT = [((1, "20:00"), "35.0"), ((2, "08:54"), "47.9"), ((2, "09:00"), None), ((2, "20:00"), None)]


@pytest.mark.parametrize(("left", "hours"), LEFT)
def test_leaving_hospital_before_the_stay_after_a_reaction_is_over_is_a_finding(left, hours):
    told, on = reacted(TEC, "icans", 2)
    told.tell("home_status", at(on, 0, "08:00"), location="hospital")
    told.tell("home_status", at(on, *left), location="home")
    words = [f"Watched for {hours} h after treatment dose; this label asks for 48 h"] if hours else []
    assert said(told, at(on, 3, "09:00")) == words


def test_a_step_with_a_stay_of_its_own_keeps_the_longer_and_the_stricter_of_each():
    """Elranatamab step-up dose 2: 24 h in hospital by its step; 48 h near a facility after CRS of grade 2 with step-up dose 1."""
    for grade, hours in ((1, 24), (2, 48)):
        told = Told(ELR)
        told.dose("step_up_1", "2026-03-02 09:00")
        crs(told, "2026-03-02 18:00", grade)
        resolved(told, "crs", "2026-03-03 09:00")
        told.dose("step_up_2", "2026-03-05 09:00")
        told.tell("home_status", "2026-03-05 10:00", location="home")
        for when, asked in ((hours - 1, True), (hours, False)):
            words = f"At home, while this label asks for {hours} h in hospital after step-up dose 2"
            now = (instant("2026-03-05 09:00") + timedelta(hours=when)).isoformat()
            assert said(told, now) == ([words] if asked else []), (grade, when)
        assert civil(told.assess("2026-03-05 10:00").watch.window_ends) == "2026-03-07 09:00"
        stays = given(told, ELR)[-1].stays
        for observed, early in ((Decimal(hours), False), (Decimal(hours) - Decimal("0.1"), True)):
            found = early_discharge_finding(load(ELR), step="step_up_2", hours_observed=observed, carried=stays)
            assert (found is not None) == early


def test_a_dose_on_an_unknown_day_hides_no_reaction_before_it():
    told, on = reacted(TEC, "icans", 2)
    told.events[-1] |= {"started_at": None}
    told.dose("treatment", at(on, 7, "09:00"), schedule="weekly")
    assert [bool(dose.stays) for dose in given(told)[-2:]] == [True, True]


def test_who_signed_before_a_dose_on_an_unknown_day_did_not_know_of_the_reaction_to_it():
    told, on = reacted(TEC, "icans", 2)
    told.events[-1] |= {"started_at": None}
    told.tell("departure_signed", at(on, -1, "08:00"), rule="setting", reason="home", approver="synthetic")
    told.dose("treatment", at(on, 7, "09:00"), schedule="weekly")
    told.tell("home_status", at(on, 7, "11:00"), location="home")
    asked = ["At home, while this label asks for 48 h in hospital after treatment dose"]
    assert said(told, at(on, 8, "09:00")) == asked
    told.tell("departure_signed", at(on, 0, "09:00"), rule="setting", reason="home", approver="synthetic")
    assert said(told, at(on, 8, "09:00")) == []


def test_a_stay_longer_than_the_window_of_the_policy_keeps_it_open_and_a_later_dose_does_not_close_it():
    told, _ = reacted(TEC, "icans", 2)
    rules, history, last = load_policy(), told.history(), given(told)[-1]
    for hours, over in ((24, 48), (48, 48), (49, 49), (72, 72)):
        longer = replace(last, stays=(replace(last.stays[0], hours=hours), replace(last.stays[0], hours=None)))
        ends = last.watch_begins + timedelta(hours=over)
        assert window_ends(longer, rules) == ends
        soon = replace(longer, at=last.watch_begins + timedelta(hours=1), stays=last.stays)
        for doses in ([longer], [longer, replace(soon, event=replace(soon.event, at=soon.at))]):
            latest = max(window_ends(dose, rules) for dose in doses)
            assert [watch(history, doses, rules, latest - step).watch.in_window for step in (TICK, 0 * TICK)] == [
                True,
                False,
            ]


def test_a_reaction_that_began_before_a_dose_and_went_on_after_it_counts_for_the_next_one_too():
    """Open since a suspicion before the dose before, it is worse after it: that is no reaction of long ago."""
    for toxicity, worse in (("crs", crs), ("icans", icans)):
        told, on = reacted(TEC, "-", None)
        telling = {"temperature_c": "38.4"} if toxicity == "crs" else {"home_neuro": {"year": "wrong"}}
        told.tell("checkin_received", at(on, -8, "20:00"), **telling)
        worse(told, at(on, -6, "09:00"), 3)
        resolved(told, toxicity, at(on, -5, "09:00"))
        last = given(told)[-1]
        assert {(stay.setting, stay.hours) for stay in last.stays} == {("hospital", 48)}, toxicity
        told.events.remove(next(e for e in told.events if e["id"] == last.event.id))
        carried = told.assess(at(on, 0, "08:00")).next_dose.carried_rows
        assert carried and all(name.lower().startswith(toxicity) for name in carried), toxicity


def test_a_dose_on_an_unknown_day_may_have_come_first_and_its_fever_keeps_the_window_of_the_other_open():
    told = Told()
    told.tell("checkin_received", "2026-03-08 20:00", temperature_c="38.4")
    told.dose("treatment", "2026-03-09 09:00")
    told.dose("step_up_1", "2026-03-10 09:00", started_at=None)
    assert given(told)[0].reaction_unknown == "the grade of the CRS episode is not known"


UNSURE = [
    # what is not known of the dose | said at home until 48 h after it
    ({"started_at": None}, "step-up dose 1"),
    ({"step": None}, "a dose of an unknown step"),
]


@pytest.mark.parametrize(("changes", "words"), UNSURE)
def test_a_dose_of_which_something_is_not_known_does_not_silence_that_the_patient_is_at_home(changes, words):
    told = Told()
    told.tell("dose_given", "2026-03-02 09:00", **{"step": "step_up_1", **changes})
    told.tell("home_status", "2026-03-02 11:00", location="home")
    asked = [f"At home, while this label may ask for 48 h in hospital after {words}"]
    assert said(told, "2026-03-04 08:59") == asked
    assert said(told, "2026-03-04 09:00") == []
    assert civil(told.assess("2026-03-04 08:59").look_again_at) <= "2026-03-04 09:00"


def test_a_dose_on_an_unknown_day_hides_no_stay_of_another():
    told = Told()
    told.dose("step_up_1", "2026-03-02 09:00")
    told.dose("treatment", "2026-03-02 10:00", started_at=None)
    told.tell("home_status", "2026-03-02 11:00", location="home")
    assert said(told, "2026-03-03 09:00") == [
        "At home, while this label asks for 48 h in hospital after step-up dose 1"
    ]


@pytest.mark.parametrize("toxicity", ["crs", "icans"])
def test_a_dose_that_is_given_although_the_label_stops_the_drug_is_watched_no_less_than_after_a_milder_reaction(
    toxicity,
):
    for grade in (3, 4):
        told, on = reacted(TEC, toxicity, grade)
        last = given(told)[-1]
        assert last.watched and {(stay.setting, stay.hours) for stay in last.stays} == {("hospital", 48)}, grade
        assert told.assess(at(on, 1, "09:00")).watch.in_window, grade
    assert last.reaction_unknown == f"this label names no stay for a dose after {toxicity.upper()} grade 4"
