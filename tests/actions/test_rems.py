"""The verbs of the REMS desk: who may, what cannot be, what a correction leaves, and what the record of the course learns."""

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import record_event
from handrail.actions.rems import PaperDraft, add_paper, end_paper, note_setup, remind, set_mode
from handrail.actions.rems_desk import desk_of
from handrail.actions.rems_doses import live_dispenses, record_dispense, record_report
from handrail.actions.rems_look import evidence_for, evidence_of, house_of, sides_of
from handrail.people.models import RemsDispense, RemsRecord
from handrail.people.scope import everything
from handrail.records.models import CourseAccess
from handrail.records.wire import history_of
from handrail.rules.rems_desk import Ask, sides
from tests.support.factories import MONDAY_0900, World, dose, event, make_member, make_site

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=2)
TODAY = date(2026, 3, 2)
SHARED = "tecvayli_talvey"


@pytest.fixture
def world():
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        world.manager = make_member(world.alice.organisation, "site_manager", "Manager Flores")
        world.pharmacist = make_member(world.alice.organisation, "pharmacist", "Pharmacist Reed")
        yield world


def draft(world: World, kind: str = "setting", **fields) -> PaperDraft:
    usual = {"kind": kind, "programme": SHARED, "from_on": TODAY, "no_end": True, "sites": (world.alice.site.pk,)}
    return PaperDraft(**{**usual, **fields})


def add(world: World, kind: str = "setting", **fields) -> tuple[RemsRecord, ...]:
    return add_paper(world.alice.id, draft(world, kind, **fields), by=person(world.manager))


def dispense(world: World, **fields) -> RemsDispense:
    usual = {"on": TODAY, "checked": True, "code": "RDA-1", "obtained_at": NOW, "by": person(world.pharmacist)}
    return record_dispense(world.course.pk, **{**usual, **fields})


@pytest.mark.parametrize(
    ("kind", "fields", "path"),
    [
        ("poem", {}, "kind"),
        ("setting", {"programme": "no_such"}, "programme"),
        ("setting", {"product": "elranatamab"}, "product"),
        ("setting", {"sites": ()}, "sites"),
        ("setting", {"until": TODAY}, "until"),
        ("setting", {"until": TODAY - timedelta(days=1), "no_end": False}, "until"),
        ("setting", {"reference": "x" * 121}, "reference"),
        ("dispenser", {}, "licence"),
        ("dispenser", {"licence": "pirate"}, "licence"),
        ("prescriber", {}, "user"),
        ("prescriber", {"user_id": "nurse"}, "user"),
        ("prescriber", {"user_id": "stranger"}, "user"),
        ("training", {"user_id": "nurse"}, "product"),
        ("training", {"user_id": "nurse", "product": "teclistamab"}, "version"),
        ("representative", {"user_id": "manager"}, "deputy"),
        ("representative", {"user_id": "manager", "deputy_id": "manager"}, "deputy"),
        ("representative", {"user_id": "manager", "deputy_id": "oncologist"}, "deputy"),
    ],
)
def test_a_paper_that_cannot_be_is_refused_and_nothing_is_kept(world, kind, fields, path):
    people = {
        "nurse": world.alice.nurse,
        "manager": world.manager,
        "oncologist": world.alice.oncologist,
        "stranger": world.bob.oncologist,
    }
    told = {name: people[value].pk if name.endswith("_id") else value for name, value in fields.items()}
    with pytest.raises(RefusedError) as refused:
        add(world, kind, **told)
    assert refused.value.path == path
    assert not RemsRecord.objects.exists()


def test_a_site_of_another_organisation_is_none(world):
    with pytest.raises(RefusedError):
        add(world, sites=(world.bob.site.pk,))


@pytest.mark.parametrize(("who", "error"), [("nurse", NotAllowedError), ("oncologist", NotAllowedError), ("stranger", NotVisibleError)])  # fmt: skip
def test_who_keeps_the_desk(world, who, error):
    by = person({"nurse": world.alice.nurse, "oncologist": world.alice.oncologist, "stranger": world.bob.director}[who])
    (record,) = add(world)
    for verb in (
        lambda: add_paper(world.alice.id, draft(world), by=by),
        lambda: end_paper(record.pk, last_day=TODAY, reason="x", by=by),
        lambda: set_mode(world.alice.id, site_id=world.alice.site.pk, mode="central", from_at=NOW, by=by),
        lambda: note_setup(world.alice.id, site_id=world.alice.site.pk, product="teclistamab", by=by),
        lambda: remind(world.alice.id, user_id=world.alice.oncologist.pk, programme=SHARED, by=by),
    ):
        with pytest.raises(error):
            verb()


