"""What a person sees on a terminal."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import sys
import termios
import threading
from collections.abc import Iterator

# A return, the end of a line, an escape sequence, or a character.
PIECES = re.compile(r"\r|\n|\x1b\[[0-9;?]*[A-Za-z]|.", re.DOTALL)


class Screen:
    """A terminal of some columns, with all that was written to it."""

    def __init__(self, columns: int) -> None:
        self.columns, self.written = columns, ""

    def rows(self) -> list[str]:
        """The rows as they stand on the screen at last, none longer than the terminal is wide."""
        rows, row, column = [[""] * self.columns], 0, 0
        for piece in PIECES.findall(self.written):
            if piece == "\r":
                column = 0
            elif piece == "\n" or (len(piece) == 1 and column == self.columns):
                row, column = row + 1, column if piece == "\n" else 0
            elif piece.endswith("A") and len(piece) > 1:
                row -= int(piece[2:-1] or 1)
            elif piece == "\x1b[2K":
                rows[row] = [""] * self.columns
            rows += [[""] * self.columns for _ in range(row + 1 - len(rows))]
            if len(piece) == 1 and piece not in "\r\n":
                rows[row][column] = piece
                column += 1
        return ["".join(cell or " " for cell in row).rstrip() for row in rows]


@contextlib.contextmanager
def terminal_as_stderr(columns: int) -> Iterator[Screen]:
    """Makes standard error a terminal inside the block."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    screen, content = Screen(columns), bytearray()

    def read() -> None:
        with contextlib.suppress(OSError):  # how Linux tells that the other end is closed
            while some := os.read(master, 4096):
                content.extend(some)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with open(slave, "w", encoding="utf-8") as stream, contextlib.redirect_stderr(stream):
            yield screen
            sys.stderr.flush()
    finally:
        reader.join()
        os.close(master)
        screen.written = content.decode("utf-8")
