"""The pages of the hand-off: what is shown to whom, which buttons, and the receiver's page before and after its code."""

import html
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions import handoff_doors, handoffs
from handrail.actions.handoff_doors import MOST_WRONG_TRIES, OPEN_FOR, Who
from handrail.actions.handoffs import Offer
from handrail.actions.links import issue_checkin_link
from handrail.actions.packets import unfilled_of
from handrail.actions.upkeep import reassess
from handrail.people.models import LinkToken
from handrail.people.scope import everything
from handrail.records.models import HandoffDoor, HandoffPerson
from tests.support.factories import World, make_member
from tests.support.handoff_world import NOW, fax_practice, stepped_up_course
from tests.support.handoffs import KNOWN, LOOKED

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
SECRETS = ("Synthia", "Example", "teclistamab", "1950", "Mar 2026", "step-up", "Alice", "Fax Practice")
"""What a stranger may not read."""


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        world = World()
        world.time = frozen
        world.shared = stepped_up_course(world)
        world.practice = fax_practice()
        yield world


def words(answer, status: int = 200) -> str:
    assert answer.status_code == status, answer.content.decode()[:500]
    main = answer.content.decode().partition("<main")[2]
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", main).split()))


def plain(answer) -> str:
    """The page without the form's own secret and the time."""
    return re.sub(r'value="\w{64}"|data-now="[^"]+"', "", answer.content.decode())


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def offered(world, to=None, **fields):
    what = Offer(to=to or world.bob.organisation, **{**KNOWN, "not_known": LOOKED, **fields})
    done = handoffs.offer(world.shared.pk, what, by=world.actor("alice", "oncologist"), now=clock.now())
    return done.event.id


def page(world, loop, user) -> str:
    return words(signed_in(user).get(reverse("handoff", args=[world.shared.pk, loop])))


def press(world, loop, user, what: str, **data):
    return signed_in(user).post(reverse("handoff_step", args=[world.shared.pk, loop, what]), data)


def stage(world) -> str:
    with everything():
        world.shared.refresh_from_db()
        return world.shared.assessment["handoffs"][-1]["stage"]


# --- offering -----------------------------------------------------------------------------------------------------------


NO = dict.fromkeys(KNOWN, "no")


def sends(world, client=None, **data):
    """As whoever looked at what is empty in the packet, and says that it goes out as not known."""
    client = client or signed_in(world.alice.nurse)
    with everything():
        empty = {"not_known": ",".join(each.key for each in unfilled_of(world.shared, clock.now()))}
    return client.post(reverse("offer_handoff", args=[world.shared.pk]), {**NO, **empty, **data})


def test_before_anything_is_sent_the_days_and_the_class_are_shown_and_nothing_is_saved(world):
    first = words(signed_in(world.alice.nurse).get(reverse("offer_handoff", args=[world.shared.pk])))
    for wanted in (
        "Next dose due Mon 16 Mar 2026",
        "Give by Mon 6 Apr 2026 26 days left",
        "Restart if after Mon 4 May 2026",
    ):
        assert wanted in first
    assert "(row R5)" in first and "(row R6)" in first
    checked = words(sends(world, to=str(world.bob.id), channel="account", step="check"))
    assert "Simple" in checked and f"Offer to {world.bob.organisation.name}" in checked
    assert "Thu 12 Mar 09:00 CDT to be phoned: nobody has read it" in checked
    with everything():
        assert not world.shared.events.filter(kind="handoff_offered").exists()


def test_what_only_a_person_knows_is_asked_and_not_known_is_not_simple(world):
    unknown = words(sends(world, to=str(world.bob.id), channel="account", second_product_planned="not_known"))
    assert "Not known: handle it as complicated" in unknown and "whether a second product is planned" in unknown
    assert "call the other team, doctor to doctor" in unknown
    said = words(sends(world, to=str(world.bob.id), channel="account", caregiver_or_access_problem="yes"))
    assert "Complicated a problem with the caregiver or the way to the clinic" in said


