"""Writes predicted rows to the screen or a file: CSV, TSV or JSON Lines."""

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from textlstm.checks import InputError
from textlstm.escaping import BYTE_ORDER_MARK, VisibleText, in_spreadsheet
from textlstm.terminal import counted
from textlstm.writing import as_json, whole

DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".json")


def screen() -> TextIO | VisibleText:
    """Standard output; on a terminal, control characters are shown and not obeyed."""
    return VisibleText(sys.stdout) if sys.stdout.isatty() else sys.stdout


@contextmanager
def opened_output(target: Path | None) -> Iterator[TextIO | VisibleText]:
    """Opens standard output, or a file that appears whole or not at all.

    A link is replaced by the file, and what it points to stays as it was.
    """
    if target is None:
        yield screen()
        return
    if "\0" in str(target):
        raise InputError(f"output: {str(target)!a} is no path: it has a zero byte in it.")
    if not target.absolute().parent.is_dir():
        raise InputError(f"output: there is no folder {target.absolute().parent}.")
    if target.exists() and not target.is_file():
        raise InputError(f"output: {target} is no file; the name of a file was expected.")
    with whole(target) as unfinished, open(unfinished, "w", encoding="utf-8", newline="") as output:
        yield output


def write_rows(
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
    writer = csv.writer(output, delimiter=delimiter)
    for number, cells in enumerate(table_cells(rows, spreadsheet=spreadsheet)):
        if spreadsheet and number == 0 and not isinstance(output, VisibleText):
            output.write(BYTE_ORDER_MARK)  # not on a terminal, which is no file
        writer.writerow(cells)
        if at_once:
            output.flush()


def table_cells(rows: Iterator[dict[str, Any]], *, spreadsheet: bool) -> Iterator[list[Any]]:
    """Gives the cells of a table: the names of the columns, if there is a row, and each row.

    Raises:
        InputError: a row has other columns than the first.
    """
    names: list[str] = []
    for number, row in enumerate(rows, start=1):
        if not names:
            names = list(row)
            yield list(map(in_spreadsheet, names)) if spreadsheet else names
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
        yield list(map(in_spreadsheet, cells)) if spreadsheet else cells
