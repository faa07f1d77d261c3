"""The pages on which a protocol is signed: the worklist, the two signatures, the export, the courses left behind."""

import json
import re
from datetime import timedelta

import pytest
from django.urls import reverse

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.courses import start_course
from handrail.actions.facts import record_event
from handrail.actions.signing import decide_rows
from handrail.actions.signing_state import state_of
from handrail.people.scope import everything
from handrail.records.models import Course, ProtocolSignature, SigningEntry, SigningMark, SigningSet
from handrail.rules.protocol import load
from handrail.rules.terms import Status
from tests.support.factories import MONDAY_0900, World, dose, make_house, make_member, make_patient
from tests.support.signing import CITATION, both_sign, decided_set, pharmacist_of, rows_of, signed

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=3)
KEY = "teclistamab/US/2026-03/mono"
BAND = "BAND-0.06-70-79"


@pytest.fixture(autouse=True)
def frozen():
    with clock.use(clock.FrozenClock(NOW)):
        yield


@pytest.fixture
def house(db):
    return World().alice


@pytest.fixture
def client(client, house):
    client.force_login(pharmacist_of(house))
    return client


def draft_of(client, house) -> SigningSet:
    answer = client.post(reverse("start_signing"), {"organisation": str(house.id), "protocol": KEY})
    with everything():
        opened = SigningSet.objects.get(organisation=house.organisation)
    assert answer.url == reverse("signing_set", args=[opened.pk])
    return opened


def page_of(client, signing_set) -> str:
    return client.get(reverse("signing_set", args=[signing_set.pk])).content.decode()


def post(client, name: str, signing_set, **data):
    return client.post(reverse(name, args=[signing_set.pk]), data, follow=True)


def test_a_requirement_is_confirmed_as_ended_on_its_last_day(client, house):
    draft = draft_of(client, house)
    requirement = load(KEY).rems[0].id
    sent = {"section": "remsrow", "rows": [requirement], "citation": CITATION, "decision": "confirm"}
    assert "A day reads like" in post(client, "decide_rows", draft, **sent, ended_on="soon").content.decode()
    page = post(client, "decide_rows", draft, **sent, ended_on="2026-03-01").content.decode()
    item = re.search(rf'<li id="row-{re.escape(requirement)}">(.*?)</li>', page, re.DOTALL)[1]
    assert "Ended: 1 Mar 2026 is its last day." in item and "Confirmed" in item
    again = post(client, "decide_rows", draft, **sent, ended_on="").content.decode()
    assert "is its last day" not in again


def test_the_worklist_shows_every_row_with_its_words_source_and_status(client, house):
    text = page_of(client, draft_of(client, house))
    protocol = load(KEY)
    for row in protocol.rows():
        item = re.search(rf'<li id="row-{re.escape(row.id)}">(.*?)</li>', text, re.DOTALL)
        assert item, row.id
        assert f'class="chip {row.status.value}"' in item[1], row.id
        for key in row.source:
            assert protocol.sources[key].document.split("'")[0].split("&")[0] in item[1], (row.id, key)
        decided_here = row.status in (Status.SECONDARY, Status.UNVERIFIED) or row in protocol.rems
        assert ("Choose" in item[1]) is decided_here, row.id
    waiting = sum(row.status in (Status.SECONDARY, Status.UNVERIFIED) for row in protocol.rows())
    assert f"<dt>Still open</dt><dd>{waiting}</dd>" in text
    assert "Sign as" not in text


def test_the_numbers_of_a_band_can_be_compared_with_the_label(client, house):
    text = page_of(client, draft_of(client, house))
    item = re.search(rf'<li id="row-{BAND}">(.*?)</li>', text, re.DOTALL)[1]
    row = load(KEY).row(BAND)
    for words in (f"mg <b>{row.mg}</b>", f"mL <b>{row.ml}</b>", "from kg <b>70</b>", "to kg <b>79</b>"):
        assert words in item


def test_chosen_rows_are_confirmed_with_a_citation_and_left_without(client, house):
    draft = draft_of(client, house)
    post(client, "decide_rows", draft, section="bandrow", rows=[BAND], citation=CITATION, decision="confirm")
    answer = post(client, "decide_rows", draft, section="bandrow", all="yes", decision="leave")
    assert "rows left: the answer stays to ask." in answer.content.decode()
    with everything():
        entries = {e.row_id: (e.decision, e.citation) for e in SigningEntry.objects.all()}
    assert entries.pop(BAND) == ("confirmed", CITATION)
    assert set(entries) == {row.id for row in load(KEY).band} - {BAND}
    assert set(entries.values()) == {("left", "")}


