"""Every row of the tables gives, in its framework, the outputs that the package's layout gives.

Keras is imported here alone. A row that is not run in its framework is run in the equations of
its documentation, and says so in `verified`. Two such rows agreed with the framework when it was
run by hand once: Flax 0.12.8 (LSTMCell, OptimizedLSTMCell, GRUCell), too heavy to install for
this, and oneDNN 3.2 (LSTM and both GRUs), which wants a compiler.
"""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tutorial import layouts
from lstm_tutorial.rnn import sigmoid

T, B, D, H = 4, 2, 3, 5


@pytest.fixture(scope="module", autouse=True)
def keras_settings(tmp_path_factory):
    """Keras reads both when it is first imported, and writes a file into its home."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KERAS_BACKEND", "torch")
        environment.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        yield


def draw(cell, seed=0, dtype=np.float64, T=T, B=B, D=D, H=H):
    """A batch of sequences, and the weights of a cell in the package's layout."""
    rng = np.random.default_rng(seed)
    gates = {"lstm": 4, "gru": 3}[cell]
    shapes = [(T, B, D), (gates * H, D), (gates * H, H), (gates * H,), (H,)]
    x, *weights, b_hn = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    return x, [*weights, b_hn] if cell == "gru" else weights


def kind(framework, weights):
    """A GRU's weights for this framework's kind of GRU: b_hn only where it has one."""
    return weights if layouts.GRU[framework].reset == "after" else [*weights[:3], None]


# The package's layout, and the equations of those frameworks that are not run themselves.


def lstm_loop(x, H, gates):
    """Run an LSTM; `gates` gives the four before their nonlinearities, from x_t and h."""
    h = c = np.zeros((x.shape[1], H), x.dtype)
    hs = []
    for x_t in x:
        i, f, g, o = gates(x_t, h)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        hs.append(h)
    return np.stack(hs)


def gru_loop(x, H, step):
    h = np.zeros((x.shape[1], H), x.dtype)
    hs = []
    for x_t in x:
        h = step(x_t, h)
        hs.append(h)
    return np.stack(hs)


def own_lstm(x, W_ih, W_hh, b):
    def gates(x, h):
        return np.split(x @ W_ih.T + h @ W_hh.T + b, 4, axis=1)

    return lstm_loop(x, W_hh.shape[1], gates)


def own_gru(x, W_ih, W_hh, b, b_hn):
    W_ir, W_iz, W_in = np.split(W_ih, 3)
    W_hr, W_hz, W_hn = np.split(W_hh, 3)
    b_r, b_z, b_n = np.split(b, 3)

    def step(x, h):
        r = sigmoid(x @ W_ir.T + h @ W_hr.T + b_r)
        z = sigmoid(x @ W_iz.T + h @ W_hz.T + b_z)
        hidden = (r * h) @ W_hn.T if b_hn is None else r * (h @ W_hn.T + b_hn)
        return (1 - z) * np.tanh(x @ W_in.T + b_n + hidden) + z * h

    return gru_loop(x, W_hh.shape[1], step)


def flax_lstm(x, w):
    def gates(x, h):
        return [x @ w[f"i{k}/kernel"] + h @ w[f"h{k}/kernel"] + w[f"h{k}/bias"] for k in "ifgo"]

    return lstm_loop(x, w["hi/bias"].size, gates)


def cudnn_lstm(x, w):
    def gates(x, h):
        return [x @ w[f"W_{k}"].T + h @ w[f"R_{k}"].T + w[f"b_W{k}"] + w[f"b_R{k}"] for k in "ifco"]

    return lstm_loop(x, w["b_Wi"].size, gates)


def onednn_products(w, x, h):
    """x W and h U of every gate, from the format ldigo."""
    by_gate = "bi,igo->gbo"
    layer = np.einsum(by_gate, x, w["weights_layer"][0, 0])
    return layer, np.einsum(by_gate, h, w["weights_iter"][0, 0])


def onednn_lstm(x, w):
    def gates(x, h):
        return sum(onednn_products(w, x, h)) + w["bias"][0, 0][:, None]

    return lstm_loop(x, w["bias"].shape[-1], gates)


