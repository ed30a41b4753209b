"""The long runs of the chapter on classifying: spoken vowels, handwritten digits."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lstm_tutorial import datasets, lstm
from lstm_tutorial.experiments._experiment import Experiment
from lstm_tutorial.experiments._seeded import seeded
from lstm_tutorial.models import LSTMModel, set_gate_biases
from lstm_tutorial.training import fit

Array = np.ndarray

HELD_OUT = 6  # of a speaker's 30 utterances

# What is done right: arguments of LSTMModel.
MODELS: dict[str, dict[str, Any]] = {
    "last": {},
    "mean": {"pooling": "mean"},
    "max": {"pooling": "max"},
    "bi last": {"bidirectional": True},
    "bi mean": {"bidirectional": True, "pooling": "mean"},
    "bi max": {"bidirectional": True, "pooling": "max"},
}
# What is done wrong: how the outputs at all steps are read, and whether in two directions.
MISTAKES: dict[str, tuple[str, bool]] = {
    "end of the array": ("end", False),
    "mean of the array": ("mean", False),
    "max of the array": ("max", False),
    "bi end of the array": ("end", True),
    "bi masked, not packed": ("masked mean", True),
}
OTHERS = ["last, statistics with padding", "bi mean, shuffled"]


def split(labels: Array, seed: int) -> tuple[Array, Array]:
    """Hold out six utterances of each speaker.

    Returns
    -------
    kept, held_out : integer arrays
        Indices, in order.
    """
    rng = np.random.default_rng(seed)
    held_out = np.sort(
        np.concatenate(
            [
                rng.choice(np.flatnonzero(labels == k), HELD_OUT, replace=False)
                for k in np.unique(labels)
            ]
        )
    )
    return np.setdiff1d(np.arange(len(labels)), held_out), held_out


def scale(parts: list[datasets.Utterances], padding: bool = False) -> list[datasets.Utterances]:
    """Standardise all parts by the valid frames of the first; the padding stays zero.

    With `padding` it is taken for frames as well, in the statistics and in what is scaled.
    """
    valid = [np.arange(len(part.x))[:, None] < part.lengths for part in parts]
    if padding:
        valid = [np.ones_like(v) for v in valid]
    frames = [part.x[v] for part, v in zip(parts, valid, strict=True)]
    scaled, _ = datasets.standardise(*frames)
    done = []
    for part, v, values in zip(parts, valid, scaled, strict=True):
        x = np.zeros_like(part.x)
        x[v] = values
        done.append(part._replace(x=x))
    return done


def shuffle(part: datasets.Utterances, seed: int) -> datasets.Utterances:
    """Put the frames of each utterance into a random order."""
    rng = np.random.default_rng(seed)
    x = part.x.copy()
    for b, n in enumerate(part.lengths):
        x[:n, b] = rng.permutation(x[:n, b])
    return part._replace(x=x)


def vowels(model: str, train: int, seed: int) -> dict[str, Any]:
    """Train one network on the Japanese vowels for 60 epochs; return its answers to the test.

    Trained on 216 utterances, the weights are those of the epoch with the lowest loss on the other
    54; trained on all 270, those of the last epoch. The seed decides which are held out, the
    initial weights and the order. The test is answered three times: in the array as it comes,
    padded to twice its length, and each utterance without padding. The model "last" also answers
    after each frame, or at the end of an utterance that has no more.
    """
    whole, test = datasets.japanese_vowels()
    if "shuffled" in model:
        whole, test = shuffle(whole, seed), shuffle(test, seed + 1)
    kept, held_out = split(whole.labels, seed)
    fitted = _choose(whole, kept) if train == len(kept) else whole
    fitted, rest, test = scale([fitted, _choose(whole, held_out), test], "padding" in model)
    with seeded(seed):
        net = _network(model)
    result: dict[str, Any] = {}
    if train == len(kept):
        result["best epoch"] = _fit(net, fitted, rest, seed)
        result["held out wrong"] = int((_answers(net, rest) != rest.labels).sum())
    else:
        _fit(net, fitted, None, seed)
    behind = test.x[-1:, [int(np.argmin(test.lengths))]].repeat(len(test.x), 0)
    wide = np.concatenate([test.x, behind.repeat(len(test.labels), 1)])
    alone = np.empty_like(test.labels)
    for n in np.unique(test.lengths):
        same = test.lengths == n
        alone[same] = _answers(net, _choose(test, same)._replace(x=test.x[:n, same]))
    result["array"] = _spell(_answers(net, test))
    result["wide"] = _spell(_answers(net, test._replace(x=wide)))
    result["alone"] = _spell(alone)
    if model == "last":
        cut = [test._replace(lengths=np.minimum(test.lengths, k + 1)) for k in range(len(test.x))]
        result["right by frame"] = [int((_answers(net, c) == c.labels).sum()) for c in cut]
    return result


def by_normals(train: datasets.Utterances, test: datasets.Utterances) -> Array:
    """Answer the test with one normal distribution of frames for each speaker, blind to the order.

    Returns
    -------
    integer array (B,)
        For each utterance of the test, the speaker whose distribution makes its frames likeliest.
    """
    frames, valid = (np.arange(len(p.x))[:, None] < p.lengths for p in (train, test))
    values = []
    for k in np.unique(train.labels):
        own = train.x[frames & (train.labels == k)]
        C = np.cov(own.T)
        away = test.x - own.mean(axis=0)
        far = np.einsum("tbi,ij,tbj->tb", away, np.linalg.inv(C), away)
        values.append(-np.sum((far + np.linalg.slogdet(C)[1]) * valid, axis=0))
    return np.unique(train.labels)[np.argmax(values, axis=0)]


def linear_on_pixels(seed: int) -> float:
    """Train one linear layer on the 64 pixels of a digit; return its share of right answers.

    1,297 images to train on, 500 to test, those of `pixels` for the same seed.
    """
    images, labels = datasets.digits()
    x = torch.tensor(images.reshape(-1, 64) / 16, dtype=torch.float32)
    y = torch.tensor(labels)
    order = torch.tensor(np.random.default_rng(seed).permutation(len(y)))

    def loss(layer: nn.Module, which: Tensor) -> Tensor:
        return torch.nn.functional.cross_entropy(layer(x[which]), y[which])

    with seeded(seed):
        layer = nn.Linear(64, 10)
    fit(layer, loss, lambda rng: [order[500:]], lr=0.05, epochs=200, progress=False)
    with torch.no_grad():
        right = layer(x[order[:500]]).argmax(dim=1) == y[order[:500]]
    return right.float().mean().item()


def pixels(model: str, seed: int, bias: float | str | None = None) -> dict[str, Any]:
    """Train one network to read a digit pixel by pixel or row by row; return its error.

    1,297 images to train on, 500 to test, drawn by the seed; 40 epochs. A `bias` is that of the
    forget gates at the start, or "chrono"; without one they stand at PyTorch's, near 0.
    """
    images, labels = datasets.digits()
    order = np.random.default_rng(seed).permutation(len(labels))
    x = images.reshape(len(labels), -1, 1 if model == "pixels" else 8).swapaxes(0, 1) / 16
    lengths = np.full(len(labels), len(x))
    whole = datasets.Utterances(np.ascontiguousarray(x), lengths, labels)
    test, train = _choose(whole, order[:500]), _choose(whole, order[500:])
    with seeded(seed):
        net = _network("last", train.x.shape[2], 10)
    if bias == "chrono":
        enter, forget = lstm.chrono(64, len(x), seed)
        set_gate_biases(net.lstm, forget, enter)
    elif bias is not None:
        set_gate_biases(net.lstm, float(bias))
    _fit(net, train, None, seed, lr=1e-2, epochs=40)
    return {"right": int((_answers(net, test) == test.labels).sum())}


def _choose(part: datasets.Utterances, which: Array) -> datasets.Utterances:
    return datasets.Utterances(part.x[:, which], part.lengths[which], part.labels[which])


def _network(model: str, inputs: int = 12, classes: int = 9) -> Any:
    """Return an untrained network of 64 units in each direction."""
    name = model.split(",")[0]
    if name in MODELS:
        return LSTMModel(inputs, 64, classes, **MODELS[name])
    reading, both = MISTAKES[model]

    class Mistaken(nn.Module):
        """Nothing is packed: the LSTM reads the padding."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = LSTMModel(inputs, 64, classes, bidirectional=both)

        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            out, _ = self.inner.lstm(x)
            valid = (torch.arange(len(x))[:, None] < lengths)[..., None]
            pooled = {
                "end": out[-1],
                "mean": out.mean(dim=0),
                "max": out.amax(dim=0),
                "masked mean": (out * valid).sum(dim=0) / lengths[:, None],
            }
            return self.inner.linear(pooled[reading])

    return Mistaken()


