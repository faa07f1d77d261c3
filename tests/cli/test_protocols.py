"""`handrail protocols`: the shipped label data has no problem, and every planted one is named with its file and place."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from handrail.cli import main, protocols
from handrail.rules.protocol import catalogue, load
from tests.support.courses import ELRA, TEC

pytestmark = pytest.mark.slow  # sixty planted files, each read by the real command

SHIPPED = protocols.SHIPPED
ELRANATAMAB = SHIPPED / "products" / "elranatamab_us_2025-07.toml"
TECLISTAMAB = SHIPPED / "products" / "teclistamab_us_2026-03_mono.toml"


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """The real command, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "handrail.cli", "protocols", *words], capture_output=True, text=True, check=False
    )


def test_the_shipped_files_have_no_problem():
    finished = command("check")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "0 problems\n", "")


# What is changed in a copy of the file, the place that must be named, and words of the sentence.
PLANTED = [
    pytest.param(
        ('last = ["step_up_1"]\nfrom_day = 4\n', 'last = ["step_up_1"]\nfrom_day = 5\n'),
        "gap.SUD1-LATE",
        "After step_up_1, weekly: no row for day 4",
        id="a hole",
    ),
    pytest.param(
        ("from_day = 2\nto_day = 3\n", "from_day = 2\nto_day = 4\n"),
        "gap.SUD1-LATE",
        "After step_up_1, weekly: two rows for day 4",
        id="an overlap",
    ),
    pytest.param(
        (
            'source = ["S21"]\nstatus = "sourced"\n[[gap]]\nid = "SUD1-WINDOW"',
            'status = "sourced"\n[[gap]]\nid = "SUD1-WINDOW"',
        ),
        "gap[0]",
        "The key 'source' is missing",
        id="a missing source",
    ),
    pytest.param(
        ('id = "SUD1-WINDOW"', 'id = "SUD1-WINDOW"\ncolour = "blue"'),
        "gap[1].colour",
        "The key 'colour' is not known here",
        id="an unknown key",
    ),
    pytest.param(
        ('step = "step_up_2"\npremedicate', 'step = "step_up_9"\npremedicate'),
        "gap.SUD1-WINDOW.step",
        "There is no step 'step_up_9'",
        id="an unknown step",
    ),
    pytest.param(
        ('action = "give"\nstep = "step_up_2"\n', 'action = "give"\nstep = "step_up_3"\n'),
        "gap.SUD1-WINDOW",
        "This label has no step_up_3",
        id="a step of another label",
    ),
    pytest.param(
        ('source = ["S40", "NOTREAD"]\nstatus = "unverified"\n', 'source = ["S40", "NOTREAD"]\n'),
        "gap[2]",
        "The key 'status' is missing",
        id="a missing status",
    ),
    pytest.param(
        ('source = ["S40", "NOTREAD"]\nstatus', 'source = ["S99"]\nstatus'),
        "gap.SUD1-LATE.source",
        "There is no source 'S99'",
        id="an unknown source",
    ),
    pytest.param(
        ('source = ["S40", "NOTREAD"]\nstatus', "source = []\nstatus"),
        "gap.SUD1-LATE.source",
        "The row names no source",
        id="an empty source",
    ),
    pytest.param(
        ('source = ["S40", "NOTREAD"]\nstatus = "unverified"', 'source = ["NOTREAD"]\nstatus = "sourced"'),
        "gap.SUD1-LATE.source",
        "The row may act, and none of its sources was read",
        id="a row that acts unread",
    ),
    pytest.param(
        ("[sources.S21]", '[sources.S98]\ndocument = "Synthetic"\nkind = "label"\ndate = "2026"\n[sources.S21]'),
        "sources.S98",
        "No row uses this source",
        id="a source that nothing uses",
    ),
    pytest.param(
        ("due_day = 3\n", "due_day = 4\n"),
        "gap.SUD1-WINDOW.due_day",
        "The due day lies outside the row",
        id="a due day",
    ),
    pytest.param(
        ('words = "step-up dose 2 (nominal day 4)"\n', ""),
        "gap.SUD1-WINDOW.words",
        "The row has no words to show",
        id="a row without words",
    ),
    pytest.param(
        ("from_day = 2\nto_day = 3\n", f"from_day = 2\nto_day = {10**30}\n"),
        "gap[1].to_day",
        "The value is no int",
        id="a number beyond the calendar",
    ),
    pytest.param(
        ('requirement = "counselling"', 'requirement = "wallet_card"'),
        "rems.REMS-CARD.requirement",
        "Two rows ask for wallet_card",
        id="a REMS requirement that stands twice",
    ),
    pytest.param(
        ('before = "every_dose"', 'before = "some_doses"'),
        "rems.REMS-PRESCRIBER.before",
        "The value is one of: first_dose, every_dose",
        id="a REMS requirement of an unknown time",
    ),
    pytest.param(
        ('before = "every_dose"\neffect = "block"', 'before = "every_dose"\neffect = "refuse"'),
        "rems.REMS-PRESCRIBER.effect",
        "The value is one of: block, warn",
        id="an unknown effect",
    ),
    pytest.param(
        ('effect = "block"\nowner = "pharmacist"', 'effect = "block"\nowner = "somebody"'),
        "rems.REMS-PRESCRIBER.owner",
        "The owner is one of: prescriber, pharmacist, nurse",
        id="a REMS requirement of nobody",
    ),
    pytest.param(
        ('effect = "block"\nowner = "pharmacist"', 'effect = "block"\nowner = "pharmacist"\nin_force_to = 2026-06-30'),
        "rems.REMS-PRESCRIBER.confirmed_by",
        "An end of a REMS has who confirmed it",
        id="a REMS that ended and nobody confirmed it",
    ),
    pytest.param(
        (
            'effect = "block"\nowner = "pharmacist"',
            'effect = "block"\nowner = "pharmacist"\nconfirmed_by = "lead pharmacist"',
        ),
        "rems.REMS-PRESCRIBER.confirmed_by",
        "A confirmation has a person and a day",
        id="a confirmation without a day",
    ),
    pytest.param(
        (
            'effect = "block"\nowner = "pharmacist"',
            (
                'effect = "block"\nowner = "pharmacist"\nconfirmed_by = "lead pharmacist"\nconfirmed_on = 2026-07-01\n'
                "in_force_from = 2026-07-01\nin_force_to = 2026-06-30"
            ),
        ),
        "rems.REMS-PRESCRIBER.in_force_to",
        "The REMS ends before it begins",
        id="a REMS that ends before it begins",
    ),
    pytest.param(
        (
            'effect = "block"\nowner = "pharmacist"',
            'effect = "block"\nowner = "pharmacist"\nin_force_from = "2026-06-30"',
        ),
        "rems[0].in_force_from",
        "The value is no date",
        id="a day that is a text",
    ),
    pytest.param(
        ('check = "live_vaccine"', 'check = "weather"'),
        "warning.W-VACCINE.check",
        "No rule reads this check",
        id="a check that no rule reads",
    ),
    pytest.param(
        ("within_days = 28\n", ""),
        "warning.W-VACCINE",
        "The check needs within_days",
        id="a vaccine check without its days",
    ),
    pytest.param(
        ('effect = "block"\nwords = "verify', 'effect = "block"\nowner = "somebody"\nwords = "verify'),
        "warning.W-PREG.owner",
        "The owner is one of: prescriber, pharmacist, nurse",
        id="a warning of nobody",
    ),
    pytest.param(("[[gap]]", "[[gap"), "", "This is not readable TOML", id="broken TOML"),
]


