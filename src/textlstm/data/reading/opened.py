"""Opens one file: compressed or not, in any encoding, with one error for what cannot be read."""

import bz2
import codecs
import errno
import gzip
import io
import lzma
import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import pyarrow

from textlstm.checks import InputError
from textlstm.data.reading import encodings
from textlstm.data.reading.damaged import HANDLER
from textlstm.data.reading.settings import FileSettings
from textlstm.data.reading.tables import key_beside
from textlstm.data.reading.zipped import NotOneFile, member_name, open_member

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

COMPRESSED: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": lambda path: pyarrow.input_stream(str(path), compression="zstd"),
    ".zip": open_member,
}
UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError, BadZipFile, pyarrow.ArrowException)
BYTE_ORDER_MARKS = {  # the longer ones first: UTF-32's begins with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
BLOCK = 1 << 16  # bytes that are read at a time
START = 1000  # bytes by which UTF-16 is known
ICONV = {"latin-1": "LATIN1", "mac_roman": "MACINTOSH"}  # where its names are not ours
FEW = 3  # bad bytes that may be damage, though no other byte shows that the file is UTF-8
UNDECODED = re.compile("[\udc80-\udcff]")  # what `errors="surrogateescape"` makes of a bad byte


def suffix_of(path: Path) -> str:
    """The suffix that tells the format: `.csv` for both `rows.csv` and `rows.CSV.gz`.

    Of a .zip it is that of the file in it, if that has one.
    """
    if is_zip(path):
        inside = Path(member_name(path)).suffix.lower()
        if inside:
            return inside
    return Path(path.stem).suffix.lower() if is_compressed(path) else path.suffix.lower()


def is_compressed(path: Path) -> bool:
    """Whether the name of a file says that it is compressed."""
    return path.suffix.lower() in COMPRESSED


def is_zip(path: Path) -> bool:
    """Whether the name of a file says that it is an archive, which may hold files of any name."""
    return path.suffix.lower() == ".zip"


class _WithoutWaiting(io.FileIO):
    """A file whose reading fails where it would wait, as it does for the kernel's next message."""

    readall = io.RawIOBase.readall  # by `readinto`, as every other reading

    def __init__(self, path: Path) -> None:
        without_waiting = getattr(os, "O_NONBLOCK", 0)
        super().__init__(path, opener=lambda file, flags: os.open(file, flags | without_waiting))

    def readinto(self, buffer: "Buffer", /) -> int:
        """Fills the buffer; None, which says that there is nothing yet, becomes an error."""
        count: int | None = super().readinto(buffer)
        if count is None:
            raise BlockingIOError(errno.EAGAIN, "it has nothing to read yet; a file on a disk has")
        return count


def open_without_waiting(path: Path) -> io.BufferedReader:
    """Opens a file for reading its bytes; one that has nothing to read yet is an OSError."""
    return io.BufferedReader(_WithoutWaiting(path), BLOCK)


def _nowhere() -> str:
    """Names no row: for files that have none."""
    return ""


class OpenedFile:
    """One file to read; what cannot be read of it becomes an InputError that names the place.

    Args:
        path: the file, which is opened anew each time that something of it is read.
        key: the config key that named the file, for messages.
        settings: how its content is read.
    """

    def __init__(self, path: Path, key: str, settings: FileSettings) -> None:
        self.path, self.key, self.settings = path, key, settings
        self.encoding = settings.encoding

    def fail(self, what: str) -> InputError:
        """The error that says what is wrong with the file; `what` follows its path directly."""
        return InputError(f"{self.key}: {self.path}{what}")

    def option(self, name: str) -> str:
        """The key that says how the file is read: data.quoting, or `quoting` of predict."""
        return key_beside(self.key, name)

    def typed(self, name: str, value: str) -> str:
        """What to type to give such a key a value."""
        return f"{self.option(name)}={value}"

    def bytes(self) -> Any:
        """The content as a binary stream, decompressed."""
        decompress = COMPRESSED.get(self.path.suffix.lower())
        try:
            if decompress is None:
                return open_without_waiting(self.path)
            return decompress(self.path)
        except NotOneFile as error:
            raise self.fail(f" {error}.") from error

    def text(self, errors: str | None = None) -> io.TextIOWrapper:
        """The content as a text stream, with the line ends that are in the file.

        Args:
            errors: what becomes of bytes that are no text (default: as the settings say).
        """
        if errors is None:
            errors = HANDLER if self.settings.encoding_errors == "replace" else "strict"
        codec = self.codec()
        return io.TextIOWrapper(io.BufferedReader(self.bytes()), codec, errors=errors, newline="")

    def codec(self) -> str:
        """The codec of the text: from `encoding`, else as a byte order mark says, else UTF-8.

        Raises:
            InputError: UTF-16 without a mark, which is no UTF-8.
        """
        if self._names_encoding():
            return str(self.encoding)
        with self.bytes() as stream:
            start = stream.read(START)
        marked = (codec for mark, codec in BYTE_ORDER_MARKS.items() if start.startswith(mark))
        found = next(marked, "utf-8")

        wide = encodings.unmarked_utf16(start) if found == "utf-8" else None
        if wide is not None:
            raise self.fail(
                f" looks like UTF-16 without a byte order mark. Name it with "
                f"{self.typed('encoding', wide)}, or save the file as UTF-8 (iconv -f "
                f"{wide.upper().replace('16-', '16')} -t UTF-8)."
            )
        return found

    def _names_encoding(self) -> bool:
        """Whether the settings name another encoding than UTF-8."""
        return self.encoding is not None and codecs.lookup(self.encoding).name != "utf-8"

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

    def damaged(self) -> InputError:
        """The error for a binary or compressed file that is not what its name says."""
        return self.fail(
            f" is no whole {self.path.suffix.lower()} file: it is damaged, cut short, or something "
            f"else under that name. Fetch or write it again."
        )

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
            return self.damaged()
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
        replace = self.typed("encoding_errors", "replace")
        if self._names_encoding():
            return self.fail(
                f"{wrong}, which {self.typed('encoding', str(self.encoding))} says it is. Name "
                f"another, leave it out for UTF-8, or read such bytes as � with {replace}."
            )
        if name.startswith(("UTF-16", "UTF-32")):
            return self.fail(
                f"{wrong}, which its byte order mark says it is: it is damaged or cut short. Fetch "
                f"or write it again, or read such bytes as � with {replace}."
            )
        return self.fail(wrong + self._remedy(replace))

    def _remedy(self, replace: str) -> str:
        """What to do about a file that is no UTF-8; `replace` is what reads it all the same."""
        with self.bytes() as stream:
            evidence = encodings.utf8_evidence(stream)
        if evidence.is_damaged():
            places = "this place" if evidence.places == 1 else f"{evidence.places:,} places"
            return (
                f": the file is UTF-8 but for {places}. Repair it, or read such bytes as � with "
                f"{replace}, which counts and lists the rows."
            )

        guess = encodings.guess_encoding(self.bytes)
        if guess is None:
            return (
                f", and its encoding cannot be told. Save the file as UTF-8, name its encoding "
                f"with {self.typed('encoding', '…')}, or read such bytes as � with {replace}."
            )
        iconv = ICONV.get(guess.encoding, guess.encoding.upper().replace("_", "-"))
        said = (
            f". It looks like {guess.encoding} ({guess.reads!r}): name it with "
            f"{self.typed('encoding', guess.encoding)}, or save the file as UTF-8 (iconv -f "
            f"{iconv} -t UTF-8)."
        )
        if evidence.other <= FEW:
            said += f" If it should not say that, {replace} reads such bytes as �."
        return said

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
