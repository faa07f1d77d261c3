"""Every payload version ever written keeps loading: one frozen sample per kind and version.

A sample is never edited. A field that is added to a kind comes with a new sample beside the old one
(`<kind>.<version>.<what>.json`); a new version of a kind comes with one of its own.
"""

import json
from dataclasses import fields
from pathlib import Path
from uuid import UUID

import pytest

from handrail.records import wire
from handrail.records.models import Course, Event
from handrail.rules.coursefile import event_from_json, event_to_json
from handrail.rules.events import KINDS
from handrail.rules.history import same_content

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.json"))


def load(sample: Path) -> dict:
    return json.loads(sample.read_text(encoding="utf-8"))


def test_every_kind_has_its_sample():
    assert {load(sample)["kind"] for sample in SAMPLES} == set(KINDS)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_sample_loads_and_comes_back_as_it_was(sample):
    wire_form = load(sample)
    assert event_to_json(event_from_json(wire_form, zone="UTC")) == wire_form


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_sample_survives_the_table(sample):
    fact = event_from_json(load(sample), zone="UTC")
    row = wire.to_row(fact, Course(id=UUID(int=1), organisation_id=UUID(int=2)))
    row.payload = json.loads(json.dumps(row.payload))  # as the database keeps it
    assert same_content(wire.to_fact(row), fact)


def test_every_field_of_every_kind_stands_in_a_sample():
    seen: dict[str, set[str]] = {}
    for sample in SAMPLES:
        body = load(sample)
        seen.setdefault(body["kind"], set()).update(body)
    lacking = {
        f"{kind}.{field.name}"
        for kind, cls in KINDS.items()
        for field in fields(cls)
        if field.name.rstrip("_") not in seen[kind] and field.name != "implausible"
    }
    assert lacking == set()


@pytest.mark.django_db
def test_a_payload_holds_the_fields_of_its_kind_and_nothing_of_the_envelope():
    envelope = {"id", "kind", "version", "at", "recorded_at", "zone", "by", "source", "site", "supersedes"}
    for sample in SAMPLES:
        row = wire.to_row(event_from_json(load(sample), zone="UTC"), Course(organisation_id=UUID(int=2)))
        own = {field.name.rstrip("_") for field in fields(KINDS[row.kind])}
        assert not (set(row.payload) & (envelope - own)), row.kind
    assert {field.name for field in Event._meta.local_fields} >= {"occurred_at", "recorded_at", "zone", "site", "by"}
