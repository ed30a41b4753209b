"""The tasks of 1997 are drawn as the paper defines them: symbols, places, lengths, targets, lags."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_tutorial.original import tasks

SEEDS = st.integers(0, 2**32)
MANY = 20_000


def near(share, p, draws=MANY):
    """Within four standard errors of a probability."""
    return np.allclose(share, p, atol=4 * np.sqrt(p * (1 - p) / draws))


def symbols(x, b, length):
    """Return the symbols of one sequence as numbers, and check that each step shows one."""
    rows = x[:length, b]
    assert np.isin(rows, [0, 1]).all() and (rows.sum(axis=1) == 1).all()
    assert (x[length:, b] == 0).all()
    return rows.argmax(axis=1)


@given(st.integers(2, 12), st.integers(1, 8), SEEDS)
def test_2a_is_one_of_two_sequences_and_wants_the_next_symbol(p, batch, seed):
    x, y, lengths = tasks.noise_free(p, batch, seed)
    assert x.shape == y.shape == (p, batch, p + 1) and (lengths == p).all()
    for b in range(batch):
        first, *between = symbols(x, b, p)
        assert first in (p - 1, p) and between == list(range(p - 1))
        assert list(symbols(y, b, p)) == [*between, first]


@given(st.integers(2, 12), st.integers(1, 8), SEEDS)
def test_2b_has_random_symbols_between_and_ends_as_it_began(p, batch, seed):
    x, y, lengths = tasks.no_regularities(p, batch, seed)
    assert x.shape == y.shape == (p, batch, p + 1) and (lengths == p).all()
    for b in range(batch):
        first, *between = symbols(x, b, p)
        assert first in (p - 1, p) and all(symbol < p - 1 for symbol in between)
        assert list(symbols(y, b, p)) == [*between, first]


def test_2a_and_2b_draw_both_classes_and_all_symbols_evenly():
    assert near(tasks.noise_free(3, MANY, 0)[0][0].mean(axis=0), np.array([0, 0, 0.5, 0.5]))
    x, _, _ = tasks.no_regularities(5, MANY, 0)
    assert near(x[0].mean(axis=0)[4:], 0.5)
    assert near(x[1:, :, :4].mean(axis=1), 1 / 4)


@given(st.integers(1, 30), st.integers(1, 6), st.integers(1, 8), SEEDS)
def test_2c_shows_b_the_class_distractors_and_e(q, p, batch, seed):
    x, y, lengths = tasks.long_lag(q, p, batch, seed)
    assert x.shape == (lengths.max(), batch, p + 4) and y.shape == (batch, 2)
    assert (lengths >= q + 3).all()  # so that q + 1 steps lie between the second and the last
    for b in range(batch):
        start, which, *between, end = symbols(x, b, lengths[b])
        assert (start, end) == (p + 1, p) and which - p - 2 == y[b].argmax() and y[b].sum() == 1
        assert all(symbol < p for symbol in between)


def test_2c_has_the_papers_mean_length_classes_and_distractors():
    x, y, lengths = tasks.long_lag(5, 4, MANY, 0)
    extra = lengths - 8
    assert extra.min() == 0
    for k in range(4):
        assert near(np.mean(extra == k), 0.9**k / 10)
    # with the predicted symbol q + 13: the paper's sum, which it gives as q + 14
    assert (lengths + 1).mean() == pytest.approx(5 + 13, abs=4 * np.sqrt(90 / MANY))
    assert near(y.mean(axis=0), 1 / 2) and near(x[2, :, :4].mean(axis=0), 1 / 4)


@given(st.integers(1, 60), st.data(), SEEDS)
def test_3_begins_with_the_sign_of_the_class(length, data, seed):
    informative = data.draw(st.integers(1, length))
    x, y, lengths = tasks.two_sequences(length, informative, 9, seed)
    assert x.shape == (length + length // 10, 9, 1) and y.shape == (9, 1)
    assert (lengths >= length).all() and (lengths <= length + length // 10).all()
    assert (x[:informative, :, 0] == 2 * y[:, 0] - 1).all()
    assert all((x[n:, b] == 0).all() for b, n in enumerate(lengths))


def test_3_has_the_papers_noise_classes_and_lengths():
    x, y, lengths = tasks.two_sequences(20, 3, MANY, 0)
    noise = x[3:20]
    assert noise.mean() == pytest.approx(0, abs=0.005) and noise.var() == pytest.approx(
        0.2, rel=0.02
    )
    assert near(y.mean(), 1 / 2)
    for n in (20, 21, 22):
        assert near(np.mean(lengths == n), 1 / 3)


def test_3b_has_noise_on_the_informative_elements_too():
    x, y, _ = tasks.two_sequences(20, 3, MANY, 0, kind="b")
    noise = x[:3, :, 0] - (2 * y[:, 0] - 1)
    assert noise.mean() == pytest.approx(0, abs=0.01) and noise.var() == pytest.approx(
        0.2, rel=0.03
    )


def test_3c_has_noisy_targets_of_02_for_class_1_and_08_for_class_2():
    x, y, _ = tasks.two_sequences(20, 1, MANY, 0, kind="c")
    for sign, mean in [(1, 0.2), (-1, 0.8)]:
        targets = y[x[0, :, 0] == sign]
        assert targets.mean() == pytest.approx(mean, abs=0.015)
        assert targets.var() == pytest.approx(0.1, rel=0.05)


def check_marks(x, lengths, length, neutral):
    """Return the places of the two marks of each sequence."""
    places = []
    for b, n in enumerate(lengths):
        markers = x[:n, b, 1]
        first, second = np.flatnonzero(markers == 1)
        assert first < 10 and second < length // 2 and n - 1 - second >= length // 2
        assert markers[-1] == -1 and (markers[1:-1] >= 0).all() and (x[n:, b] == 0).all()
        assert markers[0] == (1 if first == 0 else -1)
        assert first or x[0, b, 0] == neutral
        places.append([first, second])
    return places


@given(st.integers(20, 80), st.integers(1, 8), SEEDS)
def test_4_wants_the_sum_of_the_marked_numbers(length, batch, seed):
    x, y, lengths = tasks.adding(length, batch, seed)
    assert x.shape == (length + length // 10, batch, 2) and y.shape == (batch, 1)
    assert (np.abs(x[..., 0]) <= 1).all()
    assert (lengths >= length).all() and (lengths <= length + length // 10).all()
    for b, marked in enumerate(check_marks(x, lengths, length, 0)):
        assert y[b, 0] == pytest.approx(0.5 + x[marked, b, 0].sum() / 4)


@given(st.integers(20, 80), st.integers(1, 8), SEEDS)
def test_5_wants_the_product_of_the_marked_numbers(length, batch, seed):
    x, y, lengths = tasks.multiplication(length, batch, seed)
    assert ((x[..., 0] >= 0) & (x[..., 0] <= 1)).all()
    for b, marked in enumerate(check_marks(x, lengths, length, 1)):
        assert y[b, 0] == pytest.approx(x[marked, b, 0].prod())


def test_4_and_5_mark_evenly_and_draw_numbers_evenly():
    T = 40
    x, y, _ = tasks.adding(T, MANY, 0)
    marks = (x[..., 1] == 1).mean(axis=1)
    # The first mark falls on each of the first ten with 1/10. The second is one of the T/2 - 1
    # left among the first T/2, where it is as likely as any of them.
    early = 0.1 + 0.9 / (T // 2 - 1)
    assert near(marks[1:10], early) and near(marks[10 : T // 2], 1 / (T // 2 - 1))
    assert (marks[T // 2 :] == 0).all()
    assert near(marks[0], early)
    assert x[1:T, :, 0].mean() == pytest.approx(0, abs=0.01)
    assert x[1:T, :, 0].var() == pytest.approx(1 / 3, rel=0.01)
    assert y.min() >= 0 and y.max() <= 1
    x, y, _ = tasks.multiplication(T, MANY, 0)
    assert x[1:T, :, 0].mean() == pytest.approx(0.5, abs=0.01)
    # E[X1 X2] = 1/4, and 1/2 where one of the two is the neutral 1
    assert y.mean() == pytest.approx(0.25 + 0.25 * early, abs=0.01)


@given(st.sampled_from([2, 3]), st.integers(1, 8), SEEDS)
def test_6_shows_x_or_y_once_in_each_window(marks, batch, seed):
    x, y, lengths = tasks.temporal_order(marks, batch, seed)
    assert x.shape == (110, batch, 8) and y.shape == (batch, 2**marks)
    assert (lengths >= 100).all() and (lengths <= 110).all()
    for b in range(batch):
        shown = "".join("abcdEBXY"[s] for s in symbols(x, b, lengths[b]))
        assert shown[0] == "E" and shown[-1] == "B" and not set(shown[1:-1]) & set("EB")
        places = [t for t, symbol in enumerate(shown, 1) if symbol in "XY"]
        assert len(places) == marks
        windows = [(10, 20), (50, 60)] if marks == 2 else [(10, 20), (33, 43), (66, 76)]
        assert all(low <= t <= high for t, (low, high) in zip(places, windows, strict=True))
        order = "".join(shown[t - 1] for t in places)
        assert (
            int(order.replace("X", "0").replace("Y", "1"), 2) == y[b].argmax() and y[b].sum() == 1
        )


@pytest.mark.parametrize("marks, lag", [(2, 40), (3, 24)])
def test_6_draws_places_lengths_and_classes_evenly_and_has_the_papers_minimal_lag(marks, lag):
    x, y, lengths = tasks.temporal_order(marks, MANY, 0)
    shown = x[..., 6:].sum(axis=2).mean(axis=1)
    for low, high in tasks.WINDOWS[marks]:
        assert near(shown[low - 1 : high], 1 / 11)
    assert shown.sum() == pytest.approx(marks)
    assert near(y.mean(axis=0), 1 / 2**marks)
    assert near([np.mean(lengths == n) for n in range(100, 111)], 1 / 11)
    assert near(x[1:9, :, :4].mean(axis=1), 1 / 4)
    assert lengths.min() - tasks.WINDOWS[marks][-1][1] == lag


def test_a_sequence_is_wrong_if_one_output_is_off_by_the_tolerance():
    answers = np.array([[0.0, 0.29], [0.31, 1.0], [0.3, 1.0]])
    targets = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert tasks.wrong(answers, targets, 0.3).tolist() == [False, True, True]
    with pytest.raises(ValueError, match="targets: expected shape"):
        tasks.wrong(answers, targets[:2], 0.3)


DRAWS = [
    lambda batch, rng: tasks.noise_free(4, batch, rng),
    lambda batch, rng: tasks.no_regularities(4, batch, rng),
    lambda batch, rng: tasks.long_lag(5, 4, batch, rng),
    lambda batch, rng: tasks.two_sequences(20, 1, batch, rng),
    lambda batch, rng: tasks.adding(20, batch, rng),
    lambda batch, rng: tasks.multiplication(20, batch, rng),
    lambda batch, rng: tasks.temporal_order(2, batch, rng),
]


@pytest.mark.parametrize("draw", DRAWS)
def test_a_seed_gives_the_same_draw_and_a_generator_moves_on(draw):
    one, two = draw(20, 7), draw(20, np.random.default_rng(7))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    rng = np.random.default_rng(7)
    first, second = draw(20, rng), draw(20, rng)
    assert first[0].shape != second[0].shape or not np.array_equal(first[0], second[0])


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize(
    "batch, rng, error, message",
    [
        (0, 0, ValueError, "batch: expected at least 1, got 0"),
        (2.0, 0, TypeError, "batch: expected an integer, got float"),
        (2, "0", TypeError, "rng: expected a seed or a numpy Generator, got str"),
    ],
)
def test_bad_batches_and_generators_are_refused(draw, batch, rng, error, message):
    with pytest.raises(error, match=message):
        draw(batch, rng)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: tasks.noise_free(1, 2, 0), "p: expected at least 2, got 1"),
        (lambda: tasks.long_lag(0, 2, 2, 0), "q: expected at least 1, got 0"),
        (lambda: tasks.long_lag(2, 0, 2, 0), "p: expected at least 1, got 0"),
        (lambda: tasks.two_sequences(3, 4, 2, 0), "informative: expected at most length=3, got 4"),
        (lambda: tasks.two_sequences(3, 1, 2, 0, "d"), "kind: expected one of a, b, c, got 'd'"),
        (lambda: tasks.adding(19, 2, 0), "length: expected at least 20, got 19"),
        (lambda: tasks.temporal_order(4, 2, 0), "marks: expected 2 or 3, got 4"),
        (
            lambda: tasks.wrong(np.ones((2, 1)), np.ones((2, 1)), 0.0),
            "tolerance: expected a finite",
        ),
    ],
)
def test_bad_settings_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
