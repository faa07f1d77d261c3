"""Who looked: told to the director by name, to the patient in plain words. That every page writes it down: `test_scope.py`."""

import html
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.access import break_glass, log_look
from handrail.actions.emergency import exchange_key, issue_card, open_page, show_card
from handrail.actions.links import issue_checkin_link
from handrail.actions.reading_out import read_standing
from handrail.people.models import EmergencyCard, LinkToken
from handrail.people.scope import everything
from handrail.records.models import Look
from tests.support.clients import registered, tied
from tests.support.factories import World
from tests.support.packets import NOW, told

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        told(world)
        yield world


def words_of(answer):
    main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", main).split()))


def system_reads(world, at):
    from handrail.actions.clients import Caller

    client = registered(world, scopes=["system/Patient.r"])
    tied(world, client)
    read_standing(Caller(client=client, scopes=("system/Patient.r",)), world.course.patient_id, now=at)


def everybody_looks(world):
    log_look(world.course, "course", user=world.alice.nurse, now=NOW - 6 * HOUR)
    log_look(world.course, "packet", user=world.bob.nurse, now=NOW - 5 * HOUR)
    break_glass(world.charlie.nurse, world.course.pk, "fever at night", now=NOW - 4 * HOUR)
    system_reads(world, NOW - 3 * HOUR)
    scanned = exchange_key(show_card(issue_card(world.course.pk, by=world.actor("alice"))).address_key)
    with everything():
        code = EmergencyCard.objects.get().code
    open_page(scanned, code, now=NOW - 2 * HOUR)
    receiver = LinkToken(
        purpose="handoff", holder="receiver", expires_at=NOW + HOUR, token_hash="0", course=world.course
    )
    receiver.organisation_id = world.course.organisation_id
    with everything():
        receiver.save()
    log_look(world.course, "handoff_link", link=receiver, now=NOW - HOUR)


def ask(world, who):
    client = Client()
    client.force_login(who)
    return client.get(reverse("looks", args=[world.course.pk]))


def test_the_director_reads_who_saw_what_and_on_which_way(world):
    everybody_looks(world)
    said = words_of(ask(world, world.alice.director))
    for wanted in (
        "Wed 11 Mar 04:00 CDT Alice Nurse · of the team saw: course",
        "Wed 11 Mar 05:00 CDT Bob Nurse · of another team · co management saw: packet",
        "Charlie Nurse · opened it in an emergency saw: the whole course · because: fever at night",
        "Wed 11 Mar 07:00 CDT Thermometers · a system saw: the whole summary (FHIR)",
        "Wed 11 Mar 08:00 CDT an emergency department, with the card saw: emergency page",
        "Wed 11 Mar 09:00 CDT the practice that was asked to take over saw: handoff link",
    ):
        assert wanted in said, (wanted, said)
    assert "saw: looks" in words_of(ask(world, world.alice.director)), "to read it is a look too"


def test_only_the_director_of_the_course_is_told(world):
    answers = [ask(world, who).status_code for who in (world.alice.nurse, world.bob.director, world.charlie.director)]
    assert answers == [403, 403, 404]
    course = Client()
    for who, shown in ((world.alice.director, True), (world.alice.nurse, False)):
        course.force_login(who)
        assert ("Who looked" in course.get(reverse("course", args=[world.course.pk])).content.decode()) is shown


def test_a_course_at_which_many_looked_says_that_there_are_more(world):
    with everything():
        own = {"organisation": world.course.organisation, "course": world.course, "user": world.alice.nurse}
        Look.objects.bulk_create(Look(**own, what="course", at=NOW) for _ in range(201))
    assert "The last 200 are shown." in words_of(ask(world, world.alice.director))


def plan(world, language="en"):
    client = Client()
    client.get(f"/c/{issue_checkin_link(world.course.pk, by=world.actor('alice')).token}")
    return words_of(client.get("/c/plan", {"language": language}, follow=True))


def test_the_patient_reads_who_else_has_read_it(world):
    assert "Nobody besides you and your own team." in plan(world)
    everybody_looks(world)
    said = plan(world)
    for wanted in (
        "another team that your team works with: Wednesday, March 11, 2026, 5:00 AM",
        "a clinician who opened it in an emergency: Wednesday, March 11, 2026, 6:00 AM",
        "a computer system (Thermometers): Wednesday, March 11, 2026, 7:00 AM",
        "an emergency department, with your card: Wednesday, March 11, 2026, 8:00 AM",
        "the practice that is asked to take you over: Wednesday, March 11, 2026, 9:00 AM",
    ):
        assert wanted in said, (wanted, said)
    assert "Nurse" not in said.partition("Who else")[2]
    assert "un sistema informático (Thermometers)" in plan(world, "es")


def test_many_looks_of_home_hide_nobody(world):
    system_reads(world, NOW - 100 * HOUR)
    with everything():
        link = issue_checkin_link(world.course.pk, by=world.actor("alice")).link
        own = {"organisation": world.course.organisation, "course": world.course, "link": link.pk, "through": "link"}
        Look.objects.bulk_create(Look(**own, what="checkin", at=NOW) for _ in range(600))
    assert "a computer system (Thermometers)" in plan(world)
