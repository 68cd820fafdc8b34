"""How fast training and prediction are, against Keras, a bare PyTorch loop, a naive Lightning project and the machine.

python src/benchmarks/speed.py                      the embedded corpus
python src/benchmarks/speed.py --data FOLDER        train.csv.gz and test.csv.gz with the columns text and label
python src/benchmarks/speed.py --parts keras,loop --repetitions 5

The sides run in turn, each in a process of its own, on the same texts, batch size and threads; figures are medians of
the repetitions, ratios are taken within a repetition. The model is the article's (`experiment=article`): Keras pads to
35 tokens as the article does, the project cuts at 35 and buckets. Keras and TensorFlow come with the extra `bench`.
Writes outputs/bench/speed.json.
"""

import argparse
import contextlib
import json
import os
import pty
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SRC = Path(__file__).parents[1]
sys.path.insert(0, str(SRC))

from textlstm.runs import CACHE, OUTPUTS  # noqa: E402

FOLDER = OUTPUTS / "bench"
WARM_UP, STEPS = 15, 100  # batches that are not timed, and batches that are
LENGTH, VOCABULARY, BATCH = 35, 8000, 64
KERAS_EPOCHS = 8  # for the validation accuracy at its best epoch
LARGE = 20_000  # training rows from which Keras gets two epochs only
PREDICTED = 5_000  # texts
MATRIX = 2048
CORPUS = "embedded corpus"
PARTS = ("keras", "loop", "naive", "machine", "accuracy", "start")


class Watch:
    """Seconds and texts between the end of the warm-up and the end of the timed batches."""

    def __init__(self) -> None:
        self.batches, self.texts = 0, 0

    def done(self, texts: int) -> bool:
        """Counts a batch of so many texts; true once all are counted."""
        self.batches += 1
        if self.batches == WARM_UP:
            self.started = time.perf_counter()
        elif self.batches > WARM_UP:
            self.texts += texts
        return self.batches == WARM_UP + STEPS

    def figures(self) -> dict[str, float]:
        seconds = time.perf_counter() - self.started
        return {"texts_per_second": self.texts / seconds, "step_ms": 1000 * seconds / STEPS}


def overrides(data: str | None, *, buckets: bool = True) -> list[str]:
    """The article's model, on bucketed batches, and the files of a benchmark folder if one is given."""
    given = ["experiment=article", "data.pad_to=null"] if buckets else []
    if data is None:
        return given
    files = [f"data.train='{data}/train.csv.gz'", f"data.test='{data}/test.csv.gz'"]
    return ["data=files", *given, *files, "data.text_column=text", "data.label_column=label"]


def composed(*given: str) -> dict[str, Any]:
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    from textlstm.command_line import CONF

    with initialize_config_dir(str(CONF), version_base="1.3"):
        return OmegaConf.to_container(compose("train", list(given)))  # type: ignore[return-value]


def prepared(settings: dict[str, Any]) -> Any:
    from textlstm.datamodule import TextDataModule

    data = TextDataModule(**settings["data"], cache=CACHE, seed=settings["seed"])
    data.setup()
    return data


def new_module(settings: dict[str, Any], data: Any) -> Any:
    import torch

    from textlstm.module import TextClassificationModule

    torch.manual_seed(settings["seed"])
    return TextClassificationModule(
        model=settings["model"],
        optimizer=settings["optimizer"],
        labels=data.labels,
        tokenizer_json=data.tokenizer.to_str(),
        vocab_size=data.tokenizer.get_vocab_size(),
    )


