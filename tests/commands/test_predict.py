"""Predicting files: every format, every mistake, and an output that appears whole or not at all."""

import csv
import gzip
import io
import json
import os
import shlex
import shutil
import subprocess
import sys

import pytest
from datasets import Dataset

from helpers.bundles import sign
from helpers.commands import SRC, call, run, table
from helpers.records import small_record
from helpers.small import small_network
from textlstm.checks import InputError
from textlstm.commands.output_rows import DELIMITERS
from textlstm.commands.predict import predict
from textlstm.data.sources import NEWSWIRE4
from textlstm.data.tokenizer import train_tokenizer
from textlstm.model.bundle import TextClassifier, save_bundle
from textlstm.runs.record import write_record

TEXTS = ["goal in the match", "shares fall", "", "zebra", "goal, goal; goal!"]


def record_columns(run_folder, columns, encoding=None):
    """Writes what prediction reads of a run's record."""
    recorded = small_record(config={"data": {"encoding": encoding}})
    recorded["data"]["columns"] = {"text": columns, "label": "label"}
    write_record(run_folder, recorded)


@pytest.fixture
def run_folder(tmp_path):
    """A run folder with what prediction reads: a model and a record."""
    tokenizer = train_tokenizer(TEXTS, kind="word", vocab_size=30)
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
def predicting(run_folder):
    def predicting(**options):
        names = ["text", "input", "output", "text_column", "min_probability", "threads"]
        names += ["format", "encoding", "encoding_errors"]
        unset = dict.fromkeys(names)
        predict(
            {
                "run": str(run_folder),
                "batch_size": 2,
                **unset,
                **{
                    key: value if isinstance(value, bool | int | float) else str(value)
                    for key, value in options.items()
                },
            }
        )

    return predicting


@pytest.fixture
def csv_file(tmp_path):
    with open(tmp_path / "in.csv", "w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([("id", "text"), *enumerate(TEXTS)])
    return tmp_path / "in.csv"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.csv", "text\n" + "".join(f'"{text}"\n' for text in TEXTS)),
        ("in.tsv", "text\n" + "".join(f'"{text}"\n' for text in TEXTS)),
        ("in.jsonl", "\n".join(json.dumps({"text": text}) for text in TEXTS)),
        ("in.txt", "\ufeff" + "\r\n".join(TEXTS) + "\r\n"),
    ],
)
@pytest.mark.parametrize("target", ["out.csv", "out.tsv", "out.jsonl"])
def test_every_format_gives_the_same_answers(
    predicting, run_folder, tmp_path, name, content, target
):
    (tmp_path / name).write_text(content, encoding="utf-8", newline="")
    predicting(input=tmp_path / name, output=tmp_path / target)
    with open(tmp_path / target, encoding="utf-8", newline="") as lines:
        if target == "out.jsonl":
            rows = [json.loads(line) for line in lines]
        else:
            rows = list(csv.DictReader(lines, delimiter="\t" if target == "out.tsv" else ","))
    expected = TextClassifier.load(run_folder).predict(TEXTS)
    assert [row["text"] for row in rows] == TEXTS
    assert [row["predicted"] for row in rows] == [prediction.label for prediction in expected]
    for row, prediction in zip(rows, expected, strict=True):
        shares = {label: float(row[f"probability_{label}"]) for label in "abc"}
        assert shares == pytest.approx(prediction.probabilities, abs=1e-6)


@pytest.mark.parametrize("target", ["out.csv", "out.jsonl"])
def test_a_threshold_adds_a_column_that_says_what_is_sure(
    predicting, run_folder, csv_file, tmp_path, target
):
    largest = TextClassifier.load(run_folder).probabilities(TEXTS).amax(dim=1).tolist()
    middle = sorted(largest)[2]
    predicting(input=csv_file, output=tmp_path / target, min_probability=middle)
    with open(tmp_path / target, encoding="utf-8", newline="") as lines:
        rows = list(map(json.loads, lines) if target == "out.jsonl" else csv.DictReader(lines))
    yes, no = (True, False) if target == "out.jsonl" else ("true", "false")
    assert [row["sure"] for row in rows] == [yes if p >= middle else no for p in largest]
    assert list(rows[0])[:4] == ["id", "text", "predicted", "sure"]
    assert {row["sure"] for row in rows} == {yes, no}


