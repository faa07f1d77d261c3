"""Every address, asked by the owner, the helper, the stranger and somebody who is not signed in.

The table has a row for every address that Handrail answers; an address without a row fails the test. What a stranger may not
see is answered like what does not exist.
"""

import re
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from handrail import clock
from handrail.actions import handoffs
from handrail.actions.access import grant_access
from handrail.actions.actor import person
from handrail.actions.ed_packets import hand_over, send_packet
from handrail.actions.emergency import issue_card
from handrail.actions.facts import receive_checkin, record_event
from handrail.actions.handoff_doors import make_fax
from handrail.actions.handoffs import Offer
from handrail.actions.imports import bring
from handrail.actions.links import issue_checkin_link
from handrail.actions.packets import seal
from handrail.actions.payer_requests import open_request
from handrail.actions.places import settle_place
from handrail.actions.policies import propose_policy
from handrail.alerts.models import Alert
from handrail.people.models import Agreement, CarePlace, ContactPoint, Membership, Referral, Shift, Swap
from handrail.people.scope import everything
from handrail.records.models import Look, PolicyProposal, SigningSet
from handrail.rules.policy_own import Reason
from tests.support.agreements import agreed_between
from tests.support.ed import FAX, named
from tests.support.factories import MONDAY_0900, World, checkin, dose, make_member
from tests.support.foreign import document
from tests.support.handoff_world import fax_practice
from tests.support.health_links import linked
from tests.support.once import made_once
from tests.support.places import trouble
from tests.support.referrals import referred
from tests.support.signing import signed

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=27)
LOGIN = 302
SIGNED = "elranatamab/US/2025-07"
NOWHERE = "00000000-0000-4000-8000-000000000000"
BACKGROUND = {"HTTP_X_HANDRAIL_BACKGROUND": "1"}


@dataclass(frozen=True)
class Row:
    """One address and what each of the four is answered."""

    name: str
    owner: int
    helper: int
    stranger: int
    anonymous: int
    method: str = "get"
    about: str = ""
    """`course`, `agreement`, `alert`, `place` (an alert about one), `care_place`, `ed` (a packet for one), `card`, `health_link`, `packet`, `import`, `payer` (a request to one), `handoff`, `event`, `link`, `shift`, `set`, `house`, `proposal`, `site` or `point`:
    what stands
    in the address; `organisation`: what is sent along."""
    data: tuple[tuple[str, str], ...] = ()
    args: tuple[str, ...] = ()


