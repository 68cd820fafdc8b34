"""`serve`: the same numbers as `predict` and the run's record, files as they are, and its end."""

import csv
import gzip
import json
import re
import signal
import socket
import subprocess
import sys
from contextlib import closing
from hashlib import sha256
from http.client import HTTPConnection
from random import Random
from tempfile import gettempdir
from unittest.mock import patch

import pandas as pd
import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient

from helpers.commands import SRC, call, environment, record, table
from helpers.reading import in_excel, in_feather
from textlstm.model.bundle import TextClassifier
from textlstm.serving import files, server


@pytest.fixture(scope="module")
def client(trained):
    """Asks the application that the command makes for a finished run."""
    made = []
    with patch.object(server, "run_server", lambda app, opened, announce: made.append(app)):
        call("serve", f"run={trained}", "port=0")
    (app,) = made
    return TestClient(app, base_url="http://localhost")


def send(client, file, **parameters):
    """The answer to a file, which is a table."""
    return client.post(
        "/predict/file", params={"name": file.name, **parameters}, content=file.read_bytes()
    )


def test_the_model_is_described_as_its_record_does(client, trained):
    found, kept = client.get("/model").json(), record(trained)
    assert found["name"] == trained.name
    assert found["classes"] == kept["labels"]
    models = [("LSTM", kept["test"]), *kept["baselines"].items()]
    assert [row["model"] for row in found["scores"]] == [name for name, _ in models]
    for row, (_, scores) in zip(found["scores"], models, strict=True):
        for name in ("accuracy", "macro_f1", "log_loss", "calibration_error"):
            assert row[name] == pytest.approx(scores[name], abs=1e-9)
    threshold = kept["calibration"]["threshold"]
    assert (found["threshold"] or {}).get("min_probability") == (threshold or {}).get(
        "min_probability"
    )

    test_rows = {(row["text"], row["gold"]) for row in table(trained / "predictions.csv")}
    examples = {(example["text"], example["label"]) for example in found["examples"]}
    assert examples <= test_rows
    assert len({label for _, label in examples}) == len(examples) == 4


def test_answers_are_those_of_the_terminal_and_of_python(client, trained):
    text = "Striker signs for Porto"
    (found,) = client.post("/predict", json={"texts": [text]}).json()["predictions"]
    shown, _ = call("predict", f"run={trained}", f"text={text}", "explain=true")
    lines = shown.splitlines()
    assert lines[0] == found["label"]
    assert lines[1:5] == [f"  {row['probability']:.4f}  {row['label']}" for row in found["classes"]]

    (why,) = client.post("/explain", json={"texts": [text]}).json()["explanations"]
    for word in why["words"]:
        assert f"  {word['share']:+.4f}  {word['text']}" in lines
    (expected,) = TextClassifier.load(trained).explain([text])
    assert [word["share"] for word in why["words"]] == pytest.approx(
        [word.share for word in expected.words], abs=1e-6
    )


@pytest.mark.parametrize("name", ["new.csv", "new.tsv.gz", "new.jsonl", "new.parquet", "new.txt"])
def test_a_file_gives_the_table_that_predict_writes(client, trained, tmp_path, name):
    rows = [{"id": str(n), "headline": f"goal {n}, =1+1 é\n{n}"} for n in range(110)]
    frame, file = pd.DataFrame(rows), tmp_path / name
    match name.partition(".")[2]:
        case "csv":
            frame.to_csv(file, index=False)
        case "tsv.gz":
            file.write_bytes(gzip.compress(frame.to_csv(index=False, sep="\t").encode()))
        case "jsonl":
            file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        case "parquet":
            frame.to_parquet(file)
        case "txt":
            file.write_text("goal, 1\n\nshares fall\n", encoding="utf-8")

    answer = send(client, file)
    assert answer.status_code == 200, answer.text
    threshold = client.get("/model").json()["threshold"]
    options = [] if threshold is None else [f"min_probability={threshold['min_probability']}"]
    output = tmp_path / "predicted.csv"
    call("predict", f"run={trained}", f"input={file}", f"output={output}", *options)
    expected = table(output)
    found = list(csv.DictReader(answer.text.splitlines(keepends=True)))
    assert int(answer.headers["X-Texts"]) == len(found) == len(expected)
    for row, same in zip(found, expected, strict=True):
        assert list(row) == list(same)
        for column, cell in row.items():
            if column.startswith("probability_"):
                assert float(cell) == pytest.approx(float(same[column]), abs=1e-6)
            else:
                assert cell == same[column]


