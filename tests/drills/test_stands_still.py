"""A process stands still in the middle of a transaction: nobody else waits for it, and what it held is paged all the same."""

import time

import pytest

from tests.support.installation import wait_until

pytestmark = pytest.mark.drill
PATIENCE = 10
"""Seconds: the server ends such a transaction after three; the rest is for a busy machine. Before, it was kept for ever."""


def hold(place, course: str, mark) -> None:
    place.start("stands_still", course, str(mark), module="tests.support.story")
    wait_until(mark.exists, "somebody holds the course and stands still")


def test_a_report_of_the_patient_whom_it_holds_is_taken_and_paged(prepared, mail, tmp_path):
    with prepared.installation("postgres", tmp_path, "quiet", mail=mail) as place:
        watcher = place.start("watch")
        beats = f"SELECT 1 FROM alerts_heartbeat WHERE watcher LIKE '%:{watcher.pid}:%'"
        wait_until(lambda: place.rows(beats), "somebody watches")
        (course,) = place.told["courses"]
        hold(place, course, tmp_path / "held")
        since, mark = time.monotonic(), tmp_path / "committed"
        place.start("send_fever", course, place.told["link"], str(mark), module="tests.support.story")
        wait_until(mark.exists, "the report is committed", seconds=PATIENCE)
        assert time.monotonic() - since > 1, "it waited for whoever stood still"
        (taken,) = mail.wait_for(1, seconds=5)
        assert taken.to == ("first_on_call@example.org",)
        assert "Traceback" not in place.log().partition("idle-in-transaction")[0]


def test_the_others_are_paged_meanwhile_and_the_held_one_as_soon_as_it_is_free(prepared, mail, tmp_path):
    with prepared.installation("postgres", tmp_path, "overdue", "20", mail=mail) as place:
        held = place.told["courses"][0]
        hold(place, held, tmp_path / "held")
        place.start("watch")
        wait_until(lambda: len(place.open_alerts()) >= 38, "the other nineteen are looked at", seconds=PATIENCE)
        wait_until(lambda: len(place.open_alerts()) == 40 and place.settled(), "every one is paged", seconds=PATIENCE)
