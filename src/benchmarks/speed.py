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
import json
import os
import pty
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from textlstm.commands.main import WAITING
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
        environment |= (
            WAITING if side == "predict" else {}
        )  # the commands set it themselves, others' code does not
        environment |= (
            {}
            if threads is None
            else {"BENCH_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
        )
        environment |= {"BENCH_TEXTS": str(FOLDER / "texts.json")}
        environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "120"}
        python = os.environ["BENCH_KERAS"] if side == "keras" else sys.executable
        command = [python, str(SIDES), side, *([] if data is None else [data])]
        log = Path(folder, "log")
        with open(log, "w") as output:
            if terminal:
                mine, theirs = pty.openpty()
                threading.Thread(target=_drain, args=(mine,), daemon=True).start()
                status = subprocess.run(
                    command, env=environment, stdout=output, stderr=theirs
                ).returncode
                os.close(theirs)
            else:
                status = subprocess.run(
                    command, env=environment, stdout=output, stderr=output
                ).returncode
        if status or not Path(folder, "answer").is_file():
            raise RuntimeError(f"{side} ended with {status}:\n{log.read_text()[-3000:]}")
        return json.loads(Path(folder, "answer").read_text(encoding="utf-8"))


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

    def note(name: str, value: float) -> None:
        figures.setdefault(name, []).append(value)
        print(f"{'embedded corpus' if data is None else data}: {name} {value:.4g}", file=sys.stderr)

    for _ in range(repetitions):
        for threads, suffix in ((None, ""), (1, "_one_thread")):
            own = run("ours", data, threads=threads, terminal=True)
            note(f"texts_per_second{suffix}", own["texts_per_second"])
            if "keras" in parts:
                other = run("keras", data, threads=threads)
                note(
                    f"keras_train_ratio{suffix}",
                    own["texts_per_second"] / other["texts_per_second"],
                )
                if threads is None:
                    mine = run("predict", data)
                    note(
                        "keras_predict_ratio",
                        mine["predicted_per_second"] / other["predicted_per_second"],
                    )
            if "loop" in parts:
                note(
                    f"loop_overhead{suffix}",
                    run("loop", data, threads=threads, terminal=True)["overhead"],
                )
            if "naive" in parts and threads is None:
                note(
                    "naive_ratio", own["texts_per_second"] / run("naive", data)["texts_per_second"]
                )
            if "bf16" in parts and threads is None and run("bf16", None)["works"]:
                half = run("ours", data, terminal=True, BENCH_PRECISION="bf16-mixed")
                note("bf16_ratio", half["texts_per_second"] / own["texts_per_second"])
                theirs = run("keras", data, BENCH_PRECISION="mixed_bfloat16")
                note(
                    "bf16_keras_train_ratio", half["texts_per_second"] / theirs["texts_per_second"]
                )
            if "machine" in parts:
                of = run("machine", data, threads=own["threads"])
                share = own["texts_per_second"] * of["lstm_gflop_per_text"] / of["matmul_gflops"]
                note(f"matmul_fraction{suffix}", share)
                note(f"bare_lstm_matmul_fraction{suffix}", of["bare_gflops"] / of["matmul_gflops"])
                note("padding_share", of["padding"])
        if "accuracy" in parts:
            theirs, mine = (
                run("keras", data, BENCH_EPOCHS="1")["epochs"],
                run("accuracy", data)["epochs"],
            )
            seconds, reached = max(theirs, key=lambda epoch: epoch[1])
            soon = next((time for time, accuracy in mine if accuracy >= reached), None)
            note("keras_best_accuracy", reached)
            if soon is not None:
                note("keras_time_to_accuracy_ratio", seconds / soon)
    if "order" in parts:
        for seed in SEEDS:
            for random, name in (("", "bucketed"), ("1", "unbucketed")):
                for split, accuracy in run(
                    "order", data, BENCH_RANDOM=random, BENCH_SEED=str(seed)
                ).items():
                    note(f"{split}_accuracy_{name}", accuracy)
    return {name: summed_up(of) for name, of in figures.items()}


def summed_up(values: list[float]) -> dict[str, float]:
    return {
        "median": statistics.median(values),
        "from": min(values),
        "to": max(values),
        "measured": len(values),
    }


def start(repetitions: int) -> dict[str, Any]:
    """Measures the seconds from a command's start to what a person waits for.

    Measured in turn with what the imports alone cost.
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
        trained = [
            "-m",
            "textlstm",
            "train",
            "experiment=smoke",
            "baselines=false",
            f"hydra.run.dir={folder}/run",
        ]
        subprocess.run([sys.executable, *trained], capture_output=True, check=True)
        commands["predict"] = [
            "-m",
            "textlstm",
            "predict",
            f"run={folder}/run",
            "text=Striker signs for Porto",
        ]
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(repetitions + 1):
            for name, command in commands.items():
                started = time.perf_counter()
                subprocess.run(
                    [sys.executable, *command], capture_output=True, check=True, env=environment
                )
                seconds[name].append(time.perf_counter() - started)
    seconds = {name: of[1:] for name, of in seconds.items()}  # the first reads from a cold disk
    beyond = {
        "help_seconds": seconds["help"],
        "first_step_seconds_beyond_imports": [
            a - b for a, b in zip(seconds["first_step"], seconds["imports"], strict=True)
        ],
        "predict_seconds_beyond_torch": [
            a - b for a, b in zip(seconds["predict"], seconds["torch"], strict=True)
        ],
    }
    return {name: summed_up(of) for name, of in beyond.items()}


def picture(result: dict[str, Any]) -> Figure:
    """How many times as fast, by data set; lines run from the lowest to the highest repetition."""
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
            [of["from"] for _, of in shown],
            [of["to"] for _, of in shown],
            COLORS[number],
            linewidth=5,
        )
        axes.plot([of["median"] for _, of in shown], rows, "o", color="black", markersize=5)
        axes.plot([], [], color=COLORS[number], linewidth=5, label=name)
        for row, (_, of) in zip(rows, shown, strict=True):
            axes.annotate(
                f"{of['median']:.1f}",
                (of["to"], row),
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
        for figure, of in figures.items():
            print(f"  {figure:40} {of['median']:10.4g}   from {of['from']:.4g} to {of['to']:.4g}")
