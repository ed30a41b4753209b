"""Drawings of a recurrent network over a sequence: its loop unrolled, and what it is used for."""

import itertools
from typing import TYPE_CHECKING, NamedTuple

from lstm_tutorial.figures import _svg
from lstm_tutorial.figures._svg import Layout, Point, group, number

if TYPE_CHECKING:
    from IPython.display import SVG

NOWHERE: tuple[float, float, float, float] = (0, 0, 0, 0)  # no frame
COLUMN = (29.0, 22.0)  # half the width and half the height of a step's box
SMALL = (15.0, 15.0)
PITCH = 49.0  # from one step of a small network to the next
PANEL = (188.0, 208.0)


class Use(NamedTuple):
    """A way of using a recurrent network: which steps have an input and which an output."""

    name: str
    example: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


USES = [
    Use("one to many", "image to caption", (0,), (0, 1, 2)),
    Use("many to one", "review to rating", (0, 1, 2), (2,)),
    Use("many to many", "each letter to the next", (0, 1, 2), (0, 1, 2)),
    Use("many to many, later", "sentence to translation", (0, 1), (2, 3)),
]


def loop() -> "SVG":
    """Draw the vanilla network once with a loop, and once for each of three steps."""
    wide = Layout(width=640, height=216, time={}, away={}, texts={}, body=NOWHERE)
    upright = wide._replace(width=372, height=446, upright=True)
    return _svg.drawing(
        "A recurrent network, once with a loop and once unrolled",
        (wide, _loop((72, 108), (208, 108), (258, 108), 120)),
        (upright, _loop((104, 108), (234, 108), (20, 338), 106)),
    )


def uses() -> "SVG":
    """Draw four ways of using a recurrent network, by the steps that have inputs and outputs."""
    width, height = PANEL
    wide = Layout(4 * width, height, {}, {}, {}, NOWHERE)
    upright = Layout(2 * width, 2 * height, {}, {}, {}, NOWHERE, upright=True)
    corners = {4: [(width * k, 0.0) for k in range(4)]}
    corners[2] = [(width * (k % 2), height * (k // 2)) for k in range(4)]
    return _svg.drawing(
        "Four ways of using a recurrent network",
        *(
            (layout, "".join(map(_use, USES, corners[across])))
            for layout, across in [(wide, 4), (upright, 2)]
        ),
    )


def _loop(once: Point, equals: Point, start: Point, pitch: float) -> str:
    """Draw both forms, from the middle of the first, the sign between them, and h_0."""
    x, y = once
    right, top = x + COLUMN[0], y - 12
    way = [(right, top), (right + 46, top), (right + 46, y + 12), (right, y + 12)]
    parts = [
        _step(once, "t"),
        group("hidden", _svg.arrow("loop", way, "path wire"), _symbol(right + 66, y + 5, "W_h")),
        f'<text x="{number(equals[0])}" y="{number(equals[1] + 7)}" font-size="24" '
        f'text-anchor="middle">=</text>',
    ]
    x, y = start
    left = x + 14
    parts.append(group("hidden", _symbol(x, y + 5, "h_0")))
    for t in range(1, 4):
        middle = start[0] + pitch * (t - 1) + pitch * 0.85
        ends = [(left, y), (middle - COLUMN[0], y)]
        label = _symbol((left + middle - COLUMN[0]) / 2 - 3, y - 14, "W_h")
        parts += [group("hidden", _svg.arrow("h", ends, "path wire"), label)]
        parts.append(_step((middle, y), str(t)))
        left = middle + COLUMN[0]
    return "".join(parts)


def _step(at: Point, t: str) -> str:
    """Draw one step: its input below, its box, its state above."""
    x, y = at
    below, above = y + COLUMN[1], y - COLUMN[1]
    return "".join(
        [
            group(
                "quiet",
                _svg.arrow("x", [(x, below + 54), (x, below)], "path wire"),
                _symbol(x, below + 76, f"x_{t}"),
                _symbol(x + 22, below + 36, "W_x"),
            ),
            group(
                "hidden",
                _svg.arrow("h", [(x, above), (x, above - 44)], "path wire"),
                _symbol(x, above - 56, f"h_{t}"),
                _box(at, COLUMN),
            ),
            f'<text x="{number(x)}" y="{number(y + 5)}" text-anchor="middle">tanh</text>',
        ]
    )


def _use(use: Use, corner: Point) -> str:
    """Draw one small network with its name."""
    steps = 1 + max(*use.inputs, *use.outputs)
    middle, y = corner[0] + PANEL[0] / 2, corner[1] + 78
    xs = [middle + PITCH * (k - (steps - 1) / 2) for k in range(steps)]
    parts = []
    for k, x in enumerate(xs):
        below, above = y + SMALL[1], y - SMALL[1]
        if k in use.inputs:
            arrow = _svg.arrow("x", [(x, below + 30), (x, below)], "path wire")
            parts.append(group("quiet", arrow, _symbol(x, below + 46, "x")))
        if k in use.outputs:
            arrow = _svg.arrow("y", [(x, above), (x, above - 30)], "path wire")
            parts.append(group("cell", arrow, _symbol(x, above - 38, "y")))
        parts.append(group("hidden", _box((x, y), SMALL), _symbol(x, y + 6, "h")))
    for left, right in itertools.pairwise(xs):
        ends = [(left + SMALL[0], y), (right - SMALL[0], y)]
        parts.append(group("hidden", _svg.arrow("h", ends, "path wire")))
    for below, kind, words in [(170, "word", use.name), (190, "plain", use.example)]:
        parts.append(
            f'<text class="{kind}" x="{number(middle)}" y="{number(corner[1] + below)}" '
            f'text-anchor="middle">{words}</text>'
        )
    return "".join(parts)


def _box(at: Point, half: Point) -> str:
    x, y, width, height = at[0] - half[0], at[1] - half[1], 2 * half[0], 2 * half[1]
    size = f'width="{number(width)}" height="{number(height)}"'
    return f'<rect class="box" x="{number(x)}" y="{number(y)}" {size} rx="8"/>'


def _symbol(x: float, y: float, letters: str) -> str:
    """Write a formula around a point of its own."""
    here = Layout(0, 0, {}, {}, {letters: (x, y, "middle")}, NOWHERE)
    return _svg.symbol(here, letters, letters)
