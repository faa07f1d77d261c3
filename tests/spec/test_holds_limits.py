"""The latest word decides, and a word at the same minute does not reassure: what withholds the next dose, on its limits."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.rules.doses import given_doses
from handrail.rules.episodes import episodes
from handrail.rules.holds import Hold, clearance, holds
from handrail.rules.policy import load_policy
from handrail.rules.protocol import load
from tests.support.courses import Told, civil, instant, well

TAL = "talquetamab/US/2023-08/mono"
MORNING, LATER = "2026-03-02 08:00", "2026-03-02 08:01"


def withheld(told: Told) -> list[tuple[str, str]]:
    """Each reason to withhold: its action and what it is about."""
    history, policy = told.history(), load_policy()
    found: tuple[Hold, ...] = holds(history, episodes(history, given_doses(history), policy), policy, load(told.key))
    return [(hold.action.value, hold.what) for hold in found]


def count(code: str, value: str, unit: str = "10*9/L") -> tuple[str, dict[str, Any]]:
    return "lab_resulted", {"code": code, "value": value, "unit": unit}


def skin(grade: int | None, active: bool = True) -> tuple[str, dict[str, Any]]:
    return "condition_noted", {"what": "skin reaction", "grade": grade, "active": active}


def warm(temperature: str) -> tuple[str, dict[str, Any]]:
    return "vitals_measured", {"temperature_c": temperature}


HELD, LIFTED = ("hold_started", {"because": "surgery"}), ("hold_ended", {"because": "healed"})


@pytest.mark.parametrize(
    # first | then | what is withheld, and why
    ("first", "then", "found"),
    [
        (count("anc", "0.4"), count("anc", "1.2"), []),
        (count("anc", "1.2"), count("anc", "0.4"), [("ask", "anc")]),
        (count("platelets", "24"), count("platelets", "25"), []),
        (count("platelets", "25000", "/uL"), count("platelets", "24000", "/uL"), [("ask", "platelets")]),
        (count("platelets", "24", "10*3/uL"), count("platelets", "25", "10*3/uL"), []),
        (count("hemoglobin", "79", "g/L"), count("hemoglobin", "8.0", "g/dL"), []),
        (skin(3), skin(2), []),
        (skin(2), skin(3), [("ask", "skin_reaction")]),
        (skin(3), skin(3, active=False), []),
        (skin(3, active=False), skin(3), [("ask", "skin_reaction")]),
        (skin(None), skin(1), []),
        (warm("38.4"), warm("36.7"), []),
        (warm("36.7"), warm("38.4"), [("hold", "fever")]),
        (warm("38.0"), warm("37.9"), []),
        (warm("37.9"), warm("38.0"), [("hold", "fever")]),
        (HELD, LIFTED, []),
        (LIFTED, HELD, [("hold", "clinician")]),
    ],
)
def test_the_latest_word_decides(first: tuple[str, dict], then: tuple[str, dict], found: list[tuple[str, str]]):
    told = Told(TAL)
    told.tell(first[0], MORNING, **first[1])
    told.tell(then[0], LATER, **then[1])
    assert withheld(told) == found


@pytest.mark.parametrize("low", [count("anc", "0.4"), count("platelets", "24"), count("hemoglobin", "7.9", "g/dL")])
def test_a_low_count_withholds_by_itself_and_asks_for_nothing_beside_it(low: tuple[str, dict[str, Any]]):
    told = Told(TAL)
    told.tell(low[0], "2026-03-02 08:00", **low[1])
    history, policy = told.history(), load_policy()
    (found,) = holds(history, episodes(history, (), policy), policy, load(TAL))
    assert "not known" not in found.because


def test_a_hold_that_is_lifted_at_its_own_minute_is_lifted():
    told = Told(TAL)
    told.tell(HELD[0], MORNING, **HELD[1])
    told.tell(LIFTED[0], MORNING, **LIFTED[1])
    assert withheld(told) == []


# --- what must be known ---------------------------------------------------------------------------------------------


def missing(told: Told, at: str) -> list[tuple[str, str]]:
    history, policy = told.history(), load_policy()
    doses = given_doses(history)
    said = clearance(history, doses, episodes(history, doses, policy), policy, instant(at))
    return [(item.missing, item.why_it_matters) for item in said.missing]


def test_before_the_first_dose_the_temperature_and_an_infection_are_asked_for_in_that_order():
    assert missing(Told(TAL), LATER) == [
        ("temperature_c", "a dose needs: temperature of today, recorded within 24 h before"),
        ("infection", "a dose needs: no active infection, recorded within 24 h before"),
    ]


def test_what_is_known_for_the_dose_grows_old_a_day_after_it_was_recorded():
    told = Told(TAL)
    told.tell("vitals_measured", "2026-03-02 07:10", temperature_c="36.7")
    told.tell("condition_noted", "2026-03-02 07:20", what="infection", active=False)
    history, policy = told.history(), load_policy()
    found = clearance(history, (), episodes(history, (), policy), policy, instant("2026-03-02 08:00"))
    assert found.missing == ()
    assert [civil(at) for at in found.changes_at] == ["2026-03-03 07:10", "2026-03-03 07:20"]


@pytest.mark.parametrize(
    # fever | "no infection" said at | infection must be asked again
    ("fever", "said", "again"),
    [
        ("38.0", "2026-03-02 07:59", True),
        ("38.0", "2026-03-02 08:00", True),
        ("38.0", "2026-03-02 08:01", False),
        ("37.9", "2026-03-02 08:00", False),
        ("37.9", "2026-03-02 07:59", False),
    ],
)
def test_no_infection_said_before_or_with_the_fever_does_not_speak_for_after_it(fever: str, said: str, again: bool):
    told = Told(TAL)
    told.tell("vitals_measured", MORNING, temperature_c=fever)
    told.tell("condition_noted", said, what="infection", active=False)
    told.tell("vitals_measured", "2026-03-02 12:00", temperature_c="36.7")
    assert ("infection" in dict(missing(told, "2026-03-02 13:00"))) is again


@pytest.mark.parametrize(("at", "known"), [("2026-03-03 07:59", True), ("2026-03-03 08:00", False)])
def test_what_was_known_at_eight_is_old_at_eight_the_next_day(at: str, known: bool):
    told = Told(TAL)
    well(told, MORNING)
    told.dose("step_up_1", "2026-03-02 09:00")
    assert (missing(told, at) == []) is known
