"""Signing a protocol: what must be decided, who signs, what ends a signature, and what a signed set does to courses."""

from datetime import date, timedelta

import pytest
from django.db import DatabaseError, transaction

from handrail.actions.actor import person, service
from handrail.actions.courses import start_course
from handrail.actions.errors import ConflictError, NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import record_event
from handrail.actions.signing import decide_rows, open_set, sign, take_up
from handrail.actions.signing_state import document_for, signed_overlay, state_of
from handrail.people.models import Membership
from handrail.records import wire
from handrail.records.models import Course, CourseAccess, ProtocolSignature, SigningEntry, SigningMark
from handrail.records.signed import in_force, not_on
from handrail.rules import protocol as protocols
from handrail.rules.coursefile import course_from_json, course_to_json
from handrail.rules.overlays import TO_CONFIRM
from handrail.rules.protocol import load
from handrail.rules.terms import Status
from tests.support.factories import MONDAY_0900, event, make_house, make_member, make_patient
from tests.support.signing import CITATION, both_sign, decided_set, is_well, pharmacist_of, rows_of, signed

pytestmark = pytest.mark.django_db
KEY = "teclistamab/US/2026-03/mono"
OTHER_KEY = "elranatamab/US/2025-07"
BAND = "BAND-0.06-70-79"
BANDS = [row.id for row in load(KEY).band]
LATER = MONDAY_0900 + timedelta(hours=1)


@pytest.fixture
def house():
    return make_house("Live", mode="live")


@pytest.fixture
def pharmacist(house):
    return person(pharmacist_of(house))


@pytest.fixture
def lead(house):
    return person(house.oncologist)


@pytest.fixture
def draft(house, pharmacist):
    return open_set(house.organisation.pk, KEY, by=pharmacist, now=MONDAY_0900)


@pytest.fixture
def ready(house):
    return decided_set(house, KEY)


def sign_as(signing_set, part, by, *, digest=None, now=MONDAY_0900):
    return sign(signing_set.pk, part=part, digest=digest or state_of(signing_set).digest, by=by, now=now)


def refused(code: str, verb, *args, **fields):
    with pytest.raises(RefusedError) as error:
        verb(*args, **fields)
    assert error.value.code == code


# --- rows -----------------------------------------------------------------------------------------------------------


def test_a_set_asks_for_every_row_that_was_not_read_in_the_label_itself(draft):
    state = state_of(draft)
    wanted = [row.id for row in load(KEY).rows() if row.status in TO_CONFIRM]
    assert [row.id for row in state.open_rows()] == wanted
    assert (draft.number, draft.sha256, state.closed) == (1, load(KEY).sha256, False)


def test_opening_again_is_the_same_set(house, draft, lead):
    assert open_set(house.organisation.pk, KEY, by=lead) == draft


@pytest.mark.parametrize(
    ("rows", "citation", "code"),
    [
        # rows                        | citation  | why not
        ([], CITATION, "missing_key"),
        ([BAND], "", "missing_source"),
        ([BAND], "   ", "missing_source"),
        ([BAND], "x" * 501, "missing_source"),
        ([BAND], "nul \x00", "missing_source"),
        (["NO-SUCH-ROW"], CITATION, "unknown_row"),
        (["SUD1-WINDOW"], CITATION, "unknown_row"),  # sourced: nothing to decide
        ([BAND, "NO-SUCH-ROW"], CITATION, "unknown_row"),
        (["R4"], None, "cannot_leave"),  # secondary: it answers, so it is confirmed or the set is not signed
        ([BAND, "R4"], None, "cannot_leave"),
    ],
)
def test_a_decision_that_cannot_be_used_changes_nothing(draft, pharmacist, rows, citation, code):
    refused(code, decide_rows, draft.pk, rows, citation=citation, by=pharmacist)
    assert not SigningEntry.objects.exists()


def test_the_newest_decision_about_a_row_counts_and_all_stay_on_record(draft, pharmacist):
    assert decide_rows(draft.pk, [BAND, "R4"], citation=f"  {CITATION} ", by=pharmacist) == 2
    assert decide_rows(draft.pk, [BAND, BAND], citation=CITATION, by=pharmacist) == 0  # as before
    assert decide_rows(draft.pk, [BAND], citation=None, by=pharmacist) == 1
    entries = state_of(draft).entries
    assert (entries["R4"].citation, entries["R4"].decision) == (CITATION, "confirmed")
    assert (entries[BAND].citation, entries[BAND].decision) == ("", "left")
    assert [e.number for e in SigningEntry.objects.order_by("number")] == [1, 2, 3]