ROWS = [
    Row("board", 200, 200, 200, LOGIN),
    Row("courses", 200, 200, 200, LOGIN),
    Row("courses", 200, 200, 200, LOGIN, "post", data=(("q", "synthia"),)),
    Row("rota", 200, 200, 200, LOGIN),
    Row("reached", 200, 200, 200, LOGIN),
    Row("add_point", 422, 422, 422, LOGIN, "post"),
    Row("change_point", 302, 404, 404, LOGIN, "post", about="point"),
    Row("protocols", 200, 200, 200, LOGIN),
    Row("protocol", 200, 200, 200, LOGIN, args=("teclistamab/US/2026-03/mono",)),
    Row("policy", 200, 200, 200, LOGIN, args=("default",)),
    Row("policy", 404, 404, 404, LOGIN, args=("no-such-policy",)),
    Row("protocol", 404, 404, 404, LOGIN, args=("teclistamab/US/1999-01/mono",)),
    Row("pages", 200, 200, 200, LOGIN),
    Row("health", 200, 200, 200, 200),
    Row("metrics", 404, 404, 404, 404),
    Row("find_page", 302, 302, 302, LOGIN, "post", data=(("code", "NOSUCH"),)),
    Row("demo_fever", 404, 404, 404, LOGIN, "post"),
    Row("agreements", 200, 200, 200, LOGIN),
    Row("new_agreement", 200, 200, 200, LOGIN),
    Row("new_agreement", 422, 422, 422, LOGIN, "post"),
    Row("agreement", 200, 200, 404, LOGIN, about="agreement"),
    Row("sign_agreement", 422, 422, 404, LOGIN, "post", about="agreement", data=(("sha256", "0"),)),
    Row("activate_agreement", 302, 422, 404, LOGIN, "post", about="agreement"),
    Row("end_agreement", 422, 422, 404, LOGIN, "post", about="agreement"),
    Row("add_shift", 403, 403, 403, LOGIN, "post"),
    Row("plans", 200, 200, 200, LOGIN),
    Row("plans", 403, 403, 403, LOGIN, "post"),
    Row("end_plan", 404, 404, 404, LOGIN, "post", args=(NOWHERE,)),
    Row("programme", 200, 200, 200, LOGIN),
    Row("people", 200, 200, 200, LOGIN),
    Row(
        "write_people",
        403,
        404,
        404,
        LOGIN,
        "post",
        about="house",
        args=("person",),
        data=(("name", "A"), ("email", "a@example.org"), ("roles", "nurse")),
    ),
    Row("write_people", 404, 404, 404, LOGIN, "post", about="house", args=("nothing",)),
    Row("site_number", 403, 404, 404, LOGIN, "post", about="site", data=(("number", "555-0100"),)),
    Row("end_role", 404, 404, 404, LOGIN, "post", args=(NOWHERE,)),
    Row("invite_person", 404, 404, 404, LOGIN, "post", about="house", args=(NOWHERE,)),
    Row("sites", 200, 200, 200, LOGIN),
    Row("site_product", 200, 404, 404, LOGIN, about="site", args=("teclistamab",)),
    Row("site_product", 404, 404, 404, LOGIN, about="site", args=("no-such-product",)),
    Row("site_profile", 200, 404, 404, LOGIN, about="site"),
    Row("site_profile_csv", 200, 404, 404, LOGIN, about="site"),
    Row("site_profile_pdf", 200, 404, 404, LOGIN, about="site", args=("letter",)),
    Row("site_profile_pdf", 404, 404, 404, LOGIN, about="site", args=("poster",)),
    Row("site_product", 403, 404, 404, LOGIN, "post", about="site", args=("teclistamab",), data=(("form", "level"),)),
    Row("waiting", 200, 200, 200, LOGIN),
    Row("waiting_csv", 200, 200, 200, LOGIN),
    Row("site_capacity", 200, 404, 404, LOGIN, about="site"),
    Row("site_capacity", 403, 404, 404, LOGIN, "post", about="site", data=(("form", "numbers"),)),
    Row("referrals", 200, 200, 200, LOGIN),
    Row("referral_door", 403, 403, 403, LOGIN),
    Row("type_in_referral", 200, 200, 200, LOGIN),
    Row("type_in_referral", 422, 422, 422, LOGIN, "post"),
    Row("referral", 200, 404, 404, LOGIN, about="referral"),
    Row("referral_letter", 409, 404, 404, LOGIN, about="referral"),
    Row("referral_looks", 403, 404, 404, LOGIN, about="referral"),
    Row("referral_step", 302, 404, 404, LOGIN, "post", about="referral", args=("claim",)),
    Row("referral_step", 422, 404, 404, LOGIN, "post", about="referral", args=("close",)),
    Row("referral_step", 403, 404, 404, LOGIN, "post", about="referral", args=("nothing",)),
    Row("refer", 404, 404, 404, 404, args=("no-such-door",)),
    Row("refer_sheet", 404, 404, 404, 404, args=("no-such-door",)),
    Row("refer_status", 410, 410, 410, 410),
    Row("holidays", 200, 200, 200, LOGIN),
    Row("holidays", 403, 403, 403, LOGIN, "post"),
    Row("remove_holiday", 404, 404, 404, LOGIN, "post", args=(NOWHERE,)),
    Row("training", 200, 200, 200, LOGIN),
    Row("training", 403, 403, 403, LOGIN, "post"),
    Row("as_shipped", 404, 404, 404, LOGIN, "post", args=(NOWHERE,)),
    Row("modules", 200, 200, 200, LOGIN),
    Row("modules", 403, 403, 403, LOGIN, "post"),
    Row("sign_document", 302, 404, 404, LOGIN, "post", about="house"),
    Row("take_back_record", 404, 404, 404, LOGIN, "post", args=(NOWHERE,)),
    Row("take_back_drill", 404, 404, 404, LOGIN, "post", args=(NOWHERE,)),
    Row("drills", 200, 200, 200, LOGIN),
    Row("drills", 422, 422, 422, LOGIN, "post"),
    Row("calendar", 200, 200, 200, LOGIN),
    Row("calendar", 403, 403, 403, LOGIN, "post"),
    Row("calendar_file", 200, 200, 200, LOGIN),
    Row("swaps", 200, 200, 200, LOGIN),
    Row("swaps", 422, 422, 422, LOGIN, "post"),
    Row("answer_swap", 302, 404, 404, LOGIN, "post", about="swap", data=(("answer", "accept"),)),
    *(Row(name, 200, 200, 200, LOGIN) for name in ("rems", "rems_desk", "rems_papers", "rems_modes")),
    *(Row(name, 403, 403, 403, LOGIN, "post") for name in ("rems_papers", "rems_modes", "rems_remind")),
    *(Row(name, 403, 403, 403, LOGIN) for name in ("rems_binder", "rems_binder_file")),
    Row("rems_end_paper", 404, 404, 404, LOGIN, "post", args=(NOWHERE,), data=(("last_day", "2026-03-02"),)),
    Row("rems_setup", 404, 404, 404, LOGIN, args=(NOWHERE, "teclistamab")),
    Row("rems_course", 200, 200, 404, LOGIN, about="course"),
    Row("rems_course", 403, 403, 404, LOGIN, "post", about="course", data=(("form", "dispense"),)),
    Row("contacts", 200, 200, 404, LOGIN, about="course"),
    Row("nurses", 200, 403, 404, LOGIN, about="course"),
    Row("nurses", 422, 403, 404, LOGIN, "post", about="course"),
    Row("add_caregiver", 422, 422, 404, LOGIN, "post", about="course"),
    Row("give_caregiver_link", 404, 404, 404, LOGIN, "post", about="course", args=(NOWHERE,)),
    Row("end_caregiver", 404, 404, 404, LOGIN, "post", about="course", args=(NOWHERE,)),
    Row("end_shift", 403, 404, 404, LOGIN, "post", about="shift"),
    Row("course", 200, 200, 404, LOGIN, about="course"),
    Row("ed_sheet", 200, 200, 404, LOGIN, about="course"),
    Row("gate", 200, 200, 404, LOGIN, about="course"),
    Row("sign_gate", 422, 422, 404, LOGIN, "post", about="course", args=("travel",)),
    Row("countersign_gate", 404, 404, 404, LOGIN, "post", about="course", args=(NOWHERE,)),
    Row("today", 200, 200, 200, LOGIN),
    Row("gate_overrides", 200, 200, 200, LOGIN),
    Row("gate_overrides_csv", 200, 200, 200, LOGIN),
    Row("looks", 403, 403, 404, LOGIN, about="course"),
    Row("expert_line", 200, 200, 200, LOGIN),
    Row("expert_line", 422, 422, 422, LOGIN, "post"),
    Row("expert_line_csv", 403, 403, 403, LOGIN),
    Row("take_back_dummy_call", 404, 404, 404, LOGIN, "post", args=(NOWHERE,), data=(("reason", "typed wrong"),)),
    Row("call_backs", 200, 200, 404, LOGIN, about="course"),
    Row("ask_call_back", 422, 422, 404, LOGIN, "post", about="course"),
    Row("call_back_made", 422, 422, 404, LOGIN, "post", about="course", args=(NOWHERE,)),
    Row("stay", 200, 200, 404, LOGIN, about="course"),
    Row("stay_step", 200, 200, 404, LOGIN, about="course", args=("call",)),
    Row("stay_step", 422, 422, 404, LOGIN, "post", about="course", args=("call",)),
    Row("stay_step", 404, 404, 404, LOGIN, about="course", args=("nothing",)),
    Row("cards", 200, 200, 404, LOGIN, about="course"),
    Row("new_health_link", 200, 200, 404, LOGIN, about="course"),
    Row("new_health_link", 422, 422, 404, LOGIN, "post", about="course"),
    Row("health_link", 200, 200, 404, LOGIN, about="health_link"),
    Row("revoke_health_link", 302, 302, 404, LOGIN, "post", about="health_link"),
    Row("new_card", 302, 302, 404, LOGIN, "post", about="course"),
    Row("card", 200, 200, 404, LOGIN, about="card"),
    Row("card_in_hand", 302, 302, 404, LOGIN, "post", about="card"),
    Row("revoke_card", 302, 302, 404, LOGIN, "post", about="card"),
    Row("ed_packet", 302, 302, 404, LOGIN, about="course"),
    Row("send_ed_packet", 302, 302, 404, LOGIN, "post", about="course"),
    Row("ed_fax", 200, 200, 404, LOGIN, about="ed"),
    Row("ed_fax_sent", 302, 302, 404, LOGIN, "post", about="ed"),
    Row("choose_ed", 302, 302, 404, LOGIN, "post", about="course", data=(("place", "none"),)),
    Row("places", 200, 200, 200, LOGIN),
    Row("places", 403, 403, 403, LOGIN, "post"),
    Row("end_place", 403, 404, 404, LOGIN, "post", about="care_place"),
    Row("place_hours", 200, 404, 404, LOGIN, about="care_place"),
    Row("place_hours", 403, 404, 404, LOGIN, "post", about="care_place"),
    Row("place_day", 403, 404, 404, LOGIN, "post", about="care_place", data=(("on", "2026-12-25"),)),
    Row("place_day_back", 403, 404, 404, LOGIN, "post", about="care_place", args=("2026-12-25",)),
    Row("setting", 200, 200, 404, LOGIN, about="course"),
    Row("setting_note", 302, 302, 404, LOGIN, "post", about="course", args=("ecog",), data=(("ecog", "1"),)),
    Row("setting_note", 404, 404, 404, LOGIN, "post", about="course", args=("income",)),
    Row("decide_setting", 422, 422, 404, LOGIN, "post", about="course"),
    Row("packet", 200, 200, 404, LOGIN, about="course"),
    Row("seal_packet", 302, 302, 404, LOGIN, "post", about="course"),
    Row("packet_version", 200, 200, 404, LOGIN, about="packet"),
    Row("imports", 200, 200, 404, LOGIN, about="course"),
    Row("imports", 422, 422, 404, LOGIN, "post", about="course"),
    Row("import_review", 200, 200, 404, LOGIN, about="import"),
    Row("import_apply", 422, 422, 404, LOGIN, "post", about="import"),
    Row("import_dismiss", 422, 422, 404, LOGIN, "post", about="import"),
    Row("import_file", 200, 200, 404, LOGIN, about="import"),
    Row("packet_pdf", 200, 200, 404, LOGIN, about="packet", args=("a4",)),
    Row("handoffs", 200, 200, 200, LOGIN),
    Row("offer_handoff", 302, 302, 404, LOGIN, about="course"),
    Row("offer_handoff", 302, 302, 404, LOGIN, "post", about="course"),
    Row("handoff", 200, 200, 404, LOGIN, about="handoff"),
    Row("handoff", 404, 404, 404, LOGIN, about="course", args=(NOWHERE,)),
    Row("handoff_fax", 200, 200, 404, LOGIN, about="handoff"),
    Row("handoff_call", 200, 200, 404, LOGIN, about="handoff"),
    Row("handoff_call", 422, 422, 404, LOGIN, "post", about="handoff"),
    Row("handoff_step", 403, 403, 404, LOGIN, "post", about="handoff", args=("read",)),
    Row("handoff_step", 403, 403, 404, LOGIN, "post", about="handoff", args=("accept",)),
    Row("handoff_step", 302, 302, 404, LOGIN, "post", about="handoff", args=("sheet",)),
    Row("handoff_step", 200, 200, 404, LOGIN, "post", about="handoff", args=("link",)),
    Row("handoff_step", 422, 422, 404, LOGIN, "post", about="handoff", args=("withdraw",)),
    Row("course_file", 200, 403, 404, LOGIN, about="course"),
    Row("agree_texts", 302, 302, 404, LOGIN, "post", about="course", data=(("agreed", "yes"),)),
    Row(
        "given_before", 302, 403, 404, LOGIN, "post", about="course", data=(("given_before", "no"), ("reason", "asked"))
    ),
    Row("make_link", 200, 200, 404, LOGIN, "post", about="course", data=(("holder", "patient"),)),
    Row("end_link", 302, 302, 404, LOGIN, "post", about="link"),
    Row("record", 200, 200, 404, LOGIN, about="course", args=("assessment",)),
    Row("record", 422, 422, 404, LOGIN, "post", about="course", args=("assessment",)),
    Row("record", 200, 200, 404, LOGIN, about="course", args=("hold",)),
    Row("withdraw", 200, 200, 404, LOGIN, about="event"),
    Row("withdraw", 422, 422, 404, LOGIN, "post", about="event"),
    Row("signing", 200, 200, 200, LOGIN),
    Row("start_signing", 404, 404, 404, LOGIN, "post"),
    Row("start_signing", 302, 404, 404, LOGIN, "post", about="organisation", data=(("protocol", SIGNED),)),
    Row("signing_set", 200, 404, 404, LOGIN, about="set"),
    Row("decide_rows", 422, 404, 404, LOGIN, "post", about="set", data=(("decision", "leave"),)),
    Row("sign_set", 422, 404, 404, LOGIN, "post", about="set", data=(("part", "pharmacist"),)),
    Row("signing_file", 200, 404, 404, LOGIN, about="set"),
    Row("take_up_set", 302, 302, 404, LOGIN, "post", about="course"),
    Row("policies", 200, 200, 200, LOGIN),
    Row("propose_policy", 200, 404, 404, LOGIN, about="house"),
    Row("propose_policy", 200, 404, 404, LOGIN, "post", about="house"),
    Row("own_policy", 200, 404, 404, LOGIN, about="proposal"),
    Row("approve_policy", 422, 404, 404, LOGIN, "post", about="proposal"),
    Row("own_policy_file", 200, 404, 404, LOGIN, about="proposal"),
    Row("teach_back", 200, 200, 404, LOGIN, about="course"),
    Row("teach_back", 422, 422, 404, LOGIN, "post", about="course"),
    Row("course_policy", 200, 200, 404, LOGIN, about="course"),
    Row("take_up_policy", 302, 302, 404, LOGIN, "post", about="course"),
    Row("access", 200, 200, 200, LOGIN),
    Row("prevention", 200, 200, 200, LOGIN),
    Row("figures", 200, 200, 200, LOGIN),
    Row("figures_csv", 200, 200, 200, LOGIN),
    Row("figures_access", 200, 200, 200, LOGIN),
    Row("figures_access_csv", 200, 200, 200, LOGIN),
    Row("figures_used_csv", 200, 200, 200, LOGIN),
    Row("payer_cards", 200, 200, 200, LOGIN),
    Row("payer_cards", 403, 403, 403, LOGIN, "post"),
    Row("paper_back", 404, 404, 404, LOGIN, "post", args=(NOWHERE,)),
    Row("course_access", 200, 200, 404, LOGIN, about="course"),
    Row("course_access", 422, 422, 404, LOGIN, "post", about="course"),
    Row("payer_request", 200, 200, 404, LOGIN, about="payer"),
    Row("payer_request", 422, 422, 404, LOGIN, "post", about="payer", data=(("form", "withdrawn"),)),
    Row("payer_letter", 200, 200, 404, LOGIN, about="payer", args=("letter",)),
    Row("payer_letter", 404, 404, 404, LOGIN, about="payer", args=("a3",)),
    Row("page", 200, 200, 404, LOGIN, about="alert"),
    Row("have_page", 302, 302, 404, LOGIN, "post", about="alert"),
    Row("hand_back", 302, 302, 404, LOGIN, "post", about="event", data=(("what", "told"),)),
    Row("call_page", 422, 422, 404, LOGIN, "post", about="alert"),
    Row("put_off_page", 302, 302, 404, LOGIN, "post", about="alert", data=(("minutes", "5"),)),
    Row("hand_over_page", 302, 302, 404, LOGIN, "post", about="alert"),
    Row("call_page", 302, 404, 404, LOGIN, "post", about="place"),
    Row("put_off_page", 302, 404, 404, LOGIN, "post", about="place"),
    Row("hand_over_page", 302, 404, 404, LOGIN, "post", about="place"),
    Row("page", 200, 404, 404, LOGIN, about="place"),
    Row("have_page", 302, 404, 404, LOGIN, "post", about="place"),
]
PAGES = {row.name for row in ROWS if row.method == "get"}
THROUGH_A_LINK = {
    "fhir_metadata": "what the FHIR door has; the same for everybody",
    "fhir_smart": "what a system must know before it signs; the same for everybody",
    "fhir_token": "a token for a signed request; tests/fhir/test_token_door.py asks it",
    "fhir_observation": "takes readings; nothing without a token; tests/fhir/test_observation_door.py asks it",
    "fhir_bundle_in": "the same, many at once",
    "fhir_patient": "for systems; nothing without a token; tests/fhir/test_patient_door.py asks it",
    "fhir_patients": "says how else to look for a patient; the same for everybody",
    "fhir_find_patient": "the same as fhir_patient, by an identifier",
    "fhir_summary": "the same, the course as a document",
    "fhir_audit": "for systems; nothing without a token; tests/fhir/test_trace_door.py asks it",
    "fhir_provenance": "the same",
    "fhir_tasks": "for systems; nothing without a token; tests/fhir/test_task_door.py asks it",
    "fhir_task": "the same, one hand-off",
    "fhir_export": "for systems; nothing without a token; tests/fhir/test_export_door.py asks it",
    "fhir_export_status": "the same, of one export; another system's is answered like none",
    "fhir_export_file": "the same, one file of it",
    "fhir_bundle": "for machines too, so that nobody is led to a sign-in; tests/fhir/test_bundle_door.py and test_sealed_reading.py ask it",
    "fhir_signature": "the same, its signature; tests/fhir/test_signatures.py asks it",
    "fhir_keys": "public keys; the same for everybody",
    "health_link_manifest": "for readers without an account: nothing without the address and the passcode; tests/fhir/test_health_link_doors.py",
    "health_link_file": "the same, for an hour",
    "health_link_viewer": "the same for everybody: what stands behind the # never reaches the server",
    "refer_sent": "the code and link of what was just sent; nothing without two cookies; tests/web/test_referrals.py",
    "refer_link": "exchanges the token of a practice's link for a cookie",
    "checkin": "the patient's form: nothing without the cookie of a link",
    "checkin_link": "exchanges the token of a link for a cookie",
    "checkin_sent": "what is true about a check that was sent; nothing without the cookie of a link",
    "checkin_alarm": "the caregiver's alarm; nothing without the cookie of a caregiver's link; tests/web/test_caregiver.py asks it",
    "checkin_took": "writes down a medicine taken at home; nothing without the cookie of a link",
    "checkin_worker": "the program that keeps a check-in until it is sent; holds nothing",
    "api_checkins": "takes a check-in; nothing without the cookie of a link",
    "answer": "says I have it: nothing without the cookie of a link; tests/web/test_answer.py asks it",
    "answer_link": "exchanges the token of such a link for a cookie",
    "phone_answer": "the phone provider alone, by its signature",
    "phone_text": "the same; tests/actions/test_texts.py",
    "emergency": "the same for everybody until its code was typed; tests/web/test_emergency.py asks it",
    "emergency_call_back": "asks for a call back; nothing without the right code; tests/web/test_call_backs.py asks it",
    "emergency_link": "exchanges whatever was scanned for a cookie",
    "handoff_door": "a code, then one hand-off; nothing without the cookie of a link; tests/web/test_handoffs.py asks it",
    "handoff_link": "exchanges the token of such a link for a cookie",
    "handoff_door_packet": "the packet behind the same code; tests/web/test_receiver_packet.py asks it",
    "handoff_door_pdf": "the same as PDF",
    "where": "what a place gives, for everybody; nothing about a patient; tests/trace/test_sites.py asks it",
    "checkin_card": "the emergency card on the patient's phone; nothing without the cookie of a link",
    "checkin_plan": "the patient's copy of the packet; nothing without the cookie of a link",
    "push_worker": "the program that shows a push message; holds nothing",
    "phone_receipt": "the phone provider alone, by its signature",
}
"""Addresses for people without an account, and for providers; tests/web/test_checkin.py and tests/api ask them with good and bad
links and signatures."""


