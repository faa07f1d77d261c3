"""Pages as signed JSON to a program of one's own, against a receiver on the loopback that checks what it is told to check."""

import pytest

from handrail.actions.actor import person
from handrail.actions.contact_points import add_point
from handrail.actions.errors import RefusedError
from handrail.alerts.channels import webhook
from tests.support.reaching import BASE, make_night, make_point, secrets_of
from tests.support.receiver import SECRET, receiving

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver(settings):
    with receiving() as found:
        settings.HANDRAIL_BASE_URL = BASE
        settings.HANDRAIL_WEBHOOK_HOSTS = [f"127.0.0.1:{found.port}"]
        yield found


@pytest.fixture
def night(time, receiver):
    night = make_night(time)
    make_point(night.on_call, "webhook", receiver.address, secret=SECRET)
    return night


def test_the_whole_page(night, receiver):
    night.watcher.look()
    (page,) = receiver.pages.values()
    assert page.pop("answer").startswith(f"{BASE}/a/")
    assert page.pop("text").startswith("Handrail: CALL NOW.")
    site = night.world.alice.site.code
    assert page == {"format": "handrail-page/1", "urgency": "now", "site": site, "code": night.alert.code}
    for secret in secrets_of(night):
        assert secret.encode() not in receiver.raw[0]
    assert night.page("webhook").state == "sent"
    night.after(65)
    assert receiver.tries == 1


def test_the_same_page_sent_again_has_the_same_key(night, receiver):
    receiver.answers = [(503, {"Retry-After": "4"})]
    night.watcher.look()
    night.after(3)
    assert receiver.tries == 1
    night.after(1)
    assert (receiver.tries, len(receiver.pages)) == (2, 1)


@pytest.mark.parametrize("status", [301, 400, 401, 410])
def test_a_refusal_is_final(night, receiver, status):
    receiver.answers = [(status, {"Location": "http://127.0.0.1:1/"})]
    night.after(30)
    assert receiver.tries == 1
    assert night.page("webhook").why == f"the webhook refused ({status})"


def test_a_receiver_with_another_secret_refuses(night, receiver):
    receiver.secret = "another"
    night.watcher.look()
    assert night.page("webhook").why == "the webhook refused (401)"


def test_a_new_webhook_has_a_secret_of_its_own_and_is_proved_like_a_phone(night, receiver, time):
    point = add_point("webhook", receiver.address.replace("team=1", "team=2"), by=person(night.second), now=time.now())
    assert len(point.secret) >= 32 and point.verified_at is None


@pytest.mark.parametrize(
    ("address", "hosts", "right"),
    [
        ("https://pager.example.org/x", ["pager.example.org"], True),
        ("https://pager.example.org:8443/x", ["pager.example.org:8443"], True),
        ("https://pager.example.org:8443/x", ["pager.example.org"], False),
        ("http://pager.example.org/x", ["pager.example.org"], False),
        ("https://pager.example.org.evil.example/x", ["pager.example.org"], False),
        ("https://user@pager.example.org/x", ["pager.example.org"], False),
        ("https://169.254.169.254/latest", ["pager.example.org"], False),
        ("https://[::1]/x", ["pager.example.org"], False),
        ("ftp://pager.example.org/x", ["pager.example.org"], False),
        ("https://pager.example.org:x/", ["pager.example.org"], False),
        ("not an address", ["pager.example.org"], False),
        ("http://127.0.0.1:9/x", ["127.0.0.1:9"], True),
    ],
)
def test_only_addresses_that_the_installation_allows(settings, address, hosts, right):
    settings.HANDRAIL_WEBHOOK_HOSTS = hosts
    assert webhook.allowed(address) is right


def test_an_address_that_was_taken_off_the_list_gets_nothing_more(night, receiver, settings, time):
    settings.HANDRAIL_WEBHOOK_HOSTS = ["pager.example.org"]
    night.watcher.look()
    assert receiver.tries == 0
    with pytest.raises(RefusedError, match="not on the list"):
        add_point("webhook", receiver.address, by=person(night.second), now=time.now())
