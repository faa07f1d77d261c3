"""What a storm of faults did: lost, late, doubled. Instants are those of the database server, which no drill sets wrong."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

if TYPE_CHECKING:
    from tests.drills.storm import Storm

RECOVERY_SECONDS: Final = 5.0
"""A page may come so long after its clock, the time that the database was down not counted.

A recovery begins with the fault that it is from: where nobody watched any more, because the last watcher that stood was killed or
stopped, it begins there. A watcher that is killed whenever it has just come up would else be asked to page while it is dead.
"""
MOST_DOUBLED: Final = 0.02
FEW: Final = 5
"""Of the hundred messages of a small storm a provider that takes one and does not say so, or a watcher that dies before it has written
down what it sent, makes some leave twice: nobody can know that they did, and so few are chance. The share counts from 250 on."""

GATHERED: Final = "nobody watched for a while"
"""How a message about several pages tells itself."""

_TABLES: Final = {"alerts_alert": "alert", "alerts_page": "page"}
LOG_SQL: Final = {
    "postgres": [
        "CREATE TABLE drill_log (kind text, id text, at double precision)",
        """CREATE FUNCTION drill_note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN INSERT INTO public.drill_log VALUES (TG_ARGV[0], NEW.id::text, extract(epoch FROM clock_timestamp())); RETURN NULL; END $$""",
        *(
            f"CREATE TRIGGER drill_{kind} AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION drill_note('{kind}')"
            for table, kind in _TABLES.items()
        ),
        """CREATE TRIGGER drill_closed AFTER UPDATE OF closed_at ON alerts_alert FOR EACH ROW
        WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL) EXECUTE FUNCTION drill_note('closed')""",
        """CREATE TRIGGER drill_answered AFTER UPDATE OF acknowledged_at ON alerts_alert FOR EACH ROW
        WHEN (OLD.acknowledged_at IS NULL AND NEW.acknowledged_at IS NOT NULL) EXECUTE FUNCTION drill_note('answered')""",
    ],
    "sqlite": [
        "CREATE TABLE drill_log (kind text, id text, at double precision)",
        *(
            f"CREATE TRIGGER drill_{kind} AFTER INSERT ON {table} BEGIN INSERT INTO drill_log VALUES "
            f"('{kind}', NEW.id, (julianday('now') - 2440587.5) * 86400.0); END"
            for table, kind in _TABLES.items()
        ),
        """CREATE TRIGGER drill_closed AFTER UPDATE OF closed_at ON alerts_alert
        WHEN OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL BEGIN INSERT INTO drill_log VALUES
        ('closed', NEW.id, (julianday('now') - 2440587.5) * 86400.0); END""",
        """CREATE TRIGGER drill_answered AFTER UPDATE OF acknowledged_at ON alerts_alert
        WHEN OLD.acknowledged_at IS NULL AND NEW.acknowledged_at IS NOT NULL BEGIN INSERT INTO drill_log VALUES
        ('answered', NEW.id, (julianday('now') - 2440587.5) * 86400.0); END""",
    ],
}
"""Triggers that write down when a row really came, past every clock of the programme."""


@dataclass(slots=True)
class Figures:
    """What a run promised and what it did."""

    seed_line: str
    seconds: float
    faults: Counter[str]
    answered: int
    lost: int
    alerts: int
    unpaged: int
    over: int
    """Alerts that were closed or answered within seconds, before anybody could be called: the nurse answers all of a course at once."""
    pages: int
    climbed: int
    """Pages that were not the first of their alert."""
    late: list[float]
    """Seconds of every page after its clock, or after the last moment at which anybody watched before it came."""
    mails: int
    """What left: mails, text messages and calls."""
    doubled: int
    claimed: int
    """Pages that say "sent" and that no server ever took."""
    down: float
    left: list[float] = field(default_factory=list)
    """Seconds from each page to the mail that told it."""
    by_clock: float = 0.0
    """Seconds of the latest page after its clock, whoever watched."""
    overbooked: float = 1.0
    """How many times others used the machine already when the run began: the recovery is given that much longer."""
    complaints: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is told of the ones that were late or never paged."""

    @property
    def good(self) -> bool:
        """Every promise was kept."""
        doubled = self.doubled <= max(FEW, MOST_DOUBLED * self.mails)
        kept = not (self.lost or self.unpaged or self.claimed or self.complaints)
        return kept and doubled and max(self.late, default=0.0) <= RECOVERY_SECONDS * self.overbooked

    def __str__(self) -> str:
        late, left = sorted(self.late) or [0.0], sorted(self.left) or [0.0]
        parts = ", ".join(f"{count} {name}" for name, count in sorted(self.faults.items()))
        return "\n".join(
            [
                f"{self.seed_line}: {sum(self.faults.values())} faults in {self.seconds:.0f} s ({parts})",
                f"  reports answered {self.answered}, lost {self.lost}",
                f"  alerts {self.alerts}, without a page {self.unpaged} (over within seconds {self.over}); pages {self.pages}, of them further up the ladder {self.climbed}",
                (
                    f"  after its clock: median {late[len(late) // 2]:.2f} s, p99 {late[int(len(late) * 0.99) - 1]:.2f} s, "
                    f"{sum(each > RECOVERY_SECONDS for each in late)} of {len(late)} over {RECOVERY_SECONDS:g} s, "
                    f"latest {late[-1]:.2f} s (promised {RECOVERY_SECONDS:g}, times {self.overbooked:.1f}; {self.by_clock:.2f} s with watchers killed again while it waited); the database was down for {self.down:.0f} s"
                ),
                (
                    f"  mails, text messages and calls {self.mails}, doubled {self.doubled} ({100 * self.doubled / max(self.mails, 1):.2f} %), "
                    f"said to be sent and never taken {self.claimed}; "
                    f"a mail left after its page: median {left[len(left) // 2]:.1f} s, p99 {left[int(len(left) * 0.99) - 1]:.1f} s"
                ),
                *(f"  ! {line}" for line in [*self.complaints[:20], *self.notes[:40]]),
                "  every promise was kept" if self.good else "  A PROMISE WAS BROKEN",
            ]
        )


