"""Networks side by side are those alone: what they show, how they are trained, what is kept."""

import numpy as np
import pytest
import torch

from lstm_tutorial import tasks
from lstm_tutorial.relatives import networks, side_by_side, variants
from lstm_tutorial.relatives.family import BY_NAME
from lstm_tutorial.relatives.networks import Network

N, T, B, D, H, OUT = 3, 6, 4, 2, 5, 2
VANILLA = Network(variants.VANILLA)
OFTEN = ["vanilla", "factor", "one state", "peepholes", "full gate recurrence"]


def drawn(network=VANILLA):
    """Three networks whose pre-activations reach into the bends of every squashing."""
    single = (networks.uniform(network, D, H, OUT, seed) for seed in range(N))
    x = torch.as_tensor(np.random.default_rng(0).normal(size=(N, T, B, D)))
    return [2 * p for p in side_by_side.stack(single, torch.float64)], x


def for_lag(name, hidden=8):
    single = (networks.for_lag(BY_NAME[name], D, hidden, OUT, seed, lag=10) for seed in range(N))
    x = torch.as_tensor(np.random.default_rng(9).normal(size=(N, T, B, D)), dtype=torch.float32)
    return side_by_side.stack(single), x


def batches(count, members, last):
    rngs = [np.random.default_rng(40 + n) for n in range(N)]
    for _ in range(count):
        x = np.stack([rng.normal(size=(T, B, D)) for rng in rngs])
        y = 3 * np.stack([rng.normal(size=(T, B, OUT)) for rng in rngs])
        y = y[:, -1] if last else y
        yield torch.as_tensor(x[members]), torch.as_tensor(y[members])


