"""The watch after the end of a course: who was silent before it is still called, until somebody hears from the patient."""

from __future__ import annotations

import pytest

from tests.support.courses import Told, civil


def dosed() -> Told:
    """The first step-up dose on Monday at nine; the first check is due at noon."""
    told = Told()
    told.dose("step_up_1", "2026-03-02 09:00")
    return told


def due(told: Told, at: str) -> str | None:
    """The civil time of the next check."""
    return civil(told.assess(at).watch.next_check_due)


@pytest.mark.parametrize(
    # the course ends at | how            | at                 | pages   (the check of 12:00 was due, and nobody has answered)
    ("ends", "died", "now", "pages"),
    [
        ("2026-03-02 12:00", False, "2026-03-02 16:00", []),  # nobody had been called
        ("2026-03-02 12:59", False, "2026-03-02 16:00", []),
        ("2026-03-02 13:00", False, "2026-03-02 13:00", ["AMBER"]),
        ("2026-03-02 13:00", False, "2026-03-02 14:00", ["RED-3", "AMBER"]),
        ("2026-03-02 15:00", False, "2026-03-02 15:00", ["RED-3", "AMBER"]),
        ("2026-03-02 15:00", None, "2026-03-02 16:00", ["RED-3", "AMBER"]),  # whether the patient died is not known
        ("2026-03-02 15:00", True, "2026-03-02 16:00", []),
        ("2026-03-02 15:00", False, "2026-03-16 09:59", ["RED-3", "AMBER"]),
        ("2026-03-02 15:00", False, "2026-03-16 10:00", []),  # the watch would have been over
    ],
)
def test_the_end_of_a_course_is_no_answer_to_whoever_calls_about_a_silence(ends, died, now, pages):
    told = dosed()
    told.tell("course_ended", ends, because="another treatment", died=died)
    answer = told.assess(now)
    assert [page.ladder for page in answer.pages] == pages
    assert "the course has ended" in answer.watch.because
    assert due(told, now) == ("2026-03-02 12:00" if pages else None)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("checkin_received", {"temperature_c": "36.8"}),
        ("contact_made", {"with": "patient", "reached": True, "outcome": "staying_home"}),
        ("home_status", {"location": "hospital", "site": "Synthetic Hospital"}),
        ("course_ended", {"because": "died", "died": True}),
    ],
)
def test_after_the_end_a_word_from_the_patient_ends_the_calls_and_no_other_check_is_due(kind, fields):
    told = dosed()
    told.tell("course_ended", "2026-03-02 15:00", because="another treatment", died=False)
    told.tell(kind, "2026-03-02 15:30", **fields)
    for now in ("2026-03-02 15:30", "2026-03-03 15:00"):
        assert told.assess(now).pages == () and due(told, now) is None
