"""Was everybody called back who asked for it, and within the time that was promised?

Whoever has the patient (an emergency department, a hospitalist, a nurse there) asks to be called back, and is promised a time. The page
goes out at once. Only a call that reached somebody settles it: "I have it" does not, nor does a call that nobody answered. A promise that
was not kept is an incident with an owner; its own pages go out beside the first ones, and begin anew until somebody has called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from handrail.rules.answer import Finding, PageWanted, Task
from handrail.rules.call_back_events import who_words
from handrail.rules.events import Event
from handrail.rules.history import History
from handrail.rules.paging import Step
from handrail.rules.policy import Policy, load_policy
from handrail.rules.policy_call_back import CallBackPolicy
from handrail.rules.terms import say_instant

RULE: Final = "call_back"
KEY: Final = "call_back"
"""How the key of such a page begins; the ask follows."""
LATE: Final = "late"
"""What follows the ask in the key of a page about a broken promise."""
CALLER: Final = "on_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One wish to be called back. `due`: what was promised; `tries`: the calls, oldest first; `made`: the first that reached somebody.

    `latest`: the last word on it, with the number to call.
    """

    id: str
    at: datetime
    due: datetime
    who: str | None
    through: str | None
    latest: Event
    tries: tuple[Event, ...]
    made: Event | None

    @property
    def words(self) -> str:
        """Who asked."""
        return who_words(self.who)

    def late(self, now: datetime) -> bool:
        """Whether the promise is broken by `now`: the call came after it, or none has yet and the time is over."""
        return self.made.at > self.due if self.made is not None else now >= self.due


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBackAnswer:
    """What is to be done for those who asked, and the instants at which time alone changes it."""

    findings: tuple[Finding, ...] = ()
    tasks: tuple[Task, ...] = ()
    pages: tuple[PageWanted, ...] = ()
    changes_at: tuple[datetime, ...] = ()


def call_back_rules(policy: Policy) -> CallBackPolicy:
    """What those who ask for a call back are promised: nobody waits without a promise because a policy is older than these rules."""
    found = policy.call_back or load_policy().call_back
    assert found is not None
    return found


def key_of(ask: str) -> str:
    """The key of the page that goes out with an ask."""
    return f"{KEY}:{ask}"


def ask_of(key: str) -> str | None:
    """The ask that the key of a page is about; None for a page about something else."""
    return key.split(":")[1] if key.startswith(f"{KEY}:") else None


def steps_of(key: str, policy: Policy) -> tuple[Step, ...] | None:
    """The steps of such a page; None for a page about something else, which climbs its ladder."""
    if ask_of(key) is None:
        return None
    rules = call_back_rules(policy)
    return rules.late_steps if key.split(":")[2:3] == [LATE] else rules.steps


def asks(history: History, rules: CallBackPolicy) -> tuple[Ask, ...]:
    """Every wish to be called back, the oldest first. One without an id of its own is known by that of its fact: no call settles it."""
    said: dict[str, list[Event]] = {}
    for event in history.of("call_back_asked"):
        said.setdefault(event.body.ask or event.id, []).append(event)
    calls: dict[str, list[Event]] = {}
    for event in history.of("call_back_made"):
        if event.body.ask:
            calls.setdefault(event.body.ask, []).append(event)
    return tuple(_ask(name, events, calls.get(name, ()), rules) for name, events in said.items())


def _ask(name: str, said: Sequence[Event], calls: Sequence[Event], rules: CallBackPolicy) -> Ask:
    first, latest = said[0], said[-1]
    promised = [event.body.promised_by for event in said if event.body.promised_by is not None]
    tries = tuple(event for event in calls if event.at >= first.at)
    return Ask(
        id=name,
        at=first.at,
        due=max(first.at, min([first.at + rules.promise, *promised])),
        who=latest.body.who,
        through=latest.body.through,
        latest=latest,
        tries=tries,
        made=next((event for event in tries if event.body.reached is True), None),
    )


def call_backs(history: History, policy: Policy, now: datetime) -> CallBackAnswer:
    """The calls that are owed at `now`. Neither the end of the course nor the patient's death ends one: somebody waits at a phone."""
    rules = call_back_rules(policy)
    owed = [ask for ask in asks(history, rules) if ask.made is None]
    if not owed:
        return CallBackAnswer()
    zone, source = history.course.time_zone, policy.source(rules.source, "call_back")
    return CallBackAnswer(
        findings=tuple(
            Finding(
                rule=RULE,
                what=_what(ask, now, zone),
                urgency=rules.ladder.urgency,
                owner=rules.late_owner if now >= ask.due else CALLER,
                because=f"asked {say_instant(ask.at, zone)}; {_tried(ask, zone)}only a call that reached somebody ends it",
                source=source,
            )
            for ask in owed
        ),
        tasks=tuple(Task(who=CALLER, what=f"call back {ask.words}", by=ask.due) for ask in owed),
        pages=tuple(page for ask in owed for page in _pages(ask, rules, now, zone)),
        changes_at=tuple(at for ask in owed for at in _changes(ask, rules, now)),
    )


def _what(ask: Ask, now: datetime, zone: str) -> str:
    due = say_instant(ask.due, zone)
    if now < ask.due:
        return f"{_first(ask.words)} is promised a call back by {due}"
    return f"{_first(ask.words)} was promised a call back by {due}, and nobody has called back: an incident"


def _first(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}"


def _tried(ask: Ask, zone: str) -> str:
    return f"a call {say_instant(ask.tries[-1].at, zone)} reached nobody; " if ask.tries else ""


def _pages(ask: Ask, rules: CallBackPolicy, now: datetime, zone: str) -> list[PageWanted]:
    """The page of the ask; once the promise is broken, that of the incident, and the latest of its rounds."""
    due = say_instant(ask.due, zone)

    def page(key: str, what: str, because: str, since: datetime) -> PageWanted:
        return PageWanted(
            key=key, urgency=rules.ladder.urgency, ladder=rules.ladder, what=what, because=because, since=since
        )

    asked = f"call the number that is shown here; promised by {due}"
    found = [page(key_of(ask.id), f"{ask.words} asks to be called back", asked, ask.at)]
    if now < ask.due:
        return found
    late = f"promised by {due}; only a call that reached somebody ends this page"
    what, key = f"{ask.words} was NOT called back in time", f"{key_of(ask.id)}:{LATE}"
    found.append(page(key, what, late, ask.due))
    rounds = (now - ask.due) // rules.again
    if rounds:
        found.append(page(f"{key}:{rounds}", what, late, ask.due + rounds * rules.again))
    return found


def _changes(ask: Ask, rules: CallBackPolicy, now: datetime) -> list[datetime]:
    if now < ask.due:
        return [ask.due]
    return [ask.due + ((now - ask.due) // rules.again + 1) * rules.again]