def make_world() -> World:
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        course = world.course
        given = NOW - timedelta(hours=26)
        record_event(course.pk, dose("step_up_1", mg="4.8", at=given), by=world.actor("alice"), now=given)
        fever = checkin(at=NOW - timedelta(minutes=3), temperature_c="38.4")
        receive_checkin(course.pk, fever, by=world.actor("alice"), now=NOW - timedelta(minutes=3))
        issue_checkin_link(course.pk, by=world.actor("alice"))
        issue_card(course.pk, by=world.actor("alice"))
        seal(course.pk, by=world.actor("alice"))
        linked(world)
        open_request(course.pk, drug="teclistamab", payer="Synthetic Health", by=world.actor("alice"), now=NOW)
        bring(course.pk, document(), title="x", by=world.actor("alice"))
        named(world, email="", fax=FAX)
        packet = send_packet(course.pk, key=uuid4(), by=world.actor("alice"))
        hand_over(packet.pk, NOW)
        offer = Offer(to=fax_practice())
        loop = handoffs.offer(course.pk, offer, by=world.actor("alice"), now=NOW).event.id
        make_fax(course.pk, loop, by=world.actor("alice"), now=NOW)
        signed(world.alice, SIGNED)
        referred(world.alice)
        agreed_between(world.alice, world.bob, in_force=False)
        with everything():
            shift = Shift.objects.filter(organisation=world.alice.organisation).first()
            Swap.objects.create(
                organisation=world.alice.organisation,
                shift=shift,
                asked_by=world.alice.on_call,
                to_user=world.alice.oncologist,
            )
            settle_place(world.alice.id, "test", [trouble()], NOW)
        ContactPoint.objects.create(user=world.alice.oncologist, channel="sms", address="+15550100177")
        looser = {"tocilizumab.cap_mg": Reason(reason="synthetic", review_on=NOW.date() + timedelta(days=30))}
        values = {"tocilizumab.cap_mg": "700"}
        propose_policy(world.alice.id, values, reasons=looser, by=world.actor("alice", "director"), now=NOW)
        return world


