"""The watcher: a loop over rows that are due. Any number may run; killed at any line, the page still arrives.

One look: claim an alert whose page is due and write it, the urgent ones before everything else; claim a course whose time has come
and assess it again; claim what waits to be sent and hand it to a channel, which works beside the watcher; until nothing is due.
Then write a sign of life, ping the outside heartbeat if everything due has been looked at, and sleep until the next due time or a
commit that calls, a quarter of a second at the most. Clinical time lives in rows only. An export goes last, one course at a time.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import logging
import os
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID, uuid4

from django.db import (
    DatabaseError,
    InterfaceError,
    close_old_connections,
    connection,
    transaction,
)
from django.db.models import F, Model

from handrail import clock
from handrail.actions import ed_packets, words_home
from handrail.actions.expert_line import look_at_line
from handrail.actions.referral_pages import look_at_referral
from handrail.actions.rems_reports import look_at_reports
from handrail.actions.rota_look import look_at_rota
from handrail.actions.upkeep import reassess
from handrail.alerts import heartbeat
from handrail.alerts.channels import Outcome
from handrail.alerts.models import Alert, Dispatch, Page
from handrail.jobs.answered import Endings
from handrail.jobs.bulk_exports import LEASE_SECONDS as EXPORT_LEASE_SECONDS
from handrail.jobs.bulk_exports import write_next
from handrail.jobs.checkpoints import checkpoint
from handrail.jobs.digest import after_an_outage, gather, together
from handrail.jobs.holding import free, skip_locked
from handrail.jobs.outgoing import AT_ONCE, Claim, Flights, Parcel, prepare, record
from handrail.jobs.sending import next_way_due, try_next_way, write_next_page
from handrail.jobs.setback import Waited, bring_back
from handrail.jobs.turns import turns_of
from handrail.jobs.waking import AWAY, Waker
from handrail.people import scope
from handrail.people.models import Referral, Site
from handrail.records.models import Course, ExportJob
from handrail.rules.policy import load_policy
from handrail.rules.protocol import catalogue

log = logging.getLogger(__name__)

LEASE_SECONDS: Final = int(os.environ.get("HANDRAIL_LEASE_SECONDS", "3"))
"""Shorter than a page may be late: what a watcher held that stands still is taken, looked at and paged within five."""
SEND_LEASE_SECONDS: Final = int(os.environ.get("HANDRAIL_SEND_LEASE_SECONDS", "40"))
"""Longer than a mail server that answers every step of SMTP at the last moment can take."""
LONGEST_SLEEP: Final = 0.25
BEAT_SECONDS: Final = 2.0
SETTLES_SECONDS: Final = 30.0
"""Longer than a request that began before the clock was set can take to commit."""
POISON_PAUSE: Final = timedelta(minutes=1)
PING_SECONDS: Final = 20.0
URGENT_FIRST: Final = 8
"""So many urgent pages are written before anything else gets its turn: they go first, and without end they keep nobody waiting for ever."""
SENT_AT_LEAST: Final = AT_ONCE
"""So many messages leave in a turn, whatever else is due: a page that was written reaches only who looks at a screen."""
DISPATCH_AFTER: Final = AT_ONCE
"""After so many messages one that is no page goes first: word for somebody at home and a packet wait for no crowd of pages to end."""

DUE: Final[tuple[tuple[type[Model], str], ...]] = (
    (Course, "look_again_at"),
    (Alert, "next_page_at"),
    (Page, "send_at"),
    (Site, "rota_look_at"),
    (Referral, "look_again_at"),
    (Page, "next_way_at"),
    (Dispatch, "send_at"),
)
"""What falls due, and the field that says when."""


class Watcher:
    """One watcher process."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid4().hex[:6]}"
        self._beaten = 0.0
        self._pinged = 0.0
        self._sent = 0.0
        self._endings = Endings()
        self._claimed = 0
        self._gathers = False
        self._away = False
        self._clock_was: datetime | None = None
        self._stepped = 0.0
        self._brought = 0.0
        self._brought_back: set[Waited] = set()
        self._flights = Flights()

    def run(self) -> None:
        """Look, sleep, look again, for ever; a database that is briefly away is waited for."""
        _warm_up()
        waker = Waker()
        self._flights.when_back = waker.poke
        while True:
            waker.wait(self.turn(waker))

    def turn(self, waker: Waker | None = None) -> float:
        """One look at everything due; returns the seconds to sleep, which something that is committed meanwhile cuts short."""
        try:
            close_old_connections()
            if waker is not None:
                waker.mark()
            self._landed(0)
            self._look_once()
            self._beat()
            self._away = False
            return self._pause()
        except AWAY as error:
            if not self._away:
                log.warning("the database does not answer (%s); trying again", type(error).__name__)
            self._away = True
            self._beaten = 0.0  # nobody could see it: what waited meanwhile is looked at as after any outage
            with contextlib.suppress(DatabaseError, InterfaceError):
                connection.close()
            return LONGEST_SLEEP

    def _notice_a_step(self) -> None:
        """A clock that was set back since the last look, or before this watcher began, has left rows in the future."""
        now, was = clock.now(), self._clock_was
        self._clock_was = now
        if was is None or now < was:
            self._beaten = 0.0  # the sign of life is of another time
            self._stepped = time.monotonic()
            self._brought = 0.0
            self._brought_back.clear()
        # What was being written while the clock was set still carries the other time: it is looked for a while longer.
        since = time.monotonic()
        if since - self._stepped <= SETTLES_SECONDS and since - self._brought >= 1.0:
            self._brought = since
            longest = timedelta(seconds=2 * max(LEASE_SECONDS, SEND_LEASE_SECONDS)) + 2 * POISON_PAUSE
            bring_back(now, longest_lease=longest * clock.speed(), before=self._brought_back)

    def look(self) -> int:
        """Work on everything that is due and wait for what is on its way; returns how many rows that were."""
        done = self._look_once()
        while self._flights.any_away:
            self._landed(LONGEST_SLEEP)
            done += self._look_once()
        return done

    def _look_once(self) -> int:
        """Work on everything that is due; nobody waits for a channel here."""
        self._notice_a_step()
        self._sent, done = time.monotonic(), 0
        self._gathers = not self._beaten and after_an_outage(clock.now())
        while self._one_of_each():
            done += 1
            # A look with much to do lasts: meanwhile a clock may be set, and a watcher that is at work is no silent one.
            self._notice_a_step()
            self._beat()
        return done

    def _one_of_each(self) -> bool:
        """One row of each kind, so that no kind without end keeps another waiting; False when nothing was due.

        Pages are written before any is sent, but not for longer than a sleep lasts.
        """
        worked = self._write_urgent()
        works = (self._write_one, self._assess_one, self._next_way, self._hand_over, self._hand_over_packet)
        for work in (*works, self._look_at_one_rota, self._look_at_one_referral):
            # What was sent is on record before anything else begins: a watcher that is killed now sends it a second time.
            worked = any([work(), self._landed(0), worked])
        if worked and time.monotonic() - self._sent < LONGEST_SLEEP:
            return True
        self._sent, sent = time.monotonic(), 0
        # No longer than a sleep either: a provider without end to send to keeps no look and no sign of life waiting. But a few: pages
        # without end to write keep none of those on the screen that nobody looks at.
        while (sent < SENT_AT_LEAST or time.monotonic() - self._sent < LONGEST_SLEEP) and self._send_one(
            urgent=self._gathers and worked
        ):
            sent += 1
            self._write_one(
                urgent=True
            )  # what is said on screen waits for no more than one that has to leave the machine
            self._landed(0)
        off = self._write_off()
        return bool(worked or sent or off) or self._export_one()

    # --- courses ---------------------------------------------------------------------------------------------------

    def _assess_one(self) -> bool:
        claim = self._claim_course()
        if claim is None:
            return False
        mine = Course.objects.filter(id=claim.id, claimed_by=self.name, turn=claim.turn)
        try:
            reassess(claim.id, now=clock.now())
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 (one poisoned row must not stop the others)
            log.error("course %s could not be looked at (%s)", claim.id, type(error).__name__)
            mine.update(look_again_at=clock.now() + POISON_PAUSE)
        checkpoint("course_assessed")
        mine.update(claimed_by="", lease_until=None)
        return True

    def _claim_course(self) -> Claim | None:
        claim = self._claim(Course, "look_again_at", LEASE_SECONDS)
        if claim is not None:
            checkpoint("course_claimed")
        return claim

    # --- alerts ----------------------------------------------------------------------------------------------------

    def _write_urgent(self) -> bool:
        """A few urgent pages, as long as any is due; everything else waits for them meanwhile."""
        written = 0
        while written < URGENT_FIRST and self._write_one(urgent=True):
            written += 1
            self._landed(0)
        return bool(written)

    def _write_one(self, *, urgent: bool = False) -> bool:
        claim = self._claim_alert(urgent=urgent)
        return claim is not None and self._work(Alert, write_next_page, claim)

    def _claim_alert(self, *, urgent: bool = False) -> Claim | None:
        claim = self._claim(Alert, "next_page_at", LEASE_SECONDS, urgent=urgent)
        if claim is not None:
            checkpoint("alert_claimed")
        return claim

    def _next_way(self) -> bool:
        """The next contact point of somebody whom a page has not reached in time."""
        now = clock.now()
        page = next_way_due(now)
        if page is None:
            return False
        try:
            return try_next_way(page, now)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 (one poisoned row must not stop the others)
            log.error("a page could not go on to its next way (%s)", type(error).__name__)
            Page.objects.filter(pk=page).update(next_way_at=now + POISON_PAUSE * clock.speed())
            return True

    def _hand_over(self) -> bool:
        """Word of the ladder for people at home, handed to the phones that reach them."""
        now = clock.now()
        word = words_home.next_waiting(now)
        if word is None:
            return False
        try:
            return words_home.hand_over(word, now)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 (one poisoned row must not stop the others)
            log.error("word for people at home could not be handed over (%s)", type(error).__name__)
            words_home.put_off(word, now + POISON_PAUSE * clock.speed())
            return True

    def _hand_over_packet(self) -> bool:
        """A packet for an emergency department, handed to the first channel that reaches it."""
        now = clock.now()
        packet = ed_packets.next_waiting(now)
        if packet is None:
            return False
        try:
            return ed_packets.hand_over(packet, now)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 (one poisoned row must not stop the others)
            log.error("a packet could not be handed over (%s)", type(error).__name__)
        try:
            ed_packets.put_off(packet, now + POISON_PAUSE * clock.speed(), now)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 (what broke the packet may break the call for help too: the watcher lives on)
            log.error("nobody could be called about a packet (%s)", type(error).__name__)
        return True

    # --- what leaves the machine -----------------------------------------------------------------------------------

    def _send_one(self, *, urgent: bool = False) -> bool:
        """Hand one row to its channel; only an urgent page while what else waited in an outage is still being written."""
        if not self._flights.has_room:
            return False
        kinds: tuple[type[Page | Dispatch], ...] = (Page,) if urgent else (Page, Dispatch)
        if not urgent and self._claimed % DISPATCH_AFTER == DISPATCH_AFTER - 1:
            kinds = (Dispatch, Page)
        for kind in kinds:
            claim = self._claim_outgoing(kind, urgent=urgent)
            if claim is not None:
                self._claimed += 1
                self._work(kind, partial(self._take_off, kind), claim)
                return True
        return False

    def _write_off(self) -> bool:
        """End what waits about a few alerts that somebody has answered, so that what is left is what somebody waits for."""
        return self._endings.a_few(lambda: self._landed(0))

    def _take_off(self, kind: type[Page | Dispatch], claim: Claim) -> None:
        parcel = prepare(kind, claim)
        if parcel is None:
            return
        now = clock.now()
        until = now + timedelta(seconds=SEND_LEASE_SECONDS) * clock.speed()
        if self._gathers:
            parcel = gather(parcel, now, until=until)
        self._flights.take_off(together(parcel, now, until=until))

    @staticmethod
    def _record(parcel: Parcel, outcome: Outcome, claim: Claim) -> None:  # noqa: ARG004
        record(parcel, outcome)

    def _landed(self, seconds: float) -> bool:
        """Record what came back from the channels, waiting so long for the first, and keep the claims of what is still away.

        True when anything came back: what follows from it may be due.
        """
        back = self._flights.land(seconds)
        for parcel, outcome in back:
            self._work(parcel.kind, partial(self._record, parcel, outcome), parcel.claim)
            self._flights.forget(parcel)  # not before: a database that is away right now is told later
        lease = timedelta(seconds=SEND_LEASE_SECONDS) * clock.speed()
        for parcel in self._flights.keep(lease):
            for claim in parcel.claims:
                parcel.kind._default_manager.filter(**claim.row()).update(lease_until=clock.now() + lease)
        return bool(back)

    def _claim_outgoing(self, kind: type[Model] = Page, *, urgent: bool = False) -> Claim | None:
        claim = self._claim(kind, "send_at", SEND_LEASE_SECONDS, urgent=urgent)
        if claim is not None:
            checkpoint("page_claimed")
        return claim

    # --- places: rotas and referrals -------------------------------------------------------------------------------

    def _look_at_one_rota(self) -> bool:
        """One site: a gap in its rota ahead pages the site manager, and so do a report to a REMS and a dummy call that are due."""

        def look(site: UUID) -> None:
            now = clock.now()
            look_at_rota(site, now)
            look_at_reports(site, now)  # on its own: what goes wrong here takes no gap of the rota back
            look_at_line(site, now)  # likewise

        return self._look_at_one(Site, "rota_look_at", look)

    def _look_at_one_referral(self) -> bool:
        """One referral: who reads it, and whether a clock has run out."""
        return self._look_at_one(Referral, "look_again_at", lambda found: look_at_referral(found, clock.now()))

    def _look_at_one(self, model: type[Model], due: str, look: Callable[[UUID], object]) -> bool:
        claim = self._claim(model, due, LEASE_SECONDS)
        if claim is None:
            return False
        mine = model._default_manager.filter(id=claim.id, claimed_by=self.name, turn=claim.turn)
        try:
            look(claim.id)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 (one poisoned row must not stop the others)
            log.error("%s %s could not be looked at (%s)", model.__name__, claim.id, type(error).__name__)
            mine.update(**{due: clock.now() + POISON_PAUSE})
        mine.update(claimed_by="", lease_until=None)
        return True

    # --- exports ---------------------------------------------------------------------------------------------------

    def _export_one(self) -> bool:
        """One course of an export that a system asked for: nobody is at a bed for it, so it goes when nothing else is due."""
        claim = self._claim(ExportJob, "next_at", EXPORT_LEASE_SECONDS)
        return claim is not None and self._work(ExportJob, write_next, claim)

    # --- claims ----------------------------------------------------------------------------------------------------

    def _claim(self, model: type[Model], due: str, seconds: int, *, urgent: bool = False) -> Claim | None:
        """The row that nobody holds and whose turn it is; held from now on.

        `urgent`: none but an urgent one.
        """
        now = clock.now()
        rows = model._default_manager
        found = rows.filter(**{f"{due}__lte": now}).filter(free(now)).order_by(due)
        turns = turns_of(model, found, urgent=urgent)
        if not turns[-1].exists():
            return None  # most looks end here, without a transaction that would keep writers waiting
        with transaction.atomic():
            taken = (skip_locked(each).values_list("id", "turn").first() for each in turns)
            row = next((each for each in taken if each is not None), None)
            if row is None:
                return None
            lease = now + timedelta(seconds=seconds) * clock.speed()
            rows.filter(id=row[0]).update(claimed_by=self.name, lease_until=lease, turn=F("turn") + 1)
        return Claim(id=row[0], watcher=self.name, turn=row[1] + 1)

    def _work(self, model: type[Model], work: Callable[[Claim], None], claim: Claim) -> bool:
        try:
            work(claim)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 (one poisoned row must not stop the others)
            log.error("a row could not be worked on (%s, %s)", model.__name__, type(error).__name__)
            model._default_manager.filter(id=claim.id, turn=claim.turn).update(
                lease_until=clock.now() + POISON_PAUSE * clock.speed()
            )
        return True

    # --- signs of life -----------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        if time.monotonic() - self._beaten >= BEAT_SECONDS:
            heartbeat.beat(self.name, clock.now())
            self._beaten = time.monotonic()
            checkpoint("heartbeat_written")
            self._ping()

    def _ping(self) -> None:
        """Tell somebody outside, only while everything due has been looked at."""
        address = os.environ.get("HANDRAIL_HEARTBEAT_URL", "")
        if not address or time.monotonic() - self._pinged < PING_SECONDS or heartbeat.behind(clock.now()):
            return
        self._pinged = time.monotonic()
        if not address.startswith(("http://", "https://")):
            return
        try:
            with urllib.request.urlopen(address, timeout=3):  # noqa: S310 (the operator's own address, http or https)
                pass
        except (OSError, http.client.HTTPException, ValueError):  # no answer, no HTTP, no address
            log.warning("the outside heartbeat could not be reached")

    def next_due(self) -> datetime | None:
        """The earliest instant at which something is due that nobody holds; None when nothing waits."""
        now = clock.now()
        times = [
            model._default_manager.filter(free(now), **{f"{name}__isnull": False})
            .order_by(name)
            .values_list(name, flat=True)
            .first()
            for model, name in DUE
        ]
        return min((at for at in times if at is not None), default=None)

    def _pause(self) -> float:
        """Seconds until something is due that nobody holds, a quarter of a second at the most."""
        due = self.next_due()
        return max(0.01, min(LONGEST_SLEEP, clock.real_seconds_until(due))) if due is not None else LONGEST_SLEEP


