"""Reads the parts of a saved model, and refuses those that do not belong together.

A bundle may come from a stranger. So each part is compared with its checksum, which shows damage,
and with the sizes that the others claim, before memory for it is taken. A stranger can forge
checksums; the comparison of sizes does not rely on them.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer

from textlstm.checks import InputError, check_choice, check_number, check_whole, parse_settings
from textlstm.data.settings import TRUNCATE
from textlstm.data.tokenizer import load_tokenizer
from textlstm.foreign_files import parse_json, read_bytes
from textlstm.model.ensemble import Network
from textlstm.model.planned import planned_network
from textlstm.model.settings import NetworkSettings
from textlstm.model.tensors import Shapes, check_shapes, parse_tensors, read_shapes, shapes_of
from textlstm.model.wide import WideChannel

FORMAT = 4
READABLE = (2, 3, 4)  # format 2 had no temperature, and those before 4 no checksums
FILES = ("model.safetensors", "config.json", "tokenizer.json", "labels.json")
CHECKSUMS = "SHA256SUMS"
SMALL = 1_000_000  # bytes of a part besides those for each of its entries
PER_ENTRY = 1_000  # bytes of a token, a class name or a term, on average, at most
LONGEST_TEXT = 2**31 - 1  # tokens
CHECKSUM = re.compile(r"([0-9a-f]{64}) [ *]([\w.-]+)")


class Parts(NamedTuple):
    """What a classifier is made of, as `TextClassifier` takes it."""

    network: Network
    tokenizer: Tokenizer
    labels: list[str]
    max_length: int | None
    truncate: str
    temperature: float
    wide: WideChannel | None
    weight: float


def checksum_lines(parts: Mapping[str, bytes]) -> str:
    """Lists the SHA-256 of each part of a bundle, as `sha256sum -c` reads it."""
    return "".join(f"{sha256(content).hexdigest()}  {name}\n" for name, content in parts.items())


def read_parts(bundle: Path) -> Parts:
    """Reads a bundle whose files are all there.

    Raises:
        InputError: it has another format, or parts that are damaged or do not belong together.
    """
    with _damage_named(bundle):
        content = read_bytes(bundle / "config.json", most=SMALL)
        config = parse_json(content, "config.json")
        if not isinstance(config, dict):
            raise InputError("config.json has no keys.")
        check_whole("config.json: format", config.get("format"), minimum=1)
    if config["format"] not in READABLE:
        raise InputError(
            f"{bundle} has format {config['format']}; this version of textlstm reads formats "
            f"{READABLE[0]} to {FORMAT}."
        )

    with _damage_named(bundle):
        files = _CheckedFiles(bundle, needed=config["format"] >= 4)
        files.compare("config.json", content)
        parts = _read(files, config)
    if not all(weight.isfinite().all() for weight in parts.network.state_dict().values()):
        raise InputError(
            f"The model in {bundle} has weights that are no numbers: its training failed. "
            f"Train it anew with a smaller optimizer.lr."
        )
    return parts


@contextmanager
def _damage_named(bundle: Path) -> Iterator[None]:
    """Says of each error inside which model it is about, and what to do."""
    try:
        yield
    except InputError as error:
        said = str(error)
        said = said if len(said) <= 500 else f"{said[:500]}…"
        raise InputError(
            f"The model in {bundle} is damaged: {said} Copy it again from where it was made, or "
            f"train it anew."
        ) from error


class _CheckedFiles:
    """The files of a bundle, each compared with its checksum when it is read.

    Args:
        bundle: the folder.
        needed: whether there must be checksums; where they are not needed they are compared if
            they are there.
    """

    def __init__(self, bundle: Path, *, needed: bool) -> None:
        self.bundle = bundle
        self.checksums: dict[str, str] | None = None
        if needed or (bundle / CHECKSUMS).exists():
            lines = read_bytes(bundle / CHECKSUMS, most=SMALL).decode(errors="replace").splitlines()
            found = [CHECKSUM.fullmatch(line) for line in lines]
            if not all(found):
                raise InputError(f"{CHECKSUMS} does not list a checksum in each line.")
            self.checksums = {match[2]: match[1] for match in found if match}

    def read(self, name: str, *, most: int) -> bytes:
        """Reads a file of at most `most` bytes."""
        content = read_bytes(self.bundle / name, most=most)
        self.compare(name, content)
        return content

    def compare(self, name: str, content: bytes) -> None:
        """Refuses content that has another checksum than the file that was saved."""
        if self.checksums is None or self.checksums.get(name) == sha256(content).hexdigest():
            return
        raise InputError(
            f"{name} is not the file that was saved: its SHA-256 is not the one in {CHECKSUMS}. "
            f"`sha256sum *.json *.safetensors > {CHECKSUMS}` there accepts a change of your own."
        )


def _read(files: _CheckedFiles, config: dict[str, Any]) -> Parts:
    """Reads the parts whose sizes the config and the header of the weights agree on."""
    max_length, temperature = _read_settings(config)
    found = read_shapes(files.bundle / "model.safetensors")
    network = _planned(config["network"], tensors=len(found))
    expected = shapes_of(network)
    check_shapes(found, expected)

    classes = network.members[0].output.out_features
    labels = parse_json(files.read("labels.json", most=_most(classes)), "labels.json")
    check_class_names(labels, classes, "labels.json")
    tokens = network.members[0].embedding.num_embeddings
    tokenizer = read_tokenizer(files.read("tokenizer.json", most=_most(tokens)), tokens)

    wide, weight = None, 1.0
    if "wide" in config:
        wide, weight = _read_wide(files, classes), config["wide"]["weight"]

    weights = files.read("model.safetensors", most=_most_bytes(expected))
    network.load_state_dict(parse_tensors(weights, "model.safetensors"), assign=True)
    return Parts(
        network, tokenizer, labels, max_length, config["truncate"], temperature, wide, weight
    )


def _read_settings(config: dict[str, Any]) -> tuple[int | None, float]:
    """Checks the keys of config.json, and the values of all but `network`.

    Returns:
        The length after which texts are cut, and the temperature.
    """
    temperature = {} if config["format"] == 2 else {"temperature"}
    needed = {"format", "network", "max_length", "truncate", *temperature}
    if missing := sorted(needed - config.keys()):
        raise InputError(f"config.json has no {', '.join(missing)}.")
    if unknown := sorted(config.keys() - needed - {"wide"}):
        raise InputError(f"config.json has a key that no model has, {unknown[0][:50]!r}.")

    if config["max_length"] is not None:
        check_whole("config.json: max_length", config["max_length"], minimum=1)
        if config["max_length"] > LONGEST_TEXT:
            raise InputError(f"config.json: max_length must be at most {LONGEST_TEXT}.")
    check_choice("config.json: truncate", config["truncate"], TRUNCATE)
    check_number("config.json: temperature", config.get("temperature", 1.0), minimum=0)
    if not config.get("temperature", 1.0):
        raise InputError("config.json: temperature must be above 0.")

    wide = config.get("wide", {"weight": 1.0})
    if not isinstance(wide, dict) or wide.keys() != {"weight"}:
        raise InputError("config.json: wide must have the key weight alone.")
    check_number("config.json: wide.weight", wide["weight"], minimum=0)
    if wide["weight"] > 1:
        raise InputError(f"config.json: wide.weight must be at most 1, got {wide['weight']}.")
    return config["max_length"], config.get("temperature", 1.0)


def _planned(values: Any, *, tensors: int) -> Network:
    """Makes the network that config.json describes, without memory for its weights."""
    if not isinstance(values, dict):
        raise InputError("config.json: network has no keys.")
    rest = {"ensemble": 1, **values}
    try:
        sizes = {key: rest.pop(key) for key in ("vocab_size", "classes", "ensemble")}
    except KeyError as error:
        raise InputError(f"config.json: network has no {error}.") from error
    return planned_network(parse_settings(NetworkSettings, rest, "model"), **sizes, tensors=tensors)


def check_class_names(labels: Any, classes: int, name: str) -> None:
    """Refuses anything but as many different names as there are classes.

    Raises:
        InputError: what is wrong, in what messages call `name`.
    """
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise InputError(f"{name} must be a list of class names.")
    if len(labels) != classes:
        raise InputError(f"{name} has {len(labels)} class names, and the network {classes}.")
    if len(set(labels)) < classes or "" in labels:
        raise InputError(f"{name} must have different class names, none of them empty.")
    try:
        "".join(labels).encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{name} has a class name with half a character.") from error


def read_tokenizer(content: bytes | str, tokens: int) -> Tokenizer:
    """Reads the tokenizer of a network whose embedding has rows for so many tokens.

    Raises:
        InputError: it was not made by textlstm, or has another number of tokens.
    """
    tokenizer = load_tokenizer(content)
    if tokenizer.get_vocab_size() != tokens:
        raise InputError(
            f"its tokenizer has {tokenizer.get_vocab_size()} tokens, and its embedding {tokens}: "
            f"it is that of another model."
        )
    return tokenizer


def _read_wide(files: _CheckedFiles, classes: int) -> WideChannel:
    """Reads the wide channel of a model with so many classes."""
    found = read_shapes(files.bundle / "wide.safetensors")
    terms = found.get("idf", (0,))[0] if len(found.get("idf", ())) == 1 else 0
    expected = {"idf": (terms,), "weights": (terms, classes), "bias": (classes,)}
    check_shapes(found, expected)
    return WideChannel.from_parts(
        files.read("wide.safetensors", most=_most_bytes(expected)),
        files.read("wide.json", most=_most(terms)),
    )


def _most(entries: int) -> int:
    """The most bytes that JSON with so many entries may have."""
    return SMALL + PER_ENTRY * entries


def _most_bytes(shapes: Shapes) -> int:
    """The most bytes that a file of tensors of these shapes may have."""
    numbers = sum(torch.Size(shape).numel() for shape in shapes.values())
    return 2 * SMALL + 8 * numbers
