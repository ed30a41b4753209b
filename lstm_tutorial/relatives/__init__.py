"""Relatives of the LSTM as objects, and many small networks of them trained at once.

A `Cell` is one object: its weights' shapes, its step and first state, what it counts. `variants`,
`published`, `scans` and `blocks` hold the cells, `networks` puts layers of one into a network,
`family` says what the names in stored results mean, and `side_by_side` trains N networks together.
To add a variant of the LSTM, write it in `variants` and give it a row in the test of that module.
"""
