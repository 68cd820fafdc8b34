"""Training: the loss, each optimizer with each schedule, and checkpoints that hold no code."""

import csv
from types import SimpleNamespace

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins import MixedPrecision
from torch.nn import functional

from helpers.small import data_module
from helpers.training import MODEL, LearningRates, make_module, make_trainer
from textlstm.checks import InputError
from textlstm.data.batching import Batch
from textlstm.training.module import (
    LOGGED,
    OPTIMIZERS,
    SCHEDULES,
    TextClassificationModule,
    worst_shift,
)

pytestmark = pytest.mark.cores

#                          row, label, length, tokens
BATCH = Batch(
    torch.tensor([[0, 0, 3, 2, 3, 4], [1, 1, 2, 5, 6, 0], [2, 2, 1, 7, 0, 0], [3, 0, 3, 8, 9, 2]])
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    with open(folder / "train.csv", "w", encoding="utf-8", newline="") as file:
        rows = [
            (f"{label} {word} {n}", label)
            for label in "abc"
            for word in ("one", "two")
            for n in range(15)
        ]
        csv.writer(file).writerows([("text", "label"), *rows])
    options = {
        "train": str(folder / "train.csv"),
        "val_fraction": 0.2,
        "test_fraction": 0.2,
        "split_seed": 0,
    }
    data = data_module(folder / "cache", **options, vocab_size=30, batch_size=12)
    data.setup()
    return data


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5]])
def test_the_training_loss_is_torchs_with_weights_and_smoothing(smoothing, weights):
    module = make_module(label_smoothing=smoothing, class_weights=weights)
    expected = functional.cross_entropy(
        module(BATCH.tokens_BT, BATCH.lengths_B),
        BATCH.labels_B,
        weight=None if weights is None else torch.tensor(weights),
        label_smoothing=smoothing,
    )
    module.trainer = SimpleNamespace(global_step=0, log_every_n_steps=50, world_size=1)
    module.on_train_epoch_start()
    torch.testing.assert_close(module.training_step(BATCH, 0), expected)
    module.training_step(BATCH, 1)
    assert module.loss_sum.item() / module.rows == pytest.approx(expected.item())
    assert module.rows == 2 * len(BATCH.labels_B)
    assert (
        module.right
        == 2 * (module(BATCH.tokens_BT, BATCH.lengths_B).argmax(dim=1) == BATCH.labels_B).sum()
    )


def test_half_of_the_loss_is_that_of_texts_shifted_to_their_worst():
    plain, module = make_module(), make_module(adversarial=0.5)
    module.network.load_state_dict(plain.network.state_dict())
    for each in (plain, module):
        each.trainer = SimpleNamespace(global_step=0, log_every_n_steps=50, world_size=1)
        each.on_train_epoch_start()
    network = module.network
    embedded_BTE = network.embed(BATCH.tokens_BT, BATCH.lengths_B)
    loss = functional.cross_entropy(network.classify(embedded_BTE, BATCH.lengths_B), BATCH.labels_B)
    shift_BTE = worst_shift(loss, embedded_BTE, network.embedding.weight, 0.5)
    shifted_BC = network.classify(embedded_BTE + shift_BTE, BATCH.lengths_B)
    shifted_loss = functional.cross_entropy(shifted_BC, BATCH.labels_B)
    assert shifted_loss > loss
    expected = (loss + shifted_loss) / 2
    torch.testing.assert_close(module.training_step(BATCH, 0), expected)
    torch.testing.assert_close(module.loss_sum, expected.detach() * len(BATCH.labels_B))
    torch.testing.assert_close(plain.training_step(BATCH, 0), loss)
    assert module.right == plain.right


