"""Failures of labels (products), planted for `tests/cli/test_protocol_checks.py`."""

from __future__ import annotations

from handrail.cli import protocols

ELRA = "products/elranatamab_us_2023-08.toml"
TEC = "products/teclistamab_us_2026-03_mono.toml"
COMBO = "products/teclistamab_us_2026-03_combo.toml"

L2 = 'id = "L2"\nkind = "delay"\nlast = ["step_up_1"]\nfrom_day = 15\naction = "restart"\nstep = "step_up_1"\npremedicate = "yes"\n'
L8 = "from_day = 85\naction"
BOLDER = L8, "from_day = 85\nbolder_as_labelled = true\naction"
ANC = 'analyte = "anc"\nbelow = "0.5"\nunit = "10*9/L"\n'

_TEXT = (protocols.SHIPPED / TEC).read_text()
INDICATION = _TEXT[_TEXT.index("[[indication]]\n") :].partition("\n\n")[0] + "\n\n"

# The file, what is changed in a copy of it, the problems: words of the sentence and the place.
PLANTED_LABELS = [
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
]
