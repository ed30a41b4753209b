"""Networks built on `torch.nn.LSTM`: one output a sequence, forecasts, characters.

Each has a module of its own behind this door.
"""

from lstm_tutorial.models._char_lm import CharLM, trained_char_lm
from lstm_tutorial.models._forecaster import Forecaster
from lstm_tutorial.models._gate_biases import set_gate_biases
from lstm_tutorial.models._lstm_model import LSTMModel

__all__ = ["CharLM", "Forecaster", "LSTMModel", "set_gate_biases", "trained_char_lm"]
