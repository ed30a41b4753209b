"""The gradient lab: its arithmetic against the package, and what a reader does with it."""

import numpy as np
import pytest

from lstm_tutorial import gradients, lstm, network, rnn, tasks
from tests.book.pages.axe import violations
from tests.book.pages.tabs import DESK, focused, tab_to, without_scripts

PAGE = "book/1-problem/vanishing.html"
TABLET = {"width": 390, "height": 800}
SIZES = {"adding": 2, "recall": 1}
T, B, H, UPDATES = 12, 8, 8, 20

# The lab's training on the batches and weights that it is given.
TRAIN = """async ([setting, batches]) => {
  const { network, trainer } = await import("/_static/lab/network.mjs");
  const net = network(setting.layer, setting.D, setting.H, 1, setting.params);
  const train = trainer(net, setting);
  const said = batches.map(([x, y]) => train({ x, y, T: setting.T, B: setting.B }));
  return [said.map((s) => s.loss), said.map((s) => s.norm), net.params.map((p) => [...p])];
}"""
LOOK = """async ([setting, x, y]) => {
  const lab = await import("/_static/lab/network.mjs");
  const net = lab.network(setting.layer, setting.D, setting.H, 1, setting.params);
  const { loss, grads, byLag, tape } = lab.lossAndGradients(net, { x, y, T: setting.T, B: setting.B });
  return [loss, grads.map((g) => [...g]), [...byLag], tape.gates && [...tape.gates]];
}"""
every_case = pytest.mark.parametrize("problem", SIZES)
each_layer = pytest.mark.parametrize("layer", ["rnn", "lstm"])


def flat(arrays):
    """Return arrays as lists of numbers, as a page can be given them."""
    return [np.ravel(array).tolist() for array in arrays]


def case(problem, layer):
    """Return a setting for the lab, the weights in it, and batches."""
    rng = np.random.default_rng(0)
    params = network.init(SIZES[problem], H, 1, rng, layer)
    batches = [getattr(tasks, problem)(T, B, rng) for _ in range(UPDATES)]
    setting = {"layer": layer, "D": SIZES[problem], "H": H, "T": T, "B": B, "params": flat(params)}
    return setting, params, batches


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("max_norm", [None, 0.5])
@each_layer
@every_case
def test_twenty_updates_are_those_of_the_package(problem, layer, max_norm, optimizer, watched):
    setting, params, batches = case(problem, layer)
    setting |= {"lr": 0.05, "maxNorm": max_norm, "optimizer": optimizer}
    trained, history = network.train(params, batches, 0.05, max_norm, optimizer, layer)
    assert max_norm is None or history.norms.max() > max_norm > history.norms.min()  # both cases
    tab = watched.open(PAGE)
    losses, norms, weights = tab.evaluate(TRAIN, [setting, [flat(batch) for batch in batches]])
    assert losses == pytest.approx(history.losses.tolist(), rel=1e-9)
    assert norms == pytest.approx(history.norms.tolist(), rel=1e-9)
    for got, expected, before in zip(weights, flat(trained), flat(params), strict=True):
        assert got == pytest.approx(expected, abs=1e-9) and got != before


@each_layer
@every_case
def test_gradients_by_lag_and_gates_are_those_of_the_package(problem, layer, watched):
    setting, params, [(x, y), *_] = case(problem, layer)
    loss, grads = network.loss_and_gradients(params, x, y, layer)
    zero = np.zeros((B, H))
    dh_T = 2 / B * (network.predict(params, x, layer)[-1] - y) @ params[3]
    if layer == "rnn":
        tape = rnn.forward(x, zero, *params[:3])[2]
        by_lag = gradients.by_lag(dh_T, tape)[:T]
    else:
        tape = lstm.forward(x, zero, zero, *params[:3])[2]
        by_lag = np.linalg.norm(sum(gradients.cell_by_lag(tape, dh_T)), axis=2)[:T]
    tab = watched.open(PAGE)
    got = tab.evaluate(LOOK, [setting, *flat([x, y])])
    assert got[0] == pytest.approx(loss, rel=1e-12)
    for mine, expected in zip(got[1], flat(grads), strict=True):
        assert mine == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert got[2] == pytest.approx(by_lag.mean(axis=1).tolist(), rel=1e-9)
    if layer == "lstm":
        o, i, f, g = tape.gates[:T, :4].transpose(1, 0, 3, 2)  # each (T, B, H)
        expected = np.concatenate([i, f, g, o], axis=2).ravel()
        assert got[3] == pytest.approx(expected.tolist(), rel=1e-12)


