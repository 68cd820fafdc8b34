"""Chooses the batch size and the number of epochs from the training rows, unless they are given.

An LSTM needs a number of steps, however few its rows are. Measured on newswire4, one CPU thread,
accuracy of the last epoch on 2,000 rows that neither trained nor validated, mean of two draws (of
300: three):

    rows    batches of 8        of 16               of 32               TF-IDF + LR
    300     0.605 (1,000 steps)                                         0.632
    300     0.625 (2,500 steps) 0.612 (2,500 steps)
    1,000   0.730 (2,500 steps) 0.748 (2,500 steps)                     0.757
    3,000                                           0.827 (2,500 steps) 0.816

Ten epochs of batches of 64, which are 50 steps on 300 rows, reached an accuracy of 0.374.
"""

STEPS = 2500  # that a run has at least, unless that takes more than the most epochs

# Larger batches are steadier, and a text's gradients in them cost less; smaller ones go through few
# rows less often until the steps are done.
SMALLEST_BATCH, LARGEST_BATCH = 8, 64
BATCHES = 32  # fewest of an epoch, where a batch is larger than the smallest

# On many rows more steps still pay, and on very few the same text a hundredth time teaches nothing.
FEWEST_EPOCHS, MOST_EPOCHS = 5, 100


def batch_size_for(rows: int) -> int:
    """Computes the texts of a batch from the training rows: 8, 16, 32 or 64.

    It is the largest of these with which the rows make at least 32 batches.
    """
    size = SMALLEST_BATCH
    while size < LARGEST_BATCH and 2 * size * BATCHES <= rows:
        size *= 2
    return size


def epochs_for(steps_per_epoch: int) -> int:
    """Computes the epochs that reach `STEPS` steps, within the fewest and the most."""
    return min(max(-(-STEPS // steps_per_epoch), FEWEST_EPOCHS), MOST_EPOCHS)
