"""The keys of `data` that say how the content of a file is read."""

from dataclasses import dataclass

from textlstm.checks import InputError, check_choice, check_flag
from textlstm.data.reading.names import listed, split_names

QUOTING = ("double", "none")
ENCODING_ERRORS = ("strict", "replace")


@dataclass(frozen=True, kw_only=True)
class DelimitedSettings:
    """How CSV and TSV files are read. None is what the first rows show.

    Raises:
        InputError: a value that is none of those listed, or names beside a header.
    """

    header: bool | None = None
    """CSV, TSV: false if the first row is data and not names; columns then have the names of
    data.columns or are counted from 1"""

    columns: str | list[str] | None = None
    """with data.header=false: names for the columns, such as [label,title,text]"""

    quoting: str | None = None
    """CSV, TSV: double if fields may stand in double quotes, none if a quote is an ordinary
    character (default: double; between tabs, what the first rows show)"""

    def __post_init__(self) -> None:
        check_delimited("data.", self.header, self.quoting)
        names = self.column_names()
        if names == []:
            raise InputError(
                "data.columns names no column; a list such as [label,title,text] was expected."
            )
        if names is not None and self.header is not False:
            raise InputError(
                f"data.columns={listed(names)} names the columns of a file without a "
                f"header: give data.header=false, too, or leave it out."
            )

    def delimited_values(self) -> list[object]:
        """What names this way of reading, in a key of the cache."""
        return [self.header, self.column_names(), self.quoting]

    def column_names(self) -> list[str] | None:
        """The names that `columns` gives; None without it."""
        if self.columns is None or self.columns == "null":  # as it is typed
            return None
        names = split_names(self.columns) if isinstance(self.columns, str) else self.columns
        return [str(name) for name in names]


def check_delimited(prefix: str, header: object, quoting: object) -> None:
    """Refuses values of `header` and `quoting` that are none of theirs; `prefix` is of the keys."""
    check_flag(f"{prefix}header", header, null=True)
    check_choice(f"{prefix}quoting", quoting, QUOTING, null=True)


@dataclass(frozen=True, kw_only=True)
class FileSettings(DelimitedSettings):
    """How the content of a file is read. The defaults are what was done before there was a choice.

    Raises:
        InputError: an unknown way to treat bad bytes. (Format and encoding are checked where files
            are opened.) Or as `DelimitedSettings`.
    """

    format: str | None = None
    """csv, tsv, jsonl, json, parquet, arrow, xlsx, fasttext or lines (one text on each line),
    whatever the file is called (default: what its name says)"""

    encoding: str | None = None
    """the encoding of text files, such as cp1252 (default: UTF-8, or what a byte order mark
    says)"""

    encoding_errors: str = "strict"
    """what to do with bytes that are no text: strict makes them an error, replace reads them as �
    and counts the rows"""

    def __post_init__(self) -> None:
        DelimitedSettings.__post_init__(self)
        check_choice("data.encoding_errors", self.encoding_errors, ENCODING_ERRORS)

    def reading_values(self) -> list[object]:
        """What names this way of reading, in a key of the cache."""
        return [self.format, self.encoding, self.encoding_errors, *self.delimited_values()]


AS_NAMED = FileSettings()
"""UTF-8, in the format that the name of a file says."""
