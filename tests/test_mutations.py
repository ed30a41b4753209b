"""Broken copies of the core: each is caught by the comparison that the tests rely on."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from lstm_tutorial import _engine, cells, gradients, lstm, rnn
from tests import test_cells, test_lstm
from tests.test_rnn import autograd, draw_case, run

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


PLAIN_MUTANTS = {
    "gates in another order": ("z_i, z_f, z_g, z_o = np.split", "z_f, z_i, z_g, z_o = np.split"),
    "the candidate squashed as a gate": ("np.tanh(z_g)", "sigmoid(z_g)"),
    "the bias is dropped": ("x @ W_ih.T + h_prev @ W_hh.T + b", "x @ W_ih.T + h_prev @ W_hh.T"),
    "the cell forgets the candidate": ("    c = f * c_prev + i * g", "    c = f * c_prev + i"),
    "the cell is replaced, not kept": ("    c = f * c_prev + i * g", "    c = i * g"),
    "the output leaves out tanh": ("return o * np.tanh(c), c", "return o * c, c"),
    "the output leaves out its gate": ("return o * np.tanh(c), c", "return np.tanh(c), c"),
    "another cell on the way back": ("np.tanh(f * c_prev + i * g)", "np.tanh(f * c_prev + i)"),
    "no path from h to c": ("dc = dc + dh * o * (1 - tanh_c**2)", "dc = dc"),
    "another slope of tanh(c)": ("(1 - tanh_c**2)", "(1 - tanh_c)"),
    "the later cell's gradient is dropped": ("dc = dc + dh * o", "dc = dh * o"),
    "another slope of i": ("dc * g * i * (1 - i)", "dc * g * (1 - i)"),
    "another slope of f": ("dc * c_prev * f * (1 - f)", "dc * c_prev * f * (1 + f)"),
    "another slope of g": ("dc * i * (1 - g**2)", "dc * i * (1 - g)"),
    "another slope of o": ("dh * tanh_c * o * (1 - o)", "dh * tanh_c * (1 - o)"),
    "o has its gradient from c": ("dz_o = dh * tanh_c", "dz_o = dc * tanh_c"),
    "gradients of the gates in another order": ("[dz_i, dz_f, dz_g, dz_o]", "[dz_f, dz_i, dz_g, dz_o]"),
    "the carousel leaks": ("dz @ W_hh, dc * f", "dz @ W_hh, dc * f * f"),
    "gradients of the weights exchanged": ("dz.T @ h_prev, dz", "dz.T @ c_prev, dz"),
    "biases averaged, not summed": ("dz.sum(axis=0)", "dz.mean(axis=0)"),
    "the memory is one step off": ("memories.append((x_t, h, c))\n", "memories.append((x_t, h0, c))\n"),
    "the state is not carried": ("h, c = step(x_t, h, c", "h, c = step(x_t, h0, c"),
    "outputs' gradients are dropped": ("step_backward(dh + dh_out, dc", "step_backward(dh, dc"),
    "later gradients are overwritten": ("step_backward(dh + dh_out, dc", "step_backward(dh_out, dc"),
    "the cell's gradient is not carried": ("dh + dh_out, dc, *memory", "dh + dh_out, 0 * dc, *memory"),
    "the last h's gradient is dropped": ("dh, dc = dh_T, dc_T\n    dxs", "dh, dc = 0 * dh_T, dc_T\n    dxs"),
    "the last c's gradient is dropped": ("dh, dc = dh_T, dc_T\n    dxs", "dh, dc = dh_T, 0 * dc_T\n    dxs"),
    "a share is not added": ("dW_hh + shares[1]", "shares[1]"),
    "inputs' gradients last step first": ("np.stack(dxs[::-1])", "np.stack(dxs)"),
    "forward in time, not backward": ("zip(dhs[::-1], memories[::-1]", "zip(dhs, memories"),
}  # fmt: skip

ENGINE_MUTANTS = {
    "gates in another order, inward": ("INWARD, OUTWARD = [3, 0, 1, 2]", "INWARD, OUTWARD = [3, 1, 0, 2]"),
    "gates in another order, outward": ("[1, 2, 3, 0]  # from", "[0, 1, 2, 3]  # from"),
    "sigmoids too steep": ("W[:3] /= 2", "W[:3] /= 1"),
    "the candidate halved too": ("W[:3] /= 2", "W[:4] /= 2"),
    "recurrent weights for the inputs' gradients": ("for W in (W_ih, W_hh))", "for W in (W_hh[:, : W_ih.shape[1]], W_hh))"),
    "slices first to last": ("range(stop, start, -size)]", "range(stop, start, -size)][::-1]"),
    "only the last slice counts for the weights": ("dW += dz @", "dW[:] = dz @"),
    "only the last slice counts for the peepholes": ("dP += [", "dP[:] = ["),
    "slices in another place": ("part.start - steps.start, part.stop - steps.start", "0, part.stop - part.start"),
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
    "the state's gradient is not carried": ("np.dot(W_h, dz, dh)\n        dc", "dh *= 0\n        dc"),
    "outputs' gradients from the first to the last": ("dhs.transpose(0, 2, 1)[::-1]", "dhs.transpose(0, 2, 1)"),
    "inputs one step off in dW": ("@ inputs[:-1][steps]", "@ inputs[1:][steps]"),
    "weight gradients of another column": ("dW[:, D + 1 :].copy()", "dW[:, D:-1].copy()"),
    "peepholes of i and f exchanged": ("p_i, p_o, p_f = P.reshape(3, H, 1) / 2", "p_f, p_o, p_i = P.reshape(3, H, 1) / 2"),
    "the output gate sees the old cell": ("np.tanh(o + p_o * c)", "np.tanh(o + p_o * c_prev)"),
    "no gradient through the output's peephole": ("+ p_o * local[t, 1]", ""),
    "no gradient through the forget gate's peephole": ("+ p_f * local[t, 3]", ""),
    "peephole gradients see another cell": ("gates[1:, 4][steps]", "gates[:-1, 4][steps]"),
    "the last state is the padding's": ("hs[lengths - 1, range(B)]", "hs[[-1] * B, range(B)]"),
    "the last cell is one step off": ("gates[lengths, 4, :, range(B)]", "gates[lengths - 1, 4, :, range(B)]"),
    "the padding has gradients": ("local *= runs[:, None]", "pass"),
    "the padding stops the gradient of c_T": ("local[:, 5] += ~runs", "pass"),
    "the padding's outputs are left": ("hs[~_valid(T, lengths)] = 0", "pass"),
}  # fmt: skip

DOOR_MUTANTS = {
    "the last h's gradient is dropped": ("dh_T = zero if dh_T is None else arrays.check(\"dh_T\", dh_T, \"B H\")", "dh_T = zero"),
    "the last c's gradient is dropped": ("dc_T = zero if dc_T is None else arrays.check(\"dc_T\", dc_T, \"B H\")", "dc_T = zero"),
    "the last h's gradient is one step off": ("dhs[tape.lengths - 1, range(B)] += dh_T", "dhs[tape.lengths - 2, range(B)] += dh_T"),
}  # fmt: skip

STACK_MUTANTS = {
    "both directions forward in time": ("return x[::-1]\n", "return x\n"),
    "sequences turned with their padding": ("lengths - 1 - t, t)", "len(x) - 1 - t, t)"),
    "directions in another order": ("return x, (h_T, c_T), tapes", "return np.roll(x, 1, 2), (h_T, c_T), tapes"),
    "one direction's gradient is dropped": ("np.sum(dxs, axis=0)", "dxs[0]"),
    "layers' states exchanged": ("dh_T[L + k], dc_T[L + k])", "dh_T[k], dc_T[k])"),
    "layers' gradients in another order": ("grads.insert(0, dWs)", "grads.append(dWs)"),
}  # fmt: skip

SPLIT_MUTANTS = {
    "the carousel leaves out a step": ("carousel = carousel * f.T", "carousel = f.T"),
    "the forget gate's path counted twice": ("f.T[:, :, None] * gates + through", "f.T[:, :, None] * (gates + eye * carousel[:, :, None]) + through"),
    "no path through the output gate": ("carousel[:, :, None]) + through[3]", "carousel[:, :, None])"),
    "gate paths one step long": ("out.T[:, :, None] * (gates + eye", "out.T[:, :, None] * (0 * gates + eye"),
    "recurrent weights transposed": ("W = tape.W_hh.reshape(4, 1, H, H)", "W = tape.W_hh.reshape(4, 1, H, H).swapaxes(2, 3)"),
    "c_k where c_{k-1} belongs": ("(o, i, f, g, c_prev), tanh_c = tape.gates[k - 1]", "(o, i, f, g, _), c_prev, tanh_c = tape.gates[k - 1], tape.gates[k, 4]"),
    "another slope of g": ("i * (1 - g * g)", "i * (1 - g)"),
    "by lag, the carousel takes in gate paths": ("carousel[lag + 1] = f * carousel[lag]", "carousel[lag + 1] = f * (carousel[lag] + gates[lag])"),
    "by lag, the last output gate is left out": ("into[3] *= dh", "into[3] *= 0"),
}  # fmt: skip

CELLS_MUTANTS = {
    "gates in another order": ("i, f, g, o = (F.linear(h, W_hh", "f, i, g, o = (F.linear(h, W_hh"),
    "the candidate squashed as a gate": ("torch.sigmoid(i) * torch.tanh(g)", "torch.sigmoid(i) * torch.sigmoid(g)"),
    "the cell is replaced, not kept": ("c = torch.sigmoid(f) * c +", "c = 0 * c +"),
    "the output leaves out tanh": ("h = torch.sigmoid(o) * torch.tanh(c)", "h = torch.sigmoid(o) * c"),
    "h is not projected": ("F.linear(h, W_hr)), c", "h[:, : len(W_hr)] + 0 * F.linear(h, W_hr)), c"),
    "the bias of one side is dropped, forward": ("b_hh is None else torch.addmm(b_hh, h_prev, W_T)", "b_hh is None else torch.mm(h_prev, W_T)"),
    "the cell forgets the candidate": (".add_(i * g)", ".add_(i)"),
    "the backward pass sees another state": ("kept.append((h_t, h_prev, c_prev))", "kept.append((h_t, h_t, c_prev))"),
    "c_t where c_{t-1} belongs": ("kept.append((h_t, h_prev, c_prev))", "kept.append((h_t, h_prev, c_t))"),
    "outputs in the order of the loop": ("zip(*_in_order(kept, reverse)", "zip(*_in_order(kept, False)"),
    "another slope of tanh(c)": ("torch.addcmul(o, m, tanh_c, value=-1)", "torch.addcmul(o, m, m, value=-1)"),
    "another slope of the sigmoids": ("torch.addcmul(gates, gates, gates, value=-1)", "torch.addcmul(gates, gates, gates, value=1)"),
    "another slope of g": ("torch.addcmul(dz.new_ones(1), g, g, value=-1", "torch.addcmul(g, g, g, value=-1"),
    "factors of i and g exchanged": ("(g, c_prev, i, tanh_c), strict", "(i, c_prev, g, tanh_c), strict"),
    "the loop runs forward in time again": ("not ctx.reverse, *arrays", "ctx.reverse, *arrays"),
    "outputs' gradients are dropped": ("torch.add(dh_t, dh_out, out=total)", "torch.add(dh_t, 0, out=total)"),
    "the state's gradient is not carried": ("torch.mm(z, W_hh, out=dh_t)", "dh_t.zero_()"),
    "the cell's gradient is not carried": ("dc_t.mul_(f_t)", "dc_t.zero_()"),
    "the output's way to the cell is left out": ("dc_t.addcmul_(dm, to_c)", "pass"),
    "biases averaged, not summed": ("dz.sum(0)", "dz.mean(0)"),
    "projections see what the gates let through": ("dh_total.T @ m", "dh_total.T @ tanh_c"),
    "second derivatives end at the states": ("t.view_as(t)", "t.detach().requires_grad_()"),
    "finished sequences lose their states": ("before[len(states) :]])", "0 * before[len(states) :]])"),
    "the last sequences run, not the first": ("states[:n]\n", "states[-n:]\n"),
    "both directions read forward": ("*next(cells), sizes, reverse)", "*next(cells), sizes, False)"),
    "states stay in the order of the packing": ("self.permute_hidden(states, back)", "states"),
    "states come in the order of the batch": ("return self.permute_hidden(hx, order)", "return hx"),
}  # fmt: skip


def mutant(module, old, new):
    """Return a broken copy of a module."""
    source = Path(module.__file__).read_text(encoding="utf-8")
    assert source.count(old) == 1, f"the mutant no longer fits the source: {old}"
    broken = ModuleType("mutant")
    exec(compile(source.replace(old, new), "mutant", "exec"), broken.__dict__)
    return broken


@pytest.fixture(autouse=True)
def memory_that_nobody_has_set(monkeypatch):
    """Fill new memory with NaN, so that a mutant which reads it is caught at every run."""
    for name in ("empty", "empty_like"):
        make = getattr(np, name)

        def filled(*args, make=make, **kwargs):
            array = make(*args, **kwargs)
            if array.dtype.kind == "f":
                array.fill(np.nan)
            return array

        monkeypatch.setattr(np, name, filled)


def error(got, want):
    """Return the relative error of an array, NaN where it holds a number that is not finite."""
    finite = np.isfinite(np.asarray(got)).all()
    return gradients.relative_error(got, want) if finite else np.nan


def worst(got, want):
    # NumPy's maximum of a list that holds NaN is NaN
    return np.max([error(g, w) for g, w in zip(got, want, strict=True)])


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


def errors_of(door):
    """The errors of a module's `forward` and `backward` in three cases."""
    for peepholes, lengths in [(False, None), (False, np.array([4, 1, 3])), (True, None)]:
        case = test_lstm.draw_case(np.random.default_rng(0), 4, 3, 2, 5, peepholes=peepholes)
        got = test_lstm.run(*case, lengths, module=door)
        yield worst(got, test_lstm.autograd(*case, lengths))


