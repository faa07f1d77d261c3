"""A house that makes its own policy with the forms of the pages, and moves a course to it."""

from __future__ import annotations

from django.urls import reverse

from handrail.people.scope import everything
from handrail.records.models import Course, PolicyProposal
from tests.support.factories import House
from tests.support.signing import pharmacist_of
from tests.support.staff_pages import signed_in

REVIEW_ON = "2026-09-01"


def put_in_force(house: House, **values: str) -> PolicyProposal:
    """The oncologist proposes values, each with a reason, and the pharmacist signs what departs.

    Args:
        values: by place, with `__` for a dot.
    """
    typed = {"what": "propose"}
    for name, value in values.items():
        place = name.replace("__", ".")
        typed |= {f"v:{place}": value, f"r:{place}": "synthetic reason", f"d:{place}": REVIEW_ON}
    answer = signed_in(house.oncologist).post(reverse("propose_policy", args=[house.id]), typed)
    assert answer.status_code == 302, answer.content.decode()
    with everything():
        made = PolicyProposal.objects.filter(organisation=house.organisation).order_by("-number").first()
    assert made is not None
    pharmacist = signed_in(pharmacist_of(house))
    signed = pharmacist.post(reverse("approve_policy", args=[made.pk]), {"seen": "yes", "sha256": made.sha256})
    assert signed.status_code == 302, signed.content.decode()
    return made


def take_up(house: House, course: Course) -> None:
    """Move a course to the policy in force."""
    assert signed_in(house.oncologist).post(reverse("take_up_policy", args=[course.pk])).status_code == 302
