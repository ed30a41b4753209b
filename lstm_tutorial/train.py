"""Train the book's networks from a terminal, in one process or in several.

    python -m lstm_tutorial.train vowels
    python -m lstm_tutorial.train vowels --checkpoint vowels.pt  # stopped, the same command goes on
    torchrun --nproc-per-node 2 -m lstm_tutorial.train vowels    # the same weights, to rounding

Every process holds the whole model, takes an equal share of each batch and averages its gradients
with those of the others (`torch.nn.parallel.DistributedDataParallel`), by nccl where each process
has a GPU, else by gloo. A process computes in one thread.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from lstm_tutorial import _check, datasets, tasks, training
from lstm_tutorial.models import CharLM, Forecaster, LSTMModel

Array = np.ndarray
Batch = tuple[Any, ...]
Source = Callable[[np.random.Generator], Iterator[Batch]]


class Problem(NamedTuple):
    """What `lstm_tutorial.training.fit` needs of a task, and the report on its test set.

    Attributes
    ----------
    model : torch.nn.Module
    loss : callable
        The mean over the sequences of a batch.
    batches : callable
        All batches of one size.
    valid : list of batches
    report : callable
        Says in a line how good the model is.
    axes : tuple
        Along which axis the sequences of each item of a batch lie; None for an item that all share.
    """

    model: nn.Module
    loss: Callable[[nn.Module, Any], Tensor]
    batches: Source
    valid: list[Batch]
    report: Callable[[], str]
    axes: tuple[int | None, ...]


class Setting(NamedTuple):
    """Where a process computes, and which of how many it is."""

    device: torch.device
    rank: int
    processes: int

    def tensors(self, *arrays: Array) -> Batch:
        """Return arrays as tensors on this process's device, numbers in PyTorch's usual type."""
        pairs = ((a, torch.get_default_dtype() if a.dtype.kind == "f" else None) for a in arrays)
        return tuple(torch.as_tensor(a, dtype=dtype, device=self.device) for a, dtype in pairs)


class Task(NamedTuple):
    """A task by name: made from the size of model and batch, with what is usual for it."""

    about: str
    make: Callable[[int, int, Setting], Problem]
    defaults: dict[str, Any]
    fixed: dict[str, Any]


# The tasks


def _adding(hidden: int, batch: int, setting: Setting) -> Problem:
    length, updates = 50, 50
    model = LSTMModel(2, hidden, 1).to(setting.device)

    def draw(size: int, rng: np.random.Generator) -> Batch:
        return setting.tensors(*tasks.adding(length, size, rng))

    def batches(rng: np.random.Generator) -> Iterator[Batch]:
        return (draw(batch, rng) for _ in range(updates))

    def report() -> str:
        x, y = draw(2000, np.random.default_rng(2))
        error, constant = (model(x) - y).abs().mean(), (1 - y).abs().mean()
        return f"mean absolute error {error:.3f}; always answering 1 has {constant:.3f}"

    return Problem(model, _mse, batches, [draw(500, np.random.default_rng(1))], report, (1, 0))


def _vowels(hidden: int, batch: int, setting: Setting) -> Problem:
    train, test = datasets.japanese_vowels()
    model = LSTMModel(train.x.shape[2], hidden, 9, bidirectional=True).to(setting.device)
    valid_steps = [np.arange(len(p.x))[:, None] < p.lengths for p in (train, test)]
    frames = [p.x[steps] for p, steps in zip((train, test), valid_steps, strict=True)]
    scaled, _ = datasets.standardise(*frames)
    sets = []
    for part, steps, values in zip((train, test), valid_steps, scaled, strict=True):
        x = np.zeros_like(part.x)
        x[steps] = values
        sets.append(setting.tensors(x, part.lengths, part.labels))
    axes = (1, 0, 0)
    everyone = torch.arange(len(train.labels))  # speaker after speaker: each gives a fifth
    learnt, valid = (_take(sets[0], axes, everyone[(everyone % 5 == 0) == v]) for v in (0, 1))

    def cross_entropy(model: nn.Module, batch: Batch) -> Tensor:
        x, lengths, labels = batch
        return nn.functional.cross_entropy(model(x, lengths), labels)

    def report() -> str:
        x, lengths, labels = sets[1]
        wrong = int((model(x, lengths).argmax(1) != labels).sum())
        return f"test accuracy {1 - wrong / len(labels):.3f}; {wrong} of {len(labels)} wrong"

    return Problem(model, cross_entropy, _shuffled(learnt, axes, batch), [valid], report, axes)


def _forecast(hidden: int, batch: int, setting: Setting) -> Problem:
    series, length, year = datasets.co2().values, 36, 12
    model = Forecaster(length, year, hidden, difference=year).to(setting.device)
    learnt, before_test = len(series) - 180, len(series) - 120
    model.set_scale(series[:learnt])
    valid, axes = [model.windows(series[learnt - length : before_test])], (1, 0)

    def report() -> str:
        past, future = datasets.windows(series[before_test - length :], length, year)
        error = np.abs(model.forecast(past[..., 0]) - future).mean()
        naive = np.abs(past[-year:, :, 0].T - future).mean()
        return (
            f"mean absolute error {error:.2f} ppmv, 1 to 12 months ahead in the last 10 years; "
            f"the value of a year before has {naive:.2f}"
        )

    batches = _shuffled(model.windows(series[:learnt]), axes, batch)
    return Problem(model, _mse, batches, valid, report, axes)


def _language(hidden: int, batch: int, setting: Setting) -> Problem:
    text, chunk = datasets.bible(), 64
    model = CharLM("".join(sorted(set(text))), hidden).to(setting.device)
    learnt, valid, test = model.encode(text).to(setting.device).split([450_000, 25_000, 25_000])
    _check_batch(batch, (len(learnt) - 1) // chunk)
    batches = training.streams(learnt, batch, chunk)

    def report() -> str:
        counts = torch.bincount(learnt, minlength=len(model.alphabet)) + 1
        alone = -(counts / counts.sum()).log2()[test].mean()
        return (
            f"{model.bits(model.decode(test)).mean():.2f} bits a character of the test text; "
            f"the frequencies of the characters alone give {alone:.2f}"
        )

    return Problem(
        model,
        training.StatefulLoss(),
        lambda rng: iter(batches),
        list(training.streams(valid, 16, chunk)),
        report,
        (1, 1, None),
    )


def _mse(model: nn.Module, batch: Batch) -> Tensor:
    x, y = batch
    return nn.functional.mse_loss(model(x), y)


def _take(batch: Batch, axes: tuple[int | None, ...], which: Tensor) -> Batch:
    """Return some of a batch's sequences, in the order of `which`."""
    return tuple(
        item if axis is None else item.index_select(axis, which.to(item.device))
        for item, axis in zip(batch, axes, strict=True)
    )


