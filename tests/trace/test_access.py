"""The trace rows of the access desk, each performed through its pages or as data, as its acceptance says."""

import io
import re
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pypdf import PdfReader

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.courses import start_course
from handrail.actions.errors import RefusedError
from handrail.actions.facts import correct_event, record_event
from handrail.actions.payer_papers import take_paper_back, write_paper
from handrail.actions.payer_requests import open_request
from handrail.people.scope import everything
from handrail.records.models import AccessPaper, PayerEntry, PayerRequest
from handrail.rules import caredata
from handrail.rules.access import Request, cautions
from handrail.rules.access_data import Card
from handrail.rules.billing import units_of
from handrail.rules.caredata import billing_from_toml, care_from_toml
from handrail.rules.interchange import exchange, label_on
from handrail.rules.terms import Status
from handrail.web.payers.letter import letter_context
from tests.support.factories import CHICAGO, MONDAY_0900, House, World, dose, event, make_member, make_patient
from tests.support.payers import PAYER, asked, interchange, write

DAY = MONDAY_0900.date()
NOW = MONDAY_0900 + timedelta(days=10)


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)), everything():
        yield World()


@pytest.fixture
def by(world):
    return person(make_member(world.alice.organisation, "coordinator"))


@pytest.fixture
def client(by):
    found = Client()
    found.force_login(by.user)
    return found


def page(client: Client, name: str, *args: object, **data: str) -> str:
    answer = client.get(reverse(name, args=args), data)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def send(client: Client, request: PayerRequest, form: str, **fields: str) -> str:
    """A form of the request page; the page that follows, as text."""
    answer = client.post(reverse("payer_request", args=[request.pk]), {"form": form, **fields}, follow=True)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def weighed(world: World, kg: str) -> None:
    at = MONDAY_0900 + timedelta(hours=1)
    record_event(world.course.pk, event("weight_measured", at=at, weight_kg=kg), by=world.actor("alice"), now=at)


def test_t08_a_course_shows_units_code_authorisation_and_supply_before_dose_1(world, by, client):
    """Removing the rows of what is expected (`reading.billing_rows`) makes it fail."""
    weighed(world, "72")
    empty = page(client, "course_access", world.course.pk)
    assert "Supply: not known" in empty
    assert "No request for the bispecific antibody is written down" in empty
    answer = client.post(
        reverse("course_access", args=[world.course.pk]),
        {"drug": "teclistamab", "payer": PAYER, "internal": "yes", "supply": "buy_and_bill", "setting": "outpatient"},
    )
    assert answer.status_code == 302
    shown = page(client, "course_access", world.course.pk)
    assert "Supply: the site buys and bills" in shown
    assert "J9380" in shown
    assert "bispecific antibody, Synthetic Health: waits for the billing team" in shown
    # the band was not read in the label: nothing is counted on it before it is signed
    assert "first treatment dose not known J9380 not known the weight band 70-79 kg is not verified" in shown
    assert "would be 108 mg, J9380, 216 units once it is signed" in shown
    flat = page(client, "course_access", world.make_course(product="elranatamab").pk)
    assert re.search(r"step-up dose 1 12 J1323 12 ", flat)


def test_t08_105_mg_given_are_210_units_and_the_rest_of_the_vial_is_discarded_units(world, client):
    at = MONDAY_0900 + timedelta(hours=2)
    record_event(world.course.pk, dose("treatment", mg="105", at=at), by=world.actor("alice"), now=at)
    assert "105 mg, J9380, 210 units" in page(client, "course_access", world.course.pk)
    counted = page(client, "course_access", world.course.pk, agent="teclistamab", mg_given="105", mg_opened="153")
    assert "J9380: 210 units, 96 discarded: JW" in counted
    whole = page(client, "course_access", world.course.pk, agent="teclistamab", mg_given="153", mg_opened="153")
    assert "J9380: 306 units, 0 discarded: JZ" in whole


