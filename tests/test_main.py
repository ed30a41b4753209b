"""python -m lstm_tutorial: all there is, a line each, from NumPy alone."""

import importlib.util
import subprocess
import sys
from pathlib import Path

from lstm_tutorial import __main__ as door
from lstm_tutorial import exercises

ROOT = Path(__file__).parent.parent


def test_every_module_room_and_command_has_a_line():
    lines = door.overview().splitlines()
    listed = [line.split()[0] for line in lines if line.startswith("  ")]
    public = [path.stem for path in door.PACKAGE.glob("[!_]*") if path.suffix == ".py"]
    public += [path.parent.name for path in door.PACKAGE.glob("*/__init__.py")]
    assert sorted(name for name in listed if name != "python") == sorted(public)
    assert all(len(line.split(maxsplit=1)[1]) > 20 for line in lines if line.startswith("  "))
    for command in door.COMMANDS:
        assert importlib.util.find_spec(command.split()[2])
    assert f"knows {len(exercises.kinds())} kinds" in lines[-2]
    assert door.ADDRESS in lines[-1] and door.ADDRESS in (ROOT / "README.md").read_text("utf-8")


def test_it_needs_no_pytorch():
    code = (
        "import sys; sys.modules['torch'] = sys.modules['tqdm'] = None; import runpy; "
        "runpy.run_module('lstm_tutorial', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("lstm_tutorial ") and done.stderr == ""
