"""An export that a system asks for at the FHIR door: of the courses that were tied to it, and of none besides.

A system asks, a watcher writes course by course, the system fetches the files and deletes them. A tie or a system that is ended
meanwhile ends the whole export: what was written of somebody who is tied no more is given to nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction

from handrail import clock
from handrail.actions.access import log_look, log_looks
from handrail.actions.clients import Caller
from handrail.actions.errors import ActionError, NotVisibleError, RefusedError
from handrail.actions.exports import reconcile
from handrail.people import scope, secrets
from handrail.people.models import Organisation
from handrail.records.models import Course, ExportFile, ExportJob

LOOK: Final = "fhir_export"
LASTS: Final = timedelta(hours=24)
"""After that the files are taken away, fetched or not."""
MOST_BYTES: Final = 1_000_000
"""Of one file. A single line that is longer stands alone."""
MOST_TRIES: Final = 5
"""A course that was begun so often and never written ends the export: a hole in it would not be seen."""
TROUBLE: Final = "OperationOutcome"
OPEN: Final = (ExportJob.State.WAITING, ExportJob.State.RUNNING)
_GONE: Final = "There is no such export."


class BusyError(ActionError):
    """A system has an export that is not at its end."""

    code = "export_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file of an export with its clear content."""

    row: ExportFile
    content: bytes

    def __repr__(self) -> str:
        return f"Opened({self.row.pk})"  # what it says never reaches a log


# --- what a system asks -----------------------------------------------------------------------------------------------


def ask_for_export(
    caller: Caller, request: str, types: Sequence[str] = (), *, now: datetime | None = None
) -> ExportJob:
    """Write down that a system wants everything of the courses that are tied to it now.

    Args:
        request: the address that was asked for.
        types: of resources; none: everything.

    Raises:
        BusyError: one that it asked for before is not at its end.
    """
    now = now or clock.now()
    client = caller.client
    with scope.acting_for(client.organisation_id):
        try:
            with transaction.atomic():
                return ExportJob.objects.create(
                    organisation_id=client.organisation_id,
                    client=client,
                    asked_at=now,
                    request=request,
                    types=list(types),
                    courses=_tied(client.pk, client.organisation_id),
                    next_at=now,
                    expires_at=now + LASTS,
                )
        except IntegrityError:
            message = "An export that this client asked for is not at its end: wait for it, or delete it."
            raise BusyError(message) from None


def export_of(caller: Caller, job_id: UUID, *, now: datetime | None = None) -> ExportJob:
    """The export that a system asked for. One of which a tie was ended is taken away now.

    Raises:
        NotVisibleError: there is none (any more), or it is another system's.
    """
    now = now or clock.now()
    with scope.acting_for(caller.client.organisation_id):
        job = ExportJob.objects.select_related("client").filter(pk=job_id, client=caller.client).first()
        if job is None or job.state == ExportJob.State.DELETED:
            raise NotVisibleError(_GONE)
        if _stands(job, now):
            return job
        take_away(job.pk, now)
    raise NotVisibleError(_GONE)


def files_of(job: ExportJob) -> list[ExportFile]:
    """The files of an export without their content, by kind and number."""
    with scope.acting_for(job.organisation_id):
        return list(job.files.defer("sealed").order_by("kind", "number"))


def open_file(caller: Caller, job_id: UUID, file_id: UUID, *, now: datetime | None = None) -> Opened:
    """One file of an export that is whole. The looks at the courses in it are logged before it is opened.

    Raises:
        NotVisibleError: there is none (any more), or the export is not whole.
    """
    now = now or clock.now()
    job = export_of(caller, job_id, now=now)
    with scope.acting_for(job.organisation_id):
        row = job.files.filter(pk=file_id).first() if job.state == ExportJob.State.WHOLE else None
        if row is None:
            raise NotVisibleError(_GONE)
        courses = list(Course.objects.filter(pk__in=row.courses).order_by("pk"))
        if courses:
            log_looks(courses, LOOK, client=job.client, now=now)
        return Opened(row=row, content=secrets.decrypt(bytes(row.sealed)))


