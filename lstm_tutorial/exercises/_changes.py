"""Plain changes of a line of source: a sum for a mean, an axis for another, one more or less."""

import ast
from collections.abc import Iterator, Sequence

ALIKE = """
    sum mean max min median, std var, floor ceil round, log log2 log10 log1p, exp exp2 expm1,
    abs square sqrt, argmax argmin, concatenate stack, zeros ones
"""
WITH_A_NAME = "{0} + 1; {0} - 1; {0}[-1]; {0}[0]; {0}[1:]; {0}[:-1]; {0}[::-1]; {0}.T"
OF_THE_WHOLE = "-{0}; 1 - {0}; 1 / {0}; 2 * {0}; {0} / 2; 8 * {0}; 100 * {0}; np.exp{0}"


def plain_changes(line: str, scope: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the line with one expression changed, that expression, and what stands there now."""
    text = line.lstrip()
    indent = line[: len(line) - len(text)]
    try:
        tree = ast.parse(text)
    except SyntaxError:  # the head of a loop
        return
    returned = [stmt.value for stmt in tree.body if isinstance(stmt, ast.Return)]
    for node in ast.walk(tree):
        if not isinstance(node, ast.expr):
            continue
        texts = list(replacements(node, scope))
        if node in returned and not isinstance(node, ast.Tuple):
            texts += OF_THE_WHOLE.format(f"({ast.unparse(node)})").split("; ")
        for new in texts:
            if not new.startswith("*"):  # no expression by itself
                made = f"{text[: node.col_offset]}({new}){text[node.end_col_offset :]}"
                now = ast.unparse(ast.parse(new))
                yield indent + ast.unparse(ast.parse(made)), ast.unparse(node), now


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
            yield f"{ast.unparse(node)}[::-1]"
        case ast.Call(ast.Name(), [first, *_]):
            yield ast.unparse(first)
        case ast.Compare(left, _, [right]):
            a, b = ast.unparse(left), ast.unparse(right)
            yield from (f"{a} {sign} {b}" for sign in ("<", "<=", ">", ">=", "=="))
        case ast.Constant(value=int() | float() as n):
            yield from map(str, [*range(10), n + 1, n - 1, -n, 2 * n, n / 2])
        case ast.Name(name, ast.Load()) if name != "np":
            yield from scope
            yield from WITH_A_NAME.format(name).split("; ")
        case ast.Subscript(value, _, ast.Load()):
            yield from (ast.unparse(value), f"{ast.unparse(node)} - 1", f"{ast.unparse(node)} + 1")


def _calls(node: ast.Call, value: str, name: str) -> Iterator[str]:
    """Yield the call of a like function, along another axis, or without one of its options."""
    text, head = ast.unparse(node), f"{value}.{name}("
    groups = [group.split() for group in ALIKE.split(",")]
    for other in sorted(other for group in groups if name in group for other in group):
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
