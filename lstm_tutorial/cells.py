"""The LSTM from scratch in PyTorch, a drop-in for `torch.nn.LSTMCell` and `torch.nn.LSTM`.

`step` holds the equations and `run` loops over them; autograd does the rest. `Recurrence` computes
the same with a derived backward pass, which is faster, and `LSTM` takes it wherever it can.
`numpy_layer` puts the package's NumPy engine behind autograd.

A batch of sequences is one tensor with a row for each step of each sequence, step by step, as in a
`PackedSequence`: `sizes` tells how many sequences are still running at each step, and never grows.
Gates are in PyTorch's order i, f, g, o.

The module is long because it holds one layer whole: its equations, the two ways to run them, which
have the same bits, and what `torch.nn` expects of a module around them.
"""

import copy
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from lstm_tutorial import lstm

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
        if _is_autocast(dhs):  # it was off on the way forward
            with torch.autocast(dhs.device.type, enabled=False):
                return Recurrence.backward(ctx, dhs, dh, dc)
        saved = ctx.saved_tensors  # once: torch.utils.checkpoint lets each be taken a single time
        batched = torch._C._functorch.is_legacy_batchedtensor(dhs)  # by is_grads_batched=True
        if torch.is_grad_enabled() or batched or not _is_eager():
            return (*_gradients_of_run(ctx, saved[:8], dhs, dh, dc), None, None)
        x, _, _, W_ih, W_hh, b_ih, _, W_hr, gates, tanh_c, h_prev, c_prev = saved
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


def _gradients_of_run(ctx: Any, tensors: Sequence[Any], *grads: Tensor) -> list[Tensor | None]:
    """Return gradients of Recurrence's tensors which autograd can differentiate again."""
    with torch.enable_grad():
        # Views, lest one tensor in two places (both states, say) be given the sum of its gradients.
        inputs: list[Any] = [t if t is None else t.view_as(t) for t in tensors]
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

    The transforms of `torch.func`, forward-mode derivatives, autocast, dispatch modes, tracing and
    the compiler have to see every operation.
    """
    return not (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch._C._are_functorch_transforms_active()
        or torch._C._len_torch_dispatch_stack() > 0
        or forward_ad._current_level >= 0
        or torch._C._is_any_autocast_enabled()
    )


def _is_made_into_a_graph() -> bool:
    """Return whether operations become a graph that leaves Python.

    In such a graph a loop has as many steps as the example had. PyTorch's operator has none.
    """
    return torch.jit.is_tracing() or torch.compiler.is_exporting()


def _leaf(module: nn.Module, x: torch.fx.Proxy, hx: Any) -> Any:
    """Enter a module into a graph of torch.fx as one call, as all modules of `torch.nn` are."""
    tracer: Any = x.tracer
    return tracer.create_proxy("call_module", tracer.path_of_module(module), (x, hx), {})


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
        When the backward pass is asked for a graph of its own, and while operations are recorded
        for later: what NumPy computes would be a constant there.
    """
    if torch.jit.is_tracing() or torch._C._len_torch_dispatch_stack() > 0:
        raise RuntimeError("numpy_layer: expected to be run, got traced: NumPy leaves no trace")
    return _NumpyLayer.apply(x, h0, c0, W_ih, W_hh, b_ih, b_hh)


