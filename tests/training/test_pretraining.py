"""The language-model stage: what it learns, what it never sees, the cache, and a killed stage."""

import logging
import os
import signal
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from safetensors.torch import load_file

from helpers.small import data_module, small_network
from textlstm import signals
from textlstm.model.language_model import LanguageModel
from textlstm.training import pretraining
from textlstm.training.pretraining import epochs_for, joined, pretrain
from textlstm.training.settings import PretrainSettings

SMALL = {
    "epochs": 3,
    "lr": 0.05,
    "batch_size": 8,
    "dropout": 0.1,
    "weight_drop": 0.1,
    "word_dropout": 0.1,
    "candidates": 20,
    "seed": 42,
}
SIZES = {"hidden": 6, "bidirectional": True, "vocab_size": 300}
ROWS = [(f"the {n % 7} goals of match {n} were late", "sports") for n in range(40)] + [
    (f"the {n % 7} shares of bank {n} fell low", "money") for n in range(40)
]


@pytest.fixture
def read(write_rows, tmp_path):
    """A data module after setup, on ROWS unless told otherwise."""

    def read(rows=ROWS, name="train.csv", **options):
        data = data_module(
            tmp_path / "cache", **{"train": write_rows(name, rows), "vocab_size": 100, **options}
        )
        data.setup()
        return data

    return read


def stage(data, cache: Path, *, network=None, reported=None, interval=None, **changes):
    """Runs the stage; the network that it has started and the record of it."""
    vocab_size = data.tokenizer.get_vocab_size()
    network = network or small_network(**{**SIZES, "vocab_size": vocab_size})
    record = pretrain(
        network,
        data.language_texts(),
        PretrainSettings(**{**SMALL, **changes}),
        cut=data.settings,
        device=torch.device("cpu"),
        cache=cache,
        report=(reported if reported is not None else []).append,
        interval=interval,
        level=logging.DEBUG,
    )
    return network, record


def kept_stages(cache: Path) -> list[Path]:
    return sorted(cache.glob("pretrained-*"))


def same_weights(one, other) -> bool:
    return all(
        torch.equal(tensor, other.state_dict()[name]) for name, tensor in one.state_dict().items()
    )


def test_perplexity_falls_and_the_weights_arrive(read, tmp_path):
    data, reported = read(), []
    vocab_size = data.tokenizer.get_vocab_size()
    before = small_network(**{**SIZES, "vocab_size": vocab_size})
    network, record = stage(data, tmp_path / "stages", reported=reported)

    first, *_, last = record["history"]
    assert last["train_perplexity"] < first["train_perplexity"] / 2
    assert last["perplexity"] < first["perplexity"] * 0.7
    assert reported == record["history"]
    assert [epoch["epoch"] for epoch in reported] == [1, 2, 3]
    assert record["texts"] == data.facts["splits"]["train"]["rows"] == 64
    assert not record["from_cache"]

    [kept] = kept_stages(tmp_path / "stages")
    weights = load_file(kept / "weights.safetensors")
    assert len(weights) == 1 + 2 * 4  # the embedding, and two LSTMs with two biases each
    for name, tensor in network.state_dict().items():
        untouched = torch.equal(tensor, before.state_dict()[name])
        assert untouched == (name.startswith("output.") or name.endswith("bias_hh_l0"))
        if name in weights:
            assert torch.equal(tensor, weights[name])
    assert network.embedding.weight[0].abs().sum() == 0


def test_beginnings_of_words_are_learned_and_never_count_as_guesses(read, tmp_path):
    data = read(prefix_length=3)
    affixes_KV, tokens = data.affixes_KV, data.tokenizer.get_vocab_size()
    assert affixes_KV.shape == (1, tokens)
    own, other = (small_network(**{**SIZES, "vocab_size": tokens}) for _ in range(2))
    own.word_dropout.affixes_KV = affixes_KV
    before = own.embedding.weight.detach().clone()
    cache = tmp_path / "stages"
    network, record = stage(data, cache, network=own, word_dropout=0.5)
    stage(data, cache, network=other, word_dropout=0.5)
    assert len(kept_stages(cache)) == 2  # what is learned differs

    beginnings = affixes_KV[affixes_KV > 1].unique()
    moved_V = (network.embedding.weight - before).abs().sum(dim=1)
    assert (moved_V[beginnings] > 0).all()
    words = tokens - len(beginnings) - 2
    assert record["history"][0]["perplexity"] < words


