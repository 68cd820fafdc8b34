"""Inspection: the numbers of a tiny file in report.md, and words that are typical of a class."""

import csv

import pytest
import torch

from helpers.small import DATA
from textlstm.checks import InputError
from textlstm.commands import inspect_data as inspection
from textlstm.commands.inspect_data import inspect_data
from textlstm.data.datamodule import TextDataModule
from textlstm.data.settings import DataSettings
from textlstm.data.words import typical_tokens, vocabulary_growth

ROWS = [(f"goal in match {n}", "sports") for n in range(10)] + [
    (f"shares fall {n}", "money") for n in range(20)
]


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setattr(inspection, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(inspection, "OUTPUTS", tmp_path / "outputs")
    with open(tmp_path / "train.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [("text", "label"), *ROWS, ("Goal in  MATCH 3", "sports"), ("goal in match 4", "money")]
        )
    data = {**DATA, "train": str(tmp_path / "train.csv"), "tokenizer": "bpe", "vocab_size": 400}
    return {"output": str(tmp_path / "look"), "data": data}


def table_rows(report, first):
    """The cells of the table whose first line begins with `first`."""
    lines = report[report.index(f"\n| {first} |") :].strip().partition("\n\n")[0].splitlines()
    return {
        cells[0]: cells[1:]
        for cells in ([cell.strip() for cell in line[2:-1].split("|")] for line in lines[2:])
    }


def test_the_numbers_of_a_tiny_file(config, tmp_path, capsys):
    inspect_data(config)
    report = (tmp_path / "look" / "report.md").read_text(encoding="utf-8")
    assert table_rows(report, "class") == {"money": ["17", "2", "2"], "sports": ["9", "1", "1"]}
    splits = table_rows(report, "")
    assert {split: cells[0] for split, cells in splits.items()} == {
        "train": "26",
        "validation": "3",
        "test": "3",
    }
    assert splits["test"][3:] == ["0.0%", "0.0%"]
    assert "data.train: 2 rows repeat an earlier text" in report
    assert "data.train: 1 text stands with more than one label, in 2 rows." in report
    assert (tmp_path / "look" / "data.png").read_bytes()[:4] == b"\x89PNG"
    shown = capsys.readouterr().out
    assert f"folder: {tmp_path}/look (report.md, data.png)" in shown
    assert "](data.png)" not in shown


def test_the_most_typical_words_stand_beside_their_class(config, tmp_path):
    inspect_data(config)
    report = (tmp_path / "look" / "report.md").read_text(encoding="utf-8")
    typical = {
        line.split(" | ")[0][2:]: line.split(" | ")[1]
        for line in report.splitlines()
        if " shares" in line
    }
    assert typical["money"].split()[0] in ("shares", "fall")
    assert {"goal", "in", "match"} <= set(report.rpartition("| sports |")[2].split())


def test_single_bytes_are_no_words(config, tmp_path):
    with open(tmp_path / "train.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [("text", "label"), *((f"{chr(0x4E00 + n)} goal {n}", "ab"[n % 2]) for n in range(40))]
        )
    inspect_data({**config, "data": {**config["data"], "vocab_size": 275}})
    report = (tmp_path / "look" / "report.md").read_text(encoding="utf-8")
    assert "| class | words |" in report
    assert "0x" not in report


def test_without_output_the_folder_is_named_by_the_data(config, tmp_path):
    inspect_data({**config, "output": None})
    (folder,) = (tmp_path / "outputs" / "data").iterdir()
    assert sorted(file.name for file in folder.iterdir()) == ["data.png", "report.md"]
    assert "train.csv" in folder.name


def test_the_vocabulary_grows_to_all_words(config, tmp_path):
    rows = [("a b", "x"), ("a c", "y"), ("d e", "x"), ("a b", "y"), ("f a", "x"), ("a a", "y")]
    with open(tmp_path / "train.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    held_out = tmp_path / "test.csv"
    held_out.write_text("text,label\nzz,x\nzy,y\n", encoding="utf-8")
    files = {"test": str(held_out), "validation": str(tmp_path / "validation.csv")}
    (tmp_path / "validation.csv").write_text("text,label\nyy,x\n", encoding="utf-8")
    settings = DataSettings(**{**config["data"], **files})
    data = TextDataModule(settings, cache=tmp_path / "cache")
    data.setup()
    assert vocabulary_growth(data) == [(1, 1), (2, 2), (6, 5), (12, 6)]


def test_a_token_of_one_class_alone_is_typical_of_it():
    scores_CV = typical_tokens(torch.tensor([[2, 0], [0, 2]]))
    assert scores_CV.tolist() == [
        pytest.approx([1.6007, -1.6007], abs=1e-4),
        pytest.approx([-1.6007, 1.6007], abs=1e-4),
    ]


def test_frequent_tokens_are_more_typical_than_rare_ones_and_shared_ones_are_not():
    scores_CV = typical_tokens(
        torch.tensor([[50, 20, 1, 0, 0], [50, 0, 0, 20, 0], [50, 0, 0, 0, 0]])
    )
    assert scores_CV[0].argsort(descending=True).tolist()[:2] == [1, 2]
    assert scores_CV[1].argmax() == 3
    assert abs(scores_CV[0, 0]) < scores_CV[0, 1]
    assert scores_CV[:, 4].abs().max() < 0.01
    assert scores_CV.isfinite().all()


def test_rows_that_another_has_swallowed_are_something_to_look_at(config, tmp_path):
    rows = [f"{text}\t{label}\n" for text, label in ROWS]
    rows[1:1] = ['"goal one\tsports\n', "shares\tmoney\n", 'goal two"\tsports\n']
    (tmp_path / "train.tsv").write_text("text\tlabel\n" + "".join(rows), encoding="utf-8")
    data = {**config["data"], "train": str(tmp_path / "train.tsv")}
    counts = {}
    for quoting in (None, "double"):
        inspect_data({**config, "data": {**data, "quoting": quoting}})
        report = (tmp_path / "look" / "report.md").read_text(encoding="utf-8")
        warning = "data.train: 1 row holds a line break and then what looks like a whole row"
        assert (warning in report) == (quoting == "double")
        classes = table_rows(report, "class").values()
        counts[quoting] = sum(int(cell) for cells in classes for cell in cells)
    assert counts == {None: len(ROWS) + 3, "double": len(ROWS) + 1}


def test_a_file_in_place_of_the_folder_is_one_error(config, tmp_path):
    (tmp_path / "look").touch()
    with pytest.raises(InputError, match=r"^output: .*look is no folder, and none can be made"):
        inspect_data(config)
