"""The doors of the package: what a reader commonly gets wrong is refused by the argument's name."""

import inspect
import math
import re

import numpy as np
import pytest
import torch
from torch import nn

from lstm_tutorial import (
    accounting,
    baselines,
    datasets,
    doctor,
    exercises,
    gradients,
    layouts,
    lstm,
    models,
    network,
    original,
    rnn,
    serving,
    tasks,
    training,
)
from lstm_tutorial.fewshot import episodes
from lstm_tutorial.original import grammars
from lstm_tutorial.original import tasks as tasks_1997

T, B, D, H, O = 5, 3, 2, 4, 1  # noqa: E741
NOTHING = [None, object()]

# What is tried in the place of an argument, by what the argument is.
WRONG = {
    "size": [0, -1, 2.5, math.nan, "3", True, [3], *NOTHING],
    "count": [-1, 2.5, math.nan, "3", True, [3], *NOTHING],  # from 0
    "positive": [0, -1.0, math.nan, math.inf, "1", True, [1.0], *NOTHING],
    "number": [math.nan, math.inf, "1", True, [1.0], *NOTHING],
    "share": [-0.1, 1.5, math.nan, "1", [0.5], *NOTHING],
    "choice": ["no such thing", "", 3, math.nan, ["tanh"], *NOTHING],
    "seed": [-1, 2.5, math.nan, "0", True, *NOTHING],
    "numbers": [
        "text",
        np.array([1, 2, 3, math.nan]),
        np.array([1, 2, 3, math.inf]),
        np.ones(3),
        *NOTHING,
    ],
    "flag": [1, 0.0, "yes", *NOTHING],
    "several": [3, *NOTHING],
    "gradients": [3, [], (), np.ones(3), [np.array([math.nan])], [np.array([1])], *NOTHING],
    "text": [3, b"ab", ["a"], *NOTHING],
    "callable": [3, "f", *NOTHING],
    "module": [3, "net", lambda x: x, *NOTHING],
}


def arrays(good):
    """Return arrays that are wrong in the place of a good one."""
    broken = good.copy()
    broken.flat[-1] = np.nan
    endless = good.copy()
    endless.flat[0] = np.inf
    return [
        *[3.0, "text", good.tolist(), good.astype(np.int64), good.astype(np.float16)],
        *[
            good.astype(complex),
            broken,
            endless,
            good[:0],
            good[None],
            good.sum(),
            good[None, None],
        ],
        *NOTHING,
    ]


def images(good):
    """Return what is wrong in the place of images, which may have more axes."""
    return [value for value in arrays(good) if np.ndim(value) <= good.ndim]


def any_arrays(good):
    """Return what is no array; the numbers in one may be any."""
    return [3.0, "text", good.tolist(), good.sum(), *NOTHING]


def tensors(good):
    """Return tensors that are wrong in the place of a good one."""
    return [3.0, "text", good.numpy(), good.tolist(), good[:0], good[None], good.sum(), *NOTHING]


def integers(good):
    """Return arrays of integers that are wrong in the place of a good one."""
    return [
        *[
            3,
            "text",
            good.tolist(),
            good.astype(float),
            good > 0,
            good - 100,
            good + 100,
            good[:-1],
        ],
        *[good[None], good[:0], *NOTHING],
    ]


def wrong(kind, good):
    if kind in WRONG:
        return WRONG[kind]
    return {
        "array": arrays,
        "any array": any_arrays,
        "images": images,
        "tensor": tensors,
        "integers": integers,
    }[kind](good)


class Door:
    """A function, good arguments for it, and what each of them is.

    `fine` names wrong values that are right here, by argument: None for an argument that may be
    left out, for instance.
    """

    def __init__(self, function, good, kinds, fine=None, name=None):
        self.function, self.good, self.kinds, self.fine = function, good, kinds, fine or {}
        self.name = (
            name or f"{function.__module__.removeprefix('lstm_tutorial.')}.{function.__qualname__}"
        )

    def cases(self):
        for argument, kind in self.kinds.items():
            fine = self.fine.get(argument, [])
            for value in wrong(kind, self.good[argument]):
                if not any(
                    value is one or (type(value) is type(one) and value == one) for one in fine
                ):
                    yield argument, value


