"""Long lists a page at a time: nobody is on none, what is late is on the first, every number is of the whole, and a strange site is empty."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from handrail import clock
from handrail.actions import referrals as verbs
from handrail.actions.actor import person
from handrail.alerts.models import Alert
from handrail.people import secrets
from handrail.people.models import Shift, User
from handrail.people.scope import everything
from handrail.records.models import Course
from handrail.web import paging
from tests.support.factories import MONDAY_0900, World, make_member, make_shift, make_site
from tests.support.referral_forms import read
from tests.support.referrals import door_of, referred

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db, monkeypatch):
    monkeypatch.setattr(paging, "PER_PAGE", 2)
    with clock.use(clock.FrozenClock(MONDAY_0900)) as frozen:
        world = World()
        world.time = frozen
        yield world


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def walk(client: Client, name: str, query: str = "") -> list[str]:
    """Every page of a list, as its links lead on."""
    pages = []
    while True:
        answer = client.get(reverse(name) + query)
        assert answer.status_code == 200
        pages.append(re.sub(r"\s+", " ", answer.content.decode()))
        found = re.search(r'<a href="(\?[^"#]*)(?:#[^"]*)?">The next page<', pages[-1])
        if found is None:
            return pages
        query = found[1].replace("&amp;", "&")
        assert len(pages) < 20


def on_which(pages: list[str], words: str) -> list[int]:
    return [number for number, text in enumerate(pages, 1) if words in text]


def decrypted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    opened: list[Any] = []
    before = secrets.decrypt
    monkeypatch.setattr(secrets, "decrypt", lambda data: opened.append(data) or before(data))
    return opened


# --- referrals --------------------------------------------------------------------------------------------------------


def late_and_new(world: World) -> tuple[list[Any], Any]:
    """Four routine referrals, and an urgent one that came after them and is red first."""
    calm = [referred(world.alice, urgency="routine") for _ in range(4)]
    world.time.advance(hours=1)
    urgent = referred(world.alice)
    world.time.advance(days=3)
    return calm, urgent


def test_of_the_referrals_what_is_red_is_on_page_one_and_nobody_is_on_none(world):
    calm, urgent = late_and_new(world)
    pages = walk(signed_in(world.alice.director), "referrals")
    assert len(pages) == 3
    assert on_which(pages, urgent.code) == [1]
    assert sorted(number for each in calm for number in on_which(pages, each.code)) == [1, 2, 2, 3]
    for text in pages:
        assert "Open (4)" in text, "of all pages"
        assert "for too long comes first (1)" in text
    assert "Without contact for too long (1)" in pages[0]


def test_of_the_referrals_a_strange_site_shows_nothing_and_says_where_the_others_are(world):
    calm, urgent = late_and_new(world)
    door_of(world.bob, "bob-door")
    elsewhere = referred(world.bob)
    client = signed_in(world.alice.director)
    there = read(client.get(reverse("referrals"), {"site": str(world.bob.site.pk)}))
    assert "None here, 5 elsewhere." in there
    assert not any(each.code in there for each in (*calm, urgent, elsewhere))
    own = walk(client, "referrals", f"?site={world.alice.site.pk}")
    assert all(on_which(own, each.code) for each in (*calm, urgent))
    assert read(client.get(reverse("referrals"), {"site": "no-such-site"})).count("Only ") == 0


def test_of_the_referrals_the_closed_ones_are_leafed_through_while_what_is_red_stays(world):
    calm, urgent = late_and_new(world)
    for each in calm:
        verbs.set_aside(each.pk, "synthetic", by=person(world.alice.nurse))
    client = signed_in(world.alice.director)
    first = read(client.get(reverse("referrals")))
    assert "Closed in the last 90 days (4)" in first and "page by page" in first
    pages = walk(client, "referrals", "?closed=recent")
    assert len(pages) == 2
    assert sorted(number for each in calm for number in on_which(pages, each.code)) == [1, 1, 2, 2]
    assert on_which(pages, urgent.code) == [1, 2]


def test_of_the_referrals_no_name_is_read_that_is_not_shown(world, monkeypatch):
    late_and_new(world)
    client, opened = signed_in(world.alice.director), decrypted(monkeypatch)
    client.get(reverse("referrals"))
    few = len(opened)
    late_and_new(world)
    opened.clear()
    client.get(reverse("referrals"))
    assert 0 < len(opened) == few


def test_the_board_still_names_every_referral_that_is_red(world):
    _calm, urgent = late_and_new(world)
    others = [referred(world.alice) for _ in range(3)]
    world.time.advance(days=5)
    board = read(signed_in(world.alice.director).get("/"))
    assert all(each.code in board for each in (urgent, *others))


# --- who was not started ----------------------------------------------------------------------------------------------


def test_of_those_not_started_nobody_is_on_no_page_and_the_numbers_are_of_all(world):
    courses = [world.course, *(world.make_course() for _ in range(2))]
    calm, urgent = late_and_new(world)
    for each in calm[:2]:
        verbs.decide(
            each.pk,
            verbs.Decision(option="other", rationale="Synthetic.", message="Synthetic."),
            by=person(world.alice.oncologist),
        )
        verbs.tell(each.pk, "fax", by=person(world.alice.nurse))
        verbs.close(each.pk, by=person(world.alice.nurse))
    client = signed_in(world.alice.nurse)
    pages = walk(client, "waiting")
    assert len(pages) == 3
    assert sorted(number for each in courses for number in on_which(pages, str(each.pk))) == [1, 1, 2]
    assert on_which(pages, urgent.code) == [1], "what is late first"
    assert all(len(on_which(pages, each.code)) == 1 for each in calm)
    whole = " ".join(pages)
    assert max(map(whole.index, (calm[2].code, calm[3].code))) < min(map(whole.index, (calm[0].code, calm[1].code)))
    for text in pages:
        assert re.search(r"No cause is written down</th><td[^>]*>3</td>", text)
        assert "3, the longest wait first" in text and "5, late ones first" in text
    sheet = list(csv.DictReader(io.StringIO(client.get(reverse("waiting_csv")).content.decode())))
    assert len(sheet) == len(courses) + len(calm) + 1, "the file is whole"
    assert [row["cause"] for row in sheet if row["state"] == "referred, closed without a course"] == [
        next(row["cause"] for row in sheet if row["cause"].startswith("decided: "))
    ] * 2
    late = next(row for row in sheet if row["state"] == "referred, no course yet")
    assert late["cause"] == "Received, read by nobody" and late["who mends it"]


def test_of_those_not_started_a_strange_site_shows_nobody(world):
    _calm, urgent = late_and_new(world)
    course, _other = world.course, door_of(world.bob, "bob-door")
    referred(world.bob)
    text = signed_in(world.alice.nurse).get(reverse("waiting"), {"site": str(world.bob.site.pk)}).content.decode()
    assert urgent.code not in text and str(course.pk) not in text
    assert "6 elsewhere" in text
    here = walk(signed_in(world.alice.nurse), "waiting", f"?site={world.alice.site.pk}")
    assert on_which(here, urgent.code) == [1] and on_which(here, str(course.pk)) == [1]


def test_the_file_of_those_not_started_reads_no_name_at_all(world, monkeypatch):
    late_and_new(world)
    assert world.course.site == world.alice.site
    client, opened = signed_in(world.alice.nurse), decrypted(monkeypatch)
    assert len(client.get(reverse("waiting_csv")).content.decode().splitlines()) == 7
    assert opened == []


# --- patients ---------------------------------------------------------------------------------------------------------


def test_of_the_patients_nobody_is_on_no_page_and_the_search_reads_all(world, monkeypatch):
    courses = [world.course, *(world.make_course() for _ in range(4))]
    branch = None
    with everything():
        branch = make_site(world.alice.organisation, name="Synthetic Branch")
        Course.objects.filter(pk=courses[4].pk).update(site=branch)
        patient = courses[0].patient
        patient.family_name = "Faraway"
        patient.save()
    client = signed_in(world.alice.nurse)
    pages = walk(client, "courses")
    assert len(pages) == 3
    assert all(len(on_which(pages, str(each.pk))) == 1 for each in courses)
    assert all("of 5" in text for text in pages)
    found = client.post(reverse("courses"), {"q": "FARAWAY"}).content.decode()
    assert [str(each.pk) in found for each in courses] == [True, False, False, False, False]
    many = client.post(reverse("courses"), {"q": "teclistamab"}).content.decode()
    assert sum(str(each.pk) in many for each in courses) == 2
    assert "5 matches" in many and "the latest 2 stand here" in many
    there = client.get(reverse("courses"), {"site": str(branch.pk)}).content.decode()
    assert [str(each.pk) in there for each in courses] == [False] * 4 + [True]
    strange = client.get(reverse("courses"), {"site": str(world.charlie.site.pk)}).content.decode()
    assert not any(str(each.pk) in strange for each in courses) and "5 elsewhere" in strange
    opened = decrypted(monkeypatch)
    client.get(reverse("courses"))
    assert len(opened) == 2 * 2, "of those on the page alone, and nothing but the name"


def test_of_the_patients_whoever_goes_on_and_may_need_somebody_is_before_whoever_is_over(world):
    courses = [world.course, *(world.make_course() for _ in range(4))]
    with everything():
        Course.objects.filter(pk__in=[each.pk for each in courses[1:4]]).update(
            ended_at=MONDAY_0900, started_at=MONDAY_0900
        )
    pages = walk(signed_in(world.alice.nurse), "courses")
    assert on_which(pages, str(world.course.pk)) == [1] and on_which(pages, str(courses[4].pk)) == [1]


def test_a_search_finds_nobody_by_a_name_that_the_role_does_not_see(world):
    viewer = make_member(world.alice.organisation, "viewer")
    client = signed_in(viewer)
    code = str(world.course.pk)[:8]
    assert str(world.course.pk) not in client.post(reverse("courses"), {"q": "synthia"}).content.decode()
    assert str(world.course.pk) in client.post(reverse("courses"), {"q": f"course {code}"}).content.decode()


# --- pages of the on-call inbox ---------------------------------------------------------------------------------------


def alert(course: Course, minutes: int, **fields: Any) -> Alert:
    with everything():
        return Alert.objects.create(
            organisation=course.organisation, course=course, key=f"synthetic-{minutes}", ladder="RED-3",
            what=f"Synthetic {minutes}", steps=[], opened_at=MONDAY_0900 - timedelta(minutes=minutes),
            **{"urgency": "soon", **fields},
        )  # fmt: skip


def test_in_the_inbox_what_nobody_has_and_is_urgent_is_on_page_one_and_nothing_is_on_none(world):
    taken = {"acknowledged_by": world.alice.on_call, "acknowledged_at": MONDAY_0900}
    had = [alert(world.course, minutes, urgency="now", **taken) for minutes in (50, 51)]
    soon = [alert(world.course, minutes) for minutes in (40, 41)]
    now = alert(world.course, 1, urgency="now")
    client = signed_in(world.alice.on_call)
    pages = walk(client, "pages")
    assert len(pages) == 3
    assert on_which(pages, str(now.pk)) == [1]
    assert [on_which(pages, str(each.pk)) for each in (soon[1], soon[0])] == [[1], [2]]
    assert sorted(number for each in had for number in on_which(pages, str(each.pk))) == [2, 3]
    assert all("Open (5)" in text for text in pages)
    address = re.search(r'hx-get="([^"]*part=lists[^"]*)"', pages[1])
    assert address is not None
    again = client.get(address[1].replace("&amp;", "&"), HTTP_X_HANDRAIL_BACKGROUND="1").content.decode()
    assert "Rows 3 to 4 of 5" in again, "what asks again by itself stays where it is"


def test_in_the_inbox_a_strange_site_shows_nothing_and_says_how_many_are_elsewhere(world):
    one = alert(world.course, 1)
    client = signed_in(world.alice.on_call)
    text = client.get(reverse("pages"), {"site": str(world.charlie.site.pk)}).content.decode()
    assert str(one.pk) not in text and "No page is open here, 1 elsewhere." in text
    assert str(one.pk) in client.get(reverse("pages"), {"site": str(world.alice.site.pk)}).content.decode()


# --- the rota and its training ----------------------------------------------------------------------------------------


def test_of_the_rota_whoever_is_on_is_on_page_one_and_no_shift_is_on_none(world):
    with everything():
        Shift.objects.filter(organisation=world.alice.organisation).delete()
        people = [make_member(world.alice.organisation, "on_call", f"RN Number {number}") for number in range(4)]
        for number, each in enumerate(people):
            starts = MONDAY_0900 + timedelta(days=3 - number, hours=-1)
            make_shift(
                world.alice.organisation, "first_on_call" if number else "second_on_call", each,
                starts_at=starts, ends_at=starts + timedelta(hours=8), site=world.alice.site if number == 1 else None,
            )  # fmt: skip
    client = signed_in(world.alice.nurse)
    pages = walk(client, "rota")
    assert len(pages) == 2
    shown = [re.findall(r'data-label="Who">(RN Number \d)', text) for text in pages]
    assert "RN Number 3" in shown[0], "whoever is on now"
    assert sorted(name for names in shown for name in names) == [each.name for each in people]
    assert all("The rota has holes" in text for text in pages)
    here = walk(client, "rota", f"?site={world.alice.site.pk}")
    assert sum(len(re.findall(r'data-label="Who">(RN Number \d)', text)) for text in here) == 4, (
        "every site is this one too"
    )
    strange = walk(client, "rota", f"?site={world.charlie.site.pk}")
    assert sum(len(re.findall(r'data-label="Who">(RN Number \d)', text)) for text in strange) == 3
    assert not on_which(strange, 'data-label="Who">RN Number 1')


def test_of_the_training_whoever_lacks_it_is_on_page_one_and_nobody_is_on_none(world):
    with everything():
        lacks = make_member(world.alice.organisation, "on_call", "ZZ Untrained", trained=False)
    pages = walk(signed_in(make_member(world.alice.organisation, "site_manager", "Manager Flores")), "training")
    assert len(pages) > 2
    assert on_which(pages, f"<strong>{lacks.name}</strong>") == [1]
    assert all("1 without a current one" in text for text in pages)
    assert all(len(on_which(pages, f"<strong>{each.name}</strong>")) == 1 for each in (world.alice.nurse, lacks))


@pytest.mark.parametrize("name", ["referrals", "waiting", "waiting_csv", "courses", "pages", "rota", "training"])
def test_a_list_of_several_pages_asks_as_often_as_one_of_one(world, name):
    client = signed_in(world.alice.director)
    late_and_new(world)
    alert(world.course, 1)

    def asked() -> int:
        client.get(reverse(name))
        with CaptureQueriesContext(connection) as found:
            assert client.get(reverse(name)).status_code == 200
        return sum("django_session" not in each["sql"] for each in found)

    few = asked()
    for minutes in range(2, 6):
        late_and_new(world)
        alert(world.make_course(), minutes)
    assert asked() == few
