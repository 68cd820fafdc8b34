"""Trains one run: checks, data, trainer, fit, scores, record."""

import copy
import logging
import shutil
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities.exceptions import SIGTERMException

from textlstm.cache import one_at_a_time
from textlstm.checks import InputError
from textlstm.data.datamodule import TextDataModule
from textlstm.data.duration import epochs_for
from textlstm.data.reading.checksums import changed_sources
from textlstm.model import baselines
from textlstm.model.calibration import choose_threshold, describe_calibration, fit_temperature
from textlstm.model.metrics import Predictions
from textlstm.model.scores import Baseline, Calibration
from textlstm.places import CACHE
from textlstm.runs import tensorboard
from textlstm.runs.folder import RunFolder, folder_name
from textlstm.runs.record import Pretraining, PretrainingEpoch, Record, ScoredName, read_record
from textlstm.runs.report import (
    LINEAR,
    behind_line,
    print_results,
    seconds_line,
    write_predictions,
)
from textlstm.training.callbacks import Pruner
from textlstm.training.channel import mix_channel
from textlstm.training.distributed import one_end, share_threads
from textlstm.training.module import TextClassificationModule
from textlstm.training.pretraining import pretrain
from textlstm.training.process import prepare_process
from textlstm.training.progress import EpochHistory, announce
from textlstm.training.recording import ScoredSplit, describe_run, record_pruned, write_run
from textlstm.training.settings import RunSettings
from textlstm.training.threads import choose_threads
from textlstm.training.trainer import make_logger, make_trainer
from textlstm.typed import as_typed

log = logging.getLogger(__name__)

LOG_EVERY = 20  # steps between points of the training loss in TensorBoard


def train(
    settings: RunSettings,
    run: RunFolder,
    *,
    overrides: list[str],
    sweeping: bool = False,
    pruners: Sequence[Pruner] = (),
) -> float | None:
    """Trains, scores and records one run.

    Args:
        settings: the configuration, with `run` as its folder if it is resumed.
        run: the folder, which is there.
        overrides: what was typed, for the record and for the run's name in TensorBoard.
        sweeping: whether this is one of a sweep's runs: it says less, and one that was finished
            before with the same configuration and data is not trained again.
        pruners: callbacks that may give the run up.

    Returns:
        Its macro F1 on validation; None if it was given up, or if it is a refit, which has none.

    Raises:
        InputError: a value, data or a device that cannot be used.
    """
    history = EpochHistory()
    score = _score_before(run, settings, sweeping=sweeping)
    if score is not None:
        return score
    prepare_process(settings.seed, settings.threads)
    _check_module(settings)
    taken = _calibrated_run(settings)

    name = "" if sweeping else folder_name(",".join(overrides)) or "defaults"
    logger = make_logger(settings.logger, run, name)
    trainer = make_trainer(settings, run, logger, [history, *pruners])
    _check_devices(trainer, settings, sweeping=sweeping)
    checkpoint = None
    if settings.resume and run.last_checkpoint.is_file():
        checkpoint = run.last_checkpoint
    data = _read(settings, trainer, checkpoint)
    module = _module(settings, data)
    if trainer.is_global_zero:
        level = logging.DEBUG if sweeping else logging.INFO
        announce(data.facts["splits"], module.network, settings.data.pad_to, level)
        _announce_duration(settings, trainer, data, level)
        if trainer.world_size == 1 and checkpoint is None and settings.threads is None:
            _take_fastest_threads(trainer, module, data, level)
        if isinstance(logger, TensorBoardLogger):
            config = settings.plain()
            config["data"]["batch_size"] = data.batch_size
            config["trainer"]["max_epochs"] = trainer.max_epochs
            tensorboard.begin(logger, config, overrides)
    if settings.pretrain is not None and checkpoint is None:
        history.pretraining = _pretrain(settings, trainer, module, data, run, sweeping=sweeping)

    with one_end(trainer, run.path):
        _fit(trainer, module, data, checkpoint, run)
        if any(callback.pruned for callback in pruners):
            record_pruned(run, logger, history, trainer.global_step, overrides)
            return None
        if taken is not None:
            module.temperature = (
                taken["wide"]["lstm_temperature"]
                if settings.wide
                else taken["calibration"]["temperature"]
            )
        scored = _score_kept(trainer, module, data, run, settings)

    if trainer.is_global_zero:
        scores = _baselines(data, run) if settings.test and settings.baselines else {}
        channel, wide, temperature = None, None, module.temperature
        if settings.wide:
            channel, temperature, wide, scored = mix_channel(
                data,
                scored,
                module.temperature,
                calibrate=settings.calibrate,
                settings=scores[LINEAR]["settings"] if LINEAR in scores else None,
                taken=taken,
            )
        record = describe_run(
            run, settings, overrides, scored, scores, history, trainer, module, data
        )
        calibration = _calibration(settings, temperature, scored, taken)
        if calibration is not None:
            record["calibration"] = calibration
        if wide is not None:
            record["wide"] = wide
        write_run(run, record, scored, module, data, logger, channel)
        if sweeping:
            log.info("macro F1 %.4f on validation, epoch %d", record["score"], record["best_epoch"])
        else:
            print_results(record, list(scored)[-1], run.path)
            print(seconds_line(record))
            if behind := behind_line(record):
                print(behind)
    return None if settings.data.refit else scored["validation"].scores["macro_f1"]


