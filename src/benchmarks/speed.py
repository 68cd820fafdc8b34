"""Times training and prediction against Keras, a bare loop and a naive Lightning project.

python src/benchmarks/speed.py --keras PYTHON     PYTHON has Keras and TensorFlow
python src/benchmarks/speed.py --data FOLDER      has train.csv.gz, test.csv.gz (text, label)
python src/benchmarks/speed.py --parts loop,start --repetitions 5

The sides (sides.py) run in turn, each in a process of its own, on the same texts, batch size and
threads; figures are medians of the repetitions, ratios are taken within a repetition. What was
tried and did not pay stands in notes.md. Writes speed.json and speed.png to outputs/bench.

Parts:
    keras     texts per second in training (default threads, and one) and in prediction
    loop      what Lightning, metrics, log and bar add to a step of a bare loop
    naive     texts per second against a Lightning project as tutorials write it
    bf16      texts per second with trainer.precision=bf16-mixed, against float32 and against
              Keras' mixed_bfloat16
    machine   LSTM floating-point operations of the whole training as a share of a 2048³
              product's, and padding
    accuracy  time until the default model has the best validation accuracy of Keras' model
    order     accuracy over three seeds of the default model (of DATA, after three epochs), with
              batches of like length and with random ones
    start     seconds to --help, to the first step and to one prediction
"""

import argparse
import itertools
import json
import os
import pty
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from textlstm.commandline.main import WAITING
from textlstm.places import OUTPUTS
from textlstm.runs.figures import BLUE, ORANGE

FOLDER = OUTPUTS / "bench"
SIDES = Path(__file__).with_name("sides.py")
CORPUS = "embedded corpus"
PARTS = ("keras", "loop", "naive", "bf16", "machine", "accuracy", "order", "start")
SEEDS = (42, 1, 2)
COLORS = (BLUE, ORANGE)
PICTURED = {  # and how each is called there
    "keras_train_ratio": "training, against Keras",
    "keras_train_ratio_one_thread": "the same, one thread",
    "keras_time_to_accuracy_ratio": "time to Keras' best accuracy",
    "keras_predict_ratio": "prediction, against Keras",
    "naive_ratio": "training, against naive Lightning",
}