def test_nobody_changes_what_was_entered_or_signed(ready, pharmacist):
    sign_as(ready, "pharmacist", pharmacist)
    for model, change in (
        (SigningEntry, {"citation": "another"}),
        (SigningMark, {"digest": "0" * 64}),
        (type(ready), {"sha256": "0" * 64}),
    ):
        for attempt in (lambda m=model, c=change: m.objects.update(**c), lambda m=model: m.objects.all().delete()):
            with pytest.raises(DatabaseError), transaction.atomic():
                attempt()


def test_a_confirmation_without_a_citation_cannot_be_stored(draft, pharmacist):
    with pytest.raises(DatabaseError), transaction.atomic():
        SigningEntry.objects.create(
            organisation=draft.organisation,
            signing_set=draft,
            number=1,
            row_id=BAND,
            row_sha256="0" * 64,
            decision="confirmed",
            by=pharmacist.user,
        )


# --- signatures -----------------------------------------------------------------------------------------------------


def test_both_sign_and_the_set_is_closed_for_good(house, ready, pharmacist, lead):
    first = sign_as(ready, "pharmacist", pharmacist)
    assert (first.signature, in_force(house.organisation.pk, KEY)) == (None, None)
    both = sign_as(ready, "medical_lead", lead, now=LATER)
    signature = in_force(house.organisation.pk, KEY)
    assert both.signature == signature
    assert (signature.pharmacist, signature.medical_lead, signature.signed_at) == (
        pharmacist.user,
        house.oncologist,
        LATER,
    )
    assert both.closed
    refused("signed", decide_rows, ready.pk, [BAND], citation=CITATION, by=pharmacist)
    refused("signed", sign, ready.pk, part="medical_lead", digest=both.digest, by=person(house.director))


def test_the_director_signs_as_medical_lead_too_and_the_order_is_free(house, ready, pharmacist):
    sign_as(ready, "medical_lead", person(house.director))
    assert sign_as(ready, "pharmacist", pharmacist).signature.medical_lead == house.director


def test_a_set_with_an_undecided_row_is_not_signed(draft, pharmacist):
    rows = [row.id for row in state_of(draft).to_decide()]
    decide_rows(draft.pk, rows[1:], citation=CITATION, by=pharmacist)
    refused("open_rows", sign_as, draft, "pharmacist", pharmacist)
    decide_rows(draft.pk, rows[:1], citation=CITATION, by=pharmacist)
    assert set(sign_as(draft, "pharmacist", pharmacist).marks) == {"pharmacist"}


def test_a_change_after_the_first_signature_ends_it(house, ready, pharmacist, lead):
    sign_as(ready, "pharmacist", pharmacist)
    decide_rows(ready.pk, [BAND], citation=CITATION, by=lead)
    state = state_of(ready)
    assert (dict(state.marks), [mark.by for mark in state.ended]) == ({}, [pharmacist.user])
    assert sign_as(ready, "medical_lead", lead).signature is None
    assert sign_as(ready, "pharmacist", pharmacist).signature is not None


def test_a_change_and_its_reverse_do_not_bring_a_signature_back(ready, pharmacist, lead):
    sign_as(ready, "pharmacist", pharmacist)
    decide_rows(ready.pk, [BAND], citation=CITATION, by=lead)
    decide_rows(ready.pk, [BAND], citation=None, by=lead)
    assert not state_of(ready).marks
    assert sign_as(ready, "medical_lead", lead).signature is None


def test_what_changed_since_one_looked_is_not_signed_unseen(ready, pharmacist, lead):
    seen = state_of(ready).digest
    decide_rows(ready.pk, [BAND], citation=CITATION, by=lead)
    with pytest.raises(ConflictError):
        sign_as(ready, "pharmacist", pharmacist, digest=seen)
    assert not SigningMark.objects.exists()


def test_the_same_signature_sent_again_is_the_same_signature(ready, pharmacist, lead):
    digest = state_of(ready).digest
    for _ in range(2):
        assert set(sign_as(ready, "pharmacist", pharmacist, digest=digest).marks) == {"pharmacist"}
    for _ in range(2):
        assert sign_as(ready, "medical_lead", lead, digest=digest).signature is not None
    assert (SigningMark.objects.count(), ProtocolSignature.objects.count()) == (2, 1)


