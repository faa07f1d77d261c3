"""An organisation confirms a REMS requirement that nobody had read, or that it has ended on a day, with its own citation: no release is needed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from handrail.rules.answer import Finding
from handrail.rules.overlays import Decided, digest_of, document_of, row_sha256
from handrail.rules.pinned import protocol_for
from handrail.rules.protocol import catalogue, load
from handrail.rules.strict import ProtocolDataError
from tests.support.courses import TEC, Told, instant, well

TALQ, LINVO = "talquetamab/US/2023-08/mono", "linvoseltamab/US/2025-07"
VISIT = "2026-03-02 09:00"
WHO = "Synthetic Centre, set 2"


def overlay(key: str, *requirements: str, last_day: str | None = None, **changed: Any) -> dict[str, Any]:
    """The document of an organisation that decided about some requirements of a protocol (none named: about all)."""
    rows = [row for row in load(key).rems if not requirements or row.requirement in requirements]
    ended = {} if last_day is None else {"in_force_to": last_day, "confirmed_on": "2026-02-20"}
    items = [
        {"id": row.id, "citation": "a synthetic notice", "sha256": row_sha256(row), **ended, **changed} for row in rows
    ]
    return {"protocol_key": key, "signed_by": WHO, "rows": items}


def rems(key: str, *overlays: dict[str, Any], at: str = VISIT) -> list[Finding]:
    told = Told(key, facts={"sex": "male"}, overlays=list(overlays))
    well(told, at)
    protocol = protocol_for(told.history(), instant(at))
    return [finding for finding in told.assess(at, protocol=protocol).findings if finding.rule == "rems"]


WITH_ROWS = [protocol.key for protocol in catalogue() if protocol.rems]


@pytest.mark.parametrize("key", WITH_ROWS)
def test_a_requirement_that_nobody_read_says_so_until_an_organisation_confirms_it(key: str):
    before = {finding.what for finding in rems(key) if "(a row not verified)" in finding.what}
    assert before, "this row was not read anywhere"
    confirmed = rems(key, overlay(key))
    assert len(confirmed) == len(rems(key)) == len(load(key).rems)
    assert not [finding.what for finding in confirmed if "(a row not verified)" in finding.what]


def test_the_two_programmes_that_nobody_had_read_are_among_them():
    assert {TALQ, LINVO} <= set(WITH_ROWS)


@pytest.mark.parametrize("key", WITH_ROWS)
@pytest.mark.parametrize(
    # last day in force | requirements checked on Mon 2 March | ends shown
    ("last_day", "checked", "shown"),
    [
        ("2026-03-01", 0, 1),
        ("2026-03-02", 3, 0),  # the last day still counts
        ("2027-01-01", 3, 0),
        (None, 3, 0),
    ],
)
def test_a_programme_that_ended_is_no_longer_checked(key: str, last_day: str | None, checked: int, shown: int):
    found = rems(key, overlay(key, last_day=last_day))
    ends = [finding for finding in found if "The REMS ended" in finding.what]
    assert (len(found) - len(ends), len(ends)) == (checked, shown)
    for finding in ends:
        assert finding.urgency == "routine"
        assert finding.because == f"confirmed by {WHO} on Fri 20 Feb 2026"


def test_one_requirement_ends_and_the_others_stay():
    found = rems(TEC, overlay(TEC, "wallet_card", last_day="2026-03-01"))
    assert sorted(finding.urgency.value for finding in found) == ["now", "routine", "today"]
    card = next(row.words for row in load(TEC).rems if row.requirement == "wallet_card")
    assert {finding.what for finding in rems(TEC)} - {finding.what for finding in found} == {f"REMS: {card}"}
    [end] = [finding for finding in found if finding.urgency == "routine"]
    assert end.what == f"REMS: {card}: ended on Sun 1 Mar 2026: this is not checked"


def test_a_later_document_takes_an_end_back():
    assert len(rems(TEC, overlay(TEC, last_day="2026-03-01"), overlay(TEC))) == 3


def test_an_end_for_what_the_row_used_to_say_ends_nothing():
    assert len(rems(TEC, overlay(TEC, last_day="2026-03-01", sha256="0" * 64))) == 3


def test_an_end_for_another_product_ends_nothing_here():
    assert len(rems(TEC, overlay(TALQ, last_day="2026-03-01"))) == 3


def band() -> dict[str, Any]:
    row = load(TEC).band[0]
    item = {"id": row.id, "citation": "c", "in_force_to": "2026-03-01", "confirmed_on": "2026-02-20"}
    return {"protocol_key": TEC, "signed_by": WHO, "rows": [item]}


@pytest.mark.parametrize(
    "document",
    [
        band(),
        overlay(TEC, last_day="soon"),
        overlay(TEC, last_day="2026-02-30"),
        overlay(TEC, in_force_to="2026-03-01"),
        overlay(TEC, in_force_to=20260301, confirmed_on="2026-02-20"),
        overlay(TEC, in_force_to="2026-03-01", confirmed_on="yesterday"),
    ],
)
def test_an_end_that_makes_no_sense_is_refused(document: dict[str, Any]):
    with pytest.raises(ProtocolDataError) as refused:
        load(TEC).with_overlays([document])
    assert refused.value.code == "wrong_value" and refused.value.path == "overlays[0].rows[0].in_force_to"


def test_an_end_without_a_citation_is_refused():
    with pytest.raises(ProtocolDataError, match="citation"):
        load(TEC).with_overlays([overlay(TEC, last_day="2026-03-01", citation="")])


def test_the_document_and_the_signature_name_the_end():
    row = load(TEC).rems[0]
    same = {"row_id": row.id, "row_sha256": row_sha256(row), "citation": "a synthetic notice", "number": 1}
    end = {"in_force_to": date(2026, 3, 1), "confirmed_on": date(2026, 2, 20)}
    open_, ended, later = (
        Decided(**same),
        Decided(**same, **end),
        Decided(**same, **{**end, "in_force_to": date(2026, 3, 2)}),
    )
    digests = {digest_of(TEC, "0", [each]) for each in (open_, ended, later)}
    assert len(digests) == 3, "a change of the end ends a signature"
    document = document_of(TEC, "0", [ended], number=2, organisation="Synthetic Centre", signatures=[])
    assert [finding.urgency for finding in rems(TEC, document)].count("routine") == 1
    assert "in_force_to" not in document_of(TEC, "0", [open_], number=2, organisation="x", signatures=[])["rows"][0]
