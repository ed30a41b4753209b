"""The network of 1997, its learning rule, and the tasks and grammars that it was tried on."""

from lstm_tutorial.original.network import (
    COMPILED,
    Network,
    Recent,
    Weights,
    answers,
    connections,
    count,
    forward,
    learn,
    start,
)

__all__ = [
    "COMPILED",
    "Network",
    "Recent",
    "Weights",
    "answers",
    "connections",
    "count",
    "forward",
    "learn",
    "start",
]