def test_what_does_not_fit_or_explodes_is_refused(watched):
    setting, _, [(x, y), *_] = case("adding", "rnn")
    tab = watched.open(PAGE)
    with pytest.raises(Exception, match="expected 24"):
        tab.evaluate(LOOK, [setting | {"T": 1, "B": 12}, *flat([x, y])])
    with pytest.raises(Exception, match=r"params\[1\]: expected 64"):
        wrong = [[0] * 16, [0] * 63, *setting["params"][2:]]
        tab.evaluate(LOOK, [setting | {"params": wrong}, *flat([x, y])])
    with pytest.raises(Exception, match="layer: expected rnn or lstm, got gru"):
        tab.evaluate(LOOK, [setting | {"layer": "gru"}, *flat([x, y])])
    far = [flat([x, 1e200 * y])]
    with pytest.raises(Exception, match="not finite"):
        tab.evaluate(TRAIN, [setting | {"lr": 0.1, "maxNorm": 1}, far])


DRAW = """async ([problem, T, B, start]) => {
  const { draw, generator, init } = await import("/_static/lab/problems.mjs");
  const { x, y, marked } = draw(problem, T, B, generator(3));
  const setting = { start, scale: 1.5, forget: 2, input: -1 };
  const weights = ["rnn", "lstm"].map((layer) => init(layer, 2, 8, setting, generator(4)));
  return [[...x], [...y], marked, ...weights.map((p) => p.map((a) => [...a]))];
}"""


@every_case
def test_problems_are_those_of_the_package(problem, watched):
    tab = watched.open(PAGE)
    x, y, marked, *_ = tab.evaluate(DRAW, [problem, 9, 2000, "uniform"])
    x = np.reshape(x, (9, 2000, SIZES[problem]))
    places = np.array(marked)
    mine, package = [x, np.reshape(y, (-1, 1))], getattr(tasks, problem)(9, 2000, rng=0)
    for got, expected in zip(mine, package, strict=True):
        assert got.mean() == pytest.approx(expected.mean(), abs=0.07)
        assert got.std() == pytest.approx(expected.std(), abs=0.03)
    if problem == "recall":
        assert np.array_equal(x[0], mine[1]) and (places == 0).all()
        return
    assert np.allclose((x[..., 0] * x[..., 1]).sum(axis=0), y)
    assert set(places[:, 0]) == set(range(4)) and set(places[:, 1]) == set(range(4, 9))
    assert np.array_equal(x[..., 1].sum(axis=0), np.full(2000, 2))


@pytest.mark.parametrize("start", ["uniform", "orthogonal", "identity"])
def test_starts_are_what_they_are_called(start, watched):
    tab = watched.open(PAGE)
    *_, plain, cell = tab.evaluate(DRAW, ["adding", 4, 1, start])
    blocks = [np.reshape(plain[1], (8, 8)), *np.reshape(cell[1], (4, 8, 8))]
    for block in blocks:
        if start == "uniform":
            assert 0.7 < np.abs(block).max() * np.sqrt(8) / 1.5 <= 1
        else:
            assert np.allclose(block @ block.T, 1.5**2 * np.eye(8))
        assert np.array_equal(block, 1.5 * np.eye(8)) == (start == "identity")
    assert cell[2][:16] == [-1] * 8 + [2] * 8


def state_of(tab):
    """Return the updates done, and the loss and gradients that the table shows, by network."""
    return tab.locator("lstm-lab").evaluate("""(lab) => [lab.last.update, Object.fromEntries(
      [...lab.querySelectorAll("[data-table=networks] tbody tr")].map((row) =>
        [row.cells[0].innerText, [...row.cells].slice(1).map((cell) => cell.innerText)]))]""")


def open_lab(watched, size=DESK):
    """Open the page at the lab, its worker up."""
    tab = watched.open(PAGE, size)
    tab.locator("lstm-lab").scroll_into_view_if_needed()
    tab.wait_for_function("document.querySelector('lstm-lab').last?.update === 0")
    return tab


def wait_for_updates(tab, least):
    tab.wait_for_function("(n) => document.querySelector('lstm-lab').last?.update >= n", arg=least)


