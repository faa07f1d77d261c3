"""The forms of the desk of people."""

from __future__ import annotations

from typing import Final
from zoneinfo import available_timezones

from handrail.people.models import Organisation, Role
from handrail.web.forms import YES_NO, Field, Form

ROLES: Final[dict[str, str]] = {
    Role.ONCOLOGIST: "Oncologist: decides, prescribes, signs as the medical lead",
    Role.PHARMACIST: "Pharmacist: verifies, signs the label, keeps REMS and stock",
    Role.NURSE: "Nurse: gives doses, assesses, teaches",
    Role.ON_CALL: "On-call clinician: answers pages after hours",
    Role.APP: "Advanced practice provider: assesses and prescribes",
    Role.COORDINATOR: "Coordinator: referrals, payers, appointments",
    Role.SITE_MANAGER: "Site manager: rota, training, people, checklist",
    Role.DIRECTOR: "Programme director: signs levels, exceptions and agreements",
    Role.VIEWER: "Viewer: looks, without names",
}
"""What each role is for, as whoever gives it reads it."""
ZONES: Final = ("America/", "Pacific/Honolulu", "Europe/", "Asia/", "Africa/", "Australia/", "Pacific/")


def organisation_form(organisation: Organisation) -> Form:
    """The number, and the second factor."""
    fields = (
        Field(
            name="number",
            label="Number that is called day and night",
            kind="text",
            required=True,
            start=organisation.call_number,
            hint="Patients and emergency departments read it on every card and page.",
        ),
        Field(
            name="second_factor",
            label="Ask everybody for a second factor at the sign-in?",
            kind="yes_no",
            choices=YES_NO[:2],
            required=True,
            start="yes" if organisation.require_second_factor else "no",
        ),
    )
    return _form("organisation", "The organisation", fields)


def site_form(organisation: Organisation) -> Form:
    """A new site."""
    zones = tuple((zone, zone) for zone in sorted(available_timezones()) if zone.startswith(ZONES))
    fields = (
        Field(name="name", label="Name of the site", kind="text", required=True, hint="As patients know it."),
        Field(
            name="number",
            label="Its own number",
            kind="text",
            hint="Left empty: the number of the organisation is called.",
        ),
        Field(name="time_zone", label="Clock on its wall", kind="choice", choices=zones, start=organisation.time_zone),
    )
    return _form("site", "Add a site", fields)


def person_form() -> Form:
    """A new person, in one role or several."""
    fields = (
        Field(name="name", label="Name", kind="text", required=True, hint="As patients and colleagues read it."),
        Field(name="email", label="E-mail", kind="text", required=True, hint="With it they sign in."),
        Field(name="roles", label="Roles", kind="choices", required=True, choices=tuple(ROLES.items())),
    )
    return _form("person", "Add a person", fields)


def role_form(people: tuple[tuple[str, str], ...]) -> Form:
    """One more role for somebody."""
    fields = (
        Field(name="who", label="Who", kind="choice", required=True, choices=people),
        Field(name="role", label="Role", kind="choice", required=True, choices=tuple(ROLES.items())),
    )
    return _form("role", "Give one more role", fields)


def _form(key: str, title: str, fields: tuple[Field, ...]) -> Form:
    return Form(key=key, title=title, verb="manage_people", fields=fields, events=lambda values: [dict(values)])
