"""The demonstration: what is promised of its courses is what the rules say, and everything went through the verbs."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.test import TestCase

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.agreements import activate
from handrail.actions.doors import doors_of
from handrail.actions.errors import RefusedError
from handrail.actions.links import exchange_link
from handrail.actions.upkeep import verify_cache
from handrail.alerts.models import Alert, Page
from handrail.jobs.demo import people
from handrail.jobs.demo.seed import Seeded, seed
from handrail.jobs.watcher import Watcher
from handrail.people import agreements
from handrail.people.coverage import holes
from handrail.people.models import Contact, Membership, Organisation, Patient, Role, Shift, Site, Step, User
from handrail.people.scope import everything
from handrail.records.accountability import accountable_for
from handrail.records.models import Course, CourseAccess, Event
from handrail.rules.doors import DoorState
from handrail.rules.terms import UnusableInput, day_start
from tests.support.factories import opens_inbox

TUESDAY_1450 = datetime(2026, 3, 24, 19, 50, tzinfo=UTC)
PASSWORD = "synthetic-password"

PROMISED: dict[str, tuple[str, str | None, str]] = {
    # course          | action    | step        | state
    "candidate":        ("ask",     None,         "GATE"),
    "in_window":        ("wait",    "step_up_2",  "WATCH"),
    "overdue":          ("wait",    "step_up_2",  "WATCH"),
    "fever":            ("hold",    None,         "EVENT"),
    "crs_resolved":     ("give",    "step_up_2",  "GATE"),
    "pneumonia":        ("hold",    None,         "HOLD"),
    "late_nine_days":   ("repeat",  "step_up_2",  "GATE"),
    "weekly":           ("ask",     None,         "MAINTENANCE"),
    "every_two_weeks":  ("restart", "step_up_2",  "INTERRUPTED"),
    "wrong_amount":     ("ask",     None,         "GATE"),
    "shared":           ("ask",     None,         "MAINTENANCE"),
    "two_corrections":  ("ask",     None,         "GATE"),
    "ended":            ("stop",    None,         "ENDED"),
    "handoff_waits":    ("ask",     None,         "HAND-OFF SENT"),
    "handoff_fax":      ("ask",     None,         "HAND-OFF SENT"),
}  # fmt: skip


def answer(told: Seeded, name: str) -> dict[str, Any]:
    found = told.stories[name].course.assessment
    assert isinstance(found, dict)
    return found


def organisation_steps(organisation: Organisation) -> list[str]:
    now = TUESDAY_1450
    found = Shift.objects.filter(organisation=organisation, starts_at__lte=now, ends_at__gt=now + timedelta(days=4))
    return list(found.values_list("step", flat=True))


@pytest.mark.django_db
class TestTheDemonstration(TestCase):
    """Told once; every test looks at the same courses."""

    told: Seeded

    @classmethod
    def setUpTestData(cls) -> None:
        cls.told = seed(TUESDAY_1450, PASSWORD)

    def test_the_doors_follow_the_hour(self):
        hub = self.told.stories["in_window"].course
        for at, open_now in (
            (TUESDAY_1450, ["clinic", "urgent_care", "ed"]),
            (TUESDAY_1450 + timedelta(hours=3), ["urgent_care", "ed"]),  # 17:50 in the clinic
            (TUESDAY_1450 + timedelta(hours=10), ["ed"]),  # after midnight
            (TUESDAY_1450 + timedelta(days=4), ["urgent_care", "ed"]),  # a Saturday
        ):
            found = doors_of(hub, at)
            assert [each.place.kind for each in found if each.now.state is DoorState.OPEN] == open_now, at
            assert all(each.place.address and each.place.number for each in found)

    def test_every_course_is_in_the_state_that_its_name_promises(self):
        told = self.told
        found = {
            name: (said["next_dose"]["action"], said["next_dose"]["step"], said["state"]["name"])
            for name, said in ((name, answer(told, name)) for name in told.stories)
        }
        assert found == PROMISED

        watched = {name for name in told.stories if answer(told, name)["watch"]["in_window"]}
        assert watched == {"in_window", "overdue", "fever"}
        assert answer(told, "overdue")["watch"]["overdue_since"] is not None
        assert (
            "pneumonia" in answer(told, "pneumonia")["next_dose"]["because"]
            or "infection" in answer(told, "pneumonia")["next_dose"]["because"]
        )
        assert any(
            "amount" in item["what"] for item in answer(told, "wrong_amount")["findings"] if item["urgency"] == "now"
        )
        assert "8 to 28 days" in answer(told, "late_nine_days")["next_dose"]["because"]
        assert told.stories["crs_resolved"].course.patient.language == "es"

    def test_the_gate_is_quiet_but_for_one_missing_wallet_card(self):
        told = self.told
        on_the_gate = {
            (name, item["urgency"], item["what"].split(" the ")[-1])
            for name in told.stories
            for item in answer(told, name)["findings"]
            if item["rule"] in ("rems", "checks", "interval")
        }
        assert {name for name, _, _ in on_the_gate} == {"candidate"}
        [(_, urgency, what)] = on_the_gate
        assert urgency == "today" and "wallet card" in what

    def test_the_stored_answer_is_what_the_rules_say_of_the_stored_events(self):
        assert list(verify_cache()) == []

    def test_two_corrections_of_one_dose_stand_side_by_side(self):
        told = self.told
        events = told.stories["two_corrections"].course.events
        corrected = events.filter(kind="dose_given").exclude(supersedes=None)
        assert corrected.count() == 2
        assert corrected.values("supersedes").distinct().count() == 1

    def test_the_partner_reaches_the_shared_course_and_is_accountable(self):
        told = self.told
        shared = told.stories["shared"].course
        access = CourseAccess.objects.get(course=shared)
        assert access.to_organisation == told.houses["prairie"].organisation
        assert shared.events.filter(kind="accountability_moved").exists()
        answer = accountable_for(shared, TUESDAY_1450).answer
        assert (answer.name, answer.task, answer.version, answer.trouble) == (
            "Prairie Oncology (synthetic)",
            "maintenance_doses",
            1,
            None,
        )

    def test_each_community_site_has_an_agreement_and_a_draft_with_two_owners_is_refused(self):
        hub, lakeside, prairie = (self.told.houses[name].organisation.pk for name in ("hub", "lakeside", "prairie"))
        for partner in (lakeside, prairie):
            found = agreements.of_pair(hub, partner)
            holding = agreements.in_force(found, TUESDAY_1450)
            assert holding is not None
            assert holding.row.number == 1
            assert agreements.holes_of_pair(found, TUESDAY_1450, people.ZONE) == ()
        draft = agreements.of_pair(hub, lakeside)[-1]
        assert (draft.row.number, draft.unsigned) == (2, ())
        director = person(self.told.houses["lakeside"].people["director"])
        with pytest.raises(
            RefusedError, match="both answer for After-hours contact in the window: Tue 24 Mar 2026 14:50 CDT to"
        ):
            activate(draft.row.pk, by=director, now=TUESDAY_1450)

    def test_no_alert_but_those_of_the_verbs(self):
        """Every open alert is one that the course's own answer asks for, and nobody has been paged yet."""
        told = self.told
        assert Page.objects.count() == 0
        for story in told.stories.values():
            wanted = {page["key"] for page in (story.course.assessment or {})["pages"]}
            opened = set(story.course.alerts.filter(closed_at=None).values_list("key", flat=True))
            assert opened == wanted
        assert set(Alert.objects.filter(closed_at=None).values_list("course_id", flat=True)) == {
            told.stories[name].course_id for name in ("fever", "overdue", "handoff_waits")
        }

    def test_no_page_and_no_acknowledgement_stands_in_the_record(self):
        kinds = set(Event.objects.values_list("kind", flat=True))
        assert not kinds & {"page_sent", "page_failed", "page_acknowledged"}

    def test_every_fact_was_recorded_by_somebody_who_was_there(self):
        assert not Event.objects.filter(by="", kind="checkin_received").exists()
        assert not Event.objects.filter(recorded_at__gt=TUESDAY_1450).exists()
        assert not Event.objects.filter(occurred_at__gt=TUESDAY_1450).exists()
        sources = set(Event.objects.exclude(source="").values_list("source", flat=True))
        assert sources == {"staff", "patient", "import"}

    def test_one_hand_off_waits_with_its_give_by_date_near_and_one_went_to_a_practice_that_only_has_a_fax(self):
        waits, fax = (answer(self.told, name) for name in ("handoff_waits", "handoff_fax"))
        assert [each["stage"] for each in waits["handoffs"] + fax["handoffs"]] == ["delivered", "delivered"]
        assert [each["kind"] for each in waits["handoffs"] + fax["handoffs"]] == ["complicated"] * 2
        assert waits["dose_clock"]["give_by"] == "2026-03-29"
        assert any("The hand-off is slow" in each["what"] for each in waits["findings"])

    def test_three_organisations_with_every_role_and_a_rota(self):
        told = self.told
        assert not Organisation.objects.exclude(mode="demo").exists()
        fax_only = Organisation.objects.get(name=people.FAX_ONLY[0])
        assert not Membership.objects.filter(organisation=fax_only).exists()
        assert {house.organisation for house in told.houses.values()} == set(
            Organisation.objects.exclude(pk=fax_only.pk)
        )
        for organisation in Organisation.objects.exclude(pk=fax_only.pk):
            roles = set(Membership.objects.filter(organisation=organisation).values_list("role", flat=True))
            assert roles == {role.value for role in Role}
            steps = set(organisation_steps(organisation))
            assert {step.value for step in Step} <= steps

    def test_one_gap_next_sunday_at_one_community_site_is_paged_today_to_its_site_manager(self):
        told, ahead = self.told, TUESDAY_1450 + timedelta(days=14)
        found = {
            name: [(each.step, each.kind, each.begins, each.ends) for each in gaps]
            for name, house in told.houses.items()
            if (gaps := holes(house.organisation, house.site, TUESDAY_1450, ahead))
        }
        sunday = datetime(2026, 3, 29, 5, tzinfo=UTC)
        assert found == {"prairie": [("first_on_call", "nobody", sunday, sunday + timedelta(days=1))]}
        with clock.use(clock.FrozenClock(TUESDAY_1450)), everything():
            Site.objects.update(rota_look_at=TUESDAY_1450)
            prairie = told.houses["prairie"].organisation
            opens_inbox(prairie, User.objects.get(email="site-manager@prairie.example"))
            Watcher().look()
        gap = Alert.objects.get(key__startswith="place:rota:", closed_at=None)
        assert gap.what == ("Nobody is first on call from Sun 29 Mar 2026 00:00 CDT until Mon 30 Mar 2026 00:00 CDT")
        paged = set(Page.objects.filter(alert=gap).values_list("user__email", flat=True))
        assert paged == {"site-manager@prairie.example"}

    def test_the_referral_that_nobody_has_read_and_the_one_that_waits_too_long_page_who_owns_them(self):
        hub = self.told.houses["hub"]
        with clock.use(clock.FrozenClock(TUESDAY_1450)), everything():
            opens_inbox(hub.organisation, hub.people["coordinator"], hub.people["director"])
            Watcher().look()
            found = Alert.objects.filter(key__startswith="place:referral:", closed_at=None)
            unread, late = found.get(key__endswith="unread"), found.get(key__contains="late:first_contact")
            assert (unread.ladder, late.ladder) == ("GREEN", "AMBER")
            paged = {each.pk: {page.user for page in each.pages.filter(channel="on_screen")} for each in found}
        assert paged[unread.pk] == {hub.people["coordinator"]}
        assert paged[late.pk] == {hub.people["director"]}

    def test_everybody_is_synthetic(self):
        assert not Patient.objects.filter(synthetic=False).exists()
        assert not Course.objects.filter(synthetic=False).exists()
        assert all(user.name.endswith("synthetic") for user in User.objects.all())
        assert all(user.email.endswith(".example") for user in User.objects.all())
        phones = [row.phone for model in (Patient, Contact) for row in model.objects.all()]
        assert all(phone.startswith("555-0") for phone in phones)

    def test_the_printed_sign_ins_are_those_that_work(self):
        printed = people.sign_ins(PASSWORD)
        assert {email for _, email, _ in printed} == set(User.objects.values_list("email", flat=True))
        hashes = set(User.objects.values_list("password", flat=True))
        assert len(hashes) == 1 and check_password(PASSWORD, hashes.pop())

    def test_the_printed_link_opens_the_check_in_of_the_patient_in_the_window(self):
        told = self.told
        with clock.use(clock.FrozenClock(TUESDAY_1450)):
            found = exchange_link(told.checkin_token, "checkin")
        assert found is not None and found[0].course_id == told.stories["in_window"].course_id

    def test_a_database_in_use_is_left_alone(self):
        with pytest.raises(UnusableInput, match="empty one"):
            seed(TUESDAY_1450, PASSWORD)
        assert Organisation.objects.count() == 4


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("now", "gap"),
    [
        (datetime(2026, 3, 24, 19, 50, tzinfo=UTC), date(2026, 3, 29)),
        (datetime(2026, 3, 28, 19, 50, tzinfo=UTC), date(2026, 3, 29)),
        (datetime(2026, 3, 29, 4, 59, tzinfo=UTC), date(2026, 3, 29)),
        (datetime(2026, 3, 29, 5, 0, tzinfo=UTC), date(2026, 4, 5)),
        (datetime(2026, 10, 26, 19, 50, tzinfo=UTC), date(2026, 11, 1)),
    ],
)
def test_next_sunday_is_a_whole_day_that_has_not_begun(now, gap):
    with everything():
        house = people.make_houses(now, "!")["prairie"]
        people.leave_a_gap(house, now)
        (hole,) = holes(house.organisation, house.site, now, now + timedelta(days=14))
    assert hole.begins > now
    assert (hole.begins, hole.ends) == (day_start(gap, people.ZONE), day_start(gap + timedelta(days=1), people.ZONE))
