"""Makes the lines that say how far a sweep is."""

import time
from collections import Counter

from optuna.trial import FrozenTrial, TrialState

from textlstm.sweeps.settings import SweepSettings


def trial_line(trial: FrozenTrial) -> str:
    """Says how a trial ended, and what it tried."""
    if trial.state == TrialState.COMPLETE:
        result = f"macro F1 {trial.value:.4f}"
    else:
        result = _word(trial.state)
    tried = trial.user_attrs.get("overrides") or [
        f"{key}={value:.3g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in trial.params.items()
    ]
    return f"trial {trial.number}: {result}  {' '.join(tried)}"


def progress_line(
    trials: list[FrozenTrial], settings: SweepSettings, *, started: float, before: int
) -> str:
    """Counts trials by state, and gives the best score and an estimate of the time that is left.

    Args:
        trials: all of the sweep.
        settings: how many trials or minutes the sweep may take.
        started: reading of `time.monotonic` when this command began.
        before: trials that were finished then.
    """
    counts = Counter(trial.state for trial in trials)
    total = settings.trials or (len(trials) if settings.minutes is None else None)
    parts = [f"{counts[TrialState.COMPLETE]}{f' of {total}' if total else ''} trials done"]
    for state in (TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING):
        if counts[state]:
            parts.append(f"{counts[state]} {_word(state)}")

    scores = [
        trial.value
        for trial in trials
        if trial.state == TrialState.COMPLETE and trial.value is not None
    ]
    if scores:
        parts.append(f"best macro F1 {max(scores):.4f}")

    elapsed = time.monotonic() - started
    finished = sum(trial.state.is_finished() for trial in trials)
    seconds_left = []
    if total and before < finished < total:
        seconds_left.append((total - finished) * elapsed / (finished - before))
    if settings.minutes is not None:
        seconds_left.append(max(0, 60 * settings.minutes - elapsed))
    if seconds_left:
        parts.append(f"about {min(seconds_left) / 60:.0f} min left")
    return ", ".join(parts)


def _word(state: TrialState) -> str:
    return "failed" if state == TrialState.FAIL else state.name.lower()
