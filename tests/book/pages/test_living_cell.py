"""The living cell: its arithmetic against the package, what it draws, and what a reader does."""

import json

import numpy as np
import pytest

from lstm_tutorial import gradients, lstm, network, tasks
from tests.book.pages.axe import violations
from tests.book.pages.tabs import DESK, PHONE, focused, tab_to, without_scripts

STATE, FLOW = "book/2-cell/state.html", "book/2-cell/flow.html"
CELL = "document.querySelector('lstm-cell')"


def arrays(cell):
    """Return the weights of a cell of the page as the package takes them."""
    return [np.array(cell[name], dtype=float) for name in ("W_ih", "W_hh", "b")]


def random_cell(seed):
    """Draw weights of one or two units with one or two inputs, some of them large."""
    rng = np.random.default_rng(seed)
    H, D = rng.integers(1, 3, 2)
    scale = rng.choice([0.5, 2, 8])
    shapes = {"W_ih": (4 * H, D), "W_hh": (4 * H, H), "b": (4 * H,), "x": (9, D)}
    return {name: (scale * rng.normal(size=shape)).tolist() for name, shape in shapes.items()}


def run(cell):
    """Return what the package computes, step by step and back, for each unit that may be shown."""
    weights = arrays(cell)
    H = weights[1].shape[1]
    x = np.array(cell["x"], dtype=float)[:, None, :]
    h, c = np.zeros((1, H)), np.zeros((1, H))
    _, _, tape = lstm.forward(x, h, c, *weights)
    steps = []
    for t, x_t in enumerate(x):
        before = (x_t, h, c)
        h, c = lstm.step(*before, *weights)
        o, i, f, g = tape.gates[t, :4, :, 0]
        steps.append({"before": before, "i": i, "f": f, "g": g, "o": o, "c": c[0], "h": h[0]})
    return steps, weights, tape


def assert_steps_agree(found, steps):
    for now, step in zip(found, steps, strict=True):
        for name in "ifgoch":
            assert now[name] == pytest.approx(step[name], rel=1e-6, abs=1e-12), name


def assert_gradients_agree(found, steps, weights, tape, unit, loss):
    """Compare the way back with `step_backward` and the split with `cell_by_lag`."""
    H = weights[1].shape[1]
    zero, one = np.zeros((1, H)), np.eye(H)[[unit]]
    dh, dc = (one, zero) if loss == "h" else (zero, one)
    carousel, rest = gradients.cell_by_lag(tape, **{f"d{loss}_T": one})
    for lag, (back, step) in enumerate(zip(found, steps[::-1], strict=True)):
        dx, dh, dc, *_, db = lstm.step_backward(dh, dc, *step["before"], *weights)
        expected = {"dx": dx[0], "dh_prev": dh[0], "dc_prev": dc[0], "db": db}
        expected |= {"carousel": carousel[lag, 0], "gates": rest[lag, 0]}
        for name, value in expected.items():
            assert back[name] == pytest.approx(value, rel=1e-6, abs=1e-12), (name, lag)


@pytest.fixture(scope="module")
def state(watched):
    return watched.open(STATE)


@pytest.mark.parametrize("loss", ["c", "h"])
@pytest.mark.parametrize("seed", range(20))
def test_random_cells_have_the_numbers_of_the_package(seed, loss, state):
    cell = random_cell(seed)
    steps, weights, tape = run(cell)
    for unit in range(weights[1].shape[1]):
        found, back = state.evaluate(
            """([cell, unit, loss]) => {
              const steps = LstmMath.run(cell.x, cell);
              return [steps, LstmMath.runBackward(steps, cell, unit, loss)];
            }""",
            [cell, unit, loss],
        )
        assert_steps_agree(found, steps)
        assert_gradients_agree(back, steps, weights, tape, unit, loss)


@pytest.mark.parametrize("name", ["counter", "latch", "leaky", "adder", "empty"])
def test_presets_have_the_numbers_of_the_package(name, state):
    found, back, cell = state.evaluate(
        f"(name) => {{ {CELL}.load(name); const e = {CELL}; return [e.steps, e.gradients, e.cell]; }}",
        name,
    )
    steps, weights, tape = run(cell)
    assert_steps_agree(found, steps)
    assert_gradients_agree(back, steps, weights, tape, 0, "c")


def test_the_trained_adder_adds(state):
    cell = state.evaluate("CELL_PRESETS.adder")
    weight, bias = cell["readout"]
    x, y = tasks.adding(12, 2000, rng=1)
    params = [*arrays(cell), np.array([[weight]]), np.array([bias])]
    error = np.mean((network.predict(params, x, layer="lstm")[-1] - y) ** 2)
    assert error < 1e-3 < 0.1 < y.var()


def shown(tab, name):
    """Return what stands on a wire of the layout that is seen, as a number."""
    text = tab.locator(f"lstm-cell svg.wide [data-value={name}]").text_content()
    return float(text.replace("−", "-"))


