"""What a patient or caregiver says in a text message: "38.4", "101.2 no", "36.8 chills", STOP.

One temperature at the most, words from a short list in English and Spanish, and nothing else. A number is °C inside the range that is
believable in °C and °F inside that range in °F; the two ranges have nothing in common. Whatever is left over, or says two things, is
not understood: somebody is called, and nothing is guessed. What was understood beside it still counts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Literal

from handrail.rules.history import Limits

Command = Literal["", "stop", "start"]
Unit = Literal["C", "F"]

_COMMANDS: Final[Mapping[str, Command]] = {
    "stop": "stop",
    "stopall": "stop",
    "stop all": "stop",
    "unsubscribe": "stop",
    "cancel": "stop",
    "end": "stop",
    "quit": "stop",
    "optout": "stop",
    "revoke": "stop",
    "parar": "stop",
    "start": "start",
    "unstop": "start",
    "empezar": "start",
}
"""Words of the carriers, and one each in Spanish. HELP is no command here: whoever writes it is called back."""

_NONE: Final = ("no", "none", "ok", "okay", "ninguno", "ninguna", "nada")
_YES: Final = ("yes", "si")
_SYMPTOMS: Final[Mapping[str, str]] = {
    "chills": "shaking_chills",
    "shaking chills": "shaking_chills",
    "escalofrios": "shaking_chills",
    "confused": "confused",
    "confusion": "confused",
    "confundido": "confused",
    "confundida": "confused",
    "chest pain": "chest_pain",
    "dolor de pecho": "chest_pain",
    "short of breath": "short_of_breath",
    "falta de aire": "short_of_breath",
    "fainted": "fainted",
    "desmayo": "fainted",
    "seizure": "seizure",
    "convulsion": "seizure",
    "dizzy": "dizzy",
    "mareo": "dizzy",
    "vomiting": "vomiting",
    "vomito": "vomiting",
    "rash": "rash",
    "sarpullido": "rash",
    "cough": "cough",
    "tos": "cough",
    "diarrhea": "diarrhoea",
    "diarrhoea": "diarrhoea",
    "diarrea": "diarrhoea",
}
"""Phrases, without accents, and the box of the check-in that they tick."""
_UNITS: Final[Mapping[str, Unit]] = {
    "c": "C",
    "celsius": "C",
    "centigrados": "C",
    "f": "F",
    "fahrenheit": "F",
}
_FILLERS: Final = ("temp", "temperature", "temperatura", "degrees", "grados", "and")
_NUMBER: Final = re.compile(r"(?<![\w.,+-])[0-9]{1,4}(?:[.,][0-9]{1,2})?(?![\w]|[.,][0-9])")
_LONGEST_PHRASE: Final = max(len(phrase.split()) for phrase in _SYMPTOMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRead:
    """What a text message says, as far as it is understood."""

    command: Command = ""
    temperature: str = ""
    """As it was typed, without its unit."""
    unit: Unit | None = None
    celsius: Decimal | None = None
    """The believable reading in °C, to a tenth; None: none was sent, or it is not believable."""
    implausible: bool = False
    symptoms: tuple[str, ...] = ()
    none_of_these: bool = False
    unwell: bool = False
    understood: bool = True

    @property
    def says_anything(self) -> bool:
        """Whether there is something to record as a check."""
        return bool(self.temperature or self.symptoms or self.none_of_these)

    def is_quiet(self, fever_c: Decimal) -> bool:
        """Whether nothing in it may be urgent. What is not believable or not understood is not quiet."""
        if self.symptoms or self.unwell or self.implausible or not self.understood:
            return False
        return self.celsius is None or self.celsius < fever_c


def read_text(text: str, limits: Limits, known: Collection[str]) -> TextRead:
    """Read a text message.

    Args:
        text: as it came.
        limits: the temperatures that are believable, in °C.
        known: the symptom boxes of the policy; a phrase for another one is not understood.
    """
    plain = _plain(text)
    if plain in _COMMANDS:
        return TextRead(command=_COMMANDS[plain])
    numbers = _NUMBER.findall(plain)
    rest = _NUMBER.sub(" # ", plain)
    units, none, yes, symptoms, left_over = _words(rest.split(), known)
    contradiction = none > 1 or (none and (yes or symptoms)) or len(numbers) > 1 or len(units) > 1
    understood = not (left_over or contradiction or not plain or (units and not numbers))
    typed = numbers[0] if len(numbers) == 1 else ""
    unit, celsius = _reading(typed, units[0] if len(units) == 1 else None, limits) if typed else (None, None)
    sure = not contradiction
    return TextRead(
        temperature=typed,
        unit=unit,
        celsius=celsius,
        implausible=bool(typed) and celsius is None,
        symptoms=tuple(dict.fromkeys(symptoms)) if sure else (),
        none_of_these=bool(none) and sure and not left_over,
        unwell=yes and sure,
        understood=understood,
    )


def _plain(text: str) -> str:
    """Small letters without accents, one space between words, and no signs but those of a number."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    letters = "".join(sign for sign in folded if not unicodedata.combining(sign))
    spaced = re.sub(r"[°º!?;:()\"'¿¡/]|[.,](?![0-9])", " ", letters)
    return " ".join(re.sub(r"(?<=[0-9])(?=[a-z])", " ", spaced).split())


def _words(words: list[str], known: Collection[str]) -> tuple[list[Unit], int, bool, list[str], bool]:
    """The units, how often "none" stands there, whether "yes" does, the symptoms, and whether something is left over."""
    units: list[Unit] = []
    none, yes = 0, False
    symptoms: list[str] = []
    left_over = False
    place = 0
    while place < len(words):
        length = next((n for n in range(_LONGEST_PHRASE, 1, -1) if " ".join(words[place : place + n]) in _SYMPTOMS), 1)
        phrase = " ".join(words[place : place + length])
        place += length
        if phrase in _SYMPTOMS and _SYMPTOMS[phrase] in known:
            symptoms.append(_SYMPTOMS[phrase])
        elif phrase in _UNITS:
            units.append(_UNITS[phrase])
        elif phrase in _NONE:
            none += 1
        elif phrase in _YES:
            yes = True
        elif phrase != "#" and phrase not in _FILLERS:
            left_over = True
    return units, none, yes, symptoms, left_over


def _reading(typed: str, said: Unit | None, limits: Limits) -> tuple[Unit | None, Decimal | None]:
    """The unit of a number and the reading in °C: by its range, and as it was said; None where they do not fit together."""
    value = Decimal(typed.replace(",", "."))
    as_fahrenheit = ((value - 32) * 5 / 9).quantize(Decimal("0.1"), ROUND_HALF_UP)
    if limits.low <= value <= limits.high and said in (None, "C"):
        return "C", value
    if limits.low <= (value - 32) * 5 / 9 <= limits.high and said in (None, "F"):
        return "F", as_fahrenheit
    return said, None
