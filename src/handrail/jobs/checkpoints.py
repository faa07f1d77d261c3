"""Places between two effects of the watcher, where a drill can stop it and kill it.

In an installation `checkpoint` does nothing. A drill names one in `HANDRAIL_CHECKPOINT` and a file in
`HANDRAIL_CHECKPOINT_FILE`: the watcher then writes its process number there and waits to be killed.
"""

import os
import time
from pathlib import Path
from typing import Final

NAMES: Final = (
    "course_claimed",
    "course_assessed",
    "alert_claimed",
    "page_written",
    "page_claimed",
    "mail_sent",
    "page_recorded",
    "heartbeat_written",
)
"""Every checkpoint, in the order in which a reading passes them."""
EXPORT_NAMES: Final = ("export_claimed", "export_looked", "export_sealed", "export_written", "export_compared")
"""The same of an export that a system asked for: of a course, and at the end of the whole."""


def checkpoint(name: str) -> None:
    """Stand still here when a drill asked for it.

    Raises:
        KeyError: a name that is not in the lists.
    """
    if name not in (*NAMES, *EXPORT_NAMES):
        raise KeyError(name)
    if os.environ.get("HANDRAIL_CHECKPOINT") == name:
        Path(os.environ["HANDRAIL_CHECKPOINT_FILE"]).write_text(str(os.getpid()), encoding="ascii")
        while True:
            time.sleep(60)