def _warm_up() -> None:
    """Read the label data and the policies before anything is claimed: the first row would outlast its lease otherwise."""
    catalogue()
    load_policy()


def main(arguments: Sequence[str] | None = None) -> int:
    """`handrail watch`: watch for ever; `--once` looks once; `--check` says whether somebody watches (exit status 0 or 1)."""
    parser = argparse.ArgumentParser(prog="handrail watch", description="Watch every course and page on time.")
    parser.add_argument(
        "--check", action="store_true", help="exit with 0 while a watcher is watching and nothing due is late, else 1"
    )
    parser.add_argument("--once", action="store_true", help="look once at everything due and stop")
    chosen = parser.parse_args(arguments)
    scope.see_everything_by_default()
    if chosen.check:
        found = heartbeat.status(clock.now())
        when = f"{found.looked_at:%Y-%m-%d %H:%M:%S} UTC" if found.looked_at else "never"
        sys.stdout.write(
            f"{'watching' if found.watching else 'NOBODY IS WATCHING'}; last look {when}; {found.behind} late\n"
        )
        return 0 if found.watching and not found.behind else 1
    watcher = Watcher()
    if chosen.once:
        watcher.turn()
        watcher.look()
        return 0
    with contextlib.suppress(KeyboardInterrupt):
        watcher.run()
    return 0
