"""The LSTM from scratch in PyTorch, a drop-in for `torch.nn.LSTMCell` and `torch.nn.LSTM`.

`step` holds the equations and `run` loops over them; autograd does the rest. `Recurrence` computes
the same with a derived backward pass, which is faster, and `LSTM` takes it wherever it can.
`numpy_layer` puts the package's NumPy engine behind autograd.

A batch of sequences is one tensor with a row for each step of each sequence, step by step, as in a
`PackedSequence`: `sizes` tells how many sequences are still running at each step, and never grows.
Gates are in PyTorch's order i, f, g, o.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from lstm_tutorial import _nn_checks, lstm

States = tuple[Tensor, Tensor]


class Weights(NamedTuple):
    """One layer in one direction; P is H, or the size that `W_hr` projects h to."""

    W_ih: Tensor  # (4H, D)
    W_hh: Tensor  # (4H, P)
    b_ih: Tensor | None = None  # (4H,)
    b_hh: Tensor | None = None  # (4H,)
    W_hr: Tensor | None = None  # (P, H)


def step(
    z: Tensor, h: Tensor, c: Tensor, W_hh: Tensor, b_hh: Tensor | None, W_hr: Tensor | None = None
) -> States:
    """Advance both states by one step: the equations.

    Parameters
    ----------
    z : tensor (B, 4H)
        The input's part of the gates, ``W_ih x + b_ih``.
    h, c : tensors (B, P), (B, H)
    W_hh, b_hh : tensors (4H, P), (4H,) or None
    W_hr : tensor (P, H) or None
        Projects h (Sak, Senior & Beaufays, 2014).

    Returns
    -------
    h, c : tensors (B, P), (B, H)
    """
    i, f, g, o = (F.linear(h, W_hh, b_hh) + z).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return (h if W_hr is None else F.linear(h, W_hr)), c


def run(
    x: Tensor, h: Tensor, c: Tensor, weights: Weights, sizes: Sequence[int], reverse: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Run one layer in one direction; autograd records every step.

    Parameters
    ----------
    x : tensor (N, D)
        All inputs, step after step.
    h, c : tensors (B, P), (B, H)
        First states.
    weights : Weights
    sizes : sequence of int
        How many sequences run at each step: B at the first, N in all.
    reverse : bool
        Read backward in time; each sequence then begins at its own end.

    Returns
    -------
    hs : tensor (N, P)
        The state h after every step, in the order of `x`.
    h, c : tensors (B, P), (B, H)
        Last states.
    """
    W_ih, W_hh, b_ih, b_hh, W_hr = weights
    hs = []
    for n, z in _steps(sizes, reverse, F.linear(x, W_ih, b_ih)):
        h_t, c_t = step(z, _first(h, n), _first(c, n), W_hh, b_hh, W_hr)
        h, c = _and_rest(h_t, h), _and_rest(c_t, c)
        hs.append(h_t)
    return torch.cat(_in_order(hs, reverse)), h, c


