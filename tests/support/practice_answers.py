"""What the staff of a new practice answer on the forms of its set-up: by the beginning of each label, as it stands on the page."""

from __future__ import annotations

from typing import Final

PEOPLE: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "omar": ("Dr. Omar Oncologist", ("Oncologist", "On-call clinician")),
    "petra": ("Petra Pharmacist", ("Pharmacist",)),
    "nina": ("Nina Nurse", ("Nurse",)),
    "noel": ("Noel Nurse", ("Nurse", "Coordinator")),
    "mara": ("Mara Manager", ("Site manager",)),
}
"""By the word before the @: the name, and the roles. Dr. Dana Director is there already."""

_PHYSICIAN: Final = (
    ("The product: step-up, stays, delays and restarts", "teclistamab"),
    ("CRS and ICANS: grades and what follows", ""),
    ("The next dose after a reaction, an infection or a delay", ""),
    ("Infections, immunoglobulins and late toxicity", ""),
    ("Handing over, taking back, longer intervals", ""),
    ("The ladder, the scripts and the packet, with one simulated call", ""),
)
_NURSE: Final = (
    ("Giving this product: premedication, injection or infusion, watching", "teclistamab"),
    ("ICE score, and teaching patient and caregiver to check at home", ""),
    ("When to stop, whom to call, with a mock CRS drill", ""),
)
MODULES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "Dr. Dana Director": (*_PHYSICIAN, ("The checklist, the rota, drills, incidents", "")),
    "Dr. Omar Oncologist": _PHYSICIAN,
    "Nina Nurse": _NURSE,
    "Noel Nurse": (*_NURSE, _PHYSICIAN[-1], ("Policies of payers and codes", "")),
    "Petra Pharmacist": (
        ("Preparing this product: weight bands, look-alikes", "teclistamab"),
        ("Interchange of tocilizumab, REMS at the dispenser, codes", ""),
    ),
    "Mara Manager": (("The checklist, the rota, drills, incidents", ""),),
}
"""By name: the modules that were passed, and the product of those that are learned for each product."""

PAPERS: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("Name the authorised representative", {"Whose": "Mara Manager", "Deputy": "Nina Nurse"}),
    ("Certify the first prescriber", {"Whose": "Dr. Omar Oncologist"}),
    ("Certify the healthcare setting", {}),
    ("Certify the pharmacy", {"Licence": "state-licensed pharmacy"}),
    *(
        ("Train the staff", {"Whose": name, "Version": "2026-03"})
        for name in ("Nina Nurse", "Noel Nurse", "Petra Pharmacist")
    ),
)
"""By task of the REMS set-up: what its paper says beside the days."""

ITEMS: Final[dict[str, dict[str, str]]] = {
    "SITE-05": {
        "For SITE-05: type of licence": "State-licensed pharmacy",
        "For SITE-05: who answers for dispensing": "Petra Pharmacist, pharmacist in charge",
    },
    "LIC-01": {},
    **{f"SITE-{number:02}": {} for number in range(1, 33) if number != 5},
}
"""Every item up to level 4, the licence first because it adds one; a hub alone shows 33 to 35."""

_NO: Final = {
    "an active or uncontrolled infection": "Is there an active",
    "a live vaccine": "Was there a live vaccine",
    "self-report or ICE not reliable": "Does anything make self-report",
    "disease of the central nervous system": "Disease of the central",
    "uncontrolled seizures": "Uncontrolled seizures",
    "explosive progression": "Explosive progression",
    "a need for oxygen": "Does the patient need oxygen",
    "a heart attack or stroke": "A heart attack",
    "decompensated cirrhosis": "Decompensated cirrhosis",
    "dialysis": "Dialysis",
    "what the payer asks of the setting": "Does the payer pay",
    "the seasonal plan of the site": "Does the site suspend",
    "whether the site follows the label strictly": "Does this site follow",
    "frailty": "Is the patient frail",
    "extramedullary disease": "Disease outside",
    "plasma-cell leukaemia": "Plasma-cell leukaemia",
    "low counts": "Low counts",
    "an infection that is over": "An infection that is over",
    "a caregiver who is old or unwell": "Is the caregiver old",
    "low confidence in the teach-back": "Was the teach-back",
    "an anticoagulant": "Does the patient take an anticoagulant",
}
_YES: Final = {
    "the patient's consent": "Has the patient consented",
    "a phone that works": "Does a phone work",
    "somebody at home measures the temperature": "Does somebody at home",
    "the first patient at this site": "Is this the first patient",
    "tocilizumab to prevent CRS": "Is tocilizumab planned",
    "an interpreter by phone at every hour": "Is there an interpreter",
    "a thermometer at home": "Is there a thermometer",
    "transport to the hospital at every hour": "Is there transport",
}
SETTING: Final[dict[str, dict[str, str]]] = {
    "Sign the departure from the label": {"Because": "watched at home by the programme", "The departure": "2026-06-30"},
    "Calendar of the step-up": {
        "Step-up dose 1": "2026-03-10T09:00",
        "Step-up dose 2": "2026-03-13T09:00",
        "First treatment dose": "2026-03-16T09:00",
    },
    "today's temperature": {"Temperature now": "36.6"},
    **{button: {question: "No"} for button, question in _NO.items()},
    **{button: {question: "Yes"} for button, question in _YES.items()},
    "Who is with the patient, hour by hour": {
        "Who": "Caregiver 1",
        "From": "2026-03-09T18:00",
        "Until": "2026-03-21T09:00",
    },
    "The way to the receiving hospital": {
        "To which hospital": "Prairie County Hospital",
        "Usually": "25",
        "Minutes": "40",
        "Told by": "the daughter",
        "As of": "2026-03-03",
    },
    "ECOG": {"ECOG": "1"},
    "worst grade of CRS or ICANS": {"Worst grade": "0"},
    "plasma cells of the marrow": {"Plasma cells": "20"},
    "M-protein": {"M-protein": "2.1"},
    "involved free light chain": {"Involved free": "300"},
    "heart failure by NYHA class": {"Heart failure": "0"},
    "creatinine clearance": {"Creatinine clearance": "80"},
    "LDH as a multiple": {"LDH": "180", "Upper limit": "200"},
    "raised ferritin": {"Ferritin": "150", "Upper limit": "300"},
    "raised CRP": {"CRP": "2", "Upper limit": "5"},
    "number of significant other diseases": {"Number of significant": "0"},
    "Lodging near the hospital": {"Does the patient accept lodging": "No"},
}
"""By the button of each form of the setting: what is answered. What the REMS desk holds is not asked again."""

COUNTS: Final = (
    ("Neutrophils (ANC)", "2.1", "10*9/L"),
    ("Platelets", "160", "10*9/L"),
    ("Haemoglobin", "11", "g/dL"),
    ("Creatinine", "0.9", "mg/dL"),
    ("IgG", "6", "g/L"),
)
"""What the laboratory said: name, value, unit."""
HOME_MEDICINE: Final = {
    "What kind": "Dexamethasone",
    "Medicine": "dexamethasone",
    "One dose": "10",
    "When to take it": "At fever",
    "Allergies": "Yes",
    "Other medicines": "Yes",
    "Teach-back passed": "Yes",
    "Is the pack": "Yes",
    "Authorised until": "2026-06-30",
    "The pack is good until": "2027-01-31",
}
