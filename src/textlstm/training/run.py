"""One run from config to run folder: checks, data, trainer, fit, scores, record."""

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
from textlstm.checks import InputError, flag
from textlstm.data.datamodule import TextDataModule
from textlstm.data.sources import changed
from textlstm.model import baselines
from textlstm.places import CACHE
from textlstm.runs import tensorboard as dashboards
from textlstm.runs.folder import RunFolder, folder_name
from textlstm.runs.report import LINEAR, print_results, seconds_line
from textlstm.training.callbacks import Pruner
from textlstm.training.distributed import one_end, share_threads
from textlstm.training.module import TextClassificationModule
from textlstm.training.process import prepare_process
from textlstm.training.progress import EpochHistory, announce
from textlstm.training.recording import ScoredSplit, describe_run, record_pruned, write_run
from textlstm.training.threads import choose_threads
from textlstm.training.trainer import make_logger, make_trainer
from textlstm.typed import as_typed

log = logging.getLogger(__name__)

LOG_EVERY = 20  # steps between points of the training loss in TensorBoard


def train(
    config: dict[str, Any],
    run: RunFolder,
    *,
    overrides: list[str],
    sweeping: bool = False,
    pruners: Sequence[Pruner] = (),
) -> float | None:
    """Trains, scores and records one run.

    Args:
        config: the configuration, with `run` as its folder if it is resumed.
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
    score = _score_before(run, config, sweeping=sweeping)
    if score is not None:
        return score
    prepare_process(config["seed"], config["threads"])
    _check(config)

    logger = make_logger(
        config["logger"], run, "" if sweeping else folder_name(",".join(overrides)) or "defaults"
    )
    trainer = make_trainer(config, run, logger, [history, *pruners])
    _check_devices(trainer, config, sweeping=sweeping)
    checkpoint = run.last_checkpoint if config["resume"] and run.last_checkpoint.is_file() else None
    data = _read(config, trainer, checkpoint)
    module = _module(config, data)
    if trainer.is_global_zero:
        level = logging.DEBUG if sweeping else logging.INFO
        announce(data.facts["splits"], module.network, data.cut["pad_to"], level)
        if trainer.world_size == 1 and checkpoint is None and config["threads"] is None:
            _take_fastest_threads(trainer, module, data, level)
        if isinstance(logger, TensorBoardLogger):
            dashboards.begin(logger, config, overrides)

    with one_end(trainer, run.path):
        _fit(trainer, module, data, checkpoint, run)
        if any(callback.pruned for callback in pruners):
            record_pruned(run, logger, history, trainer.global_step, overrides)
            return None
        scored = _score_kept(trainer, module, data, run, test=config["test"])
    if trainer.is_global_zero:
        linear = _baselines(data) if config["test"] and config["baselines"] else {}
        record = describe_run(
            run, config, overrides, scored, linear, history, trainer, module, data
        )
        write_run(run, record, scored, module, data, logger)
        if sweeping:
            log.info("macro F1 %.4f on validation, epoch %d", record["score"], record["best_epoch"])
        else:
            print_results(record, list(scored)[-1], run.path)
            print(seconds_line(record))
    return None if data.refit else scored["validation"].scores["macro_f1"]


def _score_before(run: RunFolder, config: dict[str, Any], *, sweeping: bool) -> float | None:
    """The score of a sweep's job that is there already: the same config, on the same data.

    Raises:
        InputError: the run is no sweep's, is finished, and has no epochs left to train.
    """
    finished = run.record()
    if sweeping:
        if (
            finished is not None
            and finished["config"] == config
            and not changed(finished["data"]["sources"])
        ):
            log.info(
                "Finished before, with macro F1 %.4f on validation: skipped.", finished["score"]
            )
            return finished["score"]
        shutil.rmtree(
            run.path / "tensorboard", ignore_errors=True
        )  # events of a job that did not finish
    elif finished is not None:
        epochs, recorded = (
            config["trainer"]["max_epochs"],
            finished["config"]["trainer"]["max_epochs"],
        )
        if epochs <= recorded:
            raise InputError(
                f"resume: {run.path} is finished, after {len(finished['history'])} of at most "
                f"{recorded} epochs; "
                f"there is nothing left to do. With a constant or plateau schedule, "
                f"trainer.max_epochs above {recorded} goes on."
            )
    return None


def _check(config: dict[str, Any]) -> None:
    """Refuses values before any data are read; those of the trainer and of the data do so where
    they are made.
    """
    flag("test", config["test"])
    flag("baselines", config["baselines"])
    with torch.device("meta"):  # computes nothing
        TextClassificationModule(
            model=config["model"],
            optimizer=config["optimizer"],
            labels=["a", "b"],
            tokenizer_json="",
            vocab_size=2,
        )
    _check_refit(config)


def _check_refit(config: dict[str, Any]) -> None:
    if not config["data"]["refit"]:
        return
    if config["optimizer"]["schedule"] == "plateau":
        raise InputError(
            "optimizer.schedule=plateau lowers the rate by the validation loss, and "
            "data.refit=true has no validation. "
            "Give optimizer.schedule=one_cycle or constant."
        )
    if not config["test"]:
        raise InputError(
            "data.refit=true has no validation: with test=false nothing is left to score. Leave it "
            "out."
        )


def _check_devices(trainer: pl.Trainer, config: dict[str, Any], *, sweeping: bool) -> None:
    several = trainer.world_size > 1
    if several and sweeping:
        raise InputError("Each trial of a sweep trains on one device: trainer.devices=1.")
    if several and config["data"]["streaming"]:
        raise InputError(
            "data.streaming=true is read by one process: trainer.devices=1, or "
            "data.streaming=false."
        )


def _read(config: dict[str, Any], trainer: pl.Trainer, checkpoint: Path | None) -> TextDataModule:
    """The data, read and tokenized: by one process after the other, and on resuming with the
    tokenizer of before.
    """
    recorded = (
        None
        if checkpoint is None
        else torch.load(checkpoint, weights_only=True, map_location="cpu")
    )
    tokenizer_json = None if recorded is None else recorded["hyper_parameters"]["tokenizer_json"]
    data = TextDataModule(
        **config["data"], seed=config["seed"], cache=CACHE, tokenizer_json=tokenizer_json
    )
    several = trainer.world_size > 1
    if several:
        share_threads(trainer, config["threads"])
    with one_at_a_time(CACHE) if several else nullcontext():
        data.setup()
    return data


def _module(config: dict[str, Any], data: TextDataModule) -> TextClassificationModule:
    return TextClassificationModule(
        model=config["model"],
        optimizer=config["optimizer"],
        labels=data.labels,
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
    optimizer = torch.optim.AdamW([p for p in copied.parameters() if p.requires_grad], fused=True)

    def step() -> None:
        optimizer.zero_grad()
        copied.loss(copied(batch.tokens_BT, batch.lengths_B), batch.labels_B).backward()
        optimizer.step()

    shape = [data.batch_size, data.facts["splits"]["train"]["mean_length"], module.network_settings]
    count, milliseconds = choose_threads(step, shape, CACHE)
    torch.set_num_threads(count)
    tried = ", ".join(f"{of:.1f} ms with {threads}" for threads, of in milliseconds.items())
    log.log(
        level,
        "CPU threads: %d, the fastest here (a step takes %s); threads=N takes another number.",
        count,
        tried,
    )


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
    *,
    test: bool,
) -> dict[str, ScoredSplit]:
    """The kept epoch's weights, loaded into `module`, on validation (a refit has none) and, if
    asked for, on test.
    """
    # Not validate(ckpt_path=…): that would set the callbacks back to the best epoch, the history
    # among them. Lightning gives the weights of rank 0 to the others.
    if trainer.is_global_zero:
        checkpoint = run.kept_checkpoint(refit=data.refit)
        module.load_state_dict(
            torch.load(checkpoint, weights_only=True, map_location="cpu")["state_dict"]
        )
    scored = {}
    if not data.refit:
        trainer.validate(module, data, verbose=False)
        scored["validation"] = ScoredSplit(
            data.splits["validation"]["text"][:], module.predictions, module.scores
        )
    if test:
        trainer.test(module, data, verbose=False)
        scored["test"] = ScoredSplit(
            data.splits["test"]["text"][:], module.predictions, module.scores
        )
    return scored


def _baselines(data: TextDataModule) -> dict[str, Any]:
    """Test scores of what the network has to beat."""
    held_out = data.held_out if data.refit else None
    linear = baselines.tfidf_logistic_regression(data.splits, held_out)
    return {"majority class": baselines.majority(data.splits), LINEAR: linear}
