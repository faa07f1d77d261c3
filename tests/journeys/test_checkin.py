"""The check-in on a real phone-sized browser: sent, asked once more, and kept while there is no connection."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.actions.answering import acknowledge
from handrail.alerts.models import Alert
from handrail.jobs.watcher import Watcher
from handrail.people.models import Site
from handrail.people.scope import everything
from handrail.records.models import Look
from tests.support.checkins import NEURO, Home, make_home
from tests.support.factories import MONDAY_0900
from tests.support.screens import ON_PHONE, PHONE, each_language, each_scheme
from tests.support.seeing import picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

EVENING = MONDAY_0900 + timedelta(hours=10, minutes=30)


@pytest.fixture(autouse=True)
def frozen() -> Iterator[clock.FrozenClock]:
    with clock.use(clock.FrozenClock(EVENING)) as stopped:
        yield stopped


@pytest.fixture
def home(live_server: Any) -> Home:
    return make_home()


def open_form(page: Page, home: Home, live_server: Any) -> None:
    page.goto(f"{live_server.url}/c/{home.token}")
    expect(page).to_have_url(f"{live_server.url}/c/")


def choose(page: Page, name: str, value: str) -> None:
    page.locator(f'input[name="{name}"][value="{value}"]').check()


def answer(page: Page, temperature: str, unit: str = "F") -> None:
    page.get_by_label("Temperature").fill(temperature)
    choose(page, "unit", unit)
    choose(page, "antipyretic", "no")
    choose(page, "none_of_these", "yes")
    choose(page, "caregiver_present", "yes")
    for item in NEURO:
        choose(page, f"neuro_{item}", "right")


def kept_on_phone(page: Page) -> Any:
    """Everything a curious reader of this phone's storage would find."""
    return page.evaluate(
        """async () => ({
            waiting: await handrailQueue.all(),
            session: {...sessionStorage},
            local: Object.keys(localStorage),
        })"""
    )


def worker_is_ready(page: Page) -> None:
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    page.wait_for_function("caches.match('/c/').then((found) => Boolean(found))")


def test_a_fever_is_sent_and_the_truth_is_shown(phone: Page, home: Home, live_server: Any):
    """The extension of the number is read, and not dialled along: what is shown after sending is written by a script."""
    with everything():
        Site.objects.update(call_number="24h: 555-0111 ext. 42")
    open_form(phone, home, live_server)
    answer(phone, "101.1")
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator("#sent-truth")).to_have_text(
        "Saved Monday, March 2, 7:30 PM CST. The clinician on call is being called."
    )
    expect(phone.locator("#sent-what")).to_contain_text("Call the number below now.")
    expect(phone.locator("#sent-call a")).to_have_text("24h: 555-0111 ext. 42")
    expect(phone.locator("#sent-call a")).to_have_attribute("href", "tel:5550111")
    expect(phone.locator("#sent")).to_be_focused()
    picture(phone, "sent-fever")
    assert len(home.checks()) == 1 and home.alerts() == ["RED-3"]
    kept = kept_on_phone(phone)
    assert kept["waiting"] == [] and kept["session"] == {} and "101.1" not in phone.content()


def test_without_javascript_the_form_is_a_plain_form(
    open_context: Callable[..., BrowserContext], home: Home, live_server: Any
):
    page = open_context(viewport=PHONE, java_script_enabled=False).new_page()
    open_form(page, home, live_server)
    answer(page, "384")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator('[data-ask="temperature.implausible"]')).to_be_visible()
    expect(page.get_by_label("Temperature")).to_have_value("384")
    assert home.checks() == []
    page.get_by_role("button", name="Send it anyway").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Saved Monday, March 2, 7:30 PM CST.")
    assert home.checks()[0].payload["implausible"] == ["temperature_c"]


