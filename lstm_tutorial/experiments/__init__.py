"""Runs that are too long for a notebook: done by command, stored as data, checked by command.

    python -m lstm_tutorial.experiments --list
    python -m lstm_tutorial.experiments adding-by-lag          # runs what is not stored yet
    python -m lstm_tutorial.experiments adding-by-lag --trials 5 --jobs 2
    python -m lstm_tutorial.experiments adding-by-lag --check  # runs a sample again and compares
    python -m lstm_tutorial.experiments --again  # runs all, stored or not

How long it will take is said beforehand, from the times of the stored trials. Each trial is stored
as soon as it is done, with its seed, its seconds of processor time, the versions and the processor;
an interrupted run goes on where it stopped. Chapters read the results with `load`.
"""

import argparse
import json
import math
import os
import platform
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lstm_tutorial.experiments import again as trials_original
from lstm_tutorial.experiments import (
    bias,
    classifying,
    counting,
    design,
    forecasting,
    language,
    metalearner,
    relatives,
    training,
    when_not,
    worth,
)
from lstm_tutorial.experiments._experiment import Experiment

RESULTS = Path(__file__).parent.parent / "results"
# Whose version is stored with a result, by what is imported: those that the run has loaded.
PACKAGES = {
    **{"numpy": "numpy", "torch": "torch", "numba": "numba"},
    **{"sklearn": "scikit-learn", "statsmodels": "statsmodels"},
}

EXPERIMENTS: dict[str, Experiment] = {
    **design.EXPERIMENTS,
    **classifying.EXPERIMENTS,
    **language.EXPERIMENTS,
    **forecasting.EXPERIMENTS,
    **trials_original.EXPERIMENTS,
    **metalearner.EXPERIMENTS,
    **training.EXPERIMENTS,
    **counting.EXPERIMENTS,
    **worth.EXPERIMENTS,
    **bias.EXPERIMENTS,
    **relatives.EXPERIMENTS,
    **when_not.EXPERIMENTS,
}


def load(name: str) -> list[dict[str, Any]]:
    """Read an experiment's stored trials.

    Returns
    -------
    list of dict
        The settings and results of each trial in one dict, in the order of the experiment.

    Raises
    ------
    ValueError
        For an unknown name.
    FileNotFoundError
        Where trials are missing, with the command that runs them.
    """
    experiment = _find(name)
    stored = _read(name)
    missing = [t for t in experiment.trials if _key(t) not in stored]
    if missing:
        raise FileNotFoundError(
            f"{name}: {len(missing)} of {len(experiment.trials)} trials are not stored; "
            f"run them with: python -m lstm_tutorial.experiments {name}"
        )
    return [{**t, **stored[_key(t)]["result"]} for t in experiment.trials]


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of Wilson (1927) for a rate of success.

    Parameters
    ----------
    successes, trials : int

    Returns
    -------
    low, high : float
    """
    z2 = 1.96**2
    middle = (successes + z2 / 2) / (trials + z2)
    spread = math.sqrt(z2 * (successes * (trials - successes) / trials + z2 / 4)) / (trials + z2)
    return max(middle - spread, 0.0), min(middle + spread, 1.0)


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
        Run stored trials too, and forget the old results.

    Raises
    ------
    ValueError
        For an unknown name.
    """
    todo = _todo(name, trials, again)
    stored = {} if again else _read(name)
    results = _results(name, todo, jobs)
    for trial, result in tqdm(results, desc=name, unit="trial", total=len(todo), disable=None):
        stored[_key(trial)] = result
        _write(name, stored)
    print(f"{name}: {len(todo)} trials run, {len(stored)} of {len(_find(name).trials)} stored")


def forecast(names: list[str], trials: int | None = None, again: bool = False) -> str:
    """Say how many trials would be run, and how long that takes by the times of stored ones."""
    todo, known, unknown = 0, list[float](), list[str]()
    for name in names:
        missing = len(_todo(name, trials, again))
        times = [trial["seconds"] for trial in _read(name).values()]
        todo += missing
        if missing and times:
            known.append(missing * sum(times) / len(times))
        elif missing:
            unknown.append(f"{name}: not known, never run so far")
    if not todo:
        return "nothing to run: every trial is stored; --again runs them anew"
    total = [f"about {sum(known) / 60:.0f} minutes of one processor"] if known else []
    return f"{todo} trials to run; " + "; ".join([*total, *unknown])


