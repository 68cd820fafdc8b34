"""A page with a model in it: what is fetched for it, what is written, and that it answers alike."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile

import numpy as np
import pytest

from textlstm.checks import InputError
from textlstm.exporting import runtime
from textlstm.exporting.runtime import FILES, browser_runtime
from textlstm.exporting.static_page import PAGE, write_page
from textlstm.places import CACHE

# Runs a page's model in Node.js on the texts of a file, as the page does.
RUN = """
import fs from "node:fs";
const [page, texts] = process.argv.slice(2);
const ort = await import(`file://${page}/ort.wasm.min.js`);
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = {
  mjs: `file://${page}/ort-wasm-simd-threaded.js`,
  wasm: `file://${page}/ort-wasm-simd-threaded.wasm`,
};
const session = await ort.InferenceSession.create(fs.readFileSync(`${page}/model.onnx`));
const found = [];
for (const text of JSON.parse(fs.readFileSync(texts))) {
  const read = text.normalize("NFC").replaceAll("\\0", "\\u0001");
  const given = { texts: new ort.Tensor("string", [read], [1]) };
  const { probabilities, text_words, text_known } = await session.run(given);
  const words = text_words.data.map((word, n) => [word, Boolean(text_known.data[n])]);
  found.push([Array.from(probabilities.data), words.filter(([word]) => word !== "")]);
}
console.log(JSON.stringify(found));
"""


@pytest.fixture
def release(tmp_path, monkeypatch):
    """A release of the runtime as a file on this machine, in place of the registry's."""
    file = tmp_path / "release.tgz"
    with tarfile.open(file, "w:gz") as archive:
        for member in [*FILES, "package/../../outside"]:
            content = f"the content of {member}".encode()
            entry = tarfile.TarInfo(member)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    monkeypatch.setattr(runtime, "URL", file.as_uri())
    monkeypatch.setattr(runtime, "SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    return file


def test_the_runtime_is_fetched_once(release, tmp_path):
    found = browser_runtime(tmp_path / "cache")
    assert found == {name: f"the content of {member}".encode() for member, name in FILES.items()}
    release.unlink()
    assert browser_runtime(tmp_path / "cache") == found


def test_another_file_than_the_release_is_refused(release, tmp_path, monkeypatch):
    monkeypatch.setattr(runtime, "SHA256", "0" * 64)
    with pytest.raises(InputError, match=r"gave another file than onnxruntime-web .* SHA-256 is"):
        browser_runtime(tmp_path / "cache")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.suffix == ".wasm"] == []


def test_a_registry_that_cannot_be_reached_is_one_error(release, tmp_path):
    release.unlink()
    with pytest.raises(InputError, match=r"html=true needs onnxruntime-web .* cannot be fetched"):
        browser_runtime(tmp_path / "cache")


def test_the_page_holds_all_that_it_loads_and_asks_nobody_else(tmp_path):
    names = dict.fromkeys(FILES.values(), b"x")
    odd = 'a </script><b> "quoted"'
    shown = {"name": odd, "classes": ["a", odd]}
    write_page(tmp_path / "html", b"model", described=shown, runtime=names, inside=tmp_path)
    files = {file.name for file in (tmp_path / "html").iterdir()}
    assert files == {*PAGE, *names, "model.onnx", "model.json"}
    described = json.loads((tmp_path / "html" / "model.json").read_text(encoding="utf-8"))
    assert described == shown

    page = "".join((tmp_path / "html" / name).read_text(encoding="utf-8") for name in PAGE)
    assert "://" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "innerHTML" not in page
    assert odd not in page
    assert "default-src 'none'" in page
    named = re.findall(r'"(?:\./)?([\w.-]+\.(?:js|css|svg|wasm|onnx|json))"', page)
    assert set(named) <= files
    assert len(set(named)) >= 8
    wanted = set(re.findall(r'(?:element|listWords)\("([\w-]+)"', page))
    assert len(wanted) > 12
    assert wanted <= set(re.findall(r'id="([\w-]+)"', page))


def test_a_page_is_not_written_through_a_link(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "html").symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match="is a link to"):
        write_page(
            *(tmp_path / "run" / "html", b""),
            described={},
            runtime={},
            inside=tmp_path / "run",
        )
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.trust("text in JavaScript")
def test_the_page_answers_as_python_does(tmp_path, record_property):
    """Needs Node.js, and a runtime that an earlier `export html=true` has fetched."""
    pytest.importorskip("onnxscript")
    onnx = pytest.importorskip("onnx")
    if not shutil.which("node") or not any(CACHE.glob("onnxruntime-web-*")):
        pytest.skip("no Node.js, or no onnxruntime-web in the cache")
    from exporting.test_onnx_text import TEXTS, classifier_of, wide_of

    from textlstm.data.vocabulary import UNK
    from textlstm.exporting.exported import write_classifier
    from textlstm.exporting.onnx_text import give_words

    texts = [text for text in TEXTS if "\0" not in text]  # the page reads another character there
    record_property("tried", len(texts))
    classifier = classifier_of(wide=wide_of("both"), ensemble=2)
    write_classifier(classifier, tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    give_words(model)
    page = tmp_path / "html"
    write_page(
        page,
        model.SerializeToString(),
        described={},
        runtime=browser_runtime(CACHE),
        inside=tmp_path,
    )
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    (tmp_path / "run.js").write_text(RUN, encoding="utf-8")
    (tmp_path / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    done = subprocess.run(
        ["node", tmp_path / "run.js", page, tmp_path / "texts.json"],
        capture_output=True,
        text=True,
        check=True,
    )
    expected = classifier.probabilities(texts).numpy()
    found = json.loads(done.stdout)
    np.testing.assert_allclose([shares for shares, _ in found], expected, rtol=0, atol=1e-5)
    for text, (_, words) in zip(texts, found, strict=True):
        encoding = classifier.tokenizer.encode(text)
        assert [known for _, known in words] == [number != UNK for number in encoding.ids]
        tokens = [word if known else "[UNK]" for word, known in words]
        assert tokens == encoding.tokens
