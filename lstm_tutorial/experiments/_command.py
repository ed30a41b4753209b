"""The command: run, check and list the experiments of the chapters."""

import argparse
import difflib
import pkgutil
import sys
import time
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

from lstm_tutorial import experiments, results
from lstm_tutorial.experiments._experiment import Experiment
from lstm_tutorial.experiments._runner import machine, run_trial, run_trials
from lstm_tutorial.experiments._store import InUseError, Store

Item = TypeVar("Item")


@cache
def chapters() -> dict[str, dict[str, Experiment]]:
    """Import the modules of the chapters; return each one's experiments by its slug.

    A chapter whose packages are not installed is left out.
    """
    found = {}
    for slug in slugs():
        try:
            found[slug] = import_module(f"lstm_tutorial.experiments.{slug}").EXPERIMENTS
        except ModuleNotFoundError as error:
            if error.name not in ("torch", "tqdm"):
                raise
    return found


def slugs() -> list[str]:
    """Return the names of the chapters' modules."""
    modules = [module.name for module in pkgutil.iter_modules(experiments.__path__)]
    return [name for name in modules if not name.startswith("_")]


def stores() -> dict[str, Store]:
    """Return the store of every experiment by its name."""
    return {
        name: Store(chapter, name, experiment)
        for chapter, own in chapters().items()
        for name, experiment in own.items()
    }


def run(name: str, trials: int | None = None, jobs: int = 1, again: bool = False) -> None:
    """Run and store the trials of an experiment that are not stored yet.

    Parameters
    ----------
    name : str
    trials : int, optional
        Only so many of them, the first of the experiment.
    jobs : int
        How many trials at a time, each in a process of its own.
    again : bool
        Run stored trials too. The new results take the place of the old ones when all are there.

    Raises
    ------
    InUseError
        If another process runs the same experiment.
    """
    store = stores()[name]
    with store.locked():
        todo = store.missing(trials, again)
        done = run_trials(store.chapter, name, store.experiment, todo, jobs)
        for trial, result in _followed(done, name, len(todo)):
            store.keep(trial, result, again)
        if again:
            store.swap()
    stored = len(store.experiment.trials) - len(store.missing())
    print(f"{name}: {len(todo)} trials run, {stored} of {len(store.experiment.trials)} stored")


