"""How each file of the label data is loaded, read again past every cache, and checked. A new folder of data has its line here."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from tools.mutation.data import PROTOCOLS, document_of

LOADERS = {"catalogue", "_named", "_shipped", "load_scale", "tocilizumab", "billing", "code_table", "fever_data"}
LOADERS |= {"load_rota_rules", "template", "templates", "emergency_data", "packet_data"}
"""Functions that remember what they loaded."""
READERS = {
    "care/fever.toml": ("rules/worksheet.py",),
    "care/packet.toml": ("rules/packet_data.py", "rules/packet_care.py"),
    "care/tocilizumab.toml": ("rules/caredata.py", "rules/interchange.py"),
    "codes/billing.toml": ("rules/billing.py", "rules/caredata.py"),
    "rota/default-1.toml": ("rules/rota.py",),
    "responsibility/hub_and_community.toml": ("rules/responsibility.py", "rules/responsibility_lines.py"),
    "responsibility/independent_practice.toml": ("rules/responsibility.py", "rules/responsibility_lines.py"),
    "scales/astct-2019.toml": ("rules/scales.py", "rules/grading_crs.py", "rules/grading_icans.py"),
}
"""The rules that read a file: a test that reaches them is asked early."""


def loaded(file: str) -> Any:
    """What the shipped file was loaded as; the one object that every rule and test holds.

    Raises:
        KeyError: a folder of the data that this tool does not know yet.
    """
    from handrail.fhir.codes import code_table
    from handrail.rules import (
        caredata,
        emergency,
        packet_data,
        policy,
        protocol,
        responsibility,
        rota,
        scales,
        worksheet,
    )

    loaders: dict[str, Callable[[], Any]] = {
        "products": lambda: protocol.load(document_of(file)["product"]["key"]),
        "policies": lambda: policy.load_policy(document_of(file)["id"]),
        "scales": lambda: scales.load_scale(Path(file).stem),
        "rota": rota.load_rota_rules,
        "responsibility": lambda: responsibility.template(document_of(file)["id"]),
        "care/tocilizumab.toml": caredata.tocilizumab,
        "care/fever.toml": worksheet.fever_data,
        "care/emergency.toml": emergency.emergency_data,
        "care/packet.toml": packet_data.packet_data,
        "codes/billing.toml": caredata.billing,
        "codes/laboratory.toml": code_table,
    }
    return loaders[file if file in loaders else file.split("/", maxsplit=1)[0]]()


def read_again(file: str) -> Any:
    """The file loaded anew, past every cache."""
    from handrail.fhir.codes import table_from_toml
    from handrail.rules import (
        caredata,
        emergency,
        packet_data,
        policy,
        protocol,
        responsibility,
        rota,
        scales,
        worksheet,
    )

    text = (PROTOCOLS / file).read_text(encoding="utf-8")
    readers: dict[str, Callable[[str], Any]] = {
        "products": protocol.load_text,
        "policies": lambda text: policy.policy_from_document(
            tomllib.loads(text, parse_float=Decimal), hashlib.sha256(text.encode()).hexdigest()
        ),
        "scales": scales.read_scale,
        "rota": rota.rules_from_toml,
        "responsibility": responsibility.template_from_toml,
        "care/tocilizumab.toml": caredata.care_from_toml,
        "care/fever.toml": worksheet.fever_from_toml,
        "care/emergency.toml": emergency.emergency_from_toml,
        "care/packet.toml": packet_data.packet_data_from_toml,
        "codes/billing.toml": caredata.billing_from_toml,
        "codes/laboratory.toml": table_from_toml,
    }
    return readers[file if file in readers else file.split("/", maxsplit=1)[0]](text)


def noticed(file: str) -> bool:
    """Whether `protocols check`, or the loader below it, has something to say of the file as it now reads."""
    from handrail.cli import protocols

    return file.split("/", maxsplit=1)[0] in protocols.FOLDERS and bool(protocols.check([PROTOCOLS / file]))
