"""What an answer, a packet, a reading of rival corrections and a site's own policy show, each beside what they must not show."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from handrail.rules.answering import TASKS, standing_of, who_answers
from handrail.rules.coursefile import CourseFileError, event_from_json, read_plain
from handrail.rules.daily import daily
from handrail.rules.doses import given_doses
from handrail.rules.giving import treatment_over
from handrail.rules.interval import interval
from handrail.rules.overlays import Decided, document_of
from handrail.rules.policy import load_policy, shipped_document
from handrail.rules.policy_changes import changes_of
from handrail.rules.policy_own import Reason, own_policy
from handrail.rules.protocol import load, newest_active
from handrail.rules.responsibility import Rule, template
from handrail.rules.setting_facts import PlannedDose
from handrail.rules.upcoming import upcoming
from tests.spec.test_packet import made, stepped_up
from tests.support import agreements
from tests.support.agreements import HUB
from tests.support.courses import ELRA, TEC, Told, civil, instant, well
from tests.support.handoffs import latest, offered
from tests.support.reactions import crs

SUD1, SUD2, FTD, TD = "step_up_1", "step_up_2", "first_treatment", "treatment"
POLICY = load_policy()
Fact = tuple[str, dict[str, Any]]


# --- the answer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # label | first step-up dose on 2 March, the second on | what is said of the second
    ("key", "second", "words"),
    [
        (TEC, "2026-03-05", None),
        (TEC, "2026-03-12", "the label's answer was restart: step-up dose 1"),
        ("talquetamab/US/2023-08/mono", "2026-03-05", None),
        ("talquetamab/US/2023-08/mono", "2026-03-12", "the label's answer was restart: step-up dose 1 (a row not verified)"),
    ],
)  # fmt: skip
def test_a_dose_against_a_row_that_nobody_verified_says_so(key: str, second: str, words: str | None):
    told = Told(key)
    told.dose(SUD1, "2026-03-02 09:00")
    told.dose(SUD2, f"{second} 09:00")
    said = [finding.what for finding in told.assess(f"{second} 12:00").findings if finding.rule == "nextdose"]
    assert [what for what in said if "the label's answer" in what and not what.endswith(words or "-")] == []
    assert bool(said) is (words is not None)


@pytest.mark.parametrize(
    # temperatures told one after the other (None: asked, and not known) | what the board shows as the latest
    ("told_one_by_one", "shown"),
    [(["36.8"], "36.8"), (["36.8", "38.4"], "38.4"), (["36.8", None], "36.8"), ([None], None)],
)
def test_the_board_shows_the_latest_temperature_that_is_known(told_one_by_one: list[str | None], shown: str | None):
    told = Told(TEC)
    told.dose(SUD1, "2026-03-02 09:00")
    for number, value in enumerate(told_one_by_one):
        told.tell("vitals_measured", f"2026-03-02 12:0{number}", temperature_c=value)
    watch = told.assess("2026-03-02 13:00").watch
    assert (None if watch.last_temperature_c is None else str(watch.last_temperature_c)) == shown


def test_the_time_of_a_booked_contact_is_an_instant_at_which_the_answer_changes():
    told = Told(TEC)
    told.dose(SUD1, "2026-03-02 09:00")
    booked = instant("2026-03-03 10:30").isoformat()
    body = {"on": "2026-03-03", "who_role": "nurse", "contact": "in_person", "starts_at": booked}
    told.tell("visit_planned", "2026-03-02 08:00", **body)
    history = told.history()
    found = daily(history, given_doses(history), POLICY, instant("2026-03-03 09:00"))
    assert [civil(at) for at in found.changes_at if civil(at) < "2026-03-04"] == ["2026-03-03 10:30"]


@pytest.mark.parametrize(
    # the next dose at the offer | a question about it stands in the hand-off
    ("last_step", "asked"),
    [(TD, False), (None, True)],
)
def test_a_next_dose_that_has_to_be_asked_about_is_a_question_of_the_hand_off(last_step: str | None, asked: bool):
    told = Told()
    for step, day in ((SUD1, "02"), (SUD2, "05"), (FTD, "09"), (last_step, "16")):
        well(told, f"2026-03-{day} 08:00")
        told.dose(step, f"2026-03-{day} 09:00")
    well(told, "2026-03-18 08:00")
    told, _ = offered(told, "2026-03-18 09:00")
    missing = latest(told.assess("2026-03-18 09:00")).missing
    assert any(each.startswith("the next dose: ") for each in missing) is asked


@pytest.mark.parametrize(
    # said of the interval after every two weeks from 22 June | the day from which it counts
    ("later", "since"),
    [
        ([], "Mon 22 Jun 2026"),
        ([("protocol_changed", {"protocol_key": ELRA})], "Mon 22 Jun 2026"),  # another revision, and no word on the interval
        ([("schedule_changed", {"schedule": None}), ("schedule_changed", {"schedule": "every_2_weeks"})], "Thu 2 Jul 2026"),
        ([("schedule_changed", {"schedule": "every_2_weeks"})], "Mon 22 Jun 2026"),
    ],
)  # fmt: skip
def test_an_interval_counts_from_the_day_from_which_it_is_known_without_a_break(later: list[Fact], since: str):
    told = Told(ELRA)
    for step, day in ((SUD1, "2026-01-05"), (SUD2, "2026-01-08"), (FTD, "2026-01-12"), (TD, "2026-12-14")):
        told.dose(step, f"{day} 09:00", **({"schedule": "every_2_weeks"} if step == TD else {}))
    told.tell("response_assessed", "2026-03-01 09:00", response="PR")
    told.tell("schedule_changed", "2026-06-22 09:00", schedule="every_2_weeks")
    for number, (kind, fields) in enumerate(later):
        told.tell(kind, f"2026-07-0{1 + number} 09:00", **fields)
    well(told, "2026-12-28 08:00")
    now = instant("2026-12-28 09:00")
    history = told.history()
    doses = given_doses(history)
    dose = told.assess("2026-12-28 09:00").next_dose
    found = interval(load(ELRA), history, doses, dose, upcoming(history, doses, dose, now).dose).findings
    assert found and all(f"every 2 weeks since {since}" in finding.because for finding in found)


@pytest.mark.parametrize(
    # said of the response, one after the other, after eight cycles of mosunetuzumab | treatment
    ("said", "over"),
    [
        ([], "not known"),
        ([{"response": "CR"}], "over"),
        ([{"response": "PR"}], "goes on"),
        ([{"response": "CR"}, {"response": None}], "not known"),  # asked again, and not known: the one before is not assumed
        ([{"response": "CR"}, {}], "over"),  # not asked again
        ([{"response": "PR"}, {}], "goes on"),
    ],
)  # fmt: skip
def test_whether_a_treatment_is_over_hangs_on_the_latest_word_about_the_response(said: list[dict[str, Any]], over: str):
    key = "mosunetuzumab/US/2022-12/iv"
    told = Told(key, schedule="every_3_weeks")
    steps = [SUD1, SUD2, FTD, "treatment_2", *[TD] * 6]
    for number, step in enumerate(steps):
        told.dose(step, f"2026-{1 + number // 3:02}-{5 + 7 * (number % 3):02} 09:00")
    for number, body in enumerate(said):
        told.tell("response_assessed", f"2026-06-0{1 + number} 09:00", **body)
    history = told.history()
    found = treatment_over(load(key), history, given_doses(history))
    state = "goes on" if found is None else "not known" if found.missing is not None else "over"
    assert state == over


# --- who answers --------------------------------------------------------------------------------------------------


def partner(name: str, agreement: dict[str, Any] | None) -> dict[str, Any]:
    signed = None if agreement is None else {"id": f"with-{name}", "version": 1, "document": agreement, "holidays": []}
    return {"id": name, "name": name.title(), "number": "555-0120", "agreement": signed}


@pytest.mark.parametrize(
    # partners: whether each has signed an agreement | the agreement that counts | what is said when none does
    ("signed", "counts", "trouble"),
    [
        ([True], "with-prairie", None),
        ([False, True], "with-lake", None),
        ([True, False], "with-prairie", None),
        ([False, False], None, "Hub and Prairie have no agreement now: Hub answers for everything"),
    ],
)
def test_of_several_partners_the_one_with_an_agreement_counts(
    signed: list[bool], counts: str | None, trouble: str | None
):
    names = ("prairie", "lake")
    partners = [partner(name, agreements.document() if has else None) for name, has in zip(names, signed, strict=False)]
    owner = {"id": HUB, "name": "Hub", "number": "555-0100"}
    now = instant("2026-03-02 09:00")
    standing = standing_of(Told(zone="UTC").history(), now, urgent=False, window_ends=None)
    known = {"accountability": {"owner": owner, "partners": partners, "alone": None}}
    found = who_answers(standing, known, now, TASKS[-1])
    assert found is not None and (found.agreement, found.trouble) == (counts, trouble)
    names_of = {task.id: task.name for task in template().task}
    assert (found.task, found.task_name) == (TASKS[-1], names_of[TASKS[-1]])


@pytest.mark.parametrize(
    # hours of weekdays from 08:00 to 17:00; looked at | they hold
    ("at", "holds"),
    [
        ("2026-03-06 07:59", False),
        ("2026-03-06 08:00", True),  # a Friday
        ("2026-03-06 17:00", False),
        ("2026-03-07 08:00", False),  # a Saturday
        ("2026-03-09 08:00", True),  # a Monday, and a holiday below
    ],
)
def test_hours_of_some_days_hold_on_no_other_day(at: str, holds: bool):
    rule = Rule(party="hub", role="Nurse", days=("mon", "tue", "wed", "thu", "fri"), starts="08:00", ends="17:00")
    local = datetime.fromisoformat(at)
    assert rule.holds(local, None) is holds
    assert rule.holds(local, None, (local.date(),)) is False  # a holiday counts as a Sunday


# --- rival corrections --------------------------------------------------------------------------------------------


def test_more_readings_than_can_be_weighed_are_read_all_at_once_and_then_one_by_one():
    told = Told(TEC)
    kept = told.tell("weight_measured", "2026-03-02 08:00", weight_kg="70")
    rivals = []
    for number in range(5):
        at = f"2026-03-02 09:0{number}"
        wrong = told.tell("vitals_measured", at, temperature_c="36.8")
        rivals.append(told.tell("vitals_measured", at, temperature_c="38.4", supersedes=wrong, reason="again"))
        rivals.append(told.tell("fact_withdrawn", at, supersedes=wrong, reason="of somebody else"))
    history = told.history()
    assert history.too_many_alternatives()
    first, *each = history.one_by_one()
    assert [event.id for event in first.events] == [event.id for event in history.events]
    fevers = [[event.id for event in alone.of("vitals_measured")] for alone in each]
    assert fevers == [[rivals[number]] if number % 2 == 0 else [] for number in range(10)]
    assert all([event.id for event in alone.of("weight_measured")] == [kept] for alone in each)


# --- what is read of a file ---------------------------------------------------------------------------------------


def wire(kind: str, **body: Any) -> dict[str, Any]:
    return {"id": "00000000-0000-4000-8000-000000000001", "kind": kind, "at": "2026-03-02T09:00:00Z", **body}


@pytest.mark.parametrize(
    # under the key `version` of a change of policy | the version of the policy, and that of the form of the event
    ("version", "policy", "form"),
    [(1, None, 1), ("2", "2", 1)],
)
def test_the_version_of_a_policy_is_a_text_and_that_of_an_event_a_number(version: Any, policy: str | None, form: int):
    event = event_from_json(wire("policy_changed", policy_id="default", version=version), zone="UTC")
    assert (event.body.version, event.version) == (policy, form)


def test_what_has_to_be_there_is_named_when_it_is_not():
    with pytest.raises(CourseFileError) as refused:
        read_plain(PlannedDose, {"step": SUD1}, "in")
    assert (refused.value.code, refused.value.path) == ("missing_key", "in")


# --- what an organisation signed, and its own policy ---------------------------------------------------------------


def test_a_signed_set_carries_what_has_a_citation_and_names_what_was_left():
    decided = [
        Decided(row_id="R1", row_sha256="1" * 64, citation="section 2.4", number=1),
        Decided(row_id="R2", row_sha256="2" * 64, citation=None, number=2),
    ]
    found = document_of(TEC, "0" * 64, decided, number=3, organisation="Centre", signatures=[])
    assert ([row["id"] for row in found["rows"]], found["left"]) == (["R1"], ["R2"])


CALLED: dict[str, Any] = {"policy_id": "own", "version": 1, "organisation": "Synthetic Centre", "on": date(2026, 3, 2)}
WHY = Reason(reason="agreed with the attending", review_on=date(2026, 9, 1))


def test_a_departure_of_a_policy_carries_its_reason_and_what_is_tighter_needs_none():
    own = own_policy({"triage.fever_c": "38.2", "triage.recheck_c": "37.2"}, **CALLED, reasons={"triage.fever_c": WHY})
    assert {change.place: change.free for change in own.changes} == {"triage.fever_c": False, "triage.recheck_c": True}
    [row] = own.document["departure"]
    assert (row["row"], row["field"], row["reason"], row["review_on"]) == (
        "triage",
        "fever_c",
        "agreed with the attending",
        "2026-09-01",
    )
    unsaid = own_policy({"triage.fever_c": "38.2"}, **CALLED, reasons={"triage.recheck_c": WHY})
    assert unsaid.document["departure"] == []


def test_a_number_of_its_own_rests_on_the_site_and_still_names_where_it_came_from():
    before = shipped_document()["triage"]
    own = own_policy({"triage.fever_c": "37.9", "triage.recheck_c": "37.2"}, **CALLED).document["triage"]
    assert (own["source"], own["status"]) == (["SITE", *before["source"]], "site-choice")
    assert "SITE" not in before["source"]


@pytest.mark.parametrize(
    # the hours of the checks by the clock, as typed | what changed
    ("order", "changed"),
    [(1, []), (-1, []), (None, ["watch.phase.risk_window.times"])],
)
def test_the_same_words_in_another_order_are_no_change(order: int | None, changed: list[str]):
    times = next(row for row in shipped_document()["watch"]["phase"] if row["id"] == "risk_window")["times"]
    typed = ", ".join([*times, "10:00"] if order is None else times[::order])
    own = own_policy({"watch.phase.risk_window.times": typed}, **CALLED)
    assert [change.place for change in own.changes] == changed


def test_of_two_rows_of_one_name_those_of_one_ladder_are_compared():
    """The oxygen saturation has a row for each ladder: moved limits are two limits, in whatever order the rows stand."""
    before, after = shipped_document(), shipped_document()
    rows = [row for row in after["triage"]["reading"] if row["reading"] == "spo2_percent"]
    assert len({row["ladder"] for row in rows}) == len(rows) == 2
    for row in rows:
        row["below"] = str(int(row["below"]) + 1)
    after["triage"]["reading"].reverse()
    moved = changes_of(before, after, POLICY.caution)
    assert [(change.row, change.field, str(change.before), str(change.after)) for change in moved] == [
        ("triage.reading.spo2_percent", "below", "90", "91"),
        ("triage.reading.spo2_percent.2", "below", "94", "95"),
    ]


def test_rows_of_one_ladder_and_another_name_are_not_compared():
    before, after = shipped_document(), shipped_document()
    for row in after["triage"]["reading"]:
        if row["reading"] in ("spo2_percent", "pulse_per_min"):
            row["below" if "below" in row else "above"] = "77"
    fields = {change.field for change in changes_of(before, after, POLICY.caution)}
    assert fields <= {"below", "above"}


def test_the_label_that_is_taken_by_itself_is_that_of_the_medicine_alone():
    assert newest_active("teclistamab", "US").key == TEC


# --- the packet ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # the assessment of CRS on the day after the dose | what the packet says of its grade
    ("grade", "suspected"),
    [
        (None, True),  # a fever, and whether the pressure fell is not known: suspected, and of no grade yet
        (1, False),
    ],
)
def test_an_episode_that_was_assessed_and_has_no_grade_stays_suspected(grade: int | None, suspected: bool):
    told = stepped_up()
    if grade is None:
        told.tell("crs_assessed", "2026-03-10 09:00", tmax_c="38.6", hypotension=None, o2=None, pressors=None)
    else:
        crs(told, "2026-03-10 09:00", grade)
    [part] = [each for each in made(told, "2026-03-10 10:00").episodes if each.toxicity == "crs"]
    assert (part.grade, part.suspected) == (grade, suspected)


def test_a_packet_notes_what_is_urgent_and_not_what_can_wait():
    told = stepped_up()
    told.tell("home_status", "2026-03-09 11:00", location="home")
    found = made(told, "2026-03-09 12:00")
    notes = " ".join(found.notes)
    findings = told.assess("2026-03-09 12:00").findings
    urgent = [each.what for each in findings if each.urgency.value == "now"]
    others = [each.what for each in findings if each.urgency.value != "now"]
    assert urgent and others
    assert all(what in notes for what in urgent) and not any(what in notes for what in others)


def test_a_packet_measures_nothing_of_a_result_or_weight_that_is_not_known():
    told = stepped_up()
    told.tell("lab_resulted", "2026-03-09 08:00", code=None, value="1.1", unit="10*9/L")
    told.tell("lab_resulted", "2026-03-09 08:00", code="anc", value="2.1", unit="10*9/L")
    told.tell("weight_measured", "2026-03-09 08:00", weight_kg=None)
    found = made(told, "2026-03-09 12:00")
    assert [each.what for each in found.labs] == ["anc"]
    assert [str(each.value) for each in found.vitals if each.what == "weight_kg"] == ["70"]


def test_a_packet_says_where_the_target_and_the_stay_after_the_next_dose_come_from():
    found = made(stepped_up(), "2026-03-10 09:00")
    target = found.field("target.name")
    assert target.words and target.origin is not None and target.origin.row
    stay = found.field("monitoring.next_dose")
    assert (stay.words is None) is (stay.origin is None)
    assert found.next_dose.monitoring is None or (stay.origin is not None and stay.origin.row)


@pytest.mark.parametrize(
    # told after the step-up | why the packet names no premedication
    ("facts", "at", "why"),
    [
        ([], "2026-03-10 09:00", "the label data names none for this dose"),  # it waits for its day
        ([("hold_started", {"because": "surgery"})], "2026-03-16 09:00", "surgery"),
    ],
)
def test_why_a_field_of_the_next_dose_is_empty(facts: list[Fact], at: str, why: str):
    told = stepped_up()
    well(told, f"{at[:10]} 08:00")
    for kind, fields in facts:
        told.tell(kind, f"{at[:10]} 08:30", **fields)
    found = made(told, at)
    assert found.next_dose.action.value == ("hold" if facts else "wait")
    field = found.field("next_dose.premedication")
    assert field.words is None and why in field.why


def test_the_plan_of_a_packet_is_the_labels_for_the_interval_in_force_and_what_it_says_now():
    told = Told(ELRA)
    for step, day in ((SUD1, "2026-01-05"), (SUD2, "2026-01-08"), (FTD, "2026-01-12"), (TD, "2026-07-06")):
        told.dose(step, f"{day} 09:00")
    well(told, "2026-07-13 08:00")
    rows = {row.from_schedule: row.words for row in load(ELRA).interval_change}
    assert set(rows) > {"weekly"}
    before = made(told, "2026-07-13 09:00")
    assert before.field("plan.longer").words == rows["weekly"]
    assert "may be due" in (before.field("plan.longer_now").words or "")
    young = made(stepped_up(), "2026-03-10 09:00")
    assert young.field("plan.longer_now").words == "nothing is due"
