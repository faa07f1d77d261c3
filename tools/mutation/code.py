"""Mutants of the rules: one comparison, number, word of logic or sign changed in one function, in memory only."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
RULES = SOURCE / "handrail" / "rules"

# They show what the others decided, and are held by tests of what is printed. No clinical comparison stands in them.
SHOWN = {"label_book", "label_picture", "label_tests", "label_words", "policy_book", "protocol_diff", "protocol_export"}
SHOWN |= {"__init__", "grid", "schema", "telling"}

FIRST = (
    *("nextdose", "redosing", "holds", "amount", "doses", "giving", "schedule", "interval", "triage", "management"),
    *("grading", "grading_terms", "grading_crs", "grading_icans", "scales", "aftercare", "episodes", "watch"),
    *("contact", "answering", "daily", "upcoming", "departures", "assess", "assessed", "switching", "eligibility"),
    *("home_medicines", "interchange", "caredata", "worksheet", "emergency", "paging", "texting", "accountability"),
    *("responsibility", "responsibility_lines", "handback", "handoff", "handoff_kind", "handoff_loop", "rems"),
)
"""Files in the order in which they are judged: what a dose, a grade or a call rests on. The others follow."""

EDGES = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
OPPOSITES = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
SIGNS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
CLINICAL = {"edge", "opposite", "number"}
"""The kinds of which no survivor is allowed: a comparison or a number."""


@dataclass(frozen=True, slots=True)
class CodeMutant:
    """One change. `node` counts the nodes of the file as `ast.walk` meets them, `choice` its changes."""

    file: str
    function: str
    kind: str
    was: str
    becomes: str
    nth: int
    lines: tuple[int, ...]
    node: int
    choice: int
    names: tuple[str, ...] = ()
    """Of a value of the module: its names, for the tests that speak of it and run nothing."""

    @property
    def where(self) -> str:
        return f"{self.file} {self.function}"

    @property
    def change(self) -> str:
        return f"{self.was} -> {self.becomes}" + (f" (number {self.nth})" if self.nth > 1 else "")

    @property
    def clinical(self) -> bool:
        return self.kind in CLINICAL


Change = Callable[[], None]


def _compare(node: ast.Compare) -> Iterator[tuple[str, Change]]:
    for place, operator in enumerate(node.ops):
        for kind, table in (("edge", EDGES), ("opposite", OPPOSITES)):
            if type(operator) in table:
                other = table[type(operator)]()
                yield kind, lambda place=place, other=other: node.ops.__setitem__(place, other)


def changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    """The changes of one node: the kind, and what makes it."""
    if isinstance(node, ast.Compare):
        yield from _compare(node)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "truth", lambda: setattr(node, "value", not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        number = node.value
        yield "number", lambda: setattr(node, "value", number + 1)
    elif isinstance(node, ast.BoolOp):
        yield "logic", lambda: setattr(node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield (
            "logic",
            lambda: setattr(node, "op", ast.Not()) or setattr(node, "operand", ast.UnaryOp(ast.Not(), node.operand)),
        )
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in SIGNS and not _is_path(node):
        yield "sign", lambda: setattr(node, "op", SIGNS[type(node.op)]())
    elif isinstance(node, ast.Name) and node.id in NAMES and isinstance(node.ctx, ast.Load):
        yield "choice", lambda: setattr(node, "id", NAMES[node.id])


def _is_path(node: ast.BinOp | ast.AugAssign) -> bool:
    return (
        isinstance(node.op, ast.Div)
        and isinstance(node, ast.BinOp)
        and isinstance(node.right, ast.Constant | ast.JoinedStr)
    )


@cache
def _text(file: str) -> str:
    return (SOURCE / "handrail" / file).read_text(encoding="utf-8")


def mutants_of(file: str) -> list[CodeMutant]:
    """Every mutant of a file named from the package: `rules/redosing.py`."""
    tree = ast.parse(_text(file))
    order = {id(node): number for number, node in enumerate(ast.walk(tree))}
    found: list[CodeMutant] = []
    seen: Counter[tuple[str, str, str]] = Counter()
    for node, function, statement in _places(tree, "", None):
        for choice, (kind, change) in enumerate(list(changes(node))):
            was = ast.unparse(statement if kind in ("truth", "number") else node)
            kept = _kept(node)
            change()
            becomes = ast.unparse(statement if kind in ("truth", "number") else node)
            _restore(node, kept)
            was, becomes = _short(was, becomes)
            seen[function, was, becomes] += 1
            lines = {statement.lineno, *range(node.lineno, (node.end_lineno or node.lineno) + 1)}
            lines |= set() if function else _lines_that_use(tree, file, statement)
            found.append(
                CodeMutant(
                    file=file,
                    function=function or "(module)",
                    kind=kind,
                    was=was,
                    becomes=becomes,
                    nth=seen[function, was, becomes],
                    lines=tuple(sorted(lines)),
                    node=order[id(node)],
                    choice=choice,
                    names=() if function else tuple(_names_set(statement)),
                )
            )
    return found


def _lines_that_use(tree: ast.Module, file: str, statement: ast.stmt) -> set[int]:
    """Where the functions of a file use a value of the module; none where another file of the rules names it too."""
    names = set(_names_set(statement))
    for later in tree.body:  # values that are made of it
        if names & _names_used(later):
            names |= set(_names_set(later))
    others = "".join(_text(f"rules/{path.name}") for path in RULES.glob("*.py") if path.name != Path(file).name)
    if any(re.search(rf"\b{name}\b", others) for name in names):
        return set()
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {
        node.lineno
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and node.id in names
    }


def _names_set(statement: ast.stmt) -> list[str]:
    """The names that a statement of a module gives a value."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        return []
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]


