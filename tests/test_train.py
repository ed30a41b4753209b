"""The command line: two processes end where one does, a stopped run goes on, errors are a line."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from lstm_tutorial import train, training

# As small as each task can be; a few epochs of a few batches.
SMALL = {
    "adding": ["--epochs", "2", "--hidden", "3", "--batch", "4"],
    "vowels": ["--epochs", "3", "--hidden", "3", "--batch", "40"],
    "forecast": ["--epochs", "3", "--hidden", "3", "--batch", "60"],
    "language": ["--epochs", "2", "--hidden", "3", "--batch", "1000"],
}
VOWELS = ["vowels", *SMALL["vowels"]]


@pytest.fixture(autouse=True)
def _on_one_cpu(monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def run(*args, out):
    """Run the command in this process and return the weights that it wrote."""
    assert train.main([*map(str, args), "--out", str(out)]) == 0
    return torch.load(out)


def furthest(a, b):
    assert a.keys() == b.keys()
    return max((a[name] - b[name]).abs().max().item() for name in a)


# What it says


def test_help_names_every_task_and_a_task_its_defaults(capsys):
    for args in ([], ["vowels"]):
        with pytest.raises(SystemExit, match=r"^0$"):
            train.main([*args, "--help"])
    said = capsys.readouterr().out
    assert all(task in said for task in SMALL) and SMALL.keys() == train.TASKS.keys()
    for option, default in train.TASKS["vowels"].defaults.items():
        assert f"--{option}" in said and f"(default: {default})" in " ".join(said.split())


RESULTS = {
    "adding": r"mean absolute error 0\.\d{3}; always answering 1 has 0\.3\d\d",
    "vowels": r"test accuracy 0\.\d{3}; \d+ of 370 wrong",
    "forecast": r"mean absolute error 0\.\d\d ppmv, .*; the value of a year before has 1\.57",
    "language": r"\d\.\d\d bits a character of the test text; .* alone give 4\.3\d",
}


@pytest.mark.parametrize("task", SMALL)
def test_a_task_ends_with_its_history_and_a_result(task, tmp_path, capsys):
    weights = run(task, *SMALL[task], "--seed", 3, out=tmp_path / "w.pt")
    assert all(value.isfinite().all() for value in weights.values())
    *history, result = capsys.readouterr().out.splitlines()
    assert history[0].split() == ["epoch", "loss", "valid", "norm", "lr"]
    assert len(history) == 1 + int(SMALL[task][1])
    assert re.fullmatch(RESULTS[task], result), result


def test_the_defaults_learn_to_tell_speakers_apart(capsys):
    assert train.main(["vowels", "--epochs", "20"]) == 0
    accuracy = capsys.readouterr().out.splitlines()[-1].split(";")[0].split()[-1]
    assert float(accuracy) > 0.9


def test_the_seed_decides(tmp_path):
    first, again, other = (
        run(*VOWELS, "--seed", seed, out=tmp_path / "w.pt") for seed in (1, 1, 2)
    )
    assert furthest(first, again) == 0 < furthest(first, other)


BAD = [
    ([], "required: TASK"),
    (["numbers"], "invalid choice: 'numbers' (choose from 'adding', 'vowels'"),
    (["vowels", "--hidden", "0"], "argument --hidden: expected at least 1, got 0"),
    (["vowels", "--hidden", "1.5"], "argument --hidden: expected an integer, got '1.5'"),
    (["vowels", "--epochs", "-1"], "argument --epochs: expected at least 1, got -1"),
    (["vowels", "--lr", "nan"], "argument --lr: expected a finite number above 0, got nan"),
    (["vowels", "--lr", "fast"], "argument --lr: expected a number, got 'fast'"),
    (["vowels", "--seed", "-1"], "argument --seed: expected a seed of at least 0, got -1"),
    (["vowels", "--units", "3"], "unrecognized arguments: --units 3"),
    (["vowels", "--batch", "217"], "--batch: expected at most 216, as the data have, got 217"),
    (["language", "--batch", "7032"], "--batch: expected at most 7031, as the data have, got 7032"),
    (["vowels", "--out", "no/such/w.pt"], "--out: expected a file in a folder that exists"),
    (["vowels", "--out", "."], "--out: expected a file in a folder that exists, got ."),
    (["vowels", "--checkpoint", "no/c.pt"], "checkpoint: expected a file in a folder that exists"),
]


@pytest.mark.parametrize("args, message", BAD)
def test_bad_input_gives_one_line_and_status_2(args, message, capsys):
    with pytest.raises(SystemExit, match=r"^2$"):
        train.main(args)
    said = capsys.readouterr()
    assert said.out == "" and message in said.err
    assert said.err.startswith("python -m lstm_tutorial.train") and said.err.count("\n") == 1


def test_a_checkpoint_of_another_run_is_refused_and_kept(tmp_path, capsys):
    path = tmp_path / "c.pt"
    assert train.main([*VOWELS, "--checkpoint", str(path)]) == 0
    before = path.read_bytes()
    for change in (["--lr", "0.1"], ["--hidden", "4"], ["--seed", "9"], ["--epochs", "4"]):
        capsys.readouterr()
        with pytest.raises(SystemExit, match=r"^2$"):
            train.main([*VOWELS, *change, "--checkpoint", str(path)])
        assert "checkpoint: expected a run with" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_run_with_a_constant_rate_is_extended(tmp_path):
    args, path, out = ["adding", *SMALL["adding"]], tmp_path / "c.pt", tmp_path / "w.pt"
    assert train.main([*args, "--checkpoint", str(path)]) == 0
    extended = run(*args, "--epochs", 4, "--checkpoint", path, out=out)
    assert furthest(extended, run(*args, "--epochs", 4, out=out)) == 0


def test_threads_and_random_numbers_are_left_as_they_were():
    torch.set_num_threads(2)
    before = torch.get_rng_state()
    assert train.main(["adding", *SMALL["adding"]]) == 0
    assert torch.get_num_threads() == 2 and torch.equal(torch.get_rng_state(), before)


def test_numbers_that_run_away_give_one_line_and_status_1(capsys):
    assert train.main([*VOWELS, "--lr", "1e38"]) == 1
    error = capsys.readouterr().err
    assert "expected finite numbers" in error and error.count("\n") == 1


@pytest.mark.parametrize("rank, lines", [("0", 1), ("1", 0)])
def test_a_batch_has_to_fall_into_equal_shares(rank, lines, monkeypatch, capsys):
    for name, value in [("WORLD_SIZE", "3"), ("LOCAL_WORLD_SIZE", "3"), ("RANK", rank)]:
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=r"^2$"):
        train.main(["adding", "--batch", "32"])
    error = capsys.readouterr().err
    assert error.count("\n") == lines
    assert not lines or "--batch: expected a multiple of 3, the number of processes" in error


# Stopped and resumed


def stopped(args, path, monkeypatch, after=2):
    """Run until the checkpoint holds some epochs, then press Ctrl-C; return the status."""
    save = training._checkpoint.save

    def save_and_stop(path, state):
        save(path, state)
        if len(state["history"]) == after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training._checkpoint, "save", save_and_stop)
        return train.main([*args, "--checkpoint", str(path)])


@pytest.mark.parametrize("task", ["vowels", "language"])
def test_the_same_command_goes_on_and_ends_with_the_same_bits(task, tmp_path, monkeypatch, capsys):
    path, args = tmp_path / "c.pt", [task, *SMALL[task]]
    assert stopped(args, path, monkeypatch, after=1) == 130
    said = capsys.readouterr().err
    assert said.endswith(f"stopped; the same command goes on from {path}\n")
    resumed = run(*args, "--checkpoint", path, out=tmp_path / "w.pt")
    assert furthest(resumed, run(*args, out=tmp_path / "w.pt")) == 0


def started(command, **environment):
    quiet = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": os.getcwd()}
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        env={**os.environ, **quiet, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
        # A worker of pytest-xdist ignores Ctrl-C, and what it starts would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.parametrize("sign, status", [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_signal_in_the_middle_loses_nothing_that_was_stored(sign, status, tmp_path):
    path, args = tmp_path / "c.pt", ["vowels", "--epochs", "40", "--hidden", "3"]
    process = started(["-m", "lstm_tutorial.train", *args, "--checkpoint", path])
    while not path.exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(sign)
    _, error = process.communicate(timeout=60)
    assert process.returncode == status, error
    assert "Traceback" not in error
    epochs = len(torch.load(path)["state"]["history"])
    assert 1 <= epochs < 40
    resumed = run(*args, "--checkpoint", path, out=tmp_path / "w.pt")
    assert furthest(resumed, run(*args, out=tmp_path / "w.pt")) == 0


# Two processes

# Many commands in one group of processes: to start a group takes longer than to run a command.
IN_FLOAT64 = """
import sys
import torch
import torch.distributed as dist
from lstm_tutorial import train
torch.set_default_dtype(torch.float64)
dist.init_process_group("gloo")
dist.init_process_group = dist.destroy_process_group = lambda *args, **options: None
for line in open(sys.argv[1], encoding="utf-8"):
    status = train.main(line.split())
    if status:
        sys.exit(status)
