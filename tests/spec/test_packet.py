"""The transfer packet: every field there with its value or as not known, where each comes from, and what changed since."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from handrail.rules.coursefile import course_from_json, read_course
from handrail.rules.ed_times import NO_TOCILIZUMAB
from handrail.rules.not_known import unfilled, unfilled_in
from handrail.rules.packet import packet
from handrail.rules.packet_data import FORMAT, packet_data, packet_data_from_toml
from handrail.rules.packet_parts import NOT_KNOWN, Around, CallPart, ContactPart, Packet, Who, packet_changes
from handrail.rules.policy import handoff_rules
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Missing, say_date
from handrail.rules.validity import judge
from tests.support.courses import ELRA, TEC, Told, instant

NIGHT = Path(__file__).parents[1] / "scenarios" / "fever_night.json"
SECTIONS = [
    "person",
    "disease",
    "treatment",
    "toxicity",
    "events",
    "next_dose",
    "plan",
    "laboratory",
    "prophylaxis",
    "target",
    "monitoring",
    "fever",
    "rems",
    "authorisation",
    "duties",
    "returns",
    "response",
    "goals",
    "tasks",
    "questions",
]
WHO = Who(
    given_name="Vera",
    family_name="Example",
    birth_date="1953-04-05",
    phone="555-0100",
    record_number="M-1",
    language="en",
    contacts=(ContactPart(name="Otto Example", relationship="husband", phone="555-0101", caregiver=True),),
)


def made(told: Told, at: str, *, who: Who | None = None, around: Around | None = None) -> Packet:
    judged = judge(course_from_json(told.file()), instant(at))
    return packet(judged.protocol, judged.policy, judged.history, judged.answer, who=who, around=around)


def night(at: str = "2026-03-06 10:00") -> Packet:
    judged = judge(read_course(NIGHT.read_bytes()), instant(at))
    return packet(judged.protocol, judged.policy, judged.history, judged.answer)


def stepped_up() -> Told:
    """Three doses on time, nothing happened, everything assessed."""
    told = Told(ELRA)
    told.tell("weight_measured", "2026-03-01 08:00", weight_kg="70")
    for step, day, mg in (("step_up_1", 2, "12"), ("step_up_2", 5, "32"), ("first_treatment", 9, "76")):
        told.dose(step, f"2026-03-0{day} 10:00", dose_mg=mg, weight_kg="70", lot=f"L{day}", site="hub-main")
    return told


def lines(found: Packet, section: str, table: str) -> dict[str, tuple[str, ...]]:
    (wanted,) = [each for each in found.section(section).tables if each.key == table]
    return {line.key: line.said for line in wanted.lines}


# --- every field, always --------------------------------------------------------------------------------------------


def test_there_are_twenty_sections_in_their_order():
    found = night()
    assert [section.key for section in found.sections] == SECTIONS
    assert [section.number for section in found.sections] == list(range(1, 21))


def keys(found: Packet) -> set[str]:
    return {each.key for section in found.sections for each in section.fields} | {
        table.key for section in found.sections for table in section.tables
    }


def test_a_fact_that_is_missing_for_two_reasons_is_asked_for_once():
    judged = judge(course_from_json(stepped_up().file()), instant("2026-03-10 09:00"))
    why = (("course_started.intent", "one"), ("weight", "two"), ("course_started.intent", "three"), ("weight", "two"))
    unsaid = tuple(Missing(missing=what, why_it_matters=reason) for what, reason in why)
    found = packet(judged.protocol, judged.policy, judged.history, replace(judged.answer, cannot_say=unsaid))
    assert lines(found, "questions", "questions.cannot_say") == {
        "questions.missing.course_started.intent": ("course started.intent", "one; three"),
        "questions.missing.weight": ("weight", "two"),
    }
    (table,) = [each for each in found.section("questions").tables if each.key == "questions.cannot_say"]
    assert len(table.lines) == 2


def test_an_empty_course_has_every_field_and_says_not_known():
    empty = made(Told(TEC), "2026-03-02 09:00")
    full = made(stepped_up(), "2026-03-10 09:00")
    assert keys(empty) >= {
        key for key in keys(full) if not key.startswith(("next_dose.would_be", "person.contact"))
    } - {"prophylaxis.other"}
    known = [each.key for section in empty.sections for each in section.fields if each.words is not None]
    assert not [
        key
        for key in known
        if key.split(".")[0] in ("person", "disease", "laboratory", "response", "goals", "prophylaxis")
    ]


def test_what_no_receiving_side_can_do_without_is_in_every_packet_and_told_while_it_is_empty():
    must = packet_data().must.fields
    for found, stand_aside in (
        (made(Told(TEC), "2026-03-02 09:00"), set()),
        (made(stepped_up(), "2026-03-10 09:00", who=WHO), {"person.caregiver"}),  # the contacts name one
    ):
        there = {each.key: each for section in found.sections for each in section.fields}
        assert set(must) - set(there) == stand_aside
        assert {each.key for each in unfilled(found)} == {key for key in there if key in must and not there[key].words}
        written = [(each.key, each.label, each.why) for each in unfilled_in(found.to_json())]
        assert written == [(each.key, each.label, each.why) for each in unfilled(found)], "sealed or not, the same"
    assert "person.name" not in {each.key for each in unfilled(found)}


def test_no_two_fields_or_lines_share_a_key():
    found = night()
    every = [each.key for section in found.sections for each in section.fields]
    every += [line.key for section in found.sections for table in section.tables for line in table.lines]
    assert len(every) == len(set(every))


NOT_RECORDED = [
    "person.name", "person.phone", "person.caregiver", "disease.diagnosis", "disease.targets", "disease.burden",
    "events.transfusions", "plan.review_on", "laboratory.igg", "laboratory.ig_plan", "prophylaxis.pjp",
    "prophylaxis.hsv_vzv", "prophylaxis.hepatitis_b", "prophylaxis.antibacterial", "prophylaxis.antifungal",
    "fever.number", "fever.ed", "rems.receiving_prescriber", "authorisation.site", "authorisation.units",
    "duties.from", "response.on", "response.tests", "response.who", "goals.goals", "goals.code_status",
]  # fmt: skip


@pytest.mark.parametrize("key", NOT_RECORDED)
def test_what_nobody_recorded_is_not_known_and_never_left_out(key: str):
    each = night().field(key)
    assert each.words is None
    assert each.said.startswith(NOT_KNOWN)


# --- the values, and where they come from ---------------------------------------------------------------------------


def test_each_dose_has_its_line_with_the_event_it_rests_on():
    told = stepped_up()
    found = made(told, "2026-03-10 09:00")
    (table,) = [each for each in found.section("treatment").tables if each.key == "treatment.doses"]
    assert [line.cells[:3] for line in table.lines] == [
        ("step-up dose 1", "Mon 2 Mar 2026 10:00 CST", "12"),
        ("step-up dose 2", "Thu 5 Mar 2026 10:00 CST", "32"),
        ("first treatment dose", "Mon 9 Mar 2026 10:00 CDT", "76"),
    ]
    given = [event for event in told.events if event["kind"] == "dose_given"]
    assert [line.origin and line.origin.event for line in table.lines] == [event["id"] for event in given]
    assert [line.origin and line.origin.at for line in table.lines] == [datetime.fromisoformat(e["at"]) for e in given]


def test_the_next_dose_has_its_amount_its_weight_and_its_row():
    found = night()
    said = {each.key.split(".")[1]: each for each in found.section("next_dose").fields}
    assert said["step"].words == "step-up dose 2"
    assert said["amount"].words == "32 mg = 0.8 mL (flat 32 mg)"
    assert said["weight"].words == "64.5 kg (Tue 3 Mar 2026 10:00 CST)"
    assert (said["due_on"].words, said["earliest_on"].words) == ("Fri 6 Mar 2026", "Thu 5 Mar 2026")
    assert said["give_by"].said == "not known (the label data names none for this dose)"
    assert said["due_on"].origin is not None and said["due_on"].origin.row == found.next_dose.row


def test_the_days_stand_also_while_the_dose_waits_for_the_assessment():
    told = Told(TEC)
    for step, day, mg in (("step_up_1", 2, "4.5"), ("step_up_2", 5, "21"), ("first_treatment", 8, "108")):
        told.dose(step, f"2026-03-0{day} 10:00", dose_mg=mg, weight_kg="72")
    found = made(told, "2026-03-10 09:00")
    answer = found.next_dose
    for key in ("due_on", "give_by", "restart_if_after"):
        day = getattr(answer, key)
        assert day is not None and found.field(f"next_dose.{key}").words == say_date(day)
    assert "restart the step-up" in (found.field("next_dose.after_that").words or "")
    assert found.field("next_dose.amount").words is None


def test_a_withheld_dose_names_no_day_and_says_why():
    told = stepped_up()
    told.tell("hold_started", "2026-03-09 09:00", because="infection")
    found = made(told, "2026-03-10 09:00")
    action = found.field("next_dose.action").words
    assert action is not None and action.startswith("hold: do not give")


def test_an_episode_has_grade_onset_duration_treatment_and_every_place():
    (crs,) = [cells for key, cells in lines(night(), "toxicity", "toxicity.by_dose").items() if ".crs." in key]
    assert crs == ("step-up dose 1", "CRS", "1", "16", "30", "acetaminophen 650 mg", "home, then ed, then home")


def test_t63_a_visit_to_the_emergency_department_says_how_long_tocilizumab_took_or_what_is_missing():
    told = Told(TEC)
    told.tell("contact_made", "2026-03-03 21:10", reached=True, outcome="sent_to_ed", **{"with": "patient"})
    told.tell("home_status", "2026-03-03 22:00", location="ed")
    took = ("Tue 3 Mar 2026 21:10 CST", "Tue 3 Mar 2026 22:00 CST")
    (line,) = lines(made(told, "2026-03-04 10:00"), "events", "events.ed").values()
    assert line == (*took, NOT_KNOWN, NOT_KNOWN, NO_TOCILIZUMAB)
    told.tell("medicine_given", "2026-03-04 00:05", agent="tocilizumab", dose_mg="560", purpose="treatment")
    (line,) = lines(made(told, "2026-03-04 10:00"), "events", "events.ed").values()
    assert line == (*took, "Wed 4 Mar 2026 00:05 CST", "2 h 05 min", "nothing")


TOXICITY = [
    # after the dose                                              | what the line of CRS says
    ([], NOT_KNOWN),
    ([("crs_assessed", {"clinician_grade": 0, "tmax_c": "36.8"})], "none: assessed"),
    (
        [("crs_assessed", {"clinician_grade": 2, "tmax_c": "38.8", "hypotension": True, "pressors": [], "o2": "none"})],
        "2",
    ),
    ([("vitals_measured", {"temperature_c": "38.6"})], "suspected: no grade recorded"),
]


@pytest.mark.parametrize(("facts", "grade"), TOXICITY)
def test_nobody_assessed_is_not_the_same_as_none(facts: list[tuple[str, dict[str, object]]], grade: str):
    told = Told(ELRA)
    told.dose("step_up_1", "2026-03-02 10:00", dose_mg="12")
    for kind, fields in facts:
        told.tell(kind, "2026-03-02 20:00", **fields)
    found = lines(made(told, "2026-03-03 09:00"), "toxicity", "toxicity.by_dose")
    (crs,) = [cells for key, cells in found.items() if ".crs." in key]
    assert crs[2] == grade


@pytest.mark.parametrize(
    ("agent", "key"),
    [
        ("acyclovir", "prophylaxis.hsv_vzv"),
        ("Valaciclovir", "prophylaxis.hsv_vzv"),
        ("trimethoprim-sulfamethoxazole", "prophylaxis.pjp"),
        ("entecavir", "prophylaxis.hepatitis_b"),
        ("levofloxacin", "prophylaxis.antibacterial"),
        ("posaconazole", "prophylaxis.antifungal"),
        ("a herb", "prophylaxis.other"),
    ],
)
def test_an_agent_counts_for_its_group_only(agent: str, key: str):
    told = Told(TEC)
    told.tell("medicine_given", "2026-02-01 09:00", agent=agent, purpose="prophylaxis")
    section = made(told, "2026-03-02 09:00").section("prophylaxis")
    assert [each.key for each in section.fields if each.words is not None] == [key]


def test_a_value_that_was_asked_later_and_is_not_known_is_not_known():
    told = Told(TEC)
    told.tell("weight_measured", "2026-02-01 09:00", weight_kg="70")
    assert made(told, "2026-02-03 09:00").field("laboratory.weight").words is not None
    told.tell("weight_measured", "2026-02-02 09:00", weight_kg=None)
    each = made(told, "2026-02-03 09:00").field("laboratory.weight")
    assert each.said == "not known (asked, and not known)"


def test_values_stand_with_their_trend():
    told = Told(TEC)
    for day, value in ((1, "2.4"), (2, "1.9"), (3, "1.1")):
        told.tell("lab_resulted", f"2026-02-0{day} 09:00", code="anc", value=value, unit="10*9/L")
    (cells,) = lines(made(told, "2026-02-04 09:00"), "laboratory", "laboratory.rows").values()
    assert cells[1] == "1.1 10*9/L"
    assert cells[3].startswith("2.4 10*9/L (Sun 1 Feb 2026") and "1.9" in cells[3]


def test_identity_comes_from_the_edge_only():
    without, joined = made(stepped_up(), "2026-03-10 09:00"), made(stepped_up(), "2026-03-10 09:00", who=WHO)
    assert "Example" not in str(without.to_json())
    assert joined.field("person.name").words == "Vera Example"
    assert joined.field("person.contact.1").words == "Otto Example, husband, 555-0101"
    marked = {each.key for section in joined.sections for each in section.fields if each.identity}
    assert marked >= {"person.name", "person.phone", "person.birth_date", "person.record_number", "person.contact.1"}


def test_the_numbers_of_the_hour_are_told():
    begins = instant("2026-03-10 17:00")
    call = CallPart(from_at=begins, until=begins + timedelta(hours=15), party="Hub", number="555-0111")
    around = Around(
        number="555-0199", calls=(call,), duties=(("maintenance doses", "Community"),), agreement="A, version 2"
    )
    found = made(stepped_up(), "2026-03-10 09:00", around=around)
    assert found.field("fever.number").words == "555-0199"
    assert found.field("fever.calls").words == "from Tue 10 Mar 2026 17:00 CDT: Hub 555-0111"
    assert list(lines(found, "duties", "duties.rows").values()) == [("maintenance doses", "Community")]


def test_the_target_has_what_to_look_for():
    told = Told("talquetamab/US/2023-08/mono")
    told.tell("condition_noted", "2026-02-01 09:00", what="taste_change", active=True)
    found = made(told, "2026-02-02 09:00")
    assert found.field("target.name").words == "GPRC5D"
    assert found.field("target.taste").words == "there (Sun 1 Feb 2026 09:00 CST)"
    assert found.field("target.gait").words is None


def test_the_return_criteria_are_the_policys():
    judged = judge(read_course(NIGHT.read_bytes()), instant("2026-03-06 10:00"))
    told = [cells[0] for cells in lines(night(), "returns", "returns.rows").values()]
    assert told == [row.words for row in handoff_rules(judged.policy).returns]
    assert told


# --- versions --------------------------------------------------------------------------------------------------------


def test_the_same_facts_at_another_hour_are_the_same_packet():
    one, other = made(stepped_up(), "2026-03-11 09:00"), made(stepped_up(), "2026-03-11 09:40")
    assert one.made_at != other.made_at
    assert one.sha256 == other.sha256
    assert packet_changes(one.to_json(), other.to_json()) == ()


def test_who_is_called_at_another_hour_is_no_change_but_another_number_is():
    day, night_ = instant("2026-03-10 08:00"), instant("2026-03-10 17:00")
    clinic = CallPart(from_at=day, until=night_, party="Clinic", number="1")
    hub = CallPart(from_at=night_, until=night_, party="Hub", number="2")
    by_day = Around(number="1", answers="Clinic", calls=(clinic, hub))
    by_night = Around(number="2", answers="Hub", calls=(hub, clinic))
    moved = replace(by_day, number="3", calls=(replace(clinic, number="3"), hub))
    packets = [made(stepped_up(), "2026-03-11 09:00", around=each) for each in (by_day, by_night, moved)]
    assert packets[0].sha256 == packets[1].sha256 != packets[2].sha256
    assert packet_changes(packets[0].to_json(), packets[1].to_json()) == ()
    (change,) = packet_changes(packets[0].to_json(), packets[2].to_json())
    assert (change.section, change.label) == (12, "Every number of these days")
    assert (change.before, change.after) == ("Clinic 1; Hub 2", "Clinic 3; Hub 2")


def test_a_party_without_a_number_says_so():
    call = CallPart(from_at=instant("2026-03-10 17:00"), until=instant("2026-03-11 08:00"), party="Hub", number="")
    found = made(stepped_up(), "2026-03-11 09:00", around=Around(calls=(call,)))
    assert found.field("fever.numbers").words == "Hub (number not known)"
    assert found.field("fever.number").words is None


def test_what_changed_is_named_field_by_field():
    told = stepped_up()
    former = made(told, "2026-03-10 09:00").to_json()
    told.tell("medicine_given", "2026-03-10 10:00", agent="aciclovir", purpose="prophylaxis")
    told.tell("lab_resulted", "2026-03-10 10:00", code="igg", value="3.1", unit="g/L")
    found = packet_changes(former, made(told, "2026-03-10 11:00").to_json())
    said = {change.label: (change.before, change.after) for change in found}
    before, after = said["Herpes (HSV, VZV)"]
    assert before == NOT_KNOWN and after is not None and after.startswith("aciclovir")
    assert said["IgG"] == (NOT_KNOWN, "3.1 g/L (Tue 10 Mar 2026 10:00 CDT)")
    assert said["Last values"][0] is None


def test_a_value_that_is_not_known_any_more_is_a_change():
    told = Told(TEC)
    told.tell("weight_measured", "2026-02-01 09:00", weight_kg="70")
    former = made(told, "2026-02-03 09:00").to_json()
    told.tell("weight_measured", "2026-02-02 09:00", weight_kg=None)
    changes = {each.label: each.after for each in packet_changes(former, made(told, "2026-02-03 09:00").to_json())}
    assert changes["Weight, kg"] == NOT_KNOWN


def test_the_first_version_is_all_new():
    found = packet_changes(None, night().to_json())
    assert found and all(change.before is None for change in found)


# --- the data --------------------------------------------------------------------------------------------------------


def spoilt() -> Iterator[tuple[str, str]]:
    head = f'format = "{FORMAT}"\n[sources.A]\ndocument = "a"\n'
    row = '[[target]]\nid = "x"\ntarget = "T"\nlook_for = []\nsource = ["A"]\nstatus = "secondary"\n'
    rest = "".join(
        f'[[{name}]]\nid = "y"\nwords = "w"\n{more}source = ["A"]\nstatus = "secondary"\n'
        for name, more in (("prophylaxis", "agents = []\n"), ("question", ""))
    )
    rest += '[must]\nfields = ["person.name"]\nsource = ["A"]\nstatus = "secondary"\n'
    yield "missing_source", head + row.replace('["A"]', '["B"]') + rest
    yield "unknown_key", head + row + 'colour = "blue"\n' + rest
    yield "duplicate_id", head + row + row + rest
    yield "unknown_format", (head + row + rest).replace("data/1", "data/2")


@pytest.mark.parametrize(("code", "text"), list(spoilt()))
def test_the_data_refuses(code: str, text: str):
    with pytest.raises(ProtocolDataError) as refused:
        packet_data_from_toml(text)
    assert refused.value.code == code


def test_every_product_for_myeloma_has_a_target():
    assert {row.id for row in packet_data().target} == {"teclistamab", "elranatamab", "linvoseltamab", "talquetamab"}
