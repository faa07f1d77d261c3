"""A thousand synthetic courses handed off while messages are lost, receivers are away and practices are closed on holidays.

    python -m tests.drills.handing_over --courses 1000 --seed 7

The real rules are asked at every fact and at every instant that they name themselves (`look_again_at`), as a watcher asks them, and at no other.
Two people act: a sender, who does something only when a fact or a page tells them, and a receiver, who may be away. What must hold is judged
against a ledger and working hours counted here, one by one, and not against the rules: nobody's hand-off waits past its clock without a page, and at
every hour exactly one party answers. How many passed the give-by day and the day of a restart is reported with the cause.
"""

from __future__ import annotations

import argparse
import heapq
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from handrail.rules.answer import Assessment
from handrail.rules.answering import responsible_at, standing_of, who_answers
from handrail.rules.assess import assess
from handrail.rules.policy import load_policy
from handrail.rules.protocol import load
from tests.support.agreements import CLINIC, HUB, context, document
from tests.support.courses import CHICAGO, Told, well
from tests.support.handoffs import KNOWN

ZONE = ZoneInfo(CHICAGO)
LOST = 0.2
"""Of messages, phone calls to a practice and pages to a person."""
AWAY = 0.25
"""Of receivers: away for one to twenty days, and nobody reads for them unless somebody is phoned who does."""
AWAY_LONG = 0.04
"""Of receivers: away for up to two months."""
HOLIDAYS = 8
"""Days of a year on which the practices are closed, weekends not counted."""
TASKS = ("maintenance_doses", "after_hours_contact", "emergency_until_ed")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
UNREAD_HOURS, UNACCEPTED_HOURS, BEFORE_GIVE_BY = 18, 27, timedelta(hours=72)
"""Working hours after which somebody must have been paged, and how long before work begins on the give-by day."""
DAYS = 70
"""So long is each course followed."""


def local(day: date, hour: float) -> datetime:
    """A civil time where the practices are."""
    minutes = round(hour * 60)
    return datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=ZONE).astimezone(UTC)


def working_after(at: datetime, hours: int) -> datetime:
    """So many hours of Monday to Friday, 8 to 17, after an instant: counted minute by minute, day by day."""
    left, day = hours * 60, at.astimezone(ZONE).date()
    while True:
        if day.weekday() < 5:
            begins, ends = max(local(day, 8), at), local(day, 17)
            here = max(0, round((ends - begins).total_seconds() / 60))
            if here >= left:
                return begins + left * MINUTE
            left -= here
        day += timedelta(days=1)


@dataclass(slots=True)
class Figures:
    """What a run did."""

    courses: int = 0
    offers: int = 0
    looks: int = 0
    hours: int = 0
    lost: int = 0
    declined: int = 0
    accepted: int = 0
    escalated: int = 0
    silent: list[str] = field(default_factory=list)
    """Hand-offs that waited past a clock, and no page was wanted by then."""
    not_one: list[str] = field(default_factory=list)
    """Hours at which the rules said another party than the ledger, or none."""
    unaccepted: int = 0
    past_give_by: Counter[str] = field(default_factory=Counter)
    past_restart: Counter[str] = field(default_factory=Counter)

    @property
    def good(self) -> bool:
        """Every promise was kept."""
        return not self.silent and not self.not_one

    def __str__(self) -> str:
        causes = "; ".join(f"{count} {cause}" for cause, count in self.past_restart.most_common()) or "none"
        late = "; ".join(f"{count} {cause}" for cause, count in self.past_give_by.most_common()) or "none"
        lines = [
            f"{self.courses} courses, {self.offers} offers, {self.accepted} accepted, {self.declined} declined",
            f"{self.unaccepted} never accepted, {self.lost} messages, calls and pages lost, {self.looks} looks",
            f"hand-offs that paged whoever answered: {self.escalated}; past a clock without a page: {len(self.silent)}",
            f"hours judged: {self.hours}; without exactly one accountable party: {len(self.not_one)}",
            f"first dose after the give-by day: {sum(self.past_give_by.values())} ({late})",
            f"first dose after restart-if-after: {sum(self.past_restart.values())} ({causes})",
            *([] if self.good else ["A PROMISE WAS BROKEN", *self.silent[:5], *self.not_one[:5]]),
        ]
        return "\n".join(lines)


