"""T-66: an agreement that leaves a task to nobody at some hour, or to two, is not put in force; the page names the task and the hours."""

from __future__ import annotations

import html
from datetime import timedelta

import pytest
from django.urls import reverse

from handrail import clock
from handrail.people.models import Agreement
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World
from tests.support.staff_pages import signed_in

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=2)
HUB, COMMUNITY = "hub | On-call clinician of the hub", "community | Clinic of the practice"
WEEKEND = f"{HUB} | Sat-Sun 08:00-17:00"
CLEAN = f"{HUB} | 17:00-08:00\n{WEEKEND}\n{COMMUNITY} | Mon-Fri 08:00-17:00"


@pytest.fixture
def world():
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        with everything():
            _ = world.course  # made, and shared with Bob's house
        yield world


def text(answer) -> str:
    return html.unescape(answer.content.decode())


def signed_by_both(world, lines: str) -> Agreement:
    """The form of the page, with other lines for who answers after hours, proposed and signed by a director of each."""
    director = signed_in(world.alice.director)
    form = {"as": str(world.alice.id), "with": str(world.bob.id)}
    typed = {**form, **director.get(reverse("new_agreement"), form).context["typed"]}
    typed |= {"hospital": "General", "hospital_number": "555-0190", "admitting_service": "Ward 3"}
    typed["task-after_hours_contact"] = lines
    assert director.post(reverse("new_agreement"), typed).status_code == 302
    with everything():
        row = Agreement.objects.order_by("-number").first()
    assert row is not None
    for house in (world.alice, world.bob):
        signed_in(house.director).post(reverse("sign_agreement", args=[row.pk]), {"sha256": row.sha256})
    return row


@pytest.mark.parametrize(
    # who answers after hours                                        | what the page says
    ("lines", "said"),
    [
        (f"{HUB} | 17:00-08:00\n{COMMUNITY} | Mon-Fri 08:00-17:00", "nobody answers for After-hours contact in the window: Sat 7 Mar 2026 08:00 CST to Sat 7 Mar 2026 17:00 CST"),
        (f"{HUB} | 17:00-07:59\n{WEEKEND}\n{COMMUNITY} | Mon-Fri 08:00-17:00", "nobody answers for After-hours contact in the window: Tue 3 Mar 2026 07:59 CST to Tue 3 Mar 2026 08:00 CST"),
        (f"{HUB}\n{COMMUNITY} | Mon-Fri 08:00-17:00", "both answer for After-hours contact in the window: Mon 2 Mar 2026 11:00 CST to Mon 2 Mar 2026 17:00 CST"),
        (f"{HUB} | 17:00-08:01\n{WEEKEND}\n{COMMUNITY} | Mon-Fri 08:00-17:00", "both answer for After-hours contact in the window: Tue 3 Mar 2026 08:00 CST to Tue 3 Mar 2026 08:01 CST"),
    ],
    ids=["the weekend", "one minute", "every clinic day", "one minute twice"],
)  # fmt: skip
def test_t66_a_gap_or_a_double_owner_prevents_activation_and_names_the_hours(world, lines, said):
    """Removing the check of holes from `agreements.activate` makes it fail."""
    row = signed_by_both(world, lines)
    for house in (world.alice, world.bob):
        client = signed_in(house.director)
        assert said.lower() in text(client.get(reverse("agreement", args=[row.pk]))).lower()
        refused = client.post(reverse("activate_agreement", args=[row.pk]))
        assert refused.status_code == 422
        assert "Not put in force: " in text(refused)
        assert said in text(refused)
    nurse = signed_in(world.alice.nurse)
    assert "None in force" in text(nurse.get(reverse("agreements")))
    course = reverse("course", args=[world.course.pk])
    assert "have no agreement now" in text(nurse.get(course))
    good = signed_by_both(world, CLEAN)
    assert signed_in(world.bob.director).post(reverse("activate_agreement", args=[good.pk])).status_code == 302
    assert "None in force" not in text(nurse.get(reverse("agreements")))
    assert "have no agreement now" not in text(nurse.get(course))
