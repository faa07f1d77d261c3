"""One fact, one transaction: what is stored, what is refused, and what the person is told."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import translation

from handrail.actions import recording
from handrail.actions.actor import person, service, through_link
from handrail.actions.answering import acknowledge
from handrail.actions.errors import ConflictError, NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import correct_event, receive_checkin, record_event, withdraw_event
from handrail.actions.links import issue_checkin_link
from handrail.actions.truth import truth_about
from handrail.actions.upkeep import reassess
from handrail.alerts import heartbeat
from handrail.alerts.models import Heartbeat
from handrail.people.models import Shift
from handrail.people.scope import everything
from handrail.records import accountability, wire
from handrail.records.models import Event
from handrail.rules.terms import UnusableInput
from tests.support.factories import MONDAY_0900, World, checkin, dose, event, make_member

pytestmark = pytest.mark.django_db
TUESDAY_0214 = MONDAY_0900 + timedelta(hours=17, minutes=14)
READ = accountability.context_of
NOBODY = "NOBODY could be reached from here"
ED = "Go to the emergency department now. Do not drive yourself."
FEVER = {"temperature_c": "38.4", "temperature_as_typed": "101.1", "unit_as_typed": "F"}


@pytest.fixture
def world():
    world = World()
    record_event(
        world.course.pk,
        dose("step_up_1", at=MONDAY_0900 + timedelta(hours=1), mg="4.2"),
        by=world.actor("alice"),
        now=MONDAY_0900 + timedelta(hours=1),
    )
    return world


def count(course, kind: str = "") -> int:
    return course.events.filter(**({"kind": kind} if kind else {})).count()


# --- what is read -----------------------------------------------------------------------------------------------------


def test_who_is_called_is_said_from_what_was_read_to_judge_the_fact(world, monkeypatch):
    """The same sentence as of the course read anew, and the course is read once."""
    receive_checkin(world.course.pk, checkin(at=TUESDAY_0214, **FEVER), by=world.actor("alice"), now=TUESDAY_0214)
    asked = []
    for module in (recording, accountability):
        monkeypatch.setattr(module, "context_of", lambda *about: asked.append(about) or READ(*about))
    note = event("lab_resulted", at=TUESDAY_0214, code="crp", value="48", unit="mg/L")
    recorded = record_event(world.course.pk, note, by=world.actor("alice"), now=TUESDAY_0214)
    assert len(asked) == 1
    assert recorded.truth.endswith("The clinician on call is being called.")
    course = recorded.event.course
    assert recorded.truth == truth_about(course, TUESDAY_0214, saved_at=recorded.event.recorded_at)


# --- what is stored -------------------------------------------------------------------------------------------------


def test_a_fact_is_stored_in_the_words_of_the_course_file(world):
    sent = checkin(at=TUESDAY_0214, **FEVER, caregiver_present=None, x_phone={"battery": 17})
    recorded = receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=TUESDAY_0214 + timedelta(minutes=1))
    row = Event.objects.get(id=sent["id"])
    assert row == recorded.event
    assert (row.kind, row.role, row.by, row.source) == ("checkin_received", "nurse", str(world.alice.nurse.pk), "staff")
    assert (row.occurred_at, row.recorded_at) == (TUESDAY_0214, TUESDAY_0214 + timedelta(minutes=1))
    assert row.payload["temperature_c"] == "38.4"
    assert row.payload["caregiver_present"] is None  # asked, not known
    assert "systolic_mmhg" not in row.payload  # never asked
    assert row.payload["x_phone"] == {"battery": 17}
    assert wire.to_fact(row).body.temperature_c == Decimal("38.4")


def test_who_wrote_it_and_when_is_not_for_the_sender_to_say(world):
    lie = {"by": {"role": "director", "id": "x"}, "recorded_at": "2020-01-01T00:00:00Z", "source": "device"}
    sent = checkin(at=TUESDAY_0214, **lie)
    row = receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=TUESDAY_0214).event
    assert (row.role, row.source, row.recorded_at) == ("nurse", "staff", TUESDAY_0214)


def test_the_answer_is_cached_with_the_next_look(world):
    recorded = receive_checkin(
        world.course.pk, checkin(at=TUESDAY_0214, **FEVER), by=world.actor("alice"), now=TUESDAY_0214
    )
    course = world.course
    course.refresh_from_db()
    assert course.assessment == recorded.assessment.to_json()
    assert course.assessed_at == TUESDAY_0214
    assert course.look_again_at == recorded.assessment.look_again_at > TUESDAY_0214


def test_the_end_of_a_course_is_indexed_and_so_is_its_correction(world):
    ended = event("course_ended", at=TUESDAY_0214, because="progression", died=False)
    record_event(world.course.pk, ended, by=world.actor("alice", "oncologist"), now=TUESDAY_0214)
    world.course.refresh_from_db()
    assert world.course.ended_at == TUESDAY_0214
    withdraw_event(
        world.course.pk, ended["id"], reason="wrong patient", by=world.actor("alice", "oncologist"), now=TUESDAY_0214
    )
    world.course.refresh_from_db()
    assert world.course.ended_at is None


def test_an_implausible_reading_is_kept_marked_and_satisfies_no_rule(world):
    sent = checkin(at=TUESDAY_0214, temperature_c="384")
    row = receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=TUESDAY_0214).event
    assert (row.payload["temperature_c"], row.payload["implausible"]) == ("384", ["temperature_c"])
    history, _ = wire.history_of(world.course, TUESDAY_0214)
    assert history.last("checkin_received").body.temperature_c is None


def test_a_wrong_dose_is_recorded_all_the_same(world):
    at = TUESDAY_0214
    row = record_event(world.course.pk, dose("step_up_3", at=at, mg="999"), by=world.actor("alice"), now=at).event
    assert row.payload["dose_mg"] == "999"


# --- once, however often it is sent -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [FEVER, {"temperature_c": "384"}])
def test_the_same_fact_again_is_the_first_answer_again(world, fields):
    sent = checkin(at=TUESDAY_0214, **fields)
    first = receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=TUESDAY_0214)
    again = receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=TUESDAY_0214 + timedelta(minutes=9))
    assert (first.again, again.again) == (False, True)
    assert again.event == first.event
    assert again.truth == first.truth
    assert [alert.pk for alert in again.opened] == [alert.pk for alert in first.opened]
    assert count(world.course, "checkin_received") == 1


def test_one_id_never_stands_for_two_things(world):
    sent = checkin(at=TUESDAY_0214)
    receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=TUESDAY_0214)
    before = count(world.course)
    with pytest.raises(ConflictError):
        receive_checkin(world.course.pk, {**sent, **FEVER}, by=world.actor("alice"), now=TUESDAY_0214)
    other = world.make_course()
    with pytest.raises(ConflictError):
        receive_checkin(other.pk, sent, by=world.actor("alice"), now=TUESDAY_0214)
    assert count(world.course) == before


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        # change                                         | code
        ({"kind": "checkin_recieved"}, "unknown_kind"),
        ({"kind": "course_started"}, "unknown_kind"),
        ({"kind": "page_acknowledged"}, "unknown_kind"),
        ({"kind": None}, "unknown_kind"),
        ({"at": "2026-03-03T02:14:00"}, "naive_time"),
        ({"at": "yesterday"}, "not_a_time"),
        ({"at": None}, "missing_key"),
        ({"id": "17"}, "not_a_uuid"),
        ({"id": None}, "missing_key"),
        ({"zone": "America/Chicgo"}, "unknown_zone"),
        ({"temperature_c": 38.4}, "wrong_type"),
        ({"temprature_c": "38.4"}, "unknown_key"),
        ({"patient_name": "Synthia Example"}, "unknown_key"),
        ({"phone": "+15550100123"}, "unknown_key"),
        ({"version": 2}, "unknown_version"),
        ({"symptoms": ["nul\x00"]}, "wrong_type"),
        ({"x_note": {"deep": ["nul\x00"]}}, "wrong_type"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence_and_changes_nothing(world, change, code):
    before = count(world.course)
    with pytest.raises(RefusedError) as refused:
        record_event(world.course.pk, {**checkin(at=TUESDAY_0214), **change}, by=world.actor("alice"), now=TUESDAY_0214)
    assert refused.value.code == code
    assert refused.value.message.endswith(".")
    assert "Synthia" not in refused.value.message
    assert count(world.course) == before


@pytest.mark.parametrize(
    ("fact", "code", "path"),
    [
        (event("note_added", at=MONDAY_0900 - timedelta(hours=1), text="too early"), "before_course", "event.at"),
        (event("dose_planned", step="step_up_3", on="2026-03-05"), "unknown_step", "event.step"),
    ],
    ids=["before the course", "a step that the label lacks"],
)
def test_a_fact_without_a_place_in_the_course_is_refused(world, fact, code, path):
    with pytest.raises(RefusedError) as refused:
        record_event(world.course.pk, fact, by=world.actor("alice", "oncologist"), now=TUESDAY_0214)
    assert (refused.value.code, refused.value.path) == (code, path)
    assert world.course.events.count() == 2


def test_an_import_may_tell_of_the_time_before_the_course(world):
    weight = event("weight_measured", at=MONDAY_0900 - timedelta(days=30), weight_kg="80")
    record_event(world.course.pk, weight, by=service("import", source="import"), now=TUESDAY_0214)
    assert world.course.events.filter(kind="weight_measured").exists()


def test_the_stranger_the_viewer_and_a_course_that_is_not_there(world):
    sent = checkin(at=TUESDAY_0214)
    with pytest.raises(NotVisibleError):
        receive_checkin(world.course.pk, sent, by=world.actor("charlie"), now=TUESDAY_0214)
    with pytest.raises(NotVisibleError):
        receive_checkin(uuid4(), sent, by=world.actor("alice"), now=TUESDAY_0214)
    viewer = recording.Actor(source="staff", user=make_member(world.alice.organisation, "viewer"))
    with pytest.raises(NotAllowedError):
        receive_checkin(world.course.pk, sent, by=viewer, now=TUESDAY_0214)
    assert count(world.course, "checkin_received") == 0


def test_the_helper_records_into_the_owners_course(world):
    sent = checkin(at=TUESDAY_0214)
    row = receive_checkin(world.course.pk, sent, by=world.actor("bob"), now=TUESDAY_0214).event
    assert row.organisation_id == world.alice.id
    assert row.by == str(world.bob.nurse.pk)


def test_a_patients_link_records_check_ins_and_nothing_else(world):
    issued = issue_checkin_link(world.course.pk, by=world.actor("alice"), now=MONDAY_0900)
    by = through_link(issued.link)
    row = receive_checkin(world.course.pk, checkin(at=TUESDAY_0214), by=by, now=TUESDAY_0214).event
    assert (row.role, row.source, row.by) == ("patient", "patient", str(issued.link.pk))
    with pytest.raises(NotAllowedError):
        record_event(world.course.pk, dose("step_up_2", at=TUESDAY_0214, mg="1"), by=by, now=TUESDAY_0214)
    with pytest.raises(NotVisibleError):
        receive_checkin(world.make_course().pk, checkin(at=TUESDAY_0214), by=by, now=TUESDAY_0214)
    late = issued.link.expires_at
    with pytest.raises(NotVisibleError):
        receive_checkin(world.course.pk, checkin(at=late), by=by, now=late)


# --- when the rules fail ----------------------------------------------------------------------------------------------


def test_a_fact_is_kept_when_the_rules_fail_and_somebody_is_called_to_look(world, monkeypatch, caplog):
    fever = receive_checkin(
        world.course.pk, checkin(at=TUESDAY_0214, **FEVER), by=world.actor("alice"), now=TUESDAY_0214
    )

    reading = "38.9 in a message that must not be logged"

    def broken(*args, **kwargs):
        raise ZeroDivisionError(reading)

    with monkeypatch.context() as patch:
        patch.setattr(recording, "assess", broken)
        later = TUESDAY_0214 + timedelta(minutes=5)
        recorded = receive_checkin(world.course.pk, checkin(at=later), by=world.actor("alice"), now=later)
    assert Event.objects.filter(id=recorded.event.id).exists()
    assert recorded.assessment is None
    assert [alert.key for alert in recorded.opened] == [recording.CANNOT_ASSESS]
    assert all(alert.is_open for alert in world.course.alerts.all())  # the fever's page goes on
    assert "is being called" in recorded.truth
    world.course.refresh_from_db()
    assert world.course.look_again_at == later + recording.TRY_AGAIN
    assert fever.opened
    assert "could not be assessed (ZeroDivisionError)" in caplog.text
    assert "38.9" not in caplog.text

    soon = later + timedelta(minutes=1)
    receive_checkin(world.course.pk, checkin(at=soon), by=world.actor("alice"), now=soon)
    assert not world.course.alerts.filter(key=recording.CANNOT_ASSESS, closed_at__isnull=True).exists()


def test_a_report_to_a_course_that_cannot_be_judged_calls_again_though_somebody_had_it(world, monkeypatch):
    """ "I have it" was said about the course an hour ago; nobody has seen the fever that comes now."""

    def gone(*args, **kwargs):
        raise UnusableInput("unknown_protocol", "There is no such protocol.", "protocol_key")

    monkeypatch.setattr(recording, "protocol_for", gone)
    first = receive_checkin(world.course.pk, checkin(at=TUESDAY_0214), by=world.actor("alice"), now=TUESDAY_0214)
    acknowledge(first.opened[0].pk, by=person(world.alice.on_call), now=TUESDAY_0214)
    later = TUESDAY_0214 + timedelta(hours=1)
    reassess(world.course.pk, now=later)
    assert world.course.alerts.filter(closed_at__isnull=True).get() == first.opened[0]  # time alone calls nobody anew
    fever = checkin(at=later, **FEVER)
    said = receive_checkin(world.course.pk, fever, by=world.actor("alice"), now=later)
    assert said.truth == "Saved Tuesday, March 3, 3:14 AM CST. The clinician on call is being called."
    again = world.course.alerts.get(closed_at__isnull=True)
    assert (again.reopened_of, again.acknowledged_at, again.next_page_at) == (first.opened[0], None, later)
    assert count(world.course, "alert_closed") == 1


def test_a_fact_is_kept_when_the_policy_of_the_course_is_gone(world):
    with everything():
        world.course.policy_sha256 = "0" * 64
        world.course.save(update_fields=["policy_sha256"])
    said = receive_checkin(
        world.course.pk, checkin(at=TUESDAY_0214, **FEVER), by=world.actor("alice"), now=TUESDAY_0214
    )
    assert count(world.course, "checkin_received") == 1
    assert [alert.key for alert in said.opened] == [recording.CANNOT_ASSESS]
    assert "is being called" in said.truth


def test_a_fact_that_the_rules_call_unusable_is_refused_if_it_is_the_one(world, monkeypatch):
    def unusable(*args, **kwargs):
        raise UnusableInput("unknown_step", "This schedule has no such step.", "step")

    monkeypatch.setattr(recording, "assess", unusable)
    with pytest.raises(RefusedError, match="no such step"):
        receive_checkin(world.course.pk, checkin(at=TUESDAY_0214), by=world.actor("alice"), now=TUESDAY_0214)
    assert count(world.course, "checkin_received") == 0


def test_a_fact_is_kept_when_the_course_was_unusable_before_it(world, monkeypatch):
    def gone(*args, **kwargs):
        raise UnusableInput("unknown_protocol", "There is no such protocol.", "protocol_key")

    monkeypatch.setattr(recording, "protocol_for", gone)
    recorded = receive_checkin(world.course.pk, checkin(at=TUESDAY_0214), by=world.actor("alice"), now=TUESDAY_0214)
    assert count(world.course, "checkin_received") == 1
    assert [alert.key for alert in recorded.opened] == [recording.CANNOT_ASSESS]


# --- the truth --------------------------------------------------------------------------------------------------------


def test_the_truth_of_a_quiet_check_in(world):
    said = receive_checkin(world.course.pk, checkin(at=TUESDAY_0214), by=world.actor("alice"), now=TUESDAY_0214).truth
    assert said == "Saved Tuesday, March 3, 2:14 AM CST."


def test_the_truth_of_a_fever(world):
    sent = checkin(at=TUESDAY_0214, **FEVER)
    said = receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=TUESDAY_0214).truth
    assert said == "Saved Tuesday, March 3, 2:14 AM CST. The clinician on call is being called."


def test_the_truth_when_only_the_second_step_finds_somebody(world):
    Shift.objects.filter(organisation=world.alice.organisation, step="first_on_call").delete()
    sent = checkin(at=TUESDAY_0214, **FEVER)
    said = receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=TUESDAY_0214).truth
    assert said == "Saved Tuesday, March 3, 2:14 AM CST. The second clinician on call is being called."


@pytest.mark.parametrize(
    ("reported", "numbers", "words"),
    [
        (FEVER, ("555-0111", "555-0100"), f"{NOBODY}. {ED} Your programme's number: 555-0111."),
        (FEVER, ("", "555-0100"), f"{NOBODY}. {ED} Your programme's number: 555-0100."),
        (FEVER, ("", ""), f"{NOBODY}. {ED}"),
        ({"symptoms": ["confused"]}, ("", "555-0100"), f"{NOBODY}. {ED} Your programme's number: 555-0100."),
        ({"symptoms": ["fainted"]}, ("", "555-0100"), f"{NOBODY}. Call 911 now. Your programme's number: 555-0100."),
        ({"symptoms": ["rash", "fainted"]}, ("", ""), f"{NOBODY}. Call 911 now."),
        ({"symptoms": ["rash"]}, ("", "555-0100"), f"{NOBODY}: call 555-0100 now."),
        ({"symptoms": ["rash"]}, ("", ""), f"{NOBODY}: call your programme's number now, or 911."),
    ],
)
def test_the_truth_when_nobody_is_on(world, reported, numbers, words):
    Shift.objects.all().delete()
    world.alice.site.call_number, world.alice.organisation.call_number = numbers
    world.alice.site.save()
    world.alice.organisation.save()
    sent = checkin(at=TUESDAY_0214, **reported)
    said = receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=TUESDAY_0214).truth
    assert said == f"Saved Tuesday, March 3, 2:14 AM CST. {words}"


def test_the_truth_when_nobody_watches(world):
    """The page is due and nobody would send it: "is being called" would not be true."""
    Heartbeat.objects.all().delete()
    sent = checkin(at=TUESDAY_0214, **FEVER)
    said = receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=TUESDAY_0214).truth
    assert said == f"Saved Tuesday, March 3, 2:14 AM CST. {NOBODY}. {ED} Your programme's number: 555-0111."
    heartbeat.beat("watcher", TUESDAY_0214 - timedelta(minutes=1))
    again = receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=TUESDAY_0214).truth
    assert again == said
    heartbeat.beat("watcher", TUESDAY_0214 - timedelta(seconds=10))
    again = receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=TUESDAY_0214).truth
    assert again == "Saved Tuesday, March 3, 2:14 AM CST. The clinician on call is being called."


def test_the_truth_is_told_in_the_language_in_use(world):
    with translation.override("es"):
        said = receive_checkin(world.course.pk, checkin(at=TUESDAY_0214), by=world.actor("alice"), now=TUESDAY_0214)
    assert "2:14 AM" in said.truth


# --- corrections ------------------------------------------------------------------------------------------------------


def test_a_correction_is_a_new_fact_with_a_reason_and_the_alert_follows(world):
    sent = checkin(at=TUESDAY_0214, **FEVER)
    receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=TUESDAY_0214)
    assert world.course.alerts.filter(closed_at__isnull=True).count() == 1
    now = TUESDAY_0214 + timedelta(minutes=3)
    right = checkin(at=TUESDAY_0214, temperature_c="36.4")
    row = correct_event(
        world.course.pk, sent["id"], right, reason="typed 101 instead of 97", by=world.actor("alice"), now=now
    ).event
    assert (str(row.supersedes), row.reason) == (sent["id"], "typed 101 instead of 97")
    assert Event.objects.filter(id=sent["id"]).exists()
    assert not world.course.alerts.filter(closed_at__isnull=True).exists()
    closed = world.course.alerts.get()
    assert (closed.closed_because, closed.next_page_at) == ("the reason is over", None)
    assert count(world.course, "alert_closed") == 1


def test_a_withdrawn_fact_stays_on_record_and_counts_no_more(world):
    sent = checkin(at=TUESDAY_0214, **FEVER)
    receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=TUESDAY_0214)
    withdraw_event(world.course.pk, sent["id"], reason="wrong patient", by=world.actor("alice"), now=TUESDAY_0214)
    history, _ = wire.history_of(world.course, TUESDAY_0214)
    assert history.last("checkin_received") is None
    assert count(world.course, "checkin_received") == 1


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_correction_needs_a_reason(world, reason):
    sent = checkin(at=TUESDAY_0214)
    receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=TUESDAY_0214)
    for correction in (
        lambda: correct_event(
            world.course.pk, sent["id"], checkin(at=TUESDAY_0214), reason=reason, by=world.actor("alice")
        ),
        lambda: withdraw_event(world.course.pk, sent["id"], reason=reason, by=world.actor("alice")),
    ):
        with pytest.raises(RefusedError, match="reason"):
            correction()


def test_a_correction_is_of_the_same_kind_and_the_same_course(world):
    sent = checkin(at=TUESDAY_0214)
    receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=TUESDAY_0214)
    with pytest.raises(RefusedError, match="same kind"):
        correct_event(world.course.pk, sent["id"], event("note_added"), reason="x", by=world.actor("alice"))
    with pytest.raises(NotVisibleError):
        withdraw_event(world.make_course().pk, sent["id"], reason="x", by=world.actor("alice"))
    with pytest.raises(NotVisibleError):
        withdraw_event(world.course.pk, sent["id"], reason="x", by=world.actor("charlie"))
    start = world.course.events.get(kind="course_started")
    with pytest.raises(RefusedError):
        withdraw_event(world.course.pk, start.id, reason="x", by=world.actor("alice"))


def test_the_whole_course_goes_out_as_a_course_file_without_identity(world):
    import json

    from handrail.rules.coursefile import read_course

    receive_checkin(world.course.pk, checkin(at=TUESDAY_0214, **FEVER), by=world.actor("alice"), now=TUESDAY_0214)
    text = json.dumps(wire.course_file(world.course))
    again = read_course(text)
    assert [fact.kind for fact in again.events] == ["course_started", "dose_given", "checkin_received"]
    for secret in ("Synthia", "Example", "0100123"):
        assert secret not in text
