"""What others wrote is shown as text: on a terminal, in Markdown, in a spreadsheet, in pictures."""

import csv
import html
import io
import logging
import re

import markdown
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from helpers.commands import QUICK, call, table
from textlstm.commands.suspects import Suspect, _report
from textlstm.escaping import (
    CONTROLS,
    VisibleRecord,
    code_block,
    code_span,
    in_markdown,
    in_spreadsheet,
    one_line,
    visible,
)
from textlstm.leaderboard.benchmark import read_predicted
from textlstm.runs.folder import RunFolder

COMMONMARK = MarkdownIt("commonmark").enable(["table", "strikethrough"])
ATTACKS = [
    '=HYPERLINK("http://x","y")',
    "\x1b[2J\x1b]0;title\x07",
    "\x9b31m red \u202egnp.exe\u2069",
    "[x](javascript:alert(1))",
    "![](http://x/y.png)",
    "<img src=x onerror=alert(1)><script>alert(1)</script>",
    "<javascript:alert(1)> | `code` | **bold** | ~~gone~~ | $x^2$",
    "&lt;b&gt; &#60;b&#62; \\[x](y) \\\\[x](y)",
    "@user: -1 + 2; =1+1",
    "[x]: http://x",
]
# Letters of which a syntax could be made.
LETTERS = "ab1 =+-@\t\r\n;,\"'[]()!<>&#|\\`*_~$:/.\x1b\x9b\u202e\0é＝"
TEXTS = st.text(st.sampled_from(LETTERS)) | st.text()


@given(TEXTS)
def test_what_a_terminal_is_shown_has_no_control_character(text):
    shown = visible(text)
    assert CONTROLS.search(shown) is None
    shown.encode()  # nor half a character
    assert visible(shown) == shown


def test_control_characters_are_shown_and_all_others_stay():
    assert visible("a\x1b[2J\0\x9b\u202e\r\n\t") == "a\\x1b[2J\\x00\\x9b\\u202e\\r\n\t"
    assert visible("für 北京 👩‍👩‍👧 العربية C:\\x") == "für 北京 👩‍👩‍👧 العربية C:\\x"


@given(TEXTS)
def test_markdown_shows_any_text_as_it_is(text):
    """Behind a word, since a text that begins a paragraph is no use of this function."""
    rendered = COMMONMARK.render("x " + in_markdown(text)).strip()
    inside = rendered.removeprefix("<p>").removesuffix("</p>")
    assert "<" not in inside
    assert html.unescape(inside) == ("x " + one_line(text)).strip()


@given(TEXTS)
def test_tensorboards_markdown_makes_no_link_or_picture_of_a_text(text):
    rendered = markdown.markdown(f"| a |\n| --- |\n| x{in_markdown(text)} |", extensions=["tables"])
    assert set(re.findall(r"<(\w+)", rendered)) == {"table", "thead", "tbody", "tr", "th", "td"}


@given(TEXTS)
def test_code_in_markdown_stays_code(text):
    (inline,) = COMMONMARK.parseInline("x " + code_span("y" + text + "y"))
    assert [token.type for token in inline.children or []] == ["text", "code_inline"]
    blocks = COMMONMARK.parse(code_block(text, "sh"))
    assert [token.type for token in blocks] == ["fence"]


@given(TEXTS)
def test_a_cell_begins_no_formula_and_is_read_as_it_was_written(text):
    number = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text, re.ASCII | re.IGNORECASE)
    cell = in_spreadsheet(text)
    assert number or not cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))
    assert cell.replace("'", "") == text.replace("'", "")


def test_numbers_stay_numbers_for_a_spreadsheet():
    kept = [-0.5, 3, None, "-0.5", "+1e-5", "-.5", "", "a=b", "a - b", "٣"]
    assert [in_spreadsheet(cell) for cell in kept] == kept
    escaped = ["=1", " =1", '"=1', "-", "-٣", "+1-2", "＝1", "\tx", "\rx", "x; =1"]
    assert [in_spreadsheet(cell) for cell in escaped] == [
        *("'=1", "' =1", "'\"=1", "'-", "'-٣", "'+1-2", "'＝1", "'\tx", "'\rx", "x;' =1")
    ]


