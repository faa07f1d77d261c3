"""The rows of the trace about referrals, each through the page that answers it."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions import referrals as verbs
from handrail.actions.actor import person
from handrail.jobs.watcher import Watcher
from handrail.people.models import Referral
from handrail.rules import protocol
from tests.support.factories import World
from tests.support.mail import mail_server, use_port
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


@pytest.fixture
def own_labels(tmp_path):
    """A folder of the installation; whatever was read from it is forgotten with the test."""
    folder = tmp_path / "labels"
    folder.mkdir()
    yield folder
    protocol._beside.clear()
    protocol.forget()


MAY: Final = (
    ('"teclistamab/US/2026-03/mono"', '"teclistamab/US/2026-05/mono"'),
    ('aliases = ["TEC/US/2026-03/mono", "TEC/US/2026-03"]', "aliases = []"),
    ('revision = "2026-03"', 'revision = "2026-05"'),
    ("min_prior_lines = 4", "min_prior_lines = 2"),
)
"""What an invented label of May changes."""


def test_t09_a_label_file_in_the_folder_of_the_installation_changes_the_check_at_the_next_start(
    world, own_labels, settings
):
    """Removing `_beside` from `protocol.catalogue`, or `read_beside` from `ConfigConfig.ready`, makes it fail."""
    kept = referred(world.alice, lines=2)
    settings.HANDRAIL_LABELS_DIR = str(own_labels)
    start = apps.get_app_config("handrail_config").ready
    start()
    assert "2 earlier lines of at least 4 (teclistamab/US/2026-03/mono)" in seen(world, kept), "the folder is empty"
    protocol._beside.clear()
    text = (protocol.FOLDER / "teclistamab_us_2026-03_mono.toml").read_text(encoding="utf-8")
    for old, new in MAY:
        assert old in text
        text = text.replace(old, new, 1)
    file = own_labels / "teclistamab_us_2026-05_mono.toml"
    file.write_text(text, encoding="utf-8")
    start()
    page = seen(world, kept)
    assert "2 earlier lines of at least 4 (teclistamab/US" not in page
    assert "every condition is met (teclistamab/US/2026-05/mono)" in page
    # a label of July is read and changes nothing in June
    protocol._beside.clear()
    file.write_text(text.replace("in_force_from = 2026-03-05", "in_force_from = 2026-07-01", 1), encoding="utf-8")
    start()
    assert "2 earlier lines of at least 4 (teclistamab/US/2026-03/mono)" in seen(world, kept)
    protocol._beside.clear()
    file.write_text(text.replace("min_prior_lines = 2", "min_prior_lines = two", 1), encoding="utf-8")
    with pytest.raises(ImproperlyConfigured, match=r"teclistamab_us_2026-05_mono\.toml"):
        start()
    assert "2 earlier lines of at least 4 (teclistamab/US/2026-03/mono)" in seen(world, kept), (
        "a broken file is not read"
    )


def test_t09_the_commands_read_the_folder_too_and_refuse_a_name_that_is_taken(own_labels):
    shipped = protocol.FOLDER / "teclistamab_us_2026-03_mono.toml"
    text = shipped.read_text(encoding="utf-8")
    for old, new in MAY:
        text = text.replace(old, new, 1)
    file = own_labels / "teclistamab_us_2026-05_mono.toml"
    file.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "handrail.cli", "protocols", "list"]

    def run() -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "HANDRAIL_LABELS_DIR": str(own_labels)}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    listed = run()
    assert (listed.returncode, "teclistamab/US/2026-05/mono" in listed.stdout) == (0, True)
    file.write_bytes(shipped.read_bytes())
    refused = run()
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "Two label files are called TEC/US/2026-03" in refused.stderr


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


def test_t10_on_the_board_of_the_director_it_is_red_until_the_patient_is_reached(world):
    """Removing `red_cases_of` from `views_list.board` makes it fail."""
    kept, client = referred(world.alice), Client()
    referred(world.alice, urgency="routine", given_name="Routine")
    aside = referred(world.alice, given_name="Aside")
    verbs.set_aside(aside.pk, "sent twice", by=person(world.alice.nurse))
    client.force_login(world.alice.director)
    red = "Referrals without contact for too long"

    def board() -> str:
        return client.get(reverse("board")).content.decode()

    world.time.advance(days=2, hours=14, minutes=59)
    assert red not in board()
    world.time.advance(minutes=1)
    shown = board().partition('aria-labelledby="b-referrals"')[2].partition("</section>")[0]
    assert f'<span class="mark now">{red} (1)</span>' in shown
    assert kept.code in shown
    assert f'href="{reverse("referral", args=[kept.pk])}"' in shown
    assert press(world, kept, "contact", reached="no").status_code == 302
    assert red in board(), "nobody was reached"
    other = Client()
    other.force_login(world.charlie.director)
    assert red not in other.get(reverse("board")).content.decode()
    assert press(world, kept, "contact", reached="yes").status_code == 302
    assert red not in board()


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


def test_t11_no_decision_lacks_its_message_and_a_later_one_is_told_anew_before_it_closes(world):
    """Removing the check of `message` from `referrals.decide`, or `told_of` from `referrals.close`, makes it fail."""
    kept = referred(world.alice)
    for lacking in ({"rationale": RATIONALE, "message": " "}, {"rationale": " ", "message": MESSAGE}, {}):
        sent = {"rationale": "", "message": "", **lacking, "option": "bispecific"}
        assert "Please write it down." in read(press(world, kept, "decide", "oncologist", **sent), 422)
    assert not kept.entries.filter(kind="decided").exists()
    assert "no decision with a rationale is written down" in read(press(world, kept, "close"), 422)
    data = {"option": "bispecific", "rationale": RATIONALE, "message": MESSAGE}
    assert press(world, kept, "decide", "oncologist", **data).status_code == 302
    assert press(world, kept, "tell", way="phone").status_code == 302
    later = {**data, "option": "car_t", "message": "Synthetic: we propose CAR-T after all."}
    assert press(world, kept, "decide", "oncologist", **later).status_code == 302
    assert "write down that it went" in read(press(world, kept, "close"), 422), "they were told of another decision"
    assert press(world, kept, "tell", way="phone").status_code == 302
    assert press(world, kept, "close").status_code == 302
    client = Client()
    client.force_login(world.alice.nurse)
    letter = read(client.get(reverse("referral_letter", args=[kept.pk])))
    assert RATIONALE in letter
    assert later["message"] in letter and MESSAGE not in letter


def test_t12_two_lines_are_blocked_for_the_text_alone_and_allowed_for_the_combination_of_2026(world):
    page = seen(world, referred(world.alice, lines=2))
    alone = page.partition("(teclistamab/US/2026-03/mono)")[0]
    assert alone.rpartition("Blocked by the text")[2].strip().startswith("alone:")
    assert "2 earlier lines of at least 4" in alone
    combined = page.partition("(teclistamab/US/2026-03/combo)")[0]
    assert combined.rpartition("Allowed by the text")[2].strip().startswith("with daratumumab")
    unknown = seen(world, referred(world.alice, lines=None))
    assert "Allowed by the text" not in unknown.partition("What the labels of today say")[2].partition("Its clocks")[0]


def test_t12_before_the_day_of_its_text_nobody_is_allowed_the_combination(world):
    """Removing `begun` from `eligibility._in_force` makes it fail."""
    kept = referred(world.alice, lines=2)
    assert "Allowed by the text" in seen(world, kept).partition("Teclistamab")[2]
    world.time.set(datetime(2026, 3, 4, 18, 0, tzinfo=UTC))
    page = seen(world, kept).partition("What the labels of today say")[2].partition("Its clocks")[0]
    assert "Allowed by the text" not in page.partition("Teclistamab")[2]
    assert "(teclistamab/US/2026-03/combo)" not in page
    world.time.set(datetime(2026, 3, 5, 18, 0, tzinfo=UTC))
    assert "Allowed by the text" in seen(world, kept).partition("Teclistamab")[2]


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
    assert "Received: Monday, June 1, 09:00 CDT" in read(browser.get(reverse("refer_status")))
    world.time.advance(minutes=59)
    verbs.claim(kept.pk, by=person(world.alice.nurse))
    assert "Read by a named person: Monday, June 1, 09:59 CDT" in read(browser.get(reverse("refer_status")), 200)


def test_t13_a_sheet_that_came_by_fax_is_a_referral_with_its_clocks_and_is_acknowledged_by_fax(world):
    """Removing `Kind.ACKNOWLEDGED` from `referral_list.progress_of` makes it fail."""
    door_of(world.alice)
    client = Client()
    client.force_login(world.alice.nurse)
    came = form(received_at="2026-06-01T08:00", referrer_email="")
    assert client.post(reverse("type_in_referral"), came).status_code == 302
    kept = Referral.objects.get()
    first = seen(world, kept)
    assert "fax or phone, typed in here" in first
    assert "Open Acknowledge it to the sender" in first
    world.time.advance(days=1, hours=15)
    late = seen(world, kept)
    assert "LATE Acknowledge it to the sender" in late, "nobody told the practice by the end of the next working day"
    assert press(world, kept, "acknowledge", way="fax").status_code == 302
    page = seen(world, kept)
    assert "Done late Acknowledge it to the sender" in page
    assert "cknowledged to the practice: by fax Alice Nurse" in page
