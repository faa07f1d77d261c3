"""The rows of the trace about REMS, each performed through the pages: what a pharmacist, a representative and an auditor see and press."""

import csv
import io
import itertools
import re
import time
import zipfile
from datetime import timedelta
from zoneinfo import ZoneInfo

import pypdf
import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.facts import record_event
from handrail.actions.rems_look import evidence_of
from handrail.alerts.models import Alert
from handrail.jobs.watcher import Watcher
from handrail.people.models import Membership, RemsDispense, RemsMode, RemsRecord, RemsReport, Site
from handrail.people.scope import everything
from handrail.rules.terms import say_date
from tests.support.factories import CHICAGO, MONDAY_0900, World, dose, event, make_site
from tests.support.rems_pages import NOW, SHARED, TODAY, Desk

pytestmark = pytest.mark.django_db
WEEK = {f"day{number}": "08:00-17:00" for number in range(5)}
"""Hours of the centre, where a mode is hybrid."""
CLEAR = {"hypotension": False, "pressors": [], "o2": "none", "fever_other": False, "episode_open": False}


@pytest.fixture
def desk():
    frozen = clock.FrozenClock(NOW)
    with clock.use(frozen):
        yield Desk(World(), frozen)


def rows(text: str, title: str) -> str:
    """The part of the desk under a heading."""
    return text.split(title, 1)[1].split("</section>", 1)[0]


PLANNED, GIVEN, REPORTS, ENDING = "planned doses of", "codes of doses", "reports of serious", "papers that run out"


def test_t17_either_side_missing_turns_gate_line_8_red_and_names_it(desk):
    course = desk.world.course
    on = desk.plan(course)
    desk.papers(prescriber=None)
    desk.dispense(course, on)
    text = desk.get("rems_course", course.pk)
    assert "Not ready</span>" in text
    assert "Alice Oncologist: certificate of a prescriber: nothing is recorded" in text
    desk.paper("prescriber", user=str(desk.house.oncologist.pk))
    assert "Ready</span> for the dose" in desk.get("rems_course", course.pk)
    for kind in ("setting", "dispenser"):
        record = RemsRecord.objects.get(kind=kind)
        ended = (TODAY - timedelta(days=1)).isoformat()
        desk.post("rems_end_paper", record.pk, last_day=ended, reason="not renewed")
        text = desk.get("rems_course", course.pk)
        assert f"{desk.site.name}: certificate of the {kind}: ended on {say_date(TODAY - timedelta(days=1))}" in text
        assert "Manager Flores (site manager)" in text
        desk.paper(kind, sites=str(desk.site.pk), licence="pharmacy")
        assert "Ready</span> for the dose" in desk.get("rems_course", course.pk)


def test_t26_a_new_site_completes_its_set_up_by_following_the_page_alone(desk):
    """Every task is done by what the page itself offers: a link with the form filled in, or a button."""
    address = ("rems_setup", desk.site.pk, "teclistamab")
    text = desk.get(*address)
    assert "<strong>0 of 12</strong>" in text
    assert "Needed: prescribing information, training slides, knowledge assessment, enrolment form" in text
    assert re.findall(r"<header><h2>([^<]*)</h2>", text)[:2] == ["Site manager", "Nurse"], "short lists by role"
    desk.post(*address, task="")
    people = {
        "representative": {"user": str(desk.pharmacist.pk), "deputy": str(desk.manager.pk)},
        "prescriber": {"user": str(desk.house.oncologist.pk)},
        "dispenser": {"licence": "physician"},
    }
    untrained = [str(desk.house.nurse.pk), str(desk.pharmacist.pk)]
    for _ in range(13):
        text = desk.get(*address)
        link = re.search(r'href="/programme/rems/papers/\?([^"#]*)', text)
        tick = re.search(r'name="task" value="([a-z_]+)"', text)
        if link:
            given = dict(part.split("=") for part in link.group(1).replace("&amp;", "&").split("&"))
            kind = given.pop("kind")
            if kind == "training":
                people[kind] = {"user": untrained.pop(), "version": "2"}
            desk.paper(kind, **{**given, **people.get(kind, {})})
            if kind == "training" and untrained:
                assert "not yet Alice Nurse" in desk.get(*address), "one of the staff is not all of them"
        elif tick:
            desk.post(*address, task=tick.group(1))
    text = desk.get(*address)
    assert "<strong>12 of 12</strong>" in text
    assert "Nothing is left to do here." in text


