"""How long the links of people at home and of a hand-off last, and what their file is refused for."""

import pytest

from handrail.cli.care_checks import of_link_limits
from handrail.rules.caredata import FOLDER
from handrail.rules.link_limits import link_limits, link_limits_from_toml
from handrail.rules.policy import load_policy
from handrail.rules.strict import ProtocolDataError

TEXT = (FOLDER / "care" / "links.toml").read_text(encoding="utf-8")


def test_the_shipped_numbers_have_a_source_and_no_problem():
    home, handoff = link_limits().home, link_limits().handoff
    assert (home.lasts_days, home.text_lasts_hours) == (30, 24)
    assert (handoff.lasts_days, handoff.open_hours, handoff.tries) == (14, 8, 5)
    assert list(of_link_limits(link_limits())) == []


def test_a_link_of_people_at_home_outlasts_the_longest_watch():
    assert link_limits().home.lasts_days > load_policy().watch.no_longer_than_days


GOOD = [
    ("lasts_days = 30", "lasts_days = 1"),
    ("text_lasts_hours = 24", "text_lasts_hours = 1"),
    ("lasts_days = 14", "lasts_days = 1"),
    ("open_hours = 8", "open_hours = 1"),
    ("open_hours = 8", "open_hours = 336"),
    ("tries = 5", "tries = 1"),
]


@pytest.mark.parametrize(("shipped", "other"), GOOD)
def test_what_the_file_may_say(shipped: str, other: str):
    assert shipped in TEXT
    assert link_limits_from_toml(TEXT.replace(shipped, other, 1)).format == "handrail-links/1"


BROKEN = [
    ("lasts_days = 30", "lasts_days = 0", "A link lasts, and bears at least one try. home.lasts_days"),
    ("text_lasts_hours = 24", "text_lasts_hours = 0", "home.text_lasts_hours"),
    ("lasts_days = 14", "lasts_days = 0", "handoff.lasts_days"),
    ("open_hours = 8", "open_hours = 0", "handoff.open_hours"),
    ("open_hours = 8", "open_hours = 337", "A code counts no longer than its link. handoff.open_hours"),
    ("tries = 5", "tries = 0", "handoff.tries"),
    ('source = ["HANDRAIL"]', 'source = ["NOBODY"]', "names no known source"),
    ("handrail-links/1", "handrail-links/2", "The format is 'handrail-links/1'"),
]


@pytest.mark.parametrize(("good", "bad", "said"), BROKEN)
def test_a_file_that_cannot_be_used_is_refused_with_one_sentence(good: str, bad: str, said: str):
    assert good in TEXT
    with pytest.raises(ProtocolDataError) as refused:
        link_limits_from_toml(TEXT.replace(good, bad, 1))
    assert said in f"{refused.value.message} {refused.value.path}"
