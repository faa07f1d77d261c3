"""One packet, field by field: two of everything on record, so that the latest, the first and the worst can be told apart."""

from __future__ import annotations

import pytest

from handrail.rules.ed_times import NO_TOCILIZUMAB
from handrail.rules.packet_parts import Around, CallPart, Packet
from handrail.rules.packet_sections import NO_OFFER
from tests.spec.test_packet import WHO, made
from tests.support.courses import TEC, Told, instant
from tests.support.reactions import crs, resolved

AT = "2026-03-20 09:00"


def on_record() -> Told:
    told = Told(TEC, facts={"birth_year": 1953, "sex": "female", "ecog_0_4": 2, "lines_prior": 4, "language": "es"})
    note = "condition_noted"
    told.tell(note, "2026-02-01 09:00", what="smouldering_myeloma", active=False)
    told.tell(note, "2026-02-02 09:00", what="multiple_myeloma", active=True)
    told.tell(note, "2026-02-03 09:00", what="neuropathy", active=True, grade=1)
    told.tell(note, "2026-02-04 09:00", what="neuropathy", active=True, grade=2)
    told.tell(note, "2026-02-05 09:00", what="zoster", active=True, grade=2)
    told.tell(note, "2026-02-12 09:00", what="zoster", active=False)
    told.tell(note, "2026-03-17 09:00", what="infection", active=True)
    for day, kg in (("2026-03-01", "71"), ("2026-03-02", "70.5")):
        told.tell("weight_measured", f"{day} 08:00", weight_kg=kg)
    for day, igg, anc in (
        (1, "4.2", "2.4"),
        (2, "3.9", "1.9"),
        (3, "3.7", "1.6"),
        (4, "3.6", "1.4"),
        (5, "3.5", "1.2"),
        (6, "3.1", "1.1"),
    ):
        told.tell("lab_resulted", f"2026-02-1{day} 07:00", code="igg", value=igg, unit="g/L")
        told.tell("lab_resulted", f"2026-02-1{day} 07:00", code="anc", value=anc, unit="10*9/L")
    told.tell("lab_resulted", "2026-02-11 07:00", code="hbsag", result="positive")
    told.tell("lab_resulted", "2026-02-12 07:00", code="hbsag", result="negative")
    told.tell("lab_resulted", "2026-02-12 07:00", code="anti_hbc", result=None)
    told.tell("ice_assessed", "2026-03-02 07:00", total_0_10=9, baseline=True)
    told.tell("ice_assessed", "2026-03-02 08:00", total_0_10=10, baseline=True)
    for agent, at, purpose in (
        ("aciclovir", "2026-02-20 08:00", "prophylaxis"),
        ("valaciclovir", "2026-02-25 08:00", "home"),
        ("levofloxacin", "2026-02-25 08:00", "treatment"),
        ("vitamin D", "2026-02-25 08:00", "home"),
        ("calcium", "2026-02-26 08:00", "home"),
    ):
        told.tell("medicine_given", at, agent=agent, purpose=purpose)
    told.tell("vaccine_noted", "2026-02-20 09:00", vaccine="zoster vaccine", live=False, given=True, on="2026-02-19")
    told.tell("vaccine_noted", "2026-02-21 09:00", vaccine="yellow fever", live=True, given=False, on="2026-09-01")
    told.tell("rems_met", "2026-02-20 09:00", requirement="prescriber_certified", met=False)
    told.tell("rems_met", "2026-02-24 09:00", requirement="prescriber_certified", met=True, valid_until="2027-02-23")
    told.tell("rems_met", "2026-02-24 09:00", requirement="wallet_card", met=None)
    told.tell("authorisation_set", "2026-02-20 09:00", subject="teclistamab", number="A-1", status="asked")
    told.tell(
        "authorisation_set",
        "2026-02-24 09:00",
        subject="teclistamab",
        number="A-2",
        status="granted",
        valid_from="2026-03-01",
        valid_until="2026-08-31",
    )
    told.tell("response_assessed", "2026-03-16 08:00", response="SD")
    told.tell("response_assessed", "2026-03-19 08:00", response="PR")
    told.tell(
        "home_status",
        "2026-02-25 09:00",
        location="home",
        travel_min_typical=40,
        travel_min_night=30,
        travel_min_worst=90,
        caregiver_count=2,
    )
    pre = {"purpose": "premedication"}
    told.tell("home_status", "2026-03-02 07:00", location="hospital", site="unit-7")
    told.tell("medicine_given", "2026-03-02 07:00", agent="dexamethasone", dose_mg="16", **pre)
    told.tell("medicine_given", "2026-03-02 08:59", agent="acetaminophen", dose_mg="650", **pre)
    told.dose(
        "step_up_1", "2026-03-02 09:00", dose_mg="4.2", dose_mg_per_kg="0.06", weight_kg="70.5", lot="L1", site="hub"
    )
    told.tell("medicine_given", "2026-03-02 09:01", agent="diphenhydramine", dose_mg="50", **pre)
    crs(told, "2026-03-02 09:00", 1)  # the minute of the dose
    told.tell("medicine_given", "2026-03-02 09:00", agent="tocilizumab", dose_mg="564", purpose="treatment")
    told.tell("medicine_given", "2026-03-02 20:00", agent="acetaminophen", purpose="home")
    told.tell("home_status", "2026-03-03 09:00", location="ed", site="unit-9")
    resolved(told, "crs", "2026-03-03 21:00")
    told.tell("medicine_given", "2026-03-03 21:00", agent="dexamethasone", dose_mg="10", purpose="treatment")
    told.tell("medicine_given", "2026-03-03 21:01", agent="acetaminophen", dose_mg="650", purpose="home")
    told.tell("home_status", "2026-03-03 21:01", location="home")
    crs(told, "2026-03-04 09:00", 2)
    told.tell("home_status", "2026-03-04 09:00", location="hospital", site="unit-7")
    resolved(told, "crs", "2026-03-04 21:00")
    told.tell("home_status", "2026-03-04 22:00", location="home")
    told.tell("medicine_given", "2026-03-05 08:00", agent="dexamethasone", dose_mg="16", for_step="step_up_1", **pre)
    told.dose("step_up_2", "2026-03-05 09:00", dose_mg="21.15", weight_kg="70.5", lot="L2", site="hub")
    crs(told, "2026-03-09 09:00", 0)  # the minute of the next dose
    told.dose("first_treatment", "2026-03-09 09:00", dose_mg="105.75", weight_kg="70.5", lot="L3", site="hub")
    crs(told, "2026-03-09 09:01", 0)
    told.tell("ice_assessed", "2026-03-16 07:00", total_0_10=8)
    for at, c, s in (("2026-03-16 07:00", "36.9", 118), ("2026-03-17 07:00", "37.1", 122)):
        told.tell(
            "vitals_measured",
            at,
            temperature_c=c,
            systolic_mmhg=s,
            diastolic_mmhg=70,
            pulse_per_min=80,
            breaths_per_min=16,
            spo2_percent=97,
        )
    told.tell("vitals_measured", "2026-03-18 07:00", temperature_c=None)
    told.dose("treatment", "2026-03-16 09:00", dose_mg="105.75", weight_kg="70.5", lot="L4", site="prairie")
    return told


