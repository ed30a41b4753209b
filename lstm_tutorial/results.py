"""The stored results of the long experiments, read with JSON and NumPy alone.

``python -m lstm_tutorial.experiments`` writes them, one file an experiment, in a folder for each
chapter. A file describes itself:

``experiment``, ``about``, ``function``, ``seeds``
    What was run, and where its randomness comes from.
``trials``
    For each trial its ``settings``, what all trials of a file have ``fixed``, the ``result``,
    ``seconds`` of processor time, ``versions``, ``processor``, and the ``fingerprint`` of the code
    that made it. A trial that has not been run yet has its settings alone.
``checked``
    The code that last made a sample of the trials again with results that agree, or null.
``note``
    What was not recorded.

See Also
--------
lstm_tutorial.experiments : the command
"""

import difflib
import json
import math
import tempfile
from pathlib import Path
from typing import Any

from lstm_tutorial import _check

STORED = Path(__file__).parent / "experiments" / "results"


def load(name: str) -> list[dict[str, Any]]:
    """Read an experiment's trials.

    Parameters
    ----------
    name : str
        As ``python -m lstm_tutorial.experiments --list`` names it.

    Returns
    -------
    list of dict
        The settings and results of each trial in one dict, in the order of the experiment.

    Raises
    ------
    ValueError
        If nothing is stored under this name.
    FileNotFoundError
        If some of its trials are missing, with the command that runs them.

    See Also
    --------
    read : with versions, processor, time and fingerprint
    """
    trials = read(name)["trials"]
    missing = sum("result" not in trial for trial in trials)
    if missing:
        raise FileNotFoundError(
            f"{name}: {missing} of {len(trials)} trials are not stored; "
            f"run them with: python -m lstm_tutorial.experiments {name}"
        )
    return [{**trial["settings"], **trial["result"]} for trial in trials]


def read(name: str) -> dict[str, Any]:
    """Read all that an experiment's file says; see above for its keys.

    Raises
    ------
    ValueError
        If nothing is stored under this name.
    """
    files = _files()
    if name not in files:
        raise ValueError(f"name: expected an experiment with stored results, {_nearest(name)}")
    return json.loads(files[name].read_text(encoding="utf-8"))


def names(chapter: str | None = None) -> list[str]:
    """Return the names of the experiments with stored results, of one chapter or of all.

    Parameters
    ----------
    chapter : str, optional
        Its slug as Python writes it, such as "when_not".

    Raises
    ------
    ValueError
        For a chapter without stored results.
    """
    files = _files()
    chapters = sorted({path.parent.name for path in files.values()})
    if chapter is not None:
        _check.choice("chapter", chapter, chapters)
    return sorted(name for name, path in files.items() if chapter in (None, path.parent.name))


def folder() -> Path:
    """Return the folder that the command writes to.

    It is the package's own, unless that is read-only: then it is ``.lstm-tutorial/results`` in the
    user's home, which is read before the package's own.
    """
    return STORED if _writable(STORED) else _of_the_user()


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of Wilson (1927) for a rate of success.

    Parameters
    ----------
    successes : int
        From 0 to `trials`.
    trials : int
        At least 1.

    Returns
    -------
    low, high : float

    Raises
    ------
    TypeError, ValueError
        For arguments that are not such integers.
    """
    trials, successes = (
        _check.positive_int("trials", trials),
        _check.integer("successes", successes),
    )
    if not 0 <= successes <= trials:
        raise ValueError(f"successes: expected 0 to trials={trials}, got {successes}")
    z2 = 1.96**2
    middle = (successes + z2 / 2) / (trials + z2)
    spread = math.sqrt(z2 * (successes * (trials - successes) / trials + z2 / 4)) / (trials + z2)
    return max(middle - spread, 0.0), min(middle + spread, 1.0)


def _files() -> dict[str, Path]:
    """Return the file of every stored experiment."""
    own = _of_the_user()
    # An own folder is left alone by an installation that can write to its package.
    folders = [STORED, own] if own.exists() and not _writable(STORED) else [STORED]
    return {path.stem: path for each in folders for path in sorted(each.glob("*/*.json"))}


def _of_the_user() -> Path:
    return Path.home() / ".lstm-tutorial" / "results"


def _writable(folder: Path) -> bool:
    """Try it: what the system says beforehand is wrong on Windows, and for an administrator."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _nearest(name: str) -> str:
    """Say what came, and what may have been meant."""
    files = _files()
    mine = sorted(each for each, path in files.items() if path.parent.name == name)
    if mine:
        return f"got the chapter {name!r}, which has {', '.join(mine)}"
    close = difflib.get_close_matches(str(name), files, n=3, cutoff=0.4)
    found = f"the nearest are {', '.join(close)}" if close else "none is like it"
    return f"got {name!r}; {found} (python -m lstm_tutorial.experiments --list names all)"
