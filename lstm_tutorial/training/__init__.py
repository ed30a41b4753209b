"""One training loop: clipping, schedules, early stopping, and checkpoints that resume exactly.

The order of the batches, and every other random draw of an epoch, is a function of the seed and of
the epoch's number. So a run needs no state of a random generator to go on where it was stopped.

`_fit.py` is the door, `_run.py` the loop behind it, `_checkpoint.py` the file of a run.
"""

from lstm_tutorial.training._fit import fit
from lstm_tutorial.training._history import History
from lstm_tutorial.training._run import Loss, Source, seeded
from lstm_tutorial.training._streams import Chunk, StatefulLoss, streams
from lstm_tutorial.training._validation import sequences

__all__ = [
    "Chunk",
    "History",
    "Loss",
    "Source",
    "StatefulLoss",
    "fit",
    "seeded",
    "sequences",
    "streams",
]
