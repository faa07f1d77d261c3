"""The stay that a label wants with the dose after a reaction, whatever the step: it is the label's like that of the step itself.

A row: what differs from a maintenance dose of which everything is known (`MAINTENANCE`), and what is recommended.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from handrail.rules.protocol import load
from handrail.rules.setting import Setting
from handrail.rules.terms import UnusableInput
from tests.spec.test_label_reactions import ALL
from tests.support.courses import Told
from tests.support.label_courses import on_their_days
from tests.support.reactions import crs, icans, resolved
from tests.support.settings import EVER, LABEL, NEVER, at, decided, facts, fired, missing

MAINTENANCE: dict[str, Any] = {
    "doses": [{"step": "treatment", "at": at(1)}],
    "step": "treatment",
    "last_dose": {"given": True, "step": "treatment", "on": "2026-06-29", "schedule": "weekly"},
    "departure": {"paper": NEVER},
}
ELRANATAMAB = ALL["ELR-OLD"]
STRICT = {"site__follows_label_strictly": True}
SIGNED = {"steps": ["treatment"], "because": "the programme watches at home", "signed_by": "the medical lead", "paper": EVER}  # fmt: skip
KNOWING = {**SIGNED, "carried_rows": ["ICANS-2"]}

CASES = [
    # label | what differs | recommended | the rules that fire | what is missing
    (LABEL, {"carried_rows": []}, "OUTPATIENT", [], []),  # no reaction since the last dose
    (LABEL, {"carried_rows": ["ICANS-1"]}, "OUTPATIENT", [], []),  # its row asks for no stay
    (LABEL, {"carried_rows": ["ICANS-2"]}, None, ["LD-1"], []),  # 48 h in hospital, and nobody signed otherwise
    (LABEL, {"carried_rows": ["ICANS-1", "ICANS-2"]}, None, ["LD-1"], []),
    (LABEL, {"carried_rows": ["ICANS-2"], **STRICT}, "INPATIENT", ["IP-12", "LD-1"], []),
    (LABEL, {"carried_rows": ["ICANS-2"], "departure": SIGNED}, None, ["LD-1"], []),  # signed before the reaction
    (LABEL, {"carried_rows": ["ICANS-2"], "departure": KNOWING}, "OUTPATIENT", [], []),
    (LABEL, {"carried_rows": ["ICANS-2"], "departure": {**KNOWING, "paper": NEVER}}, None, ["LD-1"], []),
    (LABEL, {"carried_rows": ["ICANS-2"], "departure": {**KNOWING, "steps": []}}, None, ["LD-1"], []),
    (LABEL, {"carried_rows": ["ICANS-2"], "departure": {}}, None, [], ["departure"]),
    (LABEL, {"carried_rows": [], "departure": {}}, "OUTPATIENT", [], []),
    (LABEL, {"carried_rows": None}, None, [], ["carried_rows"]),
    (LABEL, {"carried_rows": None, **STRICT}, None, [], ["carried_rows"]),
    (LABEL, {"carried_rows": None, "departure": KNOWING}, None, [], ["carried_rows"]),
    (LABEL, {"carried_rows": ["CRS-2"]}, None, ["LD-1"], ["label"]),  # a row that nobody verified
    (LABEL, {"carried_rows": ["CRS-2"], **STRICT}, "INPATIENT", ["IP-12", "LD-1"], ["label"]),
    (LABEL, {"carried_rows": ["CRS-1"]}, None, [], ["label"]),
    (LABEL, {"carried_rows": ["ICANS-4"]}, "DEFER", ["HS-8"], []),  # the label stops the drug
    (LABEL, {"carried_rows": ["ICANS-2", "ICANS-4"], "departure": KNOWING}, "DEFER", ["HS-8"], []),
    (ELRANATAMAB, {"carried_rows": ["CRS-2"]}, "OUTPATIENT", [], []),  # near a facility, and that is no hospital
    (ELRANATAMAB, {"carried_rows": ["CRS-3-FIRST"]}, None, ["LD-1"], ["label"]),
    (ELRANATAMAB, {"carried_rows": ["CRS-3-FIRST"], **STRICT}, "INPATIENT", ["IP-12", "LD-1"], ["label"]),
]  # fmt: skip


def answered(label: str, changes: dict[str, Any]) -> Setting:
    return decided(facts(**{**MAINTENANCE, **changes}), label=label)


@pytest.mark.parametrize(("label", "changes", "recommended", "rules", "lacking"), CASES)
def test_a_dose_after_a_reaction(label, changes, recommended, rules, lacking):
    answer = answered(label, changes)
    assert answer.recommendation == recommended
    assert fired(answer) == rules
    assert missing(answer) == lacking


STEPS: list[tuple[dict[str, Any], str | None, str, list[str]]] = [
    # at step-up dose 2 the label asks for hospital anyway, and a departure from that is signed | LD-1
    ({"carried_rows": []}, "OUTPATIENT", "clear", []),
    ({"carried_rows": ["ICANS-2"]}, None, "fires", []),
    ({"carried_rows": ["ICANS-2"], "departure__carried_rows": ["ICANS-2"]}, "OUTPATIENT", "clear", []),
    ({"carried_rows": ["ICANS-2"], "departure__carried_rows": ["ICANS-1"]}, None, "fires", []),
    ({"carried_rows": None}, None, "not_known", ["carried_rows"]),
    ({"carried_rows": None, "departure__carried_rows": ["ICANS-2"]}, None, "not_known", ["carried_rows"]),
    ({"carried_rows": None, "departure": {}}, None, "not_known", ["carried_rows", "departure"]),
    ({"carried_rows": None, "departure__paper": NEVER}, None, "fires", ["carried_rows"]),
]


@pytest.mark.parametrize(("changes", "recommended", "state", "lacking"), STEPS)
def test_a_departure_that_was_signed_for_a_step_does_not_cover_the_stay_after_a_reaction(
    changes, recommended, state, lacking
):
    last = {"given": True, "step": "step_up_1", "on": "2026-07-03", "schedule": "weekly"}
    doses = [{"step": "step_up_2", "at": at(1)}, {"step": "first_treatment", "at": at(4)}]
    answer = decided(facts(**{"doses": doses, "step": "step_up_2", "last_dose": last, **changes}))
    assert (answer.recommendation, missing(answer)) == (recommended, lacking)
    assert next(line.state for line in answer.lines if line.rule == "LD-1") == state


def test_the_label_requirement_says_the_stay_and_its_row():
    asked = answered(LABEL, {"carried_rows": ["ICANS-2"]}).label_requirement
    assert asked is not None
    assert (asked.setting, asked.hours, asked.row) == ("hospital", 48, "ICANS-2")
    assert "48 h in hospital after the next dose" in asked.words
    assert asked.source.row == "ICANS-2"
    unknown = answered(LABEL, {"carried_rows": None}).label_requirement
    assert unknown is not None
    assert unknown.words.endswith("; what a reaction in this course adds is not known")


def test_a_dose_after_a_reaction_is_booked_nowhere_while_nobody_knows_what_the_label_says_of_it():
    open_ = answered(LABEL, {"carried_rows": None, "payer": {"inpatient_steps": ["treatment"], "waiver": NEVER}})
    assert (open_.recommendation, open_.scheduling.allowed) == ("INPATIENT", False)
    (reason,) = open_.blocking
    assert (reason.rule, reason.known, reason.owner) == ("HS-8", False, "prescriber")
    (stopped,) = answered(LABEL, {"carried_rows": ["ICANS-4"]}).blocking
    assert "(row ICANS-4)" in stopped.because


def test_before_the_first_dose_of_a_course_nobody_asks_for_reactions_in_it():
    assert decided(facts(carried_rows=None)).recommendation == "OUTPATIENT"
    assert "carried_rows" in missing(decided(facts(carried_rows=None, last_dose={})))


def test_a_reaction_to_no_dose_and_a_row_that_the_label_has_not_are_refused():
    for changes, code, path in (
        ({"carried_rows": ["ICANS-2"]}, "contradiction", "carried_rows"),
        ({**MAINTENANCE, "carried_rows": ["ICANS-1", "ICANS-9"]}, "unknown_row", "carried_rows[1]"),
        ({**MAINTENANCE, "carried_rows": ["MON-1"]}, "unknown_row", "carried_rows[0]"),
    ):
        with pytest.raises(UnusableInput) as refused:
            decided(facts(**changes))
        assert (refused.value.code, refused.value.path) == (code, path)


def test_without_a_label_the_rows_mean_nothing_and_the_label_is_asked_for():
    answer = decided(facts(**MAINTENANCE, carried_rows=["ICANS-2"]), label=None)
    assert answer.recommendation is None and "label" in missing(answer) and "carried_rows" not in missing(answer)


# --- from the course: what an assessment says is inherited is what the setting asks for ---------------------------------------------

COURSES = [
    # label | the reactions after the second treatment dose, by grade | what the next dose inherits | the setting of that dose
    (LABEL, [], (), "OUTPATIENT"),
    (LABEL, [("crs", 2)], ("CRS-2",), None),
    (LABEL, [("icans", 1)], ("ICANS-1",), "OUTPATIENT"),
    (LABEL, [("icans", 2)], ("ICANS-2",), None),
    (LABEL, [("icans", 4)], ("ICANS-4",), "DEFER"),
    (LABEL, [("crs", None)], None, None),  # nobody knows its grade
    (ELRANATAMAB, [("crs", 2)], ("CRS-2",), "OUTPATIENT"),
    (ELRANATAMAB, [("crs", 3)], ("CRS-3-FIRST",), None),
]


@pytest.mark.parametrize(("label", "told", "carried", "recommended"), COURSES)
def test_what_the_course_says_is_inherited_is_what_the_setting_asks_for(label, told, carried, recommended):
    course, last = on_their_days(load(label), "weekly", "treatment")
    for toxicity, grade in told:
        {"crs": crs, "icans": icans}[toxicity](course, f"{last} 18:00", grade or 2)
        if grade is None:
            course.events[-1] |= {"tmax_c": None, "hypotension": None, "pressors": None, "o2": None}
        resolved(course, toxicity, f"{last + timedelta(days=1)} 09:00")
    due = last + timedelta(days=7)
    inherited = course.assess(f"{due} 08:00").next_dose.carried_rows
    assert inherited == carried
    given = {"given": True, "step": "treatment", "on": str(last), "schedule": "weekly"}
    facts_then = facts(due, **{**MAINTENANCE, "doses": [{"step": "treatment", "at": at(1, first=due)}], "last_dose": given, "carried_rows": None if inherited is None else list(inherited)})  # fmt: skip
    assert decided(facts_then, label=label).recommendation == recommended


def test_a_reaction_before_the_last_dose_is_inherited_only_where_the_label_stops_the_drug():
    for grade, carried in ((2, ()), (4, ("ICANS-4",))):
        course, last = on_their_days(load(LABEL), "weekly", "treatment")
        icans(course, f"{last - timedelta(days=5)} 18:00", grade)
        resolved(course, "icans", f"{last - timedelta(days=4)} 09:00")
        assert course.assess(f"{last + timedelta(days=7)} 08:00").next_dose.carried_rows == carried


def test_before_the_first_dose_nothing_is_inherited_and_without_a_record_nobody_knows():
    assert Told(LABEL).assess("2026-01-05 08:00").next_dose.carried_rows == ()
    assert Told(LABEL, intent="continuation").assess("2026-01-05 08:00").next_dose.carried_rows is None


PLANNED = [
    # the reaction after the last dose | where the dose after it is planned | warned
    (None, "outpatient", False),
    (1, "outpatient", False),
    (2, "outpatient", True),
    (2, "hybrid", True),
    (2, "inpatient", False),
]


@pytest.mark.parametrize(("grade", "setting", "warned"), PLANNED)
def test_an_assessment_warns_of_a_dose_that_is_planned_at_home_against_the_stay_after_a_reaction(
    grade, setting, warned
):
    course, last = on_their_days(load(LABEL), "weekly", "treatment")
    course.tell("departure_signed", f"{last} 08:00", rule="setting", reason="caregiver at home", approver="synthetic")
    if grade is not None:
        icans(course, f"{last} 18:00", grade)
        resolved(course, "icans", f"{last + timedelta(days=1)} 09:00")
    due = last + timedelta(days=7)
    course.tell("dose_planned", f"{last + timedelta(days=2)} 09:00", step="treatment", on=str(due), setting=setting)

    def said() -> list[str]:
        return [found.what for found in course.assess(f"{due} 08:00").findings if "is planned" in found.what]

    words = f"Treatment dose is planned {setting}; this label asks for 48 h in hospital"
    assert said() == ([words] if warned else [])
    course.tell("departure_signed", f"{due} 07:00", rule="setting", reason="caregiver at home", approver="synthetic")
    assert said() == []


def test_a_dose_planned_at_home_after_a_reaction_of_an_unknown_grade_is_warned_of_as_of_one_that_may_want_a_stay():
    course, last = on_their_days(load(LABEL), "weekly", "treatment")
    crs(course, f"{last} 18:00", 2, hypotension=None, pressors=None, o2=None)
    resolved(course, "crs", f"{last + timedelta(days=1)} 09:00")
    due = last + timedelta(days=7)
    course.tell(
        "dose_planned", f"{last + timedelta(days=2)} 09:00", step="treatment", on=str(due), setting="outpatient"
    )
    found = [found for found in course.assess(f"{due} 08:00").findings if "is planned" in found.what]
    assert [each.what for each in found] == [
        "Treatment dose is planned outpatient; this label may ask for 48 h in hospital"
    ]
    assert found[0].because.endswith("; the grade of the CRS episode is not known")


def test_a_last_dose_on_an_unknown_day_hides_no_stay_from_the_plan_and_an_old_signature_covers_it_no_more():
    course, last = on_their_days(load(LABEL), "weekly", "treatment")
    course.tell("departure_signed", f"{last} 08:00", rule="setting", reason="caregiver at home", approver="synthetic")
    icans(course, f"{last} 18:00", 2)
    resolved(course, "icans", f"{last + timedelta(days=1)} 09:00")
    due = last + timedelta(days=7)
    course.dose("treatment", f"{last + timedelta(days=3)} 09:00", started_at=None)
    course.tell(
        "dose_planned", f"{last + timedelta(days=4)} 09:00", step="treatment", on=str(due), setting="outpatient"
    )
    said = [found.what for found in course.assess(f"{due} 08:00").findings if "is planned" in found.what]
    assert said == ["Treatment dose is planned outpatient; this label asks for 48 h in hospital"]
