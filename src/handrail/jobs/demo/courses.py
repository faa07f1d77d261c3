"""A dozen synthetic courses in different states, placed relative to now and told through the verbs."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import uuid4

from handrail.actions.access import grant_access, move_accountability
from handrail.actions.facts import correct_event
from handrail.actions.handoff_doors import make_fax, note_fax_sent
from handrail.actions.handoffs import Offer, delivered, offer
from handrail.jobs.demo.people import ZONE, House
from handrail.jobs.demo.storyteller import CRS_GRADE_1, NORMAL_VITALS, Story, at, days_ago
from handrail.people.models import Organisation
from handrail.records.models import Event
from handrail.rules.packet_data import packet_data
from handrail.rules.terms import civil_date, civil_instant

TEC: Final = ("teclistamab", "teclistamab/US/2026-03/mono")
ELR: Final = ("elranatamab", "elranatamab/US/2025-07")


def tell_all(houses: dict[str, House], fax_only: Organisation, now: datetime) -> dict[str, Story]:
    """Tell every course; the name of each says the state it ends in.

    Args:
        houses: the organisations with people.
        fax_only: a practice nobody of which can sign in.
        now: the instant at which the demonstration begins.
    """
    hub, prairie, lakeside = houses["hub"], houses["prairie"], houses["lakeside"]
    return {
        "candidate": _candidate(hub, now),
        "in_window": _in_window(hub, now),
        "overdue": _overdue(hub, now),
        "fever": _fever(hub, now),
        "crs_resolved": _crs_resolved(hub, now),
        "pneumonia": _pneumonia(hub, now),
        "late_nine_days": _late_nine_days(hub, now),
        "weekly": _weekly(prairie, now),
        "every_two_weeks": _every_two_weeks(prairie, now),
        "wrong_amount": _wrong_amount(lakeside, now),
        "shared": _shared(hub, prairie, now),
        "two_corrections": _two_corrections(hub, now),
        "ended": _ended(hub, now),
        "handoff_waits": _handoff_waits(hub, prairie, now),
        "handoff_fax": _handoff_fax(hub, fax_only, now),
    }


def _story(
    house: House,
    number: int,
    drug: tuple[str, str],
    started: datetime,
    *,
    language: str = "en",
    wallet_card: bool = True,
) -> Story:
    story = Story(house=house, number=number, product=drug[0], protocol_key=drug[1], started=started, language=language)
    return story.begin(wallet_card=wallet_card)


def _candidate(house: House, now: datetime) -> Story:
    story = _story(house, 1, ELR, days_ago(now, 2), wallet_card=False)
    tomorrow = civil_date(now, ZONE) + timedelta(days=1)
    return story.tell(
        days_ago(now, 1),
        "dose_planned",
        role="oncologist",
        step="step_up_1",
        on=tomorrow.isoformat(),
        at_site="hub",
        setting="inpatient",
    )


def _in_window(house: House, now: datetime) -> Story:
    story = _story(house, 2, TEC, days_ago(now, 4))
    given = days_ago(now, 1)
    story.clear_visit(given - timedelta(minutes=30)).dose(given, "step_up_1", dose_mg_per_kg="0.06")
    tomorrow = civil_date(given, ZONE) + timedelta(days=1)  # the day after that is still to be booked
    ten = civil_instant(tomorrow, time(10, 0), ZONE).isoformat()
    story.tell(
        given,
        "visit_planned",
        role="nurse",
        on=tomorrow.isoformat(),
        starts_at=ten,
        who_role="nurse",
        contact="in_person",
    )
    return story.checks_until(now).look(now)


def _overdue(house: House, now: datetime) -> Story:
    story = _story(house, 3, ELR, days_ago(now, 3))
    given = days_ago(now, 1, "09:30")
    story.clear_visit(given - timedelta(minutes=30)).dose(given, "step_up_1", dose_mg="12")
    return story.checks_until(now, leave_out=1).look(now)


def _fever(house: House, now: datetime) -> Story:
    story = _story(house, 4, TEC, days_ago(now, 8))
    first, second = days_ago(now, 4), days_ago(now, 1, "09:00")
    story.clear_visit(first - timedelta(minutes=30)).dose(first, "step_up_1", dose_mg_per_kg="0.06")
    story.checks_until(second - timedelta(hours=1))
    story.clear_visit(second - timedelta(minutes=30)).dose(second, "step_up_2", dose_mg_per_kg="0.3")
    reported = now - timedelta(minutes=3)
    story.checks_until(reported - timedelta(minutes=10))
    return story.checkin(
        reported,
        "38.4",
        temperature_as_typed="101.1",
        unit_as_typed="F",
        symptoms=["shaking_chills"],
        none_of_these=False,
    )


def _crs_resolved(house: House, now: datetime) -> Story:
    story = _story(house, 5, ELR, days_ago(now, 6), language="es")
    given = days_ago(now, 3, "09:00")
    story.clear_visit(given - timedelta(minutes=30)).dose(given, "step_up_1", dose_mg="12")
    fever = given + timedelta(hours=29)
    story.checks_until(fever - timedelta(hours=1)).checkin(fever, "38.4")
    seen = fever + timedelta(minutes=50)
    story.tell(fever + timedelta(minutes=8), "contact_made", role="on_call", reached=True, outcome="coming_in", **PHONE)
    story.tell(seen, "vitals_measured", role="on_call", **{**NORMAL_VITALS, "temperature_c": "38.2"})
    story.tell(seen, "crs_assessed", role="on_call", **CRS_GRADE_1)
    story.tell(seen, "ice_assessed", role="on_call", total_0_10=10)
    story.tell(
        seen, "medicine_given", role="on_call", agent="acetaminophen", dose_mg="650", route="oral", purpose="treatment"
    )
    over = fever + timedelta(hours=20)
    story.checkin(over - timedelta(hours=1), "36.9")
    story.tell(over, "toxicity_resolved", role="app", toxicity="crs", resolved_at=over.isoformat(), confirmed_by="app")
    story.checks_until(now - timedelta(hours=2))
    return story.clear_visit(now - timedelta(minutes=40)).look(now)


PHONE: Final = {"with": "patient", "channel": "phone"}


def _pneumonia(house: House, now: datetime) -> Story:
    story = _story(house, 6, TEC, days_ago(now, 7))
    given = days_ago(now, 3)
    story.clear_visit(given - timedelta(minutes=30)).dose(given, "step_up_1", dose_mg_per_kg="0.06")
    story.checks_until(now - timedelta(hours=3))
    story.tell(now - timedelta(hours=2), "condition_noted", role="oncologist", what="pneumonia", grade=2, active=True)
    return story.look(now)


def _late_nine_days(house: House, now: datetime) -> Story:
    story = _story(house, 7, TEC, days_ago(now, 14))
    first, second = days_ago(now, 12), days_ago(now, 9)
    story.clear_visit(first - timedelta(minutes=30)).dose(first, "step_up_1", dose_mg_per_kg="0.06")
    story.checks_until(second - timedelta(hours=1))
    story.clear_visit(second - timedelta(minutes=30)).dose(second, "step_up_2", dose_mg_per_kg="0.3")
    story.checks_until(days_ago(now, 6))
    story.tell(
        days_ago(now, 6),
        "dose_not_given",
        role="nurse",
        step="first_treatment",
        because="logistics",
        related_to_drug=False,
    )
    story.checks_until(now - timedelta(hours=1))
    return story.clear_visit(now - timedelta(minutes=50)).look(now)


def _step_up(story: Story, first: datetime) -> datetime:
    """An uneventful teclistamab step-up from `first` on; returns the instant of the first treatment dose."""
    for days, step, per_kg in ((0, "step_up_1", "0.06"), (3, "step_up_2", "0.3"), (6, "first_treatment", "1.5")):
        given = first + timedelta(days=days)
        story.checks_until(given - timedelta(hours=1))
        story.clear_visit(given - timedelta(minutes=30)).dose(given, step, dose_mg_per_kg=per_kg)
    story.checks_until(first + timedelta(days=21))
    return first + timedelta(days=6)


def _weekly(house: House, now: datetime) -> Story:
    story = _story(house, 8, TEC, days_ago(now, 42))
    last = _step_up(story, days_ago(now, 40))
    while last + timedelta(days=7) < now - timedelta(days=1):
        last += timedelta(days=7)
        story.clear_visit(last - timedelta(minutes=30)).dose(last, "treatment", dose_mg_per_kg="1.5")
    return story.look(now)


def _every_two_weeks(house: House, now: datetime) -> Story:
    story = _story(house, 9, TEC, days_ago(now, 128))
    last = _step_up(story, days_ago(now, 126))
    for _ in range(4):
        last += timedelta(days=7)
        story.clear_visit(last - timedelta(minutes=30)).dose(last, "treatment", dose_mg_per_kg="1.5")
    changed = last + timedelta(days=1)
    story.tell(changed, "schedule_changed", role="oncologist", schedule="every_2_weeks", response="CR")
    last += timedelta(days=14)
    story.clear_visit(last - timedelta(minutes=30)).dose(
        last, "treatment", dose_mg_per_kg="1.5", schedule="every_2_weeks"
    )
    story.tell(
        last + timedelta(days=14),
        "dose_not_given",
        role="nurse",
        step="treatment",
        because="patient",
        related_to_drug=False,
    )
    return story.clear_visit(now - timedelta(minutes=45)).look(now)


def _wrong_amount(house: House, now: datetime) -> Story:
    story = _story(house, 10, ELR, days_ago(now, 5))
    given = days_ago(now, 2)
    story.clear_visit(given - timedelta(minutes=30)).dose(given, "step_up_1", dose_mg="16")
    return story.checks_until(now - timedelta(minutes=30)).look(now)


def _shared(house: House, partner: House, now: datetime) -> Story:
    story = _story(house, 11, TEC, days_ago(now, 26))
    last = _step_up(story, days_ago(now, 24))
    last += timedelta(days=7)
    story.clear_visit(last - timedelta(minutes=30)).dose(last, "treatment", dose_mg_per_kg="1.5")
    moved = days_ago(now, 5)
    with at(moved) as instant:
        grant_access(
            story.course_id,
            partner.organisation,
            purpose="co_management",
            by=story.by("oncologist"),
            reason="maintenance near home",
            now=instant,
        )
        move_accountability(
            story.course_id,
            partner.organisation,
            accepted_by=partner.people["oncologist"],
            by=story.by("oncologist"),
            now=instant,
        )
    return story.look(now)


def _two_corrections(house: House, now: datetime) -> Story:
    story = _story(house, 12, ELR, days_ago(now, 9))
    first, second = days_ago(now, 7), days_ago(now, 4)
    story.clear_visit(first - timedelta(minutes=30)).dose(first, "step_up_1", dose_mg="12")
    story.checks_until(second - timedelta(hours=1))
    story.clear_visit(second - timedelta(minutes=30)).dose(second, "step_up_2", dose_mg="32")
    story.checks_until(now - timedelta(hours=1))
    dose = Event.objects.filter(course_id=story.course_id, kind="dose_given").order_by("-occurred_at").first()
    assert dose is not None
    for role, hours in (("nurse", 2), ("pharmacist", 26)):
        moved = second - timedelta(hours=hours)
        with at(now - timedelta(minutes=30)) as instant:
            body = {**dose.payload, "id": str(uuid4()), "kind": "dose_given", "at": moved.isoformat(), "zone": ZONE}
            correct_event(story.course_id, dose.id, body, reason="the time was wrong", by=story.by(role), now=instant)
    return story.look(now)


def _ended(house: House, now: datetime) -> Story:
    story = _story(house, 13, ELR, days_ago(now, 60))
    given = days_ago(now, 58)
    story.clear_visit(given - timedelta(minutes=30)).dose(given, "step_up_1", dose_mg="12")
    story.checks_until(given + timedelta(days=2))
    ended = days_ago(now, 50)
    before = ended - timedelta(minutes=20)
    story.tell(before, "contact_made", role="oncologist", reached=True, outcome="staying_home", **PHONE)
    return story.tell(ended, "course_ended", role="oncologist", because="patient's choice", died=False)


def _offer_to(organisation: Organisation, take_over_on: date | None = None) -> Offer:
    """An offer of which nothing that only a person knows makes it complicated; what the records say of other conditions does."""
    return Offer(
        to=organisation,
        take_over_on=take_over_on,
        caregiver_or_access_problem=False,
        more_than_two_organisations=False,
        second_product_planned=False,
        not_known=frozenset(packet_data().must.fields),  # whoever offers has looked at whichever of them is empty
    )


def _stepped_up(house: House, number: int, now: datetime, days: int) -> Story:
    """A step-up that is complete since so many days, and assessed after its last dose."""
    story = _story(house, number, TEC, days_ago(now, days + 8))
    given = _step_up(story, days_ago(now, days + 6))
    story.clear_visit(given + timedelta(days=2))
    story.tell(days_ago(now, 2), "lab_resulted", role="nurse", code="anc", value="2.4", unit="10*9/L")
    return story.look(now - timedelta(days=1))


def _handoff_waits(house: House, partner: House, now: datetime) -> Story:
    """Offered yesterday, in the partner's inbox, read by nobody; the give-by date is five days ahead."""
    story = _stepped_up(house, 14, now, 23)
    with at(now - timedelta(hours=20)) as instant:
        proposed = civil_date(now, ZONE) + timedelta(days=2)
        done = offer(story.course_id, _offer_to(partner.organisation, proposed), by=story.by("nurse"), now=instant)
        delivered(story.course_id, done.event.id, "on_screen", by=story.by("nurse"), now=instant)
    return story.look(now)


def _handoff_fax(house: House, practice: Organisation, now: datetime) -> Story:
    """Offered this hour to a practice that only has a fax machine, which says that the sheet went through."""
    story = _stepped_up(house, 15, now, 16)
    with at(now - timedelta(minutes=50)) as instant:
        done = offer(story.course_id, _offer_to(practice), by=story.by("nurse"), now=instant)
        make_fax(story.course_id, done.event.id, by=story.by("nurse"), now=instant)
        note_fax_sent(story.course_id, done.event.id, by=story.by("nurse"), now=instant)
    return story.look(now)
