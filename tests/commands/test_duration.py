"""How long a run trains, as a person meets it: the line, the record, the letter, a resumed run."""

import re

import pytest
import torch

from helpers.commands import QUICK, call, record, train_and_kill
from helpers.configs import composed
from textlstm.data import duration
from textlstm.model import settings
from textlstm.model.bundle import TextClassifier
from textlstm.model.settings import shift_for, units_for, word_dropout_for

OPEN = [option for option in QUICK if "max_epochs" not in option]
SIZES = {"hidden": 16, "embedding_dim": 16, "word_dropout": 0.5, "adversarial": 0.0}
SAID = re.compile(r"training texts: batches of")


@pytest.fixture
def rows(write_rows):
    """The override that names a file of 100 rows, of which 80 train."""
    texts = [(f"goal {n} in the match", "sports") for n in range(40)]
    texts += [(f"shares fall {n}", "money") for n in range(60)]
    return f"data.train={write_rows('train.csv', texts)}"


@pytest.fixture
def short(monkeypatch):
    """A rule that asks for 30 steps in place of thousands."""
    monkeypatch.setattr(duration, "STEPS", 30)


def test_what_follows_from_the_rows_is_said_and_recorded_and_trained(short, rows, tmp_path):
    run = tmp_path / "run"
    _, errors = call("train", *OPEN, rows, f"hydra.run.dir={run}")
    assert (
        "80 training texts: batches of 8, 5 epochs of 10 steps; data.batch_size and "
        "trainer.max_epochs take other numbers.\n"
    ) in errors
    found = record(run)
    assert found["resolved"] == {"batch_size": 8, "max_epochs": 5, **SIZES}
    assert (found["steps"], len(found["history"])) == (50, 5)
    assert found["config"]["data"]["batch_size"] is None
    assert found["config"]["trainer"]["max_epochs"] is None

    call("evaluate", f"run={run}", "accelerator=cpu")
    scored = record(run / "evaluation" / "test")
    assert scored["test"]["log_loss"] == pytest.approx(found["test"]["log_loss"], abs=1e-6)

    _, errors = call("train", f"resume={run}", code=2)
    assert "is finished, after 5 of at most 5 epochs; there is nothing left to do" in errors


def test_what_makes_training_harder_follows_from_the_texts_and_is_said(write_rows, tmp_path):
    run = tmp_path / "run"
    texts = [(f"{'goal' if n % 2 else 'shares'} word{n}", "ab"[n % 2]) for n in range(100)]
    _, errors = call(
        "train", *OPEN, f"data.train={write_rows('new.csv', texts)}",
        "model.word_dropout=null", "model.adversarial=null", "trainer.max_epochs=1",
        "data.batch_size=40", f"hydra.run.dir={run}",
    )  # fmt: skip
    assert (
        "80 training texts: batches of 40, 1 epoch of 2 steps, 50% of the tokens read as unknown, "
        "adversarial shifts of 2; model.word_dropout and model.adversarial take other numbers.\n"
    ) in errors
    found = record(run)
    for key, value in {"word_dropout": 0.5, "adversarial": 2.0}.items():
        assert (found["config"]["model"][key], found["resolved"][key]) == (None, value)
    explained = (run / "report.md").read_text(encoding="utf-8")
    assert "word dropout (0.5)" in explained
    assert "adversarial shifts (2)" in explained
    assert TextClassifier.load(run).network.settings.word_dropout == 0.5


