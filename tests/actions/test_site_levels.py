"""Recording, excepting and signing for a site, who may, and a plan that is refused."""

from datetime import date, timedelta
from typing import Any

import pytest

from handrail.actions.actor import person
from handrail.actions.agreements import end
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import record_event
from handrail.actions.site_around import around_site
from handrail.actions.site_bookings import nearest, planned_words, site_evidence, unsigned_words
from handrail.actions.site_facts import experience_of, gather
from handrail.actions.site_levels import (
    except_site_item,
    grant_site_level,
    record_site_item,
    record_way,
    sites_seen,
    take_back_exception,
)
from handrail.people.models import Shift, SiteGrant, SiteItem
from handrail.people.network import hubs_of
from handrail.people.scope import everything
from handrail.rules.setting_course import Around
from handrail.rules.setting_facts import Paper
from handrail.rules.site_levels import load_site_levels, site_level
from handrail.rules.terms import day_start
from tests.support.agreements import agreed_between
from tests.support.factories import CHICAGO, MONDAY_0900, World, dose, event, make_house, make_member, make_site
from tests.support.handoff_world import NOW as STEPPED_UP
from tests.support.handoff_world import stepped_up_course
from tests.support.site_rows import TEC, TODAY, in_days, ready, shows, signs

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def world():
    return World()


def as_fields(row: SiteItem) -> dict[str, Any]:
    return {each.attname: getattr(row, each.attname) for each in row._meta.concrete_fields if each.attname != "id"}


def now_of(house: Any, at: Any = MONDAY_0900) -> Any:
    with everything():
        return gather([house.site], at)[house.site.pk]


def level_of(house: Any, product: str = TEC, at: Any = MONDAY_0900) -> str:
    return now_of(house, at).level(product).level


def recorded(house: Any, who: Any = None, **fields: Any) -> SiteItem:
    told = {"item": "SITE-16", "met": True, "checked_on": TODAY, "evidence": "letter 7", "no_end": True, **fields}
    return record_site_item(house.site.pk, by=person(who or house.director), now=MONDAY_0900, **told)


def plan(
    world: World, *, step: str = "step_up_1", setting: str | None = "outpatient", days: int = 2, **fields: Any
) -> Any:
    body = {"step": step, "on": in_days(days).isoformat(), "setting": setting, **fields}
    at = MONDAY_0900 + timedelta(hours=1)
    return record_event(world.course.pk, event("dose_planned", at=at, **body), by=world.actor("alice"), now=at)


# --- recording an item --------------------------------------------------------------------------------------------------


def test_a_recorded_item_is_shown_with_who_when_and_evidence(world):
    row = recorded(world.alice)
    assert (row.by, row.role, row.at, row.evidence) == (world.alice.director, "director", MONDAY_0900, "letter 7")
    (line,) = [each for each in now_of(world.alice).level(TEC).lines if each.item == "SITE-16"]
    assert line.state == "shown"


REFUSED = [
    ({"item": "SITE-99"}, "unknown_word", "item"),
    ({"checked_on": TODAY + DAY}, "not_a_time", "checked_on"),
    ({"evidence": " "}, "missing_key", "evidence"),
    ({"no_end": None}, "missing_key", "until"),
    ({"until": TODAY}, "contradiction", "until"),
    ({"until": TODAY - DAY, "no_end": None}, "not_a_time", "until"),
    ({"evidence": "x" * 201}, "too_long", "evidence"),
    ({"evidence": "a\nb"}, "too_long", "evidence"),
    ({"item": "SITE-02"}, "missing_key", "product"),
    ({"item": "SITE-05"}, "missing_key", "licence"),
    ({"item": "SITE-05", "licence": "a friend's", "dispenser": "X"}, "missing_key", "licence"),
    ({"item": "SITE-05", "licence": "state_pharmacy"}, "missing_key", "dispenser"),
]


@pytest.mark.parametrize(("fields", "code", "path"), REFUSED)
def test_what_cannot_be_used_is_refused_in_one_sentence_and_nothing_is_kept(world, fields, code, path):
    with pytest.raises(RefusedError) as refused:
        recorded(world.alice, **fields)
    assert (refused.value.code, refused.value.path) == (code, path)
    with everything():
        assert not SiteItem.objects.exists()


