"""The documents about the label data: one for each shipped revision and none besides, with every row, anchor and source."""

import re

import pytest

from handrail.rules.protocol import Protocol, catalogue, load
from tests.support.courses import TEC
from tools import labels
from tools.label_pages import escaped, file_name, index_of, page_of

pytestmark = pytest.mark.slow

PROTOCOLS = [pytest.param(protocol, id=protocol.key) for protocol in catalogue()]


def test_every_revision_has_its_files_and_no_file_is_left_behind():
    """That they say what the code gives is `test_reference.py`'s affair: these are among its documents."""
    wanted = {path for path, _ in labels.documents()}
    there = {path for folder in (labels.LABELS, labels.GRID) for path in folder.rglob("*") if path.is_file()}
    assert there == {path for path in wanted if path != labels.ROW_TESTS}
    assert len(wanted) == 3 * len(catalogue()) + 3, "and the index, the table of tests and the page of tocilizumab"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_row_has_one_anchor_and_every_link_a_place(protocol: Protocol):
    page = page_of(protocol, {})
    anchors = re.findall(r'<a id="([^"]+)"></a>', page)
    assert len(anchors) == len(set(anchors))
    assert {f"row-{row.id}" for row in protocol.rows() if row is not protocol.product} <= set(anchors)
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= set(anchors)
    assert all(source.address is None or source.address in page for source in protocol.sources.values())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_line_of_a_table_has_its_columns(protocol: Protocol):
    width = 0
    for line in page_of(protocol, {}).splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        if cells and width:
            assert cells == width, line
        width = cells


def test_the_answer_of_day_29_is_found_from_the_index():
    assert f"({file_name(TEC)}.md)" in index_of(catalogue())
    page = page_of(load(TEC), {"R5": {"tests/spec/somewhere.py": ["W022"]}})
    section = page.split("### After first treatment dose or treatment dose: weekly")[1].split("###")[0]
    (row,) = [line for line in section.splitlines() if "| 29 to 56 |" in line]
    for words in ('id="row-R5"', "restart step-up dose 2", "not read in the label itself", "[S02](#source-S02)"):
        assert words in row
    assert "tested by W022 in tests/spec/somewhere.py" in row.replace("<wbr>", "")


def test_words_stay_words_in_a_table():
    assert escaped("a|b <i> *c* vial_30 & d\ne") == "a\\|b &lt;i> \\*c\\* vial\\_30 &amp; d e"


# --- the index of worked cases -----------------------------------------------------------------------------------------


SPEC = '''
from tests.support.courses import TEC

MONO, OTHER = "teclistamab/US/2026-03/mono", "elranatamab/US/2025-07"
Q2W = "every_2_weeks"
CASES = """
W001|MONO|Q2W|2026-03-02|continue|R7|sourced
W002|MONO|-|2026-03-02|restart|R5|sourced
W003|OTHER|-|2026-03-02|give|SUD1-WINDOW|sourced
"""
'''


def test_a_case_is_found_by_its_protocol_and_its_row():
    found = labels.row_tests({"tests/spec/a.py": SPEC})
    assert found[TEC] == {"R5": {"tests/spec/a.py": ["W002"]}, "R7": {"tests/spec/a.py": ["W001"]}}
    assert found["elranatamab/US/2025-07"] == {"SUD1-WINDOW": {"tests/spec/a.py": ["W003"]}}
    assert found["teclistamab/US/2025-03/mono"] == {}


def test_a_mention_counts_only_where_no_case_does():
    mention = 'from tests.support.courses import TEC\nROW = load(TEC).row("R5")\nOTHER = load(TEC).row("R6")\n'
    found = labels.row_tests({"tests/spec/a.py": SPEC, "tests/spec/b.py": mention})
    assert found[TEC]["R5"] == {"tests/spec/a.py": ["W002"]}
    assert found[TEC]["R6"] == {"tests/spec/b.py": []}


def test_the_rows_of_the_published_boundaries_are_covered_by_cases():
    """The delay rows of the product that the walk goes through each have a worked case."""
    from handrail.rules.label_tests import cases_of

    for row in ("R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9"):
        assert any(cases for _, cases in cases_of(TEC, row)), row
    assert cases_of(TEC, "NO-SUCH-ROW") == () and cases_of("no/such/key", "R5") == ()
