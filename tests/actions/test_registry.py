"""The registry of training: rows are added and never changed, a module brings its certificate, a newer version opens it again."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import Error, transaction

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.registry import (
    bring_out,
    complete_module,
    drill_evidence_of,
    products_of,
    record_drill,
    sign_document,
    take_back_drill,
    take_back_record,
)
from handrail.actions.site_facts import gather
from handrail.people.models import Certificate, MockDrill, RotaEntry, TrainingRecord, TrainingVersion
from handrail.people.registry import MODULE, last_records, registry, standing_records
from handrail.people.scope import everything
from handrail.rules.curriculum import Standing, load_curriculum, staff_standings, unsigned
from tests.support.factories import MONDAY_0900, World, make_certificate, make_member
from tests.support.site_rows import shows

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900
TODAY = date(2026, 3, 2)
DAY = timedelta(days=1)


@pytest.fixture
def world():
    with clock.use(clock.FrozenClock(NOW)), everything():
        yield World()


@pytest.fixture
def director(world):
    return person(world.alice.director)


@pytest.fixture
def nurse(world):
    return make_member(world.alice.organisation, "nurse", "RN New", trained=False)


def passed(world, user, by, module="ice", **fields) -> TrainingRecord:
    return complete_module(world.alice.id, **{"user_id": user.pk, "module": module, "on": TODAY, "by": by, **fields})


def out(world, by, subject="ice", version="2", **fields) -> TrainingVersion:
    return bring_out(world.alice.id, **{"what": "module", "subject": subject, "version": version, "by": by, **fields})


def stands(world, user, module="ice", *, at=NOW) -> Standing:
    known = registry(world.alice.organisation, ["teclistamab"], at)
    found = staff_standings(known.training, load_curriculum(), known.today)
    return next(each for each in found if each.person == str(user.pk) and each.module == module)


# --- modules ------------------------------------------------------------------------------------------------------------


def test_a_module_is_passed_in_the_version_of_the_day_and_whoever_writes_it_is_the_assessor(world, director, nurse):
    assert stands(world, nurse).state == "never"
    record = passed(world, nurse, director, on=TODAY - DAY, reference="card 9")
    assert (record.version, record.assessor, record.reference) == ("1", world.alice.director, "card 9")
    assert stands(world, nurse).until == date(2027, 3, 1)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"module": "juggling"}, "module"),
        ({"module": "administration"}, "product"),
        ({"on": TODAY + DAY}, "on"),
        ({"user_id": "00000000-0000-4000-8000-000000000000"}, "user"),
    ],
)
def test_what_cannot_be_passed_is_refused(world, director, nurse, fields, path):
    with pytest.raises(RefusedError) as refused:
        passed(world, nurse, director, **fields)
    assert refused.value.path == path
    assert not TrainingRecord.objects.exists()


def test_nobody_signs_off_for_themselves_and_only_who_manages_training_writes_it(world, director, nurse):
    with pytest.raises(RefusedError, match="Nobody signs off for themselves"):
        passed(world, world.alice.director, director)
    with pytest.raises(NotAllowedError):
        passed(world, nurse, person(world.alice.oncologist))
    with pytest.raises(NotVisibleError):
        passed(world, nurse, person(world.charlie.director))


def test_a_module_that_brings_a_certificate_writes_it_for_as_long_as_it_counts(world, director):
    new = make_member(world.alice.organisation, "on_call", "Dr New", trained=False)
    passed(world, new, director, "on_call")
    held = Certificate.objects.get(user=new)
    assert (held.kind, held.valid_from, held.valid_until) == ("on_call_ladder", TODAY, date(2026, 9, 2))
    assert held.reference == "module on_call, version 1"
    passed(world, new, director, "on_call")
    assert Certificate.objects.filter(user=new).count() == 1, "passed twice on one day"


def test_a_record_that_was_wrong_is_taken_back_with_a_reason_and_stays(world, director, nurse):
    record = passed(world, nurse, director)
    with pytest.raises(RefusedError, match="Say why"):
        take_back_record(record.pk, reason=" ", by=director)
    take_back_record(record.pk, reason="another person", by=director)
    assert stands(world, nurse).state == "never"
    assert TrainingRecord.objects.count() == 2
    with pytest.raises(RefusedError, match="taken back before"):
        take_back_record(record.pk, reason="again", by=director)
    with pytest.raises(NotVisibleError):
        take_back_record(nurse.pk, reason="x", by=director)
    passed(world, nurse, director)
    assert stands(world, nurse).state == "current"


def test_rows_are_never_changed(world, director, nurse):
    record = passed(world, nurse, director)
    for change in (lambda: TrainingRecord.objects.filter(pk=record.pk).update(version="9"), record.delete):
        with pytest.raises(Error), transaction.atomic():
            change()


# --- versions -----------------------------------------------------------------------------------------------------------------


def test_a_newer_version_opens_a_module_again_and_the_older_one_counts_for_fourteen_days(world, director, nurse):
    passed(world, nurse, director)
    assert out(world, director, reason="new label").only_from == date(2026, 3, 16)
    assert (stands(world, nurse).state, stands(world, nurse).until) == ("opened_again", date(2026, 3, 15))
    assert stands(world, nurse, at=NOW + 14 * DAY).state == "old_version"
    with clock.use(clock.FrozenClock(NOW + DAY)):
        assert passed(world, nurse, director, on=TODAY + DAY).version == "2"
    assert stands(world, nurse, at=NOW + 14 * DAY).state == "current"


def test_a_newer_version_ends_the_certificates_of_older_ones_and_leaves_the_shorter_ones_alone(world, director):
    short = make_member(world.alice.organisation, "on_call", "Dr Short", trained=False)
    make_certificate(world.alice.organisation, short, valid_until=TODAY + 2 * DAY)
    other = make_member(world.bob.organisation, "on_call", "Dr Other")
    out(world, director, "on_call", only_from=TODAY + 7 * DAY)
    ends = {each.user_id: each.valid_until for each in Certificate.objects.filter(kind="on_call_ladder")}
    assert ends[world.alice.on_call.pk] == TODAY + 6 * DAY
    assert ends[short.pk] == TODAY + 2 * DAY
    assert ends[other.pk] > TODAY + 1000 * DAY, "another organisation"
    assert RotaEntry.objects.filter(kind="certificate_ended").count() == 4


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"subject": "juggling"}, "module"),
        ({"version": "1"}, "version"),
        ({"version": " "}, "version"),
        ({"version": "x" * 25}, "version"),
        ({"only_from": TODAY - DAY}, "only_from"),
        ({"what": "song"}, "what"),
        ({"what": "document", "subject": ""}, "subject"),
    ],
)
def test_a_version_that_makes_no_sense_is_refused(world, director, fields, path):
    with pytest.raises(RefusedError) as refused:
        out(world, director, **fields)
    assert refused.value.path == path
    assert not TrainingVersion.objects.exists()


def test_a_version_comes_out_once(world, director):
    out(world, director)
    with pytest.raises(RefusedError, match="came out before"):
        out(world, director)


# --- documents ----------------------------------------------------------------------------------------------------------------


def test_a_document_is_signed_by_oneself_in_the_version_in_force(world, director):
    out(world, director, "CRS protocol", "4", what="document", title="CRS protocol")
    me = person(world.alice.nurse)
    with pytest.raises(RefusedError, match="Another version"):
        sign_document(world.alice.id, document="CRS protocol", version="3", by=me)
    sign_document(world.alice.id, document="CRS protocol", version="4", by=me)
    with pytest.raises(RefusedError, match="You have signed it"):
        sign_document(world.alice.id, document="CRS protocol", version="4", by=me)
    with pytest.raises(NotVisibleError):
        sign_document(world.alice.id, document="CRS protocol", version="4", by=person(world.charlie.nurse))
    known = registry(world.alice.organisation, [], NOW)
    due = unsigned(known.training.members, known.documents, known.signed, load_curriculum(), known.today)
    assert str(world.alice.nurse.pk) not in {each.person for each in due}
    assert str(world.alice.director.pk) in {each.person for each in due}


# --- drills ---------------------------------------------------------------------------------------------------------------------


GOOD = {"call_answered": Decimal(4), "packet_opened": Decimal("9.5"), "tocilizumab_at_bedside": Decimal(55)}


def drill(world, by, **fields) -> MockDrill:
    told = {"site_id": world.alice.site.pk, "kind": "phone_after_hours", "on": TODAY, "minutes": GOOD}
    return record_drill(world.alice.id, **{**told, "correct_grade": True, "by": by, **fields})


def test_drills_answer_the_item_of_the_site(world):
    me = person(world.alice.nurse)
    drill(world, me)
    assert drill_evidence_of(world.alice.site, None, NOW).met is None
    drill(world, me, kind="ed_without_record", words={"product": "teclistamab"})
    assert drill_evidence_of(world.alice.site, "teclistamab", NOW).met is True
    assert drill_evidence_of(world.alice.site, "talquetamab", NOW).met is None
    assert drill_evidence_of(world.alice.site, None, NOW + 183 * DAY).met is False
    drill(world, me, minutes={"call_answered": None})
    assert drill_evidence_of(world.alice.site, None, NOW).met is None


def test_a_drill_of_which_a_time_is_not_known_is_no_greener_than_one_that_failed(world):
    """What somebody says of the item does not stand in for a drill that was held and that nobody timed."""
    me = person(world.alice.nurse)
    shows(world.alice, "SITE-23", at=NOW)
    states = []
    for minutes in ({}, {"call_answered": Decimal(6)}, {"call_answered": None}):
        if minutes:
            held = drill(world, me, minutes={**GOOD, **minutes})
        with everything():
            level = gather([world.alice.site], NOW)[world.alice.site.pk].level("teclistamab")
        states.append(next(line.state for line in level.lines if line.item == "SITE-23"))
        if minutes:
            take_back_drill(held.pk, reason="for the test", by=person(world.alice.director))
    assert states == ["shown", "not_met", "not_known"]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"kind": "fire"}, "kind"),
        ({"on": TODAY + DAY}, "on"),
        ({"site_id": "00000000-0000-4000-8000-000000000000"}, "site"),
        ({"minutes": {"vitals": Decimal(-1)}}, "vitals"),
        ({"words": {"action": "buy a kit"}}, "action_owner"),
    ],
)
def test_a_drill_that_makes_no_sense_is_refused(world, fields, path):
    with pytest.raises(RefusedError) as refused:
        drill(world, person(world.alice.nurse), **fields)
    assert refused.value.path == path
    assert not MockDrill.objects.exists()


def test_the_products_are_those_of_the_courses_that_go_on(world):
    assert products_of(world.alice.organisation) == []
    assert world.course.product == "teclistamab"
    assert products_of(world.alice.organisation) == ["teclistamab"]
    world.course.ended_at = NOW
    world.course.save(update_fields=["ended_at"])
    assert products_of(world.alice.organisation) == []


def test_a_stranger_holds_no_drill_here(world):
    with pytest.raises(NotVisibleError):
        drill(world, person(world.charlie.nurse))


def test_the_last_records_are_the_end_of_all_that_stand(world, director, nurse):
    """Read apart from the rest, because a page shows a few of thousands."""
    rows = [passed(world, nurse, director, on=TODAY - number * DAY, now=NOW + number * DAY) for number in range(5)]
    take_back_record(rows[2].pk, reason="another person", by=director)
    for most in (1, 3, 9):
        found = last_records(world.alice.organisation, most, what=MODULE)
        whole = [each.id for each in standing_records(world.alice.organisation, what=MODULE)]
        assert [each.pk for each in found] == whole[::-1][:most]
        assert rows[2].pk not in {each.pk for each in found}
    assert len(whole) >= 4
