"""Reads the first sheet of an Excel workbook: a header, and rows whose cells are texts."""

import datetime
import io
import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from textlstm.data.reading.opened import OpenedFile
from textlstm.data.reading.tables import ROWS, Chunk, Table
from textlstm.typed import installing

log = logging.getLogger(__name__)


def read_excel(file: OpenedFile) -> Table:
    """A table of the first sheet, with every cell as the text that Excel would write into CSV."""
    rows = _rows(file)
    header = next(rows, [])
    named = {name: place for place, name in enumerate(header) if name}
    if not named:
        raise file.fail(" has no header: a first row with the column names was expected.")
    file.distinct([name for name in header if name])

    def chunks(columns: list[str] | None) -> Iterator[Chunk]:
        done, again = 0, _rows(file)
        next(again)
        while some := list(islice(again, ROWS)):
            values: dict[str, Sequence[Any]] = {
                name: [row[named[name]] for row in some] for name in columns or named
            }
            yield Chunk(str(file.path), done + 1, values)
            done += len(some)
        if not done:
            raise file.fail(
                " has a header but no rows; rows with a text and a label were expected."
            )

    return Table(list(named), {}, chunks)


def _rows(file: OpenedFile) -> Iterator[list[str]]:
    """The rows of the first sheet that are not empty, the header first."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError
    except ImportError as error:
        raise file.fail(
            f" is read with the package python-calamine: {installing('excel')}. Or save it as CSV "
            f"in UTF-8."
        ) from error

    with file.reading(binary=True):
        with file.bytes() as stream:
            content = io.BytesIO(stream.read())
        try:
            workbook = CalamineWorkbook.from_filelike(content)
            sheet = workbook.get_sheet_by_index(0)
        except PasswordError as error:
            raise file.fail(" needs a password. Save it without one, or as CSV.") from error
        except CalamineError as error:
            raise file.damaged() from error
    for row in sheet.iter_rows():
        cells = [_as_text(cell) for cell in row]
        if any(cells):
            yield cells


def _as_text(cell: Any) -> str:
    """A cell as Excel writes it into CSV; its numbers are all fractions in the file."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return f"{cell:.15g}"
    if isinstance(cell, datetime.datetime | datetime.date | datetime.time):
        return cell.isoformat(" ") if isinstance(cell, datetime.datetime) else cell.isoformat()
    return str(cell)
