"""One run from config to run folder: seed, data, model, trainer, fit, test, record."""

import copy
import logging
import shutil
import sys
import time
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import pytorch_lightning as pl
import torch
from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import OmegaConf
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import Logger, TensorBoardLogger
from pytorch_lightning.utilities.exceptions import MisconfigurationException, SIGTERMException

from textlstm import baselines, dashboards
from textlstm.bundle import save_bundle
from textlstm.cache import one_at_a_time
from textlstm.checks import InputError, flag, whole
from textlstm.datamodule import TextDataModule
from textlstm.devices import SameRun, check_strategy, one_end, share_threads
from textlstm.metrics import Predictions
from textlstm.module import TextClassificationModule
from textlstm.network import layer_table, trainable
from textlstm.progress import EpochHistory, ProgressBar
from textlstm.pruning import Pruning
from textlstm.report import LINEAR, print_results, seconds_line, write_report
from textlstm.resuming import RandomState
from textlstm.runs import CACHE, RunFolder, environment, folder_name, write_json
from textlstm.sources import changed
from textlstm.threads import choose_threads

log = logging.getLogger(__name__)

LOG_EVERY = 20  # steps between points of the training loss in TensorBoard
CHOSEN_BEFORE = "the number of epochs was chosen before, by validation in other runs; nothing by test"


def train(config: dict[str, Any]) -> float | None:
    """Trains, scores and records one run in Hydra's output folder.

    Returns its macro F1 on validation; None if it is the trial of a search that was pruned.
    """
    started = time.monotonic()
    hydra = HydraConfig.get()
    config = {key: value for key, value in config.items() if key != "sweep"}  # which is about all runs of a sweep
    sweeping = hydra.mode == RunMode.MULTIRUN
    run = RunFolder(Path(config["resume"] or hydra.runtime.output_dir))
    finished = run.record()
    if sweeping and finished is not None and finished["config"] == config and not changed(finished["data"]["sources"]):
        log.info("Finished before, with macro F1 %.4f on validation: skipped.", finished["score"])
        return finished["score"]
    if finished is not None and not sweeping:
        _refuse_finished(run, finished, config)
    if sweeping:
        shutil.rmtree(run.path / "tensorboard", ignore_errors=True)  # events of a job that did not finish
    prepare_process(config["seed"], config["threads"])
    flag("test", config["test"])
    flag("baselines", config["baselines"])

    with torch.device("meta"):  # refuses a value before any data are read, and computes nothing
        TextClassificationModule(
            model=config["model"], optimizer=config["optimizer"], labels=["a", "b"], tokenizer_json="", vocab_size=2
        )
    refit = config["data"]["refit"]
    _check_refit(config)
    overrides, history = _overrides(run, hydra), EpochHistory()
    logger = _logger(config["logger"], run, "" if sweeping else folder_name(",".join(overrides)) or "defaults")
    trial = None
    if sweeping:
        from textlstm.study import attached  # Optuna, which a single run does without

        trial = attached()
    trainer = _trainer(config, run, logger, [history, *([] if trial is None else [Pruning(trial)])])
    checkpoint = run.last_checkpoint if config["resume"] and run.last_checkpoint.is_file() else None
    recorded = None if checkpoint is None else torch.load(checkpoint, weights_only=True, map_location="cpu")
    tokenizer_json = None if recorded is None else recorded["hyper_parameters"]["tokenizer_json"]
    data = TextDataModule(**config["data"], seed=config["seed"], cache=CACHE, tokenizer_json=tokenizer_json)
    several = trainer.world_size > 1
    if several and sweeping:
        raise InputError("Each trial of a sweep trains on one device: trainer.devices=1.")
    if several and config["data"]["streaming"]:
        raise InputError("data.streaming=true is read by one process: trainer.devices=1, or data.streaming=false.")
    if several:
        share_threads(trainer, config["threads"])
    with one_at_a_time(CACHE) if several else nullcontext():
        data.setup()
    trainer.log_every_n_steps = min(LOG_EVERY, data.steps_per_epoch())  # type: ignore[attr-defined]
    module = TextClassificationModule(
        model=config["model"],
        optimizer=config["optimizer"],
        labels=data.labels,
        tokenizer_json=data.tokenizer.to_str(),
        vocab_size=data.tokenizer.get_vocab_size(),
        class_weights=data.class_weights,
    )
    level = logging.DEBUG if sweeping else logging.INFO
    if trainer.is_global_zero:
        _announce(data, module, level)
        if several:
            log.info("%d processes; CPU threads of each: %d.", trainer.world_size, torch.get_num_threads())
        elif checkpoint is None and config["threads"] is None and trainer.strategy.root_device.type == "cpu":
            _take_fastest_threads(data, module, level)
        if isinstance(logger, TensorBoardLogger):
            dashboards.begin(logger, config, overrides)

    with one_end(trainer, run.path):
        _fit(trainer, module, data, checkpoint, run)
        if any(isinstance(callback, Pruning) and callback.pruned for callback in trainer.callbacks):  # type: ignore[attr-defined]
            _record_pruned(run, logger, history, trainer.global_step, overrides)
            return None
        scored = _score_kept(trainer, module, data, run, test=config["test"])
    if not trainer.is_global_zero:
        return None if refit else scored["validation"].scores["macro_f1"]
    linear = _baselines(data) if config["test"] and config["baselines"] else {}
    best_epoch = None if refit else min(history.epochs, key=lambda epoch: epoch["val_loss"])["epoch"]

    record = {
        "title": f"LSTM text classifier, run {run.path.name}",
        "refit": refit,
        "score": None if refit else scored["validation"].scores["macro_f1"],
        "best_epoch": best_epoch,
        "chosen_by": CHOSEN_BEFORE if refit else "validation cross-entropy (the epoch); nothing by test",
        "labels": data.labels,
        **{name: split.scores for name, split in scored.items()},
        "baselines": linear,
        "seconds": {
            "train": round(sum(epoch["seconds"] for epoch in history.epochs), 2),
            "total": round(time.monotonic() - started + history.earlier, 2),
        },
        "parameters": trainable(module.network),
        "layers": layer_table(module.network, data.cut["pad_to"]),
        "steps": trainer.global_step,
        "history": history.epochs,
        "data": data.facts,
        "seed": config["seed"],
        "threads": torch.get_num_threads(),
        "device": str(trainer.strategy.root_device),
        "devices": trainer.world_size,
        "environment": environment(),
        "overrides": overrides,
        "config": {**config, "resume": None},
    }
    _write(run, record, scored, module, data, logger)
    if sweeping:
        log.info("macro F1 %.4f on validation, epoch %d", record["score"], record["best_epoch"])
    else:
        print_results(record, list(scored)[-1], run.path)
        print(seconds_line(record))
    return record["score"]


