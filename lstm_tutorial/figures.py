"""The house style of all figures, and the drawings that more than one page shows.

Plots come as PNG on a white card, 1440 pixels wide: sharp on a phone and on a large screen, the
same bytes at every run. Schematic drawings come as SVG, whose text nbval compares. The file is
long because each drawing holds its coordinates; no drawing depends on another.
"""

import io
import itertools
from html import escape
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle
from matplotlib.path import Path

from lstm_tutorial import _check
from lstm_tutorial.original import grammars

if TYPE_CHECKING:
    from IPython.display import HTML, SVG

Array = np.ndarray

# Four colours that stay apart for colour-blind readers and, from dark to light, in greyscale.
# Each comes with a dash of its own, so that colour is never the only difference.
NAVY, RED, GREEN, SKY = "#16324f", "#a5301a", "#238a66", "#4b96cd"
GREY = "#6b7280"
DASHES: list[Any] = ["-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2))]
ARROW: dict[str, Any] = {
    "arrowstyle": "-|>",
    "mutation_scale": 10,
    "lw": 1.8,
    "shrinkA": 0,
    "shrinkB": 0,
}
FORWARD, BACKWARD = "#dce6f2", "#f8e3de"  # grounds for the two directions of a network
WIDTH = 7.2  # inches, the width of the page's text; every figure has it

STYLE: Any = {
    "figure.dpi": 200,
    "savefig.dpi": 200,
    "figure.figsize": (WIDTH, 3.0),
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.use": True,
    "axes.prop_cycle": cycler(color=[NAVY, RED, GREEN, SKY], linestyle=DASHES),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": "black",
    "ytick.labelcolor": "black",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "font.family": "DejaVu Sans",  # ships with matplotlib, so every machine draws the same letters
    "font.size": 9.5,
    "mathtext.fontset": "stix",
    "svg.hashsalt": "lstm-tutorial",  # without it the identifiers in an SVG are random
}


def use_house_style() -> None:
    """Set the style for this process; in a notebook, also strip what varies from its pictures."""
    mpl.rcParams.update(STYLE)
    try:
        from IPython import get_ipython  # a script has none, and needs none
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:  # not in a notebook
        return
    if get_ipython() is not None:
        # bbox_inches None keeps the full page width; the version of matplotlib is left out
        set_matplotlib_formats("png", bbox_inches=None, metadata={"Software": None})


def end_labels(ax: Axes, gap: float = 0.01) -> None:
    """Write each line's label at its right end, in its colour, and nudge them apart.

    Parameters
    ----------
    ax : matplotlib Axes
        With labelled lines; labels that begin with an underscore are left out.
    gap : float
        Space between line and label, as a share of the axes' width.
    """
    ends: list[list[Any]] = []
    for line in ax.get_lines():
        label = str(line.get_label())
        if not label.startswith("_"):
            end = ax.transData.transform(line.get_xydata()[-1])  # type: ignore[index, arg-type]
            y = ax.transAxes.inverted().transform(end)[1]
            ends.append([float(np.clip(y, 0.0, 1.0)), label, line.get_color()])
    ends.sort()
    step = 1.25 * mpl.rcParams["font.size"] / 72 / (ax.bbox.height / ax.figure.dpi)
    for below, here in itertools.pairwise(ends):
        here[0] = max(here[0], below[0] + step)
    for y, label, color in ends:
        ax.text(1 + gap, y, label, color=color, transform=ax.transAxes, va="center", fontsize=9)


def flow(curves: dict[str, Array], floor: float = 1e-12, ax: Axes | None = None) -> Axes:
    """Plot gradient norms by lag on a logarithmic axis, each relative to its start.

    Parameters
    ----------
    curves : dict of arrays (T + 1,)
        By label; entry k belongs to lag k.
    floor : float
        The lower end of the axis, above 0; what lies below runs out of the picture.
    ax : matplotlib Axes or None
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib Axes
    """
    _check.positive_float("floor", floor)
    if ax is None:
        _, ax = plt.subplots()
    for label, norms in curves.items():
        ax.semilogy(norms / norms[0], label=label)
    top = max(10.0, *(float(np.max(n / n[0])) for n in curves.values()))
    ax.set(xlabel="lag $k$ (steps back)", ylabel="gradient left after $k$ steps")
    ax.set_ylim(floor, top)
    ax.set_xlim(left=0)
    end_labels(ax)
    return ax


def gradient_by_lag(trials: list[dict[str, Any]]) -> Figure:
    """Draw the experiment of that name: RNN and LSTM, before and after training, all seeds.

    Parameters
    ----------
    trials : list of dict
        From ``results.load("gradient-by-lag")``.

    Returns
    -------
    matplotlib Figure
    """
    with mpl.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(WIDTH, 3.2))
        ends = [
            ("lstm", "after", NAVY, "-", "LSTM, trained", 1.0),
            ("lstm", "before", NAVY, ":", "LSTM,\nuntrained", 3e-20),
            ("rnn", "before", RED, ":", "RNN,\nuntrained", 2e-23),
            ("rnn", "after", RED, "--", "RNN, trained", 1e-27),
        ]
        for model, when, color, dash, label, height in ends:
            for trial in (t for t in trials if t["model"] == model):
                norms = np.array(trial[when])
                ax.semilogy(norms / norms[0], color=color, linestyle=dash, lw=1.2)
            ax.text(101, height, label, color=color, va="center", fontsize=9)
        ax.set(xlabel="steps back from the answer", ylabel="gradient left")
        ax.set(xlim=(0, 99), ylim=(1e-29, 1e3))
    return fig


