"""Scores a trained run: validation, then test, beside the baselines; calibrated and mixed."""

import logging
from pathlib import Path

import pytorch_lightning as pl

from textlstm.checks import InputError
from textlstm.data.datamodule import TextDataModule
from textlstm.model import baselines
from textlstm.model.calibration import choose_threshold, describe_calibration, fit_temperature
from textlstm.model.metrics import Predictions
from textlstm.model.scores import Baseline, Calibration, Scores
from textlstm.model.significance import intervals_of, paired_test
from textlstm.runs.checkpoint_schema import strange_states_refused
from textlstm.runs.folder import RunFolder
from textlstm.runs.predictions import write_predictions
from textlstm.runs.record import Record, ScoredName, read_record
from textlstm.runs.results import LINEAR
from textlstm.training.channel import has_channel, mix_channel
from textlstm.training.checkpoints import read_checkpoint
from textlstm.training.module import TextClassificationModule, saved_arguments
from textlstm.training.recording import ScoredRun, ScoredSplit
from textlstm.training.settings import RunSettings

log = logging.getLogger(__name__)


def calibrated_run(settings: RunSettings) -> Record | None:
    """Reads the record of the run that a refit takes its calibration and mixture from.

    Raises:
        InputError: it is no run, was not calibrated, or has a wide channel where this has none.
    """
    if settings.calibration_from is None:
        return None
    try:
        record = read_record(Path(settings.calibration_from).expanduser().absolute())
    except InputError as error:
        moved = ""
        if settings.resume is not None:
            new = f"resume={settings.resume} calibration_from=NEW"
            moved = f" If it has moved, {new} goes on with it."
        raise InputError(f"calibration_from: {error}{moved}") from error
    if "calibration" not in record:
        raise InputError(
            f"calibration_from: {settings.calibration_from} was not calibrated. Give a run "
            f"that was trained with calibrate=true and data.refit=false."
        )
    if settings.wide is not None and ("wide" in record) != settings.wide:
        had = str("wide" in record).lower()
        raise InputError(
            f"calibration_from: {settings.calibration_from} was trained with wide={had}; give the "
            f"same here."
        )
    return record


def check_calibrated_run(settings: RunSettings, taken: Record | None, data: TextDataModule) -> None:
    """Looks whether a refit trains on what the run did that it takes its calibration from.

    Args:
        taken: that run's record; None if there is none.

    Raises:
        InputError: the classes are others.
    """
    if taken is None:
        return
    if set(taken["labels"]) != set(data.class_names):
        raise InputError(
            f"calibration_from: {settings.calibration_from} has the classes "
            f"{', '.join(taken['labels'])}, and this run has {', '.join(data.class_names)}. Give "
            f"the run on these data that chose the epochs."
        )
    before, now = (facts["sources"].get("train") for facts in (taken["data"], data.facts))
    if before and now and before["sha256"] != now["sha256"]:
        log.warning(
            "calibration_from: data.train of %s was %s, with another content. Its probabilities "
            "were calibrated for that, and may not fit this run.",
            settings.calibration_from,
            before["path"],
        )


def score_kept(
    trainer: pl.Trainer,
    module: TextClassificationModule,
    data: TextDataModule,
    run: RunFolder,
    settings: RunSettings,
    taken: Record | None,
) -> dict[ScoredName, ScoredSplit]:
    """Loads the kept epoch's weights into `module`, and scores and calibrates it.

    It is scored on validation, which chooses the temperature and which a refit has none of, and, if
    asked for, on test. A refit takes its temperature from the record `taken`, if there is one.
    """
    # Not validate(ckpt_path=…): that would set the callbacks back to the best epoch, the history
    # among them. Lightning gives the weights of rank 0 to the others.
    refit = settings.data.refit
    if trainer.is_global_zero:
        load_weights(module, run.kept_checkpoint(refit=refit))
    if taken is not None:
        mixes = has_channel(settings, data, taken)
        calibrated = taken["wide"]["lstm_temperature"] if mixes else None
        module.temperature = calibrated or taken["calibration"]["temperature"]
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


def load_weights(module: TextClassificationModule, checkpoint: Path) -> None:
    """Gives `module` the weights of a checkpoint.

    Raises:
        InputError: the file is damaged, of another network, or training cannot have saved it.
    """
    saved = read_checkpoint(checkpoint)
    with strange_states_refused(checkpoint):
        saved_arguments(saved)
        module.load_state_dict(saved["state_dict"])


def _scored(split: str, module: TextClassificationModule, data: TextDataModule) -> ScoredSplit:
    texts = data.splits[split]["text"][:]
    return ScoredSplit(texts, data.places[split], module.predictions, module.scores)


def score_whole(
    scored: dict[ScoredName, ScoredSplit],
    module: TextClassificationModule,
    data: TextDataModule,
    run: RunFolder,
    settings: RunSettings,
    taken: Record | None,
) -> ScoredRun:
    """Adds to the network's scores the baselines, the wide channel, if it has one, and a threshold.

    Args:
        scored: the splits, as the network predicts them.
        taken: the record that a refit takes its calibration and mixture from.
    """
    thorough = settings.baselines == "thorough"
    beside, linear = dict[str, Baseline](), None
    if settings.baselines and settings.test:
        beside, linear = _score_baselines(
            data, run, thorough=thorough, spreadsheet=settings.spreadsheet
        )
    elif settings.baselines:
        beside = _baselines_on_validation(data, thorough=thorough)

    channel, wide, temperature = None, None, module.temperature
    if has_channel(settings, data, taken):
        channel, temperature, wide, scored = mix_channel(
            data,
            scored,
            module.temperature,
            calibrate=settings.calibrate,
            taken=taken,
        )
    else:
        scored = {name: _with_intervals(split) for name, split in scored.items()}
    paired = None if linear is None else paired_test(scored["test"].predictions, linear)
    calibration = _calibration(settings, temperature, scored, taken)
    return ScoredRun(scored, beside, paired, calibration, wide, channel)


def _with_intervals(split: ScoredSplit) -> ScoredSplit:
    scores: Scores = {**split.scores, "intervals": intervals_of(split.predictions)}
    return split._replace(scores=scores)


def _score_baselines(
    data: TextDataModule, run: RunFolder, *, thorough: bool, spreadsheet: bool
) -> tuple[dict[str, Baseline], Predictions]:
    """Test scores of what the network has to beat, and what the linear model predicts for test.

    The predictions are written, too.
    """
    held_out = data.held_out if data.settings.refit else None
    kept = list[Predictions]()
    linear = baselines.tfidf_logistic_regression(
        data.splits, held_out, thorough=thorough, keep=kept.append
    )
    texts = data.splits["test"]["text"][:]
    places = data.places["test"]
    write_predictions(
        run.baseline_predictions,
        data.class_names,
        texts,
        kept[-1],
        places,
        spreadsheet=spreadsheet,
    )
    return {"majority class": baselines.majority(data.splits), LINEAR: linear}, kept[-1]


def _baselines_on_validation(data: TextDataModule, *, thorough: bool) -> dict[str, Baseline]:
    """Validation scores of what the network has to beat, where the test set is not scored."""
    return {
        "majority class": baselines.majority(baselines.validation_as_test(data.splits)),
        LINEAR: baselines.scores_on_validation(data.splits, thorough=thorough),
    }


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
