"""The page in Chromium: what a person sees is what Python says, and the page asks its own host."""

import csv
import io
import threading
from unittest.mock import patch
from urllib.parse import quote, urlsplit

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("playwright")

import uvicorn
from playwright.sync_api import expect

from helpers.commands import QUICK, call, record, table
from textlstm.model.bundle import TextClassifier
from textlstm.serving import server

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)> </script><b>goal</b> 🦓 é %41 &amp; \"'"
NAMED = "[...document.querySelectorAll('#classes .name')].map((name) => name.textContent)"
SHARES = "[...document.querySelectorAll('#classes data')].map((data) => Number(data.value))"
WORDS = "[...document.querySelectorAll('#explained data')].map((data) => Number(data.value))"
CELLS = (
    "[...document.querySelectorAll('#table tr')]"
    ".map((row) => [...row.cells].map((cell) => cell.textContent))"
)
DROP = """(text) => {
    const data = new DataTransfer();
    data.items.add(new File([text], "dropped.csv"));
    document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data }));
}"""
PARSE = """async ([text, size]) => {
    const { CsvReader } = await import("/csv.js");
    const [reader, letters, rows] = [new CsvReader(), Array.from(text), []];
    for (let start = 0; start < letters.length; start += size) {
        rows.push(...reader.read(letters.slice(start, start + size).join("")));
    }
    return rows;
}"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a small run that has a threshold, and reads twelve words of a text."""
    folder = tmp_path_factory.mktemp("run") / "small"
    options = ["data.max_length=12", "data.max_rows=3000", "threads=1"]
    call("train", *QUICK[:-2], *options, f"hydra.run.dir={folder}")
    return folder


@pytest.fixture(scope="module")
def classifier(run):
    return TextClassifier.load(run)


@pytest.fixture(scope="module")
def address(run):
    """Where the run is served."""
    started = []

    def start(app, opened, announce):
        config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [opened]})
        thread.start()
        started.extend([running, thread, server.url_of(opened)])

    with patch.object(server, "run_server", start):
        call("serve", f"run={run}", "port=0")
    running, thread, url = started
    yield url
    running.should_exit = True
    thread.join()


@pytest.fixture
def opened(chromium, address):
    """Opens the page; no request of it may fail or leave its host, and nothing may be logged."""
    said, hosts, contexts = [], set(), []

    def open_page(fragment="", **options):
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message) or dialog.dismiss())
        page.on("requestfailed", lambda request: said.append(request.url))
        page.on("response", lambda answer: answer.ok or said.append(answer.url))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.goto(address + fragment)
        page.wait_for_selector("#classify:enabled")
        return page

    yield open_page
    for context in contexts:
        assert context.cookies() == []
        context.close()
    assert said == []
    assert hosts <= {urlsplit(address).netloc, ""}  # "" is that of the table's own address


def classify(page, text):
    """Types a text and Ctrl+Enter, and waits until its words are explained."""
    page.fill("#text", text)
    page.press("#text", "Control+Enter")
    expect(page.locator("#status")).to_have_class("verdict")
    page.wait_for_selector("#why:not([hidden])")


def test_the_answer_is_that_of_python(opened, classifier):
    page = opened()
    text = "Striker signs for Porto"
    classify(page, text)
    (expected,) = classifier.predict([text])
    shares = list(expected.probabilities.values())
    assert page.evaluate(NAMED) == list(expected.probabilities)
    assert page.evaluate(SHARES) == pytest.approx(shares, abs=1e-5)
    assert page.inner_text("#classes li:first-child data") == f"{100 * shares[0]:.2f} %"
    assert f"{expected.label}, {100 * shares[0]:.2f} %" in page.inner_text("#status")

    (why,) = classifier.explain([text])
    shown = [word.share for word in why.words if abs(word.share) >= 0.005]
    assert page.evaluate(WORDS) == pytest.approx(shown, abs=1e-5)
    for word in why.words:
        if abs(word.share) >= 0.005:
            sign = "+" if word.share > 0 else "−"
            assert f"{word.text}{sign}{abs(word.share):.4f}" in page.inner_text("#explained")


def test_another_class_is_explained_where_it_is_chosen(opened, classifier):
    page = opened()
    text = "Striker signs for Porto"
    classify(page, text)
    *_, least = classifier.predict([text])[0].probabilities
    page.click(f"#classes button:has-text('{least}')")
    expect(page.locator("#question")).to_have_text(f"Why {least}?")
    (why,) = classifier.explain([text], target=least)
    shown = [word.share for word in why.words if abs(word.share) >= 0.005]
    assert page.evaluate(WORDS) == pytest.approx(shown, abs=1e-5)
    assert page.get_attribute(f"#classes button:has-text('{least}')", "aria-pressed") == "true"
    assert page.evaluate("document.activeElement.textContent").startswith(least)


