"""The runs of a sweep, compared."""
