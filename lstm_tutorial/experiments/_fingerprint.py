"""A fingerprint of the code that a run reaches, so that a stored result can be called stale.

It is read from the sources: the syntax trees of the run's function and of every function, class
and constant of the package that these name, one after the other. Comments, docstrings, annotations
and imports are left out, and a name that is defined at the top of a module is replaced by its
number in the order of reading. So nothing changes when modules, functions or constants are renamed
or moved, or with the version of Python. What other packages do is not followed, nor is a name that
is put together at run time.
"""

import ast
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

# Fields that do nothing when the code runs, or that some versions of Python do not have.
IGNORED = {"annotation", "returns", "type_comment", "type_params", "ctx", "kind", "simple"}
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Target = tuple[str, str | None]  # a module and a name in it; None for the module itself
Hidden = frozenset[str]  # names that mean something local


def fingerprint(run: Callable[..., Any]) -> str:
    """Return 16 hexadecimal digits that stand for the code a run reaches.

    Parameters
    ----------
    run : callable
        A function defined in a module, or a `functools.partial` of one; what the partial holds
        counts too.

    Raises
    ------
    TypeError
        For a run that is something else, or holds something else than numbers, strings, lists,
        tuples, dictionaries, functions and classes.
    """
    reader = _Reader()
    digest = hashlib.sha256(reader.value(run).encode())
    for text in reader.definitions():
        digest.update(text.encode())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class _Module:
    """What the names at the top of a module stand for."""

    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, Target] = field(default_factory=dict)


class _Reader:
    """Numbers the definitions in the order in which they are reached, and writes out each."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[str, str], int] = {}

    def definitions(self) -> Iterator[str]:
        """Write the definitions that have been reached; reading one may reach more."""
        done = 0
        while done < len(self.numbers):
            module, name = list(self.numbers)[done]
            for statement in _module(module).definitions[name]:
                yield f"{done}: {self.node(_unnamed(statement), module, frozenset())}"
            done += 1

    def value(self, value: Any) -> str:
        """Write a value that a run is or holds."""
        if isinstance(value, partial):
            return f"partial{self.value([value.func, value.args, value.keywords])}"
        if isinstance(value, dict):
            return self.value([list(value), list(value.values())])
        if isinstance(value, list | tuple):
            return f"[{', '.join(map(self.value, value))}]"
        if value is None or isinstance(value, bool | int | float | str):
            return repr(value)
        name = getattr(value, "__qualname__", "").split(".")[0]
        target = _resolve(value.__module__, name) if name else None
        if target is None:
            raise TypeError(f"run: expected functions of a module and plain values, got {value!r}")
        return self.target(*target)

    def target(self, module: str, name: str | None) -> str:
        """Write a definition's number; it is read later. A module is all that it defines."""
        if name is None:
            return self.all_of(module)
        return f"§{self.numbers.setdefault((module, name), len(self.numbers))}"

    def all_of(self, module: str) -> str:
        """Write the numbers of a module's definitions: it is handed on, who knows for what."""
        return f"[{', '.join(self.target(module, name) for name in _module(module).definitions)}]"

    def node(self, node: Any, module: str, hidden: Hidden) -> str:
        """Write a part of a syntax tree."""
        if isinstance(node, list):
            return f"[{', '.join(self.node(each, module, hidden) for each in node)}]"
        if not isinstance(node, ast.AST):
            return repr(node)
        if isinstance(node, ast.Name | ast.Attribute):
            target = _target(node, module, hidden)
            if target is not None:
                return self.target(*target)
        inner = hidden | frozenset(_bound_inside(node))
        parts = [
            f"{name}={self.node(value, module, inner)}"
            for name, value in _fields(node)
            if value not in (None, [])
        ]
        return f"{type(node).__name__}({', '.join(parts)})"


def _unnamed(statement: ast.stmt) -> ast.stmt:
    """Take the name from a function or class, which all others call by its number."""
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return statement
    nameless = copy(statement)
    nameless.name = ""
    return nameless