def test_a_practice_where_nobody_can_sign_in_is_not_offered_an_inbox(world):
    said = words(sends(world, to=str(world.practice.pk), channel="account", step="send"), 422)
    assert "Nobody at that practice can sign in" in said
    with everything():
        assert not world.shared.events.filter(kind="handoff_offered").exists()
    assert "please answer" in words(sends(world, channel="fax", step="send"), 422)


def test_pressing_offer_twice_offers_once(world):
    id_ = str(uuid4())
    data = {"to": str(world.bob.id), "channel": "account", "step": "send", "id": id_}
    for _ in range(2):
        assert sends(world, **data).url == reverse("handoff", args=[world.shared.pk, id_])
    with everything():
        assert world.shared.events.filter(kind="handoff_offered").count() == 1
    assert stage(world) == "delivered", "in their inbox, and nobody has read it"


def test_only_whoever_answers_hands_over_and_no_second_one_while_one_waits(world):
    address = reverse("offer_handoff", args=[world.shared.pk])
    loop = offered(world)
    assert signed_in(world.alice.nurse).get(address).url == reverse("handoff", args=[world.shared.pk, loop])
    handoffs.accept(world.shared.pk, loop, by=world.actor("bob", "oncologist"), now=NOW)
    assert signed_in(world.alice.nurse).get(address).status_code == 403
    back = words(signed_in(world.bob.nurse).get(address))
    assert f"{world.alice.organisation.name}: the patient returns" in back and "Is the return urgent?" in back
    said = words(
        sends(
            world, signed_in(world.bob.nurse), to=str(world.alice.id), channel="account", urgent="yes", criteria="crs"
        )
    )
    assert "Wed 11 Mar 11:00 CDT whoever answers now is paged" in said, "an urgent return is answered in two hours"


# --- one hand-off -----------------------------------------------------------------------------------------------------------


BUTTONS = (
    "I have read it",
    "Accept: we take",
    "Decline",
    "Withdraw the offer",
    "Make a fax sheet",
    "Close the hand-off",
)