def tf1_lstm(x, w):
    def gates(x, h):
        i, j, f, o = np.split(np.concatenate([x, h], 1) @ w["kernel"] + w["bias"], 4, axis=1)
        return i, f + w["forget_bias"], j, o

    return lstm_loop(x, w["bias"].size // 4, gates)


def tutorials_lstm(x, w):
    def gates(x, h):
        f, i, c, o = np.split(np.concatenate([h, x], 1) @ w["W"].T + w["b"], 4, axis=1)
        return i, f, c, o

    return lstm_loop(x, w["b"].size // 4, gates)


def flax_gru(x, w):
    def step(x, h):
        ir, iz, i_n = (x @ w[f"i{k}/kernel"] + w[f"i{k}/bias"] for k in "rzn")
        hr, hz, hn = (h @ w[f"h{k}/kernel"] for k in "rzn")
        z = sigmoid(iz + hz)
        return (1 - z) * np.tanh(i_n + sigmoid(ir + hr) * (hn + w["hn/bias"])) + z * h

    return gru_loop(x, w["hn/bias"].size, step)


def cudnn_gru(x, w):
    def step(x, h):
        xr, xi, xh = (x @ w[f"W_{k}"].T + w[f"b_W{k}"] for k in "rih")
        hr, hi, hh = (h @ w[f"R_{k}"].T + w[f"b_R{k}"] for k in "rih")
        i = sigmoid(xi + hi)
        return (1 - i) * np.tanh(xh + sigmoid(xr + hr) * hh) + i * h

    return gru_loop(x, w["b_Wr"].size, step)


def onednn_after_gru(x, w):
    b_u, b_r, b_o, b_u_prime = w["bias"][0, 0]

    def step(x, h):
        (xu, xr, xo), (hu, hr, ho) = onednn_products(w, x, h)
        u, r = sigmoid(xu + hu + b_u), sigmoid(xr + hr + b_r)
        return u * h + (1 - u) * np.tanh(xo + r * (ho + b_u_prime) + b_o)

    return gru_loop(x, b_u.size, step)


def onednn_before_gru(x, w):
    b_u, b_r, b_o = w["bias"][0, 0]

    def step(x, h):
        (xu, xr, xo), (hu, hr, _) = onednn_products(w, x, h)
        u, r = sigmoid(xu + hu + b_u), sigmoid(xr + hr + b_r)
        _, (_, _, reset) = onednn_products(w, x, r * h)
        return u * h + (1 - u) * np.tanh(xo + reset + b_o)

    return gru_loop(x, b_u.size, step)


def chung_gru(x, w):
    def step(x, h):
        z, r = (sigmoid(x @ w[f"W_{k}"].T + h @ w[f"U_{k}"].T + w[f"b_{k}"]) for k in "zr")
        return (1 - z) * h + z * np.tanh(x @ w["W_h"].T + (r * h) @ w["U_h"].T + w["b_h"])

    return gru_loop(x, w["b_h"].size, step)


# The frameworks themselves.


def run_torch(layer, x, w):
    layer = layer(x.shape[2], w["weight_hh"].shape[1], dtype=torch.tensor(x).dtype)
    layer.load_state_dict({f"{name}_l0": torch.tensor(array) for name, array in w.items()})
    return layer(torch.tensor(x))[0].detach().numpy()


def keras_layer(name, hidden_size, **options):
    import keras

    return getattr(keras.layers, name)(hidden_size, return_sequences=True, **options)


def run_keras(name, x, w, **options):
    layer = keras_layer(name, len(w["recurrent_kernel"]), dtype=x.dtype.name, **options)
    by_batch = torch.tensor(x.swapaxes(0, 1))
    layer.build(tuple(by_batch.shape))
    assert [weight.name for weight in layer.weights] == list(w)
    layer.set_weights(list(w.values()))
    return layer(by_batch).detach().numpy().swapaxes(0, 1)


def run_onnx(operator, x, w, **options):
    import onnx
    import onnxruntime

    def of(name, shape):
        return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)

    given = {"X": x, **w}
    node = onnx.helper.make_node(operator, [*given], ["Y"], hidden_size=w["R"].shape[2], **options)
    shape = [len(x), 1, x.shape[1], w["R"].shape[2]]
    inputs = [of(name, array.shape) for name, array in given.items()]
    graph = onnx.helper.make_graph([node], operator, inputs, [of("Y", shape)])
    # The runtime lags behind the newest format, so the model is marked as an older one.
    opset = onnx.helper.make_opsetid("", 14)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, given)[0][:, 0]


