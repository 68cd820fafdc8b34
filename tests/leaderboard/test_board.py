"""What a leaderboard shows and writes: tables, counts, pictures, and commands to type next."""

import csv
import json
import os
import shlex
import time

import pytest

from helpers.sweeps import failed, finished, job, pruned, repeats
from textlstm.checks import InputError
from textlstm.leaderboard import figures
from textlstm.leaderboard.board import refit_command, retrain_command, write_leaderboard
from textlstm.leaderboard.folder import SweepFolder
from textlstm.runs.folder import folder_name

ROWS = "train.csv, 20 rows"


def board(sweep, capsys, monkeypatch, width=80):
    """What the command prints on a screen of this width."""
    monkeypatch.setenv("COLUMNS", str(width))
    write_leaderboard(sweep)
    return capsys.readouterr().out


def table(sweep):
    with open(sweep / "leaderboard.csv", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_csv_has_each_configuration_with_full_names_and_digits(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    typed = ["model.hidden=8", "optimizer.lr=0.01"]
    repeats(tmp_path, typed, [0.70, 0.74], parameters=123456)
    os.utime(
        tmp_path / f"{folder_name(','.join([*typed, 'seed=1']))}/metrics.json", (0, 1.7e9 + 60)
    )
    finished(tmp_path, ["model.hidden=16", "optimizer.lr=0.01"], 0.9, seconds=7.125)
    write_leaderboard(tmp_path)
    assert table(tmp_path) == [
        dict(zip(row, values, strict=True))
        for row in [
            [
                *("rank", "macro F1 on validation", "standard deviation", "runs", "model.hidden"),
                *("parameters", "seconds of training", "date", "run", "validated on"),
            ]
        ]
        for values in [
            [
                *("1", "0.900000", "", "1", "16", "1000", "7.12", "2023-11-14 22:13"),
                *("model.hidden-16_optimizer.lr-0.01", ROWS),
            ],
            [
                *("2", "0.720000", "0.028284", "2", "8", "123456", "10.00", "2023-11-14 22:14"),
                "model.hidden-8_optimizer.lr-0.01_seed-1, model.hidden-8_optimizer.lr-0.01_seed-0",
                ROWS,
            ],
        ]
    ]


def test_pruned_failed_and_unfinished_runs_are_counted_and_not_ranked(
    tmp_path, capsys, monkeypatch
):
    finished(tmp_path, ["model.hidden=8"], 0.7)
    finished(tmp_path, ["model.hidden=9"], 0.8)
    pruned(tmp_path, ["model.hidden=10"], 0.99)
    failed(tmp_path, ["model.hidden=0"])
    job(tmp_path, ["model.hidden=11"])
    out = board(tmp_path, capsys, monkeypatch)
    assert "5 runs: 2 finished, 1 pruned, 1 failed, 1 unfinished; 2 configurations." in out
    assert "model.hidden-0/train.log says why" in out
    assert [row["model.hidden"] for row in table(tmp_path)] == ["9", "8"]


def test_a_sweep_without_a_finished_run_says_what_there_is(tmp_path):
    pruned(tmp_path, ["model.hidden=8"], 0.7)
    failed(tmp_path, ["model.hidden=0"])
    with pytest.raises(
        InputError, match=r"holds no finished run \(1 pruned, 1 failed\); expected a folder such as"
    ):
        write_leaderboard(tmp_path)
    with pytest.raises(InputError, match="There is no folder /nowhere"):
        write_leaderboard(tmp_path.__class__("/nowhere"))


def test_the_commands_leave_out_seed_and_fold_and_the_refit_takes_the_mean_best_epoch(tmp_path):
    path = "/data/it's, new.csv"
    overrides = [
        f"data.train='{path}'",
        "data.folds=2",
        "model.hidden=8",
        "trainer.max_epochs=9",
        "sweep.trials=5",
    ]
    for fold, epoch in ((0, 3), (1, 6)):
        finished(
            tmp_path,
            [*overrides, f"data.fold={fold}", "seed=7", "~callbacks.early_stopping"],
            0.7,
            best_epoch=epoch + fold,
            config={"data": {"train": path}},
        )
    [best] = SweepFolder.read(tmp_path).configurations
    assert retrain_command(best) == (
        "python src/train.py 'data.train=/data/it'\"'\"'s, new.csv' model.hidden=8 "
        "trainer.max_epochs=9 "
        "'~callbacks.early_stopping'"
    )
    assert refit_command(best) == (
        "python src/train.py 'data.train=/data/it'\"'\"'s, new.csv' model.hidden=8 "
        "'~callbacks.early_stopping' data.refit=true trainer.max_epochs=5"
    )


def test_the_refit_takes_what_validation_chose_from_the_best_run(tmp_path):
    calibration = {"temperature": 1.5, "chosen_on": "validation", "before": {}, "threshold": None}
    for seed, score in ((1, 0.7), (2, 0.8)):
        folder = finished(tmp_path, ["model.hidden=8", f"seed={seed}"], score)
        record = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        record["calibration"] = calibration
        (folder / "metrics.json").write_text(json.dumps(record), encoding="utf-8")
    [best] = SweepFolder.read(tmp_path).configurations
    assert refit_command(best).endswith(f"calibration_from={shlex.quote(str(folder))}")


def test_a_key_that_a_run_leaves_to_its_config_has_the_value_there(tmp_path):
    finished(tmp_path, ["model.hidden=8"], 0.8, config={"model": {"hidden": 8, "head": []}})
    finished(
        tmp_path, ["model.head=[32,16]"], 0.7, config={"model": {"hidden": 64, "head": [32, 16]}}
    )
    write_leaderboard(tmp_path)
    assert [(row["model.hidden"], row["model.head"]) for row in table(tmp_path)] == [
        ("8", "[]"),
        ("64", "[32,16]"),
    ]


def test_the_table_fits_80_columns_and_says_what_it_leaves_out(tmp_path, capsys, monkeypatch):
    keys = [f"model.hyperparameter_number_{n}" for n in range(12)]
    for number in range(30):
        overrides = [
            f"{key}={number if at else 'a very long value'}{number}" for at, key in enumerate(keys)
        ]
        finished(
            tmp_path, [*overrides, "model.same=1"], number / 100, parameters=10**6 * (number + 1)
        )
    out = board(tmp_path, capsys, monkeypatch)
    shown = out[: out.index("Not shown")].splitlines()
    assert max(len(line.rstrip()) for line in shown) <= 80
    assert "0.2900" in out
    assert "a very long v…" in out
    assert "same" not in shown
    assert "10 more configurations are in leaderboard.md." in out
    left_out = out[out.index("Not shown") :].split(";")[0]
    assert "hyperparameter_number_11" in left_out
    assert "hyperparameter_number_0" not in left_out
    markdown = (tmp_path / "leaderboard.md").read_text(encoding="utf-8")
    assert markdown.count("\n| ") == 31 + 1
    assert "| a very long value0 |" in markdown


def test_the_history_is_drawn_in_the_order_in_which_runs_ended(tmp_path, monkeypatch):
    finished(tmp_path, ["model.hidden=8"], 0.7, ended=3)
    finished(tmp_path, ["model.hidden=16"], 0.9, ended=2)
    pruned(tmp_path, ["model.hidden=32"], 0.4, ended=1)
    drawn, draw = [], figures.history_figure
    noted = lambda *columns: drawn.extend(zip(*columns, strict=True)) or draw(*columns)  # noqa: E731
    monkeypatch.setattr(figures, "history_figure", noted)
    write_leaderboard(tmp_path)
    assert drawn == [(0.4, True, False), (0.9, False, True), (0.7, False, False)]


def pictures(sweep):
    return {file.stem for file in sweep.glob("*.png")}


def test_pictures_are_drawn_where_there_is_something_to_see(tmp_path, capsys, monkeypatch):
    sweep = tmp_path / "one"
    finished(sweep, ["model.hidden=8"], 0.5)
    assert "1 run: 1 finished; 1 configuration." in board(sweep, capsys, monkeypatch)
    assert pictures(sweep) == set()
    finished(sweep, ["model.hidden=16"], 0.6)
    finished(sweep, ["model.hidden=32"], 0.7)
    out = board(sweep, capsys, monkeypatch)
    assert "No importance of hyperparameters: that needs 4 configurations, there are 3." in out
    assert pictures(sweep) == {"history", "pareto", "parallel"}

    sweep = tmp_path / "seeds"
    repeats(sweep, [], [0.5, 0.6])
    assert "python src/train.py\n" in board(sweep, capsys, monkeypatch)
    assert pictures(sweep) == {"history"}

    sweep = tmp_path / "four"
    for number in range(4):
        finished(
            sweep, [f"model.hidden={8 + number // 2}", f"model.layers={number % 2}"], number / 10
        )
    out = board(sweep, capsys, monkeypatch)
    assert pictures(sweep) == {"history", "pareto", "parallel", "importance"}
    markdown = (sweep / "leaderboard.md").read_text(encoding="utf-8")
    assert all(f"]({name}.png)" in markdown for name in pictures(sweep))
    assert retrain_command(SweepFolder.read(sweep).configurations[0]) in markdown
    assert "No importance" not in out


def test_each_row_names_its_best_run_and_the_commands_score_that(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    repeats(tmp_path / "my sweep", ["model.hidden=8"], [0.70, 0.74, 0.72])
    finished(tmp_path / "my sweep", ["model.hidden=16"], 0.6)
    out = board(tmp_path / "my sweep", capsys, monkeypatch)
    lines = [line.split() for line in out.splitlines() if "  2023-11-1" in line]
    assert [(line[0], *line[3:]) for line in lines] == [
        ("1", "model.hidden-8_seed-1", "and", "2", "more"),
        ("2", "model.hidden-16"),
    ]
    command = "python src/evaluate.py 'run=my sweep/model.hidden-8_seed-1'"
    assert f"without training again:\n  {command}\n" in out
    markdown = (tmp_path / "my sweep" / "leaderboard.md").read_text(encoding="utf-8")
    assert command in markdown
    names = [f"model.hidden-8_seed-{seed}" for seed in (1, 2, 0)]
    assert f"| {', '.join(names)} |" in markdown


def test_runs_on_other_rows_have_a_table_of_their_own(tmp_path, capsys, monkeypatch):
    for name, scores in {"first.csv": [0.7, 0.6], "second.csv": [0.9, 0.8]}.items():
        sources = {"train": {"path": f"/data/{name}", "sha256": name * 8}}
        for hidden, score in enumerate(scores, start=8):
            typed = [f"data.train=/data/{name}", f"model.hidden={hidden}"]
            finished(tmp_path, typed, score, data={"sources": sources})
    out = board(tmp_path, capsys, monkeypatch)
    assert out.index("Validated on first.csv, 20 rows") < out.index("Validated on second.csv, 20 r")
    rows = [
        [row[name] for name in ("rank", "validated on", "model.hidden")] for row in table(tmp_path)
    ]
    assert rows == [
        [rank, f"{name}.csv, 20 rows", hidden]
        for name in ("first", "second")
        for rank, hidden in (("1", "8"), ("2", "9"))
    ]
    assert out.count("sure that the first is") + out.count("cannot tell a better") == 2
    assert pictures(tmp_path) == {
        *("history", "pareto", "parallel"),
        *("history-2", "pareto-2", "parallel-2"),
    }
    markdown = (tmp_path / "leaderboard.md").read_text(encoding="utf-8")
    assert [line for line in markdown.splitlines() if line.startswith("## ")] == [
        "## first.csv, 20 rows",
        "## second.csv, 20 rows",
    ]


def test_nothing_but_runs_is_written_into_the_folder_of_runs(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("textlstm.leaderboard.board.OUTPUTS", tmp_path)
    names = {finished(tmp_path / "runs", [f"model.hidden={n}"], n / 10).name for n in (5, 6)}
    out = board(tmp_path / "runs", capsys, monkeypatch)
    assert {file.name for file in (tmp_path / "runs").iterdir()} == names
    assert {"leaderboard.csv", "leaderboard.md"} < {
        file.name for file in (tmp_path / "leaderboard").iterdir()
    }
    assert f"folder: {tmp_path}/leaderboard (leaderboard.csv, " in out
    assert "Runs: macro F1 on validation" in out


@pytest.mark.parametrize(
    "hostile",
    [
        "+callbacks.x._target_=os.system",
        "+callbacks.x={_target_: os.system}",
        "--config-dir=/tmp/theirs",
        "-m",
        "hydra.job.env_set.PATH=/tmp/theirs",
        "hydra/launcher=theirs",
        "+hydra/callbacks@hydra.callbacks=theirs",
        "experiment=../../theirs",
        "model.hidden=${oc.env:HOME}",
        "logger.name=/etc",
        "trainer.max_epochs=1\x1b[201~\ntouch x",
        "; touch x;=1",
        "sweep.storage=postgresql://them@host/base",
    ],
)
def test_a_pasted_command_runs_nothing_that_a_folder_of_somebody_else_asks_for(
    tmp_path, capsys, monkeypatch, hostile
):
    finished(tmp_path, ["model.hidden=8", hostile], 0.7)
    out = board(tmp_path, capsys, monkeypatch, width=400)
    commands = [line for line in out.splitlines() if line.startswith("  python src/train.py")]
    assert len(commands) == 2  # beside the one that evaluates
    for command in commands:
        assert hostile.partition("=")[0] not in shlex.split(command)[2:]
        assert {argument.partition("=")[0] for argument in shlex.split(command)[2:]} <= {
            *("model.hidden", "data.refit", "trainer.max_epochs", "calibration_from")
        } - {"model.hidden" if hostile.startswith("model.") else ""}
    assert ("Not in the commands" in out) == (not hostile.startswith("sweep."))


def test_a_value_for_the_shell_is_quoted_in_a_command(tmp_path, capsys, monkeypatch):
    config = {"data": {"train": "/data/$(touch x).csv", "text_column": "a'; touch x; '"}}
    typed = ["data.train='/data/$(touch x).csv'", "data.text_column='a'"]
    finished(tmp_path, typed, 0.7, config=config)
    out = board(tmp_path, capsys, monkeypatch, width=400)
    [command, _] = [line for line in out.splitlines() if line.startswith("  python src/train.py")]
    assert shlex.split(command)[2:] == [
        *("data.train=/data/$(touch x).csv", "data.text_column=a'; touch x; '")
    ]
