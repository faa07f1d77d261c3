"""Who may do each verb of the desks of referrals, sites, training and capacity: every role of the house, somebody who left, and strangers."""

import contextlib
import inspect
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from handrail import clock
from handrail.actions import (
    capacity_numbers,
    capacity_starts,
    referral_courses,
    referral_intake,
    referral_list,
    referral_looks,
    referrals,
    registry,
    site_levels,
    training,
    waiting,
)
from handrail.actions.actor import Actor, person, service
from handrail.actions.errors import ActionError, NotAllowedError, NotVisibleError, RefusedError
from handrail.people.models import Certificate, MockDrill, RotaStep, TrainingRecord
from handrail.people.models import Role as Roles
from handrail.people.permissions import VERBS
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, make_member
from tests.support.referrals import MESSAGE, RATIONALE, door_of, draft, referred

pytestmark = pytest.mark.django_db
TODAY = date(2026, 3, 2)
Do = Callable[[Any, Actor], Any]
DECISION = referrals.Decision(option="bispecific", rationale=RATIONALE, message=MESSAGE)

REFERRAL: dict[str, tuple[str, Do]] = {
    "claim": ("work_referral", lambda w, by: referrals.claim(w.kept.pk, by=by)),
    "acknowledge": ("work_referral", lambda w, by: referrals.acknowledge(w.kept.pk, "fax", by=by)),
    "ask": ("work_referral", lambda w, by: referrals.ask(w.kept.pk, "Which lines?", by=by)),
    "say_complete": ("work_referral", lambda w, by: referrals.say_complete(w.kept.pk, by=by)),
    "plan_contact": ("work_referral", lambda w, by: referrals.plan_contact(w.kept.pk, TODAY, by=by)),
    "note_contact": ("work_referral", lambda w, by: referrals.note_contact(w.kept.pk, by=by, reached=True)),
    "decide": ("decide_option", lambda w, by: referrals.decide(w.kept.pk, DECISION, by=by)),
    "tell": ("work_referral", lambda w, by: referrals.tell(w.kept.pk, "fax", by=by)),
    "close": ("work_referral", lambda w, by: referrals.close(w.kept.pk, by=by)),
    "set_aside": ("work_referral", lambda w, by: referrals.set_aside(w.kept.pk, "twice", by=by)),
    "name_maintenance": (
        "work_referral",
        lambda w, by: referral_courses.name_maintenance(w.kept.pk, True, "Synthetic Practice", by=by),
    ),
    "start_from_referral": (
        "start_course",
        lambda w, by: referral_courses.start_from_referral(
            w.kept.pk, by=by, protocol_key="teclistamab/US/2026-03/mono", record_number="MRN 9"
        ),
    ),
    "open_door": ("open_referral_door", lambda w, by: referral_intake.open_door(w.alice.id, "another", by=by)),
    "type_in": (
        "work_referral",
        lambda w, by: referral_intake.type_in(w.alice.id, draft(), by=by, referral_id=uuid4()),
    ),
}
SITES: dict[str, tuple[str, Do]] = {
    "record_site_item": (
        "record_site_item",
        lambda w, by: site_levels.record_site_item(w.site, item="SITE-16", met=None, checked_on=TODAY, by=by),
    ),
    "except_site_item": (
        "except_site_item",
        lambda w, by: site_levels.except_site_item(w.site, item="SITE-16", until_on=TODAY, reason="moved", by=by),
    ),
    "take_back_exception": (
        "except_site_item",
        lambda w, by: site_levels.take_back_exception(w.site, item="SITE-16", by=by),
    ),
    "grant_site_level": (
        "grant_site_level",
        lambda w, by: site_levels.grant_site_level(w.site, product="teclistamab", level="0", until_on=TODAY, by=by),
    ),
    "sign_strictness": (
        "grant_site_level",
        lambda w, by: site_levels.sign_strictness(w.site, strict=True, reason="as labelled", by=by),
    ),
    "record_way": (
        "record_site_item",
        lambda w, by: site_levels.record_way(w.site, other=uuid4(), minutes=20, by=by),
    ),
}
TRAINING: dict[str, tuple[str, Do]] = {
    "complete_module": (
        "record_training",
        lambda w, by: registry.complete_module(w.alice.id, user_id=w.pupil.pk, module="front_desk", on=TODAY, by=by),
    ),
    "bring_out": (
        "record_training",
        lambda w, by: registry.bring_out(w.alice.id, what="document", subject="SOP", version="2", by=by),
    ),
    "take_back_record": (
        "record_training",
        lambda w, by: registry.take_back_record(w.record, reason="another person", by=by),
    ),
    "record_drill": (
        "record_drill",
        lambda w, by: registry.record_drill(
            w.alice.id,
            site_id=w.site,
            kind="clinic",
            on=TODAY,
            minutes={"answered": Decimal(4)},
            correct_grade=True,
            by=by,
        ),
    ),
    "take_back_drill": (
        "record_training",
        lambda w, by: registry.take_back_drill(w.drill, reason="another site", by=by),
    ),
    "add_certificate": (
        "manage_people",
        lambda w, by: training.add_certificate(w.alice.id, user_id=w.pupil.pk, kind="x", valid_from=TODAY, by=by),
    ),
    "end_certificate": (
        "manage_people",
        lambda w, by: training.end_certificate(w.certificate, last_day=TODAY, by=by),
    ),
    "ask_of_step": (
        "manage_rota",
        lambda w, by: training.ask_of_step(w.alice.id, step="nurse", must_be_filled=True, certificate="x", by=by),
    ),
    "ask_as_shipped": ("manage_rota", lambda w, by: training.ask_as_shipped(w.step, by=by)),
}
CAPACITY: dict[str, tuple[str, Do]] = {
    "say_numbers": (
        "record_capacity",
        lambda w, by: capacity_numbers.say_numbers(w.site, {"beds": 2}, from_on=TODAY, by=by),
    ),
    "decide_start": (
        "plan_dose",
        lambda w, by: capacity_starts.decide_start(w.site, w.start, on=TODAY, reason="asked the ward", by=by),
    ),
    "put_on_list": (
        "keep_waiting_list",
        lambda w, by: waiting.put_on_list(w.start, cause="capacity", by=by),
    ),
    "take_off_list": ("keep_waiting_list", lambda w, by: waiting.take_off_list(w.start, reason="moved", by=by)),
}
"""An override of what is not covered is a director's alone: tests/actions/test_capacity.py."""
READING: dict[str, tuple[str, Do]] = {
    "case_for": ("view_referrals", lambda w, by: referral_list.case_for(by.user, w.kept.pk, clock.now())),
    "look_at": ("view_referrals", lambda w, by: referral_looks.look_at(by.user, w.kept.pk, "referral")),
    "looks_of_referral": (
        "view_looks",
        lambda w, by: referral_looks.looks_of_referral(by.user, w.kept.pk, clock.now(), most=9),
    ),
}
VERBS_OF = {**REFERRAL, **SITES, **TRAINING, **CAPACITY}
EVERY = {**VERBS_OF, **READING}
ALONE = {"sign_document"}
"""Done by oneself, at one's own organisation: below."""
MODULES: tuple[ModuleType, ...] = (
    referrals, referral_courses, referral_intake, site_levels, registry, training, capacity_numbers, capacity_starts, waiting,
)  # fmt: skip


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(MONDAY_0900)), everything():
        world = World()
        house = world.alice.organisation
        door_of(world.alice)
        world.kept, world.site = referred(world.alice), world.alice.site.pk
        world.start = world.make_course().pk
        world.pupil = make_member(house, "viewer", "Synthetic Pupil")
        taught = {"organisation": house, "by": world.alice.director, "on": TODAY}
        record = {"user": world.pupil, "what": "module", "subject": "x", "version": "1"}
        world.record = TrainingRecord.objects.create(**taught, **record).pk
        world.drill = MockDrill.objects.create(**taught, site=world.alice.site, kind="clinic").pk
        world.certificate = Certificate.objects.filter(organisation=house).first().pk
        world.step = RotaStep.objects.create(organisation=house, step="nurse", must_be_filled=True).pk
        world.staff = {role: make_member(house, role.value) for role in Roles}
        yield world