def whole() -> Packet:
    begins = instant("2026-03-20 17:00")
    calls = (
        CallPart(from_at=instant(AT), until=begins, party="Prairie", number="555-0120"),
        CallPart(from_at=begins, until=instant("2026-03-21 08:00"), party="Hub", number=""),
    )
    duties = (("dose", "Prairie"), ("nights", "Hub"), ("insurance", ""))
    around = Around(number="555-0120", calls=calls, duties=duties, agreement="A, version 2", from_party="Hub")
    return made(on_record(), AT, who=WHO, around=around)


# section | what it says, in its order; what nobody recorded is left out here
WHOLE = {
    "person": [
        ("name", "Vera Example"),
        ("birth_date", "1953-04-05"),
        ("record_number", "M-1"),
        ("phone", "555-0100"),
        ("language", "en"),
        ("contact.1", "Otto Example, husband, 555-0101"),
    ],
    "disease": [
        ("diagnosis", "multiple myeloma"),
        ("lines", "4"),
        ("ecog", "2"),
    ],
    "treatment": [
        ("product", "Tecvayli (teclistamab-cqyv)"),
        ("protocol", "teclistamab/US/2026-03/mono"),
        ("policy", "default version 1"),
        (
            "step-up dose 1",
            "Mon 2 Mar 2026 09:00 CST",
            "4.2",
            "0.06",
            "70.5",
            "L1",
            "hub",
            "dexamethasone 16 mg, acetaminophen 650 mg",
        ),
        ("step-up dose 2", "Thu 5 Mar 2026 09:00 CST", "21.15", "not known", "70.5", "L2", "hub", "not known"),
        ("first treatment dose", "Mon 9 Mar 2026 09:00 CDT", "105.75", "not known", "70.5", "L3", "hub", "not known"),
        ("treatment dose", "Mon 16 Mar 2026 09:00 CDT", "105.75", "not known", "70.5", "L4", "prairie", "not known"),
        ("Mon 2 Mar 2026 09:00 CST", "564", "treatment", "tocilizumab"),
    ],
    "toxicity": [
        (
            "crs",
            "not known (CRS cannot be excluded since Wed 18 Mar 2026 07:00 CDT: a fact was asked and is not known: assess the patient)",
        ),
        ("icans", "ICANS suspected since Mon 16 Mar 2026 07:00 CDT: record its grade"),
        (
            "step-up dose 1",
            "CRS",
            "1",
            "0",
            "36",
            "tocilizumab 564 mg, acetaminophen amount not known mg, dexamethasone 10 mg",
            "hospital, then ed",
        ),
        ("step-up dose 1", "CRS", "2", "48", "12", "nothing recorded", "hospital"),
        ("step-up dose 1", "ICANS", "not known", "–", "–", "–", "–"),
        ("step-up dose 2", "CRS", "none: assessed", "–", "–", "–", "–"),
        ("step-up dose 2", "ICANS", "not known", "–", "–", "–", "–"),
        ("first treatment dose", "CRS", "none: assessed", "–", "–", "–", "–"),
        ("first treatment dose", "ICANS", "suspected: no grade recorded", "166", "open", "nothing recorded", "home"),
        ("treatment dose", "CRS", "suspected: no grade recorded", "46", "open", "nothing recorded", "home"),
        ("treatment dose", "ICANS", "not known", "–", "–", "–", "–"),
    ],
    "events": [
        ("infection", "infection since Tue 17 Mar 2026 09:00 CDT: nobody has recorded it as resolved"),
        ("Thu 5 Feb 2026 09:00 CST", "Thu 12 Feb 2026 09:00 CST", "2"),
        ("Tue 17 Mar 2026 09:00 CDT", "open", "not known"),
        ("Mon 2 Mar 2026 07:00 CST", "in hospital", "unit-7"),
        ("Tue 3 Mar 2026 09:00 CST", "emergency department", "unit-9"),
        ("Wed 4 Mar 2026 09:00 CST", "in hospital", "unit-7"),
        ("not known", "Tue 3 Mar 2026 09:00 CST", "not known", "not known", NO_TOCILIZUMAB),
    ],
    "next_dose": [
        ("step", "treatment dose"),
        ("weight", "70.5 kg (Mon 16 Mar 2026 09:00 CDT)"),
        ("due_on", "Mon 23 Mar 2026"),
        ("give_by", "Mon 13 Apr 2026"),
        ("restart_if_after", "Mon 11 May 2026"),
        (
            "after_that",
            "from Tue 14 Apr 2026: restart the step-up at step-up dose 2 (row R5); from Tue 12 May 2026: restart the step-up at step-up dose 1 (row R6)",
        ),
    ],
    "laboratory": [
        ("igg", "3.1 g/L (Mon 16 Feb 2026 07:00 CST)"),
        ("temperature_c", "not known (asked, and not known)"),
        ("systolic_mmhg", "122 (Tue 17 Mar 2026 07:00 CDT)"),
        ("diastolic_mmhg", "70 (Tue 17 Mar 2026 07:00 CDT)"),
        ("pulse_per_min", "80 (Tue 17 Mar 2026 07:00 CDT)"),
        ("breaths_per_min", "16 (Tue 17 Mar 2026 07:00 CDT)"),
        ("spo2_percent", "97 (Tue 17 Mar 2026 07:00 CDT)"),
        ("weight", "70.5 (Mon 2 Mar 2026 08:00 CST)"),
        ("ice_baseline", "10 of 10 (Mon 2 Mar 2026 08:00 CST)"),
        ("ice", "8 of 10 (Mon 16 Mar 2026 07:00 CDT)"),
        (
            "ANC",
            "1.1 10*9/L",
            "Mon 16 Feb 2026 07:00 CST",
            "1.9 10*9/L (Thu 12 Feb 2026 07:00 CST); 1.6 10*9/L (Fri 13 Feb 2026 07:00 CST); 1.4 10*9/L (Sat 14 Feb 2026 07:00 CST); 1.2 10*9/L (Sun 15 Feb 2026 07:00 CST)",
        ),
        ("anti-HBc", "not known", "Thu 12 Feb 2026 07:00 CST", "no value before"),
        ("HBsAg", "negative", "Thu 12 Feb 2026 07:00 CST", "positive (Wed 11 Feb 2026 07:00 CST)"),
        (
            "IGG",
            "3.1 g/L",
            "Mon 16 Feb 2026 07:00 CST",
            "3.9 g/L (Thu 12 Feb 2026 07:00 CST); 3.7 g/L (Fri 13 Feb 2026 07:00 CST); 3.6 g/L (Sat 14 Feb 2026 07:00 CST); 3.5 g/L (Sun 15 Feb 2026 07:00 CST)",
        ),
    ],
    "prophylaxis": [
        ("hsv_vzv", "valaciclovir, recorded since Fri 20 Feb 2026 08:00 CST, last Wed 25 Feb 2026 08:00 CST"),
        ("other", "acetaminophen, calcium, vitamin D"),
        ("hbsag", "negative (Thu 12 Feb 2026 07:00 CST)"),
        ("anti_hbc", "not known (asked, and not known)"),
        ("zoster vaccine", "not live", "given", "Thu 19 Feb 2026"),
        ("yellow fever", "live", "planned", "Tue 1 Sep 2026"),
    ],
    "target": [
        ("name", "BCMA"),
        ("infection", "active", "not known", "Tue 17 Mar 2026 09:00 CDT"),
        ("multiple myeloma", "active", "not known", "Mon 2 Feb 2026 09:00 CST"),
        ("neuropathy", "active", "2", "Wed 4 Feb 2026 09:00 CST"),
        ("smouldering myeloma", "not active", "not known", "Sun 1 Feb 2026 09:00 CST"),
        ("zoster", "not active", "not known", "Thu 12 Feb 2026 09:00 CST"),
    ],
    "monitoring": [
        ("window", "not open"),
        ("next_dose", "none stated for a time that is not known from administration (none stated in the label)"),
    ],
    "fever": [
        ("number", "555-0120"),
        (
            "calls",
            "from Fri 20 Mar 2026 09:00 CDT: Prairie 555-0120; from Fri 20 Mar 2026 17:00 CDT: Hub (number not known)",
        ),
        ("numbers", "Hub (number not known); Prairie 555-0120"),
        ("what", "fever from 38 °C on: call the number before anything else is taken or given"),
    ],
    "rems": [
        ("prescriber_certified", "met, until Tue 23 Feb 2027 (Tue 24 Feb 2026 09:00 CST)"),
        ("wallet_card", "not known (asked, and not known)"),
    ],
    "authorisation": [
        ("teclistamab", "A-2", "Sun 1 Mar 2026", "Mon 31 Aug 2026", "granted"),
    ],
    "duties": [
        ("agreement", "A, version 2"),
        ("responsible", "Hub"),
        ("dose", "Prairie"),
        ("nights", "Hub"),
        ("insurance", "not known"),
    ],
    "response": [
        ("last", "PR (Thu 19 Mar 2026 08:00 CDT)"),
    ],
    "goals": [
        ("travel_min_typical", "40 (Wed 25 Feb 2026 09:00 CST)"),
        ("travel_min_night", "30 (Wed 25 Feb 2026 09:00 CST)"),
        ("travel_min_worst", "90 (Wed 25 Feb 2026 09:00 CST)"),
        ("caregiver_count", "2 (Wed 25 Feb 2026 09:00 CST)"),
        ("location", "home (Wed 4 Mar 2026 22:00 CST)"),
    ],
}