def test_all_open_rows_of_a_table_leaves_other_tables_and_earlier_decisions_alone(client, house):
    draft = draft_of(client, house)
    post(client, "decide_rows", draft, section="bandrow", rows=[BAND], decision="leave")
    post(client, "decide_rows", draft, section="bandrow", all="yes", citation=CITATION, decision="confirm")
    with everything():
        entries = state_of(draft).entries
    assert entries[BAND].decision == "left"
    assert set(entries) == {row.id for row in load(KEY).band}


def test_a_citation_that_is_missing_is_asked_for_and_the_choice_is_kept(client, house):
    draft = draft_of(client, house)
    answer = post(client, "decide_rows", draft, section="bandrow", rows=[BAND], citation=" ", decision="confirm")
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "A confirmed row has a citation of its own" in text
    assert f'value="{BAND}" checked' in text
    with everything():
        assert not SigningEntry.objects.exists()


def test_what_is_typed_is_shown_and_never_run(client, house):
    draft = draft_of(client, house)
    planted = "<script>alert(1)</script>"
    post(client, "decide_rows", draft, section="bandrow", rows=[BAND], citation=planted, decision="confirm")
    text = page_of(client, draft)
    assert planted not in text
    assert "&lt;script&gt;alert(1)" in text


def test_two_people_sign_and_the_export_names_them(client, house):
    with everything():
        ready = decided_set(house, KEY, confirm=[BAND])
    digest = re.search(r'name="digest" value="(\w{64})"', page_of(client, ready))[1]
    unseen = post(client, "sign_set", ready, digest=digest, part="pharmacist")
    assert (unseen.status_code, "seen every row" in unseen.content.decode()) == (422, True)
    text = post(client, "sign_set", ready, digest=digest, part="pharmacist", seen="yes").content.decode()
    assert "You have signed." in text
    assert "Sign as" not in text
    assert client.get(reverse("signing_file", args=[ready.pk])).status_code == 404
    client.force_login(house.director)
    text = post(client, "sign_set", ready, digest=digest, part="medical_lead", seen="yes").content.decode()
    assert "Signed, in force" in text
    assert "Choose<" not in text
    file = client.get(reverse("signing_file", args=[ready.pk]))
    assert file["Content-Disposition"] == 'attachment; filename="teclistamab_US_2026-03_mono_set_1.json"'
    document = json.loads(file.content)
    assert {each["name"] for each in document["signatures"]} == {"Synthetic Pharmacist", "Alice Director"}
    over = load(KEY).with_overlays([document])
    assert over.row(BAND).signed_by == f"{house.organisation.name}, set 1"


def test_a_change_after_the_first_signature_is_said_and_asks_for_it_again(client, house):
    with everything():
        ready = decided_set(house, KEY)
    digest = re.search(r'name="digest" value="(\w{64})"', page_of(client, ready))[1]
    post(client, "sign_set", ready, digest=digest, part="pharmacist", seen="yes")
    decide_rows(ready.pk, [BAND], citation=CITATION, by=person(house.oncologist), now=NOW)
    text = page_of(client, ready)
    assert "These signatures ended" in text
    assert "Sign as pharmacist" in text
    stale = post(client, "sign_set", ready, digest=digest, part="pharmacist", seen="yes")
    assert (stale.status_code, "changed since you looked" in stale.content.decode()) == (422, True)


@pytest.mark.parametrize(
    ("role", "offered"),
    [
        # who               | what the page offers
        ("pharmacist", {"Sign as pharmacist"}),
        ("oncologist", {"Sign as medical lead"}),
        ("director", {"Sign as medical lead"}),
        ("nurse", set()),
        ("viewer", set()),
    ],
)
def test_who_is_offered_what(client, house, role, offered):
    with everything():
        ready = decided_set(house, KEY)
    client.force_login(make_member(house.organisation, role))
    text = page_of(client, ready)
    assert set(re.findall(r"Sign as (?:pharmacist|medical lead)", text)) == offered
    assert ("Choose<" in text) is bool(offered)
    refused = post(client, "decide_rows", ready, section="bandrow", rows=[BAND], decision="leave")
    assert refused.status_code == (200 if offered else 403)