@pytest.mark.parametrize("name", BY_NAME)
def test_a_network_does_not_see_the_others_nor_what_comes_later(name):
    weights, x = for_lag(name)
    answers = side_by_side.answers(BY_NAME[name], weights, x)
    for n in range(N):
        alone = BY_NAME[name].answers([w[n] for w in weights], x[n])
        torch.testing.assert_close(answers[n], alone, rtol=1e-5, atol=1e-6)
    early = side_by_side.answers(BY_NAME[name], weights, x[:, :3])
    torch.testing.assert_close(answers[:, :3], early, rtol=1e-5, atol=1e-6)
    last = side_by_side.answers(BY_NAME[name], weights, x, last=True)
    torch.testing.assert_close(last, answers[:, -1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("name", OFTEN)
def test_networks_side_by_side_train_as_each_alone(name, last):
    network = Network(variants.BY_NAME[name])
    params, _ = drawn(network)
    *_, together = side_by_side.train(network, params, batches(5, [0, 1, 2], last), 0.1, 0.5)
    for n in range(N):
        alone = [p[[n]] for p in params]
        *_, alone = side_by_side.train(network, alone, batches(5, [n], last), 0.1, 0.5)
        for ours, single in zip(together, alone, strict=True):
            assert torch.allclose(ours[n], single[0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["LSTM", "minLSTM, 2 layers", "mLSTM"])
def test_networks_side_by_side_train_as_each_alone_and_as_adam_says(name):
    network, (weights, x) = BY_NAME[name], for_lag(name)
    y, rates = x.cumsum(dim=1), [0.01, 0.02, 0.03]
    *_, together = side_by_side.train(network, weights, [(x, y)] * 5, rates, 0.5)
    for n in range(N):
        alone = [w[[n]].clone().requires_grad_() for w in weights]
        optimizer = torch.optim.Adam(alone, lr=rates[n])
        for _ in range(5):
            optimizer.zero_grad()
            side_by_side.errors(network, alone, x[[n]], y[[n]]).sum().backward()
            torch.nn.utils.clip_grad_norm_(alone, 0.5)
            optimizer.step()
        for ours, theirs in zip(together, alone, strict=True):
            torch.testing.assert_close(ours[n], theirs[0], rtol=1e-3, atol=1e-4)


def test_the_update_is_pytorchs_adam_with_a_rate_for_each_network():
    params, _ = drawn()
    rates = torch.tensor([0.1, 0.01, 0.001], dtype=torch.float64)
    stream = list(batches(5, [0, 1, 2], True))
    *_, ours = side_by_side.train(VANILLA, params, stream, rates, 1e6)
    for n in range(N):
        theirs = [p[[n]].clone().requires_grad_() for p in params]
        adam = torch.optim.Adam(theirs, lr=float(rates[n]))
        for x, y in stream:
            adam.zero_grad()
            side_by_side.errors(VANILLA, theirs, x[[n]], y[[n]]).sum().backward()
            adam.step()
        for a, b in zip(ours, theirs, strict=True):
            assert torch.allclose(a[n], b[0], rtol=1e-10, atol=1e-12)


def test_each_networks_gradient_is_clipped_by_its_own_norm():
    params, _ = drawn()
    x, y = next(batches(1, [0, 1, 2], False))
    y[0] *= 1e6  # the first network's gradient is enormous, those of the others are not
    *_, far = side_by_side.train(VANILLA, params, [(x, y)] * 3, 0.01, 1.0)
    y[0] /= 1e6
    *_, near = side_by_side.train(VANILLA, params, [(x, y)] * 3, 0.01, 1.0)
    assert all(torch.equal(a[1:], b[1:]) for a, b in zip(far, near, strict=True))
    assert not torch.equal(far[1][0], near[1][0])


def test_a_network_that_runs_into_nan_leaves_the_others_alone():
    params, _ = drawn()
    x, y = next(batches(1, [0, 1, 2], False))
    y[0] = torch.nan
    *_, weights = side_by_side.train(VANILLA, params, [(x, y)] * 2, 0.01, 1.0)
    assert weights[1][0].isnan().all() and weights[1][1:].isfinite().all()


def test_training_leaves_the_given_weights_and_lowers_every_error():
    rngs = [np.random.default_rng(seed) for seed in range(N)]
    params = side_by_side.stack(networks.uniform(VANILLA, 1, 8, 1, rng) for rng in rngs)
    before = [p.clone() for p in params]
    stream = (side_by_side.draw(tasks.count, 10, 16, rngs, 0.1) for _ in range(60))
    *_, after = side_by_side.train(VANILLA, params, stream, 0.02, 1.0)
    assert all(torch.equal(a, b) for a, b in zip(before, params, strict=True))
    x, y = side_by_side.draw(tasks.count, 10, 200, rngs, 0.1)
    errors = [side_by_side.errors(VANILLA, p, x, y) for p in (before, after)]
    assert errors[0].shape == (N,) and (errors[1] < 0.1 * errors[0]).all()


def test_training_lowers_every_error_of_a_gru():
    network, rngs = BY_NAME["GRU"], [np.random.default_rng(seed) for seed in range(2)]
    weights = side_by_side.stack(networks.for_lag(network, 1, 8, 1, rng, lag=10) for rng in rngs)
    before = [w.clone() for w in weights]
    stream = (side_by_side.draw(tasks.count, 10, 16, rngs, 0.1) for _ in range(60))
    *_, after = side_by_side.train(network, weights, stream, [0.02, 0.02], 1.0)
    assert all(torch.equal(a, b) for a, b in zip(before, weights, strict=True))
    x, y = side_by_side.draw(tasks.count, 10, 200, rngs, 0.1)
    errors = [side_by_side.errors(network, w, x, y) for w in (before, after)]
    assert (errors[1] < 0.2 * errors[0]).all()
    last = side_by_side.errors(network, after, x, y[:, -1])
    shown = side_by_side.answers(network, after, x)[:, -1]
    torch.testing.assert_close(last, (shown - y[:, -1]).square().mean(dim=(1, 2)))


def test_errors_are_those_of_the_predictions():
    params, x = drawn()
    y = torch.ones(N, T, B, OUT, dtype=torch.float64)
    answers = side_by_side.answers(VANILLA, params, x)
    for n, error in enumerate(side_by_side.errors(VANILLA, params, x, y)):
        assert float(error) == pytest.approx(float(((answers[n] - 1) ** 2).mean()))
    last = side_by_side.answers(VANILLA, params, x, last=True)
    torch.testing.assert_close(last, answers[:, -1], rtol=1e-12, atol=1e-12)
    for n, error in enumerate(side_by_side.errors(VANILLA, params, x, y[:, -1])):
        assert float(error) == pytest.approx(float(((answers[n, -1] - 1) ** 2).mean()))


def test_the_error_of_classes_is_the_cross_entropy_where_one_is_wanted():
    params, x = drawn()
    rng = np.random.default_rng(5)
    y = torch.as_tensor(rng.integers(-1, OUT, (N, T, B)))
    answers = side_by_side.answers(VANILLA, params, x)
    for n, error in enumerate(side_by_side.errors(VANILLA, params, x, y)):
        wanted = [
            float(torch.logsumexp(answers[n, t, k], 0) - answers[n, t, k, y[n, t, k]])
            for t in range(T)
            for k in range(B)
            if y[n, t, k] >= 0
        ]
        assert 0 < len(wanted) < T * B
        assert float(error) == pytest.approx(np.mean(wanted), rel=1e-12)


def test_shares_are_of_the_error_of_the_best_constant_answer():
    params, x = drawn()
    for y in (x, x[:, -1], torch.as_tensor(np.random.default_rng(5).integers(-1, OUT, (N, T, B)))):
        left = side_by_side.shares(VANILLA, params, x, y)
        want = side_by_side.errors(VANILLA, params, x, y) / side_by_side.constant_error(y)
        torch.testing.assert_close(left, want)
    constant = x.reshape(-1, D).mean(dim=0)
    assert side_by_side.constant_error(x) == pytest.approx(float(((x - constant) ** 2).mean()))


def test_draw_gives_each_network_its_own_data():
    rngs = [np.random.default_rng(seed) for seed in (1, 2)]
    x, y = side_by_side.draw(tasks.order, 10, 5, rngs)
    assert x.shape == (2, 10, 5, 6) and y.shape == (2, 5, 4) and x.dtype == torch.float32
    for n, seed in enumerate((1, 2)):
        alone = tasks.order(10, 5, seed)
        assert np.array_equal(x[n], alone[0]) and np.array_equal(y[n], alone[1])
    x, y = side_by_side.draw(tasks.count, 10, 5, rngs, scale=0.5)
    assert torch.equal(y, 0.5 * x.cumsum(1))


def test_training_ends_with_the_rates_or_with_the_batches():
    params, _ = drawn()
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield next(batches(1, [0, 1, 2], True))

    def errors(weights, x, y):
        return side_by_side.errors(VANILLA, weights, x, y)

    weights = [p.clone().requires_grad_() for p in params]
    rates = [torch.full((N,), 0.1, dtype=torch.float64)] * 3
    assert len(list(side_by_side.updates(errors, weights, endless(), rates, 1.0))) == 3
    assert len(taken) == 3  # no batch is drawn in vain
    stream = batches(2, [0, 1, 2], True)
    assert len(list(side_by_side.updates(errors, weights, stream, rates, 1.0))) == 2


def course():
    """Weights of two networks over six updates, and the errors of what is tried."""
    for k in range(1, 7):
        yield [torch.tensor([float(k), 10.0 * k])]


def test_the_best_weights_of_each_network_are_kept():
    tried = {2: [0.3, 0.5], 4: [0.05, 0.6], 6: [0.2, torch.nan]}
    start = [torch.zeros(2)]
    best = side_by_side.keep_best(
        start, course(), lambda w: torch.tensor(tried[int(w[0][0])]), every=2
    )
    assert best.weights[0].tolist() == [4.0, 20.0]
    assert best.errors.tolist() == pytest.approx([0.05, 0.5])
    assert [update for update, _ in best.trials] == [2, 4, 6]
    assert best.first_below(0.1) == [4, None] and best.first_below(0.55) == [2, 2]
    assert start[0].tolist() == [0.0, 0.0]


def test_a_network_without_a_finite_error_keeps_its_first_weights():
    best = side_by_side.keep_best(
        [torch.zeros(2)], course(), lambda w: torch.tensor([torch.nan, 1.0]), every=3
    )
    assert best.weights[0].tolist() == [0.0, 30.0] and best.errors.tolist() == [torch.inf, 1.0]
    assert best.first_below(2.0) == [None, 3]


def test_what_is_kept_does_not_follow_the_training():
    params, _ = drawn()
    x, y = next(batches(1, [0, 1, 2], True))
    training = side_by_side.train(VANILLA, params, [(x, y)] * 4, 0.5, 1.0)
    seen = []

    def errors(weights):
        seen.append([w.clone() for w in weights])
        return torch.full((N,), float(len(seen)))  # the first trial is the best

    best = side_by_side.keep_best(params, training, errors, every=1)
    assert all(torch.equal(a, b) for a, b in zip(best.weights, seen[0], strict=True))
    assert not torch.equal(best.weights[0], seen[-1][0])


TRAIN = side_by_side.train


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda p, x: side_by_side.answers(VANILLA, p, x[:2]), ValueError, r"x: expected shape \(N=3, T, B, D\), got \(2, 6, 4, 2\)"),
        (lambda p, x: side_by_side.answers(VANILLA, p, x[0]), ValueError, r"x: expected shape \(N=3, T, B, D\), got \(6, 4, 2\)"),
        (lambda p, x: side_by_side.answers(VANILLA, p, x[..., :1]), ValueError, r"0.W_ih: expected shape \(20, 1\), got \(20, 2\)"),
        (lambda p, x: side_by_side.errors(VANILLA, p, x, x[..., :1]), ValueError, r"y: expected shape \(3, 6, 4, 2\), got \(3, 6, 4, 1\)"),
        (lambda p, x: TRAIN(VANILLA, p, [], 0.0, 1.0), ValueError, "lr: expected a finite number above 0"),
        (lambda p, x: TRAIN(VANILLA, p, [], torch.tensor([0.1, -1, 1]), 1.0), ValueError, "lr: expected a finite number above 0, got -1"),
        (lambda p, x: TRAIN(VANILLA, p, [], [0.1], 1.0), ValueError, "lr: expected one, or one for each of 3 networks, got 1"),
        (lambda p, x: TRAIN(VANILLA, p, [], [0.1, 0.1, 0.0], 1.0), ValueError, "lr: expected a finite number above 0"),
        (lambda p, x: TRAIN(VANILLA, p, [], None, 1.0), TypeError, "lr: expected a number, got NoneType"),
        (lambda p, x: TRAIN(VANILLA, p, [], 0.1, -1), ValueError, "max_norm: expected a finite"),
        (lambda p, x: side_by_side.draw(tasks.adding, 5, 2, []), ValueError, "rngs: expected one for each network, got none"),
        (lambda p, x: side_by_side.stack([]), ValueError, "networks: expected at least one, got none"),
        (lambda p, x: side_by_side.keep_best(p, [], len, 0), ValueError, "every: expected at least 1, got 0"),
        (lambda p, x: side_by_side.keep_best(p, [], len, 2.5), TypeError, "every: expected an integer, got float"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call(*drawn())
