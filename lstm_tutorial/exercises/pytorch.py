"""Exercises of the chapter on the LSTM in PyTorch."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lstm_tutorial.exercises import _recurrent
from lstm_tutorial.exercises._edits import by_edits, listed
from lstm_tutorial.exercises._kind import as_tensor, draw
from lstm_tutorial.exercises._reading import Finding, Trouble, named

HALVES = {"forward": "B H", "backward": "B H"}


def in_halves(returned: Any) -> Any:
    """Return the halves of (B, 2H): what the forward and the backward direction gave."""
    whole = returned if hasattr(returned, "shape") else np.array(returned)
    if len(whole.shape) != 2 or whole.shape[1] % 2:
        says = f"Expected one tensor of shape (B, 2H), got one of shape {tuple(whole.shape)}."
        raise Trouble(Finding("wrong shape", says))
    return whole[:, : whole.shape[1] // 2], whole[:, whole.shape[1] // 2 :]


_SIZES = [(6, 2, 4), (5, 3, 2), (4, 4, 4), (1, 3, 2), (5, 1, 3), (4, 2, 1), (1, 1, 1)]

SUMMARY = by_edits(
    "summary(out) -> tensor (B, 2H), each direction after it has read all of (T, B, 2H)",
    HALVES,
    [draw(320 + T, {"out": "T B 2H"}, T=T, B=B, H=H) for T, B, H in _SIZES],
    """
    H = out.shape[2] // 2
    forward = out[-1, :, :H]
    backward = out[0, :, H:]
    return np.concatenate([forward, backward], axis=1)
    """,
    listed("""
    out[-1]: out[0, -> out[-1, | The backward half has read one step only at the end of out.
    out[0]: out[-1, -> out[0, | The forward half has read one step only at the start of out.
    each at the other's end: out[-1, :, -> out[0, :, && out[0, :, H -> out[-1, :, H |
        Each half is taken where it has read one step only.
    halves exchanged: [forward, backward] -> [backward, forward] |
        The right two halves stand in the wrong order.
    largest over time: out.max(axis=0) | The largest over time is taken.
    mean over time: out.mean(axis=0) | The mean over time is taken.
    units taken in turn: -1, :, :H] -> -1, :, ::2] && 0, :, H:] -> 0, :, 1::2] |
        Every other unit is taken. The first half of the units is the forward direction's.
    forward half twice: 0, :, H:] -> 0, :, :H] | Both halves are of the forward direction.
    """),
    "pytorch",
    prepare=as_tensor,
    flat=in_halves,
)


def _slopes(step: Callable[..., Any], arguments: Sequence[Any]) -> list[Any]:
    """Return the gradients of a weighted sum of both outputs, zero where none comes."""
    import torch  # most kinds need NumPy alone

    leaves = [a.clone().requires_grad_() for a in arguments]
    h, c = step(*leaves)
    total = (h + 2 * c).sum()
    if not total.requires_grad:
        return [torch.zeros_like(a) for a in leaves]
    found = torch.autograd.grad(total, leaves, allow_unused=True)
    return [torch.zeros_like(a) if g is None else g for g, a in zip(found, leaves, strict=True)]


def attached(right: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    """Return how to ask a step: where tensors with the right numbers come, gradients must, too."""

    def ask(fn: Callable[..., Any], *arguments: Any) -> Any:
        returned = fn(*arguments)
        wanted = right(*arguments)
        pairs = zip(returned, wanted, strict=False) if isinstance(returned, tuple) else ()
        alike = [type(a) is type(b) and a.shape == b.shape for a, b in pairs]
        if alike != [True, True] or not all(
            (a - b).abs().max() < 1e-5 for a, b in zip(returned, wanted, strict=True)
        ):
            return returned
        both = zip(names, _slopes(fn, arguments), _slopes(right, arguments), strict=True)
        cut = tuple(name for name, a, b in both if (a - b).abs().max() > 1e-3 * b.abs().max())
        if cut:
            says = f"The numbers are right, and the gradient that reaches {named(cut)} is not: "
            says += "the graph is cut, as by detach, .data, .item() or a new tensor."
            raise Trouble(Finding("the graph is cut", says, cut, "pytorch"))
        return returned

    return ask


def cell(i: Any, f: Any, g: Any, o: Any, c: Any) -> tuple[Any, Any]:
    """Return h and c from gates, the candidate's pre-activation and the old c, all tensors."""
    c = f * c + i * g.tanh()
    return o * c.tanh(), c


