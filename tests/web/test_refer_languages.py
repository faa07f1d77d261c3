"""The public door for referrals in English and Spanish: form, sheet, mistakes, acknowledgement, mail, and what stands behind the link."""

import html
import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from handrail import clock
from handrail.actions import referral_intake
from handrail.actions import referrals as verbs
from handrail.actions.actor import person
from handrail.actions.referral_intake import intake_of
from handrail.jobs.watcher import Watcher
from handrail.people.models import Referral
from handrail.web.forms import NOT_KNOWN
from handrail.web.refer import forms, views
from tests.support.factories import MONDAY_0900, World
from tests.support.mail import mail_server, use_port
from tests.support.referral_forms import form, read
from tests.support.referrals import door_of, referred, to_the_practice

pytestmark = pytest.mark.django_db
TEMPLATES = Path(views.__file__).parents[1] / "templates" / "handrail"
SAME_IN_BOTH = {"CAR-T", "No"}
SPANISH = {"written_in": "es"}


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(MONDAY_0900)) as frozen:
        world = World()
        world.time = frozen
        yield world


@pytest.fixture
def address(world) -> str:
    return reverse("refer", args=[door_of(world.alice).code])


def shown(answer, status: int = 200) -> str:
    return html.unescape(read(answer, status))


def test_the_form_speaks_the_language_that_was_asked_for_else_that_of_the_browser(address, client):
    english = client.get(address)
    assert "Refer a patient to" in shown(english) and english["Content-Language"] == "en"
    for answer in (
        client.get(address, {"language": "es"}),
        client.get(address, headers={"accept-language": "es-MX,es;q=0.9,en;q=0.5"}),
    ):
        page = shown(answer)
        assert "Referir a un paciente a" in page and "Líneas de tratamiento anteriores" in page and "Urgencia" in page
        assert answer["Content-Language"] == "es" and '<html lang="es"' in answer.content.decode()
        assert "no ha sido revisada" in answer.content.decode() or "traduc" in answer.content.decode()
    asked = client.get(address, {"language": "en"}, headers={"accept-language": "es"})
    assert "Refer a patient to" in shown(asked)
    assert "Refer a patient to" in shown(client.get(address, {"language": "fr"}))


def test_another_language_keeps_what_was_typed_and_sends_nothing(address, client):
    answer = client.post(address, form(given_name="Half-typed", practice="", speak="es", written_in="en"))
    page = answer.content.decode()
    assert "Quién refiere" in shown(answer) and 'value="Half-typed"' in page and "conteste" not in page
    back = client.post(address, form(given_name="Half-typed", speak="en", written_in="es"))
    assert "Who refers" in shown(back) and 'value="Half-typed"' in back.content.decode()
    assert not Referral.objects.exists()


def test_the_sheet_is_in_both_and_asks_the_same(world, client):
    code = door_of(world.alice).code
    pages = [client.get(reverse("refer_sheet", args=[code]), {"language": each}) for each in ("en", "es")]
    assert "We answer within one working day" in shown(pages[0])
    assert "Respondemos en un día hábil" in shown(pages[1]) and "☐ Refractario a tres clases" in shown(pages[1])
    assert len({page.content.decode().count('class="line"') for page in pages}) == 1


def test_what_was_typed_in_spanish_is_kept_as_the_same_facts(address, client):
    client.post(address, form())
    client.post(address, form(**SPANISH))
    first, second = Referral.objects.order_by("received_at", "written_in")
    assert intake_of(first) == intake_of(second)
    assert {first.written_in, second.written_in} == {"en", "es"}


MISTAKES = [
    ({"practice": ""}, "Consultorio: conteste, por favor."),
    ({"birth_date_text": "3 de febrero"}, "Fecha de nacimiento: escriba una fecha como 2026-03-04."),
    ({"lines": "cuatro"}, "Líneas de tratamiento anteriores: escriba un número."),
    ({"lines": "4.5"}, "Líneas de tratamiento anteriores: escriba un número entero."),
    ({"distance_minutes": "lejos"}, "Viaje hasta nosotros, solo ida: escriba un número, en minutos."),
    ({"urgency": "ayer"}, "Urgencia: elija una de las respuestas."),
    ({"referrer_email": "en el consultorio"}, "Eso no es una dirección de correo electrónico."),
    ({"referrer_phone": "", "referrer_email": ""}, "Necesitamos un teléfono o un correo electrónico"),
    ({"given_name": "", "family_name": "", "phone": ""}, "nadie puede encontrar al paciente"),
    ({"diagnosis": "x" * 201}, "Como máximo 200 signos legibles en una sola línea."),
    ({"lines": "-1"}, "Este número no puede ser correcto"),
]


@pytest.mark.parametrize(("fields", "said"), MISTAKES)
def test_a_mistake_is_said_in_spanish_and_everything_else_is_still_there(address, client, fields, said):
    answer = client.post(address, form(**SPANISH, **fields))
    page = shown(answer, 422)
    assert said in page and "hay que revisar 1 respuesta." in page
    assert 'name="insurer" value="Synthetic Plan"' in answer.content.decode()
    assert 'name="written_in" value="es"' in answer.content.decode()


