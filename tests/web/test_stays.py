"""The page of a patient in hospital, its forms, and the same facts behind the code of the emergency card."""

from datetime import timedelta
from uuid import uuid4

import pytest

from handrail import clock
from handrail.actions.emergency import exchange_key, issue_card, show_card
from handrail.actions.facts import record_event
from handrail.actions.stays import (
    Admission,
    DayPlan,
    HubCall,
    Named,
    make_hub_call,
    note_admission,
    note_discharge,
    write_plan,
)
from handrail.alerts.models import Alert
from handrail.people.scope import everything
from handrail.records.models import StayPerson
from tests.support.factories import MONDAY_0900, World, dose, event

pytestmark = pytest.mark.django_db
ADMITTED = MONDAY_0900 + timedelta(hours=13)
"""Monday 22:00 by the patient's clock: the first call is due on Tuesday at 2:00, the next at 10:00."""
NOW = ADMITTED + timedelta(hours=3)
DOCTOR = Named(role="hospitalist", name="Synthetic Hospitalist", phone="+15550100177")


@pytest.fixture
def time():
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        yield frozen


@pytest.fixture
def world(time):
    world = World()
    by = world.actor("alice")
    record_event(world.course.pk, dose("step_up_1", at=MONDAY_0900, mg="4.2"), by=by, now=MONDAY_0900)
    return world


@pytest.fixture
def nurse(client, world):
    client.force_login(world.alice.nurse)
    return client


def admit(world: World) -> None:
    admission = Admission(place="County Hospital", service="medicine", hospitalist=DOCTOR, admitted_at=ADMITTED)
    note_admission(world.course.pk, admission, event_id=uuid4(), by=world.actor("alice"), now=ADMITTED)


def give(world: World, agent: str, mg: str | None, at) -> None:
    fact = event("medicine_given", at=at, agent=agent, dose_mg=mg, purpose="treatment")
    record_event(world.course.pk, fact, by=world.actor("alice"), now=at)