def test_what_is_not_met_or_not_known_needs_no_evidence(world):
    assert recorded(world.alice, met=False, evidence="", no_end=None).met is False
    assert recorded(world.alice, met=None, evidence="", no_end=None).met is None
    (line,) = [each for each in now_of(world.alice).level(TEC).lines if each.item == "SITE-16"]
    assert line.state == "not_met"  # of two words of one day the more cautious


def test_of_one_day_what_was_written_last_counts_for_items_and_for_levels(world):
    ready(world.bob, "4")
    noon = MONDAY_0900 + timedelta(hours=3)
    shows(world.bob, "SITE-11", met=False, at=noon)
    assert level_of(world.bob, at=noon) == "2"
    shows(world.bob, "SITE-11", at=noon + timedelta(minutes=5))
    assert level_of(world.bob, at=noon + timedelta(minutes=5)) == "4"
    signs(world.bob, "1", at=noon)
    assert level_of(world.bob, at=noon + timedelta(minutes=5)) == "1"
    signs(world.bob, "4", at=noon + timedelta(minutes=6))
    assert level_of(world.bob, at=noon + timedelta(minutes=6)) == "4"


def test_only_the_sites_own_managers_record(world):
    manager = make_member(world.bob.organisation, "site_manager")
    assert recorded(world.bob, manager).role == "site_manager"
    agreed_between(world.alice, world.bob)
    for who in (world.bob.nurse, world.bob.oncologist, world.alice.director):
        with pytest.raises(NotAllowedError):
            recorded(world.bob, who)
    with pytest.raises(NotVisibleError):
        recorded(world.bob, world.charlie.director)


# --- who excepts and signs ------------------------------------------------------------------------------------------------


def excepted(house: Any, who: Any, **fields: Any) -> Any:
    told = {"item": "SITE-16", "until_on": in_days(10), "reason": "the ward moves", **fields}
    return except_site_item(house.site.pk, by=person(who), now=MONDAY_0900, **told)


def granted(house: Any, who: Any, level: str = "1", **fields: Any) -> SiteGrant:
    told = {"product": TEC, "until_on": in_days(300), "evidence": "visit of 1 March", **fields}
    return grant_site_level(house.site.pk, level=level, by=person(who), now=MONDAY_0900, **told)


def test_a_practice_by_itself_needs_no_hub(world):
    ready(world.bob, "1")
    granted(world.bob, world.bob.director)
    assert not now_of(world.bob).facts.has_hub
    assert level_of(world.bob) == "1"


def test_with_an_agreement_in_force_the_hubs_director_signs_and_excepts_and_nobody_else(world):
    ready(world.bob, "1")
    agreed_between(world.alice, world.bob)
    assert granted(world.bob, world.alice.director).by == world.alice.director
    excepted(world.bob, world.alice.director)
    for who in (world.bob.director, world.alice.oncologist):
        with pytest.raises(NotAllowedError):
            granted(world.bob, who)
        with pytest.raises(NotAllowedError):
            excepted(world.bob, who)
    with pytest.raises(NotVisibleError):
        granted(world.bob, world.charlie.director)


def test_the_hub_itself_has_no_hub_above_it(world):
    agreed_between(world.alice, world.bob)
    ready(world.alice, "1")
    assert granted(world.alice, world.alice.director).level == "1"
    with pytest.raises(NotAllowedError):
        granted(world.alice, world.bob.director)


def test_an_agreement_that_is_over_gives_the_pen_back(world):
    row = agreed_between(world.alice, world.bob, valid_until="2026-03-31")
    ready(world.bob, "1")
    for day, hubs in ((date(2026, 3, 31), (world.alice.id,)), (date(2026, 4, 1), ())):
        noon = day_start(day, CHICAGO) + timedelta(hours=12)
        assert hubs_of([world.bob.id], noon) == {world.bob.id: hubs}
    end(row.pk, why="over", by=person(world.alice.director), now=MONDAY_0900)
    assert granted(world.bob, world.bob.director).level == "1"


