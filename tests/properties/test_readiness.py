"""True of every gate: forgetting something, or letting it run out, never turns a line or the whole greener."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from handrail.rules.evidence import Evidence
from handrail.rules.readiness import DoseTime, Gate, LineState, Override, Verdict, gate_data, readiness

DOSE = datetime(2026, 11, 3, 15, tzinfo=UTC)
ROWS = gate_data().line
IDS = [row.id for row in ROWS]
HOURS = st.integers(-72, 72).map(lambda hours: DOSE + timedelta(hours=hours))
EVIDENCE = st.builds(
    Evidence,
    met=st.sampled_from([True, True, True, True, False, None]),
    because=st.just("it was seen"),
    owner=st.just("nurse"),
    next_step=st.just("look again"),
    until=st.none() | HOURS,
)
OVERRIDE = st.builds(
    Override,
    line=st.sampled_from(IDS),
    state=st.sampled_from([LineState.RED, LineState.NOT_KNOWN]),
    because=st.sampled_from(["it was seen", "it was heard"]),
    reason=st.just("no other way"),
    prescriber=st.sampled_from(["one", "two"]),
    second=st.sampled_from(["one", "two"]),
    at=HOURS,
)
DOSES = st.builds(
    lambda wide: DoseTime(earliest=DOSE, latest=DOSE + timedelta(hours=wide), zone="America/Chicago"),
    st.integers(0, 20),
)


def green(found: Gate) -> set[str]:
    return {line.row.id for line in found.lines if not line.open}


@given(st.fixed_dictionaries(dict.fromkeys(IDS, EVIDENCE)), DOSES, HOURS, st.lists(OVERRIDE), st.data())
def test_forgetting_one_or_letting_it_run_out_never_makes_it_greener(evidence, dose, now, overrides, data):
    before = readiness(ROWS, evidence, dose, now, overrides=overrides)
    name = data.draw(st.sampled_from(IDS))
    told = evidence[name]
    gone = {key: value for key, value in evidence.items() if key != name}
    for after in (
        gone,
        {**gone, name: replace(told, met=None)},
        {**gone, name: replace(told, until=now)},
        {**gone, name: replace(told, until=min(told.until or dose.latest, dose.latest))},
    ):
        found = readiness(ROWS, after, dose, now, overrides=overrides)
        assert green(found) <= green(before)
        assert not found.ready
        assert len(found.open) + len(green(found)) == len(ROWS)
        assert all(line.owner and line.next_step for line in found.open)


@given(st.fixed_dictionaries(dict.fromkeys(IDS, EVIDENCE)), DOSES, HOURS, st.lists(OVERRIDE))
def test_no_override_makes_it_ready_and_one_person_overrides_nothing(evidence, dose, now, overrides):
    bare = readiness(ROWS, evidence, dose, now)
    found = readiness(ROWS, evidence, dose, now, overrides=overrides)
    assert found.ready == bare.ready
    assert green(found) == green(bare)
    for line in found.lines:
        assert line.override is None or (line.open and line.row.override != "never")
    alone = [replace(each, second=each.prescriber) for each in overrides]
    assert readiness(ROWS, evidence, dose, now, overrides=alone).verdict in (Verdict.READY, Verdict.NOT_READY)


@given(
    st.fixed_dictionaries(dict.fromkeys(IDS, EVIDENCE)), DOSES, HOURS, st.timedeltas(timedelta(0), timedelta(days=3))
)
def test_time_alone_never_makes_a_line_greener(evidence, dose, now, later):
    assert green(readiness(ROWS, evidence, dose, now + later)) <= green(readiness(ROWS, evidence, dose, now))
