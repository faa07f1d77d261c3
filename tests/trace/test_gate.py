"""The rows of the programme's trace that the readiness gate answers, each by what its acceptance column asks."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.ed_packets import choose_destination
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import record_event, withdraw_event
from handrail.actions.gate_overrides import countersign, sign_override
from handrail.actions.readiness import gate_of
from handrail.people.models import CarePlace, ReferralEntry, Shift
from handrail.people.scope import everything
from handrail.records.models import GateSignature
from handrail.rules.protocol import load
from handrail.rules.readiness import LineState, Verdict
from tests.support.courses import TEC, instant
from tests.support.factories import World, event, make_site
from tests.support.gate_world import NOW, far_away, gated, line, ready_course
from tests.support.gates import AT_DOSE, DAY_BEFORE, DOSE_ON, prepared
from tests.support.gates import line as told_line
from tests.support.referrals import referred
from tests.support.rems_pages import NOW as REMS_NOW
from tests.support.rems_pages import Desk
from tests.support.site_rows import ready
from tests.support.triage import graded

pytestmark = pytest.mark.django_db
RED, UNKNOWN, GREEN = LineState.RED, LineState.NOT_KNOWN, LineState.GREEN


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        yield World()


def page(client, course, user) -> str:
    client.force_login(user)
    answer = client.get(reverse("gate", args=[course.pk]))
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def open_lines(course, at: str = DAY_BEFORE) -> set[str]:
    return {each.row.id for each in gated(course, at).gate.open}


def record(world, course, kind: str, minutes_ago: int = 0, **fields: Any) -> None:
    at = NOW - timedelta(minutes=minutes_ago)
    record_event(course.pk, event(kind, at=at, **fields), by=world.actor("alice", "oncologist"), now=NOW)


def test_everything_recorded_is_green_but_the_temperature_that_is_taken_on_the_day(world, client):
    course = ready_course(world)
    assert {each.row.id: each.because for each in gated(course).gate.open}.keys() == {"infection"}
    text = page(client, course, world.alice.nurse)
    assert "before the dose" in text
    for number in range(1, 18):
        assert f"{number}. " in text


def test_it_is_ready_at_the_dose_and_the_page_says_so(world, client):
    told = prepared()
    told.tell("vitals_measured", f"{DOSE_ON} 07:30", temperature_c="36.6")
    told.tell("condition_noted", f"{DOSE_ON} 07:30", what="infection", active=False)
    course = ready_course(world, told)
    assert open_lines(course, AT_DOSE) == set()
    with clock.use(clock.FrozenClock(instant(AT_DOSE))):
        assert "Ready: every line is met" in page(client, course, world.alice.nurse)


def test_a_course_of_which_nothing_is_recorded_is_a_list_of_who_does_what(world, client):
    course = world.course
    text = page(client, course, world.alice.nurse)
    found = gated(course).gate
    assert found.verdict is Verdict.NOT_READY
    assert not found.ready
    for each in found.open:
        assert each.next_step in text
        assert each.owner.lower() in text.lower()
    assert "Mend it" in text


# --- the rows -----------------------------------------------------------------------------------------------------------------


def test_t02_the_end_date_of_a_rule_changes_the_gate_for_doses_after_it_only():
    protocol = load(TEC)
    ended = tuple(
        replace(row, in_force_to=date(2026, 3, 3), confirmed_by="the authority", confirmed_on=date(2026, 2, 1))
        for row in protocol.rems
    )
    changed = replace(protocol, rems=ended)
    on_the_last_day = prepared(TEC, rems=False)
    after = prepared(TEC, rems=False)
    after.tell("dose_planned", "2026-03-01 13:00", step="step_up_1", on="2026-03-04", setting="outpatient")
    assert told_line(on_the_last_day, "rems", protocol=changed).evidence.met is None
    assert told_line(after, "rems", protocol=changed).evidence.met is True
    assert told_line(after, "rems", protocol=protocol).evidence.met is None


@pytest.mark.parametrize(("who", "name"), [("caregiver", "caregiver"), ("patient", "home")])
def test_t03_whoever_was_not_taught_does_not_pass_their_line(world, client, who, name):
    course = ready_course(world, prepared(without=(f"taught_{who}",)))
    assert line(course, name).state is UNKNOWN
    assert f"teach-back of the {who}" in page(client, course, world.alice.nurse)
    again = ready_course(world, prepared(), ed=False)
    assert line(again, name).state is GREEN


def test_t18_the_first_dose_waits_for_the_site_of_the_maintenance_unless_overridden(world, client):
    told = prepared(without=("confirmed",))
    told.tell("readiness_confirmed", "2026-03-01 12:00", item="rescue_tocilizumab", confirmed=True)
    course = ready_course(world, told)
    found = line(course, "consent")
    assert (found.state, found.barred) == (UNKNOWN, None)
    assert "where maintenance will be given" in found.because
    client.force_login(world.alice.oncologist)
    answer = client.post(
        reverse("sign_gate", args=[course.pk, "consent"]), {"reason": "the practice answers on Thursday"}, follow=True
    )
    assert "Sign as the second clinician" not in answer.content.decode()
    first = GateSignature.objects.get(course=course)
    client.force_login(world.alice.nurse)
    answer = client.post(reverse("countersign_gate", args=[course.pk, first.pk]), follow=True)
    assert "given under override" in answer.content.decode()
    assert line(course, "consent").override is not None
    assert not gated(course).gate.ready
    record(world, course, "readiness_confirmed", item="maintenance_site", confirmed=True, evidence="the practice")
    assert line(course, "consent").state is GREEN


def test_t18_what_the_referral_says_of_the_maintenance_is_what_the_gate_hears(world, client):
    told = prepared(without=("confirmed",))
    told.tell("readiness_confirmed", "2026-03-01 12:00", item="rescue_tocilizumab", confirmed=True)
    course, kept = ready_course(world, told), referred(world.alice)
    entry = {"organisation": world.alice.organisation, "referral": kept, "course": course}
    with everything():
        ReferralEntry.objects.create(**entry, kind="course_started", number=1, at=kept.received_at)
    client.force_login(world.alice.nurse)
    address = reverse("referral_step", args=[kept.pk, "maintenance"])
    words = (("yes", "Synthetic Practice", GREEN), ("no", "", RED), ("not_known", "", UNKNOWN))
    for minutes, (chosen, name, state) in enumerate(words):
        with clock.use(clock.FrozenClock(NOW + timedelta(minutes=minutes - len(words)))):
            assert client.post(address, {"chosen": chosen, "name": name}).status_code == 302
        assert line(course, "consent").state is state, chosen


def test_the_gate_asks_the_site_that_the_plan_names_and_no_other(world):
    other = make_site(world.alice.organisation, name="Other Clinic", code="other")
    told = prepared(without=("plan",))
    told.tell(
        "dose_planned", "2026-03-01 12:00", step="step_up_1", on=DOSE_ON, setting="outpatient", at_site=other.code
    )
    course = ready_course(world, told)
    assert "Other Clinic" not in line(course, "consent").because, "nobody has signed a level yet"
    ready(world.alice, "4", product=course.product, at=NOW - timedelta(days=1))
    found = line(course, "consent")
    assert found.state is not GREEN
    assert "Other Clinic: on " in found.because and "it is at level 0" in found.because


def test_a_plan_that_was_withdrawn_does_not_say_what_its_site_must_be_able_to_do(world):
    course = ready_course(world)
    ready(world.alice, "2", product=course.product, at=NOW - timedelta(days=1))
    assert "needs level 4" in line(course, "consent").because
    record(world, course, "dose_planned", step="treatment", on=DOSE_ON, setting="outpatient")
    with everything():
        made = course.events.filter(kind="dose_planned").order_by("-occurred_at").first()
    withdraw_event(course.pk, made.id, reason="of another patient", by=world.actor("alice", "oncologist"), now=NOW)
    assert "needs level 4" in line(course, "consent").because


def test_t37_a_first_dose_without_tocilizumab_asks_for_a_decision_and_a_wrong_gap_warns(world, client):
    course = ready_course(world, prepared(without=("authorisation",)))
    text = page(client, course, world.alice.nurse)
    assert "decide: give tocilizumab before this dose and ask the payer, or record the waiver with its reason" in text
    assert "tocilizumab over 60 min" in text
    assert "Tue 3 Mar 05:00 CST to Tue 3 Mar 08:00 CST" in text
    told = prepared()
    told.tell("medicine_given", f"{DOSE_ON} 08:30", agent="tocilizumab", purpose="prophylaxis", dose_mg="520")
    late = ready_course(world, told, ed=False)
    found = line(late, "tocilizumab", f"{DOSE_ON} 08:45")
    assert found.state is RED
    assert "the dose comes from Tue 3 Mar 2026 09:15 CST on" in found.because


def test_t44_an_hour_of_the_window_that_nobody_covers_is_red_and_names_the_hour(world, client):
    course = ready_course(world)
    assert line(course, "rota").state is GREEN
    with everything():
        shift = Shift.objects.get(organisation=world.alice.organisation, step="first_on_call")
        shift.ends_at = instant("2026-03-04 20:00")
        shift.save()
    assert line(course, "rota").state is RED
    assert "from Wed 4 Mar 2026 20:00" in page(client, course, world.alice.nurse)


def test_t49_with_admit_all_crs_of_grade_1_opens_an_admission_task(world, client):
    told = prepared()
    told.dose("step_up_1", f"{DOSE_ON} 09:00", dose_mg="12")
    told.tell("vitals_measured", "2026-03-04 07:00", temperature_c="38.4")
    graded(told, "2026-03-04 07:10", tmax_c="38.4")
    course = ready_course(world, told)
    client.force_login(world.alice.oncologist)
    with clock.use(clock.FrozenClock(instant("2026-03-04 07:30"))):
        text = client.get(reverse("course", args=[course.pk])).content.decode()
    assert "admit the patient with CRS grade 1" in text


def test_t50_lines_12_and_13_are_closed_without_thermometer_or_dexamethasone(world):
    told = prepared()
    told.tell("home_status", "2026-03-02 09:30", thermometer=False, home_medicines_at_hand=["antipyretic"])
    course = ready_course(world, told)
    assert (line(course, "home").state, line(course, "medicines").state) == (RED, RED)
    silent = ready_course(world, prepared(without=("home",)), ed=False)
    assert (line(silent, "home").state, line(silent, "medicines").state) == (UNKNOWN, UNKNOWN)


def test_t51_a_gap_in_the_week_of_thanksgiving_blocks_the_start(world, client):
    told = prepared()
    told.tell("dose_planned", "2026-03-02 09:45", step="step_up_1", on="2026-11-25", setting="outpatient")
    course = ready_course(world, told)
    assert line(course, "rota").state is GREEN
    with everything():
        shift = Shift.objects.get(organisation=world.alice.organisation, step="first_on_call")
        Shift.objects.create(
            organisation=shift.organisation,
            step=shift.step,
            user=shift.user,
            starts_at=instant("2026-11-26 22:00"),
            ends_at=shift.ends_at,
        )
        shift.ends_at = instant("2026-11-26 18:00")
        shift.save()
    found = line(course, "rota")
    assert found.state is RED
    assert "from Thu 26 Nov 2026 18:00 CST until Thu 26 Nov 2026 22:00 CST" in found.because
    assert found.because in page(client, course, world.alice.nurse)


def test_t57_no_window_opens_while_the_plan_names_no_emergency_department(world, client):
    course = ready_course(world, ed=False)
    assert line(course, "emergency").state is RED
    assert "the plan names no emergency department" in page(client, course, world.alice.nurse)
    place = CarePlace.objects.create(organisation=world.alice.organisation, name="County ED", number="555-0199")
    choose_destination(course.pk, place.pk, by=world.actor("alice"), now=NOW)
    found = line(course, "emergency")
    assert (found.state, "chosen after somebody was told" in found.because) == (UNKNOWN, True)
    record(world, course, "readiness_confirmed", item="emergency_department", confirmed=True, evidence="charge nurse")
    assert line(course, "emergency").state is GREEN
    with everything():
        CarePlace.objects.filter(pk=place.pk).update(ended_at=NOW)
    assert line(course, "emergency").state is RED


def test_a_paper_of_the_rems_desk_that_is_missing_closes_line_8_and_nobody_overrides_it():
    frozen = clock.FrozenClock(REMS_NOW)
    with clock.use(frozen):
        desk = Desk(World(), frozen)
        course = desk.world.course
        desk.plan(course)
        desk.papers(prescriber=None)
        with everything():
            found = {each.row.id: each for each in gate_of(course, REMS_NOW).gate.lines}["rems"]
    assert found.state is not GREEN
    assert "certificate of a prescriber" in found.because
    assert "a REMS is in force and not met" in found.barred


SINCE_DECIDED: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "a caregiver leaves": (
        "home_status",
        {"caregiver_from": "2026-03-02T20:00:00-06:00", "caregiver_until": "2026-03-08T20:00:00-06:00"},
        {"caregiver", "consent"},
    ),
    "nobody says who is there": ("home_status", {"caregiver_from": None}, {"caregiver", "consent"}),
    "a fever came": ("vitals_measured", {"temperature_c": "38.6"}, {"consent"}),
    "an answer is not known any more": ("setting_facts_noted", {"frail": None}, {"consent"}),
}


@pytest.mark.parametrize("what", SINCE_DECIDED)
def test_a_decision_of_the_setting_is_not_green_once_what_it_rested_on_has_changed(world, what):
    course = ready_course(world)
    assert (line(course, "consent").state, line(course, "caregiver").state) == (GREEN, GREEN)
    kind, fields, closed = SINCE_DECIDED[what]
    record(world, course, kind, **fields)
    assert closed <= open_lines(course)
    assert "as things are known now the rules recommend" in line(course, "consent").because


def test_a_caregiver_is_asked_for_the_whole_span_of_the_setting_rules_and_not_for_the_window_alone(world):
    told = prepared()
    told.tell(
        "home_status",
        "2026-03-02 09:30",
        caregiver_from="2026-03-02T20:00:00-06:00",
        caregiver_until="2026-03-06T20:00:00-06:00",
    )
    assert told_line(told, "caregiver").evidence.met is True  # the window of the first dose is covered
    found = line(ready_course(world, told), "caregiver")
    assert (found.state, "nobody is there: Fri 6 Mar 2026 20:00 CST" in found.because) == (RED, True)


def test_a_dose_that_the_setting_rules_cannot_judge_is_not_green(world):
    course = ready_course(world)
    record(world, course, "dose_planned", step=None, on=DOSE_ON, setting="outpatient")
    assert (line(course, "caregiver").state, line(course, "consent").state) == (UNKNOWN, UNKNOWN)


# --- overrides -----------------------------------------------------------------------------------------------------------------


def test_h97_one_person_overrides_nothing_and_two_never_make_it_ready(world):
    course = far_away(world)
    first = sign_override(
        course.pk, "travel", reason="her sister drives", by=world.actor("alice", "oncologist"), now=NOW
    )
    assert line(course, "travel").override is None
    with pytest.raises(RefusedError, match="Two different persons"):
        countersign(course.pk, first.pk, by=world.actor("alice", "oncologist"), now=NOW)
    with pytest.raises(NotAllowedError):
        countersign(course.pk, first.pk, by=person(world.alice.director), now=NOW)
    with pytest.raises(NotVisibleError):
        countersign(course.pk, first.pk, by=world.actor("charlie"), now=NOW)
    countersign(course.pk, first.pk, by=world.actor("alice", "nurse"), now=NOW)
    with pytest.raises(RefusedError, match="signed this already"):
        countersign(course.pk, first.pk, by=world.actor("alice", "on_call"), now=NOW)
    found = gated(course).gate
    assert line(course, "travel").override.reason == "her sister drives"
    assert not found.ready
    assert found.verdict is Verdict.NOT_READY  # the temperature is still to come
    with transaction.atomic(), everything(), pytest.raises(DatabaseError):
        GateSignature.objects.filter(pk=first.pk).update(reason="another one")


def test_h97_the_nurse_does_not_sign_as_the_prescriber_and_no_reason_is_no_signature(world):
    course = far_away(world)
    with pytest.raises(NotAllowedError):
        sign_override(course.pk, "travel", reason="so", by=world.actor("alice", "nurse"), now=NOW)
    for reason, words in ((" ", "Say why"), ("x" * 501, "At most 500")):
        with pytest.raises(RefusedError, match=words):
            sign_override(course.pk, "travel", reason=reason, by=world.actor("alice", "oncologist"), now=NOW)
    for name, words in (("card", "This line is met"), ("nothing", "no such line")):
        with pytest.raises(RefusedError, match=words):
            sign_override(course.pk, name, reason="so", by=world.actor("alice", "oncologist"), now=NOW)


NEVER = {
    "infection": lambda told: told.tell("vitals_measured", "2026-03-02 09:30", temperature_c="38.6"),
    "reactions": lambda told: told.tell("hold_started", "2026-03-02 09:30", because="a stop rule"),
    "rems": lambda told: told.tell(
        "rems_met", "2026-03-02 09:30", requirement=load(told.key).rems[0].requirement, met=False
    ),
}


@pytest.mark.parametrize("name", NEVER)
def test_h98_some_lines_nobody_overrides(world, client, name):
    told = prepared()
    NEVER[name](told)
    course = ready_course(world, told)
    assert line(course, name).state is RED
    with pytest.raises(RefusedError, match="Nobody overrides this"):
        sign_override(course.pk, name, reason="so", by=world.actor("alice", "oncologist"), now=NOW)
    assert not GateSignature.objects.filter(course=course).exists()
    text = page(client, course, world.alice.oncologist)
    assert "No override: nobody overrides this" in text
    assert reverse("sign_gate", args=[course.pk, name]) not in text


def test_h98_nor_does_anybody_where_the_identity_is_not_recorded(world):
    course = ready_course(world)
    with everything():
        course.patient.birth_date_text = ""
        course.patient.save()
    assert (line(course, "order").state, line(course, "order").barred is not None) == (UNKNOWN, True)
    with pytest.raises(RefusedError, match="identity is not recorded: the day of birth"):
        sign_override(course.pk, "order", reason="so", by=world.actor("alice", "oncologist"), now=NOW)


def test_an_override_is_for_one_dose_and_for_what_was_signed(world):
    course = far_away(world)
    first = sign_override(
        course.pk, "travel", reason="her sister drives", by=world.actor("alice", "oncologist"), now=NOW
    )
    record(world, course, "travel_noted", 20, worst=None)
    with pytest.raises(RefusedError, match="says something else by now"):
        countersign(course.pk, first.pk, by=world.actor("alice", "nurse"), now=NOW)
    record(world, course, "travel_noted", 10, worst=[{"months": list(range(1, 13)), "minutes": 95}], as_of=DOSE_ON)
    countersign(course.pk, first.pk, by=world.actor("alice", "nurse"), now=NOW)
    assert line(course, "travel").override is not None
    record(world, course, "dose_planned", step="step_up_1", on="2026-03-04", setting="outpatient")
    assert line(course, "travel").override is None


def test_the_month_counts_what_two_have_signed_and_names_no_patient(world, client):
    course = far_away(world)
    first = sign_override(course.pk, "travel", reason="=her sister", by=world.actor("alice", "oncologist"), now=NOW)
    client.force_login(world.alice.director)
    assert "No dose was given under override" in client.get(reverse("gate_overrides")).content.decode()
    countersign(course.pk, first.pk, by=world.actor("alice", "nurse"), now=NOW)
    text = client.get(reverse("gate_overrides"), {"month": "2026-03"}).content.decode()
    assert "her sister" in text
    assert course.patient.family_name not in text
    assert "No dose was given" in client.get(reverse("gate_overrides"), {"month": "2026-02"}).content.decode()
    answer = client.get(reverse("gate_overrides_csv"), {"month": "2026-03"})
    (row,) = csv.DictReader(io.StringIO(answer.content.decode()))
    assert (row["line"], row["reason"], row["said"]) == ("11", "'=her sister", "red")
    client.force_login(world.charlie.director)
    assert "her sister" not in client.get(reverse("gate_overrides"), {"month": "2026-03"}).content.decode()


# --- the chair list --------------------------------------------------------------------------------------------------------------


def chairs(client, world, **asked: str) -> str:
    client.force_login(world.alice.nurse)
    answer = client.get(reverse("today"), {"site": str(world.alice.site.pk), "on": DOSE_ON, **asked})
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_the_chair_list_has_the_hour_the_gate_and_the_timers(world, client):
    course = ready_course(world)
    text = chairs(client, world)
    assert course.patient.family_name in text
    for words in (
        "09:00 CST",
        "Not ready (1 not met)",
        "tocilizumab over 60 min",
        "Tue 3 Mar 05:00 CST to Tue 3 Mar 08:00 CST",
        "dexamethasone",
    ):
        assert words in text, words
    assert "No dose is planned here" in chairs(client, world, on="2026-03-09")
    client.force_login(world.charlie.nurse)
    assert course.patient.family_name not in client.get(reverse("today"), {"on": DOSE_ON}).content.decode()


def test_the_chair_list_never_says_ready_by_itself(world, client):
    told = prepared()
    told.tell("vitals_measured", f"{DOSE_ON} 07:30", temperature_c="36.6")
    told.tell("condition_noted", f"{DOSE_ON} 07:30", what="infection", active=False)
    ready_course(world, told)
    with clock.use(clock.FrozenClock(instant(AT_DOSE))):
        text = chairs(client, world)
    assert "Ready: every line is met" not in text
    assert "Nothing open in the record: look at the gate" in text


def test_the_chair_list_asks_the_database_as_often_for_six_as_for_one(world, client, django_assert_max_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    ready_course(world)
    chairs(client, world)
    with CaptureQueriesContext(connection) as one:
        chairs(client, world)
    for _ in range(5):
        ready_course(world, ed=False)
    with CaptureQueriesContext(connection) as six:
        assert chairs(client, world).count("09:00 CST</strong>") == 6
    assert len(six) == len(one)