def test_every_section_says_everything_that_is_on_record_and_nothing_else():
    of_the_dose = ("weight", "due_on", "give_by", "restart_if_after", "after_that", "step")
    packet = whole()
    for section, wanted in WHOLE.items():
        found = packet.section(section)
        said: list[object] = [
            (name, each.said)
            for each in found.fields
            if (each.words is not None or "asked" in each.why)
            and ((name := each.key.partition(".")[2]) in of_the_dose or section != "next_dose")
        ]
        said += [line.said for table in found.tables for line in table.lines]
        assert said == wanted, section
        keys = [line.key for table in found.tables for line in table.lines]
        assert not keys or len(keys) == len(set(keys))


def test_lines_of_one_kind_are_counted_from_one():
    keys = [line.key for section in whole().sections for table in section.tables for line in table.lines]
    assert {"events.infection.1", "duties.1"} <= set(keys)
    assert [key.rpartition(".")[2] for key in keys if key.startswith("toxicity.crs.") and "none" not in key] == [
        "1",
        "2",
        "1",
    ]


def test_a_long_episode_is_told_in_whole_hours():
    told = Told(TEC)
    told.dose("step_up_1", "2026-03-10 09:00")
    crs(told, "2026-03-11 09:00", 1)
    resolved(told, "crs", "2026-06-19 09:00")
    told.tell("medicine_given", "2026-03-10 09:00", agent="dexamethasone", dose_mg="16", purpose="premedication")
    found = made(told, "2026-06-20 09:00")
    (crs_line,) = [line for table in found.section("toxicity").tables for line in table.lines if line.cells[1] == "CRS"]
    assert crs_line.cells[3:5] == ("24", "2400")
    (dose,) = found.section("treatment").tables[0].lines
    assert dose.cells[-1] == "dexamethasone 16 mg"  # at the minute of the dose


