"""Who may do what: one table of verbs and roles, and one function, `may`, that every page, route and verb asks.

A person reaches a course through a membership in the organisation that owns it, or through a grant in force (`CourseAccess`),
which lends a part of what the person's role allows at home. Nobody else learns that the course exists.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from handrail.people.models import Membership, Role, Step

_ONCOLOGIST, _PHARMACIST, _NURSE, _ON_CALL, _APP = (
    Role.ONCOLOGIST,
    Role.PHARMACIST,
    Role.NURSE,
    Role.ON_CALL,
    Role.APP,
)
_COORDINATOR, _SITE_MANAGER, _DIRECTOR, _VIEWER = Role.COORDINATOR, Role.SITE_MANAGER, Role.DIRECTOR, Role.VIEWER

CLINICIANS: Final = frozenset({_ONCOLOGIST, _NURSE, _ON_CALL, _APP})
PRESCRIBERS: Final = frozenset({_ONCOLOGIST, _ON_CALL, _APP})
EVERYBODY: Final = frozenset(Role)
STAFF: Final = EVERYBODY - {_VIEWER}

VERBS: Final[dict[str, frozenset[Role]]] = {
    # looking
    "view_board": EVERYBODY,
    "view_course": EVERYBODY,
    "view_identity": STAFF,
    "view_pages": STAFF,
    "view_looks": frozenset({_DIRECTOR}),
    "view_figures": frozenset({_ONCOLOGIST, _SITE_MANAGER, _DIRECTOR}),
    "open_document": STAFF,
    "export_course": frozenset({_ONCOLOGIST, _PHARMACIST, _DIRECTOR}),
    "export_organisation": frozenset({_DIRECTOR}),
    "view_referrals": STAFF,
    # recording
    "start_course": frozenset({_ONCOLOGIST, _APP, _COORDINATOR, _PHARMACIST}),
    "import_patient": frozenset({_ONCOLOGIST, _APP, _COORDINATOR, _NURSE}),
    "plan_dose": frozenset({_ONCOLOGIST, _APP, _PHARMACIST, _COORDINATOR, _NURSE}),
    "record_dose": CLINICIANS | {_PHARMACIST},
    "record_medicine": CLINICIANS | {_PHARMACIST},
    "record_assessment": CLINICIANS,
    "record_checkin": CLINICIANS | {_COORDINATOR},
    "record_lab": CLINICIANS | {_PHARMACIST, _COORDINATOR},
    "record_contact": CLINICIANS | {_COORDINATOR, _PHARMACIST},
    "ask_call_back": STAFF,
    "record_logistics": STAFF,
    "teach_back": CLINICIANS | {_PHARMACIST},
    "record_note": STAFF,
    "decide": PRESCRIBERS | {_PHARMACIST},
    "decide_setting": PRESCRIBERS,
    "authorise_home_medicine": PRESCRIBERS,
    "sign_departure": PRESCRIBERS | {_DIRECTOR},
    "override_gate": PRESCRIBERS,
    "countersign_gate": CLINICIANS,
    "correct_event": CLINICIANS | {_PHARMACIST, _COORDINATOR},
    "store_document": STAFF,
    "close_incident": PRESCRIBERS | {_SITE_MANAGER, _DIRECTOR},
    # answering
    "acknowledge": CLINICIANS | {_PHARMACIST, _SITE_MANAGER, _DIRECTOR},
    "answer_referral": CLINICIANS | {_COORDINATOR, _PHARMACIST, _SITE_MANAGER, _DIRECTOR},
    # arranging
    "issue_link": CLINICIANS | {_COORDINATOR},
    "revoke_link": CLINICIANS | {_COORDINATOR, _DIRECTOR},
    "send_ed_packet": CLINICIANS | {_COORDINATOR},
    "choose_ed": CLINICIANS | {_COORDINATOR},
    "manage_places": frozenset({_SITE_MANAGER, _DIRECTOR}),
    "view_sites": EVERYBODY,
    "record_site_item": frozenset({_SITE_MANAGER, _DIRECTOR}),
    "except_site_item": frozenset({_DIRECTOR}),
    "grant_site_level": frozenset({_DIRECTOR}),
    "record_capacity": frozenset({_SITE_MANAGER, _DIRECTOR}),
    "override_capacity": frozenset({_DIRECTOR}),
    "keep_waiting_list": CLINICIANS | {_COORDINATOR, _PHARMACIST, _SITE_MANAGER, _DIRECTOR},
    "grant_access": frozenset({_ONCOLOGIST, _COORDINATOR, _DIRECTOR}),
    "name_nurse": CLINICIANS | {_COORDINATOR, _SITE_MANAGER, _DIRECTOR},
    "move_accountability": PRESCRIBERS | {_DIRECTOR},
    "offer_handoff": CLINICIANS | {_COORDINATOR},
    "take_part_in_handoff": CLINICIANS | {_COORDINATOR, _PHARMACIST},
    "work_referral": CLINICIANS | {_COORDINATOR},
    "decide_option": PRESCRIBERS,
    "open_referral_door": frozenset({_SITE_MANAGER, _DIRECTOR}),
    "manage_rota": frozenset({_SITE_MANAGER, _DIRECTOR}),
    "manage_people": frozenset({_SITE_MANAGER, _DIRECTOR}),
    "record_training": frozenset({_SITE_MANAGER, _DIRECTOR}),
    "record_drill": STAFF,
    "record_dummy_call": STAFF,
    "sign_agreement": frozenset({_ONCOLOGIST, _DIRECTOR}),
    "sign_protocol": frozenset({_PHARMACIST, _ONCOLOGIST, _DIRECTOR}),
    "propose_policy": frozenset({_ONCOLOGIST, _DIRECTOR}),
    "approve_policy": frozenset({_PHARMACIST, _ONCOLOGIST, _DIRECTOR}),
    "manage_access": CLINICIANS | {_COORDINATOR, _PHARMACIST, _SITE_MANAGER},
    "manage_access_papers": frozenset({_PHARMACIST, _SITE_MANAGER, _DIRECTOR}),
    "keep_rems": frozenset({_PHARMACIST, _SITE_MANAGER, _DIRECTOR}),
    "record_dispense": frozenset({_PHARMACIST, _NURSE, _SITE_MANAGER, _DIRECTOR}),
    "report_reaction": CLINICIANS | {_PHARMACIST, _SITE_MANAGER, _DIRECTOR},
    "run_demo": EVERYBODY,
}
"""Which roles may do a verb at their own organisation."""


def answering_roles(step: str) -> frozenset[Role]:
    """The roles in which somebody on the rota as that step may say "I have it"."""
    return VERBS["answer_referral" if step == Step.INTAKE else "acknowledge"]


_LOOKING = frozenset({"view_board", "view_course", "view_identity", "open_document"})
_RECORDING = frozenset(
    {
        "record_dose",
        "record_medicine",
        "record_assessment",
        "record_checkin",
        "record_lab",
        "record_contact",
        "ask_call_back",
        "record_logistics",
        "record_note",
        "teach_back",
        "correct_event",
        "store_document",
    }
)
LENT: Final[dict[str, frozenset[str]]] = {
    "co_management": _LOOKING
    | _RECORDING
    | {
        "view_pages",
        "acknowledge",
        "plan_dose",
        "decide",
        "decide_setting",
        "authorise_home_medicine",
        "sign_departure",
        "override_gate",
        "countersign_gate",
        "issue_link",
        "revoke_link",
        "send_ed_packet",
        "choose_ed",
        "move_accountability",
        "offer_handoff",
        "take_part_in_handoff",
        "manage_access",
        "record_dispense",
        "report_reaction",
    },
    "handoff": _LOOKING | {"record_note", "ask_call_back", "move_accountability", "take_part_in_handoff"},
    "consult": _LOOKING | {"record_note", "ask_call_back"},
    "emergency": _LOOKING
    | {
        "record_assessment",
        "record_medicine",
        "record_contact",
        "record_note",
        "ask_call_back",
        "acknowledge",
        "view_pages",
        "send_ed_packet",
    },
    "break_glass": _LOOKING
    | {
        "record_assessment",
        "record_medicine",
        "record_contact",
        "record_note",
        "ask_call_back",
        "acknowledge",
        "view_pages",
        "send_ed_packet",
    },
}
"""What a grant lends, by its purpose; the role at home must allow it too."""

VERB_FOR_KIND: Final[dict[str, str]] = {
    "course_started": "start_course",
    "protocol_changed": "decide",
    "policy_changed": "decide",
    "schedule_changed": "decide",
    "weight_measured": "record_assessment",
    "lab_resulted": "record_lab",
    "dose_planned": "plan_dose",
    "dose_given": "record_dose",
    "dose_not_given": "record_dose",
    "medicine_given": "record_medicine",
    "home_medicine_authorised": "authorise_home_medicine",
    "home_medicine_stopped": "record_medicine",
    "teach_back_done": "teach_back",
    "vaccine_noted": "record_medicine",
    "checkin_received": "record_checkin",
    "vitals_measured": "record_assessment",
    "crs_assessed": "record_assessment",
    "ice_assessed": "record_assessment",
    "icans_assessed": "record_assessment",
    "toxicity_resolved": "record_assessment",
    "condition_noted": "record_assessment",
    "response_assessed": "record_assessment",
    "home_status": "record_logistics",
    "contact_made": "record_contact",
    "visit_planned": "record_contact",
    "visit_done": "record_assessment",
    "incident_closed": "close_incident",
    "handed_back": "record_contact",
    "step_up_planned": "plan_dose",
    "caregivers_rostered": "record_logistics",
    "travel_noted": "record_logistics",
    "lodging_noted": "record_logistics",
    "setting_facts_noted": "record_assessment",
    "setting_decided": "decide_setting",
    "authorisation_set": "record_logistics",
    "rems_met": "record_logistics",
    "readiness_confirmed": "record_logistics",
    "earlier_treatment_noted": "record_contact",
    "hold_started": "decide",
    "hold_ended": "decide",
    "departure_signed": "sign_departure",
    "accountability_moved": "move_accountability",
    "handoff_offered": "offer_handoff",
    "handoff_delivered": "take_part_in_handoff",
    "handoff_read": "take_part_in_handoff",
    "handoff_asked": "take_part_in_handoff",
    "handoff_answered": "take_part_in_handoff",
    "handoff_ended": "take_part_in_handoff",
    "not_known_said": "view_identity",
    "admission_noted": "record_contact",
    "admission_plan_written": "record_contact",
    "hub_call_made": "record_contact",
    "discharge_noted": "record_contact",
    "nurses_named": "name_nurse",
    "call_back_asked": "ask_call_back",
    "call_back_made": "record_contact",
    "course_ended": "decide",
    "note_added": "record_note",
    "fact_withdrawn": "correct_event",
}
"""The verb that recording an event kind needs. Kinds that only the shell writes are not here: no person may."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How a person reaches a course: with which roles, and lent by which grant (None: by membership)."""

    roles: frozenset[str]
    through: str


