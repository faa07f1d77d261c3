"""What a text message says, as a table: units, edges of both ranges, words in two languages, and what is not understood."""

from decimal import Decimal

import pytest

from handrail.rules.history import Limits
from handrail.rules.policy import load_policy
from handrail.rules.texting import TextRead, read_text

LIMITS = Limits(low=Decimal(30), high=Decimal(43))
KNOWN = {row.symptom for row in load_policy().triage.symptom}
FEVER = load_policy().triage.fever_c


def read(text: str, known=KNOWN) -> TextRead:
    return read_text(text, LIMITS, known)


TEMPERATURES = [
    # text                  | typed   | unit | °C
    ("38.4",                  "38.4",   "C",   "38.4"),
    ("38,4",                  "38,4",   "C",   "38.4"),
    ("101.2",                 "101.2",  "F",   "38.4"),
    ("100.4",                 "100.4",  "F",   "38.0"),
    ("100.3",                 "100.3",  "F",   "37.9"),
    ("38",                    "38",     "C",   "38"),
    (" 38.4 °C. ",            "38.4",   "C",   "38.4"),
    ("38.4C",                 "38.4",   "C",   "38.4"),
    ("101.2f",                "101.2",  "F",   "38.4"),
    ("101.2 Fahrenheit",      "101.2",  "F",   "38.4"),
    ("Temperatura: 38,4",     "38,4",   "C",   "38.4"),
    ("38.4 centígrados",      "38.4",   "C",   "38.4"),
    ("３８.４",                "38.4",   "C",   "38.4"),
    ("30",                    "30",     "C",   "30"),       # both edges of both ranges
    ("43",                    "43",     "C",   "43"),
    ("86",                    "86",     "F",   "30.0"),
    ("109.4",                 "109.4",  "F",   "43.0"),
    ("29.9",                  "29.9",   None,  None),
    ("43.1",                  "43.1",   None,  None),
    ("85.9",                  "85.9",   None,  None),
    ("109.5",                 "109.5",  None,  None),
    ("60",                    "60",     None,  None),       # between the two
    ("384",                   "384",    None,  None),
    ("0",                     "0",      None,  None),
    ("38.4 F",                "38.4",   "F",   None),       # the unit that is said does not fit
    ("101.2 C",               "101.2",  "C",   None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "typed", "unit", "celsius"), TEMPERATURES)
def test_a_number_is_celsius_or_fahrenheit_by_its_range_or_it_is_asked_again(text, typed, unit, celsius):
    found = read(text)
    assert (found.temperature, found.unit, found.celsius) == (
        typed,
        unit,
        None if celsius is None else Decimal(celsius),
    )
    assert found.implausible is (celsius is None)
    assert found.understood


def test_no_number_is_believable_in_both_units():
    for tenth in range(12_000):
        value = Decimal(tenth) / 10
        both = [LIMITS.low <= each <= LIMITS.high for each in (value, (value - 32) * 5 / 9)]
        assert not all(both), value


WORDS = [
    # text                       | °C    | none  | yes   | symptoms
    ("36.8 no",                    "36.8", True,  False, ()),
    ("OK 36.8",                    "36.8", True,  False, ()),
    ("No.",                        None,   True,  False, ()),
    ("ninguno",                    None,   True,  False, ()),
    ("YES",                        None,   False, True,  ()),
    ("Sí",                         None,   False, True,  ()),
    ("38.4 chills",                "38.4", False, False, ("shaking_chills",)),
    ("Escalofríos, 38,4",          "38.4", False, False, ("shaking_chills",)),
    ("dolor de pecho",             None,   False, False, ("chest_pain",)),
    ("chest pain and dizzy 36.8",  "36.8", False, False, ("chest_pain", "dizzy")),
    ("yes chills 37.9",            "37.9", False, True,  ("shaking_chills",)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "celsius", "none", "yes", "symptoms"), WORDS)
def test_words_that_are_understood(text, celsius, none, yes, symptoms):
    found = read(text)
    assert found.understood
    assert found.celsius == (None if celsius is None else Decimal(celsius))
    assert (found.none_of_these, found.unwell, found.symptoms) == (none, yes, symptoms)


NOT_UNDERSTOOD = [
    # text                        | what still counts
    ("",                            TextRead(understood=False)),
    ("?",                           TextRead(understood=False)),
    ("help",                        TextRead(understood=False)),
    ("ayuda",                       TextRead(understood=False)),
    ("I feel weird",                TextRead(understood=False)),
    ("fever",                       TextRead(understood=False)),
    ("F",                           TextRead(understood=False)),
    ("no bien",                     TextRead(understood=False)),            # "not well" is not "none"
    ("not ok",                      TextRead(understood=False)),
    ("no ok",                       TextRead(understood=False)),
    ("no chills",                   TextRead(understood=False)),            # said two things: nothing is guessed
    ("yes no",                      TextRead(understood=False)),
    ("38.4 36.8",                   TextRead(understood=False)),            # which one?
    ("120/80",                      TextRead(understood=False)),
    ("38.4.2",                      TextRead(understood=False)),
    ("headache",                    TextRead(understood=False)),            # mild or bad: nobody can say
    ("38.9 I feel weird",           TextRead(temperature="38.9", unit="C", celsius=Decimal("38.9"), understood=False)),
    ("36.8 not ok",                 TextRead(temperature="36.8", unit="C", celsius=Decimal("36.8"), understood=False)),
    ("chills and headache",         TextRead(symptoms=("shaking_chills",), understood=False)),
    ("-38.4",                       TextRead(understood=False)),
    ("٣٨",                          TextRead(understood=False)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "found"), NOT_UNDERSTOOD)
def test_what_is_not_understood_is_said_to_be_not_understood(text, found):
    assert read(text) == found
    assert not read(text).is_quiet(FEVER)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("STOP", "stop"),
        ("stop.", "stop"),
        (" Stop All ", "stop"),
        ("UNSUBSCRIBE", "stop"),
        ("parar", "stop"),
        ("START", "start"),
        ("unstop", "start"),
        ("please stop", ""),
        ("stop 38.4", ""),
        ("yes", ""),
    ],
)
def test_commands_stand_alone(text, command):
    assert read(text).command == command


def test_a_symptom_that_the_policy_has_no_box_for_is_not_understood():
    assert read("rash", KNOWN - {"rash"}) == TextRead(understood=False)


@pytest.mark.parametrize(
    ("text", "quiet"),
    [
        ("36.8", True),
        ("37.9 no", True),
        ("38.0", False),
        ("100.4", False),
        ("384", False),
        ("36.8 chills", False),
        ("yes", False),
    ],
)
def test_what_may_be_urgent(text, quiet):
    assert read(text).is_quiet(FEVER) is quiet
