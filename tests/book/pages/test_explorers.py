"""What a reader can play with on a page, by keyboard alone: the explorers with sliders."""

import math
import re

import numpy as np
import pytest

from lstm_tutorial import gradients, lstm, rnn
from tests.book.pages.tabs import focused, tab_to, without_scripts


def gate(x, h, w, u, b, g):
    """Return z, the gate and what passes, with the input gate of a cell of one unit."""
    rows = [np.array([[row], [0.0], [0.0], [0.0]]) for row in (w, u, b)]
    _, _, tape = lstm.forward(
        np.full((1, 1, 1), x), np.full((1, 1), h), np.zeros((1, 1)), *rows[:2], rows[2][:, 0]
    )
    opened = tape.gates[0, 1].item()
    return [w * x + u * h + b, opened, opened * g]


def left_on_carousel(b, k):
    """Return what is left of a gradient 1 and k steps back along c, with the forget gate at σ(b)."""
    zero, bias = np.zeros((1, 1)), np.array([0, b, 0, 0.0])
    cell = lstm.forward(np.zeros((k, 1, 1)), zero, zero, np.zeros((4, 1)), np.zeros((4, 1)), bias)
    return [gradients.cell_jacobian(cell[2], 0, t)[0].item() for t in (1, k)]


def left_in_unit(w, h, k):
    """Return the same of a vanilla unit of weight w that its input holds at h."""
    x, state, one = np.zeros((k, 1, 1)), h, np.ones((1, 1))
    for t in range(k):
        x[t] = np.arctanh(h) - w * state
        state = np.tanh(x[t].item() + w * state)
    unit = rnn.forward(x, h * one, one, w * one, np.zeros(1))
    return list(gradients.by_lag(one, unit[2])[[1, k], 0])


def lag(b, w, h, k):
    """Return factor, rest after k steps, horizon and range, of the carousel and of a vanilla unit.

    The range is of the rest, with each number of the unit up to 0.1 off.
    """
    k = int(k)
    ends = max(0, w - 0.1), min(0.99, h + 0.1)
    carousel = [left_on_carousel(bias, k) for bias in (b, b - 0.1, b + 0.1)]
    unit = [left_in_unit(*v, k) for v in ((w, h), ends, (w + 0.1, max(0, h - 0.1)))]
    numbers = []
    for (factor, rest), (_, least), (_, most) in (carousel, unit):
        with np.errstate(divide="ignore"):
            horizon = np.log(0.01) / np.log(factor) if factor < 1 else np.inf
        numbers += [factor, rest, horizon, least, most]
    return numbers


def clip(x, y, threshold):
    """Return the length, then the clipped gradient and its turn, by norm and by value."""
    g = [np.array([x, y])]
    by_norm, length = gradients.clip_by_norm(g, threshold)
    kinds = [by_norm, gradients.clip_by_value(g, threshold)]
    turned = [gradients.angle(k, g) if length else np.nan for k in kinds]
    return [length, *by_norm[0], turned[0], *kinds[1][0], turned[1]]


# Element, its page, what its numbers are by the package.
EXPLORERS = [
    ("lstm-gate", "book/2-cell/gates.html", gate),
    ("lstm-lag", "book/2-cell/flow.html", lag),
    ("lstm-clip", "book/1-problem/clipping.html", clip),
]
every_explorer = pytest.mark.parametrize(("name", "page", "package"), EXPLORERS)
SHOWN = """(element) => {
  const flat = (n) => (typeof n === "object" ? Object.values(n).flatMap(flat) : [n]);
  const texts = [...element.querySelectorAll(".result [data-name]")].map((n) => n.innerText);
  return [flat(element.numbers), texts.join(" ")];
}"""


def values_of(explorer):
    """Return where the sliders of an explorer stand."""
    at = explorer.evaluate("""(element) => Object.fromEntries(
        [...element.querySelectorAll("input")].map((i) => [i.name, i.valueAsNumber]))""")
    return {name: float(value) for name, value in at.items()}


def assert_is_right(explorer, package):
    """Compare an explorer's numbers with the package, and what is shown with its numbers."""
    numbers, texts = explorer.evaluate(SHOWN)
    expected = package(**values_of(explorer))
    tiny = 1e-150 if package is lag else 1e-12  # a rest is tiny and has to be right even so
    assert numbers == pytest.approx(expected, rel=1e-6, abs=tiny, nan_ok=True)
    plain = texts.replace("\u2212", "-").replace("\u00b710", "e").replace(",", "")
    shown = [float(n) for n in re.findall(r"-?[\d.]+(?:e-?\d+)?", plain)]
    assert shown == pytest.approx([n for n in numbers if math.isfinite(n)], rel=0.05, abs=0.5)
    small = [n for n in numbers if math.isfinite(n) and abs(n) < 1]
    assert len(small) == 0 or min(abs(s - small[0]) for s in shown) < 0.0051
    return numbers


