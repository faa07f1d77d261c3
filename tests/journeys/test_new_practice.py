"""A new practice, from an empty database to its first green gate and the first dose, by links and forms alone.

Nothing happens outside the browsers but `handrail people begin`, the command that makes the first person. Nobody types an address: each
person opens the link that was handed to them, chooses a password, and from then on follows what the screens offer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import BrowserContext, expect

from handrail import clock
from handrail.alerts import heartbeat
from handrail.jobs.people import main as people
from handrail.people.models import Organisation
from handrail.people.scope import everything
from tests.support.practice_answers import COUNTS, HOME_MEDICINE, ITEMS, MODULES, PAPERS, PEOPLE, SETTING
from tests.support.screens import DESKTOP
from tests.support.seeing import picture
from tests.support.walking import Walker, unfold

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

LABEL = "teclistamab/US/2026-03/mono"
CITATION = "Prescribing information of March 2026, read by the practice"
DOSE_ON = "2026-03-10"
Staff = dict[str, Walker]


def at(text: str) -> datetime:
    """An hour by the clock of the practice."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/Chicago")).astimezone(UTC)


@pytest.fixture
def time() -> Iterator[clock.FrozenClock]:
    with clock.use(clock.FrozenClock(at("2026-03-02T08:00"))) as frozen:
        yield frozen


@pytest.fixture
def first_link(live_server: Any, settings: Any, time: clock.FrozenClock, capsys: pytest.CaptureFixture[str]) -> str:
    """What the installation prints: an empty database, the watcher at work, and one command."""
    settings.HANDRAIL_BASE_URL = live_server.url
    with everything():
        assert not Organisation.objects.exists()
        heartbeat.beat("watcher of the test", time.now() + timedelta(days=400))
    words = ("--organisation", "Prairie Oncology", "--time-zone", "America/Chicago", "--number", "555-0120")
    people(("begin", *words, "--name", "Dr. Dana Director", "--email", "dana@prairie.example"))
    found = re.search(r"http\S+", capsys.readouterr().out)
    assert found is not None
    return found[0]


def test_a_new_practice_by_itself_reaches_its_first_green_gate_and_the_first_dose(
    first_link: str, time: clock.FrozenClock, open_context: Callable[..., BrowserContext]
) -> None:
    def somebody() -> Walker:
        return Walker(open_context(viewport=DESKTOP, locale="en-US").new_page())

    staff = {"dana": somebody()}
    staff["dana"].choose_password(first_link)
    staff["dana"].sign_in("dana@prairie.example")
    staff["dana"].follow("Programme")
    expect(staff["dana"].page.get_by_text("11 of 12 left")).to_be_visible()
    picture(staff["dana"].page, "practice-empty")
    _people_and_sites(staff, somebody)
    _training_and_rota(staff)
    _label_signed_by_two(staff)
    _who_answers(staff)
    _rems(staff)
    _level_of_the_site(staff)
    expect(staff["dana"].page.get_by_text("2 of 12 left")).to_be_visible()  # the first patient, and the first dose
    picture(staff["dana"].page, "practice-programme")
    time.set(at("2026-03-03T09:00"))
    _referral_to_course(staff)
    time.set(at("2026-03-09T08:30"))
    _stock_and_rota_of_the_day(staff, "2026-03-09")  # else no dose is planned at a site that holds no level
    _plan_and_setting(staff)
    _home_and_emergency(staff)
    _papers_of_the_dose(staff)
    open_ = _gate(staff["omar"])
    assert open_ == {"infection", "consent"}, open_  # both are of the day of the dose
    picture(staff["omar"].page, "practice-gate-day-before")
    time.set(at("2026-03-10T07:00"))
    _day_of_the_dose(staff)
    assert _gate(staff["omar"]) == set()
    expect(staff["omar"].page.get_by_text("Ready: every line is met")).to_be_visible()
    picture(staff["omar"].page, "practice-gate-green")
    time.set(at("2026-03-10T09:05"))
    _dose(staff)


# --- the practice ------------------------------------------------------------------------------------------------------------------


def _people_and_sites(staff: Staff, somebody: Callable[[], Walker]) -> None:
    dana = staff["dana"]
    dana.follow("Programme", "People and sites")
    dana.send(dana.region("Add a site"), {"Name of the site": "Prairie clinic"})
    for key, (name, roles) in PEOPLE.items():
        dana.follow("Programme", "People and sites")
        answers = {"Name": name, "E-mail": f"{key}@prairie.example", "Roles": roles}
        dana.send(dana.region("Add a person"), answers)
        staff[key] = somebody()
        staff[key].choose_password(dana.page.get_by_label("The link").input_value())
        staff[key].sign_in(f"{key}@prairie.example")
    dana.follow("Programme", "People and sites")
    dana.send(dana.region("Give one more role"), {"Who": "Dr. Dana Director", "Role": "Oncologist"})
    picture(dana.page, "practice-people")


