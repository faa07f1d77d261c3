"""Limits of a policy that go together, on both sides of where they no longer do."""

from typing import Any

import pytest

from handrail.rules.policy import policy_from_document, shipped_document
from handrail.rules.policy_checks import of_policy
from tests.spec.test_policy_changes import put

PRESSURE = "triage/reading/systolic_mmhg/below"
PULSE = "triage/reading/pulse_per_min/above"


@pytest.mark.parametrize(
    # changed values | the place of what makes no sense
    ("values", "place"),
    [
        ({}, None),
        ({PRESSURE: "31"}, None),
        ({PRESSURE: "30"}, "triage.reading.systolic_mmhg"),
        ({PULSE: "299"}, None),
        ({PULSE: "300"}, "triage.reading.pulse_per_min"),
        ({"plausible/weight_kg/low": "249"}, None),
        ({"plausible/weight_kg/low": "250"}, "plausible.weight_kg"),
        ({"plausible/weight_kg/low": "251"}, "plausible.weight_kg"),
        ({"triage/recheck_c": "38.0"}, None),
        ({"triage/recheck_c": "38.1"}, "triage.recheck_c"),
        ({"triage/anc_ed_below": "1.0"}, None),
        ({"triage/anc_ed_below": "1.1"}, "triage.anc_ed_below"),
        ({"triage/ice_drop_amber": 3, "triage/ice_drop_red": 3}, None),
        ({"triage/ice_drop_amber": 4, "triage/ice_drop_red": 3}, "triage.ice_drop_red"),
    ],
)
def test_limits_that_go_together(values: dict[str, Any], place: str | None):
    document = shipped_document()
    for path, value in values.items():
        put(path, value)(document)
    said = list(of_policy(policy_from_document(document, "0" * 64)))
    assert [f"(at {place})" in each for each in said] == ([] if place is None else [True]), said
