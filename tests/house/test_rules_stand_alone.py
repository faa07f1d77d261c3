"""The rules need nothing but Python: they load with no third-party package visible."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# -I: no environment and no user's packages; -S: no site-packages. The bytes stay unwritten in the tree.
LOAD_EVERY_RULE = """
import importlib, pathlib, sys
source = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(source))
names = ["handrail." + ".".join(path.relative_to(source / "handrail").with_suffix("").parts)
         for path in sorted((source / "handrail" / "rules").rglob("*.py"))]
for name in names:
    importlib.import_module(name.removesuffix(".__init__"))
print(len(names), "modules")
outside = sorted(name for name in sys.modules if name.startswith("handrail.")
                 and not name.startswith(("handrail.rules", "handrail.protocols")))
if outside:
    sys.exit(f"the rules loaded {outside}")
"""


def load_rules(source: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", LOAD_EVERY_RULE, str(source)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The rules, the numbers and the clock, copied to where a test may spoil them."""
    package = tmp_path / "handrail"
    package.mkdir()
    for name in ("__init__.py", "clock.py"):
        shutil.copy(ROOT / "src" / "handrail" / name, package)
    for room in ("rules", "protocols"):
        shutil.copytree(ROOT / "src" / "handrail" / room, package / room, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_every_rule_loads_on_python_alone():
    finished = load_rules(ROOT / "src")
    assert finished.returncode == 0, finished.stderr
    modules = len(list((ROOT / "src" / "handrail" / "rules").rglob("*.py")))
    assert finished.stdout == f"{modules} modules\n"


@pytest.mark.parametrize("planted", ["import django", "import msgspec", "from handrail import clock"])
def test_a_planted_import_is_found(copy: Path, planted: str):
    assert load_rules(copy).returncode == 0
    (copy / "handrail" / "rules" / "planted.py").write_text(planted + "\n")
    finished = load_rules(copy)
    assert finished.returncode != 0
    assert planted.rsplit(maxsplit=1)[-1] in finished.stderr
