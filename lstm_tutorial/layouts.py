"""How frameworks lay out the weights of an LSTM and a GRU, and moves between their layouts.

The same network is stored in many ways: gates in another order, matrices transposed, one bias or
two, a forget bias added before training or at every step. Read with the wrong order, the weights
have the right shapes and give wrong outputs; no error warns. The tables `LSTM` and `GRU` hold
what differs, a row per framework, and the functions below work from them. The file is long
because the tables are: they and their sources are half of it.

The package's own layout, between which and all others the functions move:

* LSTM: ``W_ih (4H, D)``, ``W_hh (4H, H)``, ``b (4H,)``, gates i, f, g, o: PyTorch's, its two
  biases summed.
* GRU: ``W_ih (3H, D)``, ``W_hh (3H, H)``, ``b (3H,)``, gates r, z, n, and ``b_hn (H,)``, the
  candidate's bias on the hidden side, which the reset gate scales:

      n = tanh(W_in x + b_n + r ⊙ (W_hn h + b_hn)),    h' = (1 - z) ⊙ n + z ⊙ h.

  Where the reset gate acts before the product, n = tanh(W_in x + b_n + W_hn (r ⊙ h)), there is
  no such bias and `b_hn` is None. These are two different networks: no move turns one into the
  other, and none is offered.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_tutorial import _check

Array = np.ndarray
Weights = dict[str, Any]  # arrays by the framework's names; TF1's forget_bias is a number


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How one framework stores the weights of a cell.

    Attributes
    ----------
    order : str
        The gates as they are stored, in the framework's letters.
    transposed : bool
        Whether a matrix stands to the right, x W, with a column a unit.
    W : dict
        Name and axes of each matrix, by the size of what it multiplies: "D" is the input, "H" the
        hidden state, "D+H" both end to end. Where the name holds ``{gate}``, every gate has an
        array of its own.
    b : tuple
        Name and axes of each bias.
    biases : {"one", "two", "candidate"}
        One bias a gate; two, for the input side and the hidden side; or one, and a second for
        the candidate alone.
    verified : {"framework", "documentation"}
        Whether a test runs the framework itself on this row, or the equations in `source`.
    source : str
        Where the framework says so.
    """

    order: str
    transposed: bool
    W: dict[str, tuple[str, str]]
    b: tuple[tuple[str, str], ...]
    biases: str
    verified: str
    source: str


@dataclass(frozen=True, kw_only=True)
class LSTMLayout(Layout):
    """A row of `LSTM`.

    Attributes
    ----------
    forget_bias : {"none", "initial", "run time"}
        Whether the framework favours remembering: not at all; by a forget bias that starts at 1
        and is stored with the rest; or by a number that it adds at every step and does not store.
    """

    forget_bias: str


@dataclass(frozen=True, kw_only=True)
class GRULayout(Layout):
    """A row of `GRU`.

    Attributes
    ----------
    reset : {"after", "before"}
        Whether the reset gate scales the product W_hn h or the state that goes into it.
    z : {"keeps", "replaces"}
        What z = 1 does with the old state.
    """

    reset: str
    z: str = "keeps"


