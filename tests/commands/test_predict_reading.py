"""Predicting files that are written in other ways: quotes, headers, and names of columns."""

import json
import logging

import pytest

from helpers.configs import composed
from helpers.records import small_record
from helpers.small import DATA, small_network
from textlstm.checks import InputError
from textlstm.commands.predict import predict
from textlstm.data.tokenizer import train_tokenizer
from textlstm.model.bundle import save_bundle
from textlstm.runs.record import write_record


def record_columns(run_folder, names, **reading):
    """Writes what prediction reads of a run's record."""
    recorded = small_record(config={"data": {**DATA, **reading}})
    recorded["data"]["columns"] = {"text": names, "label": "label"}
    write_record(run_folder, recorded)


@pytest.fixture
def run_folder(tmp_path):
    """A run folder with what prediction reads: a model and a record."""
    tokenizer = train_tokenizer(["goal in the match"], kind="word", vocab_size=30)
    save_bundle(
        tmp_path / "run" / "model",
        network=small_network(vocab_size=tokenizer.get_vocab_size()),
        max_length=100,
        truncate="head",
        tokenizer_json=tokenizer.to_str(),
        labels=["a", "b", "c"],
    )
    record_columns(tmp_path / "run", ["text"])
    return tmp_path / "run"


@pytest.fixture
def predicted(run_folder, tmp_path):
    """The rows that `predict` writes for a file of this content."""

    def predicted(content, name="in.csv", **options):
        (tmp_path / name).write_text(content, encoding="utf-8")
        paths = {"input": str(tmp_path / name), "output": str(tmp_path / "out.jsonl")}
        predict({**composed("predict", f"run={run_folder}"), **paths, **options})
        lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    return predicted


def test_a_file_is_read_as_the_runs_own_was_unless_a_key_says_otherwise(predicted, run_folder):
    record_columns(run_folder, ["2"], header=False)
    rows = predicted("x,goal\ny,shares\n")
    assert [row["2"] for row in rows] == ["goal", "shares"]
    rows = predicted("id,msg\nx,goal\n", header=True, text_column="msg")
    assert [row["msg"] for row in rows] == ["goal"]

    record_columns(run_folder, ["so, what?"], header=False, columns="[label,'so, what?']")
    rows = predicted("x,goal\ny,shares\n")
    assert [row["so, what?"] for row in rows] == ["goal", "shares"]
    rows = predicted("goal\nshares\n", columns="['so, what?']")
    assert [row["so, what?"] for row in rows] == ["goal", "shares"]
    rows = predicted("goal,x,1\n", columns="[a,b,c]", text_column="a")
    assert [row["a"] for row in rows] == ["goal"]

    record_columns(run_folder, ["text"], quoting="none")
    rows = predicted('text\n"goal"\n')
    assert [row["text"] for row in rows] == ['"goal"']
    rows = predicted('text\n"goal"\n', quoting="double")
    assert [row["text"] for row in rows] == ["goal"]


def said_of_reading(caplog):
    """The messages about how the input is read, not those about what was predicted."""
    return [message for message in caplog.messages if message.startswith("input: ")]


def test_no_text_of_a_tab_separated_file_vanishes(predicted, tmp_path, caplog):
    content = 'id\ttext\n1\t"goal in\n2\tshares\n3\tfall"\n'
    with caplog.at_level(logging.INFO):
        rows = predicted(content, "in.tsv")
    assert [row["text"] for row in rows] == ['"goal in', "shares", 'fall"']
    assert said_of_reading(caplog) == [
        "input: a quote is a character of the text, as the first rows show; quoting=double reads "
        "fields in double quotes."
    ]


def test_texts_that_seem_to_hold_rows_are_warned_of(predicted, tmp_path, caplog):
    content = 'desk,text\na,goal\na,"goal in\nb,shares\na,fall"\nb,shares\n'
    assert len(predicted(content)) == 3
    assert said_of_reading(caplog) == [
        f"input: 1 row holds a line break and then what looks like a whole row, the first is "
        f"{tmp_path}/in.csv, row 2. If a quote is a character there, so that rows have become part "
        f"of a text, give quoting=none, or double the quotes inside fields."
    ]


def test_columns_without_a_name_of_their_own_are_passed_on(predicted):
    rows = predicted("text,,,n,n\ngoal,x,y,1,2\n")
    assert list(rows[0].items())[:5] == [
        ("text", "goal"),
        ("column 2", "x"),
        ("column 3", "y"),
        ("n", "1"),
        ("n (5)", "2"),
    ]


def test_a_file_that_seems_to_have_a_header_or_none_is_told_so(predicted, run_folder, caplog):
    with pytest.raises(
        InputError,
        match=r"^input: .* seems to have no header: .* Give header=false "
        r"with positions from 1, such as text_column=2, or .* columns=\[…\]; or header=true if",
    ):
        predicted("1,goal\n2,shares in the market\n")

    record_columns(run_folder, ["2"], header=False)
    with caplog.at_level(logging.INFO):
        predicted("id,text\n1,goal\n2,shares\n")
    assert said_of_reading(caplog) == [
        "input: the first row, 'id', 'text', is read as a row, but looks like names of columns; "
        "header=true takes it for them."
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": "[a]"}, r"^columns=\[a\] names the columns of a file without a header: give"),
        ({"quoting": "minimal"}, r"^quoting must be one of double, none or null, got 'minimal'"),
        ({"header": "false"}, r"^header must be true, false or null, got 'false'"),
        ({"text_column": "[text,x]"}, r"^input: .* has no column 'x'\."),
    ],
)
def test_a_wrong_way_of_reading_is_named(predicted, options, message):
    with pytest.raises(InputError, match=message):
        predicted("id,text\n1,goal\n", **options)
