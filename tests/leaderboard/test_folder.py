"""A sweep's folder read back: repeats stand together, and only what is finished is ranked."""

import json

import pytest

from helpers.sweeps import failed, finished, pruned, repeats
from textlstm.checks import InputError
from textlstm.leaderboard.folder import SweepFolder


@pytest.mark.parametrize("key", ["seed", "data.fold"])
def test_runs_that_differ_in_seed_or_fold_alone_are_one_configuration(tmp_path, key):
    repeats(tmp_path, ["model.hidden=8"], [0.70, 0.74, 0.72], key=key, seconds=10)
    repeats(tmp_path, ["model.hidden=16"], [0.80, 0.70, 0.75], key=key, seconds=20)
    best, second = SweepFolder.read(tmp_path).configurations
    assert best.overrides == {"model.hidden": "16"}
    assert (best.score, best.deviation, best.seconds) == pytest.approx((0.75, 0.05, 20))
    assert (second.score, second.deviation) == pytest.approx((0.72, 0.02))
    assert [len(ranked.runs) for ranked in (best, second)] == [3, 3]


def test_a_job_that_goes_on_after_an_error_is_unfinished(tmp_path):
    finished(tmp_path, ["model.hidden=8"], 0.7)
    folder = failed(tmp_path, ["model.hidden=9"])
    assert SweepFolder.read(tmp_path).failed == [folder]
    with open(folder / "train.log", "a", encoding="utf-8") as log:
        log.write("2026-01-01 11:00:00,000 INFO textlstm.training: epoch 1\n")
    assert SweepFolder.read(tmp_path).unfinished == [folder]


def test_a_configuration_with_a_pruned_run_is_not_ranked_by_its_others(tmp_path):
    pruned(tmp_path, ["model.hidden=8", "seed=0"], 0.2)
    finished(tmp_path, ["model.hidden=8", "seed=1"], 0.99)
    finished(tmp_path, ["model.hidden=16", "seed=0"], 0.7)
    sweep = SweepFolder.read(tmp_path)
    assert [ranked.overrides["model.hidden"] for ranked in sweep.configurations] == ["16"]
    assert "1 finished run repeats a pruned one and is not ranked." in sweep.counts


def test_a_run_that_finished_when_it_was_started_again_is_no_longer_pruned(tmp_path):
    folder = finished(tmp_path, ["model.hidden=8"], 0.7)
    (folder / "pruned.json").write_text("{}", encoding="utf-8")
    assert SweepFolder.read(tmp_path).pruned == []


def test_a_refit_has_no_validation_score_and_is_left_out(tmp_path):
    finished(tmp_path, ["model.hidden=8"], 0.7)
    finished(tmp_path, ["data.refit=true"], None)
    assert SweepFolder.read(tmp_path).counts == "1 run: 1 finished; 1 configuration."


def test_a_damaged_record_in_a_sweep_is_named(tmp_path):
    finished(tmp_path, ["model.hidden=8"], 0.7)
    folder = finished(tmp_path, ["model.hidden=9"], 0.8)
    (folder / "metrics.json").write_text('{"score": 0.8,', encoding="utf-8")
    with pytest.raises(InputError, match=r"model\.hidden-9/metrics\.json is damaged"):
        SweepFolder.read(tmp_path)


def test_records_from_before_formats_had_numbers_are_ranked(tmp_path):
    for write, name in ((finished, "metrics.json"), (pruned, "pruned.json")):
        folder = write(tmp_path, [f"model.pooling={write.__name__}"], 0.7)
        content = json.loads((folder / name).read_text(encoding="utf-8"))
        del content["format"]
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    sweep = SweepFolder.read(tmp_path)
    assert [ranked.score for ranked in sweep.configurations] == [0.7]
    assert [run.score for run in sweep.pruned] == [0.7]


@pytest.mark.parametrize("loss", [float("nan"), None])
def test_a_run_whose_loss_was_no_number_is_not_ranked(tmp_path, loss):
    finished(tmp_path, ["model.hidden=8"], 0.2)
    folder = finished(tmp_path, ["optimizer.lr=1e4"], 0.9)
    record = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    record["validation"]["log_loss"] = loss
    (folder / "metrics.json").write_text(json.dumps(record), encoding="utf-8")
    sweep = SweepFolder.read(tmp_path)
    assert [ranked.score for ranked in sweep.configurations] == [0.2]
    assert sweep.failed == [folder]