@pytest.mark.parametrize("name", PLAIN_MUTANTS)
def test_a_broken_plain_lstm_is_caught(name):
    broken = mutant(lstm, *PLAIN_MUTANTS[name])
    case = test_lstm.draw_layer(0, np.float64, (4, 3, 2, 5))
    pairs = zip(test_lstm.run_plain(*case, broken), test_lstm.run(*case), strict=True)
    assert caught(error(a, b) for a, b in pairs)


@pytest.mark.parametrize("name", ENGINE_MUTANTS)
@np.errstate(all="ignore")  # a mutant may compute with memory that nobody has set
def test_a_broken_engine_is_caught(name, monkeypatch):
    broken = mutant(_engine, *ENGINE_MUTANTS[name])
    broken.SLICE_BYTES, broken.CACHE_BYTES = 1440, 1440  # slices of 3 and 1 steps, of 2 within
    monkeypatch.setattr(lstm, "_engine", broken)
    assert caught(errors_of(lstm))


@pytest.mark.parametrize("name", DOOR_MUTANTS)
def test_a_broken_door_is_caught(name):
    assert caught(errors_of(mutant(lstm, *DOOR_MUTANTS[name])))


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


@pytest.mark.parametrize("name", SPLIT_MUTANTS)
def test_a_broken_split_is_caught(name):
    broken = mutant(gradients, *SPLIT_MUTANTS[name])
    rng = np.random.default_rng(0)
    x, h0, c0 = (rng.normal(size=shape) for shape in [(5, 3, 2), (3, 4), (3, 4)])
    weights = [2 * w for w in lstm.init(2, 4, rng)]
    _, _, tape = lstm.forward(x, h0, c0, *weights)
    dh_T, dc_T = rng.normal(size=(2, 3, 4))
    _, (_, c_1), _ = lstm.forward(x[:1], h0, c0, *weights)

    def loss(c):
        o = tape.gates[0, 0].T  # h_1 follows c_1
        _, (h_T, c_T), _ = lstm.forward(x[1:], o * np.tanh(c), c, *weights)
        return float((h_T * dh_T).sum() + (c_T * dc_T).sum())

    carousel, paths = broken.cell_jacobian(tape, 1, 5)
    by_lag = [part[4] for part in broken.cell_by_lag(tape, dh_T, dc_T)]
    at_end = dc_T + dh_T * (tape.gates[4, 0] * (1 - tape.tanh_c[4] ** 2)).T
    product = np.prod(tape.gates[1:5, 2], axis=0).T
    only_c = broken.cell_by_lag(tape, dc_T=dc_T)
    errors = [
        error(carousel, product),
        error(by_lag[0], product * at_end),
        error(sum(by_lag), gradients.numerical(loss, [c_1])[0]),
        error(
            sum(part[4] for part in only_c),
            carousel * dc_T + np.einsum("bu,buv->bv", dc_T, paths),
        ),
    ]
    assert caught(errors)


