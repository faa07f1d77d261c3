"""Which lines of the rules a test runs: every statement leaves a mark, which costs a few hundredths of what a trace costs.

A mark stands for all lines of its statement, of a compound one for its head. What a module works out while it is imported leaves none,
in a trace as little as here: those values have been there since before the first test.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

from tools.mutation.code import SOURCE, codes, functions

RAN = "__ran__"
LOADED = "__loaded__"


class Marks:
    """The marks of these files, named from the package: `rules/redosing.py`. Planted only in a process that ends afterwards."""

    def __init__(self, files: Iterable[str]) -> None:
        self.places: list[tuple[str, range]] = []
        self.ran: list[int] = []
        self.labels: list[str] = []
        for file in files:
            self._plant(file)
        self.ran.extend([0] * len(self.places))

    def clear(self) -> None:
        """As if nothing had run yet."""
        self.ran[:] = [0] * len(self.places)
        self.labels.clear()

    def lines(self) -> dict[str, set[int]]:
        """The lines that ran since the last `clear`, file by file; a file of which none ran is left out."""
        found: dict[str, set[int]] = {}
        for (file, lines), ran in zip(self.places, self.ran, strict=True):
            if ran:
                found.setdefault(file, set()).update(lines)
        return found

    def _plant(self, file: str) -> None:
        """Give every function of the loaded module its code with marks.

        Raises:
            RuntimeError: a function that is not found in the module, and whose lines would look as if no test ran them.
        """
        path = SOURCE / "handrail" / file
        tree = ast.parse(path.read_text(encoding="utf-8"))
        self._mark(tree, file, inside=False)
        ast.fix_missing_locations(tree)
        module = import_module("handrail." + file.removesuffix(".py").replace("/", "."))
        vars(module).update({RAN: self.ran, LOADED: self.labels})
        wanted = {
            (code.co_qualname, code.co_firstlineno): code
            for code in codes(compile(tree, str(path), "exec"))
            if RAN in code.co_names and "<locals>" not in code.co_qualname
        }
        planted = set()
        for function in functions(module):
            place = (function.__code__.co_qualname, function.__code__.co_firstlineno)
            if place in wanted:
                function.__code__ = wanted[place]
                planted.add(place)
        if missing := sorted(wanted.keys() - planted):
            raise RuntimeError(f"{file}: not found in the loaded module: {missing}")

    def _mark(self, node: ast.AST, file: str, *, inside: bool) -> None:
        """Put a mark before every statement of every function below a node."""
        here = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for name, value in ast.iter_fields(node):
            if not isinstance(value, list):
                continue
            for child in value:
                if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
                    self._mark(child, file, inside=here)
            if here and value and isinstance(value[0], ast.stmt):
                setattr(node, name, [each for statement in value for each in (self._made(statement, file), statement)])
        if isinstance(node, ast.FunctionDef):
            node.body.insert(0, self._made(node, file))
            if node.name == "load" and "jurisdiction" in _arguments(node):
                node.body.insert(0, ast.parse(f"{LOADED}.append(str({node.args.args[0].arg}))").body[0])

    def _made(self, statement: ast.stmt, file: str) -> ast.stmt:
        """What leaves the mark of a statement; of a function that of its head, with what stands there by default."""
        self.places.append((file, _lines(statement)))
        mark = ast.parse(f"{RAN}[{len(self.places) - 1}] = 1").body[0]
        for part in ast.walk(mark):
            if hasattr(part, "lineno"):
                ast.copy_location(part, statement)
        return mark


def _arguments(function: ast.FunctionDef) -> set[str]:
    return {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}


def _lines(statement: ast.stmt) -> range:
    """The lines of a statement; of a compound one those before the first statement in it."""
    inner = min((child.lineno for child in _inner(statement)), default=None)
    end = statement.end_lineno or statement.lineno
    return range(statement.lineno, (end if inner is None else max(statement.lineno, inner - 1)) + 1)


def _inner(node: Any) -> Iterator[ast.stmt]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from child.body