def test_log_lines_and_tracebacks_show_control_characters():
    try:
        raise ValueError("bad \x1b[2J")
    except ValueError as error:
        caught = (ValueError, error, error.__traceback__)
    said = logging.Formatter("%(levelname)s %(message)s").format(
        VisibleRecord("a", logging.ERROR, "f", 1, "%r and %s", ("x", "\x1b[2J"), caught)
    )
    assert said.startswith("ERROR 'x' and \\x1b[2J\nTraceback")
    assert said.endswith("ValueError: bad \\x1b[2J")


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """A run whose labels, texts, column and file names are all attacks; and what it said."""
    folder = tmp_path_factory.mktemp("attacked")
    file = folder / "`![](http:x)`\x1b[2J.csv"
    rows = [
        [f"{attack} {word} {n}", attack]
        for attack, word in zip(ATTACKS, "abcdefghij", strict=True)
        for n in range(12)
    ]
    with open(file, "w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([["text", "[x](y)\x1b[2J"], *rows])
    said = call(
        "train",
        *QUICK[:-1],  # with the baselines
        f"data.train={file}",
        "data.text_column=text",
        "data.label_column=[x](y)\x1b[2J",
        "trainer.max_epochs=1",
        "spreadsheet=true",
        f"hydra.run.dir={folder / 'run'}",
    )
    return folder, file, said


def assert_is_text(shown: str) -> None:
    """What a terminal or a reader of Markdown gets is text alone, but for colours of our own."""
    assert not set("\x1b\x07\x9b\0\u202e") & set(shown)


def assert_no_syntax(report: str) -> None:
    """A report has no link, and no pictures but its own."""
    tokens = [child for token in COMMONMARK.parse(report) for child in token.children or []]
    assert not [token for token in tokens if token.type in ("link_open", "html_inline")]
    assert all(
        re.fullmatch(r"\w+\.png", token.attrGet("src")) for token in tokens if token.type == "image"
    )
    assert not re.search(r"<(script|img)", COMMONMARK.render(report.replace("![", "")))


def test_a_run_of_hostile_texts_shows_them_as_text(attacked):
    folder, _, said = attacked
    report = (folder / "run" / "report.md").read_text(encoding="utf-8")
    log = (folder / "run" / "train.log").read_text(encoding="utf-8")
    for shown in (*said, report, log):
        assert_is_text(shown)
    assert_no_syntax(report)
    assert "=HYPERLINK" in report

    for name in ("predictions.csv", "baseline_predictions.csv"):
        content = (folder / "run" / name).read_bytes().decode()
        assert content.startswith("\ufeff")
        cells = [cell for row in csv.reader(io.StringIO(content[1:], newline="")) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
        assert [cell for cell in cells if cell.startswith("'=HYPERLINK")]
    own, linear = read_predicted(RunFolder(folder / "run"))
    assert own.rows == linear.rows  # so that a benchmark compares them


def test_tensorboard_shows_hostile_texts_as_text(attacked):
    folder, _, _ = attacked
    read = [
        EventAccumulator(str(events)).Reload() for events in (folder / "run").rglob("events.out.*")
    ]
    (shown,) = [
        events.Tensors("hardest/test/text_summary")[-1].tensor_proto.string_val[0]
        for events in read
        if "hardest/test/text_summary" in events.Tags()["tensors"]
    ]
    rendered = markdown.markdown(shown.decode(), extensions=["tables"])
    assert set(re.findall(r"<(\w+)", rendered)) == {"ul", "li", "strong"}
    assert_is_text(shown.decode())
    (metadata,) = (folder / "run").rglob("metadata.tsv")
    lines = metadata.read_text(encoding="utf-8").splitlines()
    assert {line.count("\t") for line in lines} == {1}
    assert_is_text("".join(lines))


def test_evaluate_inspect_data_and_export_show_hostile_texts_as_text(attacked, tmp_path):
    folder, file, _ = attacked
    said = [*call("evaluate", f"run={folder / 'run'}", f"file={file}")]
    report = next((folder / "run" / "evaluation").rglob("report.md")).read_text(encoding="utf-8")
    rows = table(next((folder / "run" / "evaluation").rglob("predictions.csv")))
    assert {row["gold"] for row in rows} == set(ATTACKS)  # exact, unless asked for
    said += call(
        "inspect_data",
        f"data.train={file}",
        "data.label_column=[x](y)\x1b[2J",
        f"output={tmp_path / 'inspected'}",
    )
    inspected = (tmp_path / "inspected" / "report.md").read_text(encoding="utf-8")
    for shown in (*said, report, inspected):
        assert_is_text(shown)
    assert_no_syntax(report)
    assert_no_syntax(inspected)


def test_the_report_of_suspects_shows_hostile_texts_as_text():
    ranked = [Suspect(f"{attack}.csv", 1, attack, attack, "b", 0.1) for attack in ATTACKS]
    report = _report("[x](y)\x1b[2J", ranked, 5)
    assert_is_text(report)
    assert_no_syntax(report)


def test_an_error_that_quotes_a_hostile_name_shows_it_as_text(attacked):
    folder, file, _ = attacked
    out, errors = call("evaluate", f"run={folder / 'run'}", f"file={file}x", code=2)
    assert_is_text(out + errors)
    assert "\\x1b[2J" in errors
