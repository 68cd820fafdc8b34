"""train.log: the messages of a run, in its folder."""

import logging
import sys
from io import TextIOWrapper
from pathlib import Path


class RunLog(logging.FileHandler):
    """Adds messages to the log of a run; a full disk stops the log and not the run.

    A link in place of the file is replaced; what it points to stays as it was.
    """

    full = False

    def _open(self) -> TextIOWrapper:
        file = Path(self.baseFilename)
        if file.is_symlink():
            file.unlink()
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:
        """Says once that the file takes no more messages; the screen shows them all the same."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self.full:
            self.full = True
            sys.stderr.write(f"warning: {self.baseFilename}: {error.strerror}.\n")