def counts(ax: Axes, table: list[list[int | None]], rows: list[str], columns: list[str]) -> None:
    """Draw a table of how many of five, the more the darker, with a dash for None.

    Parameters
    ----------
    ax : matplotlib Axes
    table : list of lists of int or None
        0 to 5, row by row.
    rows, columns : list of str
        What they are called.
    """
    shades = [[k or 0 for k in row] for row in table]
    ax.imshow(shades, cmap="Blues", vmin=0, vmax=8, aspect="auto")  # black can be read on 5
    for (y, row), (x, _) in itertools.product(enumerate(table), enumerate(columns)):
        ax.text(x, y, "–" if row[x] is None else str(row[x]), ha="center", va="center")
    ax.set_xticks(range(len(columns)), columns, rotation=40, ha="right")
    ax.set_yticks(range(len(rows)), rows)


def text_with_values(text: str, rows: dict[str, Array]) -> "HTML":
    """Show a text once for each row, with a bar at each character, and the numbers as a table.

    The bar stands below the character for a positive number and above it for a negative one, the
    stronger the larger, up to 2 either way. Spaces and newlines are drawn as signs.

    Parameters
    ----------
    text : str
        T characters, at least one.
    rows : dict of arrays (T,)
        By what they are called on the page; numbers about 0, shown to one decimal.

    Returns
    -------
    IPython HTML

    Raises
    ------
    ValueError
        For an empty text or no rows, and for a row of another length.
    """
    from IPython.display import HTML  # plots are drawn without IPython too

    if not text or not rows:
        raise ValueError(
            f"text, rows: expected at least one each, got {len(text)} characters, {len(rows)} rows"
        )
    for name, values in rows.items():
        if np.shape(values) != (len(text),):
            raise ValueError(
                f"rows[{name!r}]: expected shape (T={len(text)},), got {np.shape(values)}"
            )
    rounded = {name: np.round(values, 1) + 0.0 for name, values in rows.items()}  # no -0.0
    signs = [escape({" ": "␣", "\n": "↵"}.get(character, character)) for character in text]
    look = "font-family: monospace; line-height: 2.8; overflow-wrap: anywhere"
    drawn = "".join(
        f'<p>{escape(name)}</p><p role="img" aria-label="{escape(name)}: {escape(text)}" '
        f'style="{look}">{"".join(map(_barred, text, values))}</p>'
        for name, values in rounded.items()
    )
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in rows)
    body = "".join(
        f'<tr><th scope="row">{sign}</th>' + "".join(f"<td>{v:.1f}</td>" for v in values) + "</tr>"
        for sign, *values in zip(signs, *rounded.values(), strict=True)
    )
    return HTML(
        f"{drawn}<details><summary>The numbers</summary><table><thead><tr><td></td>{head}</tr>"
        f"</thead><tbody>{body}</tbody></table></details>"
    )


