"""What is said of a backward step as read."""

from collections.abc import Mapping

from lstm_tutorial.exercises._factors import Product
from lstm_tutorial.exercises._law import CELL, DH, Law, Spec, User
from lstm_tutorial.exercises._outputs import RIGHT, Recipe
from lstm_tutorial.exercises._reading import Finding, named

Findings = list[Finding]
Formula = list[tuple[str, str]]


def told(law: Law, recipes: Mapping[str, Recipe], spec: Spec) -> tuple[Findings, Formula]:
    """Return the findings, cause before symptom, and the lines of the formula."""
    findings, formula = [*law.guess.findings], []
    if law.total != CELL and spec.gates == "ifgo":
        read = User(Product(), law.total, 0.0).text(())
        should = User(Product(), CELL, 0.0).text(())
        says = f"The gradient of c is {read} in your step. It should be {should}."
        findings.append(Finding("Gradient of c", says, ("dc",), spec.page))
        formula.append((f"dc_total = {read}", f"dc_total = {should}"))
    findings += _gates(law, spec, formula)
    findings += _outputs(recipes, spec)
    return findings, formula


def _right(law: Law, name: str, spec: Spec) -> User:
    source, factors = spec.users[name]
    return User(Product(1.0, factors), law.total if source == CELL else source, 0.0)


def _gates(law: Law, spec: Spec, formula: Formula) -> Findings:
    """Return a finding for each kind of slip, which may be made in several gates."""
    slips: dict[tuple[object, ...], list[str]] = {}
    texts = {}
    for name, user in law.users.items():
        right = _right(law, name, spec)
        left = name if name == "dc_prev" else f"dz_{name}" if spec.gates == "ifgo" else "dz"
        texts[name] = (f"{left} = {user.text(law.total)}", f"{left} = {right.text(law.total)}")
        formula.append(texts[name])
        if (user.product, user.total) != (right.product, right.total):
            slips.setdefault(_kind(name, user, right), []).append(name)
    return [_finding(names, texts, law, spec) for names in slips.values()]


def _kind(name: str, user: User, right: User) -> tuple[object, ...]:
    """Return what is alike in one slip made in several gates."""
    if user.total != right.total:
        return (user.total, user.product == right.product)
    missing = [*right.product.factors]
    more = []
    for factor in user.product.factors:
        missing.remove(factor) if factor in missing else more.append(factor)
    places = tuple(right.product.factors.index(f) for f in missing)
    more_kind = tuple(f.replace(name, "·") for f in more)
    return (places, more_kind, user.product.constant)


def _finding(
    names: list[str], texts: Mapping[str, tuple[str, str]], law: Law, spec: Spec
) -> Finding:
    read, right = zip(*(texts[n] for n in names), strict=True)
    tail = ""
    if any("dc_total" in line for line in (*read, *right)):
        tail = f" Here dc_total is {User(Product(), law.total, 0.0).text(())}."
    says = f"You compute {named(read)}. It should be {named(right)}.{tail}"
    where = tuple(names) if spec.gates == "ifgo" else ("slope",)
    gates = [n if n == "dc_prev" else f"dz_{n}" for n in names]
    title = named(gates) if spec.gates == "ifgo" else "Slope"
    return Finding(title, says, where, spec.page)


def _outputs(recipes: Mapping[str, Recipe], spec: Spec) -> Findings:
    """Return a finding for each kind of slip, which may be made in several outputs."""
    groups: dict[object, list[Recipe]] = {}
    for name, made in recipes.items():
        if made.own is not None:
            groups.setdefault(tuple(made.own.users.items()), []).append(made)
        elif not made.right:
            text = made.text if made.text != RIGHT[name] else ""
            for old, new in (("U_", "W_"), ("W_hh", "W_ih"), ("h_prev[", "x["), ("dz[0]", "dz[:1].T @ x[:1]")):
                text = text.replace(old, new)
            groups.setdefault((text, made.blocks[0][1], made.extra), []).append(made)
    findings = []
    for entries in groups.values():
        names = [made.name for made in entries]
        says = " ".join(made.says(spec.gates) for made in entries)
        if entries[0].own is not None:
            own = entries[0].own
            lines = [f.says for f in _gates(own, spec, [])]
            says = f"For {named(names)} alone: {' '.join(lines)} {says}".strip()
        if any(word in says for word in ("U_", "W_i ", "W_f ")):
            says += " Here U_i is the block of i in W_hh, and so on."
        findings.append(Finding(named(names), says, tuple(names), spec.page))
    return findings