def test_runs_of_equal_seeds_are_one_and_the_newest_counts(tmp_path):
    finished(tmp_path, ["model.hidden=8"], 0.7, ended=1)
    finished(tmp_path, ["model.hidden=8", "seed=42"], 0.9, ended=2)  # the default
    finished(tmp_path, ["model.hidden=8", "seed=1"], 0.8, ended=0)
    sweep = SweepFolder.read(tmp_path)
    [ranked] = sweep.configurations
    assert sorted(run.score for run in ranked.runs) == [0.8, 0.9]
    assert [run.score for run in sweep.equal] == [0.7]
    assert sweep.counts == (
        "3 runs: 3 finished; 1 configuration. 1 older run has the configuration and the seed of "
        "another, which counts alone."
    )


def test_twice_the_same_seed_is_no_deviation_of_zero(tmp_path):
    finished(tmp_path, ["model.hidden=8"], 0.7)
    finished(tmp_path, ["model.hidden=8", "seed=42"], 0.7)
    [ranked] = SweepFolder.read(tmp_path).configurations
    assert len(ranked.runs) == 1
    assert ranked.deviation is None


def source(name, checksum):
    return {"path": f"/data/{name}", "sha256": checksum * 64}


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ({}, ["train.csv, 20 rows"]),
        (  # a copy of the file
            {"sources": {"train": {"path": "/copy/of.csv", "sha256": "0123456789abcdef" * 4}}},
            ["train.csv, 20 rows"],
        ),
        (
            {"sources": {"train": source("other.csv", "b")}},
            ["other.csv, 20 rows", "train.csv, 20 rows"],
        ),
        (
            {"sources": {"train": source("train.csv", "b")}},
            [
                "train.csv, 20 rows, SHA-256 01234567…",
                "train.csv, 20 rows, SHA-256 bbbbbbbb…",
            ],
        ),
        (
            {"columns": {"text": ["title", "body"], "label": "other"}},
            [
                "train.csv, 20 rows, SHA-256 01234567… (1)",
                "train.csv, 20 rows, SHA-256 01234567… (2)",
            ],
        ),
    ],
)
def test_configurations_are_ranked_among_those_that_the_same_rows_validated(
    tmp_path, changes, rows
):
    finished(tmp_path, ["model.hidden=8"], 0.7)
    finished(tmp_path, ["model.hidden=9"], 0.8, data=changes)
    assert sorted(ranking.rows for ranking in SweepFolder.read(tmp_path).rankings) == rows


@pytest.mark.parametrize(
    ("key", "value"), [("split_seed", 7), ("val_fraction", 0.2), ("max_rows", 5), ("folds", 3)]
)
def test_rows_that_are_cut_differently_are_other_rows(tmp_path, key, value):
    cut = {"split_seed": 42, "val_fraction": 0.1, "max_rows": None, "folds": None}
    finished(tmp_path, ["model.hidden=8"], 0.7, config={"data": cut})
    finished(tmp_path, [f"data.{key}={value}"], 0.8, config={"data": {**cut, key: value}})
    assert len(SweepFolder.read(tmp_path).rankings) == 2


def test_runs_with_one_file_of_validation_are_compared_whatever_they_trained_on(tmp_path):
    for name in ("small", "large"):
        sources = {"train": source(name, name[0]), "validation": source("val.csv", "v")}
        config = {"data": {"max_rows": len(name), "split_seed": 42}}
        finished(tmp_path, [f"data.train={name}"], 0.7, data={"sources": sources}, config=config)
    [ranking] = SweepFolder.read(tmp_path).rankings
    assert ranking.rows == "val.csv, 20 rows"
    assert len(ranking.configurations) == 2


@pytest.mark.parametrize(
    "data",
    [
        {"columns": None},
        {"sources": {"train": {}}},
        {"sources": {"train": {"path": 3, "sha256": 4}}},
        {"sources": []},
        {"splits": {"validation": {"rows": "many", "classes": {}}}},
        {"splits": {"validation": {"rows": 3, "classes": [1]}}},
        {"fold": 3},
        {"fold": {"fold": [1], "folds": {}}},
    ],
)
def test_a_record_whose_facts_of_data_are_odd_is_named(tmp_path, data):
    finished(tmp_path, ["model.hidden=8"], 0.7)
    finished(tmp_path, ["model.hidden=9"], 0.8, data=data)
    with pytest.raises(InputError, match=r"model\.hidden-9/metrics\.json is damaged: it does not"):
        SweepFolder.read(tmp_path)
