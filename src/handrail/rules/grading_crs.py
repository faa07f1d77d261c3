"""The CRS grade: the definition, each domain with what may be missing, and the sentence that says why."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from decimal import Decimal
from functools import lru_cache

from handrail.rules.grading_terms import (
    DEFAULT_SCALE,
    WHY,
    CrsInputs,
    Flag,
    Grade,
    Outcome,
    cause_words,
    either,
    graded,
    in_order,
)
from handrail.rules.possible import Possible, explore
from handrail.rules.scales import DEVICES, GradedRow, Row, Scale, load_scale
from handrail.rules.terms import Missing


def grade_crs(inputs: CrsInputs, scale: Scale | None = None) -> Grade:
    """The CRS grade.

    Fever opens the grade; in an open episode a masked fever, hypotension or hypoxia does too. Then the worse of
    hypotension and hypoxia decides. Either of them without fever, while premedication may hide it, is `suspected`.
    """
    if scale is not None:
        return _grade(inputs, scale)
    return _grade_by_default(inputs, str(inputs.tmax_c), str(inputs.flow_l_per_min))


@lru_cache(maxsize=4096)
def _grade_by_default(inputs: CrsInputs, *as_written: str) -> Grade:  # noqa: ARG001 (38.4 and 38.40 are equal, their words differ)
    """A course asks for the grade of each of its assessments again and again, and the answer follows from the inputs alone."""
    return _grade(inputs, load_scale(DEFAULT_SCALE))


def _grade(inputs: CrsInputs, scale: Scale) -> Grade:
    case = _CrsCase(inputs, scale)
    overall = _crs_overall(
        in_order(case.fever.answers),
        either(inputs.episode_open),
        either(inputs.masked),
        either(inputs.premed_masking),
        in_order(case.hypotension.answers),
        in_order(case.hypoxia.answers),
        either(inputs.died_of_crs),
        scale.crs.fever.grade,
        scale.crs.death.grade,
    )
    deciding = {
        *overall.values_that_matter,
        *case.fever.decided_by(overall, "fever"),
        *case.hypotension.decided_by(overall, "pressure"),
        *case.hypoxia.decided_by(overall, "oxygen"),
    }
    names = [f.name for f in fields(CrsInputs) if f.name in deciding]
    cannot_say = [Missing(missing=name, why_it_matters=WHY[name]) for name in names]
    possible_without_grade = None in overall.answers
    if overall.answers == {None}:
        cannot_say.append(Missing(missing="clinician_judgement", why_it_matters=WHY["clinician_judgement"]))
    evidence = case.evidence()
    suspected_without_grade = possible_without_grade and (evidence or inputs.premed_masking is True)
    flags, rows = case.flags_and_rows(overall.answers)
    return graded(
        "CRS",
        scale,
        answers=overall.answers,
        suspected=suspected_without_grade or evidence,
        flags=flags,
        rows=rows,
        parts=case.parts(counted=bool(overall.answers - {0, None})),
        cannot_say=cannot_say,
    )


def _crs_outcome(
    *,
    fever: bool,
    episode_open: bool,
    masked: bool,
    premed_masking: bool,
    pressure: int,
    oxygen: int,
    died_of_crs: bool,
    fever_grade: int,
    death_grade: int,
) -> Outcome:
    """The definition itself, for facts that are all known; `pressure` and `oxygen` are the grades of these domains."""
    worst = max(pressure, oxygen)
    if died_of_crs:
        return death_grade
    if fever or (episode_open and (masked or worst > 0)):
        return max(fever_grade, worst)
    if worst > 0 and premed_masking:
        return None
    return 0


@lru_cache(maxsize=1024)
def _crs_overall(
    fever: tuple[bool, ...],
    episode_open: tuple[bool, ...],
    masked: tuple[bool, ...],
    premed_masking: tuple[bool, ...],
    pressure: tuple[int, ...],
    oxygen: tuple[int, ...],
    died_of_crs: tuple[bool, ...],
    fever_grade: int,
    death_grade: int,
) -> Possible[Outcome]:
    return explore(
        {
            "fever": fever,
            "episode_open": episode_open,
            "masked": masked,
            "premed_masking": premed_masking,
            "pressure": pressure,
            "oxygen": oxygen,
            "died_of_crs": died_of_crs,
            "fever_grade": (fever_grade,),
            "death_grade": (death_grade,),
        },
        _crs_outcome,
    )


class _CrsCase:
    """The inputs of one CRS grade, each domain explored by itself."""

    def __init__(self, inputs: CrsInputs, scale: Scale) -> None:
        self.inputs = inputs
        self.scale = scale
        believed = scale.plausible.tmax_c
        self.implausible_tmax = inputs.tmax_c is not None and not (believed.lowest <= inputs.tmax_c <= believed.highest)
        self.tmax_c = None if self.implausible_tmax else inputs.tmax_c
        self.pressors, self.vasopressin_alone = _count_pressors(inputs.pressors, scale)
        self.unreadable_pressors = self.pressors is None and inputs.pressors is not None
        self.fever = explore(
            {
                "tmax_c": (True, False) if self.tmax_c is None else (self.tmax_c >= scale.crs.fever.from_c,),
                "fever_other": either(inputs.fever_other),
            },
            lambda tmax_c, fever_other: bool(tmax_c and not fever_other),
        )
        self.hypotension = explore(
            {
                "hypotension": either(inputs.hypotension),
                "hypotension_other": either(inputs.hypotension_other),
                "pressors": tuple(row.pressors_from for row in scale.crs.hypotension)
                if self.pressors is None
                else (self.pressors,),
            },
            self._hypotension_grade,
        )
        self.hypoxia = explore(
            {
                "o2": DEVICES if inputs.o2 is None else (inputs.o2,),
                "flow_l_per_min": _flows(scale) if inputs.flow_l_per_min is None else (inputs.flow_l_per_min,),
                "hypoxia_other": either(inputs.hypoxia_other),
            },
            lambda o2, flow_l_per_min, hypoxia_other: (
                0 if hypoxia_other else scale.crs.oxygen_row(o2, flow_l_per_min).grade
            ),
        )

    def _hypotension_grade(self, hypotension: bool, hypotension_other: bool, pressors: int) -> int:
        """A vasopressor that is running counts, even beside the words "no hypotension": it may be holding the pressure."""
        if hypotension_other or not (hypotension or pressors):
            return 0
        return self.scale.crs.pressor_row(pressors).grade

    @property
    def low_pressure_counts(self) -> bool:
        """Hypotension is there, and nobody has said that it has another cause."""
        present = self.inputs.hypotension is True or bool(self.pressors)
        return present and self.inputs.hypotension_other is not True

    @property
    def oxygen_counts(self) -> bool:
        """Oxygen is given, and nobody has said that it has another cause."""
        o2, flow = self.inputs.o2, self.inputs.flow_l_per_min
        given = bool(flow) if o2 is None else o2 != "none"
        return given and self.inputs.hypoxia_other is not True

    def evidence(self) -> bool:
        """Something known points to CRS."""
        feverish = self.tmax_c is not None and self.tmax_c >= self.scale.crs.fever.from_c
        return bool(
            (feverish and self.inputs.fever_other is not True)
            or self.low_pressure_counts
            or self.oxygen_counts
            or self.inputs.episode_open
            or self.inputs.died_of_crs
        )

    def flags_and_rows(self, answers: Collection[Outcome]) -> tuple[list[Flag], list[Row]]:
        """What a reader must notice, and the rows of the scale that were used."""
        inputs, scale = self.inputs, self.scale
        flags: list[Flag] = []
        rows: list[Row] = []
        if inputs.died_of_crs:
            return flags, [scale.crs.death]
        rows.append(scale.crs.fever)
        low = self._only(self.hypotension.answers)
        oxygen = self._only(self.hypoxia.answers)
        if inputs.episode_open and inputs.masked and True not in self.fever.answers:
            flags.append(Flag.MASKED)
            rows.append(scale.rules["CRS-G2"])
            if low == oxygen == 0 and answers == {scale.crs.fever.grade}:
                flags.append(Flag.RESOLVING)
        elif inputs.episode_open and True not in self.fever.answers and (low or oxygen):
            rows.append(scale.rules["CRS-G2"])
        if None in answers and inputs.premed_masking:
            flags.append(Flag.PREMED_MASKING)
            rows.append(scale.rules["CRS-G3"])
        if answers == {0} and (self.low_pressure_counts or self.oxygen_counts):
            flags.append(Flag.SAME_DAY_REVIEW)
        if self.implausible_tmax or self.unreadable_pressors:
            flags.append(Flag.IMPLAUSIBLE)
        if self.implausible_tmax:
            rows.append(scale.plausible.tmax_c)
        if self.low_pressure_counts:
            rows += [row for row in scale.crs.hypotension if row.grade in self.hypotension.answers]
            if self.vasopressin_alone:
                flags.append(Flag.VASOPRESSIN_ALONE)
                rows.append(scale.crs.vasopressin)
            if inputs.hypotension is False:
                flags.append(Flag.PRESSOR_WITHOUT_HYPOTENSION)
        if self.oxygen_counts and inputs.o2 is not None:
            if inputs.flow_l_per_min is None:
                rows += [row for row in scale.crs.hypoxia if inputs.o2 in row.devices]
            else:
                row = scale.crs.oxygen_row(inputs.o2, inputs.flow_l_per_min)
                rows.append(row)
                if row.flow_to_l_per_min == inputs.flow_l_per_min:
                    flags.append(Flag.FLOW_AT_LIMIT)
        if inputs.o2 == "none" and inputs.flow_l_per_min:
            flags.append(Flag.FLOW_WITHOUT_OXYGEN)
        excluded_low = inputs.hypotension_other and (inputs.hypotension or self.pressors)
        if excluded_low or (inputs.hypoxia_other and inputs.o2 not in (None, "none")):
            rows.append(scale.rules["CRS-G4"])
        if low and oxygen:
            rows.append(scale.rules["CRS-G5"])
        return flags, rows

    @staticmethod
    def _only(grades: Collection[int]) -> int | None:
        return next(iter(grades)) if len(grades) == 1 else None

    def parts(self, *, counted: bool) -> list[str]:
        """The facts used, in words; `counted` when the grade may rest on hypotension and hypoxia."""
        if self.inputs.died_of_crs:
            return [self.scale.crs.death.words]
        parts = [self._fever_words(), self._pressure_words(counted), self._oxygen_words(counted)]
        if True not in self.fever.answers:
            if self.inputs.episode_open:
                parts.append(
                    "a CRS episode is open" + (" and treated, which hides fever" if self.inputs.masked else "")
                )
            if self.inputs.premed_masking:
                parts.append("premedication may hide fever")
        return parts

    def _fever_words(self) -> str:
        limit = f"{self.scale.crs.fever.from_c} °C"
        if self.implausible_tmax:
            return "the temperature recorded is not believable and counts as not known"
        if self.tmax_c is None:
            return "the highest temperature is not known"
        said = f"the highest temperature is {self.tmax_c} °C"
        if self.tmax_c < self.scale.crs.fever.from_c:
            return f"{said}, no fever (fever is {limit} or more)"
        said = f"{said}, fever ({limit} or more)"
        return said + cause_words(self.inputs.fever_other)

    def _pressure_words(self, counted: bool) -> str:
        hypotension = self.inputs.hypotension
        if not hypotension and not self.pressors:
            if hypotension is None:
                return "whether there is hypotension is not known"
            return "no hypotension" + (", whether a vasopressor runs is not known" if self.pressors is None else "")
        if self.pressors is None:
            return "hypotension, whether a vasopressor runs is not known" + cause_words(self.inputs.hypotension_other)
        row = self.scale.crs.pressor_row(self.pressors)
        named = f" ({', '.join(self.inputs.pressors)})" if self.inputs.pressors else ""
        return f"{row.words}{named}" + _worth(row, self.inputs.hypotension_other, counted)

    def _oxygen_words(self, counted: bool) -> str:
        o2, flow = self.inputs.o2, self.inputs.flow_l_per_min
        if o2 is None:
            return "whether oxygen is given is not known"
        rows = [row for row in self.scale.crs.hypoxia if o2 in row.devices]
        if o2 == "none":
            return rows[0].words
        if flow is None and len(rows) > 1:
            return f"oxygen by {o2.replace('_', ' ')}, the flow is not known" + cause_words(self.inputs.hypoxia_other)
        row = rows[0] if flow is None else self.scale.crs.oxygen_row(o2, flow)
        rate = f" at {flow} L/min" if flow else ""
        return f"oxygen by {o2.replace('_', ' ')}{rate}, {row.words}" + _worth(row, self.inputs.hypoxia_other, counted)


def _worth(row: GradedRow, other: bool | None, counted: bool) -> str:
    """The grade of a finding; what it would be when it does not count; nothing when it has another cause."""
    grade = f", grade {row.grade}" if counted else f", which in CRS would be grade {row.grade}"
    return cause_words(other) if other else grade + cause_words(other)


def _count_pressors(names: tuple[str, ...] | None, scale: Scale) -> tuple[int | None, bool]:
    """How many vasopressors count, and whether that is vasopressin by itself. None: not known."""
    if names is None:
        return None, False
    said = {" ".join(name.casefold().split()) for name in names}
    if said & set(scale.crs.pressor_names.not_a_medicine):
        return None, False
    same = {name: group for group in scale.crs.pressor_names.same for name in group}
    others = {same.get(name, (name,)) for name in said - set(scale.crs.vasopressin.names)}
    if said and not others:
        return scale.crs.vasopressin.alone_counts_as, True
    return len(others), False


def _flows(scale: Scale) -> tuple[Decimal, ...]:
    """One flow on each side of every limit of the scale, for a flow that is not known."""
    limits = {row.flow_to_l_per_min for row in scale.crs.hypoxia} - {None}
    return (*sorted(limit for limit in limits if limit is not None), Decimal("Infinity"))