def _training_and_rota(staff: Staff) -> None:
    mara, dana = staff["mara"], staff["dana"]
    for name, modules in MODULES.items():
        who = dana if name == "Mara Manager" else mara  # nobody signs off for themselves
        for module, product in modules:
            who.follow("Programme", "Modules and documents")
            answers = {
                "Who": name,
                "Module": module,
                "Passed on": "2026-03-01",
                **({"Product": product} if product else {}),
            }
            who.send(who.page.locator("main form:has(select[name=module])"), answers)
    for step, name in (("First", "Dr. Omar Oncologist"), ("Second", "Noel Nurse"), ("Attending", "Dr. Dana Director")):
        mara.follow("Rota")
        word = {"First": "First on call", "Second": "Second on call"}.get(step, step)
        hours = {"From": "2026-03-02T08:00", "Until": "2026-05-02T09:00"}
        mara.send(mara.region("Put somebody on"), {"As": word, "Who": name, **hours})
    for kind in ("By telephone, after hours", "In an emergency department without the record"):
        mara.follow("Programme", "Drills")
        minutes = {"Call answered": "3", "Packet opened": "7", "Tocilizumab at the bedside": "45"}
        grade = {"Was the grade right": "Yes"}
        told = {
            "Where": "Prairie clinic",
            "Kind": kind,
            "Day": "2026-03-01",
            "Product": "teclistamab",
            **minutes,
            **grade,
        }
        mara.send(mara.page.locator("main form:has(input[name=call_answered])"), told)
    mara.follow("Programme", "Places and their hours")
    place = {"What it is": "Emergency department", "Name": "Prairie County ED", "Number": "555-0129"}
    mara.send(mara.region("Add a place"), {**place, "Address": "1 Example Street", "Fax": "555-0128"})


def _label_signed_by_two(staff: Staff) -> None:
    petra, omar = staff["petra"], staff["omar"]
    petra.follow("Protocols", "Which of them are signed")
    petra.press(petra.page.get_by_role("button", name=f"Read and sign for {LABEL}"))
    while (waiting := petra.page.locator("main section:has(form):has(header strong)")).count():
        table = waiting.first.locator("form")
        answers = {"Every open row of this table": "yes", "Where did you read it": CITATION}
        petra.send(table, answers, "Confirm the chosen rows")
    for who, part in ((petra, "pharmacist"), (omar, "medical lead")):
        if who is omar:
            who.follow("Protocols", "Which of them are signed", "Go on with set 1")
        who.page.get_by_label("I have seen every row").check()
        who.press(who.page.get_by_role("button", name=f"Sign as {part}"))
    expect(omar.page.get_by_text("Signed, in force")).to_be_visible()


def _who_answers(staff: Staff) -> None:
    dana = staff["dana"]
    dana.follow("Who answers")
    dana.press(dana.page.get_by_role("button", name="Write it"))
    hospital = {"Receiving hospital": "Prairie County Hospital", "Its transfer line": "555-0129"}
    dana.send(dana.form("Propose this version"), {**hospital, "Admitting service": "Hematology"})
    dana.press(dana.page.get_by_role("button", name="Sign for my organisation"))
    dana.press(dana.page.get_by_role("button", name="Put in force"))
    expect(dana.page.get_by_text("In force. The pages and the banner follow it")).to_be_visible()


def _rems(staff: Staff) -> None:
    mara = staff["mara"]
    mara.follow("Programme", "REMS", "Set up teclistamab")
    mara.press(mara.page.get_by_role("button", name="Begin today"))
    days = {"First day": "2026-03-02", "Last day": "2027-03-01", "When does it end": "On the last day above"}
    for task, answers in PAPERS:
        if task != PAPERS[0][0]:
            mara.follow("Programme", "REMS", "Tasks")
        mara.follow(f"Write down the paper: {task}")
        mara.send(mara.region("Write down a paper"), {**answers, **days})
    mara.follow("Programme", "REMS", "Tasks")
    while (task := mara.page.get_by_role("button", name="Done")).count():
        mara.press(task.first)
    expect(mara.page.get_by_text("Nothing is left to do here")).to_be_visible()


def _level_of_the_site(staff: Staff) -> None:
    mara, dana = staff["mara"], staff["dana"]
    for item, more in ITEMS.items():
        mara.follow("Programme", "Sites and levels", "Prairie clinic, teclistamab", f"Record {item}")
        _item(mara, "2026-03-02", more)
    dana.follow("Programme", "Sites and levels", "Prairie clinic, teclistamab")
    signed = {"Level": "Level 4", "Until and with": "2026-08-31", "What you looked at": "every item"}
    why = {"Why, if a condition is not met": "the first product of a new practice; the whole checklist was seen"}
    dana.send(dana.region("Sign a level"), {**signed, **why})
    expect(dana.page.get_by_text("Level 4 for teclistamab is signed")).to_be_visible()
    dana.follow("Programme")