def test_t36_of_those_for_whom_it_was_meant_how_many_got_it_and_why_not(world, by, client):
    """Removing the reasons of `reading.prevention_report` makes it fail."""
    assert "It was meant for none" in page(client, "prevention")
    asked(world, by, drug="tocilizumab", product="tyenne")
    at = MONDAY_0900 + timedelta(hours=1)
    given = event("medicine_given", at=at, agent="Tyenne", dose_mg="560", route="intravenous", purpose="prophylaxis")
    record_event(world.course.pk, given, by=world.actor("alice"), now=at)
    assert "1 got it (100%)" in page(client, "prevention")
    second = world.make_course()
    waived = open_request(second.pk, drug="tocilizumab", payer=PAYER, by=by, now=MONDAY_0900)
    shown = page(client, "prevention")
    assert "1 got it (50%)" in shown
    assert "1 did not get it (yet), and no reason" in shown
    says = {"option": "without_prophylaxis", "reason": "an active infection", "valid_until": "2026-03-20"}
    write(waived, world.actor("alice", "oncologist"), "choice", 2, **says)
    assert "Decided to start without an active infection" in page(client, "prevention")
    client.force_login(world.charlie.nurse)
    assert "It was meant for none" in page(client, "prevention")


def test_t36_what_a_setting_plans_is_meant_and_a_waiver_before_the_dose_is_its_reason(world, client):
    """A house that asks no payer means it too. Removing `meant |=` or `_waived_at_the_gate` of `reading.prevention_report` makes it fail."""
    course = world.course
    at = MONDAY_0900 + timedelta(hours=1)
    client.force_login(world.alice.oncologist)
    form = reverse("setting_note", args=[course.pk, "tocilizumab_planned"])
    assert client.post(form, {"tocilizumab_planned": "yes"}).status_code == 302
    assert "Of 1 course for which it was meant 0 got it (0%)" in page(client, "prevention")
    assert "1 did not get it (yet), and no reason" in page(client, "prevention")
    given = event("medicine_given", at=at, agent="Tyenne", dose_mg="560", route="intravenous", purpose="prophylaxis")
    record_event(course.pk, given, by=world.actor("alice"), now=at)
    assert "1 got it (100%)" in page(client, "prevention")
    nurse = world.actor("alice")
    other = {**given, "id": str(uuid4()), "purpose": "treatment"}
    correct_event(course.pk, UUID(given["id"]), other, reason="was for CRS", by=nurse, now=NOW)
    assert "0 got it (0%)" in page(client, "prevention"), "what was corrected to a treatment prevents nothing"
    told = {"at": local(NOW), "item": "prophylaxis_waived", "confirmed": "yes", "evidence": "an infection last week"}
    assert client.post(reverse("record", args=[course.pk, "confirm"]), told).status_code == 302
    shown = page(client, "prevention")
    assert "Decided to start without an infection last week" in shown
    assert "no reason is written down" not in shown
    no = event("readiness_confirmed", at=NOW, item="prophylaxis_waived", confirmed=False)
    with clock.use(clock.FrozenClock(NOW + timedelta(minutes=1))):
        record_event(course.pk, {**no, "at": clock.now().isoformat()}, by=nurse)
        assert "an infection last week" not in page(client, "prevention"), "the last word counts"
    for minutes, item, said in ((2, "prophylaxis_waived", True), (3, None, False)):
        with clock.use(clock.FrozenClock(NOW + timedelta(minutes=minutes))):
            word = event("readiness_confirmed", at=clock.now(), item=item, confirmed=True, evidence="a cold")
            record_event(course.pk, word, by=nurse)
            assert ("a cold" in page(client, "prevention")) is said, (
                "a word about something not known may be about this"
            )
    with clock.use(clock.FrozenClock(NOW + timedelta(minutes=4))):
        assert client.post(form, {"tocilizumab_planned": "no"}).status_code == 302
        assert "It was meant for none" in page(client, "prevention"), "the last answer counts"


def local(at: datetime) -> str:
    """An instant as a form takes it."""
    return at.astimezone(ZoneInfo(CHICAGO)).strftime("%Y-%m-%dT%H:%M")


def course_of(house: House) -> UUID:
    """A course of another house."""
    patient = make_patient(house.organisation)
    started = {"product": "teclistamab", "site": house.site, "by": person(house.oncologist), "now": MONDAY_0900}
    return start_course(patient, **started).event.course_id


