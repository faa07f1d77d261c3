"""Who is on for this patient at 02:00 next Sunday: one function, one page, one command, and they agree."""

import itertools
from datetime import date, timedelta

import pytest
from django.urls import reverse

from handrail import clock
from handrail.actions.whom import contact_at, contacts_ahead
from handrail.jobs import rota as command
from handrail.people.models import Certificate, Shift
from handrail.people.rota import who_is_on
from handrail.people.scope import everything
from handrail.rules.terms import UnusableInput
from tests.support.agreements import agreed_between
from tests.support.factories import MONDAY_0900, World, make_member, make_shift

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900
SUNDAY_0200 = NOW + timedelta(days=5, hours=17)
"""02:00 on Sunday 8 March 2026 in Chicago: an hour that the clock leaves out, said as 03:00."""


@pytest.fixture
def world():
    with clock.use(clock.FrozenClock(NOW)), everything():
        world = World()
        hub = world.alice.organisation
        Shift.objects.filter(organisation=hub).delete()
        world.night = make_member(hub, "on_call", "Synthetic Night")
        world.day = make_member(hub, "on_call", "Synthetic Day")
        world.boss = make_member(hub, "oncologist", "Synthetic Boss")
        for n in range(15):
            seven = NOW.replace(hour=13) + timedelta(days=n)
            make_shift(hub, "first_on_call", world.day, starts_at=seven, ends_at=seven + timedelta(hours=12))
            evening = seven + timedelta(hours=12)
            make_shift(hub, "first_on_call", world.night, starts_at=evening, ends_at=evening + timedelta(hours=12))
        make_shift(hub, "attending", world.boss)
        yield world


def test_the_person_the_number_and_the_fallback(world):
    found = contact_at(world.course, SUNDAY_0200)
    assert (found.first.user, found.first.step) == (world.night, "first_on_call")
    assert (found.fallback.user, found.fallback.step) == (world.boss, "attending")
    assert found.number == world.alice.site.call_number


def test_the_days_ahead_agree_with_who_is_found_at_the_moment_of_paging(world):
    ahead = contacts_ahead(world.course, NOW)
    assert (ahead[0].begins, ahead[-1].ends) == (NOW, NOW + timedelta(days=14))
    assert all(one.ends == other.begins for one, other in itertools.pairwise(ahead))
    assert len(ahead) == 29
    for hour in range(0, 14 * 24, 5):
        at = NOW + timedelta(hours=hour)
        here = next(each for each in ahead if each.begins <= at < each.ends)
        assert here.first.user == who_is_on(world.alice.id, "first_on_call", at, site_id=world.alice.site.pk).user


def test_a_gap_goes_on_to_the_next_and_nobody_is_said(world):
    Shift.objects.filter(step="first_on_call", starts_at__lte=SUNDAY_0200, ends_at__gt=SUNDAY_0200).delete()
    found = contact_at(world.course, SUNDAY_0200)
    assert (found.first.user, found.fallback) == (world.boss, None)
    Shift.objects.all().delete()
    found = contact_at(world.course, SUNDAY_0200)
    assert found.first is None
    assert found.trouble.startswith("NOBODY is on the rota then")


def test_the_number_of_the_night_stands_in_the_days_ahead(world):
    """The party stays the same, its number does not: Bob's house answers at night on another one."""
    day_and_night = {"party": "community"}
    agreed_between(world.alice, world.bob, tasks={"candidacy": [day_and_night]})
    ahead = contacts_ahead(world.course, NOW)
    for hour in range(0, 14 * 24, 5):
        at = NOW + timedelta(hours=hour)
        here = next(each for each in ahead if each.begins <= at < each.ends)
        assert here.number == contact_at(world.course, at).number, at
    assert {each.number for each in ahead} == {"555-0120", "555-0129"}


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("2026-03-08T02:00", ("Sun 8 Mar 2026 03:00 CDT", "does not exist that night")),
        ("2026-11-01T01:30", ("Sun 1 Nov 2026 01:30 CDT", "occurs twice that night: the first is shown")),
        ("2026-03-08T04:00", ("Sun 8 Mar 2026 04:00 CDT", "")),
    ],
)
def test_an_hour_of_the_night_in_which_the_clock_changes_is_said(world, client, typed, words):
    client.force_login(world.alice.nurse)
    text = client.get(reverse("contacts", args=[world.course.pk]), {"at": typed}).content.decode()
    assert words[0] in text and words[1] in text
    assert ("errorlist" in text) is bool(words[1])


def test_training_that_ran_out_is_said_and_the_person_is_called_all_the_same(world):
    Certificate.objects.filter(user=world.night).update(valid_until=date(2026, 3, 4))
    found = contact_at(world.course, SUNDAY_0200)
    assert found.first.user == world.night
    assert "ran out on Wed 4 Mar 2026" in found.first.not_trained


def test_the_page_shows_now_another_hour_and_the_days_ahead(world, client):
    client.force_login(world.alice.nurse)
    address = reverse("contacts", args=[world.course.pk])
    text = client.get(address).content.decode()
    for words in (
        "Synthetic Day (first on call)",
        "Call 555-0111",
        "Synthetic Boss (attending), then 911",
        "Synthetic Night",
    ):
        assert words in text, words
    later = client.get(address, {"at": "2026-03-07T23:00"}).content.decode()
    assert "<strong>Synthetic Night (first on call)</strong>" in later
    assert "type a date and time" in client.get(address, {"at": "tonight"}).content.decode()
    assert address in client.get(reverse("course", args=[world.course.pk])).content.decode()


def test_the_command_says_the_same(world, capsys):
    assert command.main(["who", "--course", str(world.course.pk), "--at", "2026-03-07T23:00:00-06:00"]) == 0
    said = capsys.readouterr().out
    for words in (
        "Sat 7 Mar 2026 23:00 CST",
        "call 555-0111",
        "first: Synthetic Night, first on call",
        "then: Synthetic Boss",
    ):
        assert words in said, words
    Shift.objects.all().delete()
    assert command.main(["who", "--course", str(world.course.pk)]) == 1
    assert "first: NOBODY" in capsys.readouterr().out


@pytest.mark.parametrize(
    "course", ["nonsense", "00000000-0000-4000-8000-000000000000"], ids=["a word", "a course that is nowhere"]
)
def test_a_course_that_is_not_there(world, course):
    with pytest.raises(UnusableInput, match="no course of that id"):
        command.main(["who", "--course", course])
