"""The stage before a classifier's training: a language model of the run's own texts.

What it has learned is kept by content in the cache, so that other seeds and the jobs of a sweep pay
for it once. A stage that was stopped or killed goes on from its last checkpoint.
"""

import hashlib
import json
import logging
import shutil
import warnings
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments import LightningEnvironment
from pytorch_lightning.callbacks import ModelCheckpoint
from safetensors.torch import load_file, save
from torch import Tensor

from textlstm import signals
from textlstm.cache import content_key, kept, one_at_a_time
from textlstm.data.batching import BatchLoader, EncodedTexts, batch_loader
from textlstm.data.settings import CutSettings
from textlstm.data.tokenizer import Encoded
from textlstm.model.ensemble import Network
from textlstm.model.language_model import LanguageModel, as_read_by
from textlstm.model.settings import NetworkSettings
from textlstm.plurals import number_of
from textlstm.runs.folder import LAST, PREVIOUS
from textlstm.runs.record import Pretraining, PretrainingEpoch
from textlstm.training.callbacks import EpochSums, MovedFolder, RandomState
from textlstm.training.checkpoints import WholeCheckpoints, damage
from textlstm.training.interval import Interval
from textlstm.training.pretraining_module import LOG_EVERY, PretrainingHistory, PretrainingModule
from textlstm.training.progress import ProgressBar
from textlstm.training.saving import SaveInsideEpoch
from textlstm.training.settings import PretrainSettings
from textlstm.training.stopping import FiniteLoss

log = logging.getLogger(__name__)

LAYOUT = 2  # of the cached stage: a change of what is learned or written must raise it
MAX_TOKENS = 4096  # of a batch, padding counted: long texts would make few steps otherwise
ONE_IN, MOST = 20, 200  # texts that perplexity is measured on: every twentieth, at most 200
LONGEST_GRADIENT = 1.0
MOST_EPOCHS, MOST_READ = 10, 15_000_000  # epochs and tokens of all epochs, unless epochs are given
FEWEST_TOKENS = 50_000
"""Tokens below which the classifier is better without the stage.

With 20,000 tokens of newswire4, log loss on 2,000 other rows was 0.515 with it and 0.508 without.
"""
TOO_FEW = (
    "Pretraining is left out: the texts have %s tokens, and fewer than %s teach a language model "
    "too little; pretrain.epochs=10 has it all the same."
)


def pretrain(
    network: Network,
    texts: list[EncodedTexts],
    settings: PretrainSettings,
    *,
    cut: CutSettings,
    device: torch.device,
    cache: Path,
    report: Callable[[PretrainingEpoch], None],
    interval: Interval | None,
    level: int,
) -> Pretraining | None:
    """Starts the embedding and the LSTM of a network from a language model of some texts.

    Neither what the stage learns nor the random numbers after it depend on those before it: a run
    that finds the stage in the cache goes on as the one that has made it.

    Args:
        network: the classifier's network, or its ensemble, whose weights are replaced.
        texts: all texts that may be learned from; see `joined`.
        settings: without a number of epochs, it has as many as `epochs_for` computes.
        cut: how many tokens of a text are read, and which.
        device: where it is trained.
        cache: a folder that keeps finished stages by content, and the last epoch of others.
        report: is called with each epoch, those of the cache included.
        interval: how often the stage saves itself inside an epoch; None leaves it to the epochs.
        level: of `logging`, for the lines that say how the stage goes.

    Returns:
        What the record says of the stage; None where the texts are too few to learn from.
    """
    whole = joined(texts, cut)
    tokens = int(whole.lengths.sum())
    epochs = settings.epochs or epochs_for(tokens)
    if not epochs:
        log.log(level, TOO_FEW, f"{tokens:,}", f"{FEWEST_TOKENS:,}")
        return None
    settings = replace(settings, epochs=epochs)
    sizes, vocab_size = _sizes(network), network.members[0].embedding.num_embeddings
    affixes_KV = network.members[0].word_dropout.affixes_KV
    shape = [vocab_size, *sizes.sizes, sizes.layers, sizes.bidirectional]
    affixes = [] if affixes_KV is None else affixes_KV.tolist()
    parts = [LAYOUT, asdict(settings), shape, affixes, cut.max_length, cut.truncate]
    name = f"pretrained-{content_key(*parts, _digest(whole))}"
    unfinished = cache / f".{name}.unfinished"  # the same in each start, unlike those of `kept`

    def make(folder: Path) -> None:
        model, history = _train(
            sizes,
            vocab_size,
            affixes_KV,
            whole,
            settings,
            epochs=epochs,
            checkpoints=unfinished,
            device=device,
            report=report,
            interval=interval,
            level=level,
        )
        _write_stage(folder, model.classifier_weights(), history)

    with one_at_a_time(cache, name):  # jobs of a sweep begin at the same time
        (weights, history), found = kept(cache, name, make, _read_stage)
        for left in cache.glob(f".{name}.*/"):  # the checkpoints, and what a kill has left
            shutil.rmtree(left, ignore_errors=True)

    if found:
        log.log(level, "Pretraining: %s found in the cache.", number_of(len(history), "epoch"))
        for epoch in history:
            report(epoch)
    for member in network.members:
        unused = member.load_state_dict(as_read_by(member, weights), strict=False).unexpected_keys
        assert not unused, unused
    return {
        "texts": sum(map(len, texts)),
        "tokens": tokens,
        "from_cache": found,
        "history": history,
    }