def test_t38_the_page_shows_ones_own_waits_and_keeps_the_choice_with_its_reason(world, by, client):
    """Removing the count of answers in `access_waits.waits`, or the choice from `_SAYS`, makes it fail."""
    request = asked(world, by, drug="tocilizumab", product="tyenne")
    assert "No answered request with Synthetic Health: fewer than 5" in page(client, "payer_request", request.pk)
    for days in (1, 2, 3, 4, 6):
        earlier = asked(world, by, drug="tocilizumab", product="tyenne", internal=False)
        write(earlier, by, "submitted", 1)
        write(earlier, by, "denied", 1 + 24 * days, reason="synthetic")
    for days in (8, 8, 8):  # another payer, another drug and another house say nothing of this payer's wait here
        for mine in ({"payer": "Other Health"}, {"drug": "teclistamab", "product": ""}):
            beside = asked(world, by, internal=False, **{"drug": "tocilizumab", "product": "tyenne", **mine})
            write(beside, by, "submitted", 1, reason="as planned")
            write(beside, by, "denied", 1 + 24 * days, reason="synthetic")
    theirs, elsewhere = world.actor("charlie"), course_of(world.charlie)
    for days in (9, 9, 9):
        far = {"drug": "tocilizumab", "product": "tyenne", "payer": PAYER, "internal": False}
        other = open_request(elsewhere, by=theirs, now=MONDAY_0900, **far)
        write(other, theirs, "submitted", 1, reason="as planned")
        write(other, theirs, "denied", 1 + 24 * days, reason="synthetic")
    plan = event("dose_planned", at=NOW, step="step_up_1", on=(NOW + timedelta(days=2)).date().isoformat())
    record_event(world.course.pk, plan, by=world.actor("alice", "oncologist"), now=NOW)
    shown = page(client, "payer_request", request.pk)
    assert "5 answered requests: median 3.0 days, 90th centile 6.0 days" in shown
    assert "Too late" in shown
    assert "more CRS is to be expected" in shown
    client.force_login(world.alice.oncologist)
    kept = send(client, request, "choice", option="expedited", reason="the disease grows fast")
    assert "Ask for an expedited review : the disease grows fast" in kept
    row = PayerEntry.objects.get(request=request, kind="choice")
    assert (row.by, row.payload["reason"]) == (world.alice.oncologist, "the disease grows fast")
    assert "Ask for an expedited review : the disease grows fast" in page(client, "payer_request", request.pk)


def test_t40_a_request_is_not_submitted_while_the_internal_step_is_open_and_the_pack_cites_the_current_edition(
    world, by, client
):
    """Removing `Kind.SUBMITTED` from what a request that waits for the billing team refuses (`access.NEXT`) makes it fail."""
    request = asked(world, by, drug="tocilizumab", product="tyenne")
    refused = send(client, request, "submitted", reason="urgent")
    assert "The billing team has not cleared it yet: it cannot be submitted." in refused
    assert not request.entries.exists()
    for unclear in (None, True):  # whether the billing team has a word is not known, or it has said no
        other = asked(world, by, drug="tocilizumab", product="tyenne", internal=unclear)
        if unclear:
            write(other, by, "internal_refused", 1, reason="not on the label")
        assert "it cannot be submitted" in send(client, other, "submitted", reason="urgent")
        assert not other.entries.filter(kind="submitted").exists()
    director = world.actor("alice", "director")
    for version, since in (("1.2026", 0), ("4.2026", 5), ("5.2026", 11)):  # the last one begins tomorrow
        payload = {"name": "Synthetic guideline", "version": version, "words": "listed, category synthetic"}
        day = DAY + timedelta(days=since)
        write_paper(world.alice.id, kind="guideline", key="x", payload=payload, since=day, by=director, now=NOW)
    text = letter(client, request)
    assert "version 4.2026, Sat 7 Mar 2026" in text
    assert "1.2026" not in text and "5.2026" not in text
    printed = client.get(reverse("payer_letter", args=[request.pk, "letter"])).content
    read = " ".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(printed)).pages)
    assert "version 4.2026" in re.sub(r"\s+", " ", read)
    send(client, request, "internal_cleared", reason="the billing lead, on the guideline")
    assert "submitted, no answer yet" in send(client, request, "submitted", reason="urgent")


