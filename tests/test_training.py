"""fit: the loop by hand gives the same bits, and so does a run that was killed and resumed."""

import copy
import pickle
import random
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lstm_tutorial import training
from lstm_tutorial.models import LSTMModel

T, B, D = 6, 4, 2
X = torch.randn(T, 5 * B, D, generator=torch.Generator().manual_seed(0))
Y = X.sum(dim=(0, 2))[:, None] / 4
VALID = [(X[:, :B] + 0.1, Y[:B])]


def net(seed=0, **options):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LSTMModel(D, 5, 1, **{"num_layers": 2, "dropout": 0.2, **options})


def mse(model, batch):
    x, y = batch
    return nn.functional.mse_loss(model(x), y)


def batches(rng):
    for part in rng.permutation(X.shape[1]).reshape(-1, B):
        yield X[:, part], Y[part]


def fit(model=None, loss=mse, source=batches, valid=None, **options):
    """Return the model and its history."""
    model = net() if model is None else model
    history = training.fit(model, loss, source, valid, **{"lr": 0.01, "epochs": 3, **options})
    return model, history


def same(a, b):
    """Whether two models, state dicts or histories hold the same bits."""
    if isinstance(a, nn.Module):
        a, b = a.state_dict(), b.state_dict()
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
    return all(np.array_equal(one, two, equal_nan=True) for one, two in zip(a, b, strict=True))


# The loop against the loop by hand


def by_hand(model, optimizer, scheduler, epochs, max_norm=None, seed=0):
    lrs, norms, losses = [], [], []
    for epoch in range(1, epochs + 1):
        with training.seeded(seed, epoch) as rng:
            for x, y in batches(rng):
                loss = ((model(x) - y) ** 2).mean()
                optimizer.zero_grad()
                loss.backward()
                limit = float("inf") if max_norm is None else max_norm
                norms.append(nn.utils.clip_grad_norm_(model.parameters(), limit).item())
                losses.append(loss.item())
                lrs.append(optimizer.param_groups[0]["lr"])
                optimizer.step()
                if scheduler:
                    scheduler.step()
    return [np.array(values).reshape(epochs, -1) for values in (losses, norms, lrs)]


OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
SCHEDULERS = {
    None: lambda optimizer, lr, n: None,
    "cosine": lambda optimizer, lr, n: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n),
    "onecycle": lambda optimizer, lr, n: torch.optim.lr_scheduler.OneCycleLR(
        optimizer, lr, n, cycle_momentum=False
    ),
}


