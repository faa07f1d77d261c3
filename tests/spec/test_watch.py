"""The watch: when a check is due, what counts as one, and what follows silence, in the patient's own civil time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handrail.rules.answer import Assessment
from handrail.rules.policy import Policy, load_policy
from tests.support.courses import Told, civil, instant

DOSE = "2026-03-02 09:00"


def dosed(step: str = "step_up_1", at: str = DOSE, **header: Any) -> Told:
    told = Told(**header)
    told.dose(step, at)
    return told


def check(told: Told, at: str, temperature_c: str | None = "36.8", **fields: Any) -> None:
    told.tell("checkin_received", at, temperature_c=temperature_c, **fields)


def due(told: Told, at: str, zone: str | None = None) -> str | None:
    """The civil time of the next check, in the patient's zone."""
    return civil(told.assess(at).watch.next_check_due, zone or told.zone)


def pages(answer: Assessment) -> list[str]:
    return [f"{page.key.split(':')[0]} {page.ladder.value}" for page in answer.pages]


def all_checks(told: Told, at: str, count: int) -> list[str]:
    """The due times of the next checks, each answered to the minute."""
    found: list[str] = []
    for _ in range(count):
        wanted = due(told, at)
        if wanted is None:
            break
        found.append(wanted)
        at = wanted
        check(told, at)
    return found


# --- when a check is due ------------------------------------------------------------------------------------------


def test_checks_after_a_step_up_dose():
    """48 h of checks every 4 h by day and one at 02:00, then every 8 h awake."""
    assert all_checks(dosed(), DOSE, 14) == [
        *("2026-03-02 12:00", "2026-03-02 16:00", "2026-03-02 20:00"),
        *("2026-03-03 02:00", "2026-03-03 08:00", "2026-03-03 12:00", "2026-03-03 16:00", "2026-03-03 20:00"),
        *("2026-03-04 02:00", "2026-03-04 08:00"),
        *("2026-03-04 16:00", "2026-03-04 22:00"),
        *("2026-03-05 08:00", "2026-03-05 16:00"),
    ]


def test_checks_after_the_first_treatment_dose_are_daily_to_day_14():
    checks = all_checks(dosed("first_treatment"), DOSE, 40)
    assert checks[:10] == all_checks(dosed(), DOSE, 10)
    assert checks[10:] == [f"2026-03-{day:02} 08:00" for day in range(5, 17)]


def test_the_watch_between_step_up_doses_ends_14_days_after_the_last_one():
    checks = all_checks(dosed(), DOSE, 60)
    assert checks[-2:] == ["2026-03-15 22:00", "2026-03-16 08:00"]
    told = dosed()
    check(told, "2026-03-16 08:00")
    answer = told.assess("2026-03-16 10:00")
    assert (answer.watch.phase, answer.watch.next_check_due) == ("none", None)


@pytest.mark.parametrize(
    # now                | in the window | phase             (dose on 2 March at 09:00)
    ("now", "in_window", "phase"),
    [
        ("2026-03-02 09:00", True, "risk_window"),
        ("2026-03-04 08:59", True, "risk_window"),
        ("2026-03-04 09:00", False, "step_up"),
        ("2026-03-16 09:59", False, "step_up"),
        ("2026-03-16 10:00", False, "none"),
    ],
)
def test_phases(now: str, in_window: bool, phase: str):
    told = dosed()
    check(told, max("2026-03-02 09:00", now))
    watch = told.assess(now).watch
    assert (watch.in_window, watch.phase) == (in_window, phase)
    assert civil(watch.window_ends) == "2026-03-04 09:00"


def test_the_next_watched_dose_begins_a_new_window():
    told = dosed()
    check(told, "2026-03-05 08:00")
    told.dose("step_up_2", "2026-03-05 09:00")
    answer = told.assess("2026-03-05 09:00")
    assert civil(answer.watch.window_ends) == "2026-03-07 09:00"
    assert due(told, "2026-03-05 09:00") == "2026-03-05 12:00"