def test_two_different_people_sign(house, ready):
    both = make_member(house.organisation, "pharmacist")
    Membership.objects.create(
        organisation=house.organisation, user=both, role="director", valid_from=MONDAY_0900 - timedelta(days=9)
    )
    sign_as(ready, "pharmacist", person(both))
    refused("same_person", sign_as, ready, "medical_lead", person(both))
    with pytest.raises(RefusedError, match="signed already"):
        sign_as(ready, "pharmacist", person(make_member(house.organisation, "pharmacist")))


def test_who_may_do_what(house, ready, pharmacist, lead):
    stranger = make_house("Other", mode="live")
    nurse, director, theirs = person(house.nurse), person(house.director), person(stranger.oncologist)
    outsider = person(pharmacist_of(stranger))
    for verb in (
        lambda by: open_set(house.organisation.pk, OTHER_KEY, by=by),
        lambda by: decide_rows(ready.pk, [BAND], citation=CITATION, by=by),
        lambda by: sign_as(ready, "pharmacist", by),
    ):
        for by, error in ((nurse, NotAllowedError), (service("x"), NotAllowedError), (theirs, NotVisibleError)):
            with pytest.raises(error):
                verb(by)
    for part, by, error in (
        ("pharmacist", lead, NotAllowedError),
        ("pharmacist", director, NotAllowedError),
        ("medical_lead", pharmacist, NotAllowedError),
        ("pharmacist", outsider, NotVisibleError),
        ("nurse", pharmacist, RefusedError),
    ):
        with pytest.raises(error):
            sign_as(ready, part, by)
    assert not SigningMark.objects.exists()


def test_a_membership_that_is_over_signs_nothing(house, ready):
    former = make_member(house.organisation, "pharmacist", valid_until=MONDAY_0900 - timedelta(days=1))
    with pytest.raises(NotVisibleError):
        sign_as(ready, "pharmacist", person(former))


# --- a newer set, a newer file --------------------------------------------------------------------------------------


def test_a_newer_set_starts_from_the_older_and_supersedes_it_when_both_have_signed(house, pharmacist):
    first = signed(house, KEY, confirm=[BAND])
    second = open_set(house.organisation.pk, KEY, by=pharmacist, now=LATER)
    state = state_of(second)
    assert (second.number, state.open_rows(), state.entries[BAND].carried_from) == (2, (), 1)
    assert in_force(house.organisation.pk, KEY) == first
    newer = both_sign(house, second, now=LATER)
    assert in_force(house.organisation.pk, KEY) == newer
    first.refresh_from_db()
    assert first.revoked_at == LATER
    assert (newer.document["number"], len(newer.document["rows"])) == (2, len(first.document["rows"]))


def test_only_the_newest_set_of_a_protocol_can_be_worked_on(house, draft, pharmacist, monkeypatch):
    decide_rows(draft.pk, [BAND, "R4"], citation=CITATION, by=pharmacist)
    text = next(
        f for f in protocols.FOLDER.glob("*.toml") if load(KEY).sha256 == protocols.load_text(f.read_bytes()).sha256
    )
    band = '\nid = "BAND-0.06-70-79"'
    changed = protocols.load_text(text.read_text().replace(band, f'\nwords = "changed"{band}'))
    monkeypatch.setattr(protocols, "_named", lambda key: changed if key == KEY else None)
    refused("changed_since", decide_rows, draft.pk, [BAND], citation=CITATION, by=pharmacist)
    newer = open_set(house.organisation.pk, KEY, by=pharmacist)
    assert (newer.number, newer.sha256) == (2, changed.sha256)
    assert set(state_of(newer).entries) == {"R4"}  # the changed row is decided anew
    refused("superseded", decide_rows, draft.pk, [BAND], citation=CITATION, by=pharmacist)


def test_the_sets_of_two_organisations_and_two_protocols_are_their_own(house, pharmacist):
    other = make_house("Other", mode="live")
    first, theirs = signed(house, KEY), signed(other, KEY)
    second = signed(house, OTHER_KEY)
    assert {first.document["number"], theirs.document["number"], second.document["number"]} == {1}
    assert in_force(house.organisation.pk, KEY) == first


# --- courses --------------------------------------------------------------------------------------------------------


def start(house, **fields) -> Course:
    patient = make_patient(house.organisation, synthetic=house.organisation.mode == "demo")
    defaults = {
        "product": "teclistamab",
        "protocol_key": KEY,
        "schedule": "weekly",
        "prior_doses_known": True,
        "now": LATER,
    }
    recorded = start_course(patient, **{**defaults, "by": person(house.oncologist), **fields})
    return Course.objects.get(pk=recorded.event.course_id)


