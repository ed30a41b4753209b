"""The fingerprint follows the code that a run reaches, and nothing else."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from lstm_tutorial.experiments._fingerprint import fingerprint

PACKAGE = {
    "__init__.py": "",
    "trials.py": '''
        """A chapter's runs."""
        import math

        from shop import tools
        from shop.tools import LIMIT as HIGHEST
        from shop.room import scale

        KINDS = {"twice": tools.twice}


        def run(seed: int) -> float:
            """Run one."""
            from shop.late import later

            total = sum(part(seed) for part in KINDS.values())  # every kind
            return scale(min(total, HIGHEST)) + later(math.pi) + f"{seed:>{HIGHEST}} {{}}".count("1")


        def other():
            return tools.unused()
    ''',
    "tools.py": """
        LIMIT = 10
        NAMES = {}
        NAMES["a"] = LIMIT


        def twice(x):
            return 2 * _kept(x)


        def _kept(x):
            LIMIT = 3  # a local name hides the constant
            return x + LIMIT - 3


        def unused():
            return NAMES
    """,
    "late.py": """
        class Base:
            def start(self):
                return 1


        class Later(Base):
            def __call__(self, x):
                return x + self.start()


        later = Later()
    """,
    "room/__init__.py": "from shop.room import inner\nfrom shop.room.inner import scale",
    "room/inner.py": "def scale(x, by=3):\n    return by * x",
}
PRINT = """
import sys
sys.path.insert(0, sys.argv[1])
from functools import partial
from lstm_tutorial.experiments._fingerprint import fingerprint
import importlib
module, name = sys.argv[2].split(":")
print(fingerprint(getattr(importlib.import_module(module), name)))
"""


@pytest.fixture
def shop(tmp_path):
    """Return what gives the fingerprint of a small package, after changes to its files."""
    count = iter(range(100))

    def fingerprint_of(*changes, run="shop.trials:run", files=PACKAGE):
        root = tmp_path / str(next(count))
        for name, text in files.items():
            for old, new in changes:
                text = text.replace(old, new)
            path = root / "shop" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = text.strip("\n").splitlines()
            indent = min((len(s) - len(s.lstrip()) for s in lines if s.strip()), default=0)
            path.write_text("\n".join(line[indent:] for line in lines) + "\n", encoding="utf-8")
        command = [sys.executable, "-c", PRINT, str(root), run]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    return fingerprint_of


@pytest.mark.parametrize(
    "old, new",
    [
        ("# every kind", "# each"),
        ('"""Run one."""', '"""Run a trial, one of many."""'),
        ("(seed: int) -> float", "(seed)"),
        ("return NAMES", "return [NAMES]"),
        ("return tools.unused()", "return 5"),
        ("_kept", "_held"),
        ("HIGHEST", "TOP"),
        ("2 * _kept(x)", "2 * (_kept(x))"),
        ('NAMES["a"] = LIMIT', 'NAMES["a"] = 2'),
    ],
)
def test_words_names_and_what_is_not_reached_do_not_count(shop, old, new):
    assert shop((old, new)) == shop()


@pytest.mark.parametrize(
    "old, new",
    [
        ("LIMIT = 10", "LIMIT = 11"),
        ("by=3", "by=4"),
        ("x + LIMIT - 3", "x + LIMIT - 4"),
        ("return 1", "return 2"),
        ("Later(Base)", "Later"),
        ('{"twice": tools.twice}', '{"thrice": tools.twice}'),
        ("later = Later()", "later = Base()"),
        ("math.pi", "math.e"),
        ("x + self.start()", "self.start() - x"),
        ("def start", "def begin"),
        ('.count("1")', '.count("2")'),
    ],
)
def test_whatever_the_run_reaches_counts(shop, old, new):
    assert shop((old, new)) != shop()


def test_a_module_can_be_renamed_and_a_function_moved(shop):
    renamed = {name.replace("tools", "things"): text for name, text in PACKAGE.items()}
    assert shop(("tools", "things"), files=renamed) == shop()
    inner = PACKAGE["room/inner.py"]
    moved = {**PACKAGE, "room/inner.py": "from shop.tools import scale"}
    moved["tools.py"] += "\n\n" + "".join(f"        {line}\n" for line in inner.splitlines())
    assert shop(files=moved) == shop()


def test_a_module_that_is_handed_on_counts_whole(shop):
    handed = ('{"twice": tools.twice}', '{"twice": vars(tools)["twice"]}')
    assert shop(handed, ("return NAMES", "return [NAMES]")) != shop(handed)


def test_what_a_partial_holds_counts():
    def run(**settings):
        return settings

    first = fingerprint(partial(run, budget=1, draw=partial(run, 3)))
    assert first == fingerprint(partial(run, budget=1, draw=partial(run, 3)))
    others = [
        {"budget": 2},
        {"draw": partial(run, 4)},
        {"draw": some_function},
        {"rules": {"a": (0, 1)}},
    ]
    for other in others:
        settings = {"budget": 1, "draw": partial(run, 3), **other}
        assert fingerprint(partial(run, **settings)) != first


def some_function():
    """Stand for some other function."""


@pytest.mark.parametrize("held", [object(), {1, 2}, Path()])
def test_what_cannot_be_read_is_refused(held):
    with pytest.raises(TypeError, match="run: expected functions of a module and plain values"):
        fingerprint(partial(some_function, held))
