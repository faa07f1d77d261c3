"""Lines of JSON: one object in, one answer out, in the order in which they came.

A line that cannot be used gives `{"id", "error": {"code", "message", "path"}}`, and the others go on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from handrail.rules.coursefile import CourseFileError, read_json
from handrail.rules.terms import UnusableInput

Answer = Callable[[dict[str, Any]], dict[str, Any]]
"""What a line with known keys is answered; the id of the line is put before it."""


def answered(lines: Iterable[str], answer: Answer, *, keys: Sequence[str], needs: Sequence[str]) -> Iterator[str]:
    """One line of JSON, without its line end, for each line.

    Args:
        keys: what a line may have, `id` the first of them; another key is an error, a misspelt fact would count as not known.
        needs: what it must have, and not null.
    """
    return (json.dumps(_answered(line, answer, keys, needs)) for line in lines)


def _answered(line: str, answer: Answer, keys: Sequence[str], needs: Sequence[str]) -> dict[str, Any]:
    name: Any = None
    try:
        body = read_json(line, what="line")
        if not isinstance(body, dict):
            shape = ",".join(f'"{key}"' for key in keys)
            raise CourseFileError("wrong_type", f"A line is an object {{{shape}}}.")
        name = body.get("id") if isinstance(body.get("id"), (str, int)) else None
        for key in body:
            if key not in keys:
                raise CourseFileError("unknown_key", f"The key {key!r} is not known here.", key)
        for key in needs:
            if body.get(key) is None:
                raise CourseFileError("missing_key", f"A line needs {key!r}.", key)
        return {"id": name, **answer(body)}
    except UnusableInput as error:
        return {"id": name, "error": {"code": error.code, "message": error.message, "path": error.path}}
