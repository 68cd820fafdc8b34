"""Trains one run: checks, data, trainer, fit, scores, record."""

import logging
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger

from textlstm.cache import one_at_a_time
from textlstm.checks import InputError
from textlstm.data.datamodule import TextDataModule
from textlstm.data.reading.checksums import changed_sources, check_there
from textlstm.data.tokenizer import load_tokenizer
from textlstm.places import CACHE
from textlstm.runs.charts import run_name
from textlstm.runs.checkpoint_schema import strange_states_refused
from textlstm.runs.folder import RunFolder
from textlstm.runs.record import (
    Pretraining,
    PretrainingEpoch,
    Record,
    ScoredName,
    has_failed,
)
from textlstm.runs.results import print_results, seconds_line
from textlstm.signals import Stopped, held
from textlstm.tracking.loggers import begin_logging, ended, make_logger
from textlstm.training.callbacks import Pruner
from textlstm.training.checkpoints import read_checkpoint
from textlstm.training.distributed import one_end, share_threads
from textlstm.training.length import batches_per_epoch, epochs_of
from textlstm.training.module import TextClassificationModule
from textlstm.training.pretraining import pretrain
from textlstm.training.process import prepare_process
from textlstm.training.progress import EpochHistory, announce, announce_duration
from textlstm.training.recording import describe_run, record_pruned, resolved_config, write_run
from textlstm.training.resuming import (
    check_goes_on,
    check_resumed,
    checkpoint_of_trial,
    checkpoint_to_resume,
    goes_on_from,
    model_settings_of,
)
from textlstm.training.scoring import calibrated_run, check_calibrated_run, score_kept, score_whole
from textlstm.training.settings import RunSettings
from textlstm.training.stopping import early_end, going_on
from textlstm.training.threads import take_fastest_threads
from textlstm.training.trainer import check_watched, make_trainer
from textlstm.typed import as_typed

log = logging.getLogger(__name__)


def train(
    settings: RunSettings,
    run: RunFolder,
    *,
    overrides: list[str],
    sweeping: bool = False,
    pruners: Sequence[Pruner] = (),
    report: bool = True,
    cache: Path | None = None,
) -> float | None:
    """Trains, scores and records one run.

    Args:
        settings: the configuration, with `run` as its folder if it is resumed.
        run: the folder, which is there.
        overrides: what was typed, for the record and for the run's name in TensorBoard.
        sweeping: whether this is one of a sweep's runs: it says less, and one that was finished
            before with the same configuration and data is not trained again.
        pruners: callbacks that may give the run up.
        report: whether a report with pictures and predictions is written beside the model.
        cache: the folder that keeps rows, tokenizers and the like; None takes that of the project.

    Returns:
        Its macro F1 on validation; None if it was given up, or if it is a refit, which has none.

    Raises:
        InputError: a value, data or a device that cannot be used.
    """
    history, cache = EpochHistory(), cache or CACHE
    score = _score_before(run, settings, sweeping=sweeping)
    if score is not None:
        return score
    prepare_process(settings.seed, settings.threads)
    _check_module(settings)
    taken = calibrated_run(settings)

    name = "" if sweeping else run_name(run.path, overrides)
    logger = make_logger(settings.logger, run, name)
    with ended(logger):
        return _trained(
            settings,
            run,
            logger,
            history,
            pruners,
            taken,
            overrides,
            cache,
            sweeping=sweeping,
            report=report,
        )


def _trained(
    settings: RunSettings,
    run: RunFolder,
    logger: Logger,
    history: EpochHistory,
    pruners: Sequence[Pruner],
    taken: Record | None,
    overrides: list[str],
    cache: Path,
    *,
    sweeping: bool,
    report: bool,
) -> float | None:
    """Trains a run whose settings and logger are good: data, fit, scores, record."""
    trainer = make_trainer(settings, run, logger, [history, *pruners])
    _check_devices(trainer, settings, sweeping=sweeping)
    checkpoint = _checkpoint(settings, run, sweeping=sweeping)
    data = _read(settings, trainer, checkpoint, cache)
    check_watched(trainer, data)
    check_calibrated_run(settings, taken, data)
    module = _module(settings, data, checkpoint)
    check_resumed(checkpoint, module)
    if trainer.is_global_zero:
        _announce(settings, trainer, module, data, checkpoint, cache, sweeping=sweeping)
        config = resolved_config(settings, trainer, module, data)
        _begin_logging(settings, run, logger, config, overrides, checkpoint, sweeping)
    if settings.pretrain is not None and checkpoint is None:
        history.pretraining = _pretrain(
            settings, trainer, module, data, run, cache, sweeping=sweeping
        )

    with one_end(trainer, run.path):
        _fit(trainer, module, data, checkpoint, run)
        if any(callback.pruned for callback in pruners):
            record_pruned(run, logger, history, trainer.global_step, overrides)
            return None
        _look_at_end(trainer, history, run.kept_checkpoint(refit=settings.data.refit), sweeping)
        scored = score_kept(trainer, module, data, run, settings, taken)

    if trainer.is_global_zero:
        whole = score_whole(scored, module, data, run, settings, taken)
        record = describe_run(run, settings, overrides, whole, history, trainer, module, data)
        write_run(run, record, whole, module, data, logger, trial=sweeping, report=report)
        _say_results(record, run, last=list(scored)[-1], sweeping=sweeping)
        scored = whole.splits
    return None if settings.data.refit else scored["validation"].scores["macro_f1"]