def test_units_that_follow_from_the_rows_are_said_and_recorded(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "MANY_ROWS", 80)
    monkeypatch.setattr(settings, "MANY_UNITS", 12)
    run = tmp_path / "run"
    given = [option for option in QUICK if not re.match(r"model\.(hidden|embedding)", option)]
    _, errors = call(
        "train", *given, rows, "model.hidden=null", "model.embedding_dim=null",
        "data.batch_size=40", f"hydra.run.dir={run}",
    )  # fmt: skip
    assert (
        "80 training texts: batches of 40, 3 epochs of 2 steps, 12 units; model.hidden and "
        "model.embedding_dim take other numbers.\n"
    ) in errors
    found = record(run)
    assert (found["resolved"]["hidden"], found["resolved"]["embedding_dim"]) == (12, 12)
    assert found["config"]["model"]["hidden"] is None
    assert TextClassifier.load(run).network.settings.sizes == (12, 12)
    scored = call("evaluate", f"run={run}", "accelerator=cpu")
    assert "Scores on test" in "".join(scored)


@pytest.mark.parametrize(("rows", "units"), [(1, 128), (39_999, 128), (40_000, 256)])
def test_many_texts_have_a_larger_network(rows, units):
    assert units_for(rows) == units


@pytest.mark.parametrize(
    ("rows", "share"), [(1, 0.5), (10_000, 0.5), (12_000, 0.3), (14_000, 0.1), (10**7, 0.1)]
)
def test_more_texts_are_read_more_whole(rows, share):
    assert word_dropout_for(rows, unknown_words=1) == pytest.approx(share)


@pytest.mark.parametrize(
    ("unknown", "share"), [(0, 0.1), (0.5, 0.1), (0.7, 0.3), (0.9, 0.5), (90, 0.5)]
)
def test_texts_of_known_words_are_read_more_whole(unknown, share):
    assert word_dropout_for(9_000, unknown) == pytest.approx(share)
    assert word_dropout_for(14_000, unknown) == pytest.approx(0.1)


def test_the_words_of_the_training_texts_decide_how_many_are_read_as_unknown(write_rows, tmp_path):
    orders = [f"play song{n % 30} now" for n in range(60)]
    news = [f"minister{n} visits city{n}" for n in range(60)]
    for name, texts in {"orders": orders, "news": news}.items():
        rows = [(f"{text} {'ab'[n % 2] * 2}", "ab"[n % 2]) for n, text in enumerate(texts)]
        call(
            "train", *OPEN, f"data.train={write_rows(f'{name}.csv', rows)}",
            "model.word_dropout=null", "trainer.max_epochs=1", "data.batch_size=40",
            f"hydra.run.dir={tmp_path}/{name}",
        )  # fmt: skip
    found = {
        name: record(tmp_path / name)["resolved"]["word_dropout"] for name in ("orders", "news")
    }
    assert found == pytest.approx({"orders": 0.1, "news": 0.5})


@pytest.mark.parametrize(
    ("rows", "size"), [(1, 2.0), (2_500, 2.0), (4_000, 1.25), (10_000, 0.5), (10**7, 0.5)]
)
def test_fewer_texts_are_shifted_further(rows, size):
    assert shift_for(rows) == size


def test_numbers_that_are_given_are_kept_to_the_letter_and_nothing_is_said(rows, tmp_path):
    run = tmp_path / "run"
    _, errors = call(
        "train", *OPEN, rows, "data.batch_size=33", "trainer.max_epochs=2", f"hydra.run.dir={run}"
    )
    assert not SAID.search(errors)
    assert record(run)["resolved"] == {"batch_size": 33, "max_epochs": 2, **SIZES}
    assert record(run)["steps"] == 2 * 3


def test_only_what_is_open_follows_from_the_rows(rows, tmp_path):
    run = tmp_path / "run"
    _, errors = call("train", *OPEN, rows, "trainer.max_epochs=1", f"hydra.run.dir={run}")
    assert (
        "80 training texts: batches of 8, 1 epoch of 10 steps; data.batch_size takes another "
        "number.\n"
    ) in errors
    assert record(run)["resolved"] == {"batch_size": 8, "max_epochs": 1, **SIZES}