the_world = made_once(make_world)


@pytest.fixture
def world(db, the_world):
    with clock.use(clock.FrozenClock(NOW)):
        yield deepcopy(the_world)


def names_of(patterns, prefix: str = "") -> set[str]:
    """The names of all addresses below, those of allauth and the closed ones left out."""
    found = set()
    for pattern in patterns:
        where = prefix + str(pattern.pattern)
        if where.startswith("accounts/"):
            continue
        if isinstance(pattern, URLResolver):
            space = f"{pattern.namespace}:" if pattern.namespace else ""
            found |= {space + name for name in names_of(pattern.url_patterns, where)}
        elif isinstance(pattern, URLPattern):
            assert pattern.name, f"the address {where} has no name"
            found.add(pattern.name)
    return found


def test_every_address_has_a_row():
    listed = {row.name for row in ROWS} | set(THROUGH_A_LINK)
    assert names_of(get_resolver().url_patterns) <= listed


def address_of(row: Row, world: World) -> str:
    course = world.course
    with everything():
        first = {
            "": [],
            "course": [course.pk],
            "alert": [Alert.objects.filter(course=course).first().pk] if row.about == "alert" else [],
            "organisation": [],
            "swap": [Swap.objects.first().pk] if row.about == "swap" else [],
            "place": [Alert.objects.get(course__isnull=True).pk] if row.about == "place" else [],
            "link": [course.pk, course.links.latest("issued_at").pk] if row.about == "link" else [],
            "house": [world.alice.id],
            "health_link": [course.pk, course.health_links.get().pk] if row.about == "health_link" else [],
            "site": [world.alice.site.pk] if row.about == "site" else [],
            "card": [course.pk, course.emergency_cards.get(kind="wallet").pk] if row.about == "card" else [],
            "ed": [course.pk, course.ed_packets.earliest("asked_at").pk],
            "care_place": [CarePlace.objects.get().pk],
            "payer": [course.payer_requests.get().pk] if row.about == "payer" else [],
            "referral": [Referral.objects.get().pk],
            "packet": [course.pk, course.packets.get().number] if row.about == "packet" else [],
            "import": [course.pk, course.imports.get().pk] if row.about == "import" else [],
            "proposal": [PolicyProposal.objects.get(organisation=world.alice.organisation).pk],
            "set": [SigningSet.objects.order_by("number").filter(organisation=world.alice.organisation).first().pk],
            "agreement": [Agreement.objects.get().pk],
            "shift": [Shift.objects.filter(organisation=world.alice.organisation).first().pk],
            "point": [ContactPoint.objects.get().pk] if row.about == "point" else [],
            "handoff": [course.pk, course.handoff_doors.first().handoff] if row.about == "handoff" else [],
            "event": [course.pk, course.events.get(kind="dose_given").id] if row.about == "event" else [],
        }[row.about]
    return reverse(row.name, args=[*first, *row.args])


