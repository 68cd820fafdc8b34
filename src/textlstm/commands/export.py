"""Writes a finished run's model as ONNX beside it, checked against PyTorch."""

import json
import os
from typing import Any

import numpy as np

from textlstm.checks import InputError, parse_settings
from textlstm.commands.settings import ExportSettings
from textlstm.escaping import visible
from textlstm.model.bundle import TextClassifier
from textlstm.model.onnx import SHAPES, TOLERANCE, Probabilities, difference, write_onnx
from textlstm.runs.folder import RunFolder
from textlstm.typed import installing
from textlstm.writing import make_folder, whole


def export(config: dict[str, Any]) -> None:
    """Writes RUN/model/model.onnx: `tokens` (B, T) and `lengths` (B) to `probabilities` (B, C).

    With a wide channel the model has two more inputs, `terms` and `values` (B, F).

    Raises:
        InputError: no finished run, or the packages of the extra are missing.
        RuntimeError: the ONNX model disagrees with PyTorch.
    """
    settings = parse_settings(ExportSettings, config)
    run = RunFolder.finished(settings.run)
    classifier = TextClassifier.load(run.path)
    # onnxruntime would keep an identity of this machine in HOME.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  (torch.onnx needs it)
    except ImportError as error:
        raise InputError(
            f"export needs the extra packages: {installing('export')} ({error})."
        ) from error

    file = run.model / "model.onnx"
    probabilities = Probabilities(
        classifier.network, classifier.temperature, classifier.wide, classifier.weight
    )
    make_folder(run.model, inside=run.path)
    with whole(file) as unfinished:
        write_onnx(probabilities, unfinished)
        session = onnxruntime.InferenceSession(unfinished, providers=["CPUExecutionProvider"])
        # Not Python's max, which may drop a NaN; and no comparison with one is true.
        worst = float(np.max([difference(session, probabilities, *shape) for shape in SHAPES]))
        if not worst <= TOLERANCE:
            raise RuntimeError(
                f"The ONNX model differs from PyTorch by {worst:.1e}, more than {TOLERANCE:g}."
            )

    shapes = ", ".join(f"{batch} × {tokens}" for batch, tokens in SHAPES)
    print(visible(file))
    print(
        f"largest difference from PyTorch in a probability: {worst:.1e} (batch × tokens: {shapes})"
    )
    print("inputs: tokens (int64, batch × length, padded with 0), lengths (int64, batch)")
    if classifier.wide is not None:
        print(
            "and terms (int64), values (float32), both batch × terms, padded with 0: what "
            "TextClassifier.load(RUN).wide.features(texts).padded() gives"
        )
    print(f"classes: {visible(json.dumps(classifier.labels, ensure_ascii=False))}")
