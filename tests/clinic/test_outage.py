"""After an outage: the urgent page first and alone, the rest as one message to each person; no storm, and nothing forgotten."""

import pytest

from handrail.alerts.models import Page
from tests.support import fake_smtp

COURSES = 4


@pytest.fixture
def ward(clinic):
    """Patients of one ward, all with the same dose, who fall silent in the same evening."""
    patients = [clinic.patient_after("step_up_1", at=clinic.instant("2026-03-03 10:00")) for _ in range(COURSES + 1)]
    clinic.until("Tue 21:00")
    for patient in patients[1:]:
        patient.falls_silent()
    clinic.until("Wed 02:50")
    fake_smtp.taken.clear()
    return patients


def texts(clinic) -> list[str]:
    """What left for the first on call."""
    address = clinic.phone("first on call").user.email
    return [message.body for message in fake_smtp.taken if address in message.to]


def all_expected(clinic) -> list:
    clinic.collect()
    arrived = clinic.phone("first on call").arrived
    for page in arrived:
        page.expected = True
    return arrived


def test_what_waited_comes_as_one_message_and_the_urgent_page_alone(clinic, ward):
    clinic.loses_its_watcher()
    ward[0].reports(celsius="38.4", at="Wed 02:55")
    clinic.until("Wed 03:10")
    clinic.gets_a_watcher()
    arrived = all_expected(clinic)
    assert sorted(page.alert.ladder for page in arrived) == ["AMBER"] * COURSES + ["RED-3"], "on screen each for itself"
    urgent, digest = texts(clinic)
    assert "CALL NOW" in urgent and "waited" not in urgent
    assert f"{COURSES} pages have waited: {COURSES} SOON." in digest
    codes = {page.alert.ladder: page.alert.code for page in arrived}
    assert codes["RED-3"] in urgent and codes["RED-3"] not in digest
    assert all(page.alert.code in digest for page in arrived if page.alert.ladder == "AMBER")
    assert set(Page.objects.filter(channel="email").values_list("state", flat=True)) == {"sent"}
    for private in clinic.private:
        assert private.lower() not in digest.lower()


def test_while_somebody_watches_every_page_leaves_for_itself(clinic, ward):
    clinic.until("Wed 03:10")
    all_expected(clinic)
    assert len(texts(clinic)) == COURSES and not any("waited" in text for text in texts(clinic))


def test_a_short_silence_of_the_watcher_gathers_nothing(clinic, ward):
    clinic.until("Wed 02:58")
    clinic.loses_its_watcher()
    clinic.until("Wed 03:05")
    clinic.gets_a_watcher()
    all_expected(clinic)
    assert len(texts(clinic)) == COURSES and not any("waited" in text for text in texts(clinic))


def test_a_digest_that_the_provider_did_not_take_is_tried_again(clinic, ward):
    first = clinic.phone("first on call")
    clinic.loses_its_watcher()
    clinic.until("Wed 03:10")
    first.dies()
    clinic.gets_a_watcher()
    waiting = Page.objects.filter(channel="email", state="sending")
    assert waiting.count() == COURSES and texts(clinic) == []
    first.dead = False
    clinic.fast_forward(seconds=5)
    assert not waiting.exists()
    codes = {page.alert.code for page in all_expected(clinic)}
    assert len(codes) == COURSES and all(any(code in text for text in texts(clinic)) for code in codes)