def page(client, world: World) -> str:
    answer = client.get(f"/courses/{world.course.pk}/stay/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_nobody_was_admitted(nurse, world):
    shown = page(nurse, world)
    assert "No admission is on record." in shown and "Admitted to hospital" in shown


def test_what_is_not_known_says_so(nurse, world):
    admit(world)
    shown = page(nurse, world)
    assert "In hospital: County Hospital, medicine" in shown
    assert 'Synthetic Hospitalist <a class="nowrap" href="tel:+15550100177">' in shown
    assert "not known: do NOT give it; call the centre" in shown
    assert 'CRS <span class="unknown">not known</span> · ICANS <span class="unknown">not known</span>' in shown
    assert 'Plan:</strong> <span class="unknown">none on record</span>' in shown and "no call on record" in shown


def test_a_number_without_a_name_is_kept_and_the_name_not_known(nurse, world):
    whom = Named(role="hospitalist", phone="+15550100178")
    admission = Admission(place="County Hospital", hospitalist=whom, admitted_at=ADMITTED)
    note_admission(world.course.pk, admission, event_id=uuid4(), by=world.actor("alice"), now=ADMITTED)
    shown = page(nurse, world)
    assert (
        'Hospitalist: <span class="unknown">name not known</span> <a class="nowrap" href="tel:+15550100178">' in shown
    )


def test_day_by_day_with_plan_log_and_calls(nurse, world, time):
    admit(world)
    give(world, "tocilizumab", "560", ADMITTED + timedelta(minutes=30))
    give(world, "tocilizumab", "900", ADMITTED + timedelta(hours=9))
    give(world, "dexamethasone", None, ADMITTED + timedelta(hours=10))
    later = ADMITTED + timedelta(hours=13)
    time.set(later)
    decides = Named(role="centre specialist", name="Synthetic Specialist")
    plan = DayPlan(
        for_day=(ADMITTED + timedelta(hours=8)).date(), lines=("ICE every 4 h", "no third dose"), decides=decides
    )
    write_plan(world.course.pk, plan, event_id=uuid4(), by=world.actor("alice"), now=later)
    call = HubCall(reached=True, whom=DOCTOR, outcome="no fever since the morning")
    make_hub_call(world.course.pk, call, event_id=uuid4(), by=world.actor("alice"), now=later)
    shown = page(nurse, world)
    assert "tocilizumab 900 mg Tue 3 Mar 07:00 CST (2 in 24 h, ABOVE one dose)" in shown
    assert "tocilizumab 560 mg Mon 2 Mar 22:30 CST (1 in 24 h)" in shown
    assert "dexamethasone (mg not known) Tue 3 Mar 08:00 CST" in shown
    assert "<div>ICE every 4 h</div><div>no third dose</div>" in shown
    assert "Synthetic Specialist, centre specialist (written Tue 3 Mar 11:00 CST)" in shown
    assert "Synthetic Hospitalist, hospitalist: no fever since the morning" in shown
    assert "at most 800 mg a dose, 8 h apart, at most 4 doses for one reaction" in shown
    assert shown.index("Tue 3 Mar 2026") < shown.index("Mon 2 Mar 2026"), "today stands first"


def test_the_page_of_a_missed_call_leads_to_the_call_with_the_hospital(client, world, time):
    admit(world)
    time.set(ADMITTED + timedelta(hours=5))
    call = HubCall(reached=False)
    make_hub_call(world.course.pk, call, event_id=uuid4(), by=world.actor("alice"), now=clock.now())
    with everything():
        alert = Alert.objects.get(key__startswith="inpatient:")
    client.force_login(world.alice.on_call)
    shown = client.get(f"/pages/{alert.pk}/").content.decode()
    assert f"/courses/{world.course.pk}/stay/call/" in shown and "Call the unit that has the patient." in shown
    assert 'id="call"' not in shown and "Call the patient back" not in shown, (
        "nobody is asked to call the patient at home"
    )


@pytest.mark.parametrize(
    ("hours", "mark"),
    [(3, "next <time"), (4, '<span class="mark soon">due now</span>'), (5, '<span class="mark now">MISSED</span>')],
)
def test_the_daily_call_is_next_due_or_missed(nurse, world, time, hours, mark):
    admit(world)
    time.set(ADMITTED + timedelta(hours=hours))
    shown = page(nurse, world)
    assert f"Daily call of the centre:</strong> {mark}" in shown and "Tue 3 Mar 02:00 CST</time>" in shown


FORMS = [
    (
        "admission",
        {
            "admitted_at": "2026-03-02T22:00",
            "place": "County Hospital",
            "service": "",
            "name": "Synthetic Hospitalist",
            "phone": "+15550100177",
        },
        "admission_noted",
    ),
    (
        "plan",
        {"for_day": "2026-03-03", "lines": "watch\r\n\r\nICE every 4 h", "decides_role": "not_known"},
        "admission_plan_written",
    ),
    ("call", {"reached": "yes", "role": "hospitalist", "outcome": "stays"}, "hub_call_made"),
    ("discharge", {"discharged_at": "2026-03-03T00:30", "to": "home"}, "discharge_noted"),
]


@pytest.mark.parametrize(("key", "typed", "kind"), FORMS)
def test_a_form_writes_its_fact_once(nurse, world, key, typed, kind):
    address, batch = f"/courses/{world.course.pk}/stay/{key}/", str(uuid4())
    assert nurse.get(address).status_code == 200
    for _ in range(2):
        answer = nurse.post(address, {**typed, "batch": batch})
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/courses/{world.course.pk}/stay/")
    (row,) = world.course.events.filter(kind=kind)
    if key == "plan":
        assert row.payload["lines"] == ["watch", "ICE every 4 h"] and row.payload["decides_role"] is None
    if key == "admission":
        assert StayPerson.objects.get().name == "Synthetic Hospitalist"


@pytest.mark.parametrize(
    ("key", "typed", "says"),
    [
        ("admission", {"place": "County Hospital"}, "Admitted: please answer."),
        ("admission", {"place": "County Hospital", "admitted_at": "2026-03-09T08:00"}, "once it has happened"),
        ("plan", {"for_day": "2026-03-03", "lines": "watch"}, "please answer"),
        ("call", {"reached": "yes", "outcome": "stays"}, "Write who was reached"),
        ("call", {"reached": "yes", "role": "hospitalist"}, "Write what was said"),
        ("call", {"reached": "no", "next_call_at": "2026-03-02T08:00"}, "still to come"),
        ("discharge", {"discharged_at": "2026-03-02T22:00", "to": "the moon"}, "choose one of the answers"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(nurse, world, key, typed, says):
    answer = nurse.post(f"/courses/{world.course.pk}/stay/{key}/", typed)
    shown = answer.content.decode()
    assert answer.status_code == 422 and says in shown and "Nothing is saved yet" in shown
    if "place" in typed:
        assert 'value="County Hospital"' in shown
    assert not world.course.events.filter(kind__in=[kind for _, _, kind in FORMS]).exists()


def test_the_same_form_with_other_content_is_refused(nurse, world):
    address, batch = f"/courses/{world.course.pk}/stay/call/", str(uuid4())
    for said, status in (("stays", 302), ("goes home", 422)):
        typed = {"reached": "yes", "role": "hospitalist", "outcome": said, "batch": batch}
        assert nurse.post(address, typed).status_code == status


def test_a_role_that_records_no_call_reads_and_gets_no_form(client, world):
    admit(world)
    client.force_login(world.alice.director)
    assert "County Hospital" in page(client, world) and "/stay/call/" not in page(client, world)
    assert client.get(f"/courses/{world.course.pk}/stay/call/").status_code == 403


def test_the_sheet_for_the_emergency_department_has_the_last_three_days_while_the_patient_is_there(nurse, world, time):
    admit(world)
    time.set(ADMITTED + timedelta(days=5))
    sheet = f"/courses/{world.course.pk}/ed-sheet"
    assert nurse.get(sheet).content.decode().count("highest of the day") == 3
    assert page(nurse, world).count("highest of the day") == 6
    left = clock.now() - timedelta(hours=1)
    note_discharge(world.course.pk, left, "home", event_id=uuid4(), by=world.actor("alice"), now=clock.now())
    assert "highest of the day" not in nurse.get(sheet).content.decode()
    assert "Was in hospital: County Hospital" in page(nurse, world)


def test_the_same_facts_stand_behind_the_code_of_the_card(client, world, time):
    admit(world)
    card = show_card(issue_card(world.course.pk, by=world.actor("alice"), now=NOW))
    client.cookies["handrail_emergency"] = exchange_key(card.address_key)
    before = client.get("/e/").content.decode()
    assert "County Hospital" not in before
    client.post("/e/", {"code": card.code})
    shown = " ".join(client.get("/e/").content.decode().split())
    assert "<h2>In hospital</h2>" in shown and "County Hospital" in shown and "Synthetic Hospitalist" in shown
    assert "/stay/" not in shown, "to read, not to write"


def test_a_course_that_cannot_be_judged_never_says_that_nobody_was_admitted(nurse, world, monkeypatch):
    from handrail.web import course_page

    admit(world)
    monkeypatch.setattr(course_page, "assess", lambda *_args, **_kwargs: 1 / 0)
    shown = page(nurse, world)
    assert "Whether the patient is in hospital is not known: ask." in shown and "No admission" not in shown