def _record_pruned(run: RunFolder, logger: Logger, history: EpochHistory, steps: int, overrides: list[str]) -> None:
    """What is left of a trial that others were better than: its score, and no model."""
    best = max(history.epochs, key=lambda epoch: epoch["val_macro_f1"])
    if isinstance(logger, TensorBoardLogger):
        dashboards.score(logger, best["val_macro_f1"], best["val_loss"], steps)
        logger.finalize("success")
    shutil.rmtree(run.checkpoints)
    write_json(run.pruned, {"score": best["val_macro_f1"], "overrides": overrides, "history": history.epochs})
    log.info("Pruned after epoch %d, with macro F1 %.4f on validation.", len(history.epochs), best["val_macro_f1"])


class ScoredSplit(NamedTuple):
    """A split with its texts, what was predicted for them, and how good that is."""

    texts: list[str]
    predictions: Predictions
    scores: dict[str, Any]


def _score_kept(
    trainer: pl.Trainer, module: TextClassificationModule, data: TextDataModule, run: RunFolder, *, test: bool
) -> dict[str, ScoredSplit]:
    """The kept epoch's weights, loaded into `module`, on validation (a refit has none) and, if asked for, on test."""
    # Not validate(ckpt_path=…): that would set the callbacks back to the best epoch, the history among them.
    # Lightning gives the weights of rank 0 to the others.
    if trainer.is_global_zero:
        checkpoint = run.kept_checkpoint(refit=data.refit)
        module.load_state_dict(torch.load(checkpoint, weights_only=True, map_location="cpu")["state_dict"])
    scored = {}
    if not data.refit:
        trainer.validate(module, data, verbose=False)
        scored["validation"] = ScoredSplit(data.splits["validation"]["text"][:], module.predictions, module.scores)
    if test:
        trainer.test(module, data, verbose=False)
        scored["test"] = ScoredSplit(data.splits["test"]["text"][:], module.predictions, module.scores)
    return scored


