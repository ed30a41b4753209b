"""Schematic drawings made with matplotlib. They are SVG, whose text nbval compares.

The file is long because each drawing holds its coordinates; no drawing depends on another.
"""

import io
import itertools
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle

from lstm_tutorial import _check
from lstm_tutorial.figures._plots import (
    ARROW,
    BACKWARD,
    FORWARD,
    GREY,
    NAVY,
    RED,
    STYLE,
    WIDTH,
)
from lstm_tutorial.original import grammars

if TYPE_CHECKING:
    from IPython.display import SVG


def unrolled(steps: int, gradient: bool = False) -> "SVG":
    """Draw the network once for each step, the state handed on from left to right.

    Parameters
    ----------
    steps : int
        T, from 1 to 8; beyond that the letters would be too small to read.
    gradient : bool
        Also draw the gradient's way back, from right to left.
    """
    if _check.positive_int("steps", steps) > 8:
        raise ValueError(f"steps: expected at most 8, got {steps}")
    left = 0.6
    fig, ax = _blank(left + 1.9 * steps + 1.0, 3.5)
    ax.text(left, 1.6, "$h_0$", ha="center", va="center", fontsize=13)
    for t in range(1, steps + 1):
        x = left + 1.9 * t - 0.2
        _column(ax, x, str(t))
        start = left + 0.3 if t == 1 else x - 1.9 + 0.45
        _arrow(ax, (start, 1.6), (x - 0.45, 1.6), NAVY, "$W_h$", ((start + x - 0.45) / 2, 1.85))
        if gradient:
            _arrow(ax, (x - 0.5, 1.3), (start + 0.05, 1.3), RED, dashed=True)
            _arrow(ax, (x + 0.16, 2.75), (x + 0.16, 2.1), RED, dashed=True)
    return _svg(fig)


def lstm_tensors() -> "SVG":
    """Draw what goes into and comes out of `torch.nn.LSTM` as blocks: two layers, two directions.

    The first axis runs to the right, the second into the depth, the third upwards.
    """
    fig, ax = _blank(14.0, 4.6)
    both = [FORWARD, BACKWARD]
    _block(ax, 0.4, 1.0, [["#eef2f6"]] * 4, 0.7, 0.9)
    _block(ax, 4.7, 1.0, [both] * 4, 0.7, 1.2)
    for left, name in [(8.9, "h_n"), (12.0 - 0.5, "c_n")]:
        _block(ax, left, 1.0, [[both[k % 2]] for k in range(4)], 0.45, 1.2)
        for k in range(4):
            ax.text(left + 0.225 + 0.45 * k, 1.6, str(k), ha="center", va="center", fontsize=9)
        ax.text(left + 0.9, 0.65, "$L$·dirs", ha="center", va="center", fontsize=11)
        ax.text(left + 0.9, -0.1, name, ha="center", va="center", fontsize=12, family="monospace")
    for x, y, text in [
        (1.8, 0.65, "$T$"),
        (6.1, 0.65, "$T$"),
        (3.6, 1.05, "$B$"),
        (7.9, 1.05, "$B$"),
        (11.1, 1.05, "$B$"),
        (13.7, 1.05, "$B$"),
        (0.1, 1.45, "$D$"),
        (4.4, 1.6, "$H$"),
        (4.4, 2.8, "$H$"),
        (8.6, 1.6, "$H$"),
    ]:
        ax.text(x, y, text, ha="center", va="center", fontsize=11)
    for x, name in [(1.8, "x"), (6.1, "out")]:
        ax.text(x, -0.1, name, ha="center", va="center", fontsize=12, family="monospace")
    ground: Any = {"boxstyle": "square,pad=0.15", "ec": "none"}
    for y, name, face in [(1.6, "forward", FORWARD), (2.8, "backward", BACKWARD)]:
        box = {**ground, "fc": face}
        ax.text(6.1, y, name, ha="center", va="center", fontsize=10, bbox=box)
    return _svg(fig)


def lstm_stack() -> "SVG":
    """Draw the way through two layers and two directions: where each state ends, what out holds."""
    fig, ax = _blank(12.4, 8.4)
    columns = [2.9, 5.1, 7.3, 9.5]
    for x in columns:
        for low in (0.65, 3.65):
            ground = _box(x - 0.9, low, 1.8, 2.3, "#f6f7f9")
            ground.set(ec=GREY, lw=0.8)
            ax.add_patch(ground)
    for k, y in enumerate((1.25, 2.35, 4.25, 5.35)):
        back = k % 2 == 1
        color, face = (RED, BACKWARD) if back else (NAVY, FORWARD)
        for x in columns:
            ax.add_patch(_box(x - 0.75, y - 0.35, 1.5, 0.7, face))
            ax.text(x, y, "backward" if back else "forward", ha="center", va="center", fontsize=8.5)
        xs = [1.55, *columns, 10.85]
        for left, right in itertools.pairwise(xs):
            start = left if left == xs[0] else left + 0.75
            end = right if right == xs[-1] else right - 0.75
            ends = ((end, y), (start, y)) if back else ((start, y), (end, y))
            _arrow(ax, *ends, color, dashed=back)
        first, last = (11.5, 0.75) if back else (0.75, 11.5)
        for x, name in [(first, f"h_0[{k}]\nc_0[{k}]"), (last, f"h_n[{k}]\nc_n[{k}]")]:
            ax.text(x, y, name, ha="center", va="center", fontsize=9, family="monospace")
    for layer, y in enumerate((1.8, 4.8)):
        ax.text(-0.35, y, f"layer {layer}", va="center", fontsize=9.5, color=GREY, rotation=90)
    for t, x in enumerate(columns):
        for bottom, top in [(0.2, 0.65), (2.95, 3.65), (5.95, 6.4)]:
            _arrow(ax, (x, bottom), (x, top), GREY)
        ax.text(x, -0.05, f"x[{t}]", ha="center", va="center", fontsize=10, family="monospace")
        for low, face, part in [(6.4, FORWARD, "[:H]"), (7.0, BACKWARD, "[H:]")]:
            ax.add_patch(_box(x - 0.6, low, 1.2, 0.6, face))
            ax.text(x, low + 0.3, part, ha="center", va="center", fontsize=9, family="monospace")
        ax.text(x, 7.95, f"out[{t}]", ha="center", va="center", fontsize=10, family="monospace")
    return _svg(fig)


