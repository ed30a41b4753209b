"""Ports and forget biases: right in any style, mistakes named with their gates."""

import numpy as np
import pytest
import torch

from lstm_tutorial import exercises
from tests.exercises.trying import is_named, never_raises, passes


def port(rows="ifgo", bias=None, swapped=False):
    def ported(W, b, H):
        def ordered(a, order):
            return np.concatenate([a[k * H : (k + 1) * H] for k in map("figo".index, order)])

        D = W.shape[1] - H
        W, b = ordered(W, rows), ordered(b, bias or rows)
        return (W[:, :D], W[:, D:], b) if swapped else (W[:, H:], W[:, :H], b)

    return ported


@pytest.mark.parametrize(
    ("fn", "titles", "where"),
    [
        (port("figo"), ["gates not reordered"], "f i"),
        (port("ifog"), ["rows in the order ifog"], "g o"),
        (port(bias="figo"), ["gates not reordered in b"], "b"),
        (port("figo", "ifgo"), ["gates not reordered in W_ih and W_hh"], "W_ih W_hh"),
        (port(swapped=True), ["input's columns taken first"], "W_ih W_hh"),
        (
            port(bias="figo", swapped=True),
            ["input's columns taken first", "gates not reordered in b"],
            "W_ih W_hh b",
        ),
        (
            port("fiog", "ogif"),
            ["rows in the order fiog in W_ih and W_hh", "rows in the order ogif in b"],
            "W_ih W_hh b",
        ),
    ],
)
def test_where_rows_and_columns_went_is_read(fn, titles, where):
    report = is_named("lstm.port", fn, *titles)
    assert report.model is not None
    assert {name for note in report.notes for name in note.where} == set(where.split())


def setting(change):
    """Return what changes biases by name, layer and number of units."""

    def opened(layer, bias):
        H = layer.hidden_size
        with torch.no_grad():
            for name, p in layer.named_parameters():
                change(name, p, bias, H, layer.num_layers)

    return opened


def at(rows, ih=1.0, hh=0.0, where=lambda name, layers: "bias" in name):
    def change(name, p, bias, H, layers):
        if where(name, layers) and (ih if "_ih_" in name else hh) is not None:
            p[rows(H)] = bias * (ih if "_ih_" in name else hh)

    return setting(change)


def f(H):
    return slice(H, 2 * H)


def added(name, p, bias, H, layers):
    if "bias_ih" in name:
        p[f(H)] += bias


@pytest.mark.parametrize("fn", [at(f), at(f, 0, 1), at(f, 0.5, 0.5), at(f, 2, -1)])
def test_right_answers_pass(fn):
    passes("torch.open_forget_gates", fn, {"float32 throughout"})


def test_right_ports_pass():
    passes("lstm.port", port())


@pytest.mark.parametrize(
    ("fn", "title", "where"),
    [
        (at(f, where=lambda name, layers: False), "left as they were", ""),
        (
            at(f, where=lambda name, layers: "bias" in name and "_l0" in name),
            "some layers left",
            "",
        ),
        (
            at(f, where=lambda name, layers: "bias" in name and "reverse" not in name),
            "some layers left",
            "",
        ),
        (at(f, 1, 1), "both biases set", ""),
        (at(f, 1, None), "bias_hh left", "bias_hh"),
        (at(f, None, 1), "bias_ih left", "bias_ih"),
        (setting(added), "added to what was drawn", ""),
        (at(lambda H: slice(None)), "all gates set", "bias"),
        (at(lambda H: slice(H, 3 * H)), "other gates changed", "g"),
        (at(f, where=lambda name, layers: True), "weights changed", ""),
        (at(f, 2, 2), "another number", ""),
    ],
)
def test_what_became_of_the_biases_is_said(fn, title, where):
    report = is_named("torch.open_forget_gates", fn, title)
    assert {name for note in report.notes for name in note.where} == set(where.split())


@pytest.mark.parametrize(("gate", "k"), [("i", 0), ("g", 2)])
def test_another_gate_is_named(gate, k):
    fn = at(lambda H: slice(k * H, (k + 1) * H))
    report = is_named("torch.open_forget_gates", fn, "left as they were", "other gates changed")
    assert {name for note in report.notes for name in note.where} == {gate}


def test_layers_are_named():
    fn = at(f, where=lambda name, layers: "bias" in name and "_l0" in name)
    report = exercises.check("torch.open_forget_gates", fn)
    assert "of the layers 1 and 1_reverse" in report.notes[0].says


def test_any_value_is_reported():
    never_raises("lstm.port")
    never_raises("torch.open_forget_gates")
