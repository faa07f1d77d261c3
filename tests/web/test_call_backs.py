"""The call back on the emergency page and on the pages of staff: asked, seen, written down, and what is true in between."""

import html
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.answering import acknowledge
from handrail.actions.emergency import issue_card, revoke_card
from handrail.alerts.channels import channel_named
from handrail.alerts.models import Alert, Heartbeat
from handrail.jobs.watcher import Watcher
from handrail.people.models import Presence
from handrail.people.scope import everything
from handrail.records.models import Look
from handrail.rules.expert_line import expert_line
from tests.support.factories import MONDAY_0900, World, make_member

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=17)
"""Tuesday 2:00 by the patient's clock."""
NUMBER = "555 010 0142"
WISH = {"who": "ed_physician", "number": NUMBER}
BACKGROUND = {"HTTP_X_HANDRAIL_BACKGROUND": "1"}


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        world = World()
        world.card = issue_card(world.course.pk, by=world.actor("alice"))
        world.time = frozen
        yield world


@pytest.fixture
def ed(world) -> Client:
    """A browser of an emergency department that has typed the right code."""
    found = Client()
    found.get(f"/e/{world.card.key}")
    assert found.post("/e/", {"code": world.card.code}).status_code == 302
    return found


@pytest.fixture
def on_call(world, client) -> Client:
    client.force_login(world.alice.on_call)
    return client


def words(answer) -> str:
    text = answer.content.decode()
    main = text.partition("<main")[2] or text
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", main).split()))


def ask(browser: Client, **more: str):
    return browser.post(reverse("emergency_call_back"), {**WISH, "batch": str(uuid4()), **more})


def alert(about: str = "") -> Alert:
    with everything():
        rows = Alert.objects.filter(key__startswith="call_back:", closed_at__isnull=True)
        return next(row for row in rows if ":".join(row.key.split(":")[2:]) == about)


def name_of(found: Alert) -> str:
    return found.key.split(":")[1]


# --- the emergency department ---------------------------------------------------------------------------------------------


def test_the_emergency_page_offers_a_call_back_with_the_promise_and_the_number_that_is_faster(ed):
    said = words(ed.get("/e/"))
    assert "Leave your number, and the clinician on call of the expert line is paged at once" in said
    assert "a call back within 10 minutes is promised. Calling is faster: 555-0111" in said
    assert "Ask for a call back" in said


def test_asked_the_page_says_what_is_true_from_nobody_yet_to_called_back(world, ed, on_call):
    assert ask(ed).status_code == 302
    said = words(ed.get("/e/"))
    assert "The clinician on call is being paged. A call back is promised by Tue 3 Mar 02:10 CST." in said
    assert "The emergency physician" in said and f"the number to call is {NUMBER}." in said.replace(" .", ".")
    assert "Do not wait: call 555-0111" in said
    Watcher().look()
    assert "Paged; nobody has said yet that they have it." in words(ed.get("/e/"))
    world.time.advance(minutes=2)
    acknowledge(alert().pk, by=world.actor("alice", "on_call"))
    said = words(ed.get("/e/"))
    assert (
        f"{world.alice.on_call.name} has it since Tue 3 Mar 02:02 CST. A call back is promised by Tue 3 Mar 02:10 CST."
        in said
    )
    assert "Do not wait" not in said
    world.time.advance(minutes=9)
    said = words(ed.get("/e/"))
    assert "NOT called back by Tue 3 Mar 02:10 CST, as was promised: this is an incident" in said
    assert (
        f"{world.alice.on_call.name} has it since Tue 3 Mar 02:02 CST." in said and "Do not wait: call 555-0111" in said
    )
    made = reverse("call_back_made", args=[world.course.pk, name_of(alert())])
    assert on_call.post(made, {"reached": "no"}).status_code == 302
    assert "A call Tue 3 Mar 02:11 CST reached nobody at that number." in words(ed.get("/e/"))
    assert on_call.post(made, {"reached": "yes", "called_at": "2026-03-03T02:09"}).status_code == 302
    said = words(ed.get("/e/"))
    assert "Called back Tue 3 Mar 02:09 CST." in said and "incident" not in said and NUMBER not in said


def test_who_says_i_have_it_is_not_told_that_nobody_else_is_paged(world, ed, on_call):
    ask(ed)
    said = words(on_call.post(reverse("have_page", args=[alert().pk]), follow=True))
    assert "You have it since Tue 3 Mar 02:00 CST. Call now: without a call that reached somebody" in said
    assert "Nobody else is paged" not in said
    world.time.advance(minutes=10)
    Watcher().look()
    with everything():
        late = Alert.objects.get(key__endswith=":late")
        assert late.acknowledged_by is None and late.pages.exists(), "and so it is"


