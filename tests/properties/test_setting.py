"""What holds for every setting: forgetting a value, or letting a certificate run out, never makes one greener."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from handrail.rules.setting import Setting
from handrail.rules.setting_facts import Paper, SettingFacts
from tests.support.settings import DAY_1, EVER, NEVER, at, decided, eve, facts, plan

HOME = {"DEFER": 0, "INPATIENT": 0, None: 0, "HYBRID": 1, "OUTPATIENT": 2}
KEPT = {"zone", "step", "doses", "site", "other_sites"}
"""Not values of the patient: without them there is no question."""
SPAN = {"from_at": at(1, 9), "until_at": at(11, 0)}

paper = st.sampled_from(
    [EVER, EVER, NEVER, {}, {"held": True, "until": "2026-07-06"}, {"held": True, "until": "2026-07-05"}]
)
yes_no = st.sampled_from([False, False, False, True, None])
no_yes = st.sampled_from([True, True, True, False, None])
dated = st.sampled_from(
    [{"happened": False}, {"happened": False}, {}, *({"happened": True, "on": on} for on in ("2026-06-30", "2026-01-01"))]
)  # fmt: skip


def values(*usual: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([*usual[:1], *usual, None])


CHANGES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(
        ("infection_active", "decided_to_proceed_without", "frail", "self_report_unreliable", "cns_disease", "explosive_progression",
         "extramedullary_disease", "cytopenia", "oxygen_need", "dialysis", "anticoagulated", "caregiver_unwell", "first_patient_at_site",
         "needs_interpreter"),
        yes_no,
    ),
    **dict.fromkeys(("consent", "phone_works", "tocilizumab_planned", "interpreter_at_all_hours", "thermometer_at_hand"), no_yes),
    **dict.fromkeys(("rems_prescriber", "rems_setting", "authorisation", "site__level_paper", "site__hospital_agreement", "departure__paper"), paper),
    **dict.fromkeys(("live_vaccine", "heart_attack_or_stroke", "infection_resolved"), dated),
    "temperature_c": values("36.6", "38.0", "44"),
    "temperature_at": values(at(0, 8), at(-1, 23)),
    "ecog": values(0, 1, 2, 3, 9),
    "age_years": values(60, 80),
    "marrow_plasma_percent": values("10", "55", "85"),
    "creatinine_clearance_ml_min": values("90", "40", "20"),
    "worst_earlier_reaction": values(0, 3),
    "caregivers": values([{"who": "a", **SPAN}], [], [{"who": "a", **SPAN}, {"who": "b", **SPAN}], [{"who": "a", **SPAN, "until_at": at(6, 9)}]),
    "travel": values(
        {"worst": [{"months": [7], "minutes": 20}], "typical_minutes": 20, "night_minutes": 15}, {"worst": [{"months": [7], "minutes": 75}]},
        {"worst": [{"months": [7], "minutes": 25}, {"months": [7], "minutes": 70, "weather": "flood"}]}, {"worst": [{"months": [7], "minutes": 45, "weather": "clear"}]}, {},
    ),
    "weather_expected": values([], ["flood"], ["clear"]),
    "lodging": values({"accepted": False}, {"accepted": True, **SPAN, "worst_minutes": 5}, {"accepted": True, **SPAN, "worst_minutes": 90},
                      {"accepted": True, **SPAN, "until_at": at(9, 0), "worst_minutes": 5}, {"accepted": True, "worst_minutes": 5}, {"worst_minutes": 90}),
    "screening": values({"hepatitis_b": "resulted", "counts": "resulted", "chemistry": "resulted", "immunoglobulins": "resulted", "pregnancy": "does_not_apply"},
                        {"hepatitis_b": "pending"}),
    "site__level": values("4", "3", "1", "H"),
    "site__suspensions": values([], [{"words": "w", "months": [7]}], [{"words": "w", "months": [7], "weather": "flood", "unless_lodging": True}]),
    "site__follows_label_strictly": values(False, True),
    "payer": values({"inpatient_steps": []}, {"inpatient_steps": ["step_up_1"], "waiver": EVER}, {"inpatient_steps": ["step_up_1"], "waiver": NEVER}),
    "doses": st.sampled_from([plan(), plan(), plan(days=(1, 4, 12)), plan()[:2]]),
    "carried_rows": values([], ["ICANS-1"], ["ICANS-2"], ["CRS-2"], ["ICANS-2", "ICANS-4"]),
    "departure__carried_rows": values([], ["ICANS-2"]),
    "last_dose": values({"given": False}, {"given": True, "step": "treatment", "on": "2026-05-01", "schedule": "weekly"},
                        {"given": True, "step": "step_up_1", "on": "2026-07-05", "schedule": "weekly"}),
}  # fmt: skip


LONG_AGO = {"given": True, "step": "treatment", "on": "2026-05-01", "schedule": "weekly"}
"""After such a gap the label begins anew at step-up dose 1."""


@st.composite
def patients(draw: st.DrawFn) -> SettingFacts:
    """A patient who differs from V1 in a few things."""
    names = draw(st.lists(st.sampled_from(sorted(CHANGES)), max_size=4, unique=True))
    told = {name: draw(CHANGES[name]) for name in names}
    if told.get("carried_rows") and not (told.get("last_dose") or {"given": False})["given"]:
        told["last_dose"] = LONG_AGO  # a reaction follows a dose
    return facts(
        **{name: value for name, value in told.items() if value is not None or "__" in name or name not in OBJECTS}
    )


OBJECTS = {"live_vaccine", "heart_attack_or_stroke", "infection_resolved", "travel", "lodging", "payer", "last_dose", *(
    "rems_prescriber", "rems_setting", "authorisation", "doses")}  # fmt: skip


def forgotten(known: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every way of making one value not known, with its place: of the patient, and within what is told of site, payer, way …"""
    for item in fields(known):
        value, place = getattr(known, item.name), f"{path}{item.name}"
        if is_dataclass(value) and not isinstance(value, type):
            for deeper, inner in forgotten(value, f"{place}."):
                yield deeper, replace(known, **{item.name: inner})
        elif value is not None and (
            place in NULLABLE or (place not in KEPT and place != "site.name" and not isinstance(value, str | tuple))
        ):
            yield place, replace(known, **{item.name: None})


