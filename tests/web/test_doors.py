"""Which door is open, on the patient's pages: by the hour, in both languages; and nothing that keeps a RED patient from the emergency department."""

import ast
import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from handrail import clock
from handrail.actions import words_doors
from handrail.actions.ed_packets import choose_destination
from handrail.actions.emergency import hand_over_card, issue_card
from handrail.people.models import CarePlace
from handrail.rules.doors import AS_USUAL
from tests.support.checkins import EVENING, Home, make_home, phone_of, quiet_form, quiet_json
from tests.support.doors import ALWAYS, WEEKDAYS, door, open_week
from tests.support.ed import make_place

pytestmark = pytest.mark.django_db
CHICAGO = "America/Chicago"
EVENINGS = (*["17:00-21:00"] * 5, "", "")
TOLD = "Were you told to go to the emergency department, or to call 911? Do that now, whatever stands here."
ED = "The emergency department of your plan: County ED, 1 Example Street, 555-0199."


@pytest.fixture(autouse=True)
def frozen() -> Iterator[clock.FrozenClock]:
    with clock.use(clock.FrozenClock(EVENING)) as stopped:
        yield stopped


@pytest.fixture
def home() -> Home:
    return with_doors(make_home())


def with_doors(home: Home) -> Home:
    """A clinic that is closed in the evening, urgent care that is open, and the department of the plan."""
    world = home.world
    open_week(world, door(world, "clinic", "Hub clinic"), WEEKDAYS, zone=CHICAGO)
    open_week(world, door(world, "urgent_care", "Evening care"), EVENINGS, zone=CHICAGO, holiday="")
    department = make_place(world)
    choose_destination(home.course.pk, department.pk, by=world.actor("alice"))
    return home


def words(answer: Any) -> str:
    main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", main).split()))


def test_the_check_in_says_which_door_is_open_at_this_hour(home, frozen):
    phone = phone_of(home)
    said = words(phone.get("/c/"))
    for wanted in (
        TOLD,
        "No emergency? Call us before you go to one of these. As of Monday, March 2, 7:30 PM CST:",
        "Hub clinic (clinic) closed now; opens Tuesday 8:00 AM 2 Example Street, 555-0188",
        "Evening care (urgent care) open now, until 9:00 PM",
        "County ED (emergency department of your plan) its hours are not known here. In an emergency do not wait: go, or call 911",
    ):
        assert wanted in said, wanted
    assert said.index(TOLD) < said.index("Hub clinic")
    frozen.advance(hours=13)
    said = words(phone.get("/c/"))
    assert "Hub clinic (clinic) open now, until 5:00 PM" in said
    assert "Evening care (urgent care) closed now; opens 5:00 PM" in said


def test_the_minute_and_the_clock_of_the_patient(home, frozen):
    home.set_patient(clock_24h=True)
    phone = phone_of(home)
    frozen.advance(hours=1, minutes=29)
    assert "Evening care (urgent care) open now, until 21:00" in words(phone.get("/c/"))
    frozen.advance(minutes=1)
    assert "Evening care (urgent care) closed now; opens Tuesday 17:00" in words(phone.get("/c/"))
    frozen.advance(days=5)
    said = words(phone.get("/c/"))
    assert "Evening care (urgent care) whether it is open now is not known here: call before you go" in said


def test_a_place_in_another_zone_is_told_by_the_clock_there(home):
    far = door(home.world, "urgent_care", "Far care")
    open_week(home.world, far, ("00:00-20:00",) * 7, zone="America/Denver", holiday=AS_USUAL)
    assert "Far care (urgent care) open now, until 8:00 PM by the clock there" in words(phone_of(home).get("/c/"))


def test_the_plan_has_the_hours_for_paper_and_the_state_for_the_screen(home):
    answer = phone_of(home).get("/c/plan")
    said = words(answer)
    for wanted in (
        TOLD,
        "Monday to Friday: 8:00 AM–5:00 PM Saturday to Sunday: closed On holidays: closed",
        "Monday to Friday: 5:00 PM–9:00 PM Saturday to Sunday: not known",
        "On holidays: not known",
        "In an emergency do not wait: go, or call 911. Its hours are not known here.",
        "Written down on Monday, March 2, 2026; it may have changed.",
    ):
        assert wanted in said, wanted
    on_paper = re.sub(r'<div class="no-print.*?</div>|<span class="no-print.*?</span>', "", answer.content.decode())
    doors = on_paper.partition('class="card-h doors"')[2].partition("</section>")[0]
    assert "5:00 PM" in doors
    assert "open now" not in doors and "closed now" not in doors and "As of" not in doors


def test_in_spanish(home):
    said = words(phone_of(home).get("/c/plan", {"language": "es"}, follow=True))
    for wanted in (
        "¿Le dijeron que vaya a la sala de emergencias o que llame al 911? Hágalo ahora, diga lo que diga aquí.",
        "cerrada ahora; abre: martes 8:00 AM",
        "abierta ahora, hasta: 9:00 PM",
        "De lunes a viernes: 8:00 AM–5:00 PM",
        "En días festivos: cerrada",
    ):
        assert wanted in said, wanted


