"""How each file of the label data is loaded, read again past every cache, and checked. A new folder of data has its line here."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from tools.mutation.data import PROTOCOLS, document_of

LOADERS = {"catalogue", "_named", "_shipped", "load_scale", "tocilizumab", "billing", "code_table", "fever_data"}
LOADERS |= {
    "load_rota_rules",
    "template",
    "templates",
    "emergency_data",
    "health_link_data",
    "gate_data",
    "link_limits",
    "referral_data",
    "packet_data",
    "document_codes",
    "device_codes",
    "load_setting_rules",
    "load_site_levels",
    "access_rules",
    "payer_cards",
    "evidence_file",
    "payer_questions",
    "programmes",
    "desk_rules",
    "expert_line",
    "load_capacity",
    "load_curriculum",
    "load_teach_back",
    "load_drills",
    "definitions",
    "published",
}
"""Functions that remember what they loaded."""
READERS = {
    "care/capacity.toml": ("rules/capacity.py", "rules/capacity_data.py"),
    "care/expert_line.toml": ("rules/expert_line.py",),
    "care/fever.toml": ("rules/worksheet.py",),
    "care/links.toml": ("rules/link_limits.py",),
    "care/packet.toml": ("rules/packet_data.py", "rules/packet_care.py"),
    "care/referral.toml": ("rules/referral.py",),
    "care/tocilizumab.toml": ("rules/caredata.py", "rules/interchange.py"),
    "codes/billing.toml": ("rules/billing.py", "rules/caredata.py"),
    "payers/cards-1.toml": ("rules/access_data.py", "rules/access.py"),
    "payers/clocks-1.toml": ("rules/access_data.py", "rules/access.py", "rules/access_waits.py"),
    "payers/evidence-1.toml": ("rules/access_data.py",),
    "payers/questions-1.toml": ("rules/site_profile.py",),
    "rems/desk.toml": ("rules/rems_data.py", "rules/rems_doses.py", "rules/rems_paging.py", "rules/rems_setup.py"),
    "rota/default-1.toml": ("rules/rota.py",),
    "training/drills-1.toml": ("rules/drills.py",),
    "training/modules-1.toml": ("rules/curriculum.py",),
    "training/teach-back-1.toml": ("rules/teachback.py",),
    "responsibility/hub_and_community.toml": ("rules/responsibility.py", "rules/responsibility_lines.py"),
    "responsibility/independent_practice.toml": ("rules/responsibility.py", "rules/responsibility_lines.py"),
    "setting/levels-1.toml": ("rules/site_levels.py",),
    "setting/default-1.toml": ("rules/setting_case.py", "rules/setting_checks.py"),
    "scales/astct-2019.toml": ("rules/scales.py", "rules/grading_crs.py", "rules/grading_icans.py"),
}
"""The rules that read a file: a test that reaches them is asked early."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How files of one folder, or one file, are loaded: the object that everybody holds, and anew from a text, past every cache."""

    loaded: Callable[[str], Any]
    from_text: Callable[[str], Any]