def _score_before(run: RunFolder, settings: RunSettings, *, sweeping: bool) -> float | None:
    """The score of a sweep's run that is finished already: the same configuration and data.

    Raises:
        InputError: the run is no sweep's, is finished, and has no epochs left to train.
    """
    finished = run.record()
    if sweeping:
        # Parsed, so that keys which there were not yet have the values of old runs.
        same = finished is not None and _parsed(finished["config"]) == settings.plain()
        if finished is not None and same and not changed_sources(finished["data"]["sources"]):
            log.info(
                "Finished before, with macro F1 %.4f on validation: skipped.", finished["score"]
            )
            return finished["score"]
        shutil.rmtree(run.path / "tensorboard", ignore_errors=True)  # of a run that did not finish
    elif finished is not None:
        resolved = finished.get("resolved")
        recorded = (resolved or finished["config"]["trainer"])["max_epochs"]
        if (settings.trainer["max_epochs"] or recorded) <= recorded:
            raise InputError(
                f"resume: {run.path} is finished, after {len(finished['history'])} of at most "
                f"{recorded} epochs; there is nothing left to do. With a constant or plateau "
                f"schedule, trainer.max_epochs above {recorded} goes on."
            )
    return None


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
            model=settings.model,
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


def _read(settings: RunSettings, trainer: pl.Trainer, checkpoint: Path | None) -> TextDataModule:
    """Reads and tokenizes the data, by one process after the other, and sets the run's duration.

    A resumed run takes the tokenizer of its checkpoint and, where the config leaves them open, the
    batch size and the epochs.
    """
    tokenizer_json, begun_with = None, dict[str, Any]()
    if checkpoint is not None:
        saved = torch.load(checkpoint, weights_only=True, map_location="cpu")
        tokenizer_json = saved["hyper_parameters"]["tokenizer_json"]
        begun_with = saved[TextDataModule.__qualname__]
    data = TextDataModule(
        settings.data, cache=CACHE, seed=settings.seed, tokenizer_json=tokenizer_json
    )
    several = trainer.world_size > 1
    if several:
        share_threads(trainer, settings.threads)
    with one_at_a_time(CACHE) if several else nullcontext():
        data.setup()

    # The rule of a newer version may differ: a run that is under way keeps its numbers.
    if settings.data.batch_size is None:
        data.batch_size = begun_with.get("batch_size", data.batch_size)
    epochs = settings.trainer["max_epochs"] or begun_with.get("max_epochs")
    trainer.fit_loop.max_epochs = epochs or epochs_for(_steps_per_epoch(trainer, data))
    return data


