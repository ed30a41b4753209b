"""The LSTM with one thing changed at a time.

Every variant is a function of the four pre-activations and of the old cell state, written as its
equations stand, so that two of them can be laid side by side and the difference read; below it
stands the `Variant`, the cell that is made of it. What they share, ``z = W_ih x_t + W_hh h_{t-1} +
b`` in the order i, f, g, o, is computed outside them. Two have weights of their own beside these
and take them as arguments.

To add one, write its function, make the `Variant` below it, and enter that in `VARIANTS` or `MORE`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, sigmoid, tanh

from lstm_tutorial.relatives.cell import Gates, Recurrent, Shapes, State

Equations = Callable[..., State]


@dataclass(frozen=True, eq=False, kw_only=True)
class Variant(Recurrent):
    """A cell with the four pre-activations of an LSTM.

    Attributes
    ----------
    equations : callable
        Takes i, f, g, o (B, H), what the state holds beside h, and the variant's own weights;
        returns the next state, h and c first.
    """

    equations: Equations


def variant(
    name: str,
    equations: Equations,
    *,
    blocks: int = 4,
    start: Callable[[Tensor], State] = lambda zero: (zero, zero),
    own: Callable[[int], Shapes] = lambda H: {},
    carried: int = 2,
) -> Variant:
    """Make a cell of the equations of an LSTM in which something is changed.

    Parameters
    ----------
    name : str
    equations : callable
        Such as `vanilla`.
    blocks : int
        How many of the four pre-activations they use.
    start : callable
        Takes zeros (B, H), returns the first state.
    own : callable
        Takes H, returns the shapes of the weights beside W_ih, W_hh and b, by name.
    carried : int
        How many numbers a unit hands to the next step.

    See Also
    --------
    lstm_tutorial.relatives.networks.Network : A network of such cells.
    """

    def shapes(D: int, H: int) -> Shapes:
        return {"W_ih": (4 * H, D), "W_hh": (4 * H, H), "b": (4 * H,), **own(H)}

    def step(z_x: Tensor, state: State, U: Tensor, *weights: Tensor) -> State:
        h, *rest = state
        i, f, g, o = (torch.mm(h, U) + z_x).chunk(4, dim=1)
        return equations(i, f, g, o, *rest, *weights)

    return Variant(
        name=name,
        equations=equations,
        shapes=shapes,
        step=step,
        start=start,
        carried=lambda H: carried * H,
        gates=lambda H: Gates(forget=slice(H, 2 * H), input=slice(0, H)),
        unused=lambda D, H: (4 - blocks) * H * (D + H + 1),
        drawn_last=tuple(own(1)),
    )


def vanilla(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> State:
    """Return h and c of the LSTM with a forget gate (Gers, Schmidhuber & Cummins, 2000)."""
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


VANILLA = variant("vanilla", vanilla)


def no_forget_gate(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> State:
    """Set f = 1, as Hochreiter & Schmidhuber (1997) did; NFG of Greff et al. (2017)."""
    c = c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


NO_FORGET_GATE = variant("no forget gate", no_forget_gate, blocks=3)


def no_input_gate(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> State:
    """Set i = 1; NIG of Greff et al. (2017)."""
    c = sigmoid(f) * c + tanh(g)
    return sigmoid(o) * tanh(c), c


NO_INPUT_GATE = variant("no input gate", no_input_gate, blocks=3)


def no_output_gate(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> State:
    """Set o = 1; NOG of Greff et al. (2017)."""
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return tanh(c), c


NO_OUTPUT_GATE = variant("no output gate", no_output_gate, blocks=3)


def coupled_gates(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> State:
    """Set i = 1 - f, so that one gate decides for both; CIFG of Greff et al. (2017)."""
    c = sigmoid(f) * c + (1 - sigmoid(f)) * tanh(g)
    return sigmoid(o) * tanh(c), c


COUPLED_GATES = variant("coupled gates", coupled_gates, blocks=3)


def sigmoid_candidate(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> State:
    """Put σ for the tanh of g: what is added is never negative."""
    c = sigmoid(f) * c + sigmoid(i) * sigmoid(g)
    return sigmoid(o) * tanh(c), c


SIGMOID_CANDIDATE = variant("sigmoid candidate", sigmoid_candidate)


def tanh_input_gate(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> State:
    """Put tanh for the σ of i: a gate that can also change the sign."""
    c = sigmoid(f) * c + tanh(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


TANH_INPUT_GATE = variant("tanh input gate", tanh_input_gate)


def tanh_output_gate(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> State:
    """Put tanh for the σ of o."""
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return tanh(o) * tanh(c), c


TANH_OUTPUT_GATE = variant("tanh output gate", tanh_output_gate)


def no_input_activation(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> State:
    """Leave the tanh of g out; NIAF of Greff et al. (2017)."""
    c = sigmoid(f) * c + sigmoid(i) * g
    return sigmoid(o) * tanh(c), c


NO_INPUT_ACTIVATION = variant("no input activation", no_input_activation)


def linear_output(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> State:
    """Leave the tanh of c out; NOAF of Greff et al. (2017)."""
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * c, c


LINEAR_OUTPUT = variant("linear output", linear_output)


def sigmoid_output(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> State:
    """Put σ for the tanh of c: what is shown is never negative."""
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * sigmoid(c), c


SIGMOID_OUTPUT = variant("sigmoid output", sigmoid_output)


def peepholes(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor, p: Tensor) -> State:
    """Let each gate see its own unit's cell state (Gers & Schmidhuber, 2000).

    The weights p, ``(3, H)`` in the order i, f, o, are one number for each unit and gate. Input and
    forget gate see the cell state as the step finds it, c_{t-1}; the output gate decides after
    them and sees it as they leave it, c_t.
    """
    p_i, p_f, p_o = p.unbind(0)
    c = sigmoid(f + p_f * c) * c + sigmoid(i + p_i * c) * tanh(g)
    return sigmoid(o + p_o * c) * tanh(c), c


PEEPHOLES = variant("peepholes", peepholes, own=lambda H: {"p": (3, H)})


def full_gate_recurrence(
    i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor, gates: Tensor, R: Tensor
) -> State:
    """Let each gate see all gates of the step before; FGR of Greff et al. (2017).

    The weights R, ``(3H, 3H)``, are nine matrices in one, rows and columns in the order i, f, o;
    ``gates``, ``(B, 3H)``, are the openings of the step before and are also returned, for the next.
    """
    gates = sigmoid(torch.mm(gates, R.mT) + torch.cat([i, f, o], dim=1))
    i, f, o = gates.chunk(3, dim=1)
    c = f * c + i * tanh(g)
    return o * tanh(c), c, gates


FULL_GATE_RECURRENCE = variant(
    "full gate recurrence",
    full_gate_recurrence,
    start=lambda zero: (zero, zero, zero.repeat(1, 3)),
    own=lambda H: {"R": (3 * H, 3 * H)},
    carried=5,
)


def factor(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> State:
    """Multiply where the LSTM adds, by a factor from 0 to 2 that is 1 while the gate is shut.

    From c = 1, since a product that begins at 0 stays there.
    """
    c = (sigmoid(f) * c) * (1 + sigmoid(i) * tanh(g))
    return sigmoid(o) * tanh(c), c


FACTOR = variant("factor", factor, start=lambda zero: (zero, zero + 1))


def one_state(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> State:
    """Carry over what was shown, h alone, and no c."""
    h = sigmoid(o) * tanh(sigmoid(f) * c + sigmoid(i) * tanh(g))
    return h, h


ONE_STATE = variant("one state", one_state, carried=1)


def squashed_store(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> State:
    """Keep the tanh of what the LSTM would keep, so that no cell state passes 1."""
    c = tanh(sigmoid(f) * c + sigmoid(i) * tanh(g))
    return sigmoid(o) * tanh(c), c


SQUASHED_STORE = variant("squashed store", squashed_store)


# Those of the chapter on the design.
VARIANTS = (
    *(VANILLA, NO_FORGET_GATE, NO_INPUT_GATE, NO_OUTPUT_GATE, COUPLED_GATES),
    *(SIGMOID_CANDIDATE, TANH_INPUT_GATE, TANH_OUTPUT_GATE, LINEAR_OUTPUT, SIGMOID_OUTPUT),
    *(FACTOR, ONE_STATE),
)
# Those that other chapters need beside them.
MORE = (NO_INPUT_ACTIVATION, PEEPHOLES, FULL_GATE_RECURRENCE, SQUASHED_STORE)
BY_NAME: dict[str, Variant] = {cell.name: cell for cell in (*VARIANTS, *MORE)}
