"""Makes the folder that a command writes its report to."""

from pathlib import Path

from textlstm.checks import InputError


def make_report_folder(folder: Path) -> None:
    """Makes the folder that `output=` names, or that of its default, unless it is there.

    Raises:
        InputError: something else is there, or the disk takes no folders.
    """
    if "\0" in str(folder):
        raise InputError(f"output: {str(folder)!a} is no path: it has a zero byte in it.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, FileNotFoundError) as error:
        raise InputError(
            f"output: {folder} is no folder, and none can be made there ({error.strerror}). Take "
            f"another one."
        ) from error
