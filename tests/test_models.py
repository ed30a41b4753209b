"""LSTMModel: padded sequences give what each gives alone. CharLM: chunks give what one text gives."""

import hashlib
import math
import re
from importlib import resources
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tutorial import results, training
from lstm_tutorial.experiments.language import bible_parts
from lstm_tutorial.models import CharLM, LSTMModel, set_gate_biases, trained_char_lm

T, D, H, O = 9, 3, 5, 2  # noqa: E741
LENGTHS = torch.tensor([4, 9, 1, 6])
KINDS = [(1, False), (1, True), (3, False), (2, True)]
POOLINGS = ["last", "mean", "max"]
every_kind = pytest.mark.parametrize("num_layers, bidirectional", KINDS)
every_pooling = pytest.mark.parametrize("pooling", POOLINGS)


def model(
    num_layers=1, bidirectional=False, dtype=torch.float64, dropout=0.0, seed=0, pooling="last"
):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = LSTMModel(D, H, O, num_layers, bidirectional, dropout, pooling)
    return net.to(dtype)


def batch(dtype=torch.float64, lengths=LENGTHS, seed=1):
    return torch.randn(
        T, len(lengths), D, dtype=dtype, generator=torch.Generator().manual_seed(seed)
    )


def alone(net, x, lengths):
    """Run each sequence by itself, cut to its length: no padding, no packing, no batch axis."""
    outputs = []
    for b, length in enumerate(lengths):
        out, _ = net.lstm(x[:length, b])
        ends = [out[-1, :H], out[0, H:]] if net.lstm.bidirectional else [out[-1]]
        pooled = {"last": torch.cat(ends), "mean": out.mean(dim=0), "max": out.max(dim=0).values}
        outputs.append(net.linear(pooled[net.pooling]))
    return torch.stack(outputs)


@every_kind
@every_pooling
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_a_padded_batch_gives_what_each_sequence_gives_alone(
    num_layers, bidirectional, pooling, dtype, tolerance
):
    net, x = model(num_layers, bidirectional, dtype, pooling=pooling), batch(dtype)
    out = net(x, LENGTHS)
    assert out.shape == (len(LENGTHS), O) and out.dtype == dtype
    torch.testing.assert_close(out, alone(net, x, LENGTHS), rtol=0, atol=tolerance)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(1, T), min_size=1, max_size=5),
    st.sampled_from(KINDS),
    st.sampled_from(POOLINGS),
    st.integers(0, 2**32),
)
def test_any_lengths_in_any_order(lengths, kind, pooling, seed):
    lengths = torch.tensor(lengths)
    net, x = model(*kind, pooling=pooling), batch(lengths=lengths, seed=seed)
    torch.testing.assert_close(net(x, lengths), alone(net, x, lengths), rtol=0, atol=1e-12)


@every_kind
@every_pooling
@pytest.mark.parametrize("filler", [1e30, float("nan"), float("inf")])
def test_what_stands_in_the_padding_has_no_influence(num_layers, bidirectional, pooling, filler):
    net, x = model(num_layers, bidirectional, pooling=pooling), batch()
    filled = x.masked_fill((torch.arange(T)[:, None] >= LENGTHS)[..., None], filler)
    assert (filled != x).any()
    assert torch.equal(net(filled, LENGTHS), net(x, LENGTHS))


@every_pooling
def test_the_padding_gets_no_gradient_and_the_valid_steps_do(pooling):
    net, x = model(2, True, pooling=pooling), batch().requires_grad_()
    net(x, LENGTHS).sum().backward()
    touched = (x.grad != 0).any(dim=2)
    assert torch.equal(touched, torch.arange(T)[:, None] < LENGTHS)