def test_t28_certified_but_untrained_is_visible_and_one_click_reminds(desk):
    desk.papers(prescriber=None)
    text = desk.get("rems_papers")
    assert "<strong>Alice Oncologist</strong>: TECVAYLI and TALVEY REMS" in text
    text = desk.post("rems_remind", user=str(desk.house.oncologist.pk), programme=SHARED)
    assert "Alice Oncologist is reminded" in text
    doctor = Client()
    doctor.force_login(desk.house.oncologist)
    assert "Reminded Mon 2 Mar 2026" in doctor.get(reverse("rems_papers")).content.decode()
    ended = {"from_on": "2025-01-01", "ends": "on", "until": "2025-11-01"}
    desk.paper("prescriber", user=str(desk.house.oncologist.pk), **ended)
    assert "<strong>Alice Oncologist</strong>: TECVAYLI" in desk.get("rems_papers"), "one that ended long ago is none"
    desk.paper("prescriber", user=str(desk.house.oncologist.pk))
    matrix = desk.get("rems")
    untrained = re.search(r"Certified, not trained</span> ([^<]*)<", matrix)
    assert untrained is not None
    assert "Alice Oncologist" in untrained.group(1)
    desk.paper("training", user=str(desk.house.oncologist.pk), product="teclistamab", version="2")
    cell = desk.get("rems").split("<strong>Teclistamab</strong>")[1].split("</li>")[0]
    assert "Certified, not trained" not in cell


