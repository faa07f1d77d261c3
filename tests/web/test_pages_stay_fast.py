"""Every page of the network and the gate asks the database as often for a large programme as for a small one (figures: bench/pages.py)."""

import pytest

from handrail import clock
from tests.support.database import learn_statistics
from tests.support.programme import NOW, Programme
from tests.support.programme_pages import PAGES, Onlookers, told_of

pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_a_programme_that_grows_fivefold_costs_no_page_another_question():
    with clock.use(clock.FrozenClock(NOW)):
        programme = Programme()
        programme.grow(sites=2, staff=8, courses=20)
        learn_statistics()
        people = Onlookers(told_of(programme))

        def asked() -> dict[str, int]:
            for page in PAGES:
                people.look(page)  # labels, policies and templates are read by now
            return {page.name: len(people.look(page)[1]) for page in PAGES}

        small = asked()
        programme.grow(sites=8, staff=32, courses=80)
        learn_statistics()
        large = asked()
    more = {name: (small[name], count) for name, count in large.items() if count != small[name]}
    assert not more
    assert all(small.values()), "each page was asked for"
