"""Reads bytes that are no text as �, and says which rows had such: data.encoding_errors=replace."""

import codecs
from collections.abc import Iterator, Sequence
from typing import Any

from textlstm.data.facts import DamageFacts
from textlstm.data.reading.tables import Chunk, Table

MARK = "\udcff"  # stands for bad bytes while a file is parsed; no text that is whole holds it
REPLACEMENT = "\ufffd"
LISTED = 10  # places of damaged rows that are kept
HANDLER = "textlstm.mark"  # of the decoder's errors


def _mark(error: UnicodeError) -> tuple[str, int]:
    """Puts the mark in the place of bytes that a decoder refuses."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return MARK, error.end


codecs.register_error(HANDLER, _mark)


def with_replacements(table: Table) -> Table:
    """The same table without marks; its chunks name the rows in which there were some."""
    original = {replaced(name): name for name in table.columns}

    def chunks(columns: list[str] | None) -> Iterator[Chunk]:
        wanted = None if columns is None else [original.get(name, name) for name in columns]
        yield from map(replaced_in, table.chunks(wanted))

    return table._replace(columns=list(original), chunks=chunks)


def replaced_in(chunk: Chunk) -> Chunk:
    """The same chunk without marks, with the numbers of the rows in which there were some."""
    damaged, columns = set[int](), dict[str, Sequence[Any]]()
    for name, values in chunk.columns.items():
        clean = [replaced(value) for value in values]
        damaged.update(n for n, value in enumerate(values) if clean[n] != value)
        columns[replaced(name)] = clean
    return chunk._replace(columns=columns, damaged=sorted(damaged))


def replaced(value: Any) -> Any:
    """A value, which may be a list or a dictionary, with � for each mark."""
    if isinstance(value, str):
        return value.replace(MARK, REPLACEMENT)
    if isinstance(value, list):
        return [replaced(item) for item in value]
    if isinstance(value, dict):
        return {replaced(key): replaced(item) for key, item in value.items()}
    return value


def count_damaged(chunk: Chunk, damaged: DamageFacts, name: str) -> None:
    """Adds the damaged rows of a chunk, whose places are told without `name`, to those before."""
    damaged["rows"] += len(chunk.damaged)
    for n in chunk.damaged[: LISTED - len(damaged["places"])]:
        damaged["places"].append(chunk.place(n).removeprefix(f"{name}, "))


def damaged_sentence(key: str, damaged: DamageFacts) -> str:
    """Says how many rows have � for bytes that are no text, and where the first of them stand."""
    rows, places = damaged["rows"], "; ".join(damaged["places"])
    more = "; …" if rows > len(damaged["places"]) else ""
    have = "1 row has" if rows == 1 else f"{rows:,} rows have"
    return f"{key}: {have} bytes that are no text, which are read as � ({places}{more})."
