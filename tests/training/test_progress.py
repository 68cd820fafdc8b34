"""What a person sees while a run trains."""

import contextlib
import io
import re
import sys
import types
from pathlib import Path
from unittest.mock import patch

import pytest

from helpers.commands import QUICK, as_before
from helpers.screens import terminal_as_stderr
from textlstm.commandline.main import main
from textlstm.training.progress import ProgressBar, epoch_line

OPTIONS = [*QUICK, "data.max_rows=300", "threads=1"]


def test_a_terminal_keeps_each_epoch_and_has_one_line_below_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Standard output is a file meanwhile, as after `> results.txt`, and gets the results alone."""
    monkeypatch.setattr("textlstm.terminal.INTERVAL", 0.0)  # it is drawn at each step
    stdout = io.StringIO()
    with as_before(), patch.object(sys, "argv", ["train.py", *OPTIONS]):
        sys.argv.append(f"hydra.run.dir={tmp_path}/run")
        with contextlib.redirect_stdout(stdout), terminal_as_stderr(80) as screen:
            main("train")

    rows = screen.rows()
    line = "epoch N/3  loss N.N val N.N  acc N.N val N.N  F1 N.N  N.N s".replace("N", r"\d+")
    epochs = [row for row in rows if re.fullmatch(line, row)]  # whole rows: none is broken
    assert [row[:9] for row in epochs] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"], rows
    splits = [row for row in rows if row.startswith(("train ", "validation ", "test "))]
    assert [row.endswith("% unknown") for row in splits] == [True] * 3, rows
    assert re.search(
        r"epoch 2/3  loss \d\.\d{4}  macro F1 \d\.\d{4}  \S+ .*\d%  \d\d:\d\d left", screen.written
    )
    drawn = re.findall(r"\r([^\r\n]*left)", screen.written)
    assert drawn
    assert max(map(len, drawn)) <= 80
    assert not any("left" in row or ("%" in row and "█" in row) for row in rows), rows
    assert "Scores on test" in stdout.getvalue()
    assert "epoch" not in stdout.getvalue()
    assert "\r" not in stdout.getvalue()


def test_the_line_of_a_long_epoch_among_many_fits_79_columns():
    scores = {"train_accuracy": 0.9534, "val_accuracy": 0.8973, "val_macro_f1": 0.8972}
    epoch = {"epoch": 100, "train_loss": 0.4545, "val_loss": 0.319, **scores, "seconds": 1234.56}
    line = epoch_line(epoch, 100)
    assert line == (
        "epoch 100/100  loss 0.4545 val 0.3190  acc 0.9534 val 0.8973  F1 0.8972  1235 s"
    )
    assert len(line) == 79
    assert epoch_line({**epoch, "epoch": 9, "seconds": 1.84}, 19).endswith("  F1 0.8972  1.8 s")
    refit = {key: value for key, value in epoch.items() if not key.startswith("val_")}
    assert epoch_line(refit, 100) == "epoch 100/100  loss 0.4545  acc 0.9534  1235 s"


def test_the_line_of_a_resumed_run_begins_where_the_run_was():
    trainer = types.SimpleNamespace(
        max_epochs=4,
        num_training_batches=10,
        callbacks=[],
        current_epoch=2,
        callback_metrics={},
        fit_loop=types.SimpleNamespace(epoch_loop=types.SimpleNamespace(total_batch_idx=19)),
    )
    with terminal_as_stderr(80) as screen:
        bar = ProgressBar()
        bar.on_train_start(trainer, None)
        bar.on_train_end(trainer, None)
    assert re.search(r"epoch 3/4  █{8} +50%", screen.written)
    assert screen.rows() == [""]
