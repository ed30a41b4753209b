"""The drawing of the LSTM's cell: in stages, whole, forwards and backwards."""

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lstm_tutorial.figures import _svg
from lstm_tutorial.figures._svg import RADIUS, Layout, box, dot, group, node, symbol, value, wire

if TYPE_CHECKING:
    from IPython.display import SVG

# What is drawn, step by step; each stage holds what the stages before it hold.
BESIDE = 12.0  # from the carousel to the gate paths' part of the same gradient
STAGES = ("state", "forget", "input", "output")

WIDE = Layout(
    width=800,
    height=398,
    time={
        "in": 12, "edge": 108, "x": 119, "f": 186, "i": 306, "both": 366, "g": 426, "o": 546,
        "out": 650, "end": 788,
    },
    away={
        "state": 58, "tanh": 108, "product": 134, "times": 164, "top": 206, "box": 234,
        "bottom": 262, "bus": 308, "outside": 370,
    },
    texts={
        "c_prev": (12, 42, "start"), "c_prev=": (120, 44, "start"),
        "c_prev_rest=": (120, 92, "start"), "c_rest=": (788, 110, "end"),
        "cell": (12, 86, "start"),
        "h_prev": (12, 292, "start"), "h_prev=": (12, 358, "start"),
        "hidden": (2, 336, "start"),
        "x": (130, 370, "start"), "x=": (180, 389, "start"), "inputs": (130, 389, "start"),
        "f": (198, 148, "start"), "f=": (198, 170, "start"),
        "i": (296, 164, "end"), "i=": (296, 186, "end"),
        "g": (436, 164, "start"), "g=": (436, 186, "start"),
        "o": (558, 154, "start"), "o=": (556, 192, "start"),
        "kept": (268, 42, "middle"), "carousel": (268, 42, "middle"),
        "gate_paths": (366, 330, "middle"), "kept=": (268, 84, "middle"),
        "added": (380, 98, "start"), "added=": (380, 118, "start"),
        "c=": (788, 90, "end"),
        "tanh_c=": (660, 143, "start"),
        "c": (788, 42, "end"), "h": (788, 292, "end"), "h=": (788, 336, "end"),
    },
    body=(108, 8, 596, 336),
)  # fmt: skip

UPRIGHT = Layout(
    width=372,
    height=612,
    time={
        "in": 46, "edge": 64, "x": 92, "f": 146, "i": 236, "both": 280, "g": 324, "o": 414,
        "out": 496, "end": 584,
    },
    away={
        "state": 56, "tanh": 112, "product": 132, "times": 170, "top": 188, "box": 244,
        "bottom": 300, "bus": 326, "outside": 226,
    },
    texts={
        "c_prev": (56, 38, "middle"), "c_prev=": (84, 92, "start"),
        "c_prev_rest=": (84, 110, "start"), "c_rest=": (84, 580, "start"),
        "cell": (12, 15, "start"),
        "h_prev": (326, 38, "middle"), "h_prev=": (314, 112, "end"),
        "hidden": (366, 15, "end"),
        "x": (226, 38, "middle"), "x=": (234, 84, "start"), "inputs": (226, 15, "middle"),
        "f": (132, 134, "middle"), "f=": (132, 168, "middle"),
        "i": (160, 224, "middle"), "i=": (186, 261, "end"),
        "g": (164, 309, "middle"), "g=": (160, 347, "middle"),
        "o": (158, 430, "end"), "o=": (158, 450, "end"),
        "kept": (68, 204, "start"), "carousel": (68, 198, "start"),
        "gate_paths": (250, 480, "middle"), "kept=": (68, 224, "start"),
        "added": (94, 270, "middle"), "added=": (96, 306, "middle"),
        "c=": (84, 562, "start"),
        "tanh_c=": (112, 528, "middle"),
        "c": (56, 607, "middle"), "h": (326, 607, "middle"), "h=": (250, 520, "middle"),
    },
    body=(14, 64, 332, 482),
    upright=True,
)  # fmt: skip


