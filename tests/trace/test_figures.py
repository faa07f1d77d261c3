"""The trace rows of the programme's own figures, each performed through its page or its CSV, as its acceptance says."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from handrail import clock
from handrail.actions import figures
from handrail.actions.access import grant_access
from handrail.actions.actor import person
from handrail.actions.figures_kept import KEPT
from handrail.people.models import ReferralEntry
from handrail.people.scope import everything
from handrail.records.models import Course
from handrail.rules.terms import UnusableInput
from handrail.web.figures import board
from tests.support.factories import MONDAY_0900, World, event, make_member
from tests.support.figure_courses import BEGINS, stepped_up, write_rows
from tests.support.referrals import referred

NOW = MONDAY_0900 + timedelta(days=40)


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)), everything():
        yield World()


@pytest.fixture
def client(world):
    found = Client()
    found.force_login(world.alice.director)
    return found


def text(client: Client, name: str = "figures", **asked: str) -> str:
    answer = client.get(reverse(name), asked)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def rows_of(client: Client) -> list[dict[str, str]]:
    answer = client.get(reverse("figures_csv"))
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_t35_the_own_rate_with_its_interval_stands_beside_trial_and_series_filtered_by_tocilizumab(world, client):
    """Removing `published` from the context of `web/figures/page.py` makes it fail."""
    stepped_up(world, tocilizumab="given", crs=1)
    stepped_up(world, tocilizumab="given")
    stepped_up(world, tocilizumab="waived")
    stepped_up(world, tocilizumab="given", watched=False)
    offered = client.get(reverse("figures")).content.decode().partition('name="tocilizumab">')[2].partition("</select>")
    assert re.findall(r'value="(\w+)"', offered[0]) == ["all", "with", "without", "not_known"], "a filter on the page"
    every = text(client, product="teclistamab")
    assert "1 of 3 33.3% (6.1 to 79.2)" in every
    assert "This programme, teclistamab, tocilizumab to prevent: with and without" in every
    assert "119 of 165 72.1% (64.8 to 78.4)" in every
    assert "10 of 33 30.3%" in every
    given = text(client, product="teclistamab", tocilizumab="with")
    assert "1 of 2 50.0% (9.5 to 90.5)" in given
    assert "10 of 33 30.3%" in given
    assert "119 of 165" not in given
    assert "Closed, not watched for CRS 1" in given
    waived = text(client, product="teclistamab", tocilizumab="without")
    assert "0 of 1 0.0% (0.0 to 79.3)" in waived
    assert "119 of 165" in waived
    assert "10 of 33" not in waived
    assert "no published count of this was found" in text(client, measure="ed")


def test_t39_outcomes_are_computed_with_and_without_tocilizumab(world, client):
    """Removing `compared` from the context of `web/figures/page.py` makes it fail."""
    stepped_up(world, tocilizumab="given")
    stepped_up(world, tocilizumab="given")
    reacted = [
        event("home_status", at=BEGINS + timedelta(hours=31), location="ed"),
        event("home_status", at=BEGINS + timedelta(hours=33), location="hospital"),
        event("medicine_given", at=BEGINS + timedelta(hours=34), agent="Actemra", purpose="treatment"),
    ]
    stepped_up(world, tocilizumab="waived", crs=2, told=reacted)
    stepped_up(world)
    shown = text(client)
    row = "0 of 2: 0.0% (0.0 to 65.8) 1 of 1: 100.0% (20.7 to 100.0) 0 of 1: 0.0% (0.0 to 79.3)"
    assert shown.count(row) == 5, (
        "CRS of any grade and of 2 or more, emergency department, admission, tocilizumab to treat"
    )
    assert shown.count("0 of 2: 0.0% (0.0 to 65.8) 0 of 1: 0.0% (0.0 to 79.3) 0 of 1") == 3
    assert "Patients were not chosen by chance" in shown


def test_t76_the_mix_of_settings_and_crs_stand_there_by_quarter(world, client):
    """Removing `quarters` from the context of `web/figures/page.py` makes it fail."""
    last_year = MONDAY_0900 - timedelta(days=100)
    stepped_up(world, begins=last_year, settings=("inpatient",) * 3, crs=1)
    stepped_up(world, settings=("inpatient", "outpatient", "outpatient"))
    stepped_up(world, settings=("outpatient", "hybrid", ""))
    shown = text(client)
    assert re.search(r"2025 Q4 0 \(0.0%\) 0 \(0.0%\) 3 \(100.0%\) 0 \(0.0%\) 1 1 of 1: 100.0%", shown)
    assert re.search(r"2026 Q1 3 \(50.0%\) 1 \(16.7%\) 1 \(16.7%\) 1 \(16.7%\) 2 0 of 2: 0.0%", shown)


def test_t88_access_is_shown_with_the_safety_of_the_same_groups_and_never_without(world, client, monkeypatch):
    """Removing the look for each group's mark in `board.panels` makes it fail."""
    with clock.use(clock.FrozenClock(BEGINS - timedelta(days=20))):
        seen, waits = referred(world.alice, language="Spanish"), referred(world.alice, language="Tagalog")
    course = stepped_up(world, crs=2)
    ReferralEntry.objects.create(
        organisation=seen.organisation, referral=seen, course=course, number=2, kind="course_started", at=BEGINS
    )
    shown = text(client, "figures_access")
    assert shown.index("Safety of those who began") < shown.index("Access: referred, begun, waiting")
    assert re.search(r"Spanish 1 1 of 1: 100.0% \(20.7 to 100.0\) 1 of 1: 100.0%", shown)
    assert re.search(r"another language 1 0 1 0 0 0 known: fewer than 5", shown)
    assert re.search(r"Spanish 1 1 0 0 0 1 known: fewer than 5", shown)
    assert re.search(r"another language 0 0 of 0", shown), "whoever waits has a line of safety too"
    assert "Tagalog" not in shown
    assert waits.name not in shown
    whole = board.safety_panel
    removals: list[Callable[[str], str]] = [
        lambda _: "",
        lambda panel: panel.replace("data-safety", "data-other"),
        lambda panel: re.sub(r'<tr role="row" data-safety="language-2">.*?</tr>', "", panel),
    ]
    for removed in removals:
        with monkeypatch.context() as patch:
            patch.setattr(board, "safety_panel", lambda *asked, removed=removed: removed(whole(*asked)))
            refused = text(client, "figures_access")
        assert "Access is not shown" in refused
        assert "Closed without a dose" not in refused
        assert "fewer than 5" not in refused