def draw(*shape):
    return np.random.default_rng(0).normal(size=shape)


x, W_ih, W_hh, b = draw(T, B, D), draw(H, D), draw(H, H), draw(H)
h0, V_ih, V_hh, v = draw(B, H), draw(4 * H, D), draw(4 * H, H), draw(4 * H)
tape = rnn.forward(x, h0, W_ih, W_hh, b)[2]
cell_tape = lstm.forward(x, h0, h0, V_ih, V_hh, v)[2]
params = network.init(D, H, O, 0)
lengths = np.array([5, 2, 3])
sequence = {"length": 10, "batch": 3, "rng": 0}
SEQUENCE = {"length": "size", "batch": "size", "rng": "seed"}
episode = {"count": 2, "shots": 3, "rng": 0, "queries": 4}
EPISODE = {"count": "size", "shots": "size", "rng": "seed", "queries": "size"}
support = {
    "support_x": draw(2, 4, 3),
    "support_y": np.eye(2)[np.array([[0, 1, 0, 1]] * 2)],
    "query_x": draw(2, 5, 3),
}
SUPPORT = dict.fromkeys(support, "array")
old = original.Network(2, 1, 1, 1)
old_weights = original.start(old, 0)
char_lm = models.CharLM("abc", 3)
forecaster = models.Forecaster(6, 2, 3)
forecaster.set_scale(draw(20))
account = accounting.Account(3, 4)
counted = baselines.KneserNey("ab", 2).fit("abab")
net = models.LSTMModel(D, H, O)
xt = torch.from_numpy(x).float()


def fit(**options):
    """Train a layer for one update."""
    model = nn.Linear(1, 1)
    good = {
        "model": model,
        "loss": lambda m, x: m(x).mean(),
        "batches": lambda rng: [torch.ones(2, 1)],
    }
    return training.fit(**{**good, "lr": 0.1, "epochs": 1, "progress": False} | options)


fit.__module__, fit.__qualname__ = "training", "fit"

