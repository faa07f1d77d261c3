"""The public form is open to everybody: what comes too often, too large or unreadable is refused in a sentence, and harms nobody else."""

import html
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import RefusedError
from handrail.actions.referral_intake import LONGEST, MOST_LINES, MOST_MINUTES
from handrail.actions.referral_list import answer
from handrail.actions.referrals import LONGEST_TEXT, ask
from handrail.people.models import Referral, ReferralEntry
from handrail.rules.referral import referral_data
from tests.support.factories import MONDAY_0900, World
from tests.support.referral_forms import form, read
from tests.support.referrals import door_of, referred

pytestmark = pytest.mark.django_db
TEXTS = (
    "practice", "referrer", "referrer_phone", "given_name", "family_name", "phone",
    "language", "diagnosis", "insurer",
)  # fmt: skip
UNREADABLE = {
    "NUL": "a\0b",
    "bell": "a\x07b",
    "escape": "a\x1b[31mb",
    "line": "a\nb",
    "line separator": "a\u2028b",
    "turned round": "a\u202eb",
    "half of a pair": "a\ud800b",
}


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(MONDAY_0900)) as frozen:
        world = World()
        world.time = frozen
        yield world


@pytest.fixture
def address(world) -> str:
    return reverse("refer", args=[door_of(world.alice).code])


def refused(answer) -> str:
    """What is said; nothing was kept."""
    page = html.unescape(read(answer, 422))
    assert not Referral.objects.exists()
    return page


@pytest.mark.parametrize("sign", [name for name in UNREADABLE if name != "half of a pair"])
def test_a_sign_that_nobody_reads_is_refused_wherever_it_stands(address, client, sign):
    for name in TEXTS:
        page = refused(client.post(address, form(**{name: UNREADABLE[sign]})))
        assert f"At most {LONGEST} readable signs on one line." in page, name


def test_every_text_has_a_length(address, client):
    for name in TEXTS:
        page = refused(client.post(address, form(**{name: "x" * (LONGEST + 1)})))
        assert f"At most {LONGEST} readable signs" in page, name
    assert client.post(address, form(**dict.fromkeys(TEXTS, "x" * LONGEST))).status_code == 302


NUMBERS = [
    ("lines", "-1"),
    ("lines", str(MOST_LINES + 1)),
    ("distance_minutes", "-5"),
    ("distance_minutes", str(MOST_MINUTES + 1)),
]


@pytest.mark.parametrize(("name", "number"), NUMBERS)
def test_a_number_that_cannot_be_is_asked_again(address, client, name, number):
    assert "This number cannot be right" in refused(client.post(address, form(**{name: number})))


@pytest.mark.parametrize("number", ["9" * 400, "1e9", "٣", "4,5", "NaN"])
def test_what_is_no_whole_number_is_asked_again(address, client, number):
    assert "Earlier lines of therapy: type a" in refused(client.post(address, form(lines=number)))


def test_what_is_a_script_stays_a_text(address, client):
    typed = "<script>alert(1)</script>"
    page = client.post(address, form(family_name=typed, practice="")).content.decode()
    assert typed not in page and "&lt;script&gt;" in page


def test_a_body_larger_than_any_form_is_refused_and_the_door_stays_open(address, client):
    huge = client.post(address, form(diagnosis="x" * 3_000_000))
    assert huge.status_code in (400, 413)
    many = client.post(address, {**form(), **{f"field{number}": "x" for number in range(1100)}})
    assert many.status_code == 400
    assert not Referral.objects.exists()
    assert client.post(address, form()).status_code == 302


def test_names_that_nobody_asked_for_and_answers_given_twice_change_nothing(address, client):
    body = {
        **form(),
        "received_at": "2020-01-01T00:00",
        "code": "MINE",
        "organisation": "x",
        "typed_by": "1",
        "way": "fax",
    }
    assert client.post(address, body).status_code == 302
    kept = Referral.objects.get()
    assert (kept.way, kept.received_at, kept.typed_by) == ("form", MONDAY_0900, None)
    assert kept.code != "MINE"


def test_one_programme_that_is_flooded_keeps_no_other_from_its_referrals(world, address, client):
    most = referral_data().form.most_per_hour
    for number in range(most):
        referred(world.alice, given_name=str(number))
    typed = form()
    assert client.post(address, typed).status_code == 429
    other = reverse("refer", args=[door_of(world.bob, "other-hub").code])
    assert Client().post(other, form()).status_code == 302
    world.time.advance(hours=1)
    assert client.post(address, typed).status_code == 302, "an hour later the same form is taken"


def test_a_form_that_is_sent_again_during_a_flood_is_still_answered_with_its_link(world, address, client):
    typed = form()
    assert client.post(address, typed).status_code == 302
    for number in range(referral_data().form.most_per_hour - 1):
        referred(world.alice, given_name=str(number))
    assert client.post(address, form()).status_code == 429
    assert client.post(address, typed).status_code == 302


def test_only_get_and_post_are_heard_and_a_form_of_another_site_is_not(address, client):
    assert {getattr(client, name)(address).status_code for name in ("put", "patch", "delete")} == {405}
    foreign = Client(enforce_csrf_checks=True)
    foreign.get(address)
    assert foreign.post(address, form(), headers={"origin": "https://elsewhere.example"}).status_code == 422
    assert not Referral.objects.exists()


@pytest.mark.parametrize("batch", ["", "x", "0" * 400, "5C58A54E-4313-4B37-A323-238AA5393846"])
def test_whatever_stands_in_the_number_of_the_form_it_is_taken_once(address, client, batch):
    assert client.post(address, form(batch=batch)).status_code == 302
    assert Referral.objects.count() == 1


@pytest.mark.parametrize(
    "sign", [name for name in UNREADABLE if name not in ("line", "line separator", "turned round", "half of a pair")]
)
def test_an_answer_to_a_question_may_have_lines_and_nothing_that_nobody_reads(world, sign):
    kept = referred(world.alice)
    asked = ask(kept.pk, "Which lines?", by=person(world.alice.nurse))
    for text in (UNREADABLE[sign], "x" * (LONGEST_TEXT + 1)):
        with pytest.raises(RefusedError):
            answer(kept, str(asked.pk), text)
    answer(kept, str(asked.pk), "VRd,\r\nthen\tDara")
    assert ReferralEntry.objects.filter(kind="answered").count() == 1


def test_wrong_codes_end_a_link_and_no_other_link(world, client):
    kept, other = referred(world.alice), referred(world.alice, given_name="Other")
    client.get(reverse("refer_link", args=[kept.key]))
    for _ in range(referral_data().form.tries):
        client.post(reverse("refer_status"), {"code": "WRONG1"})
    assert client.get(reverse("refer_status")).status_code == 410
    world.time.advance(hours=1)
    assert Client().get(reverse("refer_link", args=[kept.key]), follow=True).status_code == 410
    browser = Client()
    browser.get(reverse("refer_link", args=[other.key]))
    assert browser.get(reverse("refer_status")).status_code == 200
    assert timedelta(days=referral_data().form.link_lasts_days) == other.expires_at - MONDAY_0900
