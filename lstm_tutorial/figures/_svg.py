"""The parts of which the drawings of cells are made, as text of SVG.

A drawing holds its parts once, on named places along two directions: along time, and away from
the state that runs through the cell. A layout says where these places lie. In the wide one time
runs to the right, in the upright one, for a phone, it runs down. Words and numbers have places of
their own in each layout.

All colours are variables with a value of their own: in a page of the book the drawing takes the
theme's, anywhere else it shows dark lines on a white ground.
"""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from IPython.display import SVG

Point = tuple[float, float]
Place = tuple[str, str]  # along time, away from the state

RADIUS = 15.0  # of a circle that works unit by unit
BOX = (112.0, 56.0)  # a box with weights
HIDDEN = ' width="0" height="0"'  # of the upright layout, until a page makes room for it

# One colour a gate, the same on every page; on white each has a contrast of at least 4.5.
COLOURS = {
    "forget": "#a5301a",
    "input": "#13693a",
    "candidate": "#7a5000",
    "output": "#1d5fae",
    "cell": "#16324f",
    "hidden": "#7a3b9c",
    "quiet": "#5f6773",
}

STYLE = "".join(
    [
        "svg.drawing,.drawing svg{--ink:var(--cell-ink,#16324f);--ground:var(--cell-ground,#fff);",
        "font:600 14.5px var(--pst-font-family-base,system-ui),sans-serif;fill:var(--ink)}",
        *(f".drawing .{k}{{--c:var(--cell-{k},{v})}}" for k, v in COLOURS.items()),
        ".drawing .wire{fill:none;stroke:var(--c);stroke-width:2.5;stroke-linejoin:round}",
        ".drawing .state.wire{stroke-width:6}",
        ".drawing :is(.head,.dot){fill:var(--c)}",
        ".drawing :is(.forward .rear,.backward .fore){display:none}",
        ".drawing .backward .path.wire{stroke-dasharray:7 4}",
        ".drawing :is(.node,.op){fill:var(--ground);stroke:var(--ink);stroke-width:1.6}",
        ".drawing .box{fill:var(--c);fill-opacity:.12;stroke:var(--c);stroke-width:2}",
        ".drawing .body{fill:var(--ink);fill-opacity:.045;stroke:var(--ink);stroke-opacity:.3}",
        ".drawing :is(.word,.symbol,.value){fill:var(--c)}.drawing .plain{font-weight:400}",
        ".drawing .symbol{font:italic 20px Georgia,'Times New Roman',serif}",
        ".drawing .sub{font-size:13px}.drawing .upright-sign{font-style:normal}",
        ".drawing .axis{fill:none;stroke:var(--ink);stroke-opacity:.35}",
        ".drawing .value{font-variant-numeric:tabular-nums}",
        ".drawing .ghost{opacity:.22}.drawing .ghost text{display:none}",
    ]
)


class Layout(NamedTuple):
    """Where the places of a drawing lie, and how large it is."""

    width: float
    height: float
    time: dict[str, float]
    away: dict[str, float]
    texts: dict[str, tuple[float, float, str]]  # x, y, anchor
    body: tuple[float, float, float, float]  # the frame: x, y, width, height
    upright: bool = False
    ways: tuple[str, ...] = ("fore",)  # which way arrows point, "rear" for the gradient's
    alive: bool = False  # whether there are places for numbers

    def at(self, place: Place) -> Point:
        """Return the coordinates of a place."""
        along, away = self.time[place[0]], self.away[place[1]]
        return (away, along) if self.upright else (along, away)


def number(value: float) -> str:
    """Write a coordinate in as few characters as it needs."""
    return f"{value:.1f}".removesuffix(".0")


def _towards(start: Point, end: Point, by: float) -> Point:
    """Return the point that lies `by` from `start` on the way to `end`; all lines are level."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = abs(dx) + abs(dy)
    return start[0] + by * dx / length, start[1] + by * dy / length


def _head(tip: Point, tail: Point, size: float, kind: str) -> str:
    """Draw an arrow's head that points from `tail` to `tip`."""
    back = _towards(tip, tail, size)
    across = (tip[1] - back[1]) * 0.55, (back[0] - tip[0]) * 0.55
    sides = [(back[0] + s * across[0], back[1] + s * across[1]) for s in (1, -1)]
    d = "L".join(f"{number(x)} {number(y)}" for x, y in (tip, *sides))
    return f'<path class="head {kind}" d="M{d}z"/>'


def wire(
    layout: Layout,
    name: str,
    places: Sequence[Place],
    start: float = 0,
    end: float = 0,
    kind: str = "path",
) -> str:
    """Draw a line along places, with a head at its end, or on the way back at its start.

    Parameters
    ----------
    layout : Layout
    name : str
        What the page's script calls it.
    places : sequence of (str, str)
    start, end : float
        How much of the line is left free at its two ends.
    kind : str
        ``"state"`` for what carries the state, ``"path"`` for all others.
    """
    points = [layout.at(place) for place in places]
    points[0] = _towards(points[0], points[1], start)
    points[-1] = _towards(points[-1], points[-2], end)
    ways = {"fore": points, "rear": points[::-1]}
    return "".join(arrow(name, ways[way], f"{kind} wire", way) for way in layout.ways)