def lstm_cell(show: str = "whole", backward: bool = False) -> "SVG":
    """Draw one step of the LSTM, or a stage on the way to it.

    Four boxes hold weights, one colour each; the circles work unit by unit and hold none.

    Parameters
    ----------
    show : str
        ``"state"``, ``"forget"``, ``"input"`` or ``"output"`` draws in full what the cell has by
        then and the rest as a shade: the cell state alone; with the forget gate; with the input
        gate and the candidate; with the output gate and the hidden state. ``"whole"`` is all.
    backward : bool
        Turn the arrows: the way of the gradient. The carousel, along the cell state, is drawn
        solid, the gate paths are dashed.

    Returns
    -------
    IPython SVG

    Raises
    ------
    ValueError
        For another stage.
    """
    if show not in (*STAGES, "whole"):
        raise ValueError(f"show: expected 'whole' or one of {STAGES}, got {show!r}")
    seen = STAGES if show == "whole" else STAGES[: STAGES.index(show) + 1]
    return _lstm_drawing(seen, ("rear",) if backward else ("fore",))


def living_cell() -> "SVG":
    """Draw the LSTM's cell with arrows both ways and places for numbers, for the page's script."""
    return _lstm_drawing(STAGES, ("fore", "rear"))


def _lstm_drawing(seen: tuple[str, ...], ways: tuple[str, ...]) -> "SVG":
    alt = "One step of an LSTM" if seen == STAGES else f"A part of the LSTM: {', '.join(seen)}"
    alt += ", backwards" if ways == ("rear",) else ""
    layouts = [layout._replace(ways=ways, alive=len(ways) == 2) for layout in (WIDE, UPRIGHT)]
    return _svg.drawing(alt, *[(layout, _lstm(layout, seen)) for layout in layouts])


LAST_BOX = {"forget": "f", "input": "g", "output": "o"}


def _lstm(layout: Layout, seen: tuple[str, ...]) -> str:
    """Draw the stages that are seen in full, above a shade of the others."""
    stages = {
        "state": _state(layout, seen),
        "forget": _forget(layout),
        "input": _input(layout),
        "output": _output(layout),
    }
    shade = [stages[stage] for stage in STAGES if stage not in seen]
    last = LAST_BOX.get(seen[-1])
    if last != "o":
        shade.append(_bus(layout, "o"))
    parts = [group("ghost", *shade)] if shade else []
    parts += [_bus(layout, last)] if last else []
    parts += [stages[stage] for stage in seen]
    return _svg.body(layout) + "".join(parts) + _marks(layout, seen)


def _state(layout: Layout, seen: tuple[str, ...]) -> str:
    """Draw the cell state, from node to node; alive, also the gate paths' part beside it."""
    stops = ["in", *("f" for s in seen if s == "forget"), *("both" for s in seen if s == "input")]
    names = {"in": "c_prev", "f": "kept", "both": "c"}
    wires, rest = [], []
    for a, b in itertools.pairwise([*stops, "end"]):
        places = [(a, "state"), (b, "state")]
        free = (0 if a == "in" else RADIUS, 0 if b == "end" else RADIUS)
        wires.append(wire(layout, names[a], places, *free, kind="state"))
        if layout.alive:
            points = [layout.at(place) for place in reversed(places)]
            beside = [(x + BESIDE, y) if layout.upright else (x, y + BESIDE) for x, y in points]
            rest.append(_svg.arrow(f"{names[a]}_rest", beside, "path wire", "rear"))
    return group("cell", *wires) + group("hidden", *rest)


def _bus(layout: Layout, last: str) -> str:
    """Draw what the boxes read, up to the last: the old hidden state, and the input."""
    boxes = "figo"[: "figo".index(last)]
    taps = [
        wire(layout, f"read_{k}", [(k, "bus"), (k, "bottom")], 4) + dot(layout, (k, "bus"))
        for k in boxes
    ]
    corner = [("in", "outside")] if layout.upright else []
    entry = [*corner, ("x", "outside"), ("x", "bus")]
    main = wire(layout, "h_prev", [("in", "bus"), (last, "bus"), (last, "bottom")])
    x = wire(layout, "x", entry, end=4) + dot(layout, ("x", "bus"))
    return group("hidden", main, *taps) + group("quiet", x)


