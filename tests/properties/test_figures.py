"""True of every course and every table: a fact less never makes it calmer, one more unknown never makes it surer, nothing withheld is found."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.measures.data import MEASURES, MeasureId, definitions
from handrail.measures.figures import ALL, NOT_KNOWN, PREVENTED, Group, quarters, table, withheld_rows
from handrail.measures.intervals import Rate
from handrail.measures.outcomes import DoseAt, Outcome, outcome, quarter_of, quarters_to
from handrail.measures.places import SETTINGS
from handrail.measures.together import SAFETY, Began, Referred, together
from handrail.measures.utilisation import Used, settled_from, used
from handrail.measures.withholding import cells
from handrail.rules.coursefile import course_from_json
from handrail.rules.events import KINDS
from handrail.rules.history import History
from handrail.rules.policy import load_policy
from tests.spec.test_figures import ended, found_by_elimination
from tests.support.figures import LATER, QUIET, grade, stepped_up, watched
from tests.support.histories import Case, cases

COUNTS = st.integers(0, 400)
POLICY, RULES = load_policy(), definitions()


@given(COUNTS, COUNTS, COUNTS)
def test_one_more_that_is_not_known_never_makes_it_surer_and_never_adds_a_no(yes: int, no: int, not_known: int):
    before, after = (Rate(yes=yes, no=no, not_known=number) for number in (not_known, not_known + 1))
    assert (after.yes, after.no, after.share, after.interval) == (before.yes, before.no, before.share, before.interval)
    assert after.whole is not None
    if before.whole is not None:
        assert after.whole.low <= before.whole.low + 1e-12
        assert after.whole.high >= before.whole.high - 1e-12


@given(COUNTS, COUNTS, COUNTS)
def test_an_interval_holds_its_share_and_the_whole_one_holds_both(yes: int, no: int, not_known: int):
    rate = Rate(yes=yes, no=no, not_known=not_known)
    if rate.interval is None or rate.whole is None or rate.share is None:
        return
    assert 0 <= rate.interval.low <= rate.share <= rate.interval.high <= 1
    assert rate.whole.low <= rate.share <= rate.whole.high


def _stories() -> list[dict[str, Any]]:
    """Courses that are no, yes, or in doubt, so that something is lost when a fact is."""
    quiet = watched(stepped_up())
    quiet.tell("medicine_given", "2026-03-02 08:00", agent="tocilizumab", purpose="prophylaxis")
    quiet.tell("home_status", "2026-03-03 09:00", location="home")
    bad = grade(watched(stepped_up(setting="hybrid")), "2026-03-03 15:00", 2, resolved="2026-03-04 08:00")
    bad.tell("home_status", "2026-03-03 16:00", location="ed")
    bad.tell("admission_noted", "2026-03-03 18:00", place="synthetic")
    bad.tell("medicine_given", "2026-03-03 19:00", agent="Actemra", purpose="treatment")
    stay = watched(stepped_up(setting="inpatient"))
    stay.tell("home_status", "2026-03-02 08:00", location="hospital")
    stay.tell("icans_assessed", "2026-03-04 15:00", clinician_grade=0)
    stay.tell("discharge_noted", "2026-03-07 10:00", to="home")
    waived = watched(stepped_up(doses=2))
    waived.tell("readiness_confirmed", "2026-03-01 12:00", item="prophylaxis_waived", confirmed=True)
    waived.tell("checkin_received", "2026-03-03 15:00", **{**QUIET, "temperature_c": "38.4"})
    waived.tell("crs_assessed", "2026-03-03 16:00", tmax_c="38.4", fever_other=True, clinician_grade=0)
    waived.tell("contact_made", "2026-03-03 15:30", **{"with": "patient"}, reached=True, outcome="staying_home")
    waived.tell("course_ended", "2026-03-05 12:00", because="progression")
    return [each.file() for each in (quiet, bad, stay, waived)]


STORIES = _stories()
ENVELOPE = {"id", "kind", "at", "recorded_at", "zone", "site", "source", "supersedes", "reason", "by", "version"}


def _read(document: dict[str, Any]) -> Outcome | None:
    history = History.build(course_from_json(document), plausible=POLICY.plausible)
    return outcome(history, POLICY, RULES, LATER)


READ = [_read(each) for each in STORIES]


@settings(max_examples=300)
@given(st.data())
def test_a_value_that_is_not_known_never_makes_a_no(data: st.DataObject):
    """Nor does it make anybody's tocilizumab "without", or an answer of a course that was not counted a no."""
    number = data.draw(st.integers(0, len(STORIES) - 1))
    document = deepcopy(STORIES[number])
    event = data.draw(st.sampled_from(document["events"]))
    names = sorted(name for name in event if name not in ENVELOPE and event["kind"] in KINDS)
    if not names:
        return
    event[data.draw(st.sampled_from(names))] = None
    before, after = READ[number], _read(document)
    assert before is not None
    if after is None:
        return
    made = [each for each, answer in after.answers.items() if answer is False and before.answers[each] is not False]
    assert made == []
    assert not (after.prevention == "without" and before.prevention != "without")


