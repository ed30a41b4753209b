"""Runs that are too long for a notebook: done by command, stored as data, checked by command.

    python -m lstm_tutorial.experiments --list
    python -m lstm_tutorial.experiments adding-by-lag          # runs what is not stored yet
    python -m lstm_tutorial.experiments adding-by-lag --check  # runs a sample again and compares

Each trial is stored as soon as it is done, with its seed, its time, the versions and the
processor; an interrupted run goes on where it stopped. Chapters read the results with `load`.
"""

import argparse
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lstm_tutorial import (
    trials_cell,
    trials_classifying,
    trials_fewshot,
    trials_forecasting,
    trials_language,
    trials_training,
)
from lstm_tutorial._experiment import Experiment

RESULTS = Path(__file__).parent / "results"
PACKAGES = ["numpy", "torch"]

EXPERIMENTS: dict[str, Experiment] = {
    **trials_cell.EXPERIMENTS,
    **trials_classifying.EXPERIMENTS,
    **trials_language.EXPERIMENTS,
    **trials_forecasting.EXPERIMENTS,
    **trials_fewshot.EXPERIMENTS,
    **trials_training.EXPERIMENTS,
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


def run(name: str) -> None:
    """Run and store the trials of an experiment that are not stored yet."""
    experiment = _find(name)
    stored = _read(name)
    todo = [t for t in experiment.trials if _key(t) not in stored]
    for trial in tqdm(todo, desc=name, unit="trial", disable=None):
        stored[_key(trial)] = _timed(experiment, trial)
        _write(name, stored)
    print(f"{name}: {len(todo)} trials run, {len(experiment.trials)} stored")


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
    options = parser.parse_args(args)
    if options.list:
        for name, experiment in EXPERIMENTS.items():
            print(f"{name:16} {len(experiment.trials):4} trials: {experiment.about}")
        return 0
    if options.name is not None and options.name not in EXPERIMENTS:
        parser.error(f"NAME: expected one of {', '.join(EXPERIMENTS)}, got {options.name}")
    names = [options.name] if options.name else list(EXPERIMENTS)
    if options.check:
        return 0 if all([check(name) for name in names]) else 1
    for name in names:
        run(name)
    return 0


def _find(name: str) -> Experiment:
    if name not in EXPERIMENTS:
        raise ValueError(f"name: expected one of {', '.join(EXPERIMENTS)}, got {name!r}")
    return EXPERIMENTS[name]


def _key(trial: dict[str, Any]) -> str:
    return " ".join(f"{k}={v}" for k, v in trial.items())


def _timed(experiment: Experiment, trial: dict[str, Any]) -> dict[str, Any]:
    start = time.perf_counter()
    result = experiment.run(**trial)
    return {
        "result": result,
        "seconds": round(time.perf_counter() - start, 1),
        "versions": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
        "processor": _processor(),
    }


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
    rows = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in stored.items())
    partial.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
    os.replace(partial, RESULTS / f"{name}.json")


if __name__ == "__main__":
    sys.exit(main())