def arrow(name: str, points: Sequence[Point], kind: str, way: str = "fore") -> str:
    """Draw a line along points, with a head at its end."""
    size = 15 if kind.startswith("state") else 12
    drawn = [*points[:-1], _towards(points[-1], points[-2], size - 2)]
    d = "L".join(f"{number(x)} {number(y)}" for x, y in drawn)
    head = _head(points[-1], points[-2], size, way)
    return f'<path class="{kind} {way}" data-wire="{name}" d="M{d}"/>{head}'


def dot(layout: Layout, place: Place) -> str:
    """Draw the point where a line branches."""
    x, y = layout.at(place)
    return f'<circle class="dot" cx="{number(x)}" cy="{number(y)}" r="4.5"/>'


def node(layout: Layout, place: Place, sign: str) -> str:
    """Draw a circle, or a pill for more than one character, that works unit by unit."""
    x, y = layout.at(place)
    if len(sign) > 1:
        shape = f'<rect class="node" x="{number(x - 25)}" y="{number(y - 14)}" width="50" '
        shape += 'height="28" rx="14"/>'
    else:
        shape = f'<circle class="node" cx="{number(x)}" cy="{number(y)}" r="{number(RADIUS)}"/>'
    return shape + _sign(x, y, sign)


def _sign(x: float, y: float, sign: str) -> str:
    if sign in "×+":  # strokes lie in the middle of a circle in any font
        a = 6.5 if sign == "+" else 5
        arms = {
            "+": f"M{number(x - a)} {number(y)}h{2 * a}M{number(x)} {number(y - a)}v{2 * a}",
            "×": f"M{number(x - a)} {number(y - a)}l{2 * a} {2 * a}m0 -{2 * a}l-{2 * a} {2 * a}",
        }
        return f'<path class="op" d="{arms[sign]}"/>'
    return f'<text x="{number(x)}" y="{number(y + 5)}" text-anchor="middle">{sign}</text>'


def box(layout: Layout, place: Place, words: str, sign: str) -> str:
    """Draw a box with weights: what it is called, and its function."""
    x, y = layout.at(place)
    width, height = BOX
    middle = f'x="{number(x)}" text-anchor="middle"'
    return (
        f'<rect class="box" x="{number(x - width / 2)}" y="{number(y - height / 2)}" '
        f'width="{number(width)}" height="{number(height)}" rx="8"/>'
        f'<text class="word" {middle} y="{number(y - 6)}">{words}</text>'
        f'<text class="plain" {middle} y="{number(y + 17)}">{sign}</text>'
    )


def word(layout: Layout, name: str, words: str, way: str = "") -> str:
    """Write words at their place in the layout."""
    return _text(layout, name, f'class="{f"word {way}".rstrip()}"', escape(words))


def symbol(layout: Layout, name: str, letters: str, way: str = "") -> str:
    """Write a formula such as ``c_t`` or ``i_t g_t``; what follows ``_`` is set below the line."""
    drawn, lowered = "", False
    for k, letter in enumerate(letters.split(" ")):
        drawn += "\u2009" if k else ""
        base, _, below = letter.partition("_")
        drawn += f'<tspan dy="-5">{base}</tspan>' if lowered else base
        drawn += f'<tspan class="sub" dy="5">{below}</tspan>' if below else ""
        lowered = bool(below)
    return _text(layout, name, f'class="{f"symbol {way}".rstrip()}"', drawn)


def value(layout: Layout, name: str) -> str:
    """Leave a place for a number that the page's script writes, where there is one."""
    if not layout.alive:
        return ""
    place = f"{name}="
    return _text(layout, place, f'class="value" data-value="{name}"', "")


def _text(layout: Layout, name: str, attributes: str, content: str) -> str:
    x, y, anchor = layout.texts[name]
    anchor = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text {attributes} x="{number(x)}" y="{number(y)}"{anchor}>{content}</text>'


def body(layout: Layout) -> str:
    """Draw the frame of one step."""
    x, y, width, height = map(number, layout.body)
    return f'<rect class="body" x="{x}" y="{y}" width="{width}" height="{height}" rx="14"/>'


def group(classes: str, *parts: str) -> str:
    """Put parts together that have a colour in common."""
    if not any(parts):
        return ""
    return f'<g class="{classes}">{"".join(parts)}</g>'


def drawing(alt: str, *layouts: tuple[Layout, str]) -> "SVG":
    """Put the layouts of one drawing into one SVG, which shows the first of them.

    A page of the book shows each where it fits: ``_ext/drawings.py``.
    """
    from IPython.display import SVG  # plots are drawn without IPython too

    width, height = map(number, layouts[0][0][:2])
    shape = "wide" if len(layouts) > 1 else "small"
    inner = [
        f'<svg class="{"upright" if size.upright else shape}"{HIDDEN if size.upright else ""} '
        f'viewBox="0 0 {number(size.width)} {number(size.height)}">'
        f"{group('forward' if size.ways[0] == 'fore' else 'backward', parts)}</svg>"
        for size, parts in layouts
    ]
    return SVG(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="drawing" role="img" '
        f'aria-label="{escape(alt)}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><style>{STYLE}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(inner)}</svg>'
    )
