"""Who assesses the patient on each day of the watched window: red while nothing is booked, an incident once the day has passed."""

import pytest

from handrail.rules.answer import Assessment
from handrail.rules.terms import Urgency
from tests.support.courses import Told, civil, instant

APP, NURSE = {"role": "app", "id": "a"}, {"role": "nurse", "id": "n"}
CLEAR = {"tmax_c": "36.8", "hypotension": False, "o2": "none", "pressors": []}
ALERT = {"loc": "alert", "seizure": "none", "motor": False, "edema": "none", "icp_signs": False, "ich": False}
GIVEN = "2026-03-02 09:00"
"""A Monday; the window is over on Wednesday at 9:00."""


@pytest.fixture
def told() -> Told:
    told = Told()
    told.dose("step_up_1", GIVEN)
    return told


def visit(told: Told, at: str, by: dict[str, str] | None, *, crs: bool = True, icans: bool = True) -> None:
    """A recorded assessment of one visit."""
    who = {"by": by} if by else {}
    if crs:
        told.tell("crs_assessed", at, **CLEAR, **who)
    if icans:
        told.tell("icans_assessed", at, **ALERT, **who)


def book(told: Told, on: str, role: str | None, contact: str | None = "in_person", at: str | None = None) -> str:
    starts = {"starts_at": instant(f"{on} {at}").isoformat()} if at else {}
    return told.tell("visit_planned", "2026-03-02 08:00", on=on, who_role=role, contact=contact, **starts)


def answer(told: Told, at: str) -> Assessment:
    return told.assess(at)


def states(said: Assessment) -> list[tuple[str, str, str]]:
    return [(f"{day.on:%a}", day.day, day.state) for day in said.daily]


def red(said: Assessment) -> list[tuple[str, str, str]]:
    return [(f.what, f.owner, f.urgency.value) for f in said.findings if f.rule == "daily"]


def test_the_window_has_a_dosing_day_and_other_days(told):
    said = answer(told, "2026-03-02 10:00")
    assert states(said) == [("Mon", "dosing_day", "open"), ("Tue", "other_day", "open"), ("Wed", "other_day", "open")]
    assert [day.who for day in said.daily] == ["APP or physician", "nurse", "nurse"]


@pytest.mark.parametrize(
    ("given", "days"),
    [
        ("2026-03-02 00:00", ["Mon", "Tue"]),
        ("2026-03-02 00:01", ["Mon", "Tue", "Wed"]),
        ("2026-03-02 23:59", ["Mon", "Tue", "Wed"]),
    ],
)
def test_a_day_counts_while_the_window_runs_on_it(given, days):
    told = Told()
    told.dose("step_up_1", given)
    assert [day for day, *_ in states(answer(told, given))] == days


def test_nothing_booked_is_red_today_and_for_the_days_ahead_with_an_owner(told):
    assert red(answer(told, "2026-03-02 10:00")) == [
        (
            "No assessment is booked or complete for Mon 2 Mar 2026 (by APP or physician, in person)",
            "prescriber",
            "today",
        ),
        (
            (
                "No assessment is booked or complete for Tue 3 Mar 2026 (by nurse, in person), "
                "Wed 4 Mar 2026 (by nurse, in person)"
            ),
            "nurse",
            "today",
        ),
    ]


def test_an_assessment_by_the_right_person_that_day_is_done(told):
    visit(told, "2026-03-02 08:30", APP)
    visit(told, "2026-03-03 10:00", NURSE)
    said = answer(told, "2026-03-03 12:00")
    assert [state for *_, state in states(said)] == ["done", "done", "open"]


@pytest.mark.parametrize(
    ("by", "crs", "icans", "words"),
    [
        (NURSE, True, True, "not by APP or physician"),
        ({"role": "on_call", "id": "x"}, True, True, "not by APP or physician"),
        ({"role": "patient", "id": "x"}, True, True, "not by APP or physician"),
        (APP, True, False, "ICANS not recorded"),
        (APP, False, True, "CRS not recorded"),
        (None, True, True, "who assessed is not known"),
    ],
)
def test_what_is_not_a_whole_assessment_by_the_right_person_stays_red(told, by, crs, icans, words):
    visit(told, "2026-03-02 08:30", by, crs=crs, icans=icans)
    said = answer(told, "2026-03-02 12:00")
    assert said.daily[0].state == "open"
    assert words in said.daily[0].because


def test_on_the_other_days_a_physician_may_do_what_a_nurse_does(told):
    visit(told, "2026-03-03 08:30", {"role": "oncologist", "id": "o"})
    assert answer(told, "2026-03-03 12:00").daily[1].state == "done"


@pytest.mark.parametrize(
    ("role", "contact", "state"),
    [
        ("nurse", "in_person", "booked"),
        ("app", "in_person", "booked"),
        ("nurse", "call", "open"),
        ("nurse", "video", "open"),
        ("coordinator", "in_person", "open"),
        (None, "in_person", "open"),
        ("nurse", None, "open"),
    ],
)
def test_what_is_booked_is_by_the_right_person_and_of_the_right_kind(told, role, contact, state):
    book(told, "2026-03-03", role, contact)
    assert answer(told, "2026-03-02 12:00").daily[1].state == state


