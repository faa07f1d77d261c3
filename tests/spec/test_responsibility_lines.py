"""The lines in which a person writes who answers: read, and said again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.rules.responsibility import DAYS, DUTIES, Phase, Rule, templates
from handrail.rules.responsibility_lines import read_rule, read_rules, say_rule
from handrail.rules.strict import ProtocolDataError

PARTIES = ("hub", "community", "hospital")


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("hub | Specialist", Rule(party="hub", role="Specialist")),
        ("Dosing site|Nurse|nurse", Rule(party="dosing_site", role="Nurse", duty="nurse")),
        (
            "community | Clinic | Mon-Fri 08:00-17:00 | after the hand-off",
            Rule(
                party="community",
                role="Clinic",
                phase=Phase.AFTER,
                days=("mon", "tue", "wed", "thu", "fri"),
                starts="08:00",
                ends="17:00",
            ),
        ),
        ("hub | X | always", Rule(party="hub", role="X")),
        ("hub | X | Fri-Mon", Rule(party="hub", role="X", days=("mon", "fri", "sat", "sun"))),
        ("hub | X | Site Manager | sat, sun", Rule(party="hub", role="X", duty="site_manager", days=("sat", "sun"))),
        ("hub | X | 17:00-08:00", Rule(party="hub", role="X", starts="17:00", ends="08:00")),
    ],
)
def test_a_line_is_read(line, rule):
    assert read_rule(line, PARTIES, "here") == rule


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("hub", "wrong_value"),
        ("hub |", "wrong_value"),
        ("| somebody", "wrong_value"),
        ("nobody | X", "unknown_word"),
        ("hub | X | someday", "unknown_word"),
        ("hub | X | Mon-Someday", "unknown_word"),
        ("hub | X | 17:00", "unknown_word"),
        ("hub | X | 17:00-25:00", "wrong_value"),
        ("hub | X | 8:00-17:00", "wrong_value"),
        ("hub | X | 08:00-08:00", "wrong_value"),
    ],
)
def test_a_line_that_says_nothing_usable_is_refused_with_its_number(line, code):
    with pytest.raises(ProtocolDataError) as refused:
        read_rules(f"hub | X\n\n{line}", PARTIES, "Incidents")
    assert (refused.value.code, refused.value.path[:17]) == (code, "Incidents, line 3")


def test_every_shipped_rule_is_said_and_read_again():
    for template in templates():
        for task in template.task:
            lines = "\n".join(say_rule(rule) for rule in task.accountable)
            assert tuple(read_rules(lines, template.parties, task.id)) == task.accountable


@given(
    st.builds(
        lambda party, duty, phase, days, hours: Rule(
            party=party,
            role="Somebody",
            duty=duty,
            phase=phase,
            days=tuple(day for day in DAYS if day in days),
            starts=hours[0],
            ends=hours[1],
        ),
        st.sampled_from([*PARTIES, "dosing_site"]),
        st.sampled_from(DUTIES),
        st.sampled_from([None, *Phase]),
        st.sets(st.sampled_from(DAYS)),
        st.sampled_from([(None, None), ("08:00", "17:00"), ("17:30", "08:00"), ("00:00", "24:00")]),
    )
)
def test_what_is_said_is_read_as_it_was(rule: Rule):
    assert read_rule(say_rule(rule), PARTIES, "here") == rule
