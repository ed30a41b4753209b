"""Show what there is: ``python -m lstm_tutorial``."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import lstm_tutorial
from lstm_tutorial import exercises

PACKAGE = Path(lstm_tutorial.__file__).parent
ADDRESS = "https://lstm-tutorial.github.io/lstm-tutorial/"
COMMANDS = {
    "python -m lstm_tutorial.train --help": "train a network of the book",
    "python -m lstm_tutorial.experiments --list": "the book's long experiments and their results",
}


def overview() -> str:
    """Return the modules and rooms by their first lines, the commands, and where the book is.

    The lines are read from the sources: nothing is imported that may not be installed.
    """
    modules = [path for path in PACKAGE.glob("[!_]*.py")]
    rooms = [path.parent for path in PACKAGE.glob("*/__init__.py")]
    return "\n".join(
        [
            f"lstm_tutorial {lstm_tutorial.__version__}",
            "",
            "modules, each asked for by name (from lstm_tutorial import rnn)",
            *_lines({path.stem: _about(path) for path in modules}),
            "",
            "rooms",
            *_lines({room.name: _about(room / "__init__.py") for room in rooms}),
            "",
            "commands",
            *_lines(COMMANDS),
            "",
            f"exercises.check knows {len(exercises.kinds())} kinds of exercise (exercises.kinds())",
            f"the book: {' or '.join(_book())}",
        ]
    )


def _about(path: Path) -> str:
    """Return the first line of a module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].rstrip(".")


def _lines(items: dict[str, str]) -> Iterable[str]:
    width = max(map(len, items))
    return (f"  {name:{width}}  {items[name]}" for name in sorted(items))


def _book() -> Iterator[str]:
    """Yield where the book is: on the net, and in a checkout of the repository."""
    yield ADDRESS
    root = PACKAGE.parent
    if (root / "_toc.yml").exists():
        built = root / "_build" / "html" / "index.html"
        yield str(built) if built.exists() else f"make book in {root}"


if __name__ == "__main__":
    print(overview())