@pytest.mark.parametrize("max_norm", [None, 0.05])
@pytest.mark.parametrize("schedule", SCHEDULERS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_loop_by_hand_gives_the_same_bits(optimizer, schedule, max_norm):
    ours, history = fit(optimizer=optimizer, schedule=schedule, max_norm=max_norm, lr=0.1, seed=7)
    theirs = net()
    their_optimizer = OPTIMIZERS[optimizer](theirs.parameters(), lr=0.1)
    scheduler = SCHEDULERS[schedule](their_optimizer, 0.1, 15)
    with torch.random.fork_rng():
        losses, norms, lrs = by_hand(theirs, their_optimizer, scheduler, 3, max_norm, seed=7)
    assert same(ours, theirs)
    assert not same(ours, net()) and not ours.training
    np.testing.assert_array_equal(history.lrs, lrs[:, -1])
    np.testing.assert_array_equal(history.norms, norms.max(axis=1))
    np.testing.assert_allclose(history.losses, losses.mean(axis=1), rtol=1e-12)
    assert np.isnan(history.valid_losses).all() and history.best is None


def test_clipping_bounds_the_step_and_the_history_shows_the_norm_before():
    one = {"source": lambda rng: [(X, 100 * Y)], "optimizer": "sgd", "lr": 1.0, "epochs": 1}
    start = net()
    for max_norm, reached in [(0.5, 0.5), (1e9, None)]:
        model, history = fit(max_norm=max_norm, **one)
        pairs = zip(model.parameters(), start.parameters(), strict=True)
        moved = torch.cat([(new - old).flatten() for new, old in pairs]).norm().item()
        assert history.norms[0] > 5
        assert moved == pytest.approx(reached or history.norms[0], rel=1e-4)


def test_frozen_weights_stay():
    model = net()
    model.lstm.requires_grad_(False)
    frozen = copy.deepcopy(model.lstm)
    fit(model, optimizer="adamw")
    assert same(model.lstm, frozen) and not same(model, net())


def test_weight_decay_shrinks_every_weight_before_the_step():
    zero = lambda model, batch: 0 * mse(model, batch)  # noqa: E731  (a gradient of nothing)
    start = net()
    model, _ = fit(loss=zero, optimizer="adamw", lr=0.1, weight_decay=2.0)
    for new, old in zip(model.parameters(), start.parameters(), strict=True):
        torch.testing.assert_close(new, old * (1 - 0.1 * 2.0) ** 15)
    plain, _ = fit(loss=zero, optimizer="adamw", lr=0.1)
    for new, old in zip(plain.parameters(), start.parameters(), strict=True):
        torch.testing.assert_close(new, old * (1 - 0.1 * 0.01) ** 15)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_weight_decay_belongs_to_adamw(optimizer):
    with pytest.raises(ValueError, match=f"expected None with optimizer '{optimizer}', got 0.1"):
        fit(optimizer=optimizer, weight_decay=0.1)


def test_weight_decay_is_above_zero():
    with pytest.raises(ValueError, match="weight_decay: expected a finite number above 0, got 0"):
        fit(optimizer="adamw", weight_decay=0)


def test_a_run_goes_on_with_the_weight_decay_that_it_began_with(tmp_path):
    options = {"optimizer": "adamw", "checkpoint": tmp_path / "run.pt"}
    fit(weight_decay=0.1, **options)
    with pytest.raises(ValueError, match=r"expected a run with weight_decay 0\.2"):
        fit(weight_decay=0.2, **options)


# Seeds


def test_every_source_of_randomness_is_seeded_and_given_back():
    drawn = []

    def loss(model, batch):
        drawn.append((random.random(), np.random.random(), torch.rand(()).item()))  # noqa: NPY002
        return mse(model, batch)

    def noise():
        return random.random(), np.random.random(), torch.rand(()).item()  # noqa: NPY002

    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    expected = noise()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    fit(loss=loss, seed=3)
    assert noise() == expected
    first, drawn[:] = drawn.copy(), []
    fit(loss=loss, seed=3)
    assert drawn == first and len(set(drawn)) == len(drawn) == 15
    drawn.clear()
    fit(loss=loss, seed=4)
    assert not set(drawn) & set(first)


def first_words():
    """Return the first words of torch's and of NumPy's stream, the last 24 bits of each."""
    words = np.random.randint(2**32, size=9, dtype=np.uint32) % 2**24  # noqa: NPY002
    return (torch.rand(9) * 2**24).tolist(), words.tolist()


def test_torch_and_numpy_do_not_share_a_stream():
    with training.seeded(0, 1):
        theirs, numpys = first_words()
        assert theirs != numpys
        # Both are Mersenne twisters: seeded with one number, they would.
        torch.manual_seed(5), np.random.seed(5)  # noqa: NPY002
        theirs, numpys = first_words()
        assert theirs == numpys


def test_the_batches_of_an_epoch_depend_on_seed_and_epoch_alone():
    seen = []

    def source(rng):
        seen.append(rng.integers(10**9))
        return [VALID[0]]

    fit(source=source, seed=5)
    expected = [np.random.default_rng([5, epoch]).integers(10**9) for epoch in (1, 1, 2, 3)]
    assert seen == expected  # the first is counted before it is trained on


# Validation


def scripted(values):
    """Return a loss whose validation values are those given, whatever the weights."""
    left = iter(values)

    def loss(model, batch):
        return mse(model, batch) if model.training else torch.tensor(next(left))

    return loss


def weights_after(epochs):
    return fit(epochs=epochs)[0]


@pytest.mark.parametrize(
    "values, patience, ran, best",
    [
        ([3.0, 2.0, 2.5, 2.5, 1.0, 0.5], 2, 4, 2),
        ([3.0, 2.0, 2.5, 2.5, 1.0, 0.5], 3, 6, 6),
        ([3.0, 2.0, 2.0, 2.5, 1.0, 0.5], 2, 4, 2),  # as low is not lower
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 1, 2, 1),
        ([3.0, 2.0, 2.5, 2.5, 2.5, 2.5], None, 6, 2),
    ],
)
def test_it_stops_early_and_gives_the_best_weights_back(values, patience, ran, best):
    model, history = fit(loss=scripted(values), valid=VALID, patience=patience, epochs=6)
    assert history.valid_losses.tolist() == values[:ran]
    assert history.epochs.tolist() == list(range(1, ran + 1))
    assert history.best == best
    assert same(model, weights_after(best)) and not same(model, weights_after(ran + 1))