def _checkpoint(settings: RunSettings, run: RunFolder, *, sweeping: bool) -> Path | None:
    """Finds the checkpoint that the run goes on from; None if it starts from the beginning."""
    if sweeping:
        return checkpoint_of_trial(run, settings)
    return checkpoint_to_resume(run, refit=settings.data.refit) if settings.resume else None


def _announce(
    settings: RunSettings,
    trainer: pl.Trainer,
    module: TextClassificationModule,
    data: TextDataModule,
    checkpoint: Path | None,
    cache: Path,
    *,
    sweeping: bool,
) -> None:
    """Logs what is trained, and for how long, and chooses the threads of a run that is new."""
    level = logging.DEBUG if sweeping else logging.INFO
    announce(data.facts["splits"], module.network, settings.data.pad_to, level)
    announce_duration(settings, trainer, module, data, level)
    if trainer.world_size == 1 and checkpoint is None and settings.threads is None:
        take_fastest_threads(trainer, module, data, cache, level)


def _say_results(record: Record, run: RunFolder, *, last: ScoredName, sweeping: bool) -> None:
    """Shows what came of the run: a line in a sweep, else the scores on the split scored last."""
    if sweeping:
        log.info("macro F1 %.4f on validation, epoch %d", record["score"], record["best_epoch"])
        return
    print_results(record, last, run.path)
    print(seconds_line(record))


def _score_before(run: RunFolder, settings: RunSettings, *, sweeping: bool) -> float | None:
    """The score of a sweep's run that is finished already: the same configuration and data.

    Raises:
        InputError: the run is no sweep's, is finished, and has no epochs left to train.
    """
    finished = run.record()
    if sweeping:
        if finished is not None and is_result_of(finished, settings):
            shutil.rmtree(run.checkpoints, ignore_errors=True)  # a kill after the record left them
            log.info(
                "Finished before, with macro F1 %.4f on validation: skipped.", finished["score"]
            )
            return finished["score"]
    elif finished is not None:
        check_goes_on(run, finished, settings.trainer["max_epochs"])
    return None


def is_result_of(record: Record, settings: RunSettings) -> bool:
    """Tells whether a finished run has trained this configuration on what its files hold now."""
    # Parsed, so that keys which there were not yet have the values of old runs.
    same = _parsed(record["config"]) == settings.plain() and not has_failed(record)
    return same and not changed_sources(record["data"]["sources"])


def _parsed(config: dict[str, Any]) -> dict[str, Any] | None:
    """A recorded configuration with all keys of today; None if it is none of today's."""
    try:
        return RunSettings.parse(config).plain()
    except InputError:
        return None


def _check_module(settings: RunSettings) -> None:
    """Refuses a network or optimizer that cannot be made, before any data are read."""
    with torch.device("meta"):  # computes nothing
        TextClassificationModule(
            model=settings.model.for_texts(1, lambda: 0),
            optimizer=settings.optimizer,
            labels=["a", "b"],
            tokenizer_json="",
            vocab_size=2,
        )


def _check_devices(trainer: pl.Trainer, settings: RunSettings, *, sweeping: bool) -> None:
    several = trainer.world_size > 1
    if several and sweeping:
        raise InputError("Each trial of a sweep trains on one device: trainer.devices=1.")
    if several and settings.data.streaming:
        raise InputError(
            "data.streaming=true is read by one process: trainer.devices=1, or "
            "data.streaming=false."
        )


