"""Say what to install where a module of this package lacks what it imports."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

# Where `pip install .` stops: what brings each package that is not there then.
EXTRAS = {
    "torch": ("PyTorch", "torch"),
    "tqdm": ("tqdm", "torch"),
    "matplotlib": ("Matplotlib", "notebooks"),
    "matplotlib_inline": ("Matplotlib", "notebooks"),
    "statsmodels": ("statsmodels", "series"),
}


@contextlib.contextmanager
def advised(who: str) -> Iterator[None]:
    """Say in an error of import what to install, where `who` lacks a package of the extras."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        name, extra = EXTRAS[package]
        says = (
            f"{who} needs {name}, which is not installed: pip install 'lstm-tutorial[{extra}]', "
            "or pip install -r requirements.txt for all that the book uses"
        )
        raise ModuleNotFoundError(says, name=error.name) from None


class Advisor:
    """Finds the modules of this package as Python does; their errors of import give advice.

    It stands on ``sys.meta_path`` and answers for the names of this package alone.
    """

    package = __name__.partition(".")[0] + "."

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module of this package, None for all others."""
        if not fullname.startswith(cls.package):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec and spec.loader:
            run = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                with advised(fullname):
                    run(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def install() -> None:
    """Put the advisor right before Python's own finder, once, behind what others put there."""
    if Advisor not in sys.meta_path:
        sys.meta_path.insert(sys.meta_path.index(PathFinder), Advisor)
