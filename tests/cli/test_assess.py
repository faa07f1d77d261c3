"""`handrail assess`: the answer for a course file or for many lines, and one sentence for what cannot be used."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from handrail.cli import main
from handrail.rules.events import KINDS
from tests.support.courses import TEC, Told, well

ROOT = Path(__file__).resolve().parents[2]
AT = "2026-01-06T09:00:00-06:00"


def quiet() -> Told:
    """A synthetic course, one day after step-up dose 1."""
    told = Told(TEC)
    well(told, "2026-01-05 08:00")
    told.dose("step_up_1", "2026-01-05 10:00", dose_mg_per_kg="0.06")
    return told


def write(folder: Path, document: Any) -> str:
    """A file with this content; its name."""
    file = folder / "course.json"
    file.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return str(file)


def run(*words: str, given: str | bytes = "") -> subprocess.CompletedProcess[bytes]:
    """The real command, in a process of its own."""
    body = given.encode() if isinstance(given, str) else given
    return subprocess.run([sys.executable, "-m", "handrail.cli", *words], input=body, capture_output=True, check=False)


# --- one file ------------------------------------------------------------------------------------------------------------


def test_a_course_file_is_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    told = quiet()
    assert main(["assess", write(tmp_path, told.file()), "--at", AT]) == 0
    written = capsys.readouterr()
    assert json.loads(written.out) == told.assess("2026-01-06 09:00").to_json()
    assert written.err == ""


def test_the_answer_moves_with_the_instant(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = write(tmp_path, quiet().file())
    seen = []
    for at in ("2026-01-06T09:00:00-06:00", "2026-01-06T15:00:00Z", "2026-01-08T09:00:00-06:00"):
        assert main(["assess", file, "--at", at]) == 0
        seen.append(json.loads(capsys.readouterr().out))
    assert seen[0] == seen[1]
    assert [body["next_dose"]["row"] for body in seen[::2]] == ["SUD1-EARLY", "SUD1-WINDOW"]
    assert [body["at"] for body in seen[::2]] == ["2026-01-06T15:00:00Z", "2026-01-08T15:00:00Z"]


def test_without_an_instant_the_clock_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from datetime import UTC, datetime

    from handrail import clock

    with clock.use(clock.FrozenClock(datetime(2026, 1, 6, 15, 0, tzinfo=UTC))):
        assert main(["assess", write(tmp_path, quiet().file())]) == 0
    assert json.loads(capsys.readouterr().out)["at"] == "2026-01-06T15:00:00Z"


def test_a_hold_or_a_question_is_an_answer_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    told = quiet()
    told.tell("checkin_received", "2026-01-06 02:14", temperature_c="38.4")
    assert main(["assess", write(tmp_path, told.file()), "--at", AT]) == 0
    assert json.loads(capsys.readouterr().out)["next_dose"]["action"] in ("hold", "ask")


def test_standard_input_is_a_file_too():
    finished = run("assess", "-", "--at", AT, given=json.dumps(quiet().file()))
    assert finished.returncode == 0
    assert json.loads(finished.stdout)["format"] == "handrail-assessment/1"


def test_no_module_of_django_is_needed(tmp_path: Path):
    """The command runs where Django cannot be imported at all."""
    (tmp_path / "django").mkdir()
    (tmp_path / "django" / "__init__.py").write_text("raise ImportError('there is no Django here')\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT / "src")])
    environment = {"PYTHONPATH": path, "PATH": os.environ["PATH"]}
    file = write(tmp_path, quiet().file())
    for words in (["assess", file, "--at", AT], ["replay", file], ["schema", "course"], ["protocols", "list"]):
        finished = subprocess.run(
            [sys.executable, "-S", "-m", "handrail.cli", *words], env=environment, capture_output=True, check=False
        )
        assert (finished.returncode, finished.stderr) == (0, b""), words
        assert finished.stdout
    refused = subprocess.run([sys.executable, "-c", "import django"], env=environment, capture_output=True, check=False)
    assert b"there is no Django here" in refused.stderr


def test_a_sign_that_the_terminal_lacks_stops_no_answer(tmp_path: Path):
    told = quiet()
    told.tell("checkin_received", "2026-01-06 02:14", temperature_c="38.4")
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    finished = subprocess.run(
        [sys.executable, "-m", "handrail.cli", "assess", write(tmp_path, told.file()), "--at", AT],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert finished.returncode == 0
    assert "38.4 °C" in finished.stdout.decode("ascii").encode().decode("unicode_escape")


# --- input that cannot be used ---------------------------------------------------------------------------------------------


def changed(**header: Any) -> dict[str, Any]:
    return {**quiet().file(), **header}


def with_event(kind: str, at: str = "2026-01-05 12:00", **fields: Any) -> dict[str, Any]:
    told = quiet()
    told.tell(kind, at, **fields)
    return told.file()


def naive() -> dict[str, Any]:
    body = with_event("weight_measured", weight_kg="70")
    body["events"][-1]["at"] = "2026-01-05T12:00:00"
    return body


def twice() -> dict[str, Any]:
    body = with_event("weight_measured", weight_kg="70")
    body["events"].append({**body["events"][-1], "weight_kg": "71"})
    return body


UNUSABLE = [
    pytest.param(b"{", "This course file is not readable JSON (line 1).", id="not JSON"),
    pytest.param(b'{"\xe9": 1}', "This course file is not readable JSON.", id="not a text"),
    pytest.param(b"[" * 100_000, "This course file is not readable JSON.", id="too deep"),
    pytest.param([], "A course file is a JSON object.", id="a list"),
    pytest.param({}, 'A course file starts with "format": "handrail-course/1" (at format).', id="another format"),
    pytest.param(changed(colour=1), "The key 'colour' is not known here (at colour).", id="unknown key"),
    pytest.param(
        changed(product="examplamab", protocol_key=None),
        "There is no product 'examplamab' (at product).",
        id="unknown product",
    ),
    pytest.param(
        changed(protocol_key="teclistamab/US/1999-01/mono"),
        "There is no protocol 'teclistamab/US/1999-01/mono' (at protocol_key).",
        id="unknown protocol",
    ),
    pytest.param(
        changed(time_zone="Mars/Olympus"),
        "There is no time zone called 'Mars/Olympus' (at time_zone).",
        id="unknown zone",
    ),
    pytest.param(
        with_event("weight_measured", weight_kg="70", at="2026-01-01 12:00"),
        "The event happened before the course began (at events[8].at).",
        id="event before the course",
    ),
    pytest.param(
        with_event("dose_planned", step="step_up_3", on="2026-01-08"),
        f"{TEC} has no such step to plan (at events[8].step).",
        id="planned step that the schedule lacks",
    ),
    pytest.param(
        with_event("checkin_received", temperature_c="384"),
        "temperature_c is outside 30 to 43: correct it, or list it in implausible[] to keep it (at events[8].temperature_c).",
        id="384 °C",
    ),
    pytest.param(
        with_event("weight_measured", weight_kg="7"),
        "weight_kg is outside 30 to 250: correct it, or list it in implausible[] to keep it (at events[8].weight_kg).",
        id="7 kg",
    ),
    pytest.param(
        naive(), "The time needs its offset from UTC, such as Z or -05:00 (at events[8].at).", id="naive time"
    ),
    pytest.param(
        twice(),
        "Two different events carry the id 00000000-0000-0000-0000-000000000009 (at events).",
        id="one id with two contents",
    ),
    pytest.param(
        with_event("dose_planned", step="step_up_2", on="9999-12-31"),
        "The year is not one of 1900 to 2199 (at events[8].on).",
        id="beyond the calendar",
    ),
    pytest.param(
        with_event("temperature_measured"),
        "There is no event kind of that name (at events[8].kind).",
        id="unknown kind",
    ),
    pytest.param(
        changed(policy={"format": "handrail-policy/1", "sources": 7}),
        "This is a table of tables (at policy.sources).",
        id="broken policy",
    ),
]


@pytest.mark.parametrize(("document", "sentence"), UNUSABLE)
@pytest.mark.parametrize("command", ["assess", "replay"])
def test_one_sentence_and_exit_status_2(
    command: str, document: Any, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = [command, write(tmp_path, document), *(["--at", AT] if command == "assess" else [])]
    assert main(words) == 2
    assert capsys.readouterr() == ("", sentence + "\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["assess"], "Name a course file, or - for standard input."),
        (["assess", "gone.json"], "The file cannot be read: No such file or directory."),
        (["assess", "."], "The file cannot be read: Is a directory."),
        (
            ["assess", "FILE", "--at", "tomorrow"],
            "The value is not a date and time in RFC 3339 form (at the command line).",
        ),
        (
            ["assess", "FILE", "--at", "2026-01-06T09:00:00"],
            "The time needs its offset from UTC, such as Z or -05:00 (at the command line).",
        ),
        (["assess", "--lines", "--at", AT], "With --lines every line has its own 'at' (at --at)."),
        (["assess", "--lines", "gone.json"], "The file cannot be read: No such file or directory."),
    ],
)
def test_a_command_line_that_cannot_be_used(
    words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    file = write(tmp_path, quiet().file())
    monkeypatch.chdir(tmp_path)
    assert main([file if word == "FILE" else word for word in words]) == 2
    assert capsys.readouterr() == ("", sentence + "\n")


def test_the_real_process_ends_with_status_2_and_one_line(tmp_path: Path):
    finished = run("assess", write(tmp_path, b"{"), "--at", AT)
    assert (finished.returncode, finished.stdout) == (2, b"")
    assert finished.stderr == b"This course file is not readable JSON (line 1).\n"


def test_a_step_really_given_is_always_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = write(tmp_path, with_event("dose_given", step="step_up_3", dose_mg="5"))
    assert main(["assess", file, "--at", AT]) == 0
    body = json.loads(capsys.readouterr().out)
    assert body["next_dose"]["action"] == "ask"
    assert "now" in [finding["urgency"] for finding in body["findings"]]


def test_a_reading_that_is_marked_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = write(tmp_path, with_event("checkin_received", temperature_c="384", implausible=["temperature_c"]))
    assert main(["assess", file, "--at", AT]) == 0
    missing = [item["missing"] for item in json.loads(capsys.readouterr().out)["cannot_say"]]
    assert "checkin_received.temperature_c" in missing


# --- lines -------------------------------------------------------------------------------------------------------------------


def line(name: Any, course: Any, at: Any = AT) -> str:
    return json.dumps({"id": name, "course": course, "at": at})


def test_one_line_out_for_each_line_in_and_a_bad_one_stops_nothing():
    good = quiet().file()
    given = [
        line("a", good),
        "{",
        line(7, changed(product="examplamab", protocol_key=None)),
        line("b", good, at="2026-01-06T09:00:00"),
        line("c", good, at=None),
        json.dumps({"id": "d", "course": good, "at": AT, "now": AT}),
        line("e", None),
        "",
        "[1]",
        line({"x": 1}, good),
        line("\ud800", good),
        line("z", good, at="2026-01-08T09:00:00-06:00"),
    ]
    finished = run("assess", "--lines", given="\n".join(given) + "\n")
    assert (finished.returncode, finished.stderr) == (0, b"")
    answers = [json.loads(text) for text in finished.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", None, 7, "b", "c", "d", "e", None, None, None, "\ud800", "z"]
    codes = [answer.get("error", {}).get("code") for answer in answers]
    assert codes == [
        None,
        "not_json",
        "unknown_product",
        "naive_time",
        "missing_key",
        "unknown_key",
        "wrong_type",
        "not_json",
        "wrong_type",
        None,
        None,
        None,
    ]
    assert all(set(a["error"]) == {"code", "message", "path"} for a in answers if "error" in a)
    assert answers[0] == {"id": "a", **quiet().assess("2026-01-06 09:00").to_json()}
    assert answers[-1] == {"id": "z", **quiet().assess("2026-01-08 09:00").to_json()}


def test_a_line_that_is_not_utf_8_is_an_error_of_its_own():
    good = line("a", quiet().file()).encode()
    finished = run("assess", "--lines", given=b"\n".join([b'{"id":"\xff"}', good]))
    first, second = (json.loads(text) for text in finished.stdout.splitlines())
    assert first["error"]["code"] == "not_json"
    assert second["id"] == "a" and "error" not in second


def test_the_lines_may_stand_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = write(tmp_path, (line("a", quiet().file()) + "\n").encode())
    assert main(["assess", "--lines", file]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "a"


def test_nothing_in_nothing_out():
    finished = run("assess", "--lines")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, b"", b"")


def test_each_answer_is_written_before_the_next_line_is_read():
    """The other end may wait for an answer before it asks again."""
    process = subprocess.Popen(
        [sys.executable, "-m", "handrail.cli", "assess", "--lines"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    patience = threading.Timer(30, process.kill)
    patience.start()
    try:
        for name in ("first", "second"):
            process.stdin.write(line(name, quiet().file()) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == name
        process.stdin.close()
        assert process.wait() == 0
    finally:
        patience.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_reader_that_has_gone_is_no_trouble(tmp_path: Path):
    given = tmp_path / "lines"
    given.write_text((line("a", quiet().file()) + "\n") * 200)
    command = f'"{sys.executable}" -m handrail.cli assess --lines "{given}" | head -n 1 > /dev/null; echo "${{PIPESTATUS[0]}}"'
    finished = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (finished.stdout, finished.stderr) == ("0\n", "")


def test_the_sample_of_every_kind_is_answered():
    """Every kind that is ever written can stand in a course that is assessed."""
    samples = [json.loads(p.read_text()) for p in sorted((ROOT / "tests/records/samples").glob("*.json"))]
    assert {sample["kind"] for sample in samples} == set(KINDS)
    lines = []
    for number, sample in enumerate(samples):
        event = {**sample, "supersedes": None} | ({"sha256": None} if sample["kind"] == "policy_changed" else {})
        body = quiet().file()
        body["events"] = [*body["events"], {**event, "id": str(UUID(int=1000 + number))}]
        lines.append(line(sample["kind"], body, at="2026-06-01T00:00:00Z"))
    finished = run("assess", "--lines", given="\n".join(lines))
    errors = {a["id"]: a["error"] for a in map(json.loads, finished.stdout.splitlines()) if "error" in a}
    assert errors == {}
