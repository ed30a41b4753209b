"""The algorithm of 1997: its counts, its truncated gradient, its stopping rule; compiled or not."""

import importlib.util
import math
import sys
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tutorial import original
from lstm_tutorial.original import Network, Recent, Weights
from lstm_tutorial.original import tasks as tasks_1997

# The paper's tables 1 to 9: network and number of weights.
PAPER = [
    (Network(7, 4, 1, 7, "gates"), 264),
    (Network(7, 3, 2, 7, "gates"), 276),
    *[
        (Network(p + 4, 2, 1, 2, "none"), weights)
        for p, weights in [(50, 364), (100, 664), (200, 1264), (500, 3064), (1000, 6064)]
    ],
    (Network(1, 3, 1, 1, "hidden"), 102),
    (Network(2, 2, 2, 1), 93),
    (Network(8, 2, 2, 4), 156),
    (Network(8, 3, 2, 8), 308),
    (Network(101, 1, 1, 101, "none", False, False, shortcut=True, plain=True), 10504),
]


@pytest.mark.parametrize("network, weights", PAPER)
def test_weights_are_as_many_as_in_the_paper(network, weights):
    assert original.count(network) == weights


networks = st.builds(
    Network,
    inputs=st.integers(1, 4),
    blocks=st.integers(1, 3),
    size=st.integers(1, 3),
    outputs=st.integers(1, 3),
    bias=st.sampled_from(["all", "hidden", "gates", "none"]),
    recurrent=st.booleans(),
    output_gate=st.booleans(),
    shortcut=st.booleans(),
    plain=st.booleans(),
    spread=st.just(0.8),
)


@given(networks)
def test_the_count_is_that_of_the_weights_there_are(network):
    mask = original.connections(network)
    assert mask.W.sum() + mask.V.sum() == original.count(network)
    weights = original.start(network, 0)
    assert ((weights.W != 0) == (mask.W == 1)).all() and ((weights.V != 0) == (mask.V == 1)).all()


def test_weights_start_in_their_range_and_gates_at_their_biases():
    network = Network(50, 3, 2, 20, spread=0.2, input_bias=(-1, -3, -5), output_bias=(-2, -4, -6))
    weights = original.start(network, 3)
    assert weights.W[:6, -1].tolist() == [-1, -3, -5, -2, -4, -6]
    drawn = np.concatenate([weights.W[:, :-1].ravel(), weights.W[6:, -1], weights.V[:, :6].ravel()])
    assert np.abs(drawn).max() < 0.2 and drawn.std() == pytest.approx(0.2 / np.sqrt(3), rel=0.05)


def sequences(network, seed, batch=1, length=6, every=False):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(length, batch, network.inputs)) * rng.integers(0, 2, (length, batch, 1))
    y = rng.random((length, batch, network.outputs) if every else (batch, network.outputs))
    return x, y, rng.integers(1, length + 1, batch)


# An independent reading of appendix A.1, unit by unit, with the derivative of every state by every
# weight kept in a dictionary under the pair (to, from).


def logistic(z):
    return 1 / (1 + math.exp(-z))


def names(network):
    """Return the units in the order of the rows of W, and those of the columns of W and V."""
    hidden = [
        *[("in", j) for j in range(network.blocks)],
        *[("out", j) for j in range(network.blocks)],
        *[("cell", j, v) for j in range(network.blocks) for v in range(network.size)],
    ]
    inputs = [("input", i) for i in range(network.inputs)]
    return hidden, [*inputs, *hidden, "bias"], [*hidden[2 * network.blocks :], *inputs, "bias"]


def unpacked(network, weights):
    """Return the weights of the connections that are there, by (to, from)."""
    hidden, into_hidden, into_outputs = names(network)
    mask, found = original.connections(network), {}
    for rows, columns, array, there in [
        (hidden, into_hidden, weights.W, mask.W),
        ([("y", k) for k in range(network.outputs)], into_outputs, weights.V, mask.V),
    ]:
        for r, to in enumerate(rows):
            for c, source in enumerate(columns):
                if there[r, c]:
                    found[to, source] = array[r, c]
    return found


