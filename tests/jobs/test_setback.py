"""A clock that was set back by two hours: nobody is paged two hours late, and nothing that was reported is forgotten."""

from datetime import timedelta

import pytest
from django.db import connection

from handrail.actions.actor import person
from handrail.actions.holding import hand_over
from handrail.alerts import heartbeat
from handrail.alerts.models import Alert, Page
from handrail.jobs.setback import bring_back
from handrail.jobs.watcher import Watcher
from handrail.records.models import Course
from tests.support.clinic import open_clinic

pytestmark = pytest.mark.django_db
TWO_HOURS = timedelta(hours=2)


@pytest.fixture
def clinic(db):
    with open_clinic() as found:
        yield found


def fever(clinic, *, watched: bool = True):
    patient = clinic.patient_after("step_up_1", at="Tue 10:00")
    clinic.until("Wed 02:13")
    patient.falls_silent()
    if not watched:
        clinic.loses_its_watcher()
    patient.reports(celsius="38.4")
    return patient


def sets_back(clinic, by: timedelta = TWO_HOURS) -> None:
    """The clock of the machine, and the watcher's next look."""
    clinic.time.set(clinic.now - by)
    clinic.watcher.look()


def a_second_later(clinic):
    """By the clock of the story and by that of the machine, which says how soon it is looked for such rows again."""
    clinic.time.advance(seconds=1)
    clinic.watcher._brought = 0.0
    clinic.watcher.look()


def test_a_page_that_was_due_just_before_goes_out_at_once(clinic):
    watcher = clinic.watcher
    fever(clinic, watched=False)
    clinic.watcher = watcher
    sets_back(clinic)
    clinic.phone("first on call").expects_page("fever in the window", at="2026-03-04 00:13")


def test_a_watcher_that_begins_after_it_pages_at_once_too(clinic):
    fever(clinic, watched=False)
    clinic.watcher = Watcher()
    sets_back(clinic)
    clinic.phone("first on call").expects_page("fever in the window", at="2026-03-04 00:13")


def test_the_ladder_goes_on_at_once_and_then_in_its_own_steps(clinic):
    fever(clinic)
    first = clinic.phone("first on call")
    first.expects_page("fever in the window", at="2026-03-04 02:13")
    clinic.fast_forward(minutes=4)
    sets_back(clinic)
    first.expects_page("fever in the window, not acknowledged", at="2026-03-04 00:17")
    clinic.fast_forward(minutes=5)
    clinic.phone("second on call").expects_page("not acknowledged", at="2026-03-04 00:22")


def test_what_was_reported_before_it_is_not_forgotten(clinic):
    """The fever lies in the future now; a look and a quiet check that came late leave its alert open."""
    patient = fever(clinic)
    clinic.phone("first on call").expects_page("fever in the window")
    clinic.phone("first on call").says_i_have_it()
    sets_back(clinic)
    Course.objects.update(look_again_at=clinic.now)
    clinic.watcher.look()
    patient.reports(celsius="36.8")
    assert patient.open_alerts() == ["RED-3"]
    assert patient.course.assessment["triage"]["ladder"] == "RED-3"


def test_a_hold_lasts_no_longer_than_it_was_to(clinic):
    """Asked for ten minutes to take a RED alert over, nobody does; without this the pages would go on two hours after that."""
    fever(clinic)
    first = clinic.phone("first on call")
    first.expects_page("fever in the window", at="2026-03-04 02:13")
    first.says_i_have_it()
    alert = Alert.objects.get(closed_at=None)
    hand_over(alert.pk, clinic.house.nurse, by=person(first.user), now=clinic.now)
    clinic.look()
    clinic.phone("nurse").expects_page("fever in the window", at="2026-03-04 02:13")
    sets_back(clinic)
    clinic.fast_forward(minutes=9)
    first.expects_nothing()
    clinic.fast_forward(minutes=1)
    first.expects_page("fever in the window, not acknowledged", at="2026-03-04 00:23")


