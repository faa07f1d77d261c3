"""In hospital, forgetting a call never calms: for every stay that a clinic could write."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from handrail.rules.terms import Urgency
from tests.properties.test_heart import changed, highest, in_force, reassures
from tests.support.histories import Case, cases
from tests.support.staying import admitted

STAYS = cases(moments=[admitted])
KINDS = ("hub_call_made", "discharge_noted")


def own(case: Case) -> list[str]:
    """The pages about the call."""
    return sorted(page.key for page in case.judged().answer.pages if page.key.startswith("inpatient:"))


@given(STAYS, st.integers(0, 4 * 24 * 60))
def test_deleting_a_call_or_a_discharge_never_lowers_the_urgency(case: Case, minutes: int):
    later = Case(course=case.course, now=case.now + timedelta(minutes=minutes))
    whole = later.judged()
    events = later.course["events"]
    for place in in_force(later, whole.history):
        if events[place]["kind"] in KINDS and reassures(events[place]):
            without = changed(later, [*events[:place], *events[place + 1 :]]).answer
            calmer = [now > then for now, then in zip(highest(without), highest(whole.answer), strict=True)]
            assert not any(calmer), f"without {events[place]}"


@given(STAYS, st.integers(1, 40))
def test_a_missed_call_never_closes_by_itself(case: Case, hours: int):
    """With no new fact, the page of the first missed call stands for ever; time alone only adds to it."""
    last = max(case.judged().history.events, key=lambda event: event.at).at
    now = Case(course=case.course, now=max(case.now, last))
    first = [page for page in now.judged().answer.pages if page.key.startswith("inpatient:") and page.follows is None]
    after = Case(course=case.course, now=now.now + timedelta(hours=hours))
    standing = {page.key: page.urgency for page in after.judged().answer.pages}
    assert all(standing.get(page.key) is Urgency.SOON for page in first)
    assert len(own(now)) <= len(own(after)) <= 2
