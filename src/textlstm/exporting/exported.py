"""Writes a classifier as an ONNX model, whole or in int8, and compares the two with PyTorch."""

import json
import unicodedata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process

from textlstm.data.batching import EncodedTexts
from textlstm.data.settings import CutSettings
from textlstm.data.tokenizer import encode
from textlstm.exporting.onnx import (
    SHAPES,
    TOLERANCE,
    MixedProbabilities,
    Probabilities,
    difference,
    write_onnx,
)
from textlstm.exporting.onnx_text import take_texts
from textlstm.model.bundle import TextClassifier

TEXTS = 64  # at once: with a wide channel, a text takes four bytes for each term that there is
SIGMA = "Σ"  # Python writes it in another way at the end of a word; the graph does not look there


class Compared(NamedTuple):
    """The probabilities of an ONNX model beside PyTorch's, for texts.

    Args:
        texts: how many there are.
        equal: for how many the probabilities are equal to 1e-5.
        example: one of the others; empty without any.
        unexplained: how many of the others have only letters that the graph knows.
    """

    texts: int
    equal: int
    example: str
    unexplained: int


def takes_texts(classifier: TextClassifier) -> bool:
    """Tells whether its ONNX model reads texts; those of parts of words read ids."""
    described = json.loads(classifier.tokenizer.to_str())
    return bool(described["model"]["type"] == "WordLevel")


def write_classifier(classifier: TextClassifier, file: Path, *, int8: Path | None = None) -> float:
    """Writes a classifier as ONNX: from texts to probabilities, if that can be, else from ids.

    Args:
        file: the model with the weights as they are.
        int8: where the same model goes with its weights in eight bits; None writes none.

    Returns:
        The largest difference from PyTorch in a probability, on random ids.

    Raises:
        RuntimeError: the difference is more than rounding, or no number.
    """
    with_texts = takes_texts(classifier)
    kind = MixedProbabilities if with_texts and classifier.wide is not None else Probabilities
    probabilities = kind(
        classifier.network, classifier.temperature, classifier.wide, classifier.weight
    )
    write_onnx(probabilities, file)

    ids = session_of(file)
    # Not Python's max, which may drop a NaN; and no comparison with one is true.
    worst = float(np.max([difference(ids, probabilities, *shape) for shape in SHAPES]))
    if not worst <= TOLERANCE:
        raise RuntimeError(
            f"The ONNX model differs from PyTorch by {worst:.1e}, more than {TOLERANCE:g}."
        )

    if int8 is not None:
        _write_int8(file, int8)
    for written in (file, int8):
        if written is not None:
            _finish(classifier, written, with_texts=with_texts)
    return worst


def _write_int8(file: Path, int8: Path) -> None:
    """Writes a model again with the weights of LSTMs, products and embeddings in eight bits."""
    with TemporaryDirectory() as folder:
        # Weights must stand in the model as they are used.
        plain = Path(folder) / "plain.onnx"
        quant_pre_process(file, plain, skip_symbolic_shape=True, skip_onnx_shape=True)
        quantize_dynamic(
            plain,
            int8,
            op_types_to_quantize=["LSTM", "MatMul", "Gather"],
            weight_type=QuantType.QInt8,
            reduce_range=True,  # seven of the bits: processors without VNNI overflow at eight
        )


def _finish(classifier: TextClassifier, file: Path, *, with_texts: bool) -> None:
    """Lets a model of ids take texts, if it can, and writes the class names into it."""
    model = onnx.load(file)
    if with_texts:
        take_texts(
            model,
            classifier.tokenizer,
            max_length=classifier.max_length,
            truncate=classifier.truncate,
            wide=classifier.wide,
        )
    classes = json.dumps(classifier.labels, ensure_ascii=False)
    onnx.helper.set_model_props(model, {"classes": classes})
    onnx.save(model, file)


def session_of(file: Path) -> Any:
    """Opens a model as ONNX Runtime runs it."""
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


def onnx_probabilities(session: Any, classifier: TextClassifier, texts: list[str]) -> np.ndarray:
    """Gives the probabilities (N, C) that an ONNX model of a classifier has for texts."""
    names = [given.name for given in session.get_inputs()]
    parts = [np.empty((0, len(classifier.labels)), np.float32)]
    for start in range(0, len(texts), TEXTS):
        some = texts[start : start + TEXTS]
        if names == ["texts"]:
            given = {"texts": np.array(some, dtype=object)}
        else:
            given = dict(zip(names, _ids(classifier, some), strict=True))
        parts.append(session.run(None, given)[0])
    return np.concatenate(parts)


def _ids(classifier: TextClassifier, texts: list[str]) -> list[np.ndarray]:
    """What a model of ids takes for texts, in the order of its inputs."""
    cut = CutSettings(max_length=classifier.max_length, truncate=classifier.truncate, pad_to=None)
    labels_N = torch.zeros(len(texts), dtype=torch.long)
    encoded = EncodedTexts(encode(classifier.tokenizer, texts), labels_N, cut=cut)
    batch = encoded.__getitems__(list(range(len(texts))))
    inputs = [batch.tokens_BT, batch.lengths_B]
    if classifier.wide is not None:
        inputs += classifier.wide.features(texts).padded()
    return [tensor.numpy() for tensor in inputs]


def compare(session: Any, classifier: TextClassifier, texts: list[str]) -> Compared:
    """Compares the probabilities of an ONNX model with PyTorch's."""
    ours_NC = onnx_probabilities(session, classifier, texts)
    theirs_NC = classifier.probabilities(texts).numpy()
    near_N = np.abs(ours_NC - theirs_NC).max(axis=1, initial=0) <= TOLERANCE
    others = [text for text, near in zip(texts, near_N, strict=True) if not near]
    unexplained = [
        text for text in others if unicodedata.is_normalized("NFC", text) and SIGMA not in text
    ]
    example = [*unexplained, *others, ""][0]
    return Compared(len(texts), len(texts) - len(others), example, len(unexplained))