def check(name: str) -> bool:
    """Run an experiment's sample again; print and return whether the stored results agree."""
    experiment = _find(name)
    load(name)
    stored = _read(name)
    good = True
    for trial in (experiment.trials[k] for k in experiment.sample):
        again = _timed(experiment, trial)
        same = experiment.agree(stored[_key(trial)]["result"], again["result"])
        good &= same
        print(f"{'agrees' if same else 'DIFFERS'}  {_key(trial)}  {again['seconds']} s")
    return good


def main(args: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m lstm_tutorial.experiments",
        description="Run the book's long experiments and store their results as data.",
        epilog="Without NAME all are run. What is stored already is not run again.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="one experiment")
    parser.add_argument("--list", action="store_true", help="name the experiments and stop")
    parser.add_argument("--check", action="store_true", help="run a sample again and compare")
    parser.add_argument("--again", action="store_true", help="run what is stored too")
    parser.add_argument("--trials", type=int, metavar="N", help="the first N trials of each alone")
    parser.add_argument("--jobs", type=int, metavar="N", default=1, help="N trials at a time")
    options = parser.parse_args(args)
    if options.list:
        width = max(map(len, EXPERIMENTS))
        for name, experiment in EXPERIMENTS.items():
            print(f"{name:{width}} {len(experiment.trials):4} trials: {experiment.about}")
        return 0
    if options.name is not None and options.name not in EXPERIMENTS:
        parser.error(f"NAME: expected one of {', '.join(EXPERIMENTS)}, got {options.name}")
    for option in ("trials", "jobs"):
        if (given := getattr(options, option)) is not None and given < 1:
            parser.error(f"--{option}: expected at least 1, got {given}")
    names = [options.name] if options.name else list(EXPERIMENTS)
    if options.check:
        return 0 if all([check(name) for name in names]) else 1
    print(forecast(names, options.trials, options.again))
    for name in names:
        if _todo(name, options.trials, options.again):
            run(name, options.trials, options.jobs, options.again)
    return 0


def _find(name: str) -> Experiment:
    if name not in EXPERIMENTS:
        raise ValueError(f"name: expected one of {', '.join(EXPERIMENTS)}, got {name!r}")
    return EXPERIMENTS[name]


def _todo(name: str, trials: int | None, again: bool) -> list[dict[str, Any]]:
    """List the trials to run: of the first `trials`, those not stored yet, or all `again`."""
    stored = {} if again else _read(name)
    return [t for t in _find(name).trials[:trials] if _key(t) not in stored]


def _results(
    name: str, trials: list[dict[str, Any]], jobs: int
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each trial with its result as soon as it is there."""
    if jobs == 1:
        for trial in trials:
            yield trial, _timed(_find(name), trial)
        return
    # Not by fork: a copy of a process in which PyTorch has started threads can hang.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        try:
            done = {pool.submit(_by_name, name, trial): trial for trial in trials}
            for future in as_completed(done):
                yield done[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _by_name(name: str, trial: dict[str, Any]) -> dict[str, Any]:
    return _timed(_find(name), trial)


def _key(trial: dict[str, Any]) -> str:
    return " ".join(f"{k}={v}" for k, v in trial.items())


def _timed(experiment: Experiment, trial: dict[str, Any]) -> dict[str, Any]:
    start = time.process_time()
    result = experiment.run(**trial)
    return {
        "result": result,
        "seconds": round(time.process_time() - start, 1),
        "versions": {"python": platform.python_version(), **_versions()},
        "processor": _processor(),
    }


def _versions() -> dict[str, str]:
    return {name: version(name) for module, name in PACKAGES.items() if module in sys.modules}


def _processor() -> str:
    """Return the processor's name: Linux hides it from `platform`."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _read(name: str) -> dict[str, Any]:
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _write(name: str, stored: dict[str, Any]) -> None:
    """Replace the file in one move, so that an interruption leaves the old one whole."""
    RESULTS.mkdir(exist_ok=True)
    partial = RESULTS / f"{name}.json.partial"
    order = {_key(trial): k for k, trial in enumerate(_find(name).trials)}
    keys = sorted(stored, key=lambda key: order.get(key, len(order)))
    rows = (f"{json.dumps(key)}: {json.dumps(stored[key])}" for key in keys)
    partial.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
    os.replace(partial, RESULTS / f"{name}.json")


if __name__ == "__main__":
    sys.exit(main())
