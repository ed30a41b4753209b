"""What the variants share in the search, what they do not, and what the errors are shares of."""

import numpy as np
import pytest
import torch

from lstm_tutorial.experiments import worth as trials_worth
from lstm_tutorial.relatives import networks, side_by_side, variants
from lstm_tutorial.relatives.networks import Network

N = trials_worth.NETWORKS


@pytest.mark.parametrize("units", trials_worth.UNITS)
def test_each_part_of_a_range_is_drawn_once(units):
    drawn = trials_worth.settings(units, 0)
    low, high = np.log(trials_worth.RATES)
    rate = (np.log([s["lr"] for s in drawn]) - low) / (high - low)
    noise = np.array([s["noise"] for s in drawn]) / trials_worth.NOISE
    for part in (rate, noise):
        assert sorted((N * part).astype(int)) == list(range(N))
    assert abs(np.corrcoef(rate, noise)[0, 1]) < 0.5


def test_the_settings_are_the_same_at_every_call_and_others_for_another_draw_or_size():
    first = trials_worth.settings(8, 0)
    assert first == trials_worth.settings(8, 0)
    assert first != trials_worth.settings(8, 1) and first != trials_worth.settings(16, 0)


def test_every_variant_exists_and_every_control_is_the_vanilla_cell():
    assert set(trials_worth.VARIANTS) <= set(variants.BY_NAME)
    assert set(trials_worth.AGAIN) <= set(trials_worth.VARIANTS)
    assert all(name.startswith("vanilla") for name in trials_worth.CONTROLS)
    assert len(set(trials_worth.VARIANTS + trials_worth.CONTROLS)) == 11


@pytest.mark.parametrize("task", trials_worth.TASKS)
def test_a_network_draws_its_own_batch_and_the_tests_fit(task):
    D, out, _, _ = trials_worth.TASKS[task]
    draw, new, tests = trials_worth._data(task, np.random.default_rng(0))
    x, y = draw(3)
    assert (x.shape[0], *x.shape[2:]) == (N, 3, D) and not torch.equal(x[0], x[1])
    for more, target in (new, *tests.values()):
        assert more.shape[0] == N and more.shape[3] == D
        assert target.shape[-1] == out if y.is_floating_point() else target.max() < out
    network = Network(variants.VANILLA)
    params = side_by_side.stack(networks.uniform(network, D, 4, out, seed) for seed in range(N))
    assert side_by_side.errors(network, params, x, y).shape == (N,)
    assert ("far" in tests) == (task in ("elapsed", "text"))
    if "far" in tests:
        assert tests["far"][0].shape[1] == trials_worth.FAR * x.shape[1]


def test_the_text_asks_for_the_next_character():
    draw, _, _ = trials_worth._data("text", np.random.default_rng(0))
    x, y = draw(5)
    assert torch.equal(x.argmax(dim=3)[:, 1:], y[:, :-1])
    words = "".join(" abcdefghijklmnopqrstuvwxyz"[k] for k in y[0, :, 0])
    assert len(words) == 30 and " " in words.strip()


def test_the_vowels_are_asked_for_at_the_last_frame():
    _, new, tests = trials_worth._data("vowels", np.random.default_rng(0))
    for (x, y), count in ((new, 54), (tests["test"], 370)):
        assert x.shape[2] == count and ((y >= 0).sum(dim=1) == 1).all()
        last = (y[0] >= 0).int().argmax(dim=0)
        for b in range(0, count, 10):
            assert x[0, last[b], b].abs().sum() > 0 and not x[0, last[b] + 1 :, b].any()


def test_the_constant_answer():
    y = torch.tensor([1.0, 2.0, 6.0]).view(3, 1, 1)
    assert side_by_side.constant_error(y) == pytest.approx(14 / 3)
    labels = torch.tensor([[0, 0, 1, -1]])
    assert side_by_side.constant_error(labels) == pytest.approx(np.log(3) - 2 / 3 * np.log(2))


def test_a_trial_trains_thirty_networks_and_the_controls_begin_otherwise(monkeypatch):
    monkeypatch.setitem(trials_worth.TASKS, "vowels", (12, 9, 20, 8))
    names = ["vanilla", "vanilla", *trials_worth.CONTROLS, "no input gate"]
    first, same, again, shut, wider = (trials_worth.worth(0, "vowels", 8, n) for n in names)
    assert first == same
    assert len({tuple(result["test"]) for result in (first, again, shut)}) == 3
    assert (first["hidden"], wider["hidden"]) == (8, 10)
    assert abs(wider["weights"] / first["weights"] - 1) < 0.1
    for result in (first, again, shut, wider):
        assert len(result["valid"]) == len(result["test"]) == N and np.median(result["test"]) < 1
