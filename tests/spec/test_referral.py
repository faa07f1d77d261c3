"""The clocks of a referral on working days, what is not known of it, what is weighed, and what its file is refused for."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from itertools import combinations, pairwise

import pytest

from handrail.cli.care_checks import of_referral
from handrail.rules.caredata import FOLDER
from handrail.rules.eligibility import Covered, eligibility, revisions_of
from handrail.rules.referral import (
    ASKED,
    PRIOR,
    Intake,
    Progress,
    Stage,
    State,
    comparison,
    last_working_day,
    not_known,
    referral_data,
    referral_from_toml,
    standing,
    working_days_since,
)
from handrail.rules.strict import ProtocolDataError

ZONE = "America/Chicago"
TEXT = (FOLDER / "care" / "referral.toml").read_text(encoding="utf-8")
DATA = referral_data()
THANKSGIVING = frozenset({date(2026, 11, 26)})
EVERYTHING = Intake(
    diagnosis="multiple myeloma",
    lines=4,
    classes=dict.fromkeys(PRIOR, True),
    refractory="triple_class",
    progressed=True,
    urgency="routine",
    insurer="synthetic plan",
    caregiver=True,
    language="en",
    distance_minutes=40,
)


def at(day: int, hour: int = 15, minute: int = 0) -> datetime:
    """An instant of November 2026, by the clock of Chicago (6 hours behind)."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC) + timedelta(hours=6)


def clock(kind: str, progress: Progress, now: datetime, holidays=frozenset()):
    found = standing(DATA, progress, now, zone=ZONE, holidays=holidays)
    return next(each for each in found.clocks if each.row.kind == kind)


# 2 November 2026 is a Monday.
@pytest.mark.parametrize(
    ("start", "days", "holidays", "last"),
    [
        (at(2), 1, (), date(2026, 11, 3)),
        (at(2), 2, (), date(2026, 11, 4)),
        (at(2, 0), 2, (), date(2026, 11, 4)),
        (at(2, 23, 59), 2, (), date(2026, 11, 4)),
        (at(3, 0), 2, (), date(2026, 11, 5)),
        (at(5), 2, (), date(2026, 11, 9)),
        (at(6), 1, (), date(2026, 11, 9)),
        (at(7), 1, (), date(2026, 11, 9)),
        (at(8), 2, (), date(2026, 11, 10)),
        (at(25), 1, THANKSGIVING, date(2026, 11, 27)),
        (at(25), 1, (), date(2026, 11, 26)),
        (at(25), 2, THANKSGIVING, date(2026, 11, 30)),
        (at(26), 1, THANKSGIVING, date(2026, 11, 27)),
        (at(2), 5, (), date(2026, 11, 9)),
    ],
)
def test_the_last_working_day(start: datetime, days: int, holidays, last: date):
    assert last_working_day(start, days, ZONE, holidays) == last


@pytest.mark.parametrize(
    ("start", "now", "holidays", "days"),
    [
        (at(2), at(2, 16), (), 0),
        (at(2), at(3), (), 0),
        (at(2), at(4), (), 1),
        (at(2), at(5), (), 2),
        (at(6), at(9), (), 0),
        (at(6), at(10), (), 1),
        (at(25), at(27), THANKSGIVING, 0),
        (at(25), at(27), (), 1),
    ],
)
def test_whole_working_days_that_have_gone_by(start: datetime, now: datetime, holidays, days: int):
    assert working_days_since(start, now, ZONE, holidays) == days


@pytest.mark.parametrize(
    ("kind", "urgent", "days"),
    [
        ("acknowledge", True, 1),
        ("acknowledge", False, 1),
        ("complete_or_query", True, 2),
        ("complete_or_query", False, 2),
        ("first_contact", True, 2),
        ("first_contact", False, 5),
        ("decision", True, 3),
        ("decision", False, 3),
    ],
)
def test_the_days_of_each_clock(kind: str, urgent: bool, days: int):
    progress = Progress(received_at=at(2), urgent=urgent, contacted_at=at(2))
    assert clock(kind, progress, at(2)).row.working_days == days


@pytest.mark.parametrize(
    ("urgent", "now", "state", "red"),
    [
        (True, at(4, 23, 59), State.OPEN, False),
        (True, at(5, 0), State.LATE, True),
        (False, at(5, 0), State.OPEN, False),
        (False, at(9, 23, 59), State.OPEN, False),
        (False, at(10, 0), State.LATE, True),
    ],
)
def test_a_referral_without_contact_turns_red_at_the_end_of_its_last_day(urgent, now, state, red):
    progress = Progress(received_at=at(2), urgent=urgent)
    assert clock("first_contact", progress, now).state is state
    assert standing(DATA, progress, now, zone=ZONE).red is red


