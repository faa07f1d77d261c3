"""The trace rows of training: each performs its own acceptance column through a page, a command or an answer of the gate."""

import hashlib
import re
from datetime import date, timedelta

import pytest
from django.urls import reverse

from handrail import clock
from handrail.actions.facts import record_event
from handrail.actions.registry import bring_out, complete_module, drill_evidence_of
from handrail.actions.site_facts import gather
from handrail.actions.teach_back import evidence_of
from handrail.people.models import Certificate, Membership, Shift, ShiftPlan
from handrail.people.permissions import STAFF
from handrail.people.scope import everything
from handrail.records import wire
from handrail.records.models import Course
from handrail.rules.assess import assess
from handrail.rules.curriculum import load_curriculum
from handrail.rules.pinned import protocol_for
from handrail.rules.teachback import load_teach_back
from handrail.rules.telling import role_words
from tests.support.factories import MONDAY_0900, World, dose, event, make_certificate, make_member
from tests.support.training import ALWAYS

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900
TODAY = date(2026, 3, 2)


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        with everything():
            world.manager = make_member(world.alice.organisation, "site_manager", "Manager Flores")
        yield world


@pytest.fixture
def manager(client, world):
    client.force_login(world.manager)
    return client


def teach(client, world, who: str, **said: str) -> None:
    items = {f"item_{item}": said.get(item, "passed") for item in ALWAYS}
    typed = {"who": who, "own_language": "yes", "at": "2026-03-02T09:00", **items}
    assert client.post(reverse("teach_back", args=[world.course.pk]), typed).status_code == 302


def test_t03_an_untrained_nurse_cannot_be_put_on_the_rota_and_the_untaught_pass_neither_line_10_nor_12(manager, world):
    with everything():
        untrained = make_member(world.alice.organisation, "nurse", "RN Untrained", trained=False)
    times = {"starts_at": "2026-03-03T08:00", "ends_at": "2026-03-03T20:00"}
    typed = {"step": "nurse", "site": str(world.alice.site.pk), "user": str(untrained.pk), **times}
    answer = manager.post(reverse("add_shift"), typed, follow=True).content.decode()
    assert "RN Untrained is not trained for this: the certificate on_call_ladder is missing." in answer
    assert not Shift.objects.filter(user=untrained).exists()
    assert [evidence_of(world.course, line, NOW).met for line in (10, 12)] == [None, None]
    manager.force_login(world.alice.nurse)
    teach(manager, world, "caregiver")
    assert [evidence_of(world.course, line, NOW).met for line in (10, 12)] == [True, None]
    teach(manager, world, "patient")
    assert [evidence_of(world.course, line, NOW).met for line in (10, 12)] == [True, True]


@pytest.fixture
def untrained(world):
    with everything():
        return make_member(world.alice.organisation, "nurse", "RN Untrained", trained=False)


LACKS = "RN Untrained is not trained for this: the certificate on_call_ladder is missing."


def test_t03_no_other_page_of_the_rota_lets_an_untrained_nurse_in(manager, world, untrained):
    """Removing `coverage.refusal` from `rota.member_for` makes it fail."""
    weekly = {"step": "nurse", "days": ["0", "5"], "starts": "19:00", "ends": "07:00", "first_day": "2026-03-02"}
    plan = manager.post(reverse("plans"), {**weekly, "user": str(untrained.pk)})
    assert LACKS in plan.content.decode()
    ours = Shift.objects.get(organisation=world.alice.organisation, user=world.alice.nurse)
    manager.force_login(world.alice.nurse)
    asked = manager.post(reverse("swaps"), {"shift": str(ours.pk), "user": str(untrained.pk)})
    assert LACKS in asked.content.decode()
    manager.force_login(world.manager)
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//", "BEGIN:VEVENT", "UID:a@elsewhere", "DTSTART:20260308T010000Z",
        "DTEND:20260308T120000Z", "SUMMARY:Nurse", "CATEGORIES:nurse", f"ATTENDEE:mailto:{untrained.email}", "END:VEVENT",
        "END:VCALENDAR", "",
    ]  # fmt: skip
    sent = "\r\n".join(lines)
    assert LACKS in manager.post(reverse("calendar"), {"text": sent}).content.decode()
    pressed = {"text": sent, "reviewed": hashlib.sha256(sent.encode()).hexdigest()}
    assert (
        "Nothing in this calendar can be put on the rota."
        in manager.post(reverse("calendar"), pressed).content.decode()
    )
    with everything():
        assert not Shift.objects.filter(user=untrained).exists()
        assert not ShiftPlan.objects.filter(user=untrained).exists()


