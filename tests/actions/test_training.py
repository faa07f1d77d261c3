"""Certificates and what a step asks: each change is written down with what was before, and the rota is looked at again at once."""

from datetime import date, timedelta

import pytest

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.rota import put_on_rota
from handrail.actions.training import add_certificate, ask_as_shipped, ask_of_step, end_certificate
from handrail.alerts.models import Alert
from handrail.jobs.watcher import Watcher
from handrail.people.coverage import asked_of, holes
from handrail.people.models import Certificate, RotaEntry, RotaStep, Shift, Site
from handrail.people.scope import everything
from handrail.people.training import standing_of, standings
from tests.support.factories import MONDAY_0900, World, make_certificate, make_member, make_shift

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900
TODAY = date(2026, 3, 2)
KIND = "on_call_ladder"


@pytest.fixture
def world():
    with clock.use(clock.FrozenClock(NOW)), everything():
        yield World()


@pytest.fixture
def director(world):
    return person(world.alice.director)


@pytest.fixture
def untrained(world):
    return make_member(world.alice.organisation, "on_call", "RN Untrained", trained=False)


def add(world, user, by, **fields) -> Certificate:
    wanted = {"user_id": user.pk, "kind": KIND, "valid_from": TODAY, "by": by, **fields}
    return add_certificate(world.alice.id, **wanted)


def open_alerts() -> list[str]:
    Watcher().look()
    return list(Alert.objects.filter(course=None, closed_at=None).values_list("what", flat=True))


def looked_at(world) -> None:
    Site.objects.filter(pk=world.alice.site.pk).update(rota_look_at=NOW)


# --- the gap --------------------------------------------------------------------------------------------------------


def test_a_gap_closes_at_the_next_look_once_the_certificate_is_there_and_opens_when_it_is_ended(
    world, director, untrained
):
    make_shift(world.alice.organisation, "second_on_call", untrained, is_override=True)
    looked_at(world)
    (what,) = open_alerts()
    assert what.startswith("RN Untrained is second on call without a current certificate on_call_ladder")
    certificate = add(world, untrained, director)
    assert open_alerts() == []
    end_certificate(certificate.pk, last_day=TODAY + timedelta(days=3), by=director)
    (what,) = open_alerts()
    assert "from Fri 6 Mar 2026 00:00" in what


def test_who_was_refused_is_placed_once_the_certificate_is_written_down(world, director, untrained):
    shift = {
        "step": "first_on_call",
        "user_id": untrained.pk,
        "starts_at": NOW + timedelta(hours=1),
        "ends_at": NOW + timedelta(hours=9),
        "by": director,
    }
    with pytest.raises(RefusedError, match="is missing"):
        put_on_rota(world.alice.id, **shift)
    add(world, untrained, director, valid_until=TODAY)
    assert put_on_rota(world.alice.id, **shift).user == untrained


# --- certificates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "path", "words"),
    [
        ({"kind": "  "}, "kind", "Name the certificate"),
        ({"kind": "x" * 65}, "kind", "at most 64"),
        ({"reference": "x" * 121}, "reference", "At most 120"),
        ({"valid_until": TODAY - timedelta(days=1)}, "valid_until", "before it begins"),
        ({"user_id": "00000000-0000-4000-8000-000000000000"}, "user", "does not belong here"),
    ],
)
def test_what_is_no_certificate_is_refused_and_leaves_nothing(world, director, untrained, fields, path, words):
    with pytest.raises(RefusedError, match=words) as refused:
        add(world, untrained, director, **fields)
    assert refused.value.path == path
    assert not Certificate.objects.filter(user=untrained).exists()
    assert not RotaEntry.objects.exists()


def test_typed_twice_is_one_certificate(world, director, untrained):
    add(world, untrained, director)
    with pytest.raises(RefusedError, match="end it first"):
        add(world, untrained, director, valid_until=TODAY)
    assert Certificate.objects.filter(user=untrained).count() == RotaEntry.objects.count() == 1


