"""Who answers for a task of a patient at an instant: the accepted move, the agreement, the hour, the site that gave the dose."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handrail.rules.answering import TASKS, Answering, standing_of, who_answers
from handrail.rules.coursefile import course_from_json
from handrail.rules.history import History
from handrail.rules.responsibility import ALONE, PAIR, template
from handrail.rules.terms import UnusableInput
from handrail.rules.validity import judge
from tests.support import agreements
from tests.support.agreements import CLINIC, HUB, NIGHTS, document

MONDAY = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
"""Mon 2 Mar 2026, 15:00 in the zone of the course and of the agreement, which is UTC."""
HOUR = timedelta(hours=1)
WINDOW = timedelta(hours=48)


def event(kind: str, at: datetime, **fields: Any) -> dict[str, Any]:
    number = f"{abs(hash((kind, at, str(fields)))):032x}"[-32:]
    name = f"{number[:8]}-{number[8:12]}-4{number[13:16]}-8{number[17:20]}-{number[20:]}"
    return {"id": name, "kind": kind, "at": at.isoformat(), **fields}


def moved(to: str, at: datetime, **fields: Any) -> dict[str, Any]:
    return event("accountability_moved", at, **{"to_party": to, "accepted_by": "somebody", **fields})


def dose(at: datetime, site: str | None = None, step: str = "step_up_1") -> dict[str, Any]:
    where = {} if site is None else {"site": site}
    return event("dose_given", at, step=step, dose_mg="4.8", **where)


def course(*events: dict[str, Any], context: Any = None) -> dict[str, Any]:
    return {
        "format": "handrail-course/1",
        "id": "00000000-0000-4000-8000-00000000c0de",
        "synthetic": True,
        "product": "teclistamab",
        "jurisdiction": "US",
        "protocol_key": "teclistamab/US/2026-03/mono",
        "time_zone": "UTC",
        "context": context,
        "events": [event("course_started", MONDAY - timedelta(days=9), intent="step_up"), *events],
    }


def asked(
    *events: dict[str, Any],
    at: datetime = MONDAY,
    task: str | None = None,
    agreement: dict[str, Any] | None = None,
    known: Any = ...,
    urgent: bool = False,
    window_ends: datetime | None = None,
) -> Answering:
    history = History.build(course_from_json(course(*events)))
    standing = standing_of(history, at, urgent=urgent, window_ends=window_ends)
    site = agreements.context(agreement=agreement) if known is ... else known
    answer = who_answers(standing, site, at, task)
    assert answer is not None
    return answer


# --- responsibility moves only when somebody has accepted --------------------------------------------------------------


@pytest.mark.parametrize(
    ("move", "at", "who"),
    [
        # the move                                              | asked at             | who answers for maintenance
        (None, MONDAY, HUB),
        (moved(CLINIC, MONDAY), MONDAY - timedelta(seconds=1), HUB),
        (moved(CLINIC, MONDAY), MONDAY, CLINIC),
        (moved(CLINIC, MONDAY, accepted_by=None), MONDAY + HOUR, HUB),  # asked, and nobody accepted
        ({k: v for k, v in moved(CLINIC, MONDAY).items() if k != "accepted_by"}, MONDAY + HOUR, HUB),
        (moved(CLINIC, MONDAY, from_at=(MONDAY + HOUR).isoformat()), MONDAY, HUB),
        (moved(CLINIC, MONDAY, from_at=(MONDAY + HOUR).isoformat()), MONDAY + HOUR, CLINIC),
        (moved(CLINIC, MONDAY, from_at=(MONDAY - HOUR).isoformat()), MONDAY - HOUR / 2, HUB),  # what was before stays
        (moved("stranger", MONDAY), MONDAY + HOUR, HUB),  # does not reach the course
    ],
)
@pytest.mark.parametrize("agreement", [document(), None], ids=["agreed", "no agreement"])
def test_responsibility_moves_only_when_somebody_has_accepted(move, at, who, agreement):
    events = [] if move is None else [move]
    assert asked(*events, at=at, task="maintenance_doses", agreement=agreement).organisation == who


def test_a_move_back_is_a_move():
    there, back = moved(CLINIC, MONDAY), moved(HUB, MONDAY + 2 * HOUR)
    for hours, who in ((0, CLINIC), (1, CLINIC), (2, HUB), (3, HUB)):
        found = asked(back, there, at=MONDAY + hours * HOUR, task="maintenance_doses", agreement=document())
        assert found.organisation == who


# --- the matrix, by the hour and by the site that gave the dose ---------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "who", "number"),
    [
        (datetime(2026, 3, 2, 7, 59, tzinfo=UTC), HUB, "555-0100"),
        (datetime(2026, 3, 2, 8, 0, tzinfo=UTC), CLINIC, "555-0120"),
        (datetime(2026, 3, 2, 8, 30, tzinfo=UTC), CLINIC, "555-0120"),
        (datetime(2026, 3, 2, 17, 30, tzinfo=UTC), HUB, "555-0100"),
        (datetime(2026, 3, 2, 16, 59, tzinfo=UTC), CLINIC, "555-0120"),
        (datetime(2026, 3, 2, 17, 0, tzinfo=UTC), HUB, "555-0100"),
        (datetime(2026, 3, 8, 2, 0, tzinfo=UTC), HUB, "555-0100"),  # 02:00 next Sunday
    ],
)
def test_hub_nights_and_community_days(at, who, number):
    found = asked(at=at, task="emergency_until_ed", agreement=document(tasks={"emergency_until_ed": NIGHTS}))
    assert (found.organisation, found.number, found.trouble) == (who, number, None)


HOLIDAY = "2026-03-05"
"""A Thursday."""


@pytest.mark.parametrize(
    # Mar 2026, UTC              | holidays              | who  | number      | what a call in the window is about
    ("day", "hour", "holidays", "who", "number", "task"),
    [
        (5, 10, (),                          CLINIC, "555-0120", "daily_assessment_other_days"),
        (5, 10, (HOLIDAY,),                  HUB,    "555-0100", "after_hours_contact"),  # the clinic is closed
        (5, 7,  (HOLIDAY,),                  HUB,    "555-0100", "after_hours_contact"),  # Wednesday's night, to its end
        (5, 17, (HOLIDAY,),                  HUB,    "555-0100", "after_hours_contact"),
        (4, 10, (HOLIDAY,),                  CLINIC, "555-0120", "daily_assessment_other_days"),  # the day before
        (4, 23, (HOLIDAY,),                  HUB,    "555-0100", "after_hours_contact"),
        (6, 7,  (HOLIDAY,),                  HUB,    "555-0100", "after_hours_contact"),  # the night of the holiday
        (6, 8,  (HOLIDAY,),                  CLINIC, "555-0120", "daily_assessment_other_days"),  # the day after
        (6, 10, (HOLIDAY, "2026-03-06"),     HUB,    "555-0100", "after_hours_contact"),  # two in a row
        (7, 10, ("2026-03-07",),             HUB,    "555-0100", "after_hours_contact"),  # a Saturday is one anyway
        (8, 10, ("2026-03-08",),             HUB,    "555-0100", "after_hours_contact"),
        (12, 10, (HOLIDAY,),                 CLINIC, "555-0120", "daily_assessment_other_days"),  # not every Thursday
    ],
)  # fmt: skip
def test_a_holiday_counts_as_a_sunday(day, hour, holidays, who, number, task):
    at = datetime(2026, 3, day, hour, tzinfo=UTC)
    matrix = document(tasks={"emergency_until_ed": NIGHTS})
    known = agreements.context(agreement=matrix, holidays=holidays)
    found = asked(at=at, task="emergency_until_ed", known=known)
    assert (found.organisation, found.number, found.trouble) == (who, number, None)
    given = dose(datetime(2026, 3, 3, 15, tzinfo=UTC))
    assert asked(given, at=at, known=known, window_ends=at + HOUR).task == task


def test_on_a_holiday_a_party_has_its_number_for_the_night():
    moved_there = moved(CLINIC, MONDAY)
    for holidays, number in (((), "555-0120"), ((HOLIDAY,), "555-0129")):
        known = agreements.context(agreement=document(), holidays=holidays)
        at = datetime(2026, 3, 5, 10, tzinfo=UTC)
        assert asked(moved_there, at=at, task="maintenance_doses", known=known).number == number


@pytest.mark.parametrize("said", ["2026-03-05", ["5 March"], [5], 7])
def test_holidays_that_are_none_are_refused(said):
    known = agreements.context(agreement=document())
    known["accountability"]["partners"][0]["agreement"]["holidays"] = said
    with pytest.raises(UnusableInput, match="Holidays are days"):
        asked(known=known)


def test_after_hours_a_party_has_its_number_for_the_night():
    found = asked(moved(CLINIC, MONDAY), at=MONDAY + 5 * HOUR, task="maintenance_doses", agreement=document())
    assert (found.name, found.number, found.version) == ("Prairie", "555-0129", 1)


@pytest.mark.parametrize(
    ("moves", "site", "hours", "who"),
    [
        ((), "hub", 5, HUB),
        ((), "prairie", 5, HUB),  # it gave the dose, and has never accepted the patient
        ((), "prairie", 48, HUB),
        ((), "elsewhere", 5, HUB),  # nobody's site: whoever was responsible when it was given
        ((), None, 5, HUB),
        (((CLINIC, -1),), "prairie", 5, CLINIC),
        (((CLINIC, -1),), "prairie", 48, CLINIC),
        (((CLINIC, 3),), "prairie", 2, HUB),  # accepted while the window lasts: from then on
        (((CLINIC, 3),), "prairie", 3, CLINIC),
        (((CLINIC, -1), (HUB, 3)), "prairie", 5, CLINIC),  # it gave the dose while it was responsible
        (((CLINIC, -1), (HUB, 3)), "prairie", 48, HUB),  # the window is over: whoever is responsible
        (((CLINIC, -9), (HUB, -1)), "prairie", 5, HUB),  # it had given the patient back before
    ],
)
def test_while_the_window_lasts_the_site_that_gave_the_dose_answers_if_it_had_accepted(moves, site, hours, who):
    events = [dose(MONDAY, site), *(moved(to, MONDAY + at * HOUR) for to, at in moves)]
    at = MONDAY + hours * HOUR
    found = asked(*events, at=at, task="after_hours_contact", agreement=document(), window_ends=MONDAY + WINDOW)
    assert found.organisation == who


def test_a_dose_at_the_hub_stays_with_the_hub_through_its_window_also_after_the_hand_off():
    events = (dose(MONDAY, "hub"), moved(CLINIC, MONDAY + HOUR))
    for hours, who in ((2, HUB), (47, HUB), (48, CLINIC)):
        at = MONDAY + hours * HOUR
        found = asked(*events, at=at, task="emergency_until_ed", agreement=document(), window_ends=MONDAY + WINDOW)
        assert found.organisation == who


def test_the_hospital_answers_and_the_people_of_the_dosing_site_are_called():
    found = asked(
        moved(CLINIC, MONDAY - HOUR),
        dose(MONDAY, "prairie"),
        at=MONDAY + HOUR,
        task="inpatient_care",
        agreement=document(),
        window_ends=MONDAY + WINDOW,
    )
    assert (found.name, found.outside, found.organisation) == ("General Hospital", True, CLINIC)
    assert found.role == "Admitting service, Haematology"
    assert found.number == "555-0190"


# --- the task that applies ----------------------------------------------------------------------------------------------

HOME = event("home_status", MONDAY - HOUR, location="home")


@pytest.mark.parametrize(
    ("events", "hours", "urgent", "window", "task"),
    [
        ((), 0, False, False, "candidacy"),
        ((event("dose_planned", MONDAY - HOUR, step="step_up_1", on="2026-03-03"),), 0, False, False, "gate_and_dose"),
        ((dose(MONDAY),), 1, False, True, "daily_assessment_dosing_day"),
        ((dose(MONDAY),), 2, False, True, "after_hours_contact"),  # 17:00
        ((dose(MONDAY),), 17, False, True, "daily_assessment_other_days"),  # Tuesday, 08:00
        ((dose(MONDAY),), 17, True, True, "emergency_until_ed"),
        ((dose(MONDAY), event("home_status", MONDAY + HOUR, location="ed")), 2, True, True, "emergency_after_ed"),
        ((dose(MONDAY), event("home_status", MONDAY + HOUR, location="hospital")), 2, True, True, "inpatient_care"),
        ((dose(MONDAY), event("home_status", MONDAY + HOUR, location="home")), 2, True, True, "emergency_until_ed"),
        ((dose(MONDAY),), 60, False, True, "gate_and_dose"),
        ((dose(MONDAY, step="first_treatment"),), 60, False, True, "maintenance_doses"),
        ((dose(MONDAY, step="treatment"),), 2, True, False, "emergency_until_ed"),
    ],
)
def test_the_task_that_applies_now(events, hours, urgent, window, task):
    ends = MONDAY + WINDOW if window else None
    at = MONDAY + hours * HOUR
    found = asked(HOME, *events, at=at, urgent=urgent, window_ends=ends, agreement=document())
    assert found.task == task
    assert found.trouble is None


def test_every_task_that_can_apply_is_in_both_templates():
    for name in ("hub-and-community", "independent-practice"):
        assert set(TASKS) <= {task.id for task in template(name).task}


# --- nothing agreed ------------------------------------------------------------------------------------------------------


def test_a_pair_without_an_agreement_falls_back_to_whoever_is_responsible_and_says_so():
    found = asked(agreement=None)
    assert (found.organisation, found.agreement) == (HUB, None)
    assert found.trouble == "Hub and Prairie have no agreement now: Hub answers for everything"
    found = asked(moved(CLINIC, MONDAY), agreement=None, at=MONDAY)
    assert found.trouble == "Hub and Prairie have no agreement now: Prairie answers for everything"


def test_one_organisation_alone_lacks_nothing():
    known = {"accountability": {"owner": {"id": HUB, "name": "Hub"}, "partners": [], "alone": None}}
    found = asked(known=known)
    assert (found.organisation, found.trouble) == (HUB, None)
    signed = {"id": "a", "version": 3, "document": agreements.alone()}
    found = asked(known={"accountability": {**known["accountability"], "alone": signed}}, task="incidents")
    assert (found.role, found.duty, found.version) == ("Programme director", "director", 3)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ((), "The agreement names nobody for Incident report and review now: Hub answers"),
        (NIGHTS[:2], "The agreement names nobody for Incident report and review now: Hub answers"),
        (
            ({"party": "hub"}, {"party": "community"}),
            "The agreement names more than one party for Incident report and review now: Hub answers",
        ),
    ],
)
def test_an_hour_that_an_agreement_leaves_open_falls_back_and_is_said(rules, said):
    found = asked(task="incidents", agreement=document(tasks={"incidents": rules}))
    assert (found.organisation, found.trouble) == (HUB, said)


@pytest.mark.parametrize("day", ["2026-03-01", "2026-03-02"])
def test_an_agreement_that_is_over_answers_no_more(day):
    found = asked(agreement=document(valid_until=day))
    assert (found.agreement is None) is (day == "2026-03-01")


@pytest.mark.parametrize(
    "broken",
    [
        {"accountability": 1},
        {"accountability": {}},
        {"accountability": {"owner": {"id": "a"}, "partners": []}},
        {"accountability": {"owner": {"id": "a", "name": "b"}, "partners": [1]}},
        {"accountability": {"owner": {"id": "a", "name": "b"}, "partners": [], "alone": {"document": {}}}},
    ],
)
def test_what_is_no_context_is_refused(broken):
    with pytest.raises(UnusableInput):
        asked(known=broken)


# --- in the assessment ------------------------------------------------------------------------------------------------------


def judged(*events: dict[str, Any], at: datetime, agreement: Any = None):
    return judge(course_from_json(course(*events, context=agreements.context(agreement=agreement))), at).answer


def test_the_assessment_names_who_answers_and_looks_again_when_that_changes():
    nights = document(tasks=dict.fromkeys(TASKS, NIGHTS))
    answer = judged(at=MONDAY, agreement=nights)
    assert answer.accountable == CLINIC
    assert answer.look_again_at == datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
    assert judged(at=answer.look_again_at, agreement=nights).accountable == HUB
    assert not [finding for finding in answer.findings if finding.rule == "accountability"]


def test_the_assessment_finds_a_pair_without_an_agreement():
    answer = judged(at=MONDAY)
    found = [finding for finding in answer.findings if finding.rule == "accountability"]
    assert [finding.what for finding in found] == ["Hub and Prairie have no agreement now: Hub answers for everything"]
    assert (found[0].urgency.value, found[0].owner, answer.accountable) == ("today", "director", HUB)


def test_the_assessment_looks_again_when_an_agreement_ends_or_the_next_begins():
    ends = judged(at=MONDAY, agreement=document(valid_until="2026-03-04"))
    assert ends.look_again_at is not None
    assert ends.look_again_at <= datetime(2026, 3, 5, tzinfo=UTC)
    known = agreements.context(agreement=None)
    known["accountability"]["changes_at"] = [(MONDAY + HOUR).isoformat()]
    answer = judge(course_from_json(course(context=known)), MONDAY).answer
    assert answer.look_again_at == MONDAY + HOUR


def test_without_a_word_about_organisations_the_accepted_move_is_all_that_is_known():
    bare = course_from_json(course(moved(CLINIC, MONDAY)))
    assert judge(bare, MONDAY - HOUR).answer.accountable is None
    assert judge(bare, MONDAY).answer.accountable == CLINIC


# --- the minute itself ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # what was told at 15:00 | asked at | the task that a call falls under
    ("told", "at", "task"),
    [
        (event("dose_planned", MONDAY, step="step_up_1", on="2026-03-03"), MONDAY - HOUR / 60, "candidacy"),
        (event("dose_planned", MONDAY, step="step_up_1", on="2026-03-03"), MONDAY, "gate_and_dose"),
        (dose(MONDAY, step="treatment"), MONDAY - HOUR / 60, "candidacy"),
        (dose(MONDAY, step="treatment"), MONDAY, "maintenance_doses"),
        (event("home_status", MONDAY, location="hospital"), MONDAY - HOUR / 60, "candidacy"),
        (event("home_status", MONDAY, location="hospital"), MONDAY, "inpatient_care"),
    ],
)
def test_what_is_told_counts_from_its_own_minute(told: dict[str, Any], at: datetime, task: str):
    assert asked(told, at=at).task == task


@pytest.mark.parametrize(
    # asked at | the task, of a window that ends at 15:00 on Wednesday
    ("at", "task"),
    [
        (MONDAY, "daily_assessment_dosing_day"),
        (MONDAY + WINDOW - HOUR / 60, "daily_assessment_other_days"),
        (MONDAY + WINDOW, "gate_and_dose"),
    ],
)
def test_the_window_is_over_at_its_last_minute(at: datetime, task: str):
    assert asked(dose(MONDAY), at=at, window_ends=MONDAY + WINDOW).task == task


@pytest.mark.parametrize(
    # the agreement holds from midnight of 2 March to the end of 3 March | asked at | it decides
    ("at", "decides"),
    [
        (datetime(2026, 3, 1, 23, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 2, 0, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 3, 23, 59, tzinfo=UTC), True),
        (datetime(2026, 3, 4, 0, 0, tzinfo=UTC), False),
    ],
)
def test_an_agreement_decides_from_its_first_midnight_to_its_last(at: datetime, decides: bool):
    signed = document(valid_from="2026-03-02", valid_until="2026-03-03")
    assert (asked(at=at, agreement=signed).agreement is not None) is decides


@pytest.mark.parametrize("name", [PAIR, ALONE])
def test_the_shipped_clinic_is_open_from_eight_to_five(name: str):
    hours = template(name).clinic_hours
    assert (hours.days, hours.starts, hours.ends) == (("mon", "tue", "wed", "thu", "fri"), "08:00", "17:00")


def test_while_the_hospital_has_the_patient_the_people_of_the_owner_that_gave_the_dose_are_called():
    """The clinic had accepted the patient before; the hub gave this dose, and its window lasts."""
    events = [
        moved(CLINIC, MONDAY - 2 * HOUR),
        dose(MONDAY, site="hub"),
        event("home_status", MONDAY + HOUR, location="hospital"),
    ]
    found = asked(*events, at=MONDAY + 2 * HOUR, agreement=document(), window_ends=MONDAY + WINDOW)
    assert (found.organisation, found.outside) == (HUB, True)


@pytest.mark.parametrize("staffed", [True, False])
def test_a_partner_without_accounts_answers_and_the_people_of_the_owner_call_it(staffed: bool):
    known = agreements.context(agreement=None)
    known["accountability"]["partners"][0]["staffed"] = staffed
    found = asked(moved(CLINIC, MONDAY), at=MONDAY, known=known)
    assert (found.name, found.number) == ("Prairie", "555-0120")
    assert (found.organisation, found.outside, found.away) == ((CLINIC, False, False) if staffed else (HUB, True, True))
