"""A site's policy beside the shipped one: every number has a direction, and every change is tighter, looser or not comparable."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from handrail.rules.policy import load_policy, policy_from_document, shipped_document
from handrail.rules.policy_book import shipped_policies
from handrail.rules.policy_changes import PolicyChange, Verdict, changes_of
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Disposition, Ladder

TIGHTER, LOOSER, NEITHER = Verdict.TIGHTER, Verdict.LOOSER, Verdict.NEITHER
Document = dict[str, Any]


def changed(change: Callable[[Document], None]) -> tuple[PolicyChange, ...]:
    """What differs after a change of the shipped policy, which must still load."""
    base, proposed = shipped_document(), shipped_document()
    change(proposed)
    policy_from_document(proposed, "0" * 64)
    return changes_of(base, proposed, load_policy().caution)


def put(path: str, value: Any) -> Callable[[Document], None]:
    """A change of one value; a row of a list is named by its id, symptom or reading, a second one of that name by `.2`."""

    def change(document: Document) -> None:
        *way, last = path.split("/")
        target: Any = document
        for name in way:
            target = row(target, name) if isinstance(target, list) else target[name]
        target[last] = value

    return change


def row(rows: list[Document], name: str) -> Document:
    wanted, _, number = name.partition("~")
    found = [each for each in rows if wanted in (each.get("id"), each.get("symptom"), each.get("reading"))]
    return found[int(number or 1) - 1]


RISK = "watch/phase/risk_window"


@pytest.mark.parametrize(
    # change | row | field | verdict
    ("path", "value", "place", "verdict"),
    [
        # a temperature limit: lower finds fever earlier
        ("triage/fever_c", "37.9", "triage.fever_c", TIGHTER),
        ("triage/fever_c", "38.1", "triage.fever_c", LOOSER),
        ("triage/recheck_c", "37.7", "triage.recheck_c", TIGHTER),
        # the overdue clock: longer is later
        (f"{RISK}/page_after_minutes", 59, "watch.phase.risk_window.page_after_minutes", TIGHTER),
        (f"{RISK}/page_after_minutes", 61, "watch.phase.risk_window.page_after_minutes", LOOSER),
        (f"{RISK}/hours_after_dose", 72, "watch.phase.risk_window.hours_after_dose", TIGHTER),
        (f"{RISK}/hours_after_dose", 24, "watch.phase.risk_window.hours_after_dose", LOOSER),
        ("watch/no_longer_than_days", 15, "watch.no_longer_than_days", TIGHTER),
        ("watch/no_longer_than_days", 13, "watch.no_longer_than_days", LOOSER),
        ("watch/early_credit_minutes", 90, "watch.early_credit_minutes", LOOSER),
        # check times: more of them, fewer of them, others
        (f"{RISK}/times", ["02:00", "08:00", "10:00", "12:00", "16:00", "20:00"], "watch.phase.risk_window.times", TIGHTER),
        (f"{RISK}/times", ["08:00", "12:00", "16:00", "20:00"], "watch.phase.risk_window.times", LOOSER),
        (f"{RISK}/times", ["03:00", "08:00", "12:00", "16:00", "20:00"], "watch.phase.risk_window.times", NEITHER),
        # readings: the second row of a name is found
        ("triage/reading/spo2_percent/below", "92", "triage.reading.spo2_percent.below", TIGHTER),
        ("triage/reading/spo2_percent~2/below", "93", "triage.reading.spo2_percent.2.below", LOOSER),
        ("triage/reading/pulse_per_min/above", "120", "triage.reading.pulse_per_min.above", TIGHTER),
        ("triage/reading/pulse_per_min/above", "140", "triage.reading.pulse_per_min.above", LOOSER),
        # words with an order
        ("triage/symptom/dizzy/ladder", "RED-3", "triage.symptom.dizzy.ladder", TIGHTER),
        ("triage/symptom/confused/ladder", "AMBER", "triage.symptom.confused.ladder", LOOSER),
        ("triage/symptom/rash/disposition", "recheck", "triage.symptom.rash.disposition", LOOSER),
        # a yes or a no, and a sentence: nobody can say
        ("triage/symptom/confused/neurological", False, "triage.symptom.confused.neurological", NEITHER),
        ("ladder/RED-1/patient_words", "Call us.", "ladder.RED-1.patient_words", NEITHER),
        ("ladder/RED-1/owner", "nurse", "ladder.RED-1.owner", NEITHER),
        ("ladder/RED-1/assess_within_minutes", 30, "ladder.RED-1.assess_within_minutes", TIGHTER),
        # a dose of treatment, and what is believable: no direction either way
        ("tocilizumab/cap_mg", "700", "tocilizumab.cap_mg", NEITHER),
        ("tocilizumab/cap_mg", "900", "tocilizumab.cap_mg", NEITHER),
        ("tocilizumab/min_hours_between", 12, "tocilizumab.min_hours_between", NEITHER),
        ("plausible/temperature_c/high", "44", "plausible.temperature_c.high", NEITHER),
        ("triage/anc_ed_below", "0.6", "triage.anc_ed_below", TIGHTER),
        ("triage/anc_ed_below", "0.4", "triage.anc_ed_below", LOOSER),
        ("before_dose/assessed_within_hours", 48, "before_dose.assessed_within_hours", LOOSER),
        ("infection/conditions", ["infection"], "infection.conditions", LOOSER),
    ],
)  # fmt: skip
def test_one_changed_value(path: str, value: Any, place: str, verdict: Verdict):
    found = changed(put(path, value))
    assert [(change.place, change.verdict) for change in found] == [(place, verdict)]
    assert found[0].because


def test_one_number_written_otherwise_is_the_same_number():
    assert changed(put("triage/fever_c", "38.00")) == ()


@pytest.mark.parametrize(
    # what is done to the steps of RED-1 | what changed | verdict
    ("change", "places", "verdict"),
    [
        (lambda steps: steps[0].update(wait_minutes=3), ["steps.1.wait_minutes"], TIGHTER),
        (lambda steps: steps[2].update(wait_minutes=20), ["steps.3.wait_minutes"], LOOSER),
        (lambda steps: steps[0].update(second_device=True), ["steps.1.second_device"], NEITHER),
        (lambda steps: steps.pop(2), ["steps"], NEITHER),
        (lambda steps: steps.insert(0, dict(steps[2])), ["steps"], NEITHER),
    ],
)
def test_the_steps_of_a_ladder(change: Callable[[list[Document]], Any], places: list[str], verdict: Verdict):
    found = changed(lambda document: change(row(document["ladder"], "RED-1")["steps"]))
    assert [(each.row, each.field, each.verdict) for each in found] == [
        ("ladder.RED-1", place, verdict) for place in places
    ]


WARM = {
    "reading": "temperature_c", "above": "39.0", "ladder": "RED-1", "disposition": "ed_now",
    "source": ["HANDRAIL"], "status": "site-choice",
}  # fmt: skip


def test_a_reading_more_is_tighter_and_one_less_is_looser():
    [more] = changed(lambda document: document["triage"]["reading"].insert(0, WARM))
    assert (more.row, more.field, more.verdict) == ("triage.reading.temperature_c", None, TIGHTER)
    [less] = changed(lambda document: document["triage"]["reading"].pop(2))
    assert (less.row, less.verdict) == ("triage.reading.pulse_per_min", LOOSER)


def test_rows_in_another_order_are_the_same_rows():
    assert changed(lambda document: document["triage"]["reading"].reverse()) == ()


def test_a_row_whose_source_was_written_otherwise_is_shown():
    [change] = changed(put("tocilizumab/source", ["HANDRAIL"]))
    assert (change.row, change.field, change.verdict) == ("tocilizumab", None, NEITHER)
    assert change.before["source"] == ["AVTCRS", "MIAMI", "CURAFI"]


def test_a_believable_reading_less_cannot_be_compared():
    [change] = changed(lambda document: document["plausible"].pop())
    assert (change.verdict, change.free) == (NEITHER, False)


def test_a_policy_never_chooses_the_directions_it_is_judged_by():
    def turned(document: Document) -> None:
        document["caution"]["triage.fever_c"] = "higher"
        document["triage"]["fever_c"] = "39.0"

    assert {(change.place, change.verdict) for change in changed(turned)} == {
        ("triage.fever_c", LOOSER),
        ("caution", NEITHER),
    }


def test_a_policy_does_not_differ_from_itself():
    assert changed(lambda document: None) == ()


# --- every number of the shipped policy, moved both ways ------------------------------------------------------------


def numbers(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in ("sources", "caution", "source", "version", "id"):
                yield from numbers(item, (*way, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from numbers(item, (*way, number))
    elif (isinstance(value, int) and not isinstance(value, bool)) or is_decimal(value):
        yield way


def is_decimal(value: Any) -> bool:
    return isinstance(value, str) and value.replace(".", "", 1).isdigit()


NUMBERS = list(numbers(shipped_document()))


@pytest.mark.parametrize("way", NUMBERS, ids=lambda way: ".".join(map(str, way)))
def test_every_number_moved_one_way_is_looser_and_the_other_way_tighter_or_both_are_departures(way: tuple[Any, ...]):
    verdicts = []
    for step in (-1, 1):
        document = copy.deepcopy(shipped_document())
        target: Any = document
        for key in way[:-1]:
            target = target[key]
        old = target[way[-1]]
        target[way[-1]] = old + step if isinstance(old, int) else str(type(load_policy().triage.fever_c)(old) + step)
        [change] = changes_of(shipped_document(), document, load_policy().caution)
        verdicts.append(change.verdict)
    assert sorted(verdict.value for verdict in verdicts) in (["looser", "tighter"], [NEITHER.value] * 2)


def test_that_run_reached_the_numbers():
    assert len(NUMBERS) > 60


def test_the_words_of_an_order_are_the_words_of_the_rules():
    caution = load_policy().caution
    for place in ("triage.reading", "triage.symptom"):
        assert caution[f"{place}.ladder"] == tuple(word.value for word in sorted(Ladder, key=lambda word: word.rank))
        assert set(caution[f"{place}.disposition"]) == {word.value for word in Disposition}


# --- what the loader refuses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        (lambda d: d["caution"].pop("triage.fever_c"), "no_direction", "caution.triage.fever_c"),
        (lambda d: d["caution"].pop("ladder.steps.wait_minutes"), "no_direction", "caution.ladder.steps.wait_minutes"),
        (lambda d: d["caution"].pop("plausible.low"), "no_direction", "caution.plausible.low"),
        (lambda d: d["caution"].update({"triage.fever": "lower"}), "unknown_key", "caution.triage.fever"),
        (lambda d: d["caution"].update({"triage.fever_c": "down"}), "unknown_word", "caution.triage.fever_c"),
        (lambda d: d["caution"].update({"triage.fever_c": ["one"]}), "unknown_word", "caution.triage.fever_c"),
        (lambda d: d["caution"].update({"triage.fever_c": ["a", "a"]}), "unknown_word", "caution.triage.fever_c"),
        (lambda d: d.pop("caution"), "missing_key", "caution"),
        (
            lambda d: d.update(departure=[{"row": "triage", "verdict": "looser", "before": "1", "after": "2", "reason": "r", "review_on": "soon"}]),
            "wrong_value",
            "departure.triage.review_on",
        ),
    ],
)  # fmt: skip
def test_a_number_without_a_direction_is_refused(change: Callable[[Document], Any], code: str, path: str):
    document = shipped_document()
    change(document)
    with pytest.raises(ProtocolDataError) as refused:
        policy_from_document(document, "0" * 64)
    assert (refused.value.code, refused.value.path) == (code, path)


def test_rows_are_called_as_the_book_of_the_policy_calls_them():
    document = shipped_document()
    for each in document["triage"]["reading"]:
        each["below" if "below" in each else "above"] = "77"
    found = {change.row for change in changes_of(shipped_document(), document, load_policy().caution)}
    _, rows = shipped_policies()["default"]
    assert found <= {row.id for row in rows}
    assert len(found) == len(document["triage"]["reading"])