def run(
    side: str, data: str | None, *, threads: int | None = None, terminal: bool = False, **more: str
) -> dict[str, Any]:
    """A side's figures, measured in a process of its own, on a terminal if asked for."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **more, "BENCH_ANSWER": f"{folder}/answer"}
        environment |= {"BENCH_TEXTS": str(FOLDER / "texts.json")}
        environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "120"}
        if side == "predict":  # the command sets it itself, code of others does not
            environment |= WAITING
        if threads is not None:
            environment |= {"BENCH_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}

        python = os.environ["BENCH_KERAS"] if side == "keras" else sys.executable
        command = [python, str(SIDES), side, *([] if data is None else [data])]
        log, answer = Path(folder, "log"), Path(folder, "answer")
        with open(log, "w") as output, _terminal() if terminal else nullcontext(output) as errors:
            status = subprocess.run(
                command, env=environment, stdout=output, stderr=errors
            ).returncode
        if status or not answer.is_file():
            raise RuntimeError(f"{side} ended with {status}:\n{log.read_text()[-3000:]}")
        return json.loads(answer.read_text(encoding="utf-8"))


@contextmanager
def _terminal() -> Iterator[int]:
    """A terminal that takes whatever is written to it."""
    mine, theirs = pty.openpty()
    threading.Thread(target=_drain, args=(mine,), daemon=True).start()
    yield theirs
    os.close(theirs)


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass


def compare(data: str | None, repetitions: int, parts: list[str]) -> dict[str, Any]:
    """All figures of one data set."""
    run("write_texts", data)
    figures: dict[str, list[float]] = {}
    rounds = [_round(data, parts) for _ in range(repetitions)]
    if "order" in parts:
        rounds.append(_orders(data))
    for name, value in itertools.chain(*rounds):
        figures.setdefault(name, []).append(value)
        print(f"{CORPUS if data is None else data}: {name} {value:.4g}", file=sys.stderr)
    return {name: summed_up(values) for name, values in figures.items()}


def _round(data: str | None, parts: list[str]) -> Iterator[tuple[str, float]]:
    """One repetition of all parts but the order of batches."""
    for threads, suffix in ((None, ""), (1, "_one_thread")):
        own = run("ours", data, threads=threads, terminal=True)
        speed = own["texts_per_second"]
        yield f"texts_per_second{suffix}", speed
        if "keras" in parts:
            other = run("keras", data, threads=threads)
            yield f"keras_train_ratio{suffix}", speed / other["texts_per_second"]
            if threads is None:
                predicted = run("predict", data)["predicted_per_second"]
                yield "keras_predict_ratio", predicted / other["predicted_per_second"]
        if "loop" in parts:
            overhead = run("loop", data, threads=threads, terminal=True)["overhead"]
            yield f"loop_overhead{suffix}", overhead
        if "naive" in parts and threads is None:
            yield "naive_ratio", speed / run("naive", data)["texts_per_second"]
        if "bf16" in parts and threads is None and run("bf16", None)["works"]:
            yield from _bf16(data, speed)
        if "machine" in parts:
            reached = run("machine", data, threads=own["threads"])
            computed, possible = speed * reached["lstm_gflop_per_text"], reached["matmul_gflops"]
            yield f"matmul_fraction{suffix}", computed / possible
            yield f"bare_lstm_matmul_fraction{suffix}", reached["bare_gflops"] / possible
            yield "padding_share", reached["padding"]
    if "accuracy" in parts:
        yield from _times_to_accuracy(data)


def _bf16(data: str | None, speed: float) -> Iterator[tuple[str, float]]:
    """Training with half the precision, against float32's speed and against Keras'."""
    half = run("ours", data, terminal=True, BENCH_PRECISION="bf16-mixed")["texts_per_second"]
    yield "bf16_ratio", half / speed
    theirs = run("keras", data, BENCH_PRECISION="mixed_bfloat16")["texts_per_second"]
    yield "bf16_keras_train_ratio", half / theirs


def _times_to_accuracy(data: str | None) -> Iterator[tuple[str, float]]:
    """Keras' best accuracy, and how many times as fast the default model has reached it."""
    theirs = run("keras", data, BENCH_EPOCHS="1")["epochs"]
    mine = run("accuracy", data)["epochs"]
    seconds, best = max(theirs, key=lambda epoch: epoch[1])
    yield "keras_best_accuracy", best
    reached = next((time for time, accuracy in mine if accuracy >= best), None)
    if reached is not None:
        yield "keras_time_to_accuracy_ratio", seconds / reached


def _orders(data: str | None) -> Iterator[tuple[str, float]]:
    """Accuracies with batches of texts of similar length, and with random ones, for each seed."""
    for seed in SEEDS:
        for random, name in (("", "bucketed"), ("1", "unbucketed")):
            scores = run("order", data, BENCH_RANDOM=random, BENCH_SEED=str(seed))
            for split, accuracy in scores.items():
                yield f"{split}_accuracy_{name}", accuracy


def summed_up(values: list[float]) -> dict[str, float]:
    """The median of repeated measurements, their range and their number."""
    return {
        "median": statistics.median(values),
        "from": min(values),
        "to": max(values),
        "measured": len(values),
    }


