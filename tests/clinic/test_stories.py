"""Whole stories with fake phones: who is called when, by the real verbs, the real rules and the real watcher."""

from datetime import UTC, datetime, timedelta

import pytest

from handrail.alerts.models import Page
from tests.support.factories import make_shift

WEEK = timedelta(days=7)


def test_a_fever_at_night_that_nobody_answers_goes_round_and_never_falls_silent(clinic):
    patient = clinic.patient_after("step_up_1", at="Tue 10:00")
    patient.reports(celsius="38.4", at="Wed 02:13")
    assert patient.screen == "Saved Wednesday, March 4, 2:13 AM CST. The clinician on call is being called."
    first, second, attending = (clinic.phone(name) for name in ("first on call", "second on call", "attending"))
    first.expects_page("fever in the window", at="Wed 02:13", ladder="RED-3")
    for again in range(2):  # half an hour a round
        clinic.fast_forward(minutes=29, seconds=59)
        late = timedelta(minutes=30 * again)
        began = clinic.instant("2026-03-04 02:13") + late
        first.expects_page("not acknowledged", at=began + timedelta(minutes=5))
        second.expects_page("not acknowledged", at=began + timedelta(minutes=10))
        attending.expects_page("not acknowledged", at=began + timedelta(minutes=20))
        clinic.fast_forward(seconds=1)
        first.expects_page("not acknowledged", at=began + timedelta(minutes=30))
    first.expects_page("CRS grade and ICE score not recorded", at="Wed 03:13")
    assert patient.open_alerts() == ["RED-3", "RED-3"]


def test_somebody_who_has_it_is_not_called_again_until_the_clinical_clock_runs_out(clinic):
    """Acknowledged but not assessed: "I have it" stops the pages, never the clinical clock."""
    patient = clinic.patient_after("step_up_1", at="Tue 10:00")
    patient.reports(celsius="38.4", at="Wed 02:13")
    first = clinic.phone("first on call")
    first.expects_page("fever in the window")
    clinic.fast_forward(minutes=4)
    assert first.says_i_have_it().mine
    clinic.until("Wed 02:28")
    first.expects_page("contact with the patient is not confirmed", at="Wed 02:28", ladder="RED-3")
    first.says_i_have_it()
    clinic.until("Wed 03:12")
    first.expects_nothing()
    clinic.until("Wed 03:13")
    first.expects_page("CRS grade and ICE score not recorded", at="Wed 03:13", ladder="RED-3")
    first.says_i_have_it()
    patient.is_assessed(celsius="38.4", episode_open=True)
    clinic.until("Wed 12:00")
    assert patient.open_alerts() == []


def test_a_patient_who_falls_silent_is_looked_for(clinic):
    patient = clinic.patient_after("step_up_1", at="Tue 10:00")
    patient.reports(at="Tue 19:30")
    patient.falls_silent()
    clinic.until("Wed 02:59")  # the check of 02:00 is reminded of, then the nurse calls: no page yet
    first = clinic.phone("first on call")
    first.expects_nothing()
    clinic.until("Wed 03:14")
    first.expects_page("check-in overdue", at="Wed 03:00", ladder="AMBER")
    clinic.until("Wed 03:59")
    clinic.phone("second on call").expects_page("check-in overdue, not acknowledged", at="Wed 03:15")
    clinic.phone("attending").expects_page("check-in overdue, not acknowledged", at="Wed 03:30")
    first.expects_page("check-in overdue, not acknowledged", at="Wed 03:45")
    clinic.until("Wed 04:00")
    first.expects_page("no answer: welfare check", at="Wed 04:00", ladder="RED-3")
    clinic.phone("second on call").expects_page("check-in overdue", at="Wed 04:00")
    patient.reports()
    assert patient.open_alerts() == []
    patient.speaks_again()
    clinic.until("Wed 20:00")


def test_a_hole_in_the_rota_is_passed_over_at_once(clinic):
    patient = clinic.patient_after("step_up_1", at="Tue 10:00")
    clinic.nobody_is("first on call")
    patient.reports(celsius="38.4", at="Wed 02:13")
    clinic.phone("second on call").expects_page("fever in the window", at="Wed 02:13")
    assert patient.screen == "Saved Wednesday, March 4, 2:13 AM CST. The second clinician on call is being called."
    assert Page.objects.filter(state=Page.State.NOBODY_ON).count() == 2, "what did not happen is on record"