def test_the_phone_asks_once_more_like_the_server(phone: Page, home: Home, live_server: Any):
    open_form(phone, home, live_server)
    answer(phone, "38.4")
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator('[data-ask="temperature.looks_celsius"]')).to_be_visible()
    expect(phone.locator("[data-ask]:visible")).to_have_count(1)
    expect(phone.locator("#call-first")).to_contain_text("Call the number below now. 555-0111")
    expect(phone.locator("#ask")).to_be_focused()
    picture(phone, "ask")
    assert home.checks() == []
    choose(phone, "unit", "C")
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator("#sent-truth")).to_contain_text("The clinician on call is being called.")
    assert home.checks()[0].payload["temperature_as_typed"] == "38.4"
    assert home.checks()[0].payload["temperature_c"] == "38.4"


def nobody_answers(time: clock.FrozenClock) -> None:
    """The ladder of a RED-3 to its end, half an hour later."""
    with everything():
        for minutes in (0, 5, 10, 20, 30):
            time.set(EVENING + timedelta(minutes=minutes))
            Watcher().look()


def somebody_has_it(home: Home) -> None:
    with everything():
        acknowledge(Alert.objects.get(course=home.course).pk, by=home.world.actor("alice", "on_call"))


def test_the_page_after_sending_follows_what_happens(
    phone: Page, home: Home, live_server: Any, frozen: clock.FrozenClock, axe: Callable[[Page], list[str]]
):
    phone.clock.install()
    open_form(phone, home, live_server)
    answer(phone, "101.1")
    phone.get_by_role("button", name="Send", exact=True).click()
    truth = phone.locator("#sent-truth")
    expect(truth).to_have_text("Saved Monday, March 2, 7:30 PM CST. The clinician on call is being called.")
    nobody_answers(frozen)
    phone.clock.run_for(15_000)
    expect(truth).to_contain_text("NOBODY has answered yet. Do not wait. Go to the emergency department now.")
    picture(phone, "sent-nobody-answers")
    assert axe(phone) == []
    somebody_has_it(home)
    phone.clock.run_for(15_000)
    expect(truth).to_have_text(
        "Saved Monday, March 2, 7:30 PM CST. The team has it. You were told to go to the emergency department: go, unless they tell you otherwise."
    )
    assert len(home.checks()) == 1
    with everything():
        assert Look.objects.filter(course=home.course, what="api_checkins").count() == 1, (
            "one look, however often it asks"
        )


def test_the_page_after_sending_says_when_it_cannot_ask(phone: Page, home: Home, live_server: Any):
    phone.clock.install()
    open_form(phone, home, live_server)
    answer(phone, "101.1")
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator("#sent-truth")).to_contain_text("is being called.")
    phone.context.set_offline(True)
    phone.clock.run_for(15_000)
    expect(phone.locator("#sent-stale")).to_contain_text("what it says may be over. Do not wait: call the number below")
    picture(phone, "sent-stale")
    phone.context.set_offline(False)
    phone.clock.run_for(15_000)
    expect(phone.locator("#sent-stale")).to_be_hidden()


def test_a_quiet_check_asks_nothing_more(phone: Page, home: Home, live_server: Any):
    phone.clock.install()
    open_form(phone, home, live_server)
    answer(phone, "98.2")
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator("#sent-truth")).to_have_text("Saved Monday, March 2, 7:30 PM CST.")
    asked: list[str] = []
    phone.on("request", lambda request: asked.append(request.url))
    phone.clock.run_for(60_000)
    assert asked == []