def start(repetitions: int) -> dict[str, Any]:
    """Measures the seconds from a command's start to what a person waits for.

    The commands run in turn with the imports alone, whose seconds are subtracted.
    """
    commands = {
        "help": ["-m", "textlstm", "train", "--help"],
        "first_step": [str(SIDES), "first_step"],
        # which end at once: looking for garbage at the end is no part of importing
        "imports": ["-c", "import os, pytorch_lightning, torchmetrics, datasets; os._exit(0)"],
        "torch": ["-c", "import os, torch; os._exit(0)"],
    }

    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "BENCH_ANSWER": f"{folder}/answer"}
        textlstm, run_folder = ["-m", "textlstm"], f"{folder}/run"
        smoke = ["train", "experiment=smoke", "baselines=false", f"hydra.run.dir={run_folder}"]
        subprocess.run([sys.executable, *textlstm, *smoke], capture_output=True, check=True)
        text = "text=Striker signs for Porto"
        commands["predict"] = [*textlstm, "predict", f"run={run_folder}", text]

        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(repetitions + 1):
            for name, command in commands.items():
                started = time.perf_counter()
                subprocess.run(
                    [sys.executable, *command], capture_output=True, check=True, env=environment
                )
                seconds[name].append(time.perf_counter() - started)

    # The first repetition reads from a cold disk.
    seconds = {name: repeated[1:] for name, repeated in seconds.items()}
    beyond = {
        "help_seconds": seconds["help"],
        "first_step_seconds_beyond_imports": [
            a - b for a, b in zip(seconds["first_step"], seconds["imports"], strict=True)
        ],
        "predict_seconds_beyond_torch": [
            a - b for a, b in zip(seconds["predict"], seconds["torch"], strict=True)
        ],
    }
    return {name: summed_up(values) for name, values in beyond.items()}


def picture(result: dict[str, Any]) -> Figure:
    """Draws how many times as fast the project is, by data set.

    Lines run from the lowest to the highest repetition, dots are medians.
    """
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.add_subplot()
    sets = [name for name in result if name != "start"]

    for number, name in enumerate(sets):
        shown = [
            (row, result[name][key]) for row, key in enumerate(PICTURED) if key in result[name]
        ]
        rows = [row + 0.16 * (number - (len(sets) - 1) / 2) * 2 for row, _ in shown]
        axes.hlines(
            rows,
            [measured["from"] for _, measured in shown],
            [measured["to"] for _, measured in shown],
            COLORS[number],
            linewidth=5,
        )
        axes.plot(
            [measured["median"] for _, measured in shown], rows, "o", color="black", markersize=5
        )
        axes.plot([], [], color=COLORS[number], linewidth=5, label=name)
        for row, (_, measured) in zip(rows, shown, strict=True):
            axes.annotate(
                f"{measured['median']:.1f}",
                (measured["to"], row),
                (6, 0),
                textcoords="offset points",
                va="center",
            )
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(PICTURED)), list(PICTURED.values()))
    axes.set_ylim(len(PICTURED) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("times as fast")
    axes.legend(loc="lower right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        type=lambda path: str(Path(path).absolute()),
        help="a folder beside the embedded corpus",
    )
    parser.add_argument(
        "--parts", default=",".join(PARTS), help="some of them, with commas between (default: all)"
    )
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument(
        "--keras", default=sys.executable, help="a Python that has Keras and TensorFlow"
    )
    options = parser.parse_args()
    parts = options.parts.split(",")
    if unknown := sorted(set(parts) - set(PARTS)):
        parser.error(f"--parts: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    os.environ["BENCH_KERAS"] = options.keras
    FOLDER.mkdir(parents=True, exist_ok=True)
    result = {}
    for name, data in {
        CORPUS: None,
        **({Path(options.data).name: options.data} if options.data else {}),
    }.items():
        if set(parts) - {"start"}:
            result[name] = compare(data, options.repetitions, parts)
    if "start" in parts:
        result["start"] = start(options.repetitions)
    (FOLDER / "speed.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    picture(result).savefig(FOLDER / "speed.png", dpi=120)
    for name, figures in result.items():
        print(name)
        for key, found in figures.items():
            span = f"from {found['from']:.4g} to {found['to']:.4g}"
            print(f"  {key:40} {found['median']:10.4g}   {span}")
