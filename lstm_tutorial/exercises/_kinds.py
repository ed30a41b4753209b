"""The kinds of exercise of all chapters."""

from lstm_tutorial.exercises import (
    backpropagation,
    classifying,
    clipping,
    fast,
    flow,
    forecasting,
    gates,
    language,
    memory,
    nn_lstm,
    sequences,
    state,
    training,
)
from lstm_tutorial.exercises._kind import Kind

CHAPTERS = (
    *(sequences, backpropagation, clipping, gates, state, flow, fast),
    *(nn_lstm, memory, forecasting, classifying, language, training),
)

KINDS: dict[str, Kind] = {
    kind: spec for chapter in CHAPTERS for kind, spec in chapter.KINDS.items()
}