def test_a_holiday_gives_one_day_more_and_only_there():
    progress = Progress(received_at=at(24), urgent=True)
    assert standing(DATA, progress, at(27), zone=ZONE).red
    assert not standing(DATA, progress, at(27), zone=ZONE, holidays=THANKSGIVING).red
    assert standing(DATA, progress, at(28), zone=ZONE, holidays=THANKSGIVING).red


def test_what_is_late_and_is_no_contact_is_late_and_not_red():
    found = standing(DATA, Progress(received_at=at(2), urgent=False), at(4), zone=ZONE)
    assert found.late and not found.red
    assert [c.row.id for c in found.clocks if c.state is State.LATE] == ["acknowledge"]


def test_the_decision_counts_from_the_contact_and_ends_with_what_was_sent():
    progress = Progress(received_at=at(2), urgent=True)
    assert clock("decision", progress, at(30)).state is State.NOT_BEGUN
    reached = replace(progress, contacted_at=at(3))
    assert clock("decision", reached, at(6, 23, 59)).state is State.OPEN
    assert clock("decision", reached, at(7)).state is State.LATE
    decided = replace(reached, decided_at=at(4))
    assert clock("decision", decided, at(7)).state is State.LATE, "a decision of which the practice does not know"
    told = replace(decided, told_at=at(6))
    assert clock("decision", told, at(30)).state is State.DONE
    assert clock("decision", replace(told, told_at=at(9)), at(30)).state is State.DONE_LATE
    assert clock("decision", Progress(received_at=at(2), urgent=True, told_at=at(6)), at(30)).state is State.DONE_LATE


def test_the_way_of_a_referral():
    progress = Progress(received_at=at(2), urgent=False)
    steps = [
        ({}, Stage.RECEIVED, "acknowledge"),
        ({"acknowledged_at": at(2), "read_at": at(2)}, Stage.READ, "complete_or_query"),
        ({"complete_or_query_at": at(3)}, Stage.READ, "first_contact_routine"),
        ({"contact_planned_on": date(2026, 11, 6)}, Stage.CONTACT_PLANNED, "first_contact_routine"),
        ({"contacted_at": at(6)}, Stage.CONTACTED, "decision"),
        ({"decided_at": at(6, 16)}, Stage.DECIDED, "decision"),
        ({"told_at": at(6, 17)}, Stage.TOLD, None),
        ({"closed_at": at(6, 18)}, Stage.CLOSED, None),
    ]
    for more, stage, next_ in steps:
        progress = replace(progress, **more)
        found = standing(DATA, progress, at(6, 18), zone=ZONE)
        assert (found.stage, found.next and found.next.row.id) == (stage, next_)
    assert not found.late


def test_whoever_looks_again_when_told_misses_no_change():
    progress = Progress(received_at=at(2), urgent=True)
    now = at(2)
    seen = []
    for _ in range(5):
        found = standing(DATA, progress, now, zone=ZONE)
        seen.append([c.state for c in found.clocks])
        if found.look_again_at is None:
            break
        just_before = standing(DATA, progress, found.look_again_at - timedelta(seconds=1), zone=ZONE)
        assert [c.state for c in just_before.clocks] == seen[-1]
        now = found.look_again_at
    assert all(a != b for a, b in pairwise(seen)), "something changed each time"
    assert seen[-1].count(State.LATE) == 3


def test_nobody_looks_again_at_what_is_closed():
    found = standing(DATA, Progress(received_at=at(2), urgent=True, closed_at=at(2, 16)), at(9), zone=ZONE)
    assert (found.next, found.look_again_at, found.stage) == (None, None, Stage.CLOSED)
    assert not found.late


OPTIONAL = [each.name for each in fields(Progress) if each.name not in ("received_at", "urgent", "closed_at")]


def test_not_knowing_what_happened_never_makes_it_greener():
    """Of everything that may have happened, whatever is taken away: no clock stands better than before."""
    order = [State.DONE, State.DONE_LATE, State.OPEN, State.LATE]
    full = Progress(
        received_at=at(2),
        urgent=False,
        read_at=at(2),
        acknowledged_at=at(2),
        complete_or_query_at=at(3),
        contact_planned_on=date(2026, 11, 5),
        contacted_at=at(5),
        decided_at=at(5),
        told_at=at(6),
    )
    whole = standing(DATA, full, at(12), zone=ZONE)
    assert not whole.late
    for size in range(1, 4):
        for names in combinations(OPTIONAL, size):
            less = replace(full, **dict.fromkeys(names))
            for urgent in (False, True):
                found = standing(DATA, replace(less, urgent=urgent), at(12), zone=ZONE)
                for before in whole.clocks:
                    after = next(c for c in found.clocks if c.row.kind == before.row.kind)
                    if after.state is not State.NOT_BEGUN:
                        assert order.index(after.state) >= order.index(before.state), (names, before.row.id)
                assert found.red or "contacted_at" not in names


