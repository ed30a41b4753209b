"""Many small networks trained at once, each as if it were alone.

Small networks on a processor spend most of their time on the overhead of each step. So N of them
run side by side: `torch.func.vmap` runs the forward pass of one network for all, and one backward
pass outside of it serves them all. N comes first everywhere: weights are (N, ...), inputs
(N, T, B, D), targets (N, T, B, O) or (N, B, O). Each network has its own weights, data, learning
rate and clipped gradient, and none sees another.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import repeat
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.func import vmap
from torch.nn import functional as F

from lstm_tutorial import _check
from lstm_tutorial.relatives.networks import Network

Task = Callable[[int, int, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def stack(
    networks: Iterable[Sequence[np.ndarray]], dtype: torch.dtype = torch.float32
) -> list[Tensor]:
    """Put the weights of single networks side by side.

    Parameters
    ----------
    networks : iterable of lists of arrays
        Each as from `networks.uniform` or `networks.for_lag`.
    dtype : torch.dtype

    Returns
    -------
    list of tensors (N, ...)

    Raises
    ------
    ValueError
        For no network.
    """
    same = list(zip(*networks, strict=True))
    if not same:
        raise ValueError("networks: expected at least one, got none")
    return [torch.as_tensor(np.stack(each), dtype=dtype) for each in same]


def draw(
    task: Task,
    length: int,
    batch: int,
    rngs: Sequence[np.random.Generator],
    scale: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Draw a batch for each of N networks from a generator of `tasks`, in float32.

    Parameters
    ----------
    task : callable
        Such as ``tasks.adding``.
    length, batch : int
        T and B.
    rngs : sequence of numpy Generators
        One for each network.
    scale : float
        The targets are multiplied by this.

    Returns
    -------
    x : tensor (N, T, B, D)
    y : tensor (N, T, B, O) or (N, B, O)

    Raises
    ------
    ValueError
        For no generator.
    """
    if not len(rngs):
        raise ValueError("rngs: expected one for each network, got none")
    xs, ys = zip(*(task(length, batch, rng) for rng in rngs), strict=True)
    x, y = np.stack(xs), scale * np.stack(ys)
    return torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y, dtype=torch.float32)


def answers(network: Network, weights: Sequence[Tensor], x: Tensor, last: bool = False) -> Tensor:
    """Return the readout of every step, (N, T, B, O), or of the last alone, (N, B, O).

    Parameters
    ----------
    network : Network
    weights : list of tensors (N, ...)
    x : tensor (N, T, B, D)
    last : bool

    Raises
    ------
    ValueError
        For shapes that do not fit.
    """
    N = len(weights[0])
    if x.dim() != 4 or len(x) != N:
        raise ValueError(f"x: expected shape (N={N}, T, B, D), got {tuple(x.shape)}")
    shown: Tensor = vmap(partial(network.answers, last=last))(list(weights), x)
    return shown


