"""Who looked, and where documents and facts come from: read out to the system of the course, page by page, and asking is a look itself."""

import json
from copy import deepcopy
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest
from django.test import Client
from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.provenance import Provenance

from handrail import clock
from handrail.actions import imports
from handrail.actions.access import break_glass, log_look
from handrail.actions.actor import person, service
from handrail.actions.clients import untie_device
from handrail.actions.facts import record_event
from handrail.actions.links import issue_checkin_link
from handrail.actions.packets import open_version, seal
from handrail.fhir.traces import MOST
from handrail.people.models import DeviceLink, LinkToken
from handrail.people.scope import everything
from handrail.records.models import Look
from tests.fhir.test_patient_door import READS
from tests.fhir.validators.judge import Judge
from tests.support.clients import fresh_tokens, registered, tied, token_of
from tests.support.factories import World, event
from tests.support.foreign import document
from tests.support.once import made_once
from tests.support.packets import NOW, tell, told

pytestmark = pytest.mark.django_db
AUDIT, PROVENANCE, PATIENT = "system/AuditEvent.s", "system/Provenance.s", "system/Patient.rs"
HOUR = timedelta(hours=1)


@made_once
def the_world():
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        told(world)
        world.patient = str(world.course.patient_id)
        world.client = registered(world, scopes=[AUDIT, PROVENANCE, PATIENT])
        tied(world, world.client)
        world.tokens = {each: token_of(world.client, each) for each in (AUDIT, PROVENANCE, PATIENT)}
        world.token = world.tokens[PATIENT]
        return world


@pytest.fixture
def world(db, the_world):
    fresh_tokens()
    with clock.use(clock.FrozenClock(NOW)):
        yield deepcopy(the_world)


def ask(world, path, *pairs, token=None, **headers):
    kind = AUDIT if path.startswith("AuditEvent") else PROVENANCE
    shown = world.tokens[kind] if token is None else token
    return Client().get(
        f"/fhir/{path}", pairs and dict_of(pairs), headers={"Authorization": f"Bearer {shown}", **headers}
    )


def dict_of(pairs):
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def resources(answer):
    assert answer.status_code == 200, answer.content
    Bundle.model_validate_json(answer.content)
    return [entry["resource"] for entry in answer.json().get("entry", [])]


def looks_of(world, count, start=NOW):
    """So many looks of the nurse, one an hour, the first first."""
    for number in range(count):
        log_look(world.course, f"record:{number}", user=world.alice.nurse, now=start - (count - number) * HOUR)


def names(found):
    return [each["entity"][1]["name"] for each in found]


# --- AuditEvent ---------------------------------------------------------------------------------------------------------


def test_a_look_of_a_person_says_who_saw_what_of_whom_and_how_they_reached_it(world):
    log_look(world.course, "course", user=world.bob.nurse, now=NOW - HOUR)
    [found] = resources(ask(world, "AuditEvent", ("patient", world.patient)))
    AuditEvent.model_validate(found)
    with everything():
        look = Look.objects.get(what="course")
    assert found["id"] == str(look.pk)
    assert (found["action"], found["subtype"][0]["code"], found["outcome"]) == ("R", "read", "0")
    assert found["recorded"] == (NOW - HOUR).isoformat()
    who, handrail = found["agent"]
    assert who["type"]["coding"][0]["code"] == "IRCP"
    assert who["who"]["identifier"] == {"system": "urn:handrail:user", "value": str(world.bob.nurse.pk)}
    assert (who["name"], who["requestor"], who["role"]) == ("Bob Nurse", True, [{"text": "co management"}])
    assert (handrail["type"]["coding"][0]["code"], handrail["requestor"]) == ("110153", False)
    patient, seen = found["entity"]
    assert patient["what"] == {"reference": f"Patient/{world.patient}"}
    assert (patient["role"]["code"], seen["role"]["code"], seen["name"]) == ("1", "4", "course")
    assert "purposeOfEvent" not in found


