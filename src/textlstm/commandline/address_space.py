"""Refuses a limit on memory under which the libraries cannot even be loaded."""

from textlstm.checks import InputError

# Virtual memory in bytes: libraries of C++ end with a signal, or never, where they are loaded with
# less. Training a small network takes 2.7 GB.
LEAST = 2 * 10**9


def check_address_space() -> None:
    """Checks the limit that `ulimit -v` or a batch system has set for this process.

    Raises:
        InputError: it is too low.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY and limit < LEAST:
        raise InputError(
            f"This process may claim {limit / 10**9:.1f} GB of memory (ulimit -v), and its "
            f"libraries need {LEAST / 10**9:.0f} GB to be loaded. Raise the limit, as `ulimit -v "
            f"unlimited` does, or ask the batch system for more."
        )
