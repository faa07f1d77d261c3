"""The fever night to its end: real pages over HTTP, a real watcher, a real mail server, one hurried clock."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from handrail.jobs.demo import fever, main
from handrail.jobs.demo.children import any_port
from handrail.jobs.demo.night import night_before
from handrail.rules.coursefile import read_course
from handrail.rules.terms import UnusableInput
from handrail.rules.validity import judge
from tests.support.factories import MONDAY_0900

FACTOR = 600


# --- what it refuses, and when it begins ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--factor", "0"], "factor"),
        (["--factor", "nan"], "factor"),
        (["--factor", "1e9"], "factor"),
        (["--start", "half past"], "time of day"),
        (["--start", "02:01"], "between"),
        (["--start", "11:00"], "between"),
        (["--start", "20:16", "--factor", "60"], "evening check"),
    ],
)
def test_a_night_that_cannot_be_is_refused_before_anything_is_made(tmp_path, words, why):
    with pytest.raises(UnusableInput, match=why):
        main(["fever", "--dir", str(tmp_path / "f"), *words])
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(
    ("now", "morning"),
    [
        (MONDAY_0900, date(2026, 3, 2)),
        (datetime(2026, 3, 8, 15, tzinfo=UTC), date(2026, 3, 7)),  # 02:14 does not exist on the 8th
        (datetime(2026, 11, 1, 15, tzinfo=UTC), date(2026, 10, 31)),  # and 01:45 occurs twice on the 1st
    ],
)
def test_no_clock_is_changed_in_the_night(now, morning):
    assert night_before(now) == morning


@pytest.mark.parametrize(
    ("start", "factor", "took", "lead"),
    [
        ("01:45", 600, 1.0, 6.0),  # a quiet machine
        ("01:45", 600, 5.0, 15.0),  # a busy one
        ("01:45", 600, 60.0, 33.0),  # never before the evening check: 5.5 h of the night in 33 s
        ("20:25", 60, 8.0, 10.0),
    ],
)
def test_a_machine_that_was_slow_so_far_gets_a_longer_lead(start, factor, took, lead):
    assert fever.lead(factor, start, took) == lead


# --- the whole story --------------------------------------------------------------------------------------------------


class Story:
    """What one night left behind."""

    def __init__(self, directory: Path, said: str) -> None:
        self.said = said
        self.text = (directory / "fever-night.json").read_bytes()
        self.file: dict[str, Any] = json.loads(self.text)
        self.mails = [
            message_from_bytes(path.read_bytes(), policy=default) for path in sorted((directory / "mail").glob("*.eml"))
        ]
        self.secrets = json.loads((directory / "demo.json").read_text())

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.file["events"] if event["kind"] == kind]

    def fever(self) -> dict[str, Any]:
        return next(event for event in self.events("checkin_received") if event["temperature_c"] == "38.4")

    def answer(self, at: datetime) -> dict[str, Any]:
        found = judge(read_course(self.text), at).answer.to_json()
        assert isinstance(found, dict)
        return found


def instant(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["at"])


@pytest.fixture(scope="module")
def story(tmp_path_factory) -> Story:
    directory = tmp_path_factory.mktemp("fever") / "night"
    words = ["demo", "fever", "--dir", str(directory), "--port", str(any_port()), "--factor", str(FACTOR), "--leave"]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("HANDRAIL_")}
    done = subprocess.run(
        [sys.executable, "-m", "handrail.cli", *words],
        env=variables, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return Story(directory, done.stdout)


whole_night = [pytest.mark.slow, pytest.mark.drill]


class TestTheWholeNight:
    """One night is lived through; these tests read what it left."""

    pytestmark = whole_night

    def test_the_fever_came_from_the_patient_through_the_check_in(self, story):
        fever = story.fever()
        assert fever["source"] == "patient" and fever["by"]["role"] == "patient"
        assert (fever["temperature_as_typed"], fever["unit_as_typed"]) == ("101.1", "F")
        assert fever["symptoms"] == ["shaking_chills"]
        # A second of a busy machine is ten minutes of this night; the next thing in it happens at 03:04.
        assert re.search(r"02:[1-5]\d  the patient reports 38\.4 °C", story.said)
        assert "The clinician on call is being called." in story.said

    def test_nobody_answers_twice_and_the_second_on_call_does(self, story):
        """The ladder: first on call, first on call again, second on call; five minutes between, at the pace of the clock."""
        answered = story.events("page_acknowledged")
        assert len(answered) == 2, "the fever, and later that the department has opened the page"
        sent = [page for page in story.events("page_sent") if page["channel"] == "email"]
        before = [page for page in sent if instant(page) < instant(answered[0])]
        assert [page["to_role"] for page in before][:3] == ["first_on_call", "first_on_call", "second_on_call"]
        assert len({page["alert"] for page in before} | {answered[0]["alert"]}) == 1
        for number, page in enumerate(before[:3]):
            # Each waits its five minutes from the report on, however late the mail before it went out.
            assert instant(page) - instant(story.fever()) >= timedelta(minutes=5 * number)
        for former, page in pairwise(before[:3]):
            # Two and a half seconds of a busy machine are 25 minutes of this night.
            assert timedelta(0) < instant(page) - instant(former) <= timedelta(minutes=30)

    def test_nobody_was_paged_before_the_fever_nor_after_i_have_it(self, story):
        assert [page for page in story.events("page_sent") if instant(page) < instant(story.fever())] == []
        acknowledged = story.events("page_acknowledged")[0]
        after = [p for p in story.events("page_sent") if instant(p) > instant(acknowledged)]
        assert [page for page in after if page["alert"] == acknowledged["alert"]] == []

    def test_every_page_arrived_as_a_mail_that_says_nothing_about_the_patient(self, story):
        recipients = [str(mail["To"]) for mail in story.mails[:3]]
        assert recipients == ["on-call@hub.example", "on-call@hub.example", "on-call-2@hub.example"]
        sent = [page for page in story.events("page_sent") if page["channel"] == "email"]
        assert len(story.mails) == len(sent) + 1, "every page, and the packet"
        for mail in story.mails:
            words = f"{mail['Subject']} {mail.get_content()}"
            for private in ("38.4", "101.1", "fever", "Patient 14", "CRS", story.secrets["course"]):
                assert private.lower() not in words.lower()

    def test_the_department_has_a_mail_opens_the_page_and_the_record_says_when(self, story):
        (mail,) = [mail for mail in story.mails if str(mail["To"]) == "ed@hub.example"]
        assert str(mail["Subject"]) == "Handrail: CALL NOW, site hub"
        (call,) = [each for each in story.events("contact_made") if each.get("outcome") == "sent_to_ed"]
        sent, opened, scanned = story.events("ed_packet_noted")
        # On a machine that is slow for seconds the ladder may end first; then the packet leaves by itself.
        assert (sent["what"], sent["channel"]) == ("sent", "email") and sent["because"] in ("sent_to_ed", "nobody")
        assert (opened["what"], opened["packet"]) == ("opened", sent["packet"])
        assert (scanned["what"], scanned.get("packet")) == ("opened", None), "by the code on the card, not by the mail"
        assert instant(story.fever()) < instant(sent) < instant(opened) < instant(scanned)
        assert instant(call) < instant(opened)
        assert any(page["key"] == "shell:emergency_opened" for page in story.events("page_sent")), "on call sees it"
        called = [each for each in story.events("contact_made") if each["with"] == "ed"]
        assert [instant(each) > instant(scanned) for each in called] == [True]

    def test_the_story_and_its_replay_say_what_the_department_did(self, story):
        lived, told = story.said.split("handrail replay", 1)
        for words in ("the emergency department has mail", "the code that on call reads out", "triage scans the card"):
            assert words in lived
        assert told.count("packet for the emergency department: the emergency page was opened") == 2

    def test_somebody_looked_graded_and_treated(self, story):
        (grade,) = [event for event in story.events("crs_assessed") if instant(event) > instant(story.fever())][:1]
        assert grade["tmax_c"] == "38.4" and grade["episode_open"] is True
        assert {"contact_made", "ice_assessed", "icans_assessed", "vitals_measured"} <= {
            event["kind"] for event in story.file["events"] if instant(event) > instant(story.fever())
        }
        assert [event["agent"] for event in story.events("medicine_given")] == ["acetaminophen"]
        answer = story.answer(instant(story.events("medicine_given")[0]) + timedelta(minutes=1))
        assert answer["toxicity"]["crs"]["grade"] == 1

    def test_the_next_dose_was_on_hold_until_the_crs_was_resolved(self, story):
        fever, over = instant(story.fever()), instant(story.events("toxicity_resolved")[0])
        assert story.answer(fever - timedelta(minutes=1))["next_dose"]["action"] == "wait"
        for at in (fever, fever + timedelta(hours=1), over - timedelta(minutes=1)):
            assert story.answer(at)["next_dose"]["action"] == "hold"
        end = story.answer(over + timedelta(minutes=5))["next_dose"]
        assert (end["action"], end["step"]) == ("wait", "step_up_2")

    def test_the_course_file_holds_no_identity_and_no_secret(self, story):
        words = story.text.decode()
        assert story.file["synthetic"] is True and story.file["format"] == "handrail-course/1"
        for secret in (story.secrets["checkin_token"], story.secrets["password"], "Caregiver", "SYN-", "555-0"):
            assert secret not in words

    def test_the_replay_tells_the_night(self, story):
        told = story.said.split("handrail replay", 1)[1]
        assert "38.4 °C" in told and "acetaminophen" in told and "page acknowledged" in told
        assert "The replay failed" not in story.said