def test_seeded_gives_the_generators_back():
    expected = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    with training.seeded(3, 4) as rng:
        assert rng.integers(10**9) == np.random.default_rng([3, 4]).integers(10**9)
        torch.rand(3), random.random(), np.random.random()  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), expected[0])
    assert random.getstate() == expected[1]
    assert np.random.get_state()[1].tolist() == expected[2]  # noqa: NPY002


def test_validation_is_the_mean_over_sequences_without_dropout_and_leaves_no_trace():
    valid = [VALID[0], (X, Y)]
    model, history = fit(valid=valid, epochs=2)
    without, _ = fit(epochs=history.best)
    assert same(model, without)
    assert not any(module.training for module in model.modules())
    with torch.no_grad():
        few, many = (mse(model, batch).item() for batch in valid)
    assert history.valid_losses.min() == (few + 5 * many) / 6


def test_equal_batches_count_the_same_to_the_last_bit():
    valid = [(X[:, part], Y[part]) for part in torch.arange(5 * B).split(B)]
    model, history = fit(valid=valid, epochs=1)
    with torch.no_grad():
        assert history.valid_losses[0] == sum(mse(model, batch).item() for batch in valid) / 5


def test_the_size_of_the_validation_batches_does_not_change_the_mean():
    whole = fit(valid=[(X, Y)], epochs=2)[1].valid_losses
    for size in (1, 3, 7, 19):
        valid = [(X[:, part], Y[part]) for part in torch.arange(5 * B).split(size)]
        np.testing.assert_allclose(fit(valid=valid, epochs=2)[1].valid_losses, whole, rtol=1e-6)


def packed(*lengths):
    return nn.utils.rnn.pack_sequence([torch.ones(n, D) for n in lengths], enforce_sorted=False)


@pytest.mark.parametrize(
    "batch, size",
    [
        (torch.zeros(7), 7),
        (torch.zeros(7, 3), 7),
        (torch.zeros(9, 7, 3), 7),
        (torch.zeros(9, 7, 3, 3), 7),
        (np.zeros((9, 7, 3)), 7),
        (torch.arange(7), 7),
        (packed(3, 5, 1, 5), 4),
        ((packed(3, 5, 1, 5), torch.zeros(4)), 4),
        (training.Chunk(torch.zeros(9, 7), torch.zeros(9, 7), True), 7),
        ((torch.zeros(9, 7, 3), torch.zeros(7, 2)), 7),
        ([torch.zeros(9, 7, 3), torch.zeros(7), torch.zeros(7), None, "name"], 7),
        ({"x": torch.zeros(9, 7, 3), "y": torch.zeros(9, 7)}, 7),
        (((torch.zeros(9, 7, 3), torch.zeros(9, 7, 1)), torch.zeros(7)), 7),
        ((torch.zeros(9, 7, 3), torch.tensor(2.0)), 7),
    ],
)  # fmt: skip
def test_a_batch_holds_so_many_sequences(batch, size):
    assert training.sequences(batch) == size


@pytest.mark.parametrize(
    "batch, error, message",
    [
        ("text", TypeError, "expected tensors, or a tuple, list or dict of them, got str"),
        ((), TypeError, "got an empty tuple"),
        (3, TypeError, "got int"),
        (torch.zeros(()), ValueError, r"got \(\) of torch.float32"),
        (torch.zeros(9, 7, dtype=torch.int64), ValueError, r"\(B, D\) of floating-point numbers .* got \(9, 7\) of torch.int64"),
        ((torch.zeros(7, 9, 3), torch.zeros(7)), ValueError, r"B=9, as of its first item, .* got shape \(7,\)"),
    ],
)  # fmt: skip
def test_what_may_be_one_or_the_other_is_not_guessed(batch, error, message):
    with pytest.raises(error, match=message):
        training.sequences(batch)


