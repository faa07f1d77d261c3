"""True of every history of a request to a payer: while it is open a clock runs, whatever was taken back; and no order of arrival changes it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from handrail.rules.access import NEXT, SETTLED, Entry, Kind, Request, State, standing
from handrail.rules.access_data import access_rules

OPENED = datetime(2026, 3, 6, 21, 0, tzinfo=UTC)  # the clocks of Chicago go forward two days later
CHICAGO = "America/Chicago"
RULES = access_rules()


@st.composite
def histories(draw: st.DrawFn) -> tuple[Request, list[Entry]]:
    """A request, and entries that mostly follow one another, some of them taken back, some of one moment."""
    request = Request(
        id="r", drug="teclistamab", payer="Synthetic Health", opened_at=OPENED, internal=draw(st.sampled_from([True, False, None])),
        limit=draw(st.sampled_from([None, "items-2026", "part-b", "drugs-proposed"])),
    )  # fmt: skip
    found: list[Entry] = []
    at = OPENED
    for number in range(draw(st.integers(0, 9))):
        at += timedelta(hours=draw(st.integers(0, 40)))
        state = standing(request, found, RULES, CHICAGO).state
        kinds = [*NEXT[state], *([Kind.TAKEN_BACK] if found else []), draw(st.sampled_from(list(Kind)))]
        kind = draw(st.sampled_from(kinds))
        due = draw(st.one_of(st.none(), st.integers(-5, 90)))
        back = draw(st.sampled_from([each.id for each in found])) if kind is Kind.TAKEN_BACK and found else None
        found.append(
            Entry(
                id=str(number), kind=kind, at=at, recorded_at=OPENED + timedelta(hours=1000 + number), takes_back=back,
                answer_due=None if due is None else at + timedelta(hours=due),
            )
        )  # fmt: skip
    return request, found


@given(histories(), st.randoms())
def test_a_clock_runs_while_a_request_is_open_and_none_once_it_is_settled(history, random):
    request, entries = history
    found = standing(request, entries, RULES, CHICAGO)
    assert (found.clock is None) is (found.state in SETTLED), found
    if found.clock is not None:
        assert found.clock.owner and found.clock.what and found.clock.due.tzinfo is not None
    if found.state in (State.DENIED, State.TALK) and found.clock is not None:
        assert "appeal" in f"{found.clock.what} {found.clock.also}", "its end is always said"
    random.shuffle(entries)
    assert standing(request, entries, RULES, CHICAGO) == found
