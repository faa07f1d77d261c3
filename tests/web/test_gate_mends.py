"""Every line of the gate leads to the page or form that takes what its next step asks."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.payer_requests import open_request
from handrail.people.models import User
from handrail.records.models import Course
from tests.support.factories import World
from tests.support.gate_world import NOW, ready_course
from tests.support.gates import prepared
from tests.support.rems_pages import NOW as REMS_NOW
from tests.support.rems_pages import Desk

pytestmark = pytest.mark.django_db


def mend(course: Course, line: str, user: User) -> str:
    """The address behind "Mend it" of a line, as that person reads the gate."""
    client = Client()
    client.force_login(user)
    text = client.get(reverse("gate", args=[course.pk])).content.decode()
    row = text.split(f'id="line-{line}"', 1)[1].split("</li>", 1)[0]
    found = re.search(r'href="([^"]+)">Mend it', row)
    assert found is not None, row
    answer = client.get(found[1])
    assert answer.status_code == 200
    return found[1]


@pytest.mark.parametrize(
    ("group", "line", "page", "form"),
    [
        ("indication", "rems", "record", "earlier"),
        ("authorisation", "authorisation", "course_access", None),
        ("taught_patient", "home", "teach_back", None),
        ("travel", "travel", "setting", None),
        ("home", "caregiver", "setting", None),
        ("setting", "consent", "setting", None),
        ("consent", "consent", "setting", None),
        ("call", "home", "record", "confirm"),
        ("visits", "visits", "record", "book"),
    ],
)
def test_a_line_leads_to_what_mends_it(group, line, page, form):
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        course = ready_course(world, prepared(without=(group,)))
        wanted = reverse(page, args=[course.pk, form] if form else [course.pk])
        assert mend(course, line, world.alice.nurse) == wanted


def test_a_course_with_a_request_for_tocilizumab_goes_on_at_the_access_desk():
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        course = ready_course(world)
        open_request(course.pk, drug="tocilizumab", payer="Synthetic Health", by=world.actor("alice"), now=NOW)
        assert mend(course, "tocilizumab", world.alice.nurse) == reverse("course_access", args=[course.pk])


def test_a_code_that_is_missing_is_written_down_at_the_rems_desk():
    frozen = clock.FrozenClock(REMS_NOW)
    with clock.use(frozen):
        desk = Desk(World(), frozen)
        course = desk.world.course
        desk.plan(course)
        desk.papers()
        assert mend(course, "rems", desk.world.alice.nurse) == reverse("rems_course", args=[course.pk])