def test_a_treatment_dose_has_no_watch_of_its_own():
    told = dosed("first_treatment")
    check(told, "2026-03-09 08:00")
    told.dose("treatment", "2026-03-09 09:00")
    assert told.assess("2026-03-09 09:00").watch.phase == "after_first_treatment"
    assert due(told, "2026-03-09 09:00") == "2026-03-10 08:00"
    only = dosed("treatment")
    assert only.assess(DOSE).watch.phase == "none" and due(only, DOSE) is None


def test_no_dose_and_an_ended_course_have_no_watch():
    assert due(Told(), "2026-03-02 09:00") is None
    told = dosed()
    told.tell("course_ended", "2026-03-02 18:00", because="died elsewhere", died=True)
    answer = told.assess("2026-03-03 18:00")
    assert due(told, "2026-03-03 18:00") is None and answer.pages == ()


@pytest.mark.parametrize(
    # dose at            | first check    (a check at the very minute of the dose is not asked for)
    ("at", "first"),
    [
        ("2026-03-02 07:59", "2026-03-02 08:00"),
        ("2026-03-02 08:00", "2026-03-02 12:00"),
        ("2026-03-02 19:59", "2026-03-02 20:00"),
        ("2026-03-02 20:00", "2026-03-03 02:00"),
        ("2026-03-02 23:59", "2026-03-03 02:00"),
    ],
)
def test_the_first_check_after_the_dose(at: str, first: str):
    assert due(dosed(at=at), at) == first


# --- what counts as a check ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # check at           | next due
    ("at", "then"),
    [
        ("2026-03-02 10:59", "2026-03-02 12:00"),
        ("2026-03-02 11:00", "2026-03-02 16:00"),  # 60 minutes early counts
        ("2026-03-02 12:00", "2026-03-02 16:00"),
        ("2026-03-02 13:30", "2026-03-02 16:00"),
        ("2026-03-02 14:59", "2026-03-02 16:00"),
        ("2026-03-02 15:00", "2026-03-02 20:00"),
    ],
)
@pytest.mark.parametrize("kind", ["checkin_received", "vitals_measured"])
def test_a_check_up_to_60_minutes_early_counts(kind: str, at: str, then: str):
    told = dosed()
    told.tell(kind, at, temperature_c="36.8")
    assert due(told, at) == then


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("checkin_received", {"none_of_these": True}),
        ("checkin_received", {"temperature_c": None, "none_of_these": True}),
        ("checkin_received", {"temperature_c": "384", "implausible": ["temperature_c"]}),
        ("checkin_received", {"temperature_c": "384"}),
        ("vitals_measured", {"systolic_mmhg": 120}),
        ("vitals_measured", {"temperature_c": "36.8", "source": "device"}),
        ("contact_made", {"reached": False, "outcome": "none"}),
        ("contact_made", {"reached": None}),
        ("ice_assessed", {"total_0_10": 10}),
        ("note_added", {"text": "all well"}),
        ("page_acknowledged", {}),
    ],
)
def test_what_is_no_check(kind: str, fields: dict[str, Any]):
    told = dosed()
    told.tell(kind, "2026-03-02 12:05", **fields)
    watch = told.assess("2026-03-02 13:00").watch
    assert (civil(watch.overdue_since), watch.overdue_stage) == ("2026-03-02 12:00", "paged")


def test_a_check_before_the_dose_does_not_count_for_the_time_after_it():
    told = Told()
    check(told, "2026-03-02 11:30")
    told.dose("step_up_1", "2026-03-02 11:45")
    assert due(told, "2026-03-02 11:50") == "2026-03-02 12:00"


def test_somebody_who_was_reached_has_answered_and_the_next_check_is_the_one_agreed():
    told = dosed()
    told.tell("contact_made", "2026-03-02 12:50", reached=True, outcome="staying_home")
    assert due(told, "2026-03-02 12:50") == "2026-03-02 16:00"
    agreed = instant("2026-03-02 14:30").isoformat()
    told.tell("contact_made", "2026-03-02 13:00", reached=True, outcome="staying_home", next_check_at=agreed)
    assert due(told, "2026-03-02 13:00") == "2026-03-02 14:30"
    assert told.assess("2026-03-02 15:30").watch.overdue_stage == "paged"
    check(told, "2026-03-02 15:40")
    assert due(told, "2026-03-02 15:40") == "2026-03-02 20:00"