def letter(client: Client, request: PayerRequest) -> str:
    """The text of the pack's template, and a PDF of it that begins like one."""
    pytest.importorskip("weasyprint")
    made = client.get(reverse("payer_letter", args=[request.pk, "letter"]))
    assert made.status_code == 200
    assert made["Content-Type"] == "application/pdf"
    assert io.BytesIO(made.content).read(5) == b"%PDF-"
    found = PayerRequest.objects.select_related("course").get(pk=request.pk)
    html = render_to_string("handrail/payers/letter_pdf.html", letter_context(found, found.course, clock.now()))
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_pack_says_of_every_fact_whether_it_is_known_and_cites_each_study_with_its_source(world, by, client):
    request = asked(world, by, drug="tocilizumab", product="tyenne", internal=False)
    bare = letter(client, request)
    assert "Weight not known" in bare
    assert "Edition not known" in bare
    weighed(world, "70")
    text = letter(client, request)
    assert "70 kg" in text
    assert "560" in text
    for words in (
        "P01",
        "6 of 24",
        "P02",
        "10 of 33",
        "11 of 15",
        "P03",
        "10 of 52",
        "P04",
        "12 of 119",
        "prediction interval",
    ):
        assert words in text
    assert "pubmed.ncbi.nlm.nih.gov/40345961" in text
    assert "counts not read: check first" in text
    assert "off label" in text


def test_t41_a_new_biosimilar_is_data_alone():
    """A product, its label rows and its code added to the files: label, exchange, units and the payer's preference follow."""
    care = (caredata.FOLDER / "care" / "tocilizumab.toml").read_text(encoding="utf-8")
    codes = (Path(caredata.FOLDER) / "codes" / "billing.toml").read_text(encoding="utf-8")
    ends = 'source = ["HANDRAIL"]\nstatus = "sourced"\n'
    new = care + f'\n[[product]]\nid = "newtoci"\nbrand = "Newtoci"\nsuffix = "-zzzz"\nforms = ["iv"]\n{ends}'
    new += f'[[label]]\nid = "newtoci-1"\nproduct = "newtoci"\nform = "iv"\nsince = 2026-01-01\nsays = "no_crs"\nwords = "x"\n{ends}'
    new += f'[[label]]\nid = "newtoci-2"\nproduct = "newtoci"\nform = "iv"\nsince = 2026-06-01\nsays = "crs"\nwords = "x"\n{ends}'
    data = care_from_toml(new)
    assert label_on("newtoci", "iv", DAY, data).says == "no_crs"
    assert label_on("newtoci", "iv", DAY + timedelta(days=200), data).says == "crs"
    assert exchange(("actemra", "iv"), ("newtoci", "iv"), emergency=False, protocol_signed=True, care=data).allowed
    assert exchange(("actemra", "iv"), ("newtoci", "iv"), emergency=True, protocol_signed=False, care=data).allowed
    unit = '\n[[unit]]\nid = "tocilizumab-zzzz"\nagent = "tocilizumab-zzzz (Newtoci)"\ncode = "Q9999"\nmg = "1"\nsince = 2026-01-01\n'
    billing = billing_from_toml(f'{codes}{unit}source = ["RECALLED"]\nstatus = "secondary"\n')
    units = units_of("tocilizumab-zzzz", data.prophylaxis[0].cap_mg, DAY, data=billing)
    assert (units.code, units.units) == ("Q9999", 800)
    card = Card(
        id="x", payer=PAYER, drug="tocilizumab", since=DAY, indication="x", source=("x",), status=Status.SECONDARY,
        preferred=("newtoci",), inpatient_steps=(),
    )  # fmt: skip
    request = Request(id="r", drug="tocilizumab", payer=PAYER, opened_at=MONDAY_0900, product="actemra")
    assert "prefers Newtoci" in cautions(request, card, lines_prior=None, label_since=None, care=data)[0].words


