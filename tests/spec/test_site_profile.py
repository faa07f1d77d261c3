"""A payer's questions to a site as tables: what answers each, when it is not known, what is withheld, and what never leaves the site."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from handrail.rules.access_gate import Stock
from handrail.rules.caredata import FOLDER
from handrail.rules.drills import Run, load_drills
from handrail.rules.site_levels import load_site_levels
from handrail.rules.site_profile import (
    Answer,
    Happened,
    KnownSite,
    Named,
    not_known,
    payer_questions,
    profile,
    questions_from_toml,
)
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import say_date
from tests.support.sites import TEC, TODAY, excepted, level_of, shown, site, telling, without

SHIPPED = (FOLDER / "payers" / "questions-1.toml").read_text(encoding="utf-8")
IDS = [row.id for row in payer_questions().question]


def known(facts=None, **changes) -> KnownSite:
    """A site that has shown everything, with a count of yesterday, one emergency department and enough of everything."""
    facts = facts or site()
    return replace(
        KnownSite(
            facts=facts,
            today=TODAY,
            levels=(level_of(facts),),
            checked_by={("SITE-01", ""): "site manager"},
            places=(Named(kind="ed", words="River ED, 1 Example Street, 555-0129", since=TODAY),),
            stock=Stock(doses=4, counted_on=TODAY - timedelta(days=1)),
            count_holds_days=7,
            drills=tuple(drill(row.id) for row in load_drills().kind),
            patients={TEC: 12},
            read_hours=tuple(Decimal(hours) for hours in (1, 2, 3, 5, 30)),
        ),
        **changes,
    )


def drill(kind: str, days: int = 10, grade: bool | None = True) -> Run:
    """A drill of so many days ago in which every limit was kept."""
    minutes = {row.id: Decimal(1) for row in load_drills().limit}
    return Run(kind=kind, on=TODAY - timedelta(days=days), minutes=minutes, correct_grade=grade)


def answers(facts: KnownSite) -> dict[str, Answer]:
    return {each.question.id: each for each in profile(payer_questions(), facts, load_drills())}


def words(facts: KnownSite, question: str) -> str:
    return " ".join(part.words for part in answers(facts)[question].parts)


def test_every_question_of_the_file_has_an_answer_with_a_day_and_evidence_or_whom_to_ask():
    for facts in (known(), known(without(site(), *(row.id for row in load_site_levels().item)))):
        found = profile(payer_questions(), facts, load_drills())
        assert [each.question.id for each in found] == IDS
        for each in found:
            assert each.parts
            for part in each.parts:
                assert part.words
                assert (part.on is not None and part.evidence) if part.known else part.owner, (each.question.id, part)


def test_a_site_of_which_nothing_is_on_record_answers_nothing_and_says_whom_to_ask():
    empty = KnownSite(facts=site(shown=(), granted=()), today=TODAY)
    found = profile(payer_questions(), empty, load_drills())
    assert not any(part.known for each in found for part in each.parts)
    assert all(part.owner for each in found for part in each.parts)
    assert len(not_known(found)) >= len(IDS)


def test_the_outcome_figures_are_not_made_up():
    parts = answers(known())["outcomes"].parts
    assert [(part.known, part.owner) for part in parts] == [(False, "director")]


def test_an_outcome_that_somebody_knows_is_told_beside_what_was_published_and_one_that_nobody_knows_is_asked():
    told = (
        Happened(words="CRS of any grade: 6 of 12 courses.", known=True, evidence="courses of eight quarters", beside=("A 1 of 2", "B 3 of 4")),
        Happened(words="Unplanned admission: not known of any of 12 courses.", known=False, evidence="courses of eight quarters"),
    )  # fmt: skip
    one, other = answers(known(happened=told))["outcomes"].parts
    assert (one.words, one.known, one.owner, one.on) == (
        "CRS of any grade: 6 of 12 courses. Published: A 1 of 2; B 3 of 4.", True, "", TODAY,
    )  # fmt: skip
    assert other.words.endswith("courses. No published count of this was found.")
    assert (other.known, other.owner, other.evidence) == (False, "director", "courses of eight quarters")


@pytest.mark.parametrize(
    ("count", "said"),
    [
        # patients | what leaves
        (0, "none"),
        (1, "withheld: fewer than 5"),
        (4, "withheld: fewer than 5"),
        (5, "5"),
        (12, "12"),
    ],
)
def test_a_count_of_few_patients_is_withheld(count, said):
    told = words(known(patients={TEC: count}), "doses")
    assert told.endswith(f": {said}.")


def test_no_sum_is_told_from_which_a_withheld_count_could_be_subtracted():
    told = words(known(patients={TEC: 12, "elranatamab": 3}), "doses")
    assert "12" in told
    assert "15" not in told
    assert told.count("withheld") == 1


@pytest.mark.parametrize(
    ("doses", "days", "said", "is_known"),
    [
        # counted | days ago | words | known
        (None, 0, "nobody has counted", False),
        (0, 0, "0 rescue doses", True),
        (1, 7, "1 rescue dose, counted", True),
        (6, 8, "Not known today: 6 rescue doses", False),
    ],
)
def test_the_rescue_doses_are_those_of_the_last_count_as_long_as_it_holds(doses, days, said, is_known):
    counted = None if doses is None else TODAY - timedelta(days=days)
    part = answers(known(stock=Stock(doses=doses, counted_on=counted)))["stock"].parts[0]
    assert said in part.words
    assert part.known is is_known
    assert part.owner == ("" if is_known else "pharmacist")


def test_a_count_after_which_doses_were_given_is_not_known_and_says_nothing_of_how_many():
    counted = Stock(doses=2, counted_on=TODAY)
    part = answers(known(stock=counted, stock_touched=True))["stock"].parts[0]
    assert (part.known, part.owner) == (False, "pharmacist")
    assert (
        part.words
        == f"Not known today: 2 rescue doses, counted on {say_date(TODAY)}, and that count does not stand any more."
    )


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        # hours until a person read each | words
        (["1", "2", "3", "4"], "Not known: fewer than 5"),
        (["1", "2", "3", "4", "9"], "median 3.0 hours"),
        (["1", "2", "3", "4", None], "median 3.0 hours until a named person read it; not read so far: withheld"),
        (["1", "2", None, None, None], "no median"),
        ([None] * 5, "not read so far: 5"),
        (["1", "2", "3", "4", "5", "6"], "median 3.5 hours until a named person read it; not read so far: none"),
    ],
)
def test_hand_offs_that_nobody_has_read_never_make_it_look_quicker(hours, said):
    told = words(known(read_hours=tuple(None if each is None else Decimal(each) for each in hours)), "read_back")
    assert said in told


def test_the_last_drill_of_each_kind_is_told_and_an_untimed_one_is_not_known():
    kinds = [row for row in load_drills().kind if row.required]
    told = known(drills=(drill(kinds[0].id, 200), drill(kinds[0].id, 3, grade=None)))
    parts = [part for part in answers(told)["drill"].parts if "last on" in part.words]
    assert [(part.known, part.owner) for part in parts] == [(False, "nurse")]
    assert "whether it was passed is not known" in parts[0].words
    assert "none is on record" in words(told, "drill")


def test_what_was_typed_about_an_item_or_an_exception_does_not_leave_the_site():
    facts = telling(site(), shown("SITE-08", evidence="as told by Synthia Example, MRN 7"))
    facts = replace(without(facts, "SITE-09"), excepted=(excepted("SITE-09"),))
    told = known(facts, checked_by={})
    everything = repr([(part.words, part.evidence) for each in answers(told).values() for part in each.parts])
    assert "Synthia" not in everything
    assert "moved house" not in everything
    assert "the director:" not in everything
    assert "Excepted: that hospital has signed" in words(told, "beds")


def test_each_state_of_an_item_is_said_as_it_is():
    later = shown("SITE-20", until=TODAY - timedelta(days=1), no_end=None, checked_on=TODAY - timedelta(days=9))
    facts = telling(site(), shown("SITE-24", met=False), shown("SITE-27", met=None), later)
    told = known(facts)
    assert words(told, "long_term").startswith("Not met: a protocol for infection prophylaxis")
    assert answers(told)["long_term"].known
    review = answers(told)["review"].parts[0]
    assert (review.known, review.owner) == (False, "director")
    assert "Not shown any more: the rules for caregivers" in words(told, "caregivers")


def test_a_level_that_no_director_signed_is_not_known_and_one_that_does_not_hold_says_so():
    unsigned = answers(known(site(granted=())))["level"].parts[0]
    assert (unsigned.known, unsigned.owner) == (False, "director")
    fallen = words(known(without(site(), "SITE-09")), "level")
    assert "Level 4 is signed, and items of it do not hold." in fallen
    assert words(known(), "level").startswith("Level 4:")


def test_what_speaks_against_the_site_does_not_count_as_held():
    """It is an answer, and no tick stands beside it."""
    ended = shown("SITE-20", until=TODAY - timedelta(days=1), no_end=None, checked_on=TODAY - timedelta(days=9))
    facts = replace(telling(site(), shown("SITE-24", met=False), ended), excepted=(excepted("SITE-09"),))
    kind = next(row.id for row in load_drills().kind if row.required)
    told = known(
        without(facts, "SITE-09"),
        stock=Stock(doses=0, counted_on=TODAY),
        drills=(drill(kind, grade=False),),
        read_hours=(None,) * 5,
    )
    against = {
        (name, part.words[:8])
        for name, each in answers(told).items()
        for part in each.parts
        if not part.holds and part.known
    }
    assert against == {
        ("level", "Level 0:"), ("long_term", "Not met:"), ("caregivers", "Not show"), ("beds", "Excepted"),
        ("stock", "0 rescue"), ("drill", answers(told)["drill"].parts[0].words[:8]), ("read_back", "5 hand-o"),
    }  # fmt: skip
    assert all(part.holds for each in answers(known()).values() for part in each.parts if part.known)


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("least = 5 ", "least = 1 ", "bad_number"),
        ("least_hand_offs = 5", "least_hand_offs = 1", "bad_number"),
        ("days = 365", "days = 0", "bad_number"),
        ('items = ["SITE-14"]', 'items = ["SITE-99"]', "unknown_word"),
        ('reads = "items"\nitems = ["SITE-14"]', 'reads = "items"', "missing_key"),
        ('kind = "ed"\n', "", "missing_key"),
        ('id = "beds"', 'id = "daily"', "duplicate_id"),
    ],
)
def test_a_file_that_cannot_be_right_is_refused(before, after, code):
    assert before in SHIPPED
    with pytest.raises(ProtocolDataError) as refused:
        questions_from_toml(SHIPPED.replace(before, after, 1))
    assert refused.value.code == code
