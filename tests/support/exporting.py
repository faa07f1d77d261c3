"""A system that takes the courses tied to it out by Bulk Data, and the watcher that writes them."""

import json
from uuid import uuid4

from django.test import Client

from handrail import clock
from handrail.fhir.bulk import OWN
from handrail.jobs import exports
from handrail.jobs.watcher import Watcher
from handrail.people.scope import everything
from handrail.records.models import ExportFile, ExportJob, Look
from tests.support.clients import registered, tied, token_of
from tests.support.factories import World
from tests.support.packets import NOW, told

EXPORT = "system/Export.r"
ASYNC = {"Prefer": "respond-async"}


class Taker:
    """A client with the scope, a token, and some courses tied to it."""

    def __init__(self, world, *courses, who="alice"):
        self.client = registered(world, who=who, scopes=[EXPORT])
        self.ties = [tied(world, self.client, f"N-{course.pk}", course) for course in courses]
        self.token = token_of(self.client, EXPORT)

    def ask(self, path="$export", *, method="get", token=None, **headers):
        """Ask the door; `path` may be an address that it gave."""
        shown = {"Authorization": f"Bearer {token or self.token}", **headers}
        where = path.partition("/fhir/")[2] or path
        return getattr(Client(enforce_csrf_checks=True), method)(f"/fhir/{where}", headers=shown)

    def begin(self, query=""):
        """Ask for an export; returns the address at which it is watched."""
        answer = self.ask(f"$export{query}", **ASYNC)
        assert answer.status_code == 202, answer.content
        return answer["Content-Location"]

    def manifest(self, place):
        answer = self.ask(place)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def files(self, place):
        """The lines of every file, by type."""
        manifest, found = self.manifest(place), {}
        own = [{"type": each["what"], **each} for each in manifest["extension"]["files"]]
        for row in [*manifest["output"], *manifest["error"], *own]:
            lines = self.ask(row["url"]).content.decode().splitlines()
            assert len(lines) == row["count"]
            found.setdefault(row["type"], []).extend(lines)
        return found


def tied_world():
    """Two courses that are tied to a system, and a third that is not."""
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        told(world)
        world.second, world.other = world.make_course(), world.make_course()
        world.taker = Taker(world, world.course, world.second)
        world.tied = sorted([str(world.course.pk), str(world.second.pk)])
        return world


def write_all(watcher=None, *, most=100):
    """Let a watcher write until no export is due; returns how many steps that were."""
    watcher = watcher or Watcher()
    with everything():
        for number in range(most):
            if not watcher._export_one():
                return number
    raise AssertionError("an export without end")


def parsed(lines):
    return [json.loads(line) for line in lines]


def looks():
    """The looks that an export wrote down: course, way, system."""
    with everything():
        rows = Look.objects.filter(what="fhir_export").order_by("course_id", "id")
        return [(str(row.course_id), row.through, row.client_id) for row in rows]


def job_at(place):
    """The export behind the address at which it is watched."""
    with everything():
        return ExportJob.objects.get(pk=place.rpartition("/")[2])


def held():
    """How many files the database holds."""
    with everything():
        return ExportFile.objects.count()


def of_command(world, folder):
    """The lines that `handrail export ndjson` writes of the courses that are tied, by file."""
    words = ["ndjson", str(folder), "--organisation", str(world.alice.id), "--by", world.alice.director.email]
    assert exports.main(words) == 0
    out = {"courses": str(world.other.pk), "patient": str(world.other.patient_id)}
    found = {}
    for each in folder.glob("*.ndjson"):
        lines = each.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not any(name in line for name in out.values())]
        found[OWN.get(each.name, each.stem)] = sorted(kept)
    return {name: lines for name, lines in found.items() if lines}


def gone(world, answer):
    """Whether it is answered as an export that never was."""
    never = world.taker.ask(f"export/{uuid4()}")
    assert never.status_code == 404
    return (answer.status_code, answer.content) == (404, never.content)