LSTM = {
    "pytorch": LSTMLayout(
        order="i f g o",
        transposed=False,
        W={"D": ("weight_ih", "4H D"), "H": ("weight_hh", "4H H")},
        b=(("bias_ih", "4H"), ("bias_hh", "4H")),
        biases="two",
        forget_bias="none",
        verified="framework",
        source="torch.nn.LSTM",
    ),
    "keras": LSTMLayout(
        order="i f c o",
        transposed=True,
        W={"D": ("kernel", "D 4H"), "H": ("recurrent_kernel", "H 4H")},
        b=(("bias", "4H"),),
        biases="one",
        forget_bias="initial",  # unit_forget_bias=True
        verified="framework",
        source="keras.layers.LSTM, Keras 3",
    ),
    "flax": LSTMLayout(
        order="i f g o",
        transposed=True,
        W={"D": ("i{gate}/kernel", "D H"), "H": ("h{gate}/kernel", "H H")},
        b=(("h{gate}/bias", "H"),),
        biases="one",
        forget_bias="none",
        verified="documentation",
        source="flax.linen.LSTMCell, OptimizedLSTMCell; names as traverse_util joins them by '/'",
    ),
    "onnx": LSTMLayout(
        order="i o f c",
        transposed=False,
        W={"D": ("W", "dirs 4H D"), "H": ("R", "dirs 4H H")},
        b=(("B", "dirs 8H"),),
        biases="two",
        forget_bias="none",
        verified="framework",
        source="ONNX operators, LSTM",
    ),
    "cudnn": LSTMLayout(  # names in the order of linLayerID
        order="i f c o",
        transposed=False,
        W={"D": ("W_{gate}", "H D"), "H": ("R_{gate}", "H H")},
        b=(("b_W{gate}", "H"), ("b_R{gate}", "H")),
        biases="two",
        forget_bias="none",
        verified="documentation",
        source="cuDNN API, cudnnRNNMode_t (CUDNN_LSTM) and cudnnGetRNNWeightParams",
    ),
    "onednn": LSTMLayout(
        order="i f c o",
        transposed=True,
        W={"D": ("weights_layer", "L dirs D gates H"), "H": ("weights_iter", "L dirs H gates H")},
        b=(("bias", "L dirs gates H"),),
        biases="one",
        forget_bias="none",
        verified="documentation",
        source="oneDNN developer guide, RNN primitive, LSTM; format ldigo",
    ),
    "tf1": LSTMLayout(
        order="i j f o",
        transposed=True,
        W={"D+H": ("kernel", "D+H 4H")},
        b=(("bias", "4H"),),
        biases="one",
        forget_bias="run time",
        verified="documentation",
        source="TensorFlow 1.15, tf.nn.rnn_cell.BasicLSTMCell",
    ),
    "tutorials": LSTMLayout(
        order="f i c o",
        transposed=False,
        W={"H+D": ("W", "4H H+D")},
        b=(("b", "4H"),),
        biases="one",
        forget_bias="none",
        verified="documentation",
        source="Olah (2015), Understanding LSTM networks: the order in which it tells the gates",
    ),
}

GRU = {
    "pytorch": GRULayout(
        order="r z n",
        transposed=False,
        W={"D": ("weight_ih", "3H D"), "H": ("weight_hh", "3H H")},
        b=(("bias_ih", "3H"), ("bias_hh", "3H")),
        biases="two",
        reset="after",
        verified="framework",
        source="torch.nn.GRU",
    ),
    "keras_after": GRULayout(
        order="z r h",
        transposed=True,
        W={"D": ("kernel", "D 3H"), "H": ("recurrent_kernel", "H 3H")},
        b=(("bias", "sides 3H"),),
        biases="two",
        reset="after",
        verified="framework",
        source="keras.layers.GRU(reset_after=True), Keras 3, its default",
    ),
    "keras_before": GRULayout(
        order="z r h",
        transposed=True,
        W={"D": ("kernel", "D 3H"), "H": ("recurrent_kernel", "H 3H")},
        b=(("bias", "3H"),),
        biases="one",
        reset="before",
        verified="framework",
        source="keras.layers.GRU(reset_after=False), Keras 3",
    ),
    "flax": GRULayout(
        order="r z n",
        transposed=True,
        W={"D": ("i{gate}/kernel", "D H"), "H": ("h{gate}/kernel", "H H")},
        b=(("i{gate}/bias", "H"), ("hn/bias", "H")),
        biases="candidate",
        reset="after",
        verified="documentation",
        source="flax.linen.GRUCell; names as traverse_util joins them by '/'",
    ),
    "onnx_after": GRULayout(
        order="z r h",
        transposed=False,
        W={"D": ("W", "dirs 3H D"), "H": ("R", "dirs 3H H")},
        b=(("B", "dirs 6H"),),
        biases="two",
        reset="after",
        verified="framework",
        source="ONNX operators, GRU with linear_before_reset=1",
    ),
    "onnx_before": GRULayout(
        order="z r h",
        transposed=False,
        W={"D": ("W", "dirs 3H D"), "H": ("R", "dirs 3H H")},
        b=(("B", "dirs 6H"),),
        biases="two",
        reset="before",
        verified="framework",
        source="ONNX operators, GRU with linear_before_reset=0, its default",
    ),
    "cudnn": GRULayout(  # names in the order of linLayerID; i is the update gate
        order="r i h",
        transposed=False,
        W={"D": ("W_{gate}", "H D"), "H": ("R_{gate}", "H H")},
        b=(("b_W{gate}", "H"), ("b_R{gate}", "H")),
        biases="two",
        reset="after",
        verified="documentation",
        source="cuDNN API, cudnnRNNMode_t (CUDNN_GRU) and cudnnGetRNNWeightParams",
    ),
    "onednn_after": GRULayout(
        order="u r o",
        transposed=True,
        W={"D": ("weights_layer", "L dirs D gates H"), "H": ("weights_iter", "L dirs H gates H")},
        b=(("bias", "L dirs gates+1 H"),),
        biases="candidate",
        reset="after",
        verified="documentation",
        source="oneDNN developer guide, RNN primitive, linear-before-reset GRU; format ldigo",
    ),
    "onednn_before": GRULayout(
        order="u r o",
        transposed=True,
        W={"D": ("weights_layer", "L dirs D gates H"), "H": ("weights_iter", "L dirs H gates H")},
        b=(("bias", "L dirs gates H"),),
        biases="one",
        reset="before",
        verified="documentation",
        source="oneDNN developer guide, RNN primitive, GRU; format ldigo",
    ),
    "chung_2014": GRULayout(
        order="z r h",
        transposed=False,
        W={"D": ("W_{gate}", "H D"), "H": ("U_{gate}", "H H")},
        b=(("b_{gate}", "H"),),
        biases="one",
        reset="before",
        z="replaces",
        verified="documentation",
        source="Chung et al. (2014), section 3.2, with the biases that it leaves out",
    ),
}

