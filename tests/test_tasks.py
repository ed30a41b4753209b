"""Each generator draws what its definition says: ranges, frequencies, targets."""

from functools import partial

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


@given(st.integers(2, 40), st.integers(1, 20), st.integers(0, 2**32))
def test_order_shows_one_of_two_symbols_in_each_half(length, batch, seed):
    x, y = tasks.order(length, batch, seed)
    assert x.shape == (length, batch, 6) and y.shape == (batch, 4)
    assert np.isin(x, [0, 1]).all() and (x.sum(axis=2) == 1).all() and (y.sum(axis=1) == 1).all()
    half = length // 2
    for k in range(batch):
        (first,), (second,) = (
            np.argwhere(x[part, k, 4:])[:, 1] for part in (slice(half), slice(half, None))
        )
        assert ["XX", "XY", "YX", "YY"][y[k].argmax()] == "XY"[first] + "XY"[second]


def test_order_draws_classes_places_and_distractors_evenly():
    x, y = tasks.order(10, 60_000, 0)
    # four standard errors of a share p in 60,000 draws
    assert np.allclose(y.mean(axis=0), 1 / 4, atol=4 * np.sqrt(1 / 4 * 3 / 4 / 60_000))
    assert np.allclose(x[..., 4:].sum(axis=2).mean(axis=1), 1 / 5, atol=4 * np.sqrt(0.16 / 60_000))
    assert np.allclose(x[..., :4].mean(axis=1), 1 / 5, atol=4 * np.sqrt(0.16 / 60_000))
    assert np.mean((y - 1 / 4) ** 2) == pytest.approx(3 / 16)


@given(st.integers(1, 40), st.integers(1, 10), st.integers(0, 2**32), st.floats(0.01, 1))
def test_latest_holds_the_number_of_the_last_mark(length, batch, seed, rate):
    x, y = tasks.latest(length, batch, seed, rate)
    assert x.shape == (length, batch, 2) and y.shape == (length, batch, 1)
    for k in range(batch):
        held = 0.0
        for t in range(length):
            held = x[t, k, 0] if x[t, k, 1] else held
            assert y[t, k, 0] == held


@given(st.integers(1, 40), st.integers(1, 10), st.integers(0, 2**32), st.floats(0.01, 1))
def test_elapsed_counts_from_the_last_mark(length, batch, seed, rate):
    x, y = tasks.elapsed(length, batch, seed, rate)
    assert x.shape == y.shape == (length, batch, 1)
    for k in range(batch):
        steps = 0
        for t in range(length):
            steps = 0 if x[t, k, 0] else steps + 1
            assert y[t, k, 0] == steps


def test_marks_come_at_their_rate_and_numbers_lie_evenly():
    x, _ = tasks.latest(100, 600, 0, rate=0.3)
    assert x[..., 1].mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / 60_000))
    assert abs(x[..., 0]).max() <= 1 and x[..., 0].var() == pytest.approx(1 / 3, rel=0.03)
    assert tasks.elapsed(100, 600, 0)[0].mean() == pytest.approx(
        0.1, abs=4 * np.sqrt(0.09 / 60_000)
    )
    assert (tasks.elapsed(5, 5, 0, rate=1)[1] == 0).all()


def test_count_is_the_sum_of_even_steps():
    x, y = tasks.count(60, 1000, 0)
    assert x.shape == y.shape == (60, 1000, 1) and set(np.unique(x)) == {-1.0, 0.0, 1.0}
    for step in (-1, 0, 1):
        assert np.mean(x == step) == pytest.approx(1 / 3, abs=4 * np.sqrt(2 / 9 / 60_000))
    assert np.array_equal(y[0], x[0]) and np.array_equal(np.diff(y, axis=0), x[1:])


def test_parity_is_that_of_even_bits():
    x, y = tasks.parity(60, 1000, 0)
    assert x.shape == y.shape == (60, 1000, 1) and set(np.unique(x)) == set(np.unique(y)) == {0, 1}
    assert x.mean() == pytest.approx(1 / 2, abs=4 * np.sqrt(1 / 4 / 60_000))
    assert np.array_equal(y[0], x[0])
    assert np.array_equal(y[1:] != y[:-1], x[1:] == 1)  # a one turns it round, a zero does not