def test_nobody_on_call_at_all_the_patient_is_told_the_truth_and_the_number(clinic):
    patient = clinic.patient_after("step_up_1", at="Tue 10:00")
    clinic.nobody_is()
    patient.reports(celsius="38.4", at="Wed 02:13")
    assert "NOBODY could be reached from here." in patient.screen and "555-0111" in patient.screen
    clinic.fast_forward(minutes=9)
    make_shift(clinic.house.organisation, "first_on_call", clinic.phone("first on call").user)
    clinic.fast_forward(minutes=1)
    clinic.phone("first on call").expects_page("fever in the window", at="Wed 02:23")


def test_two_fevers_of_one_night(clinic):
    """The second finds the alert of the first open and in hand; assessed and come again, it calls anew."""
    patient = clinic.patient_after("step_up_1", at="Tue 10:00")
    patient.reports(celsius="38.4", at="Wed 00:13")
    first = clinic.phone("first on call")
    first.expects_page("fever in the window", at="Wed 00:13")
    first.says_i_have_it()
    patient.reports(celsius="38.9", at="Wed 00:25")
    first.expects_nothing()
    assert patient.screen == "Saved Wednesday, March 4, 12:25 AM CST. The team has it."
    patient.is_assessed(celsius="38.9", episode_open=True, at="Wed 00:27")
    assert patient.open_alerts() == []
    patient.reports(celsius="39.1", at="Wed 04:20")
    first.expects_page("fever in the window", at="Wed 04:20", ladder="RED-3")


def test_what_gets_worse_calls_again_although_somebody_has_it(clinic):
    patient = clinic.patient_after("step_up_1", at="Tue 10:00")
    patient.reports(celsius="38.4", at="Wed 02:13")
    first = clinic.phone("first on call")
    first.expects_page("fever in the window")
    first.says_i_have_it()
    patient.reports(celsius="38.6", symptoms=["confused"], at="Wed 02:25")
    first.expects_page("neurological sign reported", at="Wed 02:25", ladder="RED-2")


def test_a_phone_whose_provider_is_down_holds_up_nobody(clinic):
    patient = clinic.patient_after("step_up_1", at="Tue 10:00")
    first, second = clinic.phone("first on call"), clinic.phone("second on call")
    first.dies()
    patient.reports(celsius="38.4", at="Wed 02:13")
    clinic.until("Wed 02:23")
    first.expects_page("fever in the window", at="Wed 02:13")
    first.expects_page("fever in the window, not acknowledged", at="Wed 02:18")
    second.expects_page("fever in the window, not acknowledged", at="Wed 02:23")
    mails = Page.objects.filter(channel="email", user=first.user).order_by("attempt")
    assert [(mail.state, mail.tries) for mail in mails] == [("failed", 6)] * 2


def test_four_calm_weeks_call_nobody(clinic):
    """Twenty-eight days at home: the step-up doses, three full doses, every check in time; no page at all."""
    patient = clinic.patient_after("step_up_1", at="Tue 10:00")
    patient.is_given("step_up_2", at="Fri 10:00")
    patient.is_given("first_treatment", at="Mon 10:00")
    patient.is_given("treatment", at=clinic.now + WEEK)
    patient.is_given("treatment", at=clinic.now + WEEK)
    clinic.fast_forward(days=8)
    assert patient.course.events.filter(kind="checkin_received").count() > 40
    assert patient.course.events.filter(kind__startswith="page_").count() == 0


def test_the_night_of_the_clock_change_is_calm(clinic):
    """The check of 02:00 does not exist in that night; it is made at the instant that takes its place, and nobody is called."""
    patient = clinic.patient_after("step_up_1", at="Sat 10:00")
    clinic.until("Mon 08:00")
    sent = patient.course.events.filter(kind="checkin_received").order_by("occurred_at")
    assert datetime(2026, 3, 8, 7, 55, tzinfo=UTC) in [check.occurred_at for check in sent]


@pytest.mark.parametrize("step", ["step_up_2", "first_treatment"])
def test_a_patient_further_on_came_there_by_the_steps_before(clinic, step):
    patient = clinic.patient_after(step, at="Tue 10:00")
    given = patient.course.events.filter(kind="dose_given").order_by("occurred_at")
    assert [dose.payload["step"] for dose in given][-1] == step
    assert given.last().occurred_at == clinic.now
    clinic.fast_forward(days=2)
