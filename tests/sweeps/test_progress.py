"""Lines of progress: what they count, how they tell a run, and what they foretell."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from helpers.studies import SETTINGS, add, opened, worker
from textlstm.sweeps.progress import Progress, run_line

DONE, PRUNED, FAILED = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL
RUNNING, WAITING = TrialState.RUNNING, TrialState.WAITING


def trials(*states, minutes=(), **attributes):
    """Trials in these states; they took, or have run for, as many minutes."""
    scores = itertools.count(5)
    ages = itertools.chain(minutes, itertools.repeat(2))
    found = []
    for number, (state, age) in enumerate(zip(states, ages, strict=False)):
        begun = None if state == WAITING else datetime.now() - timedelta(minutes=age)
        found.append(
            FrozenTrial(
                number=number,
                trial_id=number,
                state=state,
                value=next(scores) / 10 if state == DONE else None,
                datetime_start=begun,
                datetime_complete=datetime.now() if state.is_finished() else None,
                params={"x": 0.25},
                distributions={"x": FloatDistribution(0.0, 1.0)},
                user_attrs=attributes,
                system_attrs={},
                intermediate_values={},
            )
        )
    return found


def test_a_runs_line_says_what_came_of_it_and_what_it_tried():
    found = trials(DONE, PRUNED, FAILED)
    assert [run_line(trial) for trial in found] == [
        "run 0: macro F1 0.5000  x=0.25",
        "run 1: pruned  x=0.25",
        "run 2: failed  x=0.25",
    ]
    [failed] = trials(FAILED, error="optimizer.lr must be a number, got '001'.")
    assert run_line(failed) == "run 0 failed: optimizer.lr must be a number, got '001'.  x=0.25"


@pytest.mark.parametrize(
    ("minutes", "workers", "left"),
    [
        pytest.param([6, 6, 6, 6, 6, 6, 6, 2], 1, 16, id="two wait, and one has 4 minutes to go"),
        pytest.param([6, 6, 6, 6, 6, 6, 6, 2, 5], 2, 7, id="one waits for the first of two"),
        pytest.param([6, 6, 6, 6, 6, 6, 6, 6, 6, 5], 1, 1, id="the last is nearly at its end"),
        pytest.param([6, 6, 6, 6, 6, 6, 6, 9, 9, 9], 3, 1, id="three take longer than any before"),
    ],
)
def test_the_time_left_is_that_of_the_runs_which_wait_or_are_under_way(minutes, workers, left):
    states = [DONE] * (len(minutes) - workers) + [RUNNING] * workers
    states += [WAITING] * (10 - len(states))
    line = Progress(replace(SETTINGS, trials=10), None, []).line(trials(*states, minutes=minutes))
    assert line.endswith(f", about {left} min left")


def test_progress_counts_pruned_and_failed_runs_apart():
    progress = Progress(replace(SETTINGS, trials=4), None, [])
    line = progress.line(trials(DONE, PRUNED, FAILED, DONE))
    assert line == "2 of 4 runs done, 1 pruned, 1 failed, best macro F1 0.6000"


def test_progress_within_minutes_counts_down():
    line = Progress(replace(SETTINGS, minutes=3.0), None, []).line(trials(DONE, PRUNED))
    assert line == "1 runs done, 1 pruned, best macro F1 0.5000, about 3 min left"


def test_a_run_that_was_broken_off_or_failed_before_counts_once(tmp_path):
    points = [["x=1"], ["x=2"], ["x=3"]]
    study = opened(tmp_path)
    add(study, points)
    study.give_back(study.take(None))  # as that of a worker that was killed
    worker(study, tmp_path, lambda job: 1 // (job[-1] == "x=9"), ["y=1"]).work()
    worker(study, tmp_path, lambda job: 1 // 0, ["y=1"]).work()

    add(study, points)
    progress = Progress(SETTINGS, points, study.trials())
    assert progress.line(study.trials()) == "0 of 3 runs done"
    worker(study, tmp_path, lambda job: 0.5, ["y=1"]).work()
    ended = [line.partition("  ")[2] for line in progress.ended(study.trials())]
    assert sorted(ended) == ["x=1", "x=2", "x=3"]
    assert progress.ended(study.trials()) == []

    said = progress.last_line(study.trials(), tmp_path)
    ranks = f"python src/leaderboard.py {tmp_path} ranks them."
    assert said == f"3 of 3 runs done, best macro F1 0.5000. {ranks}"
    again = Progress(SETTINGS, points, study.trials()).last_line(study.trials(), tmp_path)
    assert again == f"3 of 3 runs, all finished before. {ranks}"


def test_a_trial_of_a_search_that_is_run_again_counts_once(tmp_path):
    search = {"x": "interval(0.0,1.0)"}
    study = opened(tmp_path, search=search)
    study.give_back(study.take(None))
    worker(study, tmp_path, lambda job: 0.5, ["x=interval(0.0,1.0)"], trials=2).work()
    progress = Progress(replace(SETTINGS, trials=2), None, [])
    assert progress.line(study.trials()) == "2 of 2 runs done, best macro F1 0.5000"
