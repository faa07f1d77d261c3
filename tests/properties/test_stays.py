"""What holds for the stay after a dose: a reaction before it only ever adds."""

from __future__ import annotations

from hypothesis import example, given, settings

from handrail.rules.doses import given_doses
from handrail.rules.episodes import episodes
from handrail.rules.schedule import SETTINGS, monitoring_for
from handrail.rules.stays import window_ends, with_stays
from handrail.rules.watch import watch
from tests.support.course_documents import POLICY
from tests.support.courses import Told, instant
from tests.support.histories import Case, cases
from tests.support.reactions import icans, resolved


def after_icans() -> Case:
    """A treatment dose after ICANS of grade 2, in its window."""
    told = Told()
    told.dose("first_treatment", "2026-03-02 09:00")
    icans(told, "2026-03-03 09:00", 2)
    resolved(told, "icans", "2026-03-04 09:00")
    told.dose("treatment", "2026-03-09 09:00")
    return Case(course=told.file(), now=instant("2026-03-09 13:00"))


@given(cases())
@example(after_icans())
@settings(deadline=None)
def test_a_stay_after_a_reaction_never_shortens_a_window_and_never_loosens_a_stay(case: Case):
    judged = case.judged()
    history = judged.history.until(case.now)
    plain = given_doses(history)
    doses = with_stays(plain, history, episodes(history, plain, POLICY), judged.protocol, POLICY)
    assert [dose.event for dose in doses] == [dose.event for dose in plain]
    for before, after in zip(plain, doses, strict=True):
        assert window_ends(after, POLICY) >= window_ends(before, POLICY)
        assert after.watched or not before.watched
        own = monitoring_for(judged.protocol, step=before.step, carried=())
        both = monitoring_for(judged.protocol, step=before.step, carried=after.stays)
        for one in (own, *after.stays):
            if one is not None:
                assert both is not None and SETTINGS.index(both.setting) >= SETTINGS.index(one.setting)
                assert (both.hours or 0) >= (one.hours or 0)
    without, found = (watch(history, each, POLICY, case.now).watch for each in (plain, doses))
    assert found.in_window or not without.in_window
    if without.window_ends is not None:
        assert found.window_ends is not None and found.window_ends >= without.window_ends
