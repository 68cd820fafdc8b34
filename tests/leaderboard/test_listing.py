"""The list of all runs: ranked by data set, filtered, sorted, and not ended by what is damaged."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import call
from helpers.records import places, with_value
from helpers.scored_runs import GOLD, scored_run
from helpers.sweeps import job, pruned
from textlstm.checks import InputError
from textlstm.commandline.options import SORTED_BY
from textlstm.leaderboard.listing import Listing
from textlstm.leaderboard.listing_table import as_lines_of_json, filtered, moment, table_lines
from textlstm.runs.results import LINEAR

VALUES: tuple[Any, ...] = (None, "x", -1, 1e999, True, [], {}, ["x"])


def run(folder: Path, score: float | None, *, ended: float = 1e9, **changes: Any) -> Path:
    """A finished run with this macro F1 on validation."""
    scored_run(folder, GOLD, score=score, **changes)
    os.utime(folder / "metrics.json", (ended, ended))
    return folder


def listed(root: Path, sort: str = "score", **filters: Any) -> list[str]:
    """The lines of the tables of all runs below a folder."""
    listing = Listing.read([root])
    shown = filtered(listing.finished, **{"data": None, "since": None, **filters})
    return table_lines(listing, shown, sort)


def test_runs_of_the_same_data_stand_together_with_the_best_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(tmp_path / "runs" / "good", 0.9)
    run(tmp_path / "sweeps" / "grid" / "best", 0.95)
    run(tmp_path / "runs" / "poor", 0.5)
    run(tmp_path / "runs" / "other", 0.7, file="/data/a.csv", sha256="f" * 64)
    lines = listed(tmp_path)
    assert lines[0] == "a.csv, 4 rows, SHA-256 ffffffff…"
    assert lines[2].split()[-1] == "runs/other"
    assert lines[4] == "train.csv, 4 rows, SHA-256 01234567…"
    assert [line.split()[0] for line in lines[6:9]] == ["1", "2", "3"]
    assert [line.split()[-1] for line in lines[6:9]] == [
        "sweeps/grid/best",
        "runs/good",
        "runs/poor",
    ]
    assert lines[-1] == "4 finished runs."


def test_a_line_has_scores_interval_baseline_date_size_and_path(tmp_path):
    folder = run(tmp_path / "one", 0.5)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    (found,) = Listing.read([tmp_path]).finished
    assert (found.score, found.test, found.interval) == (0.5, 1.0, (0.1, 0.9))
    assert (found.baseline, found.size, found.ended) == (0.7333, size, 1e9)
    line = listed(tmp_path)[2]
    assert line.split()[:7] == ["1", "0.5000", "1.0000", "0.100", "to", "0.900", "0.7333"]
    assert line.endswith(str(folder))


def test_a_refit_has_no_rank_and_stands_last(tmp_path):
    run(tmp_path / "refit", None)
    run(tmp_path / "one", 0.1)
    lines = listed(tmp_path)
    assert [line.split()[0] for line in lines[2:4]] == ["1", "–"]
    assert lines[3].endswith("refit")


def test_runs_are_sorted_and_filtered(tmp_path):
    run(tmp_path / "old", 0.9, ended=1e9)
    large = run(tmp_path / "large", 0.8, ended=1.5e9)
    (large / "weights").write_bytes(b"0" * 100_000)
    run(tmp_path / "new", 0.7, ended=1.7e9)

    def order(sort: str, **filters: Any) -> list[str]:
        lines = listed(tmp_path, sort, **filters)
        return [line.rpartition("/")[2] for line in lines if line.count("/")]

    assert order("score") == ["old", "large", "new"]
    assert order("date") == ["new", "large", "old"]
    assert order("size")[0] == "large"
    assert order("date", since=1.2e9) == ["new", "large"]
    assert order("score", data="TRAIN") == ["old", "large", "new"]
    assert order("score", data="other") == []
    assert listed(tmp_path, data="other")[-1] == "None of them fits; their data are train.csv."
    content = json.loads(as_lines_of_json(Listing.read([tmp_path]).finished, "date"))
    assert [Path(found["run"]).name for found in content] == ["new", "large", "old"]
    assert content[0]["test_macro_f1_interval"] == [0.1, 0.9]


def test_what_is_not_finished_is_counted_and_named_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(tmp_path / "good", 0.9)
    for number in range(7):
        job(tmp_path / "jobs", [f"model.hidden={number}"])
    pruned(tmp_path / "jobs", ["model.hidden=99"], 0.5)
    for name, content in {
        "cut": b'{"format": 1, "sc',
        "bytes": b"\xff\xfe\0",
        "newer": b'{"format": 999}',
        "list": b"[]",
        "deep": b"[" * 100_000,
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_bytes(content)
    *_, counts, unfinished, damaged = listed(tmp_path)
    assert counts == "1 finished run, 1 pruned."
    assert unfinished.startswith("7 unfinished: jobs/model.hidden-0, jobs/model.hidden-1, ")
    assert unfinished.endswith("jobs/model.hidden-4, 2 more.")
    assert damaged.startswith("5 damaged: ")
    for name in ("cut", "bytes", "newer", "list", "deep"):
        assert f"{name} (" in damaged


def test_links_pipes_and_folders_inside_of_runs_are_not_taken_for_runs(tmp_path):
    elsewhere = run(tmp_path / "elsewhere" / "moved", 0.6)
    root = tmp_path / "root"
    inside = run(root / "one", 0.9)
    run(inside / "evaluation" / "test", 0.9)
    (root / "loop").symlink_to(root)
    (root / "moved").symlink_to(elsewhere)
    (root / "pipe").mkdir()
    os.mkfifo(root / "pipe" / "metrics.json")
    found = [run.folder.name for run in Listing.read([root, root]).finished]
    assert found == ["moved", "one"]


def test_what_others_wrote_is_shown_as_text(tmp_path, capsys):
    source = {"train": {"path": "/data/\x1b[2J\nred.csv", "sha256": "0" * 64}}
    folder = run(tmp_path / "a\x1b[2Jb", 0.9)
    record = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    record["data"]["sources"] = source
    (folder / "metrics.json").write_text(json.dumps(record), encoding="utf-8")
    out, _ = call("runs", tmp_path)
    assert "\x1b" not in out
    assert "\\x1b[2J red.csv" in out


def test_a_record_with_a_value_of_another_kind_is_damaged(tmp_path):
    folder = run(tmp_path / "one", 0.9)
    whole = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    run(tmp_path / "two", 0.8)
    for place, value in [
        (("score",), "0.9"),
        (("data",), None),
        (("data", "sources"), ["x"]),
        (("baselines", LINEAR), 3),
        (("test", "intervals", "macro_f1"), []),
        (("labels",), [1, "x"]),
        (("parameters",), 1e999),
    ]:
        content = json.dumps(with_value(whole, place, value))
        (folder / "metrics.json").write_text(content, encoding="utf-8")
        lines = listed(tmp_path)
        assert lines[-1].startswith("1 damaged: "), (place, lines)
        assert lines[2].endswith("two")


@pytest.mark.trust("damaged record of a listed run")
def test_whatever_stands_in_a_record_does_not_end_the_list(tmp_path, record_property):
    folder = run(tmp_path / "one", 0.9)
    whole = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    run(tmp_path / "two", 0.8)
    tried = 0
    for place in places(whole):
        for value in VALUES:
            content = json.dumps(with_value(whole, place, value))
            (folder / "metrics.json").write_text(content, encoding="utf-8")
            tried += 1
            listing = Listing.read([tmp_path])
            assert len(listing.finished) + len(listing.damaged) == 2, (place, value)
            table_lines(listing, listing.finished, "score")
            json.loads(as_lines_of_json(listing.finished, "date"))
    record_property("tried", tried)


@pytest.mark.parametrize("given", ["2026-01-31", "2026-01-31 12:00", "2026-01-31T12:00:00", "7d"])
def test_a_moment_is_a_date_or_an_age(given):
    assert 0 < moment(given) < 4e9


@pytest.mark.parametrize("given", ["", "yesterday", "7", "7w", "2026-13-01", "999999d", "-1d"])
def test_another_moment_is_refused(given):
    with pytest.raises(InputError, match="is no date; 2026-01-31"):
        moment(given)


def test_the_command_lists_the_runs_of_outputs(tmp_path, monkeypatch):
    monkeypatch.setattr("textlstm.commands.runs.OUTPUTS", tmp_path)
    assert call("runs")[0] == "There are no runs yet; python src/train.py starts one.\n"
    run(tmp_path / "runs" / "one", 0.9)
    run(tmp_path / "benchmarks" / "b" / "newswire4" / "best-1", 0.8)
    for order in SORTED_BY:
        out, errors = call("runs", "--sort", order)
        assert out.endswith("\n2 finished runs.\n")
        assert errors == ""
    assert [found["validation_macro_f1"] for found in json.loads(call("runs", "--json")[0])] == [
        0.9,
        0.8,
    ]
    for arguments, message in [
        (["/nowhere"], "There is no folder /nowhere."),
        (["--since", "tomorrow"], "--since: 'tomorrow' is no date"),
        (["--sort", "name"], "--sort"),
    ]:
        _, errors = call("runs", *arguments, code=2)
        assert errors.startswith("error: ")
        assert message in errors
