"""How the vowels are split, scaled and shuffled, and how the mistaken networks are mistaken."""

import numpy as np
import pytest
import torch

from lstm_tutorial import datasets
from lstm_tutorial.experiments import classifying

TRAIN, TEST = datasets.japanese_vowels()
VALID = np.arange(len(TRAIN.x))[:, None] < TRAIN.lengths


@pytest.mark.parametrize("seed", range(3))
def test_six_of_each_speaker_are_held_out(seed):
    kept, held_out = classifying.split(TRAIN.labels, seed)
    assert np.array_equal(np.sort(np.concatenate([kept, held_out])), np.arange(270))
    assert np.bincount(TRAIN.labels[held_out]).tolist() == [6] * 9


def test_the_seed_decides_who_is_held_out():
    first, same, other = (classifying.split(TRAIN.labels, seed)[1] for seed in (0, 0, 1))
    assert np.array_equal(first, same) and not np.array_equal(first, other)


def test_the_frames_of_the_first_part_decide_the_scale():
    fitted, tested = classifying.scale([TRAIN, TEST])
    frames = fitted.x[VALID]
    np.testing.assert_allclose(frames.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(frames.std(axis=0), 1, rtol=1e-12)
    assert (fitted.x[~VALID] == 0).all()
    raw = TRAIN.x[VALID]
    wanted = (TEST.x[0, 0] - raw.mean(axis=0)) / raw.std(axis=0)
    np.testing.assert_allclose(tested.x[0, 0], wanted, rtol=1e-12)


def test_with_padding_the_whole_array_is_scaled():
    (fitted,) = classifying.scale([TRAIN], padding=True)
    np.testing.assert_allclose(fitted.x.mean(axis=(0, 1)), 0, atol=1e-12)
    assert (fitted.x[~VALID] != 0).all()


def test_frames_are_shuffled_within_their_utterance():
    shuffled = classifying.shuffle(TRAIN, seed=0)
    assert (shuffled.x[~VALID] == 0).all()
    moved = 0
    for b, n in enumerate(TRAIN.lengths):
        before, after = (part.x[:n, b].tolist() for part in (TRAIN, shuffled))
        assert sorted(before) == sorted(after)
        moved += before != after
    assert moved == 270


@pytest.mark.parametrize("model", [*classifying.MODELS, *classifying.MISTAKES])
def test_the_mistaken_networks_alone_depend_on_the_padding(model):
    torch.manual_seed(0)
    net = classifying._network(model)
    x, lengths = torch.randn(5, 2, 12), torch.tensor([3, 5])
    with torch.no_grad():
        change = net(torch.cat([x, torch.zeros(4, 2, 12)]), lengths) - net(x, lengths)
    mistaken = model in classifying.MISTAKES
    assert (change.abs().amax(dim=1) > 1e-4).all() == mistaken
    assert mistaken or change.abs().max() < 1e-6


def test_normals_tell_speakers_apart_and_do_not_see_the_order():
    answers = classifying.by_normals(TRAIN, TEST)
    assert (answers == TEST.labels).sum() == 361
    mixed = classifying.by_normals(TRAIN, classifying.shuffle(TEST, seed=0))
    assert np.array_equal(mixed, answers)


def test_normals_leave_the_padding_out_and_answer_with_labels():
    rng = np.random.default_rng(0)
    labels = np.repeat([3, 7], 20)
    x = rng.normal(size=(6, 40, 2)) + labels[:, None]
    part = datasets.Utterances(x, rng.integers(4, 7, 40), labels)
    assert np.array_equal(classifying.by_normals(part, part), labels)
    far = part.x.copy()
    far[np.arange(6)[:, None] >= part.lengths] = 1e6
    padded = part._replace(x=far)
    assert np.array_equal(classifying.by_normals(padded, padded), labels)


def test_a_linear_layer_reads_most_digits():
    assert 0.94 < classifying.linear_on_pixels(0) < 0.98
