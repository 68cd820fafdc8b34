"""Explains the words of a report, each of them once, where it stands first."""

from collections.abc import Mapping
from typing import Any

from textlstm.plurals import in_words

SCORES = (
    "Accuracy is the share of texts whose class is predicted. Macro F1 is the mean over the "
    "classes of F1, the harmonic mean of precision and recall, so that a rare class counts as much "
    "as a large one. Log loss is the mean of -ln p, where p is the probability of the right class: "
    "lower is better. Calibration error is how far probabilities lie, on average, from the share "
    "of right answers: 0.02 is 2 of 100. AUROC is how often a text of a class has a higher "
    "probability of that class than another text, as a mean over the classes."
)
INTERVALS = (
    "95 %: the range in which the score lies for 95 of 100 draws of as many rows from these "
    "(bootstrap). It says nothing about other seeds of training, or about other kinds of texts."
)
CLASSES = (
    "Precision is the share of the texts predicted as a class that have it, and recall the share "
    "of the texts that have a class which are predicted so."
)
GOLD = "Gold is the class that the data give a text; predicted is the model's."
SHAPES = "T is the number of tokens of a text: `T × 128` means 128 numbers for each token."
HARDER = {
    "dropout": "dropout",
    "embedding_dropout": "embedding dropout",
    "word_dropout": "word dropout",
    "label_smoothing": "label smoothing",
    "adversarial": "adversarial shifts",
}


def losses_explained(config: dict[str, Any], resolved: Mapping[str, Any]) -> str:
    """Says why validation loss may lie below training loss, with the values of this run.

    Args:
        config: the whole configuration.
        resolved: the numbers of it that followed from the rows.
    """
    data, model = config.get("data", {}), {**config.get("model", {})}
    model.update({key: resolved[key] for key in HARDER if key in resolved})
    harder = [f"{words} ({model[key]:.3g})" for key, words in HARDER.items() if model.get(key)]
    if data.get("class_weights"):
        harder.append("class weights")
    if not harder:
        return (
            "Training loss is the mean over an epoch, while the weights change; validation loss is "
            "measured after it, so that it can lie below training loss."
        )
    return (
        f"Training loss is the mean over an epoch, while the weights change, and is measured with "
        f"{in_words(harder)}, which make training harder and are off on validation. So validation "
        f"loss can lie far below training loss."
    )