def test_a_lease_from_a_time_to_come_holds_nothing_up(clinic):
    fever(clinic, watched=False)
    died = Watcher()
    assert died._claim_alert() is not None
    clinic.watcher = Watcher()
    sets_back(clinic)
    clinic.phone("first on call").expects_page("fever in the window", at="2026-03-04 00:13")


def test_a_mail_that_waited_for_its_next_try_is_tried_at_once(clinic):
    first = clinic.phone("first on call")
    first.dies()
    fever(clinic)
    mail = Page.objects.filter(channel="email", attempt=0)
    assert mail.get().state == "sending"
    first.dead = False
    sets_back(clinic)
    assert mail.get().state == "sent"
    clinic.collect()
    for page in first.arrived:
        page.expected = True


def test_what_stays_judged_ahead_of_the_clock_is_looked_at_once_and_not_without_end(clinic):
    """A look that makes its own work never ends: pages would wait behind it."""
    fever(clinic)
    clinic.phone("first on call").expects_page("fever in the window")
    sets_back(clinic)
    for _ in range(3):
        a_second_later(clinic)
    lease, now = timedelta(minutes=4), clinic.now
    assert bring_back(now, longest_lease=lease, before=clinic.watcher._brought_back) == 0
    assert bring_back(now, longest_lease=lease) > 0, "it still lies ahead of the clock"
    clinic.phone("first on call").expects_page("fever in the window, not acknowledged", at="2026-03-04 00:13")


def test_a_mail_that_cannot_leave_just_then_is_tried_with_its_pauses(clinic):
    """Six tries in six seconds, and the page would be given up before the mail server is back."""
    first = clinic.phone("first on call")
    first.dies()
    fever(clinic)
    mail = Page.objects.filter(channel="email", attempt=0)
    before = mail.get().tries
    sets_back(clinic)
    for _ in range(5):
        a_second_later(clinic)
    assert (mail.get().state, mail.get().tries - before) == ("sending", 2)  # at once, and four seconds after it
    clinic.collect()
    for page in first.arrived:
        page.expected = True


def test_a_sign_of_life_from_a_time_to_come_is_none(clinic):
    heartbeat.beat("it died", clinic.now + TWO_HOURS)
    clinic.time.advance(seconds=31)
    assert not heartbeat.status(clinic.now).watching
    clinic.beat()
    assert heartbeat.status(clinic.now).watching


def test_nothing_is_brought_back_that_waits_rightly(clinic):
    """A step of the ladder, a course of next week, a page that is being sent."""
    fever(clinic)
    clinic.phone("first on call").expects_page("fever in the window")
    Page.objects.filter(channel="email").update(
        state="sending", sent_at=None, send_at=clinic.now + timedelta(seconds=30)
    )

    def waiting():
        alerts = Alert.objects.order_by("id").values_list("next_page_at", "lease_until")
        return [*alerts, *Page.objects.order_by("id").values_list("send_at")]

    before = waiting()
    assert bring_back(clinic.now, longest_lease=timedelta(minutes=2)) == 0
    assert waiting() == before


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_whoever_stands_still_in_a_transaction_keeps_no_watcher_waiting(transactional_db):
    """Another process holds the alert for as long as it likes: the look goes on without it, and it is paged as soon as it is free."""
    with open_clinic() as clinic:
        fever(clinic, watched=False)
        alert, before = Alert.objects.get(), set()
        now = clinic.now - TWO_HOURS
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")  # a wait without end would say less
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                cursor.execute("RESET ROLE")
                cursor.execute("BEGIN")
                cursor.execute("SELECT 1 FROM alerts_alert WHERE id = %s FOR UPDATE", [alert.pk])
            bring_back(now, longest_lease=timedelta(minutes=5), before=before)
            alert.refresh_from_db()
            assert alert.next_page_at > now
        finally:
            other.close()
        bring_back(now, longest_lease=timedelta(minutes=5), before=before)
        alert.refresh_from_db()
        assert alert.next_page_at == now