def test_the_list_says_what_is_signed_and_what_is_being_read(client, house):
    with everything():
        signed(house, KEY)
    text = client.get(reverse("signing")).content.decode()
    assert text.count('<span class="mark good">Signed</span>') == 1
    assert "signed by Synthetic Pharmacist and Alice Oncologist" in text
    client.post(reverse("start_signing"), {"organisation": str(house.id), "protocol": KEY})
    text = client.get(reverse("signing")).content.decode()
    assert "Go on with set 2" in text
    with everything():
        ProtocolSignature.objects.update(sha256="0" * 64)
    assert "Changed since" in client.get(reverse("signing")).content.decode()


@pytest.mark.parametrize("data", [{}, {"organisation": "x", "protocol": KEY}, {"protocol": "no/such/key"}])
def test_a_start_that_makes_no_sense_opens_nothing(client, house, data):
    if data.get("protocol") == "no/such/key":
        data = {**data, "organisation": str(house.id)}
        assert "There is no protocol" in client.post(reverse("start_signing"), data, follow=True).content.decode()
    else:
        assert client.post(reverse("start_signing"), data).status_code == 404
    with everything():
        assert not SigningSet.objects.exists()


def test_courses_left_behind_are_listed_and_moved_one_by_one(client):
    live = make_house("Live", mode="live")
    with everything():
        signed(live, KEY)
        patient = make_patient(live.organisation, synthetic=False)
    course_id = start_course(
        patient, by=person(live.oncologist), product="teclistamab", protocol_key=KEY, now=NOW
    ).event.course_id
    with everything():
        newer = signed(live, KEY, confirm=[BAND], now=NOW).signing_set
    client.force_login(live.nurse)
    text = page_of(client, newer)
    assert "1 running course not on this set" in text
    assert reverse("course", args=[course_id]) in text
    assert "Move to set 2" not in text
    assert client.post(reverse("take_up_set", args=[course_id])).status_code == 403
    client.force_login(make_member(live.organisation, "viewer"))
    assert "Synthia" not in page_of(client, newer)
    client.force_login(live.oncologist)
    assert "Move to set 2" in page_of(client, newer)
    client.post(reverse("take_up_set", args=[course_id]))
    assert "Every running course of this protocol is on this set." in page_of(client, newer)
    with everything():
        assert Course.objects.get(pk=course_id).events.get(kind="protocol_changed").by == str(live.oncologist.pk)


def test_a_superseded_set_can_be_read_and_not_changed(client, house):
    with everything():
        first = signed(house, KEY).signing_set
        both_sign(house, decided_set(house, KEY, confirm=[BAND], now=NOW), now=NOW)
    text = page_of(client, first)
    assert "Signed, superseded by a newer set" in text
    assert "running course" not in text
    answer = post(client, "decide_rows", first, section="bandrow", rows=[BAND], decision="leave")
    assert (answer.status_code, SigningMark.objects.count()) == (422, 4)


def test_a_page_costs_the_same_for_few_and_for_many_rows(client, house, django_assert_max_num_queries):
    with everything():
        small, large = (decided_set(house, key) for key in ("elranatamab/US/2025-07", KEY))
    assert len(rows_of(KEY, Status.UNVERIFIED)) > 40
    for each in (small, large):
        with django_assert_max_num_queries(30):
            page_of(client, each)


def test_the_page_of_a_course_says_who_signed_what_its_answer_rests_on(client):
    live = make_house("Live", mode="live")
    patient = make_patient(live.organisation, synthetic=False)
    with everything():
        signature = signed(live, KEY, confirm=rows_of(KEY, Status.UNVERIFIED), now=NOW)
    course = start_course(
        patient,
        by=person(live.oncologist),
        product="teclistamab",
        protocol_key=KEY,
        schedule="weekly",
        prior_doses_known=True,
        now=NOW,
    ).event.course_id
    given = dose("step_up_1", mg="4.2", dose_mg_per_kg="0.06", at=NOW)
    record_event(course, given, by=person(live.oncologist), now=NOW)
    ten_days = NOW + timedelta(days=10)
    client.force_login(live.oncologist)
    with clock.use(clock.FrozenClock(ten_days)):
        text = client.get(reverse("course", args=[course])).content.decode()
    assert "row R1" in text
    assert f'class="chip signed">signed by {signature.document["signed_by"]}' in text
    assert 'class="chip secondary"' not in text