def test_t03_a_day_that_is_made_a_holiday_places_nobody_whose_training_has_run_out_by_then(manager, world, untrained):
    """Removing `_may_be_placed` from `rota_plans._plan_day_again` makes it fail."""
    with everything():
        make_certificate(world.alice.organisation, untrained, valid_until=date(2026, 3, 10))
    times = {"step": "nurse", "days": ["holidays"], "starts": "19:00", "ends": "07:00", "first_day": "2026-03-02"}
    for user in (untrained, world.alice.nurse):
        assert manager.post(reverse("plans"), {**times, "user": str(user.pk)}).status_code == 302
    for on, placed in (("2026-03-06", {untrained, world.alice.nurse}), ("2026-03-20", {world.alice.nurse})):
        assert manager.post(reverse("holidays"), {"on": on, "name": f"Day of {on}"}).status_code == 302
        with everything():
            shifts = Shift.objects.filter(plan__isnull=False, starts_at__date__gte=date.fromisoformat(on))
            assert {each.user for each in shifts} == placed, on


def test_t28_a_certified_prescriber_who_is_not_trained_is_visible_as_such(manager, world):
    with everything():
        make_certificate(world.alice.organisation, world.alice.oncologist, kind="rems:teclistamab")
    page = manager.get(reverse("modules")).content.decode()
    assert f"<strong>{world.alice.oncologist.name}</strong> is certified for teclistamab and lacks: The product" in page
    for row in load_curriculum().for_role("oncologist"):
        typed = {"form": "passed", "user": str(world.alice.oncologist.pk), "module": row.id, "on": "2026-03-01"}
        sent = manager.post(reverse("modules"), {**typed, "product": "teclistamab" if row.per_product else ""})
        assert sent.status_code == 302
    assert "is certified for" not in manager.get(reverse("modules")).content.decode()


def test_t46_the_site_card_shows_courses_done_last_event_and_next_privilege(manager, world):
    def card() -> str:
        page = manager.get(reverse("modules")).content.decode()
        return page[page.index("experience</h2>") :]

    assert "0 courses</span><div><strong>Synthetic Site</strong>: the hub is on the telephone" in card()
    for number in range(5):
        course = world.make_course() if number else world.course
        at = NOW + timedelta(minutes=10 + number)
        record_event(course.pk, dose("step_up_1", mg="4.8", at=at), by=world.actor("alice"), now=at)
    record_event(
        world.course.pk,
        event("icans_assessed", at=NOW + timedelta(minutes=30), clinician_grade=1),
        by=world.actor("alice"),
        now=NOW + timedelta(minutes=30),
    )
    with clock.use(clock.FrozenClock(NOW + timedelta(hours=1))):
        told = card()
    assert "5 courses</span><div><strong>Synthetic Site</strong>: gives step-up doses by itself" in told
    assert "last reaction Mon 2 Mar 2026 · next, after 15 more: is visited by other sites" in told
    assert f"5 courses</span><div>{world.alice.nurse.name}: assesses and gives step-up doses alone" in told
    assert "next, after 5 more: teaches others" in told


def authorise(world, at, agent: str, taught: bool | None) -> None:
    body = {
        "agent": agent,
        "medicine": agent,
        "dose_mg": "16",
        "trigger": "fever",
        "allergy_checked": True,
        "interaction_checked": True,
        "teach_back_passed": taught,
        "pack_at_hand": True,
        "valid_until": "2026-06-01",
        "pack_expires_on": "2026-12-01",
    }
    fact = event("home_medicine_authorised", at=at, **body)
    record_event(world.course.pk, fact, by=world.actor("alice", "oncologist"), now=at)


