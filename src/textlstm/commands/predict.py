"""Predicts classes for one text, a file of any size or a pipe, to the screen or a file."""

import logging
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from textlstm.checks import InputError, parse_settings
from textlstm.commandline.settings import PredictSettings, read_as
from textlstm.commands.explaining import explanation_lines, explanation_values
from textlstm.commands.input_texts import read_input, standard_input
from textlstm.commands.output_rows import opened_output, screen, write_rows
from textlstm.data.reading.settings import FileSettings
from textlstm.data.reading.tables import Chunk
from textlstm.model.bundle import TextClassifier
from textlstm.runs.folder import RunFolder
from textlstm.runs.record import METRICS, Record, read_record
from textlstm.runs.tally import LimitCounter, Tally, TextSample

log = logging.getLogger(__name__)


def predict(config: dict[str, Any]) -> None:
    """Predicts the class of one text, or of the texts of a file or of standard input.

    The predictions keep the order of the texts, and go to a file or to standard output.

    Raises:
        InputError: no finished run, or an input that cannot be read; `output` is then left as it
            was.
    """
    settings = parse_settings(PredictSettings, config)
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)

    folder, record = find_model(settings.run)
    classifier = TextClassifier.load(folder)
    if settings.text is not None:
        _print_prediction(classifier, settings.text, settings)
        return

    columns, chunks = given_texts(settings, record)
    target = target_of(settings)
    tally, sample = Tally(), TextSample()
    if settings.drift:
        chunks = _sampled(chunks, columns, sample)
    with opened_output(target) as output:
        rows = predicted_rows(chunks, classifier, columns, settings, tally)
        write_rows(rows, output, target, spreadsheet=settings.spreadsheet)
    if unknown := tally.unknown_sentence():
        log.warning("%s", unknown)
    if target is not None:
        log.info("%s", tally.written_sentence(target))
    if settings.drift:
        # Here, since it imports what reads and tokenizes training data.
        from textlstm.commands.drift import drift_lines

        tokenizer_json = classifier.tokenizer.to_str()
        for line in drift_lines(sample, tally.classes, record, tokenizer_json):
            log.info("%s", line)


def find_model(path: str) -> tuple[Path, Record | None]:
    """Finds the model to predict with: that of a finished run, or a bundle that was shipped alone.

    Returns:
        Its folder, and the record of its run; None if the bundle came without it.

    Raises:
        InputError: neither.
    """
    given = RunFolder(Path(path or "").expanduser().absolute())
    shipped = given.bundle is not None and not given.last_checkpoint.is_file()
    if (
        path
        and shipped
        and not (given.metrics.is_file() or (given.path.parent / METRICS).is_file())
    ):
        return given.path, None
    run = RunFolder.finished(path)
    return run.path, read_record(run.path)


def _sampled(chunks: Iterator[Chunk], columns: list[str], sample: TextSample) -> Iterator[Chunk]:
    """The same chunks, some of whose texts are kept in a sample."""
    for chunk in chunks:
        yield chunk
        sample.add(chunk.texts(columns, "input"))


def given_texts(
    settings: PredictSettings, record: Record | None
) -> tuple[list[str], Iterator[Chunk]]:
    """Finds the columns of the text, and reads the rows of `input=`, or lines of standard input.

    Raises:
        InputError: an input that cannot be read, or that is the output, too.
    """
    columns, source, target = settings.text_column, settings.input, target_of(settings)
    if columns is None and record is not None:
        columns = record["data"]["columns"]["text"]
    if source is None:
        return standard_input(columns)
    if target is not None and Path(source).expanduser().absolute() == target.absolute():
        raise InputError(f"input and output are the same file, {target}.")
    return read_input(source, columns, reading_of(source, record, settings))


def target_of(settings: PredictSettings) -> Path | None:
    """The file that `output=` names; None is standard output."""
    return None if settings.output is None else Path(settings.output).expanduser()


def reading_of(path: str, record: Record | None, settings: PredictSettings) -> FileSettings:
    """Says how the input is read: as the run read its files, if the keys do not say otherwise."""
    data = {} if record is None else record["config"]["data"]
    known = {field.name: data[field.name] for field in fields(FileSettings) if field.name in data}
    return read_as(path, FileSettings(**known), settings, data.get("train"))


