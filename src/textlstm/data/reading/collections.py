"""Finds the data sets in a folder: for each, the files of its splits."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from textlstm.checks import InputError
from textlstm.data.reading.folders import LISTED_SPLITS, is_saved
from textlstm.data.reading.formats import format_names, is_table

STEMS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}
EXPECTED = (
    f"a {format_names()} file; a folder with a file named train (and validation or dev, and test); "
    f"or a folder of such files and folders"
)


@dataclass(frozen=True)
class DataSet:
    """A data set by the name of its folder or file.

    Args:
        files: by split, `train` and those that have a file; empty for the embedded corpus.
    """

    name: str
    files: dict[str, Path]

    @property
    def overrides(self) -> list[str]:
        """The keys that name its files, KEY=VALUE each."""
        return [f"data.{split}={file}" for split, file in self.files.items()]


def find_data_sets(path: Path) -> tuple[list[DataSet], list[Path]]:
    """Finds the data sets of a file or folder, by name.

    A folder with files for training and test is one data set, and so is one with a file for
    training and without data sets in its sub-folders. Of any other folder, each sub-folder and
    table may be one. What is hidden is left out. A folder that `datasets` has saved is a table.

    Returns:
        The data sets; and the sub-folders that are none: they have no file for training, and no
        table that is the only one.

    Raises:
        InputError: nothing there, two files for one split, or two data sets of one name.
    """
    path = path.expanduser().absolute()
    if is_saved(path) or (path.is_file() and is_table(path)):
        return [_of_table(path)], []
    if not path.is_dir():
        raise InputError(f"--data: {path} is not there or no table; expected {EXPECTED}.")
    own = _splits(path)
    if {"train", "test"} <= own.keys():
        return [DataSet(path.name, own)], []

    entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    folders = {
        entry: _of_folder(entry)
        for entry in entries
        if entry.is_dir() and entry not in own.values()
    }
    found = [data_set for data_set in folders.values() if data_set is not None]
    skipped = [folder for folder, data_set in folders.items() if data_set is None]
    if "train" in own and not found:
        return [DataSet(path.name, own)], []
    found += [_of_table(table) for table in _tables(path) if table not in folders]
    if not found:
        raise InputError(f"--data: {path} holds no data set; expected {EXPECTED}.")
    counts = Counter(data_set.name for data_set in found)
    (name, most), *_ = counts.most_common(1)
    if most > 1:
        raise InputError(f"--data: {path} has {most} data sets named {name}. Rename one of them.")
    return sorted(found, key=lambda data_set: data_set.name), skipped


def _of_table(file: Path) -> DataSet:
    """The data set of a table, or of a folder that `datasets` has saved."""
    return DataSet(_stem(file), {"train": file})


def _of_folder(folder: Path) -> DataSet | None:
    """The data set of a sub-folder; None if no file in it is for training."""
    if is_saved(folder):
        return _of_table(folder)
    tables, splits = _tables(folder), _splits(folder)
    if "train" in splits:
        return DataSet(folder.name, splits)
    return DataSet(folder.name, {"train": tables[0]}) if len(tables) == 1 and not splits else None


def _tables(folder: Path) -> list[Path]:
    """The tables of a folder, and the folders in it that `datasets` has saved."""
    return sorted(
        entry
        for entry in folder.iterdir()
        if not entry.name.startswith(".")
        and (
            is_saved(entry) or (entry.is_file() and is_table(entry) and entry.name != LISTED_SPLITS)
        )
    )


def _splits(folder: Path) -> dict[str, Path]:
    """The tables of a folder that are named as splits.

    Raises:
        InputError: two of them for one split.
    """
    files = {}
    for split, stems in STEMS.items():
        named = [file for file in _tables(folder) if _stem(file).lower() in stems]
        if len(named) > 1:
            raise InputError(
                f"--data: {folder} has several files for {split}: "
                f"{', '.join(file.name for file in named)}. Leave one of them there."
            )
        if named:
            files[split] = named[0]
    return files


def _stem(file: Path) -> str:
    return file.name.partition(".")[0]
