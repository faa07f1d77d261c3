"""The links to a sealed packet (SMART Health Links 1.0.0): made, asked, revoked.

A link opens the newest sealed version of one course, to whoever has its address and its passcode; the key of the file travels in the link
and never reaches the server. Every request is written down. Wrong passcodes are counted in the transaction that tries them, for the whole
life of the link. What is over, revoked or was never made is answered alike: with nothing.
"""

from __future__ import annotations

import base64
import hmac
import json
import math
import re
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import models, transaction

from handrail import clock
from handrail.actions import not_known
from handrail.actions.actor import Actor
from handrail.actions.errors import ActionError, NotVisibleError, RefusedError
from handrail.actions.packets import SEAL
from handrail.actions.recording import locked
from handrail.alerts.models import new_code
from handrail.people import scope
from handrail.people.models import HealthLink, HealthLinkRequest, LinkToken, Patient
from handrail.people.models.health_links import LABEL_LENGTH
from handrail.people.secrets import normal_identifier
from handrail.records.models import Course, PacketVersion
from handrail.rules.health_links import WINDOW, health_link_data

PURPOSE: Final = LinkToken.Purpose.HEALTH_LINK.value
MAKE: Final = SEAL
REVOKE: Final = "revoke_link"
URL_LENGTH: Final = 128
"""The longest address that the specification bears."""
KEY_BYTES: Final = 32
_SALT: Final = "handrail.health_link.file"
_LONGEST_RECIPIENT: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants of a new link."""

    label: str
    purpose: str
    days: int
    with_passcode: bool = True
    not_known: frozenset[str] = frozenset()
    """The keys of the empty fields of the newest version that leave as not known; nobody asks for an emergency department."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A request that was let in: which link, the version that it opens, and what was read of it. `file_token`: for an hour at most."""

    link: HealthLink
    version: PacketVersion
    content: bytes
    file_token: str = ""

    def __repr__(self) -> str:
        return f"Opened({self.link!r})"  # a token never reaches a log


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A request that was let in, but what was kept is not what was sealed: nothing is given out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """The passcode was missing or wrong: so many wrong ones may still be sent."""

    remaining: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The link was asked too often: again after so many seconds."""

    seconds: int


Read = Callable[[HealthLink, PacketVersion], bytes]
"""Reads the content of a version for the holder of a link. It raises ActionError where that cannot be read."""


# --- for staff --------------------------------------------------------------------------------------------------------


def make_link(course_id: UUID, wish: Wish, *, by: Actor, now: datetime | None = None) -> HealthLink:
    """Make a link to the sealed packet of a course.

    Raises:
        RefusedError: nothing was sealed yet, a label that is missing, too long or names the patient, days out of range, a passcode
            left out where the programme requires one, an installation whose own address is too long, or, but for an emergency
            department, an empty field of the newest version of which nobody has said that it leaves as not known.
    """
    now = now or clock.now()
    row = health_link_data().link
    with locked(course_id, by, now) as course:
        by.role_for(MAKE, course, now)
        if not course.packets.exists():
            raise RefusedError("Seal the packet first: a link opens what was sealed.", code="nothing_sealed")
        label = _label(course, wish.label)
        if wish.purpose not in HealthLink.Purpose.values:
            raise RefusedError("Say for whom the link is.", code="unknown_word", path="purpose")
        if not 1 <= wish.days <= row.longest_days:
            raise RefusedError(f"A link lasts 1 to {row.longest_days} days.", code="not_a_time", path="days")
        if row.passcode == "required" and not wish.with_passcode:
            raise RefusedError("This programme requires a passcode.", code="passcode_required", path="with_passcode")
        if wish.purpose != HealthLink.Purpose.EMERGENCY:
            newest = course.packets.select_related("content").order_by("-number")[0]
            not_known.say_of(newest, wish.not_known, by=by, now=now)
        token, address = LinkToken.issue(
            organisation_id=course.organisation_id,
            purpose=PURPOSE,
            course=course,
            holder="reader",
            issued_by=by.user,
            issued_at=now,
            expires_at=now + timedelta(days=wish.days),
        )
        if len(manifest_address(address)) > URL_LENGTH:
            raise RefusedError(
                "The address of this installation is too long for such links: set a shorter HANDRAIL_BASE_URL.",
                code="address_too_long",
            )
        return HealthLink.objects.create(
            organisation_id=course.organisation_id,
            course=course,
            link=token,
            address=address,
            key=secrets.token_urlsafe(KEY_BYTES),
            passcode=new_code() if wish.with_passcode else "",
            tries_left=row.tries,
            label=label,
            purpose=wish.purpose,
        )


def revoke_health_link(course_id: UUID, health_link_id: UUID, *, by: Actor, now: datetime | None = None) -> HealthLink:
    """End a link now; files whose address was given out end with it.

    Raises:
        NotVisibleError: the course has no such link.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for(REVOKE, course, now)
        found = course.health_links.select_related("link").filter(pk=health_link_id).first()
        if found is None:
            raise NotVisibleError("There is no such link.")
        if found.link.revoked_at is None:
            found.link.revoked_at = now
            found.link.save(update_fields=["revoked_at"])
        return found


