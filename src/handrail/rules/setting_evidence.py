"""What the setting of a dose says to the readiness gate: consent and a decision in date (line 17), caregiver (10), the way (11).

A decision is read against what is known now: one that the rules would not recommend any more is not known to stand, and is made anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, get_args

from handrail.rules.doses import given_doses
from handrail.rules.events import Event
from handrail.rules.evidence import Evidence, all_met
from handrail.rules.history import History
from handrail.rules.policy import Policy
from handrail.rules.protocol import Protocol
from handrail.rules.setting import Setting, place_of, setting
from handrail.rules.setting_case import FACT_WORDS, Case, Said, any_of
from handrail.rules.setting_checks import CHECKS
from handrail.rules.setting_course import Around, setting_facts_of_course
from handrail.rules.setting_desks import Against, against_desks
from handrail.rules.setting_record import DoseWanted
from handrail.rules.setting_rules import Recommendation, RuleRow, SettingRules, asked_of_caregivers
from handrail.rules.terms import STEP_WORDS, say_date, say_instant

OPENNESS: Final = {"DEFER": 0, "INPATIENT": 1, "HYBRID": 2, "OUTPATIENT": 3}
"""How far from hospital each decision is."""
DECIDE: Final = "the prescriber decides the setting of this dose"
STRICT: Final = "strict"
"""The check of the rule by which a site follows the label strictly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingLook:
    """The setting of one dose of a course: what was asked, what is known, what the rules say, and what a person decided.

    A record that contradicts a desk says so in `against`.
    """

    dose: DoseWanted
    case: Case
    answer: Setting
    decision: Event | None
    against: tuple[Against, ...] = ()
    """Where the record of the course says otherwise than a desk of the programme, whose word counts."""
    desks: frozenset[str] = frozenset()
    """The facts that a desk answers, known or not: a word in the record does not stand in for them."""
    strictness_words: str = ""
    """What the site's director signed about following the label; empty: nothing."""
    disputed: bool = False
    """Corrections stand side by side, and not all ways to read them hold one and the same decision: none is in force."""

    @property
    def strict(self) -> bool:
        """Whether the label asks for hospital after this dose at a site that follows it strictly: then no signature lets it leave."""
        fired = {line.rule for line in self.answer.lines if line.state == "fires"}
        return any(row.id in fired for row in self.case.rules.rule if row.check == STRICT)

    @property
    def strict_unsaid(self) -> tuple[str, ...]:
        """At a site that follows the label strictly: the facts, in words, without which nobody can say that it lets this dose go."""
        if self.case.facts.site.follows_label_strictly is not True or self.case.label_asks_stay is not None:
            return ()
        return tuple(FACT_WORDS[fact] for fact in self.case.stay_lacks)

    @property
    def offered(self) -> tuple[str, ...]:
        """What a prescriber may decide for this dose; where the site follows the label strictly, nothing that leaves hospital.

        Unless the label surely asks for none: what is not known is no leave to go home.
        """
        kept = self.strict or bool(self.strict_unsaid)
        return tuple(
            each
            for each in get_args(Recommendation)
            if not kept or place_of(self.case, each, self.dose.step) == "inpatient"
        )

    @property
    def in_force(self) -> bool:
        """Whether a decision for this very dose stands by its own date."""
        return self.ends is not None and self.case.now < self.ends

    @property
    def ends(self) -> datetime | None:
        """When the decision ends: as it says itself, and never later than the rules let one stand. None: no such instant is known."""
        said: datetime | None = self.decision.body.valid_until if self.decision is not None else None
        if self.decision is None or said is None:
            return None
        return min(said, self.decision.at + timedelta(hours=self.case.rules.valid.hours))

    @property
    def at_home(self) -> bool:
        """Whether the patient may be watched at home after this dose: unless hospital is decided and in date."""
        decided = self.decision.body.recommendation if self.decision is not None and self.in_force else None
        return decided is None or decided == "DEFER" or place_of(self.case, decided, self.dose.step) == "outpatient"


def look_at_setting(
    history: History,
    protocol: Protocol,
    policy: Policy,
    rules: SettingRules,
    dose: DoseWanted,
    now: datetime,
    around: Around | None = None,
) -> SettingLook:
    """The setting of a dose, from the record of its course; of rival corrections the reading that is furthest from leaving hospital.

    A caregiver is asked for as long as the policy of the course says, or that of its organisation, whichever is longer.

    Raises:
        UnusableInput: the day of the dose is over, or what is known contradicts itself.
    """
    in_force = around.caregiver_until_day if around is not None else None
    rules = asked_of_caregivers(rules, policy.watch.caregiver_until_day or rules.caregiver.until_day, in_force)
    readings = history.ways()
    looks = [_look(each, protocol, policy, rules, dose, now, around) for each in readings]
    found = min(looks, key=_caution)
    if len({(each.decision and each.decision.body.recommendation, each.ends) for each in looks}) > 1:
        return replace(found, decision=None, disputed=True)
    return found


def label_asks_stay(
    history: History, protocol: Protocol, policy: Policy, rules: SettingRules, dose: DoseWanted, now: datetime
) -> Said:
    """Whether the label wants hospital after a dose, by its step or because of a reaction; where nobody can say, what is missing.

    Of rival corrections the reading that asks for it counts, then the one that cannot say.
    """
    readings = history.ways()
    cases = [
        Case(
            facts=setting_facts_of_course(each, protocol, policy, rules, dose, now),
            rules=rules,
            label=protocol,
            now=now,
        )
        for each in readings
    ]
    return any_of(Said(fires=case.label_asks_stay, missing=case.stay_lacks) for case in cases)


