"""The run of the chapter on when not to use an LSTM: convolutions on the tasks of the relatives."""

from itertools import product

from lstm_tutorial.experiments import relatives
from lstm_tutorial.experiments._experiment import Experiment
from lstm_tutorial.relatives import family

MODELS = list(family.CONVOLUTIONS)

EXPERIMENTS = {
    "choice": Experiment(
        about="convolutions on the tasks of `relatives`, equal parameters",
        trials=[{"model": model, "task": task} for model, task in product(MODELS, relatives.TASKS)],
        run=relatives.relative,
        agree=relatives.as_many_solved,
        sample=[2, 8],
        seeds="0 to 4 with each learning rate, networks side by side",
    ),
}
