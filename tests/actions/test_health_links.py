"""The links to a sealed packet: who makes them, what they hold, guessing, and what is over."""

import base64
import threading
from datetime import timedelta

import pytest
from django.db import connection

from handrail import clock
from handrail.actions import health_links
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.health_links import Opened, Wait, Wish, Wrong, make_link, revoke_health_link
from handrail.actions.packets import seal
from handrail.people.models import HealthLink, HealthLinkRequest, LinkToken
from handrail.people.scope import everything
from handrail.rules.health_links import health_link_data, health_links_from_toml
from tests.support.factories import World, event, make_member
from tests.support.handoffs import LOOKED
from tests.support.health_links import LABEL, ask, fetch, linked, payload_of
from tests.support.packets import NOW, tell

pytestmark = pytest.mark.django_db
ROW = health_link_data().link
WRONG = "000000"
"""Its signs stand in no passcode."""


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        world = World()
        seal(world.course.pk, by=world.actor("alice"))
        world.time = frozen
        yield world


def right(link: HealthLink, **how) -> Opened | Wrong | Wait | None:
    return ask(link.address, recipient="Mercy ED", passcode=link.passcode, **how)


def wrong(link: HealthLink, **how) -> Opened | Wrong | Wait | None:
    return ask(link.address, recipient="Mercy ED", passcode=WRONG, **how)


def log_of(link: HealthLink) -> list[str]:
    with everything():
        return [row.outcome for row in HealthLinkRequest.objects.filter(health_link=link).order_by("at", "outcome")]


# --- making -----------------------------------------------------------------------------------------------------------


def test_what_a_link_holds(world):
    link = linked(world)
    payload = payload_of(link)
    assert payload == {
        "url": f"http://127.0.0.1:8000/shl/{link.address}",
        "key": link.key,
        "exp": int((NOW + timedelta(days=30)).timestamp()),
        "flag": "LP",
        "label": LABEL,
    }
    for secret in (payload["key"], payload["url"].rsplit("/", 1)[1]):
        assert len(secret) == 43 and len(base64.urlsafe_b64decode(secret + "=")) == 32, "256 bits"
    assert len(payload["url"]) <= 128
    assert health_links.viewer_link(link).startswith("http://127.0.0.1:8000/shl/view#shlink:/")


def test_a_link_without_a_passcode_says_so_and_has_a_flag_all_the_same(world):
    link = linked(world, with_passcode=False)
    assert (link.passcode, payload_of(link)["flag"]) == ("", "L")
    assert isinstance(ask(link.address, recipient="Mercy ED"), Opened)


def test_nothing_of_a_link_is_stored_in_clear_or_said_by_its_name(world):
    link = linked(world)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM people_healthlink")
        stored = repr(cursor.fetchone())
    for secret in (link.address, link.key, link.passcode):
        assert secret not in stored
        assert secret not in f"{link!r} {link} {right(link)!r}"
    assert link.link.token_hash == LinkToken.hash_of(link.address)


def test_two_links_share_neither_address_nor_key_nor_passcode(world):
    one, other = linked(world), linked(world)
    assert one.address != other.address and one.key != other.key


WISHES = [
    # changed                                                    | what is said
    ({"label": " "}, "Say in a few words"),
    ({"label": "x" * 81}, "at most 80 signs"),
    ({"label": "\U0001f600" * 41}, "at most 80 signs"),  # two each, as readers count them
    ({"label": "Packet of Synthia"}, "names the patient"),
    ({"label": "For (example), 2026"}, "names the patient"),
    ({"label": "Synthia's packet"}, "names the patient"),
    ({"label": "packet/example_2"}, "names the patient"),
    ({"label": "Ｓynthia"}, "names the patient"),
    ({"label": "born 1950-04-05"}, "names the patient"),
    ({"label": "born 04/05/1950"}, "names the patient"),
    ({"label": "geb. 05.04.1950"}, "names the patient"),
    ({"label": "19500405"}, "names the patient"),
    ({"purpose": "sale"}, "for whom"),
    ({"days": 0}, "1 to 365 days"),
    ({"days": 366}, "1 to 365 days"),
]


@pytest.mark.parametrize(("changed", "said"), WISHES)
def test_what_is_refused(world, changed, said):
    wish = {"label": LABEL, "purpose": "handoff", "days": 30, **changed}
    with pytest.raises(RefusedError, match=said):
        make_link(world.course.pk, Wish(**wish), by=world.actor("alice"))
    with everything():
        assert not HealthLink.objects.exists()


@pytest.mark.parametrize(
    "changed", [{"label": "x" * 80}, {"label": "\U0001f600" * 40}, {"days": 1}, {"days": 365}, {"purpose": "patient"}]
)
def test_what_is_taken(world, changed):
    wish = {"label": LABEL, "purpose": "handoff", "days": 30, "not_known": LOOKED, **changed}
    assert make_link(world.course.pk, Wish(**wish), by=world.actor("alice")).passcode


