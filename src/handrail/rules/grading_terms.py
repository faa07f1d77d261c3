"""The words of grading: inputs, grades, flags, and why each fact matters."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from handrail.rules.answer import SourceRef
from handrail.rules.events import Oxygen
from handrail.rules.scales import DEVICES, ICE_ITEMS, ICE_MOST, SIGNS, Row, Scale
from handrail.rules.terms import Missing, Status, UnusableInput, weakest

DEFAULT_SCALE = "astct-2019"

Outcome = int | None
"""A grade, or None for CRS that is suspected and has no grade."""


class Flag(StrEnum):
    """What a reader must notice beside the grade."""

    RESOLVING = "RESOLVING"  # graded in an open episode whose fever has gone under treatment
    MASKED = "MASKED"  # a medicine hides fever: graded without it
    PREMED_MASKING = "PREMED_MASKING"  # premedication may hide fever: suspected without a grade
    SAME_DAY_REVIEW = "SAME_DAY_REVIEW"  # not CRS by definition, and still unwell
    IMPLAUSIBLE = "IMPLAUSIBLE"  # an entry is not believable and counts as not known
    VASOPRESSIN_ALONE = "VASOPRESSIN_ALONE"  # counted as one vasopressor by choice of the site
    FLOW_AT_LIMIT = "FLOW_AT_LIMIT"  # another published table grades this flow higher
    PRESSOR_WITHOUT_HYPOTENSION = "PRESSOR_WITHOUT_HYPOTENSION"  # contradiction: the vasopressor is counted
    FLOW_WITHOUT_OXYGEN = "FLOW_WITHOUT_OXYGEN"  # contradiction: a flow, and no device
    HAEMORRHAGE = "HAEMORRHAGE"  # bleeding in the head: no part of ICANS, an emergency of its own
    TOTAL_DISAGREES = "TOTAL_DISAGREES"  # contradiction: the ICE items do not add up to the total


@dataclass(frozen=True, slots=True, kw_only=True)
class CrsInputs:
    """What CRS is graded by; None is not known. Temperatures in °C, flow in L/min.

    Attributes:
        tmax_c: highest temperature of the episode, not the last one.
        masked: an antipyretic, a steroid or an anticytokine medicine was given after CRS began.
        premed_masking: such a medicine was given before, recently enough to hide fever.
        fever_other, hypotension_other, hypoxia_other: a clinician says that it has another cause.
        pressors: names of the vasopressors running; empty means none.

    Raises:
        UnusableInput: an unknown device, a vasopressor without a name, a flow below zero, not a number.
    """

    tmax_c: Decimal | None = None
    fever_other: bool | None = None
    episode_open: bool | None = None
    masked: bool | None = None
    premed_masking: bool | None = None
    hypotension: bool | None = None
    hypotension_other: bool | None = None
    pressors: tuple[str, ...] | None = None
    o2: Oxygen | None = None
    flow_l_per_min: Decimal | None = None
    hypoxia_other: bool | None = None
    died_of_crs: bool | None = None

    def __post_init__(self) -> None:
        for name in ("tmax_c", "flow_l_per_min"):
            number: Decimal | None = getattr(self, name)
            if number is not None and not number.is_finite():
                raise UnusableInput("wrong_type", f"{name} is not a number.", name)
        if self.flow_l_per_min is not None and self.flow_l_per_min < 0:
            raise UnusableInput("out_of_range", "An oxygen flow cannot be below zero.", "flow_l_per_min")
        if self.o2 is not None and self.o2 not in DEVICES:
            raise UnusableInput("unknown_word", f"The oxygen device is one of: {', '.join(DEVICES)}.", "o2")
        if any(not name.strip() for name in self.pressors or ()):
            raise UnusableInput("empty", "A vasopressor needs its name.", "pressors")


@dataclass(frozen=True, slots=True, kw_only=True)
class IceInputs:
    """The ICE score item by item, or only its total; None is not known.

    Raises:
        UnusableInput: more points than the item has, or fewer than none.
    """

    year: int | None = None
    month: int | None = None
    city: int | None = None
    hospital: int | None = None
    naming_0_3: int | None = None
    command_0_1: int | None = None
    writing_0_1: int | None = None
    attention_0_1: int | None = None
    total_0_10: int | None = None

    def __post_init__(self) -> None:
        for name, most in (*ICE_ITEMS.items(), ("total_0_10", ICE_MOST)):
            _check_points(name, getattr(self, name), most)


@dataclass(frozen=True, slots=True, kw_only=True)
class IceScore:
    """An ICE score: `total` None is not known, and lies from `lowest` to `highest`."""

    total: int | None
    lowest: int
    highest: int
    flags: tuple[str, ...]
    because: str
    cannot_say: tuple[Missing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IcansInputs:
    """What ICANS is graded by; None is not known.

    Attributes:
        ice: total of the ICE score; None also when the test was impossible (then `loc` decides).
        loc: alert, spontaneous, voice, tactile, vigorous or unarousable; `loc_other`: from another cause.
        seizure: none, brief, prolonged or repetitive.       edema: none, focal or diffuse.
        ich: bleeding in the head, whose oedema does not count.

    Raises:
        UnusableInput: an unknown word, or an ICE score outside its range.
    """

    ice: int | None = None
    loc: str | None = None
    loc_other: bool | None = None
    seizure: str | None = None
    motor: bool | None = None
    edema: str | None = None
    icp_signs: bool | None = None
    ich: bool | None = None

    def __post_init__(self) -> None:
        _check_points("ice", self.ice, ICE_MOST)
        for name in ("loc", "seizure", "edema"):
            word = getattr(self, name)
            if word is not None and word not in SIGNS[name]:
                raise UnusableInput("unknown_word", f"{name} is one of: {', '.join(SIGNS[name])}.", name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """A grade, or why there is none.

    Attributes:
        grade: 0 to 5; None when the known facts allow more than one answer.
        suspected: there is no grade, and something points to the toxicity.
        at_least: the lowest grade the known facts allow.
        because: the sentence with the facts used.
        cannot_say: each missing fact that could change the answer; empty when `grade` is given.
        rows: ids of the rows of the scale that were used; `status` is the weakest of theirs.
    """

    grade: int | None
    suspected: bool
    at_least: int
    flags: tuple[str, ...]
    because: str
    cannot_say: tuple[Missing, ...]
    scale: str
    source: SourceRef
    status: Status
    rows: tuple[str, ...]


def graded(
    name: str,
    scale: Scale,
    *,
    answers: Collection[Outcome],
    suspected: bool,
    flags: Iterable[Flag],
    rows: list[Row],
    parts: list[str],
    cannot_say: list[Missing],
) -> Grade:
    """The answer of the remaining `answers`: a grade when they are one, else not known."""
    grades = sorted({0 if answer is None else answer for answer in answers})
    grade = grades[0] if len(answers) == 1 and None not in answers else None
    facts = "; ".join(parts)
    if grade is not None:
        because = f"{name} grade {grade}: {facts}."
    elif answers == {None}:
        because = f"{name} is suspected and has no grade, a clinician decides: {facts}."
    else:
        because = f"The {name} grade is not known, it may be {_one_of(answers)}: {facts}."
    return Grade(
        grade=grade,
        suspected=grade is None and suspected,
        at_least=grades[0],
        flags=tuple(flags),
        because=because,
        cannot_say=tuple(cannot_say),
        scale=scale.id,
        source=scale.definition,
        status=weakest(*(row.status for row in rows)),
        rows=tuple(dict.fromkeys(row.id for row in rows)),
    )


def _one_of(answers: Collection[Outcome]) -> str:
    words = [str(answer) for answer in sorted(a for a in answers if a is not None)]
    words += ["suspected without a grade"] if None in answers else []
    return " or ".join(", ".join(words).rsplit(", ", maxsplit=1))


def _check_points(name: str, points: int | None, most: int) -> None:
    if points is not None and not 0 <= points <= most:
        raise UnusableInput("out_of_range", f"{name} is a whole number from 0 to {most}.", name)


def either(value: bool | None) -> tuple[bool, ...]:
    """The values that a yes or no may have."""
    return (False, True) if value is None else (value,)


Ordered = TypeVar("Ordered", bool, int)


def in_order(values: Collection[Ordered]) -> tuple[Ordered, ...]:
    """The same set always as the same tuple."""
    return tuple(sorted(values))


def cause_words(other: bool | None) -> str:
    """What is said of a finding whose other cause is known, not known or denied."""
    if other:
        return ", from another cause: it does not count"
    return ", whether from another cause is not known" if other is None else ""


WHY = {
    "tmax_c": "CRS begins with fever: without the highest temperature it can be neither said nor ruled out.",
    "fever_other": "Fever that comes wholly from another cause is not CRS.",
    "episode_open": "In an open episode CRS is graded without fever.",
    "masked": "A medicine that hides fever means that fever is no longer needed for a grade.",
    "premed_masking": "Premedication may hide fever: then hypotension or hypoxia alone is suspected CRS.",
    "hypotension": "Hypotension raises the grade.",
    "hypotension_other": "Hypotension from another clear cause does not count.",
    "pressors": "The number of vasopressors decides between the higher grades.",
    "o2": "The oxygen device decides the grade of hypoxia.",
    "flow_l_per_min": "The flow decides between low-flow and high-flow oxygen.",
    "hypoxia_other": "An oxygen need from another clear cause does not count.",
    "died_of_crs": "Death from CRS is a grade of its own.",
    "clinician_judgement": "Fever may be hidden: only a clinician can say whether this is CRS.",
    "ice_item": "Each point of the ICE score counts; an item not tested is not a point.",
    "ice": "The ICE score decides unless another finding is worse.",
    "loc": "Depressed consciousness raises the grade.",
    "loc_other": "Depressed consciousness from another cause does not count.",
    "seizure": "Any seizure raises the grade.",
    "motor": "Deep focal weakness raises the grade.",
    "edema": "Cerebral oedema raises the grade.",
    "icp_signs": "Signs of raised pressure in the head raise the grade.",
    "ich": "Oedema around a bleeding in the head does not count.",
}
"""Why each fact matters, in one sentence."""