def test_the_worst_shift_has_the_size_that_is_asked_for_and_raises_the_loss_most():
    torch.manual_seed(0)
    network = make_module(bidirectional=True).network
    tokens_BT = torch.tensor([[2, 3, 4, 5], [3, 2, 0, 0]])
    lengths_B, labels_B = torch.tensor([4, 2]), torch.tensor([0, 2])

    def loss_of(embedded_BTE):
        return functional.cross_entropy(network.classify(embedded_BTE, lengths_B), labels_B)

    embedded_BTE = network.embed(tokens_BT, lengths_B)
    vectors_VE = network.embedding.weight
    shift_BTE = worst_shift(loss_of(embedded_BTE), embedded_BTE, vectors_VE, 0.1)
    length = 0.1 * vectors_VE[1:].norm(dim=1).mean()
    torch.testing.assert_close(shift_BTE.flatten(1).norm(dim=1), length.expand(2))
    assert not shift_BTE[1, 2:].any(), "padding was shifted"
    assert not shift_BTE.requires_grad

    worst = loss_of(embedded_BTE + shift_BTE)
    for _ in range(20):
        other_BTE = torch.randn(shift_BTE.shape)
        other_BTE *= length / other_BTE.flatten(1).norm(dim=1)[:, None, None]
        assert loss_of(embedded_BTE + other_BTE) < worst


def test_texts_whose_loss_nothing_changes_are_not_shifted():
    embedded_BTE = torch.ones(2, 3, 4, requires_grad=True)
    shift_BTE = worst_shift((embedded_BTE * 0).sum(), embedded_BTE, torch.ones(5, 4), 1.0)
    assert torch.equal(shift_BTE, torch.zeros(2, 3, 4))


def test_a_training_step_never_waits_for_the_device():
    """Meta tensors have no values: what asks for one, and would wait for it on a GPU, fails."""
    module = make_module(
        dropout=0.5,
        embedding_dropout=0.5,
        word_dropout=0.5,
        sequence_dropout=True,
        adversarial=0.5,
    ).to("meta")
    batch = BATCH.to(torch.device("meta"))
    module.trainer = SimpleNamespace(global_step=0, log_every_n_steps=50, world_size=1)
    module.on_train_epoch_start()
    loss = module.training_step(batch, 0)
    loss.backward()
    assert module.loss_sum.device == batch.tokens_BT.device == torch.device("meta")
    with pytest.raises(RuntimeError, match="meta"):
        loss.item()


