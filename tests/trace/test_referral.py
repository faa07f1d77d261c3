"""The rows of the trace about referrals, each through the page that answers it."""

import shutil
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions import referrals as verbs
from handrail.actions.actor import person
from handrail.jobs.watcher import Watcher
from handrail.people.models import Referral
from handrail.rules import protocol
from tests.alerts.test_email import use_port
from tests.support.factories import World
from tests.support.mail import mail_server
from tests.support.referral_forms import form, read
from tests.support.referrals import MESSAGE, RATIONALE, door_of, referred, to_the_practice

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 6, 1, 14, 0, tzinfo=UTC)
"""Monday 1 June 2026, 9:00 in Chicago: the labels of March 2026 are in force."""


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(MONDAY)) as frozen:
        world = World()
        world.time = frozen
        yield world


def seen(world, referral, who: str = "oncologist") -> str:
    client = Client()
    client.force_login(getattr(world.alice, who))
    return read(client.get(reverse("referral", args=[referral.pk])))


def press(world, referral, what: str, who: str = "nurse", **data: str):
    client = Client()
    client.force_login(getattr(world.alice, who))
    return client.post(reverse("referral_step", args=[referral.pk, what]), data)


def test_t07_without_a_caregiver_the_card_keeps_the_bispecific_with_a_start_in_hospital(world):
    page = seen(world, referred(world.alice, caregiver=False))
    assert "No caregiver: CAR-T centres usually refuse; a bispecific antibody can still start in hospital." in page
    assert "Plan an inpatient start" in page
    assert "not eligible" not in page.lower()
    not_asked = seen(world, referred(world.alice, caregiver=None))
    assert "Whether there is a caregiver is not known: ask." in not_asked
    assert "No caregiver:" not in not_asked
    assert "No caregiver:" not in seen(world, referred(world.alice, caregiver=True))


@pytest.fixture
def label_folder(tmp_path, monkeypatch):
    folder = tmp_path / "products"
    shutil.copytree(protocol.FOLDER, folder)
    forget()
    monkeypatch.setattr(protocol, "FOLDER", folder)
    yield folder
    monkeypatch.undo()
    forget()


def forget() -> None:
    protocol.catalogue.cache_clear()
    protocol._named.cache_clear()


def test_t09_a_new_label_version_changes_the_indication_check_as_data_alone(world, label_folder):
    kept = referred(world.alice, lines=2)
    assert "2 earlier lines of at least 4 (teclistamab/US/2026-03/mono)" in seen(world, kept)
    text = (label_folder / "teclistamab_us_2026-03_mono.toml").read_text(encoding="utf-8")
    text = text.replace('"teclistamab/US/2026-03/mono"', '"teclistamab/US/2026-05/mono"', 1)
    text = text.replace('aliases = ["TEC/US/2026-03/mono", "TEC/US/2026-03"]', "aliases = []", 1)
    text = text.replace('revision = "2026-03"', 'revision = "2026-05"', 1).replace(
        "min_prior_lines = 4", "min_prior_lines = 2", 1
    )
    (label_folder / "teclistamab_us_2026-05_mono.toml").write_text(text, encoding="utf-8")
    forget()
    page = seen(world, kept)
    assert "2 earlier lines of at least 4 (teclistamab/US" not in page
    assert "every condition is met (teclistamab/US/2026-05/mono)" in page


def test_t10_an_urgent_referral_older_than_two_working_days_without_contact_is_red_for_the_director(world):
    kept, client = referred(world.alice), Client()
    routine = referred(world.alice, urgency="routine", given_name="Routine")
    client.force_login(world.alice.director)
    world.time.advance(days=2, hours=14, minutes=59)
    assert "Without contact for too long" not in read(client.get(reverse("referrals")))
    world.time.advance(minutes=1)
    red = read(client.get(reverse("referrals"))).partition("Without contact for too long (1)")[2].partition("Open (")[0]
    assert kept.code in red and routine.code not in red
    assert "First contact with the patient: was due by Wed 3 Jun 2026" in red
    verbs.note_contact(kept.pk, by=person(world.alice.nurse), reached=None)
    assert "Without contact for too long (1)" in read(client.get(reverse("referrals"))), "not known is no contact"
    verbs.note_contact(kept.pk, by=person(world.alice.nurse), reached=True)
    assert "Without contact for too long" not in read(client.get(reverse("referrals")))


def test_t11_a_decision_is_not_closed_without_its_rationale_and_the_message_to_the_referrer(world):
    kept = referred(world.alice)
    assert "no decision with a rationale is written down" in read(press(world, kept, "close"), 422)
    wrong = press(world, kept, "decide", "oncologist", option="bispecific", rationale="", message=MESSAGE)
    assert MESSAGE in read(wrong, 422), "what was typed is still there"
    data = {"option": "bispecific", "rationale": RATIONALE, "message": MESSAGE, "batch": str(uuid4())}
    assert press(world, kept, "decide", "oncologist", **data).status_code == 302
    assert "write down that it went" in read(press(world, kept, "close"), 422)
    client = Client()
    client.force_login(world.alice.nurse)
    letter = read(client.get(reverse("referral_letter", args=[kept.pk])))
    assert RATIONALE in letter and MESSAGE in letter
    assert press(world, kept, "tell", way="fax").status_code == 302
    assert press(world, kept, "close").status_code == 302
    assert "Closed" in seen(world, kept)


def test_t12_two_lines_are_blocked_for_the_text_alone_and_allowed_for_the_combination_of_2026(world):
    page = seen(world, referred(world.alice, lines=2))
    alone = page.partition("(teclistamab/US/2026-03/mono)")[0]
    assert alone.rpartition("Blocked by the text")[2].strip().startswith("alone:")
    assert "2 earlier lines of at least 4" in alone
    combined = page.partition("(teclistamab/US/2026-03/combo)")[0]
    assert combined.rpartition("Allowed by the text")[2].strip().startswith("with daratumumab")
    unknown = seen(world, referred(world.alice, lines=None))
    assert "Allowed by the text" not in unknown.partition("What the labels of today say")[2].partition("Its clocks")[0]


def test_t13_an_unregistered_practice_refers_by_form_or_sheet_and_gets_an_acknowledgement(world, settings):
    door, browser = door_of(world.alice), Client()
    address = reverse("refer", args=[door.code])
    asked = read(browser.get(address))
    for words in ("Practice", "Earlier lines", "GPRC5D", "CAR-T", "caregiver", "Insurer", "Language", "Travel to us"):
        assert words in asked
    sheet = read(browser.get(reverse("refer_sheet", args=[door.code])))
    assert "Fax to 555-0198" in sheet and "Earlier lines" in sheet
    with mail_server() as server:
        use_port(settings, server.port)
        answer = browser.post(address, form(), follow=True)
        kept = Referral.objects.get()
        page = read(answer)
        assert "The referral has arrived" in page and kept.code in page
        Watcher().look()
        (mail,) = to_the_practice(server)
    assert mail.to == ("desk@practice.example",) and kept.code in mail.body
    assert "Synthia" not in mail.raw.decode()
    assert "Received: Mon 1 Jun 09:00 CDT" in read(browser.get(reverse("refer_status")))
    world.time.advance(minutes=59)
    verbs.claim(kept.pk, by=person(world.alice.nurse))
    assert "Read by a named person: Mon 1 Jun 09:59 CDT" in read(browser.get(reverse("refer_status")), 200)