@every_kind
@every_pooling
def test_without_lengths_all_are_full(num_layers, bidirectional, pooling):
    net, x = model(num_layers, bidirectional, pooling=pooling), batch()
    full = torch.full((len(LENGTHS),), T)
    torch.testing.assert_close(net(x), net(x, full), rtol=0, atol=1e-12)
    torch.testing.assert_close(net(x), alone(net, x, full), rtol=0, atol=1e-12)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_last_step_of_the_padded_batch_is_something_else(bidirectional):
    net, x = model(1, bidirectional), batch()
    naive = net.linear(net.lstm(x)[0][-1])
    different = (naive - net(x, LENGTHS)).abs().amax(dim=1) > 1e-3
    # Even without padding the backward direction's output at the last step has seen one step.
    assert different.tolist() == [True, bidirectional, True, True]


@every_pooling
def test_the_longest_sequence_may_be_shorter_than_the_array(pooling):
    net, x, short = model(2, True, pooling=pooling), batch(), torch.tensor([4, 2, 1, 3])
    torch.testing.assert_close(net(x, short), alone(net, x, short), rtol=0, atol=1e-12)


def test_of_one_step_all_poolings_give_the_same():
    x, one = batch(), torch.ones(len(LENGTHS), dtype=torch.long)
    last, mean, largest = (model(2, True, pooling=pooling)(x, one) for pooling in POOLINGS)
    assert torch.equal(last, mean) and torch.equal(last, largest)


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("filler", ["what the network computes there", "zeros"])
def test_pooling_over_the_whole_array_is_something_else(pooling, filler):
    net, x = model(pooling=pooling), batch()
    with torch.no_grad():  # outputs below zero, so that zeros behind the end are the largest
        net.lstm.bias_ih_l0[2 * H : 3 * H] = -30.0
    out, _ = net.lstm(x)
    assert (out < 0).all()
    if filler == "zeros":
        out = out * (torch.arange(T)[:, None] < LENGTHS)[..., None]
    naive = out.mean(dim=0) if pooling == "mean" else out.amax(dim=0)
    different = (net.linear(naive) - net(x, LENGTHS)).abs().amax(dim=1) > 1e-3
    # A network's largest output may well lie in the valid steps of a sequence.
    assert different[2:].all() and not different[1]
    assert different[0] or (pooling, filler) == ("max", "what the network computes there")


def test_the_weights_are_the_same_whatever_the_pooling():
    plain = model(2, True).state_dict()
    for pooling in POOLINGS:
        state = model(2, True, pooling=pooling).state_dict()
        assert list(state) == list(plain)
        assert all(torch.equal(state[name], plain[name]) for name in plain)


def test_dropout_acts_in_training_and_between_layers_alone():
    x = batch()
    net = model(2, dropout=0.5)
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))
    with pytest.warns(UserWarning, match="num_layers greater than 1"):
        single = model(1, dropout=0.5)
    assert torch.equal(single(x), single(x))


def test_weights_come_back_from_a_state_dict():
    net, other, x = model(2, True), model(2, True, seed=7), batch()
    assert not torch.equal(net(x, LENGTHS), other(x, LENGTHS))
    other.load_state_dict(net.state_dict())
    assert torch.equal(net(x, LENGTHS), other(x, LENGTHS))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_lengths_of_any_integer_type(dtype):
    net, x = model(), batch()
    assert torch.equal(net(x, LENGTHS.to(dtype)), net(x, LENGTHS))


