"""A document beside the record: who it is about, what is new, what stands chosen at first, what might harm."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from handrail.rules.foreign import (
    BY_HAND,
    CONDITION,
    DOSE,
    LABORATORY,
    MEDICINE,
    NEWER_HERE,
    NEWER_THERE,
    NOTE,
    SAME_TIME_HERE,
    SAME_TIME_THERE,
    UNBELIEVABLE,
    VITALS,
    WEIGHT,
    Agreement,
    Compared,
    ForeignDocument,
    ForeignPerson,
    Kept,
    Named,
    Offer,
    Placed,
    Review,
    Standing,
    beside,
    bispecific_in,
    compared,
    harms,
    names_a_bispecific,
    topic_of,
)
from tests.support.courses import TEC, Told, instant

ZONE = "America/Chicago"
GROUP = {
    "weight_measured": WEIGHT, "lab_resulted": LABORATORY, "vitals_measured": VITALS, "dose_given": DOSE,
    "medicine_given": MEDICINE, "condition_noted": CONDITION, "note_added": NOTE,
}  # fmt: skip
EMPTY = ForeignDocument(
    person=None, sender="", title="", made_on="", ours=False, offers=(), kept=(), notes=(), lists=()
)


def offer(kind: str, at: str = "2026-03-03 08:00", *, number: int = 900, doubt: str = "", **body: Any) -> Offer:
    when = at if "T" in at else instant(at, ZONE).isoformat()  # the first is written in a zone of the sender's own
    event = {"id": str(UUID(int=number)), "kind": kind, "at": when, "source": "import", **body}
    return Offer(event=event, group=GROUP[kind], topic=topic_of(kind, body), entry="X/1", doubt=doubt)


def told(*facts: tuple[str, str, dict[str, Any]]) -> Told:
    course = Told(TEC)
    for kind, at, body in facts:
        course.tell(kind, at, **body)
    return course


def place(course: Told, *offers: Offer) -> tuple[Placed, ...]:
    return beside(offers, course.history(), ZONE)


# --- what is new ------------------------------------------------------------------------------------------------------

SAME = {"code": "anc", "value": "1.1", "unit": "10*9/L"}
STANDS = [
    # what                          | on record                                                   | offered                                     | standing
    ("nothing like it",               [],                                                           ("2026-03-03 08:00", SAME),                   Standing.NEW),
    ("the same",                      [("lab_resulted", "2026-03-03 08:00", SAME)],                 ("2026-03-03 08:00", SAME),                   Standing.KNOWN),
    ("the same in other digits",      [("lab_resulted", "2026-03-03 08:00", {**SAME, "value": "1.10"})], ("2026-03-03 08:00", SAME),              Standing.KNOWN),
    ("the record says more",          [("lab_resulted", "2026-03-03 08:00", {**SAME, "low": "1"})], ("2026-03-03 08:00", SAME),                   Standing.KNOWN),
    ("the document says more",        [("lab_resulted", "2026-03-03 08:00", SAME)],                 ("2026-03-03 08:00", {**SAME, "low": "1"}),   Standing.NEW),
    ("another value",                 [("lab_resulted", "2026-03-03 08:00", {**SAME, "value": "2"})], ("2026-03-03 08:00", SAME),                 Standing.NEW),
    ("another unit",                  [("lab_resulted", "2026-03-03 08:00", {**SAME, "unit": "/uL"})], ("2026-03-03 08:00", SAME),                Standing.NEW),
    ("another time of that day",      [("lab_resulted", "2026-03-03 09:00", SAME)],                 ("2026-03-03 08:00", SAME),                   Standing.NEW),
    ("dated by day, that day",        [("lab_resulted", "2026-03-03 09:00", SAME)],                 ("2026-03-03 12:00", {**SAME, "x_date_only": True}), Standing.SAME_DAY),
    ("dated by day, another day",     [("lab_resulted", "2026-03-02 23:00", SAME)],                 ("2026-03-03 12:00", {**SAME, "x_date_only": True}), Standing.NEW),
    ("the record is dated by day",    [("lab_resulted", "2026-03-03 12:00", {**SAME, "x_date_only": True})], ("2026-03-03 08:00", SAME),          Standing.SAME_DAY),
]  # fmt: skip


@pytest.mark.parametrize(("what", "facts", "sent", "standing"), STANDS, ids=[row[0] for row in STANDS])
def test_how_a_fact_stands_to_the_record(what: str, facts, sent, standing: Standing):
    at, body = sent
    (found,) = place(told(*facts), offer("lab_resulted", at, **body))
    assert (found.standing, found.may) == (standing, standing in (Standing.NEW, Standing.SAME_DAY)), what


def test_a_note_with_the_same_words_is_known_on_any_day():
    course = told(("note_added", "2026-03-01 08:00", {"text": "Allergy: x"}))
    first, other = place(
        course, offer("note_added", text="Allergy: x"), offer("note_added", number=901, text="Allergy: y")
    )
    assert {first.standing, other.standing} == {Standing.KNOWN, Standing.NEW}


def test_what_was_imported_and_withdrawn_is_neither_new_nor_known():
    course = told()
    former = course.tell("lab_resulted", "2026-03-03 08:00", **SAME)
    course.tell("fact_withdrawn", "2026-03-03 09:00", supersedes=former, reason="of somebody else")
    (found,) = place(course, offer("lab_resulted", number=UUID(former).int, **SAME))
    assert (found.standing, found.may, found.chosen) == (Standing.UNDONE, False, False)


CHOSEN = [
    # what                                    | on record                                                     | offers                                        | why not, of the first
    ("the newest measured",                     [],                                                             [offer("weight_measured", weight_kg="70")],      ""),
    ("an older one of the document",            [],                                                             [offer("weight_measured", weight_kg="70"), offer("weight_measured", "2026-03-04 08:00", number=901, weight_kg="71")], NEWER_THERE),
    ("the record has a newer one",              [("weight_measured", "2026-03-04 08:00", {"weight_kg": "72"})], [offer("weight_measured", weight_kg="70")],      NEWER_HERE),
    ("another value of the same minute",        [("weight_measured", "2026-03-03 08:00", {"weight_kg": "72"})], [offer("weight_measured", weight_kg="70")],      SAME_TIME_HERE),
    ("of a day on which the record has one",    [("weight_measured", "2026-03-03 09:00", {"weight_kg": "72"})], [offer("weight_measured", "2026-03-03 12:00", weight_kg="70", x_date_only=True)], SAME_TIME_HERE),
    ("the record has one of that day alone",    [("weight_measured", "2026-03-03 12:00", {"weight_kg": "72", "x_date_only": True})], [offer("weight_measured", "2026-03-03 13:00", weight_kg="70")], SAME_TIME_HERE),
    ("of the day before, by day alone",         [("weight_measured", "2026-03-02 23:00", {"weight_kg": "72"})], [offer("weight_measured", "2026-03-03 12:00", weight_kg="70", x_date_only=True)], ""),
    ("two values of one minute",                [],                                                             [offer("weight_measured", weight_kg="70"), offer("weight_measured", number=901, weight_kg="71")], SAME_TIME_THERE),
    ("two values of one minute, the other",     [],                                                             [offer("weight_measured", number=901, weight_kg="71"), offer("weight_measured", weight_kg="70")], SAME_TIME_THERE),
    ("another value that day, by day alone",    [],                                                             [offer("weight_measured", "2026-03-03 13:00", weight_kg="70"), offer("weight_measured", "2026-03-03 12:00", number=901, weight_kg="71", x_date_only=True)], SAME_TIME_THERE),
    ("one that is there twice",                 [],                                                             [offer("weight_measured", number=901, weight_kg="70"), offer("weight_measured", weight_kg="70")], ""),
    ("the second of one that is there twice",   [],                                                             [offer("weight_measured", weight_kg="70"), offer("weight_measured", number=901, weight_kg="70")], SAME_TIME_THERE),
    ("older, written in a zone further east",   [],                                                             [offer("weight_measured", weight_kg="70", at="2026-03-04T01:00:00+05:00"), offer("weight_measured", number=901, weight_kg="71", at="2026-03-03T23:00:00-06:00")], NEWER_THERE),
    ("newer, written in a zone further west",   [],                                                             [offer("weight_measured", weight_kg="70", at="2026-03-03T23:00:00-06:00"), offer("weight_measured", number=901, weight_kg="71", at="2026-03-04T01:00:00+05:00")], ""),
    ("older than one sign of a panel here",     [("vitals_measured", "2026-03-04 08:00", {"temperature_c": "38.9", "pulse_per_min": 80})], [offer("vitals_measured", temperature_c="36.8")], NEWER_HERE),
    ("older than one sign of a panel there",    [],                                                             [offer("vitals_measured", temperature_c="36.8"), offer("vitals_measured", "2026-03-04 08:00", number=901, temperature_c="38.9", pulse_per_min=80)], NEWER_THERE),
    ("older in one of its two signs there",     [],                                                             [offer("vitals_measured", temperature_c="36.8", pulse_per_min=80), offer("vitals_measured", "2026-03-04 08:00", number=901, temperature_c="38.9")], NEWER_THERE),
    ("of one minute, and the other says more",  [],                                                             [offer("lab_resulted", number=901, **SAME), offer("lab_resulted", **{**SAME, "low": "1"})], SAME_TIME_THERE),
    ("the record has an older one",             [("weight_measured", "2026-03-02 08:00", {"weight_kg": "72"})], [offer("weight_measured", weight_kg="70")],      ""),
    ("a newer one of another test",             [("lab_resulted", "2026-03-04 08:00", {**SAME, "code": "crp"})], [offer("lab_resulted", **SAME)],                ""),
    ("a newer reading of another sign",         [("vitals_measured", "2026-03-04 08:00", {"pulse_per_min": 80})], [offer("vitals_measured", temperature_c="37")], ""),
    ("not believable",                          [],                                                             [offer("weight_measured", weight_kg="7")],       UNBELIEVABLE),
    ("in doubt",                                [],                                                             [offer("weight_measured", weight_kg="70", doubt="it is preliminary")], "it is preliminary"),
    ("a dose",                                  [],                                                             [offer("dose_given", dose_mg="4")],              BY_HAND),
    ("a medicine",                              [],                                                             [offer("medicine_given", agent="x")],            BY_HAND),
    ("a condition",                             [],                                                             [offer("condition_noted", what="x", active=True)], BY_HAND),
    ("a note",                                  [],                                                             [offer("note_added", text="x")],                 BY_HAND),
]  # fmt: skip


@pytest.mark.parametrize(("what", "facts", "offers", "why"), CHOSEN, ids=[row[0] for row in CHOSEN])
def test_what_stands_chosen_at_first(what: str, facts, offers, why: str):
    found = {each.offer.id: each for each in place(told(*facts), *offers)}[offers[0].id]
    assert (found.why, found.chosen) == (why, not why), what


def test_what_stays_in_the_document_is_counted_once_and_is_no_offer():
    document = replace(EMPTY, kept=(Kept(why="no such code here"),))
    assert ([each.times for each in document.kept], repr(document)) == ([1], "ForeignDocument(0 offers)")


def test_doses_come_first_and_the_newest_of_each_group():
    offers = [
        offer("note_added", number=1, text="x"),
        offer("weight_measured", "2026-03-01 08:00", number=2, weight_kg="70"),
        offer("weight_measured", "2026-03-02 08:00", number=3, weight_kg="71"),
        offer("dose_given", number=4, dose_mg="4"),
    ]
    assert [UUID(each.offer.id).int for each in place(told(), *offers)] == [4, 3, 2, 1]


# --- who it is about --------------------------------------------------------------------------------------------------

HERE = ForeignPerson(
    names=("Synthia Example",), birth_date="1950-04-05", sex="female", record_numbers=(("urn:h", "M-1"),)
)
PERSONS = [
    # what                          | the document says                              | name, birth date, sex, record number
    ("the same",                      {},                                              "same same same same"),
    ("nothing",                       {"names": (), "birth_date": "", "sex": "", "record_numbers": ()}, "not not not not"),
    ("another name",                  {"names": ("Other Example",)},                   "differs same same same"),
    ("one name of several",           {"names": ("S. E.", "EXAMPLE Synthia")},         "same same same same"),
    ("the year alone",                {"birth_date": "1950"},                          "same same same same"),
    ("another month",                 {"birth_date": "1950-05"},                       "same differs same same"),
    ("another sex",                   {"sex": "Male"},                                 "same same differs same"),
    ("another number of the issuer",  {"record_numbers": (("urn:h", "M-2"),)},         "same same same differs"),
    ("a number of another issuer",    {"record_numbers": (("urn:x", "M-2"),)},         "same same same not"),
    ("one number of several",         {"record_numbers": (("urn:x", "9"), ("urn:h", "M-1"))}, "same same same same"),
]  # fmt: skip
WORDS = {"same": Agreement.SAME, "differs": Agreement.DIFFERS, "not": Agreement.NOT_SAID}


@pytest.mark.parametrize(("what", "change", "words"), PERSONS, ids=[row[0] for row in PERSONS])
def test_two_sides_are_laid_beside_each_other_and_nobody_is_matched(what: str, change, words: str):
    found = compared(replace(HERE, **change), HERE)
    assert [each.agreement for each in found] == [WORDS[word] for word in words.split()], what


def test_a_document_that_names_nobody_agrees_in_nothing():
    found = compared(None, HERE)
    assert {each.agreement for each in found} == {Agreement.NOT_SAID}
    assert [(each.there, each.here) for each in found][:2] == [
        ("not said", "Synthia Example"),
        ("not said", "1950-04-05"),
    ]
    assert "Synthia" not in repr(found) and isinstance(found[0], Compared)


# --- what might harm --------------------------------------------------------------------------------------------------

NAMES = [
    ("Tecvayli (teclistamab-cqyv) 10 mg/mL", "teclistamab"),
    ("TALVEY", "talquetamab"),
    ("Lunsumio VELO", "mosunetuzumab"),
    ("Tecvayli, Talvey", None),
    ("tocilizumab", None),
    ("", None),
]


@pytest.mark.parametrize(("words", "product"), NAMES)
def test_a_product_is_known_by_name_or_brand(words: str, product: str | None):
    assert bispecific_in(words) == product
    assert names_a_bispecific(words) == (product is not None or "," in words)


def said(course: Told, *offers: Offer, **document: Any) -> list[str]:
    whole = replace(EMPTY, **document)
    return list(harms(whole, place(course, *offers), "teclistamab", ["dexamethasone", "acetaminophen"]))


def test_nothing_that_harms_gives_no_sentence():
    assert (
        said(
            told(), offer("weight_measured", weight_kg="70"), medicines=(Named(words="aciclovir", said="", entry="X"),)
        )
        == []
    )


def test_a_death_comes_before_everything():
    first, *rest = said(told(), offer("dose_given", dose_mg="4"), person=ForeignPerson(died=True), incomplete=True)
    assert (
        first == "The document says that this person has died."
        and "a dose of teclistamab" in rest[0]
        and "not complete" in rest[-1]
    )
    assert said(told(), person=ForeignPerson(died=False)) == []


def test_doses_that_the_record_has_are_no_news():
    course = told()
    course.dose("step_up_1", "2026-03-03 08:00", dose_mg="4")
    known, new = (
        offer("dose_given", step="step_up_1", dose_mg="4"),
        offer("dose_given", "2026-03-01 08:00", number=901, dose_mg="4"),
    )
    assert said(course, known) == []
    assert "2 doses" in said(told(), known, new)[0] and "a dose of" in said(course, known, new)[0]


def test_another_of_the_class_is_said_and_the_courses_own_is_not():
    own, other, both = (
        Named(words=words, said="", entry="X") for words in ("Tecvayli", "Elrexfio", "Tecvayli or Talvey")
    )
    assert said(told(), medicines=(own,)) == []
    assert [
        words.split(":")[1].split(".")[0].strip() for words in said(told(), medicines=(other, own, other, both))
    ] == ["Elrexfio", "Tecvayli or Talvey"]


@pytest.mark.parametrize(
    ("words", "said_of_it", "ours", "told_of_it"),
    [
        ("Tecvayli", "given, stopped", False, True),
        ("teclistamab", "stated, active", False, True),
        ("tocilizumab", "given, in-progress", False, True),
        ("teclistamab", "ordered, active", False, False),
        ("teclistamab", "stated, unknown", True, False),
        ("dexamethasone", "given, stopped", False, False),
    ],
)
def test_a_dose_that_cannot_be_taken_up_is_said(words: str, said_of_it: str, ours: bool, told_of_it: bool):
    document = replace(EMPTY, ours=ours, medicines=(Named(words=words, said=said_of_it, entry="M/1"),))
    found = list(harms(document, (), "teclistamab", ()))
    wanted = f"{words} ({said_of_it}) is in the document and cannot be taken as given: ask the sender what was given, and when."
    assert found == ([wanted] if told_of_it else [])


def test_tocilizumab_that_the_record_lacks_counts():
    assert "tocilizumab" in said(told(), offer("medicine_given", agent="Actemra"))[0]
    assert said(told(), offer("medicine_given", agent="dexamethasone")) == []


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        ("Dexamethasone sodium phosphate", "dexamethasone"),
        ("TECLISTAMAB", "teclistamab"),
        ("tocilizumab", "tocilizumab"),
        ("Penicillin", ""),
    ],
)
def test_every_allergy_is_said_and_one_to_a_medicine_of_the_course_loudest(words: str, ours: str):
    (found,) = said(told(), allergies=(Named(words=words, said="criticality high", entry="X"),))
    assert words in found and "criticality high" in found and "No rule of Handrail reads it" in found
    assert (f"This course uses {ours}" in found) == bool(ours)


@pytest.mark.parametrize(
    # what the entry of the document that names the medicine offers | the medicine is said to be out of reach
    ("offered", "said_so"),
    [
        (offer("dose_given", dose_mg="4"), False),
        (offer("medicine_given", agent="tocilizumab"), False),
        (offer("weight_measured", weight_kg="70"), True),  # of that entry only the weight is offered
        (None, True),
    ],
)
def test_a_dose_that_is_offered_is_within_reach(offered: Offer | None, said_so: bool):
    medicine = Named(words="Tecvayli", said="given, completed", entry="X/1")
    found = said(told(), *([offered] if offered else []), medicines=(medicine,))
    assert any("cannot be taken as given" in words for words in found) is said_so


# --- what the person who decides is shown -----------------------------------------------------------------------------

ANOTHER_SEX = {"sex": "Male"}
NOTHING = {"names": (), "birth_date": "", "sex": "", "record_numbers": ()}


@pytest.mark.parametrize(
    # the document says of the person | what differs | there is nothing to compare
    ("change", "differ", "nothing"),
    [
        ({}, (), False),
        (ANOTHER_SEX, ("sex",), False),
        ({"birth_date": "1951", "record_numbers": (("urn:h", "M-2"),)}, ("birth date", "record number"), False),
        ({**NOTHING, "sex": "female"}, (), False),  # one thing agrees, the others are not said
        (NOTHING, (), True),
    ],
)
def test_what_differs_is_named_and_what_cannot_be_compared_is_no_agreement(
    change: dict[str, Any], differ: tuple[str, ...], nothing: bool
):
    lines = compared(replace(HERE, **change), HERE)
    review = Review(document=EMPTY, compared=lines, placed=(), harms=(), read_at=instant("2026-03-03 08:00"))
    assert (review.differences, review.compared_nothing) == (differ, nothing)