def memberships(person: Any, now: datetime) -> list[Membership]:
    """The memberships of a person in force at `now`; none for somebody inactive or not signed in."""
    if not getattr(person, "is_authenticated", False) or not person.is_active:
        return []
    return list(Membership.objects.filter(in_force(now), user_id=person.pk))


def in_force(now: datetime) -> Q:
    """Memberships in force at `now`."""
    return (Q(valid_until__isnull=True) | Q(valid_until__gt=now)) & Q(valid_from__lte=now)


def organisations_of(person: Any, now: datetime) -> list[UUID]:
    """The organisations that a person belongs to at `now`."""
    return sorted({each.organisation_id for each in memberships(person, now)}, key=str)


def roles_at(person: Any, organisation_id: UUID, now: datetime) -> frozenset[str]:
    """The roles of a person at one organisation."""
    return frozenset(each.role for each in memberships(person, now) if each.organisation_id == organisation_id)


def reach(person: Any, course: Any, now: datetime) -> list[Reached]:
    """Every way in which a person reaches a course at `now`; an empty list for a stranger."""
    held = memberships(person, now)
    others = {each.organisation_id for each in held} - {course.organisation_id}
    return ways(course, held, course.accesses.valid(now).filter(to_organisation__in=others) if others else ())


def ways(course: Any, held: Iterable[Membership], grants: Iterable[Any]) -> list[Reached]:
    """Every way in which one person reaches a course, from what was read: no query.

    Args:
        held: the person's memberships in force.
        grants: the grants of the course in force; those to other organisations or other persons are left aside.
    """
    by_organisation: dict[UUID, set[str]] = {}
    persons = set()
    for each in held:
        by_organisation.setdefault(each.organisation_id, set()).add(each.role)
        persons.add(each.user_id)
    found = []
    if course.organisation_id in by_organisation:
        found.append(Reached(frozenset(by_organisation[course.organisation_id]), "membership"))
    return found + [
        Reached(frozenset(by_organisation[grant.to_organisation_id]), grant.purpose)
        for grant in grants
        if grant.to_organisation_id in by_organisation
        and grant.to_organisation_id != course.organisation_id
        and (grant.person_id is None or grant.person_id in persons)
    ]


