"""``python -m lstm_tutorial.train``."""

import sys

from lstm_tutorial.train import main

sys.exit(main())
