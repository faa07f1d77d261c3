"""A document of another system: what is offered of it, what stays in it and why, and what nobody guesses."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from handrail.fhir import foreign, origin
from handrail.fhir.foreign import read_foreign
from handrail.fhir.record import FhirReadError
from handrail.rules.foreign import DOSE, LABORATORY, MEDICINE, NOTE, VITALS, WEIGHT, ForeignDocument, Offer
from tests.support.bundles import LOINC, UCUM, bundle, condition, observation, patient, weight
from tests.support.foreign import administration, allergy, cover, stamp

NOW = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
ZONE = "America/Chicago"


def read_bytes(data: bytes, *, now: datetime = NOW, product: str | None = "teclistamab") -> ForeignDocument:
    return read_foreign(data, course_id="c1", zone=ZONE, now=now, product=product)


def read(*resources: dict[str, Any], **fields: Any) -> ForeignDocument:
    return read_bytes(json.dumps(bundle(*resources, **fields)).encode())


def one(*resources: dict[str, Any]) -> Offer:
    (found,) = read(*resources).offers
    return found


def said(offer: Offer, *names: str) -> tuple[Any, ...]:
    return tuple(offer.event.get(name) for name in names)


def panel(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {**observation("85354-9", 0, "x", stamp(), component=parts), "valueQuantity": None}


def part(code: str, value: Any, unit: str = "mm[Hg]", **fields: Any) -> dict[str, Any]:
    quantity = {"value": value, "unit": unit, "system": UCUM, "code": unit}
    return {"code": {"coding": [{"system": LOINC, "code": code}]}, "valueQuantity": quantity, **fields}


# --- vital signs ------------------------------------------------------------------------------------------------------

SIGNS = [
    # what it is                       | sent                                             | in the event
    ("Celsius keeps its digits",         observation("8310-5", 36.5, "Cel", stamp()),       {"temperature_c": "36.5"}),
    ("Fahrenheit becomes one decimal",   observation("8310-5", 101.2, "[degF]", stamp()),   {"temperature_c": "38.4", "x_temperature_c_as_sent": "101.2 [degF]"}),
    ("a pulse",                          observation("8867-4", 88, "/min", stamp()),        {"pulse_per_min": 88}),
    ("breaths",                          observation("9279-1", 18, "/min", stamp()),        {"breaths_per_min": 18}),
    ("saturation by either code",        observation("59408-5", 94, "%", stamp()),          {"spo2_percent": 94}),
    ("a panel",  panel([part("8480-6", 118), part("8462-4", 76)]), {"systolic_mmhg": 118, "diastolic_mmhg": 76}),
    ("the good half of a panel", panel([part("8480-6", 118), part("8462-4", 76, "kPa")]), {"systolic_mmhg": 118}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "sent", "body"), SIGNS, ids=[row[0] for row in SIGNS])
def test_a_vital_sign_becomes_an_event(what: str, sent, body):
    found = read(sent).offers[0]
    assert (found.group, found.event["kind"], found.event["source"]) == (VITALS, "vitals_measured", "import"), what
    assert {
        name: value for name, value in found.event.items() if name in {*body, "systolic_mmhg", "diastolic_mmhg"}
    } == body


UNUSED = [
    # what it is              | sent                                                        | why it stays
    ("another unit",            observation("8310-5", 36.5, "K", stamp()),                    "its unit is not understood"),
    ("no unit",                 observation("8310-5", 36.5, "", stamp()),                     "its unit is not understood"),
    ("a fraction",              observation("8480-6", 118.4, "mm[Hg]", stamp()),              "it is not a whole number, and the record keeps whole ones"),
    ("a bound",                 observation("8867-4", 0, "x", stamp(), valueQuantity={"value": 60, "comparator": "<", "code": "/min", "system": UCUM}), "it is a bound, not a value"),
    ("no number",               observation("8867-4", "88", "/min", stamp()),                 "it has no number"),
    ("no day",                  observation("8867-4", 88, "/min", None),                      "its day is not known"),
    ("a month alone",           observation("8867-4", 88, "/min", "2026-02"),                 "its day is not known"),
    ("nobody named",            observation("8867-4", 88, "/min", stamp(), subject=None),     "it is not said to be about the patient"),
    ("a weight in stones",      weight(11, "[stone_av]", at=stamp()),                         "its unit is not understood"),
    ("an unknown code",         observation("12345-6", 1, "mg", stamp()),                     "this code is not known here"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "sent", "why"), UNUSED, ids=[row[0] for row in UNUSED])
def test_what_cannot_be_used_stays_with_its_reason(what: str, sent, why: str):
    found = read(sent)
    assert (found.offers, [kept.why for kept in found.kept]) == ((), [why]), what


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "registered"])
def test_a_status_that_does_not_count_says_nothing(status: str):
    found = read(observation("8867-4", 88, "/min", stamp(), status=status), weight(70, at=stamp(), status=status))
    assert (found.offers, found.kept) == ((), ())


@pytest.mark.parametrize(
    "sent",
    [observation("8867-4", 88, "/min", stamp(), status="preliminary"), weight(70, at=stamp(), status="preliminary")],
)
def test_a_preliminary_value_is_shown_as_such_and_is_in_doubt(sent):
    found = one(sent)
    assert (found.event["x_status"], found.doubt) == ("preliminary", "it is preliminary")


def test_an_older_value_is_in_doubt_when_a_newer_one_cannot_be_used():
    found = read(weight(70, at="2026-02-01T10:00:00Z"), weight(150, "lb", at="2026-02-20"))
    assert [offer.doubt for offer in found.offers] == ["a newer value in the document cannot be used"]


@pytest.mark.parametrize(
    ("code", "at", "doubt"),
    [
        ("8310-5", "2026-02-20", "a newer value in the document cannot be used"),
        ("8310-5", "2026-01-20", ""),
        ("8867-4", "2026-02-20", ""),
    ],
)
def test_a_vital_sign_is_in_doubt_when_a_newer_one_of_the_same_cannot_be_used(code: str, at: str, doubt: str):
    found = one(observation("8310-5", 36.8, "Cel", "2026-02-01T10:00:00Z"), observation(code, 39.5, "degrees", at))
    assert found.doubt == doubt


def test_a_date_never_becomes_midnight_utc_and_digits_stay():
    data = json.dumps(bundle(weight(0, at="2026-02-01"))).replace('"value": 0', '"value": 71.40').encode()
    (found,) = read_bytes(data).offers
    assert said(found, "at", "x_date_only", "weight_kg") == ("2026-02-01T18:00:00+00:00", True, "71.40")


def test_pounds_show_what_was_sent():
    found = one(weight(150, "[lb_av]", at=stamp()))
    assert said(found, "weight_kg", "x_as_sent") == ("68.04", "150 [lb_av]")


# --- medicines and doses ----------------------------------------------------------------------------------------------

GIVEN = [
    # words                                | product       | group
    ("Tecvayli (teclistamab-cqyv)",          "teclistamab",  DOSE),
    ("TECLISTAMAB 10 mg/mL",                 "teclistamab",  DOSE),
    ("Tecvayli",                             None,           DOSE),
    ("Talvey",                               "teclistamab",  MEDICINE),
    ("Tecvayli and Talvey",                  "teclistamab",  MEDICINE),
    ("dexamethasone",                        "teclistamab",  MEDICINE),
]  # fmt: skip


@pytest.mark.parametrize(("words", "product", "group"), GIVEN)
def test_a_dose_of_the_drug_is_known_by_name_or_brand(words: str, product: str | None, group: str):
    data = json.dumps(bundle(administration(words, 4.3))).encode()
    (found,) = read_bytes(data, product=product).offers
    assert (found.group, found.event["dose_mg"], "step" in found.event) == (group, "4.3", False)


def test_the_step_of_a_foreign_dose_is_never_guessed_from_words():
    found = one(administration("Tecvayli", 4.3, dosage={"text": "step-up dose 1, 4.3 mg"}))
    assert "step" not in found.event and found.event["x_dosage"] == "step-up dose 1, 4.3 mg"


@pytest.mark.parametrize("status", ["not-done", "stopped", "on-hold", "unknown", "in-progress", None])
def test_only_what_was_completed_was_given(status: str | None):
    found = read(administration("Tecvayli", 4.3, status=status))
    assert (found.offers, [kept.why for kept in found.kept]) == ((), [foreign.NOT_GIVEN])
    assert [each.words for each in found.medicines] == ["Tecvayli"]  # it is still looked at for harm


@pytest.mark.parametrize(
    ("what", "dose", "mg", "sent"),
    [
        ("milligrams", {"value": 4.5, "unit": "mg", "system": UCUM, "code": "mg"}, "4.5", None),
        ("grams are not converted", {"value": 1, "unit": "g", "system": UCUM, "code": "g"}, None, "1 g"),
        (
            "at most is no amount",
            {"value": 5, "comparator": "<", "unit": "mg", "system": UCUM, "code": "mg"},
            None,
            "5 mg",
        ),
        ("tablets", {"value": 2, "unit": "tablet"}, None, "2 tablet"),
        ("nothing", None, None, None),
    ],
)
def test_an_amount_counts_in_milligrams_alone(what: str, dose, mg: str | None, sent: str | None):
    found = one(administration("aciclovir", 0, dosage={"dose": dose}))
    assert said(found, "dose_mg", "x_as_sent") == (mg, sent), what


def test_a_medicine_may_be_contained_or_elsewhere_and_brings_its_lot():
    held = {"resourceType": "Medication", "id": "m", "code": {"text": "Tecvayli"}, "batch": {"lotNumber": "L7"}}
    inside = administration(
        "",
        4,
        medicationReference={"reference": "#m"},
        contained=[held],
        effectivePeriod={"start": stamp(), "end": "2026-03-01T15:30:00Z"},
    )
    del inside["medicationCodeableConcept"], inside["effectiveDateTime"]
    assert said(one(inside), "lot", "ended_at") == ("L7", "2026-03-01T15:30:00+00:00")
    outside = {**inside, "medicationReference": {"reference": "Medication/m"}, "contained": []}
    found = read(outside, held)
    assert said(found.offers[0], "kind", "lot") == ("dose_given", "L7")


def test_an_order_and_a_statement_are_notes_and_never_something_given():
    order = {
        "resourceType": "MedicationRequest",
        "status": "active",
        "medicationCodeableConcept": {"text": "Tecvayli"},
        "subject": {"reference": "Patient/p1"},
        "authoredOn": stamp(),
        "dosageInstruction": [{"text": "weekly"}],
    }
    stated = {**order, "resourceType": "MedicationStatement", "effectiveDateTime": stamp()}
    found = read(order, stated)
    assert [(each.group, each.event["kind"]) for each in found.offers] == [(NOTE, "note_added")] * 2
    assert "ordered, active): Tecvayli; weekly" in str(found.offers[0].event["text"])


def test_nothing_is_offered_that_is_still_to_come():
    found = read(
        weight(70, at="2026-03-05"), administration("Tecvayli", 4, "2026-03-05"), condition(onsetDateTime="2026-05-01")
    )
    assert (found.offers, {kept.why for kept in found.kept}) == ((), {foreign.NO_DAY})


# --- lists ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", [None, {"display": "her mother"}])
@pytest.mark.parametrize("sent", [administration("Tecvayli", 0.06), condition("Fever")])
def test_a_dose_or_condition_that_names_nobody_is_not_offered(sent, subject):
    found = read({**sent, "subject": subject})
    assert found.offers == ()
    assert [kept.why for kept in found.kept] == ["it is not said to be about the patient"]


def test_a_condition_that_is_over_is_never_said_to_be_absent():
    found = read(condition("Gout", "resolved"), condition("Asthma"), condition("Rash", onsetDateTime="2024"))
    assert [said(offer, "what", "active") for offer in found.offers] == [("Asthma", True)]
    assert {kept.display: kept.why for kept in found.kept} == {"Gout": foreign.IS_OVER, "Rash": foreign.NO_DAY}


def test_an_allergy_is_a_note_with_its_words_and_code():
    coded = {"coding": [{"system": "http://snomed.info/sct", "code": "764146007", "display": "Penicillin"}]}
    found = one(allergy(code=coded))
    assert said(found, "kind", "x_code") == ("note_added", "764146007")
    assert found.event["text"] == "Allergy or intolerance in the document: Penicillin (criticality high)"


def test_an_allergy_that_is_over_or_refuted_is_none():
    over = allergy("Latex", clinicalStatus={"coding": [{"code": "resolved"}]})
    refuted = allergy("Nuts", id="a2", verificationStatus={"coding": [{"code": "refuted"}]})
    found = read(over, refuted)
    assert (found.offers, found.allergies, [kept.display for kept in found.kept]) == ((), (), ["Latex"])


NO_ALLERGY = {"coding": [{"system": "http://snomed.info/sct", "code": "716186003"}]}


@pytest.mark.parametrize(
    ("what", "resources", "state"),
    [
        ("absent", [], "not known"),
        ("asked, none", [allergy(code=NO_ALLERGY)], "none known"),
        ("there, not readable", [allergy(code={})], "there, but not readable"),
        ("entries", [allergy()], "entries"),
    ],
)
def test_absent_empty_and_unreadable_are_three_things(what: str, resources, state: str):
    assert dict(read(*resources).lists)["allergies"] == state, what


def test_performance_status_is_a_note_on_its_day_or_on_the_day_it_came():
    score = {
        "resourceType": "Observation",
        "id": "e",
        "status": "final",
        "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": LOINC, "code": "89247-1"}]},
        "valueInteger": 1,
    }
    dated = one({**score, "effectiveDateTime": stamp()})
    assert said(dated, "text", "at") == ("ECOG performance status 1, as the document says", "2026-03-01T15:00:00+00:00")
    late = [one(score), read_bytes(json.dumps(bundle(score)).encode(), now=NOW.replace(day=3)).offers[0]]
    assert late[0].id == late[1].id and late[0].event["at"] != late[1].event["at"]
    assert read({**score, "valueInteger": 7}).offers == read({**score, "valueInteger": True}).offers == ()


# --- the file ---------------------------------------------------------------------------------------------------------


def test_a_resource_alone_and_lines_of_them_are_read():
    single = json.dumps(weight(70, at=stamp(), id="w")).encode()
    lines = (
        b"\xef\xbb\xbf" + single + b"\r\n\r\n" + json.dumps(observation("8867-4", 88, "/min", stamp())).encode() + b"\n"
    )
    assert [offer.group for offer in read_bytes(single).offers] == [WEIGHT]
    assert [offer.group for offer in read_bytes(lines).offers] == [WEIGHT, VITALS]
    assert read_bytes(single).person is None


def test_lines_with_a_patient_say_who_it_is():
    lines = b"\n".join(json.dumps(each).encode() for each in (patient(name=[{"family": "X"}]), weight(70, at=stamp())))
    found = read_bytes(lines)
    assert found.person is not None and (found.person.names, len(found.offers)) == (("X",), 1)


def test_a_summary_is_judged_by_its_composition_whatever_its_type_says():
    found = [read(weight(70, at=stamp()), type=kind) for kind in ("collection",)]
    for kind in ("searchset", "message", "history", None, 5):
        body = bundle(*cover(), weight(70, at=stamp()), type=kind)
        body["entry"] = [body["entry"][1], body["entry"][0], *body["entry"][2:]]
        found.append(read_bytes(json.dumps(body).encode()))
    assert {len(each.offers) for each in found} == {1} and found[-1].sender == "Synthetic Community Practice"
    with pytest.raises(FhirReadError, match="type of the bundle"):
        read(weight(70, at=stamp()), type="history")


def test_a_document_about_one_of_several_people_leaves_the_others_out():
    found = read(
        *cover(),
        {**patient(), "id": "p2"},
        weight(70, at=stamp()),
        weight(90, at=stamp(), subject={"reference": "Patient/p2"}),
    )
    assert [offer.event["weight_kg"] for offer in found.offers] == ["70"]
    assert found.notes == ("1 resources about somebody else were left out",)


@pytest.mark.parametrize(
    ("what", "subjects", "refused"),
    [
        ("the same reference", ["Patient/x", "Patient/x"], False),
        ("two people", ["Patient/x", "Patient/y"], True),
        ("one names nobody", ["Patient/x", None], False),
        ("each contains its own", ["#p", "#q"], True),
    ],
)
def test_without_a_patient_every_resource_means_the_same_person(what: str, subjects, refused: bool):
    held = [{"resourceType": "Patient", "id": "p", "gender": "male"}, {"resourceType": "Patient", "id": "q"}]
    lines = [
        weight(70 + number, at=stamp(), id=str(number), contained=held, subject={"reference": name} if name else None)
        for number, name in enumerate(subjects)
    ]
    data = b"\n".join(json.dumps(each).encode() for each in lines)
    if refused:
        with pytest.raises(FhirReadError, match="several patients"):
            read_bytes(data)
    else:
        assert len(read_bytes(data).offers) == sum(name is not None for name in subjects)


FULL_URLS = [
    # fullUrl of the patient             | of the weight                     | its subject
    ("urn:uuid:1",                         "urn:uuid:2",                       "urn:uuid:1"),
    ("http://a.example/Patient/p1",        "http://a.example/Observation/w",   "Patient/p1"),
    ("http://a.example/Patient/p1",        "http://a.example/Observation/w",   "http://a.example/Patient/p1/_history/3"),
    (None,                                 None,                               "Patient/p1"),
]  # fmt: skip


@pytest.mark.parametrize(("of_patient", "of_weight", "subject"), FULL_URLS)
def test_references_are_followed_by_full_url_first(of_patient, of_weight, subject):
    body = bundle(weight(70, at=stamp(), id="w", subject={"reference": subject}))
    for entry, url in zip(body["entry"], (of_patient, of_weight), strict=True):
        if url is not None:
            entry["fullUrl"] = url
    assert len(read_bytes(json.dumps(body).encode()).offers) == 1


def test_a_reference_to_another_server_means_somebody_else():
    body = bundle(weight(70, at=stamp(), subject={"reference": "http://b.example/Patient/p1"}))
    for entry, url in zip(
        body["entry"], ("http://a.example/Patient/p1", "http://a.example/Observation/w"), strict=True
    ):
        entry["fullUrl"] = url
    assert read_bytes(json.dumps(body).encode()).offers == ()


def test_an_answer_with_more_pages_is_incomplete():
    found = read(weight(70, at=stamp()), type="searchset", link=[{"relation": "next", "url": "x"}])
    assert found.incomplete and "more pages" in found.notes[0]


REFUSED = [
    ("a cover alone", {"resourceType": "Composition"}, "only the cover"),
    ("an error report", {"resourceType": "OperationOutcome"}, "error report"),
    ("no resource", {"a": 1}, "no FHIR resource"),
    ("a type that is no text", {"resourceType": 5}, "no FHIR resource"),
]


@pytest.mark.parametrize(("what", "body", "words"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_cannot_be_read_is_one_sentence(what: str, body, words: str):
    with pytest.raises(FhirReadError, match=words):
        read_bytes(json.dumps(body).encode())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{", "A line of the file is no FHIR resource"),
        (b"[]", "A line of the file"),
        (b'{"resourceType":"Bundle"}', "A line of the file is a Bundle"),
    ],
)
def test_a_bad_line_refuses_the_file_and_says_which(line: bytes, words: str):
    with pytest.raises(FhirReadError, match=words) as refused:
        read_bytes(json.dumps(patient()).encode() + b"\n" + line)
    assert refused.value.path == "line 2"


def test_too_many_lines_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(origin, "MOST_ENTRIES", 2)
    with pytest.raises(FhirReadError, match="more than 2 lines"):
        read_bytes(b"\n".join([json.dumps(patient()).encode()] * 3))


# --- who wrote it -----------------------------------------------------------------------------------------------------


def device(name: str) -> dict[str, Any]:
    return {"resourceType": "Device", "id": "d", "deviceName": [{"name": name, "type": "model-name"}]}


@pytest.mark.parametrize(("name", "ours"), [("Handrail", True), ("Handrail Pro", False), ("", False)])
def test_only_our_own_device_speaks_in_our_own_words(name: str, ours: bool):
    own = observation("x", 1.2, "10*9/L", stamp(), category=[{"coding": [{"code": "laboratory"}]}])
    own |= {"code": {"text": "ANC"}}
    found = read(*cover(author=[{"reference": "Device/d"}]), device(name), own)
    assert (found.ours, [offer.group for offer in found.offers]) == (ours, [LABORATORY] if ours else [])


@pytest.mark.parametrize(
    ("fields", "sender"),
    [
        ({}, "Synthetic Community Practice"),
        ({"custodian": None, "author": [{"reference": "Organization/o1"}]}, "Synthetic Community Practice"),
        ({"custodian": {"reference": "Organization/none"}}, ""),
        ({"custodian": "x", "author": "y"}, ""),
    ],
)
def test_the_sender_is_what_the_document_says(fields, sender: str):
    found = read(*cover(**fields))
    assert (found.sender, found.title, found.made_on) == (sender, "Summary", "2026-03-01")


def test_nothing_of_what_was_read_reaches_a_log():
    found = read(weight(71.4, at=stamp()), allergy())
    assert "71.4" not in f"{found!r}{found.offers!r}{found.person!r}" and "Penicillin" not in repr(found)
