"""The page of training and certificates: what is typed counts at once, what cannot be is said and kept, and words say every state."""

from datetime import date, timedelta

import pytest
from django.urls import reverse

from handrail import clock
from handrail.people.models import Certificate, RotaStep
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, make_certificate, make_member, make_shift

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900
TODAY = date(2026, 3, 2)
KIND = "on_call_ladder"


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        with everything():
            hub = world.alice.organisation
            world.untrained = make_member(hub, "on_call", "RN Untrained", trained=False)
            world.soon = make_member(hub, "nurse", "RN Soon", trained=False)
            make_certificate(hub, world.soon, valid_until=TODAY + timedelta(days=45), reference="card 12")
            make_shift(hub, "nurse", world.untrained, is_override=True)
        yield world


@pytest.fixture
def manager(client, world):
    client.force_login(make_member(world.alice.organisation, "site_manager", "Manager Flores"))
    return client


def send(client, form: str, **typed):
    return client.post(reverse("training"), {"form": form, **typed}, follow=True)


def shown(client) -> str:
    return client.get(reverse("training")).content.decode()


def test_the_page_says_in_words_who_is_missing_what_and_what_runs_out(manager, client):
    text = shown(manager)
    assert "On the rota, not trained" in text
    assert "RN Untrained is nurse without a current certificate on_call_ladder" in text
    assert ">Missing</span><div><strong>RN Untrained</strong>, on_call_ladder: none<" in text
    assert ">Within 60 days</span><div><strong>RN Soon</strong>, on_call_ladder: runs out; Thu 16 Apr 2026 is" in text
    assert "card 12" in text
    assert 'href="/rota/training/"' in client.get("/rota/").content.decode()


@pytest.mark.parametrize(
    ("since", "until", "short", "words"),
    [
        (-30, -1, "Ran out", "Sun 1 Mar 2026 was its last day"),
        (1, None, "Not yet", "begins on Tue 3 Mar 2026"),
        (-30, None, "Current", "does not run out"),
        (-30, 0, "Within 30 days", "runs out; Mon 2 Mar 2026 is its last day"),
        (-30, 200, "Current", "until Fri 18 Sep 2026"),
    ],
)
def test_every_state_has_its_words(manager, world, since, until, short, words):
    with everything():
        make_certificate(
            world.alice.organisation,
            world.untrained,
            kind="ice",
            valid_from=TODAY + timedelta(days=since),
            valid_until=None if until is None else TODAY + timedelta(days=until),
        )
    assert f">{short}</span><div><strong>RN Untrained</strong>, ice: {words}<" in shown(manager)


def test_a_certificate_is_typed_and_the_person_is_trained_at_once_then_it_is_ended(manager, world):
    typed = {"user": str(world.untrained.pk), "kind": KIND, "valid_from": "2026-03-01", "valid_until": "2026-06-30"}
    text = send(manager, "certificate", **typed, reference="card 9").content.decode()
    assert "Saved for RN Untrained. The rota is being looked at again." in text
    assert "everybody on the rota of the next two weeks holds what the step asks for" in text
    certificate = Certificate.objects.get(user=world.untrained)
    assert (certificate.valid_until, certificate.reference) == (date(2026, 6, 30), "card 9")
    text = send(manager, "end", held=str(certificate.pk), last_day="2026-03-05").content.decode()
    assert "The certificate of RN Untrained ends on Thu 5 Mar 2026." in text
    assert "without a current certificate on_call_ladder from Fri 6 Mar 2026" in text
    text = send(manager, "end", held=str(certificate.pk), last_day="2026-02-01").content.decode()
    assert "Taken back: it never counted." in text
    assert not Certificate.objects.filter(user=world.untrained).exists()


@pytest.mark.parametrize(
    ("form", "fields", "words"),
    [
        ("certificate", {"kind": ""}, "Certificate: please answer."),
        ("certificate", {"valid_until": "2026-01-01"}, "runs out before it begins"),
        ("certificate", {"user": "somebody"}, "choose one of the answers"),
        ("end", {}, "Which: please answer."),
        ("step", {"asked": ""}, "say why"),
        ("nonsense", {}, ""),
    ],
)
def test_what_cannot_be_is_said_and_what_was_typed_is_kept(manager, world, form, fields, words):
    whole = {
        "certificate": {"user": str(world.untrained.pk), "kind": KIND, "valid_from": "2026-03-01"},
        "step": {"step": "first_on_call", "site": "all", "must_be_filled": "must", "asked": KIND},
    }
    answer = send(manager, form, **{**whole.get(form, {}), **fields})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert words in text
    assert ("Nothing is saved yet" in text) == bool(words)
    assert text.count("Nothing is saved yet") <= 1
    assert not Certificate.objects.filter(user=world.untrained).exists()
    assert not RotaStep.objects.exists()


def test_a_step_asks_something_else_beside_the_shipped_rule_until_it_is_taken_back(manager, world):
    typed = {"step": "first_on_call", "site": str(world.alice.site.pk), "must_be_filled": "must", "asked": "hub_course"}
    text = send(manager, "step", **typed, reason="the hub's own course holds more").content.decode()
    assert f"{world.alice.site.name}: no hour without a person; certificate hub_course" in text
    assert "less than the shipped rule, or another certificate" in text
    assert "no hour without a person; certificate on_call_ladder" in text
    row = RotaStep.objects.get()
    text = manager.post(reverse("as_shipped", args=[row.pk]), follow=True).content.decode()
    assert "Taken back. The rota is being looked at again." in text
    assert "hub_course" not in text


def test_a_nurse_reads_and_a_stranger_sees_nothing_of_it(client, world):
    client.force_login(world.alice.nurse)
    text = shown(client)
    assert "RN Soon" in text
    assert "Add a certificate" not in text
    with everything():
        row = RotaStep.objects.create(organisation=world.alice.organisation, step="nurse", must_be_filled=True)
    assert client.post(reverse("as_shipped", args=[row.pk])).status_code == 403
    client.force_login(world.charlie.director)
    assert "RN Soon" not in shown(client)
    assert client.post(reverse("as_shipped", args=[row.pk])).status_code == 404
    assert RotaStep.objects.exists()


def test_a_certificate_of_another_house_cannot_be_ended_here(manager, world):
    with everything():
        other = make_certificate(world.bob.organisation, world.bob.nurse, kind="ice")
    answer = send(manager, "end", held=str(other.pk), last_day="2026-03-02")
    assert answer.status_code == 422
    assert "choose one of the answers" in answer.content.decode()
