"""Long runs: stored with all that is needed to repeat them, resumed, checked, refused by name."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lstm_tutorial import results
from lstm_tutorial.experiments import _command, _store
from lstm_tutorial.experiments._experiment import Experiment

BOOK = Path(__file__).parent.parent.parent / "book"


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """An experiment of three trials that counts its runs, stored in an empty folder."""
    runs = []

    def run(seed):
        runs.append(seed)
        return {"mse": seed / 10}

    trials = [{"seed": seed} for seed in range(3)]
    agree = lambda a, b: abs(a["mse"] - b["mse"]) < 0.01  # noqa: E731
    toy = Experiment("a toy", trials, run, agree, sample=[1])
    monkeypatch.setattr(results, "STORED", tmp_path)
    monkeypatch.setattr(_command, "chapters", lambda: {"toys": {"toy": toy}})
    return runs


def path(tmp_path):
    return tmp_path / "toys" / "toy.json"


def stored(tmp_path):
    return json.loads(path(tmp_path).read_text(encoding="utf-8"))


def change(tmp_path, seed, **changes):
    """Change a stored trial; None takes a part of it away."""
    contents = stored(tmp_path)
    row = {**contents["trials"][seed], **changes}
    contents["trials"][seed] = {k: v for k, v in row.items() if k == "fingerprint" or v is not None}
    path(tmp_path).write_text(json.dumps(contents), encoding="utf-8")


def seeds_done(tmp_path):
    return [row["settings"]["seed"] for row in stored(tmp_path)["trials"] if "result" in row]


def another_code(monkeypatch):
    monkeypatch.setattr(_store, "fingerprint", lambda run: "another")


def fail_at(monkeypatch, seed, error):
    def run(seed, bad=seed):
        if seed == bad:
            raise error
        return {"mse": 1.0}

    toy = _command.chapters()["toys"]["toy"]
    monkeypatch.setitem(vars(toy), "run", run)


def test_a_run_stores_result_seed_versions_processor_time_and_code(toy, tmp_path):
    assert _command.main(["toy"]) == 0
    contents = stored(tmp_path)
    assert contents["about"] == "a toy" and contents["seeds"] == "the seed of each trial"
    assert contents["function"].endswith("run") and "note" not in contents
    trial = contents["trials"][2]
    assert trial["settings"] == {"seed": 2} and trial["result"] == {"mse": 0.2}
    assert trial["seconds"] >= 0 and trial["processor"]
    assert {"python", "numpy", "torch"} <= set(trial["versions"])
    assert re.fullmatch("[0-9a-f]{16}", trial["fingerprint"])
    assert results.load("toy")[2] == {"seed": 2, "mse": 0.2}


def test_an_interrupted_run_goes_on_where_it_stopped(toy, tmp_path):
    _command.main(["toy"])
    change(tmp_path, 1, result=None)
    toy.clear()
    _command.main([])
    assert toy == [1] and seeds_done(tmp_path) == [0, 1, 2]


def test_an_interrupt_ends_with_a_line_and_keeps_what_is_done(toy, tmp_path, monkeypatch, capsys):
    fail_at(monkeypatch, 1, KeyboardInterrupt)
    assert _command.main(["toy"]) == 130
    assert "stopped; finished trials are stored" in capsys.readouterr().out
    assert seeds_done(tmp_path) == [0]


def test_an_interrupted_run_of_all_anew_loses_nothing_and_goes_on(toy, tmp_path, monkeypatch):
    _command.main(["toy"])
    before = path(tmp_path).read_bytes()
    with monkeypatch.context() as patch:
        fail_at(patch, 1, KeyboardInterrupt)
        assert _command.main(["toy", "--again"]) == 130
    assert path(tmp_path).read_bytes() == before
    with monkeypatch.context() as patch:
        fail_at(patch, 0, AssertionError("this trial has been run again already"))
        patch.setattr(_store, "fingerprint", lambda run: _half(tmp_path)["fingerprint"])
        assert _command.main(["toy", "--again"]) == 0
    assert [row["result"]["mse"] for row in stored(tmp_path)["trials"]] == [1.0] * 3
    assert not path(tmp_path).with_suffix(".again").exists()


def _half(tmp_path):
    half = path(tmp_path).with_suffix(".again")
    return (
        json.loads(half.read_text(encoding="utf-8"))["trials"][0]
        if half.exists()
        else {"fingerprint": None}
    )


def test_what_other_code_ran_again_is_run_once_more(toy, tmp_path, monkeypatch):
    _command.main(["toy"])
    with monkeypatch.context() as patch:
        fail_at(patch, 2, KeyboardInterrupt)
        _command.main(["toy", "--again"])
    toy.clear()
    _command.main(["toy", "--again"])  # by the fixture's function, which is another
    assert toy == [0, 1, 2]


def test_a_few_trials_run_again_leave_the_others(toy, tmp_path):
    _command.main(["toy"])
    change(tmp_path, 2, seconds=77.0)
    _command.main(["toy", "--again", "--trials", "2"])
    assert toy == [0, 1, 2, 0, 1] and seeds_done(tmp_path) == [0, 1, 2]
    assert stored(tmp_path)["trials"][2]["seconds"] == 77.0


def test_a_failing_trial_leaves_the_stored_ones_whole(toy, tmp_path, monkeypatch):
    fail_at(monkeypatch, 1, ArithmeticError)
    with pytest.raises(ArithmeticError):
        _command.main(["toy"])
    assert seeds_done(tmp_path) == [0]


def test_a_second_run_at_the_same_time_is_refused(toy, tmp_path, capsys):
    store = _command.stores()["toy"]
    with store.locked():
        assert _command.main(["toy"]) == 1
    assert "toy: another process is running it" in capsys.readouterr().err
    assert toy == [] and _command.main(["toy"]) == 0


def test_a_lock_ends_with_its_process(toy, tmp_path):
    """However the process ends: here it is killed."""
    code = f"""
