"""Rows as several tests compare them."""

from textlstm.data.rows import Rows


def pairs(rows: Rows) -> list[tuple[str, str]]:
    """The text and the label of each row."""
    return list(zip(rows.rows["text"], [rows.labels[code] for code in rows.codes()], strict=True))