DOORS = [
    Door(rnn.init, {"input_size": D, "hidden_size": H, "rng": 0, "dtype": np.float32}, {"input_size": "size", "hidden_size": "size", "rng": "seed"}),
    Door(rnn.forward, {"x": x, "h0": h0, "W_ih": W_ih, "W_hh": W_hh, "b": b, "nonlinearity": "tanh"}, {**dict.fromkeys(("x", "h0", "W_ih", "W_hh", "b"), "array"), "nonlinearity": "choice"}),
    Door(rnn.step, {"x": x[0], "h_prev": h0, "W_ih": W_ih, "W_hh": W_hh, "b": b, "nonlinearity": "tanh"}, {**dict.fromkeys(("x", "W_ih", "W_hh", "b"), "array"), "nonlinearity": "choice"}),  # h_prev is called h0
    Door(rnn.step_backward, {"dh": h0, "x": x[0], "h_prev": h0, "W_ih": W_ih, "W_hh": W_hh, "b": b, "nonlinearity": "tanh"}, {**dict.fromkeys(("x", "W_ih", "W_hh", "b"), "array"), "nonlinearity": "choice"}),
    Door(rnn.backward, {"dhs": draw(T, B, H), "tape": tape, "dh_T": h0}, {"dhs": "array", "dh_T": "array"}, {"dhs": [None], "dh_T": [None]}),
    Door(lstm.init, {"input_size": D, "hidden_size": H, "rng": 0, "forget_bias": 1.0}, {"input_size": "size", "hidden_size": "size", "rng": "seed", "forget_bias": "number"}),
    Door(lstm.chrono, {"hidden_size": H, "longest": 9, "rng": 0}, {"hidden_size": "size", "longest": "size", "rng": "seed"}),
    Door(lstm.step, {"x": x[0], "h_prev": h0, "c_prev": h0, "W_ih": V_ih, "W_hh": V_hh, "b": v}, dict.fromkeys(("x", "h_prev", "c_prev", "W_ih", "W_hh", "b"), "array")),
    Door(lstm.step_backward, {"dh": h0, "dc": h0, "x": x[0], "h_prev": h0, "c_prev": h0, "W_ih": V_ih, "W_hh": V_hh, "b": v}, dict.fromkeys(("dh", "dc", "x", "h_prev", "c_prev", "W_ih", "W_hh", "b"), "array")),
    Door(lstm.forward_plain, {"x": x, "h0": h0, "c0": h0, "W_ih": V_ih, "W_hh": V_hh, "b": v}, dict.fromkeys(("x", "h0", "c0", "W_ih", "W_hh", "b"), "array")),
    Door(lstm.backward_plain, {"dhs": draw(T, B, H), "memories": lstm.forward_plain(x, h0, h0, V_ih, V_hh, v)[2], "W_ih": V_ih, "W_hh": V_hh, "b": v, "dh_T": h0, "dc_T": h0}, dict.fromkeys(("dhs", "W_ih", "W_hh", "b"), "array")),
    Door(lstm.forward, {"x": x, "h0": h0, "c0": h0, "W_ih": V_ih, "W_hh": V_hh, "b": v, "P": draw(3 * H)}, dict.fromkeys(("x", "h0", "c0", "W_ih", "W_hh", "b", "P"), "array"), {"P": [None]}),
    Door(lstm.forward, {"x": x, "h0": h0, "c0": h0, "W_ih": V_ih, "W_hh": V_hh, "b": v, "lengths": lengths}, {"lengths": "integers"}, {"lengths": [None]}, name="lstm.forward, padded"),
    Door(lstm.backward, {"dhs": draw(T, B, H), "tape": cell_tape, "dh_T": h0, "dc_T": h0}, dict.fromkeys(("dhs", "dh_T", "dc_T"), "array"), {"dhs": [None], "dh_T": [None], "dc_T": [None]}),
    Door(gradients.numerical, {"f": lambda a: 0.0, "arrays": [b], "step": 1e-5}, {"step": "positive", "f": "callable", "arrays": "several"}),
    Door(gradients.relative_error, {"a": b, "b": b}, {"b": "numbers"}),
    Door(gradients.global_norm, {"grads": [b]}, {"grads": "gradients"}),
    Door(gradients.angle, {"a": [b], "b": [b + 1]}, {"a": "gradients", "b": "gradients"}),
    Door(gradients.check, {"f": lambda a: 0.0, "arrays": [b], "grads": [b]}, {"f": "callable", "arrays": "several", "grads": "several"}),
    Door(gradients.clip_by_norm, {"grads": [b], "max_norm": 1.0}, {"grads": "gradients", "max_norm": "positive"}),
    Door(gradients.clip_by_value, {"grads": [b], "clip_value": 1.0}, {"grads": "gradients", "clip_value": "positive"}),
    Door(gradients.by_lag, {"dh_T": h0, "tape": tape}, {"dh_T": "array"}),
    Door(gradients.cell_jacobian, {"tape": cell_tape, "s": 1, "t": 2}, {"s": "count", "t": "count"}),
    Door(gradients.cell_by_lag, {"tape": cell_tape, "dh_T": h0, "dc_T": h0}, {"dh_T": "array", "dc_T": "array"}, {"dh_T": [None], "dc_T": [None]}),
    Door(layouts.lstm_to, {"framework": "pytorch", "W_ih": V_ih, "W_hh": V_hh, "b": v}, {"framework": "choice", "W_ih": "array", "W_hh": "array", "b": "array"}),
    Door(layouts.gru_to, {"framework": "pytorch", "W_ih": draw(3 * H, D), "W_hh": draw(3 * H, H), "b": draw(3 * H), "b_hn": b}, {"framework": "choice", "W_ih": "array", "W_hh": "array", "b": "array", "b_hn": "array"}),
    Door(layouts.lstm_from, {"framework": "pytorch", "weights": layouts.lstm_to("pytorch", V_ih, V_hh, v)}, {"framework": "choice", "weights": "text"}),
    Door(layouts.gru_from, {"framework": "pytorch", "weights": layouts.gru_to("pytorch", draw(3 * H, D), draw(3 * H, H), draw(3 * H), b)}, {"framework": "choice", "weights": "text"}),
    Door(network.init, {"input_size": D, "hidden_size": H, "output_size": O, "rng": 0, "layer": "rnn"}, {"input_size": "size", "hidden_size": "size", "output_size": "size", "rng": "seed", "layer": "choice"}),
    Door(network.predict, {"params": params, "x": x, "layer": "rnn"}, {"params": "text", "x": "array", "layer": "choice"}),
    Door(network.loss_and_gradients, {"params": params, "x": x, "y": draw(T, B, O), "layer": "rnn"}, {"params": "text", "x": "array", "y": "array", "layer": "choice"}),
    Door(network.train, {"params": params, "batches": [(x, draw(B, O))], "lr": 0.1, "max_norm": 1.0, "optimizer": "adam", "layer": "rnn"}, {"params": "text", "batches": "several", "lr": "positive", "max_norm": "positive", "optimizer": "choice", "layer": "choice"}, {"max_norm": [None]}),
    Door(network.updates, {"params": params, "batches": [(x, draw(B, O))], "lr": 0.1, "max_norm": 1.0, "optimizer": "adam", "layer": "rnn"}, {"params": "text", "batches": "several", "lr": "positive", "max_norm": "positive", "optimizer": "choice", "layer": "choice"}, {"max_norm": [None]}),
    Door(network.sgd, {"params": [b], "grads": [b], "lr": 0.1}, {"lr": "positive"}),
    *(Door(getattr(tasks, name), sequence, SEQUENCE) for name in ("adding", "order", "count", "parity")),
    Door(tasks.recall, {**sequence, "noise": 0.2}, {**SEQUENCE, "noise": "positive"}),
    *(Door(getattr(tasks, name), {**sequence, "rate": 0.1}, {**SEQUENCE, "rate": "share"}) for name in ("latest", "elapsed")),
    *(Door(getattr(tasks, name), {**sequence, "length": 30, "items": 2, "symbols": 3}, {**SEQUENCE, "items": "size", "symbols": "size"}) for name in ("copying", "selective_copying")),
    Door(datasets.windows, {"series": draw(20), "length": 3, "horizon": 2}, {"series": "array", "length": "size", "horizon": "size"}),
    Door(datasets.standardise, {"train": draw(20)}, {"train": "array"}),
    Door(baselines.KneserNey, {"alphabet": "ab", "order": 2}, {"alphabet": "text", "order": "size"}),
    Door(counted.fit, {"text": "abab"}, {"text": "text"}),
    Door(counted.bits, {"text": "abab"}, {"text": "text"}),
    Door(counted.probabilities, {"context": "ab"}, {"context": "text"}),
    Door(models.LSTMModel, {"input_size": D, "hidden_size": H, "output_size": O, "num_layers": 2, "bidirectional": False, "dropout": 0.1, "pooling": "last"}, {"input_size": "size", "hidden_size": "size", "output_size": "size", "num_layers": "size", "bidirectional": "flag", "dropout": "share", "pooling": "choice"}),
    Door(net.forward, {"x": xt, "lengths": torch.tensor([5, 2, 3])}, {"x": "tensor", "lengths": "tensor"}, {"lengths": [None]}),
    Door(models.CharLM, {"alphabet": "abc", "hidden_size": H, "num_layers": 2, "dropout": 0.1}, {"alphabet": "text", "hidden_size": "size", "num_layers": "size", "dropout": "share"}),
    Door(char_lm.forward, {"x": torch.tensor([[0, 1], [1, 2]])}, {"x": "tensor"}),
    Door(char_lm.encode, {"text": "ab"}, {"text": "text"}),
    Door(char_lm.decode, {"ids": torch.tensor([0, 1])}, {"ids": "text"}),
    Door(char_lm.bits, {"text": "ab"}, {"text": "text"}),
    Door(char_lm.sample, {"prompt": "a", "length": 2, "temperature": 1.0, "top_k": 2, "generator": torch.Generator()}, {"prompt": "text", "length": "size", "temperature": "positive", "top_k": "size", "generator": "seed"}, {"top_k": [None], "generator": [None]}),
    Door(models.Forecaster, {"length": 6, "horizon": 2, "hidden_size": 3, "difference": 2}, {"length": "size", "horizon": "size", "hidden_size": "size", "difference": "count"}),
    Door(forecaster.set_scale, {"train": draw(20)}, {"train": "array"}),
    Door(forecaster.windows, {"series": draw(20)}, {"series": "array"}),
    Door(forecaster.forward, {"x": torch.zeros(6, 2, 1)}, {"x": "tensor"}),
    Door(models.set_gate_biases, {"lstm": nn.LSTM(D, H), "forget": 1.0, "enter": 1.0}, {"lstm": "module", "forget": "number", "enter": "number"}, {"enter": [None]}),
    Door(fit, {"model": nn.Linear(1, 1), "loss": None, "batches": None, "lr": 0.1, "epochs": 1, "optimizer": "adam", "schedule": "cosine", "max_norm": 1.0, "weight_decay": None, "patience": None, "seed": 0, "checkpoint": None, "progress": False, "count": None}, {"model": "module", "loss": "callable", "batches": "callable", "count": "callable", "lr": "positive", "epochs": "size", "optimizer": "choice", "schedule": "choice", "max_norm": "positive", "seed": "seed", "progress": "flag"}, {"schedule": [None], "max_norm": [None], "count": [None]}),
    Door(training.streams, {"ids": torch.arange(20), "batch_size": 2, "length": 3}, {"ids": "tensor", "batch_size": "size", "length": "size"}),
    Door(lambda **options: training.seeded(**options).__enter__(), {"seed": 0, "epoch": 1}, {"seed": "seed", "epoch": "seed"}, name="training.seeded"),
    Door(serving.Streams, {"lstm": nn.LSTM(D, H).eval(), "head": nn.Identity(), "limit": 2}, {"lstm": "module", "head": "module", "limit": "size"}),
    Door(serving.Streams(nn.LSTM(D, H).eval(), nn.Identity(), 2).step, {"inputs": {}}, {"inputs": "text"}),
    Door(doctor.gradient_norms, {"model": net}, {"model": "module"}),
    Door(doctor.by_step, {"function": net, "x": xt}, {"function": "callable", "x": "tensor"}),
    Door(doctor.leak, {"function": net, "x": xt}, {"function": "callable", "x": "tensor"}),
    Door(doctor.gates, {"layer": nn.LSTM(D, H), "x": xt}, {"layer": "module", "x": "tensor"}),
    Door(accounting.Account, {"input_size": 3, "hidden_size": 4, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False, "proj_size": 2, "dtype": "float32"}, {"input_size": "size", "hidden_size": "size", "num_layers": "size", "bias": "flag", "batch_first": "flag", "dropout": "share", "bidirectional": "flag", "proj_size": "count", "dtype": "choice"}),
    Door(account.flops, {"T": 5, "B": 3, "lengths": lengths}, {"T": "size", "B": "size", "lengths": "integers"}, {"lengths": [None]}),
    Door(account.memory, {"T": 5, "B": 3, "lengths": lengths, "optimizer": "adam", "states": False}, {"T": "size", "B": "size", "lengths": "integers", "optimizer": "choice", "states": "flag"}, {"lengths": [None]}),
    Door(account.tape, {"T": 5, "B": 3}, {"T": "size", "B": "size"}),
    Door(lambda module: accounting.measured_activations(module, xt), {"module": net}, {"module": "module"}, name="accounting.measured_activations"),
    Door(accounting.measured_memory, {"function": list}, {"function": "callable"}),
    Door(episodes.lines, episode, EPISODE),
    Door(episodes.sines, episode, EPISODE),
    Door(episodes.letters, {"versions": 1}, {"versions": "size"}),
    Door(episodes.classes, {"images": draw(5, 9, 3), "ways": 2, **episode}, {"images": "images", "ways": "size", **EPISODE}),
    Door(episodes.nearest, support, SUPPORT),
    Door(episodes.prototypes, support, SUPPORT),
    Door(episodes.ridge, {**support, "strength": 0.1, "features": lambda x: x}, {**SUPPORT, "strength": "positive", "features": "callable"}),
    Door(episodes.interval, {"values": [1.0, 2.0]}, {"values": "text"}),
    Door(episodes.check, {**support, "labels": True}, {**SUPPORT, "labels": "flag"}),
    Door(original.Network, {"inputs": 2, "blocks": 1, "size": 1, "outputs": 1, "bias": "all", "recurrent": True, "output_gate": True, "shortcut": False, "plain": False, "spread": 0.1, "input_bias": (1.0,), "output_bias": (1.0,)}, {"inputs": "size", "blocks": "count", "size": "size", "outputs": "size", "bias": "choice", "recurrent": "flag", "output_gate": "flag", "shortcut": "flag", "plain": "flag", "spread": "positive", "input_bias": "text", "output_bias": "text"}),
    Door(original.start, {"network": old, "rng": 0}, {"network": "text", "rng": "seed"}),
    Door(original.count, {"network": old}, {"network": "text"}),
    Door(original.connections, {"network": old}, {"network": "text"}),
    Door(original.Recent, {"tolerance": 0.1, "wrong": 0, "error": 1.0, "window": 5}, {"tolerance": "positive", "wrong": "count", "error": "positive", "window": "size"}, {"error": [math.inf]}),
    *(Door(function, {"network": old, "weights": old_weights, "x": x, "lengths": lengths}, {"network": "text", "weights": "text", "x": "array", "lengths": "integers"}) for function in (original.forward, original.answers)),
    Door(original.learn, {"network": old, "weights": old_weights, "x": x, "y": draw(B, 1), "lengths": lengths, "lr": 0.1, "recent": original.Recent(0.1), "at_end": False, "slope": True}, {"network": "text", "weights": "text", "x": "array", "y": "array", "lengths": "integers", "lr": "positive", "recent": "text", "at_end": "flag", "slope": "flag"}, {"recent": [None]}),
    *(Door(getattr(tasks_1997, name), {"p": 4, "batch": 3, "rng": 0}, {"p": "size", "batch": "size", "rng": "seed"}) for name in ("noise_free", "no_regularities")),
    Door(tasks_1997.long_lag, {"q": 3, "p": 4, "batch": 3, "rng": 0}, {"q": "size", "p": "size", "batch": "size", "rng": "seed"}),
    Door(tasks_1997.two_sequences, {"length": 10, "informative": 2, "batch": 3, "rng": 0, "kind": "a"}, {**SEQUENCE, "informative": "size", "kind": "choice"}),
    *(Door(getattr(tasks_1997, name), {**sequence, "length": 30}, SEQUENCE) for name in ("adding", "multiplication")),
    Door(tasks_1997.temporal_order, {"marks": 2, "batch": 3, "rng": 0}, {"marks": "size", "batch": "size", "rng": "seed"}),
    Door(tasks_1997.wrong, {"answers": h0, "targets": h0, "tolerance": 0.1}, {"answers": "array", "targets": "array", "tolerance": "positive"}),
    Door(grammars.reber, {"rng": 0}, {"rng": "seed"}),
    Door(grammars.embedded_reber, {"rng": 0}, {"rng": "seed"}),
    Door(grammars.reber_sets, {"rng": 0, "size": 3}, {"rng": "seed", "size": "size"}),
    Door(grammars.legal, {"string": "BT"}, {"string": "text"}),
    Door(grammars.reber_batch, {"strings": ["BTBTXSETE"]}, {"strings": "several"}),
    Door(grammars.continual_reber, sequence, SEQUENCE),
    Door(grammars.outer, {"y": np.zeros((4, 2, 7))}, {"y": "any array"}),
    Door(grammars.counted, {"n": 2, "letters": "ab"}, {"n": "size", "letters": "choice"}),
    Door(grammars.counting, {"ns": [1, 2], "letters": "ab"}, {"ns": "text", "letters": "choice"}),
    Door(grammars.one_hot, {"string": "BT", "symbols": "BT"}, {"string": "text", "symbols": "text"}),
    Door(grammars.ranked, {"scores": draw(4, 2, 7), "y": np.ones((4, 2, 7))}, {"scores": "any array", "y": "any array"}),
    Door(grammars.exact, {"scores": draw(4, 2, 7), "y": np.ones((4, 2, 7))}, {"scores": "any array", "y": "any array"}),
    Door(exercises.check, {"kind": "rnn.step", "fn": rnn.step}, {"kind": "choice", "fn": "callable"}),
    Door(exercises.signature, {"kind": "rnn.step"}, {"kind": "choice"}),
]  # fmt: skip