@every_explorer
def test_each_slider_of_an_explorer_works_by_keyboard(name, page, package, watched):
    tab = watched.open(page)
    explorer = tab.locator(name)
    before = assert_is_right(explorer, package)
    explorer.locator("button").last.focus()
    tab.keyboard.press("Shift+Tab")  # so that the sliders come by Tab, as a reader meets them
    for slider in values_of(explorer):
        tab_to(tab, f"{name} input[name={slider}]", limit=3)
        for key in ("End", "ArrowLeft", "ArrowDown", "Home", "ArrowRight"):
            tab.keyboard.press(key)
            now = assert_is_right(explorer, package)
        assert now != before, slider
        before = now
    assert watched.faults == []


@every_explorer
def test_an_explorer_has_presets_and_a_way_back(name, page, package, watched):
    tab = watched.open(page)
    explorer = tab.locator(name)
    start = values_of(explorer)
    for button in explorer.get_by_role("button").all()[:-1]:
        button.press("Enter")
        assert_is_right(explorer, package)
        button.press("Tab")
    for slider in explorer.locator("input").all():
        slider.press("Home")
    explorer.get_by_role("button", name="Reset").press("Space")
    assert values_of(explorer) == start
    assert watched.faults == []


@every_explorer
def test_an_explorer_can_be_read_out(name, page, package, watched):
    explorer = watched.open(page).locator(name)
    assert explorer.evaluate("(e) => getComputedStyle(e).display") == "block"
    for slider in explorer.locator("input").all():
        assert slider.evaluate("(s) => s.labels.length") == 1
    picture = explorer.locator(".drawing[role=img], svg [role=img], svg[role=img]")
    assert len(picture.get_attribute("aria-label")) > 20
    assert explorer.locator(".result[aria-live=polite]").count() == 1


@every_explorer
def test_without_scripts_an_explorer_says_why_it_is_not_there(name, page, package, browser, site):
    with without_scripts(browser, site + page) as tab:
        element = tab.locator(name)
        if name == "lstm-gate":  # its drawing stands there
            assert element.locator(".drawing svg").is_visible()
        else:
            assert "needs a browser that runs scripts" in element.inner_text()


def test_what_the_gate_draws_is_what_it_says(watched):
    tab = watched.open("book/2-cell/gates.html")
    seen = {}
    for name in ("Open", "Shut", "Opens on the mark", "Take the mark away"):
        tab.get_by_role("button", name=name, exact=True).press("Enter")
        height = float(tab.locator("lstm-gate .point").get_attribute("cy"))
        seen[name] = [height] + [
            float(tab.locator(f"lstm-gate [data-wire={k}]").evaluate("(e) => e.style.strokeWidth"))
            for k in ("gate", "passes", "content")
        ]
        texts = [tab.locator(f"lstm-gate [data-value={k}]").text_content() for k in ("gate", "z")]
        gate, z = (float(text.replace("\u2212", "-")) for text in texts)
        assert gate == pytest.approx(1 / (1 + math.exp(-z)), abs=0.005)
    for opened, shut in (("Open", "Shut"), ("Opens on the mark", "Take the mark away")):
        assert seen[opened][0] < seen[shut][0] - 70  # y runs downwards
        assert seen[opened][1] > 6 and seen[opened][2] > 5 and seen[shut][2] < 1.1
        assert seen[opened][3] == seen[shut][3]  # the candidate is the same


def test_the_lag_explorer_says_where_a_hundredth_is_left_and_draws_it_there(watched):
    tab = watched.open("book/2-cell/flow.html")
    tab.get_by_role("button", name="Bias 1", exact=True).press("Enter")
    tab.get_by_label("Lag k").fill("15")
    horizon = tab.locator("lstm-lag [data-name=carousel-horizon]")
    assert horizon.inner_text() == "15"
    one, percent, dot = tab.locator("lstm-lag").evaluate("""(e) => [
        ...[...e.querySelectorAll(".tick")].slice(0, 2).map((t) => t.getAttribute("y") - 5),
        Number(e.querySelector(".dot.carousel").getAttribute("cy"))]""")
    assert dot == pytest.approx(percent, abs=1) and percent > one + 10
    tab.get_by_role("button", name="One that explodes").press("Enter")
    assert "never" in tab.locator("lstm-lag [data-name=vanilla-horizon]").inner_text()
    assert float(tab.locator("lstm-lag .dot.vanilla").get_attribute("cy")) < one


