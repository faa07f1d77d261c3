"""What the pages of an agreement show: the matrix in words, the check of two weeks, what changed since the version before, and the form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from handrail.people import agreements
from handrail.people.agreements import Version
from handrail.people.models import Organisation, Site, User
from handrail.rules.accountability import AHEAD, PHASE_WORDS, Hole, party_words
from handrail.rules.responsibility import (
    AGREEMENT_FORMAT,
    ALONE,
    FIRST,
    PAIR,
    SECOND,
    Agreement,
    Party,
    Rule,
    TaskRow,
    hours_document,
    rule_document,
    task_document,
    template,
)
from handrail.rules.responsibility_lines import DUTY_WORDS, read_rules, read_when, say_days, say_rule, say_when
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import UnusableInput, civil_date, say_date, say_instant, zone_named

SHOWN_HOLES: Final = 40
LASTS_DAYS: Final = 364
PARTY_WORDS: Final = {
    "hub": "Hub",
    "community": "Community practice",
    "practice": "Practice",
    "hospital": "Receiving hospital",
}


def standing(version: Version, now: datetime, *, newest: bool, holding: Version | None) -> tuple[str, str]:
    """How a version stands, and the tone of the word. `holding`: the version of its pair that is in force."""
    if version.ended is not None:
        return ("Ended" if version.activated is not None else "Withdrawn"), "routine"
    if version.in_force(now):
        if holding is not None and holding.row.pk == version.row.pk:
            return "In force", "good"
        return "Replaced by a newer version", "routine"
    if version.activated is not None:
        return ("Begins later", "good") if version.content.starts_at > now else ("Run out", "now")
    if not newest:
        return "Replaced by a newer version", "routine"
    if version.unsigned:
        return "Waits for a signature", "soon"
    return "Signed by all, not in force", "soon"


def hole_rows(found: Sequence[Hole]) -> dict[str, Any]:
    """The holes by task, the first of them in words."""
    return {
        "count": len(found),
        "rows": [{"words": _capital(hole.words), "double": hole.kind == "double"} for hole in found[:SHOWN_HOLES]],
        "more": max(0, len(found) - SHOWN_HOLES),
    }


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def matrix(content: Agreement) -> list[dict[str, Any]]:
    """Each task: who answers, who does it, who is asked, who is told."""
    return [
        {
            "id": task.id,
            "name": task.name,
            "accountable": [rule_words(content, rule) for rule in task.accountable],
            "responsible": ", ".join(task.responsible),
            "consulted": ", ".join(task.consulted),
            "informed": ", ".join(task.informed),
        }
        for task in content.task
    ]


def rule_words(content: Agreement, rule: Rule) -> dict[str, str]:
    """Who answers, and when, as two short texts."""
    party = content.party_named(rule.party)
    outside = party is not None and party.organisation is None  # its people are on no rota here
    when = [say_when(rule), PHASE_WORDS[rule.phase] if rule.phase is not None else ""]
    return {
        "party": _capital(party_words(content, rule.party)),
        "role": rule.role if outside else f"{rule.role} ({DUTY_WORDS[rule.duty]})",
        "when": ", ".join(part for part in when if part),
    }


def party_rows(content: Agreement) -> list[dict[str, str]]:
    """The parties, their sites and numbers."""
    return [
        {
            "as": PARTY_WORDS[party.key],
            "name": party.name,
            "number": party.number,
            "night": party.after_hours_number or "",
            "sites": ", ".join(party.sites),
            "service": party.admitting_service or "",
        }
        for party in content.party
    ]


def signature_rows(version: Version, zone: str) -> list[dict[str, str]]:
    """Each party that signs: who signed when, or nobody yet."""
    signed = {mark.party_id: mark for mark in version.signatures if mark.sha256 == version.row.sha256}
    rows = []
    for party in version.parties:
        mark = signed.get(party)
        rows.append(
            {
                "party": agreements.name_of(party),
                "who": mark.by.name if mark else "",
                "role": mark.role.replace("_", " ") if mark else "",
                "at": say_instant(mark.at, zone) if mark else "",
            }
        )
    return rows


def changes(before: Agreement, after: Agreement) -> list[str]:
    """What a version says otherwise than the one before, one sentence each."""
    found = [
        f"{name}: {old} → {new}"
        for name, old, new in (
            ("From", say_date(before.valid_from), say_date(after.valid_from)),
            ("Until", say_date(before.valid_until), say_date(after.valid_until)),
            ("Clock", before.time_zone, after.time_zone),
            ("Clinic hours", clinic_words(before), clinic_words(after)),
        )
        if old != new
    ]
    for old_party, new_party in zip(before.party, after.party, strict=False):
        found += _party_changes(old_party, new_party)
    names = list(dict.fromkeys([task.id for task in (*before.task, *after.task)]))
    for task_id in names:
        old_task, new_task = before.task_named(task_id), after.task_named(task_id)
        name = (new_task or old_task or TaskRow(id="", name="")).name
        was, now = _lines(old_task), _lines(new_task)
        found += [f"{name}: no longer {line}" for line in was if line not in now]
        found += [f"{name}: now {line}" for line in now if line not in was]
    return found


def _lines(task: TaskRow | None) -> list[str]:
    return [say_rule(rule) for rule in task.accountable] if task else []


def _party_changes(before: Party, after: Party) -> list[str]:
    pairs = (
        ("number", before.number, after.number),
        ("number after hours", before.after_hours_number, after.after_hours_number),
        ("sites", ", ".join(before.sites), ", ".join(after.sites)),
        ("name", before.name, after.name),
        ("admitting service", before.admitting_service, after.admitting_service),
    )
    return [f"{after.name}, {what}: {old or 'none'} → {new or 'none'}" for what, old, new in pairs if old != new]


def clinic_words(content: Agreement) -> str:
    """`Mon-Fri 08:00-17:00`."""
    hours = content.clinic_hours
    return f"{say_days(hours.days)} {hours.starts}-{hours.ends}"


def holiday_words(content: Agreement, now: datetime) -> str:
    """The next holidays, a few: `Thu 26 Nov, Fri 25 Dec`."""
    today = civil_date(now, content.time_zone)
    return ", ".join(f"{day:%a} {day.day} {day:%b}" for day in content.holidays if day >= today)[:200]


def last_hour(now: datetime, zone: str) -> str:
    """The end of the two weeks that are looked at."""
    return say_date((now + AHEAD).astimezone(zone_named(zone)).date())


# --- the form ---------------------------------------------------------------------------------------------------------


def start_values(
    first: Organisation, second: Organisation | None, former: Version | None, now: datetime
) -> dict[str, str]:
    """What the form shows at first: the version before, else the shipped matrix."""
    if former is not None:
        content, zone = former.content, former.content.time_zone
        tasks: Iterable[TaskRow] = content.task
        hours = clinic_words(content)
        numbers = {party.key: party for party in content.party}
    else:
        shipped = template(PAIR if second else ALONE)
        zone, tasks, numbers = first.time_zone, shipped.task, {}
        hours = f"{say_days(shipped.clinic_hours.days)} {shipped.clinic_hours.starts}-{shipped.clinic_hours.ends}"
    today = now.astimezone(zone_named(zone)).date()
    own, other = numbers.get(FIRST[PAIR if second else ALONE]), numbers.get(SECOND[PAIR])
    hospital = numbers.get("hospital")
    return {
        "valid_from": today.isoformat(),
        "valid_until": (today + timedelta(days=LASTS_DAYS)).isoformat(),
        "time_zone": zone,
        "clinic_hours": hours,
        "first_number": own.number if own else first.call_number,
        "first_night": (own.after_hours_number or "") if own else "",
        "second_number": other.number if other else (second.call_number if second else ""),
        "second_night": (other.after_hours_number or "") if other else "",
        "hospital": hospital.name if hospital else "",
        "hospital_number": hospital.number if hospital else "",
        "admitting_service": (hospital.admitting_service or "") if hospital else "",
        "why": "",
        **{f"task-{task.id}": "\n".join(say_rule(rule) for rule in task.accountable) for task in tasks},
    }


NEEDED: Final = {
    "valid_from": "From",
    "valid_until": "Until",
    "time_zone": "By the clock of",
    "clinic_hours": "Clinic hours",
    "first_number": "Number",
    "hospital": "Receiving hospital",
    "hospital_number": "Transfer line",
    "admitting_service": "Admitting service",
}


def document_from(
    first: Organisation, second: Organisation | None, typed: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The document that was typed, and what is wrong with it by field."""
    errors = {name: f"{label}: please answer." for name, label in NEEDED.items() if not typed.get(name, "").strip()}
    if second is not None and not typed.get("second_number", "").strip():
        errors["second_number"] = "Number: please answer."
    shipped = template(PAIR if second else ALONE)
    tasks = []
    for task in shipped.task:
        name = f"task-{task.id}"
        try:
            rules = read_rules(typed.get(name, ""), shipped.parties, task.name)
        except ProtocolDataError as error:
            errors[name] = f"{error.message} ({error.path})"
            rules = []
        tasks.append({**task_document(task), "accountable": [rule_document(rule) for rule in rules]})
    hours = hours_document(shipped.clinic_hours)
    try:
        days, starts, ends = read_when(typed.get("clinic_hours", "").lower(), "clinic hours")
        if not (days and starts and ends):
            raise ProtocolDataError("missing_key", "Days and hours, such as Mon-Fri 08:00-17:00.")
        hours = {"days": list(days), "starts": starts, "ends": ends}
    except UnusableInput as error:
        errors.setdefault("clinic_hours", error.message)
    for name in ("valid_from", "valid_until"):
        try:
            date.fromisoformat(typed.get(name, "").strip())
        except ValueError:
            errors.setdefault(name, f"{NEEDED[name]}: a day, such as 2026-03-31.")
    parties = [_party(FIRST[shipped.id], first, typed, "first")]
    if second is not None:
        parties.append(_party(SECOND[PAIR], second, typed, "second"))
    hospital = {
        "key": "hospital",
        "name": typed.get("hospital", "").strip(),
        "number": typed.get("hospital_number", "").strip(),
        "admitting_service": typed.get("admitting_service", "").strip(),
    }
    return {
        "format": AGREEMENT_FORMAT,
        "template": shipped.id,
        "time_zone": typed.get("time_zone", "").strip(),
        "valid_from": typed.get("valid_from", "").strip(),
        "valid_until": typed.get("valid_until", "").strip(),
        "clinic_hours": hours,
        "party": [*parties, hospital],
        "task": tasks,
    }, errors


def _party(key: str, organisation: Organisation, typed: Mapping[str, str], name: str) -> dict[str, Any]:
    night = typed.get(f"{name}_night", "").strip()
    return {
        "key": key,
        "name": organisation.name,
        "number": typed.get(f"{name}_number", "").strip(),
        "organisation": str(organisation.pk),
        "sites": sorted(Site.objects.filter(organisation=organisation).values_list("code", flat=True)),
        **({"after_hours_number": night} if night else {}),
    }


def task_fields(typed: Mapping[str, str], errors: Mapping[str, str], *, pair: bool) -> list[dict[str, str]]:
    """One field for each task of the matrix."""
    return [
        {
            "name": f"task-{task.id}",
            "label": task.name,
            "value": typed.get(f"task-{task.id}", ""),
            "error": errors.get(f"task-{task.id}", ""),
        }
        for task in template(PAIR if pair else ALONE).task
    ]


def open_for(version: Version, person: User, mine: Sequence[Any]) -> bool:
    """Whether this person could sign now for one of the parties."""
    signed = any(mark.by_id == person.pk for mark in version.signatures)
    return not signed and any(party in mine for party in version.unsigned)
