"""Classes for new texts, from one text, a file of any size or a pipe, to the screen or a file."""

import csv
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import torch

from textlstm.bundle import TextClassifier
from textlstm.checks import InputError, nearest, whole
from textlstm.runs import RunFolder

CHUNK = 4096  # rows in memory at a time
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
        print(prediction.label)
        for label, probability in prediction.probabilities.items():
            print(f"  {probability:.4f}  {label}")
        return
    column = config["text_column"] or (run.record() or {})["config"]["data"]["text_column"]
    source = None if config["input"] is None else Path(config["input"]).expanduser()
    target = None if config["output"] is None else Path(config["output"]).expanduser()
    if source is not None and target is not None and source.absolute() == target.absolute():
        raise InputError(f"input and output are the same file, {source}.")
    rows = _read(source, column)
    try:
        with _opened_output(target) as output:
            _write(_predicted(rows, classifier, column, config["batch_size"], follow=source is None), output, target)
    except BrokenPipeError:  # the reader of our pipe, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _read(source: Path | None, column: str) -> Iterator[dict[str, Any]]:
    """Rows of a CSV, TSV or JSON Lines file with all their columns; of other files and pipes, a text a line."""
    if source is None:
        if sys.stdin.isatty():
            print("Reading texts from the keyboard, one a line; Ctrl-D ends.", file=sys.stderr)
        sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
        yield from _lines(sys.stdin, "standard input", column)
        return
    if not source.is_file():
        raise InputError(f"input: {source.absolute()} {'is a folder' if source.is_dir() else 'does not exist'}.")
    suffix = source.suffix.lower()
    with open(source, encoding="utf-8-sig", newline="" if suffix in DELIMITERS else None) as lines:
        if suffix in DELIMITERS:
            yield from _csv_rows(lines, source, column, DELIMITERS[suffix])
        elif suffix in JSON_LINES:
            yield from _json_rows(lines, source, column)
        else:
            yield from _lines(lines, str(source), column)


def _lines(lines: TextIO, name: str, column: str) -> Iterator[dict[str, Any]]:
    for line in _decoded(lines, name):
        yield {column: line.rstrip("\r\n")}


def _csv_rows(lines: TextIO, source: Path, column: str, delimiter: str) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(_decoded(lines, str(source)), delimiter=delimiter)
    header = next(reader, None)
    if header is None:
        raise InputError(f"input: {source} is empty; a header line with the column names was expected.")
    if column not in header:
        raise InputError(
            f"input: {source} has no column {column!r}.{nearest(column, header)} "
            f"Its columns are {', '.join(header)}; name one with text_column=…"
        )
    for number, row in enumerate(reader, start=1):
        if len(row) != len(header):
            raise InputError(f"input: {source}, row {number} has {len(row)} fields, the header has {len(header)}.")
        yield dict(zip(header, row, strict=True))


def _json_rows(lines: TextIO, source: Path, column: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(_decoded(lines, str(source)), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"input: {source}, line {number} is no JSON ({error}).") from error
        if not isinstance(row, dict) or not isinstance(row.get(column), str):
            raise InputError(f"input: {source}, line {number} has no text {column!r}; name another with text_column=…")
        yield row


def _decoded(lines: Iterable[str], name: str) -> Iterator[str]:
    try:
        yield from lines
    except UnicodeDecodeError as error:
        raise InputError(f"input: {name} is not UTF-8 text ({error}).") from error


def _predicted(
    rows: Iterator[dict[str, Any]], classifier: TextClassifier, column: str, batch_size: int, *, follow: bool
) -> Iterator[dict[str, Any]]:
    """Each row with its predicted class and probabilities; `follow` answers a terminal line by line."""
    size = 1 if follow and sys.stdin.isatty() else CHUNK
    while chunk := list(islice(rows, size)):
        probabilities_NC = classifier.probabilities([row[column] for row in chunk], batch_size=batch_size)
        best_N = probabilities_NC.argmax(dim=1).tolist()
        for row, best, shares in zip(chunk, best_N, probabilities_NC.tolist(), strict=True):
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
        for row in _counted(rows):
            output.write(json.dumps(row, ensure_ascii=False) + "\n")
        return
    if suffix not in DELIMITERS:
        raise InputError(f"output: cannot tell the format of {target}; expected .csv, .tsv or .jsonl.")
    writer: csv.DictWriter[str] | None = None
    for number, row in enumerate(rows if target is None else _counted(rows), start=1):
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


def _counted(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows, counted on the terminal as they pass."""
    if not sys.stderr.isatty():
        yield from rows
        return
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.completed:,.0f} texts"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield from progress.track(rows, total=None)
