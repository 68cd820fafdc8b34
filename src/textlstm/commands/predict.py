"""Classes for new texts, from one text, a file of any size or a pipe, to the screen or a file."""

import csv
import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import torch

from textlstm.checks import InputError, parse_settings
from textlstm.commands.settings import PredictSettings, read_as
from textlstm.data.columns import Columns
from textlstm.data.facts import DamageFacts
from textlstm.data.reading.damaged import count_damaged, damaged_sentence
from textlstm.data.reading.fields import add_fields
from textlstm.data.reading.files import find_files, open_table, text_lines
from textlstm.data.reading.formats import opens_as_table
from textlstm.data.reading.names import is_list, split_names
from textlstm.data.reading.settings import FileSettings
from textlstm.data.reading.swallowing import Swallowing, swallowing_sentence
from textlstm.data.reading.tables import ROWS, Chunk
from textlstm.model.bundle import TextClassifier
from textlstm.runs.folder import RunFolder
from textlstm.runs.record import read_record
from textlstm.terminal import counted

log = logging.getLogger(__name__)

DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".json")


def predict(config: dict[str, Any]) -> None:
    """Predicts the class of one text, or of the texts of a file or of standard input.

    They come in their order, to a file or to standard output.

    Raises:
        InputError: no finished run, or an input that cannot be read; `output` is then left as it
            was.
    """
    settings = parse_settings(PredictSettings, config)
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    run = RunFolder.finished(settings.run)
    classifier = TextClassifier.load(run.path)
    if settings.text is not None:
        _print_prediction(classifier, settings.text, settings.min_probability)
        return

    record = read_record(run.path)
    recorded = record["config"]["data"]
    reading = {  # of which an old run knew fewer keys
        field.name: recorded[field.name] for field in fields(FileSettings) if field.name in recorded
    }
    columns = settings.text_column or record["data"]["columns"]["text"]
    target = None if settings.output is None else Path(settings.output).expanduser()
    source = settings.input
    if source is None:
        columns, chunks = _standard_input(columns)
    else:
        if target is not None and Path(source).expanduser().absolute() == target.absolute():
            raise InputError(f"input and output are the same file, {target}.")
        read = read_as(source, FileSettings(**reading), settings, recorded.get("train"))
        columns, chunks = _read(source, columns, read)
    with _until_enough(), _opened_output(target) as output:
        rows = _predicted(chunks, classifier, columns, settings)
        _write(rows, output, target)


