"""Pictures: sharp, the same bytes at every run, with colours that differ in greyscale too."""

import io
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pytest

from lstm_tutorial import figures

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def house_style():
    mpl.use("Agg")
    with mpl.rc_context():
        figures.use_house_style()
        yield
    plt.close("all")


def luminance(color):
    return np.dot(mpl.colors.to_rgb(color), [0.299, 0.587, 0.114])


def png(figure):
    out = io.BytesIO()
    figure.savefig(out, metadata={"Software": None})
    return out.getvalue()


def test_line_colours_differ_in_greyscale_and_each_has_its_dash():
    cycle = list(mpl.rcParams["axes.prop_cycle"])
    steps = np.diff(sorted(luminance(c["color"]) for c in cycle))
    assert steps.min() > 0.08
    assert len({str(c["linestyle"]) for c in cycle}) == len(cycle)


def test_a_plot_is_1440_pixels_wide_and_has_the_same_bytes_twice():
    def draw():
        fig, ax = plt.subplots()
        ax.plot([0, 1], [1, 0], label="a")
        figures.end_labels(ax)
        return png(fig)

    first, second = draw(), draw()
    assert first == second
    assert matplotlib.image.imread(io.BytesIO(first)).shape[1] == 1440


@pytest.mark.parametrize(
    "draw",
    [
        lambda: figures.unrolled(1),
        lambda: figures.unrolled(8, gradient=True),
        figures.lstm_tensors,
        figures.lstm_stack,
        figures.reber,
    ],
)
def test_a_drawing_has_the_same_text_twice_and_no_date(draw):
    first, second = draw().data, draw().data
    assert first == second
    assert "<dc:date>" not in first and "Matplotlib" not in first.split("<defs>")[0]


def test_the_graph_of_reber_has_eight_nodes_and_twelve_arrows():
    svg = figures.reber().data
    assert svg.count("fill: #ffffff; stroke: #16324f") == 8  # circles
    assert svg.count("fill: #16324f; stroke: #16324f") == 12  # heads of arrows


def test_a_table_of_counts_has_a_number_or_a_dash_in_each_cell():
    _, ax = plt.subplots()
    figures.counts(ax, [[0, 5, None], [1, 2, 3]], ["a", "b"], ["c", "d", "e"])
    assert [t.get_text() for t in ax.texts] == ["0", "5", "–", "1", "2", "3"]
    assert [t.get_position() for t in ax.texts][3:5] == [(0, 1), (1, 1)]
    assert ax.images[0].get_array().tolist() == [[0, 5, 0], [1, 2, 3]]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["c", "d", "e"]


def test_a_drawing_has_a_column_for_each_step():
    columns = [figures.unrolled(steps).data.count('id="patch_') for steps in (1, 2, 3)]
    assert columns[1] - columns[0] == columns[2] - columns[1] > 0


@pytest.mark.parametrize(
    "steps, error, message",
    [
        (0, ValueError, "steps: expected at least 1, got 0"),
        (9, ValueError, "steps: expected at most 8, got 9"),
        (2.0, TypeError, "steps: expected an integer, got float"),
    ],
)
def test_a_drawing_refuses_by_name(steps, error, message):
    with pytest.raises(error, match=message):
        figures.unrolled(steps)


def test_flow_is_relative_to_its_start_and_labelled_at_the_end():
    ax = figures.flow({"fast": np.array([4.0, 2.0, 1.0]), "slow": np.array([3.0, 3.0, 3.0])})
    assert [list(line.get_ydata()) for line in ax.get_lines()] == [[1, 0.5, 0.25], [1, 1, 1]]
    assert {t.get_text() for t in ax.texts} == {"fast", "slow"}
    assert ax.get_yscale() == "log" and ax.get_xlabel() and ax.get_ylabel()


def test_end_labels_do_not_overlap():
    _, ax = plt.subplots()
    for k in range(4):
        ax.plot([0, 1], [0, 0.001 * k], label=str(k))
    figures.end_labels(ax)
    heights = sorted(t.get_position()[1] for t in ax.texts)
    size = mpl.rcParams["font.size"] / 72 / (ax.bbox.height / ax.figure.dpi)
    assert np.diff(heights).min() > size


def test_the_stored_picture_is_drawn_from_the_stored_experiment(tmp_path):
    subprocess.run([sys.executable, ROOT / "tools/draw_images.py", tmp_path], check=True)
    for name in ("gradient-by-lag.png",):
        drawn = matplotlib.image.imread(tmp_path / name)
        kept = matplotlib.image.imread(ROOT / "book/images" / name)
        assert np.array_equal(drawn, kept), f"{name} is out of date: python tools/draw_images.py"


def test_a_text_stands_once_for_each_row_with_bars_by_size_and_sign():
    html = figures.text_with_values(
        "a<\n", {"one": np.array([1, -2.5, -0.01]), "2": np.zeros(3)}
    ).data
    assert html.count('role="img"') == 2 and html.count("<span") == 6
    assert 'border-bottom: 0.35em solid rgb(36 116 208 / 0.50)">a<' in html
    assert 'border-top: 0.35em solid rgb(206 79 63 / 1.00)">&lt;<' in html
    assert '<th scope="row">↵</th><td>0.0</td>' in html and "-0.0" not in html
    assert "<td>-2.5</td><td>0.0</td>" in html


@pytest.mark.parametrize(
    ("text", "rows", "message"),
    [
        ("", {"a": np.zeros(0)}, "text, rows: expected at least one each, got 0"),
        ("ab", {}, "2 characters, 0 rows"),
        ("ab", {"a": np.zeros(3)}, r"rows\['a'\]: expected shape \(T=2,\), got \(3,\)"),
    ],
)
def test_a_text_refuses_rows_that_do_not_fit(text, rows, message):
    with pytest.raises(ValueError, match=message):
        figures.text_with_values(text, rows)
