"""The watcher's part of an export that a system asked for: one course at a time, after everything that somebody waits for.

Everything is read, judged and encrypted before the first row is locked; what is stored is stored with the fence of the claim. Killed
anywhere, the course is written once by whoever comes next, and no file is served before the whole was compared with the log.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any, Final

from handrail import clock
from handrail.actions import bulk_exports
from handrail.actions.exports import taken
from handrail.jobs.checkpoints import checkpoint
from handrail.jobs.export_lines import Tally
from handrail.jobs.outgoing import Claim
from handrail.people import scope
from handrail.records.models import Course, ExportJob

LEASE_SECONDS: Final = int(os.environ.get("HANDRAIL_EXPORT_LEASE_SECONDS", "60"))
"""Longer than the longest course takes to be read and encrypted: two watchers would else take it from one another without end."""


def write_next(claim: Claim) -> None:
    """Write the next course of an export, or compare the whole with the log when none is left."""
    checkpoint("export_claimed")
    now = clock.now()
    job = bulk_exports.begin_step(claim.row(), now)
    if job is None:
        return
    with scope.acting_for(job.organisation_id):
        course = bulk_exports.next_course(job, now)
        if course is None:
            _finish(claim, job)
        else:
            _write(claim, job, course)


def _write(claim: Claim, job: ExportJob, course: Course) -> None:
    checkpoint("export_looked")
    pieces = bulk_exports.Pieces(job, course)
    tally = _tally(job, pieces)
    if bulk_exports.is_first_of_patient(job, course):
        tally.patient(course.patient)
    tally.course(taken(course), clock.now())
    pieces.seal()
    checkpoint("export_sealed")
    bulk_exports.keep_step(claim.row(), pieces, _added(job.counted, tally), clock.now())
    checkpoint("export_written")


def _finish(claim: Claim, job: ExportJob) -> None:
    pieces = bulk_exports.Pieces(job, None)
    if not job.courses:
        _tally(job, pieces)
        pieces.seal()
    bulk_exports.finish(claim.row(), pieces, clock.now())
    checkpoint("export_compared")


def _tally(job: ExportJob, pieces: bulk_exports.Pieces) -> Tally:
    tally = Tally(pieces)
    if not job.done:
        tally.organisation(bulk_exports.owner_of(job))
    return tally


def _added(before: dict[str, Any], tally: Tally) -> dict[str, Any]:
    """What was counted so far, with one course more."""
    return {
        "patients": before.get("patients", 0) + tally.patients,
        "kinds": dict(Counter(before.get("kinds", {})) + tally.kinds),
        "mapped": dict(Counter(before.get("mapped", {})) + tally.mapped),
    }
