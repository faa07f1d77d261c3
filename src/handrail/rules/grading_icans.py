"""The ICE score and the ICANS grade: the worst single finding decides."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache

from handrail.rules.grading_terms import (
    DEFAULT_SCALE,
    WHY,
    Flag,
    Grade,
    IcansInputs,
    IceInputs,
    IceScore,
    Outcome,
    cause_words,
    either,
    graded,
    in_order,
)
from handrail.rules.possible import Possible, explore
from handrail.rules.scales import ICE_ITEMS, ICE_MOST, SIGNS, IceBand, Row, Scale, load_scale
from handrail.rules.terms import Missing

EXCUSES = {"loc": "loc_other", "edema": "ich"}
"""Findings that do not count when this input is true, and the rule that says so."""

EXCUSE_WORDS = {"loc": "from another cause", "edema": "around a bleeding in the head"}
EXCUSE_RULES = {"loc": "ICA-2", "edema": "ICA-3"}
UNEXCUSED = tuple(field for field in SIGNS if field not in EXCUSES)

FIELD_WORDS = {
    "ice": "the ICE score",
    "loc": "consciousness",
    "seizure": "seizure",
    "motor": "weakness",
    "edema": "cerebral oedema",
    "icp_signs": "signs of raised pressure in the head",
}


@lru_cache(maxsize=4096)
def ice_score(items: IceInputs) -> IceScore:
    """The ICE score of the items.

    When any item is recorded, the items are the score and a recorded total is only compared with them; a total by
    itself stands as it is.
    """
    known = {name: getattr(items, name) for name in ICE_ITEMS if getattr(items, name) is not None}
    missing = [name for name in ICE_ITEMS if name not in known]
    if not known and items.total_0_10 is not None:
        total = items.total_0_10
        said = f"ICE {total} of {ICE_MOST}, recorded as a total."
        return IceScore(total=total, lowest=total, highest=total, flags=(), because=said, cannot_say=())
    lowest = sum(known.values())
    highest = lowest + sum(ICE_ITEMS[name] for name in missing)
    disagrees = items.total_0_10 is not None and not lowest <= items.total_0_10 <= highest
    because = (
        f"The ICE score is not known, from {lowest} to {highest} of {ICE_MOST}: {len(missing)} items are missing."
        if missing
        else f"ICE {lowest} of {ICE_MOST}, the sum of its items."
    )
    if disagrees:
        because += f" The recorded total of {items.total_0_10} does not agree with the items and is not used."
    return IceScore(
        total=None if missing else lowest,
        lowest=lowest,
        highest=highest,
        flags=(Flag.TOTAL_DISAGREES,) if disagrees else (),
        because=because,
        cannot_say=tuple(Missing(missing=name, why_it_matters=WHY["ice_item"]) for name in missing),
    )


def grade_icans(inputs: IcansInputs, scale: Scale | None = None, *, score: IceScore | None = None) -> Grade:
    """The ICANS grade: the worst single finding decides.

    Args:
        score: a partly known ICE score, used when `inputs.ice` is None: points that are lost are lost.
    """
    return _grade(inputs, scale, score) if scale is not None else _grade_by_default(inputs, score)


@lru_cache(maxsize=4096)
def _grade_by_default(inputs: IcansInputs, score: IceScore | None) -> Grade:
    return _grade(inputs, load_scale(DEFAULT_SCALE), score)


def _grade(inputs: IcansInputs, scale: Scale, score: IceScore | None) -> Grade:
    low, high = _ice_range(inputs, score)
    bands = scale.icans.bands(low, high)

    def grade_of(field: str, word: str) -> int:
        return scale.icans.sign_row(field, word).grade

    loc = explore(
        {"loc": _words(inputs, "loc"), "loc_other": either(inputs.loc_other)},
        lambda loc, loc_other: 0 if loc_other else grade_of("loc", loc),
    )
    edema = explore(
        {"edema": _words(inputs, "edema"), "ich": either(inputs.ich)},
        lambda edema, ich: 0 if ich else grade_of("edema", edema),
    )
    overall = _icans_overall(
        ice=in_order({band.grade for band in bands}),
        consciousness=in_order(loc.answers),
        swelling=in_order(edema.answers),
        **{field: in_order({grade_of(field, word) for word in _words(inputs, field)}) for field in UNEXCUSED},
    )
    deciding = {
        *overall.values_that_matter,
        *loc.decided_by(overall, "consciousness"),
        *edema.decided_by(overall, "swelling"),
    }
    names = [f.name for f in fields(IcansInputs) if f.name in deciding]
    counting = [field for field in SIGNS if _there(inputs, field) and not _excused(inputs, field)]
    flags = [Flag(flag) for flag in (score.flags if score else ())]
    return graded(
        "ICANS",
        scale,
        answers=overall.answers,
        suspected=bool(counting) or min(band.grade for band in bands) > 0,
        flags=[*flags, Flag.HAEMORRHAGE] if inputs.ich else flags,
        rows=_rows_used(inputs, scale, bands),
        parts=_parts(inputs, scale, low, high),
        cannot_say=[Missing(missing=name, why_it_matters=WHY[name]) for name in names],
    )


def _ice_range(inputs: IcansInputs, score: IceScore | None) -> tuple[int, int]:
    if inputs.ice is not None:
        return inputs.ice, inputs.ice
    return (score.lowest, score.highest) if score else (0, ICE_MOST)


@lru_cache(maxsize=1024)
def _icans_overall(
    *,
    ice: tuple[int, ...],
    consciousness: tuple[int, ...],
    swelling: tuple[int, ...],
    seizure: tuple[int, ...],
    motor: tuple[int, ...],
    icp_signs: tuple[int, ...],
) -> Possible[Outcome]:
    choices = {
        "ice": ice,
        "consciousness": consciousness,
        "swelling": swelling,
        "seizure": seizure,
        "motor": motor,
        "icp_signs": icp_signs,
    }
    return explore(choices, lambda **grades: max(grades.values()))


def _word(inputs: IcansInputs, field: str) -> str | None:
    """What is known of a finding, as the scale's word."""
    value = getattr(inputs, field)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return None if value is None else str(value)