def _item(mara: Walker, day: str, more: dict[str, str] | None = None) -> None:
    """The item stands ready on the form that its link opens."""
    answers = {"Is it met": "Yes", "Checked on": day, "What shows it": "binder of the practice", **(more or {})}
    mara.send(mara.region("Record an item"), {**answers, "Or": "It has no last day"})


# --- the patient ---------------------------------------------------------------------------------------------------------------------


def _referral_to_course(staff: Staff) -> None:
    mara, noel, omar = staff["mara"], staff["noel"], staff["omar"]
    mara.follow("Programme", "Referrals", "The public address")
    mara.send(mara.form("Open this address"), {"Word of the address": "prairie", "Where referred": "Prairie clinic"})
    noel.follow("Programme", "Referrals", "Type in a fax, a call or a patient of our own")
    who = {"Practice": "Prairie Oncology", "Phone": "555-0120", "Given name": "Synthia", "Family name": "Example"}
    person = {"Birth date": "1957-04-05", "Patient's phone": "+15550100123", "Language": "English"}
    disease = {"Diagnosis": "relapsed myeloma", "How urgent": "Urgent", "Earlier lines": "5", "Did it grow": "Yes"}
    classes = {"Proteasome inhibitor": "Yes", "Immunomodulatory drug": "Yes", "Anti-CD38 antibody": "Yes"}
    around = {"BCMA": "No", "GPRC5D": "No", "CAR-T": "No", "Is there a caregiver": "Yes", "Travel to us": "25"}
    noel.send(noel.form("Save", holds="Family name"), {**who, **person, **disease, **classes, **around})
    noel.press(noel.page.get_by_role("button", name="I have read it and take it on"))
    noel.send(noel.fold("Acknowledged by phone or fax"), {"How": "By phone"})
    noel.press(noel.page.get_by_role("button", name="It is complete enough"))
    noel.send(noel.fold("I tried to reach the patient"), {"Reached": "Yes"})
    omar.follow("Programme", "Referrals", "Synthia")
    decided = {
        "Option": "Bispecific antibody",
        "Why": "triple-class refractory",
        "What the practice is told": "We give it here",
    }
    omar.send(omar.page.locator("form:has(#rationale)"), decided)
    omar.send(omar.form("Write down that it went"), {"The message went": "By phone"})
    omar.send(omar.page.locator("form:has(input[name=chosen])"), {"Chosen": "This site", "Site": "Prairie clinic"})
    start = {"Record number here": "MRN 1", "Label": LABEL, "Was any dose of it given before": "No dose"}
    omar.send(omar.form("Start the course"), start)
    omar.press(omar.page.get_by_role("button", name="Close the referral"))


def _patient(who: Walker, *links: str) -> Walker:
    who.follow("Patients", "Synthia", *links)
    return who


def _record(who: Walker, title: str, answers: Mapping[str, str]) -> None:
    """One form of the record, from the page of the course."""
    _patient(who, title)
    who.send(who.form("Save"), answers)


def _plan_and_setting(staff: Staff) -> None:
    omar, nina = staff["omar"], staff["nina"]
    _record(omar, "Plan a dose", {"Step": "Step-up dose 1", "On": DOSE_ON, "Setting": "Outpatient"})
    _patient(omar, "Setting of the next dose")
    for button, answers in SETTING.items():
        omar.send(omar.form(f"Save {button}"), answers)
    _record(nina, "Weight", {"Weight": "65"})
    for what, value, unit in COUNTS:
        _record(nina, "Laboratory value", {"What": what, "Value": value, "Unit": unit})
    for what in ("Hepatitis B: HBsAg", "Hepatitis B: anti-HBc"):
        _record(nina, "Screening result", {"What": what, "Result": "Negative"})
    _record(nina, "Pregnancy status", {"What": "Can become pregnant", "Answer": "No"})


def _home_and_emergency(staff: Staff) -> None:
    omar, nina, noel = staff["omar"], staff["nina"], staff["noel"]
    _record(omar, "Authorise a medicine at home", HOME_MEDICINE)
    for who in ("patient", "caregiver"):
        _patient(nina, "Teach-back of patient and caregiver")
        if who == "caregiver":
            nina.follow("Teach the caregiver")
        for item in nina.page.get_by_label("Passed", exact=True).all():
            item.check()
        nina.send(nina.form(f"Save for the {who}"), {"In their own language": "Yes"})
    _patient(noel, "Emergency card")
    noel.send(noel.form("Name it in the plan"), {"Where the patient goes": "Prairie County ED, 555-0129"})
    noel.press(noel.page.get_by_role("button", name="Print a new card"))
    noel.press(noel.page.get_by_role("button", name="The patient has it in hand"))
    for day, who in ((DOSE_ON, "Physician"), ("2026-03-11", "Nurse"), ("2026-03-12", "Nurse")):
        visit = {"For the day": day, "At": f"{day}T09:00", "Who assesses": who, "How": "In person"}
        _record(noel, "Book an assessment", visit)
    for what in (
        "Emergency department told",
        "Where maintenance will be given",
        "The channel in the patient's language",
    ):
        _record(noel, "Confirm before a dose", {"What": what, "Is it so": "Yes", "Where it can be seen": "by phone"})
    _record(noel, "Call made", {"With": "Patient", "Reached": "Yes", "What happens now": "Nothing decided"})


