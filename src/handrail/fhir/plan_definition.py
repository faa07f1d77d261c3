"""A label revision as FHIR R4: one transaction Bundle of a PlanDefinition, its ActivityDefinitions and a Library.

Mapping only: nothing is decided here. Every row of every table becomes one action with its id, its sources and its status;
the Library carries the whole revision as `handrail-protocol-export/1`, so that nothing is lost that R4 has no place for.
A row that permits nothing (unverified, unsigned, or `ask`) names no activity and no amount. Everything is `draft` or
`retired`: only an organisation can make a plan active.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from handrail.rules.label_words import reading_order, section_title, span_words, step_list, sure_words, told
from handrail.rules.protocol import TABLES, Protocol
from handrail.rules.protocol_export import NOTICE, export_of
from handrail.rules.protocol_rows import GapRow, MonitoringRow, PremedicationRow, Row, StepRow
from handrail.rules.terms import STEP_WORDS, Action

Resource = dict[str, Any]

UCUM: Final = "http://unitsofmeasure.org"
ROW_STATUS: Final = "urn:handrail:extension:row-status"
ROW_SIGNED_BY: Final = "urn:handrail:extension:row-signed-by"
FHIRPATH: Final = "text/fhirpath"
_ID: Final = re.compile(r"[^A-Za-z0-9.-]+")


def bundle_of(protocol: Protocol) -> Resource:
    """The revision as one R4 Bundle that a server can take in a single request."""
    library = _library(protocol)
    given: tuple[StepRow | PremedicationRow, ...] = (*protocol.step, *protocol.premedication)
    activities = {row.id: _activity(protocol, row) for row in given}
    plan = _plan(protocol, library, activities)
    resources = [plan, library, *activities.values()]
    return {
        "resourceType": "Bundle",
        "id": _id(protocol.key),
        "type": "transaction",
        "entry": [
            {
                "fullUrl": f"urn:uuid:{uuid5(NAMESPACE_URL, resource['url'])}",
                "resource": resource,
                "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"},
            }
            for resource in resources
        ],
    }


def _id(*parts: str) -> str:
    """Letters, digits, `-` and `.`, 64 at the most; a longer one is cut and stays unique by its own number."""
    text = _ID.sub("-", "-".join(parts)).strip("-")
    return text if len(text) <= 64 else f"{text[:27]}-{uuid5(NAMESPACE_URL, text)}"


def _head(protocol: Protocol, kind: str, *parts: str) -> Resource:
    """What every resource of the revision carries."""
    place = ":".join((*protocol.key.split("/"), *parts))
    product = protocol.product
    return {
        "resourceType": kind,
        "id": _id(protocol.key, *parts),
        "url": f"urn:handrail:{kind.lower()}:{place}",
        "version": f"{product.revision}+{protocol.sha256[:12]}",
        "name": re.sub(r"\W+", "_", "_".join((product.brand.capitalize(), *protocol.key.split("/")[1:], *parts))),
        "status": "draft" if product.active else "retired",
        "publisher": "Handrail",
    }


def _canonical(resource: Resource) -> str:
    return f"{resource['url']}|{resource['version']}"


def _library(protocol: Protocol) -> Resource:
    document = json.dumps(export_of(protocol), ensure_ascii=False, sort_keys=True).encode()
    return {
        **_head(protocol, "Library"),
        "title": f"{_title(protocol)}: the complete data",
        "type": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/library-type", "code": "asset-collection"}]
        },
        "description": NOTICE,
        "relatedArtifact": _artifacts(protocol, protocol.sources),
        "content": [
            {
                "contentType": "application/json",
                "data": base64.b64encode(document).decode(),
                "title": "handrail-protocol-export/1",
            }
        ],
    }


def _title(protocol: Protocol) -> str:
    head = protocol.product
    return f"{head.brand} ({head.inn}), {head.jurisdiction}, revision {head.revision}, {head.regimen}"


def _artifacts(protocol: Protocol, keys: Mapping[str, Any] | tuple[str, ...]) -> list[Resource]:
    """The sources as citations."""
    artifacts = []
    for key in keys:
        source = protocol.sources[key]
        dated = ", ".join(part for part in (source.section, source.revision, source.date) if part)
        artifact = {"type": "citation", "label": key, "display": source.document}
        if dated:
            artifact["citation"] = f"{source.document} ({dated})"
        if source.address:
            artifact["url"] = source.address
        artifacts.append(artifact)
    return artifacts


def _status(row: Row) -> list[Resource]:
    found: list[Resource] = [{"url": ROW_STATUS, "valueCode": row.status.value}]
    if row.signed_by is not None:
        found.append({"url": ROW_SIGNED_BY, "valueString": row.signed_by})
    return found


# --- what is given -------------------------------------------------------------------------------------------------


def _activity(protocol: Protocol, row: StepRow | PremedicationRow) -> Resource:
    product = protocol.product
    if isinstance(row, StepRow):
        medicine = row.agent or f"{product.inn} ({product.brand})"
        title, route = STEP_WORDS[row.step], product.route
    else:
        title, medicine, route = row.agent, row.agent, row.route
    dosage: Resource = {"text": sure_words(row, row.words), "route": {"text": route}}
    amount = _amount(row) if row.acts else None
    if amount is not None:
        dosage["doseAndRate"] = [{"doseQuantity": amount}]
    return {
        **_head(protocol, "ActivityDefinition", row.id),
        "extension": _status(row),
        "title": f"{title} ({_title(protocol)})",
        "description": told(row),
        "relatedArtifact": _artifacts(protocol, row.source),
        "kind": "MedicationRequest",
        "intent": "proposal",
        "productCodeableConcept": {"text": medicine},
        "dosage": [dosage],
    }


def _amount(row: StepRow | PremedicationRow) -> Resource | None:
    """A flat amount, or milligrams per kilogram, for which the weight bands decide; None when the row has no number."""
    if isinstance(row, PremedicationRow):
        mg, unit = row.expected_mg, "mg"
    else:
        mg, unit = (row.mg, "mg") if row.mg is not None else (row.mg_per_kg, "mg/kg")
    if mg is None:
        return None
    return {"value": _number(mg), "unit": unit, "system": UCUM, "code": unit}


def _number(value: Any) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


# --- the plan ------------------------------------------------------------------------------------------------------


def _plan(protocol: Protocol, library: Resource, activities: Mapping[str, Resource]) -> Resource:
    return {
        **_head(protocol, "PlanDefinition"),
        "title": _title(protocol),
        "type": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/plan-definition-type", "code": "clinical-protocol"}
            ]
        },
        "subjectCodeableConcept": {
            "coding": [{"system": "http://hl7.org/fhir/resource-types", "code": "Patient"}],
        },
        "description": sure_words(protocol.product, protocol.product.words),
        "usage": f"{NOTICE} {_VARIABLES}",
        "jurisdiction": [_jurisdiction(protocol.product.jurisdiction)],
        "relatedArtifact": _artifacts(protocol, protocol.sources),
        "library": [_canonical(library)],
        "extension": _status(protocol.product),
        "action": list(_groups(protocol, activities)),
    }


_VARIABLES: Final = (
    "The conditions are FHIRPath over three values that the caller provides: %daysSinceLastDose (calendar days at the "
    "giving site, the day of the dose is 0), %lastStep and %schedule. Where no action applies, ask the prescriber."
)


def _jurisdiction(word: str) -> Resource:
    """A country has a code; the European Union has none in ISO 3166, and text says it."""
    if word == "US":
        return {"coding": [{"system": "urn:iso:std:iso:3166", "code": "US"}], "text": "United States of America"}
    return {"text": word}


def _groups(protocol: Protocol, activities: Mapping[str, Resource]) -> Iterator[Resource]:
    """One group of actions a table, one action a row."""
    mapped: dict[str, Callable[[Any], Resource]] = {
        "step": lambda row: _given(row, activities),
        "premedication": lambda row: _premedication(row, protocol, activities),
        "monitoring": lambda row: _monitoring(row, protocol),
        "gap": lambda row: _gap(row, protocol, activities),
    }
    for table in sorted(TABLES, key=reading_order):
        rows: tuple[Row, ...] = getattr(protocol, table)
        if not rows:
            continue
        special = mapped.get(table, _plainly)
        yield {
            "id": f"table-{table}",
            "title": section_title(table),
            "groupingBehavior": "logical-group",
            "action": [_action(protocol, row) | special(row) for row in rows],
        }


def _plainly(row: Row) -> Resource:  # noqa: ARG001 (its words say it all)
    return {}


def _action(protocol: Protocol, row: Row) -> Resource:
    """What the action of any row says."""
    return {
        "id": _action_id(row),
        "extension": _status(row),
        "prefix": row.id,
        "textEquivalent": sure_words(row, told(row)),
        "documentation": _artifacts(protocol, row.source),
    }


def _action_id(row: Row) -> str:
    """The row's own id: an element's id may be any text without a space."""
    return re.sub(r"\s+", "_", row.id)


def _given(row: StepRow, activities: Mapping[str, Resource]) -> Resource:
    title = {"title": f"{STEP_WORDS[row.step]}: {row.words}"}
    return {**title, "definitionCanonical": _canonical(activities[row.id])} if row.acts else title


def _premedication(row: PremedicationRow, protocol: Protocol, activities: Mapping[str, Resource]) -> Resource:
    before = {"low": _quantity(row.lead_min_minutes, "min")}
    if row.lead_max_minutes is not None:
        before["high"] = _quantity(row.lead_max_minutes, "min")
    out: Resource = {
        "title": f"{row.agent}, before {step_list(row.steps)}",
        "relatedAction": [
            {"actionId": _action_id(step), "relationship": "before-start", "offsetRange": before}
            for step in protocol.step
            if step.step in row.steps
        ],
    }
    if not out["relatedAction"] or not row.acts:
        del out["relatedAction"]
    return {**out, "definitionCanonical": _canonical(activities[row.id])} if row.acts else out


def _monitoring(row: MonitoringRow, protocol: Protocol) -> Resource:
    out: Resource = {"title": f"after {STEP_WORDS[row.step]}: {row.setting.replace('_', ' ')}"}
    if row.acts and row.hours is not None:
        out["timingDuration"] = _quantity(row.hours, "h")
        out["relatedAction"] = [
            {"actionId": _action_id(step), "relationship": "after-end"}
            for step in protocol.step
            if step.step == row.step
        ]
    return out


def _gap(row: GapRow, protocol: Protocol, activities: Mapping[str, Resource]) -> Resource:
    """A row of the delay table: its condition, and the activity that it lets go ahead."""
    acts = row.acts and row.action is not Action.ASK
    out: Resource = {
        "title": f"{span_words(row)} after {step_list(row.last)}: {row.action.value if acts else Action.ASK.value}",
        "code": [{"text": row.action.value if acts else Action.ASK.value}],
        "condition": [_applies(_condition(row))],
    }
    if acts and row.action.gives:
        out |= _activities_of(row, protocol, activities)
    return out


def _activities_of(row: GapRow, protocol: Protocol, activities: Mapping[str, Resource]) -> Resource:
    """The activity of the step that the row names; where that depends on the last dose or the schedule, one action each."""
    named: dict[str, list[str]] = {}
    for schedule in row.schedules or protocol.schedules:
        for last in row.last:
            here = next((each for each in protocol.gap_rows(last, schedule) if each.id == row.id), None)
            if here is None or here.step is None:
                continue
            step = protocol.step_row(here.step, schedule)
            place = f"(%lastStep = '{last}' and %schedule = '{schedule}')" if step.acts else ""
            named.setdefault(step.id, []).append(place)
    if len(named) == 1:
        (only,) = named
        return {"definitionCanonical": _canonical(activities[only])} if named[only][0] else {}
    several = [
        {
            "title": activities[step]["title"],
            "condition": [_applies(" or ".join(places))],
            "definitionCanonical": _canonical(activities[step]),
        }
        for step, places in named.items()
        if places[0]
    ]
    return {"action": several} if several else {}


def _applies(expression: str) -> Resource:
    return {"kind": "applicability", "expression": {"language": FHIRPATH, "expression": expression}}


def _condition(row: GapRow) -> str:
    parts = [f"%daysSinceLastDose >= {row.from_day}"]
    if row.to_day is not None:
        parts.append(f"%daysSinceLastDose <= {row.to_day}")
    for name, words in (("%lastStep", row.last), ("%schedule", row.schedules)):
        if words:
            parts.append("(" + " or ".join(f"{name} = '{word}'" for word in words) + ")")
    return " and ".join(parts)


def _quantity(value: int, unit: str) -> Resource:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}
