"""Refuses a limit on memory under which the libraries cannot even be loaded."""

import os
from importlib.util import find_spec
from pathlib import Path

from textlstm.checks import InputError

# Virtual memory in bytes: libraries of C++ end with a signal, or never, where they are loaded with
# less. A small network is trained with as much.
BESIDE_TORCH = 1_500_000_000


def check_address_space() -> None:
    """Checks the limit that `ulimit -v` or a batch system has set for this process.

    Where there is one, Arrow takes its memory from the system. Its own allocator claims 1 GB
    beforehand, if the limit has room for it, and others then have none.

    Raises:
        InputError: it is too low.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    least = least_memory()
    if limit >= least:
        return
    raise InputError(
        f"This process may claim {limit / 10**9:.1f} GB of memory (ulimit -v), and its libraries "
        f"need {least / 10**9:.1f} GB to be loaded. Raise the limit, as `ulimit -v unlimited` "
        f"does, or ask the batch system for more."
    )


def least_memory() -> int:
    """Gives the virtual memory in bytes without which the libraries are not loaded.

    Those of torch claim about as much as their files have. A torch for CUDA has its own and those
    of the folder `nvidia` beside it, more than 3 GB, which it loads also where there is no GPU.
    """
    torch = find_spec("torch")
    if torch is None or torch.origin is None:
        return BESIDE_TORCH
    package = Path(torch.origin).parent
    found = [*package.glob("lib/*.so*"), *package.parent.glob("nvidia/*/lib/*.so*")]
    libraries = {library.resolve() for library in found if library.is_file()}  # links count once
    return BESIDE_TORCH + sum(library.stat().st_size for library in libraries)