import os, signal
from pathlib import Path
from lstm_tutorial import results
results.STORED = Path({str(tmp_path)!r})
with Store("toys", "toy", None).locked():
    print("locked", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "locked\n" and done.returncode != 0
    assert _command.main(["toy"]) == 0


def test_check_runs_the_sample_and_tells_agreement_from_difference(toy, tmp_path, capsys):
    _command.main(["toy"])
    toy.clear()
    assert _command.main(["toy", "--check"]) == 0 and toy == [1]
    change(tmp_path, 1, result={"mse": 0.9})
    assert _command.main(["toy", "--check"]) == 1
    assert "DIFFERS  toy  seed=1" in capsys.readouterr().out


def test_the_state_follows_the_code_and_an_agreeing_check_renews_it(toy, tmp_path, monkeypatch):
    store = _command.stores()["toy"]
    assert store.state() == "missing"
    _command.main(["toy"])
    assert store.state() == "current"
    another_code(monkeypatch)
    assert store.state() == "stale"
    assert _command.main(["toy", "--check"]) == 0
    assert store.state() == "current"
    assert stored(tmp_path)["checked"]["fingerprint"] == "another"
    assert stored(tmp_path)["trials"][0]["fingerprint"] != "another"  # what made it stays


def test_code_that_was_not_recorded_is_unknown_until_a_check_agrees(toy, tmp_path, monkeypatch):
    store = _command.stores()["toy"]
    _command.main(["toy"])
    change(tmp_path, 0, fingerprint=None)
    assert store.state() == "unknown"
    with monkeypatch.context() as patch:
        fail_at(patch, None, None)  # all answers are 1
        assert _command.main(["toy", "--check"]) == 1
    assert store.state() == "unknown"
    _command.main(["toy", "--check"])
    assert store.state() == "current" and "was not recorded" in stored(tmp_path)["note"]
    another_code(monkeypatch)
    assert store.state() == "stale"


def test_stale_results_are_named(toy, tmp_path, monkeypatch, capsys):
    _command.main(["toy"])
    another_code(monkeypatch)
    assert _command.main(["--state"]) == 0
    said = capsys.readouterr().out
    assert "stored results: 1 stale\nstale: toy\n" in said and "--check" in said


def test_a_few_trials_alone_can_be_run_and_the_rest_later(toy, tmp_path):
    assert _command.main(["toy", "--trials", "2"]) == 0
    assert toy == [0, 1] and seeds_done(tmp_path) == [0, 1]
    _command.main(["toy"])
    assert toy == [0, 1, 2]


def test_how_long_it_takes_is_said_beforehand(toy, tmp_path, capsys):
    _command.main(["toy", "--trials", "1"])
    assert "1 trials to run; toy: not known, never run so far" in capsys.readouterr().out
    change(tmp_path, 0, seconds=600.0)
    assert _command.forecast(["toy"]) == "2 trials to run; about 20 min of one processor"
    assert "3 trials to run; about 30 min" in _command.forecast(["toy"], again=True)
    _command.main(["toy"])
    assert _command.forecast(["toy"]).startswith("nothing to run")


@pytest.mark.parametrize(
    "seconds, said", [(0.2, "0 s"), (89, "89 s"), (91, "2 min"), (5399, "90 min"), (7000, "2 h")]
)
def test_durations(seconds, said):
    assert _command.duration(seconds) == said


def test_how_far_a_run_is_is_said_on_the_way(toy, capsys):
    _command.main(["toy"])
    said = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in said] == [f"toy: {k} of 3 trials" for k in (1, 2, 3)]


