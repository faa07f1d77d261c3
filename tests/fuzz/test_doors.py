"""Every door for machines, asked what its description allows and what it forbids: no failure of ours, and every answer as it is described.

make fuzz                      the full size
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
import schemathesis
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from urllib3 import HTTPResponse

from handrail import clock
from handrail.actions import handoffs
from handrail.actions.bulk_exports import ask_for_export
from handrail.actions.client_scopes import EXPORT, SCOPES
from handrail.actions.clients import Caller
from handrail.actions.document_keys import make_key
from handrail.actions.not_known import seal_looked
from handrail.alerts.phone import signature
from handrail.config.openapi import document
from tests.support.checkins import make_home
from tests.support.clients import NUMBER, SYSTEM, registered, tied, token_of
from tests.support.exporting import write_all
from tests.support.factories import MONDAY_0900
from tests.support.handoffs import LOOKED
from tests.support.twilio import ACCOUNT, SENDER, TOKEN

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
FULL = os.environ.get("HANDRAIL_FUZZ") == "full"
EXAMPLES = 400 if FULL else 5
EVENING = MONDAY_0900 + timedelta(hours=10, minutes=30)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SCHEMA = schemathesis.openapi.from_dict(document(), config=SchemathesisConfig())
OPERATIONS = {f"{each.ok().method.upper()} {each.ok().path}": each.ok() for each in SCHEMA.get_all_operations()}
ABOUT_A_PATIENT = ("GET /fhir/AuditEvent", "GET /fhir/Provenance", "GET /fhir/Task")
UNKNOWN_BY_CHANCE = {
    "GET /fhir/Patient": "nothing: a name in an address is refused",
    "POST /shl/{address}": "the address of a link",
    "GET /shl/file/{token}": "the address of a file",
    "POST /fhir/token": "a signature",
    "GET /api/checkins": "the id of a check that was sent",
}
"""Where a request that is taken needs what no description can give; tests of the door ask those."""
HERE = "http://127.0.0.1:8000"
STRANGER, LET_IN, SIGNED_IN = "a stranger", "somebody who is let in", "somebody who is signed in"
BY_SESSION = [name for name, each in OPERATIONS.items() if {"session": []} in each.definition.raw.get("security", [])]
"""What is also read by somebody who is signed in, without a token."""


@dataclass(frozen=True, kw_only=True)
class Doors:
    """What somebody has who is let in: a check-in link, a token, a session, the figures' token; and ids that are there."""

    bearer: dict[str, str]
    session: Client
    known: dict[str, str]

    def ask(self, case: Any, who: str) -> requests.Response:
        """Send a case to the application as Django's own client does, and give the answer in the form that the checks read."""
        asked = requests.Request(**case.as_transport_kwargs(base_url=HERE)).prepare()
        path, body = asked.path_url, asked.body or b""
        body = body.encode() if isinstance(body, str) else bytes(body)
        headers = {name: value for name, value in asked.headers.items() if name != "Cookie"}
        if who == LET_IN:
            shown = [token for start, token in self.bearer.items() if path.startswith(start)]
            headers |= {"Authorization": f"Bearer {shown[0]}"} if shown else {}
            if path.startswith("/api/phone/"):
                form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace")
                headers["X-Twilio-Signature"] = signature(f"{HERE}{path}", form, TOKEN)
        client = self.session if who == SIGNED_IN else Client(raise_request_exception=False)
        kind = headers.pop("Content-Type", "")
        answer = client.generic(asked.method, path, body, content_type=kind, headers=headers)
        found = requests.Response()
        found.status_code, found.request, found.url, found._content = (
            answer.status_code,
            asked,
            asked.url,
            answer.content,
        )
        found.headers.update(answer.headers)
        found.raw = HTTPResponse(body=BytesIO(answer.content), headers=dict(answer.headers), status=answer.status_code)
        return found