def may(do: Do, world: Any, by: Actor) -> bool:
    """Whether somebody may; what is refused for another reason was allowed. Nothing of it stays."""
    try:
        with transaction.atomic():
            with contextlib.suppress(RefusedError):
                do(world, by)
            transaction.set_rollback(True)
    except (NotAllowedError, NotVisibleError):
        return False
    return True


@pytest.mark.parametrize("name", EVERY)
def test_each_role_may_do_what_the_table_says_and_nothing_else(world, name):
    verb, do = EVERY[name]
    allowed = {role for role in Roles if may(do, world, person(world.staff[role]))}
    assert allowed == VERBS[verb]


@pytest.mark.parametrize("name", EVERY)
def test_nobody_from_elsewhere_and_nobody_who_left_may(world, name):
    _, do = EVERY[name]
    left = make_member(
        world.alice.organisation, "director", valid_until=MONDAY_0900, valid_from=MONDAY_0900 - timedelta(days=9)
    )
    inactive = make_member(world.alice.organisation, "director")
    inactive.is_active = False
    inactive.save()
    strangers = [world.bob.director, world.bob.oncologist, world.bob.nurse, world.charlie.director, left, inactive]
    assert [user.name for user in strangers if may(do, world, person(user))] == []


@pytest.mark.parametrize("name", VERBS_OF)
def test_no_part_of_handrail_itself_does_what_a_person_signs(world, name):
    _, do = VERBS_OF[name]
    assert not may(do, world, service("watcher"))


def test_a_document_is_signed_by_oneself_where_one_belongs(world):
    with pytest.raises(NotVisibleError):
        registry.sign_document(world.alice.id, document="SOP", version="1", by=person(world.bob.nurse))
    with pytest.raises(RefusedError):
        registry.sign_document(world.alice.id, document="SOP", version="1", by=person(world.staff[Roles.VIEWER]))


def test_a_refusal_says_nothing_of_what_is_there(world):
    """Of a stranger's own id and of one that never was the words are the same."""
    said = set()
    for pk in (world.kept.pk, uuid4()):
        with pytest.raises(ActionError) as refused:
            referrals.claim(pk, by=person(world.bob.nurse))
        said.add((type(refused.value), refused.value.message))
    assert len(said) == 1


def test_every_verb_of_the_desks_is_asked_here():
    takes_an_actor = {
        name
        for module in MODULES
        for name, found in vars(module).items()
        if inspect.isfunction(found)
        and found.__module__ == module.__name__
        and not name.startswith("_")
        and inspect.signature(found).parameters.get("by") is not None
        and inspect.signature(found).parameters["by"].annotation in ("Actor", Actor)
    }
    assert takes_an_actor - {"working"} == VERBS_OF.keys() | ALONE
