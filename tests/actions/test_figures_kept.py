"""What is kept of courses that are over is what reading them anew would say, after whatever may have happened since."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from handrail import clock
from handrail.actions import figures, figures_access
from handrail.actions.facts import record_event
from handrail.actions.figures import Figures, read_figures
from handrail.actions.figures_access import read_board
from handrail.actions.figures_kept import KEPT, KEPT_REFERRALS, Kept, Record, digest, marks
from handrail.actions.payer_requests import open_request
from handrail.measures.data import definitions
from handrail.people.models import Organisation, Referral, Site
from handrail.people.scope import everything
from handrail.records import wire
from handrail.records.models import Course, Event, PayerEntry
from handrail.records.wire import HEADER
from handrail.rules.terms import UnusableInput
from tests.support.factories import MONDAY_0900, World, checkin, dose, event
from tests.support.figure_courses import BEGINS, GRADE_1, stepped_up, write_rows
from tests.support.payers import PAYER, write
from tests.support.referrals import referred

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(days=60)
LAST = NOW + timedelta(days=30)


@pytest.fixture
def world(db):
    KEPT.forget()
    with clock.use(clock.FrozenClock(NOW)), everything():
        yield World()
    KEPT.forget()


def told(found: Figures) -> Any:
    """All that figures say."""
    return [(each.course.pk, each.outcome, each.used) for each in found.reads], found.unreadable, found.today


def compare(world: World, now: datetime = NOW, **asked: Any) -> Any:
    """What is kept is what is read anew; returns it, and keeps that."""
    kept = told(read_figures(world.alice.director, now, **asked))
    KEPT.forget()
    assert kept == told(read_figures(world.alice.director, now, **asked))
    return kept


def anew(monkeypatch: pytest.MonkeyPatch, world: World, now: datetime = NOW, **asked: Any) -> int:
    """How many courses a look reads anew."""
    seen: list[Any] = []
    before = figures._counted
    with monkeypatch.context() as patch:
        patch.setattr(figures, "_counted", lambda course, *a, **k: (seen.append(course.pk), before(course, *a, **k))[1])
        read_figures(world.alice.director, now, **asked)
    return len(seen)


def test_a_course_that_is_over_is_read_once(world, monkeypatch):
    for _ in range(3):
        stepped_up(world, tocilizumab="given", crs=1)
    assert anew(monkeypatch, world) == 3
    assert anew(monkeypatch, world) == 0
    compare(world)
    stepped_up(world)
    assert anew(monkeypatch, world) == 1


def test_one_that_time_alone_may_change_is_read_at_every_look(world, monkeypatch):
    stepped_up(world)
    days = definitions().utilisation.days
    for now in (BEGINS + timedelta(days=4), BEGINS + timedelta(days=8), BEGINS + timedelta(days=days - 1)):
        assert [anew(monkeypatch, world, now) for _ in range(2)] == [1, 1]
        compare(world, now)
    over = BEGINS + timedelta(days=days)
    assert [anew(monkeypatch, world, over) for _ in range(2)] == [1, 0]
    compare(world, over)
    assert anew(monkeypatch, world, over - timedelta(days=2)) == 1, "a clock that was set back"


def test_a_step_up_that_goes_on_is_never_kept(world, monkeypatch):
    course = world.make_course(now=BEGINS - timedelta(minutes=50))
    write_rows(course, [dose("step_up_1", at=BEGINS, mg="4.3")])
    assert [anew(monkeypatch, world) for _ in range(2)] == [1, 1]


def _given(course: Course, kind: str) -> Any:
    return course.events.filter(kind=kind).order_by("occurred_at", "id").first()


def _write(course: Course, kind: str, at: datetime, **body: Any) -> None:
    write_rows(course, [event(kind, at=at, **body)])


def _waived(world: World, course: Course) -> PayerEntry:
    by = world.actor("alice", "oncologist")
    request = open_request(course.pk, drug="tocilizumab", payer=PAYER, by=by, now=BEGINS)
    return write(request, by, "choice", 2, option="without_prophylaxis", reason="synthetic", valid_until="2026-03-20")


Change = Callable[[World, Course], Any]
CHANGES: dict[str, Change] = {
    "a grade of the window that is written down late": lambda _, c: _write(
        c, "crs_assessed", BEGINS + timedelta(hours=50), **GRADE_1, hypotension=True, clinician_grade=2
    ),
    "a fever that nobody graded": lambda _, c: write_rows(
        c, [checkin(at=BEGINS + timedelta(hours=30), temperature_c="38.9")]
    ),
    "an emergency department": lambda _, c: _write(c, "home_status", BEGINS + timedelta(hours=31), location="ed"),
    "an admission": lambda _, c: _write(c, "admission_noted", BEGINS + timedelta(hours=33), place="synthetic"),
    "tocilizumab": lambda _, c: _write(
        c, "medicine_given", BEGINS + timedelta(hours=34), agent="tocilizumab", purpose="treatment"
    ),
    "a visit": lambda _, c: _write(c, "visit_done", BEGINS + timedelta(days=9), contact="in_person"),
    "a later dose": lambda _, c: write_rows(c, [dose("treatment", at=BEGINS + timedelta(days=12), mg="108")]),
    "the end of the course": lambda _, c: _write(c, "course_ended", BEGINS + timedelta(days=20), because="progression"),
    "a dose that is withdrawn": lambda _, c: _write(
        c, "fact_withdrawn", NOW, supersedes=str(_given(c, "dose_given").id), reason="another patient"
    ),
    "a reading that is withdrawn": lambda _, c: _write(
        c, "fact_withdrawn", NOW, supersedes=str(_given(c, "checkin_received").id), reason="another patient"
    ),
    "a dose that is corrected": lambda _, c: write_rows(
        c,
        [{**dose("step_up_1", at=BEGINS + timedelta(days=1), mg="4.3"), "supersedes": str(_given(c, "dose_given").id), "reason": "the day after"}],
    ),
    "a reading that is corrected": lambda _, c: write_rows(
        c,
        [{**checkin(at=BEGINS + timedelta(hours=6), temperature_c="38.7"), "supersedes": str(_given(c, "checkin_received").id), "reason": "mistyped"}],
    ),
    "two corrections that contradict each other": lambda _, c: [
        write_rows(
            c,
            [{**dose("step_up_1", at=BEGINS + timedelta(hours=hours), mg="4.3"), "supersedes": str(_given(c, "dose_given").id), "reason": "synthetic"}],
        )
        for hours in (1, 2)
    ],
    "a fact of which the day is still to come": lambda _, c: _write(
        c, "medicine_given", NOW + timedelta(days=3), agent="tocilizumab", purpose="prophylaxis"
    ),
    "a fact that is recorded later": lambda _, c: _write(
        c, "crs_assessed", BEGINS + timedelta(hours=40), **GRADE_1, hypotension=True, clinician_grade=3,
        recorded_at=(NOW + timedelta(days=3)).isoformat(),
    ),
    "a waiver with the payer's desk": _waived,
    "a waiver of the team": lambda _, c: _write(
        c, "readiness_confirmed", BEGINS - timedelta(hours=1), item="prophylaxis_waived", confirmed=True
    ),
    "another product": lambda _, c: Course.objects.filter(pk=c.pk).update(product="elranatamab"),
    "another zone": lambda _, c: Course.objects.filter(pk=c.pk).update(time_zone="Europe/Oslo"),
    "a policy that is not here": lambda _, c: Course.objects.filter(pk=c.pk).update(policy_sha256="0" * 64),
    "a note": lambda _, c: _write(c, "note_added", NOW, text="synthetic"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_after_any_change_it_is_what_is_read_anew(world, change: Change):
    courses = [stepped_up(world, tocilizumab=word, crs=grade) for word, grade in (("", 0), ("given", 1), ("waived", 2))]
    compare(world)
    for course in courses:
        change(world, course)
        compare(world)
    for days in (1, 4, 29):
        compare(world, NOW + timedelta(days=days))
    compare(world, BEGINS + timedelta(days=10))


SEEN = (
    "a grade of the window that is written down late",
    "a dose that is withdrawn",
    "a reading that is corrected",
    "a waiver with the payer's desk",
    "another product",
)


@pytest.mark.parametrize("name", SEEN)
def test_a_change_is_seen_at_the_next_look(world, name: str):
    course = stepped_up(world)
    before = compare(world)
    CHANGES[name](world, course)
    assert compare(world) != before


@pytest.mark.parametrize("seed", range(6))
def test_one_change_after_another_in_any_order(world, seed: int):
    chance = random.Random(seed)
    courses = [stepped_up(world, tocilizumab=chance.choice(["", "given", "waived"])) for _ in range(3)]
    now = NOW
    for _ in range(12):
        name = chance.choice([each for each in CHANGES if each != "a waiver with the payer's desk"])
        CHANGES[name](world, chance.choice(courses))
        now = chance.choice([now, now, now + timedelta(days=2), BEGINS + timedelta(days=chance.randrange(1, 40))])
        if chance.random() < 0.7:
            compare(world, now)
        else:
            read_figures(world.alice.director, now)
    compare(world, LAST)


def test_a_fact_that_comes_in_while_a_look_reads_is_in_no_answer_that_is_kept(world, monkeypatch):
    course = stepped_up(world)
    before = figures.marks

    def then_told(*asked: Any) -> Any:
        found = before(*asked)
        CHANGES["a dose that is corrected"](world, course)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(figures, "marks", then_told)
        read_figures(world.alice.director, NOW)
    assert len(KEPT) == 0
    compare(world)


def test_a_waiver_that_is_taken_back_is_none(world):
    course = stepped_up(world)
    before = compare(world)
    entry = _waived(world, course)
    assert compare(world) != before
    by = world.actor("alice", "oncologist")
    write(entry.request, by, "taken_back", 3, takes_back=str(entry.pk), reason="synthetic")
    assert compare(world) == before


def test_a_record_that_cannot_be_read_is_tried_at_every_look(world, monkeypatch):
    stepped_up(world)

    def broken(*_: object, **__: object) -> None:
        raise UnusableInput("synthetic", "The record cannot be read.")

    with monkeypatch.context() as patch:
        patch.setattr(figures, "_counted", broken)
        assert len(read_figures(world.alice.director, NOW).unreadable) == 1
    assert read_figures(world.alice.director, NOW).unreadable == frozenset()


def test_other_definitions_are_other_figures(world, monkeypatch):
    stepped_up(world)
    rules = definitions()
    assert anew(monkeypatch, world) == 1
    other = replace(rules, utilisation=replace(rules.utilisation, days=rules.utilisation.days - 1))
    assert anew(monkeypatch, world, rules=other) == 1
    compare(world, rules=other)


def test_what_is_kept_shows_nobody_a_course_that_is_not_theirs(world):
    stepped_up(world, tocilizumab="given")
    assert len(read_figures(world.alice.director, NOW).reads) == 1
    for house in (world.bob, world.charlie):
        assert read_figures(house.director, NOW).reads == ()


def test_it_is_bounded_and_what_was_not_asked_for_the_longest_goes_first(world):
    kept = Kept(2)
    courses = [stepped_up(world) for _ in range(3)]
    found = read_figures(world.alice.director, NOW)
    told_of = {each.course.pk: (each.outcome, each.used) for each in found.reads}
    told_marks = marks(told_of)
    records = {
        each.pk: Record(mark=told_marks[each.pk], header=str(each.pk), waived=False, rules=definitions())
        for each in courses
    }
    first, second, third = (each.pk for each in courses)
    for key in (first, second):
        kept.put(key, records[key], NOW, told_of[key])
    assert kept.get(first, records[first], NOW) == told_of[first]
    kept.put(third, records[third], NOW, told_of[third])
    assert len(kept) == 2
    assert kept.get(second, records[second], NOW) is None
    assert kept.get(first, records[first], NOW - timedelta(seconds=1)) is None
    assert kept.get(first, records[second], NOW) is None


OTHER: dict[str, Any] = {
    "product": "elranatamab",
    "jurisdiction": "EU",
    "time_zone": "Europe/Oslo",
    "protocol_key": "synthetic",
    "schedule": "synthetic",
    "policy_id": "synthetic",
    "policy_sha256": "0" * 64,
    "policy_document": {"id": "synthetic"},
    "synthetic": False,
    "overlays": [{"id": "synthetic"}],
    "facts": {"language": "es"},
    "context": {"x": 1},
}


def test_whatever_the_rules_read_of_a_course_is_in_its_digest(world):
    course = world.make_course()
    assert OTHER.keys() == set(HEADER)
    columns = {each.attname for each in Course._meta.concrete_fields} - {"id", "organisation_id"}

    class Seen:
        """A course that says which of its columns are read."""

        def __init__(self) -> None:
            self.read: set[str] = set()

        def __getattr__(self, name: str) -> Any:
            self.read.add(name)
            return getattr(course, name)

    seen: Any = Seen()
    wire.header(seen)
    assert seen.read & columns == set(HEADER)


def test_an_event_is_read_from_its_columns_as_from_its_row(world):
    course = stepped_up(world, tocilizumab="given", crs=2)
    note = event("note_added", at=NOW, text="synthetic")
    record_event(course.pk, note, by=world.actor("alice", "nurse"), now=NOW)
    whole = {row.id: wire.to_fact(row) for row in Event.objects.filter(course=course)}
    named: Any = Event.objects.filter(course=course).values_list(*wire.FACT, named=True)
    assert {row.id: wire.to_fact(row) for row in named} == whole
    assert any(fact.by for fact in whole.values()) and any(fact.source for fact in whole.values())


@pytest.mark.parametrize("name", HEADER)
def test_a_course_that_says_anything_else_has_another_digest(world, name: str):
    course = world.make_course()
    read = Course.objects.annotate(header=digest(*HEADER)).values_list("header", flat=True)
    before = read.get(pk=course.pk)
    assert read.get(pk=course.pk) == before
    assert getattr(course, name) != OTHER[name]
    Course.objects.filter(pk=course.pk).update(**{name: OTHER[name]})
    assert read.get(pk=course.pk) != before


def test_a_course_that_is_changed_while_a_look_reads_it_is_not_kept(world, monkeypatch):
    course = stepped_up(world)
    before = figures._courses

    def then_changed(*asked: Any) -> Any:
        Course.objects.filter(pk=course.pk).update(product="elranatamab")
        return before(*asked)

    with monkeypatch.context() as patch:
        patch.setattr(figures, "_courses", then_changed)
        read_figures(world.alice.director, NOW)
    assert len(KEPT) == 0
    compare(world)


# --- referrals ------------------------------------------------------------------------------------------------------------------


def board(world: World) -> Any:
    """What is kept of the referrals is what reading them anew says; returns it."""
    kept = read_board(world.alice.director, NOW).referred
    KEPT_REFERRALS.forget()
    assert kept == read_board(world.alice.director, NOW).referred
    return kept


def decrypted(monkeypatch: pytest.MonkeyPatch, world: World) -> int:
    """How many referrals a look reads anew."""
    seen: list[Any] = []
    before = figures_access.intake_from
    with monkeypatch.context() as patch:
        patch.setattr(figures_access, "intake_from", lambda told: (seen.append(1), before(told))[1])
        read_board(world.alice.director, NOW)
    return len(seen)


def test_what_a_practice_said_is_decrypted_once(world, monkeypatch):
    KEPT_REFERRALS.forget()
    spanish, other = referred(world.alice, language="Spanish", distance_minutes=20), referred(world.alice)
    assert [decrypted(monkeypatch, world) for _ in range(2)] == [2, 0]
    first = board(world)
    assert sorted(each.groups["language"] for each in first) == ["English", "Spanish"]
    referred(world.alice, language="English", distance_minutes=90)
    assert decrypted(monkeypatch, world) == 1
    assert len(board(world)) == 3
    Referral.objects.filter(pk=other.pk).update(told=spanish.told)
    assert decrypted(monkeypatch, world) == 1
    assert board(world) != first
    Site.objects.update(time_zone="Pacific/Kiritimati", name="Another name")
    Organisation.objects.update(time_zone="Pacific/Kiritimati")
    assert decrypted(monkeypatch, world) == 3, "the day on which it came is another"
    board(world)


def test_what_is_kept_shows_nobody_a_referral_that_is_not_theirs(world):
    referred(world.alice, language="Spanish")
    assert len(read_board(world.alice.director, NOW).referred) == 1
    assert read_board(world.bob.director, NOW).referred == ()