def _shuffled(data: Batch, axes: tuple[int | None, ...], batch: int) -> Source:
    """Return the source of full batches in random order; what is left over waits an epoch."""
    size = data[0].shape[1]
    _check_batch(batch, size)

    def batches(rng: np.random.Generator) -> Iterator[Batch]:
        order = torch.from_numpy(rng.permutation(size))
        return (_take(data, axes, part) for part in order.split(batch) if len(part) == batch)

    return batches


def _check_batch(batch: int, most: int) -> None:
    if batch > most:
        raise ValueError(f"--batch: expected at most {most}, as the data have, got {batch}")


TASKS = {
    "adding": Task(
        "add the two marked numbers of 50; 50 batches an epoch, drawn anew",
        _adding,
        {"epochs": 40, "lr": 0.01, "hidden": 32, "batch": 32},
        {"max_norm": 1.0},
    ),
    "vowels": Task(
        "tell nine speakers apart by the Japanese vowels they say",
        _vowels,
        {"epochs": 60, "lr": 0.005, "hidden": 64, "batch": 32},
        {"max_norm": 1.0, "schedule": "onecycle"},
    ),
    "forecast": Task(
        "forecast the carbon dioxide over Mauna Loa, 12 months at once",
        _forecast,
        {"epochs": 100, "lr": 0.005, "hidden": 32, "batch": 32},
        {"max_norm": 1.0, "patience": 20},
    ),
    "language": Task(
        "foretell the next character of a text, the King James Bible",
        _language,
        {"epochs": 10, "lr": 0.005, "hidden": 128, "batch": 32},
        {"max_norm": 1.0, "schedule": "cosine"},
    ),
}


# More than one process


class _Shared:
    """A loss over the share of a batch that falls to this process.

    Its gradient is that of the share, which DistributedDataParallel averages over the processes;
    its value is already the mean of all, so that all see the same history. The model that `fit`
    trains is the one inside: its weights keep their names, and a checkpoint does not depend on
    the number of processes.
    """

    def __init__(self, problem: Problem, setting: Setting) -> None:
        self.problem, self.setting = problem, setting
        # By its name `fit` knows a loss again, whatever the number of processes.
        self.__qualname__ = getattr(problem.loss, "__qualname__", type(problem.loss).__name__)
        self.parallel = DistributedDataParallel(problem.model)

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        if not model.training:  # all compute the same; the mean makes them agree to the last bit
            return self._mean(self.problem.loss(model, batch))
        value = self.problem.loss(self.parallel, self._share(batch))
        return value + (self._mean(value) - value).detach()

    def _share(self, batch: Batch) -> Batch:
        _, rank, processes = self.setting
        return tuple(
            item if axis is None else item.chunk(processes, axis)[rank]
            for item, axis in zip(batch, self.problem.axes, strict=True)
        )

    def _mean(self, value: Tensor) -> Tensor:
        total = value.detach().clone()
        dist.all_reduce(total)
        return total / self.setting.processes


