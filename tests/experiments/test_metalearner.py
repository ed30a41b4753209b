"""The stored runs draw, cut and measure what their docstrings say."""

import numpy as np
import pytest
import torch

from lstm_tutorial.experiments import metalearner
from lstm_tutorial.fewshot import episodes, learners


def test_no_script_is_both_trained_on_and_tested():
    names = [name for part in metalearner.SCRIPTS.values() for name in part]
    assert len(set(names)) == len(names)
    drawn = episodes.letters(versions=1)
    assert set(names) == set(drawn.scripts)


def test_a_cut_keeps_the_first_tasks_and_points():
    test = episodes.sines(6, 9, 0, queries=4)
    cut = metalearner._cut(test, 2, 3)
    assert np.array_equal(cut.support_x, test.support_x[:2, :3])
    assert np.array_equal(cut.support_y, test.support_y[:2, :3])
    assert np.array_equal(cut.query_y, test.query_y[:2])


def test_the_scatter_over_orders():
    given = episodes.sines(40, 5, 0, queries=3)

    def first(part):
        return part.support_y[:, :1].repeat(3, axis=1)

    def mean(part):
        return part.support_y.mean(axis=1, keepdims=True).repeat(3, axis=1)

    assert metalearner._order(mean, given, np.random.default_rng(0)) < 1e-12
    scatter = metalearner._order(first, given, np.random.default_rng(0))
    wanted = np.sqrt(given.support_y.var(axis=1).mean())  # every point comes first as often
    assert scatter == pytest.approx(wanted, rel=0.1)


@pytest.mark.parametrize("name", metalearner.BUDGETS)
def test_every_learner_of_sines_answers(name):
    net = metalearner.sine_learner(name)
    answer = metalearner._answers(net)
    given = episodes.sines(501, 3, 0, queries=2)  # more than fit into one piece
    with torch.no_grad():
        whole = net(*learners.tensors(given)[:3]).numpy()
    np.testing.assert_allclose(answer(given), whole, atol=1e-5)


@pytest.mark.parametrize("name", metalearner.LETTERS)
def test_every_learner_of_letters_has_the_same_network_in_front(name):
    net = metalearner.letter_learner(name)
    shapes = [tuple(p.shape) for p in net.parameters()]
    assert {(128, 196), (64, 128)} <= set(shapes)


@pytest.mark.parametrize("name", metalearner.BASELINES)
def test_the_baselines_of_sines_answer(name):
    given = episodes.sines(8, 5, 0, queries=3)
    answers = metalearner._baseline(name, 0)(given)
    assert answers.shape == given.query_y.shape
    if name == "ridge on sine and cosine":
        np.testing.assert_allclose(answers, given.query_y, atol=1e-3)


@pytest.mark.parametrize("name", metalearner.ON_PIXELS)
def test_the_baselines_of_letters_answer(name):
    rng = np.random.default_rng(0)
    given = episodes.classes(rng.random((7, 6, 14, 14)), 5, 2, 3, rng, queries=2)
    scores = metalearner._from_pixels(name, given, 0)
    assert scores.shape == given.query_y.shape and np.isfinite(scores).all()
