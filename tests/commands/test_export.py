"""Exporting a finished run to ONNX."""

import json
import re
import shutil

import pytest

from helpers.commands import record, run, table
from textlstm.checks import InputError
from textlstm.commands.export import export
from textlstm.model.bundle import TextClassifier


def test_export_writes_a_checked_onnx_model(trained, monkeypatch):
    pytest.importorskip("onnxruntime")
    # Nothing can be kept of this machine in such a home.
    monkeypatch.setenv("HOME", str(trained / "report.md" / "home"))
    out, errors = run("export", f"run={trained}")
    assert (trained / "model" / "model.onnx").is_file()
    assert float(re.search(r"largest difference .*: (\S+) \(", out)[1]) <= 1e-5
    assert errors == ""
    assert out.endswith(f"\nfolder: {trained}/model (model.onnx)\n")
    assert "input: texts (string, batch), as they are: no tokenizer is needed" in out
    assert "equal to 1e-5 for 60 of 60 texts of the run" in out


@pytest.mark.parametrize("found", [1.0, float("nan")])
def test_a_model_that_differs_or_is_no_number_is_not_exported(trained, monkeypatch, found):
    pytest.importorskip("onnxruntime")
    differences = iter([1e-7, found, 1e-7])
    monkeypatch.setattr(
        "textlstm.exporting.exported.difference", lambda *arguments: next(differences)
    )
    before = sorted((trained / "model").iterdir())
    with pytest.raises(RuntimeError, match="The ONNX model differs from PyTorch by"):
        export({"run": str(trained), "int8": False, "html": False})
    assert sorted((trained / "model").iterdir()) == before


@pytest.mark.slow
def test_weights_of_eight_bits_are_compared_on_validation_rows(trained):
    pytest.importorskip("onnxruntime")
    out, errors = run("export", f"run={trained}", "int8=true")
    assert "Warning" not in errors
    assert (trained / "model" / "model_int8.onnx").is_file()
    said = re.search(
        r"int8: ([\d.]+) MB in place of ([\d.]+) MB; accuracy on 60 rows of validation ([\d.]+) in "
        r"place of ([\d.]+) \(([+-][\d.]+)\); (\d+) of them get another class",
        out,
    )
    small, whole, after, before, change = map(float, said.groups()[:5])
    assert small < whole
    assert before == pytest.approx(record(trained)["validation"]["accuracy"], abs=1e-4)
    assert change == pytest.approx(after - before, abs=1e-4)
    assert int(said[6]) >= abs(change) * 60 - 0.01


def test_eight_bits_need_validation_rows(trained, tmp_path):
    pytest.importorskip("onnxruntime")
    shutil.copytree(trained, tmp_path / "run")
    metrics = tmp_path / "run" / "metrics.json"
    metrics.write_text(json.dumps({**record(trained), "refit": True}), encoding="utf-8")
    with pytest.raises(InputError, match="int8=true compares on validation rows, and a refit has"):
        export({"run": str(tmp_path / "run"), "int8": True, "html": False})


def test_predictions_without_texts_are_refused(trained, tmp_path):
    pytest.importorskip("onnxruntime")
    shutil.copytree(trained, tmp_path / "run")
    config = {"run": str(tmp_path / "run"), "int8": False, "html": False}
    (tmp_path / "run" / "predictions.csv").write_text("gold,predicted\na,b\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"predictions.csv has no texts to compare on"):
        export(config)


def test_the_page_describes_the_model_and_shows_test_texts_only_if_that_is_asked(
    trained, tmp_path, monkeypatch, capsys
):
    pytest.importorskip("onnxruntime")
    shutil.copytree(trained, tmp_path / "run")
    monkeypatch.setattr("textlstm.commands.export.browser_runtime", lambda cache: {})
    config = {"run": str(tmp_path / "run"), "int8": False, "html": True}
    file = tmp_path / "run" / "html" / "model.json"
    kept = record(trained)

    export(config)
    shown = json.loads(file.read_text(encoding="utf-8"))
    assert (shown["name"], shown["classes"], shown["examples"]) == ("run", kept["labels"], [])
    assert shown["scores"][0]["accuracy"] == kept["test"]["accuracy"]
    assert (
        shown["max_length"] == shown["words_before_cut"] == TextClassifier.load(trained).max_length
    )
    assert "test set" not in capsys.readouterr().out

    model = (tmp_path / "run" / "model" / "model.onnx").read_bytes()
    monkeypatch.setattr(
        "textlstm.exporting.exported.write_classifier",
        lambda classifier, file, int8: file.write_bytes(model) * 0.0,
    )
    export({**config, "examples": True})
    examples = json.loads(file.read_text(encoding="utf-8"))["examples"]
    rows = {(row["text"], row["gold"]) for row in table(trained / "predictions.csv")}
    assert {(example["text"], example["label"]) for example in examples} <= rows
    assert len(examples) == 4
    assert "The page shows 4 texts of the test set to all readers." in capsys.readouterr().out


def test_examples_belong_to_the_page():
    with pytest.raises(InputError, match="examples=true is for the page: add html=true"):
        export({"run": "x", "int8": False, "html": False, "examples": True})
