"""The tables of people."""

from handrail.people.models.agreements import Agreement, AgreementSignature, AgreementStep
from handrail.people.models.capacity import SiteNumber, StartDecision, WaitEntry
from handrail.people.models.cards import EmergencyCard, EmergencyOpening
from handrail.people.models.clients import AccessToken, ClientAssertion, DeviceLink, ServiceClient
from handrail.people.models.contact_points import PHONES, ContactPoint, PointChannel
from handrail.people.models.document_keys import DocumentKey
from handrail.people.models.expert_line import DummyCall
from handrail.people.models.health_links import HealthLink, HealthLinkRequest
from handrail.people.models.links import LinkToken
from handrail.people.models.organisations import Certificate, Membership, Organisation, Role, Shift, Site, Step
from handrail.people.models.patients import Contact, Patient
from handrail.people.models.places import CarePlace, EmergencyDestination, PlaceDay, PlaceHours
from handrail.people.models.presence import Presence
from handrail.people.models.referrals import Referral, ReferralDoor, ReferralEntry, ReferralLook
from handrail.people.models.rems import RemsAct, RemsDispense, RemsMode, RemsRecord, RemsReport
from handrail.people.models.rota import Holiday, RotaEntry, RotaStep, ShiftPlan, Swap
from handrail.people.models.sites import SiteException, SiteGrant, SiteItem, SiteRecord, SiteStrict, SiteWay
from handrail.people.models.training import MockDrill, TrainingRecord, TrainingVersion
from handrail.people.models.users import SignInGuard, User

__all__ = [
    "PHONES",
    "AccessToken",
    "Agreement",
    "AgreementSignature",
    "AgreementStep",
    "CarePlace",
    "Certificate",
    "ClientAssertion",
    "Contact",
    "ContactPoint",
    "DeviceLink",
    "DocumentKey",
    "DummyCall",
    "EmergencyCard",
    "EmergencyDestination",
    "EmergencyOpening",
    "HealthLink",
    "HealthLinkRequest",
    "Holiday",
    "LinkToken",
    "Membership",
    "MockDrill",
    "Organisation",
    "Patient",
    "PlaceDay",
    "PlaceHours",
    "PointChannel",
    "Presence",
    "Referral",
    "ReferralDoor",
    "ReferralEntry",
    "ReferralLook",
    "RemsAct",
    "RemsDispense",
    "RemsMode",
    "RemsRecord",
    "RemsReport",
    "Role",
    "RotaEntry",
    "RotaStep",
    "ServiceClient",
    "Shift",
    "ShiftPlan",
    "SignInGuard",
    "Site",
    "SiteException",
    "SiteGrant",
    "SiteItem",
    "SiteNumber",
    "SiteRecord",
    "SiteStrict",
    "SiteWay",
    "StartDecision",
    "Step",
    "Swap",
    "TrainingRecord",
    "TrainingVersion",
    "User",
    "WaitEntry",
]