RUN_LSTM = {
    "pytorch": lambda x, w: run_torch(torch.nn.LSTM, x, w),
    "keras": lambda x, w: run_keras("LSTM", x, w),
    "flax": flax_lstm,
    "onnx": lambda x, w: run_onnx("LSTM", x, w),
    "cudnn": cudnn_lstm,
    "onednn": onednn_lstm,
    "tf1": tf1_lstm,
    "tutorials": tutorials_lstm,
}
RUN_GRU = {
    "pytorch": lambda x, w: run_torch(torch.nn.GRU, x, w),
    "keras_after": lambda x, w: run_keras("GRU", x, w, reset_after=True),
    "keras_before": lambda x, w: run_keras("GRU", x, w, reset_after=False),
    "flax": flax_gru,
    "onnx_after": lambda x, w: run_onnx("GRU", x, w, linear_before_reset=1),
    "onnx_before": lambda x, w: run_onnx("GRU", x, w, linear_before_reset=0),
    "cudnn": cudnn_gru,
    "onednn_after": onednn_after_gru,
    "onednn_before": onednn_before_gru,
    "chung_2014": chung_gru,
}

every_lstm = pytest.mark.parametrize("framework", layouts.LSTM)
every_gru = pytest.mark.parametrize("framework", layouts.GRU)


# The runtime of ONNX knows these operators in float32 only, and so does Keras multiply where it
# cannot hand the layer to PyTorch's own.
SINGLE = {"onnx", "onnx_after", "onnx_before", "keras_before"}


def precision(framework):
    """The type to run in, and a few times its rounding error."""
    return (np.float32, 2e-6) if framework in SINGLE else (np.float64, 2e-15)


@every_lstm
def test_an_lstm_gives_the_same_outputs_in_every_layout(framework):
    dtype, tolerance = precision(framework)
    x, own = draw("lstm", dtype=dtype)
    hs = RUN_LSTM[framework](x, layouts.lstm_to(framework, *own))
    np.testing.assert_allclose(hs, own_lstm(x, *own), rtol=0, atol=tolerance)


@every_gru
def test_a_gru_gives_the_same_outputs_in_every_layout(framework):
    dtype, tolerance = precision(framework)
    x, own = draw("gru", dtype=dtype)
    own = kind(framework, own)
    hs = RUN_GRU[framework](x, layouts.gru_to(framework, *own))
    np.testing.assert_allclose(hs, own_gru(x, *own), rtol=0, atol=tolerance)


def redraw(weights, seed=1):
    """Other numbers in every array, both biases among them."""
    rng = np.random.default_rng(seed)
    return {
        k: rng.normal(size=np.shape(a)).astype(getattr(a, "dtype", float))
        for k, a in weights.items()
    }


@every_lstm
def test_a_frameworks_own_lstm_is_read_right(framework):
    dtype, tolerance = precision(framework)
    x, own = draw("lstm", dtype=dtype)
    weights = redraw(layouts.lstm_to(framework, *own))
    if "forget_bias" in weights:
        weights["forget_bias"] = 1.0
    hs = RUN_LSTM[framework](x, weights)
    np.testing.assert_allclose(
        own_lstm(x, *layouts.lstm_from(framework, weights)), hs, rtol=0, atol=tolerance
    )


@every_gru
def test_a_frameworks_own_gru_is_read_right(framework):
    dtype, tolerance = precision(framework)
    x, own = draw("gru", dtype=dtype)
    weights = redraw(layouts.gru_to(framework, *kind(framework, own)))
    hs = RUN_GRU[framework](x, weights)
    np.testing.assert_allclose(
        own_gru(x, *layouts.gru_from(framework, weights)), hs, rtol=0, atol=tolerance
    )


def test_the_table_says_which_rows_are_run_in_the_framework():
    run = {"pytorch", "keras", "onnx"}
    for table in (layouts.LSTM, layouts.GRU):
        for name, row in table.items():
            assert row.verified == ("framework" if name.split("_")[0] in run else "documentation")
            assert row.source


def test_keras_starts_with_a_forget_bias_of_one_and_pytorch_does_not():
    layer = keras_layer("LSTM", H)
    layer.build((B, T, D))
    fresh = {weight.name: weight.value.detach().numpy() for weight in layer.weights}
    b = layouts.lstm_from("keras", fresh)[2]
    assert layouts.LSTM["keras"].forget_bias == "initial"
    assert b.reshape(4, H).tolist() == [[0] * H, [1] * H, [0] * H, [0] * H]
    state = torch.nn.LSTM(D, H).state_dict()
    b = layouts.lstm_from("pytorch", {k.removesuffix("_l0"): v.numpy() for k, v in state.items()})[
        2
    ]
    assert layouts.LSTM["pytorch"].forget_bias == "none"
    assert np.all(np.abs(b) <= 2 / np.sqrt(H))  # each of the two within 1/√H, all gates alike


# Round trips.

sizes = st.integers(1, 5)
dtypes = st.sampled_from([np.float32, np.float64])
seeds = st.integers(0, 2**32)