def test_every_word_about_doors_is_translated():
    here = Path(words_doors.__file__)
    found = set()
    for node in ast.walk(ast.parse(here.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("_", "gettext_lazy"):
            found.add(ast.literal_eval(node.args[0]))
    template = (here.parents[1] / "web/templates/handrail/checkin/doors.html").read_text(encoding="utf-8")
    found |= set(re.findall(r'{% translate "([^"]+)"', template)) | {"Addresses at this hour", "As of %(at)s:"}
    assert len(found) > 25
    with translation.override("es"):
        assert [each for each in found if translation.gettext(each) == each] == []


# --- RED -----------------------------------------------------------------------------------------------------------------

RED = [
    # what is reported                                                       | the sentence that stays
    ({"temperature": "101.1"}, "Call the number below now. You must be seen within the hour."),
    ({"symptoms": "confused", "none_of_these": None}, "Go to the emergency department now. Do not drive yourself."),
]


@pytest.mark.parametrize(("reported", "sentence"), RED)
def test_whoever_cannot_wait_reads_the_department_and_no_other_door(home, reported, sentence):
    phone = phone_of(home)
    receipt = words(phone.post("/c/", quiet_form(home, anyway="yes", **reported)))
    assert sentence in receipt and ED in receipt
    assert receipt.index(sentence) < receipt.index(ED)
    for page in ("/c/", "/c/plan", "/c/card"):
        said = words(phone.get(page))
        assert ED in said, page
        assert "Evening care" not in said and "Hub clinic" not in said, page
    assert "Evening care" not in receipt and "Hub clinic" not in receipt


def test_whoever_calls_911_reads_no_address(home):
    receipt = words(
        phone_of(home).post("/c/", quiet_form(home, anyway="yes", symptoms="chest_pain", none_of_these=None))
    )
    assert "Call 911 now." in receipt and "County ED" not in receipt and "Evening care" not in receipt


CLOSED = "By the hours written down it may be closed now. Do not wait: call 911."


@pytest.mark.parametrize(
    ("week", "closed"), [(None, False), (ALWAYS, False), (WEEKDAYS, True), (("",) * 7, False)], ids=str
)
def test_the_hours_of_a_department_hold_nobody_back(home, week, closed):
    """Not known: go. Closed by its hours: 911, never "wait until it opens"."""
    with_hours = CarePlace.objects.get(kind="ed")
    if week is not None:
        open_week(home.world, with_hours, week, zone=CHICAGO, holiday=AS_USUAL)
    receipt = words(phone_of(home).post("/c/", quiet_form(home, temperature="101.1")))
    assert ED in receipt and (CLOSED in receipt) is closed
    assert "opens" not in receipt and "8:00 AM" not in receipt


ED_NOW = "County ED (emergency department of your plan): its hours are not known here. In an emergency do not wait: go, or call 911"


def test_a_quiet_check_is_told_every_door_and_to_call_first(home):
    phone = phone_of(home)
    answer = phone.post("/api/checkins", quiet_json(home), content_type="application/json")
    assert answer.json()["tone"] == "good"
    assert answer.json()["doors"] == [
        "No emergency? Call us before you go to one of these.",
        "Hub clinic (clinic): closed now; opens Tuesday 8:00 AM. 2 Example Street, 555-0188.",
        "Evening care (urgent care): open now, until 9:00 PM. 2 Example Street, 555-0188.",
        f"{ED_NOW}. 1 Example Street, 555-0199.",
    ]


def test_a_quiet_check_after_a_fever_that_is_still_open_is_told_the_department_only(home, frozen):
    phone = phone_of(home)
    phone.post("/c/", quiet_form(home, temperature="101.1"))
    frozen.advance(minutes=30)
    receipt = words(phone.post("/c/", quiet_form(home)))
    assert ED in receipt and "Evening care" not in receipt


def test_without_places_nothing_is_said():
    phone = phone_of(make_home())
    assert TOLD not in words(phone.get("/c/")) and TOLD not in words(phone.get("/c/plan"))
    assert "Addresses at this hour" not in words(phone.get("/c/plan"))


def test_an_old_copy_of_the_form_shows_no_hour(home):
    """What a phone keeps without a connection hides whatever is marked as of now."""
    page = phone_of(home).get("/c/").content.decode()
    assert re.search(r'<section class="card-h doors"[^>]* data-fresh>', page)


# --- the card --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "wanted"), [("en", "Monday to Friday: 8:00 AM–5:00 PM"), ("es", "De lunes a viernes: 8:00 AM–5:00 PM")]
)
def test_the_printed_card_has_the_hours_in_the_patients_language_and_nothing_of_now(home, language, wanted):
    home.set_patient(language=language)
    made = issue_card(home.course.pk, by=home.world.actor("alice"))
    nurse = Client()
    nurse.force_login(home.world.alice.nurse)
    answer = nurse.get(reverse("card", args=[home.course.pk, made.pk]))
    paper = answer.content.decode().partition('<section class="doors-paper"')[2].partition("</section>")[0]
    said = html.unescape(" ".join(re.sub(r"<[^>]+>", " ", paper).split()))
    assert wanted in said and "County ED" in said and paper.startswith(f' lang="{language}"')
    assert not re.search(r"open now|closed now|abierta ahora|cerrada ahora", said)


def test_the_card_on_the_phone_says_which_door_is_open(home, frozen):
    made = issue_card(home.course.pk, by=home.world.actor("alice"))
    hand_over_card(home.course.pk, made.pk, by=home.world.actor("alice"))
    said = words(phone_of(home).get("/c/card"))
    assert "Evening care (urgent care) open now, until 9:00 PM" in said and TOLD in said
    frozen.advance(hours=4)
    assert "Evening care (urgent care) closed now; opens Tuesday 5:00 PM" in words(phone_of(home).get("/c/card"))