def test_a_look_of_a_system_names_the_system(world):
    READS["read"](world)
    [found] = resources(ask(world, "AuditEvent", ("patient", world.patient)))
    who, handrail = found["agent"]
    assert (who["name"], who["requestor"]) == ("Thermometers", True)
    assert who["who"]["identifier"] == {"system": "urn:handrail:client", "value": str(world.client.pk)}
    assert [each["type"]["coding"][0]["code"] for each in (who, handrail)] == ["110152", "110153"]


def test_a_search_is_told_from_a_read(world):
    ask(world, "AuditEvent", ("patient", world.patient))
    [found] = resources(ask(world, "AuditEvent", ("patient", world.patient)))
    assert (found["action"], found["subtype"][0]["code"]) == ("E", "search")
    assert [each["type"]["coding"][0]["code"] for each in found["agent"]] == ["110153", "110152"]
    assert (found["entity"][1]["role"]["code"], "what" in found["entity"][1]) == ("24", False)


def test_glass_that_was_broken_a_link_and_a_sealed_version_are_told(world):
    break_glass(world.charlie.nurse, world.course.pk, "fever at night", now=NOW - 3 * HOUR)
    issue_checkin_link(world.course.pk, holder="caregiver", by=world.actor("alice"))
    with everything():
        link = LinkToken.objects.get(course=world.course)
    log_look(world.course, "checkin", link=link, now=NOW - 2 * HOUR)
    version = seal(world.course.pk, by=world.actor("alice"), now=NOW - 2 * HOUR)
    open_version(world.course.pk, version.number, by=world.actor("alice"), now=NOW - HOUR)
    packet, checkin, glass = resources(ask(world, "AuditEvent", ("patient", world.patient)))
    assert packet["entity"][1]["what"] == {"reference": f"Bundle/{version.pk}"}
    assert checkin["agent"][0]["name"] == "holder of a link (caregiver)"
    assert checkin["agent"][0]["who"]["identifier"]["value"] == str(link.pk)
    assert glass["purposeOfEvent"][0]["coding"][0]["code"] == "BTG"
    assert "fever at night" not in json.dumps(glass), "a reason may hold anything"


@pytest.mark.parametrize("name", [*READS, "AuditEvent", "Provenance"])
def test_every_address_that_shows_a_patient_to_a_system_makes_one(world, name):
    if name in READS:
        answer = READS[name](world)
    else:
        answer = ask(world, name, ("patient", world.patient))
    assert answer.status_code == 200, answer.content
    [found] = resources(ask(world, "AuditEvent", ("patient", world.patient)))
    assert found["agent"][0]["who"]["identifier"]["value"] == str(world.client.pk)


def test_pages_follow_each_other_without_a_gap_or_a_repeat_also_when_others_look_meanwhile(world):
    looks_of(world, 7)
    with everything():  # two at one instant: the id decides
        Look.objects.filter(what="record:2").first()
        twin = Look.objects.get(what="record:3")
    log_look(world.course, "twin", user=world.alice.nurse, now=twin.at)
    path, found = f"AuditEvent?patient={world.patient}&_count=3", []
    sizes = []
    while path:
        answer = ask(world, path)
        page = resources(answer)
        sizes.append(len(page))
        found += page
        links = {each["relation"]: each["url"] for each in answer.json()["link"]}
        log_look(world.course, "meanwhile", user=world.alice.nurse, now=NOW + HOUR)
        path = links["next"].partition("/fhir/")[2] if "next" in links else ""
        if path:
            assert dict(parse_qsl(urlsplit(links["next"]).query))["patient"] == world.patient
    assert sizes == [3, 3, 2]
    assert len({each["id"] for each in found}) == 8
    assert [each["recorded"] for each in found] == sorted((each["recorded"] for each in found), reverse=True)
    assert set(names(found)) == {*(f"record:{number}" for number in range(7)), "twin"}


def test_there_is_no_next_page_behind_the_last_row(world):
    looks_of(world, 3)
    answer = ask(world, "AuditEvent", ("patient", world.patient), ("_count", "3"))
    assert [each["relation"] for each in answer.json()["link"]] == ["self"]


