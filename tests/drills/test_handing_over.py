"""A small drill of hand-offs with lost messages, absent receivers and holidays; `make drills` runs a thousand. Figures come with their seed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.drills import handing_over
from tests.drills.handing_over import hand_over, working_after
from tests.support.courses import civil, instant

SEED = 7


@pytest.mark.drill
def test_no_hand_off_waits_in_silence_and_one_party_answers_at_every_hour():
    figures = hand_over(25, SEED)
    print(f"\nseed {SEED}\n{figures}")
    assert figures.good, str(figures)
    assert figures.courses == 25 and figures.lost > 10 and figures.escalated > 3 and figures.hours > 2000, (
        "it did something"
    )


@pytest.mark.drill
def test_the_same_seed_is_the_same_drill():
    assert str(hand_over(2, SEED)) == str(hand_over(2, SEED))


@pytest.mark.drill
def test_a_rule_that_pages_late_is_found(monkeypatch):
    """The judge counts its own clocks: rules that look an hour too late, or not at all, are seen."""
    real = handing_over.assess

    def late(protocol, policy, history, now, **more):
        found = real(protocol, policy, history, now, **more)
        return replace(found, look_again_at=found.look_again_at and found.look_again_at + timedelta(hours=1))

    monkeypatch.setattr(handing_over, "assess", late)
    figures = hand_over(6, SEED)
    assert figures.silent and not figures.good and "A PROMISE WAS BROKEN" in str(figures)


@pytest.mark.drill
def test_a_party_that_answers_without_having_accepted_is_found(monkeypatch):
    monkeypatch.setattr(handing_over, "responsible_at", lambda moves, at: handing_over.CLINIC)
    figures = hand_over(2, SEED)
    assert figures.not_one and not figures.good


@pytest.mark.parametrize(
    ("at", "hours", "wanted"),
    [
        ("2026-03-11 09:00", 4, "2026-03-11 13:00"),
        ("2026-03-11 16:00", 4, "2026-03-12 11:00"),
        ("2026-03-13 16:00", 18, "2026-03-17 16:00"),
        ("2026-03-14 12:00", 1, "2026-03-16 09:00"),
        ("2026-03-06 16:00", 2, "2026-03-09 09:00"),  # over the night on which the clock goes forward
    ],
)
def test_the_judge_counts_working_hours_as_a_person_does(at, hours, wanted):
    assert civil(working_after(instant(at), hours)) == wanted