@pytest.mark.parametrize(
    "x, lengths, error, message",
    [
        (batch().numpy(), LENGTHS, TypeError, "x: expected a tensor, got ndarray"),
        (batch()[0], LENGTHS, ValueError, r"x: expected shape \(T, B, D=3\), and no axis empty, got \(4, 3\)"),
        (batch()[..., :2], LENGTHS, ValueError, r"x: expected shape .* got \(9, 4, 2\)"),
        (batch()[:0], LENGTHS, ValueError, r"no axis empty, got \(0, 4, 3\)"),
        (batch(), [4, 9, 1, 6], TypeError, "lengths: expected a tensor, got list"),
        (batch(), LENGTHS.double(), TypeError, "lengths: expected integers, got torch.float64"),
        (batch(), LENGTHS > 4, TypeError, "lengths: expected integers, got torch.bool"),
        (batch(), LENGTHS[:3], ValueError, r"lengths: expected shape \(B=4,\), got \(3,\)"),
        (batch(), LENGTHS[:, None], ValueError, r"lengths: expected shape \(B=4,\), got \(4, 1\)"),
        (batch(), LENGTHS - 1, ValueError, "lengths: expected lengths from 1 to T=9, got 0 to 8"),
        (batch(), LENGTHS + 1, ValueError, "lengths: expected lengths from 1 to T=9, got 2 to 10"),
    ],
)  # fmt: skip
@every_pooling
def test_bad_input_is_refused_by_name(x, lengths, error, message, pooling):
    with pytest.raises(error, match=message):
        model(pooling=pooling)(x, lengths)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"input_size": 0}, ValueError, "input_size: expected at least 1, got 0"),
        ({"hidden_size": 2.0}, TypeError, "hidden_size: expected an integer, got float"),
        ({"output_size": -1}, ValueError, "output_size: expected at least 1, got -1"),
        ({"num_layers": True}, TypeError, "num_layers: expected an integer, got bool"),
        ({"hidden_size": 0}, ValueError, "hidden_size: expected at least 1, got 0"),
        ({"dropout": 1.5}, ValueError, "dropout: expected a number from 0 to 1, got 1.5"),
        ({"pooling": "sum"}, ValueError, "pooling: expected one of last, mean, max, got 'sum'"),
        ({"pooling": None}, ValueError, "pooling: expected one of last, mean, max, got None"),
    ],
)
def test_bad_sizes_are_refused_by_name(arguments, error, message):
    with pytest.raises(error, match=message):
        LSTMModel(**{"input_size": D, "hidden_size": H, "output_size": O} | arguments)


# CharLM: a text in, what may follow out; cut in chunks it is still one text.

ALPHABET = "\n abcde"
TEXT = "a bad cab\nbade a bed " * 20


def charlm(num_layers=1, dropout=0.0, dtype=torch.float64, seed=0, alphabet=ALPHABET):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return CharLM(alphabet, H, num_layers, dropout).to(dtype)


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-13), (torch.float32, 1e-6)])
def test_a_character_goes_in_as_its_one_hot_vector(num_layers, dtype, tolerance):
    net = charlm(num_layers, dtype=dtype)
    x = net.encode(TEXT[:30]).view(10, 3)
    logits, state = net(x)
    out, (h, c) = net.lstm(torch.nn.functional.one_hot(x, len(ALPHABET)).to(dtype))
    assert logits.shape == (10, 3, len(ALPHABET)) and logits.dtype == dtype
    torch.testing.assert_close(logits, net.linear(out), rtol=0, atol=tolerance)
    assert torch.equal(state[0], h) and torch.equal(state[1], c)


@settings(deadline=None, max_examples=30)
@given(st.text(ALPHABET, max_size=30))
def test_a_text_comes_back_from_its_numbers(text):
    ids = charlm().encode(text)
    assert ids.dtype == torch.int64 and ids.shape == (len(text),)
    assert charlm().decode(ids) == text


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
def test_characters_of_any_integer_type(dtype):
    net = charlm()
    x = net.encode(TEXT)[:, None]
    assert torch.equal(net(x.to(dtype))[0], net(x)[0])


def test_the_alphabet_travels_with_the_weights(tmp_path):
    net, other = charlm(), charlm(seed=1)
    torch.save(net.state_dict(), tmp_path / "w.pt")
    other.load_state_dict(torch.load(tmp_path / "w.pt", weights_only=True))
    assert torch.equal(other.bits(TEXT), net.bits(TEXT))
    assert all(isinstance(value, torch.Tensor) for value in net.state_dict().values())