DATES = [
    # looks at 1 to 5 hours before now (15:00 of the 11th in UTC, 10:00 in Chicago)   | those that are told
    (["ge2026-03-11T12:00:00Z"], {2, 3, 4}),
    (["gt2026-03-11T12:00:00Z"], {3, 4}),
    (["le2026-03-11T12:00:00Z"], {0, 1, 2}),
    (["lt2026-03-11T12:00:00Z"], {0, 1}),
    (["2026-03-11T12:00:00Z"], {2}),
    (["ge2026-03-11T11:00:00Z", "lt2026-03-11T13:00:00Z"], {1, 2}),
    (["2026-03-11"], {0, 1, 2, 3, 4}),
    (["2026-03-10"], set()),
    (["gt2026-03-11"], set()),
]


@pytest.mark.parametrize(("dates", "wanted"), DATES, ids=lambda each: str(each))
def test_dates_narrow_it(world, dates, wanted):
    looks_of(world, 5)
    answer = ask(world, "AuditEvent", ("patient", world.patient), *(("date", each) for each in dates))
    assert set(names(resources(answer))) == {f"record:{number}" for number in wanted}


def test_the_form_patient_slash_id_is_taken_too(world):
    looks_of(world, 1)
    assert names(resources(ask(world, "AuditEvent", ("patient", f"Patient/{world.patient}")))) == ["record:0"]


def test_a_course_of_the_same_patient_that_is_not_tied_is_left_out(world):
    other = world.make_course(product="talquetamab")
    with everything():
        type(other).objects.filter(pk=other.pk).update(patient=world.course.patient)
    log_look(other, "course", user=world.alice.nurse, now=NOW - HOUR)
    version = seal(other.pk, by=world.actor("alice"))
    assert resources(ask(world, "AuditEvent", ("patient", world.patient))) == []
    assert resources(ask(world, "Provenance", ("patient", world.patient))) == []
    assert ask(world, "Provenance", ("target", f"Bundle/{version.pk}")).status_code == 404


# --- Provenance ---------------------------------------------------------------------------------------------------------


def test_a_sealed_version_says_who_sealed_it_for_whom_and_of_what(world):
    version = seal(world.course.pk, by=world.actor("alice"), now=NOW)
    [found] = resources(ask(world, "Provenance", ("patient", world.patient)))
    Provenance.model_validate(found)
    assert found["id"] == str(version.pk)
    assert found["target"] == [{"reference": f"Bundle/{version.pk}"}]
    assert found["recorded"] == NOW.isoformat()
    [agent] = found["agent"]
    assert (agent["who"]["display"], agent["who"]["identifier"]["value"]) == ("Alice Nurse", str(world.alice.nurse.pk))
    assert agent["onBehalfOf"]["identifier"]["value"] == str(world.alice.id)
    assert found["entity"][0]["what"]["identifier"]["value"] == version.sha256


def test_what_came_with_one_import_is_one_provenance(world):
    by = service("import", source="import")
    for hours, count in ((2, 3), (1, 1)):
        at = NOW - hours * HOUR
        for number in range(count):
            fact = event("lab_resulted", at=at - HOUR, code="anc", value=f"1.{number}", unit="10*9/L")
            record_event(world.course.pk, fact, by=by, now=at)
    one, three = resources(ask(world, "Provenance", ("patient", world.patient)))
    assert [each["target"][0]["display"] for each in (one, three)] == ["1 fact of the course", "3 facts of the course"]
    assert [each["recorded"] for each in (one, three)] == [(NOW - HOUR).isoformat(), (NOW - 2 * HOUR).isoformat()]
    assert three["activity"] == {"text": "import"}
    again = resources(ask(world, "Provenance", ("patient", world.patient)))
    assert [each["id"] for each in again] == [one["id"], three["id"]]


