"""Fetches ONNX Runtime for the browser, once, and checks that it is the release that was chosen."""

import hashlib
import http.client
import io
import logging
import tarfile
from pathlib import Path
from urllib.request import urlopen

from textlstm.cache import kept
from textlstm.checks import InputError

VERSION = "1.30.0"
URL = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
SHA256 = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
SECONDS = 60  # without an answer
# Where each file stands in the release, and its name here: any server knows what .js is.
FILES = {
    "package/dist/ort.wasm.min.mjs": "ort.wasm.min.js",
    "package/dist/ort-wasm-simd-threaded.mjs": "ort-wasm-simd-threaded.js",
    "package/dist/ort-wasm-simd-threaded.wasm": "ort-wasm-simd-threaded.wasm",
    "package/README.md": "ort-README.md",
}

log = logging.getLogger(__name__)


def browser_runtime(cache: Path) -> dict[str, bytes]:
    """Gives the files of ONNX Runtime for the browser (14 MB), by name.

    The first call fetches a release of 33 MB from the npm registry; the cache keeps the files.

    Raises:
        InputError: the registry cannot be reached, or gives something else.
    """

    def fetch(folder: Path) -> None:
        release = _release()
        with tarfile.open(fileobj=io.BytesIO(release), mode="r:gz") as archive:
            for member, name in FILES.items():
                content = archive.extractfile(member)
                assert content is not None  # a file, in a release of this checksum
                (folder / name).write_bytes(content.read())

    def load(folder: Path) -> dict[str, bytes]:
        return {name: (folder / name).read_bytes() for name in FILES.values()}

    return kept(cache, f"onnxruntime-web-{SHA256[:24]}", fetch, load)[0]


def _release() -> bytes:
    """Downloads the release, and compares its checksum."""
    log.info("Fetching onnxruntime-web %s (33 MB) from the npm registry…", VERSION)
    try:
        with urlopen(URL, timeout=SECONDS) as answer:
            content: bytes = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise InputError(
            f"html=true needs onnxruntime-web {VERSION}, and {URL} cannot be fetched ({error}). "
            f"Run it once where the npm registry can be reached: outputs/cache keeps the files."
        ) from error

    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise InputError(
            f"{URL} gave another file than onnxruntime-web {VERSION}: its SHA-256 is {found}, "
            f"{SHA256} was expected. A proxy on the way may have changed it; nothing was written."
        )
    return content
