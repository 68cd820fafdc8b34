"""Suspect labels: each row is judged by a run that has not seen it, and wrong labels come first."""

import csv
import random
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pandas as pd
import pytest

from helpers.commands import SRC, call, environment, run
from helpers.configs import composed
from helpers.small import data_settings
from textlstm.checks import InputError
from textlstm.commandline.settings import SuspectsSettings
from textlstm.commands.out_of_fold import predict_out_of_fold
from textlstm.commands.suspects import Suspect, _report
from textlstm.data.sources import load_source
from textlstm.signals import Stopped
from textlstm.training import run as training
from textlstm.writing import write_csv

SMALL = [
    *("model.hidden=16", "model.embedding_dim=16", "optimizer.lr=0.02", "trainer.max_epochs=4"),
    *("data.batch_size=8", "wide=false", "threads=1"),
]
SPORTS, MONEY = ("goal", "match", "keeper", "penalty"), ("shares", "bank", "profit", "loan")


def write(file: Path, rows: list[tuple[str, str]]) -> Path:
    with open(file, "w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([("text", "label"), *rows])
    return file


def texts_of_two_classes() -> list[tuple[str, str]]:
    chance = random.Random(0)
    rows = []
    for number in range(60):
        for words, label in ((SPORTS, "sports"), (MONEY, "money")):
            rows.append((" ".join([*chance.choices(words, k=4), str(number)]), label))
    return rows


class Looked(NamedTuple):
    """A folder of suspects, the rows that were given, and what two commands said.

    Args:
        stopped: the errors of the first one, which was stopped in its second fold.
        said: the output of the second, and its errors.
        fits: how many runs were trained, or begun, in all.
    """

    folder: Path
    rows: list[tuple[str, str]]
    stopped: str
    said: tuple[str, str]
    fits: int


WRONG = [7, 30, 61, 118]  # rows whose label is that of the other class


@pytest.fixture(scope="module")
def looked(tmp_path_factory) -> Looked:
    """The suspects of a small file, by a command that was stopped once."""
    folder, rows = tmp_path_factory.mktemp("suspects"), texts_of_two_classes()
    for row in WRONG:
        rows[row] = (rows[row][0], "money" if rows[row][1] == "sports" else "sports")
    rows[5] = ("=goal match keeper penalty", "sports")
    file = write(folder / "train.csv", rows)
    options = [f"data.train={file}", "folds=2", *SMALL, f"output={folder}/look"]
    options.append("spreadsheet=true")

    fit, begun = training._fit, []

    def stopped(*arguments):
        begun.append(arguments)
        if len(begun) == 2:
            raise Stopped(2)
        fit(*arguments)

    with patch.object(training, "_fit", stopped):
        _, errors = call("suspects", *options, code=130)
        assert not (folder / "look" / "suspects.csv").exists()
        said = call("suspects", *options)
    return Looked(folder / "look", rows, errors, said, len(begun))


def test_a_stopped_command_ends_with_one_line_and_goes_on_after_its_finished_folds(looked):
    assert looked.stopped.splitlines()[-1] == (
        "Stopped by Ctrl-C. The same command goes on from the last checkpoint."
    )
    assert looked.stopped.count("Stopped") == 1
    assert looked.fits == 3
    left = sorted(file.name for file in looked.folder.iterdir())
    assert left == ["report.md", "suspects.csv"]


def test_wrong_labels_come_first_with_the_right_ones_beside_them(looked):
    found = pd.read_csv(looked.folder / "suspects.csv", dtype=str)
    assert list(found) == ["file", "row", "text", "given", "suggested", "probability"]
    assert {int(row) - 1 for row in found["row"][: len(WRONG)]} == set(WRONG)
    assert (found["given"] != found["suggested"])[: len(WRONG)].all()
    assert found["probability"].astype(float).is_monotonic_increasing


def test_every_row_is_there_as_it_was_given(looked):
    found = pd.read_csv(looked.folder / "suspects.csv", dtype=str)
    assert set(found["file"]) == {str(looked.folder.parent / "train.csv")}
    ordered = found.sort_values("row", key=lambda numbers: numbers.astype(int))
    given = list(zip(ordered["text"], ordered["given"], strict=True))
    as_text = (f"'{looked.rows[5][0]}", looked.rows[5][1])  # no formula: spreadsheet=true
    assert given == [*looked.rows[:5], as_text, *looked.rows[6:]]


def test_the_report_shows_the_first_twenty_and_the_runs_say_nothing(looked):
    out, errors = looked.said
    assert "Suspect labels of train.csv" in out
    assert f"folder: {looked.folder} (suspects.csv, report.md)\n" in out
    assert "epoch" not in errors
    report = (looked.folder / "report.md").read_text(encoding="utf-8")
    first = report[report.index("## The first ") : report.index("## The most frequent")]
    assert all(looked.rows[row][0] in first for row in WRONG)
    found = pd.read_csv(looked.folder / "suspects.csv")
    other = (found["given"] != found["suggested"]).sum()
    assert f"For {other} rows ({other / 120:.1%}) another class is likelier" in report
    assert first.count("\n| ") == 2 + min(20, other)


def test_without_a_suspect_there_is_a_sentence_and_no_table():
    sure = [Suspect("a.csv", row, f"text {row}", "a", "a", 0.9) for row in range(3)]
    doubtful = [Suspect("a.csv", row, f"text {row}", "a", "b", 0.1) for row in range(25)]
    report = _report("a.csv", sure, 2)
    assert "3 rows in 2 folds" in report
    assert "For 0 rows (0.0%)" in report
    assert "|" not in report
    report = _report("a.csv", [*doubtful, *sure], 2)
    assert "## The first 20 of these" in report
    assert "| a | b | 25 |" in report


@pytest.fixture
def trained(monkeypatch):
    """The training and test rows of each run, none of which trains: each text predicts itself."""
    seen = []

    def train(settings, run, *, overrides, sweeping):
        rows = load_source(settings.data, cache=run.path / "cache")
        texts = {split: list(source.texts()) for split, source in rows.items()}
        seen.append({**texts, "classes": rows["train"].class_names})
        shares = [[len(text) / 100, 1 - len(text) / 100, 0] for text in texts["test"]]
        header = ["text", "gold", "predicted", *(f"probability_{name}" for name in "abc"), "row"]
        predicted = [
            [text, "a", "b", *share, 1] for text, share in zip(texts["test"], shares, strict=True)
        ]
        write_csv(run.predictions, header, predicted)

    monkeypatch.setattr(training, "train", train)
    return seen


def settings_of(file: Path, **data: object) -> SuspectsSettings:
    config = composed("suspects", "data=files", f"data.train={file}")
    return SuspectsSettings.parse({**config, "data": {**config["data"], **data}})


def test_each_row_is_predicted_once_by_a_run_that_has_not_seen_its_text(tmp_path, trained):
    rows = [("x" * number, "ab"[number % 2]) for number in range(1, 30)]
    rows += [("X" * 7, "a"), ("only one", "rare")]  # an equal text, and a class of one
    source = load_source(
        data_settings(train=str(write(tmp_path / "rows.csv", rows))), cache=tmp_path / "cache"
    )["train"]
    settings = settings_of(tmp_path / "rows.csv").training
    found = predict_out_of_fold(source, settings, folds=4, folder=tmp_path / "folds")

    assert found.row_numbers.tolist() == list(range(len(rows)))
    assert found.probabilities_NC[:, 0] == pytest.approx([len(text) / 100 for text, _ in rows])
    assert not (tmp_path / "folds").exists()
    assert sorted(text for seen in trained for text in seen["test"]) == sorted(
        text for text, _ in rows
    )
    for seen in trained:
        held_out = {text.lower() for text in seen["test"]}
        assert not held_out & {text.lower() for text in seen["train"]}
        assert len(seen["train"]) + len(seen["test"]) == len(rows)
        assert seen["classes"] == ["a", "b", "rare"]


def test_data_max_rows_draws_the_rows_that_are_looked_at(tmp_path, trained):
    rows = [("x" * number, "abc"[number % 3]) for number in range(1, 40)]
    file = write(tmp_path / "rows.csv", rows)
    source = load_source(data_settings(train=str(file)), cache=tmp_path / "cache")["train"]
    settings = settings_of(file, max_rows=12).training
    found = predict_out_of_fold(source, settings, folds=3, folder=tmp_path / "folds")
    assert len(set(found.row_numbers.tolist())) == len(found.row_numbers) == 12
    lengths = [len(rows[row][0]) / 100 for row in found.row_numbers]
    assert found.probabilities_NC[:, 0] == pytest.approx(lengths)
    with pytest.raises(InputError, match=r"^folds=13: data\.train has 12 different texts, too few"):
        predict_out_of_fold(source, settings, folds=13, folder=tmp_path / "folds")


@pytest.mark.parametrize(
    ("key", "value"),
    [("test", "b.csv"), ("validation", "b.csv"), ("refit", True), ("streaming", True)],
)
def test_a_key_that_says_which_rows_are_held_out_is_refused(tmp_path, key, value):
    more = {"batch_size": 64} if key == "streaming" else {}
    with pytest.raises(
        InputError, match=rf"^data\.{key}=\S+: suspects divides .* Leave data\.{key}"
    ):
        settings_of(tmp_path / "rows.csv", **{key: value}, **more)


def test_folds_are_two_or_more():
    with pytest.raises(InputError, match=r"^folds must be at least 2, got 1\.$"):
        SuspectsSettings.parse(composed("suspects", folds=1))


@pytest.mark.trust("kill at a random point")
def test_killed_at_random_points_it_finds_what_it_finds_undisturbed(tmp_path, record_property):
    file = write(tmp_path / "train.csv", texts_of_two_classes() * 5)
    options = [f"data.train={file}", "folds=3", *SMALL, "trainer.checkpoint_every=3steps"]
    run("suspects", *options, f"output={tmp_path}/whole")
    kills, chance = 0, random.Random(0)
    while kills < 6:
        process = subprocess.Popen(
            [sys.executable, str(SRC / "suspects.py"), *options, f"output={tmp_path}/killed"],
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=chance.uniform(8, 20))
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    record_property("tried", kills)
    run("suspects", *options, f"output={tmp_path}/killed")
    whole, killed = (
        (tmp_path / name / "suspects.csv").read_bytes() for name in ("whole", "killed")
    )
    assert whole == killed
