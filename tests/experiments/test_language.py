"""The language model of the Bible: its parts, its stages and what it leaves behind."""

import pytest
import torch

from lstm_tutorial import datasets
from lstm_tutorial.experiments import language


def test_the_parts_make_up_the_text():
    alphabet, train, valid, test = language.bible_parts()
    assert train + valid + test == datasets.bible()
    assert alphabet == "".join(sorted(set(train))) and len(train) == language.TRAIN


@pytest.mark.parametrize("carried", [True, False])
def test_a_small_run_takes_a_sample_at_every_stage_it_reaches(carried, monkeypatch):
    monkeypatch.setattr(language, "TRAIN", 15_000)
    monkeypatch.setattr(language, "VALID", 20_000)
    before = torch.get_rng_state()
    model, history, samples = language.train(8, 1, seed=0, length=32, carried=carried)
    assert torch.equal(torch.get_rng_state(), before)
    assert len(samples) == 3  # before training, after 20 updates, at the end
    assert all(len(sample) == 200 for sample in samples)
    assert history.losses[0] < 5 and model.training is False
