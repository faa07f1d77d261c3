"""What is read, what is kept and not used, and what stays "not known"."""

from decimal import Decimal

import pytest

from handrail.fhir.reading import NEWER_UNUSED, RIVAL_WEIGHTS, Listing
from handrail.fhir.record import Identity
from handrail.fhir.summary import summary_table
from tests.support.bundles import LOINC, UCUM, bundle, condition, observation, patient, read, weight

SNOMED = "http://snomed.info/sct"


def quantity(**fields):
    return {"valueQuantity": fields}


# --- weight -----------------------------------------------------------------------------------------------------------

WEIGHTS = [
    # what                   | observation                                                            | kg      | problem
    ("kilograms",             weight(68.04),                                                            "68.04",  None),
    ("pounds",                weight(150, "[lb_av]"),                                                   "68.04",  None),
    ("digits as sent",        weight(87.11777028563424),                                                "87.11777028563424", None),
    ("a bound",               weight(0, **quantity(value=60, comparator=">", system=UCUM, code="kg")),  None,     "bound"),
    ("unit lb",               weight(150, "lb"),                                                        None,     "unit"),
    ("unit g",                weight(68000, "g"),                                                       None,     "unit"),
    ("no unit",               weight(0, **quantity(value=68)),                                          None,     "unit"),
    ("code and text differ",  weight(0, **quantity(value=68, unit="[lb_av]", system=UCUM, code="kg")),  None,     "unit"),
    ("another unit system",   weight(0, **quantity(value=68, unit="kg", system="urn:x", code="kg")),    None,     "unit"),
    ("no value",              weight(0, **quantity(unit="kg", system=UCUM, code="kg")),                 None,     "no number"),
    ("a text",                weight("68"),                                                             None,     "no number"),
    ("true",                  weight(True),                                                             None,     "no number"),
    ("no date",               weight(68, at=None),                                                      None,     "day is not known"),
    ("a month",               weight(68, at="2026-02"),                                                 None,     "day is not known"),
    ("a naive time",          weight(68, at="2026-02-01T10:00:00"),                                     None,     "day is not known"),
    ("a day that is none",    weight(68, at="2026-02-30"),                                              None,     "day is not known"),
    ("issued only",           weight(68, at=None, issued="2026-02-01T10:00:00Z"),                       None,     "day is not known"),
    ("7 kg",                  weight(7),                                                                None,     "believable"),
    ("1500 lb",               weight(1500, "[lb_av]"),                                                  None,     "believable"),
    ("about nobody",          {k: v for k, v in weight(68).items() if k != "subject"},                  None,     "about the patient"),
    ("about a relative",      weight(68, focus=[{"reference": "RelatedPerson/r"}]),                     None,     "about the patient"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "sent", "kg", "problem"), WEIGHTS, ids=[row[0] for row in WEIGHTS])
def test_a_weight_is_used_or_says_why_it_is_not(what, sent, kg, problem):
    found = read(sent)
    if kg is not None:
        assert found.weight is not None and (found.weight.value, found.weight.unit) == (Decimal(kg), "kg")
        assert found.unused == () and "weight" not in found.not_known
    else:
        assert found.weight is None and "weight" in found.not_known
        assert problem in found.unused[0].problem


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "registered", "unknown", None])
def test_a_weight_that_does_not_count_says_nothing(status):
    found = read(weight(68, status=status))
    assert (found.weights_kg, found.unused) == ((), ())


def test_the_weight_of_somebody_else_is_left_out_and_counted():
    found = read(weight(68, subject={"reference": "Patient/other"}))
    assert (found.weights_kg, found.unused) == ((), ())
    assert "1 resources about somebody else were left out" in found.notes


def test_the_newest_weight_is_used_in_whatever_order_it_comes():
    old, new = weight(90, at="2020-01-01"), weight(68, at="2026-02-01T10:00:00+02:00")
    for sent in ((old, new), (new, old)):
        found = read(*sent)
        assert found.weight is not None and found.weight.effective == "2026-02-01T10:00:00+02:00"


def test_a_newer_weight_that_cannot_be_used_is_said():
    found = read(weight(90, at="2020-01-01"), weight(150, "lb", at="2026-02-01"))
    assert found.weight is not None and found.weight.value == 90
    assert NEWER_UNUSED in found.notes


def test_two_weights_of_one_day_are_compared_and_the_lower_one_is_used():
    found = read(weight(90, at="2026-02-01"), weight(68, at="2026-02-01"))
    assert found.weight is not None and found.weight.value == 68
    assert RIVAL_WEIGHTS in found.notes


def test_nanoseconds_and_a_plain_date_are_times():
    found = read(weight(68, at="2026-02-01T10:00:00.123456789Z"), weight(70, at="2025-02-01"))
    assert [item.when and item.when.precision for item in found.weights_kg] == ["day", "instant"]


# --- laboratory values -------------------------------------------------------------------------------------------------


