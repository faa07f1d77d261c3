"""A report that is owed to a REMS pages the site manager before its end and after it, then the director; the report itself ends that."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from handrail import clock
from handrail.actions import rems_reports
from handrail.actions.actor import person
from handrail.actions.answering import acknowledge
from handrail.actions.facts import record_event
from handrail.actions.rems_desk import desk_of
from handrail.actions.rems_doses import record_report
from handrail.actions.rems_reports import look_at_reports
from handrail.alerts.models import Alert, Page
from handrail.jobs import watcher as watcher_module
from handrail.jobs.watcher import POISON_PAUSE, Watcher
from handrail.people.models import Holiday, Membership, Site
from handrail.people.scope import everything
from handrail.records.models import Course
from handrail.rules.rems_data import programme_for
from tests.support.course_documents import NO_CRS, NO_ICANS
from tests.support.factories import MONDAY_0900, World, event, make_member, make_site, opens_inbox
from tests.support.mail import mail_server, use_port

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900
DUE = NOW + timedelta(days=1, hours=15)
"""The end of Tuesday: Wednesday 4 March 2026, 00:00 in Chicago."""
SOON = DUE - timedelta(hours=8)
GRADE_1 = {**NO_CRS, "died_of_crs": False, "o2": "none", "flow_l_per_min": "0", "clinician_grade": 1}
GRADE_2 = {**NO_CRS, "hypotension": True, "o2": "nasal_cannula", "flow_l_per_min": "2", "clinician_grade": 2}
SECRETS = ("Synthia", "38.4", "39.0", "hypotension", "grade 2", "CRS")


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)) as frozen, everything():
        world = World()
        world.time = frozen
        world.manager = make_member(world.alice.organisation, "site_manager", "Manager Flores")
        opens_inbox(world.alice.organisation, world.manager, world.alice.director)
        Site.objects.filter(pk=world.alice.site.pk).update(rota_look_at=NOW)
        yield world


def reacts(world, course=None, at=NOW, **fields) -> str:
    """A reaction that a nurse assessed; of grade 2, unless told otherwise. Its id."""
    course = course or world.course
    fact = event("crs_assessed", at=at, tmax_c="39.0", **(fields or GRADE_2))
    record_event(course.pk, fact, by=person(world.alice.nurse), now=clock.now())
    return fact["id"]


def look(world, at=None) -> None:
    if at is not None:
        world.time.set(at)
    Watcher().look()


def alerts() -> list[Alert]:
    return list(Alert.objects.filter(key__startswith="place:rems_report:").order_by("opened_at", "key"))


def paged(alert: Alert) -> list:
    return [page.user for page in alert.pages.filter(channel="on_screen").order_by("attempt")]


def report(world, fact: str, course=None, **fields) -> None:
    told = {"owed": True, "to": "rems", "reported_at": clock.now(), **fields}
    record_report((course or world.course).pk, event_id=fact, by=person(world.alice.oncologist), **told)


def test_the_site_manager_is_paged_eight_hours_before_the_end_and_not_sooner(world):
    reacts(world)
    look(world, SOON - timedelta(seconds=1))
    assert alerts() == []
    look(world, SOON)
    (alert,) = alerts()
    assert (alert.ladder, alert.urgency, alert.course, alert.site) == ("GREEN", "today", None, world.alice.site)
    assert alert.what == f"A REMS report is owed: course {str(world.course.pk)[:8]}"
    assert "by the end of Tue 3 Mar 2026" in alert.because
    assert paged(alert) == [world.manager]
    look(world, SOON + timedelta(minutes=5))
    assert alerts() == [alert], "one page, however often it is looked at"


def test_overdue_it_pages_again_although_somebody_had_it_and_goes_on_to_the_director(world):
    reacts(world)
    look(world, SOON)
    acknowledge(alerts()[0].pk, by=person(world.manager))
    look(world, DUE - timedelta(seconds=1))
    assert len(alerts()) == 1
    look(world, DUE)
    before, after = alerts()
    assert (before.closed_because, after.ladder, after.reopened_of) == ("more urgent now", "AMBER", before)
    assert after.what.startswith("A REMS report is overdue")
    assert paged(after) == [world.manager]
    look(world, DUE + timedelta(minutes=240))
    assert paged(after) == [world.manager, world.alice.director]


def test_without_a_site_manager_the_director_is_paged_at_once(world):
    Membership.objects.filter(user=world.manager).update(valid_until=NOW)
    reacts(world)
    look(world, SOON)
    assert paged(alerts()[0])[-1] == world.alice.director


def test_neither_the_page_nor_what_leaves_names_anybody_or_a_reading(world, settings):
    with mail_server() as server:
        use_port(settings, server.port)
        reacts(world)
        look(world, DUE)
        (alert,) = alerts()
        mails = [mail.raw.decode() for mail in server.arrived]
    assert mails
    for text in (f"{alert.what} {alert.because} {alert.key}", *mails):
        assert [secret for secret in SECRETS if secret in text] == []
    client = Client()
    client.force_login(world.manager)
    page = client.get(reverse("page", args=[alert.pk])).content.decode()
    assert f'href="{reverse("rems_desk")}">Open the REMS desk</a>' in page
    assert f'href="{reverse("rems_course", args=[world.course.pk])}">Write the report down</a>' in page
    assert client.get(reverse("rems_course", args=[world.course.pk])).status_code == 200
    assert "I have it" in page and "Open the rota" not in page
    assert "Synthia" not in page


@pytest.mark.parametrize(
    ("owed", "why"), [(True, {}), (False, {"to": "", "reported_at": None, "reason": "not related to the drug"})]
)
def test_a_report_or_a_decision_that_none_is_owed_ends_the_page_at_once(world, owed, why):
    fact = reacts(world)
    look(world, SOON)
    assert Site.objects.get(pk=world.alice.site.pk).rota_look_at > SOON
    report(world, fact, owed=owed, **why)
    assert Site.objects.get(pk=world.alice.site.pk).rota_look_at == SOON, "the watcher is woken"
    look(world)
    (alert,) = alerts()
    assert (alert.closed_because, alert.closed_at) == ("the reason is over", SOON)
    look(world, DUE + timedelta(days=1))
    assert len(alerts()) == 1


def test_a_report_of_another_course_ends_nothing(world):
    other = world.make_course()
    reacts(world)
    theirs = reacts(world, other)
    look(world, SOON)
    assert len(alerts()) == 2
    report(world, theirs, other)
    look(world)
    (still,) = (each for each in alerts() if each.is_open)
    assert str(world.course.pk) in still.key


def test_a_grade_that_nobody_knows_is_asked_for_and_a_low_one_is_not(world):
    low = world.make_course()
    reacts(world, low, **GRADE_1)
    reacts(world, **{**GRADE_1, "hypotension": None})
    look(world, SOON)
    (alert,) = alerts()
    assert alert.what == f"Whether a REMS report is owed is not decided: course {str(world.course.pk)[:8]}"
    assert "write down why it is not serious" in alert.because


def test_a_reaction_that_got_worse_after_its_report_is_paged_again(world):
    report(world, reacts(world))
    look(world, SOON)
    assert alerts() == []
    worse = {**GRADE_2, "clinician_grade": 3, "o2": "hfnc", "flow_l_per_min": "30"}
    reacts(world, at=clock.now(), **worse)
    Site.objects.filter(pk=world.alice.site.pk).update(rota_look_at=clock.now())
    look(world, SOON + timedelta(days=1))
    assert len(alerts()) == 1


def test_a_weekend_and_a_holiday_of_the_site_move_the_end(world):
    Holiday.objects.create(
        organisation=world.alice.organisation, site=world.alice.site, on=date(2026, 3, 3), name="synthetic"
    )
    elsewhere = make_site(world.alice.organisation, name="Synthetic Second")
    Holiday.objects.create(organisation=world.alice.organisation, site=elsewhere, on=date(2026, 3, 4), name="synthetic")
    reacts(world)
    look(world, DUE)
    assert alerts() == []
    look(world, SOON + timedelta(days=1))
    assert "by the end of Wed 4 Mar 2026" in alerts()[0].because, "the holiday of another site moves nothing"
    due = desk_of(world.manager, world.alice.organisation, clock.now()).due
    assert [each.report.due_at for each in due] == [DUE + timedelta(days=1)], "the desk says the same"


def test_a_course_of_no_site_is_looked_at_by_the_first_one_and_told_once(world):
    second = make_site(world.alice.organisation, name="Synthetic Second", rota_look_at=NOW)
    Course.objects.filter(pk=world.course.pk).update(site=None)
    reacts(world)
    look(world, SOON)
    (alert,) = alerts()
    assert (alert.site, alert.key.split(":")[2]) == (None, "all")
    look_at_reports(second.pk, clock.now())
    assert [each.is_open for each in alerts()] == [True]


def test_each_site_pages_about_its_own_courses_and_each_house_about_its_own(world):
    bobs = make_member(world.bob.organisation, "site_manager", "Manager Stranger")
    opens_inbox(world.bob.organisation, bobs)
    Site.objects.filter(pk=world.bob.site.pk).update(rota_look_at=NOW)
    reacts(world)
    look(world, SOON)
    assert [(each.organisation, each.site) for each in alerts()] == [(world.alice.organisation, world.alice.site)]
    assert not Page.objects.filter(user=bobs).exists()


def test_nothing_is_owed_where_no_programme_covers_the_product_or_it_was_signed_as_ended(world):
    Course.objects.filter(pk=world.course.pk).update(jurisdiction="EU")
    reacts(world)
    look(world, SOON)
    assert alerts() == []
    Course.objects.filter(pk=world.course.pk).update(jurisdiction="US")
    look_at_reports(world.alice.site.pk, clock.now())
    assert len(alerts()) == 1


def test_a_programme_that_the_organisation_signed_as_ended_before_asks_for_no_report(world, monkeypatch):
    reacts(world)
    key = world.course.protocol_key
    for last, told in ((NOW.date(), 1), (NOW.date() - timedelta(days=1), 0)):
        monkeypatch.setattr("handrail.actions.rems_reports.signed_ends", lambda _, last=last: {key: (last, "signed")})
        world.time.set(SOON)
        look_at_reports(world.alice.site.pk, SOON)
        assert len([each for each in alerts() if each.is_open]) == told, last


def test_time_alone_never_ends_it_neither_on_the_page_nor_on_the_desk(world):
    fact = reacts(world)
    look(world, DUE)
    long_after = NOW + timedelta(days=200)
    look(world, long_after)
    assert alerts()[-1].is_open
    assert [each.report.reaction.event for each in desk_of(world.manager, world.alice.organisation, long_after).due] == [fact]  # fmt: skip
    report(world, fact)
    look(world)
    assert not alerts()[-1].is_open


def test_a_course_whose_policy_is_not_to_be_had_is_asked_for_and_keeps_no_other_waiting(world):
    broken = world.make_course()
    record_event(broken.pk, event("icans_assessed", at=NOW, **NO_ICANS), by=person(world.alice.nurse), now=NOW)
    Course.objects.filter(pk=broken.pk).update(policy_id="no_such_policy", policy_sha256="")
    reacts(world)
    look(world, SOON)
    assert sorted(each.key.split(":")[3] for each in alerts()) == sorted([str(broken.pk), str(world.course.pk)])
    (asked,) = (each for each in alerts() if str(broken.pk) in each.key)
    assert asked.what.startswith("Whether a REMS report is owed is not decided")


def test_a_look_that_fails_takes_no_gap_of_the_rota_back_and_is_tried_again(world, monkeypatch):
    reacts(world)
    monkeypatch.setattr(watcher_module, "look_at_reports", lambda *_: 1 / 0)
    look(world, SOON)
    assert alerts() == []
    assert Site.objects.get(pk=world.alice.site.pk).rota_look_at == SOON + POISON_PAUSE
    monkeypatch.undo()
    look(world, SOON + POISON_PAUSE)
    assert len(alerts()) == 1


def test_a_look_asks_the_database_as_often_for_many_reports_as_for_one(world):
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            look_at_reports(world.alice.site.pk, clock.now())
        return len(queries)

    reacts(world)
    look(world, SOON)
    one = asked()
    for _ in range(4):
        reacts(world, world.make_course())
    look_at_reports(world.alice.site.pk, clock.now())
    assert len(alerts()) == 5
    assert asked() == one


@pytest.mark.parametrize(("days", "told"), [(0, 1), (-1, 0)])
def test_a_programme_that_asks_for_no_report_any_more_pages_nobody(world, monkeypatch, days, told):
    """Every requirement is switched off by its own last day: that of the reports was asked for all the same."""
    whole = programme_for("teclistamab", "US")
    ended = {
        "in_force_to": NOW.date() + timedelta(days=days),
        "confirmed_by": "Dee Example",
        "confirmed_on": NOW.date(),
    }
    rows = tuple(replace(row, **ended) if row.id == "event_report" else row for row in whole.requirement)
    monkeypatch.setattr(rems_reports, "programme_for", lambda *_: replace(whole, requirement=rows))
    reacts(world)
    look(world, SOON)
    assert len(alerts()) == told


WORSE = {**GRADE_2, "clinician_grade": 3, "o2": "hfnc", "flow_l_per_min": "30"}


@pytest.mark.parametrize(("steps", "says", "told"), [(1, GRADE_2, 0), (2, GRADE_2, 0), (1, WORSE, 1), (2, WORSE, 1)])
def test_a_report_stays_one_when_its_assessment_is_corrected_and_what_is_worse_is_owed(world, steps, says, told):
    """A slip put right in the temperature made a report of three days ago one that nobody had made, and paged the director."""
    fact = reacts(world)
    report(world, fact)
    for number in range(steps):
        last = says if number == steps - 1 else GRADE_2
        fact = reacts(world, supersedes=fact, reason="mistyped", **last)
    look(world, DUE)
    assert len(alerts()) == told
    assert desk_of(world.manager, world.alice.organisation, clock.now()).due_total == told


def test_a_report_of_what_was_withdrawn_is_none_of_another_reaction(world):
    fact = reacts(world)
    report(world, fact)
    again = reacts(world, supersedes=fact, reason="mistyped", **GRADE_2)
    withdrawn = event("fact_withdrawn", at=clock.now(), supersedes=again, reason="of another patient")
    record_event(world.course.pk, withdrawn, by=person(world.alice.nurse), now=clock.now())
    reacts(world)
    look(world, DUE)
    assert len(alerts()) == 1
