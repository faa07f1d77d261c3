"""The sentence a person sees after saving: what is saved, and truly who is being called."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from handrail import clock
from handrail.actions.words_times import home_time
from handrail.alerts import heartbeat
from handrail.alerts.models import Alert, EdPacket, Notice
from handrail.alerts.ways import step_that_reaches
from handrail.people.models import EmergencyCard
from handrail.records import wire
from handrail.records.accountability import Accountable, accountable_for
from handrail.records.models import Course
from handrail.rules.call_back import KEY
from handrail.rules.policy import load_policy
from handrail.rules.terms import Ladder, UnusableInput, Urgency

_CALLED: Final = ("now", "soon")
ASK_AGAIN_SECONDS: Final = 15
"""While something urgent is open, a patient's page asks so often what is true now."""
_FASTEST: Final = 2
_NOT_OF_THE_PATIENT: Final = ("shell:break_glass", "shell:emergency", "handoff:", f"{KEY}:")
"""Keys of pages that are about no report: nobody is called to the patient for them."""
_WHO: Final[dict[str, Promise]] = {
    "first_on_call": gettext_lazy("The clinician on call is being called."),
    "second_on_call": gettext_lazy("The second clinician on call is being called."),
    "attending": gettext_lazy("The attending physician is being called."),
    "nurse": gettext_lazy("The nurse on call is being called."),
    "site_manager": gettext_lazy("The site manager is being called."),
    "director": gettext_lazy("The programme director is being called."),
}


def truth_about(
    course: Course, now: datetime, *, saved_at: datetime, who_answers: Callable[[], Accountable] | None = None
) -> str:
    """What is true now, in the language in use: when it was saved, by the clock of the course, and what happens with the alerts.

    `who_answers`: says who answers for the patient, from what was read already; asked only when somebody is to be called.
    """
    saved = _("Saved %(time)s.") % {"time": _time(saved_at, course)}
    urgent = _urgent(open_alerts(course))
    waiting = [alert for alert in urgent if alert.acknowledged_at is None]
    if waiting:
        waiting.sort(key=lambda alert: Ladder(alert.ladder).rank)  # of one ladder, the oldest first
        party = who_answers() if who_answers is not None else accountable_for(course, now)
        return " ".join([saved, _who_is_called(course, waiting, now, party), *_department(course, urgent, now)])
    if urgent:
        held = _("The team has it.")  # on a line of its own, where translations are looked for
        return " ".join([saved, held, *_told_before(urgent), *_department(course, urgent, now)])
    return saved


def _department(course: Course, urgent: list[Alert], now: datetime) -> list[str]:
    """Whether the emergency department was sent the packet of this night, and whether anybody has opened the emergency page."""
    since = min(alert.opened_at for alert in urgent)
    if since >= now:
        return []  # just reported: nothing has gone out for it
    packets = course.ed_packets.filter(state=EdPacket.State.SENT, sent_at__gte=since)
    # The last one: it may have gone to another department, and that somebody read the former says nothing about this one.
    last = packets.order_by("-sent_at", "-id").values_list("sent_at", "place__name", "asked_at", "card_id").first()
    sent = last[:2] if last is not None else None
    openings = course.emergency_openings.filter(at__gte=since)
    if last is not None:
        by_it = Q(card_id=last[3]) | ~Q(card__kind=EmergencyCard.Kind.SENT)
        openings = openings.filter(by_it, at__gte=last[2])
    opened = openings.order_by("at").values_list("at", flat=True).first()
    words = []
    if sent is not None and sent[0] is not None:
        words.append(_("Sent to %(place)s: %(time)s.") % {"place": sent[1], "time": _time(sent[0], course)})
    if opened is not None:
        words.append(_("Your emergency page was opened: %(time)s.") % {"time": _time(opened, course)})
    elif sent is not None:
        words.append(_("Nobody there has opened it yet: take your card with you."))
    return words


def _time(at: datetime, course: Course) -> str:
    return home_time(at, course.time_zone, clock_24h=course.patient.clock_24h)


def ask_again_after(alerts: Iterable[Alert]) -> int | None:
    """After how many seconds the patient's page asks again; None while nothing urgent is open among the course's open alerts.

    Also when somebody has it: what is put off, or not taken over, goes on.
    """
    return max(_FASTEST, round(ASK_AGAIN_SECONDS / clock.speed())) if _urgent(alerts) else None


