"""What a `torch.nn.LSTM` costs: parameters, operations and bytes, in closed form.

`Account` takes the arguments of `torch.nn.LSTM` and works out the rest on paper; it needs no torch.
The two functions below it measure instead, on the machine at hand, and need it.

The bytes are those of PyTorch's own loop on a CPU, to the last one: float64, float16, packed input
and projections always take it, float32 and bfloat16 after
``torch.backends.mkldnn.enabled = False``. By default these two go through oneDNN, which keeps a
workspace of its own layout, padded to what the processor likes: `measured_activations` counts that
too, no formula here predicts it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lstm_tutorial import _check, _install

if TYPE_CHECKING:
    import torch

Array = np.ndarray

ITEMSIZE = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}
OPTIMIZERS = ("sgd", "momentum", "adam")
LOG = "KINETO_LOG_LEVEL"


class Flops(NamedTuple):
    """Floating-point operations; a product of n terms counts n products and n sums.

    Attributes
    ----------
    forward : int
        In the matrix products of a forward pass.
    backward : int
        In those of a backward pass that gives all gradients, those of `x` and of the first states
        included: twice as many.
    elementwise : int
        In all else that a forward pass does, each sigmoid and tanh counted as one.
    """

    forward: int
    backward: int
    elementwise: int


class Memory(NamedTuple):
    """Bytes that stay; what a pass needs for a moment only comes on top.

    Attributes
    ----------
    weights : int
    gradients : int
        Of the weights.
    optimizer : int
        What the optimiser remembers between updates.
    activations : int
        What the forward pass saves for the backward pass, beyond weights and inputs.
    outputs : int
        The states of the last layer at all steps, and both last states of every layer.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    outputs: int

    @property
    def training(self) -> int:
        """Return the bytes alive between a forward pass and its backward pass."""
        return sum(self)

    @property
    def inference(self) -> int:
        """Return the bytes alive after a forward pass under ``torch.no_grad()``."""
        return self.weights + self.outputs


