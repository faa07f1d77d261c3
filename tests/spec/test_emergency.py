"""What the emergency page says to anybody, and what its file is refused for."""

from datetime import timedelta

import pytest

from handrail.cli.care_checks import of_emergency
from handrail.rules.caredata import FOLDER
from handrail.rules.emergency import emergency_data, emergency_from_toml
from handrail.rules.strict import ProtocolDataError

TEXT = (FOLDER / "care" / "emergency.toml").read_text(encoding="utf-8")


def test_the_general_page_says_what_it_may_be_to_treat_for_both_and_to_call():
    said = emergency_data().general.words
    assert said == (
        "This person may be on a T-cell-engaging bispecific. Fever may be CRS or infection: treat for both. "
        "Call the number on the card now."
    )


def test_what_not_to_do_holds_what_the_fever_file_says_not_to_give():
    assert emergency_data().avoid_words == (
        "Do NOT give the next dose of the bispecific.",
        "Do NOT discharge without speaking to the number above.",
        "No G-CSF while CRS may come.",
    )


def test_a_card_lasts_its_code_bears_few_mistakes_and_an_opening_ends():
    card = emergency_data().card
    assert (card.lasts.days, card.tries, card.session.total_seconds() / 3600) == (120, 10, 4)


def test_a_packet_stands_for_a_visit_of_a_day_opens_for_three_and_is_asked_after_in_ten_minutes():
    packet = emergency_data().packet
    assert (packet.visit, packet.lasts, packet.unopened) == (
        timedelta(days=1),
        timedelta(days=3),
        timedelta(minutes=10),
    )


BROKEN = [
    ("tries = 10", "tries = 0", "A card lasts, and its code may be typed at least once. card.tries"),
    ("lasts_days = 120", "lasts_days = -1", "card.lasts_days"),
    ("visit_hours = 24", "visit_hours = 0", "packet.visit_hours"),
    ("lasts_hours = 72", "lasts_hours = 0", "packet.lasts_hours"),
    ("unopened_minutes = 10", "unopened_minutes = 0", "packet.unopened_minutes"),
    ("session_minutes = 240", "session_minutes = 0", "card.session_minutes"),
    ('source = ["HANDRAIL"]', 'source = ["NOBODY"]', "names no known source"),
    ('id = "both"', 'id = "call"', "Two rows are called 'call'"),
    ("words = ", "word = ", "word"),
    ("handrail-emergency/1", "handrail-emergency/2", "The format is 'handrail-emergency/1'"),
]


@pytest.mark.parametrize(("good", "bad", "said"), BROKEN)
def test_a_file_that_cannot_be_used_is_refused_with_one_sentence(good: str, bad: str, said: str):
    assert good in TEXT
    with pytest.raises(ProtocolDataError) as refused:
        emergency_from_toml(TEXT.replace(good, bad, 1))
    assert said in f"{refused.value.message} {refused.value.path}"


def test_a_page_that_names_nobody_to_call_is_a_problem():
    assert list(of_emergency(emergency_data())) == []
    silent = emergency_from_toml(TEXT.replace("Call the number on the card now.", "Wait.", 1))
    assert list(of_emergency(silent)) == ["What a stranger reads names nobody to call (at general.words)."]