@pytest.mark.parametrize("alphabet", [ALPHABET[::-1], ALPHABET[:-1], "äöü €\n🙂"])
def test_weights_do_not_load_into_another_alphabet(alphabet):
    net, other = charlm(), charlm(alphabet=alphabet, seed=1)
    before = [weight.clone() for weight in other.parameters()]
    message = (
        f"state_dict: expected weights for the alphabet {alphabet!r}, got some for {ALPHABET!r}"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        other.load_state_dict(net.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(before, other.parameters(), strict=True))
    with pytest.raises(ValueError, match="state_dict: expected weights for the alphabet"):
        torch.nn.Sequential(other).load_state_dict(torch.nn.Sequential(net).state_dict())


def test_weights_without_an_alphabet_are_refused():
    weights = dict(charlm().named_parameters())
    with pytest.raises(RuntimeError, match="_extra_state"):
        charlm().load_state_dict(weights)


def test_bits_are_the_code_length_of_a_text():
    net = charlm(dropout=0.5).train()
    bits = net.bits(TEXT)
    assert net.training and bits.shape == (len(TEXT) - 1,)
    net.eval()
    probability, state = 1.0, None
    for here, after in pairwise(TEXT[:7]):
        logits, state = net(net.encode(here)[:, None], state)
        probability *= logits.softmax(dim=2)[0, 0, ALPHABET.index(after)].item()
    assert abs(bits[:6].sum().item() + math.log2(probability)) < 1e-12


def by_hand(net, prompt, length, temperature, generator):
    """Draw with the whole text read anew for each character, and the running sum in a loop."""
    text = prompt
    for _ in range(length):
        p = (net(net.encode(text)[:, None])[0][-1, 0].double() / temperature).softmax(dim=0)
        u = torch.rand(1, dtype=torch.float64, generator=generator).item()
        for place in p.argsort(descending=True).tolist():
            u -= p[place].item()
            if u < 0:
                break
        text += ALPHABET[place]
    return text[len(prompt) :]


@pytest.mark.parametrize("prompt, temperature", [("a", 1.0), ("bad cab", 0.5), ("\n", 3.0)])
def test_a_sample_is_what_reading_all_of_it_again_gives(prompt, temperature):
    net = charlm(num_layers=2)
    got = net.sample(prompt, 40, temperature, generator=draws())
    assert len(got) == 40
    assert got == by_hand(net, prompt, 40, temperature, draws())
    assert got != net.sample(prompt, 40, temperature, generator=draws(1))


def test_sampling_keeps_dropout_off_and_the_mode_as_it_was():
    net = charlm(num_layers=2, dropout=0.9).train()
    got = net.sample("a", 40, generator=draws())
    assert net.training and got == charlm(num_layers=2).sample("a", 40, generator=draws())
    net.eval()
    net.sample("a", 1)
    assert not net.training


def test_samples_have_the_frequencies_of_the_softmax():
    net = charlm()
    with torch.no_grad():
        net.linear.weight.zero_()  # every step alike
        net.linear.bias.copy_(torch.linspace(0, 2, len(ALPHABET)))
    for temperature, top_k in [(1.0, None), (0.5, 3), (2.0, 7)]:
        logits = net.linear.bias.detach() / temperature
        if top_k is not None:
            logits = logits.masked_fill(logits < logits.sort().values[-top_k], -torch.inf)
        got = net.sample("a", 4000, temperature, top_k, draws())
        counts = torch.tensor([got.count(character) for character in ALPHABET])
        # Five standard deviations of a count.
        assert ((counts / 4000 - logits.softmax(dim=0)).abs() < 5 * math.sqrt(0.25 / 4000)).all()
        assert (counts[logits == -torch.inf] == 0).all()


def test_the_one_most_probable_character_needs_no_luck():
    net = charlm()
    greedy = net.sample("a", 30, top_k=1, generator=draws())
    assert greedy == net.sample("a", 30, top_k=1, temperature=9.0, generator=draws(1))
    assert greedy[0] == ALPHABET[int(net(net.encode("a")[:, None])[0].argmax())]


def test_dropout_falls_on_the_output_too_and_a_single_layer_does_not_warn():
    net, x = charlm(dropout=0.5), charlm().encode(TEXT)[:, None]
    assert not torch.equal(net(x)[0], net(x)[0])  # warnings are errors here
    net.eval()
    assert torch.equal(net(x)[0], charlm()(x)[0])
    assert charlm(2, dropout=0.5).lstm.dropout == 0.5


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"alphabet": ["a", "b"]}, TypeError, "alphabet: expected a string, got list"),
        ({"alphabet": "a"}, ValueError, "alphabet: expected at least 2 characters, got 1"),
        ({"alphabet": "abcbdb"}, ValueError, "alphabet: expected each character once, got 'b' 3 times"),
        ({"hidden_size": 0}, ValueError, "hidden_size: expected at least 1, got 0"),
        ({"num_layers": 0}, ValueError, "num_layers: expected at least 1, got 0"),
        ({"dropout": 1.5}, ValueError, "dropout: expected a number from 0 to 1, got 1.5"),
    ],
)  # fmt: skip
def test_a_bad_model_of_characters_is_refused_by_name(arguments, error, message):
    with pytest.raises(error, match=message):
        CharLM(**{"alphabet": ALPHABET, "hidden_size": H} | arguments)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda net: net.encode("abXc"), ValueError, r"text: expected characters of the alphabet '\\n abcde', got 'X' at position 2"),
        (lambda net: net.encode(["a"]), TypeError, "text: expected a string, got list"),
        (lambda net: net.bits("a"), ValueError, "text: expected at least 2 characters, got 1"),
        (lambda net: net.decode(torch.tensor([0, 7])), ValueError, "ids: expected numbers from 0 to V-1=6, got 0 to 7"),
        (lambda net: net.decode(torch.tensor([[0]])), ValueError, r"ids: expected shape \(T,\), got \(1, 1\)"),
        (lambda net: net.decode(torch.tensor([0.0])), TypeError, "ids: expected integers, got torch.float32"),
        (lambda net: net(torch.zeros(4, 2)), TypeError, "x: expected integers, got torch.float32"),
        (lambda net: net([[1]]), TypeError, "x: expected a tensor, got list"),
        (lambda net: net(torch.tensor([1, 2])), ValueError, r"x: expected shape \(T, B\), and no axis empty, got \(2,\)"),
        (lambda net: net(torch.zeros(0, 2, dtype=torch.int64)), ValueError, r"no axis empty, got \(0, 2\)"),
        (lambda net: net(torch.tensor([[-1]])), ValueError, "x: expected numbers from 0 to V-1=6, got -1 to -1"),
        (lambda net: net(torch.tensor([[7]])), ValueError, "got 7 to 7"),
        (lambda net: net.sample("", 1), ValueError, "prompt: expected at least 1 character, got an empty string"),
        (lambda net: net.sample("cab!", 1), ValueError, "prompt: .* got '!' at position 3"),
        (lambda net: net.sample("a", 0), ValueError, "length: expected at least 1, got 0"),
        (lambda net: net.sample("a", 1, 0.0), ValueError, "temperature: expected a finite number above 0, got 0.0"),
        (lambda net: net.sample("a", 1, -1), ValueError, "temperature: .* got -1"),
        (lambda net: net.sample("a", 1, top_k=0), ValueError, "top_k: expected at least 1, got 0"),
        (lambda net: net.sample("a", 1, top_k=8), ValueError, "top_k: expected 1 to V=7, the size of the alphabet, got 8"),
    ],
)  # fmt: skip
def test_bad_text_is_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call(charlm())


