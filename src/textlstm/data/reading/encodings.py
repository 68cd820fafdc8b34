"""Tells the encoding of a text that is no UTF-8, and whether it is UTF-8 with some damage."""

import codecs
import re
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from charset_normalizer import CharsetMatch

BLOCK = 1 << 20  # bytes that are looked at together
SAMPLE = 1 << 16  # bytes of lines beyond ASCII that are enough to tell an encoding
AROUND = 15  # characters that are shown on either side of the first beyond ASCII
WIDE_SHARE = 0.2  # of NUL bytes in what is UTF-16: every other byte of Western text is one

BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
CHARACTERS = re.compile(  # of UTF-8 beyond ASCII, whole
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}"
    rb"|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}"
    rb"|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
BEGUN = re.compile(rb"[\xe2\xf0-\xf4][\x80-\x9f]")  # a quotation mark or emoji of UTF-8, cut short
WINDOWS = re.compile(rb"[\x80-\x9f]")  # control characters in latin-1, quotation marks in cp1252

# What text files are written in. The detector knows a hundred more, such as those of mainframes,
# and takes short texts for them.
LATIN = ["cp1252", "cp1250", "cp1254", "cp1257", "cp850", "iso8859_2", "mac_roman"]
OTHERS = [
    *("cp1251", "koi8_r", "cp866", "cp1253", "cp1255", "cp1256", "cp874"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
]
LATIN_RUN = 1.5  # bytes beyond ASCII in a row: fewer stand between letters of ASCII
# Encodings of Latin letters share most bytes, and the detector names any of those that fit.
WESTERN = {"cp1252", "cp1250", "cp1254", "cp1257"}
DOS_OR_MAC = {"cp850", "mac_roman"}
INSIDE_WORDS = re.compile(rb"[A-Za-z][\x80-\x91\x93-\x9f][a-z]")  # letters of these two
CENTRAL = {"Polish", "Czech", "Slovak", "Hungarian", "Croatian", "Slovene", "Romanian"}
_OTHER = re.escape(
    bytes(
        byte
        for byte in range(0x80, 0x100)
        for as_central in [bytes([byte]).decode("cp1250", errors="ignore")]
        if as_central.isalpha() and as_central != bytes([byte]).decode("cp1252", errors="ignore")
    )
)
CENTRAL_LETTERS = re.compile(rb"[A-Za-z][%b]|[%b][a-z]" % (_OTHER, _OTHER))  # other than in cp1252
WESTERN_LETTERS = re.compile(rb"[\xc0\xc5\xe0\xe5]")  # à and å; the letters ŕ and ĺ are rare
BY_LANGUAGE = {"Turkish": "cp1254", "Lithuanian": "cp1257", "Latvian": "cp1257"}


class Evidence(NamedTuple):
    """What speaks for UTF-8 in some bytes.

    Args:
        whole: characters beyond ASCII that are whole.
        begun: bytes of characters that are cut short as only those of UTF-8 are.
        other: all other bytes beyond ASCII.
        places: how many places are no UTF-8.
    """

    whole: int
    begun: int
    other: int
    places: int

    def is_damaged(self) -> bool:
        """Whether this is UTF-8 with some damage, rather than another encoding."""
        return self.whole + self.begun > 0 and self.whole + self.begun >= self.other


class Guess(NamedTuple):
    """An encoding that fits a text.

    Args:
        encoding: a name that Python knows, such as cp1252.
        reads: what then stands around the first character beyond ASCII.
    """

    encoding: str
    reads: str


def utf8_evidence(stream: IO[bytes]) -> Evidence:
    """Counts what speaks for UTF-8, and against it, in all that a stream holds."""
    whole = begun = other = places = 0
    for block in _blocks(stream):
        whole += len(CHARACTERS.findall(block))
        for rest in BEYOND_ASCII.findall(CHARACTERS.sub(b" ", block)):
            places += 1
            if BEGUN.match(rest):
                begun += len(rest)
            else:
                other += len(rest)
    return Evidence(whole, begun, other, places)


def guess_encoding(opened: Callable[[], IO[bytes]]) -> Guess | None:
    """Tells the encoding of a text that is no UTF-8, by its first lines beyond ASCII.

    Args:
        opened: opens the text from its beginning.

    Returns:
        None if no common encoding fits the whole text.
    """
    from charset_normalizer import from_bytes

    with opened() as stream:
        lines = _lines_beyond_ascii(stream)
    sample = b"".join(lines)
    runs = BEYOND_ASCII.findall(sample)
    common = LATIN if len(b"".join(runs)) < LATIN_RUN * len(runs) else [*LATIN, *OTHERS]
    found = from_bytes(sample, cp_isolation=common, enable_fallback=False).best()
    if found is None:
        return None

    if found.language in BY_LANGUAGE:
        encoding = BY_LANGUAGE[found.language]
    elif found.encoding in DOS_OR_MAC and not INSIDE_WORDS.search(sample):
        encoding = "cp1252"
    elif found.encoding not in WESTERN or _is_central(found, sample):
        encoding = found.encoding
    else:
        encoding = "cp1252" if WINDOWS.search(sample) else "latin-1"

    with opened() as stream:
        fits = _decodes(stream, encoding)
    return Guess(encoding, _fragment(lines[0].decode(encoding, errors="ignore"))) if fits else None


def _is_central(found: "CharsetMatch", sample: bytes) -> bool:
    """Whether a text is Central European, and not just read alike in those encodings."""
    return (
        found.language in CENTRAL
        and bool(CENTRAL_LETTERS.search(sample))
        and not WESTERN_LETTERS.search(sample)
    )


def _lines_beyond_ascii(stream: IO[bytes]) -> list[bytes]:
    """The first lines that hold bytes beyond ASCII, as many as tell an encoding."""
    found, size = [], 0
    for line in _lines(stream):
        if BEYOND_ASCII.search(line):
            found.append(line)
            size += len(line)
        if size >= SAMPLE:
            break
    return found


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """The lines of a stream, which may know none; a line of megabytes comes in parts."""
    rest = b""
    while block := stream.read(BLOCK):
        *whole, rest = (rest + block).splitlines(keepends=True)
        yield from whole
        if len(rest) > BLOCK:
            yield rest
            rest = b""
    yield rest


def _decodes(stream: IO[bytes], encoding: str) -> bool:
    """Whether all that a stream holds is text in an encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while block := stream.read(BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _fragment(line: str) -> str:
    """What stands around the first character of a line that is beyond ASCII."""
    place = next(n for n, character in enumerate(line) if not character.isascii())
    return line[max(0, place - AROUND) : place + AROUND].strip()


def unmarked_utf16(start: bytes) -> str | None:
    """The name of UTF-16 without a byte order mark, if the start of a text looks like it."""
    nuls = [place % 2 for place, byte in enumerate(start) if not byte]
    if len(nuls) < WIDE_SHARE * len(start) or len(set(nuls)) != 1:
        return None
    return "utf-16-le" if nuls[0] else "utf-16-be"


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """The content in blocks that end between characters."""
    rest = b""
    while block := stream.read(BLOCK):
        block = rest + block
        kept = len(block.rstrip(bytes(range(0x80, 0x100))))
        if not kept and len(block) < 2 * BLOCK:
            rest = block
            continue
        rest = block[kept:] if kept else b""
        yield block[:kept] if kept else block
    yield rest
