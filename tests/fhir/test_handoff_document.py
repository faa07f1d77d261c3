"""A sealed packet as a FHIR document: R4 for two independent validators and a reader, a patient summary by its rules, and nothing lost."""

import copy
import html
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from fhir.resources.R4B.bundle import Bundle

from handrail.fhir.bundle import parse_bundle
from handrail.fhir.document_codes import document_codes, document_codes_from_toml
from handrail.fhir.handoff_document import NO_ALLERGIES, document_of, written
from handrail.fhir.reading import read_bundle
from handrail.fhir.record import Listing
from handrail.rules.coursefile import course_from_json
from handrail.rules.packet import packet
from handrail.rules.packet_parts import NOT_KNOWN, Around, ContactPart, Packet, Who
from handrail.rules.strict import ProtocolDataError
from handrail.rules.validity import judge as judged_of
from tests.fhir.validators.judge import Judge
from tests.support.courses import TEC, Told, instant
from tests.support.documents import problems

VERSION = UUID("7c9a3a34-58f5-4b6e-9d38-0c6a1a6a9c11")
WHO = Who(
    given_name="Vera <b>",
    family_name="Example & Sons",
    birth_date="1953-04-05",
    sex="female",
    phone="555-0100",
    record_number="M-1",
    record_system="urn:example:hospital",
    language="es",
    contacts=(ContactPart(name="Otto Example", relationship="husband", phone="555-0101", caregiver=True),),
)
AROUND = Around(from_party="Hub <script>", to_party="Clinic", number="555-0199", answers="Hub")


def made(told: Told, at: str, *, who: Who | None = None, around: Around | None = None) -> Packet:
    judged = judged_of(course_from_json(told.file()), instant(at))
    return packet(judged.protocol, judged.policy, judged.history, judged.answer, who=who, around=around)


def full() -> Packet:
    told = Told(TEC)
    told.tell("weight_measured", "2026-03-02 08:00", weight_kg="72.50")
    told.tell(
        "condition_noted",
        "2026-03-02 08:00",
        what="multiple myeloma",
        active=True,
        x_system="http://snomed.info/sct",
        x_code="109989006",
    )
    told.tell("condition_noted", "2026-03-02 08:00", what="neuropathy", grade=2, active=None)
    told.tell(
        "medicine_given", "2026-03-02 08:30", agent="dexamethasone", dose_mg="16", route="oral", purpose="premedication"
    )
    told.dose("step_up_1", "2026-03-02 10:00", dose_mg="4.35", weight_kg="72.5", lot="L1", site="hub-main")
    told.tell("vitals_measured", "2026-03-03 04:00", temperature_c="38.60", systolic_mmhg=110, spo2_percent=95)
    told.tell("medicine_given", "2026-03-03 05:00", agent="tocilizumab", dose_mg="580", purpose="treatment")
    told.tell("medicine_given", "2026-03-03 06:00", agent="aciclovir", dose_mg="400", purpose="prophylaxis")
    told.tell("lab_resulted", "2026-03-03 06:00", code="anc", value="1.20", unit="10*9/L", low="1.5", high="7.5")
    told.tell("lab_resulted", "2026-03-03 06:00", code="crp", value="12", unit="mg/L")
    told.tell("lab_resulted", "2026-03-03 06:00", code="hbsag", result="negative")
    told.tell("lab_resulted", "2026-03-03 06:00", code="igg", value=None)
    return made(told, "2026-03-03 08:00", who=WHO, around=AROUND)


CASES: dict[str, Callable[[], Packet]] = {
    "everything is told": full,
    "nothing is known": lambda: made(Told(TEC), "2026-03-02 09:00"),
    "another product": lambda: made(
        Told("talquetamab/US/2023-08/mono"),
        "2026-03-02 09:00",
        who=replace(WHO, birth_date="1953", sex="?", contacts=()),
    ),
    "a family name alone": lambda: made(Told(TEC), "2026-03-02 09:00", who=Who(family_name="Example")),
}


def document(of: Packet) -> dict[str, Any]:
    found = document_of(of.to_json(), version=str(VERSION), number=3, sha256=of.sha256)
    read: dict[str, Any] = json.loads(written(found))
    return read


