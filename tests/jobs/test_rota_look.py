"""A gap in the rota ahead is paged to the site manager today, once, and closes when somebody fills it."""

from datetime import date, datetime, timedelta
from datetime import time as clock_time

import pytest

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.answering import acknowledge
from handrail.actions.people import end_role
from handrail.actions.rota import put_on_rota
from handrail.actions.rota_plans import add_holiday, add_plan
from handrail.alerts import heartbeat
from handrail.alerts.models import Alert, Page
from handrail.jobs import watcher as watcher_module
from handrail.jobs.watcher import POISON_PAUSE, Watcher
from handrail.people.models import Membership, Shift, Site
from handrail.people.scope import everything
from tests.support.factories import (
    MONDAY_0900,
    World,
    make_certificate,
    make_member,
    make_shift,
    make_site,
    opens_inbox,
)
from tests.support.mail import mail_server, use_port

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900
SUNDAY = NOW + timedelta(days=6)
"""Sunday 8 March 2026, 9:00 by the old clock: the night before, the clock went forward."""


@pytest.fixture
def time():
    with clock.use(clock.FrozenClock(NOW)) as frozen, everything():
        yield frozen


@pytest.fixture
def world(time):
    """Alice's rota is full but for two hours next Sunday; her only site is due for a look."""
    world = World()
    world.manager = make_member(world.alice.organisation, "site_manager", "Synthetic Manager")
    opens_inbox(world.alice.organisation, world.manager)
    first = Shift.objects.get(organisation=world.alice.organisation, step="first_on_call")
    first.ends_at = SUNDAY
    first.save()
    make_shift(world.alice.organisation, "first_on_call", world.alice.on_call, starts_at=SUNDAY + timedelta(hours=2))
    look_soon(world.alice.site)
    return world


def look_soon(site: Site) -> None:
    Site.objects.filter(pk=site.pk).update(rota_look_at=clock.now())


def fill(world) -> Shift:
    return put_on_rota(
        world.alice.id,
        step="first_on_call",
        user_id=world.alice.nurse.pk,
        starts_at=SUNDAY,
        ends_at=SUNDAY + timedelta(hours=2),
        by=person(world.alice.director),
    )


def opened() -> list[Alert]:
    return list(Alert.objects.filter(course__isnull=True).order_by("opened_at", "key"))


def paged(alert: Alert) -> list[datetime]:
    return [page.created_at for page in Page.objects.filter(alert=alert, channel="on_screen").order_by("attempt")]


def look(time, after: timedelta = timedelta()) -> None:
    time.set(NOW + after)
    Watcher().look()


def test_a_gap_next_sunday_is_paged_today_to_the_site_manager(world, time):
    look(time)
    (alert,) = opened()
    assert alert.what == ("Nobody is first on call from Sun 8 Mar 2026 10:00 CDT until Sun 8 Mar 2026 12:00 CDT")
    assert (alert.urgency, alert.ladder, alert.opened_at) == ("today", "GREEN", NOW)
    assert alert.key == "place:rota:all:first_on_call:nobody:2026-03-08"
    pages = Page.objects.filter(alert=alert, channel="on_screen")
    assert [(page.user, page.created_at) for page in pages] == [(world.manager, NOW)]


def test_it_is_one_alert_however_often_the_rota_is_looked_at(world, time):
    for hours in (0, 1, 2, 30):
        look(time, timedelta(hours=hours))
    assert len(opened()) == 1


def test_it_closes_when_it_is_filled_at_once_and_reopens_when_it_comes_back(world, time):
    look(time)
    shift = fill(world)
    look(time)
    (alert,) = opened()
    assert (alert.closed_because, alert.closed_at) == ("the reason is over", NOW)
    shift.delete()
    look(time, timedelta(hours=1))
    assert [each.reopened_of for each in opened()] == [None, alert]


def test_a_day_before_it_is_more_urgent_and_pages_again_although_somebody_had_it(world, time):
    look(time)
    acknowledge(opened()[0].pk, by=person(world.manager))
    look(time, timedelta(days=5) - timedelta(minutes=1))
    assert len(opened()) == 1
    look(time, timedelta(days=5))
    first, second = opened()
    assert (first.closed_because, second.ladder, second.reopened_of) == ("more urgent now", "AMBER", first)
    assert Page.objects.filter(alert=second, user=world.manager).exists()