def test_somebody_of_another_organisation_or_who_has_left_gets_none(world, director):
    gone = make_member(world.alice.organisation, "nurse", trained=False, valid_until=NOW)
    for user in (world.bob.nurse, gone):
        with pytest.raises(RefusedError, match="does not belong here"):
            add(world, user, director)


def test_the_log_keeps_what_a_certificate_was_before_it_ended(world, director, untrained):
    certificate = add(world, untrained, director, reference="card 7", valid_until=TODAY + timedelta(days=90))
    end_certificate(certificate.pk, last_day=TODAY, by=director)
    certificate.refresh_from_db()
    assert certificate.valid_until == TODAY
    entry = RotaEntry.objects.get(kind="certificate_ended")
    assert entry.by == world.alice.director
    assert entry.payload == {
        "certificate": str(certificate.pk),
        "user": str(untrained.pk),
        "kind": KIND,
        "valid_from": "2026-03-02",
        "valid_until": "2026-05-31",
        "reference": "card 7",
        "ends": "2026-03-02",
    }


def test_one_that_ends_before_its_first_day_goes_and_the_log_keeps_it(world, director, untrained):
    certificate = add(world, untrained, director)
    assert end_certificate(certificate.pk, last_day=TODAY - timedelta(days=1), by=director) is None
    assert not Certificate.objects.filter(user=untrained).exists()
    assert RotaEntry.objects.get(kind="certificate_ended").payload["certificate"] == str(certificate.pk)
    add(world, untrained, director)


def test_ending_never_makes_it_longer(world, director, untrained):
    certificate = add(world, untrained, director, valid_until=TODAY)
    for day in (TODAY, TODAY + timedelta(days=1)):
        with pytest.raises(RefusedError, match="ends by then already"):
            end_certificate(certificate.pk, last_day=day, by=director)
    assert RotaEntry.objects.count() == 1


def test_only_who_manages_people_here_may(world, director, untrained):
    nurse, stranger = person(world.alice.nurse), person(world.bob.director)
    certificate = add(world, untrained, director)
    row = ask_of_step(world.alice.id, step="nurse", must_be_filled=True, certificate=KIND, by=director)
    for by, error in ((nurse, NotAllowedError), (stranger, NotVisibleError)):
        with pytest.raises(error):
            add(world, untrained, by, valid_from=TODAY + timedelta(days=9))
        with pytest.raises(error):
            end_certificate(certificate.pk, last_day=TODAY, by=by)
        with pytest.raises(error):
            ask_of_step(world.alice.id, step="nurse", must_be_filled=False, certificate=KIND, by=by)
        with pytest.raises(error):
            ask_as_shipped(row.pk, by=by)
    assert RotaEntry.objects.count() == 2


# --- what a step asks ------------------------------------------------------------------------------------------------


def test_a_step_that_must_be_filled_from_now_on_is_a_gap_until_it_is_taken_back(world, director):
    Shift.objects.filter(organisation=world.alice.organisation, step="nurse").delete()
    looked_at(world)
    assert open_alerts() == []
    row = ask_of_step(world.alice.id, step="nurse", must_be_filled=True, certificate=KIND, by=director)
    assert [what.split(" from ")[0] for what in open_alerts()] == ["Nobody is nurse"]
    ask_as_shipped(row.pk, by=director)
    assert open_alerts() == []
    assert {entry.kind for entry in RotaEntry.objects.all()} == {"step_asked", "step_as_shipped"}