def test_a_booked_contact_is_a_task_with_its_time_and_no_longer_red(told):
    book(told, "2026-03-03", "nurse", at="10:30")
    said = answer(told, "2026-03-03 09:00")
    assert not [what for what, *_ in red(said) if "Tue" in what and "booked" in what]
    (task,) = [task for task in said.tasks if "Tue 3 Mar" in task.what]
    assert (task.who, civil(task.by)) == ("nurse", "2026-03-03 10:30")
    assert "fever medicine in the last 6 h" in task.what
    assert civil(said.daily[1].booked_at) == "2026-03-03 10:30"


@pytest.mark.parametrize(("at", "state"), [("2026-03-03 23:59", "booked"), ("2026-03-04 00:00", "missed")])
def test_a_booked_contact_that_nobody_recorded_is_missed_when_the_day_is_over(told, at, state):
    book(told, "2026-03-03", "nurse", at="10:30")
    assert answer(told, at).daily[1].state == state


def test_a_missed_day_is_an_incident_with_an_owner_until_a_person_closes_it_with_a_reason(told):
    visit(told, "2026-03-02 08:30", APP)
    later = "2026-03-20 10:00"
    both = ("The daily assessment was missed on Tue 3 Mar 2026, Wed 4 Mar 2026", "director", "today")
    assert red(answer(told, later)) == [both]
    closing = {"what": "daily_assessment", "on": "2026-03-03"}
    told.tell("incident_closed", "2026-03-05 09:00", **closing, because=None)
    assert red(answer(told, later)) == [both]
    told.tell("incident_closed", "2026-03-05 09:00", **closing, because="seen, charted late")
    said = answer(told, later)
    assert red(said) == [("The daily assessment was missed on Wed 4 Mar 2026", "director", "today")]
    assert states(said)[1] == ("Tue", "other_day", "closed")


def test_an_assessment_charted_late_is_no_longer_missed(told):
    visit(told, "2026-03-02 08:30", APP)
    visit(told, "2026-03-03 15:00", NURSE)
    visit(told, "2026-03-04 08:00", NURSE)
    assert red(answer(told, "2026-03-20 10:00")) == []


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"on": "2026-03-03", "who_role": "nurse", "contact": "in_person"}, "done"),
        ({"who_role": "nurse", "contact": "in_person"}, "done"),
        ({"on": None, "who_role": "nurse", "contact": "in_person"}, "missed"),
        ({"on": "2026-03-03", "who_role": None, "contact": "in_person"}, "missed"),
        ({"on": "2026-03-03", "who_role": "nurse", "contact": "call"}, "missed"),
        ({"on": "2026-03-02", "who_role": "nurse", "contact": "in_person"}, "missed"),
    ],
)
def test_a_contact_that_is_said_to_be_complete(told, fields, state):
    told.tell("visit_done", "2026-03-03 11:00", **fields)
    assert answer(told, "2026-03-04 08:00").daily[1].state == state


def test_in_hospital_under_a_named_unit_the_unit_assesses(told):
    told.tell("home_status", "2026-03-02 20:00", location="hospital", site="unit-7")
    said = answer(told, "2026-03-03 10:00")
    assert [state for *_, state in states(said)] == ["in_care", "in_care", "in_care"]
    assert red(said) == []
    told.tell("home_status", "2026-03-03 11:00", location="home")
    assert [state for *_, state in states(answer(told, "2026-03-03 12:00"))] == ["in_care", "open", "open"]


def test_a_hospital_without_a_named_unit_has_nobody_who_assesses(told):
    told.tell("home_status", "2026-03-02 20:00", location="hospital")
    assert answer(told, "2026-03-03 10:00").daily[1].state == "open"


def test_each_dose_opens_a_window_of_its_own_and_days_in_two_are_days_of_the_later(told):
    told.dose("step_up_2", "2026-03-04 08:00")
    said = answer(told, "2026-03-04 09:00")
    assert states(said) == [
        ("Mon", "dosing_day", "missed"),
        ("Tue", "other_day", "missed"),
        ("Wed", "dosing_day", "open"),
        ("Thu", "other_day", "open"),
        ("Fri", "other_day", "open"),
    ]


def test_before_any_dose_after_the_last_window_and_after_the_end_nobody_is_asked(told):
    assert answer(Told(), "2026-03-02 10:00").daily == ()
    told.tell("course_ended", "2026-03-02 12:00", because="patient's choice", died=False)
    assert answer(told, "2026-03-03 10:00").daily == ()


def test_a_dose_of_an_imported_record_was_watched_elsewhere():
    told = Told()
    told.dose("step_up_1", GIVEN, source="import")
    assert answer(told, "2026-03-03 10:00").daily == ()


@pytest.mark.parametrize(
    ("now", "look"),
    [
        ("2026-03-02 10:00", "2026-03-03 00:00"),
        ("2026-03-03 23:00", "2026-03-04 00:00"),
        ("2026-03-04 23:00", "2026-03-05 00:00"),
    ],
)
def test_the_next_midnight_is_an_instant_at_which_time_alone_changes_it(told, now, look):
    assert answer(told, now).look_again_at <= instant(look)
    before = answer(told, look.replace("00:00", "00:00"))
    assert before.daily != answer(told, now).daily


def test_nothing_of_it_touches_the_next_dose_or_calls_anybody(told):
    said = answer(told, "2026-03-03 10:00")
    visit(told, "2026-03-02 08:30", APP)
    assert not [page for page in said.pages if "daily" in page.key]
    assert all(f.urgency is Urgency.TODAY for f in said.findings if f.rule == "daily")
