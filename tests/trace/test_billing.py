"""T-08 for every product of a myeloma programme: what stands on the page of a course before its first dose."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from handrail import clock
from handrail.people.scope import everything
from handrail.records.models import PayerRequest
from tests.support.factories import MONDAY_0900, World, make_member
from tests.support.payers import APPROVAL, PAYER
from tests.support.staff_pages import signed_in, words

pytestmark = pytest.mark.django_db
EXPECTED = {
    "teclistamab": ("J9380", "J9380", None),
    "elranatamab": ("J1323", "J1323", "12"),
    "talquetamab": ("J3055", "J3055", None),
    "linvoseltamab": ("not known", "", None),
}
"""The code of each product as it is shown, as the payer is asked for it, and the units of the first dose where they need no weight."""


@pytest.mark.parametrize("product", EXPECTED)
def test_t08_units_code_authorisation_and_supply_of_each_product_stand_there_before_dose_1(db, product):
    """Removing `code` from `reading._billed`, or the state of the requests from the page, makes it fail."""
    code, asked, units = EXPECTED[product]
    with clock.use(clock.FrozenClock(MONDAY_0900 + timedelta(hours=2))):
        world = World()
        course = world.make_course(product=product)
        with everything():
            desk = signed_in(make_member(world.alice.organisation, "coordinator"))
        address = reverse("course_access", args=[course.pk])

        def page() -> str:
            return words(desk.get(address).content)

        assert "Supply: not known" in page()
        sent = {"drug": product, "payer": PAYER, "supply": "buy_and_bill", "setting": "outpatient", "internal": "no"}
        assert desk.post(address, sent).status_code == 302
        shown = page()
        assert "Supply: the site buys and bills" in shown
        row = re.search(r"step-up dose 1 (\d+|not known) (J\d{4}|not known) (\d+|not known)", shown)
        assert row is not None, shown
        assert row[2] == code
        assert units is None or row[3] == units
        assert f", {PAYER}:" in shown
        request = PayerRequest.objects.get(course=course)
        step = reverse("payer_request", args=[request.pk])
        sent = {"form": "submitted", "urgency": "expedited", "reason": "planned soon"}
        answer = desk.post(step, sent)
        assert answer.status_code == 302, words(answer.content)[:1500]
        assert "submitted, no answer yet" in page()
        answer = desk.post(step, {"form": "approved", **APPROVAL, "code": asked})
        assert answer.status_code == 302, words(answer.content)
        covered = page()
        assert "Synthetic Health: approved SYN-1" in covered, "the number of the authorisation"
        assert ("approved SYN-1, until Tue 1 Sep 2026" in covered) is bool(asked)
        assert ("approved SYN-1, but not known: its code" in covered) is not bool(asked)
        with everything():
            assert not course.events.filter(kind="dose_given").exists()
