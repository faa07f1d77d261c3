"""What the files refuse and what they just still take, and orders in which the next word says more than the one before."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Any

import pytest

from handrail.rules.billing import diagnosis_of, units_of
from handrail.rules.caredata import FOLDER, billing_from_toml
from handrail.rules.coursefile import CourseFileError, event_from_json
from handrail.rules.pinned import key_for, pinned_policy
from handrail.rules.policy import policy_from_document, shipped_document
from handrail.rules.policy_ladders import NightPolicy
from handrail.rules.protocol import load_text
from handrail.rules.receipts import further
from handrail.rules.responsibility import agreement_from_document, minutes_of
from handrail.rules.rota import FOLDER as ROTA
from handrail.rules.rota import rules_from_toml
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Action, Status
from tests.support import agreements
from tests.support.courses import TEC, TEC_OLD, Told, instant

BILLING = (FOLDER / "codes" / "billing.toml").read_text(encoding="utf-8")
LABEL = (Path(FOLDER) / "products" / "teclistamab_us_2026-03_mono.toml").read_text(encoding="utf-8")
RULES = (ROTA / "default-1.toml").read_text(encoding="utf-8")


# --- orders ---------------------------------------------------------------------------------------------------------


def test_the_order_of_caution():
    """stop > ask = hold > wait > restart > repeat > continue = give."""
    groups = ["stop", "ask hold", "wait", "restart", "repeat", "continue give"]
    steps = [{Action(word).caution for word in group.split()} for group in groups]
    assert [len(step) for step in steps] == [1] * 6
    flat = [min(step) for step in steps]
    assert flat == sorted(set(flat), reverse=True)


def test_the_order_of_receipts():
    """Of two receipts the one further on is kept; of two that say equally much, the first of the alphabet."""
    groups = [
        "accepted scheduled",
        "queued initiated",
        "sending ringing",
        "sent",
        "canceled busy no-answer undelivered failed",
        "in-progress",
        "completed",
        "machine",
        "delivered human",
        "read key",
    ]
    for place, group in enumerate(groups):
        for one in group.split():
            assert further("", one) == one
            assert {further(one, other) for other in group.split()} == {min(one, other) for other in group.split()}
            for later in groups[place + 1 :]:
                assert {further(one, other) for other in later.split()} == set(later.split())


# --- course files ---------------------------------------------------------------------------------------------------


def event(**fields: Any) -> dict[str, Any]:
    return {"id": "00000000-0000-4000-8000-000000000001", "kind": "note_added", "at": "2026-03-02T15:00:00Z", **fields}


@pytest.mark.parametrize(
    ("year", "taken"),
    [("1899", False), ("1900", True), ("2199", True), ("2200", False)],
)
def test_the_years_of_a_course_file(year: str, taken: bool):
    if taken:
        assert event_from_json(event(at=f"{year}-06-01T12:00:00Z"), zone="UTC").at.year == int(year)
        return
    with pytest.raises(CourseFileError) as refused:
        event_from_json(event(at=f"{year}-06-01T12:00:00Z"), zone="UTC")
    assert refused.value.code == "not_a_time"


def test_a_fact_that_names_no_version_is_of_the_first():
    assert event_from_json(event(), zone="UTC").version == 1
    assert event_from_json(event(version=1), zone="UTC").version == 1


def test_a_fact_counts_from_its_own_minute():
    told = Told(TEC)
    told.tell("note_added", "2026-03-02 09:00", text="a")
    told.tell("note_added", "2026-03-02 10:00", text="b")
    for at, notes in (("08:59", 0), ("09:00", 1), ("09:59", 1), ("10:00", 2)):
        assert len(told.history().until(instant(f"2026-03-02 {at}")).of("note_added")) == notes


@pytest.mark.parametrize(("at", "moved"), [("2026-03-02 08:59", False), ("2026-03-02 09:00", True)])
def test_a_newer_protocol_and_policy_hold_from_their_own_minute(at: str, moved: bool):
    told = Told(TEC_OLD)
    told.tell("protocol_changed", "2026-03-02 09:00", protocol_key=TEC)
    told.tell("policy_changed", "2026-03-02 09:00", policy_id="default-1", version="2", sha256="0" * 64)
    assert key_for(told.history(), instant(at)) == (TEC if moved else TEC_OLD)
    pinned, _ = pinned_policy(told.history(), instant(at))
    assert (pinned == {"id": "default-1", "sha256": "0" * 64}) is moved
    whole = Told(TEC_OLD)
    document = shipped_document("default")
    whole.tell("policy_changed", "2026-03-02 09:00", document=document, sha256="1" * 64)
    assert (pinned_policy(whole.history(), instant(at))[1] == "1" * 64) is moved


# --- policies -------------------------------------------------------------------------------------------------------


def changed(*path: Any, to: Any) -> dict[str, Any]:
    document = shipped_document("default")
    node: Any = document
    for key in path[:-1]:
        node = node[key]
    assert path[-1] in node if isinstance(node, dict) else True
    node[path[-1]] = to
    return document


@pytest.mark.parametrize(
    # number of the policy | the least that it may be
    ("path", "least"),
    [
        (("reaching", "next_way_after_seconds"), 1),
        (("reaching", "answer_link_hours"), 1),
        (("watch", "phase", 0, "remind_after_minutes"), 1),
        (("ladder", 0, "assess_within_minutes"), 1),
        (("ladder", 0, "steps", 0, "wait_minutes"), 1),
    ],
)
def test_a_wait_of_a_policy_is_a_positive_number(path: tuple[Any, ...], least: int):
    assert policy_from_document(changed(*path, to=least), "0" * 64).ref.id == "default"
    with pytest.raises(ProtocolDataError) as refused:
        policy_from_document(changed(*path, to=least - 1), "0" * 64)
    assert refused.value.code == "wrong_value"


@pytest.mark.parametrize(
    # night | 06:59 | 07:00 | 19:59 | 20:00 | midnight belong to it
    ("begins", "ends", "inside"),
    [("20:00", "07:00", "1 0 0 1 1"), ("07:00", "20:00", "0 1 1 0 0"), ("07:00", "07:00", "0 0 0 0 0")],
)
def test_a_night_from_its_first_minute_to_its_last(begins: str, ends: str, inside: str):
    night = NightPolicy(begins=begins, ends=ends, hand_back_by="07:30", source=("X",), status=Status.SITE_CHOICE)
    times = [time(6, 59), time(7, 0), time(19, 59), time(20, 0), time(0, 0)]
    assert [night.covers(at) for at in times] == [mark == "1" for mark in inside.split()]


# --- other files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("wait_minutes = 60", "wait_minutes = 1", None),
        ("warn_days = [30, 60, 90]", "warn_days = [1, 60, 90]", None),
        ("warn_days = [30, 60, 90]", "warn_days = [0, 60, 90]", "wrong_order"),
        ("warn_days = [30, 60, 90]", "warn_days = []", "wrong_order"),
        ("warn_days = [30, 60, 90]", "warn_days = [60, 30, 90]", "wrong_order"),
    ],
)
def test_the_days_and_waits_of_the_rota(old: str, new: str, code: str | None):
    assert old in RULES
    if code is None:
        assert rules_from_toml(RULES.replace(old, new, 1)).page
        return
    with pytest.raises(ProtocolDataError) as refused:
        rules_from_toml(RULES.replace(old, new, 1))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("00:00", 0), ("17:30", 1050), ("23:59", 1439), ("24:00", 1440), ("24:01", None), ("12:60", None), ("1:30", None)],
)
def test_minutes_after_midnight(text: str, minutes: int | None):
    if minutes is not None:
        assert minutes_of(text) == minutes
        return
    with pytest.raises(ValueError, match=text):
        minutes_of(text)


@pytest.mark.parametrize(("until", "taken"), [("2026-03-01", True), ("2026-02-28", False)])
def test_an_agreement_of_one_day_is_an_agreement(until: str, taken: bool):
    document = agreements.document(valid_from="2026-03-01", valid_until=until)
    if taken:
        assert agreement_from_document(document).valid_until == date(2026, 3, 1)
        return
    with pytest.raises(ProtocolDataError, match="ends before it begins"):
        agreement_from_document(document)


@pytest.mark.parametrize("dose", ["0", "-0.06"])
def test_a_dose_of_a_label_is_more_than_nothing(dose: str):
    assert 'mg_per_kg = "0.06"' in LABEL
    with pytest.raises(ProtocolDataError) as refused:
        load_text(LABEL.replace('mg_per_kg = "0.06"', f'mg_per_kg = "{dose}"', 1))
    assert refused.value.path.endswith("mg_per_kg")


def test_a_code_holds_on_its_last_day_and_not_after_it():
    until = BILLING.replace("since = 2023-07-01", "since = 2023-07-01\nuntil = 2026-03-31", 1)
    data = billing_from_toml(until)
    row = next(row for row in data.unit if row.until is not None)
    assert units_of(row.agent, row.mg, date(2026, 3, 31), data=data).row == row.id
    assert units_of(row.agent, row.mg, date(2026, 4, 1), data=data).row is None
    one_day = billing_from_toml(BILLING.replace("since = 2023-07-01", "since = 2023-07-01\nuntil = 2023-07-01", 1))
    assert next(row for row in one_day.unit if row.until is not None).until == date(2023, 7, 1)


def test_a_diagnosis_holds_on_its_last_day_and_not_after_it():
    first = next(row for row in billing_from_toml(BILLING).diagnosis if row.toxicity == "crs" and row.grade == 1)
    old = f'id = "{first.id}"'
    data = billing_from_toml(BILLING.replace(old, f"{old}\nuntil = 2026-03-31", 1))
    for day, code in ((date(2026, 3, 31), first.code), (date(2026, 4, 1), None)):
        assert diagnosis_of("crs", 1, day, documented=True, data=data).code == code
    one_day = billing_from_toml(BILLING.replace(old, f"{old}\nuntil = {first.since}", 1))
    assert next(row for row in one_day.diagnosis if row.id == first.id).until == first.since
