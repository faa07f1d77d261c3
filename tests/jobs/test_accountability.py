"""`handrail accountability check`: the holes of the next two weeks, and an exit status that a script can act on."""

from datetime import timedelta

import pytest

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.agreements import end
from handrail.jobs.accountability import main
from handrail.rules.terms import UnusableInput
from tests.support.agreements import agreed_between
from tests.support.factories import MONDAY_0900, World

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=2)


@pytest.fixture
def world():
    with clock.use(clock.FrozenClock(NOW)):
        yield World()


def test_the_command_prints_the_holes_and_says_so_with_its_status(world, capsys):
    _ = world.course  # made, and shared with Bob's house
    assert main(["check"]) == 1
    names = f"{world.alice.organisation.name} and {world.bob.organisation.name}"
    assert (
        f"{names}: no agreement is in force: Mon 2 Mar 2026 11:00 CST to Mon 16 Mar 2026 12:00 CDT"
        in capsys.readouterr().out
    )
    row = agreed_between(world.alice, world.bob)
    assert main(["check", world.alice.organisation.name]) == 0
    assert capsys.readouterr().out == "0 holes in the next 14 days\n"
    end(row.pk, why="over", by=person(world.alice.director))
    assert main(["check", str(world.bob.id)]) == 1
    assert main(["check", str(world.charlie.id)]) == 0


def test_the_command_knows_no_such_organisation():
    with pytest.raises(UnusableInput):
        main(["check", "Nowhere"])
