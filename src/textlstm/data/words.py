"""Counts the words of a data set, and finds those that are typical of a class."""

import numpy as np
from torch import Tensor

from textlstm.data.datamodule import TextDataModule
from textlstm.data.tokenizer import encode, train_tokenizer
from textlstm.terminal import counted

# The shares of the training words after which the vocabulary is counted.
SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def vocabulary_growth(data: TextDataModule) -> list[tuple[int, int]]:
    """Counts how many distinct words there are as more and more training texts are read.

    Returns:
        Words read so far, and how many different ones they were, at growing shares of the texts.
    """
    texts = data.splits["train"]["text"][:]
    words = train_tokenizer(
        counted(texts, "texts read for the words", total=len(texts)), kind="word", vocab_size=2**31
    )
    tokens = encode(words, counted(texts, "texts cut into words", total=len(texts))).tokens.numpy()
    first = np.sort(np.unique(tokens, return_index=True)[1])
    reads = sorted({max(1, round(share * len(tokens))) for share in SHARES})
    return [(read, int(np.searchsorted(first, read))) for read in reads]


def typical_tokens(counts_CV: Tensor) -> Tensor:
    """Computes how typical each token is of each class (C, V).

    That is the z-score of its log-odds against the other classes, with the counts of all classes as
    an informative Dirichlet prior (Monroe, Colaresi & Quinn 2008, equations 16, 18, 20 and 22).
    """
    counts_CV = counts_CV.double()
    prior_V = counts_CV.sum(dim=0) + 1e-6
    inside_CV, outside_CV = counts_CV + prior_V, prior_V + prior_V - counts_CV
    inside_C, outside_C = inside_CV.sum(dim=1, keepdim=True), outside_CV.sum(dim=1, keepdim=True)
    log_odds_CV = (inside_CV / (inside_C - inside_CV)).log() - (
        outside_CV / (outside_C - outside_CV)
    ).log()
    return log_odds_CV / (1 / inside_CV + 1 / outside_CV).sqrt()
