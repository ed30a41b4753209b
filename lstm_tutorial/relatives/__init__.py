"""Relatives of the LSTM: variants, published cells, scans, and how they are compared."""