class LSTMCell(nn.LSTMCell):
    """One step of an LSTM: a `torch.nn.LSTMCell` that computes by `step`.

    Arguments, parameters and errors are those of `torch.nn.LSTMCell`; so are traced, exported and
    scripted graphs, which hold PyTorch's own operator.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool
    device, dtype
        Of the parameters.

    See Also
    --------
    LSTM : the same over sequences, in layers.
    to_nn : the same as a plain `torch.nn.LSTMCell`.

    Examples
    --------
    >>> cell = LSTMCell(3, 4)
    >>> h, c = cell(torch.zeros(2, 3))  # or cell(x, (h, c))
    >>> h.shape, c.shape
    (torch.Size([2, 4]), torch.Size([2, 4]))
    """

    def __prepare_scriptable__(self) -> nn.Module:
        return to_nn(self)

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
        TypeError
            If `hx` is no tuple.
        RuntimeError
            For a wrong size or type.
        """
        if isinstance(input, torch.fx.Proxy) and input.tracer.root is not self:
            return _leaf(self, input, hx)
        if _is_made_into_a_graph():
            return super().forward(input, hx)
        _check_cell_ranks(input, () if hx is None else hx)
        batched = input.dim() == 2
        x = input if batched else input.unsqueeze(0)
        if hx is None:
            hx = (x.new_zeros(len(x), self.hidden_size),) * 2
        else:
            _check_pair("lstm_cell", hx)
            hx = hx if batched else (hx[0].unsqueeze(0), hx[1].unsqueeze(0))
        _check_cell_sizes(self, x, hx)
        h, c = step(F.linear(x, self.weight_ih, self.bias_ih), *hx, self.weight_hh, self.bias_hh)
        return (h, c) if batched else (h.squeeze(0), c.squeeze(0))


class LSTM(nn.RNNBase):
    """A stack of LSTM layers: a `torch.nn.RNNBase` that computes by `Recurrence` or `run`.

    Arguments, parameters and errors are those of `torch.nn.LSTM`; so are traced, exported and
    scripted graphs, which hold PyTorch's own operator.

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

    See Also
    --------
    is_lstm : use it instead of ``isinstance(module, nn.LSTM)``, which is False here.
    to_nn : the same as a plain `torch.nn.LSTM`, for `quantize_dynamic` and whatever else asks for
        that very class and leaves other modules as they are.

    Notes
    -----
    ``isinstance(module, nn.RNNBase)`` is True. It is no `nn.LSTM`, because `torch.compile` does not
    look into one (PyTorch 2.13): it takes this layer in one graph.

    Examples
    --------
    >>> layer = LSTM(3, 4, num_layers=2)
    >>> output, (h_n, c_n) = layer(torch.zeros(5, 2, 3))
    >>> output.shape, h_n.shape
    (torch.Size([5, 2, 4]), torch.Size([2, 2, 4]))
    """

    # What nn.LSTM adds to nn.RNNBase, but for `forward`.
    get_expected_cell_size: Any = nn.LSTM.get_expected_cell_size
    check_forward_args: Any = nn.LSTM.check_forward_args
    permute_hidden: Any = nn.LSTM.permute_hidden

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
        given: dict[str, Any] = {
            "input_size": input_size,
            "hidden_size": hidden_size,
            "num_layers": num_layers,
            "bias": bias,
            "batch_first": batch_first,
            "dropout": dropout,
            "bidirectional": bidirectional,
            "proj_size": proj_size,
        }
        try:
            super().__init__("LSTM", **given, device=device, dtype=dtype)
        except ValueError as error:  # it names the argument, but not its value
            name = str(error).partition(" ")[0]
            if name in given:
                raise ValueError(f"{error}, got {given[name]!r}") from None
            raise

    def __prepare_scriptable__(self) -> nn.Module:
        return to_nn(self)

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
        if isinstance(input, torch.fx.Proxy) and input.tracer.root is not self:
            return _leaf(self, input, hx)
        if _is_made_into_a_graph():
            return self._forward_of_nn(input, hx)
        if isinstance(input, PackedSequence):
            x, sizes, order, back = input
            hx = self._packed_states(x, hx, sizes, order)
            hs, states = self._run_stack(x, hx, sizes.tolist())
            return PackedSequence(hs, sizes, order, back), self.permute_hidden(states, back)
        if input.dim() not in (2, 3):
            raise ValueError(f"LSTM: Expected input to be 2D or 3D, got {input.dim()}D instead")
        batched = input.dim() == 3
        x = input if batched else input.unsqueeze(0 if self.batch_first else 1)
        hx = self._states(x, hx, batched)
        if self.batch_first:
            x = x.transpose(0, 1)
        T, B, D = x.shape
        hs, (h, c) = self._run_stack(x.reshape(T * B, D), hx, [B] * T)
        hs = hs.view(T, B, hs.shape[1])
        if not batched:
            return hs.squeeze(1), (h.squeeze(1), c.squeeze(1))
        return hs.transpose(0, 1) if self.batch_first else hs, (h, c)

    def _forward_of_nn(self, input: Any, hx: States | None) -> tuple[Any, States]:
        before = self._flat_weights, self._flat_weight_refs
        try:
            return nn.LSTM.forward(self, input, hx)  # type: ignore[call-overload]
        finally:  # what it notes of the weights is put back, or else torch.export warns
            self._flat_weights, self._flat_weight_refs = before

    def _states(self, x: Tensor, hx: States | None, batched: bool) -> States:
        """Return the first states, with a batch axis."""
        if hx is None:
            hx = self._zeros(x, None)
        elif hx[0].dim() != 2 + batched or hx[1].dim() != 2 + batched:
            kind, rank = ("batched 3-D", 3) if batched else ("unbatched 2-D", 2)
            raise RuntimeError(
                f"For {kind} input, hx and cx should also be {rank}-D "
                f"but got ({hx[0].dim()}-D, {hx[1].dim()}-D) tensors"
            )
        elif not batched:
            hx = (hx[0].unsqueeze(1), hx[1].unsqueeze(1))
        self.check_forward_args(x, hx, None)
        _check_pair("lstm", hx)
        return hx

    def _shapes(self, x: Tensor, sizes: Tensor | None) -> tuple[tuple[int, int, int], ...]:
        return self.get_expected_hidden_size(x, sizes), self.get_expected_cell_size(x, sizes)

    def _zeros(self, x: Tensor, sizes: Tensor | None) -> States:
        h, c = self._shapes(x, sizes)
        return x.new_zeros(h), x.new_zeros(c)

    def _packed_states(
        self, x: Tensor, hx: States | None, sizes: Tensor, order: Tensor | None
    ) -> States:
        """Return the first states, in the order of the packed sequences."""
        if hx is None:
            return self._zeros(x, sizes)
        _check_pair("lstm", hx)
        for k, (state, shape) in enumerate(zip(hx, self._shapes(x, sizes), strict=True)):
            self.check_hidden_size(state, shape, f"Expected hidden[{k}] size {{}}, got {{}}")
        return self.permute_hidden(hx, order)

    def _run_stack(self, x: Tensor, hx: States, sizes: list[int]) -> tuple[Tensor, States]:
        """Run layer upon layer."""
        if not sizes:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        x, h, c = _cast(x, *hx)
        cells, ends = zip(h, c, self._weights(), strict=True), []
        for k in range(self.num_layers):
            if k:
                x = F.dropout(x, self.dropout, self.training)
            directions = (False, True) if self.bidirectional else (False,)
            runs = [_run(x, *next(cells), sizes, reverse) for reverse in directions]
            x = torch.cat([hs for hs, _, _ in runs], dim=1) if len(runs) == 2 else runs[0][0]
            ends += [(h, c) for _, h, c in runs]
        h_n, c_n = (torch.stack(states) for states in zip(*ends, strict=True))
        return x, (h_n, c_n)

    def _weights(self) -> list[Weights]:
        """Return the weights of each direction of each layer, as `torch.nn.LSTM` finds them."""
        flat: Any = self._flat_weights
        if self._weights_have_changed():
            # Asked for twice, as there: with each time a spectral norm goes on by one iteration.
            names = self._flat_weights_names
            flat = [getattr(self, name) if hasattr(self, name) else None for name in names]
        found, n = [], len(self._all_weights[0])
        for k in range(0, len(flat), n):
            W_ih, W_hh, *others = flat[k : k + n]
            b_ih, b_hh = others[:2] if self.bias else (None, None)
            W_hr = others[-1] if self.proj_size else None
            found.append(Weights(W_ih, W_hh, b_ih, b_hh, W_hr))
        return found


def is_lstm(module: nn.Module) -> bool:
    """Return whether a module is a `torch.nn.LSTM` or an `LSTM` of this module.

    Use it instead of ``isinstance(module, nn.LSTM)``, for instance where weights are initialised.

    Examples
    --------
    >>> is_lstm(LSTM(3, 4)), is_lstm(nn.LSTM(3, 4)), is_lstm(nn.GRU(3, 4))
    (True, True, False)
    """
    return isinstance(module, nn.LSTM | LSTM)


def to_nn(layer: nn.Module) -> nn.Module:
    """Return a layer or cell as a plain `torch.nn.LSTM` or `torch.nn.LSTMCell`.

    It shares parameters, hooks and mode with `layer`, whose part it can take in a model: for
    `quantize_dynamic`, which replaces that very class alone, or for cuDNN. `torch.jit.script`
    calls it by itself, and leaves what it returned in the model that was scripted.

    Parameters
    ----------
    layer : LSTM or LSTMCell

    Returns
    -------
    torch.nn.LSTM or torch.nn.LSTMCell

    Raises
    ------
    TypeError
        For any other class. A subclass may compute something else; and parametrized weights make
        one.

    Examples
    --------
    >>> to_nn(LSTM(3, 4))
    LSTM(3, 4)
    """
    kinds = {LSTM: nn.LSTM, LSTMCell: nn.LSTMCell}
    if type(layer) not in kinds:
        raise TypeError(f"layer: expected an LSTM or LSTMCell of cells, got {type(layer).__name__}")
    twin = copy.copy(layer)
    twin.__class__ = kinds[type(layer)]
    return twin


def _run(
    x: Tensor, h: Tensor, c: Tensor, weights: Weights, sizes: list[int], reverse: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Run one layer in one direction, with the derived backward pass where nothing forbids it."""
    if _is_eager():
        return Recurrence.apply(x, h, c, *weights, sizes, reverse)
    return run(x, h, c, weights, sizes, reverse)


