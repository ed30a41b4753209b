"""The player of one-unit LSTMs in the chapter on the cell state."""

import json

import numpy as np
import pytest

from lstm_tutorial import lstm
from tests.book.pages.tabs import focused, tab_to, without_scripts

STATE = "book/2-cell/state.html"


def shown(tab):
    """Return what the player's table and its announcement say, numbers as text."""
    cells = tab.locator("lstm-player [data-value]").all()
    table = {cell.get_attribute("data-value"): cell.text_content() for cell in cells}
    return table, tab.locator("lstm-player [aria-live=polite]").text_content()


def is_shown(text, value):
    """Return whether a text is the number, rounded to two digits."""
    number = float(text.replace("−", "-"))
    return abs(number - value) <= 0.005 + 1e-9 and text == f"{number:.2f}".replace("-", "−")


def steps_of(cell):
    """Yield each step of a cell of the player as `lstm.step` computes it."""
    weights = [np.array(cell[name], dtype=float) for name in ("W_ih", "W_hh", "b")]
    h, c = np.zeros((1, 1)), np.zeros((1, 1))
    for x in cell["x"]:
        x_t = np.array([[float(x)]])
        _, _, tape = lstm.forward(x_t[None], h, c, *weights)
        h, c = lstm.step(x_t, h, c, *weights)
        o, i, f, g = tape.gates[0, :4, 0, 0]
        yield {"x": x, "i": i, "f": f, "o": o, "g": g, "c": c.item(), "h": h.item()}


def press(tab, name):
    """Press the player's button of that name by keyboard; the focus must stay on it."""
    tab.get_by_role("button", name=name, exact=True).focus()
    tab.keyboard.press("Enter")
    assert focused(tab, "textContent") == name


@pytest.mark.parametrize("position", [0, 1, 2])
def test_state_player_shows_the_numbers_of_the_package(position, watched):
    tab = watched.open(STATE)
    cells = json.loads(tab.locator("#player-cells").text_content())
    name, cell = list(cells.items())[position]
    tab_to(tab, "lstm-player select", limit=400)
    for _ in range(position):
        tab.keyboard.press("ArrowDown")
    assert focused(tab, "value") == name
    expected = list(steps_of(cell))
    assert 10 <= len(expected) <= 16
    for t, now in enumerate(expected, 1):
        press(tab, "Step")
        table, spoken = shown(tab)
        assert list(table) == list(now)
        states = tab.locator("lstm-player").evaluate("(e) => e.states[e.t]")
        assert states == pytest.approx(now, rel=1e-6, abs=1e-9)
        wrong = {k: (table[k], now[k]) for k in now if not is_shown(table[k], now[k])}
        assert wrong == {}, f"step {t}"
        assert spoken == f"Step {t}: " + ", ".join(f"{k} = {v}" for k, v in table.items())
        points = tab.locator("lstm-player polyline.c").get_attribute("points").split()
        assert len(points) == t + 1
    before = shown(tab)
    press(tab, "Step")  # at the end it stays where it is
    assert shown(tab) == before
    press(tab, "Back")
    assert is_shown(shown(tab)[0]["c"], expected[-2]["c"])
    press(tab, "Start over")
    assert shown(tab)[0]["c"] == "0.00" and shown(tab)[1].startswith("Before the first step")
    assert watched.faults == []


def test_state_player_plays_and_pauses(watched):
    tab = watched.open(STATE)
    play = tab.locator("lstm-player button", has_text="Play")
    play.press("Enter")
    pause = tab.locator("lstm-player button", has_text="Pause")
    tab.wait_for_function(
        "document.querySelector('lstm-player .status').textContent.startsWith('Step 2')"
    )
    pause.press("Enter")
    before = shown(tab)
    tab.wait_for_timeout(1500)
    assert shown(tab) == before
    assert tab.locator("lstm-player").evaluate("(e) => getComputedStyle(e).display") == "block"
    moves = "getComputedStyle(document.querySelector('lstm-player .bar span')).transitionDuration"
    assert tab.evaluate(moves) == "0s"  # this reader asked for less motion


def test_state_player_without_scripts_says_what_is_missing(browser, site):
    with without_scripts(browser, site + STATE) as tab:
        assert tab.locator("lstm-player p").is_visible()