def test_a_paper_ends_by_a_new_row_once_and_one_that_never_counted_is_taken_back(world):
    (record,) = add(world)
    by = person(world.manager)
    ended = end_paper(record.pk, last_day=TODAY, reason="sold", by=by)
    assert (ended.supersedes_id, ended.until, ended.withdrawn) == (record.pk, TODAY, False)
    record.refresh_from_db()
    assert record.until is None
    for once_more in (record, ended):
        with pytest.raises(RefusedError):
            end_paper(once_more.pk, last_day=TODAY, reason="again", by=by)
    with pytest.raises(RefusedError):
        end_paper(ended.pk, last_day=TODAY - timedelta(days=1), reason=" ", by=by)
    gone = end_paper(ended.pk, last_day=TODAY - timedelta(days=1), reason="a slip", by=by)
    assert gone.withdrawn
    assert house_of(world.alice.organisation, NOW).papers == ()
    assert RemsRecord.objects.count() == 3, "everything that stood stays"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"mode": "hourly"}, "mode"),
        ({"from_at": NOW - timedelta(minutes=1)}, "from_at"),
        ({"mode": "central", "central_id": None}, "central"),
        ({"mode": "local", "local_id": None}, "local"),
        ({"mode": "hybrid", "week": ("08:00-17:00",)}, "week"),
        ({"mode": "hybrid", "week": ("",) * 7}, "week"),
        ({"mode": "hybrid", "week": ("noon",) * 7}, "week"),
    ],
)
def test_a_mode_with_an_hour_without_anybody_is_refused(world, fields, path):
    usual = {"site_id": world.alice.site.pk, "mode": "central", "from_at": NOW}
    people = {"central_id": world.pharmacist.pk, "local_id": world.alice.nurse.pk}
    with pytest.raises(RefusedError) as refused:
        set_mode(world.alice.id, by=person(world.manager), **{**usual, **people, **fields})
    assert refused.value.path == path


def test_a_record_without_a_code_is_completed_and_a_wrong_one_corrected_with_a_reason(world):
    first = dispense(world, code="", obtained_at=None)
    second = dispense(world)
    assert second.supersedes == first
    assert dispense(world) == second, "the same again is the same"
    with pytest.raises(RefusedError):
        dispense(world, code="RDA-2", corrects=second.pk)
    third = dispense(world, code="RDA-2", corrects=second.pk, reason="mistyped")
    with pytest.raises(RefusedError):
        dispense(world, code="RDA-3", corrects=second.pk, reason="again")
    dispense(world, code="RDA-4")
    assert {row.code for row in live_dispenses(world.course)} == {third.code, "RDA-4"}, (
        "a second code is kept and shown"
    )


def test_a_record_of_the_wrong_day_is_corrected_to_the_day_on_which_the_dose_was_given(world):
    """It was refused as 'corrected meanwhile', and a second record of the same code was one code for two doses for ever."""
    first = dispense(world)
    with pytest.raises(RefusedError, match="Say why"):
        dispense(world, on=TODAY + timedelta(days=1), corrects=first.pk)
    second = dispense(world, on=TODAY + timedelta(days=1), corrects=first.pk, reason="given a day later")
    assert second.supersedes == first
    assert list(live_dispenses(world.course)) == [second]


def test_what_a_record_lacked_is_kept_when_the_same_code_is_written_down_again(world):
    """It was answered 'Saved', and when and how the code was obtained was lost."""
    first = dispense(world, obtained_at=None, checked=None)
    second = dispense(world, how="portal", prescriber_id=world.alice.oncologist.pk)
    assert second.supersedes == first
    assert (second.obtained_at, second.how, second.checked) == (NOW, "portal", True)
    assert dispense(world) == second, "less of the same is the same"
    other = dispense(world, how="fax")
    assert set(live_dispenses(world.course)) == {second, other}, "what contradicts it is kept and shown beside it"


@pytest.mark.parametrize(
    "fields",
    [{"how": "pigeon"}, {"obtained_at": NOW + timedelta(minutes=1)}, {"prescriber_id": "nurse"}, {"code": "x" * 81}],
)
def test_a_dispense_record_that_cannot_be_is_refused(world, fields):
    told = {name: world.alice.nurse.pk if value == "nurse" else value for name, value in fields.items()}
    with pytest.raises(RefusedError):
        dispense(world, **told)
    assert not RemsDispense.objects.exists()