@settings(max_examples=200)
@given(st.data())
def test_a_reading_less_never_makes_a_no(data: st.DataObject):
    """Without a quiet check-in, an assessment or the dose that closed the window, a course is as well known, or less."""
    number = data.draw(st.integers(0, len(STORIES) - 1))
    document = deepcopy(STORIES[number])
    quiet = [
        place
        for place, event in enumerate(document["events"])
        if event["kind"] in ("toxicity_resolved", "course_ended")
        or (event["kind"] == "checkin_received" and event["temperature_c"] == QUIET["temperature_c"])
        or (event["kind"] == "crs_assessed" and event.get("clinician_grade") == 0)
        or event.get("step") == "first_treatment"
    ]
    del document["events"][data.draw(st.sampled_from(quiet))]
    before, after = READ[number], _read(document)
    assert before is not None
    assert after is not None
    assert [e for e, answer in after.answers.items() if answer is False and before.answers[e] is not False] == []


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["elranatamab", "linvoseltamab", "talquetamab", "teclistamab"]),
            st.sampled_from(PREVENTED),
            st.sampled_from([True, False, None]),
            st.integers(1, 9),
        ),
        max_size=12,
    )
)
def test_nothing_withheld_is_found_by_subtracting(told: list[tuple[str, str, bool | None, int]]):
    """Nothing small is shown, nothing withheld follows from the sums, and the withheld parts of a sum are not few together."""
    courses = [ended(crs, product=name, prevention=word) for name, word, crs, times in told for _ in range(times)]
    rows = table(courses)
    hidden = withheld_rows(rows, 5)
    for group, rate in rows.items():
        if group not in hidden:
            assert not {1, 2, 3, 4} & {rate.yes, rate.no, rate.not_known}
    products = sorted({group.product for group in rows} - {ALL})
    sums = [[Group(product=name, tocilizumab=word, measure="crs_any") for word in (ALL, *PREVENTED)] for name in (ALL, *products)]  # fmt: skip
    sums += [[Group(product=name, tocilizumab=word, measure="crs_any") for name in (ALL, *products)] for word in (ALL, *PREVENTED)]  # fmt: skip
    for line in sums:
        assert len(hidden.intersection(line)) != 1
        whole, *parts = line
        closed = [rows[each] for each in parts if each in hidden]
        if whole not in hidden:
            assert not {1, 2, 3, 4} & {sum(column) for column in zip(*map(cells, closed), strict=True)}
    assert not found_by_elimination(rows, hidden)


@settings(max_examples=200)
@given(cases(), st.integers(0, 500))
def test_from_the_instant_on_that_it_names_time_alone_changes_nothing(case: Case, days: int):
    """What became of a course, and what it used, may be kept from then on until another fact comes in."""
    history = History.build(course_from_json(case.course), plausible=POLICY.plausible)
    since = settled_from(history, RULES)
    if since is None:
        return
    first = max(since, max(event.at for event in history.recorded))

    def said(now: datetime) -> tuple[Outcome | None, Used | None]:
        found = outcome(history, POLICY, RULES, now)
        return found, used(history, found, RULES, now) if found is not None else None

    before = said(first)
    assert before[0] is not None and before[1] is not None and before[1].whole
    for now in (first + timedelta(microseconds=1), first + timedelta(days=days), first + timedelta(days=4000)):
        assert said(now) == before


