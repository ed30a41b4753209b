"""The kinds of exercise of all chapters."""

from lstm_tutorial.exercises import (
    backpropagation,
    bugs,
    classifying,
    clipping,
    fast,
    flow,
    forecasting,
    gates,
    language,
    memory,
    nn_lstm,
    numpy,
    pytorch,
    same,
    sequences,
    service,
    state,
    training,
    vanishing,
)
from lstm_tutorial.exercises._kind import Kind

CHAPTERS = (  # in the order of the book
    *(sequences, backpropagation, vanishing, clipping, gates, state, flow),
    *(numpy, pytorch, same, bugs, fast),
    *(nn_lstm, memory, forecasting, classifying, language, training, service),
)
KINDS: dict[str, Kind] = {
    kind: spec for chapter in CHAPTERS for kind, spec in chapter.KINDS.items()
}
