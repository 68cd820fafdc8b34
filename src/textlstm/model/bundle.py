"""The saved model: weights, settings, tokenizer and class names; and the classifier made of them.

Predicting needs torch, numpy, tokenizers and safetensors alone.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from tokenizers import Tokenizer
from torch import Tensor

from textlstm.checks import InputError, check_whole
from textlstm.data.batching import EncodedTexts, batch_loader
from textlstm.data.settings import TRUNCATE, CutSettings
from textlstm.data.tokenizer import encode, load_tokenizer
from textlstm.model.network import LSTMClassifier

FORMAT = 2
FILES = ("model.safetensors", "config.json", "tokenizer.json", "labels.json")
DAMAGES = (  # what reading a damaged file raises
    json.JSONDecodeError,
    UnicodeDecodeError,
    KeyError,
    TypeError,
    RuntimeError,
    SafetensorError,
)


@dataclass(frozen=True)
class Prediction:
    """The most probable class of a text, and probabilities by class name, the largest first."""

    label: str
    probabilities: dict[str, float]


def save_bundle(
    folder: Path,
    *,
    network: LSTMClassifier,
    max_length: int | None,
    truncate: str,
    tokenizer_json: str,
    labels: list[str],
) -> None:
    """Writes the four files of a bundle.

    Args:
        max_length, truncate: how longer texts were cut in training, as `EncodedTexts` takes them.
        tokenizer_json: the tokenizer that made the ids.
        labels: the class names in the order of the network's outputs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()
    }
    # safetensors' own save_file lets nobody but its user read the file, whatever the umask.
    (folder / "model.safetensors").write_bytes(save(weights))
    config = {
        "format": FORMAT,
        "network": network.plain_values(),
        "max_length": max_length,
        "truncate": truncate,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (folder / "tokenizer.json").write_text(tokenizer_json, encoding="utf-8")
    (folder / "labels.json").write_text(
        json.dumps(labels, ensure_ascii=False) + "\n", encoding="utf-8"
    )


class TextClassifier:
    """A trained classifier, read from a run folder or its `model/` folder.

    >>> TextClassifier.load("outputs/runs/…").predict(["Striker signs for Porto"], top_k=2)
    """

    def __init__(
        self,
        network: LSTMClassifier,
        tokenizer: Tokenizer,
        labels: list[str],
        *,
        max_length: int | None,
        truncate: str,
    ) -> None:
        self.network, self.tokenizer, self.labels = network.eval(), tokenizer, labels
        self.max_length, self.truncate = max_length, truncate

    @classmethod
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

        try:
            config = json.loads((bundle / "config.json").read_text(encoding="utf-8"))
            labels = json.loads((bundle / "labels.json").read_text(encoding="utf-8"))
            if config["format"] != FORMAT:
                raise InputError(
                    f"{bundle} has format {config['format']}; this version of textlstm reads "
                    f"format {FORMAT}."
                )
            network = LSTMClassifier.from_plain_values(**config["network"])
            cut = {key: config[key] for key in ("max_length", "truncate")}
            if cut["truncate"] not in TRUNCATE:
                raise KeyError(f"truncate={cut['truncate']!r}")
            network.load_state_dict(load_file(bundle / "model.safetensors"))
            tokenizer = load_tokenizer((bundle / "tokenizer.json").read_text(encoding="utf-8"))
        except DAMAGES as error:
            raise InputError(f"The model in {bundle} is damaged: {error}") from error
        if not isinstance(labels, list) or len(labels) != network.output.out_features:
            raise InputError(
                f"The model in {bundle} is damaged: labels.json does not name its classes."
            )
        return cls(network, tokenizer, labels, **cut)

    @torch.inference_mode()
    def probabilities(self, texts: list[str], *, batch_size: int = 256) -> Tensor:
        """Gives one probability per class for each text (N, C), in the order of `labels`."""
        check_whole("batch_size", batch_size, minimum=1)
        encoded = EncodedTexts(
            encode(self.tokenizer, texts),
            torch.zeros(len(texts), dtype=torch.long),
            cut=CutSettings(max_length=self.max_length, truncate=self.truncate, pad_to=None),
        )
        probabilities_NC = torch.empty(len(texts), len(self.labels))
        for batch in batch_loader(encoded, batch_size, shuffle=False):
            logits_BC = self.network(batch.tokens_BT, batch.lengths_B)
            probabilities_NC[batch.rows_B] = logits_BC.softmax(dim=1)
        return probabilities_NC

    def predict(
        self, texts: list[str], *, top_k: int | None = None, batch_size: int = 256
    ) -> list[Prediction]:
        """Names the most probable class of each text, with the `top_k` largest probabilities.

        Raises:
            InputError: one string in place of a list, or a number below 1.
        """
        if isinstance(texts, str):
            raise InputError(
                "predict takes a list of texts, got one string; write predict([text])."
            )
        if top_k is not None:
            check_whole("top_k", top_k, minimum=1)
        ranked = self.probabilities(texts, batch_size=batch_size).sort(dim=1, descending=True)
        return [
            Prediction(
                self.labels[classes[0]],
                dict(zip([self.labels[c] for c in classes[:top_k]], values, strict=False)),
            )
            for values, classes in zip(ranked.values.tolist(), ranked.indices.tolist(), strict=True)
        ]
