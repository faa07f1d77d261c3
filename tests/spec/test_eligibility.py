"""Whether a label covers a patient: earlier lines, classes and the date, each edge on both sides and each fact missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from handrail.rules.eligibility import Before, Covered, EligibilityAnswer, eligibility, indication, revisions_of
from handrail.rules.protocol import catalogue, load
from handrail.rules.terms import Status

PI, IMID, CD38 = "proteasome_inhibitor", "immunomodulatory_agent", "anti_cd38_antibody"
SHORT = {"P": PI, "I": IMID, "A": CD38}


def before(lines: str, classes: str, progressed: str) -> Before:
    """`PIA` had all three; a small letter: never had; a class that is not there is not known. `?` is not known."""
    had = {SHORT[letter.upper()]: letter.isupper() for letter in classes if letter != "-"}
    grown = {"yes": True, "no": False, "?": None}[progressed]
    return Before(lines=None if lines == "?" else int(lines), classes=had, progressed=grown)


TEC, COMBO, OLD = "teclistamab/US/2026-03/mono", "teclistamab/US/2026-03/combo", "teclistamab/US/2025-03/mono"
TEC_EU, TAL, TAL_EU = "teclistamab/EU/2022/mono", "talquetamab/US/2023-08/mono", "talquetamab/EU/2025-09/mono"
ELR, ELR_OLD, ELR_EU = "elranatamab/US/2025-07", "elranatamab/US/2023-08", "elranatamab/EU/2024"
LIN, LIN_EU = "linvoseltamab/US/2025-07", "linvoseltamab/EU/2025"

# case | protocol | row | lines | classes | progressed on the last | answer | words of the reason
ONE_ROW = """
K01|COMBO|IND-1|1|PI|?|met|every condition is met
K02|COMBO|IND-1|0|PI|?|not_met|0 earlier lines of at least 1
K03|COMBO|IND-1|1|Pi|?|not_met|no immunomodulatory agent so far
K04|COMBO|IND-1|1|I|?|cannot_say|is not known: proteasome inhibitor
K05|COMBO|IND-1|?|PI|?|cannot_say|at least 1 earlier lines are needed
K06|TEC|IND-2|4|PIA|?|met|every condition is met
K07|TEC|IND-2|3|PIA|?|not_met|3 earlier lines of at least 4
K08|TEC|IND-2|4|PIa|?|not_met|no anti-CD38 antibody so far
K09|TEC|IND-2|4|PI|?|cannot_say|is not known: anti-CD38 antibody
K10|OLD|IND-2|4|PIA|?|met|every condition is met
K11|OLD|IND-2|3|PIA|?|not_met|3 earlier lines of at least 4
K12|TEC_EU|IND-1|3|PIA|yes|met|every condition is met
K13|TEC_EU|IND-1|2|PIA|yes|not_met|2 earlier lines of at least 3
K14|TEC_EU|IND-1|3|PIA|no|not_met|no progression on the last therapy
K15|TEC_EU|IND-1|3|PIA|?|cannot_say|whether the disease grew on the last therapy is not known
K16|TEC_EU|IND-2|1|PIA|yes|cannot_say|this row is not verified
K17|TEC_EU|IND-2|0|PIA|yes|cannot_say|this row is not verified
K18|TAL|IND-1|4|PIA|?|met|every condition is met
K19|TAL|IND-1|3|PIA|?|not_met|3 earlier lines of at least 4
K20|TAL_EU|IND-1|3|PIA|yes|met|every condition is met
K21|TAL_EU|IND-1|2|PIA|yes|not_met|2 earlier lines of at least 3
K22|ELR|IND-1|4|PIA|?|met|every condition is met
K23|ELR|IND-1|3|PIA|?|not_met|3 earlier lines of at least 4
K24|ELR_OLD|IND-1|4|PIA|?|met|every condition is met
K25|ELR_OLD|IND-1|3|PIA|?|not_met|3 earlier lines of at least 4
K26|ELR_EU|IND-1|3|PIA|yes|met|every condition is met
K27|ELR_EU|IND-1|2|PIA|yes|not_met|2 earlier lines of at least 3
K28|ELR_EU|IND-1|3|PIa|yes|cannot_say|which classes this label names was not read
K29|LIN|IND-1|4|PIA|?|met|every condition is met
K30|LIN|IND-1|3|PIA|?|not_met|3 earlier lines of at least 4
K31|LIN_EU|IND-1|3|PIA|yes|met|every condition is met
K32|LIN_EU|IND-1|2|PIA|yes|not_met|2 earlier lines of at least 3
K33|LIN_EU|IND-1|3|PIA|no|not_met|no progression on the last therapy
"""
ONE = [line.split("|") for line in ONE_ROW.strip().splitlines()]


@pytest.mark.parametrize("row", ONE, ids=[row[0] for row in ONE])
def test_one_indication(row: list[str]):
    _, key, row_id, lines, classes, progressed, wanted, words = row
    protocol = load(globals()[key])
    [found] = [one for one in protocol.indication if one.id == row_id]
    answer = indication(protocol, found, before(lines, classes, progressed), date(2026, 11, 20))
    assert answer.covered.value == wanted and words in answer.because


def test_every_indication_stands_in_the_table():
    shipped = {(protocol.key, row.id) for protocol in catalogue() for row in protocol.indication}
    assert {(globals()[key], row_id) for _, key, row_id, *_ in ONE} == shipped


def judged(product: str, jurisdiction: str, lines: str, classes: str, progressed: str, on: str) -> EligibilityAnswer:
    return eligibility(revisions_of(product, jurisdiction), before(lines, classes, progressed), date.fromisoformat(on))


# product | where | lines | classes | progressed on the last | day | answer | label and row of each indication with its answer
# (the best first) | what must be known to settle it
CASES = """
teclistamab|US|4|PIA|?|2026-11-20|met|combo IND-1 met, mono IND-2 met|
teclistamab|US|3|PIA|?|2026-11-20|met|combo IND-1 met, mono IND-2 not_met|
teclistamab|US|2|PIA|?|2026-11-20|met|combo IND-1 met, mono IND-2 not_met|
teclistamab|US|1|PI|?|2026-11-20|met|combo IND-1 met, mono IND-2 not_met|
teclistamab|US|1|PIa|?|2026-11-20|met|combo IND-1 met, mono IND-2 not_met|
teclistamab|US|0|PIA|?|2026-11-20|not_met|combo IND-1 not_met, mono IND-2 not_met|
teclistamab|US|1|P|?|2026-11-20|cannot_say|combo IND-1 cannot_say, mono IND-2 not_met|immunomodulatory_agent
teclistamab|US|1|Pi|?|2026-11-20|not_met|combo IND-1 not_met, mono IND-2 not_met|
teclistamab|US|?|PIA|?|2026-11-20|cannot_say|combo IND-1 cannot_say, mono IND-2 cannot_say|lines_prior
teclistamab|US|?|PiA|?|2026-11-20|not_met|combo IND-1 not_met, mono IND-2 not_met|
teclistamab|US|4|PI|?|2026-11-20|met|combo IND-1 met, mono IND-2 cannot_say|
teclistamab|US|2|PIA|?|2026-03-05|met|combo IND-1 met, mono IND-2 not_met|
teclistamab|US|2|PIA|?|2026-03-04|not_met|mono IND-2 not_met|
teclistamab|US|4|PIA|?|2026-03-04|met|mono IND-2 met|
teclistamab|US|4|PIA|?|2025-03-01|met|mono IND-2 met|
teclistamab|US|4|PIA|?|2025-02-28|cannot_say|mono IND-2 cannot_say|in_force_from
teclistamab|EU|3|PIA|yes|2026-11-20|met|mono IND-1 met, mono IND-2 cannot_say|
teclistamab|EU|2|PIA|yes|2026-11-20|cannot_say|mono IND-2 cannot_say, mono IND-1 not_met|indication
teclistamab|EU|3|PIA|no|2026-11-20|cannot_say|mono IND-2 cannot_say, mono IND-1 not_met|indication
teclistamab|EU|3|PIA|?|2026-11-20|cannot_say|mono IND-1 cannot_say, mono IND-2 cannot_say|progression_on_last indication
talquetamab|US|4|PIA|?|2023-08-09|met|mono IND-1 met|
talquetamab|US|4|PIA|?|2023-08-08|cannot_say||
talquetamab|US|3|PIA|?|2026-11-20|not_met|mono IND-1 not_met|
talquetamab|US|4|PIa|?|2026-11-20|not_met|mono IND-1 not_met|
talquetamab|EU|3|PIA|yes|2026-11-20|met|mono IND-1 met|
talquetamab|EU|2|PIA|yes|2026-11-20|not_met|mono IND-1 not_met|
talquetamab|EU|3|pIA|yes|2026-11-20|not_met|mono IND-1 not_met|
elranatamab|US|4|PIA|?|2023-08-14|met|mono IND-1 met|
elranatamab|US|4|PIA|?|2023-08-13|cannot_say||
elranatamab|US|3|PIA|?|2026-11-20|not_met|mono IND-1 not_met|
elranatamab|EU|3|PIA|yes|2026-11-20|met|mono IND-1 met|
elranatamab|EU|3|PI|yes|2026-11-20|cannot_say|mono IND-1 cannot_say|prior_classes
elranatamab|EU|3|PIa|yes|2026-11-20|cannot_say|mono IND-1 cannot_say|prior_classes
elranatamab|EU|2|PIA|yes|2026-11-20|not_met|mono IND-1 not_met|
elranatamab|EU|3|PIA|no|2026-11-20|not_met|mono IND-1 not_met|
linvoseltamab|US|4|PIA|?|2025-07-02|met|mono IND-1 met|
linvoseltamab|US|4|PIA|?|2025-07-01|cannot_say||
linvoseltamab|US|3|PIA|?|2026-11-20|not_met|mono IND-1 not_met|
linvoseltamab|EU|3|PIA|yes|2026-11-20|met|mono IND-1 met|
linvoseltamab|EU|3|-|yes|2026-11-20|cannot_say|mono IND-1 cannot_say|prior_classes
linvoseltamab|EU|3|PIA|?|2026-11-20|cannot_say|mono IND-1 cannot_say|progression_on_last
epcoritamab|US|4|PIA|yes|2026-11-20|cannot_say||
nothingmab|US|4|PIA|yes|2026-11-20|cannot_say||
"""
ROWS = [line.split("|") for line in CASES.strip().splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=["-".join(row[:6]) for row in ROWS])
def test_the_indication(row: list[str]):
    *facts, wanted, each, missing = row
    answer = judged(*facts)
    said = [f"{load(one.protocol_key).product.regimen} {one.row.id} {one.covered.value}" for one in answer.indications]
    assert (answer.covered.value, ", ".join(said)) == (wanted, each)
    assert {item.missing for item in answer.missing} == set(missing.split())
    assert all(item.why_it_matters for item in answer.missing)
    for one in answer.indications:
        assert one.row.words in one.because and one.source.row == one.row.id
        assert one.covered is not Covered.CANNOT_SAY or one.missing


@pytest.mark.parametrize("fact", ["lines", "classes", "progressed"])
@pytest.mark.parametrize("protocol", [p for p in catalogue() if p.indication], ids=lambda protocol: protocol.key)
def test_a_fact_that_is_missing_is_never_met(protocol, fact: str):
    whole = Before(lines=9, classes=dict.fromkeys(SHORT.values(), True), progressed=True)
    empty = {"lines": None, "classes": {}, "progressed": None}
    on = date(2026, 11, 20)
    for row in protocol.indication:
        full = indication(protocol, row, whole, on)
        assert full.covered is (Covered.MET if row.acts else Covered.CANNOT_SAY)
        less = indication(protocol, row, replace(whole, **{fact: empty[fact]}), on)
        asked = fact != "progressed" or row.progression_on_last
        assert (less.covered is not Covered.CANNOT_SAY) == (row.acts and not asked)


def test_an_unverified_indication_is_shown_and_covers_nobody_until_it_is_signed():
    protocol = load("teclistamab/EU/2022/mono")
    [row] = [row for row in protocol.indication if row.status is Status.UNVERIFIED]
    whole = before("1", "PIA", "?")
    answer = indication(protocol, row, whole, date(2026, 11, 20))
    assert (answer.covered, answer.would_be) == (Covered.CANNOT_SAY, Covered.MET)
    assert "not verified" in answer.because
    signed = indication(protocol, replace(row, signed_by="both"), whole, date(2026, 11, 20))
    assert (signed.covered, signed.would_be) == (Covered.MET, None)


def test_a_later_revision_takes_the_place_of_the_earlier_one_of_its_regimen():
    answer = judged("teclistamab", "US", "4", "PIA", "?", "2026-11-20")
    assert [one.protocol_key for one in answer.indications] == [
        "teclistamab/US/2026-03/combo",
        "teclistamab/US/2026-03/mono",
    ]
    older = judged("elranatamab", "US", "4", "PIA", "?", "2026-11-20")
    assert [one.protocol_key for one in older.indications] == ["elranatamab/US/2025-07"]


def test_what_a_person_must_still_read_stands_in_the_words():
    """Adults, and disease that came back or never answered: no fact here says so."""
    answer = judged("talquetamab", "US", "4", "PIA", "?", "2026-11-20")
    assert "relapsed or refractory multiple myeloma of adults" in answer.because


def test_no_answer_says_which_row_when_there_is_none():
    answer = judged("epcoritamab", "US", "4", "PIA", "yes", "2026-11-20")
    assert "no indication in force on Fri 20 Nov 2026 stands in this data set" in answer.because


@pytest.mark.parametrize("key", ["elranatamab/US/2023-08", "elranatamab/US/2025-07"])
def test_both_labels_of_one_approval_count_it_from_the_same_day(key: str):
    (row,) = load(key).indication
    assert str(row.in_force_from) == "2023-08-14"