def open_alerts(course: Course) -> list[Alert]:
    """The open alerts of a course, the oldest first, those of one instant by their keys."""
    return list(course.alerts.filter(closed_at__isnull=True).order_by("opened_at", "key"))


def nobody_has_it(alerts: Iterable[Alert]) -> bool:
    """Whether among the open alerts is one that cannot wait and that nobody has taken."""
    return any(each.urgency == Urgency.NOW.value and each.acknowledged_at is None for each in _urgent(alerts))


def cannot_wait(alerts: Iterable[Alert]) -> bool:
    """Whether among the open alerts is one that cannot wait, taken or not: the patient may be sent to an emergency department."""
    return any(each.urgency == Urgency.NOW.value for each in _urgent(alerts))


def _urgent(alerts: Iterable[Alert]) -> list[Alert]:
    return [each for each in alerts if each.urgency in _CALLED and not each.key.startswith(_NOT_OF_THE_PATIENT)]


def _told_before(urgent: list[Alert]) -> list[str]:
    """Somebody has it now; but the patient was told to go when nobody had answered, and may be on the way or still at home."""
    told = set(Notice.objects.filter(alert__in=urgent, to=Notice.To.PATIENT).values_list("told", flat=True))
    if Notice.Told.CALL_911 in told:
        return [_("You were told to call 911: do it, unless they tell you otherwise.")]
    if told:
        return [_("You were told to go to the emergency department: go, unless they tell you otherwise.")]
    return []


def number_to_call(course: Course, now: datetime) -> str:
    """The number that is answered now: of the agreement, of the site, else of whoever answers for the patient."""
    return number_of(course, accountable_for(course, now))


def number_of(course: Course, party: Accountable) -> str:
    """The number of a party that answers for the patient; see `number_to_call`."""
    if party.answer.away or (party.answer.agreement is not None and not party.answer.outside):
        return party.answer.number
    if party.site_id is not None and party.site_id == course.site_id and course.site and course.site.call_number:
        return course.site.call_number
    return party.organisation.call_number


def number_beside(course: Course, party: Accountable) -> str:
    """The number beside the name of whoever answers: their own where they are of no house here, else the one that the patient calls."""
    own = party.answer.number if party.answer.outside else number_of(course, party)
    return own or party.organisation.call_number


def _who_is_called(course: Course, waiting: list[Alert], now: datetime, party: Accountable) -> str:
    alert = waiting[0]
    reached = step_that_reaches(alert, now, party) if heartbeat.status(now).watching else None
    if reached is None:
        return _call_yourself(course, alert, now, party)
    told = next((each for each in waiting if each.notices.filter(to=Notice.To.PATIENT).exists()), None)
    if told is not None:
        return _told(course, told, now, party)
    return str(_WHO.get(reached, _WHO["first_on_call"]))


def _call_yourself(course: Course, alert: Alert, now: datetime, party: Accountable) -> str:
    """Nobody is on, nobody who is on can be reached, or no watcher sends the pages: "is being called" would not be true."""
    if Ladder(alert.ladder).urgency is Urgency.NOW:
        nobody = _("NOBODY could be reached from here.")
        return f"{nobody} {_where_to_go(course, alert, now, party)}"
    number = number_of(course, party)
    if number:
        return _("NOBODY could be reached from here: call %(number)s now.") % {"number": number}
    return _("NOBODY could be reached from here: call your programme's number now, or 911.")


def _told(course: Course, alert: Alert, now: datetime, party: Accountable) -> str:
    """The ladder went to its end: the patient is told to wait no longer, while it goes round again."""
    unanswered = _("The team was called and NOBODY has answered yet. Do not wait.")
    return f"{unanswered} {_where_to_go(course, alert, now, party)}"


def _where_to_go(course: Course, alert: Alert, now: datetime, party: Accountable) -> str:
    """`Go to the emergency department now. Do not drive yourself. Your programme's number: 555-0111.`"""
    try:
        policy = wire.policy_of(course, now)
    except UnusableInput:
        policy = load_policy()  # what the patient is told does not wait for a policy that is not here
    instruction = policy.nobody_words(Ladder(alert.ladder), get_language() or "")
    number = number_of(course, party)
    said = _("Your programme's number: %(number)s.") % {"number": number} if number else ""
    return f"{_(instruction)} {said}".strip()