def _print_prediction(classifier: TextClassifier, text: str, settings: PredictSettings) -> None:
    """Prints the class of one text, and below it the probability of each class; and why."""
    prediction = classifier.predict([text], min_probability=settings.min_probability)[0]
    if LimitCounter(classifier.tokenizer, classifier.max_length).count([text]).unknown:
        log.warning(
            "The model knows no word of this text, so that its answer says little. Is it in the "
            "language of the training texts?"
        )
    shares = [
        f"  {probability:.4f}  {label}" for label, probability in prediction.probabilities.items()
    ]
    unsure = "" if prediction.sure else f"  (not sure: below {settings.min_probability:g})"
    why = []
    if settings.explain:
        why = explanation_lines(classifier.explain([text], against=settings.against)[0])
    print(prediction.label + unsure, *shares, *why, sep="\n", file=screen())


def predicted_rows(
    chunks: Iterator[Chunk],
    classifier: TextClassifier,
    columns: list[str],
    settings: PredictSettings,
    tally: Tally,
) -> Iterator[dict[str, Any]]:
    """Gives each row with its predicted class and probabilities and, with a threshold, `sure`."""
    threshold = settings.min_probability
    own = _own_columns(classifier, settings)
    replaced: set[str] = set()
    limits = LimitCounter(classifier.tokenizer, classifier.max_length)
    for chunk in chunks:
        warn_of_replaced(own & chunk.columns.keys(), replaced)
        texts = chunk.texts(columns, "input")
        refuse_missing_text(chunk, columns)

        probabilities_NC = classifier.probabilities(texts, batch_size=settings.batch_size)
        best_N = probabilities_NC.argmax(dim=1).tolist()
        tally.classes.update(classifier.labels[best] for best in best_N)
        tally.unknown += limits.count(texts).unknown
        why = _explanations(classifier, texts, settings)
        rows = (
            dict(zip(chunk.columns, row, strict=True))
            for row in zip(*chunk.columns.values(), strict=True)
        )
        predicted = zip(rows, best_N, probabilities_NC.tolist(), why, strict=True)
        for row, best, shares, explained in predicted:
            named = zip(classifier.labels, shares, strict=True)
            yield {
                **row,
                "predicted": classifier.labels[best],
                **({} if threshold is None else {"sure": shares[best] >= threshold}),
                **{f"probability_{label}": float(f"{share:.8g}") for label, share in named},
                **explained,
            }


def _own_columns(classifier: TextClassifier, settings: PredictSettings) -> set[str]:
    """Names the columns that the prediction writes."""
    own = {"predicted", *(f"probability_{label}" for label in classifier.labels)}
    if settings.min_probability is not None:
        own.add("sure")
    if settings.explain:
        own.add("explanation")
    return own


def refuse_missing_text(chunk: Chunk, columns: list[str]) -> None:
    """Refuses a row in which each column of the text is missing."""
    given = [chunk.columns.get(column) or [None] * chunk.rows() for column in columns]
    for number, row in enumerate(zip(*given, strict=True)):
        if all(value is None for value in row):
            raise chunk.fail("input", number, f"has no text {' + '.join(columns)!r}.")


def _explanations(
    classifier: TextClassifier, texts: list[str], settings: PredictSettings
) -> Iterator[dict[str, Any]]:
    """Gives the column of the explanation for each text, if it was asked for; else none."""
    if not settings.explain:
        yield from ({} for _ in texts)
        return
    for start in range(0, len(texts), settings.batch_size):
        some = texts[start : start + settings.batch_size]
        for explanation in classifier.explain(some, against=settings.against):
            yield {"explanation": explanation_values(explanation)}


def warn_of_replaced(columns: set[str], warned: set[str]) -> None:
    """Warns of columns of the input that the prediction replaces, once of each."""
    if found := sorted(columns - warned):
        warned.update(found)
        log.warning(
            "input: what it has in the column%s %s is replaced by the prediction, which writes "
            "columns of the same name. To keep it, give it another name in the input.",
            "s" if len(found) > 1 else "",
            ", ".join(map(repr, found)),
        )