def test_a_form_that_lost_its_secret_says_so_in_its_own_language(address):
    strict = Client(enforce_csrf_checks=True)
    assert "oprima el botón otra vez" in shown(strict.post(address, form(**SPANISH)), 422)


def test_the_acknowledgement_and_what_stands_behind_the_link_speak_the_language_of_the_form(world, address, client):
    page = shown(client.post(address, form(**SPANISH), follow=True))
    assert "La referencia ha llegado" in page and "le llamamos en un día hábil" in page
    kept = Referral.objects.get()
    nurse = person(world.alice.nurse)
    verbs.plan_contact(kept.pk, MONDAY_0900.date(), by=nurse)
    asked = verbs.ask(kept.pk, "¿Qué líneas?", by=nurse)
    page = shown(client.get(reverse("refer_status")))
    assert "recibida: lunes, 2 de marzo, 09:00 cst" in page.lower() and "Decidida: todavía no" in page
    assert "primer contacto con el paciente: prevista para el lun 2 mar 2026" in page.lower()
    assert "Escríbalo, por favor." in shown(
        client.post(reverse("refer_status"), {"question": str(asked.pk), "answer": " "}), 422
    )
    assert "How far it got" in shown(client.get(reverse("refer_status"), {"language": "en"}))
    stranger = Client()
    stranger.get(reverse("refer_link", args=[kept.key]))
    assert "Escriba el código" in shown(stranger.get(reverse("refer_status")))
    assert "Ese no es el código" in shown(stranger.post(reverse("refer_status"), {"code": "X"}), 422)


def test_the_mails_are_written_in_the_language_of_the_form_and_name_nobody(world, address, client, settings):
    with mail_server() as server:
        use_port(settings, server.port)
        client.post(address, form(**SPANISH))
        kept = Referral.objects.get()
        verbs.ask(kept.pk, "¿Qué líneas?", by=person(world.alice.nurse))
        Watcher().look()
        asked, received = sorted(
            mail.body for mail in to_the_practice(server)
        )  # of one instant: "Le espera", "Se recibió"
    assert received == (
        f"Handrail: Se recibió una referencia. Urgencia: urgente. Centro: {world.alice.site.code}. Código: {kept.code}. "
        "El enlace que le dimos muestra en qué paso va."
    )
    assert "Le espera una pregunta sobre una referencia" in asked and "líneas" not in asked


def test_a_flood_and_an_address_of_nobody_are_answered_in_spanish(world, address, client, monkeypatch):
    for number in range(30):
        referred(world.alice, given_name=str(number))
    assert "Llámenos o envíe la hoja por fax. 555-0111" in shown(client.post(address, form(**SPANISH)), 429)
    nobody = client.get(reverse("refer", args=["nobody"]), {"language": "es"})
    assert "Nadie recibe referencias en esta dirección." in shown(nobody, 404)
    assert "Este enlace no abre nada." in shown(client.get(reverse("refer_status"), {"language": "es"}), 410)


def test_the_pages_of_staff_stay_english_whatever_the_browser_asks_for(world):
    client = Client()
    client.force_login(world.alice.nurse)
    answer = client.post(reverse("type_in_referral"), form(practice=""), headers={"accept-language": "es"})
    page = shown(answer, 422)
    assert "Practice: please answer." in page and "Consultorio" not in page and "(needed)" in page


def said_anywhere() -> set[str]:
    """Every text of the door that stands in its templates, its form and its words."""
    found = set()
    for path in [*(TEMPLATES / "refer").glob("*.html"), TEMPLATES / "field.html"]:
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r'{% translate "(.*?)" %}', text))
        found |= {
            re.sub(r"{{ (\w+) }}", r"%(\1)s", words.partition("{% plural %}")[0])
            for words in re.findall(r"{% blocktranslate[^%]*%}(.*?){% endblocktranslate %}", text, re.DOTALL)
        }
    with translation.override("en"):
        for field in forms.form().fields:
            found |= {field.label, field.hint, field.group, field.unit, *(words for _, words in field.choices)}
        mails = (*referral_intake.URGENCY_WORDS.values(), referral_intake.RECEIVED_WORDS, verbs.ASKED_WORDS)
        found |= {str(words) for words in (*mails, verbs.DECIDED_WORDS)}
    return found - {""}


def test_every_text_of_the_door_has_its_spanish():
    texts = said_anywhere()
    assert len(texts) > 80 and NOT_KNOWN not in texts
    with translation.override("es"):
        assert {text for text in texts if translation.gettext(text) == text} == SAME_IN_BOTH


@pytest.mark.parametrize("name", sorted(path.name for path in (TEMPLATES / "refer").glob("*.html")))
def test_no_template_of_the_door_says_anything_in_one_language_only(name):
    text = (TEMPLATES / "refer" / name).read_text(encoding="utf-8")
    text = re.sub(r"{% blocktranslate.*?{% endblocktranslate %}", "", text, flags=re.DOTALL)
    text = re.sub(r"{% block look %}.*?{% endblock %}|{%.*?%}|{{.*?}}|<[^>]*>", " ", text)
    left = set(re.findall(r"[A-Za-zÁ-ú]{2,}", text))
    assert left <= {"Español", "English"}, "what is said stands in a {% translate %}"
