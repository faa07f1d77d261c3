"""The forms with which staff record what happened: saved together or not at all, nothing typed is lost."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse

from handrail import clock
from handrail.people.scope import everything
from handrail.web.forms import NOT_KNOWN, fill
from handrail.web.record_forms import FORMS
from tests.support.factories import MONDAY_0900, World

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=27)


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        yield World()


@pytest.fixture
def nurse(client, world):
    client.force_login(world.alice.nurse)
    return client


def send(client, world, key: str, **fields):
    address = reverse("record", args=[world.course.pk, key])
    return client.post(address, {"batch": str(uuid4()), "at": "2026-03-03T12:00", **fields})


def events(world, *kinds):
    with everything():
        return list(world.course.events.filter(kind__in=kinds).order_by("kind"))


VITALS = {"v_temperature_c": "38.2", "v_systolic_mmhg": "118", "v_spo2_percent": "96", "v_oxygen": "none"}
ICE = {
    "i_year": "1", "i_month": "1", "i_city": "1", "i_hospital": "1", "i_naming_0_3": "3",
    "i_command_0_1": "1", "i_writing_0_1": "1", "i_attention_0_1": "0",
}  # fmt: skip


def test_one_form_makes_several_events_at_the_site_s_clock(nurse, world):
    answer = send(
        nurse, world, "assessment", **VITALS, c_hypotension="no", c_pressors="no_pressor", **ICE, n_loc="alert"
    )
    assert answer.status_code == 302
    saved = {
        event.kind: event
        for event in events(world, "vitals_measured", "crs_assessed", "ice_assessed", "icans_assessed")
    }
    assert set(saved) == {"vitals_measured", "crs_assessed", "ice_assessed", "icans_assessed"}
    assert {event.occurred_at.isoformat() for event in saved.values()} == {"2026-03-03T18:00:00+00:00"}
    assert saved["crs_assessed"].payload == {
        "hypotension": False, "pressors": [], "tmax_c": "38.2", "o2": "none", "died_of_crs": False,
    }  # fmt: skip
    assert saved["icans_assessed"].payload["ice_event"] == str(saved["ice_assessed"].id)


def test_left_alone_is_absent_and_not_known_is_null(nurse, world):
    send(nurse, world, "assessment", infection=NOT_KNOWN, n_seizure=NOT_KNOWN)
    (condition,) = events(world, "condition_noted")
    (icans,) = events(world, "icans_assessed")
    assert condition.payload == {"what": "infection", "active": None}
    assert icans.payload == {"seizure": None}
    assert not events(world, "vitals_measured", "crs_assessed", "ice_assessed")


def test_sending_twice_records_once(nurse, world):
    batch = str(uuid4())
    for _ in range(2):
        assert send(nurse, world, "weight", batch=batch, weight_kg="81.5").status_code == 302
    assert len(events(world, "weight_measured")) == 1


def test_the_same_form_with_other_content_is_refused(nurse, world):
    batch = str(uuid4())
    send(nurse, world, "weight", batch=batch, weight_kg="81.5")
    answer = send(nurse, world, "weight", batch=batch, weight_kg="18.5")
    assert answer.status_code == 422
    assert "sent before with other content" in answer.content.decode()
    assert len(events(world, "weight_measured")) == 1


def test_one_bad_answer_saves_nothing_and_keeps_what_was_typed(nurse, world):
    answer = send(nurse, world, "assessment", **{**VITALS, "v_spo2_percent": "ninety"}, c_hypotension="yes")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Oxygen saturation: type a number, in %." in page
    assert 'value="ninety"' in page
    assert 'value="38.2"' in page
    assert not events(world, "vitals_measured", "crs_assessed")


@pytest.mark.parametrize("typed", ["1e99999999", "NaN", "٣٨", "1_000", "+80", "8" * 400])
def test_what_is_no_plain_number_is_asked_again(nurse, world, typed: str):
    answer = send(nurse, world, "weight", weight_kg=typed)
    assert answer.status_code == 422
    assert "Weight: type a number, in kg." in answer.content.decode()


def test_an_event_that_the_verb_refuses_saves_none_of_the_form(nurse, world):
    answer = send(nurse, world, "dose", at="2026-03-01T12:00", step="step_up_1", dose_mg="4.8")
    assert answer.status_code == 422
    assert "before the course" in answer.content.decode()
    assert not events(world, "dose_given")


def test_an_unbelievable_reading_is_kept_and_marked(nurse, world):
    assert send(nurse, world, "weight", weight_kg="7").status_code == 302
    (weight,) = events(world, "weight_measured")
    assert weight.payload == {"weight_kg": "7", "implausible": ["weight_kg"]}
    page = nurse.get(reverse("course", args=[world.course.pk])).content.decode()
    assert "not believable and not used: weight kg" in page


def test_what_was_given_is_saved_even_when_it_differs(nurse, world):
    assert send(nurse, world, "dose", step="step_up_2", dose_mg="24").status_code == 302
    page = nurse.get(reverse("course", args=[world.course.pk])).content.decode()
    assert "differs from the protocol" in page
    assert "Ask the prescriber" in page


def test_nothing_filled_in_is_said(nurse, world):
    answer = send(nurse, world, "assessment")
    assert answer.status_code == 422
    assert "Nothing was filled in" in answer.content.decode()


def test_the_truth_is_told_after_saving(nurse, world):
    send(nurse, world, "dose", step="step_up_1", dose_mg="4.8")
    answer = nurse.post(
        reverse("record", args=[world.course.pk, "assessment"]),
        {"batch": str(uuid4()), "at": "2026-03-03T12:00", "v_temperature_c": "38.4"},
        follow=True,
    )
    assert "The clinician on call is being called." in answer.content.decode()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("2026-03-08T02:30", "does not exist"),
        ("2026-11-01T01:30", "occurs twice"),
        ("yesterday", "type a date and time"),
        ("0001-01-01T00:00", "type a date and time"),
        ("9999-12-31T23:59", "type a date and time"),
    ],
)
def test_times_on_clock_change_nights_are_asked_again(typed: str, words: str):
    filled = fill(FORMS["weight"], {"at": [typed], "weight_kg": ["80"]}, "America/Chicago")
    assert words in filled.errors["at"]


def test_the_second_of_two_equal_times_can_be_chosen():
    typed = {"at": ["2026-11-01T01:30"], "at_which": ["second"], "weight_kg": ["80"]}
    assert fill(FORMS["weight"], typed, "America/Chicago").values["at"] == "2026-11-01T01:30:00-06:00"


@pytest.mark.parametrize("key", sorted(FORMS))
def test_every_form_opens_with_the_time_filled_in(client, world, key: str):
    client.force_login(world.alice.oncologist)
    page = client.get(reverse("record", args=[world.course.pk, key]))
    assert page.status_code == 200
    assert 'value="2026-03-03T12:00"' in page.content.decode()


@pytest.mark.parametrize(
    ("key", "fields", "kind"),
    [
        ("medicine", {"agent": "tocilizumab", "dose_mg": "640", "purpose": "treatment"}, "medicine_given"),
        ("call", {"with": "patient", "reached": "yes", "outcome": "coming_in"}, "contact_made"),
        ("resolved", {"toxicity": "crs", "resolved_at": "2026-03-03T11:00", "confirmed_by": "NP"}, "toxicity_resolved"),
        ("plan", {"step": "step_up_1", "on": "2026-03-04"}, "dose_planned"),
        ("not-given", {"step": "step_up_1", "because": "infection"}, "dose_not_given"),
        ("lab", {"code": "anc", "value": "0,8", "unit": "10*9/L"}, "lab_resulted"),
        ("screening", {"code": "anti_hbc", "result": "positive"}, "lab_resulted"),
        ("pregnancy", {"what": "childbearing_potential", "active": "no"}, "condition_noted"),
        ("vaccine", {"vaccine": "yellow fever", "live": "yes", "on": "2026-04-02", "given": "no"}, "vaccine_noted"),
        ("rems", {"requirement": "wallet_card", "met": "yes"}, "rems_met"),
        ("response", {"response": "VGPR"}, "response_assessed"),
        (
            "earlier",
            {
                "lines": "4",
                "proteasome_inhibitor": "yes",
                "immunomodulatory_agent": "yes",
                "anti_cd38_antibody": "not_known",
                "progressed_on_last": "yes",
            },
            "earlier_treatment_noted",
        ),
        ("authorisation", {"subject": "bispecific", "status": "approved"}, "authorisation_set"),
        (
            "confirm",
            {"item": "maintenance_site", "confirmed": "yes", "evidence": "the practice"},
            "readiness_confirmed",
        ),
        ("book", {"on": "2026-03-04", "who_role": "nurse", "contact": "in_person"}, "visit_planned"),
        ("visit", {"on": "2026-03-03", "who_role": "nurse", "contact": "call"}, "visit_done"),
        ("incident", {"on": "2026-03-02", "because": "the clinic was closed"}, "incident_closed"),
        ("hold", {"because": "surgery"}, "hold_started"),
        ("lift", {"because": "healed"}, "hold_ended"),
        ("home", {"location": "lodging", "phone_works": "yes"}, "home_status"),
        (
            "departure",
            {"rule": "setting", "reason": "lives next door", "approver": "Dr. Synthetic"},
            "departure_signed",
        ),
        ("schedule", {"schedule": "every_2_weeks", "response": "CR"}, "schedule_changed"),
        ("note", {"text": "asked for a later appointment"}, "note_added"),
        ("end", {"because": "moved", "died": "no"}, "course_ended"),
    ],
)
def test_every_form_writes_its_event(client, world, key: str, fields: dict, kind: str):
    client.force_login(world.alice.oncologist)
    answer = send(client, world, key, **fields)
    assert answer.status_code == 302, answer.content.decode()
    (saved,) = events(world, kind)
    assert saved.role == "oncologist"
    assert client.get(reverse("course", args=[world.course.pk])).status_code == 200


@pytest.mark.parametrize("died", ["no", "unknown"])
def test_an_end_by_death_says_that_the_patient_died(client, world, died: str):
    """The rules read that answer alone: a course that ended by death would go on as one of a living patient."""
    client.force_login(world.alice.oncologist)
    answer = send(client, world, "end", because="death", died=died)
    assert answer.status_code == 422
    assert "The reason is death: say that the patient died too" in answer.content.decode()
    assert not events(world, "course_ended")
    assert send(client, world, "end", because="death", died="yes").status_code == 302
    assert events(world, "course_ended")[0].payload["died"] is True


@pytest.mark.parametrize(
    ("typed", "strengths"),
    [("90 and 10", ["90", "10"]), ("90, 10", ["90", "10"]), ("10 10", ["10", "10"]), ("10", ["10"]), ("0,5", ["0.5"])],
)
def test_x07_the_vials_of_a_dose_are_typed_one_after_the_other(typed: str, strengths: list[str]):
    form = {"at": ["2026-03-03T12:00"], "step": ["step_up_1"], "strengths_mg_per_ml": [typed]}
    assert fill(FORMS["dose"], form, "America/Chicago").values["strengths_mg_per_ml"] == strengths


def test_x07_a_dose_from_two_concentrations_is_saved_and_shown(nurse, world):
    answer = send(nurse, world, "dose", step="step_up_1", dose_mg="4.8", strengths_mg_per_ml="10 and 90")
    assert answer.status_code == 302
    (dose,) = events(world, "dose_given")
    assert dose.payload["strengths_mg_per_ml"] == ["10", "90"]
    page = nurse.get(reverse("course", args=[world.course.pk])).content.decode()
    assert "One dose is never made from vials of different concentrations" in page


def test_vials_that_are_no_numbers_are_asked_again(nurse, world):
    answer = send(nurse, world, "dose", step="step_up_1", strengths_mg_per_ml="the big one")
    assert answer.status_code == 422
    assert "type a number" in answer.content.decode()


def test_x37_a_recorded_requirement_leaves_the_gate(nurse, world):
    def open_() -> bool:
        return "wallet card and hands it over" in nurse.get(course).content.decode()

    course = reverse("course", args=[world.course.pk])
    send(nurse, world, "weight", weight_kg="81.5")
    assert open_()
    send(nurse, world, "rems", requirement="wallet_card", met="yes")
    assert not open_()


def test_a_planned_step_that_the_label_lacks_is_refused(client, world):
    client.force_login(world.alice.oncologist)
    answer = send(client, world, "plan", step="step_up_3", on="2026-03-04")
    assert answer.status_code == 422
    assert not events(world, "dose_planned")


def test_withdrawing_needs_a_reason_and_strikes_the_fact(nurse, world):
    send(nurse, world, "weight", weight_kg="81.5")
    (weight,) = events(world, "weight_measured")
    address = reverse("withdraw", args=[world.course.pk, weight.id])
    assert nurse.post(address, {"reason": " "}).status_code == 422
    assert nurse.post(address, {"reason": "another patient's"}).status_code == 302
    page = nurse.get(reverse("course", args=[world.course.pk])).content.decode()
    assert '<tr role="row" class="struck">' in page
    assert "another patient&#x27;s" in page
