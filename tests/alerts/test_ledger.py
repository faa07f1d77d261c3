"""Alerts follow the answer by stable key: opened, kept, closed, opened again, opened more urgently."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from handrail.actions.answering import note_page
from handrail.alerts.ledger import Wanted, open_alert, reconcile
from handrail.alerts.models import _CODE_SIGNS, Alert, Page, new_code
from handrail.rules.paging import Step
from handrail.rules.policy import load_policy
from handrail.rules.terms import Ladder
from tests.support.factories import MONDAY_0900, World, make_member

pytestmark = pytest.mark.django_db
LATER = MONDAY_0900 + timedelta(hours=1)


def want(key: str = "triage:fever", ladder: str = "RED-3", **fields) -> Wanted:
    steps = load_policy().ladders[Ladder(ladder)].steps
    defaults = {"urgency": Ladder(ladder).urgency.value, "what": "fever", "because": "38.4 °C", "steps": steps}
    return Wanted(key=key, ladder=ladder, **{**defaults, **fields})


@pytest.fixture
def course():
    return World().course


def test_an_alert_pins_the_steps_of_its_ladder_and_pages_at_once(course):
    (alert,) = reconcile(course, [want()], MONDAY_0900).opened
    alert.refresh_from_db()
    assert [step["who"] for step in alert.steps][:1] == ["first_on_call"]
    assert (alert.opened_at, alert.next_page_at, alert.site) == (MONDAY_0900, MONDAY_0900, course.site)
    assert alert.organisation_id == course.organisation_id
    assert alert.reopened_of is None


def test_wanted_again_it_is_kept_and_its_steps_stay_as_they_were(course):
    (first,) = reconcile(course, [want()], MONDAY_0900).opened
    changes = reconcile(course, [want(steps=(Step(who="director", wait_minutes=1),))], LATER)
    assert (changes.opened, changes.closed, [a.pk for a in changes.kept]) == ((), (), [first.pk])
    assert Alert.objects.get().steps == first.steps


def test_no_longer_wanted_it_is_closed_and_pages_no_more(course):
    reconcile(course, [want()], MONDAY_0900)
    (closed,) = reconcile(course, [], LATER).closed
    closed.refresh_from_db()
    assert (closed.closed_at, closed.closed_because, closed.next_page_at) == (LATER, "the reason is over", None)


def test_when_the_condition_returns_a_new_alert_knows_the_old_one(course):
    (first,) = reconcile(course, [want()], MONDAY_0900).opened
    reconcile(course, [], LATER)
    (second,) = reconcile(course, [want()], LATER).opened
    assert second.reopened_of == first
    assert second.code != first.code


def test_an_acknowledged_alert_stays_open_and_quiet_while_it_is_wanted(course):
    (alert,) = reconcile(course, [want()], MONDAY_0900).opened
    user = make_member(course.organisation, "nurse")
    Alert.objects.update(acknowledged_by=user, acknowledged_at=MONDAY_0900, next_page_at=None)
    changes = reconcile(course, [want()], LATER)
    assert [kept.next_page_at for kept in changes.kept] == [None]
    assert Alert.objects.get(pk=alert.pk).is_open


@pytest.mark.parametrize(
    ("before", "after", "opened"),
    [
        # open as | wanted as | opened anew
        ("AMBER", "RED-3", True),
        ("RED-3", "RED-1", True),
        ("RED-3", "RED-3", False),
        ("RED-3", "AMBER", False),
        ("AMBER", "GREEN", False),
    ],
)
def test_more_urgent_pages_again_and_less_urgent_changes_nothing(course, before, after, opened):
    (first,) = reconcile(course, [want(ladder=before)], MONDAY_0900).opened
    changes = reconcile(course, [want(ladder=after)], LATER)
    assert bool(changes.opened) is opened
    if opened:
        assert changes.opened[0].reopened_of == first
        assert changes.closed[0].closed_because == "more urgent now"
        assert changes.opened[0].next_page_at == LATER
    else:
        assert changes.kept[0].ladder == before


def test_alerts_of_the_shell_are_left_alone(course):
    reconcile(course, [want("shell:something")], MONDAY_0900)
    changes = reconcile(course, [], LATER)
    assert (len(changes.kept), changes.closed) == (1, ())


def test_when_the_rules_failed_nothing_is_closed(course):
    reconcile(course, [want()], MONDAY_0900)
    assert reconcile(course, [], LATER, close_others=False).closed == ()


# --- what the database refuses ----------------------------------------------------------------------------------------


def test_one_key_is_open_once(course):
    open_alert(course, want(), MONDAY_0900)
    with pytest.raises(IntegrityError), transaction.atomic():
        open_alert(course, want(), LATER)


@pytest.mark.parametrize(
    "change",
    [
        {"acknowledged_at": LATER},
        {"closed_at": LATER, "next_page_at": None},
        {"closed_at": LATER, "closed_because": "x"},
    ],
    ids=["when but not who", "closed without why", "closed and still paging"],
)
def test_half_an_answer_is_refused(course, change):
    open_alert(course, want(), MONDAY_0900)
    with pytest.raises(IntegrityError), transaction.atomic():
        Alert.objects.update(**change)


def test_an_acknowledged_alert_that_pages_is_refused(course):
    open_alert(course, want(), MONDAY_0900)
    with pytest.raises(IntegrityError), transaction.atomic():
        Alert.objects.update(acknowledged_at=LATER, acknowledged_by=World().alice.nurse)


def page(course, alert: Alert, **fields) -> Page:
    defaults = {"step": 0, "attempt": 0, "who": "first_on_call", "channel": "email", "idempotency_key": f"{alert.pk}:0"}
    if fields.get("state", "sending") == "sending":
        defaults["send_at"] = MONDAY_0900
    return Page.objects.create(organisation=course.organisation, course=course, alert=alert, **{**defaults, **fields})


def test_a_page_is_made_once_and_was_sent_at_an_instant(course):
    alert = open_alert(course, want(), MONDAY_0900)
    page(course, alert)
    with pytest.raises(IntegrityError), transaction.atomic():
        page(course, alert)
    with pytest.raises(IntegrityError), transaction.atomic():
        Page.objects.update(state="sent")


@pytest.mark.parametrize(
    ("state", "kind", "permanent"),
    [
        ("sent", "page_sent", None),
        ("failed", "page_failed", False),
        ("not_configured", "page_failed", True),
        ("nobody_on", "page_failed", True),
    ],
)
def test_pages_are_written_into_the_record_of_the_course(course, state, kind, permanent):
    alert = open_alert(course, want(), MONDAY_0900)
    row = note_page(page(course, alert, state=state, trouble="temporary", sent_at=LATER, why="busy"), LATER)
    assert (row.kind, row.payload["alert"], row.payload["to_role"]) == (kind, str(alert.pk), "first_on_call")
    assert row.payload.get("permanent") is permanent


def test_a_page_still_on_its_way_is_not_a_fact(course):
    alert = open_alert(course, want(), MONDAY_0900)
    with pytest.raises(ValueError, match="sending"):
        note_page(page(course, alert), LATER)


def test_a_code_can_be_read_out_and_tells_nothing():
    codes = {new_code() for _ in range(200)}
    assert len(codes) == 200
    assert set("".join(codes)) <= set(_CODE_SIGNS)
    assert not set("01IOL") & set(_CODE_SIGNS)
