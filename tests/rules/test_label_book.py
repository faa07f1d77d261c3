"""The book of a label revision leaves nothing out, and its picture never shows what is not verified as if it were."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from xml.etree import ElementTree

import pytest

from handrail.rules.label_book import Section, counted, sections_of
from handrail.rules.label_picture import schedule_svg
from handrail.rules.label_words import STATUS_WORDS
from handrail.rules.protocol import TABLES, Protocol, catalogue, load
from handrail.rules.protocol_rows import Row
from handrail.rules.terms import Status
from tests.support.courses import TEC, TEC_COMBO

pytestmark = pytest.mark.slow

PROTOCOLS = [pytest.param(protocol, id=protocol.key) for protocol in catalogue()]
SHOWN_ASIDE = {"id", "source", "status", "signed_by"}
"""Keys that a page shows around every row, the same way for all."""


def said(protocol: Protocol, row_id: str) -> list[tuple[str, tuple[str, ...], tuple[str, ...], str]]:
    """Everything that the book says about a row: title, columns, cells and words of each place it stands in."""
    return [
        (table.title, table.columns, row.cells, row.words)
        for section in sections_of(protocol)
        for table in section.tables
        for row in table.rows
        if row.row.id == row_id
    ]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_row_of_every_table_is_in_the_book(protocol: Protocol):
    for section in sections_of(protocol):
        assert {row.row.id for row in section.rows()} == {row.id for row in getattr(protocol, section.key)}
    assert {section.key for section in sections_of(protocol)} == {table for table in TABLES if getattr(protocol, table)}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_key_of_a_row_is_left_out(protocol: Protocol):
    """Whatever key of a row is changed, what the book says about the row changes."""
    checked = 0
    for table in TABLES:
        if table == "gap":
            continue  # below: a changed day would not fit into its table
        rows = getattr(protocol, table)
        for row in rows[:40]:
            before = said(protocol, row.id)
            for name, other in others(row):
                changed = tuple(replace(r, **{name: other}) if r is row else r for r in rows)
                assert said(replace(protocol, **{table: changed}), row.id) != before, (table, row.id, name)
                checked += 1
    assert checked > 30


def others(row: Row) -> Iterator[tuple[str, Any]]:
    """Every key that is set, with another value."""
    for item in fields(row):
        value = getattr(row, item.name)
        if item.name in SHOWN_ASIDE or value in (None, ()):
            continue
        if isinstance(value, bool):
            yield item.name, not value
        elif isinstance(value, (int, Decimal)):
            yield item.name, value + 1
        elif isinstance(value, date):
            yield item.name, value + timedelta(days=1)
        elif isinstance(value, Enum):
            yield item.name, next(word for word in type(value) if word is not value)
        elif isinstance(value, str):
            yield item.name, "step_up_1" if value in ("treatment", "step_up_2") else f"{value} planted"
        elif isinstance(value, tuple):
            yield item.name, value[1:]
        elif is_dataclass(value):
            yield item.name, None
        else:
            raise AssertionError(f"{item.name}: {value!r}")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_row_of_the_delay_table_says_its_days_its_answer_and_that_it_is_not_verified(protocol: Protocol):
    (delays,) = [section for section in sections_of(protocol) if section.key == "gap"]
    for table in delays.tables:
        assert [part.row for part in table.strip] == [row.row.id for row in table.rows]
        for line, part in zip(table.rows, table.strip, strict=True):
            cells = dict(zip(table.columns, line.cells, strict=True))
            row = protocol.row(line.row.id)
            assert str(row.from_day) in cells["Days"] and row.words.rstrip(".") in line.words
            if row.status is Status.UNVERIFIED:
                assert cells["Answer"].startswith("ask the prescriber")
                assert (part.answer, part.tone) == ("ask the prescriber", "ask")
            else:
                assert row.action.value in cells["Answer"]


def test_day_29_after_a_weekly_dose_is_said():
    (delays,) = [section for section in sections_of(load(TEC)) if section.key == "gap"]
    (table,) = [t for t in delays.tables if t.title == "After first treatment dose or treatment dose: weekly"]
    assert [(part.days, part.answer, part.row) for part in table.strip] == [
        ("0 to 6", "ask the prescriber", "TD-QW-EARLY"),
        ("7 to 28", "continue treatment dose", "R4"),
        ("29 to 56", "restart step-up dose 2", "R5"),
        ("57 on", "restart step-up dose 1", "R6"),
    ]


def test_an_unknown_table_is_told_in_words():
    """A table that has no columns of its own here loses nothing."""
    from handrail.rules import label_book
    from handrail.rules.protocol_rows import IntervalChangeRow

    row = IntervalChangeRow(
        id="NEW",
        source=("S05",),
        status=Status.SOURCED,
        from_schedule="weekly",
        to_schedule="every_2_weeks",
        wording="may",
    )
    (line,) = label_book._table("brand_new", "", (row,)).rows
    assert line.cells == ()
    assert line.words == "from schedule: weekly; to schedule: every_2_weeks; wording: may"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_counts_are_those_of_the_rows(protocol: Protocol):
    assert sum(counted(protocol).values()) == len(list(protocol.rows()))
    assert set(counted(protocol)) <= set(STATUS_WORDS)


# --- the picture -------------------------------------------------------------------------------------------------------


def drawn(protocol: Protocol) -> tuple[list[str], str]:
    """The texts of the picture and its description."""
    root = ElementTree.fromstring(schedule_svg(protocol, alone=True))
    space = "{http://www.w3.org/2000/svg}"
    return [each.text or "" for each in root.iter(f"{space}text")], str(root.find(f"{space}desc").text)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_picture_is_well_formed_and_says_the_same_in_words(protocol: Protocol):
    texts, description = drawn(protocol)
    for step in protocol.steps_of(protocol.schedules[0]):
        row = protocol.step_row(step, protocol.schedules[0])
        dose = f"{row.mg} mg" if row.mg is not None else f"{row.mg_per_kg} mg/kg"
        assert any(dose in text for text in texts) and dose in description
    assert re.search(r'viewBox="0 0 1000 \d+"', schedule_svg(protocol))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_picture_stays_inside_its_frame(protocol: Protocol):
    root = ElementTree.fromstring(schedule_svg(protocol))
    _, _, width, height = map(int, root.attrib["viewBox"].split())
    for each in root.iter():
        for name, limit in (("x", width), ("y", height)):
            if name in each.attrib:
                assert 0 <= int(each.attrib[name]) <= limit, each.attrib


def test_days_that_nobody_verified_are_said_to_be_so():
    texts, description = drawn(load(TEC_COMBO))
    assert "day 2 to 4 (ask)" in texts and "day 2 to 4 (ask)" in description
    assert any(text.startswith("(ask): ") and "ask the prescriber" in text for text in texts)
    texts, description = drawn(load(TEC))
    assert "day 2 to 4" in texts and "(ask)" not in description


def test_a_step_that_nobody_verified_is_said_to_be_so():
    protocol = load(TEC)
    step = replace(protocol.step[0], status=Status.UNVERIFIED)
    texts, _ = drawn(replace(protocol, step=(step, *protocol.step[1:])))
    assert "unverified: 0.06 mg/kg" in texts


def test_words_of_the_data_cannot_break_out_of_the_picture():
    protocol = load(TEC)
    head = replace(protocol.product, brand='<script>"&')
    svg = schedule_svg(replace(protocol, product=head))
    assert "<script" not in svg and "&lt;script&gt;" in svg


def test_a_section_tells_its_rows_once_for_each_table():
    (delays,) = [section for section in sections_of(load(TEC)) if section.key == "gap"]
    assert isinstance(delays, Section)
    assert [row.row.id for row in delays.rows()].count("R5") == 1
