"""Plain changes of a line of source: a sum for a mean, an axis for another, one more or less."""

import ast
import copy
from collections.abc import Iterator, Sequence


def changes(tree: ast.Module, scope: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the line with one expression changed, that expression, and what stands there now."""
    returned = [stmt.value for stmt in tree.body if isinstance(stmt, ast.Return)]
    for k, node in enumerate(ast.walk(tree)):
        whole = OF_THE_WHOLE if node in returned and not isinstance(node, ast.Tuple) else ()
        texts = (text.format(ast.unparse(node)) for text in whole)
        for text in (*replacements(node, scope), *texts):
            if text.startswith("*"):  # no expression by itself
                continue
            new = ast.parse(text, mode="eval").body
            other = copy.deepcopy(tree)
            _put(other, k, new)
            yield ast.unparse(other), ast.unparse(node), ast.unparse(new)


def _put(tree: ast.Module, k: int, new: ast.AST) -> None:
    """Put a node in place of the tree's k-th."""
    old = list(ast.walk(tree))[k]
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, field, new)
            elif isinstance(value, list) and any(v is old for v in value):
                setattr(parent, field, [new if v is old else v for v in value])


ALIKE = [
    "sum mean max min median", "std var", "floor ceil round", "log log2 log10 log1p",
    "exp exp2 expm1", "abs square sqrt", "argmax argmin", "concatenate stack", "zeros ones",
]  # fmt: skip
WITH_A_NAME = "{0} + 1", "{0} - 1", "{0}[-1]", "{0}[0]", "{0}[1:]", "{0}[:-1]", "{0}[::-1]", "{0}.T"
OF_THE_WHOLE = (
    "-({0})",
    "1 - ({0})",
    "1 / ({0})",
    "2 * ({0})",
    "({0}) / 2",
    "8 * ({0})",
    "100 * ({0})",
    "np.exp({0})",
)


def replacements(node: ast.AST, scope: Sequence[str]) -> Iterator[str]:
    """Yield what a learner may write in place of an expression."""
    match node:
        case ast.BinOp(left, op, right) if not isinstance(op, ast.MatMult):
            a, b = f"({ast.unparse(left)})", f"({ast.unparse(right)})"
            yield from (f"{a} {sign} {b}" for sign in ("+", "-", "*", "/", "//"))
            turned = {ast.Mult: f"-({a} * {b})", ast.Div: f"{b} / {a}", ast.BitAnd: f"{a} | {b}"}
            yield from (a, b, turned.get(type(op), f"{b} - {a}"))
        case ast.UnaryOp(_, operand):
            yield ast.unparse(operand)
        case ast.BinOp(left, _, right):
            yield f"({ast.unparse(right)}) @ ({ast.unparse(left)})"
        case ast.Call(ast.Attribute(value, name), [*arguments]):
            yield from _calls(node, ast.unparse(value), name)
            yield ast.unparse(arguments[0] if arguments else value)
        case ast.Call(ast.Name(), [first, *_]):
            yield ast.unparse(first)
        case ast.Compare(left, _, [right]):
            a, b = ast.unparse(left), ast.unparse(right)
            yield from (f"{a} {sign} {b}" for sign in ("<", "<=", ">", ">=", "=="))
        case ast.Constant(value=int() | float() as n):
            yield from map(str, [*range(10), n + 1, n - 1, -n, 2 * n, n / 2])
        case ast.Name(name, ast.Load()) if name != "np":
            yield from scope
            yield from (text.format(name) for text in WITH_A_NAME)
        case ast.Subscript(value):
            yield from (ast.unparse(value), f"{ast.unparse(node)} - 1", f"{ast.unparse(node)} + 1")


def _calls(node: ast.Call, value: str, name: str) -> Iterator[str]:
    """Yield the call of a like function, along another axis, or without one of its options."""
    text, head = ast.unparse(node), f"{value}.{name}("
    for other in sorted({o for group in ALIKE if name in group.split() for o in group.split()}):
        yield text.replace(head, f"np.{other}({'' if value == 'np' else f'{value}, '}", 1)
    if name in ("sum", "mean", "max", "min", "std") and "axis=" not in text:
        comma = "" if text.endswith("()") else ", "
        yield from (f"{text[:-1]}{comma}axis={k})" for k in (0, 1))
    for keyword in node.keywords:
        option = ast.unparse(keyword)
        others = [other for other in node.keywords if other is not keyword]
        yield ast.unparse(ast.Call(node.func, node.args, others))
        if keyword.arg in ("axis", "ddof"):
            yield from (text.replace(option, f"{keyword.arg}={k}") for k in (0, 1, 2))