@contextmanager
def _until_enough() -> Iterator[None]:
    """Ends writing in silence when the reader of our pipe, such as head, has seen enough."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_prediction(classifier: TextClassifier, text: str, min_probability: float | None) -> None:
    prediction = classifier.predict([text], min_probability=min_probability)[0]
    shares = [
        f"  {probability:.4f}  {label}" for label, probability in prediction.probabilities.items()
    ]
    with _until_enough():
        unsure = "" if prediction.sure else f"  (not sure: below {min_probability:g})"
        print(prediction.label + unsure, *shares, sep="\n", flush=True)


def _standard_input(columns: str | list[str]) -> tuple[list[str], Iterator[Chunk]]:
    """The name for a text a line, and these lines; from a keyboard, one at a time."""
    name = _name_of_lines(columns)
    return [name], _typed_lines(name)


def _typed_lines(column: str) -> Iterator[Chunk]:
    keyboard = sys.stdin.isatty()
    if keyboard:
        print("Reading texts from the keyboard, one a line; Ctrl-D ends.", file=sys.stderr)
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    lines = (line.rstrip("\r\n") for line in sys.stdin)
    try:
        while chunk := list(islice(lines, 1 if keyboard else ROWS)):
            yield Chunk("standard input", 1, {column: chunk})
    except UnicodeDecodeError as error:
        raise InputError(f"input: standard input is not UTF-8 text ({error}).") from error


def _name_of_lines(columns: str | list[str]) -> str:
    """What the column of the text is called where the input is a text a line: the first name."""
    if isinstance(columns, str):
        columns = split_names(columns) if is_list(columns) else [columns]
    return columns[0] if columns else "text"


def _read(
    path: str, columns: str | list[str], settings: FileSettings
) -> tuple[list[str], Iterator[Chunk]]:
    """The columns of the text; and a table's rows with all columns, or another file's lines."""
    if os.path.isdir(os.path.expanduser(path)):
        raise InputError(f"input: {path} is a folder; a file or a glob was expected.")
    files = find_files(path, "input")
    if not opens_as_table(files[0], settings):
        name = _name_of_lines(columns)
        lines = (text_lines(file, "input", settings, name) for file in files)
        return [name], _looked_through(chain.from_iterable(lines), path)

    table = open_table(path, "input", settings)
    found = Columns(table, "input", lambda what: InputError(f"input: {path} {what}"))
    texts = found.texts(columns)
    if table.said:
        log.info("input: %s", table.said)
    chunks = (add_fields(chunk, texts) for chunk in table.chunks(None))
    return texts, _looked_through(chunks, path)


def _looked_through(chunks: Iterator[Chunk], path: str) -> Iterator[Chunk]:
    """The same chunks; warns at the end of rows that seem to hold whole rows, or have �."""
    damaged: DamageFacts = {"rows": 0, "places": []}
    swallowing = Swallowing()
    for chunk in chunks:
        count_damaged(chunk, damaged, path)
        swallowing.count(chunk)
        yield chunk

    if damaged["rows"]:
        log.warning("%s", damaged_sentence("input", damaged))
    if swallowing.rows:
        log.warning("%s", swallowing_sentence("input", swallowing.facts()))


def _predicted(
    chunks: Iterator[Chunk],
    classifier: TextClassifier,
    columns: list[str],
    settings: PredictSettings,
) -> Iterator[dict[str, Any]]:
    """Each row with its predicted class and probabilities, and with a threshold `sure`."""
    threshold = settings.min_probability
    for chunk in chunks:
        texts = chunk.texts(columns, "input")
        given = [chunk.columns.get(column) or [None] * chunk.rows() for column in columns]
        missing = next(
            (n for n, row in enumerate(zip(*given, strict=True)) if all(v is None for v in row)),
            None,
        )
        if missing is not None:
            raise chunk.fail("input", missing, f"has no text {' + '.join(columns)!r}.")
        probabilities_NC = classifier.probabilities(texts, batch_size=settings.batch_size)
        best_N = probabilities_NC.argmax(dim=1).tolist()
        rows = (
            dict(zip(chunk.columns, row, strict=True))
            for row in zip(*chunk.columns.values(), strict=True)
        )
        for row, best, shares in zip(rows, best_N, probabilities_NC.tolist(), strict=True):
            named = zip(classifier.labels, shares, strict=True)
            yield {
                **row,
                "predicted": classifier.labels[best],
                **({} if threshold is None else {"sure": shares[best] >= threshold}),
                **{f"probability_{label}": float(f"{share:.8g}") for label, share in named},
            }


@contextmanager
def _opened_output(target: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears whole or not at all."""
    if target is None:
        yield sys.stdout
        return
    if not target.absolute().parent.is_dir():
        raise InputError(f"output: there is no folder {target.absolute().parent}.")
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with open(unfinished, "w", encoding="utf-8", newline="") as output:
            yield output
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _write(rows: Iterator[dict[str, Any]], output: TextIO, target: Path | None) -> None:
    suffix = ".csv" if target is None else target.suffix.lower()
    if suffix in JSON_LINES:
        for row in counted(rows, "texts"):
            output.write(json.dumps(row, ensure_ascii=False) + "\n")
        return
    if suffix not in DELIMITERS:
        raise InputError(
            f"output: cannot tell the format of {target}; expected .csv, .tsv or .jsonl."
        )
    writer: csv.DictWriter[str] | None = None

    for number, row in enumerate(rows if target is None else counted(rows, "texts"), start=1):
        if writer is None:
            writer = csv.DictWriter(output, list(row), delimiter=DELIMITERS[suffix])
            writer.writeheader()
        if row.keys() - set(writer.fieldnames):
            raise InputError(
                f"output: text {number} has other columns than the first; write JSON Lines, "
                f"output=….jsonl."
            )
        if isinstance(row.get("sure"), bool):
            row["sure"] = str(row["sure"]).lower()  # as in JSON, not as Python writes it
        writer.writerow(row)
        if target is None and sys.stdin.isatty():
            output.flush()
