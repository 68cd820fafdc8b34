"""Chooses the columns that hold texts and labels: as they are given, or by their usual names."""

from collections.abc import Callable

from textlstm.checks import InputError, nearest
from textlstm.data.settings import ColumnSettings

TEXT_COLUMNS = [
    "text",
    "texts",
    "sentence",
    "content",
    "review",
    "headline",
    "title",
    "body",
    "message",
    "comment",
    "description",
    "document",
    "question",
    "query",
    "utterance",
    "tweet",
    "post",
    "abstract",
]
LABEL_COLUMNS = [
    "label",
    "labels",
    "class",
    "category",
    "target",
    "topic",
    "intent",
    "sentiment",
    "emotion",
    "tag",
    "stars",
    "rating",
    "cats",  # spaCy's
]


def choose_columns(
    settings: ColumnSettings, names: list[str], fail: Callable[[str], InputError]
) -> tuple[list[str], str | list[str]]:
    """Chooses the columns of the text, and the column of the label or the columns of the classes.

    Args:
        settings: the columns that are wanted; None takes the first usual name that is there.
        names: the columns that there are.
        fail: makes the error that says what is wrong with the table.

    Raises:
        InputError: a column that is not there, or no column, or the same for both.
    """
    given, label = settings.text_column, settings.label_column
    if given is None:
        given = guess_column("text", TEXT_COLUMNS, names, fail)
    texts = given if isinstance(given, list) else [given]
    if label is None:
        label = guess_column("label", LABEL_COLUMNS, names, fail)

    if not texts:
        raise InputError(
            "data.text_column=[] names no column; a name, or a list of names, was expected."
        )
    labels = label if isinstance(label, list) else [label]
    if not all(isinstance(name, str) for name in labels) or len(labels) == 0:
        raise InputError(
            f"data.label_column must be one name, or a list with the column of each class, got "
            f"{label!r}."
        )

    for key, wanted in (("text_column", texts), ("label_column", labels)):
        for name in wanted:
            if name not in names:
                raise fail(
                    f"has no column {name!r}.{nearest(str(name), names)} "
                    f"Its columns are {', '.join(names)}; name one with data.{key}=…"
                )
    both = next((name for name in labels if name in texts), None)
    if both is not None:
        raise InputError(
            f"data.text_column and data.label_column are both {both!r}; two columns were expected."
        )
    return texts, labels[0] if len(labels) == 1 else labels


def guess_column(
    what: str, usual: list[str], names: list[str], fail: Callable[[str], InputError]
) -> str:
    """The first of the usual names that a column has, whatever its case."""
    there = {name.strip().lower(): name for name in names} | {name: name for name in names}
    found = next((there[name] for name in usual if name in there), None)
    if found is None:
        raise fail(
            f"has none of the usual names for the column of the {what} ({', '.join(usual)}). "
            f"Its columns are {', '.join(names)}; name one with data.{what}_column=…"
        )
    return found