def _steps_per_epoch(trainer: pl.Trainer, data: TextDataModule) -> int:
    """Counts the optimizer's steps, each of which may take the gradients of several batches."""
    return -(-data.steps_per_epoch() // trainer.accumulate_grad_batches)


def _announce_duration(
    settings: RunSettings, trainer: pl.Trainer, data: TextDataModule, level: int
) -> None:
    """Logs the batch size and the epochs if one of them follows from the rows."""
    given = {
        "data.batch_size": settings.data.batch_size,
        "trainer.max_epochs": settings.trainer["max_epochs"],
    }
    derived = [key for key, value in given.items() if value is None]
    if not derived:
        return
    others = "take other numbers" if len(derived) > 1 else "takes another number"
    log.log(
        level,
        "%s training texts: batches of %d, %d epochs of %d steps; %s %s.",
        f"{data.facts['splits']['train']['rows']:,}",
        data.batch_size,
        trainer.max_epochs,
        _steps_per_epoch(trainer, data),
        " and ".join(derived),
        others,
    )


def _module(settings: RunSettings, data: TextDataModule) -> TextClassificationModule:
    return TextClassificationModule(
        model=settings.model,
        optimizer=settings.optimizer,
        labels=data.class_names,
        tokenizer_json=data.tokenizer.to_str(),
        vocab_size=data.tokenizer.get_vocab_size(),
        class_weights=data.class_weights,
    )


def _take_fastest_threads(
    trainer: pl.Trainer, module: TextClassificationModule, data: TextDataModule, level: int
) -> None:
    if trainer.strategy.root_device.type != "cpu":
        return
    batch, copied = next(iter(data.train_dataloader())), copy.deepcopy(module)
    trained = [parameter for parameter in copied.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        copied.loss(copied(batch.tokens_BT, batch.lengths_B), batch.labels_B).backward()
        optimizer.step()

    mean_length = data.facts["splits"]["train"]["mean_length"]
    shape = [data.batch_size, mean_length, module.network.plain_values()]
    count, milliseconds = choose_threads(step, shape, CACHE)
    torch.set_num_threads(count)
    tried = ", ".join(f"{time:.1f} ms with {threads}" for threads, time in milliseconds.items())
    log.log(
        level,
        "CPU threads: %d, the fastest here (a step takes %s); threads=N takes another number.",
        count,
        tried,
    )


def _pretrain(
    settings: RunSettings,
    trainer: pl.Trainer,
    module: TextClassificationModule,
    data: TextDataModule,
    run: RunFolder,
    *,
    sweeping: bool,
) -> Pretraining:
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
            cache=CACHE,
            report=report,
            level=logging.DEBUG if quiet else logging.INFO,
        )
    except SystemExit as stop:  # Lightning's answer to SIGTERM and to Ctrl-C
        log.info(
            "Stopped. %s resume=%s goes on after the last whole epoch of the language model.",
            as_typed("train"),
            run.path,
        )
        sys.exit(143 if isinstance(stop, SIGTERMException) else 130)


def _fit(
    trainer: pl.Trainer,
    module: TextClassificationModule,
    data: TextDataModule,
    checkpoint: Path | None,
    run: RunFolder,
) -> None:
    trainer.log_every_n_steps = min(LOG_EVERY, data.steps_per_epoch())  # type: ignore[attr-defined]
    try:
        trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    except SystemExit as stop:  # Lightning's answer to SIGTERM and to Ctrl-C
        log.info(
            "Stopped. %s resume=%s goes on after the last whole epoch.", as_typed("train"), run.path
        )
        sys.exit(143 if isinstance(stop, SIGTERMException) else 130)


def _score_kept(
    trainer: pl.Trainer,
    module: TextClassificationModule,
    data: TextDataModule,
    run: RunFolder,
    settings: RunSettings,
) -> dict[ScoredName, ScoredSplit]:
    """Loads the kept epoch's weights into `module`, and scores and calibrates it.

    It is scored on validation, which a refit has none of and which chooses the temperature, and, if
    asked for, on test.
    """
    # Not validate(ckpt_path=…): that would set the callbacks back to the best epoch, the history
    # among them. Lightning gives the weights of rank 0 to the others.
    refit = settings.data.refit
    if trainer.is_global_zero:
        saved = torch.load(run.kept_checkpoint(refit=refit), weights_only=True, map_location="cpu")
        module.load_state_dict(saved["state_dict"])
    scored: dict[ScoredName, ScoredSplit] = {}
    if not refit:
        trainer.validate(module, data, verbose=False)
        if settings.calibrate:
            module.calibrate(fit_temperature(module.predictions))
        scored["validation"] = _scored("validation", module, data)
    if settings.test:
        trainer.test(module, data, verbose=False)
        scored["test"] = _scored("test", module, data)
    return scored


def _scored(split: str, module: TextClassificationModule, data: TextDataModule) -> ScoredSplit:
    return ScoredSplit(data.splits[split]["text"][:], module.predictions, module.scores)


def _calibrated_run(settings: RunSettings) -> Record | None:
    """Reads the record of the run that a refit takes its calibration and mixture from."""
    if settings.calibration_from is None:
        return None
    record = read_record(Path(settings.calibration_from).expanduser())
    if "calibration" not in record:
        raise InputError(
            f"calibration_from: {settings.calibration_from} was not calibrated. Give a run "
            f"that was trained with calibrate=true and data.refit=false."
        )
    if ("wide" in record) != settings.wide:
        had = str("wide" in record).lower()
        raise InputError(
            f"calibration_from: {settings.calibration_from} was trained with wide={had}; give the "
            f"same here."
        )
    return record


def _calibration(
    settings: RunSettings,
    temperature: float,
    scored: dict[ScoredName, ScoredSplit],
    taken: Record | None,
) -> Calibration | None:
    """Chooses the threshold on validation, or takes it, and says what comes of it."""
    predictions: dict[str, Predictions] = {
        name: split.predictions for name, split in scored.items()
    }
    if taken is not None:
        chosen_on = f"validation of the run {settings.calibration_from}"
        return describe_calibration(
            temperature, taken["calibration"]["threshold"], chosen_on, predictions
        )
    if not settings.calibrate or settings.data.refit:
        return None
    threshold = choose_threshold(predictions["validation"])
    return describe_calibration(temperature, threshold, "validation", predictions)


def _baselines(data: TextDataModule, run: RunFolder) -> dict[str, Baseline]:
    """Test scores of what the network has to beat; the linear model's predictions are written."""
    held_out = data.held_out if data.settings.refit else None
    texts = data.splits["test"]["text"][:]

    def keep(predictions: Predictions) -> None:
        write_predictions(run.baseline_predictions, data.class_names, texts, predictions)

    linear = baselines.tfidf_logistic_regression(data.splits, held_out, keep=keep)
    return {"majority class": baselines.majority(data.splits), LINEAR: linear}
