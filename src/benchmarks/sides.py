"""What speed.py times: each side in a process of its own, which hands its figures over and ends.

The model is the article's (`experiment=article`): Keras pads to 35 tokens as the article does, the
project cuts at 35 and buckets. All sides but those of other_ways.py run the project's own commands.

`keras` runs in an environment of its own, without the project: nothing of it, nor what it stands
on, may be imported at the top.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from other_ways import keras, naive
from our_way import (
    composed,
    limit_threads,
    new_module,
    overrides,
    prepared,
    threads_override,
)
from stopwatch import BATCH, LENGTH, PREDICTED, STEPS, VOCABULARY, WARM_UP, Watch, answer, timed

SHORT = "trainer.max_epochs=3"
MATRIX = 2048


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
