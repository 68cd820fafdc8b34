"""Saved models as a stranger could make them: each function spoils one in another way.

Checksums are written anew afterwards, as they do not stop a stranger.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from helpers.bundles import read_config

Spoil = Callable[[Path], None]


def config(**changes: Any) -> Spoil:
    """Changes keys of config.json; a key with the value ... is left out."""

    def spoil(bundle: Path) -> None:
        changed = {**read_config(bundle), **changes}
        kept = {key: value for key, value in changed.items() if value is not ...}
        (bundle / "config.json").write_text(json.dumps(kept), encoding="utf-8")

    return spoil


def network(**changes: Any) -> Spoil:
    """Changes sizes and settings of the network in config.json."""
    return lambda bundle: config(network={**read_config(bundle)["network"], **changes})(bundle)


def content(name: str, text: str | bytes) -> Spoil:
    """Puts another content into a file."""
    written = text if isinstance(text, bytes) else text.encode()
    return lambda bundle: void((bundle / name).write_bytes(written))


def replaced(name: str, old: str, new: str) -> Spoil:
    """Replaces a part of a file's text, which must be there."""

    def spoil(bundle: Path) -> None:
        text = (bundle / name).read_text(encoding="utf-8")
        assert old in text
        (bundle / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return spoil


def weights(
    change: Callable[[dict[str, torch.Tensor]], object], name: str = "model.safetensors"
) -> Spoil:
    """Changes the tensors of a file."""

    def spoil(bundle: Path) -> None:
        tensors = load_file(bundle / name)
        change(tensors)
        save_file(tensors, bundle / name)

    return spoil


def tokenizer(change: Callable[[dict[str, Any]], object], name: str = "tokenizer.json") -> Spoil:
    """Changes the JSON of the tokenizer, or of another file."""

    def spoil(bundle: Path) -> None:
        described = json.loads((bundle / name).read_text(encoding="utf-8"))
        change(described)
        (bundle / name).write_text(json.dumps(described), encoding="utf-8")

    return spoil


def instead(name: str, make: Callable[[Path], object]) -> Spoil:
    """Puts something else than a regular file into the place of a file."""

    def spoil(bundle: Path) -> None:
        (bundle / name).unlink()
        make(bundle / name)

    return spoil


def void(_: object) -> None:
    """Gives nothing."""


def sparse(name: str, size: int) -> Spoil:
    """Makes a file as large as `size`, which takes no room on the disk."""
    return lambda bundle: os.truncate(bundle / name, size)


def header(change: Callable[[dict[str, Any]], object]) -> Spoil:
    """Changes the header of model.safetensors."""

    def spoil(bundle: Path) -> None:
        whole = (bundle / "model.safetensors").read_bytes()
        length = int.from_bytes(whole[:8], "little")
        named = json.loads(whole[8 : 8 + length])
        change(named)
        new = json.dumps(named).encode()
        written = len(new).to_bytes(8, "little") + new + whole[8 + length :]
        (bundle / "model.safetensors").write_bytes(written)

    return spoil


def model(**changes: Any) -> Spoil:
    """Changes the tokenizer's model."""
    return tokenizer(lambda described: described["model"].update(changes))


def steps(**changes: Any) -> Spoil:
    """Changes the tokenizer's steps."""
    return tokenizer(lambda described: described.update(changes))


def add_to_token(number: int) -> Spoil:
    """Gives the last token another id."""

    def change(described: dict[str, Any]) -> None:
        vocabulary = described["model"]["vocab"]
        vocabulary[list(vocabulary)[-1]] += number

    return tokenizer(change)


SLOW_PATTERN = {
    "type": "Split",
    "pattern": {"Regex": "(a+)+"},
    "behavior": "Removed",
    "invert": False,
}
LONG_MERGE = [["<0x00>", "<0x01>"]] * 2

HOSTILE: dict[str, Spoil] = {
    # Sizes
    "20 million tokens": network(vocab_size=20_000_000),
    "a million layers": network(layers=1_000_000),
    "a million networks": network(ensemble=1_000_000),
    "many hidden units": network(hidden=100_000),
    "units that follow from rows": network(hidden=None),
    "a size beyond all integers": network(embedding_dim=10**30),
    "a million dense layers": network(head=[1] * 100_000),
    "no layer": network(layers=0),
    "a layer that is true": network(layers=True),
    "half a layer": network(layers=1.5),
    "a list of layers": network(layers=[1]),
    "layers in words": network(layers="two"),
    "one class": network(classes=1),
    "another class": network(classes=3),
    "an unknown pooling": network(pooling="../../etc/passwd"),
    "a pooling that is a list": network(pooling=["mean"]),
    "another pooling": network(pooling="last"),
    "an unknown setting": network(shell="touch planted"),
    "another number of directions": network(bidirectional=False),
    "a network that is a list": config(network=[1, 2]),
    "no network": config(network=...),
    # Numbers
    "a negative length": config(max_length=-3),
    "no tokens at all": config(max_length=0),
    "a length of more than 64 bits": config(max_length=10**30),
    "a length in words": config(max_length="12"),
    "a cut that is unknown": config(truncate="middle"),
    "a cut that is null": config(truncate=None),
    "a temperature of zero": config(temperature=0),
    "a negative temperature": config(temperature=-1.0),
    "an infinite temperature": content("config.json", b'{"format": 4, "temperature": Infinity}'),
    "a temperature that overflows": replaced("config.json", '"temperature": 1.0', '"x": 1e999'),
    "a temperature that is true": config(temperature=True),
    "a tiny temperature": config(temperature=1e-320),
    "a weight without a channel": config(wide={"weight": 0.5}),
    "a weight above one": config(wide={"weight": 2}),
    "a channel that is a text": config(wide="yes"),
    "an unknown key": config(hook="os.system"),
    # Formats
    "a later format": config(format=99),
    "a format in words": config(format="4"),
    "a format that is a fraction": config(format=4.0),
    "a format that is true": config(format=True),
    "a format that is a list": config(format=[4]),
    "no format": config(format=...),
    # Class names
    "a class twice": content("labels.json", '["a", "a"]'),
    "a class that is null": content("labels.json", '["a", null]'),
    "a class that is a number": content("labels.json", '["a", 1]'),
    "an empty class": content("labels.json", '["a", ""]'),
    "three classes of two": content("labels.json", '["a", "b", "c"]'),
    "classes by name": content("labels.json", '{"a": 0, "b": 1}'),
    "classes in one text": content("labels.json", '"ab"'),
    "half a character": content("labels.json", '["a", "\\ud800"]'),
    # JSON
    "a byte order mark": content("labels.json", b'\xef\xbb\xbf["a", "b"]'),
    "UTF-16": content("labels.json", '["a", "b"]'.encode("utf-16")),
    "deep JSON": content("labels.json", "[" * 200_000 + "]" * 200_000),
    "NaN among classes": content("labels.json", '["a", NaN]'),
    "a key twice": replaced("config.json", '"format": 4', '"format": 4, "format": 4'),
    "a number of ten thousand digits": content("config.json", '{"format": ' + "9" * 10_000 + "}"),
    "a huge list": content("labels.json", "[" + "[]," * 3_000_000 + "[]]"),
    "a config that is a list": content("config.json", "[]"),
    "a config that is huge": sparse("config.json", 10**10),
    "a tokenizer that is huge": sparse("tokenizer.json", 10**10),
    "class names that are huge": sparse("labels.json", 10**10),
    # Weights
    "weights that are huge": sparse("model.safetensors", 10**11),
    "weights cut short": sparse("model.safetensors", 5_000),
    "no weights": content("model.safetensors", b""),
    "a header without end": content("model.safetensors", b"\xff" * 8 + b"{}"),
    "a header of a terabyte": content("model.safetensors", (10**12).to_bytes(8, "little") + b"{}"),
    "a header that is a list": content("model.safetensors", b"\x02" + b"\0" * 7 + b"[]"),
    "a tensor of NaN": weights(lambda w: w["output.bias"].fill_(float("nan"))),
    "a tensor of infinities": weights(lambda w: w["output.weight"].fill_(float("inf"))),
    "a tensor of bytes": weights(
        lambda w: w.update({"output.bias": w["output.bias"].to(torch.int8)})
    ),
    "a tensor too many": weights(lambda w: w.update(extra=torch.zeros(3))),
    "a tensor too few": weights(lambda w: w.pop("output.bias")),
    "a tensor turned round": weights(
        lambda w: w.update({"embedding.weight": w["embedding.weight"].T.contiguous()})
    ),
    "a shape that the bytes do not fill": header(
        lambda h: h["embedding.weight"].update(shape=[20_000_000, 5])
    ),
    "a shape of a fraction": header(lambda h: h["output.bias"].update(shape=[2.0])),
    "a negative shape": header(lambda h: h["output.bias"].update(shape=[-2])),
    "bytes of another tensor": header(
        lambda h: h["output.bias"].update(data_offsets=h["output.weight"]["data_offsets"])
    ),
    "an unknown type": header(lambda h: h["output.bias"].update(dtype="PICKLE")),
    "a pickle": content("model.safetensors", b"\x80\x04cos\nsystem\n(S'touch planted'\ntR."),
    # Tokenizers
    "a pattern that takes for ever": steps(pre_tokenizer=SLOW_PATTERN),
    "a replacement that takes for ever": steps(
        normalizer={"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": ""}
    ),
    "no normalizer": steps(normalizer=None),
    "a tokenizer that cuts": steps(
        truncation={
            "max_length": 1,
            "strategy": "LongestFirst",
            "stride": 5,
            "direction": "Right",
        }
    ),
    "a tokenizer that pads": steps(
        padding={
            "strategy": {"Fixed": 10**9},
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "[PAD]",
        }
    ),
    "a decoder": steps(decoder={"type": "ByteFallback"}),
    "a tokenizer with another part": steps(extra={"type": "x"}),
    "a tokenizer of chance": model(dropout=0.5),
    "another kind of tokenizer": model(type="WordPiece"),
    "no kind of tokenizer": model(type=None),
    "merges of unknown tokens": model(merges=LONG_MERGE),
    "merges that are a text": model(merges="a b"),
    "merges that are numbers": model(merges=[[1, 2]]),
    "tokens without ids": model(vocab=["[PAD]", "[UNK]"]),
    "few tokens": model(vocab={"[PAD]": 0, "[UNK]": 1}, merges=[]),
    "an id beyond the embedding": add_to_token(1),
    "an id of more than 64 bits": add_to_token(10**30),
    "an id twice": add_to_token(-1),
    "an id that is a fraction": add_to_token(0.0),
    "a tokenizer that is a text": content("tokenizer.json", '"[PAD]"'),
    # Files
    "an endless device as weights": instead(
        "model.safetensors", lambda f: f.symlink_to("/dev/zero")
    ),
    "an endless device as the config": instead("config.json", lambda f: f.symlink_to("/dev/zero")),
    "a pipe as the tokenizer": instead("tokenizer.json", os.mkfifo),
    "a pipe as checksums": instead("SHA256SUMS", os.mkfifo),
    "a folder as class names": instead("labels.json", lambda f: f.mkdir()),
    "a link to itself": instead("labels.json", lambda f: f.symlink_to(f)),
    "a link to nothing": instead("labels.json", lambda f: f.symlink_to("gone")),
}


def terms(**changes: Any) -> Spoil:
    """Changes wide.json."""
    return tokenizer(lambda described: described.update(changes), "wide.json")


def wide_weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Spoil:
    """Changes the tensors of the wide channel."""
    return weights(change, "wide.safetensors")


HOSTILE_WIDE: dict[str, Spoil] = {
    "a term twice": terms(terms=["goal", "goal"]),
    "more terms than weights": terms(terms=["goal", "bank", "cup"]),
    "a term that is null": terms(terms=["goal", None]),
    "terms in one text": terms(terms="ab"),
    "terms of a thousand million words": terms(longest=10**9),
    "terms of less than a word": terms(longest=-1),
    "terms of another unit": terms(unit="line"),
    "counts that are neither": terms(sublinear="yes"),
    "a key too many": terms(hook="os.system"),
    "a list of terms alone": content("wide.json", '["goal", "bank"]'),
    "a channel that is huge": sparse("wide.safetensors", 10**11),
    "terms that are huge": sparse("wide.json", 10**10),
    "a rarity of nothing": wide_weights(lambda w: w["idf"].zero_()),
    "a rarity of NaN": wide_weights(lambda w: w["idf"].fill_(float("nan"))),
    "weights of infinity": wide_weights(lambda w: w["weights"].fill_(float("inf"))),
    "a channel of three classes": wide_weights(
        lambda w: w.update(weights=torch.zeros(2, 3), bias=torch.zeros(3))
    ),
    "a channel of bytes": wide_weights(lambda w: w.update(bias=w["bias"].to(torch.int8))),
    "a channel without a bias": wide_weights(lambda w: w.pop("bias")),
    "a share that is NaN": replaced("config.json", '"weight": 0.5', '"weight": NaN'),
    "a share that is true": config(wide={"weight": True}),
    "a share below nothing": config(wide={"weight": -0.5}),
    "a share with another key": config(wide={"weight": 0.5, "file": "/etc/passwd"}),
    "a device as the channel": instead("wide.json", lambda f: f.symlink_to("/dev/zero")),
}