class Judge:
    """Reads what a storm left behind."""

    def __init__(self, storm: Storm) -> None:
        self.storm = storm
        self.rows = storm.place.rows
        self.notes: list[str] = []
        self.by_clock = 0.0
        log = self.rows("SELECT kind, id, at FROM drill_log ORDER BY at DESC")
        self.came = {(kind, _id(name)): at for kind, name, at in log}  # the first of its kind stands
        """When a row really came, or an alert was answered or closed."""

    def figures(self, seconds: float) -> Figures:
        """Count."""
        storm = self.storm
        stored = Counter(
            str(UUID(str(row[0]))) for row in self.rows("SELECT id FROM records_event WHERE kind = 'checkin_received'")
        )
        pages = self.rows(
            "SELECT id, alert_id, attempt, channel, state, idempotency_key FROM alerts_page "
            "WHERE channel NOT IN ('email', 'sms', 'voice')"
        )
        alerts = self._alerts()
        paged = {_id(page[1]) for page in pages}
        unpaged, over = 0, 0
        for name, key, ladder, why in self.rows("SELECT id, key, ladder, closed_because FROM alerts_alert"):
            if _id(name) in paged or ("alert", _id(name)) not in self.came:
                continue
            came = self.came["alert", _id(name)]
            ends = (self.came.get((kind, _id(name))) for kind in ("closed", "answered"))
            closed = min((at for at in ends if at is not None), default=None)
            patience = RECOVERY_SECONDS * self.storm.overbooked
            if closed is not None and closed - came - self._down_between(came, closed) <= patience:
                over += 1  # its reason was over, or somebody had it, before anybody could be called
                continue
            unpaged += 1
            self.notes.append(f"no page: {ladder} {key} came {self._at(came)} closed {closed} ({why})")
        assert storm.place.mail is not None
        mails = Counter(taken.message["Message-ID"] for taken in storm.place.mail.arrived)
        gathered = self._gathered()
        sent = [
            page
            for page in storm.place.pages()
            if page.channel == "email" and page.state == "sent" and page.alert not in gathered
        ]
        phoned = storm.provider.rows()
        # Pages that wait together leave as one message, and each says with which.
        untaken = [page for page in sent if not {page.message_id, f"<{page.told_by}@handrail>"} & set(mails)]
        told = self.rows(
            "SELECT id, alert_id, provider_id FROM alerts_page WHERE channel IN ('sms', 'voice') AND state = 'sent'"
        )
        unheard = [name for name, alert, _ in self._unheard(told) if _id(alert) not in gathered]
        self.notes += [f"never taken: a mail, alert {page.alert} attempt {page.attempt}" for page in untaken]
        self.notes += [f"never taken: by phone, page {name}" for name in unheard]
        late = self._late(alerts, pages)
        self._note_doubles()  # last: of a long storm there are many, and only the first notes are printed
        return Figures(
            seed_line=f"{'SQLite' if storm.server is None else 'PostgreSQL'}, {len(storm.place.told['courses'])} courses",
            seconds=seconds,
            faults=Counter({name: count for name, count in storm.done.items() if name != "too many"}),
            answered=len(storm.answered),
            lost=sum(stored[name] != 1 for name in storm.answered),
            alerts=len(alerts),
            unpaged=unpaged,
            over=over,
            pages=len(pages),
            climbed=len([page for page in pages if page[2]]),
            late=late,
            by_clock=self.by_clock,
            mails=sum(mails.values()) + sum(phoned.values()),
            doubled=sum(count - 1 for found in (mails, phoned) for count in found.values()),
            claimed=len(untaken) + len(unheard),
            down=sum(end - begin for begin, end in storm.outages),
            left=self._left(sent),
            overbooked=storm.overbooked,
            complaints=storm.complaints,
            notes=self.notes,
        )

    def _unheard(self, told: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Of the pages that say they left by phone, (id, alert, what the provider called it): those that it never took.

        By their own address for receipts, or by the provider's name of the message that told them with others: a message that left
        twice has two such names, and its first page remembers one of them.
        """
        phoned, names = self.storm.provider.rows(), {taken.sid for taken in self.storm.provider.phone.taken}
        return [row for row in told if str(UUID(str(row[0]))) not in phoned and row[2] not in names]

    def _left(self, sent: list[Any]) -> list[float]:
        """Seconds from the row of a page to the first mail about it."""
        assert self.storm.place.mail is not None
        since = time.time() - time.monotonic()
        arrived: dict[str, float] = {}
        for taken in self.storm.place.mail.arrived:
            arrived.setdefault(str(taken.message["Message-ID"]), taken.at + since)
        known = ((arrived.get(page.message_id), self.came.get(("page", _id(page.id)))) for page in sent)
        return [max(0.0, there - written) for there, written in known if there is not None and written is not None]

    def _gathered(self) -> set[str]:
        """Alerts that came in a message about several: a watcher that began after a clock was set by hours takes that for an outage."""
        assert self.storm.place.mail is not None
        bodies = [taken.body for taken in self.storm.place.mail.arrived]
        bodies += [taken.body for taken in self.storm.provider.phone.taken]
        words = {word.strip(".,") for body in bodies if GATHERED in body for word in body.split()}
        return {_id(name) for name, code in self.rows("SELECT id, code FROM alerts_alert") if code in words}

    def _note_doubles(self) -> None:
        """When each message left that left more than once, and what had been done just before."""
        assert self.storm.place.mail is not None
        left: dict[str, list[float]] = defaultdict(list)
        for taken in self.storm.place.mail.arrived:
            left[str(taken.message["Message-ID"])].append(taken.at)
        for call in self.storm.provider.phone.taken:
            left[call.form["StatusCallback"]].append(call.at)
        since = time.time() - time.monotonic()
        for name, instants in left.items():
            if len(instants) > 1:
                kind = "mail" if name.startswith("<") else "phone"
                self.notes.append(f"doubled {kind}: " + "; ".join(self._at(at + since) for at in instants))

    def _alerts(self) -> dict[str, list[float]]:
        """Every alert with the waits of its steps in seconds."""
        found = {}
        for name, steps in self.rows("SELECT id, steps FROM alerts_alert"):
            read = json.loads(steps) if isinstance(steps, str) else steps
            found[_id(name)] = [step["wait_minutes"] * 60.0 for step in read]
        return found

    def _late(self, alerts: dict[str, list[float]], pages: list[tuple[Any, ...]]) -> list[float]:
        """Seconds after its clock of the first row of every attempt; a step after nobody was found is due at once."""
        came = self.came
        by_alert: dict[str, dict[int, tuple[float, bool]]] = defaultdict(dict)
        for name, alert, attempt, _, state, _ in pages:
            if ("page", _id(name)) not in came:
                continue  # written before the storm began
            at = came["page", _id(name)]
            former = by_alert[_id(alert)].get(attempt)
            if former is None or at < former[0]:
                by_alert[_id(alert)][attempt] = (at, state in ("nobody_on", "not_reached"))
        late: list[float] = []
        notes: list[tuple[float, str]] = []
        for alert, attempts in by_alert.items():
            due = came.get(("alert", alert))
            waits = alerts[alert]
            for number in sorted(attempts):
                at, nobody = attempts[number]
                if due is not None:
                    self.by_clock = max(self.by_clock, at - due - self._down_between(due, at))
                    begins = max([due, *(when for when in self.storm.unwatched if due < when < at)])
                    late.append(max(0.0, at - begins - self._down_between(begins, at)))
                    if late[-1] > RECOVERY_SECONDS:
                        told = f"late {late[-1]:.1f} s: alert {alert} attempt {number} due {self._at(due)} came {self._at(at)}"
                        notes.append((late[-1], told))
                due = at if nobody else at + waits[number % len(waits)]
        self.notes += [told for _, told in sorted(notes, reverse=True)]
        return late

    def _at(self, instant: float) -> str:
        """Seconds since the storm began, and what was done to the installation just before."""
        heavy = ("clock", "watcher", "web", "frozen", "database", "stalled")
        before = [
            f"{name} {instant - when:.1f} s before"
            for when, name in self.storm.said
            if 0 <= instant - when < 10 and name.startswith(heavy)
        ]
        return f"{instant - self.storm.began:.1f} ({', '.join(before)})"

    def _down_between(self, begin: float, end: float) -> float:
        return sum(max(0.0, min(end, up) - max(begin, down)) for down, up in self.storm.outages)


def _id(value: Any) -> str:
    return UUID(str(value)).hex