def delete_export(caller: Caller, job_id: UUID, *, now: datetime | None = None) -> None:
    """End an export, or take away what it wrote.

    Raises:
        NotVisibleError: there is none (any more), or it is another system's.
    """
    now = now or clock.now()
    job = export_of(caller, job_id, now=now)
    with scope.acting_for(job.organisation_id):
        take_away(job.pk, now)


def take_away(job_id: UUID, now: datetime) -> None:
    """Erase the files of an export; that there was one stays on record."""
    _end(job_id, ExportJob.State.DELETED, now)


def _end(job_id: UUID, state: ExportJob.State, now: datetime, reason: str = "") -> None:
    with transaction.atomic():
        job = ExportJob.objects.select_for_update().get(pk=job_id)
        if job.state == ExportJob.State.DELETED:
            return
        job.files.all().delete()
        job.state, job.reason = state, reason[:200] or job.reason
        job.ended_at = job.ended_at or now
        job.next_at = None if state == ExportJob.State.DELETED else job.expires_at
        _let_go(job)
        job.save(update_fields=["state", "reason", "ended_at", "next_at", "claimed_by", "lease_until", "turn"])


def _let_go(job: ExportJob) -> None:
    job.claimed_by, job.lease_until = "", None
    job.turn += 1  # whoever held it writes no more


def _stands(job: ExportJob, now: datetime) -> bool:
    """Whether its time is not over, its system is let in, and every course of it is tied still."""
    if job.expires_at <= now or job.client.ended_at is not None:
        return False
    return set(job.courses) <= set(_tied(job.client_id, job.organisation_id))


def _tied(client_id: UUID, organisation_id: UUID) -> list[str]:
    rows = Course.objects.filter(
        organisation_id=organisation_id, device_links__client=client_id, device_links__ended_at__isnull=True
    )
    return [str(pk) for pk in rows.order_by("pk").values_list("pk", flat=True).distinct()]


# --- what a watcher writes --------------------------------------------------------------------------------------------


def begin_step(claim: Mapping[str, Any], now: datetime) -> ExportJob | None:
    """The export that a watcher claimed, when there is something to write; what is over was taken away.

    Args:
        claim: what the row must be for it to be this watcher's still.
    """
    with transaction.atomic():
        job = ExportJob.objects.select_for_update(of=("self",)).select_related("client").filter(**claim).first()
        if job is None:
            return None
        if not _stands(job, now):
            take_away(job.pk, now)
            return None
        if job.state not in OPEN:
            _let_go(job)  # its time is not over yet: it was put to another hour
            job.next_at = job.expires_at
            job.save(update_fields=["claimed_by", "lease_until", "turn", "next_at"])
            return None
        if job.tries >= MOST_TRIES:
            fail(job, "A course could not be written. Delete the export and ask the clinic to look at its log.", now)
            return None
        job.tries += 1
        job.state = ExportJob.State.RUNNING
        job.save(update_fields=["tries", "state"])
    return job


def next_course(job: ExportJob, now: datetime) -> Course | None:
    """The course whose turn it is, its look logged; None when all are written.

    Raises:
        NotVisibleError: it is tied no more.
    """
    if job.done >= len(job.courses):
        return None
    rows = Course.objects.select_related("organisation", "patient", "site")
    course = rows.get(pk=job.courses[job.done], organisation_id=job.organisation_id)
    log_look(course, LOOK, client=job.client, now=now)
    return course


def is_first_of_patient(job: ExportJob, course: Course) -> bool:
    """Whether no course of the same patient was written before: somebody stands in it once."""
    before = Course.objects.filter(pk__in=job.courses[: job.done], patient_id=course.patient_id)
    return not before.exists()


