"""`handrail clients`: systems let in and out, and identifiers tied to courses, on the command line."""

import json
from uuid import UUID, uuid4

import pytest

from handrail import clock
from handrail.actions.clients import course_behind
from handrail.jobs.clients import main
from handrail.people.models import ServiceClient
from handrail.people.scope import everything
from handrail.rules.terms import UnusableInput, say_instant
from tests.support.clients import NUMBER, SCOPE, SYSTEM, key, public
from tests.support.factories import World

pytestmark = pytest.mark.django_db


def test_a_system_is_let_in_tied_listed_and_let_out(capsys, tmp_path):
    world = World()
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps(public(key())))
    house, course = str(world.alice.organisation.pk), str(world.course.pk)
    director, nurse = world.alice.director.email, world.alice.nurse.email

    def run(*words):
        assert main(words) == 0
        return capsys.readouterr().out.split()

    add = ("add", "--organisation", house, "--name", "Thermometers", "--keys", str(keys), "--scope", SCOPE)
    client = run(*add, "--by", director)[-1]
    tied = ("--client", client, "--course", course, "--system", SYSTEM, "--value", NUMBER, "--by", nurse)
    tie = run("tie", *tied)[-1]
    with everything():
        row = ServiceClient.objects.get(pk=UUID(client))
    assert course_behind(row, SYSTEM, NUMBER) == world.course.pk
    since = say_instant(clock.now(), "UTC")
    listed = [client, "Thermometers", SCOPE, "tie", tie, "course", course, "since", *since.split()]
    assert run("list", "--organisation", house) == listed
    run("untie", "--course", course, "--tie", tie, "--by", nurse)
    assert course_behind(row, SYSTEM, NUMBER) is None
    assert run("list", "--organisation", house) == [client, "Thermometers", SCOPE]
    run("end", "--client", client, "--by", director)
    assert run("list", "--organisation", house)[-1] == "ended"
    assert run("list", "--organisation", str(world.bob.organisation.pk))[0] == "no"
    for by in (nurse, "nobody@example.org"):
        with pytest.raises(UnusableInput):
            main([*add, "--by", by])
    with pytest.raises(UnusableInput):
        main(["end", "--client", str(uuid4()), "--by", director])
    keys.write_text("{")
    with pytest.raises(UnusableInput):
        main([*add, "--by", director])