def bits(arrays):
    return [None if a is None else (a.shape, a.dtype, a.tobytes()) for a in arrays]


def assert_a_round_trip_is_exact(to, from_, framework, own):
    before = bits(own)
    weights = to(framework, *own)
    stored = {name: np.copy(array) for name, array in weights.items()}
    back = from_(framework, weights)
    assert bits(back) == before
    assert bits(own) == before  # the inputs are as they were
    assert {name: array.tobytes() for name, array in stored.items()} == {
        name: np.asarray(array).tobytes() for name, array in weights.items()
    }
    for new in [*map(np.asarray, weights.values()), *[a for a in back if a is not None]]:
        assert new.flags.c_contiguous
        assert not any(np.shares_memory(new, old) for old in own if old is not None)
    for new in [a for a in back if a is not None]:
        assert not any(np.shares_memory(new, old) for old in weights.values())
    again = to(framework, *back)
    assert bits(map(np.asarray, again.values())) == bits(stored.values())


@given(st.sampled_from(list(layouts.LSTM)), sizes, sizes, dtypes, seeds)
@settings(max_examples=100)
def test_an_lstm_comes_back_bit_for_bit(framework, D, H, dtype, seed):
    _, own = draw("lstm", seed, dtype, D=D, H=H)
    assert_a_round_trip_is_exact(layouts.lstm_to, layouts.lstm_from, framework, own)


@given(st.sampled_from(list(layouts.GRU)), sizes, sizes, dtypes, seeds)
@settings(max_examples=100)
def test_a_gru_comes_back_bit_for_bit(framework, D, H, dtype, seed):
    _, own = draw("gru", seed, dtype, D=D, H=H)
    assert_a_round_trip_is_exact(layouts.gru_to, layouts.gru_from, framework, kind(framework, own))


def test_read_only_strided_and_aliased_weights_are_taken():
    square = np.random.default_rng(0).normal(size=(8, 4))[:, ::2]
    square.flags.writeable = False
    own = [square, square, square[:, 0]]
    assert bits(layouts.lstm_from("keras", layouts.lstm_to("keras", *own))) == bits(own)


# The porting bug that no error announces.


@pytest.mark.parametrize("cell, framework", [("lstm", "pytorch"), ("gru", "pytorch")])
def test_a_wrong_gate_order_has_the_right_shapes_and_wrong_outputs(cell, framework, monkeypatch):
    table, to, run = {
        "lstm": (layouts.LSTM, layouts.lstm_to, RUN_LSTM),
        "gru": (layouts.GRU, layouts.gru_to, RUN_GRU),
    }[cell]
    row = table[framework]
    x, own = draw(cell)
    right = to(framework, *own)
    hs = run[framework](x, right)
    for order in itertools.permutations(row.order.split()):
        monkeypatch.setitem(table, framework, dataclasses.replace(row, order=" ".join(order)))
        wrong = to(framework, *own)
        assert {k: a.shape for k, a in wrong.items()} == {k: a.shape for k, a in right.items()}
        error = np.abs(run[framework](x, wrong) - hs).max()
        assert error == 0 if order == tuple(row.order.split()) else error > 0.1


def test_a_gru_whose_z_points_the_other_way_gives_wrong_outputs(monkeypatch):
    x, own = draw("gru")
    row = layouts.GRU["pytorch"]
    monkeypatch.setitem(layouts.GRU, "pytorch", dataclasses.replace(row, z="replaces"))
    hs = RUN_GRU["pytorch"](x, layouts.gru_to("pytorch", *own))
    assert np.abs(hs - own_gru(x, *own)).max() > 0.1


def test_where_the_reset_gate_acts_makes_another_network():
    x, own = draw("gru", dtype=np.float32)
    weights = layouts.gru_to("onnx_before", *kind("onnx_before", own))
    assert (
        np.abs(RUN_GRU["onnx_before"](x, weights) - RUN_GRU["onnx_after"](x, weights)).max() > 0.1
    )


# Bad input.


def without(name):
    return lambda w: {k: a for k, a in w.items() if k != name}


