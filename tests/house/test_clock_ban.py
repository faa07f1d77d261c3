"""Only `handrail/clock.py` reads the clock, and every way around it that we know is found."""

from pathlib import Path

import pytest

from tools import check_clock

ROOT = Path(__file__).resolve().parents[2]


def found(source: str) -> list[str]:
    return [finding.what for finding in check_clock.find(source, Path("planted.py"))]


def test_nobody_in_the_project_reads_the_clock():
    assert check_clock.check(ROOT / "src" / "handrail") == []


@pytest.mark.parametrize(
    "source",
    [
        "import datetime\ndatetime.datetime.now()",
        "import datetime as dt\ndt.datetime.now(dt.UTC)",
        "from datetime import datetime\ndatetime.now()",
        "from datetime import datetime as moment\nmoment.utcnow()",
        "from datetime import datetime\nread = datetime.now\nread()",
        "from datetime import datetime\nmoment = datetime\nmoment.now()",
        "from datetime import datetime\ndef f(read=datetime.now): ...",
        "from datetime import date\ndate.today()",
        "from datetime import datetime\ndatetime.today()",
        "import time\ntime.time()",
        "from time import time\ntime()",
        "from time import time_ns as ticks\nticks()",
        "import time\ntime.localtime()",
        "import time\ntime.strftime('%H')",
        "from django.utils import timezone\ntimezone.now()",
        "from django.utils import timezone as tz\ntz.localdate()",
        "import django.utils.timezone\ndjango.utils.timezone.now()",
        "from django.utils.timezone import now\nnow()",
        "from django.utils import timezone\nfrom django.db import models\nmodels.DateTimeField(default=timezone.now)",
        "from django.db import models\nmodels.DateTimeField(auto_now=True)",
        "from django.db import models\nmodels.DateTimeField(auto_now_add=True)",
        "from django.db.models.functions import Now\nModel.objects.update(at=Now())",
        "import uuid\nuuid.uuid1()",
        "def inner():\n    import time\n    return time.time()",
    ],
)
def test_a_planted_reading_of_the_clock_is_found(source: str):
    assert len(found(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from handrail import clock\nclock.now()",
        "import time\ntime.monotonic()\ntime.sleep(1)\ntime.perf_counter()",
        "from datetime import datetime\ndatetime.fromisoformat('2026-03-02T22:00:00Z')",
        "from django.utils import timezone\ntimezone.localtime(at)\ntimezone.localdate(at, zone)",
        "import time\ntime.strftime('%H', moment)",
        "from django.db import models\nmodels.DateTimeField(auto_now=False)",
        "def f(now, today, time): return now(), today(), time()",
        "import uuid\nuuid.uuid4()",
        "'datetime.now() in a sentence'",
    ],
)
def test_what_does_not_read_the_clock_is_left_alone(source: str):
    assert found(source) == []


def test_the_command_names_file_and_line_and_spares_the_clock_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "clock.py").write_text("import time\ntime.time()\n")
    assert check_clock.main([str(tmp_path)]) == 0
    inner = tmp_path / "jobs"
    inner.mkdir()
    (inner / "clock.py").write_text("import time\n\ntime.time()\n")
    assert check_clock.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out == f"{inner / 'clock.py'}:3: time.time reads the clock; use handrail.clock.now()\n"
