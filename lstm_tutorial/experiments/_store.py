"""The file of an experiment's results: what it says, how it is written, and by one run alone."""

import inspect
import json
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from lstm_tutorial import results
from lstm_tutorial.experiments._experiment import Experiment
from lstm_tutorial.experiments._fingerprint import fingerprint

NOTE = (
    "Of trials whose fingerprint is null the code was not recorded; what they have fixed is taken "
    "from version 0.1."
)
Row = dict[str, Any]


class InUseError(Exception):
    """Another process writes the same experiment's results."""


@dataclass(frozen=True)
class Store:
    """The stored results of one experiment.

    The path ends in ``.json``. What ``--again`` makes stands beside it, in ``.again``, until all
    of it is there.
    """

    chapter: str
    name: str
    experiment: Experiment

    @property
    def path(self) -> Path:
        """Where results are written."""
        return results.folder() / self.chapter / f"{self.name}.json"

    def read(self, again: bool = False) -> dict[str, Any]:
        """Return what the file says, with a row for every trial of the experiment.

        With `again` the file of what has been run again, as far as by today's code.
        """
        stored: dict[str, Any] = {"trials": []}
        beside = self.path.with_suffix(".again")
        if again and beside.exists():
            stored = json.loads(beside.read_text(encoding="utf-8"))
            today = fingerprint(self.experiment.run)
            stored["trials"] = [t for t in stored["trials"] if t.get("fingerprint") == today]
        elif not again and self.name in results.names():
            stored = results.read(self.name)
        rows = {_key(row["settings"]): row for row in stored["trials"]}
        trials = [rows.get(_key(t), {"settings": t}) for t in self.experiment.trials]
        return {**self._description(), "checked": stored.get("checked"), "trials": trials}

    def _description(self) -> dict[str, Any]:
        run = self.experiment.run
        function = run.func if isinstance(run, partial) else run
        return {
            "experiment": self.name,
            "about": self.experiment.about,
            "function": f"{function.__module__}.{function.__qualname__}",
            "seeds": self.experiment.seeds,
        }

    def missing(self, trials: int | None = None, again: bool = False) -> list[dict[str, Any]]:
        """Return the settings of those of the first `trials` that are to be run."""
        rows = self.read(again)["trials"][:trials]
        return [row["settings"] for row in rows if "result" not in row]

    def keep(self, trial: dict[str, Any], result: Row, again: bool = False) -> None:
        """Store the result of one trial."""
        contents = self.read(again)
        row = {"settings": trial, **self._fixed(), **result}
        contents["trials"] = [
            row if _key(old["settings"]) == _key(trial) else old for old in contents["trials"]
        ]
        self._write(contents, self.path.with_suffix(".again") if again else self.path)

    def _fixed(self) -> dict[str, Any]:
        run = self.experiment.run
        if not isinstance(run, partial):
            return {}
        named = inspect.signature(run.func).bind_partial(*run.args, **run.keywords)
        return {"fixed": _plain(named.arguments)}

    def swap(self) -> None:
        """Let the trials that were run again take the place of the old ones."""
        contents, anew = self.read(), self.read(again=True)
        pairs = zip(contents["trials"], anew["trials"], strict=True)
        contents["trials"] = [new if "result" in new else old for old, new in pairs]
        self._write(contents, self.path)
        self.path.with_suffix(".again").unlink(missing_ok=True)

    def confirm(self, confirmed: dict[str, Any]) -> None:
        """Store that today's code agrees with what is stored."""
        today = fingerprint(self.experiment.run)
        self._write({**self.read(), "checked": {"fingerprint": today, **confirmed}}, self.path)

    def state(self) -> str:
        """Return "missing", "unknown", "stale" or "current", by the code that made the trials."""
        contents = self.read()
        if any("result" not in row for row in contents["trials"]):
            return "missing"
        today = fingerprint(self.experiment.run)
        if (contents["checked"] or {}).get("fingerprint") == today:
            return "current"
        made = {row["fingerprint"] for row in contents["trials"]}
        if made == {today}:
            return "current"
        return "unknown" if made <= {None, today} and contents["checked"] is None else "stale"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from writing these results.

        The lock is the system's, which opens it when the process ends, however that comes.

        Raises
        ------
        InUseError
            If another process holds it.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_name(f".{self.name}.lock").open("a", encoding="utf-8") as file:
            try:
                _lock(file)
            except OSError as error:
                raise InUseError(
                    f"{self.name}: another process is running it; its results are stored as they "
                    "come, so wait for it, or stop it and start again here"
                ) from error
            yield

    def _write(self, contents: dict[str, Any], path: Path) -> None:
        """Replace the file at one stroke, a trial a line."""
        head = {key: value for key, value in contents.items() if key not in ("note", "trials")}
        if any(row.get("fingerprint", "") is None for row in contents["trials"]):
            head["note"] = NOTE
        lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
        rows = ",\n".join(json.dumps(row) for row in contents["trials"])
        part = path.with_name(path.name + ".part")
        part.write_text(
            "{\n" + ",\n".join([*lines, f'"trials": [\n{rows}\n]']) + "\n}\n", encoding="utf-8"
        )
        os.replace(part, path)


def _lock(file: IO[str]) -> None:
    """Lock an open file until it is closed, or raise OSError at once."""
    if sys.platform == "win32":
        import msvcrt  # each system has its own

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _key(settings: dict[str, Any]) -> str:
    return json.dumps(settings, sort_keys=True)


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it: functions by name, infinity as a word."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, partial):
        return f"{_plain(value.func)}({', '.join(map(repr, value.args))})"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return getattr(value, "__qualname__", value)