def _caution(look: SettingLook) -> tuple[int, int]:
    """The less, the more cautious: a deferral, hospital, nothing recommended, then whatever leaves hospital; then what is clear."""
    clear = sum(line.state == "clear" for line in look.answer.lines)
    return ("DEFER", "INPATIENT", None, "HYBRID", "OUTPATIENT").index(look.answer.recommendation), clear


def _look(
    history: History,
    protocol: Protocol,
    policy: Policy,
    rules: SettingRules,
    dose: DoseWanted,
    now: datetime,
    around: Around | None,
) -> SettingLook:
    facts = setting_facts_of_course(history, protocol, policy, rules, dose, now, around)
    answer = setting(facts, rules, protocol, now)
    case = Case(facts=facts, rules=rules, label=protocol, now=now)
    alone = facts if around is None else setting_facts_of_course(history, protocol, policy, rules, dose, now)
    return SettingLook(
        dose=dose,
        case=case,
        answer=answer,
        decision=_decision(history.until(now), dose),
        against=against_desks(facts, alone),
        desks=around.answered if around is not None else frozenset(),
        strictness_words=around.strictness_words if around is not None else "",
    )


def _decision(history: History, dose: DoseWanted) -> Event | None:
    """The latest decision for this dose: made for its step and its day, and after the dose before it.

    None also where a later one may be for this dose, because its step or its day is not known: it may say something else.
    """
    given = given_doses(history)
    last_at = max((each.at or each.event.at for each in given), default=None)
    for event in reversed(history.of("setting_decided")):
        if last_at is not None and event.at <= last_at:
            return None
        if event.body.step in (None, dose.step) and event.body.on in (None, dose.on):
            return event if None not in (event.body.step, event.body.on) else None
    return None


def setting_evidence(look: SettingLook) -> Evidence:
    """Line 17: the patient has consented, and a setting is decided for this dose, in date, and not more open than the rules allow."""
    return all_met([_consent(look), _decided(look)])


def _consent(look: SettingLook) -> Evidence:
    consent = look.case.facts.consent
    words = {True: "the patient has consented", False: "the patient has not consented"}
    return Evidence(
        met=consent,
        because="consent: not known" if consent is None else words[consent],
        owner="prescriber",
        next_step=None if consent else "obtain and record the patient's consent",
        evidence="consent recorded in the course" if consent else None,
    )


def _decided(look: SettingLook) -> Evidence:
    dose = f"{STEP_WORDS[look.dose.step]} on {say_date(look.dose.on)}"
    event = look.decision
    if look.disputed:
        return _open(None, f"corrections stand side by side, and not all of them hold the same decision for {dose}")
    if event is None:
        return _open(None, f"no setting is decided for {dose}")
    body = event.body
    said = f"{(body.recommendation or 'not known').lower()} decided for {dose}"
    if look.ends is None or body.recommendation is None:
        return _open(None, f"{said}: what, or until when, is not known")
    until = say_instant(look.ends, look.dose.zone)
    if not look.in_force:
        return _open(None, f"{said}; that ended {until}")
    if body.recommendation == "DEFER":
        return _open(False, said)
    now_said = look.answer.recommendation
    if now_said == "DEFER" or (
        body.recommendation != "INPATIENT" and (now_said is None or OPENNESS[now_said] < OPENNESS[body.recommendation])
    ):
        now_words = now_said.lower() if now_said is not None else "nothing: something is missing or not signed"
        return _open(None, f"{said}; as things are known now the rules recommend {now_words}{_whys(look.answer)}")
    return Evidence(
        met=True,
        because=f"{said}, until {until}",
        owner="prescriber",
        evidence=f"setting decided {say_instant(event.at, look.dose.zone)}",
        until=look.ends,
    )


def _whys(answer: Setting) -> str:
    """The rules that speak against it and the facts that are missing, so that who signs under it signs these and no others."""
    fired = [line.rule for line in answer.lines if line.state == "fires"]
    missing = [FACT_WORDS.get(item.fact, item.fact) for item in answer.missing]
    told = [*([f"rules {', '.join(fired)}"] if fired else []), *([f"missing {', '.join(missing)}"] if missing else [])]
    return f" ({'; '.join(told)})" if told else ""


def _open(met: bool | None, because: str) -> Evidence:
    return Evidence(met=met, because=because, owner="prescriber", next_step=DECIDE)


def caregiver_evidence(look: SettingLook) -> Evidence:
    """Line 10: somebody is with the patient at every hour of the watched span; not asked of a dose that is given in hospital."""
    return _of_check(
        look, "caregiver", "a caregiver is rostered at every hour of the watched span", "roster of caregivers"
    )


def travel_evidence(look: SettingLook) -> Evidence:
    """Line 11: the worst way of the season is within the limit, or lodging is; not asked of a dose that is given in hospital."""
    limit = look.case.rules.travel.limit_minutes
    words = f"the worst way of the months and the weather of the span is within {limit} min"
    return _of_check(look, "travel", words, "way to the hospital, as noted")


def _of_check(look: SettingLook, check: str, met_words: str, evidence: str) -> Evidence:
    row = next(rule for rule in look.case.rules.rule if rule.check == check)
    if not look.at_home:
        because = "this dose is given and watched in hospital: not asked"
        return Evidence(met=True, because=because, owner=row.owner, until=look.ends)
    test: Callable[[Case], Said] = CHECKS[check]
    said = test(look.case)
    if said.fires is False:
        return Evidence(met=True, because=met_words, owner=row.owner, evidence=evidence)
    because = said.because if said.fires else f"not known: {', '.join(FACT_WORDS[fact] for fact in said.missing)}"
    return Evidence(met=False if said.fires else None, because=because, owner=row.owner, next_step=_next_step(row))


def _next_step(row: RuleRow) -> str:
    return row.offer or f"find out and record: {row.words}"