def test_an_exception_holds_until_its_day_and_can_be_taken_back(world):
    ready(world.bob, "3", but=("SITE-16",))
    assert level_of(world.bob) == "2"
    excepted(world.bob, world.bob.director)
    assert level_of(world.bob) == "3"
    take_back_exception(world.bob.site.pk, item="SITE-16", by=person(world.bob.director), now=MONDAY_0900)
    assert level_of(world.bob) == "2"
    excepted(world.bob, world.bob.director, until_on=TODAY)  # excepted anew: later words count
    later = MONDAY_0900 + timedelta(minutes=5)
    assert level_of(world.bob, at=later) == "2"  # of the same minute: the more cautious


def test_an_exception_that_is_signed_anew_takes_the_place_of_a_longer_one(world):
    ready(world.bob, "3", but=("SITE-16",))
    director = person(world.bob.director)
    excepted(world.bob, world.bob.director, until_on=in_days(300))
    for minutes, days in ((1, 3), (2, 20)):  # shorter, then longer: the last word counts
        at = MONDAY_0900 + timedelta(minutes=minutes)
        except_site_item(
            world.bob.site.pk, item="SITE-16", until_on=in_days(days), reason="a slip", by=director, now=at
        )
        facts = now_of(world.bob, at).facts
        for later, state in ((days, "excepted"), (days + 1, "not_known")):
            lines = site_level(facts, load_site_levels(), TEC, in_days(later)).lines
            assert next(each.state for each in lines if each.item == "SITE-16") == state


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"item": "SITE-04", "product": TEC}, "never", "item"),
        ({"reason": " "}, "missing_key", "reason"),
        ({"until_on": TODAY - DAY}, "not_a_time", "until_on"),
        ({"item": "SITE-02"}, "missing_key", "product"),
    ],
)
def test_an_exception_that_cannot_be(world, fields, code, path):
    with pytest.raises(RefusedError) as refused:
        excepted(world.bob, world.bob.director, **fields)
    assert (refused.value.code, refused.value.path) == (code, path)


def test_a_level_is_signed_only_over_items_that_hold_and_each_that_is_lacking_is_named(world):
    ready(world.bob, "2", but=("SITE-01", "SITE-31"))
    with pytest.raises(RefusedError, match=r"SITE-01 \(director\): nothing is recorded; SITE-31 \(nurse\)") as refused:
        granted(world.bob, world.bob.director, "2")
    assert refused.value.code == "not_ready"
    assert granted(world.bob, world.bob.director, "0", evidence="").level == "0"  # down at any time
    assert level_of(world.bob) == "0"


def test_promotion_needs_stated_evidence_and_a_reason_where_a_condition_is_lacking(world):
    ready(world.bob, "2", days=300)
    signs(world.bob, "1", at=MONDAY_0900)
    with pytest.raises(RefusedError, match="evidence") as refused:
        granted(world.bob, world.bob.director, "2", evidence=" ")
    assert refused.value.path == "evidence"
    with pytest.raises(RefusedError, match="patients at this level: 0; 5 are needed") as refused:
        granted(world.bob, world.bob.director, "2")
    assert refused.value.path == "why"
    assert granted(world.bob, world.bob.director, "2", why="two years with another product").why


def test_a_site_climbs_one_level_at_a_time_unless_a_director_says_why(world):
    ready(world.bob, "3")
    signs(world.bob, "1")
    with pytest.raises(RefusedError, match="one level at a time"):
        granted(world.bob, world.bob.director, "3")


# --- what is computed ---------------------------------------------------------------------------------------------------------


def test_the_rota_is_computed_and_a_hole_in_it_is_said_with_its_hours(world):
    ready(world.bob, "4")
    assert level_of(world.bob) == "4"
    assert now_of(world.bob).computed["SITE-13"].endswith("no gap")
    with everything():
        Shift.objects.filter(organisation=world.bob.organisation, step="attending").update(
            ends_at=MONDAY_0900 + timedelta(days=13)
        )
    assert level_of(world.bob) == "2"  # though a person had recorded that it is filled
    assert "1 gaps, the first: Nobody is attending from Sun 15 Mar" in now_of(world.bob).computed["SITE-13"]