# The package's gate that each letter of a framework stands for.
LSTM_GATES = {"i": "i", "f": "f", "g": "g", "c": "g", "j": "g", "o": "o"}
GRU_GATES = {"r": "r", "z": "z", "u": "z", "i": "z", "n": "n", "h": "n", "o": "n"}


def lstm_to(framework: str, W_ih: Array, W_hh: Array, b: Array) -> Weights:
    """Lay out the weights of an LSTM as a framework stores them.

    Where the framework has two biases, the second is zero. Where it adds a forget bias at run
    time, the number to give it, ``forget_bias``, is 0.

    Parameters
    ----------
    framework : str
        A key of `LSTM`.
    W_ih, W_hh, b : arrays (4H, D), (4H, H), (4H,)
        Gates i, f, g, o.

    Returns
    -------
    weights : dict
        New arrays by the framework's names; names and shapes are those in the table.

    Raises
    ------
    TypeError, ValueError
        For an unknown framework, a wrong type, rank or size, an empty array, NaN or infinity.

    Examples
    --------
    >>> W_ih, W_hh, b = np.ones((8, 3)), np.ones((8, 2)), np.repeat([0.1, 0.2, 0.3, 0.4], 2)
    >>> lstm_to("onnx", W_ih, W_hh, b)["B"].round(1)
    array([[0.1, 0.1, 0.4, 0.4, 0.2, 0.2, 0.3, 0.3, 0. , 0. , 0. , 0. , 0. ,
            0. , 0. , 0. ]])
    """
    row = LSTM[_check.choice("framework", framework, list(LSTM))]
    arrays = _arrays(4)
    for name, value, axes in [("W_ih", W_ih, "4H D"), ("W_hh", W_hh, "4H H"), ("b", b, "4H")]:
        arrays.check(name, value, axes)
    order = _order(row, "ifgo", LSTM_GATES)
    matrices = {"D": _blocks(W_ih, 4)[order], "H": _blocks(W_hh, 4)[order]}
    biases = _blocks(b, 4)[order]
    if row.biases == "two":
        biases = np.concatenate([biases, np.zeros_like(biases)])
    weights = _store(row, matrices, biases, arrays)
    if row.forget_bias == "run time":
        weights["forget_bias"] = 0.0
    return weights


