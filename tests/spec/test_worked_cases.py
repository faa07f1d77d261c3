"""The worked cases that need a whole course, and the count: every worked case stands in a table of these tests.

A case is a line of a table that begins with its number (`W001|`), or a row whose first cell is it (`("X08", ...)`).
W001 to W126 are about delays, X01 to X50 about everything else.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from handrail.rules.answer import Assessment
from handrail.rules.protocol import load
from tests.support.courses import Told, well
from tests.support.reactions import crs, icans, resolved

WORKED = [*(f"W{number:03}" for number in range(1, 127)), *(f"X{number:02}" for number in range(1, 51))]
LINE = re.compile(r"([WX]\d{2,3})\|")
NAME = re.compile(r"[WX]\d{2,3}")


def cases_in(text: str) -> Iterator[str]:
    """The cases that stand in a table of a test file; a name of a test or a comment is no table."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (found[1] for line in node.value.splitlines() if (found := LINE.match(line)))
        if isinstance(node, ast.Tuple) and node.elts and isinstance(first := node.elts[0], ast.Constant):
            yield from ([first.value] if isinstance(first.value, str) and NAME.fullmatch(first.value) else [])


def test_every_worked_case_stands_in_a_table():
    here = [case for file in Path(__file__).parent.glob("test_*.py") for case in cases_in(file.read_text())]
    assert len(WORKED) == 176
    assert sorted(set(WORKED) - set(here)) == [], "no table has these"
    assert sorted(set(here) - set(WORKED)) == [], "nobody knows these"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('T = """\nX46|a|b\nW001|c\n"""', ["X46", "W001"]),
        ('ROWS = [("X08", 1), ("-", 2)]', ["X08"]),
        ("def test_x08_something():\n    '''X09 is told here'''  # X10\n", []),
        ('x = "X08"', []),
    ],
)
def test_a_name_or_a_remark_is_no_table(text: str, found: list[str]):
    assert list(cases_in(text)) == found


# --- whole courses --------------------------------------------------------------------------------------------------

TEC, TEC_OLD = "teclistamab/US/2026-03/mono", "teclistamab/US/2025-03/mono"
ELR, TAL, DLBCL, TARLA = (
    "elranatamab/US/2025-07",
    "talquetamab/US/2023-08/mono",
    "epcoritamab/US/2024-07/dlbcl",
    "tarlatamab/US/2025-11",
)
QW, Q2W = "weekly", "every_2_weeks"
STEPS = {"FTD": "first_treatment", "TD": "treatment", "TD2": "treatment_2"}
STEPS |= {f"SUD{number}": f"step_up_{number}" for number in (1, 2, 3)}

