"""Episodes are drawn as their protocol says; the baselines do what their names say."""

import numpy as np
import pytest

from lstm_tutorial.fewshot import episodes


@pytest.fixture(scope="module")
def letters():
    return episodes.letters(versions=1)


def numbered(N, V):
    """Return N classes of V examples of two numbers each: the class and the example."""
    return np.stack(np.meshgrid(np.arange(N), np.arange(V), indexing="ij"), axis=-1) * 1.0


@pytest.mark.parametrize("kind", [episodes.lines, episodes.sines])
def test_shapes_and_seeds(kind):
    drawn = kind(4, 3, 0, queries=7)
    assert [part.shape for part in drawn] == [(4, 3, 1), (4, 3, 1), (4, 7, 1), (4, 7, 1)]
    same, other = kind(4, 3, 0, queries=7), kind(4, 3, 1, queries=7)
    assert all(map(np.array_equal, drawn, same)) and not np.array_equal(drawn[0], other[0])


def test_support_and_query_of_a_line_lie_on_one_line():
    x, y, query_x, query_y = episodes.lines(200, 3, 0)
    for k in range(200):
        slope, height = np.polyfit(x[k, :, 0], y[k, :, 0], 1)
        assert abs(slope) <= 1 and abs(height) <= 1
        np.testing.assert_allclose(slope * query_x[k] + height, query_y[k], atol=1e-8)


def test_sines_keep_the_protocol():
    x, y, query_x, query_y = episodes.sines(3000, 5, 0)
    assert query_x.shape == (3000, 50, 1)
    assert np.abs(x).max() < 5 and np.abs(query_x).max() < 5 and x.min() < -4.9
    # A sin(x + phase) = a sin x + b cos x, with a = A cos(phase) and b = A sin(phase).
    known, asked = (np.concatenate([np.sin(p), np.cos(p)], axis=-1) for p in (x, query_x))
    wave = np.linalg.pinv(known) @ y
    np.testing.assert_allclose(asked @ wave, query_y, atol=1e-7)
    amplitude = np.hypot(wave[:, 0], wave[:, 1]).ravel()
    phase = np.arctan2(wave[:, 1], wave[:, 0]).ravel()
    assert 0.1 < amplitude.min() < 0.2 and 4.9 < amplitude.max() < 5
    assert 0 < phase.min() < 0.02 and 3.12 < phase.max() < np.pi
    assert abs(amplitude.mean() - 2.55) < 0.1 and abs(phase.mean() - np.pi / 2) < 0.07
    assert 4.0 < np.mean(query_y**2) < 4.6  # as the docstring says of answering 0


def test_an_episode_shows_each_class_as_often_as_asked_and_no_example_twice():
    x, y, query_x, query_y = episodes.classes(numbered(9, 8), 4, 3, 50, 0, queries=2)
    assert [part.shape for part in (x, y, query_x, query_y)] == [
        (50, 12, 2),
        (50, 12, 4),
        (50, 8, 2),
        (50, 8, 4),
    ]
    assert (y.sum(axis=1) == 3).all() and (query_y.sum(axis=1) == 2).all()
    for e in range(50):
        rows = np.concatenate([x[e], query_x[e]])
        labels = np.concatenate([y[e], query_y[e]]).argmax(axis=1)
        assert len({tuple(row) for row in rows.tolist()}) == 20
        by_label = [set(rows[labels == k, 0].tolist()) for k in range(4)]
        assert all(len(found) == 1 for found in by_label)  # one class behind each label
        assert len(set.union(*by_label)) == 4


def test_every_class_gets_every_label_in_every_place():
    x, y, *_ = episodes.classes(numbered(3, 4), 2, 1, 3000, 0, queries=1)
    counts = np.zeros((3, 2, 2))
    labels = y.argmax(axis=2)
    for place in range(2):
        np.add.at(counts, (x[:, place, 0].astype(int), labels[:, place], place), 1)
    assert (np.abs(counts / 3000 - 1 / 6) < 0.03).all()


