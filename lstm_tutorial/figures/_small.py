"""Drawings that are small enough for one layout: a gate, and the vanilla network's cell."""

import math
from typing import TYPE_CHECKING

from lstm_tutorial.figures import _svg
from lstm_tutorial.figures._svg import RADIUS, Layout, dot, group, node, symbol, value, wire

if TYPE_CHECKING:
    from IPython.display import SVG

GATE = Layout(
    width=380,
    height=224,
    time={"in": 10, "sum": 128, "edge": 192, "box": 256, "end": 370},
    away={"content": 42, "top": 94, "x": 102, "box": 140, "h": 140, "b": 178},
    texts={
        "content": (10, 28, "start"), "content=": (100, 62, "middle"),
        "passes": (370, 28, "end"), "passes=": (322, 62, "middle"),
        "gate": (268, 80, "start"), "gate=": (246, 82, "end"),
        "x": (10, 94, "start"), "x=": (122, 94, "end"),
        "h": (10, 132, "start"), "h=": (106, 158, "end"),
        "b": (10, 198, "start"), "b=": (122, 196, "end"),
        "z": (166, 130, "middle"), "z=": (166, 162, "middle"), "word": (256, 216, "middle"),
    },
    body=(128, 0, 0, 0),
)  # fmt: skip
CURVE = (202.0, 310.0, 186.0, 106.0)  # of the sigmoid in its box: left, right, bottom, top
Z_MOST = 8.0  # where the curve ends


def gate() -> "SVG":
    """Draw one gate as a box: what it reads, its sigmoid, and the candidate that it lets in."""
    return _svg.drawing("A gate", (GATE, _gate(GATE)))


def living_gate() -> "SVG":
    """Draw a gate with places for numbers, for the page's script."""
    layout = GATE._replace(alive=True)
    return _svg.drawing("A gate", (layout, _gate(layout)))


def _gate(layout: Layout) -> str:
    parts = [
        _gate_reads(layout),
        group(
            "candidate",
            wire(layout, "content", [("in", "content"), ("box", "content")], end=RADIUS),
            symbol(layout, "content", "g_t"),
            value(layout, "content"),
        ),
        group(
            "cell",
            wire(layout, "passes", [("box", "content"), ("end", "content")], RADIUS),
            symbol(layout, "passes", "i_t g_t"),
            value(layout, "passes"),
        ),
        group(
            "input",
            wire(layout, "gate", [("box", "top"), ("box", "content")], end=RADIUS),
            _sigmoid_box(),
            symbol(layout, "gate", "i_t"),
            value(layout, "gate"),
            _svg.word(layout, "word", "input gate"),
        ),
        node(layout, ("box", "content"), "×"),
        node(layout, ("sum", "box"), "+"),
    ]
    return "".join(parts)


def _gate_reads(layout: Layout) -> str:
    """Draw the three terms of a gate's sum, and the sum."""
    parts = []
    for name, colour, letters in [
        ("x", "quiet", "W_i x_t"),
        ("h", "hidden", "U_i h_t−1"),
        ("b", "quiet", "b_i"),
    ]:
        corner = [] if name == "h" else [("sum", name)]
        way = [("in", name), *corner, ("sum", "box")]
        marks = symbol(layout, name, letters) + value(layout, name)
        parts.append(group(colour, wire(layout, name, way, end=RADIUS), marks))
    z = wire(layout, "z", [("sum", "box"), ("edge", "box")], RADIUS)
    return "".join(parts) + group("cell", z, symbol(layout, "z", "z"), value(layout, "z"))


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