def _barred(character: str, value: float) -> str:
    side, colour = ("bottom", "36 116 208") if value > 0 else ("top", "206 79 63")
    shade = f"border-{side}: 0.35em solid rgb({colour} / {min(abs(value) / 2, 1):.2f})"
    sign = "↵ " if character == "\n" else escape(character)
    return f'<span style="{shade}">{sign}</span>'


def cell() -> "SVG":
    """Draw one step of the vanilla network: what goes in, what is done, what comes out."""
    fig, ax = _blank(8.6, 3.5)
    ax.add_patch(_box(2.1, 0.8, 4.4, 2.0, "#eef2f6"))
    for x, y, text in [(3.3, 1.9, "$+$"), (5.3, 1.9, r"$\tanh$")]:
        _node(ax, x, y, text, 0.36 if text == "$+$" else 0.44)
    _arrow(ax, (0.5, 1.9), (2.94, 1.9), NAVY, r"$W_h$", (2.5, 2.18))
    _arrow(ax, (3.3, 0.05), (3.3, 1.54), GREY, "$W_x$", (2.95, 1.1))
    _arrow(ax, (4.3, 0.05), (3.55, 1.63), GREY, "$b$", (4.35, 1.1))
    _arrow(ax, (3.66, 1.9), (4.86, 1.9), NAVY, "$z_t$", (4.26, 2.14))
    _arrow(ax, (5.74, 1.9), (8.1, 1.9), NAVY)
    _arrow(ax, (7.1, 1.9), (7.1, 3.25), NAVY)
    for x, y, text in [(0.15, 1.9, "$h_{t-1}$"), (3.3, -0.2, "$x_t$"), (4.3, -0.2, "$1$")]:
        ax.text(x, y, text, ha="center", va="center", fontsize=13)
    for x, y in [(8.4, 1.9), (7.1, 3.45)]:
        ax.text(x, y, "$h_t$", ha="center", va="center", fontsize=13)
    return _svg(fig)


