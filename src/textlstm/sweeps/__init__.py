"""Sweeps: many runs as the trials of one study, in several workers and on several machines."""
