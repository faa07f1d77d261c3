"""A call back that is owed: for every course that a clinic could write, only a call that reached somebody ends its pages."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from handrail.rules.terms import Urgency
from tests.properties.test_heart import changed, in_force
from tests.support.calling_back import called_back
from tests.support.histories import Case, cases

ASKS = cases(moments=[called_back])


def owed(case: Case) -> set[str]:
    """The pages about call backs, without their rounds."""
    return {
        ":".join(page.key.split(":")[:3]) for page in case.judged().answer.pages if page.key.startswith("call_back:")
    }


@given(ASKS, st.integers(1, 4 * 24 * 60))
def test_time_alone_never_ends_a_page_about_a_call_back(case: Case, minutes: int):
    last = max(case.judged().history.events, key=lambda event: event.at).at
    now = Case(course=case.course, now=max(case.now, last))
    after = Case(course=case.course, now=now.now + timedelta(minutes=minutes))
    assert owed(now) <= owed(after)
    assert all(page.urgency is Urgency.NOW for page in after.judged().answer.pages if page.key in owed(after))


@given(ASKS)
def test_forgetting_a_call_never_ends_a_page_about_a_call_back(case: Case):
    whole = case.judged()
    events = case.course["events"]
    for place in in_force(case, whole.history):
        if events[place]["kind"] == "call_back_made":
            without = changed(case, [*events[:place], *events[place + 1 :]]).answer
            kept = {":".join(page.key.split(":")[:3]) for page in without.pages}
            assert owed(case) <= kept, f"without {events[place]}"