def errors(network: Network, weights: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Return each network's mean squared error, or mean cross-entropy, (N,).

    Parameters
    ----------
    network : Network
    weights : list of tensors (N, ...)
    x : tensor (N, T, B, D)
    y : tensor (N, T, B, O) or (N, B, O), or of integers (N, T, B)
        Targets of every step, or of the last step alone. Integers are classes, and -1 stands
        where no answer is wanted; the error is then the cross-entropy, in nats.

    Raises
    ------
    ValueError
        For shapes that do not fit.
    """
    shown = answers(network, weights, x, last=y.dim() == 3 and y.is_floating_point())
    if not y.is_floating_point():
        nats = F.cross_entropy(shown.movedim(3, 1), y, ignore_index=-1, reduction="none")
        return nats.sum(dim=(1, 2)) / (y >= 0).sum(dim=(1, 2))
    if shown.shape != y.shape:
        raise ValueError(f"y: expected shape {tuple(shown.shape)}, got {tuple(y.shape)}")
    return ((shown - y) ** 2).flatten(1).mean(dim=1)


def shares(network: Network, weights: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Return the `errors` as shares of that of the best constant answer, (N,)."""
    return errors(network, weights, x, y) / constant_error(y)


def constant_error(y: Tensor) -> float:
    """Return the error of the best constant answer: a variance, or in nats an entropy."""
    if y.is_floating_point():
        return float(((y - y.flatten(0, -2).mean(dim=0)) ** 2).mean())
    share = y[y >= 0].bincount() / (y >= 0).sum()
    return float(-(share * share.clamp(min=1e-30).log()).sum())


def train(
    network: Network,
    weights: Sequence[Tensor],
    batches: Iterable[tuple[Tensor, Tensor]],
    lr: float | Sequence[float] | Tensor,
    max_norm: float,
) -> Iterator[list[Tensor]]:
    """Train N networks side by side with Adam; give their weights after every update.

    Each network's gradient is clipped by its own norm, and Adam treats every weight by itself. So
    the networks do not notice each other, and one that runs into NaN leaves the others alone.

    Parameters
    ----------
    network : Network
    weights : list of tensors (N, ...)
        Left as they are.
    batches : iterable of (x, y)
        As for `errors`.
    lr : float, or N of them
        Above 0; one for all networks, or one for each.
    max_norm : float
        Above 0.

    Returns
    -------
    iterator of lists of tensors
        The weights, which the next update changes in place. An update is done when it is asked
        for.

    Raises
    ------
    TypeError, ValueError
        For a bad `lr` or `max_norm`.
    """
    max_norm = _check.positive_float("max_norm", max_norm)
    rates = _rates(lr, weights[0])
    mine = [w.clone().requires_grad_() for w in weights]
    return updates(partial(errors, network), mine, batches, repeat(rates), max_norm)


def _rates(lr: float | Sequence[float] | Tensor, like: Tensor) -> Tensor:
    N = len(like)
    each = lr.tolist() if isinstance(lr, Tensor) else lr
    every = list(each) if isinstance(each, Sequence) else [each] * N
    if len(every) != N:
        raise ValueError(f"lr: expected one, or one for each of {N} networks, got {len(every)}")
    return like.new_tensor([_check.positive_float("lr", rate) for rate in every])


def updates(
    errors: Callable[..., Tensor],
    weights: list[Tensor],
    batches: Iterable[tuple[Tensor, ...]],
    rates: Iterable[Tensor],
    max_norm: float,
) -> Iterator[list[Tensor]]:
    """Train N networks by their errors; nothing is checked here, and `weights` change in place.

    Adam (Kingma & Ba, 2015), written out, since PyTorch's has one rate for all networks.

    Parameters
    ----------
    errors : callable
        Takes the weights and the parts of a batch, returns each network's error, (N,).
    weights : list of tensors (N, ...)
    batches : iterable of tuples
    rates : iterable of tensors (N,)
        Those of each update. Training ends with the batches or with the rates.
    max_norm : float

    Returns
    -------
    iterator of lists of tensors
        The weights after every update.
    """
    first, second = ([torch.zeros_like(w) for w in weights] for _ in range(2))
    for k, (rate, batch) in enumerate(zip(rates, batches, strict=False), 1):
        gradients = torch.autograd.grad(errors(weights, *batch).sum(), weights)
        norms = torch.stack([g.flatten(1).norm(dim=1) for g in gradients]).norm(dim=0)
        scale = (max_norm / norms).clamp(max=1)
        with torch.no_grad():
            for w, g, m, v in zip(weights, gradients, first, second, strict=True):
                each = [-1] + [1] * (g.dim() - 1)
                g = g * scale.view(each)
                m.lerp_(g, 0.1)
                v.mul_(0.999).addcmul_(g, g, value=0.001)
                size = (v / (1 - 0.999**k)).sqrt_().add_(1e-8)
                w -= rate.view(each) / (1 - 0.9**k) * m / size
        yield [w.detach() for w in weights]


class Best(NamedTuple):
    """What `keep_best` kept.

    Attributes
    ----------
    weights : list of tensors (N, ...)
        Each network's, as they were at its best trial.
    errors : tensor (N,)
        Those of that trial, infinite for a network that never had a finite one.
    trials : list of (int, tensor)
        The update and the errors of every trial.
    """

    weights: list[Tensor]
    errors: Tensor
    trials: list[tuple[int, Tensor]]

    def first_below(self, limit: float) -> list[int | None]:
        """Return for each network the update of the first trial below a limit; None for never."""
        return [
            next((update for update, errors in self.trials if errors[n] < limit), None)
            for n in range(len(self.errors))
        ]


def keep_best(
    start: Sequence[Tensor],
    training: Iterable[list[Tensor]],
    errors: Callable[[list[Tensor]], Tensor],
    every: int,
) -> Best:
    """Train to the end, try the networks again and again, and keep each one's best weights.

    Parameters
    ----------
    start : list of tensors (N, ...)
        What is kept of a network that never has a finite error; left as they are.
    training : iterable of lists of tensors
        As from `train`.
    errors : callable
        Takes weights, returns each network's error on data to choose by, (N,).
    every : int
        Updates between two trials.

    Raises
    ------
    TypeError, ValueError
        For an `every` that is not an integer of at least 1.
    """
    every = _check.positive_int("every", every)
    kept = [w.clone() for w in start]
    best = torch.full((len(kept[0]),), torch.inf, dtype=kept[0].dtype)
    trials = []
    for update, weights in enumerate(training, 1):
        if update % every:
            continue
        with torch.no_grad():
            now = errors(weights)
        better = now < best
        best = torch.where(better, now, best)
        for old, new in zip(kept, weights, strict=True):
            old[better] = new[better]
        trials.append((update, now))
    return Best(kept, best, trials)
