"""Who was referred, who began and who waits, by the same groups as what became of those who began: read together, and never apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from handrail.actions.figures import VERB, Figures, Read, figures_of, read_figures
from handrail.actions.referral_courses import LANGUAGES
from handrail.actions.referral_intake import intake_of
from handrail.actions.referrals import Kind
from handrail.measures.data import Definitions, definitions
from handrail.measures.figures import NOT_KNOWN
from handrail.measures.outcomes import quarter_of, quarters_to
from handrail.measures.together import Began, Referred, band, days_between
from handrail.people import permissions
from handrail.people.models import Referral, ReferralEntry, User
from handrail.records.models import Course
from handrail.rules.referral import Intake
from handrail.rules.terms import civil_date

LANGUAGE_WORDS: Final = {"en": "English", "es": "Spanish"}
OTHER: Final = "another language"
"""Whatever else a practice typed: the words themselves may say who it is."""
Entries = Mapping[UUID, Mapping[str, ReferralEntry]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Referrals and courses of the quarters that are counted, each with its groups."""

    figures: Figures
    referred: tuple[Referred, ...]
    began: tuple[Began, ...]


def read_board(person: User, now: datetime, rules: Definitions | None = None) -> Board:
    """Access and safety of the person's organisations. Constant number of queries.

    Raises:
        NotAllowedError: the person's role reads no figures at any organisation.
    """
    rules = rules or definitions()
    found = read_figures(person, now, rules)
    able = [e.organisation_id for e in permissions.memberships(person, now) if e.role in permissions.VERBS[VERB]]
    return _board(found, able, now, rules)


def board_of(organisation_id: UUID, now: datetime, rules: Definitions | None = None) -> Board:
    """The same of one organisation, whoever asks: nothing of it leaves but what `withheld_lines` lets go."""
    rules = rules or definitions()
    return _board(figures_of(organisation_id, now, rules), [organisation_id], now, rules)


def _board(found: Figures, able: Sequence[UUID], now: datetime, rules: Definitions) -> Board:
    since = now - timedelta(days=93 * rules.look_back.quarters + 1)
    referrals = list(
        Referral.objects.filter(organisation__in=able, received_at__gte=since, received_at__lte=now).select_related(
            "site", "organisation"
        )
    )
    entries = _entries(able, since)
    counted = set(quarters_to(found.today, rules.look_back.quarters))
    reads = {each.course.pk: each for each in found.reads}
    groups: dict[UUID, Mapping[str, str]] = {}
    referred = []
    for referral in referrals:
        said = entries.get(referral.pk, {})
        if Kind.SET_ASIDE in said:
            continue
        mine = _groups(referral, intake_of(referral), rules)
        course_id = said[Kind.COURSE_STARTED].course_id if Kind.COURSE_STARTED in said else None
        if course_id is not None:
            groups[course_id] = mine
        if quarter_of(_received(referral)) in counted:
            read = reads.get(course_id) if course_id else None
            referred.append(_referred(referral, said, mine, read, readable=course_id not in found.unreadable))
    began = [
        Began(groups=groups.get(each.course.pk) or _groups_of(each.course), outcome=each.outcome)
        for each in found.reads
    ]  # fmt: skip
    return Board(figures=found, referred=tuple(referred), began=tuple(began))


def _entries(organisations: Iterable[UUID], since: datetime) -> Entries:
    """The last entry of each kind that says how far a referral came."""
    kinds = (Kind.COURSE_STARTED, Kind.CLOSED, Kind.SET_ASIDE)
    rows = ReferralEntry.objects.filter(
        organisation__in=organisations, kind__in=kinds, referral__received_at__gte=since
    ).order_by("number")
    found: dict[UUID, dict[str, ReferralEntry]] = defaultdict(dict)
    for row in rows:
        found[row.referral_id][row.kind] = row
    return found


def _received(referral: Referral) -> date:
    zone = referral.site.time_zone if referral.site is not None else referral.organisation.time_zone
    return civil_date(referral.received_at, zone)


def _referred(
    referral: Referral,
    said: Mapping[str, ReferralEntry],
    groups: Mapping[str, str],
    read: Read | None,
    *,
    readable: bool,
) -> Referred:
    """Began: a step-up dose was given. Closed without one: no longer waiting. A course without a dose still waits.

    Of a course whose record cannot be read nobody knows: a dose is in it.
    """
    if not readable:
        return Referred(groups=groups, state="not_known")
    if read is not None:
        days = days_between(_received(referral), read.outcome.began_on)
        return Referred(groups=groups, state="began", days=days)
    if Kind.CLOSED in said:
        return Referred(groups=groups, state="not_known" if Kind.COURSE_STARTED in said else "closed")
    return Referred(groups=groups, state="waiting")


def _groups(referral: Referral, intake: Intake, rules: Definitions) -> dict[str, str]:
    return {
        "site": referral.site.name if referral.site is not None else NOT_KNOWN,
        "language": language_words(intake.language),
        "distance": band(intake.distance_minutes, rules),
    }


def _groups_of(course: Course) -> dict[str, str]:
    """Of a course without a referral: how far it is nobody told."""
    told = course.facts.get("language")
    return {
        "site": course.site.name if course.site is not None else NOT_KNOWN,
        "language": language_words(told if isinstance(told, str) else None),
        "distance": NOT_KNOWN,
    }


def language_words(told: str | None) -> str:
    """The language as a group: one that the patient's pages are written in, another, or not known."""
    if not told or not told.strip():
        return NOT_KNOWN
    return LANGUAGE_WORDS.get(LANGUAGES.get(told.strip().casefold(), ""), OTHER)
