"""The set-up of a product: what is done, what a paper of the shared programme carries over, what is left, and by when."""

from dataclasses import replace
from datetime import timedelta

import pytest

from handrail.rules.rems_data import DeskRules, desk_rules, programme_for
from handrail.rules.rems_setup import setup
from tests.support.rems import BO, CY, DAY, PLACE, paper, papers, without

DESK: DeskRules = desk_rules()


def test_talquetamab_after_teclistamab_leaves_at_most_ten_tasks_with_dates():
    programme = programme_for("talquetamab", "US")
    found = setup(DESK.setup, programme, "talquetamab", PLACE, papers(), (), DAY, DAY)
    assert {task.row.id for task in found.tasks if task.state == "carried"} == {"representative", "deputy", "setting", "dispenser", "prescriber"}  # fmt: skip
    assert 0 < len(found.open) <= 10
    assert all(task.due_on is not None for task in found.open)
    assert found.earliest_on == DAY + timedelta(days=14)


def test_a_product_of_another_programme_carries_nothing_over():
    programme = programme_for("elranatamab", "US")
    found = setup(DESK.setup, programme, "elranatamab", PLACE, papers(), (), DAY, DAY)
    assert not [task for task in found.tasks if task.state != "open"]


def test_a_paper_of_one_product_is_done_for_it_and_carried_over_to_no_other():
    programme = programme_for("teclistamab", "US")
    one = (*without("setting"), paper("setting", site="site", product="teclistamab"))
    for product, state in (("teclistamab", "done"), ("talquetamab", "open")):
        found = setup(DESK.setup, programme, product, PLACE, one, (), DAY, DAY)
        (task,) = [each for each in found.tasks if each.row.id == "setting"]
        assert (task.state, "counts for every product" in task.words) == (state, False)


@pytest.mark.parametrize(
    ("place", "state", "words"),
    [
        (PLACE, "done", "Synthetic Cy"),
        (replace(PLACE, staff=(CY, BO)), "open", "14 days as a rule; not yet Synthetic Bo"),
        (replace(PLACE, staff=(BO,)), "open", "14 days as a rule"),
        (replace(PLACE, staff=()), "open", "14 days as a rule"),
    ],
)
def test_the_training_of_one_of_the_staff_is_not_that_of_all(place, state, words):
    found = setup(DESK.setup, programme_for("teclistamab", "US"), "teclistamab", place, papers(), (), DAY, DAY)
    (task,) = [each for each in found.tasks if each.row.id == "training"]
    assert (task.state, task.words) == (state, words)


def test_a_prescriber_of_another_site_sets_up_none():
    place = replace(PLACE, prescribers=(BO,))
    found = setup(DESK.setup, programme_for("teclistamab", "US"), "teclistamab", place, papers(), (), DAY, DAY)
    assert "prescriber" in {task.row.id for task in found.open}


def test_a_tick_closes_a_task_and_never_one_that_a_paper_shows():
    programme = programme_for("teclistamab", "US")
    every = [row.id for row in DESK.setup]
    found = setup(DESK.setup, programme, "teclistamab", PLACE, (), every, DAY, DAY)
    assert {task.row.id for task in found.open} == {row.id for row in DESK.setup if row.paper is not None}


def test_what_is_overdue_moves_the_first_dose():
    programme = programme_for("talquetamab", "US")
    later = DAY + timedelta(days=20)
    found = setup(DESK.setup, programme, "talquetamab", PLACE, papers(), (), DAY, later)
    assert found.earliest_on == later + timedelta(days=14)
