"""Opens a .zip that holds one file, as if it were that file compressed."""

from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile, ZipInfo

EXPECTED = "one file was expected. Unpack it, and name a file of it"
ENCRYPTED = 1  # the bit of a member's flags


class NotOneFile(Exception):
    """A .zip that holds no file, several files or one with a password; the message says which."""


def member_name(path: Path) -> str:
    """The name of the one file in a .zip; its own name without `.zip` where there is no such."""
    try:
        with ZipFile(path) as archive:
            return Path(_only_member(archive).filename).name
    except (OSError, BadZipFile, NotOneFile, ValueError):  # opening it says what is wrong
        return path.stem


def open_member(path: Path) -> IO[bytes]:
    """Opens the one file in a .zip.

    Raises:
        NotOneFile: there is none, or several, or it needs a password.
        BadZipFile: it is damaged.
    """
    with ZipFile(path) as archive:  # stays open as long as the member is
        member = _only_member(archive)
        if member.flag_bits & ENCRYPTED:
            raise NotOneFile("needs a password. Unpack it, and name the file in it")
        try:
            return archive.open(member)
        except NotImplementedError as error:
            raise NotOneFile(
                f"is compressed in a way that cannot be read ({error}). Unpack it"
            ) from error


def _only_member(archive: ZipFile) -> ZipInfo:
    """The one file of an archive; what macOS and Windows add to it does not count."""
    files = [member for member in archive.infolist() if not _is_added(member)]
    if not files:
        raise NotOneFile(f"holds no file; {EXPECTED}")
    if len(files) > 1:
        named = ", ".join(member.filename for member in files[:3])
        more = ", …" if len(files) > 3 else ""
        raise NotOneFile(f"holds {len(files)} files ({named}{more}); {EXPECTED}")
    return files[0]


def _is_added(member: ZipInfo) -> bool:
    name = Path(member.filename)
    return (
        member.is_dir()
        or "__MACOSX" in name.parts
        or name.name.startswith(".")
        or name.name in ("desktop.ini", "Thumbs.db")
    )
