"""What each label does after a reaction: which row holds for each grade, first or again, and for each blood count.

A row that nobody has verified is looked up all the same; it then withholds and asks, and never lets a dose go ahead.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from handrail.rules.history import History
from handrail.rules.holds import cytopenias
from handrail.rules.policy import load_policy
from handrail.rules.protocol import load
from handrail.rules.schedule import premedication_for
from handrail.rules.terms import Action
from tests.spec.test_label_premedication import LABELS
from tests.support.courses import Told, well

ALL = LABELS | {"MOS-SC": "mosunetuzumab/US/2025-12/sc"}

# labels | reaction | first or recurrent | hours it lasted | rows for grade 1 | 2 | 3 | 4 | 5
ROWS = """
TEC TEC-OLD TEC-COMBO TAL TAL-EU | crs | first | 47 | CRS-1 | CRS-2 | CRS-3-FIRST | CRS-4 | CRS-4
TEC TEC-OLD TEC-COMBO TAL TAL-EU | crs | first | 48 | CRS-1 | CRS-2 | CRS-3-LONG | CRS-4 | CRS-4
TEC TEC-OLD TEC-COMBO TAL TAL-EU | crs | recurrent | 1 | CRS-1 | CRS-2 | CRS-3-AGAIN | CRS-4 | CRS-4
TEC-EU | crs | first | 47 | CRS-1 | CRS-NEAR CRS-2 | CRS-NEAR CRS-3-FIRST | CRS-NEAR CRS-4 | CRS-4
TEC-EU | crs | first | 48 | CRS-1 | CRS-NEAR CRS-2 | CRS-NEAR CRS-3-LONG | CRS-NEAR CRS-4 | CRS-4
TEC-EU | crs | recurrent | 1 | CRS-1 | CRS-NEAR CRS-2 | CRS-NEAR CRS-3-AGAIN | CRS-NEAR CRS-4 | CRS-4
ELR ELR-OLD ELR-EU | crs | first | 1 | CRS-1 | CRS-2 | CRS-3-FIRST | CRS-4 | CRS-4
ELR ELR-OLD ELR-EU | crs | first | 90 | CRS-1 | CRS-2 | CRS-3-FIRST | CRS-4 | CRS-4
ELR ELR-OLD ELR-EU | crs | recurrent | 1 | CRS-1 | CRS-2 | CRS-3-AGAIN | CRS-4 | CRS-4
TEC TEC-OLD TEC-COMBO TEC-EU TAL TAL-EU ELR ELR-OLD ELR-EU | icans | first | 1 | ICANS-1 | ICANS-2 | ICANS-3-FIRST | ICANS-4 | ICANS-4
TEC TEC-OLD TEC-COMBO TEC-EU TAL TAL-EU ELR ELR-OLD ELR-EU | icans | recurrent | 1 | ICANS-1 | ICANS-2 | ICANS-3-AGAIN | ICANS-4 | ICANS-4
TEC TEC-OLD TEC-COMBO TEC-EU | neurotoxicity | first | 1 | NEURO-1 | NEURO-2 | NEURO-3-FIRST | NEURO-4 | NEURO-4
TEC TEC-OLD TEC-COMBO TEC-EU | neurotoxicity | recurrent | 1 | NEURO-1 | NEURO-2 | NEURO-3-AGAIN | NEURO-4 | NEURO-4
TEC TEC-OLD TEC-COMBO | infection | first | 1 | INF-ACTIVE | INF-ACTIVE | INF-3 | INF-4 | INF-4
ELR ELR-OLD ELR-EU | infection | first | 1 | INF-ACTIVE | INF-ACTIVE | INF-3 | INF-4 | INF-4
TEC TEC-OLD TEC-COMBO ELR ELR-OLD ELR-EU | other_reaction | first | 1 | - | - | OTHER-3 | OTHER-4 | -
TEC-EU TAL TAL-EU | infection | first | 1 | INF-ACTIVE | INF-ACTIVE | INF-ACTIVE | INF-ACTIVE | -
TAL TAL-EU | skin_reaction | first | 1 | - | - | SKIN | SKIN | -
LIN LIN-EU | crs | first | 1 | CRS | CRS | CRS | CRS | CRS
LIN LIN-EU | icans | first | 1 | ICANS | ICANS | ICANS | ICANS | ICANS
LIN LIN-EU | neurotoxicity | first | 1 | NEURO | NEURO | NEURO | NEURO | NEURO
EPC-DLBCL EPC-FL EPC-FL-R2 MOS MOS-SC | crs | first | 1 | CRS | CRS | CRS | CRS | CRS
GLO | crs | first | 1 | CRS-REST CRS | CRS-REST CRS | CRS-REST CRS | CRS-REST CRS | CRS-REST CRS
TAR | crs | first | 1 | CRS | CRS-2 | CRS | CRS | CRS
EPC-DLBCL EPC-FL EPC-FL-R2 MOS MOS-SC GLO TAR | icans | first | 1 | ICANS | ICANS | ICANS | ICANS | ICANS
EPC-DLBCL EPC-FL EPC-FL-R2 MOS MOS-SC GLO TAR | neurotoxicity | first | 1 | NEUROTOXICITY | NEUROTOXICITY | NEUROTOXICITY | NEUROTOXICITY | NEUROTOXICITY
"""
REACTIONS = [
    (label, *(cell.strip() for cell in cells))
    for labels, *cells in (line.split("|") for line in ROWS.strip().splitlines())
    for label in labels.split()
]


@pytest.mark.parametrize("line", REACTIONS, ids=lambda line: "-".join(line[:4]))
def test_each_grade_has_its_row(line: tuple[str, ...]):
    label, toxicity, occurrence, hours, *wanted = line
    for grade, rows in enumerate(["-", *wanted]):
        found = load(ALL[label]).after_toxicity_rows(toxicity, grade, occurrence=occurrence, lasted_hours=float(hours))
        assert [row.id for row in found] == ([] if rows == "-" else rows.split()), grade


# labels | agents before a treatment dose, when the dose before it was followed by CRS of any grade; without CRS none is due
AFTER_CRS = """
TEC TEC-OLD TEC-COMBO TEC-EU | dexamethasone, diphenhydramine or equivalent, acetaminophen or equivalent
TAL TAL-EU | dexamethasone, diphenhydramine or equivalent, acetaminophen or equivalent
ELR ELR-OLD ELR-EU | dexamethasone, diphenhydramine or equivalent, acetaminophen or equivalent
LIN LIN-EU | premedication of the dose before
EPC-DLBCL EPC-FL EPC-FL-R2 TAR | -
"""


@pytest.mark.parametrize("line", AFTER_CRS.strip().splitlines())
def test_the_agents_that_are_given_again_before_the_dose_after_one_with_crs(line: str):
    """The label's list of agents says it; its CRS table repeats it in words and needs no field of its own."""
    labels, agents = (cell.strip() for cell in line.split("|"))
    for label in labels.split():
        for reacted in (True, False):
            found = premedication_for(load(ALL[label]), step="treatment", crs_after_last=reacted, after_delay=False)
            wanted = agents.split(", ") if reacted and agents != "-" else []
            assert sorted({item.agent for item in found}) == sorted(wanted), (label, reacted)