def lstm_from(framework: str, weights: Mapping[str, Any]) -> tuple[Array, Array, Array]:
    """Read the weights of an LSTM that are laid out as a framework stores them.

    Two biases are summed. A forget bias that the framework adds at run time is part of the
    network and not of its stored weights, so it has to be given with them, as ``forget_bias``.

    Parameters
    ----------
    framework : str
        A key of `LSTM`.
    weights : dict
        Arrays by the framework's names, as `lstm_to` returns them.

    Returns
    -------
    W_ih, W_hh, b : arrays (4H, D), (4H, H), (4H,)
        New arrays, gates i, f, g, o.

    Raises
    ------
    TypeError, ValueError
        For an unknown framework, a missing or unknown name, a wrong type, rank or size, an empty
        array, NaN or infinity.
    """
    row = LSTM[_check.choice("framework", framework, list(LSTM))]
    _check_names(row, weights, ["forget_bias"] if row.forget_bias == "run time" else [])
    arrays = _arrays(4)
    matrices, biases = _gather(row, weights, arrays)
    order = np.argsort(_order(row, "ifgo", LSTM_GATES))
    b = biases[:4] + biases[4:] if row.biases == "two" else biases
    b = b[order]
    if row.forget_bias == "run time":
        b[1] += _check.finite_float("forget_bias", weights["forget_bias"])
    return _stack(matrices["D"][order]), _stack(matrices["H"][order]), b.ravel()


def gru_to(
    framework: str, W_ih: Array, W_hh: Array, b: Array, b_hn: Array | None = None
) -> Weights:
    """Lay out the weights of a GRU as a framework stores them.

    Where the framework has more biases than the package, the others are zero. Where z = 1
    replaces the state, z's weights and bias change sign, as σ(-a) = 1 - σ(a).

    Parameters
    ----------
    framework : str
        A key of `GRU`.
    W_ih, W_hh, b : arrays (3H, D), (3H, H), (3H,)
        Gates r, z, n.
    b_hn : array (H,) or None
        The candidate's bias on the hidden side; None where the reset gate acts before the product.

    Returns
    -------
    weights : dict
        New arrays by the framework's names; names and shapes are those in the table.

    Raises
    ------
    TypeError, ValueError
        For an unknown framework, one whose reset gate acts elsewhere, a wrong type, rank or size,
        an empty array, NaN or infinity.
    """
    row = GRU[_check.choice("framework", framework, list(GRU))]
    arrays = _arrays(3)
    for name, value, axes in [("W_ih", W_ih, "3H D"), ("W_hh", W_hh, "3H H"), ("b", b, "3H")]:
        arrays.check(name, value, axes)
    _check_reset(framework, row, arrays, b_hn)
    blocks = [_point_z(row, _blocks(a, 3)) for a in (W_ih, W_hh, b)]
    hidden_side = np.zeros_like(blocks[2])
    if b_hn is not None:
        hidden_side[2] = b_hn
    order = _order(row, "rzn", GRU_GATES)
    biases = {"one": hidden_side[:0], "two": hidden_side[order], "candidate": hidden_side[2:]}
    matrices = {"D": blocks[0][order], "H": blocks[1][order]}
    return _store(row, matrices, np.concatenate([blocks[2][order], biases[row.biases]]), arrays)


def gru_from(
    framework: str, weights: Mapping[str, Any]
) -> tuple[Array, Array, Array, Array | None]:
    """Read the weights of a GRU that are laid out as a framework stores them.

    Two biases are summed where their sum is all that counts.

    Parameters
    ----------
    framework : str
        A key of `GRU`.
    weights : dict
        Arrays by the framework's names, as `gru_to` returns them.

    Returns
    -------
    W_ih, W_hh, b : arrays (3H, D), (3H, H), (3H,)
        New arrays, gates r, z, n.
    b_hn : array (H,) or None
        The candidate's bias on the hidden side; None where the reset gate acts before the product.

    Raises
    ------
    TypeError, ValueError
        For an unknown framework, a missing or unknown name, a wrong type, rank or size, an empty
        array, NaN or infinity.
    """
    row = GRU[_check.choice("framework", framework, list(GRU))]
    _check_names(row, weights, [])
    matrices, biases = _gather(row, weights, _arrays(3))
    order = np.argsort(_order(row, "rzn", GRU_GATES))
    b, b_hn = biases[:3][order], None
    if row.biases == "candidate":
        b_hn = biases[3].copy()
    if row.biases == "two":
        hidden_side = biases[3:][order]
        if row.reset == "after":  # the reset gate scales this one: it stays apart
            b_hn, hidden_side[2] = hidden_side[2].copy(), 0
        b += hidden_side
    W_ih, W_hh, b = (_point_z(row, a) for a in (matrices["D"][order], matrices["H"][order], b))
    return _stack(W_ih), _stack(W_hh), b.ravel(), b_hn


