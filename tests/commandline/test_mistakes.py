"""What a user can mend is told from a bug: full disks, closed ones, and too little memory."""

import errno
import os

import numpy as np
import pytest
import torch

from textlstm.checks import InputError
from textlstm.commandline.mistakes import users_error

NO_MEMORY = "The memory of this machine does not suffice"


def raised(number: int, file: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), file) if file else OSError(number, "said")


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (raised(errno.ENAMETOOLONG, "/run/x"), "/run/x: File name too long. Give a shorter path."),
        (raised(errno.ENOSPC, "/run/x"), "/run/x: No space left on device. Free space on that "),
        (raised(errno.ENOSPC), "A file: No space left on device. Free space on that disk"),
        (raised(errno.EDQUOT, "/run/x"), "/run/x: Disk quota exceeded. Free space on that disk"),
        (raised(errno.EFBIG, "/run/x"), "/run/x: File too large. Free space on that disk (or"),
        (raised(errno.EIO, "/run/x"), "/run/x: Input/output error. Look after that disk, or"),
        (raised(errno.EROFS, "/run/x"), "/run/x: Read-only file system. Give this user access"),
        (raised(errno.EISDIR, "/run/x"), "/run/x: Is a directory. Give this user access to it"),
        (raised(errno.EMFILE, "/run/x"), "/run/x: Too many open files. Allow more, as `ulimit"),
        (
            RuntimeError(
                "[enforce fail at x.cc:1] . PytorchStreamWriter failed writing file data/1"
            ),
            "A file could not be written whole ([enforce fail at x.cc:1] . PytorchStreamWriter",
        ),
        (
            RuntimeError("I/O error: No space left on device (os error 28)"),  # safetensors'
            "A file: No space left on device. Free space on that disk",
        ),
        (
            OSError("[Errno 28] Error writing bytes to file. Detail: [errno 28] No space left"),
            "A file: No space left on device. Free space on that disk",  # Arrow's
        ),
        (
            MemoryError(),
            f"{NO_MEMORY} (it could not be claimed). Give a smaller model",
        ),
        (
            raised(errno.ENOMEM),
            f"{NO_MEMORY} ([Errno 12] said). Give a smaller",
        ),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
            f"{NO_MEMORY} (CUDA out of memory. Tried to allocate",
        ),
    ],
)
def test_what_the_system_refuses_is_one_error_with_a_remedy(error, start):
    assert str(users_error(error)).startswith(start)


@pytest.mark.parametrize("make", [lambda: torch.empty(1 << 50), lambda: np.empty(1 << 50)])
def test_memory_that_libraries_do_not_get_is_one_error(make):
    with pytest.raises((RuntimeError, MemoryError)) as refused:
        make()
    assert str(users_error(refused.value)).startswith(f"{NO_MEMORY} (")


def test_an_error_that_came_from_another_tells_of_the_file():
    torchs = RuntimeError("unexpected pos 64 vs 0")
    torchs.__context__ = raised(errno.ENOSPC, "/run/last.ckpt")
    assert str(users_error(torchs)).startswith("/run/last.ckpt: No space left on device.")
    loggings = ValueError("Unable to configure handler 'file'")
    loggings.__cause__ = raised(errno.EACCES, "/run/train.log")
    assert str(users_error(loggings)).startswith("/run/train.log: Permission denied.")


def test_a_bug_is_no_mistake():
    for bug in (KeyError("key"), RuntimeError("shape"), raised(errno.ENOENT, "/x"), ValueError()):
        assert users_error(bug) is None


def test_a_mistake_stays_as_it_is():
    mistake = InputError("what is wrong")
    assert users_error(mistake) is mistake