def test_t88_what_is_exported_has_access_and_safety_in_one_row(world, client):
    for _ in range(5):
        stepped_up(world)
    answer = client.get(reverse("figures_access_csv"))
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert all({"waiting", "crs_any_yes", "admitted_not_known"} <= set(row) for row in rows)
    (everybody,) = [row for row in rows if (row["grouping"], row["group"]) == ("site", "all")]
    assert (everybody["referred"], everybody["courses"], everybody["crs_any_no"]) == ("0", "5", "5")
    with clock.use(clock.FrozenClock(BEGINS)):
        referred(world.alice)
    rows = list(csv.DictReader(io.StringIO(client.get(reverse("figures_access_csv")).content.decode())))
    assert {row["waiting"] for row in rows if row["group"] == "all"} == {"withheld"}
    assert {row["crs_any_no"] for row in rows if row["group"] == "all"} == {"withheld"}, "never one without the other"


def test_t75_what_each_course_used_is_exported_without_identifiers(world, client):
    """Removing `bed_days` from `measures/utilisation.py` makes it fail."""
    stay = [
        event("home_status", at=BEGINS + timedelta(hours=31), location="ed"),
        event("home_status", at=BEGINS + timedelta(hours=33), location="hospital"),
        event("discharge_noted", at=BEGINS + timedelta(hours=81), to="home"),
        event("visit_done", at=BEGINS + timedelta(days=7), contact="in_person"),
        event("visit_done", at=BEGINS + timedelta(days=8), contact="call"),
    ]
    stepped_up(world, tocilizumab="waived", told=stay)
    for _ in range(5):
        stepped_up(world, tocilizumab="given")
    stepped_up(world, tocilizumab="given", settings=("",) * 3)
    with clock.use(clock.FrozenClock(BEGINS + timedelta(days=31))):
        body = client.get(reverse("figures_used_csv")).content.decode()
    rows = list(csv.DictReader(io.StringIO(body)))
    assert len(rows) == 7
    assert set(rows[0]) == {
        "product", "tocilizumab", "whole", "bed_days", "home_days", "days_not_known", "ed_visits", "visits",
    }  # fmt: skip
    (ill,) = [row for row in rows if row["bed_days"] != "0"]
    assert (ill["bed_days"], ill["home_days"], ill["ed_visits"], ill["visits"]) == ("2", "28", "1", "4")
    assert (ill["product"], ill["tocilizumab"]) == ("withheld", "withheld")
    (unsaid,) = [row for row in rows if row["days_not_known"] == "30"]
    assert (unsaid["bed_days"], unsaid["home_days"]) == ("0", "0")
    for word in ("Synthia", "Example", "MRN", "2026", *map(str, Course.objects.values_list("pk", flat=True))):
        assert word not in body


