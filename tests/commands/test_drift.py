"""Drift: whether new texts look like those of training, in three lines or one that says why not."""

import random
import re
from collections import Counter
from html import unescape
from pathlib import Path

import pytest

from helpers.commands import call, record
from textlstm.commands.drift import drift_lines, separability
from textlstm.model.bundle import TextClassifier
from textlstm.runs.tally import SAMPLE, TextSample

COOKING = ("simmer", "garlic", "butter", "whisk", "flour", "oven", "teaspoon", "peel", "onion")
WALKING = ("path", "ridge", "valley", "boots", "summit", "forest", "bridge", "river", "map")
LOOKED_AT = re.compile(
    r"drift: the ([\d,]+) texts and those of training (.+): .* AUROC of ([\d.]+) "
)


def texts_of(words: tuple[str, ...], *, seed: int, number: int = 120) -> list[str]:
    chance = random.Random(seed)
    return [" ".join(chance.choices(words, k=8)) for _ in range(number)]


def test_texts_of_one_kind_cannot_be_told_apart_and_of_two_kinds_can():
    old = texts_of(COOKING, seed=0)
    assert 0.4 < separability(old, texts_of(COOKING, seed=1)) < 0.6
    assert separability(old, texts_of(WALKING, seed=1)) > 0.99
    half = [*texts_of(COOKING, seed=1)[:60], *texts_of(WALKING, seed=1)[:60]]
    assert 0.6 < separability(old, half) < 0.95


def test_texts_that_are_both_old_and_new_are_not_told_apart_by_their_copies():
    old = texts_of(COOKING, seed=0)
    assert separability(old, old) == 0.5
    assert separability(old, [text.upper() for text in reversed(old)]) == pytest.approx(0.5)


def test_the_same_texts_give_the_same_number():
    old, new = texts_of(COOKING, seed=0), texts_of(COOKING[:7], seed=1)
    assert separability(old, new) == separability(old, new)


def test_a_sample_is_drawn_from_all_texts_alike():
    sample = TextSample()
    for start in range(0, 10 * SAMPLE, 1000):
        sample.add(str(number) for number in range(start, start + 1000))
    assert sample.seen == 10 * SAMPLE
    assert len(set(sample.texts)) == len(sample.texts) == SAMPLE
    assert sum(map(int, sample.texts)) / SAMPLE == pytest.approx(5 * SAMPLE, rel=0.05)


def test_evaluate_says_that_the_training_file_looks_like_itself(trained, my_csv):
    out, _ = call("evaluate", f"run={trained}", f"file={my_csv}", "drift=true")
    *_, first, second, third = out.splitlines()
    rows, verdict, auroc = LOOKED_AT.match(first).groups()
    assert (rows, verdict) == ("600", "look alike")
    assert 0.4 < float(auroc) < 0.6
    shares = re.match(
        r"drift: no training text has ([\d.]+)% of .* of validation, ([\d.]+)%\.", second
    )
    assert 0 < float(shares[1]) < float(shares[2])  # most of these rows are training rows
    assert third.startswith("drift: predicted classes (share in training): ")
    for name in record(trained)["labels"]:
        assert re.search(rf"\b{name} [\d.]+% \([\d.]+%\)", third)

    (folder,) = re.findall(r"^folder: (.+)$", out, re.MULTILINE)
    report = Path(folder, "report.md").read_text(encoding="utf-8")
    section = report.partition("\n## Drift\n\n")[2].partition("\n\n")[0]
    lines = [line.removeprefix("- ") for line in section.splitlines()]
    assert [f"drift: {unescape(line)}" for line in lines] == [first, second, third]


def test_a_report_has_no_section_on_drift_unless_it_was_asked_for(trained):
    assert "## Drift" not in (trained / "report.md").read_text(encoding="utf-8")


def test_predict_says_that_texts_of_another_kind_differ(trained, tmp_path):
    file = tmp_path / "recipes.txt"
    file.write_text("\n".join(texts_of(COOKING, seed=0)), encoding="utf-8")
    options = [f"run={trained}", f"input={file}", f"output={tmp_path}/out.csv"]
    _, errors = call("predict", *options, "drift=true")
    said = [line for line in errors.splitlines() if line.startswith("drift: ")]
    assert len(said) == 3
    rows, verdict, auroc = LOOKED_AT.match(said[0]).groups()
    assert (rows, verdict) == ("120", "differ")
    assert float(auroc) > 0.9
    _, errors = call("predict", *options)
    assert "drift" not in errors
    _, errors = call("predict", f"run={trained}", "text=a", "drift=true", code=2)
    assert errors == "error: drift=true compares many texts: give input=, and not text=.\n"


def test_a_run_without_test_rows_can_be_compared(trained):
    sample, of_run = TextSample(), record(trained)
    sample.add(texts_of(COOKING, seed=0))
    of_run["config"]["data"]["test_fraction"] = 0.0
    tokenizer_json = TextClassifier.load(trained).tokenizer.to_str()
    first, *others = drift_lines(sample, Counter(world=3), of_run, tokenizer_json)
    assert "those of training differ:" in first
    assert len(others) == 2


def test_what_is_missing_for_a_comparison_is_said_in_one_line(trained):
    tokenizer_json = TextClassifier.load(trained).tokenizer.to_str()
    sample, few, of_run = TextSample(), TextSample(), record(trained)
    sample.add(texts_of(COOKING, seed=0))
    few.add(texts_of(COOKING, seed=0, number=19))

    def said(sample: TextSample, of_run: dict | None) -> str:
        (line,) = drift_lines(sample, Counter(world=3), of_run, tokenizer_json)
        return line.removeprefix("drift: left out, since ")

    assert said(sample, None) == "the model has come without the record of its run."
    assert said(few, of_run) == "19 texts are too few, 20 are needed."
    source = of_run["data"]["sources"]["train"]
    source["sha256"] = "0" * 64
    changed = f"the run's train file {source['path']} is gone or has changed."
    assert said(sample, of_run) == changed
    of_run["data"]["sources"] = {}
    assert said(sample, of_run) == "the run's texts are not in files."