def test_facts_taken_from_a_document_name_it_by_its_digest_and_what_came_without_one_stays_beside_it(world):
    nurse = person(world.alice.nurse, source="import")
    fact = event("lab_resulted", at=NOW - HOUR, code="anc", value="1.1", unit="10*9/L")
    record_event(world.course.pk, fact, by=nurse, now=NOW)
    batch = imports.bring(world.course.pk, document(), title="x", by=nurse, now=NOW).batch
    _, found = imports.review(world.course.pk, batch.pk, by=nurse, now=NOW)
    chosen = [each.offer.id for each in found.placed if each.may][:2]
    imports.apply(world.course.pk, batch.pk, chosen, same_person=True, reason="synthetic", by=nurse, now=NOW)
    dismissed = imports.bring(world.course.pk, document() + b" ", title="y", by=nurse, now=NOW).batch
    imports.dismiss(world.course.pk, dismissed.pk, reason="synthetic", by=nurse, now=NOW)
    traced = resources(ask(world, "Provenance", ("patient", world.patient)))
    for each in traced:
        Provenance.model_validate(each)
        [agent] = each["agent"]
        assert agent["who"]["display"] == "Alice Nurse"
    said = {
        each["target"][0]["display"]: each["entity"][0]["what"].get("identifier", {}).get("value") for each in traced
    }
    assert said == {"2 facts of the course": batch.sha256, "1 fact of the course": None}


def test_a_target_is_one_version_or_the_patient(world):
    first = seal(world.course.pk, by=world.actor("alice"), now=NOW)
    tell(world, event("lab_resulted", at=NOW, code="anc", value="0.4", unit="10*9/L"))
    seal(world.course.pk, by=world.actor("alice"), now=NOW + HOUR)
    found = resources(ask(world, "Provenance", ("target", f"Bundle/{first.pk}")))
    assert [each["id"] for each in found] == [str(first.pk)]
    assert len(resources(ask(world, "Provenance", ("target", f"Patient/{world.patient}")))) == 2


def test_provenances_have_pages_and_dates_too(world):
    made = []
    for number in range(4):
        at = NOW + number * HOUR
        tell(world, event("lab_resulted", at=NOW, code="anc", value=f"1.{number}", unit="10*9/L"), now=at)
        made.append(seal(world.course.pk, by=world.actor("alice"), now=at))
    answer = ask(world, "Provenance", ("patient", world.patient), ("_count", "3"))
    rest = next(each["url"] for each in answer.json()["link"] if each["relation"] == "next")
    found = resources(answer) + resources(ask(world, rest.partition("/fhir/")[2]))
    assert [each["id"] for each in found] == [str(each.pk) for each in reversed(made)]
    since = (NOW + 2 * HOUR).isoformat().replace("+00:00", "Z")
    later = resources(ask(world, "Provenance", ("patient", world.patient), ("recorded", f"ge{since}")))
    assert len(later) == 2


# --- who is answered what -----------------------------------------------------------------------------------------------

SEARCHES = {
    "AuditEvent": [("system/AuditEvent.s", 200), ("system/AuditEvent.rs", 200), ("system/AuditEvent.read", 200),
                   ("system/AuditEvent.r", 403), ("system/Provenance.s", 403), ("system/Patient.rs", 403)],
    "Provenance": [("system/Provenance.s", 200), ("system/Provenance.rs", 200), ("system/Provenance.read", 200),
                   ("system/Provenance.r", 403), ("system/AuditEvent.s", 403), ("system/Patient.rs", 403)],
}  # fmt: skip


@pytest.mark.parametrize("kind", SEARCHES)
def test_the_scope_decides(world, kind):
    client = registered(world, scopes=[scope for scope, _ in SEARCHES[kind]])
    tied(world, client)
    answers = [
        (scope, ask(world, kind, ("patient", world.patient), token=token_of(client, scope)).status_code)
        for scope, _ in SEARCHES[kind]
    ]
    assert answers == SEARCHES[kind]


@pytest.mark.parametrize("who", ["bob", "alice"])
@pytest.mark.parametrize("kind", SEARCHES)
def test_a_client_to_which_nothing_was_tied_is_answered_as_if_nobody_were_here(world, kind, who):
    looks_of(world, 1)
    version = seal(world.course.pk, by=world.actor("alice"))
    token = token_of(registered(world, who=who, scopes=[AUDIT, PROVENANCE]), f"system/{kind}.s")
    asked = [("patient", world.patient), ("patient", str(uuid4())), ("patient", "Synthia")]
    if kind == "Provenance":
        asked += [("target", f"Bundle/{version.pk}"), ("target", f"Bundle/{uuid4()}"), ("target", "Bundle/x")]
    answers = {
        (answer.status_code, answer.content) for pair in asked if (answer := ask(world, kind, pair, token=token))
    }
    [(status, content)] = answers
    assert status == 404 and b"Synth" not in content
    with everything():
        assert set(Look.objects.values_list("what", flat=True)) == {"record:0"}