def literal(network, w, x, targets, lr):
    """Run one sequence and return the weights after it; `targets` holds None where none is given."""
    if network.plain:
        g, g_slope, h, h_slope = (
            logistic,
            lambda z: logistic(z) * (1 - logistic(z)),
            float,
            lambda s: 1,
        )
    else:
        g = lambda z: 4 * logistic(z) - 2  # noqa: E731
        g_slope = lambda z: 4 * logistic(z) * (1 - logistic(z))  # noqa: E731
        h = lambda s: 2 * logistic(s) - 1  # noqa: E731
        h_slope = lambda s: 2 * logistic(s) * (1 - logistic(s))  # noqa: E731
    w = dict(w)
    blocks, size = range(network.blocks), range(network.size)
    y = {unit: 0.0 for unit in names(network)[0]}
    s = {(j, v): 0.0 for j in blocks for v in size}
    ds = {}  # (cell, weight): derivative of the cell's state by the weight

    def net(unit, seen):
        return sum(weight * seen[source] for (to, source), weight in w.items() if to == unit)

    for x_t, wanted in zip(x, targets, strict=True):
        before = {**y, **{("input", i): value for i, value in enumerate(x_t)}, "bias": 1.0}
        for j in blocks:
            y["in", j] = logistic(net(("in", j), before))
            y["out", j] = logistic(net(("out", j), before)) if network.output_gate else 1.0
            for v in size:
                z = net(("cell", j, v), before)
                s[j, v] += y["in", j] * g(z)
                y["cell", j, v] = y["out", j] * h(s[j, v])
                for to, source in w:
                    old = ds.get((j, v, to, source), 0.0)
                    if to == ("cell", j, v):
                        ds[j, v, to, source] = old + y["in", j] * g_slope(z) * before[source]
                    if to == ("in", j):
                        gate_slope = y["in", j] * (1 - y["in", j])
                        ds[j, v, to, source] = old + g(z) * gate_slope * before[source]
        if wanted is None:
            continue
        after = {**before, **y}
        out = [logistic(net(("y", k), after)) for k in range(network.outputs)]
        delta = [(d - o) * o * (1 - o) for d, o in zip(wanted, out, strict=True)]
        change = {}
        for to, source in w:
            if to[0] == "y":
                change[to, source] = delta[to[1]] * after[source]
                continue
            total = 0.0
            for v in size:
                j = to[1]
                if to[0] == "cell" and to[2] != v:
                    continue
                back = sum(w[("y", k), ("cell", j, v)] * delta[k] for k in range(len(out)))
                if to[0] == "out":
                    by = h(s[j, v]) * y["out", j] * (1 - y["out", j]) * before[source]
                else:
                    by = y["out", j] * h_slope(s[j, v]) * ds[j, v, to, source]
                total += back * by
            change[to, source] = total
        for key, value in change.items():
            w[key] += lr * value
    return w


@settings(max_examples=60, deadline=None)
@given(networks, st.booleans(), st.integers(0, 2**32))
def test_learning_follows_the_papers_equations(network, every, seed):
    weights = original.start(network, seed)
    x, y, (length,) = sequences(network, seed, every=every)
    targets = list(y[:length, 0]) if every else [None] * (length - 1) + [y[0]]
    want = literal(network, unpacked(network, weights), x[:length, 0], targets, lr=0.7)
    assert original.learn(network, weights, x, y, np.array([length]), lr=0.7) == 1
    got = unpacked(network, weights)
    assert got.keys() == want.keys()
    # Sums of some ten terms of size 1, and steps after one another: rounding alone
    assert all(got[key] == pytest.approx(want[key], rel=1e-9, abs=1e-12) for key in want)
    absent = original.connections(network)
    assert (weights.W[absent.W == 0] == 0).all() and (weights.V[absent.V == 0] == 0).all()


def half_squared_error(network, weights, x, y, lengths, every=False):
    if every:
        outputs, _ = original.forward(network, weights, x, lengths)
        return 0.5 * np.nansum((outputs - y) ** 2)
    return 0.5 * ((original.answers(network, weights, x, lengths) - y) ** 2).sum()


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("plain, size", [(False, 2), (True, 1)])
def test_without_recurrent_weights_the_truncated_gradient_is_the_gradient(every, plain, size):
    network = Network(3, 2, size, 2, recurrent=False, plain=plain, spread=0.8)
    before = original.start(network, 1)
    x, y, lengths = sequences(network, 2, every=every)
    after, lr = before.copy(), 1e-3
    original.learn(network, after, x, y, lengths, lr, at_end=True)
    for name in ("W", "V"):
        old, new = getattr(before, name), getattr(after, name)
        mask = getattr(original.connections(network), name)
        for place in zip(*np.nonzero(mask), strict=True):
            moved = [before.copy(), before.copy()]
            for sign, weights in zip((1, -1), moved, strict=True):
                getattr(weights, name)[place] += sign * 1e-5
            high, low = (half_squared_error(network, w, x, y, lengths, every) for w in moved)
            # central differences: error of the order 1e-10, rounding 1e-16 / 1e-5
            assert (new[place] - old[place]) / lr == pytest.approx(-(high - low) / 2e-5, abs=1e-9)


