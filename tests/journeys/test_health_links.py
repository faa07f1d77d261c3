"""A health link made at a desk, scanned from its own sheet, opened on a phone, logged and revoked; and what the viewer refuses to show."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import BrowserContext, Page, Route, expect

from handrail import clock
from handrail.actions.health_links import viewer_link
from handrail.actions.packets import seal
from handrail.fhir.jwe import sealed_file
from handrail.people.models import HealthLink
from handrail.people.scope import everything
from tests.support.factories import World
from tests.support.health_links import linked
from tests.support.packets import NOW, told
from tests.support.screens import DESKTOP
from tests.support.seeing import picture, sideways, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
EXAMPLE = Path(__file__).resolve().parents[1] / "fhir" / "shl"
KEY = "rxTgYlOaKJPFtcEd0qcceN8wEU4p94SqAwIWQe6uX7Q"


@pytest.fixture
def world(live_server: Any, settings: Any) -> Iterator[World]:
    settings.HANDRAIL_BASE_URL = live_server.url
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        told(world)
        seal(world.course.pk, by=world.actor("alice"))
        yield world


def scanned(page: Page) -> str:
    """What a camera reads from the sheet as it is shown."""
    seen = Image.open(io.BytesIO(page.locator(".link-sheet").screenshot()))
    (found,) = zxingcpp.read_barcodes(seen)
    return str(found.text)


def open_packet(page: Page, passcode: str = "", who: str = "") -> None:
    if passcode:
        page.get_by_label("The passcode that you were told").fill(passcode)
    page.get_by_label("Your name or department").fill(who)
    page.get_by_role("button", name="Open the packet").click()


def of_server(server: str, **payload: Any) -> str:
    """A link as another writer makes it."""
    text = json.dumps({"url": f"{server}/shl/{'x' * 43}", "key": KEY, **payload}).encode()
    return f"{server}/shl/view#shlink:/{base64.urlsafe_b64encode(text).decode().rstrip('=')}"


def test_a_link_is_made_at_a_desk_and_opened_from_its_sheet_on_a_phone(
    world: World,
    live_server: Any,
    phone: Page,
    open_context: Callable[..., BrowserContext],
    axe: Callable[[Page], list[str]],
):
    desk = sign_in(open_context(viewport=DESKTOP), world.alice.nurse, live_server.url)
    desk.goto(f"{live_server.url}/courses/{world.course.pk}/packet/1/")
    desk.get_by_role("link", name="Make a health link").click()
    assert axe(desk) == [] and sideways(desk) == 0
    picture(desk, "health-link-form")
    desk.get_by_label("the practice that takes the patient over").check()
    desk.get_by_label("out as not known").check()
    desk.get_by_role("button", name="Make the link").click()
    expect(desk.get_by_role("heading", name="Passcode:")).to_be_visible()
    with everything():
        link = HealthLink.objects.get()
    address = scanned(desk)
    assert address == viewer_link(link)
    assert axe(desk) == [] and sideways(desk) == 0
    picture(desk, "health-link-sheet")
    desk.emulate_media(media="print")
    assert scanned(desk) == address, "on paper too"
    assert "555-0111" in desk.locator(".link-sheet").inner_text()
    picture(desk, "health-link-sheet-print")
    paper = desk.pdf(format="A4")
    assert paper.count(b"/Type /Page\n") + paper.count(b"/Type /Page ") + paper.count(b"/Type /Page/") == 1, "one sheet"

    asked: list[str] = []
    troubles: list[str] = []
    phone.on("request", lambda request: asked.append(request.url))
    phone.on("pageerror", lambda error: troubles.append(str(error)))
    phone.goto(address)
    expect(phone.get_by_role("heading", level=1)).to_contain_text("treat for both")
    expect(phone.get_by_role("status")).to_contain_text("It opens with a passcode")
    assert phone.url == f"{live_server.url}/shl/view", "the key stands in no address and in no history"
    assert "Synthia" not in phone.content()
    assert axe(phone) == [] and sideways(phone) == 0
    picture(phone, "health-link-phone")

    open_packet(phone, "000000", "Mercy ED")
    expect(phone.get_by_role("status")).to_have_text("That passcode is not right. It can be tried 9 more times.")
    expect(phone.get_by_label("The passcode that you were told")).to_be_focused()
    assert "Synthia" not in phone.content()
    picture(phone, "health-link-phone-wrong")
    open_packet(phone, link.passcode.lower(), "Mercy ED")
    document = phone.locator("#document")
    expect(document.get_by_role("heading", level=2)).to_contain_text("Hand-off: Tecvayli")
    expect(document).to_contain_text("Synthia Example, born 1950-04-05")
    expect(document).to_contain_text("tocilizumab")
    expect(phone.get_by_role("heading", level=1)).to_contain_text("treat for both")
    assert axe(phone) == [] and sideways(phone) == 0
    picture(phone, "health-link-phone-open")
    phone.emulate_media(color_scheme="dark")
    phone.reload()
    expect(phone.get_by_role("status")).to_contain_text("It opens with a passcode")
    open_packet(phone, link.passcode)
    expect(document).to_be_visible()
    assert axe(phone) == [] and sideways(phone) == 0
    picture(phone, "health-link-phone-open-dark")
    assert {url.split("/shl/")[0].split("/static/")[0] for url in asked if not url.startswith("data:")} == {
        live_server.url
    }
    assert not [url for url in asked if "#" in url or link.key in url]
    assert troubles == []

    wide = open_context(viewport=DESKTOP, color_scheme="dark").new_page()
    wide.goto(address)
    open_packet(wide, link.passcode, "Second opinion")
    expect(wide.locator("#document")).to_be_visible()
    assert axe(wide) == [] and sideways(wide) == 0
    picture(wide, "health-link-desk-dark")

    desk.emulate_media(media="screen")
    desk.goto(f"{live_server.url}/courses/{world.course.pk}/packet/")
    desk.get_by_text("Who asked for it (4)").click()
    log = desk.locator("#links-h").locator("xpath=ancestor::section")
    for words in (
        "Mercy ED sent a wrong passcode",
        "Mercy ED opened the packet (version 1)",
        "Second opinion opened",
        "no name given opened",
    ):
        expect(log).to_contain_text(words)
    assert axe(desk) == [] and sideways(desk) == 0
    picture(desk, "health-link-log")
    desk.get_by_role("button", name="Revoke").click()
    expect(desk.get_by_text("This link opens nothing any more")).to_be_visible()
    wide.reload()
    expect(wide.get_by_role("status")).to_contain_text("It opens with a passcode")
    open_packet(wide, link.passcode)
    expect(wide.get_by_role("status")).to_contain_text("This link opens nothing")
    assert "Synthia" not in wide.content()
    picture(wide, "health-link-revoked")


def test_a_file_that_is_not_embedded_is_fetched(world: World, phone: Page):
    link = linked(world, with_passcode=False)

    def shorter(route: Route) -> None:
        body = json.loads(route.request.post_data or "{}") | {"embeddedLengthMax": 10}
        route.continue_(post_data=json.dumps(body))

    phone.route(f"**/shl/{link.address}", shorter)
    phone.goto(viewer_link(link))
    with phone.expect_request("**/shl/file/**") as fetched:
        open_packet(phone)
    expect(phone.locator("#document")).to_contain_text("Synthia Example")
    assert fetched.value.method == "GET"


def test_a_page_of_another_server_may_open_a_link(
    world: World, live_server: Any, open_context: Callable[..., BrowserContext]
):
    """Readers of such links are pages elsewhere: the browser itself must let them."""
    link = linked(world)
    # The same server by another name is another origin; its own policy, which a reader elsewhere has not, is left out.
    reader = open_context(bypass_csp=True).new_page()
    reader.goto(live_server.url.replace("localhost", "127.0.0.1") + "/healthz")
    asked = """async ([url, body]) => {
      const how = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
      const answer = await fetch(url, how);
      const said = await answer.json();
      const file = said.files && said.files[0].location ? await (await fetch(said.files[0].location)).text() : "";
      return [answer.status, said.remainingAttempts ?? null, file.split(".").length];
    }"""
    address = f"{live_server.url}/shl/{link.address}"
    assert reader.evaluate(asked, [address, {"recipient": "x"}]) == [401, 10, 1]
    right = {"recipient": "x", "passcode": link.passcode, "embeddedLengthMax": 1}
    assert reader.evaluate(asked, [address, right]) == [200, None, 5]


HOSTILE = """<div xmlns="http://www.w3.org/1999/xhtml"><p onclick="pwned=1" style="color:red" class="x" id="general">Plain words
 &lt;b&gt;escaped&lt;/b&gt;</p><script>window.pwned = 1</script><img src="https://elsewhere.example/x.png" onerror="window.pwned = 1" alt="a scan"/>