# Truncated backpropagation through time: streams, and a state that goes from chunk to chunk.


def whole_loss(net, ids, B, steps):
    """Run each stream in one piece; return the mean loss over the first steps."""
    pieces = [ids[b * steps : b * steps + steps + 1] for b in range(B)]
    x, y = (torch.stack([piece[k : k + steps] for piece in pieces], dim=1) for k in (0, 1))
    return torch.nn.functional.cross_entropy(net(x)[0].flatten(0, 1), y.flatten())


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 7), st.integers(1, 40), st.integers(1, 2))
def test_chunks_with_the_state_carried_lose_what_one_long_run_loses(B, length, layers):
    net = charlm(layers)
    ids = net.encode(TEXT)
    chunks = training.streams(ids, B, length)
    assert len(chunks) == (len(ids) - 1) // (B * length)
    loss = training.StatefulLoss()
    values = torch.stack([loss(net, chunk) for chunk in chunks])
    steps = (len(ids) - 1) // B
    used = len(chunks) * length
    x, y = (torch.cat([getattr(chunk, part) for chunk in chunks]) for part in "xy")
    assert x.shape == (used, B)
    assert torch.equal(x[:, B - 1], ids[(B - 1) * steps : (B - 1) * steps + used])
    assert torch.equal(x[1:], y[:-1])
    whole = torch.nn.functional.cross_entropy(net(x)[0].flatten(0, 1), y.flatten())
    torch.testing.assert_close(values.mean(), whole, rtol=0, atol=1e-12)


