"""The pages of a programme that must stay fast however large it grows: who looks at which, and how many questions one look asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from handrail.people.models import User
from handrail.people.scope import everything
from handrail.records.models import Course, PayerRequest
from tests.support.programme import CODE, Programme

MANAGER, DIRECTOR, NOBODY = "manager", "director", ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One page: its name as a person would say it, its address by name, which ids it takes, and who looks."""

    name: str
    url: str
    ids: tuple[str, ...] = ()
    who: str = MANAGER
    query: str = ""

    def address(self, told: Mapping[str, Any]) -> str:
        """Its address in one programme."""
        return reverse(self.url, args=[told[each] for each in self.ids]) + self.query


def _page(name: str, url: str, *ids: str, who: str = MANAGER, query: str = "") -> Looked:
    return Looked(name=name, url=url, ids=ids, who=who, query=query)


PAGES: Final = (
    _page("programme", "programme"),
    _page("board", "board"),
    _page("patients", "courses"),
    _page("on call", "pages"),
    _page("rota", "rota"),
    _page("rota: training", "training"),
    _page("rota: plans", "plans"),
    _page("rota: swaps", "swaps"),
    _page("sites", "sites", who=DIRECTOR),
    _page("site and product", "site_product", "site", "product", who=DIRECTOR),
    _page("capacity of a site", "site_capacity", "site", who=DIRECTOR),
    _page("who was not started", "waiting"),
    _page("who was not started as CSV", "waiting_csv"),
    _page("where (public)", "where", "place", who=NOBODY),
    _page("referrals", "referrals"),
    _page("one referral", "referral", "referral"),
    _page("referral sheet (public)", "refer_sheet", "door", who=NOBODY),
    _page("setting of a course", "setting", "course"),
    _page("gate of a course", "gate", "course"),
    _page("doses of a day", "today", query="?site={site}&on=2026-03-03"),
    _page("overrides of a month", "gate_overrides"),
    _page("overrides as CSV", "gate_overrides_csv"),
    _page("REMS matrix", "rems"),
    _page("REMS set-up of a product", "rems_setup", "site", "product"),
    _page("REMS desk", "rems_desk"),
    _page("REMS papers", "rems_papers"),
    _page("REMS modes", "rems_modes"),
    _page("REMS binder", "rems_binder"),
    _page("REMS of a course", "rems_course", "course"),
    _page("access queue", "access"),
    _page("access: prevention", "prevention"),
    _page("access: policy cards", "payer_cards"),
    _page("access of a course", "course_access", "course"),
    _page("one request", "payer_request", "request"),
    _page("figures", "figures", who=DIRECTOR),
    _page("figures as CSV", "figures_csv", who=DIRECTOR),
    _page("figures: access and safety", "figures_access", who=DIRECTOR),
    _page("figures: access as CSV", "figures_access_csv", who=DIRECTOR),
    _page("figures: what courses used", "figures_used_csv", who=DIRECTOR),
    _page("modules", "modules"),
    _page("drills", "drills"),
    _page("teach-back of a course", "teach_back", "course", who="nurse"),
)
"""Every page of the network and the gate, and the lists around them, each as somebody sees it who sees all of it."""


def told_of(programme: Programme) -> dict[str, str]:
    """The ids of what the pages of one row are looked at with, and of who looks."""
    course = next(row for row in programme.kits["planned"] if isinstance(row, Course))
    with everything():
        request = PayerRequest.objects.get(course=course)
    return {
        "course": str(course.pk),
        "request": str(request.pk),
        "referral": str(programme.cases["read"][0].pk),
        "site": str(programme.sites[0].pk),
        "place": programme.sites[0].code,
        "product": course.product,
        "door": CODE,
        "manager": str(programme.manager.pk),
        "director": str(programme.world.alice.director.pk),
        "nurse": str(programme.world.alice.nurse.pk),
    }


class Onlookers:
    """The people who look, each with a browser."""

    def __init__(self, told: Mapping[str, str]) -> None:
        self.told = told
        host = {"SERVER_NAME": settings.ALLOWED_HOSTS[0]}
        self.clients = {"": Client(**host)}
        for who in ("manager", "director", "nurse"):
            self.clients[who] = Client(**host)
            self.clients[who].force_login(User.objects.get(pk=told[who]))

    def look(self, page: Looked) -> tuple[str, list[str]]:
        """The text of a page, and the questions that were put to the database for it."""
        address = page.address(self.told).format(**self.told)
        with CaptureQueriesContext(connection) as asked:
            answer = self.clients[page.who].get(address)
        assert answer.status_code == 200, f"{page.name}: {answer.status_code} at {address}"
        return answer.content.decode(), _without_session([each["sql"] for each in asked])


def _without_session(asked: list[str]) -> list[str]:
    """Without the session: that somebody is still there is written into it once in half a minute, whatever the page, and so are
    the begin and the end of the transaction around that alone.
    """
    found: list[str] = []
    for sql in asked:
        if any(word in sql for word in ("django_session", "SAVEPOINT")):
            continue
        if sql == "COMMIT" and found and found[-1] == "BEGIN":
            found.pop()
        else:
            found.append(sql)
    return found
