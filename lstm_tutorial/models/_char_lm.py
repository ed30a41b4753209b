"""A language model of characters, and a small one that has been trained."""

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

from lstm_tutorial import _check, _tensors

State = tuple[Tensor, Tensor]


class CharLM(nn.Module):
    """A language model of characters: an LSTM reads a text and foretells its next character.

    A character goes in as a one-hot vector, so that its column of `lstm.weight_ih_l0` is its
    vector, and a linear layer gives a number, the logit, for every character that may follow. The
    alphabet is part of the state dict: weights do not load into a model with another one.

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
        self.dropout = nn.Dropout(_check.share("dropout", dropout))
        between = dropout if num_layers > 1 else 0.0  # nn.LSTM warns where there is no between
        self.lstm = nn.LSTM(len(alphabet), hidden_size, num_layers, dropout=between)
        self.linear = nn.Linear(hidden_size, len(alphabet))

    def get_extra_state(self) -> Tensor:
        """Return the alphabet for the state dict, the code point of each character."""
        return torch.tensor([ord(character) for character in self.alphabet], device="cpu")

    def set_extra_state(self, state: Tensor) -> None:
        """Compare the alphabet of a state dict with this model's.

        Raises
        ------
        ValueError
            For weights of another alphabet, before any weight is loaded.
        """
        alphabet = "".join(map(chr, state.tolist()))
        if alphabet != self.alphabet:
            raise ValueError(
                f"state_dict: expected weights for the alphabet {self.alphabet!r}, "
                f"got some for {alphabet!r}"
            )

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
        _tensors.integers("x", x)
        _tensors.tensor("x", x, "T B")
        _tensors.below("x", x, len(self.alphabet))
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
        _tensors.integers("ids", ids)
        if ids.dim() != 1:
            raise ValueError(f"ids: expected shape (T,), got {tuple(ids.shape)}")
        _tensors.below("ids", ids, len(self.alphabet))
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
        if generator is not None:
            _check.instance("generator", generator, torch.Generator, "a torch.Generator")
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
    # The alphabet is the file's own.
    model.load_state_dict(
        {**weights, "_extra_state": model.get_extra_state()}
    )  # from float16 to the float32 of the model
    return model.eval()


def _arrays(path: Path) -> list[tuple[str, np.ndarray]]:
    with np.load(path, allow_pickle=False) as stored:
        return list(stored.items())


def _draw(logits: Tensor, temperature: float, k: int, generator: torch.Generator | None) -> int:
    """Draw a number from the k largest logits.

    In float64 and by the running sum of the probabilities: what another processor rounds
    otherwise then hardly ever changes what is drawn.
    """
    kept = logits.cpu().double().topk(k)
    total = (kept.values / temperature).softmax(dim=0).cumsum(dim=0)
    u = torch.rand(1, dtype=torch.float64, generator=generator, device="cpu")
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
    _check.text("alphabet", alphabet)
    if len(alphabet) < 2:
        raise ValueError(f"alphabet: expected at least 2 characters, got {len(alphabet)}")
    character, count = Counter(alphabet).most_common(1)[0]
    if count > 1:
        raise ValueError(f"alphabet: expected each character once, got {character!r} {count} times")
    return alphabet
