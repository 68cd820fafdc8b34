"""What TensorBoard shows beyond scalars: hyperparameters, confusion matrix, PR curves, hardest texts, embeddings."""

import shutil
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import TensorBoardLogger
from tokenizers import Tokenizer

from textlstm import figures
from textlstm.batching import EncodedTexts, token_counts
from textlstm.metrics import Predictions
from textlstm.network import LSTMClassifier
from textlstm.report import confident_mistakes, markdown_table
from textlstm.vocabulary import UNK

HYPERPARAMETERS = {  # few: TensorBoard's table shows the first five unasked
    "data": ("batch_size", "tokenizer"),
    "model": ("dropout", "hidden", "layers"),
    "optimizer": ("lr",),
    "trainer": ("max_epochs",),
}
SCORE, LOSS = "hp/val_macro_f1", "hp/val_loss"
PROJECTED = 1000


def begin(logger: TensorBoardLogger, config: dict[str, Any]) -> None:
    """Registers the run in the HParams view; its scores come with `finish`."""
    chosen = {f"{group}.{key}": config[group][key] for group, keys in HYPERPARAMETERS.items() for key in keys}
    # A refit has no validation score: without one it stays out of that view.
    scores = {} if config["data"]["refit"] else {SCORE: float("nan"), LOSS: float("nan")}
    logger.log_hyperparams({**chosen, "seed": config["seed"]}, scores)


def score(logger: TensorBoardLogger, macro_f1: float, loss: float, step: int) -> None:
    """The run's validation scores, for the HParams view."""
    logger.log_metrics({SCORE: macro_f1, LOSS: loss}, step)


def show_predictions(
    logger: TensorBoardLogger, split: str, scores: dict[str, Any], texts: list[str], predictions: Predictions, step: int
) -> None:
    """Confusion matrix, a PR curve for each class, and the most confident mistakes of a split."""
    board, labels = logger.experiment, list(scores["classes"])
    board.add_figure(f"confusion_matrix/{split}", figures.confusion_figure(scores["confusion_matrix"], labels), step)
    for number, label in enumerate(labels):
        gold_N = predictions.gold_N == number
        board.add_pr_curve(f"{split}/{label}", gold_N, predictions.probabilities_NC[:, number], step)
    header = ["probability", "gold", "predicted", "text"]
    board.add_text(f"hardest/{split}", markdown_table(header, confident_mistakes(labels, texts, predictions)), step)


def finish(
    logger: TensorBoardLogger,
    record: dict[str, Any],
    network: LSTMClassifier,
    tokenizer: Tokenizer,
    train: EncodedTexts,
) -> None:
    """The run's scores for the HParams view, and the embeddings of its most frequent tokens."""
    step = record["steps"]
    if not record["refit"]:
        score(logger, record["score"], record["validation"]["log_loss"], step)
    counts_CV = token_counts(train, len(record["labels"]), tokenizer.get_vocab_size())
    frequencies = counts_CV.sum(dim=0)
    frequencies[: UNK + 1] = 0
    ids = frequencies.argsort(descending=True, stable=True)[: min(PROJECTED, int((frequencies > 0).sum()))]
    # The class in whose training texts a token makes up the largest share.
    shares = counts_CV / counts_CV.sum(dim=1, keepdim=True).clamp(min=1)
    classes = [record["labels"][number] for number in shares[:, ids].argmax(dim=0).tolist()]
    tokens = [(tokenizer.id_to_token(number) or "").strip() or "?" for number in ids.tolist()]
    shutil.rmtree(Path(logger.log_dir) / f"{step:05d}", ignore_errors=True)  # a run that was killed just here
    logger.experiment.add_embedding(
        network.embedding.weight.detach().cpu()[ids],
        metadata=[list(row) for row in zip(tokens, classes, strict=True)],
        metadata_header=["token", "typical class"],
        tag="embedding",
        global_step=step,
    )
