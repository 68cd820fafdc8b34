"""Times the way from a file to batches, against `datasets` and `tokenizers` used by hand.

python src/benchmarks/data.py --rows 1000000

Both sides read the same CSV, split it with stratification, learn the same vocabulary of words,
tokenize all rows and make one epoch of padded batches; each in a process of its own, with empty
caches, in turn. (Only the project checks each row, finds duplicates, and sorts by length.) Prints
ratios and writes outputs/bench/data.json.
"""

import argparse
import csv
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from our_way import composed
from textlstm.data.sources import NEWSWIRE4
from textlstm.places import OUTPUTS

PHASES = ("read", "tokenize", "batch")
VOCABULARY, BATCH, HELD_OUT, SEED = 16_000, 64, 0.1, 42
SMALL = 10_000  # rows of the run whose memory others are compared with


def write_rows(file: Path, count: int) -> None:
    """Writes a CSV of `count` rows of about 20 words.

    Each is two halves of two headlines of a class of the embedded corpus.
    """
    with open(NEWSWIRE4, encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    by_label: dict[str, list[list[str]]] = {}
    for row in rows:
        by_label.setdefault(row["label"], []).append(row["text"].split())
    labels, generator = sorted(by_label), random.Random(0)
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["text", "label"])
        for number in range(count):
            label = labels[number % len(labels)]
            first, second = generator.choice(by_label[label]), generator.choice(by_label[label])
            writer.writerow(
                [" ".join(first[: (len(first) + 1) // 2] + second[len(second) // 2 :]), label]
            )


def ours(file: str, cache: str) -> Iterator[None]:
    """The project's own way, a yield after each phase."""
    from textlstm.data.datamodule import TextDataModule
    from textlstm.data.settings import DataSettings
    from textlstm.data.sources import load_source

    settings = DataSettings(**composed("data=files", f"data.train={file}")["data"])
    data = TextDataModule(settings, cache=Path(cache))
    yield
    load_source(settings, cache=data.cache)
    yield
    data.setup()
    yield
    for _ in data.train_dataloader():
        pass
    yield


def by_hand(file: str, cache: str) -> Iterator[None]:
    """The same with `datasets` and `tokenizers` by hand, a yield after each phase."""
    import datasets
    import numpy as np
    import torch
    from sklearn.model_selection import train_test_split
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from torch.utils.data import DataLoader

    from textlstm.data.tokenizer import text_normalizer

    datasets.disable_progress_bars()
    yield
    rows = datasets.load_dataset("csv", data_files=file, split="train", cache_dir=cache)
    rows = rows.cast_column("label", datasets.ClassLabel(names=sorted(rows.unique("label"))))
    labels = np.asarray(rows["label"][:])
    # Not rows.train_test_split(stratify_by_column=…), which takes two minutes for a million rows.
    rest, test = train_test_split(
        np.arange(len(rows)), test_size=HELD_OUT, stratify=labels, random_state=SEED
    )
    share = HELD_OUT / (1 - HELD_OUT)
    train, validation = train_test_split(
        rest, test_size=share, stratify=labels[rest], random_state=SEED
    )
    yield
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = text_normalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(
        vocab_size=VOCABULARY, special_tokens=["[PAD]", "[UNK]"], show_progress=False
    )
    texts = rows.select(np.sort(train)).with_format("arrow").iter(1000)
    tokenizer.train_from_iterator((batch["text"].to_pylist() for batch in texts), trainer)

    def tokenized(batch: dict[str, list[str]]) -> dict[str, list[list[int]]]:
        return {"ids": [encoding.ids for encoding in tokenizer.encode_batch_fast(batch["text"])]}

    encoded = rows.map(tokenized, batched=True, remove_columns="text")
    splits = [encoded.select(part) for part in (train, validation, test)]
    yield

    def padded(rows: list[dict[str, Any]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        ids = [torch.tensor(row["ids"]) for row in rows]
        lengths = torch.tensor([len(one) for one in ids])
        labels = torch.tensor([row["label"] for row in rows])
        return torch.nn.utils.rnn.pad_sequence(ids, batch_first=True), lengths, labels

    for _ in DataLoader(splits[0], batch_size=BATCH, shuffle=True, collate_fn=padded):
        pass
    yield


SIDES = {"ours": ours, "by hand": by_hand}


def measure(side: str, file: str) -> None:
    """Prints the seconds of each phase of one side; imports are not counted."""
    with tempfile.TemporaryDirectory(dir=OUTPUTS) as cache:
        phases = SIDES[side](file, cache)
        next(phases)
        seconds = {}
        for name in PHASES:
            started = time.perf_counter()
            next(phases)
            seconds[name] = time.perf_counter() - started
    print(json.dumps(seconds))


def run(*command: object) -> tuple[str, int, float]:
    """Standard output, peak resident memory in bytes and wall seconds of a command."""
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *map(str, command)], stdout=output, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        if status:
            raise RuntimeError(f"{command} failed with status {status}")
        output.seek(0)
        return output.read(), usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), seconds


FIRST_STEP = """
import sys, time
started = time.perf_counter()
import pytorch_lightning, torchmetrics, datasets
imported = time.perf_counter()
from textlstm.commandline import main as command_line
from textlstm.training import module
from textlstm.training import run as training
def step(self, batch, index):
    sys.__stdout__.write(str(time.perf_counter() - imported))
    sys.__stdout__.flush()
    import os; os._exit(0)
module.TextClassificationModule.training_step = step
command_line.main("train")
"""


def compare(file: Path, repetitions: int) -> dict[str, Any]:
    """Rows per second of both sides in each phase, and the ratio of their times."""
    seconds: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(repetitions):
        for side in SIDES:
            seconds[side].append(
                json.loads(run(__file__, "--side", side, "--file", file)[0].splitlines()[-1])
            )
    rows = int(file.stem.removeprefix("rows-"))
    result: dict[str, Any] = {"rows": rows, "repetitions": repetitions, "phases": {}}

    for phase in (*PHASES, "all"):
        names = PHASES if phase == "all" else (phase,)
        times = {
            side: [sum(one[name] for name in names) for one in seconds[side]] for side in SIDES
        }
        ratios = [
            mine / theirs for mine, theirs in zip(times["ours"], times["by hand"], strict=True)
        ]
        result["phases"][phase] = {
            **{
                f"{side}, rows per second": round(rows / statistics.median(times[side]))
                for side in SIDES
            },
            "ratio of times": round(statistics.median(ratios), 3),
            "from": round(min(ratios), 3),
            "to": round(max(ratios), 3),
        }
    return result


def memory(file: Path, small: Path) -> dict[str, Any]:
    """Measures the peak memory of training and predicting, and the time of a second start.

    Returns figures for `file`, and what is beyond those for `small`.
    """
    gigabyte = 2**30
    peaks: dict[str, dict[str, int]] = {"train": {}, "predict": {}}
    with tempfile.TemporaryDirectory(dir=OUTPUTS) as folder:
        for name, rows in (("small", small), ("large", file)):
            brief = [
                "trainer.max_epochs=1",
                "+trainer.limit_train_batches=200",
                f"hydra.run.dir={folder}/{name}",
            ]
            peaks["train"][name] = run("-m", "textlstm", "train", f"data.train={rows}", *brief)[1]
            predicted = f"output={folder}/{name}.csv"
            peaks["predict"][name] = run(
                "-m", "textlstm", "predict", f"run={folder}/{name}", f"input={rows}", predicted
            )[1]
        driver = Path(folder, "first_step.py")
        driver.write_text(FIRST_STEP, encoding="utf-8")
        again = [
            run(driver, f"data.train={file}", f"hydra.run.dir={folder}/{n}")[0] for n in range(3)
        ]

    return {
        **{
            f"{command}, GB beyond {SMALL:,} rows": round(
                (peak["large"] - peak["small"]) / gigabyte, 2
            )
            for command, peak in peaks.items()
        },
        **{
            f"{command}, GB at {SMALL:,} rows": round(peak["small"] / gigabyte, 2)
            for command, peak in peaks.items()
        },
        "seconds from imports to the first step, second start": round(
            statistics.median(map(float, again)), 1
        ),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--memory", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        measure(options.side, options.file)
        sys.exit()
    folder = OUTPUTS / "bench"
    files = {count: folder / f"rows-{count}.csv" for count in (options.rows, SMALL)}
    for count, file in files.items():
        if not file.is_file():
            write_rows(file, count)
    result = compare(files[options.rows], options.repetitions)
    if options.memory:
        result |= memory(files[options.rows], files[SMALL])
    (folder / "data.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
