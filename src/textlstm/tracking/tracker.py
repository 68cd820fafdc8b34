"""Shows a run where others track theirs as TensorBoard shows it: numbers, pictures, configuration.

Charts have TensorBoard's names. A resumed run goes on in the run that it had there.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from matplotlib.figure import Figure
from pytorch_lightning.loggers import Logger

from textlstm.model.metrics import Predictions
from textlstm.model.scores import Scores
from textlstm.passwords import without_password
from textlstm.runs import figures
from textlstm.runs.predictions import confident_mistakes

log = logging.getLogger(__name__)

ID = re.compile(r"[\w-]{1,64}", re.ASCII)  # of a run
MISTAKES = ["probability", "gold", "predicted", "text"]  # columns of a table


class Tracker(Logger):
    """What the loggers of MLflow and W&B have in common.

    A tracker that cannot be reached any more does not end a training: it warns once, and the rest
    of the run is in its folder alone.
    """

    product: ClassVar[str]
    reachable = True

    def begin(self, config: dict[str, Any], *, sweep: str | None) -> None:
        """Opens the run, and shows its configuration without the keys of the logger.

        Raises:
            InputError: the tracker cannot be reached, or refuses the run.
        """
        raise NotImplementedError

    def show_figure(self, name: str, figure: Figure, step: int) -> None:
        raise NotImplementedError

    def show_mistakes(self, name: str, rows: Sequence[Sequence[str]], step: int) -> None:
        raise NotImplementedError

    def show_predictions(
        self,
        split: str,
        scores: Scores,
        texts: list[str],
        predictions: Predictions,
        step: int,
    ) -> None:
        """Shows a split's confusion matrix, a PR curve per class, and the hardest texts."""
        labels = list(scores["classes"])
        confusion = figures.confusion_figure(scores["confusion_matrix"], labels)
        curves = figures.precision_recall_figure(predictions, labels)
        with self.surviving():
            self.show_figure(f"{split}_predictions/confusion_matrix", confusion, step)
            self.show_figure(f"{split}_predictions/precision_recall", curves, step)
            self.show_mistakes(
                f"hardest/{split}", confident_mistakes(labels, texts, predictions), step
            )

    def close(self, status: str) -> None:
        """Ends the run: `success`, or `failed` if it can be resumed."""
        raise NotImplementedError

    @contextmanager
    def surviving(self) -> Iterator[None]:
        """Warns of the first error inside of it, after which nothing more is sent."""
        try:
            yield
        except Exception as error:  # of any of the packages that a tracker reaches its server with
            if self.reachable:
                log.warning(
                    "logger: %s took no more: %s The run goes on, and is in its folder alone.",
                    self.product,
                    self.said(error),
                )
            self.reachable = False

    def said(self, error: Exception) -> str:
        """The first line of an error, without passwords."""
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        return f"{without_password(first).rstrip('.')}."