def test_the_count_can_be_given():
    steps = lambda m, batch: (m.weight.sum() * 0) + batch["loss"]  # noqa: E731
    valid = [{"loss": 1.0, "of": 3}, {"loss": 5.0, "of": 1}]
    options = {"lr": 0.1, "epochs": 1, "progress": False}
    history = training.fit(
        nn.Linear(1, 1), steps, lambda rng: valid, valid, count=lambda b: b["of"], **options
    )
    assert history.valid_losses[0] == pytest.approx(2.0)
    calls = []
    count = lambda batch: calls.append(batch) or 1 + len(calls)  # noqa: E731
    training.fit(nn.Linear(1, 1), steps, lambda rng: valid, valid, count=count, **options)
    assert calls == valid  # once in a run


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"count": 3}, TypeError, r"count: expected count\(batch\), got int"),
        ({"count": lambda batch: 0}, ValueError, r"count\(batch\): expected at least 1, got 0"),
        ({"count": lambda batch: 2.5}, TypeError, r"count\(batch\): expected an integer, got float"),
        ({"valid": [VALID[0], (X[:, :2], Y[:3])]}, ValueError, "valid: its batches differ in shape, .* give count"),
        ({"valid": [(X[0].long(),), (X[0, :2].long(),)]}, ValueError, "valid: its batches differ in shape, .* give count"),
    ],
)  # fmt: skip
def test_batches_whose_size_cannot_be_told_are_refused_before_the_first_epoch(
    options, error, message
):
    def never(model, batch):
        raise AssertionError

    with pytest.raises(error, match=message):
        fit(loss=never, **{"valid": VALID, **options})


def test_another_number_of_validation_batches_is_refused():
    class Shrinking:
        left = iter([3, 3, 3, 2])

        def __iter__(self):
            return iter(VALID * next(self.left))

    with pytest.raises(
        ValueError, match="valid: expected 3 batches as at the first walk, got 2 in epoch 2"
    ):
        fit(valid=Shrinking())


# The history as a table


def test_the_table_has_a_row_an_epoch_and_a_star_at_the_best():
    _, history = fit(loss=scripted([3.0, 2.0, 2.5]), valid=VALID)
    head, *rows = str(history).splitlines()
    assert head.split() == ["epoch", "loss", "valid", "norm", "lr"]
    assert [row.split()[0] for row in rows] == ["1", "2", "3"]
    assert [row.split()[2] for row in rows] == ["3", "2", "2.5"]
    assert [row.endswith("*") for row in rows] == [False, True, False]
    assert rows[0].split()[1] == f"{history.losses[0]:.4g}" and rows[0].split()[4] == "0.01"
    assert len({len(row.removesuffix(" *")) for row in [head, *rows]}) == 1


def test_a_long_table_leaves_out_its_middle_and_one_without_validation_shows_a_dash():
    epochs = np.arange(1, 31)
    ones = np.ones(30)
    rows = str(training.History(epochs, ones, ones * np.nan, ones, ones)).splitlines()
    assert [row.split()[0] for row in rows[1:]] == [
        *map(str, range(1, 11)),
        "...",
        *map(str, range(21, 31)),
    ]
    assert rows[1].split() == ["1", "1", "-", "1", "1"]


def test_the_bar_is_for_terminals_alone(capsys):
    fit()
    assert capsys.readouterr() == ("", "")


# Losses that explode


def broken(at, how):
    """Return a loss that is broken in one of its calls, counted from 1."""
    calls = iter(range(1, 1000))

    def loss(model, batch):
        value = mse(model, batch)
        if next(calls) != at:
            return value
        if how == "gradient":  # finite itself, with the slope of a root at 0
            return value + torch.sqrt(value - value.detach())
        return value * float(how)

    return loss


@pytest.mark.parametrize(
    "how, words",
    [
        ("nan", "loss: expected finite numbers, got nan"),
        ("inf", "loss: expected finite numbers, got inf"),
        ("gradient", "the gradient's norm: expected finite numbers, got"),
    ],
)
def test_a_run_that_explodes_stops_and_leaves_the_last_good_checkpoint(tmp_path, how, words):
    path = tmp_path / "run.pt"
    with pytest.raises(FloatingPointError) as caught:
        fit(loss=broken(8, how), checkpoint=path, max_norm=2.0)
    message = str(caught.value)
    norm = last_norm(7)
    for part in (
        words,
        "in epoch 2, batch 3 of 5;",
        f"norm was {norm:.3g}.",
        "lr (now 0.01)",
        "max_norm (now 2.0)",
        f"{path} holds the run as it was after epoch 1",
    ):
        assert part in message
    assert same(
        training._checkpoint.load(path)["model"], fit(epochs=1, max_norm=2.0)[0].state_dict()
    )


