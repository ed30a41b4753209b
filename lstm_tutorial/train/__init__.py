"""Train the book's networks from a terminal, in one process or in several.

    python -m lstm_tutorial.train vowels
    python -m lstm_tutorial.train vowels --checkpoint vowels.pt  # stopped, the same command goes on
    python -m lstm_tutorial.train adding --checkpoint a.pt --epochs 80  # goes on from 40
    torchrun --nproc-per-node 2 -m lstm_tutorial.train vowels    # the same weights, to rounding

Every process holds the whole model, takes an equal share of each batch and averages its gradients
with those of the others (`torch.nn.parallel.DistributedDataParallel`), by nccl where each process
has a GPU, else by gloo. A process computes in one thread.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import torch

from lstm_tutorial import _check, _files, _globals, training
from lstm_tutorial.train._processes import Setting, Shared, joined
from lstm_tutorial.train._tasks import TASKS

__all__ = ["TASKS", "main"]


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
    try:
        if options.out is not None and (options.out.is_dir() or not options.out.parent.is_dir()):
            raise ValueError(f"--out: expected a file in a folder that exists, got {options.out}")
        with _globals.threads(1), _globals.randomness(), joined(options.batch) as setting:
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
    loss = problem.loss
    if setting.processes > 1:
        loss = Shared(problem.model, loss, problem.axes, setting)
    history = training.fit(
        problem.model,
        loss,
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
            weights = problem.model.state_dict()
            _files.replace(options.out, lambda file: torch.save(weights, file))