@pytest.mark.parametrize(
    ("who", "buttons"),
    [
        (("alice", "nurse"), {"Withdraw the offer", "Make a fax sheet"}),
        (("alice", "director"), set()),
        (("bob", "oncologist"), {"I have read it", "Accept: we take", "Decline"}),
        (("bob", "nurse"), {"I have read it", "Decline"}),
        (("bob", "director"), set()),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_everybody_gets_exactly_the_buttons_that_work_for_them(world, who, buttons):
    loop = offered(world)
    shown = page(world, loop, getattr(getattr(world, who[0]), who[1]))
    assert {each for each in BUTTONS if each in shown} == buttons
    assert "26 days left" in shown and f"{world.alice.organisation.name} answers for the patient now." in shown


def test_the_loop_through_the_buttons(world):
    loop = offered(world)
    nurse, oncologist = world.bob.nurse, world.bob.oncologist
    assert press(world, loop, nurse, "read").status_code == 302
    assert "Bob Nurse, signed in" in page(world, loop, world.alice.nurse)
    for _ in range(2):
        press(world, loop, nurse, "ask", question="Which lot?")
    shown = page(world, loop, world.alice.nurse)
    assert "Questions (1)" in shown and "Your answer" in shown
    with everything():
        asked = world.shared.events.get(kind="handoff_asked").id
    press(world, loop, world.alice.nurse, "answer", asked=asked, answer="LOT-7")
    assert "LOT-7 Alice Nurse" in page(world, loop, nurse)
    assert "That day is past" in words(press(world, loop, oncologist, "accept", from_on="2026-03-10"), 422)
    assert "Type a date" in words(press(world, loop, oncologist, "accept", from_on="soon"), 422)
    press(world, loop, oncologist, "accept", from_on="2026-03-13")
    shown = page(world, loop, oncologist)
    assert "answers for the patient until Fri 13 Mar 00:00 CDT, then Bob" in shown
    assert "Confirm the first dose there" in shown and "Decline" not in shown
    assert "The first dose after the hand-off is not on record" in words(
        press(world, loop, world.alice.nurse, "close"), 422
    )
    assert press(world, loop, nurse, "dance").status_code == 404


def test_who_declines_loses_sight_of_the_course_and_the_sender_reads_why(world):
    loop = offered(world)
    assert "Please write it down" in words(press(world, loop, world.bob.nurse, "decline"), 422)
    assert press(world, loop, world.bob.nurse, "decline", because="no chair").url == reverse("handoffs")
    shown = page(world, loop, world.alice.nurse)
    assert "Declined" in shown and "because: no chair" in shown and "by Bob Nurse" in shown
    assert "Hand over care" in words(signed_in(world.alice.nurse).get(reverse("course", args=[world.shared.pk])))


def test_chases_so_far_and_the_next_ones(world):
    loop = offered(world)
    world.time.advance(hours=5)
    reassess(world.shared.pk, now=clock.now())
    shown = page(world, loop, world.alice.nurse)
    assert "hand-off not read" in shown and "nobody has it" in shown
    assert "Wed 11 Mar 13:00 CDT chased" not in shown and "Fri 13 Mar 09:00 CDT whoever answers now is paged" in shown


# --- the list ---------------------------------------------------------------------------------------------------------------


def test_the_list_says_whose_turn_it_is_and_what_is_late_comes_first(world):
    offered(world)
    mine = words(signed_in(world.bob.nurse).get(reverse("handoffs")))
    assert "For you to accept (1)" in mine and "accepted by nobody (0)" in mine
    sent = words(signed_in(world.alice.nurse).get(reverse("handoffs")))
    assert "For you to accept (0)" in sent and "Give by Mon 6 Apr 2026 : 26 days left" in sent
    assert "Hand-offs that nobody has accepted (1)" in words(signed_in(world.alice.nurse).get(reverse("board")))
    stranger = words(signed_in(world.charlie.nurse).get(reverse("handoffs")))
    assert "Synthia" not in stranger and "For you to accept (0)" in stranger
    viewer = words(signed_in(make_member(world.bob.organisation, "viewer")).get(reverse("handoffs")))
    assert "Synthia" not in viewer and "For you to accept (1)" in viewer
    world.time.advance(days=7)
    assert "Overdue" in words(signed_in(world.alice.nurse).get(reverse("handoffs")))


# --- the fax sheet and the call ---------------------------------------------------------------------------------------------


def test_the_sheet_has_the_codes_and_the_page_of_the_call_does_not(world):
    loop = offered(world, world.practice)
    client = signed_in(world.alice.nurse)
    assert client.get(reverse("handoff_fax", args=[world.shared.pk, loop])).status_code == 404
    assert "There is no fax sheet in force" in words(client.get(reverse("handoff_call", args=[world.shared.pk, loop])))
    press(world, loop, world.alice.nurse, "sheet")
    with everything():
        door = HandoffDoor.objects.get(course=world.shared)
    codes = [f"{code[:3]} {code[3:]}" for code in (door.read_code, door.accept_code)]
    sheet = words(client.get(reverse("handoff_fax", args=[world.shared.pk, loop])))
    assert all(code in sheet for code in codes) and "Give by Mon 6 Apr 2026" in sheet
    assert re.search(r"The codes count until \w{3} \d+ \w{3} 2026 \d\d:\d\d C[SD]T\.", sheet), (
        "whoever reads a fax may sit in another zone"
    )
    assert "Synthetic patient: nobody on this sheet is real." in sheet
    call = words(client.get(reverse("handoff_call", args=[world.shared.pk, loop])))
    assert not any(code in call or code.replace(" ", "") in call for code in codes)


def test_a_wrong_code_by_phone_is_counted_and_nameless_callers_are_asked_again(world):
    loop = offered(world, world.practice)
    press(world, loop, world.alice.nurse, "sheet")
    client, address = signed_in(world.alice.nurse), reverse("handoff_call", args=[world.shared.pk, loop])
    with everything():
        door = HandoffDoor.objects.get(course=world.shared)
    nameless = {"code": door.read_code, "what": "read"}
    assert "who is on the phone?" in words(client.post(address, nameless), 422)
    wrong = {"name": "A", "role": "nurse", "code": "AAAAAA", "what": "accept"}
    assert "4 more wrong tries" in words(client.post(address, wrong), 422)
    assert stage(world) == "offered"
    done = client.post(address, {**wrong, "code": door.accept_code, "from_on": "2026-03-11"})
    assert done.status_code == 302 and stage(world) == "accepted"


# --- the receiver's page ----------------------------------------------------------------------------------------------------


def linked(world):
    loop = offered(world, world.practice)
    return loop, handoff_doors.make_link(world.shared.pk, loop, by=world.actor("alice"), now=NOW)


def follow(client: Client, token: str):
    first = client.get(f"/h/{token}")
    assert (first.status_code, first.url) == (302, "/h/")
    assert first.headers["Referrer-Policy"] == "no-referrer" and first.headers["Cache-Control"] == "no-store"
    return client.get("/h/")


def over(world, loop, made, how: str) -> str:
    """A token that opens nothing (any more)."""
    token = made.token
    if how == "revoked":
        handoffs.withdraw(world.shared.pk, loop, "a mistake", by=world.actor("alice"), now=NOW)
    elif how == "replaced":
        handoff_doors.make_link(world.shared.pk, loop, by=world.actor("alice"), now=NOW)
    elif how == "expired":
        world.time.advance(days=15)
    elif how == "shut by wrong codes":
        client = Client()
        follow(client, token)
        for _ in range(MOST_WRONG_TRIES):
            client.post("/h/", {"code": "no"})
    elif how == "mistyped":
        token = token[:-1] + ("A" if token[-1] != "A" else "B")
    elif how == "of another kind":
        token = issue_checkin_link(world.shared.pk, by=world.actor("alice")).token
    return token


HOW = ["mistyped", "revoked", "replaced", "expired", "shut by wrong codes", "of another kind"]


@pytest.mark.parametrize("how", HOW)
def test_a_link_that_opens_nothing_is_answered_like_one_that_never_was(world, how):
    loop, made = linked(world)
    wrong = follow(Client(), "never-made")
    found = follow(Client(), over(world, loop, made, how))
    assert (found.status_code, plain(found)) == (wrong.status_code, plain(wrong))
    assert not [each for each in SECRETS if each in plain(found)]


def test_before_the_code_nothing_about_a_patient_is_said_and_a_wrong_one_says_no_more(world, client):
    _loop, made = linked(world)
    before = follow(client, made.token)
    wrong = client.post("/h/", {"code": "WRONGX"})
    for answer in (before, wrong):
        assert not [each for each in SECRETS if each in plain(answer)]
        assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Referrer-Policy"] == "same-origin"
    assert stage(world) == "offered", "opening it is no delivery: a phone that previews a message opens it too"


def typed(client: Client, made) -> Client:
    follow(client, made.token)
    assert client.post("/h/", {"code": made.door.read_code.lower()}).status_code == 302
    return client


def test_after_the_code_a_named_person_reads_asks_and_accepts(world, client):
    _loop, made = linked(world)
    shown = words(typed(client, made).get("/h/"))
    assert stage(world) == "delivered"
    for wanted in (
        "Synthia Example",
        "Give by Mon 6 Apr 2026",
        "Alice",
        "answers for the patient now",
        "born 1950-04-05",
    ):
        assert wanted in shown
    assert "who is it?" in words(client.post("/h/", {"what": "read"}), 422)
    named = {"name": "Synthetic Reader", "role": "nurse"}
    client.post("/h/", {"what": "read", **named})
    assert "Synthetic Reader, nurse" in words(client.get("/h/"))
    assert "Please write it down" in words(client.post("/h/", {"what": "ask", **named}), 422)
    client.post("/h/", {"what": "ask", "question": "Which lot?", **named})
    assert "Which lot? Synthetic Reader, nurse" in words(client.get("/h/"))
    client.post("/h/", {"what": "accept", "from_on": "2026-03-11", **named})
    shown = words(client.get("/h/"))
    assert (
        f"{world.practice.name} answers for the patient now." in shown and "When the first dose is given, call" in shown
    )
    assert "I have read it" not in shown
    fever = shown.split("treat for both")[1].split("Questions")[0]
    assert "and call Alice" in fever and "555-0100" in fever and "0177" not in fever, "never their own number"
    with everything():
        assert HandoffPerson.objects.filter(course=world.shared).count() == 1
        assert world.shared.looks.filter(what="handoff_link").exists()


def test_a_decline_shuts_the_link(world, client):
    _loop, made = linked(world)
    named = {"name": "Synthetic Reader", "role": "nurse", "because": "no chair"}
    said = words(typed(client, made).post("/h/", {"what": "decline", **named}))
    assert "does not take the patient over" in said and "Synthia" not in said
    assert client.get("/h/").status_code == 410 and stage(world) == "declined"


def test_after_a_working_day_the_code_is_asked_for_again(world, client):
    _loop, made = linked(world)
    typed(client, made)
    world.time.advance(seconds=OPEN_FOR.total_seconds())
    assert "Synthia" not in words(client.get("/h/"))
    assert "The short code" in words(client.post("/h/", {"what": "accept", "name": "A", "role": "B"}), 422)
    assert stage(world) == "delivered"


def test_the_page_asks_no_other_server_and_leaves_no_trace(world, caplog):
    _loop, made = linked(world)
    client = typed(Client(), made)
    answer = client.get("/h/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy or "default-src 'none'" in policy
    assert "http" not in re.sub(
        r'(?:action|href|src)="/[^"]*"|http-equiv', "", answer.content.decode().split("<body")[1]
    )
    assert made.token not in caplog.text and made.door.read_code not in caplog.text
    with everything():
        assert not LinkToken.objects.filter(token_hash=made.token).exists()


def test_a_form_without_its_secret_does_nothing(world):
    _loop, made = linked(world)
    client = Client(enforce_csrf_checks=True)
    follow(client, made.token)
    said = client.post("/h/", {"code": made.door.read_code})
    assert "This page was open too long" in words(said, 422)
    assert "Synthia" not in said.content.decode()


# --- the patient --------------------------------------------------------------------------------------------------------------


def told_patient(world, client) -> str:
    return words(client.get("/c/"))


def test_the_patient_is_told_of_a_change_only_once_somebody_has_accepted(world, client):
    client.get(f"/c/{issue_checkin_link(world.shared.pk, by=world.actor('alice')).token}")
    alice, practice = world.alice.organisation.name, world.practice.name
    loop = offered(world, world.practice)
    press(world, loop, world.alice.nurse, "sheet")
    with everything():
        door = HandoffDoor.objects.get(course=world.shared)
    handoff_doors.heard_read(
        world.shared.pk, loop, code=door.read_code, who=Who("A", "nurse"), by=world.actor("alice"), now=NOW
    )
    before = told_patient(world, client)
    assert f"{alice} looks after you now. Call: 555-0111" in before and practice not in before
    handoff_doors.heard_accepted(
        world.shared.pk,
        loop,
        code=door.accept_code,
        who=Who("A", "oncologist"),
        by=world.actor("alice"),
        from_on=(NOW + timedelta(days=2)).date(),
        now=NOW,
    )
    between = told_patient(world, client)
    assert f"{alice} looks after you now." in between
    assert f"From Friday 13 March 2026 on, {practice} looks after you. Then call: 555-0177" in between
    world.time.advance(days=2)
    after = told_patient(world, client)
    assert f"{practice} looks after you now. Call: 555-0177" in after and alice not in after
    spanish = words(client.get("/c/?language=es", follow=True))
    assert f"{practice} cuida de usted ahora. Llame al: 555-0177" in spanish