def of_kind(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def section(bundle: dict[str, Any], code: str) -> dict[str, Any]:
    (found,) = [each for each in bundle["entry"][0]["resource"]["section"] if each["code"]["coding"][0]["code"] == code]
    return found


UNITS = [
    # the test and its unit as recorded  | the LOINC code        | called UCUM
    ("crp", "mg/L", ["1988-5"], True),
    ("igg", "g/L", ["2465-3"], True),
    ("platelets", "10*9/L", ["777-3"], True),
    ("platelets", "K/uL", [], False),
    ("platelets", "g/L", [], True),
    ("anc", "10*9/L", [], True),  # several codes, by the method: nobody knows which
    ("lipase", "U/L", [], True),
]


@pytest.mark.parametrize(("test", "unit", "codes", "ucum"), UNITS)
def test_a_laboratory_value_has_a_code_and_ucum_only_where_both_are_sure(
    test: str, unit: str, codes: list[str], ucum: bool
):
    told = Told(TEC)
    told.tell("lab_resulted", "2026-03-03 06:00", code=test, value="12.0", unit=unit, low="1")
    [found] = [
        each for each in of_kind(document(made(told, "2026-03-03 08:00")), "Observation") if "valueQuantity" in each
    ]
    assert [each["code"] for each in found["code"].get("coding", [])] == codes
    assert found["code"]["text"]
    for said in (found["valueQuantity"], found["referenceRange"][0]["low"]):
        assert (said["unit"], said.get("code"), "system" in said) == (unit, unit if ucum else None, ucum)


def test_a_result_in_words_keeps_its_code():
    told = Told(TEC)
    told.tell("lab_resulted", "2026-03-03 06:00", code="igg", value=None)
    [found] = [
        each for each in of_kind(document(made(told, "2026-03-03 08:00")), "Observation") if "dataAbsentReason" in each
    ]
    assert found["code"]["coding"][0]["code"] == "2465-3"


# --- what others say of it --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_validators_find_nothing(judge: Judge):
    wholes = {name: document(case()) for name, case in CASES.items()}
    asked = list(wholes.items())
    for name, whole in wholes.items():
        asked += [(f"{name} {number}", entry["resource"]) for number, entry in enumerate(whole["entry"])]
    found = judge(asked)
    assert {name: errors for name, errors in found.items() if errors} == {}
    assert len(found) == len(asked) > 30


@pytest.mark.parametrize("case", CASES)
def test_an_independent_reader_takes_it(case: str):
    Bundle.model_validate_json(json.dumps(document(CASES[case]())))


@pytest.mark.parametrize("case", CASES)
def test_it_is_a_patient_summary_by_its_rules(case: str):
    assert problems(document(CASES[case]())) == []


def composition(bundle: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = bundle["entry"][0]["resource"]
    return found


FAULTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no timestamp": lambda b: b.pop("timestamp"),
    "no identifier": lambda b: b.pop("identifier"),
    "a collection": lambda b: b.update(type="collection"),
    "the patient first": lambda b: b["entry"].insert(0, b["entry"].pop(1)),
    "two patients": lambda b: b["entry"].append({**copy.deepcopy(b["entry"][1]), "fullUrl": "urn:uuid:x"}),
    "no address": lambda b: b["entry"][2].pop("fullUrl"),
    "a request": lambda b: b["entry"][2].update(request={"method": "PUT", "url": "x"}),
    "no required section": lambda b: composition(b)["section"].remove(section(b, "48765-2")),
    "entry and reason": lambda b: section(b, "11450-4").update(emptyReason={"coding": [{"code": "unavailable"}]}),
    "neither": lambda b: section(b, "48765-2").pop("emptyReason"),
    "a reason of its own": lambda b: section(b, "48765-2")["emptyReason"]["coding"][0].update(
        code="no-known-allergies"
    ),
    "no narrative": lambda b: section(b, "30954-2").pop("text"),
    "a script": lambda b: section(b, "30954-2")["text"].update(div=section(b, "30954-2")["text"]["div"] + "<script/>"),
    "a reference to nothing": lambda b: section(b, "30954-2")["entry"].append({"reference": "urn:uuid:none"}),
    "an entry that nobody reaches": lambda b: section(b, "8716-3").pop("entry"),
    "no author": lambda b: composition(b).pop("author"),
    "a value and a reason": lambda b: of_kind(b, "Observation")[0].update(dataAbsentReason={"text": "x"}),
    "no time": lambda b: of_kind(b, "Observation")[0].pop("effectiveDateTime"),
    "a name of nothing": lambda b: of_kind(b, "Patient")[0].update(name=[{"use": "usual"}]),
    "no birth date": lambda b: of_kind(b, "Patient")[0].pop("birthDate"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_planted_fault_breaks_a_rule(fault: str):
    spoilt = document(full())
    FAULTS[fault](spoilt)
    assert problems(spoilt) != []


SPOILT: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "no status": ("Composition", lambda each: each.pop("status")),
    "a status that R4 does not know": ("MedicationAdministration", lambda each: each.update(status="done")),
    "an unknown property": ("Condition", lambda each: each.update(colour="blue")),
    "one where a list belongs": ("Observation", lambda each: each.update(category={"text": "x"})),
    "an impossible date": ("Patient", lambda each: each.update(birthDate="1953-02-31T")),
    "no subject": ("MedicationStatement", lambda each: each.pop("subject")),
    "no agent": ("Provenance", lambda each: each.pop("agent")),
    "no code": ("Flag", lambda each: each.pop("code")),
}


@pytest.mark.slow
def test_each_planted_fault_is_found_by_the_validators(judge: Judge):
    asked = []
    for name, (kind, change) in SPOILT.items():
        each = of_kind(document(full()), kind)[0]
        change(each)
        asked.append((name, each))
    found = judge(asked)
    assert [name for name, errors in found.items() if not errors] == []


IPS = "http://hl7.org/fhir/uv/ips/StructureDefinition/{}-uv-ips"
PROFILES = {
    "Patient": "Patient",
    "Condition": "Condition",
    "MedicationStatement": "MedicationStatement",
    "Organization": "Organization",
    "Observation": "Observation-results",
}


def profiled(resource: dict[str, Any]) -> dict[str, Any] | None:
    """A copy that names the profile by which its kind is judged; None for a kind without one."""
    kind = resource["resourceType"]
    profile = PROFILES.get(kind)
    if kind == "Observation" and resource["category"][0]["coding"][0]["code"] == "laboratory":
        profile = "Observation-results-laboratory"
    return {**resource, "meta": {"profile": [IPS.format(profile)]}} if profile is not None else None


@pytest.mark.slow
def test_the_entries_meet_the_published_profiles_of_a_patient_summary(judge: Judge):
    asked = []
    for name, case in CASES.items():
        for number, entry in enumerate(document(case())["entry"]):
            copied = profiled(entry["resource"])
            # 1.1.0 asks every result for a value; a later edition takes a reason in its place, which is what we send.
            if copied is not None and "dataAbsentReason" not in copied:
                asked.append((f"{name} {copied['resourceType']} {number}", copied))
    found = judge(asked)
    assert {name: errors for name, errors in found.items() if errors} == {}
    assert {name.split()[-2] for name in found} == set(PROFILES)


NOT_A_SUMMARY: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "a person without a birth date": ("Patient", lambda each: each.pop("birthDate")),
    "a person without a name": ("Patient", lambda each: each.pop("name")),
    "a problem without a state": ("Condition", lambda each: each.pop("clinicalStatus")),
    "a medicine at no time": ("MedicationStatement", lambda each: each.pop("effectiveDateTime")),
    "a party without a name": ("Organization", lambda each: each.update(name=None)),
    "a result without a value": ("Observation", lambda each: each.pop("valueQuantity")),
    "a result of nobody": ("Observation", lambda each: each.pop("performer")),
}


@pytest.mark.slow
def test_each_fault_against_a_profile_is_found(judge: Judge):
    asked = []
    for name, (kind, change) in NOT_A_SUMMARY.items():
        each = profiled(of_kind(document(full()), kind)[0])
        assert each is not None
        change(each)
        asked.append((name, each))
    found = judge(asked)
    assert [name for name, errors in found.items() if not errors] == []


# --- nothing is lost, nothing is invented -----------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_every_field_and_line_of_the_packet_stands_in_the_narrative(case: str):
    of = CASES[case]()
    divs = [each["text"]["div"] for each in composition(document(of))["section"]]
    words = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", " ".join(divs))))
    assert NO_ALLERGIES in words
    for part in of.sections:
        assert f"{part.number}. {part.title}" in words
        for field in part.fields:
            assert re.sub(r"\s+", " ", f"{field.label} {field.said}") in words, field.key
        for table in part.tables:
            for line in table.lines:
                assert all(re.sub(r"\s+", " ", cell) in words for cell in line.said), line.key
            assert table.lines or f"{table.title}: {table.none}" in words


def test_the_doses_and_medicines_are_there_one_by_one():
    found = of_kind(document(full()), "MedicationAdministration")
    assert [each["medicationCodeableConcept"]["text"].split()[0] for each in found] == [
        "Tecvayli", "dexamethasone", "tocilizumab",
    ]  # fmt: skip
    assert found[0]["dosage"]["dose"]["value"] == 4.35
    assert found[0]["note"] == [{"text": "lot L1"}]
    stated = of_kind(document(full()), "MedicationStatement")
    assert [each["medicationCodeableConcept"]["text"] for each in stated][1:] == ["aciclovir"]
    assert "Give by" in stated[0]["dosage"][0]["text"]


def test_numbers_keep_their_digits():
    text = written(document_of(full().to_json(), version=str(VERSION), number=1, sha256="0")).decode()
    for digits in ('"value":1.20,', '"value":38.60,', '"value":72.50,'):
        assert digits in text
    assert "\\u0000" not in text


def test_what_is_not_known_has_no_value():
    found = document(made(Told(TEC), "2026-03-02 09:00"))
    (patient,) = of_kind(found, "Patient")
    assert patient["name"][0]["text"] == NOT_KNOWN and "birthDate" not in patient and patient["gender"] == "unknown"
    assert section(found, "11450-4")["emptyReason"]["coding"][0]["code"] == "unavailable"
    assert {each["resourceType"] for each in of_kind(found, "Observation")} == set()
    igg = [each for each in of_kind(document(full()), "Observation") if each["code"]["text"] == "IGG"]
    assert [("valueQuantity" in each, "dataAbsentReason" in each) for each in igg] == [(False, True)]


def test_a_test_with_two_codes_is_sent_as_text():
    codes = {each["code"]["text"]: each["code"].get("coding") for each in of_kind(document(full()), "Observation")}
    assert codes["ANC"] is None
    assert codes["Body temperature"][0]["code"] == "8310-5"


def test_a_toxicity_that_was_never_graded_is_provisional_and_open():
    (crs,) = [each for each in of_kind(document(full()), "Condition") if each["code"]["text"].startswith("CRS")]
    assert crs["clinicalStatus"]["coding"][0]["code"] == "active"
    assert crs["verificationStatus"]["coding"][0]["code"] == "provisional"
    assert crs["severity"]["text"] == "grade not known"
    assert "abatementDateTime" not in crs


def test_words_of_people_never_become_markup():
    found = document(full())
    divs = "".join(each["text"]["div"] for each in composition(found)["section"])
    assert "<script>" not in divs and "<b>" not in divs
    assert "Hub &lt;script&gt;" in divs and "Example &amp; Sons" in divs


def test_the_receiving_side_is_named_where_the_reason_stands():
    found = document(full())
    (place,) = [each["reference"] for each in section(found, "42349-1")["entry"]]
    by_place = {entry["fullUrl"]: entry["resource"] for entry in found["entry"]}
    assert by_place[place] == {"resourceType": "Organization", "name": "Clinic"}
    assert "Offered to: Clinic." in section(found, "42349-1")["text"]["div"]


def test_the_same_version_is_the_same_bytes_and_another_has_other_addresses():
    body = full().to_json()
    one, again = (written(document_of(body, version=str(VERSION), number=1, sha256="0")) for _ in range(2))
    assert one == again
    other = written(document_of(body, version=str(UUID(int=1)), number=1, sha256="0"))
    assert set(re.findall(rb"urn:uuid:[\w-]+", one)).isdisjoint(re.findall(rb"urn:uuid:[\w-]+", other))


def test_our_own_import_reads_it_back():
    read = read_bundle(written(document_of(full().to_json(), version=str(VERSION), number=1, sha256="0")))
    assert parse_bundle(json.dumps(document(full())).encode()).type == "document"
    assert read.identity.family_name == "Example & Sons" and read.identity.birth_year == 1953
    assert read.allergies_state is Listing.NOT_STATED
    assert read.conditions_state is Listing.LISTED
    assert {"crp"} <= {item.fact for item in read.labs}
    assert read.weight is not None and str(read.weight.value) == "72.50"


# --- the codes --------------------------------------------------------------------------------------------------------


def test_every_heading_has_its_source():
    assert document_codes().sections[0].id == "reason"
    assert [row.loinc for row in document_codes().sections if row.required] == ["11450-4", "48765-2", "10160-0"]


BROKEN = [
    (lambda text: text.replace('source = ["PACIO"]', 'source = ["NOBODY"]', 1), "missing_source"),
    (lambda text: text.replace('loinc = "8480-6"', 'loinc = "8310-5"'), "duplicate_id"),
    (lambda text: text.replace('holds = ["treatment"]', 'holds = ["laboratory"]'), "duplicate_id"),
    (lambda text: text.replace("handrail-document-codes/1", "handrail-document-codes/2"), "unknown_format"),
    (lambda text: text.replace('title = "Alerts"', 'titel = "Alerts"'), "unknown_key"),
]


@pytest.mark.parametrize(("change", "code"), BROKEN)
def test_a_file_that_is_broken_is_refused(change: Callable[[str], str], code: str):
    from handrail.fhir.document_codes import FILE

    with pytest.raises(ProtocolDataError) as caught:
        document_codes_from_toml(change(FILE.read_text(encoding="utf-8")))
    assert caught.value.code == code