def case_of(row: Row) -> str:
    """The name of the case: no identifier stands in the name of a test."""
    return " ".join((row.name, *("nowhere" if each == NOWHERE else str(each) for each in row.args)))


def ask(row: Row, world: World, who) -> int:
    client = Client()
    if who is not None:
        client.force_login(who)
    data = dict(row.data) | ({"organisation": str(world.alice.id)} if row.about == "organisation" else {})
    answer = getattr(client, row.method)(address_of(row, world), data)
    if who is None and row.anonymous == LOGIN:
        assert answer.url.startswith("/accounts/login/")
    return answer.status_code


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {case_of(row)}")
def test_who_is_answered_what(row: Row, world: World):
    answers = {
        "owner": ask(row, world, world.alice.oncologist),
        "helper": ask(row, world, world.bob.oncologist),
        "stranger": ask(row, world, world.charlie.oncologist),
        "anonymous": ask(row, world, None),
    }
    wanted = {"owner": row.owner, "helper": row.helper, "stranger": row.stranger, "anonymous": row.anonymous}
    assert answers == wanted


@pytest.mark.parametrize("path", ["/", "/courses/", "/pages/"])
def test_a_list_never_names_what_a_stranger_may_not_see(world, client, path: str):
    client.force_login(world.charlie.nurse)
    page = client.get(path).content.decode()
    assert "Synthia" not in page
    assert str(world.course.pk) not in page
    client.force_login(world.bob.nurse)
    assert str(world.course.pk) in client.get("/").content.decode()