class Pieces:
    """Lines of one step, sorted into files and sealed; nothing is stored before `keep`."""

    def __init__(self, job: ExportJob, course: Course | None) -> None:
        self.job, self.course = job, course
        self._lines: dict[str, list[bytes]] = {}
        self._rows: list[ExportFile] = []

    def line(self, name: str, content: bytes) -> None:
        """Add a line to a file, if its kind was asked for. Trouble is always told."""
        kind = name.removesuffix(".ndjson")
        if not self.job.types or kind in self.job.types or kind == TROUBLE:
            self._lines.setdefault(kind, []).append(content + b"\n")

    def seal(self) -> None:
        """Encrypt what is to be stored, before anything is locked: nobody waits for it."""
        for kind, lines in self._lines.items():
            self._rows += self._files(kind, lines)
        self._lines = {}

    def _files(self, kind: str, lines: Iterable[bytes]) -> list[ExportFile]:
        last = self.job.files.filter(kind=kind).order_by("-number").first()
        held = secrets.decrypt(bytes(last.sealed)) if last is not None else b""
        row = last or self._empty(kind, 1)
        content, found = bytearray(held), []
        for line in lines:
            if content and len(content) + len(line) > MOST_BYTES:
                found.append(self._sealed(row, bytes(content)))
                row, content = self._empty(kind, row.number + 1), bytearray()
            content += line
            row.lines += 1
            if self.course is not None and row.courses[-1:] != [str(self.course.pk)]:
                row.courses.append(str(self.course.pk))
        return [*found, self._sealed(row, bytes(content))]

    def _empty(self, kind: str, number: int) -> ExportFile:
        return ExportFile(organisation_id=self.job.organisation_id, job=self.job, kind=kind, number=number, lines=0)

    @staticmethod
    def _sealed(row: ExportFile, content: bytes) -> ExportFile:
        row.size_bytes, row.sha256 = len(content), hashlib.sha256(content).hexdigest()
        row.sealed = secrets.encrypt(content)
        return row

    def keep(self) -> None:
        """Store what was sealed."""
        for row in self._rows:
            row.save()


def keep_step(claim: Mapping[str, Any], pieces: Pieces, counted: Mapping[str, Any], now: datetime) -> bool:
    """Store what a watcher wrote of one course, and give the export back; False when it was not this watcher's any more."""
    with transaction.atomic():
        job = ExportJob.objects.select_for_update().filter(**claim, state=ExportJob.State.RUNNING).first()
        if job is None:
            return False
        pieces.keep()
        job.done, job.tries, job.counted, job.next_at = pieces.job.done + 1, 0, dict(counted), now
        _let_go(job)
        job.save(update_fields=["done", "tries", "counted", "next_at", "claimed_by", "lease_until", "turn"])
        return True


def finish(claim: Mapping[str, Any], pieces: Pieces, now: datetime) -> ExportJob.State | None:
    """Compare what was written with the log: whole, or failed and nothing of it is kept; None when it was not this watcher's any more."""
    with transaction.atomic():
        job = ExportJob.objects.select_for_update().filter(**claim, state=ExportJob.State.RUNNING).first()
        if job is None:
            return None
        pieces.keep()
        try:
            log = reconcile(job, job.counted.get("kinds", {}), courses=job.courses)
        except RefusedError as error:
            return fail(job, error.message, now)
        job.state, job.ended_at, job.next_at = ExportJob.State.WHOLE, now, job.expires_at
        job.counted = {**job.counted, "log": log}
        _let_go(job)
        job.save(update_fields=["state", "ended_at", "next_at", "counted", "claimed_by", "lease_until", "turn"])
        return ExportJob.State.WHOLE


def fail(job: ExportJob, reason: str, now: datetime) -> ExportJob.State:
    """Say that an export failed, and keep nothing that it wrote."""
    _end(job.pk, ExportJob.State.FAILED, now, reason)
    return ExportJob.State.FAILED


def owner_of(job: ExportJob) -> Organisation:
    """The organisation whose courses they are."""
    return Organisation.objects.get(pk=job.organisation_id)
