"""Rows of classes that no training row has, from the command line to each file of a run."""

import csv

import pytest

from helpers.commands import QUICK, call, record, table
from textlstm import TextClassifier
from textlstm.data.sources import NEWSWIRE4

pytestmark = pytest.mark.cores


@pytest.fixture(scope="module")
def rows() -> list[tuple[str, str]]:
    with open(NEWSWIRE4, encoding="utf-8", newline="") as lines:
        return [(row["text"], row["label"]) for row in csv.DictReader(lines)][:300]


@pytest.fixture(scope="module")
def tested(rows, tmp_path_factory):
    """A run whose validation and test files have classes that its training file lacks, and what it
    said.
    """
    folder = tmp_path_factory.mktemp("unseen")
    files = {
        "train": rows[:200],
        "validation": [*rows[200:240], ("Rain is expected", "weather")],
        "test": [*rows[240:], ("Snow is expected", "weather"), ("A recipe for soup", "food")],
    }
    for name, content in files.items():
        with open(folder / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *content])
    given = [f"data.{name}={folder}/{name}.csv" for name in files]
    said = call("train", *QUICK[:-1], *given, "threads=1", f"hydra.run.dir={folder}/run")
    return folder / "run", *said


def test_a_run_scores_them_as_wrong_and_lists_them(tested):
    run, out, errors = tested
    assert errors.count("a class that no training row has") == 1
    assert "(data.validation: weather 1; data.test: weather 1, food 1)" in errors
    assert "Rows of test with a class that no training row has: 2 (weather 1, food 1)." in out

    found = record(run)
    assert len(found["labels"]) == 4
    assert found["validation"]["unseen"] == {"weather": 1}
    for scores in (found["test"], *found["baselines"].values()):
        assert scores["unseen"] == {"weather": 1, "food": 1}
    f1 = [scores["f1"] for scores in found["test"]["classes"].values()]
    assert found["test"]["macro_f1"] == pytest.approx(sum(f1) / 6)
    report = (run / "report.md").read_text(encoding="utf-8")
    assert "## Classes that training has no row of\n\n| class | rows |" in report

    predicted = table(run / "predictions.csv")
    assert len(predicted) == found["data"]["splits"]["test"]["rows"] == 62
    assert [row["gold"] for row in predicted[-2:]] == ["weather", "food"]
    right = sum(row["gold"] == row["predicted"] for row in predicted)
    assert right / 62 == pytest.approx(found["test"]["accuracy"])
    assert TextClassifier.load(run).labels == found["labels"]


def test_another_file_is_scored_in_the_same_way(tested, rows, tmp_path):
    run, *_ = tested
    call("evaluate", f"run={run}", "threads=1")
    assert record(run / "evaluation" / "test")["test"]["unseen"] == {"weather": 1, "food": 1}

    other = tmp_path / "other.csv"
    text, label = rows[0]
    other.write_text(f'text,label\n"{text}",{label}\nA storm,wether\n', encoding="utf-8")
    out, errors = call("evaluate", f"run={run}", f"file={other}", "threads=1")
    assert "1 row has a class that no training row has" in errors
    assert "(file: wether 1)" in errors
    assert "Rows of file with a class that no training row has: 1 (wether 1)." in out
    found = record(run / "evaluation" / "other.csv")
    assert found["file"]["unseen"] == found["data"]["unseen"]["file"] == {"wether": 1}
    assert table(run / "evaluation" / "other.csv" / "predictions.csv")[1]["gold"] == "wether"