def last_norm(update):
    """Return the gradient's norm at an update, counted from 1."""
    model = net()
    with torch.random.fork_rng():
        adam = torch.optim.Adam(model.parameters(), lr=0.01)
        return by_hand(model, adam, None, 2, 2.0)[1].flatten()[update - 1]


def test_a_run_that_explodes_after_it_was_resumed_knows_the_last_norm(tmp_path):
    options = {"checkpoint": tmp_path / "run.pt", "max_norm": 2.0}
    with pytest.raises(FloatingPointError):
        fit(loss=broken(8, "nan"), **options)
    words = f"epoch 2, batch 1 of 5; the last gradient's norm was {last_norm(5):.3g}. Try"
    with pytest.raises(FloatingPointError, match=re.escape(words)):
        fit(loss=broken(1, "nan"), **options)


def test_a_run_that_explodes_at_once_knows_no_norm_and_names_no_file(tmp_path):
    path = tmp_path / "run.pt"
    with pytest.raises(
        FloatingPointError, match=r"epoch 1, batch 1 of 5; .* norm was not known yet"
    ) as caught:
        fit(loss=broken(1, "nan"), checkpoint=path)
    assert "holds" not in str(caught.value) and not path.exists()


def test_validation_and_weights_that_explode_stop_the_run(tmp_path):
    with pytest.raises(
        FloatingPointError, match=r"validation loss: .* got nan in epoch 2, validation batch 1"
    ):
        fit(loss=scripted([1.0, float("nan")]), valid=VALID)
    path = tmp_path / "run.pt"
    with pytest.raises(
        FloatingPointError, match=r"weights lstm\.\w+: .* in epoch 1, after its last update"
    ):
        fit(source=lambda rng: [(X, 1e6 * Y)], optimizer="sgd", lr=1e38, checkpoint=path)
    assert not path.exists()


# Checkpoints