def test_a_late_call_back_says_so_when_no_page_goes_on(world, ed):
    ask(ed)
    world.time.advance(minutes=10)
    assert "this is an incident, and the pages go on." in words(ed.get("/e/"))
    with everything():
        Heartbeat.objects.all().delete()
    said = words(ed.get("/e/"))
    assert "this is an incident, and NOBODY could be reached from here." in said and "pages go on" not in said
    assert "Do not wait: call 555-0111" in said


def test_the_part_that_asks_again_by_itself_shows_nothing_of_the_patient_and_is_no_look(world, ed):
    ask(ed)
    with everything():
        before = Look.objects.count()
    answer = ed.get(reverse("emergency_call_back"), **BACKGROUND)
    assert "A call back is promised by Tue 3 Mar 02:10 CST." in words(answer)
    assert "Synthia" not in words(answer) and answer.headers["Cache-Control"] == "no-store"
    with everything():
        assert Look.objects.count() == before
    assert ed.get(reverse("emergency_call_back")).url == "/e/"


@pytest.mark.parametrize("how", ["no cookie", "revoked", "over"])
def test_without_the_right_code_nothing_is_asked_and_nothing_shown(world, ed, how):
    browser = Client() if how == "no cookie" else ed
    if how == "revoked":
        revoke_card(world.course.pk, world.card.pk, by=world.actor("alice"))
    if how == "over":
        world.time.advance(hours=5)
    answer = ask(browser)
    assert "NOT sent: nobody was asked to call you." in words(answer) and answer["Cache-Control"] == "no-store"
    assert ("Call 555-0111 ; or type the code once more" in words(answer)) is (how == "over")
    assert "Synthia" not in answer.content.decode() and NUMBER not in answer.content.decode()
    again = browser.get(reverse("emergency_call_back"), **BACKGROUND)
    assert (again.headers["HX-Redirect"], again.content) == ("/e/", b""), "the facts on the screen go as well"
    with everything():
        assert not Alert.objects.filter(key__startswith="call_back:").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"number": "0142"}, "Write a number that can be dialled from outside"),
        ({"number": ""}, "Number to call: please answer."),
        ({"who": ""}, "Who asks?: please answer."),
        ({"who": "visitor"}, "Who asks?: choose one of the answers."),
        ({"number": "555 010 0142\x00<script>"}, "Write a number that can be dialled from outside"),
    ],
)
def test_what_cannot_be_taken_says_so_and_keeps_what_was_typed(world, ed, more, said):
    answer = ask(ed, **more)
    assert answer.status_code == 422
    shown = words(answer)
    assert said in shown and "NOT sent" in shown and "do NOT give it" in shown
    with everything():
        assert not Alert.objects.filter(key__startswith="call_back:").exists()


def test_too_many_asks_say_to_call(world, ed):
    for _ in range(expert_line().ask.most_per_hour):
        assert ask(ed).status_code == 302
    answer = ask(ed)
    assert answer.status_code == 422
    assert "NOT sent. Too many call backs were asked for. Call the number." in words(answer)


def test_a_form_that_was_open_too_long_keeps_the_number(world, ed):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = ed.cookies
    answer = ask(strict)
    assert "NOT sent: this page was open too long." in words(answer)
    assert NUMBER in answer.content.decode()
    with everything():
        assert not Alert.objects.filter(key__startswith="call_back:").exists()


def test_another_number_is_called_instead_and_the_time_stays(world, ed, on_call):
    ask(ed)
    world.time.advance(minutes=4)
    ask(ed, number="555 010 0199", who="hospitalist")
    said = words(on_call.get(reverse("page", args=[alert().pk])))
    assert "555 010 0199" in said and NUMBER not in said and "promised by Tue 3 Mar 02:10 CST" in said


def test_another_browser_behind_the_same_card_sees_no_ask_of_this_one(world, ed):
    ask(ed)
    other = Client()
    other.get(f"/e/{world.card.key}")
    other.post("/e/", {"code": world.card.code})
    assert NUMBER not in other.get("/e/").content.decode()


def test_nothing_that_leaves_holds_the_number_or_who_asked(world, ed, caplog, monkeypatch):
    caplog.set_level("DEBUG")
    monkeypatch.setattr(type(channel_named("email")), "configured", lambda _: True)
    with everything():
        Presence.objects.all().delete()
    ask(ed)
    world.time.advance(minutes=1)
    Watcher().look()
    sent = [f"{each.subject} {each.body}" for each in mail.outbox]
    assert sent, "the clinician on call is told by mail"
    assert alert().code in " ".join(sent)
    for text in (*sent, caplog.text):
        assert "0142" not in text and "Synthia" not in text