def test_patients_are_counted_since_the_level_was_signed_and_withdrawn_doses_are_not(world):
    ready(world.alice, "1")
    at = MONDAY_0900 + timedelta(hours=2)
    given = record_event(world.course.pk, dose("treatment", at=at, mg="100"), by=world.actor("alice"), now=at)
    assert experience_of(now_of(world.alice), TEC, at).patients == 1
    assert experience_of(now_of(world.alice), "talquetamab", at).patients == 0
    gone = event("fact_withdrawn", at=at, supersedes=str(given.event.id), reason="another patient")
    record_event(world.course.pk, gone, by=world.actor("alice"), now=at)
    assert experience_of(now_of(world.alice), TEC, at).patients == 0


def test_a_serious_event_counts_as_reviewed_after_the_monthly_review(world):
    ready(world.alice, "1", but=("SITE-27",))
    at = MONDAY_0900 + timedelta(hours=2)
    for grade in (2, 3):
        told = event("condition_noted", at=at, what="pneumonia", grade=grade, active=True)
        record_event(world.course.pk, told, by=world.actor("alice"), now=at)
    seen = experience_of(now_of(world.alice), TEC, at)
    assert (seen.last_serious, seen.not_reviewed) == (TODAY, 1)
    shows(world.alice, "SITE-27")
    assert experience_of(now_of(world.alice), TEC, at).not_reviewed == 0


def test_gathering_many_sites_asks_no_more_than_gathering_one(world, django_assert_num_queries):
    sites = [world.alice.site, *(make_site(world.alice.organisation) for _ in range(9))]
    more = [make_house(f"House {n}") for n in range(5)]
    for house in (world.alice, *more):
        ready(house, "1")
    with everything():
        with django_assert_num_queries(11):
            gather([world.alice.site], MONDAY_0900)
        with django_assert_num_queries(11):
            gather([*sites, *(house.site for house in more)], MONDAY_0900)


# --- a plan ----------------------------------------------------------------------------------------------------------------------


def test_where_nobody_ever_signed_a_level_a_plan_is_taken_and_the_planner_is_told(world):
    assert plan(world).event.kind == "dose_planned"
    assert "No level of Synthetic Site is signed for teclistamab" in unsigned_words(world.course, None, MONDAY_0900)
    signs(world.alice, "1", product="talquetamab")
    assert unsigned_words(world.course, None, MONDAY_0900) == ""


def test_from_the_first_signed_level_on_a_plan_is_refused_with_the_reason_and_the_sites_that_can(world):
    agreed_between(world.alice, world.bob)
    ready(world.alice, "1")
    ready(world.bob, "4")
    with pytest.raises(RefusedError) as refused:
        plan(world)
    assert refused.value.code == "site_not_ready"
    assert "step-up outside hospital needs level 4" in refused.value.message
    assert "Sites that can: Synthetic Site (the way is not recorded)." in refused.value.message
    assert plan(world, step="treatment").event.kind == "dose_planned"
    assert plan(world, at_site=world.bob.site.code).event.kind == "dose_planned"


def test_what_was_given_and_what_was_planned_for_the_past_is_always_recorded(world):
    signs(world.alice, "0")
    at = MONDAY_0900 + timedelta(hours=2)
    assert record_event(world.course.pk, dose("step_up_1", at=at, mg="5"), by=world.actor("alice"), now=at).event
    assert plan(world, days=-1).event.kind == "dose_planned"


def test_a_level_that_runs_out_before_the_dose_refuses_it_unless_an_exception_holds(world):
    ready(world.alice, "4", days=3)
    assert plan(world, days=3).event
    with pytest.raises(RefusedError, match="no director has signed it for that day"):
        plan(world, days=4)
    ready(world.alice, "4", but=("SITE-16",), at=MONDAY_0900 + timedelta(minutes=1))
    shows(world.alice, "SITE-16", met=False)
    with pytest.raises(RefusedError, match="SITE-16 not met"):
        plan(world, days=4)
    excepted(world.alice, world.alice.director, until_on=in_days(4))
    assert plan(world, days=4).event


def test_a_place_that_nobody_knows_is_refused_and_a_hospital_is_judged_by_the_site_that_works_with_it(world):
    ready(world.alice, "3")
    with pytest.raises(RefusedError, match="no site of that name"):
        plan(world, at_site="somewhere")
    assert plan(world, at_site="General Hospital", setting="inpatient").event
    with pytest.raises(RefusedError, match="needs level 4"):
        plan(world, setting=None)  # where it is watched is not known: the most is asked


