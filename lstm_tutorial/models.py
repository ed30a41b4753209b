"""Networks built on `torch.nn.LSTM`."""

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstm_tutorial import _check, cells, datasets

Array = np.ndarray

# What stands behind the end of a sequence of outputs, so that pooling does not see it.
NEUTRAL = {"last": 0.0, "mean": 0.0, "max": -torch.inf}


class LSTMModel(nn.Module):
    """One output a sequence: an LSTM, then a linear layer on what it knows at the end.

    The end is each sequence's own, not that of the padded batch. A bidirectional model reads the
    forward direction after the last valid step and the backward direction after the first, so
    that both have seen the whole sequence. Instead of the end, the linear layer can be given the
    mean or the largest value of each unit over the valid steps. What stands in the padding has no
    influence.

    Parameters
    ----------
    input_size, hidden_size, output_size, num_layers : int
        D, H, O and L, at least 1.
    bidirectional : bool
    dropout : float
        Between the layers, as in `torch.nn.LSTM`; it does nothing for one layer.
    pooling : {"last", "mean", "max"}
        What of the last layer's outputs the linear layer reads.

    Attributes
    ----------
    lstm : torch.nn.LSTM
    linear : torch.nn.Linear
        From H, or 2H if bidirectional, to O.

    Raises
    ------
    TypeError, ValueError
        For a size below 1, a dropout outside of 0 to 1 or an unknown pooling.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        pooling: str = "last",
    ) -> None:
        super().__init__()
        self.pooling = _check.choice("pooling", pooling, tuple(NEUTRAL))
        output_size = _check.positive_int("output_size", output_size)
        self.lstm = nn.LSTM(
            _check.positive_int("input_size", input_size),
            _check.positive_int("hidden_size", hidden_size),
            _check.positive_int("num_layers", num_layers),
            bidirectional=bidirectional,
            dropout=dropout,
        )
        self.linear = nn.Linear((2 if bidirectional else 1) * hidden_size, output_size)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return one output a sequence.

        Parameters
        ----------
        x : tensor (T, B, D)
            Time first, padded behind the last valid step of each sequence.
        lengths : integer tensor (B,) or None
            Number of valid steps of each sequence, 1 to T, in any order and on any device; None
            means T for all.

        Returns
        -------
        tensor (B, O)

        Raises
        ------
        TypeError, ValueError
            If `x` or `lengths` have the wrong type or shape, or a length does not lie in 1 to T.
        """
        _check_input(x, self.lstm.input_size)
        steps: Tensor | int = len(x)
        if lengths is None:
            out, (h_n, _) = self.lstm(x)
        else:
            lengths = _lengths(lengths, *x.shape[:2])
            # Each direction stops where its sequence stops, so all is of valid steps alone.
            packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
            packed, (h_n, _) = self.lstm(packed)
            out, steps = pad_packed_sequence(packed, padding_value=NEUTRAL[self.pooling])
            steps = steps[:, None].to(out.device)
        if self.pooling == "mean":
            return self.linear(out.sum(dim=0) / steps)
        if self.pooling == "max":
            return self.linear(out.amax(dim=0))
        directions = 2 if self.lstm.bidirectional else 1
        return self.linear(torch.cat(list(h_n[-directions:]), dim=1))


