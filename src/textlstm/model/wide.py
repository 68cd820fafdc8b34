"""The wide channel: a linear layer over TF-IDF of n-grams, beside the LSTM. Pure numpy and torch.

Shape suffixes: N texts, V terms, C classes, F the terms of all texts end to end.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional

from textlstm.checks import InputError, check_choice, check_flag, check_whole
from textlstm.foreign_files import parse_json
from textlstm.model.tensors import check_shapes, parse_tensors
from textlstm.writing import write_bytes

UNITS = ("word", "character", "both")
RUNS = (3, 5)  # the shortest and the longest run of characters, for the unit `both`
WORD = re.compile(r"\b\w\w+\b")
TEXTS = 1000  # of which the terms are in memory together
FILES = ("wide.safetensors", "wide.json")
KEYS = {"unit", "longest", "sublinear", "terms"}
LONGEST = 10  # words or characters of a term, at most: each text is read as often


def n_grams(text: str, unit: str, longest: int) -> Iterator[str]:
    """Gives the terms of a text, in lower case: runs of 1 to `longest` words or characters.

    Words are of at least two characters; runs of characters keep inside a word, with a space on
    either side of it. The unit `both` has runs of words, and of 3 to 5 characters; a word is one
    term with a run of the same characters.
    """
    text, shortest = text.lower(), 1
    if unit != "character":
        words = WORD.findall(text)
        yield from words
        for length in range(2, longest + 1):
            shifted = (words[start:] for start in range(length))
            yield from map(" ".join, zip(*shifted, strict=False))
        if unit == "word":
            return
        shortest, longest = RUNS
    for word in text.split():
        padded = f" {word} "
        for length in range(shortest, longest + 1):
            yield from (padded[i : i + length] for i in range(len(padded) - length + 1))


class Features(NamedTuple):
    """Terms and their weights in N texts, all texts end to end."""

    columns_F: Tensor
    """The number of each term."""
    values_F: Tensor
    """The TF-IDF of each term, of length 1 in each text."""
    starts_N: Tensor
    """Where each text begins."""

    def padded(self) -> tuple[Tensor, Tensor]:
        """Gives numbers and weights of the terms, a row for each text, padded with 0 (N, T)."""
        ends_N = torch.cat([self.starts_N[1:], torch.tensor([len(self.columns_F)])])
        lengths_N = ends_N - self.starts_N
        shape = (len(lengths_N), max([1, *lengths_N.tolist()]))
        inside_NT = torch.arange(shape[1]) < lengths_N[:, None]
        terms_NT, values_NT = torch.zeros(shape, dtype=torch.long), torch.zeros(shape)
        terms_NT[inside_NT], values_NT[inside_NT] = self.columns_F, self.values_F
        return terms_NT, values_NT


class WideChannel:
    """Class probabilities from the terms of a text alone.

    Args:
        terms: the V terms that it knows.
        idf_V: the weight of each term, by how rare it is.
        weights_VC: what each term adds to the score of each class.
        bias_C: the score of each class for a text without any term.
        unit, longest: what terms are, as `n_grams` takes them.
        sublinear: whether a count c weighs 1 + ln c in place of c.
    """

    def __init__(
        self,
        terms: list[str],
        idf_V: Tensor,
        weights_VC: Tensor,
        bias_C: Tensor,
        *,
        unit: str,
        longest: int,
        sublinear: bool,
    ) -> None:
        check_choice("the unit of the wide channel", unit, UNITS)
        check_whole("the longest term of the wide channel", longest, minimum=1)
        if longest > LONGEST:
            raise InputError(f"The longest term of the wide channel must be at most {LONGEST}.")
        check_flag("sublinear of the wide channel", sublinear)
        if not len(terms) == len(idf_V) == len(weights_VC) or weights_VC.shape[1:] != bias_C.shape:
            raise InputError("terms, idf and weights of the wide channel are not of one size.")
        self.columns = {term: column for column, term in enumerate(terms)}
        if len(self.columns) < len(terms):
            raise InputError("A term of the wide channel stands there twice.")
        finite = all(tensor.isfinite().all() for tensor in (idf_V, weights_VC, bias_C))
        if not finite or not (idf_V > 0).all():
            raise InputError("The wide channel has weights that are no numbers, or a term of none.")
        self.idf_V, self.weights_VC, self.bias_C = idf_V, weights_VC, bias_C
        self.unit, self.longest, self.sublinear = unit, longest, sublinear

    @classmethod
    def load(cls, folder: Path) -> "WideChannel":
        """Reads what `save` wrote; nothing in it is executed."""
        return cls.from_parts(*((folder / name).read_bytes() for name in FILES))

    @classmethod
    def from_parts(cls, tensors: bytes, facts: bytes) -> "WideChannel":
        """Reads the contents of wide.safetensors and wide.json.

        Raises:
            InputError: they are damaged, or do not belong together.
        """
        described = parse_json(facts, FILES[1])
        if not isinstance(described, dict) or described.keys() != KEYS:
            raise InputError(f"{FILES[1]} must have the keys {', '.join(sorted(KEYS))}.")
        terms = described.pop("terms")
        if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms):
            raise InputError(f"{FILES[1]}: terms must be a list of texts.")

        found = parse_tensors(tensors, FILES[0])
        shapes = {name: tuple(tensor.shape) for name, tensor in found.items()}
        classes = shapes.get("bias", ())
        check_shapes(
            shapes,
            {"idf": (len(terms),), "weights": (len(terms), *classes), "bias": classes},
        )
        return cls(terms, found["idf"], found["weights"], found["bias"], **described)

    def parts(self) -> dict[str, bytes]:
        """Gives the contents of wide.safetensors and wide.json."""
        tensors = {"idf": self.idf_V, "weights": self.weights_VC, "bias": self.bias_C}
        facts = {
            "unit": self.unit,
            "longest": self.longest,
            "sublinear": self.sublinear,
            "terms": list(self.columns),
        }
        return {
            "wide.safetensors": save({name: value.contiguous() for name, value in tensors.items()}),
            "wide.json": f"{json.dumps(facts, ensure_ascii=False)}\n".encode(),
        }

    def save(self, folder: Path) -> None:
        """Writes wide.safetensors and wide.json, each whole or not at all."""
        for name, content in self.parts().items():
            # safetensors' own save_file lets nobody but its user read the file, whatever the umask.
            write_bytes(folder / name, content)

    def features(self, texts: list[str]) -> Features:
        """Counts and weighs the known terms of each text."""
        columns, counts, lengths = [], [], []
        for text in texts:
            terms = n_grams(text, self.unit, self.longest)
            found = Counter(column for term in terms if (column := self.columns.get(term, -1)) >= 0)
            columns.append(np.fromiter(found, np.int64, len(found)))
            counts.append(np.fromiter(found.values(), np.float64, len(found)))
            lengths.append(len(found))

        starts_N = np.array([0, *lengths]).cumsum()[:-1]
        columns_F = np.concatenate([np.empty(0, np.int64), *columns])
        values_F = self.weighted(columns_F, np.concatenate([np.empty(0), *counts]), lengths)
        return Features(*map(torch.from_numpy, (columns_F, values_F, starts_N)))

    def weighted(self, columns_F: np.ndarray, counts_F: np.ndarray, lengths: Any) -> np.ndarray:
        """Weighs the counts of terms by TF-IDF, to length 1 in each text.

        Args:
            columns_F: the number of each term, all texts end to end.
            counts_F: how often it stands in its text.
            lengths: how many terms each text has.
        """
        values_F = 1 + np.log(counts_F) if self.sublinear else counts_F
        values_F = values_F * self.idf_V.double().numpy()[columns_F]
        text_F = np.repeat(np.arange(len(lengths)), lengths)
        squares_N = np.bincount(text_F, values_F**2, minlength=len(lengths))
        return (values_F / np.sqrt(squares_N)[text_F]).astype(np.float32)

    def log_probabilities(self, texts: list[str]) -> Tensor:
        """Gives the logarithm of each class's probability for each text (N, C)."""
        parts = [torch.empty(0, len(self.bias_C))]
        for start in range(0, len(texts), TEXTS):
            added_NC = self.added(self.features(texts[start : start + TEXTS]))
            parts.append(self.log_scores(added_NC))
        return torch.cat(parts)

    def log_scores(self, added_NC: Tensor) -> Tensor:
        """Gives `log_probabilities` (N, C) from what `added` gives."""
        return (added_NC + self.bias_C.to(added_NC.device)).log_softmax(dim=1)

    def added(self, features: Features) -> Tensor:
        """Gives what the terms of each text add to the score of each class (N, C)."""
        return functional.embedding_bag(
            features.columns_F,
            self.weights_VC,
            features.starts_N,
            mode="sum",
            per_sample_weights=features.values_F,
        )


def mixed(lstm_NC: Tensor, wide_NC: Tensor, *, weight: float, temperature: float) -> Tensor:
    """Mixes log-probabilities (N, C): `weight` of the LSTM's, the rest of the wide channel's."""
    log_NC = weight * lstm_NC.double() + (1 - weight) * wide_NC.double()
    return (log_NC / temperature).log_softmax(dim=1)