def test_the_nearest_comes_first_and_a_way_that_nobody_wrote_down_last(world):
    near, far, unknown = (make_house(name, kind="community") for name in ("Near", "Far", "Unknown"))
    for house in (near, far, unknown):
        agreed_between(world.alice, house)
        ready(house, "4")
    by = person(world.alice.director)
    for later, house, minutes in ((0, far, 90), (1, near, 99), (2, near, 20)):  # of two words the later counts
        at = MONDAY_0900 + timedelta(minutes=later)
        record_way(world.alice.site.pk, other=house.site.pk, minutes=minutes, by=by, now=at)
    with everything():
        found = nearest(world.alice.site, TEC, "step_up", on=in_days(2), now=MONDAY_0900 + timedelta(minutes=3))
    assert [(each.site, each.minutes) for each in found] == [(near.site, 20), (far.site, 90), (unknown.site, None)]
    for other, minutes in ((world.alice.site.pk, 20), (world.charlie.site.pk, 20), (near.site.pk, 0)):
        with pytest.raises(RefusedError):
            record_way(world.alice.site.pk, other=other, minutes=minutes, by=by, now=MONDAY_0900)


def test_the_gate_hears_of_a_site_by_the_phase_of_the_plan(world):
    ready(world.alice, "1")
    plan(world, step="treatment")
    told = site_evidence(world.course, world.alice.site, TEC, in_days(2), now=MONDAY_0900)
    assert told.met is None and "whether this one is complicated is not known" in told.because
    assert site_evidence(world.course, world.alice.site, TEC, in_days(3), now=MONDAY_0900).met is False
    assert site_evidence(world.course, world.bob.site, TEC, in_days(2), now=MONDAY_0900).met is None
    assert site_evidence(world.course, None, TEC, in_days(2), now=MONDAY_0900).met is None


def stepped_up_at(world: World, *told: Any, **made: Any) -> Any:
    """A course of Alice's whose step-up is complete, and what was recorded of it beside that."""
    course = stepped_up_course(world, **made)
    for each in told:
        record_event(course.pk, each, by=world.actor("alice"), now=STEPPED_UP)
    return course


def plan_treatment(world: World, course: Any) -> Any:
    on = (STEPPED_UP + 7 * DAY).date().isoformat()
    told = event("dose_planned", at=STEPPED_UP, step="treatment", on=on, setting="outpatient")
    return record_event(course.pk, told, by=world.actor("alice"), now=STEPPED_UP)


def grade_2(at: Any = STEPPED_UP) -> dict[str, Any]:
    inputs = {"fever_other": False, "masked": False, "premed_masking": False, "hypotension": True, "tmax_c": "38.4"}
    inputs |= {"hypotension_other": False, "pressors": [], "o2": "none", "flow_l_per_min": "0", "hypoxia_other": False}
    return event("crs_assessed", at=at, **inputs, died_of_crs=False)


def test_maintenance_of_a_complicated_patient_is_refused_at_a_site_of_uncomplicated_ones(world):
    ready(world.alice, "1", at=STEPPED_UP - timedelta(minutes=5))
    assert plan_treatment(world, stepped_up_at(world)).event.kind == "dose_planned"
    with pytest.raises(RefusedError) as refused:
        plan_treatment(world, stepped_up_at(world, grade_2()))
    assert "maintenance of a complicated patient needs level 2" in refused.value.message
    assert "(complicated: CRS of grade 2" in refused.value.message
    ready(world.alice, "2", at=STEPPED_UP)
    assert plan_treatment(world, stepped_up_at(world, grade_2())).event.kind == "dose_planned"


def test_where_nobody_knows_whether_a_patient_is_complicated_the_planner_is_told_and_the_gate_asks(world):
    ready(world.alice, "1", at=STEPPED_UP - timedelta(minutes=5))
    known, unknown = stepped_up_at(world), stepped_up_at(world, anc=None)
    on = (STEPPED_UP + 7 * DAY).date()
    for course, met, said in ((known, True, ""), (unknown, None, "the neutrophil count of the last")):
        plan_treatment(world, course)
        words = planned_words(course, "treatment", None, on, STEPPED_UP)
        assert (said in words) if said else words == ""
        answer = site_evidence(course, world.alice.site, TEC, on, now=STEPPED_UP)
        assert answer.met is met and said in answer.because
    assert planned_words(unknown, "step_up_1", None, on, STEPPED_UP) == ""
    ready(world.alice, "2", at=STEPPED_UP)
    assert planned_words(unknown, "treatment", None, on, STEPPED_UP) == ""
    assert site_evidence(unknown, world.alice.site, TEC, on, now=STEPPED_UP).met is True