def test_without_javascript_the_page_after_sending_loads_itself_again(
    open_context: Callable[..., BrowserContext], home: Home, live_server: Any, frozen: clock.FrozenClock
):
    page = open_context(viewport=PHONE, java_script_enabled=False).new_page()
    open_form(page, home, live_server)
    answer(page, "101.1")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#sent-truth")).to_contain_text("is being called.")
    refresh = page.locator('meta[http-equiv="refresh"]').get_attribute("content") or ""
    seconds, address = refresh.split("; url=")
    assert (seconds, address) == ("15", f"/c/sent/{home.checks()[0].id}")
    nobody_answers(frozen)
    page.goto(live_server.url + address)
    expect(page.locator("#sent-truth")).to_contain_text("Go to the emergency department now.")
    assert page.locator('meta[http-equiv="refresh"]').get_attribute("content") == refresh
    assert len(home.checks()) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("temperature", ""), "temperature.missing"),
        (("temperature", "warm"), "temperature.unreadable"),
        (("temperature", "384"), "temperature.implausible"),
        (("spo2_percent", "970"), "vitals.implausible"),
        (("box", "cough"), "symptoms.contradiction"),
    ],
)
def test_every_doubt_of_the_server_is_also_one_of_the_phone(
    phone: Page, home: Home, live_server: Any, change: tuple[str, str], code: str
):
    open_form(phone, home, live_server)
    answer(phone, "98.2")
    name, value = change
    if name == "box":
        choose(phone, "symptoms", value)
    else:
        if name == "spo2_percent":
            phone.locator("details > summary").click()
        phone.locator(f'input[name="{name}"]').fill(value)
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator("[data-ask]:visible")).to_have_count(1)
    expect(phone.locator(f'[data-ask="{code}"]')).to_be_visible()
    assert home.checks() == []
    phone.get_by_role("button", name="Send it anyway").click()
    expect(phone.locator("#sent-truth")).to_contain_text("Saved Monday, March 2, 7:30 PM CST.")


def test_an_empty_form_asks_for_everything_and_an_emergency_for_nothing(phone: Page, home: Home, live_server: Any):
    open_form(phone, home, live_server)
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator("[data-ask]:visible")).to_have_count(5)
    choose(phone, "symptoms", "chest_pain")
    expect(phone.locator("#first")).to_contain_text("Call 911 now.")
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator("#sent-what")).to_contain_text("Call 911 now.")
    assert home.alerts() == ["RED-1"]


def test_without_a_connection_the_check_waits_and_is_then_sent_exactly_once(phone: Page, home: Home, live_server: Any):
    open_form(phone, home, live_server)
    worker_is_ready(phone)
    phone.context.set_offline(True)
    answer(phone, "101.1")
    phone.get_by_role("button", name="Send", exact=True).click()
    waiting = phone.locator("#waiting")
    expect(waiting).to_contain_text("Not sent yet.")
    expect(waiting).to_contain_text("Call the number below now.")
    expect(waiting.get_by_role("link")).to_have_attribute("href", "tel:5550111")
    picture(phone, "waiting")
    assert home.checks() == []
    phone.context.set_offline(False)
    expect(phone.locator("#sent-truth")).to_contain_text("The clinician on call is being called.", timeout=20_000)
    expect(waiting).to_be_hidden()
    assert len(home.checks()) == 1 and home.alerts() == ["RED-3"]
    assert kept_on_phone(phone)["waiting"] == []
    phone.reload()
    expect(phone.locator("#check")).to_be_visible()
    assert len(home.checks()) == 1


def test_the_form_opens_without_a_connection_and_the_check_survives_a_closed_page(
    phone: Page, home: Home, live_server: Any
):
    open_form(phone, home, live_server)
    worker_is_ready(phone)
    phone.context.set_offline(True)
    phone.reload()
    expect(phone.locator("html")).to_have_attribute("data-cached", "yes")
    expect(phone.get_by_text("Next check:").first).to_be_hidden()
    answer(phone, "98.2")
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator("#waiting")).to_be_visible()
    context = phone.context
    phone.close()
    assert home.checks() == []
    context.set_offline(False)
    again = context.new_page()
    again.goto(f"{live_server.url}/c/")
    expect(again.locator("#sent-truth")).to_contain_text("Saved Monday, March 2, 7:30 PM CST.", timeout=20_000)
    assert len(home.checks()) == 1


