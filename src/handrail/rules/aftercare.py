"""What an earlier reaction does to the next dose: stop rules, premedication and where the patient is watched.

Stop rules look back over the whole course; premedication and monitoring carry over from episodes since the last dose.
A row that nobody has verified never permits: the dose is withheld and the row's words are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from handrail.rules.answer import Monitoring
from handrail.rules.episodes import NEUROTOXICITY, Course, Episode, Episodes
from handrail.rules.protocol import AfterToxicityRow, Protocol

STOPS = ("stop", "consider_stop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """What the next dose inherits.

    `unknown` says that an episode has no known grade, so that no row can be chosen: since the last dose for what the next
    one needs, earlier for a stop, which looks back over the whole course.
    `stays` and `stay_unknown` look at the episodes since the last dose alone: every stay that their rows name, also a row
    that nobody has verified, and why it cannot be said which; a suspicion that nobody has graded is such a reason.
    """

    stop_row: AfterToxicityRow | None
    unverified_row: AfterToxicityRow | None
    unknown: str | None
    grade_unknown: bool
    monitoring: tuple[Monitoring, ...]
    crs_after_last: bool
    rest_row: AfterToxicityRow | None
    rest_until: datetime | None
    changes_at: tuple[datetime, ...]
    rows: tuple[AfterToxicityRow, ...]
    stays: tuple[Monitoring, ...]
    stay_unknown: str | None

    @property
    def row_ids(self) -> tuple[str, ...] | None:
        """The rows that the next dose inherits, stop rows of the whole course included; None: a grade is not known, or no row fits."""
        return None if self.unknown is not None else tuple(dict.fromkeys(row.id for row in self.rows))


def carry_over(protocol: Protocol, episodes: Episodes, since: datetime | None, now: datetime) -> Carry:
    """The rows that apply after every CRS, ICANS and neurotoxicity episode of the course.

    Args:
        since: instant of the last dose; episodes that began, or went on, at or after it change the next one.
        now: for a grade that still lasts.
    """
    stop: list[AfterToxicityRow] = []
    unverified: list[AfterToxicityRow] = []
    monitoring: list[Monitoring] = []
    changes: list[datetime] = []
    inherited: list[AfterToxicityRow] = []
    stays: list[Monitoring] = []
    unknown: str | None = None
    stay_unknown: str | None = None
    crs_after_last = False
    rests: list[tuple[datetime, AfterToxicityRow]] = []
    followed = (("crs", episodes.crs), ("icans", episodes.icans), (NEUROTOXICITY, episodes.neurotoxicity))
    for toxicity, course in followed:
        severe_before = 0
        for episode in course.episodes:
            recent = episode.after(since)
            grade = episode.grade
            if recent and toxicity == "crs" and (grade is None or grade > 0):
                crs_after_last = True
            if episode.grade_unknown:
                which = "the" if recent else "an earlier"
                unknown = f"{'one' if grade else 'the'} grade of {which} {_name(toxicity)} episode is not known"
            if recent and (episode.grade_unknown or (grade is None and episode.closed_at is None)):
                stay_unknown = f"{'one' if grade else 'the'} grade of the {_name(toxicity)} episode is not known"
            if grade is None or grade == 0:
                continue
            rows = protocol.after_toxicity_rows(
                toxicity,
                grade,
                occurrence="recurrent" if severe_before >= grade else "first",
                lasted_hours=episode.lasted_hours(grade, now),
            )
            if recent and not rows:
                no_rule = f"this label has no rule for the dose after {_name(toxicity)} grade {grade}"
                unknown, stay_unknown = unknown or no_rule, stay_unknown or no_rule
            if recent and any(row.action in STOPS and row.monitoring_next is None for row in rows):
                # given against the label: it names no stay, and one that is less severe has one
                stay_unknown = (
                    stay_unknown or f"this label names no stay for a dose after {_name(toxicity)} grade {grade}"
                )
            changes += _duration_edges(protocol, toxicity, grade, episode)
            severe_before = max(severe_before, grade)
            for row in rows:
                if row.rest_hours is not None and episode.closed_at is not None:
                    rests.append((episode.closed_at + timedelta(hours=row.rest_hours), row))
                stay = stay_after(row) if recent else None
                if stay is not None:
                    stays.append(stay)
                if recent or row.action in STOPS:
                    inherited.append(row)
                if row.action in STOPS:
                    (stop if row.acts and row.action == "stop" else unverified).append(row)
                elif recent and not row.acts:
                    unverified.append(row)
                elif stay is not None:
                    monitoring.append(stay)
    rest_until, rest_row = max(rests, key=lambda rest: rest[0], default=(None, None))
    changes += [until for until, _ in rests]
    infected = _severe_infection(protocol, episodes.infection, since)
    unverified += infected
    return Carry(
        rest_row=rest_row,
        rest_until=rest_until,
        stop_row=stop[0] if stop else None,
        unverified_row=min(unverified, key=lambda row: row.action not in STOPS, default=None),
        unknown=unknown,
        grade_unknown=any(episode.grade_unknown for _, course in followed for episode in course.episodes),
        monitoring=tuple(monitoring),
        crs_after_last=crs_after_last,
        changes_at=tuple(changes),
        rows=(*inherited, *infected),
        stays=tuple(stays),
        stay_unknown=stay_unknown,
    )


def _severe_infection(protocol: Protocol, infection: Course, since: datetime | None) -> list[AfterToxicityRow]:
    """After an infection so severe that the label considers stopping the prescriber decides, once for the next dose."""
    found = []
    for episode in infection.episodes:
        recent = episode.after(since)
        if recent and episode.graded:
            worst = max(grade for _, grade in episode.graded)
            rows = protocol.after_toxicity_rows("infection", worst, occurrence="first", lasted_hours=None)
            found += [row for row in rows if row.action in STOPS]
    return found


def _name(toxicity: str) -> str:
    return toxicity if toxicity == NEUROTOXICITY else toxicity.upper()


def stay_after(row: AfterToxicityRow) -> Monitoring | None:
    """The stay that a row wants after the dose that follows the reaction; None: it wants none."""
    if row.monitoring_next is None:
        return None
    return Monitoring(
        setting=row.monitoring_next.setting,
        hours=row.monitoring_next.hours,
        anchor=row.monitoring_next.anchor,
        row=row.id,
        status=row.status,
        because=row.words,
    )


def stays_after(protocol: Protocol, row_ids: Sequence[str]) -> tuple[Monitoring, ...]:
    """The stays that the named rows of the label want after the dose that inherits them."""
    stays = (stay_after(row) for row in protocol.after_toxicity if row.id in row_ids)
    return tuple(stay for stay in stays if stay is not None)


def inherited_stays(protocol: Protocol, carry: Carry) -> tuple[tuple[Monitoring, ...], str | None]:
    """The stays that a dose inherits, and why nobody can say which: then every stay of the label."""
    if carry.stay_unknown is None:
        return carry.stays, None
    words = f"{carry.stay_unknown}: none of the stays of this label is left out"
    every = stays_after(protocol, [row.id for row in protocol.after_toxicity])
    return tuple(replace(stay, because=words) for stay in every), carry.stay_unknown


def _duration_edges(protocol: Protocol, toxicity: str, grade: int, episode: Episode) -> list[datetime]:
    """When a grade that still lasts crosses a duration that a row names."""
    begun = next((at for at, value in episode.graded if value >= grade), None)
    if begun is None:
        return []
    hours = {row.min_hours for row in protocol.after_toxicity if row.toxicity == toxicity and row.min_hours is not None}
    return [begun + timedelta(hours=value) for value in sorted(hours)]