def press(tab, name):
    """Press a button of the cell by keyboard; the focus must stay on it."""
    tab.locator("lstm-cell").get_by_role("button", name=name, exact=True).focus()
    tab.keyboard.press("Enter")
    assert focused(tab, "textContent") == name


def test_by_keyboard_a_reader_steps_and_the_drawing_says_the_numbers(watched):
    tab = watched.open(STATE)
    tab_to(tab, "lstm-cell select", limit=400)
    tab.keyboard.press("ArrowDown")
    assert focused(tab, "value") == "latch"
    steps, _, _ = run(tab.evaluate(f"{CELL}.cell"))
    press(tab, "Start over")
    assert tab.locator("lstm-cell .sums").inner_text().startswith("Before the first step")
    for t, step in enumerate(steps, 1):
        press(tab, "Step")
        assert tab.locator("lstm-cell output").text_content() == f"{t} of {len(steps)}"
        for name in "ifgoch":
            assert shown(tab, name) == pytest.approx(step[name][0], abs=0.005), (name, t)
        kept, added = shown(tab, "kept"), shown(tab, "added")
        assert kept + added == pytest.approx(step["c"][0], abs=0.011)
    press(tab, "Step")  # at the end it stays where it is
    assert tab.locator("lstm-cell output").text_content() == f"{len(steps)} of {len(steps)}"
    press(tab, "Back")
    assert shown(tab, "c") == pytest.approx(steps[-2]["c"][0], abs=0.005)
    assert watched.faults == []


def test_the_numbers_are_said_in_words(watched):
    tab = watched.open(STATE)
    tab.evaluate(f"{CELL}.go(4)")
    spoken = tab.locator("lstm-cell > [aria-live=polite]").text_content()
    assert "Forget gate 1.00 times the old cell state 3.00 is 3.00" in spoken
    assert "Input gate 1.00 times candidate −1.00 is −1.00" in spoken
    assert "Their sum is the cell state, 2.00" in spoken
    sums = tab.locator("lstm-cell .sums").inner_text()
    assert "1.00 · 3.00 + 1.00 · (−1.00) = 3.00 − 1.00 = 2.00" in " ".join(sums.split())


def width(tab, name):
    """Return the width of a wire as it is drawn."""
    wire = tab.locator(f"lstm-cell svg.wide [data-wire={name}]").first
    return float(wire.evaluate("(e) => parseFloat(getComputedStyle(e).strokeWidth)"))


def test_a_wire_is_as_wide_as_its_gate_is_open(watched):
    tab = watched.open(STATE)
    tab.locator("lstm-cell select").first.select_option("latch")
    widths = {}
    for t in (6, 10):  # the forget gate shuts at the tenth step
        tab.evaluate(f"{CELL}.go({t})")
        widths[t] = width(tab, "f")
        moves = tab.locator("lstm-cell .wire").first
        assert moves.evaluate("(e) => getComputedStyle(e).transitionDuration") == "0s"
    assert widths[6] > widths[10] + 4


def test_backward_the_arrows_turn_and_the_two_parts_stay_apart(watched):
    tab = watched.open(FLOW)
    assert tab.locator("lstm-cell svg.wide .head.rear").first.is_visible()
    assert not tab.locator("lstm-cell svg.wide .head.fore").first.is_visible()
    steps, _, tape = run(tab.evaluate(f"{CELL}.cell"))
    carousel, rest = gradients.cell_by_lag(tape, dc_T=np.ones((1, 1)))
    press(tab, "Start over")
    for lag in range(len(steps)):
        press(tab, "Step")
        sums = tab.locator("lstm-cell .sums p").first.inner_text()
        parts = " ".join(sums.split()).split(" = ")[2].replace("+ ", "").replace("− ", "-")
        found = [float(part.replace("−", "-")) for part in parts.split()]
        expected = [carousel[lag, 0, 0], rest[lag, 0, 0]]
        assert found == pytest.approx(expected, abs=0.0055), lag
    press(tab, "Forward")
    assert tab.locator("lstm-cell svg.wide .head.fore").first.is_visible()
    assert watched.faults == []


def test_it_plays_faster_and_pauses(watched):
    tab = watched.open(STATE)
    press(tab, "Start over")
    tab.get_by_label("Speed").select_option("fast")
    tab.get_by_role("button", name="Play", exact=True).press("Enter")
    tab.wait_for_function(f"{CELL}.t === 3", timeout=3000)
    tab.get_by_role("button", name="Pause", exact=True).press("Enter")
    before = tab.evaluate(f"{CELL}.t")
    tab.wait_for_timeout(900)
    assert tab.evaluate(f"{CELL}.t") == before
    assert tab.get_by_role("button", name="Play", exact=True).count() == 1


def enter(tab, label, value):
    tab.locator("lstm-cell").get_by_label(label, exact=True).fill(value)