@pytest.mark.parametrize(
    ("fields", "less"),
    [
        ({"step": "first_on_call", "must_be_filled": False, "certificate": KIND}, True),
        ({"step": "first_on_call", "must_be_filled": True, "certificate": ""}, True),
        ({"step": "first_on_call", "must_be_filled": True, "certificate": "another"}, True),
        ({"step": "first_on_call", "must_be_filled": True, "certificate": KIND}, False),
        ({"step": "nurse", "must_be_filled": True, "certificate": KIND}, False),
        ({"step": "director", "must_be_filled": True, "certificate": "another"}, False),
    ],
)
def test_less_than_the_shipped_rule_needs_a_reason_that_the_log_keeps(world, director, fields, less):
    if less:
        with pytest.raises(RefusedError, match="say why") as refused:
            ask_of_step(world.alice.id, by=director, **fields)
        assert refused.value.path == "reason"
        assert not RotaStep.objects.exists()
    ask_of_step(world.alice.id, by=director, reason="synthetic reason", **fields)
    assert RotaEntry.objects.get().payload["reason"] == "synthetic reason"
    assert asked_of(world.alice.id, None)[fields["step"]].must_be_filled == fields["must_be_filled"]


def test_a_site_has_its_own_rule_and_a_second_answer_replaces_the_first(world, director):
    for kind in ("one", "two"):
        ask_of_step(
            world.alice.id,
            step="nurse",
            must_be_filled=True,
            certificate=kind,
            site_id=world.alice.site.pk,
            reason="synthetic",
            by=director,
        )
    assert RotaStep.objects.get().certificate == "two"
    assert asked_of(world.alice.id, world.alice.site.pk)["nurse"].certificate == "two"
    assert asked_of(world.alice.id, None)["nurse"].certificate == KIND
    last = RotaEntry.objects.get(payload__after__certificate="two")
    assert last.payload["before"] == {"must_be_filled": True, "certificate": "one"}
    with pytest.raises(RefusedError, match="no such site"):
        ask_of_step(
            world.alice.id,
            step="nurse",
            must_be_filled=True,
            certificate=KIND,
            site_id=world.bob.site.pk,
            by=director,
        )


# --- where everybody stands --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spans", "left", "within"),
    [
        ([], 0, None),
        ([(-30, -1)], 0, None),
        ([(1, None)], 0, None),
        ([(-30, None)], None, None),
        ([(-30, 0)], 1, 30),
        ([(-30, 29)], 30, 30),
        ([(-30, 30)], 31, 60),
        ([(-30, 59)], 60, 60),
        ([(-30, 89)], 90, 90),
        ([(-30, 90)], 91, None),
        ([(-30, 10), (11, 400)], 401, None),
        ([(-30, 10), (12, 400)], 11, 30),
        ([(-30, 10), (5, None)], None, None),
    ],
)
def test_how_long_a_certificate_still_counts(spans, left, within):
    held = [
        Certificate(
            valid_from=TODAY + timedelta(days=since),
            valid_until=None if until is None else TODAY + timedelta(days=until),
        )
        for since, until in spans
    ]
    found = standing_of(None, KIND, held, TODAY)
    assert (found.days_left, found.within, found.is_current) == (left, within, left != 0)


def test_who_needs_somebody_stands_first_and_who_may_not_answer_lacks_nothing(world, untrained):
    organisation = world.alice.organisation
    make_member(organisation, "viewer", "Viewer", trained=False)
    soon = make_member(organisation, "nurse", "RN Soon", trained=False)
    make_certificate(organisation, soon, valid_until=TODAY + timedelta(days=40))
    make_certificate(organisation, soon, kind="chemo", valid_until=TODAY + timedelta(days=20))
    found = [(each.user.name, each.kind, each.within) for each in standings(organisation, NOW)]
    assert found[:3] == [("RN Untrained", KIND, None), ("RN Soon", "chemo", 30), ("RN Soon", KIND, 60)]
    assert "Viewer" not in {name for name, *_ in found}
    assert {name for name, *_ in found} >= {"Alice Nurse", "RN Soon"}


def test_a_hole_is_for_steps_that_must_be_filled_only(world, untrained):
    make_shift(world.alice.organisation, "nurse", untrained, is_override=True)
    assert holes(world.alice.organisation, world.alice.site, NOW, NOW + timedelta(days=2)) == []
