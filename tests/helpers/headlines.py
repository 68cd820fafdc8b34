"""Small headlines of two classes, and what a data module has made of them."""

TRAIN = [(f"goal {n} in the match", "sports") for n in range(40)] + [
    (f"shares fall {n}", "money") for n in range(60)
]


OTHER = [(f"keeper saves penalty {n}", "sports") for n in range(9)] + [
    (f"bank lends {n}", "money") for n in range(9)
]


def texts(data, split):
    return data.splits[split]["text"][:]


def ids(data, split):
    """The ids of the texts of a split as training sees them."""
    encoded = data.encoded[split]
    batch = encoded.__getitems__(list(range(len(encoded))))
    return [
        tokens[:length]
        for tokens, length in zip(batch.tokens_BT.tolist(), batch.lengths_B.tolist(), strict=True)
    ]