def test_the_lab_is_started_stepped_and_reset_by_keyboard(watched):
    tab = open_lab(watched)
    before = state_of(tab)
    assert list(before[1]) == ["RNN", "LSTM"] and before[1]["RNN"][:2] == ["–", "–"]
    tab_to(tab, "lstm-lab [data-do=start]", limit=600)
    tab.keyboard.press("Enter")
    wait_for_updates(tab, 20)
    assert focused(tab, "textContent") == "Pause"
    tab.keyboard.press("Enter")
    tab.wait_for_function("document.querySelector('lstm-lab').running === false")
    assert "Paused after" in tab.locator("lstm-lab .result").inner_text()
    paused = state_of(tab)
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    wait_for_updates(tab, paused[0] + 10)
    assert state_of(tab)[0] == paused[0] + 10
    seen = []
    for _ in range(2):  # the same seed is the same run
        tab.locator("lstm-lab [data-do=reset]").press("Enter")
        tab.wait_for_function("document.querySelector('lstm-lab').last?.update === 0")
        assert state_of(tab) == before
        tab.locator("lstm-lab [data-do=step]").press("Enter")
        wait_for_updates(tab, 10)
        seen.append(state_of(tab))
    assert seen[0] == seen[1]
    assert tab.locator("lstm-lab progress").get_attribute("max") == "1000"
    assert watched.faults == []


def test_a_change_of_a_setting_starts_anew_and_shows_at_once(watched):
    tab = open_lab(watched)

    def left_of(layer):
        return tab.locator("lstm-lab").evaluate(
            "(lab, layer) => lab.last.runs.find((run) => run.layer === layer)?.left.at(-1)", layer
        )

    def change(act):
        known = tab.evaluate("document.querySelector('lstm-lab').last.id")
        act()
        tab.wait_for_function("(n) => document.querySelector('lstm-lab').last?.id > n", arg=known)

    usual = left_of("lstm")
    change(lambda: tab.get_by_label("LSTM: forget bias").press("End"))
    assert left_of("lstm") > 100 * usual
    usual = left_of("rnn")
    change(lambda: tab.get_by_role("button", name="Orthogonal start").press("Enter"))
    assert left_of("rnn") > 1e4 * usual
    change(lambda: tab.get_by_label("Network", exact=True).select_option("rnn"))
    assert left_of("lstm") is None
    assert not tab.locator("lstm-lab [data-table=gates]").is_visible()
    change(lambda: tab.get_by_label("Problem").select_option("recall"))
    assert tab.locator("lstm-lab [data-drawing=loss] .tick").last.text_content() == "1"
    change(lambda: tab.get_by_role("button", name="RNN against LSTM").press("Enter"))
    assert list(state_of(tab)[1]) == ["RNN", "LSTM"]
    assert watched.faults == []


def test_by_default_the_lstm_learns_what_the_rnn_does_not(watched):
    tab = open_lab(watched)
    left = tab.evaluate("document.querySelector('lstm-lab').first.runs[0].left")
    assert len(left) == 30 and 3e-9 < left[-1] < 3e-8
    tab.get_by_label("Speed").select_option("0")
    tab.locator("lstm-lab [data-do=start]").press("Enter")
    tab.wait_for_function(
        "document.querySelector('lstm-lab').last?.runs[1].solved > 0", timeout=60_000
    )
    said = tab.locator("lstm-lab .result").inner_text()
    solved = int(state_of(tab)[1]["LSTM"][1])
    assert solved < 700 and f"The LSTM has solved the problem after {solved} updates" in said
    plain, cell = tab.evaluate("document.querySelector('lstm-lab').last.runs")
    assert plain["solved"] is None and plain["loss"] > 0.14
    assert cell["left"][-1] > 0.3 > 1e-3 > plain["left"][-1]
    gate = cell["gates"][0]
    assert gate["name"] == "i" and gate["matter"] > gate["others"] + 0.1
    assert watched.faults == []


@pytest.mark.parametrize(
    ("preset", "solved"),
    [
        ("Short lag", [True, True]),
        ("Recall, forget bias 1", [False]),
        ("Recall, forget bias 3", [True]),
    ],
)
def test_the_presets_show_what_the_text_says_of_them(preset, solved, watched):
    tab = open_lab(watched)
    tab.get_by_label("Speed").select_option("0")
    tab.get_by_role("button", name=preset).press("Enter")
    tab.locator("lstm-lab [data-do=start]").press("Enter")
    done = """() => { const { last, running } = document.querySelector("lstm-lab");
      if (!last) return false;  // the worker has not answered yet
      return last.update === 1000 || (running && last.runs.every((run) => run.solved)); }"""
    tab.wait_for_function(done, timeout=90_000)
    runs = tab.evaluate("document.querySelector('lstm-lab').last.runs")
    assert [run["solved"] is not None for run in runs] == solved
    if len(runs) == 2:
        assert runs[0]["solved"] > 1.5 * runs[1]["solved"]
    assert all(run["solved"] or run["loss"] > 0.95 for run in runs)