def test_texts_without_a_known_word_and_those_that_are_cut_are_counted(client, trained, tmp_path):
    longest = TextClassifier.load(trained).max_length
    texts = [*["goal"] * 150, "qwertyx", "!", "goal " * (longest + 1), "goal " * longest]
    (tmp_path / "new.txt").write_text("\n".join(texts), encoding="utf-8")
    headers = send(client, tmp_path / "new.txt").headers
    assert [headers[name] for name in ("X-Texts", "X-Unknown-Texts", "X-Cut-Texts")] == [
        *("154", "2", "1")
    ]


def test_a_table_for_a_spreadsheet_has_no_formulas(client, tmp_path):
    (tmp_path / "new.csv").write_text("headline\n=1+1\n", encoding="utf-8")
    exact, escaped = (
        send(client, tmp_path / "new.csv", spreadsheet=value).text for value in ("false", "true")
    )
    assert exact.splitlines()[1].startswith("=1+1,")
    assert escaped.startswith("\ufeffheadline,predicted")
    assert escaped.splitlines()[1].startswith("'=1+1,")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("new.csv", b"a,b\n1,2\n", "input: new.csv has no column 'headline'. Its columns are a, b"),
        ("new.csv", b"", "input: new.csv is empty"),
        ("new.csv", b"headline\n\xff\xfe\xfa\n", "is no UTF-8 text"),
        ("new.xlsx", b"PK\x03\x04 no archive", "new.xlsx is no whole .xlsx file"),
        ("new.csv.gz", b"no archive", "new.csv.gz is no whole .gz file"),
        ("new.csv", b"headline\n" + b"x" * 20_001, "has 20,001 characters, and 20,000 are read"),
        ("new.jsonl", b'{"headline": "a"}\n{"b": 1}\n', "row 2 has no text 'headline'"),
    ],
)
def test_a_file_that_cannot_be_classified_is_one_error(client, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    answer = send(client, tmp_path / name)
    assert answer.status_code == 422
    assert message in answer.json()["error"]
    assert gettempdir() not in answer.json()["error"]


@pytest.mark.trust("hostile file")
def test_any_bytes_as_a_file_are_a_table_or_one_error(client, tmp_path, record_property, caplog):
    frame = pd.DataFrame({"headline": ["goal", "shares fall", None], "n": [1, 2, 3]})
    frame.to_parquet(tmp_path / "whole.parquet")
    parquet = (tmp_path / "whole.parquet").read_bytes()
    packed = gzip.compress(frame.to_csv().encode())
    drawn = Random(0)
    contents = [
        *(drawn.randbytes(2**power) for power in range(0, 16, 3)),
        *(parquet[:cut] for cut in (10, len(parquet) // 2, len(parquet) - 3)),
        *(packed[:cut] for cut in (5, len(packed) // 2, len(packed) - 3)),
        *(parquet, packed, b"\0" * 999, b"\n" * 999, b'"' * 999, b"," * 9999, b"PK\x03\x04" * 99),
        *(b"[" * 99_999, b'{"headline": ' * 9_999, b'[{"headline": 1e999}]', b"headline\n=1+1\n"),
        *(b'{"headline": ["a"]}\n', b'{"headline": {"a": "b"}}\n', b"__label__a goal\n"),
        *(b"\xff\xfeh\0", b"\xef\xbb\xbfheadline\na\n", b"headline\n\xed\xa0\x80\n", b""),
    ]
    names = [f"new.{end}" for end in ("csv", "tsv", "jsonl", "json", "parquet", "xlsx", "xls")]
    names += ["new.arrow", "new.feather"]
    names += ["new.fasttext", "new.txt", "new", "new.csv.gz", "new.csv.zip", "new.tsv.zst"]
    names += ["new.csv.bz2", "new.jsonl.xz", "new.zip"]
    record_property("tried", len(names) * len(contents))
    lost = []
    for name in names:
        for content in contents:
            answer = client.post("/predict/file", params={"name": name}, content=content)
            told = answer.status_code == 422 and "error" in answer.json()
            if not (told or answer.status_code == 200) or gettempdir() in answer.text:
                lost.append((name, content[:40], answer.status_code, answer.text[:200]))
    assert lost == []
    assert not [found for found in caplog.records if found.exc_info]


def test_a_small_file_that_is_large_unpacked_is_refused(client, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "UNPACKED", 10_000)
    (tmp_path / "new.csv.gz").write_bytes(gzip.compress(b"headline\n" + b"a\n" * 10_000))
    frame = pd.DataFrame({"headline": ["a" * 20_000]})
    frame.to_parquet(tmp_path / "new.parquet")
    frame.to_parquet(tmp_path / "new.dat")
    packed = gzip.compress((tmp_path / "new.parquet").read_bytes())
    (tmp_path / "new.parquet.gz").write_bytes(packed)
    (tmp_path / "new.xlsx").write_bytes(in_excel({"headline": ["a" * 20_000]}))
    (tmp_path / "sheet.dat").write_bytes((tmp_path / "new.xlsx").read_bytes())
    for name, parameters in {
        "new.csv.gz": {},
        "new.parquet": {},
        "new.dat": {"format": "parquet"},
        "new.parquet.gz": {},
        "new.xlsx": {},
        "sheet.dat": {"format": "xlsx"},
    }.items():
        answer = send(client, tmp_path / name, **parameters)
        assert answer.status_code == 422, name
        assert answer.json()["error"].startswith(f"{name} has more than 10,000 bytes when it is")
    monkeypatch.setattr(files, "UNPACKED", 10**6)
    monkeypatch.setattr(files, "ROWS", 9_999)
    answer = send(client, tmp_path / "new.csv.gz")
    assert answer.json()["error"].startswith("The file has more than 9,999 texts.")


def test_an_arrow_file_is_refused_before_it_is_read(client, tmp_path):
    (tmp_path / "new.feather").write_bytes(in_feather({"headline": ["goal"]}))
    (tmp_path / "new.dat").write_bytes(in_feather({"headline": ["goal"]}))
    for name, parameters in {"new.feather": {}, "new.dat": {"format": "arrow"}}.items():
        answer = send(client, tmp_path / name, **parameters)
        assert answer.status_code == 422
        assert answer.json()["error"].startswith(f"{name} is read as an Arrow file, whose size")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["port=65536"], "port must be at most 65535, got 65536"),
        (["port={taken}"], r"host=127.0.0.1 port=\d+ cannot be opened: Address already in use"),
        (["host=203.0.113.1"], "host=203.0.113.1 port=8000 cannot be opened"),
        (["host="], "host must be an address of this machine"),
        (["threads=0"], "threads must be at least 1, got 0"),
        (["run=/nowhere"], "run: there is no folder /nowhere"),
    ],
)
def test_what_cannot_be_served_is_one_error(trained, options, message):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        typed = [option.replace("{taken}", str(port)) for option in options]
        _, errors = call("serve", f"run={trained}", *typed, code=2)
    assert re.search(message, errors)
    assert errors.count("error: ") == 1
    assert "Traceback" not in errors


def checksums(folder):
    """What the files of a folder hold, by their paths."""
    return {
        str(file): sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def is_healthy(connection):
    connection.request("GET", "/health")
    return connection.getresponse().read() == b'{"status":"ok"}'


def test_a_server_that_is_told_to_end_answers_what_it_has_begun(trained, tmp_path):
    before = checksums(trained)
    command = [sys.executable, SRC / "serve.py", f"run={trained}", "port=0"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        cwd=tmp_path,
    ) as process:
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", process.stdout.readline())[1])
        # The first stays open: the server must not wait for it.
        with (
            closing(HTTPConnection("127.0.0.1", port)) as idle,
            closing(HTTPConnection("127.0.0.1", port, timeout=120)) as asked,
        ):
            assert is_healthy(asked)
            body = json.dumps({"texts": ["goal in the match " * 30] * 16})
            asked.request("POST", "/explain", body, {"Content-Type": "application/json"})
            assert is_healthy(idle)  # answered after the other request was read
            assert is_healthy(idle)
            process.send_signal(signal.SIGTERM)
            answer = asked.getresponse()
            assert len(json.loads(answer.read())["explanations"]) == 16
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert errors.splitlines()[-1] == "Stopped by SIGTERM."
    assert re.search(r"^POST /explain 200 ", errors, re.M)
    assert "Traceback" not in errors
    assert checksums(trained) == before
    assert list(tmp_path.iterdir()) == []
