"""Generated courses reach every rule: each row of each gap table, each ladder, page, finding and state.

A property says nothing about a rule that no course ever reached. What there is to reach is read from the protocols and
from the code (`tests/support/reached.py`); the counts stand in the summary of the run.
"""

import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from handrail.rules.protocol import GapRow
from tests.support import reached
from tests.support.course_documents import PROTOCOLS
from tests.support.handing_over import handed_over, handed_over_and_dosed
from tests.support.histories import AIMS, Case, cases
from tests.support.moments import MOMENTS, Writer

KEYS = sorted({key for key, _ in AIMS})


@pytest.mark.parametrize("key", KEYS)
def test_every_row_of_the_gap_table_is_reached(key: str):
    for aim in (aim for aim in AIMS if aim[0] == key):
        search({("row", f"{key} {aim[1]}")}, [cases(aims=[aim])] * 20, courses=3)


@pytest.mark.parametrize("key", KEYS)
def test_every_row_after_a_reaction_is_reached(key: str):
    later = [aim for aim in AIMS if aim[0] == key and row_of(aim).last[-1] == "treatment" and row_of(aim).from_day > 6]
    anywhere = [aim for aim in AIMS if aim[0] == key and row_of(aim).from_day > 6]
    for row in reached.shown_after(PROTOCOLS[key]):
        tries = [cases(aims=later, after=row), cases(aims=anywhere, after=row)] * 20
        search({("after", f"{key} {row.id}")}, tries, courses=4)


def _long_treated() -> list[tuple[str, str]]:
    """Rows after a treatment dose of the labels that know a longer interval."""
    return [aim for aim in AIMS if PROTOCOLS[aim[0]].interval_change and row_of(aim).last[-1] == "treatment"]


def row_of(aim: tuple[str, str]) -> GapRow:
    """The row that is aimed at."""
    row = PROTOCOLS[aim[0]].row(aim[1])
    assert isinstance(row, GapRow)
    return row


LONG_TREATED = _long_treated()


@pytest.mark.parametrize("kind", ["action", "disposition", "finding", "ladder", "page", "state", "watch"])
def test_every_rule_is_reached(kind: str):
    reports = [Writer.feverish, Writer.checkin, Writer.vitals]
    told = reports if kind in ("ladder", "disposition") else dict.fromkeys(MOMENTS)
    each = [cases(moments=[moment]) for moment in told]
    if kind in ("page", "state"):
        each += [cases(moments=[moment], aims=LONG_TREATED) for moment in (handed_over, handed_over_and_dosed)]
    if kind == "finding":
        each.append(cases(aims=LONG_TREATED, moments=[Writer.responding]))
    search({item for item in reached.expected() if item[0] == kind}, each * 20, courses=6)


def test_there_is_something_to_reach():
    """An empty list would be reached by no course at all."""
    kinds = {what for what, _ in reached.expected()}
    assert kinds == {"action", "disposition", "finding", "ladder", "page", "state", "watch"}
    assert {("finding", "nextdose"), ("page", "welfare"), ("state", "HOLD")} <= reached.expected()
    assert all(list(reached.shown_after(protocol)) and protocol.gap for protocol in PROTOCOLS.values())


def search(wanted: set[tuple[str, str]], tries: list[st.SearchStrategy[Case]], *, courses: int) -> None:
    """Try courses of one strategy after the other until all that is wanted has been reached by some course."""
    for number, strategy in enumerate(tries):
        if wanted <= set(reached.counts):
            return

        @seed(number)
        @settings(max_examples=courses, phases=[Phase.generate], derandomize=False, database=None)
        @given(strategy)
        def some(case: Case) -> None:
            reached.count(case.judged())

        some()
    never = sorted(f"{what} {which}" for what, which in wanted - set(reached.counts))
    assert not never, f"no course reached: {', '.join(never)}"