def test_two_jobs_give_the_results_of_one_in_the_order_of_the_trials(tmp_path, monkeypatch):
    name = "1997-3a-100-3"
    experiment = _command.chapters()["again"][name]
    short = replace(experiment, trials=[{"budget": 500, "seed": s} for s in (0, 1)])
    monkeypatch.setattr(results, "STORED", tmp_path)
    monkeypatch.setattr(_command, "chapters", lambda: {"again": {name: short}})
    _command.main([name, "--jobs", "2"])
    rows = json.loads((tmp_path / "again" / f"{name}.json").read_text(encoding="utf-8"))["trials"]
    assert [row["settings"] for row in rows] == short.trials
    for row, seed in zip(rows, (0, 1), strict=True):
        assert row["result"] == short.run(budget=500, seed=seed)
        assert row["fixed"]["length"] == 100


def test_a_read_only_package_is_said_and_written_around(toy, tmp_path, monkeypatch, capsys):
    own = tmp_path / "home" / ".lstm-tutorial" / "results"
    monkeypatch.setattr(results.Path, "home", lambda: tmp_path / "home")
    monkeypatch.setattr(results, "_writable", lambda folder: False)
    assert _command.main(["toy"]) == 0
    assert f"the package is read-only; results are written to {own}" in capsys.readouterr().out
    assert (own / "toys" / "toy.json").exists() and not (tmp_path / "toys").exists()
    assert len(results.load("toy")) == 3


@pytest.mark.parametrize("option", ["--trials", "--jobs"])
def test_counts_below_one_are_refused(toy, option, capsys):
    with pytest.raises(SystemExit):
        _command.main(["toy", option, "0"])
    assert f"{option}: expected at least 1, got 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name, meant",
    [
        ("adding-by-lags", "the nearest are adding-by-lag"),
        ("vanishing", "the chapter has adding-by-lag"),
        ("when-not", "the chapter has choice"),
        ("xyzzy", "--list shows all"),
    ],
)
def test_a_wrong_name_gets_what_may_have_been_meant(name, meant, capsys):
    with pytest.raises(SystemExit):
        _command.main([name])
    assert f"NAME: expected an experiment, got {name!r}; {meant}" in capsys.readouterr().err


def test_the_list_names_every_experiment_under_its_chapter(capsys):
    assert _command.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line in _command.slugs()] == _command.slugs()
    listed = [line.split()[0] for line in lines if line.startswith("  ") and "/" in line]
    assert listed == list(_command.stores())


def test_a_chapter_whose_packages_are_missing_is_left_out_and_said():
    code = """
import sys
sys.modules["torch"] = sys.modules["tqdm"] = None
from lstm_tutorial.experiments import _command
_command.main(["--list"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "adding-by-lag" in done.stdout and "1997-2a" in done.stdout
    assert "left out: PyTorch, for bias, classifying, " in done.stdout


@pytest.mark.parametrize("slug", _command.slugs())
def test_a_module_is_called_like_its_chapter_and_so_are_its_results_and_its_test(slug):
    assert list(BOOK.glob(f"*/{slug.replace('_', '-')}.ipynb"))
    assert (Path(__file__).parent / f"test_{slug}.py").exists()
    assert results.names(slug) == sorted(_command.chapters()[slug])


@pytest.mark.parametrize("store", _command.stores().values(), ids=lambda store: store.name)
def test_the_stored_trials_are_those_of_the_code(store):
    experiment = store.experiment
    rows = results.read(store.name)["trials"]
    assert [row["settings"] for row in rows] == experiment.trials
    assert len(results.load(store.name)) == len(rows)
    assert experiment.sample and set(experiment.sample) <= set(range(len(rows)))
    assert store.state() != "missing"