def test_every_line_rests_on_the_fact_that_it_tells():
    told = on_record()
    found = whole()
    when = {event["id"]: event for event in told.events}
    for section in found.sections:
        for origin in [each.origin for each in section.fields] + [
            line.origin for t in section.tables for line in t.lines
        ]:
            if origin is not None and origin.kind == "event" and origin.event is not None:
                assert origin.at == instant(when[origin.event]["at"]), section.key
    lab = next(table for table in found.section("laboratory").tables if table.key == "laboratory.rows")
    for line in lab.lines:
        assert line.origin is not None and line.origin.at is not None
        assert line.cells[2] is not None and f"{line.origin.at:%b %Y}" in line.cells[2]
    fields = {each.key: each for section in found.sections for each in section.fields}
    for key, at in (
        ("disease.diagnosis", "2026-02-02 09:00"),
        ("laboratory.igg", "2026-02-16 07:00"),
        ("laboratory.ice", "2026-03-16 07:00"),
        ("laboratory.ice_baseline", "2026-03-02 08:00"),
        ("laboratory.temperature_c", "2026-03-18 07:00"),
        ("prophylaxis.hsv_vzv", "2026-02-25 08:00"),
        ("rems.prescriber_certified", "2026-02-24 09:00"),
        ("next_dose.weight", "2026-03-16 09:00"),
    ):
        origin = fields[key].origin
        assert origin is not None and origin.at == instant(at), key


