"""The formats of input files: one table, from which everything that lists them is made.

A new format is a module of its own, with a function that takes an `OpenedFile` and returns a
`Table`, and a line of `FORMATS`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from textlstm.checks import InputError, check_choice
from textlstm.data.reading.arrow import read_arrow, read_parquet
from textlstm.data.reading.delimited import read_csv, read_tsv
from textlstm.data.reading.excel import read_excel
from textlstm.data.reading.fasttext import has_labels, read_fasttext
from textlstm.data.reading.json_lines import read_json
from textlstm.data.reading.opened import COMPRESSED, OpenedFile, is_zip, suffix_of
from textlstm.data.reading.settings import FileSettings
from textlstm.data.reading.tables import Table


class Format(NamedTuple):
    """A format of tables.

    Args:
        name: what people call it.
        read: makes a table of a file that is not empty.
    """

    name: str
    read: Callable[[OpenedFile], Table]


FORMATS = {
    ".csv": Format("CSV", read_csv),
    ".tsv": Format("TSV", read_tsv),
    ".jsonl": Format("JSON Lines", read_json),
    ".json": Format("JSON Lines", read_json),
    ".parquet": Format("Parquet", read_parquet),
    ".pq": Format("Parquet", read_parquet),
    ".arrow": Format("Arrow", read_arrow),
    ".feather": Format("Arrow", read_arrow),
    ".xlsx": Format("Excel", read_excel),
    ".xls": Format("Excel", read_excel),
    ".fasttext": Format("fastText", read_fasttext),
    ".ft": Format("fastText", read_fasttext),
}
LINES = "lines"  # one text on each line, without labels, and so no table


def format_names() -> str:
    """The names of the formats as a sentence lists them: `CSV, TSV, JSON Lines or Parquet`."""
    *others, last = dict.fromkeys(known.name for known in FORMATS.values())
    return f"{', '.join(others)} or {last}"


def check_format(settings: FileSettings, key: str) -> None:
    """Refuses what is no format, as `key` names it; None is none."""
    check_choice(key, settings.format, [*(suffix[1:] for suffix in FORMATS), LINES], null=True)


def is_table(path: Path) -> bool:
    """Whether the name of a file says that it has columns."""
    return suffix_of(path) in FORMATS


def opens_as_table(path: Path, settings: FileSettings) -> bool:
    """Whether the settings or the name of a file say that it has columns, or its first line does.

    The first line of a file of any other name is looked at for fastText's labels.
    """
    return format_of(path, settings) is not None


def format_of(path: Path, settings: FileSettings) -> Format | None:
    """The format that a file is read in; None if it is read as one text on each line."""
    return FORMATS.get(_suffix(path, settings))


def inherited_format(path: Path, recorded: str | None, train: str | None) -> str | None:
    """The format of a run's files, if it is that of another file, too.

    It is where the other name says no format, or ends as the name of the training files does.

    Args:
        path: the other file.
        recorded: the format that was given for the run's files, whatever their names.
        train: the run's training file, or a glob.
    """
    like_train = train is not None and suffix_of(Path(train)) == suffix_of(path)
    return recorded if like_train or suffix_of(path) not in FORMATS else None


def read_table(file: OpenedFile) -> Table:
    """The file as a table, in the format that the settings or its name say.

    Raises:
        InputError: a name of no known format, an empty file, or one that cannot be read.
    """
    if file.settings.format == LINES:
        raise file.fail(
            f" is read as one text on each line ({file.typed('format', LINES)}), and columns with "
            f"a text and a label were expected. Name another format, or leave it out."
        )
    suffix = _suffix(file.path, file.settings)
    if suffix not in FORMATS:
        if is_zip(file.path):
            file.is_empty()  # says what is wrong with the archive, if that is all
        raise InputError(
            f"{file.key}: cannot tell the format of {file.path} from its name; expected one of "
            f"{', '.join(FORMATS)}, or these with {', '.join(COMPRESSED)} after. For another name "
            f"say what it is, such as {file.typed('format', 'tsv')}."
        )
    if file.is_empty():
        raise file.fail(" is empty; at least one row was expected.")
    return FORMATS[suffix].read(file)


def _suffix(path: Path, settings: FileSettings) -> str:
    """The suffix under which the format of a file stands in `FORMATS`; another if it has none."""
    if settings.format is not None:
        return f".{settings.format}"
    suffix = suffix_of(path)
    if suffix not in FORMATS and has_labels(path, settings):
        return ".fasttext"
    return suffix