def _names_used(statement: ast.stmt) -> set[str]:
    """The names whose values a statement of a module is made of."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
        return set()
    return {node.id for node in ast.walk(statement.value) if isinstance(node, ast.Name)}


def _kept(node: ast.AST) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, list) else value for name, value in ast.iter_fields(node)}


def _restore(node: ast.AST, kept: dict[str, Any]) -> None:
    for name, value in kept.items():
        setattr(node, name, value)


def _short(was: str, becomes: str) -> tuple[str, str]:
    """The two texts without the long part that they share."""
    was, becomes = " ".join(was.split()), " ".join(becomes.split())
    start = 0
    while start < min(len(was), len(becomes)) and was[start] == becomes[start]:
        start += 1
    end = 0
    while end < min(len(was), len(becomes)) - start and was[-1 - end] == becomes[-1 - end]:
        end += 1
    left, right = max(0, start - 40), max(0, end - 30)
    cut = slice(left, None if right == 0 else -right)
    return was[cut].strip(), becomes[cut].strip()


def _places(node: ast.AST, function: str, statement: Any) -> Iterator[tuple[Any, str, Any]]:
    """Every node that decides, with its function and its innermost statement.

    Annotations do not run. An assertion decides nothing, nor does `strict` of a zip: both say what can never be.
    """
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params", "type_comment"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.Assert):
                continue
            if isinstance(child, ast.keyword) and child.arg == "strict":
                continue
            inside, around = function, statement
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inside = f"{function}.{child.name}" if function else child.name
            if isinstance(child, ast.stmt):
                around = child
            if hasattr(child, "lineno") and isinstance(child, ast.expr | ast.AugAssign):
                yield child, inside, around
            yield from _places(child, inside, around)


# --- putting a mutant into the running process ------------------------------------------------------------------


@cache
def parsed(file: str) -> tuple[ast.Module, list[ast.AST]]:
    """A file and its nodes as `ast.walk` meets them, for a process to change that ends afterwards: its parent reads it once."""
    tree = ast.parse(_text(file))
    return tree, list(ast.walk(tree))


def plant(mutant: CodeMutant) -> None:
    """Change the loaded module. Only ever called in a process that ends afterwards.

    Raises:
        LookupError: the change has no place in the loaded module.
    """
    tree, nodes = parsed(mutant.file)
    node = nodes[mutant.node]
    list(changes(node))[mutant.choice][1]()
    ast.fix_missing_locations(tree)
    path = SOURCE / "handrail" / mutant.file
    module = import_module("handrail." + mutant.file.removesuffix(".py").replace("/", "."))
    code = compile(tree, str(path), "exec")
    if not _plant_function(module, code) and not _plant_value(module, tree, node):
        raise LookupError(f"{mutant.where}: {mutant.change}")


def codes(code: CodeType) -> Iterator[CodeType]:
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield part
            yield from codes(part)


def _plant_function(module: ModuleType, code: CodeType) -> bool:
    """Give the outermost function around the change its new code."""
    planted = False
    for function in functions(module):
        old = function.__code__
        if "<locals>" in old.co_qualname:
            continue
        new = next(
            (c for c in codes(code) if (c.co_qualname, c.co_firstlineno) == (old.co_qualname, old.co_firstlineno)),
            None,
        )
        if new is not None and _differs(old, new):
            function.__code__ = new
            planted = True
    return planted


def _differs(old: CodeType, new: CodeType) -> bool:
    if old.co_code != new.co_code or len(old.co_consts) != len(new.co_consts):
        return True
    for one, other in zip(old.co_consts, new.co_consts, strict=True):
        if isinstance(one, CodeType) and isinstance(other, CodeType):
            if _differs(one, other):
                return True
        elif repr(one) != repr(other):
            return True
    return old.co_names != new.co_names


def functions(module: ModuleType) -> Iterator[FunctionType]:
    """Every function of a module and of its classes, below what wraps it."""
    for value in list(vars(module).values()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            for item in vars(value).values():
                yield from _unwrapped(item, module.__name__)
        else:
            yield from _unwrapped(value, module.__name__)


def _unwrapped(value: Any, module: str) -> Iterator[FunctionType]:
    for name in ("__func__", "fget", "func", "__wrapped__"):
        inner = getattr(value, name, None)
        if inner is not None and inner is not value:
            yield from _unwrapped(inner, module)
    if isinstance(value, FunctionType) and value.__module__ == module:
        yield value


def _plant_value(module: ModuleType, tree: ast.Module, node: ast.AST) -> bool:
    """A value of the module, a default of a field, or a default of an argument."""
    for statement in tree.body:
        if not any(inner is node for inner in ast.walk(statement)):
            continue
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            return _replace_values(module, statement, tree.body)
        if isinstance(statement, ast.FunctionDef):
            return _defaults(module, vars(module)[statement.name], statement)
        if isinstance(statement, ast.ClassDef):
            return _in_class(module, vars(module)[statement.name], statement, node)
    return False


def _value(module: ModuleType, expression: ast.expr) -> Any:
    return eval(compile(ast.Expression(expression), module.__file__ or "", "eval"), vars(module))


def _replace_values(module: ModuleType, changed: ast.Assign | ast.AnnAssign, body: Sequence[ast.stmt]) -> bool:
    """The value, or the pair of values, here and wherever it was imported by its name; then what is made of it further down."""
    names: set[str] = set()
    for statement in body[body.index(changed) :]:
        if statement is not changed and not names & _names_used(statement):
            continue
        assert isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        new = _value(module, statement.value)
        if isinstance(target, ast.Name):
            _replace(module, target.id, new)
        elif isinstance(target, ast.Tuple):
            for name, value in zip(target.elts, new, strict=True):
                _replace(module, ast.unparse(name), value)
        else:
            return False
        names |= set(_names_set(statement))
    return True


def _replace(module: ModuleType, name: str, new: Any) -> None:
    old = vars(module)[name]
    for other in list(sys.modules.values()):
        if other is not None and getattr(other, "__dict__", {}).get(name) is old:
            setattr(other, name, new)


def _in_class(module: ModuleType, owner: type, statement: ast.ClassDef, node: ast.AST) -> bool:
    for part in statement.body:
        if not any(inner is node for inner in ast.walk(part)):
            continue
        if isinstance(part, ast.FunctionDef):
            return _defaults(module, vars(owner)[part.name], part)
        if isinstance(part, ast.AnnAssign) and part.value is not None and isinstance(part.target, ast.Name):
            given = getattr(owner.__init__, "__kwdefaults__", None) or {}
            if part.target.id in given:
                given[part.target.id] = _value(module, part.value)
                return True
    return False


def _defaults(module: ModuleType, function: Any, statement: ast.FunctionDef) -> bool:
    found = next(_unwrapped(function, module.__name__), None)
    if found is None:
        return False
    found.__defaults__ = tuple(_value(module, item) for item in statement.args.defaults) or None
    pairs = zip(statement.args.kwonlyargs, statement.args.kw_defaults, strict=True)
    found.__kwdefaults__ = {name.arg: _value(module, item) for name, item in pairs if item is not None} or None
    return True


def files() -> list[str]:
    """The files of the rules that decide."""
    return [f"rules/{path.name}" for path in sorted(RULES.glob("*.py")) if path.stem not in SHOWN]
