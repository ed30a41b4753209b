"""Broken copies of the core: each is caught by the comparison that the tests rely on."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import test_lstm
from test_rnn import autograd, draw_case, run, worst

from lstm_tutorial import lstm, rnn

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


LSTM_MUTANTS = {
    "gates in another order, inward": ("INWARD, OUTWARD = [3, 0, 1, 2]", "INWARD, OUTWARD = [3, 1, 0, 2]"),
    "gates in another order, outward": ("[1, 2, 3, 0]  # from", "[0, 1, 2, 3]  # from"),
    "sigmoids too steep": ("W[:3] /= 2", "W[:3] /= 1"),
    "the candidate halved too": ("W[:3] /= 2", "W[:4] /= 2"),
    "the candidate squashed as a gate": ("gates[:-1, :3],\n", "gates[:-1, :4],\n"),
    "the bias is dropped": ("x.transpose(0, 2, 1), 1, h0.T", "x.transpose(0, 2, 1), 0, h0.T"),
    "the cell starts at zero": ("gates[0, 4] = c0.T", "gates[0, 4] = 0"),
    "the cell forgets the candidate": ("np.add(new, kept, c)", "np.add(kept, kept, c)"),
    "the cell is replaced, not kept": ("np.add(new, kept, c)", "np.add(new, 0, c)"),
    "the output leaves out tanh": ("np.tanh(c, squashed)", "np.copyto(squashed, c)"),
    "the output leaves out its gate": ("np.multiply(o, squashed, h)", "np.copyto(h, squashed)"),
    "another slope of tanh(c)": ("np.subtract(o, h * tanh_c, local", "np.subtract(o, tanh_c, local"),
    "another slope of g": ("np.subtract(i, local[:, 2] * g, local", "np.subtract(i, g * g, local"),
    "another slope of the sigmoids": ("*= 1 - gates[:, :3]", "*= gates[:, :3]"),
    "c_t where c_{t-1} belongs": ("np.multiply(gates[:, 1:3], gates[:, 3:], local", "np.multiply(gates[:, 1:3], tape.gates[1:, 3:][steps], local"),
    "the carousel leaks": ("local[:, 5] = f", "local[:, 5] = f * f"),
    "the carousel runs through i": ("local[:, 5] = f", "local[:, 5] = i"),
    "the cell's gradient is not carried": ("np.add(dc_total, dc, dc_total)", "np.add(dc_total, 0, dc_total)"),
    "outputs' gradients are dropped": ("np.add(dh, dh_out, dh_total)", "np.add(dh, 0, dh_total)"),
    "the state's gradient is not carried": ("dh, dc = dh_prev, dc_prev", "dc = dc_prev"),
    "outputs' gradients from the first to the last": ("dhs.transpose(0, 2, 1)[::-1]", "dhs.transpose(0, 2, 1)"),
    "the last h's gradient is dropped": ("dh_T = zero if dh_T is None else arrays.check(\"dh_T\", dh_T, \"B H\")", "dh_T = zero"),
    "the last c's gradient is dropped": ("dc_T = zero if dc_T is None else arrays.check(\"dc_T\", dc_T, \"B H\")", "dc_T = zero"),
    "inputs one step off in dW": ("@ inputs[:-1].swap", "@ inputs[1:].swap"),
    "weight gradients of another column": ("dW[:, D + 1 :].copy()", "dW[:, D:-1].copy()"),
    "peepholes of i and f exchanged": ("p_i, p_o, p_f = P.reshape(3, H, 1) / 2", "p_f, p_o, p_i = P.reshape(3, H, 1) / 2"),
    "the output gate sees the old cell": ("np.tanh(o + p_o * c)", "np.tanh(o + p_o * c_prev)"),
    "no gradient through the output's peephole": ("+ p_o * local[t, 1]", ""),
    "no gradient through the forget gate's peephole": ("+ p_f * local[t, 3]", ""),
    "peephole gradients see another cell": ("(gates[:-1], gates[1:], gates", "(gates[:-1], gates[:-1], gates"),
    "the last state is the padding's": ("hs[lengths - 1, range(B)]", "hs[[-1] * B, range(B)]"),
    "the last cell is one step off": ("gates[lengths, 4, :, range(B)]", "gates[lengths - 1, 4, :, range(B)]"),
    "the padding has gradients": ("local *= valid[:, None]", "pass"),
    "the padding stops the gradient of c_T": ("local[:, 5] += ~valid", "pass"),
    "the padding's outputs are left": ("hs[~_valid(T, lengths)] = 0", "pass"),
}  # fmt: skip

STACK_MUTANTS = {
    "both directions forward in time": ("return x[::-1]\n", "return x\n"),
    "sequences turned with their padding": ("lengths - 1 - t, t)", "len(x) - 1 - t, t)"),
    "directions in another order": ("return x, (h_T, c_T), tapes", "return np.roll(x, 1, 2), (h_T, c_T), tapes"),
    "one direction's gradient is dropped": ("np.sum(dxs, axis=0)", "dxs[0]"),
    "layers' states exchanged": ("dh_T[L + k], dc_T[L + k])", "dh_T[k], dc_T[k])"),
    "layers' gradients in another order": ("grads.insert(0, dWs)", "grads.append(dWs)"),
}  # fmt: skip


def mutant(module, old, new):
    """Return a broken copy of a module."""
    source = Path(module.__file__).read_text(encoding="utf-8")
    assert source.count(old) == 1, f"the mutant no longer fits the source: {old}"
    broken = ModuleType("mutant")
    exec(compile(source.replace(old, new), "mutant", "exec"), broken.__dict__)
    return broken


def caught(errors):
    """Tell whether any error is large, or not a number."""
    return not all(error <= 1e-3 for error in errors)


@pytest.mark.parametrize("name", RNN_MUTANTS)
@np.errstate(all="ignore")  # a mutant may compute with memory that nobody has set
def test_a_broken_rnn_is_caught(name):
    broken = mutant(rnn, *RNN_MUTANTS[name])
    cases = [draw_case(np.random.default_rng(0), 4, 3, 2, 5, nonlinearity=n) for n in ("tanh", "sigmoid")]  # fmt: skip
    errors = []
    for case in cases:
        hs, _, grads = run(*case, module=broken)
        want_hs, want = autograd(*case)
        errors.append(worst([hs, *grads], [want_hs, *want]))
    assert caught(errors)


@pytest.mark.parametrize("name", LSTM_MUTANTS)
@np.errstate(all="ignore")  # a mutant may compute with memory that nobody has set
def test_a_broken_lstm_is_caught(name):
    broken = mutant(lstm, *LSTM_MUTANTS[name])
    errors = []
    for peepholes, lengths in [(False, None), (False, np.array([4, 1, 3])), (True, None)]:
        case = test_lstm.draw_case(np.random.default_rng(0), 4, 3, 2, 5, peepholes=peepholes)
        got = test_lstm.run(*case, lengths, module=broken)
        errors.append(worst(got, test_lstm.autograd(*case, lengths)))
    assert caught(errors)


@pytest.mark.parametrize("name", STACK_MUTANTS)
@np.errstate(all="ignore")  # a mutant may compute with memory that nobody has set
def test_a_broken_stack_is_caught(name):
    broken = mutant(lstm, *STACK_MUTANTS[name])
    rng = np.random.default_rng(0)
    layers = [[lstm.init(n, 3, rng) for _ in range(2)] for n in (6, 6)]
    args, grads = (
        [rng.normal(size=s) for s in [(4, 3, 6), (4, 3, 3), (4, 3, 3)]] for _ in range(2)
    )
    errors = []
    for lengths in (None, np.array([2, 4, 1])):
        got = test_lstm.run_stack(args, grads, layers, lengths, module=broken)
        errors.append(worst(got, test_lstm.nn_lstm(args, grads, layers, lengths)))
    assert caught(errors)