@pytest.mark.parametrize(
    # ICE scores, the second an hour later; which is the baseline | the baseline | the last one
    ("scores", "baseline", "last"),
    [
        (((9, True), (10, True)), "10 of 10", "10 of 10"),
        (((9, True), (None, True)), "not known", "not known"),
        (((9, True), (None, None)), "9 of 10", "not known"),
        (((None, True), (8, None)), "not known", "8 of 10"),
        (((9, False), (8, None)), "not known", "8 of 10"),
        ((), "not known", "not known"),
    ],
)
def test_the_ice_score_at_the_start_and_now(scores: tuple, baseline: str, last: str):
    told = Told(TEC)
    for number, (total, first) in enumerate(scores):
        told.tell("ice_assessed", f"2026-03-02 0{7 + number}:00", total_0_10=total, baseline=first)
    fields = {each.key: each for each in made(told, "2026-03-02 12:00").section("laboratory").fields}
    assert fields["laboratory.ice_baseline"].said.startswith(baseline)
    assert fields["laboratory.ice"].said.startswith(last)
    if scores:
        origin = fields["laboratory.ice"].origin
        assert origin is not None and origin.at == instant(f"2026-03-02 0{6 + len(scores)}:00")


@pytest.mark.parametrize(
    # words on myeloma, and whether it is active | the diagnosis
    ("words", "said"),
    [
        ((("multiple_myeloma", True),), "multiple myeloma"),
        ((("multiple_myeloma", None),), "multiple myeloma (whether it is active is not known)"),
        ((("multiple_myeloma", True), ("smouldering_myeloma", False)), "not known (nobody has recorded it)"),
        ((("smouldering_myeloma", False), ("multiple_myeloma", True)), "multiple myeloma"),
        ((("Multiple Myeloma", True), ("diabetes", True)), "Multiple Myeloma"),
        ((), "not known (nobody has recorded it)"),
    ],
)
def test_the_diagnosis_is_the_latest_word_on_myeloma(words: tuple, said: str):
    told = Told(TEC)
    for number, (what, active) in enumerate(words):
        told.tell("condition_noted", f"2026-02-0{1 + number} 09:00", what=what, active=active)
    assert made(told, "2026-03-02 12:00").field("disease.diagnosis").said == said


