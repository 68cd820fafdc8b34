"""Which hyperparameters the score depends on, and what is said where nothing can be."""

import pytest

from helpers.sweeps import finished
from textlstm.leaderboard.folder import SweepFolder
from textlstm.leaderboard.importance import importances


def test_the_importance_is_of_the_hyperparameter_that_moves_the_score(tmp_path):
    scores = {"last": 0.5, "mean": 0.8, "财经": 0.9}
    for pooling, score in scores.items():
        for lr in ("1e-5", "1e-3", "0.1"):
            for hidden in (8, 16):
                overrides = [
                    f"model.pooling={pooling}",
                    f"optimizer.lr={lr}",
                    f"model.hidden={hidden}",
                ]
                finished(tmp_path, overrides, score + (0.05 if lr == "1e-3" else 0))
    shares, why_none = importances(SweepFolder.read(tmp_path).rankings[0])
    assert why_none == ""
    assert list(shares) == ["model.pooling", "optimizer.lr", "model.hidden"]
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["model.pooling"] > 0.9
    assert shares == importances(SweepFolder.read(tmp_path).rankings[0])[0]


def test_equal_scores_have_no_importance(tmp_path):
    for number in range(4):
        finished(tmp_path, [f"model.hidden={8 + number // 2}", f"model.layers={number % 2}"], 0.5)
    assert (
        "all configurations have the same score"
        in importances(SweepFolder.read(tmp_path).rankings[0])[1]
    )
