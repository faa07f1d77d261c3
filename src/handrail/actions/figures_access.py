"""Who was referred, who began and who waits, by the same groups as what became of those who began: read together, and never apart."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from handrail.actions.figures import VERB, Figures, Read, Row, figures_of, read_figures
from handrail.actions.figures_kept import KEPT_REFERRALS, NOBODY, Told, digest
from handrail.actions.referral_courses import LANGUAGES
from handrail.actions.referral_intake import intake_from
from handrail.actions.referrals import Kind
from handrail.measures.data import Definitions, definitions
from handrail.measures.figures import NOT_KNOWN
from handrail.measures.outcomes import quarter_of, quarters_to
from handrail.measures.together import Began, Referred, band, days_between
from handrail.people import permissions
from handrail.people.models import Referral, ReferralEntry, User
from handrail.rules.terms import civil_date

LANGUAGE_WORDS: Final = {"en": "English", "es": "Spanish"}
OTHER: Final = "another language"
"""Whatever else a practice typed: the words themselves may say who it is."""
TOLD: Final = ("told", "received_at", "site__time_zone", "organisation__time_zone")
"""What of a referral is read for its groups, beside the name of its site."""
Entries = Mapping[UUID, Mapping[str, UUID | None]]


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
    rows = Referral.objects.filter(organisation__in=able, received_at__gte=since, received_at__lte=now)
    entries = _entries(able, since)
    counted = set(quarters_to(found.today, rules.look_back.quarters))
    reads = {each.course.pk: each for each in found.reads}
    groups: dict[UUID, Mapping[str, str]] = {}
    alike: dict[tuple[str | None, str, int | None], Mapping[str, str]] = {}
    referred = []
    for key, (site, held) in _told(rows, now).items():
        said = entries.get(key, {})
        if Kind.SET_ASIDE in said:
            continue
        named = (site, held.language, held.minutes)
        mine = alike.get(named) or alike.setdefault(named, _groups(*named, rules))
        course_id = said.get(Kind.COURSE_STARTED)
        if course_id is not None:
            groups[course_id] = mine
        if quarter_of(held.received_on) in counted:
            read = reads.get(course_id) if course_id else None
            referred.append(_referred(held.received_on, said, mine, read, readable=course_id not in found.unreadable))
    began = [
        Began(groups=groups.get(each.course.pk) or _groups_of(each.course, rules), outcome=each.outcome)
        for each in found.reads
    ]  # fmt: skip
    return Board(figures=found, referred=tuple(referred), began=tuple(began))


def _told(rows: QuerySet[Referral], now: datetime) -> dict[UUID, tuple[str | None, Told]]:
    """The name of the site of each referral, and what it says of its groups: decrypted once, and again where the row says anything else.

    Two queries.
    """
    found = list(rows.annotate(digest=digest(*TOLD)).values_list("pk", "site__name", "digest"))
    known = {key: kept for key, _, mark in found if (kept := KEPT_REFERRALS.get(key, mark, now)) is not None}
    anew = Referral.objects.filter(pk__in=[NOBODY, *(key for key, *_ in found if key not in known)])
    columns = ("pk", "told", "received_at", "site__time_zone", "organisation__time_zone", "digest")
    for key, text, received_at, zone, fallback, mark in anew.annotate(digest=digest(*TOLD)).values_list(*columns):
        intake = intake_from(text)
        known[key] = Told(
            language=language_words(intake.language),
            minutes=intake.distance_minutes,
            received_on=civil_date(received_at, zone if zone is not None else fallback),
        )
        KEPT_REFERRALS.put(key, mark, None, known[key])
    return {key: (site, known[key]) for key, site, _ in found}


def _entries(organisations: Iterable[UUID], since: datetime) -> Entries:
    """How far a referral came, by the last entry of each kind; with the course that was started."""
    kinds = (Kind.COURSE_STARTED, Kind.CLOSED, Kind.SET_ASIDE)
    rows = ReferralEntry.objects.filter(
        organisation__in=organisations, kind__in=kinds, referral__received_at__gte=since
    ).order_by("number")
    found: dict[UUID, dict[str, UUID | None]] = defaultdict(dict)
    for referral, kind, course in rows.values_list("referral", "kind", "course"):
        found[referral][kind] = course
    return found


def _referred(
    received_on: date,
    said: Mapping[str, UUID | None],
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
        days = days_between(received_on, read.outcome.began_on)
        return Referred(groups=groups, state="began", days=days)
    if Kind.CLOSED in said:
        return Referred(groups=groups, state="not_known" if Kind.COURSE_STARTED in said else "closed")
    return Referred(groups=groups, state="waiting")


def _groups(site: str | None, language: str, minutes: int | None, rules: Definitions) -> dict[str, str]:
    return {"site": site if site is not None else NOT_KNOWN, "language": language, "distance": band(minutes, rules)}


def _groups_of(course: Row, rules: Definitions) -> dict[str, str]:
    """Of a course without a referral: how far it is nobody told."""
    told = json.loads(course.facts).get("language")
    return _groups(course.site, language_words(told if isinstance(told, str) else None), None, rules)


def language_words(told: str | None) -> str:
    """The language as a group: one that the patient's pages are written in, another, or not known."""
    if not told or not told.strip():
        return NOT_KNOWN
    return LANGUAGE_WORDS.get(LANGUAGES.get(told.strip().casefold(), ""), OTHER)