def ours(data: str | None) -> None:
    """The training command itself, with all that it logs and saves, stopped after so many batches."""
    from textlstm import command_line, module, training

    watch = Watch()

    def count(self: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if watch.done(len(batch.labels_B)):
            answer({**watch.figures(), "threads": training.torch.get_num_threads()})

    module.TextClassificationModule.on_train_batch_end = count  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        sys.argv[1:] = [*overrides(data), f"hydra.run.dir={folder}/run", *threads_override()]
        command_line.main("train", training.train)


def loop(data: str | None) -> None:
    """The training command, each step of which is followed by one of a bare loop on the same batch.

    The two networks are alike. In turn within a process, since the machine changes its speed from second to second
    by more than what is measured.
    """
    import copy

    from textlstm import command_line, module, training

    def bare_step(self: Any, rows: list[int]) -> float:
        started = time.perf_counter()
        batch = self.trainer.datamodule.encoded["train"].__getitems__(rows)
        loss = self.bare.loss(self.bare.network(batch.tokens_BT, batch.lengths_B), batch.labels_B)
        self.bare_optimizer.zero_grad()
        loss.backward()
        self.bare_optimizer.step()
        return time.perf_counter() - started

    def begin(self: Any) -> None:
        self.__dict__["bare"] = copy.deepcopy(self).train()  # no submodule
        self.bare_optimizer = self.bare.configure_optimizers()
        self.pairs, self.last = [], time.perf_counter()

    def end(self: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        whole = time.perf_counter() - self.last
        self.pairs.append((whole, bare_step(self, batch.rows_B.tolist())))
        if len(self.pairs) == 3 * STEPS:  # late: oneDNN prepares itself for each new length, which the first step pays
            timed = self.pairs[-STEPS:]
            overhead = statistics.median(of for of, _ in timed) / statistics.median(of for _, of in timed) - 1
            answer({"overhead": overhead})
        self.last = time.perf_counter()

    module.TextClassificationModule.on_train_start = begin  # type: ignore[method-assign]
    module.TextClassificationModule.on_train_batch_end = end  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        sys.argv[1:] = [*overrides(data), f"hydra.run.dir={folder}/run", *threads_override()]
        command_line.main("train", training.train)


def naive(data: str | None) -> None:
    """A Lightning project as tutorials write it: random batches padded to the longest, packed, logged at each step."""
    import pytorch_lightning as pl
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
    from torch.utils.data import DataLoader

    source, watch = prepared(composed(*overrides(data))), Watch()
    limit_threads()
    rows = [
        (source.tokenizer.encode(text).ids[:LENGTH], label)
        for text, label in zip(
            source.splits["train"][:10_000]["text"], source.splits["train"][:10_000]["label"], strict=True
        )
    ]

    def collated(batch: list[tuple[list[int], int]]) -> tuple[Any, ...]:
        lengths = torch.tensor([max(1, len(ids)) for ids, _ in batch])
        tokens = pad_sequence([torch.tensor(ids or [0]) for ids, _ in batch], batch_first=True)
        return tokens, lengths, torch.tensor([label for _, label in batch])

    class Naive(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, 45, padding_idx=0)
            self.lstm = nn.LSTM(45, 128, num_layers=2, dropout=0.2, batch_first=True)
            self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(128, 32), nn.ReLU(), nn.Dropout(0.2))
            self.output = nn.Linear(32, len(source.labels))

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            tokens, lengths, labels = batch
            packed = pack_padded_sequence(self.embedding(tokens), lengths, batch_first=True, enforce_sorted=False)
            logits = self.output(self.head(self.lstm(packed)[1][0][-1]))
            loss = nn.functional.cross_entropy(logits, labels)
            accuracy = (logits.argmax(1) == labels).float().mean()
            self.log_dict({"loss": loss, "accuracy": accuracy}, on_step=True, on_epoch=True)
            if watch.done(len(labels)):
                answer(watch.figures())
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters())

    with tempfile.TemporaryDirectory() as folder:
        trainer = pl.Trainer(
            max_epochs=100, default_root_dir=folder, accelerator="cpu", log_every_n_steps=1, enable_progress_bar=False
        )
        trainer.fit(Naive(), DataLoader(rows, batch_size=BATCH, shuffle=True, collate_fn=collated))  # type: ignore[arg-type]


