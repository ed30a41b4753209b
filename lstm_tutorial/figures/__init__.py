"""The house style of all figures, and the drawings that more than one page shows.

Plots come as PNG on a white card, 1440 pixels wide: sharp on a phone and on a large screen, the
same bytes at every run. Drawings come as SVG, whose text nbval compares. Those of cells take the
colours of the page around them, and stand upright where it is narrow.
"""

from lstm_tutorial.figures._gru import gru_cell
from lstm_tutorial.figures._lstm import living_cell, lstm_cell
from lstm_tutorial.figures._plots import (
    ARROW,
    BACKWARD,
    DASHES,
    FORWARD,
    GREEN,
    GREY,
    NAVY,
    RED,
    SKY,
    STYLE,
    WIDTH,
    counts,
    end_labels,
    flow,
    gradient_by_lag,
    text_with_values,
    use_house_style,
)
from lstm_tutorial.figures._sequences import loop, uses
from lstm_tutorial.figures._sketches import lstm_stack, lstm_tensors, reber, unrolled
from lstm_tutorial.figures._small import cell, gate, living_gate
from lstm_tutorial.figures._svg import COLOURS

__all__ = [
    "ARROW",
    "BACKWARD",
    "COLOURS",
    "DASHES",
    "FORWARD",
    "GREEN",
    "GREY",
    "NAVY",
    "RED",
    "SKY",
    "STYLE",
    "WIDTH",
    "cell",
    "counts",
    "end_labels",
    "flow",
    "gate",
    "gradient_by_lag",
    "gru_cell",
    "living_cell",
    "living_gate",
    "loop",
    "lstm_cell",
    "lstm_stack",
    "lstm_tensors",
    "reber",
    "text_with_values",
    "unrolled",
    "use_house_style",
    "uses",
]
