"""How a run's files are read holds for evaluate and predict, unless the same keys say otherwise."""

import csv
import io
import json

import pytest

from helpers.commands import call, record, table
from helpers.mistakes import SMALL
from helpers.reading import in_excel, in_json_lines

PAIRS = [("Zwölf Tore", "4"), ("shares fall", "0"), ("zwei Tore", "4"), ("Börse fällt", "0")]
ROWS = [(f"{text} {n}", label) for n in range(12) for text, label in PAIRS]
TSV = "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in ROWS)
KEYS = ["data.format=tsv", "data.encoding=cp1252", "data.label_names={0: bad, 4: good}"]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A run on a TSV file that is called .txt, in cp1252, with numbers as labels."""
    folder = tmp_path_factory.mktemp("options")
    (folder / "train.txt").write_bytes(TSV.encode("cp1252"))
    call("train", f"data.train={folder}/train.txt", *KEYS, *SMALL, f"hydra.run.dir={folder}/run")
    return folder / "run"


def predicted(run_folder, file, *keys, code=0):
    out, errors = call("predict", f"run={run_folder}", f"input={file}", *keys, code=code)
    return list(csv.DictReader(io.StringIO(out))), errors


def test_the_record_keeps_the_numbers_of_a_mapping(run_folder):
    assert record(run_folder)["labels"] == ["bad", "good"]
    data = json.loads((run_folder / "metrics.json").read_text(encoding="utf-8"))["config"]["data"]
    assert data["label_names"] == [[0, "bad"], [4, "good"]]
    assert (data["format"], data["encoding"]) == ("tsv", "cp1252")


def test_evaluate_reads_the_splits_and_another_file_as_the_run_did(run_folder, tmp_path):
    call("evaluate", f"run={run_folder}", "split=train")
    other = tmp_path / "other.txt"
    other.write_bytes(TSV.encode("cp1252"))
    call("evaluate", f"run={run_folder}", f"file={other}")
    rows = table(run_folder / "evaluation" / "other.txt" / "predictions.csv")
    assert [(row["text"], row["gold"]) for row in rows] == [
        (text, {"0": "bad", "4": "good"}[label]) for text, label in ROWS
    ]


def test_evaluate_reads_a_file_as_its_keys_say(run_folder, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("__label__4 Zwölf Tore\n__label__0 shares\n", encoding="utf-8")
    keys = ["format=fasttext", "encoding=utf-8", "label_column=label"]
    call("evaluate", f"run={run_folder}", f"file={other}", *keys)
    evaluated = record(run_folder / "evaluation" / "other.txt")["data"]
    assert evaluated["splits"]["file"]["classes"] == {"bad": 1, "good": 1}


def test_evaluate_joins_labels_where_that_is_asked_for(run_folder, tmp_path):
    other = tmp_path / "names.jsonl"
    other.write_bytes(in_json_lines({"text": ["one", "two"], "label": ["GOOD", "bad "]}))
    _, errors = call("evaluate", f"run={run_folder}", f"file={other}", "encoding=utf-8")
    assert "1 row has a class that no training row has" in errors
    assert "merge_labels=true" in errors
    _, errors = call(
        "evaluate", f"run={run_folder}", f"file={other}", "encoding=utf-8", "merge_labels=true"
    )
    assert "no training row has" not in errors


def test_predict_reads_a_table_as_the_run_did_and_other_formats_by_their_name(run_folder, tmp_path):
    (tmp_path / "new.txt").write_bytes("text\tid\nZwölf Tore\t1\n".encode("cp1252"))
    rows, _ = predicted(run_folder, tmp_path / "new.txt")
    assert [(row["text"], row["id"]) for row in rows] == [("Zwölf Tore", "1")]

    pytest.importorskip("python_calamine", reason="needs the extra `excel`")
    (tmp_path / "new.xlsx").write_bytes(in_excel({"text": ["Zwölf Tore"]}))
    assert predicted(run_folder, tmp_path / "new.xlsx")[0][0]["text"] == "Zwölf Tore"


def test_predict_reads_a_file_as_its_keys_say(run_folder, tmp_path):
    (tmp_path / "new.txt").write_text("Zwölf Tore\ntext\tid\n", encoding="utf-8")
    rows, _ = predicted(run_folder, tmp_path / "new.txt", "format=lines", "encoding=utf-8")
    assert [row["text"] for row in rows] == ["Zwölf Tore", "text\tid"]

    _, errors = predicted(run_folder, tmp_path / "new.txt", "encoding=utf-8", code=2)
    assert "input: " in errors
    assert "error: " in errors


def test_predict_counts_bytes_that_are_no_text_and_names_its_own_key(run_folder, tmp_path):
    (tmp_path / "new.csv").write_bytes("text\none “é”\n".encode() + b"two \xe2\x80 x\n")
    _, errors = predicted(run_folder, tmp_path / "new.csv", "encoding=utf-8", code=2)
    assert "the file is UTF-8 but for this place" in errors
    assert "with encoding_errors=replace" in errors

    keys = ["encoding=utf-8", "encoding_errors=replace"]
    rows, errors = predicted(run_folder, tmp_path / "new.csv", *keys)
    assert [row["text"] for row in rows] == ["one “é”", "two � x"]
    assert "input: 1 row has bytes that are no text, which are read as � (row 2)." in errors


def test_predict_takes_a_dotted_name(run_folder, tmp_path):
    content = json.dumps([{"id": 7, "data": {"text": "Zwölf Tore"}}], indent=1)
    (tmp_path / "new.json").write_text(content, encoding="utf-8")
    keys = ["text_column=data.text", "encoding=utf-8", f"output={tmp_path}/out.jsonl"]
    predicted(run_folder, tmp_path / "new.json", *keys)
    [row] = map(json.loads, (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines())
    assert (row["id"], row["data.text"], row["data"]) == (7, "Zwölf Tore", {"text": "Zwölf Tore"})