# --- staff --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "link"),
    [
        ("(555) 010-0142 x17", "tel:5550100142"),
        ("+1 555 010 0142 ext. 17", "tel:+15550100142"),
        ("555 0142 x123", "tel:5550142"),
    ],
)
def test_the_link_dials_the_number_without_its_extension_which_stands_beside_it(world, ed, on_call, number, link):
    ask(ed, number=number)
    for address in (reverse("page", args=[alert().pk]), reverse("call_backs", args=[world.course.pk])):
        shown = on_call.get(address).content.decode()
        assert f'href="{link}"' in shown and number in shown


def test_whoever_is_on_call_sees_the_number_after_signing_in_and_writes_the_call_down(world, ed, on_call):
    ask(ed)
    found = alert()
    said = words(on_call.get(reverse("page", args=[found.pk])))
    assert f"Call back {NUMBER}" in said
    assert "Only a call that reached somebody, written down here, ends this page" in said
    assert "What the call decided" not in said, "that is the form of a call about a patient at home"
    assert said.index(f"Call back {NUMBER}") < said.index("Call the patient"), "who waits is called first"
    world.time.advance(minutes=3)
    answer = on_call.post(
        reverse("call_back_made", args=[world.course.pk, name_of(found)]), {"reached": "yes"}, follow=True
    )
    assert "Saved. The call back is made" in words(answer) and "Called back Tue 3 Mar 02:03 CST." in words(answer)
    with everything():
        found.refresh_from_db()
    assert found.closed_at is not None


def test_staff_ask_as_well_and_see_what_became_of_it(world, client):
    client.force_login(world.bob.nurse)
    answer = client.post(
        reverse("ask_call_back", args=[world.course.pk]),
        {"who": "nurse", "number": NUMBER, "batch": str(uuid4())},
        follow=True,
    )
    assert "Asked. What has become of it stands below." in words(answer)
    assert "The clinician on call is being paged. A call back is promised by Tue 3 Mar 02:10 CST." in words(answer)
    assert "Calls back: whoever has the patient" in words(client.get(reverse("course", args=[world.course.pk])))


def test_staff_who_ask_read_which_number_to_call_when_nobody_is_paged_and_not_that_somebody_is(world, client):
    client.force_login(world.alice.nurse)
    back = reverse("call_backs", args=[world.course.pk])
    with everything():
        Heartbeat.objects.all().delete()
    said = words(
        client.post(reverse("ask_call_back", args=[world.course.pk]), {**WISH, "batch": str(uuid4())}, follow=True)
    )
    assert "NOBODY could be reached from here." in said and "being paged" not in said
    assert "Whoever waits: do not wait, call 555-0111 ." in said
    name = name_of(alert())
    client.force_login(world.alice.on_call)
    client.post(reverse("call_back_made", args=[world.course.pk, name]), {"reached": "yes"})
    assert "Whoever waits" not in words(client.get(back)), "it is settled"


def test_staff_who_ask_again_read_that_the_number_replaces_the_former_one(world, client):
    client.force_login(world.alice.nurse)
    back = reverse("call_backs", args=[world.course.pk])
    assert "another number replaces the one that you left" not in words(client.get(back))
    client.post(reverse("ask_call_back", args=[world.course.pk]), {**WISH, "batch": str(uuid4())})
    assert "another number replaces the one that you left" in words(client.get(back))
    client.force_login(world.alice.on_call)
    assert "another number replaces the one that you left" not in words(client.get(back)), "an ask of somebody else"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, "Was somebody reached who has the patient?: please answer."),
        ({"reached": "yes", "called_at": "2026-03-03T01:00"}, "The call was made after it was asked for"),
        ({"reached": "yes", "called_at": "2026-03-03T04:00"}, "The call was made after it was asked for"),
        ({"reached": "yes", "called_at": "soon"}, "Called at: type a date and time."),
    ],
)
def test_a_call_that_cannot_be_written_down_says_why(world, ed, on_call, typed, said):
    ask(ed)
    answer = on_call.post(reverse("call_back_made", args=[world.course.pk, name_of(alert())]), typed)
    assert answer.status_code == 422
    assert said in words(answer) and "Nothing is saved yet." in words(answer)


def test_a_viewer_sees_no_number_and_is_offered_no_form(world, ed, client):
    ask(ed)
    with everything():
        viewer = make_member(world.alice.organisation, "viewer")
    client.force_login(viewer)
    said = words(client.get(reverse("call_backs", args=[world.course.pk])))
    assert "The emergency physician" in said and "0142" not in said
    assert "Page the expert line now" not in said and "Write down the call back" not in said


def test_a_reload_of_what_was_sent_does_nothing(world, on_call):
    answer = on_call.get(reverse("ask_call_back", args=[world.course.pk]), follow=True)
    assert "Nothing was done: please press the button once more." in words(answer)
