"""Predicts classes for one text, a file of any size or a pipe, to the screen or a file."""

import csv
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import torch

from textlstm.checks import InputError, parse_settings
from textlstm.commandline.settings import PredictSettings, read_as
from textlstm.commands.explaining import explanation_lines, explanation_values
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
from textlstm.escaping import BYTE_ORDER_MARK, VisibleText, in_spreadsheet
from textlstm.model.bundle import TextClassifier
from textlstm.runs.folder import RunFolder
from textlstm.runs.record import METRICS, Record, read_record
from textlstm.runs.tally import Tally, count_unknown_texts
from textlstm.terminal import counted
from textlstm.writing import as_json, whole

log = logging.getLogger(__name__)

DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".json")


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

    folder, record = _model_folder(settings.run)
    classifier = TextClassifier.load(folder)
    if settings.text is not None:
        _print_prediction(classifier, settings.text, settings)
        return

    columns = settings.text_column
    if columns is None and record is not None:
        columns = record["data"]["columns"]["text"]
    target = None if settings.output is None else Path(settings.output).expanduser()
    source = settings.input
    if source is None:
        columns, chunks = _standard_input(columns)
    else:
        if target is not None and Path(source).expanduser().absolute() == target.absolute():
            raise InputError(f"input and output are the same file, {target}.")
        columns, chunks = _read(source, columns, _reading(source, record, settings))

    tally = Tally()
    with _opened_output(target) as output:
        rows = _predicted(chunks, classifier, columns, settings, tally)
        _write(rows, output, target, spreadsheet=settings.spreadsheet)
    if unknown := tally.unknown_sentence():
        log.warning("%s", unknown)
    if target is not None:
        log.info("%s", tally.written_sentence(target))


def _model_folder(path: str) -> tuple[Path, Record | None]:
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


def _reading(path: str, record: Record | None, settings: PredictSettings) -> FileSettings:
    """Says how the input is read: as the run read its files, if the keys do not say otherwise."""
    data = {} if record is None else record["config"]["data"]
    known = {field.name: data[field.name] for field in fields(FileSettings) if field.name in data}
    return read_as(path, FileSettings(**known), settings, data.get("train"))


def _print_prediction(classifier: TextClassifier, text: str, settings: PredictSettings) -> None:
    """Prints the class of one text, and below it the probability of each class; and why."""
    prediction = classifier.predict([text], min_probability=settings.min_probability)[0]
    if count_unknown_texts(classifier.tokenizer, [text]):
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
    print(prediction.label + unsure, *shares, *why, sep="\n", file=_screen())


def _screen() -> TextIO | VisibleText:
    """Standard output; on a terminal, control characters are shown and not obeyed."""
    return VisibleText(sys.stdout) if sys.stdout.isatty() else sys.stdout


def _standard_input(columns: str | list[str] | None) -> tuple[list[str], Iterator[Chunk]]:
    """Names the column of the text, and reads one text from each line of standard input."""
    name = _name_of_lines(columns)
    return [name], _typed_lines(name)


def _typed_lines(column: str) -> Iterator[Chunk]:
    """Reads one text from each line of standard input; from a keyboard, one at a time."""
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


def _name_of_lines(columns: str | list[str] | None) -> str:
    """Names the column of the text where each line of the input is one: the first name given."""
    if isinstance(columns, str):
        columns = split_names(columns) if is_list(columns) else [columns]
    return columns[0] if columns else "text"


def _read(
    path: str, columns: str | list[str] | None, settings: FileSettings
) -> tuple[list[str], Iterator[Chunk]]:
    """Finds the columns of the text, and reads the rows of a table or the lines of another file."""
    if Path(path).expanduser().is_dir():
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
    tally: Tally,
) -> Iterator[dict[str, Any]]:
    """Gives each row with its predicted class and probabilities and, with a threshold, `sure`."""
    threshold = settings.min_probability
    own = {"predicted", *(f"probability_{label}" for label in classifier.labels)}
    if threshold is not None:
        own.add("sure")
    if settings.explain:
        own.add("explanation")
    replaced: set[str] = set()
    for chunk in chunks:
        _warn_of_replaced(own & chunk.columns.keys(), replaced)
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
        tally.classes.update(classifier.labels[best] for best in best_N)
        tally.unknown += count_unknown_texts(classifier.tokenizer, texts)
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


def _warn_of_replaced(columns: set[str], warned: set[str]) -> None:
    """Warns of columns of the input that the prediction replaces, once of each."""
    if found := sorted(columns - warned):
        warned.update(found)
        log.warning(
            "input: what it has in the column%s %s is replaced by the prediction, which writes "
            "columns of the same name. To keep it, give it another name in the input.",
            "s" if len(found) > 1 else "",
            ", ".join(map(repr, found)),
        )


@contextmanager
def _opened_output(target: Path | None) -> Iterator[TextIO | VisibleText]:
    """Opens standard output, or a file that appears whole or not at all.

    A link is replaced by the file, and what it points to stays as it was.
    """
    if target is None:
        yield _screen()
        return
    if not target.absolute().parent.is_dir():
        raise InputError(f"output: there is no folder {target.absolute().parent}.")
    if target.exists() and not target.is_file():
        raise InputError(f"output: {target} is no file; the name of a file was expected.")
    with whole(target) as unfinished, open(unfinished, "w", encoding="utf-8", newline="") as output:
        yield output


def _write(
    rows: Iterator[dict[str, Any]],
    output: TextIO | VisibleText,
    target: Path | None,
    *,
    spreadsheet: bool,
) -> None:
    """Writes rows in the format that the name of `target` says; CSV to standard output."""
    suffix = ".csv" if target is None else target.suffix.lower()
    if suffix in JSON_LINES:
        if spreadsheet:
            raise InputError(
                f"output: spreadsheet=true writes .csv or .tsv, and {target} is JSON Lines: leave "
                f"it out, or give another name."
            )
        for row in counted(rows, "texts"):
            output.write(as_json(row) + "\n")
        return
    if suffix not in DELIMITERS:
        raise InputError(
            f"output: cannot tell the format of {target}; expected .csv, .tsv or .jsonl."
        )
    if target is not None:
        rows = counted(rows, "texts")
    keyboard = target is None and sys.stdin.isatty()
    _write_table(rows, output, DELIMITERS[suffix], spreadsheet=spreadsheet, at_once=keyboard)


def _write_table(
    rows: Iterator[dict[str, Any]],
    output: TextIO | VisibleText,
    delimiter: str,
    *,
    spreadsheet: bool,
    at_once: bool,
) -> None:
    """Writes a header and the rows, each `at_once` or not; `spreadsheet` as in `write_csv`."""
    names: list[str] = []
    writer = csv.writer(output, delimiter=delimiter)

    for number, row in enumerate(rows, start=1):
        if not names:
            names = list(row)
            if spreadsheet and not isinstance(output, VisibleText):  # a terminal is no file
                output.write(BYTE_ORDER_MARK)
            writer.writerow(map(in_spreadsheet, names) if spreadsheet else names)
        if row.keys() - set(names):
            raise InputError(
                f"output: text {number} has other columns than the first; write JSON Lines, "
                f"output=….jsonl."
            )
        if isinstance(row.get("sure"), bool):
            row["sure"] = str(row["sure"]).lower()  # as in JSON, not as Python writes it
        if isinstance(row.get("explanation"), dict):
            row["explanation"] = as_json(row["explanation"])
        cells = [row.get(name, "") for name in names]
        writer.writerow(map(in_spreadsheet, cells) if spreadsheet else cells)
        if at_once:
            output.flush()