def test_a_check_that_is_not_taken_is_not_covered_by_a_later_one_that_is(phone: Page, home: Home, live_server: Any):
    open_form(phone, home, live_server)
    phone.evaluate(
        """async () => {
            const body = { id: crypto.randomUUID(), for: "another course", temperature: "101.5", unit: "F", sure: true };
            await handrailQueue.keep({ id: body.id, written: Date.now() - 1000, body });
        }"""
    )
    answer(phone, "98.2")
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator("#sent-truth")).to_contain_text("Saved")
    expect(phone.locator("#refused")).to_be_visible()
    expect(phone.locator("#refused-why")).to_contain_text("This check was written with another link.")


def test_what_was_sent_while_no_page_was_open_is_told_on_the_next_one(phone: Page, home: Home, live_server: Any):
    open_form(phone, home, live_server)
    answer(phone, "98.2")
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator("#sent-truth")).to_contain_text("Saved Monday, March 2, 7:30 PM CST.")
    phone.evaluate("(id) => handrailQueue.tellLater(id)", str(home.checks()[0].id))  # as the worker does
    phone.reload()
    expect(phone.locator("#sent-truth")).to_have_text("Saved Monday, March 2, 7:30 PM CST.")
    phone.reload()
    expect(phone.locator("#check")).to_be_visible()
    expect(phone.locator("#sent")).to_be_hidden()
    assert len(home.checks()) == 1


def test_who_opens_the_link_again_at_night_reads_what_is_true_and_can_send_another(
    phone: Page, home: Home, live_server: Any
):
    open_form(phone, home, live_server)
    worker_is_ready(phone)
    answer(phone, "101.1")
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator("#sent-another")).to_be_visible()
    phone.reload()
    expect(phone.locator("#sent-truth")).to_have_text(
        "Saved Monday, March 2, 7:30 PM CST. The clinician on call is being called."
    )
    expect(phone.locator("#sent-another")).to_be_hidden()
    answer(phone, "101.9")
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator("#check")).to_be_hidden()
    expect(phone.locator("#sent-another")).to_be_visible()
    assert len(home.checks()) == 2
    phone.context.set_offline(True)
    phone.reload()
    expect(phone.locator("html")).to_have_attribute("data-cached", "yes")
    expect(phone.locator("#sent")).to_be_hidden()  # what was true when the copy was made may be over


@each_scheme
@each_language
def test_axe_finds_nothing_and_nothing_runs_over_the_edge(
    open_context: Callable[..., BrowserContext],
    home: Home,
    live_server: Any,
    axe: Callable[[Page], list[str]],
    scheme: Any,
    language: str,
):
    home.set_patient(language=language)
    page = open_context(**ON_PHONE, color_scheme=scheme).new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    open_form(page, home, live_server)
    expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
    picture(page, f"form-{scheme}-{language}")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    small = page.evaluate(
        """() => [...document.querySelectorAll("main a, main button, main label:has(input), main summary")]
            .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 44)
            .map((each) => each.textContent.trim())"""
    )
    assert small == [], "every target is tall enough for a thumb"
    cut = page.evaluate(
        """() => [...document.querySelectorAll("main label, main a, main button")]
            .filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth)
            .map((each) => each.textContent.trim())"""
    )
    assert cut == [], "no word runs over its box"
    page.locator("#send").click()
    expect(page.locator("#ask")).to_be_visible()
    assert axe(page) == []
    page.locator('button[name="anyway"]').click()
    expect(page.locator("#sent")).to_be_visible()
    picture(page, f"sent-{scheme}-{language}")
    assert axe(page) == []
    assert errors == []


def test_a_link_that_is_over_passes_axe_too(phone: Page, live_server: Any, axe: Callable[[Page], list[str]]):
    phone.goto(f"{live_server.url}/c/{'x' * 43}")
    expect(phone.get_by_role("heading", level=1)).to_contain_text("ask your team for a new one")
    picture(phone, "over")
    assert axe(phone) == []
