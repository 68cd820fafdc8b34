"""Finds the tables of a data set that the library `datasets` has saved (`save_to_disk`).

Beside them its folder may hold tables of results that were computed from them, which are no rows of
the data set. The file `state.json` says which are.
"""

import json
from pathlib import Path

from textlstm.checks import InputError

STATE = "state.json"
BESIDE = "dataset_info.json"
LISTED_SPLITS = "dataset_dict.json"  # beside the folders of the splits, with their names


def is_saved(path: Path) -> bool:
    """Whether a path is the folder of such a data set, or of one split of it."""
    return all((path / name).is_file() for name in (STATE, BESIDE))


def saved_tables(folder: Path, key: str) -> list[Path]:
    """The Arrow files with the rows, in their order.

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
