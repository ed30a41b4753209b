"""A network of cells: layers of one cell, a linear readout above, and what they cost.

As everywhere in this room it is one network; `side_by_side` runs many of them at once. Its weights
are a list: those of the layers from below, then W_hy (O, H) and b_y (O,). Where a linear map brings
each input to H numbers first, its W_e (H, D) and b_e (H,) stand in front.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from lstm_tutorial import _check
from lstm_tutorial.relatives.cell import Cell, Shapes, fit

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Network:
    """Layers of a cell and a linear readout.

    Attributes
    ----------
    cell : Cell
    layers : int
        How many stand one above the other.
    mapped : bool
        Whether a linear map brings the inputs to H numbers, so that every layer reads as many
        numbers as it shows.
    """

    cell: Cell
    layers: int = 1
    mapped: bool = False

    def shapes(self, input_size: int, hidden_size: int, output_size: int) -> Shapes:
        """Return the shape of each weight by name; a weight of layer k is called ``k.name``.

        Raises
        ------
        TypeError, ValueError
            For a size that is not an integer of at least 1, or does not fit the cell.
        """
        D = _check.positive_int("input_size", input_size)
        H = _check.positive_int("hidden_size", hidden_size)
        out = _check.positive_int("output_size", output_size)
        shapes: Shapes = {"W_e": (H, D), "b_e": (H,)} if self.mapped else {}
        for k in range(self.layers):
            reads = H if self.mapped or k else D
            shapes |= {f"{k}.{key}": s for key, s in self.cell.sized(reads, H).items()}
        return {**shapes, "W_hy": (out, H), "b_y": (out,)}

    def parameters(self, input_size: int, hidden_size: int, output_size: int) -> int:
        """Count the weights that do something; raises as `shapes` does."""
        shapes = self.shapes(input_size, hidden_size, output_size)
        reads = [hidden_size if self.mapped or k else input_size for k in range(self.layers)]
        unused = sum(self.cell.unused(D, hidden_size) for D in reads)
        return sum(map(math.prod, shapes.values())) - unused

    def carried(self, hidden_size: int) -> int | None:
        """Return how many numbers all layers hand to the next step; None for all they have read."""
        each = self.cell.carried(hidden_size)
        return None if each is None else self.layers * each

    def answers(self, weights: Sequence[Tensor], x: Tensor, last: bool = False) -> Tensor:
        """Return the readout of every step, (T, B, O), or of the last alone, (B, O).

        Parameters
        ----------
        weights : list of tensors
        x : tensor (T, B, D)
        last : bool

        Raises
        ------
        ValueError
            For shapes that do not fit.
        """
        *layers, W_hy, b_y = self.fitting(weights, x)
        if self.mapped:
            W_e, b_e, *layers = layers
            x = F.linear(x, W_e, b_e)
        each = len(layers) // self.layers
        for k in range(self.layers):
            run = self.cell.last if last and k == self.layers - 1 else self.cell.run
            x = run(x, *layers[k * each : (k + 1) * each])
        return F.linear(x, W_hy, b_y)

    def fitting(self, weights: Sequence[Tensor], x: Tensor) -> Sequence[Tensor]:
        """Return the weights where they are those of this network and fit the inputs."""
        if x.dim() != 3:
            raise ValueError(f"x: expected shape (T, B, D), got {tuple(x.shape)}")
        if len(weights) < 2:
            raise ValueError(f"weights: expected those of a network, got {len(weights)}")
        H, out = weights[-2].shape[-1], len(weights[-1])
        fit(self.cell.name, self.shapes(x.shape[2], H, out), weights)
        return weights


def nearest_size(network: Network, input_size: int, output_size: int, budget: int) -> int:
    """Return the H whose number of parameters comes nearest to a budget, or the smallest H.

    Raises
    ------
    TypeError, ValueError
        For a size or budget that is not an integer of at least 1.
    """
    budget = _check.positive_int("budget", budget)
    sizes = range(network.cell.heads, budget + network.cell.heads, network.cell.heads)
    counts = np.array([network.parameters(input_size, H, output_size) for H in sizes])
    return sizes[int(np.argmin(np.abs(counts - budget)))]


def largest_size(
    network: Network, input_size: int, output_size: int, budget: int, multiple: int = 1
) -> int:
    """Return the largest H, a multiple of a number, whose parameters stay within a budget.

    Raises
    ------
    TypeError, ValueError
        For a size, budget or multiple that is not an integer of at least 1, and for a budget below
        the smallest network's parameters.
    """
    budget = _check.positive_int("budget", budget)
    step = math.lcm(network.cell.heads, _check.positive_int("multiple", multiple))
    smallest = network.parameters(input_size, step, output_size)
    if smallest > budget:
        raise ValueError(f"budget: expected at least {smallest} parameters, got {budget}")
    H = step
    while network.parameters(input_size, H + step, output_size) <= budget:
        H += step
    return H


def uniform(
    network: Network,
    input_size: int,
    hidden_size: int,
    output_size: int,
    rng: np.random.Generator | int,
    forget_bias: float = 1.0,
) -> list[Array]:
    """Draw all weights uniform in ±1/√H, as `network.init` draws an LSTM.

    Parameters
    ----------
    network : Network
    input_size, hidden_size, output_size : int
        D, H and O.
    rng : numpy Generator or int
    forget_bias : float
        What the biases of the forget gates are set to; a cell without such gates has none.

    Raises
    ------
    TypeError, ValueError
        For a bad size, a bad `rng` or a bias that is not a finite number.
    """
    rng = _check.generator("rng", rng)
    forget_bias = _check.finite_float("forget_bias", forget_bias)
    shapes = network.shapes(input_size, hidden_size, output_size)
    bound = 1 / np.sqrt(hidden_size)
    late = [key for key in shapes if _weight(key) in network.cell.drawn_last]
    order = [key for key in shapes if key not in late] + late
    drawn = {key: rng.uniform(-bound, bound, shapes[key]) for key in order}
    for key, weight in drawn.items():
        if _weight(key) == "b" and network.cell.gates is not None:
            weight[network.cell.gates(hidden_size).forget] = forget_bias
    return [drawn[key] for key in shapes]


def for_lag(
    network: Network,
    input_size: int,
    hidden_size: int,
    output_size: int,
    rng: np.random.Generator | int,
    lag: int,
) -> list[Array]:
    """Draw matrices uniform in ±1/√(columns), biases 0, and gates that open for lags up to one.

    Cell states begin with many half-lives, up to the `lag`: forget biases are the logarithms of
    numbers from U[1, lag], input biases their negatives (chrono initialisation, Tallec & Ollivier,
    2018). The update gate of a GRU is a forget gate here.

    Parameters
    ----------
    network : Network
    input_size, hidden_size, output_size : int
        D, H and O.
    rng : numpy Generator or int
    lag : int

    Raises
    ------
    TypeError, ValueError
        For a size or lag that is not an integer of at least 1, an H that does not fit the cell, or
        a bad `rng`.
    """
    rng = _check.generator("rng", rng)
    lag = _check.positive_int("lag", lag)
    weights = []
    for key, shape in network.shapes(input_size, hidden_size, output_size).items():
        bound = 1 / math.sqrt(shape[-1]) if len(shape) == 2 else 0.0
        weights.append(rng.uniform(-bound, bound, shape))
        if _weight(key) == "b" and network.cell.gates is not None:
            forget, add = network.cell.gates(hidden_size)
            times = np.log(rng.uniform(1, lag, forget.stop - forget.start))
            weights[-1][forget] = times
            if add is not None:
                weights[-1][add] = -times
    return weights


def _weight(key: str) -> str:
    """Return a weight's name without its layer."""
    return key.rpartition(".")[2]