def test_one_text_below_the_threshold_is_said_not_to_be_sure(predicting, capsys):
    predicting(text="goal", min_probability=0.999)
    assert capsys.readouterr().out.splitlines()[0][1:] == "  (not sure: below 0.999)"
    predicting(text="goal", min_probability=0.1)
    assert capsys.readouterr().out.splitlines()[0] in "abc"


def test_the_model_folder_of_a_run_predicts_as_the_run(predicting, run_folder, csv_file, tmp_path):
    record_columns(run_folder, ["id"])
    predicting(input=csv_file, output=tmp_path / "one.csv")
    predicting(run=run_folder / "model", input=csv_file, output=tmp_path / "two.csv")
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


@pytest.mark.parametrize("place", ["shipped", "shipped/model"])
@pytest.mark.parametrize("header", ["id,text", "id,Review", "review,text"])
def test_a_model_that_was_shipped_alone_predicts(predicting, run_folder, tmp_path, place, header):
    shutil.copytree(run_folder / "model", tmp_path / place)
    (tmp_path / "in.csv").write_text(f"{header}\nzebra,goal\n", encoding="utf-8")
    predicting(run=tmp_path / place, input=tmp_path / "in.csv", output=tmp_path / "out.jsonl")
    row = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))
    [expected] = TextClassifier.load(run_folder).predict(["goal"])
    assert {label: row[f"probability_{label}"] for label in "abc"} == pytest.approx(
        expected.probabilities, abs=1e-7
    )


def test_a_model_that_was_shipped_alone_predicts_lines_and_names_a_missing_column(
    predicting, run_folder, tmp_path
):
    shutil.copytree(run_folder / "model", tmp_path / "shipped")
    shipped = {"run": tmp_path / "shipped", "output": tmp_path / "out.jsonl"}
    (tmp_path / "in.txt").write_text("goal\n", encoding="utf-8")
    predicting(input=tmp_path / "in.txt", **shipped)
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))["text"] == "goal"
    (tmp_path / "in.csv").write_text("id,words\n1,goal\n", encoding="utf-8")
    with pytest.raises(
        InputError, match=r"none of the usual names .* are id, words; name one with text_column="
    ):
        predicting(input=tmp_path / "in.csv", **shipped)
    predicting(input=tmp_path / "in.csv", text_column="words", **shipped)


def test_a_number_that_json_has_not_is_null_in_the_answer(predicting, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "goal", "n": NaN}\n', encoding="utf-8")
    predicting(input=tmp_path / "in.jsonl", output=tmp_path / "out.jsonl")
    assert '"n": null' in (tmp_path / "out.jsonl").read_text(encoding="utf-8")


def test_a_column_that_the_answer_has_too_is_replaced_with_a_word(predicting, tmp_path, caplog):
    rows = "predicted,text,probability_a\n" + "old,goal,7\n" * 9000  # more than one chunk
    (tmp_path / "in.csv").write_text(rows, encoding="utf-8")
    predicting(input=tmp_path / "in.csv", output=tmp_path / "out.csv", batch_size=512)
    assert [record.getMessage() for record in caplog.records] == [
        "input: what it has in the columns 'predicted', 'probability_a' is replaced by the "
        "prediction, which writes columns of the same name. To keep it, give it another name in "
        "the input."
    ]
    header, row, *_ = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert header == "predicted,text,probability_a,probability_b,probability_c"
    assert row.split(",")[0] in "abc"