def test_a_gap_that_somebody_has_who_leaves_goes_on_to_the_next(world, time):
    nurse = make_member(world.alice.organisation, "nurse", "Synthetic Leaver")
    look(time)
    (alert,) = opened()
    acknowledge(alert.pk, by=person(nurse))
    look(time, timedelta(minutes=20))
    assert paged(alert) == [NOW]
    end_role(Membership.objects.get(user=nurse).pk, by=person(world.alice.director), now=clock.now())
    look(time, timedelta(minutes=20))
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.acknowledged_at) == (None, None)
    waits = timedelta(minutes=alert.steps[0]["wait_minutes"])
    look(time, waits)
    assert paged(alert)[:2] == [NOW, NOW + waits], "the ladder goes on from where it stood"
    assert [entry.payload["because"] for entry in alert.entries.filter(kind="page_resumed")] == ["left"]


def test_a_gap_that_somebody_has_whose_role_ends_by_itself_is_paged_again_at_the_next_look(world, time):
    nurse = make_member(world.alice.organisation, "nurse", "Synthetic Leaver")
    look(time)
    (alert,) = opened()
    acknowledge(alert.pk, by=person(nurse))
    Membership.objects.filter(user=nurse).update(valid_until=NOW + timedelta(minutes=30))
    look(time, timedelta(minutes=20))
    assert paged(alert) == [NOW]
    look(time, timedelta(hours=2))
    assert len(paged(alert)) > 1


def test_a_gap_beyond_two_weeks_is_paged_when_it_comes_near(world, time):
    fill(world)
    Shift.objects.filter(step="attending").update(ends_at=NOW + timedelta(days=20))
    look(time)
    assert opened() == []
    look(time, timedelta(days=6, hours=1))
    assert [alert.key for alert in opened()] == ["place:rota:all:attending:nobody:2026-03-22"]


def test_training_that_runs_out_is_told_with_what_happens_until_it_is_mended(world, time):
    fill(world)
    nurse = make_member(world.alice.organisation, "on_call", "Synthetic Expiring", trained=False)
    make_certificate(world.alice.organisation, nurse, valid_until=date(2026, 3, 5))
    make_shift(world.alice.organisation, "second_on_call", nurse, is_override=True)
    look(time)
    (alert,) = opened()
    assert (
        "Synthetic Expiring is second on call without a current certificate on_call_ladder from Fri 6 Mar" in alert.what
    )
    assert "paged all the same, rather than nobody" in alert.because


@pytest.mark.parametrize(
    ("last_day", "told"),
    [
        (date(2026, 3, 31), ["Tue 31 Mar 2026"]),  # the thirtieth day from today is the first without it
        (date(2026, 4, 1), []),
        (date(2026, 3, 2), ["Mon 2 Mar 2026"]),  # today is the last
        (date(2026, 3, 1), []),  # over: nobody stands on the rota with it, and the page of training says it
        (None, []),
    ],
)
def test_a_certificate_is_said_days_before_it_ends(world, time, last_day, told):
    fill(world)
    someone = make_member(world.alice.organisation, "on_call", "Synthetic Expiring", trained=False)
    make_certificate(world.alice.organisation, someone, valid_until=last_day)
    look(time)
    said = [f"The certificate on_call_ladder of Synthetic Expiring ends: {day} is its last day" for day in told]
    assert [alert.what for alert in opened()] == said
    assert {(alert.ladder, alert.site_id) for alert in opened()} <= {("GREEN", None)}
    pages = Page.objects.filter(alert__in=opened(), channel="on_screen")
    assert [page.user for page in pages] == [world.manager] * len(told)


def test_what_is_about_a_whole_organisation_does_not_leave_with_a_site_that_is_unknown(world, time, settings):
    fill(world)
    someone = make_member(world.alice.organisation, "on_call", "Synthetic Expiring", trained=False)
    make_certificate(world.alice.organisation, someone, valid_until=date(2026, 3, 20))
    with mail_server() as server:
        use_port(settings, server.port)
        look(time)
        (mail,) = server.arrived
    (alert,) = opened()
    assert mail.to == (world.manager.email,)
    assert mail.message["Subject"] == "Handrail: TODAY, site all"
    assert f"Site all. Code {alert.code}." in mail.body
    of_no_site = Alert(organisation=world.alice.organisation, course=world.course)
    assert of_no_site.site_words == "not known"


