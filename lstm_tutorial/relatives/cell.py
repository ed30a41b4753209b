"""A cell as one object: the weights it has, how it runs over a sequence, and what it costs.

A `Cell` is written for one network: time runs first, inputs are (T, B, D), what it shows is
(T, B, H). There are two kinds. A `Recurrent` cell goes from step to step, since its gates read what
was shown at the step before; a `Parallel` one reads its inputs alone and shows all steps at once.
To add a cell is to make one such object; `side_by_side` trains many networks of it together.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import ClassVar, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from lstm_tutorial import _check

Shapes = dict[str, tuple[int, ...]]
State = tuple[Tensor, ...]
Named = TypeVar("Named")


class Gates(NamedTuple):
    """The rows of the bias `b` that belong to the gates of a cell state.

    Attributes
    ----------
    forget : slice
    input : slice or None
        None where no gate of its own decides what is added.
    """

    forget: slice
    input: slice | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Cell:
    """What both kinds of cell have.

    Attributes
    ----------
    name : str
    shapes : callable
        Takes D and H, returns the shape of each weight by name, in the order in which `run` takes
        them.
    carried : callable
        Takes H, returns how many numbers a layer hands to the next step; None for all it has read.
    gates : callable or None
        Takes H, returns the `Gates`. None for a cell whose biases begin as they are drawn.
    unused : callable
        Takes D and H, returns how many weights do nothing.
    drawn_last : tuple of str
        Weights that are drawn after all others, those of the readout included, so that whatever
        the cell shares with the LSTM begins the same.
    heads : int
        H has to be a multiple of this.
    reads_h : bool
        Whether the gates read what was shown at the step before.
    """

    name: str
    shapes: Callable[[int, int], Shapes]
    carried: Callable[[int], int | None]
    gates: Callable[[int], Gates] | None = None
    unused: Callable[[int, int], int] = field(default=lambda D, H: 0)
    drawn_last: tuple[str, ...] = ()
    heads: int = 1
    reads_h: ClassVar[bool] = False

    def sized(self, input_size: int, hidden_size: int) -> Shapes:
        """Return the shape of each weight by name.

        Raises
        ------
        TypeError, ValueError
            For a size that is not an integer of at least 1, or an H that the heads cannot share.
        """
        D = _check.positive_int("input_size", input_size)
        H = _check.positive_int("hidden_size", hidden_size)
        if H % self.heads:
            raise ValueError(
                f"hidden_size: expected a multiple of {self.heads}, one part for each head of "
                f"{self.name}, got {H}"
            )
        return self.shapes(D, H)

    def parameters(self, input_size: int, hidden_size: int) -> int:
        """Count the weights that do something; raises as `sized` does."""
        every = sum(map(math.prod, self.sized(input_size, hidden_size).values()))
        return every - self.unused(input_size, hidden_size)

    def run(self, x: Tensor, *weights: Tensor) -> Tensor:
        """Return what the cell shows after each step, (T, B, H), from its first state."""
        raise NotImplementedError

    def last(self, x: Tensor, *weights: Tensor) -> Tensor:
        """Return what the cell shows after the last step alone, (B, H)."""
        return self.run(x, *weights)[-1]


@dataclass(frozen=True, eq=False, kw_only=True)
class Recurrent(Cell):
    """A cell that goes from step to step.

    Its first three weights are W_ih (K, D), W_hh (K, H) and b (K,) for K pre-activations.

    Attributes
    ----------
    step : callable
        Takes ``W_ih x_t + b`` (B, K), the state, the transpose of W_hh (H, K) and the weights after
        b; returns the next state, a tuple that begins with h (B, H).
    start : callable
        Takes zeros (B, H), returns the first state.
    """

    step: Callable[..., State]
    start: Callable[[Tensor], State] = field(default=lambda zero: (zero, zero))
    reads_h: ClassVar[bool] = True

    def run(self, x: Tensor, *weights: Tensor) -> Tensor:
        """Return h after each step, (T, B, H); raises as `states` does."""
        return torch.stack([state[0] for state in self._after_each(x, weights, None)])

    def last(self, x: Tensor, *weights: Tensor) -> Tensor:
        """Return h after the last step, (B, H), with no copy of the others."""
        *_, state = self._after_each(x, weights, None)
        return state[0]

    def states(self, x: Tensor, *weights: Tensor, first: State | None = None) -> State:
        """Return the state after each step.

        Parameters
        ----------
        x : tensor (T, B, D)
        *weights : tensors
            In the order of `shapes`.
        first : tuple of tensors, optional
            The state to begin with.

        Returns
        -------
        tuple of tensors
            Each with T in front; the first is h.

        Raises
        ------
        ValueError
            For shapes that do not fit.
        """
        after = self._after_each(x, weights, first)
        return tuple(torch.stack(part) for part in zip(*after, strict=True))

    def preactivations(self, x: Tensor, hs: Tensor, first: Tensor, *weights: Tensor) -> Tensor:
        """Return the pre-activations of each step once its h is known, (T, B, K).

        Parameters
        ----------
        x : tensor (T, B, D)
        hs : tensor (T, B, H)
            What was shown after each step.
        first : tensor (B, H)
            The h before the first step.
        *weights : tensors
        """
        W_ih, W_hh, b = weights[:3]
        return F.linear(x, W_ih, b) + F.linear(torch.cat([first[None], hs[:-1]]), W_hh)

    def _after_each(
        self, x: Tensor, weights: tuple[Tensor, ...], state: State | None
    ) -> Iterator[State]:
        self._check(x, weights)
        W_ih, W_hh, b, *own = weights
        if state is None:
            state = self.start(x.new_zeros(x.shape[1], W_hh.shape[1]))
        U = W_hh.mT
        # What the inputs give is one product for all steps.
        for z_x in F.linear(x, W_ih, b).unbind(0):
            state = self.step(z_x, state, U, *own)
            yield state

    def _check(self, x: Tensor, weights: tuple[Tensor, ...]) -> None:
        if x.dim() != 3:
            raise ValueError(f"x: expected shape (T, B, D), got {tuple(x.shape)}")
        H = weights[1].shape[-1] if len(weights) > 1 else 1
        fit(self.name, self.shapes(x.shape[2], H), weights)


@dataclass(frozen=True, eq=False, kw_only=True)
class Parallel(Cell):
    """A cell that reads its inputs alone.

    Attributes
    ----------
    at_once : callable
        Takes x (T, B, D) and the weights, returns what is shown, (T, B, H).
    """

    at_once: Callable[..., Tensor]

    def run(self, x: Tensor, *weights: Tensor) -> Tensor:
        """Return what the cell shows at each step, (T, B, H)."""
        return self.at_once(x, *weights)


def fit(name: str, shapes: Shapes, weights: Iterable[Tensor]) -> None:
    """Raise ValueError where weights are not of the shapes that something called `name` has."""
    given = [tuple(w.shape) for w in weights]
    if len(given) != len(shapes):
        raise ValueError(
            f"weights: expected {len(shapes)} of {name}, {', '.join(shapes)}, got {len(given)}"
        )
    for (weight, expected), got in zip(shapes.items(), given, strict=True):
        if got != expected:
            raise ValueError(f"{weight}: expected shape {expected}, got {got}")


def named(name: str, known: dict[str, Named]) -> Named:
    """Return what a stored setting names.

    Raises
    ------
    ValueError
        For an unknown name, with the nearest known ones.
    """
    if name in known:
        return known[name]
    near = get_close_matches(str(name), known) or list(known)
    raise ValueError(f"name: expected one of {', '.join(near)}, got {name!r}")
