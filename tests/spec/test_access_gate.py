"""Lines 6 and 7 of the readiness gate: every part that is not known, and every paper that ended, leaves the line not met."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.rules.access import Entry, Kind, Request, standing
from handrail.rules.access_data import access_rules
from handrail.rules.access_gate import (
    RESCUE_NEVER_WAITS,
    Asked,
    Stock,
    gate_evidence_bispecific,
    gate_evidence_tocilizumab,
)
from handrail.rules.evidence import Evidence
from handrail.rules.interchange import exchange

CHICAGO = "America/Chicago"
OPENED = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
RULES = access_rules()
ON = date(2026, 3, 10)
ASKED = Asked(on=ON, zone=CHICAGO, step="step_up_1", site="site", setting="outpatient", code="J9380")
TEC = Request(id="tec", drug="teclistamab", payer="Synthetic Health", opened_at=OPENED, internal=False)
TOCI = replace(TEC, id="toci", drug="tocilizumab", product="tyenne")
ENOUGH = Stock(doses=2, counted_on=date(2026, 3, 9))


def entry(kind: str, hours: float, **fields: Any) -> Entry:
    at = OPENED + timedelta(hours=hours)
    return Entry(**{"id": f"{kind}@{hours}", "kind": Kind(kind), "at": at, "recorded_at": at, **fields})


SENT = entry("submitted", 1)
GRANTED = entry(
    "approved", 20, number="A-1", valid_from=ON, valid_until=ON + timedelta(days=180), code="J9380", site="site",
    setting="outpatient",
)  # fmt: skip
GONE_ON = entry("choice", 2, option="without_prophylaxis", reason="the disease grows fast", valid_until=ON)


def line_6(*entries: Entry, asked: Asked = ASKED, request: Request = TEC) -> Evidence:
    return gate_evidence_bispecific([(request, standing(request, entries, RULES, CHICAGO))], asked, RULES)


def line_7(*entries: Entry, asked: Asked = ASKED, stock: Stock = ENOUGH) -> Evidence:
    return gate_evidence_tocilizumab([(TOCI, standing(TOCI, entries, RULES, CHICAGO))], asked, stock, RULES)


@pytest.mark.parametrize(
    # what the approval says instead | met | the words
    ("differs", "met", "words"),
    [
        ({}, True, "approved A-1"),
        ({"valid_from": ON + timedelta(days=1)}, False, "it begins on"),
        ({"valid_until": ON - timedelta(days=1)}, False, "it ended on"),
        ({"valid_until": ON}, True, "until"),
        ({"valid_from": None}, None, "its first day"),
        ({"valid_until": None}, None, "its last day"),
        ({"site": "elsewhere"}, False, "another site"),
        ({"site": "any"}, True, "approved"),
        ({"site": None}, None, "for which site it is"),
        ({"code": "J3055"}, False, "the code of that day is J9380"),
        ({"code": None}, None, "its code"),
        ({"setting": "inpatient"}, False, "it is for inpatient, the dose is planned outpatient"),
        ({"setting": "any"}, True, "approved"),
        ({"setting": None}, None, "for which setting it is"),
    ],
)
def test_line_6_is_met_by_an_approval_for_that_date_site_and_code_only(differs, met, words):
    found = line_6(SENT, replace(GRANTED, **differs))
    assert found.met is met
    assert words in found.because


@pytest.mark.parametrize("name", ["site", "setting", "code"])
def test_line_6_is_not_known_while_the_plan_is_not(name):
    assert line_6(SENT, GRANTED, asked=replace(ASKED, **{name: None})).met is None


@pytest.mark.parametrize(
    ("entries", "met", "owner"),
    [
        ((), False, "access coordinator"),
        ((SENT,), False, "access coordinator"),
        ((SENT, entry("denied", 20)), False, "prescriber"),
        ((entry("not_required", 1, valid_from=ON, valid_until=ON),), True, "access coordinator"),
        ((entry("not_required", 1, valid_from=ON),), None, "access coordinator"),
        ((entry("withdrawn", 1),), False, "access coordinator"),
        ((SENT, entry("choice", 2, option="site_absorbed", reason="the director agreed", valid_until=ON)), True, "prescriber"),
        ((SENT, entry("choice", 2, option="site_absorbed", reason="x", valid_until=ON - timedelta(days=1))), False, None),
        ((SENT, entry("choice", 2, option="site_absorbed", reason="x")), False, None),
        ((SENT, entry("choice", 2, option="site_absorbed", valid_until=ON)), False, None),
        ((SENT, entry("choice", 2, option="wait", reason="x", valid_until=ON)), False, None),
        ((SENT, GONE_ON, entry("choice", 3, option="wait", reason="the disease is slow")), False, None),
    ],
)  # fmt: skip
def test_line_6_in_every_other_state(entries, met, owner):
    found = line_6(*entries)
    assert found.met is met
    assert owner is None or found.owner == owner


def test_line_6_without_a_request_is_not_known_and_says_what_to_do():
    found = gate_evidence_bispecific([], ASKED, RULES)
    assert (found.met, found.owner) == (None, "access coordinator")
    assert "open a request" in str(found.next_step)


def test_one_request_that_covers_the_dose_is_enough_and_it_ends_with_its_last_day():
    both = [(TEC, standing(TEC, entries, RULES, CHICAGO)) for entries in ([], [SENT, GRANTED])]
    found = gate_evidence_bispecific(both, ASKED, RULES)
    assert found.met is True
    assert found.until == datetime(2026, 9, 7, 5, 0, tzinfo=UTC)
    assert found.at(datetime(2026, 9, 7, 5, 0, tzinfo=UTC)).met is False


@pytest.mark.parametrize(
    # entries | step | stock | met | the words
    ("entries", "step", "stock", "met", "words"),
    [
        ((SENT, GRANTED), "step_up_1", ENOUGH, True, "2 rescue doses counted"),
        ((GONE_ON,), "step_up_1", ENOUGH, True, "the disease grows fast"),
        ((SENT,), "step_up_1", ENOUGH, False, "submitted, no answer yet"),
        ((SENT, entry("denied", 20)), "step_up_1", ENOUGH, False, "denied"),
        ((SENT,), None, ENOUGH, False, "submitted"),  # the step is not known: it is asked
        ((SENT,), "treatment", ENOUGH, True, "not part of any"),
        ((SENT, GRANTED), "step_up_1", Stock(), None, "how many rescue doses"),
        ((SENT, GRANTED), "step_up_1", replace(ENOUGH, doses=1), False, "2 are to lie ready"),
        ((SENT, GRANTED), "step_up_1", replace(ENOUGH, counted_on=ON - timedelta(days=7)), True, "rescue"),
        ((SENT, GRANTED), "step_up_1", replace(ENOUGH, counted_on=ON - timedelta(days=8)), None, "not one for"),
        ((SENT, GRANTED), "treatment", Stock(), None, "how many rescue doses"),
    ],
)
def test_line_7_is_prevention_and_rescue_stock(entries, step, stock, met, words):
    found = line_7(*entries, asked=replace(ASKED, step=step), stock=stock)
    assert found.met is met
    assert words in found.because


def test_no_request_and_no_state_stands_before_rescue_tocilizumab():
    """The exchange for a reaction is allowed whatever was asked of whom, with no protocol signed and no request at all."""
    assert exchange(("actemra", "iv"), ("tyenne", "iv"), emergency=True, protocol_signed=False).allowed
    assert "never waits" in RESCUE_NEVER_WAITS


# --- properties ------------------------------------------------------------------------------------------------------------

ENTRIES = (SENT, GRANTED)
UNKNOWABLE = ("valid_from", "valid_until", "code", "site", "setting")


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    lost=st.sets(st.sampled_from(UNKNOWABLE)),
    plan=st.sets(st.sampled_from(("site", "setting", "code"))),
    stock=st.sets(st.sampled_from(("doses", "counted_on"))),
    days=st.integers(min_value=0, max_value=400),
    kinds=st.lists(st.sampled_from(list(Kind)), max_size=4),
    base=st.dictionaries(
        st.sampled_from(UNKNOWABLE[2:]), st.sampled_from(["site", "any", "outpatient", "J9380", "J3055"])
    ),
)
def test_what_is_not_known_or_ended_never_makes_a_line_greener(lost, plan, stock, days, kinds, base):
    """Whatever stands in the request: taking values away, or letting time pass, never turns a line that was not met into a met one."""
    extra = [entry(kind.value, 30 + n, option="wait", reason="x", takes_back=SENT.id) for n, kind in enumerate(kinds)]
    full = replace(GRANTED, **base)
    less = replace(full, **dict.fromkeys(lost))
    bare = replace(ENOUGH, **dict.fromkeys(stock))
    asked = replace(ASKED, **dict.fromkeys(plan))
    for before, after in (
        (line_6(SENT, full, *extra), line_6(SENT, less, *extra, asked=asked)),
        (line_7(SENT, full, *extra), line_7(SENT, less, *extra, asked=asked, stock=bare)),
    ):
        assert not (after.met is True and before.met is not True)
    later = replace(ASKED, on=ON + timedelta(days=days))
    if line_6(SENT, full, *extra).met is not True and full.valid_from is not None and full.valid_from <= ON:
        assert line_6(SENT, full, *extra, asked=later).met is not True


def test_whatever_is_not_met_names_who_mends_it():
    for found in (line_6(), line_6(SENT), line_7(), gate_evidence_tocilizumab([], ASKED, Stock(), RULES)):
        assert found.met is not True
        assert found.owner
        assert found.next_step
