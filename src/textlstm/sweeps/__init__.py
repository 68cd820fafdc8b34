"""Trials → runs, in several workers and on several machines."""
