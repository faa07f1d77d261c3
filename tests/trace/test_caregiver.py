"""The trace rows of who stands by the patient: each performs its own acceptance column through the pages where people meet it."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.alerts.models import Alert, Page
from handrail.jobs.watcher import Watcher
from handrail.people.models import Membership
from handrail.people.scope import everything
from tests.support.checkins import EVENING, make_home, phone_of, quiet_form
from tests.support.factories import make_member

pytestmark = pytest.mark.django_db


def words(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_t06_a_caregiver_raises_a_red_alert_without_the_patients_device(client):
    """The patient's own link is never opened: the caregiver's phone alone raises it, and the person on call reads whom to call back."""
    with clock.use(clock.FrozenClock(EVENING)):
        home = make_home()
        client.force_login(home.world.alice.nurse)
        with everything():
            caregiver = home.course.patient.contacts.get()
        given = client.post(reverse("give_caregiver_link", args=[home.course.pk, caregiver.pk]), {"how": "show"})
        token = re.search(r"/c/([\w-]{43})", given.content.decode()).group(1)

        phone = Client()
        page = phone.get(f"/c/{token}", follow=True)
        assert "Raise the alarm now" in words(page)
        form = {"id": str(uuid4()), "for": home.tag, "symptoms": ["confused"]}
        sent = phone.post(page.redirect_chain[-1][0], form)
        assert "The clinician on call is being called." in words(sent)
        assert "Go to the emergency department now." in words(sent)

        with everything():
            home.issued.link.refresh_from_db()
            assert home.issued.link.exchanged_at is None, "the patient's phone did nothing"
            alert = Alert.objects.get(course=home.course, key__startswith="report:")
            assert (alert.ladder, alert.urgency) == ("RED-2", "now")
            Watcher().look()
            assert Page.objects.filter(alert=alert, user=home.world.alice.on_call).exists()

        client.force_login(home.world.alice.on_call)
        screen = words(client.get(reverse("page", args=[alert.pk])))
        assert "Alarm raised by the caregiver Synthetic Caregiver" in screen
        assert "Call back: +15550100124" in screen
        client.post(reverse("have_page", args=[alert.pk]))
        assert "The team has it." in words(phone.get(sent.wsgi_request.path))


def test_t81_the_patient_banner_shows_the_nurse_and_the_deputy(client):
    """Named on the course's page, shown on its banner, on the page of an alert and to the patient; a leaver is a gap, not a name."""
    with clock.use(clock.FrozenClock(EVENING)):
        home = make_home()
        with everything():
            ana = make_member(home.world.alice.organisation, "nurse", "Ana Nurse")
            ben = make_member(home.world.alice.organisation, "nurse", "Ben Nurse")
        client.force_login(home.world.alice.nurse)
        course = reverse("course", args=[home.course.pk])
        assert "nobody is named" in words(client.get(course))
        form = {"id": str(uuid4()), "nurse": str(ana.pk), "deputy": str(ben.pk)}
        assert client.post(reverse("nurses", args=[home.course.pk]), form)["Location"] == course
        banner = words(client.get(course))
        assert "Nurse Ana Nurse" in banner and "Deputy: Ben Nurse" in banner

        patient = phone_of(home)
        assert "Your nurse: Ana Nurse" in words(patient.get("/c/")).replace("&#x27;", "'")
        patient.post("/c/", quiet_form(home, temperature="101.5"))
        with everything():
            alert = Alert.objects.get(course=home.course, key__startswith="report:")
        client.force_login(home.world.alice.on_call)
        screen = words(client.get(reverse("page", args=[alert.pk])))
        assert "Nurse Ana Nurse" in screen and "Deputy: Ben Nurse" in screen

        with everything():
            Membership.objects.filter(user=ana).update(valid_until=EVENING)
        gap = words(client.get(course))
        assert "Ana Nurse does not work here as a nurse any more: name another" in gap
        told = words(patient.get("/c/"))
        assert "Ana Nurse" not in told and "Ben Nurse" in told