def reber() -> "SVG":
    """Draw the graph of Reber's grammar: numbered nodes, an arrow for each symbol."""
    at = [(0, 0), (1.6, 0), (3.1, 1.4), (3.1, -1.4), (5.3, 1.4), (5.3, -1.4), (6.8, 0), (8.4, 0)]
    with mpl.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 3.6))
    ax.set(xlim=(-0.5, 8.9), ylim=(-2.5, 2.5), aspect="equal")
    ax.axis("off")
    for state, arrows in enumerate(grammars.REBER):
        for symbol, to in arrows.items():
            (x, y), (x_to, y_to) = at[state], at[to]
            middle = ((x + x_to) / 2, (y + y_to) / 2)
            path: dict[str, Any] = {"shrinkA": 12, "shrinkB": 12}
            if state == to:  # a loop, away from the middle of the picture
                up = float(np.sign(y))
                path = {"shrinkA": 0, "shrinkB": 0, "connectionstyle": f"arc3,rad={-2.4 * up}"}
                (x, y), (x_to, y_to) = (x - 0.2, y + 0.27 * up), (x_to + 0.2, y_to + 0.27 * up)
                middle = (at[to][0], at[to][1] + 0.85 * up)
            style = {**ARROW, "lw": 1.4, "color": NAVY, **path}
            ax.add_patch(FancyArrowPatch((x, y), (x_to, y_to), **style))
            ground = {"boxstyle": "square,pad=0.15", "fc": "white", "ec": "none"}
            ax.text(*middle, symbol, ha="center", va="center", fontsize=11, bbox=ground)
    for state, (x, y) in enumerate(at):
        _node(ax, x, y, str(state), 0.28)
    return _svg(fig)


def _block(
    ax: Axes, x: float, y: float, parts: list[list[str]], width: float, height: float
) -> None:
    """Draw a box in space, its front of parts in these colours, by column and from below."""
    shift, right, top = 0.45, x + width * len(parts), y + height * len(parts[0])
    for k, column in enumerate(parts):
        for j, color in enumerate(column):
            corner = (x + k * width, y + j * height)
            hatch = "////" if color == BACKWARD else ""
            style: Any = {"ec": NAVY, "lw": 1.0, "hatch": hatch, "hatch_linewidth": 0.3}
            ax.add_patch(Rectangle(corner, width, height, fc=color, **style))
        lid = [(x + k * width, top), (x + k * width + shift, top + shift)]
        lid += [(x + (k + 1) * width + shift, top + shift), (x + (k + 1) * width, top)]
        ax.add_patch(Polygon(lid, fc=column[-1], ec=NAVY, lw=1.0))
    for j, color in enumerate(parts[-1]):
        low, high = y + j * height, y + (j + 1) * height
        side = [(right, low), (right + shift, low + shift), (right + shift, high + shift)]
        ax.add_patch(Polygon([*side, (right, high)], fc=color, ec=NAVY, lw=1.0))


def _column(ax: Axes, x: float, t: str) -> None:
    """One step: its input below, its box, its state above."""
    ax.add_patch(_box(x - 0.45, 1.15, 0.9, 0.9, "#eef2f6"))
    ax.text(x, 1.6, r"$\tanh$", ha="center", va="center", fontsize=11)
    _arrow(ax, (x, 0.3), (x, 1.15), GREY, "$W_x$", (x + 0.33, 0.7))
    _arrow(ax, (x, 2.05), (x, 2.85), NAVY)
    ax.text(x, 0.08, f"$x_{{{t}}}$", ha="center", va="center", fontsize=13)
    ax.text(x, 3.1, f"$h_{{{t}}}$", ha="center", va="center", fontsize=13)


def _blank(width: float, height: float) -> tuple[Figure, Axes]:
    with mpl.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, WIDTH * (height + 0.4) / width))
    ax.set(xlim=(-0.4, width - 0.1), ylim=(-0.4, height), aspect="equal")
    ax.axis("off")
    return fig, ax


def _box(x: float, y: float, width: float, height: float, color: str) -> FancyBboxPatch:
    style = "round,pad=0,rounding_size=0.15"
    return FancyBboxPatch((x, y), width, height, style, fc=color, ec=NAVY, lw=1.4)


def _node(ax: Axes, x: float, y: float, text: str, radius: float) -> None:
    ax.add_patch(Circle((x, y), radius, fc="white", ec=NAVY, lw=1.4))
    ax.text(x, y, text, ha="center", va="center", fontsize=11)


def _arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    color: str,
    label: str = "",
    at: tuple[float, float] = (0, 0),
    dashed: bool = False,
    lw: float = 1.8,
) -> None:
    style = {**ARROW, "color": color, "linestyle": "--" if dashed else "-", "lw": lw}
    ax.add_patch(FancyArrowPatch(start, end, **style))
    ax.text(*at, label, ha="center", va="center", fontsize=11, color=color)


def _svg(fig: Figure) -> "SVG":
    from IPython.display import SVG  # plots are drawn without IPython too

    out = io.StringIO()
    with mpl.rc_context(STYLE):
        fig.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(fig)
    return SVG(out.getvalue())
