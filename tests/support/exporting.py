"""A system that takes the courses tied to it out by Bulk Data, and the watcher that writes them."""

import json

from django.test import Client

from handrail.jobs.watcher import Watcher
from handrail.people.scope import everything
from tests.support.clients import registered, tied, token_of

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