def _followed(items: Iterable[Item], name: str, total: int) -> Iterator[Item]:
    """Say how many are done and how long the others will take; on a terminal in one line."""
    start, terminal = time.monotonic(), sys.stderr.isatty()
    for done, item in enumerate(items, 1):
        yield item
        left = (time.monotonic() - start) / done * (total - done)
        said = f"{name}: {done} of {total} trials, about {duration(left)} left"
        end = "\r" if terminal and done < total else "\n"
        print(f"{said:70}" if terminal else said, end=end, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Write a time as a person would say it."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def forecast(names: list[str], trials: int | None = None, again: bool = False) -> str:
    """Say how many trials would be run, and how long that takes by the times of stored ones."""
    todo, known, unknown = 0, list[float](), list[str]()
    for name in names:
        missing = len(stores()[name].missing(trials, again))
        seconds = _seconds(stores()[name])
        todo += missing
        if missing and seconds is not None:
            known.append(missing * seconds)
        elif missing:
            unknown.append(f"{name}: not known, never run so far")
    if not todo:
        return "nothing to run: every trial is stored; --again runs them anew"
    total = [f"about {duration(sum(known))} of one processor"] if known else []
    return f"{todo} trials to run; " + "; ".join([*total, *unknown])


def _seconds(store: Store) -> float | None:
    """Return the mean time of the stored trials."""
    times = [row["seconds"] for row in store.read()["trials"] if "result" in row]
    return sum(times) / len(times) if times else None


def check(name: str) -> bool:
    """Run an experiment's sample again; print and return whether the stored results agree.

    If they do, the file is told that today's code makes such results.
    """
    store = stores()[name]
    results.load(name)  # refuses an experiment that is not all there
    rows, good = store.read()["trials"], True
    for row in (rows[k] for k in store.experiment.sample):
        again = run_trial(store.experiment, row["settings"])
        same = store.experiment.agree(row["result"], again["result"])
        good &= same
        settings = " ".join(f"{key}={value}" for key, value in row["settings"].items())
        print(f"{'agrees' if same else 'DIFFERS'}  {name}  {settings}  {again['seconds']} s")
    if good:
        with store.locked():
            store.confirm({"trials": store.experiment.sample, **machine()})
    return good


def listing() -> str:
    """Return a line for each experiment, under its chapter: stored, time, state, what it is."""
    lines = []
    for chapter, own in chapters().items():
        lines += ["", chapter]
        for name in own:
            store = stores()[name]
            total, seconds = len(store.experiment.trials), _seconds(store)
            stored = f"{total - len(store.missing())}/{total}"
            time = duration(total * seconds) if seconds is not None else "?"
            lines.append(
                f"  {name:31} {stored:>7} {time:>7}  {store.state():8} {store.experiment.about}"
            )
    absent = [slug for slug in slugs() if slug not in chapters()]
    lines += ["", f"not installed, so left out: PyTorch, for {', '.join(absent)}"] if absent else []
    head = f"{'':33} {'stored':>7} {'time':>7}  {'state':8} what is run"
    return "\n".join([head, *lines[1:], "", *_legend()])


def _legend() -> list[str]:
    return [
        "time: of one processor, from the stored trials",
        "state: current (today's code made or checked it), stale (other code did; --check or",
        "       --again), unknown (not recorded; --check), missing (trials are)",
    ]


def states() -> str:
    """Say how many experiments stand in which state, and name those that call for something."""
    found: dict[str, list[str]] = {"current": [], "unknown": [], "stale": [], "missing": []}
    for name, store in stores().items():
        found[store.state()].append(name)
    counts = ", ".join(f"{len(names)} {state}" for state, names in found.items() if names)
    lines = [f"stored results: {counts}"]
    for state, command in (("stale", "NAME --check, or --again"), ("missing", "NAME")):
        if found[state]:
            lines.append(f"{state}: {', '.join(found[state])}")
            lines.append(f"  (python -m lstm_tutorial.experiments {command})")
    return "\n".join(lines)


def main(args: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _options(args)
    if options.list or options.state:
        print(listing() if options.list else states())
        return 0
    names = [options.name] if options.name else list(stores())
    if results.folder() != results.STORED:
        print(f"the package is read-only; results are written to {results.folder()}")
    try:
        if options.check:
            return 0 if all([check(name) for name in names]) else 1
        print(forecast(names, options.trials, options.again))
        return max([_run_or_say_why(name, options) for name in names], default=0)
    except InUseError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; finished trials are stored, and the same command goes on from there")
        return 130


def _run_or_say_why(name: str, options: argparse.Namespace) -> int:
    """Run an experiment if it has something to run; one that runs elsewhere stops no other."""
    if not stores()[name].missing(options.trials, options.again):
        return 0
    try:
        run(name, options.trials, options.jobs, options.again)
    except InUseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _options(args: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m lstm_tutorial.experiments",
        description="Run the book's long experiments and store their results as data.",
        epilog="Without NAME all are run. What is stored already is not run again.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="one experiment")
    parser.add_argument("--list", action="store_true", help="show the experiments and stop")
    parser.add_argument("--state", action="store_true", help="name what is stale and stop")
    parser.add_argument("--check", action="store_true", help="run a sample again and compare")
    parser.add_argument("--again", action="store_true", help="run what is stored too")
    parser.add_argument("--trials", type=int, metavar="N", help="the first N trials of each alone")
    parser.add_argument("--jobs", type=int, metavar="N", default=1, help="N trials at a time")
    options = parser.parse_args(args)
    if options.name is not None and options.name not in stores():
        parser.error(f"NAME: expected an experiment, got {options.name!r}; {_meant(options.name)}")
    for option in ("trials", "jobs"):
        if (given := getattr(options, option)) is not None and given < 1:
            parser.error(f"--{option}: expected at least 1, got {given}")
    return options


def _meant(name: str) -> str:
    """Say what a wrong name may stand for."""
    if name.replace("-", "_") in chapters():
        return f"the chapter has {', '.join(chapters()[name.replace('-', '_')])}"
    close: list[Any] = difflib.get_close_matches(name, stores(), n=3, cutoff=0.4)
    return f"the nearest are {', '.join(close)}" if close else "--list shows all"