def test_an_answer_below_the_threshold_is_not_sure_and_says_why(opened, run, classifier):
    threshold = record(run)["calibration"]["threshold"]["min_probability"]
    assert threshold > 0.3
    texts = [row["text"] for row in table(run / "predictions.csv")]
    found = classifier.predict(texts, min_probability=threshold)
    unsure = next(text for text, one in zip(texts, found, strict=True) if not one.sure)
    sure = next(text for text, one in zip(texts, found, strict=True) if one.sure)
    page = opened()
    classify(page, unsure)
    assert page.inner_text("#status").startswith("Not sure. Most likely ")
    assert "answers with a probability of" in page.inner_text("#unsure")
    assert f"{100 * threshold:.1f} %" in page.inner_text("#unsure")
    classify(page, sure)
    assert not page.inner_text("#status").startswith("Not sure")
    assert page.is_hidden("#unsure")


def test_words_that_are_unknown_or_cut_are_marked_and_listed(opened):
    page = opened()
    classify(page, "Qwertyx goal " + "match " * 12 + "shares")
    assert page.inner_text("#unknown").endswith(": Qwertyx")
    assert page.inner_text(".unknown").startswith("Qwertyx")
    assert page.inner_text("#cut").endswith("crossed out: match · match · shares")
    assert page.locator(".unread").count() == 3
    classify(page, "goal")
    assert page.is_hidden("#unknown")
    assert page.is_hidden("#cut")


def test_a_text_with_html_in_it_is_shown_as_text(opened):
    page = opened()
    classify(page, HOSTILE)
    shown = page.evaluate(
        "[...document.getElementById('explained').cloneNode(true).childNodes].map((part) => {"
        " part.querySelector?.('data')?.remove(); return part.textContent; }).join('')"
    )
    assert shown == HOSTILE
    page.fill("#lines", f"{HOSTILE}\n")
    page.click("#classify-lines")
    page.wait_for_selector("#download:not([hidden])")
    assert page.evaluate(CELLS)[1][0] == HOSTILE
    assert page.locator("img, #explained b, #table b").count() == 0


@pytest.mark.parametrize("text", [HOSTILE, "two\nlines #text=x", "100 %", "goal"])
def test_a_text_can_be_sent_on_by_its_address(opened, address, text):
    page = opened()
    classify(page, text)
    link = page.evaluate("location.href")
    assert page.evaluate("document.getElementById('link').href") == link
    other = opened(link.removeprefix(address))
    other.wait_for_selector("#why:not([hidden])")
    assert other.input_value("#text") == text
    assert other.inner_text("#status") == page.inner_text("#status")


def test_an_address_that_changes_or_is_damaged_is_read_as_well(opened):
    page = opened("#text=100%")
    page.wait_for_selector("#why:not([hidden])")
    assert page.input_value("#text") == "100%"
    page.evaluate(f"location.hash = '#text={quote('a goal')}'")
    expect(page.locator("#explained")).to_contain_text("goal")
    assert page.input_value("#text") == "a goal"


def test_the_examples_are_texts_of_the_test_set(opened, run):
    page = opened()
    texts = {row["text"] for row in table(run / "predictions.csv")}
    shown = page.evaluate(
        "[...document.querySelectorAll('#example-list button')].map((one) => one.textContent)"
    )
    assert len(shown) == 4
    assert set(shown) <= texts
    page.click("#example-list button")
    page.wait_for_selector("#why:not([hidden])")
    assert page.input_value("#text") == shown[0]


