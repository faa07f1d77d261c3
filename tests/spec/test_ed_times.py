"""From the arrival at the emergency department to tocilizumab: what is on record, and what nobody can say."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.rules.ed_times import BEFORE, NO_ARRIVAL, NO_NAME, NO_PLACE, NO_PURPOSE, NO_TOCILIZUMAB, RIVALS, ed_visits
from tests.support.courses import Told, civil, instant

Fact = tuple[str, str, dict[str, Any]]


def sent(at: str, **fields: Any) -> Fact:
    return "contact_made", at, {"with": "patient", "reached": True, "outcome": "sent_to_ed", **fields}


def place(at: str, where: str | None = "ed") -> Fact:
    return "home_status", at, {"location": where}


def toci(at: str, **fields: Any) -> Fact:
    return "medicine_given", at, {"agent": "tocilizumab", "dose_mg": "560", "purpose": "treatment", **fields}


def told(*facts: Fact) -> Told:
    course = Told()
    for kind, at, fields in facts:
        course.tell(kind, f"2026-03-{at}", **fields)
    return course


def visits(*facts: Fact) -> list[tuple[str | None, str]]:
    """How long each visit took, or what is missing."""
    return [(each.said, each.why) for each in ed_visits(told(*facts).history())]


@pytest.mark.parametrize(
    # tocilizumab | said
    ("given", "said"),
    [
        ("03 22:00", "0 min"),
        ("03 22:01", "1 min"),
        ("03 22:59", "59 min"),
        ("03 23:00", "1 h 00 min"),
        ("04 01:05", "3 h 05 min"),
        ("05 22:30", "48 h 30 min"),
    ],
)
def test_t63_the_time_from_the_arrival_to_tocilizumab(given: str, said: str):
    assert visits(sent("03 21:10"), place("03 22:00"), toci(given)) == [(said, "")]


@pytest.mark.parametrize(
    "facts",
    [
        [place("03 22:00")],  # came without a call
        [sent("03 21:10"), sent("03 21:20"), place("03 22:00")],
        [sent("03 21:10", reached=None), place("03 22:00")],
        [place("03 22:00"), place("03 22:20")],  # still there
        [place("03 20:00", "home"), sent("03 21:10"), place("03 22:00")],
        [place("03 20:00", None), sent("03 21:10"), place("03 22:00")],  # was reached by phone after that
        [sent("03 21:10"), place("03 22:00"), toci("03 22:10", purpose="prophylaxis")],
        [sent("03 21:10"), place("03 22:00"), toci("03 22:10", agent="dexamethasone")],
        [sent("03 21:10"), place("03 22:00"), toci("03 22:10", agent=None, purpose="premedication")],
        [toci("03 21:00"), sent("03 21:10"), place("03 22:00")],  # of an earlier reaction
    ],
)
def test_the_first_word_that_the_patient_is_there_is_the_arrival(facts: list[Fact]):
    assert visits(*facts, toci("03 22:45", agent="Actemra 560 mg IV"), toci("04 06:45"))[-1] == ("45 min", "")


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ([sent("03 21:10"), toci("03 22:45")], NO_ARRIVAL),
        ([sent("03 21:10")], NO_ARRIVAL),
        ([sent("03 21:10"), place("03 22:00", None), toci("03 22:45")], NO_ARRIVAL),
        ([sent("03 21:10"), place("03 22:00", "hospital"), toci("03 22:45")], NO_ARRIVAL),
        ([place("03 22:00")], NO_TOCILIZUMAB),
        ([place("03 22:00"), toci("03 21:59")], NO_TOCILIZUMAB),
        ([place("03 22:00"), toci("03 22:45", purpose="prophylaxis")], NO_TOCILIZUMAB),
        ([place("03 22:00"), toci("03 22:45", purpose=None)], NO_PURPOSE),
        ([place("03 22:00"), toci("03 22:45", purpose=None), toci("03 23:45")], NO_PURPOSE),
        ([place("03 22:00"), toci("03 22:45", agent=None)], NO_NAME),
        ([place("03 22:00"), toci("03 22:45", agent=" ", purpose=None), toci("03 23:45")], NO_NAME),
        ([place("03 21:30", None), place("03 22:00"), toci("03 22:45")], NO_PLACE),
        ([sent("03 21:10"), place("03 21:30", None), place("03 22:00"), toci("03 22:45")], NO_PLACE),
        ([sent("03 21:10"), toci("03 21:30"), place("03 22:00"), toci("03 22:45")], BEFORE),
    ],
)
def test_a_missing_fact_leaves_the_time_unknown_and_is_named(facts: list[Fact], why: str):
    assert visits(*facts) == [(None, why)]


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ([place("03 22:00"), toci("03 22:30"), place("05 09:00"), toci("05 09:20")], [("30 min", "")]),
        (
            [place("03 22:00"), toci("03 22:30"), place("04 09:00", "home"), place("05 09:00"), toci("05 09:20")],
            [("30 min", ""), ("20 min", "")],
        ),
        (
            [place("03 22:00"), place("04 09:00", "lodging"), toci("04 09:20")],
            [(None, NO_TOCILIZUMAB)],
        ),
        (
            [place("03 22:00"), place("04 01:00", "hospital"), place("05 09:00"), toci("05 09:20")],
            [(None, NO_TOCILIZUMAB), ("20 min", "")],
        ),
        (
            [place("03 22:00"), sent("05 08:00"), place("05 09:00"), toci("05 09:20")],
            [(None, NO_TOCILIZUMAB), ("20 min", "")],
        ),
        (
            [place("03 22:00"), ("discharge_noted", "04 08:00", {}), place("05 09:00"), toci("05 09:20")],
            [(None, NO_TOCILIZUMAB), ("20 min", "")],
        ),
        (
            [place("03 22:00"), ("discharge_noted", "04 08:00", {"discharged_at": None}), toci("04 08:20")],
            [("10 h 20 min", "")],
        ),
        (
            [sent("03 21:10"), place("03 23:00", "home"), place("05 09:00")],
            [(None, NO_ARRIVAL), (None, NO_TOCILIZUMAB)],
        ),
        ([sent("03 21:10", reached=False), sent("03 21:20", outcome="coming_in"), toci("03 22:00")], []),
        ([toci("03 22:00"), place("03 23:00", "home"), place("03 23:30", "hospital")], []),
    ],
)
def test_where_one_visit_ends_and_the_next_begins(facts: list[Fact], found: list[tuple[str | None, str]]):
    assert visits(*facts) == found


@pytest.mark.parametrize(
    ("discharged", "said"),
    [
        ("2026-03-04 08:00", [NO_TOCILIZUMAB, ""]),
        ("2026-03-06 08:00", [""]),
    ],  # the second is still to come: it ends nothing
)
def test_a_discharge_that_is_noted_late_ends_the_visit_when_it_was(discharged: str, said: list[str]):
    leaves = ("discharge_noted", "05 20:00", {"discharged_at": instant(discharged).isoformat()})
    found = ed_visits(told(place("03 22:00"), place("05 09:00"), toci("05 09:20"), leaves).history())
    assert [each.why for each in found] == said


@pytest.mark.parametrize(
    ("ward", "said"),
    [
        (("admission_noted", "03 23:00", {}), "2 h 00 min, on a ward"),
        (("admission_noted", "04 00:00", {}), "2 h 00 min, on a ward"),
        (("admission_noted", "04 00:01", {}), "2 h 00 min"),
        (
            ("admission_noted", "04 06:00", {"admitted_at": instant("2026-03-03 23:30").isoformat()}),
            "2 h 00 min, on a ward",
        ),
        (place("03 23:00", "hospital"), "2 h 00 min, on a ward"),
    ],
)
def test_tocilizumab_on_a_ward_is_said(ward: Fact, said: str):
    found = ed_visits(told(place("03 22:00"), ward, toci("04 00:00")).history())
    assert [each.said for each in found] == [said]


def test_what_ends_at_the_same_minute_ends_first_and_the_arrival_comes_before_the_medicine():
    assert visits(toci("03 22:00"), place("03 22:00"), place("03 22:00", "home")) == [("0 min", "")]


def test_two_corrections_of_the_arrival_leave_it_unknown():
    course = told(sent("03 21:10"))
    first = course.tell("home_status", "2026-03-03 22:00", location="ed")
    for at in ("2026-03-03 22:10", "2026-03-03 22:20"):
        course.tell("home_status", at, location="ed", supersedes=first, reason="another clock")
    course.tell("medicine_given", "2026-03-03 23:00", agent="tocilizumab", purpose="treatment")
    assert [each.why for each in ed_visits(course.history())] == [RIVALS]


def test_a_correction_moves_the_arrival():
    course = told(sent("03 21:10"))
    first = course.tell("home_status", "2026-03-03 22:00", location="ed")
    course.tell("home_status", "2026-03-03 22:10", location="ed", supersedes=first, reason="another clock")
    course.tell("medicine_given", "2026-03-03 23:00", agent="tocilizumab", purpose="treatment")
    (visit,) = ed_visits(course.history())
    assert (visit.said, civil(visit.sent.at if visit.sent else None)) == ("50 min", "2026-03-03 21:10")


def test_a_value_that_becomes_not_known_never_makes_a_time_shorter():
    facts = [
        place("03 18:00", "home"),
        sent("03 21:10"),
        place("03 22:00"),
        place("03 22:20"),
        toci("03 22:45"),
        place("04 09:00", "home"),
        place("05 09:00"),
        toci("05 09:20"),
        toci("05 17:20"),
    ]
    known = [each.minutes for each in ed_visits(told(*facts).history())]
    assert known == [45, 20]
    for number, (kind, at, fields) in enumerate(facts):
        for name in fields:
            worse = [*facts[:number], (kind, at, {**fields, name: None}), *facts[number + 1 :]]
            found = {each.arrived.at: each for each in ed_visits(told(*worse).history()) if each.arrived}
            for before in ed_visits(told(*facts).history()):
                after = found.get(before.arrived.at) if before.arrived else None
                assert after is None or after.minutes is None or after.minutes >= (before.minutes or 0), (number, name)
            extra = [
                each
                for at, each in found.items()
                if at not in {instant("2026-03-03 22:00"), instant("2026-03-05 09:00")}
            ]
            assert all(each.minutes is None for each in extra), (number, name)
