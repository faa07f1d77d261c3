"""The numbers of a link to a sealed packet, and what its file is refused for."""

from datetime import timedelta

import pytest

from handrail.cli.care_checks import of_health_links
from handrail.rules.caredata import FOLDER
from handrail.rules.health_links import WINDOW, health_link_data, health_links_from_toml
from handrail.rules.strict import ProtocolDataError

TEXT = (FOLDER / "care" / "health_links.toml").read_text(encoding="utf-8")


def test_a_link_lasts_bears_few_mistakes_and_has_a_passcode_unless_it_is_left_out():
    link = health_link_data().link
    assert (link.lasts_days, link.longest_days, link.tries, link.asked_per_minute) == (30, 365, 10, 30)
    assert link.passcode == "offered"


def test_what_may_be_asked_in_a_minute_is_counted_over_a_minute():
    assert timedelta(minutes=1) == WINDOW


def test_the_address_of_a_file_is_good_for_an_hour():
    assert health_link_data().file.lasts == timedelta(hours=1)


def test_the_shipped_file_has_no_problem():
    assert list(of_health_links(health_link_data())) == []


GOOD = [
    ("lasts_days = 30", "lasts_days = 1"),
    ("lasts_days = 30", "lasts_days = 365"),
    ("tries = 10", "tries = 1"),
    ("asked_per_minute = 30", "asked_per_minute = 1"),
    ("minutes = 60", "minutes = 1"),
    ('passcode = "offered"', 'passcode = "required"'),
]


@pytest.mark.parametrize(("shipped", "other"), GOOD)
def test_what_a_file_may_say(shipped: str, other: str):
    assert shipped in TEXT
    assert health_links_from_toml(TEXT.replace(shipped, other, 1)).format == "handrail-health-links/1"


BROKEN = [
    ("tries = 10", "tries = 0", "may be asked at least once. link.tries"),
    ("lasts_days = 30", "lasts_days = 0", "link.lasts_days"),
    ("lasts_days = 30", "lasts_days = 366", "What is offered is longer than the longest. link.lasts_days"),
    ("longest_days = 365", "longest_days = 0", "link.longest_days"),
    ("asked_per_minute = 30", "asked_per_minute = 0", "link.asked_per_minute"),
    ("minutes = 60", "minutes = 0", "file.minutes"),
    ("minutes = 60", "minutes = 61", "good for an hour at most. file.minutes"),
    ('passcode = "offered"', 'passcode = "never"', "passcode"),
    ('source = ["SHL"]', 'source = ["NOBODY"]', "names no known source"),
    ("handrail-health-links/1", "handrail-health-links/2", "The format is 'handrail-health-links/1'"),
]


@pytest.mark.parametrize(("good", "bad", "said"), BROKEN)
def test_a_file_that_cannot_be_used_is_refused_with_one_sentence(good: str, bad: str, said: str):
    assert good in TEXT
    with pytest.raises(ProtocolDataError) as refused:
        health_links_from_toml(TEXT.replace(good, bad, 1))
    assert said in f"{refused.value.message} {refused.value.path}"