def epochs_for(tokens: int) -> int:
    """Computes how often a language model reads texts of so many tokens; 0 if they are too few."""
    if tokens < FEWEST_TOKENS:
        return 0
    return max(1, min(MOST_EPOCHS, MOST_READ // tokens))


def _write_stage(folder: Path, weights: dict[str, Tensor], history: list[PretrainingEpoch]) -> None:
    """Writes a finished stage: the weights that a classifier starts from, and the epochs."""
    # Not safetensors' own save_file, whose error on a full disk does not say that it is full.
    content = save({key: tensor.cpu().contiguous() for key, tensor in weights.items()})
    (folder / "weights.safetensors").write_bytes(content)
    (folder / "history.json").write_text(json.dumps(history), encoding="utf-8")


def _read_stage(folder: Path) -> tuple[dict[str, Tensor], list[PretrainingEpoch]]:
    """Reads what `_write_stage` has written."""
    history = json.loads((folder / "history.json").read_text(encoding="utf-8"))
    return load_file(folder / "weights.safetensors"), history


def _sizes(network: Network) -> NetworkSettings:
    """The settings of the language model: it reads both ways if one member or another does."""
    settings = network.members[0].settings
    both = len({member.backwards for member in network.members}) > 1
    return replace(settings, bidirectional=settings.bidirectional or both)


def joined(texts: list[EncodedTexts], cut: CutSettings) -> EncodedTexts:
    """Puts texts of several sources into one place: only those of their rows, one after another.

    The first are those of training, of which as much is read as the classifier reads. Longer ones
    of the other sources are read whole, in pieces of `cut.max_length` tokens.
    """
    tokens, lengths = [], []
    for number, some in enumerate(texts):
        uncut_N = some.lengths + some.skipped
        first_N = (uncut_N.cumsum(0) - uncut_N).repeat_interleave(uncut_N)
        places = some.starts.repeat_interleave(uncut_N) + torch.arange(len(first_N)) - first_N
        tokens.append(some.tokens[places])
        lengths.append(uncut_N if number == 0 else _divided(uncut_N, cut.max_length))
    all_N = torch.cat(lengths)
    encoded = Encoded(torch.cat(tokens), all_N, unknown=torch.zeros_like(all_N))  # not asked for
    own = CutSettings(max_length=cut.max_length, truncate=cut.truncate, pad_to=None)
    return EncodedTexts(encoded, torch.zeros(len(all_N), dtype=torch.long), cut=own)


def _divided(lengths_N: Tensor, longest: int | None) -> Tensor:
    """Gives the lengths of the pieces of texts, in their order; `longest` is that of a piece."""
    if longest is None:
        return lengths_N
    pieces_N = (lengths_N.clamp(min=1) + longest - 1) // longest
    lengths_M = torch.full((int(pieces_N.sum()),), longest)
    lengths_M[pieces_N.cumsum(0) - 1] = lengths_N - (pieces_N - 1) * longest
    return lengths_M


def _digest(texts: EncodedTexts) -> str:
    content = hashlib.sha256(texts.tokens.to(torch.int32).numpy().tobytes())
    content.update((texts.lengths + texts.skipped).numpy().tobytes())
    return content.hexdigest()


def _train(
    sizes: NetworkSettings,
    vocab_size: int,
    affixes_KV: Tensor | None,
    texts: EncodedTexts,
    settings: PretrainSettings,
    *,
    epochs: int,
    checkpoints: Path,
    device: torch.device,
    report: Callable[[PretrainingEpoch], None],
    interval: Interval | None,
    level: int,
) -> tuple[LanguageModel, list[PretrainingEpoch]]:
    """Trains the language model, from its last checkpoint if there is one."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(settings.seed)
        loader, measuring = _loaders(texts, settings)
        counts_V = texts.tokens.long().bincount(minlength=vocab_size)
        module = PretrainingModule(sizes, settings, counts_V, len(loader) * epochs, affixes_KV)
        history = PretrainingHistory(report, level)
        bar = ProgressBar("language model, epoch", {"pretrain/perplexity": "perplexity {:.1f}"})
        trainer = pl.Trainer(
            max_epochs=epochs,
            accelerator=device.type,
            devices=[device.index or 0] if device.type == "cuda" else 1,
            # Each process of a distributed run trains it alone.
            plugins=[LightningEnvironment(), WholeCheckpoints()],
            gradient_clip_val=LONGEST_GRADIENT,
            log_every_n_steps=LOG_EVERY,
            logger=False,
            callbacks=[
                RandomState(settings.seed),
                EpochSums(),
                MovedFolder(),
                FiniteLoss("a smaller pretrain.lr"),
                SaveInsideEpoch(checkpoints / LAST, interval),
                bar,
                history,
                ModelCheckpoint(
                    dirpath=checkpoints,
                    filename="last",
                    save_on_train_epoch_end=True,
                    enable_version_counter=False,
                ),
            ],
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )
        # The last or, if that is damaged, the one before.
        saved = [checkpoints / name for name in (LAST, PREVIOUS)]
        checkpoint = next((file for file in saved if damage(file) is None), None)
        with warnings.catch_warnings():
            # A GPU's LSTM says at each step that weights which were dropped lie apart.
            warnings.filterwarnings("ignore", message="RNN module weights are not part of single")
            with signals.held():
                trainer.fit(module, loader, measuring, ckpt_path=checkpoint, weights_only=True)
    return module.model, history.epochs


def _loaders(texts: EncodedTexts, settings: PretrainSettings) -> tuple[BatchLoader, BatchLoader]:
    """Makes the batches that are learned from, and those that perplexity is measured on."""
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
    return loader, batch_loader(texts, 16, max_tokens=MAX_TOKENS, shuffle=False, rows=measured)