DRIVER = """
    import os, random, signal, sys, time
    import torch
    torch.set_num_threads(1)
    import test_training as t

    folder, seed = sys.argv[1:]
    OPTIONS = dict(valid=t.VALID, epochs=25, schedule="onecycle", optimizer="adamw", max_norm=0.1)

    def run(name, kill=None):
        "Fork a process that trains; `kill` is a delay, or what to do to the child's os."
        started, pid = time.perf_counter(), os.fork()
        if pid == 0:
            if callable(kill):
                kill()
            checkpoint = f"{folder}/{name}.pt"
            model, history = t.fit(checkpoint=checkpoint, **OPTIONS)
            torch.save([model.state_dict(), [c.tolist() for c in history]], f"{folder}/{name}.end")
            os._exit(0)
        if isinstance(kill, float):
            time.sleep(kill)
            os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        if not os.WIFSIGNALED(status) and os.waitstatus_to_exitcode(status) != 0:
            raise SystemExit("the run failed by itself")
        return os.WIFSIGNALED(status), time.perf_counter() - started

    def die(*ignored):
        os.kill(os.getpid(), signal.SIGKILL)

    def at(name, call, before):
        "In the given call of os.NAME, do `before` with its arguments, then die."
        def patch():
            real, calls = getattr(os, name), iter(range(1, 1000))
            def patched(*args):
                if next(calls) == call:
                    before(*args)
                    die()
                return real(*args)
            setattr(os, name, patched)
        return patch

    def epochs_done(name):
        path = t.Path(folder) / f"{name}.pt"
        return len(t.training._checkpoint.load(path)["history"]) if path.exists() else 0

    t.fit(epochs=1)  # what PyTorch imports at its first update is imported before the forks
    _, took = run("never")
    rng, delay, resumed_at = random.Random(int(seed)), 0.3 * took, []
    while run("often", rng.uniform(0, delay))[0]:
        resumed_at.append(epochs_done("often"))
        delay *= 1.1  # so that there is an end on a busy machine too
    replace = os.replace
    for name, how in {
        "half-written": at("fsync", 4, lambda file: os.ftruncate(file, 1000)),
        "before-replacing": at("replace", 4, lambda *names: None),
        "after-replacing": at("replace", 4, replace),
        "first": at("fsync", 1, lambda file: None),
    }.items():
        assert run(name, how)[0]
        assert not run(name)[0]
    print(*resumed_at)
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    command = [sys.executable, "-c", textwrap.dedent(DRIVER), str(folder), "0"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    assert done.returncode == 0, done.stderr
    return folder, [int(epoch) for epoch in done.stdout.split()]


@pytest.mark.parametrize(
    "name", ["often", "half-written", "before-replacing", "after-replacing", "first"]
)
def test_a_run_killed_at_any_moment_ends_with_the_bits_of_one_never_killed(killed, name):
    folder, resumed_at = killed
    (weights, history), (expected, expected_history) = (
        torch.load(folder / f"{run}.end", weights_only=True) for run in (name, "never")
    )
    assert same(weights, expected)
    assert history == expected_history and len(history[0]) == 25
    assert not list(folder.glob("*.part"))
    assert resumed_at == sorted(resumed_at) and len({*resumed_at} - {0, 25}) >= 2


@pytest.mark.parametrize("stop", range(1, 6))
@pytest.mark.parametrize(
    "options", [{}, {"schedule": "cosine"}, {"schedule": "onecycle", "optimizer": "sgd"}]
)
def test_a_run_stopped_in_any_epoch_ends_with_the_same_bits(tmp_path, options, stop):
    options = {"valid": VALID, "epochs": 5, "patience": 4, "max_norm": 0.1, **options}
    expected, expected_history = fit(loss=mse, **options)

    def interrupted(model, batch):
        if next(calls) == 6 * stop - 3:  # five updates and a validation an epoch
            raise KeyboardInterrupt
        return mse(model, batch)

    interrupted.__qualname__ = "mse"
    calls = iter(range(1000))
    with pytest.raises(KeyboardInterrupt):
        fit(loss=interrupted, checkpoint=tmp_path / "run.pt", **options)
    random.seed(0), torch.manual_seed(stop)
    model, history = fit(loss=mse, checkpoint=tmp_path / "run.pt", **options)
    assert same(model, expected) and same(history, expected_history)


@pytest.mark.parametrize("ran", [1, 3, 5])
def test_a_finished_run_can_be_extended_and_ends_with_the_same_bits(tmp_path, ran):
    options = {"valid": VALID, "max_norm": 0.1, "checkpoint": tmp_path / "run.pt"}
    fit(epochs=ran, **options)
    model, history = fit(epochs=6, **options)
    expected, expected_history = fit(**{**options, "checkpoint": None}, epochs=6)
    assert same(model, expected) and same(history, expected_history)
    with pytest.raises(
        ValueError, match=f"expected a run with epochs {ran} in .*, got one with 6;"
    ):
        fit(epochs=ran, **options)


@pytest.mark.parametrize("schedule", ["cosine", "onecycle"])
def test_a_schedule_over_all_epochs_cannot_be_extended(tmp_path, schedule):
    path = tmp_path / "run.pt"
    fit(schedule=schedule, checkpoint=path)
    words = f"with 3 (the schedule '{schedule}' depends on the total); name another file"
    refuse(path, words, schedule=schedule, epochs=4)


def test_a_stopped_run_may_end_earlier_than_it_was_meant_to(tmp_path):
    path = tmp_path / "run.pt"
    with pytest.raises(FloatingPointError):
        fit(loss=broken(12, "nan"), epochs=9, checkpoint=path)
    model, _ = fit(loss=broken(0, "nan"), epochs=3, checkpoint=path)
    assert same(model, weights_after(3))


def test_more_epochs_do_not_wake_a_run_that_its_patience_ended(tmp_path):
    options = {"valid": VALID, "patience": 1, "checkpoint": tmp_path / "run.pt"}
    model, history = fit(loss=scripted([2.0, 1.0, 3.0]), epochs=9, **options)
    again, same_history = fit(loss=scripted([]), epochs=20, **options)
    assert same(again, model) and same(history, same_history)


def test_a_finished_run_is_not_run_again(tmp_path):
    options = {
        "loss": scripted([2.0, 1.0, 3.0]),
        "valid": VALID,
        "patience": 1,
        "checkpoint": tmp_path / "run.pt",
    }
    model, history = fit(epochs=9, **options)
    again, same_history = fit(epochs=9, **options)  # the script of its loss has run out
    assert same(again, model) and same(history, same_history) and len(history.epochs) == 3
    assert same(model, weights_after(2))


def test_a_best_epoch_before_the_stop_is_still_known_after_it(tmp_path):
    options = {"valid": VALID, "checkpoint": tmp_path / "run.pt"}
    with pytest.raises(FloatingPointError):
        fit(loss=scripted([1.0, float("nan")]), **options)
    model, history = fit(loss=scripted([2.0, 3.0]), **options)
    assert history.valid_losses.tolist() == [1.0, 2.0, 3.0] and history.best == 1
    assert same(model, weights_after(1))


def refuse(path, words, **options):
    """Check that a checkpoint is refused in these words and stays as it is."""
    before, model = path.read_bytes(), options.pop("model", net())
    weights = copy.deepcopy(model)
    with pytest.raises(ValueError) as caught:
        fit(model, checkpoint=path, **options)
    assert str(path) in str(caught.value) and "checkpoint: expected" in str(caught.value)
    assert words in str(caught.value)
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]
    assert same(model, weights)


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "run.pt"
    fit(valid=VALID, checkpoint=path)
    return path


def other(rng):
    return ((x + 1, y) for x, y in batches(rng))


def shorter(rng):
    return list(batches(rng))[:-1]


@pytest.mark.parametrize(
    "options, words",
    [
        ({"lr": 0.02}, "with lr 0.02 in"),
        ({"lr": 0.02}, "got one with 0.01; name another file"),
        ({"epochs": 2}, "with epochs 2 in"),
        ({"count": len}, "with count 'len' in"),
        ({"optimizer": "sgd"}, "with optimizer 'sgd' in"),
        ({"schedule": "cosine"}, "with schedule 'cosine' in"),
        ({"max_norm": 1.0}, "with max_norm 1.0 in"),
        ({"patience": 2}, "with patience 2 in"),
        ({"seed": 1}, "with seed 1 in"),
        ({"model": net(seed=1)}, "with the digest of the initial weights"),
        ({"model": net(num_layers=1, dropout=0.0)}, "with model 'LSTMModel with weights"),
        ({"loss": broken(0, "nan")}, "with loss 'broken.<locals>.loss'"),
        ({"source": shorter}, "with batches an epoch 4"),
        ({"source": other}, "with the digest of the first batch"),
        ({"valid": [(X, Y)]}, "with the digest of the first validation batch"),
    ],
)
def test_a_run_with_other_settings_is_refused(stored, options, words):
    refuse(stored, words, **{"valid": VALID, **options})


def test_a_damaged_checkpoint_is_refused_wherever_the_damage_lies(stored):
    whole = stored.read_bytes()
    for length in [0, 1, 100, len(whole) // 2, len(whole) - 1]:
        stored.write_bytes(whole[:length])
        refuse(stored, f"got {length} bytes that are damaged", valid=VALID)
    rng = np.random.default_rng(0)
    for place in rng.integers(len(whole), size=100):
        stored.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            state = training._checkpoint.load(stored)
        except ValueError as error:
            assert (
                "damaged" in str(error) or "something else" in str(error) or "version" in str(error)
            )
        else:  # in what the format fills its gaps with
            stored.write_bytes(whole)
            assert training._checkpoint.digest(state) == training._checkpoint.digest(
                training._checkpoint.load(stored)
            )


class Trap:
    """A pickle that would leave a file behind if its code were executed."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_checkpoint_is_never_executed(stored):
    sprung = stored.parent.parent / f"{stored.parent.name}-sprung"
    for write in (
        lambda: torch.save({"format": training._checkpoint.FORMAT, "state": Trap(sprung)}, stored),
        lambda: stored.write_bytes(pickle.dumps(Trap(sprung))),
    ):
        write()
        refuse(stored, "damaged or of another kind", valid=VALID)
        assert not sprung.exists()


