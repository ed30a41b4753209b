"""Stored results: read by name, described by their file, and Wilson's interval."""

import json

import pytest

from lstm_tutorial import results


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """A folder with one whole experiment and one with a trial to come, instead of the book's."""
    folder = tmp_path / "results" / "colours"
    folder.mkdir(parents=True)
    rows = [{"settings": {"seed": k}, "result": {"mse": k / 10}, "seconds": 1.0} for k in (0, 1)]
    for name, trials in [("red-by-lag", rows), ("blue", [rows[0], {"settings": {"seed": 1}}])]:
        (folder / f"{name}.json").write_text(
            json.dumps({"experiment": name, "trials": trials}), encoding="utf-8"
        )
    monkeypatch.setattr(results, "STORED", tmp_path / "results")
    monkeypatch.setattr(results.Path, "home", lambda: tmp_path / "home")
    return tmp_path


def test_a_trial_is_its_settings_and_its_result(stored):
    assert results.load("red-by-lag") == [{"seed": 0, "mse": 0.0}, {"seed": 1, "mse": 0.1}]
    assert results.read("red-by-lag")["trials"][1]["seconds"] == 1.0


def test_missing_trials_are_named_with_the_command_that_runs_them(stored):
    wanted = r"blue: 1 of 2 trials are not stored; .*python -m lstm_tutorial.experiments blue"
    with pytest.raises(FileNotFoundError, match=wanted):
        results.load("blue")


def test_a_wrong_name_gets_the_nearest_ones(stored):
    with pytest.raises(ValueError, match=r"name: .* got 'red-by-lags'; the nearest are red-by-lag"):
        results.load("red-by-lags")
    with pytest.raises(ValueError, match="got 'zzz'; none is like it"):
        results.read("zzz")


def test_a_chapters_name_gets_its_experiments(stored):
    with pytest.raises(ValueError, match="the chapter 'colours', which has blue, red-by-lag"):
        results.load("colours")


def test_names_of_a_chapter_or_of_all(stored):
    assert results.names("colours") == results.names() == ["blue", "red-by-lag"]
    with pytest.raises(ValueError, match="chapter: expected one of colours, got 'sounds'"):
        results.names("sounds")


def test_a_read_only_package_has_its_results_in_the_users_folder(stored, monkeypatch):
    own = stored / "home" / ".lstm-tutorial" / "results"
    assert results.folder() == results.STORED
    (own / "colours").mkdir(parents=True)
    (own / "colours" / "blue.json").write_text('{"trials": []}', encoding="utf-8")
    with pytest.raises(FileNotFoundError):  # the package can be written to, so its file counts
        results.load("blue")
    monkeypatch.setattr(results, "_writable", lambda folder: False)
    assert results.folder() == own
    assert results.load("blue") == [] and len(results.load("red-by-lag")) == 2


def test_whether_a_folder_can_be_written_to_is_tried(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert results._writable(tmp_path)
    assert not results._writable(tmp_path / "file" / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", results.names())
def test_a_stored_file_describes_itself(name):
    contents = results.read(name)
    assert contents["experiment"] == name and contents["about"] and contents["seeds"]
    assert contents["function"].startswith("lstm_tutorial.experiments.")
    wanted = {"settings", "result", "seconds", "versions", "processor", "fingerprint"}
    for row in contents["trials"]:
        assert set(row) - {"fixed"} == wanted
        assert row["seconds"] >= 0 and row["processor"]
        assert {"python", "numpy"} <= set(row["versions"])
    unknown = any(row["fingerprint"] is None for row in contents["trials"])
    assert ("was not recorded" in contents.get("note", "")) == unknown


def test_wilsons_interval():
    # of Newcombe (1998), table I, method 3: 81 of 263, and 0 of 20
    assert results.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-4)
    assert results.wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-4)


@pytest.mark.parametrize(
    "successes, trials, error, said",
    [
        (11, 10, ValueError, "successes: expected 0 to trials=10, got 11"),
        (-1, 10, ValueError, "successes: expected 0 to trials=10, got -1"),
        (0, 0, ValueError, "trials: expected at least 1, got 0"),
        (2.5, 10, TypeError, "successes: expected an integer, got float"),
        (1, "10", TypeError, "trials: expected an integer, got str"),
    ],
)
def test_wilson_refuses_what_is_no_rate(successes, trials, error, said):
    with pytest.raises(error, match=said):
        results.wilson(successes, trials)