class Forecaster(nn.Module):
    """The next K values of a series from its last L, in the series' own units.

    An LSTM reads the L values and a linear layer gives all K forecasts at once. Both work on
    numbers that were shifted and scaled by the mean and the deviation of the training part, if
    wanted of its differences. The two numbers are buffers: they are stored with the weights.

    The order of use is `set_scale` on the training part, `windows` of it for training, `forecast`.

    Parameters
    ----------
    length, horizon, hidden_size : int
        L, K and H, at least 1.
    difference : int
        0 to work on the values themselves, m to work on the differences to the value m steps
        before: 12 takes the year out of monthly values. Less than `length`.

    Attributes
    ----------
    mean, std : tensor () of float64
        Of the training part or its differences; NaN until `set_scale` or a state dict sets them.

    Raises
    ------
    TypeError, ValueError
        For a size below 1 and for a difference outside of 0 to `length` - 1.

    Examples
    --------
    >>> series = np.sin(0.5 * np.arange(100.0))
    >>> model = Forecaster(length=20, horizon=3, hidden_size=4)
    >>> model.set_scale(series[:80])
    >>> x, y = model.windows(series[:80])
    >>> tuple(x.shape), tuple(y.shape), model.forecast(series).shape
    ((20, 58, 1), (58, 3), (3,))
    """

    mean: Tensor
    std: Tensor

    def __init__(self, length: int, horizon: int, hidden_size: int, difference: int = 0) -> None:
        super().__init__()
        self.length = _check.positive_int("length", length)
        self.horizon = _check.positive_int("horizon", horizon)
        self.difference = _check.integer("difference", difference)
        if not 0 <= self.difference < self.length:
            raise ValueError(
                f"difference: expected 0 to length - 1 = {length - 1}, got {difference}"
            )
        hidden_size = _check.positive_int("hidden_size", hidden_size)
        self.net = LSTMModel(1, hidden_size, self.horizon)
        self.register_buffer("mean", torch.tensor(torch.nan, dtype=torch.float64))
        self.register_buffer("std", torch.tensor(torch.nan, dtype=torch.float64))

    def set_scale(self, train: Array) -> None:
        """Take mean and deviation from the training part; nothing else may be handed in.

        Parameters
        ----------
        train : array (T,)

        Raises
        ------
        TypeError, ValueError
            For a bad array, missing values (NaN), a series that is too short for one window, and
            one without a scale: it, or its differences, are constant up to rounding.
        """
        self._check_series("train", train, "T", horizon=self.horizon)
        values = self._differences(train.astype(np.float64))
        mean, std = values.mean(), values.std()
        # The differences of a straight line are equal up to the rounding of the line itself.
        if not std > 8 * np.finfo(train.dtype).eps * np.abs(train).max():
            what = f"differences at lag {self.difference}" if self.difference else "values"
            raise ValueError(f"train: expected {what} that vary, got {mean:g} everywhere")
        self.mean.fill_(mean)
        self.std.fill_(std)

    def windows(self, series: Array) -> tuple[Tensor, Tensor]:
        """Cut a part of the series into what `forward` reads and what it should return.

        Neighbouring windows overlap: hand in the training part alone, or the validation part with
        the L values before it.

        Parameters
        ----------
        series : array (T,)
            In its own units.

        Returns
        -------
        x : tensor (L - difference, B, 1)
            With B = T - L - K + 1, in order of time.
        y : tensor (B, K)

        Raises
        ------
        TypeError, ValueError
            For a bad array, missing values (NaN), and a series that is too short for one window.
        RuntimeError
            Before `set_scale`.
        """
        self._check_series("series", series, "T", horizon=self.horizon)
        scaled = self._scaled(series.astype(np.float64))
        x, y = datasets.windows(scaled, self.length - self.difference, self.horizon)
        return self._tensor(x), self._tensor(y)

    def forward(self, x: Tensor) -> Tensor:
        """Return scaled forecasts (B, K) from scaled values or differences, as of `windows`."""
        return self.net(x)

    def forecast(self, series: Array) -> Array:
        """Return the next values of one series, or of many at once.

        Parameters
        ----------
        series : array (T,) or (T, B)
            In its own units, up to and with the last known value, T at least L; only the last L
            are read. The columns of (T, B) are B series, or B origins in one series.

        Returns
        -------
        array (K,) or (B, K) of float64
            In the series' own units.

        Raises
        ------
        TypeError, ValueError
            For a bad array, missing values (NaN), and a series shorter than L.
        RuntimeError
            Before `set_scale`.
        """
        axes = "T B" if np.ndim(series) == 2 else "T"
        self._check_series("series", series, axes, horizon=0)
        known = series[-self.length :].astype(np.float64).reshape(self.length, -1)
        with torch.no_grad():
            scaled = self(self._tensor(self._scaled(known)[..., None])).double().cpu().numpy()
        future = self._undone(known, scaled.T * self.std.item() + self.mean.item())
        return future.T if axes == "T B" else future[:, 0]

    def _check_series(self, name: str, series: Any, axes: str, horizon: int) -> None:
        _check.Arrays().check(name, series, axes, finite=False)
        if len(series) < self.length + horizon:
            sizes = f"length={self.length}" + (f" and horizon={horizon}" if horizon else "")
            raise ValueError(
                f"{name}: expected at least {self.length + horizon} values, for {sizes}, "
                f"got {len(series)}"
            )
        _check.all_finite(name, series)

    def _differences(self, values: Array) -> Array:
        return values[self.difference :] - values[: -self.difference] if self.difference else values

    def _undone(self, known: Array, steps: Array) -> Array:
        """Add each forecast difference to the value that it starts from."""
        if not self.difference:
            return steps
        values = list(known)
        for step in steps:
            values.append(values[-self.difference] + step)
        return np.array(values[self.length :])

    def _scaled(self, values: Array) -> Array:
        if self.std.isnan():
            raise RuntimeError("the scale is not known yet: call set_scale with the training part")
        return (self._differences(values) - self.mean.item()) / self.std.item()

    def _tensor(self, values: Array) -> Tensor:
        weight = self.net.linear.weight
        return torch.as_tensor(values, dtype=weight.dtype, device=weight.device)