def test_streams_that_fill_their_chunks_use_all_but_nothing_twice():
    net = charlm()
    ids = net.encode(TEXT)[:121]
    chunks, loss = training.streams(ids, 4, 10), training.StatefulLoss()
    values = torch.stack([loss(net, chunk) for chunk in chunks])
    torch.testing.assert_close(values.mean(), whole_loss(net, ids, 4, 30), rtol=0, atol=1e-12)
    assert sorted((chunk.first for chunk in chunks), reverse=True) == [True, False, False]
    assert chunks[0].first


def test_the_state_is_carried_and_its_history_is_not():
    net, loss = charlm(), training.StatefulLoss()
    one, two = training.streams(net.encode(TEXT)[:41], 2, 10)
    loss(net, one)
    assert not any(part.requires_grad for part in loss.state)
    carried = loss(net, two)
    carried.backward()  # would run into the first chunk's graph, were it not cut off
    alone = training.StatefulLoss()(net, two._replace(first=True))
    assert abs(carried - alone) > 1e-4


def test_a_first_chunk_starts_anew():
    net, loss = charlm(), training.StatefulLoss()
    one, two = training.streams(net.encode(TEXT)[:41], 2, 10)
    first = loss(net, one)
    loss(net, two)
    assert torch.equal(loss(net, one), first)


def fit_chunks(checkpoint=None, epochs=4):
    net = charlm(2, dropout=0.2, dtype=torch.float32)
    ids = net.encode(TEXT)
    loss, train = training.StatefulLoss(), training.streams(ids[:300], 5, 8)
    history = training.fit(
        net, loss, lambda rng: train, training.streams(ids[300:], 2, 8),
        lr=0.02, epochs=epochs, schedule=None, max_norm=1.0, checkpoint=checkpoint,
    )  # fmt: skip
    return net, history


def test_stateful_training_learns_and_resumes_to_the_same_bits(tmp_path):
    net, history = fit_chunks()
    assert history.losses[-1] < history.losses[0] - 0.1
    path = tmp_path / "run"
    stopped = fit_interrupted(path)
    resumed, again = fit_chunks(path)
    assert len(stopped) == 2 and len(again.losses) == 4
    assert np.array_equal(again.losses, history.losses)
    assert np.array_equal(again.valid_losses, history.valid_losses)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), resumed.parameters(), strict=True))  # fmt: skip


def fit_interrupted(path):
    """Stop the run in its third epoch, between two chunks; return the epochs that were stored."""
    calls = []
    call = training.StatefulLoss.__call__

    class Interrupted(Exception):
        pass

    def counting(self, model, batch):
        calls.append(batch.first)
        if calls.count(True) == 5 and model.training and not batch.first:
            raise Interrupted
        return call(self, model, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.StatefulLoss, "__call__", counting)
        with pytest.raises(Interrupted):
            fit_chunks(path)
    return torch.load(path, weights_only=True)["state"]["history"]


@pytest.mark.parametrize(
    "ids, B, length, error, message",
    [
        (torch.arange(20), 21, 1, ValueError, "ids: expected at least 22 elements, for batch_size=21 and length=1, got 20"),
        (torch.arange(20), 4, 5, ValueError, "ids: expected at least 21 elements"),
        (torch.arange(0), 1, 1, ValueError, "ids: expected at least 2 elements, .* got 0"),
        (torch.arange(20)[None], 1, 1, ValueError, r"ids: expected shape \(N,\), got \(1, 20\)"),
        ("abc", 1, 1, TypeError, "ids: expected a tensor, got str"),
        (torch.arange(20), 0, 1, ValueError, "batch_size: expected at least 1, got 0"),
        (torch.arange(20), 1, 2.0, TypeError, "length: expected an integer, got float"),
    ],
)  # fmt: skip
def test_a_batch_larger_than_the_data_is_refused(ids, B, length, error, message):
    with pytest.raises(error, match=message):
        training.streams(ids, B, length)