def test_a_laboratory_value_is_kept_as_sent_with_its_range():
    sent = observation("2160-0", 1.1, "mg/dL", referenceRange=[{"low": {"value": 0.6}, "high": {"value": 1.2}}])
    (found,) = read(sent).labs
    assert (found.fact, found.value, found.unit) == ("creatinine", Decimal("1.1"), "mg/dL")
    assert (found.low, found.high) == (Decimal("0.6"), Decimal("1.2"))


def test_a_value_a_thousand_times_too_high_is_not_believed():
    """3,000 cells a microlitre, sent with the unit of thousands."""
    found = read(observation("751-8", 3000, "10*3/uL"))
    assert found.labs == () and "believable" in found.unused[0].problem


def test_a_code_that_is_not_understood_is_counted_and_never_guessed():
    found = read(observation("2339-0", 90, "mg/dL"), observation("2339-0", 91, "mg/dL"))
    assert found.labs == ()
    assert [(what.code, times) for what, times in found.not_understood] == [("2339-0", 2)]


def test_two_codes_of_different_facts_mean_none_of_them():
    both = {"coding": [{"system": LOINC, "code": "29463-7"}, {"system": LOINC, "code": "751-8"}]}
    assert read({**weight(68), "code": both}).weight is None


def test_the_code_of_another_system_is_another_code():
    assert read({**weight(68), "code": {"coding": [{"system": "urn:local", "code": "29463-7"}]}}).weight is None


# --- lists: listed, none known, never sent, unreadable -----------------------------------------------------------------


def allergy(**fields):
    return {"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/p1"}, **fields}


NO_KNOWN_ALLERGY = allergy(code={"coding": [{"system": SNOMED, "code": "716186003"}]})


@pytest.mark.parametrize(
    ("what", "sent", "state"),
    [
        ("never sent", [], Listing.NOT_STATED),
        ("no known allergies", [NO_KNOWN_ALLERGY], Listing.NONE_KNOWN),
        ("one", [allergy(code={"text": "eggs"})], Listing.LISTED),
        ("one and none", [NO_KNOWN_ALLERGY, allergy(code={"text": "eggs"})], Listing.LISTED),
        ("without a name", [allergy()], Listing.UNREADABLE),
        (
            "refuted",
            [allergy(code={"text": "eggs"}, verificationStatus={"coding": [{"code": "refuted"}]})],
            Listing.NOT_STATED,
        ),
    ],
)
def test_no_known_allergies_is_not_the_same_as_never_sent(what, sent, state):
    found = read(*sent)
    assert found.allergies_state is state
    assert ("allergies" in found.not_known) is (state in (Listing.NOT_STATED, Listing.UNREADABLE))


def test_a_condition_keeps_what_was_said_about_it():
    found = read(
        condition(),
        condition("Pneumonia", "resolved"),
        condition("Wrong", verificationStatus={"coding": [{"code": "entered-in-error"}]}),
    )
    assert [(item.what.display, item.clinical_status) for item in found.conditions] == [
        ("Multiple myeloma", "active"),
        ("Pneumonia", "resolved"),
    ]


def test_an_empty_record_knows_nothing():
    found = read()
    assert set(found.not_known) == {"language", "weight", "conditions", "allergies", "medicines", "laboratory values"}


@pytest.mark.parametrize(
    "fields",
    [
        {"link": [{"relation": "next", "url": "https://example.org/2"}]},
        {"entry": [*bundle()["entry"], {"resource": {"resourceType": "OperationOutcome"}}]},
    ],
)
def test_a_record_of_which_more_exists_says_so(fields):
    found = read(**fields)
    assert found.incomplete and any("incomplete" in note for note in found.notes)


# --- who ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "birth_date", "year"),
    [("1957-03-04", "1957-03-04", 1957), ("1957-03", "1957-03", 1957), ("1957", "1957", 1957), ("4.3.57", None, None)],
)
def test_a_birth_date_is_as_exact_as_it_was_sent(sent, birth_date, year):
    from handrail.fhir.bundle import Entry
    from handrail.fhir.person import read_identity

    found, unreadable = read_identity(Entry(url="", kind="Patient", resource=patient(birthDate=sent)))
    assert (found.birth_date, found.birth_year) == (birth_date, year)
    assert unreadable == ([] if birth_date else ["birth date"])
    assert isinstance(found, Identity)


def test_the_table_shows_no_identity_unless_asked():
    body = patient(
        name=[{"family": "Verysecret", "given": ["Ann"]}], identifier=[{"system": "urn:x", "value": "77-88"}]
    )
    found = read(entry=[{"resource": body}, {"resource": weight(68)}])
    plain = str(summary_table(found))
    assert "Verysecret" not in plain and "77-88" not in plain and "1950-04-05" not in plain and "1950" in plain
    told = dict(summary_table(found, identity=True))
    assert told["name"] == "Ann Verysecret" and told["birth date"] == "1950-04-05"


def test_a_text_cannot_command_a_terminal():
    found = read(condition("\x1b]0;owned\x07Myeloma\u202e"))
    assert found.conditions[0].what.display == "]0;owned Myeloma"
