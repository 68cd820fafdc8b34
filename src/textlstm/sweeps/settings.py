"""The settings of a sweep: the keys of the node `sweep` in conf/train.yaml."""

from dataclasses import dataclass

from textlstm.checks import InputError, check_flag, check_number, check_whole

MOST_WORKERS = 1024  # the largest machines have fewer cores
MOST_REPEATS = 10_000


@dataclass(frozen=True, kw_only=True)
class SweepSettings:
    """The keys of `sweep`; the sentence under a field is the key's help.

    Raises:
        InputError: a value outside its range.
    """

    name: str | None
    """the name of the sweep's folder in outputs/sweeps; the same name goes on with the same
    sweep"""

    trials: int | None
    """how many trials a search has, over all its starts and workers"""

    minutes: float | None
    """how long a search may take: it starts no trial that would end later"""

    prune: bool
    """true ends trials early that do worse than the others; false lets all of them finish"""

    repeats: int
    """how many seeds each configuration is trained with"""

    workers: int | None
    """how many trials run at once on this machine (default: what suits its cores and the
    network)"""

    storage: str | None
    """the URL of a database, or a journal file, through which many machines work on one sweep"""

    def __post_init__(self) -> None:
        if self.name is not None:
            check_folder_name(self.name)
        if not isinstance(self.storage, str | None):
            raise InputError(
                f"sweep.storage must be a database's URL or a file, got {self.storage!r}."
            )
        if self.trials is not None:
            check_whole("sweep.trials", self.trials, minimum=1)
        if self.workers is not None:
            check_whole("sweep.workers", self.workers, minimum=1, maximum=MOST_WORKERS)
        if self.minutes is not None:
            check_number("sweep.minutes", self.minutes, minimum=0)
        check_whole("sweep.repeats", self.repeats, minimum=1, maximum=MOST_REPEATS)
        check_flag("sweep.prune", self.prune)

    @property
    def searches(self) -> bool:
        """Tells whether the sweep searches ranges; if not, it runs each point of a grid."""
        return self.trials is not None or self.minutes is not None


def check_folder_name(name: object) -> None:
    """Refuses what is not the name of one folder; a number is taken as it is typed."""
    named = isinstance(name, str | int | float) and not isinstance(name, bool)
    if not named or str(name) in ("", ".", "..") or "/" in str(name) or "\0" in str(name):
        raise InputError(
            f"sweep.name must be the name of a folder below outputs/sweeps, got {name!r}."
        )