def test_foreign_and_newer_files_are_refused(stored):
    whole = torch.load(stored, weights_only=True)
    torch.save({**whole, "version": training._checkpoint.VERSION + 1}, stored)
    refuse(
        stored, f"{training._checkpoint.FORMAT} version 1 in {stored}, got version 2", valid=VALID
    )
    torch.save(net().state_dict(), stored)
    refuse(stored, "got a file that something else wrote", valid=VALID)
    torch.save([1, 2], stored)
    refuse(stored, "got a file that something else wrote", valid=VALID)
    stored.write_text("epoch,loss\n1,0.5\n", encoding="utf-8")
    refuse(stored, "damaged or of another kind", valid=VALID)
    whole["state"]["model"]["linear.bias"] += 1
    torch.save(whole, stored)
    refuse(stored, "their digest is another", valid=VALID)


def test_a_write_that_fails_leaves_the_good_file(stored, monkeypatch):
    before = stored.read_bytes()

    def full(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        training._checkpoint.save(stored, {})
    assert stored.read_bytes() == before


# Arguments


def shrinking(first, later):
    """Return a source whose later epochs have another number of batches than the first."""
    calls = iter(range(100))
    return lambda rng: [(X, Y)] * (first if next(calls) < 2 else later)


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({"model": nn.functional.relu}, TypeError, r"model: expected a torch.nn.Module, got function"),
        ({"model": nn.Tanh()}, ValueError, "model: expected weights that need a gradient, got none"),
        ({"loss": "mse"}, TypeError, r"loss: expected loss\(model, batch\), got str"),
        ({"loss": lambda m, b: 1.0}, TypeError, "loss: expected it to return a tensor, got float"),
        ({"loss": lambda m, b: m(b[0])}, ValueError, r"loss: expected one number, got shape \(4, 1\)"),
        ({"loss": lambda m, b: torch.ones(())}, ValueError, "loss: expected a tensor that depends on the weights"),
        ({"source": [(X, Y)]}, TypeError, r"batches: expected batches\(rng\), got list"),
        ({"source": lambda rng: 3}, TypeError, r"batches: expected batches\(rng\) to be iterable, got int"),
        ({"source": lambda rng: []}, ValueError, "batches: expected at least one batch an epoch, got none"),
        ({"source": shrinking(3, 2)}, ValueError, "batches: expected 3 in epoch 2 as in the first, got 2"),
        ({"source": shrinking(3, 4)}, ValueError, "batches: expected 3 in epoch 2 as in the first, got more"),
        ({"valid": iter(VALID)}, TypeError, "valid: expected a list of batches, got list_iterator"),
        ({"valid": batches}, TypeError, "valid: expected a list of batches, got function"),
        ({"valid": []}, ValueError, "valid: expected at least one batch, got none"),
        ({"lr": 0}, ValueError, "lr: expected a finite number above 0, got 0"),
        ({"lr": "0.1"}, TypeError, "lr: expected a number, got str"),
        ({"epochs": 0}, ValueError, "epochs: expected at least 1, got 0"),
        ({"epochs": 2.5}, TypeError, "epochs: expected an integer, got float"),
        ({"optimizer": "lion"}, ValueError, "optimizer: expected one of adam, adamw, sgd, got 'lion'"),
        ({"schedule": "step"}, ValueError, "schedule: expected one of cosine, onecycle, got 'step'"),
        ({"schedule": 3}, TypeError, "schedule: expected a string or None, got int"),
        ({"max_norm": -1.0}, ValueError, "max_norm: expected a finite number above 0, got -1.0"),
        ({"patience": 0, "valid": VALID}, ValueError, "patience: expected at least 1, got 0"),
        ({"patience": 2}, ValueError, "patience: expected None without a validation set, got 2"),
        ({"seed": -1}, ValueError, "seed: expected a seed of at least 0, got -1"),
        ({"seed": np.random.default_rng(0)}, TypeError, "seed: expected an integer, got Generator"),
        ({"checkpoint": 3}, TypeError, "checkpoint: expected a path, got int"),
        ({"checkpoint": "/no/such/folder/run.pt"}, ValueError, "checkpoint: expected a file in a folder that exists, got /no"),
        ({"checkpoint": "."}, ValueError, "checkpoint: expected a file in a folder that exists, got ."),
        ({"progress": 1}, TypeError, "progress: expected a bool, got int"),
    ],
)  # fmt: skip
def test_an_argument_that_does_not_fit_is_named(options, error, words):
    with pytest.raises(error, match=words):
        fit(**options)


@pytest.mark.parametrize("schedule", SCHEDULERS)
def test_one_update_in_all_is_enough(schedule):
    _, history = fit(source=lambda rng: [(X, Y)], epochs=1, schedule=schedule)
    assert len(history.epochs) == 1
