"""The relatives give what implementations published by others gave, outputs and gradients.

tools/published_cells.py stored their numbers, says what they are, and compares them every week.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lstm_tutorial.relatives import published, scans
from tests.book.test_project import pinned

with np.load(Path(__file__).parent / "published.npz") as file:
    STORED = {name: file[name] for name in file.files}
ABOUT = json.loads(str(STORED.pop("about")))
CASES = sorted({name.partition(":")[0] for name in STORED})


def stored(case, what):
    """Return what goes in, "in", or the gradients, "grad"."""
    names = sorted(name for name in STORED if name.startswith(f"{case}:{what}"))
    return [torch.as_tensor(STORED[name]) for name in names]


def close(a, b, tolerance=1e-12):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def agree(ours, case, tolerance=1e-11):
    """Compare what comes out, and the gradients of the sum over it times cos 0, cos 1 and so on."""
    leaves = [each.requires_grad_() for each in stored(case, "in")]
    out = ours(*leaves)
    close(out, *stored(case, "out"))
    if not stored(case, "grad"):
        return
    weights = torch.arange(out.numel(), dtype=out.dtype).cos()
    gradients = torch.autograd.grad((weights * out.flatten()).sum(), leaves)
    for ours, theirs in zip(gradients, stored(case, "grad"), strict=True):
        close(ours, theirs, tolerance)


def slstm(x, W, R, b):
    """Run ours; the weights of heads, (heads, 4 K, K), stand on the diagonal of one matrix."""
    blocks = [torch.block_diag(*gate) for gate in R.unflatten(1, (4, -1)).unbind(1)]
    hs, _, ns, ms = published.SLSTM.states(x, W, torch.cat(blocks), b)
    return torch.stack([hs, ns, ms])


def minimal(cell, form):
    def run(x, W, b):
        blocks = 2 if cell is scans.min_gru else 3
        return form(*cell(*F.linear(x, W, b).chunk(blocks, dim=-1)))

    return run


# Each kind of case with all of ours that must give its numbers. Two loops agree to rounding; the
# gradients of a scan, ours or theirs, are differences of sums.
OURS = {
    "slstm/h": [(lambda *weights: slstm(*weights)[0], 1e-11)],
    "slstm/states": [(slstm, 1e-11)],
    "slstm/steps": [(slstm, 1e-11)],
    "mlstm": [(scans.mlstm, 1e-11), (scans.mlstm_in_order, 1e-11)],
    "positive": [(scans.positive, 1e-11)],
    "log_positive": [(scans.log_positive, 1e-11)],
}
for kind, cell in (("min_gru", scans.min_gru), ("min_lstm", scans.min_lstm)):
    scan, loop = minimal(cell, scans.scan), minimal(cell, scans.in_order)
    OURS |= {f"{kind}/steps": [(loop, 1e-11), (scan, 1e-10)], kind: [(loop, 1e-10), (scan, 1e-10)]}


@pytest.mark.parametrize("case", [case for case in CASES if not case.startswith("layer")])
def test_ours_is_the_published_one(case):
    kind = next(kind for kind in OURS if f"{case}/".startswith(f"{kind}/"))
    for ours, tolerance in OURS[kind]:
        agree(ours, case, tolerance)


def test_every_kind_has_a_case():
    assert len(CASES) == 67
    assert [kind for kind in OURS if not any(f"{c}/".startswith(f"{kind}/") for c in CASES)] == []


@pytest.mark.parametrize("cell", [published.SLSTM, scans.MLSTM, scans.MIN_LSTM])
def test_layers_side_by_side_hold_the_published_cells(cell):
    """Networks run side by side here; the published cells were run one by one."""
    cases = [case for case in CASES if case.startswith(f"layer/{cell.name}/")]
    given = (
        torch.stack(each) for each in zip(*(stored(case, "in") for case in cases), strict=True)
    )
    out = torch.func.vmap(cell.run)(*given)
    for ours, case in zip(out, cases, strict=True):
        close(ours, *stored(case, "out"))


def test_at_the_kink_what_stands_for_tanh_has_the_slope_of_its_logarithm():
    zero = torch.zeros(1, dtype=torch.float64)
    close(scans.positive(zero), torch.full_like(zero, 0.5))


def test_the_numbers_are_those_of_the_versions_that_are_compared_weekly():
    pins = pinned("requirements-published.txt")
    assert {
        "xlstm": ABOUT["xlstm"],
        "mingru-pytorch": ABOUT["minGRU-pytorch"],
    }.items() <= pins.items()
