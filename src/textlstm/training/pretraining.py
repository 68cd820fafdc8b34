"""The stage before a classifier's training: a language model of the run's own texts.

What it has learned is kept by content in the cache, so that other seeds and the jobs of a sweep pay
for it once. A stage that was killed goes on after its last whole epoch.
"""

import hashlib
import json
import logging
import shutil
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments import LightningEnvironment
from pytorch_lightning.callbacks import ModelCheckpoint
from safetensors.torch import load_file, save_file
from torch import Tensor

from textlstm.cache import content_key, kept, one_at_a_time
from textlstm.data.batching import Batch, EncodedTexts, batch_loader
from textlstm.data.settings import CutSettings
from textlstm.data.tokenizer import Encoded
from textlstm.model.language_model import LanguageModel, drawing_chances
from textlstm.model.network import LSTMClassifier
from textlstm.runs.record import Pretraining, PretrainingEpoch
from textlstm.training.callbacks import RandomState
from textlstm.training.progress import ProgressBar
from textlstm.training.settings import PretrainSettings
from textlstm.training.stopping import FiniteLoss

log = logging.getLogger(__name__)

LAYOUT = 1  # of the cached stage: a change of what is learned or written must raise it
MAX_TOKENS = 4096  # of a batch, padding counted: long texts would make few steps otherwise
ONE_IN, MOST = 20, 200  # texts that perplexity is measured on: every twentieth, at most 200
WEIGHT_DECAY = 0.01
LONGEST_GRADIENT = 1.0
LOG_EVERY = 20  # steps between losses that are read


def pretrain(
    network: LSTMClassifier,
    texts: list[EncodedTexts],
    settings: PretrainSettings,
    *,
    cut: CutSettings,
    device: torch.device,
    cache: Path,
    report: Callable[[PretrainingEpoch], None],
    level: int,
) -> Pretraining:
    """Starts the embedding and the LSTM of a network from a language model of some texts.

    Neither what the stage learns nor the random numbers after it depend on those before it: a run
    that finds the stage in the cache goes on as the one that has made it.

    Args:
        network: the classifier's network, whose weights are replaced.
        texts: all texts that may be learned from.
        cut: how many tokens of a text are read, and which.
        device: where it is trained.
        cache: a folder that keeps finished stages by content, and the last epoch of others.
        report: is called with each epoch, those of the cache included.
        level: of `logging`, for the lines that say how the stage goes.

    Returns:
        What the record says of the stage.
    """
    whole = joined(texts, cut)
    values = network.plain_values()
    shape = ("vocab_size", "embedding_dim", "hidden", "layers", "bidirectional")
    parts = [LAYOUT, asdict(settings), [values[key] for key in shape], cut.max_length, cut.truncate]
    name = f"pretrained-{content_key(*parts, _digest(whole))}"
    unfinished = cache / f".{name}.unfinished"  # the same in each start, unlike those of `kept`

    def make(folder: Path) -> None:
        model, history = _train(
            network,
            whole,
            settings,
            checkpoints=unfinished,
            device=device,
            report=report,
            level=level,
        )
        weights = {key: tensor.cpu() for key, tensor in model.classifier_weights().items()}
        save_file(
            {key: tensor.contiguous() for key, tensor in weights.items()},
            folder / "weights.safetensors",
        )
        (folder / "history.json").write_text(json.dumps(history), encoding="utf-8")

    def load(folder: Path) -> tuple[dict[str, Tensor], list[PretrainingEpoch]]:
        history = json.loads((folder / "history.json").read_text(encoding="utf-8"))
        return load_file(folder / "weights.safetensors"), history

    with one_at_a_time(cache, name):  # jobs of a sweep begin at the same time
        (weights, history), found = kept(cache, name, make, load)
        for left in cache.glob(f".{name}.*/"):  # the checkpoints, and what a kill has left
            shutil.rmtree(left, ignore_errors=True)

    if found:
        log.log(level, "Pretraining: %d epochs are in the cache.", len(history))
        for epoch in history:
            report(epoch)
    unused = network.load_state_dict(weights, strict=False).unexpected_keys
    assert not unused, unused
    return {
        "texts": len(whole),
        "tokens": int(whole.lengths.sum()),
        "from_cache": found,
        "history": history,
    }


