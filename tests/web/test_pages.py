"""The on-call inbox: opening a page never acknowledges it, and "I have it" is said by one person."""

from datetime import timedelta

import pytest
from django.urls import reverse

from handrail import clock
from handrail.actions.facts import receive_checkin, record_event
from handrail.alerts.models import Alert, Page
from handrail.jobs.watcher import Watcher
from handrail.people.models import Presence, Shift
from handrail.people.presence import is_looking
from handrail.people.scope import everything
from handrail.rules.terms import UnusableInput
from handrail.web import course_page
from tests.support.factories import MONDAY_0900, World, checkin, closes_inbox, dose, make_member

pytestmark = pytest.mark.django_db
GIVEN = MONDAY_0900 + timedelta(hours=1)
NOW = GIVEN + timedelta(hours=26)


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        record_event(world.course.pk, dose("step_up_1", mg="4.8", at=GIVEN), by=world.actor("alice"), now=GIVEN)
        fever = checkin(at=NOW, temperature_c="38.4")
        receive_checkin(world.course.pk, fever, by=world.actor("alice"), now=NOW)
        with everything():
            Watcher().look()
        yield world


@pytest.fixture
def alert(world):
    with everything():
        return Alert.objects.get(course=world.course, ladder="RED-3")


@pytest.fixture
def on_call(client, world):
    client.force_login(world.alice.on_call)
    return client


def fresh(alert) -> Alert:
    with everything():
        return Alert.objects.get(pk=alert.pk)


def test_opening_a_page_shows_what_was_reported_and_acknowledges_nothing(on_call, alert):
    text = on_call.get(reverse("page", args=[alert.pk])).content.decode()
    for words in (
        "fever in the window",
        "38.4 °C (101.1 °F)",
        "Call the patient",
        "I have it",
        "Alice On-Call (first on call)",
    ):
        assert words in text, words
    asked = on_call.get(
        reverse("have_page", args=[alert.pk]), follow=True
    )  # a reload, or the way back from the sign-in
    assert asked.redirect_chain == [(reverse("page", args=[alert.pk]), 302)]
    assert "Nothing was done: please press the button once more." in asked.content.decode()
    assert fresh(alert).acknowledged_at is None


@pytest.mark.parametrize(
    "trouble", [UnusableInput("other_policy", "Another policy.", "policy"), ZeroDivisionError("38.4")]
)
def test_whoever_is_called_to_look_sees_what_was_reported_though_the_rules_fail(
    on_call, alert, world, monkeypatch, caplog, trouble
):
    def broken(*args, **kwargs):
        raise trouble

    monkeypatch.setattr(course_page, "assess", broken)
    addresses = (reverse("page", args=[alert.pk]), reverse("course", args=[world.course.pk]))
    for address in (*addresses, f"{addresses[1]}?as_of=2026-03-03T10:00"):
        answer = on_call.get(address)
        assert answer.status_code == 200
        assert "Handrail cannot judge this course" in answer.content.decode()
        assert "38.4 °C (101.1 °F)" in answer.content.decode()
    assert "38.4" not in caplog.text


def test_i_have_it_stops_the_paging_and_names_who_has_it(on_call, alert, world):
    answer = on_call.post(reverse("have_page", args=[alert.pk]), follow=True)
    assert "You have it since Tue 3 Mar 12:00 CST" in answer.content.decode()
    with clock.use(clock.FrozenClock(NOW + timedelta(hours=1))), everything():
        before = Page.objects.filter(alert=alert).count()
        Watcher().look()
        assert Page.objects.filter(alert=alert).count() == before
    on_call.force_login(world.alice.nurse)
    text = on_call.post(reverse("have_page", args=[alert.pk]), follow=True).content.decode()
    assert "Alice On-Call has it since Tue 3 Mar 12:00 CST" in text
    assert fresh(alert).acknowledged_by == world.alice.on_call


def test_the_code_of_a_message_opens_its_page(on_call, alert):
    answer = on_call.post(reverse("find_page"), {"code": f" {alert.code.lower()} "})
    assert answer.url == reverse("page", args=[alert.pk])
    missing = on_call.post(reverse("find_page"), {"code": "ZZZZZZ"}, follow=True)
    assert "No page of yours has this code" in missing.content.decode()


def test_a_stranger_s_code_opens_nothing(client, alert, world):
    client.force_login(world.charlie.on_call)
    answer = client.post(reverse("find_page"), {"code": alert.code}, follow=True)
    assert "No page of yours has this code" in answer.content.decode()


def test_a_role_that_may_not_answer_is_not_offered_to(client, alert, world):
    coordinator = make_member(world.alice.organisation, "coordinator")
    client.force_login(coordinator)
    assert "I have it" not in client.get(reverse("page", args=[alert.pk])).content.decode()
    assert client.post(reverse("have_page", args=[alert.pk])).status_code == 403


