"""How often reactions, visits and admissions followed the step-ups of one site, beside what was published: what a payer asks of it.

The counts are those of the file of access and safety, and are withheld where they are withheld there: the two never tell one together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from handrail.actions.figures_access import Board, board_of
from handrail.measures.data import MeasureRow, definitions, published
from handrail.measures.figures import ALL, NOT_KNOWN
from handrail.measures.intervals import Rate
from handrail.measures.together import SAFETY, together, withheld_lines
from handrail.people.models import Site
from handrail.records.models import Course
from handrail.rules.site_profile import Happened, payer_questions
from handrail.rules.terms import Status


def happened_at(site: Site, products: Iterable[str], now: datetime) -> tuple[Happened, ...]:
    """Every measure of safety at a site; none where no step-up that began there is counted. Constant number of queries.

    The caller reads as the organisation of the site. The file tells sites apart by their names: of two of one name nothing is said.
    """
    rules = definitions()
    named = Site.objects.filter(organisation_id=site.organisation_id, name=site.name).count()
    board = board_of(site.organisation_id, now, rules)
    lines = together(board.referred, board.began, "site")
    own_name = named == 1 and site.name not in (ALL, NOT_KNOWN)
    mine = next((each.safety for each in lines if own_name and each.group == site.name), None)
    if mine is None or not mine.courses:
        return ()
    least = max(rules.published_tables.least, payer_questions().counting.least)
    hidden = site.name in withheld_lines(lines, least)
    unread = _unreadable(board, site)
    wanted = set(products)
    return tuple(
        Happened(
            words=f"{row.words}: {_said(mine.rates[measure], least if hidden else None)}{unread}.",
            known=not unread and (hidden or bool(mine.rates[measure].known)),
            evidence=rules.look_back.words,
            beside=tuple(_published(row, wanted)),
        )
        for measure in SAFETY
        for row in (rules.named(measure),)
    )


def _unreadable(board: Board, site: Site) -> str:
    """What is said where the record of a course of the site cannot be read: its outcome stands in no count."""
    lost = board.figures.unreadable
    if not lost or not Course.objects.filter(pk__in=lost, site=site).exists():
        return ""
    return "; not counted is at least one course whose record cannot be read"


def _said(rate: Rate, withheld_below: int | None) -> str:
    if withheld_below is not None:
        return f"withheld: a count here is of fewer than {withheld_below}, or would give such a count away"
    if rate.share is None or rate.interval is None:
        return f"not known of any of {rate.all} courses"
    low, high = rate.interval.low, rate.interval.high
    more = f"; not known of {rate.not_known} more" if rate.not_known else ""
    return f"{rate.yes} of {rate.known} courses ({_percent(rate.share)}%, 95% interval {_percent(low)} to {_percent(high)}%){more}"


def _published(measure: MeasureRow, products: set[str]) -> Iterator[str]:
    """The published counts of products of the site that somebody read where they were printed."""
    for row in published().count:
        if row.measure == measure.id and products & set(row.products) and row.status is not Status.UNVERIFIED:
            share = _percent(row.events / row.patients)
            yield f"{row.population} ({', '.join(row.products)}) {row.events} of {row.patients} ({share}%)"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
