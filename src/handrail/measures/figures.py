"""The programme's own figures: every measure by product and tocilizumab, the mix of settings and CRS by quarter, beside published counts.

Pure: outcomes of courses in, counts out. What is not known is counted apart everywhere and stands in no denominator.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import median
from typing import Final

from handrail.measures.data import MEASURES, Definitions, MeasureId, PublishedRow
from handrail.measures.intervals import Interval, Rate, rate, wilson
from handrail.measures.outcomes import Outcome, onsets, quarter_of, quarters_to
from handrail.measures.places import SETTINGS
from handrail.measures.withholding import cells, withheld
from handrail.rules.site_profile import few

ALL: Final = "all"
"""Every product, or whatever is known of tocilizumab."""
PREVENTED: Final = ("with", "without", "not_known")
"""Whether tocilizumab was given to prevent, in the order in which it is shown."""
NOT_KNOWN: Final = "not_known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Which courses a row counts: of one product or `all`, by one word about tocilizumab or `all`, and which measure."""

    product: str
    tocilizumab: str
    measure: MeasureId


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarter:
    """One calendar quarter: courses that began in it, their CRS, and the doses given in it by setting."""

    name: str
    courses: int
    crs: Rate
    doses: dict[str, int]

    @property
    def given(self) -> int:
        """Doses in all."""
        return sum(self.doses.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Onset:
    """Hours from the dose before it to the first sign of CRS, of those courses where it is known."""

    known: int
    median: Decimal | None
    shortest: Decimal | None
    longest: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """One published count beside one's own. `differs`: why the two are not the same kind of patients."""

    row: PublishedRow
    interval: Interval
    differs: tuple[str, ...]


def in_period(outcomes: Iterable[Outcome], rules: Definitions, today: date) -> list[Outcome]:
    """Those whose first step-up dose was given in the quarters that are counted."""
    counted = set(quarters_to(today, rules.look_back.quarters))
    return [each for each in outcomes if quarter_of(each.began_on) in counted]


def chosen(outcomes: Iterable[Outcome], product: str = ALL, tocilizumab: str = ALL) -> list[Outcome]:
    """The courses of a product, and of a word about tocilizumab."""
    return [
        each
        for each in outcomes
        if product in (ALL, each.product) and tocilizumab in (ALL, each.prevention)
    ]  # fmt: skip


def rate_of(outcomes: Iterable[Outcome], measure: MeasureId) -> Rate:
    """How many had it, of these."""
    return rate(each.answers.get(measure) for each in outcomes)


def table(outcomes: Sequence[Outcome]) -> dict[Group, Rate]:
    """Every measure, for every product and all of them, for every word about tocilizumab and all of them."""
    products = [ALL, *sorted({each.product for each in outcomes})]
    groups = {(product, word): chosen(outcomes, product, word) for product in products for word in (ALL, *PREVENTED)}
    return {
        Group(product=product, tocilizumab=word, measure=measure): rate_of(mine, measure)
        for measure in MEASURES
        for (product, word), mine in groups.items()
    }


def withheld_rows(rows: Mapping[Group, Rate], least: int) -> frozenset[Group]:
    """The rows of `table` that do not leave the programme: the words about tocilizumab add up to all, and so do the products.

    A group of few courses is withheld under every measure with the same others beside it: one measure would tell how many it has, of
    which another is silent.
    """
    products = sorted({each.product for each in rows} - {ALL})
    families = [((product, ALL), [(product, word) for word in PREVENTED]) for product in (ALL, *products)]
    families += [((ALL, word), [(product, word) for product in products]) for word in (ALL, *PREVENTED)]
    sizes = {
        (each.product, each.tocilizumab): (rate.all,) for each, rate in rows.items() if each.measure == MEASURES[0]
    }
    small = withheld(sizes, families, least)
    found: set[Group] = set()
    for measure in MEASURES:
        mine = {(each.product, each.tocilizumab): cells(rate) for each, rate in rows.items() if each.measure == measure}
        hidden = withheld(mine, families, least, small)
        found |= {Group(product=product, tocilizumab=word, measure=measure) for product, word in hidden}
    return frozenset(found)


def quarters(outcomes: Sequence[Outcome], rules: Definitions, today: date) -> list[Quarter]:
    """The quarters that are counted, oldest first: a course by its first step-up dose, a dose by its own day."""
    names = quarters_to(today, rules.look_back.quarters)
    began: dict[str, list[Outcome]] = {name: [] for name in names}
    doses = {name: dict.fromkeys((*SETTINGS, NOT_KNOWN), 0) for name in names}
    for each in outcomes:
        begins = quarter_of(each.began_on)
        if begins in began:
            began[begins].append(each)
        for dose in each.doses:
            mine = doses.get(begins if dose.on is None else quarter_of(dose.on))
            if mine is not None:
                mine[dose.setting or NOT_KNOWN] += 1
    return [
        Quarter(name=name, courses=len(held), crs=rate_of(held, "crs_any"), doses=doses[name])
        for name, held in began.items()
    ]


def withheld_quarters(found: Sequence[Quarter], least: int, *, sum_withheld: bool) -> frozenset[str]:
    """The quarters whose counts do not leave the programme.

    Their CRS adds up to the row of all courses, and their courses to a number that other measures tell; of the doses no sum is shown.

    Args:
        sum_withheld: whether the row of all courses, to which the quarters add up, is withheld where it stands.
    """
    names = [each.name for each in found]
    sizes = {each.name: (each.courses,) for each in found}
    small = withheld({ALL: _sum(sizes), **sizes}, [(ALL, names)], least)
    counts = {each.name: cells(each.crs) for each in found}
    doses = [each.name for each in found if any(few(number, least) for number in each.doses.values())]
    already = [*small, *doses, *([ALL] if sum_withheld else [])]
    return withheld({ALL: _sum(counts), **counts}, [(ALL, names)], least, already)


def _sum(counts: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*counts.values(), strict=True)))


def onset(outcomes: Iterable[Outcome]) -> Onset:
    """Median and range of the time to the first sign of CRS."""
    hours = onsets(outcomes)
    if not hours:
        return Onset(known=0, median=None, shortest=None, longest=None)
    return Onset(known=len(hours), median=median(hours), shortest=hours[0], longest=hours[-1])


def beside(
    rows: Iterable[PublishedRow], measure: MeasureId, product: str = ALL, tocilizumab: str = ALL
) -> list[Beside]:
    """The published counts of a measure that one's own may be seen beside, each with what is not the same.

    A count of another product is left out. One whose tocilizumab is known to be the other way is left out too; where it is mixed or not
    known it stays, and says so.
    """
    found = []
    for row in rows:
        if row.measure != measure or product not in (ALL, *row.products):
            continue
        if tocilizumab in ("with", "without") and row.tocilizumab in {"with", "without"} - {tocilizumab}:
            continue
        interval = wilson(row.events, row.patients)
        assert interval is not None  # the loader refuses a count of nobody
        differs = []
        if product != ALL and row.products != (product,):
            differs.append("other products among them")
        if tocilizumab in ("with", "without") and row.tocilizumab != tocilizumab:
            differs.append("tocilizumab mixed" if row.tocilizumab == "mixed" else "tocilizumab not known")
        if row.counted != "printed":
            differs.append("count rebuilt from a percentage" if row.counted == "percentage" else "count recalled")
        found.append(Beside(row=row, interval=interval, differs=tuple(differs)))
    return found
