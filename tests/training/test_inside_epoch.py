"""A run that ends inside an epoch and is resumed there is the run that was never stopped."""

import signal
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from helpers.commands import QUICK, call, forget, record, run, signal_at, weights
from textlstm.checks import InputError
from textlstm.training.interval import Interval, parse_interval

ROWS = [(f"word {n % 7} of {n}", "ab"[n * n % 11 % 2]) for n in range(120)]
STEPS = 12  # of an epoch of 96 training rows; 2 batches of validation
HELD_OUT = ["data.validation={folder}/validation.csv", "data.test={folder}/test.csv"]
KINDS = {
    "one_cycle": [],
    "plateau": ["optimizer.schedule=plateau", "trainer.accumulate_grad_batches=2"],
    "streaming": ["data.streaming=true", "trainer.accumulate_grad_batches=3", *HELD_OUT],
    "refit": ["data.refit=true", "data.oversample=true"],
}


@pytest.fixture
def options(write_rows, tmp_path, monkeypatch):
    """Options of a short run, whose cache lies beside it."""
    monkeypatch.setattr("textlstm.training.run.CACHE", tmp_path / "cache")
    rows = write_rows("rows.csv", ROWS)
    for name in ("validation", "test"):
        write_rows(f"{name}.csv", [(f"{name} {text}", label) for text, label in ROWS[:20]])
    return [*QUICK, f"data.train={rows}", "data.batch_size=8", "threads=1", "model.dropout=0.3"]


def kind_of_run(options: list[str], kind: str) -> list[str]:
    folder = options[len(QUICK)].removeprefix("data.train=").rpartition("/")[0]
    more = [option.replace("{folder}", folder) for option in KINDS[kind]]
    return [*options, *more, "+trainer.log_every_n_steps=1"]


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The points of each curve; a resumed run has files of several starts."""
    points: dict[str, dict[int, float]] = {}
    for file in sorted(folder.rglob("events.out.tfevents*")):
        events = EventAccumulator(str(file)).Reload()
        for tag in events.Tags()["scalars"]:
            found = {event.step: event.value for event in events.Scalars(tag)}
            points.setdefault(tag, {}).update(found)
    return {tag: sorted(found.items()) for tag, found in points.items()}


def assert_same(resumed: Path, whole: Path) -> None:
    """The same bits in the weights, the same epochs and the same curves."""
    expected = weights(whole, "last")
    found = weights(resumed, "last")
    assert [key for key in expected if not torch.equal(expected[key], found[key])] == []
    epochs = [
        [{**epoch, "seconds": 0} for epoch in record(folder)["history"]]
        for folder in (resumed, whole)
    ]
    assert epochs[0] == epochs[1]
    assert record(resumed)["steps"] == record(whole)["steps"]
    assert scalars(resumed) == scalars(whole)


@pytest.mark.parametrize(
    ("kind", "step", "place"),
    [
        ("one_cycle", STEPS + 5, "step"),
        ("plateau", STEPS, "validation"),  # of the second epoch
        ("streaming", 6, "step"),  # the first of the second epoch
    ],
)
def test_a_stopped_run_resumes_inside_its_epoch_to_the_same_bits(
    options, tmp_path, kind, step, place
):
    options = kind_of_run(options, kind)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    call("train", *options, f"hydra.run.dir={whole}")
    end = signal_at(step, signal.SIGTERM, place)
    _, errors = call("train", *options, *end, f"hydra.run.dir={stopped}", code=143)
    assert "Traceback" not in errors
    assert errors.splitlines()[-1] == (
        f"Stopped by SIGTERM. python src/train.py resume={stopped} goes on after step {step}."
    )
    forget(stopped, "signal")
    _, errors = call("train", f"resume={stopped}")
    assert "Warning" not in errors
    assert_same(stopped, whole)


@pytest.mark.trust("stop at an exact point")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_run_stopped_anywhere_resumes_to_the_same_bits(
    options, tmp_path, kind, number, record_property
):
    """After each of many steps, at the first and the last of an epoch too, and in validation."""
    options = kind_of_run(options, kind)
    call("train", *options, f"hydra.run.dir={tmp_path}/whole")
    last = record(tmp_path / "whole")["steps"]
    points = [(step, "step") for step in range(1, last + 1)]
    if kind != "refit":
        points += [(step * last // 3, "validation") for step in (1, 2, 3)]
    record_property("tried", len(points))
    for step, place in points:
        stopped = tmp_path / f"{place}-{step}"
        end = signal_at(step, number, place)
        call("train", *options, *end, f"hydra.run.dir={stopped}", code=128 + number)
        forget(stopped, "signal")
        call("train", f"resume={stopped}")
        assert_same(stopped, tmp_path / "whole")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("30s", Interval(seconds=30)),
        ("15m", Interval(seconds=900)),
        ("2h", Interval(seconds=7200)),
        ("500steps", Interval(steps=500)),
        ("500 steps", Interval(steps=500)),
        (None, None),
        ("off", None),
        (False, None),
    ],
)
def test_an_interval_has_a_unit(given, expected):
    assert parse_interval(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        *(15, 15.0, True, "15", "0m", "-5m", "1.5h", "m", "", "15 min", "15M", "steps", "1e3s"),
        *("٣m", "15m\n", "99999999999m", "5m 3s", [], {"minutes": 15}),
    ],
)
def test_an_interval_without_a_unit_is_one_error(given):
    with pytest.raises(InputError) as caught:
        parse_interval(given)
    assert str(caught.value) == (
        "trainer.checkpoint_every must be a whole number with its unit, such as 30s, 15m, 2h or "
        f"500steps, or off, got {given!r}."
    )


@pytest.mark.trust("stop one of two processes")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("rank", ["0", "1", "null"])
@pytest.mark.parametrize("launcher", ["lightning", "torchrun"])
def test_two_processes_stop_after_the_same_step(options, tmp_path, number, rank, launcher):
    two = ["trainer=ddp", "trainer.devices=2", "trainer.accelerator=cpu"]
    options = [*kind_of_run(options, "plateau"), *two, f"hydra.run.dir={tmp_path}"]
    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node=2")
    started = torchrun if launcher == "torchrun" else ("-W", "default")
    run("train", *options[:-1], f"{options[-1]}/whole", launcher=started)
    end = signal_at(STEPS // 2 + 2, number, rank=rank)
    # torchrun has an exit code of its own for a process that has failed.
    code = 1 if launcher == "torchrun" else 128 + number
    _, errors = run(
        "train", *options[:-1], *end, f"{options[-1]}/stopped", launcher=started, code=code
    )
    said = [line for line in errors.splitlines() if line.startswith(("Stopped", "error:"))]
    assert [line.partition(" by ")[0] for line in said] == ["Stopped"]
    assert said[0].endswith(f"resume={tmp_path}/stopped goes on after step {STEPS // 2 + 2}.")
    forget(tmp_path / "stopped", "signal")
    run("train", f"resume={tmp_path}/stopped", launcher=started)
    assert_same(tmp_path / "stopped", tmp_path / "whole")
