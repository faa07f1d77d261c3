"""`why` leads to a row that is there, or says its name without a link."""

from uuid import UUID

import pytest

from handrail.rules.policy import load_policy
from handrail.web.label_links import policy_address, row_address
from tests.support.courses import TEC


@pytest.mark.parametrize(
    ("key", "row", "address"),
    [
        (TEC, "R5", f"/protocols/{TEC}/#row-R5"),
        ("TEC/US/2026-03", "R5", f"/protocols/{TEC}/#row-R5"),
        (TEC, "NO-SUCH-ROW", None),
        (TEC, None, None),
        ("teclistamab/US/1999-01", "R5", None),
    ],
)
def test_a_row_of_the_label_data(key: str, row: str | None, address: str | None):
    assert row_address(key, row) == address


def test_a_row_of_a_policy_is_on_the_page_of_the_shipped_one_or_on_that_of_the_course():
    ref = load_policy().ref
    shipped = {"id": ref.id, "version": ref.version, "sha256": ref.sha256}
    assert policy_address(shipped, "triage") == "/protocols/policies/default/#row-triage"
    assert policy_address(shipped, "no such row") is None
    assert policy_address(shipped, None) is None
    assert policy_address({**shipped, "sha256": "0" * 64}, "triage") is None
    assert policy_address({**shipped, "id": "elsewhere"}, "triage") is None
    course = UUID(int=7)
    assert policy_address({**shipped, "id": "own"}, "triage", course) == f"/courses/{course}/policy#row-triage"
    assert policy_address({**shipped, "id": "own"}, "no such row", course) is None