def _write(
    run: RunFolder,
    record: dict[str, Any],
    scored: dict[str, ScoredSplit],
    module: TextClassificationModule,
    data: TextDataModule,
    logger: Logger,
) -> None:
    """Everything that a finished run leaves; metrics.json comes last and says that it is finished."""
    save_bundle(
        run.model,
        network=module.network,
        settings=module.network_settings,
        max_length=data.cut["max_length"],
        truncate=data.cut["truncate"],
        tokenizer_json=module.hparams["tokenizer_json"],
        labels=data.labels,
    )
    last, split = list(scored.items())[-1]
    write_report(run.path, record, last, split.texts, split.predictions)
    if isinstance(logger, TensorBoardLogger):
        for name, split in scored.items():
            dashboards.show_predictions(logger, name, split.scores, split.texts, split.predictions, record["steps"])
        dashboards.finish(logger, record, module.network, data.tokenizer, data.encoded["train"])
        logger.finalize("success")
    write_json(run.path / "metrics.json", record)


def prepare_process(seed: int, threads: int | None) -> None:
    """Seeds, threads, and silence of what other libraries say at every start."""
    whole("seed", seed, minimum=0)
    if threads is not None:
        whole("threads", threads, minimum=1)
        torch.set_num_threads(threads)
    # Adam's averages of words not seen for some hundred steps sink below 1e-38, and a step over an embedding full of
    # such numbers takes twenty times as long. Threads take the setting from the one that starts them: it comes first.
    torch.set_flush_denormal(True)
    pl.seed_everything(seed, verbose=False)
    for library in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(library).setLevel(logging.WARNING)
    datasets.disable_progress_bars()
    # Lightning's own (its issue 21326, in 2.6.6 still), raised once per fit and of no use to anyone here.
    warnings.filterwarnings("ignore", message=".*treespec, LeafSpec.*", category=FutureWarning)
    # On the login node of a cluster a run is meant to train there; within a job Lightning does not say this.
    warnings.filterwarnings("ignore", message="The `srun` command is available on your system but is not used")
    # A resumed run goes on in its own folder.
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")


