"""`handrail import fhir`: what it prints, what it keeps, and that it keeps all of it or nothing."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from handrail import clock
from handrail.actions.actor import person, service
from handrail.actions.errors import ActionError, NotAllowedError, NotVisibleError, RefusedError
from handrail.fhir.reading import ReadRecord, read_bundle
from handrail.jobs import imports
from handrail.jobs.demo.storyteller import FOLDER
from handrail.people.models import Patient
from handrail.records.models import Course, Event
from handrail.rules.terms import UnusableInput
from tests.support.factories import MONDAY_0900, House, World, make_house, make_member, make_organisation

pytestmark = pytest.mark.django_db

IMPORT = service("import", source="import")
JENNY = "cancer-patient-jenny-m"


@pytest.fixture(autouse=True)
def monday():
    with clock.use(clock.FrozenClock(MONDAY_0900)):
        yield


@pytest.fixture
def hub() -> House:
    return make_house("Hub")


def bundle(name: str = JENNY) -> dict[str, Any]:
    found = json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))
    assert isinstance(found, dict)
    return found


def patient_of(body: dict[str, Any]) -> dict[str, Any]:
    return next(item["resource"] for item in body["entry"] if item["resource"]["resourceType"] == "Patient")


def record(change: Any = None, name: str = JENNY) -> ReadRecord:
    body = bundle(name)
    if change is not None:
        change(patient_of(body))
    return read_bundle(json.dumps(body).encode())


def keep(house: House, read: ReadRecord | None = None, **more: Any) -> imports.Outcome:
    defaults: dict[str, Any] = {"organisation": house.organisation, "by": IMPORT, "now": MONDAY_0900, "synthetic": True}
    return imports.keep(read or record(), **{**defaults, **more})


def rows() -> tuple[int, int, int]:
    return Patient.objects.count(), Course.objects.count(), Event.objects.count()


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_the_person_is_kept_and_found_by_record_number(hub):
    kept = keep(hub)
    patient = Patient.objects.with_mrn("MRN1234").get()
    assert patient == kept.patient
    assert (patient.family_name, patient.birth_date_text, patient.sex) == ("M", "1965-01-01", "female")
    assert (patient.organisation_id, patient.time_zone, patient.synthetic) == (hub.id, "America/Chicago", True)
    assert kept.course is None and Event.objects.count() == 0


def test_a_course_is_started_and_every_value_is_an_imported_event(hub):
    kept = keep(hub, start="teclistamab")
    kinds = list(Event.objects.exclude(kind="course_started").values_list("kind", "source", "role").distinct())
    assert {source for _, source, _ in kinds} == {"import"} and {role for *_, role in kinds} == {"service"}
    weight = Event.objects.get(kind="weight_measured")
    assert (weight.payload["weight_kg"], weight.occurred_at.date().isoformat()) == ("68.04", "2018-04-22")
    assert weight.payload["x_date_only"] is True
    assert kept.course is not None and kept.course.facts["birth_year"] == 1965
    assert kept.course.assessment is not None


def test_the_same_record_again_changes_nothing(hub):
    first = keep(hub, start="teclistamab")
    before = rows()
    again = keep(hub, start="teclistamab")
    assert rows() == before
    assert (again.patient, again.course, again.new_events) == (first.patient, first.course, 0)
    assert first.new_events == before[2] - 1  # all but `course_started`


def test_a_course_that_was_started_by_hand_takes_the_values(hub):
    patient = keep(hub).patient
    from handrail.actions.courses import start_course

    course_id = start_course(patient, by=person(hub.oncologist), product="elranatamab", site=hub.site).event.course_id
    assert keep(hub, course_id=course_id).new_events > 0
    assert keep(hub, course_id=course_id).new_events == 0
    with pytest.raises(RefusedError, match="open course"):
        keep(hub, start="elranatamab")


def test_a_number_of_a_citizen_is_never_a_record_number(hub):
    patient = keep(hub, record(name="clint_champlin")).patient
    assert patient.mrn_system == "https://github.com/synthetichealth/synthea"
    assert not Patient.objects.with_mrn("999-58-3991").exists()


def test_a_chosen_system_gives_the_record_number(hub):
    patient = keep(hub, record(name="clint_champlin"), mrn_system="http://hospital.smarthealthit.org").patient
    assert patient.mrn_system == "http://hospital.smarthealthit.org"


# --- who it is --------------------------------------------------------------------------------------------------------


def _renamed(patient: dict[str, Any]) -> None:
    patient["name"] = [{"family": "Else", "given": ["Somebody"]}]


def _married(patient: dict[str, Any]) -> None:
    patient["name"] = [{"family": "Newname", "given": ["Jenny"]}]


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("another birth date", lambda p: p.update(birthDate="1965-01-02")),
        ("another year", lambda p: p.update(birthDate="1966")),
        ("another sex", lambda p: p.update(gender="male")),
        ("another name", _renamed),
        ("nothing to compare", lambda p: (p.pop("birthDate"), p.pop("name"))),
    ],
)
def test_another_person_with_the_same_number_is_refused(hub, what, change):
    keep(hub, start="teclistamab")
    before = rows()
    with pytest.raises(RefusedError) as refused:
        keep(hub, record(change), start="teclistamab")
    assert refused.value.code == "another_person", what
    assert rows() == before
    assert "Jenny" not in refused.value.message and "1965" not in refused.value.message


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.update(birthDate="1965-01"),
        lambda p: p.update(birthDate="1965"),
        lambda p: p.pop("birthDate"),
        lambda p: p.pop("gender"),
        _married,
    ],
)
def test_the_same_person_told_with_less_or_married_is_found(hub, change):
    assert keep(hub).patient == keep(hub, record(change)).patient
    assert Patient.objects.count() == 1


def test_the_same_number_at_another_organisation_is_another_patient(hub):
    other = make_house("Other")
    assert keep(hub).patient != keep(other).patient


def test_a_birth_date_known_to_the_year_is_no_date(hub):
    patient = keep(hub, record(lambda p: p.update(birthDate="1965"))).patient
    patient.refresh_from_db()
    assert (patient.birth_date_text, patient.birth_date) == ("1965", None)


def test_a_person_without_a_record_number_is_refused(hub):
    with pytest.raises(RefusedError, match="no record number"):
        keep(hub, record(lambda p: p.pop("identifier")))
    assert rows() == (0, 0, 0)


def test_nobody_who_has_died_is_given_a_course(hub):
    with pytest.raises(RefusedError, match="died"):
        keep(hub, record(lambda p: p.update(deceasedBoolean=True)), start="teclistamab")
    assert rows() == (0, 0, 0)


# --- all or nothing, and who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", ["unobtainium", ""])
def test_an_unknown_product_leaves_nothing_behind(hub, product):
    with pytest.raises(ActionError):
        keep(hub, start=product)
    assert rows() == (0, 0, 0)


def test_a_course_of_somebody_else_takes_nothing(hub):
    course = World().course
    with pytest.raises(RefusedError, match="no course"):
        keep(hub, course_id=course.pk)
    assert not Patient.objects.with_mrn("MRN1234").exists()


def test_a_failure_in_the_middle_takes_everything_back(hub):
    """A coordinator may import and start a course, and may not record a weight: nothing is left of the attempt."""
    coordinator = make_member(hub.organisation, "coordinator")
    with pytest.raises(NotAllowedError):
        keep(hub, by=person(coordinator, source="import"), start="teclistamab")
    assert rows() == (0, 0, 0)


def test_a_person_who_imports_stands_in_the_record(hub):
    keep(hub, by=person(hub.oncologist, source="import"), start="teclistamab")
    weight = Event.objects.get(kind="weight_measured")
    assert (weight.by, weight.role, weight.source) == (str(hub.oncologist.pk), "oncologist", "import")


def test_a_stranger_may_not_import_and_a_viewer_may_not_either(hub):
    viewer = make_member(hub.organisation, "viewer")
    with pytest.raises(NotVisibleError):
        keep(hub, by=person(make_house("Charlie").oncologist))
    with pytest.raises(NotAllowedError):
        keep(hub, by=person(viewer))
    assert rows() == (0, 0, 0)


def test_demonstration_and_real_people_are_kept_apart(hub):
    with pytest.raises(RefusedError, match="synthetic patients only"):
        keep(hub, synthetic=False)
    live = make_organisation("Live", mode="live")
    with pytest.raises(RefusedError, match="takes no synthetic"):
        imports.keep(record(), organisation=live, by=IMPORT, now=MONDAY_0900, synthetic=True)
    kept = imports.keep(record(), organisation=live, by=IMPORT, now=MONDAY_0900)
    assert not kept.patient.synthetic
    with pytest.raises(RefusedError, match="names the label revision"):
        imports.keep(record(), organisation=live, by=IMPORT, now=MONDAY_0900, start="teclistamab")


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "record.json"
    path.write_text(json.dumps(bundle()), encoding="utf-8")
    return path


def test_the_command_shows_without_keeping(file, capsys):
    assert imports.main(["fhir", str(file)]) == 0
    said = capsys.readouterr().out
    assert "weight" in said and "68.04 kg" in said and "2018-04-22" in said
    assert "not known" in said and "allergies, laboratory values" in said
    assert "Only shown" in said
    assert rows() == (0, 0, 0)


def test_identity_is_shown_only_when_asked_for(file, capsys):
    imports.main(["fhir", str(file), "--show"])
    assert "MRN1234" not in capsys.readouterr().out
    imports.main(["fhir", str(file), "--show", "--identity"])
    assert "MRN1234" in capsys.readouterr().out


def test_the_command_keeps_by_name_or_id(hub, file, capsys):
    common = ["fhir", str(file), "--synthetic", "--start-course", "teclistamab", "--organisation"]
    assert imports.main([*common, hub.organisation.name]) == 0
    assert "registered" in capsys.readouterr().out
    before = rows()
    assert imports.main([*common, str(hub.id), "--by", hub.oncologist.email]) == 0
    said = capsys.readouterr().out
    assert "was here already" in said and "0 recorded" in said
    assert rows() == before


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--organisation", "Nowhere"], "unknown_organisation"),
        (["--organisation", "HUB", "--by", "nobody@example.org"], "unknown_person"),
        (["--organisation", "HUB"], "real_in_demo"),
        (["--organisation", "HUB", "--synthetic", "--mrn-system", "urn:none"], "no_record_number"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_changes_nothing(hub, file, words, code):
    named = [hub.organisation.name if word == "HUB" else word for word in words]
    with pytest.raises(UnusableInput) as unusable:
        imports.main(["fhir", str(file), *named])
    assert unusable.value.code == code and "\n" not in unusable.value.message
    assert rows() == (0, 0, 0)


@pytest.mark.parametrize("content", [b"", b"{", b"<Bundle/>", b"[]", b'{"resourceType":"Patient"}', b"\xff\xfe"])
def test_a_broken_bundle_is_one_sentence_and_changes_nothing(hub, tmp_path, content):
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(UnusableInput, match="Nothing was changed") as unusable:
        imports.main(["fhir", str(path), "--organisation", hub.organisation.name, "--synthetic"])
    assert unusable.value.code == "unreadable_bundle" and "\n" not in unusable.value.message
    assert rows() == (0, 0, 0)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(UnusableInput, match="cannot be read"):
        imports.main(["fhir", str(tmp_path / "none.json")])


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "large.json"
    with path.open("wb") as large:
        large.truncate(300 * 1024 * 1024)  # sparse: no disk, but reading all of it would take the memory
    with pytest.raises(UnusableInput, match="larger than 5 MB"):
        imports.main(["fhir", str(path)])