@dataclass(frozen=True)
class Account:
    """The costs of the LSTM that `torch.nn.LSTM` makes of the same arguments.

    Parameters
    ----------
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size
        As for `torch.nn.LSTM`; `dropout` below 1. It is taken to be on, as in training.
    dtype : str or torch.dtype
        float64, float32, bfloat16 or float16, of weights and data alike.

    Raises
    ------
    TypeError, ValueError
        For an argument that `torch.nn.LSTM` would not take, or an unknown `dtype`.

    Examples
    --------
    >>> account = Account(64, 128)
    >>> account.parameters
    99328
    >>> account.memory(T=100, B=32).activations
    11468800
    """

    input_size: int
    hidden_size: int
    num_layers: int = 1
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False
    proj_size: int = 0
    dtype: "str | torch.dtype" = "float32"

    def __post_init__(self) -> None:
        for name in ("input_size", "hidden_size", "num_layers"):
            _check.positive_int(name, getattr(self, name))
        for name in ("bias", "batch_first", "bidirectional"):
            _check.flag(name, getattr(self, name))
        if not 0 <= _check.finite_float("dropout", self.dropout) < 1:
            raise ValueError(f"dropout: expected 0 or more and below 1, got {self.dropout}")
        if self.proj_size != 0 and _check.positive_int("proj_size", self.proj_size) >= (
            self.hidden_size
        ):
            raise ValueError(
                f"proj_size: expected less than hidden_size={self.hidden_size}, "
                f"got {self.proj_size}"
            )
        _check.choice("dtype", self._dtype_name, tuple(ITEMSIZE))

    @property
    def parameters(self) -> int:
        """Return the number of weights and biases."""
        H, R = self.hidden_size, self._state_size
        per_unit = R + 2 * self.bias  # PyTorch keeps two biases, which it adds
        projection = self.proj_size * H
        return sum(4 * H * (D + per_unit) + projection for D in self._input_sizes())

    @property
    def parameter_tensors(self) -> int:
        """Return in how many arrays the parameters lie."""
        return self._runs * (2 + 2 * self.bias + (self.proj_size > 0))

    def flops(self, T: int, B: int, lengths: Array | None = None) -> Flops:
        """Return the operations of one pass over a batch.

        Parameters
        ----------
        T, B : int
            Steps and sequences.
        lengths : int array (B,) or None
            The length of each sequence, 1 to T, when the batch is packed; None for T.

        Raises
        ------
        TypeError, ValueError
            For a size below 1, or lengths out of range.
        """
        N, H, R = sum(_batch_sizes(T, B, lengths)), self.hidden_size, self._state_size
        projection = 2 * self.proj_size * H
        forward = N * sum(2 * 4 * H * (D + R) + projection for D in self._input_sizes())
        # Per unit: 4 sums of two products, 8 biases, 5 squashings, c = f c + i g, h = o tanh(c).
        per_unit = 4 + 8 * self.bias + 5 + 3 + 1
        return Flops(forward, 2 * forward, N * per_unit * H * self._runs)

    def memory(
        self,
        T: int,
        B: int,
        lengths: Array | None = None,
        optimizer: str = "adam",
        states: bool = False,
    ) -> Memory:
        """Return the bytes of a training step.

        Parameters
        ----------
        T, B : int
            Steps and sequences.
        lengths : int array (B,) or None
            The length of each sequence, 1 to T, when the batch is packed; None for T.
        optimizer : {"sgd", "momentum", "adam"}
            As `torch.optim` keeps their state; AdamW keeps what Adam keeps.
        states : bool
            Whether the caller hands in the first states. They are inputs then; otherwise
            `torch.nn.LSTM` makes zeros, and saves them.

        Raises
        ------
        TypeError, ValueError
            For a size below 1, lengths out of range or an unknown optimiser.
        """
        _check.choice("optimizer", optimizer, OPTIMIZERS)
        _check.flag("states", states)
        sizes = _batch_sizes(T, B, lengths)
        weights = self.parameters * self.itemsize
        # Adam also counts its updates, in a float32 for each array.
        state = {"sgd": 0, "momentum": weights, "adam": 2 * weights + 4 * self.parameter_tensors}
        saved = self._saved(sizes, states)
        if self.batch_first and lengths is None and T > 1 and B > 1:
            saved += T * B * self.input_size * self._directions  # each makes itself a copy
        R = self._state_size
        outputs = sum(sizes) * self._directions * R + self._runs * B * (R + self.hidden_size)
        return Memory(
            weights, weights, state[optimizer], saved * self.itemsize, outputs * self.itemsize
        )

    def tape(self, T: int, B: int) -> int:
        """Return the bytes that `lstm.forward` or `lstm.stack_forward` of this package records.

        Raises
        ------
        TypeError, ValueError
            For a size below 1, or an account of what `lstm` does not do: another dtype than
            float64 and float32, no bias, dropout, or a projection.
        """
        _check.positive_int("T", T)
        _check.positive_int("B", B)
        _check.choice("dtype", self._dtype_name, ("float64", "float32"))
        for name, want in (("bias", True), ("dropout", 0), ("proj_size", 0)):
            if getattr(self, name) != want:
                raise ValueError(
                    f"{name}: expected {want} for the NumPy LSTM, got {getattr(self, name)}"
                )
        H = self.hidden_size
        per_sequence = ((T + 1) * (D + 1 + H + 5 * H) + T * H for D in self._input_sizes())
        return self.itemsize * B * sum(per_sequence)

    @property
    def itemsize(self) -> int:
        """Return the bytes of one number."""
        return ITEMSIZE[self._dtype_name]

    @property
    def _dtype_name(self) -> str:
        return str(self.dtype).removeprefix("torch.")

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _runs(self) -> int:
        """The number of times a layer runs over the sequence, once for each direction."""
        return self._directions * self.num_layers

    @property
    def _state_size(self) -> int:
        """The size of h, which a projection makes smaller than c."""
        return self.proj_size or self.hidden_size

    def _input_sizes(self) -> Iterator[int]:
        """Give the size of what each direction of each layer reads."""
        for layer in range(self.num_layers):
            below = self._directions * self._state_size if layer else self.input_size
            yield from [below] * self._directions

    def _saved(self, sizes: list[int], states: bool) -> int:
        """Count the numbers that autograd holds on to, over all layers."""
        H, R = self.hidden_size, self._state_size
        own = 5 * H + (H if self.proj_size else 0)  # four gates, tanh(c) and, to be projected, h
        # h and c of the step before. Where a packed sequence ends, a part of them is read and all
        # is held; backward in time, where one begins, they are joined to a copy of as many rows.
        rows = sum(sizes[:-1]) + (0 if states else sizes[0])
        per_run = own * sum(sizes) + (R + H) * rows
        # Between layers: what the upper one reads and, where there is dropout, its mask.
        between = sum(sizes) * self._directions * R * (2 if self.dropout else 1)
        return self._runs * per_run + (self.num_layers - 1) * between


