"""Finds the files of a folder: texts in one sub-folder per class, or tables that were saved.

The library `datasets` saves tables with `save_to_disk`. Beside them its folder may hold results
that were computed from them, which are no rows of the data set. The file `state.json` says which
are.
"""

import json
import os
import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from textlstm.checks import InputError
from textlstm.data.facts import LeftOutFacts
from textlstm.data.reading.encodings import unmarked_utf16
from textlstm.data.reading.formats import FORMATS, is_table
from textlstm.data.reading.opened import BYTE_ORDER_MARKS, is_compressed, suffix_of

SPLITS = {  # by the key that takes it, the end of a folder's name
    "data.train": re.compile(r"(^|[-_. ])train(ing)?$", re.IGNORECASE),
    "data.validation": re.compile(r"(^|[-_. ])(dev|val|valid|validation)$", re.IGNORECASE),
    "data.test": re.compile(r"(^|[-_. ])test(ing)?$", re.IGNORECASE),
}
UNLABELLED = ("unsup", "unsupervised", "unlabeled", "unlabelled")  # IMDb's, and what others say
TEXT = (".txt", ".text")
NO_TEXT = {
    *(".feat", ".vocab", ".npy", ".npz", ".pkl", ".pickle", ".pt", ".bin", ".h5", ".db", ".sqlite"),
    *(".pdf", ".doc", ".docx", ".odt", ".ods", ".rtf", ".ppt", ".pptx", ".zip", ".tar", ".7z"),
    *(".png", ".jpg", ".jpeg", ".gif", ".svg", ".mp3", ".wav", ".mp4"),
    *(".py", ".pyc", ".ipynb", ".sh", ".yaml", ".yml", ".ini", ".log"),
}
START = 1000  # bytes of a file that show whether it is text
EXAMPLES = 3  # of what is left out, in a message
STATE = "state.json"  # lists the tables of a saved folder
BESIDE = "dataset_info.json"  # what else each saved folder has
LISTED_SPLITS = "dataset_dict.json"  # beside the folders of the splits, with their names


class TextFolder(NamedTuple):
    """What a folder of classes holds.

    Args:
        files: the texts, in sub-folders that are classes.
        left_out: files that are no texts or lie in no class, and folders inside of classes.
        unlabelled: sub-folders whose names say that their texts have no class.
    """

    files: list[Path]
    left_out: list[Path]
    unlabelled: list[Path]


def find_texts(folder: Path, key: str, *, labelled: bool = True) -> TextFolder:
    """Finds the texts in the sub-folders of a folder; what is hidden is passed over.

    Args:
        folder: the folder.
        key: the config key that named it, for messages.
        labelled: whether classes are needed. Without them, texts may lie in the folder itself.

    Raises:
        InputError: sub-folders that are splits, or no text.
    """
    entries = _shown(folder)
    sub_folders = [entry for entry in entries if entry.is_dir()]
    _refuse_splits(folder, sub_folders, key)
    unlabelled = [entry for entry in sub_folders if labelled and entry.name.lower() in UNLABELLED]

    inside = [
        entry
        for sub_folder in sub_folders
        if sub_folder not in unlabelled
        for entry in _shown(sub_folder)
    ]
    beside = [entry for entry in entries if entry.is_file()]
    texts = [entry for entry in inside if is_text(entry)]
    if not texts and not labelled:
        texts, beside = [entry for entry in beside if is_text(entry)], []
    if not texts:
        raise _no_texts(folder, sub_folders, inside, key)

    left_out = [*beside, *(entry for entry in inside if not is_text(entry))]
    return TextFolder(texts, left_out if labelled else [], unlabelled)


def is_text(file: Path) -> bool:
    """Whether a file holds one text, by its suffix or, where that says nothing, its first bytes."""
    if not file.is_file():
        return False
    suffix = suffix_of(file)
    if suffix in FORMATS or suffix in NO_TEXT:
        return False
    if suffix in TEXT or is_compressed(file):
        return True
    start = _start(file)
    if start is None:
        return False
    return b"\0" not in start or start.startswith(tuple(BYTE_ORDER_MARKS)) or _is_wide(start)


def _start(file: Path) -> bytes | None:
    """The first bytes of a file; None if it is no file of a disk, such as /proc/kmsg.

    Such a file would be waited for until somebody writes to it.
    """
    opened = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        return os.read(opened, START)
    except OSError:
        return None
    finally:
        os.close(opened)


def describe_left_out(found: TextFolder) -> LeftOutFacts:
    """What the record says of what is left out of a folder."""
    return {
        "entries": len(found.left_out),
        "examples": [entry.name for entry in found.left_out[:EXAMPLES]],
        "unlabelled": [str(folder) for folder in found.unlabelled],
    }