@pytest.mark.parametrize("label", ["Packet of O'Brien", "Packet, Brien", "brien-li", "For Li's team"])
def test_a_name_of_several_parts_is_seen_by_each(world, label):
    with everything():
        patient = world.course.patient
        patient.family_name = "O'Brien-Li"
        patient.save()
    with pytest.raises(RefusedError, match="names the patient"):
        linked(world, label=label)


def test_a_label_may_hold_words_while_the_name_is_not_known(world):
    with everything():
        patient = world.course.patient
        patient.given_name = patient.family_name = patient.birth_date_text = patient.mrn = ""
        patient.save()
    assert linked(world, label="Packet of what is not known")


def test_a_programme_may_require_the_passcode(world, monkeypatch):
    from handrail.rules.caredata import FOLDER

    text = (FOLDER / "care" / "health_links.toml").read_text(encoding="utf-8").replace('"offered"', '"required"')
    monkeypatch.setattr(health_links, "health_link_data", lambda: health_links_from_toml(text))
    assert linked(world).passcode
    with pytest.raises(RefusedError, match="requires a passcode"):
        linked(world, with_passcode=False)


def test_without_a_sealed_version_there_is_nothing_to_link_to(world):
    other = world.make_course()
    with pytest.raises(RefusedError, match="Seal the packet first"):
        make_link(other.pk, Wish(label=LABEL, purpose="handoff", days=30), by=world.actor("alice"))


@pytest.mark.parametrize(("length", "fits"), [(80, True), (81, False)])
def test_an_installation_whose_address_is_too_long_is_told(world, settings, length, fits):
    settings.HANDRAIL_BASE_URL = "https://" + "h" * (length - len("https://"))
    if fits:
        assert len(payload_of(linked(world))["url"]) == 128
    else:
        with pytest.raises(RefusedError, match="too long"):
            linked(world)


def test_who_may(world):
    wish = Wish(label=LABEL, purpose="handoff", days=30)
    link = linked(world)
    viewer = person(make_member(world.alice.organisation, "viewer"))
    director = person(make_member(world.alice.organisation, "director"))
    for refused, error in (
        (viewer, NotAllowedError),
        (director, NotAllowedError),
        (world.actor("charlie"), NotVisibleError),
    ):
        with pytest.raises(error):
            make_link(world.course.pk, wish, by=refused)
    for refused, error in ((viewer, NotAllowedError), (world.actor("charlie"), NotVisibleError)):
        with pytest.raises(error):
            revoke_health_link(world.course.pk, link.pk, by=refused)
    with pytest.raises(NotVisibleError):
        revoke_health_link(world.make_course().pk, link.pk, by=world.actor("alice"))
    assert revoke_health_link(world.course.pk, link.pk, by=director).link.revoked_at == NOW


# --- opening ----------------------------------------------------------------------------------------------------------


def test_it_opens_the_newest_sealed_version_with_the_same_key(world):
    link = linked(world)
    assert right(link).version.number == 1
    tell(world, event("lab_resulted", at=NOW, code="anc", value="0.4", unit="10*9/L"))
    assert right(link).version.number == 1, "what is not sealed is not shown"
    seal(world.course.pk, by=world.actor("alice"))
    opened = right(link)
    assert (opened.version.number, opened.link.key) == (2, link.key)


@pytest.mark.parametrize("spelling", ["{0}", " {0} ", "{1}", "{2}-{3}", "{2} {3}"])
def test_a_passcode_is_read_in_any_spelling(world, spelling):
    link = linked(world)
    code = link.passcode
    typed = spelling.format(code, code.lower(), code[:3], code[3:])
    assert isinstance(ask(link.address, recipient="x", passcode=typed), Opened)


def test_every_request_is_written_down_with_who_they_said_they_are(world):
    link = linked(world)
    ask(link.address, recipient="  Mercy\x00 \ud800\u202eED\n" + "x" * 100)
    with everything():
        (row,) = HealthLinkRequest.objects.filter(health_link=link)
    assert row.recipient.startswith("Mercy ED") and len(row.recipient) == 80
    assert (row.outcome, row.at, row.version) == ("no_passcode", NOW, None)
    for step, (act, outcome) in enumerate([(wrong, "wrong"), (right, "opened")], start=1):
        world.time.advance(minutes=1)
        act(link)
        assert log_of(link)[step:] == [outcome]


# --- guessing ---------------------------------------------------------------------------------------------------------


def test_wrong_passcodes_are_counted_for_the_life_of_the_link_and_then_the_right_one_opens_nothing(world):
    link = linked(world)
    for left in range(ROW.tries - 1, 0, -1):
        assert wrong(link) == Wrong(remaining=left)
    assert isinstance(right(link), Opened), "one mistake is left"
    assert wrong(link) == Wrong(remaining=0), "a right one in between gave no tries back"
    assert right(link) is None and wrong(link) is None


