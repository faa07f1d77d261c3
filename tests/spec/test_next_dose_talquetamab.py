"""Talquetamab in Europe and the United States, weekly and every two weeks: both sides of every boundary.

A row marked `unverified` was recalled and not read: the answer is `ask`, and what the row says stands under `would_be`.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from handrail.rules.amount import amount_for
from handrail.rules.protocol import load
from handrail.rules.redosing import GapAnswer, redosing
from handrail.rules.schedule import dose_dates, interval_change_findings, monitoring_for, premedication_for
from handrail.rules.terms import Action, Status, Urgency
from tests.support.courses import Told, well

EU, US = "talquetamab/EU/2025-09/mono", "talquetamab/US/2023-08/mono"
SUD1, SUD2, SUD3, FTD, TD = "step_up_1", "step_up_2", "step_up_3", "first_treatment", "treatment"
QW, Q2W = "weekly", "every_2_weeks"
HOSPITAL, NEAR, NONE = ("hospital", 48), ("near_facility", 48), ("none_stated", None)

# case, protocol, schedule, last step, given on, visit on, what the row says: action, step, confirmed?, premedication,
# monitoring, row, status
CASES = """
W042|EU|QW|SUD1|2026-09-07|2026-09-09|give|SUD2|-|yes|NEAR|SUD1-WINDOW|sourced
W043|EU|QW|SUD1|2026-09-07|2026-09-14|give|SUD2|confirm|yes|NEAR|SUD1-EXTENDED|sourced
W044|EU|QW|SUD1|2026-09-07|2026-09-15|restart|SUD1|-|yes|NEAR|E1|sourced
W045|EU|QW|SUD2|2026-09-07|2026-09-14|give|FTD|confirm|yes|NEAR|SUD2-QW-EXTENDED|sourced
W046|EU|QW|SUD2|2026-09-07|2026-09-15|repeat|SUD2|-|yes|NEAR|E2|sourced
W047|EU|QW|SUD2|2026-09-07|2026-10-05|repeat|SUD2|-|yes|NEAR|E2|sourced
W048|EU|QW|SUD2|2026-09-07|2026-10-06|restart|SUD1|-|yes|NEAR|E3|sourced
W049|EU|QW|TD|2026-09-07|2026-09-14|continue|TD|-|if_crs|NONE|TD-QW-NOMINAL|sourced
W050|EU|QW|TD|2026-09-07|2026-09-15|continue|TD|-|if_crs|NONE|E4|sourced
W051|EU|QW|TD|2026-09-07|2026-10-12|continue|TD|-|if_crs|NONE|E4|sourced
W052|EU|QW|TD|2026-09-07|2026-10-13|restart|SUD2|-|yes|NEAR|E5|sourced
W053|EU|QW|TD|2026-09-07|2026-11-02|restart|SUD2|-|yes|NEAR|E5|sourced
W054|EU|QW|TD|2026-09-07|2026-11-03|restart|SUD1|-|yes|NEAR|E6|unverified
W055|EU|Q2W|SUD1|2026-09-07|2026-09-15|restart|SUD1|-|yes|NEAR|E7|unverified
W056|EU|Q2W|SUD2|2026-09-07|2026-09-15|repeat|SUD2|-|yes|NEAR|E8|unverified
W057|EU|Q2W|SUD2|2026-09-07|2026-10-05|repeat|SUD2|-|yes|NEAR|E8|unverified
W058|EU|Q2W|SUD2|2026-09-07|2026-10-06|restart|SUD1|-|yes|NEAR|E9|unverified
W059|EU|Q2W|SUD3|2026-09-07|2026-09-14|give|FTD|-|yes|NEAR|SUD3-WINDOW|unverified
W060|EU|Q2W|SUD3|2026-09-07|2026-09-15|repeat|SUD3|-|yes|NEAR|E10|unverified
W061|EU|Q2W|SUD3|2026-09-07|2026-10-12|repeat|SUD3|-|yes|NEAR|E10|unverified
W062|EU|Q2W|SUD3|2026-09-07|2026-10-13|restart|SUD2|-|yes|NEAR|E11|unverified
W063|EU|Q2W|SUD3|2026-09-07|2026-11-02|restart|SUD2|-|yes|NEAR|E11|unverified
W064|EU|Q2W|SUD3|2026-09-07|2026-11-03|restart|SUD1|-|yes|NEAR|E12|unverified
W065|EU|Q2W|TD|2026-09-07|2026-09-21|continue|TD|-|if_crs|NONE|TD-Q2W-NOMINAL|sourced
W066|EU|Q2W|TD|2026-09-07|2026-10-12|continue|TD|-|if_crs|NONE|E13|unverified
W067|EU|Q2W|TD|2026-09-07|2026-10-13|restart|SUD3|-|yes|NEAR|E14|unverified
W068|EU|Q2W|TD|2026-09-07|2026-11-02|restart|SUD3|-|yes|NEAR|E14|unverified
W069|EU|Q2W|TD|2026-09-07|2026-11-03|restart|SUD1|-|yes|NEAR|E15|unverified
W070|US|QW|SUD1|2026-02-23|2026-02-25|give|SUD2|-|yes|HOSPITAL|SUD1-WINDOW|sourced
W071|US|QW|SUD1|2026-02-23|2026-03-02|give|SUD2|confirm|yes|HOSPITAL|SUD1-EXTENDED|sourced
W072|US|QW|SUD1|2026-02-23|2026-03-03|restart|SUD1|-|yes|HOSPITAL|U1|unverified
W073|US|QW|SUD2|2026-02-23|2026-03-03|repeat|SUD2|-|yes|HOSPITAL|U2|unverified
W074|US|QW|SUD2|2026-02-23|2026-03-23|repeat|SUD2|-|yes|HOSPITAL|U2|unverified
W075|US|QW|SUD2|2026-02-23|2026-03-24|restart|SUD1|-|yes|HOSPITAL|U3|unverified
W077|US|QW|TD|2026-02-23|2026-03-01|continue|TD|-|if_crs|NONE|TD-QW-WINDOW|sourced
W078|US|QW|TD|2026-02-23|2026-03-03|continue|TD|-|if_crs|NONE|U4|unverified
W079|US|QW|TD|2026-02-23|2026-03-23|continue|TD|-|if_crs|NONE|U4|unverified
W080|US|QW|TD|2026-02-23|2026-03-24|restart|SUD2|-|yes|HOSPITAL|U5|unverified
W081|US|QW|TD|2026-02-23|2026-04-20|restart|SUD2|-|yes|HOSPITAL|U5|unverified
W082|US|QW|TD|2026-02-23|2026-04-21|restart|SUD1|-|yes|HOSPITAL|U6|unverified
W084|US|Q2W|SUD3|2026-02-23|2026-02-25|give|FTD|-|yes|HOSPITAL|SUD3-WINDOW|sourced
W085|US|Q2W|SUD3|2026-02-23|2026-03-02|give|FTD|-|yes|HOSPITAL|SUD3-WINDOW|sourced
W086|US|Q2W|SUD3|2026-02-23|2026-03-03|repeat|SUD3|-|yes|HOSPITAL|U7|unverified
W087|US|Q2W|SUD3|2026-02-23|2026-03-23|repeat|SUD3|-|yes|HOSPITAL|U7|unverified
W088|US|Q2W|SUD3|2026-02-23|2026-03-24|restart|SUD2|-|yes|HOSPITAL|U8|unverified
W089|US|Q2W|SUD3|2026-02-23|2026-04-21|restart|SUD1|-|yes|HOSPITAL|U9|unverified
W091|US|Q2W|TD|2026-02-23|2026-03-07|continue|TD|-|if_crs|NONE|TD-Q2W-WINDOW|sourced
W092|US|Q2W|TD|2026-02-23|2026-03-23|continue|TD|-|if_crs|NONE|U10|unverified
W093|US|Q2W|TD|2026-02-23|2026-03-24|restart|SUD3|-|yes|HOSPITAL|U11|unverified
W094|US|Q2W|TD|2026-02-23|2026-04-21|restart|SUD1|-|yes|HOSPITAL|U12|unverified
"""
ROWS = [line.split("|") for line in CASES.split()]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_next_dose(row: list[str]) -> None:
    _, key, schedule, last, given, visit, action, step, confirm, premed, monitoring, row_id, status = row
    names = globals()
    protocol = load(names[key])
    answer = redosing(
        protocol,
        last_step=names[last],
        schedule=names[schedule],
        last_on=date.fromisoformat(given),
        today=date.fromisoformat(visit),
        cause="logistics",
    )
    assert (answer.row and answer.row.id, answer.status) == (row_id, Status(status))
    if Status(status) is Status.UNVERIFIED:
        assert (answer.action, answer.step, answer.confirm) == (Action.ASK, None, None)
        assert answer.would_be is not None
        assert (answer.would_be.action, answer.would_be.step) == (Action(action), names[step])
        assert answer.withheld == (action in ("repeat", "restart"))
    else:
        assert (answer.action, answer.step) == (Action(action), names[step])
        assert (answer.confirm is not None) == (confirm == "confirm")
        assert answer.would_be is None and not answer.withheld
    assert answer.flags == () and answer.then is None
    assert answer.premedicate == {"yes": "yes", "if_crs": "if_crs_after_last"}[premed]
    delayed = answer.premedicate == "yes"
    agents = premedication_for(protocol, step=names[step], crs_after_last=False, after_delay=delayed)
    assert [item.dose for item in agents] == (["16 mg", "50 mg", "650 to 1,000 mg"] if premed == "yes" else [])
    assert len(premedication_for(protocol, step=names[step], crs_after_last=True, after_delay=delayed)) == 3
    after = monitoring_for(protocol, step=names[step], carried=())
    assert after is not None and (after.setting, after.hours) == names[monitoring]


@pytest.mark.parametrize(
    ("case", "key", "schedule", "last", "visit", "earliest", "step"),
    [
        ("W076", US, QW, TD, "2026-02-28", "2026-03-01", TD),
        ("W083", US, Q2W, SUD3, "2026-02-24", "2026-02-25", FTD),
        ("W090", US, Q2W, TD, "2026-03-06", "2026-03-07", TD),
        ("-", US, QW, SUD1, "2026-02-24", "2026-02-25", SUD2),
        ("-", US, QW, SUD2, "2026-02-24", "2026-02-25", FTD),
        ("-", US, Q2W, SUD2, "2026-02-24", "2026-02-25", SUD3),
        ("-", EU, QW, SUD1, "2026-02-24", "2026-02-25", SUD2),
        ("-", EU, QW, SUD2, "2026-02-24", "2026-02-25", FTD),
        ("-", EU, Q2W, SUD2, "2026-02-24", "2026-02-25", SUD3),
    ],
)
def test_too_early_names_the_earliest_day(
    case: str, key: str, schedule: str, last: str, visit: str, earliest: str, step: str
) -> None:
    answer = redosing(
        load(key),
        last_step=last,
        schedule=schedule,
        last_on=date(2026, 2, 23),
        today=date.fromisoformat(visit),
        cause=None,
    )
    assert (answer.action, answer.step, answer.until) == (Action.WAIT, step, date.fromisoformat(earliest)), case


# Last step and schedule: first day of every row, and its answer; `?` marks a row that nobody has verified: the answer is
# `ask`, and the words are what would be. The day before belongs to the row before.
EU_EDGES = {
    (SUD1, QW): "0 wait SUD2, 2 give SUD2, 5 give SUD2, 8 restart SUD1",
    (SUD2, QW): "0 wait FTD, 2 give FTD, 5 give FTD, 8 repeat SUD2, 29 restart SUD1",
    (FTD, QW): "0 ?ask TD, 7 continue TD, 8 continue TD, 36 restart SUD2, 57 ?restart SUD1",
    (TD, QW): "0 ?ask TD, 7 continue TD, 8 continue TD, 36 restart SUD2, 57 ?restart SUD1",
    (SUD1, Q2W): "0 wait SUD2, 2 give SUD2, 5 give SUD2, 8 ?restart SUD1",
    (SUD2, Q2W): "0 wait SUD3, 2 give SUD3, 5 give SUD3, 8 ?repeat SUD2, 29 ?restart SUD1",
    (SUD3, Q2W): "0 ?wait FTD, 2 give FTD, 3 ?give FTD, 8 ?repeat SUD3, 36 ?restart SUD2, 57 ?restart SUD1",
    (FTD, Q2W): "0 ?ask TD, 12 ?continue TD, 14 continue TD, 15 ?continue TD, 36 ?restart SUD3, 57 ?restart SUD1",
    (TD, Q2W): "0 ?ask TD, 12 ?continue TD, 14 continue TD, 15 ?continue TD, 36 ?restart SUD3, 57 ?restart SUD1",
}
US_EDGES = {
    (SUD1, QW): "0 wait SUD2, 2 give SUD2, 5 give SUD2, 8 ?restart SUD1",
    (SUD2, QW): "0 wait FTD, 2 give FTD, 5 give FTD, 8 ?repeat SUD2, 29 ?restart SUD1",
    (FTD, QW): "0 wait TD, 6 continue TD, 8 ?continue TD, 29 ?restart SUD2, 57 ?restart SUD1",
    (TD, QW): "0 wait TD, 6 continue TD, 8 ?continue TD, 29 ?restart SUD2, 57 ?restart SUD1",
    (SUD1, Q2W): "0 wait SUD2, 2 give SUD2, 5 give SUD2, 8 ?restart SUD1",
    (SUD2, Q2W): "0 wait SUD3, 2 give SUD3, 5 give SUD3, 8 ?repeat SUD2, 29 ?restart SUD1",
    (SUD3, Q2W): "0 wait FTD, 2 give FTD, 8 ?repeat SUD3, 29 ?restart SUD2, 57 ?restart SUD1",
    (FTD, Q2W): "0 wait TD, 12 continue TD, 15 ?continue TD, 29 ?restart SUD3, 57 ?restart SUD1",
    (TD, Q2W): "0 wait TD, 12 continue TD, 15 ?continue TD, 29 ?restart SUD3, 57 ?restart SUD1",
}
ALL_EDGES = [(key, place, words) for key, table in ((EU, EU_EDGES), (US, US_EDGES)) for place, words in table.items()]


@pytest.mark.parametrize(("key", "place", "words"), ALL_EDGES)
def test_every_edge_has_its_own_answer_on_both_sides(key: str, place: tuple[str, str], words: str) -> None:
    names, said = globals(), ("", "")
    for item in words.split(", "):
        first, action, step = item.split()
        now = (action, names[step])
        for day, wanted in ((int(first) - 1, said), (int(first), now)):
            if day >= 0:
                assert says(_after(key, place, day)) == wanted, day
        said = now
    assert says(_after(key, place, 4000)) == said


def says(answer: GapAnswer) -> tuple[str, str | None]:
    """What the answer says; of a row that nobody has verified, what it would be, with a question mark."""
    if answer.status is not Status.UNVERIFIED:
        return answer.action.value, answer.step
    assert answer.action is Action.ASK and answer.step is None and answer.would_be is not None
    assert answer.would_be.action is not None
    return f"?{answer.would_be.action.value}", answer.would_be.step


@pytest.mark.parametrize(("day", "confirm"), [(2, False), (4, False), (5, True), (7, True)])
@pytest.mark.parametrize(("last", "schedule"), [(SUD1, QW), (SUD2, QW), (SUD1, Q2W), (SUD2, Q2W)])
@pytest.mark.parametrize("key", [EU, US])
def test_a_reason_is_asked_from_day_5_on(key: str, last: str, schedule: str, day: int, confirm: bool) -> None:
    assert (_after(key, (last, schedule), day).confirm is not None) == confirm


@pytest.mark.parametrize("day", [29, 35])
def test_from_day_29_to_35_the_two_labels_differ_and_the_american_row_shows_both_readings(day: int) -> None:
    """A14: the American boundary was recalled, the European one was read."""
    europe, america = (_after(key, (TD, QW), day) for key in (EU, US))
    assert (europe.action, europe.step) == (Action.CONTINUE, TD)
    assert america.action is Action.ASK and america.withheld and america.would_be is not None
    assert "restart at step-up dose 2" in america.would_be.words and "up to day 35" in america.would_be.words


@pytest.mark.parametrize(
    # protocol, last step, schedule | earliest, due, usual until, give by, restart if after (days after the last dose)
    ("key", "last", "schedule", "days"),
    [
        (EU, SUD1, QW, (2, 2, 4, 7, 7)),
        (EU, SUD2, QW, (2, 2, 4, 7, 28)),
        (EU, TD, QW, (7, 7, 35, 35, None)),
        (EU, SUD3, Q2W, (2, 2, 2, None, None)),
        (EU, TD, Q2W, (14, 14, 14, None, None)),
        (US, SUD1, QW, (2, 3, 4, None, None)),
        (US, SUD3, Q2W, (2, 3, 7, None, None)),
        (US, TD, QW, (6, 7, 7, None, None)),
        (US, TD, Q2W, (12, 14, 14, None, None)),
    ],
)
def test_dates_of_the_next_dose(key: str, last: str, schedule: str, days: tuple[int | None, ...]) -> None:
    given = date(2026, 3, 2)
    dates = dose_dates(load(key), last_step=last, schedule=schedule, last_on=given)
    found = (dates.earliest_on, dates.due_on, dates.usual_until, dates.give_by, dates.restart_if_after)
    assert tuple((day - given).days if day else None for day in found) == days


# --- the steps and the amounts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [EU, US])
def test_the_same_dose_is_a_treatment_dose_weekly_and_a_step_up_dose_every_two_weeks(key: str) -> None:
    protocol = load(key)
    assert protocol.steps_of(QW) == (SUD1, SUD2, FTD, TD)
    assert protocol.steps_of(Q2W) == (SUD1, SUD2, SUD3, FTD, TD)
    doses = {
        (step, schedule): str(protocol.step_row(step, schedule).mg_per_kg)
        for schedule in (QW, Q2W)
        for step in protocol.steps_of(schedule)
    }
    assert doses == {
        (SUD1, QW): "0.01",
        (SUD2, QW): "0.06",
        (FTD, QW): "0.4",
        (TD, QW): "0.4",
        (SUD1, Q2W): "0.01",
        (SUD2, Q2W): "0.06",
        (SUD3, Q2W): "0.4",
        (FTD, Q2W): "0.8",
        (TD, Q2W): "0.8",
    }


@pytest.mark.parametrize(
    # weight, step, schedule | mg, mL, vials, syringes of the row that was recalled
    ("weight", "step", "schedule", "cells"),
    [
        ("35", SUD1, QW, ("0.38", "0.19", 1, 1)),
        ("42", FTD, QW, ("16", "0.40", 1, 1)),
        ("70", SUD2, QW, ("4.2", "2.1", 2, 2)),
        ("70", SUD3, Q2W, ("28", "0.7", 1, 1)),
        ("105", TD, Q2W, ("80", "2.0", 2, 1)),
        ("106", TD, Q2W, ("88", "2.2", 3, 2)),
        ("160", TD, Q2W, ("128", "3.2", 4, 2)),
    ],
)
@pytest.mark.parametrize("key", [EU, US])
def test_the_recalled_weight_bands_are_shown_and_permit_nothing(
    key: str, weight: str, step: str, schedule: str, cells: tuple[str, str, int, int]
) -> None:
    answer = amount_for(load(key), step=step, schedule=schedule, weight_kg=Decimal(weight))
    assert answer.amount is None and answer.would_be is not None
    would = answer.would_be
    assert (str(would.mg), str(would.ml), would.vials, would.syringes) == cells


@pytest.mark.parametrize("weight", ["34", "161", "45.5", None])
@pytest.mark.parametrize("key", [EU, US])
def test_outside_or_between_the_bands_there_is_no_amount(key: str, weight: str | None) -> None:
    answer = amount_for(load(key), step=SUD1, schedule=QW, weight_kg=Decimal(weight) if weight else None)
    assert answer.amount is None and answer.would_be is None


# --- schedules: which one, and from one to the other --------------------------------------------------------------


@pytest.mark.parametrize(("schedule", "action"), [(QW, "give"), (Q2W, "give"), (None, "ask")])
@pytest.mark.parametrize("key", [EU, US])
def test_which_of_the_two_schedules_is_never_assumed(key: str, schedule: str | None, action: str) -> None:
    told = Told(key, schedule=schedule)
    well(told, "2026-03-02 08:00")
    answer = told.assess("2026-03-02 09:00")
    assert answer.next_dose.action.value == action
    assert ("schedule" in [item.missing for item in answer.cannot_say]) == (schedule is None)


@pytest.mark.parametrize(
    # given on, mg/kg | schedule in force | day of the visit | answer, words of it
    ("given_on", "per_kg", "now_on", "day", "action", "words"),
    [
        (QW, None, Q2W, 14, "ask", "how 0.8 mg/kg follows a treatment dose of 0.4 mg/kg"),
        (QW, "0.4", Q2W, 14, "ask", "how 0.8 mg/kg follows a treatment dose of 0.4 mg/kg"),
        (QW, "0.4", QW, 7, "continue", ""),
        (Q2W, "0.8", Q2W, 14, "continue", ""),
        (Q2W, None, Q2W, 14, "continue", ""),
    ],
)
@pytest.mark.parametrize("key", [EU, US])
def test_a16_how_a_weekly_patient_gets_to_the_larger_dose_is_asked(
    key: str, given_on: str, per_kg: str | None, now_on: str, day: int, action: str, words: str
) -> None:
    told = Told(key, schedule=given_on, intent="continuation")
    told.dose(TD, "2026-03-02 09:00", **({"dose_mg_per_kg": per_kg} if per_kg else {}))
    if now_on != given_on:
        told.tell("schedule_changed", "2026-03-03 09:00", schedule=now_on)
    visit = f"2026-03-{2 + day:02} 09:00"
    well(told, visit)
    dose = told.assess(visit).next_dose
    assert dose.action.value == action and words in dose.because
    assert dose.amount is None


def test_a_smaller_dose_that_was_signed_for_is_not_followed_by_the_larger_one() -> None:
    """Less often for toxicity: 0.4 mg/kg every 2 weeks is no dose of this label, and no way leads back from it."""
    told = Told(US, schedule=Q2W, intent="continuation")
    given = told.dose(TD, "2026-03-02 09:00", dose_mg_per_kg="0.4", schedule=Q2W)
    told.tell(
        "departure_signed", "2026-03-02 10:00", rule=f"dose_given:{given}", reason="toxicity", approver="synthetic"
    )
    well(told, "2026-03-16 09:00")
    dose = told.assess("2026-03-16 09:00").next_dose
    assert dose.action is Action.ASK and "how 0.8 mg/kg follows" in dose.because


def test_the_european_switch_asks_for_two_consecutive_assessments() -> None:
    known = {
        "response_since": date(2026, 3, 2),
        "first_dose_on": date(2026, 1, 5),
        "on_schedule_since": date(2026, 1, 5),
    }
    found = interval_change_findings(load(EU), wanted=Q2W, current=QW, response="CR", on=date(2026, 6, 1), **known)
    assert [f.urgency for f in found] == [Urgency.TODAY] and "at least 2 consecutive assessments" in found[0].what
    assert not load(US).interval_change, "the American label is silent"


# --- after a reaction ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # case | condition | answer | words
    ("case", "body", "action", "words"),
    [
        ("X27", {"what": "oral_toxicity", "active": True}, "ask", "0.8 mg/kg every 2 weeks to every 4 weeks"),
        ("X27", {"what": "weight loss", "active": True}, "ask", "interrupt until stable or better"),
        ("-", {"what": "weight_loss", "active": None}, "ask", "is not known"),
        ("-", {"what": None, "active": True}, "ask", "is not known"),
        ("-", {"what": "oral_toxicity", "active": False}, "continue", ""),
        ("-", {"what": "skin_reaction", "active": True, "grade": 3}, "ask", "skin reaction"),
        ("-", {"what": "skin_reaction", "active": True, "grade": 2}, "continue", ""),
        ("-", {"what": "skin_reaction", "active": True, "grade": None}, "ask", "is not known"),
    ],
)
def test_x27_a_condition_that_the_label_has_a_row_for(
    case: str, body: dict[str, object], action: str, words: str
) -> None:
    told = Told(US, schedule=Q2W, intent="continuation")
    told.dose(TD, "2026-03-02 09:00")
    told.tell("condition_noted", "2026-03-10 09:00", **body)
    well(told, "2026-03-16 09:00")
    answer = told.assess("2026-03-16 09:00")
    assert answer.next_dose.action.value == action and words in answer.next_dose.because, case
    if action == "ask":
        assert answer.next_dose.withheld and answer.cannot_say
        assert answer.next_dose.would_be is not None and answer.next_dose.would_be.action is Action.CONTINUE


def test_the_european_label_has_no_row_for_oral_toxicity() -> None:
    told = Told(EU, schedule=Q2W, intent="continuation")
    told.dose(TD, "2026-03-02 09:00")
    told.tell("condition_noted", "2026-03-10 09:00", what="oral_toxicity", active=True)
    well(told, "2026-03-16 09:00")
    assert told.assess("2026-03-16 09:00").next_dose.action is Action.CONTINUE


@pytest.mark.parametrize("key", [EU, US])
@pytest.mark.parametrize("grade", [1, 2, 3, 4])
def test_x26_after_crs_the_dose_is_withheld_although_the_row_is_not_verified(key: str, grade: int) -> None:
    told = Told(key)
    told.dose(SUD1, "2026-03-02 09:00")
    devices = ["none", "none", "nasal_cannula", "facemask", "bipap"]
    told.tell(
        "crs_assessed",
        "2026-03-02 20:00",
        tmax_c="38.6",
        fever_other=False,
        masked=False,
        premed_masking=False,
        hypotension=False,
        hypotension_other=False,
        pressors=[],
        o2=devices[grade],
        flow_l_per_min={2: "4", 3: "8"}.get(grade, "0"),
        hypoxia_other=False,
        died_of_crs=False,
    )
    told.tell("toxicity_resolved", "2026-03-03 20:00", toxicity="crs", confirmed_by="hematologist")
    well(told, "2026-03-05 08:00")
    dose = told.assess("2026-03-05 09:00").next_dose
    assert (dose.action, dose.withheld, dose.step, dose.amount) == (Action.ASK, True, None, None)
    assert f"grade {grade}" in dose.because and "not verified" in dose.because
    assert ("stop for good" in dose.because) == (grade == 4)
    assert dose.would_be is not None and dose.would_be.step == SUD2
    assert dose.premedication


# --- premedication: the first treatment dose was recalled ---------------------------------------------------------


@pytest.mark.parametrize(
    # protocol | step | CRS after the last dose | status of every agent
    ("key", "step", "crs", "status"),
    [
        (US, SUD1, False, "sourced"),
        (US, SUD3, True, "sourced"),
        (US, FTD, False, "unverified"),
        (US, TD, True, "unverified"),
        (EU, SUD1, False, "secondary"),
        (EU, FTD, False, "unverified"),
        (EU, TD, True, "secondary"),
    ],
)
def test_premedication_names_every_agent_once_with_how_it_is_known(key: str, step: str, crs: bool, status: str) -> None:
    agents = premedication_for(load(key), step=step, crs_after_last=crs, after_delay=False)
    assert [item.agent.split()[0] for item in agents] == ["dexamethasone", "diphenhydramine", "acetaminophen"]
    assert {item.status for item in agents} == {Status(status)}
    assert {(item.lead_min_minutes, item.lead_max_minutes) for item in agents} == {(60, 180)}


@pytest.mark.parametrize(("last", "flagged"), [(SUD1, False), (SUD2, True)])
def test_a_dose_whose_premedication_is_not_verified_says_so(last: str, flagged: bool) -> None:
    told = Told(US, intent="continuation")
    told.dose(last, "2026-03-02 09:00")
    well(told, "2026-03-05 08:00")
    dose = told.assess("2026-03-05 09:00").next_dose
    assert dose.action is Action.GIVE and len(dose.premedication) == 3
    assert any("premedication" in flag for flag in dose.flags) == flagged


def _after(key: str, place: tuple[str, str], days: int) -> GapAnswer:
    given = date(2026, 1, 5)
    return redosing(
        load(key),
        last_step=place[0],
        schedule=place[1],
        last_on=given,
        today=given + timedelta(days=days),
        cause="logistics",
    )