NULLABLE = {
    "carried_rows", "caregivers", "travel.worst", "weather_expected", "site.level", "site.suspensions", "payer.inpatient_steps", "screening",
    "departure.because", "departure.signed_by", "last_dose.step", "last_dose.schedule",
}  # fmt: skip


def never_greener(before: Setting, after: Setting) -> None:
    """Not further from hospital, nothing that was open is cleared, no fewer points, and what is withheld stays withheld."""
    assert HOME[after.recommendation] <= HOME[before.recommendation]
    assert not after.scheduling.allowed or before.scheduling.allowed or after.recommendation == "INPATIENT"
    states = {line.rule: line.state for line in after.lines}
    for line in before.lines:
        assert line.state == "clear" or states[line.rule] != "clear", line
    assert len(after.blocking) >= len(before.blocking)


@settings(max_examples=150, deadline=None)
@given(patients(), st.data())
@example(facts(lodging={"accepted": True, **SPAN, "worst_minutes": 90}), None)
@example(facts(temperature_c="38.1"), None)
@example(facts(last_dose=LONG_AGO, carried_rows=["ICANS-2"], departure__carried_rows=["ICANS-2"]), None)
@example(facts(last_dose=LONG_AGO, carried_rows=[]), None)
def test_forgetting_a_value_never_makes_a_setting_greener(known: SettingFacts, data: st.DataObject | None):
    before = decided(known)
    ways = list(forgotten(known))
    chosen = ways if data is None else [data.draw(st.sampled_from(ways), label="forgotten")]
    for place, less in chosen:
        after = decided(less)
        never_greener(before, after)
        assert after.confidence == "incomplete" or after.lines == before.lines or place in UNTOLD, place


UNTOLD = {"weather_expected", "departure.because", "departure.signed_by"}
"""Weather that nobody foretold is the worst; a departure without a reason or a name is not signed."""


def papers(known: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every way of letting one certificate run out on the day before the dose."""
    for item in fields(known):
        value, place = getattr(known, item.name), f"{path}{item.name}"
        if isinstance(value, Paper):
            ended = replace(value, until=DAY_1 - timedelta(days=1), no_end=None)
            yield place, replace(known, **{item.name: ended})
        elif is_dataclass(value) and not isinstance(value, type):
            for deeper, inner in papers(value, f"{place}."):
                yield deeper, replace(known, **{item.name: inner})


@settings(max_examples=100, deadline=None)
@given(patients())
def test_a_certificate_that_runs_out_never_makes_a_setting_greener(known: SettingFacts):
    before = decided(known)
    for place, ended in papers(known):
        assert place
        never_greener(before, decided(ended))


@settings(max_examples=60, deadline=None)
@given(patients(), st.integers(0, 30))
def test_while_a_decision_stands_nothing_that_was_clear_opens(known: SettingFacts, hours_before: int):
    now = eve() - timedelta(hours=hours_before)
    before = decided(known, now=now)
    assert before.valid_until > now
    last = decided(known, now=before.valid_until - timedelta.resolution)
    states = {line.rule: line.state for line in last.lines}
    assert all(states[line.rule] == "clear" for line in before.lines if line.state == "clear")
    assert HOME[last.recommendation] >= HOME[before.recommendation]


@settings(max_examples=60, deadline=None)
@given(patients())
def test_what_is_recommended_follows_from_its_parts(known: SettingFacts):
    answer = decided(known)
    layers = {layer: [line.rule for line in answer.lines if line.layer == layer and line.state == "fires"] for layer in ("defer", "inpatient")}  # fmt: skip
    if layers["defer"]:
        assert answer.recommendation == "DEFER"
    elif layers["inpatient"]:
        assert answer.recommendation == "INPATIENT"
    elif answer.recommendation in ("HYBRID", "OUTPATIENT"):
        assert {item.fact for item in answer.missing} <= {"departure"}
        assert answer.points <= 4
    if answer.scheduling.allowed:
        assert answer.blocking == () and answer.plan and answer.recommendation is not None
    assert answer.points == sum(each.points for each in answer.considerations)