def test_a_missing_passcode_costs_no_try(world):
    link = linked(world)
    for typed in ("", "  ", "-"):
        assert ask(link.address, recipient="x", passcode=typed) == Wrong(remaining=ROW.tries)


def test_a_passcode_that_no_text_can_hold_is_a_wrong_one(world):
    link = linked(world)
    assert ask(link.address, recipient="x", passcode="\ud800\x00\u00df") == Wrong(remaining=ROW.tries - 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("guessers", [2, pytest.param(8, marks=pytest.mark.postgres)])
def test_guesses_at_the_same_time_gain_no_tries(world, guessers):
    link = linked(world)
    start = threading.Barrier(guessers)
    answers: list[Opened | Wrong | Wait | None] = []

    def guess() -> None:
        start.wait()
        answers.extend(wrong(link, now=NOW) for _ in range(ROW.tries))
        connection.close()

    threads = [threading.Thread(target=guess) for _ in range(guessers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted = sorted(each.remaining for each in answers if isinstance(each, Wrong))
    assert counted == list(range(ROW.tries)), "each number once: not one guess was free"
    assert answers.count(None) == (guessers - 1) * ROW.tries
    link.refresh_from_db()
    assert link.tries_left == 0 and right(link) is None


# --- too often --------------------------------------------------------------------------------------------------------


def test_whoever_asks_too_often_waits_until_a_minute_has_gone(world):
    link = linked(world)
    for _ in range(ROW.asked_per_minute // 2):
        right(link)
    world.time.advance(seconds=20)
    for _ in range(ROW.asked_per_minute - ROW.asked_per_minute // 2):
        assert isinstance(right(link), Opened)
    assert right(link) == Wait(seconds=40)
    assert wrong(link) == Wait(seconds=40), "nothing was tried"
    assert len(log_of(link)) == ROW.asked_per_minute
    world.time.advance(seconds=40)
    assert isinstance(right(link), Opened)
    link.refresh_from_db()
    assert link.tries_left == ROW.tries


def test_a_link_that_is_over_fills_no_log(world):
    link = linked(world)
    revoke_health_link(world.course.pk, link.pk, by=world.actor("alice"))
    for _ in range(ROW.asked_per_minute + 5):
        assert right(link) is None, "never told to wait: a link that is over looks like one that never was"
    assert log_of(link) == ["over"] * ROW.asked_per_minute


# --- what is over -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["revoked", "expired", "exhausted", "mistyped", "empty", "another purpose"])
def test_what_is_over_or_never_was_opens_nothing(world, what):
    link = linked(world)
    address = link.address
    token = right(link).file_token
    if what == "revoked":
        revoke_health_link(world.course.pk, link.pk, by=world.actor("alice"))
    elif what == "expired":
        world.time.advance(days=30)
    elif what == "exhausted":
        with everything():
            HealthLink.objects.filter(pk=link.pk).update(tries_left=0)
    elif what == "mistyped":
        address = address[:-1] + ("A" if address[-1] != "A" else "B")
    elif what == "empty":
        address = ""
    else:
        with everything():
            LinkToken.objects.filter(pk=link.link_id).update(purpose="packet")
    assert ask(address, recipient="Mercy ED", passcode=link.passcode) is None
    if what in ("revoked", "expired", "exhausted"):
        assert fetch(token) is None, "nor does the address of its file"
        # An hour later the address of a file is no address of this link any more.
        assert log_of(link).count("over") == (1 if what == "expired" else 2)


def test_a_link_is_good_to_its_last_second(world):
    link = linked(world, days=1)
    world.time.advance(days=1, seconds=-1)
    assert isinstance(right(link), Opened)
    world.time.advance(seconds=1)
    assert right(link) is None


def test_the_address_of_a_file_is_good_for_an_hour_and_opens_the_version_of_its_request(world):
    link = linked(world)
    token = right(link).file_token
    tell(world, event("lab_resulted", at=NOW, code="anc", value="0.4", unit="10*9/L"))
    seal(world.course.pk, by=world.actor("alice"))
    world.time.advance(minutes=59, seconds=59)
    assert fetch(token).version.number == 1
    assert log_of(link) == ["opened", "fetched"]
    world.time.advance(seconds=1)
    assert fetch(token) is None


@pytest.mark.parametrize("token", ["", "made:up", "x" * 200, "\x00"])
def test_a_made_up_address_of_a_file_opens_nothing(world, token):
    linked(world)
    assert fetch(token) is None


def test_the_file_too_is_asked_so_often_and_no_more(world):
    token = right(linked(world)).file_token
    for _ in range(ROW.asked_per_minute - 1):
        assert isinstance(fetch(token), Opened)
    assert isinstance(fetch(token), Wait)
