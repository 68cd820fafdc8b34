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