@cache
def _kinds() -> Mapping[str, _Kind]:
    """By the file, or by its folder. Imported late: whoever only counts the mutants needs none of it."""
    from handrail.fhir.codes import code_table, table_from_toml
    from handrail.fhir.device_codes import device_codes, device_codes_from_toml
    from handrail.fhir.document_codes import document_codes, document_codes_from_toml
    from handrail.measures import data as figures
    from handrail.rules import (
        access_data,
        capacity_data,
        caredata,
        curriculum,
        drills,
        emergency,
        expert_line,
        health_links,
        link_limits,
        packet_data,
        policy,
        protocol,
        readiness,
        referral,
        rems_data,
        responsibility,
        rota,
        scales,
        setting_rules,
        site_levels,
        site_profile,
        teachback,
        worksheet,
    )

    def policy_from_text(text: str) -> policy.Policy:
        document = tomllib.loads(text, parse_float=Decimal)
        return policy.policy_from_document(document, hashlib.sha256(text.encode()).hexdigest())

    return {
        "products": _Kind(lambda file: protocol.load(document_of(file)["product"]["key"]), protocol.load_text),
        "policies": _Kind(lambda file: policy.load_policy(document_of(file)["id"]), policy_from_text),
        "scales": _Kind(lambda file: scales.load_scale(Path(file).stem), scales.read_scale),
        "measures/figures-1.toml": _Kind(lambda _: figures.definitions(), figures.definitions_from_toml),
        "measures/published-1.toml": _Kind(lambda _: figures.published(), figures.published_from_toml),
        "payers/cards-1.toml": _Kind(lambda _: access_data.payer_cards(), access_data.cards_from_toml),
        "payers/clocks-1.toml": _Kind(lambda _: access_data.access_rules(), access_data.access_rules_from_toml),
        "payers/evidence-1.toml": _Kind(lambda _: access_data.evidence_file(), access_data.evidence_from_toml),
        "payers/questions-1.toml": _Kind(lambda _: site_profile.payer_questions(), site_profile.questions_from_toml),
        "rems/desk.toml": _Kind(lambda _: rems_data.desk_rules(), rems_data.desk_from_toml),
        "rems": _Kind(
            lambda file: next(each for each in rems_data.programmes() if each.id == document_of(file)["id"]),
            rems_data.programme_from_toml,
        ),
        "rota": _Kind(lambda _: rota.load_rota_rules(), rota.rules_from_toml),
        "responsibility": _Kind(
            lambda file: responsibility.template(document_of(file)["id"]), responsibility.template_from_toml
        ),
        "setting/default-1.toml": _Kind(
            lambda _: setting_rules.load_setting_rules(), setting_rules.setting_rules_from_toml
        ),
        "setting/levels-1.toml": _Kind(lambda _: site_levels.load_site_levels(), site_levels.site_levels_from_toml),
        "training/modules-1.toml": _Kind(lambda _: curriculum.load_curriculum(), curriculum.curriculum_from_toml),
        "training/teach-back-1.toml": _Kind(lambda _: teachback.load_teach_back(), teachback.teach_back_from_toml),
        "training/drills-1.toml": _Kind(lambda _: drills.load_drills(), drills.drills_from_toml),
        "care/capacity.toml": _Kind(lambda _: capacity_data.load_capacity(), capacity_data.capacity_from_toml),
        "care/tocilizumab.toml": _Kind(lambda _: caredata.tocilizumab(), caredata.care_from_toml),
        "care/fever.toml": _Kind(lambda _: worksheet.fever_data(), worksheet.fever_from_toml),
        "care/emergency.toml": _Kind(lambda _: emergency.emergency_data(), emergency.emergency_from_toml),
        "care/expert_line.toml": _Kind(lambda _: expert_line.expert_line(), expert_line.expert_line_from_toml),
        "care/gate.toml": _Kind(lambda _: readiness.gate_data(), readiness.gate_from_toml),
        "care/health_links.toml": _Kind(lambda _: health_links.health_link_data(), health_links.health_links_from_toml),
        "care/links.toml": _Kind(lambda _: link_limits.link_limits(), link_limits.link_limits_from_toml),
        "care/packet.toml": _Kind(lambda _: packet_data.packet_data(), packet_data.packet_data_from_toml),
        "care/referral.toml": _Kind(lambda _: referral.referral_data(), referral.referral_from_toml),
        "codes/billing.toml": _Kind(lambda _: caredata.billing(), caredata.billing_from_toml),
        "codes/device.toml": _Kind(lambda _: device_codes(), device_codes_from_toml),
        "codes/document.toml": _Kind(lambda _: document_codes(), document_codes_from_toml),
        "codes/laboratory.toml": _Kind(lambda _: code_table(), table_from_toml),
    }


def _kind(file: str) -> _Kind:
    """How a file is loaded.

    Raises:
        KeyError: a folder of the data that this tool does not know yet.
    """
    return _kinds()[file if file in _kinds() else file.split("/", maxsplit=1)[0]]


def loaded(file: str) -> Any:
    """What the shipped file was loaded as; the one object that every rule and test holds."""
    return _kind(file).loaded(file)


def read_again(file: str) -> Any:
    """The file loaded anew, past every cache."""
    return _kind(file).from_text((PROTOCOLS / file).read_text(encoding="utf-8"))


def noticed(file: str) -> bool:
    """Whether `protocols check`, or the loader below it, has something to say of the file as it now reads."""
    from handrail.cli import protocols

    return file.split("/", maxsplit=1)[0] in protocols.FOLDERS and bool(protocols.check([PROTOCOLS / file]))
