"""The tables of people."""

from handrail.people.models.contact_points import PHONES, ContactPoint, PointChannel
from handrail.people.models.links import LinkToken
from handrail.people.models.organisations import Certificate, Membership, Organisation, Role, Shift, Site, Step
from handrail.people.models.patients import Contact, Patient
from handrail.people.models.users import SignInGuard, User

__all__ = [
    "PHONES",
    "Certificate",
    "Contact",
    "ContactPoint",
    "LinkToken",
    "Membership",
    "Organisation",
    "Patient",
    "PointChannel",
    "Role",
    "Shift",
    "SignInGuard",
    "Site",
    "Step",
    "User",
]