def test_t42_a_product_the_payer_does_not_prefer_is_warned_of_before_it_is_sent(world, by, client):
    """Removing `access._product` makes it fail."""
    request = asked(world, by, drug="tocilizumab", product="actemra", payer="Blue Cross NC", internal=False)
    words = "payer prefers Tyenne, the request names Actemra"
    assert words in page(client, "payer_request", request.pk)
    refused = send(client, request, "submitted", urgency="standard")
    assert not request.entries.exists()
    assert "Nothing is saved yet" in refused
    with pytest.raises(RefusedError, match=words):
        write(request, by, "submitted", 1)
    assert "submitted, no answer yet" in send(
        client, request, "submitted", reason="a reaction to the excipients of Tyenne"
    )
    fits = asked(world, by, drug="tocilizumab", product="tyenne", payer="Blue Cross NC", internal=False)
    assert "payer prefers" not in page(client, "payer_request", fits.pk), "the preferred one is not warned of"


def test_t43_another_product_is_given_only_under_a_valid_interchange_protocol_and_the_history_shows_it(
    world, by, client
):
    """Removing the check of the protocol in `payer_requests._interchange` makes it fail."""
    request = asked(world, by, drug="tocilizumab", product="actemra", internal=False)
    assert "Not substituted" in send(client, request, "substituted", product="tyenne", reason="not on the shelf")
    director = world.actor("alice", "director")
    interchange(world, director, until=DAY + timedelta(days=9))  # it ended yesterday
    assert "Not substituted" in send(client, request, "substituted", product="tyenne", reason="not on the shelf")
    interchange(
        world, director, payload={"products": ["actemra", "tyenne"], "uses": ["treatment"], "approved_by": "P&T"}
    )
    assert "Not substituted" in send(client, request, "substituted", product="tyenne", reason="not on the shelf")
    assert not request.entries.exists()
    valid = interchange(world, director, since=DAY + timedelta(days=1))
    shown = send(client, request, "substituted", product="tyenne", reason="not on the shelf")
    assert f"interchange protocol {valid.pk}, approved by P&T committee, from Tue 3 Mar 2026 until" in unescape(shown)
    assert "Synthetic coordinator, coordinator" in shown
    assert "product tyenne" in shown
    take_paper_back(valid.pk, reason="another committee", by=director, now=NOW)
    assert "Not substituted" in send(client, request, "substituted", product="tyenne", reason="once more")
    kept = page(client, "payer_request", request.pk)
    assert f"interchange protocol {valid.pk}, approved by" in kept, "what was done under it stays in the history"


def test_the_queue_has_the_clock_that_runs_out_first_on_top_and_asks_the_database_as_often_for_ten_as_for_one(
    world, by, client, django_assert_num_queries
):
    late = asked(world, by, payer="Late Health", internal=False)
    write(late, by, "submitted", 1)
    client.get(reverse("access"))
    with CaptureQueriesContext(connection) as one:
        client.get(reverse("access"))
    asked(world, by, payer="Fresh Health", now=NOW)
    for _ in range(8):
        asked(world, by, now=NOW)
    settled = asked(world, by, payer="Settled Health")
    write(settled, by, "not_required", 1, reason="by phone", valid_from="2026-03-02", valid_until="2026-12-31")
    with django_assert_num_queries(len(one)):
        client.get(reverse("access"))
    shown = page(client, "access")
    assert "Open (10)" in shown
    assert shown.index("Late Health") < shown.index("Fresh Health")
    assert "Settled Health" not in shown
    assert "never waits for a payer" in shown
    client.force_login(world.charlie.nurse)
    assert "Open (0)" in page(client, "access")


def test_a_card_of_ones_own_is_written_on_the_page_and_taken_back_with_a_reason(world, client):
    client.force_login(world.alice.director)
    sent = {
        "form": "card",
        "payer": PAYER,
        "drug": "teclistamab",
        "since": "2026-03-01",
        "indication": "as its letter says",
    }
    client.post(reverse("payer_cards"), {**sent, "reads_place": "yes", "inpatient_steps": ["step_up_1"]})
    assert "Synthetic Health, teclistamab" in page(client, "payer_cards")
    request = asked(world, world.actor("alice"))
    assert "the policy pays step-up dose 1 in hospital only; they are planned outside" in page(
        client, "payer_request", request.pk
    ).replace("The policy", "the policy")
    paper = AccessPaper.objects.get()
    client.post(reverse("paper_back", args=[paper.pk]), {"reason": "another plan"})
    assert "Synthetic Health, teclistamab" not in page(client, "payer_cards")
