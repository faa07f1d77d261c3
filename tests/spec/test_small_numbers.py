"""Small numbers that other tables do not look at one by one: counts, defaults, first and last of several, the smallest that loads."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest

from handrail.rules.accountability import AHEAD, cuts, holes
from handrail.rules.amount import mixing_refused
from handrail.rules.answering import TASKS, accountable, standing_of
from handrail.rules.assess import assess
from handrail.rules.caredata import FOLDER
from handrail.rules.checks import checks
from handrail.rules.contact import contact
from handrail.rules.coursefile import event_from_json
from handrail.rules.doses import given_doses
from handrail.rules.eligibility import DATE, Before, indication
from handrail.rules.emergency import emergency_from_toml
from handrail.rules.episodes import episodes
from handrail.rules.events import Event, OnePoint
from handrail.rules.handoff_kind import handoff_kind, must_return
from handrail.rules.history import Limits
from handrail.rules.home_medicines import hidden_at
from handrail.rules.overlays import row_sha256
from handrail.rules.policy import load_policy, policy_from_document, shipped_document
from handrail.rules.policy_changes import named_rows
from handrail.rules.policy_handoff import HandoffPolicy
from handrail.rules.possible import explore
from handrail.rules.protocol import FOLDER as PRODUCTS
from handrail.rules.protocol import catalogue, load, load_text
from handrail.rules.rems import rems
from handrail.rules.responsibility import Rule, matrix_agreement, templates
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import NUMBERED_TREATMENTS, SCHEDULES, STEP_UP_STEPS, STEP_WORDS, civil_time_trouble
from handrail.rules.texting import read_text
from handrail.rules.triage import triage
from handrail.rules.upcoming import Upcoming
from handrail.rules.worksheet import fever_data, fever_from_toml
from tests.support.agreements import CLINIC, HUB, context, document
from tests.support.courses import TEC, Told, instant, well
from tests.support.grading import crs as graded_crs
from tests.support.grading import icans as graded_icans
from tests.support.handoffs import OFFERED, latest, offered, stepped_up
from tests.support.reactions import crs, icans, resolved
from tests.support.triage import stepping_up

POLICY = load_policy()
CHICAGO = "America/Chicago"


# --- where an answer about an agreement can change ----------------------------------------------------------------


def agreed(starts: str, ends: str) -> Any:
    """The shipped matrix of one organisation as if agreed in Chicago, with other clinic hours."""
    matrix = matrix_agreement(templates()[0])
    hours = replace(matrix.clinic_hours, starts=starts, ends=ends)
    return replace(matrix, time_zone=CHICAGO, clinic_hours=hours, valid_until=date(2027, 12, 31), task=())


@pytest.mark.parametrize("second", ["00", "30"])
@pytest.mark.parametrize("minute", ["00", "01", "30", "59"])
def test_a_clock_change_is_cut_at_its_very_minute(minute: str, second: str):
    """On 8 March 2026 the clocks of Chicago go forward at 08:00 UTC."""
    start = datetime.fromisoformat(f"2026-03-07T20:{minute}:{second}+00:00")
    found = cuts([agreed("08:00", "17:00")], start, start + timedelta(days=1))
    assert [at for at in found if start < at < datetime(2026, 3, 8, 12, tzinfo=UTC)] == [
        datetime(2026, 3, 7, 23, tzinfo=UTC),  # 17:00
        datetime(2026, 3, 8, 6, tzinfo=UTC),  # midnight
        datetime(2026, 3, 8, 8, tzinfo=UTC),  # the clocks
    ]


def test_a_civil_time_that_occurs_twice_is_cut_twice():
    start = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    found = cuts([agreed("01:30", "17:00")], start, start + timedelta(hours=3))
    assert found == [start + timedelta(hours=n) for n in (0, 1)] + [start + timedelta(hours=h) for h in (1.5, 2, 3)]


def test_an_agreement_is_looked_at_for_two_weeks():
    assert timedelta(days=14) == AHEAD
    start = datetime(2026, 3, 2, tzinfo=UTC)
    runs_out = replace(matrix_agreement(templates()[0]), valid_from=date(2026, 3, 1))
    for last, gap in ((date(2026, 3, 15), False), (date(2026, 3, 14), True)):
        found = holes([replace(runs_out, valid_until=last)], start)
        assert any(hole.task == "" for hole in found) is gap


def test_protocols_check_looks_at_a_template_for_the_month_of_january_2026():
    for matrix in templates():
        month = matrix_agreement(matrix)
        assert (month.valid_from, month.valid_until) == (date(2026, 1, 1), date(2026, 1, 31))


@pytest.mark.parametrize(
    # a night from Friday 17:00 on; looked at | it holds
    ("at", "holds"),
    [
        ("2026-03-06 16:59", False),
        ("2026-03-06 17:00", True),
        ("2026-03-07 07:59", True),
        ("2026-03-07 08:00", False),
        ("2026-03-07 17:00", False),
        ("2026-03-08 07:59", False),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_began(at: str, holds: bool):
    rule = Rule(party="hub", role="Nurse", days=("fri",), starts="17:00", ends="08:00")
    assert rule.holds(datetime.fromisoformat(at), None) is holds


def test_of_two_accepted_moves_the_one_that_begins_later_counts():
    """The clinic accepted first, for a later hour; the hub took the patient back in between."""
    told = Told()
    later = instant("2026-03-02 13:00").isoformat()
    told.tell("accountability_moved", "2026-03-02 09:00", to_party=CLINIC, accepted_by="somebody", from_at=later)
    told.tell("accountability_moved", "2026-03-02 10:00", to_party=HUB, accepted_by="somebody")
    for at, who in (("2026-03-02 12:59", HUB), ("2026-03-02 13:00", CLINIC)):
        assert told.assess(at).accountable == who


def test_a_move_that_begins_now_is_no_change_ahead():
    told = Told()
    told.tell("accountability_moved", "2026-03-02 09:00", to_party=CLINIC, accepted_by="somebody")
    for at, changes in (("2026-03-02 08:59", 1), ("2026-03-02 09:00", 0)):
        standing = standing_of(told.history(), instant(at), urgent=False, window_ends=None)
        assert len(accountable(standing, None, instant(at))[2]) == changes


# --- grades -------------------------------------------------------------------------------------------------------


def test_a_grade_0_while_the_episode_is_open_is_the_grade_that_stands():
    told = Told(TEC)
    told.dose("step_up_1", "2026-03-02 09:00")
    crs(told, "2026-03-03 02:00", 2)
    crs(told, "2026-03-03 12:00", 0)
    state = told.assess("2026-03-03 13:00").toxicity.crs
    assert (state.open, state.grade) == (True, 0)
    resolved(told, "crs", "2026-03-03 14:00")
    over = told.assess("2026-03-03 14:00").toxicity.crs
    assert (over.open, over.grade) == (False, 0)


@pytest.mark.parametrize(
    # grades, each four hours after the one before | hours of grade 1 or worse, 24 hours after the first
    ("grades", "hours"),
    [((1, 0), 4), ((1, 1), 24), ((2, 1, 0), 8), ((0, 1), 24)],
)
def test_a_grade_0_ends_how_long_a_grade_lasted(grades: tuple[int, ...], hours: int):
    told = Told(TEC)
    told.dose("step_up_1", "2026-03-02 09:00")
    for number, grade in enumerate(grades):
        crs(told, f"2026-03-03 {4 * number:02}:00", grade)
    history = told.history()
    (episode,) = episodes(history, given_doses(history), POLICY).crs.episodes
    assert episode.lasted_hours(1, episode.opened_at + timedelta(hours=24)) == hours


@pytest.mark.parametrize(
    # a clinician's grades of a condition that is there | the grade that counts
    ("grades", "counts"),
    [((None,), 1), ((2,), 2), ((3, None), 3), ((None, 2), 2), ((2, 3), 3), ((3, 2), 3)],
)
def test_a_condition_that_nobody_graded_counts_as_grade_1(grades: tuple[int | None, ...], counts: int):
    told = Told(TEC)
    for number, grade in enumerate(grades):
        told.tell("condition_noted", f"2026-03-03 0{number}:00", what="infection", active=True, grade=grade)
    history = told.history()
    (episode,) = episodes(history, given_doses(history), POLICY).infection.episodes
    assert (episode.grade, episode.grade_unknown) == (counts, None in grades)


@pytest.mark.parametrize(
    # inputs of CRS | at least | words of the reason
    ("changes", "at_least", "words"),
    [
        ({"hypotension": True, "premed_masking": True}, 0, "CRS is suspected and has no grade"),
        ({"hypotension": True}, 0, "which in CRS would be grade 2"),
        ({"tmax_c": "38.5", "hypotension": True}, 2, "hypotension without a vasopressor, grade 2"),
        ({"episode_open": True, "o2": "nasal_cannula", "flow": "2", "hypoxia_other": True}, 0, "CRS grade 0"),
        ({"tmax_c": "38.5", "o2": "nasal_cannula", "flow": None}, 2, "the flow is not known"),
        ({"tmax_c": "38.5", "pressors": None, "hypotension": True}, 2, "it may be 2, 3 or 4"),
        ({"tmax_c": None, "hypotension": None, "pressors": None, "o2": None}, 0, "it may be 0, 1, 2, 3 or 4"),
        ({"tmax_c": "38.5", "hypotension": True, "pressors": ["noradrenaline", "norepinephrine"]}, 3, "CRS grade 3"),
        ({"tmax_c": "38.5", "hypotension": True, "pressors": ["adrenaline", "noradrenaline"]}, 4, "CRS grade 4"),
        ({"tmax_c": "38.5", "hypotension": True, "pressors": ["argipressin", "vasopressin"]}, 3, "CRS grade 3"),
    ],
)
def test_the_least_grade_and_the_words_of_crs(changes: dict[str, Any], at_least: int, words: str):
    found = graded_crs(**changes)
    assert found.at_least == at_least
    assert words in found.because, found.because


def test_the_words_and_rows_of_icans():
    assert "lies from" not in graded_icans(ice=None).because
    (band,) = [row for row in graded_icans(ice=8).rows if "ICE" in row]
    assert graded_icans(ice=4).rows != graded_icans(ice=8).rows
    assert band not in graded_icans(ice=None).rows


def test_one_point_is_none_or_one():
    assert get_args(OnePoint) == (0, 1)


# --- what is not known, and which facts matter --------------------------------------------------------------------


def test_a_fact_that_cannot_move_the_answer_does_not_matter():
    found = explore({"a": (0, 1), "b": (0, 1), "c": (0, 1)}, lambda a, b, c: b)
    assert set(found.values_that_matter) == {"b"}
    assert found.answers == {0, 1}


# --- hand-offs ----------------------------------------------------------------------------------------------------


def returning(told: Told, at: str, **row: Any) -> list[str]:
    """The reasons to return, where the row of that id is another."""
    assert POLICY.handoff is not None
    rows = tuple(replace(each, **row) if each.id == row["id"] else each for each in POLICY.handoff.returns)
    policy = replace(POLICY, handoff=replace(POLICY.handoff, returns=rows))
    history = told.history()
    doses = given_doses(history)
    found = must_return(history, episodes(history, doses, policy), told.assess(at).next_dose, policy)
    return [each.id for each in found if each.id == row["id"]]


def suspected(told: Told, at: str) -> None:
    told.tell("checkin_received", at, temperature_c="38.4", symptoms=["confused"])


def some_infection(told: Told, at: str) -> None:
    told.tell("checkin_received", at, temperature_c="36.8", symptoms=["cough"])


@pytest.mark.parametrize(
    # what happened | the reason | at least | it is met
    ("happens", "reason", "least", "met"),
    [
        (suspected, "crs", "1", False),  # nobody has graded it
        (suspected, "crs", None, True),  # any at all
        (suspected, "icans", "1", False),
        (suspected, "icans", None, True),
        (lambda told, at: crs(told, at, 1), "crs", "1", True),
        (lambda told, at: crs(told, at, 1), "crs", "2", False),
        (lambda told, at: icans(told, at, 1), "icans", "1", True),
        (some_infection, "infection", "1", False),
        (some_infection, "infection", None, True),
    ],
)
def test_a_reason_to_return_without_a_limit_is_met_by_any_grade(
    happens: Any, reason: str, least: str | None, met: bool
):
    told = stepped_up()
    happens(told, "2026-03-17 12:00")
    limit = Decimal(least) if least is not None else None
    assert bool(returning(told, "2026-03-17 14:00", id=reason, least=limit)) is met


def test_without_crs_a_policy_that_allows_none_finds_none():
    assert POLICY.handoff is not None
    policy = replace(POLICY, handoff=replace(POLICY.handoff, simple_crs_grade=0))
    told, offer = offered(stepped_up())
    history = told.history()
    doses = given_doses(history)
    event = next(each for each in history.of("handoff_offered") if each.id == offer)
    found = handoff_kind(
        history, doses, episodes(history, doses, policy), told.assess(OFFERED).next_dose, policy, event.at, event
    )
    assert (found.kind, found.because) == ("simple", ())


def test_what_only_a_person_knows_is_asked_in_whole_sentences():
    told, _ = offered(
        stepped_up(), caregiver_or_access_problem=None, more_than_two_organisations=None, second_product_planned=None
    )
    assert latest(told.assess(OFFERED)).missing == (
        "whether there is a problem with the caregiver or the way to the clinic",
        "whether the care is split over more than two organisations",
        "whether a second product is planned",
    )


@pytest.mark.parametrize(("hours", "fits"), [(3600, True), (3601, False)])
def test_a_wait_ends_within_400_days(hours: int, fits: bool):
    """Nine hours a day, every day of the week."""
    assert POLICY.handoff is not None
    every_day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    rules: HandoffPolicy = replace(POLICY.handoff, days=every_day, starts="08:00", ends="17:00")
    begins = datetime(2026, 3, 2, 8, tzinfo=UTC)
    if fits:
        assert rules.working_after(begins, hours, "UTC") == begins + timedelta(days=399, hours=9)
    else:
        with pytest.raises(ProtocolDataError):
            rules.working_after(begins, hours, "UTC")


# --- calls, windows, days -----------------------------------------------------------------------------------------


def test_without_an_admission_policy_a_call_belongs_to_no_report_that_was_assessed_before_it():
    told = stepping_up()
    told.tell("checkin_received", "2026-03-06 15:00", symptoms=["shaking_chills"], caregiver_present=True)
    crs(told, "2026-03-06 15:10", 1)
    told.tell("ice_assessed", "2026-03-06 15:10", total_0_10=10)
    told.tell("contact_made", "2026-03-06 15:30", reached=True, outcome="coming_in", **{"with": "patient"})
    history, now = told.history(), instant("2026-03-06 15:40")
    doses = given_doses(history)
    for policy, waits in ((POLICY, True), (replace(POLICY, contact=None), False)):
        sorted_out = triage(history, doses, policy, now)
        found = contact(history, doses, episodes(history, doses, policy), sorted_out, policy, now)
        assert any("comes in" in task.what for task in found.tasks) is waits


@pytest.mark.parametrize(
    # the dose | days of its window
    ("given", "days"),
    [("2026-03-02 00:00:00.000001", 3), ("2026-03-02 00:00:00", 2), ("2026-03-02 00:00:00.000002", 3)],
)
def test_a_day_counts_while_an_instant_of_the_window_lies_on_it(given: str, days: int):
    told = Told()
    told.dose("step_up_1", given)
    assert len(told.assess("2026-03-02 09:00").daily) == days


def test_a_site_may_name_a_day_of_the_window_by_its_number():
    body = shipped_document()
    rows = body["daily"]["day"]
    other = next(row for row in rows if not row.get("days_after"))
    rows += [{**other, "id": "day_one", "days_after": [1]}, {**other, "id": "day_two", "days_after": [2]}]
    told = Told()
    told.dose("step_up_1", "2026-03-02 09:00")
    policy = policy_from_document(body, "0" * 64)
    days = [each.day for each in told.assess("2026-03-02 10:00", policy=policy).daily]
    assert days == ["dosing_day", "day_one", "day_two"]


@pytest.mark.parametrize(
    # a live vaccine on the day of the dose, the day before; the row names no days | it is said
    ("on", "said"),
    [("2026-03-02", False), ("2026-03-03", True)],
)
def test_a_warning_about_a_vaccine_without_days_is_about_what_comes_after_the_dose(on: str, said: bool):
    protocol = load(TEC)
    row = next(row for row in protocol.warning if row.check == "live_vaccine")
    told = Told(TEC, facts={"sex": "male"})
    told.tell("vaccine_noted", "2026-03-01 08:00", vaccine="a vaccine", live=True, given=False, on=on)
    changed = replace(protocol, warning=(replace(row, within_days=None),))
    dose = Upcoming(on=date(2026, 3, 2), zone=CHICAGO, first=False)
    assert bool(checks(changed, told.history(), dose).findings) is said


# --- labels -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # a revision that is named by its year | a day | the day from which it holds is asked for
    ("on", "asked"),
    [(date(2021, 12, 31), True), (date(2022, 1, 1), False), (date(2022, 1, 31), False)],
)
def test_a_revision_of_a_year_begins_on_its_first_day(on: date, asked: bool):
    protocol = load("teclistamab/EU/2022/mono")
    assert protocol.product.revision == "2022"
    row = replace(protocol.indication[0], in_force_from=None)
    known = Before(lines=5, classes=dict.fromkeys(row.prior_classes or (), True), progressed=True)
    found = indication(protocol, row, known, on)
    assert (DATE in [each.missing for each in found.missing]) is asked


def test_vials_that_are_mixed_name_the_row_of_the_first():
    protocol = load(TEC)
    ids = [row.id for row in protocol.strength]
    for first, second in ((ids[0], ids[1]), (ids[1], ids[0])):
        found = mixing_refused(protocol, (first, second))
        assert found is not None and found.because == protocol.row(first).words


def test_after_two_episodes_of_crs_glofitamab_waits_for_the_later_end():
    key = next(protocol.key for protocol in catalogue() if protocol.product.product == "glofitamab")
    told = Told(key)
    told.dose("step_up_1", "2026-03-09 09:00")
    for begins, ends in (("2026-03-09 20:00", "2026-03-10 09:00"), ("2026-03-11 09:00", "2026-03-14 09:00")):
        crs(told, begins, 1)
        resolved(told, "crs", ends)
    well(told, "2026-03-16 08:00")
    looks = told.assess("2026-03-16 09:00").look_again_at
    assert looks is not None and looks <= instant("2026-03-17 09:00")


def test_the_end_of_a_requirement_is_looked_at_on_the_day_after_its_last():
    row = load(TEC).rems[0]
    item = {"id": row.id, "citation": "c", "sha256": row_sha256(row)}
    item |= {"in_force_to": "2026-03-03", "confirmed_on": "2026-02-20"}
    protocol = load(TEC).with_overlays([{"protocol_key": TEC, "signed_by": "Synthetic Centre", "rows": [item]}])
    told = Told(TEC)
    dose = Upcoming(on=date(2026, 3, 3), zone=CHICAGO, first=True)
    assert instant("2026-03-04 00:00") in rems(protocol, POLICY, told.history(), dose, None).changes_at


# --- readers ------------------------------------------------------------------------------------------------------


def test_a_medicine_that_hides_no_fever_hides_none_for_an_hour():
    told = Told(TEC)
    told.tell("medicine_given", "2026-03-02 02:00", agent="aciclovir", dose_mg="400", purpose="home")
    for minutes in (0, 30, 59):
        assert hidden_at(told.history(), POLICY, instant("2026-03-02 02:00") + timedelta(minutes=minutes)) is None


def test_an_event_without_a_version_is_of_version_1():
    body = {"id": "00000000-0000-4000-8000-000000000001", "kind": "note_added", "at": "2026-03-02T09:00:00Z"}
    assert event_from_json({**body, "text": "a"}, zone="UTC").version == 1
    event = event_from_json({**body, "text": "a"}, zone="UTC")
    rest = {field.name: getattr(event, field.name) for field in fields(event) if field.name != "version"}
    assert Event(**rest).version == 1


def test_rows_without_a_name_are_counted_from_one():
    assert [name for name, _ in named_rows([{"a": 1}, {"a": 2}, {"id": "x"}, {"id": "x"}], "p")] == [
        "p.1", "p.2", "p.x", "p.x.2",
    ]  # fmt: skip


@pytest.mark.parametrize("number", [1, 2])
def test_a_limit_of_the_emergency_page_is_one_or_more(number: int):
    text = (FOLDER / "care" / "emergency.toml").read_text(encoding="utf-8")
    names = [
        line.split(" = ")[0]
        for line in text.splitlines()
        if " = " in line and line.split(" = ")[1].split()[0].isdigit()
    ]
    assert names
    for name in names:
        lines = [f"{name} = {number}" if line.startswith(f"{name} = ") else line for line in text.splitlines()]
        assert emergency_from_toml("\n".join(lines))


@pytest.mark.parametrize(("text", "understood"), [("38.4 c", True), ("38.4 c f", False), ("38.4 f f", False)])
def test_two_units_are_a_contradiction(text: str, understood: bool):
    known = {row.symptom for row in POLICY.triage.symptom}
    assert read_text(text, Limits(low=Decimal(30), high=Decimal(43)), known).understood is understood


def test_a_clock_of_the_fever_file_runs_for_a_minute_or_more():
    text = (FOLDER / "care" / "fever.toml").read_text(encoding="utf-8")
    clock = fever_data().clock[0]
    assert f"minutes = {clock.minutes}" in text
    assert fever_from_toml(text.replace(f"minutes = {clock.minutes}", "minutes = 1", 1)).clock[0].minutes == 1


def test_an_hour_after_midnight_at_which_another_party_answers_is_looked_at():
    night = (
        {"party": "hub", "starts": "00:30", "ends": "00:45"},
        {"party": "community", "starts": "00:45", "ends": "00:30"},
    )
    known = context(agreement=document(tasks=dict.fromkeys(TASKS, night)))
    told = Told(TEC, zone="UTC")
    now = datetime(2026, 3, 3, 0, 10, tzinfo=UTC)
    answer = assess(load(TEC), POLICY, told.history(), now, context=known)
    assert (answer.accountable, answer.look_again_at) == (CLINIC, now + timedelta(minutes=20))


@pytest.mark.parametrize(
    # civil time in Chicago | trouble
    ("day", "at", "trouble"),
    [
        (date(2026, 3, 8), time(1, 59), None),
        (date(2026, 3, 8), time(2, 30), "does not exist"),
        (date(2026, 3, 8), time(3, 0), None),
        (date(2026, 11, 1), time(0, 59), None),
        (date(2026, 11, 1), time(1, 30), "occurs twice"),
        (date(2026, 11, 1), time(2, 0), None),
    ],
)
def test_what_a_clock_change_does_to_a_civil_time(day: date, at: time, trouble: str | None):
    assert civil_time_trouble(day, at, CHICAGO) == trouble


def test_every_step_and_schedule_has_its_words():
    assert [STEP_WORDS[step] for step in NUMBERED_TREATMENTS] == [f"treatment dose {number}" for number in range(2, 13)]
    assert ("weekly", *(f"every_{number}_weeks" for number in (2, 3, 4, 5, 6, 7, 8))) == SCHEDULES
    assert len(STEP_UP_STEPS) == 6 and len(NUMBERED_TREATMENTS) == 11


def test_the_strengths_of_vials_are_read_as_numbers():
    body = {"id": "00000000-0000-4000-8000-000000000001", "kind": "dose_given", "at": "2026-03-02T09:00:00Z"}
    event = event_from_json({**body, "step": "step_up_1", "strengths_mg_per_ml": ["10", "90"]}, zone="UTC")
    assert event.body.strengths_mg_per_ml == (Decimal(10), Decimal(90))


def test_a_requirement_in_the_file_may_end_on_the_day_on_which_it_began():
    path = next(path for path in PRODUCTS.glob("teclistamab_us_2026-03_mono.toml"))
    text = path.read_text(encoding="utf-8")
    row = next(row for row in load(TEC).rems if row.in_force_from is not None)
    begins = row.in_force_from
    assert begins is not None and f"in_force_from = {begins}" in text
    for day, loads in ((begins, True), (begins - timedelta(days=1), False)):
        end = f'in_force_from = {begins}\nin_force_to = {day}\nconfirmed_by = "a"\nconfirmed_on = {begins}'
        changed = text.replace(f"in_force_from = {begins}", end, 1)
        if loads:
            assert load_text(changed).rems
        else:
            with pytest.raises(ProtocolDataError):
                load_text(changed)
