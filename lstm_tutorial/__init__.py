"""Long short-term memory, taught with every claim executed.

Importing the package imports nothing else: each module is asked for by name
(``from lstm_tutorial import rnn``), and the NumPy modules work where PyTorch is not installed.
"""

__version__ = "0.1.0"