def _batch_sizes(T: int, B: int, lengths: Array | None) -> list[int]:
    """Return how many sequences still run at each step."""
    _check.positive_int("T", T)
    _check.positive_int("B", B)
    if lengths is None:
        return [B] * T
    lengths = _check.lengths("lengths", lengths, T, B)
    return [int((lengths > t).sum()) for t in range(int(lengths.max()))]


def measured_activations(module: "torch.nn.Module", *inputs: Any) -> int:
    """Count the bytes that autograd saves in a forward pass, beyond parameters and inputs.

    Parameters
    ----------
    module : torch.nn.Module
    *inputs : tensors, packed sequences, or tuples of them
        What `module` is called with.

    Returns
    -------
    int
        Each storage is counted once and in full, however many saved tensors are parts of it.

    Raises
    ------
    TypeError
        For what is no network.
    """
    import torch  # the formulas above need none

    _check.instance("module", module, torch.nn.Module, "a torch.nn.Module")
    saved = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        saved[storage.data_ptr()] = storage  # holding it keeps its address from being used again
        return tensor

    known = [*module.parameters(), *module.buffers(), *_tensors(inputs)]
    own = {tensor.untyped_storage().data_ptr() for tensor in known}
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        module(*inputs)
    return sum(storage.nbytes() for address, storage in saved.items() if address not in own)


def _tensors(values: Any) -> "Iterator[torch.Tensor]":
    """Give all tensors in nested tuples; a packed sequence is one of them."""
    if isinstance(values, tuple | list):
        for value in values:
            yield from _tensors(value)
    elif values is not None:
        yield values


class Allocated(NamedTuple):
    """Bytes that PyTorch asked for on the CPU, beyond those before.

    Attributes
    ----------
    peak : int
        The most at any moment.
    left : int
        Still there at the end.
    """

    peak: int
    left: int


@_install.advised("measured_memory")
def measured_memory(function: Callable[..., Any], *args: Any) -> Allocated:
    """Call `function` and count the bytes that PyTorch's allocator hands out and takes back.

    Parameters
    ----------
    function : callable
        What it returns is alive when `left` is counted.
    *args
        What `function` is called with.

    Returns
    -------
    Allocated
        Memory that was there before must not be freed meanwhile: it would count as given back.

    Raises
    ------
    TypeError
        For what is no function.
    """
    _check.function("function", function)
    from torch.profiler import ProfilerActivity, profile  # the formulas above need no PyTorch

    with _quiet(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        kept = function(*args)
    recorded: Any = profiler.profiler
    events = [e for e in recorded.kineto_results.events() if e.name() == "[memory]"]
    events.sort(key=lambda event: event.start_ns())
    del kept
    alive = np.cumsum([0, *(event.nbytes() for event in events)])
    return Allocated(int(alive.max()), int(alive[-1]))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the profiler from writing a log on standard error; it asks when it is first used."""
    before = os.environ.get(LOG)
    os.environ.setdefault(LOG, "99")
    try:
        yield
    finally:
        if before is None:
            del os.environ[LOG]
