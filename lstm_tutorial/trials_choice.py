"""The run of the chapter on when not to use an LSTM: convolutions on the tasks of the relatives."""

from itertools import product

from lstm_tutorial import family, trials_relatives
from lstm_tutorial._experiment import Experiment

MODELS = list(family.CONVOLUTIONS)

EXPERIMENTS = {
    "choice": Experiment(
        about="convolutions on the tasks of `relatives`, equal parameters (about 2 minutes)",
        trials=[
            {"model": model, "task": task}
            for model, task in product(MODELS, trials_relatives.TASKS)
        ],
        run=trials_relatives.relative,
        agree=trials_relatives.as_many_solved,
        sample=[2, 8],
    ),
}
