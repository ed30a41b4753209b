"""The drawing of the GRU's cell, in the language of the LSTM's."""

from typing import TYPE_CHECKING

from lstm_tutorial.figures import _svg
from lstm_tutorial.figures._svg import RADIUS, Layout, box, dot, group, node, symbol, wire

if TYPE_CHECKING:
    from IPython.display import SVG

GRU_WIDE = Layout(
    width=800,
    height=424,
    time={
        "in": 12, "edge": 108, "tap": 128, "x": 156, "z": 236, "one": 350, "r": 376, "rx": 452,
        "both": 500, "n": 570, "end": 788,
    },
    away={
        "state": 58, "product": 134, "middle": 178, "top": 206, "box": 234, "bottom": 262,
        "bus": 308, "inputs": 336, "outside": 398,
    },
    texts={
        "h_prev": (12, 42, "start"), "hidden": (2, 86, "start"), "h": (788, 42, "end"),
        "x": (168, 398, "start"), "inputs": (168, 418, "start"),
        "z": (248, 178, "start"), "kept": (368, 42, "middle"), "one": (412, 124, "middle"),
        "added": (512, 104, "start"), "n": (580, 170, "start"), "r": (414, 200, "middle"),
    },
    body=(108, 8, 572, 354),
)  # fmt: skip

GRU_UPRIGHT = Layout(
    width=372,
    height=548,
    time={
        "in": 46, "edge": 64, "tap": 100, "x": 92, "z": 150, "one": 224, "r": 262, "rx": 326,
        "both": 350, "n": 414, "end": 520,
    },
    away={
        "state": 56, "product": 126, "middle": 170, "top": 188, "box": 244, "bottom": 300,
        "bus": 322, "inputs": 340, "outside": 340,
    },
    texts={
        "h_prev": (56, 38, "middle"), "hidden": (12, 15, "start"), "h": (56, 543, "middle"),
        "x": (340, 38, "middle"), "inputs": (340, 15, "middle"),
        "z": (152, 140, "middle"), "kept": (68, 260, "start"), "one": (112, 294, "end"),
        "added": (92, 374, "middle"), "n": (158, 404, "middle"), "r": (180, 304, "start"),
    },
    body=(14, 64, 344, 426),
    upright=True,
)  # fmt: skip


def gru_cell() -> "SVG":
    """Draw one step of the GRU in the language of `lstm_cell`.

    It has one state and three boxes. The update gate z keeps as much of the old state as it holds
    back of the candidate n; the reset gate r weighs the old state before the candidate reads it, as
    published. `torch.nn.GRU` applies it after the product with the recurrent weights.
    """
    layouts = [(layout, _gru(layout)) for layout in (GRU_WIDE, GRU_UPRIGHT)]
    return _svg.drawing("The GRU's cell", *layouts)


def _gru(layout: Layout) -> str:
    line = [("in", "z"), ("z", "both"), ("both", "end")]
    ends = ((0, RADIUS), (RADIUS, RADIUS), (RADIUS, 0))
    state = [
        wire(layout, name, [(a, "state"), (b, "state")], *free, kind="state")
        for name, (a, b), free in zip(("h_prev", "kept", "h"), line, ends, strict=True)
    ]
    reads = [("tap", "state"), ("tap", "bus"), ("rx", "bus")]
    hidden = [
        *state,
        dot(layout, ("tap", "state")),
        wire(layout, "read", reads, 3, RADIUS),
        *(
            wire(layout, f"read_{k}", [(k, "bus"), (k, "bottom")], 4) + dot(layout, (k, "bus"))
            for k in "zr"
        ),
        wire(layout, "read_n", [("rx", "bus"), ("n", "bus"), ("n", "bottom")], RADIUS),
        wire(layout, "added", [("both", "product"), ("both", "state")], RADIUS, RADIUS),
    ]
    return "".join(
        [
            _svg.body(layout),
            group("hidden", *hidden),
            group("quiet", *_gru_inputs(layout)),
            _gru_boxes(layout),
            node(layout, ("z", "state"), "×"),
            node(layout, ("both", "state"), "+"),
            node(layout, ("both", "product"), "×"),
            node(layout, ("rx", "bus"), "×"),
            node(layout, ("one", "product"), "1 −"),
            _gru_marks(layout),
        ]
    )


def _gru_inputs(layout: Layout) -> list[str]:
    """Draw the input's way to the three boxes, beside that of the old state."""
    aside = Layout(**{**layout._asdict(), "time": {k: t + 18 for k, t in layout.time.items()}})
    start = ("in", "outside") if layout.upright else ("x", "outside")
    corner = [] if layout.upright else [("x", "inputs")]
    last = aside.at(("n", "inputs"))
    way = [layout.at(place) for place in (start, *corner)] + [last, aside.at(("n", "bottom"))]
    return [
        _svg.arrow("x", way, "path wire"),
        *(
            _svg.arrow("x", [aside.at((k, "inputs")), aside.at((k, "bottom"))], "path wire")
            + dot(aside, (k, "inputs"))
            for k in "zr"
        ),
    ]


def _gru_boxes(layout: Layout) -> str:
    pill = 14 if layout.upright else 25
    turn = [("one", "product"), ("both", "product")]
    away = [("z", "product"), ("one", "product")]
    parts = [
        group(
            "forget",
            wire(layout, "z", [("z", "top"), ("z", "state")], end=RADIUS),
            box(layout, ("z", "box"), "update gate", "σ"),
        ),
        group(
            "input",
            dot(layout, ("z", "product")),
            wire(layout, "z", away, end=pill),
            wire(layout, "one", turn, pill, RADIUS),
        ),
        group(
            "candidate",
            wire(layout, "n", [("n", "top"), ("n", "product"), ("both", "product")], end=RADIUS),
            box(layout, ("n", "box"), "candidate", "tanh"),
        ),
        group(
            "output",
            wire(
                layout,
                "r",
                [("r", "top"), ("r", "middle"), ("rx", "middle"), ("rx", "bus")],
                end=RADIUS,
            ),
            box(layout, ("r", "box"), "reset gate", "σ"),
        ),
    ]
    return "".join(parts)


def _gru_marks(layout: Layout) -> str:
    return "".join(
        [
            group(
                "hidden",
                symbol(layout, "h_prev", "h_t−1"),
                symbol(layout, "h", "h_t"),
                symbol(layout, "kept", "z_t h_t−1"),
                _svg.word(layout, "hidden", "hidden state"),
            ),
            group("quiet", symbol(layout, "x", "x_t"), _svg.word(layout, "inputs", "input")),
            group("forget", symbol(layout, "z", "z_t")),
            group("input", symbol(layout, "one", "1 − z_t")),
            group("candidate", symbol(layout, "n", "n_t")),
            group("output", symbol(layout, "r", "r_t")),
        ]
    )
