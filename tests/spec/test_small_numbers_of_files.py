"""Small numbers of files and of what is read from them: labels, defaults, rows without a name, the smallest that loads."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from handrail.rules.amount import mixing_refused
from handrail.rules.answering import TASKS
from handrail.rules.assess import assess
from handrail.rules.caredata import FOLDER
from handrail.rules.coursefile import event_from_json
from handrail.rules.eligibility import DATE, Before, indication
from handrail.rules.emergency import emergency_from_toml
from handrail.rules.events import Event
from handrail.rules.history import Limits
from handrail.rules.home_medicines import hidden_at
from handrail.rules.overlays import row_sha256
from handrail.rules.policy import load_policy
from handrail.rules.policy_changes import named_rows
from handrail.rules.protocol import FOLDER as PRODUCTS
from handrail.rules.protocol import catalogue, load, load_text
from handrail.rules.rems import rems
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import NUMBERED_TREATMENTS, SCHEDULES, STEP_UP_STEPS, STEP_WORDS, civil_time_trouble
from handrail.rules.texting import read_text
from handrail.rules.upcoming import Upcoming
from handrail.rules.worksheet import fever_data, fever_from_toml
from tests.support.agreements import CLINIC, context, document
from tests.support.courses import TEC, Told, instant, well
from tests.support.reactions import crs, resolved

POLICY = load_policy()
CHICAGO = "America/Chicago"


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
