"""Compares two runs row by row: a paired test, the classes, and the texts that changed."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from textlstm.leaderboard.compared_run import ComparedRun
from textlstm.model.significance import (
    kinds_of_rows,
    mcnemar,
    middle,
    resampled_scores,
    resamples_for,
)
from textlstm.plurals import number_of

GROUPS = {
    "right now": "Wrong in {first}, right in {second}",
    "wrong now": "Right in {first}, wrong in {second}",
    "wrong otherwise": "Wrong in both, in another way",
}
"""The ways in which a prediction changes, and how a heading names them."""


class ClassChange(NamedTuple):
    """F1 of a class on the shared rows, in both runs."""

    name: str
    rows: int
    first: float
    second: float

    @property
    def change(self) -> float:
        return self.second - self.first


class Differences(NamedTuple):
    """The second run's scores on the shared rows less the first's, with 95 % intervals."""

    accuracy: float
    accuracy_interval: tuple[float, float]
    macro_f1: float
    macro_f1_interval: tuple[float, float]


@dataclass(frozen=True)
class Pair:
    """Two runs, and the rows that both were scored on.

    Attributes:
        rows: for each shared row its text and gold class, and of both runs the predicted class and
            its probability.
        by_text: whether rows were matched by their texts, since the files differ.
        alone: how many rows only the first and only the second was scored on.
        relabelled: how many texts have another gold class in the second; they are not shared.
    """

    first: ComparedRun
    second: ComparedRun
    rows: pd.DataFrame
    by_text: bool
    alone: tuple[int, int]
    relabelled: int

    @classmethod
    def matched(cls, first: ComparedRun, second: ComparedRun) -> "Pair":
        """Matches the rows of two runs: by file and row or, if the files differ, by text.

        Raises:
            InputError: as `ComparedRun.predictions`.
        """
        one, other = first.predictions, second.predictions
        same_file = first.checksum is not None and first.checksum == second.checksum
        by_place = same_file and "place" in one and "place" in other
        key = "place" if by_place else "text"
        # Rows of the same text are matched in their order.
        one, other = (table.assign(again=table.groupby(key).cumcount()) for table in (one, other))
        both = one.merge(other, on=[key, "again"], suffixes=("_first", "_second"))
        rows = pd.DataFrame(
            {
                "text": both["text"] if key == "text" else both["text_first"],
                "gold": both["gold_first"],
                **{name: both[name] for name in ("predicted_first", "probability_first")},
                **{name: both[name] for name in ("predicted_second", "probability_second")},
            }
        )
        agree = (both["gold_first"] == both["gold_second"]).to_numpy()
        alone = len(one) - len(both), len(other) - len(both)
        shared = rows[agree].reset_index(drop=True)
        return cls(first, second, shared, not by_place, alone, int((~agree).sum()))

    @property
    def right(self) -> tuple[np.ndarray, np.ndarray]:
        """On which of the shared rows each run is right."""
        gold = self.rows["gold"]
        first, second = self.rows["predicted_first"], self.rows["predicted_second"]
        return (first == gold).to_numpy(), (second == gold).to_numpy()

    def why_no_test(self) -> str | None:
        """Says why the scores cannot be tested in pairs; None if they can."""
        a, b = self.first, self.second
        if a.split != b.split:
            return (
                f"No paired test: {a.letter} was scored on {a.split}, {b.letter} on {b.split}, "
                f"whose rows chose its epoch."
            )
        if not any(self.alone) and not self.relabelled:
            return None
        counts = [
            f"{number_of(count, 'row')} of {run.letter} alone"
            for run, count in zip((a, b), self.alone, strict=True)
            if count
        ]
        if self.relabelled:
            counts.append(f"{number_of(self.relabelled, 'text')} with another label")
        return (
            f"No paired test: {a.letter} and {b.letter} were scored on different rows "
            f"({len(self.rows):,} shared, {', '.join(counts)}), and what one was tested on, the "
            f"other may have learned."
        )

    def p(self) -> float:
        """Gives p of McNemar's exact test, two-sided, that both are right equally often."""
        return mcnemar(*self.right)

    def alone_right(self) -> tuple[int, int]:
        """Counts the shared rows on which the first alone is right, and the second alone."""
        first, second = self.right
        return int((first & ~second).sum()), int((second & ~first).sum())

    def differences(self) -> Differences:
        """Computes the differences of the scores, and their intervals by a paired bootstrap."""
        named = (self.rows[name] for name in ("gold", "predicted_first", "predicted_second"))
        cells = kinds_of_rows(*(column.to_numpy(str) for column in named))
        accuracies, macro_f1s = resampled_scores(*cells, resamples=resamples_for(len(cells[1])))
        first, second = self.right
        changes = [change.change for change in self.classes()]
        return Differences(
            float(second.mean() - first.mean()),
            middle(accuracies[1] - accuracies[0]),
            float(np.mean(changes)),
            middle(macro_f1s[1] - macro_f1s[0]),
        )

    def classes(self) -> list[ClassChange]:
        """Gives F1 of each class with a gold row among the shared ones, the most gained first."""
        gold = self.rows["gold"]
        found = []
        for name, count in gold.value_counts().items():
            scores = []
            for column in ("predicted_first", "predicted_second"):
                predicted = self.rows[column] == name
                hits = int((predicted & (gold == name)).sum())
                scores.append(2 * hits / (int(count) + int(predicted.sum())))
            found.append(ClassChange(str(name), int(count), *scores))
        return sorted(found, key=lambda change: (-change.change, change.name))

    def changed(self) -> dict[str, pd.DataFrame]:
        """Gives the shared rows that are predicted otherwise, by `GROUPS`, the surest first."""
        first, second = self.right
        other = (self.rows["predicted_first"] != self.rows["predicted_second"]).to_numpy()
        groups = (second & ~first, first & ~second, other & ~first & ~second)
        return {
            group: self.rows[chosen].sort_values(
                "probability_second", ascending=False, kind="stable"
            )
            for group, chosen in zip(GROUPS, groups, strict=True)
        }