def test_a_certificate_that_is_renewed_closes_what_said_that_it_ends(world, time):
    fill(world)
    someone = make_member(world.alice.organisation, "on_call", "Synthetic Expiring", trained=False)
    make_certificate(world.alice.organisation, someone, valid_until=date(2026, 3, 20))
    for hours in (0, 30):
        look(time, timedelta(hours=hours))
    assert len(opened()) == 1
    make_certificate(world.alice.organisation, someone, valid_from=date(2026, 3, 21), valid_until=date(2027, 3, 20))
    look_soon(world.alice.site)
    look(time, timedelta(hours=31))
    assert [alert.closed_because for alert in opened()] == ["the reason is over"]


def test_a_certificate_that_no_step_asks_for_is_not_paged(world, time):
    fill(world)
    someone = make_member(world.alice.organisation, "on_call", "Synthetic Expiring")
    make_certificate(world.alice.organisation, someone, kind="other_course", valid_until=date(2026, 3, 20))
    look(time)
    assert opened() == []


def test_thanksgiving_week_with_a_gap_is_seen(world, time):
    """The whole year is covered by a weekly plan; the holiday is not."""
    time.set(NOW.replace(month=11, day=20))
    director = person(world.alice.director)
    Shift.objects.filter(organisation=world.alice.organisation, step="attending").delete()
    nights = {"step": "attending", "user_id": world.alice.on_call.pk, "weekdays": range(7), "by": director}
    half = {"first_day": date(2026, 11, 19)}
    add_plan(world.alice.id, starts=clock_time(7), ends=clock_time(19), **nights, **half)
    add_plan(world.alice.id, starts=clock_time(19), ends=clock_time(7), **nights, **half)
    look_soon(world.alice.site)
    Watcher().look()
    assert [alert for alert in opened() if "attending" in alert.what and alert.closed_at is None] == []
    add_holiday(world.alice.id, on=date(2026, 11, 26), name="Thanksgiving", by=director)
    Watcher().look()
    (alert,) = [alert for alert in opened() if "attending" in alert.what and alert.closed_at is None]
    assert alert.what == ("Nobody is attending from Thu 26 Nov 2026 07:00 CST until Fri 27 Nov 2026 07:00 CST")


def test_what_all_sites_share_is_told_once_and_what_one_site_lacks_by_that_site(world, time):
    fill(world)
    second = make_site(world.alice.organisation, name="Synthetic Second", rota_look_at=NOW)
    Shift.objects.filter(step="attending").update(ends_at=SUNDAY)
    own = make_shift(world.alice.organisation, "second_on_call", world.alice.nurse, site=second, is_override=True)
    Shift.objects.filter(step="second_on_call").exclude(pk=own.pk).delete()
    Shift.objects.filter(pk=own.pk).update(ends_at=SUNDAY)
    look(time)
    told = {(alert.key.split(":")[3], alert.site) for alert in opened() if alert.site}
    assert told == {("second_on_call", second)}
    shared = [alert.key for alert in opened() if alert.site is None and "attending" in alert.key]
    assert shared == ["place:rota:all:attending:nobody:2026-03-08"]


def test_the_plans_are_made_on_as_time_passes(world, time):
    fill(world)
    plan = add_plan(
        world.alice.id,
        step="nurse",
        user_id=world.alice.nurse.pk,
        weekdays=[0],
        starts=clock_time(8),
        ends=clock_time(12),
        first_day=date(2026, 3, 9),
        by=person(world.alice.director),
    )
    before = plan.shifts.count()
    look(time, timedelta(days=28))
    assert plan.shifts.count() == before + 4


def test_a_look_stores_the_next_and_one_that_fails_stops_no_other(world, time, monkeypatch):
    look(time)
    world.alice.site.refresh_from_db()
    assert (world.alice.site.rota_look_at, world.alice.site.claimed_by) == (NOW + timedelta(hours=1), "")
    monkeypatch.setattr(watcher_module, "look_at_rota", lambda *_: 1 / 0)
    look(time, timedelta(hours=1))
    world.alice.site.refresh_from_db()
    assert world.alice.site.rota_look_at == NOW + timedelta(hours=1) + POISON_PAUSE


def test_a_rota_that_nobody_looks_at_counts_as_behind(world, time):
    time.set(NOW + timedelta(minutes=1))
    assert heartbeat.behind(clock.now()) == 1
    Watcher().look()
    assert heartbeat.behind(clock.now()) == 0
