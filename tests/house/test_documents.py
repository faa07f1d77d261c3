"""Links resolve, the safety table names tests that exist, and the glossary holds the words that the programme uses."""

import ast
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.house import tree
from tests.house.tree import ROOT

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
TEST_NAME = re.compile(r"(tests/[\w/.-]+?\.py)?(?:::(\w+))?")
"""A file, a test in it, or `::test` alone: one more of the file that was named before it in the same cell."""


def headings(markdown: str) -> set[str]:
    """The anchors that a document's headings give, and those it sets itself."""
    own = set(re.findall(r'<a id="([^"]+)"></a>', markdown))
    found = re.findall(r"^#+\s+(.+?)\s*$", without_code(markdown), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in found} | own


def without_code(markdown: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", markdown, flags=re.DOTALL)


def broken_links(name: Path, markdown: str, read: Callable[[Path], str | None]) -> list[str]:
    """Links of one document to files or headings that are not there. Addresses of the web are not visited."""
    broken = []
    for target in LINK.findall(without_code(markdown)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = Path(name if not file else name.parent / file)
        text = markdown if not file else read(path)
        if text is None or (anchor and path.suffix == ".md" and anchor not in headings(text)):
            broken.append(f"{name}: {target}")
    return broken


def from_disk(path: Path) -> str | None:
    whole = ROOT / path
    if whole.is_dir():
        return ""
    return whole.read_text(encoding="utf-8", errors="replace") if whole.is_file() else None


def safety_rows(markdown: str) -> list[list[str]]:
    """The rows of the hazard table: number, hazard, guard, tests."""
    rows = [line.strip().strip("|").split("|") for line in markdown.splitlines() if re.match(r"\|\s*H\d+\s*\|", line)]
    return [[cell.strip() for cell in row] for row in rows]


def missing_tests(markdown: str, read: Callable[[Path], str | None]) -> list[str]:
    """Tests named by the hazard table that do not exist, and rows that neither name one nor admit it."""
    wrong = []
    for row in safety_rows(markdown):
        named = re.findall(r"`([^`]*)`", row[-1])
        if not named and row[-1] != "none named yet":
            wrong.append(f"{row[0]} names no test")
        file = ""
        for each in named:
            found = TEST_NAME.fullmatch(each)
            file, function = ((found[1] or file), found[2]) if found is not None else ("", None)
            if not file:
                wrong.append(f"{row[0]} names no test by `{each}`")
                continue
            text = read(Path(file))
            if text is None:
                wrong.append(f"{row[0]}: {file}")
            elif function and function not in functions(text):
                wrong.append(f"{row[0]}: {file}::{function}")
    return wrong


def functions(source: str) -> set[str]:
    return {n.name for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_links_of_every_document_resolve():
    documents = [path for path in tree.files() if path.suffix == ".md"]
    assert Path("README.md") in documents
    broken = [line for path in documents for line in broken_links(path, tree.text(path) or "", from_disk)]
    assert broken == []


@pytest.mark.parametrize("target", ["missing.md", "#no-such-heading", "other.md#no-such-heading"])
def test_a_planted_broken_link_is_found(target: str):
    read = {Path("other.md"): "# Other"}.get
    text = f"# Here\n[fine](other.md#other) [fine](#here) [web](https://example.org) `[code](gone.md)` [x]({target})"
    assert broken_links(Path("README.md"), text, read) == [f"README.md: {target}"]


def unlisted(listing: str, files: Iterable[Path], under: Path) -> list[str]:
    """The documents that a listing does not name."""
    return [name for name in (str(file.relative_to(under)) for file in files) if name not in listing]


def test_every_guide_and_decision_is_found_from_the_first_page_and_from_the_menu():
    docs = ROOT / "docs"
    guides, decisions = sorted(docs.glob("how-to/*.md")), sorted(docs.glob("decisions/0*.md"))
    assert len(guides) > 15 and len(decisions) > 15
    assert unlisted((docs / "index.md").read_text(), guides, docs) == []
    assert unlisted((docs / "decisions" / "index.md").read_text(), decisions, docs / "decisions") == []
    assert unlisted((ROOT / "zensical.toml").read_text(), [*guides, *decisions], docs) == []
    assert unlisted("how-to/a.md", [docs / "how-to/a.md", docs / "how-to/b.md"], docs) == ["how-to/b.md"]


def test_every_hazard_names_tests_that_exist():
    text = (ROOT / "SAFETY.md").read_text()
    assert len(safety_rows(text)) >= 10
    assert missing_tests(text, from_disk) == []


def test_hazards_are_numbered_once_each():
    numbers = [int(row[0].removeprefix("H")) for row in safety_rows((ROOT / "SAFETY.md").read_text())]
    assert numbers == sorted(set(numbers)), "a number stands once, and is never given again"


def test_planted_hazards_without_a_test_are_found():
    read = {Path("tests/a.py"): "def test_there(): ..."}.get
    table = (
        "| H1 | x | y | `tests/a.py::test_there` |\n"
        "| H2 | x | y | `tests/gone.py` |\n"
        "| H3 | x | y | `tests/a.py::test_gone` |\n"
        "| H4 | x | y | surely |\n"
        "| H5 | x | y | `tests/a.py::test_there`, `::test_there`, `::test_gone` |\n"
        "| H6 | x | y | `tests/a.py::test_there`, `test_there` |\n"
        "| H7 | x | y | `::test_there` |\n"
    )
    assert missing_tests(table, read) == [
        "H2: tests/gone.py",
        "H3: tests/a.py::test_gone",
        "H4 names no test",
        "H5: tests/a.py::test_gone",
        "H6 names no test by `test_there`",
        "H7 names no test by `::test_there`",
    ]
    assert missing_tests("| H1 | x | y | none named yet |", read) == []


# Words that a screen or an answer shows and that a reader may not know.
WORDS = {
    "handrail.rules.terms": ("Urgency", "Action", "Ladder", "Disposition", "Status"),
}


def test_the_glossary_explains_the_words_of_the_answer():
    from handrail.rules import terms

    glossary = (ROOT / "GLOSSARY.md").read_text().lower().replace("_", " ").replace("-", " ")
    missing = [
        f"{enum}.{member.name}: {member.value}"
        for enum in WORDS["handrail.rules.terms"]
        for member in getattr(terms, enum)
        if str(member.value).lower().replace("_", " ").replace("-", " ") not in glossary
    ]
    assert missing == []
