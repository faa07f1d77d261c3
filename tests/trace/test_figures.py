"""The trace rows of the programme's own figures, each performed through its page or its CSV, as its acceptance says."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.access import grant_access
from handrail.actions.actor import person
from handrail.people.scope import everything
from handrail.records.models import Course
from tests.support.factories import MONDAY_0900, World, event, make_member
from tests.support.figure_courses import BEGINS, stepped_up, write_rows

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
    assert "1 more got it without a request" in text(client, "prevention")
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


def test_an_unknown_choice_is_as_if_it_were_not_made(world, client):
    assert "CRS of any grade: beside" in text(client, measure="no such", product="x", tocilizumab="'; --")


def test_a_withdrawn_dose_was_never_given(world, client):
    course = stepped_up(world)
    gone = {"at": BEGINS + timedelta(days=9), "reason": "another patient"}
    doses = course.events.filter(kind="dose_given").values_list("id", flat=True)
    write_rows(course, [event("fact_withdrawn", supersedes=str(each), **gone) for each in doses])
    assert "0 courses with a step-up" in text(client)
