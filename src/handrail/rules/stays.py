"""The stay after a dose that has been given: how long the patient is watched, and where, by the step and after a reaction.

A stay that an earlier reaction asks for adds to that of the step: the longer and the stricter of each holds. When nobody
can say which row of the label applies, none of its stays is left out, and the window stays open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from handrail.rules.aftercare import carry_over, inherited_stays
from handrail.rules.answer import Finding, Monitoring
from handrail.rules.doses import Given, given_doses
from handrail.rules.episodes import Episodes, episodes
from handrail.rules.history import History
from handrail.rules.planned import departed
from handrail.rules.policy import Policy
from handrail.rules.protocol import Protocol
from handrail.rules.schedule import early_discharge_finding, monitoring_for
from handrail.rules.terms import Urgency, step_words

HOMES = ("home", "lodging")


def with_stays(
    doses: Sequence[Given], history: History, toxicity: Episodes, protocol: Protocol, policy: Policy
) -> tuple[Given, ...]:
    """The doses, each with the stays that it inherited from the reactions between the dose before and itself.

    What counts is what had happened when the dose was given, whenever it was written down or corrected.

    Args:
        doses: all of them, in the order of giving.
        toxicity: the episodes of the whole history; they say which doses need a second look.
    """
    found: list[Given] = []
    since: datetime | None = None
    for number, dose in enumerate(doses):
        until = dose.at or dose.event.at
        found.append(dose)
        if _any_between(toxicity, since, until):
            # a dose on an unknown day may have come before this one, wherever it stands in the order
            then = episodes(
                history.until(until), [*doses[:number], *(d for d in doses[number:] if d.at is None)], policy
            )
            stays, unknown = inherited_stays(protocol, carry_over(protocol, then, since=since, now=until))
            found[-1] = replace(dose, stays=stays, reaction_unknown=unknown)
        since = dose.at or since  # of a dose on an unknown day nobody knows which reactions it followed
    return tuple(found)


def _any_between(toxicity: Episodes, since: datetime | None, until: datetime) -> bool:
    """Whether an episode began, or went on, between two doses. At the very minute of either it counts."""
    courses = (toxicity.crs, toxicity.icans, toxicity.neurotoxicity)
    return any(
        episode.opened_at <= until and (since is None or episode.closed_at is None or episode.closed_at >= since)
        for course in courses
        for episode in course.episodes
    )


def window_ends(dose: Given, policy: Policy) -> datetime:
    """When the risk window after a dose is over (the first instant outside): the policy's hours, or a longer stay."""
    hours = policy.watch.named("risk_window").hours_after_dose
    assert hours is not None
    longest = max((stay.hours for stay in dose.stays if stay.hours is not None), default=hours)
    return dose.watch_begins + timedelta(hours=max(hours, longest))


def risk_windows(history: History, protocol: Protocol, policy: Policy) -> tuple[tuple[datetime, datetime], ...]:
    """From when until when the patient is watched after each dose that was given and has a window."""
    doses = given_doses(history)
    known = with_stays(doses, history, episodes(history, doses, policy), protocol, policy)
    return tuple((dose.watch_begins, window_ends(dose, policy)) for dose in known if dose.may_be_watched)


def stay_findings(
    history: History, doses: Sequence[Given], protocol: Protocol, policy: Policy, now: datetime, changes: list[datetime]
) -> list[Finding]:
    """A stay that nobody can name, and a patient who is at home, or left, although the label asks for hospital.

    Args:
        changes: gets the instants at which the answer changes.
    """
    found: list[Finding] = []
    for dose in doses:
        if dose.reaction_unknown is None:
            continue
        ends = window_ends(dose, policy)
        changes.append(ends)
        if now < ends:
            found.append(
                Finding(
                    rule="schedule",
                    what=f"Cannot say which stay this label wants after {dose.words()}: {dose.reaction_unknown}",
                    urgency=Urgency.TODAY,
                    owner="prescriber",
                    because="a reaction before that dose has no known row in the label: until the window ends the longest stay holds",
                )
            )
    return [*found, *_location_findings(history, doses, protocol, now, changes)]


def _location_findings(
    history: History, doses: Sequence[Given], protocol: Protocol, now: datetime, changes: list[datetime]
) -> list[Finding]:
    """At home although the label asks for hospital, and nobody signed that: after the last dose, and the last of a known time.

    A dose at an unknown time may stand anywhere in the order: it hides no other, and counts from when it was recorded.
    """
    watched = [number for number, dose in enumerate(doses) if dose.may_be_watched]
    timed = [number for number in watched if doses[number].at is not None]
    found: list[Finding] = []
    for number in sorted({*watched[-1:], *timed[-1:]}):
        found += _location_after(history, doses[number], doses[:number], protocol, now, changes)
    return found


def _location_after(
    history: History,
    last: Given,
    before: Sequence[Given],
    protocol: Protocol,
    now: datetime,
    changes: list[datetime],
) -> list[Finding]:
    # who signed before the dose that led to the reaction did not know of it
    since = (before[-1].at or before[-1].event.at) if last.stays and before else None
    if departed(history, "setting", since):
        return []
    begins = last.at or last.event.at
    wanted = _stay_wanted(last, protocol)
    if wanted is None or wanted.setting != "hospital" or wanted.hours is None:
        return []
    ends = begins + timedelta(hours=wanted.hours)
    changes.append(ends)
    left = next((e for e in history.of("home_status") if e.at > begins and e.body.location in HOMES), None)
    early = _early_discharge(history, last, last.at, protocol, left.at) if left is not None and last.at else None
    found = [early] if early is not None else []
    home = history.last("home_status")
    if now >= ends or home is None or home.body.location not in HOMES or home.at < begins:
        return found
    unknown = [
        *([last.reaction_unknown] if last.reaction_unknown is not None else []),
        *(["which step was given is not known"] if last.step is None else []),
        *(["when it was given is not known: counted from its record"] if last.at is None else []),
    ]
    asks = "may ask" if unknown else "asks"
    return [
        *found,
        Finding(
            rule="schedule",
            what=f"At {home.body.location}, while this label {asks} for {wanted.hours} h in hospital after {step_words(last.step)}",
            urgency=Urgency.NOW,
            owner="prescriber",
            because="; ".join(["no departure from the label's setting has been signed", *unknown]),
            source=protocol.source_of(wanted.row),
        ),
    ]


def _stay_wanted(dose: Given, protocol: Protocol) -> Monitoring | None:
    """The stay after a dose; of one of an unknown step the longest in hospital that a step of this label asks for."""
    steps = [dose.step] if dose.step is not None else [row.step for row in protocol.monitoring]
    stays = [stay for step in steps if (stay := monitoring_for(protocol, step=step, carried=dose.stays)) is not None]
    return max(stays, key=lambda stay: (stay.setting == "hospital", stay.hours or 0), default=None)


def _early_discharge(
    history: History, dose: Given, given_at: datetime, protocol: Protocol, at_home_at: datetime
) -> Finding | None:
    """The patient left hospital after the dose, before the hours that the label asks for."""
    before = [e for e in history.of("home_status") if e.body.location is not None and e.at < at_home_at]
    if not before or before[-1].body.location not in ("hospital", "ed"):
        return None
    minutes = (at_home_at - given_at).total_seconds() // 60
    observed = round(Decimal(minutes) / 60, 1)
    return early_discharge_finding(protocol, step=dose.step, hours_observed=observed, carried=dose.stays)