def offered(world, agent: str, at) -> str:
    history, policy = wire.history_of(Course.objects.get(pk=world.course.pk), at)
    found = assess(protocol_for(history, at), policy, history, at).home_medicines
    return next(each.state for each in found if each.agent == agent)


@pytest.mark.parametrize(
    "agent",
    [
        pytest.param("antibiotic", id="t61_stand_by_antibiotic"),
        pytest.param("dexamethasone", id="t62_dexamethasone"),
    ],
)
def test_t61_t62_a_medicine_at_home_is_not_offered_without_a_passed_teach_back(client, world, agent):
    later = NOW + timedelta(hours=2)
    authorise(world, NOW + timedelta(minutes=1), agent, None)
    assert offered(world, agent, later) == "not_known"
    authorise(world, NOW + timedelta(minutes=2), agent, False)
    assert offered(world, agent, later) == "not_usable"
    authorise(world, NOW + timedelta(minutes=3), agent, True)
    assert offered(world, agent, later) == "usable"
    client.force_login(world.alice.nurse)
    with clock.use(clock.FrozenClock(NOW + timedelta(minutes=30))):
        address = reverse("teach_back", args=[world.course.pk])
        typed = {"who": "patient", "own_language": "yes", "at": "2026-03-02T09:20", f"item_{agent}": "repeat"}
        assert client.post(address, typed).status_code == 302
        assert offered(world, agent, later) == "not_usable"
        again = {**typed, "at": "2026-03-02T09:25", f"item_{agent}": "passed"}
        assert client.post(address, again).status_code == 302
    assert offered(world, agent, later) == "usable"


def test_t65_each_role_has_at_least_one_active_module_with_an_expiry(manager):
    for role in STAFF:
        rows = load_curriculum().for_role(role.value)
        assert rows, role
        assert all(row.valid_months for row in rows), role
        assert any(row.since <= TODAY for row in rows), role
    page = manager.get(reverse("modules")).content.decode()
    for row in load_curriculum().module:
        assert not row.roles or row.title in page


