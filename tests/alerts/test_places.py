"""The addresses in what leaves are those of the pages, although the watcher does not load the pages."""

import os
import subprocess
import sys
from uuid import uuid4

from django.urls import reverse

from handrail.alerts import places
from tests.support.installation import ROOT


def test_they_are_the_addresses_of_the_application(settings):
    settings.HANDRAIL_BASE_URL = "https://handrail.example.org"
    row, token = uuid4(), "x" * 43
    assert places.receipt_address(row) == settings.HANDRAIL_BASE_URL + reverse("phone_receipt", args=[row])
    assert places.key_address(row) == settings.HANDRAIL_BASE_URL + reverse("phone_answer", args=[row])
    assert places.answer_link(token) == settings.HANDRAIL_BASE_URL + reverse("answer_link", args=[token])
    assert places.checkin_link(token) == settings.HANDRAIL_BASE_URL + reverse("checkin_link", args=[token])


def test_the_watcher_loads_no_page():
    """Loading them takes a second and more, and would delay the first page of a new watcher."""
    program = (
        "import django; django.setup(); import handrail.jobs.watcher, sys; sys.exit('handrail.web.urls' in sys.modules)"
    )
    ours = {**os.environ, "DJANGO_SETTINGS_MODULE": "handrail.config.settings", "HANDRAIL_MODE": "test"}
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=ours, check=False).returncode == 0