@pytest.mark.parametrize(
    # CRS assessed as absent, beside the dose at 09:00 | what the line of the dose says
    ("at", "said"),
    [("2026-03-02 08:59", "not known"), ("2026-03-02 09:00", "not known"), ("2026-03-02 09:01", "none: assessed")],
)
def test_an_assessment_at_the_minute_of_the_dose_says_nothing_of_what_followed(at: str, said: str):
    told = Told(TEC)
    told.dose("step_up_1", "2026-03-02 09:00")
    crs(told, at, 0)
    assert of_crs(told) == [("step-up dose 1", said)]


@pytest.mark.parametrize(
    # CRS began, beside step-up dose 2 at 09:00 on 5 March | it stands with
    ("at", "after"),
    [("2026-03-05 08:59", "step-up dose 1"), ("2026-03-05 09:00", "step-up dose 2")],
)
def test_an_episode_stands_with_the_dose_that_it_followed(at: str, after: str):
    told = Told(TEC)
    told.dose("step_up_1", "2026-03-02 09:00")
    told.dose("step_up_2", "2026-03-05 09:00")
    crs(told, at, 1)
    assert [step for step, grade in of_crs(told) if grade == "1"] == [after]


def of_crs(told: Told) -> list[tuple[str, str]]:
    tables = made(told, "2026-03-06 09:00").section("toxicity").tables
    return [(line.said[0], line.said[2]) for table in tables for line in table.lines if line.cells[1] == "CRS"]


def test_of_two_places_told_for_the_minute_in_which_it_began_the_later_word_counts():
    told = Told(TEC)
    told.dose("step_up_1", "2026-03-02 09:00")
    crs(told, "2026-03-03 09:00", 1)
    for place in ("hospital", "home"):
        told.tell("home_status", "2026-03-03 09:00", location=place)
    tables = made(told, "2026-03-06 09:00").section("toxicity").tables
    (places,) = [line.said[6] for table in tables for line in table.lines if line.cells[1] == "CRS"]
    assert places == "home"


@pytest.mark.parametrize(
    # whether an offer waits | to whom | what is said
    ("waits", "to", "said"),
    [(False, "", NO_OFFER), (None, "", "not known"), (True, "", "not known"), (True, "Prairie", "Prairie")],
)
def test_only_where_no_offer_waits_nobody_is_named(waits: bool | None, to: str, said: str):
    found = made(Told(TEC), AT, around=Around(offer_waits=waits, to_party=to)).field("duties.to")
    assert found.said.startswith(said)