def lets(reached: Iterable[Reached], verb: str) -> bool:
    """Whether one of these ways lets a verb be done."""
    roles = VERBS[verb]
    return any(
        bool(way.roles & roles) and (way.through == "membership" or verb in LENT[way.through]) for way in reached
    )


def may(person: Any, verb: str, course: Any, now: datetime, *, organisation_id: UUID | None = None) -> bool:
    """Whether a person may do a verb.

    Args:
        person: a user; somebody who is not signed in may do nothing.
        verb: a key of `VERBS`.
        course: the course it is about, or None for what concerns an organisation.
        now: the instant at which memberships and grants must be in force.
        organisation_id: without a course, the organisation; None asks "at any of the person's organisations?".

    Raises:
        KeyError: there is no such verb; a misspelt verb must not become a quiet "no".
    """
    roles = VERBS[verb]
    if course is None:
        return any(
            each.role in roles and organisation_id in (None, each.organisation_id) for each in memberships(person, now)
        )
    return lets(reach(person, course, now), verb)


def ends_of(person: Any, course: Any, now: datetime) -> list[datetime]:
    """The instants to come at which something ends that lets a person reach a course: a membership, or a grant of the course."""
    lasting = [each.valid_until for each in memberships(person, now)]
    lasting += course.accesses.valid(now).values_list("valid_until", flat=True)
    return [at for at in lasting if at is not None]


def verbs_on(person: Any, course: Any, now: datetime) -> frozenset[str]:
    """Every verb that a person may do on a course: what its page offers. Asks the database once."""
    reached = reach(person, course, now)
    return frozenset(verb for verb in VERBS if lets(reached, verb))
