"""The drawings of cells: the same parts in each layout, stages that grow, arrows that turn."""

import itertools
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lstm_tutorial import figures

sys.path.insert(0, str(Path(__file__).parent.parent / "_ext"))
import drawings

SVG = "{http://www.w3.org/2000/svg}"
STAGES = ["state", "forget", "input", "output"]
ALL = [
    figures.cell,
    figures.gate,
    figures.gru_cell,
    figures.living_cell,
    figures.living_gate,
    figures.loop,
    figures.uses,
    *(lambda stage=stage: figures.lstm_cell(stage) for stage in [*STAGES, "whole"]),
    lambda: figures.lstm_cell(backward=True),
]
every_drawing = pytest.mark.parametrize("draw", ALL)


def layouts(drawing):
    """Return the layouts of a drawing by their class."""
    root = ElementTree.fromstring(drawing.data)
    return {layout.get("class"): layout for layout in root.findall(f"{SVG}svg")}


def of_class(layout, name, ghosts=False):
    """Return the elements of a class, those of a shade left out."""
    shade = set() if ghosts else {e for g in of_class(layout, "ghost", True) for e in g.iter()}
    found = [e for e in layout.iter() if name in e.get("class", "").split()]
    return [e for e in found if e not in shade]


def texts(layout):
    """Return what is written in a layout, formulas as plain text."""
    shade = {e for g in of_class(layout, "ghost", True) for e in g.iter()}
    words = ["".join(e.itertext()) for e in layout.iter(f"{SVG}text") if e not in shade]
    return sorted(word.replace("\u2009", " ") for word in words if word)


@every_drawing
def test_a_drawing_is_well_formed_and_the_same_twice(draw):
    assert draw().data == draw().data
    root = ElementTree.fromstring(draw().data)
    assert root.get("role") == "img" and len(root.get("aria-label")) > 5
    assert "id" not in {name for element in root.iter() for name in element.attrib}


@every_drawing
def test_both_layouts_hold_the_same_parts(draw):
    found = layouts(draw())
    assert set(found) in ({"small"}, {"wide", "upright"})
    kinds = [
        (texts(x), *(len(of_class(x, k)) for k in ("box", "node", "wire"))) for x in found.values()
    ]
    assert all(kind == kinds[0] for kind in kinds)


@every_drawing
def test_a_drawing_stays_on_its_sheet(draw):
    for layout in layouts(draw()).values():
        width, height = map(float, layout.get("viewBox").split()[2:])
        for path in layout.iter(f"{SVG}path"):
            if "op" not in path.get("class").split():
                points = re.findall(r"([-\d.]+) ([-\d.]+)", path.get("d"))
                assert all(0 <= float(x) <= width and 0 <= float(y) <= height for x, y in points)
        for text in layout.iter(f"{SVG}text"):
            assert 0 <= float(text.get("x")) <= width and 0 <= float(text.get("y")) <= height


def test_the_lstm_cell_has_four_boxes_with_weights_and_five_nodes_without():
    for layout in layouts(figures.lstm_cell()).values():
        assert len(of_class(layout, "box")) == 4 and len(of_class(layout, "node")) == 5
        words = {
            "forget gate",
            "input gate",
            "candidate",
            "output gate",
            "cell state",
            "hidden state",
        }
        assert words <= set(texts(layout))


def test_each_stage_adds_to_the_one_before():
    stages = [layouts(figures.lstm_cell(stage))["wide"] for stage in STAGES]
    boxes = [len(of_class(layout, "box")) for layout in stages]
    assert boxes == [0, 1, 3, 4]
    pieces = [len(of_class(layout, "state")) for layout in stages]
    assert pieces == [1, 2, 3, 3]  # the cell state runs on where nothing meets it yet
    for before, after in itertools.pairwise(stages):
        assert set(texts(before)) < set(texts(after))
        drawn = [len(of_class(layout, "box", ghosts=True)) for layout in (before, after)]
        assert drawn == [4, 4]  # what is not there yet is a shade
    assert figures.lstm_cell("output").data == figures.lstm_cell("whole").data


def test_backwards_every_arrow_turns():
    fore, rear = (layouts(figures.lstm_cell(backward=b))["wide"] for b in (False, True))
    for layout, way, other in [(fore, "fore", "rear"), (rear, "rear", "fore")]:
        assert len(of_class(layout, "head")) == len(of_class(layout, "wire"))
        assert set(of_class(layout, "head")) < set(of_class(layout, way))
        assert not of_class(layout, other)
    wires = [{w.get("data-wire") for w in of_class(x, "wire")} for x in (fore, rear)]
    assert wires[0] == wires[1]
    assert {"carousel", "gate paths", "dct−1", "dht"} <= set(texts(rear))


def test_the_living_cell_has_a_place_for_each_number_and_both_ways():
    names = {"c_prev", "c", "f", "kept", "h_prev", "x", "i", "g", "added", "o", "tanh_c", "h"}
    names |= {"c_rest", "c_prev_rest"}  # what the gate paths bring
    for layout in layouts(figures.living_cell()).values():
        assert {e.get("data-value") for e in of_class(layout, "value")} == names
        assert of_class(layout, "fore") and of_class(layout, "rear")


def test_an_unknown_stage_is_refused():
    with pytest.raises(
        ValueError, match=r"show: expected 'whole' or one of .*'state'.*, got 'all'"
    ):
        figures.lstm_cell("all")


def contrast(one, other):
    """Return the contrast of two colours as WCAG defines it."""
    luminance = []
    for colour in (one, other):
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        luminance.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(luminance) + 0.05) / (min(luminance) + 0.05)


def over(colour, ground, share):
    """Return a colour laid over a ground."""
    mixed = [
        round(share * int(colour[k : k + 2], 16) + (1 - share) * int(ground[k : k + 2], 16))
        for k in (1, 3, 5)
    ]
    return "#" + "".join(f"{m:02x}" for m in mixed)


@pytest.mark.parametrize(
    ("theme", "ground"), [(":root", "#ffffff"), ('html[data-theme="dark"]', "#222832")]
)
def test_every_colour_can_be_read_on_page_and_in_its_box(theme, ground):
    css = (Path(drawings.__file__).parent.parent / "_static" / "drawing.css").read_text("utf-8")
    rules = re.search(re.escape(theme) + r" \{(.*?)\}", css, re.S)[1]
    colours = dict(re.findall(r"--cell-(\w+): (#\w{6})", rules))
    assert set(colours) == {*figures.COLOURS, "ink"}
    if theme == ":root":
        assert {k: colours[k] for k in figures.COLOURS} == figures.COLOURS
    for name, colour in colours.items():
        body = over(colours["ink"], ground, 0.045)
        assert contrast(colour, over(colour, body, 0.12)) >= 4.5, name


def test_a_page_holds_both_layouts_and_the_images_name():
    html = drawings.inline(figures.lstm_cell().data, 'A "cell"')
    assert html.startswith('<div class="drawing" role="img" aria-label="A &quot;cell&quot;">')
    assert html.count("<svg") == 2 and drawings.HIDDEN not in html


def test_a_page_needs_one_line_for_a_drawing_that_is_alive():
    made = drawings.TAGS.sub(drawings.enliven, '<lstm-cell preset="latch">a text</lstm-cell>')
    assert made.startswith('<lstm-cell preset="latch"><div class="drawing" role="img"')
    assert made.endswith("</div></lstm-cell>") and "a text" not in made
    assert made.count("data-value") == figures.living_cell().data.count("data-value")