def test_t65_the_page_lists_a_module_for_every_role_and_what_was_passed_counts_until_its_day(manager, world):
    """Removing `"roles"` from the context of `views_modules`, or `valid_months` from a module of a role, makes it fail."""

    def asked() -> dict[str, dict[str, tuple[str, str]]]:
        """By role and module: how long it counts, and how many hold it."""
        page = manager.get(reverse("modules")).content.decode()
        table = page[page.index("what each role is asked for</h2>") : page.index("experience</h2>")]
        found: dict[str, dict[str, tuple[str, str]]] = {}
        for row in re.findall(r'<tr><th scope="row">.*?</tr>', table, re.DOTALL):
            cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
            role, module, counts, held = (" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells)
            found.setdefault(role, {})[module] = counts, held
        return found

    rows = asked()
    assert set(rows) == {role_words(role.value).capitalize() for role in STAFF}
    for role, modules in rows.items():
        assert all(re.fullmatch(r"[1-9]\d* months", counts) for counts, _ in modules.values()), role

    def held() -> tuple[str, str]:
        manager.force_login(world.manager)
        return next(
            each for module, each in asked()["Nurse"].items() if module.startswith("When to stop, whom to call")
        )

    assert held() == ("6 months", "0 of 1")
    typed = {"form": "passed", "user": str(world.alice.nurse.pk), "module": "stop_and_call", "on": TODAY.isoformat()}
    assert manager.post(reverse("modules"), typed).status_code == 302
    assert held() == ("6 months", "1 of 1 all")
    with clock.use(clock.FrozenClock(NOW + timedelta(days=184))):  # the second of September
        assert held() == ("6 months", "1 of 1 all")
    with clock.use(clock.FrozenClock(NOW + timedelta(days=185))):
        assert held() == ("6 months", "0 of 1")


def test_t78_active_staff_who_have_not_signed_for_more_than_fourteen_days_are_flagged(manager, world):
    typed = {
        "form": "version",
        "subject": "document",
        "document": "CRS protocol",
        "version": "4",
        "reason": "new limits",
    }
    assert manager.post(reverse("modules"), typed).status_code == 302
    with clock.use(clock.FrozenClock(NOW + timedelta(days=14))):
        assert (
            f"<strong>{world.alice.nurse.name}</strong>: CRS protocol"
            not in manager.get(reverse("modules")).content.decode()
        )
    with clock.use(clock.FrozenClock(NOW + timedelta(days=15))):
        manager.force_login(world.alice.nurse)
        page = manager.get(reverse("modules")).content.decode()
        assert (
            f'<span class="mark now">15 days</span><div><strong>{world.alice.nurse.name}</strong>: CRS protocol' in page
        )
        signed = {"document": "CRS protocol", "version": "4"}
        manager.post(reverse("sign_document", args=[world.alice.id]), signed)
        page = manager.get(reverse("modules")).content.decode()
        assert f"<strong>{world.alice.nurse.name}</strong>: CRS protocol" not in page
        assert f"<strong>{world.alice.director.name}</strong>: CRS protocol" in page
        Membership.objects.filter(user=world.alice.director).update(valid_until=NOW + timedelta(days=1))
        page = manager.get(reverse("modules")).content.decode()
        assert f"<strong>{world.alice.director.name}</strong>: CRS protocol" not in page, "no longer of the staff"


def test_t84_every_item_is_passed_or_repeated_before_the_first_dose(client, world):
    client.force_login(world.alice.nurse)
    asked = {row.id for row in load_teach_back().item}
    assert {"take_temperature", "number_to_call", "before_fever_medicine", "dexamethasone"} <= asked
    for who, line in (("patient", 12), ("caregiver", 10)):
        for item in ("take_temperature", "number_to_call", "before_fever_medicine"):
            teach(client, world, who, **{item: "repeat"})
            found = evidence_of(world.course, line, NOW)
            assert found.met is False
            assert item.replace("_", " ") in found.because
            typed = {"who": who, "own_language": "yes", "at": "2026-03-02T09:01", f"item_{item}": "passed"}
            client.post(reverse("teach_back", args=[world.course.pk]), typed)
            assert evidence_of(world.course, line, NOW + timedelta(minutes=1)).met is True


def test_a_newer_version_of_the_on_call_module_ends_the_certificates_and_the_rota_says_whose_hours_are_open(
    manager, world
):
    by = world.actor("alice", "director")
    new = make_member(world.alice.organisation, "on_call", "RN New", trained=False)
    complete_module(world.alice.id, user_id=new.pk, module="on_call", on=TODAY, by=by)
    held = Certificate.objects.get(user=new)
    assert (held.kind, held.valid_until) == ("on_call_ladder", date(2026, 9, 2))
    bring_out(world.alice.id, what="module", subject="on_call", version="2", reason="new ladder", by=by)
    assert Certificate.objects.get(user=new).valid_until == date(2026, 3, 15)
    assert "New version" in manager.get(reverse("modules")).content.decode()


def test_site_23_is_answered_from_the_drills_on_record(manager, world):
    assert drill_evidence_of(world.alice.site, None, NOW).met is None
    assert next(each for each in level_of_site(world).lines if each.item == "SITE-23").state == "not_known"
    typed = {
        "site": str(world.alice.site.pk),
        "on": "2026-03-01",
        "call_answered": "4",
        "packet_opened": "9.5",
        "tocilizumab_at_bedside": "55",
        "correct_grade": "yes",
    }
    for kind in ("phone_after_hours", "ed_without_record"):
        assert manager.post(reverse("drills"), {**typed, "kind": kind, "product": "teclistamab"}).status_code == 302
    assert drill_evidence_of(world.alice.site, None, NOW).met is True
    line = next(each for each in level_of_site(world).lines if each.item == "SITE-23")
    assert line.state == "shown"
    manager.post(reverse("drills"), {**typed, "kind": "phone_after_hours", "on": "2026-03-02", "call_answered": "6"})
    line = next(each for each in level_of_site(world).lines if each.item == "SITE-23")
    assert line.state == "not_met"


def level_of_site(world):
    with everything():
        return gather([world.alice.site], NOW)[world.alice.site.pk].level("teclistamab")