def test_a_spreadsheet_sees_no_formula_and_without_it_cells_are_exact(predicting, tmp_path):
    texts = ["=1+1", "@user: goal", "- goal", "-5", "goal", "\tgoal", "+49 30", "für"]
    with open(tmp_path / "in.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text", "=id"], *([text, -1] for text in texts)])

    for suffix in ("csv", "tsv"):
        target = tmp_path / f"exact.{suffix}"
        predicting(input=tmp_path / "in.csv", output=target)
        with open(target, encoding="utf-8", newline="") as lines:
            exact = list(csv.reader(lines, delimiter=DELIMITERS[target.suffix]))
        assert exact[0][:2] == ["text", "=id"]
        assert [row[0] for row in exact[1:]] == texts

        predicting(input=tmp_path / "in.csv", output=target, spreadsheet=True)
        content = target.read_bytes().decode()
        assert content.startswith("\ufeff")
        delimiter = DELIMITERS[target.suffix]
        shown = list(csv.reader(io.StringIO(content[1:], newline=""), delimiter=delimiter))
        assert shown[0][:2] == ["text", "'=id"]
        assert [row[0] for row in shown[1:]] == [
            *("'=1+1", "'@user: goal", "'- goal", "-5", "goal", "'\tgoal", "'+49 30", "für")
        ]
        assert [row[1:] for row in shown[1:]] == [row[1:] for row in exact[1:]]  # numbers are alike


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input": "in.csv", "output": "out.jsonl"}, r"writes \.csv or \.tsv, and .*out\.jsonl is"),
        ({"text": "goal"}, "spreadsheet=true writes a table, and text= predicts one text on"),
    ],
)
def test_a_spreadsheet_that_is_no_table_is_refused(predicting, tmp_path, options, message):
    (tmp_path / "in.csv").write_text("text\ngoal\n", encoding="utf-8")
    paths = {
        key: tmp_path / value if key in ("input", "output") else value
        for key, value in options.items()
    }
    with pytest.raises(InputError, match=message):
        predicting(**paths, spreadsheet=True)
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("watched", [True, False])
def test_control_characters_reach_a_pipe_and_no_terminal(
    predicting, run_folder, tmp_path, capsys, monkeypatch, watched
):
    (run_folder / "model" / "labels.json").write_text(json.dumps(["\x1b[2Ja", "b", "c"]))
    sign(run_folder / "model")
    (tmp_path / "in.csv").write_text("text\n\x1b[2Jgoal\n", encoding="utf-8")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: watched, raising=False)
    predicting(text="goal")
    predicting(input=tmp_path / "in.csv")
    said = capsys.readouterr().out
    assert ("\x1b" in said) == (not watched)
    assert ("  \\x1b[2Ja\n" in said) == watched
    assert ("\\x1b[2Jgoal," in said) == watched


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.csv", b"", r"input: .*in\.csv is empty; at least one row was expected"),
        (
            "in.csv",
            b"id,texts\n1,x\n",
            "no column 'text'. Did you mean 'texts'.*are id, texts; name one with text_column=",
        ),
        ("in.csv", b"id,text\n1,x\n2\n", "in.csv, row 2 has 1 field, the header has 2"),
        ("in.csv", b"id,text\n1,x\n2,y,z\n", "in.csv, row 2 has 3 fields, the header has 2"),
        ("in.csv", "text\nné\n".encode("latin-1"), r"in\.csv, row 1, byte 6 is no UTF-8 text"),
        (
            "in.txt",
            "one\nné\n".encode("latin-1"),
            r"in\.txt, line 2, byte 5 is no UTF-8 text\. .* name it with encoding=latin-1, or save",
        ),
        (
            "in.txt.gz",
            gzip.compress(b"one\n" * 99, mtime=0)[:-9],
            r"in\.txt\.gz is no whole \.gz file: it is damaged",
        ),
        ("in.csv.gz", b"id,text\n", r"in\.csv\.gz is no whole \.gz file: it is damaged"),
        ("in.jsonl", b'{"text": "x"}\n{"text"\n', "in.jsonl, line 2 is no JSON"),
        ("in.jsonl", b'{"text": "x"}\n{"texts": "y"}\n', "in.jsonl, row 2 has no text 'text'"),
        (
            "in.jsonl",
            b'{"text": "x"}\n{"text": 5}\n',
            "in.jsonl, row 2 holds 5 in the column 'text', text was expected",
        ),
        ("in.jsonl", b'["x"]\n', "in.jsonl, item 1 is no JSON object"),
    ],
)
def test_a_bad_input_leaves_the_output_as_it_was(predicting, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    (tmp_path / "out.csv").write_text("as it was", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        predicting(input=tmp_path / name, output=tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "as it was"
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([name, "out.csv", "run"])


def test_a_row_with_other_columns_is_refused_in_csv_and_taken_in_json_lines(
    predicting, tmp_path, monkeypatch
):
    monkeypatch.setattr("textlstm.data.reading.json_lines.ROWS", 2)
    rows = [{"text": "one"}, {"text": "two"}, {"text": "three", "n": 1}]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(
        InputError, match=r"output: text 3 has other columns than the first; write JSON Lines"
    ):
        predicting(input=tmp_path / "in.jsonl", output=tmp_path / "out.csv")
    predicting(input=tmp_path / "in.jsonl", output=tmp_path / "out.jsonl")
    answers = [
        json.loads(line)
        for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [answer.get("n", "none") for answer in answers] == ["none", "none", 1]


def test_a_later_row_without_the_column_is_named(predicting, tmp_path, monkeypatch):
    monkeypatch.setattr("textlstm.data.reading.json_lines.ROWS", 2)
    rows = [{"text": "one"}, {"text": "two"}, {"n": 3}, {"n": 4}]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(InputError, match=r"^input: .*in\.jsonl, row 3 has no text 'text'\.$"):
        predicting(input=tmp_path / "in.jsonl", output=tmp_path / "out.jsonl")


@pytest.mark.parametrize(("name", "content"), [("in.csv", "text\nzwölf\n"), ("in.txt", "zwölf\n")])
def test_files_are_read_in_the_encoding_of_the_run(predicting, run_folder, tmp_path, name, content):
    record_columns(run_folder, ["text"], encoding="latin-1")
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    predicting(input=tmp_path / name, output=tmp_path / "out.jsonl")
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))["text"] == "zwölf"


def test_a_glob_of_compressed_files_is_one_input(predicting, tmp_path):
    (tmp_path / "in-1.csv.gz").write_bytes(gzip.compress(b"id;text\n1;goal\n"))
    (tmp_path / "in-2.jsonl").write_text('{"text": "bank", "id": "2"}\n', encoding="utf-8")
    predicting(input=tmp_path / "in-*", output=tmp_path / "out.csv")
    with open(tmp_path / "out.csv", encoding="utf-8", newline="") as lines:
        assert [(row["id"], row["text"]) for row in csv.DictReader(lines)] == [
            ("1", "goal"),
            ("2", "bank"),
        ]


def test_a_folder_that_datasets_has_saved_is_one_input(predicting, tmp_path):
    rows = Dataset.from_dict({"id": ["1", "2"], "text": ["goal", "bank"]})
    rows.save_to_disk(tmp_path / "saved", num_shards=2)
    predicting(input=tmp_path / "saved", output=tmp_path / "out.csv")
    answers = table(tmp_path / "out.csv")
    assert [(row["id"], row["text"]) for row in answers] == [("1", "goal"), ("2", "bank")]


def test_the_columns_that_training_joined_are_joined_again(predicting, run_folder, tmp_path):
    record_columns(run_folder, ["title", "body"])
    (tmp_path / "in.csv").write_text("title,body\ngoal,in the match\n,zebra\n", encoding="utf-8")
    predicting(input=tmp_path / "in.csv", output=tmp_path / "out.jsonl")
    rows = [
        json.loads(line)
        for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    classifier = TextClassifier.load(run_folder)
    expected = classifier.probabilities(["goal in the match", "zebra"])[:, 0].tolist()
    assert [row["probability_a"] for row in rows] == pytest.approx(expected, abs=1e-7)
    assert [(row["title"], row["body"]) for row in rows] == [
        ("goal", "in the match"),
        ("", "zebra"),
    ]


def test_the_guessed_column_of_the_run_is_read_unless_another_is_named(
    predicting, run_folder, tmp_path
):
    record_columns(run_folder, ["review"])
    (tmp_path / "in.csv").write_text("text,review\nzebra,goal\n", encoding="utf-8")
    for options, text in (({}, "goal"), ({"text_column": "text"}, "zebra")):
        predicting(input=tmp_path / "in.csv", output=tmp_path / "out.jsonl", **options)
        row = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))
        expected = TextClassifier.load(run_folder).predict([text])[0].probabilities
        assert {label: row[f"probability_{label}"] for label in "abc"} == pytest.approx(
            expected, abs=1e-7
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input": "/nowhere.csv"}, "input: /nowhere.csv does not exist"),
        ({"input": "/"}, "input: / is a folder"),
        ({"text": "x", "output": "x.csv"}, "leave input= and output= out, or text="),
        ({"output": "/nowhere/x.csv", "input": "in.csv"}, "output: there is no folder /nowhere"),
        ({"output": "in.csv", "input": "in.csv"}, "input and output are the same file"),
        ({"output": "out.xlsx", "input": "in.csv"}, "cannot tell the format of out.xlsx"),
    ],
)
def test_other_mistakes(predicting, csv_file, monkeypatch, options, message):
    monkeypatch.chdir(csv_file.parent)
    with pytest.raises(InputError, match=message):
        predicting(**options)


