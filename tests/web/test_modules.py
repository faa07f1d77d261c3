"""The pages of modules and drills: one list of who lacks what by when, what was typed is kept, and no more queries for more people."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from handrail import clock
from handrail.people.models import MockDrill, TrainingRecord, TrainingVersion
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, make_member, make_site

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        with everything():
            world.manager = make_member(world.alice.organisation, "site_manager", "Manager Flores")
        yield world


@pytest.fixture
def manager(client, world):
    client.force_login(world.manager)
    return client


def page_of(client, name="modules") -> str:
    return client.get(reverse(name)).content.decode()


def send(client, form, **typed):
    return client.post(reverse("modules"), {"form": form, **typed}, follow=True)


def passed(world, **fields) -> dict[str, str]:
    return {"user": str(world.alice.nurse.pk), "module": "ice", "on": "2026-03-01", **fields}


def test_one_list_says_who_lacks_what_and_by_when(manager, world):
    page = page_of(manager)
    row = f'<span class="mark today">Not yet</span><div><strong>{world.alice.nurse.name}</strong>: ICE score'
    assert row in page
    assert "never passed · by now · site manager" in page
    done = send(manager, "passed", **passed(world)).content.decode()
    assert f"Saved for {world.alice.nurse.name}: ICE score" in done
    assert row not in done
    send(manager, "version", subject="ice", version="2", reason="new scale")
    page = page_of(manager)
    assert (
        f'<span class="mark soon">New version</span><div><strong>{world.alice.nurse.name}</strong>: ICE score' in page
    )
    assert "by Mon 16 Mar 2026" in page
    with clock.use(clock.FrozenClock(NOW + timedelta(days=20))):
        assert '<span class="mark now">Old version</span>' in page_of(manager)


@pytest.mark.parametrize(
    ("form", "typed", "words"),
    [
        ("passed", {"user": ""}, "Who: please answer."),
        ("passed", {"module": "administration"}, "Say for which product."),
        ("passed", {"on": "2026-03-03"}, "still to come"),
        ("version", {"version": "1"}, "came out before"),
        ("version", {"subject": "document"}, "Name it"),
        ("nonsense", {}, ""),
    ],
)
def test_what_cannot_be_is_said_and_what_was_typed_is_kept(manager, world, form, typed, words):
    whole = {"passed": passed(world), "version": {"subject": "ice", "version": "2", "reason": "new"}}.get(form, {})
    answer = send(manager, form, **{**whole, **typed})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert words in page
    assert ("Nothing is saved yet" in page) == bool(words)
    assert not TrainingRecord.objects.exists()
    assert not TrainingVersion.objects.exists()


def test_a_nurse_sees_the_list_and_is_given_no_form(client, world):
    client.force_login(world.alice.nurse)
    page = page_of(client)
    assert "who lacks what" in page
    assert "somebody passed a module" not in page
    assert client.post(reverse("modules"), {"form": "passed", **passed(world)}).status_code == 403


def test_what_was_wrong_is_taken_back_on_the_page(manager, world):
    send(manager, "passed", **passed(world))
    record = TrainingRecord.objects.get()
    page = page_of(manager)
    address = reverse("take_back_record", args=[record.pk])
    assert f'action="{address}"' in page
    assert "Say why." in manager.post(address, {"reason": ""}, follow=True).content.decode()
    assert "Taken back; it stays on record." in manager.post(address, {"reason": "typo"}, follow=True).content.decode()
    assert f'action="{address}"' not in page_of(manager)


def test_another_organisation_learns_nothing_of_it(client, world, manager):
    send(manager, "version", subject="document", document="CRS protocol", version="4", reason="x")
    assert "CRS protocol" in page_of(manager)
    client.force_login(world.charlie.director)
    page = page_of(client)
    assert "CRS protocol" not in page
    assert world.alice.nurse.name not in page


def test_an_unknown_document_is_refused_in_words(manager, world):
    address = reverse("sign_document", args=[world.alice.id])
    page = manager.post(address, {"document": "nothing", "version": "1"}, follow=True).content.decode()
    assert "Another version is in force by now" in page


# --- drills -----------------------------------------------------------------------------------------------------------------


def a_drill(world, **fields) -> dict[str, str]:
    times = {"call_answered": "4", "packet_opened": "9,5", "tocilizumab_at_bedside": "55"}
    told = {"site": str(world.alice.site.pk), "kind": "ed_without_record", "on": "2026-03-01", "correct_grade": "yes"}
    return {**told, **times, **fields}


def test_a_drill_is_typed_and_judged_at_once(manager, world):
    assert "No drill is on record." in page_of(manager, "drills")
    sent = manager.post(reverse("drills"), a_drill(world, action="second kit", action_owner="pharmacist"), follow=True)
    page = sent.content.decode()
    assert "Saved: passed." in page
    assert "packet opened after 9.5 min, at most 10" in page
    assert "To do: second kit (pharmacist)" in page
    assert "nurse: hold one, and write down its times" in page, "the one after hours is still to be held"
    page = manager.post(reverse("drills"), a_drill(world, call_answered=""), follow=True).content.decode()
    assert "Saved: not known. call answered: time not known." in page


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"correct_grade": ""}, "please answer"),
        ({"call_answered": "soon"}, "type a number"),
        ({"on": "2026-03-09"}, "still to come"),
        ({"action": "buy a kit"}, "Say who does it."),
        ({"call_answered": "-4"}, "Minutes from the start"),
    ],
)
def test_a_drill_that_makes_no_sense_is_said_and_kept(manager, world, typed, words):
    answer = manager.post(reverse("drills"), a_drill(world, **typed))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not MockDrill.objects.exists()


def test_a_drill_that_was_typed_wrongly_is_taken_back_by_who_manages_the_training(manager, client, world):
    manager.post(reverse("drills"), a_drill(world, correct_grade="no"))
    drill = MockDrill.objects.get()
    address = reverse("take_back_drill", args=[drill.pk])
    assert f'action="{address}"' in page_of(manager, "drills")
    assert "Say why." in manager.post(address, {"reason": " "}, follow=True).content.decode()
    page = manager.post(address, {"reason": "another site"}, follow=True).content.decode()
    assert "Taken back; it stays on record." in page
    assert "No drill is on record." in page
    assert MockDrill.objects.count() == 2
    assert "It was taken back before." in manager.post(address, {"reason": "x"}, follow=True).content.decode()
    client.force_login(world.alice.nurse)
    assert client.post(address, {"reason": "x"}).status_code == 403
    assert f'action="{address}"' not in page_of(client, "drills")


# --- cost ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["modules", "drills"])
def test_ten_times_the_rows_cost_no_more_queries(manager, world, name):
    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert manager.get(reverse(name)).status_code == 200
        return len(queries)

    def grow(count: int) -> None:
        with everything():
            for _ in range(count):
                nurse = make_member(world.alice.organisation, "nurse")
                site = make_site(world.alice.organisation)
                own = {"organisation": world.alice.organisation, "by": world.manager, "on": date(2026, 3, 1)}
                TrainingRecord.objects.create(user=nurse, what="module", subject="ice", version="1", **own)
                MockDrill.objects.create(site=site, kind="clinic", **own)

    grow(1)
    page_of(manager, name)
    before = cost()
    grow(10)
    assert cost() == before
