"""Gradients of one step backward, read as products on dc, on dh, on both, and alone."""

from collections.abc import Mapping

import numpy as np

from lstm_tutorial.exercises._factors import Factors, Read, Table, factors, times
from lstm_tutorial.exercises._outputs import close
from lstm_tutorial.exercises._reading import Array

Total = tuple[str, ...]  # a product, or "", on each of the sources
SOURCES = "dc", "dh", "dh * dc", "1"
SHOWN = "o * (1 - tanh_c**2)"
CELL: Total = ("1", SHOWN, "", "")
DC: Total = ("1", "", "", "")
DH: Total = ("", "1", "", "")


def written(total: Total) -> str:
    """Return a sum as a formula."""
    terms = [times(source, text) for source, text in zip(SOURCES, total, strict=True) if text]
    return " + ".join(terms).replace("+ -", "- ") or "0 * dh"


def shared(table: Table, parts: Mapping[str, Array], users: Mapping[str, Factors]) -> Total:
    """Return what dc and dh add up to, where two of the cell's gradients have the same sum."""
    sums = []
    for name, a in parts.items():
        source, *right = users[name]
        if source == "dc_total":
            sums.append(a / np.prod([table.value(text) for text in right], axis=0))
    agree = [sum(close(a, b, table.tolerance) for b in sums) for a in sums]
    if max(agree, default=0) < 2:
        return CELL
    read = each(table, sums[int(np.argmax(agree))], CELL, ())
    return read[0] if read else CELL


def gradient(table: Table, parts: Array, right: Factors, total: Total) -> Read | None:
    """Read a gradient: factors of a known sum, or each part by itself."""
    source, *others = right
    sums = {source: DH if source == "dh" else total, "dh": DH}
    sums |= {"dc_total": total, "dc": DC} if "c" in table.given else {}
    apart = each(table, parts, sums[source], tuple(others))
    found = [Read(written(apart[0]), apart[1] + 0.6)] if apart else []
    for text, products in sums.items():
        T = np.array([table.value(product) + 0 * parts[0] for product in products])
        k = int(np.abs(T).max(axis=1).argmax())
        if close(parts[k] / T[k] * T, parts, table.tolerance):
            read = table.read(parts[k] / T[k], tuple(others))
            cost = 0.5 * (text != source)
            found += [Read(times(text, read.text), read.cost + cost)] if read else []
    return min(found, key=lambda read: read.cost, default=None)


def each(table: Table, parts: Array, right: Total, others: Factors) -> tuple[Total, float] | None:
    """Read each part by itself, and return how far they are from right."""
    texts, cost = [], 0.0
    for value, text in zip(parts, right, strict=True):
        if np.abs(value).max() <= table.tolerance * 1e-2:
            texts.append("")
            cost += bool(text)
            continue
        read = table.read(value, (*others, *factors(text)))
        if read is None:
            return None
        texts.append(read.text)
        cost += read.cost + (not text)
    return tuple(texts), cost