@pytest.mark.parametrize("kind", SEARCHES)
def test_a_tie_that_was_ended_and_a_wrong_token_show_nothing(world, kind):
    assert ask(world, kind, ("patient", world.patient), token="wrong").status_code == 401
    with everything():
        link = DeviceLink.objects.get()
    untie_device(world.course.pk, link.pk, by=world.actor("alice"))
    assert ask(world, kind, ("patient", world.patient)).status_code == 404


REFUSED = {
    "nobody": [],
    "two": [("patient", "a"), ("patient", "b")],
    "a date that is none": [("patient", "P"), ("date", "soon"), ("recorded", "soon")],
    "no number": [("patient", "P"), ("_count", "many")],
    "none at all": [("patient", "P"), ("_count", "0")],
    "no place": [("patient", "P"), ("_behind", "x")],
    "a place that is none": [("patient", "P"), ("_behind", "bm93IGhlcmU=")],
    "a place before all time": [
        ("patient", "P"), ("_behind", "MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMCAwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDA="),
    ],
    "a place after all time": [
        ("patient", "P"), ("_behind", "OTk5OS0xMi0zMVQyMzo1OTo1OS0xNDowMCAwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDA="),
    ],
    "a place without a zone": [
        ("patient", "P"), ("_behind", "MjAyNi0wMy0wMiAwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDA="),
    ],
    "another parameter": [("patient", "P"), ("agent", "x")],
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("kind", SEARCHES)
def test_what_is_not_understood_is_refused_and_not_passed_over(world, kind, name, caplog):
    other = "recorded" if kind == "AuditEvent" else "date"
    pairs = [(key, world.patient if value == "P" else value) for key, value in REFUSED[name] if key != other]
    answer = ask(world, kind, *pairs)
    assert answer.status_code == 400, answer.content
    assert len(answer.json()["issue"][0]["diagnostics"]) > 20
    assert caplog.records == []


def test_both_a_patient_and_a_target_are_refused_and_so_is_post_and_xml(world):
    target = f"Patient/{world.patient}"
    assert ask(world, "Provenance", ("patient", world.patient), ("target", target)).status_code == 400
    for kind in SEARCHES:
        headers = {"Authorization": f"Bearer {world.tokens[f'system/{kind}.s']}"}
        posted = Client(enforce_csrf_checks=True).post(f"/fhir/{kind}", {"patient": world.patient}, headers=headers)
        assert (posted.status_code, posted.json()["resourceType"]) == (405, "OperationOutcome")
        assert ask(world, kind, ("patient", world.patient), Accept="application/fhir+xml").status_code == 406


def test_more_than_the_most_is_the_most(world):
    answer = ask(world, "AuditEvent", ("patient", world.patient), ("_count", str(MOST * 9)))
    assert answer.status_code == 200


@pytest.mark.slow
def test_every_answer_is_r4_to_two_validators(world, judge: Judge):
    test_glass_that_was_broken_a_link_and_a_sealed_version_are_told(world)
    READS["summary"](world)
    by = service("import", source="import")
    record_event(world.course.pk, event("note_added", at=NOW - HOUR, text="x"), by=by, now=NOW)
    asked = []
    for kind in SEARCHES:
        answer = ask(world, kind, ("patient", world.patient), ("_count", "2"))
        asked.append((f"{kind} page", answer.json()))
        every = ask(world, kind, ("patient", world.patient))
        asked += [(f"{kind} {number}", each) for number, each in enumerate(resources(every))]
        asked.append((f"{kind} none", ask(world, kind, ("patient", str(uuid4()))).json()))
    found = judge(asked)
    assert {name: errors for name, errors in found.items() if errors} == {}
    assert len(found) > 8
