"""Rows whose status or source was once stronger than what was read: each is what the reference says, and no better."""

from __future__ import annotations

from decimal import Decimal

import pytest

from handrail.rules.protocol import load
from handrail.rules.schedule import premedication_findings
from handrail.rules.terms import Status
from tests.support.courses import ELRA, TEC, TEC_COMBO, TEC_OLD

ELRA_OLD = "elranatamab/US/2023-08"


@pytest.mark.parametrize("key", [TEC, TEC_OLD, TEC_COMBO])
def test_no_dose_reductions_was_read_in_a_summary_only(key: str):
    """The row that says so rests on the training content, whatever else it says."""
    product = load(key).product
    assert "no dose reductions" in product.words
    assert (product.status, "S02" in product.source) == (Status.SECONDARY, True)


@pytest.mark.parametrize("key", [ELRA, ELRA_OLD])
def test_every_two_weeks_was_read_where_the_schedule_is_read(key: str):
    row = load(key).row("TD-Q2W-WINDOW")
    assert row.source == ("S20",)


@pytest.mark.parametrize(
    # minutes before the dose | what the finding says
    ("key", "minutes", "says"),
    [
        (ELRA, 60, None),
        (ELRA, 90, "this label asks for about 60 min"),
        (TEC, 60, None),
        (TEC, 59, "the label's window is 60 to 180 min"),
        (TEC, 180, None),
        (TEC, 181, "the label's window is 60 to 180 min"),
    ],
)
def test_a_lead_of_one_number_is_not_called_a_window(key: str, minutes: int, says: str | None):
    dose = Decimal(20) if key == ELRA else Decimal(16)
    found = premedication_findings(
        load(key), step="step_up_1", agent="dexamethasone", dose_mg=dose, minutes_before=minutes
    )
    assert len(found) == (1 if says else 0)
    assert all(str(says) in finding.what for finding in found)
