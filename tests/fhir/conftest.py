"""What the tests of the FHIR door share."""

from tests.fhir.clients.client import open_links_fixture
from tests.fhir.validators.judge import judge_fixture

__all__ = ["judge_fixture", "open_links_fixture"]
