"""Readout, loss, optimisers and loop: against finite differences and PyTorch."""

import numpy as np
import pytest
import torch

from lstm_tutorial import gradients, network, tasks


@pytest.mark.parametrize("layer", ["rnn", "lstm"])
@pytest.mark.parametrize("every_step", [True, False])
def test_gradients_equal_finite_differences(layer, every_step):
    rng = np.random.default_rng(0)
    params = network.init(2, 4, 3, rng, layer)
    x = rng.normal(size=(5, 6, 2))
    y = rng.normal(size=(5, 6, 3) if every_step else (6, 3))

    def loss(*params):
        return network.loss_and_gradients(params, x, y, layer)[0]

    grads = network.loss_and_gradients(params, x, y, layer)[1]
    assert max(gradients.check(loss, params, grads)) < 1e-7


def test_loss_is_the_mean_square_of_what_predict_misses():
    rng = np.random.default_rng(1)
    params, x, y = network.init(2, 4, 1, rng), rng.normal(size=(5, 6, 2)), rng.normal(size=(6, 1))
    missed = network.predict(params, x)[-1] - y
    assert network.loss_and_gradients(params, x, y)[0] == pytest.approx(np.mean(missed**2))


@pytest.mark.parametrize(
    "ours, theirs", [(network.sgd, torch.optim.SGD), (network.Adam(), torch.optim.Adam)]
)
def test_optimisers_equal_pytorchs(ours, theirs):
    rng = np.random.default_rng(2)
    params = [rng.normal(size=(3, 2)), rng.normal(size=4)]
    leaves = [torch.tensor(p, requires_grad=True) for p in params]
    optimiser = theirs(leaves, lr=0.1)
    for _ in range(20):
        grads = [rng.normal(size=p.shape) for p in params]
        for leaf, g in zip(leaves, grads, strict=True):
            leaf.grad = torch.tensor(g)
        optimiser.step()
        params = ours(params, grads, 0.1)
    for p, leaf in zip(params, leaves, strict=True):
        assert np.allclose(p, leaf.detach().numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("layer", ["rnn", "lstm"])
def test_training_solves_a_short_adding_problem_and_leaves_its_start_alone(layer):
    rng = np.random.default_rng(3)
    start = network.init(2, 16, 1, rng, layer)
    kept = [p.copy() for p in start]
    batches = (tasks.adding(4, 32, rng) for _ in range(1000))
    params, history = network.train(start, batches, lr=1e-2, max_norm=1.0, layer=layer)
    x, y = tasks.adding(4, 1000, rng)
    assert np.mean((network.predict(params, x, layer)[-1] - y) ** 2) < 0.02  # 1/6 for a constant
    assert len(history.losses) == len(history.norms) == 1000
    assert all(np.array_equal(a, b) for a, b in zip(start, kept, strict=True))


def test_a_run_that_overflows_stops_and_says_what_to_do():
    rng = np.random.default_rng(4)
    batches = ((rng.normal(size=(3, 2, 1)), np.full((2, 1), 1e200)) for _ in range(3))
    with (
        np.errstate(over="ignore", invalid="ignore"),
        pytest.raises(FloatingPointError, match=r"update 0: .* clip the gradient with max_norm"),
    ):
        network.train(network.init(1, 2, 1, rng), batches, lr=1.0, optimizer="sgd")


@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"lr": 0}, ValueError, "lr: expected a finite number above 0, got 0"),
        ({"optimizer": "lbfgs"}, ValueError, "optimizer: expected one of adam, sgd, got 'lbfgs'"),
        ({"layer": "gru"}, ValueError, "layer: expected one of rnn, lstm, got 'gru'"),
        ({"max_norm": -1}, ValueError, "max_norm: expected a finite number above 0, got -1"),
        ({"batches": [(np.ones((3, 2)), np.ones((2, 1)))]}, ValueError, "x: expected shape"),
        ({"batches": [(np.ones((3, 2, 1)), np.ones((2, 2)))]}, ValueError, r"y: expected shape \(B=2, O=1\)"),
        ({"batches": [(np.ones((3, 2, 1)), np.ones(2))]}, ValueError, "y: expected shape"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_name(change, error, message):
    good = {"batches": [(np.ones((3, 2, 1)), np.ones((2, 1)))], "lr": 0.1}
    with pytest.raises(error, match=message):
        network.train(network.init(1, 2, 1, 0), **{**good, **change})