def _words(inputs: IcansInputs, field: str) -> tuple[str, ...]:
    """Every word the finding may have."""
    word = _word(inputs, field)
    return SIGNS[field] if word is None else (word,)


def _there(inputs: IcansInputs, field: str) -> bool:
    """The finding is known to be there."""
    return _word(inputs, field) not in (None, SIGNS[field][0])


def _excused(inputs: IcansInputs, field: str) -> bool:
    """A clinician says that the finding does not count."""
    return getattr(inputs, EXCUSES[field]) is True if field in EXCUSES else False


def _rows_used(inputs: IcansInputs, scale: Scale, bands: tuple[IceBand, ...]) -> list[Row]:
    used: list[Row] = [*bands] if len(bands) == 1 else []
    for field in SIGNS:
        word = _word(inputs, field)
        if word is not None and _excused(inputs, field) and _there(inputs, field):
            used.append(scale.rules[EXCUSE_RULES[field]])
        elif word is not None:
            used.append(scale.icans.sign_row(field, word))
    return used


def _parts(inputs: IcansInputs, scale: Scale, low: int, high: int) -> list[str]:
    """The facts used, in words."""
    parts = []
    if low == high:
        parts.append(f"ICE {low} of {ICE_MOST}, grade {scale.icans.bands(low, low)[0].grade}")
    elif (low, high) != (0, ICE_MOST):
        parts.append(f"the ICE score lies from {low} to {high} of {ICE_MOST}")
    there = [field for field in SIGNS if _there(inputs, field)]
    for field in there:
        row = scale.icans.sign_row(field, _word(inputs, field) or "")
        over = f" (more than {row.over_minutes} minutes)" if row.over_minutes is not None else ""
        if _excused(inputs, field):
            parts.append(f"{row.words}{over}, {EXCUSE_WORDS[field]}: it does not count")
        else:
            other = getattr(inputs, EXCUSES[field]) if field in EXCUSES else False
            parts.append(f"{row.words}{over}, grade {row.grade}{cause_words(other)}")
    unknown = [words for field, words in FIELD_WORDS.items() if getattr(inputs, field) is None]
    if low == high and inputs.ice is None:
        unknown.remove(FIELD_WORDS["ice"])
    if unknown:
        parts.append(f"not known: {', '.join(unknown)}")
    elif not there:
        parts.append("no other finding")
    return parts
