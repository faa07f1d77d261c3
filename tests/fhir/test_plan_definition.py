"""A label revision as FHIR: an independent reader takes it, every row is there once, and what is not verified names no dose."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from pydantic import ValidationError

from handrail.fhir.plan_definition import bundle_of
from handrail.rules.grid import LAST_DAY, runs
from handrail.rules.protocol import TABLES, Protocol, catalogue
from handrail.rules.protocol_export import export_of
from handrail.rules.protocol_rows import GapRow
from handrail.rules.terms import Status

pytestmark = pytest.mark.slow

PROTOCOLS = [pytest.param(protocol, id=protocol.key) for protocol in catalogue()]
STATUS = "urn:handrail:extension:row-status"
ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def resources(protocol: Protocol, kind: str) -> list[dict[str, Any]]:
    entries = [entry["resource"] for entry in bundle_of(protocol)["entry"]]
    return [resource for resource in entries if resource["resourceType"] == kind]


def actions(protocol: Protocol) -> dict[str, dict[str, Any]]:
    """The actions of rows by the row they carry; a row that stands twice fails."""
    (plan,) = resources(protocol, "PlanDefinition")
    found: dict[str, dict[str, Any]] = {}
    for action in (action for group in plan["action"] for action in group["action"]):
        assert action["prefix"] not in found, action["prefix"]
        found[action["prefix"]] = action
    return found


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_independent_reader_takes_it(protocol: Protocol):
    Bundle.model_validate_json(json.dumps(bundle_of(protocol)))


@pytest.mark.parametrize(
    ("place", "value"),
    [("status", None), ("type", "clinical-protocol"), ("action", {"title": "not a list"}), ("colour", "blue")],
)
def test_the_independent_reader_refuses_a_spoilt_one(place: str, value: Any):
    bundle = bundle_of(catalogue()[0])
    plan = bundle["entry"][0]["resource"]
    plan[place] = value
    if value is None:
        del plan[place]
    with pytest.raises(ValidationError, match=place):
        Bundle.model_validate_json(json.dumps(bundle))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_row_is_one_action_with_its_status_and_sources(protocol: Protocol):
    rows = {row.id: row for table in TABLES for row in getattr(protocol, table)}
    found = actions(protocol)
    assert set(found) == set(rows)
    for name, action in found.items():
        row = rows[name]
        assert {"url": STATUS, "valueCode": row.status.value} in action["extension"], name
        assert [source["label"] for source in action["documentation"]] == list(row.source), name
        assert row.words in action["textEquivalent"], name
        assert ("permits nothing" in action["textEquivalent"]) == (not row.acts), name


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_permits_nothing_names_no_activity_and_no_amount(protocol: Protocol):
    rows = {row.id: row for row in protocol.rows()}
    found = actions(protocol)
    seen = 0
    for name, action in found.items():
        row = rows[name]
        if not row.acts or (isinstance(row, GapRow) and not row.action.gives):
            seen += 1
            assert "definitionCanonical" not in action, name
            assert not row.acts or action["code"] == [{"text": row.action.value}]
    assert seen > 3
    for activity in resources(protocol, "ActivityDefinition"):
        (row,) = [row for row in protocol.rows() if activity["url"].endswith(f":{row.id}")]
        assert row.acts or "doseAndRate" not in activity["dosage"][0], row.id


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_reference_leads_to_something(protocol: Protocol):
    entries = bundle_of(protocol)["entry"]
    known = {f"{entry['resource']['url']}|{entry['resource']['version']}" for entry in entries}
    names = [entry["resource"]["id"] for entry in entries]
    assert all(ID.fullmatch(name) for name in names), names
    assert len({entry["fullUrl"] for entry in entries}) == len(entries) == len(known)
    (plan,) = resources(protocol, "PlanDefinition")
    ids = [element["id"] for element in walked(plan["action"]) if "id" in element]
    assert len(ids) == len(set(ids))
    used = 0
    for element in walked(plan):
        for canonical in [*element.get("library", []), *filter(None, [element.get("definitionCanonical")])]:
            assert canonical in known
            used += 1
        for related in element.get("relatedAction", []):
            assert related["actionId"] in ids
            used += 1
    assert used


def walked(value: Any) -> Iterator[dict[str, Any]]:
    """Every object below."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walked(part)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_conditions_say_what_the_grid_says(protocol: Protocol):
    """The FHIRPath of the plan, evaluated for every day after every step, names one row: the one the rules answer with."""
    (plan,) = resources(protocol, "PlanDefinition")
    (group,) = [group for group in plan["action"] if group["id"] == "table-gap"]
    rules = [(action["prefix"], condition(action)) for action in group["action"]]
    for run in runs(protocol):
        for day in {run.from_day, (run.from_day + run.to_day) // 2, run.to_day, min(run.to_day, LAST_DAY)}:
            where = {"day": day, "last": run.last_dose, "schedule": run.schedule}
            named = [name for name, rule in rules if eval(rule, {}, where)]
            assert named == [run.row], (run.schedule, run.last_dose, day)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_row_that_gives_leads_to_the_dose_of_its_step(protocol: Protocol):
    """Whatever the last dose and the schedule, the plan names the activity of the step that the rules answer with."""
    found = actions(protocol)
    checked = 0
    for run in runs(protocol):
        action = found[run.row]
        where = {"day": run.from_day, "last": run.last_dose, "schedule": run.schedule}
        parts = [action, *(part for part in action.get("action", []) if eval(condition(part), {}, where))]
        named = [part["definitionCanonical"].split("|")[0] for part in parts if "definitionCanonical" in part]
        gives = run.action in ("give", "continue", "repeat", "restart")
        step = protocol.step_row(run.step, run.schedule) if gives else None
        wanted = [f":{step.id}"] if step is not None and step.acts else []
        assert [name[name.rindex(":") :] for name in named] == wanted, (run.schedule, run.last_dose, run.row)
        checked += bool(wanted)
    assert checked or not any(row.acts and row.action.gives for row in protocol.gap)


def condition(action: dict[str, Any]) -> str:
    """The FHIRPath of an action as Python: it uses variables, `=`, `>=`, `<=`, `and`, `or` and brackets only."""
    (only,) = action["condition"]
    assert only["expression"]["language"] == "text/fhirpath"
    text = re.sub(r"(?<![<>])=", "==", only["expression"]["expression"])
    for name, here in (("%daysSinceLastDose", "day"), ("%lastStep", "last"), ("%schedule", "schedule")):
        text = text.replace(name, here)
    return text


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_library_carries_the_whole_document(protocol: Protocol):
    (library,) = resources(protocol, "Library")
    (content,) = library["content"]
    assert json.loads(base64.b64decode(content["data"])) == export_of(protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_is_active_before_somebody_signs(protocol: Protocol):
    wanted = "draft" if protocol.product.active else "retired"
    assert {entry["resource"]["status"] for entry in bundle_of(protocol)["entry"]} == {wanted}


def test_a_signed_row_says_who_signed_it_and_names_its_activity():
    protocol = next(p for p in catalogue() if any(row.action.gives for row in p.gap))
    row = next(row for row in protocol.gap if row.action.gives and not row.schedules)
    unread, signed = (
        actions(replace(protocol, gap=(replace(row, status=Status.UNVERIFIED, signed_by=who),)))[row.id]
        for who in (None, "r1")
    )
    assert "definitionCanonical" not in unread and "permits nothing" in unread["textEquivalent"]
    assert unread["code"] == [{"text": "ask"}]
    assert {"url": "urn:handrail:extension:row-signed-by", "valueString": "r1"} in signed["extension"]
    assert "definitionCanonical" in signed and "permits nothing" not in signed["textEquivalent"]