def test_a_field_of_a_million_characters_is_read(predicting, tmp_path):
    (tmp_path / "in.csv").write_text("text\n" + "goal " * 200_000 + "\n", encoding="utf-8")
    predicting(input=tmp_path / "in.csv", output=tmp_path / "out.csv")
    csv.field_size_limit(sys.maxsize)
    with open(tmp_path / "out.csv", encoding="utf-8", newline="") as lines:
        [row] = csv.DictReader(lines)
    assert len(row["text"]) == 1_000_000


def test_predict_one_text_in_a_real_shell(trained, tmp_path):
    text = 'Striker\'s "sign", for ${Porto} — 北京?'
    arguments = f"run={shlex.quote(str(trained))} text={shlex.quote(text)}"
    command = f"{sys.executable} {SRC}/predict.py {arguments}"
    shown = subprocess.run(
        command, shell=True, cwd=tmp_path, capture_output=True, encoding="utf-8", check=True
    ).stdout

    first, *shares = shown.splitlines()
    [expected] = TextClassifier.load(trained).predict([text])
    assert first == expected.label
    assert [line.split(maxsplit=1)[1] for line in shares] == list(expected.probabilities)
    assert sum(float(line.split()[0]) for line in shares) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("arguments", [["text=Goal!"], [f"input={NEWSWIRE4}"]])