@pytest.mark.parametrize("path", ["course", "page"])
def test_a_viewer_sees_no_name(world, client, path: str):
    viewer = make_member(world.alice.organisation, "viewer")
    client.force_login(viewer)
    page = client.get(reverse("course", args=[world.course.pk]))
    assert page.status_code == 200
    assert "Synthia" not in page.content.decode()
    assert "555) 010-0123" not in page.content.decode()
    assert client.get(reverse("pages")).status_code == 403
    assert client.get(reverse("record", args=[world.course.pk, "dose"])).status_code == 403


def test_a_role_elsewhere_opens_no_name_and_no_page_here(world, client):
    """A viewer here who is a nurse at another hospital is a viewer here."""
    viewer = make_member(world.alice.organisation, "viewer")
    with everything():
        Membership.objects.create(organisation=world.charlie.organisation, user=viewer, role="nurse")
    client.force_login(viewer)
    code = Alert.objects.get(course=world.course, ladder="RED-3").code
    for path in ("/", "/courses/", "/pages/"):
        page = client.get(path).content.decode()
        assert "Synthia" not in page, path
        assert "fever in the window" not in page, path
        assert "I have it" not in page, path
    assert str(world.course.pk) in client.get("/").content.decode()
    found = client.post(reverse("find_page"), {"code": code}, follow=True)
    assert "No page of yours has this code" in found.content.decode()


