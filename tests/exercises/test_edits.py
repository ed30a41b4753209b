"""Functions read as an edited source: what is found, and what chance must not find."""

import numpy as np
import pytest

from lstm_tutorial import exercises
from lstm_tutorial.exercises._calls import Ask
from lstm_tutorial.exercises._changes import plain_changes
from lstm_tutorial.exercises._facts import close
from lstm_tutorial.exercises._kinds import KINDS
from lstm_tutorial.exercises.checker import _rounding
from tests.exercises.styles import every

READ = [kind for kind, spec in KINDS.items() if spec.any_shape]  # as an edited source


def distorted(kind, seed):
    """Return the right function times a factor of no meaning; every other has noisy inputs."""
    spec, by = KINDS[kind], np.random.default_rng(seed).uniform(0.5, 2)

    def fn(*arguments):
        rng = np.random.default_rng(seed)  # the same noise at each call

        def noisy(a):
            return a * (1 + 0.1 * rng.normal(size=np.shape(a)))

        outputs = spec.expected([every(noisy, a) if seed % 2 else a for a in arguments])
        return tuple(by * o for o in outputs) if len(outputs) > 1 else by * outputs[0]

    return fn


@pytest.mark.parametrize("seed", range(200))
def test_a_random_function_gets_no_reading(seed):
    kind = READ[seed % len(READ)]
    report = exercises.check(kind, distorted(kind, seed))
    assert not report.passed and report.model is None, report


def test_two_plain_changes_are_read_only_in_double_precision():
    def wrong(nats):
        return np.expm1(nats.sum() / nats.shape[0])

    report = exercises.check("perplexity", wrong)
    assert len(report.mistakes) == 2 and report.model
    report = exercises.check("perplexity", lambda nats: np.float32(wrong(nats.astype(np.float32))))
    assert not report.passed and report.model is None


def test_a_wrong_shape_is_read():
    def early(series, length, horizon):
        starts = range(len(series) - length - horizon)
        x = np.array([series[s : s + length] for s in starts]).reshape(-1, length)
        return x, [series[s + length : s + length + horizon] for s in starts]

    report = exercises.check("windows", early)
    assert report.mistakes == ("one window too few",) and report.model


def test_arrays_in_lists_show_their_rounding():
    spec = KINDS["clip_by_norm"]
    assert _rounding(spec, Ask(spec, lambda grads, max_norm: [g * 0.5 for g in grads])) == 1e-12
    single = Ask(spec, lambda grads, max_norm: [g.astype(np.float32) * 0.5 for g in grads])
    assert _rounding(spec, single) == 1e-5


def test_tiny_numbers_are_not_compared_among_themselves():
    tiny = np.array([1e-20, -2e-20])
    assert close(tiny, 3 * tiny) and close(tiny, 3 * tiny, 1e-9)
    assert not close(np.array([1e-8]), np.array([3e-8]))
    assert close(np.array([1e-10]), np.array([3e-10]))
    assert not close(np.array([1e-10]), np.array([3e-10]), 1e-9)
    assert not close(np.array([1.0]), np.array([np.inf]))


def test_plain_changes_are_lines_that_compile():
    changed = list(plain_changes("    a, b = x[1:].sum(axis=0) / len(x), -y", ["x", "y"]))
    assert {new[:4] for new, *_ in changed} == {"    "} and len(changed) > 50
    for new, _, _ in changed:
        compile(new.strip(), "changed", "exec")
    assert "x[1:].sum(axis=1)" in {now for _, _, now in changed}


def test_a_reading_may_overflow_elsewhere_than_the_answer():
    def loss(logits, targets):
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return -np.log(p[np.arange(len(targets)), targets]).sum() / logits.size

    report = exercises.check("cross_entropy", loss)
    assert report.mistakes == ("averaged over the classes too", "NaN or infinity")

    def tanh(z):
        return (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z))

    assert exercises.check("sigmoid", tanh).mistakes == ("tanh", "NaN or infinity")
