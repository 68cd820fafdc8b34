"""Finds texts that count as duplicates of each other, and rows whose labels contradict."""

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


def label_conflicts(duplicate_of: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
    """Finds rows whose text stands with another label elsewhere; gives N booleans for N rows."""
    order = np.lexsort((labels_N, duplicate_of))
    same_text = np.diff(duplicate_of[order]) == 0
    other_label = np.diff(labels_N[order]) != 0
    return np.isin(duplicate_of, duplicate_of[order][1:][same_text & other_label])
