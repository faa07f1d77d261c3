"""What the tests of the FHIR door share."""

from tests.fhir.validators.judge import judge_fixture

__all__ = ["judge_fixture"]