def lstm_cell() -> "SVG":
    """Draw one step of the LSTM: four boxes with weights, circles that work unit by unit."""
    fig, ax = _blank(10.4, 6.3)
    ax.add_patch(_box(1.1, 0.45, 7.9, 4.85, "#f4f6f8"))
    top, bus = 4.6, 1.15  # the heights of the conveyor and of the line that all four boxes read
    f, i, both, g, o, out = 2.3, 3.5, 4.3, 5.1, 6.6, 7.7  # from left to right
    _arrow(ax, (0.42, top), (f - 0.3, top), NAVY, lw=3)
    _arrow(ax, (f + 0.3, top), (both - 0.3, top), NAVY, lw=3)
    _arrow(ax, (both + 0.3, top), (9.75, top), NAVY, lw=3)
    _arrow(ax, (out, top), (out, 4.11), NAVY)
    _arrow(ax, (out, 3.29), (out, 2.9), NAVY)
    _line(ax, [(0.42, bus), (o, bus)], GREEN)
    _line(ax, [(1.5, -0.05), (1.5, bus)], GREEN)
    _bend(ax, [(out, 2.3), (out, bus), (9.75, bus)], GREEN)
    ax.plot([8.4, 8.4], [top - 0.2, top + 0.2], color="#f4f6f8", lw=8)  # a bridge over c
    ax.plot([8.3, 8.5], [top, top], color=NAVY, lw=3, solid_capstyle="butt")
    _arrow(ax, (8.4, bus), (8.4, 5.9), GREEN)
    for x, text, name, at in [
        (f, r"$\sigma$", "$f_t$", (f + 0.3, 3.4)),
        (i, r"$\sigma$", "$i_t$", (i - 0.25, 2.85)),
        (g, r"$\tanh$", "$g_t$", (g + 0.3, 2.85)),
        (o, r"$\sigma$", "$o_t$", (o - 0.3, 2.6)),
    ]:
        _arrow(ax, (x, bus), (x, 1.6), GREEN)
        ax.add_patch(_box(x - 0.45, 1.6, 0.9, 0.65, "#a9d2f0"))
        ax.text(x, 1.91, text, ha="center", va="center", fontsize=15)
        ax.text(*at, name, ha="center", va="center", fontsize=15)
    ax.plot([1.5, f, i, g, 8.4], [bus] * 5, "o", color=GREEN, ms=5)
    ax.plot([out], [top], "o", color=NAVY, ms=6)
    _arrow(ax, (f, 2.25), (f, top - 0.3), GREY)
    _bend(ax, [(i, 2.25), (i, 3.4), (both - 0.3, 3.4)], GREY)
    _bend(ax, [(g, 2.25), (g, 3.4), (both + 0.3, 3.4)], GREY)
    _arrow(ax, (both, 3.7), (both, top - 0.3), GREY)
    _bend(ax, [(o, 2.25), (o, 2.6), (out - 0.3, 2.6)], GREY)
    for x, y, text in [(f, top, r"$\times$"), (both, 3.4, r"$\times$"), (both, top, "$+$")]:
        _node(ax, x, y, text, 0.3)
    _node(ax, out, 3.7, r"$\tanh$", 0.41)
    _node(ax, out, 2.6, r"$\times$", 0.3)
    for x, y, text in [
        (-0.05, top, "$c_{t-1}$"),
        (10.05, top, "$c_t$"),
        (-0.05, bus, "$h_{t-1}$"),
        (10.05, bus, "$h_t$"),
        (8.4, 6.1, "$h_t$"),
        (1.5, -0.25, "$x_t$"),
    ]:
        ax.text(x, y, text, ha="center", va="center", fontsize=16)
    return _svg(fig)


def unrolled(steps: int, folded: bool = False, gradient: bool = False) -> "SVG":
    """Draw the network once for each step, the state handed on from left to right.

    Parameters
    ----------
    steps : int
        T, from 1 to 8; beyond that the letters would be too small to read.
    folded : bool
        Also draw, to the left, the same network once with a loop.
    gradient : bool
        Also draw the gradient's way back, from right to left.
    """
    if _check.positive_int("steps", steps) > 8:
        raise ValueError(f"steps: expected at most 8, got {steps}")
    left = 3.7 if folded else 0.6
    fig, ax = _blank(left + 1.9 * steps + 1.0, 3.5)
    if folded:
        _column(ax, 0.6, "t")
        loop = Path([(1.05, 1.9), (1.9, 2.1), (1.9, 1.1), (1.05, 1.3)], [1, 4, 4, 4])
        ax.add_patch(FancyArrowPatch(path=loop, **ARROW, color=NAVY))
        ax.text(1.98, 1.6, "$W_h$", ha="center", va="center", fontsize=11, color=NAVY)
        ax.text(2.75, 1.6, "$=$", ha="center", va="center", fontsize=18)
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


def _line(ax: Axes, points: list[tuple[float, float]], color: str) -> None:
    ax.plot(*zip(*points, strict=True), color=color, linestyle="-")


def _bend(ax: Axes, points: list[tuple[float, float]], color: str) -> None:
    """Draw an arrow with corners."""
    ax.add_patch(FancyArrowPatch(path=Path(points), **ARROW, color=color))


def _svg(fig: Figure) -> "SVG":
    from IPython.display import SVG  # plots are drawn without IPython too

    out = io.StringIO()
    with mpl.rc_context(STYLE):
        fig.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(fig)
    return SVG(out.getvalue())