def test_what_leaves_the_programme_withholds_small_counts_and_names_nobody(world, client):
    for number in range(3):
        stepped_up(world, tocilizumab="given", crs=int(number == 0))
    own = [row for row in rows_of(client) if row["part"] == "own" and row["measure"] == "crs_any"]
    shown = {(row["product"], row["tocilizumab_to_prevent"]): row["yes"] for row in own}
    assert shown["all", "all"] == shown["teclistamab", "with"] == "withheld"
    assert {row["yes"] for row in rows_of(client) if row["part"] == "doses" and row["quarter"] == "2026 Q1"} == {
        "withheld"
    }
    body = client.get(reverse("figures_csv")).content.decode()
    for word in ("Synthia", "Example", "MRN", *map(str, Course.objects.values_list("pk", flat=True))):
        assert word not in body
    published = [row for row in rows_of(client) if row["part"] == "published"]
    assert {"18", "119"} <= {row["yes"] for row in published}
    assert all(row["source"] for row in published)
    assert next(row for row in rows_of(client) if row["measure"] == "window")["note"].startswith("from the first")


def test_enough_courses_are_exported_with_their_interval(world, client):
    for _ in range(5):
        stepped_up(world, tocilizumab="given")
    (row,) = [
        row
        for row in rows_of(client)
        if (row["part"], row["measure"], row["product"], row["tocilizumab_to_prevent"])
        == ("own", "crs_any", "teclistamab", "with")
    ]
    assert (row["yes"], row["no"], row["not_known"], row["percent"]) == ("0", "5", "0", "0.0")
    assert (row["low_95"], row["high_95"]) == ("0.0", "43.4")


def test_given_is_what_the_report_of_meant_and_given_counts(world, client):
    """One definition: premedication and treatment count on neither page."""
    for purpose in ("prophylaxis", "premedication", "treatment"):
        at = BEGINS - timedelta(minutes=30)
        stepped_up(world, told=[event("medicine_given", at=at, agent="Tyenne", purpose=purpose)])
    assert "1 more got it, and nobody had written down that it was meant" in text(client, "prevention")
    assert "0 of 1" in text(client, tocilizumab="with")


def test_only_ones_own_organisation_is_counted(world, client):
    course = stepped_up(world, tocilizumab="given", crs=1)
    grant_access(course.pk, world.bob.organisation, purpose="co_management", by=person(world.alice.director), now=NOW)
    assert "1 of 1 100.0%" in text(client)
    for house in (world.bob, world.charlie):  # Bob's house helps with the course, and does not own it
        client.force_login(house.director)
        assert "0 courses with a step-up" in text(client)


@pytest.mark.parametrize(
    ("role", "may"),
    [("director", True), ("site_manager", True), ("oncologist", True), ("nurse", False), ("viewer", False)],
)
def test_who_reads_the_figures(world, client, role, may):
    client.force_login(make_member(world.alice.organisation, role))
    assert ("Your role reads no figures" not in text(client)) is may
    assert client.get(reverse("figures_csv")).status_code == (200 if may else 403)


def test_the_questions_to_the_database_do_not_grow_with_the_courses(world, client):
    names = ("figures", "figures_csv", "figures_access", "figures_access_csv", "figures_used_csv")

    def asked() -> list[int]:
        counts = []
        for name in names:
            with CaptureQueriesContext(connection) as found:
                client.get(reverse(name))
            counts.append(sum("django_session" not in each["sql"] for each in found))
        return counts

    stepped_up(world)
    asked()  # what is remembered of the session and the files is read by now
    few = asked()
    for _ in range(4):
        stepped_up(world, tocilizumab="given", crs=1)
    with clock.use(clock.FrozenClock(BEGINS)):
        referred(world.alice)
    assert asked() == few


def test_an_unknown_choice_is_as_if_it_were_not_made(world, client):
    assert "CRS of any grade: beside" in text(client, measure="no such", product="x", tocilizumab="'; --")


def test_a_course_whose_record_cannot_be_read_is_not_known_and_does_not_wait(world, client, monkeypatch):
    with clock.use(clock.FrozenClock(BEGINS - timedelta(days=20))):
        seen = referred(world.alice, language="Spanish")
    course = stepped_up(world)
    ReferralEntry.objects.create(
        organisation=seen.organisation, referral=seen, course=course, number=2, kind="course_started", at=BEGINS
    )
    assert re.search(r"Spanish 1 1 0 0 0 1 known", text(client, "figures_access"))

    def broken(*_: object, **__: object) -> None:
        raise UnusableInput("synthetic", "The record cannot be read.")

    KEPT.forget()
    monkeypatch.setattr(figures, "_counted", broken)
    assert re.search(r"Spanish 1 0 0 0 1 0 known", text(client, "figures_access"))
    assert "Record cannot be read 1" in text(client)


def test_a_withdrawn_dose_was_never_given(world, client):
    course = stepped_up(world)
    gone = {"at": BEGINS + timedelta(days=9), "reason": "another patient"}
    doses = course.events.filter(kind="dose_given").values_list("id", flat=True)
    write_rows(course, [event("fact_withdrawn", supersedes=str(each), **gone) for each in doses])
    assert "0 courses with a step-up" in text(client)
