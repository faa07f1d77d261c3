"""Every exported label is R4 as two independent validators understand it, and each of them is shown to find what it should."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handrail.fhir.plan_definition import bundle_of
from handrail.rules.protocol import catalogue
from tests.fhir.validators.judge import HERE, Judge

KINDS = {"Bundle", "PlanDefinition", "ActivityDefinition", "Library"}


def exported() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each Bundle, and each resource in it by itself."""
    for protocol in catalogue():
        bundle = bundle_of(protocol)
        yield f"{protocol.key} Bundle", bundle
        for number, entry in enumerate(bundle["entry"]):
            yield f"{protocol.key} {entry['resource']['resourceType']} {number}", entry["resource"]


@pytest.mark.slow
def test_every_exported_resource_is_r4(judge: Judge):
    found = judge(exported())
    assert {name: errors for name, errors in found.items() if errors} == {}
    assert {name.split()[1] for name in found} == KINDS
    assert len({name.split()[0] for name in found}) == len(catalogue())


def spoilt(kind: str, change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    bundle = copy.deepcopy(bundle_of(catalogue()[0]))
    resource: dict[str, Any] = next(
        entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind
    )
    change(resource)
    return resource


SPOILT = {
    "no status": spoilt("PlanDefinition", lambda plan: plan.pop("status")),
    "a status that R4 does not know": spoilt("PlanDefinition", lambda plan: plan.update(status="signed")),
    "an unknown property": spoilt("PlanDefinition", lambda plan: plan.update(colour="blue")),
    "one where a list belongs": spoilt("PlanDefinition", lambda plan: plan.update(action={"title": "x"})),
    "a date that is none": spoilt("PlanDefinition", lambda plan: plan.update(date="2026-02-31T")),
    "a kind that R4 does not know": spoilt("ActivityDefinition", lambda each: each.update(kind="Potion")),
    "no type of library": spoilt("Library", lambda each: each.pop("type")),
}


@pytest.mark.slow
def test_each_planted_fault_is_found(judge: Judge):
    found = judge(SPOILT.items())
    assert [name for name, errors in found.items() if not errors] == []
    assert set(found) == set(SPOILT)


def test_the_lock_pins_versions_by_hash_and_names_no_host():
    text = (HERE / "package-lock.json").read_text()
    lock = json.loads(text)
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert all(each["integrity"].startswith("sha512-") for each in packages.values() if not each.get("inBundle"))
    assert "resolved" not in text and "://" not in text


def test_node_is_named_among_the_packages_of_the_system():
    listed = (Path(__file__).resolve().parents[2] / "tools" / "system.txt").read_text()
    assert {"nodejs=node", "npm=npm"} <= set(listed.split())
