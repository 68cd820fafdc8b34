"""Saved models that tests change."""

import json
from pathlib import Path
from typing import Any

from textlstm.model.bundle_parts import CHECKSUMS, checksum_lines


def sign(bundle: Path) -> None:
    """Writes the checksums of a bundle anew, as a stranger would who has changed a file."""
    files = {
        file.name: file.read_bytes()
        for file in sorted(bundle.iterdir())
        if file.is_file() and file.name != CHECKSUMS and file.stat().st_size < 10**8
    }
    (bundle / CHECKSUMS).write_text(checksum_lines(files), encoding="utf-8")


def read_config(bundle: Path) -> dict[str, Any]:
    """The content of config.json."""
    return json.loads((bundle / "config.json").read_text(encoding="utf-8"))


def change_config(bundle: Path, **changes: Any) -> None:
    """Changes keys of config.json, and the checksums with it."""
    text = json.dumps({**read_config(bundle), **changes})
    (bundle / "config.json").write_text(text, encoding="utf-8")
    sign(bundle)