def test_a_page_that_is_over_says_why(on_call, alert, world):
    record = {"with": "patient", "channel": "phone", "reached": True, "outcome": "coming_in"}
    from tests.support.factories import event

    record_event(world.course.pk, event("contact_made", at=NOW, **record), by=world.actor("alice"), now=NOW)
    later = on_call.get(reverse("page", args=[alert.pk])).content.decode()
    if fresh(alert).closed_at is not None:
        assert "This page is over" in later
        assert "I have it" not in later
    else:
        assert "I have it" in later


def test_the_list_asks_again_by_itself_and_brings_only_the_lists(on_call):
    part = on_call.get("/pages/", headers={"X-Handrail-Background": "1"}).content.decode()
    assert "fever in the window" in part
    assert "<html" not in part


def test_nobody_on_is_shouted(on_call, alert, world):
    with everything():
        Shift.objects.filter(organisation=world.alice.organisation).delete()
    with clock.use(clock.FrozenClock(NOW + timedelta(minutes=6))), everything():
        Watcher().look()
        text = on_call.get(reverse("page", args=[alert.pk])).content.decode()
    assert "NOBODY on" in text


# --- a list that is open is how somebody without a phone is reached --------------------------------------------------


@pytest.mark.parametrize(
    # the address                        | what it sends along                                              | counts
    ("address", "headers", "counts"),
    [
        ("/pages/",                        {},                                                                True),
        ("/pages/?part=lists",             {"X-Handrail-Background": "1"},                                    True),
        ("/?part=lists",                   {"X-Handrail-Background": "1"},                                    True),
        ("/pages/?beside=x",               {"X-Handrail-Background": "1"},                                    True),
        ("/pages/?part=lists",             {"X-Handrail-Background": "1", "X-Handrail-Hidden": "1"},          False),
        ("/rota/",                         {},                                                                False),
        ("/courses/",                      {},                                                                False),
    ],
)  # fmt: skip
def test_a_page_that_shows_what_is_new_reaches_whoever_has_it_open(on_call, world, address, headers, counts):
    closes_inbox()
    assert not is_looking(world.alice.on_call, NOW)
    assert on_call.get(address, headers=headers).status_code == 200
    assert is_looking(world.alice.on_call, NOW) is counts
    assert not is_looking(world.alice.nurse, NOW)


def test_who_signs_out_is_not_looking_any_more(client, world):
    """By the button or after being idle: what the screen shows then is the sign-in."""
    closes_inbox()
    user = world.alice.on_call
    client.force_login(user)
    client.get("/pages/")
    assert is_looking(user, NOW)
    client.logout()
    assert not is_looking(user, NOW)


def test_who_is_sent_to_the_sign_in_does_not_look(client, world):
    closes_inbox()
    for address in ("/pages/", "/"):
        client.get(address, headers={"X-Handrail-Background": "1"})
    with everything():
        assert not Presence.objects.exists()


def test_nobody_with_a_way_is_said_on_the_page_and_in_the_list(on_call, alert, world):
    closes_inbox()
    with clock.use(clock.FrozenClock(NOW + timedelta(minutes=6))), everything():
        Watcher().look()
        text = on_call.get(reverse("page", args=[alert.pk])).content.decode()
        rows = on_call.get("/pages/").content.decode()
    assert "NOT reached: no way but the inbox, and it was not open" in text
    assert "Alice On-Call could NOT be reached" in rows


def test_beside_one_page_the_others_are_counted(on_call, alert, world):
    headers = {"X-Handrail-Background": "1"}
    assert "other page" not in on_call.get(f"/pages/?beside={alert.pk}", headers=headers).content.decode()
    assert "1 other page that nobody has" in on_call.get("/pages/?beside=none", headers=headers).content.decode()


@pytest.mark.parametrize("turned", [False, True])
def test_a_row_names_whom_the_ladder_paged_last_and_not_whom_somebody_asked_by_name_before(
    on_call, world, alert, turned
):
    """Both have one number of the attempt. Removing `created_at` from `presenters.alert_row` makes it fail."""
    asked = make_member(world.alice.organisation, "oncologist", "Oncologist Asked")
    common = {"organisation_id": alert.organisation_id, "alert": alert, "attempt": 7, "step": 0, "channel": "on_screen", "state": "sent", "sent_at": NOW}  # fmt: skip
    rows = [
        Page(**common, who="named_person", user=asked, created_at=NOW - timedelta(minutes=30), idempotency_key="asked"),
        Page(**common, who="first_on_call", user=world.alice.on_call, created_at=NOW - timedelta(minutes=2), idempotency_key="step"),
    ]  # fmt: skip
    with everything():
        for row in reversed(rows) if turned else rows:
            row.save()
    said = on_call.get(reverse("pages")).content.decode()
    assert "Alice On-Call paged 2 min ago" in said
    assert "Oncologist Asked paged" not in said