# labels | row | where the next dose is watched | hours | counted from
WATCHED = """
TEC TEC-OLD TEC-COMBO TAL TAL-EU | CRS-2 | hospital | 48 | administration
TEC TEC-OLD TEC-COMBO TEC-EU TAL TAL-EU ELR ELR-OLD ELR-EU | CRS-3-FIRST | hospital | 48 | administration
TEC TEC-OLD TEC-COMBO TEC-EU TAL TAL-EU | ICANS-2 | hospital | 48 | administration
TEC TEC-OLD TEC-COMBO TEC-EU TAL TAL-EU | ICANS-3-FIRST | hospital | 48 | administration
TEC-EU | CRS-NEAR | near_facility | 48 | administration
ELR ELR-OLD ELR-EU | CRS-2 | near_facility | 48 | administration
TAR | CRS-2 | observation | 24 | infusion_start
"""


@pytest.mark.parametrize("line", WATCHED.strip().splitlines())
def test_where_the_next_dose_is_watched_after_a_reaction(line: str):
    labels, row, setting, hours, anchor = (cell.strip() for cell in line.split("|"))
    for label in labels.split():
        after: Any = load(ALL[label]).row(row)
        found = after.monitoring_next
        assert (found.setting, found.hours, found.anchor) == (setting, int(hours), anchor), label


@pytest.mark.parametrize(
    "label", ["TEC", "TEC-OLD", "TEC-COMBO", "TEC-EU", "TAL", "TAL-EU", "ELR", "ELR-OLD", "ELR-EU"]
)
@pytest.mark.parametrize(
    # count | unit | the lowest value that does not withhold | a value just below it
    ("code", "unit", "enough", "low"),
    [
        ("anc", "10*9/L", "0.5", "0.49"),
        ("hemoglobin", "g/dL", "8", "7.9"),
        ("hemoglobin", "g/L", "80", "79"),
        ("platelets", "10*9/L", "25", "24"),
    ],
)
def test_blood_counts_on_both_sides_of_their_limit(label: str, code: str, unit: str, enough: str, low: str):
    for value, withheld in ((enough, []), (low, [code])):
        told = Told(ALL[label])
        told.tell("lab_resulted", "2026-03-02 08:00", code=code, value=value, unit=unit)
        found = cytopenias(History.build(told.course()), load(ALL[label]), load_policy())
        assert [hold.what for hold in found] == withheld, value


