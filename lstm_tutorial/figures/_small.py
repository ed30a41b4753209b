"""Drawings that are small enough for one layout: a gate, and the vanilla network's cell."""

import math
from typing import TYPE_CHECKING

from lstm_tutorial.figures import _svg
from lstm_tutorial.figures._svg import RADIUS, Layout, dot, group, node, symbol, value, wire

if TYPE_CHECKING:
    from IPython.display import SVG

GATE = Layout(
    width=372,
    height=268,
    time={"in": 12, "sum": 118, "edge": 172, "box": 240, "end": 360},
    away={"content": 52, "top": 104, "x": 112, "box": 150, "h": 150, "b": 188},
    texts={
        "content": (12, 38, "start"), "content=": (60, 72, "start"),
        "passes": (360, 38, "end"), "passes=": (300, 72, "middle"),
        "gate": (252, 84, "start"), "gate=": (252, 104, "start"),
        "x": (12, 104, "start"), "x=": (112, 106, "end"),
        "h": (12, 142, "start"), "h=": (112, 144, "end"),
        "b": (12, 206, "start"), "b=": (112, 206, "end"),
        "z": (152, 142, "middle"), "z=": (152, 172, "middle"), "word": (240, 226, "middle"),
    },
    body=(134, 0, 0, 0),
)  # fmt: skip
CURVE = (182.0, 298.0, 196.0, 116.0)  # of the sigmoid in its box: left, right, bottom, top
Z_MOST = 8.0  # where the curve ends


def gate() -> "SVG":
    """Draw one gate as a box: what it reads, its sigmoid, and the candidate that it lets in."""
    parts = [
        _gate_reads(),
        group(
            "candidate",
            wire(GATE, "content", [("in", "content"), ("box", "content")], end=RADIUS),
            symbol(GATE, "content", "g_t"),
            value(GATE, "content"),
        ),
        group(
            "cell",
            wire(GATE, "passes", [("box", "content"), ("end", "content")], RADIUS),
            symbol(GATE, "passes", "i_t g_t"),
            value(GATE, "passes"),
        ),
        group(
            "input",
            wire(GATE, "gate", [("box", "top"), ("box", "content")], end=RADIUS),
            _sigmoid_box(),
            symbol(GATE, "gate", "i_t"),
            value(GATE, "gate"),
            _svg.word(GATE, "word", "input gate"),
        ),
        node(GATE, ("box", "content"), "×"),
        node(GATE, ("sum", "box"), "+"),
    ]
    return _svg.drawing("A gate", (GATE, "".join(parts)))


def _gate_reads() -> str:
    """Draw the three terms of a gate's sum, and the sum."""
    parts = []
    for name, colour, letters in [
        ("x", "quiet", "W_i x_t"),
        ("h", "hidden", "U_i h_t−1"),
        ("b", "quiet", "b_i"),
    ]:
        corner = [] if name == "h" else [("sum", name)]
        way = [("in", name), *corner, ("sum", "box")]
        marks = symbol(GATE, name, letters) + value(GATE, name)
        parts.append(group(colour, wire(GATE, name, way, end=RADIUS), marks))
    z = wire(GATE, "z", [("sum", "box"), ("edge", "box")], RADIUS)
    return "".join(parts) + group("cell", z, symbol(GATE, "z", "z"), value(GATE, "z"))


def _sigmoid_box() -> str:
    """Draw a gate's box with the curve of its sigmoid, and a point for the page's script."""
    left, right, bottom, top = CURVE
    middle, half = (left + right) / 2, (right - left) / 2
    points = []
    for k in range(-32, 33):
        z = Z_MOST * k / 32
        x, y = middle + half * z / Z_MOST, bottom - (bottom - top) / (1 + math.exp(-z))
        points.append(f"{x:.1f} {y:.1f}")
    return (
        f'<rect class="box" x="{left - 10:.0f}" y="{top - 12:.0f}" width="{2 * half + 20:.0f}" '
        f'height="{bottom - top + 24:.0f}" rx="8"/>'
        f'<path class="axis" d="M{left:.0f} {bottom:.0f}H{right:.0f}M{middle:.0f} {bottom:.0f}'
        f'V{top:.0f}"/><path class="curve wire" d="M{"L".join(points)}"/>'
        f'<circle class="point dot" cx="{middle:.0f}" cy="{(bottom + top) / 2:.0f}" r="6"/>'
    )


VANILLA = Layout(
    width=372,
    height=210,
    time={"in": 12, "x": 142, "b": 142, "tanh": 236, "out": 306, "end": 360},
    away={"b": 40, "state": 104, "outside": 176, "up": 18},
    texts={
        "h_prev": (12, 88, "start"), "h": (360, 88, "end"), "x": (142, 198, "middle"),
        "b": (142, 32, "middle"), "w_h": (76, 92, "start"), "w_x": (152, 136, "start"),
        "z": (182, 94, "middle"), "hidden": (4, 130, "start"), "inputs": (160, 198, "start"),
        "up": (306, 14, "middle"),
    },
    body=(108, 56, 166, 92),
)  # fmt: skip


def cell() -> "SVG":
    """Draw one step of the vanilla network: what goes in, what is done, what comes out."""
    size = VANILLA
    parts = [
        _svg.body(size),
        group(
            "hidden",
            wire(size, "h_prev", [("in", "state"), ("x", "state")], end=RADIUS, kind="state"),
            wire(size, "h", [("tanh", "state"), ("end", "state")], 25, kind="state"),
            wire(size, "h", [("out", "state"), ("out", "up")]),
            dot(size, ("out", "state")),
            symbol(size, "h_prev", "h_t−1"),
            symbol(size, "h", "h_t"),
            symbol(size, "w_h", "W_h"),
            symbol(size, "up", "h_t"),
            _svg.word(size, "hidden", "hidden state"),
        ),
        group(
            "quiet",
            wire(size, "x", [("x", "outside"), ("x", "state")], end=RADIUS),
            wire(size, "b", [("b", "b"), ("b", "state")], end=RADIUS),
            symbol(size, "x", "x_t"),
            symbol(size, "b", "b"),
            symbol(size, "w_x", "W_x"),
            _svg.word(size, "inputs", "input"),
        ),
        group("cell", wire(size, "z", [("x", "state"), ("tanh", "state")], RADIUS, 25)),
        group("cell", symbol(size, "z", "z_t")),
        node(size, ("x", "state"), "+"),
        node(size, ("tanh", "state"), "tanh"),
    ]
    return _svg.drawing("A vanilla cell", (size, "".join(parts)))
