"""The recipe: same batches for the same seed, equally many an epoch, and errors on known scales."""

import math

import numpy as np
import pytest
import torch

from lstm_tutorial.experiments import training
from lstm_tutorial.relatives.regularised import RegularisedLSTM

SHORT = {"epochs": 1, "hidden": 4}


def settings(**changes):
    return {**training.COMMON, **training.BASE["text"], **changes}


def test_the_three_parts_of_the_text_are_apart():
    train, valid, test, symbols = training.characters()
    assert (len(train), len(valid), len(test)) == (30_000, 20_000, 20_000)
    assert int(torch.cat([train, valid, test]).max()) == symbols - 1


@pytest.mark.parametrize("steps, batch", [(50, 16), (10, 80), (200, 4)])
def test_windows_of_an_epoch_do_not_overlap_and_are_equally_many(steps, batch):
    codes = torch.arange(training.TRAIN)
    counts = set()
    for seed in range(5):
        windows = list(training.text_batches(codes, steps, batch, np.random.default_rng(seed)))
        read = torch.cat([w[:-1].flatten() for w in windows])
        assert len(read.unique()) == len(read) == len(windows) * steps * batch
        assert all(w.shape == (steps + 1, batch) and (w.diff(dim=0) == 1).all() for w in windows)
        counts.add(len(windows))
    assert len(counts) == 1


def test_streams_hold_the_text_row_after_row():
    assert torch.equal(training.streams(torch.arange(103)).T.flatten(), torch.arange(100))


def test_the_untrained_network_answers_at_random():
    *_, symbols = training.characters()
    torch.manual_seed(0)
    model = training.Network(symbols, symbols, settings())
    batch = torch.randint(symbols, (20, 8))
    assert training.text_loss(model, batch).item() == pytest.approx(math.log(symbols), abs=0.1)


def test_the_adding_loss_of_the_constant_answer_is_one():
    batches = list(training.adding_batches(50, 32, np.random.default_rng(0)))
    assert len(batches) == 50
    losses = [
        training.adding_loss(lambda x: torch.ones(50, 32, 1), batch).item() for batch in batches
    ]
    assert np.mean(losses) == pytest.approx(1, abs=0.1)


def test_the_start_is_as_asked_for():
    model = training.Network(3, 2, settings(forget_bias=2.5, orthogonal=True, layers=2, hidden=4))
    for k in range(2):
        total = getattr(model.lstm, f"bias_ih_l{k}") + getattr(model.lstm, f"bias_hh_l{k}")
        assert total[4:8].tolist() == [2.5] * 4
        for gate in getattr(model.lstm, f"weight_hh_l{k}").chunk(4):
            torch.testing.assert_close(gate @ gate.T, torch.eye(4))


@pytest.mark.parametrize("task", training.CHANGES)
def test_every_change_makes_a_network_and_names_what_the_recipe_has(task):
    for name, changes in training.CHANGES[task].items():
        assert set(changes) <= set(training.COMMON) | set(training.BASE[task]), name
        model = training.Network(3, 2, {**training.COMMON, **training.BASE[task], **changes})
        assert model(torch.zeros(5, 2, 3)).shape == (5, 2, 2)
        inside = any(key in changes for key in ("candidate", "variational", "layer_norm"))
        assert isinstance(model.lstm, RegularisedLSTM) == inside


@pytest.mark.parametrize("task", training.BASE)
def test_a_run_is_repeatable_and_reports_its_errors(task):
    one, two, other = (training.train(task, seed, **SHORT) for seed in (0, 0, 1))
    assert one == two != other
    assert one["best"] == 1
    scale = 6 if task == "text" else 1.5
    assert 0 < one["test"] < scale and 0 < one["valid"] < scale


def test_weight_decay_is_handed_on():
    plain, decayed = (training.train("adding", 0, weight_decay=d, **SHORT) for d in (0.0, 10.0))
    assert plain != decayed


def test_a_run_that_explodes_has_no_errors():
    got = training.train("adding", 0, lr=1e30, **SHORT)
    assert got == {"test": None, "valid": None, "train": None, "best": None}