# What was told in the order of the hours, and the counts that then withhold. A number after a word is its value; `?` is not known.
TWO_CONDITIONS = """
anc 0.8, fever 38.4 | anc
anc 0.8, fever 38.0 | anc
anc 0.8, fever 37.9 |
anc 0.99, fever 38.4, fever 36.8 | anc
anc 1.0, fever 38.4 |
fever 38.4, anc 1.2, anc 0.8 |
anc 1.2, fever 38.4, anc 0.8 | anc
fever 38.4, fever 36.8, anc 0.8 | anc
fever 38.4, fever 36.8, anc 1.0 |
anc 0.8, fever ? | anc
fever 38.4 |
anc ?, fever 38.4 | anc anc
anc 0.8 |
anc 0.4, fever 38.4 | anc anc
platelets 40, bleeding yes | platelets
platelets 50, bleeding yes | platelets
platelets 50.1, bleeding yes |
platelets 25, bleeding yes | platelets
platelets 40, bleeding yes, bleeding no |
platelets 40, bleeding no |
platelets 40, bleeding ? | platelets
platelets 40 |
bleeding yes | platelets
bleeding ? | platelets
bleeding no |
bleeding yes, platelets 80 |
platelets 24, bleeding yes | platelets platelets
"""
TWO = [[cell.strip() for cell in line.split("|")] for line in TWO_CONDITIONS.strip().splitlines()]


@pytest.mark.parametrize(
    "label", ["TEC", "TEC-OLD", "TEC-COMBO", "TEC-EU", "TAL", "TAL-EU", "ELR", "ELR-OLD", "ELR-EU"]
)
def test_a_count_beside_another_condition(label: str):
    for story, wanted in TWO:
        told = Told(ALL[label])
        for hour, fact in enumerate(story.split(", "), start=1):
            what, value = fact.split()
            tell_of(told, f"2026-03-02 {hour:02}:00", what, None if value == "?" else value)
        found = cytopenias(History.build(told.course()), load(ALL[label]), load_policy())
        assert [hold.what for hold in found] == wanted.split(), story
        assert all(hold.action is Action.ASK for hold in found), "the rows were recalled"


def tell_of(told: Told, at: str, what: str, value: str | None) -> None:
    if what == "fever":
        told.tell("vitals_measured", at, temperature_c=value)
    elif what == "bleeding":
        told.tell("condition_noted", at, what=what, active=None if value is None else value == "yes")
    else:
        told.tell("lab_resulted", at, code=what, value=value, unit="10*9/L")


@pytest.mark.parametrize(
    # protocol | condition that somebody noted | grade | the row's words
    ("label", "what", "grade", "words"),
    [
        ("TEC", "febrile_neutropenia", None, "until neutrophils are 1.0"),
        ("ELR", "febrile neutropenia", None, "until neutrophils are 1.0"),
        ("TEC", "liver_toxicity", None, "by severity"),
        ("TEC", "administration_reaction", None, "by severity"),
        ("TEC", "other_reaction", 3, "grade 3: withhold"),
        ("ELR", "other_reaction", 4, "grade 4: consider stopping"),
        ("TEC", "other_reaction", None, "is not known"),
        ("TEC", "other_reaction", 2, None),
        ("TAL", "other_reaction", 3, None),
        ("TEC-EU", "liver_toxicity", None, None),
    ],
)
def test_a_condition_that_somebody_noted_is_asked_about_while_it_lasts(
    label: str, what: str, grade: int | None, words: str | None
):
    told = Told(ALL[label])
    told.tell("condition_noted", "2026-03-01 09:00", what=what, grade=grade, active=True)
    well(told, "2026-03-02 08:00")
    dose = told.assess("2026-03-02 09:00").next_dose
    if words is None:
        assert dose.action is Action.GIVE
        return
    assert (dose.action, dose.withheld, dose.step) == (Action.ASK, True, None) and words in dose.because
    told.tell("condition_noted", "2026-03-02 08:30", what=what, active=False)
    assert told.assess("2026-03-02 09:00").next_dose.action is Action.GIVE


def test_glofitamab_waits_three_days_after_the_end_of_crs():
    """72 hours without symptoms: one hour less is too early."""
    rest: Any = load(ALL["GLO"]).row("CRS-REST")
    assert (rest.rest_hours, Decimal(rest.rest_hours) / 24) == (72, 3)


@pytest.mark.parametrize("row", ["ORAL", "WEIGHT"])
def test_talquetamab_after_oral_toxicity_keeps_the_amount_and_doubles_the_interval(row: str):
    after: Any = load(ALL["TAL"]).row(row)
    assert [(item.from_schedule, item.to_schedule, str(item.mg_per_kg)) for item in after.schedule_next] == [
        ("weekly", "every_2_weeks", "0.4"),
        ("every_2_weeks", "every_4_weeks", "0.8"),
    ]
