"""The design: its tasks and when two results agree."""

import pytest

from lstm_tutorial.experiments import design


def test_designs_agree_within_two_networks_of_ten():
    agree = design.EXPERIMENTS["design"].agree

    def solved(count):
        return {"far": [0.01] * count + [0.5] * (10 - count)}

    assert agree(solved(7), solved(9)) and agree(solved(9), solved(7))
    assert not agree(solved(6), solved(9))


@pytest.mark.parametrize("name", design.DESIGN)
def test_a_task_has_the_sizes_and_the_scale_that_it_is_listed_with(name):
    draw, inputs, outputs, length, _, _, scale = design.DESIGN[name]
    x, y = draw(length, 50, 0)
    assert x.shape == (length, 50, inputs) and y.shape[-1] == outputs
    assert 0.1 < abs(scale * y).mean() < 2
