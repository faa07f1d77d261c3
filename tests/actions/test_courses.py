"""Starting a course: what is pinned, and what keeps demonstration and real patients apart."""

from uuid import uuid4

import pytest

from handrail.actions.actor import person, service
from handrail.actions.courses import start_course
from handrail.actions.errors import ConflictError, NotAllowedError, NotVisibleError, RefusedError
from handrail.people.models import Patient
from handrail.records.models import Course, ProtocolSignature
from handrail.rules.policy import load_policy
from handrail.rules.protocol import newest_active
from tests.support.factories import MONDAY_0900, World, make_house, make_patient
from tests.support.signing import signed

pytestmark = pytest.mark.django_db
KEY = "teclistamab/US/2026-03/mono"


@pytest.fixture
def world():
    return World()


@pytest.fixture
def live():
    return make_house("Live", mode="live")


def start(house, patient: Patient | None = None, **fields):
    if patient is None:
        patient = make_patient(house.organisation, synthetic=house.organisation.mode == "demo")
    defaults = {"product": "teclistamab", "by": person(house.oncologist), "now": MONDAY_0900}
    return start_course(patient, **{**defaults, **fields})


def test_a_course_pins_its_protocol_and_its_policy(world):
    recorded = start(world.alice, facts={"birth_year": 1950, "language": "es"}, prior_doses_known=None)
    course = Course.objects.get()
    policy = load_policy().ref
    assert course.protocol_key == newest_active("teclistamab", "US").key
    assert (course.policy_id, course.policy_version, course.policy_sha256) == (policy.id, policy.version, policy.sha256)
    assert (course.synthetic, course.time_zone, course.facts) == (
        True,
        "America/Chicago",
        {"birth_year": 1950, "language": "es"},
    )
    assert recorded.event.kind == "course_started"
    assert recorded.event.payload == {"intent": "step_up", "prior_doses_known": None}
    assert course.assessed_at == MONDAY_0900


@pytest.mark.parametrize(
    ("change", "code"),
    [
        # change                                        | code
        ({"product": "examplamab"}, "unknown_product"),
        ({"protocol_key": "examplamab/US/2026-01"}, "unknown_protocol"),
        ({"policy": "no-such-policy"}, "unknown_policy"),
        ({"time_zone": "America/Chicgo"}, "unknown_zone"),
        ({"facts": {"name": "Synthia Example"}}, "unknown_key"),
        ({"facts": {"birth_year": "1950"}}, "wrong_type"),
    ],
)
def test_a_start_that_cannot_be_used_is_refused_and_leaves_nothing(world, change, code):
    with pytest.raises(RefusedError) as refused:
        start(world.alice, **change)
    assert refused.value.code == code
    assert not Course.objects.exists()


def test_who_may_start(world):
    patient = make_patient(world.alice.organisation)
    with pytest.raises(NotAllowedError):
        start(world.alice, patient, by=person(world.alice.nurse))
    with pytest.raises(NotVisibleError):
        start(world.alice, patient, by=person(world.charlie.oncologist))
    assert start(world.alice, patient, by=service("import")).event.role == "service"


def test_the_same_start_twice_is_one_course(world):
    patient, course_id = make_patient(world.alice.organisation), uuid4()
    first = start(world.alice, patient, id=course_id)
    again = start(world.alice, patient, id=course_id)
    assert (again.again, again.event.id) == (True, first.event.id)
    assert Course.objects.count() == 1
    with pytest.raises(ConflictError):
        start(world.alice, make_patient(world.alice.organisation), id=course_id)


def test_demonstration_and_real_patients_are_kept_apart(world, live):
    with pytest.raises(RefusedError) as refused:
        start(world.alice, make_patient(world.alice.organisation, synthetic=False))
    assert refused.value.code == "real_in_demo"
    signed(live, KEY)
    with pytest.raises(RefusedError) as refused:
        start(live, make_patient(live.organisation, synthetic=True), protocol_key=KEY)
    assert refused.value.code == "synthetic_in_live"


def test_a_live_course_needs_a_protocol_that_was_signed_as_it_is(live):
    patient = make_patient(live.organisation, synthetic=False)
    for fields, code in (({}, "no_protocol"), ({"protocol_key": KEY}, "not_signed")):
        with pytest.raises(RefusedError) as refused:
            start(live, patient, **fields)
        assert refused.value.code == code
    signature = ProtocolSignature.objects.filter(pk=signed(live, KEY).pk)
    for change in (
        {"sha256": "0" * 64},  # of another file
        {"revoked_at": MONDAY_0900},
        {"signing_set": None},
        {"document": {**signature.get().document, "rows": []}},  # not what was signed
    ):
        before = signature.values(*change).get()
        signature.update(**change)
        with pytest.raises(RefusedError) as refused:
            start(live, patient, protocol_key=KEY)
        assert refused.value.code == "not_signed", change
        signature.update(**before)
    assert start(live, patient, protocol_key=KEY).event.kind == "course_started"
    assert Course.objects.get().synthetic is False


def test_the_signature_of_another_organisation_does_not_count(live):
    signed(make_house("Other", mode="live"), KEY)
    with pytest.raises(RefusedError, match="not signed"):
        start(live, protocol_key=KEY)


def test_a_superseded_revision_starts_no_live_course(live, world):
    old = "elranatamab/US/2023-08"
    signed(live, old)
    with pytest.raises(RefusedError) as refused:
        start(live, product="elranatamab", protocol_key=old)
    assert refused.value.code == "superseded"
    assert start(world.alice, product="elranatamab", protocol_key=old).event.kind == "course_started"
