"""Access beside safety, and what a course used, as tables."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from handrail.measures.data import definitions
from handrail.measures.figures import ALL, NOT_KNOWN
from handrail.measures.together import (
    SAFETY,
    Access,
    Began,
    Referred,
    State,
    band,
    days_between,
    together,
    wait,
    withheld_lines,
)
from handrail.measures.utilisation import Used, used, without_identity
from handrail.rules.coursefile import course_from_json
from handrail.rules.history import History
from tests.spec.test_figures import ended
from tests.support.courses import Told, instant
from tests.support.figures import counted, stepped_up, watched

APRIL = instant("2026-04-20 12:00")


def asked(state: State, site: str = "A", days: int | None = None) -> Referred:
    return Referred(groups={"site": site}, state=state, days=days)


def test_every_group_of_either_side_has_a_line_with_both():
    lines = together([asked("waiting"), asked("began", "B", 9), asked("closed", "")], [Began(groups={"site": "C"}, outcome=ended(True))], "site")  # fmt: skip
    assert [each.group for each in lines] == [ALL, "A", "B", "C", NOT_KNOWN]
    everybody, a, _, c, unsaid = lines
    assert everybody.access == Access(referred=3, began=1, waiting=1, closed=1, not_known=0, days=(9,))
    assert (a.access.waiting, a.safety.courses, set(a.safety.rates)) == (1, 0, set(SAFETY))
    assert (c.access.referred, c.safety.rates["crs_any"].yes) == (0, 1)
    assert unsaid.access.closed == 1


@pytest.mark.parametrize(
    ("days", "median", "high"),
    [
        ((), None, None),
        ((3, 5, 8, 13), None, None),
        ((3, 5, 8, 13, 40), "8", 40),
        ((1, 2, 3, 4, 5, 6, 7, 8, 9, 10), "5.5", 9),
    ],
)
def test_of_fewer_than_five_waits_nothing_is_said(days, median, high):
    found = wait(Access(referred=0, began=0, waiting=0, closed=0, not_known=0, days=days), 5)
    assert (found.known, found.median, found.high) == (len(days), None if median is None else Decimal(median), high)


@pytest.mark.parametrize(
    ("received", "began", "days"),
    [("2026-03-01", "2026-03-02", 1), ("2026-03-02", "2026-03-02", 0), ("2026-03-03", "2026-03-02", None)],
)
def test_a_dose_before_the_referral_says_nothing_of_a_wait(received, began, days):
    assert days_between(date.fromisoformat(received), date.fromisoformat(began)) == days


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (None, NOT_KNOWN),
        (30, "up to 30 minutes"),
        (31, "up to 60 minutes"),
        (60, "up to 60 minutes"),
        (61, "more than 60 minutes"),
    ],
)
def test_the_bands_of_the_way(minutes, words):
    assert band(minutes, definitions()) == words


def test_a_group_of_few_is_withheld_with_another_one():
    told = [asked("waiting", site) for site, times in (("A", 3), ("B", 9), ("C", 6)) for _ in range(times)]
    assert withheld_lines(together(told, [], "site"), 5) == {"A", "C"}
    assert withheld_lines(together(told[3:], [], "site"), 5) == frozenset()


def test_a_group_is_not_withheld_alone_beside_everybody():
    """The safety of everybody stands in the file of the figures: less the groups that are shown it would tell that of the third."""
    told = [asked("waiting", site) for site, times in (("A", 3), ("B", 0), ("C", 0)) for _ in range(times)]
    courses = [Began(groups={"site": site}, outcome=ended(False)) for site, n in (("A", 8), ("B", 10), ("C", 9)) for _ in range(n)]  # fmt: skip
    assert withheld_lines(together(told, courses, "site"), 5) == {ALL, "A", "C"}


def test_few_known_waits_and_few_that_are_not_are_small_counts_too():
    for known in (3, 6, 7):
        told = [asked("began", site, days=9 if site == "B" or n < known else None) for site in "AB" for n in range(10)]
        assert withheld_lines(together(told, [], "site"), 5) >= {"A", "B"}
    told = [asked("began", site, days=9 if n < 5 else None) for site in "AB" for n in range(10)]
    assert withheld_lines(together(told, [], "site"), 5) == frozenset()


# --- what a course used ---------------------------------------------------------------------------------------------------------


def spent(told: Told, now: datetime = APRIL) -> Used:
    history = History.build(course_from_json(told.file()))
    found = used(history, counted(told, now), definitions(), now)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("setting", "facts", "days"),
    [
        # setting, where the patient was written to be | bed days, at home, not known
        ("outpatient", [], (0, 30, 0)),
        ("inpatient", [], (0, 0, 30)),
        (None, [], (0, 0, 30)),
        ("outpatient", [("home_status", "2026-03-03 10:00", {"location": "hospital"})], (29, 1, 0)),
        (
            "outpatient",
            [
                ("home_status", "2026-03-03 10:00", {"location": "hospital"}),
                ("discharge_noted", "2026-03-05 10:00", {"to": "home"}),
            ],
            (2, 28, 0),
        ),
        (
            "inpatient",
            [
                ("admission_noted", "2026-03-02 08:00", {"place": "synthetic"}),
                ("discharge_noted", "2026-03-09 10:00", {"to": "home"}),
            ],
            (7, 23, 0),
        ),
        ("outpatient", [("home_status", "2026-03-12 10:00", {"location": None})], (0, 10, 20)),
    ],
)
def test_a_day_is_where_its_end_was(setting, facts, days):
    told = stepped_up(setting=setting)
    for kind, at, fields in facts:
        told.tell(kind, at, **fields)
    found = spent(told)
    assert (found.bed_days, found.home_days, found.days_not_known) == days
    assert found.whole
    assert sum(days) == definitions().utilisation.days


def test_days_that_have_not_passed_are_not_counted():
    found = spent(stepped_up(), instant("2026-03-12 12:00"))
    assert (found.whole, found.home_days) == (False, 10)


@pytest.mark.parametrize(
    ("facts", "visits"),
    [
        ([], 0),
        ([("home_status", {"location": "ed"})], 1),
        ([("home_status", {"location": "ed"}), ("home_status", {"location": "ed"})], 1),
        ([("home_status", {"location": "ed"}), ("home_status", {"location": "home"}), ("home_status", {"location": "ed"})], 2),
        ([("contact_made", {"outcome": "sent_to_ed"})], None),
        ([("home_status", {"location": None})], None),
    ],
)  # fmt: skip
def test_arrivals_at_an_emergency_department(facts, visits):
    told = stepped_up()
    for number, (kind, fields) in enumerate(facts):
        told.tell(kind, f"2026-03-03 1{number}:00", **fields)
    assert spent(told).ed_visits == visits


def test_a_visit_is_a_day_with_a_dose_or_an_assessment_in_person():
    told = watched(stepped_up())
    assert spent(told).visits == 3
    told.tell("visit_done", "2026-03-05 10:00", contact="in_person")
    told.tell("visit_done", "2026-03-05 15:00", contact="in_person")
    told.tell("visit_done", "2026-03-04 10:00", contact="in_person")
    told.tell("visit_done", "2026-03-07 10:00", contact="call")
    told.tell("visit_done", "2026-04-10 10:00", contact="in_person")
    assert spent(told).visits == 4


def test_what_few_share_is_not_named_and_nobody_stands_alone_without_a_name():
    one = spent(stepped_up())

    def courses(**sizes: int) -> list[str]:
        from dataclasses import replace

        told = [replace(one, product=name) for name, size in sizes.items() for _ in range(size)]
        return sorted({each.product for each in without_identity(told, 5)})

    assert courses(a=5) == ["a"]
    assert courses(a=4) == ["withheld"]
    assert courses(a=5, b=9, c=1) == ["b", "withheld"]
    assert courses(a=5, b=9, c=3, d=2) == ["a", "b", "withheld"]