def _papers_of_the_dose(staff: Staff) -> None:
    petra, noel = staff["petra"], staff["noel"]
    for drug, more in (("Teclistamab", {}), ("Tocilizumab", {"Tocilizumab product": "Actemra"})):
        _patient(noel, "Access and billing")
        request = {"For": drug, "Payer": "Synthetic Health", "Does the own billing team": "No", "Urgency": "Standard"}
        where = {"Where the step-up": "Outside", "Supply": "the site buys"}
        noel.send(noel.region("Open a request"), {**request, **more, **where})
        noel.send(noel.page.locator("#form-submitted form"), {})
        days = {"Number": f"PA {drug}", "First day": "2026-03-01", "Last day": "2026-06-30"}
        code = {"Billing code": "J9380"} if drug == "Teclistamab" else {}
        anywhere = {"For which site": "any", "For which setting": "Any"}
        noel.send(noel.page.locator("#form-approved form"), {**days, **code, **anywhere})
    _patient(petra, "Gate: may the next dose go ahead?", "Mend it: line 7")
    stock = petra.fold("Count the rescue doses")
    unfold(stock)
    stock.locator("input[name=since]").fill("2026-03-09")
    petra.send(stock, {"Site": "Prairie clinic", "Rescue doses of tocilizumab": "2"})
    for requirement in ("Prescriber certified", "Patient counselled", "Wallet card handed over"):
        met = {"Requirement": requirement, "Met": "Yes", "Holds until": "2026-12-31"}
        _record(petra, "REMS requirement", met)
    _patient(petra, "Gate: may the next dose go ahead?", "Mend it: line 8")
    code = {
        "Who prescribes": "Dr. Omar Oncologist",
        "Is the prescriber certified": "Yes",
        "Code or confirmation": "RDA-1",
    }
    petra.send(petra.region("Dispense record"), {**code, "How it was": "portal", "When it was": "2026-03-09T08:30"})


def _stock_and_rota_of_the_day(staff: Staff, day: str) -> None:
    """Two items hold for a day: the stock is counted and the rota looked at on the day before the dose."""
    mara = staff["mara"]
    for item in ("SITE-11", "SITE-13"):
        mara.follow("Programme", "Sites and levels", "Prairie clinic, teclistamab", f"Record {item}")
        _item(mara, day)


def _gate(who: Walker) -> set[str]:
    """The lines of the gate that stand open, all seventeen being there."""
    _patient(who, "Gate: may the next dose go ahead?")
    lines = who.page.locator(".gate-lines > li")
    assert lines.count() == 17
    return {
        (line.get_attribute("id") or "").removeprefix("line-")
        for line in lines.all()
        if line.locator(".mark").first.inner_text().strip() != "met"
    }


def _day_of_the_dose(staff: Staff) -> None:
    nina, omar = staff["nina"], staff["omar"]
    vitals = {
        "Temperature": "36.6",
        "Systolic pressure": "120",
        "Oxygen saturation": "97",
        "Any active infection": "No",
    }
    _record(nina, "Assessment", vitals)
    _patient(omar, "Gate: may the next dose go ahead?", "Mend it: line 17")
    omar.send(omar.form("Decide"), {"Where is this dose given": "Outside hospital"})
    expect(omar.page.get_by_text("The setting of this dose is decided")).to_be_visible()


def _dose(staff: Staff) -> None:
    nina = staff["nina"]
    given = {"Step": "Step-up dose 1", "Amount": "3.9", "Weight used": "65", "Vials": "10", "Lot": "LOT-1"}
    _record(nina, "Dose given", given)
    expect(nina.page.get_by_text("Saved Tuesday, March 10, 9:05 AM CDT")).to_be_visible()
    expect(nina.page.get_by_role("region", name="Next dose")).to_contain_text("step-up dose 2")
    expect(nina.page.get_by_text("differs from protocol")).to_have_count(0)
    picture(nina.page, "practice-first-dose")
    nina.follow("Programme")
    expect(nina.page.get_by_role("heading", name="Before the first green gate")).to_have_count(0)