@pytest.mark.parametrize(("change", "place", "sentence"), PLANTED)
def test_a_planted_problem_is_named_with_file_and_place(
    change: tuple[str, str], place: str, sentence: str, tmp_path: Path
):
    before, after = change
    text = ELRANATAMAB.read_text()
    assert before in text
    copy = tmp_path / "planted.toml"
    copy.write_text(text)
    assert command("check", str(copy)).returncode == 0
    copy.write_text(text.replace(before, after, 1))
    finished = command("check", str(copy))
    assert finished.returncode == 1
    [line] = finished.stderr.splitlines()
    assert line.startswith(f"{copy}: {sentence}")
    assert line.endswith(f"(at {place})." if place else ".")
    assert finished.stdout == "1 problem\n"


def test_a_rems_belongs_to_the_united_states(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    copy = tmp_path / "planted.toml"
    text = ELRANATAMAB.read_text().replace('jurisdiction = "US"', 'jurisdiction = "EU"')
    copy.write_text(text.replace('"elranatamab/US/2025-07"', '"elranatamab/EU/2025-07"'))
    assert main(["protocols", "check", str(copy)]) == 1
    problems = capsys.readouterr().err.splitlines()
    assert len(problems) == 3
    assert all("A REMS is a programme of the United States (at rems.REMS-" in line for line in problems)


def test_weight_bands_that_overlap_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    text = TECLISTAMAB.read_text()
    first = re.search(r'id = "(BAND[^"]+)"\nmg_per_kg = "([\d.]+)"\nfrom_kg = (\d+)\nto_kg = (\d+)\n', text)
    assert first
    copy = tmp_path / "planted.toml"
    longer = first.group(0).replace(f"to_kg = {first.group(4)}", f"to_kg = {int(first.group(4)) + 1}")
    copy.write_text(text.replace(first.group(0), longer, 1))
    assert main(["protocols", "check", str(copy)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert re.fullmatch(rf"{copy}: The weight bands overlap \(at band\.BAND\S+ and band\.{first.group(1)}\)\.", line)


@pytest.mark.parametrize(
    ("file", "line"), [("policies/default-1.toml", "source = "), ("scales/astct-2019.toml", "source = ")]
)
def test_a_policy_or_scale_without_a_source_or_with_a_planted_key_is_refused(
    file: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    text = (SHIPPED / file).read_text()
    copy = tmp_path / "planted.toml"
    for spoilt in (
        re.sub(rf"^{line}.*\n", "", text, count=1, flags=re.MULTILINE),
        re.sub(rf"^{line}", "colour = 1\n" + line, text, count=1, flags=re.MULTILINE),
    ):
        copy.write_text(spoilt)
        assert spoilt != text
        assert main(["protocols", "check", str(copy)]) == 1
        assert capsys.readouterr().err.startswith(f"{copy}: ")


def test_several_files_are_all_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    other = tmp_path / "other.toml"
    other.write_text('format = "something-else/1"\n')
    assert main(["protocols", "check", str(ELRANATAMAB), str(other), str(tmp_path / "gone.toml")]) == 1
    written = capsys.readouterr()
    assert written.err.splitlines()[0].startswith(f"{other}: The format is one of")
    assert written.err.splitlines()[1].startswith(f"{tmp_path / 'gone.toml'}: The file cannot be read")
    assert written.out == "2 problems\n"


def test_the_list_has_one_line_for_each_protocol(capsys: pytest.CaptureFixture[str]):
    assert main(["protocols", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [protocol.key for protocol in catalogue()]
    old = next(line for line in lines if line.startswith("elranatamab/US/2023-08"))
    assert f"superseded by {ELRA}" in old and "unverified" in old


@pytest.mark.parametrize("key", [protocol.key for protocol in catalogue()])
def test_every_row_of_a_protocol_is_shown_with_its_source_and_status(key: str, capsys: pytest.CaptureFixture[str]):
    assert main(["protocols", "show", key]) == 0
    shown = capsys.readouterr().out
    protocol = load(key)
    for row in protocol.rows():
        if row is protocol.product:
            assert row.words in shown
            continue
        lines = [line for line in shown.splitlines() if line.split()[:1] == [row.id]]
        assert lines, row.id
        tail = re.compile(rf" {re.escape(' '.join(row.source))} +{row.status.value}$")
        assert all(tail.search(line) for line in lines), row.id
    for name, source in protocol.sources.items():
        assert f"  {name}  ({source.kind}) {source.document}" in shown


def test_show_names_one_protocol_that_exists(capsys: pytest.CaptureFixture[str]):
    assert main(["protocols", "show"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["protocols", "show", "examplamab/US/2026-01"]) == 2
    assert capsys.readouterr().err == "There is no protocol 'examplamab/US/2026-01' (at protocol_key).\n"
    assert main(["protocols", "show", TEC]) == 0
