"""Opens one file: compressed or not, in any encoding, with one error for what cannot be read."""

import bz2
import codecs
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow

from textlstm.checks import InputError
from textlstm.data.reading.settings import AS_FOUND, DelimitedSettings
from textlstm.data.reading.tables import key_beside

COMPRESSED: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": lambda path: pyarrow.input_stream(str(path), compression="zstd"),
}
UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError, pyarrow.ArrowException)
BYTE_ORDER_MARKS = {  # the longer ones first: UTF-32's begins with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
UNDECODED = re.compile("[\udc80-\udcff]")  # what `errors="surrogateescape"` makes of a bad byte


def suffix_of(path: Path) -> str:
    """The suffix that tells the format: `.csv` for both `rows.csv` and `rows.CSV.gz`."""
    return Path(path.stem).suffix.lower() if is_compressed(path) else path.suffix.lower()


def is_compressed(path: Path) -> bool:
    """Whether the name of a file says that it is compressed."""
    return path.suffix.lower() in COMPRESSED


def _nowhere() -> str:
    """Names no row: for files that have none."""
    return ""


class OpenedFile:
    """One file to read; what cannot be read of it becomes an InputError that names the place.

    Args:
        path: the file, which is opened anew each time that something of it is read.
        key: the config key that named the file, for messages.
        encoding: the encoding of a text file; None is UTF-8, or what a byte order mark says.
        delimited: how a CSV or TSV file is read.
    """

    def __init__(
        self,
        path: Path,
        key: str,
        encoding: str | None,
        delimited: DelimitedSettings = AS_FOUND,
    ) -> None:
        self.path, self.key, self.encoding, self.delimited = path, key, encoding, delimited

    def fail(self, what: str) -> InputError:
        """The error that says what is wrong with the file; `what` follows its path directly."""
        return InputError(f"{self.key}: {self.path}{what}")

    def option(self, name: str) -> str:
        """The key that says how the file is read: data.quoting, or `quoting` of predict."""
        return key_beside(self.key, name)

    def bytes(self) -> Any:
        """The content as a binary stream, decompressed."""
        decompress = COMPRESSED.get(self.path.suffix.lower())
        return open(self.path, "rb") if decompress is None else decompress(self.path)

    def text(self, errors: str = "strict") -> io.TextIOWrapper:
        """The content as a text stream, with the line ends that are in the file."""
        codec = self.codec()
        return io.TextIOWrapper(io.BufferedReader(self.bytes()), codec, errors=errors, newline="")

    def codec(self) -> str:
        """The codec of the text: from `encoding`, else as a byte order mark says, else UTF-8."""
        if self.encoding is not None and codecs.lookup(self.encoding).name != "utf-8":
            return self.encoding
        with self.bytes() as stream:
            start = stream.read(4)
        marked = (codec for mark, codec in BYTE_ORDER_MARKS.items() if start.startswith(mark))
        return next(marked, "utf-8")

    def is_empty(self) -> bool:
        """Whether the content has no byte at all."""
        with self.reading(), self.bytes() as stream:
            return not stream.read(1)

    def whole_text(self) -> str:
        """The whole content as one text."""
        with self.reading(), self.text() as stream:
            return stream.read()

    @contextmanager
    def reading(
        self, find_row: Callable[[], str] = _nowhere, *, binary: bool = False
    ) -> Iterator[None]:
        """Turns whatever goes wrong with the file inside this block into one InputError.

        Args:
            find_row: says where the first row with a bad byte stands, such as `, row 3`.
            binary: whether the format is a binary one, whose errors mean a damaged file.
        """
        try:
            yield
        except UnicodeError as error:
            raise self._bad_byte(find_row) from error
        except (*UNREADABLE, OverflowError) as error:
            raise self._unreadable(error, binary=binary) from error

    def bad_line(self) -> str:
        """Where the first line with a bad byte stands, as `, line 3`; empty if it is not known."""
        try:
            with self.text(errors="surrogateescape") as lines:
                for number, line in enumerate(lines, start=1):
                    if UNDECODED.search(line):
                        return f", line {number}"
        except (UnicodeError, *UNREADABLE):  # in UTF-16 no byte can be escaped
            pass
        return ""

    def distinct(self, columns: list[str]) -> list[str]:
        """The names of the columns as they are given, each of which must differ from the others."""
        twice = next((name for name in columns if columns.count(name) > 1), None)
        if twice is not None:
            raise self.fail(f" has two columns {twice!r}: each needs a name of its own.")
        return columns

    def _unreadable(self, error: BaseException, *, binary: bool) -> InputError:
        reason = getattr(error, "strerror", None)
        if reason:
            return self.fail(f" cannot be read: {reason}.")

        if (binary or is_compressed(self.path)) and not isinstance(error, OverflowError):
            return self.fail(
                f" is no whole {self.path.suffix.lower()} file: it is damaged, cut short, or "
                f"something else under that name. Fetch or write it again."
            )
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        return self.fail(f" cannot be read: {reason}.")

    def _bad_byte(self, find_row: Callable[[], str]) -> InputError:
        """The error for a byte that is not text, with its number and the row that it stands in."""
        codec = self.codec()
        try:
            number = self._bad_byte_number(codec)
        except UNREADABLE as error:
            return self._unreadable(error, binary=False)

        name = codec.removesuffix("-sig").upper()
        wrong = f"{find_row()}, byte {number} is no {name} text"
        if self.encoding is not None:
            return self.fail(
                f"{wrong}, which data.encoding={self.encoding} says it is. Name another, or leave "
                f"it out for UTF-8."
            )
        if name.startswith(("UTF-16", "UTF-32")):
            return self.fail(
                f"{wrong}, which its byte order mark says it is: it is damaged or cut short."
            )

        other = ""
        if self.key.startswith("data."):
            other = ", or name its encoding, such as data.encoding=latin-1"
        return self.fail(f"{wrong}. Save the file as UTF-8 (iconv -f LATIN1 -t UTF-8){other}.")

    def _bad_byte_number(self, codec: str) -> int:
        """The number of the first byte that is not text, counted from 0 in what is decompressed."""
        decoder, read = codecs.getincrementaldecoder(codec)(), 0
        with self.bytes() as stream:
            while block := stream.read(1 << 20):
                pending = len(decoder.getstate()[0])
                try:
                    decoder.decode(block)
                except UnicodeError as error:
                    return read + getattr(error, "start", 0) - pending
                read += len(block)
        return read - len(decoder.getstate()[0])  # a character that the end of the file cuts