@pytest.mark.parametrize(
    # agreed for                 | next due       (the window of this phase ends on 4 March at 09:00)
    ("agreed", "then"),
    [
        ("2026-03-02 18:00", "2026-03-02 18:00"),
        ("2026-03-04 08:59", "2026-03-02 16:00"),
        ("2026-03-04 09:00", "2026-03-02 16:00"),
        ("2027-03-02 18:00", "2026-03-02 16:00"),
    ],
)
def test_a_check_agreed_beyond_the_phase_silences_nothing(agreed: str, then: str):
    told = dosed()
    fields = {"reached": True, "outcome": "staying_home", "next_check_at": instant(agreed).isoformat()}
    told.tell("contact_made", "2026-03-02 12:50", **fields)
    assert due(told, "2026-03-02 12:50") == then


@pytest.mark.parametrize(
    ("temperature_c", "then"),
    [
        ("37.7", "2026-03-02 16:00"),
        ("37.8", "2026-03-02 13:00"),
        ("37.9", "2026-03-02 13:00"),
        ("38.0", "2026-03-02 16:00"),
    ],
)
def test_a_warm_reading_is_measured_again_in_an_hour(temperature_c: str, then: str):
    told = dosed()
    check(told, "2026-03-02 12:00", temperature_c)
    assert due(told, "2026-03-02 12:00") == then


# --- silence ------------------------------------------------------------------------------------------------------

RISK = ("step_up_1", "2026-03-02 12:00", "RED-3")
STEP_UP = ("step_up_1", "2026-03-04 16:00", "RED-4")
DAILY = ("first_treatment", "2026-03-05 08:00", "RED-4")


@pytest.mark.parametrize(
    # place, minutes late, stage, urgency of the finding, pages
    ("place", "minutes", "stage", "urgency", "ladders"),
    [
        (RISK, -1, None, None, []),
        (RISK, 0, "due", None, []),
        (RISK, 14, "due", None, []),
        (RISK, 15, "reminded", "today", []),
        (RISK, 29, "reminded", "today", []),
        (RISK, 30, "called", "today", []),
        (RISK, 59, "called", "today", []),
        (RISK, 60, "paged", "soon", ["overdue AMBER"]),
        (RISK, 119, "paged", "soon", ["overdue AMBER"]),
        (RISK, 120, "welfare", "now", ["welfare RED", "overdue AMBER"]),
        (RISK, 6000, "welfare", "now", ["welfare RED", "overdue AMBER"]),
        *[
            (place, minutes, stage, urgency, ladders)
            for place in (STEP_UP, DAILY)
            for minutes, stage, urgency, ladders in [
                (0, "due", None, []),
                (29, "due", None, []),
                (30, "reminded", "today", []),
                (59, "reminded", "today", []),
                (60, "called", "today", []),
                (89, "called", "today", []),
                (90, "paged", "soon", ["overdue AMBER"]),
                (119, "paged", "soon", ["overdue AMBER"]),
                (120, "welfare", "now", ["welfare RED", "overdue AMBER"]),
            ]
        ],
    ],
)
def test_the_overdue_clock(
    place: tuple[str, str, str], minutes: int, stage: str | None, urgency: str | None, ladders: list[str]
):
    step, due_at, red = place
    told = dosed(step)
    check(told, _before(due_at))
    now = civil(instant(due_at) + timedelta(minutes=minutes))
    answer = told.assess(now)
    late = minutes >= (15 if place is RISK else 30)
    assert answer.watch.overdue_stage == stage
    assert civil(answer.watch.next_check_due) == due_at
    assert civil(answer.watch.overdue_since) == (due_at if late else None)
    assert [f.urgency.value for f in answer.findings if f.rule == "watch"] == ([urgency] if urgency else [])
    assert pages(answer) == [words.replace("welfare RED", f"welfare {red}") for words in ladders]


def _before(due_at: str) -> str:
    """Two hours before a check: too early to count for it."""
    return civil(instant(due_at) - timedelta(hours=2))


def test_look_again_at_follows_the_overdue_clock():
    told = dosed()
    seen, now = [], "2026-03-02 09:00"
    for _ in range(5):
        now = civil(told.assess(now).look_again_at)
        seen.append(now)
    assert seen == [f"2026-03-02 {time}" for time in ("12:00", "12:15", "12:30", "13:00", "14:00")]


