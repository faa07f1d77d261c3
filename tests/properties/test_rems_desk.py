"""True of every site: making a value not known, or letting a paper end, never makes line 8 of the gate green; no dose is without an owner."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from handrail.rules.doors import Hours, hours_from
from handrail.rules.rems_data import desk_rules
from handrail.rules.rems_desk import Ask, Paper, Person, expiries, gate_evidence
from handrail.rules.rems_doses import MODES, Mode, owner_at
from tests.support.rems import ANA, CHICAGO, DAY, PLACE, ask, dispense, paper, papers

DAYS = st.integers(-40, 40).map(lambda days: DAY + timedelta(days=days))
ENDS = st.one_of(st.tuples(DAYS, st.just(None)), st.sampled_from([(None, True), (None, None), (None, False)]))


@st.composite
def held(draw: st.DrawFn) -> tuple[Paper, ...]:
    """Some of the papers of a whole site, each from and until some day; perhaps two of a kind."""
    found = []
    for each in [*papers(), *papers()]:
        if draw(st.integers(0, 4)):
            until, no_end = draw(ENDS)
            begins = draw(st.sampled_from([DAY - timedelta(days=60), DAY, DAY + timedelta(days=1)]))
            found.append(replace(each, from_on=begins, until=until, no_end=no_end))
    return tuple(found)


RECORDS = st.builds(
    dispense,
    code=st.sampled_from(["RDA-1", "RDA-2", ""]),
    checked=st.sampled_from([True, False, None]),
)
ASKS = st.builds(
    ask,
    papers=held(),
    dispenses=st.lists(RECORDS, max_size=3).map(tuple),
    prescriber=st.sampled_from([ANA, None]),
    place=st.sampled_from([PLACE, None]),
)


def worse(asked: Ask) -> Any:
    """Every question with one value less: a paper gone, ended, left behind, without its end or licence; a record without a value."""
    for n, each in enumerate(asked.papers):
        rest = (*asked.papers[:n], *asked.papers[n + 1 :])
        yield replace(asked, papers=rest)
        yield replace(asked, papers=(*rest, replace(each, until=None, no_end=None)))
        yield replace(asked, papers=(*rest, replace(each, licence="")))
        yield replace(asked, papers=(*rest, replace(each, who=None)))
        yield replace(asked, papers=(*rest, replace(each, left=True)))
        ended = max(each.from_on, DAY - timedelta(days=1))
        if ended < DAY:
            yield replace(asked, papers=(*rest, replace(each, until=ended, no_end=None)))
    for n, record in enumerate(asked.dispenses):
        others = (*asked.dispenses[:n], *asked.dispenses[n + 1 :])
        yield replace(asked, dispenses=(*others, replace(record, checked=None)))
        yield replace(asked, dispenses=(*others, replace(record, code="")))
    yield replace(asked, prescriber=None)
    yield replace(asked, place=None)


@given(ASKS)
def test_not_known_and_ended_never_make_it_green(asked):
    if gate_evidence(asked).met is True:
        return
    for less in worse(asked):
        found = gate_evidence(less)
        assert found.met is not True, less
        assert found.next_step


def test_of_a_whole_site_every_paper_that_blocks_is_needed():
    whole = ask()
    assert gate_evidence(whole).met is True
    for each in whole.papers:
        less = tuple(other for other in whole.papers if other is not each)
        assert (gate_evidence(replace(whole, papers=less)).met is True) is (each.kind == "training"), each.kind


HOURS = st.lists(st.sampled_from(["", "closed", "08:00-17:00", "00:00-24:00", "22:00-06:00"]), min_size=7, max_size=7)
INSTANTS = st.integers(0, 24 * 60 * 20).map(
    lambda minutes: datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@st.composite
def modes(draw: st.DrawFn) -> list[Mode]:
    """Some modes, one after the other; of each, at least one side is still there."""
    found = []
    for _ in range(draw(st.integers(0, 4))):
        central, local = draw(st.sampled_from([pair for pair in product(("Bo", ""), ("Cy", "")) if any(pair)]))
        hours = Hours(zone=CHICAGO, week=tuple(hours_from(text) for text in draw(HOURS)))
        mode = draw(st.sampled_from(MODES))
        found.append(Mode(mode=mode, from_at=draw(INSTANTS), central=central, local=local, hours=hours))
    return found


@given(modes(), INSTANTS)
def test_no_dose_is_without_an_owner_at_any_minute(told, at):
    assert owner_at(told, at, (), ("", "Dee")).name


HOLDERS = [(Person(id=name, name=name), left) for name in ("Bo", "Cy") for left in (False, True)]


@st.composite
def represented(draw: st.DrawFn) -> list[Paper]:
    """Representatives of one site, one after the other, overlapping, with gaps, of people who are there or have left."""
    found = []
    for number in range(draw(st.integers(1, 4))):
        begins = DAY + timedelta(days=draw(st.integers(-120, 120)))
        who, left = draw(st.sampled_from(HOLDERS))
        until = draw(
            st.one_of(st.none(), st.integers(0, 150).map(lambda days, begins=begins: begins + timedelta(days=days)))
        )
        no_end = True if until is None and draw(st.booleans()) else None
        found.append(
            paper(
                "representative",
                site="site",
                who=who,
                left=left,
                from_on=begins,
                until=until,
                no_end=no_end,
                id=str(number),
            )
        )
    return found


@given(represented())
def test_whoever_represents_a_site_until_a_day_is_named_90_days_before_nobody_does(told):
    """Nothing carries a paper on but one that counts: of everybody who represents the site today, the day after the last is looked at."""
    if not any(each.holds(DAY) for each in told):
        return
    for days in range(1, 91):
        if any(each.holds(DAY + timedelta(days=days)) for each in told):
            continue
        ahead = expiries(told, DAY, desk_rules().expiry.warn_days)
        assert [each for each in ahead if each.days_left == days - 1], f"nobody from the {days}. day on"
        return
