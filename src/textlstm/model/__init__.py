"""Batches → scores: the network, its scores, what it has to beat, and the saved model."""
