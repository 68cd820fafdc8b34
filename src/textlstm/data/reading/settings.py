"""The keys of `data` that say how the content of a file is read."""

from dataclasses import dataclass

from textlstm.checks import check_choice

ENCODING_ERRORS = ("strict", "replace")


@dataclass(frozen=True, kw_only=True)
class FileSettings:
    """How the content of a file is read. The defaults are what was done before there was a choice.

    Raises:
        InputError: an unknown way to treat bad bytes. (Format and encoding are checked where files
            are opened.)
    """

    format: str | None = None
    """csv, tsv, jsonl, json, parquet, xlsx, fasttext or lines (a text a line), whatever the file is
    called (default: what its name says)"""

    encoding: str | None = None
    """of text files, such as cp1252 (default: UTF-8, or what a byte order mark says)"""

    encoding_errors: str = "strict"
    """replace reads bytes that are no text as �, and counts the rows (default: strict, an error)"""

    def __post_init__(self) -> None:
        check_choice("data.encoding_errors", self.encoding_errors, ENCODING_ERRORS)

    def reading_values(self) -> list[object]:
        """What names this way of reading, in a key of the cache."""
        return [self.format, self.encoding, self.encoding_errors]


AS_NAMED = FileSettings()
"""UTF-8, in the format that the name of a file says."""
