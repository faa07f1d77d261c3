"""Which numbers of people at home may be texted, and who is behind a number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handrail.alerts.texts_models import TextLine
from handrail.people import scope
from handrail.people.models import Contact, Patient
from handrail.people.secrets import keyed_hash, keyed_hashes, normal_phone
from handrail.records.models import Course

PURPOSE = "phone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Somebody who may stand behind a number: the patient, or a caregiver, of a course that runs."""

    course: Course
    contact: Contact | None

    @property
    def role(self) -> str:
        """`patient` or `caregiver`."""
        return "patient" if self.contact is None else "caregiver"

    @property
    def language(self) -> str:
        """The language of whoever holds the phone."""
        return self.contact.language if self.contact is not None else self.course.patient.language


def line_of(organisation_id: UUID, phone: str) -> TextLine | None:
    """What is known about a number at one organisation: the same for everybody who reaches the course."""
    with scope.everything():
        return TextLine.objects.filter(organisation_id=organisation_id, phone_hash__in=_hashes(phone)).first()


def may_be_texted(organisation_id: UUID, phone: str) -> bool:
    """Whether the owner of a number agreed to text messages and has not said STOP."""
    line = line_of(organisation_id, phone) if phone else None
    return line is not None and line.may_be_texted


def has_stopped(organisation_id: UUID, phone: str) -> bool:
    """Whether the owner of a number has said STOP."""
    line = line_of(organisation_id, phone) if phone else None
    return line is not None and line.stopped_at is not None


def set_line(organisation_id: UUID, phone: str, **fields: datetime | None) -> TextLine:
    """Write down what the owner of a number wants. The caller holds the transaction, and has asked who may."""
    line = line_of(organisation_id, phone)
    if line is None:
        line = TextLine(organisation_id=organisation_id, phone_hash=keyed_hash(normal_phone(phone), purpose=PURPOSE))
    for name, value in fields.items():
        setattr(line, name, value)
    with scope.everything():
        line.save()
    return line


def renew_line(organisation_id: UUID, phone: str) -> int:
    """What is known about a number, found under the newest key from now on; how many lines that were. The caller holds the transaction.

    A line whose number nobody has any more cannot be renewed: it is found no more once its key is gone, neither the agreement nor
    the STOP, and whoever gives that number again is asked again.
    """
    renewed = 0
    for number in _written(phone):
        newest, *former = keyed_hashes(number, purpose=PURPOSE)
        lines = TextLine.objects.filter(organisation_id=organisation_id)
        line = lines.filter(phone_hash__in=former).order_by("pk").first()
        if line is not None and not lines.filter(phone_hash=newest).exists():
            line.phone_hash = newest
            line.save(update_fields=["phone_hash"])
            renewed += 1
    return renewed


def senders(phone: str) -> list[Sender]:
    """Everybody who may stand behind a number, the newest running course of each patient."""
    hashes = _hashes(phone)
    running = Course.objects.filter(ended_at__isnull=True).select_related("patient", "organisation", "site")
    found: dict[UUID, Sender] = {}
    patients = Patient.objects.filter(phone_hash__in=hashes)
    for course in running.filter(patient__in=patients).order_by("started_at", "id"):
        found[course.patient_id] = Sender(course=course, contact=None)
    for contact in Contact.objects.filter(phone_hash__in=hashes, is_caregiver=True):
        newest = running.filter(patient=contact.patient_id).order_by("-started_at", "-id").first()
        if newest is not None:
            found.setdefault(newest.patient_id, Sender(course=newest, contact=contact))
    return list(found.values())


def _hashes(phone: str) -> list[str]:
    """The hashes of a number under every key, in every way in which it is written."""
    return [each for number in _written(phone) for each in keyed_hashes(number, purpose=PURPOSE)]


def _written(phone: str) -> list[str]:
    """A number as it is written with its country and, in North America, without."""
    plain = normal_phone(phone)
    written = [plain, plain.removeprefix("+"), plain.removeprefix("+1")]
    if not plain.startswith("+"):
        written += [f"+{plain}", f"+1{plain}"]
    return [number for number in dict.fromkeys(written) if number]
