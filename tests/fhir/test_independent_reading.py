"""The shipped records, read a second time by fhir.resources: both readings agree."""

import json
from decimal import Decimal

import pytest
from fhir.resources.R4B.bundle import Bundle

from handrail.fhir.reading import read_bundle
from tests.support.bundles import LOINC, SHIPPED, shipped

POUND = Decimal("0.45359237")
EXPECTED = {
    # record                 | resources | weight kg           | on          | labs | conditions | not known
    "clint_champlin":         (293,       "87.11777028563424",  "2020-10-19", 38,    4, ()),
    "darin_skiles":           (168,       "88.39778880781195",  "2020-08-23", 6,     9, ("allergies",)),
    "cancer-patient-jenny-m": (59,        "68.04",              "2018-04-22", 0,     4, ("allergies", "laboratory values")),
}  # fmt: skip


def independent(name):
    """The resources as another library understands them. It validates; what it calls invalid would stop the test."""
    body = json.loads(shipped(name), parse_float=Decimal)
    return [entry.resource for entry in Bundle.model_validate(body).entry]


def of(resources, kind):
    return [item for item in resources if item.__class__.__name__ == kind]


def in_kg(quantity):
    return quantity.value * (POUND if quantity.code == "[lb_av]" else 1)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_records_say_what_they_always_said(name):
    found = read_bundle(shipped(name))
    count, kg, on, labs, conditions, not_known = EXPECTED[name]
    assert found.weight is not None and found.weight.when is not None
    assert (sum(found.resources.values()), found.weight.value, found.weight.when.day) == (count, Decimal(kg), on)
    assert (len(found.labs), len(found.conditions), found.not_known) == (labs, conditions, not_known)


@pytest.mark.parametrize("name", SHIPPED)
def test_an_independent_reading_agrees(name):
    found, resources = read_bundle(shipped(name)), independent(name)
    assert sum(found.resources.values()) == len(resources)
    assert len(found.conditions) == len(of(resources, "Condition"))
    assert len(found.allergies) == len(of(resources, "AllergyIntolerance"))

    weights = [
        item for item in of(resources, "Observation")
        if any(code.system == LOINC and code.code == "29463-7" for code in item.code.coding)
    ]  # fmt: skip
    ours = sorted(item.value for item in found.weights_kg if item.value is not None)
    theirs = sorted(in_kg(item.valueQuantity) for item in weights)
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert abs(mine - other) < Decimal("0.01")
    (who,) = of(resources, "Patient")
    assert found.identity.birth_date == who.birthDate.isoformat()
    assert found.identity.gender == who.gender
