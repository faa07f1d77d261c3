"""A course that cannot be judged: its policy is not here. Every page of it answers, and the access desk says why and what to do next."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from handrail import clock
from handrail.actions.actor import person
from handrail.people.scope import everything
from handrail.records.models import Course, PayerRequest
from handrail.web.payers.letter import letter_context
from tests.support.factories import MONDAY_0900, World, make_member
from tests.support.payers import APPROVAL, asked, write

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(days=10)
SAYS = (
    r"Handrail cannot judge this course: Policy '[a-z0-9-]+' here has other content\. .* "
    r"Ask the prescriber for the day and the dose, and ask your site manager to have this put right\."
)


@pytest.fixture
def world():
    with clock.use(clock.FrozenClock(NOW)), everything():
        yield World()


@pytest.fixture
def by(world):
    return person(make_member(world.alice.organisation, "coordinator"))


@pytest.fixture
def request_(world, by) -> PayerRequest:
    """A request of a course whose policy has been lost since."""
    found = asked(world, by, internal=False)
    write(found, by, "submitted", 1, reason="as planned")
    Course.objects.filter(pk=world.course.pk).update(policy_sha256="0" * 64)
    return found


def text(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def shown(user: Any, name: str, *args: Any) -> str:
    client = Client()
    client.force_login(user)
    answer = client.get(reverse(name, args=args))
    assert answer.status_code == 200
    return text(answer.content.decode())


def test_the_access_desk_of_a_course_says_why_and_what_to_do_and_lists_the_requests_with_their_clocks(
    world, by, request_
):
    told = shown(by.user, "course_access", world.course.pk)
    assert len(re.findall(SAYS, told)) == 1, "once"
    assert "covered?" not in told, "of a dose that nobody knows nothing is said to be covered"
    assert "Not known What the doses will be billed as." in told
    assert "submitted" in told and "Overdue" in told
    assert "No clock runs" not in told


def test_a_request_says_it_too_and_takes_what_the_payer_answered(world, by, request_):
    assert re.search(SAYS, shown(by.user, "payer_request", request_.pk))
    client = Client()
    client.force_login(by.user)
    sent = {"form": "approved", **APPROVAL}
    assert client.post(reverse("payer_request", args=[request_.pk]), sent).status_code == 302
    assert [each.kind for each in request_.entries.order_by("recorded_at")] == ["submitted", "approved"]
    assert "approved" in shown(by.user, "payer_request", request_.pk)


def test_the_letter_says_it_first_and_asks_for_no_dose_that_it_does_not_know(world, by, request_):
    found = PayerRequest.objects.select_related("course").get(pk=request_.pk)
    told = text(render_to_string("handrail/payers/letter_pdf.html", letter_context(found, found.course, NOW)))
    assert re.search(SAYS, told)
    assert told.index("Not judged: the prescriber completes the doses before it is sent") < told.index("The case")
    assert "not known The doses, their milligrams and units." in told
    assert "Planned for" in told.split("The case")[0], "among what is to be completed"
    pytest.importorskip("weasyprint")
    client = Client()
    client.force_login(by.user)
    assert client.get(reverse("payer_letter", args=[found.pk, "letter"])).content.startswith(b"%PDF-")


def test_the_setting_says_whom_to_ask(world, request_):
    told = shown(world.alice.oncologist, "setting", world.course.pk)
    assert "The rules cannot judge this setting: Policy " in told
    assert "Ask the prescriber where this dose is given" in told


def test_the_gate_says_whom_to_ask(world, request_):
    told = shown(world.alice.nurse, "gate", world.course.pk)
    assert "Handrail cannot judge this course: Policy " in told
    assert "Ask the prescriber before a dose is given" in told


def test_the_lists_of_the_access_desk_go_on(by, request_):
    assert "Open (1)" in shown(by.user, "access")
    shown(by.user, "prevention")


def test_a_course_whose_protocol_is_not_here_is_as_little_judged(world, by):
    request = asked(world, by)
    assert "covered?" in shown(by.user, "course_access", world.course.pk)
    Course.objects.filter(pk=world.course.pk).update(protocol_key="teclistamab/us/1999-01")
    for name, key in (("course_access", world.course.pk), ("payer_request", request.pk)):
        assert "Handrail cannot judge this course: " in shown(by.user, name, key)


def pages() -> list[str]:
    """Every page that needs a course and nothing else."""

    def walk(patterns: Any, given: frozenset[str]) -> Any:
        for each in patterns:
            names = given | set(each.pattern.converters)
            if isinstance(each, URLResolver):
                yield from walk(each.url_patterns, names)
            elif isinstance(each, URLPattern) and names == {"course_id"} and each.name:
                yield each.name

    return sorted(walk(get_resolver(settings.ROOT_URLCONF).url_patterns, frozenset()))


def test_no_page_of_a_course_fails_because_it_cannot_be_judged(world, request_):
    asked_ = pages()
    assert {"course", "course_access", "setting", "gate", "nurses"} <= set(asked_)
    failed = []
    for user in (world.alice.nurse, world.alice.oncologist, world.alice.director):
        client = Client(raise_request_exception=False)
        client.force_login(user)
        for name in asked_:
            status = client.get(reverse(name, args=[world.course.pk])).status_code
            failed += [(name, user.name, status)] if status >= 500 else []
    assert not failed
