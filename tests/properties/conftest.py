"""How many courses each property is tried on, and what they reached.

`HANDRAIL_PROPERTIES=thorough` tries far more, new ones each time; without it every run tries the same.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.support import reached

_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "same", max_examples=30, derandomize=True, database=None, deadline=None, suppress_health_check=_CHECKS
)
settings.register_profile(
    "thorough", max_examples=2000, database=None, deadline=None, print_blob=True, suppress_health_check=_CHECKS
)
settings.load_profile("thorough" if os.environ.get("HANDRAIL_PROPERTIES") == "thorough" else "same")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How often each rule was reached by a generated course, the rarest first."""
    if not reached.counts:
        return
    terminalreporter.section("rules reached by generated courses")
    kinds = sorted({what for what, _ in reached.counts})
    for kind in kinds:
        ranked = sorted((number, which) for (what, which), number in reached.counts.items() if what == kind)
        shown = ", ".join(f"{which} {number}" for number, which in ranked[:12])
        more = f" and {len(ranked) - 12} more" if len(ranked) > 12 else ""
        terminalreporter.write_line(f"{kind}: {shown}{more}")
