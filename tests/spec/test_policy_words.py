"""What a policy says to a patient in which language, which policy a course is on, and how a change of one is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handrail.rules.pinned import key_for, policy_for
from handrail.rules.policy import Policy, load_policy, policy_from_document, shipped_document, shipped_reaching
from handrail.rules.policy_changes import Verdict, changes_of, say
from handrail.rules.policy_ladders import LadderWords
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Ladder
from tests.support.courses import TEC, TEC_OLD, Told, instant

POLICY = load_policy()


def with_words(ladder: Ladder, *words: LadderWords, nobody: str | None = None) -> Policy:
    """The shipped policy; one ladder has words of its own, and no other says what to do when nobody answers."""
    rows = {each: replace(row, words_in=(), nobody_words=None) for each, row in POLICY.ladders.items()}
    rows[ladder] = replace(rows[ladder], words_in=words, nobody_words=nobody)
    return replace(POLICY, ladders=rows)


SPANISH = LadderWords(language="es", patient_words="Venga.", nobody_words="Vaya a urgencias.")
FRENCH = LadderWords(language="fr", patient_words="Venez.")


@pytest.mark.parametrize(
    # language | what the patient does | and when nobody answers
    ("language", "words", "nobody"),
    [
        ("es", "Venga.", "Vaya a urgencias."),
        ("fr", "Venez.", "Go to the ED."),  # nothing of its own for that: as the policy says it
        ("de", POLICY.ladders[Ladder.AMBER].patient_words, "Go to the ED."),
        ("", POLICY.ladders[Ladder.AMBER].patient_words, "Go to the ED."),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_what_the_patient_does_is_said_in_the_language_of_the_patient(
    language: str, words: str, nobody: str, turned: bool
):
    both = (FRENCH, SPANISH) if turned else (SPANISH, FRENCH)
    policy = with_words(Ladder.AMBER, *both, nobody="Go to the ED.")
    assert policy.patient_words(Ladder.AMBER, language) == words
    assert policy.nobody_words(Ladder.AMBER, language) == nobody


@pytest.mark.parametrize("ladder", list(Ladder))
def test_without_words_for_nobody_answering_those_of_red_1_or_red_2_are_said(ladder: Ladder):
    policy = with_words(Ladder.GREEN)
    wanted = Ladder.RED_1 if ladder is Ladder.RED_1 else Ladder.RED_2
    assert policy.nobody_words(ladder) == POLICY.ladders[wanted].patient_words
    assert POLICY.ladders[Ladder.RED_1].patient_words != POLICY.ladders[Ladder.RED_2].patient_words


# --- which policy and which revision a course is on -----------------------------------------------------------------


@pytest.mark.parametrize(
    # the hash that the event of the policy names | it is taken
    ("sha256", "taken"),
    [(POLICY.ref.sha256, True), (None, True), ("0" * 64, False)],
)
def test_a_course_that_moves_to_a_policy_names_its_content(sha256: str | None, taken: bool):
    told = Told(TEC)
    told.tell("policy_changed", "2026-03-02 09:00", policy_id="default", version="1", sha256=sha256)
    assert policy_for(told.history(), instant("2026-03-02 08:59")).ref.id == "default"
    if taken:
        assert policy_for(told.history(), instant("2026-03-02 09:00")).ref.sha256 == POLICY.ref.sha256
    else:
        with pytest.raises(ProtocolDataError, match="other content"):
            policy_for(told.history(), instant("2026-03-02 09:00"))


@pytest.mark.parametrize("right", [True, False])
def test_a_whole_document_is_taken_only_with_its_own_hash(right: bool):
    body = {**shipped_document(), "id": "of a site"}
    own = load_policy(_as_json(body)).ref.sha256
    told = Told(TEC)
    told.tell("policy_changed", "2026-03-02 09:00", document=_as_json(body), sha256=own if right else "0" * 64)
    if right:
        assert policy_for(told.history(), instant("2026-03-02 09:00")).ref.id == "of a site"
    else:
        with pytest.raises(ProtocolDataError):
            policy_for(told.history(), instant("2026-03-02 09:00"))


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    return value if isinstance(value, (bool, int, str)) or value is None else str(value)


@pytest.mark.parametrize(
    ("at", "key"), [("2026-03-02 08:59", TEC_OLD), ("2026-03-02 09:00", TEC), ("2026-03-02 09:01", TEC)]
)
def test_a_revision_counts_from_the_minute_of_the_move(at: str, key: str):
    told = Told(TEC_OLD)
    told.tell("protocol_changed", "2026-03-02 09:00", protocol_key=TEC)
    told.tell("protocol_changed", "2026-03-02 10:00", schedule="weekly")
    assert key_for(told.history(), instant(at)) == key
    assert key_for(told.history(), instant("2026-03-02 11:00")) == TEC


def test_the_shipped_waits_are_there():
    assert shipped_reaching() == POLICY.reaching


# --- how a change is told -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing"),
        (True, "yes"),
        (False, "no"),
        ([], "nothing"),
        (["a", "b"], "a, b"),
        ({"min_hours": 8, "source": ["X"], "status": "sourced"}, "min hours 8"),
        ({"source": ["X"], "status": "sourced"}, "source X, status sourced"),
        ([{"id": "a", "n": 1}, {"id": "b", "n": 2}], "id a, n 1; id b, n 2"),
        (5, "5"),
    ],
)
def test_a_value_as_a_person_reads_it(value: Any, words: str):
    assert say(value) == words


def told_of(change: Any) -> list[tuple[str, str | None, Verdict]]:
    base, proposed = shipped_document(), shipped_document()
    change(proposed)
    found = changes_of(base, proposed, POLICY.caution)
    return [(each.row, each.field, each.verdict) for each in found]


def status(document: dict[str, Any]) -> None:
    document["night"]["status"] = "secondary"


def status_and_value(document: dict[str, Any]) -> None:
    document["night"] |= {"status": "secondary", "hand_back_by": "09:00"}


def swapped(document: dict[str, Any]) -> None:
    document["ladder"].reverse()


def second_of_a_name(document: dict[str, Any]) -> None:
    rows = [row for row in document["triage"]["reading"] if row["reading"] == "spo2_percent"]
    rows[1]["below"] = "91"


@pytest.mark.parametrize(
    # what is done | row, field, verdict
    ("change", "found"),
    [
        (lambda document: None, []),
        (status, [("night", None, Verdict.NEITHER)]),  # nothing but how well it is known
        (swapped, []),  # the order of rows says nothing
        (second_of_a_name, [("triage.reading.spo2_percent.2", "below", Verdict.LOOSER)]),
    ],
)
def test_what_is_told_of_a_change(change: Any, found: list[tuple[str, str | None, Verdict]]):
    assert told_of(change) == found


def test_a_value_and_its_status_are_told_by_the_value():
    (found,) = told_of(status_and_value)
    assert found[:2] == ("night", "hand_back_by")


@pytest.mark.parametrize("missing", ["daily", "handoff", "night", "contact", "reaching"])
def test_a_policy_from_before_a_part_of_it_loads_without_that_part(missing: str):
    body = shipped_document()
    del body[missing]
    body["caution"] = {place: way for place, way in body["caution"].items() if place.partition(".")[0] != missing}
    assert getattr(policy_from_document(body, "0" * 64), missing) is None


def test_a_policy_from_before_there_was_a_tolerance_takes_the_shipped_one_and_none_is_less_than_none():
    body = shipped_document()
    del body["before_dose"]["tocilizumab_tolerance_minutes"]
    assert policy_from_document(body, "0" * 64).tocilizumab_tolerance == timedelta(minutes=15)
    body["before_dose"]["tocilizumab_tolerance_minutes"] = 0
    assert policy_from_document(body, "0" * 64).tocilizumab_tolerance == timedelta()
    body["before_dose"]["tocilizumab_tolerance_minutes"] = -1
    with pytest.raises(ProtocolDataError, match="not less than none"):
        policy_from_document(body, "0" * 64)
