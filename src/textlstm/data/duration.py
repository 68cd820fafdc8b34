"""How many texts a step reads and how many epochs a run has, where nobody has said it."""

STEPS = 2500
SMALLEST_BATCH, LARGEST_BATCH = 8, 64
BATCHES = 32
FEWEST_EPOCHS, MOST_EPOCHS = 5, 100


def batch_size_for(rows: int) -> int:
    """Computes the texts of a step from the training rows: 8, 16, 32 or 64.

    It is the largest power of two of which the rows make 32 batches.
    """
    size = SMALLEST_BATCH
    while size < LARGEST_BATCH and 2 * size * BATCHES <= rows:
        size *= 2
    return size


def epochs_for(steps_per_epoch: int) -> int:
    """Computes the epochs that reach `STEPS` steps, within the fewest and the most."""
    return min(max(-(-STEPS // steps_per_epoch), FEWEST_EPOCHS), MOST_EPOCHS)
