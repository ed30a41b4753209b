"""Long short-term memory, taught with every claim executed."""