def quiet_trainer(accelerator: str) -> pl.Trainer:
    """A trainer that only scores: no logger, no checkpoints."""
    try:
        return pl.Trainer(
            accelerator=accelerator,
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
    except (ValueError, MisconfigurationException) as error:
        raise InputError(f"accelerator: {error}") from error


def _check_refit(config: dict[str, Any]) -> None:
    if not config["data"]["refit"]:
        return
    if config["optimizer"]["schedule"] == "plateau":
        raise InputError(
            "optimizer.schedule=plateau lowers the rate by the validation loss, and data.refit=true has no validation. "
            "Give optimizer.schedule=one_cycle or constant."
        )
    if not config["test"]:
        raise InputError("data.refit=true has no validation: with test=false nothing is left to score. Leave it out.")


def _refuse_finished(run: RunFolder, record: dict[str, Any], config: dict[str, Any]) -> None:
    epochs, recorded = config["trainer"]["max_epochs"], record["config"]["trainer"]["max_epochs"]
    if epochs <= recorded:
        raise InputError(
            f"resume: {run.path} is finished, after {len(record['history'])} of at most {recorded} epochs; "
            f"there is nothing left to do. With a constant or plateau schedule, "
            f"trainer.max_epochs above {recorded} goes on."
        )


def _overrides(run: RunFolder, hydra: HydraConf) -> list[str]:
    """The overrides that the run was started with, also when it is resumed."""
    recorded = run.path / ".hydra" / "overrides.yaml"
    return list(OmegaConf.load(recorded) if recorded.is_file() else hydra.overrides.task)


def _logger(settings: dict[str, Any], run: RunFolder, name: str) -> Logger:
    """The logger; a single run's events are named by its overrides, a sweep's by the folder of the job."""
    return _made("logger", settings, save_dir=run.path, version=name)


def _made(key: str, settings: dict[str, Any], **arguments: Any) -> Any:
    """The object that `settings` describe, or one error that names their key."""
    try:
        return instantiate(settings, **arguments)
    except InstantiationException as error:
        cause = error.__cause__ or error
        raise cause if isinstance(cause, InputError) else InputError(f"{key}: {cause}") from error


def _trainer(config: dict[str, Any], run: RunFolder, logger: Logger, recording: list[pl.Callback]) -> pl.Trainer:
    whole("trainer.max_epochs", config["trainer"]["max_epochs"], minimum=1)
    whole("trainer.accumulate_grad_batches", config["trainer"]["accumulate_grad_batches"], minimum=1)
    kept: dict[str, Any] = {
        "dirpath": run.checkpoints,
        "save_on_train_epoch_end": True,
        "enable_version_counter": False,
    }
    refit = config["data"]["refit"]
    callbacks = [_made(f"callbacks.{name}", settings) for name, settings in config["callbacks"].items()]
    if refit:
        callbacks = [callback for callback in callbacks if not isinstance(callback, EarlyStopping)]
    best = [] if refit else [ModelCheckpoint(filename="best", monitor="val/loss", **kept)]
    terminal = sys.stderr.isatty()
    try:
        trainer = pl.Trainer(
            **config["trainer"] | ({"limit_val_batches": 0} if refit else {}),
            logger=logger,
            callbacks=[
                *callbacks,
                *([ProgressBar()] if terminal else []),
                RandomState(config["seed"]),
                SameRun(),
                *recording,
                *best,
                ModelCheckpoint(filename="last", **kept),
            ],
            enable_progress_bar=terminal,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,  # BucketSampler divides the batches
        )
    except (TypeError, ValueError, RuntimeError, MisconfigurationException) as error:  # RuntimeError: srun's options
        raise InputError(f"trainer: {error}") from error
    check_strategy(trainer, config["trainer"].get("strategy", "auto"))
    if "bf16" in str(trainer.precision) and trainer.strategy.root_device.type == "cpu":
        try:
            with torch.autocast("cpu", torch.bfloat16):
                torch.nn.LSTM(1, 1)(torch.zeros(1, 1, 1))[0].sum().backward()
        except RuntimeError as error:
            raise InputError(
                f"trainer.precision={trainer.precision}: this CPU cannot compute an LSTM in bf16 (it needs AVX512-BF16 "
                f"or AMX). Take trainer.precision=32-true, or a GPU."
            ) from error
    if trainer.fast_dev_run or not (refit or trainer.limit_val_batches):  # type: ignore[attr-defined]
        raise InputError("trainer: a run chooses its best epoch on validation; for a quick look use experiment=smoke.")
    return trainer


def _take_fastest_threads(data: TextDataModule, module: TextClassificationModule, level: int) -> None:
    batch, copied = next(iter(data.train_dataloader())), copy.deepcopy(module)
    optimizer = torch.optim.AdamW([p for p in copied.parameters() if p.requires_grad], fused=True)

    def step() -> None:
        optimizer.zero_grad()
        copied.loss(copied(batch.tokens_BT, batch.lengths_B), batch.labels_B).backward()
        optimizer.step()

    shape = [data.batch_size, data.facts["splits"]["train"]["mean_length"], module.network_settings]
    count, milliseconds = choose_threads(step, shape, CACHE)
    torch.set_num_threads(count)
    tried = ", ".join(f"{of:.1f} ms with {threads}" for threads, of in milliseconds.items())
    log.log(level, "CPU threads: %d, the fastest here (a step takes %s); threads=N takes another number.", count, tried)


def _announce(data: TextDataModule, module: TextClassificationModule, level: int) -> None:
    """What is about to be trained, on what."""
    for split, facts in data.facts["splits"].items():
        log.log(
            level,
            "%-10s %6d texts, %5.1f tokens each, longest %d, %.1f%% cut, %.1f%% of tokens unknown",
            *(split, facts["rows"], facts["mean_length"], facts["longest"]),
            *(100 * facts["cut_share"], 100 * facts["unknown_share"]),
        )
    rows = layer_table(module.network, data.cut["pad_to"])
    for name, shape, count in [
        ("layer", "output", "parameters"),
        *rows,
        ("trainable in all", "", trainable(module.network)),
    ]:
        log.log(level, "  %-22s %10s %12s", name, shape, count if isinstance(count, str) else f"{count:,}")


def _fit(
    trainer: pl.Trainer, module: TextClassificationModule, data: TextDataModule, checkpoint: Path | None, run: RunFolder
) -> None:
    try:
        trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    except SystemExit as stop:  # Lightning's answer to SIGTERM and to Ctrl-C
        log.info("Stopped. python src/train.py resume=%s goes on after the last whole epoch.", run.path)
        sys.exit(143 if isinstance(stop, SIGTERMException) else 130)


def _baselines(data: TextDataModule) -> dict[str, Any]:
    held_out = data.held_out if data.refit else None
    linear = baselines.tfidf_logistic_regression(data.splits, held_out)
    return {"majority class": baselines.majority(data.splits), LINEAR: linear}