def test_a_chunk_from_the_middle_is_refused_at_the_start():
    net = charlm()
    chunks = training.streams(net.encode(TEXT), 2, 10)
    with pytest.raises(ValueError, match="batch: expected the first chunk of the streams, got a"):
        training.StatefulLoss()(net, chunks[1])


# Of the alphabet and the weights: a model trained anew has another, and other digits in the book.
TRAINED = "d1006ec9e15cecf27c8bb6834aae3c5b3defa44cace6531084d8e93a722d3e7a"


def test_the_trained_model_is_the_stored_one():
    stored = resources.files("lstm_tutorial") / "data" / "char_lm.npz"
    assert len(stored.read_bytes()) < 300_000
    net = trained_char_lm()
    digest = hashlib.sha256(net.alphabet.encode())
    for weight in net.parameters():
        digest.update(weight.detach().numpy().astype("<f4").tobytes())
    assert digest.hexdigest() == TRAINED
    assert not net.training and net.lstm.hidden_size == 128 and net.lstm.num_layers == 1


def test_the_trained_model_has_learnt_and_agrees_with_its_trial():
    *_, test = bible_parts()
    trial = results.load("language")[0]
    bpc = trained_char_lm().bits(test).mean().item()
    assert abs(bpc - trial["test_bpc"]) < 0.01


def test_the_trained_weights_are_half_precision_in_single():
    for weight in trained_char_lm().parameters():
        assert torch.equal(weight, weight.half().float())


@every_kind
def test_gate_biases_are_set_in_every_layer_and_nothing_else_changes(num_layers, bidirectional):
    net = model(num_layers, bidirectional)
    before = {name: weight.clone() for name, weight in net.lstm.named_parameters()}
    forget = np.linspace(-2, 3, H)
    set_gate_biases(net.lstm, forget, enter=-1.5)
    for name, weight in net.lstm.named_parameters():
        assert weight.requires_grad
        if not name.startswith("bias"):
            assert torch.equal(weight, before[name])
            continue
        first = name.startswith("bias_ih")
        enter = torch.full((H,), -1.5 if first else 0.0, dtype=torch.float64)
        np.testing.assert_array_equal(weight[:H].detach(), enter)
        np.testing.assert_array_equal(weight[H : 2 * H].detach(), forget if first else 0 * forget)
        assert torch.equal(weight[2 * H :], before[name][2 * H :])


def test_input_gates_are_left_alone_unless_asked_for():
    net = model()
    before = net.lstm.bias_ih_l0[:H].clone(), net.lstm.bias_hh_l0[:H].clone()
    set_gate_biases(net.lstm, 1.0)
    assert torch.equal(net.lstm.bias_ih_l0[:H], before[0])
    assert torch.equal(net.lstm.bias_hh_l0[:H], before[1])


@pytest.mark.parametrize(
    "layer, biases, error, message",
    [
        (torch.nn.GRU(D, H), (1.0,), TypeError, "lstm: expected a torch.nn.LSTM, got GRU"),
        (torch.nn.LSTM(D, H, bias=False), (1.0,), ValueError, "with biases"),
        (torch.nn.LSTM(D, H), (np.ones(H + 1),), ValueError, "forget: .* H=5"),
        (torch.nn.LSTM(D, H), (1.0, np.ones((H, 1))), ValueError, "enter: "),
        (torch.nn.LSTM(D, H), (math.nan,), ValueError, "forget: expected a finite"),
        (torch.nn.LSTM(D, H), (1.0, math.inf), ValueError, "enter: expected a finite"),
    ],
)
def test_biases_that_do_not_fit_are_refused_by_name(layer, biases, error, message):
    with pytest.raises(error, match=message):
        set_gate_biases(layer, *biases)
