"""An exported page in Chromium: its model answers as Python does, without a server of ours."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("playwright")

import onnx
from exporting.test_onnx_text import TEXTS, classifier_of, wide_of

from helpers.records import small_record
from textlstm.exporting.exported import write_classifier
from textlstm.exporting.onnx_text import give_words
from textlstm.exporting.runtime import browser_runtime
from textlstm.exporting.static_page import write_page
from textlstm.places import CACHE
from textlstm.runs.shown_model import describe_model

pytestmark = pytest.mark.browser

FOUND = """[...document.querySelectorAll("#classes .class")].map((row) =>
    [row.querySelector(".name").textContent, Number(row.querySelector("data").value)])"""
HOSTILE = "<img src=x onerror=alert(1)> goal 🦓 é %41 &amp;"
RIGHT = {"right": 0.96, "share": 0.8}


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files, and says nothing."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def classifier():
    """A model of two networks and a wide channel, which cuts longer texts in the middle."""
    made = classifier_of(wide=wide_of("both"), ensemble=2, max_length=6, truncate="head_tail")
    made.labels = ["10", "__proto__", "<b>a, b</b>"]
    return made


@pytest.fixture(scope="module")
def threshold(classifier):
    """A probability that the answer to some texts has, and to others not."""
    shares = [max(row) for row in classifier.probabilities(TEXTS[:4]).tolist()]
    return (min(shares) + max(shares)) / 2


@pytest.fixture(scope="module")
def address(classifier, threshold, tmp_path_factory):
    """Where the page of that model is served, below other folders."""
    if not any(CACHE.glob("onnxruntime-web-*")):
        pytest.skip("no earlier `export html=true` has put onnxruntime-web into the cache")
    folder = tmp_path_factory.mktemp("run")
    (folder / "predictions.csv").write_text("text,gold\na goal,a\nthe bank,b\n", encoding="utf-8")
    chosen = {"target": 0.95, "min_probability": threshold, "answered": {"validation": RIGHT}}
    calibration = {"temperature": 0.8, "chosen_on": "validation", "threshold": chosen}
    shown = describe_model(
        classifier,
        small_record(calibration=calibration),
        name="small",
        predictions=folder / "predictions.csv",
    )
    write_classifier(classifier, folder / "model.onnx")
    model = onnx.load(folder / "model.onnx")
    give_words(model)
    write_page(
        folder / "html",
        model.SerializeToString(),
        described={**shown, "max_length": 6, "words_before_cut": 3},
        runtime=browser_runtime(CACHE),
        inside=folder,
    )
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/html/"
        server.shutdown()
        thread.join()


@pytest.fixture
def opened(chromium, address):
    """Opens the page; no request of it may fail or leave its host, and nothing may be logged."""
    said: list[str] = []
    contexts = []

    def open_page(fragment="", **options):
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message) or dialog.dismiss())
        page.on("response", lambda answer: answer.ok or said.append(answer.url))
        page.on("request", lambda asked: asked.url.startswith(address) or said.append(asked.url))
        page.goto(address + fragment)
        page.wait_for_selector("#classify:enabled")
        return page

    yield open_page
    for context in contexts:
        assert context.cookies() == []
        context.close()
    assert said == []


def classify(page, text):
    """Types a text and Ctrl+Enter, and waits for the answer."""
    page.evaluate("document.getElementById('status').className = ''")
    page.fill("#text", text)
    page.press("#text", "Control+Enter")
    page.wait_for_selector("#status.verdict")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1200])
def test_an_exported_page_answers_as_python_does(opened, classifier, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(color_scheme=scheme, viewport={"width": width, "height": 800})
    for text in ("Goal in the match <b>now</b>", "!", "zebra é 🦓", HOSTILE, "goal " * 40):
        classify(page, text)
        expected = classifier.predict([text])[0].probabilities
        found = dict(page.evaluate(FOUND))
        assert found == pytest.approx(expected, abs=1e-5)
        assert list(found.values()) == sorted(found.values(), reverse=True)
    assert Axe().run(page).violations_count == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("img, #answer b").count() == 0


def test_an_answer_below_the_threshold_is_not_sure_and_says_why(opened, classifier, threshold):
    page = opened()
    answers = {}
    for text in filter(str.strip, TEXTS[:4]):
        classify(page, text)
        (expected,) = classifier.predict([text], min_probability=threshold)
        said = page.inner_text("#status")
        assert said.startswith("Not sure. Most likely ") == (not expected.sure)
        assert f"{expected.label}, " in said
        assert page.is_hidden("#unsure") == expected.sure
        answers[expected.sure] = page.text_content("#unsure")
    assert answers.keys() == {True, False}
    assert f"with a probability of {100 * threshold:.1f} % or more were right" in answers[False]


def test_words_that_are_unknown_or_cut_are_listed(opened):
    page = opened()
    classify(page, "Qwertyx goal, qwertyx the bank zebra goal")
    assert page.inner_text("#unknown").endswith("does not have these words: qwertyx · zebra")
    assert page.inner_text("#cut").endswith("does not read these words: qwertyx · the")
    classify(page, "goal")
    assert page.is_hidden("#unknown")
    assert page.is_hidden("#cut")


@pytest.mark.parametrize("text", [HOSTILE, "two\nlines #text=x", "100 %", "goal"])
def test_a_text_can_be_sent_on_by_its_address(opened, address, text):
    page = opened()
    classify(page, text)
    link = page.evaluate("location.href")
    assert page.evaluate("document.getElementById('link').href") == link
    other = opened(link.removeprefix(address))
    other.wait_for_selector("#status.verdict")
    assert other.input_value("#text") == text
    assert other.inner_text("#status") == page.inner_text("#status")


def test_a_text_of_a_million_characters_is_answered_and_not_put_into_the_address(opened):
    page = opened("#text=goal")
    page.wait_for_selector("#status.verdict")
    assert page.is_visible("#link")
    page.evaluate("document.getElementById('status').className = ''")
    page.evaluate("document.getElementById('text').value = 'a'.repeat(1e6)")
    page.click("#classify")
    page.wait_for_selector("#status.verdict", timeout=60_000)
    assert "#" not in page.evaluate("location.href")
    assert page.is_hidden("#link")


def test_half_of_a_character_is_answered(opened):
    page = opened()
    page.evaluate("document.getElementById('text').value = 'goal \\ud800'")
    page.click("#classify")
    page.wait_for_selector("#status.verdict")
    assert page.evaluate("location.hash") == f"#text=goal%20{quote(chr(0xFFFD))}"


def test_the_page_says_which_model_it_is_and_offers_texts_to_try(opened):
    page = opened()
    assert page.inner_text("#about") == "Model small: 3 classes, 10, __proto__, <b>a, b</b>."
    scores = page.inner_text("#scores")
    kept = small_record()
    for row in (kept["test"], *kept["baselines"].values()):
        assert f"{row['accuracy']:.4f}" in scores
    assert "Ahead of the linear baseline on test" in page.inner_text("#against")
    page.click("#example-list button:has-text('the bank')")
    page.wait_for_selector("#status.verdict")
    assert page.input_value("#text") == "the bank"


def test_a_server_that_calls_webassembly_something_else_will_do(chromium, address):
    page = chromium.new_page()
    kind = {"Content-Type": "application/octet-stream"}
    page.route("**/*.wasm", lambda route: route.fulfill(response=route.fetch(), headers=kind))
    page.goto(f"{address}#text=goal")
    page.wait_for_selector("#status.verdict")
    page.context.close()


@pytest.mark.parametrize("name", ["model.json", "model.onnx", "ort-wasm-simd-threaded.wasm"])
@pytest.mark.parametrize("answer", ["missing", "another page"])
def test_a_file_that_is_missing_is_said_on_the_page(chromium, address, name, answer):
    page = chromium.new_page()
    status = 404 if answer == "missing" else 200  # some servers answer with their start page
    page.route(f"**/{name}", lambda route: route.fulfill(status=status, body="<!doctype html>"))
    page.goto(address)
    page.wait_for_selector("#status.error")
    assert "A file of this folder may be missing" in page.inner_text("#status")
    assert page.is_disabled("#classify")
    page.context.close()