"""
# In its first life the second process kills itself as soon as there is a checkpoint. In its second
# it comes late, so that the first would find the dead one's address if it was still on record.
ONE_DIES = """
import os, shutil, signal, sys, threading, time
import torch
from lstm_tutorial import train
torch.set_default_dtype(torch.float64)

def die():
    while not os.path.exists(sys.argv[1]):
        time.sleep(0.001)
    shutil.copy(sys.argv[1], sys.argv[1] + ".copy")
    os.kill(os.getpid(), signal.SIGKILL)

if os.environ["RANK"] == "1":
    if os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        threading.Thread(target=die, daemon=True).start()
    else:
        time.sleep(2)
sys.exit(train.main(sys.argv[2:]))
"""


def torchrun(script, *args, restarts=0):
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2]
    process = started([*launcher, "--max-restarts", restarts, script, *args])
    try:
        out, error = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.terminate()  # which stops its workers too
        process.communicate()
        raise
    assert process.returncode == 0, error
    return out, error


def test_two_processes_end_with_the_weights_of_one(tmp_path, monkeypatch, capsys, float64):
    path = tmp_path / "c.pt"
    assert stopped(VOWELS, path, monkeypatch) == 130  # for two processes to go on from
    commands = [[task, *SMALL[task], "--out", str(tmp_path / f"{task}.pt")] for task in SMALL]
    commands.append([*VOWELS, "--checkpoint", str(path), "--out", str(tmp_path / "resumed.pt")])
    (tmp_path / "commands").write_text("\n".join(map(" ".join, commands)), encoding="utf-8")
    (tmp_path / "script.py").write_text(IN_FLOAT64, encoding="utf-8")
    said, _ = torchrun(tmp_path / "script.py", tmp_path / "commands")

    capsys.readouterr()
    for task in SMALL:
        alone = run(task, *SMALL[task], out=tmp_path / "w.pt")
        assert furthest(alone, torch.load(tmp_path / f"{task}.pt")) < 1e-10, task
        assert capsys.readouterr().out in said  # history and result, once
    resumed = torch.load(tmp_path / "resumed.pt")
    assert furthest(resumed, torch.load(tmp_path / "vowels.pt")) < 1e-10
    assert said.count("epoch ") == len(commands)


def test_a_killed_process_is_started_again_and_the_weights_are_the_same(tmp_path, float64):
    path, args = tmp_path / "c.pt", ["vowels", "--epochs", "8", "--hidden", "3"]
    (tmp_path / "script.py").write_text(ONE_DIES, encoding="utf-8")
    options = [*args, "--checkpoint", path, "--out", tmp_path / "two.pt"]
    _, error = torchrun(tmp_path / "script.py", path, *options, restarts=1)
    assert "SIGKILL" in error or "exitcode: -9" in error
    alone = run(*args, out=tmp_path / "w.pt")
    assert furthest(alone, torch.load(tmp_path / "two.pt")) < 1e-10
    # What two processes had stored at the crash, one can go on from.
    copy = tmp_path / "c.pt.copy"
    assert len(torch.load(copy)["state"]["history"]) < 8
    assert furthest(alone, run(*args, "--checkpoint", copy, out=tmp_path / "w.pt")) < 1e-10