<a href="javascript:window.pwned=1">a link</a><iframe src="https://elsewhere.example/"></iframe><style>body{display:none}</style>
<form action="https://elsewhere.example/"><input name="password"/></form><svg onload="window.pwned=1"><text>drawn</text></svg>
<table><thead><tr><th>Head</th></tr></thead><tbody><tr><td colspan="2" onmouseover="x">cell</td></tr></tbody></table></div>"""


def foreign(words: str) -> dict[str, Any]:
    section = [{"title": "<b>Title</b>", "text": {"status": "generated", "div": words}}, {"title": "Silent"}]
    composition = {"resourceType": "Composition", "title": "T<i>", "date": "2026-03-01", "section": section}
    return {"resourceType": "Bundle", "type": "document", "entry": [{"resource": composition}]}


def answered(page: Page, sealed: str, content_type: str = "application/fhir+json") -> None:
    """Every manifest holds this file."""
    file = {"contentType": content_type, "embedded": sealed}
    page.route(f"**/shl/{'x' * 43}", lambda route: route.fulfill(json={"files": [file]}))


@pytest.mark.parametrize("broken", [False, True])
def test_markup_of_somebody_else_does_nothing(live_server: Any, phone: Page, broken: bool):
    words = HOSTILE.replace("</table></div>", "<br></table>") if broken else HOSTILE
    answered(phone, sealed_file(json.dumps(foreign(words)).encode(), KEY))
    asked: list[str] = []
    phone.on("request", lambda request: asked.append(request.url))
    phone.goto(of_server(live_server.url, flag="L"))
    open_packet(phone)
    document = phone.locator("#document")
    expect(document).to_contain_text("Plain words <b>escaped</b>")
    for kept in (
        "a scan",
        "a link",
        "Head",
        "cell",
        "<b>Title</b>",
        "T<i>",
        "Name not known",
        "That does not mean none",
    ):
        expect(document).to_contain_text(kept)
    assert "drawn" not in document.inner_text()
    assert (
        document.locator("script, img, a, iframe, style, form, input, svg, [onclick], [style], [href], [src]").count()
        == 0
    )
    assert phone.locator("[id='general']").count() == 1
    assert phone.evaluate("typeof window.pwned") == "undefined"
    assert not [url for url in asked if "elsewhere" in url]
    assert document.locator("td[colspan='2']").count() == 1


def test_the_guides_own_example_is_shown(live_server: Any, phone: Page, axe: Callable[[Page], list[str]]):
    answered(
        phone,
        (EXAMPLE / "IPS_IG-bundle-01-enc.txt").read_text(encoding="utf-8"),
        "application/fhir+json;fhirVersion=4.0.1",
    )
    phone.goto(of_server(live_server.url, label="Demo"))
    open_packet(phone)
    expect(phone.locator("#document")).to_contain_text("Patient Summary as of December 11, 2017 14:30")
    expect(phone.locator("#document")).to_contain_text("Hot flushes")
    assert axe(phone) == [] and sideways(phone) == 0
    picture(phone, "health-link-example")


def test_a_file_by_itself_is_opened_too(live_server: Any, phone: Page):
    """Flag U: the address is the file. We write none, and read it."""
    sealed = sealed_file(json.dumps(foreign("<div>words</div>")).encode(), KEY)
    phone.route(
        f"**/shl/{'x' * 43}?recipient=*", lambda route: route.fulfill(body=sealed, content_type="application/jose")
    )
    phone.goto(of_server(live_server.url, flag="LU"))
    open_packet(phone, who="Mercy ED")
    expect(phone.locator("#document")).to_contain_text("words")


def test_a_browser_that_keeps_nothing_opens_a_packet_too(world: World, phone: Page):
    """Where site data are blocked, reading and writing what a tab keeps throws."""
    phone.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('no', 'SecurityError'); } });"
    )
    phone.goto(viewer_link(linked(world, with_passcode=False)))
    open_packet(phone)
    expect(phone.locator("#document")).to_contain_text("Synthia Example")
    phone.reload()
    expect(phone.get_by_role("status")).to_contain_text("Scan the code")


@pytest.mark.parametrize("body", ["", "null", "{}", '{"remainingAttempts": null}'])
def test_a_refusal_that_does_not_say_how_many_are_left_ends_nothing(live_server: Any, phone: Page, body: str):
    phone.route(f"**/shl/{'x' * 43}", lambda route: route.fulfill(status=401, body=body))
    phone.goto(of_server(live_server.url, flag="LP"))
    open_packet(phone, "ABC234")
    expect(phone.get_by_role("status")).to_contain_text("Try it once more, or call")
    expect(phone.get_by_label("The passcode that you were told")).to_be_focused()


WRONG = [
    ("#shlink:/", "not copied whole"),
    ("#shlink:/e30", "not a link to a packet"),
    ("#shlink:/%%%", "not copied whole"),
    ("#nothing", "not copied whole"),
    ("", "Scan the code"),
]


@pytest.mark.parametrize(("fragment", "said"), WRONG)
def test_what_is_no_link_says_so_and_the_general_words_stay(live_server: Any, phone: Page, fragment: str, said: str):
    phone.goto(f"{live_server.url}/shl/view{fragment}")
    expect(phone.get_by_role("status")).to_contain_text(said)
    expect(phone.get_by_role("heading", level=1)).to_contain_text("treat for both")
    expect(phone.get_by_role("button", name="Open the packet")).to_be_hidden()


def test_a_link_of_another_system_is_not_asked(live_server: Any, phone: Page):
    phone.goto(of_server(live_server.url, flag="L"))
    elsewhere = of_server("https://h.example", flag="LP").partition("#")[2]
    phone.evaluate("(hash) => { location.hash = hash }", elsewhere)
    expect(phone.get_by_role("status")).to_contain_text("of another system (h.example)")
    expect(phone.get_by_role("button", name="Open the packet")).to_be_hidden()


def test_another_key_opens_nothing(live_server: Any, phone: Page):
    other = base64.urlsafe_b64encode(b"1" * 32).decode().rstrip("=")
    answered(phone, sealed_file(json.dumps(foreign("<div>words</div>")).encode(), other))
    phone.goto(of_server(live_server.url, flag="L"))
    open_packet(phone)
    expect(phone.get_by_role("status")).to_contain_text("not one that this link opens")
    expect(phone.locator("#document")).to_be_hidden()
