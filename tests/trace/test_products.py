"""T-41 of the trace: a new biosimilar is rows in the shipped files and nothing else, and every page knows it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.facts import record_event
from handrail.people.scope import everything
from handrail.records.models import PayerRequest
from handrail.rules import caredata
from tests.support.factories import MONDAY_0900, World, event
from tests.support.payers import PAYER, coordinator
from tests.support.staff_pages import words

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(days=10)
ENDS = 'source = ["HANDRAIL"]\nstatus = "sourced"\n'
PRODUCT = f"""
[[product]]
id = "newtoci"
brand = "Newtoci"
suffix = "-zzzz"
forms = ["iv"]
{ENDS}
[[label]]
id = "newtoci-1"
product = "newtoci"
form = "iv"
since = 2026-01-01
says = "no_crs"
words = "not on the label of the synthetic product"
{ENDS}"""
UNIT = """
[[unit]]
id = "tocilizumab-zzzz"
agent = "tocilizumab-zzzz (Newtoci)"
code = "Q9999"
mg = "1"
since = 2026-01-01
source = ["RECALLED"]
status = "secondary"
"""


@pytest.fixture
def world(db) -> Iterator[World]:
    with clock.use(clock.FrozenClock(NOW)), everything():
        yield World()


@pytest.fixture
def client(world) -> Client:
    found = Client()
    found.force_login(coordinator(world).user)
    return found


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The shipped files with the rows of one product more, as an installation that has just been given them reads them."""
    for name, rows in (("care/tocilizumab.toml", PRODUCT), ("codes/billing.toml", UNIT)):
        (tmp_path / name).parent.mkdir()
        shutil.copy(caredata.FOLDER / name, tmp_path / name)
        with (tmp_path / name).open("a", encoding="utf-8") as file:
            file.write(rows)
    read = (caredata.tocilizumab, caredata.billing, caredata._tocilizumab_names)
    monkeypatch.setattr(caredata, "FOLDER", tmp_path)
    for each in read:
        each.cache_clear()
    yield
    monkeypatch.undo()
    for each in read:
        each.cache_clear()


def page(client: Client, name: str, *args: Any, **data: str) -> str:
    answer = client.get(reverse(name, args=args), data)
    assert answer.status_code == 200
    return words(answer)


def opened(client: Client, world: World, product: str) -> PayerRequest:
    """A request for tocilizumab, opened with the form."""
    typed = {"drug": "tocilizumab", "payer": PAYER, "product": product, "internal": "no", "setting": "outpatient"}
    answer = client.post(reverse("course_access", args=[world.course.pk]), typed)
    assert answer.status_code == 302, words(answer)
    return PayerRequest.objects.get(pk=answer.url.rstrip("/").rpartition("/")[2])


def paper(client: Client, form: str, **typed: Any) -> None:
    answer = client.post(reverse("payer_cards"), {"form": form, "since": "2026-03-01", **typed})
    assert answer.status_code == 302, words(answer)


def test_t41_without_its_rows_nobody_can_ask_for_it(world, client):
    assert "Newtoci" not in page(client, "course_access", world.course.pk)
    typed = {"drug": "tocilizumab", "payer": PAYER, "product": "newtoci"}
    assert client.post(reverse("course_access", args=[world.course.pk]), typed).status_code == 422


def test_t41_with_its_rows_it_is_asked_for_preferred_exchanged_counted_and_given(world, client, added):
    """Naming the products in `forms.product_choices` or `caredata.is_tocilizumab` instead of reading them makes it fail."""
    for shown in ("Newtoci -zzzz", "Tocilizumab: Newtoci"):
        assert shown in page(client, "course_access", world.course.pk)
    asked = opened(client, world, "newtoci")
    assert "Tocilizumab (Newtoci -zzzz)" in page(client, "payer_request", asked.pk)
    client.force_login(world.alice.director)
    paper(client, "card", payer=PAYER, drug="tocilizumab", indication="as its letter says", preferred=["newtoci"])
    both = {"products": ["actemra", "newtoci"], "uses": ["prophylaxis"], "approved_by": "P&T", "until": "2026-12-31"}
    paper(client, "interchange", **both)
    client.force_login(coordinator(world).user)
    other = opened(client, world, "actemra")
    assert "the payer prefers Newtoci, the request names Actemra" in page(client, "payer_request", other.pk).replace(
        "The payer", "the payer"
    )
    given = {"form": "substituted", "product": "newtoci", "reason": "the payer prefers it"}
    answer = client.post(reverse("payer_request", args=[other.pk]), given, follow=True)
    assert "product newtoci" in words(answer)
    units = {"agent": "tocilizumab-zzzz", "mg_given": "560", "mg_opened": "600"}
    assert "Q9999: 560 units, 40 discarded: JW" in page(client, "course_access", world.course.pk, **units)
    at = MONDAY_0900 + timedelta(hours=1)
    dose = event("medicine_given", at=at, agent="Newtoci", dose_mg="560", route="intravenous", purpose="prophylaxis")
    record_event(world.course.pk, dose, by=world.actor("alice"), now=at)
    assert "1 got it (100%)" in page(client, "prevention")
