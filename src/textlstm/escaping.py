"""Shows what others wrote as the text that it is: on a terminal, in Markdown, in a spreadsheet."""

import logging
import re
from typing import Any, TextIO

# What a terminal would obey, draw out of order or fail at: control characters, lines that end where
# no newline is, embeddings and overrides of direction, and halves of characters.
CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# What Markdown, with the extensions of GitHub, or HTML would take for more than a text. Python's
# Markdown, which TensorBoard has, knows a backslash before the first kind only.
BACKSLASHED = re.compile(r"[\\`*\[\]|]|(?<![^\W_])_|_(?![^\W_])|(?<=\bwww)\.", re.IGNORECASE)
ENTITIES = re.compile(r"[<~$]|&(?=#?\w+;)|:(?=//)")
NAMED_ENTITIES = {"<": "&lt;", "&": "&amp;"}

# Where a spreadsheet begins a formula: at the start of a cell, or after a semicolon or a line's
# end, at which a spreadsheet of another country or a careless reader begins the next cell.
FORMULA = re.compile(r"(^|[;\t\r\n])(?=[\x00-\x20\xa0\ufeff\"']*[=+\-@＝＋－＠])|^(?=[\t\r\n])")
PLAIN_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
BYTE_ORDER_MARK = "\ufeff"  # by which a spreadsheet knows that a file is UTF-8


def visible(text: object) -> str:
    """Shows control characters as Python would write them, such as `\\x1b` for an escape.

    Newlines and tabs stay as they are.
    """
    return CONTROLS.sub(lambda found: ascii(found[0])[1:-1], str(text))


def one_line(text: object) -> str:
    """Shows control characters as `visible` does, and lines as one."""
    return visible(re.sub(r"[ \t\r\n]+", " ", str(text)).strip(" "))


def in_markdown(text: object) -> str:
    """Escapes a text so that Markdown and HTML show it, on one line, and do nothing else with it.

    It must not stand at the start of a line, where a `#` or a `-` would have a meaning.
    """
    text = BACKSLASHED.sub(r"\\\g<0>", one_line(text))
    return ENTITIES.sub(lambda found: NAMED_ENTITIES.get(found[0], f"&#{ord(found[0])};"), text)


def code_span(text: object) -> str:
    """Makes a text code inside a line of Markdown, whatever backticks it holds."""
    line = one_line(text)
    fence = "`" * (_longest_backticks(line) + 1)
    space = " " if line[:1] == "`" or line[-1:] == "`" else ""
    return f"{fence}{space}{line}{space}{fence}"


def code_block(text: object, language: str) -> str:
    """Makes lines a block of code in Markdown, whatever backticks they hold."""
    lines = visible(text)
    fence = "`" * max(3, _longest_backticks(lines) + 1)
    return f"{fence}{language}\n{lines}\n{fence}"


def in_spreadsheet(cell: Any) -> Any:
    """Puts an apostrophe before whatever a spreadsheet would take for a formula.

    These are texts that begin with = + - @, a tab or a return, also behind spaces and quotes, and
    unless they are numbers.
    """
    if not isinstance(cell, str) or PLAIN_NUMBER.fullmatch(cell):
        return cell
    return FORMULA.sub(r"\1'", cell)


class VisibleRecord(logging.LogRecord):
    """A record of a log, in whose message and traceback control characters are shown."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        if self.exc_info and self.exc_info[0] is not None:
            self.exc_text = visible(logging.Formatter().formatException(self.exc_info))

    def getMessage(self) -> str:
        """The message with its arguments."""
        return visible(super().getMessage())


class VisibleText:
    """A file to write to, such as a terminal, on which control characters are shown."""

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def write(self, text: str) -> int:
        """Writes a text, with the ends of lines as the terminal has them."""
        return self._output.write(visible(text.replace("\r\n", "\n")))

    def flush(self) -> None:
        """Passes on what was written."""
        self._output.flush()


def _longest_backticks(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
