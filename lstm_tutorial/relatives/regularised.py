"""What is added to an LSTM against overfitting or for easier training, inside of the step.

`nn.LSTM` offers dropout between its layers and nothing else. What stands here needs the loop over
the steps, and so costs several times the seconds of `nn.LSTM`.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lstm_tutorial import _check

States = tuple[Tensor, Tensor]


class RegularisedLSTM(nn.LSTM):
    """One layer of `nn.LSTM`, its weights and names, with dropout inside or normalisation.

    In evaluation mode nothing is dropped, and without `layer_norm` the results are those of
    `nn.LSTM`.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H.
    candidate : float
        Share of the candidate g that is set to zero, with a new mask at every step, so that the
        cell state itself never loses what it holds (Semeniuta, Severyn & Barth, 2016).
    state : float
        Share of the units whose h the gates do not see, with one mask for the whole sequence
        (Gal & Ghahramani, 2016).
    layer_norm : bool
        Normalise the input's and the state's part of the pre-activations, and c before the output
        gate, over the units (Ba, Kiros & Hinton, 2016, their equations 29 to 31).

    Raises
    ------
    TypeError, ValueError
        For a size below 1 or a share outside of 0 to 1, 1 excluded.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        candidate: float = 0.0,
        state: float = 0.0,
        layer_norm: bool = False,
    ) -> None:
        D = _check.positive_int("input_size", input_size)
        H = _check.positive_int("hidden_size", hidden_size)
        super().__init__(D, H)
        self.candidate = _share("candidate", candidate)
        self.state = _share("state", state)
        self.norms = None
        if layer_norm:
            # The biases of the pre-activations are those of nn.LSTM; a third would be one too many.
            parts = {"x": nn.LayerNorm(4 * H, bias=False), "h": nn.LayerNorm(4 * H, bias=False)}
            self.norms = nn.ModuleDict({**parts, "c": nn.LayerNorm(H)})

    def forward(self, x: Tensor, states: States | None = None) -> tuple[Tensor, States]:  # type: ignore[override]
        """Run the layer over a batch of sequences.

        Parameters
        ----------
        x : tensor (T, B, D)
        states : (h_0, c_0) or None
            Tensors (1, B, H); None is zeros.

        Returns
        -------
        hs : tensor (T, B, H)
        (h_T, c_T) : tensors (1, B, H)
        """
        zero = x.new_zeros(1, x.shape[1], self.hidden_size)
        h, c = (zero[0], zero[0]) if states is None else (states[0][0], states[1][0])
        W_ih, W_hh, b_ih, b_hh = self.all_weights[0]
        keep = F.dropout(torch.ones_like(h), self.state, self.training)
        z = self._norm("x", F.linear(x, W_ih)) + b_ih + b_hh
        hs = []
        for z_t in z:
            recurrent = self._norm("h", F.linear(h * keep, W_hh))
            i, f, g, o = (z_t + recurrent).chunk(4, dim=1)
            g = F.dropout(torch.tanh(g), self.candidate, self.training)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * g
            h = torch.sigmoid(o) * torch.tanh(self._norm("c", c))
            hs.append(h)
        return torch.stack(hs), (h[None], c[None])

    def _norm(self, name: str, value: Tensor) -> Tensor:
        normalised: Tensor = value if self.norms is None else self.norms[name](value)
        return normalised


def locked_dropout(x: Tensor, share: float, training: bool) -> Tensor:
    """Set a share of the features to zero, the same ones at every step of a sequence.

    Parameters
    ----------
    x : tensor (T, B, D)
    share : float
        From 0 to 1, 1 excluded; what is kept is divided by 1 minus it.
    training : bool
        Without it `x` comes back as it is.

    Returns
    -------
    tensor (T, B, D)
    """
    return x * F.dropout(torch.ones_like(x[:1]), _share("share", share), training)


def _share(name: str, value: Any) -> float:
    value = _check.finite_float(name, value)
    if not 0 <= value < 1:
        raise ValueError(f"{name}: expected a share from 0 to below 1, got {value}")
    return float(value)
