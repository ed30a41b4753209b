"""The kinds of exercise of all chapters."""

from lstm_tutorial.exercises import (
    classifying,
    fast,
    forecasting,
    language,
    memory,
    nn_lstm,
    training,
)
from lstm_tutorial.exercises._kind import Kind

CHAPTERS = (fast, nn_lstm, memory, forecasting, classifying, language, training)

KINDS: dict[str, Kind] = {kind: spec for chapter in CHAPTERS for kind, spec in chapter.KINDS.items()}