def keras(data: str | None) -> None:
    """The article's own code: all texts padded to 35 tokens; texts per second, then the accuracy of each epoch."""
    texts = json.loads((FOLDER / "texts.json").read_text(encoding="utf-8"))
    import numpy as np
    import tensorflow as tf

    threads = os.environ.get("BENCH_THREADS")
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    from keras import Sequential, callbacks, layers

    vectorize = layers.TextVectorization(max_tokens=VOCABULARY, output_sequence_length=LENGTH)
    vectorize.adapt(texts["train"]["text"])

    def ids(split: str) -> Any:
        return np.asarray(vectorize(tf.constant(texts[split]["text"])))

    labels = {split: np.array(of["label"]) for split, of in texts.items()}
    train, validation = ids("train"), ids("validation")
    model = Sequential(
        [
            layers.Embedding(VOCABULARY, 45),
            layers.LSTM(128, return_sequences=True),
            layers.Dropout(0.2),
            layers.LSTM(128),
            layers.Dropout(0.2),
            layers.Dense(32, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(int(max(labels["train"])) + 1, activation="softmax"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    watch, timed = Watch(), {}

    class Count(callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if watch.done(BATCH):
                timed.update(watch.figures())
                self.model.stop_training = True
                raise StopIteration

    epochs = []
    if os.environ.get("BENCH_EPOCHS"):
        seconds = 0.0
        for _ in range(2 if len(train) > LARGE else KERAS_EPOCHS):
            started = time.perf_counter()
            model.fit(train, labels["train"], batch_size=BATCH, epochs=1, verbose=0)
            seconds += time.perf_counter() - started
            accuracy = model.evaluate(validation, labels["validation"], batch_size=256, verbose=0)[1]
            epochs.append((seconds, accuracy))
        answer({"epochs": epochs})
    with contextlib.suppress(StopIteration):
        model.fit(train, labels["train"], batch_size=BATCH, epochs=100, verbose=0, callbacks=[Count()])
    some = texts["train"]["text"][:PREDICTED]
    for _ in range(2):  # the first builds the graph
        started = time.perf_counter()
        model.predict(np.asarray(vectorize(tf.constant(some))), batch_size=BATCH, verbose=0)
        predicted = len(some) / (time.perf_counter() - started)
    answer({**timed, "predicted_per_second": predicted})


def predict(data: str | None) -> None:
    """The classifier as `predict.py` uses it, on the article's network."""
    from textlstm.bundle import TextClassifier

    settings = composed(*overrides(data))
    source = prepared(settings)
    limit_threads()
    module = new_module(settings, source)
    classifier = TextClassifier(module.network, source.tokenizer, source.labels, max_length=LENGTH, truncate="head")
    some = source.splits["train"]["text"][:PREDICTED]
    classifier.probabilities(some[:640])
    started = time.perf_counter()
    classifier.probabilities(some)
    answer({"predicted_per_second": len(some) / (time.perf_counter() - started)})


def accuracy(data: str | None) -> None:
    """The default model, an epoch at a time: seconds of training so far, and accuracy on validation."""
    from textlstm import command_line, training

    class Epochs(training.EpochHistory):
        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            super().on_train_epoch_end(trainer, pl_module)
            if len(self.epochs) == trainer.max_epochs:
                sums, epochs = 0.0, []
                for epoch in self.epochs:
                    sums += epoch["seconds"]
                    epochs.append((sums, epoch["val_accuracy"]))
                answer({"epochs": epochs})

    training.EpochHistory = Epochs  # type: ignore[misc]
    epochs = "trainer.max_epochs=3" if data is not None else "trainer.max_epochs=6"
    with tempfile.TemporaryDirectory() as folder:
        sys.argv[1:] = [*overrides(data, buckets=False), f"hydra.run.dir={folder}/run", epochs, *threads_override()]
        command_line.main("train", training.train)


def machine(data: str | None) -> None:
    """The best of twenty float32 products of 2048³, in GFLOP/s; and the article's LSTM's share of a step."""
    import torch

    limit_threads()
    left, right = torch.randn(2, MATRIX, MATRIX)
    best = 0.0
    for _ in range(20):
        started = time.perf_counter()
        left @ right
        best = max(best, 2 * MATRIX**3 / (time.perf_counter() - started) / 1e9)
    settings = composed(*overrides(data))
    source = prepared(settings)
    computed = texts = tokens = 0
    for batch in source.train_dataloader():
        computed += batch.tokens_BT.numel()
        tokens += int(batch.lengths_B.sum())
        texts += len(batch.labels_B)
    inputs, hidden = settings["model"]["embedding_dim"], settings["model"]["hidden"]
    # Forward, and twice that backward: 2 FLOP × 4 gates × hidden × (inputs + hidden), for each of two layers.
    per_token = 3 * 2 * 4 * hidden * ((inputs + hidden) + (hidden + hidden))
    answer(
        {
            "matmul_gflops": best,
            "lstm_gflop_per_text": per_token * tokens / texts / 1e9,
            "padding": 1 - tokens / computed,
        }
    )


def answer(figures: dict[str, Any]) -> None:
    """Hands a side's figures to the parent and ends the process at once."""
    Path(os.environ["BENCH_ANSWER"]).write_text(json.dumps(figures), encoding="utf-8")
    os._exit(0)


def threads_override() -> list[str]:
    threads = os.environ.get("BENCH_THREADS")
    return [] if threads is None else [f"threads={threads}"]


def limit_threads() -> None:
    import torch

    if "BENCH_THREADS" in os.environ:
        torch.set_num_threads(int(os.environ["BENCH_THREADS"]))


def run(
    side: str, data: str | None, *, threads: int | None = None, terminal: bool = False, **more: str
) -> dict[str, Any]:
    """A side's figures, measured in a process of its own, on a terminal if asked for."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **more, "BENCH_ANSWER": f"{folder}/answer", "OMP_WAIT_POLICY": "PASSIVE"}
        environment |= {} if threads is None else {"BENCH_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
        environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "120"}
        python = os.environ["BENCH_KERAS"] if side == "keras" else sys.executable
        command = [python, __file__, "--side", side, *([] if data is None else ["--data", data])]
        log = Path(folder, "log")
        with open(log, "w") as output:
            if terminal:
                mine, theirs = pty.openpty()
                threading.Thread(target=_drain, args=(mine,), daemon=True).start()
                status = subprocess.run(command, env=environment, stdout=output, stderr=theirs).returncode
                os.close(theirs)
            else:
                status = subprocess.run(command, env=environment, stdout=output, stderr=output).returncode
        if status or not Path(folder, "answer").is_file():
            raise RuntimeError(f"{side} ended with {status}:\n{log.read_text()[-3000:]}")
        return json.loads(Path(folder, "answer").read_text(encoding="utf-8"))


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass


def write_texts(data: str | None) -> None:
    """The training and validation texts of the very same split, for Keras, which does not share our environment."""
    source = prepared(composed(*overrides(data)))
    splits = {
        split: {"text": source.splits[split]["text"][:], "label": source.encoded[split].labels.tolist()}
        for split in ("train", "validation")
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "texts.json").write_text(json.dumps(splits), encoding="utf-8")
    answer({})


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
                note(f"keras_train_ratio{suffix}", own["texts_per_second"] / other["texts_per_second"])
                if threads is None:
                    mine = run("predict", data)
                    note("keras_predict_ratio", mine["predicted_per_second"] / other["predicted_per_second"])
            if "loop" in parts:
                note(f"loop_overhead{suffix}", run("loop", data, threads=threads, terminal=True)["overhead"])
            if "naive" in parts and threads is None:
                note("naive_ratio", own["texts_per_second"] / run("naive", data)["texts_per_second"])
            if "machine" in parts:
                of = run("machine", data, threads=own["threads"])
                share = own["texts_per_second"] * of["lstm_gflop_per_text"] / of["matmul_gflops"]
                note(f"matmul_fraction{suffix}", share)
                note("padding_share", of["padding"])
    if "accuracy" in parts:
        theirs = run("keras", data, BENCH_EPOCHS="1")["epochs"]
        mine = run("accuracy", data)["epochs"]
        seconds, reached = max(theirs, key=lambda epoch: epoch[1])
        soon = next((time for time, accuracy in mine if accuracy >= reached), None)
        note("keras_best_accuracy", reached)
        if soon is not None:
            note("keras_time_to_accuracy_ratio", seconds / soon)
    return {
        name: {"median": statistics.median(of), "from": min(of), "to": max(of), "measured": len(of)}
        for name, of in figures.items()
    }


def start(repetitions: int) -> dict[str, Any]:
    """Seconds from a command's start to what a person waits for, in turn with what imports alone cost."""
    commands = {
        "help": [SRC / "train.py", "--help"],
        "first_step": [__file__, "--side", "first_step"],
        "imports": ["-c", "import pytorch_lightning, torchmetrics, datasets"],
        "torch": ["-c", "import torch"],
    }
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "BENCH_ANSWER": f"{folder}/answer"}
        trained = [SRC / "train.py", "experiment=smoke", "baselines=false", f"hydra.run.dir={folder}/run"]
        subprocess.run([sys.executable, *trained], capture_output=True, check=True)
        commands["predict"] = [SRC / "predict.py", f"run={folder}/run", "text=Striker signs for Porto"]
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(repetitions + 1):
            for name, command in commands.items():
                started = time.perf_counter()
                subprocess.run([sys.executable, *command], capture_output=True, check=True, env=environment)
                seconds[name].append(time.perf_counter() - started)
    seconds = {name: of[1:] for name, of in seconds.items()}  # the first reads from a cold disk
    beyond = {
        "help_seconds": seconds["help"],
        "first_step_seconds_beyond_imports": [
            a - b for a, b in zip(seconds["first_step"], seconds["imports"], strict=True)
        ],
        "predict_seconds_beyond_torch": [a - b for a, b in zip(seconds["predict"], seconds["torch"], strict=True)],
    }
    return {name: {"median": statistics.median(of), "from": min(of), "to": max(of)} for name, of in beyond.items()}


def first_step(data: str | None) -> None:
    """The default training up to the end of its first step."""
    from textlstm import command_line, module, training

    module.TextClassificationModule.on_train_batch_end = lambda *arguments: answer({})  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        sys.argv[1:] = [f"hydra.run.dir={folder}/run"]
        command_line.main("train", training.train)


SIDES: dict[str, Callable[[str | None], None]] = {
    side.__name__: side for side in (ours, loop, naive, keras, predict, accuracy, machine, write_texts, first_step)
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=lambda path: str(Path(path).absolute()), help="a folder beside the embedded corpus"
    )
    parser.add_argument("--parts", default=",".join(PARTS), help="some of them, with commas between (default: all)")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--keras", default=sys.executable, help="a Python that has Keras and TensorFlow")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        SIDES[options.side](options.data)
        sys.exit()
    os.environ["BENCH_KERAS"] = options.keras
    parts = options.parts.split(",")
    result = {CORPUS: compare(None, options.repetitions, parts)} if set(parts) - {"start"} else {}
    if options.data:
        result[Path(options.data).name] = compare(options.data, options.repetitions, parts)
    if "start" in parts:
        result["start"] = start(options.repetitions)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "speed.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
