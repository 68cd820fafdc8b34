"""The record's contract: runs write exactly the keys of its types; a bad file is one error."""

import json
import re
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from pytorch_lightning.loggers.logger import DummyLogger

from helpers.commands import call
from helpers.records import small_record, small_scores
from textlstm.checks import InputError
from textlstm.runs.folder import RunFolder
from textlstm.runs.record import (
    FORMAT,
    PrunedRecord,
    Record,
    evaluation_record,
    read_pruned,
    read_record,
    write_record,
)
from textlstm.training.progress import EpochHistory
from textlstm.training.recording import record_pruned

WORDS = {"money": ["bank", "share", "price"], "sports": ["goal", "match", "team"]}
QUICK = [
    *("model.hidden=4", "model.embedding_dim=4", "trainer.max_epochs=1", "threads=1"),
    *("data.tokenizer=word", "logger=csv"),
]


def differences(value: Any, expected: Any, place: str = "record") -> list[str]:
    """Where a value is not of a type, as sentences; a dictionary must have its type's very keys."""
    if is_typeddict(expected):
        if not isinstance(value, dict):
            return [f"{place} is {value!r}, not a dictionary"]
        hints = get_type_hints(expected)
        found = [f"{place} lacks {key}" for key in expected.__required_keys__ - value.keys()]
        found += [f"{place} has {key}, which no type names" for key in value.keys() - hints.keys()]
        for key in value.keys() & hints.keys():
            found += differences(value[key], hints[key], f"{place}.{key}")
        return found

    origin, arguments = get_origin(expected), get_args(expected)
    if origin in (Union, types.UnionType):
        tried = [differences(value, argument, place) for argument in arguments]
        return min(tried, key=len)
    if origin is dict:
        pairs = value.items() if isinstance(value, dict) else [(None, value)]
        return [
            found
            for key, content in pairs
            for found in differences(key, arguments[0], f"the key {key!r} of {place}")
            + differences(content, arguments[1], f"{place}.{key}")
        ]
    if origin in (list, tuple):
        if not isinstance(value, list):
            return [f"{place} is {value!r}, not a list"]
        each = arguments if origin is tuple else arguments * len(value)
        if len(each) != len(value):
            return [f"{place} has {len(value)} elements, not {len(each)}"]
        pairs = zip(value, each, strict=True)
        return [
            found
            for number, (element, kind) in enumerate(pairs)
            for found in differences(element, kind, f"{place}[{number}]")
        ]
    if origin is Literal:
        return [] if value in arguments else [f"{place} is {value!r}, not one of {arguments}"]
    if expected is Any:
        return []
    expected = {float: (int, float), None: type(None)}.get(expected, expected)
    right = isinstance(value, expected) and not (isinstance(value, bool) and expected is not bool)
    return [] if right else [f"{place} is {value!r}, not {expected}"]


