"""Two lines of the readiness gate: the authorisation of the bispecific antibody (6), and tocilizumab before the dose and for rescue (7).

Neither line is asked when a reaction is treated: rescue tocilizumab is given from the shelf, and asked for afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from handrail.rules.access import ANY, COORDINATOR, PRESCRIBER, Entry, Request, Setting, Standing, State
from handrail.rules.access_data import TOCILIZUMAB, AccessRules
from handrail.rules.caredata import Care, tocilizumab
from handrail.rules.evidence import Evidence, all_met
from handrail.rules.terms import civil_date, day_start, say_date, step_words

RESCUE_NEVER_WAITS: Final = (
    "Rescue tocilizumab for a reaction never waits for a payer: give what is on the shelf, and ask afterwards."
)
PHARMACIST: Final = "pharmacist"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """For which dose the gate asks. None: not known.

    `site` is the id of the site, `setting` where the dose is planned, `code` the billing code of that day.
    """

    on: date
    zone: str
    step: str | None = None
    site: str | None = None
    setting: Setting | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """Rescue doses that were counted at the site: how many, on which day. None: not known."""

    doses: int | None = None
    counted_on: date | None = None


def gate_evidence_bispecific(
    requests: Sequence[tuple[Request, Standing]], asked: Asked, rules: AccessRules
) -> Evidence:
    """Line 6: an authorisation of the bispecific antibody valid for date, site and code, or a decision to go on without.

    Args:
        requests: every request of the course for that drug.
        rules: for the options that go on without the payer's word.
    """
    return _authorised(requests, asked, rules, "the bispecific antibody")


def gate_evidence_tocilizumab(
    requests: Sequence[tuple[Request, Standing]], asked: Asked, stock: Stock, rules: AccessRules, care: Care | None = None
) -> Evidence:  # fmt: skip
    """Line 7: tocilizumab before the dose authorised, or the decision to go on without it recorded; and rescue doses in stock.

    Args:
        requests: every request of the course for tocilizumab.
    """
    data = care or tocilizumab()
    return all_met([_prophylaxis(requests, asked, rules, data), rescue_evidence(stock, asked, rules, data)])


def _prophylaxis(
    requests: Sequence[tuple[Request, Standing]], asked: Asked, rules: AccessRules, care: Care
) -> Evidence:
    before = {row.before_step for row in care.prophylaxis}
    if asked.step is not None and asked.step not in before:
        because = f"tocilizumab before {step_words(asked.step)} is not part of any of the ways of giving it"
        return Evidence(met=True, because=because, owner=PHARMACIST)
    return _authorised(requests, asked, rules, "tocilizumab before the dose")


def rescue_evidence(stock: Stock, asked: Asked, rules: AccessRules, care: Care | None = None) -> Evidence:
    """Whether rescue doses of tocilizumab lie ready at the site for the dose, by the latest count."""
    need = max((row.doses_per_patient for row in (care or tocilizumab()).stock), default=None)
    if stock.doses is None or stock.counted_on is None or need is None:
        return Evidence(
            met=None,
            because="how many rescue doses of tocilizumab lie ready is not known",
            owner=PHARMACIST,
            next_step="count the rescue doses at the site and write them down",
        )
    last = stock.counted_on + timedelta(days=rules.clocks.stock_count_holds_days)
    counted = f"{stock.doses} rescue doses counted on {say_date(stock.counted_on)}"
    if asked.on < stock.counted_on or last < asked.on:
        because = f"{counted}: that count is not one for {say_date(asked.on)}"
        return Evidence(met=None, because=because, owner=PHARMACIST, next_step="count the rescue doses again")
    if stock.doses < need:
        because = f"{counted}, {need} are to lie ready for each patient"
        return Evidence(met=False, because=because, owner=PHARMACIST, next_step="get rescue doses to the site")
    return Evidence(met=True, because=counted, owner=PHARMACIST, until=_day_after(last, asked.zone))


def _authorised(requests: Sequence[tuple[Request, Standing]], asked: Asked, rules: AccessRules, what: str) -> Evidence:
    """The best of several requests: one that covers the dose is enough; else one of which something is not known; else the first."""
    if not requests:
        because = f"no request for {what} is written down"
        next_step = "open a request, or write down that the payer asks for none"
        return Evidence(met=None, because=because, owner=COORDINATOR, next_step=next_step)
    found = [_of_request(request, standing, asked, rules, what) for request, standing in requests]
    for met in (True, None, False):
        for each in found:
            if each.met is met:
                return each
    raise AssertionError("every answer is one of three")


def _of_request(request: Request, standing: Standing, asked: Asked, rules: AccessRules, what: str) -> Evidence:
    gone_on = _gone_on(standing, asked, rules, what)
    if gone_on is not None:
        return gone_on
    answer = standing.answer
    if answer is None or standing.state not in (State.APPROVED, State.NOT_REQUIRED):
        owner = standing.clock.owner if standing.clock else COORDINATOR
        next_step = standing.clock.what if standing.clock else "open a new request"
        because = f"{what}, {request.payer}: {standing.words}"
        return Evidence(met=False, because=because, owner=owner, next_step=next_step)
    number = f" {answer.number}" if answer.number else ""
    name = f"{what}, {request.payer}: {standing.words}{number}"
    differs = [*_other_day(answer, asked), *(_other_dose(request, answer, asked) if _approved(standing) else ())]
    if differs:
        next_step = "ask the payer to change it, or for a new one"
        return Evidence(met=False, because=f"{name}, but {'; '.join(differs)}", owner=COORDINATOR, next_step=next_step)
    lacks = _lacks(request, answer, asked, approved=_approved(standing))
    if lacks or answer.valid_until is None:
        next_step = "read the payer's letter and the plan, and write it down"
        return Evidence(
            met=None, because=f"{name}, but not known: {', '.join(lacks)}", owner=COORDINATOR, next_step=next_step
        )
    return Evidence(
        met=True,
        because=f"{name}, until {say_date(answer.valid_until)}",
        owner=COORDINATOR,
        evidence=answer.number or answer.reason or None,
        until=_day_after(answer.valid_until, asked.zone),
    )


def _approved(standing: Standing) -> bool:
    return standing.state is State.APPROVED


def _gone_on(standing: Standing, asked: Asked, rules: AccessRules, what: str) -> Evidence | None:
    """A recorded decision to go on without the payer's word: with a reason, and the last day for which it was taken."""
    last = standing.choices[-1] if standing.choices else None
    option = rules.option_of(last.option) if last is not None else None
    if last is None or option is None or not option.proceeds or not last.reason or standing.state is State.WITHDRAWN:
        return None
    if last.valid_until is None or last.valid_until < asked.on:
        return None
    return Evidence(
        met=True,
        because=f"{what}: decided on {say_date(civil_date(last.at, asked.zone))}: {option.words} ({last.reason})",
        owner=PRESCRIBER,
        evidence="the decision, with its reason",
        until=_day_after(last.valid_until, asked.zone),
    )


