"""A file as a person has it, and a run trained on it, which the tests of the commands share."""

import csv
import re
from pathlib import Path

import pytest

from helpers.commands import COLUMNS, QUICK, run
from textlstm.data.sources import NEWSWIRE4


@pytest.fixture(scope="session")
def my_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person's own file: other column names, and a path that Hydra's grammar would break on."""
    with open(NEWSWIRE4, encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))[:600]
    file = tmp_path_factory.mktemp("my data") / "it's my report (1), final.csv"
    with open(file, "w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerows(
            [
                ["id", "headline", "desk"],
                *([n, row["text"], row["label"]] for n, row in enumerate(rows)),
            ]
        )
    return file


@pytest.fixture(scope="session")
def trained(my_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on that file, started from the file's own folder with its bare name."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    overrides = [*QUICK[:-1], f"data.train={my_csv.name}", *COLUMNS, f"hydra.run.dir={folder}"]
    out, errors = run("train", *overrides, cwd=my_csv.parent)
    assert "Scores on test" in out
    assert "TF-IDF + logistic regression" in out
    assert str(folder) in out
    assert "Warning" not in errors
    assert len(re.findall(r"^epoch \d/3  loss ", errors, flags=re.M)) == 3
    return folder
