"""Long short-term memory, taught with every claim executed.

Importing the package imports nothing else: each module is asked for by name
(``from lstm_tutorial import rnn``), and the NumPy modules work where PyTorch is not installed.
A module that needs more than is installed says what to install.
"""

from lstm_tutorial import _install

__version__ = "0.2.0"

_install.install()
