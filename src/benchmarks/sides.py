"""What speed.py times: each side in a process of its own, which hands its figures over and ends.

The model is the article's (`experiment=article`): Keras pads to 35 tokens as the article does, the
project cuts at 35 and buckets. `naive` and `keras` are other people's ways; all else runs the
project's own commands.

`keras` runs in an environment of its own, without the project: nothing of it, nor what it stands
on, may be imported at the top.
"""

import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WARM_UP, STEPS = 15, 100  # batches that are not timed, and batches that are
LENGTH, VOCABULARY, BATCH = 35, 8000, 64
KERAS_EPOCHS = 8  # for the validation accuracy at its best epoch
LARGE = 20_000  # training rows from which Keras gets two epochs only
SHORT = "trainer.max_epochs=3"
PREDICTED, PREDICTED_AT_ONCE = 5_000, 256  # texts; the batch is the project's default
MATRIX = 2048


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


def overrides(data: str | None, *, article: bool = True) -> list[str]:
    """Overrides for the article's model on bucketed batches, or for the default model.

    `data` is a benchmark folder, or None for the embedded corpus.
    """
    given = ["experiment=article", "data.pad_to=null"] if article else []
    if data is None:
        return given
    files = [f"data.train={data}/train.csv.gz", f"data.test={data}/test.csv.gz"]
    return ["data=files", *given, *files, "data.text_column=text", "data.label_column=label"]


def composed(*given: str) -> dict[str, Any]:
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    from textlstm.commands.arguments import quote_literal
    from textlstm.places import CONF

    with initialize_config_dir(str(CONF), version_base="1.3"):
        return OmegaConf.to_container(compose("train", [quote_literal(of) for of in given]))  # type: ignore[return-value]


def prepared(settings: dict[str, Any]) -> Any:
    from textlstm.data.datamodule import TextDataModule
    from textlstm.data.settings import DataSettings
    from textlstm.places import CACHE

    data = TextDataModule(DataSettings(**settings["data"]), cache=CACHE, seed=settings["seed"])
    data.setup()
    return data


def new_module(settings: dict[str, Any], data: Any) -> Any:
    import torch

    from textlstm.model.settings import ModelSettings
    from textlstm.training.module import TextClassificationModule
    from textlstm.training.settings import OptimizerSettings

    torch.manual_seed(settings["seed"])
    return TextClassificationModule(
        model=ModelSettings(**settings["model"]),
        optimizer=OptimizerSettings(**settings["optimizer"]),
        labels=data.labels,
        tokenizer_json=data.tokenizer.to_str(),
        vocab_size=data.tokenizer.get_vocab_size(),
    )


