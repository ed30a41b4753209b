"""The convolutions are run on the tasks of the relatives, by their rules."""

from lstm_tutorial.experiments import relatives, when_not


def test_every_convolution_meets_every_task():
    experiment = when_not.EXPERIMENTS["choice"]
    pairs = [(trial["model"], trial["task"]) for trial in experiment.trials]
    assert len(set(pairs)) == len(pairs) == len(when_not.MODELS) * len(relatives.TASKS)
    assert experiment.run is relatives.relative and experiment.agree is relatives.as_many_solved