def test_the_clip_explorer_draws_a_kept_and_a_bent_direction(watched):
    explorer = watched.open("book/1-problem/clipping.html").locator("lstm-clip")
    slopes = {}
    for name in ("given norm", "clipped norm", "given value", "clipped value"):
        path = explorer.locator("." + name.replace(" ", ".")).get_attribute("d")
        x0, y0, x1, y1 = map(float, re.match(r"M(\S+) (\S+)L([-\d.]+) ([-\d.]+)", path).groups())
        slopes[name] = (y0 - y1) / (x1 - x0)
    assert slopes["clipped norm"] == pytest.approx(4 / 3) == slopes["given value"]
    assert slopes["clipped value"] == pytest.approx(1)


def test_the_lag_explorer_starts_where_a_small_error_ruins_the_vanilla_unit_alone(watched):
    explorer = watched.open("book/2-cell/flow.html").locator("lstm-lag")
    numbers = explorer.evaluate("(e) => e.numbers")
    cell, unit = numbers["carousel"], numbers["vanilla"]
    assert cell["left"] > unit["left"] > cell["left"] / 2  # much the same when all is exact
    assert cell["most"] < 2 * cell["least"] and unit["most"] > 1e9 * unit["least"]
    assert unit["least"] < 1e-6 and unit["most"] > 1e3  # vanished, exploded
    areas = {}
    for name in ("carousel", "vanilla"):
        points = re.findall(
            r"[ML]([-\d.]+) ([-\d.]+)", explorer.locator(f".band.{name}").get_attribute("d")
        )
        x, y = np.array(points, dtype=float).T
        assert x.min() >= 52 and x.max() <= 362 and y.min() >= 33 and y.max() <= 187
        areas[name] = abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2
    assert areas["vanilla"] > 50 * areas["carousel"]


CLIPPING = "book/1-problem/clipping.html"


@pytest.mark.parametrize("plane", ["norm", "value"])
def test_the_arrow_of_the_clip_explorer_can_be_dragged(plane, watched):
    tab = watched.open(CLIPPING)
    explorer = tab.locator("lstm-clip")
    explorer.scroll_into_view_if_needed()
    unit = explorer.locator("svg").evaluate("(s) => s.getBoundingClientRect().width / 380 * 17")
    for what, by, expected in (
        ("tip", (-5, -2), {"x": -2, "y": 2, "threshold": 1}),
        ("edge", (-1.5, 1), {"x": -2, "y": 2, "threshold": 2.5}),
        ("edge", (-9, 0), {"x": -2, "y": 2, "threshold": 5}),
    ):
        box = explorer.locator(f".{what}.{plane} circle").last.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        tab.mouse.move(x, y)
        tab.mouse.down()
        tab.mouse.move(x + unit * by[0], y - unit * by[1], steps=4)
        tab.mouse.up()
        tab.mouse.move(5, 5)
        assert values_of(explorer) == pytest.approx(expected, abs=0.1)
        assert_is_right(explorer, clip)
    assert watched.faults == []


def test_the_arrow_of_the_clip_explorer_moves_by_keyboard(watched):
    tab = watched.open(CLIPPING)
    explorer = tab.locator("lstm-clip")
    tab_to(tab, "lstm-clip .edge", limit=400)
    tab.keyboard.press("ArrowRight")
    assert (
        explorer.get_by_role("slider", name="Threshold", exact=True).get_attribute("aria-valuenow")
        == "1.1"
    )
    tab.keyboard.press("Tab")
    for key in ("ArrowLeft", "ArrowDown", "ArrowDown", "Shift+ArrowRight", "Shift+ArrowUp"):
        tab.keyboard.press(key)
    assert values_of(explorer) == {"x": 3.9, "y": 4.8, "threshold": 1.1}
    tip = explorer.get_by_role("slider", name="Gradient: arrow keys move its tip")
    assert tip.get_attribute("aria-valuetext") == "3.9, 4.8"
    tab.keyboard.press("Tab")
    assert focused(tab, "textContent") == "One entry is large"
    assert_is_right(explorer, clip)
    assert watched.faults == []
