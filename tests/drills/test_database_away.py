"""PostgreSQL goes away and comes back while the watcher runs: the watcher goes on by itself, and everybody is told."""

import signal
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.installation import Prepared, wait_until
from tests.support.outage import away
from tests.support.postgres import Server, temporary_postgres

pytestmark = pytest.mark.drill


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A server that no other test needs, and that keeps what it has promised to keep when it crashes, as one of a programme does."""
    with temporary_postgres(fsync=True) as server:
        yield server


@pytest.fixture(scope="module")
def own(own_server, tmp_path_factory) -> Prepared:
    """Databases with a story on that server."""
    return Prepared(tmp_path_factory.mktemp("prepared"), lambda: own_server)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_a_database_that_is_away_is_waited_for(own, own_server, mail, tmp_path, how):
    with own.installation("postgres", tmp_path, "quiet", mail=mail) as place:
        watcher = place.start("watch")
        wait_until(lambda: place.rows("SELECT 1 FROM alerts_heartbeat"), "somebody watches")
        with away(own_server, how):
            wait_until(lambda: "does not answer" in place.log(), "the watcher says so")
            time.sleep(1)
            assert watcher.poll() is None
        (course,) = place.told["courses"]
        mark = tmp_path / "committed"
        place.start("send_fever", course, place.told["link"], str(mark), module="tests.support.story")
        wait_until(mark.exists, "the check is committed")
        (taken,) = mail.wait_for(1, seconds=5)
        assert taken.to == ("first_on_call@example.org",)
        assert watcher.poll() is None
        assert place.log().count("does not answer") == 1, "said once, not at every look"
        assert "Traceback" not in place.log()


def test_away_in_the_middle_of_the_work(own, own_server, mail, tmp_path):
    """Twenty courses are late; the server crashes while they are looked at. Nobody starts anything again."""
    with own.installation(
        "postgres", tmp_path, "overdue", "20", mail=mail, HANDRAIL_LEASE_SECONDS="1", HANDRAIL_SEND_LEASE_SECONDS="1"
    ) as place:
        watcher = place.start("watch")
        mail.wait_for(5)
        with away(own_server, signal.SIGQUIT):
            assert len(mail.arrived) < 40, "the crash came in the middle of the work"
            time.sleep(0.5)
        wait_until(lambda: len(place.open_alerts()) == 40 and place.settled(), "everybody is paged", seconds=30)
        mails = Counter(taken.message["Message-ID"] for taken in mail.arrived)
        assert set(mails) == {page.message_id for page in place.pages() if page.channel == "email"}
        assert len(mails) == 40 and max(mails.values()) <= 2
        assert watcher.poll() is None
