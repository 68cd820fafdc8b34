"""A sweep from its overrides to its finished runs: one worker, or several processes of the same
command.

Each worker takes a trial from the study, runs its jobs through Hydra's launcher and tells the study
the result, until none is left. A launcher that places jobs elsewhere, such as SLURM's, gets several
trials at a time. Any number of machines that reach the storage may run the same command.
"""

import logging
import os
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig, OmegaConf
from optuna.trial import FrozenTrial, Trial, TrialState

from textlstm.checks import InputError, JobsFailed, flag, number, parse_settings, whole
from textlstm.data.settings import DataSettings
from textlstm.places import CACHE
from textlstm.sweeps.search_space import SearchSpace
from textlstm.sweeps.study import ATTEMPTS, BEAT, TRIAL, Study, attach, open_storage
from textlstm.terminal import loading, status
from textlstm.training.threads import cores

log = logging.getLogger(__name__)

WORKER = (
    "TEXTLSTM_WORKER"  # environment variable: the number of a worker that another process started
)
MEMORY = 2 * 2**30  # bytes that a worker may need
# bytes of recurrent weights that stay in a core's cache: one thread computes with them best
CACHED = 1_000_000


def sweep(config: DictConfig, launcher: Any, overrides: list[str]) -> list[list[JobReturn]]:
    """Runs the sweep that `overrides` and the node `sweep` of the config describe.

    Raises:
        InputError: a value of `sweep` outside its range, a study of other ranges, or a launcher
            that refuses the jobs.
        JobsFailed: jobs in other processes that failed, with the logs that say why.
    """
    settings: dict[str, Any] = OmegaConf.to_container(config.sweep, resolve=True)  # type: ignore[assignment]
    _check(settings)
    devices = config.trainer.devices
    if isinstance(devices, int) and devices > 1:
        raise InputError(
            f"trainer.devices={devices}: each trial of a sweep trains on one device, "
            f"trainer.devices=1."
        )
    folder = Path(config.hydra.sweep.dir).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    space = SearchSpace.of(overrides, config)
    searching = settings["trials"] is not None or settings["minutes"] is not None
    _check_data(config, space, searching)
    seeds = [str(config.seed + n) for n in range(settings["repeats"])]
    points = [] if searching else _repeated(list(space.grid()), seeds, space)
    storage = open_storage(settings["storage"], folder)
    alone = settings["storage"] is None and WORKER not in os.environ
    study = Study(
        storage,
        settings["name"],
        seed=config.seed if alone else None,
        search=space.described() if searching else None,
    )
    if WORKER in os.environ:
        with loading():
            import textlstm.training.run  # noqa: F401
        sys.stdin.read()  # to its end, which is when the texts are tokenized
    else:
        OmegaConf.save(config, folder / "multirun.yaml")
        if not searching:
            study.add(points)
    workers = settings["workers"] or _workers(config)
    if isinstance(launcher, BasicLauncher) and workers > 1:
        _several(study, settings, folder, workers, partial(_tokenize, config, space))
        return []
    worker = Worker(study, settings, folder, launcher, space, seeds)
    if isinstance(launcher, BasicLauncher):
        worker.work()
        for answer in (answer for of in worker.answers for answer in of):
            _ = answer.return_value  # raises what a failed job raised
    else:
        worker.work_in_threads(workers)
        worker.raise_failed()
    return worker.answers


def _check(settings: dict[str, Any]) -> None:
    for key in ("trials", "workers"):
        if settings[key] is not None:
            whole(f"sweep.{key}", settings[key], minimum=1)
    if settings["minutes"] is not None:
        number("sweep.minutes", settings["minutes"], minimum=0)
    whole("sweep.repeats", settings["repeats"], minimum=1)
    flag("sweep.prune", settings["prune"])