def _from_z(z: Any, c: Any) -> tuple[Any, Any]:
    i, f, g, o = z.chunk(4, dim=1)
    return cell(i.sigmoid(), f.sigmoid(), g, o.sigmoid(), c)


def in_numpy(step: Callable[..., Any]) -> Callable[..., Any]:
    """Return the step of tensors as one of arrays."""
    return lambda *arguments: tuple(a.numpy() for a in step(*map(as_tensor, arguments)))


CELL = _recurrent.stepping(
    "torch.cell",
    "step(z, c) -> (h, c), from the pre-activations (B, 4H) and the cell state (B, H)",
    in_numpy(_from_z),
    "z c -> h c",
    prepare=as_tensor,
    ask=attached(_from_z, "zc"),
)


def _peephole(z: Any, c: Any, p_i: Any, p_f: Any, p_o: Any) -> tuple[Any, Any]:
    i, f, g, o = z.chunk(4, dim=1)
    new = cell((i + p_i * c).sigmoid(), (f + p_f * c).sigmoid(), g, o, c)[1]
    return (o + p_o * new).sigmoid() * new.tanh(), new


PEEPHOLE = by_edits(
    "step(z, c, p_i, p_f, p_o) -> (h, c), from the pre-activations (B, 4H) before the peepholes",
    {"h": "B H", "c": "B H"},
    [
        draw(350 + k, {"z": "B 4H", "c": "B H", "p_i": "H", "p_f": "H", "p_o": "H"}, 1.2, B=B, H=H)
        for k, (B, H) in enumerate([(3, 4), (2, 5), (4, 4), (1, 3), (3, 1), (1, 1)])
    ],
    """
    z_i, z_f, z_g, z_o = np.split(z, 4, axis=1)
    i = 1 / (1 + np.exp(-(z_i + p_i * c)))
    f = 1 / (1 + np.exp(-(z_f + p_f * c)))
    new = f * c + i * np.tanh(z_g)
    o = 1 / (1 + np.exp(-(z_o + p_o * new)))
    return o * np.tanh(new), new
    """,
    listed("""
    o sees the old cell state: p_o * new -> p_o * c | o sees the new cell state.
    o sees tanh of the cell state: p_o * new -> p_o * np.tanh(new) | o sees c itself.
    no peephole of i: z_i + p_i * c -> z_i | i does not see the cell state.
    no peephole of f: z_f + p_f * c -> z_f | f does not see the cell state.
    no peephole of o: z_o + p_o * new -> z_o | o does not see the cell state.
    no peepholes: z_i + p_i * c -> z_i && z_f + p_f * c -> z_f && z_o + p_o * new -> z_o |
        No gate sees the cell state.
    p_i and p_f exchanged: p_i -> p_f && z_f + p_f -> z_f + p_i | i takes the weights of f.
    p_f and p_o exchanged: p_f -> p_o && z_o + p_o -> z_o + p_f | f takes the weights of o.
    peepholes behind the sigmoid of i: 1 / (1 + np.exp(-(z_i + p_i * c))) -> 1 / (1 +
        np.exp(-z_i)) + p_i * c | p_i * c is added after the sigmoid. It belongs inside.
    candidate sees the cell state: np.tanh(z_g) -> np.tanh(z_g + p_i * c) | Only gates do.
    gates in the order i, f, o, g: z_i, z_f, z_g, z_o -> z_i, z_f, z_o, z_g | z is i, f, g, o.
    tanh of the cell state missing: np.tanh(new), new -> new, new | h is o tanh(c).
    the old cell state returned: np.tanh(new), new -> np.tanh(new), c | c is to be the new one.
    """),
    "pytorch",
    prepare=as_tensor,
    ask=attached(_peephole, ["z", "c", "p_i", "p_f", "p_o"]),
)

KINDS = {"torch.cell": CELL, "torch.summary": SUMMARY, "torch.peephole": PEEPHOLE}
