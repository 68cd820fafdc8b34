"""Text → batches: files, rows, splits, ids."""
