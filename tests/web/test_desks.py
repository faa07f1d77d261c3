"""The programme's page leads to every desk, and to nothing that is not there."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.web.desks import DESKS
from tests.support.factories import MONDAY_0900, World


@pytest.mark.django_db
def test_every_desk_is_there_once_and_answers():
    with clock.use(clock.FrozenClock(MONDAY_0900)):
        client = Client()
        client.force_login(World().alice.nurse)
        page = client.get(reverse("programme")).content.decode()
        linked = re.findall(r'<h2><a href="([^"]+)">', page)
        assert linked == [reverse(desk.url) for desk in DESKS]
        assert len(set(linked)) == len(linked)
        for address in linked:
            assert client.get(address).status_code == 200, address


def test_every_desk_says_in_one_sentence_what_is_done_there():
    for desk in DESKS:
        assert desk.words.endswith("."), desk
        assert desk.title[0].isupper(), desk
