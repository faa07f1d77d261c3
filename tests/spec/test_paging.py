"""Who is paged next: the steps of a ladder, the waits, and what happens when nobody answers or nobody is on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from handrail.rules.paging import PATIENT, Decision, SendPage, Step, Stop, TellPatient, Wait, next_page
from handrail.rules.policy import load_policy
from handrail.rules.terms import Ladder

OPENED = datetime(2026, 3, 3, 8, 14, tzinfo=UTC)
RED = (
    Step(who="first_on_call", wait_minutes=5),
    Step(who="first_on_call", wait_minutes=5),
    Step(who="second_on_call", wait_minutes=10),
    Step(who="attending", wait_minutes=10),
)


TOLD = (*RED, Step(who=PATIENT, wait_minutes=0))
"""The ladder at whose end the patient is told."""


def at(minutes: float) -> datetime:
    return OPENED + timedelta(minutes=minutes)


def asked(now: float, *sent: float, nobody_on: tuple[int, ...] = (), steps: tuple[Step, ...] = RED) -> Decision:
    """The decision at a minute after the alert opened, when pages went out at these minutes and nobody answered."""
    return next_page(steps, [at(minute) for minute in sent], None, at(now), nobody_on)


def said(decision: Decision) -> tuple[object, ...]:
    if isinstance(decision, SendPage):
        wait = (decision.wait_until - OPENED).total_seconds() / 60
        return decision.who, decision.step, decision.attempt, wait
    if isinstance(decision, TellPatient):
        return "tell the patient", decision.step, decision.attempt, decision.nobody_on
    assert isinstance(decision, Wait)
    return "wait", (decision.until - OPENED).total_seconds() / 60


@pytest.mark.parametrize(
    # sent at        | now  | whom, step, attempt, wait until   or: wait until
    ("sent", "now", "wanted"),
    [
        ((), 0, ("first_on_call", 0, 0, 5)),
        ((), 90, ("first_on_call", 0, 0, 95)),  # found late: paged at once
        ((0,), 0, ("wait", 5)),
        ((0,), 4.99, ("wait", 5)),
        ((0,), 5, ("first_on_call", 1, 1, 10)),
        ((0, 5), 9.99, ("wait", 10)),
        ((0, 5), 10, ("second_on_call", 2, 2, 20)),
        ((0, 5, 10), 19.99, ("wait", 20)),
        ((0, 5, 10), 20, ("attending", 3, 3, 30)),
        ((0, 5, 10, 20), 29.99, ("wait", 30)),
        ((0, 5, 10, 20), 30, ("first_on_call", 0, 4, 35)),  # round again, never silent
        ((0, 5, 10, 20, 30, 35, 40, 50), 60, ("first_on_call", 0, 8, 65)),
        ((0, 7), 11, ("wait", 12)),  # counted from when the page really went out
        ((0, 7), 12, ("second_on_call", 2, 2, 22)),
    ],
)
def test_the_steps_of_a_red_ladder(sent: tuple[float, ...], now: float, wanted: tuple[object, ...]):
    assert said(asked(now, *sent)) == wanted


def test_an_unanswered_alert_pages_for_ever_and_no_two_pages_come_closer_than_the_wait():
    sent: list[datetime] = []
    now, who = OPENED, []
    for _ in range(1000):
        decision = next_page(RED, sent, None, now)
        if isinstance(decision, Wait):
            assert decision.until > now
            now = decision.until
            continue
        assert isinstance(decision, SendPage) and decision.attempt == len(sent)
        who.append(decision.who)
        sent.append(now)
    assert who == [RED[n % 4].who for n in range(len(who))]
    waits = [(b - a).total_seconds() / 60 for a, b in pairwise(sent)]
    assert waits == [RED[n % 4].wait_minutes for n in range(len(waits))]


@pytest.mark.parametrize("sent", [(), (0,), (0, 5, 10, 20, 30)])
def test_an_acknowledgement_stops_the_pages(sent: tuple[float, ...]):
    times = [at(minute) for minute in sent]
    assert next_page(RED, times, at(31), at(31)) == Stop(because="acknowledged")
    assert isinstance(next_page(RED, times, at(31), at(500)), Stop)


def test_one_step_that_found_somebody_is_enough_for_the_patient_to_be_told_so():
    for empty, nobody in (((1, 2, 3), False), ((0, 1, 2, 3), True), ((0, 1, 2), False)):
        assert said(asked(30, 0, 5, 10, 20, nobody_on=empty, steps=TOLD)) == ("tell the patient", 4, 4, nobody)


def test_an_acknowledgement_from_the_future_stops_nothing_yet():
    assert said(next_page(RED, [at(0)], at(6), at(5))) == ("first_on_call", 1, 1, 10)


@pytest.mark.parametrize(
    # sent at         | nobody on | now | answer
    ("sent", "nobody_on", "now", "wanted"),
    [
        ((0,), (0,), 0, ("first_on_call", 1, 1, 5)),
        ((0, 0), (0, 1), 0, ("second_on_call", 2, 2, 10)),
        ((0, 0, 0), (0, 1, 2), 0, ("attending", 3, 3, 10)),
        ((0, 0, 0, 0), (0, 1, 2, 3), 0, ("wait", 10)),  # a whole round found nobody: wait, then go round again
        ((0, 0, 0, 0), (0, 1, 2, 3), 10, ("first_on_call", 0, 4, 15)),
        ((0, 0), (0,), 0, ("wait", 5)),  # the second attempt found somebody
        ((0, 0, 5), (0, 2), 5, ("attending", 3, 3, 15)),
        ((0, 5, 10, 20, 30), (0, 1, 2, 3), 30, ("wait", 35)),
        ((0, 0, 0, 0, 10), (0, 1, 2, 3, 4), 10, ("wait", 15)),  # the last four attempts found nobody
    ],
)
def test_nobody_on_goes_on_at_once(
    sent: tuple[float, ...], nobody_on: tuple[int, ...], now: float, wanted: tuple[object, ...]
):
    assert said(asked(now, *sent, nobody_on=nobody_on)) == wanted


def test_an_empty_rota_never_spins_and_never_falls_silent():
    sent: list[datetime] = []
    now = OPENED
    while now < at(24 * 60):
        decision = next_page(RED, sent, None, now, range(len(sent)))
        if isinstance(decision, SendPage):
            sent.append(now)
        else:
            assert isinstance(decision, Wait) and decision.until > now
            now = decision.until
    by_minute = {minute: sent.count(minute) for minute in sent}
    assert max(by_minute.values()) == len(RED) and len(sent) > 100


@pytest.mark.parametrize(
    # sent at                    | nobody on          | now  | answer
    ("sent", "nobody_on", "now", "wanted"),
    [
        ((0, 5, 10, 20), (), 29.99, ("wait", 30)),
        ((0, 5, 10, 20), (), 30, ("tell the patient", 4, 4, False)),
        ((0, 5, 10, 20), (), 47, ("tell the patient", 4, 4, False)),  # found late: told at once
        ((0, 5, 10, 20, 30), (), 30, ("first_on_call", 0, 5, 35)),  # and the ladder goes round again at the same minute
        ((0, 5, 10, 20, 30, 30, 35, 40, 50), (), 60, ("tell the patient", 4, 9, False)),
        # nobody is on: the patient is told at once
        ((0, 0, 0, 0), (0, 1, 2, 3), 0, ("tell the patient", 4, 4, True)),
        ((0, 0, 0, 0, 0), (0, 1, 2, 3), 0, ("wait", 10)),
        ((0, 0, 0, 0, 0), (0, 1, 2, 3), 10, ("first_on_call", 0, 5, 15)),
        ((0, 0, 0, 0, 0, 10), (0, 1, 2, 3, 5), 10, ("wait", 15)),
        ((0, 0, 0, 0, 0, 10, 15, 20), (0, 1, 2, 3, 5, 6, 7), 20, ("wait", 30)),
        ((0, 0, 0, 0, 0, 10, 15, 20, 30), (0, 1, 2, 3, 5, 6, 7, 8), 40, ("tell the patient", 4, 9, True)),
        # one of them is on, and does not answer
        ((0, 0, 0), (0, 1), 10, ("attending", 3, 3, 20)),
        ((0, 0, 0, 10), (0, 1, 3), 10, ("tell the patient", 4, 4, False)),
        ((0, 0, 0, 10, 10), (0, 1, 3), 10, ("first_on_call", 0, 5, 15)),
        ((0, 0, 0, 10, 10, 10), (0, 1, 3, 5), 10, ("first_on_call", 1, 6, 15)),
    ],
)
def test_the_patient_is_told_at_the_end_of_the_ladder_or_at_once_when_nobody_is_on(
    sent: tuple[float, ...], nobody_on: tuple[int, ...], now: float, wanted: tuple[object, ...]
):
    assert said(asked(now, *sent, nobody_on=nobody_on, steps=TOLD)) == wanted


@pytest.mark.parametrize("on", [(), ("second_on_call",), ("first_on_call",), ("attending",)])
def test_with_whoever_is_on_the_ladder_goes_on_for_ever_and_never_spins(on: tuple[str, ...]):
    sent: list[datetime] = []
    nobody, told = [], []
    now = OPENED
    while now < at(24 * 60):
        decision = next_page(TOLD, sent, None, now, nobody)
        if isinstance(decision, Wait):
            assert decision.until > now
            now = decision.until
            continue
        if isinstance(decision, TellPatient):
            told.append(now)
            assert decision.nobody_on == (not on)
        elif isinstance(decision, SendPage) and decision.who not in on:
            nobody.append(len(sent))
        sent.append(now)
    assert max(sent.count(minute) for minute in sent) <= 2 * len(TOLD)
    assert told[0] <= at(30) and (told[0] == OPENED) == (not on)
    gaps = [later - before for before, later in pairwise(told)]
    assert max(gaps) <= timedelta(minutes=50)  # told again, for as long as nobody answers


def test_a_ladder_of_one_step_repeats_it():
    one = (Step(who="nurse", wait_minutes=240),)
    assert said(asked(239, 0, steps=one)) == ("wait", 240)
    assert said(asked(240, 0, steps=one)) == ("nurse", 0, 1, 480)
    assert said(asked(0, 0, steps=one, nobody_on=(0,))) == ("wait", 240)


def test_a_ladder_without_steps_is_refused():
    for steps in ((), (Step(who=PATIENT, wait_minutes=5),)):
        with pytest.raises(ValueError, match="at least one step"):
            asked(0, steps=steps)


@pytest.mark.parametrize(
    # ladder | who, minutes to answer
    ("ladder", "wanted"),
    [
        *[
            (red, "first 5, first 5 and second device, second 10, attending 10, patient_to_ed 0")
            for red in ("RED-1", "RED-2", "RED-3", "RED-4")
        ],
        ("AMBER", "first 15, second 15, attending 15"),
        ("GREEN", "nurse 240"),
    ],
)
def test_the_ladders_of_the_default_policy(ladder: str, wanted: str):
    steps = load_policy().ladders[Ladder(ladder)].steps
    said = [
        f"{step.who.removesuffix('_on_call')} {step.wait_minutes}{' and second device' if step.second_device else ''}"
        for step in steps
    ]
    assert ", ".join(said) == wanted
