"""Standard output to its end: what does not fit is one error, and a reader may leave early."""

import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from textlstm.checks import InputError
from textlstm.escaping import visible
from textlstm.ranks import let_rank_zero_speak

OUTPUT = "standard output"


class _Output(io.FileIO):
    """Standard output, whose errors say so."""

    def write(self, content: Any) -> int | None:  # type: ignore[override]
        try:
            return super().write(content)
        except OSError as error:
            error.filename = OUTPUT
            raise


@contextmanager
def whole_output() -> Iterator[None]:
    """Writes out what the block prints, also if it ends the process, as --help does.

    If a reader, such as head, has seen enough, the command ends without an error.

    Raises:
        OSError: standard output takes no more, such as on a full disk.
    """
    _name_output()
    try:
        yield
    except SystemExit as ended:
        if ended.__context__ is not None:  # rich ends the process where nobody reads
            end_without_reader(ended.__context__)
        if not ended.code:
            _end_output()
        raise
    except Exception as error:
        end_without_reader(error)
        raise
    _end_output()


def show(text: str) -> None:
    """Prints a text that needs no command to be run."""
    try:
        with whole_output():
            print(text)
    except OSError as error:
        from textlstm.commandline.mistakes import users_error  # imports Hydra

        if mistake := users_error(error):
            fail(mistake)
        raise


def _name_output() -> None:
    """Lets the errors of standard output say that they are about it, as those of files do."""
    given = sys.stdout
    if given is not sys.__stdout__ or not isinstance(given, io.TextIOWrapper):
        return  # closed, or what a test or a notebook has put there
    given.flush()
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Output(given.fileno(), "w", closefd=False)),
        encoding=given.encoding,
        errors=given.errors,
        line_buffering=given.line_buffering,
        write_through=given.write_through,
    )


def _end_output() -> None:
    """Writes out what is left of standard output, while an error can still be told.

    Raises:
        OSError: it takes no more.
    """
    if sys.stdout is None or sys.stdout.closed:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError as error:
        end_without_reader(error)
        raise


def fail(error: InputError) -> NoReturn:
    """Ends the command with one error and code 2."""
    let_rank_zero_speak()
    with suppress(OSError):  # standard error may be full as well
        print(f"error: {visible(error)}", file=sys.stderr)
    end(2)


def end(code: int) -> NoReturn:
    """Ends the command; what standard output did not take is dropped, or Python would try again."""
    if isinstance(getattr(getattr(sys.stdout, "buffer", None), "raw", None), _Output):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def end_without_reader(error: BaseException) -> None:
    """Ends the command without an error if a reader, such as head, has seen enough of its output.

    It returns if the error is any other.
    """
    if isinstance(error, BrokenPipeError) and error.filename == OUTPUT:
        end(0)


def tell_errors_once() -> None:
    """Keeps Python from showing the error of a disk a second time.

    TensorBoard writes in a thread, whose error is raised again where the next event is added; and
    a file that could not be written says so once more when it is closed at last.
    """
    threading.excepthook = _of_thread
    sys.unraisablehook = _unraisable


def _of_thread(found: Any) -> None:
    if not isinstance(found.exc_value, OSError):
        threading.__excepthook__(found)


def _unraisable(found: Any) -> None:
    if not isinstance(found.exc_value, OSError):
        sys.__unraisablehook__(found)
