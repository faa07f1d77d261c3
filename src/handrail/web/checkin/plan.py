"""The patient's copy of the packet in plain words, in the language in use: the same days, numbers and medicines, and nothing guessed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, Final

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from handrail.actions.checkins import said
from handrail.actions.looked import LastRead, Reader
from handrail.actions.words_times import home_time
from handrail.people.models.patients import TemperatureUnit
from handrail.rules.packet_parts import DoseGivenPart, EpisodePart, Packet
from handrail.rules.policy import Policy
from handrail.rules.terms import Action, Urgency, zone_named
from handrail.web.words import celsius_words

STEPS: Final[dict[str, Promise]] = {
    "step_up_1": gettext_lazy("starting dose 1"),
    "step_up_2": gettext_lazy("starting dose 2"),
    "step_up_3": gettext_lazy("starting dose 3"),
    "first_treatment": gettext_lazy("first full dose"),
    "treatment": gettext_lazy("full dose"),
}
REACTIONS: Final[dict[str, Promise]] = {
    "crs": gettext_lazy("reaction with fever (CRS)"),
    "icans": gettext_lazy("reaction with confusion (ICANS)"),
    "infection": gettext_lazy("infection"),
    "neurotoxicity": gettext_lazy("nerve trouble"),
}
READERS: Final[dict[Reader, Promise]] = {
    Reader.OTHER_TEAM: gettext_lazy("another team that your team works with"),
    Reader.BROKE_GLASS: gettext_lazy("a clinician who opened it in an emergency"),
    Reader.SYSTEM: gettext_lazy("a computer system"),
    Reader.EMERGENCY: gettext_lazy("an emergency department, with your card"),
    Reader.RECEIVER: gettext_lazy("the practice that is asked to take you over"),
    Reader.HEALTH_LINK: gettext_lazy("somebody with a health link that your team gave away"),
    Reader.UNKNOWN_LINK: gettext_lazy("somebody with a link: your team cannot say whose it was"),
}
CHRONIC: Final = ("prophylaxis", "home")
"""Purposes of medicines that a patient takes at home."""


def plan_of(packet: Packet, policy: Policy, zone: str, *, clock_24h: bool, unit: str) -> dict[str, Any]:
    """What the patient reads.

    Args:
        packet: as staff read it.
        policy: whose words say when to call.
        zone: of the patient's clock; clock_24h: how it is read; unit: in which they read the thermometer.
    """
    around = packet.around
    numbers = {(each.party, each.number): None for each in packet.around.calls if each.number}
    return {
        "product": packet.product_words,
        "made": home_time(packet.made_at, zone, clock_24h=clock_24h, year=True),
        "offered_to": around.to_party,
        "numbers": [f"{party}: {number}" for party, number in numbers],
        "last_dose": _last(packet.doses[-1], zone) if packet.doses else "",
        "next_dose": list(_next(packet)),
        "watched": home_time(packet.window_ends, zone, clock_24h=clock_24h, year=True)
        if packet.in_window and packet.window_ends
        else "",
        "in_window": packet.in_window,
        "medicines": sorted({each.agent for each in packet.medicines if each.purpose in CHRONIC}),
        "reactions": [_reaction(each, zone) for each in packet.episodes],
        "fever": celsius_words(policy.triage.fever_c, fahrenheit_first=unit == TemperatureUnit.FAHRENHEIT),
        "signs": [said(row.words) for row in policy.triage.symptom if row.ladder.urgency is Urgency.NOW],
    }


def readers_of(looks: Iterable[LastRead], zone: str, *, clock_24h: bool) -> list[str]:
    """Who else has read it, and when: a system by its name, people by what they are."""
    found = []
    for each in looks:
        who = str(READERS[each.reader])
        if each.reader is Reader.SYSTEM:
            who = f"{who} ({each.name})"
        found.append(f"{who}: {home_time(each.at, zone, clock_24h=clock_24h, year=True)}")
    return found


def _last(dose: DoseGivenPart, zone: str) -> str:
    step = str(STEPS[dose.step]) if dose.step in STEPS else _("which dose is not known")
    day = dose.on or (dose.at.astimezone(zone_named(zone)).date() if dose.at is not None else None)
    return f"{step}, {_day(day) if day is not None else _('the day is not known')}"


def _next(packet: Packet) -> Iterator[str]:
    """The days of the next dose. Whether it is given the team decides, and a day that nobody knows is not made up."""
    dose = packet.next_dose
    stopped = dose.action in (Action.STOP, Action.HOLD)
    if stopped or dose.withheld:
        yield _("Your team has not cleared the next dose. They decide whether and when: ask them.")
    if stopped:
        return
    if dose.step in STEPS:
        yield str(STEPS[dose.step]).capitalize() + "."
    if dose.due_on is not None:
        yield _("Due on %(day)s, if your team says yes that day.") % {"day": _day(dose.due_on)}
    else:
        yield _("The day is not known here: ask your team.")
    if dose.give_by is not None:
        yield _("It should be given by %(day)s. No appointment before that day? Call your team now.") % {
            "day": _day(dose.give_by)
        }
    else:
        yield _("By when it has to be given is not known here: ask your team.")
    if dose.restart_if_after is not None:
        yield _("If it is given after %(day)s, the small starting doses begin again.") % {
            "day": _day(dose.restart_if_after)
        }


def _reaction(episode: EpisodePart, zone: str) -> str:
    what = str(REACTIONS.get(episode.toxicity, episode.toxicity))
    what = _("perhaps: %(what)s") % {"what": what} if episode.suspected else what
    began = _day(episode.opened_at.astimezone(zone_named(zone)).date())
    if episode.closed_at is None:
        return _("%(what)s, since %(day)s, not known to be over") % {"what": what, "day": began}
    over = _day(episode.closed_at.astimezone(zone_named(zone)).date())
    return _("%(what)s, from %(day)s to %(over)s") % {"what": what, "day": began, "over": over}


def _day(day: date) -> str:
    """`Friday, March 13, 2026`."""
    return f"{date_format(day, 'l')}, {date_format(day, 'DATE_FORMAT')}"
