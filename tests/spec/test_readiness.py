"""The gate of a dose: seventeen lines, ready only when all of them are green, and what two persons may override."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handrail.cli.care_checks import of_gate
from handrail.rules.caredata import FOLDER
from handrail.rules.evidence import Evidence
from handrail.rules.readiness import (
    DoseTime,
    Gate,
    LineState,
    Moment,
    Override,
    Verdict,
    gate_data,
    gate_from_toml,
    readiness,
)
from handrail.rules.strict import ProtocolDataError

DOSE = datetime(2026, 11, 3, 15, tzinfo=UTC)
NOON = DOSE - timedelta(hours=24)
AT = DoseTime(earliest=DOSE, latest=DOSE, zone="America/Chicago")
ROWS = gate_data().line
IDS = [row.id for row in ROWS]
TEXT = (FOLDER / "care" / "gate.toml").read_text(encoding="utf-8")


def met(until: datetime | None = None) -> Evidence:
    return Evidence(met=True, because="seen", owner="nurse", until=until)


def red() -> Evidence:
    return Evidence(met=False, because="not so", owner="nurse", next_step="mend it")


def unknown() -> Evidence:
    return Evidence(met=None, because="nobody said", owner="nurse", next_step="ask")


def gate(changed: dict[str, Evidence | None] | None = None, now: datetime = NOON, **asked: object) -> Gate:
    evidence = {line: met() for line in IDS} | (changed or {})
    return readiness(ROWS, {k: v for k, v in evidence.items() if v}, asked.pop("dose", AT), now, **asked)  # type: ignore[arg-type]


def line(found: Gate, name: str):
    return next(each for each in found.lines if each.row.id == name)


def signed(name: str, state: LineState = LineState.RED, **fields: Any) -> Override:
    because = {LineState.RED: "not so", LineState.NOT_KNOWN: "nobody said"}.get(state, "seen")
    told: dict[str, Any] = {
        "because": because,
        "reason": "no other way",
        "prescriber": "one",
        "second": "two",
        "at": NOON,
    }
    return Override(line=name, state=state, **{**told, **fields})


def test_the_shipped_file_has_seventeen_lines_and_nothing_is_wrong_with_it():
    assert list(of_gate(gate_data())) == []
    assert [row.number for row in ROWS] == list(range(1, 18))
    assert {row.id for row in ROWS if row.override == "never"} == {"infection", "reactions"}
    assert {row.id for row in ROWS if row.override == "unless"} == {"order", "rems"}
    assert (gate_data().weight.days, gate_data().when.upcoming_days) == (7, 7)
    with pytest.raises(KeyError):
        gate_data().row("no such line")


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("number = 17", "number = 18"),
        ("last_hours = 4 ", "last_hours = 24 "),
        ("last_hours = 4 ", "last_hours = 0 "),
        ("upcoming_days = 7 ", "upcoming_days = 0 "),
        ("near_days = 3 ", "near_days = 0 "),
        ("days = 7 ", "days = 0 "),
        ("\nhours = 72 ", "\nhours = 0 "),
        ('source = ["HANDRAIL"]', 'source = ["NOBODY"]'),
        ('id = "rota"', 'id = "visits"'),
        ('override = "never"', 'override = "seldom"'),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(good, bad):
    assert good in TEXT
    with pytest.raises(ProtocolDataError):
        gate_from_toml(TEXT.replace(good, bad, 1))


def test_it_is_ready_only_when_every_line_is_green():
    assert gate().ready
    assert gate().verdict is Verdict.READY
    for name in IDS:
        for state, evidence in ((LineState.RED, red()), (LineState.NOT_KNOWN, unknown()), (LineState.NOT_KNOWN, None)):
            found = gate({name: evidence})
            assert line(found, name).state is state
            assert not found.ready
            assert found.verdict is Verdict.NOT_READY
            assert [each.row.id for each in found.open] == [name]


def test_a_line_that_nobody_answers_names_its_owner_and_what_comes_next():
    found = line(gate({"travel": None}), "travel")
    assert (found.owner, found.next_step) == ("coordinator", "find out and record it")


def test_without_a_planned_dose_nothing_is_ready():
    found = gate(dose=None)
    assert not found.open
    assert (found.ready, found.verdict, found.moment) == (False, Verdict.NOT_READY, Moment.EARLY)


def test_reds_come_before_what_is_not_known():
    found = gate({"order": unknown(), "consent": red(), "rota": red()})
    assert [each.row.id for each in found.open] == ["rota", "consent", "order"]


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("until", "now", "state", "words"),
    [
        (DOSE + SECOND, NOON, LineState.GREEN, "seen"),
        (DOSE, NOON, LineState.RED, "it ends Tue 3 Nov 2026 09:00 CST, before the dose"),
        (NOON + SECOND, NOON, LineState.RED, "before the dose"),
        (NOON, NOON, LineState.RED, "that has ended"),
        (NOON - SECOND, NOON, LineState.RED, "that has ended"),
        (None, NOON, LineState.GREEN, "seen"),
    ],
)
def test_what_ends_before_the_dose_is_said_a_day_before(until, now, state, words):
    found = line(gate({"card": met(until)}, now), "card")
    assert found.state is state
    assert words in found.because
    assert (found.next_step is None) is (state is LineState.GREEN)


def test_while_the_hour_is_not_known_it_must_hold_to_the_end_of_the_day():
    day = replace(AT, latest=DOSE + timedelta(hours=15))
    assert line(gate({"card": met(DOSE + timedelta(hours=14))}, dose=day), "card").state is LineState.RED
    assert line(gate({"card": met(DOSE + timedelta(hours=16))}, dose=day), "card").state is LineState.GREEN
    with pytest.raises(ValueError, match="ends after it begins"):
        replace(AT, latest=DOSE - SECOND)


@pytest.mark.parametrize(
    ("before", "moment"),
    [
        (timedelta(hours=24, seconds=1), Moment.EARLY),
        (timedelta(hours=24), Moment.DAY_BEFORE),
        (timedelta(hours=4, seconds=1), Moment.DAY_BEFORE),
        (timedelta(hours=4), Moment.AT_DOSE),
        (timedelta(0), Moment.AT_DOSE),
        (-timedelta(hours=2), Moment.AT_DOSE),
    ],
)
def test_which_look_it_is(before, moment):
    assert gate(now=DOSE - before).moment is moment


# --- overrides ------------------------------------------------------------------------------------------------------------


def test_an_override_never_makes_the_gate_ready():
    found = gate({"travel": red()}, overrides=[signed("travel")])
    assert line(found, "travel").override == signed("travel")
    assert line(found, "travel").open
    assert (found.ready, found.verdict) == (False, Verdict.UNDER_OVERRIDE)
    more = gate({"travel": red(), "visits": unknown()}, overrides=[signed("travel")])
    assert more.verdict is Verdict.NOT_READY


@pytest.mark.parametrize("name", [row.id for row in ROWS if row.override == "never"])
@pytest.mark.parametrize("evidence", [red(), unknown(), None])
def test_a_line_that_is_never_overridden_bars_it(name, evidence):
    state = LineState.RED if evidence == red() else LineState.NOT_KNOWN
    found = gate({name: evidence}, overrides=[signed(name, state)])
    assert line(found, name).barred == f"nobody overrides this: {line(found, name).row.words}"
    assert line(found, name).override is None
    assert found.verdict is Verdict.NOT_READY


def test_a_part_that_nobody_may_override_bars_its_line_while_it_is_open():
    overrides = [signed("rems")]
    found = gate({"rems": red()}, barred={"rems": "a REMS is in force"}, overrides=overrides)
    assert line(found, "rems").barred == "nobody overrides this: a REMS is in force"
    assert found.verdict is Verdict.NOT_READY
    assert gate({"rems": red()}, overrides=overrides).verdict is Verdict.UNDER_OVERRIDE
    assert line(gate(barred={"rems": "a REMS is in force"}), "rems").barred is None


@pytest.mark.parametrize(
    "override",
    [
        signed("travel", LineState.NOT_KNOWN),
        signed("caregiver"),
        signed("travel", prescriber="two"),
    ],
)
def test_what_was_signed_of_another_state_or_line_or_by_one_person_counts_for_nothing(override):
    found = gate({"travel": red()}, overrides=[override])
    assert line(found, "travel").override is None
    assert found.verdict is Verdict.NOT_READY


def test_the_latest_override_of_a_line_is_shown():
    later = replace(signed("travel"), reason="asked again")
    assert line(gate({"travel": red()}, overrides=[signed("travel"), later]), "travel").override == later


def test_an_override_of_a_line_that_is_green_by_now_is_not_shown():
    found = gate(overrides=[signed("travel")])
    assert line(found, "travel").override is None
    assert found.ready