@given(
    st.integers(1, 8), st.integers(0, 30), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99)
)
def test_copying_shows_the_items_a_pause_and_a_sign(items, pause, batch, symbols, seed):
    T, blank, sign = 2 * items + pause, symbols, symbols + 1
    x, y = tasks.copying(T, batch, seed, items, symbols)
    assert x.shape == (T, batch, symbols + 2) and y.shape == (T, batch, symbols + 1)
    assert np.isin(x, [0, 1]).all() and (x.sum(axis=2) == 1).all() and (y.sum(axis=2) == 1).all()
    shown, wanted = x.argmax(axis=2), y.argmax(axis=2)
    assert (shown[:items] < symbols).all() and (wanted[:-items] == blank).all()
    assert np.array_equal(shown[:items], wanted[-items:])
    after = np.full(items + pause, blank)
    after[pause] = sign
    assert (shown[items:] == after[:, None]).all()


@given(
    st.integers(1, 8), st.integers(0, 30), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99)
)
def test_selective_copying_keeps_the_order_of_scattered_items(items, spare, batch, symbols, seed):
    T, blank, sign = 2 * items + spare, symbols, symbols + 1
    x, y = tasks.selective_copying(T, batch, seed, items, symbols)
    assert x.shape == (T, batch, symbols + 2) and y.shape == (T, batch, symbols + 1)
    assert np.isin(x, [0, 1]).all() and (x.sum(axis=2) == 1).all() and (y.sum(axis=2) == 1).all()
    shown, wanted = x.argmax(axis=2), y.argmax(axis=2)
    assert (shown[-items:] == sign).all() and (wanted[:-items] == blank).all()
    for k in range(batch):
        field = shown[:-items, k]
        assert np.isin(field, range(symbols + 1)).all()
        assert np.array_equal(field[field != blank], wanted[-items:, k])


def test_items_are_drawn_evenly_and_scattered_evenly():
    near = 4 * np.sqrt(1 / 60_000)  # four standard errors of a share, and more
    for task in (tasks.copying, tasks.selective_copying):
        _, y = task(9, 30_000, 0, 2, 4)
        assert np.allclose(y[-2:].mean(axis=1), [[0.25] * 4 + [0]] * 2, atol=near * np.sqrt(2))
    x, _ = tasks.selective_copying(9, 60_000, 0, 2, 4)
    assert np.allclose(x[:7, :, :4].sum(axis=2).mean(axis=1), 2 / 7, atol=near)
    first = x[:7, :, :4].sum(axis=2).argmax(axis=0)  # of 21 pairs of steps, 6 begin with step 0
    shares = np.bincount(first, minlength=7) / 60_000
    assert np.allclose(shares, np.arange(6, -1, -1) / 21, atol=near)


def test_copying_has_the_known_baseline():
    _, y = tasks.copying(120, 50, 0)
    guess = np.tile([0.0] * 8 + [1], (120, 50, 1))
    guess[-10:] = [1 / 8] * 8 + [0]
    entropy = -np.log((guess * y).sum(axis=2)).mean()
    assert entropy == pytest.approx(10 * np.log(8) / 120)


DRAWS = [tasks.adding, tasks.recall, tasks.order, tasks.latest, tasks.elapsed, tasks.count]
DRAWS += [tasks.parity]
DRAWS += [partial(draw, items=2) for draw in (tasks.copying, tasks.selective_copying)]


@pytest.mark.parametrize("draw", DRAWS)
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
        (lambda: tasks.order(1, 3, 0), ValueError, "length: expected at least 2, one step for each"),
        (lambda: tasks.order(4, 3, None), TypeError, "rng: expected a seed or a numpy Generator"),
        (lambda: tasks.latest(5, 3, 0, rate=1.5), ValueError, "rate: expected at most 1, a probability"),
        (lambda: tasks.latest(5, 3, 0, rate=0), ValueError, "rate: expected a finite number above 0"),
        (lambda: tasks.elapsed(0, 3, 0), ValueError, "length: expected at least 1, got 0"),
        (lambda: tasks.count(5, 3, -1), ValueError, "rng: expected a seed of at least 0"),
        (lambda: tasks.parity(0, 3, 0), ValueError, "length: expected at least 1, got 0"),
        (lambda: tasks.copying(19, 3, 0), ValueError, "length: expected at least 20, twice the items"),
        (lambda: tasks.copying(20, 3, 0, symbols=0), ValueError, "symbols: expected at least 1"),
        (lambda: tasks.selective_copying(9, 3, 0, 5), ValueError, "length: expected at least 10, twice"),
        (lambda: tasks.selective_copying(20, 3, 0.5), TypeError, "rng: expected a seed or a numpy"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