def seconds(layer, x, hx):
    """Gradients of a sum of gradients, in a list."""
    leaves = [t.clone().requires_grad_() for t in (x, *hx)]
    output, _ = layer(leaves[0], tuple(leaves[1:]))
    firsts = torch.autograd.grad(output.cos().sum(), leaves, create_graph=True)
    return [*torch.autograd.grad(sum(g.square().sum() for g in firsts), leaves)]


@pytest.mark.parametrize("name", CELLS_MUTANTS)
def test_a_broken_cell_is_caught(name, monkeypatch):
    broken = mutant(cells, *CELLS_MUTANTS[name])
    ways = broken._is_eager, lambda: False
    torch.manual_seed(0)
    errors = []
    for proj_size in (0, 2):
        options = {"bidirectional": True, "proj_size": proj_size, "dtype": torch.float64}
        theirs, layer = torch.nn.LSTM(2, 4, **options), broken.LSTM(2, 4, **options)
        layer.load_state_dict(theirs.state_dict())
        x, hx, _ = test_cells.draw_input(theirs, "batched", 4, 3)
        for eager in ways:
            monkeypatch.setattr(broken, "_is_eager", eager)
            for packing in [(), (torch.tensor([2, 4, 1]), False)]:
                got, want = (
                    test_cells.run_and_differentiate(m, x, hx, *packing) for m in (layer, theirs)
                )
                errors.append(worst(got, want))
            errors.append(worst(seconds(layer, x, hx), seconds(theirs, x, hx)))
    assert caught(errors)
