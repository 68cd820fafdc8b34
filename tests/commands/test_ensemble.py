"""A run of several networks: killed, resumed, evaluated, predicted from, exported, pretrained."""

import csv
import json
import shutil

import pytest
import torch

from helpers.commands import call, record, train_and_kill, weights
from helpers.commands import run as run_command
from textlstm import TextClassifier

pytestmark = pytest.mark.cores

QUICK = [
    *("model.hidden=8", "model.embedding_dim=8", "optimizer.lr=0.05", "ensemble=2"),
    *("trainer.max_epochs=3", "trainer.accelerator=cpu", "threads=1", "data.max_rows=150"),
    *("data.tokenizer=bpe", "data.vocab_size=400", "baselines=false", "wide=true"),
]
TEXTS = ["Striker signs for Porto, agents say", "Shares fall in Vienna"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ensemble") / "run"
    out, _ = call("train", *QUICK, f"hydra.run.dir={folder}")
    return folder, out


def test_the_record_and_the_screen_name_the_networks(trained):
    folder, out = trained
    found = record(folder)
    assert found["config"]["ensemble"] == 2
    assert found["layers"][0][0] == "2 × Embedding"
    assert "2 LSTMs alone" in out
    assert "2 LSTMs and wide channel" in (folder / "report.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_weights(trained, tmp_path):
    train_and_kill(tmp_path / "killed", *QUICK)
    run_command("train", f"resume={tmp_path / 'killed'}")
    whole, resumed = weights(trained[0], "last"), weights(tmp_path / "killed", "last")
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in whole.items())
    members = {name.split(".")[2] for name in whole if name.startswith("network.networks.")}
    assert members == {"0", "1"}


def test_evaluate_predict_and_python_agree(trained, tmp_path):
    folder, _ = trained
    call("evaluate", f"run={folder}")
    again = record(folder / "evaluation" / "test")["test"]
    assert again["log_loss"] == pytest.approx(record(folder)["test"]["log_loss"], abs=1e-6)

    shutil.copytree(folder, tmp_path / "trial")
    shutil.rmtree(tmp_path / "trial" / "checkpoints")
    call("evaluate", f"run={tmp_path / 'trial'}")
    assert record(tmp_path / "trial" / "evaluation" / "test")["test"] == again

    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    output = tmp_path / "predicted.csv"
    call("predict", f"run={folder}", f"input={texts}", f"output={output}")
    with open(output, encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    expected = TextClassifier.load(folder).probabilities(TEXTS)
    labels = record(folder)["labels"]
    found = torch.tensor([[float(row[f"probability_{label}"]) for label in labels] for row in rows])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_the_exported_model_predicts_as_the_ensemble(trained):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    folder, _ = trained
    call("export", f"run={folder}")
    session = onnxruntime.InferenceSession(
        folder / "model" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    classifier = TextClassifier.load(folder)
    ids = [classifier.tokenizer.encode(text).ids for text in TEXTS]
    tokens = torch.zeros(2, max(map(len, ids)), dtype=torch.long)
    for row, own in enumerate(ids):
        tokens[row, : len(own)] = torch.tensor(own)
    assert classifier.wide is not None
    terms, values = classifier.wide.features(TEXTS).padded()
    given = [tokens, torch.tensor([len(own) for own in ids]), terms, values]
    names = ["tokens", "lengths", "terms", "values"]
    found = session.run(
        None, {name: tensor.numpy() for name, tensor in zip(names, given, strict=True)}
    )[0]
    expected = classifier.probabilities(TEXTS)
    torch.testing.assert_close(torch.from_numpy(found), expected, rtol=0, atol=1e-5)


def test_networks_that_read_one_way_start_from_the_language_model_of_their_own(tmp_path):
    options = ["pretrain=own_text", "pretrain.epochs=1", "pretrain.candidates=50", "optimizer.lr=0"]
    call("train", *QUICK, *options, "wide=false", f"hydra.run.dir={tmp_path / 'run'}")
    found = weights(tmp_path / "run", "last")
    own = "lstm.0.forwards.weight_hh_l0"
    forwards, backwards = (found[f"network.networks.{number}.{own}"] for number in (0, 1))
    assert not torch.equal(forwards, backwards)
    embeddings = [found[f"network.networks.{number}.embedding.weight"] for number in (0, 1)]
    assert torch.equal(*embeddings)
    config = json.loads((tmp_path / "run" / "model" / "config.json").read_text(encoding="utf-8"))
    assert config["network"]["bidirectional"] is False
    assert config["network"]["ensemble"] == 2
