"""The page of a packet and its PDF: every field with its value or as not known, page one first, what changed, and nothing else than sealed."""

import html
import io
import json
import re
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from handrail import clock
from handrail.actions.not_known import seal_looked
from handrail.actions.packets import open_version, seal
from handrail.people.scope import everything
from handrail.records.models import Course, Document, Look
from handrail.rules.packet_parts import NOT_KNOWN
from handrail.web import pdf
from tests.support.documents import problems
from tests.support.factories import World, event, make_member
from tests.support.handoffs import LOOKED
from tests.support.packets import NOW, tell, told

pytestmark = pytest.mark.django_db
SAID = {"not_known": ",".join(LOOKED)}
EMPTY, FULL = "nothing is known", "everything is told"


@pytest.fixture
def world(db) -> Iterator[World]:
    with clock.use(clock.FrozenClock(NOW)):
        made = World()
        told(made)
        yield made


@pytest.fixture(params=[FULL, EMPTY])
def either(request, db) -> Iterator[World]:
    """A course of which everything is told, and one of which nothing is known, the patient included."""
    with clock.use(clock.FrozenClock(NOW)):
        made = World()
        if request.param == FULL:
            told(made)
        else:
            with everything():
                patient = made.course.patient
                for name in ("given_name", "family_name", "birth_date_text", "phone", "mrn", "language"):
                    setattr(patient, name, "")
                patient.save()
                patient.contacts.all().delete()
        made.course.full = request.param == FULL
        yield made


def ask(world: World, name: str, *args, house: str = "alice", **query):
    client = Client()
    client.force_login(getattr(world, house).nurse)
    return client.get(reverse(name, args=[world.course.pk, *args]), query)


def plain(markup: str) -> str:
    """The words of a piece of a page."""
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", markup).split()))


def squeezed(text: str) -> str:
    """Without spaces: a line of a PDF breaks where it likes."""
    return re.sub(r"\s", "", text)


def sections_of(page: str) -> str:
    """The part behind page one."""
    return page[page.index('class="packet-section"') :]


def sealed(world: World):
    seal_looked(world.course.pk, LOOKED, by=world.actor("alice"))
    return open_version(world.course.pk, 1, by=world.actor("alice"))


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_page_and_the_paper_say_of_every_field_what_the_packet_says(either):
    body = sealed(either).body
    page = ask(either, "packet_version", 1).content.decode()
    behind = sections_of(page)
    fields = dict(re.findall(r'<dd data-field="([^"]+)">(.*?)</dd>', behind, re.DOTALL))
    paper = squeezed("".join(sheet.extract_text() for sheet in sheets(either)[1:]))
    keys = [each["key"] for section in body["sections"] for each in section["fields"]]
    assert sorted(fields) == sorted(keys)
    for section in body["sections"]:
        assert f"{section['number']}. {section['title']}" in plain(behind)
        assert squeezed(f"{section['number']}. {section['title']}") in paper
        for each in section["fields"]:
            shown = plain(fields[each["key"]])
            wanted = each["words"] if each["words"] is not None else f"{NOT_KNOWN} {each['why']}".strip()
            assert shown.startswith(" ".join(wanted.split())), each["key"]
            assert squeezed(f"{each['label']}: {wanted}") in paper, each["key"]
        for table in section["tables"]:
            assert squeezed(table["title"]) in paper
            for line in table["lines"]:
                said = [cell if cell is not None else NOT_KNOWN for cell in line["cells"]]
                assert " ".join(" ".join(said).split()) in plain(behind), line["key"]
                assert all(squeezed(cell) in paper for cell in said), line["key"]
            if not table["lines"]:
                assert squeezed(table["none"]) in paper


def test_a_known_field_names_its_source(either):
    page = ask(either, "packet").content.decode()
    fields = re.findall(r'<dd data-field="([^"]+)">(.*?)</dd>', page, re.DOTALL)
    assert fields
    for key, markup in fields:
        assert ('class="from"' in markup) is ('class="not-known"' not in markup), key