def _check_pair(operator: str, hx: Any) -> None:
    if not isinstance(hx, tuple | list):
        raise TypeError(f"hx: expected a tuple of two tensors, got {type(hx).__name__}")
    if len(hx) != 2:
        raise RuntimeError(f"{operator} expects two hidden states")


def _check_cell_ranks(x: Tensor, hx: Iterable[Tensor]) -> None:
    for name, value in [("input", x), *((f"hx[{k}]", state) for k, state in enumerate(hx))]:
        if value.dim() not in (1, 2):
            raise ValueError(
                f"LSTMCell: Expected {name} to be 1D or 2D, got {value.dim()}D instead"
            )


def _check_cell_sizes(cell: nn.LSTMCell, x: Tensor, hx: States) -> None:
    """Raise what `torch.nn.LSTMCell` raises, for an input that has its batch axis."""
    if x.shape[1] != cell.input_size:
        raise RuntimeError(
            f"input has inconsistent input_size: got {x.shape[1]} expected {cell.input_size}"
        )
    for k, state in enumerate(hx):
        if len(state) != len(x):
            raise RuntimeError(
                f"Input batch size {len(x)} doesn't match hidden{k} batch size {len(state)}"
            )
        if state.shape[1] != cell.hidden_size:
            raise RuntimeError(
                f"hidden{k} has inconsistent hidden_size: got {state.shape[1]}, "
                f"expected {cell.hidden_size}"
            )


def _is_autocast(tensor: Tensor) -> bool:
    kind = tensor.device.type
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)


def _cast(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return tensors in autocast's type where it is on: its rules know nothing of this module."""
    if not _is_autocast(tensors[0]):
        return tensors
    dtype = torch.get_autocast_dtype(tensors[0].device.type)
    cast = (torch.float32, torch.float16, torch.bfloat16)  # but float64 stays
    return tuple(t.to(dtype) if t.dtype in cast else t for t in tensors)
