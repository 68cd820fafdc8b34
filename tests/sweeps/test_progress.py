"""Lines of progress: what they count, and how they tell a trial."""

import time
from dataclasses import replace

from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from helpers.studies import SETTINGS, opened
from textlstm.sweeps.progress import progress_line, trial_line

ENDED = [
    (TrialState.COMPLETE, 0.7),
    (TrialState.PRUNED, None),
    (TrialState.FAIL, None),
    (TrialState.COMPLETE, 0.9),
]


def searched(folder):
    """The trials of a search, one for each of `ENDED`."""
    study = opened(folder, search={"x": "interval(0.0,1.0)"})
    parameters = {"params": {"x": 0.25}, "distributions": {"x": FloatDistribution(0.0, 1.0)}}
    for state, value in ENDED:
        study.study.add_trial(create_trial(state=state, value=value, **parameters))
    return study.trials()


def test_a_trials_line_says_what_came_of_it_and_what_it_tried(tmp_path):
    assert [trial_line(trial) for trial in searched(tmp_path)] == [
        "trial 0: macro F1 0.7000  x=0.25",
        "trial 1: pruned  x=0.25",
        "trial 2: failed  x=0.25",
        "trial 3: macro F1 0.9000  x=0.25",
    ]


def test_progress_counts_pruned_and_failed_trials_apart_and_foretells_the_end(tmp_path):
    settings = replace(SETTINGS, trials=10)
    line = progress_line(searched(tmp_path), settings, started=time.monotonic() - 120, before=0)
    assert line == "2 of 10 trials done, 1 pruned, 1 failed, best macro F1 0.9000, about 3 min left"


def test_progress_within_minutes_counts_down(tmp_path):
    settings = replace(SETTINGS, minutes=5.0)
    line = progress_line(searched(tmp_path), settings, started=time.monotonic() - 120, before=0)
    assert line == "2 trials done, 1 pruned, 1 failed, best macro F1 0.9000, about 3 min left"