def _read(
    settings: RunSettings, trainer: pl.Trainer, checkpoint: Path | None, cache: Path
) -> TextDataModule:
    """Reads and tokenizes the data, by one process after the other, and sets the run's duration.

    A resumed run takes the tokenizer of its checkpoint and, where the config leaves them open, the
    batch size and the epochs.
    """
    tokenizer_json, begun_with = None, dict[str, Any]()
    if checkpoint is not None:
        with strange_states_refused(checkpoint):
            saved = read_checkpoint(checkpoint)
            tokenizer_json = saved["hyper_parameters"]["tokenizer_json"]
            load_tokenizer(tokenizer_json)
            begun_with = saved[TextDataModule.__qualname__]
            paths = {split: getattr(settings.data, split) for split in begun_with["sources"]}
        check_there(paths, str(settings.resume))
    data = TextDataModule(
        settings.data,
        cache=cache,
        seed=settings.seed,
        tokenizer_json=tokenizer_json,
        tested=settings.test,
    )
    several = trainer.world_size > 1
    if several:
        share_threads(trainer, settings.threads)
    with one_at_a_time(cache) if several else nullcontext():
        data.setup()

    # The rule of a newer version may differ: a run that is under way keeps its numbers.
    if settings.data.batch_size is None:
        data.batch_size = begun_with.get("batch_size", data.batch_size)
    epochs = settings.trainer["max_epochs"] or begun_with.get("max_epochs")
    trainer.fit_loop.max_epochs = epochs_of(trainer, data, epochs)
    return data


def _begin_logging(
    settings: RunSettings,
    run: RunFolder,
    logger: Logger,
    config: dict[str, Any],
    overrides: list[str],
    checkpoint: Path | None,
    sweeping: bool,
) -> None:
    """Shows the configuration in the logger, whose run may have begun before."""
    step = None if checkpoint is None else read_checkpoint(checkpoint, mmap=True)["global_step"]
    resumed = bool(settings.resume) or checkpoint is not None
    begin_logging(logger, config, run, overrides, resumed=resumed, step=step, sweeping=sweeping)


def _module(
    settings: RunSettings, data: TextDataModule, checkpoint: Path | None
) -> TextClassificationModule:
    return TextClassificationModule(
        model=model_settings_of(settings, data, checkpoint),
        optimizer=settings.optimizer,
        labels=data.class_names,
        tokenizer_json=data.tokenizer.to_str(),
        vocab_size=data.tokenizer.get_vocab_size(),
        ensemble=settings.ensemble,
        class_weights=data.class_weights,
        affixes_KV=data.affixes_KV,
    )


def _pretrain(
    settings: RunSettings,
    trainer: pl.Trainer,
    module: TextClassificationModule,
    data: TextDataModule,
    run: RunFolder,
    cache: Path,
    *,
    sweeping: bool,
) -> Pretraining | None:
    """Starts the network from a language model; its perplexity goes to the run's logger."""
    assert settings.pretrain is not None

    def report(epoch: PretrainingEpoch) -> None:
        if trainer.logger is not None and trainer.is_global_zero:
            perplexities = {
                "pretrain/perplexity": epoch["perplexity"],
                "pretrain/train_perplexity": epoch["train_perplexity"],
            }
            trainer.logger.log_metrics(perplexities, epoch["epoch"])

    quiet = sweeping or not trainer.is_global_zero
    try:
        return pretrain(
            module.network,
            data.language_texts(),
            settings.pretrain,
            cut=data.settings,
            device=trainer.strategy.root_device,
            cache=cache,
            report=report,
            interval=settings.checkpoint_interval,
            level=logging.DEBUG if quiet else logging.INFO,
        )
    except Stopped as stop:
        log.info(
            "%s %s resume=%s goes on with the language model, which is saved in the cache.",
            stop,
            as_typed("train"),
            run.path,
        )
        stop.told = True
        raise


def _fit(
    trainer: pl.Trainer,
    module: TextClassificationModule,
    data: TextDataModule,
    checkpoint: Path | None,
    run: RunFolder,
) -> None:
    every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
    trainer.log_every_n_steps = min(every, batches_per_epoch(trainer, data))  # type: ignore[attr-defined]
    try:
        with held(), goes_on_from(checkpoint, module):
            trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    except Stopped as stop:
        if trainer.is_global_zero:  # another process does not know the folder
            log.info("%s %s", stop, going_on(run))
        stop.told = True
        raise


def _look_at_end(trainer: pl.Trainer, history: EpochHistory, kept: Path, sweeping: bool) -> None:
    """Logs that training ended early, if it did.

    Raises:
        InputError: it ended before there was an epoch to keep.
    """
    if not trainer.is_global_zero:  # another process does not know the folder
        return
    if not kept.is_file():
        raise InputError(
            "trainer: training ended before there was an epoch to keep. Give trainer.max_time more "
            "time."
        )
    if said := early_end(trainer, len(history.epochs)):
        log.log(logging.DEBUG if sweeping else logging.INFO, "%s", said)