def opens(found: HealthLink, now: datetime) -> bool:
    """Whether this link opens anything: in force, and not locked by wrong passcodes."""
    return found.link.revoked_at is None and found.link.expires_at > now and found.tries_left > 0


def manifest_address(address: str) -> str:
    """Where a reader asks what is behind a link."""
    return f"{settings.HANDRAIL_BASE_URL}/shl/{address}"


def file_address(token: str) -> str:
    """Where a file is fetched that was not embedded."""
    return f"{settings.HANDRAIL_BASE_URL}/shl/file/{token}"


def written_link(found: HealthLink) -> str:
    """The link as it is given away: `shlink:/` and what the reader must know. It holds the key."""
    payload = {
        "url": manifest_address(found.address),
        "key": found.key,
        "exp": int(found.link.expires_at.timestamp()),
        "flag": "LP" if found.passcode else "L",
        "label": found.label,
    }
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return f"shlink:/{base64.urlsafe_b64encode(text).decode().rstrip('=')}"


def viewer_link(found: HealthLink) -> str:
    """The link behind the address of Handrail's own viewer, for a camera: what follows the `#` reaches no server."""
    return f"{settings.HANDRAIL_BASE_URL}/shl/view#{written_link(found)}"


def _label(course: Course, typed: str) -> str:
    """The label: whoever sees the code reads it, so it may not name the patient."""
    label = " ".join(typed.replace("\x00", "").split())
    if not label:
        raise RefusedError("Say in a few words what the link opens.", code="missing_key", path="label")
    # Readers count as JavaScript does: a sign outside the first plane is two.
    if len(label.encode("utf-16-le", "surrogatepass")) // 2 > LABEL_LENGTH:
        raise RefusedError(f"The label has at most {LABEL_LENGTH} signs.", code="too_long", path="label")
    if _names(course.patient, label):
        raise RefusedError(
            "The label names the patient, and everybody who sees the code can read it: choose other words.",
            code="names_patient",
            path="label",
        )
    return label


def _names(patient: Patient, label: str) -> bool:
    """Whether a label holds a name of the patient, the record number, or the date of birth in one of the usual orders."""
    names = {part for part in _parts(f"{patient.given_name} {patient.family_name}") if len(part) > 1}
    if names & _parts(label):
        return True
    whole = (patient.birth_date_text, normal_identifier(patient.mrn))
    if any(each and each in normal_identifier(label) for each in whole):
        return True
    born = patient.birth_date
    digits = "".join(sign for sign in label if sign.isdigit())
    return born is not None and any(f"{born:{order}}" in digits for order in ("%Y%m%d", "%m%d%Y", "%d%m%Y"))


def _parts(text: str) -> set[str]:
    """The words of a text as they are compared: "Ann's" holds "ann", "O'Brien-Li" holds "brien" and "li"."""
    return set(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold()))


# --- for whoever has the link -----------------------------------------------------------------------------------------


