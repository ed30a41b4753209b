"""The kinds of exercise of all chapters, in the order of the book."""

from importlib import import_module

from lstm_tutorial.exercises._kind import Kind

CHAPTERS = """
    sequences backpropagation vanishing clipping gates state flow numpy pytorch same bugs fast
    nn_lstm memory forecasting classifying language training service
"""

KINDS: dict[str, Kind] = {}
for slug in CHAPTERS.split():
    KINDS |= import_module(f"lstm_tutorial.exercises.{slug}").KINDS
