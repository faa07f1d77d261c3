"""`handrail protocols check`: each check of amounts, spans, dates, caution and units names the failure that is planted for it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from handrail.cli import care_checks, protocol_checks, protocols, setting_checks
from handrail.rules import protocol as rules
from handrail.rules.protocol import load_text
from tests.support.planted_setting import PLANTED_SETTING

pytestmark = pytest.mark.slow

ELRA = "products/elranatamab_us_2023-08.toml"
TEC = "products/teclistamab_us_2026-03_mono.toml"
COMBO = "products/teclistamab_us_2026-03_combo.toml"
FEVER = "care/fever.toml"
PACKET = "care/packet.toml"
CARE, BILLING, CODES = "care/tocilizumab.toml", "codes/billing.toml", "codes/laboratory.toml"
POLICY, SCALE = "policies/default-1.toml", "scales/astct-2019.toml"

L2 = 'id = "L2"\nkind = "delay"\nlast = ["step_up_1"]\nfrom_day = 15\naction = "restart"\nstep = "step_up_1"\npremedicate = "yes"\n'
L8 = "from_day = 85\naction"
BOLDER = L8, "from_day = 85\nbolder_as_labelled = true\naction"
ANC = 'analyte = "anc"\nbelow = "0.5"\nunit = "10*9/L"\n'
STONE = '[[weight_unit]]\nunit = "[stone_av]"\nkilograms = "6.35029318"\nsource = ["POUND"]\nstatus = "secondary"\n[[weight_unit]]'

_TEXT = (protocols.SHIPPED / TEC).read_text()
INDICATION = _TEXT[_TEXT.index("[[indication]]\n") :].partition("\n\n")[0] + "\n\n"

# The file, what is changed in a copy of it, the problems: words of the sentence and the place.
PLANTED = [
    # whom the label is for
    (
        TEC,
        INDICATION,
        "",
        ["No row uses this source (at sources.S03)", "A label that can start a live course says whom (at indication)"],
    ),
    (
        TEC,
        "min_prior_lines = 4\n",
        'min_prior_lines = 4\nwith_agents = ["daratumumab"]\n',
        ["No indication is for this drug alone (at indication)"],
    ),
    (
        ELRA,
        '"anti_cd38_antibody"]',
        '"anti_cd38_antibody", "proteasome_inhibitor"]',
        ["A class stands there twice (at indication.IND-1.prior_classes)"],
    ),
    (
        TEC,
        "in_force_from = 2026-03-05",
        "in_force_from = 2026-04-05",
        ["It begins after the revision that was read (at indication.IND-2.in_force_from)"],
    ),
    (
        TEC,
        "in_force_from = 2026-03-05",
        "in_force_from = 2026-03-05\nin_force_to = 2026-03-04",
        ["The row ends before it begins (at indication.IND-2.in_force_to)"],
    ),
    (
        TEC,
        '"anti_cd38_antibody"]',
        '"bispecific"]',
        ["The classes are: proteasome_inhibitor (at indication.IND-2.prior_classes)"],
    ),
    # amounts within vials and syringes
    (
        TEC,
        'vial_ml = "1.7"',
        'vial_ml = "1.8"',
        ["Concentration times volume is not the content (at strength.vial_153.vial_mg)"],
    ),
    (ELRA, 'mg = "32"\nml = "0.8"', 'mg = "32"\nml = "0.7"', ["0.7 mL of 40 mg/mL are not 32 mg (at step.STEP-2)"]),
    (ELRA, 'mg = "32"\nml = "0.8"', 'mg = "23"\nml = "0.8"', ["0.8 mL of 40 mg/mL are not 23 mg (at step.STEP-2)"]),
    (
        ELRA,
        'mg = "76"\nml = "1.9"\n',
        'mg = "76"\nml = "1.9"\nvials = 2\n',
        ["Fewer vials than 2 hold this volume (at step.STEP-3)"],
    ),
    (
        ELRA,
        'ml = "1.9"\nstrength = "vial_76"',
        'ml = "1.9"\nvials = 1\nstrength = "vial_44"',
        ["The volume does not fit into what 1 vial hold (at step.STEP-3)"],
    ),
    (
        ELRA,
        'schedules = ["weekly", "every_2_weeks"]\n',
        'schedules = ["weekly", "every_2_weeks"]\nsyringe_limit_ml = "0.5"\n',
        [
            "The volume needs 4 injections out of 1 vial (at step.STEP-3)",
            "The volume needs 4 injections out of 1 vial (at step.STEP-4)",
        ],
    ),
    (
        TEC,
        'mg = "56"\nml = "0.62"',
        'mg = "65"\nml = "0.62"',
        ["are not 65 mg (at band.BAND-1.5-35-39)", "at any weight", "gets less than"],
    ),
    (
        TEC,
        'mg = "2.2"\nml = "0.22"',
        'mg = "2.6"\nml = "0.26"',
        ["0.06 mg/kg is not 2.6 mg at any weight", "gets less than"],
    ),
    (
        TEC,
        'mg_per_kg = "0.06"\nfrom_kg = 40\nto_kg = 44',
        'mg_per_kg = "0.06"\nfrom_kg = 41\nto_kg = 44',
        ["No weight band holds for 40 kg at 0.06 mg/kg (at band.BAND-0.06-40-44.from_kg)"],
    ),
    (
        TEC,
        'mg_per_kg = "0.06"\nstrength',
        'mg_per_kg = "0.07"\nstrength',
        ["No dose of this label is 0.06 mg/kg (at band.BAND-0.06-35-39.mg_per_kg)"],
    ),
    (
        TEC,
        'mg_per_kg = "0.06"\nfrom_kg = 40\nto_kg = 44',
        'mg_per_kg = "0.06"\nfrom_kg = 39\nto_kg = 44',
        ["The weight bands overlap (at band.BAND-0.06-40-44 and band.BAND-0.06-35-39)"],
    ),
    # spans
    (
        TEC,
        "lead_min_minutes = 60\nlead_max_minutes = 180",
        "lead_min_minutes = 180\nlead_max_minutes = 60",
        ["The row ends before it begins (at premedication.PM-2.lead_max_minutes)"],
    ),
    (
        COMBO,
        'schedule = "every_2_weeks"\nmg_per_kg = "3"\nfrom_week = 9',
        'schedule = "weekly"\nmg_per_kg = "3"\nfrom_week = 8',
        ["Two doses hold for week 8 (at phase_dose.PHASE-2.from_week)"],
    ),
    (ELRA, "grades = [4, 5]", "grades = [4, 6]", ["A grade is 1 to 5 (at after_toxicity.CRS-4.grades)"]),
    (
        ELRA,
        'hours = 24\nanchor = "administration"\n',
        'hours = 24\nanchor = "administration"\nthen = { setting = "near_facility", hours = 24 }\n',
        ["The second place is left before it is reached (at monitoring.MON-2.then.hours)"],
    ),
    (
        ELRA,
        "hours = 24\nanchor",
        "hours = 24\nhours_at_least = 48\nanchor",
        ["ends before it begins (at monitoring.MON-2.hours)"],
    ),
    # dates
    (
        ELRA,
        'date = "2024-01-08"',
        'date = "2024-13-08"',
        ["The date is a year, a month or a day (at sources.S21.date)"],
    ),
    (
        ELRA,
        'date = "2024-01-08"',
        'date = "Jan 8, 2024"',
        ["The date is a year, a month or a day (at sources.S21.date)"],
    ),
    (ELRA, "active = false", "active = true", ["A label is either active or superseded (at product.superseded_by)"]),
    (
        ELRA,
        'revision = "2023-08"',
        'revision = "8/2023"',
        ["The key is product", "The revision is a year (at product.revision)"],
    ),
    # caution that grows with the gap
    (
        ELRA,
        L2,
        L2.replace('"restart"', '"give"').replace('step = "step_up_1"', 'step = "first_treatment"'),
        ["After step-up dose 1, weekly: bolder than SUD1-WINDOW, although the gap is longer (at gap.L2)"],
    ),
    (
        ELRA,
        'from_day = 85\naction = "restart"\nstep = "step_up_1"',
        'from_day = 85\naction = "continue"\nstep = "treatment"',
        ["After first treatment dose, weekly: bolder than L7, although the gap is longer (at gap.L8)"],
    ),
    (
        ELRA,
        *BOLDER,
        [
            "No answer to a shorter gap is more cautious (at gap.L8.bolder_as_labelled)",
            "a note (at gap.L8.bolder_as_labelled)",
        ],
    ),
    (
        ELRA,
        'from_day = 85\naction = "restart"\nstep = "step_up_1"',
        'from_day = 85\nbolder_as_labelled = true\naction = "continue"\nstep = "treatment"',
        ["A bolder row has a note that says where the label does so (at gap.L8.bolder_as_labelled)"],
    ),
    (
        ELRA,
        'from_day = 85\naction = "restart"\nstep = "step_up_1"',
        'from_day = 85\nbolder_as_labelled = true\nnote = "made up"\naction = "continue"\nstep = "treatment"',
        [],
    ),
    # units of the label against the codes
    (ELRA, ANC, ANC.replace("10*9/L", "g/L"), ["anc is not understood in this unit (at after_toxicity.ANC.unit)"]),
    (ELRA, ANC, ANC.replace('"anc"', '"neutrophils"'), ["No code means neutrophils (at after_toxicity.ANC.analyte)"]),
    (ELRA, ANC, ANC.partition("\n")[2], ["A limit says of which laboratory value (at after_toxicity.ANC.analyte)"]),
    (
        TEC,
        'up_to = "50"\n',
        'up_to = "50"\nbelow = "25"\n',
        ["A count lies below a limit or reaches one (at after_toxicity.PLT-BLEEDING.below)"],
    ),
    (
        TEC,
        'together_with = "fever"\n',
        "",
        ["Both are over only where there are two (at after_toxicity.FEBRILE-NEUTROPENIA.until_both)"],
    ),
    # care data
    (
        FEVER,
        'crs = "any count"',
        'crs = "any count, or not known"',
        ["What is not known speaks for CRS: it may speak for infection or for neither (at feature.anc.crs)"],
    ),
    (
        "responsibility/hub_and_community.toml",
        '[{ party = "hub", role = "Hub specialist", duty = "attending" }]',
        '[{ party = "hub", role = "Hub specialist", duty = "attending", days = ["mon"] }]',
        ["nobody answers for Candidacy, product, setting"] * 3,  # from Tuesday to Monday, twice, and to the end
    ),
    (
        FEVER,
        'id = "no_gcsf"',
        'id = "gcsf"',
        ["The emergency page takes from here what not to give (at work_up.no_gcsf)"],
    ),
    (PACKET, 'id = "elranatamab"', 'id = "elrexfio"', ["There is no label of this product (at target.elrexfio)"]),
    (PACKET, '"atovaquone"', '"Atovaquone"', ["Agents are compared in lower case (at prophylaxis.pjp.agents)"]),
    (
        PACKET,
        'agents = ["levofloxacin"]',
        'agents = ["entecavir"]',
        ["The agent entecavir stands in two groups (at prophylaxis.antibacterial.agents)"],
    ),
    (
        "care/emergency.toml",
        " Call the number on the card now.",
        "",
        ["What a stranger reads names nobody to call (at general.words)"],
    ),
    (
        "codes/document.toml",
        'holds = ["monitoring", "fever"]',
        'holds = ["monitoring"]',
        ["The section 'fever' of a packet stands under no heading, or is none (at heading.holds)"],
    ),
    (
        "codes/document.toml",
        'loinc = "42349-1"',
        'loinc = "42349-2"',
        ["The check digit of LOINC 42349-2 is wrong (at reason.loinc)"],
    ),
    (
        "codes/device.toml",
        'loinc = ["8310-5"]',
        'loinc = ["8310-6"]',
        ["The check digit of LOINC 8310-6 is wrong (at temperature_c.loinc)"],
    ),
    (FEVER, "minutes = 240", "minutes = 24", ["The clocks do not follow one another (at clock)"]),
    (
        CARE,
        'mg = "80"\nml = "4"',
        'mg = "80"\nml = "5"',
        ["Not the concentration of the other vials (at vial.vial-200)", "vial-400"],
    ),
    (
        CARE,
        'before_step = "step_up_1"',
        'before_step = "dose_1"',
        ["There is no step 'dose_1' (at prophylaxis.before-dose-1.before_step)"],
    ),
    (
        CARE,
        'cap_mg = "800"',
        'cap_mg = "0.8"',
        ["The cap is less than the dose of one kilogram (at prophylaxis.before-dose-1.cap_mg)"],
    ),
    (
        CARE,
        'product = "actemra"\nform = "iv"',
        'product = "actemra"\nform = "sc"',
        ["Nothing says what the label says of CRS (at product.actemra)"],
    ),
    (
        CARE,
        "since = 2024-03-05",
        "since = 2025-03-05",
        ["A label that named CRS does so no more (at label.tyenne-2024.since)"],
    ),
    (
        CARE,
        'source = ["RECALLED"]\nstatus = "unverified"',
        'source = ["RECALLED"]\nstatus = "secondary"',
        ["The row may act, and none of its sources was read (at label.actemra-2017.source)"],
    ),
    # billing units
    (BILLING, 'code = "J9380"', 'code = "9380"', ["A code is one letter and four digits (at unit.teclistamab.code)"]),
    (BILLING, 'code = "J9380"', 'code = "J1304"', ["The file itself calls this code wrong (at unit.teclistamab.code)"]),
    (
        BILLING,
        'mg = "0.25"',
        'mg = "0.3"',
        ["A vial of 40 mg is no whole number of units of 0.3 mg (at unit.talquetamab.mg)"],
    ),
    (
        BILLING,
        'id = "tocilizumab-bavi"\nagent = "tocilizumab-bavi (Tofidence)"',
        'id = "tocilizumab-bavi"\nagent = "tocilizumab (Actemra)"',
        ["Two codes of tocilizumab (Actemra) hold on 2024-04-01 (at unit.tocilizumab-bavi.since)"],
    ),
    (
        BILLING,
        'code = "J1304"\nagent = "teclistamab"',
        'code = "J1304"\nagent = "teclistimab"',
        ["No row has the right code for teclistimab (at not_this.J1304)"],
    ),
    (
        BILLING,
        'source = ["RECALLED"]\nstatus = "unverified"',
        'source = ["RECALLED"]\nstatus = "secondary"',
        ["The row may act, and none of its sources was read (at unit.tocilizumab-aazg.source)"],
    ),
    (BILLING, 'code = "D89.833"', 'code = "D8.9833"', ["A code of another kind (at diagnosis.D89.833.code)"]),
    (BILLING, 'code = "96401"', 'code = "J9640"', ["A code of another kind (at procedure.96401.code)"]),
    (
        BILLING,
        'toxicity = "crs"\ngrade = 3',
        'toxicity = "crs"\ngrade = 2',
        [
            "Every grade of crs has a code, and so has one without a grade (at diagnosis)",
            "Two codes of one thing hold on 2020-10-01 (at diagnosis.D89.833.since)",
        ],
    ),
    (
        BILLING,
        'toxicity = "icans"\ngrade = 5',
        'toxicity = "icans"\ngrade = 6',
        ["Every grade of icans has a code, and so has one without a grade (at diagnosis)"],
    ),
    # laboratory codes and units
    (CODES, '"0.45359237"', '"0.4536"', ["One [lb_av] is 0.45359237 kg (at weight_unit.[lb_av].kilograms)"]),
    (CODES, 'unit = "[lb_av]"', 'unit = "[stone_av]"', ["A unit of weight has no kilograms (at fact.weight.units)"]),
    (
        CODES,
        "[[weight_unit]]",
        STONE,
        ["What one [stone_av] is in kilograms is not known here (at weight_unit.[stone_av])"],
    ),
    (CODES, '"777-3"', '"773-3"', ["The check digit of LOINC 773-3 is wrong (at fact.platelets.loinc)"]),
    (CODES, '"777-3"', '"platelets"', ["The check digit of LOINC platelets is wrong (at fact.platelets.loinc)"]),
    (CODES, '"48765-2"', '"48756-2"', ["The check digit of LOINC 48756-2 is wrong (at section.allergies.loinc)"]),
    (CODES, '["U/L"]', '["U/L", "U/L"]', ["A unit stands there twice (at fact.alt.units)"]),
    (
        CODES,
        'high = "500000"',
        'high = "50000"',
        ["The highest value differs between the units (at plausible.anc.high)"],
    ),
    (
        CODES,
        'fact = "anc"\nunits = ["/uL"]',
        'fact = "anc"\nunits = ["10*9/L", "/uL"]',
        [
            "The highest value differs between the units (at plausible.anc.high)",
            "of different size (at plausible.anc.units)",
        ],
    ),
    (
        CODES,
        'fact = "leukocytes"\nunits = ["10*3/uL", "10*9/L"]\nlow',
        'fact = "hemoglobin"\nunits = ["g/dL"]\nlow',
        ["How large one g/dL is, is not known here (at plausible.hemoglobin.units)"],
    ),
    (CODES, 'code = "weight"', 'code = "mass"', ["No code means the weight (at fact)"]),
    # the policy
    (
        POLICY,
        'low = "30"\nhigh = "43"',
        'low = "43"\nhigh = "30"',
        ["The lowest believable value (at plausible.temperature_c)"],
    ),
    (
        POLICY,
        'above = "130"\n',
        "",
        ["A limit is either below or above a value, or under the baseline (at triage.reading.pulse_per_min)"],
    ),
    (
        POLICY,
        'above = "130"\n',
        'above = "1300"\n',
        ["No believable value lies on both sides (at triage.reading.pulse_per_min)"],
    ),
    (
        POLICY,
        'recheck_c = "37.8"',
        'recheck_c = "38.1"',
        ["A lower temperature is measured again (at triage.recheck_c)"],
    ),
    (POLICY, 'anc_ed_below = "0.5"', 'anc_ed_below = "5"', ["The lower neutrophil count (at triage.anc_ed_below)"]),
    (POLICY, "ice_drop_amber = 1", "ice_drop_amber = 4", ["The greater loss of ICE points (at triage.ice_drop_red)"]),
    (
        POLICY,
        ', { who = "patient_to_ed", wait_minutes = 0 }]',
        "]",
        ["Nobody answers, and the patient is never told (at ladder.RED-1.steps)"],
    ),
    (POLICY, 'version = "1"', 'version = "new"', ["The version is a number (at version)"]),
    *PLANTED_SETTING,
    # the edition of a scale
    (SCALE, 'edition = "2019"', 'edition = "first"', ["The edition is the year of the definition (at edition)"]),
    (SCALE, 'edition = "2019"', 'edition = "2018"', ["The id ends with the edition (at id)"]),
]


def planted(file: str, before: str, after: str, folder: Path) -> Path:
    text = (protocols.SHIPPED / file).read_text()
    assert before in text
    copy = folder / "planted.toml"
    copy.write_text(text.replace(before, after, 1))
    return copy


@pytest.mark.parametrize(("file", "before", "after", "expected"), PLANTED)
def test_a_planted_failure_is_named_with_its_place(
    file: str, before: str, after: str, expected: list[str], tmp_path: Path
) -> None:
    problems = protocols.check([planted(file, before, after, tmp_path)])
    assert len(problems) == len(expected), problems
    for problem, words in zip(problems, expected, strict=True):
        sentence, _, place = words.partition(" (at ")
        assert sentence in problem
        assert not place or f"(at {place.removesuffix(')')})" in problem


@pytest.mark.parametrize("file", sorted({file for file, *_ in PLANTED}))
def test_the_file_as_shipped_has_none_of_them(file: str) -> None:
    assert protocols.check([protocols.SHIPPED / file]) == []


def test_every_sentence_of_the_checks_has_its_planted_failure(tmp_path: Path) -> None:
    said = " ".join(p for row in PLANTED for p in protocols.check([planted(*row[:3], tmp_path)]))
    said += " ".join(protocols.check([undated(tmp_path)]))
    patterns = [
        ".*?".join(re.escape(str(part.value)) for part in parts if isinstance(part, ast.Constant))
        for module in (protocol_checks, care_checks, setting_checks)
        for node in ast.walk(ast.parse(Path(module.__file__ or "").read_text()))
        if isinstance(node, ast.Yield) and isinstance(node.value, (ast.Constant, ast.JoinedStr))
        for parts in [node.value.values if isinstance(node.value, ast.JoinedStr) else [node.value]]
    ]
    assert len(patterns) > 40
    assert [pattern for pattern in patterns if not re.search(pattern, said)] == []


def undated(folder: Path) -> Path:
    """A copy of a label none of whose sources says which edition was read."""
    text = (protocols.SHIPPED / ELRA).read_text()
    copy = folder / "undated.toml"
    head, _, rest = text.partition("[sources.")
    copy.write_text(head + "[sources." + re.sub(r'^(date|revision) = ".*"\n', "", rest, flags=re.MULTILINE))
    return copy


def test_an_edition_is_named(tmp_path: Path) -> None:
    [problem] = protocols.check([undated(tmp_path)])
    assert "No row that may act names an edition" in problem and "(at sources)" in problem


def test_all_days_are_answered_by_one_row_and_steps_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loader refuses holes, overlaps and unknown steps; the command looks at every day again by itself."""
    protocol = load_text((protocols.SHIPPED / ELRA).read_bytes())
    key = ("step_up_2", "weekly")
    rows = protocol.gap_rows(*key)
    for found, number in ((rows[:-1], 0), ((*rows, rows[-1]), 2)):
        protocol._gaps[key] = found  # type: ignore[index]
        day = rows[-1].from_day
        assert protocols._check_protocol(protocol) == [
            f"After step_up_2, weekly: {number} rows for day {day} (at gap)."
        ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {'superseded_by = "elranatamab/US/2025-07"': 'superseded_by = "elranatamab/US/2099"'},
            "there is no successor",
        ),
        ({'superseded_by = "elranatamab/US/2025-07"': 'superseded_by = "elranatamab/US/2023-08"'}, "is not newer"),
        ({'superseded_by = "elranatamab/US/2025-07"': 'superseded_by = "elranatamab/EU/2024"'}, "of something else"),
        ({"2023-08": "2023-09"}, "no file is called after product, jurisdiction and revision"),
        ({"aliases = [": 'aliases = ["elranatamab/US/2025-07", '}, "Two protocols are called elranatamab/US/2025-07"),
    ],
)
def test_the_shipped_files_fit_together(
    changes: dict[str, str], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in (protocols.SHIPPED / "products").glob("elranatamab*.toml"):
        text = file.read_text()
        if file.name == "elranatamab_us_2023-08.toml":
            for before, after in changes.items():
                assert before in text
                text = text.replace(before, after)
        (tmp_path / file.name).write_text(text)
    monkeypatch.setattr(rules, "FOLDER", tmp_path)
    monkeypatch.setattr(protocols, "FOLDER", tmp_path)
    rules.catalogue.cache_clear()
    try:
        [found] = protocols._check_catalogue()
    finally:
        rules.catalogue.cache_clear()
    assert problem in found
