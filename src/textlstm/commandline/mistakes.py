"""Tells what a user can mend from a bug: mistakes, full or closed disks, and too little memory."""

import errno
import os
import re
from argparse import ArgumentParser
from collections.abc import Iterator
from functools import partial
from typing import NoReturn

from hydra.errors import MissingConfigException, SearchPathException

from textlstm.checks import InputError, nearest
from textlstm.typed import as_typed

NO_ACCESS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ELOOP)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # a disk, or a limit on how much may be written
BROKEN = (errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.EREMOTEIO)
TOO_MANY = (errno.EMFILE, errno.ENFILE)  # files are open

KEPT = "what was written whole before is as it was."

UNKNOWN = "unrecognized arguments: "  # how argparse begins to name options that there are not

# How libraries that are not written in Python name the number of an OSError.
NUMBERED = re.compile(r"(?:[Ee]rrno|os error) (\d+)")
# What libraries say of a disk that takes no more without any number: torch, and SQLite.
UNWRITTEN = re.compile(
    r"PytorchStreamWriter failed|unexpected pos \d+ vs|database or disk is full|disk I/O error"
)
# What torch says where a number of elements, or the memory for them, is too large; and what Python
# says where the system starts no more threads.
WITHOUT_MEMORY = re.compile(
    r"can't allocate memory|[Cc]annot allocate memory|not enough memory|out of memory"
    r"|Storage size calculation overflowed|can't start new thread"
    r"|could not (?:create|execute) a primitive"  # oneDNN's word for any failure, most often this
)


def raise_input_errors(parser: ArgumentParser, command: str) -> None:
    """Makes a parser of a command line raise an InputError, where it would print its usage."""

    def refuse(message: str) -> NoReturn:
        options = [name for action in parser._actions for name in action.option_strings]
        typed = message.removeprefix(UNKNOWN).split() if message.startswith(UNKNOWN) else []
        meant = (nearest(argument.partition("=")[0], options) for argument in typed)
        raise InputError(
            f"The command line cannot be read: {message}.{next(filter(None, meant), '')} "
            f"{as_typed(command)} --help shows what it may hold."
        )

    parser.error = refuse  # type: ignore[method-assign]


def users_error(error: BaseException, *, unnamed: str = "A file") -> InputError | None:
    """Gives the error to show the user for what the user can mend; None for a bug.

    An error may come from another, such as torch's from that of the disk: the one that says most is
    told.

    Args:
        unnamed: what the message calls a file whose error does not name it.
    """
    on_disk, unwritten = partial(_of_disk, unnamed=unnamed), partial(_unwritten, unnamed=unnamed)
    chain = list(_chain(error))
    for kind in (_mistake, on_disk, unwritten, _of_memory):
        for found in chain:
            if (said := kind(found)) is not None:
                return said
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, then the one that it came from, and so on."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        yield found
        seen.add(id(found))
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)


def _mistake(error: BaseException) -> InputError | None:
    """A mistake that was found as such, by us or by Hydra."""
    if isinstance(error, InputError):
        return error
    if isinstance(error, (MissingConfigException, SearchPathException)):
        what = str(error).splitlines()[0].rstrip(".")
        return InputError(
            f"{what}. --config-path and --config-dir take an absolute path of a folder that is "
            f"there, and --config-name a file of it."
        )
    return None


def _of_disk(error: BaseException, *, unnamed: str) -> InputError | None:
    """A file or folder that cannot be read or written, with what would help."""
    number, file = _number(error), getattr(error, "filename", None)
    if number in NO_ACCESS and file is not None:
        return InputError(
            f"{file}: {os.strerror(number)}. Give this user access to it, or take another folder."
        )

    where = unnamed if file is None else file
    if number == errno.ENAMETOOLONG:
        return InputError(f"{where}: {os.strerror(number)}. Give a shorter path.")
    if number in FULL:
        return InputError(
            f"{where}: {os.strerror(number)}. Free space on that disk (or raise the limit), or "
            f"take another folder; {KEPT}"
        )
    if number in BROKEN:
        return InputError(
            f"{where}: {os.strerror(number)}. Look after that disk, or take another folder; {KEPT}"
        )
    if number in TOO_MANY:
        return InputError(
            f"{where}: {os.strerror(number)}. Allow more, as `ulimit -n 4096` does, or start fewer "
            f"processes at a time."
        )
    return None


def _unwritten(error: BaseException, *, unnamed: str) -> InputError | None:
    """A file that a library could not write, of which it says neither the number nor the file."""
    if UNWRITTEN.search(str(error)) is None:
        return None
    return InputError(
        f"{unnamed} could not be written whole ({_first_line(error)}). Free space on that disk, or "
        f"take another folder; {KEPT}"
    )


def _number(error: BaseException) -> int:
    """The number of an OSError, also if a library tells it in words; 0 if there is none."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = NUMBERED.search(str(error))
    return int(found[1]) if found else 0


def _of_memory(error: BaseException) -> InputError | None:
    """Too little memory, or threads that the system refuses because there is too little."""
    lacks = isinstance(error, MemoryError) or _number(error) == errno.ENOMEM
    if not lacks and WITHOUT_MEMORY.search(str(error)) is None:
        return None
    said = " ".join(str(error).split())[:200] or "it could not be claimed"
    return InputError(
        f"The memory of this machine does not suffice ({said}). Give a smaller model, such as by "
        f"model.hidden, model.layers or data.vocab_size, or smaller batches, by data.batch_size, "
        f"data.max_tokens_per_batch or, to other commands, batch_size."
    )


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), "")[:200]
