"""The folders of the configuration, the outputs and the cache."""

import os
from pathlib import Path

from textlstm.escaping import visible

# environment variable: the folder of outputs, for the processes that an installed command starts
OUTPUTS_FOLDER = "TEXTLSTM_OUTPUTS"
# environment variable: a folder for the cache, such as one on another disk or that users share
CACHE_FOLDER = "TEXTLSTM_CACHE"

PACKAGE = Path(__file__).parent
REPOSITORY = PACKAGE.parents[1]
INSTALLED = (PACKAGE / "conf").is_dir()  # a wheel holds conf/ inside the package


def _outputs() -> Path:
    """The repository's outputs/ in a checkout, else the one below the folder of the start."""
    if INSTALLED:
        return Path(os.environ.get(OUTPUTS_FOLDER, "outputs")).absolute()
    return REPOSITORY / "outputs"


CONF = PACKAGE / "conf" if INSTALLED else REPOSITORY / "conf"
OUTPUTS = _outputs()
CACHE = Path(os.environ.get(CACHE_FOLDER) or OUTPUTS / "cache").absolute()


def pass_outputs_on() -> None:
    """Gives the processes that this one starts the same folders, whatever folder they start in."""
    if INSTALLED:
        os.environ[OUTPUTS_FOLDER] = str(OUTPUTS)
    if CACHE_FOLDER in os.environ:
        os.environ[CACHE_FOLDER] = str(CACHE)


def from_here(path: Path) -> Path:
    """Names a path from the working directory if it is below that."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def folder_line(folder: Path, *files: str) -> str:
    """Names the folder that a command has written to, and the files if a reader would ask."""
    named = f" ({', '.join(files)})" if files else ""
    return f"folder: {visible(from_here(folder))}{named}"
