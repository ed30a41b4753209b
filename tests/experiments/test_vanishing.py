"""The vanilla RNN and the lag: a stored trial runs again to the same verdict."""

from lstm_tutorial import results
from lstm_tutorial.experiments import vanishing


def test_one_stored_trial_runs_again_to_the_same_verdict():
    experiment = vanishing.EXPERIMENTS["adding-by-lag"]
    position = experiment.sample[0]
    before = results.load("adding-by-lag")[position]
    again = experiment.run(**experiment.trials[position])
    assert experiment.agree(before, again)
    assert not experiment.agree(before, {"mse": 0.16})