@pytest.mark.slow
def test_page_one_holds_the_essentials_and_comes_first(either):
    sealed(either)
    page = ask(either, "packet_version", 1).content.decode()
    first = plain(page[page.index('class="packet-one"') : page.index('class="packet-section"')])
    paper, second = (squeezed(sheet.extract_text()) for sheet in list(sheets(either))[:2])
    wanted = [
        "What to do",
        "Give by",
        "Restart the step-up if given after",
        "ICANS as it stands",
        "Call now",
        "Last dose:",
    ]
    wanted += ["Allergies, anticoagulants and code status are not known to Handrail: ask."]
    wanted += ["Synthia Example", "20 mg", "Fri 13 Mar 2026"] if either.course.full else ["name not known", "no dose"]
    for words in wanted:
        assert words in first, words
        assert squeezed(words) in paper, words
    assert squeezed("1. Person and contacts") not in paper
    assert squeezed("1. Person and contacts") in second


def test_the_course_leads_to_it_and_a_look_is_logged(world):
    assert reverse("packet", args=[world.course.pk]) in ask(world, "course").content.decode()
    ask(world, "packet", house="bob")
    with everything():
        assert Look.objects.get(user=world.bob.nurse).what == "packet"


def test_a_viewer_meets_no_packet_and_no_way_to_it(world):
    client = Client()
    client.force_login(make_member(world.alice.organisation, "viewer"))
    assert client.get(reverse("packet", args=[world.course.pk])).status_code == 403
    assert "/packet/" not in client.get(reverse("course", args=[world.course.pk])).content.decode()


def test_nothing_is_kept_by_reading_it(world):
    for _ in range(2):
        assert ask(world, "packet").status_code == 200
    with everything():
        assert world.course.packets.count() == world.course.documents.count() == 0


def test_a_course_that_cannot_be_judged_has_no_packet_and_says_so(world):
    with everything():
        Course.objects.filter(pk=world.course.pk).update(policy_sha256="0" * 64)
    answer = ask(world, "packet")
    assert answer.status_code == 409
    assert "No packet can be made of this course" in plain(answer.content.decode())
    client = Client()
    client.force_login(world.alice.nurse)
    done = client.post(reverse("seal_packet", args=[world.course.pk]), SAID, follow=True)
    assert "No packet can be made of this course" in plain(done.content.decode())


CHANGED = [("sha256", "0" * 64, "was changed"), ("sealed", b"gAAAA", "cannot be decrypted")]


@pytest.mark.parametrize(("field", "value", "words"), CHANGED)
def test_a_version_that_cannot_be_read_says_so_and_what_to_do_and_leaves_the_others(world, field, value, words):
    version = sealed(world).row
    ask(world, "packet_version", 1)
    with everything():
        Document.objects.filter(pk=version.content_id).update(**{field: value})
    for name, rest in (("packet_version", [1]), ("packet_pdf", [1, "a4"])):
        answer = ask(world, name, *rest)
        said = plain(answer.content.decode())
        assert answer.status_code == 409
        assert f"The stored packet {words}" in said and "Read the packet as it stands now" in said
        assert "Synthia Example, " not in said and "Last dose:" not in said
    now = ask(world, "packet", since="1")
    assert now.status_code == 200
    said = plain(now.content.decode())
    assert "Nobody can say what changed since version 1" in said and "Changed since" not in said
    assert "Last dose:" in said, "what stands now is read all the same"


@pytest.mark.slow
def test_the_file_for_other_systems_says_of_every_field_what_the_packet_says(either):
    found = sealed(either)
    client = Client()
    client.force_login(either.alice.nurse)
    assert reverse("fhir_bundle", args=[found.row.pk]) in ask(either, "packet_version", 1).content.decode()
    bundle = json.loads(client.get(reverse("fhir_bundle", args=[found.row.pk])).content)
    words = plain("".join(each["text"]["div"] for each in bundle["entry"][0]["resource"]["section"]))
    for section in found.body["sections"]:
        assert f"{section['number']}. {section['title']}" in words
        for each in section["fields"]:
            wanted = each["words"] if each["words"] is not None else NOT_KNOWN
            assert " ".join(f"{each['label']} {wanted}".split()) in words, each["key"]
        for table in section["tables"]:
            for line in table["lines"]:
                said = [cell if cell is not None else NOT_KNOWN for cell in line["cells"]]
                assert " ".join(" ".join(said).split()) in words, line["key"]
            if not table["lines"]:
                assert table["none"] in words
    assert problems(bundle) == []


