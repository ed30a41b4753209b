"""The command: ``python -m lstm_tutorial.experiments``."""

import os
import sys

if __name__ == "__main__":
    # Before NumPy is loaded, and for the processes that --jobs starts: a trial takes one processor.
    for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(_threads, "1")
    from lstm_tutorial.experiments._command import main

    sys.exit(main())
