"""The patient's copy of the packet: the same days, numbers and medicines in plain words, in two languages, and nothing guessed."""

import ast
import html
import re
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from handrail import clock
from handrail.actions.facts import record_event
from handrail.actions.links import issue_checkin_link, revoke_link
from handrail.actions.packets import packet_of
from handrail.people.scope import everything
from handrail.records.models import Course, Look
from handrail.rules.policy import load_policy
from handrail.rules.terms import Action
from handrail.web.checkin import plan
from tests.support.factories import MONDAY_0900, World, dose, event
from tests.support.packets import NOW, tell, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        yield World()


def phone_of(world: World) -> tuple[Client, Any]:
    issued = issue_checkin_link(world.course.pk, by=world.actor("alice"))
    client = Client()
    client.get(f"/c/{issued.token}")
    return client, issued


def read(world: World, language: str = "en") -> str:
    client, _ = phone_of(world)
    answer = client.get("/c/plan", {"language": language}, follow=True)
    assert answer.status_code == 200 and answer["Cache-Control"] == "no-store"
    main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", main).split()))


def test_it_says_what_the_packet_says(world):
    told(world)
    said = read(world)
    with everything():
        packet = packet_of(Course.objects.get(pk=world.course.pk), NOW)
    assert packet.next_dose.give_by == date(2026, 3, 13)
    for wanted in (
        packet.product_words,
        "It should be given by Friday, March 13, 2026. No appointment before that day? Call your team now.",
        "If it is given after Friday, April 3, 2026, the small starting doses begin again.",
        "Last dose: starting dose 2, Friday, March 6, 2026",
        "Your team has not cleared the next dose.",
        f"{packet.around.from_party} looks after you now.",
        "555-0111",
        "aciclovir",
        "reaction with fever (CRS), from Tuesday, March 3, 2026 to Wednesday, March 4, 2026",
        "Allergies are not written down here: tell them.",
        "fever: 100.4 °F (38.0 °C) or more",
        "Say: I am on a T-cell-engaging bispecific.",
    ):
        assert wanted in said, wanted
    for hidden in ("tocilizumab", "dexamethasone", "SUD2", "prescriber"):
        assert hidden not in said, hidden


def test_in_spanish_nothing_but_names_is_english(world):
    told(world)
    said = read(world, "es")
    for wanted in (
        "Mi plan",
        "Debe ponerse a más tardar el viernes, 13 de marzo de 2026.",
        "Última dosis: dosis de inicio 2, viernes, 6 de marzo de 2026",
        "reacción con fiebre (CRS), del martes, 3 de marzo de 2026",
        "escalofríos con temblor",
        "fiebre: 100.4 °F (38.0 °C) o más",
    ):
        assert wanted in said, wanted
    for english in ("dose", "Call", "your team", "March", " the "):
        assert english not in said, english


def test_every_word_of_it_is_translated():
    here = Path(plan.__file__)
    template = (here.parents[1] / "templates/handrail/checkin/plan.html").read_text(encoding="utf-8")
    words = set(re.findall(r'{% translate "([^"]+)"', template))
    words |= {
        re.sub(r"{{ (\w+) }}", r"%(\1)s", each)
        for each in re.findall(r"{% blocktranslate[^%]*%}(.*?){% endblocktranslate", template)
    }
    for node in ast.walk(ast.parse(here.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("_", "gettext_lazy"):
            words.add(ast.literal_eval(node.args[0]))
    assert len(words) > 35
    with translation.override("es"):
        assert [each for each in words if translation.gettext(each) == each] == []


def test_what_nobody_knows_is_never_none(world):
    said = read(world)
    for wanted in (
        "None is written down here. That does not mean none",
        "None is written down here. That does not mean that there was none.",
        "Last dose: no dose is written down here",
        "Allergies are not written down here",
    ):
        assert wanted in said, wanted


ANSWERS = [
    # action         | withheld | days      | says                       | and never
    (Action.GIVE, False, True, ["Due on", "given by", "given after"], ["not cleared", "not known"]),
    (Action.WAIT, False, True, ["Due on", "given by", "given after"], ["not cleared", "not known"]),
    (Action.ASK, True, True, ["not cleared", "Due on", "given by"], ["not known"]),
    (Action.ASK, False, False, ["The day is not known", "By when it has to be given is not known"], ["Due on"]),
    (Action.HOLD, True, True, ["not cleared"], ["Due on", "given by", "given after"]),
    (Action.STOP, False, True, ["not cleared"], ["Due on", "given by", "given after"]),
]


@pytest.mark.parametrize(("action", "withheld", "days", "says", "never"), ANSWERS)
def test_what_is_said_of_the_next_dose(action, withheld, days, says, never):
    day = date(2026, 3, 13) if days else None
    dose = SimpleNamespace(
        action=action, withheld=withheld, step="treatment", due_on=day, give_by=day, restart_if_after=day
    )
    said = " ".join(plan._next(SimpleNamespace(next_dose=dose)))
    assert all(words in said for words in says), said
    assert not any(words in said for words in never), said


def test_the_watched_window_and_an_open_reaction_are_told(world):
    at = NOW - timedelta(hours=20)
    tell(world, dose("step_up_1", mg="4.5", at=at))
    tell(world, event("vitals_measured", at=NOW - timedelta(hours=1), temperature_c="38.7"))
    said = read(world)
    assert "You are watched closely until" in said
    assert "perhaps: reaction with fever (CRS), since Wednesday, March 11, 2026, not known to be over" in said


def test_the_signs_to_call_for_are_those_of_the_policy(world):
    said = read(world)
    urgent = [row.words for row in load_policy().triage.symptom if row.ladder.urgency.value == "now"]
    assert urgent and all(words in said for words in urgent)


def test_it_is_reached_from_the_check_in_and_the_look_is_logged(world):
    client, issued = phone_of(world)
    assert 'href="/c/plan"' in client.get("/c/").content.decode()
    client.get("/c/plan")
    with everything():
        assert Look.objects.filter(link=issued.link.pk, what="packet_patient_copy").count() == 1


def test_without_a_link_or_with_one_that_is_over_there_is_no_plan(world):
    told(world)
    assert Client().get("/c/plan").status_code == 410
    client, issued = phone_of(world)
    revoke_link(world.course.pk, issued.link.pk, by=world.actor("alice"))
    answer = client.get("/c/plan")
    assert answer.status_code == 410
    assert "Tecvayli" not in answer.content.decode()


def test_a_course_that_cannot_be_judged_says_whom_to_call(world, monkeypatch):
    client, _ = phone_of(world)
    from handrail.actions.errors import RefusedError
    from handrail.web.checkin import views

    def refuse(*args):
        raise RefusedError("no")

    monkeypatch.setattr(views, "packet_of", refuse)
    answer = client.get("/c/plan")
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Your plan cannot be shown now. Call your team." in page and "tel:5550111" in page


def test_a_medicine_of_another_course_is_not_told(world):
    other = world.make_course()
    fact = event("medicine_given", at=MONDAY_0900 + timedelta(hours=2), agent="levofloxacin", purpose="prophylaxis")
    record_event(other.pk, fact, by=world.actor("alice", "oncologist"), now=NOW)
    assert "levofloxacin" not in read(world)