@pytest.mark.parametrize(
    "framework, change, error, message",
    [
        ("keras", without("bias"), ValueError, "weights: expected the names kernel, recurrent_kernel, bias, got kernel, recurrent_kernel$"),
        ("keras", lambda w: w | {"forget_bias": 1.0}, ValueError, "weights: expected the names"),
        ("keras", lambda w: {}, ValueError, "got none"),
        ("keras", lambda w: list(w.values()), TypeError, "weights: expected a dict of arrays, got list"),
        ("keras", lambda w: w | {"kernel": w["kernel"].T}, ValueError, r"kernel: expected shape \(D, 4H\), got \(20, 3\)"),
        ("keras", lambda w: w | {"bias": w["bias"][:-1]}, ValueError, r"bias: expected shape \(4H=20,\), got \(19,\)"),
        ("keras", lambda w: w | {"kernel": w["kernel"].astype("f")}, TypeError, "recurrent_kernel: expected float32"),
        ("onnx", lambda w: w | {"W": w["W"][0]}, ValueError, r"W: expected shape \(dirs=1, 4H, D\), got \(20, 3\)"),
        ("onednn", lambda w: w | {"weights_layer": np.ones((1, 1, 3, 3, 5))}, ValueError, "gates=4"),
        ("flax", lambda w: w | {"hi/kernel": np.ones((4, 5))}, ValueError, r"hi/kernel: expected shape \(H=5, H=5\)"),
        ("pytorch", lambda w: w | {"bias_hh": np.full(20, np.nan)}, ValueError, "bias_hh: expected finite numbers, got nan"),
        ("pytorch", lambda w: w | {"bias_hh": [0.0] * 20}, TypeError, "bias_hh: expected a NumPy array, got list"),
        ("tf1", without("forget_bias"), ValueError, "weights: expected the names kernel, bias, forget_bias"),
        ("tf1", lambda w: w | {"forget_bias": "1"}, TypeError, "forget_bias: expected a number, got str"),
        ("tf1", lambda w: w | {"forget_bias": np.inf}, ValueError, "forget_bias: expected a finite number, got inf"),
        ("tf1", lambda w: w | {"kernel": np.ones((5, 20))}, ValueError, r"kernel: expected D\+H above H=5, got 5"),
    ],
)  # fmt: skip
def test_bad_stored_weights_are_refused_by_name(framework, change, error, message):
    weights = layouts.lstm_to(framework, *draw("lstm")[1])
    with pytest.raises(error, match=message):
        layouts.lstm_from(framework, change(weights))


@pytest.mark.parametrize(
    "place, bad, error, message",
    [
        (0, np.ones((20, 0)), ValueError, r"W_ih: expected shape \(4H, D\), and no axis empty"),
        (0, np.ones((19, 3)), ValueError, r"W_ih: expected shape \(4H, D\), got \(19, 3\)"),
        (1, np.ones((20, 4)), ValueError, r"W_hh: expected shape \(4H=20, H=5\), got \(20, 4\)"),
        (2, np.ones(16), ValueError, r"b: expected shape \(4H=20,\), got \(16,\)"),
        (2, np.ones(20, np.float32), TypeError, "b: expected float64"),
        (2, np.full(20, np.inf), ValueError, "b: expected finite numbers, got inf"),
    ],
)
def test_bad_lstm_weights_are_refused_by_name(place, bad, error, message):
    own = draw("lstm")[1]
    own[place] = bad
    with pytest.raises(error, match=message):
        layouts.lstm_to("keras", *own)


@pytest.mark.parametrize(
    "framework, b_hn, error, message",
    [
        ("keras_after", None, TypeError, "b_hn: expected a NumPy array, got NoneType"),
        ("keras_after", np.ones(15), ValueError, r"b_hn: expected shape \(H=5,\), got \(15,\)"),
        ("keras_before", np.ones(5), ValueError, "b_hn: expected None, as the reset gate of keras_before acts before the product, got ndarray"),
    ],
)  # fmt: skip
def test_one_kind_of_gru_is_not_passed_off_as_the_other(framework, b_hn, error, message):
    with pytest.raises(error, match=message):
        layouts.gru_to(framework, *draw("gru")[1][:3], b_hn)


def test_bad_gru_weights_are_refused_by_name():
    weights = layouts.gru_to("keras_after", *draw("gru")[1])
    weights["bias"] = weights["bias"].ravel()
    with pytest.raises(ValueError, match=r"bias: expected shape \(sides=2, 3H=15\), got \(30,\)"):
        layouts.gru_from("keras_after", weights)


@pytest.mark.parametrize(
    "move", [layouts.lstm_to, layouts.lstm_from, layouts.gru_to, layouts.gru_from]
)
def test_an_unknown_framework_is_refused(move):
    arguments = draw("lstm")[1] if move in (layouts.lstm_to, layouts.gru_to) else [{}]
    with pytest.raises(
        ValueError, match=r"framework: expected one of pytorch, keras.*, got 'theano'"
    ):
        move("theano", *arguments)