def test_the_check_of_the_prescriber_also_stands_in_the_record_of_the_course(world):
    dispense(world)
    fact = world.course.events.get(kind="rems_met")
    assert fact.payload == {"requirement": "prescriber_certified", "met": True, "valid_until": TODAY.isoformat()}
    dispense(world, checked=None, code="RDA-2")
    assert world.course.events.filter(kind="rems_met").count() == 1, "not known is written down nowhere as met"


def test_a_check_that_is_corrected_to_not_known_is_not_known_in_the_course_either(world):
    """The desk said "not known", and the course went on reading that the prescriber was found certified."""
    row = dispense(world)
    dispense(world, checked=None, corrects=row.pk, reason="nobody had looked")
    history, _ = history_of(world.course, NOW)
    assert [each.body.met for each in history.of("rems_met")] == [True, None]


def test_the_helper_records_too_and_the_stranger_sees_no_course(world):
    assert dispense(world, by=person(world.bob.nurse)).organisation == world.alice.organisation
    with pytest.raises(NotVisibleError):
        dispense(world, by=person(world.charlie.nurse))
    with pytest.raises(NotAllowedError):
        dispense(world, by=person(world.alice.oncologist))


@pytest.mark.parametrize("fields", [{"owed": True}, {"owed": True, "to": "rems"}, {"owed": False}, {"owed": False, "reason": " "}])  # fmt: skip
def test_a_report_says_to_whom_and_when_or_why_none_is_owed(world, fields):
    with pytest.raises(RefusedError):
        record_report(world.course.pk, event_id=world.course.pk, by=person(world.alice.nurse), **fields)


def test_a_dose_at_the_helpers_site_is_judged_by_the_helpers_papers(world):
    """The site that gives the dose is certified, not the one that owns the course."""

    with everything():
        elsewhere = make_site(world.bob.organisation, code="bobs-place")
        assert CourseAccess.objects.filter(course=world.course).exists()
    fact = event("dose_planned", at=NOW, step="step_up_1", on="2026-03-03", at_site="bobs-place", setting="outpatient")
    record_event(world.course.pk, fact, by=person(world.alice.oncologist), now=NOW)
    add(world)
    found = evidence_of(world.course, NOW)
    assert found.met is not True
    assert f"{elsewhere.name}: certificate of the setting: nothing is recorded" in found.because


def test_a_site_that_nobody_knows_is_not_known(world):

    fact = event("dose_planned", at=NOW, step="step_up_1", on="2026-03-03", at_site="nowhere", setting="outpatient")
    record_event(world.course.pk, fact, by=person(world.alice.oncologist), now=NOW)
    found = evidence_of(world.course, NOW)
    assert (found.met, found.because) == (None, "at which site the dose is given is not known")


# --- one course, read for itself --------------------------------------------------------------------------------------------


def heap_of_papers(world: World, chance: Random) -> None:
    """Papers of two sites and of people who work here, there, nowhere any more or next door; some ended or taken back by another row."""
    house = world.alice.organisation
    sites = [world.alice.site, make_site(house, code="second")]
    people = [world.alice.oncologist, world.alice.nurse, world.pharmacist, world.manager, world.bob.oncologist]
    people.append(make_member(house, "oncologist", "Oncologist Second", site=sites[1]))
    gone = make_member(house, "site_manager", "Manager Gone")
    gone.memberships.update(valid_until=NOW - timedelta(days=1))
    rows: list[RemsRecord] = []
    for _ in range(40):
        kind = chance.choice(RemsRecord.Kind.values)
        before = chance.choice(rows) if rows and chance.random() < 0.3 else None
        if before is not None and any(each.supersedes_id == before.pk for each in rows):
            before = None
        fields = {
            "kind": before.kind if before else kind,
            "site": chance.choice([*sites, None]),
            "user": chance.choice([*people, gone, None]) if kind != "setting" else None,
            "product": chance.choice(["", "teclistamab", "talquetamab"]),
            "programme": chance.choice([SHARED, SHARED, SHARED, "elrexfio"]),
            "until": chance.choice([None, TODAY - timedelta(days=1), TODAY + timedelta(days=30)]),
            "withdrawn": before is not None and chance.random() < 0.5,
            "licence": "hospital" if kind == "dispenser" else "",
        }
        from_on = TODAY - timedelta(days=chance.choice([1, 40, 400]))
        if fields["until"] is not None:
            from_on = min(from_on, fields["until"])
        rows.append(
            RemsRecord.objects.create(
                organisation=house, by=world.manager, from_on=from_on, supersedes=before, no_end=fields["until"] is None, **fields
            )
        )  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_one_course_hears_what_the_whole_desk_says_of_it(world, seed):
    """Line 8 and the setting read the papers of one site and its people alone; the desk reads the house, and says the same."""
    chance = Random(seed)
    fact = event("dose_planned", at=NOW, step="step_up_1", on=TODAY.isoformat(), setting="outpatient")
    record_event(world.course.pk, fact, by=person(world.alice.oncologist), now=NOW)
    with everything():
        heap_of_papers(world, chance)
        if chance.random() < 0.5:
            dispense(world, prescriber_id=world.alice.oncologist.pk)
        course, site = world.course, world.alice.site
        house = house_of(world.alice.organisation, NOW)
        plan = course.events.get(kind="dose_planned")
        rows = list(RemsDispense.objects.filter(course=course))
        asked = evidence_for(course, house, site, TODAY, rows, plan)
    assert asdict(evidence_of(course, NOW, TODAY)) == asdict(asked)
    whole = Ask(
        product=course.product, jurisdiction=course.jurisdiction, place=house.places[site.pk], on=TODAY,
        prescriber=next(each for each in house.places[site.pk].prescribers if each.name == world.alice.oncologist.name),
        papers=house.papers,
    )  # fmt: skip
    assert sides_of(course, TODAY, NOW) == sides(whole)