def test_a_live_course_gives_the_amount_of_a_band_only_when_its_row_is_signed(house, lead):
    signed(house, KEY)
    without = is_well(start(house), lead, LATER + timedelta(minutes=5))
    assert (without.amount, without.would_be.amount.row) == (None, BAND)
    signed(house, KEY, confirm=BANDS, now=LATER)
    dose = is_well(start(house), lead, LATER + timedelta(minutes=5))
    row = load(KEY).row(BAND)
    assert (dose.action, dose.step) == ("give", "step_up_1")
    assert (dose.amount.mg, dose.amount.ml, dose.amount.vials) == (row.mg, row.ml, row.vials)
    assert dose.amount.basis.endswith(f"row signed by {house.organisation.name}, set 2")


def test_a_course_carries_the_signed_document_and_its_file_says_so_without_names(house):
    signature = signed(house, KEY, confirm=[BAND])
    course = start(house)
    assert course.overlays == [signature.document]
    body = wire.course_file(course)
    assert course_to_json(course_from_json(body))["overlays"] == [signature.document]
    assert signature.pharmacist.name not in str(body)


def test_the_exported_document_names_who_signed_and_works_as_an_overlay(house):
    signature = signed(house, KEY, confirm=[BAND])
    exported = document_for(state_of(signature.signing_set), names=True)
    assert [(each["part"], each["name"]) for each in exported["signatures"]] == [
        ("medical_lead", house.oncologist.name),
        ("pharmacist", signature.pharmacist.name),
    ]
    over = load(KEY).with_overlays([exported])
    confirmed = {row.id for row in over.rows() if row.signed_by}
    assert confirmed == {BAND, *rows_of(KEY, Status.SECONDARY)}
    assert set(exported["left"]) == set(rows_of(KEY, Status.UNVERIFIED)) - {BAND}


def test_a_demonstration_starts_without_a_signature_and_uses_one_that_is_there(pharmacist):
    demo = make_house("Demo")
    assert start(demo).overlays == []
    signature = signed(demo, KEY)
    assert start(demo).overlays == [signature.document]


def test_a_running_course_stays_where_it_is_until_somebody_moves_it(house, lead):
    signed(house, KEY)
    course, by = start(house), lead
    newer = signed(house, KEY, confirm=BANDS, now=LATER)
    at = LATER + timedelta(minutes=5)
    assert is_well(course, by, at).amount is None
    course.refresh_from_db()
    assert list(not_on(newer, [course], at)) == [course]
    moved = take_up(course.pk, by=by, now=at)
    assert (moved.event.kind, moved.event.payload["overlay"], moved.event.by) == (
        "protocol_changed",
        newer.document,
        str(house.oncologist.pk),
    )
    assert moved.assessment.next_dose.amount is not None
    assert list(not_on(newer, [course], at)) == []
    assert list(not_on(newer, [start(house, now=at)], at)) == []


def test_an_ended_course_and_one_of_another_protocol_are_not_touched(house, lead):
    signed(house, KEY)
    signed(house, OTHER_KEY)
    elsewhere = start(house, product="elranatamab", protocol_key=OTHER_KEY)
    ended = start(house)
    at = LATER + timedelta(minutes=5)
    Course.objects.filter(pk=ended.pk).update(ended_at=at)
    newer = signed(house, KEY, confirm=[BAND], now=at)
    assert list(not_on(newer, Course.objects.filter(organisation=house.organisation), at)) == []
    assert elsewhere.overlays != [newer.document]


def test_taking_up_is_for_who_decides_on_the_course(house):
    signed(house, KEY)
    course = start(house)
    with pytest.raises(NotAllowedError):
        take_up(course.pk, by=person(house.nurse), now=LATER)
    with pytest.raises(NotVisibleError):
        take_up(course.pk, by=person(make_house("Other").oncologist), now=LATER)
    demo = make_house("Demo")
    refused("not_signed", take_up, start(demo).pk, by=person(demo.oncologist), now=LATER)


def test_a_live_course_moves_only_to_what_is_signed(house, lead):
    signed(house, KEY)
    course = start(house)
    at = LATER + timedelta(minutes=5)

    def move(**fields):
        record_event(course.pk, event("protocol_changed", at=at, **fields), by=lead, now=at)

    combo = "teclistamab/US/2026-03/combo"
    refused("not_signed", move, protocol_key=combo)
    refused("unknown_protocol", move, protocol_key="teclistamab/US/1999-01")
    planted = {"protocol_key": KEY, "signed_by": "me", "rows": [{"id": BAND, "citation": "mine"}]}
    refused("not_signed", move, overlay=planted)
    refused("not_signed", move, protocol_key=KEY, overlay=planted)
    assert course.events.count() == 1
    signed(house, combo)
    move(protocol_key=combo)
    move(protocol_key=None)
    assert course.events.count() == 3


