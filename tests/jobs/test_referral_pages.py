"""A referral reaches a named person by the watcher's ordinary page, and the director once a clock has run out; nobody's name leaves."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions import referrals as verbs
from handrail.actions.actor import person
from handrail.actions.answering import acknowledge
from handrail.actions.errors import NotAllowedError, NotVisibleError
from handrail.actions.people import end_role
from handrail.alerts import heartbeat
from handrail.alerts.models import Alert, Page
from handrail.jobs import watcher as watcher_module
from handrail.jobs.watcher import POISON_PAUSE, Watcher
from handrail.people.models import Holiday, Membership, Referral
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, closes_inbox, make_member, make_shift, opens_inbox
from tests.support.mail import mail_server, use_port
from tests.support.referral_forms import read
from tests.support.referrals import referred

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900
TUESDAY_0900 = NOW + timedelta(days=1)
WEDNESDAY_0800 = NOW + timedelta(days=2, hours=-1)
SECRETS = ("Synthia", "Referred", "Synthetic Practice", "Synthetic Referrer", "multiple myeloma", "0700")


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)) as frozen, everything():
        world = World()
        world.time = frozen
        world.coordinator = make_member(world.alice.organisation, "coordinator", "Synthetic Coordinator")
        opens_inbox(world.alice.organisation, world.coordinator, world.alice.director, world.alice.nurse)
        yield world


def look(world, at=None) -> None:
    if at is not None:
        world.time.set(at)
    Watcher().look()


def alerts(about: str = "") -> list[Alert]:
    return list(Alert.objects.filter(key__startswith=f"place:referral:{about}").order_by("opened_at", "key"))


def paged(alert: Alert) -> list:
    return [page.user for page in alert.pages.filter(channel="on_screen").order_by("attempt")]


def test_an_urgent_referral_pages_the_owner_of_intake_at_once(world):
    kept = referred(world.alice)
    look(world)
    (alert,) = alerts()
    assert (alert.ladder, alert.course, alert.site) == ("AMBER", None, world.alice.site)
    assert alert.what == f"An urgent referral has been read by nobody: {kept.code}"
    assert paged(alert) == [world.coordinator]
    assert [secret for secret in SECRETS if secret in f"{alert.what} {alert.because}"] == []
    look(world)
    assert alerts() == [alert], "one page, however often it is looked at"


def test_an_urgency_that_nobody_knows_pages_like_an_urgent_one_and_a_routine_one_more_quietly(world):
    referred(world.alice, urgency=None)
    referred(world.alice, urgency="routine")
    look(world)
    assert sorted(each.ladder for each in alerts()) == ["AMBER", "GREEN"]


def test_what_leaves_says_urgency_site_and_code_and_names_nobody(world, settings):
    with mail_server() as server:
        use_port(settings, server.port)
        referred(world.alice, referrer_email="")
        look(world)
        (mail,) = server.arrived
        (alert,) = alerts()
        assert mail.to == (world.coordinator.email,)
        assert alert.code in mail.body and world.alice.site.code in mail.body
        assert [secret for secret in SECRETS if secret in mail.raw.decode()] == []


def test_somebody_on_the_rota_as_owner_of_intake_comes_before_whoever_holds_the_role(world):
    make_shift(world.alice.organisation, "intake", world.alice.nurse)
    referred(world.alice)
    look(world)
    assert paged(alerts()[0]) == [world.alice.nurse]


def test_without_a_coordinator_a_nurse_is_paged_and_without_both_the_director_at_once(world):
    Membership.objects.filter(user=world.coordinator).update(valid_until=NOW)
    referred(world.alice)
    look(world)
    assert paged(alerts()[0]) == [world.alice.nurse]
    Membership.objects.filter(organisation=world.alice.organisation, role="nurse").update(valid_until=NOW)
    second = referred(world.alice)
    look(world)
    (alert,) = alerts(str(second.pk))
    on_screen = alert.pages.filter(channel__in=("", "on_screen")).order_by("attempt")
    assert [(page.who, page.state) for page in on_screen] == [("intake", "nobody_on"), ("director", "sent")]
    assert paged(alert)[-1] == world.alice.director


def test_whoever_has_the_page_and_leaves_leaves_it_to_the_next(world):
    referred(world.alice)
    look(world)
    (alert,) = alerts()
    acknowledge(alert.pk, by=person(world.coordinator), now=NOW)
    later = NOW + timedelta(minutes=5)
    look(world, later)
    assert paged(alert) == [world.coordinator]
    end_role(Membership.objects.get(user=world.coordinator).pk, by=person(world.alice.director), now=later)
    look(world)
    alert.refresh_from_db()
    assert alert.acknowledged_by is None
    look(world, NOW + timedelta(minutes=alert.steps[0]["wait_minutes"]))
    assert world.coordinator not in paged(alert)[1:] and len(paged(alert)) > 1


def test_whoever_claims_it_ends_the_page_and_nobody_else_is_called(world):
    kept = referred(world.alice)
    look(world)
    verbs.claim(kept.pk, by=person(world.coordinator))
    look(world)
    (alert,) = alerts()
    assert alert.closed_because == "the reason is over"
    look(world, NOW + timedelta(hours=8))
    assert len(paged(alert)) == 1


def test_unread_for_half_a_day_it_goes_on_to_the_director(world):
    referred(world.alice)
    look(world)
    look(world, NOW + timedelta(minutes=240))
    assert paged(alerts()[0]) == [world.coordinator, world.alice.director]


def test_after_its_working_days_a_clock_calls_the_director_although_somebody_has_it(world):
    kept = referred(world.alice)
    look(world)
    acknowledge(alerts()[0].pk, by=person(world.coordinator))
    verbs.claim(kept.pk, by=person(world.coordinator))
    verbs.acknowledge(kept.pk, "phone", by=person(world.coordinator))
    verbs.say_complete(kept.pk, by=person(world.coordinator))
    look(world, WEDNESDAY_0800)
    assert len(alerts()) == 1, "the first contact may come until the end of Wednesday"
    look(world, WEDNESDAY_0800 + timedelta(days=1))
    (late,) = alerts(f"{kept.pk}:late")
    assert (late.what, late.ladder) == (f"Referral {kept.code} is late: First contact with the patient", "AMBER")
    assert paged(late) == [world.alice.director]
    verbs.note_contact(kept.pk, by=person(world.coordinator), reached=None)
    look(world)
    assert alerts(f"{kept.pk}:late")[0].is_open, "not known whether reached is no contact"
    verbs.note_contact(kept.pk, by=person(world.coordinator), reached=True)
    look(world)
    assert not alerts(f"{kept.pk}:late")[0].is_open


def test_a_referral_of_the_weekend_pages_on_monday_and_a_holiday_is_a_day_later(world):
    saturday = NOW - timedelta(days=2)
    world.time.set(saturday)
    referred(world.alice)
    look(world)
    assert alerts() == []
    Holiday.objects.create(organisation=world.alice.organisation, on=date(2026, 3, 2), name="synthetic")
    Referral.objects.update(look_again_at=saturday)
    look(world, NOW)
    assert alerts() == []
    look(world, TUESDAY_0900 - timedelta(hours=1))
    assert paged(alerts()[0]) == [world.coordinator]


def test_a_mail_that_a_server_takes_later_acknowledges_and_ends_the_page_about_it(world, settings):
    kept = referred(world.alice)
    verbs.claim(kept.pk, by=person(world.coordinator))
    look(world, WEDNESDAY_0800)
    assert [each.what for each in alerts(f"{kept.pk}:late")] == [
        f"Referral {kept.code} is late: Acknowledge it to the sender"
    ]
    with mail_server() as server:
        use_port(settings, server.port)
        verbs.ask(kept.pk, "Which lines?", by=person(world.coordinator))
    verbs.acknowledge(kept.pk, "phone", by=person(world.coordinator))
    look(world, WEDNESDAY_0800 + timedelta(hours=1))
    assert not alerts(f"{kept.pk}:late")[0].is_open


def test_a_closed_referral_pages_nobody_and_is_looked_at_no_more(world):
    kept = referred(world.alice)
    look(world)
    verbs.set_aside(kept.pk, "sent twice", by=person(world.coordinator))
    look(world)
    assert not alerts()[0].is_open
    assert Referral.objects.get(pk=kept.pk).look_again_at is None
    look(world, NOW + timedelta(days=20))
    assert len(alerts()) == 1


def test_whoever_works_on_referrals_says_i_have_it_and_no_stranger_does(world):
    referred(world.alice)
    look(world)
    alert = alerts()[0]
    client = Client()
    client.force_login(world.coordinator)
    page = read(client.get(reverse("page", args=[alert.pk])))
    assert "I have it" in page and "Open the referral" in page and "Open the rota" not in page
    with pytest.raises(NotVisibleError):
        acknowledge(alert.pk, by=person(world.bob.director))
    with pytest.raises(NotAllowedError):
        acknowledge(alert.pk, by=person(make_member(world.alice.organisation, "viewer")))
    assert acknowledge(alert.pk, by=person(world.coordinator)).mine


def test_a_coordinator_does_not_answer_for_the_rota(world):
    with everything():
        alert = Alert.objects.create(
            organisation=world.alice.organisation, key="place:rota:all:x", urgency="soon", ladder="AMBER",
            what="a gap", because="synthetic", steps=[{"who": "site_manager", "wait_minutes": 60}], opened_at=NOW,
        )  # fmt: skip
    with pytest.raises(NotAllowedError):
        acknowledge(alert.pk, by=person(world.coordinator))


def test_one_that_cannot_be_looked_at_keeps_no_other_waiting_and_is_tried_again(world, monkeypatch):
    broken, good = referred(world.alice), referred(world.alice)
    right = watcher_module.look_at_referral

    def sometimes(referral_id, now):
        if referral_id == broken.pk:
            raise ValueError("poisoned")
        return right(referral_id, now)

    monkeypatch.setattr(watcher_module, "look_at_referral", sometimes)
    look(world)
    assert [each.referral_id for each in alerts()] == [good.pk]
    assert Referral.objects.get(pk=broken.pk).look_again_at == NOW + POISON_PAUSE
    monkeypatch.undo()
    look(world, NOW + POISON_PAUSE)
    assert {each.referral_id for each in alerts()} == {good.pk, broken.pk}


def test_a_referral_that_nobody_looks_at_shows_that_the_watcher_is_behind(world):
    Referral.objects.update(look_again_at=None)
    before = heartbeat.behind(NOW + timedelta(minutes=5))
    referred(world.alice)
    assert heartbeat.behind(NOW + timedelta(minutes=5)) == before + 1


def test_with_no_inbox_open_and_no_other_way_the_record_says_that_nobody_was_reached(world):
    closes_inbox()
    referred(world.alice)
    look(world)
    on_screen = Page.objects.filter(alert=alerts()[0], channel="on_screen")
    assert {page.state for page in on_screen} == {"not_reached"}
