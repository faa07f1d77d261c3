"""`handrail keys` and `handrail packet verify`: keys made, rotated, withdrawn and listed, and a document checked, on the command line."""

import json

import pytest

from handrail import clock
from handrail.actions.document_keys import published, sign
from handrail.jobs.document_keys import main
from handrail.rules.terms import UnusableInput, say_instant
from tests.support.factories import World
from tests.support.packets import NOW

pytestmark = pytest.mark.django_db
CONTENT = b'{"resourceType":"Bundle"}'


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        yield World()


@pytest.fixture
def run(capsys):
    def run(*words):
        status = main([str(each) for each in words])
        return status, capsys.readouterr().out.strip()

    return run


def test_a_key_is_made_rotated_withdrawn_and_listed(world, run):
    house = ("--organisation", world.alice.organisation.pk)
    by = ("--by", world.alice.director.email)
    assert run("keys", "list", *house) == (0, "no key: nothing is signed")
    _, said = run("keys", "make", *house, *by)
    first, address = said.removeprefix("key ").split()
    assert address.endswith(f"/fhir/keys/{world.alice.organisation.pk}/jwks.json")
    _, said = run("keys", "rotate", *house, *by)
    second = said.removeprefix("key ")
    assert run("keys", "withdraw", *house, *by, "--key", first) == (0, f"withdrawn {first}")
    _, listed = run("keys", "list", *house)
    assert {line.split("  ")[0]: line.split("  ")[2] for line in listed.splitlines()[:2]} == {
        first: f"WITHDRAWN {say_instant(NOW, 'UTC')}",
        second: "in force",
    }
    assert [each["kid"] for each in published(world.alice.organisation.pk)["keys"]] == [second]


@pytest.mark.parametrize(("by", "words"), [("nurse", "director"), ("nobody", "Nobody signs in")])
def test_somebody_who_may_not_makes_no_key(world, by, words):
    email = world.alice.nurse.email if by == "nurse" else "nobody@example.org"
    with pytest.raises(UnusableInput, match=words):
        main(["keys", "make", "--organisation", str(world.alice.organisation.pk), "--by", email])
    assert published(world.alice.organisation.pk) == {"keys": []}


@pytest.fixture
def sent(world, run, tmp_path):
    """What a receiver has: the document, its signature, and the keys of the sender."""
    house = world.alice.organisation
    run("keys", "make", "--organisation", house.pk, "--by", world.alice.director.email)
    (tmp_path / "packet.json").write_bytes(CONTENT)
    (tmp_path / "packet.json.jws").write_text(sign(house.pk, CONTENT, now=NOW)[1] + "\n")
    (tmp_path / "keys.json").write_text(json.dumps(published(house.pk)))
    (tmp_path / "none.json").write_text('{"keys": []}')
    (tmp_path / "other.jws").write_text("no signature")
    (tmp_path / "changed.json").write_bytes(CONTENT + b"\n")
    return tmp_path


CASES = [
    # file          | signature        | keys        | status | sentence
    ("packet.json", "", "", 0, "Good: not a byte has changed since Alice"),
    ("packet.json", "", "keys.json", 0, "Good: not a byte has changed since the owner of the key set"),
    ("changed.json", "packet.json.jws", "", 1, "NOT GOOD: the file is not the one that was signed"),
    ("packet.json", "", "none.json", 1, "CANNOT SAY: the key"),
    ("packet.json", "other.jws", "", 2, "CANNOT SAY: this is no detached signature"),
]


@pytest.mark.parametrize(("file", "signature", "keys", "status", "sentence"), CASES)
def test_a_document_is_checked_in_one_sentence(world, sent, run, file, signature, keys, status, sentence):
    words = ["packet", "verify", sent / file]
    words += ["--signature", sent / signature] if signature else []
    words += ["--keys", sent / keys] if keys else []
    answered, said = run(*words)
    assert answered == status
    assert said.startswith(sentence) and said.count("\n") == 0


@pytest.mark.parametrize(
    "words", [["nowhere.json"], ["changed.json"], ["packet.json", "--keys", "changed.json"], ["large.json"]]
)
def test_files_that_cannot_be_read_are_said(sent, run, words):
    (sent / "large.json").write_bytes(b" " * (8 * 1024 * 1024 + 1))
    with pytest.raises(UnusableInput):
        main(["packet", "verify", *(each if each == "--keys" else str(sent / each) for each in words)])
