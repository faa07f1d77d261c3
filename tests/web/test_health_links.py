"""The pages of the health links for staff, and the viewer: what each says, what it never says, and what its policy allows."""

import html
import re
from copy import deepcopy
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.health_links import revoke_health_link, viewer_link, written_link
from handrail.actions.packets import seal
from handrail.people.models import HealthLink
from handrail.people.scope import everything
from handrail.records.models import Look
from handrail.rules.emergency import emergency_data
from handrail.rules.health_links import health_link_data
from handrail.web import health_link_viewer
from handrail.web.health_links import OVER_SHOWN
from tests.support.factories import World, make_member
from tests.support.handoffs import LOOKED
from tests.support.health_links import LABEL, linked, manifest, payload_of, post
from tests.support.once import made_once
from tests.support.packets import NOW, told

pytestmark = pytest.mark.django_db
ROW = health_link_data().link
FILLED = {"label": LABEL, "days": "14", "purpose": "handoff", "with_passcode": "yes", "not_known": ",".join(LOOKED)}
STATIC = Path(health_link_viewer.__file__).parent / "static" / "handrail"


@made_once
def the_world():
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        told(world)
        seal(world.course.pk, by=world.actor("alice"))
        return world


@pytest.fixture
def world(db, the_world):
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        world = deepcopy(the_world)
        world.time = frozen
        yield world


def staff(world, house="alice", role="nurse") -> Client:
    client = Client()
    client.force_login(getattr(getattr(world, house), role))
    return client


def words(answer) -> str:
    main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", main).split()))


def page(world, name: str, *args, client: Client | None = None):
    return (client or staff(world)).get(reverse(name, args=[world.course.pk, *args]))


def make(world, client: Client | None = None, **changed):
    data = {key: value for key, value in {**FILLED, **changed}.items() if value is not None}
    return (client or staff(world)).post(reverse("new_health_link", args=[world.course.pk]), data)


# --- making one -------------------------------------------------------------------------------------------------------


def test_the_form_offers_a_passcode_and_a_month_and_says_what_it_opens(world):
    answer = page(world, "new_health_link")
    shown = answer.content.decode()
    assert re.search(r'name="with_passcode" value="yes" checked', shown)
    assert f'name="days" value="{ROW.lasts_days}"' in shown and f'value="{LABEL}"' in shown
    assert "It opens version 1 now, and each version that is sealed later" in words(answer)
    assert "checked" not in re.search(r"<fieldset.*?</fieldset>", shown, re.DOTALL).group(), (
        "no purpose is chosen for anybody"
    )


def test_a_link_is_made_and_shown_to_be_given_away(world):
    client = staff(world)
    answer = make(world, client)
    with everything():
        link = HealthLink.objects.get()
    assert (answer.status_code, answer.url) == (302, reverse("health_link", args=[world.course.pk, link.pk]))
    assert link.link.expires_at == NOW + timedelta(days=14)
    shown = client.get(answer.url)
    said = words(shown)
    for wanted in (
        "On a T-cell-engaging bispecific: teclistamab",
        "Synthia Example",
        "Fever may be CRS or infection: treat for both.",
        "Call now, day and night: 555-0111",
        "Good until Wed 25 Mar 2026 10:00 CDT. Printed Wed 11 Mar 2026 10:00 CDT.",
        "Last dose when this was printed: step-up dose 2",
        "Do NOT give the next dose of the bispecific.",
        LABEL,
        f"Passcode: {link.passcode}",
        viewer_link(link),
        written_link(link),
    ):
        assert wanted in said, wanted
    assert shown["Cache-Control"] == "no-store" and shown["Referrer-Policy"] == "same-origin"
    sheet = re.search(r'<article class="link-sheet".*?</article>', shown.content.decode(), re.DOTALL).group()
    assert link.passcode not in sheet, "never on the same paper as the code"
    with everything():
        assert Look.objects.filter(user=world.alice.nurse, what="health_link_shown").count() == 1


WRONG = [
    # what is typed otherwise                     | what is said
    ({"label": ""}, "Say in a few words"),
    ({"label": "Synthia's packet, Synthia"}, "names the patient"),
    ({"days": ""}, "1 to 365 days"),
    ({"days": "x"}, "1 to 365 days"),
    ({"days": "9999999999999999999999"}, "1 to 365 days"),
    ({"days": "-1"}, "1 to 365 days"),
    ({"purpose": None}, "for whom"),
]


@pytest.mark.parametrize(("changed", "said"), WRONG)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(world, changed, said):
    answer = make(world, **changed)
    assert answer.status_code == 422 and said in words(answer)
    if changed.get("label") != "":
        assert html.escape(changed.get("label", LABEL)) in answer.content.decode()
    with everything():
        assert not HealthLink.objects.exists()


def test_a_link_without_a_passcode_is_marked_wherever_it_stands(world):
    client = staff(world)
    answer = client.get(make(world, client, with_passcode=None).url)
    assert "This link has no passcode" in words(answer)
    assert "WITHOUT a passcode" in words(page(world, "packet", client=client))


def test_before_anything_is_sealed_no_link_is_offered(db):
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        assert not world.course.packets.exists()
        assert "health link" not in words(page(world, "packet")).lower()
        assert "seal the packet first" in words(page(world, "new_health_link")).lower()
        assert "Seal the packet first" in words(make(world))


