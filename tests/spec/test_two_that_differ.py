"""Two of a kind that differ: the later end, the worse grade, the one that nobody knows. What is said rests on the right one."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import Any

import pytest

import handrail.rules.protocol as protocols
from handrail.rules.aftercare import carry_over
from handrail.rules.coursefile import course_from_json
from handrail.rules.doses import given_doses
from handrail.rules.episodes import episodes
from handrail.rules.handoff_loop import loops
from handrail.rules.policy import load_policy
from handrail.rules.protocol import load
from handrail.rules.terms import Action, UnusableInput
from handrail.rules.validity import validate
from tests.spec.test_label_reactions import ALL
from tests.support.agreements import CLINIC
from tests.support.courses import Told, civil, instant, well
from tests.support.handoffs import offered
from tests.support.reactions import crs, resolved

SUD1, SUD2, FTD = "step_up_1", "step_up_2", "first_treatment"
POLICY = load_policy()


@pytest.mark.parametrize(
    # the first and the second CRS were over | glofitamab rests three days after the later end
    ("ends", "rest_until"),
    [
        (("2026-02-03 08:00", "2026-02-06 10:00"), "2026-02-09 10:00"),
        (("2026-02-03 08:00", "2026-02-05 23:59"), "2026-02-08 23:59"),
    ],
)
def test_after_two_reactions_the_rest_is_counted_from_the_later_end(ends: tuple[str, str], rest_until: str):
    told = Told(ALL["GLO"])
    told.dose(SUD1, "2026-02-02 09:00")
    for begins, over in zip(("2026-02-02 20:00", "2026-02-05 20:00"), ends, strict=True):
        crs(told, begins, 1)
        resolved(told, "crs", over)
    history, now = told.history(), instant("2026-02-07 09:00")
    found = episodes(history, given_doses(history), POLICY)
    carried = carry_over(load(ALL["GLO"]), found, instant("2026-02-02 09:00"), now)
    assert civil(carried.rest_until) == rest_until


@pytest.mark.parametrize("unknown", [1, 2])
def test_one_grade_of_two_that_nobody_knows_is_asked_for(unknown: int):
    told = Told()
    told.dose(SUD1, "2026-03-02 09:00")
    for number, day in enumerate(("03", "05"), start=1):
        if number == unknown:
            crs(told, f"2026-03-{day} 10:00", 1, tmax_c=None)
        else:
            crs(told, f"2026-03-{day} 10:00", 1)
        resolved(told, "crs", f"2026-03-{day} 20:00")
    well(told, "2026-03-07 08:30")
    dose = told.assess("2026-03-07 09:00").next_dose
    assert (dose.action, dose.withheld) == (Action.ASK, True)
    assert dose.because.endswith("record it under the time it was assessed, or ask the prescriber")


@pytest.mark.parametrize(
    # grades of one infection, in their order | the row of the label that the prescriber weighs
    ("grades", "row"),
    [((2, 4), "INF-4"), ((4, 2), "INF-4"), ((2, 3), None)],
)
def test_the_worst_grade_of_an_infection_decides_whether_the_label_considers_stopping(
    grades: tuple[int, int], row: str | None
):
    told = Told()
    told.dose(SUD1, "2026-03-02 09:00")
    for grade, day in zip(grades, ("03", "05"), strict=True):
        told.tell("condition_noted", f"2026-03-{day} 09:00", what="infection", grade=grade, active=True)
    told.tell("condition_noted", "2026-03-09 09:00", what="infection", active=False)
    history = told.history()
    found = episodes(history, given_doses(history), POLICY)
    carried = carry_over(load(told.key), found, instant("2026-03-02 09:00"), instant("2026-03-10 09:00"))
    assert (carried.unverified_row.id if carried.unverified_row else None) == row


def test_a_dose_withdrawn_by_one_and_corrected_by_another_withholds_the_next():
    """Without it dose 2 is the next, with it the first treatment dose: both may be given, and only one can be right."""
    told = Told()
    told.dose(SUD1, "2026-03-02 09:00")
    second = told.dose(SUD2, "2026-03-05 09:00")
    told.tell("fact_withdrawn", "2026-03-05 10:00", supersedes=second, reason="nurse")
    told.dose(SUD2, "2026-03-05 09:00", supersedes=second, reason="doctor")
    well(told, "2026-03-09 08:00")
    dose = told.assess("2026-03-09 09:00").next_dose
    assert (dose.action, dose.withheld, dose.step, dose.amount) == (Action.ASK, True, None, None)
    assert dose.because == "conflicting corrections lead to different doses: ask the prescriber which is right"


@pytest.mark.parametrize(
    # what was said of the response in March | a longer interval may be considered in July, after CR since January
    ("between", "due"),
    [("CR", True), ("PR", False), (None, False)],
)
def test_a_response_that_nobody_knows_in_between_begins_again(between: str | None, due: bool):
    told = Told()
    for step, day in ((SUD1, "2026-01-03"), (SUD2, "2026-01-06"), (FTD, "2026-01-09"), ("treatment", "2026-06-29")):
        told.dose(step, f"{day} 09:00")
    rest = f"dose_given:{told.events[-1]['id']}"  # the doses between these are left out
    told.tell("departure_signed", "2026-06-29 10:00", rule=rest, reason="not in this test", approver="lead")
    for day, response in (("2026-01-04", "CR"), ("2026-03-02", between), ("2026-04-06", "CR")):
        told.tell("response_assessed", f"{day} 10:00", response=response)
    told.events.sort(key=lambda event: event["at"])
    said = [each.what for each in told.assess("2026-07-06 09:00").findings if each.rule == "interval"]
    assert said == (["A switch to every 2 weeks may be considered"] if due else [])


@pytest.mark.parametrize(
    # read | accepted on 12 March at 10:00 | when a named person had read it
    ("read", "accepted", "known"),
    [
        ("2026-03-11 11:00", True, "2026-03-11 11:00"),
        ("2026-03-13 11:00", True, "2026-03-12 10:00"),  # whoever accepts has read it
        (None, True, "2026-03-12 10:00"),
        ("2026-03-11 11:00", False, "2026-03-11 11:00"),
        (None, False, None),
    ],
)
def test_a_hand_off_was_read_when_the_first_of_two_read_it(read: str | None, accepted: bool, known: str | None):
    told, loop = offered()
    if accepted:
        told.tell("accountability_moved", "2026-03-12 10:00", handoff=loop, to_party=CLINIC, accepted_by="somebody")
    if read is not None:
        told.tell("handoff_read", read, handoff=loop, reader="somebody", how="link")
    told.events.sort(key=lambda event: event["at"])
    (found,) = loops(told.history())
    assert civil(found.read_at) == known


# --- the file and its label -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_active_revisions_the_newest_is_the_default(order: tuple[int, int], monkeypatch: pytest.MonkeyPatch):
    older, newer = load("teclistamab/US/2025-03/mono"), load("teclistamab/US/2026-03/mono")
    both = (replace(older, product=replace(older.product, active=True)), newer)
    monkeypatch.setattr(protocols, "catalogue", lambda: tuple(both[number] for number in order))
    assert protocols.newest_active("teclistamab", "US") is newer


@pytest.mark.parametrize("lacking", ["protocol_key", "signed_by", "rows"])
def test_signed_rows_that_lack_one_part_are_refused(lacking: str):
    whole = {"protocol_key": Told().key, "signed_by": "pharmacist", "rows": []}
    told = Told()
    signed = {name: value for name, value in whole.items() if name != lacking}
    told.tell("protocol_changed", "2026-03-02 09:00", protocol_key=told.key, overlay=signed)
    with pytest.raises(UnusableInput) as refused:
        told.course()
    assert (refused.value.code, refused.value.path) == ("wrong_type", "events[1].overlay")


@pytest.mark.parametrize(
    # what the file says | a made-up patient
    ("said", "synthetic"),
    [({}, False), ({"synthetic": None}, False), ({"synthetic": False}, False), ({"synthetic": True}, True)],
)
def test_a_course_is_a_real_patients_until_its_file_says_otherwise(said: dict[str, Any], synthetic: bool):
    file = {key: value for key, value in Told().file().items() if key != "synthetic"}
    assert course_from_json({**file, **said}).synthetic is synthetic


@pytest.mark.parametrize("day", ["2026-01-02", "2026-02-16"])
def test_a_course_that_was_started_twice_began_with_the_first(day: str):
    told = Told()
    told.tell("course_started", "2026-03-01 09:00", intent="step_up", prior_doses_known=True)
    told.tell("vitals_measured", f"{day} 10:00", temperature_c="36.8")
    validate(told.course(), load(told.key), POLICY)
    told.tell("vitals_measured", "2026-01-02 08:59", temperature_c="36.8")
    with pytest.raises(UnusableInput) as refused:
        validate(told.course(), load(told.key), POLICY)
    assert refused.value.code == "before_course"


@pytest.mark.parametrize(
    # rows of a label | what may stand in one | what it means that it does not
    ("table", "key", "absent"),
    [
        ("gap", "benefit_risk", False),  # nothing has to be weighed with the patient first
        ("indication", "progression_on_last", False),
        ("premedication", "also_after_delay", True),  # who is premedicated is premedicated again after a delay
        ("infusion", "after_crs", False),
        ("warning", "shown_only", False),
    ],
)
def test_what_a_row_does_not_say_means_the_same_in_every_label(table: str, key: str, absent: bool):
    label = "linvoseltamab_us_2025-07" if table == "infusion" else "teclistamab_us_2026-03_mono"
    text = (protocols.FOLDER / f"{label}.toml").read_text(encoding="utf-8")
    silent = {row["id"] for row in tomllib.loads(text)[table] if key not in row}
    read = {row.id: getattr(row, key) for row in getattr(protocols.load_text(text), table)}
    assert silent and {read[row] for row in silent} == {absent}
