"""The appeal pack: the course of the request day by day, the policy card it argues against with its document, and what the practice must add."""

import re
import shutil
import subprocess
from datetime import date, timedelta

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.facts import record_event
from handrail.actions.payer_papers import write_paper
from handrail.people.scope import everything
from handrail.records.models import PayerEntry, PayerRequest
from handrail.web.payers.letter import letter_context
from tests.support.factories import MONDAY_0900, World, dose, event, make_member
from tests.support.payers import PAYER, asked, write

pytestmark = pytest.mark.django_db
DAY = MONDAY_0900.date()
NOW = MONDAY_0900 + timedelta(days=10)
DOCUMENT = "Synthetic Health, medical policy 12-3, section 4"
CLASSES = {"proteasome_inhibitor": True, "immunomodulatory_agent": True, "anti_cd38_antibody": None}


@pytest.fixture
def world():
    with clock.use(clock.FrozenClock(NOW)), everything():
        yield World()


@pytest.fixture
def by(world):
    return person(make_member(world.alice.organisation, "coordinator"))


def pack(request: PayerRequest) -> str:
    """The text of the pack."""
    found = PayerRequest.objects.select_related("course").get(pk=request.pk)
    html = render_to_string("handrail/payers/letter_pdf.html", letter_context(found, found.course, clock.now()))
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def part(text: str, title: str, until: str) -> str:
    return text[text.index(title) : text.index(until)]


def card(world: World, since: date, words: str, **says: object) -> None:
    payload = {"indication": words, **says}
    write_paper(
        world.alice.id, kind="card", key=f"{PAYER}|teclistamab", payload=payload, since=since,
        by=world.actor("alice", "director"), now=MONDAY_0900,
    )  # fmt: skip


def fought(world: World, by) -> PayerRequest:
    """A request that was submitted on Monday, followed up on Tuesday, denied on Wednesday, talked about on Thursday and appealed on Friday."""
    request = asked(world, by, internal=False)
    write(request, by, "submitted", 1, urgency="expedited", reason="an exception is asked for")
    write(request, by, "followed_up", 25)
    write(request, by, "denied", 49, reason="in hospital only")
    write(request, by, "peer_to_peer_asked", 50)
    write(request, by, "peer_to_peer_held", 73, reason="the reviewer kept to the text")
    write(request, by, "appealed", 97, reason="the label of 2026")
    return request


def test_every_step_stands_with_its_moment_and_its_day_in_the_order_in_which_it_happened(world, by):
    told = part(pack(fought(world, by)), "The course of the appeal", "The payer’s policy")
    steps = (
        "Mon 2 Mar 2026 10:00 CST 0 Submitted to the payer an exception is asked for; expedited",
        "Tue 3 Mar 2026 10:00 CST 1 Asked the payer where it stands",
        "Wed 4 Mar 2026 10:00 CST 2 Denied in hospital only",
        "Wed 4 Mar 2026 11:00 CST 2 Asked for a peer-to-peer talk",
        "Thu 5 Mar 2026 10:00 CST 3 The talk was held, the denial stands the reviewer kept to the text",
        "Fri 6 Mar 2026 10:00 CST 4 Appealed the label of 2026",
    )
    places = [told.find(step) for step in steps]
    assert -1 not in places, told
    assert places == sorted(places)
    assert "It stands: denied, appealed." in told
    assert "Not written down here the answer to the appeal" in told


def test_the_answer_to_the_appeal_ends_it_and_a_stage_that_nobody_wrote_down_is_said(world, by):
    request = asked(world, by, internal=False)
    write(request, by, "submitted", 1)
    write(request, by, "denied", 49, reason="in hospital only")
    assert "Not written down here followed up, peer-to-peer, appealed, the answer to the appeal." in pack(request)
    write(request, by, "appealed", 60)
    write(request, by, "denied", 80, reason="again")
    told = pack(request)
    assert "Not written down here followed up, peer-to-peer." in told
    assert "Reason as it was written down here: again" in told


def test_what_was_taken_back_is_no_part_of_the_course_and_no_denial_to_argue_against(world, by):
    request = asked(world, by, internal=False)
    write(request, by, "submitted", 1)
    wrong = write(request, by, "denied", 49, reason="the letter of another patient")
    write(request, by, "taken_back", 50, takes_back=str(wrong.pk), reason="not this one")
    told = pack(request)
    assert "another patient" not in told
    assert "The denial" not in told
    assert "The course of the request" in told
    # a first request lacks no stage of an appeal
    assert "Not written down here" not in told


def test_what_the_house_says_among_itself_does_not_go_to_the_payer(world, by):
    request = asked(world, by)
    write(request, by, "internal_refused", 1, reason="off label, says billing")
    write(request, by, "internal_cleared", 2, reason="now it may")
    write(request, by, "submitted", 3)
    told = pack(request)
    assert "billing" not in part(told, "The course of the request", "The payer’s policy")
    assert PayerEntry.objects.filter(request=request).count() == 3