def test_a_step_up_in_hospital_is_judged_as_what_it_is(world):
    ready(world.alice, "2", at=MONDAY_0900 - timedelta(minutes=5))
    with pytest.raises(RefusedError) as refused:
        plan(world, setting="inpatient")
    assert "step-up in hospital needs level 3" in refused.value.message
    ready(world.alice, "3")
    assert plan(world, setting="inpatient").event.kind == "dose_planned"
    with pytest.raises(RefusedError):
        plan(world, setting="outpatient")


def test_the_setting_hears_level_paper_agreement_and_the_other_sites(world):
    agreed_between(world.alice, world.bob)
    assert around_site(world.course, in_days(2), MONDAY_0900) == Around(site_name="Synthetic Site")  # nobody signed
    ready(world.alice, "3", days=30)
    ready(world.bob, "4")
    record_way(world.alice.site.pk, other=world.bob.site.pk, minutes=20, by=world.actor("alice", "director"))
    told = around_site(world.course, in_days(2), MONDAY_0900)
    assert (told.site_level, told.hospital_agreement) == ("3", Paper(held=True, until=TODAY + timedelta(days=365)))
    assert told.level_paper is not None and told.level_paper.holds(in_days(2))
    assert [(each.level, each.worst_minutes) for each in told.other_sites] == [("4", 20)]
    shows(world.alice, "SITE-09", met=False, at=MONDAY_0900)
    worse = around_site(world.course, in_days(2), MONDAY_0900)
    assert (worse.site_level, worse.hospital_agreement) == ("2", Paper(held=False))
    over = around_site(world.course, in_days(31), MONDAY_0900)
    assert over.site_level == "0"


def test_what_nobody_can_read_of_a_site_is_not_known_and_no_word_in_the_course_stands_in_for_it(world):
    """A row of a newer version: the level that was noted in the course long ago is not taken for what was signed since."""
    ready(world.alice, "1")
    row = shows(world.alice, "SITE-16")
    with everything():
        SiteItem.objects.bulk_create([SiteItem(**{**as_fields(row), "item": "SITE-98"})])
    told = around_site(world.course, in_days(2), MONDAY_0900)
    assert (told.site_level, told.level_paper, told.hospital_agreement) == (None, Paper(), Paper())


def test_a_refusal_names_who_mends_it(world):
    ready(world.alice, "4", but=("SITE-16", "SITE-31"))
    with pytest.raises(RefusedError, match=r"To be mended by: site manager, nurse\."):
        plan(world, days=2)


def test_the_first_patient_of_a_site_is_told_only_where_it_is_known(world):
    ready(world.alice, "1")
    assert around_site(world.course, in_days(2), MONDAY_0900).first_patient_at_site is None
    other, at = world.make_course(), MONDAY_0900 + timedelta(hours=1)
    record_event(other.pk, dose("treatment", at=at, mg="100"), by=world.actor("alice"), now=at)
    assert around_site(world.course, in_days(2), at).first_patient_at_site is False
    assert around_site(other, in_days(2), at).first_patient_at_site is None
    (given,) = [each for each in other.events.all() if each.kind == "dose_given"]
    back = event("fact_withdrawn", at=at, supersedes=str(given.id), reason="another patient")
    record_event(other.pk, back, by=world.actor("alice"), now=at)
    assert around_site(world.course, in_days(2), at).first_patient_at_site is None


def test_the_sites_of_a_person_are_their_own_and_those_of_partners(world):
    agreed_between(world.alice, world.bob)
    assert set(sites_seen(world.bob.nurse, MONDAY_0900)) == {world.alice.site, world.bob.site}
    assert set(sites_seen(world.charlie.nurse, MONDAY_0900)) == {world.charlie.site}