def shown(value):
    text = repr(value) if np.ndim(value) == 0 else f"{type(value).__name__} {np.shape(value)}"
    return re.sub(r" at 0x\w+", "", text)[:40]


@pytest.mark.parametrize("door", DOORS, ids=[door.name for door in DOORS])
def test_the_good_arguments_are_taken(door):
    if door.name not in ("training.fit", "serving.Streams.step"):
        door.function(**door.good)


@pytest.mark.parametrize("door", DOORS, ids=[door.name for door in DOORS])
def test_a_wrong_argument_is_refused_by_name(door):
    faults = []
    for argument, value in door.cases():
        given = {argument: value} if door.function is fit else {**door.good, argument: value}
        try:
            door.function(**given)
            faults.append(f"{argument}={shown(value)} is taken")
        except Exception as error:
            named = re.match(rf"[^:]*\b{argument}\b[^:]*: expected .*got", str(error), re.S)
            if not (named and isinstance(error, TypeError | ValueError)):
                faults.append(f"{argument}={shown(value)}: {type(error).__name__}: {error}")
    assert not faults, "\n".join(faults)


MODULES = [accounting, baselines, datasets, doctor, exercises, gradients, layouts, lstm, models, network, original, rnn, serving, tasks, training]  # fmt: skip
# What takes no argument that could be wrong, and what is tried by tests of its own.
ELSEWHERE = {"kinds", "sigmoid", "stack_forward", "stack_backward", "sequences", "trained_char_lm"}  # fmt: skip


@pytest.mark.parametrize(
    "module", [*MODULES, episodes, grammars, tasks_1997], ids=lambda m: m.__name__
)
def test_every_public_function_has_a_door(module):
    tried = {door.name.split(",")[0].split(".")[-1] for door in DOORS}
    functions = {
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value)
        and not name.startswith("_")
        and value.__module__.startswith(module.__name__)
        and inspect.signature(value).parameters
    }
    assert functions - tried - ELSEWHERE == set()