def _tensors(part: datasets.Utterances) -> tuple[Tensor, Tensor, Tensor]:

    x = torch.tensor(part.x, dtype=torch.float32)
    return x, torch.tensor(part.lengths), torch.tensor(part.labels)


def _fit(
    net: nn.Module,
    train: datasets.Utterances,
    valid: datasets.Utterances | None,
    seed: int,
    lr: float = 5e-3,
    epochs: int = 60,
) -> int | None:
    """Train in batches of 32; return the epoch whose weights were kept."""
    x, lengths, labels = _tensors(train)

    def batches(rng: np.random.Generator) -> list[tuple[Tensor, ...]]:
        order = torch.tensor(rng.permutation(len(labels)))
        return [(x[:, k], lengths[k], labels[k]) for k in order.split(32)]

    def loss(net: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        x, lengths, labels = batch
        return torch.nn.functional.cross_entropy(net(x, lengths), labels)

    history = fit(
        net,
        loss,
        batches,
        None if valid is None else [_tensors(valid)],
        lr=lr,
        epochs=epochs,
        optimizer="adamw",
        schedule="onecycle",
        seed=seed,
        progress=False,
    )
    return history.best


def _answers(net: nn.Module, part: datasets.Utterances) -> Array:

    x, lengths, _ = _tensors(part)
    with torch.no_grad():
        return net(x, lengths).argmax(dim=1).numpy()


def _spell(answers: Array) -> str:
    return "".join(map(str, answers))


def _about_as_many(name: str, most: int) -> Callable[[dict[str, Any], dict[str, Any]], bool]:
    """Right answers that differ by no more than `most`."""

    def right(result: dict[str, Any]) -> int:
        if name == "right":
            return result[name]
        labels = datasets.japanese_vowels()[1].labels
        return sum(int(a) == k for a, k in zip(result[name], labels, strict=True))

    return lambda a, b: abs(right(a) - right(b)) <= most


EXPERIMENTS = {
    "vowels": Experiment(
        about="nine speakers told apart: ways to read the LSTM, right and wrong",
        trials=[
            {"model": model, "train": train, "seed": seed}
            for train, models in [(216, [*MODELS]), (270, [*MODELS, *MISTAKES, *OTHERS])]
            for model, seed in product(models, range(5))
        ],
        run=vowels,
        agree=_about_as_many("array", 10),
        sample=[0, 50],
    ),
    "pixels": Experiment(
        about="handwritten digits read by the LSTM pixel by pixel and row by row",
        trials=[
            {"model": model, "seed": seed} for model, seed in product(["pixels", "rows"], range(5))
        ],
        run=pixels,
        agree=_about_as_many("right", 30),
        sample=[5],
    ),
}
