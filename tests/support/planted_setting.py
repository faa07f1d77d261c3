"""Failures of the setting rules and of the levels of sites, planted for `tests/cli/test_protocol_checks.py`."""

from __future__ import annotations

import re

from handrail.cli import protocols

SETTING, LEVELS = "setting/default-1.toml", "setting/levels-1.toml"

LEVEL_2 = re.search(
    r'\[\[item\]\]\nid = "SITE-31".*?(?=\[\[item\]\]\nid = "SITE-33")',
    (protocols.SHIPPED / LEVELS).read_text(),
    flags=re.DOTALL,
)[0]  # type: ignore[index]

# The file, what is changed in a copy of it, the problems: words of the sentence and the place.
PLANTED_SETTING = [
    # the setting
    (
        SETTING,
        'check = "strict"',
        'any = [{ fact = "dialysis", equals = true }]',
        ["No rule asks for the check strict (at rule)"],
    ),
    (
        SETTING,
        'any = [{ fact = "consent", equals = false }]',
        'any = [{ fact = "frail", equals = false }]',
        ["No rule reads the fact consent (at rule)"],
    ),
    (
        SETTING,
        'owner = "social_work"',
        'owner = "somebody"',
        ["The owner is one of: prescriber, pharmacist (at IP-2.owner)"],
    ),
    (
        SETTING,
        'fact = "ecog", at_least = "2"',
        'fact = "ecog", at_least = "3"',
        ["Hospital is required before this counts (at rule.C-ECOG.ecog)"],
    ),
    (
        SETTING,
        'at_most = "45"',
        'at_most = "30"',
        ["Hospital is required before this counts (at rule.C-KIDNEY.creatinine_clearance_ml_min)"],
    ),
    # the levels of sites
    (LEVELS, 'id = "SITE-01"', 'id = "CHAMPION"', ["An item is called SITE- and two digits (at CHAMPION)"]),
    (
        LEVELS,
        'evidence = "names, signed"\nowner = "director"',
        'evidence = "names, signed"\nowner = "boss"',
        ["The owner of an item is one of: prescriber (at SITE-01.owner)"],
    ),
    (LEVELS, 'owner = "director"', 'owner = "boss"', ["The owner of an item is one of: prescriber (at LIC-02.owner)"]),
    (
        "care/gate.toml",
        'row = "before-dose-1"',
        'row = "before-breakfast"',
        ["The tocilizumab file has no such row (at tocilizumab.row)"],
    ),
    (
        LEVELS,
        'alone = "incidents are reported and reviewed every month"\n',
        "",
        ["A practice without a hub cannot show this: say what it shows instead (at SITE-27.alone)"],
    ),
    (
        LEVELS,
        'id = "maintenance"\nwords = "maintenance"\nfrom_level = "1"',
        'id = "maintenance"\nwords = "maintenance"\nfrom_level = "3"',
        ["A later phase asks for less than maintenance (at phase.complicated_maintenance.from_level)"],
    ),
    (LEVELS, LEVEL_2, "", ["Nothing is asked for level 2 beyond the one before (at level.2)"]),
]
