"""The numbers that a guide says are those of the protocol files: a guide is read at night, when nobody looks into the data."""

from collections.abc import Iterator

import pytest

from handrail.rules.access_data import access_rules
from handrail.rules.capacity_data import load_capacity
from handrail.rules.drills import load_drills
from handrail.rules.expert_line import expert_line
from handrail.rules.health_links import health_link_data
from handrail.rules.link_limits import link_limits
from handrail.rules.policy import load_policy
from handrail.rules.readiness import gate_data
from handrail.rules.referral import referral_data
from handrail.rules.rems_data import desk_rules
from handrail.rules.terms import Ladder
from tests.house.tree import ROOT

HOURS = {4: "four", 8: "eight", 12: "twelve"}


def said() -> Iterator[tuple[str, str]]:
    """Each guide, and a sentence or cell of it with the number that the data holds today."""
    policy = load_policy()
    for ladder, words, stays in (
        (Ladder.RED_1, "call 911 now", "never"),
        (Ladder.RED_2, "go to the emergency department now", "never"),
        (Ladder.RED_3, "call now, be seen within the hour", "signed, with a reason"),
        (Ladder.RED_4, "call now", "signed, with a reason"),
    ):
        minutes = policy.ladders[ladder].confirm_within_minutes
        yield "answer-a-page", f"| {ladder.value} | {words} | {minutes} minutes | {stays} |"
    red, contact, night = policy.ladders[Ladder.RED_3], policy.contact, policy.night
    assert contact is not None and night is not None and policy.call_back is not None and policy.inpatient is not None
    assert policy.reaching is not None
    yield "answer-a-page", f"seen within {red.seen_within_minutes} minutes"
    yield "answer-a-page", f"ICE score within {red.assess_within_minutes} minutes of the report"
    yield (
        "answer-a-page",
        f"emergency department within {red.arrival_within_minutes} and the department called back {red.ed_call_back_within_minutes} minutes",
    )
    waits = [step.wait_minutes for step in red.steps]
    yield (
        "answer-a-page",
        f"second device after {waits[0]} minutes, the second on call after {sum(waits[:2])}, the attending after {sum(waits[:3])}. After {sum(waits)} minutes",
    )
    told = {each for each, row in policy.ladders.items() if any(step.who == "patient_to_ed" for step in row.steps)}
    assert told == {Ladder.RED_1, Ladder.RED_2, Ladder.RED_3, Ladder.RED_4}, "of the others the patient is told nothing"
    first, second, _ = (step.wait_minutes for step in policy.ladders[Ladder.AMBER].steps)
    yield "answer-a-page", f"the second on call after {first} minutes, the attending after {first + second}."
    (again,) = policy.ladders[Ladder.GREEN].steps
    yield "answer-a-page", f"the nurse again every {again.wait_minutes} minutes"
    yield "answer-a-page", f"the link is good for {HOURS[policy.reaching.answer_link_hours]} hours"
    amber, green = (policy.ladders[each].snooze_minutes for each in (Ladder.AMBER, Ladder.GREEN))
    yield "answer-a-page", f"at most {amber} minutes for AMBER, {green} for GREEN"
    assert contact.hand_over_within_minutes == 10
    yield "answer-a-page", "after ten minutes without an answer the pages go on"
    yield "answer-a-page", f"between {night.begins} and {night.ends} is handed back by {night.hand_back_by}"

    yield "call-back", f"| called back within | {policy.call_back.promise_minutes} minutes of the ask |"
    yield "call-back", f"every {policy.call_back.again_minutes} minutes, whoever said"
    dummy = expert_line().dummy
    yield "call-back", f"at least every {dummy.every_days} days"
    yield "call-back", f"At most {dummy.most_seconds} seconds pass"

    stay = policy.inpatient
    yield "patient-in-hospital", f"| within {stay.first_call_within_hours} hours |"
    yield "patient-in-hospital", f"| {stay.daily_call_at} where the centre is |"
    yield "patient-in-hospital", f"| {stay.early_credit_minutes} minutes |"
    yield "patient-in-hospital", f"| {stay.grace_minutes} minutes after its time |"

    handoff = link_limits().handoff
    assert handoff.tries == 5
    yield "hand-over-care", "Five wrong codes shut a sheet or a link"
    yield "hand-over-care", f"after {handoff.lasts_days} days at the latest"
    yield "hand-over-care", f"(again after {HOURS[handoff.open_hours]} hours)"
    yield "train-and-drill", f"It lasts {link_limits().home.lasts_days} days"
    limits = [row.minutes for row in load_drills().limit]
    assert limits == [5, 10, 60]
    yield "train-and-drill", "within 5 minutes, the\npacket opened within 10, tocilizumab at the bedside within 60"

    yield "count-capacity", f"one site for the next {load_capacity().ahead.days} days"
    clocks = access_rules().clocks
    assert clocks.stock_count_holds_days == 7
    yield "count-capacity", "a count holds for seven days"
    yield "ask-a-payer", f"follow up after {clocks.follow_up_after_hours} hours"
    yield "ask-a-payer", f"a peer-to-peer talk within {clocks.peer_to_peer_within_hours} hours of a denial"

    when = gate_data().when
    yield "open-the-gate", f"from {when.look_hours} h before the booked hour"
    yield "open-the-gate", f"from {when.last_hours} h before"
    assert (referral_data().hours.opens, referral_data().hours.closes) == (8, 17)
    yield "take-referrals", "Paging begins between 8 and 17 of"
    assert referral_data().form.most_per_hour == 30
    yield "take-referrals", "Thirty referrals an hour"
    link = health_link_data().link
    assert link.tries == 10
    yield "share-a-health-link", "Ten wrong\npasscodes end it"
    yield "share-a-health-link", f"asked more than {link.asked_per_minute} times in a minute"
    report = desk_rules().report
    assert (report.page_hours_before, report.crs_grade_from, report.icans_grade_from) == (8, 2, 2)
    yield "rems-desk", "| eight hours before the end | site manager;"
    yield "rems-desk", "CRS or ICANS from grade 2 on"


@pytest.mark.parametrize(("guide", "words"), list(said()))
def test_a_guide_says_the_number_of_the_data(guide: str, words: str):
    assert words in (ROOT / "docs" / "how-to" / f"{guide}.md").read_text(encoding="utf-8")