@dataclass(slots=True)
class Practice:
    """The receiving side: closed on weekends and holidays, and its receiver may be away."""

    dice: random.Random
    away_from: datetime
    away_until: datetime
    holidays: frozenset[date]

    def open_at(self, at: datetime) -> bool:
        """Somebody is there."""
        here = at.astimezone(ZONE)
        return here.weekday() < 5 and here.date() not in self.holidays and 8 <= here.hour < 17

    def next_open(self, at: datetime, hours: float) -> datetime:
        """When a receiver who is back and at work gets to it, so many hours later."""
        while not self.open_at(at) or self.away_from <= at < self.away_until:
            at += HOUR
        then = at + hours * HOUR
        return then if self.open_at(then) else self.next_open(then, 0)


@dataclass(slots=True)
class Handing:
    """One course being handed off."""

    number: int
    dice: random.Random
    figures: Figures
    told: Told = field(init=False)
    practice: Practice = field(init=False)
    queue: list[tuple[datetime, int, Callable[[datetime], None]]] = field(default_factory=list)
    given: datetime = field(init=False)
    offer: str = ""
    offered_at: datetime | None = None
    read: bool = False
    accepted_at: datetime | None = None
    begins: datetime | None = None
    dosed: bool = False
    paged: dict[str, datetime] = field(default_factory=dict)
    ledger: list[tuple[datetime, str]] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)
    first_clock: tuple[date, date | None] | None = None
    tickets: int = 0

    def __post_init__(self) -> None:
        monday = date(2026, 1, 5) + timedelta(weeks=self.dice.randrange(52))
        self.told = Told(schedule="weekly")
        for step, day in (("step_up_1", 0), ("step_up_2", 3), ("first_treatment", 7)):
            at = local(monday + timedelta(days=day), 9)
            well(self.told, (at - HOUR).isoformat())
            self.told.dose(step, at.isoformat())
            self.given = at
        well(self.told, (self.given + 47 * HOUR).isoformat())
        if self.dice.random() < 0.7:
            self.told.tell("lab_resulted", (self.given + 47 * HOUR).isoformat(), code="anc", value="2.1", unit="10*9/L")
        start = self.given + timedelta(days=self.dice.randint(2, 12), hours=self.dice.randint(0, 9))
        chance = self.dice.random()
        longest = 60 if chance < AWAY_LONG else 20 if chance < AWAY_LONG + AWAY else 0
        long = timedelta(days=self.dice.randint(min(1, longest), longest))
        year = [monday + timedelta(days=each) for each in range(120)]
        closed = frozenset(self.dice.sample(year, HOLIDAYS * 120 // 365 + self.dice.randint(0, 2)))
        self.practice = Practice(self.dice, start, start + long, closed)
        self.at(start, self.offers)

    # --- the two people -----------------------------------------------------------------------------------------------

    def at(self, when: datetime, do: Callable[[datetime], None]) -> None:
        self.tickets += 1
        heapq.heappush(self.queue, (when, self.tickets, do))

    def arrives(self, cause: str) -> bool:
        """Whether a message, a call or a page arrives; what is lost is a cause of a delay."""
        if self.dice.random() >= LOST:
            return True
        self.figures.lost += 1
        self.causes[cause] += 1
        return False

    def tell(self, kind: str, at: datetime, **fields: Any) -> str:
        return self.told.tell(kind, at.isoformat(), handoff=self.offer, **fields)

    def offers(self, at: datetime) -> None:
        fields = {**KNOWN, "second_product_planned": None} if self.dice.random() < 0.2 else KNOWN
        self.offer = self.told.tell("handoff_offered", at.isoformat(), from_party=HUB, to_party=CLINIC, **fields)
        self.offered_at, self.read, self.paged = at, False, {}
        self.figures.offers += 1
        self.sends(at)

    def sends(self, at: datetime) -> None:
        """A message to the practice: delivered by a machine, and then it waits for a person."""
        if not self.arrives("message lost"):
            return
        self.tell("handoff_delivered", at + MINUTE, channel="link")
        then = self.practice.next_open(at + 2 * MINUTE, self.dice.random() * 8)
        if then >= self.practice.away_until > self.practice.away_from and at < self.practice.away_until:
            self.causes["receiver away"] += 1
        self.at(then, self.reads)

    def reads(self, at: datetime) -> None:
        if self.offered_at is None or self.accepted_at is not None or self.read:
            return
        self.read = True
        self.tell("handoff_read", at, reader="a-reader", reader_role="nurse", how="link")
        if self.dice.random() < 0.2 and self.arrives("question lost"):
            asked = self.tell("handoff_asked", at + MINUTE, question="Which premedication?")
            self.at(at + self.dice.randint(1, 30) * HOUR, lambda then: self.answers(then, asked))
            self.causes["a question"] += 1
            return
        self.at(self.practice.next_open(at, self.dice.random() * 20), self.decides)

    def answers(self, at: datetime, asked: str) -> None:
        self.tell("handoff_answered", at, asked=asked, answer="None is needed.")
        self.at(self.practice.next_open(at, self.dice.random() * 8), self.decides)

    def decides(self, at: datetime) -> None:
        if self.offered_at is None or self.accepted_at is not None:
            return
        if self.dice.random() < 0.05:
            self.tell("handoff_ended", at, how="declined", because="no chair")
            self.offered_at = None
            self.figures.declined += 1
            self.causes["declined at first"] += 1
            self.at(at + self.dice.randint(2, 48) * HOUR, self.offers)
            return
        begins = (
            at
            if self.dice.random() < 0.5
            else local(at.astimezone(ZONE).date() + timedelta(days=self.dice.randint(1, 3)), 0)
        )
        self.tell(
            "accountability_moved", at, from_party=HUB, to_party=CLINIC, accepted_by="b", from_at=begins.isoformat()
        )
        self.accepted_at, self.begins = at, begins
        self.ledger.append((begins, CLINIC))
        self.figures.accepted += 1
        self.at(self.practice.next_open(begins, self.dice.randint(1, 60)), self.doses)

    def doses(self, at: datetime) -> None:
        due = local((self.given.astimezone(ZONE).date() + timedelta(days=7)), 9)
        if at < due:
            self.at(self.practice.next_open(due, self.dice.randint(0, 20)), self.doses)
            return
        self.told.dose("treatment", at.isoformat())
        self.dosed = True
        self.counts(at)

    def paged_now(self, at: datetime) -> None:
        """Somebody who answers was paged: they phone the practice, and again the next day until a person there has it."""
        if self.accepted_at is not None or self.offered_at is None:
            return
        reached = self.practice.open_at(at) and self.arrives("call unanswered")
        if reached and (not self.practice.away_from <= at < self.practice.away_until or self.dice.random() < 0.5):
            if not self.read:
                self.reads(at)
            else:
                self.at(self.practice.next_open(at, self.dice.random() * 4), self.decides)
            return
        self.sends(at)
        self.at(at + self.dice.randint(4, 24) * HOUR, self.paged_now)

    def counts(self, at: datetime) -> None:
        """The day on which the first dose was given, by the days that stood when the patient was first offered."""
        if self.first_clock is None:
            return
        day, (give_by, restart) = at.astimezone(ZONE).date(), self.first_clock
        cause = max(self.causes, key=lambda each: (self.causes[each], each)) if self.causes else "a late offer"
        if restart is not None and day > restart:
            self.figures.past_restart[cause] += 1
        elif day > give_by:
            self.figures.past_give_by[cause] += 1

    # --- the watcher ----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Play it: at each fact, and at each instant that the rules named, they are asked again."""
        end, look_at = self.given + timedelta(days=DAYS), None
        policy, protocol = load_policy(), load(self.told.key)
        known = context(agreement=document(zone=CHICAGO))
        while self.queue or look_at is not None:
            first = self.queue[0][0] if self.queue else None
            now = min(each for each in (first, look_at) if each is not None)
            if now > end:
                break
            while self.queue and self.queue[0][0] <= now:
                _, _, do = heapq.heappop(self.queue)
                do(now)
            answer = assess(protocol, policy, self.told.history(policy), now, context=known)
            self.figures.looks += 1
            self.looked(answer, now)
            look_at = answer.look_again_at
            assert look_at is None or look_at > now
            if self.dosed:
                break
        self.judge(min(now, end), known)

    def looked(self, answer: Assessment, now: datetime) -> None:
        clock = answer.dose_clock
        if self.first_clock is None and clock is not None and clock.give_by is not None:
            self.first_clock = (clock.give_by, clock.restart_if_after)
        fresh = {page.key.split(":")[1] for page in answer.pages if page.key.startswith("handoff:")} - set(self.paged)
        for name in fresh:
            self.paged[name] = now
        if fresh and self.offered_at is not None and self.accepted_at is None:
            self.figures.escalated += int(bool(fresh - {"unread"}) and not set(self.paged) - fresh - {"unread"})
            wait = self.dice.randint(0, 2) * HOUR if self.arrives("page lost") else timedelta(hours=5)
            self.at(now + wait + MINUTE, self.paged_now)
        self.silence(now, clock.give_by if clock is not None else None)

    def silence(self, now: datetime, give_by: date | None) -> None:
        """By this ledger's own clocks somebody must have been paged by now: was anybody?"""
        if self.offered_at is None or self.accepted_at is not None:
            return
        clocks = [working_after(self.offered_at, UNACCEPTED_HOURS if self.read else UNREAD_HOURS)]
        if give_by is not None:
            clocks.append(max(local(give_by, 8) - BEFORE_GIVE_BY, self.offered_at))
        due = min(clocks)
        paged = min((at for name, at in self.paged.items() if name != "unread"), default=None)
        if now >= due and (paged is None or paged > due):
            self.figures.silent.append(
                f"course {self.number}: offered {self.offered_at}, due {due}, paged {paged}, now {now}"
            )

    # --- the judge -------------------------------------------------------------------------------------------------------

    def judge(self, end: datetime, known: dict[str, Any]) -> None:
        """Every hour from the first offer on, by the ledger; and every task at every hour at which somebody could think otherwise."""
        self.figures.courses += 1
        if self.accepted_at is None:
            self.figures.unaccepted += 1
            self.counts(end)
        history = self.told.history()
        begins = min(event.at for event in history.of("handoff_offered"))
        edges = {at for begin, _ in self.ledger for at in (begin - MINUTE, begin, begin + MINUTE)}
        hours = [begins + number * HOUR for number in range(int((end - begins) / HOUR) + 1)]
        for hour in sorted({*hours, *edges}):
            wanted = next((party for at, party in reversed(self.ledger) if at <= hour), HUB)
            standing = standing_of(
                history.until(hour) if hour in edges else history, hour, urgent=False, window_ends=None
            )
            said = responsible_at(standing.moves, hour) or HUB
            self.figures.hours += 1
            if said != wanted:
                self.figures.not_one.append(f"course {self.number}: {hour}: {said} answers, the ledger says {wanted}")
            if hour in edges or hour.hour % 12 == 0:
                self.tasks(standing, known, hour)

    def tasks(self, standing: Any, known: dict[str, Any], hour: datetime) -> None:
        for task in TASKS:
            found = who_answers(standing, known, hour, task)
            if found is None or not found.organisation or found.trouble is not None:
                self.figures.not_one.append(f"course {self.number}: {hour}: {task}: {found}")


def hand_over(courses: int, seed: int) -> Figures:
    """Play so many courses."""
    dice, figures = random.Random(seed), Figures()
    for number in range(courses):
        Handing(number, random.Random(dice.random()), figures).run()
    return figures


def main() -> int:
    """`python -m tests.drills.handing_over`; exit status 1 when a promise was broken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--courses", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    began = time.monotonic()
    figures = hand_over(chosen.courses, chosen.seed)
    sys.stdout.write(f"seed {chosen.seed}, {time.monotonic() - began:.0f} s\n{figures}\n")
    return 0 if figures.good else 1


if __name__ == "__main__":
    sys.exit(main())