@contextmanager
def _setting(batch: int) -> Iterator[Setting]:
    """Join the other processes, if torchrun has started any."""
    processes, local = (int(os.environ.get(f"{n}WORLD_SIZE", "1")) for n in ("", "LOCAL_"))
    if batch % processes:
        raise ValueError(
            f"--batch: expected a multiple of {processes}, the number of processes, got {batch}"
        )
    cuda = torch.cuda.device_count() >= local
    device = torch.device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if cuda else "cpu")
    if processes == 1:
        yield Setting(device, 0, 1)
        return
    if cuda:
        torch.cuda.set_device(device)
    # torchrun keeps one store of addresses over all restarts of a run; without a part of its own
    # for each, a process may find the address of one that died.
    store, rank, _ = next(rendezvous("env://"))
    life = dist.PrefixStore(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"), store)
    backend = "nccl" if cuda else "gloo"
    dist.init_process_group(backend, store=life, rank=rank, world_size=processes)
    try:
        yield Setting(device, rank, processes)
    finally:
        dist.destroy_process_group()


# The command line


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, once however many processes there are."""

    def error(self, message: str) -> NoReturn:
        first = os.environ.get("RANK", "0") == "0"
        self.exit(2, f"{self.prog}: {message}\n" if first else None)


def _number(kind: type, check: Callable[[str, Any], Any]) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError as error:
            wanted = "an integer" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"expected {wanted}, got {text!r}") from error
        try:
            return check("", value)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error).removeprefix(": ")) from error

    return convert


def _parser() -> _Parser:
    parser = _Parser(
        prog="python -m lstm_tutorial.train",
        description="Train one of the book's networks and say how good it is.",
        epilog="TASK --help shows a task's options and their defaults. The command runs unchanged "
        "under torchrun --nproc-per-node N -m lstm_tutorial.train TASK: N processes share every "
        "batch and end with the weights of one, to rounding.",
    )
    commands = parser.add_subparsers(dest="task", metavar="TASK", required=True)
    whole, number = _number(int, _check.positive_int), _number(float, _check.positive_float)
    for name, task in TASKS.items():
        command = commands.add_parser(
            name, help=task.about, description=f"{task.about[0].upper()}{task.about[1:]}."
        )
        for option, kind, says in [
            ("epochs", whole, "how often the training data are gone through"),
            ("lr", number, "learning rate of Adam"),
            ("hidden", whole, "units of the LSTM"),
            ("batch", whole, "sequences an update, of all processes together"),
        ]:
            command.add_argument(
                f"--{option}",
                type=kind,
                metavar="N" if kind is whole else "X",
                default=task.defaults[option],
                help=f"{says} (default: %(default)s)",
            )
        command.add_argument(
            "--seed",
            type=_number(int, _check.seed),
            metavar="N",
            default=0,
            help="of the initial weights and of all that is drawn (default: %(default)s)",
        )
        command.add_argument(
            "--checkpoint",
            type=Path,
            metavar="FILE",
            help="store the run here after every epoch; if the file is there, go on from it",
        )
        command.add_argument(
            "--out", type=Path, metavar="FILE", help="write the trained weights here, a state_dict"
        )
    return parser


def main(args: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = _parser()
    options = parser.parse_args(args)
    torch.set_num_threads(1)
    try:
        if options.out is not None and (options.out.is_dir() or not options.out.parent.is_dir()):
            raise ValueError(f"--out: expected a file in a folder that exists, got {options.out}")
        with _setting(options.batch) as setting:
            _train(options, setting)
    except (ValueError, ModuleNotFoundError) as error:
        parser.error(str(error))
    except FloatingPointError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        kept = options.checkpoint is not None and options.checkpoint.exists()
        goes_on = f"; the same command goes on from {options.checkpoint}" if kept else ""
        print(f"{parser.prog}: stopped{goes_on}", file=sys.stderr)
        return 130
    return 0


def _train(options: argparse.Namespace, setting: Setting) -> None:
    task = TASKS[options.task]
    torch.manual_seed(options.seed)
    problem = task.make(options.hidden, options.batch, setting)
    history = training.fit(
        problem.model,
        problem.loss if setting.processes == 1 else _Shared(problem, setting),
        problem.batches,
        problem.valid,
        lr=options.lr,
        epochs=options.epochs,
        seed=options.seed,
        checkpoint=options.checkpoint,
        progress=setting.rank == 0,
        **task.fixed,
    )
    if setting.rank == 0:
        print(history)
        with torch.no_grad():
            print(problem.report())
        if options.out is not None:
            torch.save(problem.model.state_dict(), options.out)


if __name__ == "__main__":
    sys.exit(main())
