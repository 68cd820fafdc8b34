"""Shows in TensorBoard what is not a scalar.

These are hyperparameters, confusion matrices, PR curves, the hardest texts, and the embeddings.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.hparams.api_pb2 import DATA_TYPE_STRING, HParamInfo
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.summary.writer.record_writer import RecordWriter
from tokenizers import Tokenizer
from torch.utils.tensorboard.summary import hparams

from textlstm.data.batching import EncodedTexts, token_counts
from textlstm.data.vocabulary import UNK
from textlstm.escaping import in_markdown, one_line
from textlstm.keys import LITERAL, is_hyperparameter, value_in
from textlstm.model.ensemble import Network
from textlstm.model.metrics import Predictions
from textlstm.model.scores import Scores
from textlstm.runs import figures
from textlstm.runs.charts import BY_EPOCH, COLUMNS, chart
from textlstm.runs.predictions import confident_mistakes
from textlstm.runs.record import Record

GROUPS = ("data", "model", "optimizer", "trainer", "pretrain")  # whose keys are hyperparameters
AGAIN = ("hp/", "_hparams_/")  # tags that each start of a run writes; old runs have the first
PROJECTED = 1000  # tokens whose embeddings are shown


class ChartLogger(TensorBoardLogger):
    """A TensorBoard logger whose charts stand in the order in which a person reads them.

    TensorBoard sorts charts by name. So training and validation share the first group, `curves`,
    where both are side by side for each score. Callbacks and other loggers know the numbers by the
    names of before, such as `val/macro_f1`.
    """

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        charts = {chart(name): value for name, value in metrics.items()}
        super().log_metrics({name: value for name, value in charts.items() if name}, step)

    @rank_zero_only
    def save(self) -> None:
        """Writes what was logged; not hparams.yaml, whose content is in the run's .hydra/."""
        self.experiment.flush()


def forget_after(folder: Path, step: int | None) -> None:
    """Removes from a run's event files what was logged after the checkpoint that it goes on from.

    All of that is logged again, and would be there twice. What `begin` writes at each start is
    removed, too, and so is the last, unfinished event of a process that was killed.

    Args:
        folder: where the logger writes.
        step: the number of steps before the checkpoint; None if the run starts from the beginning.
    """
    for left in folder.glob(".unfinished.*"):  # TensorBoard would read it under its own name
        left.unlink()

    for file in sorted(folder.glob("events.out.tfevents.*")):
        if step is None:
            file.unlink()
            continue
        unfinished = folder / f".unfinished.{os.getpid()}"
        with open(unfinished, "wb") as opened:
            writer = RecordWriter(opened)
            for record in RawEventFileLoader(str(file)).Load():
                event = Event.FromString(record)
                if _keep_until(event, step):
                    writer.write(event.SerializeToString())
        unfinished.replace(file)


def _keep_until(event: Event, step: int) -> bool:
    """Takes the values of later steps out of an event; tells whether anything remains of it."""
    if not event.HasField("summary"):
        return True
    kept = [
        value
        for value in event.summary.value
        if not value.tag.startswith(AGAIN) and (event.step < step or value.tag.startswith(BY_EPOCH))
    ]
    del event.summary.value[:]
    event.summary.value.extend(kept)
    return bool(kept)


def begin(logger: TensorBoardLogger, config: dict[str, Any], overrides: list[str]) -> None:
    """Registers the run in the HParams view; its scores come while it trains.

    `make tensorboard` chooses the columns of that table by all runs. TensorBoard on its own takes
    those of one run, so each names every hyperparameter, and the typed ones come first.
    """
    typed = [override.lstrip("+").partition("=")[0] for override in overrides]
    values = {
        f"{group}.{key}": value
        for group in GROUPS
        for key, value in (config.get(group) or {}).items()
    }
    values |= {"seed": config["seed"], **{key: value_in(config, key) for key in typed}}
    shown = {
        key: str(value) if isinstance(value, list) else value
        for key, value in values.items()
        if is_hyperparameter(key) and key not in LITERAL and not isinstance(value, dict)
    }
    if config["data"]["refit"]:  # it has no validation score: without one it stays out of that view
        return

    columns, start, end = hparams(shown, dict.fromkeys(COLUMNS, 0.0))

    held = columns.value[0].metadata.plugin_data
    content = HParamsPluginData.FromString(held.content)
    for info in content.experiment.hparam_infos:
        info.differs = info.name in typed
    # A key without a value may have a number in another run: only text goes with both.
    empty = [key for key, value in shown.items() if value is None]
    content.experiment.hparam_infos.extend(
        HParamInfo(name=key, type=DATA_TYPE_STRING, differs=key in typed) for key in empty
    )
    for info in content.experiment.metric_infos:
        info.display_name = COLUMNS[info.name.tag]
    held.content = content.SerializeToString()
    for summary in (columns, start, end):
        logger.experiment.file_writer.add_summary(summary)


def show_predictions(
    logger: TensorBoardLogger,
    split: str,
    scores: Scores,
    texts: list[str],
    predictions: Predictions,
    step: int,
) -> None:
    """Shows a split's confusion matrix, a PR curve per class, and the most confident mistakes."""
    board, labels = logger.experiment, list(scores["classes"])
    board.add_figure(
        f"{split}_predictions/confusion_matrix",  # sorted behind all charts of scores
        figures.confusion_figure(scores["confusion_matrix"], labels),
        step,
    )
    for number, label in enumerate(labels):
        gold_N = predictions.gold_N == number
        board.add_pr_curve(
            f"{split}/{label}", gold_N, predictions.probabilities_NC[:, number], step
        )
    board.add_text(f"hardest/{split}", _listed(labels, texts, predictions), step)


def _listed(labels: list[str], texts: list[str], predictions: Predictions) -> str:
    """Lists the most confident mistakes; TensorBoard breaks words in the columns of a table."""
    return "\n".join(
        f"- **{in_markdown(predicted)}** by {probability}, but it is **{in_markdown(gold)}**: "
        f"{in_markdown(text)}"
        for probability, gold, predicted, text in confident_mistakes(labels, texts, predictions)
    )


def show_embeddings(
    logger: TensorBoardLogger,
    record: Record,
    network: Network,
    tokenizer: Tokenizer,
    train: EncodedTexts,
) -> None:
    """Shows embeddings of the run's most frequent tokens.

    Args:
        train: the training texts, whose tokens are counted.
    """
    step = record["steps"]
    counts_CV = token_counts(train, len(record["labels"]), tokenizer.get_vocab_size())
    frequencies = counts_CV.sum(dim=0)
    frequencies[: UNK + 1] = 0
    ids = frequencies.argsort(descending=True, stable=True)[
        : min(PROJECTED, int((frequencies > 0).sum()))
    ]

    # The class in whose training texts a token makes up the largest share.
    shares = counts_CV / counts_CV.sum(dim=1, keepdim=True).clamp(min=1)
    classes = [record["labels"][number] for number in shares[:, ids].argmax(dim=0).tolist()]
    tokens = [(tokenizer.id_to_token(number) or "").strip() or "?" for number in ids.tolist()]

    # A run that was killed just here has left some.
    shutil.rmtree(Path(logger.log_dir) / f"{step:05d}", ignore_errors=True)
    logger.experiment.add_embedding(
        network.members[0].embedding.weight.detach().cpu()[ids],
        metadata=[list(map(one_line, row)) for row in zip(tokens, classes, strict=True)],
        metadata_header=["token", "typical class"],
        tag="embedding",
        global_step=step,
    )
