"""Reads files of every format, and data sets of the hub, as tables in chunks."""
