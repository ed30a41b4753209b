"""The command: ``python -m lstm_tutorial.experiments``."""

import sys

from lstm_tutorial.experiments import main

sys.exit(main())