def _arrays(gates: int) -> _check.Arrays:
    """Return a check that knows the sizes of one layer in one direction."""
    return _check.Arrays(
        None, **{"L": 1, "dirs": 1, "sides": 2, "gates": gates, "gates+1": gates + 1}
    )


def _order(row: Layout, own: str, meaning: dict[str, str]) -> list[int]:
    """Return where the package keeps the gates that the framework stores in `row.order`."""
    return [own.index(meaning[letter]) for letter in row.order.split()]


def _blocks(stacked: Array, gates: int) -> Array:
    """Cut (gates H, ...) into (gates, H, ...)."""
    return stacked.reshape(gates, -1, *stacked.shape[1:])


def _stack(blocks: Array) -> Array:
    """Undo `_blocks`, into an array of its own, row after row in memory."""
    return np.concatenate(blocks).copy()


def _point_z(row: GRULayout, blocks: Array) -> Array:
    """Return gates r, z, n with the sign of z changed where the framework's points elsewhere."""
    signs = [1, -1 if row.z == "replaces" else 1, 1]
    return blocks * np.array(signs, blocks.dtype).reshape(3, *[1] * (blocks.ndim - 1))


def _named(row: Layout, stored: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield name and axes of each array, with ``{gate}`` replaced by each gate in turn."""
    for name, axes in stored:
        if "{gate}" in name:
            yield from ((name.format(gate=gate), axes) for gate in row.order.split())
        else:
            yield name, axes


def _store(
    row: Layout, matrices: dict[str, Array], biases: Array, arrays: _check.Arrays
) -> Weights:
    """Lay out blocks (gates, H, D), (gates, H, H) and (biases, H), gates in the row's order."""
    weights = {}

    def spread(blocks: Array, stored: list[tuple[str, str]]) -> None:
        for (name, axes), share in zip(stored, np.split(blocks, len(stored)), strict=True):
            rows = np.concatenate(share)
            laid = rows.T if row.transposed else rows
            weights[name] = laid.reshape(arrays.shape(axes)).copy()

    for inputs, stored in row.W.items():
        joined = np.concatenate([matrices[axis] for axis in inputs.split("+")], axis=2)
        arrays.sizes[inputs] = joined.shape[2]
        spread(joined, list(_named(row, [stored])))
    spread(biases, list(_named(row, row.b)))
    return weights


def _gather(
    row: Layout, weights: Mapping[str, Any], arrays: _check.Arrays
) -> tuple[dict[str, Array], Array]:
    """Undo `_store`."""
    matrices = {}
    for inputs, stored in row.W.items():
        values = [arrays.check(name, weights[name], axes) for name, axes in _named(row, [stored])]
        H, K = arrays.sizes["H"], arrays.sizes[inputs]
        rows = [v.reshape(K, -1).T if row.transposed else v.reshape(-1, K) for v in values]
        joined = np.concatenate(rows).reshape(-1, H, K)
        if "+" in inputs:
            if K <= H:
                raise ValueError(f"{stored[0]}: expected {inputs} above H={H}, got {K}")
            arrays.sizes["D"] = K - H
        for axis in inputs.split("+"):
            matrices[axis], joined = np.split(joined, [arrays.sizes[axis]], axis=2)
    values = [arrays.check(name, weights[name], axes) for name, axes in _named(row, row.b)]
    return matrices, np.concatenate([value.reshape(-1, H) for value in values])


def _check_names(row: Layout, weights: Mapping[str, Any], extra: list[str]) -> None:
    if not isinstance(weights, Mapping):
        raise TypeError(f"weights: expected a dict of arrays, got {type(weights).__name__}")
    wanted = [name for name, _ in _named(row, [*row.W.values(), *row.b])] + extra
    if set(weights) != set(wanted):
        got = ", ".join(map(str, weights)) or "none"
        raise ValueError(f"weights: expected the names {', '.join(wanted)}, got {got}")


def _check_reset(framework: str, row: GRULayout, arrays: _check.Arrays, b_hn: Array | None) -> None:
    """Refuse to pass off one kind of GRU as the other."""
    if row.reset == "after":
        arrays.check("b_hn", b_hn, "H")
    elif b_hn is not None:
        raise ValueError(
            f"b_hn: expected None, as the reset gate of {framework} acts before the product, "
            f"got {type(b_hn).__name__}"
        )
