"""Tells a run which trial it reports to, by an environment variable."""

import json
import os
from pathlib import Path

import optuna
from optuna.trial import Trial

from textlstm.sweeps.storage import open_storage

TRIAL = "TEXTLSTM_TRIAL"  # environment variable: storage, folder and study of a trial, and its id


def attachment(storage: str | None, folder: Path, study: str | None, trial: int) -> str:
    """Makes the value of that variable for a run that reports to `trial`."""
    return json.dumps({"storage": storage, "folder": str(folder), "study": study, "trial": trial})


def attached_trial() -> Trial | None:
    """Opens the trial that this process reports to, if there is one."""
    if TRIAL not in os.environ:
        return None
    found = json.loads(os.environ[TRIAL])
    storage = open_storage(found["storage"], Path(found["folder"]))
    study = optuna.load_study(study_name=found["study"], storage=storage, pruner=pruner())
    return Trial(study, found["trial"])


def pruner() -> optuna.pruners.BasePruner:
    """Makes the pruner: a trial ends early if its score is below the median of the others."""
    return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2)
