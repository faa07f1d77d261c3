"""A request to a payer as tables: where it stands, which clock runs until when and for whom, and what to see before it is sent."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from handrail.rules import caredata
from handrail.rules.access import (
    NEXT,
    SETTLED,
    Entry,
    Kind,
    Request,
    State,
    after_working_days,
    cautions,
    conflicts,
    standing,
)
from handrail.rules.access_data import (
    DAYS,
    Card,
    access_rules,
    access_rules_from_toml,
    card_on,
    cards_from_toml,
    evidence_file,
    evidence_from_toml,
    payer_cards,
    sources_of,
)
from handrail.rules.access_waits import Outlook, Waits, outlook, waits
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Status, zone_named

CHICAGO = "America/Chicago"
FRIDAY = datetime(2026, 3, 6, 21, 0, tzinfo=UTC)  # 15:00 in Chicago; the clock goes forward on Sunday 8 March
RULES = access_rules()
ASKED = Request(id="r", drug="teclistamab", payer="Synthetic Health", opened_at=FRIDAY, limit="items-2026")
FOLDER = Path(caredata.FOLDER) / "payers"


def entry(kind: str, hours: float, **fields) -> Entry:
    """An entry so many hours after the request was opened."""
    at = FRIDAY + timedelta(hours=hours)
    return Entry(**{"id": f"{kind}@{hours}", "kind": Kind(kind), "at": at, "recorded_at": at, **fields})


CLEARED, SENT = entry("internal_cleared", 1), entry("submitted", 2, urgency="standard")
DENIED = entry("denied", 50)


@pytest.mark.parametrize(
    # entries | state | clock | owner | due, in hours after the request was opened (71 h of three days: a night lost an hour)
    ("entries", "state", "clock", "owner", "due"),
    [
        ([], "internal", "submit", "billing team", 71),
        ([entry("internal_refused", 1)], "internal_refused", "submit", "billing team", 71),
        ([CLEARED], "to_submit", "submit", "access coordinator", 71),
        ([CLEARED, SENT], "submitted", "follow_up", "access coordinator", 26),
        ([CLEARED, SENT, entry("followed_up", 25)], "submitted", "follow_up", "access coordinator", 49),
        ([CLEARED, SENT, entry("more_asked", 30)], "asked", "follow_up", "access coordinator", 54),
        ([CLEARED, SENT, entry("more_asked", 30), entry("more_sent", 31)], "submitted", "follow_up", "access coordinator", 55),
        # 7 days after hour 2 is hour 170: four hours before that somebody calls a supervisor, and having called, follows up
        ([CLEARED, SENT, entry("followed_up", 150)], "submitted", "escalate", "access coordinator", 166),
        ([CLEARED, SENT, entry("followed_up", 166)], "submitted", "follow_up", "access coordinator", 190),
        ([CLEARED, replace(SENT, urgency="expedited"), entry("followed_up", 60)], "submitted", "escalate", "access coordinator", 70),
        # urgency not known: the sooner limit
        ([CLEARED, replace(SENT, urgency=None), entry("followed_up", 60)], "submitted", "escalate", "access coordinator", 70),
        # what the payer said itself counts when it is sooner
        ([CLEARED, replace(SENT, answer_due=FRIDAY + timedelta(hours=20))], "submitted", "escalate", "access coordinator", 16),
        ([CLEARED, SENT, DENIED], "denied", "peer_to_peer", "prescriber", 74),
        ([CLEARED, SENT, DENIED, entry("peer_to_peer_asked", 51)], "peer_to_peer", "peer_to_peer", "prescriber", 74),
        # denied on Sunday (hour 50): two working days later is Tuesday, the same hour
        ([CLEARED, SENT, DENIED, entry("peer_to_peer_held", 52)], "denied", "appeal", "access coordinator", 98),
        ([CLEARED, SENT, DENIED, entry("appealed", 60)], "appealed", "follow_up", "access coordinator", 84),
        ([CLEARED, SENT, DENIED, entry("appealed", 60), entry("denied", 90)], "denied", "peer_to_peer", "prescriber", 114),
        ([CLEARED, SENT, entry("approved", 30)], "approved", None, None, None),
        ([CLEARED, SENT, entry("approved", 30), DENIED], "denied", "peer_to_peer", "prescriber", 74),  # taken back by the payer
        ([entry("not_required", 1)], "not_required", None, None, None),
        ([entry("withdrawn", 1)], "withdrawn", None, None, None),
    ],
)  # fmt: skip
def test_where_it_stands_and_which_clock_runs(entries, state, clock, owner, due):
    found = standing(ASKED, entries, RULES, CHICAGO)
    assert (found.state, found.clock and found.clock.key, found.clock and found.clock.owner) == (state, clock, owner)
    if due is not None:
        assert found.clock.due == FRIDAY + timedelta(hours=due)
        assert found.clock.what


@pytest.mark.parametrize("internal", [True, None, False])
def test_only_a_known_no_spares_the_internal_step(internal):
    found = standing(replace(ASKED, internal=internal), [], RULES, CHICAGO)
    assert (Kind.SUBMITTED in found.next) is (internal is False)
    assert (found.state is State.TO_SUBMIT) is (internal is False)


def test_what_does_not_fit_where_it_stood_counts_for_nothing_and_is_shown():
    """T-40: sent while the internal step stood open, or after its clearing was taken back, it is not submitted."""
    for entries in ([SENT], [CLEARED, SENT, entry("taken_back", 3, takes_back=CLEARED.id)]):
        found = standing(ASKED, [*entries, entry("approved", 30)], RULES, CHICAGO)
        assert found.state is State.INTERNAL
        assert {each.kind for each in found.ignored} == {Kind.SUBMITTED, Kind.APPROVED}
        assert found.answer is None


def test_the_order_of_arrival_changes_nothing():
    entries = [CLEARED, SENT, DENIED, entry("peer_to_peer_held", 52), entry("appealed", 60)]
    assert standing(ASKED, entries[::-1], RULES, CHICAGO) == standing(ASKED, entries, RULES, CHICAGO)


@pytest.mark.parametrize(
    ("limit", "at", "known"),
    [("items-2026", FRIDAY, True), ("part-b", FRIDAY, True), (None, FRIDAY, False), ("drugs-proposed", FRIDAY, False)],
)
def test_a_limit_that_is_not_known_is_said_and_the_follow_up_runs(limit, at, known):
    found = standing(replace(ASKED, limit=limit), [CLEARED, SENT], RULES, CHICAGO)
    assert (found.answer_by is not None) is known
    assert bool(found.cannot_say) is not known
    assert found.clock.key == "follow_up"


def test_a_proposed_limit_counts_from_its_day_only():
    assert RULES.limit_on("drugs-proposed", date(2027, 9, 30)) is None
    assert RULES.limit_on("drugs-proposed", date(2027, 10, 1)).standard_hours == 72


@pytest.mark.parametrize(
    ("start", "days", "holidays", "due"),
    [
        ("2026-03-06T15:00", 1, [], "2026-03-09T15:00"),  # Friday to Monday, over a night that lost an hour
        ("2026-03-05T15:00", 1, [], "2026-03-06T15:00"),
        ("2026-03-07T10:00", 1, [], "2026-03-09T10:00"),
        ("2026-03-06T15:00", 1, ["2026-03-09"], "2026-03-10T15:00"),
        ("2026-03-06T15:00", 2, [], "2026-03-10T15:00"),
    ],
)
def test_working_days_keep_the_hour_of_the_site(start, days, holidays, due):
    zone = zone_named(CHICAGO)
    begun = datetime.fromisoformat(start).replace(tzinfo=zone)
    free = [date.fromisoformat(each) for each in holidays]
    found = after_working_days(begun, days, CHICAGO, DAYS[:5], free)
    assert found == datetime.fromisoformat(due).replace(tzinfo=zone)


def test_every_state_offers_only_what_changes_something_and_what_is_settled_asks_for_nothing():
    for state, kinds in NEXT.items():
        assert len(set(kinds)) == len(kinds)
        if state in SETTLED:
            assert not {Kind.SUBMITTED, Kind.FOLLOWED_UP} & set(kinds)


# --- before it is sent -----------------------------------------------------------------------------------------------------

CARD = Card(
    id="c", payer="Synthetic Health", drug="teclistamab", since=date(2025, 9, 1), indication="synthetic", source=("x",),
    status=Status.SECONDARY, lines_required=4, inpatient_steps=("step_up_1", "step_up_2"),
)  # fmt: skip
TOCI_CARD = replace(CARD, drug="tocilizumab", lines_required=None, inpatient_steps=(), preferred=("tyenne",))


@pytest.mark.parametrize(
    ("setting", "steps", "conflict", "known"),
    [
        ("outpatient", ("step_up_1",), True, True),
        ("hybrid", ("step_up_1",), True, True),
        (None, ("step_up_1",), True, False),
        ("outpatient", None, True, False),
        ("inpatient", ("step_up_1",), False, None),
        ("outpatient", (), False, None),
    ],
)
def test_a_clause_on_the_place_is_laid_beside_the_plan(setting, steps, conflict, known):
    found = conflicts(
        cautions(replace(ASKED, setting=setting), replace(CARD, inpatient_steps=steps), lines_prior=5, label_since=None)
    )
    assert bool(found) is conflict
    if conflict:
        assert found[0].known is known


@pytest.mark.parametrize(
    ("lines", "words"),
    [(3, "asks for 4 earlier lines; there were 3"), (None, "how many there were is not known"), (4, None), (5, None)],
)
def test_the_lines_a_policy_asks_for(lines, words):
    found = [each.words for each in cautions(ASKED, CARD, lines_prior=lines, label_since=None) if each.key == "lines"]
    assert (words in found[0]) if words else not found


@pytest.mark.parametrize(("label", "older"), [(date(2026, 3, 5), True), (date(2025, 9, 1), False), (None, False)])
def test_a_policy_older_than_the_label_is_said(label, older):
    keys = [each.key for each in cautions(ASKED, CARD, lines_prior=5, label_since=label)]
    assert ("older" in keys) is older


@pytest.mark.parametrize(
    ("product", "warned", "known"), [("actemra", True, True), (None, True, False), ("tyenne", False, None)]
)
def test_a_product_that_the_payer_does_not_prefer_is_warned_of(product, warned, known):
    request = replace(ASKED, drug="tocilizumab", product=product)
    found = [
        each for each in cautions(request, TOCI_CARD, lines_prior=None, label_since=None) if each.key == "preferred"
    ]
    assert bool(found) is warned
    if warned:
        assert "Tyenne" in found[0].words
        assert found[0].known is known


@pytest.mark.parametrize(
    ("named", "said", "known"), [("named", False, None), ("not_named", True, True), (None, True, False)]
)
def test_a_policy_that_does_not_name_prevention_asks_for_the_guideline(named, said, known):
    request = replace(ASKED, drug="tocilizumab", product="tyenne")
    card = replace(TOCI_CARD, prophylaxis=named)
    found = [each for each in cautions(request, card, lines_prior=None, label_since=None) if each.key == "prophylaxis"]
    assert bool(found) is said
    assert not said or found[0].known is known


def test_no_card_is_said_and_is_no_clean_bill():
    found = cautions(ASKED, None, lines_prior=5, label_since=None)
    assert [(each.key, each.known) for each in found] == [("card", False)]


# --- how long it takes -----------------------------------------------------------------------------------------------------


def took(*days: float) -> list[tuple[datetime, datetime]]:
    return [(FRIDAY, FRIDAY + timedelta(days=each)) for each in days]


@pytest.mark.parametrize(
    ("days", "median", "high"),
    [
        ((), None, None),
        ((1, 2, 3, 4), None, None),
        ((5, 1, 2, 3, 4), "3.0", "5.0"),
        ((1, 1, 2, 2, 3, 3, 4, 4, 9, 30), "3.0", "9.0"),
        ((0.5, 0.5, 0.5, 0.5, 0.5), "0.5", "0.5"),
    ],
)
def test_ones_own_history_says_something_from_five_answers_on(days, median, high):
    found = waits("Synthetic Health", took(*days), RULES)
    assert (None if found.median is None else str(found.median)) == median
    assert (None if found.high is None else str(found.high)) == high
    assert ("fewer than 5" in found.words) is (median is None)


def not_yet_sent(history: Waits) -> Outlook:
    """What a history says of a request for a dose in December that nobody has submitted yet."""
    return outlook(
        history, drug="teclistamab", planned_on=date(2026, 12, 1), submitted_at=None, now=FRIDAY, zone=CHICAGO, rules=RULES
    )  # fmt: skip


@pytest.mark.parametrize(
    ("planned", "in_time"),
    [("2026-03-12", True), ("2026-03-11", None), ("2026-03-10", None), ("2026-03-09", False), (None, None)],
)
def test_the_planned_day_against_the_wait(planned, in_time):
    """Median 3, 90th centile 5 days from Friday: half by Monday the 9th, nine of ten by Wednesday the 11th."""
    history = waits("Synthetic Health", took(1, 2, 3, 4, 5), RULES)
    day = None if planned is None else date.fromisoformat(planned)
    found = outlook(
        history, drug="tocilizumab", planned_on=day, submitted_at=FRIDAY, now=FRIDAY, zone=CHICAGO, rules=RULES
    )
    assert found.in_time is in_time
    assert {each.id for each in found.options} >= {"wait", "without_prophylaxis", "inpatient_start", "free_drug"}
    assert all(each.consequence for each in found.options)


@pytest.mark.parametrize(
    # so many days since it was submitted | answered after so many | in time for the 10th of April
    ("waited", "answered", "in_time", "words"),
    [
        (5, None, True, "nine of ten by Wed 11 Mar 2026"),
        (6, None, None, "it already waits longer than that: ask the payer"),
        (30, None, None, "it already waits longer than that: ask the payer"),
        (30, 2, None, "it was first answered on Sun 8 Mar 2026; how long anything after that takes is not known"),
    ],
)
def test_one_that_waits_longer_than_nine_of_ten_is_promised_nothing(waited, answered, in_time, words):
    """Nor is one that was answered already: the history is one of first answers. Half a year of waiting was 'in time' before."""
    history = waits("Synthetic Health", took(1, 2, 3, 4, 5), RULES)
    found = outlook(
        history, drug="teclistamab", planned_on=date(2026, 4, 10), submitted_at=FRIDAY, now=FRIDAY + timedelta(days=waited),
        zone=CHICAGO, rules=RULES, answered_at=None if answered is None else FRIDAY + timedelta(days=answered),
    )  # fmt: skip
    assert found.in_time is in_time
    assert words in found.words
    late = outlook(
        history, drug="teclistamab", planned_on=date(2026, 3, 8), submitted_at=FRIDAY, now=FRIDAY + timedelta(days=30),
        zone=CHICAGO, rules=RULES,
    )  # fmt: skip
    assert late.in_time is False, "too late stays too late"


@pytest.mark.parametrize(
    ("waiting", "median", "high", "said"),
    [
        ((), "3.0", "5.0", "90th centile 5.0 days"),
        ((1, 2, 3), "3.0", "5.0", "90th centile 5.0 days"),
        ((20,), "3.0", None, "90th centile not known; 1 not answered yet, the longest after 20.0 days"),
        ((4,), "3.0", "5.0", "1 not answered yet, the longest after 4.0 days"),
        ((20, 20), "4.0", None, "2 not answered yet"),
        ((20,) * 6, None, None, "median not known, 90th centile not known; 6 not answered yet"),
    ],
)
def test_whoever_waits_longer_than_the_answered_is_no_part_of_a_quick_history(waiting, median, high, said):
    found = waits("Synthetic Health", took(1, 2, 3, 4, 5), RULES, [timedelta(days=each) for each in waiting])
    assert [None if each is None else str(each) for each in (found.median, found.high)] == [median, high]
    assert said in found.words
    ahead = not_yet_sent(found)
    assert ahead.in_time is (None if high is None else True)


def test_near_its_limit_what_the_payer_asked_for_is_still_to_be_sent():
    due = FRIDAY + timedelta(hours=20)
    for more, what in ((), "call the payer's"), ((entry("more_asked", 3),), "send what the payer asked for, and call"):
        found = standing(ASKED, [CLEARED, replace(SENT, answer_due=due), *more], RULES, CHICAGO)
        assert found.clock is not None and (found.clock.key, found.clock.due) == ("escalate", due - timedelta(hours=4))
        assert found.clock.what.startswith(what)


def test_a_denial_names_the_end_of_its_appeal_while_the_talk_is_waited_for():
    """The talk may never be written down: its clock stands first, and the appeal would run out unseen behind it."""
    for more in ([], [entry("peer_to_peer_asked", 51)]):
        found = standing(ASKED, [CLEARED, SENT, DENIED, *more], RULES, CHICAGO)
        assert found.clock is not None and "an appeal is due by Tue 10 Mar 2026 18:00 CDT" in found.clock.also


def test_too_few_answers_promise_nothing():
    history = waits("Synthetic Health", took(1, 1, 1, 1), RULES)
    found = not_yet_sent(history)
    assert found.in_time is None
    assert "without_prophylaxis" not in {each.id for each in found.options}


# --- the data --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payer", "drug", "day", "card"),
    [
        ("Blue Cross NC", "tocilizumab", "2024-12-31", None),
        ("Blue Cross NC", "tocilizumab", "2025-01-01", "bcnc-tocilizumab-2025-01"),
        ("Blue Cross NC", "tocilizumab", "2025-04-30", "bcnc-tocilizumab-2025-01"),
        ("Blue Cross NC", "tocilizumab", "2025-05-01", "bcnc-tocilizumab-2025-05"),
        ("Blue Cross NC", "teclistamab", "2026-01-01", None),
        ("PEEHIP (Alabama)", "linvoseltamab", "2026-01-01", "peehip-linvoseltamab-2025-08"),
    ],
)
def test_the_card_of_a_day(payer, drug, day, card):
    found = card_on(payer_cards().card, payer, drug, date.fromisoformat(day))
    assert (found.id if found else None) == card


def test_a_card_that_ended_is_no_card():
    ended = replace(CARD, until=date(2025, 12, 31))
    assert card_on((ended,), CARD.payer, CARD.drug, date(2025, 12, 31)) is ended
    assert card_on((ended,), CARD.payer, CARD.drug, date(2026, 1, 1)) is None


def test_an_older_card_does_not_return_when_the_one_that_took_its_place_ends():
    older = replace(CARD, id="older", since=date(2024, 1, 1), until=None)
    ended = replace(CARD, since=date(2025, 1, 1), until=date(2025, 12, 31))
    for day, found in (("2024-12-31", older), ("2025-12-31", ended), ("2026-01-01", None)):
        assert card_on((ended, older), CARD.payer, CARD.drug, date.fromisoformat(day)) is found


def test_no_shipped_card_claims_to_be_verified_and_each_has_a_public_address():
    addresses = sources_of("cards-1")
    for card in payer_cards().card:
        assert card.status is Status.SECONDARY
        assert all(addresses[key][1].startswith("https://") for key in card.source)


def test_the_studies_give_the_rates_that_they_say():
    by_id = {row.id: row for row in evidence_file().study}
    assert {key: round(100 * row.crs_with / row.patients, 1) for key, row in by_id.items()} == {
        "P01": 25.0, "P02": 30.3, "P03": 19.2, "P04": 10.1,
    }  # fmt: skip
    assert sum(row.crs_with for row in by_id.values()) == 38
    assert sum(row.patients for row in by_id.values()) == 228
    assert "prediction interval" in evidence_file().together.words


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("clocks-1", "follow_up_after_hours = 24", "follow_up_after_hours = 0", "bad_number"),
        ("clocks-1", "high_centile = 90", "high_centile = 100", "bad_number"),
        ("clocks-1", '"monday", ', '"someday", ', "wrong_value"),
        ("clocks-1", "expedited_hours = 24", "expedited_hours = 4", "bad_number"),
        ("clocks-1", "expedited_hours = 72", "expedited_hours = 169", "bad_number"),
        ("cards-1", "lines_required = 4", "lines_required = 0", "bad_number"),
        ("cards-1", "months = 6", "months = 61", "bad_number"),
        ("cards-1", '"step_up_2"]', '"step_up_9"]', "unknown_word"),
        ("cards-1", "since = 2025-01-01", "since = 2025-05-01", "overlap"),
        ("cards-1", "since = 2025-01-01", "since = 2025-01-01\nuntil = 2024-01-01", "bad_number"),
        ("cards-1", 'source = ["VP0803"]', "source = []", "missing_source"),
        ("evidence-1", "crs_with = 12", "crs_with = 120", "bad_number"),
        ("evidence-1", "crs_without = 11", "crs_without = 16", "bad_number"),
        ("evidence-1", "without_patients = 15\n", "", "bad_number"),
    ],
)
def test_the_loaders_refuse_what_cannot_be_right(file, old, new, code):
    load = {"clocks-1": access_rules_from_toml, "cards-1": cards_from_toml, "evidence-1": evidence_from_toml}[file]
    text = (FOLDER / f"{file}.toml").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(ProtocolDataError) as refused:
        load(text.replace(old, new))
    assert refused.value.code == code
