"""Exporting a finished run to ONNX."""

import re

import pytest

from helpers.commands import run
from textlstm.commands.export import export


def test_export_writes_a_checked_onnx_model(trained, monkeypatch):
    pytest.importorskip("onnxruntime")
    # Nothing can be kept of this machine in such a home.
    monkeypatch.setenv("HOME", str(trained / "report.md" / "home"))
    out, errors = run("export", f"run={trained}")
    assert (trained / "model" / "model.onnx").is_file()
    assert float(re.search(r"largest difference .*: (\S+) \(", out)[1]) <= 1e-5
    assert errors == ""


@pytest.mark.parametrize("found", [1.0, float("nan")])
def test_a_model_that_differs_or_is_no_number_is_not_exported(trained, monkeypatch, found):
    pytest.importorskip("onnxruntime")
    differences = iter([1e-7, found, 1e-7])
    monkeypatch.setattr("textlstm.commands.export.difference", lambda *arguments: next(differences))
    before = sorted((trained / "model").iterdir())
    with pytest.raises(RuntimeError, match="The ONNX model differs from PyTorch by"):
        export({"run": str(trained)})
    assert sorted((trained / "model").iterdir()) == before
