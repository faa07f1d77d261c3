"""From a record to events: repeatable, never newer than they are, and never a claim that something is absent."""

from datetime import UTC, datetime

import pytest

from handrail.fhir.events import facts_of, to_events
from handrail.fhir.reading import read_bundle
from handrail.rules.coursefile import event_from_json
from tests.support.bundles import SHIPPED, condition, observation, read, shipped, weight

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
ZONE = "America/Chicago"


def events(*resources, now=NOW, course="c1", **fields):
    return to_events(read(*resources), recorded_at=now, zone=ZONE, course_id=course, **fields)


def test_the_newest_weight_alone_becomes_an_event():
    (found,) = events(weight(90, at="2020-01-01"), weight(68.04))
    assert (found["kind"], found["weight_kg"], found["source"]) == ("weight_measured", "68.04", "import")
    assert found["at"] == "2026-02-01T10:00:00+00:00"


def test_the_same_record_gives_the_same_ids_and_another_course_gives_others():
    sent = (weight(68), observation("2160-0", 1.1, "mg/dL"), condition())
    later = NOW.replace(month=4)
    first, again, other = events(*sent), events(*sent, now=later), events(*sent, course="c2")
    assert [item["id"] for item in first] == [item["id"] for item in again]
    assert not {item["id"] for item in first} & {item["id"] for item in other}


def test_a_changed_value_is_another_event():
    assert events(weight(68, id="w"))[0]["id"] != events(weight(69, id="w"))[0]["id"]


@pytest.mark.parametrize(
    ("sent", "kg", "marks"),
    [
        (weight(150, "lb", at="2026-02-20"), None, None),
        (weight(7, at="2026-02-20"), "7", ["weight_kg"]),
    ],
)
def test_an_older_weight_does_not_pass_for_the_latest(sent, kg, marks):
    found = events(weight(90, at="2026-01-01"), sent)[-1]
    assert (found["weight_kg"], found.get("implausible")) == (kg, marks)
    assert found["x_not_used"]


def test_a_date_counts_from_noon_in_the_zone_and_is_marked():
    (found,) = events(weight(68, at="2026-02-01"))
    assert (found["at"], found["x_date_only"]) == ("2026-02-01T18:00:00+00:00", True)


def test_a_date_of_today_is_never_in_the_future():
    (found,) = events(weight(68, at="2026-03-02"), now=NOW.replace(hour=13))  # 7:00 in Chicago: noon is still to come
    assert found["at"] == "2026-03-02T06:00:00+00:00"


@pytest.mark.parametrize("at", ["2026-03-02T15:00:01Z", "2026-03-03", "2027-01-01T00:00:00Z"])
def test_nothing_is_recorded_before_it_happened(at):
    assert events(weight(68, at=at)) == []


@pytest.mark.parametrize(
    ("what", "sent", "active"),
    [
        ("active", condition(), True),
        ("relapse", condition(status="relapse"), True),
        ("nobody said", condition(status=None), None),
        ("provisional", condition(verificationStatus={"coding": [{"code": "provisional"}]}), None),
    ],
)
def test_a_condition_is_active_or_not_known(what, sent, active):
    (found,) = events(sent)
    assert found["active"] is active


@pytest.mark.parametrize("status", ["resolved", "inactive", "remission"])
def test_an_import_never_says_that_a_condition_is_absent(status):
    assert events(condition(status=status)) == []


def test_a_condition_without_a_day_is_no_event():
    assert events(condition(onsetDateTime="2024")) == []


@pytest.mark.parametrize("name", SHIPPED)
def test_every_event_of_the_shipped_records_can_be_read_and_holds_no_identity(name):
    record = read_bundle(shipped(name))
    found = to_events(record, recorded_at=NOW, zone=ZONE, course_id="c1")
    assert found
    for item in found:
        assert event_from_json(item, zone=ZONE).id == item["id"]
    words = str(found) + str(facts_of(record))
    who = record.identity
    for private in (who.birth_date, who.family_name, *(number for _, number in who.identifiers), *who.phones):
        assert not private or len(private) < 3 or private not in words


def test_at_most_so_many_laboratory_values_the_newest_first():
    sent = [observation("2160-0", 1 + n / 10, "mg/dL", at=f"2026-01-0{n}") for n in range(1, 6)]
    found = events(*sent, labs=2)
    assert [item["value"] for item in found] == ["1.4", "1.5"]
    assert len(events(*sent)) == 5 and events(*sent, labs=0) == []
