"""The package that is built holds everything that the programme reads: numbers, templates, style, words."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house import tree
from tests.house.tree import ROOT

UV = ROOT / ".tools" / "bin" / "uv"


@pytest.mark.slow
def test_every_file_of_the_source_is_in_the_wheel(tmp_path: Path):
    build = [UV, "build", "--quiet", "--wheel", "--offline", "--no-python-downloads", "--python", sys.executable]
    subprocess.run([*build, "--out-dir", tmp_path, ROOT], check=True, capture_output=True, text=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    source = {str(path.relative_to("src")) for path in tree.files() if path.parts[:2] == ("src", "handrail")}
    assert any(name.endswith(".toml") for name in source)
    assert source - packed == set()
    assert any(name.endswith("licenses/LICENSE") for name in packed)
    assert any(name.endswith("licenses/NOTICE") for name in packed)


def test_the_command_is_installed():
    assert (Path(sys.executable).parent / "handrail").is_file()
