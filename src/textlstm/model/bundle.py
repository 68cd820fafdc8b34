"""The saved model: weights, settings, tokenizer and class names; and the classifier made of them.

Predicting needs torch, numpy, tokenizers and safetensors alone.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from tokenizers import Tokenizer
from torch import Tensor

from textlstm.checks import InputError, check_number, check_whole
from textlstm.data.batching import EncodedTexts, batch_loader
from textlstm.data.settings import CutSettings
from textlstm.data.tokenizer import encode
from textlstm.model.bundle_parts import CHECKSUMS, FILES, FORMAT, checksum_lines, read_parts
from textlstm.model.ensemble import Network
from textlstm.model.explain import STEPS, Explanation, asked, explain_texts
from textlstm.model.texts import listed_texts
from textlstm.model.wide import WideChannel, mixed
from textlstm.writing import make_folder, write_bytes

__all__ = ["Explanation", "Prediction", "TextClassifier", "save_bundle"]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Computes in this thread alone, so that torch does not start others.

    A process that is forked later, such as a server's worker, does not have them, and its first
    prediction would wait for them for ever.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@dataclass(frozen=True)
class Prediction:
    """The most probable class of a text, and probabilities by class name, the largest first.

    `sure` says whether the largest probability reaches the threshold that was asked for.
    """

    label: str
    probabilities: dict[str, float]
    sure: bool = True


def save_bundle(
    folder: Path,
    *,
    network: Network,
    max_length: int | None,
    truncate: str,
    tokenizer_json: str,
    labels: list[str],
    temperature: float = 1.0,
    wide: WideChannel | None = None,
    weight: float = 1.0,
) -> None:
    """Writes the files of a bundle, each whole or not at all, and their checksums as the last one.

    Args:
        max_length, truncate: how longer texts were cut in training, as `EncodedTexts` takes them.
        tokenizer_json: the tokenizer that made the ids.
        labels: the class names in the order of the network's outputs.
        temperature: what class scores are divided by before the softmax.
        wide, weight: the channel beside the network, and the network's share in their mixture.
    """
    weights = {
        name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()
    }
    config: dict[str, Any] = {
        "format": FORMAT,
        "network": network.plain_values(),
        "max_length": max_length,
        "truncate": truncate,
        "temperature": temperature,
    }
    if wide is not None:
        config["wide"] = {"weight": weight}
    parts = {
        "model.safetensors": save(weights),
        "config.json": f"{json.dumps(config, indent=2)}\n".encode(),
        "tokenizer.json": tokenizer_json.encode(),
        "labels.json": f"{json.dumps(labels, ensure_ascii=False)}\n".encode(),
        **({} if wide is None else wide.parts()),
    }
    parts[CHECKSUMS] = checksum_lines(parts).encode()

    make_folder(folder, inside=folder.parent)
    for name, content in parts.items():
        # safetensors' own save_file lets nobody but its user read the file, whatever the umask.
        write_bytes(folder / name, content)


class TextClassifier:
    """A trained classifier, read from a run folder or its `model/` folder.

    >>> TextClassifier.load("outputs/runs/…").predict(["Striker signs for Porto"], top_k=2)
    """

    def __init__(
        self,
        network: Network,
        tokenizer: Tokenizer,
        labels: list[str],
        *,
        max_length: int | None,
        truncate: str,
        temperature: float = 1.0,
        wide: WideChannel | None = None,
        weight: float = 1.0,
    ) -> None:
        self.network, self.tokenizer, self.labels = network.eval(), tokenizer, labels
        self.max_length, self.truncate = max_length, truncate
        self.temperature, self.wide, self.weight = temperature, wide, weight
        self.process: int | None = None  # that predicted last

    @classmethod
    @_one_thread()
    def load(cls, folder: str | Path) -> "TextClassifier":
        """Reads a bundle from a run folder or its `model/` folder; nothing in it is executed.

        Raises:
            InputError: there is no bundle, or one that is damaged or has another format.
        """
        folder = Path(folder).expanduser()
        bundle = folder / "model" if (folder / "model").is_dir() else folder
        missing = [name for name in FILES if not (bundle / name).is_file()]

        if missing:
            raise InputError(
                f"{folder} holds no trained model ({', '.join(missing)} missing in {bundle}); "
                f"expected the folder of a finished run, such as outputs/runs/2026-01-31_12-00-00."
            )

        parts = read_parts(bundle)
        return cls(
            parts.network,
            parts.tokenizer,
            parts.labels,
            max_length=parts.max_length,
            truncate=parts.truncate,
            temperature=parts.temperature,
            wide=parts.wide,
            weight=parts.weight,
        )

    @torch.inference_mode()
    def probabilities(self, texts: Iterable[str], *, batch_size: int = 256) -> Tensor:
        """Gives one probability per class for each text (N, C), in the order of `labels`.

        Raises:
            InputError: something else than texts, with its position, or weights that are too large
                to compute with.
        """
        check_whole("batch_size", batch_size, minimum=1)
        texts = listed_texts(texts)
        self._leave_threads_of_parent()
        log_NC = torch.empty(len(texts), len(self.labels))
        for batch in batch_loader(self.encoded(texts), batch_size, shuffle=False):
            logits_BC = self.network(batch.tokens_BT, batch.lengths_B)
            log_NC[batch.rows_B] = logits_BC.log_softmax(dim=1)
        wide_NC = None if self.wide is None else self.wide.log_probabilities(texts)
        probabilities_NC = self.mixture(log_NC, wide_NC).float()
        _check_finite(probabilities_NC)
        return probabilities_NC

    def encoded(self, texts: list[str]) -> EncodedTexts:
        """Gives the ids of texts, cut as in training; all have the label 0."""
        return EncodedTexts(
            encode(self.tokenizer, texts),
            torch.zeros(len(texts), dtype=torch.long),
            cut=CutSettings(max_length=self.max_length, truncate=self.truncate, pad_to=None),
        )

    def mixture(self, log_NC: Tensor, wide_NC: Tensor | None) -> Tensor:
        """Gives class probabilities (N, C) from the logarithms of the network's and the channel's.

        `wide_NC` is None where there is no wide channel.
        """
        if wide_NC is None:
            return (log_NC / self.temperature).softmax(dim=1)
        return mixed(log_NC, wide_NC, weight=self.weight, temperature=self.temperature).exp()

    def _leave_threads_of_parent(self) -> None:
        """Computes in one thread where a process that has predicted before was forked."""
        if self.process not in (None, os.getpid()):
            torch.set_num_threads(1)
        self.process = os.getpid()

    def predict(
        self,
        texts: Iterable[str],
        *,
        top_k: int | None = None,
        min_probability: float | None = None,
        batch_size: int = 256,
    ) -> list[Prediction]:
        """Names the most probable class of each text, with the `top_k` largest probabilities.

        Args:
            texts: a list, an iterator, an array, or a column of a table, such as pandas'.
            min_probability: predictions whose largest probability is below it are not `sure`.

        Raises:
            InputError: one string in place of several, something else than a text, with its
                position, or a number out of its range.
        """
        if top_k is not None:
            check_whole("top_k", top_k, minimum=1)
        if min_probability is not None:
            check_number("min_probability", min_probability, minimum=0, below=1)
        ranked = self.probabilities(texts, batch_size=batch_size).sort(dim=1, descending=True)
        return [
            Prediction(
                self.labels[classes[0]],
                dict(zip([self.labels[c] for c in classes[:top_k]], values, strict=False)),
                sure=min_probability is None or values[0] >= min_probability,
            )
            for values, classes in zip(ranked.values.tolist(), ranked.indices.tolist(), strict=True)
        ]

    def explain(
        self,
        texts: Iterable[str],
        *,
        target: str | Sequence[str] | None = None,
        against: str | Sequence[str | None] | None = None,
        steps: int = STEPS,
        batch_size: int = 32,
    ) -> list[Explanation]:
        """Says of each text how much each of its words adds to the probability of a class.

        >>> TextClassifier.load("outputs/runs/…").explain(["Striker signs for Porto"])

        Args:
            target: the class that is explained, or one for each text; None takes the predicted one.
            against: another class, or one for each text, whose probability is taken off: it answers
                why the text is not of that class. A text that is predicted to be of it, and has no
                target, is explained without.
            steps: of the integral: 16 show which words matter, and with 64 the shares add up to
                within 0.0005.

        Raises:
            InputError: as `predict`, or a class that the model does not have.
        """
        check_whole("steps", steps, minimum=1)
        texts = listed_texts(texts)
        predicted = self.probabilities(texts, batch_size=batch_size).argmax(dim=1).tolist()
        questions = asked(predicted, self.labels, target=target, against=against)
        return explain_texts(self, texts, questions, steps=steps, batch_size=batch_size)


def _check_finite(probabilities_NC: Tensor) -> None:
    """Refuses predictions that are no numbers."""
    finite_N = probabilities_NC.isfinite().all(dim=1)
    if not finite_N.all():
        position = int((~finite_N).nonzero()[0])
        raise InputError(
            f"The model gives no probabilities for the text at position {position}: its weights "
            f"are too large. Train it anew with a smaller optimizer.lr."
        )