def test_with_recurrent_weights_the_truncated_gradient_is_another():
    network = Network(3, 2, 2, 2, spread=0.8)
    before = original.start(network, 1)
    x, y, lengths = np.ones((6, 1, 3)), np.zeros((1, 2)), np.array([6])
    after = before.copy()
    original.learn(network, after, x, y, lengths, lr=1e-3)
    moved = before.copy()
    moved.W[0, 0] += 1e-5
    slope = (
        half_squared_error(network, moved, x, y, lengths)
        - half_squared_error(network, before, x, y, lengths)
    ) / 1e-5
    assert abs(slope + (after.W[0, 0] - before.W[0, 0]) / 1e-3) > 1e-3 * abs(slope)


def test_outputs_and_states_stop_with_the_sequence_and_start_from_zero():
    network = Network(3, 2, 2, 2, spread=0.8)
    weights = original.start(network, 1)
    x, _, _ = sequences(network, 2, batch=3)
    lengths = np.array([6, 2, 4])
    outputs, cells = original.forward(network, weights, x, lengths)
    assert outputs.shape == (6, 3, 2) and cells.shape == (6, 3, 4)
    for b, n in enumerate(lengths):
        assert np.isfinite(outputs[:n, b]).all() and np.isnan(outputs[n:, b]).all()
        assert np.isnan(cells[n:, b]).all()
        alone, _ = original.forward(network, weights, x[:, [b]], lengths[[b]])
        assert np.array_equal(alone[:n, 0], outputs[:n, b])
        assert np.array_equal(original.answers(network, weights, x, lengths)[b], outputs[n - 1, b])


def test_without_the_slope_outputs_learn_from_the_bare_error():
    network = Network(3, 2, 1, 2, spread=0.8)
    x, y, lengths = sequences(network, 2)
    weights, bare = original.start(network, 1), original.start(network, 1)
    out, old = original.answers(network, weights, x, lengths)[0], weights.V[:, -1].copy()
    original.learn(network, weights, x, y, lengths, lr=0.1)
    original.learn(network, bare, x, y, lengths, lr=0.1, slope=False)
    assert weights.V[:, -1] - old == pytest.approx(0.1 * (y[0] - out) * out * (1 - out))
    assert bare.V[:, -1] - old == pytest.approx(0.1 * (y[0] - out))


def test_learning_stops_at_the_sequence_that_meets_the_rule():
    network = Network(8, 1, 1, 4)
    x, y, lengths = tasks_1997.temporal_order(2, 60, 0)
    y = np.full_like(y, 0.5)
    weights = original.start(network, 0)
    loose = Recent(tolerance=0.3, window=25)
    assert original.learn(network, weights, x, y, lengths, 0.1, loose) == 25 and loose.met
    strict = Recent(tolerance=0.3, error=1e-9, window=25)
    assert original.learn(network, weights, x, y, lengths, 0.1, strict) == 60 and not strict.met


def test_the_rule_counts_the_wrong_ones_of_its_window_alone():
    network = Network(1, 1, 1, 1)
    x, lengths = np.ones((1, 10, 1)), np.ones(10, int)
    y = np.full((10, 1), 0.5)
    y[[1, 2, 4]] = 5.0  # wrong, whatever the network answers
    for allowed, used in [(0, 9), (1, 7), (2, 4)]:
        rule = Recent(tolerance=1.0, wrong=allowed, window=4)
        assert (
            original.learn(network, original.start(network, 0), x, y, lengths, 1e-9, rule) == used
        )
    rule = Recent(tolerance=1.0, window=4)
    for b in range(10):  # the same, fed one by one
        one = slice(b, b + 1)
        original.learn(
            network, original.start(network, 0), x[:, one], y[one], lengths[one], 1e-9, rule
        )
        assert rule.met == (b >= 8)


def test_temporal_order_is_learnt_as_in_the_paper():
    network = Network(8, 2, 2, 4, input_bias=(-2, -4))
    rng, used, rule = np.random.default_rng(0), 0, Recent(0.3, error=0.1)
    weights = original.start(network, rng)
    while not rule.met and used < 100_000:
        used += original.learn(network, weights, *tasks_1997.temporal_order(2, 500, rng), 0.5, rule)
    assert 5_000 < used < 100_000  # 31,390 in the paper, 16,000 to 50,000 here
    x, y, lengths = tasks_1997.temporal_order(2, 2560, rng)
    assert tasks_1997.wrong(original.answers(network, weights, x, lengths), y, 0.3).sum() < 128


