"""Exactly one party for every task at every hour: gaps and doubles with their task and hours, and who answers at an instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.rules.accountability import Hole, holders, holes
from handrail.rules.responsibility import (
    DAYS,
    Agreement,
    Phase,
    Rule,
    agreement_from_document,
    canonical,
    minutes_of,
    sha256_of,
    template,
    template_from_toml,
    templates,
)
from handrail.rules.strict import ProtocolDataError
from tests.support import agreements
from tests.support.agreements import NIGHTS, document

CHICAGO = "America/Chicago"
SATURDAY = datetime(2026, 11, 28, 7, 20, tzinfo=UTC)
"""Sat 28 Nov 2026, 01:20 in Chicago."""
HOUR = timedelta(hours=1)


def agreed(zone: str = CHICAGO, **tasks: tuple[dict, ...]) -> Agreement:
    return agreement_from_document(document(zone=zone, tasks=tasks or None))


def words(agreement: Agreement, start: datetime = SATURDAY) -> list[str]:
    return [hole.words for hole in holes([agreement], start)]


# --- the two shipped templates --------------------------------------------------------------------------------------


def test_the_shipped_templates_have_no_gap_and_no_double():
    assert {each.id for each in templates()} == {"hub-and-community", "independent-practice"}
    assert words(agreed()) == []
    assert words(agreement_from_document(agreements.alone())) == []


def test_both_templates_hold_the_same_twenty_tasks():
    pair, alone = template("hub-and-community"), template("independent-practice")
    assert [task.id for task in pair.task] == [task.id for task in alone.task]
    assert len(pair.task) == 20
    parties = {rule.party for task in alone.task for rule in task.accountable}
    assert parties == {"practice", "hospital"}


# --- gaps and doubles, with their hours -------------------------------------------------------------------------------

TWO_WEEKS = "Sat 28 Nov 2026 01:20 CST to Sat 12 Dec 2026 01:20 CST"
DAYS_OF_THE_CLINIC = NIGHTS[2]
NIGHT = NIGHTS[0]
WEEKEND = NIGHTS[1]


@pytest.mark.parametrize(
    ("rules", "first"),
    [
        # who answers for after-hours contact                    | the first hole, or none
        (NIGHTS, None),
        (
            (),
            "nobody answers for After-hours contact in the window: Sat 28 Nov 2026 01:20 CST to Sat 12 Dec 2026 01:20 CST",
        ),
        (
            (NIGHT, DAYS_OF_THE_CLINIC),
            "nobody answers for After-hours contact in the window: Sat 28 Nov 2026 08:00 CST to Sat 28 Nov 2026 17:00 CST",
        ),
        (
            (
                {"party": "hub", "starts": "08:00", "ends": "17:00"},
                {**NIGHT, "days": ["mon", "tue", "wed", "thu", "fri"]},
            ),
            "nobody answers for After-hours contact in the window: Sat 28 Nov 2026 17:00 CST to Sun 29 Nov 2026 08:00 CST",
        ),
        (
            ({"party": "hub"}, DAYS_OF_THE_CLINIC),
            "Hub and Prairie both answer for After-hours contact in the window: Mon 30 Nov 2026 08:00 CST to Mon 30 Nov 2026 17:00 CST",
        ),
        (
            ({"party": "hub"}, {"party": "dosing_site"}),
            "Hub and the site that gave the dose both answer for After-hours contact in the window: " + TWO_WEEKS,
        ),
        (
            ({"party": "hub"}, {"party": "community"}, {"party": "hospital"}),
            "Hub, Prairie and General Hospital all answer for After-hours contact in the window: " + TWO_WEEKS,
        ),
        (
            ({"party": "hub", "phase": "before_handoff"},),
            "nobody answers for After-hours contact in the window (after the hand-off): Sat 28 Nov 2026 01:20 CST to Sat 12 Dec 2026 01:20 CST",
        ),
        (({"party": "hub", "phase": "before_handoff"}, {"party": "community", "phase": "after_handoff"}), None),
        (
            ({"party": "hub"}, {"party": "community", "phase": "after_handoff"}),
            "Hub and Prairie both answer for After-hours contact in the window (after the hand-off): " + TWO_WEEKS,
        ),
        (({"party": "hub"}, {"party": "hub", "days": ["sat"]}), None),  # the same party twice is one party
    ],
)
def test_what_is_found(rules, first):
    found = words(agreed(after_hours_contact=rules))
    assert (found[0] if found else None) == first


def test_a_weekend_that_nobody_has_is_named_from_its_first_hour_to_its_last():
    week = ["mon", "tue", "wed", "thu", "fri"]
    nights = {"party": "hub", "days": ["mon", "tue", "wed", "thu"], "starts": "17:00", "ends": "08:00"}
    friday = {"party": "hub", "days": ["fri", "sat"], "starts": "08:00", "ends": "17:00"}
    found = words(agreed(after_hours_contact=({**friday, "days": [*week, "sat"]}, nights)))
    name = "nobody answers for After-hours contact in the window"
    assert f"{name}: Sat 28 Nov 2026 17:00 CST to Mon 30 Nov 2026 08:00 CST" in found
    assert f"{name}: Fri 4 Dec 2026 17:00 CST to Sat 5 Dec 2026 08:00 CST" in found


def test_an_agreement_that_runs_out_leaves_a_gap():
    ends = agreement_from_document(document(zone=CHICAGO, valid_until="2026-12-05"))
    assert words(ends) == ["no agreement is in force: Sun 6 Dec 2026 00:00 CST to Sat 12 Dec 2026 01:20 CST"]
    lasts = agreement_from_document(document(zone=CHICAGO, valid_until="2026-12-12"))
    assert words(lasts) == []


def test_the_next_version_closes_the_gap_of_the_one_before():
    first = agreement_from_document(document(zone=CHICAGO, valid_until="2026-12-05"))
    second = agreement_from_document(document(zone=CHICAGO, valid_from="2026-12-06"))
    late = agreement_from_document(document(zone=CHICAGO, valid_from="2026-12-07"))
    assert holes([first, second], SATURDAY) == ()
    assert [hole.hours for hole in holes([first, late], SATURDAY)] == [
        "Sun 6 Dec 2026 00:00 CST to Mon 7 Dec 2026 00:00 CST"
    ]
    assert [hole.hours for hole in holes([], SATURDAY, zone=CHICAGO)] == [
        "Sat 28 Nov 2026 01:20 CST to Sat 12 Dec 2026 01:20 CST"
    ]


def test_a_task_that_an_agreement_leaves_out_has_nobody():
    body = document(zone=CHICAGO)
    body["task"] = [task for task in body["task"] if task["id"] != "incidents"]
    found = words(agreement_from_document(body))
    assert found == [
        "nobody answers for Incident report and review: Sat 28 Nov 2026 01:20 CST to Sat 12 Dec 2026 01:20 CST"
    ]


# --- holidays ---------------------------------------------------------------------------------------------------------

FRIDAY_NIGHT = {"party": "hub", "days": ["fri"], "starts": "17:00", "ends": "08:00"}
EARLY_NIGHTS = {"party": "hub", "days": ["mon", "tue", "wed", "thu"], "starts": "17:00", "ends": "08:00"}
WHOLE_WEEKEND = {"party": "community", "days": ["sun"]}
SATURDAYS = {"party": "hub", "days": ["sat"], "starts": "08:00", "ends": "24:00"}
THANKSGIVING = date(2026, 12, 3)
"""A Thursday within the two weeks."""


@pytest.mark.parametrize(
    # rules                                                                      | the holes of a week with the holiday
    ("rules", "holiday", "found"),
    [
        (NIGHTS, THANKSGIVING, []),
        ((NIGHT, DAYS_OF_THE_CLINIC, WEEKEND), date(2026, 11, 26), []),  # over
        # Wednesday's night runs into a day that is wholly somebody else's, and nobody has the morning after it.
        (
            (EARLY_NIGHTS, DAYS_OF_THE_CLINIC, FRIDAY_NIGHT, SATURDAYS, WHOLE_WEEKEND),
            THANKSGIVING,
            [
                "Hub and Prairie both answer: Thu 3 Dec 2026 00:00 CST to Thu 3 Dec 2026 08:00 CST",
                "nobody answers: Fri 4 Dec 2026 00:00 CST to Fri 4 Dec 2026 08:00 CST",
            ],
        ),
    ],
)
def test_a_holiday_opens_what_a_sunday_would(rules, holiday, found):
    agreement = agreed(after_hours_contact=rules)
    plain, told = words(agreement), words(replace(agreement, holidays=(holiday,)))
    new = [each.replace(" for After-hours contact in the window", "") for each in told if each not in plain]
    assert sorted(new) == sorted(found)


def test_holidays_are_no_part_of_what_is_signed():
    with pytest.raises(ProtocolDataError, match="rota"):
        agreement_from_document({**document(zone=CHICAGO), "holidays": ["2026-12-03"]})


# --- the nights on which the clocks change ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "hub_until", "community_from", "said"),
    [
        # forward, 8 Mar 2026: 02:00 to 03:00 does not exist in Chicago
        (datetime(2026, 3, 8, 6, tzinfo=UTC), "02:00", "03:00", []),
        (datetime(2026, 3, 8, 6, tzinfo=UTC), "02:30", "02:30", []),
        (
            datetime(2026, 3, 8, 6, tzinfo=UTC),
            "01:30",
            "03:30",
            ["Sun 8 Mar 2026 01:30 CST to Sun 8 Mar 2026 03:30 CDT"],
        ),
        # back, 1 Nov 2026: 01:00 to 02:00 is there twice
        (datetime(2026, 11, 1, 5, tzinfo=UTC), "02:00", "02:00", []),
        (
            datetime(2026, 11, 1, 5, tzinfo=UTC),
            "01:15",
            "01:45",
            [
                "Sun 1 Nov 2026 01:15 CDT to Sun 1 Nov 2026 01:45 CDT",
                "Sun 1 Nov 2026 01:15 CST to Sun 1 Nov 2026 01:45 CST",
            ],
        ),
    ],
)
def test_the_night_when_the_clocks_change(start, hub_until, community_from, said):
    rules = (
        {"party": "hub", "starts": "12:00", "ends": hub_until},
        {"party": "community", "starts": community_from, "ends": "12:00"},
    )
    found = holes([agreed(incidents=rules)], start, ahead=timedelta(hours=20))
    assert [hole.hours for hole in found] == said


# --- laws --------------------------------------------------------------------------------------------------------------

TIMES = st.sampled_from(["00:00", "01:30", "02:00", "02:30", "03:00", "08:00", "12:15", "17:00", "23:59", "24:00"])
RULES = st.builds(
    lambda party, phase, days, hours: Rule(
        party=party, role="Somebody", phase=phase, days=tuple(days), starts=hours[0], ends=hours[1]
    ),
    st.sampled_from(["hub", "community", "hospital", "dosing_site"]),
    st.sampled_from([None, None, *Phase]),
    st.lists(st.sampled_from(DAYS), max_size=3, unique=True),
    st.one_of(
        st.just((None, None)),
        st.tuples(TIMES, TIMES).filter(lambda both: both[0] not in (both[1], "24:00")),
    ),
)
ZONES = st.sampled_from([CHICAGO, "UTC", "Europe/Oslo", "Asia/Kolkata", "Australia/Lord_Howe"])
STARTS = st.sampled_from(
    [
        SATURDAY,
        datetime(2026, 3, 1, 3, 17, tzinfo=UTC),
        datetime(2026, 3, 27, tzinfo=UTC),
        datetime(2026, 10, 23, 22, 30, tzinfo=UTC),
        datetime(2026, 4, 1, 15, 5, tzinfo=UTC),
    ]
)
ONE = "incidents"


def with_rules(zone: str, rules: list[Rule]) -> Agreement:
    """An agreement in which only one task is in question."""
    whole = agreed(zone)
    return replace(whole, task=(replace(whole.task_named(ONE), accountable=tuple(rules)),))


def total(found: tuple[Hole, ...], kind: str) -> timedelta:
    """The hours of a kind, over both phases."""
    phases = {None: 2}
    return sum(
        ((hole.end - hole.start) * phases.get(hole.phase, 1) for hole in found if hole.kind == kind), timedelta()
    )


@settings(max_examples=60, deadline=None)
@given(zone=ZONES, start=STARTS, rules=st.lists(RULES, max_size=4))
def test_minute_by_minute_the_holes_say_the_same(zone: str, start: datetime, rules: list[Rule]):
    """Looking at the clock every quarter of an hour, and a minute to each, agrees with the cuts."""
    agreement = with_rules(zone, rules)
    found = holes([agreement], start)
    at = start
    while at < start + timedelta(days=14):
        for moment in (at, at + timedelta(minutes=14)):
            local = moment.astimezone(ZoneInfo(zone))
            for phase in Phase:
                parties = holders(agreement.task[0], local, phase)
                kind = {0: "gap", 1: None}.get(len(parties), "double")
                here = {hole.kind for hole in found if hole.start <= moment < hole.end and hole.phase in (None, phase)}
                assert here == ({kind} - {None})
        at += timedelta(minutes=45)


@settings(max_examples=60, deadline=None)
@given(zone=ZONES, start=STARTS, rules=st.lists(RULES, min_size=1, max_size=5), which=st.integers(0, 4))
def test_removing_a_rule_never_makes_a_gap_smaller_nor_a_double_longer(zone, start, rules, which):
    before = holes([with_rules(zone, rules)], start)
    fewer = [rule for number, rule in enumerate(rules) if number != which % len(rules)]
    after = holes([with_rules(zone, fewer)], start)
    assert total(after, "gap") >= total(before, "gap")
    assert total(after, "double") <= total(before, "double")


@settings(max_examples=40, deadline=None)
@given(start=STARTS, rules=st.lists(RULES, max_size=4), weeks=st.integers(-60, 60))
def test_whole_weeks_later_the_holes_are_the_same(start, rules, weeks):
    by = timedelta(weeks=weeks)
    agreement = with_rules("UTC", rules)
    moved = [(hole.kind, hole.phase, hole.start + by, hole.end + by) for hole in holes([agreement], start)]
    assert moved == [(hole.kind, hole.phase, hole.start, hole.end) for hole in holes([agreement], start + by)]


@settings(max_examples=40, deadline=None)
@given(zone=ZONES, start=STARTS, rules=st.lists(RULES, max_size=4))
def test_the_order_of_the_rules_decides_nothing(zone, start, rules):
    one = [(h.kind, h.phase, h.start, h.end) for h in holes([with_rules(zone, rules)], start)]
    other = [(h.kind, h.phase, h.start, h.end) for h in holes([with_rules(zone, rules[::-1])], start)]
    assert total_of(one) == total_of(other)


def test_two_parties_that_answer_in_both_phases_are_one_double_in_any_order():
    """In one order of these rules the two phases name the parties in the same order, and in another they do not."""
    rules = [
        Rule(party="hub", role="Somebody", phase=Phase.BEFORE),
        Rule(party="community", role="Somebody"),
        Rule(party="hub", role="Somebody"),
    ]
    for order in permutations(rules):
        [hole] = holes([with_rules(CHICAGO, list(order))], SATURDAY)
        assert (hole.kind, hole.phase, hole.parties) == ("double", None, ("Hub", "Prairie"))


def total_of(found: list[tuple]) -> dict:
    sums: dict = {}
    for kind, phase, start, end in found:
        sums[kind, phase] = sums.get((kind, phase), timedelta()) + (end - start)
    return sums


# --- what an agreement may say ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "8:00", "08.00", "25:00", "24:01", "08:60", "ab:cd", "08:00:00", "０８:00"])
def test_what_is_no_time_of_day(text: str):
    with pytest.raises(ValueError):
        minutes_of(text)


def test_the_end_of_the_day_is_a_time():
    assert [minutes_of(text) for text in ("00:00", "08:05", "24:00")] == [0, 485, 1440]


def changed(**fields) -> dict:
    return {**document(), **fields}


def rule(**fields) -> dict:
    return document(tasks={"incidents": ({"party": "hub", **fields},)})


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        ({"format": "something"}, "wrong_format", "format"),
        (changed(valid_from="soon"), "wrong_type", "valid_from"),
        (changed(valid_from="2027-01-02", valid_until="2027-01-01"), "wrong_value", "valid_until"),
        (changed(time_zone="Mars/Olympus"), "unknown_zone", "time_zone"),
        (changed(template="none"), "unknown_template", "template"),
        (changed(surprise=1), "unknown_key", "surprise"),
        (changed(party=document()["party"][:2]), "wrong_value", "party"),
        (changed(task=[*document()["task"], document()["task"][0]]), "duplicate_key", "task.candidacy"),
        (rule(party="nobody"), "unknown_word", "task.incidents.accountable[0].party"),
        (rule(duty="porter"), "unknown_word", "task.incidents.accountable[0].duty"),
        (rule(days=["someday"]), "unknown_word", "task[19].accountable[0].days[0]"),
        (rule(starts="08:00"), "missing_key", "task.incidents.accountable[0].starts"),
        (rule(starts="08:00", ends="8pm"), "wrong_value", "task.incidents.accountable[0].starts"),
        (rule(starts="08:00", ends="08:00"), "wrong_value", "task.incidents.accountable[0].ends"),
        (rule(phase="some_day"), "unknown_word", "task[19].accountable[0].phase"),
    ],
)
def test_what_an_agreement_may_not_say(body, code, path):
    with pytest.raises(ProtocolDataError) as refused:
        agreement_from_document(body)
    assert (refused.value.code, refused.value.path) == (code, path)


@pytest.mark.parametrize(
    ("key", "without", "path"),
    [
        ("hub", "organisation", "party.hub.organisation"),
        ("hospital", "admitting_service", "party.hospital.admitting_service"),
    ],
)
def test_an_organisation_signs_and_the_hospital_names_who_admits(key, without, path):
    body = document()
    body["party"] = [
        {name: value for name, value in party.items() if (party["key"], name) != (key, without)}
        for party in body["party"]
    ]
    with pytest.raises(ProtocolDataError) as refused:
        agreement_from_document(body)
    assert refused.value.path == path


def test_a_template_without_a_source_is_refused():
    with pytest.raises(ProtocolDataError) as refused:
        template_from_toml(
            'format = "handrail-responsibility/1"\nid = "x"\nversion = "1"\ntitle = "x"\nparties = ["hub"]\n'
            '[clinic_hours]\ndays = ["mon"]\nstarts = "08:00"\nends = "17:00"\nsource = ["NOWHERE"]\n'
            '[[task]]\nid = "x"\nname = "x"\n'
        )
    assert refused.value.code == "unknown_source"


def test_the_hash_follows_the_content_and_not_its_order():
    body = document()
    turned = dict(reversed(body.items()))
    assert sha256_of(body) == sha256_of(turned)
    assert canonical(body) == canonical(turned)
    assert sha256_of(body) != sha256_of({**body, "valid_until": "2199-12-30"})