State = tuple[Tensor, Tensor]


class CharLM(nn.Module):
    """A language model of characters: an LSTM reads a text and foretells its next character.

    A character goes in as a one-hot vector, so that its column of `lstm.weight_ih_l0` is its
    vector, and a linear layer gives a number, the logit, for every character that may follow.

    Parameters
    ----------
    alphabet : str
        The V characters that it knows, each once, at least two. The place of a character in it is
        its number.
    hidden_size, num_layers : int
        H and L, at least 1.
    dropout : float
        On what each layer gives out, that of the last layer included.

    Attributes
    ----------
    alphabet : str
    lstm : torch.nn.LSTM
        From V to H.
    linear : torch.nn.Linear
        From H to V.

    Raises
    ------
    TypeError, ValueError
        For an alphabet that is no string, too short or repeats a character, for a size below 1,
        and for a dropout outside of 0 to 1.

    Examples
    --------
    >>> model = CharLM("abc", hidden_size=8)
    >>> x = model.encode("abcab")[:, None]
    >>> logits, state = model(x)
    >>> tuple(logits.shape), [tuple(part.shape) for part in state]
    ((5, 1, 3), [(1, 1, 8), (1, 1, 8)])
    """

    def __init__(
        self, alphabet: str, hidden_size: int, num_layers: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.alphabet = _alphabet(alphabet)
        self._place = {character: k for k, character in enumerate(alphabet)}
        hidden_size = _check.positive_int("hidden_size", hidden_size)
        num_layers = _check.positive_int("num_layers", num_layers)
        self.dropout = nn.Dropout(dropout)
        between = dropout if num_layers > 1 else 0.0  # nn.LSTM warns where there is no between
        self.lstm = nn.LSTM(len(alphabet), hidden_size, num_layers, dropout=between)
        self.linear = nn.Linear(hidden_size, len(alphabet))

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return what is expected after each character, and the state after the last.

        Parameters
        ----------
        x : integer tensor (T, B)
            Numbers of characters, time first; rows of a batch are texts of their own.
        state : (tensor (L, B, H), tensor (L, B, H)) or None
            h and c as an earlier call returned them; None means zeros.

        Returns
        -------
        logits : tensor (T, B, V)
            Those at step t are for the character at step t + 1.
        state : (tensor (L, B, H), tensor (L, B, H))

        Raises
        ------
        TypeError, ValueError
            If `x` has the wrong type or shape or holds a number outside of 0 to V - 1.
        """
        _check_characters(x, len(self.alphabet))
        # Zeros and ones in the type of the weights: functional.one_hot would give integers.
        one_hot = self.linear.weight.new_zeros(*x.shape, len(self.alphabet))
        one_hot.scatter_(2, x.long()[..., None], 1.0)
        out, state = self.lstm(one_hot, state)
        return self.linear(self.dropout(out)), state

    def encode(self, text: str) -> Tensor:
        """Return the numbers of a text's characters.

        Parameters
        ----------
        text : str

        Returns
        -------
        tensor (T,) of int64

        Raises
        ------
        TypeError, ValueError
            For what is no string, and for a character that is not in the alphabet.
        """
        return self._encode("text", text)

    def _encode(self, name: str, text: Any) -> Tensor:
        return torch.tensor(_check.codes(name, text, self._place), dtype=torch.int64)

    def decode(self, ids: Tensor) -> str:
        """Return the text of numbers that `encode` gave.

        Parameters
        ----------
        ids : integer tensor (T,)

        Returns
        -------
        str

        Raises
        ------
        TypeError, ValueError
            If `ids` has the wrong type or shape or holds a number outside of 0 to V - 1.
        """
        _check_integers("ids", ids)
        if ids.dim() != 1:
            raise ValueError(f"ids: expected shape (T,), got {tuple(ids.shape)}")
        _check_range("ids", ids, len(self.alphabet))
        return "".join(self.alphabet[k] for k in ids.tolist())

    @torch.no_grad()
    def bits(self, text: str) -> Tensor:
        """Return how many bits each character of a text costs, given all before it.

        Dropout is off. The mean over a text is the model's bits per character on it.

        Parameters
        ----------
        text : str
            At least two characters. The first costs nothing: it is where the model begins.

        Returns
        -------
        tensor (T - 1,)
            The negative logarithm to base 2 of the probability of each character but the first.

        Raises
        ------
        TypeError, ValueError
            For a text too short or with a character that is not in the alphabet.
        """
        ids = self._encode("text", text)
        if len(ids) < 2:
            raise ValueError(f"text: expected at least 2 characters, got {len(ids)}")
        ids = ids.to(self.linear.weight.device)
        with _evaluating(self):
            logits, _ = self(ids[:-1, None])
        return functional.cross_entropy(logits[:, 0], ids[1:], reduction="none") / math.log(2)

    @torch.no_grad()
    def sample(
        self,
        prompt: str,
        length: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        generator: torch.Generator | None = None,
    ) -> str:
        """Go on with a text: draw a character, read it, draw the next.

        Dropout is off, and the state is carried from step to step.

        Parameters
        ----------
        prompt : str
            The text to go on from, at least one character.
        length : int
            Number of characters to draw, at least 1.
        temperature : float
            The logits are divided by it; above 0. Small is cautious, large is wild.
        top_k : int or None
            Draw from the k most probable characters alone, 1 to V; 1 always takes the most
            probable. None means V.
        generator : torch.Generator or None
            Of the draws, on the CPU; None means PyTorch's global one.

        Returns
        -------
        str
            The characters drawn, without the prompt.

        Raises
        ------
        TypeError, ValueError
            If an argument does not lie where it is said to, and for a character of the prompt
            that is not in the alphabet.
        """
        x = self._encode("prompt", prompt)
        if len(x) == 0:
            raise ValueError("prompt: expected at least 1 character, got an empty string")
        length = _check.positive_int("length", length)
        temperature = _check.positive_float("temperature", temperature)
        V = len(self.alphabet)
        k = V if top_k is None else _check.positive_int("top_k", top_k)
        if k > V:
            raise ValueError(f"top_k: expected 1 to V={V}, the size of the alphabet, got {k}")
        x, state, drawn = x.to(self.linear.weight.device)[:, None], None, []
        with _evaluating(self):
            for _ in range(length):
                logits, state = self(x, state)
                drawn.append(_draw(logits[-1, 0], temperature, k, generator))
                x = x.new_tensor([[drawn[-1]]])
        return "".join(self.alphabet[number] for number in drawn)


def trained_char_lm() -> CharLM:
    """Return a small model of characters that has read the Bible: 128 units, ready to use.

    It is the first trial of the experiment "language"; ``python tools/char_lm.py FILE`` trains it
    anew. Its weights are stored in half precision, so that its bits per character differ a little
    from the trial's.

    Returns
    -------
    CharLM
        In evaluation mode, float32.
    """
    with resources.as_file(resources.files("lstm_tutorial") / "data" / "char_lm.npz") as path:
        stored: dict[str, Any] = {
            name: torch.from_numpy(a) if a.ndim else str(a) for name, a in _arrays(path)
        }
    W_hh, b = stored["W_hh"], stored["b"]
    model = CharLM(stored["alphabet"], hidden_size=W_hh.shape[1], dropout=0.1)
    weights = {
        "lstm.weight_ih_l0": stored["W_ih"],
        "lstm.weight_hh_l0": W_hh,
        "lstm.bias_ih_l0": b,
        "lstm.bias_hh_l0": torch.zeros_like(b),  # the stored bias is the sum of both
        "linear.weight": stored["W_hy"],
        "linear.bias": stored["b_y"],
    }
    model.load_state_dict(weights)  # from float16 to the float32 of the model
    return model.eval()


def set_gate_biases(
    lstm: nn.RNNBase, forget: float | Array, enter: float | Array | None = None
) -> None:
    """Set the biases that a layer's forget gates begin with, and its input gates'.

    `torch.nn.LSTM` adds two biases. The first becomes what is asked for, the second zero.

    Parameters
    ----------
    lstm : torch.nn.LSTM or cells.LSTM
        Changed in place, in all layers and directions.
    forget, enter : float or array (H,)
        As from `lstm.chrono`; None leaves the input gates as they are.

    Raises
    ------
    TypeError, ValueError
        If `lstm` is none, or has no biases, or a bias is not finite or of another shape.
    """
    if not cells.is_lstm(lstm):
        raise TypeError(f"lstm: expected a torch.nn.LSTM, got {type(lstm).__name__}")
    if not lstm.bias:
        raise ValueError("lstm: expected a layer with biases, got one without")
    H = lstm.hidden_size
    wanted = [("forget", forget, slice(H, 2 * H))]
    if enter is not None:
        wanted.append(("enter", enter, slice(H)))
    for name, bias, rows in wanted:
        values = torch.as_tensor(bias, dtype=torch.float64)
        if values.shape not in [(), (H,)] or not values.isfinite().all():
            raise ValueError(f"{name}: expected a finite number or H={H} of them, got {bias}")
        with torch.no_grad():
            for parameter, weight in lstm.named_parameters():
                if parameter.startswith("bias_ih"):
                    weight[rows] = values
                elif parameter.startswith("bias_hh"):
                    weight[rows] = 0.0


def _arrays(path: Path) -> list[tuple[str, np.ndarray]]:
    with np.load(path, allow_pickle=False) as stored:
        return list(stored.items())


def _draw(logits: Tensor, temperature: float, k: int, generator: torch.Generator | None) -> int:
    """Draw a number from the k largest logits.

    In float64 and by the running sum of the probabilities: what another processor rounds
    otherwise then hardly ever changes what is drawn.
    """
    kept = logits.double().cpu().topk(k)
    total = (kept.values / temperature).softmax(dim=0).cumsum(dim=0)
    u = torch.rand(1, dtype=torch.float64, generator=generator)
    place = int(torch.searchsorted(total, u * total[-1], right=True))
    return int(kept.indices[min(place, k - 1)])


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Switch dropout off, and leave the model in the mode it was found in."""
    before = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(before)


def _alphabet(alphabet: Any) -> str:
    if not isinstance(alphabet, str):
        raise TypeError(f"alphabet: expected a string, got {type(alphabet).__name__}")
    if len(alphabet) < 2:
        raise ValueError(f"alphabet: expected at least 2 characters, got {len(alphabet)}")
    character, count = Counter(alphabet).most_common(1)[0]
    if count > 1:
        raise ValueError(f"alphabet: expected each character once, got {character!r} {count} times")
    return alphabet


def _check_characters(x: Any, V: int) -> None:
    _check_integers("x", x)
    if x.dim() != 2 or 0 in x.shape:
        raise ValueError(f"x: expected shape (T, B), and no axis empty, got {tuple(x.shape)}")
    _check_range("x", x, V)


def _check_integers(name: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: expected a tensor, got {type(value).__name__}")
    if value.is_floating_point() or value.is_complex() or value.dtype == torch.bool:
        raise TypeError(f"{name}: expected integers, got {value.dtype}")


def _check_range(name: str, value: Tensor, V: int) -> None:
    if value.numel() and (value.min() < 0 or value.max() >= V):
        raise ValueError(
            f"{name}: expected numbers from 0 to V-1={V - 1}, "
            f"got {int(value.min())} to {int(value.max())}"
        )


def _check_input(x: Any, input_size: int) -> None:
    if not isinstance(x, Tensor):
        raise TypeError(f"x: expected a tensor, got {type(x).__name__}")
    if x.dim() != 3 or x.shape[2] != input_size or 0 in x.shape:
        wanted = f"(T, B, D={input_size}), and no axis empty"
        raise ValueError(f"x: expected shape {wanted}, got {tuple(x.shape)}")


def _lengths(lengths: Any, T: int, B: int) -> Tensor:
    """Return the lengths on the CPU, where packing wants them."""
    _check_integers("lengths", lengths)
    return torch.from_numpy(_check.lengths("lengths", lengths.cpu().numpy(), T, B))