def _forget(layout: Layout) -> str:
    up = wire(layout, "f", [("f", "top"), ("f", "state")], end=RADIUS)
    gate = box(layout, ("f", "box"), "forget gate", "σ")
    return group("forget", up, gate) + node(layout, ("f", "state"), "×")


def _input(layout: Layout) -> str:
    boxes = []
    for name, colour, words, sign in [
        ("i", "input", "input gate", "σ"),
        ("g", "candidate", "candidate", "tanh"),
    ]:
        way = [(name, "top"), (name, "product"), ("both", "product")]
        line = wire(layout, name, way, end=RADIUS)
        boxes.append(group(colour, line, box(layout, (name, "box"), words, sign)))
    up = wire(layout, "added", [("both", "product"), ("both", "state")], RADIUS, RADIUS)
    nodes = node(layout, ("both", "product"), "×") + node(layout, ("both", "state"), "+")
    return "".join(boxes) + group("cell", up) + nodes


def _output(layout: Layout) -> str:
    way = [("o", "top"), ("o", "times"), ("out", "times")]
    gate = box(layout, ("o", "box"), "output gate", "σ")
    pill = 25 if layout.upright else 14
    return (
        group(
            "cell",
            dot(layout, ("out", "state")),
            wire(layout, "shown", [("out", "state"), ("out", "tanh")], end=pill, start=3),
            wire(layout, "tanh_c", [("out", "tanh"), ("out", "times")], pill, RADIUS),
        )
        + group("output", wire(layout, "o", way, end=RADIUS), gate)
        + group(
            "hidden", wire(layout, "h", [("out", "times"), ("out", "bus"), ("end", "bus")], RADIUS)
        )
        + node(layout, ("out", "tanh"), "tanh")
        + node(layout, ("out", "times"), "×")
    )


# What runs on the wires, by stage: colour, place, formula, and formula on the way back.
MARKS = {
    "state": [("cell", "c_prev", "c_t−1", "dc_t−1"), ("cell", "c", "c_t", "dc_t")],
    "forget": [
        ("forget", "f", "f_t", "df_t"),
        ("cell", "kept", "f_t c_t−1", ""),
        ("hidden", "h_prev", "h_t−1", "dh_t−1"),
        ("quiet", "x", "x_t", "dx_t"),
    ],
    "input": [
        ("input", "i", "i_t", "di_t"),
        ("candidate", "g", "g_t", "dg_t"),
        ("cell", "added", "i_t g_t", ""),
    ],
    "output": [
        ("output", "o", "o_t", "do_t"),
        ("cell", "tanh_c", "", ""),
        ("hidden", "h", "h_t", "dh_t"),
    ],
}
WORDS = {
    "state": [("cell", "cell", "cell state", ""), ("cell", "carousel", "", "carousel")],
    "forget": [("hidden", "hidden", "hidden state", ""), ("quiet", "inputs", "input", "")],
    "input": [],
    "output": [("hidden", "gate_paths", "", "gate paths")],
}


# Places for what the gate paths bring, on the way back.
RESTS = ["c_prev_rest", "c_rest"]


def _marks(layout: Layout, seen: tuple[str, ...]) -> str:
    """Write names, and places for numbers, each in the colour of its wire."""
    parts = []
    for stage in seen:
        for colour, name, *letters in MARKS[stage]:
            written = _both_ways(layout, symbol, name, letters)
            parts.append(group(colour, written, value(layout, name)))
        for colour, name, fore, rear in WORDS[stage]:
            if not rear:  # the same both ways
                parts.append(group(colour, _svg.word(layout, name, fore)))
            else:
                parts.append(group(colour, _both_ways(layout, _svg.word, name, (fore, rear))))
    parts.append(group("hidden", *(value(layout, name) for name in RESTS)))
    return "".join(parts)


def _both_ways(layout: Layout, write: Callable[..., str], name: str, texts: Sequence[str]) -> str:
    """Write a text for each way that the layout draws, but no empty one."""
    each = zip(("fore", "rear"), texts, strict=True)
    return "".join(
        write(layout, name, text, way) for way, text in each if text and way in layout.ways
    )