def test_who_does_what_while_the_check_is_missing():
    told = dosed()
    tasks = {minutes: told.assess(f"2026-03-02 12:{minutes:02}").tasks for minutes in (0, 15, 30)}
    asked = {
        minutes: [(task.who, civil(task.by)) for task in tasks[minutes] if "assessment" not in task.what]
        for minutes in tasks
    }
    assert asked == {
        0: [("patient", "2026-03-02 12:15")],
        15: [("patient", "2026-03-02 12:30")],
        30: [("patient", "2026-03-02 12:30"), ("nurse", "2026-03-02 13:00")],
    }


def test_the_last_check_of_the_window_keeps_its_clock_after_the_window():
    told = dosed()
    check(told, "2026-03-04 02:00")
    assert pages(told.assess("2026-03-04 09:00")) == ["overdue AMBER"]
    assert pages(told.assess("2026-03-04 10:00")) == ["welfare RED-3", "overdue AMBER"]


def test_silence_keeps_one_page_key_until_somebody_is_heard():
    told = dosed()
    keys = {told.assess(f"2026-03-0{day} 23:00").pages[0].key for day in (2, 3, 5, 9)}
    assert keys == {"welfare:2026-03-02T18:00:00Z"}
    check(told, "2026-03-09 23:30")
    assert told.assess("2026-03-09 23:30").pages == ()


# --- the patient's zone, and the nights when the clocks change ----------------------------------------------------


def test_checks_are_in_the_zone_where_the_patient_stays():
    told = dosed()
    told.tell("home_status", "2026-03-02 08:30", lodging=True, zone="America/Denver")
    assert due(told, "2026-03-02 10:00", "America/Denver") == "2026-03-02 12:00"
    assert due(told, "2026-03-02 10:00") == "2026-03-02 13:00"
    told.tell("home_status", "2026-03-02 17:00", lodging=False)
    assert due(told, "2026-03-02 17:00") == "2026-03-02 12:00", "moved back; the missed check is still missed"


def test_the_night_when_the_clocks_go_forward():
    told = dosed(at="2026-03-07 09:00")
    check(told, "2026-03-07 20:00")
    answer = told.assess("2026-03-08 00:30")
    assert civil(answer.watch.next_check_due) == "2026-03-08 03:00", "02:00 does not exist that night"
    assert "the clock changes that night: 02:00 does not exist" in answer.watch.because
    check(told, "2026-03-08 03:00")
    assert due(told, "2026-03-08 03:00") == "2026-03-08 08:00"
    assert civil(told.assess("2026-03-08 03:00").watch.window_ends) == "2026-03-09 10:00", "48 h, not two civil days"


def test_the_night_when_the_clocks_go_back():
    told = dosed(at="2026-10-31 09:00")
    check(told, "2026-10-31 20:00")
    answer = told.assess("2026-11-01 00:30")
    assert civil(answer.watch.next_check_due) == "2026-11-01 02:00"
    assert answer.watch.next_check_due == instant("2026-11-01T02:00:00-06:00")
    assert "the clock changes" not in answer.watch.because, "02:00 comes once that night"
    assert civil(answer.watch.window_ends) == "2026-11-02 08:00"


def test_a_check_at_an_hour_that_comes_twice_is_due_the_first_time():
    told = dosed(at="2026-10-31 09:00")
    check(told, "2026-10-31 20:00")
    answer = told.assess("2026-11-01 00:30", policy=_night_check("01:30"))
    assert answer.watch.next_check_due == instant("2026-11-01T01:30:00-05:00")
    assert "the clock changes that night: 01:30 occurs twice" in answer.watch.because


def test_an_ordinary_night_says_nothing_about_the_clock():
    told = dosed()
    check(told, "2026-03-02 20:00")
    assert "the clock changes" not in told.assess("2026-03-03 01:00").watch.because


def _night_check(time: str) -> Policy:
    """The default policy with its night check at another time."""
    policy = load_policy()
    phases = tuple(
        replace(phase, times=tuple(time if t == "02:00" else t for t in phase.times)) for phase in policy.watch.phase
    )
    return replace(policy, watch=replace(policy.watch, phase=phases))