def test_a_consult_shows_the_course_and_not_its_pages(world, client):
    grant_access(world.course.pk, world.charlie.organisation, purpose="consult", by=person(world.alice.director))
    client.force_login(world.charlie.nurse)
    for path in ("/", "/pages/"):
        assert "fever in the window" not in client.get(path).content.decode()
    assert "Synthia" in client.get("/courses/").content.decode()


def test_looks_are_written_down(world, client):
    client.force_login(world.bob.nurse)
    client.get(reverse("course", args=[world.course.pk]))
    with everything():
        look = Look.objects.filter(course=world.course).latest("at")
        assert (look.what, look.user, look.through) == ("course", world.bob.nurse, "co_management")
        before = Look.objects.count()
    client.force_login(world.charlie.nurse)
    client.get(reverse("course", args=[world.course.pk]))
    with everything():
        assert Look.objects.count() == before


NO_PATIENT = ("course_policy",)
"""Addresses with a course in them that show nothing of it."""
OF_ONE_PATIENT = ("course", "packet", "import", "handoff", "card", "health_link", "event")
SHOW_A_PATIENT = [
    row
    for row in ROWS
    if row.method == "get" and row.owner == 200 and row.about in OF_ONE_PATIENT and row.name not in NO_PATIENT
]


@pytest.mark.parametrize("row", SHOW_A_PATIENT, ids=case_of)
def test_every_page_about_one_patient_is_a_look(row: Row, world: World, client):
    client.force_login(world.alice.oncologist)
    with everything():
        mine = Look.objects.filter(user=world.alice.oncologist, course=world.course)
        before = mine.count()
        assert client.get(address_of(row, world)).status_code == 200
        assert mine.count() == before + 1


