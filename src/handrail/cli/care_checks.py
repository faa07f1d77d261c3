"""What `handrail protocols check` asks of the care data and code tables, beyond what their loaders refuse."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import combinations, pairwise

from handrail.fhir.codes import WEIGHT, CodeTable
from handrail.fhir.device_codes import DeviceCodes
from handrail.fhir.document_codes import DocumentCodes
from handrail.rules.accountability import holes
from handrail.rules.caredata import Billing, Care, CodeRow, UnitRow, tocilizumab
from handrail.rules.emergency import NO_GCSF, EmergencyData
from handrail.rules.health_links import HealthLinkData
from handrail.rules.link_limits import LinkLimits
from handrail.rules.packet_data import PacketData
from handrail.rules.packet_sections import SECTIONS
from handrail.rules.protocol import Protocol, catalogue
from handrail.rules.readiness import GateData
from handrail.rules.referral import ReferralData
from handrail.rules.responsibility import Template, matrix_agreement
from handrail.rules.scales import Scale
from handrail.rules.terms import STEPS, Status
from handrail.rules.worksheet import FeverData

HCPCS = re.compile(r"[A-Z]\d{4}")
ICD = re.compile(r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?")
CPT = re.compile(r"\d{5}|G\d{4}")
RECALLED = ("RECALLED",)

POUND_KG = Decimal("0.45359237")
SIZES = {"10*3/uL": Decimal(10) ** 9, "10*9/L": Decimal(10) ** 9, "/uL": Decimal(10) ** 6}
"""What one of a unit is, in 1/L, by the definitions of UCUM: cells per volume."""
WEIGHTS = {"kg": Decimal(1), "g": Decimal("0.001"), "[lb_av]": POUND_KG, "[oz_av]": POUND_KG / 16}
"""What one of a unit is, in kg, by definition."""


def of_care(care: Care) -> Iterator[str]:
    """Every problem of the tocilizumab file, one sentence each."""
    for vial in care.vial:
        if vial.mg / vial.ml != care.vial[0].mg / care.vial[0].ml:
            yield f"Not the concentration of the other vials (at vial.{vial.id})."
    for way in care.prophylaxis:
        if way.before_step not in STEPS:
            yield f"There is no step {way.before_step!r} (at prophylaxis.{way.id}.before_step)."
        if way.cap_mg < way.mg_per_kg:
            yield f"The cap is less than the dose of one kilogram (at prophylaxis.{way.id}.cap_mg)."
    for product in care.product:
        if "iv" in product.forms and not any(row.product == product.id and row.form == "iv" for row in care.label):
            yield f"Nothing says what the label says of CRS (at product.{product.id})."
    for label in care.label:
        earlier = [row for row in care.label if (row.product, row.form) == (label.product, label.form)]
        if any(row.since < label.since and row.says == "crs" != label.says for row in earlier):
            yield f"A label that named CRS does so no more: is the date right (at label.{label.id}.since)?"
    for table in ("product", "label", "vial", "prophylaxis", "check", "after", "stock"):
        yield from _unread([(f"{table}.{row.id}", row.source, row.status) for row in getattr(care, table)])


def of_emergency(emergency: EmergencyData) -> Iterator[str]:
    """Every problem of the emergency file, one sentence each."""
    if "call" not in emergency.general.words.lower():
        yield "What a stranger reads names nobody to call (at general.words)."
    rows = [
        (f"{table}.{row.id}", row.source, row.status)
        for table in ("first", "avoid")
        for row in getattr(emergency, table)
    ]
    yield from _unread([("general", emergency.general.source, emergency.general.status), *rows])


def of_health_links(links: HealthLinkData) -> Iterator[str]:
    """Every problem of the file of the links to a packet, one sentence each."""
    yield from _unread([(name, row.source, row.status) for name, row in (("link", links.link), ("file", links.file))])


def of_link_limits(limits: LinkLimits) -> Iterator[str]:
    """Every problem of the file of the links of people at home and of a hand-off, one sentence each."""
    rows = (("home", limits.home), ("handoff", limits.handoff))
    yield from _unread([(name, row.source, row.status) for name, row in rows])


def of_referral(data: ReferralData) -> Iterator[str]:
    """Every problem of the file of the referrals, one sentence each."""
    rows = [
        (f"{table}.{row.id}", row.source, row.status)
        for table in ("page", "clock", "option", "consideration")
        for row in getattr(data, table)
    ]
    alone = [(name, getattr(data, name).source, getattr(data, name).status) for name in ("form", "hours")]
    yield from _unread([*alone, *rows])


def of_gate(gate: GateData) -> Iterator[str]:
    """Every problem of the file of the gate, one sentence each."""
    if not any(row.id == gate.tocilizumab.row for row in tocilizumab().prophylaxis):
        yield "The tocilizumab file has no such row (at tocilizumab.row)."
    named = ("when", "weight", "counts", "tocilizumab")
    rows = [(name, getattr(gate, name).source, getattr(gate, name).status) for name in named]
    yield from _unread([*rows, *((f"line.{row.id}", row.source, row.status) for row in gate.line)])


def of_packet(packet: PacketData) -> Iterator[str]:
    """Every problem of the packet file, one sentence each."""
    products = {label.key.split("/")[0] for label in catalogue()}
    for target in packet.target:
        if target.id not in products:
            yield f"There is no label of this product (at target.{target.id})."
    named: dict[str, str] = {}
    for group in packet.prophylaxis:
        for agent in group.agents:
            if agent != agent.lower():
                yield f"Agents are compared in lower case (at prophylaxis.{group.id}.agents)."
            if named.setdefault(agent, group.id) != group.id:
                yield f"The agent {agent} stands in two groups (at prophylaxis.{group.id}.agents)."
    for table in ("target", "prophylaxis", "question"):
        yield from _unread([(f"{table}.{row.id}", row.source, row.status) for row in getattr(packet, table)])


def of_fever(fever: FeverData) -> Iterator[str]:
    """Every problem of the fever file, one sentence each."""
    for row in fever.feature:
        if "not known" in row.crs.lower():
            yield f"What is not known speaks for CRS: it may speak for infection or for neither (at feature.{row.id}.crs)."
    longest = max((row.minutes for row in fever.clock), default=0)
    if fever.clock and fever.clock[-1].minutes != longest:
        yield "The clocks do not follow one another (at clock)."
    if not any(row.id == NO_GCSF for row in fever.work_up):
        yield f"The emergency page takes from here what not to give (at work_up.{NO_GCSF})."
    yield from _unread([("advice", fever.advice.source, fever.advice.status)])
    for table in ("onset", "feature", "work_up", "clock", "script"):
        yield from _unread([(f"{table}.{row.id}", row.source, row.status) for row in getattr(fever, table)])


def of_matrix(matrix: Template) -> Iterator[str]:
    """Every task of a responsibility matrix for which nobody answers at some hour, or more than one party, one sentence each."""
    whole = matrix_agreement(matrix)
    for found in holes([whole], whole.starts_at):
        yield f"{found.words} (at task.{found.task})."


def of_billing(billing: Billing, vials: dict[str, tuple[Decimal, ...]]) -> Iterator[str]:
    """Every problem of the billing units, one sentence each.

    Args:
        billing: the table.
        vials: milligrams in each vial of the medicines that have rows, by their id.
    """
    for row in billing.unit:
        if not HCPCS.fullmatch(row.code):
            yield f"A code is one letter and four digits (at unit.{row.id}.code)."
        for mg in vials.get(row.id, ()):
            if mg % row.mg:
                yield f"A vial of {mg} mg is no whole number of units of {row.mg} mg (at unit.{row.id}.mg)."
        if any((wrong.code, wrong.agent) == (row.code, row.agent) for wrong in billing.not_this):
            yield f"The file itself calls this code wrong (at unit.{row.id}.code)."
    agents = {row.agent for row in billing.unit}
    for agent in sorted(agents):
        rows = sorted((row for row in billing.unit if row.agent == agent), key=lambda row: row.since)
        for before, after in pairwise(rows):
            if before.until is None or before.until >= after.since:
                yield f"Two codes of {agent} hold on {after.since} (at unit.{after.id}.since)."
    for wrong in billing.not_this:
        if wrong.agent not in agents:
            yield f"No row has the right code for {wrong.agent} (at not_this.{wrong.code})."
    for toxicity in ("crs", "icans"):
        if {row.grade for row in billing.diagnosis if row.toxicity == toxicity} != {None, 1, 2, 3, 4, 5}:
            yield f"Every grade of {toxicity} has a code, and so has one without a grade (at diagnosis)."
    yield from _of_code_rows("diagnosis", billing.diagnosis, ICD)
    yield from _of_code_rows("procedure", billing.procedure, CPT)
    yield from _unread([(f"unit.{row.id}", row.source, row.status) for row in billing.unit])


def _of_code_rows(table: str, rows: tuple[CodeRow, ...], shape: re.Pattern[str]) -> Iterator[str]:
    for row in rows:
        if not shape.fullmatch(row.code):
            yield f"A code of another kind (at {table}.{row.id}.code)."
    for one, other in combinations(rows, 2):
        graded = one.toxicity is not None and (one.toxicity, one.grade) == (other.toxicity, other.grade)
        begins, ends = max(one.since, other.since), [row.until for row in (one, other) if row.until is not None]
        if (graded or one.code == other.code) and all(begins <= end for end in ends):
            yield f"Two codes of one thing hold on {begins} (at {table}.{other.id}.since)."
    yield from _unread([(f"{table}.{row.id}", row.source, row.status) for row in rows])


def vials_of(protocols: tuple[Protocol, ...], care: Care, units: tuple[UnitRow, ...]) -> dict[str, tuple[Decimal, ...]]:
    """Milligrams in each vial of a billed medicine: of its labels, or of tocilizumab for it and its biosimilars."""
    of_labels = {
        product: {
            vial.vial_mg for protocol in protocols if protocol.product.product == product for vial in protocol.strength
        }
        for product in {protocol.product.product for protocol in protocols}
    }
    own = {vial.mg for vial in care.vial}
    return {
        row.id: tuple(sorted(own if row.id.startswith("tocilizumab") else of_labels.get(row.id, ()))) for row in units
    }


def of_document(codes: DocumentCodes) -> Iterator[str]:
    """Every problem of the codes of a document, one sentence each."""
    yield from _check_digits((row.id, row.loinc) for row in codes.heading)
    yield from _check_digits((row.id, row.loinc) for row in codes.reading)
    held = {part for heading in codes.heading for part in heading.holds}
    parts = {key for key, _, _ in SECTIONS}
    for part in sorted(held ^ parts):
        yield f"The section {part!r} of a packet stands under no heading, or is none (at heading.holds)."


def of_device(codes: DeviceCodes) -> Iterator[str]:
    """Every problem of the codes of device readings, one sentence each."""
    yield from _check_digits((row.id, loinc) for row in codes.reading for loinc in row.loinc)


def _check_digits(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, loinc in rows:
        if not _loinc(loinc):
            yield f"The check digit of LOINC {loinc} is wrong (at {name}.loinc)."


def of_codes(table: CodeTable) -> Iterator[str]:
    """Every problem of the laboratory codes and their units, one sentence each."""
    for weight in table.weight_unit:
        if weight.unit not in WEIGHTS:
            yield f"What one {weight.unit} is in kilograms is not known here (at weight_unit.{weight.unit})."
        elif weight.kilograms != WEIGHTS[weight.unit]:
            yield f"One {weight.unit} is {WEIGHTS[weight.unit]} kg (at weight_unit.{weight.unit}.kilograms)."
    for fact in (*table.fact, *table.vital):
        if len(set(fact.units)) != len(fact.units):
            yield f"A unit stands there twice (at fact.{fact.code}.units)."
        for code in fact.loinc:
            if not _loinc(code):
                yield f"The check digit of LOINC {code} is wrong (at fact.{fact.code}.loinc)."
    if not any(fact.code == WEIGHT for fact in table.fact):
        yield "No code means the weight (at fact)."
    for limits in table.plausible:
        unknown = [unit for unit in limits.units if unit not in SIZES]
        if unknown:
            yield f"How large one {unknown[0]} is, is not known here (at plausible.{limits.fact}.units)."
            continue
        if len({SIZES[unit] for unit in limits.units}) > 1:
            yield f"The units of one row are of different size (at plausible.{limits.fact}.units)."
        others = [row for row in table.plausible if row.fact == limits.fact and set(row.units) <= set(SIZES)]
        most = {row.high * SIZES[row.units[0]] for row in others}
        if len(most) > 1 and others[0] is limits:
            yield f"The highest value differs between the units (at plausible.{limits.fact}.high)."
    for section in table.section:
        if not _loinc(section.loinc):
            yield f"The check digit of LOINC {section.loinc} is wrong (at section.{section.fact}.loinc)."


def of_analytes(protocol: Protocol, table: CodeTable) -> Iterator[str]:
    """Every limit of a laboratory value of a label stands in a unit in which the value is understood."""
    units = {fact.code: fact.units for fact in table.fact}
    for row in protocol.after_toxicity:
        if row.analyte is not None and row.analyte not in units:
            yield f"No code means {row.analyte} (at after_toxicity.{row.id}.analyte)."
        elif row.analyte is not None and row.unit not in units[row.analyte]:
            yield f"{row.analyte} is not understood in this unit (at after_toxicity.{row.id}.unit)."
        elif row.analyte is None and any((row.below, row.up_to, row.unit, row.together_with)):
            yield f"A limit says of which laboratory value (at after_toxicity.{row.id}.analyte)."
        if row.analyte is not None and (row.below is None) == (row.up_to is None):
            yield f"A count lies below a limit or reaches one (at after_toxicity.{row.id}.below)."
        if row.until_both and row.together_with is None:
            yield f"Both are over only where there are two (at after_toxicity.{row.id}.until_both)."


def of_scale(scale: Scale) -> Iterator[str]:
    """The edition is named: in the scale's own id, and it is a year."""
    if not re.fullmatch(r"\d{4}", scale.edition):
        yield "The edition is the year of the definition (at edition)."
    elif not scale.id.endswith(f"-{scale.edition}"):
        yield "The id ends with the edition (at id)."


def _loinc(code: str) -> bool:
    """True when the last digit of a LOINC code is its check digit (modulus 10)."""
    if not re.fullmatch(r"\d+-\d", code):
        return False
    digits, _, last = code.partition("-")
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 if place % 2 else 2)
        total += number // 10 + number % 10
    return (10 - total % 10) % 10 == int(last)


def _unread(rows: list[tuple[str, tuple[str, ...], Status]]) -> Iterator[str]:
    for place, source, status in rows:
        if status is not Status.UNVERIFIED and set(source) <= set(RECALLED):
            yield f"The row may act, and none of its sources was read (at {place}.source)."