@pytest.mark.slow
def test_t29_a_quarter_is_exported_in_one_action_and_each_line_is_traceable(desk):
    course = desk.world.course
    desk.papers()
    desk.dispense(course, TODAY.isoformat())
    wrong = RemsDispense.objects.get()
    desk.dispense(course, TODAY.isoformat(), code="RDA-2", corrects=str(wrong.pk), reason="mistyped")
    answer = desk.client.get(reverse("rems_binder_file"), {"first": "2026-01-01", "last": "2026-03-31"})
    assert answer["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as held:
        pdf, table = sorted(held.namelist(), key=lambda name: not name.endswith("pdf"))
        assert held.read(pdf).startswith(b"%PDF-")
        lines = list(csv.DictReader(io.StringIO(held.read(table).decode())))
    with everything():
        kept = {str(row.pk) for model in (RemsRecord, RemsDispense) for row in model.objects.all()}
    assert {line["row"] for line in lines} == kept
    assert all(line["written_by"] and line["written_at"] for line in lines)
    assert [line["replaces"] for line in lines if line["reference"] == "RDA-2"] == [str(wrong.pk)]
    assert not any("Synthia" in "".join(line.values()) for line in lines), "patients stand in it only by their course"
    looked = desk.get("rems_binder", first="2026-01-01", last="2026-03-31")
    assert all(row in looked for row in kept), "the page shows what the file holds"


@pytest.mark.slow
def test_t29_the_quarter_of_a_large_programme_is_exported_within_a_minute_with_every_line(desk):
    """Ten thousand doses in a quarter. Setting them as a table (`TABLE_ROWS` of `web/rems/binder.py`) makes it fail."""
    desk.papers()
    row = {"organisation": desk.house.organisation, "course": desk.world.course, "product": "teclistamab"}
    row |= {
        "checked": True,
        "how": "portal",
        "obtained_at": NOW,
        "prescriber": desk.house.oncologist,
        "by": desk.pharmacist,
    }
    made = [
        RemsDispense(**row, on=TODAY - timedelta(days=number % 60), code=f"RDA-{number}", at=NOW)
        for number in range(10_000)
    ]
    with everything():
        RemsDispense.objects.bulk_create(made, batch_size=500)
    began = time.process_time()  # of this process alone: other work on the machine is no fault of the programme
    answer = desk.client.get(reverse("rems_binder_file"), {"first": "2026-01-01", "last": "2026-03-31"})
    assert time.process_time() - began < 60
    with zipfile.ZipFile(io.BytesIO(answer.content)) as held:
        pdf, table = sorted(held.namelist(), key=lambda name: not name.endswith("pdf"))
        pages = pypdf.PdfReader(io.BytesIO(held.read(pdf))).pages
        lines = list(csv.DictReader(io.StringIO(held.read(table).decode())))
    assert len(lines) == 10_005
    text = "".join(pages[-1].extract_text().split())
    assert lines[-1]["row"] in text, "the PDF goes on to the last of them"
    assert lines[-1]["reference"] in text


def test_t30_one_representative_serves_several_sites_and_never_without_a_deputy(desk):
    with everything():
        second = make_site(desk.house.organisation, name="Second Site")
    sites = [str(desk.site.pk), str(second.pk)]
    text = desk.paper("representative", 422, sites=sites, user=str(desk.pharmacist.pk))
    assert "A representative needs a deputy for days away." in text
    text = desk.paper("representative", 422, sites=sites, user=str(desk.pharmacist.pk), deputy=str(desk.pharmacist.pk))
    assert "The deputy is somebody else." in text
    assert not RemsRecord.objects.exists()
    desk.paper("representative", sites=sites, user=str(desk.pharmacist.pk), deputy=str(desk.manager.pk))
    assert RemsRecord.objects.filter(user=desk.pharmacist).count() == RemsRecord.objects.filter(user=desk.manager).count() == 2  # fmt: skip
    assert desk.get("rems").count("codes now: Pharmacist Reed") == 2


def test_t30_whoever_is_gone_represents_no_site_and_each_site_needs_its_deputy(desk):
    """Removing `self.left` from `Paper.holds` (`rules/rems_desk.py`), or the deputy's row of the programme, makes it fail."""
    with everything():
        second = make_site(desk.house.organisation, name="Second Site")
    sites = [str(desk.site.pk), str(second.pk)]
    desk.papers(**{kind: {"sites": sites} for kind in ("setting", "dispenser", "representative")})
    courses = [desk.world.course, desk.world.make_course()]
    for number, (course, site) in enumerate(zip(courses, (desk.site, second), strict=True)):
        desk.dispense(course, desk.plan(course, at_site=site.code), code=f"RDA-{number}")
    planned = rows(desk.get("rems_desk"), PLANNED)
    assert planned.count(">Ready</span>") == planned.count("Code: Pharmacist Reed (") == 2, "one for both sites"
    deputy = RemsRecord.objects.get(kind="deputy", site=second)
    yesterday = (TODAY - timedelta(days=1)).isoformat()
    desk.post("rems_end_paper", deputy.pk, last_day=yesterday, reason="another post")
    planned = rows(desk.get("rems_desk"), PLANNED)
    assert (planned.count(">Ready</span>"), planned.count(">Not ready</span>")) == (1, 1)
    assert "Second Site: deputy of the representative Manager Flores: ended on" in planned
    desk.paper("deputy", sites=sites[1:], user=str(desk.manager.pk))
    assert rows(desk.get("rems_desk"), PLANNED).count(">Ready</span>") == 2
    with everything():
        Membership.objects.filter(user=desk.pharmacist).update(valid_until=NOW + timedelta(minutes=1))
    desk.clock.set(NOW + timedelta(minutes=2))
    planned = rows(desk.get("rems_desk"), PLANNED)
    assert planned.count(">Not ready</span>") == 2
    assert planned.count("authorised representative Pharmacist Reed: belongs to the organisation no more") == 2
    assert planned.count("Code: Manager Flores (no mode is set)") == 2, "the deputy, and nobody who has left"
    assert desk.get("rems_papers").count("does not count: belongs to the organisation no more") == 2


def test_t32_talquetamab_after_teclistamab_leaves_at_most_ten_tasks_with_dates(desk):
    desk.papers()
    text = desk.get("rems_setup", desk.site.pk, "talquetamab")
    carried, still = text.count(">Carried over</span>"), text.count(">To do</span>")
    assert (carried, still) == (5, 7)
    assert len(re.findall(r"by (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d+ Mar 2026", text)) == still <= 10
    assert "counts for every product of the TECVAYLI and TALVEY REMS" in text
    assert f"<strong>{say_date(TODAY + timedelta(days=14))}</strong>" in text
    other = desk.get("rems_setup", desk.site.pk, "linvoseltamab")
    assert other.count(">Carried over</span>") == 0, "another programme shares nothing"


def test_t33_a_switch_of_mode_leaves_no_dose_without_an_owner_and_doubles_are_seen(desk):
    course = desk.world.course
    desk.papers()
    on = desk.plan(course)
    usual = {"form": "mode", "site": str(desk.site.pk), "from_at": "2026-03-02T12:00"}
    people = {"central": str(desk.pharmacist.pk), "local": str(desk.house.nurse.pk)}
    assert "Name who gets the codes at the site." in desk.post("rems_modes", status=422, **usual, mode="local")
    assert "the centre has some hours" in desk.post("rems_modes", status=422, **usual, **people, mode="hybrid")
    assert "Code: Pharmacist Reed (no mode is set)" in desk.get("rems_desk")
    desk.post("rems_modes", **usual, **people, **WEEK, mode="hybrid")
    for hours, owner in ((0, "Pharmacist Reed"), (2, "Pharmacist Reed"), (7, "Alice Nurse"), (13, "Alice Nurse")):
        desk.clock.set(NOW + timedelta(hours=hours))
        assert f"Code: {owner} (" in rows(desk.get("rems_desk"), PLANNED), hours
    desk.clock.set(NOW + timedelta(hours=14))
    desk.post("rems_modes", **{**usual, "from_at": "2026-03-03T02:00"}, **people, mode="local")
    text = desk.get("rems_desk")
    assert "Nobody owns this" not in text
    with everything():
        Membership.objects.filter(user=desk.house.nurse).update(valid_until=NOW + timedelta(hours=14))
        assert RemsMode.objects.count() == 2
    desk.clock.set(NOW + timedelta(hours=15))
    assert "Code: Pharmacist Reed (local mode, nobody on the local side)" in desk.get("rems_desk")
    desk.dispense(course, on)
    desk.dispense(course, on, code="RDA-2")
    assert "2 different codes are recorded" in desk.get("rems_course", course.pk)


def test_t33_after_every_switch_each_dose_planned_or_given_belongs_to_somebody_who_is_there(desk):
    """Removing the search of the other side, or the fallback, from `rems_doses.owner_at` makes it fail."""
    desk.papers()
    people = {"central": str(desk.pharmacist.pk), "local": str(desk.house.nurse.pk)}
    desk.plan(desk.world.course, days=9)
    given = desk.world.make_course()
    record_event(given.pk, dose("step_up_1", at=NOW, mg="4.2"), by=person(desk.house.nurse), now=NOW)
    asks = {"central": {"central"}, "local": {"local"}, "hybrid": {"central", "local"}}

    def owners() -> set[str]:
        text = desk.get("rems_desk")
        assert "Nobody owns this" not in text
        found = (
            re.findall(r"Code: ([^(<]+) \(", rows(text, PLANNED)),
            re.findall(r">([^(<>]+) gets it \(", rows(text, GIVEN)),
        )
        assert [len(each) for each in found] == [1, 1], "both doses name one person"
        assert found[0] == found[1]
        return {found[0][0]}

    at, expected = NOW, {"central": {"Pharmacist Reed"}, "local": {"Alice Nurse"}}
    for before, after in itertools.permutations(asks, 2):
        for mode, begins in ((before, at), (after, at + timedelta(hours=9))):
            local = begins.astimezone(ZoneInfo(CHICAGO))
            typed = {name: people[name] for name in asks[mode]} | (WEEK if mode == "hybrid" else {})
            desk.post(
                "rems_modes", form="mode", site=str(desk.site.pk), mode=mode, from_at=f"{local:%Y-%m-%dT%H:%M}", **typed
            )
        for minutes in (0, 9 * 60 - 1, 9 * 60, 18 * 60):
            desk.clock.set(at + timedelta(minutes=minutes))
            mode = before if minutes < 9 * 60 else after
            named = owners()
            assert named <= expected.get(mode, {"Pharmacist Reed", "Alice Nurse"}), (mode, minutes)
        at += timedelta(hours=18)
    for gone in (desk.house.nurse, desk.pharmacist):
        with everything():
            Membership.objects.filter(user=gone).update(valid_until=desk.clock.now())
    assert owners() == {"Manager Flores"}, "neither side is there any more: the deputy"


def test_t34_the_representative_reads_of_the_missing_code_what_the_nurse_has_just_typed(desk):
    """Removing `yield "missing"` from `rems_doses._wrong` makes it fail."""
    course = desk.world.course
    desk.papers()
    nurse, representative = Client(), Client()
    nurse.force_login(desk.house.nurse)
    representative.force_login(desk.pharmacist)
    typed = {"at": "2026-03-02T10:50", "step": "step_up_1", "dose_mg": "4.2", "weight_kg": "70"}
    assert nurse.post(reverse("record", args=[course.pk, "dose"]), typed).status_code == 302
    for minutes in (0, 15):
        desk.clock.set(NOW + timedelta(minutes=minutes))
        text = " ".join(representative.get(reverse("rems_desk")).content.decode().split())
        assert rows(text, GIVEN).count(">Missing</span>") == 1
        assert "Pharmacist Reed gets it" in rows(text, GIVEN)


def test_t34_a_missing_code_is_on_the_list_as_soon_as_the_dose_is_recorded(desk):
    course = desk.world.course
    desk.papers()
    record_event(course.pk, dose("step_up_1", at=NOW, mg="4.2"), by=person(desk.house.nurse), now=NOW)
    text = rows(desk.get("rems_desk"), GIVEN)
    assert ">Missing</span>" in text
    assert "Pharmacist Reed gets it" in text
    month = desk.get("rems_binder", first="2026-03-01", last="2026-03-31")
    assert "missing: no code or confirmation is recorded" in month
    assert str(course.events.get(kind="dose_given").id) in month, "the line leads to the dose itself"
    desk.clock.set(NOW + timedelta(minutes=16))
    desk.dispense(course, TODAY.isoformat())
    assert "written down late" in rows(desk.get("rems_desk"), GIVEN)
    other = desk.world.make_course()
    desk.dispense(other, TODAY.isoformat(), obtained_at="2026-03-02T10:00")
    record_event(other.pk, dose("step_up_1", at=NOW, mg="4.2"), by=person(desk.house.nurse), now=desk.clock.now())
    assert rows(desk.get("rems_desk"), GIVEN).count("the same code stands for another dose") == 2


def test_g6_a_representative_that_ended_yesterday_turns_every_planned_dose_red_without_any_job(desk):
    """Nothing runs between the press and the look: line 8 is worked out while it is read, so a minute is never needed."""
    courses = [desk.world.course, desk.world.make_course()]
    desk.papers()
    for number, course in enumerate(courses):
        desk.dispense(course, desk.plan(course), code=f"RDA-{number}")
    assert rows(desk.get("rems_desk"), PLANNED).count(">Ready</span>") == 2
    assert all(evidence_of(course, NOW).met is True for course in courses)
    record = RemsRecord.objects.get(kind="representative")
    yesterday = TODAY - timedelta(days=1)
    desk.post("rems_end_paper", record.pk, last_day=yesterday.isoformat(), reason="left the practice")
    text = rows(desk.get("rems_desk"), PLANNED)
    assert text.count(">Not ready</span>") == 2
    assert f"authorised representative Pharmacist Reed: ended on {say_date(yesterday)}" in text
    assert "Next: record it: Manager Flores (site manager), Pharmacist Reed (pharmacist), Alice Director" in text
    for course in courses:
        found = evidence_of(course, NOW)
        assert (found.met, found.owner) == (False, "site manager")
        assert "Manager Flores" in (found.next_step or "")


def test_g6_a_representative_whose_last_day_passes_turns_doses_red_by_the_clock_alone(desk):
    course = desk.world.course
    site = str(desk.site.pk)
    deputy = {"sites": site, "user": str(desk.pharmacist.pk), "deputy": str(desk.manager.pk)}
    desk.papers(representative={**deputy, "ends": "on", "until": TODAY.isoformat()})
    desk.dispense(course, TODAY.isoformat())
    found = evidence_of(course, NOW)
    assert found.met is True
    assert found.until is not None
    assert found.until - NOW < timedelta(days=1)
    assert evidence_of(course, found.until - timedelta(seconds=1)).met is True
    assert evidence_of(course, found.until, on=TODAY + timedelta(days=1)).met is False
    assert found.at(found.until).met is False


def test_g6_an_uncertified_prescriber_stops_the_one_product_and_not_the_other(desk):
    course, other = desk.world.course, desk.world.make_course(product="elranatamab")
    desk.papers(prescriber=None)
    for kind, typed in {
        "setting": {"sites": str(desk.site.pk)},
        "dispenser": {"sites": str(desk.site.pk), "licence": "hospital"},
        "representative": {
            "sites": str(desk.site.pk),
            "user": str(desk.pharmacist.pk),
            "deputy": str(desk.manager.pk),
        },
        "prescriber": {"user": str(desk.house.oncologist.pk)},
    }.items():
        desk.paper(kind, programme="elrexfio", **typed)
    for each in (course, other):
        desk.dispense(each, desk.plan(each), code=f"RDA-{each.product}")
    assert evidence_of(course, NOW).met is False
    assert evidence_of(other, NOW).met is True


def test_a_serious_reaction_opens_a_report_with_a_deadline_until_somebody_closes_it(desk):
    course = desk.world.course
    by = person(desk.house.nurse)
    record_event(course.pk, dose("step_up_1", at=MONDAY_0900 + timedelta(hours=1), mg="4.2"), by=by, now=NOW)
    fact = event(
        "crs_assessed",
        at=NOW,
        tmax_c="39.0",
        clinician_grade=2,
        **{**CLEAR, "hypotension": True, "o2": "nasal_cannula", "flow_l_per_min": "2"},
    )
    record_event(course.pk, fact, by=by, now=NOW)
    text = rows(desk.get("rems_desk"), REPORTS)
    assert ">Due</span>" in text
    assert "CRS, grade 2" in text
    assert "by the end of Tue 3 Mar 2026" in text, "the end of the next working day"
    desk.clock.set(NOW + timedelta(days=2))
    assert ">Overdue</span>" in rows(desk.get("rems_desk"), REPORTS)
    assert ">Report overdue</span>" in desk.get("rems_course", course.pk), "also where it is written down"
    doctor = Client()
    doctor.force_login(desk.house.oncologist)
    typed = {"form": "report", "event": fact["id"], "owed": "yes", "to": "rems", "reported_at": "2026-03-03T09:00"}
    answer = doctor.post(reverse("rems_course", args=[course.pk]), {**typed, "reference": "R-7"}, follow=True)
    assert "Saved: reported." in answer.content.decode()
    assert "None owed" in rows(desk.get("rems_desk"), REPORTS)


def test_a_report_that_is_owed_pages_the_manager_who_writes_it_down_from_the_page_and_is_paged_no_more(desk):
    """A task with a deadline that nobody sees is a deadline missed: the page comes eight hours before it, and at it."""
    course = desk.world.course
    fact = event("crs_assessed", at=NOW, tmax_c="39.0", **{**CLEAR, "hypotension": True, "clinician_grade": 2})
    record_event(course.pk, fact, by=person(desk.house.nurse), now=NOW)
    Site.objects.filter(pk=desk.site.pk).update(rota_look_at=NOW)
    ends = NOW + timedelta(days=1, hours=13)
    for hours, told in ((-9, []), (-8, ["A REMS report is owed"]), (0, ["A REMS report is overdue"])):
        desk.clock.set(ends + timedelta(hours=hours))
        with everything():
            Watcher().look()
            open_now = list(Alert.objects.filter(key__startswith="place:rems_report:", closed_at__isnull=True))
        assert [each.what.partition(":")[0] for each in open_now] == told
    page = desk.get("page", open_now[0].pk)
    assert "Synthia" not in page
    assert "CRS" not in page
    address = re.search(r'href="([^"]*)">Write the report down<', page)
    assert address is not None
    typed = {"form": "report", "event": fact["id"], "owed": "yes", "to": "rems", "reported_at": "2026-03-03T23:00"}
    assert "Saved: reported." in desk.client.post(address.group(1), typed, follow=True).content.decode()
    with everything():
        Watcher().look()
    assert "The reason is over" in desk.get("page", open_now[0].pk) or "the reason is over" in desk.get("page", open_now[0].pk)  # fmt: skip
    assert "None owed" in rows(desk.get("rems_desk"), REPORTS)


def test_what_runs_out_is_on_the_desk_90_days_ahead(desk):
    soon = (TODAY + timedelta(days=45)).isoformat()
    desk.papers(setting={"sites": str(desk.site.pk), "ends": "on", "until": soon})
    text = rows(desk.get("rems_desk"), ENDING)
    assert ">45 days</span>" in text
    assert "within 60 days" in text
    assert "certificate of the setting" in text


def test_a_reaction_that_was_closed_by_a_slip_is_reported_from_the_same_page(desk):
    """Written down as not serious, it was offered nowhere any more: who noticed the slip could not write the report down."""
    course, by = desk.world.course, person(desk.house.nurse)
    told = {**CLEAR, "hypotension": True, "o2": "nasal_cannula", "flow_l_per_min": "2"}
    fact = event("crs_assessed", at=NOW, tmax_c="39.0", clinician_grade=2, **told)
    record_event(course.pk, fact, by=by, now=NOW)
    desk.client.force_login(desk.house.oncologist)
    desk.post("rems_course", course.pk, form="report", event=fact["id"], owed="no", reason="of another patient")
    text = desk.get("rems_course", course.pk)
    assert "CRS, written down as not serious on Mon 2 Mar 11:00 CST: only where that was a slip" in text
    desk.clock.set(NOW + timedelta(minutes=5))
    typed = {"form": "report", "event": fact["id"], "owed": "yes", "to": "rems", "reported_at": "2026-03-02T10:59"}
    assert "Saved: reported." in desk.post("rems_course", course.pk, **typed)
    with everything():
        assert [row.owed for row in RemsReport.objects.order_by("at", "id")] == [False, True], "both stay on record"