def joined(texts: list[EncodedTexts], cut: CutSettings) -> EncodedTexts:
    """Puts texts of several sources into one place: only those of their rows, one after another."""
    tokens, lengths, unknown = [], [], []
    for some in texts:
        uncut_N = some.lengths + some.skipped
        first_N = (uncut_N.cumsum(0) - uncut_N).repeat_interleave(uncut_N)
        places = some.starts.repeat_interleave(uncut_N) + torch.arange(len(first_N)) - first_N
        tokens.append(some.tokens[places])
        lengths.append(uncut_N)
        unknown.append(some.unknown)
    encoded = Encoded(torch.cat(tokens), torch.cat(lengths), torch.cat(unknown))
    own = CutSettings(max_length=cut.max_length, truncate=cut.truncate, pad_to=None)
    return EncodedTexts(encoded, torch.zeros(len(encoded.lengths), dtype=torch.long), cut=own)


def _digest(texts: EncodedTexts) -> str:
    content = hashlib.sha256(texts.tokens.to(torch.int32).numpy().tobytes())
    content.update((texts.lengths + texts.skipped).numpy().tobytes())
    return content.hexdigest()


def _train(
    network: LSTMClassifier,
    texts: EncodedTexts,
    settings: PretrainSettings,
    *,
    checkpoints: Path,
    device: torch.device,
    report: Callable[[PretrainingEpoch], None],
    level: int,
) -> tuple[LanguageModel, list[PretrainingEpoch]]:
    """Trains the language model, from its last checkpoint if there is one."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(settings.seed)
        measured = torch.arange(0, len(texts), max(ONE_IN, -(-len(texts) // MOST)))
        learned = torch.ones(len(texts), dtype=torch.bool)
        learned[measured] = len(texts) < ONE_IN  # so few are learned and measured on
        loader = batch_loader(
            texts,
            settings.batch_size,
            seed=settings.seed,
            max_tokens=MAX_TOKENS,
            shuffle=True,
            rows=learned.nonzero().flatten(),
        )
        measuring = batch_loader(texts, 16, max_tokens=MAX_TOKENS, shuffle=False, rows=measured)

        module = PretrainingModule(network, settings, _counts(texts, network), len(loader))
        history = PretrainingHistory(report, level)
        terminal = sys.stderr.isatty()
        bar = ProgressBar("Language model", ("pretrain/loss_step", "pretrain/perplexity"))
        trainer = pl.Trainer(
            max_epochs=settings.epochs,
            accelerator=device.type,
            devices=[device.index or 0] if device.type == "cuda" else 1,
            plugins=[LightningEnvironment()],  # each process of a distributed run trains it alone
            gradient_clip_val=LONGEST_GRADIENT,
            log_every_n_steps=LOG_EVERY,
            logger=False,
            callbacks=[
                *([bar] if terminal else []),
                RandomState(settings.seed),
                FiniteLoss("a smaller pretrain.lr"),
                history,
                ModelCheckpoint(
                    dirpath=checkpoints,
                    filename="last",
                    save_on_train_epoch_end=True,
                    enable_version_counter=False,
                ),
            ],
            enable_progress_bar=terminal,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )
        last = checkpoints / "last.ckpt"
        checkpoint = last if last.is_file() else None
        with warnings.catch_warnings():
            # A GPU's LSTM says at each step that weights which were dropped lie apart.
            warnings.filterwarnings("ignore", message="RNN module weights are not part of single")
            trainer.fit(module, loader, measuring, ckpt_path=checkpoint, weights_only=True)
    return module.model, history.epochs


def _counts(texts: EncodedTexts, network: LSTMClassifier) -> Tensor:
    """How often each token of the vocabulary stands in the texts."""
    return texts.tokens.long().bincount(minlength=network.embedding.num_embeddings)


class PretrainingModule(pl.LightningModule):
    """The language model in training.

    Args:
        network: the classifier's network, whose sizes the language model has.
        settings: the keys of `pretrain`.
        counts_V: how often each token stands in the texts.
        steps: the steps of an epoch.
    """

    def __init__(
        self, network: LSTMClassifier, settings: PretrainSettings, counts_V: Tensor, steps: int
    ) -> None:
        super().__init__()
        self.model = LanguageModel(
            network.settings,
            vocab_size=network.embedding.num_embeddings,
            dropout=settings.dropout,
            weight_drop=settings.weight_drop,
            word_dropout=settings.word_dropout,
        )
        self.settings, self.steps = settings, steps
        self.chances_V: Tensor
        chances_V = drawing_chances(counts_V, settings.candidates)
        self.register_buffer("chances_V", chances_V, persistent=False)

    def on_train_epoch_start(self) -> None:
        self.sums = torch.zeros(2, device=self.device)  # the loss, and the targets that it is of

    def on_validation_epoch_start(self) -> None:
        self.measured = torch.zeros(2, device=self.device)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        losses = self.model.losses(batch.tokens_BT, batch.lengths_B, self.chances_V)
        directions = [loss_N.sum() / max(1, len(loss_N)) for loss_N in losses]
        loss = torch.stack(directions).mean()
        for loss_N in losses:
            self.sums += torch.stack([loss_N.detach().sum(), self.sums.new_tensor(len(loss_N))])
        if batch_idx % LOG_EVERY == 0:
            self.log("pretrain/loss_step", loss, prog_bar=True, batch_size=1)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        for loss_N in self.model.losses(batch.tokens_BT, batch.lengths_B):
            self.measured += torch.stack([loss_N.sum(), self.measured.new_tensor(len(loss_N))])

    def on_validation_epoch_end(self) -> None:
        self.log("pretrain/perplexity", perplexity(self.measured), prog_bar=True)

    def configure_optimizers(self) -> Any:
        """Makes AdamW, whose rate goes up and comes down once over the whole stage."""
        optimizer = torch.optim.AdamW(
            [parameter for parameter in self.parameters() if parameter.requires_grad],
            lr=self.settings.lr,
            weight_decay=WEIGHT_DECAY,
            fused=True,
        )
        cycle = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=self.settings.lr, total_steps=self.steps * self.settings.epochs
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}


def perplexity(sums: Tensor) -> float:
    """The perplexity of a summed loss and the number of its targets."""
    loss, targets = sums.tolist()
    return float(torch.tensor(loss / max(1, targets)).exp())


class PretrainingHistory(pl.Callback):
    """Keeps an epoch's perplexities, also in the checkpoint, logs them and reports them.

    Args:
        report: is called with each epoch, those before a resume included.
        level: of `logging`.
    """

    def __init__(self, report: Callable[[PretrainingEpoch], None], level: int) -> None:
        self.report, self.level = report, level
        self.epochs: list[PretrainingEpoch] = []

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.epochs = list(state_dict["epochs"])
        for epoch in self.epochs:
            self.report(epoch)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.started = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, PretrainingModule)
        epoch: PretrainingEpoch = {
            "epoch": trainer.current_epoch + 1,
            "train_perplexity": perplexity(pl_module.sums),
            "perplexity": perplexity(pl_module.measured),
            "seconds": round(time.monotonic() - self.started, 2),
        }
        self.epochs.append(epoch)
        self.report(epoch)
        log.log(
            logging.DEBUG if sys.stderr.isatty() else self.level,  # a terminal has the bar
            "language model, epoch %d/%s  perplexity %.1f (in training %.1f)  %.1f s",
            epoch["epoch"],
            trainer.max_epochs,
            epoch["perplexity"],
            epoch["train_perplexity"],
            epoch["seconds"],
        )
