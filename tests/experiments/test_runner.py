"""A trial starts from known settings, and leaves none behind."""

import os
import random
import re
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest
import torch

from lstm_tutorial import experiments
from lstm_tutorial.experiments import (
    _runner,
    again,
    bias,
    classifying,
    forecasting,
    metalearner,
    training,
)
from lstm_tutorial.experiments._experiment import Experiment
from lstm_tutorial.fewshot import episodes

FOLDER = Path(experiments.__file__).parent


def traces():
    """Return all that a trial could leave behind."""
    return (
        torch.get_num_threads(),
        torch.get_default_dtype(),
        torch.get_rng_state().tolist(),
        str(np.random.get_state()),  # noqa: NPY002
        random.getstate(),
        # pytest says there which test runs, PyTorch where its first optimiser may compile to
        {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "TORCHINDUCTOR"))},
    )


@pytest.fixture
def elsewhere():
    """Set what a trial must neither use nor change; put it back after the test."""
    threads = torch.get_num_threads()
    with torch.random.fork_rng():
        torch.manual_seed(99)
        torch.set_num_threads(2)
        torch.set_default_dtype(torch.float64)
        yield traces()
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(threads)


def untidy(stop=False):
    """Look at all settings, then change them."""
    seen = {
        "threads": torch.get_num_threads(),
        "drawn": [torch.rand(1).item(), np.random.rand(), random.random()],  # noqa: NPY002
        "type": str(torch.zeros(1).dtype),
    }
    torch.set_num_threads(3)
    torch.set_default_dtype(torch.float16)
    torch.manual_seed(5), np.random.seed(5), random.seed(5)  # noqa: NPY002
    os.environ["LSTM_TUTORIAL_TRACE"] = "1"
    if stop:
        raise ArithmeticError
    return seen


def test_a_trial_finds_the_same_and_leaves_nothing(elsewhere):
    experiment = Experiment("untidy", [{}], untidy, lambda a, b: True, [0])
    first = _runner.run_trial(experiment, {})["result"]
    assert traces() == elsewhere
    assert first["threads"] == 1 and first["type"] == "torch.float32"
    random.random(), np.random.rand(), torch.rand(1)  # noqa: NPY002
    assert _runner.run_trial(experiment, {})["result"] == first


def test_a_trial_that_fails_leaves_nothing_either(elsewhere):
    experiment = Experiment("untidy", [{}], untidy, lambda a, b: True, [0])
    with pytest.raises(ArithmeticError):
        _runner.run_trial(experiment, {"stop": True})
    assert traces() == elsewhere


def letters_from_pixels():
    rng = np.random.default_rng(0)
    given = episodes.classes(rng.random((7, 6, 14, 14)), 5, 2, 3, rng, queries=2)
    return metalearner._from_pixels("from scratch", given, 0)


@pytest.mark.parametrize(
    "trial",
    [
        lambda: bias.recall(10, 3, 0, most=3),
        lambda: bias.network((1, 4, 1), 5, None, np.random.default_rng(0)),
        lambda: classifying.linear_on_pixels(0),
        lambda: training.train("adding", 0, epochs=1, hidden=4),
        lambda: forecasting.trained(
            np.sin(np.arange(60.0)), None, 0, 1, length=5, horizon=1, hidden_size=2
        ),
        letters_from_pixels,
        lambda: metalearner._baseline("from scratch", 0)(episodes.sines(2, 5, 0, queries=3)),
    ],
    ids=["recall", "network", "pixels", "recipe", "series", "letters", "sines"],
)
def test_a_trial_that_a_chapter_calls_itself_leaves_nothing(trial):
    before = traces()
    trial()
    assert traces() == before


@pytest.mark.parametrize("path", sorted(FOLDER.glob("[!_]*.py")), ids=lambda path: path.stem)
def test_no_chapters_module_sets_what_is_global(path):
    forbidden = re.compile(
        r"set_num_threads|torch\.manual_seed|set_default|np\.random\.seed|random\.seed|os\.environ"
    )
    assert forbidden.findall(path.read_text(encoding="utf-8")) == []


def test_with_several_jobs_an_error_costs_no_trial_that_had_begun():
    name, done = "1997-3a-100-3", []
    trials = [{"budget": 500, "seed": seed} for seed in ("none", 1)]
    with pytest.raises(TypeError):
        for trial, _ in _runner.run_trials("again", name, again.EXPERIMENTS[name], trials, 2):
            done.append(trial["seed"])
    assert done == [1]


def test_with_several_jobs_an_interrupt_ends_the_other_processes():
    name = "1997-3a-100-3"
    trials = [{"budget": 500, "seed": seed} for seed in range(3)]
    running = _runner.run_trials("again", name, again.EXPERIMENTS[name], trials, 2)
    next(running)
    with pytest.raises(KeyboardInterrupt):
        running.throw(KeyboardInterrupt())
    assert active_children() == []