def wrong(world) -> list[str]:
    with everything():
        found = desk_of(world.manager, world.alice.organisation, NOW + timedelta(hours=3))
    return [each.trouble.kind for each in found.wrong]


def gives(world, at) -> str:
    fact = dose("step_up_1", at=at, mg="4.2")
    record_event(world.course.pk, fact, by=person(world.alice.nurse), now=NOW)
    return fact["id"]


def test_a_code_stays_late_when_the_dose_is_corrected_afterwards(world):
    """The record of the correction was taken for the first one, and whatever had been late was in time again."""
    first = gives(world, NOW - timedelta(minutes=30))
    late = NOW + timedelta(minutes=16)
    dispense(world, obtained_at=NOW - timedelta(hours=1), now=late)
    assert wrong(world) == ["late"]
    second = dose("step_up_1", at=NOW - timedelta(minutes=30), mg="4.3", supersedes=first, reason="mistyped")
    record_event(world.course.pk, second, by=person(world.alice.nurse), now=late + timedelta(minutes=5))
    assert wrong(world) == ["late"]
    third = dose("step_up_1", at=NOW - timedelta(minutes=30), mg="4.2", supersedes=second["id"], reason="it was right")
    record_event(world.course.pk, third, by=person(world.alice.nurse), now=late + timedelta(minutes=6))
    assert wrong(world) == ["late"]


@pytest.mark.parametrize(("days", "kinds"), [(0, ["missing"]), (-1, [])])
def test_a_dose_after_an_end_that_the_organisation_signed_owes_no_code(world, monkeypatch, days, kinds):
    gives(world, NOW - timedelta(minutes=30))
    ended = {world.course.protocol_key: (TODAY + timedelta(days=days), "the REMS ended: signed")}
    monkeypatch.setattr("handrail.actions.rems_look.signed_ends", lambda _: ended)
    assert wrong(world) == kinds


def test_the_hand_overs_name_whoever_really_answers_while_no_mode_is_set(world):
    """The representative owns the codes then, and not whoever manages the site; from the day on which the next one begins, that one."""
    last = TODAY + timedelta(days=2)
    add(world, "representative", user_id=world.pharmacist.pk, deputy_id=world.manager.pk, until=last, no_end=False)
    after = make_member(world.alice.organisation, "pharmacist", "Pharmacist Next")
    add(world, "representative", user_id=after.pk, deputy_id=world.manager.pk, from_on=last + timedelta(days=1))
    set_mode(
        world.alice.id, site_id=world.alice.site.pk, mode="local", from_at=NOW + timedelta(days=5),
        local_id=world.alice.nurse.pk, by=person(world.manager),
    )  # fmt: skip
    with everything():
        told = desk_of(world.manager, world.alice.organisation, NOW).hand_overs
    assert [(each.before.name, each.after.name) for _, each in told] == [
        ("Pharmacist Reed", "Pharmacist Next"),
        ("Pharmacist Next", "Alice Nurse"),
    ]
    assert told[0][1].at == datetime(2026, 3, 5, 6, 0, tzinfo=UTC), "midnight at the site"
