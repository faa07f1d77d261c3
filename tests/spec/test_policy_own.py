"""Every value that a site may change can be typed back as it is shown, and moved alone."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from handrail.rules.policy import load_policy, shipped_document
from handrail.rules.policy_own import Value, own_policy, values_of
from handrail.rules.strict import ProtocolDataError

VALUES = values_of(shipped_document(), load_policy().caution)
CALLED: dict[str, Any] = {"policy_id": "own", "version": 1, "organisation": "Synthetic Centre", "on": date(2026, 3, 2)}


def test_the_form_sent_back_as_it_was_shown_changes_nothing():
    assert len(VALUES) > 100 and len({value.place for value in VALUES}) == len(VALUES)
    own = own_policy({value.place: value.text for value in VALUES}, **CALLED)
    assert own.changes == () and own.document["departure"] == []


def test_every_number_that_the_policy_gives_a_direction_can_be_changed():
    known = {place for place, direction in load_policy().caution.items() if direction in ("lower", "higher")}
    fields = {value.place for value in VALUES}
    missing = {
        place
        for place in known
        if not any(one.startswith(place.partition(".")[0]) and one.endswith(place.rpartition(".")[2]) for one in fields)
    }
    assert missing <= {"triage.reading.under_baseline_percent"}, "an optional number that no shipped row uses"


NUMBERS = [value for value in VALUES if value.text.replace(".", "", 1).isdigit()]


@pytest.mark.parametrize("value", NUMBERS, ids=lambda value: value.place)
def test_one_moved_number_is_one_change_or_is_refused(value: Value):
    moved = 0
    for step in (Decimal(1), Decimal(-1)):
        try:
            own = own_policy({value.place: str(Decimal(value.text) + step)}, **CALLED)
        except ProtocolDataError:
            continue  # numbers that do not go together
        assert [change.place for change in own.changes] == [value.place]
        moved += 1
    assert moved, "it can be moved one way at least"