def test_the_second_run_reads_the_cache_and_goes_on_like_the_first(read, tmp_path, monkeypatch):
    data, cache = read(), tmp_path / "stages"
    torch.manual_seed(5)
    first, trained = stage(data, cache)
    drawn = torch.rand(3)

    def never(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr(pretraining, "_train", never)
    reported = []
    torch.manual_seed(5)
    second, found = stage(data, cache, reported=reported)
    assert same_weights(first, second)
    assert found == {**trained, "from_cache": True}
    assert reported == trained["history"]
    assert drawn.tolist() != [0, 0, 0]
    assert [file.name for file in kept_stages(cache)[0].iterdir()] != []


def test_random_numbers_after_it_are_those_without_it(read, tmp_path):
    data, cache = read(), tmp_path / "stages"
    network = small_network(**{**SIZES, "vocab_size": data.tokenizer.get_vocab_size()})
    drawn = []
    for _ in range(2):  # trained, then from the cache
        torch.manual_seed(5)
        stage(data, cache, network=network)
        drawn.append(torch.rand(3).tolist())
    torch.manual_seed(5)
    assert drawn == [torch.rand(3).tolist()] * 2


@pytest.mark.parametrize(
    "change", [{"lr": 0.04}, {"seed": 1}, {"epochs": 2}, {"candidates": 10}, {"dropout": 0.2}]
)
def test_another_setting_is_another_stage(read, tmp_path, change):
    data, cache = read(), tmp_path / "stages"
    stage(data, cache, epochs=1)
    _, record = stage(data, cache, **{"epochs": 1, **change})
    assert not record["from_cache"]
    assert len(kept_stages(cache)) == 2


def test_other_sizes_are_another_stage_and_other_seeds_the_same(read, tmp_path):
    data, cache = read(), tmp_path / "stages"
    vocab_size = data.tokenizer.get_vocab_size()
    for hidden, found in [(6, False), (7, False), (6, True)]:
        network = small_network(hidden=hidden, vocab_size=vocab_size)
        _, record = stage(data, cache, network=network, epochs=1)
        assert record["from_cache"] == found
    data.seed = 7
    assert stage(data, cache, network=network, epochs=1)[1]["from_cache"]


def test_validation_and_test_never_change_the_stage(read, tmp_path, write_rows):
    stages = []
    for word in ("keeper", "lender"):
        files = {}
        for split in ("validation", "test"):
            rows = [(f"{word} in {split} {n}", "money") for n in range(9)]
            files[split] = write_rows(f"{split}.csv", rows)
        network, record = stage(read(**files), tmp_path / "stages", epochs=1)
        assert record["texts"] == len(ROWS)
        stages.append((network, record["from_cache"]))
    assert [found for _, found in stages] == [False, True]
    assert same_weights(stages[0][0], stages[1][0])


class Killed(Exception):
    """What ends a stage in a test, as a kill would."""


@pytest.mark.filterwarnings("ignore:Checkpoint directory")  # as the commands do
def test_a_killed_stage_goes_on_to_the_same_weights(read, tmp_path, monkeypatch):
    data = read()
    whole, record = stage(data, tmp_path / "whole")
    ended = []

    def kill(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        started(self, trainer, pl_module)
        ended.append(trainer.current_epoch)
        if ended == [0, 1]:
            raise Killed

    started = pretraining.PretrainingHistory.on_train_epoch_start
    monkeypatch.setattr(pretraining.PretrainingHistory, "on_train_epoch_start", kill)
    cache, reported = tmp_path / "killed", []
    with pytest.raises(Killed):
        stage(data, cache)
    assert kept_stages(cache) == []
    resumed, again = stage(data, cache, reported=reported)
    assert ended == [0, 1, 1, 2]  # the first epoch was not trained again
    assert same_weights(whole, resumed)
    assert without_seconds(reported) == without_seconds(record["history"])
    assert without_seconds(again["history"]) == without_seconds(record["history"])
    [kept] = kept_stages(cache)
    assert [entry.name for entry in cache.iterdir() if entry.is_dir()] == [kept.name]


@pytest.mark.filterwarnings("ignore:Checkpoint directory")  # as the commands do
def test_a_stage_stopped_inside_an_epoch_goes_on_there(read, tmp_path, monkeypatch):
    data = read()
    losses, steps, stop_at = LanguageModel.losses, [], None

    def stop(self, *batch):
        if self.training:
            steps.append(len(steps) + 1)
            if steps[-1] == stop_at:
                os.kill(os.getpid(), signal.SIGTERM)
        return losses(self, *batch)

    monkeypatch.setattr(LanguageModel, "losses", stop)
    whole, record = stage(data, tmp_path / "whole", batch_size=8)
    expected, stop_at = len(steps), len(steps) // 2 + 2
    steps.clear()
    with pytest.raises(signals.Stopped) as stopped:
        stage(data, tmp_path / "stopped", batch_size=8)
    assert stopped.value.code == 143
    resumed, again = stage(data, tmp_path / "stopped", batch_size=8)
    assert same_weights(whole, resumed)
    assert without_seconds(again["history"]) == without_seconds(record["history"])
    assert len(steps) == expected  # none was trained twice


def without_seconds(history):
    return [{key: epoch[key] for key in epoch if key != "seconds"} for epoch in history]


@pytest.mark.parametrize(
    ("tokens", "epochs"),
    [
        (0, 0),
        (49_999, 0),
        (50_000, 10),
        (1_500_000, 10),
        (2_400_000, 6),
        (14_999_999, 1),
        (10**9, 1),
    ],
)
def test_many_tokens_are_read_less_often(tokens, epochs):
    assert epochs_for(tokens) == epochs


def test_epochs_that_are_not_given_follow_from_the_tokens(read, tmp_path, monkeypatch):
    data = read()
    [texts] = data.language_texts()
    monkeypatch.setattr(pretraining, "MOST_READ", 3 * int(texts.lengths.sum()) + 1)
    monkeypatch.setattr(pretraining, "FEWEST_TOKENS", 10)
    _, record = stage(data, tmp_path / "stages", epochs=None)
    assert len(record["history"]) == 3
    stage(data, tmp_path / "stages", epochs=3)  # the same stage
    assert len(kept_stages(tmp_path / "stages")) == 1


def test_few_tokens_leave_the_network_as_it_is_and_say_so(read, tmp_path, caplog):
    data = read()
    network = small_network(**{**SIZES, "vocab_size": data.tokenizer.get_vocab_size()})
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with caplog.at_level(logging.DEBUG, pretraining.__name__):
        _, record = stage(data, tmp_path / "stages", network=network, epochs=None)
    assert record is None
    assert "Pretraining is left out: the texts have " in caplog.text
    assert "pretrain.epochs=10 has it all the same" in caplog.text
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert not kept_stages(tmp_path / "stages")


def test_joined_texts_are_cut_as_in_training_and_unlabelled_ones_read_in_pieces(read, tmp_path):
    more = tmp_path / "more.txt"
    lines = ["late goals of the match", "the bank fell", "shares of the bank fell in the market"]
    more.write_text("\n".join(lines), encoding="utf-8")
    data = read(unlabelled=str(more), max_length=4, pad_to=12, truncate="tail")
    texts = joined(data.language_texts(), data.settings)
    assert len(texts) == 64 + 2 + 1 + 2
    batch = texts.__getitems__([0, *range(64, 69)])
    assert batch.tokens_BT.shape == (6, 4)  # not padded to data.pad_to
    own = data.encoded["train"].__getitems__([0])
    assert batch.tokens_BT[0].tolist() == own.tokens_BT[0, :4].tolist()
    pieces = [
        " ".join(data.tokenizer.id_to_token(token) for token in tokens_T[:length].tolist())
        for tokens_T, length in zip(batch.tokens_BT[1:], batch.lengths_B[1:], strict=True)
    ]
    assert pieces == [
        "late goals of the",
        "match",
        "the bank fell",
        "shares of the bank",
        "fell in the market",
    ]


def test_a_book_without_a_line_break_is_learned_from(read, tmp_path):
    book = tmp_path / "book.txt"
    book.write_text("the bank lends and the team scores " * 400, encoding="utf-8")
    data = read(unlabelled=str(book), max_length=20)
    _, record = stage(data, tmp_path / "stages", epochs=1)
    assert record["texts"] == 64 + 1
    assert record["tokens"] == int(data.encoded["train"].lengths.sum()) + 7 * 400


def test_few_texts_and_texts_of_one_word_are_no_error(read, tmp_path):
    words = [(f"goal{n}", "sports") for n in range(5)] + [(f"bank{n}", "money") for n in range(5)]
    network, record = stage(read(words), tmp_path / "stages", epochs=1)
    assert record["texts"] == record["tokens"] == 6
    assert record["history"][0]["perplexity"] == 1  # of nothing that could be guessed
    assert all(tensor.isfinite().all() for tensor in network.state_dict().values())
