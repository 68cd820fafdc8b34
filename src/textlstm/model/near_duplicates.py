"""Finds near duplicates: texts that share most of their sequences of four characters."""

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer

from textlstm.data.duplicates import duplicate_numbers, normalise

ALIKE = 0.8
"""The cosine of two texts' sets of character sequences from which on they are near duplicates.

A headline with another number or weekday has 0.9 or more, another one on the same event about 0.6.
"""
TOGETHER = 1000  # texts that are compared at once


def first_of_each_group(texts: list[str], order_N: np.ndarray, number: int) -> list[int]:
    """Takes texts in an order, but none that is a near duplicate of one taken before.

    Args:
        texts: N texts.
        order_N: their numbers, those to take first at the beginning.
        number: how many to take at most.

    Returns:
        The numbers of the texts that are taken, in that order.
    """
    equal = duplicate_numbers([texts[place] for place in order_N.tolist()])
    order_N = order_N[np.sort(np.unique(equal, return_index=True)[1])]
    sequences = HashingVectorizer(
        analyzer="char_wb",
        ngram_range=(4, 4),
        n_features=2**20,
        binary=True,
        alternate_sign=False,
        lowercase=False,
        dtype=np.float32,
    )

    taken = list[int]()
    features_taken = sparse.csr_matrix((0, sequences.n_features), dtype=np.float32)
    for start in range(0, len(order_N), TOGETHER):
        some = order_N[start : start + TOGETHER]
        features = sequences.transform([normalise(texts[place]) for place in some.tolist()])
        free = np.flatnonzero(_most_alike(features, features_taken) < ALIKE)
        new = free[_apart((features[free] @ features[free].T).toarray())]

        taken += some[new].tolist()
        if len(taken) >= number:
            break
        features_taken = sparse.vstack([features_taken, features[new]]).tocsr()
    return taken[:number]


def _most_alike(features: sparse.csr_matrix, others: sparse.csr_matrix) -> np.ndarray:
    """The cosine of each of N texts with the one of the others that is most like it."""
    if not others.shape[0]:
        return np.zeros(features.shape[0])
    return (features @ others.T).max(axis=1).toarray().ravel()


def _apart(cosines_NN: np.ndarray) -> list[int]:
    """The texts that are near duplicates of none before them that is apart, too."""
    found, free_N = list[int](), np.ones(len(cosines_NN), dtype=bool)
    for place in range(len(cosines_NN)):
        if free_N[place]:
            found.append(place)
            free_N &= cosines_NN[place] < ALIKE
    return found
