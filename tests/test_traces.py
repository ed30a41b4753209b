"""What the package changes of the process, for a while, it puts back."""

import os
import random
import warnings

import matplotlib as mpl
import numpy as np
import pytest
import torch
from torch import nn

from lstm_tutorial import (
    _globals,
    accounting,
    datasets,
    doctor,
    exercises,
    figures,
    models,
    network,
    original,
    rnn,
    tasks,
    train,
    training,
)
from lstm_tutorial.fewshot import episodes, learners
from lstm_tutorial.original import tasks as tasks_1997


def settings():
    """Return what a function could leave changed, threads and random numbers included."""
    return {
        "threads": torch.get_num_threads(),
        "default type": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "gradients": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "oneDNN": torch.backends.mkldnn.enabled,
        "torch's numbers": torch.get_rng_state().tolist(),
        "NumPy's numbers": str(np.random.get_state()),  # noqa: NPY002
        "Python's numbers": random.getstate(),
        "NumPy's errors": np.geterr(),
        "NumPy's print": np.get_printoptions(),
        "warnings": list(warnings.filters),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "style": dict(mpl.rcParams),
    }


def fit():
    net = models.LSTMModel(2, 3, 1, num_layers=2, dropout=0.2)
    x, y = (torch.from_numpy(a).float() for a in tasks.adding(6, 4, 0))
    loss = lambda model, batch: ((model(batch[0]) - batch[1]) ** 2).mean()  # noqa: E731
    training.fit(net, loss, lambda rng: [(x, y)], [(x, y)], lr=0.1, epochs=2)


def broken_fit():
    loss = lambda model, batch: model(batch).mean() * torch.nan  # noqa: E731
    with pytest.raises(FloatingPointError):
        training.fit(nn.Linear(1, 1), loss, lambda rng: [torch.ones(2, 1)], lr=0.1, epochs=2)


def learn_1997():
    net = original.Network(8, 1, 1, 4)
    original.learn(net, original.start(net, 0), *tasks_1997.temporal_order(2, 2, 0), 0.1)


def learn_few_shots():
    parts = learners.tensors(episodes.sines(2, 3, 0))
    learner = learners.LSTMLearner(1, 1, hidden_size=4, num_layers=1)
    learners.squared_error(learner, parts).backward()


def probe():
    layer, x = nn.LSTM(2, 3), torch.ones(4, 2, 2)
    doctor.gates(layer, x), doctor.by_step(lambda x: layer(x)[0], x)
    doctor.leak(lambda x: layer(x)[0].transpose(0, 1), x)


def sample():
    model = models.trained_char_lm()
    model.sample("a", 3, generator=torch.Generator().manual_seed(0)), model.bits("and so")


def draw():
    curves = {"LSTM": np.geomspace(1, 1e-3, 5)}
    figures.cell(), figures.lstm_tensors(), figures.flow(curves), figures.reber()
    mpl.pyplot.close("all")


WORK = {
    "fit": fit,
    "fit that explodes": broken_fit,
    "the command": lambda: train.main(["adding", "--epochs", "1", "--hidden", "2", "--batch", "4"]),
    "a network in NumPy": lambda: network.train(
        network.init(2, 3, 1, 0, "lstm"), [tasks.adding(6, 4, 0)], 0.1, layer="lstm"
    ),
    "1997": learn_1997,
    "few shots": learn_few_shots,
    "probes": probe,
    "samples": sample,
    "data": lambda: (datasets.co2(), datasets.japanese_vowels(), datasets.digits()),
    "letters": lambda: episodes.letters(1),
    "figures": draw,
    "memory": lambda: (
        accounting.measured_memory(torch.ones, 10),
        accounting.measured_activations(nn.LSTM(2, 3), torch.ones(4, 2, 2)),
    ),
    "a check": lambda: exercises.check("rnn.step", rnn.step),
    "a check of a layer": lambda: exercises.check("torch.open_forget_gates", lambda *a: None),
}


@pytest.fixture(scope="module", autouse=True)
def _imported():
    """Let PyTorch import what it imports at its first update, which adds filters of warnings."""
    fit()


# New layers draw their weights with the caller's numbers.
DRAWING = {
    "fit",
    "fit that explodes",
    "few shots",
    "probes",
    "samples",
    "memory",
    "a check of a layer",
}


@pytest.mark.parametrize("work", WORK)
def test_nothing_is_left_behind(work):
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        before = settings()
        WORK[work]()
        after = settings()
    finally:
        torch.set_num_threads(threads)
    changed = {name for name in before if before[name] != after[name]}
    assert changed - ({"torch's numbers"} if work in DRAWING else set()) == set()


def test_the_contexts_put_back_what_they_change_whatever_happens():
    before = settings()
    with pytest.raises(KeyboardInterrupt), _globals.threads(2), _globals.randomness():
        assert torch.get_num_threads() == 2
        torch.manual_seed(1), random.seed(1), np.random.seed(1)  # noqa: NPY002
        raise KeyboardInterrupt
    assert settings() == before
