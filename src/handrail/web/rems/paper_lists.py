"""The lists of the page of papers: who prescribes without a certificate, and which papers count, one page of each."""

from __future__ import annotations

from typing import Any

from handrail import clock
from handrail.actions.rems import LICENCES
from handrail.actions.rems_desk import PER_PAGE
from handrail.actions.rems_look import House
from handrail.people.models import RemsAct
from handrail.rules.rems_data import Programme, desk_rules, programme_name, programmes
from handrail.rules.rems_desk import KIND_WORDS, Expiry, Paper, Person, expiries
from handrail.rules.terms import civil_date, say_date, say_instant
from handrail.web.rems.parts import expiry_mark, share

Lacking = tuple[Programme, Person]
Shown = tuple[Paper, Expiry | None]


def listed(
    house: House, lacking: list[Lacking], papers: list[Shown], page: int, pages: int, *, keeps: bool
) -> dict[str, Any]:
    """One page of both lists of an organisation, and how many there are of each."""
    sites = {str(site.pk): site.name for site in house.sites}
    acts = [each for each in house.acts if each.what == RemsAct.What.REMINDED]
    zone = house.organisation.time_zone
    reminded = {(str(each.user_id), each.programme): say_instant(each.at, zone) for each in acts}
    here = slice((page - 1) * PER_PAGE, page * PER_PAGE)
    return {
        "name": house.organisation.name,
        "keeps": keeps,
        "papers": [_shown_paper(*each, sites) for each in papers[here]],
        "papers_total": len(papers),
        "of_papers": share(page, pages, len(papers[here]), len(papers)),
        "uncertified": [
            {
                "id": each.id,
                "who": each.name,
                "programme": programme.id,
                "name": programme.name,
                "reminded": reminded.get((each.id, programme.id), ""),
            }
            for programme, each in lacking[here]
        ],
        "uncertified_total": len(lacking),
        "of_uncertified": share(page, pages, len(lacking[here]), len(lacking)),
    }


def uncertified(house: House, named: str) -> list[Lacking]:
    """Who prescribes without a certificate of a programme that is used here, by programme and name. One that ended, has not begun, or whose
    end nobody knows is none today.
    """
    today = civil_date(clock.now(), house.organisation.time_zone)
    certified = {
        (paper.who.id, paper.programme)
        for paper in house.papers
        if paper.kind == "prescriber" and paper.who and paper.holds(today)
    }
    prescribers = {each.id: each for place in house.places.values() for each in place.prescribers}
    ordered = sorted(prescribers.values(), key=lambda p: p.name)
    used = {paper.programme for paper in house.papers}
    return [
        (programme, each)
        for programme in programmes()
        if programme.id in used
        for each in ordered
        if (each.id, programme.id) not in certified and _asked(named, each.name)
    ]


def in_order(house: House, named: str) -> list[Shown]:
    """The papers that count: what ran out or runs out soon first, then what does not count or whose end nobody knows, then the others."""
    sites = {str(site.pk): site.name for site in house.sites}
    today = civil_date(clock.now(), house.organisation.time_zone)
    ends = expiries(house.papers, today, desk_rules().expiry.warn_days)
    soon = {each.paper.id: (number, each) for number, each in enumerate(ends)}

    def place(paper: Paper) -> tuple[Any, ...]:
        number, expiry = soon.get(paper.id, (0, None))
        unknown = paper.left or (paper.until is None and not paper.no_end)
        rank = 0 if expiry is not None else 1 if unknown else 2
        who = paper.who.name if paper.who else ""
        return (
            rank,
            number,
            paper.programme,
            paper.kind,
            sites.get(paper.site or "", ""),
            who,
            paper.from_on,
            paper.id,
        )

    found = [
        paper
        for paper in house.papers
        if _asked(named, paper.who.name if paper.who else "", sites.get(paper.site or "", ""))
    ]
    return [(paper, soon[paper.id][1] if paper.id in soon else None) for paper in sorted(found, key=place)]


def _asked(named: str, *words: str) -> bool:
    """Whether one of these holds the name that was typed; nothing was typed: all do."""
    return not named or any(named.casefold() in each.casefold() for each in words)


def _shown_paper(paper: Paper, expiry: Expiry | None, names: dict[str, str]) -> dict[str, Any]:
    left = "does not count: belongs to the organisation no more" if paper.left else ""
    more = (left, paper.reference, paper.version and f"material {paper.version}", LICENCES.get(paper.licence, ""))
    until = (
        f"until {say_date(paper.until)}"
        if paper.until
        else "does not run out"
        if paper.no_end
        else "its end is not known"
    )
    return {
        "id": paper.id,
        **(expiry_mark(expiry) if expiry is not None else {}),
        "what": KIND_WORDS[paper.kind].capitalize(),
        "who": paper.who.name if paper.who else "",
        "site": names.get(paper.site or "", ""),
        "programme": programme_name(paper.programme),
        "product": paper.product or "",
        "days": f"from {say_date(paper.from_on)}, {until}",
        "more": ", ".join(each for each in more if each),
    }
