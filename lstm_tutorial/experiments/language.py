"""The long runs of the chapter on a language model of characters."""

import math
from itertools import product
from typing import Any

import torch

from lstm_tutorial import datasets
from lstm_tutorial.experiments._experiment import Experiment, digits
from lstm_tutorial.experiments._seeded import seeded
from lstm_tutorial.models import CharLM
from lstm_tutorial.training import Chunk, History, StatefulLoss, fit, streams

TRAIN, VALID = 450_000, 475_000  # where the parts of `datasets.bible()` end
STAGES = [0, 20, 100, 500, 2000]  # updates after which a sample is taken
READ = 512  # characters read for each update, in parallel or in a row
PROMPT, SAMPLE_SEED = "And ", 0


def bible_parts() -> tuple[str, str, str, str]:
    """Return the alphabet of the text and its parts to train, validate and test on."""
    text = datasets.bible()
    return "".join(sorted(set(text))), text[:TRAIN], text[TRAIN:VALID], text[VALID:]


def train(
    hidden_size: int, epochs: int, seed: int, length: int = 64, carried: bool = True
) -> tuple[CharLM, History, list[str]]:
    """Train one model on the Bible; return it, its history and samples by stage.

    Adam at 0.003, falling to 0 along a cosine, clipping at norm 1, dropout 0.1, and 512
    characters an update: chunks of `length` from as many parallel streams as that makes. With
    `carried` the state goes from chunk to chunk; without, each chunk starts from zeros.
    """

    class Watched(StatefulLoss):
        """Takes samples on the way."""

        def __init__(self) -> None:
            super().__init__()
            self.updates = 0
            self.samples: list[str] = []

        def __call__(self, model: torch.nn.Module, batch: Chunk) -> torch.Tensor:
            if model.training:
                if self.updates in STAGES:
                    self.samples.append(_sample(model))
                self.updates += 1
            return super().__call__(model, batch if carried else batch._replace(first=True))

    alphabet, train, valid, _ = bible_parts()
    with seeded(seed):
        model = CharLM(alphabet, hidden_size, dropout=0.1)
    chunks = streams(model.encode(train), READ // length, length)
    loss = Watched()
    history = fit(
        model,
        loss,
        lambda rng: chunks,
        streams(model.encode(valid), 8, 64),
        lr=3e-3,
        epochs=epochs,
        schedule="cosine",
        max_norm=1.0,
        seed=seed,
    )
    return model, history, [*loss.samples, _sample(model)]


def _sample(model: Any) -> str:

    generator = torch.Generator().manual_seed(SAMPLE_SEED)
    return model.sample(PROMPT, 200, generator=generator)


def language(hidden_size: int, epochs: int, seed: int) -> dict[str, Any]:
    """Train one model; return its history in bits per character, its test result, its samples."""
    model, history, samples = train(hidden_size, epochs, seed)
    *_, valid, test = bible_parts()
    return {
        "weights": sum(weight.numel() for weight in model.parameters()),
        "train": [digits(nats / math.log(2)) for nats in history.losses],
        "valid": [digits(nats / math.log(2)) for nats in history.valid_losses],
        "best": history.best,
        "valid_bpc": digits(model.bits(valid).mean().item()),
        "test_bpc": digits(model.bits(test).mean().item()),
        "samples": samples,
    }


def language_memory(length: int, carried: bool, seed: int) -> dict[str, Any]:
    """Train a small model on chunks of one length, with the state carried or not.

    It is tested twice: on the test text in one piece, and on the same text in chunks of `length`
    steps, each from a state of zeros.
    """
    model, history, _ = train(64, 4, seed, length, carried)
    *_, test = bible_parts()
    with torch.no_grad():
        losses = [
            torch.nn.functional.cross_entropy(model(x)[0].flatten(0, 1), y.flatten()).item()
            for x, y, _ in streams(model.encode(test), 8, length)
        ]
    return {
        "valid": [digits(nats / math.log(2)) for nats in history.valid_losses],
        "test_whole": digits(model.bits(test).mean().item()),
        "test_chunks": digits(sum(losses) / len(losses) / math.log(2)),
    }


EXPERIMENTS = {
    "language": Experiment(
        about="language models of characters, on the Bible",
        trials=[
            {"hidden_size": hidden_size, "epochs": epochs, "seed": seed}
            for hidden_size, epochs, seed in [(128, 10, 0), (256, 8, 0), (256, 8, 1), (256, 8, 2)]
        ],
        run=language,
        agree=lambda a, b: abs(a["test_bpc"] - b["test_bpc"]) < 0.04,
        sample=[0],
    ),
    "language-memory": Experiment(
        about="the same with the state carried or not, and chunks of three lengths",
        trials=[
            {"length": length, "carried": carried, "seed": seed}
            for length, carried, seed in product([8, 32, 128], [True, False], range(2))
        ],
        run=language_memory,
        agree=lambda a, b: abs(a["test_whole"] - b["test_whole"]) < 0.04,
        sample=[0],
    ),
}
