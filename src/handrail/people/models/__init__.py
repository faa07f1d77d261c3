"""The tables of people."""

from handrail.people.models.links import LinkToken
from handrail.people.models.organisations import Certificate, Membership, Organisation, Role, Shift, Site, Step
from handrail.people.models.patients import Contact, Patient
from handrail.people.models.users import SignInGuard, User

__all__ = [
    "Certificate",
    "Contact",
    "LinkToken",
    "Membership",
    "Organisation",
    "Patient",
    "Role",
    "Shift",
    "SignInGuard",
    "Site",
    "Step",
    "User",
]
