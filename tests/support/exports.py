"""What `handrail export` writes of a world in which a course has something of everything, and the looks that it writes down."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from handrail import clock
from handrail.jobs.exports import main
from handrail.people.scope import everything
from handrail.records.models import Look
from tests.support.factories import World
from tests.support.packets import NOW, told


def told_world() -> World:
    """A world whose course has something in every part that can be told."""
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        told(world)
        return world


def director(world: World) -> str:
    """By whose address an export is taken."""
    return str(world.alice.director.email)


def lines(path: Path) -> list[Any]:
    """The lines of a file, read."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def exported(world: World, folder: Path, **more: str) -> Any:
    """The manifest of an export of everything that Alice's organisation owns, unless told otherwise."""
    words = {"organisation": str(world.alice.id), "by": director(world)} | more
    assert main(["ndjson", str(folder), "--organisation", words["organisation"], "--by", words["by"]]) == 0
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def looks(what: str) -> list[tuple[UUID, int]]:
    """The looks of that kind: course and person."""
    with everything():
        return [(row.course_id, row.user_id) for row in Look.objects.filter(what=what).order_by("course_id")]