# --- the list and the log ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", [("packet",), ("packet_version", 1)])
def test_the_page_of_the_packet_lists_the_links_with_their_log(world, where):
    link = linked(world)
    manifest(link, recipient="Mercy <b>ED</b>")
    world.time.advance(minutes=1)
    manifest(link, passcode="000000", recipient="Somebody")
    said = words(page(world, *where))
    for wanted in (
        f"{LABEL} , for the practice that takes the patient over: opens the newest sealed version until",
        "with a passcode; 9 wrong ones may still be sent",
        "Who asked for it (2)",
        "Mercy <b>ED</b> opened the packet (version 1)",
        "Somebody sent a wrong passcode",
        "nobody has checked them",
    ):
        assert wanted in said, wanted
    assert link.passcode not in said and link.key not in said and link.address not in said


STATES = [
    ("good", "opens the newest sealed version", True),
    ("revoked", "revoked", False),
    ("expired", "over since", False),
    ("locked", "LOCKED: too many wrong passcodes", False),
]


@pytest.mark.parametrize(("how", "said", "good"), STATES)
def test_a_link_that_is_over_says_so_and_is_shown_no_more(world, how, said, good):
    link = linked(world)
    client = staff(world)
    if how == "revoked":
        answer = client.post(reverse("revoke_health_link", args=[world.course.pk, link.pk]), follow=True)
        assert "This link opens nothing any more" in words(answer)
        assert manifest(link).status_code == 404
        with everything():
            assert Look.objects.filter(user=world.alice.nurse, what="health_link_revoked").count() == 1
    elif how == "expired":
        world.time.advance(days=30)
    elif how == "locked":
        with everything():
            HealthLink.objects.update(tries_left=0)
    listed = page(world, "packet")
    assert said in words(listed)
    address = reverse("health_link", args=[world.course.pk, link.pk])
    assert (address in listed.content.decode()) is good
    assert client.get(address).status_code == (200 if good else 404)


def test_a_long_log_is_cut_and_says_so(world):
    link = linked(world)
    for _ in range(31):
        manifest(link)
        world.time.advance(seconds=30)
    assert "Who asked for it (30 and more)" in words(page(world, "packet"))


def test_a_link_that_opens_is_listed_however_many_there_are(world):
    """Only what is listed can be revoked."""
    first = linked(world, days=365, label="The first")
    world.time.advance(seconds=1)
    over = [linked(world, label=f"Over {number:02}") for number in range(OVER_SHOWN + 1)]
    with everything():
        HealthLink.objects.filter(pk__in=[each.pk for each in over]).update(tries_left=0)
    for _ in range(OVER_SHOWN):
        world.time.advance(seconds=1)
        linked(world)
    shown = page(world, "packet").content.decode()
    assert reverse("revoke_health_link", args=[world.course.pk, first.pk]) in shown
    assert words(page(world, "packet")).count("LOCKED") == OVER_SHOWN, "what is over is cut"


def test_a_link_of_another_course_is_not_shown_here(world):
    link = linked(world)
    other = world.make_course()
    assert staff(world).get(reverse("health_link", args=[other.pk, link.pk])).status_code == 404
    assert staff(world).post(reverse("revoke_health_link", args=[other.pk, link.pk])).status_code == 404


def test_a_director_may_revoke_and_make_none(world):
    link = linked(world)
    client = Client()
    client.force_login(make_member(world.alice.organisation, "director"))
    said = words(page(world, "packet", client=client))
    assert "Revoke" in said and "Make a health link" not in said and "Show and print" not in said
    assert make(world, client).status_code == 403
    assert page(world, "health_link", link.pk, client=client).status_code == 403


# --- the viewer -------------------------------------------------------------------------------------------------------


def test_the_viewer_says_what_to_do_before_anything_is_decoded(client):
    answer = client.get("/shl/view")
    assert answer.status_code == 200
    said = words(answer)
    assert emergency_data().general.words in said
    for line in (*(row.words for row in emergency_data().first), *emergency_data().avoid_words):
        assert line in said
    assert said.index(emergency_data().general.words) < said.index("packet")


def test_the_viewer_may_ask_no_other_server_and_is_kept_by_nobody(client):
    answer = client.get("/shl/view")
    policy = dict(each.split(" ", 1) for each in answer["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert (answer["Cache-Control"], answer["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert not answer.cookies and not re.search(r'(src|href)="(https?:)?//', answer.content.decode())
    assert not re.search(r"\son\w+=|style=|javascript:", answer.content.decode())


def test_the_viewer_is_the_same_for_everybody_and_only_read(world, client):
    linked(world)
    plain = re.compile(rb'data-now="[^"]+"')
    assert plain.sub(b"", client.get("/shl/view").content) == plain.sub(b"", staff(world).get("/shl/view").content)
    assert client.post("/shl/view").status_code in (403, 405)


def test_the_script_of_the_viewer_puts_in_no_foreign_markup():
    script = (STATIC / "health-link.js").read_text(encoding="utf-8")
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "http://",
        "https://",
        "Function(",
    ):
        assert way not in script, way


# --- what leaves ------------------------------------------------------------------------------------------------------


def test_what_a_reader_learns_without_the_passcode_names_nobody(world):
    link = linked(world)
    answer = post(link.address, {"recipient": "x"})
    for secret in ("Synthia", "teclistamab", "555-0111", link.key):
        assert secret not in answer.content.decode()
        assert secret == link.key or secret not in str(payload_of(link))


def test_a_link_that_was_revoked_meanwhile_is_not_revoked_twice(world):
    link = linked(world)
    first = revoke_health_link(world.course.pk, link.pk, by=world.actor("alice")).link.revoked_at
    world.time.advance(hours=1)
    assert revoke_health_link(world.course.pk, link.pk, by=world.actor("alice")).link.revoked_at == first