def _fields(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """Yield the fields that count."""
    for name, value in ast.iter_fields(node):
        if name in IGNORED:
            continue
        if name == "body" and isinstance(value, list):
            value = [s for s in value if not _says_nothing(s)]
        if isinstance(node, ast.JoinedStr):
            value = _merged(value)
        yield name, value


def _says_nothing(statement: ast.stmt) -> bool:
    """Find docstrings and imports."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _merged(parts: list[ast.expr]) -> list[ast.expr]:
    """Join neighbouring pieces of text in an f-string, which versions of Python cut otherwise."""
    merged: list[ast.expr] = []
    for part in parts:
        last = merged[-1] if merged else None
        if isinstance(part, ast.Constant) and isinstance(last, ast.Constant):
            merged[-1] = ast.Constant(str(last.value) + str(part.value))
        elif not (isinstance(part, ast.Constant) and part.value == ""):
            merged.append(part)
    return merged


def _target(node: ast.expr, module: str, hidden: Hidden) -> Target | None:
    """Return what a name or a chain of attributes stands for, where that is in the package."""
    if isinstance(node, ast.Name):
        return None if node.id in hidden else _resolve(module, node.id)
    if isinstance(node, ast.Attribute):
        owner = _target(node.value, module, hidden)
        if owner is not None and owner[1] is None:
            return _resolve(owner[0], node.attr)
    return None


def _resolve(module: str, name: str) -> Target | None:
    """Follow a name of a module through its imports."""
    here = _module(module)
    if name in here.definitions:
        return module, name
    if here.imports.get(name, (module, name)) != (module, name):  # a package may import its own
        source, attribute = here.imports[name]
        return (source, None) if attribute is None else _resolve(source, attribute)
    submodule = f"{module}.{name}"
    return (submodule, None) if _path(submodule).exists() else None


@cache
def _module(name: str) -> _Module:
    """Read a module's source."""
    tree = ast.parse(_path(name).read_text(encoding="utf-8"))
    module = _Module()
    for statement in tree.body:
        for bound in _bound(statement):
            module.definitions.setdefault(bound, []).append(statement)
    for node in ast.walk(tree):
        module.imports.update(_imported(node, name.split(".")[0]))
    return module


def _path(module: str) -> Path:
    root, *parts = module.split(".")
    base = Path(sys.modules[root].__path__[0]).joinpath(*parts)
    folder = base / "__init__.py"
    return folder if folder.exists() else base.with_suffix(".py")


def _imported(node: ast.AST, root: str) -> dict[str, Target]:
    """Return what an import binds, for imports from the package."""
    if isinstance(node, ast.Import):
        return {a.asname: (a.name, None) for a in node.names if a.asname and _inside(a.name, root)}
    if isinstance(node, ast.ImportFrom) and node.module and _inside(node.module, root):
        return {a.asname or a.name: (node.module, a.name) for a in node.names}
    return {}


def _inside(module: str, root: str) -> bool:
    return module.split(".")[0] == root


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement at the top of a module makes, fills or changes."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        yield from _roots(statement.targets)
    elif isinstance(statement, ast.AugAssign | ast.AnnAssign):
        yield from _roots([statement.target])
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        if isinstance(statement.value.func, ast.Attribute):
            yield from _roots([statement.value.func])
    elif isinstance(statement, ast.For | ast.While | ast.If | ast.With | ast.Try):
        for node in ast.iter_child_nodes(statement):
            if isinstance(node, ast.stmt):
                yield from _bound(node)


def _roots(targets: Iterable[ast.expr]) -> Iterator[str]:
    """Yield the names in targets: a of ``a = ``, ``a[0] = ``, ``a.b = `` and ``a, c = ``."""
    for target in targets:
        if isinstance(target, ast.Name):
            yield target.id
        elif isinstance(target, ast.Tuple | ast.List):
            yield from _roots(target.elts)
        elif isinstance(target, ast.Subscript | ast.Attribute | ast.Starred):
            yield from _roots([target.value])


def _bound_inside(node: ast.AST) -> Iterator[str]:
    """Yield the names that are local to a function or a comprehension."""
    if isinstance(node, COMPREHENSIONS):
        yield from _roots(each.target for each in node.generators)
    elif isinstance(node, FUNCTIONS):
        yield from (a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg))
        if not isinstance(node, ast.Lambda):
            yield from _stored(node.body)


def _stored(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that are bound among some nodes, but not in functions within them."""
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif not isinstance(node, ast.Lambda | COMPREHENSIONS):
            yield from _stored(ast.iter_child_nodes(node))