def _other_day(answer: Entry, asked: Asked) -> Iterator[str]:
    if answer.valid_from is not None and asked.on < answer.valid_from:
        yield f"it begins on {say_date(answer.valid_from)}"
    if answer.valid_until is not None and answer.valid_until < asked.on:
        yield f"it ended on {say_date(answer.valid_until)}"


def _other_dose(request: Request, answer: Entry, asked: Asked) -> Iterator[str]:
    if answer.site not in (None, ANY) and asked.site is not None and answer.site != asked.site:
        yield "it is for another site"
    if request.drug != TOCILIZUMAB and None not in (answer.code, asked.code) and answer.code != asked.code:
        yield f"it is for the code {answer.code}, the code of that day is {asked.code}"
    if answer.setting not in (None, ANY) and asked.setting is not None and answer.setting != asked.setting:
        yield f"it is for {answer.setting}, the dose is planned {asked.setting}"


def _lacks(request: Request, answer: Entry, asked: Asked, *, approved: bool) -> list[str]:
    """What has to be known before it counts for this dose."""
    found: dict[str, object] = {"its first day": answer.valid_from, "its last day": answer.valid_until}
    if approved:
        found |= {"for which site it is": answer.site, "for which setting it is": answer.setting}
        if answer.site != ANY:
            found["the site of the dose"] = asked.site
        if answer.setting != ANY:
            found["where the dose is planned"] = asked.setting
        if request.drug != TOCILIZUMAB:
            found |= {"its code": answer.code, "the code of that day": asked.code}
    return [words for words, value in found.items() if value is None]


def covers_dose(request: Request, answer: Entry, asked: Asked, *, approved: bool) -> bool | None:
    """Whether a payer's yes is for the day, the site and the code of a dose, wherever it is given; None: not known."""
    anywhere = replace(answer, setting=ANY)
    if any((*_other_day(anywhere, asked), *(_other_dose(request, anywhere, asked) if approved else ()))):
        return False
    return None if _lacks(request, anywhere, asked, approved=approved) else True


def _day_after(day: date, zone: str) -> datetime:
    return day_start(day + timedelta(days=1), zone)