def add_lab(tab, attributes):
    """Put one more lab before the page's own, its worker up, and return it."""
    tab.evaluate(
        """(attributes) => {
          const lab = document.createElement("lstm-lab");
          for (const [name, value] of Object.entries(attributes)) lab.setAttribute(name, value);
          document.querySelector("lstm-lab").before(lab);
          lab.scrollIntoView(); }""",
        attributes,
    )
    tab.wait_for_function("document.querySelector('lstm-lab').last?.update === 0")
    return tab.locator("lstm-lab").first


SMALL = {"problem": "recall", "network": "rnn", "length": 5, "units": 8, "optimizer": "sgd"}


def test_a_page_chooses_where_its_lab_starts_and_start_adds_to_what_is_done(watched):
    tab = open_lab(watched)
    lab = add_lab(tab, SMALL)
    assert lab.evaluate(
        "(lab, names) => names.every((n) => lab.settings[n] == lab.getAttribute(n))", list(SMALL)
    )
    lab.locator("[data-speed]").select_option("0")
    for done in (1000, 2000):
        lab.locator("[data-do=start]").press("Enter")
        wait_for_updates(tab, done)
        said = lab.locator(".result").inner_text()
        assert said.endswith(f"{done} updates done. Start adds more.")
        assert lab.locator("progress").get_attribute("max") == str(done)
        assert lab.locator("[data-do=start]").inner_text() == "Start"
    lab.locator("[data-do=start]").press("Enter")
    lab.locator("[data-speed]").select_option("10")  # in the middle of a run
    tab.wait_for_function("document.querySelector('lstm-lab').last.update > 2000")
    lab.evaluate("(lab) => lab.remove()")
    assert watched.faults == []


def test_a_network_that_diverges_is_said_to(watched):
    tab = open_lab(watched)
    lab = tab.locator("lstm-lab")
    lab.evaluate("""(lab) => {
      const runs = lab.last.runs.map((run, k) => ({ ...run, failed: k === 0 }));
      lab.show({ ...lab.last, runs }); }""")
    assert lab.locator(".result").inner_text() == "The RNN has diverged."
    assert state_of(tab)[1]["RNN"][0] == "diverged"


def test_a_worker_that_does_not_come_is_missed(watched):
    tab = watched.tab
    tab.route("**/worker.mjs", lambda route: route.abort())
    try:
        watched.open(PAGE)
        tab.locator("lstm-lab").scroll_into_view_if_needed()
        tab.get_by_text("The training could not be started").wait_for()
    finally:
        tab.unroute("**/worker.mjs")


def test_the_lab_can_be_read_out(watched):
    tab = open_lab(watched)
    lab = tab.locator("lstm-lab")
    lab.locator("summary").press("Enter")
    for control in lab.locator("input, select, progress").all():
        assert control.evaluate("(c) => c.labels.length") == 1
    for drawing in lab.locator("svg[role=img]").all():
        assert len(drawing.get_attribute("aria-label")) > 40
    assert lab.locator("[aria-live=polite]").count() == 1
    lab.locator("[data-do=step]").press("Enter")
    wait_for_updates(tab, 10)
    for theme in ("light", "dark"):
        assert violations(tab, theme, part="lstm-lab", whole=True) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_lab_fits_a_phone(theme, watched):
    tab = open_lab(watched, TABLET)
    tab.locator("lstm-lab summary").press("Enter")
    assert tab.evaluate("document.scrollingElement.scrollWidth") <= TABLET["width"]
    letters = tab.locator("lstm-lab svg text").first.evaluate(
        "(t) => t.getBoundingClientRect().height"
    )
    assert letters > 12
    assert violations(tab, theme, part="lstm-lab", whole=True) == []


def test_the_lab_is_fetched_where_it_is_wanted_alone(watched):
    asked = []
    watched.tab.on("request", lambda request: asked.append(request.url))
    watched.open("book/1-problem/clipping.html").wait_for_load_state("networkidle")
    assert asked and not any(".mjs" in url for url in asked)


def test_without_scripts_the_lab_shows_a_run_that_was_stored(browser, site):
    with without_scripts(browser, site + PAGE) as tab:
        lab = tab.locator("lstm-lab")
        assert "needs a browser that runs scripts" in lab.inner_text()
        image = lab.locator("img")
        assert image.evaluate("(i) => i.complete && i.naturalWidth") > 700
        assert len(image.get_attribute("alt")) > 40
