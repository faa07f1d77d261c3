"""Somebody at the REMS desk, who reads its pages and types into its forms."""

import re
from datetime import timedelta
from typing import Any

from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.facts import record_event
from handrail.rules.terms import civil_date
from tests.support.factories import CHICAGO, MONDAY_0900, World, event, make_member

NOW = MONDAY_0900 + timedelta(hours=2)
TODAY = civil_date(NOW, CHICAGO)
SHARED = "tecvayli_talvey"


class Desk:
    """A site, its manager at the desk, and what the manager types there."""

    def __init__(self, world: World, now: clock.FrozenClock) -> None:
        self.world, self.house, self.site, self.clock = world, world.alice, world.alice.site, now
        self.manager = make_member(self.house.organisation, "site_manager", "Manager Flores")
        self.pharmacist = make_member(self.house.organisation, "pharmacist", "Pharmacist Reed")
        self.client = Client()
        self.client.force_login(self.manager)

    def get(self, name: str, *args: Any, **query: str) -> str:
        answer = self.client.get(reverse(name, args=args), query)
        assert answer.status_code == 200
        return " ".join(answer.content.decode().split())

    def post(self, name: str, *args: Any, status: int = 200, **typed: Any) -> str:
        answer = self.client.post(reverse(name, args=args), typed, follow=True)
        text = answer.content.decode()
        assert answer.status_code == status, re.findall(r'class="error"[^>]*>([^<]*)<', text) or text[:300]
        return " ".join(text.split())

    def paper(self, kind: str, status: int = 200, **typed: Any) -> str:
        usual = {"form": "paper", "kind": kind, "programme": SHARED, "from_on": "2026-01-01", "ends": "never"}
        return self.post("rems_papers", status=status, **{**usual, **typed})

    def papers(self, **instead: Any) -> None:
        """All that the shared programme asks of the site, for teclistamab."""
        site = str(self.site.pk)
        told: dict[str, dict[str, Any]] = {
            "setting": {"sites": site, "reference": "S-1"},
            "dispenser": {"sites": site, "licence": "pharmacy", "reference": "D-1"},
            "representative": {"sites": site, "user": str(self.pharmacist.pk), "deputy": str(self.manager.pk)},
            "prescriber": {"user": str(self.house.oncologist.pk), "reference": "P-1"},
        }
        for kind, typed in told.items():
            if kind in instead and instead[kind] is None:
                continue
            self.paper(kind, **{**typed, **instead.get(kind, {})})

    def plan(self, course: Any, days: int = 1, at_site: str = "") -> str:
        on = (TODAY + timedelta(days=days)).isoformat()
        fact = event(
            "dose_planned", at=NOW, step="step_up_1", on=on, at_site=at_site or self.site.code, setting="outpatient"
        )
        record_event(course.pk, fact, by=person(self.house.oncologist), now=NOW)
        return on

    def dispense(self, course: Any, on: str, **typed: Any) -> str:
        usual = {"form": "dispense", "on": on, "checked": "yes", "code": "RDA-1", "how": "portal"}
        usual |= {"prescriber": str(self.house.oncologist.pk), "obtained_at": "2026-03-02T10:30"}
        return self.post("rems_course", course.pk, **{**usual, **typed})
