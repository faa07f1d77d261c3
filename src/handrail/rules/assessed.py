"""The grade of one assessment: what its inputs say, and what stands beside the clinician's own grade."""

from __future__ import annotations

from handrail.rules.events import CrsAssessed, Event
from handrail.rules.grading import CrsInputs, Grade, grade_crs


def crs_grade(event: Event, episode_open: bool) -> Grade:
    """The computed CRS grade of an assessment; an absent `episode_open` is what the history says."""
    body: CrsAssessed = event.body
    known_open = body.episode_open
    if known_open is None and "episode_open" not in event.nulls:
        known_open = episode_open
    died = body.died_of_crs
    if died is None and "died_of_crs" not in event.nulls:
        died = False  # an assessment of a living patient: a death is written as such
    return grade_crs(
        CrsInputs(
            tmax_c=body.tmax_c,
            fever_other=body.fever_other,
            episode_open=known_open,
            masked=body.masked,
            premed_masking=body.premed_masking,
            hypotension=body.hypotension,
            hypotension_other=body.hypotension_other,
            pressors=body.pressors,
            o2=body.o2,
            flow_l_per_min=body.flow_l_per_min,
            hypoxia_other=body.hypoxia_other,
            died_of_crs=died,
        )
    )


def clinical_grade(event: Event, answer: Grade, *, ice_unknown: bool = False) -> int | None:
    """The grade that stands: the worse of the computed one and the clinician's own.

    A clinician's grade that was asked and is not known leaves the grade not known. So does a fact that was asked, is not
    known and could move the computed grade (`ice_unknown`: the ICE score it rests on): nobody's own grade speaks for it.
    """
    own: int | None = event.body.clinician_grade
    if "clinician_grade" in event.nulls:
        return None
    if own is None:
        return answer.grade
    asked = {*event.nulls, "ice"} if ice_unknown else set(event.nulls)
    if answer.grade is None and asked & {missing.missing for missing in answer.cannot_say}:
        return None
    return max(own, answer.grade if answer.grade is not None else (answer.at_least or 0))


def has_crs_grade(event: Event) -> bool:
    """True when an assessment of CRS gives a grade, in an open episode or outside one."""
    return any(clinical_grade(event, crs_grade(event, episode_open)) is not None for episode_open in (True, False))