@pytest.mark.parametrize(
    ("preset", "batch_size", "max_epochs"),
    [("article", 64, 20), ("article_deep", 64, 20), ("smoke", 64, 1)],
)
def test_presets_of_experiments_give_their_own_numbers(preset, batch_size, max_epochs):
    config = composed("train", f"experiment={preset}")
    assert config["data"]["batch_size"] == batch_size
    assert config["trainer"]["max_epochs"] == max_epochs


def test_a_sweep_trains_with_the_numbers_that_it_lists(rows, tmp_path):
    listed = ["data.batch_size=16,40", "trainer.max_epochs=1,2"]
    folder = f"hydra.sweep.dir={tmp_path}/sweep"
    call("train", *OPEN, rows, *listed, "sweep.workers=1", "threads=1", folder)
    found = [record(file.parent) for file in tmp_path.glob("sweep/*/metrics.json")]
    sizes = [(run["resolved"]["batch_size"], run["resolved"]["max_epochs"]) for run in found]
    numbers = [(*size, run["steps"]) for size, run in zip(sizes, found, strict=True)]
    assert sorted(numbers) == [(16, 1, 5), (16, 2, 10), (40, 1, 2), (40, 2, 4)]


def test_a_resumed_run_keeps_the_numbers_that_it_began_with(rows, tmp_path, monkeypatch):
    run = tmp_path / "run"
    nulls = ("model.word_dropout=null", "model.hidden=null", "model.adversarial=null")
    train_and_kill(run, *OPEN, rows, *nulls)
    monkeypatch.setattr(settings, "UNITS", 20)  # as if the rule had been another one then
    file = run / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(file, weights_only=True)
    begun_with = checkpoint["TextDataModule"]
    assert (begun_with["batch_size"], begun_with["max_epochs"]) == (8, 100)
    begun_with["max_epochs"] = 4
    checkpoint["hyper_parameters"]["model"].update(word_dropout=0.25, adversarial=1.25)
    torch.save(checkpoint, file)

    call("train", f"resume={run}", "trainer.accelerator=cpu")
    assert record(run)["resolved"] == {
        "batch_size": 8,
        "max_epochs": 4,
        "hidden": 128,
        "embedding_dim": 16,
        "word_dropout": 0.25,
        "adversarial": 1.25,
    }
    assert len(record(run)["history"]) == 4


def test_a_resumed_run_of_one_cycle_takes_no_other_epochs(rows, tmp_path):
    run = tmp_path / "run"
    train_and_kill(run, *OPEN, rows)
    _, errors = call("train", f"resume={run}", "trainer.max_epochs=9", code=2)
    assert "one-cycle schedule, which was laid out for its training rows." in errors


def test_a_refit_may_leave_its_epochs_to_the_rows(short, rows, tmp_path):
    run = tmp_path / "run"
    call("train", *OPEN, rows, "data.refit=true", f"hydra.run.dir={run}")
    assert record(run)["resolved"] == {"batch_size": 8, "max_epochs": 5, **SIZES}
    assert record(run)["chosen_by"] == (
        "the number of epochs follows from that of the rows; nothing by test"
    )


def test_a_line_says_that_the_model_is_behind_the_linear_baseline(rows, write_rows, tmp_path):
    texts = [(f"goal {n}", "sports") for n in range(30)]
    texts += [(f"shares fall {n}", "money") for n in range(30)]
    test = f"data.test={write_rows('test.csv', texts)}"
    options = [*OPEN, rows, test, "baselines=true", "data.batch_size=64"]
    options += [f"hydra.run.dir={tmp_path}/run"]
    out, _ = call("train", *options, "trainer.max_epochs=1", "optimizer.lr=0")
    assert re.search(
        r"\nBehind the linear baseline on test, by more than chance would give "
        r"\(McNemar's test of accuracy, p .*\): accuracy \d\.\d{4} against 1\.0000 and macro F1 "
        r"\d\.\d{4} against 1\.0000\. More training rows would help the LSTM most, and "
        r"sweep=learning_curve tells how much; until then, take TF-IDF \+ logistic regression, or "
        r"try wide=true, .*\n",
        out,
    )