# --- counted in one go, and group by group ----------------------------------------------------------------------------------------

DAYS = st.dates(date(2023, 1, 1), date(2026, 6, 30))
DOSES = st.builds(DoseAt, step=st.none(), on=st.none() | DAYS, setting=st.sampled_from([*SETTINGS, None]))
ENDED = st.builds(
    lambda crs, product, prevention, began, doses: ended(
        crs, product=product, prevention=prevention, began_on=began, doses=tuple(doses)
    ),
    st.sampled_from([True, False, None]),
    st.sampled_from(["teclistamab", "elranatamab"]),
    st.sampled_from(PREVENTED),
    DAYS,
    st.lists(DOSES, max_size=3),
)
GROUPS = st.fixed_dictionaries({"site": st.sampled_from(["A", "B", "", ALL, NOT_KNOWN])})
REFERRED = st.builds(
    Referred,
    groups=GROUPS,
    state=st.sampled_from(["began", "waiting", "closed", "not_known"]),
    days=st.none() | st.integers(0, 99),
)


def _counted(outcomes: list[Outcome], measure: MeasureId) -> Rate:
    told = [each.answers.get(measure) for each in outcomes]
    yes, no, unknown = (sum(each is word for each in told) for word in (True, False, None))
    return Rate(yes=yes, no=no, not_known=unknown)


@given(st.lists(ENDED, max_size=12))
def test_the_table_counts_each_group_as_if_it_were_alone(outcomes: list[Outcome]):
    found = table(outcomes)
    for group, rate in found.items():
        mine = [
            each
            for each in outcomes
            if group.product in (ALL, each.product) and group.tocilizumab in (ALL, each.prevention)
        ]
        assert rate == _counted(mine, group.measure)
    assert len(found) == len(MEASURES) * (1 + len({each.product for each in outcomes})) * (1 + len(PREVENTED))


@given(st.lists(ENDED, max_size=12))
def test_a_quarter_counts_as_if_it_were_alone(outcomes: list[Outcome]):
    today = date(2026, 3, 31)
    found = quarters(outcomes, RULES, today)
    assert [each.name for each in found] == quarters_to(today, RULES.look_back.quarters)
    for quarter in found:
        began = [each for each in outcomes if quarter_of(each.began_on) == quarter.name]
        assert (quarter.courses, quarter.crs) == (len(began), _counted(began, "crs_any"))
        given_ = [
            dose.setting or NOT_KNOWN
            for each in outcomes
            for dose in each.doses
            if quarter_of(dose.on or each.began_on) == quarter.name
        ]
        assert quarter.doses == {name: given_.count(name) for name in (*SETTINGS, NOT_KNOWN)}


@given(st.lists(REFERRED, max_size=12), st.lists(st.builds(Began, groups=GROUPS, outcome=ENDED), max_size=12))
def test_a_line_of_access_and_safety_counts_as_if_it_were_alone(referred: list[Referred], began: list[Began]):
    lines = together(referred, began, "site")
    names = {each.groups["site"] or NOT_KNOWN for each in (*referred, *began)}
    assert [each.group for each in lines] == [ALL, *sorted(names - {NOT_KNOWN}), *sorted(names & {NOT_KNOWN})]
    for line in lines:
        asked = [each for each in referred if line.group == ALL or (each.groups["site"] or NOT_KNOWN) == line.group]
        own = [e.outcome for e in began if line.group == ALL or (e.groups["site"] or NOT_KNOWN) == line.group]
        assert line.safety.courses == len(own)
        assert line.safety.rates == {measure: _counted(own, measure) for measure in SAFETY}
        states = [each.state for each in asked]
        assert (line.access.referred, line.access.began, line.access.waiting) == (
            len(asked), states.count("began"), states.count("waiting"),
        )  # fmt: skip
        assert (line.access.closed, line.access.not_known) == (states.count("closed"), states.count("not_known"))
        assert line.access.days == tuple(sorted(each.days for each in asked if each.days is not None))
