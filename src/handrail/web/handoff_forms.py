"""The form with which care is handed over: to whom, how it reaches them, from when, and what only a person knows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from handrail.actions.handoffs import Offer
from handrail.people.models import Membership, Organisation
from handrail.records.models import Course
from handrail.rules.policy import Policy, handoff_rules
from handrail.web.forms import YES_NO, Field, Filled, Form

ACCOUNT, LINK, FAX = "account", "link", "fax"
CHANNELS: Final = (
    (ACCOUNT, "In Handrail: somebody there signs in"),
    (LINK, "A signed link by message, the short code by phone"),
    (FAX, "A fax sheet with codes that they read back by phone"),
)
NOBODY_THERE: Final = "Nobody at that practice can sign in: choose the link or the fax sheet."
ONLY_A_PERSON: Final = "What only you know (not known counts as complicated)"


def receivers(course: Course, current: UUID, now: datetime) -> dict[Organisation, bool]:
    """Every organisation that may be offered the patient, with whether anybody there can sign in; those with access come first."""
    people = Membership.objects.filter(valid_from__lte=now).exclude(valid_until__lte=now)
    staffed = set(people.values_list("organisation", flat=True).distinct())
    found = Organisation.objects.filter(mode=course.organisation.mode).exclude(pk=current).order_by("name")
    near = set(course.accesses.valid(now).values_list("to_organisation", flat=True)) | {course.organisation_id}
    return {each: each.pk in staffed for each in sorted(found, key=lambda each: each.pk not in near)}


def offer_form(course: Course, current: UUID, found: Mapping[Organisation, bool], policy: Policy | None) -> Form:
    """The questions; a return to the owner is also asked how urgent it is and why."""
    may_return = current != course.organisation_id
    fields = [
        Field(
            name="to",
            label="To",
            kind="choice",
            required=True,
            choices=tuple(
                (str(each.pk), _words(each, course, staffed, returns=may_return)) for each, staffed in found.items()
            ),
            start=str(course.organisation_id) if may_return else "",
        ),
        Field(name="channel", label="How it reaches them", kind="choice", required=True, choices=CHANNELS),
        Field(
            name="take_over_on",
            label="They take over on",
            kind="date",
            hint="The day you propose. They answer from the day that they accept, never before.",
        ),
    ]
    if may_return:
        criteria = tuple((row.id, row.words) for row in handoff_rules(policy).returns) if policy is not None else ()
        fields += [
            Field(name="urgent", label="Is the return urgent?", kind="yes_no", choices=YES_NO, group="The return"),
            Field(
                name="criteria", label="Why the patient returns", kind="choices", choices=criteria, group="The return"
            ),
        ]
    fields += [
        Field(
            name=name,
            label=label,
            kind="yes_no",
            choices=YES_NO,
            group=ONLY_A_PERSON,
        )
        for name, label in (
            ("caregiver_or_access_problem", "A problem with the caregiver or the way to the clinic?"),
            ("more_than_two_organisations", "Is the care split over more than two organisations?"),
            ("second_product_planned", "Is a second product planned?"),
        )
    ]
    return Form(
        key="hand-over", title="Hand over care", verb="offer_handoff", fields=tuple(fields), events=lambda _: []
    )


def _words(organisation: Organisation, course: Course, staffed: bool, *, returns: bool) -> str:
    back = ": the patient returns" if returns and organisation.pk == course.organisation_id else ""
    return f"{organisation.name}{back}{'' if staffed else ': nobody there can sign in'}"


def read_offer(filled: Filled, course: Course, current: UUID, found: Mapping[Organisation, bool]) -> Offer | None:
    """What was filled in; None with the errors in `filled`."""
    values: Mapping[str, Any] = filled.values
    to = next((each for each in found if str(each.pk) == values.get("to")), None)
    if to is not None and values.get("channel") == ACCOUNT and not found[to]:
        filled.errors["channel"] = NOBODY_THERE
    if to is None or filled.errors:
        return None
    returns = current != course.organisation_id and to.pk == course.organisation_id
    return Offer(
        to=to,
        take_over_on=date.fromisoformat(values["take_over_on"]) if values.get("take_over_on") else None,
        returns=returns,
        urgent=values.get("urgent") if returns else None,
        criteria=tuple(values.get("criteria", ())) if returns else (),
        caregiver_or_access_problem=values.get("caregiver_or_access_problem"),
        more_than_two_organisations=values.get("more_than_two_organisations"),
        second_product_planned=values.get("second_product_planned"),
    )
