"""Which texts count as duplicates of each other."""

import unicodedata

import numpy as np
import pandas as pd


def normalise(text: str) -> str:
    """The form that duplicates share: compatibility forms, case and white space do not count."""
    if text.isascii():  # where the two steps below change nothing but case
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def duplicate_numbers(texts: list[str]) -> np.ndarray:
    """A number per text, equal for duplicates (64 bits, the same in each process)."""
    normalised = np.array([normalise(text) for text in texts], dtype=object)
    return pd.util.hash_array(normalised, categorize=False)
