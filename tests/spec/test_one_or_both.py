"""Where one of two facts is enough, and where both must be there: each with the one alone, the other alone, and both."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from handrail.rules.amount import check_given, split
from handrail.rules.answer import Amount
from handrail.rules.daily import daily
from handrail.rules.departures import departures
from handrail.rules.doses import given_doses
from handrail.rules.episodes import episodes
from handrail.rules.holds import holds
from handrail.rules.policy import load_policy
from handrail.rules.protocol import FOLDER, load, load_text
from handrail.rules.terms import Action, Status
from tests.support.courses import ELRA, TEC, Told, instant, well

SUD1, SUD2, SUD3, FTD, TD = "step_up_1", "step_up_2", "step_up_3", "first_treatment", "treatment"
TAL = "talquetamab/US/2023-08/mono"
ELRA_OLD = "elranatamab/US/2023-08"
POLICY = load_policy()
Fact = tuple[str, str, dict[str, Any]]


def treated(key: str = TEC, doses: int = 4, **header: Any) -> Told:
    told = Told(key, **header)
    for step, day in ((SUD1, "02"), (SUD2, "05"), (FTD, "09"), (TD, "16"))[:doses]:
        told.dose(step, f"2026-03-{day} 09:00")
    return told


# --- the next dose ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("intent", ["step_up", None])
def test_a_start_without_its_intent_is_no_start(intent: str | None):
    told = Told(intent=intent)
    well(told, "2026-03-02 08:00")
    answer = told.assess("2026-03-02 09:00")
    known = intent is not None
    assert ("the start of this course is not on record" in answer.next_dose.because) is not known
    assert ("course_started.intent" in [each.missing for each in answer.cannot_say]) is not known


@pytest.mark.parametrize(
    # label | schedule of the course | what is said of the first dose
    ("key", "schedule", "action"),
    [
        (TEC, "weekly", Action.GIVE),
        (TEC, "every_4_weeks", Action.ASK),  # known, and not in this label
        (TAL, None, Action.ASK),  # two ways to start, and nobody has chosen
    ],
)
def test_the_first_dose_needs_a_schedule_of_its_label(key: str, schedule: str | None, action: Action):
    told = Told(key, schedule=schedule)
    well(told, "2026-03-02 08:00")
    dose = told.assess("2026-03-02 09:00").next_dose
    assert dose.action is action
    assert ("the schedule is not known or not in this label" in dose.because) is (action is Action.ASK)


@pytest.mark.parametrize(
    # schedule chosen after step-up dose 2 every two weeks, whose row is here the more cautious one | what is said
    ("then", "words"),
    [("every_2_weeks", None), ("weekly", "step-up dose 3 belongs to another schedule than the one in force")],
)
def test_a_step_that_the_schedule_in_force_does_not_have_is_not_given(then: str, words: str | None):
    text = (FOLDER / "talquetamab_us_2023-08.toml").read_text()
    row = text.index('id = "SUD2-Q2W-WINDOW"')
    label = load_text(text[:row] + text[row:].replace('action = "give"', 'action = "repeat"', 1))
    told = Told(TAL, schedule="every_2_weeks")
    told.dose(SUD1, "2026-03-02 09:00")
    told.dose(SUD2, "2026-03-05 09:00")
    told.tell("schedule_changed", "2026-03-06 09:00", schedule=then)
    well(told, "2026-03-08 08:00")
    dose = told.assess("2026-03-08 09:00", protocol=label).next_dose
    assert dose.action is (Action.REPEAT if words is None else Action.ASK)
    assert words is None or words in dose.because


@pytest.mark.parametrize(
    # days after a weekly treatment dose | answer | with the premedication of the step-up doses again
    ("day", "action", "premedicated"),
    [(7, Action.CONTINUE, False), (20, Action.GIVE, True)],
)
def test_premedication_comes_again_where_the_row_says_so_although_no_dose_is_repeated(
    day: int, action: Action, premedicated: bool
):
    told = treated(ELRA_OLD)
    visit = f"{date(2026, 3, 16 + day) if day < 16 else date(2026, 4, day - 15)}"
    well(told, f"{visit} 08:00")
    dose = told.assess(f"{visit} 09:00").next_dose
    assert (dose.action, bool(dose.premedication)) == (action, premedicated)


@pytest.mark.parametrize(
    # schedule of the course | chosen before the restart | the interval after it is asked for
    ("first", "chosen", "asked"),
    [
        ("weekly", None, False),
        ("weekly", "weekly", False),  # chosen, and the usual one
        ("weekly", "every_2_weeks", True),
        ("every_2_weeks", None, True),
    ],
)
def test_only_a_longer_interval_before_a_restart_leaves_the_next_one_open(first: str, chosen: str | None, asked: bool):
    told = Told(ELRA_OLD, schedule=first)
    if chosen:
        told.tell("schedule_changed", "2026-03-10 09:00", schedule=chosen, response="PR", response_since="2026-01-01")
    given = ((SUD1, "03-02"), (SUD2, "03-05"), (FTD, "03-09"), (TD, "03-16"))
    for step, day in (*given, (SUD1, "06-16"), (SUD2, "06-19"), (FTD, "06-23")):
        told.dose(step, f"2026-{day} 09:00", schedule="weekly")
    well(told, "2026-06-30 08:00")
    dose = told.assess("2026-06-30 09:00").next_dose
    assert ("which interval follows" in dose.because) is asked
    assert dose.action is (Action.ASK if asked else Action.CONTINUE)


def test_the_steps_after_a_restart_go_on_before_the_interval_is_asked_for():
    told = treated(ELRA_OLD)
    told.tell("schedule_changed", "2026-03-17 09:00", schedule="every_2_weeks", response="PR")
    told.dose(SUD1, "2026-06-16 09:00", schedule="weekly")
    well(told, "2026-06-19 08:00")
    assert "which interval follows" not in told.assess("2026-06-19 09:00").next_dose.because


def test_a_dose_that_is_withheld_shows_the_whole_answer_that_it_would_have():
    told = treated(ELRA, doses=1)
    well(told, "2026-03-05 08:00")
    before = told.assess("2026-03-05 09:00").next_dose
    told.tell("hold_started", "2026-03-05 08:30", because="surgery")
    dose = told.assess("2026-03-05 09:00").next_dose
    kept = dose.would_be
    assert before.action.gives and dose.action is Action.HOLD and kept is not None
    assert (kept.action, kept.step, kept.row) == (before.action, before.step, before.row)
    assert (kept.words, kept.status, kept.amount) == (before.because, before.status, before.amount)
    assert None not in (kept.row, kept.words, kept.status, kept.amount)


@pytest.mark.parametrize(
    # what was noted of a condition | a row of the label about any condition withholds
    ("noted", "asked"),
    [
        ({"what": None, "active": True}, True),  # it may be any of them
        ({"what": None}, True),
        ({"what": None, "active": False}, False),
        ({"active": True}, False),  # nobody was asked which
    ],
)
def test_a_condition_of_an_unknown_name_is_asked_about_unless_it_is_over(noted: dict[str, Any], asked: bool):
    told = Told(TAL, schedule="weekly")
    told.tell("condition_noted", "2026-03-02 08:00", **noted)
    history = told.history()
    found = holds(history, episodes(history, (), POLICY), POLICY, load(TAL))
    assert bool([hold for hold in found if hold.what != "infection"]) is asked


# --- what was given -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # mg | body weight | judged against the band
    ("mg", "weight", "differs"),
    [(None, "70", False), ("1", None, False), ("1", "70", True), (None, None, False)],
)
def test_an_amount_is_compared_where_both_it_and_the_weight_are_known(
    mg: str | None, weight: str | None, differs: bool
):
    said = check_given(
        load(TEC),
        step=FTD,
        schedule="weekly",
        dose_mg=Decimal(mg) if mg else None,
        dose_mg_per_kg=None,
        weight_kg=Decimal(weight) if weight else None,
    )
    assert (said is not None) is differs


@pytest.mark.parametrize(
    # mL | syringes | mL of one
    ("ml", "syringes", "share"),
    [(None, None, None), ("3", 2, "1.5"), ("3", None, "3"), ("0", 0, "0"), ("1", 1, "1")],
)
def test_the_share_of_one_syringe(ml: str | None, syringes: int | None, share: str | None):
    amount = Amount(
        mg=Decimal(30),
        ml=Decimal(ml) if ml else None,
        vials=None,
        syringes=syringes,
        basis="flat",
        row="X",
        status=Status.SOURCED,
    )
    assert split(amount).ml == (Decimal(share) if share else None)


def differing(told: Told) -> list[str]:
    history = told.history()
    return departures(history, given_doses(history), load(told.key))[0]


@pytest.mark.parametrize(
    # the only dose of the course | it differs from the protocol, in words
    ("fields", "words"),
    [
        ({"step": SUD1}, None),
        ({"step": SUD2}, "the label starts with step-up dose 1"),
        ({"step": None}, None),  # asked about elsewhere
        ({"step": SUD2, "started_at": None}, None),
        ({"step": SUD1, "schedule": None}, "the schedule was asked and is not known"),
        ({"step": SUD1, "schedule": "every_8_weeks"}, "no such step on this schedule"),
        ({"step": SUD3, "schedule": "weekly"}, "no such step on this schedule"),
        ({"step": SUD3, "schedule": "weekly", "strengths_mg_per_ml": ["2"]}, "no such step on this schedule"),
        ({"step": SUD1, "schedule": "every_8_weeks", "strengths_mg_per_ml": ["2"]}, "no such step on this schedule"),
        ({"step": SUD1, "dose_mg": None}, "the amount was asked and is not known"),
        ({"step": SUD1, "dose_mg_per_kg": None}, "the amount was asked and is not known"),
        ({"step": SUD1, "dose_mg": "0.7", "weight_kg": None}, "the amount was asked and is not known"),
        ({"step": SUD1, "weight_kg": None}, None),  # no amount stands beside it
    ],
)
def test_how_the_first_dose_may_differ(fields: dict[str, Any], words: str | None):
    told = Told(TAL, schedule="weekly")
    told.tell("dose_given", "2026-03-02 09:00", **fields)
    said = differing(told)
    assert len(said) == (0 if words is None else 1)
    assert words is None or words in said[0]


def test_a_dose_whose_schedule_nobody_has_chosen_differs():
    told = Told(TAL, schedule=None)  # two ways to start
    told.dose(SUD1, "2026-03-02 09:00")
    assert "the schedule was asked and is not known" in differing(told)[0]


def test_a_course_that_continues_elsewhere_may_begin_with_any_step():
    told = Told(TAL, schedule="weekly", intent="continuation")
    told.dose(SUD2, "2026-03-02 09:00")
    assert differing(told) == []


@pytest.mark.parametrize("before", [{"step": None}, {"step": SUD1, "started_at": None}])
def test_a_dose_after_one_that_is_not_known_is_not_judged(before: dict[str, Any]):
    told = Told()
    told.tell("dose_given", "2026-03-02 09:00", **before)
    told.dose(FTD, "2026-03-03 09:00")
    assert differing(told) == []


def test_a_dose_too_early_names_the_day_from_which_it_was_due():
    told = treated(doses=1)
    told.dose(SUD2, "2026-03-03 09:00")
    (said,) = differing(told)
    assert "given before Wed 4 Mar 2026, the earliest day" in said


@pytest.mark.parametrize(
    # who signs a departure for the dose, and why | it is signed
    ("reason", "approver", "signed"),
    [("vacation", "dr-1", True), (None, "dr-1", False), ("vacation", None, False), (None, None, False)],
)
def test_a_departure_needs_a_reason_and_a_person(reason: str | None, approver: str | None, signed: bool):
    told = treated(doses=1)
    early = told.dose(SUD2, "2026-03-03 09:00")
    told.tell("departure_signed", "2026-03-03 10:00", rule=f"dose_given:{early}", reason=reason, approver=approver)
    assert (differing(told) == []) is signed


def test_doses_stand_in_the_order_in_which_they_were_given():
    told = Told()
    told.dose(SUD2, "2026-03-05 09:00", started_at=instant("2026-03-05 08:50").isoformat())
    told.dose(SUD1, "2026-03-06 09:00", started_at=instant("2026-03-02 09:00").isoformat())  # charted late
    told.tell("dose_given", "2026-03-04 09:00", step=SUD1, started_at=None)
    assert [(dose.step, dose.on and dose.on.day) for dose in given_doses(told.history())] == [
        (SUD1, 2),
        (SUD1, None),
        (SUD2, 5),
    ]


# --- the days after a dose ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # charted | the dose began | the first day that is asked about
    ("charted", "started", "first"),
    [
        ("2026-03-03 10:00", "2026-03-02 09:00", "2026-03-02"),  # the day after
        ("2026-03-02 09:00", "2026-03-02 09:00", "2026-03-02"),
        ("2026-03-02 23:50", "2026-03-03 00:10", "2026-03-03"),  # charted as it was drawn up
        ("2026-03-02 09:00", None, "2026-03-02"),  # its day is not known
    ],
)
def test_the_days_are_counted_from_the_day_of_the_dose(charted: str, started: str | None, first: str):
    told = Told()
    told.dose(SUD1, charted, started_at=instant(started).isoformat() if started else None)
    history = told.history()
    found = daily(history, given_doses(history), POLICY, instant("2026-03-03 12:00"))
    assert str(found.days[0].on) == first


@pytest.mark.parametrize(
    # recorded on the day for which it is booked | the reason that is shown
    ("begun", "because"),
    [(False, "booked"), (True, "not recorded by")],
)
def test_what_is_booked_says_so_or_what_it_still_lacks(begun: bool, because: str):
    told = Told()
    told.dose(SUD1, "2026-03-02 09:00")
    row = next(day for day in POLICY.daily.day)
    told.tell(
        "visit_planned",
        "2026-03-02 10:00",
        on="2026-03-03",
        who_role=row.roles[0],
        contact="in_person",
        starts_at=instant("2026-03-03 15:00").isoformat(),
    )
    if begun:
        told.tell("crs_assessed", "2026-03-03 09:00", by={"role": row.roles[0], "id": "x"}, tmax_c="36.8")
    history = told.history()
    found = daily(history, given_doses(history), POLICY, instant("2026-03-03 12:00"))
    state = next(each for each in found.days if str(each.on) == "2026-03-03")
    assert (state.state, because in state.because) == ("booked", True)


# --- reactions and reports ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # an infection noted by its name, whether it is there is not known; then said of it | still in question
    ("then", "in_question"),
    [(None, True), ("pneumonia", False), ("sepsis", True), ("infection", False)],
)
def test_an_infection_that_may_be_there_ends_under_its_own_name(then: str | None, in_question: bool):
    told = Told()
    told.tell("condition_noted", "2026-03-02 08:00", what="pneumonia", active=None)
    if then is not None:
        told.tell("condition_noted", "2026-03-02 09:00", what=then, active=False)
    history = told.history()
    found = episodes(history, (), POLICY).infection
    assert (found.current is not None) is in_question


@pytest.mark.parametrize(
    # the ICE score after a dose: total, stored as baseline | ICANS is in question, suspected, or neither
    ("total", "baseline", "open_"),
    [
        (None, None, (None, False)),
        (None, True, None),  # a baseline that could not be taken says nothing
        (10, None, None),
        (7, None, (True, True)),
        (7, True, (True, True)),  # it never makes a loss the new normal
    ],
)
def test_which_ice_score_points_to_icans(
    total: int | None, baseline: bool | None, open_: tuple[bool | None, bool] | None
):
    told = Told()
    told.tell("ice_assessed", "2026-03-02 08:00", total_0_10=10, baseline=True)
    told.dose(SUD1, "2026-03-02 09:00")
    told.tell("ice_assessed", "2026-03-03 09:00", total_0_10=total, **({"baseline": baseline} if baseline else {}))
    history = told.history()
    found = episodes(history, given_doses(history), POLICY).icans
    assert ((found.state.open, found.state.suspected) if found.current else None) == open_


@pytest.mark.parametrize(
    # the home confusion check | what is said of it
    ("home_neuro", "words"),
    [
        ({"date": "not_done", "name": "right"}, "home confusion check, not answered: date"),
        ({"date": "wrong", "name": "not_done"}, "home confusion check, wrong: date; not answered: name"),
        ({"date": "wrong", "name": "right"}, "home confusion check, wrong: date"),
        (None, "home confusion check, not answered: all"),
    ],
)
def test_what_a_confusion_check_lacks(home_neuro: dict[str, str] | None, words: str):
    told = treated(doses=1)
    told.tell("checkin_received", "2026-03-03 09:00", temperature_c="36.8", symptoms=[], home_neuro=home_neuro)
    assert words in told.assess("2026-03-03 09:01").triage.because


@pytest.mark.parametrize(
    # interval chosen after a few weeks | it is not yet what this label asks for
    ("wanted", "said"),
    [("every_2_weeks", True), ("every_4_weeks", False)],  # the label has no way from weekly to every 4 weeks
)
def test_only_the_row_from_this_interval_to_that_one_is_asked(wanted: str, said: bool):
    told = treated(ELRA)
    told.tell("schedule_changed", "2026-03-17 09:00", schedule=wanted, response="PR")
    assert (
        any("is not yet what this label asks for" in each.what for each in told.assess("2026-03-17 10:00").findings)
        is said
    )
