"""The house style of all figures, and the plots that more than one page shows."""

import itertools
from html import escape
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lstm_tutorial import _check

if TYPE_CHECKING:
    from IPython.display import HTML

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