def read(file):
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A file of 60 rows with two classes."""
    file = tmp_path_factory.mktemp("data") / "rows.csv"
    lines = [
        f"{words[n % 3]} {words[n % 2]} {n},{label}"
        for n in range(30)
        for label, words in WORDS.items()
    ]
    file.write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """The folder of a small run on that file, with test and baselines."""
    folder = tmp_path_factory.mktemp("runs") / "plain"
    call("train", *QUICK, f"data.train={data}", f"hydra.run.dir={folder}")
    return folder


def test_the_check_of_types_finds_what_is_wrong():
    assert differences(read_back(small_record()), Record) == []
    wrong = read_back(small_record())
    del wrong["seed"]
    wrong["data"]["splits"]["train"]["words"] = 3
    wrong["layers"][0] = ["Embedding", 5]
    wrong["history"][1]["val_loss"] = None
    wrong["data"]["fold"] = {"fold": 0}
    wrong["threads"] = True
    assert len(differences(wrong, Record)) == 6


def read_back(record):
    """A record as its file has it: lists in place of tuples."""
    return json.loads(json.dumps(record))


def test_a_run_writes_exactly_the_keys_of_the_record(trained):
    record = read(trained / "metrics.json")
    assert differences(record, Record) == []
    assert record["format"] == FORMAT
    assert {"validation", "test"} <= record.keys()
    assert not {"train", "file"} & record.keys()
    assert record["history"][0].keys() >= {"val_loss", "val_accuracy", "val_macro_f1"}
    linear = record["baselines"]["TF-IDF + logistic regression"]
    assert linear.keys() >= {"settings", "validation_macro_f1"}
    assert read_record(trained) == read_record(trained / "metrics.json") == record


@pytest.mark.parametrize(
    ("overrides", "fold", "without"),
    [
        (["data.refit=true"], None, "validation"),
        (["data.folds=3", "data.fold=1", "test=false"], {"fold": 1, "folds": 3}, "test"),
    ],
)
def test_runs_of_other_kinds_keep_to_the_record(tmp_path, data, overrides, fold, without):
    call("train", *QUICK, *overrides, f"data.train={data}", f"hydra.run.dir={tmp_path / 'run'}")
    record = read(tmp_path / "run" / "metrics.json")
    assert differences(record, Record) == []
    assert without not in record
    assert (record["score"] is None) == record["refit"] == (without == "validation")
    assert record["data"]["fold"] == fold


def test_a_streamed_run_keeps_to_the_record(tmp_path, data):
    files = [f"data.train={data}"]
    for split in ("validation", "test"):
        file = tmp_path / f"{split}.csv"
        file.write_text(f"text,label\nbank {split},money\ngoal {split},sports\n", encoding="utf-8")
        files.append(f"data.{split}={file}")
    overrides = ["data.streaming=true", "data.streaming_rows=20", "baselines=false"]
    call("train", *QUICK, *overrides, *files, f"hydra.run.dir={tmp_path / 'run'}")
    record = read(tmp_path / "run" / "metrics.json")
    assert differences(record, Record) == []
    assert record["data"]["streaming"] == {"sample": 20}
    assert record["data"]["splits"]["train"]["rows"] == 60
    assert "train" not in record["data"]["duplicates"].keys() | record["data"]["conflicts"].keys()


def test_an_evaluation_has_a_record_of_its_own_and_leaves_the_run_s(trained, data):
    before = (trained / "metrics.json").read_bytes()
    call("evaluate", f"run={trained}", "split=train")
    call("evaluate", f"run={trained}", f"file={data}")
    assert (trained / "metrics.json").read_bytes() == before

    run = json.loads(before)
    on_train, on_file = (
        read(trained / "evaluation" / name / "metrics.json") for name in ("train", "rows.csv")
    )
    assert differences(on_train, Record) == differences(on_file, Record) == []
    assert on_train["title"] == f"{run['title']}, scored on train"
    assert on_train["data"] == run["data"]
    assert on_file["title"] == f"{run['title']}, scored on rows.csv"
    assert list(on_file["data"]["splits"]) == list(on_file["data"]["sources"]) == ["file"]
    assert on_file["data"]["splits"]["file"]["rows"] == 60
    changed = ("title", "data", "file", "calibration", "wide")  # that have the file, too
    assert {key: on_file[key] for key in on_file if key not in changed} == {
        key: run[key] for key in run if key not in changed
    }


def test_an_evaluation_does_not_change_the_record_that_it_is_made_of():
    run = small_record()
    scores = small_scores(accuracy=0.25)
    evaluation = evaluation_record(run, "test", scores, shown_name="test", data=run["data"])
    assert evaluation["test"]["accuracy"] == 0.25
    assert run == small_record()


def test_a_record_without_a_number_is_of_format_0_and_read(tmp_path):
    old = small_record()
    del old["format"]
    (tmp_path / "metrics.json").write_text(json.dumps(old), encoding="utf-8")
    assert read_record(tmp_path) == {**read_back(old), "format": 0}
    assert RunFolder.finished(str(tmp_path)).path == tmp_path


def test_a_newer_format_is_refused(tmp_path):
    write_record(tmp_path, small_record(format=FORMAT + 1))
    message = (
        f"{tmp_path}/metrics.json has format 2, and this textlstm reads formats up to 1: a newer "
        "one wrote it. Update textlstm."
    )
    for read_it in (read_record, lambda folder: RunFolder.finished(str(folder))):
        with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
            read_it(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is not JSON"),
        (b'{"format": 1, "title": "cut sho', "it is not JSON"),
        (b'{"title": "\xff"}', "it is not JSON"),
        (b"[]", "a JSON object was expected"),
        (b'{"format": "1"}', "its format is '1', a whole number was expected"),
        (b'{"format": null}', "its format is None, a whole number was expected"),
        (b'{"format": true}', "its format is True, a whole number was expected"),
        (b'{"format": 1, "overrides": []}', "it has no "),
    ],
)
@pytest.mark.parametrize(
    ("name", "read_it"), [("metrics.json", read_record), ("pruned.json", read_pruned)]
)
def test_a_damaged_file_is_one_error_that_names_it(tmp_path, name, read_it, content, message):
    (tmp_path / name).write_bytes(content)
    expected = re.escape(f"{tmp_path}/{name} is damaged: {message}")
    with pytest.raises(InputError, match=rf"^{expected}.*\. Bring the file back from a copy, or "):
        read_it(tmp_path)


def test_a_missing_record_is_one_error_that_names_it(tmp_path):
    with pytest.raises(InputError, match=r"metrics\.json cannot be read: No such file"):
        read_record(tmp_path)


def test_a_command_refuses_a_damaged_record_without_a_traceback(tmp_path):
    (tmp_path / "metrics.json").write_text("{", encoding="utf-8")
    _, errors = call("evaluate", f"run={tmp_path}", code=2)
    assert f"{tmp_path}/metrics.json is damaged" in errors
    assert "Traceback" not in errors


def test_a_pruned_trial_writes_exactly_the_keys_of_its_record(trained, tmp_path):
    run, history = RunFolder(tmp_path), EpochHistory()
    run.checkpoints.mkdir()
    history.epochs = read_record(trained)["history"]
    record_pruned(run, DummyLogger(), history, 8, ["model.hidden=4"])
    record = read(run.pruned)
    assert differences(record, PrunedRecord) == []
    assert record["format"] == FORMAT
    assert record["score"] == history.epochs[0]["val_macro_f1"]
    assert read_pruned(tmp_path) == read_pruned(run.pruned) == record
