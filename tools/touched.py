"""Which tests a change touches: those that changed, those that name what changed, and the folder of each room that changed.

`make check` runs these; `make test` runs all. What a change does two rooms further on is found there only, and `make check` says so.
"""

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ALWAYS = ("clock", "house", "protocols", "rules", "spec")
"""Folders of tests that need no database and take little: the rules as tables, and the house's own checks."""
EVERYTHING = ("pyproject.toml", "requirements", "src/handrail/config/settings")
"""What every test rests on, by the beginning of its path; besides these whatever `tests/conftest.py` rests on."""
BESIDE = {"rules": ("properties", "scenarios"), "protocols": ("properties", "scenarios", "cli")}
"""Folders that judge a room besides the one of its name."""
_IMPORT = re.compile(
    r"^\s*(?:from\s+((?:tests|tools|bench|handrail)[\w.]*)\s+import\s+(\([^)]*\)|[^\n]*)"
    r"|import\s+((?:tests|tools|bench|handrail)[\w.]*))",
    re.MULTILINE,
)
_NAME = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Touched:
    """The test files to run besides those of `ALWAYS`, and how many stay for `make test`."""

    files: tuple[str, ...]
    left: int


def changed(root: Path) -> list[str] | None:
    """The paths that differ from where this branch left main, new and uncommitted ones included; None: git cannot say.

    The published main comes first: work on a local main differs from that one.
    """
    for main in ("origin/main", "main"):
        base = _git(root, "merge-base", "HEAD", main)
        if base is not None:
            differ = _git(root, "diff", "--name-only", "--no-renames", base.strip())
            new = _git(root, "ls-files", "--others", "--exclude-standard")
            if differ is not None and new is not None:
                return sorted({*differ.splitlines(), *new.splitlines()})
    return None


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def touched(root: Path, paths: Iterable[str] | None) -> Touched | None:
    """The tests that these paths touch; None: every test, since all of them rest on one of the paths, or nobody knows what changed."""
    paths = list(paths or ())
    if not paths or any(path.startswith(EVERYTHING) for path in paths):
        return None
    tests = {str(file.relative_to(root)): file.read_text(encoding="utf-8") for file in (root / "tests").rglob("*.py")}
    named = {path: _named(text) for path, text in tests.items()}
    found = {path for path in tests if Path(path).name.startswith("test_")}
    folders: set[str] = set()
    modules: set[str] = set()
    for path in paths:
        parts = Path(path).parts
        if path.startswith("src/handrail/") and len(parts) > 3:
            folders |= {parts[2], *BESIDE.get(parts[2], ())}
        elif (
            path.startswith("tests/")
            and not Path(path).name.startswith("test_")
            and len(parts) > 2
            and parts[1] != "support"
        ):
            folders.add(parts[1])  # a conftest, or data that the tests beside it read
        if path.endswith(".py") and parts[0] in ("src", "tests", "tools", "bench"):
            modules.add(_module(path))
    modules |= {each for module in modules for each in _handed_on(root, module)}
    # Through helpers that name it, and helpers that name those: a test of either rests on it.
    while True:
        more = {_module(path) for path in named if path.startswith("tests/") and named[path] & modules} - modules
        if not more:
            break
        modules |= more
    if "tests.conftest" in modules:
        return None
    # No test names the conftest of its folder, and each rests on it.
    folders |= {folder for folder in (Path(path).parts[1] for path in found) if f"tests.{folder}.conftest" in modules}
    wanted = {path for path in found if path in paths or _module(path) in modules or Path(path).parts[1] in folders}
    rest = {path for path in found if Path(path).parts[1] not in ALWAYS}
    return Touched(files=tuple(sorted(wanted & rest)), left=len(rest - wanted))


def _handed_on(root: Path, module: str) -> set[str]:
    """The package that hands on what a module of it holds: a test names that one."""
    package = module.rpartition(".")[0]
    front = root / "src" / package.replace(".", "/") / "__init__.py"
    if not package.startswith("handrail.") or not front.is_file():
        return set()
    return {package} if module in _named(front.read_text(encoding="utf-8")) else set()


def _module(path: str) -> str:
    """`src/handrail/rules/terms.py`: `handrail.rules.terms`; a package is its folder."""
    return path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _named(text: str) -> set[str]:
    """Every module of the project that a text may import: `from a import b` may mean `a` or `a.b`."""
    names = set()
    for origin, imported, plain in _IMPORT.findall(text):
        if plain:
            names.add(plain)
            continue
        names.add(origin)
        names |= {f"{origin}.{name}" for name in _NAME.findall(imported)}
    return names