def test_the_card_argued_against_is_the_one_of_the_day_of_the_denial_with_its_document_and_who_wrote_it_down(world, by):
    card(world, DAY, "after four lines", document=DOCUMENT, contact="fax 1")
    request = fought(world, by)
    card(world, DAY + timedelta(days=5), "after one line", document="a later text")
    told = part(pack(request), "The payer’s policy", "The label of the course")
    assert "Card of Mon 2 Mar 2026, in force here on Wed 4 Mar 2026, the day of the denial: after four lines" in told
    assert f"{DOCUMENT}; written down here on Mon 2 Mar 2026 by {world.alice.director.name}" in told
    assert "Another card is in force today. Card of Sat 7 Mar 2026: after one line" in told
    assert "a later text" not in told


def test_a_card_that_names_no_document_and_a_denial_under_no_card_are_said(world, by):
    request = fought(world, by)
    assert "No card of this payer and drug was in force on the day of the denial." in pack(request)
    card(world, DAY, "after four lines")
    assert "the payer’s document was not named" in pack(request)


def test_a_shipped_card_is_cited_with_document_address_and_that_it_was_read_in_a_summary(world, by):
    told = pack(asked(world, by, internal=False, payer="Triple-S (Puerto Rico)"))
    assert "Triple-S (Puerto Rico), medical drug criteria P1.001.012" in told
    assert "https://salud.grupotriples.com/medicalpolicy/docs/P1.001.012.html" in told
    assert "read in a summary, not in the document itself" in told


def test_the_label_of_the_course_is_cited_with_its_revision_and_its_source(world, by):
    told = part(pack(asked(world, by)), "The label of the course", "Not held here")
    assert re.search(r"Tecvayli \(teclistamab-cqyv\), US, revision \d{4}-\d\d", told)
    assert "after at least 4 earlier lines" in told
    assert "http" in told


def test_earlier_treatment_of_the_record_is_filled_in_and_only_what_has_no_place_here_is_asked(world, by):
    request = asked(world, by)
    bare = pack(request)
    assert "Earlier lines of therapy not known" in bare
    noted = event("earlier_treatment_noted", at=MONDAY_0900, lines=5, progressed_on_last=True, **CLASSES)
    record_event(world.course.pk, noted, by=world.actor("alice"), now=NOW)
    told = pack(request)
    assert "Earlier lines of therapy 5 Earlier proteasome inhibitor yes Earlier immunomodulatory agent yes" in told
    assert "Earlier anti-CD38 antibody not known Progressed on the last line yes" in told
    asks = part(told, "Not held here", "Signed")
    for words in ("Diagnosis code (ICD-10-CM)", "(NPI)", "Member number", "Allergies", "with its dates"):
        assert words in asks
    assert "5 earlier lines; among them proteasome inhibitor, immunomodulatory agent" in asks
    assert "Weight" not in asks
    assert "Earlier lines of therapy" not in part(told, "Not known: complete", "The case")


def test_the_lines_that_were_noted_later_count_where_the_policy_asks_for_them(world, by):
    card(world, DAY, "after four lines", lines_required=4)
    request = asked(world, by)
    assert "how many there were is not known" in pack(request)
    noted = event("earlier_treatment_noted", at=MONDAY_0900, lines=2, **CLASSES)
    record_event(world.course.pk, noted, by=world.actor("alice"), now=NOW)
    assert "the policy asks for 4 earlier lines; there were 2" in pack(request)


def test_the_urgency_it_was_submitted_with_and_the_doses_given_are_filled_in(world, by):
    request = fought(world, by)
    assert "Urgency expedited" in pack(request)
    assert "Given so far" not in pack(request)
    at = MONDAY_0900 + timedelta(hours=2)
    record_event(world.course.pk, dose("treatment", mg="105", at=at), by=world.actor("alice"), now=NOW)
    assert re.search(r"Given so far .* 105 J9380 210 ", pack(request))


def test_only_the_product_that_was_chosen_is_asked_for_and_every_one_while_none_is(world, by):
    chosen = pack(asked(world, by, drug="tocilizumab", product="tofidence", internal=False))
    row = part(chosen, "What is asked for", "The course of the request")
    assert "Tofidence -bavi" in row and "Actemra" not in row
    assert "not known: the weight is not known" in row
    assert "Actemra" in part(
        pack(asked(world, by, drug="tocilizumab")), "What is asked for", "The course of the request"
    )


def test_the_page_of_the_request_says_what_to_have_at_hand_and_its_pdf_holds_the_pack(world, by, tmp_path):
    client = Client()
    client.force_login(by.user)
    request = fought(world, by)
    shown = re.sub(r"\s+", " ", client.get(reverse("payer_request", args=[request.pk])).content.decode())
    assert "Handrail does not hold them" in shown
    assert "Member number" in shown
    pytest.importorskip("weasyprint")
    made = client.get(reverse("payer_letter", args=[request.pk, "letter"]))
    assert made.content.startswith(b"%PDF-")
    if shutil.which("pdftotext") is None:
        return  # what the paper holds is read above; this reads it once more where the program is there
    (tmp_path / "pack.pdf").write_bytes(made.content)
    read = subprocess.run(["pdftotext", "-layout", tmp_path / "pack.pdf", "-"], capture_output=True, check=True)
    assert b"Not held here: the practice adds it" in read.stdout


def test_another_house_gets_no_pack(world, by):
    request = asked(world, by)
    stranger = Client()
    stranger.force_login(world.charlie.nurse)
    assert stranger.get(reverse("payer_letter", args=[request.pk, "letter"])).status_code == 404
