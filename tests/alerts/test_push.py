"""Pages by push message: encrypted for one device, signed with the installation's key, and read back by the device of the test."""

import json
import re

import pytest

from handrail.alerts.channels import push
from handrail.people.models import ContactPoint
from tests.support.push_service import push_service
from tests.support.reaching import BASE, make_night, make_point, secrets_of

pytestmark = pytest.mark.django_db
KEY = "c3ludGhldGljLWtleS1vZi10aGUtdGVzdHMtMDEyMzQ="


@pytest.fixture
def service(settings):
    with push_service() as found:
        settings.HANDRAIL_BASE_URL = BASE
        settings.HANDRAIL_PUSH_KEY = KEY
        settings.HANDRAIL_PUSH_HOSTS = [found.host]
        found.application_key = push.public_key()
        yield found


@pytest.fixture
def night(time, service):
    night = make_night(time)
    make_point(night.on_call, "push", service.subscription)
    return night


def test_the_device_reads_the_page_and_nobody_else(night, service):
    night.watcher.look()
    (said,) = service.messages
    site, code = night.world.alice.site.code, night.alert.code
    assert said["title"] == f"Handrail: CALL NOW, site {site}"
    assert said["text"].startswith(f"Handrail: CALL NOW. Site {site}. Code {code}.")
    assert said["link"].startswith(f"{BASE}/a/")
    for secret in secrets_of(night):
        assert secret not in json.dumps(said)
    assert code.encode() not in service.raw[0], "the service cannot read it"
    assert night.page("push").state == "sent"


@pytest.mark.parametrize(
    ("status", "state"), [(404, "failed"), (410, "failed"), (413, "failed"), (429, "sending"), (503, "sending")]
)
def test_what_the_service_answers(night, service, status, state):
    service.answers = [(status, {"Retry-After": "3"})]
    night.watcher.look()
    assert night.page("push").state == state
    night.after(3)
    assert len(service.messages) == (1 if state == "sending" else 0)


def test_another_key_than_the_device_subscribed_with_is_refused(night, service):
    service.application_key = "another"
    night.watcher.look()
    assert night.page("push").why == "the push service refused (403)"


def test_a_device_that_is_gone_goes_on_to_the_next(night, service):
    make_point(night.on_call, "push", service.subscription.replace("device-1", "device-2"))
    service.answers = [(410, {})]
    night.watcher.look()
    assert [each.state for each in night.alert.pages.filter(channel="push").order_by("point__order")] == [
        "failed",
        "sent",
    ]


def test_a_browser_is_switched_on_like_a_phone(night, service, client):
    ContactPoint.objects.all().delete()
    client.force_login(night.on_call)
    page = client.get("/me/reached").content.decode()
    assert f'data-push="{push.public_key()}"' in page
    form = {"channel": "push", "address": service.subscription, "label": "ward laptop"}
    assert "A code is on its way" in client.post("/me/reached/add", form, follow=True).content.decode()
    night.watcher.look()
    code = re.search(r"your code is (\d{6})", service.messages[-1]["text"])
    assert code
    point = ContactPoint.objects.get()
    done = client.post(f"/me/reached/{point.pk}", {"do": "verify", "code": code[1]}, follow=True).content.decode()
    assert "Switched on. Pages reach you here." in done
    assert service.host not in done and "ward laptop" in done


@pytest.mark.parametrize(
    "address",
    [
        "",
        "not json",
        "[]",
        '{"endpoint": "https://fcm.googleapis.com/x"}',
        '{"endpoint": "https://fcm.googleapis.com/x", "keys": {"p256dh": 1, "auth": "a"}}',
        '{"endpoint": "https://internal.example/x", "keys": {"p256dh": "a", "auth": "a"}}',
        '{"endpoint": "http://fcm.googleapis.com/x", "keys": {"p256dh": "a", "auth": "a"}}',
        '{"endpoint": "https://fcm.googleapis.com.evil.example/x", "keys": {"p256dh": "a", "auth": "a"}}',
        '{"endpoint": "https://push.services.mozilla.com:8/x", "keys": {"p256dh": "a", "auth": "a"}}',
        '{"endpoint": "https://a@fcm.googleapis.com/x", "keys": {"p256dh": "a", "auth": "a"}}',
    ],
)
def test_only_the_push_services_of_browsers_are_posted_to(settings, address):
    assert push.subscription(address) is None


@pytest.mark.parametrize("host", ["fcm.googleapis.com", "updates.push.services.mozilla.com", "web.push.apple.com"])
def test_the_push_services_of_browsers(host):
    text = json.dumps({"endpoint": f"https://{host}/x", "keys": {"p256dh": "a", "auth": "a"}, "more": 1})
    assert push.subscription(text) == {"endpoint": f"https://{host}/x", "keys": {"p256dh": "a", "auth": "a"}}


def test_keys_that_are_none_are_a_failure_for_good(night, service):
    point = ContactPoint.objects.get()
    point.address = json.dumps({"endpoint": f"http://{service.host}/x", "keys": {"p256dh": "a", "auth": "a"}})
    point.save()
    night.watcher.look()
    assert night.page("push").why.startswith("the subscription cannot be used")
    assert service.tries == 0


def test_without_a_key_nothing_is_offered(time, client, settings):
    settings.HANDRAIL_PUSH_KEY = ""
    assert not push.CHANNEL.configured()