@pytest.mark.skipif(not original.COMPILED, reason="numba is not installed")
def test_without_a_place_for_the_cache_it_is_compiled_all_the_same(monkeypatch):
    numba, asked = original.network.numba, []

    def njit(cache=False, **options):
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return numba.core.decorators.njit(**options)

    monkeypatch.setattr(original.network, "numba", types.SimpleNamespace(njit=njit))
    assert original.network._compile(abs_of)(-2.0) == 2.0 and asked == [True, False]


def abs_of(x):
    return abs(x)


@pytest.mark.skipif(not original.COMPILED, reason="numba is not installed")
def test_compiled_and_plain_python_agree(monkeypatch):
    x, y, lengths = tasks_1997.temporal_order(2, 6, 0)
    network = Network(8, 2, 2, 4)
    weights = original.start(network, 0)
    original.learn(network, weights, x, y, lengths, 0.5)  # compiled while numba can be imported
    original.answers(network, weights, x, lengths)
    monkeypatch.setitem(sys.modules, "numba", None)
    spec = importlib.util.spec_from_file_location("plain_original", original.network.__file__)
    plain = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "plain_original", plain)
    spec.loader.exec_module(plain)
    assert not plain.COMPILED
    for options in (
        {},
        {"recurrent": False, "output_gate": False, "shortcut": True, "plain": True},
    ):
        both = []
        for module in (original, plain):
            network = module.Network(8, 2, 2, 4, **options)
            weights, rule = module.start(network, 0), module.Recent(0.3, window=4)
            x, y, lengths = tasks_1997.temporal_order(2, 6, 0)
            module.learn(network, weights, x, y, lengths, 0.5, rule)
            both.append(
                [weights.W, weights.V, module.answers(network, weights, x, lengths), rule.tally]
            )
        for a, b in zip(*both, strict=True):
            # only the exponential may be rounded otherwise
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: Network(0, 1, 1, 1), ValueError, "inputs: expected at least 1, got 0"),
        (lambda: Network(1, -1, 1, 1), ValueError, "blocks: expected at least 0, got -1"),
        (lambda: Network(1, 0, 1, 1), ValueError, "blocks: expected at least 1 where there is no"),
        (
            lambda: Network(1, 1, 1, 1, "some"),
            ValueError,
            "bias: expected one of all, hidden, gates",
        ),
        (
            lambda: Network(1, 1, 1, 1, spread=0.0),
            ValueError,
            "spread: expected a finite number above",
        ),
        (
            lambda: Network(1, 2, 1, 1, input_bias=(1.0,)),
            ValueError,
            "input_bias: expected 2 numbers",
        ),
        (
            lambda: Network(1, 2, 1, 1, output_bias=(1.0,)),
            ValueError,
            "output_bias: expected 2 numbers",
        ),
        (lambda: original.start(Network(1, 1, 1, 1), None), TypeError, "rng: expected a seed"),
        (lambda: Recent(0.0), ValueError, "tolerance: expected a finite number above 0, got 0"),
        (lambda: Recent(0.1, window=0), ValueError, "window: expected at least 1, got 0"),
    ],
)
def test_bad_settings_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    "change, error, message",
    [
        (
            {"x": np.ones((3, 2, 2))},
            ValueError,
            r"x: expected shape \(T, B, D=1\), got \(3, 2, 2\)",
        ),
        ({"x": np.ones((3, 2, 1), np.float32)}, TypeError, "x: expected float64"),
        ({"y": np.ones((2, 2))}, ValueError, r"y: expected shape \(B=2, O=1\), got \(2, 2\)"),
        ({"y": np.ones((2, 2, 1))}, ValueError, r"y: expected shape \(T=3, B=2, O=1\)"),
        ({"lengths": np.array([4, 1])}, ValueError, "lengths: expected lengths from 1 to T=3"),
        ({"lr": 0.0}, ValueError, "lr: expected a finite number above 0, got 0"),
        (
            {"weights": Weights(np.ones((3, 5)), np.ones((1, 2)))},
            ValueError,
            "weights: expected W and V of",
        ),
    ],
)
def test_bad_arrays_are_refused(change, error, message):
    network = Network(1, 1, 1, 1)
    good = {
        "weights": original.start(network, 0),
        "x": np.ones((3, 2, 1)),
        "y": np.ones((2, 1)),
        "lengths": np.array([3, 2]),
        "lr": 0.1,
    }
    with pytest.raises(error, match=message):
        original.learn(network, **{**good, **change})