class Recurrence(torch.autograd.Function):
    """The same as `run`, with its backward pass derived: call `Recurrence.apply`.

    Arguments are x, h, c, the five of `Weights`, sizes and reverse; results are those of `run`,
    with the same bits. All factors that await no gradient are computed for all steps at once before
    the loop backward in time, and each weight's gradient is one product after it. Gradients that
    are themselves to be differentiated come from `run`.
    """

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[Tensor, Tensor, Tensor]:  # type: ignore[override]
        """Run the layer and keep its gates and states."""
        x, h, c, W_ih, W_hh, b_ih, b_hh, W_hr, sizes, reverse = inputs
        B, W_T, gates = len(h), W_hh.T, F.linear(x, W_ih, b_ih)
        tanh_c = gates.new_empty(len(x), c.shape[1])
        kept = []
        arrays = (gates, *gates.chunk(4, dim=1), tanh_c)
        for n, z, i, f, g, o, squashed in _steps(sizes, reverse, *arrays):
            h_prev, c_prev = (h, c) if n == B else (h[:n], c[:n])
            z += torch.mm(h_prev, W_T) if b_hh is None else torch.addmm(b_hh, h_prev, W_T)
            i.sigmoid_(), f.sigmoid_(), g.tanh_(), o.sigmoid_()
            c_t = (f * c_prev).add_(i * g)
            h_t = o * torch.tanh(c_t, out=squashed)
            if W_hr is not None:
                h_t = F.linear(h_t, W_hr)
            h, c = (h_t, c_t) if n == B else (_and_rest(h_t, h), _and_rest(c_t, c))
            kept.append((h_t, h_prev, c_prev))
        hs, h_prevs, c_prevs = map(torch.cat, zip(*_in_order(kept, reverse), strict=True))
        ctx.save_for_backward(*inputs[:8], gates, tanh_c, h_prevs, c_prevs)
        ctx.sizes, ctx.reverse = sizes, reverse
        return hs, h, c

    @staticmethod
    def backward(ctx: Any, dhs: Tensor, dh: Tensor, dc: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        """Backpropagation through time."""
        x, _, _, W_ih, W_hh, b_ih, _, W_hr, gates, tanh_c, h_prev, c_prev = ctx.saved_tensors
        if torch.is_grad_enabled():
            return (*_gradients_of_run(ctx, dhs, dh, dc), None, None)
        i, f, g, o = gates.chunk(4, dim=1)
        m = o * tanh_c
        dc_dh = torch.addcmul(o, m, tanh_c, value=-1)
        dz = torch.addcmul(gates, gates, gates, value=-1)  # the slopes s (1 - s) of the sigmoids
        dz_i, dz_f, dz_g, dz_o = dz.chunk(4, dim=1)
        torch.addcmul(dz.new_ones(1), g, g, value=-1, out=dz_g)
        for factor, other in zip((dz_i, dz_f, dz_g, dz_o), (g, c_prev, i, tanh_c), strict=True):
            factor *= other  # to be multiplied by the gradient of c, the last one of h
        B, H = dc.shape
        dh_total, dh, dc = torch.empty_like(dhs), dh.clone(), dc.clone()
        rows = dh, dc, dc.unsqueeze(1)  # the last for three gates at once
        by_gate = dz.view(len(x), 4, H)
        arrays = (dz, by_gate[:, :3], dz_o, dc_dh, f, dhs, dh_total)
        for n, z, ifg, o_t, to_c, f_t, dh_out, total in _steps(ctx.sizes, not ctx.reverse, *arrays):
            dh_t, dc_t, dc_3 = rows if n == B else (dh[:n], dc[:n], dc[:n].unsqueeze(1))
            dm = torch.add(dh_t, dh_out, out=total)
            if W_hr is not None:
                dm = dm @ W_hr
            dc_t.addcmul_(dm, to_c)
            o_t.mul_(dm), ifg.mul_(dc_3), dc_t.mul_(f_t)
            torch.mm(z, W_hh, out=dh_t)
        dx = dz @ W_ih if ctx.needs_input_grad[0] else None
        db = None if b_ih is None else dz.sum(0)
        dW_hr = None if W_hr is None else dh_total.T @ m
        return dx, dh, dc, dz.T @ x, dz.T @ h_prev, db, db, dW_hr, None, None


def _gradients_of_run(ctx: Any, *grads: Tensor) -> list[Tensor | None]:
    """Return gradients of Recurrence's tensors which autograd can differentiate again."""
    with torch.enable_grad():
        # Views, lest one tensor in two places (both states, say) be given the sum of its gradients.
        inputs: list[Any] = [t if t is None else t.view_as(t) for t in ctx.saved_tensors[:8]]
        x, h, c, *weights = inputs
        outputs = run(x, h, c, Weights(*weights), ctx.sizes, ctx.reverse)
        wanted = [k for k, t in enumerate(inputs) if t is not None and t.requires_grad]
        found = torch.autograd.grad(
            outputs, [inputs[k] for k in wanted], grads, create_graph=True, allow_unused=True
        )
    by_place = dict(zip(wanted, found, strict=True))
    return [by_place.get(k) for k in range(8)]


def _in_order(steps: Any, reverse: bool) -> list:
    return list(steps)[::-1] if reverse else list(steps)


def _steps(sizes: Sequence[int], reverse: bool, *tensors: Tensor) -> Any:
    """Cut tensors (N, ·) into steps, each of them after its size."""
    cut = (_in_order(t.split(list(sizes)), reverse) for t in tensors)
    return zip(_in_order(sizes, reverse), *cut, strict=True)


def _first(states: Tensor, n: int) -> Tensor:
    """Return the states of the sequences that run at a step: of the first ones."""
    return states if len(states) == n else states[:n]


def _and_rest(states: Tensor, before: Tensor) -> Tensor:
    """Return new states, and as they were before those of sequences that do not run."""
    return states if len(states) == len(before) else torch.cat([states, before[len(states) :]])


def _is_eager() -> bool:
    """Return whether operations are run and recorded, and nothing else is done with them.

    The transforms of `torch.func`, forward-mode derivatives, autocast, tracing and the compiler
    have to see every operation.
    """
    return not (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
        or torch._C._is_any_autocast_enabled()
    )


class _NumpyLayer(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        x, h0, c0, W_ih, W_hh, b_ih, b_hh = (t.detach().numpy() for t in tensors)
        hs, (h_T, c_T), ctx.tape = lstm.forward(x, h0, c0, W_ih, W_hh, b_ih + b_hh)
        return torch.from_numpy(hs), torch.from_numpy(h_T), torch.from_numpy(c_T)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        if torch.is_grad_enabled():
            raise RuntimeError(
                "numpy_layer: expected create_graph=False, for its gradients are not differentiable"
            )
        dhs, dh_T, dc_T = (t.numpy() for t in grads)
        *others, db = map(torch.from_numpy, lstm.backward(dhs, ctx.tape, dh_T, dc_T))
        return (*others, db, db.clone())


def numpy_layer(
    x: Tensor, h0: Tensor, c0: Tensor, W_ih: Tensor, W_hh: Tensor, b_ih: Tensor, b_hh: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Run one layer in NumPy, by `lstm.forward` and `lstm.backward`, as a part of PyTorch's graph.

    Tensors and arrays share their memory. Gradients cannot be differentiated again.

    Parameters
    ----------
    x : tensor (T, B, D)
    h0, c0 : tensors (B, H)
    W_ih, W_hh, b_ih, b_hh : tensors (4H, D), (4H, H), (4H,), (4H,)
        On the CPU and in float32 or float64, like all the others.

    Returns
    -------
    hs : tensor (T, B, H)
    h_T, c_T : tensors (B, H)

    Raises
    ------
    TypeError, ValueError
        As `lstm.forward`; TypeError also for tensors on another device.
    RuntimeError
        When the backward pass is asked for a graph of its own.
    """
    return _NumpyLayer.apply(x, h0, c0, W_ih, W_hh, b_ih, b_hh)


class LSTMCell(nn.Module):
    """One step of an LSTM: arguments, parameters, results and errors of `torch.nn.LSTMCell`.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool
    device, dtype
        Of the parameters.

    Examples
    --------
    >>> cell = LSTMCell(3, 4)
    >>> h, c = cell(torch.zeros(2, 3))  # or cell(x, (h, c))
    >>> h.shape, c.shape
    (torch.Size([2, 4]), torch.Size([2, 4]))
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        shapes = _shapes(input_size, hidden_size, bool(bias), 0)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            self.register_parameter(name, _parameter(shapes.get(name), device, dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters, uniform in ±1/√H."""
        _draw(self, self.hidden_size)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when the cell is printed."""
        return _describe(self, bias=True)

    def forward(self, input: Tensor, hx: States | None = None) -> States:
        """Advance both states, by default zeros, by one step.

        Parameters
        ----------
        input : tensor (B, D) or (D,)
        hx : (h, c), tensors (B, H) or (H,), or None

        Returns
        -------
        h, c : tensors (B, H) or (H,)

        Raises
        ------
        ValueError
            For a wrong rank.
        RuntimeError
            For a wrong size or type.
        """
        for name, value in [("input", input), *((f"hx[{k}]", v) for k, v in enumerate(hx or ()))]:
            if value.dim() not in (1, 2):
                raise ValueError(
                    f"LSTMCell: Expected {name} to be 1D or 2D, got {value.dim()}D instead"
                )
        batched = input.dim() == 2
        x = input if batched else input.unsqueeze(0)
        if hx is None:
            hx = (x.new_zeros(len(x), self.hidden_size),) * 2
        elif not batched:
            hx = tuple(state.unsqueeze(0) for state in hx)  # type: ignore[assignment]
        _nn_checks.cell_arguments(self, x, hx)
        h, c = step(F.linear(x, self.weight_ih, self.bias_ih), *hx, self.weight_hh, self.bias_hh)
        return (h, c) if batched else (h.squeeze(0), c.squeeze(0))


class LSTM(nn.Module):
    """A stack of LSTM layers: arguments, parameters, results and errors of `torch.nn.LSTM`.

    Parameters
    ----------
    input_size, hidden_size : int
    num_layers : int
    bias : bool
    batch_first : bool
        Batched input and output are (B, T, ·), not (T, B, ·).
    dropout : float
        Of the outputs of every layer but the last, while training.
    bidirectional : bool
    proj_size : int
        P, the size that h is projected to; 0 leaves it at H.
    device, dtype
        Of the parameters.

    Raises
    ------
    TypeError, ValueError
        For a wrong argument.

    Examples
    --------
    >>> layer = LSTM(3, 4, num_layers=2)
    >>> output, (h_n, c_n) = layer(torch.zeros(5, 2, 3))
    >>> output.shape, h_n.shape
    (torch.Size([5, 2, 4]), torch.Size([2, 2, 4]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        _nn_checks.options(self, dropout)
        below = input_size
        for suffixes in self._suffixes():
            for suffix in suffixes:
                for name, shape in _shapes(below, hidden_size, bias, proj_size).items():
                    self.register_parameter(name + suffix, _parameter(shape, device, dtype))
            below = len(suffixes) * (proj_size or hidden_size)
        self.reset_parameters()

    def _suffixes(self) -> list[list[str]]:
        """Return the ends of parameters' names, layer by layer, a direction each."""
        directions = ["", "_reverse"] if self.bidirectional else [""]
        return [[f"_l{k}{direction}" for direction in directions] for k in range(self.num_layers)]

    def reset_parameters(self) -> None:
        """Draw all parameters, uniform in ±1/√H."""
        _draw(self, self.hidden_size)

    def flatten_parameters(self) -> None:
        """Do nothing: only cuDNN wants parameters side by side."""

    @property
    def all_weights(self) -> list[list[nn.Parameter]]:
        """The parameters of each direction of each layer."""
        names = _shapes(self.input_size, self.hidden_size, self.bias, self.proj_size)
        suffixes = [suffix for layer in self._suffixes() for suffix in layer]
        return [[getattr(self, name + suffix) for name in names] for suffix in suffixes]

    def extra_repr(self) -> str:
        """Return what stands between the brackets when the module is printed."""
        defaults = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False}
        return _describe(self, **defaults, dropout=0, bidirectional=False)

    def forward(
        self, input: Tensor | PackedSequence, hx: States | None = None
    ) -> tuple[Any, States]:
        """Run the stack over a batch of sequences.

        Parameters
        ----------
        input : tensor (T, B, D), (B, T, D) if `batch_first`, or (T, D); or PackedSequence
        hx : (h_0, c_0) or None
            Tensors (L, B, P) and (L, B, H), or without B for input without it; L counts the
            directions of all layers. None is zeros.

        Returns
        -------
        output : as `input`
            The last layer's h after every step, both directions side by side.
        (h_n, c_n) : tensors as `hx`
            The states in which each direction of each layer ends.

        Raises
        ------
        TypeError, ValueError, RuntimeError
            Where `torch.nn.LSTM` raises the same.
        """
        if isinstance(input, PackedSequence):
            x, sizes, order, back = input
            hs, states = self._run_stack(
                x, self._states(x, hx, int(sizes[0]), order), sizes.tolist()
            )
            return PackedSequence(hs, sizes, order, back), _permute(states, back)
        if input.dim() not in (2, 3):
            raise ValueError(f"LSTM: Expected input to be 2D or 3D, got {input.dim()}D instead")
        batched = input.dim() == 3
        batch_first = self.batch_first and batched
        x = input.transpose(0, 1) if batch_first else input if batched else input.unsqueeze(1)
        if hx is not None:
            hx = _nn_checks.batched_states(hx, batched)
        _nn_checks.input_tensor(self, x)
        T, B, D = x.shape
        hs, (h, c) = self._run_stack(x.reshape(T * B, D), self._states(x, hx, B, None), [B] * T)
        hs = hs.view(T, B, hs.shape[1])
        if not batched:
            return hs.squeeze(1), (h.squeeze(1), c.squeeze(1))
        return hs.transpose(0, 1) if batch_first else hs, (h, c)

    def _states(self, x: Tensor, hx: States | None, B: int, order: Tensor | None) -> States:
        """Return the first states, in the order of `x`."""
        L = self.num_layers * (2 if self.bidirectional else 1)
        shapes = [(L, B, self.proj_size or self.hidden_size), (L, B, self.hidden_size)]
        if hx is None:
            return x.new_zeros(shapes[0]), x.new_zeros(shapes[1])
        _nn_checks.states(hx, shapes)
        return _permute(hx, order)

    def _run_stack(self, x: Tensor, hx: States, sizes: list[int]) -> tuple[Tensor, States]:
        """Run layer upon layer."""
        if not sizes:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        x, h, c = _cast(x, *hx)
        firsts, ends = zip(h, c, strict=True), []
        for k, suffixes in enumerate(self._suffixes()):
            if k:
                x = F.dropout(x, self.dropout, self.training)
            runs = [self._run_direction(x, *next(firsts), suffix, sizes) for suffix in suffixes]
            x = torch.cat([hs for hs, _, _ in runs], dim=1) if len(runs) == 2 else runs[0][0]
            ends += [(h, c) for _, h, c in runs]
        h_n, c_n = (torch.stack(states) for states in zip(*ends, strict=True))
        return x, (h_n, c_n)

    def _run_direction(
        self, x: Tensor, h: Tensor, c: Tensor, suffix: str, sizes: list[int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        parameters: list[Any] = [getattr(self, name + suffix, None) for name in names]
        weights = Weights(*parameters)
        reverse = suffix.endswith("_reverse")
        if _is_eager():
            return Recurrence.apply(x, h, c, *weights, sizes, reverse)
        return run(x, h, c, weights, sizes, reverse)


def _shapes(D: int, H: int, bias: bool, P: int) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of one layer's parameters in one direction."""
    shapes: dict[str, tuple[int, ...]] = {"weight_ih": (4 * H, D), "weight_hh": (4 * H, P or H)}
    if bias:
        shapes |= {"bias_ih": (4 * H,), "bias_hh": (4 * H,)}
    if P:
        shapes["weight_hr"] = (P, H)
    return shapes


def _parameter(shape: tuple[int, ...] | None, device: Any, dtype: Any) -> nn.Parameter | None:
    return None if shape is None else nn.Parameter(torch.empty(shape, device=device, dtype=dtype))


def _draw(module: nn.Module, H: int) -> None:
    bound = 1 / math.sqrt(H) if H else 0
    for parameter in module.parameters():
        nn.init.uniform_(parameter, -bound, bound)


def _describe(module: Any, **defaults: Any) -> str:
    """Return the sizes and whatever differs from its default."""
    named = {name: getattr(module, name) for name in defaults}
    options = [f"{name}={value}" for name, value in named.items() if value != defaults[name]]
    return ", ".join([str(module.input_size), str(module.hidden_size), *options])


def _permute(states: States, order: Tensor | None) -> States:
    if order is None:
        return states
    return states[0].index_select(1, order), states[1].index_select(1, order)


def _cast(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return tensors in autocast's type where it is on: its rules know nothing of this module."""
    kind = tensors[0].device.type
    if not (torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)):
        return tensors
    dtype = torch.get_autocast_dtype(kind)
    return tuple(t.to(dtype) if t.is_floating_point() else t for t in tensors)
