"""T-61 and T-62: a medicine at home is offered to whoever passed its teach-back, and its use stands before the clinician on call at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.alerts.models import Alert
from handrail.people.scope import everything
from tests.support.checkins import EVENING, Home, make_home, phone_of, quiet_form
from tests.support.staff_pages import signed_in, words

pytestmark = pytest.mark.django_db
AUTHORISED: dict[str, str] = {
    "agent": "antibiotic",
    "medicine": "Levofloxacin",
    "dose_mg": "750",
    "route": "oral",
    "trigger": "fever_and_nobody_reached",
    "allergy_checked": "yes",
    "interaction_checked": "yes",
    "teach_back_passed": "yes",
    "valid_until": "2026-12-31",
    "pack_at_hand": "yes",
    "pack_expires_on": "2027-01-31",
}
OFFER = "Only if you can reach no clinician: take Levofloxacin 750 mg, as your team agreed with you."


@pytest.fixture
def evening() -> Iterator[clock.FrozenClock]:
    with clock.use(clock.FrozenClock(EVENING)) as frozen:
        yield frozen


@pytest.fixture
def home(db, evening) -> Home:
    return make_home()


def later(evening: clock.FrozenClock, minutes: int) -> str:
    """Some minutes go by; the time that a form of staff types then."""
    at = EVENING + timedelta(minutes=minutes)
    evening.set(at)
    return f"2026-03-02T19:{30 + minutes:02}"


def authorise(home: Home, at: str, **changes: str) -> None:
    """A prescriber authorises it with the form on the course's page."""
    address = reverse("record", args=[home.course.pk, "home-medicine"])
    answer = signed_in(home.world.alice.oncologist).post(address, {"at": at, **AUTHORISED, **changes})
    assert answer.status_code == 302, answer.content.decode()


def teach(home: Home, at: str, said: str) -> None:
    """The nurse asks the patient for the rule of the antibiotic."""
    typed = {"who": "patient", "own_language": "yes", "at": at, "item_antibiotic": said}
    assert (
        signed_in(home.world.alice.nurse).post(reverse("teach_back", args=[home.course.pk]), typed).status_code == 302
    )


def fever(phone: Client, home: Home) -> Any:
    return phone.post("/c/", quiet_form(home, temperature="101.1", id=str(uuid4())))


def on_call(home: Home) -> str:
    """What the clinician on call reads on the page of the alert."""
    with everything():
        alert = Alert.objects.filter(course=home.course, key__startswith="report:").latest("opened_at")
    return words(signed_in(home.world.alice.on_call).get(reverse("page", args=[alert.pk])).content)


def test_t61_a_stand_by_antibiotic_is_not_offered_without_a_passed_teach_back_and_its_use_is_seen_at_once(
    home, evening
):
    """Removing `each.state == "usable"` from `home_medicines.to_take`, or `_named(...)` from `_judge`, makes it fail."""
    phone = phone_of(home)
    authorise(home, later(evening, 1), teach_back_passed="no")
    assert "Levofloxacin" not in words(fever(phone, home).content)
    assert "Levofloxacin 750 mg" in on_call(home) and "may NOT be used (the teach-back was not passed)" in on_call(home)

    authorise(home, later(evening, 2), teach_back_passed="not_known")
    assert "Levofloxacin" not in words(fever(phone, home).content)
    authorise(home, later(evening, 3))
    teach(home, later(evening, 4), "repeat")
    assert "Levofloxacin" not in words(fever(phone, home).content), "it was to be repeated, and was not said since"

    teach(home, later(evening, 5), "passed")
    sent = fever(phone, home)
    assert OFFER in words(sent.content)
    assert "not taken, as far as anybody said" in on_call(home)
    pressed = re.search(r'name="authorisation" value="([^"]+)"', sent.content.decode())
    assert pressed is not None
    later(evening, 6)
    done = phone.post("/c/took", {"authorisation": pressed[1]})
    assert "Your team sees what you took and when" in words(done.content)
    # no minute goes by, and nobody has done anything in between
    assert re.search(r"Levofloxacin 750 mg, at fever when no clinician can be reached : may be used.*?taken Mon 2 Mar 19:36 CST", on_call(home))  # fmt: skip
    assert OFFER not in words(fever(phone, home).content), "it is not told twice"
    log = words(signed_in(home.world.alice.nurse).get(reverse("course", args=[home.course.pk])).content)
    assert "Levofloxacin" in log


def test_t61_it_is_authorised_for_one_patient_by_a_prescriber_alone(home, evening):
    other = make_home(home.world)
    later(evening, 1)
    refused = signed_in(home.world.alice.nurse).post(
        reverse("record", args=[home.course.pk, "home-medicine"]), {"at": "2026-03-02T19:31", **AUTHORISED}
    )
    assert refused.status_code == 403
    authorise(home, "2026-03-02T19:31")
    assert OFFER not in words(fever(phone_of(other), other).content)
    assert OFFER in words(fever(phone_of(home), home).content)


def test_t61_it_is_told_in_spanish_too(home, evening):
    authorise(home, later(evening, 1))
    phone = phone_of(home)
    phone.get("/c/", {"language": "es"})
    told = words(fever(phone, home).content)
    assert "Solo si no logra hablar con ningún profesional médico: tome Levofloxacin 750 mg" in told
    assert OFFER not in told
