"""The board and the lists: who needs me now?"""

from datetime import timedelta

import pytest
from django.urls import reverse

from handrail import clock
from handrail.actions import recording
from handrail.actions.facts import receive_checkin, record_event
from handrail.actions.upkeep import reassess
from handrail.alerts import heartbeat
from handrail.alerts.models import Heartbeat
from handrail.people.scope import everything
from handrail.rules.terms import UnusableInput
from tests.support.factories import MONDAY_0900, World, checkin, dose

pytestmark = pytest.mark.django_db
GIVEN = MONDAY_0900 + timedelta(hours=1)
NOW = GIVEN + timedelta(hours=26)
BACKGROUND = {"HTTP_X_HANDRAIL_BACKGROUND": "1"}


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        record_event(world.course.pk, dose("step_up_1", mg="4.8", at=GIVEN), by=world.actor("alice"), now=GIVEN)
        yield world


@pytest.fixture
def nurse(client, world):
    client.force_login(world.alice.nurse)
    return client


def section(text: str, name: str) -> str:
    return text.split(f'id="{name}"')[1].split("</section>", maxsplit=1)[0]


def board(client, **headers) -> str:
    answer = client.get("/", **headers)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_quiet_board_says_so(nurse):
    assert "Nobody is waiting for an answer" in section(board(nurse), "b-now")


def test_a_fever_stands_first_with_its_words_and_the_button(nurse, world):
    fever = checkin(at=NOW, temperature_c="38.4")
    receive_checkin(world.course.pk, fever, by=world.actor("alice"), now=NOW)
    first = section(board(nurse), "b-now")
    for words in ("Call now", "Synthia Example", "fever in the window", "26 h", "after step-up dose 1", "I have it"):
        assert words in first
    assert "101.1 °F (38.4 °C)" in section(board(nurse), "b-window")


def test_silence_is_on_the_board(nurse, world):
    with everything():
        reassess(world.course.pk, now=NOW)
    assert "nothing heard for" in section(board(nurse), "b-overdue")
    assert "overdue" in section(board(nurse), "b-window")


def test_doses_of_the_next_three_days_with_the_answer_now(nurse, world):
    with everything():
        reassess(world.course.pk, now=NOW)
    text = section(board(nurse), "b-doses")
    assert "Synthia Example" in text
    assert "Wait" in text
    with clock.use(clock.FrozenClock(NOW + timedelta(hours=1))):
        assert "give by" not in text


def test_an_answer_that_newer_facts_have_overtaken_is_not_shown(nurse, world, monkeypatch):
    """The rules fail on what was reported last: the answer from before it is no answer now."""
    with everything():
        reassess(world.course.pk, now=NOW)
    assert str(world.course.pk) in section(board(nurse), "b-doses")

    def gone(*args, **kwargs):
        raise UnusableInput("unknown_protocol", "There is no such protocol.", "protocol_key")

    with monkeypatch.context() as patch:
        patch.setattr(recording, "protocol_for", gone)
        fever = checkin(at=NOW, temperature_c="38.4")
        receive_checkin(world.course.pk, fever, by=world.actor("alice"), now=NOW)
    text = board(nurse)
    assert str(world.course.pk) not in section(text, "b-doses")
    assert "Handrail could not judge this course" in section(text, "b-now")
    assert str(world.course.pk) in section(text, "b-window")
    assert "Not assessed" in nurse.get("/courses/").content.decode()


def test_nobody_watching_is_said_on_every_page(nurse):
    warning = "Nobody is watching"
    Heartbeat.objects.all().delete()
    assert warning in board(nurse)
    heartbeat.beat("watcher", NOW)
    assert warning not in board(nurse)
    with clock.use(clock.FrozenClock(NOW + timedelta(minutes=10))):
        assert warning in board(nurse)
        assert warning in nurse.get("/pages/").content.decode()


def test_a_call_is_offered_to_who_may_write_it_down_and_to_nobody_else(client, world):
    """A director reads of the silence too; the form would answer that the role does not allow it."""
    reassess(world.course.pk, now=NOW)
    address = reverse("record", args=[world.course.pk, "call"])
    for who, offered in (("nurse", True), ("on_call", True), ("director", False)):
        client.force_login(getattr(world.alice, who))
        overdue = section(board(client), "b-overdue")
        assert "nothing heard for" in overdue
        assert (address in overdue, client.get(address).status_code) == (offered, 200 if offered else 403)


def test_nothing_new_costs_nothing(nurse, world):
    answer = nurse.get("/", **BACKGROUND)
    assert "<html" not in answer.content.decode()
    again = nurse.get("/", **BACKGROUND, HTTP_IF_NONE_MATCH=answer["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    receive_checkin(world.course.pk, checkin(at=NOW), by=world.actor("alice"), now=NOW + timedelta(seconds=1))
    assert nurse.get("/", **BACKGROUND, HTTP_IF_NONE_MATCH=answer["ETag"]).status_code == 200


def test_more_courses_do_not_cost_more_queries(nurse, world, django_assert_max_num_queries):
    with everything():
        for _ in range(4):
            world.make_course()
    with django_assert_max_num_queries(40):
        board(nurse)


def test_the_search_finds_names_drugs_and_codes(nurse, world):
    def found(words: str) -> bool:
        return str(world.course.pk) in nurse.post("/courses/", {"q": words}).content.decode()

    assert found("synthia")
    assert found("TECLI")
    assert found(str(world.course.pk)[:8])
    assert not found("nobody of this name")
    form = nurse.get("/courses/").content.decode().split('role="search"')[0].rsplit("<form", 1)[1]
    assert 'method="post"' in form  # a name never stands in an address
    assert str(world.course.pk) in nurse.get("/courses/", {"q": "nobody of this name"}).content.decode()


def test_the_rota_names_everybody_on_it(nurse, world):
    assert world.alice.on_call.name in nurse.get("/rota/").content.decode()
    assert world.bob.on_call.name not in nurse.get("/rota/").content.decode()


def test_the_label_data_says_what_is_unverified(nurse):
    text = nurse.get("/protocols/").content.decode()
    assert "teclistamab/US/2026-03/mono" in text
    assert "unverified" in text


def test_the_fever_night_is_offered_only_where_it_can_run(nurse, settings, tmp_path):
    assert "Run the fever night" not in board(nurse)
    settings.HANDRAIL_DEMO_DIR = str(tmp_path)
    assert "Run the fever night" in board(nurse)
    assert nurse.post(reverse("demo_fever")).status_code == 302
    assert (tmp_path / "play-fever").exists()
    (tmp_path / "fever-address").write_text("http://127.0.0.1:8001/\n")
    assert "http://127.0.0.1:8001/" in board(nurse)
