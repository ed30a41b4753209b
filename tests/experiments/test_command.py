"""Long runs: stored with all that is needed to repeat them, resumed, checked, refused by name."""

import json
from dataclasses import replace

import pytest

from lstm_tutorial import experiments
from lstm_tutorial.experiments._experiment import Experiment


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
    monkeypatch.setattr(experiments, "RESULTS", tmp_path)
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"toy": toy})
    return runs


def stored(tmp_path):
    return json.loads((tmp_path / "toy.json").read_text())


def test_a_run_stores_result_seed_versions_processor_and_time(toy, tmp_path):
    assert experiments.main(["toy"]) == 0
    assert list(stored(tmp_path)) == ["seed=0", "seed=1", "seed=2"]
    trial = stored(tmp_path)["seed=2"]
    assert trial["result"] == {"mse": 0.2}
    assert trial["seconds"] >= 0 and trial["processor"]
    assert {"python", "numpy", "torch"} <= set(trial["versions"])
    assert experiments.load("toy")[2] == {"seed": 2, "mse": 0.2}


def test_an_interrupted_run_goes_on_where_it_stopped(toy, tmp_path):
    experiments.main(["toy"])
    kept = stored(tmp_path)
    del kept["seed=1"]
    (tmp_path / "toy.json").write_text(json.dumps(kept))
    toy.clear()
    experiments.main([])
    assert toy == [1] and len(stored(tmp_path)) == 3


def test_a_failing_trial_leaves_the_stored_ones_whole(toy, tmp_path, monkeypatch):
    def fail(seed):
        if seed == 1:
            raise KeyboardInterrupt
        return {"mse": 0.0}

    monkeypatch.setitem(vars(experiments.EXPERIMENTS["toy"]), "run", fail)
    with pytest.raises(KeyboardInterrupt):
        experiments.main(["toy"])
    assert list(stored(tmp_path)) == ["seed=0"]


def test_check_runs_the_sample_and_tells_agreement_from_difference(toy, tmp_path, capsys):
    experiments.main(["toy"])
    toy.clear()
    assert experiments.main(["toy", "--check"]) == 0 and toy == [1]
    changed = stored(tmp_path)
    changed["seed=1"]["result"]["mse"] = 0.9
    (tmp_path / "toy.json").write_text(json.dumps(changed))
    assert experiments.main(["toy", "--check"]) == 1
    assert "DIFFERS  seed=1" in capsys.readouterr().out


def test_a_few_trials_alone_can_be_run_and_the_rest_later(toy, tmp_path):
    assert experiments.main(["toy", "--trials", "2"]) == 0
    assert toy == [0, 1] and list(stored(tmp_path)) == ["seed=0", "seed=1"]
    experiments.main(["toy"])
    assert toy == [0, 1, 2]


def test_again_forgets_what_is_stored(toy, tmp_path):
    experiments.main(["toy"])
    experiments.main(["toy", "--again", "--trials", "2"])
    assert toy == [0, 1, 2, 0, 1] and list(stored(tmp_path)) == ["seed=0", "seed=1"]


def test_how_long_it_takes_is_said_beforehand(toy, tmp_path, capsys):
    experiments.main(["toy", "--trials", "1"])
    assert "1 trials to run; toy: not known, never run so far" in capsys.readouterr().out
    kept = stored(tmp_path)
    kept["seed=0"]["seconds"] = 600.0
    (tmp_path / "toy.json").write_text(json.dumps(kept))
    assert experiments.forecast(["toy"]) == "2 trials to run; about 20 minutes of one processor"
    assert "3 trials to run; about 30 min" in experiments.forecast(["toy"], again=True)
    experiments.main(["toy"])
    assert experiments.forecast(["toy"]).startswith("nothing to run")


def test_two_jobs_give_the_results_of_one_in_the_order_of_the_trials(tmp_path, monkeypatch):
    name = "1997-3a-100-3"
    monkeypatch.setattr(experiments, "RESULTS", tmp_path)
    short = replace(
        experiments.EXPERIMENTS[name], trials=[{"budget": 500, "seed": s} for s in (0, 1)]
    )
    monkeypatch.setitem(experiments.EXPERIMENTS, name, short)
    experiments.main([name, "--jobs", "2"])
    stored = json.loads((tmp_path / f"{name}.json").read_text())
    assert list(stored) == ["budget=500 seed=0", "budget=500 seed=1"]
    for key, seed in zip(stored, (0, 1), strict=True):
        assert stored[key]["result"] == short.run(budget=500, seed=seed)


@pytest.mark.parametrize("option", ["--trials", "--jobs"])
def test_counts_below_one_are_refused(toy, option, capsys):
    with pytest.raises(SystemExit):
        experiments.main(["toy", option, "0"])
    assert f"{option}: expected at least 1, got 0" in capsys.readouterr().err


def test_missing_trials_are_named_with_the_command_that_runs_them(toy):
    with pytest.raises(FileNotFoundError, match=r"toy: 3 of 3 .* lstm_tutorial.experiments toy"):
        experiments.load("toy")


def test_unknown_names_are_refused(toy, capsys):
    with pytest.raises(ValueError, match="name: expected one of toy, got 'other'"):
        experiments.load("other")
    with pytest.raises(SystemExit):
        experiments.main(["other"])
    assert "NAME: expected one of toy, got other" in capsys.readouterr().err


def test_the_list_names_every_experiment(capsys):
    assert experiments.main(["--list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in experiments.EXPERIMENTS)


@pytest.mark.parametrize("name", experiments.EXPERIMENTS)
def test_the_stored_trials_are_those_of_the_code(name):
    experiment = experiments.EXPERIMENTS[name]
    assert len(experiments.load(name)) == len(experiment.trials)
    assert set(experiments._read(name)) == {experiments._key(t) for t in experiment.trials}
    assert experiment.sample and set(experiment.sample) <= set(range(len(experiment.trials)))


def test_one_stored_trial_runs_again_to_the_same_verdict():
    experiment = experiments.EXPERIMENTS["adding-by-lag"]
    trial = experiment.trials[experiment.sample[0]]
    again = experiment.run(**trial)
    before = experiments._read("adding-by-lag")[experiments._key(trial)]["result"]
    assert experiment.agree(before, again)
    assert not experiment.agree(before, {"mse": 0.16})


def test_designs_agree_within_two_networks_of_ten():
    agree = experiments.EXPERIMENTS["design"].agree

    def solved(count):
        return {"far": [0.01] * count + [0.5] * (10 - count)}

    assert agree(solved(7), solved(9)) and agree(solved(9), solved(7))
    assert not agree(solved(6), solved(9))


def test_wilsons_interval():
    # of Newcombe (1998), table I, method 3: 81 of 263, and 0 of 20
    assert experiments.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-4)
    assert experiments.wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-4)
