"""Rows that an organisation signed: what a signature lets a row do, and what it does not cover."""

from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from handrail.rules.history import History
from handrail.rules.overlays import row_sha256
from handrail.rules.pinned import protocol_for
from handrail.rules.protocol import catalogue, load
from handrail.rules.protocol_rows import WarningRow
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Status
from tests.support.courses import ELRA, TEC, Told, instant, well

BAND = "BAND-0.06-70-79"
ALL_BANDS = tuple(row.id for row in load(TEC).band)


def document(*ids: str, key: str = TEC, who: str = "Synthetic Centre, set 1") -> dict:
    protocol = load(key)
    rows = [{"id": each, "citation": "read in the label", "sha256": row_sha256(protocol.row(each))} for each in ids]
    return {"protocol_key": key, "signed_by": who, "rows": rows}


def first_dose(*overlays: dict, weight_kg: str = "70"):
    """The answer on the morning of step-up dose 1 for somebody who is well."""
    told = Told(overlays=list(overlays))
    well(told, "2026-03-02 08:00", weight_kg=weight_kg)
    return told


def judged(told: Told, at: str = "2026-03-02 09:00"):
    return told.assess(at, protocol=protocol_for(told.history(), instant(at))).next_dose


def test_an_unsigned_band_is_shown_and_a_signed_one_is_the_amount():
    unsigned = judged(first_dose())
    assert unsigned.amount is None
    signed = judged(first_dose(document(BAND)))
    row = load(TEC).row(BAND)
    assert signed.amount is not None
    assert (signed.amount.mg, signed.amount.ml, signed.amount.row) == (row.mg, row.ml, BAND)
    assert signed.amount.status is Status.UNVERIFIED
    assert "signed by Synthetic Centre, set 1" in signed.amount.basis


def test_a_signature_covers_its_own_row_only():
    assert judged(first_dose(document(BAND), weight_kg="85")).amount is None
    assert judged(first_dose(document(BAND, key=TEC), document("SUD1-EARLY", key=ELRA))).amount is not None
    assert judged(first_dose(document("SUD1-EARLY", key=ELRA))).amount is None


def test_a_signature_for_what_the_row_used_to_say_does_not_cover_what_it_says_now():
    signed = document(BAND)
    signed["rows"][0]["sha256"] = row_sha256(replace(load(TEC).row(BAND), mg=Decimal("4.6")))
    assert judged(first_dose(signed)).amount is None


@pytest.mark.parametrize(
    ("change", "path"),
    [
        # what stands in the overlay             | what is named
        ({"rows": "all"}, "overlays[0]"),
        ({"signed_by": ""}, "overlays[0].signed_by"),
        ({"rows": [{"id": BAND, "citation": ""}]}, "overlays[0].rows[0]"),
        ({"rows": [{"id": "NO-SUCH-ROW", "citation": "x"}]}, "overlays[0].rows[0]"),
    ],
)
def test_an_overlay_that_does_not_fit_is_refused_with_its_place(change: dict, path: str):
    with pytest.raises(ProtocolDataError) as refused:
        load(TEC).with_overlays([{**document(BAND), **change}])
    assert refused.value.path == path


def test_a_newer_set_stands_in_place_of_the_older_from_its_event_on():
    told = first_dose(document(BAND))
    told.tell("protocol_changed", "2026-03-02 10:00", protocol_key=TEC, overlay=document("BAND-0.3-70-79"))
    assert judged(told, "2026-03-02 09:59").amount is not None
    assert judged(told, "2026-03-02 10:00").amount is None
    told.tell("protocol_changed", "2026-03-02 11:00", protocol_key=TEC, overlay=document(*ALL_BANDS, who="set 3"))
    assert judged(told, "2026-03-02 11:00").amount.basis.endswith("row signed by set 3")


def test_the_course_file_gives_the_overlay_of_an_event_back_as_it_was():
    told = first_dose()
    told.tell("protocol_changed", "2026-03-02 10:00", protocol_key=TEC, overlay=document(BAND))
    history = History.build(told.course())
    assert history.of("protocol_changed")[0].body.overlay == document(BAND)


def test_a_secondary_row_that_is_signed_is_no_longer_said_to_be_unread():
    def said(*overlays: dict) -> list[str]:
        told = Told(overlays=list(overlays))
        told.dose("step_up_1", "2026-03-02 09:00", dose_mg="4.2", dose_mg_per_kg="0.06")
        well(told, "2026-03-12 08:00")
        at = "2026-03-12 09:00"
        answer = told.assess(at, protocol=protocol_for(told.history(), instant(at)))
        assert load(TEC).row(answer.next_dose.row).status is Status.SECONDARY, answer.next_dose.row
        return [finding.what for finding in answer.findings if "not read in the label itself" in finding.what]

    rows = [row.id for row in load(TEC).rows() if row.status is Status.SECONDARY]
    assert said()
    assert not said(document(*rows))


def test_every_row_can_be_signed_the_head_of_the_file_included():
    for protocol in catalogue():
        ids = [row.id for row in protocol.rows()]
        signed = protocol.with_overlays([document(*ids, key=protocol.key)])
        assert {row.signed_by for row in signed.rows()} == {"Synthetic Centre, set 1"}, protocol.key
        gaps = [row for step in signed.step for row in signed.gap_rows(step.step, signed.schedules[0])]
        assert gaps
        assert all(row.signed_by for row in gaps)


def test_the_hash_of_a_row_is_its_content():
    row = load(TEC).row(BAND)
    assert row_sha256(row) == row_sha256(replace(row, signed_by="somebody"))
    for other in (replace(row, mg=row.mg + 1), replace(row, status=Status.SOURCED), replace(row, words="other words")):
        assert row_sha256(other) != row_sha256(row)
    every = [row_sha256(row) for row in load(TEC).rows()]
    assert len(set(every)) == len(every)


def test_a_new_optional_column_changes_no_hash():
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Wider(WarningRow):
        since: str | None = None

    Wider.__name__ = "WarningRow"
    values = {"id": "W1", "source": ("S1",), "status": Status.SECONDARY, "check": "x"}
    assert row_sha256(Wider(**values)) == row_sha256(WarningRow(**values))
    assert row_sha256(Wider(**values, since="2026-03-01")) != row_sha256(WarningRow(**values))
