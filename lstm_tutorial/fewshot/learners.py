"""Learners that learn to learn: an LSTM, the outer-product LSTM, MAML and prototypes.

A learner is a module that is called with a support set and queries, and answers the queries:
``learner(support_x, support_y, query_x)`` with tensors (E, K, D), (E, K, O) and (E, Q, D) for E
episodes gives (E, Q, O). Its weights are the same for all episodes; what differs from one
episode to the next is a state of the call.
"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional

from lstm_tutorial import _check
from lstm_tutorial.fewshot.episodes import Episodes, check


def tensors(episodes: Episodes, dtype: torch.dtype = torch.float32) -> Episodes:
    """Return the episodes' arrays as tensors."""
    # A tensor cannot run backwards through memory, as an array does that was turned round.
    return Episodes(*(torch.as_tensor(np.ascontiguousarray(p), dtype=dtype) for p in episodes))


def squared_error(learner: nn.Module, episodes: Episodes) -> Tensor:
    """Return the mean squared error on the queries: a loss for `training.fit`."""
    *given, y = episodes
    return functional.mse_loss(learner(*given), y)


def cross_entropy(learner: nn.Module, episodes: Episodes) -> Tensor:
    """Return the mean cross-entropy on the queries: a loss for `training.fit`."""
    *given, y = episodes
    return _cross_entropy(learner(*given), y)