def test_letters_are_many_different_and_inked(letters):
    images, names, scripts = letters
    assert images.shape == (len(names), 6, 14, 14) and len(names) > 700
    assert set(scripts) == {"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "GEORGIAN"}
    assert images.min() == 0 and images.max() <= 1
    assert images.mean(axis=(2, 3)).min() > 0.005  # not one is blank
    assert "A" in names and "\N{CYRILLIC SMALL LETTER ZHE}" in names and "É" not in names
    assert "\N{GREEK CAPITAL LETTER ALPHA}" not in names  # it looks like A
    first = images[:, 0].reshape(len(names), -1)
    assert len(np.unique(first, axis=0)) == len(names)


def test_a_letter_resembles_itself_in_another_face(letters):
    drawn = episodes.classes(letters.images, 5, 1, 400, 0, queries=1)
    answers = episodes.nearest(*drawn[:3])
    right = (answers.argmax(axis=2) == drawn.query_y.argmax(axis=2)).mean()
    assert right > 0.35  # chance is 0.2


def test_nearest_answers_as_a_loop_does():
    x, y, query_x, _ = episodes.sines(6, 5, 0, queries=9)
    answers = episodes.nearest(x, y, query_x)
    for e in range(6):
        for q in range(9):
            closest = min(range(5), key=lambda k: abs(x[e, k, 0] - query_x[e, q, 0]))
            assert answers[e, q] == y[e, closest]


def test_prototypes_are_means():
    rng = np.random.default_rng(0)
    x, y, query_x, _ = episodes.classes(rng.random((6, 9, 3)), 3, 4, 5, 1)
    scores = episodes.prototypes(x, y, query_x)
    for e in range(5):
        for k in range(3):
            mean = x[e][y[e, :, k] == 1].mean(axis=0)
            wanted = -((query_x[e] - mean) ** 2).sum(axis=1)
            np.testing.assert_allclose(scores[e, :, k], wanted, atol=1e-12)


def test_ridge_solves_the_normal_equations():
    x, y, query_x, _ = episodes.sines(4, 8, 0)
    answers = episodes.ridge(x, y, query_x, 0.5, lambda x: np.concatenate([x, x**2, x**3], axis=-1))
    for e in range(4):
        known, asked = (np.concatenate([p, p**2, p**3], axis=1) for p in (x[e], query_x[e]))
        weights = np.linalg.solve(known.T @ known + 0.5 * np.eye(3), known.T @ y[e])
        np.testing.assert_allclose(answers[e], asked @ weights, rtol=1e-6, atol=1e-6)


def test_the_interval_is_that_of_the_mean():
    rng = np.random.default_rng(0)
    samples = rng.exponential(2.0, (400, 500))
    hits = [abs(m - 2) < half for m, half in map(episodes.interval, samples)]
    assert 0.92 < np.mean(hits) < 0.98
    with pytest.raises(ValueError, match=r"^values: expected at least 2, got 1"):
        episodes.interval([1.0])


BASELINES = [
    episodes.nearest,
    episodes.prototypes,
    lambda *parts: episodes.ridge(*parts, 0.1),
]
ONE_HOT = np.eye(2)[None].repeat(3, axis=0)


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(3, 0, 4), (3, 0, 2), (3, 5, 4)], r"^support_x: .*no axis empty, got \(3, 0, 4\)"),
        ([(3, 2), (3, 2, 2), (3, 5, 4)], r"^support_x: expected shape \(E, K, D\), got \(3, 2\)"),
        ([(3, 2, 4), (3, 1, 2), (3, 5, 4)], r"^support_y: .*\(E=3, K=2, O\), got \(3, 1, 2\)"),
        ([(3, 2, 4), (3, 2, 2), (3, 5, 1)], r"^query_x: .*\(E=3, Q, D=4\), got \(3, 5, 1\)"),
        ([(3, 2, 4), (3, 2, 2), (2, 5, 4)], r"^query_x: expected shape \(E=3, "),
    ],
)
def test_parts_that_do_not_fit_are_named(baseline, shapes, message):
    with pytest.raises(ValueError, match=message):
        baseline(*map(np.zeros, shapes))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.ones((3, 2, 1)), "^support_y: expected at least 2 classes, got 1"),
        (np.eye(2)[[[0, 1], [1, 1], [0, 1]]], "got none of class 0 in episode 1"),
        (np.full((3, 2, 2), 0.5), "^support_y: expected one-hot rows"),
        (np.ones((3, 2, 2)), "^support_y: expected one-hot rows"),
    ],
)
def test_labels_that_cannot_be_learnt_from_are_named(labels, message):
    with pytest.raises(ValueError, match=message):
        episodes.prototypes(np.zeros((3, 2, 4)), labels, np.zeros((3, 5, 4)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"ways": 1}, ValueError, "^ways: expected 2 to 6 classes, as many as `images` has"),
        ({"ways": 7}, ValueError, "^ways: .*got 7"),
        ({"shots": 0}, ValueError, "^shots: expected at least 1"),
        ({"shots": 4, "queries": 2}, ValueError, r"^shots: expected at most 5 .*got 4 \+ 2"),
        ({"count": 0}, ValueError, "^count: "),
        ({"rng": "dice"}, TypeError, "^rng: "),
        ({"images": np.zeros((6, 5))}, ValueError, r"^images: expected shape \(N, V, ...\)"),
        ({"images": np.zeros((6, 5, 2), dtype=int)}, TypeError, "^images: expected float"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    fine = {"images": np.zeros((6, 5, 2)), "ways": 3, "shots": 2, "count": 1, "rng": 0}
    with pytest.raises(error, match=message):
        episodes.classes(**{**fine, "queries": 1, **arguments})


@pytest.mark.parametrize("name", ["count", "shots", "queries"])
def test_sizes_below_one_are_named(name):
    with pytest.raises(ValueError, match=rf"^{name}: expected at least 1, got 0"):
        episodes.sines(**{"count": 2, "shots": 3, "rng": 0, "queries": 4, name: 0})


def test_a_penalty_has_to_be_positive():
    with pytest.raises(ValueError, match=r"^strength: "):
        episodes.ridge(*episodes.sines(2, 3, 0)[:3], strength=0.0)
