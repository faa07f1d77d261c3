"""Failures of care data, codes and the policy, planted for `tests/cli/test_protocol_checks.py`."""

from __future__ import annotations

FEVER = "care/fever.toml"
PACKET = "care/packet.toml"
CARE, BILLING, CODES = "care/tocilizumab.toml", "codes/billing.toml", "codes/laboratory.toml"
POLICY = "policies/default-1.toml"

STONE = '[[weight_unit]]\nunit = "[stone_av]"\nkilograms = "6.35029318"\nsource = ["POUND"]\nstatus = "secondary"\n[[weight_unit]]'


# The file, what is changed in a copy of it, the problems: words of the sentence and the place.
PLANTED_CARE = [
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
]
