"""Runs that are too long for a notebook: done by command, stored as data, checked by command.

    python -m lstm_tutorial.experiments --list
    python -m lstm_tutorial.experiments adding-by-lag          # runs what is not stored yet
    python -m lstm_tutorial.experiments adding-by-lag --trials 5 --jobs 2
    python -m lstm_tutorial.experiments adding-by-lag --again  # runs all anew
    python -m lstm_tutorial.experiments adding-by-lag --check  # runs a sample again and compares

Each chapter has a module here by its name, and its results lie in a folder of that name. Each
trial is stored as soon as it is done; an interrupted run goes on where it stopped. How long a run
will take is said beforehand, from the times of the stored trials.

Importing this package imports no experiment. Stored results are read with
`lstm_tutorial.results`, which needs no experiment either.
"""
