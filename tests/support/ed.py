"""An emergency department that the plan of the world's patient names."""

from typing import Any

from handrail.actions.ed_packets import choose_destination
from handrail.people.models import CarePlace
from handrail.people.scope import everything
from tests.support.factories import World

MAIL = "ed@county.example.org"
FAX = "555-0198"


def make_place(world: World, **fields: Any) -> CarePlace:
    """Of Alice's organisation; reached by e-mail unless told otherwise."""
    defaults = {"name": "County ED", "number": "555-0199", "email": MAIL, "address": "1 Example Street"}
    with everything():
        return CarePlace.objects.create(organisation=world.alice.organisation, **{**defaults, **fields})


def named(world: World, **fields: Any) -> CarePlace:
    """A department that the plan of the world's patient names."""
    place = make_place(world, **fields)
    choose_destination(world.course.pk, place.pk, by=world.actor("alice"))
    return place
