"""Broken copies of the core: each is caught by the comparison that the tests rely on."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from test_rnn import autograd, draw_case, run, worst

from lstm_tutorial import rnn

RNN_MUTANTS = {
    "tanh has another slope": ("1 - h * h", "1 - h"),
    "sigmoid has another slope": ("h * (1 - h)),", "h * (1 + h)),"),
    "sigmoid is too steep": ("np.tanh(0.5 * z)", "np.tanh(z)"),
    "the state is not carried": ("z[t] + hs[t] @ W_hh.T", "z[t] + hs[0] @ W_hh.T"),
    "recurrent weights transposed, forward": ("hs[t] @ W_hh.T", "hs[t] @ W_hh"),
    "recurrent weights transposed, backward": ("dh = dz[t] @ W_hh", "dh = dz[t] @ W_hh.T"),
    "the bias is dropped": ("x @ W_ih.T + b", "x @ W_ih.T"),
    "the last gradient is dropped": ("np.zeros_like(hs[0]) if dh_T is None", "np.zeros_like(hs[0]) if True"),
    "later gradients are overwritten": ("dh = dh + dhs[t]", "dh = dhs[t]"),
    "outputs' gradients one step off": ("dh = dh + dhs[t]", "dh = dh + dhs[t - 1]"),
    "the slope is skipped": ("dz[t] *= dh", "dz[t] = dh"),
    "states one step off in dW_hh": ("hs[:-1].reshape(T * B, H)", "hs[1:].reshape(T * B, H)"),
    "biases averaged, not summed": ("flat.sum(axis=0)", "flat.mean(axis=0)"),
    "forward in time, not backward": ("reversed(range(T))", "range(T)"),
}  # fmt: skip


@pytest.mark.parametrize("name", RNN_MUTANTS)
def test_a_broken_rnn_is_caught(name):
    old, new = RNN_MUTANTS[name]
    source = Path(rnn.__file__).read_text(encoding="utf-8")
    assert source.count(old) == 1, f"the mutant no longer fits the source: {old}"
    mutant = ModuleType("mutant")
    exec(compile(source.replace(old, new), "mutant", "exec"), mutant.__dict__)
    cases = [draw_case(np.random.default_rng(0), 4, 3, 2, 5, nonlinearity=n) for n in ("tanh", "sigmoid")]  # fmt: skip
    errors = []
    for case in cases:
        hs, _, grads = run(*case, module=mutant)
        want_hs, want = autograd(*case)
        errors.append(worst([hs, *grads], [want_hs, *want]))
    assert max(errors) > 1e-3
