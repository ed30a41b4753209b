"""The small networks read what they should, and nothing else."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tutorial import models

LENGTHS = [4, 2, 6, 1]
OPTIONS = [
    {},
    {"bidirectional": True},
    {"bidirectional": True, "num_layers": 2, "batch_first": True},
    {"proj_size": 2, "batch_first": True},
]


def draw(**options):
    """A model, and a padded batch whose padding is far from zero."""
    torch.manual_seed(0)
    x = torch.randn(6, 4, 3, dtype=torch.float64)
    for k, length in enumerate(LENGTHS):
        x[length:, k] = 100
    model = models.LSTMModel(3, 5, 2, dtype=torch.float64, **options)
    return model, x.transpose(0, 1) if options.get("batch_first") else x


def popular(model, x):
    """What is often written: the linear layer on the last row of the output."""
    output, _ = model.lstm(x)
    return model.linear(output[:, -1] if model.lstm.batch_first else output[-1])


def alone(model, x, k, length):
    """One sequence by itself, without padding."""
    return model(x[k : k + 1, :length] if model.lstm.batch_first else x[:length, k : k + 1])


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_sequence_in_a_padded_batch_gives_what_it_gives_alone(options):
    model, x = draw(**options)
    together = model(x, LENGTHS)
    for k, length in enumerate(LENGTHS):
        torch.testing.assert_close(together[k], alone(model, x, k, length)[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_no_gradient_reaches_the_padding(options):
    model, x = draw(**options)
    x = x.requires_grad_()
    model(x, LENGTHS).sum().backward()
    grad = x.grad if model.lstm.batch_first else x.grad.transpose(0, 1)
    for k, length in enumerate(LENGTHS):
        assert grad[k, :length].all() and not grad[k, length:].any()


def test_the_last_row_of_the_output_reads_padding():
    model, x = draw()
    wrong = (popular(model, x) - model(x, LENGTHS)).abs().amax(1)
    assert wrong[2] < 1e-12  # the longest sequence has no padding
    assert all(wrong[k] > 1e-2 for k in (0, 1, 3))


def test_the_last_row_holds_a_backward_direction_that_has_read_one_step():
    model, x = draw(bidirectional=True)
    whole = x[:, 2:3]
    assert (popular(model, whole) - model(whole)).abs().max() > 1e-2
    output, (h_n, _) = model.lstm(whole)
    assert torch.equal(output[-1, :, :5], h_n[0]) and torch.equal(output[0, :, 5:], h_n[1])
    changed = whole.clone()
    changed[:-1] += 1  # every step but the last: the last row's second half sees nothing of it
    assert torch.equal(model.lstm(changed)[0][-1, :, 5:], output[-1, :, 5:])


@settings(max_examples=20)
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=5),
    st.booleans(),
    st.sampled_from([list, torch.tensor]),
)
def test_lengths_of_every_kind(lengths, bidirectional, kind):
    model = models.LSTMModel(2, 3, 1, bidirectional=bidirectional, dtype=torch.float64)
    x = torch.randn(6, len(lengths), 2, dtype=torch.float64)
    together = model(x, kind(lengths))
    for k, length in enumerate(lengths):
        torch.testing.assert_close(
            together[k : k + 1], alone(model, x, k, length), rtol=0, atol=1e-12
        )
    torch.testing.assert_close(model(x, kind([6] * len(lengths))), model(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("lengths", "error", "words"),
    [
        ([1, 2, 3], ValueError, r"expected shape \(B=4,\), got \(3,\)"),
        ([0, 1, 2, 3], ValueError, "expected lengths from 1 to T=6, got 0 to 3"),
        ([7, 1, 2, 3], ValueError, "expected lengths from 1 to T=6, got 1 to 7"),
        ([1.0, 2.0, 3.0, 4.0], TypeError, "expected integers"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(lengths, error, words):
    model, x = draw()
    with pytest.raises(error, match=words):
        model(x, lengths)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="output_size: expected at least 1, got 0"):
        models.LSTMModel(3, 5, 0)
    with pytest.raises(ValueError, match="x: expected 3 axes"):
        models.LSTMModel(3, 5, 1)(torch.zeros(6, 3))
