"""Each generator draws what its definition says: ranges, frequencies, targets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_tutorial import tasks


@given(st.integers(2, 40), st.integers(1, 20), st.integers(0, 2**32))
def test_adding_marks_one_number_in_each_half(length, batch, seed):
    x, y = tasks.adding(length, batch, seed)
    numbers, markers = x[..., 0], x[..., 1]
    assert x.shape == (length, batch, 2) and y.shape == (batch, 1)
    assert ((numbers >= 0) & (numbers < 1)).all() and np.isin(markers, [0, 1]).all()
    assert (markers[: length // 2].sum(axis=0) == 1).all()
    assert (markers[length // 2 :].sum(axis=0) == 1).all()
    for k in range(batch):
        assert y[k, 0] == pytest.approx(numbers[markers[:, k] == 1, k].sum())


def test_adding_reaches_every_step_and_has_the_known_baseline():
    x, y = tasks.adding(10, 60_000, 0)
    share = x[..., 1].mean(axis=1)
    # one marker in five steps; four standard errors of a share of 1/5 in 60,000 draws
    assert np.allclose(share, 0.2, atol=4 * np.sqrt(0.16 / 60_000))
    assert np.mean((y - 1) ** 2) == pytest.approx(1 / 6, rel=0.02)


def test_recall_wants_the_first_sign():
    x, y = tasks.recall(30, 4000, 0, noise=0.2)
    assert x.shape == (30, 4000, 1) and y.shape == (4000, 1)
    assert np.array_equal(y, x[0]) and set(np.unique(y)) == {-1.0, 1.0}
    assert abs(y.mean()) < 4 / np.sqrt(4000)
    assert x[1:].std() == pytest.approx(0.2, rel=0.02) and abs(x[1:].mean()) < 0.005


@pytest.mark.parametrize("draw", [tasks.adding, tasks.recall])
def test_a_seed_gives_the_same_draw_and_a_generator_moves_on(draw):
    assert np.array_equal(draw(5, 3, 7)[0], draw(5, 3, np.random.default_rng(7))[0])
    rng = np.random.default_rng(7)
    assert not np.array_equal(draw(5, 3, rng)[0], draw(5, 3, rng)[0])


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: tasks.adding(1, 3, 0), ValueError, "length: expected at least 2, one step for each"),
        (lambda: tasks.adding(5.0, 3, 0), TypeError, "length: expected an integer, got float"),
        (lambda: tasks.adding(5, 0, 0), ValueError, "batch: expected at least 1, got 0"),
        (lambda: tasks.adding(5, 3, "0"), TypeError, "rng: expected a seed or a numpy Generator"),
        (lambda: tasks.recall(5, 3, 0, noise=np.nan), ValueError, "noise: expected a finite number"),
        (lambda: tasks.recall(True, 3, 0), TypeError, "length: expected an integer, got bool"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
