"""Chooses the texts without a label that a model learns most from, once they have one."""

import logging
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from textlstm.checks import InputError
from textlstm.commandline.settings import LabelNextSettings
from textlstm.commands.output_rows import opened_output, write_rows
from textlstm.commands.predict import (
    find_model,
    given_texts,
    refuse_missing_text,
    target_of,
    warn_of_replaced,
)
from textlstm.data.reading.tables import Chunk
from textlstm.model.bundle import TextClassifier
from textlstm.model.near_duplicates import first_of_each_group
from textlstm.plurals import number_of
from textlstm.terminal import counted

log = logging.getLogger(__name__)

OWN = ("predicted", "second", "margin")  # columns that are added


class Candidates(NamedTuple):
    """Texts that may be chosen.

    Args:
        texts: N texts.
        rows: their rows of the input, with the two most probable classes and the margin.
        margins_N: how much more probable the most probable class is than the second.
    """

    texts: list[str]
    rows: list[dict[str, Any]]
    margins_N: np.ndarray


def label_next(config: dict[str, Any]) -> None:
    """Writes the texts with the smallest margins, one of each group of near duplicates.

    Raises:
        InputError: no finished run, or an input that cannot be read; `output` is then left as it
            was.
    """
    settings = LabelNextSettings.parse(config)
    predicting = settings.predicting
    if predicting.threads is not None:
        torch.set_num_threads(predicting.threads)

    folder, record = find_model(predicting.run)
    classifier = TextClassifier.load(folder)
    columns, chunks = given_texts(predicting, record)
    target = target_of(predicting)
    with opened_output(target) as output:
        found = _candidates(chunks, classifier, columns, predicting.batch_size)
        if not found.texts:
            raise InputError(
                "There are no texts to choose from: standard input was empty. Give a file as "
                "input=, or texts on standard input, one on each line."
            )
        order_N = found.margins_N.argsort(kind="stable")
        chosen = first_of_each_group(found.texts, order_N, settings.number)
        rows = iter([found.rows[place] for place in chosen])
        write_rows(rows, output, target, spreadsheet=predicting.spreadsheet)

    if target is not None:
        texts = number_of(len(found.texts), "text")
        log.info("%d of %s written to %s, the most useful first.", len(chosen), texts, target)


def _candidates(
    chunks: Iterator[Chunk], classifier: TextClassifier, columns: list[str], batch_size: int
) -> Candidates:
    """Predicts all texts of the input."""
    texts, rows, margins = list[str](), list[dict[str, Any]](), list[float]()
    replaced: set[str] = set()
    for chunk in counted(chunks, "texts predicted", size_of=Chunk.rows):
        warn_of_replaced({*OWN} & chunk.columns.keys(), replaced)
        some = chunk.texts(columns, "input")
        refuse_missing_text(chunk, columns)
        probabilities_NC = classifier.probabilities(some, batch_size=batch_size)
        two_N2, classes_N2 = probabilities_NC.topk(2, dim=1)
        margins_N = (two_N2[:, 0] - two_N2[:, 1]).tolist()

        given = zip(*chunk.columns.values(), strict=True)
        for row, classes, margin in zip(given, classes_N2.tolist(), margins_N, strict=True):
            named = [*(classifier.labels[place] for place in classes), float(f"{margin:.6g}")]
            own = dict(zip(OWN, named, strict=True))
            rows.append({**dict(zip(chunk.columns, row, strict=True)), **own})
        texts += some
        margins += margins_N
    return Candidates(texts, rows, np.array(margins))