def test_a_demonstration_takes_up_no_rows_that_nobody_signed():
    demo = make_house("Demo")
    course = start(demo)
    planted = {"protocol_key": KEY, "signed_by": "me", "rows": [{"id": BAND, "citation": "mine"}]}
    moved = event("protocol_changed", at=LATER, overlay=planted)
    refused("not_signed", record_event, course.pk, moved, by=person(demo.oncologist), now=LATER)


def test_a_helper_of_another_organisation_moves_a_course_to_what_its_owner_signed(house):
    """The signatures of the owner are not the helper's rows; the check reads them all the same."""
    helper = make_house("Helper", mode="live")
    signed(house, KEY)
    course = start(house)
    newer = signed(house, KEY, confirm=[BAND], now=LATER)
    CourseAccess.objects.create(
        organisation=house.organisation,
        course=course,
        to_organisation=helper.organisation,
        purpose="co_management",
        valid_from=MONDAY_0900,
    )
    moved = take_up(course.pk, by=person(helper.oncologist), now=LATER + timedelta(minutes=1))
    assert moved.event.payload["overlay"] == newer.document


def test_the_signed_document_is_held_against_what_was_signed(house):
    signature = signed(house, KEY)
    protocol = load(KEY)
    assert signed_overlay(house.organisation.pk, protocol) == signature.document
    planted = {**signature.document, "rows": [*signature.document["rows"], {"id": BAND, "citation": "mine"}]}
    ProtocolSignature.objects.update(document=planted)
    assert signed_overlay(house.organisation.pk, protocol) is None


# --- a requirement that ends --------------------------------------------------------------------------------------


def rems_ids(key: str = KEY) -> list[str]:
    return [row.id for row in load(key).rems]


def test_a_requirement_ends_with_two_signatures_and_a_course_takes_it_up(house, pharmacist, lead):
    before = signed(house, KEY)
    course = start(house)
    renewed = open_set(house.organisation.pk, KEY, by=pharmacist, now=LATER)
    decide_rows(renewed.pk, rems_ids(), citation="a notice", ended_on=date(2026, 3, 1), by=pharmacist, now=LATER)
    undecided = [row.id for row in state_of(renewed).open_rows()]
    assert undecided == [], "what was decided before is carried over"
    after = both_sign(house, renewed, now=LATER)
    ended = [row for row in after.document["rows"] if "in_force_to" in row]
    assert {row["id"] for row in ended} == set(rems_ids())
    assert {(row["in_force_to"], row["confirmed_on"]) for row in ended} == {("2026-03-01", "2026-03-02")}
    assert signed_overlay(house.organisation.pk, load(KEY)) == after.document != before.document
    [left] = not_on(after, [course], LATER)
    moved = take_up(left.pk, by=lead, now=LATER)
    said = {each.what for each in moved.assessment.findings if each.rule == "rems"}
    assert said == {"The REMS ended on Sun 1 Mar 2026: its requirements are not checked"}
    third = open_set(house.organisation.pk, KEY, by=pharmacist, now=LATER)
    assert {state_of(third).entries[row].in_force_to for row in rems_ids()} == {date(2026, 3, 1)}


@pytest.mark.parametrize(
    ("row", "citation", "code"),
    [(BAND, "a notice", "wrong_value"), (None, None, "cannot_leave"), (None, " ", "missing_source")],
)
def test_only_a_requirement_ends_and_only_with_a_citation(draft, pharmacist, row, citation, code):
    sourced = next(each.id for each in load(KEY).rems if each.status is Status.SOURCED)
    refused(code, decide_rows, draft.pk, [row or sourced], citation=citation, ended_on=date(2026, 3, 1), by=pharmacist)


def test_a_change_of_the_last_day_ends_a_signature(house, ready, pharmacist):
    decide_rows(ready.pk, rems_ids()[:1], citation="a notice", ended_on=date(2026, 3, 1), by=pharmacist)
    sign_as(ready, "pharmacist", pharmacist)
    again = {"citation": "a notice", "by": pharmacist}
    assert decide_rows(ready.pk, rems_ids()[:1], ended_on=date(2026, 3, 1), **again) == 0
    assert set(state_of(ready).marks) == {"pharmacist"}
    assert decide_rows(ready.pk, rems_ids()[:1], ended_on=date(2026, 3, 2), **again) == 1
    assert not state_of(ready).marks
