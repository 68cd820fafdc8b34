"""Classes for new texts, from one text, a file of any size or a pipe, to the screen or a file."""

import csv
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import torch

from textlstm.bundle import TextClassifier
from textlstm.checks import InputError, nearest, whole
from textlstm.files import find_files, open_table, text_lines
from textlstm.readers import is_table
from textlstm.runs import RunFolder
from textlstm.tables import ROWS, Chunk
from textlstm.waiting import counted

DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".json")


def predict(config: dict[str, Any]) -> None:
    """Predicts `text`, or the texts of `input` (or standard input) in their order, to `output` (or standard output).

    Raises:
        InputError: no finished run, or an input that cannot be read; `output` is then left as it was.
    """
    whole("batch_size", config["batch_size"], minimum=1)
    if config["threads"] is not None:
        whole("threads", config["threads"], minimum=1)
        torch.set_num_threads(config["threads"])
    if config["text"] is not None and (config["input"] is not None or config["output"] is not None):
        raise InputError("text= predicts one text on the screen: leave input= and output= out, or text=.")
    run = RunFolder.finished(config["run"])
    classifier = TextClassifier.load(run.path)
    if config["text"] is not None:
        prediction = classifier.predict([config["text"]])[0]
        shares = [f"  {probability:.4f}  {label}" for label, probability in prediction.probabilities.items()]
        with _until_enough():
            print(prediction.label, *shares, sep="\n", flush=True)
        return
    record = run.record() or {}
    columns = config["text_column"] or record["data"]["columns"]["text"]
    columns = columns if isinstance(columns, list) else [columns]
    target = None if config["output"] is None else Path(config["output"]).expanduser()
    source = config["input"]
    if source is not None and target is not None and Path(source).expanduser().absolute() == target.absolute():
        raise InputError(f"input and output are the same file, {target}.")
    chunks = (
        _standard_input(columns) if source is None else _read(source, columns, record["config"]["data"]["encoding"])
    )
    with _until_enough(), _opened_output(target) as output:
        _write(_predicted(chunks, classifier, columns, config["batch_size"]), output, target)


@contextmanager
def _until_enough() -> Iterator[None]:
    """Writing that ends in silence when the reader of our pipe, such as head, has seen enough."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _standard_input(columns: list[str]) -> Iterator[Chunk]:
    """A text a line; from a keyboard, one at a time."""
    keyboard = sys.stdin.isatty()
    if keyboard:
        print("Reading texts from the keyboard, one a line; Ctrl-D ends.", file=sys.stderr)
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    lines = (line.rstrip("\r\n") for line in sys.stdin)
    try:
        while chunk := list(islice(lines, 1 if keyboard else ROWS)):
            yield Chunk("standard input", 1, {columns[0]: chunk})
    except UnicodeDecodeError as error:
        raise InputError(f"input: standard input is not UTF-8 text ({error}).") from error


def _read(path: str, columns: list[str], encoding: str | None) -> Iterator[Chunk]:
    """The rows of a table with all their columns, or of any other file a text a line."""
    files = find_files(path, "input")
    if Path(path).expanduser().is_dir():
        raise InputError(f"input: {path} is a folder; a file or a glob was expected.")
    if not is_table(files[0]):
        for file in files:
            yield from text_lines(file, "input", encoding, columns[0])
        return
    table = open_table(path, "input", encoding)
    for column in columns:
        if column not in table.columns:
            raise InputError(
                f"input: {path} has no column {column!r}.{nearest(column, table.columns)} "
                f"Its columns are {', '.join(table.columns)}; name one with text_column=…"
            )
    yield from table.chunks(None)


def _predicted(
    chunks: Iterator[Chunk], classifier: TextClassifier, columns: list[str], batch_size: int
) -> Iterator[dict[str, Any]]:
    """Each row with its predicted class and probabilities."""
    for chunk in chunks:
        texts = chunk.texts(columns, "input")
        given = [chunk.columns.get(column) or [None] * chunk.rows() for column in columns]
        missing = next((n for n, row in enumerate(zip(*given, strict=True)) if all(v is None for v in row)), None)
        if missing is not None:
            raise chunk.fail("input", missing, f"has no text {' + '.join(columns)!r}.")
        probabilities_NC = classifier.probabilities(texts, batch_size=batch_size)
        best_N = probabilities_NC.argmax(dim=1).tolist()
        rows = (dict(zip(chunk.columns, row, strict=True)) for row in zip(*chunk.columns.values(), strict=True))
        for row, best, shares in zip(rows, best_N, probabilities_NC.tolist(), strict=True):
            named = zip(classifier.labels, shares, strict=True)
            yield {
                **row,
                "predicted": classifier.labels[best],
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
        raise InputError(f"output: cannot tell the format of {target}; expected .csv, .tsv or .jsonl.")
    writer: csv.DictWriter[str] | None = None
    for number, row in enumerate(rows if target is None else counted(rows, "texts"), start=1):
        if writer is None:
            writer = csv.DictWriter(output, list(row), delimiter=DELIMITERS[suffix])
            writer.writeheader()
        if row.keys() - set(writer.fieldnames):
            raise InputError(
                f"output: text {number} has other columns than the first; write JSON Lines, output=….jsonl."
            )
        writer.writerow(row)
        if target is None and sys.stdin.isatty():
            output.flush()
