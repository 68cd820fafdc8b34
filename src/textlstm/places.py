"""The folders of the configuration, the outputs and the cache."""

import os
from pathlib import Path

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
