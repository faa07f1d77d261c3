"""What a date of a search means: a day where the patient lives, an instant to its second, and nothing guessed."""

from datetime import UTC, datetime

import pytest

from handrail.fhir.door import Refusal
from handrail.fhir.search_dates import Between, between

CHICAGO = "America/Chicago"


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


MEANT = [
    # sent                                          | from                       | before
    ([], None, None),
    (["2026-03-02"], at("2026-03-02T06:00"), at("2026-03-03T06:00")),
    (["eq2026-03-02"], at("2026-03-02T06:00"), at("2026-03-03T06:00")),
    (["ge2026-03-02"], at("2026-03-02T06:00"), None),
    (["gt2026-03-02"], at("2026-03-03T06:00"), None),
    (["le2026-03-02"], None, at("2026-03-03T06:00")),
    (["lt2026-03-02"], None, at("2026-03-02T06:00")),
    (["ge2026-03-02", "lt2026-03-05"], at("2026-03-02T06:00"), at("2026-03-05T06:00")),
    (["ge2026-03-02", "ge2026-03-04", "le2026-03-09", "le2026-03-08"], at("2026-03-04T06:00"), at("2026-03-09T05:00")),
    (["2026-03-08"], at("2026-03-08T06:00"), at("2026-03-09T05:00")),  # the clocks go forward: 23 hours
    (["2026-11-01"], at("2026-11-01T05:00"), at("2026-11-02T06:00")),  # and back: 25
    (["2026-12"], at("2026-12-01T06:00"), at("2027-01-01T06:00")),
    (["2026"], at("2026-01-01T06:00"), at("2027-01-01T06:00")),
    (["2026-03-02T09:00:00-06:00"], at("2026-03-02T15:00:00"), at("2026-03-02T15:00:01")),
    (["ge2026-03-02T15:00:00Z"], at("2026-03-02T15:00:00"), None),
    (["gt2026-03-02T15:00:00Z"], at("2026-03-02T15:00:01"), None),
    (["le2026-03-02T15:00:00.5Z"], None, at("2026-03-02T15:00:00.500001")),
]


@pytest.mark.parametrize(("sent", "begins", "ends"), MEANT, ids=lambda each: str(each))
def test_what_is_meant(sent, begins, ends):
    assert between(sent, CHICAGO, "date") == Between(begins=begins, ends=ends)


def test_a_day_is_one_where_the_patient_lives():
    assert between(["2026-03-02"], "Asia/Tokyo", "date").begins == at("2026-03-01T15:00")


@pytest.mark.parametrize(
    "sent",
    ["", "soon", "ne2026-03-02", "ap2026-03-02", "sa2026-03-02", "GE2026-03-02", "2026-02-30", "2026-03-02T15:00:00",
     "2026-03-02T15:00Z", "gege2026-03-02", "9999-12-31", "9999", "eq0001-01-01"],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_the_forms_that_can(sent):
    with pytest.raises(Refusal) as caught:
        between([sent], "Asia/Tokyo", "date")
    assert (caught.value.status, caught.value.path) == (400, "date")
