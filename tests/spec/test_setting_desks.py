"""What the REMS desk and the access desk say to the setting of a dose, one desk a row; and what of the record is said beside them."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from handrail.rules.access import standing
from handrail.rules.access_gate import Asked
from handrail.rules.evidence import Evidence
from handrail.rules.rems_desk import Ask, sides
from handrail.rules.setting_course import Around
from handrail.rules.setting_desks import authorisation_of, paper_of, rems_papers, site_of_care
from handrail.rules.setting_facts import Paper, Payer
from handrail.rules.terms import STEPS, day_start
from tests.spec.test_access_gate import ASKED, CHICAGO, GRANTED, ON, RULES, SENT, TEC, entry
from tests.support.rems import ANA, DAY, PLACE, ask, paper, without
from tests.support.setting_courses import facts_of_v1, looked

YESTERDAY = DAY - timedelta(days=1)
LAST = DAY + timedelta(days=60)
NOTHING_YET = (paper("prescriber", who=ANA),)


def told(asked: Ask) -> dict[str, Paper]:
    return rems_papers(sides(asked), CHICAGO)


YES = Paper(held=True, no_end=True)
NO, UNKNOWN = Paper(held=False), Paper()


@pytest.mark.parametrize(
    ("asked", "prescriber", "dispenser", "setting"),
    [
        (ask(), YES, YES, YES),
        (ask(dispenses=()), YES, YES, YES),  # the code is the gate's to ask, on the day
        (ask(papers=without("prescriber")), NO, YES, YES),
        (ask(papers=without("dispenser")), YES, NO, YES),
        (ask(papers=without("representative")), YES, YES, NO),  # who answers for the setting counts for it
        (ask(papers=without("setting", paper("setting", site="site", until=LAST))), YES, YES, Paper(held=True, until=LAST)),
        (ask(papers=without("setting", paper("setting", site="site", until=YESTERDAY))), YES, YES, NO),
        (ask(papers=without("setting", paper("setting", site="site", until=None))), YES, YES, UNKNOWN),
        (ask(papers=without("dispenser", paper("dispenser", site="site"))), YES, UNKNOWN, YES),  # under which licence?
        (ask(prescriber=None), UNKNOWN, YES, YES),
        # the desk keeps nothing of this: what was noted in the course counts
        (ask(papers=()), None, None, None),
        (ask(papers=NOTHING_YET), None, None, None),
        (ask(place=None), None, None, None),
        (ask(product="epcoritamab"), None, None, None),
        (ask(jurisdiction="EU"), None, None, None),
        (ask(ended="the REMS ended: signed by two"), None, None, None),
        (ask(place=replace(PLACE, id="elsewhere")), None, None, None),
    ],
)  # fmt: skip
def test_the_three_sides_of_the_rems(asked, prescriber, dispenser, setting):
    found = told(asked)
    assert (found.get("rems_prescriber"), found.get("rems_dispenser"), found.get("rems_setting")) == (prescriber, dispenser, setting)  # fmt: skip


def test_a_paper_ends_on_the_last_day_on_which_it_holds():
    answer = Evidence(met=True, because="x", owner="x", until=day_start(date(2026, 3, 10), CHICAGO))
    assert paper_of(answer, CHICAGO) == Paper(held=True, until=date(2026, 3, 9))


UNTIL = GRANTED.valid_until
HELD = Paper(held=True, until=UNTIL)


def desk(*entries, asked: Asked = ASKED):
    held = [(TEC, standing(TEC, entries, RULES, CHICAGO))]
    return authorisation_of(held, asked), site_of_care(held, asked)


@pytest.mark.parametrize(
    ("differs", "authorisation", "steps"),
    [
        # what the approval says instead | the paper | the steps that are paid in hospital only
        ({}, HELD, ()),
        ({"setting": "any"}, HELD, ()),
        ({"setting": "inpatient"}, HELD, STEPS),  # authorised all the same: the rules send the dose to hospital
        ({"setting": "hybrid"}, HELD, "noted"),
        ({"setting": None}, HELD, None),
        ({"site": "another"}, NO, "noted"),
        ({"site": "any"}, HELD, ()),
        ({"site": None}, UNKNOWN, None),
        ({"code": "J0000"}, NO, "noted"),
        ({"code": None}, UNKNOWN, None),
        ({"valid_from": ON + timedelta(days=1)}, NO, "noted"),
        ({"valid_from": None}, UNKNOWN, None),
        ({"valid_until": ON - timedelta(days=1)}, Paper(held=True, until=ON - timedelta(days=1)), "noted"),
        ({"valid_until": None}, UNKNOWN, None),
        ({"setting": "inpatient", "site": None}, UNKNOWN, STEPS),
    ],
)
def test_what_an_approval_says_of_the_drug_and_of_the_place(differs, authorisation, steps):
    paper, payer = desk(SENT, replace(GRANTED, **differs))
    assert paper == authorisation
    assert (payer.inpatient_steps if payer is not None else "noted") == steps


def test_a_request_without_an_answer_is_no_authorisation_and_says_nothing_of_the_place():
    assert desk(SENT) == (NO, None)
    assert desk(SENT, entry("denied", 5, reason="not covered")) == (NO, None)
    assert (authorisation_of([], ASKED), site_of_care([], ASKED)) == (None, None)


def test_of_two_requests_one_that_covers_the_dose_is_enough():
    ended = standing(TEC, [SENT, replace(GRANTED, valid_until=ON - timedelta(days=1))], RULES, CHICAGO)
    whole = standing(TEC, [SENT, GRANTED], RULES, CHICAGO)
    hospital = standing(TEC, [SENT, replace(GRANTED, setting="inpatient")], RULES, CHICAGO)
    for held in ([(TEC, ended), (TEC, whole)], [(TEC, whole), (TEC, ended)]):
        assert authorisation_of(held, ASKED) == HELD
    found = site_of_care([(TEC, hospital), (TEC, whole)], ASKED)
    assert found is not None
    assert found.inpatient_steps == ()


def test_an_approval_of_the_evening_is_named_by_the_day_of_the_site():
    late = datetime(2026, 3, 3, 21, tzinfo=ZoneInfo(CHICAGO))
    _, payer = desk(SENT, replace(GRANTED, at=late, recorded_at=late))
    assert payer is not None
    assert (payer.policy or "").endswith("of Tue 3 Mar 2026")


# --- the record beside a desk -------------------------------------------------------------------------------------------------


def said(around: Around, **changes) -> list[tuple[str, str, str]]:
    found = looked(facts_of_v1(**changes), around=around)
    return [(each.fact, each.desk, each.record) for each in found.against]


@pytest.mark.parametrize(
    ("around", "changes", "against"),
    [
        (Around(), {}, []),
        (Around(rems_setting=YES), {}, []),
        (Around(rems_setting=NO), {}, [("rems_setting", "not there", "there, without an end")]),
        (Around(rems_setting=YES), {"rems_setting": {"held": False}}, [("rems_setting", "there, without an end", "not there")]),
        (Around(rems_setting=UNKNOWN), {}, [("rems_setting", "not known", "there, without an end")]),
        (Around(rems_setting=NO), {"rems_setting": None}, []),  # not known speaks against nobody
        (Around(payer=Payer(inpatient_steps=STEPS)), {}, [("payer", "this dose is paid in hospital only", "this dose is paid in any setting")]),
        (Around(payer=Payer(inpatient_steps=())), {"payer_inpatient_steps": ["step_up_2"]}, []),
        (Around(authorisation=NO), {}, [("authorisation", "not there", "there, until Fri 31 Dec 2027")]),
        (Around(follows_label_strictly=True), {}, [("follows_label_strictly", "yes", "no")]),
        (Around(site_level="1", level_paper=YES), {}, [("site_level", "level 1", "level 4")]),
        (Around(first_patient_at_site=True), {}, [("first_patient_at_site", "yes", "no")]),
    ],
)  # fmt: skip
def test_a_word_against_a_desk_is_shown_beside_it(around, changes, against):
    assert said(around, **changes) == against


@pytest.mark.parametrize(
    ("around", "changes", "recommendation"),
    [
        (Around(rems_setting=NO), {}, "DEFER"),
        (Around(rems_setting=UNKNOWN), {}, None),
        (Around(rems_setting=YES), {"rems_setting": {"held": False}}, "OUTPATIENT"),
        (Around(rems_prescriber=NO), {}, "DEFER"),
        (Around(authorisation=Paper(held=True, no_end=True)), {}, "OUTPATIENT"),
        (Around(authorisation=UNKNOWN), {}, None),
        (Around(payer=Payer(inpatient_steps=STEPS, waiver=NO)), {}, "INPATIENT"),
        (Around(payer=Payer()), {}, None),
    ],
)
def test_what_a_desk_knows_counts_and_what_it_cannot_say_is_not_known(around, changes, recommendation):
    assert looked(facts_of_v1(**changes), around=around).answer.recommendation == recommendation


@pytest.mark.parametrize(
    ("site", "noted", "strict"),
    [
        # the site's switch | the answer of the course | what counts
        (None, None, None),
        (None, False, False),
        (None, True, True),
        (True, None, True),
        (True, False, True),
        (False, None, False),
        (False, False, False),
        (False, True, True),
    ],
)
def test_a_course_may_be_stricter_than_its_site_and_never_less_strict(site, noted, strict):
    found = looked(facts_of_v1(follows_label_strictly=noted), around=Around(follows_label_strictly=site))
    assert found.case.facts.site.follows_label_strictly is strict