def _check_data(config: DictConfig, space: SearchSpace, searching: bool) -> None:
    if config.data.refit or "data.refit" in space.swept:
        raise InputError(
            "data.refit=true has no validation score to compare runs by: leave it out of a sweep, "
            "and refit the best "
            "configuration afterwards."
        )
    folds = [
        str(of.input_line) for key, of in space.swept.items() if key in ("data.folds", "data.fold")
    ]
    if searching and folds:
        raise InputError(
            f"{folds[0]}: a search would look for the easiest fold. Give it one, such as "
            f"data.folds=5 data.fold=0, or "
            f"run all folds of some configurations as a grid, without sweep.trials and "
            f"sweep.minutes."
        )


def _repeated(points: list[list[str]], seeds: list[str], space: SearchSpace) -> list[list[str]]:
    if len(seeds) == 1:
        return points
    if "seed" in space.swept:
        raise InputError(
            "sweep.repeats trains each configuration with several seeds; seed= is a list already."
        )
    return [[*point, f"seed={seed}"] for point in points for seed in seeds]


def _workers(config: DictConfig) -> int:
    """As many as give each a core and memory, several cores where the network is large; one where
    there is a GPU.
    """
    import torch

    if torch.cuda.is_available() and config.trainer.accelerator in ("auto", "gpu", "cuda"):
        return 1
    hidden = config.model.hidden
    fit = (
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MEMORY
        if hasattr(os, "sysconf")
        else 1
    )
    return max(1, min(fit, cores() // max(1, 4 * hidden * hidden * 4 // CACHED)))


class Worker:
    """Takes trials until none is left or time is up."""

    def __init__(
        self,
        study: Study,
        settings: dict[str, Any],
        folder: Path,
        launcher: Any,
        space: SearchSpace,
        seeds: list[str],
    ) -> None:
        self.study, self.settings, self.folder, self.launcher = study, settings, folder, launcher
        self.space, self.seeds = space, seeds
        self.started = time.monotonic()
        self.before = sum(trial.state.is_finished() for trial in study.trials())
        self.lasted: list[float] = []
        self.answers: list[list[JobReturn]] = []
        self.given_up: list[int] = []  # trials whose jobs were ended each time
        self.taking = threading.Lock()  # else two threads may both take the last of `sweep.trials`
        self.stopped = False

    def work(self) -> None:
        """One trial after the other."""
        while (trial := self.take()) is not None:
            self.run(trial)
            log.info(
                "%s", progress_line(self.study.trials(), self.settings, self.started, self.before)
            )

    def work_in_threads(self, count: int) -> None:
        """So many trials at a time, whose jobs the launcher places elsewhere; the threads only wait
        for them.
        """
        ends: SimpleQueue[Exception | None] = SimpleQueue()

        def work() -> None:
            try:
                self.work()
            except Exception as error:
                self.stopped = True
                ends.put(error)
            else:
                ends.put(None)

        for _ in range(count):
            threading.Thread(target=work, daemon=True).start()  # Ctrl-C does not wait for the jobs
        for _ in range(count):
            if (error := ends.get()) is not None:
                raise error

    def take(self) -> Trial | None:
        """The next trial, or None if none is left; waits while others run, since their workers may
        die.
        """
        while self.time_left() and not self.stopped:
            with self.taking:
                trial = self.study.take(self.settings["trials"])
            if trial is not None or not self.study.under_way():
                return trial
            time.sleep(min(1.0, BEAT))
        return None

    def time_left(self) -> bool:
        """Whether one more trial, as long as those so far, ends within `sweep.minutes`."""
        if self.settings["minutes"] is None:
            return True
        expected = statistics.median(self.lasted) if self.lasted else 0
        return time.monotonic() - self.started + expected < 60 * self.settings["minutes"]

    def run(self, trial: Trial) -> None:
        """Launches the jobs of the trial and tells the study what came of them."""
        started = time.monotonic()
        with self.study.alive(trial):
            jobs = self.jobs(trial)
            here = isinstance(self.launcher, BasicLauncher)
            answers = self.here(trial, jobs) if here else self.elsewhere(trial, jobs)
        if answers is None:
            if not self.study.give_back(trial):
                self.given_up.append(trial.number)
            return
        self.tell(trial, answers)
        self.lasted.append(time.monotonic() - started)
        self.answers.append(answers)

    def jobs(self, trial: Trial) -> list[list[str]]:
        """The overrides of the trial's jobs: one, or in a search one for each seed."""
        if self.study.search is None:
            return [[*self.space.fixed, *trial.user_attrs["overrides"]]]
        point = [*self.space.fixed, *self.space.suggest(trial)]
        return (
            [point] if len(self.seeds) == 1 else [[*point, f"seed={seed}"] for seed in self.seeds]
        )

    def here(self, trial: Trial, jobs: list[list[str]]) -> list[JobReturn]:
        """The trial's jobs in this process, one after the other; the first may be pruned, and ends
        the trial then.
        """
        answers: list[JobReturn] = []
        for repeat, job in enumerate(jobs):
            if repeat == 0 and self.prunes:
                os.environ[TRIAL] = self.attached(trial)
            try:
                answers += self.launcher.launch([job], initial_job_idx=trial.number)
            finally:
                os.environ.pop(TRIAL, None)
            if answers[-1].status != JobStatus.COMPLETED or answers[-1].return_value is None:
                break
        return answers

    def elsewhere(self, trial: Trial, jobs: list[list[str]]) -> list[JobReturn] | None:
        """The trial's jobs, all at once, wherever the launcher places them; None if one was ended
        from outside.

        Raises:
            InputError: the launcher refuses them.
        """
        if self.prunes:
            quoted = self.attached(trial).replace("\\", "\\\\").replace("'", "\\'")
            jobs = [[*jobs[0], f"+hydra.job.env_set.{TRIAL}='{quoted}'"], *jobs[1:]]
        try:
            return list(self.launcher.launch(jobs, initial_job_idx=trial.number))
        except Exception as error:
            said = str(error).strip()
            if (
                type(error).__name__ == "UncompletedJobError"
            ):  # submitit's, which need not be installed
                log.warning("trial %d: %s", trial.number, " ".join(said.splitlines()[:2]))
                return None
            raise InputError(f"hydra/launcher: {(said or repr(error)).splitlines()[-1]}") from error

    @property
    def prunes(self) -> bool:
        return self.study.search is not None and self.settings["prune"]

    def attached(self, trial: Trial) -> str:
        return attach(self.settings["storage"], self.folder, self.settings["name"], trial._trial_id)

    def raise_failed(self) -> None:
        """Says which jobs that ran elsewhere failed, if any did.

        Raises:
            JobsFailed: names their logs, and the trials that were given up.
        """
        jobs = [
            answer for of in self.answers for answer in of if answer.status != JobStatus.COMPLETED
        ]
        logs = [
            f"{job.hydra_cfg.hydra.runtime.output_dir}/train.log"
            for job in jobs
            if job.hydra_cfg is not None
        ]
        said = [f"these say why: {', '.join(logs)}"] if logs else []
        if self.given_up:
            said.append(
                f"those of the trials {', '.join(map(str, self.given_up))} were ended {ATTEMPTS} "
                f"times"
            )
        if said:
            raise JobsFailed(f"Jobs of the sweep failed; {'; '.join(said)}.")

    def tell(self, trial: Trial, answers: Sequence[JobReturn]) -> None:
        study = self.study.study
        if any(answer.status != JobStatus.COMPLETED for answer in answers):
            study.tell(trial, state=TrialState.FAIL)
        elif any(answer.return_value is None for answer in answers):
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, statistics.fmean(answer.return_value for answer in answers))


def _tokenize(config: DictConfig, space: SearchSpace) -> None:
    """Reads and tokenizes the texts once, for all workers to find; a mistake in the data ends the
    sweep here.

    (Of swept folds, those of the first: each has a tokenizer of its own.)

    Raises:
        InputError: as `TextDataModule.setup`.
    """
    with loading():
        from textlstm.data.datamodule import TextDataModule

    settings: dict[str, Any] = OmegaConf.to_container(config.data, resolve=True)  # type: ignore[assignment]
    for key in ("folds", "fold"):
        if f"data.{key}" in space.swept:
            settings[key] = int(next(space.swept[f"data.{key}"].sweep_string_iterator()))
    TextDataModule(
        parse_settings(DataSettings, settings, "data"), cache=CACHE, seed=config.seed
    ).setup()


def _several(
    study: Study, settings: dict[str, Any], folder: Path, workers: int, prepare: Callable[[], None]
) -> None:
    """Starts the command `workers` times, each with its share of the cores, and says how far they
    are.

    `prepare` is called while they import what they need; they wait for its end.

    Raises:
        JobsFailed: jobs that failed, with the logs that say why.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, cores() // workers))}
    logs = [folder / f"worker-{number}.log" for number in range(1, workers + 1)]
    started, before = (
        time.monotonic(),
        {trial.number for trial in study.trials() if trial.state.is_finished()},
    )
    log.info(
        "%d workers, each with %s CPU threads; they log to %s.",
        workers,
        environment["OMP_NUM_THREADS"],
        folder,
    )
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for number, file in enumerate(logs, start=1):
            with open(file, "ab") as output:
                command = [sys.executable, *sys.orig_argv[1:], "sweep.workers=1"]
                environment[WORKER] = str(number)
                processes.append(
                    subprocess.Popen(
                        command,
                        env=environment,
                        stdin=subprocess.PIPE,
                        stdout=output,
                        stderr=output,
                    )
                )
        prepare()
        for process in processes:
            process.stdin.close()  # type: ignore[union-attr]
        seen = set(before)
        with status() as tell:
            working = True
            while working:
                working = any(process.poll() is None for process in processes)
                trials = (
                    study.trials()
                )  # after asking who works: of those who ended, each trial is there
                for trial in trials:
                    if trial.state.is_finished() and trial.number not in seen:
                        seen.add(trial.number)
                        log.info("%s", trial_line(trial))
                tell(progress_line(trials, settings, started, len(before)))
                if working:
                    time.sleep(1)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
    log.info("%s", progress_line(study.trials(), settings, started, len(before)))
    if any(process.returncode for process in processes):
        raise JobsFailed(
            f"Jobs of the sweep failed; these say why: {', '.join(str(file) for file in logs)}"
        )


def trial_line(trial: FrozenTrial) -> str:
    """What came of a trial, and what it tried."""
    state = "failed" if trial.state == TrialState.FAIL else trial.state.name.lower()
    said = f"macro F1 {trial.value:.4f}" if trial.state == TrialState.COMPLETE else state
    tried = trial.user_attrs.get("overrides") or [
        f"{key}={value:.3g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in trial.params.items()
    ]
    return f"trial {trial.number}: {said}  {' '.join(tried)}"


def progress_line(
    trials: list[FrozenTrial], settings: dict[str, Any], started: float, before: int
) -> str:
    """Trials done, pruned, failed and running, the best score, and how long it may last yet."""
    counts = Counter(trial.state for trial in trials)
    scores = [
        trial.value
        for trial in trials
        if trial.state == TrialState.COMPLETE and trial.value is not None
    ]
    finished = sum(trial.state.is_finished() for trial in trials)
    elapsed = time.monotonic() - started
    total = settings["trials"] or (len(trials) if settings["minutes"] is None else None)
    parts = [f"{counts[TrialState.COMPLETE]}{f' of {total}' if total else ''} trials done"]
    for state in (TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING):
        if counts[state]:
            parts.append(
                f"{counts[state]} {'failed' if state == TrialState.FAIL else state.name.lower()}"
            )
    if scores:
        parts.append(f"best macro F1 {max(scores):.4f}")
    left = []
    if total and before < finished < total:
        left.append((total - finished) * elapsed / (finished - before))
    if settings["minutes"] is not None:
        left.append(max(0, 60 * settings["minutes"] - elapsed))
    if left:
        parts.append(f"about {min(left) / 60:.0f} min left")
    return ", ".join(parts)
