"""An exported page in Chromium: its model answers as Python does, without a server of ours."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("onnxscript")
pytest.importorskip("playwright")

from exporting.test_onnx_text import classifier_of, wide_of

from textlstm.exporting.exported import write_classifier
from textlstm.exporting.runtime import browser_runtime
from textlstm.exporting.static_page import write_page
from textlstm.places import CACHE

pytestmark = pytest.mark.browser

FOUND = """[...document.querySelectorAll("#classes .class")].map((row) =>
    [row.querySelector(".name").textContent, Number(row.querySelector("data").value)])"""


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files, and says nothing."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def exported(tmp_path):
    """A model of two networks and a wide channel, and where its page is served."""
    if not any(CACHE.glob("onnxruntime-web-*")):
        pytest.skip("no earlier `export html=true` has put onnxruntime-web into the cache")
    classifier = classifier_of(wide=wide_of("both"), ensemble=2)
    write_classifier(classifier, tmp_path / "model.onnx")
    write_page(
        tmp_path / "html",
        (tmp_path / "model.onnx").read_bytes(),
        classes=classifier.labels,
        title="A model",
        runtime=browser_runtime(CACHE),
        inside=tmp_path,
    )
    handler = partial(_Quiet, directory=str(tmp_path / "html"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield classifier, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_exported_page_answers_as_python_does(exported, chromium, scheme):
    from axe_playwright_python.sync_playwright import Axe

    classifier, address = exported
    said: list[str] = []
    context = chromium.new_context(color_scheme=scheme, viewport={"width": 375, "height": 800})
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("response", lambda answer: answer.ok or said.append(answer.url))
    page.on("request", lambda asked: asked.url.startswith(address) or said.append(asked.url))
    page.goto(address)
    page.wait_for_selector("#classify:enabled")
    for text in ("Goal in the match <b>now</b>", "", "zebra é 🦓"):
        page.fill("#text", text)
        page.evaluate("document.getElementById('classes').hidden = true")
        page.press("#text", "Control+Enter")
        page.wait_for_selector("#classes:not([hidden])")
        expected = classifier.predict([text])[0].probabilities
        found = dict(page.evaluate(FOUND))
        assert found == pytest.approx(expected, abs=1e-5)
        assert list(found.values()) == sorted(found.values(), reverse=True)
    assert Axe().run(page).violations_count == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    context.close()
    assert said == []
