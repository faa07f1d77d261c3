"""Who may be placed, swaps, repeating plans and holidays."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.rota import answer_swap, ask_swap, put_on_rota, take_off_rota, withdraw_swap
from handrail.actions.rota_plans import add_holiday, add_plan, end_plan, extend, remove_holiday
from handrail.people.models import Certificate, Holiday, RotaEntry, Shift, Swap
from handrail.people.rota import who_is_on
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, make_certificate, make_member

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900
HOURS_8 = {"starts_at": NOW + timedelta(hours=1), "ends_at": NOW + timedelta(hours=9)}


@pytest.fixture
def world():
    with clock.use(clock.FrozenClock(NOW)), everything():
        yield World(watched=False)


@pytest.fixture
def director(world):
    return person(world.alice.director)


def place(world, user, by, **fields) -> Shift:
    return put_on_rota(world.alice.id, **{"step": "nurse", "user_id": user.pk, "by": by, **HOURS_8, **fields})


# --- trained and current -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "words"),
    [
        (None, "the certificate on_call_ladder is missing"),
        (date(2026, 3, 1), "the certificate on_call_ladder ran out on Sun 1 Mar 2026"),
        (
            date(2026, 3, 2),
            "not trained for the whole of it: the certificate on_call_ladder runs out on Mon 2 Mar 2026",
        ),
        (date(2026, 3, 3), ""),
    ],
)
def test_who_is_not_trained_for_the_whole_shift_is_not_placed(world, director, until, words):
    nurse = make_member(world.alice.organisation, "nurse", "Synthetic Nurse", trained=False)
    if until is not None:
        make_certificate(world.alice.organisation, nurse, valid_until=until)
    night = {"starts_at": NOW + timedelta(hours=10), "ends_at": NOW + timedelta(hours=22)}
    if not words:
        assert place(world, nurse, director, **night).user == nurse
        return
    with pytest.raises(RefusedError, match=words) as refused:
        place(world, nurse, director, **night)
    assert refused.value.code == "not_trained"
    assert "Synthetic Nurse" in refused.value.message


def test_a_certificate_of_another_organisation_or_kind_does_not_count(world, director):
    nurse = make_member(world.alice.organisation, "nurse", trained=False)
    make_certificate(world.bob.organisation, nurse)
    make_certificate(world.alice.organisation, nurse, kind="ice_assessment")
    with pytest.raises(RefusedError, match="is missing"):
        place(world, nurse, director)


def test_who_ran_out_after_being_placed_is_paged_rather_than_nobody(world, director):
    place(world, world.alice.nurse, director)
    Certificate.objects.filter(user=world.alice.nurse).update(valid_until=date(2026, 3, 1))
    assert who_is_on(world.alice.id, "nurse", NOW + timedelta(hours=2)).user == world.alice.nurse


def test_every_change_is_written_down_without_a_name(world, director):
    shift = place(world, world.alice.nurse, director)
    take_off_rota(shift.pk, by=director)
    entries = list(RotaEntry.objects.order_by("at", "kind"))
    assert {(e.kind, e.by) for e in entries} == {("put_on", director.user), ("taken_off", director.user)}
    assert entries[0].payload["user"] == str(world.alice.nurse.pk)
    assert "Alice Nurse" not in str(entries[0].payload)


def test_a_change_has_the_rota_looked_at_now(world, director):
    world.alice.site.rota_look_at = NOW + timedelta(hours=1)
    world.alice.site.save()
    place(world, world.alice.nurse, director)
    world.alice.site.refresh_from_db()
    assert world.alice.site.rota_look_at == NOW


# --- swaps ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def swap(world, director) -> Swap:
    shift = place(world, world.alice.nurse, director)
    other = make_member(world.alice.organisation, "nurse", "Synthetic Other")
    return ask_swap(shift.pk, other.pk, by=person(world.alice.nurse))


def test_until_the_other_accepts_nothing_changes(world, swap):
    assert who_is_on(world.alice.id, "nurse", NOW + timedelta(hours=2)).user == world.alice.nurse
    answer_swap(swap.pk, accept=True, by=person(swap.to_user))
    assert who_is_on(world.alice.id, "nurse", NOW + timedelta(hours=2)).user == swap.to_user
    assert list(RotaEntry.objects.filter(kind__startswith="swap").order_by("kind").values_list("kind", flat=True)) == [
        "swap_accepted",
        "swap_asked",
    ]


def test_declined_or_taken_back_nothing_changes_and_somebody_else_may_be_asked(world, swap):
    answer_swap(swap.pk, accept=False, by=person(swap.to_user))
    again = ask_swap(swap.shift_id, swap.to_user_id, by=person(world.alice.nurse))
    withdraw_swap(again.pk, by=person(world.alice.nurse))
    assert who_is_on(world.alice.id, "nurse", NOW + timedelta(hours=2)).user == world.alice.nurse
    with pytest.raises(RefusedError, match="answered already"):
        answer_swap(again.pk, accept=True, by=person(swap.to_user))


def test_a_shift_that_has_begun_passes_on_from_now(world, swap):
    later = NOW + timedelta(hours=4)
    answer_swap(swap.pk, accept=True, by=person(swap.to_user), now=later)
    on = [who_is_on(world.alice.id, "nurse", later + timedelta(minutes=m)).user for m in (-1, 0)]
    assert on == [world.alice.nurse, swap.to_user]


def test_nobody_but_the_one_who_was_asked_answers(world, director, swap):
    for by in (person(world.alice.nurse), director):
        with pytest.raises(NotAllowedError):
            answer_swap(swap.pk, accept=True, by=by)
    with pytest.raises(NotVisibleError):
        answer_swap(swap.pk, accept=True, by=person(world.bob.nurse))


def test_training_and_role_count_when_it_is_asked_and_when_it_is_accepted(world, director, swap):
    untrained = make_member(world.alice.organisation, "nurse", trained=False)
    viewer = make_member(world.alice.organisation, "viewer")
    withdraw_swap(swap.pk, by=director)
    for other, words in (
        (untrained, "is missing"),
        (viewer, "may not answer pages"),
        (world.alice.nurse, "same person"),
    ):
        with pytest.raises(RefusedError, match=words):
            ask_swap(swap.shift_id, other.pk, by=person(world.alice.nurse))
    again = ask_swap(swap.shift_id, swap.to_user_id, by=person(world.alice.nurse))
    Certificate.objects.filter(user=swap.to_user).delete()
    with pytest.raises(RefusedError, match="is missing"):
        answer_swap(again.pk, accept=True, by=person(swap.to_user))
    assert Shift.objects.get(pk=swap.shift_id).user == world.alice.nurse


def test_only_ones_own_shift_and_only_one_question_at_a_time(world, swap):
    with pytest.raises(NotAllowedError):
        ask_swap(swap.shift_id, swap.to_user_id, by=person(world.alice.on_call))
    with pytest.raises(RefusedError, match="asked already"):
        ask_swap(swap.shift_id, swap.to_user_id, by=person(world.alice.nurse))
    with pytest.raises(NotVisibleError):
        ask_swap(swap.shift_id, swap.to_user_id, by=person(world.charlie.nurse))


# --- repeating plans -----------------------------------------------------------------------------------------------


def nights(world, by, **fields):
    every = {"weekdays": range(7), "starts": time(19), "ends": time(7), "first_day": date(2026, 3, 2), "step": "nurse"}
    return add_plan(world.alice.id, **{"user_id": world.alice.nurse.pk, "by": by, **every, **fields})


def begins(plan) -> list[datetime]:
    return list(plan.shifts.order_by("starts_at").values_list("starts_at", flat=True))


def test_a_plan_makes_the_shifts_of_the_next_sixty_days_and_each_day_one_more(world, director):
    plan = nights(world, director)
    made = begins(plan)
    assert (len(made), made[0], plan.planned_until) == (61, datetime(2026, 3, 3, 1, tzinfo=UTC), date(2026, 5, 1))
    assert extend(plan, NOW) == 0
    assert extend(plan, NOW + timedelta(days=1)) == 1
    before, after = (each for each in made if each.date() in (date(2026, 3, 8), date(2026, 3, 9)))
    assert (before.hour, after.hour) == (1, 0)  # 19:00 on both sides of the night the clock goes forward


def test_a_shift_of_a_plan_that_was_taken_off_is_not_made_again(world, director):
    plan = nights(world, director)
    take_off_rota(plan.shifts.order_by("starts_at")[3].pk, by=director)
    extend(plan, NOW + timedelta(days=1))
    assert datetime(2026, 3, 6, 1, tzinfo=UTC) not in begins(plan)


def test_it_stops_where_the_certificate_runs_out_and_goes_on_once_it_is_renewed(world, director):
    certificate = Certificate.objects.filter(user=world.alice.nurse)
    certificate.update(valid_until=date(2026, 3, 10))
    plan = nights(world, director)
    assert (begins(plan)[-1], plan.planned_until) == (datetime(2026, 3, 10, 0, tzinfo=UTC), date(2026, 3, 9))
    certificate.update(valid_until=date(2027, 3, 10))
    assert extend(plan, NOW) == 53
    assert plan.planned_until == date(2026, 5, 1)


def test_ending_a_plan_removes_what_has_not_begun(world, director):
    plan = nights(world, director)
    assert end_plan(plan.pk, by=director, now=NOW + timedelta(days=1)) == 60
    assert Shift.objects.filter(step="nurse", user=world.alice.nurse, starts_at__gt=NOW).count() == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"weekdays": []}, "at least one day"),
        ({"weekdays": [7]}, "at least one day"),
        ({"last_day": date(2026, 3, 1)}, "ends before it begins"),
        ({"every_weeks": 0}, "every week"),
        ({"step": "janitor"}, "no such step"),
    ],
)
def test_what_makes_no_plan_is_said(world, director, fields, words):
    with pytest.raises(RefusedError, match=words):
        nights(world, director, **fields)
    assert not Shift.objects.filter(plan__isnull=False).exists()


def test_an_untrained_person_gets_no_plan(world, director):
    with pytest.raises(RefusedError, match="is missing"):
        nights(world, director, user_id=make_member(world.alice.organisation, "nurse", trained=False).pk)


def test_only_who_manages_the_rota(world):
    with pytest.raises(NotAllowedError):
        nights(world, person(world.alice.nurse))
    with pytest.raises(NotVisibleError):
        nights(world, person(world.bob.director))


# --- holidays ------------------------------------------------------------------------------------------------------

THANKSGIVING = date(2026, 11, 26)
BEFORE = datetime(2026, 11, 20, 15, tzinfo=UTC)


def on_thanksgiving(world):
    return who_is_on(world.alice.id, "second_on_call", datetime(2026, 11, 27, 2, tzinfo=UTC)).user


def test_a_holiday_is_a_gap_until_it_is_filled(world, director):
    Shift.objects.all().delete()
    plan = nights(world, director, step="second_on_call", user_id=world.alice.on_call.pk, now=BEFORE)
    assert on_thanksgiving(world) == world.alice.on_call
    holiday = add_holiday(world.alice.id, on=THANKSGIVING, name="Thanksgiving", by=director, now=BEFORE)
    assert on_thanksgiving(world) is None
    nights(world, director, step="second_on_call", on_holidays=True, weekdays=(), now=BEFORE)
    assert on_thanksgiving(world) == world.alice.nurse
    remove_holiday(holiday.pk, by=director, now=BEFORE)
    assert on_thanksgiving(world) == world.alice.on_call
    assert len({*begins(plan)}) == plan.shifts.count() == 61


def test_a_holiday_has_a_name_a_day_to_come_and_is_one_only_once(world, director):
    add = {"on": THANKSGIVING, "name": "Thanksgiving", "by": director}
    add_holiday(world.alice.id, **add)
    for fields, words in (({}, "already"), ({"name": " "}, "name"), ({"on": date(2026, 3, 1)}, "over")):
        with pytest.raises(RefusedError, match=words):
            add_holiday(world.alice.id, **{**add, **fields})
    add_holiday(world.bob.id, on=THANKSGIVING, name="Thanksgiving", by=person(world.bob.director))
    assert Holiday.objects.count() == 2
    with pytest.raises(NotVisibleError):
        remove_holiday(Holiday.objects.first().pk, by=person(world.charlie.director))


NIGHT_OF_IT = datetime(2026, 11, 27, 1, tzinfo=UTC)
"""19:00 in Chicago on Thanksgiving."""


def test_a_holiday_that_was_a_mistake_brings_no_shift_back_that_was_given_away(world, director):
    """One shift was swapped, another taken off: neither is the first person's again after the holiday came and went."""
    Shift.objects.all().delete()
    other = make_member(world.alice.organisation, "on_call", "Synthetic Other")
    plan = nights(world, director, step="second_on_call", user_id=world.alice.on_call.pk, now=BEFORE)
    swapped = plan.shifts.get(starts_at=NIGHT_OF_IT)
    swap = ask_swap(swapped.pk, other.pk, by=person(world.alice.on_call), now=BEFORE)
    answer_swap(swap.pk, accept=True, by=person(other), now=BEFORE)
    off = nights(world, director, step="first_on_call", user_id=world.alice.on_call.pk, now=BEFORE)
    take_off_rota(off.shifts.get(starts_at=NIGHT_OF_IT).pk, by=director, now=BEFORE)
    holiday = add_holiday(world.alice.id, on=THANKSGIVING, name="Thanksgiving", by=director, now=BEFORE)
    assert on_thanksgiving(world) == other, "somebody who took it over for that very day"
    remove_holiday(holiday.pk, by=director, now=BEFORE)
    assert on_thanksgiving(world) == other
    assert Shift.objects.filter(step="second_on_call", starts_at=NIGHT_OF_IT).count() == 1
    assert not Shift.objects.filter(step="first_on_call", starts_at=NIGHT_OF_IT).exists()


def test_a_day_that_is_a_holiday_already_changes_nothing_when_it_becomes_one_once_more(world, director):
    """The organisation's day and the site's are the same day: a shift of it that was taken off stays off."""
    Shift.objects.all().delete()
    plan = nights(
        world, director, step="second_on_call", on_holidays=True, weekdays=(), site_id=world.alice.site.pk, now=BEFORE
    )
    add_holiday(world.alice.id, on=THANKSGIVING, name="Thanksgiving", by=director, now=BEFORE)
    shift = plan.shifts.get()
    whole = {"on": THANKSGIVING, "name": "Thanksgiving", "by": director, "now": BEFORE}
    again = add_holiday(world.alice.id, site_id=world.alice.site.pk, **whole)
    assert plan.shifts.get().pk == shift.pk
    remove_holiday(again.pk, by=director, now=BEFORE)
    assert plan.shifts.get().pk == shift.pk
