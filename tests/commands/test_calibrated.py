"""Calibrated runs, with a wide channel and without: the same probabilities everywhere.

Nothing of them is learned from test.
"""

import csv

import numpy as np
import pytest
import torch

from helpers.commands import call, record, table
from helpers.commands import run as run_command
from helpers.configs import composed
from helpers.priors import factor_loss
from textlstm import TextClassifier
from textlstm.checks import InputError
from textlstm.training.scoring import calibrated_run
from textlstm.training.settings import RunSettings

QUICK = [
    *("model.hidden=8", "model.embedding_dim=8", "model.word_dropout=0", "optimizer.lr=0.05"),
    *("trainer.max_epochs=3", "trainer.accelerator=cpu", "threads=1", "data.tokenizer=word"),
    *("wide=false", "baselines=false", "logger=csv"),
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


@pytest.fixture(scope="module")
def mixed(files, tmp_path_factory):
    """A run with a wide channel."""
    folder = tmp_path_factory.mktemp("runs") / "mixed"
    call("train", *QUICK, *files, "wide=true", f"hydra.run.dir={folder}")
    return folder


@pytest.fixture(params=["trained", "mixed"])
def run(request):
    return request.getfixturevalue(request.param)


def shares(file):
    return [[float(row[f"probability_{label}"]) for label in WORDS] for row in table(file)]


def test_all_ways_give_the_same_probabilities(run, tmp_path):
    trained = run
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


def test_onnx_gives_the_same_probabilities(mixed):
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    out, _ = run_command("export", f"run={mixed}")  # exporting after training needs a process
    assert "input: texts" in out

    classifier = TextClassifier.load(mixed)
    texts = ["goal and team 3", "bank", "price and price and share"]
    session = onnxruntime.InferenceSession(mixed / "model" / "model.onnx")
    found = torch.from_numpy(session.run(None, {"texts": np.array(texts, dtype=object)})[0])
    torch.testing.assert_close(found, classifier.probabilities(texts), rtol=0, atol=1e-5)


def test_a_mixture_stands_beside_its_channels(mixed, trained):
    found = record(mixed)
    for split in ("validation", "test"):
        alone = found["wide"]["alone"][split]
        assert alone["lstm"] == record(trained)[split]  # the LSTM is the very same
        assert alone["wide"].keys() == found[split].keys()
    wide, temperature = found["wide"], found["calibration"]["temperature"]
    factors = {
        "both": (
            wide["lstm_temperature"] * wide["weight"] / temperature,
            (1 - wide["weight"]) / temperature,
        ),
        "lstm": (1, 0),
        "wide": (0, 1 / wide["wide_temperature"]),
    }
    losses = {"both": found["validation"]["log_loss"]}
    losses |= {key: scores["log_loss"] for key, scores in wide["alone"]["validation"].items()}
    loss = {key: losses[key] + factor_loss(*factors[key], rows=100) for key in factors}
    assert loss["both"] <= min(loss["lstm"], loss["wide"]) + 1e-6
    assert losses["both"] <= losses["wide"]
    assert found["score"] == found["validation"]["macro_f1"]
    assert 0 <= found["wide"]["weight"] <= 1
    report = (mixed / "report.md").read_text(encoding="utf-8")
    for name in ("LSTM and wide channel", "LSTM alone", "wide channel alone"):
        assert f"| {name} | " in report
    files = sorted(file.name for file in (mixed / "model").iterdir() if file.suffix != ".onnx")
    assert files[-3:] == ["tokenizer.json", "wide.json", "wide.safetensors"]


def test_a_wide_channel_that_is_damaged_is_refused(mixed, tmp_path):
    for file in (mixed / "model").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    for damage in (b"", b"{}", b'{"terms": ["a"]}'):
        (tmp_path / "wide.json").write_bytes(damage)
        with pytest.raises(InputError, match="is damaged"):
            TextClassifier.load(tmp_path)
    (tmp_path / "wide.json").unlink()
    with pytest.raises(InputError, match="is damaged"):
        TextClassifier.load(tmp_path)


def test_a_mixture_without_a_temperature_is_mixed_all_the_same(files, tmp_path):
    call("train", *QUICK, *files, "wide=true", "calibrate=false", f"hydra.run.dir={tmp_path}/run")
    found = record(tmp_path / "run")
    assert "calibration" not in found
    assert found["wide"]["lstm_temperature"] == found["wide"]["wide_temperature"] == 1
    assert TextClassifier.load(tmp_path / "run").temperature == 1


def test_a_refit_takes_the_mixture_of_the_run_that_chose_it(mixed, trained, files, tmp_path):
    options = [*QUICK, *files, "data.refit=true", "wide=true"]
    call("train", *options, f"calibration_from={mixed}", f"hydra.run.dir={tmp_path}/run")
    found, before = record(tmp_path / "run"), record(mixed)
    for key in ("weight", "lstm_temperature", "wide_temperature", "terms", "settings"):
        assert found["wide"][key] == before["wide"][key]
    assert found["calibration"]["temperature"] == before["calibration"]["temperature"]
    options.append(f"hydra.run.dir={tmp_path}/refused")
    _, errors = call("train", *options, code=2)
    assert "calibration_from=RUN takes the mixture of the run that chose the epochs" in errors
    _, errors = call("train", *options, f"calibration_from={trained}", code=2)
    assert "was trained with wide=false; give the same here" in errors


def test_a_refit_on_other_data_than_the_run_that_it_is_told_says_so(trained, files, tmp_path):
    other = write(tmp_path / "train.csv", 400, 200)
    options = [f"data.train={other}", "data.refit=true", f"calibration_from={trained}"]
    _, errors = call("train", *QUICK, *files[1:], *options, f"hydra.run.dir={tmp_path}/run")
    assert f"calibration_from: data.train of {trained} was {files[0].partition('=')[2]}" in errors
    rows = other.read_text(encoding="utf-8")
    other.write_text(rows.replace(",sports", ",sport"), encoding="utf-8")
    _, errors = call("train", *QUICK, files[2], *options, f"hydra.run.dir={tmp_path}/2", code=2)
    assert f"{trained} has the classes money, sports, and this run has money, sport. " in errors


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


def test_nothing_is_learned_from_test(run, files, tmp_path):
    trained, given = run, [f"wide={str('wide' in record(run)).lower()}"]
    other = write(tmp_path / "test.csv", 300, 50, wrong=2)
    changed = [*files[:2], f"data.test={other}", *given]
    call("train", *QUICK, *changed, f"hydra.run.dir={tmp_path / 'run'}")
    ours, theirs = (record(run)["calibration"] for run in (trained, tmp_path / "run"))
    assert ours["temperature"] == theirs["temperature"]
    assert ours["threshold"]["min_probability"] == theirs["threshold"]["min_probability"]
    if "wide" in record(run):
        ours, theirs = (TextClassifier.load(folder).wide for folder in (run, tmp_path / "run"))
        assert ours.columns == theirs.columns
        assert torch.equal(ours.weights_VC, theirs.weights_VC)
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
        "train",
        *QUICK,
        "data.refit=true",
        f"calibration_from={tmp_path}/none",
        f"hydra.run.dir={tmp_path}/refused",
        code=2,
    )
    assert "none cannot be read" in errors
    refit = {**without_sweep["data"], "refit": True}
    resumed = settings(data=refit, calibration_from=f"{tmp_path}/none", resume="some run")
    with pytest.raises(InputError, match=r"moved, resume=some run calibration_from=NEW goes on"):
        calibrated_run(resumed)
