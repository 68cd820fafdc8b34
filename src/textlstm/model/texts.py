"""What a program gives to be classified, as a list of texts."""

from collections.abc import Iterable, Mapping, Set
from typing import Any

from textlstm.checks import InputError


def listed_texts(texts: Any, method: str = "predict") -> list[str]:
    """Makes a list of texts from whatever holds them in an order: list, iterator, array, column.

    Args:
        method: what messages call the method that was given the texts.

    Raises:
        InputError: it has no order or is one text alone, or an item is no text, by its position.
    """
    if isinstance(texts, str | bytes):
        raise InputError(
            f"{method} takes a list of texts, got {_one(texts)}; write {method}([text])."
        )
    if isinstance(texts, Mapping | Set) or hasattr(texts, "columns"):
        raise InputError(
            f"{method} takes a list of texts, got a {type(texts).__name__}; give one column of it, "
            f"such as list(d.values()), sorted(s) or table['text']."
        )
    if hasattr(texts, "to_pylist"):  # a column of pyarrow
        texts = texts.to_pylist()
    try:
        found = list(texts)
    except TypeError as error:  # no iterable, or an array without a dimension
        raise InputError(f"{method} takes a list of texts, got {texts!r}.") from error
    _check_texts(found)
    return found


def _one(text: str | bytes) -> str:
    return "one string" if isinstance(text, str) else "bytes (decode them first)"


def _check_texts(texts: Iterable[Any]) -> None:
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            shown = repr(text)
            shown = shown if len(shown) <= 40 else f"{shown[:40]}…"
            raise InputError(
                f"texts[{position}] is {shown} ({type(text).__name__}); a text was expected. Leave "
                f"it out, or give '' for a text that is missing."
            )
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InputError(
                f"texts[{position}] holds half of a surrogate pair, {text[error.start]!a} at "
                f"character {error.start}, which is no character: decode its bytes with "
                f"errors='replace'."
            ) from error