# --- versions ---------------------------------------------------------------------------------------------------------


def test_sealing_twice_is_one_version_and_a_new_fact_is_told(world):
    client = Client()
    client.force_login(world.alice.nurse)
    for _ in range(2):
        done = client.post(reverse("seal_packet", args=[world.course.pk]), SAID)
        assert done.url == reverse("packet_version", args=[world.course.pk, 1])
    page = client.get(done.url).content.decode()
    assert "Changed since" not in page, "nobody has opened an older one"
    tell(world, event("lab_resulted", at=NOW, code="anc", value="0.4", unit="10*9/L"))
    page = plain(client.get(reverse("packet", args=[world.course.pk])).content.decode())
    assert "Changed since version 1 (" in page and "0.4 10*9/L" in page
    assert "Changed since" not in plain(ask(world, "packet", house="bob").content.decode())
    assert "Changed since version 1" in plain(ask(world, "packet", house="bob", since="1").content.decode())


@pytest.mark.parametrize("since", ["0", "7", "-1", "x", "²", "1" * 40])
def test_a_version_to_compare_with_that_is_none_is_not_asked(world, since):
    sealed(world)
    answer = ask(world, "packet", house="bob", since=since)
    assert answer.status_code == 200
    assert 'id="changed-h"' not in answer.content.decode()


def test_an_old_version_says_that_there_is_a_newer_one_and_stays_as_it_was(world):
    sealed(world)
    tell(world, event("lab_resulted", at=NOW, code="anc", value="0.4", unit="10*9/L"))
    seal(world.course.pk, by=world.actor("alice"))
    old = plain(ask(world, "packet_version", 1).content.decode())
    assert "There is a newer version: 2." in old and "0.4 10*9/L" not in old
    new = plain(ask(world, "packet_version", 2).content.decode())
    assert "newer version" not in new and "0.4 10*9/L" in new and "Changed since version 1" in new
    assert ask(world, "packet_version", 3).status_code == 404


# --- paper ------------------------------------------------------------------------------------------------------------


def sheets(world: World, paper: str = "letter", number: int = 1):
    answer = ask(world, "packet_pdf", number, paper)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"].startswith("attachment;")
    assert answer["Cache-Control"] == "no-store"
    return PdfReader(io.BytesIO(answer.content)).pages


@pytest.mark.slow
@pytest.mark.parametrize(("paper", "width", "height"), [("a4", 595, 842), ("letter", 612, 792)])
def test_the_size_of_the_paper(world, paper, width, height):
    sealed(world)
    pages = sheets(world, paper)
    assert {(round(page.mediabox.width), round(page.mediabox.height)) for page in pages} == {(width, height)}
    assert f"1/{len(pages)}" in squeezed(pages[0].extract_text())


def test_paper_of_another_size_and_a_version_that_was_never_made_are_not_there(world):
    sealed(world)
    assert ask(world, "packet_pdf", 1, "a5").status_code == 404
    assert ask(world, "packet_pdf", 2, "a4").status_code == 404


def test_without_what_makes_pdfs_one_sentence_says_what_to_do(world, monkeypatch):
    sealed(world)
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    client = Client()
    client.force_login(world.alice.nurse)
    answer = client.get(reverse("packet_pdf", args=[world.course.pk, 1, "a4"]), follow=True)
    assert answer.status_code == 200
    assert pdf.NO_PDF in plain(answer.content.decode())


def test_a_document_fetches_nothing():
    with pytest.raises(ValueError, match="fetches nothing"):
        pdf._fetch_nothing("file:///etc/passwd")


@pytest.mark.slow
def test_a_version_on_paper_names_itself(world):
    found = sealed(world)
    clock_later = NOW + timedelta(hours=3)
    with clock.use(clock.FrozenClock(clock_later)):
        text = squeezed(sheets(world)[-1].extract_text())
    assert squeezed(f"version 1, digest {found.row.sha256}") in text