def predicted(run, file, output):
    """The table that `predict` writes for a file."""
    threshold = record(run)["calibration"]["threshold"]["min_probability"]
    options = [f"input={file}", f"output={output}", f"min_probability={threshold}"]
    call("predict", f"run={run}", *options)
    with open(output, encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


def assert_same(found, expected):
    """The same cells; numbers may differ where a batch has other texts beside them."""
    assert found[0] == expected[0]
    assert len(found) == len(expected)
    for row, same in zip(found[1:], expected[1:], strict=True):
        for name, cell, expected_cell in zip(found[0], row, same, strict=True):
            if name.startswith("probability_"):
                assert float(cell) == pytest.approx(float(expected_cell), abs=1e-5)
            else:
                assert cell == expected_cell


@pytest.mark.parametrize("how", ["pasted", "chosen", "dropped"])
def test_many_texts_become_the_table_that_predict_writes(opened, run, tmp_path, how):
    texts = [f"goal {n}, match" for n in range(250)]
    page = opened()
    if how == "pasted":
        (tmp_path / "new.txt").write_text("\n".join(texts), encoding="utf-8")
        expected = predicted(run, tmp_path / "new.txt", tmp_path / "out.csv")
        page.fill("#lines", "\n".join(texts))
        page.click("#classify-lines")
    else:
        with open(tmp_path / "new.csv", "w", encoding="utf-8", newline="") as lines:
            csv.writer(lines).writerows([["id", "text"], *enumerate(texts)])
        expected = predicted(run, tmp_path / "new.csv", tmp_path / "out.csv")
        if how == "chosen":
            page.set_input_files("#file", tmp_path / "new.csv")
        else:
            page.evaluate(DROP, (tmp_path / "new.csv").read_text(encoding="utf-8"))
    page.wait_for_selector("#download:not([hidden])")

    assert_same(page.evaluate(CELLS), expected[:201])
    said = page.inner_text("#many-status")
    assert said.startswith("250 texts: ")
    assert "The first 200 are shown; the file has all." in said
    assert page.is_hidden("#progress")
    with page.expect_download() as download:
        page.click("#download")
    name = {"pasted": "texts", "chosen": "new", "dropped": "dropped"}[how]
    assert download.value.suggested_filename == f"{name}-predicted.csv"
    with open(download.value.path(), encoding="utf-8", newline="") as lines:
        assert_same(list(csv.reader(lines)), expected)


def test_texts_without_a_known_word_and_those_that_are_cut_are_counted(opened):
    page = opened()
    page.fill("#lines", "\n".join(["qwertyx", "!", "goal " * 13, "goal"]))
    page.click("#classify-lines")
    page.wait_for_selector("#download:not([hidden])")
    said = page.inner_text("#many-limits")
    assert said.startswith("The model knows no word of 2 of 4 texts, so that its answers to them")
    assert said.endswith("Longer than what the network reads, and cut: 1 of 4 texts.")
    page.fill("#lines", "goal")
    page.click("#classify-lines")
    expect(page.locator("#many-status")).to_contain_text("1 text: ")
    assert page.is_hidden("#many-limits")


def test_the_table_is_read_as_python_reads_it(opened):
    cells = [["a", ""], ['"', '""'], [",\r\n\n", " x "], ["🦓é", "\ufeff"], ["", ""]]
    written = io.StringIO(newline="")
    csv.writer(written).writerows(cells)
    page = opened()
    for size in (1, 2, 3, 1000):
        assert page.evaluate(PARSE, [written.getvalue(), size]) == cells


def test_a_column_can_be_named_and_a_spreadsheet_gets_no_formula(opened, tmp_path):
    (tmp_path / "new.csv").write_text("subject,headline\n1,=goal()\n", encoding="utf-8")
    page = opened()
    page.fill("#column", "headline")
    page.check("#spreadsheet")
    page.set_input_files("#file", tmp_path / "new.csv")
    page.wait_for_selector("#download:not([hidden])")
    assert page.evaluate(CELLS)[1][:2] == ["1", "'=goal()"]


def test_all_is_reached_by_keyboard(opened):
    page = opened()
    page.focus("#text")
    page.keyboard.type("Striker signs for Porto")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#why:not([hidden])")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.className"))
    wanted = {"class", "link", "lines", "classify-lines", "file", "column", "spreadsheet", "scores"}
    assert wanted <= reached


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 375, 1200])
def test_it_is_accessible_and_fits_a_phone(opened, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(color_scheme=scheme, viewport={"width": width, "height": 800})
    text = "Qwertyx goal shares market " + "match " * 12
    for state in ("empty", "answered"):
        if state == "answered":
            classify(page, text)
            page.fill("#lines", "a goal\nshares fall")
            page.click("#classify-lines")
            page.wait_for_selector("#download:not([hidden])")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_attribute("#status", "aria-live") == "polite"


def test_the_model_is_described_with_its_scores_and_the_baselines(opened, run):
    page = opened()
    kept = record(run)
    shown = page.inner_text("#scores")
    for scores in (kept["test"], *kept["baselines"].values()):
        for name in ("accuracy", "macro_f1", "log_loss"):
            assert f"{scores[name]:.4f}" in shown
    for name in kept["baselines"]:
        assert name in shown
    assert run.name in page.inner_text("#about")


def test_what_goes_wrong_is_said_on_the_page(chromium, address, tmp_path):
    page = chromium.new_page()
    page.goto(address)
    page.wait_for_selector("#classify:enabled")
    (tmp_path / "new.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    page.set_input_files("#file", tmp_path / "new.csv")
    page.wait_for_selector("#many-status.error")
    assert "new.csv has no column 'text'. Its columns are a, b" in page.inner_text("#many-status")
    page.fill("#text", "x" * 20_001)
    page.click("#classify")
    page.wait_for_selector("#status.error")
    assert "at most 20000 characters" in page.inner_text("#status")

    page.context.set_offline(True)
    page.fill("#text", "goal")
    page.click("#classify")
    expect(page.locator("#status")).to_have_text("The server does not answer. Was it ended?")
    page.context.close()