def test_validation_loss_is_plain_cross_entropy(data):
    module = make_module(label_smoothing=0.3, class_weights=[5.0, 1.0, 1.0])
    trainer = make_trainer(1)
    trainer.fit(module, data)
    encoded = data.encoded["validation"]
    batch = encoded.__getitems__(list(range(len(encoded))))
    with torch.no_grad():
        expected = functional.cross_entropy(
            module(batch.tokens_BT, batch.lengths_B), batch.labels_B
        ).item()
    assert trainer.callback_metrics["val/loss"].item() == pytest.approx(expected, abs=1e-5)
    assert module.scores["log_loss"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimizer_fits_with_each_schedule(data, name, schedule):
    module = make_module(optimizer={"name": name, "schedule": schedule})
    before = [
        parameter.detach().clone() for parameter in module.parameters() if parameter.requires_grad
    ]
    trainer = make_trainer()
    trainer.fit(module, data)
    assert trainer.global_step == 2 * data.steps_per_epoch() == 10
    after = [parameter for parameter in module.parameters() if parameter.requires_grad]
    assert not any(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    for metric in ("loss", *LOGGED):
        assert f"val/{metric}" in trainer.callback_metrics
    assert {"train/loss_epoch", "train/accuracy"} <= set(trainer.callback_metrics)


def test_it_learns(data):
    module = make_module(hidden=16, optimizer={"lr": 0.05})
    trainer = make_trainer(10)
    trainer.fit(module, data)
    trainer.test(module, data, verbose=False)
    assert module.scores["accuracy"] == 1.0
    assert module.predictions.predicted_N.tolist() == data.splits["test"]["label"][:]


@pytest.mark.parametrize("accumulated", [1, 2])
def test_one_cycle_rises_to_lr_and_ends_near_zero(data, accumulated):
    rates = LearningRates()
    module = make_module(optimizer={"schedule": "one_cycle", "lr": 0.01})
    trainer = make_trainer(4, callbacks=[rates], accumulate_grad_batches=accumulated)
    trainer.fit(module, data)
    assert len(rates.used) == trainer.global_step == 4 * -(-5 // accumulated)
    assert 0.008 < max(rates.used) <= 0.01
    assert rates.used[0] < 0.001
    assert rates.used[-1] < 1e-5


def test_plateau_lowers_the_rate_after_two_epochs_without_a_better_loss(data):
    rates = LearningRates()
    module = make_module(
        optimizer={"schedule": "plateau", "lr": 1e-6}
    )  # too small to better anything
    make_trainer(5, callbacks=[rates]).fit(module, data)
    assert rates.used[::5] == pytest.approx([1e-6] * 3 + [1e-7] * 2, rel=1e-6)


def test_constant_stays_constant(data):
    rates = LearningRates()
    make_trainer(callbacks=[rates]).fit(make_module(), data)
    assert set(rates.used) == {0.01}


def test_a_checkpoint_holds_plain_values_and_loads_again(data, tmp_path):
    module = make_module(
        class_weights=[1.0, 2.0, 3.0], head=[6], optimizer={"schedule": "one_cycle"}
    )
    trainer = make_trainer()
    trainer.fit(module, data)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    content = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert content["hyper_parameters"]["labels"] == ["a", "b", "c"]
    assert content["hyper_parameters"]["model"]["head"] == [6]
    loaded = TextClassificationModule.restored(tmp_path / "last.ckpt")
    module.eval(), loaded.eval()
    with torch.no_grad():
        assert torch.equal(
            loaded(BATCH.tokens_BT, BATCH.lengths_B), module(BATCH.tokens_BT, BATCH.lengths_B)
        )
    assert loaded.loss.weight.tolist() == [1.0, 2.0, 3.0]
    assert loaded.hparams == module.hparams


def test_a_checkpoint_written_by_hand_is_restored(tmp_path):
    """The layout that checkpoints have had from the start: plain values under these keys."""
    module = make_module(pooling="attention", optimizer={"lr": 0.5})
    values = {
        "model": {**MODEL, "pooling": "attention", "label_smoothing": 0.25, "adversarial": 0.5},
        "optimizer": {"name": "adam", "lr": 0.5, "weight_decay": 0.1, "schedule": "plateau"},
        "labels": ["a", "b", "c"],
        "tokenizer_json": "{}",
        "vocab_size": 30,
        "class_weights": None,
    }
    torch.save(
        {"state_dict": module.state_dict(), "hyper_parameters": values}, tmp_path / "old.ckpt"
    )
    restored = TextClassificationModule.restored(tmp_path / "old.ckpt")
    values["model"]["directions"] = "mixed"  # as before there was a choice
    values["optimizer"]["body_rate"] = 1.0
    values["ensemble"] = 1
    assert dict(restored.hparams) == values
    assert restored.loss.label_smoothing == 0.25
    assert restored.labels == ["a", "b", "c"]
    assert isinstance(restored.configure_optimizers()["optimizer"], torch.optim.Adam)
    for name, weights in module.state_dict().items():
        assert torch.equal(restored.state_dict()[name], weights)


def test_a_checkpoint_goes_on_where_it_stopped(data, tmp_path):
    straight = make_module()
    make_trainer(2).fit(straight, data)
    first = make_trainer(1)
    first.fit(make_module(), data)
    first.save_checkpoint(tmp_path / "one.ckpt")
    resumed = make_module()
    make_trainer(2).fit(resumed, data, ckpt_path=tmp_path / "one.ckpt", weights_only=True)
    for one, other in zip(straight.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_weight_decay_reaches_the_optimizer_and_frozen_weights_do_not():
    module = make_module(optimizer={"name": "adamw", "weight_decay": 0.3})
    optimizer = module.configure_optimizers()
    (group,) = optimizer.param_groups
    assert (type(optimizer), group["weight_decay"], group["lr"]) == (torch.optim.AdamW, 0.3, 0.01)
    assert all(parameter.requires_grad for parameter in group["params"])


@pytest.mark.parametrize(
    ("model", "optimizer", "message"),
    [
        (
            {"label_smoothing": 1.0},
            {},
            "model.label_smoothing must be at least 0 and below 1, got 1",
        ),
        ({"label_smoothing": "a"}, {}, "model.label_smoothing must be a number, got 'a'"),
        ({"hidden": 0}, {}, "model.hidden must be at least 1, got 0"),
        (
            {},
            {"name": "adamx"},
            "optimizer.name must be one of adam, adamw, got 'adamx'. Did you mean 'adam",
        ),
        ({}, {"lr": -1}, "optimizer.lr must be at least 0, got -1"),
        ({}, {"lr": "1e-3"}, "optimizer.lr must be a number, got '1e-3'"),
        ({}, {"weight_decay": -0.1}, "optimizer.weight_decay must be at least 0, got -0.1"),
        (
            {},
            {"schedule": "cosine"},
            "optimizer.schedule must be one of constant, one_cycle, plateau, got 'cosine'",
        ),
    ],
)
def test_bad_values_are_refused_by_key_and_value(model, optimizer, message):
    with pytest.raises(InputError, match=message):
        make_module(optimizer=optimizer, **model)


@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
def test_weights_never_see_validation_or_test(write_rows, tmp_path, schedule):
    def trained(name, word):
        held_out = [(f"{word} {n}", "abc"[n % 3]) for n in range(12)]
        train = [(f"{label} word {n}", label) for label in "abc" for n in range(20)]
        data = data_module(
            tmp_path / f"cache-{name}",
            train=write_rows("train.csv", train),
            validation=write_rows(f"validation-{name}.csv", held_out[::2]),
            test=write_rows(f"test-{name}.csv", held_out[1::2]),
        )
        module = make_module(optimizer={"schedule": schedule}, dropout=0.5, word_dropout=0.2)
        trainer = make_trainer(3)
        trainer.fit(module, data)
        trainer.test(module, data, verbose=False)
        return module.network.state_dict(), module.predictions.log_probabilities_NC

    (one, first), (other, second) = trained("one", "goal"), trained("other", "bank bank bank")
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_the_fused_optimizer_steps_as_the_plain_one(name):
    fused, plain = make_module(optimizer={"name": name}), make_module(optimizer={"name": name})
    optimizers = [
        fused.configure_optimizers(),
        OPTIMIZERS[name](plain.parameters(), lr=0.01, weight_decay=0.0),
    ]
    for _ in range(5):
        for module, optimizer in zip((fused, plain), optimizers, strict=True):
            optimizer.zero_grad()
            module.loss(module(BATCH.tokens_BT, BATCH.lengths_B), BATCH.labels_B).backward()
            optimizer.step()
    for one, other in zip(fused.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_fused_optimizer_clips_and_steps_in_mixed_precision_as_in_full(name):
    """With scaled gradients, as trainer.precision=16-mixed has them; bf16-mixed has none."""
    mixed, full = make_module(optimizer={"name": name}), make_module(optimizer={"name": name})
    optimizers = [mixed.configure_optimizers(), full.configure_optimizers()]
    assert all(optimizer.param_groups[0]["fused"] for optimizer in optimizers)
    scaler = torch.amp.GradScaler("cpu")
    for _ in range(5):
        for module, optimizer in zip((mixed, full), optimizers, strict=True):
            optimizer.zero_grad()
            loss = module.loss(module(BATCH.tokens_BT, BATCH.lengths_B), BATCH.labels_B)
            if module is full:
                loss.backward()
                torch.nn.utils.clip_grad_norm_(full.parameters(), 0.01)
                optimizer.step()
                continue
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            MixedPrecision("16-mixed", "cpu", scaler).clip_gradients(optimizer, 0.01)
            scaler.step(optimizer)
            scaler.update()
    for one, other in zip(mixed.parameters(), full.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_embedding_and_lstm_have_their_share_of_the_rate(data):
    rates: dict[float, list[list[float]]] = {}
    for body_rate in (1.0, 0.3):
        module = make_module(optimizer={"schedule": "one_cycle", "body_rate": body_rate})
        used = rates[body_rate] = []

        class Rates(pl.Callback):
            def on_before_optimizer_step(self, trainer, pl_module, optimizer, used=used):
                used.append([group["lr"] for group in optimizer.param_groups])

        make_trainer(epochs=2, callbacks=[Rates()]).fit(module, data)
    head = [rate for rate, _ in rates[0.3]]
    assert head == pytest.approx([rate for [rate] in rates[1.0]])
    assert [body for _, body in rates[0.3]] == pytest.approx([0.3 * rate for rate in head])
    head_group, body_group = module.configure_optimizers()["optimizer"].param_groups
    network = module.network
    body = [network.embedding.weight, *network.lstm.parameters()]
    assert {id(one) for one in body_group["params"]} == {
        id(one) for one in body if one.requires_grad
    }
    assert {id(one) for one in head_group["params"]} == {
        id(one) for one in network.output.parameters()
    }
