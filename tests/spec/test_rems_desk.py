"""The REMS desk: papers on a day, the matrix cell, line 8 of the gate, codes, owners by the hour and reports."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from handrail.rules.doors import Hours, hours_from
from handrail.rules.rems_data import (
    DeskRules,
    desk_from_toml,
    desk_rules,
    programme_for,
    programme_from_toml,
    programmes,
)
from handrail.rules.rems_desk import cell, expiries, gate_evidence
from handrail.rules.rems_doses import Dose, Mode, Reaction, due_at, hand_overs, owner_at, reports_due, troubles
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import say_date
from tests.support.rems import ANA, BO, CHICAGO, CY, DAY, PLACE, SHARED, ask, dispense, paper, papers, without

YESTERDAY, TOMORROW = DAY - timedelta(days=1), DAY + timedelta(days=1)
GIVEN = datetime(2026, 3, 9, 15, 0, tzinfo=UTC)
DESK: DeskRules = desk_rules()


# --- the data ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("product", "jurisdiction", "programme"),
    [
        ("teclistamab", "US", SHARED),
        ("talquetamab", "US", SHARED),
        ("elranatamab", "US", "elrexfio"),
        ("linvoseltamab", "US", "lynozyfic"),
        ("teclistamab", "EU", None),
        ("epcoritamab", "US", None),
    ],
)
def test_which_programme_covers_which_product(product, jurisdiction, programme):
    found = programme_for(product, jurisdiction)
    assert (found.id if found else None) == programme


def test_every_programme_asks_every_participant_for_something():
    for programme in programmes():
        asked = {row.participant for row in programme.requirement}
        assert asked == {"prescriber", "dispenser", "setting", "representative", "patient"}


HEAD = """format = "handrail-rems/1"
id = "x"
name = "X"
jurisdiction = "US"
version = "1"
{head}
[sources.A]
document = "a"
[[product]]
id = "p"
source = ["A"]
status = "sourced"
[[requirement]]
id = "r"
participant = "setting"
words = "w"
frequency = "once"
evidence = "e"
effect = "block"
owner = "o"
paper = "setting"
source = ["{source}"]
status = "sourced"
{row}
"""


@pytest.mark.parametrize(
    ("head", "source", "row", "code"),
    [
        ("", "A", "", None),
        ("surprise = 1", "A", "", "unknown_key"),
        ("", "B", "", "missing_source"),
        ("in_force_to = 2026-01-01", "A", "", "missing_key"),
        ("", "A", "in_force_to = 2026-01-01", "missing_key"),
        ("", "A", 'in_force_to = 2026-01-01\nconfirmed_by = "Dee"', "missing_key"),
        ("", "A", 'in_force_to = 2026-01-01\nconfirmed_by = "Dee"\nconfirmed_on = 2026-01-02', None),
        ("", "A", 'in_force_from = 2026-01-02\nin_force_to = 2026-01-01\nconfirmed_by = "D"\nconfirmed_on = 2026-01-02', "wrong_order"),
    ],
)  # fmt: skip
def test_what_the_loader_refuses(head, source, row, code):
    text = HEAD.format(head=head, source=source, row=row)
    if code is None:
        assert programme_from_toml(text).id == "x"
        return
    with pytest.raises(ProtocolDataError) as refused:
        programme_from_toml(text)
    assert refused.value.code == code


def test_numbers_of_the_desk_that_make_no_sense_are_refused():
    from handrail.rules.rems_data import FOLDER

    text = (FOLDER / "desk.toml").read_text()
    for was, becomes, code in [
        ("warn_days = [30, 60, 90]", "warn_days = [90, 60, 30]", "wrong_order"),
        ("working_days = 1 ", "working_days = 0 ", "bad_number"),
        ('id = "deputy"', 'id = "setting"', "duplicate_id"),
        ('format = "handrail-rems-desk/1"', 'format = "x"', "unknown_format"),
    ]:
        assert was in text
        with pytest.raises(ProtocolDataError) as refused:
            desk_from_toml(text.replace(was, becomes, 1))
        assert refused.value.code == code, was


# --- line 8 -------------------------------------------------------------------------------------------------------------------------

ENDS = [(YESTERDAY, False), (DAY, True), (TOMORROW, True)]


def test_everything_there_is_green_and_says_until_when():
    found = gate_evidence(ask(papers=without("setting", paper("setting", site="site", until=DAY))))
    assert found.met is True
    assert found.until == datetime(2026, 3, 10, 5, 0, tzinfo=UTC), "the first minute of the next day at the site"
    assert found.evidence is not None
    assert "RDA-1" in found.evidence


@pytest.mark.parametrize("kind", ["setting", "dispenser", "representative", "deputy", "prescriber"])
@pytest.mark.parametrize(("until", "met"), ENDS)
def test_a_paper_counts_until_its_last_day(kind, until, met):
    who = {"representative": BO, "deputy": CY, "prescriber": ANA}.get(kind)
    one = paper(kind, until=until, who=who, site=None if kind == "prescriber" else "site", licence="pharmacy")
    assert gate_evidence(ask(papers=without(kind, one))).met is met


@pytest.mark.parametrize("kind", ["setting", "dispenser", "representative", "deputy", "prescriber"])
def test_without_one_it_is_red_and_names_who_mends_it(kind):
    found = gate_evidence(ask(papers=without(kind)))
    assert found.met is False
    assert ("Elm Clinic" in found.because) or ("Synthetic Ana" in found.because)
    assert found.next_step is not None
    assert "Synthetic" in found.next_step


def test_a_paper_whose_end_nobody_wrote_down_is_not_known():
    found = gate_evidence(ask(papers=without("setting", paper("setting", site="site", no_end=None))))
    assert (found.met, "until when it holds is not known" in found.because) == (None, True)


def test_a_paper_that_begins_tomorrow_is_not_there_yet():
    found = gate_evidence(ask(papers=without("setting", paper("setting", site="site", from_on=TOMORROW))))
    assert (found.met, f"begins on {say_date(TOMORROW)}" in found.because) == (False, True)


def test_a_dispenser_without_its_licence_is_not_known():
    assert gate_evidence(ask(papers=without("dispenser", paper("dispenser", site="site")))).met is None


@pytest.mark.parametrize("elsewhere", [{"site": "other"}, {"site": "site", "programme": "elrexfio"}])
def test_what_another_site_or_programme_shows_counts_for_nothing(elsewhere):
    assert gate_evidence(ask(papers=without("setting", paper("setting", **elsewhere)))).met is False


def test_the_representative_that_ended_yesterday_is_named_with_who_can_mend_it():
    found = gate_evidence(ask(papers=without("representative", paper("representative", site="site", who=BO, until=YESTERDAY))))  # fmt: skip
    assert found.met is False
    assert f"Synthetic Bo: ended on {say_date(YESTERDAY)}" in found.because
    assert found.next_step == "record it: Synthetic Dee (site manager)"


def test_who_prescribes_is_not_known_and_not_guessed():
    assert gate_evidence(ask(prescriber=None)).met is None


def test_an_uncertified_prescriber_stops_this_product_and_no_other():
    """What one prescriber lacks for the one programme says nothing about the other."""
    both = (*without("prescriber"), *(replace(each, programme="elrexfio") for each in papers()))
    assert gate_evidence(ask(papers=both)).met is False
    assert gate_evidence(ask(papers=both, product="elranatamab")).met is True


@pytest.mark.parametrize(
    ("records", "met", "words"),
    [
        ((), False, "no code or confirmation"),
        ((dispense(code=""),), False, "no code or confirmation"),
        ((dispense(checked=None),), None, "whether the prescriber was checked is not known"),
        ((dispense(checked=False),), False, "found not certified"),
        ((dispense(), dispense(code="RDA-2")), False, "2 different codes"),
        ((dispense(), dispense(code="")), None, "one of the records has no code"),
        ((dispense(), dispense(recorded_at=GIVEN)), True, ""),
    ],
)
def test_the_dispense_record_of_the_dose(records, met, words):
    found = gate_evidence(ask(dispenses=records))
    assert found.met is met
    assert words in found.because


@pytest.mark.parametrize(
    ("changed", "met", "words"),
    [
        ({"jurisdiction": "EU", "papers": ()}, True, "not of EU"),
        ({"product": "epcoritamab"}, None, "no REMS on file"),
        ({"place": None}, None, "at which site"),
        ({"ended": "the REMS ended: confirmed by Dee", "papers": ()}, True, "confirmed by Dee"),
        ({"on": date(2022, 11, 7), "papers": ()}, True, "asks nothing"),
    ],
)
def test_where_no_paper_decides(changed, met, words):
    found = gate_evidence(ask(**changed))
    assert (found.met, words in found.because) == (met, True)


@pytest.mark.parametrize(("last", "met"), [(YESTERDAY, True), (DAY, False)])
def test_a_programme_that_ended_asks_nothing_and_says_who_confirmed_that(last, met):
    over = replace(programmes()[-1], in_force_to=last, confirmed_by="Dee Example, pharmacist", confirmed_on=DAY)
    found = gate_evidence(ask(papers=()), known=(over,))
    assert over.id == SHARED
    assert found.met is met
    assert (f"confirmed by Dee Example, pharmacist on {say_date(DAY)}" in found.because) is met


@pytest.mark.parametrize(("last", "met"), [(YESTERDAY, True), (DAY, False)])
def test_one_requirement_is_switched_off_by_its_date_alone(last, met):
    whole = programmes()[-1]
    rows = tuple(replace(row, in_force_to=last) if row.id == "setting_certified" else row for row in whole.requirement)
    assert gate_evidence(ask(papers=without("setting")), known=(replace(whole, requirement=rows),)).met is met


# --- the matrix -----------------------------------------------------------------------------------------------------------------------


def test_the_three_sides_of_a_cell():
    found = cell("teclistamab", "US", PLACE, papers(), DAY)
    assert {side: found.side(side).met for side in ("setting", "dispenser", "prescriber")} == dict.fromkeys(("setting", "dispenser", "prescriber"), True)  # fmt: skip
    assert found.warnings == ()
    assert not found.empty


def test_the_shared_programme_carries_over_and_the_training_does_not():
    found = cell("talquetamab", "US", PLACE, papers(), DAY)
    assert all(found.side(side).met for side in ("setting", "dispenser", "prescriber"))
    assert {part.row.id: part.who for part in found.warnings} == {"prescriber_competence": (ANA.name,), "staff_trained": (CY.name,)}  # fmt: skip


def test_another_programme_has_an_empty_cell():
    assert cell("elranatamab", "US", PLACE, papers(), DAY).empty


def test_certified_but_untrained_is_named():
    held = tuple(each for each in papers() if not (each.kind == "training" and each.who == ANA))
    found = cell("teclistamab", "US", PLACE, held, DAY)
    assert found.side("prescriber").met is True
    assert [part.who for part in found.warnings] == [(ANA.name,)]
    assert found.untrained == (ANA.name,)


def test_who_is_not_certified_is_not_called_certified_and_untrained():
    held = tuple(each for each in papers() if each.who != ANA)
    assert cell("teclistamab", "US", PLACE, held, DAY).untrained == ()


def test_a_site_of_which_only_the_people_are_known_is_not_set_up():
    people = tuple(each for each in papers() if each.site is None)
    assert cell("teclistamab", "US", PLACE, people, DAY).empty


def test_one_of_two_prescribers_is_enough_for_the_site_and_the_other_is_named():
    found = cell("teclistamab", "US", replace(PLACE, prescribers=(ANA, BO)), papers(), DAY)
    side = found.side("prescriber")
    assert (side.met, f"1 of 2; not {BO.name}" in side.because) == (True, True)


def test_nobody_who_prescribes_is_not_known():
    assert cell("teclistamab", "US", replace(PLACE, prescribers=()), papers(), DAY).side("prescriber").met is None


@pytest.mark.parametrize(("days", "within"), [(0, 30), (30, 30), (31, 60), (60, 60), (61, 90), (90, 90), (91, None), (-1, 30), (-91, None)])  # fmt: skip
def test_what_runs_out_within_90_60_and_30_days(days, within):
    one = paper("setting", site="site", until=DAY + timedelta(days=days))
    found = expiries([one], DAY, DESK.expiry.warn_days)
    assert [each.within for each in found] == ([] if within is None else [within])


@pytest.mark.parametrize(
    ("kind", "differs", "carried"),
    [
        ("prescriber", {}, True),
        ("prescriber", {"who": CY}, False),
        ("prescriber", {"product": "talquetamab"}, False),
        ("prescriber", {"programme": "elrexfio"}, False),
        ("representative", {"who": CY}, True),
        ("deputy", {"who": CY}, True),
        ("representative", {"site": "other"}, False),
        ("setting", {"site": "other", "who": None}, False),
    ],
)
def test_only_a_paper_about_the_same_carries_another_one_on(kind, differs, carried):
    about = {"who": None if kind == "setting" else ANA, "site": None if kind == "prescriber" else "site"}
    one = paper(kind, **about, until=DAY + timedelta(days=20))
    longer = paper(kind, **{**about, **differs}, until=DAY + timedelta(days=400))
    found = expiries([one, longer], DAY, DESK.expiry.warn_days)
    assert [each.paper for each in found] == ([] if carried else [one])


def test_what_another_paper_carries_on_does_not_run_out():
    one = paper("representative", site="site", who=BO, until=TOMORROW)
    after = paper("representative", site="site", who=CY, from_on=TOMORROW + timedelta(days=1), id="next")
    assert not expiries([one, after], DAY, DESK.expiry.warn_days)
    gap = replace(after, from_on=TOMORROW + timedelta(days=2))
    assert len(expiries([one, gap], DAY, DESK.expiry.warn_days)) == 1
    assert len(expiries([one, gap], TOMORROW + timedelta(days=1), DESK.expiry.warn_days)) == 1, "in the gap"
    assert not expiries([one, gap], TOMORROW + timedelta(days=2), DESK.expiry.warn_days), "it was renewed, late"


def test_whoever_left_carries_no_paper_on():
    one = paper("representative", site="site", who=BO, until=DAY + timedelta(days=20))
    gone = paper("representative", site="site", who=CY, left=True, id="next")
    assert [each.paper for each in expiries([one, gone], DAY, DESK.expiry.warn_days)] == [one]


# --- codes of given doses --------------------------------------------------------------------------------------------------------------

DOSE = Dose(course="c", label="C", product="teclistamab", site="site", on=DAY, given_at=GIVEN, recorded_at=GIVEN)
BEFORE = GIVEN - timedelta(hours=1)


@pytest.mark.parametrize(
    ("records", "kinds"),
    [
        ((), ["missing"]),
        ((dispense(code=""),), ["missing"]),
        ((dispense(obtained_at=BEFORE, recorded_at=BEFORE),), []),
        ((dispense(obtained_at=GIVEN + timedelta(minutes=1), recorded_at=GIVEN + timedelta(minutes=1)),), ["late"]),
        ((dispense(obtained_at=None),), ["late"]),
        ((dispense(obtained_at=BEFORE, recorded_at=GIVEN + timedelta(minutes=15)),), []),
        ((dispense(obtained_at=BEFORE, recorded_at=GIVEN + timedelta(minutes=16)),), ["late"]),
        ((dispense(), dispense(code="RDA-2")), ["duplicate"]),
        ((dispense(), dispense(course="other")), ["duplicate"]),
        ((dispense(), dispense(on=YESTERDAY)), ["duplicate"]),
        ((dispense(checked=None),), ["unchecked"]),
        ((dispense(checked=False),), ["unchecked"]),
    ],
)
def test_missing_late_double_and_unchecked(records, kinds):
    assert [each.kind for each in troubles([DOSE], records, DESK.code)] == kinds


# --- who owns the codes ------------------------------------------------------------------------------------------------------------------

OFFICE = Hours(zone=CHICAGO, week=(*([hours_from("08:00-17:00")] * 5), hours_from("closed"), None))
START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
CENTRAL = Mode(mode="central", from_at=START, central="Bo", local="Cy")
HYBRID = Mode(mode="hybrid", from_at=START, central="Bo", local="Cy", hours=OFFICE)


@pytest.mark.parametrize(
    ("mode", "at", "name", "side"),
    [
        (CENTRAL, START, "Bo", "central"),
        (CENTRAL, START - timedelta(minutes=1), "Rep", "fallback"),
        (replace(CENTRAL, mode="local"), START, "Cy", "local"),
        (replace(CENTRAL, central=""), START, "Cy", "local"),
        (replace(CENTRAL, central="", local=""), START, "Rep", "fallback"),
        (HYBRID, datetime(2026, 3, 9, 13, 0, tzinfo=UTC), "Bo", "central"),
        (HYBRID, datetime(2026, 3, 9, 12, 59, tzinfo=UTC), "Cy", "local"),
        (HYBRID, datetime(2026, 3, 9, 22, 0, tzinfo=UTC), "Cy", "local"),
        (HYBRID, datetime(2026, 3, 14, 15, 0, tzinfo=UTC), "Cy", "local"),
        (HYBRID, datetime(2026, 3, 15, 15, 0, tzinfo=UTC), "Cy", "local"),
    ],
)
def test_who_owns_the_codes_at_an_instant(mode, at, name, side):
    found = owner_at([mode], at, (), ("", "Rep"))
    assert (found.name, found.side) == (name, side)


def test_where_nobody_is_left_it_says_so():
    assert owner_at([], START, (), ()).side == "nobody"


def test_a_holiday_is_no_hour_of_the_centre():
    assert owner_at([HYBRID], datetime(2026, 3, 9, 15, 0, tzinfo=UTC), {DAY}, ()).name == "Cy"


def nobody(at: datetime) -> tuple[str, ...]:
    """Nobody answers where the mode names nobody."""
    return ()


def test_where_no_mode_is_set_the_codes_pass_from_one_representative_to_the_next():
    turn = START + timedelta(days=2)
    found = hand_overs([], START, START + timedelta(days=7), (), lambda at: ("Bo",) if at < turn else ("Cy",), {turn})
    assert [(each.at, each.before.name, each.after.name) for each in found] == [(turn, "Bo", "Cy")]


def test_every_hand_over_of_a_week_is_named():
    found = hand_overs(
        [HYBRID], datetime(2026, 3, 9, 6, 0, tzinfo=UTC), datetime(2026, 3, 16, 5, 0, tzinfo=UTC), (), nobody
    )
    assert len(found) == 10, "two on each of five days"
    assert {(each.before.name, each.after.name) for each in found} == {("Bo", "Cy"), ("Cy", "Bo")}


def test_a_switch_of_mode_is_one_hand_over():
    switch = Mode(mode="local", from_at=START + timedelta(days=1), central="Bo", local="Cy")
    found = hand_overs([CENTRAL, switch], START, START + timedelta(days=7), (), nobody)
    assert [(each.at, each.after.name) for each in found] == [(switch.from_at, "Cy")]


@pytest.mark.parametrize("last", [CENTRAL, replace(CENTRAL, mode="local"), HYBRID])
def test_of_two_modes_that_begin_at_one_instant_the_one_set_last_owns_the_codes(last):
    """The first was a mistake that somebody put right. Taking the first of equals from `rems_doses._latest` makes it fail."""
    first = Mode(mode="central", from_at=START, central="Ann", local="Ann")
    at = datetime(2026, 3, 9, 13, 0, tzinfo=UTC)
    assert owner_at([first, last], at, (), ()) == owner_at([last], at, (), ())
    span = (at, at + timedelta(days=7))
    assert hand_overs([first, last], *span, (), nobody) == hand_overs([last], *span, (), nobody)


# --- reports --------------------------------------------------------------------------------------------------------------------------------


def reaction(grade: int | None, hours: int = 0, toxicity: str = "crs") -> Reaction:
    at = GIVEN + timedelta(hours=hours)
    return Reaction(
        course="c", label="C", toxicity=toxicity, grade=grade, at=at, zone=CHICAGO, event=f"{toxicity}{hours}"
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("told", "reported", "due"),
    [
        ([reaction(1)], [], []),
        ([reaction(2)], [], ["crs0"]),
        ([reaction(None)], [], ["crs0"]),
        ([reaction(2), reaction(1, 5)], [], ["crs0"]),
        ([reaction(2), reaction(3, 5)], [], ["crs0"]),
        ([reaction(2), reaction(2, 5)], ["crs0"], []),
        ([reaction(2), reaction(3, 5)], ["crs0"], ["crs5"]),
        ([reaction(2), reaction(3, 5)], ["crs5"], []),
        ([reaction(3), reaction(None, 5)], ["crs0"], ["crs5"]),
        ([reaction(None), reaction(2, 5)], ["crs5"], []),
        ([reaction(2), reaction(2, 1, "icans")], ["crs0"], ["icans1"]),
        ([reaction(2), reaction(2, 90)], ["crs0"], ["crs90"]),
    ],
)
def test_which_reactions_are_reported(told, reported, due):
    over = [("c", "crs", GIVEN + timedelta(hours=48))]
    found = reports_due(told, set(reported), over, DESK.report, ())
    assert [each.reaction.event for each in found] == due


@pytest.mark.parametrize(
    ("at", "holidays", "day"),
    [
        (datetime(2026, 3, 9, 15, 0, tzinfo=UTC), (), date(2026, 3, 11)),
        (datetime(2026, 3, 13, 15, 0, tzinfo=UTC), (), date(2026, 3, 17)),
        (datetime(2026, 3, 14, 15, 0, tzinfo=UTC), (), date(2026, 3, 17)),
        (datetime(2026, 3, 13, 15, 0, tzinfo=UTC), {date(2026, 3, 16)}, date(2026, 3, 18)),
        (datetime(2026, 3, 10, 4, 59, tzinfo=UTC), (), date(2026, 3, 11)),
    ],
)
def test_a_report_is_due_at_the_end_of_the_next_working_day(at, holidays, day):
    assert due_at(at, CHICAGO, 1, holidays) == datetime(day.year, day.month, day.day, 5, 0, tzinfo=UTC)