# --- in hospital or in an emergency department --------------------------------------------------------------------


@pytest.mark.parametrize("location", ["hospital", "ed"])
def test_the_home_clocks_pause_in_care_and_start_again_at_discharge(location: str):
    told = dosed()
    told.tell("home_status", "2026-03-02 12:20", location=location, site="synthetic-ward")
    answer = told.assess("2026-03-02 18:00")
    assert (answer.watch.phase, answer.watch.next_check_due, answer.pages) == ("in_care", None, ())
    assert answer.watch.in_window and "synthetic-ward" in answer.watch.because
    told.tell("home_status", "2026-03-03 10:30", location="home")
    assert due(told, "2026-03-03 10:30") == "2026-03-03 12:00"
    assert told.assess("2026-03-03 10:30").watch.overdue_since is None


@pytest.mark.parametrize(
    # what is written down after the patient came to the ED | still in care
    ("fields", "in_care"),
    [({"caregiver_count": 1}, True), ({"location": None}, False), ({"location": "lodging"}, False)],
)
def test_only_a_word_about_the_place_ends_the_care_in_a_hospital(fields: dict[str, Any], in_care: bool):
    told = dosed()
    told.tell("home_status", "2026-03-02 12:20", location="ed", site="synthetic-ed")
    told.tell("home_status", "2026-03-02 12:40", **fields)
    answer = told.assess("2026-03-02 18:00").watch
    assert (answer.phase == "in_care") is in_care
    assert (answer.next_check_due is None) is in_care


@pytest.mark.parametrize(
    "fields",
    [
        {"location": "hospital"},  # under nobody's name
        {"location": "home", "site": "synthetic-ward"},
        {"location": "lodging", "site": "synthetic-ward"},
        {"location": None, "site": "synthetic-ward"},
        {"caregiver_count": 1, "site": "synthetic-ward"},
    ],
)
def test_the_home_clocks_do_not_pause(fields: dict[str, Any]):
    told = dosed()
    told.tell("home_status", DOSE, **fields)
    assert pages(told.assess("2026-03-02 13:00")) == ["overdue AMBER"]


def test_a_sensor_that_goes_on_measuring_hides_no_silence():
    """A thermometer on the skin sends every ten minutes, also of a patient who cannot answer."""
    told = dosed()
    for minute in range(0, 60, 10):
        told.tell("vitals_measured", f"2026-03-02 12:{minute:02d}", temperature_c="36.9", source="device")
    watch = told.assess("2026-03-02 13:00").watch
    assert civil(watch.overdue_since, told.zone) == "2026-03-02 12:00"


def test_a_warm_reading_of_a_sensor_asks_for_a_check_soon_and_no_further_one_puts_it_off():
    told = dosed()
    check(told, "2026-03-02 12:00")
    assert due(told, "2026-03-02 12:01") == "2026-03-02 16:00"
    told.tell("vitals_measured", "2026-03-02 12:30", temperature_c="37.8", source="device")
    first = due(told, "2026-03-02 12:30")
    for minute in (40, 50):
        told.tell("vitals_measured", f"2026-03-02 12:{minute}", temperature_c="37.8", source="device")
    told.tell("vitals_measured", "2026-03-02 12:55", temperature_c="36.9", source="device")
    assert due(told, "2026-03-02 12:56") == first != "2026-03-02 16:00"
    check(told, "2026-03-02 12:57", "36.8")
    assert due(told, "2026-03-02 12:58") == "2026-03-02 16:00"


def test_a_warm_reading_of_a_sensor_comes_before_a_later_check_that_was_agreed_by_phone():
    told = dosed()
    check(told, "2026-03-02 12:00")
    agreed = instant("2026-03-02 19:00").isoformat()
    told.tell(
        "contact_made",
        "2026-03-02 12:10",
        reached=True,
        outcome="staying_home",
        next_check_at=agreed,
        **{"with": "patient"},
    )
    assert due(told, "2026-03-02 12:20") == "2026-03-02 19:00"
    told.tell("vitals_measured", "2026-03-02 12:30", temperature_c="37.8", source="device")
    assert due(told, "2026-03-02 12:31") == "2026-03-02 13:30"
