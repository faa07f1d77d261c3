"""The hours of a rota that somebody has to mend, and that they agree with who is found at the moment of paging."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from handrail.people.coverage import (
    answering_shifts,
    asked_of,
    holes,
    holes_of_sites,
    not_trained,
    standing_untrained,
    stretches,
    untrained_of_sites,
)
from handrail.people.models import Certificate, Membership, RotaStep, Shift
from handrail.people.rota import who_is_on
from tests.support.factories import (
    MONDAY_0900,
    fill_ladder,
    make_certificate,
    make_member,
    make_organisation,
    make_shift,
    make_site,
)

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900
AHEAD = NOW + timedelta(days=14)


def at(hours: float):
    return NOW + timedelta(hours=hours)


@pytest.fixture
def hub():
    """A hub where three people fill every step for a year."""
    hub = make_organisation("Alice")
    fill_ladder(hub)
    return hub


def first_only(hub) -> None:
    Shift.objects.filter(organisation=hub, step="first_on_call").delete()


def told(found) -> list[tuple[str, str, float, float]]:
    hour = timedelta(hours=1)
    return [(h.step, h.kind, (h.begins - NOW) / hour, (h.ends - NOW) / hour) for h in found]


def test_a_full_rota_has_no_hole(hub):
    assert holes(hub, None, NOW, AHEAD) == []


@pytest.mark.parametrize(
    ("shifts", "expected"),
    [
        ([(-10, 336)], []),
        ([(-10, 12), (12, 400)], []),
        ([(-10, 12), (13, 400)], [("first_on_call", "nobody", 12, 13)]),
        ([(-10, 12), (4, 8)], [("first_on_call", "nobody", 12, 336)]),
        ([(-10, 2), (5, 7), (9, 400)], [("first_on_call", "nobody", 2, 5), ("first_on_call", "nobody", 7, 9)]),
        ([(-10, -4), (3, 400)], [("first_on_call", "nobody", -4, 3)]),
        ([(340, 400)], [("first_on_call", "nobody", -1440, 336)]),
    ],
)
def test_hours_without_anybody(hub, shifts, expected):
    first_only(hub)
    nurse = make_member(hub, "on_call")
    for start, end in shifts:
        make_shift(hub, "first_on_call", nurse, starts_at=at(start), ends_at=at(end))
    assert told(holes(hub, None, NOW, AHEAD)) == expected


def test_somebody_who_leaves_in_the_middle_of_the_shift_leaves_a_hole(hub):
    first_only(hub)
    leaving = make_member(hub, "on_call", valid_until=at(100))
    make_shift(hub, "first_on_call", leaving)
    assert told(holes(hub, None, NOW, AHEAD)) == [("first_on_call", "nobody", 100, 336)]


def test_training_that_runs_out_is_a_hole_from_that_day_and_is_mended_by_a_trained_override(hub):
    first_only(hub)
    expiring = make_member(hub, "on_call", trained=False)
    make_certificate(hub, expiring, valid_until=date(2026, 3, 6))
    make_shift(hub, "first_on_call", expiring)
    (hole,) = holes(hub, None, NOW, AHEAD)
    assert (hole.kind, hole.who, hole.begins, hole.ends) == ("not_trained", expiring, at(24 * 5 - 9), AHEAD)
    assert who_is_on(hub.pk, "first_on_call", at(24 * 6)).user == expiring
    make_shift(hub, "first_on_call", make_member(hub, "on_call"), is_override=True, starts_at=hole.begins)
    assert holes(hub, None, NOW, AHEAD) == []


@pytest.mark.parametrize(
    ("certificates", "expected"),
    [
        # first and last day in March; the shift began on 1 March and NOW is 2 March 9:00 in Chicago
        ([(2, None)], []),
        ([(2, 5)], [(87, 336)]),
        ([(2, 5), (8, None)], [(87, 135)]),
        ([(2, 5), (8, 9), (11, None)], [(87, 135), (182, 206)]),
        ([(2, 5), (6, None)], []),
        ([(9, None)], [(-24, 158)]),
    ],
)
def test_a_certificate_written_down_later_ends_the_hole_on_its_first_day(hub, certificates, expected):
    first_only(hub)
    person = make_member(hub, "on_call", trained=False)
    make_shift(hub, "first_on_call", person, starts_at=at(-24), ends_at=AHEAD)
    for since, until in certificates:
        first, last = date(2026, 3, since), date(2026, 3, until) if until else None
        make_certificate(hub, person, valid_from=first, valid_until=last)
    found = [(begins, ends) for _, _, begins, ends in told(holes(hub, None, NOW, AHEAD))]
    assert found == expected


def test_an_override_by_somebody_untrained_is_a_hole_although_the_plan_was_good(hub):
    make_shift(
        hub,
        "first_on_call",
        make_member(hub, "on_call", trained=False),
        is_override=True,
        starts_at=at(10),
        ends_at=at(12),
    )
    assert told(holes(hub, None, NOW, AHEAD)) == [("first_on_call", "not_trained", 10, 12)]


@pytest.mark.parametrize(
    ("spans", "lacking"),
    [
        ([], 1),
        ([(1, 31)], None),
        ([(1, None)], None),
        ([(2, 31)], 1),
        ([(1, 4)], 5),
        ([(1, 4), (5, 31)], None),
        ([(1, 4), (6, 31)], 5),
        ([(1, 9), (3, 5)], None),
        ([(1, 8)], 9),
    ],
)
def test_certificates_follow_one_another_without_a_day_between(spans, lacking):
    held = [
        Certificate(valid_from=date(2026, 3, since), valid_until=date(2026, 3, until) if until else None)
        for since, until in spans
    ]
    found = not_trained(held, date(2026, 3, 1), date(2026, 3, 9))
    assert found == (date(2026, 3, lacking) if lacking else None)


def test_a_site_asks_for_itself_the_organisation_for_its_sites_and_the_shipped_rules_for_the_rest(hub):
    site, other = make_site(hub), make_site(hub)
    RotaStep.objects.create(organisation=hub, step="attending", must_be_filled=False)
    RotaStep.objects.create(organisation=hub, site=site, step="attending", must_be_filled=True, certificate="mm")
    assert asked_of(hub.pk, site.pk)["attending"].certificate == "mm"
    assert asked_of(hub.pk, other.pk)["attending"].must_be_filled is False
    assert asked_of(hub.pk, other.pk)["first_on_call"].certificate == "on_call_ladder"
    assert [hole.certificate for hole in holes(hub, site, NOW, AHEAD)] == ["mm"]
    assert holes(hub, other, NOW, AHEAD) == []


def test_a_shift_of_a_site_makes_the_hole_that_sites_own(hub):
    first_only(hub)
    site = make_site(hub)
    nurse = make_member(hub, "on_call")
    make_shift(hub, "first_on_call", nurse, site=site, ends_at=at(20))
    (here,) = holes(hub, site, NOW, AHEAD)
    (elsewhere,) = holes(hub, make_site(hub), NOW, AHEAD)
    assert (here.whole_organisation, here.begins) == (False, at(20))
    assert elsewhere.whole_organisation is True


def test_the_stretches_agree_with_who_is_found_at_the_moment_of_paging(hub):
    site = make_site(hub)
    people = [make_member(hub, "on_call", f"Synthetic {n}") for n in range(5)]
    for n, person in enumerate(people):
        make_shift(
            hub,
            "first_on_call",
            person,
            site=site if n % 2 else None,
            is_override=n == 3,
            starts_at=at(n * 5),
            ends_at=at(n * 5 + 14),
        )
    found = stretches(answering_shifts(hub.pk, site.pk, ["first_on_call"], NOW, at(60)), NOW, at(60))
    for hour in range(60):
        here = next(each for each in found if each.begins <= at(hour) < each.ends)
        expected = who_is_on(hub.pk, "first_on_call", at(hour), site_id=site.pk).user
        assert (here.shift.user if here.shift else None) == expected, hour


def test_many_sites_at_once_are_told_what_each_is_told_alone_and_cost_as_many_questions_as_one(hub):
    """Own shifts of a site, one that ended long ago, a gap that began before now, somebody who leaves, two kinds of certificate."""
    first_only(hub)
    sites = [make_site(hub, name=f"Synthetic Site {number}", code=f"s{number}") for number in range(4)]
    RotaStep.objects.create(
        organisation=hub, site=sites[2], step="attending", must_be_filled=False, certificate="night"
    )
    with CaptureQueriesContext(connection) as alone:
        before = holes_of_sites(sites[:1], NOW, AHEAD, followed=True), untrained_of_sites(sites[:1], NOW, AHEAD)
    trained, leaving = (
        make_member(hub, "on_call", "Synthetic Trained", trained=False),
        make_member(hub, "on_call", valid_until=at(50)),
    )
    make_certificate(hub, trained, valid_until=(NOW + timedelta(days=6)).date())
    for who, site, start, end in (
        (trained, sites[0], -20, 100),
        (trained, sites[0], 90, 300),
        (leaving, sites[1], -700, -600),
        (leaving, None, 10, 200),
        (leaving, sites[3], 10, 60),
    ):
        make_shift(hub, "first_on_call", who, site=site, starts_at=at(start), ends_at=at(end))
    with CaptureQueriesContext(connection) as together:
        found = holes_of_sites(sites, NOW, AHEAD, followed=True)
        untrained = untrained_of_sites(sites, NOW, AHEAD)
    assert found == {site.pk: holes(hub, site, NOW, AHEAD) for site in sites}
    assert untrained == {site.pk: standing_untrained(hub, site, NOW, AHEAD) for site in sites}
    assert len({str(each) for each in found.values()}) == len(sites), "to each its own answer"
    assert len({str(each) for each in untrained.values()}) > 1
    assert any(hole.begins < NOW for hole in found[sites[2].pk]), "followed back to where it began"
    assert before != (found[sites[0].pk], untrained[sites[0].pk])
    assert len(together) == len(alone)


@pytest.mark.parametrize("role", ["on_call", "viewer"])
def test_another_role_from_the_middle_of_a_shift_on_does_not_change_who_answers(hub, role):
    """Whoever began last answers: the role of a person is not the beginning of a shift."""
    first_only(hub)
    earlier, later = make_member(hub, "on_call"), make_member(hub, "on_call")
    make_shift(hub, "first_on_call", earlier, starts_at=at(0), ends_at=at(12))
    make_shift(hub, "first_on_call", later, starts_at=at(1), ends_at=at(12))
    Membership.objects.create(organisation=hub, user=earlier, role=role, valid_from=at(3))
    found = stretches(answering_shifts(hub.pk, None, ["first_on_call"], NOW, at(12)), NOW, at(12))
    assert [(each.begins, each.shift.user) for each in found] == [(at(0), earlier), (at(1), later)]
    assert who_is_on(hub.pk, "first_on_call", at(4)).user == later


def test_from_the_hour_on_at_which_a_role_that_answers_ends_the_shift_is_a_hole(hub):
    """Somebody who only looks on gets no page: they could not say "I have it"."""
    first_only(hub)
    person = make_member(hub, "on_call", valid_until=at(100))
    Membership.objects.create(organisation=hub, user=person, role="viewer", valid_from=at(-24))
    make_shift(hub, "first_on_call", person)
    assert told(holes(hub, None, NOW, AHEAD)) == [("first_on_call", "nobody", 100, 336)]
    assert who_is_on(hub.pk, "first_on_call", at(99)).user == person
    assert who_is_on(hub.pk, "first_on_call", at(101)).user is None


def test_a_coordinator_answers_for_referrals_and_for_no_patient(hub):
    first_only(hub)
    person = make_member(hub, "coordinator")
    for step in ("intake", "first_on_call"):
        make_shift(hub, step, person)
    assert who_is_on(hub.pk, "intake", NOW).because == "rota"
    assert who_is_on(hub.pk, "first_on_call", NOW).user is None
    assert [each.shift.step for each in answering_shifts(hub.pk, None, ["intake", "first_on_call"], NOW, AHEAD)] == [
        "intake"
    ]