# case | protocol | schedule | what happened, each on its day (counted from 1 March 2026) | day of the visit | answer | row of
# the delay table | watched after the dose | words of the reason. Doses are given at 09:00, the visit is at 09:00, and on
# that morning everything is normal unless the story says otherwise. `(...)`: what would be, and nobody acts on.
STORIES = """
X20|TEC|QW|2 SUD1; 3 crs 1; 5 fever|5|hold (give SUD2)|SUD1-WINDOW|hospital 48|fever 38.4
X20|TEC|QW|2 SUD1; 3 crs 1; 4 over crs|5|ask withheld (give SUD2)|SUD1-WINDOW|hospital 48|grade 1
X21|ELR|QW|2 SUD1; 3 crs 2; 4 over crs|5|give SUD2|SUD1-WINDOW|hospital 48|step-up dose 2
X21|ELR|QW|2 SUD1; 5 SUD2; 6 crs 2; 7 over crs|9|give FTD|SUD2-WINDOW|near_facility 48|first treatment
X22|ELR|QW|2 SUD1; 3 crs 3; 4 over crs; 5 SUD2; 6 crs 3; 7 over crs|9|stop withheld (give FTD)|SUD2-WINDOW|none_stated|stop for good
X22|ELR|QW|2 SUD1; 3 crs 3; 4 over crs; 5 SUD2; 6 crs 3; 7 over crs|90|stop withheld (ask)|SUD2-LATE|-|stop for good
X23|TEC|QW|2 SUD1; 5 SUD2; 6 icans 2; 7 over icans|8|give FTD|SUD2-WINDOW|hospital 48|first treatment
X24|TEC|QW|2 SUD1; 3 neuro 3; 4 no neuro; 5 SUD2; 6 neuro 3; 7 no neuro|8|stop withheld (give FTD)|SUD2-WINDOW|near_facility 48|stop for good
X25|TEC|QW|2 SUD1; 5 pneumonia 2|5|hold (give SUD2)|SUD1-WINDOW|hospital 48|infection
X25|TEC|QW|2 SUD1; 10 pneumonia 2|10|hold (restart SUD1)|R1|hospital 48|infection
X25|TEC|QW|2 SUD1; 5 pneumonia 2; 9 no pneumonia|10|restart SUD1|R1|hospital 48|more than 7 days
X26|TAL|QW|2 SUD1; 3 crs 4; 4 over crs|5|ask withheld (give SUD2)|SUD1-WINDOW|hospital 48|stop for good
X42|TEC|QW|2 TD unknown|9|ask|-|-|request the record
X43|TEC|QW|2 SUD1; 5 SUD2; 13 SUD2|19|give FTD confirm|SUD2-EXTENDED|near_facility 48|first treatment
X44|TEC|QW|2 TD; 9 missed infection|42|restart SUD2|R5|hospital 48|29 to 56 days
X45|TEC|QW|2 TD; 9 missed logistics|42|restart SUD2|R5|hospital 48|29 to 56 days
X46|DLBCL|QW|2 SUD1; 9 SUD2|24|restart SUD1|S2-RESTART|none_stated|0.16
X47|DLBCL|QW|2 SUD1; 9 SUD2|23|give FTD|S2-LATE|hospital 24|48
X48|DLBCL|QW|2 SUD1; 9 SUD2; 16 FTD|58|give TD2|Q1W-LATE|none_stated|48
X48|DLBCL|QW|2 SUD1; 9 SUD2; 16 FTD|59|restart SUD1|TD-RESTART|none_stated|0.16
X49|DLBCL|QW|2 SUD1|10|give SUD2|S1-WINDOW|none_stated|0.8
X49|DLBCL|QW|2 SUD1|11|restart SUD1|S1-RESTART|none_stated|0.16
X50|TARLA|Q2W|2 SUD1|9|give FTD|D1-WINDOW|observation 24 from infusion_start, then near_facility 48|10 mg
"""
ROWS = [line.split("|") for line in STORIES.strip().splitlines()]


def day(number: int, hour: int = 9) -> str:
    """The civil time of a day counted from 1 March 2026."""
    return f"{date(2026, 3, 1) + timedelta(days=number - 1)} {hour:02}:00"


def happened(told: Told, on: int, what: str, words: list[str]) -> None:
    """One fact of a story."""
    match what, words:
        case ("crs", [grade]):
            crs(told, day(on, 2), int(grade))
        case ("icans", [grade]):
            icans(told, day(on, 2), int(grade))
        case ("over", [toxicity]):
            {"crs": crs, "icans": icans}[toxicity](told, day(on, 1), 0)
            resolved(told, toxicity, day(on, 1))
        case ("neuro", [grade]):
            told.tell("condition_noted", day(on, 10), what="neurotoxicity", grade=int(grade), active=True)
        case ("no", [condition]):
            name = {"neuro": "neurotoxicity"}.get(condition, condition)
            told.tell("condition_noted", day(on, 8), what=name, active=False)
        case ("pneumonia", [grade]):
            told.tell("condition_noted", day(on, 8), what="pneumonia", grade=int(grade), active=True)
        case ("fever", []):
            told.tell("vitals_measured", day(on, 8), temperature_c="38.4")
        case ("missed", [because]):
            told.tell("dose_not_given", day(on), step="treatment", because=because, related_to_drug=True)
        case (step, ["unknown"]):
            told.dose(STEPS[step], day(on), started_at=None)
        case (step, []):
            row = load(told.key).step_row(STEPS[step], told.header["schedule"])
            told.dose(STEPS[step], day(on), **({"dose_mg": str(row.mg)} if row.mg is not None else {}))


def course(key: str, schedule: str, story: str, visit: int) -> Assessment:
    """The answer at the visit; nothing is normal that the story says is not."""
    told = Told(key, schedule=schedule, intent="step_up" if story.split()[1] == "SUD1" else "continuation")
    facts = [item.split() for item in story.split("; ")]
    unwell = any(int(on) == visit for on, *_ in facts)
    if not unwell:
        facts.append([str(visit), "well"])
    for on, what, *words in facts:
        if what == "well":
            well(told, day(visit, 8))
        else:
            happened(told, int(on), what, words)
    return told.assess(day(visit))


