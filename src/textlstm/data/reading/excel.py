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
    sheet, others = _sheets(file)
    if others:
        named = ", ".join(map(repr, others))
        log.info("%s: the sheet %r is read, not %s.", file.path, sheet.name, named)
    header = next(_rows(sheet), [])
    places = {name: place for place, name in enumerate(header) if name}
    if not places:
        raise file.fail(" has no header: a first row with the column names was expected.")
    file.distinct([name for name in header if name])

    def chunks(columns: list[str] | None) -> Iterator[Chunk]:
        done, rows = 0, _rows(_sheets(file)[0])
        next(rows)
        while some := list(islice(rows, ROWS)):
            values: dict[str, Sequence[Any]] = {
                name: [row[places[name]] for row in some] for name in columns or places
            }
            yield Chunk(str(file.path), done + 1, values)
            done += len(some)

        if not done:
            raise file.fail(" has a header but no rows; at least one row was expected.")

    return Table(list(places), {}, chunks)


def _sheets(file: OpenedFile) -> tuple[Any, list[str]]:
    """The first sheet of a workbook, and the names of the others.

    Raises:
        InputError: no workbook, one with a password, or no package that reads it.
    """
    try:
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError
    except ImportError as error:
        raise file.fail(
            f" is read with the package python-calamine: {installing('excel')}. Or save it as CSV "
            f"in UTF-8."
        ) from error

    with file.reading(binary=True), file.bytes() as stream:
        content = io.BytesIO(stream.read())
    try:
        workbook = CalamineWorkbook.from_filelike(content)
        first, *others = workbook.sheet_names
        return workbook.get_sheet_by_name(first), others
    except PasswordError as error:
        raise file.fail(" needs a password. Save it without one, or as CSV.") from error
    except (CalamineError, ValueError) as error:
        raise file.damaged() from error


def _rows(sheet: Any) -> Iterator[list[str]]:
    """The rows of a sheet that are not empty, the header first."""
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
