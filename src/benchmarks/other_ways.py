"""Other people's ways, which speed.py compares the project with: a tutorial's Lightning, and Keras.

`keras` runs in an environment of its own, without the project: nothing of it, nor what it stands
on, may be imported at the top.
"""

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from our_way import composed, limit_threads, overrides, prepared
from stopwatch import BATCH, LENGTH, PREDICTED, PREDICTED_AT_ONCE, VOCABULARY, Watch, answer, timed

KERAS_EPOCHS = 8  # for the validation accuracy at its best epoch
LARGE = 20_000  # training rows from which Keras gets two epochs only


def naive(data: str | None) -> None:
    """Trains as tutorials of Lightning do.

    Batches are random, padded to the longest text and packed, and each step is logged.
    """
    import pytorch_lightning as pl
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_padded_sequence
    from torch.utils.data import DataLoader

    source, watch = prepared(composed(*overrides(data))), Watch()
    limit_threads()
    some = source.splits["train"][:10_000]
    ids = [source.tokenizer.encode(text).ids[:LENGTH] for text in some["text"]]
    rows: Any = list(zip(ids, some["label"], strict=True))

    class Naive(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, 45, padding_idx=0)
            self.lstm = nn.LSTM(45, 128, num_layers=2, dropout=0.2, batch_first=True)
            self.head = nn.Sequential(
                nn.Dropout(0.2), nn.Linear(128, 32), nn.ReLU(), nn.Dropout(0.2)
            )
            self.output = nn.Linear(32, len(source.class_names))

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

    loader = DataLoader(rows, batch_size=BATCH, shuffle=True, collate_fn=_padded)
    options: dict[str, Any] = {"accelerator": "cpu", "log_every_n_steps": 1, "max_epochs": 100}
    with tempfile.TemporaryDirectory() as folder:
        trainer = pl.Trainer(default_root_dir=folder, enable_progress_bar=False, **options)
        trainer.fit(Naive(), loader)


def _padded(batch: list[tuple[list[int], int]]) -> tuple[Any, ...]:
    """Ids padded to the longest text of the batch, lengths and labels."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    lengths = torch.tensor([max(1, len(ids)) for ids, _ in batch])
    tokens = pad_sequence([torch.tensor(ids or [0]) for ids, _ in batch], batch_first=True)
    return tokens, lengths, torch.tensor([label for _, label in batch])


def keras(data: str | None) -> None:
    """Trains with the article's own code in Keras, all texts padded to 35 tokens.

    Answers with texts per second in training and in prediction or, with BENCH_EPOCHS, with the
    seconds of training and the accuracy on validation after each epoch.
    """
    texts = json.loads(Path(os.environ["BENCH_TEXTS"]).read_text(encoding="utf-8"))
    import numpy as np
    import tensorflow as tf

    threads = os.environ.get("BENCH_THREADS")
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    from keras import config, layers

    config.set_dtype_policy(os.environ.get("BENCH_PRECISION", "float32"))
    vectorize = layers.TextVectorization(max_tokens=VOCABULARY, output_sequence_length=LENGTH)
    vectorize.adapt(texts["train"]["text"])

    def ids(some: list[str]) -> Any:
        return np.asarray(vectorize(tf.constant(some)))

    rows = {name: (ids(split["text"]), np.array(split["label"])) for name, split in texts.items()}
    model = _article_in_keras(int(max(rows["train"][1])) + 1)
    if os.environ.get("BENCH_EPOCHS"):
        answer({"epochs": _keras_epochs(model, rows["train"], rows["validation"])})
    trained = _keras_training(model, *rows["train"])

    some = texts["train"]["text"][:PREDICTED]

    def predict() -> None:
        model.predict(ids(some), batch_size=PREDICTED_AT_ONCE, verbose=0)

    predict()  # builds the graph
    answer({**trained, "predicted_per_second": len(some) / timed(predict)})


def _article_in_keras(classes: int) -> Any:
    """The article's network, compiled, for so many classes."""
    from keras import Sequential, layers

    model = Sequential(
        [
            # Integers, or mixed_bfloat16 would round the ids, and 7999 become 8000.
            layers.Input((LENGTH,), dtype="int64"),
            layers.Embedding(VOCABULARY, 45),
            layers.LSTM(128, return_sequences=True),
            layers.Dropout(0.2),
            layers.LSTM(128),
            layers.Dropout(0.2),
            layers.Dense(32, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(classes, activation="softmax"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def _keras_epochs(
    model: Any, train: tuple[Any, Any], validation: tuple[Any, Any]
) -> list[tuple[float, float]]:
    """Seconds of training so far, and accuracy on validation, after each epoch."""
    epochs, seconds = [], 0.0
    for _ in range(2 if len(train[0]) > LARGE else KERAS_EPOCHS):
        seconds += timed(lambda: model.fit(*train, batch_size=BATCH, epochs=1, verbose=0))
        _, accuracy = model.evaluate(*validation, batch_size=256, verbose=0)
        epochs.append((seconds, accuracy))
    return epochs


def _keras_training(model: Any, ids: Any, labels: Any) -> dict[str, float]:
    """Texts per second in training, until enough batches are timed."""
    from keras import callbacks

    watch, figures = Watch(), {}

    class Count(callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if watch.done(BATCH):
                figures.update(watch.figures())
                self.model.stop_training = True
                raise StopIteration

    with contextlib.suppress(StopIteration):
        model.fit(ids, labels, batch_size=BATCH, epochs=100, verbose=0, callbacks=[Count()])
    return figures
