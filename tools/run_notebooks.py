"""Run notebooks in place, or check that they were run.

    python tools/run_notebooks.py book/1-problem/*.ipynb
    python tools/run_notebooks.py --check book/1-problem/*.ipynb

A run stores the outputs in one normal form, so that running a notebook again changes no byte
unless a result changed. A notebook with a failing cell is reported and left as it was.
"""

import argparse
import hashlib
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

CELL_SECONDS = 300
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# What the book and its checks read; editors and the clock write the rest.
KEPT_METADATA = ("lstm",)
KEPT_CELL_METADATA = ("mystnb", "tags")


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Bring `notebook` into the normal form, in place, and return it."""
    kept = {key: notebook.metadata[key] for key in KEPT_METADATA if notebook.metadata.get(key)}
    notebook.metadata = nbformat.from_dict(METADATA | kept)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    taken: set[str] = set()
    for number, cell in enumerate(notebook.cells):
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in KEPT_CELL_METADATA if cell.metadata.get(key)}
        )
        if not cell.get("id") or cell.id in taken:
            cell.id = hashlib.sha1(f"{number} {cell.source}".encode()).hexdigest()[:8]
        taken.add(cell.id)
        tags = cell.metadata.get("tags", [])
        if "claim-test" in tags and "hide-input" not in tags:
            tags.append("hide-input")  # folded also where the book's extensions are not
        cell.source = cell.source.rstrip()
        for output in cell.get("outputs", []):
            if "metadata" in output:
                output.metadata.pop("needs_background", None)
    fold_for_jupyterlab(notebook)
    return notebook


def fold_for_jupyterlab(notebook: NotebookNode) -> None:
    """Fold for JupyterLab what the book folds: hidden inputs, and the code of solutions."""
    in_solution = False
    for cell in notebook.cells:
        start, end = (cell.source.rfind(f"{{solution-{mark}}}") for mark in ("start", "end"))
        if cell.cell_type == "markdown" and start != end:  # either is there
            in_solution = start > end
        if cell.cell_type == "code" and in_solution:
            cell.metadata.jupyter = {"outputs_hidden": True, "source_hidden": True}
        elif "hide-input" in cell.metadata.get("tags", []):
            cell.metadata.jupyter = {"source_hidden": True}


def to_text(notebook: NotebookNode) -> str:
    """Return the bytes to store, as text."""
    text: str = nbformat.writes(notebook, version=4)
    return text.rstrip("\n") + "\n"


def problems(path: Path) -> list[str]:
    """Return what is wrong with a stored notebook, one sentence each."""
    stored = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(stored, as_version=4)
    found = []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in code]
    if None in counts:
        found.append(f"was not run: code cell {counts.index(None) + 1} has no execution count")
    elif counts != list(range(1, len(counts) + 1)):
        found.append(f"was not run once from top to bottom: the execution counts are {counts}")
    for number, cell in enumerate(code, start=1):
        found += [f"code cell {number} {fault}" for fault in output_faults(cell)]
    if to_text(normalise(notebook)) != stored:
        found.append("is not in the normal form that a run writes")
    return found


def output_faults(cell: NotebookNode) -> list[str]:
    """Return what a reader of the book should not see among a cell's outputs."""
    faults = []
    if any(output.get("name") == "stderr" for output in cell.outputs):
        faults.append("prints to stderr")
    may_raise = "raises-exception" in cell.metadata.get("tags", [])
    if not may_raise and any(output.output_type == "error" for output in cell.outputs):
        faults.append("raised an error")
    return faults


def run(path: Path) -> bool:
    """Run the notebook in its own folder and store it; return whether all cells passed."""
    notebook = nbformat.read(path, as_version=4)
    started: list[int] = []
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        on_cell_start=lambda cell, cell_index: started.append(cell_index),
        resources={"metadata": {"path": str(path.parent)}},
    )
    start = time.perf_counter()
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        report_failure(path, notebook, started[-1], error)
        return False
    store(path, to_text(normalise(notebook)))
    print(f"{path}: ran in {time.perf_counter() - start:.1f} s", flush=True)
    return True


def report_failure(path: Path, notebook: NotebookNode, index: int, error: Exception) -> None:
    """Print which cell failed, its source and the error."""
    number = sum(cell.cell_type == "code" for cell in notebook.cells[: index + 1])
    what = str(error)
    if isinstance(error, CellExecutionError):  # its text repeats the source, with colour codes
        what = f"{error.ename}: {error.evalue}"
    print(
        f"{path}: code cell {number} failed, the file is unchanged\n\n"
        f"{notebook.cells[index].source}\n\n{what}",
        file=sys.stderr,
    )


def store(path: Path, text: str) -> None:
    """Write all of the file or, when interrupted, nothing of it."""
    draft = path.with_suffix(".ipynb.draft")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, path)


def main() -> int:
    """Run or check the notebooks named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="run nothing, report what is wrong")
    parser.add_argument("notebooks", nargs="+", type=Path)
    arguments = parser.parse_args()
    if not arguments.check:
        return 0 if all([run(path) for path in arguments.notebooks]) else 1
    found = [f"{path} {fault}" for path in arguments.notebooks for fault in problems(path)]
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