def test_the_challenge_tells_a_counter_from_what_does_not_count(watched):
    tab = watched.open(STATE)
    tab.locator("lstm-cell summary").press("Enter")
    press(tab, "Take the challenge")
    press(tab, "Check my cell")
    result = tab.locator("lstm-cell .editor .result")
    assert "Not yet: after 1 the cell state is 0.00, and should be 1." in result.inner_text()
    enter(tab, "candidate, x", "20")
    enter(tab, "input gate, bias", "40")
    press(tab, "Check my cell")
    assert "Not yet: after 1, 1 the cell state is 1.50, and should be 2." in result.inner_text()
    enter(tab, "forget gate, bias", "40")
    press(tab, "Check my cell")
    assert result.inner_text().startswith("It counts.")
    assert tab.locator("lstm-cell select").first.input_value() == "own"
    assert tab.evaluate(f"{CELL}.steps.at(-1).c[0]") == pytest.approx(4)
    assert watched.faults == []


def test_weights_units_and_inputs_can_be_entered(watched):
    tab = watched.open(STATE)
    tab.locator("lstm-cell summary").press("Enter")
    tab.get_by_label("Units").select_option("2")
    tab.get_by_label("Inputs").select_option("2")
    enter(tab, "Sequence of x1", "1, -0.5 2")
    assert tab.evaluate(f"{CELL}.cell.x.length") == 14  # one line has more numbers than the other
    enter(tab, "Sequence of x2", "0, 1, 0")
    tab.keyboard.press("Tab")
    tab.get_by_label("Unit shown").select_option("2")
    enter(tab, "output gate, h1", "-3")
    cell = tab.evaluate(f"{CELL}.cell")
    assert cell["x"] == [[1, 0], [-0.5, 1], [2, 0]] and cell["W_hh"][7] == [-3, 0]
    steps, _, _ = run(cell)
    assert_steps_agree(tab.evaluate(f"{CELL}.steps"), steps)
    enter(tab, "Sequence of x1", "one")
    tab.keyboard.press("Tab")
    assert "Enter 1 to 60 numbers" in tab.locator("lstm-cell .fault").inner_text()
    assert tab.evaluate(f"{CELL}.cell") == cell
    assert watched.faults == []


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("page", [STATE, FLOW])
def test_open_and_alive_axe_finds_nothing_and_nothing_sticks_out(page, size, watched):
    tab = watched.open(page, size=size)
    tab.locator("lstm-cell summary").press("Enter")
    tab.get_by_label("Inputs").select_option("2")
    tab.get_by_label("Units").select_option("2")
    for theme in ("light", "dark"):
        assert violations(tab, theme, part="lstm-cell") == []
    wide = tab.evaluate("""() => [...document.querySelectorAll("lstm-cell *")].filter((e) =>
      e.getBoundingClientRect().right > document.querySelector("lstm-cell").getBoundingClientRect().right + 1
      && e.checkVisibility() && !e.closest(".visually-hidden")).map((e) => e.outerHTML.slice(0, 80))""")
    assert wide == []
    seen = tab.locator("lstm-cell .drawing > svg:visible")
    assert seen.count() == 1
    assert seen.get_attribute("class") == ("upright" if size == PHONE else "wide")


@pytest.mark.parametrize("page", [STATE, FLOW])
def test_without_scripts_the_drawing_stands_there(page, browser, site):
    with without_scripts(browser, site + page) as tab:
        drawing = tab.locator("lstm-cell .drawing")
        assert drawing.is_visible() and len(drawing.get_attribute("aria-label")) > 100
        assert drawing.locator("svg.wide").is_visible()
        assert "web page" not in tab.locator("lstm-cell").inner_text()


def test_presets_have_the_shapes_of_the_package(state):
    presets = json.loads(state.evaluate("JSON.stringify(CELL_PRESETS)"))
    for cell in presets.values():
        H, D = len(cell["W_hh"][0]), len(cell["W_ih"][0])
        assert [len(cell[k]) for k in ("W_ih", "W_hh", "b")] == [4 * H] * 3
        assert all(len(x) == D for x in cell["x"])


def test_a_second_cell_may_be_compact_and_begin_elsewhere(watched):
    tab = watched.open(STATE)
    tab.evaluate("""() => {
      const cell = document.createElement("lstm-cell");
      cell.append(document.querySelector("lstm-cell .drawing").cloneNode(true));
      for (const [name, value] of [["compact", ""], ["preset", "leaky"], ["step", "3"]])
        cell.setAttribute(name, value);
      document.querySelector("article").append(cell);
    }""")
    second = tab.locator("lstm-cell").nth(1)
    assert second.locator("output").text_content() == "3 of 14"
    assert second.locator("details, .course").count() == 0
    assert (
        tab.evaluate("new Set([...document.querySelectorAll('lstm-cell')].map((e) => e.id)).size")
        == 2
    )
    assert violations(tab, "light", part="lstm-cell[compact]") == []
    assert watched.faults == []
