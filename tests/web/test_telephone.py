"""Every link that a phone dials: the number without its extension, wherever a number stands."""

import re
from pathlib import Path

import pytest
from django.template import Context, Template
from django.urls import reverse

from handrail.people.models import Contact, Organisation, Patient, Site
from handrail.people.scope import everything
from tests.support.factories import World

TEMPLATES = Path(__file__).resolve().parents[2] / "src" / "handrail" / "web" / "templates"
LINK = re.compile(r"tel:\{\{ ([^}]+) \}\}")


def undialled(text: str) -> list[str]:
    """What a link dials as it was typed, its extension and all."""
    return [name for name in LINK.findall(text) if not name.endswith(("digits", "|dialled"))]


def test_no_link_dials_a_number_as_it_was_typed():
    files = sorted(TEMPLATES.rglob("*.html"))
    assert sum(len(LINK.findall(each.read_text(encoding="utf-8"))) for each in files) > 40
    assert [(each.name, name) for each in files for name in undialled(each.read_text(encoding="utf-8"))] == []


def test_a_planted_link_with_a_typed_number_is_found():
    assert undialled('<a href="tel:{{ each.phone }}">') == ["each.phone"]
    assert undialled('<a href="tel:{{ row.call_digits }}"><a href="tel:{{ each.phone|dialled }}">') == []


@pytest.mark.parametrize(
    ("number", "dials"),
    [
        ("+1 (555) 010-0120 ext. 7", "+15550100120"),
        ("555-0111", "5550111"),
        ("24h: 555-0111 ext. 7", "5550111"),
        ("Ward 4 East 555-0111", "5550111"),
        ("", ""),
        (None, ""),
        ("ask the desk", ""),
    ],
)
def test_a_link_dials_the_number_without_its_extension(number: str | None, dials: str):
    assert Template("{{ number|dialled }}").render(Context({"number": number})) == dials


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["course", "contacts"])
def test_the_pages_of_a_course_dial_whom_they_name(client, name: str):
    world = World()
    with everything():
        for each in (Site.objects.all(), Organisation.objects.all()):
            each.update(call_number="555-0111 ext. 42")
        patient = Patient.objects.get(pk=world.course.patient_id)
        Contact.objects.create(
            organisation=patient.organisation,
            patient=patient,
            name="Synthetic Sister",
            phone="(555) 010-0177 x9",
            order=9,
        )
    client.force_login(world.alice.nurse)
    shown = client.get(reverse(name, args=[world.course.pk])).content.decode()
    assert 'href="tel:5550111"' in shown and "555-0111 ext. 42" in shown
    assert 'href="tel:5550100177"' in shown and "(555) 010-0177 x9" in shown