@pytest.fixture
def doors(db, settings) -> Iterator[Doors]:
    settings.HANDRAIL_PHONE = {"base": "http://127.0.0.1:9", "account": ACCOUNT, "token": TOKEN, "sender": SENDER}
    settings.HANDRAIL_METRICS_TOKEN = "figures-of-the-test"
    with clock.use(clock.FrozenClock(EVENING)):
        home = make_home()
        client = registered(home.world, scopes=SCOPES)
        tied(home.world, client, course=home.course)
        token = token_of(client, " ".join(SCOPES))
        session = Client(raise_request_exception=False)
        session.force_login(home.world.alice.nurse)
        bearer = {"/api/checkins": home.token, "/fhir": token, "/metrics": "figures-of-the-test"}
        sealed = seal_looked(home.course.pk, LOOKED, by=home.world.actor("alice", "oncologist"))
        house = home.world.alice.organisation
        asked = handoffs.Offer(to=home.world.bob.organisation, not_known=LOOKED)
        loop = handoffs.offer(home.course.pk, asked, by=home.world.actor("alice", "oncologist"), now=EVENING).event.id
        make_key(house, by=home.world.actor("alice", "director"))
        yield Doors(
            bearer=bearer,
            session=session,
            known={
                "version_id": str(sealed.pk),
                "patient_id": str(home.course.patient_id),
                "task_id": str(loop),
                "organisation_id": str(house.pk),
                **exported(client),
            },
        )


def exported(client) -> dict[str, str]:
    """The ids of an export that is whole, and of a file of it."""
    job = ask_for_export(Caller(client=client, scopes=(EXPORT,)), "$export", ["Patient"])
    write_all()
    return {"job_id": str(job.pk), "file_id": str(job.files.get(kind="Patient").pk)}


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_is_as_it_is_described_and_none_is_a_failure_of_ours(doors, name):
    statuses: dict[str, Counter[int]] = {}
    for who in (STRANGER, LET_IN, *([SIGNED_IN] if name in BY_SESSION else [])):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            statuses[f"{who}, {mode.value}"] = asked(doors, name, who, mode)
    told = "".join(f"  {each}: {dict(sorted(found.items()))}\n" for each, found in statuses.items())
    sys.stdout.write(f"\n{name}\n{told}")
    for who in (LET_IN, *([SIGNED_IN] if name in BY_SESSION else [])):
        welcome = statuses[f"{who}, positive"]
        if name not in UNKNOWN_BY_CHANCE:
            assert any(200 <= status < 300 for status in welcome), "nothing of what is described was ever taken"
        assert set(welcome) - {401, 403} or name in UNKNOWN_BY_CHANCE


def about_our_patient(body: Any) -> None:
    """What cannot be guessed is put into a body: the patient, a time in the course, and that nothing is asked once more."""
    if not isinstance(body, dict):
        return
    if "id" in body and "resourceType" not in body:
        body.update({"for": None, "sure": True})
    if body.get("resourceType") == "Observation":
        body["subject"] = {"identifier": {"system": SYSTEM, "value": NUMBER}}
        body["effectiveDateTime"] = (EVENING - timedelta(minutes=3)).isoformat()
    for entry in body.get("entry", ()):
        about_our_patient(entry["resource"])


def asked(doors: Doors, name: str, who: str, mode: GenerationMode) -> Counter[int]:
    """How often each status was answered."""
    found: Counter[int] = Counter()
    there: dict[str, Any] = {}
    if who != STRANGER and mode is GenerationMode.POSITIVE:
        there = {"path_parameters": doors.known} if "{" in name and "/fhir/" in name else {}
        there |= {"query": {"patient": doors.known["patient_id"]}} if name in ABOUT_A_PATIENT else {}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=not FULL,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=OPERATIONS[name].as_strategy(generation_mode=mode, **there))
    def ask(case):
        if mode is GenerationMode.POSITIVE and who != STRANGER:
            about_our_patient(case.body)
        with transaction.atomic():
            response = doors.ask(case, who)
            transaction.set_rollback(True)
        found[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)

    try:
        ask()
    except Unsatisfiable:  # nothing can be wrong about a request without a parameter
        assert mode is GenerationMode.NEGATIVE
    return found