def test_a_course_that_does_not_exist_and_one_that_is_not_yours_look_the_same(world, client):
    client.force_login(world.charlie.nurse)
    mine, none = reverse("course", args=[world.course.pk]), reverse("course", args=[uuid4()])
    pages = [re.sub(r'value="\w{64}"', "", client.get(address).content.decode()) for address in (mine, none)]
    assert pages[0] == pages[1]


def test_access_that_is_over_shows_nothing(world, client):
    with everything():
        world.course.accesses.filter(to_organisation=world.bob.organisation).update(
            valid_until=NOW - timedelta(minutes=1)
        )
    client.force_login(world.bob.nurse)
    assert client.get(reverse("course", args=[world.course.pk])).status_code == 404


def test_pages_are_not_kept_by_the_browser(world, client):
    client.force_login(world.alice.nurse)
    for path in ("/", reverse("course", args=[world.course.pk]), "/pages/"):
        for headers in ({}, BACKGROUND):
            assert "no-store" in client.get(path, **headers)["Cache-Control"]


def test_what_one_person_saw_is_not_new_to_the_next(world, client):
    client.force_login(world.alice.nurse)
    seen = client.get("/", **BACKGROUND)["ETag"]
    assert client.get("/", **BACKGROUND, HTTP_IF_NONE_MATCH=seen).status_code == 304
    client.force_login(make_member(world.alice.organisation, "viewer"))
    assert client.get("/", **BACKGROUND, HTTP_IF_NONE_MATCH=seen).status_code == 200


@pytest.mark.parametrize("path", ["/", "/pages/"])
def test_a_list_whose_session_is_over_brings_the_sign_in_and_not_a_piece_of_it(client, db, path: str):
    answer = client.get(f"{path}?part=lists", **BACKGROUND)
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer["HX-Redirect"] == f"/accounts/login/?next={path}"


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.method == "post" and row.name not in PAGES], ids=lambda row: row.name
)
def test_after_a_sign_in_what_was_sent_is_said_not_to_be_done(row: Row, world: World, client):
    """The session had ended: the sign-in leads to an address that only takes what is sent."""
    client.force_login(world.alice.oncologist)
    answer = client.get(address_of(row, world), follow=True)
    assert answer.status_code == 200
    assert "Nothing was done: please press the button once more." in answer.content.decode()