# --- what a practice says ---------------------------------------------------------------------------------------------


def test_an_urgency_that_nobody_knows_runs_on_the_urgent_clock():
    assert [Intake(urgency=word).urgent for word in ("urgent", "routine", None, "soon")] == [True, False, True, True]


def test_what_is_not_known_is_named_once_each():
    assert not_known(EVERYTHING) == ()
    assert len(not_known(Intake())) == len(ASKED) + len(PRIOR)
    for name, words in ASKED.items():
        assert not_known(replace(EVERYTHING, **{name: None})) == (words,)
    for name, words in PRIOR.items():
        some = {**EVERYTHING.classes, name: None}
        assert not_known(replace(EVERYTHING, classes=some)) == (f"earlier {words}",)
    none_of_them = replace(EVERYTHING, lines=0, caregiver=False, progressed=False, distance_minutes=0)
    assert not_known(replace(none_of_them, classes=dict.fromkeys(PRIOR, False))) == (), "no is an answer"


@pytest.mark.parametrize(("caregiver", "bears"), [(True, False), (False, True), (None, None)])
def test_the_caregiver_on_the_card(caregiver: bool | None, bears: bool | None):
    row = next(each for each in comparison(DATA, Intake(caregiver=caregiver)) if each.row.id == "caregiver")
    assert row.bears is bears
    assert "usually refuse" in row.row.car_t
    assert "can still start in hospital" in row.row.bispecific


@pytest.mark.parametrize(
    ("intake", "row", "bears"),
    [
        (Intake(), "wait", True),
        (Intake(), "triple_class", None),
        (Intake(refractory="triple_class"), "triple_class", True),
        (Intake(refractory="two_classes"), "triple_class", False),
        (Intake(), "prior_bcma", None),
        (Intake(classes={"bcma": None}), "prior_bcma", None),
        (Intake(classes={"bcma": True}), "prior_bcma", True),
        (Intake(classes={"gprc5d": False}), "prior_gprc5d", False),
        (Intake(classes={"car_t": True}), "prior_car_t", True),
    ],
)
def test_what_counts_for_a_patient(intake: Intake, row: str, bears: bool | None):
    assert {each.row.id: each.bears for each in comparison(DATA, intake)}[row] is bears


def test_no_line_of_the_card_turns_a_patient_away():
    for each in DATA.consideration:
        for words in (each.car_t, each.bispecific, each.trial):
            assert "not eligible" not in words.lower()


def test_the_indication_takes_what_the_referral_knows_and_no_more():
    labels = revisions_of("teclistamab", "US")
    day = date(2026, 11, 2)
    full = eligibility(labels, EVERYTHING.before, day)
    assert full.covered is Covered.MET
    assert eligibility(labels, Intake().before, day).covered is Covered.CANNOT_SAY
    assert eligibility(labels, replace(EVERYTHING, lines=0).before, day).covered is Covered.NOT_MET
    assert "bcma" not in EVERYTHING.before.classes


# --- the file ----------------------------------------------------------------------------------------------------------


def test_the_shipped_file_has_no_problem():
    assert list(of_referral(DATA)) == []


BROKEN = [
    ("most_per_hour = 30", "most_per_hour = 0", "form.most_per_hour"),
    ("link_lasts_days = 180", "link_lasts_days = 0", "form.link_lasts_days"),
    ("tries = 10", "tries = 0", "form.tries"),
    ("working_days = 1", "working_days = 0", "clock.working_days"),
    ('urgency = "routine"\n', "", "clock"),
    ('urgency = "urgent"\n', 'urgency = "routine"\n', "clock"),
    ("working_days = 5", "working_days = 1", "clock.first_contact"),
    ('kind = "decision"', 'kind = "acknowledge"', "clock"),
    ('id = "other"', 'id = "trial"', "trial"),
    ('bears = "no_caregiver"', 'bears = "always"', "consideration"),
    ("red = true", "rod = true", "clock[2].rod"),
    ('source = ["WANG23"]', 'source = ["WANG24"]', "ConsiderationRow"),
    ('format = "handrail-referral/1"', 'format = "handrail-referral/2"', "format"),
]


@pytest.mark.parametrize(("shipped", "broken", "path"), BROKEN)
def test_what_a_file_is_refused_for(shipped: str, broken: str, path: str):
    assert shipped in TEXT
    with pytest.raises(ProtocolDataError) as caught:
        referral_from_toml(TEXT.replace(shipped, broken, 1))
    assert caught.value.path == path
