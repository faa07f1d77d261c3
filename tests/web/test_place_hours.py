"""The page on which the hours of a place are written down: what is typed is read back, wrong hours are kept on the form, and for whom."""

import html
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.people.models import Holiday, PlaceDay, PlaceHours
from handrail.people.scope import everything
from tests.support.doors import WEEKDAYS, door, open_week
from tests.support.ed import make_place
from tests.support.factories import MONDAY_0900, World

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900
WEEK = {f"day_{number}": text for number, text in enumerate(WEEKDAYS)}


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        yield World()


def of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def words(answer: Any) -> str:
    main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", main).split()))


def test_hours_are_typed_in_and_read_back_as_patients_read_them(world):
    place = door(world, "urgent_care", "Evening care")
    address = reverse("place_hours", args=[place.pk])
    chief = of(world.alice.director)
    assert "Whether it is open now is not known here: call before you go." in words(chief.get(address))
    typed = {**WEEK, "day_6": "", "day_4": "20:00-02:00", "holiday": "As  usual", "duty": "alone", "zone": "UTC"}
    assert chief.post(address, typed).status_code == 302
    with everything():
        kept = PlaceHours.objects.get(place=place)
    assert (kept.week, kept.holiday, kept.duty, kept.zone, kept.set_by) == (
        ["08:00-17:00"] * 4 + ["20:00-02:00", "closed", ""],
        "as_usual",
        "",
        "UTC",
        world.alice.director,
    )
    page = chief.get(address)
    for wanted in (
        "Open now, until 17:00.",
        "Monday to Thursday: 08:00–17:00",
        "Friday: 20:00–02:00",
        "Saturday: closed",
        "Sunday: not known",
        "Written down on Monday, March 2, 2026; it may have changed.",
    ):
        assert wanted in words(page), wanted
    assert 'value="as usual"' in page.content.decode()


def test_wrong_hours_are_not_saved_and_stay_on_the_form(world):
    place = door(world, "clinic", "Hub clinic")
    answer = of(world.alice.director).post(
        reverse("place_hours", args=[place.pk]), {**WEEK, "day_2": "8 to 5", "zone": "UTC"}
    )
    assert answer.status_code == 422
    assert "Write hours such as 08:00-17:00" in words(answer) and 'value="8 to 5"' in answer.content.decode()
    with everything():
        assert not PlaceHours.objects.exists()


def test_one_day_is_written_down_and_taken_back(world):
    place = door(world, "clinic", "Hub clinic")
    open_week(world, place, WEEKDAYS)
    chief, page = of(world.alice.director), reverse("place_hours", args=[place.pk])
    wrong = chief.post(reverse("place_day", args=[place.pk]), {"on": "2026-03-03", "hours": "noon", "why": "water"})
    assert wrong.status_code == 422 and 'value="noon"' in wrong.content.decode()
    right = chief.post(reverse("place_day", args=[place.pk]), {"on": "2026-03-03", "hours": "closed", "why": "water"})
    assert right.status_code == 302
    said = words(chief.get(page))
    assert "Tue 3 Mar 2026 : closed water" in said and "Tuesday, March 3, 2026: closed" in said
    assert chief.post(reverse("place_day_back", args=[place.pk, "2026-03-03"])).status_code == 302
    assert "Tue 3 Mar 2026" not in words(chief.get(page))
    assert chief.post(reverse("place_day_back", args=[place.pk, "2026-03-03"])).status_code == 404
    assert chief.post(reverse("place_day_back", args=[place.pk, "tomorrow"])).status_code == 404


def test_a_holiday_of_the_rota_stands_on_the_page(world):
    place = door(world, "clinic", "Hub clinic")
    open_week(world, place, WEEKDAYS, holiday="")
    with everything():
        Holiday.objects.create(organisation=world.alice.organisation, on=NOW.date(), name="Test day")
    said = words(of(world.alice.director).get(reverse("place_hours", args=[place.pk])))
    assert "Whether it is open now is not known here" in said
    assert "Monday, March 2, 2026: not known" in said


def test_a_nurse_reads_the_hours_and_changes_nothing(world):
    place = door(world, "clinic", "Hub clinic")
    open_week(world, place, WEEKDAYS)
    nurse, address = of(world.alice.nurse), reverse("place_hours", args=[place.pk])
    said = words(nurse.get(address))
    assert "Open now, until 17:00." in said and "Save" not in said
    assert nurse.post(address, {**WEEK, "zone": "UTC"}).status_code == 403
    assert nurse.post(reverse("place_day", args=[place.pk]), {"on": "2026-03-03"}).status_code == 403
    with everything():
        assert PlaceHours.objects.count() == 1 and not PlaceDay.objects.exists()


def test_the_list_says_of_every_place_how_it_is_now(world):
    open_week(world, door(world, "clinic", "Hub clinic"), WEEKDAYS)
    chief = of(world.alice.director)
    said = words(chief.get(reverse("places")))
    assert "Open now, until 17:00" in said and "No emergency department" in said and "no packet" in said
    make_place(world)
    said = words(chief.get(reverse("places")))
    assert "Its hours are not known here. In an emergency do not wait: go, or call 911" in said
    assert "No emergency department" not in said


def test_a_place_that_is_added_leads_to_its_hours(world):
    typed = {"kind": "urgent_care", "name": "Evening care", "number": "555-0123", "address": "3 Example Street"}
    answer = of(world.alice.director).post(reverse("places"), typed, follow=True)
    assert answer.redirect_chain[0][0].endswith("/hours/")
    assert "until then nobody is told that it is open" in answer.content.decode()
    refused = of(world.alice.director).post(reverse("places"), {**typed, "address": ""})
    assert refused.status_code == 422 and "has an address" in words(refused)