def ours(data: str | None) -> None:
    """Trains with the real command, with all that it logs and saves, for so many batches."""
    from textlstm.commands import main as command_line
    from textlstm.training import module
    from textlstm.training import run as training

    watch = Watch()

    def count(self: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if watch.done(len(batch.labels_B)):
            answer({**watch.figures(), "threads": training.torch.get_num_threads()})

    module.TextClassificationModule.on_train_batch_end = count  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        precision = f"trainer.precision={os.environ.get('BENCH_PRECISION', '32-true')}"
        sys.argv[1:] = [
            *overrides(data),
            f"hydra.run.dir={folder}/run",
            precision,
            *threads_override(),
        ]
        command_line.main("train")


def bf16(data: str | None) -> None:
    """Whether this CPU can train in bf16."""
    from textlstm.training.distributed import computes_bf16

    answer({"works": computes_bf16()})


def loop(data: str | None) -> None:
    """The training command, each step of which is followed by one of a bare loop on the same batch.

    The two networks are alike. In turn within a process, since the machine changes its speed from
    second to second by more than what is measured.
    """
    import copy

    from textlstm.commands import main as command_line
    from textlstm.training import module

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

    of_batch = module.TextClassificationModule.on_train_batch_end

    def end(self: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        of_batch(self, outputs, batch, batch_idx)
        whole = time.perf_counter() - self.last
        self.pairs.append((whole, bare_step(self, batch.rows_B.tolist())))
        if (
            len(self.pairs) == 3 * STEPS
        ):  # late: oneDNN prepares itself for each new length, which the first step pays
            timed = self.pairs[-STEPS:]
            overhead = (
                statistics.median(of for of, _ in timed) / statistics.median(of for _, of in timed)
                - 1
            )
            answer({"overhead": overhead})
        self.last = time.perf_counter()

    module.TextClassificationModule.on_train_start = begin  # type: ignore[method-assign]
    module.TextClassificationModule.on_train_batch_end = end  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        sys.argv[1:] = [*overrides(data), f"hydra.run.dir={folder}/run", *threads_override()]
        command_line.main("train")


def naive(data: str | None) -> None:
    """Trains as tutorials of Lightning do.

    Batches are random, padded to the longest text and packed, and each step is logged.
    """
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
            source.splits["train"][:10_000]["text"],
            source.splits["train"][:10_000]["label"],
            strict=True,
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
            self.head = nn.Sequential(
                nn.Dropout(0.2), nn.Linear(128, 32), nn.ReLU(), nn.Dropout(0.2)
            )
            self.output = nn.Linear(32, len(source.labels))

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            tokens, lengths, labels = batch
            packed = pack_padded_sequence(
                self.embedding(tokens), lengths, batch_first=True, enforce_sorted=False
            )
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
            max_epochs=100,
            default_root_dir=folder,
            accelerator="cpu",
            log_every_n_steps=1,
            enable_progress_bar=False,
        )
        trainer.fit(Naive(), DataLoader(rows, batch_size=BATCH, shuffle=True, collate_fn=collated))  # type: ignore[arg-type]


def keras(data: str | None) -> None:
    """Trains with the article's own code in Keras, all texts padded to 35 tokens.

    Answers with texts per second, then with the accuracy of each epoch.
    """
    texts = json.loads(Path(os.environ["BENCH_TEXTS"]).read_text(encoding="utf-8"))
    import numpy as np
    import tensorflow as tf

    threads = os.environ.get("BENCH_THREADS")
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    from keras import Sequential, callbacks, config, layers

    config.set_dtype_policy(os.environ.get("BENCH_PRECISION", "float32"))
    vectorize = layers.TextVectorization(max_tokens=VOCABULARY, output_sequence_length=LENGTH)
    vectorize.adapt(texts["train"]["text"])

    def ids(split: str) -> Any:
        return np.asarray(vectorize(tf.constant(texts[split]["text"])))

    labels = {split: np.array(of["label"]) for split, of in texts.items()}
    train, validation = ids("train"), ids("validation")
    model = Sequential(
        [
            layers.Input(
                (LENGTH,), dtype="int64"
            ),  # else mixed_bfloat16 rounds the ids, and 7999 becomes 8000
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
            accuracy = model.evaluate(validation, labels["validation"], batch_size=256, verbose=0)[
                1
            ]
            epochs.append((seconds, accuracy))
        answer({"epochs": epochs})
    with contextlib.suppress(StopIteration):
        model.fit(
            train, labels["train"], batch_size=BATCH, epochs=100, verbose=0, callbacks=[Count()]
        )
    some = texts["train"]["text"][:PREDICTED]
    for _ in range(2):  # the first builds the graph
        started = time.perf_counter()
        model.predict(
            np.asarray(vectorize(tf.constant(some))), batch_size=PREDICTED_AT_ONCE, verbose=0
        )
        predicted = len(some) / (time.perf_counter() - started)
    answer({**timed, "predicted_per_second": predicted})


def predict(data: str | None) -> None:
    """The classifier as `predict.py` uses it, on the article's network."""
    from textlstm.model.bundle import TextClassifier

    settings = composed(*overrides(data))
    source = prepared(settings)
    limit_threads()
    module = new_module(settings, source)
    classifier = TextClassifier(
        module.network, source.tokenizer, source.labels, max_length=LENGTH, truncate="head"
    )
    some = source.splits["train"]["text"][:PREDICTED]
    classifier.probabilities(some[:640])
    started = time.perf_counter()
    classifier.probabilities(some)
    answer({"predicted_per_second": len(some) / (time.perf_counter() - started)})


def accuracy(data: str | None) -> None:
    """Trains the default model and answers after each epoch.

    The answers are seconds of training so far, and accuracy on validation.
    """
    from textlstm.commands import main as command_line
    from textlstm.training import run as training

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
    with tempfile.TemporaryDirectory() as folder:
        sys.argv[1:] = [
            *overrides(data, article=False),
            f"hydra.run.dir={folder}/run",
            SHORT,
            *threads_override(),
        ]
        command_line.main("train")


def machine(data: str | None) -> None:
    """Measures what the machine and a plain loop around nn.LSTM reach.

    Also how much of what we compute is padding.
    """
    import torch

    limit_threads()
    torch.set_flush_denormal(True)
    left, right = torch.randn(2, MATRIX, MATRIX)
    best = 2 * MATRIX**3 / min(timed(lambda: left @ right) for _ in range(20)) / 1e9
    settings = composed(*overrides(data))
    source = prepared(settings)
    texts = tokens = 0
    for batch in source.train_dataloader():
        tokens += int(batch.lengths_B.sum())
        texts += len(batch.labels_B)
    inputs, hidden = settings["model"]["embedding_dim"], settings["model"]["hidden"]
    # Forward, and twice that backward: 2 FLOP × 4 gates × hidden × (inputs + hidden), for each of
    # two layers.
    per_token = 3 * 2 * 4 * hidden * ((inputs + hidden) + (hidden + hidden)) / 1e9
    embedding, output = (
        torch.nn.Embedding(VOCABULARY, inputs),
        torch.nn.Linear(hidden, len(source.labels)),
    )
    lstm = torch.nn.LSTM(inputs, hidden, num_layers=2, batch_first=True)
    optimizer = torch.optim.Adam(
        [*embedding.parameters(), *lstm.parameters(), *output.parameters()]
    )
    ids, labels = (
        torch.randint(VOCABULARY, (BATCH, LENGTH)),
        torch.randint(len(source.labels), (BATCH,)),
    )

    def bare_step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(output(lstm(embedding(ids))[0][:, -1]), labels).backward()
        optimizer.step()

    bare = statistics.median([timed(bare_step) for _ in range(WARM_UP + STEPS)][WARM_UP:])
    computed = inside = 0
    for batch in prepared(composed(*overrides(data, article=False))).train_dataloader():
        computed += batch.tokens_BT.numel()
        inside += int(batch.lengths_B.sum())
    answer(
        {
            "matmul_gflops": best,
            "lstm_gflop_per_text": per_token * tokens / texts,
            "bare_gflops": per_token * BATCH * LENGTH / bare,
            "padding": 1 - inside / computed,
        }
    )


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def order(data: str | None) -> None:
    """Trains the default model with the seed BENCH_SEED; other data for three epochs only.

    With BENCH_RANDOM batches hold texts of any length.
    """
    from textlstm.commands import main as command_line
    from textlstm.data import batching

    if os.environ.get("BENCH_RANDOM"):
        batching.BUCKET = 1
    with tempfile.TemporaryDirectory() as folder:
        given = [
            f"hydra.run.dir={folder}/run",
            f"seed={os.environ['BENCH_SEED']}",
            "baselines=false",
        ]
        sys.argv[1:] = [*overrides(data, article=False), *given, *([] if data is None else [SHORT])]
        command_line.main("train")
        record = json.loads(Path(folder, "run", "metrics.json").read_text(encoding="utf-8"))
    answer({split: record[split]["accuracy"] for split in ("validation", "test")})


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


def write_texts(data: str | None) -> None:
    """Writes the training and validation texts of the very same split.

    Keras, which does not share our environment, reads them.
    """
    source = prepared(composed(*overrides(data)))
    splits = {
        split: {
            "text": source.splits[split]["text"][:],
            "label": source.encoded[split].labels.tolist(),
        }
        for split in ("train", "validation")
    }
    Path(os.environ["BENCH_TEXTS"]).write_text(json.dumps(splits), encoding="utf-8")
    answer({})


def first_step(data: str | None) -> None:
    """The default training up to the end of its first step."""
    from textlstm.commands import main as command_line
    from textlstm.training import module

    module.TextClassificationModule.on_train_batch_end = lambda *arguments: answer({})  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        sys.argv[1:] = [f"hydra.run.dir={folder}/run"]
        command_line.main("train")


SIDES: dict[str, Callable[[str | None], None]] = {
    side.__name__: side
    for side in (
        ours,
        bf16,
        loop,
        naive,
        keras,
        predict,
        accuracy,
        machine,
        order,
        write_texts,
        first_step,
    )
}

if __name__ == "__main__":
    SIDES[sys.argv[1]](sys.argv[2] if len(sys.argv) > 2 else None)
