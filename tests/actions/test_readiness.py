"""What the readiness gate gathers, and how often."""

import pytest

from handrail.actions import readiness
from tests.support.factories import World
from tests.support.gate_world import gated, ready_course

pytestmark = pytest.mark.django_db


def test_the_setting_of_a_dose_is_gathered_once_for_all_lines_that_ask_for_it(monkeypatch):
    course = ready_course(World())
    gathered = []
    whole = readiness.around_of
    monkeypatch.setattr(readiness, "around_of", lambda *args: gathered.append(args) or whole(*args))
    found = gated(course)
    assert {"consent", "caregiver"} <= {line.row.id for line in found.gate.lines}
    assert len(gathered) == 1
    gated(course)
    assert len(gathered) == 2, "another look at the gate gathers anew"
