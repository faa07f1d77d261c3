"""The public door for referrals and the desk behind it: what is typed is never lost, and nobody without the code learns anything."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from handrail import clock
from handrail.actions import referrals as verbs
from handrail.actions.actor import person
from handrail.actions.referral_intake import intake_of
from handrail.people.models import Referral, ReferralDoor
from handrail.rules.referral import Intake, referral_data
from tests.support.factories import MONDAY_0900, World, make_member
from tests.support.mail import mail_server, use_port
from tests.support.referral_forms import TYPED, form, read
from tests.support.referrals import MESSAGE, RATIONALE, door_of, referred

pytestmark = pytest.mark.django_db
SECRETS = ("Synthia", "Referred", "Synthetic Practice", "myeloma", "Synthetic Plan", "bispecific", RATIONALE, MESSAGE)


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(MONDAY_0900)) as frozen:
        world = World()
        world.time = frozen
        yield world


@pytest.fixture
def address(world) -> str:
    return reverse("refer", args=[door_of(world.alice).code])


def staff(world, who: str = "nurse") -> Client:
    client = Client()
    client.force_login(getattr(world.alice, who))
    return client


# --- the form --------------------------------------------------------------------------------------------------------------


def test_every_answer_arrives_as_it_was_given(address, client):
    assert client.post(address, form()).status_code == 302
    kept = Referral.objects.get()
    assert intake_of(kept) == Intake(
        diagnosis="multiple myeloma",
        lines=4,
        classes={
            "proteasome_inhibitor": True,
            "immunomodulatory_agent": True,
            "anti_cd38_antibody": True,
            "bcma": False,
            "gprc5d": False,
        },
        refractory="triple_class",
        progressed=True,
        urgency="urgent",
        insurer="Synthetic Plan",
        caregiver=False,
        language="Spanish",
        distance_minutes=70,
    )


def test_a_form_of_which_nothing_is_known_is_taken(address, client):
    needed = {name: TYPED[name] for name in ("practice", "referrer_phone", "family_name")}
    assert client.post(address, {"batch": str(uuid4()), **needed, "urgency": "not_known"}).status_code == 302
    assert intake_of(Referral.objects.get()) == Intake()


def test_a_mail_is_promised_only_where_one_goes_out(address, client, settings):
    assert "No mail goes out: we phone you" in read(client.post(address, form(), follow=True))
    with mail_server() as server:
        use_port(settings, server.port)
        assert "The code also goes to your e-mail" in read(Client().post(address, form(), follow=True))
        no_address = Client().post(address, form(referrer_email=""), follow=True)
        assert "No mail goes out: we phone you" in read(no_address)


MISTAKES = [
    ({"practice": ""}, "Practice: please answer."),
    ({"birth_date_text": "3 February"}, "type a date"),
    ({"lines": "four or five"}, "type a number"),
    ({"referrer_email": "desk at practice"}, "no e-mail address"),
    ({"referrer_phone": "", "referrer_email": ""}, "a phone number or an e-mail"),
    ({"urgency": "yesterday"}, "choose one of the answers"),
]


@pytest.mark.parametrize(("fields", "said"), MISTAKES)
def test_a_mistake_is_said_and_everything_else_is_still_there(address, client, fields, said):
    answer = client.post(address, form(**fields))
    assert said in read(answer, 422)
    page = answer.content.decode()
    assert 'value="Synthia"' in page and 'name="had_car_t" value="not_known" checked' in page
    assert not Referral.objects.exists()


def test_a_form_that_lost_its_secret_keeps_what_was_typed(address):
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(address, form(given_name="Half-typed"))
    assert "please press the button once more" in read(answer, 422)
    assert 'value="Half-typed"' in answer.content.decode()
    assert not Referral.objects.exists()
    assert strict.post(reverse("refer_status"), {"code": "X"}).url == reverse("refer_status")
    assert strict.post(reverse("refer", args=["nobody"]), form()).status_code == 302


def test_the_button_pressed_twice_is_one_referral(address):
    typed, first, second = form(), Client(), Client()
    links = []
    for browser in (first, second):
        page = browser.post(address, typed, follow=True)
        links.append(page.context["link"])
    assert links[0] == links[1] and Referral.objects.count() == 1
    assert "open a new form" in read(second.post(address, {**typed, "given_name": "Other"}), 409)


def test_a_flood_is_answered_with_the_phone_and_loses_nothing(world, address, client):
    for number in range(referral_data().form.most_per_hour):
        referred(world.alice, given_name=str(number))
    answer = client.post(address, form())
    assert "Phone us, or fax the sheet. 555-0111" in read(answer, 429)
    assert 'value="Synthia"' in answer.content.decode()


def test_at_no_door_and_at_a_closed_one_the_answer_is_the_same(world, address, client):
    door_of(world.alice, "new-word")
    bodies = {
        client.get(reverse(name, args=[code])).content
        for name in ("refer", "refer_sheet")
        for code in ("old", "synthetic-hub")
    }
    assert len(bodies) == 1
    assert client.get(reverse("refer", args=["new-word"])).status_code == 200


# --- behind the link ----------------------------------------------------------------------------------------------------


def test_the_link_alone_shows_nothing_and_with_the_code_nothing_of_the_patient(world, client):
    kept = referred(world.alice)
    nurse, doctor = person(world.alice.nurse), person(world.alice.oncologist)
    verbs.claim(kept.pk, by=nurse)
    verbs.plan_contact(kept.pk, MONDAY_0900.date() + timedelta(days=1), by=nurse)
    world.time.advance(hours=1)
    asked = client.get(reverse("refer_link", args=[kept.key]))
    assert asked.url == reverse("refer_status") and asked.headers["Referrer-Policy"] == "no-referrer"
    page = read(client.get(reverse("refer_status")))
    assert "Type the code" in page and kept.code not in page
    assert "not the code" in read(client.post(reverse("refer_status"), {"code": "WRONG1"}), 422)
    assert client.post(reverse("refer_status"), {"code": kept.code.lower()}).status_code == 302
    page = read(client.get(reverse("refer_status")))
    assert "First contact with the patient: planned for Tue 3 Mar 2026" in page
    assert "Decided: not yet" in page
    verbs.note_contact(kept.pk, by=nurse, reached=True)
    verbs.decide(kept.pk, verbs.Decision(option="bispecific", rationale=RATIONALE, message=MESSAGE), by=doctor)
    verbs.tell(kept.pk, "fax", by=nurse)
    answer = client.get(reverse("refer_status"))
    page = answer.content.decode()
    assert "Decided: Monday, March 2, 10:00 CST" in read(answer) and "sent to you: Monday, March 2, 10:00 CST" in read(
        answer
    )
    assert [secret for secret in SECRETS if secret in page] == []
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_link_that_opens_nothing_is_answered_alike_whatever_it_was(world, client):
    kept = referred(world.alice)
    pages = set()
    for token in ("x" * 43, kept.key[:-1], kept.code):
        client.get(reverse("refer_link", args=[token]))
        answer = client.get(reverse("refer_status"))
        assert answer.status_code == 410
        pages.add(answer.content)
    world.time.advance(days=referral_data().form.link_lasts_days)
    client.get(reverse("refer_link", args=[kept.key]))
    assert client.get(reverse("refer_status")).status_code == 410
    assert len(pages) == 1


def test_a_question_is_answered_behind_the_code_and_read_at_the_desk(world, address, client):
    client.post(address, form())
    kept = Referral.objects.get()
    staff(world).post(
        reverse("referral_step", args=[kept.pk, "ask"]), {"question": "Which lines?", "batch": str(uuid4())}
    )
    assert "We ask you Which lines?" in read(client.get(reverse("refer_status")))
    question = str(kept.entries.get().pk)
    assert "Please write it down" in read(
        client.post(reverse("refer_status"), {"question": question, "answer": " "}), 422
    )
    client.post(reverse("refer_status"), {"question": question, "answer": "<b>Four</b>, in May"})
    page = staff(world).get(reverse("referral", args=[kept.pk])).content.decode()
    assert "&lt;b&gt;Four&lt;/b&gt;, in May" in page


# --- the desk --------------------------------------------------------------------------------------------------------------


def test_the_desk_of_nobody_says_what_to_do_first(world):
    assert "No public address is open" in read(staff(world).get(reverse("referrals")))
    manager = staff(world, "director")
    wrong = manager.post(reverse("referral_door"), {"code": "two words"})
    assert "letters, digits or dashes" in read(wrong, 422)
    site = str(world.alice.site.pk)
    assert (
        manager.post(reverse("referral_door"), {"code": "our-hub", "site": site, "fax": "555-0198"}).status_code == 302
    )
    assert ReferralDoor.objects.get().site == world.alice.site
    page = read(manager.get(reverse("referrals")))
    assert "/refer/our-hub/" in page and "No referral waits" in page


def test_a_viewer_sees_no_referral(world):
    kept = referred(world.alice)
    client = Client()
    client.force_login(make_member(world.alice.organisation, "viewer"))
    assert kept.code not in read(client.get(reverse("referrals")))
    for name in ("referral", "referral_letter"):
        assert client.get(reverse(name, args=[kept.pk])).status_code == 404
    assert client.get(reverse("type_in_referral")).status_code == 403


def test_a_fax_is_typed_in_with_the_hour_at_which_it_came(world):
    client = staff(world)
    answer = client.post(reverse("type_in_referral"), form(received_at="2026-03-01T08:00", practice=""))
    assert "Nothing is saved yet" in read(answer, 422) and 'value="2026-03-01T08:00"' in answer.content.decode()
    assert client.post(reverse("type_in_referral"), form(received_at="2026-03-01T08:00")).status_code == 302
    kept = Referral.objects.get()
    assert kept.received_at == MONDAY_0900 - timedelta(hours=25)
    assert "fax or phone, typed in here" in read(client.get(reverse("referral", args=[kept.pk])))


STEPS = [
    ("acknowledge", {"way": "pigeon"}, "in which way"),
    ("ask", {"question": ""}, "Please write it down"),
    ("plan", {"on": "tomorrow"}, "Type the day"),
    ("contact", {"reached": ""}, "Was the patient reached?"),
    ("contact", {"reached": "yes", "at": "2026-03-02T09:01"}, "has not happened yet"),
    ("contact", {"reached": "yes", "at": "noon"}, "Type a date and time"),
    ("tell", {"way": "fax"}, "Nothing is decided"),
    ("aside", {"because": ""}, "Please write it down"),
    ("aside", {"because": "twice", "second_of": "x"}, "no such other"),
    ("maintenance", {"chosen": "yes", "name": ""}, "Name the site"),
    ("maintenance", {"chosen": "perhaps"}, "Choose one"),
]


@pytest.mark.parametrize(("what", "data", "said"), STEPS)
def test_what_is_wrong_with_a_step_is_said_in_one_sentence(world, what, data, said):
    kept = referred(world.alice)
    answer = staff(world).post(reverse("referral_step", args=[kept.pk, what]), data)
    assert said in read(answer, 422)
    assert not kept.entries.exists()


def test_the_desk_goes_the_whole_way(world):
    kept, client = referred(world.alice), staff(world)
    for what, data in (
        ("claim", {}),
        ("acknowledge", {"way": "phone"}),
        ("complete", {}),
        ("plan", {"on": "2026-03-03"}),
        ("contact", {"reached": "yes", "at": "2026-03-02T08:59"}),
        ("maintenance", {"chosen": "yes", "name": "Synthetic Practice"}),
    ):
        assert client.post(reverse("referral_step", args=[kept.pk, what]), data).status_code == 302, what
    page = read(client.get(reverse("referral", args=[kept.pk])))
    assert "Alice Nurse has it." in page and "Patient reached" in page
    assert kept.entries.get(kind="contacted").at == MONDAY_0900 - timedelta(minutes=1)
    data = {"option": "bispecific", "rationale": RATIONALE, "message": MESSAGE}
    assert client.post(reverse("referral_step", args=[kept.pk, "decide"]), data).status_code == 403, "no nurse decides"


def test_who_opened_a_referral_stands_there_for_the_director_the_latest_first(world):
    kept = referred(world.alice)
    staff(world).get(reverse("referral", args=[kept.pk]))
    world.time.advance(hours=1)
    staff(world, "oncologist").get(reverse("referral_letter", args=[kept.pk]))
    practice = Client()
    practice.get(reverse("refer_link", args=[kept.key]))
    practice.get(reverse("refer_status"))
    world.time.advance(hours=1)
    practice.post(reverse("refer_status"), {"code": kept.code})
    practice.get(reverse("refer_status"))
    looked = read(staff(world, "director").get(reverse("referral_looks", args=[kept.pk])))
    seen = [
        "Mon 2 Mar 11:00 CST the practice that refers, with its link and its code saw: how far it got",
        "Mon 2 Mar 10:00 CST Alice Oncologist · of the team saw: the letter with the decision",
        "Mon 2 Mar 09:00 CST Alice Nurse · of the team saw: referral",
    ]
    assert " ".join(seen) in looked, "the link without its code saw nothing"
    again = read(staff(world, "director").get(reverse("referral_looks", args=[kept.pk])))
    assert "Alice Director · of the team saw: looks" in again, "that somebody asks is a look of its own"
    assert "Who looked" in read(staff(world, "director").get(reverse("referral", args=[kept.pk])))
    assert "Who looked" not in read(staff(world).get(reverse("referral", args=[kept.pk])))


def test_a_step_that_is_refused_shows_the_referral_and_is_a_look(world):
    kept = referred(world.alice)
    staff(world).post(reverse("referral_step", args=[kept.pk, "close"]))
    assert [(each.user, each.what) for each in kept.looks.all()] == [(world.alice.nurse, "referral")]
    staff(world).post(reverse("referral_step", args=[kept.pk, "claim"]))
    assert kept.looks.count() == 1, "what only leads back to the page is looked at there"


def test_what_looks_alike_is_shown_with_both_codes(world):
    one, other = referred(world.alice), referred(world.alice)
    page = read(staff(world).get(reverse("referral", args=[one.pk])))
    assert "May be the same person: compare. Nothing was joined." in page and other.code in page


def test_what_was_closed_long_ago_leaves_the_list_and_is_found_again(world):
    kept, waits = referred(world.alice), referred(world.alice, given_name="Waiting")
    verbs.set_aside(kept.pk, "sent twice", by=person(world.alice.nurse))
    client = staff(world)
    world.time.advance(days=90)
    page = read(client.get(reverse("referrals")))
    assert "Closed in the last 90 days (1)" in page and kept.code in page
    world.time.advance(minutes=1)
    page = read(client.get(reverse("referrals")))
    assert kept.code not in page and waits.code in page, "what is open stays, however old it is"
    assert kept.code in read(client.get(reverse("referrals"), {"closed": "ever"}))
    assert client.get(reverse("referral", args=[kept.pk])).status_code == 200


def test_the_list_asks_as_often_for_ten_as_for_one(world):
    client, counts = staff(world, "director"), []
    for more in (1, 0, 9):  # the first look also writes down that the person looks
        for _ in range(more):
            referred(world.alice)
        with CaptureQueriesContext(connection) as asked:
            client.get(reverse("referrals"))
        counts.append(len(asked))
    assert counts[1] == counts[2]
