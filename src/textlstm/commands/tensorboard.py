"""Opens TensorBoard with a hyperparameter table of what was swept: `make tensorboard`.

python -m textlstm.commands.tensorboard --logdir outputs
python -m textlstm.commands.tensorboard --logdir outputs/sweeps/grid --port 6007

TensorBoard itself ticks five hyperparameters of whichever run it meets first. Here all open runs
say which ones they differ in, so the table of all outputs and that of one sweep agree. The name of
a trial begins with its score, whose own column is far to the right beside five hyperparameters.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from tensorboard import default, program
from tensorboard.data.provider import RunTagFilter
from tensorboard.plugins.base_plugin import FlagsError
from tensorboard.plugins.hparams.api_pb2 import (
    Experiment,
    HParamInfo,
    MetricInfo,
    MetricName,
)
from tensorboard.plugins.hparams.backend_context import Context
from tensorboard.plugins.hparams.hparams_plugin import HParamsPlugin
from tensorboard.plugins.hparams.metadata import (
    EXPERIMENT_TAG,
    SESSION_START_INFO_TAG,
    parse_session_start_info_plugin_data,
)
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from textlstm.runs.charts import COLUMNS, SCORE

SEEN = 4  # columns beside which the score is seen in a window of 1,400 pixels
COMMON = ("model.hidden", "model.dropout", "optimizer.lr")  # if the runs differ in nothing
Values = dict[str, bytes]
"""The hyperparameters of a run, by key."""


class ComparedRuns(Context):
    """What the HParams view asks for, with the columns that tell the open runs apart."""

    def experiment_from_metadata(
        self,
        ctx: Any,
        experiment_id: str,
        include_metrics: bool,
        hparams_run_to_tag_to_content: Mapping[str, Mapping[str, bytes]],
        data_provider_hparams: Any,
        hparams_limit: int | None = None,
    ) -> Experiment:
        """Describes the columns: at first the ones that differ in most runs, then the scores."""
        # Without what a single run says of the columns, TensorBoard describes those of all runs.
        sessions = {
            run: {tag: content for tag, content in tags.items() if tag != EXPERIMENT_TAG}
            for run, tags in hparams_run_to_tag_to_content.items()
        }
        found = super().experiment_from_metadata(
            ctx, experiment_id, False, sessions, data_provider_hparams
        )
        known: dict[str, HParamInfo] = {info.name: info for info in found.hparam_infos}

        runs = {
            run: _values(tags[SESSION_START_INFO_TAG])
            for run, tags in sessions.items()
            if SESSION_START_INFO_TAG in tags
        }
        shown = [known[key] for key in columns(runs) if key in known]
        for info in shown:
            info.differs = True  # the page sorts by it
        return Experiment(
            hparam_infos=shown[: hparams_limit or None],
            metric_infos=self._scores(ctx, experiment_id) if include_metrics else [],
        )

    def hparams_metadata(
        self, ctx: Any, experiment_id: str, run_tag_filter: RunTagFilter | None = None
    ) -> dict[str, dict[str, bytes]]:
        """Reads what the runs wrote, and puts the score before the name of each."""
        sessions = super().hparams_metadata(ctx, experiment_id, run_tag_filter)
        scored = self.read_last_scalars(
            ctx, experiment_id, RunTagFilter(runs=list(sessions), tags=[SCORE])
        )
        return {
            run: {
                tag: _named(content, f"{scored[run][SCORE].value:.4f} {run}")
                if tag == SESSION_START_INFO_TAG and run in scored
                else content
                for tag, content in tags.items()
            }
            for run, tags in sessions.items()
        }

    def _scores(self, ctx: Any, experiment_id: str) -> list[MetricInfo]:
        """Lists the scores that a run has: without a test score there is no column for it."""
        logged = {
            tag for tags in self.scalars_metadata(ctx, experiment_id).values() for tag in tags
        }
        return [
            MetricInfo(name=MetricName(tag=tag), display_name=words)
            for tag, words in COLUMNS.items()
            if tag in logged
        ]


class ComparedRunsPlugin(HParamsPlugin):
    """TensorBoard's HParams view with the columns of `ComparedRuns`."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self._context = ComparedRuns(context)


def columns(runs: Mapping[str, Values]) -> list[str]:
    """Chooses the hyperparameters of the table, by the values that each run has.

    First come those that a sweep varies: runs in the same folder differ in them. Where there is
    room, others follow that differ between any runs.
    """
    sweeps: dict[PurePath, list[Values]] = defaultdict(list)
    for run, values in runs.items():
        sweeps[PurePath(run).parent].append(values)

    swept: Counter[str] = Counter()
    for trials in sweeps.values():
        swept.update(_deviating(trials))
    chosen = _ranked(swept)
    others = [key for key in _ranked(_deviating(runs.values())) if key not in swept]
    return [*chosen, *others[: max(0, SEEN - len(chosen))]] or list(COMMON)


def _named(session: bytes, name: str) -> bytes:
    """Gives a run a name in the table; its files keep theirs."""
    data = HParamsPluginData.FromString(session)
    data.session_start_info.group_name = name
    return data.SerializeToString()


def _values(session: bytes) -> Values:
    hparams = parse_session_start_info_plugin_data(session).hparams
    return {key: value.SerializeToString() for key, value in hparams.items()}


def _deviating(runs: Iterable[Values]) -> Counter[str]:
    """Counts, for each key in which runs differ, those without its most frequent value."""
    runs = list(runs)
    counts: Counter[str] = Counter()
    for key in {key for values in runs for key in values}:
        found = Counter(values.get(key) for values in runs)
        if len(found) > 1:
            counts[key] = len(runs) - found.most_common(1)[0][1]
    return counts


def _ranked(counts: Counter[str]) -> list[str]:
    return sorted(counts, key=lambda key: (-counts[key], key))


def main() -> None:
    """Serves TensorBoard, with its own options."""
    board = program.TensorBoard(
        plugins=[
            ComparedRunsPlugin if plugin is HParamsPlugin else plugin
            for plugin in default.get_plugins()
        ]
    )
    try:
        board.configure(sys.argv)
        ended = board.main()
    except FlagsError as error:
        print(f"error: {error}", file=sys.stderr)
        ended = 2
    sys.exit(ended)


if __name__ == "__main__":
    main()
