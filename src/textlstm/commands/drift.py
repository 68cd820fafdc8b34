"""Says in three lines whether texts look like those that a run was trained on."""

from collections import Counter
from dataclasses import replace

import numpy as np
from datasets import Dataset
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from textlstm.checks import parse_settings
from textlstm.commands.out_of_fold import messages_of_training_off
from textlstm.data.classes import LISTED
from textlstm.data.datamodule import TextDataModule
from textlstm.data.duplicates import duplicate_numbers
from textlstm.data.reading.checksums import changed_sources
from textlstm.data.settings import DataSettings
from textlstm.data.sources import texts_of
from textlstm.data.tokenizer import encode, train_tokenizer
from textlstm.places import CACHE
from textlstm.plurals import number_of
from textlstm.runs.record import Record
from textlstm.runs.tally import SAMPLE, TextSample

FEWEST = 20  # with fewer texts nothing can be said
CHARACTERS = 1000  # of each text that are looked at
FOLDS = 5
VERDICTS = ((0.6, "look alike"), (0.8, "differ somewhat"), (1.1, "differ"))
"""What is said up to an AUROC."""


def drift_lines(
    sample: TextSample, predicted: Counter[str], record: Record | None, tokenizer_json: str
) -> list[str]:
    """Compares new texts with the training texts, in three lines; or says why it cannot, in one.

    Args:
        sample: some of the new texts.
        predicted: how many of all new texts were predicted to be of each class.
        record: that of the run; None for a model that was shipped without it.
        tokenizer_json: the tokenizer of the model.
    """
    missing = _missing(sample, record)
    if missing is not None or record is None:
        return [f"drift: left out, since {missing}."]

    settings = parse_settings(DataSettings, record["config"]["data"], "data")
    data = TextDataModule(
        replace(settings, unlabelled=None),
        cache=CACHE,
        seed=record["seed"],
        tokenizer_json=tokenizer_json,
        tested=settings.refit,
    )
    with messages_of_training_off():
        data.setup()
    train = data.splits["train"]
    held_out = "test" if settings.refit else "validation"
    return [
        _verdict(sample, _drawn(train)),
        _unknown_words(sample.texts, train, data.splits[held_out], held_out),
        _classes(predicted, record["data"]["splits"]["train"]["classes"]),
    ]


def _missing(sample: TextSample, record: Record | None) -> str | None:
    """Says what the comparison lacks; None if nothing."""
    if record is None:
        return "the model has come without the record of its run"
    sources = record["data"]["sources"]
    if not sources:
        return "the run's texts are not in files"
    for split in changed_sources(sources):
        return f"the run's {split} file {sources[split]['path']} is gone or has changed"
    if sample.seen < FEWEST:
        return f"{number_of(sample.seen, 'text')} are too few, {FEWEST} are needed"
    return None


def _drawn(rows: Dataset) -> list[str]:
    """Texts of some rows, drawn at random."""
    size = min(SAMPLE, len(rows))
    drawn = np.random.default_rng(1).choice(len(rows), size, replace=False)
    return list(texts_of(rows, np.sort(drawn)))


def _verdict(sample: TextSample, old: list[str]) -> str:
    auroc = separability(old, sample.texts)
    verdict = next(said for highest, said in VERDICTS if auroc < highest)
    return (
        f"drift: the {number_of(sample.seen, 'text')} and those of training {verdict}: a linear "
        f"model tells them apart with an AUROC of {auroc:.2f} (0.5 is chance, 1 is always)."
    )


def separability(old: list[str], new: list[str]) -> float:
    """Computes the AUROC with which a linear model tells new texts from old ones.

    Each text is judged by a model that has not seen it, nor a duplicate of it: a text that is both
    old and new would otherwise be taken for what its other copy is. Texts are described by TF-IDF
    of sequences of three and four characters.
    """
    texts = [text[:CHARACTERS] for text in (*old, *new)]
    is_new_N = np.repeat([False, True], [len(old), len(new)])
    features = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 4), sublinear_tf=True, dtype=np.float32
    ).fit_transform(texts)
    with threadpool_limits(1):
        probabilities_N2 = cross_val_predict(
            LogisticRegression(class_weight="balanced", solver="newton-cg"),
            features,
            is_new_N,
            groups=duplicate_numbers(texts),
            cv=StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0),
            method="predict_proba",
        )
    return float(roc_auc_score(is_new_N, probabilities_N2[:, 1]))


def _unknown_words(new: list[str], train: Dataset, held_out: Dataset, name: str) -> str:
    """Says how many words no training text has, beside that of texts held out from training."""
    words = train_tokenizer(texts_of(train), kind="word", vocab_size=2**31)
    shares = []
    for texts in (new, _drawn(held_out)):
        encoded = encode(words, texts)
        shares.append(int(encoded.unknown.sum()) / max(1, int(encoded.lengths.sum())))
    return (
        f"drift: no training text has {shares[0]:.1%} of their words; of those of {name}, "
        f"{shares[1]:.1%}."
    )


def _classes(predicted: Counter[str], trained: dict[str, int]) -> str:
    """Says which share is predicted to be of each class, beside its share of the training rows."""
    rows, texts = sum(trained.values()), predicted.total()
    order = sorted(trained, key=lambda name: (-predicted[name], name))
    named = [
        f"{name} {predicted[name] / texts:.1%} ({trained[name] / rows:.1%})"
        for name in order[:LISTED]
    ]
    more = [f"{number_of(len(order) - LISTED, 'other class', 'es')}"] if order[LISTED:] else []
    return f"drift: predicted classes (share in training): {', '.join([*named, *more])}."
