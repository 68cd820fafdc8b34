"""Calibrated runs: the same probabilities everywhere, and nothing of them learned from test."""

import csv

import pytest
import torch

from helpers.commands import call, record, table
from helpers.configs import composed
from textlstm import TextClassifier
from textlstm.checks import InputError
from textlstm.training.settings import RunSettings

QUICK = [
    *("model.hidden=8", "model.embedding_dim=8", "model.word_dropout=0", "optimizer.lr=0.05"),
    *("trainer.max_epochs=3", "trainer.accelerator=cpu", "threads=1", "data.tokenizer=word"),
    *("baselines=false", "logger=csv"),
]
WORDS = {"money": ["bank", "share", "price"], "sports": ["goal", "match", "team"]}


def write(file, first, count, wrong=25):
    """Rows of which one in `wrong` has the other class."""
    labels = list(WORDS)
    with open(file, "w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["text", "label"])
        for n in range(first, first + count):
            said = WORDS[labels[n % 2]]
            label = labels[(n + (n % wrong == 0)) % 2]
            writer.writerow([f"{said[n % 3]} and {said[n // 3 % 3]} {n}", label])
    return file


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return [
        f"data.train={write(folder / 'train.csv', 0, 200)}",
        f"data.validation={write(folder / 'validation.csv', 200, 100)}",
        f"data.test={write(folder / 'test.csv', 300, 50)}",
    ]


@pytest.fixture(scope="module")
def trained(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "calibrated"
    call("train", *QUICK, *files, f"hydra.run.dir={folder}")
    return folder


def shares(file):
    return [[float(row[f"probability_{label}"]) for label in WORDS] for row in table(file)]


def test_all_ways_give_the_same_probabilities(trained, tmp_path):
    expected = shares(trained / "predictions.csv")
    texts = [row["text"] for row in table(trained / "predictions.csv")]
    classifier = TextClassifier.load(trained)
    assert classifier.temperature == record(trained)["calibration"]["temperature"] != 1
    assert classifier.probabilities(texts).tolist() == [
        pytest.approx(p, abs=1e-5) for p in expected
    ]

    call("evaluate", f"run={trained}", "accelerator=cpu")
    again = trained / "evaluation" / "test"
    assert shares(again / "predictions.csv") == [pytest.approx(p, abs=1e-5) for p in expected]
    assert record(again)["test"]["log_loss"] == pytest.approx(record(trained)["test"]["log_loss"])
    assert (again / "reliability.png").is_file()

    (tmp_path / "texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    output = tmp_path / "out.csv"
    call("predict", f"run={trained}", f"input={tmp_path}/texts.txt", f"output={output}")
    assert shares(output) == [pytest.approx(p, abs=1e-5) for p in expected]


def test_a_calibrated_run_differs_from_another_in_its_probabilities_alone(trained, files, tmp_path):
    plain = tmp_path / "plain"
    call("train", *QUICK, *files, "calibrate=false", f"hydra.run.dir={plain}")
    assert "calibration" not in record(plain)
    assert not (plain / "reliability.png").exists()
    assert TextClassifier.load(plain).temperature == 1
    for split in ("validation", "test"):
        before = record(trained)["calibration"]["before"][split]
        scores = record(plain)[split]
        assert scores["log_loss"] == pytest.approx(before["log_loss"], abs=1e-6)
        assert record(trained)[split]["confusion_matrix"] == scores["confusion_matrix"]
    assert record(trained)["validation"]["log_loss"] < record(plain)["validation"]["log_loss"]
    checkpoints = [
        torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
        for run in (trained, plain)
    ]
    assert all(torch.equal(checkpoints[0][name], checkpoints[1][name]) for name in checkpoints[0])


def test_nothing_is_learned_from_test(trained, files, tmp_path):
    other = write(tmp_path / "test.csv", 300, 50, wrong=2)
    call("train", *QUICK, *files[:2], f"data.test={other}", f"hydra.run.dir={tmp_path / 'run'}")
    ours, theirs = (record(run)["calibration"] for run in (trained, tmp_path / "run"))
    assert ours["temperature"] == theirs["temperature"]
    assert ours["threshold"]["min_probability"] == theirs["threshold"]["min_probability"]
    assert record(trained)["test"]["accuracy"] != record(tmp_path / "run")["test"]["accuracy"]


def test_a_refit_takes_the_calibration_of_the_run_that_it_is_told(trained, files, tmp_path):
    for name, given in (("taken", [f"calibration_from={trained}"]), ("none", [])):
        run = tmp_path / name
        call("train", *QUICK, *files, "data.refit=true", *given, f"hydra.run.dir={run}")
    temperature = record(trained)["calibration"]["temperature"]
    taken = record(tmp_path / "taken")
    assert taken["calibration"]["temperature"] == temperature
    assert taken["calibration"]["chosen_on"] == f"validation of the run {trained}"
    assert TextClassifier.load(tmp_path / "taken").temperature == temperature
    report = (tmp_path / "taken" / "report.md").read_text(encoding="utf-8")
    assert f"chosen on validation of the run {trained}" in report
    assert "calibration" not in record(tmp_path / "none")
    assert (
        taken["test"]["confusion_matrix"] == record(tmp_path / "none")["test"]["confusion_matrix"]
    )


def test_a_calibration_that_cannot_be_taken_is_refused(tmp_path):
    def settings(**changes):
        return RunSettings.parse({**without_sweep, **changes})

    without_sweep = composed("train")
    del without_sweep["sweep"]
    with pytest.raises(InputError, match=r"give data\.refit=true and calibrate=true beside it"):
        settings(calibration_from="somewhere")
    _, errors = call(
        "train", *QUICK, "data.refit=true", f"calibration_from={tmp_path}/none", code=2
    )
    assert "none cannot be read" in errors