def mlp(*sizes: int) -> nn.Sequential:
    """Return linear layers of these sizes with ReLU between them."""
    pairs = itertools.pairwise(sizes)
    layers = [part for pair in pairs for part in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


class States(NamedTuple):
    """What an `LSTMLearner` holds of a support set.

    Attributes
    ----------
    h, c : tensor (L, E, K, H) or (L, E, 1, H)
        "batch" has a cell state for each example, "sequence" one for all.
    """

    h: Tensor
    c: Tensor


class LSTMLearner(nn.Module):
    """An LSTM that reads labelled examples and holds what it learnt in its states.

    Every example comes as one input, (x, y); a query as (x, 0). The answer is a linear function of
    the last layer's h. Queries do not see one another.

    Parameters
    ----------
    input_size, output_size : int
        D and O.
    hidden_size, num_layers : int
        H and L.
    reading : {"batch", "sequence"}
        As a "sequence" the examples are read one after the other, and their order matters. As a
        "batch" all are read at once, each from its own c and from the mean of all examples' h, so
        that their order does not matter.
    passes : int
        How often the support set is read.
    labels : bool
        Whether `support_y` has to be one-hot, with an example of each class.
    encoder : Module or None
        Applied to all x first; `input_size` is what it returns.
    keep_cell : bool
        Whether a query starts from the cell state too, averaged over the examples. By default it
        starts from h and an empty cell, as in the paper.

    Raises
    ------
    TypeError, ValueError
        For a bad size or `reading`; when called, for parts that do not fit.

    References
    ----------
    Huisman, Moerland, Plaat & van Rijn (2023), "Are LSTMs good few-shot learners?"
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        hidden_size: int = 40,
        num_layers: int = 2,
        reading: str = "batch",
        passes: int = 4,
        labels: bool = False,
        encoder: nn.Module | None = None,
        keep_cell: bool = False,
    ) -> None:
        super().__init__()
        inputs, outputs = _positive(input_size=input_size, output_size=output_size)
        H, L, self.passes = _positive(hidden_size=hidden_size, num_layers=num_layers, passes=passes)
        self.reading = _check.choice("reading", reading, ("batch", "sequence"))
        self.labels, self.keep_cell = labels, keep_cell
        self.encoder = nn.Identity() if encoder is None else encoder
        self.lstm = nn.LSTM(inputs + outputs, H, L)
        self.linear = nn.Linear(H, outputs)

    def adapt(self, support_x: Tensor, support_y: Tensor) -> States:
        """Read a support set."""
        given = torch.cat([self.encoder(support_x), support_y], dim=2)  # (E, K, D + O)
        return self._batch(given) if self.reading == "batch" else self._sequence(given)

    def answer(self, states: States, query_x: Tensor) -> Tensor:
        """Answer queries from the states."""
        E, Q, _ = query_x.shape
        asked = self.encoder(query_x)
        asked = torch.cat([asked, asked.new_zeros(E, Q, self.linear.out_features)], dim=2)
        h, c = (part.mean(dim=2, keepdim=True).expand(-1, -1, Q, -1) for part in states)
        c = c if self.keep_cell else torch.zeros_like(c)
        out, _ = self.lstm(asked.reshape(1, E * Q, -1), (_flat(h), _flat(c)))
        return self.linear(out).reshape(E, Q, -1)

    def forward(self, support_x: Tensor, support_y: Tensor, query_x: Tensor) -> Tensor:
        """Answer queries (E, Q, D) from a support set (E, K, D), (E, K, O)."""
        check(support_x, support_y, query_x, self.labels)
        return self.answer(self.adapt(support_x, support_y), query_x)

    def _batch(self, given: Tensor) -> States:
        E, K, _ = given.shape
        shape = self.lstm.num_layers, E, K, self.lstm.hidden_size
        h = c = given.new_zeros(shape)
        for _ in range(self.passes):
            _, states = self.lstm(given.reshape(1, E * K, -1), (_flat(h), _flat(c)))
            h, c = (part.reshape(shape) for part in states)
            h = h.mean(dim=2, keepdim=True).expand(shape)
        return States(h, c)

    def _sequence(self, given: Tensor) -> States:
        _, states = self.lstm(given.transpose(0, 1).repeat(self.passes, 1, 1))
        return States(*(part[:, :, None] for part in states))


class OPLSTM(nn.Module):
    """The outer-product LSTM: a small LSTM writes the last layer's weights, example by example.

    A network makes features a of each x; a matrix W, the fast weights, makes answers of them,
    ``W a + b``. For every example and output a small LSTM, the same for all of them, reads target
    and answer and says how the answer should move, u. The fast weights move by ``mean(u a^T)``,
    scaled to the length gamma, and the LSTMs' states are carried to the next pass.

    Parameters
    ----------
    base : Module
        From (..., D) to F features.
    features, output_size : int
        F and O.
    passes : int
        How often the fast weights move.
    labels : bool
        As in `LSTMLearner`.

    Attributes
    ----------
    start : torch.nn.Linear
        The fast weights before the first example, and b.
    gamma : Parameter

    Raises
    ------
    TypeError, ValueError
        For a bad size; when called, for parts that do not fit.

    References
    ----------
    Huisman, Moerland, Plaat & van Rijn (2023), "Are LSTMs good few-shot learners?"
    """

    def __init__(
        self,
        base: nn.Module,
        features: int,
        output_size: int,
        passes: int = 9,
        gamma: float = 0.025,
        labels: bool = False,
    ) -> None:
        super().__init__()
        features, output_size = _positive(features=features, output_size=output_size)
        self.base, self.labels = base, labels
        (self.passes,) = _positive(passes=passes)
        self.start = nn.Linear(features, output_size)
        self.inner, self.outer = nn.LSTM(2, 5, num_layers=2), nn.LSTM(5, 1)
        self.gamma = nn.Parameter(torch.tensor(_check.positive_float("gamma", gamma)))

    def adapt(self, support_x: Tensor, support_y: Tensor) -> Tensor:
        """Return the fast weights (E, O, F) that a support set writes."""
        a = self.base(support_x)
        W = self.start.weight.expand(len(a), -1, -1)
        carried = [None, None]
        for _ in range(self.passes):
            answer = a @ W.mT + self.start.bias
            seen = torch.stack([support_y, answer], dim=3)  # (E, K, O, 2)
            out, carried[0] = self.inner(seen.reshape(1, -1, 2), carried[0])
            out, carried[1] = self.outer(out, carried[1])
            u = out.reshape(answer.shape)
            move = u.mT @ a / a.shape[1]
            length = move.flatten(1).norm(dim=1).clamp_min(1e-12)
            W = W + self.gamma * move / length[:, None, None]
        return W

    def forward(self, support_x: Tensor, support_y: Tensor, query_x: Tensor) -> Tensor:
        """Answer queries (E, Q, D) from a support set (E, K, D), (E, K, O)."""
        check(support_x, support_y, query_x, self.labels)
        W = self.adapt(support_x, support_y)
        return self.base(query_x) @ W.mT + self.start.bias


class MAML(nn.Module):
    """Model-agnostic meta-learning: initial weights from which a few steps of descent suffice.

    Parameters
    ----------
    net : Module
        From (..., D) to (..., O); its weights are the initial ones.
    steps : int
        Steps of gradient descent on the support set.
    lr : float
        Their learning rate.
    labels : bool
        False: squared error. True: cross-entropy, and `support_y` has to be one-hot with an
        example of each class.
    first_order : bool
        Take the inner gradients for constants in the outer one.

    Raises
    ------
    TypeError, ValueError
        For bad `steps` or `lr`; when called, for parts that do not fit.

    References
    ----------
    Finn, Abbeel & Levine (2017), "Model-Agnostic Meta-Learning for Fast Adaptation of Deep
    Networks"
    """

    def __init__(
        self,
        net: nn.Module,
        steps: int,
        lr: float,
        labels: bool = False,
        first_order: bool = False,
    ) -> None:
        super().__init__()
        self.net, self.labels, self.first_order = net, labels, first_order
        (self.steps,) = _positive(steps=steps)
        self.lr = _check.positive_float("lr", lr)

    def adapt(self, support_x: Tensor, support_y: Tensor) -> dict[str, Tensor]:
        """Return each episode's weights, with E in front of every shape."""
        loss = _cross_entropy if self.labels else functional.mse_loss

        def error(weights: Any, x: Tensor, y: Tensor) -> Tensor:
            return loss(functional_call(self.net, weights, (x,)), y)

        slopes = vmap(grad(error))
        weights = {name: w.expand(len(support_x), *w.shape) for name, w in self._weights().items()}
        for _ in range(self.steps):
            slope = slopes(weights, support_x, support_y)
            if self.first_order:
                slope = {name: s.detach() for name, s in slope.items()}
            weights = {name: w - self.lr * slope[name] for name, w in weights.items()}
        return weights

    def forward(self, support_x: Tensor, support_y: Tensor, query_x: Tensor) -> Tensor:
        """Answer queries (E, Q, D) from a support set (E, K, D), (E, K, O)."""
        check(support_x, support_y, query_x, self.labels)
        weights = self.adapt(support_x, support_y)
        return vmap(lambda w, x: functional_call(self.net, w, (x,)))(weights, query_x)

    def _weights(self) -> dict[str, Tensor]:
        return dict(self.net.named_parameters())


class Prototypes(nn.Module):
    """Features in which the nearest mean of a class is the answer.

    Parameters
    ----------
    encoder : Module
        From (..., D) to features.

    Raises
    ------
    ValueError
        When called, for parts that do not fit.

    References
    ----------
    Snell, Swersky & Zemel (2017), "Prototypical Networks for Few-shot Learning"
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, support_x: Tensor, support_y: Tensor, query_x: Tensor) -> Tensor:
        """Return minus the squared distance to each class's mean, (E, Q, O)."""
        check(support_x, support_y, query_x, labels=True)
        share = (support_y / support_y.sum(dim=1, keepdim=True)).mT
        means = share @ self.encoder(support_x)  # (E, O, F)
        apart = self.encoder(query_x)[:, :, None] - means[:, None]
        return -apart.square().sum(dim=3)


def from_scratch(
    new: Callable[[], nn.Module],
    episodes: Episodes,
    steps: int,
    lr: float,
    labels: bool = False,
) -> Tensor:
    """Answer each episode with a new network that is trained on its support set alone.

    Parameters
    ----------
    new : callable
        Returns a network with new random weights, one for each episode.
    episodes : Episodes
        Tensors.
    steps : int
        Updates by Adam, each on the whole support set.
    lr : float
    labels : bool
        As in `MAML`.

    Returns
    -------
    tensor (E, Q, O)

    Raises
    ------
    TypeError, ValueError
        For bad `steps` or `lr` and for parts that do not fit.
    """
    x, y, query_x, _ = episodes
    check(x, y, query_x, labels)
    (steps,), lr = _positive(steps=steps), _check.positive_float("lr", lr)
    loss = _cross_entropy if labels else functional.mse_loss
    weights, _ = torch.func.stack_module_state([new() for _ in range(len(x))])
    net = new()
    answers = vmap(lambda w, x: functional_call(net, w, (x,)))
    adam = torch.optim.Adam(weights.values(), lr=lr)
    for _ in range(steps):
        adam.zero_grad()
        # The sum over episodes keeps them apart: each network has its own loss.
        vmap(loss)(answers(weights, x), y).sum().backward()
        adam.step()
    return answers(weights, query_x).detach()


def _positive(**sizes: Any) -> list[int]:
    return [_check.positive_int(name, size) for name, size in sizes.items()]


def _flat(part: Tensor) -> Tensor:
    """Put episodes and examples on one axis, as `nn.LSTM` wants them."""
    return part.flatten(1, 2).contiguous()


def _cross_entropy(scores: Tensor, y: Tensor) -> Tensor:
    return -(scores.log_softmax(dim=-1) * y).sum(dim=-1).mean()
