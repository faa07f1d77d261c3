"""Alerts about a site or an organisation: the same ladder, inbox and "I have it" as those of a course, and a log of their own."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.answering import acknowledge, close_alert
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.places import place_key, settle_place
from handrail.alerts.models import Alert, AlertEntry, Page
from handrail.jobs.watcher import Watcher
from handrail.people.scope import everything
from handrail.records.models import Event
from tests.support.factories import MONDAY_0900, World, make_member
from tests.support.places import trouble

pytestmark = pytest.mark.django_db
LATER = MONDAY_0900 + timedelta(minutes=61)


@pytest.fixture
def time():
    with clock.use(clock.FrozenClock(MONDAY_0900)) as frozen, everything():
        yield frozen


@pytest.fixture
def world(time):
    world = World()
    world.manager = make_member(world.alice.organisation, "site_manager", "Synthetic Manager")
    return world


def raised(world: World, **fields) -> Alert:
    (alert,) = settle_place(world.alice.id, "test", [trouble(**fields)], MONDAY_0900).opened
    return Alert.objects.get(pk=alert.pk)


def paged(alert: Alert) -> list[str]:
    pages = Page.objects.filter(alert=alert, channel="on_screen").select_related("user").order_by("attempt")
    return [page.user.name for page in pages]


def test_the_site_manager_is_paged_then_the_director_then_round_again(world, time):
    alert = raised(world)
    for hours in range(3):
        time.set(MONDAY_0900 + timedelta(hours=hours))
        Watcher().look()
    assert paged(alert) == ["Synthetic Manager", "Alice Director", "Synthetic Manager"]
    assert Page.objects.filter(course__isnull=False).count() == 0


def test_what_happened_stands_in_its_own_log_and_in_the_record_of_no_course(world, time):
    alert = raised(world)
    Watcher().look()
    acknowledge(alert.pk, by=world.actor("alice", "director"), now=LATER)
    settle_place(world.alice.id, "test", [], LATER)
    told = [(e.kind, e.by) for e in AlertEntry.objects.filter(alert=alert).order_by("at", "kind")]
    director = world.alice.director
    assert ("page_sent", None) in told
    assert [each for each in told if not each[0].startswith("page_f")][1:] == [
        ("alert_closed", None),
        ("page_acknowledged", director),
    ]
    assert not Event.objects.filter(kind__startswith="page").exists()


def test_who_has_it_is_paged_no_more(world, time):
    alert = raised(world)
    Watcher().look()
    done = acknowledge(alert.pk, by=world.actor("alice", "director"), now=MONDAY_0900)
    assert (done.mine, done.who) == (True, world.alice.director)
    time.set(LATER)
    Watcher().look()
    assert len(paged(alert)) == 1
    assert acknowledge(alert.pk, by=world.actor("alice"), now=LATER).mine is False


@pytest.mark.parametrize(
    ("house", "who", "refusal"), [("bob", "nurse", NotVisibleError), ("charlie", "director", NotVisibleError)]
)
def test_another_organisation_does_not_see_it(world, house, who, refusal):
    with pytest.raises(refusal):
        acknowledge(raised(world).pk, by=world.actor(house, who), now=MONDAY_0900)


def test_a_viewer_may_not_answer_it(world):
    viewer = make_member(world.alice.organisation, "viewer")
    with pytest.raises(NotAllowedError):
        acknowledge(raised(world).pk, by=person(viewer), now=MONDAY_0900)


def test_kept_while_wanted_closed_when_not_and_opened_again(world):
    first = raised(world)
    assert [a.pk for a in settle_place(world.alice.id, "test", [trouble()], LATER).kept] == [first.pk]
    settle_place(world.alice.id, "test", [], LATER)
    (second,) = settle_place(world.alice.id, "test", [trouble()], LATER).opened
    assert (second.reopened_of, second.site) == (first, None)
    first.refresh_from_db()
    assert first.closed_because == "the reason is over"


def test_more_urgent_it_pages_again_even_when_somebody_had_it(world):
    first = raised(world)
    acknowledge(first.pk, by=world.actor("alice", "director"), now=MONDAY_0900)
    (second,) = settle_place(world.alice.id, "test", [trouble(ladder="AMBER", urgency="soon")], LATER).opened
    assert (second.reopened_of, second.next_page_at) == (first, LATER)


def test_one_place_leaves_the_others_alone(world):
    alert = raised(world)
    settle_place(world.alice.id, "other", [], LATER)
    settle_place(world.bob.id, "test", [], LATER)
    assert Alert.objects.get(pk=alert.pk).is_open
    with pytest.raises(ValueError, match="place:other:"):
        settle_place(world.alice.id, "other", [trouble()], LATER)


@pytest.mark.parametrize(("key", "course"), [("place:test:a", True), ("rota", False)])
def test_an_alert_is_about_a_course_or_about_a_place(world, key, course):
    owned = {"organisation": world.alice.organisation, "steps": [], "opened_at": MONDAY_0900}
    with pytest.raises(IntegrityError), transaction.atomic():
        Alert.objects.create(**owned, key=key, course=world.course if course else None)


def test_only_one_is_open_under_a_key(world):
    alert = raised(world)
    with pytest.raises(IntegrityError), transaction.atomic():
        Alert.objects.create(organisation=alert.organisation, key=alert.key, steps=[], opened_at=LATER)


def test_only_what_handrail_itself_raised_is_closed_by_hand(world):
    by = world.actor("alice", "director")
    gap = raised(world)
    acknowledge(gap.pk, by=by, now=LATER)
    with pytest.raises(RefusedError, match="its reason is over"):
        close_alert(gap.pk, "enough", by=by, now=LATER)
    key = place_key("shell", "watcher", "a")
    (own,) = settle_place(world.alice.id, "shell:watcher", [trouble(key)], LATER).opened
    acknowledge(own.pk, by=by, now=LATER)
    assert close_alert(own.pk, "looked at", by=by, now=LATER).closed_because == "looked at"


# --- on screen ------------------------------------------------------------------------------------------------------


def test_the_inbox_the_board_and_the_page_show_it(world, time, client):
    alert = raised(world, urgency="today")
    Watcher().look()
    client.force_login(world.manager)
    for name in ("board", "pages"):
        text = client.get(reverse(name)).content.decode()
        assert "nobody is first on call on Sunday" in text, name
        assert world.alice.organisation.name in text
    page = client.get(reverse("page", args=[alert.pk])).content.decode()
    for words in ("the rota has no shift then", "Synthetic Manager (site manager)", "I have it", "Open the rota"):
        assert words in page
    answer = client.post(reverse("have_page", args=[alert.pk]), follow=True).content.decode()
    assert "You have it since" in answer


def test_the_code_of_the_message_finds_it(world, client):
    alert = raised(world)
    client.force_login(world.manager)
    assert client.post(reverse("find_page"), {"code": alert.code}).url == reverse("page", args=[alert.pk])
    client.force_login(world.bob.nurse)
    assert client.post(reverse("find_page"), {"code": alert.code}).url == reverse("pages")


def test_a_board_that_is_asked_again_learns_of_it(world, time, client):
    client.force_login(world.manager)
    headers = {"HTTP_X_HANDRAIL_BACKGROUND": "1"}
    seen = client.get("/", **headers)["ETag"]
    raised(world)
    Watcher().look()
    assert client.get("/", **headers, HTTP_IF_NONE_MATCH=seen).status_code == 200
