"""Exporting a finished run to ONNX."""

import re

import pytest

from helpers.commands import run


def test_export_writes_a_checked_onnx_model(trained, monkeypatch):
    pytest.importorskip("onnxruntime")
    # Nothing can be kept of this machine in such a home.
    monkeypatch.setenv("HOME", str(trained / "report.md" / "home"))
    out, errors = run("export", f"run={trained}")
    assert (trained / "model" / "model.onnx").is_file()
    assert float(re.search(r"largest difference .*: (\S+) \(", out)[1]) <= 1e-5
    assert errors == ""
