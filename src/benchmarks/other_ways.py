"""Other people's ways, which speed.py compares the project with: a tutorial's Lightning, and Keras.

`keras` runs in an environment of its own, without the project: nothing of it, nor what it stands
on, may be imported at the top.
"""

import contextlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from our_way import composed, limit_threads, overrides, prepared
from stopwatch import BATCH, LENGTH, PREDICTED, PREDICTED_AT_ONCE, VOCABULARY, Watch, answer

KERAS_EPOCHS = 8  # for the validation accuracy at its best epoch
LARGE = 20_000  # training rows from which Keras gets two epochs only


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