def test_predict_ends_in_silence_when_its_reader_has_seen_enough(trained, arguments):
    reader, writer = os.pipe()
    os.close(reader)
    arguments = [*arguments, f"run={trained}", "text_column=text"]
    done = subprocess.run(
        [sys.executable, SRC / "predict.py", *arguments], stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_predict_keeps_order_and_columns_of_a_file(trained, my_csv, tmp_path):
    call(
        "predict",
        f"run={trained}",
        f"input={my_csv}",
        f"output={tmp_path}/out, 1.csv",
        "batch_size=13",
    )
    rows = table(tmp_path / "out, 1.csv")
    assert [(row["id"], row["headline"]) for row in rows] == [
        (row["id"], row["headline"]) for row in table(my_csv)
    ]
    labels = TextClassifier.load(trained).predict([row["headline"] for row in rows])
    assert [row["predicted"] for row in rows] == [prediction.label for prediction in labels]
    assert [file.name for file in tmp_path.iterdir()] == ["out, 1.csv"]


def test_predict_reads_pipes_lines_and_json(trained, tmp_path):
    texts = ["Shares fall in Vienna", "", "zzzz qqqq", "Goal!"]
    out, errors = run("predict", f"run={trained}", stdin="\n".join(texts) + "\n")
    piped = list(csv.DictReader(out.splitlines()))
    assert [row["headline"] for row in piped] == texts
    assert errors.startswith("The model knows no word of ")

    (tmp_path / "in.jsonl").write_text(
        "".join(json.dumps({"headline": t, "n": 1}) + "\n" for t in texts), encoding="utf-8"
    )
    call("predict", f"run={trained}", f"input={tmp_path}/in.jsonl", f"output={tmp_path}/out.jsonl")
    rows = [
        json.loads(line)
        for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [row["headline"] for row in rows] == texts
    assert [row["predicted"] for row in rows] == [row["predicted"] for row in piped]
