"""`handrail protocols`: check the label data beyond what the loader refuses, list it, and show one as tables."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from handrail.cli import care_checks, sentence_of, setting_checks
from handrail.cli.protocol_checks import of_numbers, placed
from handrail.cli.protocol_tables import tables_of
from handrail.fhir.codes import FORMAT as CODES_FORMAT
from handrail.fhir.codes import code_table, table_from_toml
from handrail.fhir.device_codes import FORMAT as DEVICE_FORMAT
from handrail.fhir.device_codes import device_codes_from_toml
from handrail.fhir.document_codes import FORMAT as DOCUMENT_FORMAT
from handrail.fhir.document_codes import document_codes_from_toml
from handrail.measures.data import (
    FIGURES_FORMAT,
    PUBLISHED_FORMAT,
    definitions_from_toml,
    published_from_toml,
)
from handrail.rules.access_data import (
    CARDS_FORMAT,
    CLOCKS_FORMAT,
    EVIDENCE_FORMAT,
    access_rules_from_toml,
    cards_from_toml,
    evidence_from_toml,
)
from handrail.rules.capacity_data import FORMAT as CAPACITY_FORMAT
from handrail.rules.capacity_data import capacity_from_toml
from handrail.rules.caredata import (
    BILLING_FORMAT,
    CARE_FORMAT,
    Billing,
    billing_from_toml,
    care_from_toml,
    tocilizumab,
)
from handrail.rules.checks import CHECKS
from handrail.rules.curriculum import FORMAT as TRAINING_FORMAT
from handrail.rules.curriculum import curriculum_from_toml
from handrail.rules.drills import FORMAT as DRILLS_FORMAT
from handrail.rules.drills import drills_from_toml
from handrail.rules.emergency import FORMAT as EMERGENCY_FORMAT
from handrail.rules.emergency import emergency_from_toml
from handrail.rules.expert_line import FORMAT as EXPERT_LINE_FORMAT
from handrail.rules.expert_line import expert_line_from_toml
from handrail.rules.health_links import FORMAT as HEALTH_LINKS_FORMAT
from handrail.rules.health_links import health_links_from_toml
from handrail.rules.link_limits import FORMAT as LINKS_FORMAT
from handrail.rules.link_limits import link_limits_from_toml
from handrail.rules.packet_data import FORMAT as PACKET_FORMAT
from handrail.rules.packet_data import packet_data_from_toml
from handrail.rules.policy import FORMAT as POLICY_FORMAT
from handrail.rules.policy import policy_from_document
from handrail.rules.policy_checks import of_policy
from handrail.rules.protocol import FOLDER, FORMAT, NEXT, Protocol, catalogue, load, load_text
from handrail.rules.protocol_rows import BandRow, GapRow
from handrail.rules.readiness import FORMAT as GATE_FORMAT
from handrail.rules.readiness import gate_from_toml
from handrail.rules.referral import FORMAT as REFERRAL_FORMAT
from handrail.rules.referral import referral_from_toml
from handrail.rules.rems_data import DESK_FORMAT, DeskRules, Programme, desk_from_toml, programme_from_toml
from handrail.rules.rems_data import FORMAT as REMS_FORMAT
from handrail.rules.responsibility import TEMPLATE_FORMAT, template_from_toml
from handrail.rules.scales import FORMAT as SCALE_FORMAT
from handrail.rules.scales import read_scale
from handrail.rules.setting_rules import FORMAT as SETTING_FORMAT
from handrail.rules.setting_rules import setting_rules_from_toml
from handrail.rules.site_levels import FORMAT as LEVELS_FORMAT
from handrail.rules.site_levels import site_levels_from_toml
from handrail.rules.site_profile import FORMAT as QUESTIONS_FORMAT
from handrail.rules.site_profile import questions_from_toml
from handrail.rules.teachback import FORMAT as TEACH_BACK_FORMAT
from handrail.rules.teachback import teach_back_from_toml
from handrail.rules.terms import Action, UnusableInput
from handrail.rules.worksheet import FORMAT as FEVER_FORMAT
from handrail.rules.worksheet import fever_from_toml

SHIPPED = Path(__file__).resolve().parent.parent / "protocols"
FOLDERS = (
    "care", "codes", "measures", "payers", "policies", "products", "rems", "responsibility", "scales", "setting", "training",
)  # fmt: skip
CHECKED_DAYS = range(401)
OWNERS = ("prescriber", "pharmacist", "nurse")
SOURCE_KINDS = ("label", "secondary", "article", "data")


def check(paths: Sequence[Path]) -> list[str]:
    """Every problem of the files, one sentence each with file and place; no paths: everything that is shipped."""
    files = [Path(path) for path in paths] or sorted(
        file for folder in FOLDERS for file in (SHIPPED / folder).glob("*.toml")
    )
    problems = [f"{file}: {problem}" for file in files for problem in _check_file(file)]
    return problems + ([] if paths else _check_catalogue())


def notes(protocol: Protocol) -> list[str]:
    """What a reader should know and need not repair: undated sources, a longer gap that the label answers less cautiously."""
    found = [
        f"The source {key} carries no date or revision: compare its text with the label in force."
        for key, source in protocol.sources.items()
        if source.kind != "data" and not (source.date or source.revision)
    ]
    return found + [
        f"{row.id} gives more after a longer gap: {row.note}" for row in protocol.gap if row.bolder_as_labelled
    ]


def _check_file(file: Path) -> list[str]:
    try:
        raw = file.read_bytes()
    except OSError as error:
        return [f"The file cannot be read: {error.strerror or 'unknown trouble'}."]
    try:
        document = tomllib.loads(raw.decode(), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return [f"This is not readable TOML: {error}."]
    readers: dict[str, Callable[[], list[str]]] = {
        FORMAT: lambda: _check_protocol(load_text(raw)),
        POLICY_FORMAT: lambda: list(of_policy(policy_from_document(document, "0" * 64))),
        SCALE_FORMAT: lambda: list(care_checks.of_scale(read_scale(raw.decode()))),
        CARE_FORMAT: lambda: list(care_checks.of_care(care_from_toml(raw.decode()))),
        FEVER_FORMAT: lambda: list(care_checks.of_fever(fever_from_toml(raw.decode()))),
        EMERGENCY_FORMAT: lambda: list(care_checks.of_emergency(emergency_from_toml(raw.decode()))),
        GATE_FORMAT: lambda: list(care_checks.of_gate(gate_from_toml(raw.decode()))),
        HEALTH_LINKS_FORMAT: lambda: list(care_checks.of_health_links(health_links_from_toml(raw.decode()))),
        LINKS_FORMAT: lambda: list(care_checks.of_link_limits(link_limits_from_toml(raw.decode()))),
        REFERRAL_FORMAT: lambda: list(care_checks.of_referral(referral_from_toml(raw.decode()))),
        PACKET_FORMAT: lambda: list(care_checks.of_packet(packet_data_from_toml(raw.decode()))),
        CLOCKS_FORMAT: lambda: _loaded(access_rules_from_toml(raw.decode())),
        CARDS_FORMAT: lambda: _loaded(cards_from_toml(raw.decode())),
        EVIDENCE_FORMAT: lambda: _loaded(evidence_from_toml(raw.decode())),
        QUESTIONS_FORMAT: lambda: _loaded(questions_from_toml(raw.decode())),
        BILLING_FORMAT: lambda: _check_billing(billing_from_toml(raw.decode())),
        TEMPLATE_FORMAT: lambda: list(care_checks.of_matrix(template_from_toml(raw.decode()))),
        DOCUMENT_FORMAT: lambda: list(care_checks.of_document(document_codes_from_toml(raw.decode()))),
        DEVICE_FORMAT: lambda: list(care_checks.of_device(device_codes_from_toml(raw.decode()))),
        SETTING_FORMAT: lambda: list(setting_checks.of_setting(setting_rules_from_toml(raw.decode()))),
        LEVELS_FORMAT: lambda: list(setting_checks.of_levels(site_levels_from_toml(raw.decode()))),
        REMS_FORMAT: lambda: list(_check_programme(programme_from_toml(raw.decode()))),
        DESK_FORMAT: lambda: list(_check_desk(desk_from_toml(raw.decode()))),
        FIGURES_FORMAT: lambda: _loaded(definitions_from_toml(raw.decode())),
        PUBLISHED_FORMAT: lambda: _loaded(published_from_toml(raw.decode())),
        EXPERT_LINE_FORMAT: lambda: _loaded(expert_line_from_toml(raw.decode())),
        CAPACITY_FORMAT: lambda: _loaded(capacity_from_toml(raw.decode())),
        TRAINING_FORMAT: lambda: _loaded(curriculum_from_toml(raw.decode())),
        TEACH_BACK_FORMAT: lambda: _loaded(teach_back_from_toml(raw.decode())),
        DRILLS_FORMAT: lambda: _loaded(drills_from_toml(raw.decode())),
        CODES_FORMAT: lambda: list(care_checks.of_codes(table_from_toml(raw.decode()))),
    }
    reader = readers.get(str(document.get("format")))
    if reader is None:
        return [f"The format is one of: {', '.join(readers)} (at format)."]
    try:
        return reader()
    except UnusableInput as error:
        return [sentence_of(error)]


def _loaded(found: object) -> list[str]:  # noqa: ARG001  # what the loader takes has no further problem
    return []


def _check_billing(billing: Billing) -> list[str]:
    vials = care_checks.vials_of(catalogue(), tocilizumab(), billing.unit)
    return list(care_checks.of_billing(billing, vials))


def _check_programme(programme: Programme) -> Iterable[str]:
    """The products have protocols of that country, and every side of the gate is asked for."""
    there = {(each.product.product, each.product.jurisdiction) for each in catalogue()}
    for row in programme.product:
        if (row.id, programme.jurisdiction) not in there:
            yield f"No protocol of {programme.jurisdiction} is for this product (at product.{row.id})."
    sides = {row.participant for row in programme.requirement if row.effect == "block"}
    for side in sorted({"prescriber", "dispenser", "setting", "representative"} - sides):
        yield f"Nothing that holds a dose back is asked of the {side} (at requirement)."
    for requirement in programme.requirement:
        if requirement.paper is None and requirement.effect == "block" and requirement.frequency != "every_dose":
            yield f"Nothing shows this requirement (at requirement.{requirement.id}.paper)."


def _check_desk(desk: DeskRules) -> Iterable[str]:
    """A paper is asked for once."""
    papers = [row.paper for row in desk.setup if row.paper is not None]
    for paper in sorted({each for each in papers if papers.count(each) > 1}):
        yield f"Two tasks ask for the paper {paper} (at setup)."


def _check_protocol(protocol: Protocol) -> list[str]:
    return [
        *_check_sources(protocol),
        *_check_totals(protocol),
        *_check_references(protocol),
        *of_numbers(protocol),
        *care_checks.of_analytes(protocol, code_table()),
    ]


def _check_sources(protocol: Protocol) -> Iterable[str]:
    used = {key for row in protocol.rows() for key in row.source}
    for key, source in protocol.sources.items():
        if source.kind != "data" and not (source.address or source.date or source.revision):
            yield f"The source has no address, date or revision (at sources.{key})."
        if source.kind not in SOURCE_KINDS:
            yield f"The kind is one of: {', '.join(SOURCE_KINDS)} (at sources.{key}.kind)."
        if key not in used:
            yield f"No row uses this source (at sources.{key})."
    for place, row in placed(protocol):
        if row.acts and {protocol.sources[key].kind for key in row.source} == {"data"}:
            yield f"The row may act, and none of its sources was read (at {place}.source)."
        if not row.words and not isinstance(row, BandRow):  # the numbers of a weight band are its words
            yield f"The row has no words to show (at {place}.words)."
    head = protocol.product
    if head.key.split("/")[:3] != [head.product, head.jurisdiction, head.revision]:
        yield "The key is product, jurisdiction and revision of this file (at product.key)."


def _check_totals(protocol: Protocol) -> Iterable[str]:
    """Exactly one row for every day after every step."""
    for schedule in protocol.schedules:
        for step in protocol.steps_of(schedule):
            rows = protocol.gap_rows(step, schedule)
            for day in CHECKED_DAYS:
                found = [row for row in rows if _covers(row, day)]
                if len(found) != 1:
                    yield f"After {step}, {schedule}: {len(found)} rows for day {day} (at gap)."
                    break


def _check_references(protocol: Protocol) -> Iterable[str]:
    known = {step for schedule in protocol.schedules for step in protocol.steps_of(schedule)}
    for row in protocol.gap:
        follows = [row.then.step] if row.then else []
        for step in [*row.last, *follows, *([row.step] if row.step not in (None, NEXT) else [])]:
            if step not in known:
                yield f"This label has no {step} (at gap.{row.id})."
        for schedule in row.schedules:
            if schedule not in protocol.schedules:
                yield f"This label has no schedule {schedule} (at gap.{row.id}.schedules)."
        if row.due_day is not None and not _covers(row, row.due_day):
            yield f"The due day lies outside the row (at gap.{row.id}.due_day)."
        if row.action is Action.WAIT and row.to_day is None:
            yield f"A wait without an end is never over (at gap.{row.id}.to_day)."
    for place, item in placed(protocol):
        for name in ("steps", "doses_of"):
            for step in sorted(set(getattr(item, name, ())) - known):
                yield f"This label has no {step} (at {place}.{name})."
    yield from _check_gate(protocol)
    for step in known - {row.step for row in protocol.monitoring}:
        yield f"Nothing says where the patient is after {step} (at monitoring)."


def _check_gate(protocol: Protocol) -> Iterable[str]:
    """Every warning has a rule that reads it or is only shown, and every REMS requirement stands once and belongs to the United States."""
    for row in protocol.warning:
        if (row.check in CHECKS) == row.shown_only:
            said = "A rule reads this check" if row.shown_only else "No rule reads this check"
            yield f"{said} (at warning.{row.id}.check)."
        if row.owner not in OWNERS:
            yield f"The owner is one of: {', '.join(OWNERS)} (at warning.{row.id}.owner)."
        if row.check == "live_vaccine" and not row.within_days:
            yield f"The check needs within_days (at warning.{row.id})."
    seen: set[str] = set()
    for requirement in protocol.rems:
        place = f"rems.{requirement.id}"
        if requirement.owner not in OWNERS:
            yield f"The owner is one of: {', '.join(OWNERS)} (at {place}.owner)."
        if requirement.requirement in seen:
            yield f"Two rows ask for {requirement.requirement} (at {place}.requirement)."
        seen.add(requirement.requirement)
        if protocol.product.jurisdiction != "US":
            yield f"A REMS is a programme of the United States (at {place})."


def _check_catalogue() -> list[str]:
    """The shipped files together: no name twice, a successor that exists, and the edition in the name of the file."""
    try:
        shipped = catalogue()
    except UnusableInput:
        return []  # the file itself is already reported
    names = [name for protocol in shipped for name in (protocol.key, *protocol.product.aliases)]
    problems = [f"Two protocols are called {name}." for name in sorted({n for n in names if names.count(n) > 1})]
    by_name = {name: protocol for protocol in shipped for name in (protocol.key, *protocol.product.aliases)}
    for protocol in shipped:
        problems += _check_successor(protocol, by_name)
    files = {file.stem for file in FOLDER.glob("*.toml")}
    for protocol in shipped:
        words = protocol.key.lower().split("/")
        if not {"_".join(words[:3]), "_".join(words)} & files:
            problems.append(
                f"{protocol.key}: no file is called after product, jurisdiction and revision (at product.key)."
            )
    return problems


def _check_successor(protocol: Protocol, named: dict[str, Protocol]) -> Iterable[str]:
    name = protocol.product.superseded_by
    if name is None:
        return
    successor = named.get(name)
    place = f"{protocol.key}: "
    if successor is None:
        yield f"{place}there is no successor {name} (at product.superseded_by)."
    elif (successor.product.product, successor.product.jurisdiction) != (
        protocol.product.product,
        protocol.product.jurisdiction,
    ):
        yield f"{place}the successor is a label of something else (at product.superseded_by)."
    elif successor.product.revision <= protocol.product.revision:
        yield f"{place}the successor is not newer (at product.superseded_by)."


def _covers(row: GapRow, day: int) -> bool:
    return row.from_day <= day and (row.to_day is None or day <= row.to_day)


def list_text() -> str:
    """Every shipped protocol on one line: key, state, how its rows are known."""
    lines = []
    for protocol in catalogue():
        state = "active" if protocol.product.active else f"superseded by {protocol.product.superseded_by}"
        counts: dict[str, int] = {}
        for row in protocol.rows():
            counts[row.status.value] = counts.get(row.status.value, 0) + 1
        known = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
        lines.append(f"{protocol.key:32} {protocol.product.brand:10} {state}; rows: {known}")
    return "\n".join(lines)


def show_text(key: str) -> str:
    """One protocol as readable tables, with the sources and the status of every row.

    Raises:
        UnusableInput: no such protocol.
    """
    protocol = load(key)
    return tables_of(protocol, notes(protocol))
