"""The harness can fail: an unexpected page, a missing one, a wrong time, and a page that says too much."""

import pytest

from handrail.alerts.models import Page
from tests.support import fake_smtp
from tests.support.clinic import open_clinic

pytestmark = pytest.mark.django_db


def fever(clinic):
    patient = clinic.patient_after("step_up_1", at="Tue 10:00")
    patient.reports(celsius="38.4", at="Wed 02:13")
    return clinic.phone("first on call")


def test_a_page_that_nobody_expected_fails_the_test():
    wanted = r"unexpected pages(?s:.*)! Wed 04 02:13:00  first_on_call: RED-3 fever"
    with pytest.raises(AssertionError, match=wanted), open_clinic() as clinic:
        fever(clinic)


def test_so_does_one_more_than_were_expected(clinic):
    phone = fever(clinic)
    phone.expects_page("fever")
    clinic.fast_forward(minutes=5)
    with pytest.raises(AssertionError, match="not acknowledged"):
        clinic.close()
    phone.expects_page("not acknowledged")


@pytest.mark.parametrize(
    ("expected", "why"),
    [
        ({"words": "something else"}, "no page 'something else' for"),
        ({"words": "fever", "at": "Wed 02:14"}, "expected at"),
        ({"words": "fever", "ladder": "AMBER"}, "expected AMBER"),
    ],
)
def test_another_page_than_the_expected_one_fails(clinic, expected, why):
    phone = fever(clinic)
    with pytest.raises(AssertionError, match=why):
        phone.expects_page(**expected)
    phone.expects_page("fever")


def test_a_page_that_did_not_come_fails(clinic):
    with pytest.raises(AssertionError, match="no page"):
        clinic.phone("attending").expects_page("fever")


def test_a_reading_that_left_the_machine_fails(clinic):
    phone = fever(clinic)
    (mail,) = fake_smtp.taken
    text, mail.body = mail.body, f"{mail.body} 38.4"
    with pytest.raises(AssertionError, match=r"38\.4"):
        phone.expects_page("fever")
    mail.body = text
    phone.expects_page("fever")


def test_a_page_that_was_on_screen_only_fails(clinic):
    phone = fever(clinic)
    mails, fake_smtp.taken[:] = list(fake_smtp.taken), []
    with pytest.raises(AssertionError, match="nothing left for the phone"):
        phone.expects_page("fever")
    fake_smtp.taken.extend(mails)
    phone.expects_page("fever")


def test_without_a_watcher_nothing_is_paged_and_the_patient_is_told(clinic):
    patient = clinic.patient_after("step_up_1", at="Tue 10:00")
    clinic.loses_its_watcher()
    patient.reports(celsius="38.4", at="Wed 02:13")
    assert "NOBODY could be reached from here" in patient.screen
    assert Page.objects.count() == 0
    clinic.gets_a_watcher()
    clinic.phone("first on call").expects_page("fever in the window", at="Wed 02:13")


@pytest.mark.parametrize(
    ("said", "is_at"),
    [
        ("Mon 09:00", "2026-03-02 09:00"),
        ("Mon 08:59", "2026-03-09 08:59"),
        ("Sun 03:30", "2026-03-08 03:30"),
        ("2026-03-08 12:00", "2026-03-08 12:00"),
    ],
)
def test_a_day_of_the_week_is_the_next_one(clinic, said, is_at):
    assert clinic.instant(said) == clinic.instant(is_at)
