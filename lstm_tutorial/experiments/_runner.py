"""One trial after the other, or several at a time: each undisturbed, timed and signed."""

import os
import platform
import random
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.metadata import version
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tutorial.experiments._experiment import Experiment
from lstm_tutorial.experiments._fingerprint import fingerprint

# Whose version is stored with a result, by what is imported: those that the run has loaded.
PACKAGES = {
    **{"numpy": "numpy", "torch": "torch", "numba": "numba"},
    **{"sklearn": "scikit-learn", "statsmodels": "statsmodels"},
}
Trial = dict[str, Any]


@contextmanager
def undisturbed() -> Iterator[None]:
    """Give a trial one thread, float32, generators at seed 0; put back what was there before.

    PyTorch is left alone if nothing has loaded it. NumPy's own threads are set by the command
    before it starts.
    """
    with ExitStack() as put_back:
        put_back.callback(random.setstate, random.getstate())
        put_back.callback(np.random.set_state, np.random.get_state())  # noqa: NPY002
        put_back.callback(_set_environment, dict(os.environ))
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002
        torch = sys.modules.get("torch")
        if torch is not None:
            put_back.callback(torch.set_num_threads, torch.get_num_threads())
            put_back.callback(torch.set_default_dtype, torch.get_default_dtype())
            put_back.callback(torch.set_rng_state, torch.get_rng_state())
            torch.set_num_threads(1)
            torch.set_default_dtype(torch.float32)
            torch.default_generator.manual_seed(0)
        yield


def _set_environment(variables: dict[str, str]) -> None:
    for name in set(os.environ) - set(variables):
        del os.environ[name]
    os.environ.update(variables)


def run_trial(experiment: Experiment, trial: Trial) -> dict[str, Any]:
    """Run one trial; return its result with all that is needed to repeat it."""
    with undisturbed():
        start = time.process_time()
        result = experiment.run(**trial)
        seconds = time.process_time() - start
    return {
        "result": result,
        "seconds": round(seconds, 1),
        **machine(),
        "fingerprint": fingerprint(experiment.run),
    }


def machine() -> dict[str, Any]:
    """Return what ran: the versions of the packages that are loaded, and the processor."""
    loaded = {name: version(name) for module, name in PACKAGES.items() if module in sys.modules}
    return {
        "versions": {"python": platform.python_version(), **loaded},
        "processor": _processor(),
    }


def _processor() -> str:
    """Return the processor's name: Linux hides it from `platform`."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def run_trials(
    chapter: str, name: str, experiment: Experiment, trials: list[Trial], jobs: int
) -> Iterator[tuple[Trial, dict[str, Any]]]:
    """Yield each trial with its result as soon as it is there."""
    if jobs == 1:
        for trial in trials:
            yield trial, run_trial(experiment, trial)
        return
    # Not by fork: a copy of a process in which PyTorch has started threads can hang.
    with ProcessPoolExecutor(jobs, get_context("spawn"), _die_on_interrupt) as pool:
        try:
            yield from _as_completed(
                {pool.submit(_run_by_name, chapter, name, trial): trial for trial in trials}, pool
            )
        except (KeyboardInterrupt, GeneratorExit):
            pool.shutdown(wait=False, cancel_futures=True)
            for child in active_children():  # their trials may still take minutes
                child.terminate()
                child.join()
            raise


def _as_completed(
    pending: dict[Future[dict[str, Any]], Trial], pool: ProcessPoolExecutor
) -> Iterator[tuple[Trial, dict[str, Any]]]:
    """Yield what comes; after an error only what has begun, then raise it."""
    first: BaseException | None = None
    for future in as_completed(pending):
        if future.cancelled():
            continue
        error = future.exception()
        if error is None:
            yield pending[future], future.result()
        else:
            first = first or error
            pool.shutdown(wait=False, cancel_futures=True)
    if first is not None:
        raise first


def _die_on_interrupt() -> None:
    """Let the interrupt that a terminal sends to all end this process without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _run_by_name(chapter: str, name: str, trial: Trial) -> dict[str, Any]:
    module = import_module(f"lstm_tutorial.experiments.{chapter}")
    return run_trial(module.EXPERIMENTS[name], trial)