def said(answer: Assessment) -> str:
    """`give FTD confirm`, `hold (give SUD2)`: the answer in few words."""
    dose, names = answer.next_dose, {step: name for name, step in STEPS.items()}
    words = [dose.action.value, names.get(dose.step or "", ""), "confirm" if dose.confirm else ""]
    words.append("withheld" if dose.withheld and dose.action.value != "hold" else "")
    if dose.would_be is not None and dose.would_be.action is not None:
        would = [dose.would_be.action.value, names.get(dose.would_be.step or "", "")]
        words.append(f"({' '.join(filter(None, would))})")
    return " ".join(word for word in words if word)


def watched(answer: Assessment) -> str:
    """`hospital 48`, `none_stated`."""
    where = answer.next_dose.monitoring
    if where is None:
        return "-"
    words = " ".join(str(part) for part in (where.setting, where.hours) if part is not None)
    if where.then is not None:
        words += f" from {where.anchor}, then {where.then.setting} {where.then.hours}"
    return words


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]}-{row[4]}" for row in ROWS])
def test_a_worked_case_of_a_whole_course(row: list[str]):
    _, key, schedule, story, visit, wanted, delay_row, where, words = row
    answer = course(globals()[key], globals()[schedule], story, int(visit))
    assert said(answer) == wanted
    assert (answer.next_dose.row or "-", watched(answer)) == (delay_row, where)
    assert words in answer.next_dose.because


@pytest.mark.parametrize(("case", "because", "flagged"), [("X44", "infection", True), ("X45", "logistics", False)])
def test_a_delay_is_weighed_only_when_the_drug_caused_it(case: str, because: str, flagged: bool):
    answer = course(TEC, QW, f"2 TD; 9 missed {because}", 42)
    assert any("benefit-risk" in flag for flag in answer.next_dose.flags) == flagged, case


# --- days are calendar days of the site, whatever the clocks do -------------------------------------------------------

OSLO, CHICAGO = "Europe/Oslo", "America/Chicago"
TAL_EU = "talquetamab/EU/2025-09/mono"


@pytest.mark.parametrize(
    # case | protocol | zone | last step, given | visit | answer | row
    ("case", "key", "zone", "last", "given", "at", "wanted", "row"),
    [
        # clocks go forward on 8 March 2026 in Chicago: a night with 23 hours
        ("W006", TEC, CHICAGO, "SUD1", "2026-03-02 23:30", "2026-03-09 00:30", "give SUD2 confirm", "SUD1-EXTENDED"),
        ("W006", TEC, CHICAGO, "SUD1", "2026-03-02 00:30", "2026-03-09 23:30", "give SUD2 confirm", "SUD1-EXTENDED"),
        ("W007", TEC, CHICAGO, "SUD1", "2026-03-02 20:00", "2026-03-10 08:00", "restart SUD1", "R1"),
        ("W007", TEC, CHICAGO, "SUD1", "2026-03-02 23:30", "2026-03-10 00:30", "restart SUD1", "R1"),
        # clocks go back on 25 October 2026 in Oslo
        ("W053", TAL_EU, OSLO, "FTD", "2026-09-07 00:30", "2026-11-02 23:30", "restart SUD2", "E5"),
        ("W053", TAL_EU, OSLO, "FTD", "2026-09-07 23:30", "2026-11-02 00:30", "restart SUD2", "E5"),
        ("W054", TAL_EU, OSLO, "FTD", "2026-09-07 23:30", "2026-11-03 00:30", "ask withheld (restart SUD1)", "E6"),
        # a leap day is a day
        ("W040", TEC_OLD, CHICAGO, "SUD2", "2028-02-20 09:00", "2028-02-29 09:00", "repeat SUD2", "R2"),
        ("W040", TEC_OLD, CHICAGO, "SUD2", "2028-02-01 09:00", "2028-02-29 09:00", "repeat SUD2", "R2"),
        ("W040", TEC_OLD, CHICAGO, "SUD2", "2028-02-01 09:00", "2028-03-01 09:00", "restart SUD1", "R3"),
    ],
)
def test_a_day_is_a_day_of_the_calendar(
    case: str, key: str, zone: str, last: str, given: str, at: str, wanted: str, row: str
):
    told = Told(key, zone=zone, intent="continuation")
    if last == "FTD":
        told.dose("step_up_1", "2026-09-03 09:00")
        told.dose("step_up_2", "2026-09-05 09:00")
    if last == "SUD2":
        told.dose("step_up_1", f"{date.fromisoformat(given[:10]) - timedelta(days=3)} 09:00")
    told.dose(STEPS[last], given)
    well(told, at)
    answer = told.assess(at)
    assert (said(answer), answer.next_dose.row) == (wanted, row), case
