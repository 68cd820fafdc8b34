"""A worker takes trials from the study, runs their jobs, and tells the study their results."""

import logging
import os
import statistics
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.utils import JobReturn, JobStatus
from optuna.trial import Trial, TrialState

from textlstm.checks import InputError
from textlstm.sweeps.progress import Progress, run_line
from textlstm.sweeps.search_space import SearchSpace
from textlstm.sweeps.settings import SweepSettings
from textlstm.sweeps.slurm_jobs import cancel_jobs, end_jobs, with_own_folder
from textlstm.sweeps.stopping import unbroken
from textlstm.sweeps.study import Study
from textlstm.sweeps.trials import TRIAL, attachment

log = logging.getLogger(__name__)


def runs_here(launcher: Any) -> bool:
    """Tells whether a launcher runs jobs in this process, one after the other: Hydra's own.

    Classes are compared by name: when Hydra looks for plugins, it loads that module again.
    """
    own = (BasicLauncher.__module__, BasicLauncher.__name__)
    return own in [(kind.__module__, kind.__name__) for kind in type(launcher).__mro__]


class Worker:
    """Takes trials until none is left or time is up.

    Args:
        study: where it takes them from.
        settings: those of the sweep.
        folder: the sweep's folder.
        launcher: Hydra's launcher, which runs the jobs in this process or places them elsewhere.
        space: overrides of every job, and the ranges of a search.
        seeds: the seeds that a search trains each trial with, one job for each.
        progress: counts the runs.

    Attributes:
        answers: for each trial that has ended, what the launcher returned for its jobs.
    """

    def __init__(
        self,
        study: Study,
        settings: SweepSettings,
        *,
        folder: Path,
        launcher: Any,
        space: SearchSpace,
        seeds: list[str],
        progress: Progress,
    ) -> None:
        self.study, self.settings, self.folder = study, settings, folder
        self.launcher, self.space, self.seeds = launcher, space, seeds
        self.progress, self.started = progress, time.monotonic()
        self.durations: list[float] = []  # of the trials so far, in seconds
        self.answers: list[list[JobReturn]] = []
        self.taking = threading.Lock()  # else two threads may both take the last of `sweep.trials`
        self.running: dict[int, Trial] = {}  # by their numbers
        self.stopped = self.left = False  # no trial begins any more; those that ran wait again

    def work(self) -> None:
        """Runs one trial after the other; the one that runs waits again if this is broken off."""
        try:
            self._work()
        except Exception:
            raise  # its trial has been given back
        except BaseException:
            self._leave()
            raise

    def _work(self) -> None:
        while (trial := self._take()) is not None:
            self._run(trial)
            del self.running[trial.number]
            trials = self.study.trials()
            for run in self.progress.counted(trials):
                if run.number == trial.number and run.state.is_finished():
                    log.info("%s", run_line(run))
            log.info("%s", self.progress.line(trials))

    def work_in_threads(self, count: int) -> None:
        """Runs `count` trials at a time; the launcher places their jobs, and the threads wait.

        However it ends, none of the jobs is left.
        """
        ends: SimpleQueue[BaseException | None] = SimpleQueue()

        def work() -> None:
            try:
                self.work()
            except BaseException as error:  # the thread that waits raises it
                self.stopped = True
                ends.put(error)
            else:
                ends.put(None)

        for _ in range(count):
            threading.Thread(target=work, daemon=True).start()  # Ctrl-C does not wait for the jobs
        try:
            for _ in range(count):
                if (error := ends.get()) is not None:
                    raise error
        except BaseException:
            self._leave()
            raise

    def _leave(self) -> None:
        """Makes the trials that run wait again, and cancels their jobs."""
        self.stopped = self.left = True
        running = list(self.running.values())
        for trial in running:
            self.study.put_back(trial)
        cancel_jobs(running)

    def _take(self) -> Trial | None:
        """Takes the next trial; None if none is left or time is up.

        It waits while other workers run trials, since they may die and leave theirs.
        """
        while self._has_time() and not self.stopped:
            with unbroken(), self.taking:
                trial = self.study.take(self.settings.trials)
                if trial is not None:
                    self.running[trial.number] = trial
            if trial is not None or not self.study.under_way():
                return trial
            time.sleep(1.0)
        return None

    def _has_time(self) -> bool:
        """Tells whether one more trial, as long as those so far, ends within `sweep.minutes`."""
        if self.settings.minutes is None:
            return True
        expected = statistics.median(self.durations) if self.durations else 0
        return time.monotonic() - self.started + expected < 60 * self.settings.minutes

    def _run(self, trial: Trial) -> None:
        """Launches the jobs of the trial and tells the study their result."""
        started = time.monotonic()
        with self.study.alive(trial):
            end_jobs(trial)
            jobs = self._jobs(trial)
            here = runs_here(self.launcher)
            answers = self._run_here(trial, jobs) if here else self._run_elsewhere(trial, jobs)
        if self.left:
            return

        if answers is None:
            self.study.give_back(trial)
            return
        self._tell(trial, answers)
        self.durations.append(time.monotonic() - started)
        self.answers.append(answers)

    def _jobs(self, trial: Trial) -> list[list[str]]:
        """Lists the overrides of the trial's jobs: one, or in a search one for each seed."""
        if self.study.search is None:
            return [[*self.space.fixed, *trial.user_attrs["overrides"]]]
        point = [*self.space.fixed, *self.space.suggest(trial)]
        if len(self.seeds) == 1:
            return [point]
        return [[*point, f"seed={seed}"] for seed in self.seeds]

    def _run_here(self, trial: Trial, jobs: list[list[str]]) -> list[JobReturn]:
        """Runs the trial's jobs in this process, one after the other.

        The first may be pruned; that, like a failure, ends the trial.
        """
        answers: list[JobReturn] = []
        for repeat, job in enumerate(jobs):
            if repeat == 0 and self._prunes:
                os.environ[TRIAL] = self._attachment(trial)
            try:
                answers += self.launcher.launch([job], initial_job_idx=trial.number)
            finally:
                os.environ.pop(TRIAL, None)
            if answers[-1].status != JobStatus.COMPLETED or answers[-1].return_value is None:
                break
        return answers

    def _run_elsewhere(self, trial: Trial, jobs: list[list[str]]) -> list[JobReturn] | None:
        """Runs the trial's jobs, all at once, wherever the launcher places them.

        Returns:
            Their results; None if a job was ended from outside.

        Raises:
            InputError: the launcher refuses them.
        """
        if self._prunes:
            quoted = self._attachment(trial).replace("\\", "\\\\").replace("'", "\\'")
            jobs = [[*jobs[0], f"+hydra.job.env_set.{TRIAL}='{quoted}'"], *jobs[1:]]
        launcher = with_own_folder(self.launcher, trial)
        try:
            return list(launcher.launch(jobs, initial_job_idx=trial.number))
        except Exception as error:
            message = str(error).strip()
            # Submitit's error is told by its name, since submitit need not be installed.
            if type(error).__name__ == "UncompletedJobError":
                log.warning("run %d: %s", trial.number, " ".join(message.splitlines()[:2]))
                return None
            reason = (message or repr(error)).splitlines()[-1]
            raise InputError(f"hydra/launcher: {reason}") from error

    @property
    def _prunes(self) -> bool:
        return self.study.search is not None and self.settings.prune

    def _attachment(self, trial: Trial) -> str:
        settings = self.settings
        return attachment(settings.storage, self.folder, settings.name, trial._trial_id)

    def _tell(self, trial: Trial, answers: Sequence[JobReturn]) -> None:
        """Tells the study the trial's mean score, or that it was pruned, or why it failed."""
        study = self.study.study
        failed = [answer for answer in answers if answer.status != JobStatus.COMPLETED]
        if failed:
            self.study.explain(trial, _reason(failed[0]), _folder(failed[0]))
            study.tell(trial, state=TrialState.FAIL)
        elif any(answer.return_value is None for answer in answers):
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, statistics.fmean(answer.return_value for answer in answers))


def _reason(answer: JobReturn) -> str:
    """The first line of the error that a job failed with, and for a bug its kind."""
    error = answer._return_value  # `return_value` would raise it
    said = str(error).strip().partition("\n")[0]
    return said if isinstance(error, InputError) else f"{type(error).__name__}: {said}"


def _folder(answer: JobReturn) -> str | None:
    return None if answer.hydra_cfg is None else answer.hydra_cfg.hydra.runtime.output_dir