def ask(
    address: str, *, recipient: str, read: Read, passcode: str = "", now: datetime | None = None
) -> Opened | Unreadable | Wrong | Wait | None:
    """Ask what is behind a link; None when it opens nothing, whyever.

    A missing passcode costs no try: readers ask without one to learn that there is one.

    Args:
        address: the random part of the address; recipient: who they say they are; passcode: as typed.
        read: reads the version, before the log says that it was opened.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.everything():
        found = _held(HealthLink.objects.filter(link__token_hash=LinkToken.hash_of(address), link__purpose=PURPOSE))
        if found is None:
            return None
        said = _clean(recipient)
        waiting = _wait(found, now)
        if not opens(found, now):
            if waiting is None:
                _write_down(found, said, HealthLinkRequest.Outcome.OVER, now)
            return None
        if waiting is not None:
            return waiting
        if found.passcode:
            typed = "".join(passcode.upper().replace("-", "").split())
            if not typed:
                _write_down(found, said, HealthLinkRequest.Outcome.NO_PASSCODE, now)
                return Wrong(remaining=found.tries_left)
            if not hmac.compare_digest(typed.encode("utf-8", "surrogatepass"), found.passcode.encode()):
                found.tries_left -= 1
                found.save(update_fields=["tries_left"])
                _write_down(found, said, HealthLinkRequest.Outcome.WRONG, now)
                return Wrong(remaining=found.tries_left)
        version = found.course.packets.order_by("-number")[0]
        content = _content(found, version, read)
        if content is None:
            _write_down(found, said, HealthLinkRequest.Outcome.UNREADABLE, now, version.number)
            return Unreadable()
        row = _write_down(found, said, HealthLinkRequest.Outcome.OPENED, now, version.number)
        token = signing.dumps(str(row.pk), salt=_SALT)
        return Opened(link=found, version=version, content=content, file_token=token)


def fetch(token: str, *, read: Read, now: datetime | None = None) -> Opened | Unreadable | Wait | None:
    """The file whose address was given out; None when it is too old, or its link opens nothing any more."""
    now = now or clock.now()
    try:
        asked_id = UUID(signing.loads(token, salt=_SALT))
    except (signing.BadSignature, ValueError, TypeError):
        return None
    with transaction.atomic(), scope.everything():
        asked = HealthLinkRequest.objects.filter(pk=asked_id, at__gt=now - health_link_data().file.lasts).first()
        found = _held(HealthLink.objects.filter(pk=asked.health_link_id)) if asked is not None else None
        if asked is None or asked.version is None or found is None:
            return None
        waiting = _wait(found, now)
        if not opens(found, now):
            if waiting is None:
                _write_down(found, asked.recipient, HealthLinkRequest.Outcome.OVER, now)
            return None
        if waiting is not None:
            return waiting
        version = found.course.packets.get(number=asked.version)
        content = _content(found, version, read)
        if content is None:
            _write_down(found, asked.recipient, HealthLinkRequest.Outcome.UNREADABLE, now, version.number)
            return Unreadable()
        _write_down(found, asked.recipient, HealthLinkRequest.Outcome.FETCHED, now, version.number)
        return Opened(link=found, version=version, content=content)


def _content(found: HealthLink, version: PacketVersion, read: Read) -> bytes | None:
    """What is to be given out; None where it cannot be read."""
    try:
        with transaction.atomic():  # what a failed reading wrote is taken back, what it is answered is not
            return read(found, version)
    except ActionError:
        return None


def _held(found: models.QuerySet[HealthLink]) -> HealthLink | None:
    """The link, held until the transaction ends: requests that come at the same time are answered one after another."""
    return found.select_related("link", "course").select_for_update(of=("self",)).first()


def _wait(found: HealthLink, now: datetime) -> Wait | None:
    """How long a reader must wait, when the link was asked too often."""
    most = health_link_data().link.asked_per_minute
    times = HealthLinkRequest.objects.filter(
        organisation_id=found.organisation_id, health_link=found, at__gt=now - WINDOW
    ).order_by("-at")
    oldest = times.values_list("at", flat=True)[most - 1 : most].first()
    return None if oldest is None else Wait(seconds=max(1, math.ceil((oldest + WINDOW - now).total_seconds())))


def _write_down(
    found: HealthLink, recipient: str, outcome: str, now: datetime, version: int | None = None
) -> HealthLinkRequest:
    return HealthLinkRequest.objects.create(
        organisation_id=found.organisation_id,
        course=found.course,
        health_link=found,
        at=now,
        recipient=recipient,
        outcome=outcome,
        version=version,
    )


def _clean(recipient: str) -> str:
    """What somebody said of themselves, as text that a page and a database take."""
    readable = recipient.encode("utf-8", "ignore").decode()
    printable = "".join(sign if sign.isprintable() else " " for sign in readable)
    return " ".join(printable.split())[:_LONGEST_RECIPIENT]
