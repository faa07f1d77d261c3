"""The forms of a course offer the steps, intervals and route of its own label first, and never refuse what was given."""

from __future__ import annotations

import pytest

from handrail.rules.protocol import load
from handrail.web.forms import Field
from handrail.web.product_forms import of_product
from handrail.web.record_forms import FORMS


def field(form: str, name: str, key: str) -> Field:
    return next(item for item in of_product(FORMS[form], load(key)).fields if item.name == name)


@pytest.mark.parametrize(
    ("key", "first", "schedule", "route"),
    [
        ("glofitamab/US/2023-06", "Pretreatment", "Every 3 weeks", "intravenous"),
        ("tarlatamab/US/2025-11", "Step-up dose 1", "Every 2 weeks", "intravenous"),
        ("elranatamab/US/2025-07", "Step-up dose 1", "Weekly", "subcutaneous"),
    ],
)
def test_a_labels_own_words_come_first(key: str, first: str, schedule: str, route: str) -> None:
    steps = field("dose", "step", key).choices
    own = {row.step for row in load(key).step}
    assert {name for name, _ in steps[: len(own)]} == own
    assert steps[0][1] == first
    assert field("dose", "schedule", key).choices[0][1] == schedule
    assert field("schedule", "schedule", key).choices[0][1] == schedule
    assert field("dose", "route", key).start == route


@pytest.mark.parametrize("form", ["dose", "plan", "not-given"])
def test_every_step_that_could_be_recorded_still_can(form: str) -> None:
    before = next(item for item in FORMS[form].fields if item.name == "step").choices
    after = field(form, "step", "tarlatamab/US/2025-11").choices
    assert set(before) <= set(after) and len(after) == len(set(after))


def test_other_fields_are_left_alone() -> None:
    assert of_product(FORMS["weight"], load("elranatamab/US/2025-07")) == FORMS["weight"]
