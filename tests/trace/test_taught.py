"""T-84: every item of the teach-back is passed, or repeated and then passed, before the first dose; the gate says so on its page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from handrail import clock
from handrail.rules.teachback import load_teach_back
from tests.support.courses import instant
from tests.support.factories import World
from tests.support.gate_pages import gate_page, line_said
from tests.support.gate_world import ready_course
from tests.support.gates import AT_DOSE, DOSE_ON, prepared
from tests.support.staff_pages import signed_in, words

pytestmark = pytest.mark.django_db
ITEMS = load_teach_back().item
READY = "Ready: every line is met"
LINES = {"patient": "home", "caregiver": "caregiver"}


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(instant(AT_DOSE))):
        yield World()


def authorised(told, agent: str) -> None:
    told.tell(
        "home_medicine_authorised", f"{DOSE_ON} 07:00", by={"role": "oncologist"}, agent=agent, medicine=agent, dose_mg="20",
        trigger="fever", allergy_checked=True, interaction_checked=True, teach_back_passed=True, pack_at_hand=True,
        valid_until="2026-12-31", pack_expires_on="2026-12-31",
    )  # fmt: skip


@pytest.mark.parametrize("who", LINES)
def test_t84_the_gate_is_not_ready_while_one_item_of_all_is_not_passed_or_is_to_be_repeated(world, who):
    """Making `if taught.met:` of `teachback.gate_evidence` true for what is to be repeated makes it fail, item by item."""
    told = prepared(without=("taught_patient", "taught_caregiver"))
    told.tell("vitals_measured", f"{DOSE_ON} 07:10", temperature_c="36.6")
    told.tell("condition_noted", f"{DOSE_ON} 07:10", what="infection", active=False)
    for agent in ("dexamethasone", "antibiotic"):
        authorised(told, agent)
    told.tell("home_status", f"{DOSE_ON} 07:05", home_medicines_at_hand=["dexamethasone", "antibiotic"])
    course = ready_course(world, told)
    nurse = signed_in(world.alice.nurse)
    minute = iter(range(11, 60))

    def say(person: str, **items: str) -> None:
        at = f"{DOSE_ON}T07:{next(minute):02}"
        typed = {
            "who": person,
            "own_language": "yes",
            "at": at,
            **{f"item_{name}": said for name, said in items.items()},
        }
        assert nurse.post(reverse("teach_back", args=[course.pk]), typed).status_code == 302

    def line() -> str:
        verdict = READY in gate_page(nurse, course)
        return f"{'READY' if verdict else 'not ready'}: {line_said(nurse, course, LINES[who])}"

    everything = {row.id: "passed" for row in ITEMS}
    assert len(everything) == 13
    for other in LINES:
        if other != who:
            say(other, **everything)
    assert line().startswith("not ready"), "nobody has asked"
    first, *rest = everything
    say(who, **dict.fromkeys(rest, "passed"))
    assert line().startswith("not ready"), f"{first} was never asked"
    say(who, **{first: "passed"})
    assert line().startswith("READY"), line()
    for row in ITEMS:
        say(who, **{row.id: "repeat"})
        said = line()
        assert said.startswith("not ready"), row.id
        assert row.id.replace("_", " ") in said, (row.id, said)
        say(who, **{row.id: "passed"})
        assert line().startswith("READY"), row.id


def test_t84_without_a_teach_back_gate_and_board_are_not_ready_and_the_dose_is_recorded_all_the_same(world):
    """The dose itself is recorded all the same: no rule refuses what was done."""
    course = ready_course(world, prepared(without=("taught_patient",)))
    nurse = signed_in(world.alice.nurse)
    gate = nurse.get(reverse("gate", args=[course.pk])).content.decode()
    assert READY not in gate
    assert "teach-back of the patient" in gate
    board = words(nurse.get(reverse("today"), {"site": str(world.alice.site.pk), "on": DOSE_ON}).content)
    assert "Not ready" in board
    later = instant(AT_DOSE) + timedelta(hours=2)
    with clock.use(clock.FrozenClock(later)):
        typed = {
            "at": f"{DOSE_ON}T09:00",
            "step": "step_up_1",
            "dose_mg": "12",
            "route": "subcutaneous",
            "started_at": f"{DOSE_ON}T09:00",
        }
        assert nurse.post(reverse("record", args=[course.pk, "dose"]), typed).status_code == 302