def left_out_sentences(key: str, left_out: LeftOutFacts) -> list[str]:
    """Says what was left out of a folder; nothing where that is nothing."""
    sentences = []
    for folder in left_out["unlabelled"]:
        sentences.append(
            f"{key}: the sub-folder {folder} is left out: by its name, its texts have no class. "
            f"With pretrain=own_text, data.unlabelled={shlex.quote(folder)} learns from them."
        )
    if left_out["entries"]:
        count, examples = left_out["entries"], left_out["examples"]
        named = ", ".join(examples) + (", …" if count > len(examples) else "")
        sentences.append(
            f"{key}: {count:,} {'entry' if count == 1 else 'entries'} of the folder that "
            f"{'is' if count == 1 else 'are'} no text in a sub-folder "
            f"{'is' if count == 1 else 'are'} left out ({named})."
        )
    return sentences


def _shown(folder: Path) -> list[Path]:
    """What a folder holds, without what is hidden."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _is_wide(start: bytes) -> bool:
    return unmarked_utf16(start) is not None


def _refuse_splits(folder: Path, sub_folders: list[Path], key: str) -> None:
    """Refuses a folder whose sub-folders, or those of one of them, are splits."""
    for some in (sub_folders, *map(_sub_folders, sub_folders)):
        splits = _splits(some)
        nested = [split for split in splits.values() if _sub_folders(split)]
        if not splits.keys() & {"data.train", "data.test"}:  # dev alone may be anything
            continue
        if not nested and (len(splits) < 2 or some is not sub_folders):
            continue
        named = ", ".join(split.name for split in splits.values())
        remedy = " ".join(f"{name}={_readable(split)}" for name, split in splits.items())
        if key not in SPLITS:  # file= and the like take one of them
            *others, last = (f"{key}={_readable(split)}" for split in splits.values())
            remedy = " or ".join([*others, last])
        raise InputError(
            f"{key}: {folder.absolute()} holds splits ({named}), not classes: give {remedy}."
        )


def _splits(folders: Iterable[Path]) -> dict[str, Path]:
    """Of some folders those that are named as splits, by the key of the split."""
    folders = list(folders)
    found = {
        key: next((folder for folder in folders if name.search(folder.name)), None)
        for key, name in SPLITS.items()
    }
    return {key: folder for key, folder in found.items() if folder is not None}


def _sub_folders(folder: Path) -> list[Path]:
    return [entry for entry in _shown(folder) if entry.is_dir()]


def _readable(split: Path) -> str:
    """What to give for a split: its folder, or a glob of the tables in it."""
    if is_saved(split):
        return shlex.quote(str(split.absolute()))
    tables = [file for file in _shown(split) if file.is_file() and is_table(file)]
    if tables and not _sub_folders(split):
        return f"'{split.absolute()}/*{''.join(tables[0].suffixes[-2:])}'"
    return shlex.quote(str(split.absolute()))


def _no_texts(folder: Path, sub_folders: list[Path], inside: list[Path], key: str) -> InputError:
    """The error for a folder that has no sub-folder with texts."""
    hint = ""
    for pattern, files in (("", _shown(folder)), ("*/", inside)):
        tables = [file for file in files if file.is_file() and is_table(file)]
        if tables and not hint:
            suffix = "".join(tables[0].suffixes[-2:])
            hint = f" For the files in it, give {key}='{folder.absolute()}/{pattern}*{suffix}'."
    deeper = [entry for entry in sub_folders if _sub_folders(entry)]
    if deeper and not hint:
        hint = f" If the classes lie in {deeper[0].name}, give {key}={_readable(deeper[0])}."
    return InputError(
        f"{key}: {folder.absolute()} is a folder without sub-folders of text files; one "
        f"sub-folder per class was expected, each with a text per file.{hint}"
    )


def is_saved(path: Path) -> bool:
    """Whether a path is a folder of tables that `datasets` has saved: a data set, or one split."""
    return all((path / name).is_file() for name in (STATE, BESIDE))


def saved_tables(folder: Path, key: str) -> list[Path]:
    """Finds the Arrow files with the rows of a saved folder, in their order.

    Args:
        folder: the folder that `save_to_disk` has written.
        key: the config key that named it, for messages.

    Raises:
        InputError: the list cannot be read, names none or one outside of the folder, or one of them
            is missing.
    """
    try:
        state = json.loads((folder / STATE).read_bytes())
        names = [entry["filename"] for entry in state["_data_files"]]
        plain = all(name == Path(name).name and name.endswith(".arrow") for name in names)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        names, plain = [], False
    if not names or not plain:
        raise InputError(
            f"{key}: {folder.absolute() / STATE} does not list the Arrow files of a saved data "
            f"set. Save it again with save_to_disk, or give the files as a glob."
        )
    files = [folder / name for name in names]
    missing = next((file for file in files if not file.is_file()), None)
    if missing is not None:
        raise InputError(
            f"{key}: {missing.absolute()} is missing, which {STATE} lists. Fetch it, or save the "
            f"data set again with save_to_disk."
        )
    return files
