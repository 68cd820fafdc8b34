"""The sides that speed.py times, each in a process that hands its figures over and ends.

The model is the article's (`experiment=article`): Keras pads to 35 tokens as the article does, the
project cuts at 35 and buckets. All sides but those of other_ways.py run the project's own commands.

`keras` runs in an environment of its own, without the project: nothing of it, nor what it stands
on, may be imported at the top.
"""

import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from other_ways import keras, naive
from our_way import composed, limit_threads, new_module, overrides, prepared, train
from stopwatch import BATCH, LENGTH, PREDICTED, STEPS, VOCABULARY, WARM_UP, Watch, answer, timed

if TYPE_CHECKING:
    from textlstm.data.datamodule import TextDataModule

SHORT = "trainer.max_epochs=3"
MATRIX = 2048


def ours(data: str | None) -> None:
    """Trains with the real command, with all that it logs and saves, for so many batches."""
    from textlstm.training import module
    from textlstm.training import run as training

    watch = Watch()

    def count(self: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if watch.done(len(batch.labels_B)):
            answer({**watch.figures(), "threads": training.torch.get_num_threads()})

    module.TextClassificationModule.on_train_batch_end = count  # type: ignore[method-assign]
    precision = os.environ.get("BENCH_PRECISION", "32-true")
    train(*overrides(data), f"trainer.precision={precision}")


def bf16(data: str | None) -> None:
    """Tries whether this CPU can train in bf16."""
    from textlstm.training.distributed import computes_bf16

    answer({"works": computes_bf16()})


def loop(data: str | None) -> None:
    """The training command, each step of which is followed by one of a bare loop on the same batch.

    The two networks are alike. In turn within a process, since the machine changes its speed from
    second to second by more than what is measured.
    """
    import copy

    from textlstm.training import module

    def bare_step(self: Any, rows: list[int]) -> None:
        batch = self.trainer.datamodule.encoded["train"].__getitems__(rows)
        loss = self.bare.loss(self.bare.network(batch.tokens_BT, batch.lengths_B), batch.labels_B)
        self.bare_optimizer.zero_grad()
        loss.backward()
        self.bare_optimizer.step()

    def begin(self: Any) -> None:
        self.__dict__["bare"] = copy.deepcopy(self).train()  # no submodule
        self.bare_optimizer = self.bare.configure_optimizers()
        self.whole, self.alone, self.last = [], [], time.perf_counter()

    after_batch = module.TextClassificationModule.on_train_batch_end

    def end(self: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        after_batch(self, outputs, batch, batch_idx)
        self.whole.append(time.perf_counter() - self.last)
        self.alone.append(timed(lambda: bare_step(self, batch.rows_B.tolist())))

        # Late: oneDNN prepares itself for each new length, which the first step with it pays.
        if len(self.whole) == 3 * STEPS:
            whole, alone = (statistics.median(s[-STEPS:]) for s in (self.whole, self.alone))
            answer({"overhead": whole / alone - 1})
        self.last = time.perf_counter()

    module.TextClassificationModule.on_train_start = begin  # type: ignore[method-assign]
    module.TextClassificationModule.on_train_batch_end = end  # type: ignore[method-assign]
    train(*overrides(data))


def predict(data: str | None) -> None:
    """Times the classifier as `predict.py` uses it, with the article's network."""
    from textlstm.model.bundle import TextClassifier

    settings = composed(*overrides(data))
    source = prepared(settings)
    limit_threads()
    module = new_module(settings, source)
    classifier = TextClassifier(
        module.network, source.tokenizer, source.class_names, max_length=LENGTH, truncate="head"
    )

    some = source.splits["train"]["text"][:PREDICTED]
    classifier.probabilities(some[:640])
    seconds = timed(lambda: classifier.probabilities(some))
    answer({"predicted_per_second": len(some) / seconds})


def accuracy(data: str | None) -> None:
    """Trains the default model, and gives its accuracy on validation by seconds of training.

    A pair for each epoch: the seconds up to its end, and the accuracy then.
    """
    from textlstm.training import run as training

    class Epochs(training.EpochHistory):
        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            super().on_train_epoch_end(trainer, pl_module)
            if len(self.epochs) == trainer.max_epochs:
                seconds = itertools.accumulate(epoch["seconds"] for epoch in self.epochs)
                accuracies = [epoch["val_accuracy"] for epoch in self.epochs]
                answer({"epochs": list(zip(seconds, accuracies, strict=True))})

    training.EpochHistory = Epochs  # type: ignore[misc]
    train(*overrides(data, article=False), SHORT)


def machine(data: str | None) -> None:
    """Measures what the machine and a plain loop around nn.LSTM reach, and our share of padding."""
    import torch

    limit_threads()
    torch.set_flush_denormal(True)
    left, right = torch.randn(2, MATRIX, MATRIX)
    best = 2 * MATRIX**3 / min(timed(lambda: left @ right) for _ in range(20)) / 1e9

    settings = composed(*overrides(data))
    source = prepared(settings)
    inputs, hidden = settings["model"]["embedding_dim"], settings["model"]["hidden"]
    # Forward, and twice that backward: 2 FLOP × 4 gates × hidden × (inputs + hidden), for each of
    # two layers.
    per_token = 3 * 2 * 4 * hidden * ((inputs + hidden) + (hidden + hidden)) / 1e9
    texts, tokens, _ = _counted(source)
    bare = _bare_step_seconds(inputs, hidden, len(source.class_names))

    _, inside, computed = _counted(prepared(composed(*overrides(data, article=False))))
    answer(
        {
            "matmul_gflops": best,
            "lstm_gflop_per_text": per_token * tokens / texts,
            "bare_gflops": per_token * BATCH * LENGTH / bare,
            "padding": 1 - inside / computed,
        }
    )


def _counted(source: "TextDataModule") -> tuple[int, int, int]:
    """Counts an epoch's texts, their tokens, and the places of its batches, padding included."""
    texts = tokens = places = 0
    for batch in source.train_dataloader():
        texts += len(batch.labels_B)
        tokens += int(batch.lengths_B.sum())
        places += batch.tokens_BT.numel()
    return texts, tokens, places


def _bare_step_seconds(inputs: int, hidden: int, classes: int) -> float:
    """The median seconds of a training step of two LSTM layers, on random ids."""
    import torch

    embedding, output = torch.nn.Embedding(VOCABULARY, inputs), torch.nn.Linear(hidden, classes)
    lstm = torch.nn.LSTM(inputs, hidden, num_layers=2, batch_first=True)
    parts = torch.nn.ModuleList([embedding, lstm, output])
    optimizer = torch.optim.Adam(parts.parameters())
    ids = torch.randint(VOCABULARY, (BATCH, LENGTH))
    labels = torch.randint(classes, (BATCH,))

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(output(lstm(embedding(ids))[0][:, -1]), labels).backward()
        optimizer.step()

    return statistics.median([timed(step) for _ in range(WARM_UP + STEPS)][WARM_UP:])


def order(data: str | None) -> None:
    """Trains the default model with the seed BENCH_SEED; other data for three epochs only.

    With BENCH_RANDOM batches hold texts of any length.
    """
    from textlstm.data import batching

    if os.environ.get("BENCH_RANDOM"):
        batching.BUCKET = 1
    given = [f"seed={os.environ['BENCH_SEED']}", "baselines=false"]
    short = [] if data is None else [SHORT]
    record = train(*overrides(data, article=False), *given, *short)
    answer({split: record[split]["accuracy"] for split in ("validation", "test")})


def write_texts(data: str | None) -> None:
    """Writes the training and validation texts of the same split for Keras' side to read.

    Its environment does not have the project.
    """
    source = prepared(composed(*overrides(data)))
    splits = {
        split: {
            "text": source.splits[split]["text"][:],
            "label": source.encoded[split].labels_N.tolist(),
        }
        for split in ("train", "validation")
    }
    Path(os.environ["BENCH_TEXTS"]).write_text(json.dumps(splits), encoding="utf-8")
    answer({})


def first_step(data: str | None) -> None:
    """Runs the default training up to the end of its first step."""
    from textlstm.training import module

    module.TextClassificationModule.on_train_batch_end = lambda *arguments: answer({})  # type: ignore[method-assign]
    train()


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
